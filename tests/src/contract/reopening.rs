//! What holds when a store is opened again.

use std::sync::Arc;

use domain::stream::Position;

use super::Subject;
use super::making::{conflict, first, log, next, numbers, versions, whole_stream, write, written};

/// What was there is there.
pub async fn everything_is_there_after_reopening(subject: &dyn Subject) {
    let store = subject.open();
    for key in 0..10 {
        written(&*store, first(&key.to_string(), key * 2..key * 2 + 2)).await;
    }
    let before = log(&*store).await;
    let head = store.head().await;
    drop(store);
    let store = subject.open();
    assert_eq!(log(&*store).await, before);
    assert_eq!((store.head().await, store.last().await), (head, Ok(before.last().cloned())));
    for key in 0..10 {
        assert_eq!(numbers(&whole_stream(&*store, &key.to_string()).await), [key * 2, key * 2 + 1]);
    }
    let mut subscription = store.subscribe(Position::START).await.expect("the store is open");
    assert_eq!(subscription.next(100).await, Ok(before));
}

/// Versions and positions go on where they were.
pub async fn a_stream_goes_on_after_reopening(subject: &dyn Subject) {
    let store = subject.open();
    let before = written(&*store, first("a", 1..4)).await;
    drop(store);
    let store = subject.open();
    assert_eq!(write(&*store, first("a", 4..5)).await, conflict(Some(2)));
    assert_eq!(write(&*store, next("a", 1, 4..5)).await, conflict(Some(2)));
    let after = written(&*store, next("a", 2, 4..6)).await;
    assert!(after.position > before.position, "{after:?} after {before:?}");
    assert_eq!(versions(&whole_stream(&*store, "a").await), [0, 1, 2, 3, 4]);
}

/// Whoever does not know whether an append happened repeats it, even with another process in between.
pub async fn a_repeat_after_reopening_succeeds_with_the_first_result(subject: &dyn Subject) {
    let store = subject.open();
    let batch: Arc<[_]> = Arc::new([first("a", 1..3), first("b", 3..4), next("a", 1, 4..5)]);
    let before = store.append_many(Arc::clone(&batch)).await;
    assert!(before.iter().all(Result::is_ok), "{before:?}");
    drop(store);
    let store = subject.open();
    assert_eq!(store.append_many(batch).await, before);
    assert_eq!(write(&*store, first("a", 1..4)).await, conflict(Some(2)));
    assert_eq!(numbers(&log(&*store).await), [1, 2, 3, 4]);
}
