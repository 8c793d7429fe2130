//! Changed limits on a fork: how many are leased at once, how long an attempt takes, how much a module produces.

use super::tasks::{created, done, on_stage};
use super::*;
use crate::names::{DisplayName, ModuleName, TaskId, WorkspaceId};
use crate::storage_unit::{self, Content, Limits, ModuleTable, Settings};
use crate::task::TaskStatus;
use crate::work::Output;
use crate::workspace;

#[test]
fn a_limit_on_leases_keeps_claims_from_being_carried_out() {
    let mut log = Log::default();
    let settings = Settings {
        content: Content::Managed,
        modules: ModuleTable::default(),
        queue_enabled: true,
        limits: Limits::default(),
    };
    log.send(10, &Command::StorageUnit(unit(), storage_unit::Command::Create(settings)));
    for key in ["a", "b"] {
        log.send(10, &on(key, ask()));
        log.send(10, &on(key, claim(60_000)));
    }
    log.send(10, &on("a", complete(1)));
    log.send(10, &on("c", ask()));
    log.send(10, &on("c", claim(60_000)));
    let limits = LimitsChange { in_flight_max: Some(1), ..LimitsChange::default() };
    let fork = log.fork(Changes { limits, ..Changes::default() });
    assert!(matches!(work_of(&log, &fork, "b").phase, Phase::Queued { .. }));
    let names: Vec<_> = fork.apart().iter().map(|(stream, _)| stream.to_string()).collect();
    assert_eq!(names, ["key_scope-docs/raw/b", "storage_unit-docs"], "c found room, since a was done");
    assert_eq!(fork.counts().over_limit, 1);
}

#[test]
fn a_limit_on_leases_counts_the_tasks_of_a_workspace() {
    let mut log = Log::default();
    let settings = workspace::Settings {
        display_name: DisplayName::new("invoices").unwrap(),
        description: None,
        is_default: false,
        plan: task::Plan::default(),
        assignment: task::Assignment::default(),
        webhook: None,
        modules: std::collections::BTreeMap::new(),
        limits: Limits::default(),
    };
    let workspace = WorkspaceId::new(7).unwrap();
    log.send(10, &Command::Workspace(workspace, workspace::Command::Create(settings)));
    let other = TaskId::new(2).unwrap();
    for command in [created(), on_stage(claim(60_000))] {
        log.send(10, &command);
        let Command::Task(_, command) = command else { panic!("a task was asked") };
        log.send(10, &Command::Task(other, command));
    }
    // A unit has a queue of its own.
    log.send(10, &on("a", ask()));
    log.send(10, &on("a", claim(60_000)));
    let limits = LimitsChange { in_flight_max: Some(1), ..LimitsChange::default() };
    let fork = log.fork(Changes { limits, ..Changes::default() });
    let names: Vec<_> = fork.apart().iter().map(|(stream, _)| stream.to_string()).collect();
    assert_eq!(names, ["task-2", "workspace-7"]);
    assert_eq!(fork.counts().over_limit, 1);
}

#[test]
fn an_attempt_that_took_longer_than_it_may_has_failed() {
    let mut log = Log::default();
    log.send(10, &created());
    log.send(10, &on_stage(claim(60_000)));
    let token = log.token();
    // It counts from the moment in which its worker began.
    log.send(40_000, &on_stage(work::Command::Start { token }));
    log.send(5_000, &done(token));
    let within = |attempt_ms_max, attempts_max| {
        let retry = RetryChange { attempts_max: Some(attempts_max), ..RetryChange::default() };
        let limits = LimitsChange { attempt_ms_max: Some(Millis(attempt_ms_max)), ..LimitsChange::default() };
        Changes { limits, retry, ..Changes::default() }
    };
    assert_eq!(log.fork(within(5_000, 1)).apart().len(), 0, "it was done in just that time");
    let task = log.task_on(&log.fork(within(4_999, 1)));
    assert_eq!(
        (task.status(), task.failure_code.as_deref()),
        (TaskStatus::PreProcessingFailed, Some("time_limit"))
    );
    log.send(60_000, &on("a", ask()));
    let again = log.task_on(&log.fork(within(4_999, 2)));
    assert_eq!(again.status(), TaskStatus::QueuedForPreProcessing, "with an attempt left it waits for that");
}

#[test]
fn a_module_that_produced_more_than_it_may_has_failed_for_good() {
    let mut log = Log::default();
    log.send(10, &on("a", ask()));
    log.send(10, &on("a", claim(60_000)));
    let output = |name: &str, size_bytes| Output {
        module: ModuleName::new(name).unwrap(),
        digest: Digest([1; 32]),
        size_bytes,
        scope: None,
    };
    let outputs = vec![output("one", 7), output("two", 1_000), output("three", 8)];
    let token = Token(Version(1));
    log.send(10, &on("a", work::Command::Complete { token, outputs, digest: Digest([1; 32]) }));
    let limits = |max| LimitsChange { output_bytes_max: Some(max), ..LimitsChange::default() };
    let fork = log.fork(Changes { limits: limits(999), ..Changes::default() });
    assert!(matches!(work_of(&log, &fork, "a").phase, Phase::Failed { retry_at: None, .. }));
    assert_eq!(log.fork(Changes { limits: limits(1_000), ..Changes::default() }).apart().len(), 0);
}
