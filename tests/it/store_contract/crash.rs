//! Killed at any moment: what was acknowledged is there, and what was not is there whole or not at all.

use std::collections::HashMap;
use std::fs;
use std::path::Path;

use domain::ports::{Append, EventStore};
use domain::stream::{Position, StreamId};
use store_sqlite::SqliteOptions;
use tests::contract::making::{first, log, numbers, write, written};

use super::{LITTLE_MEMORY, Other, child_folder, copy_of, open, say};

/// How many events each append of the killed writer has, and how many appends a batch has.
const EVENTS: u32 = 3;
const APPENDS: u32 = 5;

#[tokio::test]
async fn a_kill_in_the_middle_of_a_write_loses_nothing_acknowledged() {
    if let Some(folder) = child_folder() {
        return write_for_ever(&folder).await;
    }
    let folder = tempfile::tempdir().unwrap();
    let mut acknowledged = Position::START;
    for batches in [1, 3, 10, 40, 90] {
        let test = "store_contract::crash::a_kill_in_the_middle_of_a_write_loses_nothing_acknowledged";
        let mut other = Other::start(test, folder.path());
        for _ in 0..batches {
            acknowledged = other.says().expect("an acknowledged position").parse().unwrap();
        }
        other.kill();
        while let Some(position) = other.says() {
            acknowledged = position.parse().unwrap();
        }
        assert_all_there(folder.path(), acknowledged).await;
    }
}

/// In the other process: appends batches to new streams and says the last position of each batch.
async fn write_for_ever(folder: &Path) {
    let store = open(folder, LITTLE_MEMORY);
    let mut number = u32::try_from(store.head().await.unwrap().major).unwrap();
    loop {
        let batch: Vec<Append> = (0..APPENDS)
            .map(|element| number + element * EVENTS)
            .map(|number| first(&format!("from-{number}"), number..number + EVENTS))
            .collect();
        number += APPENDS * EVENTS;
        let results = store.append_many(batch.into()).await;
        say(&results.last().unwrap().as_ref().unwrap().position.to_string());
    }
}

async fn assert_all_there(folder: &Path, acknowledged: Position) {
    let store = open(folder, SqliteOptions::default());
    assert!(store.head().await.unwrap() >= acknowledged, "{acknowledged} was acknowledged");
    let events = log(&store).await;
    assert_eq!(numbers(&events), (0..events.len() as u32).collect::<Vec<_>>(), "no gap and no repeat");
    let mut streams: HashMap<StreamId, u32> = HashMap::new();
    for event in &events {
        *streams.entry(event.stream.clone()).or_default() += 1;
    }
    assert!(streams.values().all(|events| *events == EVENTS), "every append is there whole");
    assert_eq!(streams.len() as u32 % APPENDS, 0, "every batch is there whole");
    let again = first("from-0", 0..EVENTS);
    assert_eq!(write(&store, again).await.unwrap().position, Position::row(u64::from(EVENTS)), "a repeat");
}

/// Where each transaction ends in a write-ahead log: a header, then frames of a page each; the last frame of a
/// transaction says how many pages the database has (<https://www.sqlite.org/fileformat2.html#walformat>).
fn transaction_ends(wal: &[u8]) -> Vec<usize> {
    const HEADER: usize = 32;
    const FRAME_HEADER: usize = 24;
    let page = u32::from_be_bytes(wal[8..12].try_into().unwrap()) as usize;
    let frames = wal[HEADER..].chunks_exact(FRAME_HEADER + page).zip(1..);
    frames
        .filter(|(frame, _)| frame[4..8] != [0; 4])
        .map(|(_, number)| HEADER + number * (FRAME_HEADER + page))
        .collect()
}

#[tokio::test]
async fn after_a_torn_write_everything_up_to_the_last_whole_transaction_is_there() {
    const TRANSACTIONS: u32 = 6;
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path(), SqliteOptions::default());
    for number in 0..TRANSACTIONS {
        written(&store, first(&number.to_string(), number * 40..number * 40 + 40)).await;
    }
    let wal = fs::read(folder.path().join("events.db-wal")).unwrap();
    let ends = transaction_ends(&wal);
    assert_eq!(ends.len(), TRANSACTIONS as usize);
    let around_ends = ends.iter().flat_map(|end| [end - 1, *end, end + 1, end + 5_000]);
    let cuts = [0, 1, 31, 32, 33, 5_000].into_iter().chain(around_ends).filter(|cut| *cut <= wal.len());
    for cut in cuts {
        let copy = copy_of(folder.path());
        let torn = copy.path().join("events.db-wal");
        fs::File::options().write(true).open(torn).unwrap().set_len(cut as u64).unwrap();
        let whole = ends.iter().filter(|end| **end <= cut).count() as u32;
        let store = open(copy.path(), SqliteOptions::default());
        assert_eq!(numbers(&log(&store).await), (0..whole * 40).collect::<Vec<_>>(), "cut at byte {cut}");
        assert_eq!(
            written(&store, first("more", 0..1)).await.position,
            Position::row(u64::from(whole) * 40 + 1)
        );
    }
}
