//! What only this crate can see: streams whose names have the same hash, and rows that are gone.

use std::sync::Arc;

use domain::event::{Event, Metadata};
use domain::names::{Actor, CommandId, EventId, OrganizationId};
use domain::ports::NewEvent;
use domain::stream::ExpectedVersion;
use domain::time::Timestamp;
use domain::{key_scope, work};
use rusqlite::Connection;
use uuid::Uuid;

use super::*;

const LITTLE_MEMORY: SqliteOptions =
    SqliteOptions { log_bytes_max: None, recent_events_max: 2, tail_events_max: 8, readers_max: 1 };

fn append(stream: &str, expected: ExpectedVersion, ids: std::ops::Range<u128>) -> Append {
    let held = || Event::KeyScope(key_scope::Event::Work(work::Event::Held));
    Append {
        stream: StreamId::from_stored(stream),
        expected,
        events: ids.map(|id| NewEvent { id: EventId(Uuid::from_u128(id)), event: held() }).collect(),
        metadata: Arc::new(Metadata {
            recorded_at: Timestamp::from_micros(1),
            command_id: CommandId(Uuid::from_u128(1)),
            idempotency_key: None,
            command: None,
            actor: Actor::system(),
            reason: None,
            causation_id: None,
            correlation_id: None,
            organization: OrganizationId::default_organization(),
        }),
    }
}

async fn write(store: &SqliteStore, append: Append) -> Result<Appended, AppendError> {
    store.append_many(Arc::new([append])).await.remove(0)
}

async fn versions(store: &SqliteStore, stream: &str, from: u64, direction: Direction) -> Vec<u64> {
    let stream = StreamId::from_stored(stream);
    let events = store.read_stream(&stream, Version(from), direction, usize::MAX).await.unwrap();
    events.iter().map(|event| event.version.0).collect()
}

/// Every stream under one hash: the worst that a hash can do.
fn same_for_all(_: &str) -> u64 {
    u64::MAX
}

#[tokio::test]
async fn streams_with_the_same_hash_are_kept_apart() {
    const ROUNDS: u64 = 12;
    let folder = tempfile::tempdir().unwrap();
    let names: Vec<String> = (0..25).map(|number| format!("s{number}")).collect();
    for round in 0..ROUNDS {
        // Opening anew forgets the last versions, so all of them are looked up under the one hash.
        let store = SqliteStore::open_with(folder.path(), LITTLE_MEMORY, same_for_all).unwrap();
        assert_eq!(versions(&store, "nobody", u64::MAX, Direction::Backward).await, [0_u64; 0]);
        let expected = ExpectedVersion::after(round.checked_sub(1).map(Version));
        let batch: Vec<_> = (0..)
            .zip(&names)
            .map(|(number, name)| {
                append(name, expected, number * 100 + u128::from(round)..number * 100 + u128::from(round) + 1)
            })
            .collect();
        let results = store.append_many(batch.clone().into()).await;
        assert!(results.iter().all(Result::is_ok), "{results:?}");
        assert_eq!(store.append_many(batch.into()).await, results, "a repeat");
    }
    let store = SqliteStore::open_with(folder.path(), LITTLE_MEMORY, same_for_all).unwrap();
    for name in &names {
        assert_eq!(versions(&store, name, 0, Direction::Forward).await, (0..ROUNDS).collect::<Vec<_>>());
        assert_eq!(versions(&store, name, 7, Direction::Backward).await, [7, 6, 5, 4, 3, 2, 1, 0]);
    }
}

#[tokio::test]
async fn a_row_that_is_gone_is_damage() {
    for gone in [1_u64, 2, 3] {
        let folder = tempfile::tempdir().unwrap();
        let store = SqliteStore::open(folder.path(), SqliteOptions::default()).unwrap();
        write(&store, append("a", ExpectedVersion::NoStream, 1..4)).await.unwrap();
        write(&store, append("b", ExpectedVersion::NoStream, 4..5)).await.unwrap();
        let log = Connection::open(log::path(folder.path())).unwrap();
        log.execute("DELETE FROM events WHERE position = ?1", [gone.cast_signed()]).unwrap();
        let damage =
            ReadError::Corrupt { position: Position::row(gone), problem: "the row is missing".to_owned() };
        let all = store.read_all(Position::START, 9, &EventFilter::default()).await;
        assert_eq!(all, Err(damage.clone()));
        let stream = store.read_stream(&StreamId::from_stored("a"), Version(0), Direction::Forward, 9).await;
        assert_eq!(stream, Err(damage));
    }
}

#[tokio::test]
async fn a_row_that_is_gone_from_the_end_is_damage() {
    let folder = tempfile::tempdir().unwrap();
    let store = SqliteStore::open(folder.path(), SqliteOptions::default()).unwrap();
    write(&store, append("a", ExpectedVersion::NoStream, 1..4)).await.unwrap();
    let log = Connection::open(log::path(folder.path())).unwrap();
    log.execute("DELETE FROM events WHERE position = 3", ()).unwrap();
    let damage = ReadError::Corrupt { position: Position::row(3), problem: "the row is missing".to_owned() };
    assert_eq!(store.read_all(Position::START, 9, &EventFilter::default()).await, Err(damage));
}

#[tokio::test]
async fn a_subscription_ends_with_its_store() {
    let folder = tempfile::tempdir().unwrap();
    let store = SqliteStore::open(folder.path(), SqliteOptions::default()).unwrap();
    let mut subscription = store.subscribe(Position::START).await.unwrap();
    drop(store);
    let ended = subscription.next(1).await.unwrap_err();
    assert_eq!(ended, ReadError::Unavailable("the event store is closed".to_owned()));
    SqliteStore::open(folder.path(), SqliteOptions::default()).unwrap();
}

#[tokio::test]
async fn a_log_knows_its_size_and_its_limit() {
    let folder = tempfile::tempdir().unwrap();
    let options = SqliteOptions { log_bytes_max: Some(1 << 30), ..SqliteOptions::default() };
    let store = SqliteStore::open(folder.path(), options).unwrap();
    let before = store.size().await.unwrap().unwrap();
    for number in 0..200 {
        let expected = ExpectedVersion::after(u64::checked_sub(number, 1).map(Version));
        let id = u128::from(number) + 1;
        write(&store, append("a", expected, id..id + 1)).await.unwrap();
    }
    let after = store.size().await.unwrap().unwrap();
    assert_eq!((before.size_bytes_max, after.size_bytes_max), (Some(1 << 30), Some(1 << 30)));
    assert!(after.size_bytes > before.size_bytes, "{before:?}, then {after:?}");
    drop(store);
    assert_eq!(fs::metadata(log::path(folder.path())).unwrap().len(), after.size_bytes);
}

#[tokio::test]
async fn closing_leaves_the_log_and_what_is_derived_from_it() {
    let folder = tempfile::tempdir().unwrap();
    let store = SqliteStore::open(folder.path(), SqliteOptions::default()).unwrap();
    write(&store, append("a", ExpectedVersion::NoStream, 1..4)).await.unwrap();
    assert_eq!(versions(&store, "a", 0, Direction::Forward).await, [0, 1, 2]);
    drop(store);
    let mut files: Vec<_> = fs::read_dir(folder.path())
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    files.sort();
    assert_eq!(files, ["chain.lanes", "chain.links", "events.db", "index.db", "lock"]);
}

#[tokio::test]
async fn a_long_batch_is_answered_in_its_order_whoever_is_refused() {
    const LENGTH: u64 = 333;
    let folder = tempfile::tempdir().unwrap();
    let store = SqliteStore::open(folder.path(), SqliteOptions::default()).unwrap();
    let name = |number: u64| format!("s{number}");
    let element = |number: u64| {
        let id = u128::from(number) * 2 + 1;
        match number % 3 {
            // Nothing to append, which is never taken.
            0 => append(&name(number), ExpectedVersion::NoStream, 0..0),
            // The stream is not there.
            1 => append(&name(number), ExpectedVersion::Exact(Version(4)), id..id + 1),
            _ => append(&name(number), ExpectedVersion::NoStream, id..id + 2),
        }
    };
    let results = store.append_many((0..LENGTH).map(element).collect()).await;
    assert_eq!(results.len() as u64, LENGTH);
    for (number, result) in (0..).zip(results) {
        match number % 3 {
            0 => assert!(matches!(result, Err(AppendError::Rejected(_))), "{number}: {result:?}"),
            1 => assert_eq!(result, Err(AppendError::Conflict { actual: None }), "{number}"),
            _ => {
                let position = Position::row((number / 3 + 1) * 2);
                assert_eq!(result, Ok(Appended { version: Version(1), position }), "{number}");
                assert_eq!(versions(&store, &name(number), 0, Direction::Forward).await, [0, 1]);
            }
        }
    }
    let all = store.read_all(Position::START, usize::MAX, &EventFilter::default()).await.unwrap();
    assert_eq!(all.len() as u64, LENGTH / 3 * 2);
}

#[tokio::test]
async fn the_journal_of_the_log_does_not_grow_with_the_log() {
    const EVENTS: u128 = 40;
    const JOURNAL_BYTES_MAX: u64 = 8 << 20;
    let folder = tempfile::tempdir().unwrap();
    let store = SqliteStore::open(folder.path(), SqliteOptions::default()).unwrap();
    let journal = folder.path().join("events.db-wal");
    let reason = Some("long".repeat(1 << 18));
    for number in 0..EVENTS {
        let Append { stream, expected, events, metadata } =
            append(&format!("s{number}"), ExpectedVersion::NoStream, number + 1..number + 2);
        let metadata = Arc::new(Metadata { reason: reason.clone(), ..(*metadata).clone() });
        write(&store, Append { stream, expected, events, metadata }).await.unwrap();
        let bytes = fs::metadata(&journal).unwrap().len();
        assert!(bytes < JOURNAL_BYTES_MAX, "{bytes} bytes after {number} events");
    }
    drop(store);
    assert!(fs::metadata(log::path(folder.path())).unwrap().len() > EVENTS as u64 * (1 << 20));
}
