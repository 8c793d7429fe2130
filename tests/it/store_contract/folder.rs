//! Whose folder it is: one process at a time, and only files that are ours and not newer than we are.

use std::fs;

use store_sqlite::{OpenError, SqliteOptions, SqliteStore};
use tests::contract::making::{first, log, numbers, written};

use super::{Other, child_folder, open, say, wait_to_be_let_go};

#[tokio::test]
async fn a_second_store_over_the_same_folder_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path(), SqliteOptions::default());
    let refused = SqliteStore::open(folder.path(), SqliteOptions::default()).err().unwrap();
    assert!(matches!(refused, OpenError::InUse { .. }), "{refused}");
    assert_eq!(
        refused.to_string(),
        format!(
            "the data folder {} is in use by another reprise; stop that one or choose another folder",
            folder.path().display()
        )
    );
    written(&store, first("a", 1..2)).await;
    drop(store);
    assert_eq!(numbers(&log(&open(folder.path(), SqliteOptions::default())).await), [1]);
}

#[test]
fn a_second_process_is_refused() {
    if let Some(folder) = child_folder() {
        let _store = open(&folder, SqliteOptions::default());
        say("open");
        return wait_to_be_let_go();
    }
    let folder = tempfile::tempdir().unwrap();
    let mut other = Other::start("store_contract::folder::a_second_process_is_refused", folder.path());
    assert_eq!(other.says().as_deref(), Some("open"));
    let refused = SqliteStore::open(folder.path(), SqliteOptions::default()).err().unwrap();
    assert!(matches!(refused, OpenError::InUse { .. }), "{refused}");
    other.let_go();
    open(folder.path(), SqliteOptions::default());
}

#[tokio::test]
async fn a_log_of_a_newer_format_is_refused_and_left_alone() {
    const USER_VERSION_OFFSET: usize = 60;
    let folder = tempfile::tempdir().unwrap();
    drop(open(folder.path(), SqliteOptions::default()));
    let path = folder.path().join("events.db");
    let mut bytes = fs::read(&path).unwrap();
    assert_eq!(bytes[USER_VERSION_OFFSET..USER_VERSION_OFFSET + 4], 1_u32.to_be_bytes());
    bytes[USER_VERSION_OFFSET..USER_VERSION_OFFSET + 4].copy_from_slice(&2_u32.to_be_bytes());
    fs::write(&path, &bytes).unwrap();
    let refused = SqliteStore::open(folder.path(), SqliteOptions::default()).err().unwrap();
    assert_eq!(
        refused.to_string(),
        format!("{} has format 2, and 1 is the newest known here; use a newer reprise", path.display())
    );
    assert_eq!(fs::read(&path).unwrap(), bytes);
}

#[tokio::test]
async fn a_file_that_is_no_log_is_refused_and_left_alone() {
    const APPLICATION_ID_OFFSET: usize = 68;
    let folder = tempfile::tempdir().unwrap();
    drop(open(folder.path(), SqliteOptions::default()));
    let path = folder.path().join("events.db");
    let mut other_program = fs::read(&path).unwrap();
    other_program[APPLICATION_ID_OFFSET] ^= 1;
    for bytes in [other_program, b"some text, longer than the header of a database. ".repeat(10)] {
        fs::write(&path, &bytes).unwrap();
        let refused = SqliteStore::open(folder.path(), SqliteOptions::default()).err().unwrap();
        assert!(matches!(refused, OpenError::NotALog { .. }), "{refused}");
        assert_eq!(fs::read(&path).unwrap(), bytes);
    }
}
