//! What an append promises.

use std::sync::Arc;

use domain::ports::{Append, AppendError};
use domain::stream::ExpectedVersion;
use tokio::task::JoinSet;

use super::Subject;
use super::making::{
    append, conflict, first, log, next, numbered, numbers, stream, versions, whole_stream, write, written,
};

/// Versions start at 0 and have no gaps.
pub async fn versions_start_at_0_and_have_no_gaps(subject: &dyn Subject) {
    let store = subject.open();
    written(&*store, first("a", 1..4)).await;
    written(&*store, first("b", 4..5)).await;
    written(&*store, next("a", 2, 5..7)).await;
    assert_eq!(versions(&whole_stream(&*store, "a").await), [0, 1, 2, 3, 4]);
    assert_eq!(versions(&whole_stream(&*store, "b").await), [0]);
}

/// The result of an append is the version and the position of its last event.
pub async fn an_append_gives_the_place_of_its_last_event(subject: &dyn Subject) {
    let store = subject.open();
    let appended = written(&*store, first("a", 1..4)).await;
    let events = log(&*store).await;
    let last = events.last().expect("three events");
    assert_eq!((last.version, last.position), (appended.version, appended.position));
    assert_eq!(appended.version.0, 2);
}

/// Every event has a greater position than those before it.
pub async fn positions_grow(subject: &dyn Subject) {
    let store = subject.open();
    for key in 0..20 {
        written(&*store, first(&key.to_string(), key * 3..key * 3 + 3)).await;
    }
    let positions: Vec<_> = log(&*store).await.iter().map(|event| event.position).collect();
    assert_eq!(positions.len(), 60);
    assert!(positions.is_sorted_by(|before, after| before < after), "{positions:?}");
}

/// `NoStream` fits no stream that has an event.
pub async fn no_stream_conflicts_with_a_stream_that_exists(subject: &dyn Subject) {
    let store = subject.open();
    written(&*store, first("a", 1..3)).await;
    assert_eq!(write(&*store, first("a", 3..4)).await, conflict(Some(1)));
}

/// `Exact` fits one version only.
pub async fn an_exact_version_conflicts_with_any_other(subject: &dyn Subject) {
    let store = subject.open();
    assert_eq!(write(&*store, next("a", 0, 1..2)).await, conflict(None));
    written(&*store, first("a", 1..3)).await;
    assert_eq!(write(&*store, next("a", 0, 3..4)).await, conflict(Some(1)));
    assert_eq!(write(&*store, next("a", 2, 3..4)).await, conflict(Some(1)));
    assert_eq!(write(&*store, next("a", u64::MAX >> 2, 3..4)).await, conflict(Some(1)));
    assert_eq!(written(&*store, next("a", 1, 3..4)).await.version.0, 2);
}

/// After a conflict the log is as it was.
pub async fn a_conflict_writes_nothing(subject: &dyn Subject) {
    let store = subject.open();
    written(&*store, first("a", 1..2)).await;
    assert_eq!(write(&*store, first("a", 2..9)).await, conflict(Some(0)));
    assert_eq!(numbers(&log(&*store).await), [1]);
}

/// Results come in the order of the elements, and so do the events.
pub async fn a_batch_has_one_result_each_in_order(subject: &dyn Subject) {
    let store = subject.open();
    let batch: Vec<Append> = (0..50).map(|key| first(&key.to_string(), key * 2..key * 2 + 2)).collect();
    let results = store.append_many(batch.into()).await;
    let events = log(&*store).await;
    let ends: Vec<_> =
        events.iter().filter(|event| event.version.0 == 1).map(|event| event.position).collect();
    let given: Vec<_> = results.into_iter().map(|result| result.expect("in order").position).collect();
    assert_eq!(given, ends);
    assert_eq!(numbers(&events), (0..100).collect::<Vec<_>>());
}

/// Elements are independent of each other.
pub async fn an_element_that_fails_does_not_fail_the_others(subject: &dyn Subject) {
    let store = subject.open();
    let empty = Append { events: Vec::new(), ..first("e", 0..1) };
    let batch = [first("a", 1..2), next("b", 7, 2..3), empty, first("c", 3..4), first("a", 4..5)];
    let results = store.append_many(Arc::new(batch)).await;
    let [a, b, empty, c, a_again] = &results[..] else { panic!("{results:?}") };
    assert!(a.is_ok() && c.is_ok(), "{results:?}");
    assert_eq!(*b, conflict(None));
    assert!(matches!(empty, Err(AppendError::Rejected(_))), "{empty:?}");
    assert_eq!(*a_again, conflict(Some(0)));
    assert_eq!(numbers(&log(&*store).await), [1, 3]);
}

/// A later element of a batch sees what an earlier one has appended.
pub async fn elements_on_one_stream_follow_each_other(subject: &dyn Subject) {
    let store = subject.open();
    let batch = [first("a", 1..3), next("a", 1, 3..4), next("a", 0, 4..5), next("a", 2, 5..6)];
    let results = store.append_many(Arc::new(batch)).await;
    let ends: Vec<_> = results.iter().map(|result| result.as_ref().ok().map(|it| it.version.0)).collect();
    assert_eq!(ends, [Some(1), Some(2), None, Some(3)]);
    assert_eq!(numbers(&whole_stream(&*store, "a").await), [1, 2, 3, 5]);
}

/// Nothing in, nothing out.
pub async fn an_empty_batch_has_no_results(subject: &dyn Subject) {
    assert_eq!(subject.open().append_many(Arc::new([])).await, []);
}

/// Writers that want the same version of a stream: one gets it, the others a conflict.
pub async fn of_racing_writers_exactly_one_wins_each_version(subject: &dyn Subject) {
    const WRITERS: u32 = 4;
    const VERSIONS: u32 = 50;
    let store = subject.open();
    let mut writers = JoinSet::new();
    for writer in 0..WRITERS {
        let store = Arc::clone(&store);
        writers.spawn(async move {
            let mut won = 0;
            let mut last = None;
            while last.is_none_or(|last| last < u64::from(VERSIONS) - 1) {
                let number = writer * 1_000 + last.map_or(0, |last| u32::try_from(last).expect("small") + 1);
                let expected = ExpectedVersion::after(last.map(domain::stream::Version));
                match write(&*store, append("a", expected, number..number + 1)).await {
                    Ok(appended) => {
                        won += 1;
                        last = Some(appended.version.0);
                    }
                    Err(AppendError::Conflict { actual }) => last = actual.map(|version| version.0),
                    Err(error) => panic!("{error}"),
                }
            }
            won
        });
    }
    let won: u32 = writers.join_all().await.into_iter().sum();
    assert_eq!(won, VERSIONS);
    let events = whole_stream(&*store, "a").await;
    assert_eq!(versions(&events), (0..u64::from(VERSIONS)).collect::<Vec<_>>());
    for (number, version) in numbers(&events).into_iter().zip(0..) {
        assert_eq!(number % 1_000, version, "each event lies at the version that its writer expected");
    }
}

/// A repeat has the same ids and the same expected version, and gives the same result.
pub async fn a_repeated_append_succeeds_with_the_first_result(subject: &dyn Subject) {
    let store = subject.open();
    let one = written(&*store, first("a", 1..3)).await;
    let two = written(&*store, next("a", 1, 3..4)).await;
    assert_eq!(write(&*store, first("a", 1..3)).await, Ok(one));
    assert_eq!(write(&*store, next("a", 1, 3..4)).await, Ok(two));
    assert_eq!(numbers(&log(&*store).await), [1, 2, 3]);
}

/// The same, before the first time is durable.
pub async fn a_repeat_within_a_batch_succeeds_with_the_first_result(subject: &dyn Subject) {
    let store = subject.open();
    let batch = [first("a", 1..3), next("a", 1, 3..5), first("a", 1..3), next("a", 1, 3..5)];
    let results = store.append_many(Arc::new(batch)).await;
    assert!(results.iter().all(Result::is_ok), "{results:?}");
    assert_eq!(results[..2], results[2..]);
    assert_eq!(numbers(&log(&*store).await), [1, 2, 3, 4]);
}

/// An append of which only some events are there is another append.
pub async fn a_partial_repeat_is_a_conflict(subject: &dyn Subject) {
    let store = subject.open();
    written(&*store, first("a", 1..3)).await;
    assert_eq!(write(&*store, first("a", 1..4)).await, conflict(Some(1)), "one more than is there");
    assert_eq!(write(&*store, first("a", 2..4)).await, conflict(Some(1)), "begins with another");
    let mut mixed = first("a", 1..3);
    mixed.events.swap(0, 1);
    assert_eq!(write(&*store, mixed).await, conflict(Some(1)), "another order");
    assert_eq!(numbers(&log(&*store).await), [1, 2]);
}

/// A repeat is one only where the first time was.
pub async fn the_same_ids_at_another_place_are_a_conflict(subject: &dyn Subject) {
    let store = subject.open();
    written(&*store, first("a", 1..2)).await;
    written(&*store, next("a", 0, 2..3)).await;
    written(&*store, first("b", 9..10)).await;
    assert_eq!(write(&*store, next("a", 0, 1..2)).await, conflict(Some(1)));
    assert_eq!(write(&*store, first("a", 2..3)).await, conflict(Some(1)));
    assert_eq!(write(&*store, first("b", 1..2)).await, conflict(Some(0)));
}

/// An append needs an event.
pub async fn an_append_without_events_is_rejected(subject: &dyn Subject) {
    let store = subject.open();
    let empty = Append { events: Vec::new(), ..first("a", 0..1) };
    let error = write(&*store, empty).await.expect_err("nothing to append");
    assert_eq!(
        error.to_string(),
        "the event store does not take this append: an append needs at least one event"
    );
}

/// What can never be stored is refused at once, and only that.
pub async fn an_event_that_is_too_large_is_rejected(subject: &dyn Subject) {
    let store = subject.open();
    let large = Append { events: vec![numbered(1, &"x".repeat(16 << 20))], ..first("a", 0..1) };
    let results = store.append_many(Arc::new([large, first("a", 2..3)])).await;
    let [Err(AppendError::Rejected(problem)), Ok(_)] = &results[..] else { panic!("{results:?}") };
    assert!(problem.contains("at most 16777216 are stored"), "{problem}");
    let events = log(&*store).await;
    assert_eq!((numbers(&events), &events[0].stream), (vec![2], &stream("a")));
}
