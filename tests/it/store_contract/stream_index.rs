//! The stream index can be deleted, be old, be of another log or be garbage: it never changes an answer.

use std::fs;
use std::path::Path;

use domain::ports::EventStore as _;
use store_sqlite::SqliteOptions;
use tempfile::TempDir;
use tests::contract::making::{conflict, first, log, next, numbers, whole_stream, write};

use super::{copy_of, open};

const KEYS: u32 = 200;

/// Appends one round of events: three per key. Closing the store brings all of it into the index.
async fn write_round(folder: &Path, round: u32) {
    let store = open(folder, SqliteOptions::default());
    let appends = (0..KEYS).map(|key| {
        let number = key * 100 + round * 3;
        let numbers = number..number + 3;
        match round {
            0 => first(&key.to_string(), numbers),
            later => next(&key.to_string(), u64::from(later) * 3 - 1, numbers),
        }
    });
    let results = store.append_many(appends.collect()).await;
    assert!(results.iter().all(Result::is_ok), "{results:?}");
}

/// Checks that every stream is found whole and where it ends, and that the index is used: a further round fits.
async fn assert_whole(folder: &Path, rounds: u32) {
    let store = open(folder, SqliteOptions::default());
    assert_eq!(log(&store).await.len(), (KEYS * rounds * 3) as usize);
    for key in 0..KEYS {
        let expected: Vec<_> = (key * 100..key * 100 + rounds * 3).collect();
        let name = key.to_string();
        assert_eq!(numbers(&whole_stream(&store, &name).await), expected);
        assert_eq!(write(&store, first(&name, 0..1)).await.is_ok(), key == 0, "only a repeat succeeds");
        let behind = u64::from(rounds) * 3 - 2;
        assert_eq!(write(&store, next(&name, behind, 0..1)).await, conflict(Some(behind + 1)));
    }
    drop(store);
    write_round(folder, rounds).await;
}

async fn two_rounds() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    write_round(folder.path(), 0).await;
    write_round(folder.path(), 1).await;
    folder
}

#[tokio::test]
async fn a_deleted_index_is_made_again() {
    let folder = two_rounds().await;
    fs::remove_file(folder.path().join("index.db")).unwrap();
    assert_whole(folder.path(), 2).await;
}

#[tokio::test]
async fn an_old_index_catches_up() {
    let folder = tempfile::tempdir().unwrap();
    write_round(folder.path(), 0).await;
    let old = copy_of(folder.path());
    write_round(folder.path(), 1).await;
    fs::copy(old.path().join("index.db"), folder.path().join("index.db")).unwrap();
    assert_whole(folder.path(), 2).await;
}

#[tokio::test]
async fn an_index_that_is_ahead_of_its_log_is_made_again() {
    let folder = tempfile::tempdir().unwrap();
    write_round(folder.path(), 0).await;
    let old = copy_of(folder.path());
    write_round(folder.path(), 1).await;
    fs::copy(folder.path().join("index.db"), old.path().join("index.db")).unwrap();
    assert_whole(old.path(), 1).await;
}

#[tokio::test]
async fn an_index_of_another_history_of_the_same_log_is_made_again() {
    let folder = tempfile::tempdir().unwrap();
    write_round(folder.path(), 0).await;
    let fork = copy_of(folder.path());
    {
        let store = open(fork.path(), SqliteOptions::default());
        let appends = (0..KEYS).map(|key| first(&format!("fork-{key}"), 90_000..90_002));
        store.append_many(appends.collect()).await;
    }
    write_round(folder.path(), 1).await;
    fs::copy(fork.path().join("index.db"), folder.path().join("index.db")).unwrap();
    assert_whole(folder.path(), 2).await;
}

#[tokio::test]
async fn an_index_of_another_log_is_made_again() {
    let folder = tempfile::tempdir().unwrap();
    write_round(folder.path(), 0).await;
    // The other log has the same events, and the same one at the end, but some of them in another order.
    let other = tempfile::tempdir().unwrap();
    {
        let store = open(other.path(), SqliteOptions::default());
        let keys = (0..KEYS - 1).rev().chain([KEYS - 1]);
        store.append_many(keys.map(|key| first(&key.to_string(), key * 100..key * 100 + 3)).collect()).await;
    }
    fs::copy(other.path().join("index.db"), folder.path().join("index.db")).unwrap();
    assert_whole(folder.path(), 1).await;
}

#[tokio::test]
async fn garbage_in_place_of_the_index_is_made_an_index_again() {
    for garbage in [Vec::new(), b"garbage".to_vec(), vec![0xa5; 100_000]] {
        let folder = two_rounds().await;
        fs::write(folder.path().join("index.db"), garbage).unwrap();
        assert_whole(folder.path(), 2).await;
    }
}

#[tokio::test]
async fn a_damaged_index_is_made_again() {
    let whole = two_rounds().await;
    let bytes = fs::read(whole.path().join("index.db")).unwrap();
    // Every page is hit, in its entries and between them: an odd step falls on ever different parts of them.
    for offset in (0..bytes.len()).step_by((bytes.len() / 40) | 1) {
        let folder = copy_of(whole.path());
        let mut damaged = bytes.clone();
        damaged[offset] ^= 1;
        fs::write(folder.path().join("index.db"), damaged).unwrap();
        assert_whole(folder.path(), 2).await;
    }
}
