//! What tests read in a log, and wait for in it. Does not know who writes it.

use std::sync::Arc;

use domain::event::{Event, RecordedEvent};
use domain::key_scope;
use domain::ports::{Direction, EventFilter, EventStore, NewEvent};
use domain::stream::{Position, Version};
use domain::work;

use super::{PATIENCE, SOON, stream};

/// Every event of a log.
///
/// # Panics
/// When it cannot be read.
pub async fn log(store: &dyn EventStore) -> Vec<Arc<RecordedEvent>> {
    const EVENTS_MAX: usize = 10_000;
    let mut events: Vec<Arc<RecordedEvent>> = Vec::new();
    loop {
        let after = events.last().map_or(Position::START, |event| event.position);
        let page = store.read_all(after, EVENTS_MAX, &EventFilter::default()).await;
        let page = page.expect("the log can be read");
        if page.is_empty() {
            return events;
        }
        events.extend(page);
    }
}

/// What happened in the stream of a key, in words.
///
/// # Panics
/// When it cannot be read.
pub async fn words(store: &dyn EventStore, key: &str) -> Vec<&'static str> {
    let events = store.read_stream(&stream(key), Version(0), Direction::Forward, 10_000).await;
    events.expect("the stream can be read").iter().map(|event| word(&event.event)).collect()
}

/// The word for an event.
#[must_use]
pub const fn word(event: &Event) -> &'static str {
    match event {
        Event::StorageUnit(event) => event.name(),
        Event::KeyScope(key_scope::Event::Work(event)) => event.name(),
        Event::KeyScope(key_scope::Event::Withdrawn(_)) => "withdrawn",
        Event::Record(event) => event.name(),
        Event::Campaign(event) => event.name(),
        Event::Task(event) => event.name(),
        Event::Workspace(event) => event.name(),
        Event::Batch(event) => event.name(),
        Event::ExternalId(event) => event.name(),
        Event::Ids(event) => event.name(),
        Event::System(event) => event.name(),
        Event::ApiKey(event) => event.name(),
        Event::Access(event) => event.name(),
    }
}

/// What happened to the work, when something did.
#[must_use]
pub const fn work_event(event: &Event) -> Option<&work::Event> {
    match event {
        Event::KeyScope(key_scope::Event::Work(event)) => Some(event),
        Event::KeyScope(key_scope::Event::Withdrawn(_))
        | Event::StorageUnit(_)
        | Event::Record(_)
        | Event::Campaign(_)
        | Event::Task(_)
        | Event::Workspace(_)
        | Event::Batch(_)
        | Event::ExternalId(_)
        | Event::Ids(_)
        | Event::System(_)
        | Event::ApiKey(_)
        | Event::Access(_) => None,
    }
}

/// The first event of the log after a position that is wanted, once it is there.
///
/// # Panics
/// When it does not come in time.
pub async fn until_after(
    store: &dyn EventStore,
    after: Position,
    mut wanted: impl FnMut(&RecordedEvent) -> bool,
) -> Arc<RecordedEvent> {
    const EVENTS_MAX: usize = 1_000;
    let mut events = store.subscribe(after).await.expect("the log can be followed");
    let watching = async {
        loop {
            let batch = events.next(EVENTS_MAX).await.expect("the log can be followed");
            if let Some(found) = batch.into_iter().find(|event| wanted(event)) {
                return found;
            }
        }
    };
    tokio::time::timeout(PATIENCE, watching).await.expect("what the test waits for happens in time")
}

/// The first event of the log that is wanted, once it is there.
pub async fn until(store: &dyn EventStore, wanted: impl FnMut(&RecordedEvent) -> bool) -> Arc<RecordedEvent> {
    until_after(store, Position::START, wanted).await
}

/// The event by which so many events with this word have happened, once it is there.
pub async fn until_count(store: &dyn EventStore, count: usize, name: &str) -> Arc<RecordedEvent> {
    let mut seen = 0;
    let wanted = |event: &RecordedEvent| {
        seen += usize::from(word(&event.event) == name);
        seen == count
    };
    until(store, wanted).await
}

/// Whether no event with this word comes after a position, as far as can be seen by waiting a short while.
pub async fn never_soon(store: &dyn EventStore, after: Position, name: &str) -> bool {
    let mut events = store.subscribe(after).await.expect("the log can be followed");
    let watching = async {
        while let Ok(batch) = events.next(1_000).await {
            if batch.iter().any(|event| word(&event.event) == name) {
                return;
            }
        }
    };
    tokio::time::timeout(SOON, watching).await.is_err()
}

/// Whether an event to be written has this word.
#[must_use]
pub fn is(event: &NewEvent, name: &str) -> bool {
    word(&event.event) == name
}
