//! A full disk refuses appends clearly, and takes nothing away.

use std::process::Command;

use domain::ports::{Append, AppendError, EventStore};
use store_sqlite::{SqliteOptions, SqliteStore};
use tests::contract::making::{conflict, first, log, next, numbered, numbers, whole_stream, write, written};

use super::{Other, child_folder, open, say};

const SMALL: SqliteOptions = SqliteOptions {
    log_bytes_max: Some(256 << 10),
    recent_events_max: 16,
    tail_events_max: 64,
    readers_max: 2,
};

/// An append of one event of some kilobytes.
fn heavy(number: u32, kilobytes: usize) -> Append {
    let events = vec![numbered(number, &"x".repeat(kilobytes << 10))];
    Append { events, ..first(&number.to_string(), 0..0) }
}

/// Appends events of 4 KiB until there is no room; returns how many fitted.
async fn fill(store: &SqliteStore) -> u32 {
    let mut number = 0;
    loop {
        match write(store, heavy(number, 4)).await {
            Ok(_) => number += 1,
            Err(error) => {
                assert_eq!(
                    error.to_string(),
                    "the event store cannot be written now: the disk or the log's own limit (log_bytes_max) is \
                     full; make room or raise the limit"
                );
                return number;
            }
        }
    }
}

#[tokio::test]
async fn a_full_log_refuses_appends_and_keeps_what_it_acknowledged() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path(), SMALL);
    let fitted = fill(&store).await;
    assert!((20..64).contains(&fitted), "{fitted} events of 4 KiB in 256 KiB");
    let all: Vec<_> = (0..fitted).collect();
    assert_eq!(numbers(&log(&store).await), all);
    assert_eq!(numbers(&whole_stream(&store, "3").await), [3]);
    assert_eq!(
        write(&store, next("3", 5, 0..1)).await,
        conflict(Some(0)),
        "reading for a decision still works"
    );
    drop(store);
    assert_eq!(numbers(&log(&open(folder.path(), SMALL)).await), all);
}

#[tokio::test]
async fn a_refused_group_leaves_nothing_behind() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path(), SMALL);
    let before = written(&store, first("a", 1..2)).await;
    let batch = [heavy(2, 1), heavy(3, 1 << 10), heavy(4, 1)];
    for result in store.append_many(batch.into()).await {
        assert!(matches!(result, Err(AppendError::Unavailable(_))), "{result:?}");
    }
    assert_eq!(numbers(&log(&store).await), [1]);
    assert_eq!(store.head().await, Ok(before.position));
    assert_eq!(
        written(&store, heavy(2, 1)).await.position.major,
        before.position.major + 1,
        "what fits is taken"
    );
}

#[tokio::test]
async fn with_more_room_appends_work_again() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path(), SMALL);
    let fitted = fill(&store).await;
    drop(store);
    let store = open(folder.path(), SqliteOptions { log_bytes_max: Some(1 << 20), ..SMALL });
    written(&store, heavy(fitted, 4)).await;
    assert_eq!(numbers(&log(&store).await), (0..=fitted).collect::<Vec<_>>());
}

/// The other process may not write files of more than about 2 MB: beyond that the system fails each write, which is
/// what a broken disk does.
#[cfg(unix)]
#[tokio::test]
async fn a_failed_flush_stops_all_writes_until_the_store_is_reopened() {
    if let Some(folder) = child_folder() {
        return write_until_it_fails(&open(&folder, SqliteOptions::default())).await;
    }
    let folder = tempfile::tempdir().unwrap();
    let mut limited = Command::new("sh");
    limited.args(["-c", "trap '' XFSZ; ulimit -f 4096; exec \"$0\" \"$@\""]);
    limited.arg(std::env::current_exe().unwrap());
    let test = "store_contract::full::a_failed_flush_stops_all_writes_until_the_store_is_reopened";
    let mut other = Other::from(limited, test, folder.path());
    let acknowledged: u32 = other.says().expect("a number of events").parse().unwrap();
    assert_eq!(other.says().as_deref(), Some("poisoned"));
    other.let_go();
    let store = open(folder.path(), SqliteOptions::default());
    let there = numbers(&log(&store).await);
    assert!(there.len() as u32 >= acknowledged && acknowledged > 0, "{acknowledged} of {}", there.len());
    assert_eq!(there, (0..there.len() as u32).collect::<Vec<_>>());
    written(&store, heavy(there.len() as u32, 4)).await;
}

#[cfg(unix)]
async fn write_until_it_fails(store: &SqliteStore) {
    let mut number = 0;
    let error = loop {
        match write(store, heavy(number, 4)).await {
            Ok(_) => number += 1,
            Err(error) => break error,
        }
    };
    say(&number.to_string());
    assert!(matches!(error, AppendError::Poisoned(_)), "{error}");
    let again = write(store, first("small", 900..901)).await.unwrap_err();
    assert!(matches!(again, AppendError::Poisoned(_)), "{again}");
    assert_eq!(numbers(&log(store).await).len(), number as usize, "reading goes on");
    say("poisoned");
}
