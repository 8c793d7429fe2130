//! Replays of logs that are only read: an export, and the log of a folder that another process has.

use std::path::Path;

use serde_json::Value;
use store_sqlite::{SqliteOptions, SqliteStore};
use tempfile::TempDir;
use tests::binary::{Ran, run};
use tests::crash::server::Server;
use tests::place::PATIENCE;

/// A folder in which documents were processed, one of them failed.
fn eventful() -> TempDir {
    let folder = TempDir::new().unwrap();
    std::fs::create_dir(folder.path().join("docs")).unwrap();
    for name in ["a", "b", "c"] {
        std::fs::write(folder.path().join(format!("docs/{name}.md")), name).unwrap();
    }
    let program = "if [ $REPRISE_KEY = b.md ]; then exit 7; fi; cat";
    assert_eq!(run(folder.path(), &["run", "docs", "--attempts", "2", "--shell", "--", program]).code, 1);
    folder
}

fn replay(folder: &Path, arguments: &[&str]) -> Ran {
    run(folder, &[&["--json", "replay"], arguments].concat())
}

fn report(ran: &Ran) -> Value {
    let last = ran.stdout.lines().last().unwrap_or_else(|| panic!("{ran:?}"));
    serde_json::from_str::<Value>(last).unwrap()["report"].take()
}

#[test]
fn an_export_is_replayed_as_the_log_that_it_was_made_from() {
    let (source, elsewhere) = (eventful(), TempDir::new().unwrap());
    for name in ["log.ndjson", "log.ndjson.zst"] {
        let file = source.path().join(name);
        let file = file.to_str().expect("a path of ASCII");
        assert_eq!(run(source.path(), &["export", "-o", file]).code, 0);
        for (mode, code) in [(&["verify"][..], 0), (&["what-if"], 0), (&["what-if", "--attempts", "1"], 1)] {
            let of_folder = replay(source.path(), mode);
            let of_export = replay(elsewhere.path(), &[mode, &["--export", file]].concat());
            assert_eq!((of_folder.code, of_export.code), (code, code), "{of_folder:?} {of_export:?}");
            assert_eq!(of_folder.stdout, of_export.stdout);
            assert!(report(&of_export)["commands"].as_u64().unwrap() > 10, "{of_export:?}");
        }
    }
    assert!(!elsewhere.path().join("reprise-data").exists(), "nothing was made");
}

#[test]
fn an_export_is_reissued() {
    let (source, target) = (eventful(), TempDir::new().unwrap());
    let file = source.path().join("log.ndjson.zst");
    let file = file.to_str().expect("a path of ASCII");
    assert_eq!(run(source.path(), &["export", "-o", file]).code, 0);
    let before = run(source.path(), &["--json", "events"]).stdout;
    let mut standby = Server::start_as(target.path(), &["--standby"], &[]);
    let to = standby.listens_within(PATIENCE).expect("the standby listens");
    let sent = replay(target.path(), &["reissue", "--export", file, "--to", &to]);
    assert_eq!(sent.code, 0, "{sent:?}");
    assert_eq!(run(target.path(), &["--json", "events"]).stdout, before, "the same log");
}

#[test]
fn the_log_of_a_folder_that_a_process_without_a_server_has_is_replayed() {
    let folder = eventful();
    let free = replay(folder.path(), &["what-if", "--attempts", "1"]);
    let data = folder.path().join("reprise-data");
    let held = SqliteStore::open(&data, SqliteOptions::default()).expect("the folder is free");
    let in_use = replay(folder.path(), &["what-if", "--attempts", "1"]);
    drop(held);
    assert_eq!((in_use.code, in_use.stdout), (1, free.stdout), "{}", in_use.stderr);
}
