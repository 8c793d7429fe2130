//! Replays as people ask for them: on the command line and over HTTP.

use serde_json::{Value, json};
use tests::binary::run;
use tests::harness::Harness;

#[tokio::test]
async fn a_replay_over_http_streams_its_report_and_is_kept() {
    let harness = Harness::start().await;
    harness.post("/v1/storage-units", json!({ "name": "docs", "content": { "kind": "managed" } })).await;
    let reply = harness.post("/v1/replays", json!({ "mode": "verify", "filter": { "streams": "*" } })).await;
    let reply = reply.expect(200);
    let place = reply.header("location").to_owned();
    let lines: Vec<Value> = reply.text().lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let report = &lines.last().unwrap()["report"];
    assert_eq!((report["commands"].as_u64(), report["findings"].as_u64()), (Some(1), Some(0)), "{lines:?}");
    let kept = harness.get(&place).await.json();
    assert_eq!((&kept["state"], &kept["report"]), (&json!("done"), report), "{kept}");
    let list = harness.get("/v1/replays").await.json();
    assert_eq!(list["items"][0]["id"], kept["id"]);
}

#[tokio::test]
async fn a_replay_that_makes_no_sense_is_refused_with_what_to_correct() {
    let harness = Harness::start().await;
    for (filter, word) in [(json!({ "streams": "a[" }), "glob"), (json!({ "types": ["nothing"] }), "nothing")]
    {
        let reply = harness.post("/v1/replays", json!({ "mode": "verify", "filter": filter })).await;
        let problem = reply.expect(422).json();
        assert_eq!(problem["code"], "invalid_replay", "{problem}");
        assert!(problem["detail"].as_str().unwrap().contains(word), "{problem}");
    }
}

#[test]
fn verify_reads_a_data_folder_and_leaves_its_log_as_it_was() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::create_dir(folder.path().join("docs")).unwrap();
    std::fs::write(folder.path().join("docs/a.md"), "text").unwrap();
    assert_eq!(run(folder.path(), &["run", "docs", "--", "cat"]).code, 0);
    let before = run(folder.path(), &["--json", "events"]).stdout;
    let verified = run(folder.path(), &["--json", "replay", "verify"]);
    assert_eq!(verified.code, 0, "{verified:?}");
    let report = verified.json();
    assert_eq!(report["report"]["findings"], 0, "{report}");
    assert!(report["report"]["commands"].as_u64().unwrap() > 3, "{report}");
    assert_eq!(run(folder.path(), &["--json", "events"]).stdout, before);
}

#[test]
fn verify_says_so_when_there_is_no_log() {
    let folder = tempfile::tempdir().unwrap();
    let verified = run(folder.path(), &["replay", "verify"]);
    assert_eq!(verified.code, 3, "{verified:?}");
    assert!(verified.stderr.contains("no event log"), "{verified:?}");
    assert!(!folder.path().join("reprise-data").exists(), "nothing was made");
}

#[test]
fn what_if_says_what_would_end_otherwise_on_a_data_folder() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::create_dir(folder.path().join("docs")).unwrap();
    std::fs::write(folder.path().join("docs/a.md"), "text").unwrap();
    assert_eq!(run(folder.path(), &["run", "docs", "--", "cat"]).code, 0);
    let as_it_was = run(folder.path(), &["--json", "replay", "what-if"]);
    assert_eq!((as_it_was.code, as_it_was.json()["report"]["fork"]["apart"].as_u64()), (0, Some(0)));
    let commands = run(folder.path(), &["--json", "commands"]).stdout;
    let queued = commands.lines().find(|line| line.contains("\"queue\"")).unwrap();
    let queued: Value = serde_json::from_str(queued).unwrap();
    let id = queued["recorded"]["command_id"].as_str().unwrap();
    let without = run(folder.path(), &["--json", "replay", "what-if", "--skip", id]);
    assert_eq!(without.code, 1, "{without:?}");
    let lines: Vec<Value> = without.stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let found = lines.iter().find(|line| line["finding"]["stream"] == "key_scope-docs/content/a.md");
    let found = &found.unwrap()["finding"];
    assert_eq!((&found["recorded"], &found["fork"]), (&json!("finished"), &json!("absent")), "{found}");
}
