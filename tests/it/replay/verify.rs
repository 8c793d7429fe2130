//! Verify: no history that happened diverges, and a changed rule is found where it first shows.

use std::sync::Arc;

use domain::aggregate::{Aggregate, Refusal};
use domain::envelope::Command;
use domain::event::{Event, RecordedEvent};
use domain::key_scope;
use domain::ports::EventStore;
use domain::replay::{Appends, Changes, Decide, RecordedAppend, Verification};
use domain::stream::Version;
use domain::task;
use domain::time::{Millis, Timestamp};
use domain::work;
use event_codec::JsonForms;
use projections::replay::DivergenceRow;
use proptest::prelude::*;
use runtime::replay::{Finding, Line, Mode, Replay, ReplayFilter, ReplayReport, ReplayRequest};
use serde_json::json;
use tests::place::{log, stream};

use crate::histories::{known, known_task, simulated};

fn request(filter: ReplayFilter) -> ReplayRequest {
    ReplayRequest {
        mode: Mode::Verify,
        filter,
        changes: Changes::default(),
        reissue: None,
        findings_max: 100,
    }
}

async fn verified(
    store: Arc<dyn EventStore>,
    rules: Decide,
    filter: ReplayFilter,
) -> (Vec<DivergenceRow>, ReplayReport) {
    let forms = Arc::new(JsonForms);
    let replay = Replay::begin_by(rules, store, forms, &request(filter)).await;
    let mut replay = replay.expect("the log can be read");
    let (mut found, mut report) = (Vec::new(), None);
    while let Some(lines) = replay.next().await.expect("the log can be read") {
        for line in lines {
            match line {
                Line::Progress(_) => {}
                Line::Finding(Finding::Divergence(row)) => found.push(*row),
                Line::Finding(other) => panic!("a verification finds no such thing: {other:?}"),
                Line::Report(last) => report = Some(last),
            }
        }
    }
    (found, report.expect("a replay ends with its report"))
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

    #[test]
    fn no_history_that_happened_diverges(choices in proptest::collection::vec(any::<u32>(), 1..120)) {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
        let (found, report, commands) = runtime.block_on(async {
            let store = simulated(&choices).await;
            let mut appends = Appends::default();
            let log = log(&*store).await;
            let count = log.into_iter().filter_map(|event| appends.push(event)).count() + 1;
            let (found, report) = verified(store, Aggregate::decide, ReplayFilter::default()).await;
            (found, report, count)
        });
        prop_assert_eq!(&found, &[]);
        prop_assert_eq!((report.findings, report.commands), (0, commands as u64));
    }
}

/// The house's rules, but a failure is never repeated.
fn without_retries(state: &Aggregate, command: &Command, now: Timestamp) -> Result<Vec<Event>, Refusal> {
    let mut events = state.decide(command, now)?;
    for event in &mut events {
        if let Event::KeyScope(key_scope::Event::Work(work::Event::Failed(failed)))
        | Event::Task(task::Event::Work(_, work::Event::Failed(failed))) = event
        {
            failed.retry_at = None;
        }
    }
    Ok(events)
}

/// The house's rules, but a task goes nowhere in the very moment in which a user approves it.
fn approved_and_left(state: &Aggregate, command: &Command, now: Timestamp) -> Result<Vec<Event>, Refusal> {
    let mut events = state.decide(command, now)?;
    if events.first().is_some_and(is_approved) {
        events.truncate(1);
    }
    Ok(events)
}

fn is_approved(event: &Event) -> bool {
    matches!(event, Event::Task(task::Event::Approved(_)))
}

/// Where a changed rule has to be found in a log: by the append, the version of its first event that differs.
fn expected(
    log: &[Arc<RecordedEvent>],
    differs: impl Fn(&RecordedAppend) -> Option<u64>,
) -> Vec<(String, u64)> {
    let mut cut = Appends::default();
    let mut appends: Vec<_> = log.iter().filter_map(|event| cut.push(event.clone())).collect();
    appends.extend(cut.finish());
    let found = |append: &RecordedAppend| Some((append.stream().to_string(), differs(append)?));
    appends.iter().filter_map(found).collect()
}

fn places(found: &[DivergenceRow]) -> Vec<(String, u64)> {
    found.iter().map(|row| (row.stream.clone(), row.version.0)).collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

    #[test]
    fn a_changed_rule_is_found_wherever_it_shows_and_nowhere_else(
        choices in proptest::collection::vec(any::<u32>(), 40..120),
    ) {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
        let (log, retries, approvals) = runtime.block_on(async {
            let store = simulated(&choices).await;
            let all = || ReplayFilter::default();
            let (retries, _) = verified(store.clone(), without_retries, all()).await;
            let (approvals, _) = verified(store.clone(), approved_and_left, all()).await;
            (log(&*store).await, retries, approvals)
        });
        let repeated = |append: &RecordedAppend| {
            let repeats = |event: &&Arc<RecordedEvent>| {
                matches!(event.event.work(), Some(work::Event::Failed(failed)) if failed.retry_at.is_some())
            };
            append.events().find(repeats).map(|event| event.version.0)
        };
        prop_assert_eq!(places(&retries), expected(&log, repeated));
        let went_on = |append: &RecordedAppend| {
            let first = append.first();
            (is_approved(&first.event) && append.count() > 1).then_some(first.version.0 + 1)
        };
        prop_assert_eq!(places(&approvals), expected(&log, went_on));
    }
}

#[tokio::test]
async fn a_changed_rule_of_tasks_is_found_at_the_first_event_that_it_changes() {
    let store = known_task().await;
    let (found, report) = verified(store, approved_and_left, ReplayFilter::default()).await;
    let first = &found[0];
    assert_eq!((found.len(), report.findings, first.stream.as_str()), (1, 1, "task-1"), "{found:?}");
    assert_eq!(
        (first.problem.as_str(), first.command.as_ref().unwrap().name().as_deref()),
        ("decided_otherwise", Some("approve"))
    );
    let recorded = first.recorded.as_ref().unwrap();
    assert_eq!((recorded.r#type.as_str(), &first.decided), ("task.review_completed", &None));
}

#[tokio::test]
async fn a_changed_rule_is_found_at_the_first_event_that_it_changes() {
    let (store, _) = known().await;
    let (found, report) = verified(store.clone(), without_retries, ReplayFilter::default()).await;
    assert_eq!((found.len(), report.findings), (2, 2), "one for each key, and nothing that follows from it");
    let first = &found[0];
    assert_eq!((first.stream.as_str(), first.version), (stream("a").as_str(), Version(2)));
    assert_eq!(
        (first.problem.as_str(), first.command.as_ref().unwrap().name().as_deref()),
        ("decided_otherwise", Some("fail"))
    );
    let recorded = log(&*store).await.into_iter().find(|event| event.position == first.position).unwrap();
    assert_eq!(recorded.metadata.command_id, first.command_id);
    let retry_at = recorded.metadata.recorded_at.plus(Millis(1_000));
    assert_eq!(json!(first.differences), json!([{ "path": "/retry_at", "before": retry_at, "after": null }]));
}

/// The house's rules, but nobody gets a second attempt.
fn one_attempt(state: &Aggregate, command: &Command, now: Timestamp) -> Result<Vec<Event>, Refusal> {
    if state.work().is_some_and(|work| work.attempt_count > 0) && command.dispatches() {
        return Err(work::Refusal::OnHold.into());
    }
    state.decide(command, now)
}

#[tokio::test]
async fn a_command_that_is_refused_now_is_found_with_the_reason() {
    let (store, _) = known().await;
    let (found, _) = verified(store, one_attempt, ReplayFilter::default()).await;
    let first = &found[0];
    assert_eq!((found.len(), first.version, first.problem.as_str()), (2, Version(4), "refused"));
    assert!(first.text.contains("it is held"), "{}", first.text);
    assert_eq!(
        (first.recorded.as_ref().unwrap().r#type.as_str(), &first.decided),
        ("key_scope.assigned", &None)
    );
}

#[tokio::test]
async fn a_filter_says_which_commands_are_decided_again() {
    let (store, _) = known().await;
    let of_a = ReplayFilter { streams: Some("key_scope-*/a".to_owned()), ..ReplayFilter::default() };
    let (found, report) = verified(store.clone(), without_retries, of_a).await;
    assert_eq!((found.len(), report.commands), (1, 6));
    let failed = ReplayFilter { types: vec!["key_scope.failed".to_owned()], ..ReplayFilter::default() };
    let (found, report) = verified(store.clone(), without_retries, failed).await;
    assert_eq!((found.len(), report.commands), (2, 2));
    let at = found[1].position;
    let until = ReplayFilter {
        positions: runtime::replay::Span { from: None, to: Some(found[0].position) },
        ..ReplayFilter::default()
    };
    let (found, _) = verified(store.clone(), without_retries, until).await;
    assert_eq!(found.len(), 1);
    let from = ReplayFilter {
        positions: runtime::replay::Span { from: Some(at), to: None },
        ..ReplayFilter::default()
    };
    let (found, _) = verified(store, without_retries, from).await;
    assert_eq!((found.len(), found[0].position), (1, at), "what lies before is followed, and not decided");
}

#[tokio::test]
async fn a_claim_during_a_pause_is_found() {
    let (store, _) = known().await;
    let log = log(&*store).await;
    let pause =
        Event::System(domain::system::Event::Paused(domain::system::Paused { reason: "a test".to_owned() }));
    let mut verification = Verification::default();
    let mut appends = Appends::default();
    let first = (*log[0]).clone();
    let command = Command::System(domain::system::Command::Pause { reason: "a test".to_owned() });
    let metadata = domain::event::Metadata {
        command: Some(command.record().unwrap()),
        ..domain::event::Metadata::clone(&first.metadata)
    };
    let paused = RecordedEvent {
        stream: domain::stream::Subject::System.stream(),
        event: pause,
        metadata: Arc::new(metadata),
        ..first
    };
    let mut found = Vec::new();
    for event in std::iter::once(Arc::new(paused)).chain(log) {
        found.extend(appends.push(event).and_then(|append| verification.check(&append)));
    }
    let claims = found.iter().map(|divergence| divergence.version.0).collect::<Vec<_>>();
    assert_eq!(claims, [1, 4, 1, 4], "{found:?}");
}
