//! Damage in the log is reported with its position and never skipped.

use std::fs;
use std::path::Path;

use domain::ports::{Append, AppendError, Direction, EventFilter, EventStore, ReadError};
use domain::stream::{Position, Version};
use store_sqlite::{OpenError, SqliteOptions, SqliteStore};
use tempfile::TempDir;
use tests::contract::making::{first, next, numbered, numbers, stream, whole_stream, write, written};

use super::open;

/// Three streams with one event each.
async fn three_events() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path(), SqliteOptions::default());
    written(&store, first("a", 1..2)).await;
    written(&store, Append { events: vec![numbered(2, "the second")], ..first("b", 2..3) }).await;
    written(&store, first("c", 3..4)).await;
    folder
}

/// Bytes of the second row that stand nowhere else: in its payload, its stream's name, its metadata and its id.
const MARKERS: [&[u8]; 4] = [b"the second", b"key_scope-u/s/b", b"51.123458Z", b"\x02key_scope.failed"];

/// Flips the lowest bit of the first byte of `marker` in the log file.
fn flip(folder: &Path, marker: &[u8]) {
    let path = folder.join("events.db");
    let mut bytes = fs::read(&path).unwrap();
    let places: Vec<_> = bytes
        .windows(marker.len())
        .enumerate()
        .filter(|(_, part)| *part == marker)
        .map(|(at, _)| at)
        .collect();
    assert_eq!(places.len(), 1, "the marker stands in one place");
    bytes[places[0]] ^= 1;
    fs::write(&path, bytes).unwrap();
}

#[track_caller]
fn assert_damage_at_2<T: std::fmt::Debug>(result: Result<T, ReadError>) {
    let error = result.unwrap_err();
    assert_eq!(error.to_string(), "the event log is damaged at position 2: the checksum is wrong");
}

#[tokio::test]
async fn a_flipped_bit_is_damage_at_its_position_for_every_reader() {
    for marker in MARKERS {
        let folder = three_events().await;
        flip(folder.path(), marker);
        let store = open(folder.path(), SqliteOptions::default());
        assert_damage_at_2(store.read_all(Position::START, 9, &EventFilter::default()).await);
        assert_damage_at_2(store.read_all(Position::row(1), 1, &EventFilter::default()).await);
        assert_damage_at_2(store.read_stream(&stream("b"), Version(0), Direction::Forward, 1).await);
        let others_only = EventFilter { stream_prefix: stream("c").to_string() };
        assert_damage_at_2(store.read_all(Position::START, 9, &others_only).await);
        let mut subscription = store.subscribe(Position::START).await.unwrap();
        assert_eq!(numbers(&subscription.next(1).await.unwrap()), [1]);
        assert_damage_at_2(subscription.next(9).await);
        assert_damage_at_2(subscription.next(9).await);
    }
}

#[tokio::test]
async fn what_is_not_damaged_can_still_be_read_and_written() {
    let folder = three_events().await;
    flip(folder.path(), MARKERS[0]);
    let store = open(folder.path(), SqliteOptions::default());
    assert_eq!(numbers(&whole_stream(&store, "a").await), [1]);
    assert_eq!(numbers(&store.read_all(Position::row(2), 9, &EventFilter::default()).await.unwrap()), [3]);
    written(&store, next("c", 0, 4..5)).await;
    let refused = write(&store, next("b", 0, 5..6)).await.unwrap_err();
    assert_eq!(
        refused,
        AppendError::Corrupt("the event log is damaged at position 2: the checksum is wrong".to_owned())
    );
}

#[tokio::test]
async fn an_index_is_not_made_from_a_damaged_log() {
    let folder = three_events().await;
    flip(folder.path(), MARKERS[1]);
    fs::remove_file(folder.path().join("index.db")).unwrap();
    let refused = SqliteStore::open(folder.path(), SqliteOptions::default()).err().unwrap();
    assert!(
        matches!(refused, OpenError::Damaged { position, .. } if position == Position::row(2)),
        "{refused}"
    );
}
