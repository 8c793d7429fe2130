//! Backup and restore.

use std::fs;
use std::path::{Path, PathBuf};

use tests::binary::run;
use tests::crash::server::Server;

use super::{done, history, refused};

const DATA: &str = "reprise-data";

/// The documents that the engine keeps in a folder, by their places.
fn content(folder: &Path) -> Vec<(PathBuf, Vec<u8>)> {
    fn below(base: &Path, folder: &Path, found: &mut Vec<(PathBuf, Vec<u8>)>) {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                below(base, &path, found);
            } else {
                found.push((path.strip_prefix(base).unwrap().to_owned(), fs::read(&path).unwrap()));
            }
        }
    }
    let mut found = Vec::new();
    below(&folder.join("content"), &folder.join("content"), &mut found);
    found.sort();
    found
}

#[test]
fn a_backup_beside_a_running_server_is_whole_and_restored_to_the_same() {
    let folder = history();
    let mut server = Server::start(folder.path(), 0);
    let _url = server.listens();
    let made = done(folder.path(), &["--json", "backup", "saved"]).json();
    assert_eq!(server.stop().0, 0);
    let before = content(&folder.path().join(DATA));
    assert!(!before.is_empty() && made["content_files"] == before.len(), "{made}");
    let exported = done(folder.path(), &["export"]).stdout;

    let restored = done(folder.path(), &["--json", "--data-dir", "second", "restore", "saved"]).json();
    assert_eq!((&restored["hash"], &restored["position"]), (&made["hash"], &made["position"]));
    assert!(restored["took_s"].as_f64().unwrap() > 0.0);
    assert_eq!(content(&folder.path().join("second")), before);
    assert!(done(folder.path(), &["--data-dir", "second", "export"]).stdout == exported, "the log differs");
    let known = format!("{}@{}", made["hash"].as_str().unwrap(), made["position"].as_str().unwrap());
    done(folder.path(), &["--data-dir", "second", "verify-log", "--head", &known]);
    done(folder.path(), &["--data-dir", "saved", "verify-log", "--head", &known]);
    done(folder.path(), &["--data-dir", "second", "run", "docs", "--", "cat"]);
}

#[test]
fn what_is_there_is_never_written_over() {
    let folder = history();
    done(folder.path(), &["backup", "saved"]);
    refused(folder.path(), &["backup", "saved"], &["is not empty"]);
    refused(folder.path(), &["restore", "saved"], &["only an empty one"]);
    let nothing = run(folder.path(), &["--data-dir", "second", "restore", "docs"]);
    assert!(nothing.code == 2 && nothing.stderr.contains("no whole backup"), "{nothing:?}");
}

#[test]
fn a_backup_that_is_not_what_it_was_restores_nothing() {
    let folder = history();
    done(folder.path(), &["backup", "saved"]);
    let saved = folder.path().join("saved");
    let spoil = |what: &str| {
        let copy = folder.path().join(what);
        let copied = std::process::Command::new("cp").arg("-r").arg(&saved).arg(&copy).status().unwrap();
        assert!(copied.success());
        copy
    };
    let changed = spoil("changed");
    let (path, _) = content(&changed).remove(0);
    fs::write(changed.join("content").join(path), "something else").unwrap();
    let missing = spoil("missing");
    let (path, _) = content(&missing).remove(0);
    fs::remove_file(missing.join("content").join(path)).unwrap();
    let shorter = spoil("shorter");
    let log = rusqlite::Connection::open(shorter.join("events.db")).unwrap();
    log.execute("DELETE FROM events WHERE position > 5", ()).unwrap();
    drop(log);
    let damaged = spoil("damaged");
    let log = rusqlite::Connection::open(damaged.join("events.db")).unwrap();
    log.execute("UPDATE events SET payload = payload || ' ' WHERE position = 5", ()).unwrap();
    drop(log);
    for (what, code) in [("changed", 3), ("missing", 4), ("shorter", 4), ("damaged", 3)] {
        let ran = run(folder.path(), &["--data-dir", "second", "restore", what]);
        assert_eq!(ran.code, code, "{what}: {ran:?}");
        let left = fs::read_dir(folder.path().join("second")).unwrap().map(|it| it.unwrap().file_name());
        assert_eq!(left.collect::<Vec<_>>(), ["lock"], "{what}");
    }
    done(folder.path(), &["--data-dir", "second", "restore", "saved"]);
}
