//! Random choices made into commands to tasks, workspaces and batches: workers mostly show the token that they have, so that
//! tasks come through their stages. Does not know what follows.

use domain::aggregate::Aggregate;
use domain::batch;
use domain::digest::Digest;
use domain::envelope::Command;
use domain::external_id;
use domain::ids::{self, IdKind};
use domain::names::{
    BatchId, CampaignId, DisplayName, EditPath, ExternalId, OrganizationId, TaskId, UserName, WorkerId,
    WorkspaceId,
};
use domain::retry::RetryPolicy;
use domain::storage_unit::Limits;
use domain::stream::{Subject, Version};
use domain::task::{
    self, Assignment, Payload, Plan, Resolution, ReviewMode, ReviewOrder, Seen, Stage, TaskStatus,
};
use domain::time::{Millis, Timestamp};
use domain::work::{self, Token};
use domain::workspace;
use runtime::Engine;
use serde_json::json;
use tests::place::send;
use uuid::Uuid;

use super::Choice;

/// Creates the workspace that the tasks are in.
pub(super) async fn prepare(engine: &Engine) {
    let settings = serde_json::from_value(json!({ "display_name": "invoices", "is_default": true }));
    let create = workspace::Command::Create(settings.expect("settings"));
    send(engine, Command::Workspace(workspace_id(), create)).await.expect("a workspace can be created");
}

pub(super) async fn command(engine: &Engine, now: Timestamp, choice: &mut Choice) -> Command {
    let id = TaskId::new(1 + u64::from(choice.below(3))).unwrap();
    match choice.below(16) {
        0..=9 => match present(engine, id).await {
            Some(task) => Command::Task(id, on_stage(&task, choice)),
            None => Command::Task(id, task::Command::Create(Box::new(payload(choice)))),
        },
        10..=12 => {
            let seen = present(engine, id).await.map(|task| seen(&task, now));
            Command::Task(id, by_people(seen, choice))
        }
        13 => Command::Workspace(workspace_id(), on_workspace(choice)),
        14 => {
            let display_name = DisplayName::new("January").unwrap();
            let described = batch::Described { workspace: workspace_id(), display_name, description: None };
            Command::Batch(BatchId::new(1).unwrap(), batch::Command::Create(described))
        }
        _ if choice.below(2) == 0 => {
            let name = ExternalId::new(["IN-1", "IN-2"][choice.below(2) as usize]).unwrap();
            let claim = external_id::Command::Claim { task: id };
            Command::ExternalId(OrganizationId::default_organization(), name, claim)
        }
        _ => Command::Ids(IdKind::Task, ids::Command::AllocateBlock { size: choice.below(3) }),
    }
}

/// The commands of a task that is pre-processed, approved, and over.
pub(super) fn one_life() -> [Command; 4] {
    let id = TaskId::new(1).unwrap();
    let stage = Stage::PreProcessing;
    let on_work = |command| task::Command::Work { stage, command };
    // The third event of a task is the lease of its first stage.
    let token = Token(Version(2));
    let payload = Payload { plan: Plan::default(), ..payload(&mut Choice(0)) };
    [
        task::Command::Create(Box::new(payload)),
        on_work(work::Command::Claim { worker: WorkerId::new("w").unwrap(), lease_ms: Millis(60_000) }),
        on_work(work::Command::Complete { token, outputs: Vec::new(), digest: Digest([1; 32]) }),
        task::Command::Approve { user: UserName::new("ann").unwrap() },
    ]
    .map(|command| Command::Task(id, command))
}

async fn present(engine: &Engine, id: TaskId) -> Option<task::Present> {
    let inspected = engine.inspect(Subject::Task(id)).await;
    let Ok(Aggregate::Task(task)) = inspected else { return None };
    task.present().cloned()
}

fn workspace_id() -> WorkspaceId {
    WorkspaceId::new(7).unwrap()
}

fn payload(choice: &mut Choice) -> Payload {
    Payload {
        workspace: workspace_id(),
        batch: None,
        external_id: None,
        display_name: DisplayName::new("an invoice").unwrap(),
        description: None,
        priority: task::Priority::High,
        context: json!({ "url": "https://example.org/1.pdf" }).as_object().unwrap().clone(),
        metadata: serde_json::Map::new(),
        custom_form_values: serde_json::Map::new(),
        assignment: Assignment::default(),
        plan: plan(choice),
    }
}

fn plan(choice: &mut Choice) -> Plan {
    Plan {
        recognition: choice.below(2) == 0,
        review: if choice.below(3) == 0 { ReviewMode::Automatic } else { ReviewMode::ByUsers },
        export: choice.below(2) == 0,
        ..Plan::default()
    }
}

fn on_stage(task: &task::Present, choice: &mut Choice) -> task::Command {
    let lent = match &task.phase {
        task::Phase::Automated(work) => work.lease().map(|lease| lease.token),
        task::Phase::Review(_)
        | task::Phase::Parked(_)
        | task::Phase::Archived(_)
        | task::Phase::Deleting
        | task::Phase::Deleted => None,
    };
    let token = match choice.below(8) {
        0 => Token(Version(u64::from(choice.below(20)))),
        _ => lent.unwrap_or(Token(Version(1))),
    };
    let stage = if choice.below(8) == 0 { Stage::ALL[choice.below(3) as usize] } else { task.stage };
    let lease_ms = Millis(1_000 + u64::from(choice.below(4)) * 2_000);
    let command = match (choice.below(9), lent) {
        (0..=3, None) => work::Command::Claim { worker: WorkerId::new("w").unwrap(), lease_ms },
        (0..=2, Some(_)) => work::Command::Complete {
            token,
            outputs: Vec::new(),
            digest: Digest([choice.below(2) as u8; 32]),
        },
        (3 | 4, _) => {
            let retry = RetryPolicy {
                attempts_max: 1 + choice.below(3),
                backoff_ms: Millis(900),
                backoff_ms_max: Millis(3_000),
            };
            work::Command::Fail { token, code: "exit_1".to_owned(), text: "no".to_owned(), retry }
        }
        (5, _) => work::Command::Start { token },
        (6, _) => work::Command::ExtendLease { token, lease_ms },
        (7, _) => work::Command::ExpireLease,
        _ => work::Command::Retry,
    };
    task::Command::Work { stage, command }
}

fn seen(task: &task::Present, now: Timestamp) -> Seen {
    let since = Timestamp::from_micros(now.as_micros() - 1_000_000);
    Seen { status: task.status(), version: task.status_version, since, threshold_ms: Millis(500) }
}

fn by_people(seen: Option<Seen>, choice: &mut Choice) -> task::Command {
    let user = |name: &str| UserName::new(name).unwrap();
    match (choice.below(13), seen) {
        (0 | 1, _) => task::Command::Approve { user: user(["ann", "bob"][choice.below(2) as usize]) },
        (2, _) => task::Command::Restart { campaign: None },
        (3, _) => task::Command::Restart { campaign: Some(CampaignId(Uuid::from_u128(1))) },
        (4, _) => {
            task::Command::Edit { path: EditPath::new("total").unwrap(), value: json!(choice.below(3)) }
        }
        (5, _) => task::Command::Assign(Assignment {
            users: vec![user("ann"), user("bob")],
            order: ReviewOrder::All,
        }),
        (6, _) => task::Command::Hold,
        (7, _) => task::Command::Release,
        (8, _) => task::Command::RunNow,
        (9, _) => task::Command::ReopenReview,
        (10, _) => task::Command::Resolve { outcome: Resolution::Finished, text: "by hand".to_owned() },
        (11, Some(seen)) if choice.below(2) == 0 => task::Command::MoveToHistory { seen },
        (11, Some(seen)) => {
            let to = TaskStatus::ALL[choice.below(TaskStatus::ALL.len() as u32) as usize];
            task::Command::Revert { seen, to }
        }
        (12, _) if choice.below(3) == 0 => task::Command::Delete,
        (_, _) => task::Command::ConfirmDeleted,
    }
}

fn on_workspace(choice: &mut Choice) -> workspace::Command {
    let settings = workspace::Settings {
        display_name: DisplayName::new("invoices").unwrap(),
        description: None,
        is_default: choice.below(2) == 0,
        plan: Plan { export: false, ..plan(choice) },
        assignment: Assignment::default(),
        webhook: None,
        modules: std::collections::BTreeMap::new(),
        limits: Limits::default(),
    };
    if choice.below(2) == 0 {
        workspace::Command::Create(settings)
    } else {
        workspace::Command::Configure(settings)
    }
}
