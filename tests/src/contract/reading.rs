//! What reading promises.

use std::sync::Arc;

use domain::event::{Metadata, RecordedEvent};
use domain::ports::Direction::{self, Backward, Forward};
use domain::ports::{Append, EventFilter, EventStore};
use domain::stream::{Position, StreamId, Version};

use super::Subject;
use super::making::{first, log, next, numbers, stream, versions, whole_stream, written};

/// Everything that was said of an event is read again.
pub async fn what_was_appended_is_what_is_read(subject: &dyn Subject) {
    let store = subject.open();
    let append = first("a", 1..2);
    let appended = written(&*store, append.clone()).await;
    let expected = RecordedEvent {
        position: appended.position,
        stream: append.stream.clone(),
        version: Version(0),
        id: append.events[0].id,
        event: append.events[0].event.clone(),
        metadata: append.metadata,
    };
    assert_eq!(log(&*store).await, [Arc::new(expected.clone())]);
    assert_eq!(whole_stream(&*store, "a").await, [Arc::new(expected)]);
}

/// The command is kept once; everything else belongs to each event.
pub async fn only_the_first_event_of_an_append_has_the_command(subject: &dyn Subject) {
    let store = subject.open();
    let append = first("a", 1..4);
    written(&*store, append.clone()).await;
    let without = Arc::new(Metadata { command: None, ..(*append.metadata).clone() });
    let kept: Vec<_> = log(&*store).await.iter().map(|event| Arc::clone(&event.metadata)).collect();
    assert_eq!(kept, [append.metadata, Arc::clone(&without), without]);
}

/// Many streams at once give what each gives by itself, in the order of the question; an unknown one nothing.
pub async fn many_streams_are_read_like_each_by_itself(subject: &dyn Subject) {
    let store = subject.open();
    let names: Vec<String> = (0..700).map(|number| format!("s{number}")).collect();
    for (number, name) in (0..).zip(&names).filter(|(number, _)| number % 3 > 0) {
        written(&*store, first(name, number..number + 2)).await;
    }
    let streams: Vec<StreamId> = names.iter().rev().map(|name| stream(name)).collect();
    for limit in [0, 1, 2, 1_000] {
        let together = store.read_streams(&streams, limit).await;
        assert_eq!(together.len(), streams.len());
        for (stream, together) in streams.iter().zip(together) {
            let alone = store.read_stream(stream, Version(0), Forward, limit).await;
            assert_eq!(together, alone, "{stream:?}, at most {limit}");
        }
    }
}

async fn read(store: &dyn EventStore, from: u64, direction: Direction, limit: usize) -> Vec<u64> {
    let events = store.read_stream(&stream("a"), Version(from), direction, limit).await;
    versions(&events.expect("the stream can be read"))
}

/// From a version on, forward or backward, at most so many.
pub async fn a_stream_is_read_in_both_directions(subject: &dyn Subject) {
    let store = subject.open();
    written(&*store, first("a", 1..4)).await;
    written(&*store, first("b", 4..6)).await;
    written(&*store, next("a", 2, 6..9)).await;
    let store = &*store;
    assert_eq!(read(store, 0, Forward, 100).await, [0, 1, 2, 3, 4, 5]);
    assert_eq!(read(store, 2, Forward, 2).await, [2, 3]);
    assert_eq!(read(store, 5, Forward, 1).await, [5]);
    assert_eq!(read(store, 6, Forward, 1).await, [0_u64; 0]);
    assert_eq!(read(store, u64::MAX, Forward, 1).await, [0_u64; 0]);
    assert_eq!(read(store, 0, Forward, 0).await, [0_u64; 0]);
    assert_eq!(read(store, u64::MAX, Backward, 100).await, [5, 4, 3, 2, 1, 0]);
    assert_eq!(read(store, u64::MAX, Backward, 1).await, [5]);
    assert_eq!(read(store, 3, Backward, 2).await, [3, 2]);
    assert_eq!(read(store, 0, Backward, 9).await, [0]);
}

/// A long stream, mixed with others, is found whole.
pub async fn a_stream_among_many_others_is_read_whole(subject: &dyn Subject) {
    const ROUNDS: u32 = 60;
    let store = subject.open();
    for round in 0..ROUNDS {
        let chunk = |key: &str, base: u32| {
            let numbers = base + round * 40..base + round * 40 + 40;
            if round == 0 { first(key, numbers) } else { next(key, u64::from(round * 40) - 1, numbers) }
        };
        let batch = [chunk("a", 0), first(&format!("other-{round}"), 0..5), chunk("b", 100_000)];
        assert!(store.append_many(Arc::new(batch)).await.iter().all(Result::is_ok));
    }
    let all: Vec<u32> = (0..ROUNDS * 40).collect();
    assert_eq!(numbers(&whole_stream(&*store, "a").await), all);
    let backward = store.read_stream(&stream("a"), Version(u64::MAX), Backward, usize::MAX).await;
    let backward = numbers(&backward.expect("the stream can be read"));
    assert_eq!(backward, all.into_iter().rev().collect::<Vec<_>>());
    assert_eq!(whole_stream(&*store, "b").await.len(), 40 * ROUNDS as usize);
}

/// An unknown stream is an empty one.
pub async fn an_unknown_stream_is_empty(subject: &dyn Subject) {
    let store = subject.open();
    written(&*store, first("a", 1..2)).await;
    assert_eq!(whole_stream(&*store, "nobody").await, []);
}

/// Names are compared whole.
pub async fn streams_with_similar_names_are_kept_apart(subject: &dyn Subject) {
    let store = subject.open();
    let keys = ["a", "A", "a ", "a%", "a_", "aa", "ä", "a\u{308}", "'a'", "a\"; --"];
    for (number, key) in (0..).zip(keys) {
        written(&*store, first(key, number..number + 1)).await;
    }
    for (number, key) in (0..).zip(keys) {
        assert_eq!(numbers(&whole_stream(&*store, key).await), [number], "{key}");
    }
}

/// Pages follow each other without gap or repeat; an empty one is the end.
pub async fn the_log_is_read_page_by_page(subject: &dyn Subject) {
    let store = subject.open();
    for key in 0..10 {
        written(&*store, first(&key.to_string(), key * 3..key * 3 + 3)).await;
    }
    for limit in [1, 2, 7, 29, 30, 31] {
        let mut after = Position::START;
        let mut read = Vec::new();
        loop {
            let page = store.read_all(after, limit, &EventFilter::default()).await.expect("a page");
            assert!(page.len() <= limit);
            let Some(last) = page.last() else { break };
            after = last.position;
            read.extend(numbers(&page));
        }
        assert_eq!(read, (0..30).collect::<Vec<_>>(), "pages of {limit}");
    }
    let far = store.read_all(Position::row(u64::MAX), 5, &EventFilter::default()).await;
    assert_eq!(far, Ok(Vec::new()));
}

/// A filter leaves out other streams, and an empty page still means the end.
pub async fn a_filter_leaves_out_other_streams(subject: &dyn Subject) {
    let store = subject.open();
    for key in 0..10 {
        let other = StreamId::from_stored(&format!("campaign-{key}"));
        written(&*store, Append { stream: other, ..first("", key * 2..key * 2 + 1) }).await;
        written(&*store, first(&key.to_string(), key * 2 + 1..key * 2 + 2)).await;
    }
    let filter = EventFilter { stream_prefix: "key_scope-u/".to_owned() };
    let mut after = Position::START;
    let mut read = Vec::new();
    loop {
        let page = store.read_all(after, 3, &filter).await.expect("a page");
        let Some(last) = page.last() else { break };
        after = last.position;
        read.extend(numbers(&page));
    }
    assert_eq!(read, (0..10).map(|key| key * 2 + 1).collect::<Vec<_>>());
    let nothing = EventFilter { stream_prefix: "task-".to_owned() };
    assert_eq!(store.read_all(Position::START, 3, &nothing).await, Ok(Vec::new()));
}

/// Head and last event are those of the last append, or nothing.
pub async fn head_and_last_are_those_of_the_last_event(subject: &dyn Subject) {
    let store = subject.open();
    assert_eq!(store.head().await, Ok(Position::START));
    assert_eq!(store.last().await, Ok(None));
    for key in 0..3 {
        let appended = written(&*store, first(&key.to_string(), key * 2..key * 2 + 2)).await;
        assert_eq!(store.head().await, Ok(appended.position));
        assert_eq!(store.last().await, Ok(log(&*store).await.last().cloned()));
    }
}
