//! Whether the log is what it was: hashes beside it, heads, proofs.

use std::fs;
use std::path::Path;

use rusqlite::Connection;
use serde_json::Value;
use store_sqlite::LogFile;
use tests::binary::run;
use tests::crash::server::Server;
use tests::harness::Harness;

use super::{done, history, refused};

const DATA: &str = "reprise-data";

fn verify(folder: &Path, more: &[&str]) -> (i32, Value) {
    let ran = run(folder, &[&["--json", "verify-log"], more].concat());
    (ran.code, ran.json())
}

/// Changes the log as somebody would who knows how checksums are made.
fn tamper(folder: &Path, statement: &str) {
    let log = Connection::open(folder.join(DATA).join("events.db")).unwrap();
    assert!(log.execute(statement, ()).unwrap() > 0, "{statement}");
}

/// Gives a row the checksum that it should have.
fn mend_checksum(folder: &Path, position: i64) {
    let log = Connection::open(folder.join(DATA).join("events.db")).unwrap();
    let sql = "SELECT stream, version, id, type, schema, payload, metadata FROM events WHERE position = ?1";
    let crc = log
        .query_row(sql, [position], |row| {
            let text = |column| row.get::<_, String>(column).unwrap();
            let (stream, kind, payload, metadata) = (text(0), text(3), text(5), text(6));
            let (version, schema) = (row.get::<_, i64>(1)?, row.get::<_, i64>(4)?);
            let lengths = [stream.len(), kind.len(), payload.len()].map(|length| length as i64);
            let numbers = [position, version, schema, lengths[0], lengths[1], lengths[2]];
            let crc = numbers.iter().fold(0, |crc, number| crc32c::crc32c_append(crc, &number.to_le_bytes()));
            let id: Vec<u8> = row.get(2)?;
            let parts: [&[u8]; 5] =
                [&id, stream.as_bytes(), kind.as_bytes(), payload.as_bytes(), metadata.as_bytes()];
            Ok(parts.into_iter().fold(crc, crc32c::crc32c_append))
        })
        .unwrap();
    log.execute("UPDATE events SET crc = ?1 WHERE position = ?2", (crc, position)).unwrap();
}

fn head(folder: &Path) -> u64 {
    LogFile::open(&folder.join(DATA)).unwrap().head().unwrap().major
}

#[test]
fn a_log_that_nobody_changed_is_whole_and_compared_to_its_end() {
    let folder = history();
    let (code, report) = verify(folder.path(), &[]);
    let head = head(folder.path()).to_string();
    assert_eq!((code, &report["verified"], &report["position"]), (0, &true.into(), &head.as_str().into()));
    assert_eq!(report["links_compared_until"], head, "{report}");
    let known = format!("{}@{head}", report["hash"].as_str().unwrap());
    assert_eq!(verify(folder.path(), &["--head", &known]).0, 0);
    // A log goes on, and its earlier heads stay what they are.
    done(folder.path(), &["run", "docs", "--", "cat"]);
    let (code, report) = verify(folder.path(), &["--head", &known]);
    assert_eq!((code, &report["heads_compared"]), (0, &1.into()), "{report}");
    assert_ne!(report["position"], head.as_str());
}

#[test]
fn the_first_event_that_differs_is_named_even_if_its_checksum_is_right() {
    let folder = history();
    let (_, whole) = verify(folder.path(), &[]);
    let known = format!("{}@{}", whole["hash"].as_str().unwrap(), whole["position"].as_str().unwrap());
    tamper(
        folder.path(),
        "UPDATE events SET metadata = replace(metadata, '2026', '2025') WHERE position = 7",
    );
    tamper(folder.path(), "UPDATE events SET payload = payload || ' ' WHERE position = 9");
    let (code, report) = verify(folder.path(), &[]);
    assert_eq!((code, &report["position"]), (1, &"7".into()), "{report}");
    mend_checksum(folder.path(), 7);
    mend_checksum(folder.path(), 9);
    let (code, report) = verify(folder.path(), &[]);
    assert_eq!((code, &report["position"]), (1, &"7".into()), "{report}");
    let log = Connection::open(folder.path().join(DATA).join("events.db")).unwrap();
    let sql = "SELECT stream, version FROM events WHERE position = 7";
    let (stream, version): (String, i64) =
        log.query_row(sql, (), |row| Ok((row.get(0)?, row.get(1)?))).unwrap();
    assert_eq!(
        (report["stream"].as_str(), report["version"].as_str()),
        (Some(&*stream), Some(&*version.to_string()))
    );
    // Whoever changes the hashes too is caught by a head that lies elsewhere.
    for file in ["chain.links", "chain.lanes"] {
        fs::remove_file(folder.path().join(DATA).join(file)).unwrap();
    }
    assert_eq!(verify(folder.path(), &[]).0, 0, "there is nothing left to compare with");
    let (code, report) = verify(folder.path(), &["--head", &known]);
    assert!(
        code == 1 && report["problem"].as_str().unwrap().contains("something before was changed"),
        "{report}"
    );
}

#[test]
fn events_that_are_gone_are_missed() {
    let folder = history();
    let (_, whole) = verify(folder.path(), &[]);
    let known = format!("{}@{}", whole["hash"].as_str().unwrap(), whole["position"].as_str().unwrap());
    let end = head(folder.path());
    tamper(folder.path(), &format!("DELETE FROM events WHERE position > {}", end - 2));
    for more in [&[][..], &["--head", &known]] {
        let (code, report) = verify(folder.path(), more);
        assert!(code == 1 && report["problem"].as_str().unwrap().contains("is gone"), "{report}");
    }
    let folder = history();
    tamper(folder.path(), "DELETE FROM events WHERE position = 5");
    let (code, report) = verify(folder.path(), &[]);
    assert_eq!((code, &report["position"]), (1, &"5".into()), "{report}");
}

#[test]
fn deleted_hashes_are_made_again_and_damaged_ones_too() {
    let folder = history();
    let (_, before) = verify(folder.path(), &[]);
    for spoil in ["delete", "damage", "cut"] {
        for file in ["chain.links", "chain.lanes"] {
            let path = folder.path().join(DATA).join(file);
            let bytes = fs::read(&path).unwrap();
            match spoil {
                "delete" => fs::remove_file(&path).unwrap(),
                "damage" => fs::write(&path, vec![7; bytes.len()]).unwrap(),
                _ => fs::write(&path, &bytes[..bytes.len() - 1]).unwrap(),
            }
        }
        done(folder.path(), &["status"]);
        let (code, after) = verify(folder.path(), &[]);
        assert_eq!(code, 0);
        for member in ["hash", "position", "links_compared_until"] {
            assert_eq!(after[member], before[member], "{spoil}: {after}");
        }
    }
}

#[test]
fn a_server_says_the_head_and_signs_it() {
    let folder = history();
    let key = done(folder.path(), &["integrity", "key", "signing.key"]);
    let public = key.stdout.trim().to_owned();
    let again = run(folder.path(), &["integrity", "key", "signing.key"]);
    assert_eq!(again.code, 3, "a key is never written over: {again:?}");
    let config = "data_dir = \"reprise-data\"\n[integrity]\nsigning_key_file = \"signing.key\"\n";
    fs::write(folder.path().join("reprise.toml"), config).unwrap();
    let said = done(folder.path(), &["--json", "integrity", "head"]).json();
    let (code, verified) = verify(folder.path(), &[]);
    assert_eq!((code, &said["hash"], &said["position"]), (0, &verified["hash"], &verified["position"]));
    assert_eq!(said["signature"]["public_key"], public.as_str());

    done(folder.path(), &["proof", "docs/content/a", "-o", "a.proof"]);
    let proven = done(folder.path(), &["--json", "verify-proof", "a.proof", "--public-key", &public]).json();
    assert_eq!((&proven["stream"], &proven["hash"]), (&"key_scope-docs/content/a".into(), &said["hash"]));
    let other = done(folder.path(), &["integrity", "key", "other.key"]).stdout;
    let wrong = run(folder.path(), &["verify-proof", "a.proof", "--public-key", other.trim()]);
    assert!(wrong.code == 1 && wrong.stderr.contains("not by"), "{wrong:?}");
}

#[test]
fn a_proof_of_one_document_checks_without_the_log_and_any_change_is_noticed() {
    let folder = history();
    done(folder.path(), &["proof", "docs/content/a", "-o", "a.proof"]);
    let (_, log) = verify(folder.path(), &[]);
    let known = format!("{}@{}", log["hash"].as_str().unwrap(), log["position"].as_str().unwrap());
    fs::rename(folder.path().join(DATA), folder.path().join("gone")).unwrap();
    let proven = done(folder.path(), &["--json", "verify-proof", "a.proof", "--head", &known]).json();
    let bytes = fs::read_to_string(folder.path().join("a.proof")).unwrap();
    let events = bytes.lines().filter(|line| line.starts_with("{\"specversion\"")).count();
    assert_eq!((&proven["stream"], &proven["events"]), (&"key_scope-docs/content/a".into(), &events.into()));
    assert!(events >= 6, "{bytes}");
    let caught = |changed: &str| {
        fs::write(folder.path().join("b.proof"), changed).unwrap();
        let ran = run(folder.path(), &["verify-proof", "b.proof"]);
        assert_eq!(ran.code, 1, "{ran:?}");
    };
    caught(&bytes.replacen("too", "two", 1));
    let whole: Vec<&str> = bytes.split_inclusive('\n').collect();
    for at in 1..whole.len() {
        caught(&[&whole[..at], &whole[at + 1..]].concat().concat());
        caught(&whole[..at].concat());
    }
    for subject in ["docs/content/nothing", "nothing"] {
        let _made = fs::rename(folder.path().join("gone"), folder.path().join(DATA));
        refused(folder.path(), &["proof", subject], &["has no event"]);
    }
}

#[test]
fn a_running_server_gives_the_same_proof_and_its_log_is_verified_beside_it() {
    let folder = history();
    let here = done(folder.path(), &["proof", "docs"]).stdout;
    let mut server = Server::start(folder.path(), 0);
    let url = server.listens();
    let there = done(folder.path(), &["--server", &url, "proof", "docs"]).stdout;
    assert_eq!(there.lines().count(), here.lines().count());
    fs::write(folder.path().join("there.proof"), &there).unwrap();
    let said = done(folder.path(), &["--json", "--server", &url, "integrity", "head"]).json();
    let known = format!("{}@{}", said["hash"].as_str().unwrap(), said["position"].as_str().unwrap());
    let proven = done(folder.path(), &["--json", "verify-proof", "there.proof", "--head", &known]).json();
    assert_eq!(proven["stream"], "storage_unit-docs");
    assert_eq!(verify(folder.path(), &["--head", &known]).0, 0);
    assert_eq!(server.stop().0, 0);
}

#[tokio::test]
async fn the_route_covers_what_was_acknowledged_and_proves_only_what_is_there() {
    let harness = Harness::start().await;
    let before = harness.get("/v1/integrity").await.expect(200).json();
    let unit = serde_json::json!({ "name": "docs", "content": { "kind": "managed" } });
    let created = harness.post("/v1/storage-units", unit).await.expect(201);
    let after = harness.get("/v1/integrity").await.expect(200).json();
    assert_eq!(after["position"].as_str(), Some(created.header("reprise-position")));
    assert_ne!(after["hash"], before["hash"]);
    let proof = harness.get("/v1/proof?stream=storage_unit-docs").await.expect(200).text();
    let proven = event_codec::integrity::proof::check(proof.as_bytes()).unwrap();
    assert_eq!((proven.events, proven.head.hash.to_string().as_str()), (1, after["hash"].as_str().unwrap()));
    let _absent = harness.get("/v1/proof?stream=storage_unit-other").await.expect(404);
    for query in ["?stream=other", ""] {
        let _no_stream = harness.get(&format!("/v1/proof{query}")).await.expect(400);
    }
}
