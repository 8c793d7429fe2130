//! Export and import.

use std::fs;

use serde_json::{Value, json};
use store_sqlite::LogFile;
use tempfile::TempDir;
use tests::binary::run;
use tests::crash::server::Server;
use tests::harness::Harness;

use super::{done, history, refused};

fn lines(text: &str) -> Vec<Value> {
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// Every row of a log as the store holds it.
fn rows(folder: &std::path::Path) -> Vec<(String, String, String)> {
    let log = LogFile::open(folder).unwrap();
    let mut rows = Vec::new();
    let head = log.head().unwrap();
    log.rows(Default::default(), head, |row| {
        let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
        let place = format!(
            "{} {} {} {} {} {}",
            row.position, row.stream, row.version, row.id, row.type_name, row.schema
        );
        rows.push((place, text(row.payload), text(row.metadata)));
    })
    .unwrap();
    rows
}

#[test]
fn an_imported_log_is_the_same_row_by_row_and_its_export_byte_by_byte() {
    let folder = history();
    done(folder.path(), &["export", "-o", "all.ndjson"]);
    done(folder.path(), &["--data-dir", "second", "import", "all.ndjson"]);
    assert_eq!(rows(&folder.path().join("second")), rows(&folder.path().join("reprise-data")));
    done(folder.path(), &["--data-dir", "second", "export", "-o", "again.ndjson"]);
    let read = |name: &str| fs::read(folder.path().join(name)).unwrap();
    assert!(read("all.ndjson") == read("again.ndjson"), "the second export differs");

    // The same way, compressed by the name, by the option, and through pipes.
    done(folder.path(), &["export", "-o", "all.zst"]);
    assert!(read("all.zst").len() < read("all.ndjson").len() / 2);
    done(folder.path(), &["--data-dir", "third", "import", "all.zst"]);
    done(folder.path(), &["--data-dir", "third", "export", "--zstd", "-o", "again.bin"]);
    assert!(read("all.zst") == read("again.bin"), "the second compressed export differs");

    // What lives on it is the same too.
    let status = |data: &str| done(folder.path(), &["--json", "--data-dir", data, "status"]).json();
    let (first, second) = (status("reprise-data"), status("second"));
    assert_eq!((&first["units"], &first["totals"]), (&second["units"], &second["totals"]));
    let history = |data: &str| {
        done(folder.path(), &["--json", "--data-dir", data, "history", "docs/content/a"]).json()["items"]
            .clone()
    };
    assert_eq!(history("reprise-data"), history("second"));
}

#[test]
fn a_log_goes_on_after_an_import() {
    let folder = history();
    done(folder.path(), &["export", "-o", "all.ndjson"]);
    done(folder.path(), &["--data-dir", "second", "import", "all.ndjson"]);
    let before = rows(&folder.path().join("second")).len();
    done(folder.path(), &["--data-dir", "second", "run", "docs", "--", "cat"]);
    let after = rows(&folder.path().join("second"));
    assert!(after.len() > before);
    assert_eq!(after[..before], rows(&folder.path().join("reprise-data"))[..]);
}

#[test]
fn an_empty_log_is_exported_and_imported() {
    let folder = TempDir::new().unwrap();
    done(folder.path(), &["status"]);
    let exported = done(folder.path(), &["export"]).stdout;
    assert_eq!(lines(&exported).len(), 1, "{exported}");
    fs::write(folder.path().join("empty.ndjson"), &exported).unwrap();
    done(folder.path(), &["--data-dir", "second", "import", "empty.ndjson"]);
    assert_eq!(done(folder.path(), &["--data-dir", "second", "export"]).stdout, exported);
    // One without events takes another log.
    done(folder.path(), &["import", "empty.ndjson"]);
}

#[test]
fn a_log_with_events_takes_no_other_and_stays_as_it_is() {
    let folder = history();
    done(folder.path(), &["export", "-o", "all.ndjson"]);
    let before = rows(&folder.path().join("reprise-data"));
    refused(folder.path(), &["import", "all.ndjson"], &["only an empty one", "--data-dir"]);
    assert_eq!(rows(&folder.path().join("reprise-data")), before);
}

#[test]
fn a_file_that_is_not_whole_is_refused_with_the_line_and_nothing_of_it_is_there() {
    let folder = history();
    let exported = done(folder.path(), &["export"]).stdout;
    let whole: Vec<&str> = exported.lines().collect();
    let without = |index: usize| [&whole[..index], &whole[index + 1..]].concat().join("\n") + "\n";
    let swapped = {
        let mut lines = whole.clone();
        lines.swap(3, 4);
        lines.join("\n") + "\n"
    };
    let doubled = exported.replacen(whole[2], &format!("{0}\n{0}", whole[2]), 1);
    let changed = exported.replacen("\"subject\":", "\"subject\": ", 1);
    let cases = [
        (without(3), "line 4"),
        (swapped, "line 4"),
        (doubled, "line 4"),
        (without(whole.len() - 2), &*format!("line {}", whole.len() - 1)),
        (without(whole.len() - 1), "ends after line"),
        (exported[..exported.len() / 2].to_owned(), "has no end"),
        (exported.replacen("{\"spec", "\"spec", 1), "line 1"),
        (changed, "was changed after"),
        (format!("{exported}\n"), &*format!("line {}", whole.len() + 1)),
        (String::new(), "ends after line 0"),
    ];
    for (text, said) in cases {
        fs::write(folder.path().join("broken.ndjson"), text).unwrap();
        let arguments = ["--data-dir", "second", "import", "broken.ndjson"];
        refused(folder.path(), &arguments, &["broken.ndjson", said, "Nothing was imported"]);
        let left: Vec<_> =
            fs::read_dir(folder.path().join("second")).unwrap().map(|it| it.unwrap().file_name()).collect();
        assert_eq!(left, ["lock"], "{said}");
    }
}

#[test]
fn a_part_of_a_log_is_exported_by_filter_and_not_imported() {
    let folder = history();
    let export = |arguments: &[&str]| lines(&done(folder.path(), &[&["export"], arguments].concat()).stdout);
    let all = export(&[]);
    let (all, end) = all.split_at(all.len() - 1);
    let head = all.len();
    let (first, last) = ("1".to_owned(), head.to_string());
    assert_eq!(all.iter().map(|it| &it["position"]).collect::<Vec<_>>().first(), Some(&&json!(first)));
    let data = json!({ "events": head, "after": "0", "until": last, "filtered": false });
    assert_eq!((&end[0]["type"], &end[0]["data"]), (&json!("reprise.export.ended"), &data));

    let chosen = |arguments: &[&str], wanted: &dyn Fn(&Value) -> bool| {
        let mut part = export(arguments);
        let end = part.pop().unwrap();
        assert_eq!(part, all.iter().filter(|it| wanted(it)).cloned().collect::<Vec<_>>(), "{arguments:?}");
        assert!(!part.is_empty() && part.len() < head, "{arguments:?}");
        assert_eq!(end["data"]["events"], part.len());
    };
    let stream = |it: &Value| it["subject"].as_str().unwrap().to_owned();
    let position = |it: &Value| it["position"].as_str().unwrap().parse::<u64>().unwrap();
    chosen(&["--stream", "key_scope-docs/content/a"], &|it| stream(it) == "key_scope-docs/content/a");
    chosen(&["--kind", "key_scope.finished"], &|it| it["type"] == "key_scope.finished");
    chosen(&["--kind", "campaign"], &|it| stream(it).starts_with("campaign-"));
    chosen(&["--after", "3", "--until", "9"], &|it| (4..=9).contains(&position(it)));
    chosen(&["--unit", "docs", "--after", "5"], &|it| {
        position(it) > 5 && !stream(it).starts_with("campaign-")
    });
    let middle = all[head / 2]["time"].as_str().unwrap();
    chosen(&["--since", middle], &|it| it["time"].as_str().unwrap() >= middle);
    chosen(&["--before", middle], &|it| it["time"].as_str().unwrap() < middle);
    assert_eq!(export(&["--organization", "acme"]).len(), 1);

    done(folder.path(), &["export", "--kind", "campaign", "-o", "part.ndjson"]);
    refused(folder.path(), &["--data-dir", "second", "import", "part.ndjson"], &["part.ndjson, line 1"]);
    // A beginning of a log is a log.
    done(folder.path(), &["export", "--until", "5", "-o", "begun.ndjson"]);
    done(folder.path(), &["--data-dir", "third", "import", "begun.ndjson"]);
    assert_eq!(rows(&folder.path().join("third")), rows(&folder.path().join("reprise-data"))[..5]);
    let wrong = run(folder.path(), &["export", "--kind", "nothing"]);
    assert_eq!(wrong.code, 2, "{wrong:?}");
}

#[test]
fn a_running_server_does_not_stand_in_the_way_and_gives_the_same() {
    let folder = history();
    let mut server = Server::start(folder.path(), 0);
    let url = server.listens();
    let beside = done(folder.path(), &["export"]).stdout;
    let from = done(folder.path(), &["--server", &url, "export"]).stdout;
    assert!(beside == from, "the server's export differs");
    done(folder.path(), &["--server", &url, "export", "-o", "all.zst"]);
    done(folder.path(), &["--data-dir", "second", "import", "all.zst"]);
    assert_eq!(done(folder.path(), &["--data-dir", "second", "export"]).stdout, beside);
    refused(folder.path(), &["import", "all.zst"], &["in use"]);
    let part =
        done(folder.path(), &["--server", &url, "export", "--kind", "campaign", "--until", "9"]).stdout;
    assert_eq!(part, done(folder.path(), &["export", "--kind", "campaign", "--until", "9"]).stdout);
    assert_eq!(server.stop().0, 0);
}

#[tokio::test]
async fn the_route_gives_every_event_and_an_end() {
    let harness = Harness::start().await;
    harness.document("in/a", "alpha");
    let unit = json!({ "name": "docs", "content": harness.registered("in"), "modules": { "raw": [{ "module": "cat" }] } });
    let _created = harness.post("/v1/storage-units", unit).await.expect(201);
    let asked = json!({ "scope": "raw", "keys": ["a"] });
    let _asked = harness.post("/v1/storage-units/docs/reprocess", asked).await.expect(200);
    harness.settled("docs").await;
    let events = lines(&harness.get("/v1/events?limit=1000").await.expect(200).text());
    let exported = lines(&harness.get("/v1/export").await.expect(200).text());
    let (end, exported) = exported.split_last().unwrap();
    assert_eq!(exported.len(), events.len());
    for (line, event) in exported.iter().zip(&events) {
        let names = [
            ("position", "position"),
            ("subject", "stream"),
            ("id", "id"),
            ("type", "type"),
            ("time", "recorded_at"),
            ("actor", "actor"),
            ("commandid", "command_id"),
            ("schemaversion", "schema"),
            ("data", "data"),
        ];
        for (attribute, member) in names {
            assert_eq!(line[attribute], event[member], "{attribute}");
        }
        assert_eq!(line["version"].as_str().unwrap(), event["version"].to_string());
    }
    assert_eq!(end["data"]["events"], events.len());
    let part = harness.get("/v1/export?kind=key_scope&after=2").await.expect(200);
    let part = lines(&part.text());
    let wanted = |it: &&Value| {
        it["type"].as_str().unwrap().starts_with("key_scope.")
            && it["position"] != "1"
            && it["position"] != "2"
    };
    assert_eq!(part[..part.len() - 1], exported.iter().filter(wanted).cloned().collect::<Vec<_>>()[..]);
    for query in ["kind=nothing", "after=99999", "until=99999", "since=yesterday", "nonsense=1"] {
        let _refused = harness.get(&format!("/v1/export?{query}")).await.expect(400);
    }
}
