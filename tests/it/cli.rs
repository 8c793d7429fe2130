//! The command line as a person uses it: the real binary in a folder of its own.

mod tasks;

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::Stdio;

use serde_json::Value;
use tempfile::TempDir;
use tests::binary::{Ran, command, run};

/// A folder with three documents in `docs`.
fn folder() -> TempDir {
    let folder = TempDir::new().unwrap();
    fs::create_dir_all(folder.path().join("docs/deep")).unwrap();
    for (path, text) in [("docs/a.md", "alpha"), ("docs/deep/b.md", "beta"), ("docs/c.txt", "gamma")] {
        fs::write(folder.path().join(path), text).unwrap();
    }
    folder
}

fn number(json: &Value, pointer: &str) -> u64 {
    json.pointer(pointer)
        .and_then(Value::as_u64)
        .unwrap_or_else(|| panic!("no number at {pointer} in {json}"))
}

fn summary(folder: &Path, arguments: &[&str]) -> (i32, Value) {
    let mut all = vec!["--json", "run", "docs"];
    all.extend(arguments);
    let ran = run(folder, &all);
    (ran.code, ran.json())
}

#[test]
fn run_processes_every_matching_document_and_says_what_changed_the_next_time() {
    let folder = folder();
    let (code, first) = summary(folder.path(), &["--glob", "**/*.md", "--", "cat"]);
    assert_eq!((code, number(&first, "/finished"), number(&first, "/first")), (0, 2, 2));

    fs::write(folder.path().join("docs/a.md"), "alpha, changed").unwrap();
    let (code, second) = summary(folder.path(), &["--glob", "**/*.md", "--", "cat"]);
    assert_eq!(code, 0);
    assert_eq!((number(&second, "/same"), number(&second, "/changed"), number(&second, "/first")), (1, 1, 0));

    let history = run(folder.path(), &["--json", "history", "docs/content/a.md"]).json();
    let events: Vec<&str> =
        history["items"].as_array().unwrap().iter().map(|item| item["event"].as_str().unwrap()).collect();
    let attempt = ["key_scope.assigned", "key_scope.process_started", "key_scope.finished"];
    let expected: Vec<&str> = ["key_scope.queued"]
        .into_iter()
        .chain(attempt)
        .chain(["key_scope.restarted"])
        .chain(attempt)
        .collect();
    assert_eq!(events, expected);
}

#[test]
fn run_exits_with_1_and_names_the_first_errors_when_a_document_fails() {
    let folder = folder();
    let program = "if [ $REPRISE_KEY = c.txt ]; then echo too bad >&2; exit 7; fi";
    let ran = run(folder.path(), &["run", "docs", "--shell", "--", program]);
    assert_eq!(ran.code, 1, "{ran:?}");
    assert!(ran.stdout.contains("failed     1 (exit_7: 1)"), "{}", ran.stdout);
    assert!(ran.stdout.contains("c.txt: exit_7: too bad"), "{}", ran.stdout);
}

#[test]
fn run_keeps_results_under_the_output_scope() {
    let folder = folder();
    let (code, _) = summary(folder.path(), &["--output-scope", "shout", "--shell", "--", "tr a-z A-Z"]);
    assert_eq!(code, 0);
    let attempts = run(folder.path(), &["--json", "history", "docs/content/a.md", "--attempts"]).json();
    assert_eq!(attempts.pointer("/items/0/outputs/0/scope"), Some(&Value::from("shout")), "{attempts}");
    assert_eq!(number(&attempts, "/items/0/outputs/0/size_bytes"), 5);
}

#[test]
fn what_was_shown_then_is_shown_again_and_what_changed_since() {
    let folder = folder();
    assert_eq!(summary(folder.path(), &["--", "cat"]).0, 0);
    let before = run(folder.path(), &["--json", "status"]).json();
    let position = before["position"].as_str().unwrap().to_owned();
    fs::write(folder.path().join("docs/a.md"), "alpha, changed").unwrap();
    assert_eq!(summary(folder.path(), &["--", "cat"]).0, 0);
    let then = run(folder.path(), &["--json", "status", "--at", &format!("p{position}")]).json();
    assert_eq!(then, before);
    let diff = run(folder.path(), &["diff", &format!("p{position}"), "--view", "key_scopes"]);
    assert!(diff.stdout.contains("changed key_scopes docs/content/a.md"), "{}", diff.stdout);
    assert!(diff.stdout.contains("/change: first -> changed"), "{}", diff.stdout);
    let wrong = run(folder.path(), &["status", "--at", "yesterday"]);
    assert_eq!(wrong.code, 2, "{wrong:?}");
    assert!(wrong.stderr.contains("is not a moment"), "{}", wrong.stderr);
}

#[test]
fn a_program_that_is_not_there_is_one_error_before_anything_starts() {
    let folder = folder();
    let ran = run(folder.path(), &["run", "docs", "--", "no-such-program-anywhere"]);
    assert_eq!(ran.code, 2, "{ran:?}");
    assert!(ran.stderr.contains("no-such-program-anywhere"), "{}", ran.stderr);
    assert!(!folder.path().join("reprise-data").exists(), "nothing was begun");
}

#[test]
fn a_folder_that_is_not_there_is_wrong_usage() {
    let folder = folder();
    let ran = run(folder.path(), &["run", "nowhere", "--", "cat"]);
    assert_eq!(ran.code, 2, "{ran:?}");
    assert!(ran.stderr.contains("nowhere"), "{}", ran.stderr);
}

#[test]
fn a_bad_glob_is_wrong_usage_that_names_it() {
    let folder = folder();
    let ran = run(folder.path(), &["run", "docs", "--glob", "a[", "--", "cat"]);
    assert_eq!(ran.code, 2, "{ran:?}");
    assert!(ran.stderr.contains("a["), "{}", ran.stderr);
}

#[test]
fn a_unit_stands_for_one_folder() {
    let folder = folder();
    fs::create_dir_all(folder.path().join("other/docs")).unwrap();
    assert_eq!(run(folder.path(), &["run", "docs", "--", "cat"]).code, 0);
    let ran = run(folder.path(), &["run", "other/docs", "--", "cat"]);
    assert_eq!(ran.code, 4, "{ran:?}");
    assert!(ran.stderr.contains("--unit"), "{}", ran.stderr);
    assert_eq!(run(folder.path(), &["run", "other/docs", "--unit", "others", "--", "cat"]).code, 0);
}

#[test]
fn the_engines_own_data_folder_is_never_a_document() {
    let folder = folder();
    let ran = run(folder.path(), &["--json", "run", ".", "--unit", "all", "--", "cat"]);
    assert_eq!((ran.code, number(&ran.json(), "/documents")), (0, 3), "{ran:?}");
}

#[test]
fn an_unknown_configuration_key_names_the_nearest_known_one() {
    let folder = folder();
    fs::write(folder.path().join("reprise.toml"), "wrokers = 2\n").unwrap();
    let ran = run(folder.path(), &["status"]);
    assert_eq!(ran.code, 3);
    assert!(ran.stderr.contains("did you mean 'workers'?"), "{}", ran.stderr);
}

#[test]
fn every_command_that_prints_data_prints_json() {
    let folder = folder();
    let (_, summary) = summary(folder.path(), &["--", "cat"]);
    let campaign = summary["campaign"].as_str().unwrap().to_owned();
    let commands: &[&[&str]] = &[
        &["unit", "list"],
        &["unit", "show", "docs"],
        &["unit", "disable", "docs"],
        &["unit", "enable", "docs"],
        &["unit", "modules", "docs", "content=cat"],
        &["unit", "create", "mine"],
        &["reprocess", "key", "docs", "a.md", "content"],
        &["reprocess", "keys", "docs", "content", "a.md", "c.txt"],
        &["reprocess", "all", "docs", "content"],
        &["reprocess", "reset", "docs"],
        &["campaign", "list"],
        &["campaign", "show", &campaign],
        &["campaign", "report", &campaign],
        &["status"],
        &["status", "docs", "--status", "queued"],
        &["history", "docs"],
        &["history", &campaign],
        &["history", "docs", "--brief", "--at", "p1"],
        &["history", "command/p1"],
        &["unit", "list", "--at", "p1"],
        &["unit", "show", "docs", "--at", "v0"],
        &["campaign", "list", "--at", "p1"],
        &["campaign", "show", &campaign, "--at", "v0"],
        &["campaign", "report", &campaign, "--at", "v0"],
        &["system", "show", "--at", "p1"],
        &["workspace", "list", "--at", "p1"],
        &["batch", "list", "--at", "p1"],
        &["status", "--at", "p1"],
        &["diff", "p1", "--view", "key_scopes"],
        &["projections", "list"],
        &["projections", "rebuild", "key_scopes"],
        &["unit", "drop", "mine", "--yes"],
    ];
    for arguments in commands {
        let mut all = vec!["--json"];
        all.extend(*arguments);
        let ran = run(folder.path(), &all);
        assert_eq!(ran.code, 0, "{arguments:?}: {ran:?}");
        assert!(ran.json().is_object(), "{arguments:?}: {ran:?}");
    }
}

#[test]
fn a_dry_run_prints_the_keys_and_a_campaign_begins_with_exactly_these() {
    let folder = folder();
    assert_eq!(run(folder.path(), &["run", "docs", "--", "cat"]).code, 0);
    let chosen = ["reprocess", "all", "docs", "content", "--ever-finished", "true", "--key-prefix", "deep/"];
    let dry = run(folder.path(), &[&chosen[..], &["--dry-run"]].concat());
    assert_eq!((dry.code, dry.stdout.trim()), (0, "deep/b.md"), "{dry:?}");
    let digest = dry.stderr.split("--expect ").nth(1).and_then(|rest| rest.split(' ').next()).unwrap();
    let canary = ["--canary-percent", "50", "--failed-share-max", "0.1", "--expect", digest];
    let started = run(folder.path(), &[&["--json"], &chosen[..], &canary[..]].concat());
    assert_eq!(started.code, 0, "{started:?}");
    let started = started.json();
    assert_eq!(number(&started, "/pinned/keys"), 1);
    let report = run(folder.path(), &["campaign", "report", started["id"].as_str().unwrap()]);
    assert!(report.stdout.contains("of 1 keys dealt with"), "{report:?}");
    let other = "sha256:0000000000000000000000000000000000000000000000000000000000000000";
    let refused = run(folder.path(), &[&chosen[..], &["--expect", other]].concat());
    assert_eq!(refused.code, 4, "{refused:?}");
    assert!(
        refused.stderr.contains("the keys have changed") || refused.stderr.contains("The keys have changed")
    );
}

#[test]
fn what_is_not_there_is_refused_with_4_and_a_sentence() {
    let folder = folder();
    assert_eq!(run(folder.path(), &["run", "docs", "--", "cat"]).code, 0);
    let nobody = "018f6d5e-7a1b-7c3d-8e4f-5a6b7c8d9e0f";
    let commands: &[&[&str]] = &[
        &["unit", "show", "nobody"],
        &["reprocess", "key", "docs", "no.md", "content"],
        &["reprocess", "key", "nobody", "a.md", "content"],
        &["campaign", "show", nobody],
        &["campaign", "pause", nobody],
        &["campaign", "report", nobody],
        &["history", "nobody"],
        &["projections", "rebuild", "nobody"],
    ];
    for arguments in commands {
        let ran: Ran = run(folder.path(), arguments);
        assert_eq!(ran.code, 4, "{arguments:?}: {ran:?}");
        assert!(ran.stderr.starts_with("reprise: ") && ran.stderr.len() > 20, "{arguments:?}: {ran:?}");
    }
}

#[test]
fn a_rebuilt_projection_is_as_it_was() {
    let folder = folder();
    assert_eq!(run(folder.path(), &["run", "docs", "--", "cat"]).code, 0);
    let report = run(folder.path(), &["--json", "projections", "rebuild"]).json();
    let items = report["items"].as_array().unwrap();
    assert!(items.iter().any(|item| item["name"] == "key_scopes" && item["rows"] == 3), "{report}");
    assert!(items.iter().all(|item| item["rows_different"] == 0), "{report}");
}

#[test]
fn views_that_are_deleted_or_damaged_are_built_again_from_the_log() {
    let folder = folder();
    assert_eq!(run(folder.path(), &["run", "docs", "--", "cat"]).code, 0);
    let before = run(folder.path(), &["--json", "status", "docs"]).json();
    let views = folder.path().join("reprise-data/views.db");
    for damage in [None, Some("no database at all")] {
        match damage {
            None => fs::remove_file(&views).unwrap(),
            Some(text) => fs::write(&views, text).unwrap(),
        }
        let after = run(folder.path(), &["--json", "status", "docs"]);
        assert_eq!((after.code, &after.json()), (0, &before), "{damage:?}: {after:?}");
    }
}

#[test]
fn a_damaged_event_is_named_and_never_skipped() {
    let folder = folder();
    assert_eq!(run(folder.path(), &["run", "docs", "--", "cat"]).code, 0);
    let log = folder.path().join("reprise-data/events.db");
    let mut bytes = fs::read(&log).unwrap();
    // Every copy, since a page may hold one that no row refers to any longer.
    let digest = b"sha256:";
    let places: Vec<usize> =
        bytes.windows(digest.len()).enumerate().filter(|(_, it)| it == digest).map(|(at, _)| at).collect();
    assert!(!places.is_empty());
    for at in places {
        bytes[at + 10] ^= 1;
    }
    fs::write(&log, bytes).unwrap();
    fs::remove_file(folder.path().join("reprise-data/views.db")).unwrap();
    let ran = run(folder.path(), &["status"]);
    assert_eq!(ran.code, 3, "{ran:?}");
    assert!(ran.stderr.contains("damaged at position"), "{}", ran.stderr);
}

#[test]
fn serve_listens_on_loopback_only() {
    let folder = folder();
    let ran = run(folder.path(), &["serve", "--listen", "0.0.0.0:0"]);
    assert_eq!(ran.code, 2, "{ran:?}");
    assert!(ran.stderr.contains("127.0.0.1"), "{}", ran.stderr);
}

#[test]
fn while_a_server_has_the_folder_commands_go_through_it_and_a_second_server_is_refused() {
    let folder = folder();
    assert_eq!(run(folder.path(), &["run", "docs", "--", "cat"]).code, 0);
    let mut server = command(folder.path(), &["-v", "serve", "--listen", "127.0.0.1:0"]);
    let mut server = server.stderr(Stdio::piped()).spawn().unwrap();
    let mut log = BufReader::new(server.stderr.take().unwrap()).lines();
    let listening = log.any(|line| line.unwrap().contains("listening"));
    assert!(listening, "the server says where it listens");

    let status = run(folder.path(), &["--json", "status"]);
    assert_eq!((status.code, number(&status.json(), "/totals/finished")), (0, 3), "{status:?}");
    let second = run(folder.path(), &["serve", "--listen", "127.0.0.1:0"]);
    assert_eq!(second.code, 3, "{second:?}");
    assert!(second.stderr.contains("in use"), "{}", second.stderr);
    let unreachable = run(folder.path(), &["--server", "http://127.0.0.1:1", "status"]);
    assert_eq!(unreachable.code, 5, "{unreachable:?}");

    let terminated = std::process::Command::new("kill").arg(server.id().to_string()).status().unwrap();
    assert!(terminated.success());
    drop(log);
    assert_eq!(server.wait().unwrap().code(), Some(0), "a server that is told to stop ends well");
}

#[test]
fn the_log_is_shown_a_line_at_a_time() {
    let folder = folder();
    assert_eq!(run(folder.path(), &["run", "docs", "--", "cat"]).code, 0);
    let lines = |arguments: &[&str]| {
        let ran = run(folder.path(), &[&["--json"], arguments].concat());
        assert_eq!(ran.code, 0, "{ran:?}");
        let lines = ran.stdout.lines().map(|line| serde_json::from_str(line).unwrap());
        lines.collect::<Vec<Value>>()
    };
    let events = lines(&["events"]);
    assert_eq!(events[0]["type"], "storage_unit.created");
    assert_eq!(lines(&["events", "--kind", "key_scope.finished"]).len(), 3);
    let after = events[2]["position"].as_str().unwrap();
    assert_eq!(lines(&["events", "--after", after]), events[3..]);
    let commands = lines(&["commands", "--unit", "docs"]);
    assert_eq!(commands[0]["command"]["name"], "create");
    let wrong = run(folder.path(), &["events", "--kind", "nothing"]);
    assert_eq!(wrong.code, 2, "{wrong:?}");
}

#[test]
fn the_system_is_paused_with_a_reason_and_everybody_sees_it() {
    let folder = folder();
    let shown = run(folder.path(), &["system", "show"]);
    assert_eq!((shown.code, shown.stdout.trim()), (0, "leases are given"));
    assert_eq!(run(folder.path(), &["system", "pause"]).code, 2, "a pause needs a reason");
    let paused = run(folder.path(), &["--json", "system", "pause", "--reason", "lunch"]);
    assert_eq!((paused.code, &paused.json()["paused"]), (0, &Value::from(true)));
    assert_eq!(run(folder.path(), &["system", "pause", "--reason", "dinner"]).code, 4);
    for arguments in [&["status"][..], &["system", "show"]] {
        let ran = run(folder.path(), arguments);
        assert!(
            ran.stdout.starts_with("PAUSED since ") && ran.stdout.contains(": lunch\n"),
            "{}",
            ran.stdout
        );
    }
    let resumed = run(folder.path(), &["system", "resume"]);
    assert!(resumed.stdout.starts_with("leases are given, since "), "{}", resumed.stdout);
    assert!(!run(folder.path(), &["status"]).stdout.contains("PAUSED"));
}
