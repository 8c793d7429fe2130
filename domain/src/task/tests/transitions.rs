//! A task's whole way as one table: `transitions.txt` is read by people and compared with what the code does.

use super::*;

/// The reviewed expectation.
const REVIEWED: &str = include_str!("transitions.txt");

#[test]
fn a_tasks_way_is_the_reviewed_table() {
    let actual = table();
    let reviewed: String = REVIEWED
        .lines()
        .filter(|line| !line.starts_with('#'))
        .fold(String::new(), |text, line| text + line + "\n");
    assert!(
        actual.trim() == reviewed.trim(),
        "a task's way is not what domain/src/task/tests/transitions.txt says; if the change is meant, put this below \
         the comment there and have it reviewed:\n\n{actual}"
    );
}

/// Every state, by a short history that leads there.
fn states() -> Vec<(&'static str, Given)> {
    let exporting = || given(full()).done().done().when(&approve("ann"));
    let resolve = |outcome| Command::Resolve { outcome, text: String::new() };
    let backoff = || {
        let leased = given(full()).leased();
        let fail = fail(leased.token(), "exit_1", RetryPolicy::default());
        leased.when(&work(Stage::PreProcessing, fail))
    };
    let put_back = || {
        let stuck = given(full()).done().leased();
        let (status, version) = (stuck.status(), stuck.present().status_version);
        let seen = Seen { status, version, since: stuck.now, threshold_ms: Millis(0) };
        stuck.when(&Command::Revert { seen, to: TaskStatus::PreProcessingSuccessful })
    };
    let states = vec![
        ("absent", Given { task: Task::Absent, ..given(full()) }),
        ("queued 30", given(full())),
        ("leased 31", given(full()).leased()),
        ("backoff 30", backoff()),
        ("failed 32", given(full()).failed("exit_1")),
        ("put back 34", put_back()),
        ("queued 1040", given(full()).done()),
        ("review 1050", given(full()).done().done()),
        ("queued 1060", exporting()),
        ("leased 1061", exporting().leased()),
        ("by hand 1062", exporting().when(&resolve(Resolution::Finished))),
        ("by hand 1070", given(full()).when(&resolve(Resolution::Finished))),
        ("history 1070", exporting().done()),
        ("deleting 19", given(full()).when(&Command::Delete)),
        ("deleted 20", given(full()).when(&Command::Delete).when(&Command::ConfirmDeleted)),
    ];
    states.into_iter().map(|(name, given)| (name, given.after(600))).collect()
}

/// Makes a command for the state that it meets.
type Make = fn(&Given) -> Command;

/// Every command, made for the state that it meets.
fn commands() -> Vec<(&'static str, Make)> {
    fn stage(given: &Given) -> Stage {
        given.task.present().map_or(Stage::PreProcessing, |task| task.stage)
    }
    fn seen(given: &Given) -> Seen {
        let task = given.task.present();
        Seen {
            status: task.map_or(TaskStatus::Processed, Present::status),
            version: task.map_or(Version(0), |task| task.status_version),
            since: Timestamp::default(),
            threshold_ms: Millis(1),
        }
    }
    vec![
        ("claim", |given| work(stage(given), claim())),
        ("complete", |given| work(stage(given), complete(given.token()))),
        ("fail, attempts left", |given| {
            work(stage(given), fail(given.token(), "exit_1", RetryPolicy::default()))
        }),
        ("fail, no attempt left", |given| {
            work(stage(given), fail(given.token(), "exit_1", RetryPolicy::never()))
        }),
        ("expire_lease", |given| work(stage(given), work::Command::ExpireLease)),
        ("retry", |given| work(stage(given), work::Command::Retry)),
        ("restart", |_| RESTART),
        ("edit", |_| edit("total", json!(1))),
        ("assign", |_| Command::Assign(Assignment { users: vec![user("bob")], ..Assignment::default() })),
        ("approve", |_| approve("ann")),
        ("reopen_review", |_| Command::ReopenReview),
        ("hold", |_| Command::Hold),
        ("release", |_| Command::Release),
        ("run_now", |_| Command::RunNow),
        ("resolve as finished", |_| Command::Resolve { outcome: Resolution::Finished, text: String::new() }),
        ("resolve as failed", |_| Command::Resolve { outcome: Resolution::Failed, text: String::new() }),
        ("set_external_integration_status", |_| Command::SetExternalIntegrationStatus {
            status: ExternalIntegrationStatus::new("booked").expect("a valid status"),
        }),
        ("revert to 1050", |given| Command::Revert { seen: seen(given), to: TaskStatus::ToReview }),
        ("move_to_history", |given| Command::MoveToHistory { seen: seen(given) }),
        ("delete", |_| Command::Delete),
        ("confirm_deleted", |_| Command::ConfirmDeleted),
    ]
}

fn table() -> String {
    let rows = commands().into_iter().map(|(title, command)| {
        let mut lines: Vec<(Vec<&str>, String)> = Vec::new();
        for (state, given) in states() {
            let outcome = outcome(given.clone(), &command(&given));
            match lines.iter_mut().find(|(_, known)| *known == outcome) {
                Some((states, _)) => states.push(state),
                None => lines.push((vec![state], outcome)),
            }
        }
        lines.into_iter().fold(format!("{title}\n"), |text, (sharing, outcome)| {
            text + &format!("    {}: {outcome}\n", sharing.join(", "))
        })
    });
    rows.collect::<Vec<_>>().join("\n")
}

fn outcome(given: Given, command: &Command) -> String {
    match given.decide(command) {
        Err(Refusal::Work(refusal)) => format!("refused, {}", variant(&format!("{refusal:?}"))),
        Err(refusal) => format!("refused, {}", variant(&format!("{refusal:?}"))),
        Ok(events) if events.is_empty() => "nothing".to_owned(),
        Ok(events) => {
            let names: Vec<_> = events.iter().map(Event::name).collect();
            let before = label(&given);
            let after = label(&given.fold(&events));
            let arrow = if before == after { String::new() } else { format!(" → {after}") };
            format!("{}{arrow}", names.join(" + "))
        }
    }
}

fn label(given: &Given) -> String {
    let task = given.present();
    let history = if task.screen() == Screen::History { " in history" } else { "" };
    format!("{}{history}", task.status().number())
}

/// The name of a refusal, without its fields.
fn variant(refusal: &str) -> String {
    refusal.chars().take_while(char::is_ascii_alphanumeric).collect()
}
