//! Tasks' rows by example, and that every row agrees with its aggregate.

use domain::aggregate::Aggregate;
use domain::envelope::Command;
use domain::names::{BatchId, DisplayName, TaskId, UserName, WorkspaceId};
use domain::task::{self, Phase, Plan, Priority, ReviewMode, TaskStatus};
use domain::time::Millis;
use proptest::prelude::*;

use super::*;
use crate::fold::fold;
use crate::histories::History;

fn id(number: u64) -> TaskId {
    TaskId::new(number).unwrap()
}

fn workspace() -> WorkspaceId {
    WorkspaceId::new(7).unwrap()
}

fn batch() -> BatchId {
    BatchId::new(3).unwrap()
}

fn create() -> task::Command {
    task::Command::Create(Box::new(task::Payload {
        workspace: workspace(),
        batch: Some(batch()),
        external_id: None,
        display_name: DisplayName::new("invoice").unwrap(),
        description: None,
        priority: Priority::High,
        context: Map::new(),
        metadata: Map::new(),
        custom_form_values: Map::new(),
        assignment: Assignment { users: vec![UserName::new("ann").unwrap()], ..Assignment::default() },
        plan: Plan { recognition: true, review: ReviewMode::ByUsers, export: true, ..Plan::default() },
    }))
}

fn send(history: &mut History, number: u64, command: task::Command) -> usize {
    history.send(Command::Task(id(number), command))
}

fn row(history: &History, number: u64) -> TaskRow {
    fold::<Tasks>(&history.events).remove(&Tasks::row_key(id(number))).unwrap()
}

/// A worker does the present stage.
fn complete(history: &mut History, number: u64) {
    let stage = row(history, number).stage;
    let worker = WorkerId::new("w1").unwrap();
    let claim = domain::work::Command::Claim { worker, lease_ms: Millis(60_000) };
    assert_eq!(send(history, number, task::Command::Work { stage, command: claim }), 1);
    let token = Token(history.events.last().unwrap().version);
    let digest = Digest([7; 32]);
    let done = domain::work::Command::Complete { token, outputs: Vec::new(), digest };
    assert!(send(history, number, task::Command::Work { stage, command: done }) > 1);
}

#[test]
fn a_row_tells_the_whole_way_of_a_task() {
    let mut history = History::default();
    send(&mut history, 1, create());
    let queued = row(&history, 1);
    assert_eq!((queued.status, queued.screen), (TaskStatus::QueuedForPreProcessing, Screen::Inbox));
    assert_eq!(queued.user_statuses().map(|(_, status)| status).collect::<Vec<_>>(), [UserStatus::Open]);
    complete(&mut history, 1);
    complete(&mut history, 1);
    let path = domain::names::EditPath::new("total").unwrap();
    send(&mut history, 1, task::Command::Edit { path, value: serde_json::json!(3) });
    let reviewing = row(&history, 1);
    assert_eq!((reviewing.status, reviewing.edits.len()), (TaskStatus::ToReview, 1));
    history.pass(Millis(1_000));
    send(&mut history, 1, task::Command::Approve { user: UserName::new("ann").unwrap() });
    assert_eq!(row(&history, 1).integration, IntegrationStatus::Queued);
    complete(&mut history, 1);
    let done = row(&history, 1);
    assert_eq!((done.status, done.screen), (TaskStatus::Processed, Screen::History));
    assert_eq!((done.attempt_count, done.outputs.len(), done.finished_at), (3, 3, Some(done.updated_at)));
    history.pass(Millis(1_000));
    send(&mut history, 1, task::Command::Restart { campaign: None });
    let again = row(&history, 1);
    assert_eq!((again.restart_count, again.edits.len(), again.screen), (1, 0, Screen::Inbox));
    assert!(again.pre_processing_started_at > again.created_at && again.finished_at.is_none());
}

#[test]
fn a_warning_stays_until_a_restart() {
    let mut history = History::default();
    send(&mut history, 1, create());
    let stuck = row(&history, 1);
    history.pass(Millis(5_000));
    let seen = task::Seen {
        status: stuck.status,
        version: stuck.status_version,
        since: stuck.status_since,
        threshold_ms: Millis(5_000),
    };
    let to = TaskStatus::PreProcessingFailed;
    assert_eq!(send(&mut history, 1, task::Command::Revert { seen, to }), 1);
    let reverted = row(&history, 1);
    let warning = reverted.warning.unwrap();
    assert_eq!((warning.from, warning.to, warning.since), (stuck.status, Some(to), stuck.status_since));
    send(&mut history, 1, task::Command::RunNow);
    assert!(row(&history, 1).warning.is_some());
    send(&mut history, 1, task::Command::Restart { campaign: None });
    assert_eq!(row(&history, 1).warning, None);
}

#[test]
fn counts_of_batches_and_statuses_are_counts_of_rows() {
    let mut history = History::default();
    for number in 1..=3 {
        send(&mut history, number, create());
    }
    send(&mut history, 2, task::Command::Delete);
    send(&mut history, 2, task::Command::ConfirmDeleted);
    let rows = fold::<Tasks>(&history.events);
    let mut counts = BTreeMap::<String, u64>::new();
    for row in rows.values() {
        *counts.entry(Tasks::group(row).unwrap()).or_default() += 1;
        assert_eq!(Tasks::values(row).len(), Tasks::COLUMNS.len());
    }
    let counts: Vec<_> = counts.into_iter().collect();
    assert!(counts.iter().all(|(group, _)| group.starts_with(&Tasks::batch_prefix(workspace(), batch()))));
    assert_eq!(Tasks::batch_counts(&counts), BatchCounts { total: 3, in_history: 1 });
    let by_status = Tasks::status_counts(&counts);
    assert_eq!(by_status[&(Screen::Inbox, TaskStatus::QueuedForPreProcessing)], 2);
    assert_eq!(by_status[&(Screen::History, TaskStatus::Deleted)], 1);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn a_tasks_row_agrees_with_its_aggregate(choices in prop::collection::vec(any::<u32>(), 0..300)) {
        let history = History::of(&choices);
        let rows = fold::<Tasks>(&history.events);
        for (subject, (state, version)) in &history.aggregates {
            let (Subject::Task(id), Aggregate::Task(task)) = (subject, state) else { continue };
            let row = rows.get(&Tasks::row_key(*id));
            let Some(task) = task.present() else {
                prop_assert!(row.is_none());
                continue;
            };
            let row = row.expect("a created task has a row");
            prop_assert_eq!((row.status, row.screen), (task.status(), task.screen()));
            prop_assert_eq!((Some(row.version), row.status_version), (*version, task.status_version));
            prop_assert_eq!((row.stage, row.held, row.restart_count), (task.stage, task.held, task.restart_count));
            prop_assert_eq!(row.integration, task.integration);
            prop_assert_eq!(&row.external_integration, &task.external_integration);
            prop_assert_eq!((&row.assignment, row.campaign), (&task.assignment, task.campaign));
            prop_assert_eq!((row.attempt_count, &row.outputs), (task.attempt_count, &task.outputs));
            prop_assert!(row.edits.iter().eq(task.edits.iter().map(|(path, value)| (path.to_string(), value.clone())).collect::<BTreeMap<_, _>>().iter()));
            let lease = task.work().and_then(domain::work::Work::lease);
            let work = row.work.as_ref();
            prop_assert_eq!(work.and_then(|work| work.token), lease.map(|lease| lease.token));
            prop_assert_eq!(work.and_then(|work| work.lease_until), lease.map(|lease| lease.until));
            prop_assert_eq!(work.and_then(|work| work.worker.as_ref()), lease.map(|lease| &lease.worker));
            let is_open = task.work().is_some_and(domain::work::Work::is_open);
            prop_assert_eq!(work.is_some_and(|work| work.status.is_open()), is_open);
            if let Phase::Review(review) = &task.phase {
                prop_assert!(review.approved.iter().eq(row.approvals.iter().map(|approval| &approval.user)));
            }
        }
    }
}
