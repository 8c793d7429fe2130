//! Tasks on a fork: their tokens, and when they are stuck.

use super::*;
use crate::names::{DisplayName, TaskId, UserName, WorkspaceId};
use crate::task::{Assignment, Payload, Plan, Policy, Seen, Stage, Target, TaskStatus};

const HOUR_MS: u64 = 3_600_000;

pub(super) fn task() -> TaskId {
    TaskId::new(1).unwrap()
}

pub(super) fn on_task(command: task::Command) -> Command {
    Command::Task(task(), command)
}

pub(super) fn on_stage(command: work::Command) -> Command {
    on_task(task::Command::Work { stage: Stage::PreProcessing, command })
}

pub(super) fn created() -> Command {
    on_task(task::Command::Create(Box::new(Payload {
        workspace: WorkspaceId::new(7).unwrap(),
        batch: None,
        external_id: None,
        display_name: DisplayName::new("invoice 1").unwrap(),
        description: None,
        priority: task::Priority::High,
        context: serde_json::Map::new(),
        metadata: serde_json::Map::new(),
        custom_form_values: serde_json::Map::new(),
        assignment: Assignment::default(),
        plan: Plan::default(),
    })))
}

/// The task after some events.
fn after<'a>(events: impl IntoIterator<Item = &'a Arc<RecordedEvent>>) -> task::Present {
    let thing = Thing { aggregate: Aggregate::initial(&Subject::Task(task())), next: Version(0) };
    let thing = thing.evolve(events.into_iter().map(|event| &event.event)).ok().unwrap();
    thing.aggregate.task().unwrap().clone()
}

impl Log {
    /// The task as it is in the log.
    pub(super) fn task(&self) -> task::Present {
        let stream = Subject::Task(task()).stream();
        after(self.events.iter().filter(|event| event.stream == stream))
    }

    /// The token of the lease that the task has now.
    pub(super) fn token(&self) -> Token {
        let task::Phase::Automated(work) = self.task().phase else { panic!("nobody works on it") };
        work.lease().expect("a worker has it").token
    }

    /// The task as it is on a fork, where it went its own way.
    pub(super) fn task_on(&self, fork: &Fork) -> task::Present {
        let stream = Subject::Task(task()).stream();
        let apart = fork.apart().into_iter().find(|(its, _)| **its == stream).map(|(_, apart)| apart);
        let apart = apart.expect("the task goes its own way");
        let before =
            self.events.iter().filter(|event| event.stream == stream && event.version < apart.since());
        after(before.chain(apart.events()))
    }
}

pub(super) fn done(token: Token) -> Command {
    on_stage(work::Command::Complete { token, outputs: Vec::new(), digest: Digest([1; 32]) })
}

fn stuck_after(hours: u64) -> Changes {
    let stuck = vec![Policy {
        status: TaskStatus::PreProcessingInProgress,
        threshold_ms: Millis(hours * HOUR_MS),
        target: Target::Status(TaskStatus::PreProcessingFailed),
    }];
    Changes { stuck, ..Changes::default() }
}

/// A task in the hands of a worker that takes its time.
fn in_hand() -> Log {
    let mut log = Log::default();
    log.send(10, &created());
    log.send(10, &on_stage(claim(24 * HOUR_MS)));
    let token = log.token();
    log.send(10, &on_stage(work::Command::Start { token }));
    log
}

/// What the watchdog asked, having seen the task as it is now, under a threshold of so many hours.
fn reverted(log: &Log, since: Timestamp, hours: u64) -> Command {
    let task = log.task();
    let threshold_ms = Millis(hours * HOUR_MS);
    let seen = Seen { status: task.status(), version: task.status_version, since, threshold_ms };
    on_task(task::Command::Revert { seen, to: TaskStatus::PreProcessingFailed })
}

#[test]
fn a_token_of_a_task_is_that_of_the_lease_that_the_same_claim_got_on_the_fork() {
    let mut log = Log::default();
    log.send(10, &created());
    let held = log.send(10, &on_task(task::Command::Hold));
    let released = log.send(10, &on_task(task::Command::Release));
    log.send(10, &on_stage(claim(60_000)));
    let token = log.token();
    log.send(10, &on_stage(work::Command::Start { token }));
    log.send(10, &done(token));
    log.send(10, &on_task(task::Command::Approve { user: UserName::new("ann").unwrap() }));
    let skip = vec![CommandRef::Id(held), CommandRef::Id(released)];
    let fork = log.fork(Changes { skip, ..Changes::default() });
    let (recorded, on_fork) = (log.task(), log.task_on(&fork));
    assert_eq!((on_fork.status(), on_fork.attempt_count), (recorded.status(), recorded.attempt_count));
    let settled = on_fork.settled.unwrap().token;
    assert_eq!(settled, Token(Version(token.0.0 - 2)), "the same lease, two events earlier");
    let counts = fork.counts();
    assert_eq!((counts.skipped, counts.without_lease, counts.without_effect), (2, 0, 0), "{counts:?}");
}

#[test]
fn a_result_of_a_task_whose_lease_was_not_given_on_the_fork_is_left_out() {
    let mut log = Log::default();
    log.send(10, &created());
    let claimed = log.send(10, &on_stage(claim(60_000)));
    let token = log.token();
    log.send(10, &done(token));
    let fork = log.fork(Changes { skip: vec![CommandRef::Id(claimed)], ..Changes::default() });
    let task = log.task_on(&fork);
    assert_eq!((task.status(), task.attempt_count), (TaskStatus::QueuedForPreProcessing, 0));
    assert_eq!(fork.counts().without_lease, 1);
}

#[test]
fn with_a_lower_threshold_a_task_is_stuck_before_its_worker_is_done() {
    let mut log = in_hand();
    let token = log.token();
    log.send(2 * HOUR_MS, &done(token));
    assert_eq!(log.task().status(), TaskStatus::ToReview);
    let fork = log.fork(stuck_after(1));
    let task = log.task_on(&fork);
    assert_eq!(task.status(), TaskStatus::PreProcessingFailed, "and the late worker changes nothing");
    assert_eq!(fork.counts().timers, 1);
    assert_eq!(log.fork(stuck_after(3)).apart().len(), 0, "it was done in time for that");
}

#[test]
fn with_a_higher_threshold_a_task_that_was_put_back_is_finished_by_its_worker() {
    let mut log = in_hand();
    let (since, token) = (log.now, log.token());
    let seen = reverted(&log, since, 6);
    log.send(7 * HOUR_MS, &seen);
    assert_eq!(log.task().status(), TaskStatus::PreProcessingFailed);
    log.send(HOUR_MS, &done(token));
    let fork = log.fork(stuck_after(12));
    assert_eq!(log.task_on(&fork).status(), TaskStatus::ToReview);
    let fork = log.fork(stuck_after(7));
    assert_eq!(fork.apart().len(), 1, "it is put back by the new policy");
    assert_eq!(log.task_on(&fork).status(), TaskStatus::PreProcessingFailed);
}

#[test]
fn a_task_that_is_stuck_at_the_end_of_the_log_is_put_back_on_the_fork() {
    let mut log = in_hand();
    log.send(2 * HOUR_MS, &on("a", ask()));
    let fork = log.fork(stuck_after(1));
    assert_eq!(log.task_on(&fork).status(), TaskStatus::PreProcessingFailed);
    assert_eq!(log.task().status(), TaskStatus::PreProcessingInProgress);
}

#[test]
fn a_held_task_is_not_stuck_under_any_threshold() {
    let mut log = in_hand();
    log.send(10, &on_task(task::Command::Hold));
    log.send(2 * HOUR_MS, &on("a", ask()));
    assert_eq!(log.fork(stuck_after(1)).apart().len(), 0);
}

#[test]
fn fewer_attempts_end_a_stage_of_a_task_with_its_first_failure() {
    let mut log = Log::default();
    log.send(10, &created());
    log.send(10, &on_stage(claim(60_000)));
    let first = log.token();
    log.send(10, &on_stage(fail(first.0.0, 3)));
    log.send(200, &on_stage(work::Command::Retry));
    log.send(10, &on_stage(claim(60_000)));
    let second = log.token();
    log.send(10, &done(second));
    assert_eq!(log.task().status(), TaskStatus::ToReview);
    let retry = RetryChange { attempts_max: Some(1), ..RetryChange::default() };
    let fork = log.fork(Changes { retry, ..Changes::default() });
    assert_eq!(log.task_on(&fork).status(), TaskStatus::PreProcessingFailed);
    assert_eq!(fork.counts().without_lease, 1, "{:?}", fork.counts());
}
