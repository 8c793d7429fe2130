//! What happens to the tasks of a simulated history. Does not know what it is for.

use domain::digest::Digest;
use domain::envelope::Command;
use domain::names::{EditPath, TaskId, UserName, WorkerId, WorkspaceId};
use domain::retry::RetryPolicy;
use domain::stream::Version;
use domain::task::{self, Resolution};
use domain::time::Millis;
use domain::work::{self, Token, Work};
use domain::workspace;
use runtime::Engine;
use serde_json::json;
use tests::place::send;

use super::Choice;

/// How many tasks there are at most.
const TASKS: u32 = 3;

/// Creates the workspace that the tasks are in.
pub(super) async fn prepare(engine: &Engine) {
    let settings = serde_json::from_value(json!({ "display_name": "invoices", "is_default": true }));
    let create = workspace::Command::Create(settings.expect("settings"));
    let workspace = WorkspaceId::new(7).expect("not 0");
    send(engine, Command::Workspace(workspace, create)).await.expect("a workspace can be created");
}

/// The next command to one of the tasks, which mostly fits what it is doing.
pub(super) async fn command(engine: &Engine, choice: &mut Choice) -> Command {
    let id = TaskId::new(u64::from(1 + choice.below(TASKS))).expect("not 0");
    let task = engine.task(id).await.expect("the task can be looked at");
    let command = match task.present() {
        None => create(choice),
        Some(present) => {
            let lease = task.work().and_then(Work::lease).map(|lease| lease.token);
            let token = lease.unwrap_or(Token(Version(u64::from(choice.below(9)))));
            let work = |command| task::Command::Work { stage: present.stage, command };
            match choice.below(12) {
                0..=6 => work(on_work(token, choice)),
                7 => task::Command::Restart { campaign: None },
                _ => steer(choice),
            }
        }
    };
    Command::Task(id, command)
}

fn create(choice: &mut Choice) -> task::Command {
    let payload = json!({
        "workspace": 7, "display_name": "invoice", "context": { "page": choice.below(3) },
        "plan": { "recognition": choice.below(2) == 0, "review": "by_users" },
    });
    task::Command::Create(serde_json::from_value(payload).expect("a payload"))
}

fn on_work(token: Token, choice: &mut Choice) -> work::Command {
    match choice.below(9) {
        0..=2 => {
            let worker = WorkerId::new("w").expect("a worker id");
            work::Command::Claim { worker, lease_ms: Millis(1_000 + u64::from(choice.below(4)) * 2_000) }
        }
        3..=5 => work::Command::Complete {
            token,
            outputs: Vec::new(),
            digest: Digest([choice.below(2) as u8; 32]),
        },
        6 => work::Command::Start { token },
        7 => work::Command::ReleaseLease { token },
        _ => {
            let (code, text) = ("exit_1".to_owned(), "no".to_owned());
            let retry = RetryPolicy {
                attempts_max: 1 + choice.below(3),
                backoff_ms: Millis(900),
                backoff_ms_max: Millis(3_000),
            };
            work::Command::Fail { token, code, text, retry }
        }
    }
}

/// What people do with a task.
fn steer(choice: &mut Choice) -> task::Command {
    let user = UserName::new(["ann", "bob"][choice.below(2) as usize]).expect("a user name");
    match choice.below(9) {
        0 | 1 => task::Command::Approve { user },
        2 => {
            let path = EditPath::new("total").expect("a path");
            task::Command::Edit { path, value: choice.below(3).into() }
        }
        3 => task::Command::Assign(task::Assignment { users: vec![user], order: task::ReviewOrder::All }),
        4 => task::Command::ReopenReview,
        5 => task::Command::Hold,
        6 => task::Command::Release,
        7 => task::Command::RunNow,
        _ => match choice.below(4) {
            0 => task::Command::Delete,
            1 => task::Command::Resolve { outcome: Resolution::Failed, text: "by hand".to_owned() },
            _ => task::Command::Resolve { outcome: Resolution::Finished, text: "by hand".to_owned() },
        },
    }
}
