//! Appends and what came of them, in the shortest words. An event is known by a number, which is its id and its
//! attempt; the numbers of one append follow each other.

use std::ops::Range;
use std::sync::Arc;

use domain::event::{Event, Metadata, RecordedCommand, RecordedEvent};
use domain::names::{Actor, CommandId, EventId, OrganizationId};
use domain::ports::{Append, AppendError, Appended, Direction, EventFilter, EventStore, NewEvent};
use domain::stream::ExpectedVersion::{self, Exact, NoStream};
use domain::stream::{Position, StreamId, Version};
use domain::time::Timestamp;
use domain::{key_scope, work};
use uuid::Uuid;

/// The stream of a key of the unit `u`.
#[must_use]
pub fn stream(key: &str) -> StreamId {
    StreamId::from_stored(&format!("key_scope-u/s/{key}"))
}

/// The event with this number and text.
#[must_use]
pub fn numbered(number: u32, text: &str) -> NewEvent {
    let failed = work::Failed {
        attempt: number,
        campaign: None,
        code: "EXIT_1".to_owned(),
        text: text.to_owned(),
        failures: 1,
        retry_at: None,
    };
    NewEvent {
        id: EventId(Uuid::from_u128(u128::from(number))),
        event: Event::KeyScope(key_scope::Event::Work(work::Event::Failed(failed))),
    }
}

/// An append of the events with these numbers.
#[must_use]
pub fn append(key: &str, expected: ExpectedVersion, numbers: Range<u32>) -> Append {
    Append {
        stream: stream(key),
        expected,
        metadata: Arc::new(metadata(numbers.start)),
        events: numbers.map(|number| numbered(number, "größer 𝄆\n\0")).collect(),
    }
}

/// The first append to a stream.
#[must_use]
pub fn first(key: &str, numbers: Range<u32>) -> Append {
    append(key, NoStream, numbers)
}

/// An append to a stream whose last version is `last`.
#[must_use]
pub fn next(key: &str, last: u64, numbers: Range<u32>) -> Append {
    append(key, Exact(Version(last)), numbers)
}

/// Metadata as a command would leave them.
#[must_use]
pub fn metadata(number: u32) -> Metadata {
    Metadata {
        recorded_at: Timestamp::from_micros(1_795_304_211_123_456 + i64::from(number)),
        command_id: CommandId(Uuid::from_u128(u128::from(number) << 64)),
        idempotency_key: None,
        command: Some(RecordedCommand::from(serde_json::json!({ "name": "fail", "body": { "text": "ä" } }))),
        actor: Actor::new("Zoë / tests").expect("an actor"),
        reason: Some("because".to_owned()),
        causation_id: None,
        correlation_id: Some(Uuid::from_u128(7)),
        organization: OrganizationId::default_organization(),
    }
}

/// Appends one element.
pub async fn write(store: &dyn EventStore, append: Append) -> Result<Appended, AppendError> {
    let mut results = store.append_many(Arc::new([append])).await;
    assert_eq!(results.len(), 1, "one result for one element");
    results.remove(0)
}

/// Appends one element that must succeed.
pub async fn written(store: &dyn EventStore, append: Append) -> Appended {
    write(store, append).await.expect("the append is in order")
}

/// The whole log, oldest first.
pub async fn log(store: &dyn EventStore) -> Vec<Arc<RecordedEvent>> {
    let all = store.read_all(Position::START, usize::MAX, &EventFilter::default()).await;
    all.expect("the log can be read")
}

/// A whole stream, oldest first.
pub async fn whole_stream(store: &dyn EventStore, key: &str) -> Vec<Arc<RecordedEvent>> {
    let all = store.read_stream(&stream(key), Version(0), Direction::Forward, usize::MAX).await;
    all.expect("the stream can be read")
}

/// The numbers of events.
#[must_use]
pub fn numbers(events: &[Arc<RecordedEvent>]) -> Vec<u32> {
    events.iter().map(|event| u32::try_from(event.id.0.as_u128()).expect("a number")).collect()
}

/// The versions of events.
#[must_use]
pub fn versions(events: &[Arc<RecordedEvent>]) -> Vec<u64> {
    events.iter().map(|event| event.version.0).collect()
}

/// The conflict with a stream whose last version is `actual`.
pub fn conflict(actual: Option<u64>) -> Result<Appended, AppendError> {
    Err(AppendError::Conflict { actual: actual.map(Version) })
}
