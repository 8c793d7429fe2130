//! `/v1/key-scopes`.

use serde_json::{Value, json};
use tests::harness::{Harness, Setup};

use super::{ask, pluck, unit};

#[tokio::test]
async fn a_reprocessed_key_runs_and_tells_its_history() {
    let harness = Harness::start().await;
    unit(&harness, "docs", "cat", &["deep/a b.txt"]).await;
    let place = "/v1/key-scopes/docs/raw/deep%2Fa%20b.txt";
    let asked = harness.post(&format!("{place}/reprocess"), Value::Null).await.expect(200);
    assert_eq!(asked.json()["outcome"], "queued");
    harness.settled("docs").await;
    let shown = harness.get(place).await.expect(200).json();
    assert_eq!((&shown["key"], &shown["status"]), (&json!("deep/a b.txt"), &json!("finished")));
    assert_eq!(shown["change"], "first");
    let events = harness.get(&format!("{place}/events")).await.expect(200).json();
    let expected = ["queued", "assigned", "process_started", "finished"];
    assert_eq!(pluck(&events, "event"), expected.map(|name| format!("key_scope.{name}")));
    let attempts = harness.get(&format!("{place}/attempts")).await.expect(200).json();
    assert_eq!(attempts["items"][0]["outcome"], "finished");
    assert_eq!(attempts["items"][0]["outputs"][0]["module"], "cat");
    assert_eq!(attempts["items"][0]["outputs"][0]["size_bytes"], "deep/a b.txt".len());
}

#[tokio::test]
async fn asking_again_for_something_done_restarts_it() {
    let harness = Harness::start().await;
    unit(&harness, "docs", "cat", &["a"]).await;
    for (outcome, attempts) in [("queued", 1), ("restarted", 2)] {
        assert_eq!(ask(&harness, "docs", &["a"]).await[0]["outcome"], outcome);
        harness.settled("docs").await;
        let listed = harness.get("/v1/key-scopes/docs/raw/a/attempts").await.expect(200).json();
        assert_eq!(listed["items"].as_array().map(Vec::len), Some(attempts));
    }
    let shown = harness.get("/v1/key-scopes/docs/raw/a").await.expect(200).json();
    assert_eq!((&shown["restart_count"], &shown["change"]), (&json!(1), &json!("same")));
    let second = harness.get("/v1/key-scopes/docs/raw/a/attempts?after=1").await.expect(200).json();
    assert_eq!(second["items"][0]["number"], 2);
    let first = harness.get("/v1/key-scopes/docs/raw/a/attempts?limit=1").await.expect(200).json();
    assert_eq!((&first["items"][0]["number"], &first["next"]), (&json!(1), &json!("1")));
}

#[tokio::test]
async fn a_failed_key_is_found_by_its_status_and_error() {
    let harness = Harness::start().await;
    unit(&harness, "bad", "false", &["a"]).await;
    unit(&harness, "good", "cat", &["a"]).await;
    ask(&harness, "bad", &["a"]).await;
    ask(&harness, "good", &["a"]).await;
    harness.settled("bad").await;
    harness.settled("good").await;
    let failed = harness.get("/v1/key-scopes?status=failed").await.expect(200).json();
    assert_eq!(pluck(&failed, "unit"), ["bad"]);
    let code = failed["items"][0]["last_error"]["code"].as_str().expect("a code").to_owned();
    let same = harness.get(&format!("/v1/key-scopes?unit=bad&error_code={code}")).await.expect(200).json();
    assert_eq!(same["items"], failed["items"]);
    let none = harness.get("/v1/key-scopes?unit=bad&status=finished").await.expect(200).json();
    assert_eq!(none["items"], json!([]));
}

#[tokio::test]
async fn a_list_comes_in_pages_whose_cursors_meet() {
    let harness = Setup::without_workers().start().await;
    let keys = ["a", "b/c d", "e%20f", "g", "ünïcode"];
    unit(&harness, "docs", "cat", &keys).await;
    unit(&harness, "docs2", "cat", &["x"]).await;
    ask(&harness, "docs", &keys).await;
    ask(&harness, "docs2", &["x"]).await;
    let mut seen = Vec::new();
    let mut after = String::new();
    loop {
        let path = format!("/v1/key-scopes?unit=docs&status=queued&limit=2{after}");
        let page = harness.get(&path).await.expect(200).json();
        seen.extend(pluck(&page, "key"));
        let Some(next) = page["next"].as_str() else { break };
        after = format!("&after={next}");
    }
    seen.sort();
    assert_eq!(seen, keys);
}

#[tokio::test]
async fn a_held_key_waits_until_it_is_released() {
    let harness = Setup::without_workers().start().await;
    unit(&harness, "docs", "cat", &["a"]).await;
    let place = "/v1/key-scopes/docs/raw/a";
    let refused = harness.post(&format!("{place}/hold"), Value::Null).await.expect(409);
    assert_eq!(refused.json()["code"], "never_queued");
    ask(&harness, "docs", &["a"]).await;
    let held = harness.post(&format!("{place}/hold"), json!({ "reason": "wait" })).await.expect(200);
    assert_eq!(held.json()["held"], true);
    assert_eq!(pluck(&harness.get("/v1/key-scopes?held=true").await.json(), "key"), ["a"]);
    harness.engine.start_workers(1).await;
    let released = harness.post(&format!("{place}/release"), Value::Null).await.expect(200);
    assert_eq!(released.json()["held"], false);
    harness.settled("docs").await;
    let events = harness.get(&format!("{place}/events")).await.expect(200).json();
    let told = pluck(&events, "event");
    assert_eq!(told[..3], ["queued", "held", "released"].map(|name| format!("key_scope.{name}")));
    assert_eq!(events["items"][1]["reason"], "wait");
}

#[tokio::test]
async fn only_what_exists_can_be_asked_for() {
    let harness = Setup::without_workers().start().await;
    unit(&harness, "docs", "cat", &["a"]).await;
    for (place, code) in [
        ("none/raw/a", "storage_unit_not_found"),
        ("docs/raw/b", "key_not_found"),
        ("docs/other/a", "scope_not_found"),
        ("docs/raw/..%2F..%2Fetc%2Fpasswd", "key_outside"),
    ] {
        let reply = harness.post(&format!("/v1/key-scopes/{place}/reprocess"), Value::Null).await;
        assert!(reply.status.is_client_error(), "{place}: {}", reply.text());
        assert_eq!(reply.json()["code"], code, "{place}");
    }
    for path in ["", "/events", "/attempts"] {
        let reply = harness.get(&format!("/v1/key-scopes/docs/raw/a{path}")).await.expect(404);
        assert_eq!(reply.json()["code"], "key_scope_not_found");
    }
}
