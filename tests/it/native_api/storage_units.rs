//! `/v1/storage-units`.

use std::time::Duration;

use domain::names::WorkerId;
use serde_json::json;
use tests::harness::{Harness, Setup};

use super::{ask, unit};

#[tokio::test]
async fn what_a_new_unit_does_not_say_has_its_default() {
    let harness = Harness::start().await;
    let reply = harness.post("/v1/storage-units", json!({ "name": "docs" })).await.expect(201);
    assert_eq!(reply.header("location"), "/v1/storage-units/docs");
    let created = reply.json();
    assert_eq!(created["name"], "docs");
    assert_eq!(created["state"], "active");
    assert_eq!(created["content"], json!({ "kind": "managed" }));
    assert_eq!(created["queue_enabled"], true);
    assert_eq!(created["limits"]["lease_ms"], 60_000);
    assert_eq!(created["not_defined_here"], json!([]));
    assert_eq!(created["counts"]["queued"], 0);
    let shown = harness.get("/v1/storage-units/docs").await.expect(200).json();
    assert_eq!(shown["created_position"], created["created_position"]);
    let listed = harness.get("/v1/storage-units").await.expect(200).json();
    assert_eq!(listed["items"], json!([shown]));
}

#[tokio::test]
async fn a_name_is_taken_once() {
    let harness = Harness::start().await;
    let _created = harness.post("/v1/storage-units", json!({ "name": "docs" })).await.expect(201);
    let reply = harness.post("/v1/storage-units", json!({ "name": "docs" })).await.expect(409);
    assert_eq!(reply.header("content-type"), "application/problem+json");
    let problem = reply.json();
    assert_eq!(problem["type"], "/problems/storage_unit_exists");
    assert_eq!(problem["status"], 409);
    assert_eq!(
        problem["detail"],
        "A storage unit of this name exists; choose another name or drop it first."
    );
}

#[tokio::test]
async fn content_is_registered_only_below_a_base() {
    let harness = Harness::start().await;
    let body = |name: &str, content| json!({ "name": name, "content": content });
    let inside = harness.registered("in");
    let _created = harness.post("/v1/storage-units", body("in", inside.clone())).await.expect(201);
    for url in ["file:///", "file:///etc", "memory:///x"] {
        let mut outside = inside.clone();
        outside["url"] = json!(url);
        let refused = harness.post("/v1/storage-units", body("out", outside)).await.expect(403);
        assert_eq!(refused.json()["code"], "content_not_allowed", "{url}");
    }
    let mut escaping = inside.clone();
    escaping["url"] = json!(format!("{}/../../..", inside["url"].as_str().expect("a text")));
    let refused = harness.put("/v1/storage-units/in/content", escaping).await.expect(403);
    assert_eq!(refused.json()["code"], "content_not_allowed");
}

#[tokio::test]
async fn content_that_cannot_be_used_is_not_registered() {
    let harness = Harness::start().await;
    let mut content = harness.registered("docs");
    content["url"] = json!(format!("{}/nothing-there", content["url"].as_str().expect("a text")));
    let refused = harness.post("/v1/storage-units", json!({ "name": "docs", "content": content })).await;
    assert_eq!(refused.expect(422).json()["code"], "content_location");
    let _absent = harness.get("/v1/storage-units/docs").await.expect(404);
}

#[tokio::test]
async fn everything_that_is_set_for_a_unit_can_be_replaced() {
    let harness = Harness::start().await;
    let _created = harness.post("/v1/storage-units", json!({ "name": "docs" })).await.expect(201);
    let content = harness.registered("docs");
    let set = harness.put("/v1/storage-units/docs/content", content.clone()).await.expect(200).json();
    assert_eq!(set["content"], content);
    let set = harness.put("/v1/storage-units/docs/queue", json!({ "enabled": false })).await.expect(200);
    assert_eq!(set.json()["queue_enabled"], false);
    let set = harness.put("/v1/storage-units/docs/limits", json!({ "in_flight_max": 5 })).await.expect(200);
    assert_eq!(set.json()["limits"]["in_flight_max"], 5);
    assert!(set.json().get("not_defined_here").is_none());
}

#[tokio::test]
async fn modules_that_are_not_defined_here_are_accepted_and_listed() {
    let harness = Harness::start().await;
    let _created = harness.post("/v1/storage-units", json!({ "name": "docs" })).await.expect(201);
    let table = json!({
        "modules": { "raw": [{ "module": "cat", "settings": { "lang": "de" } }, { "module": "ocr" }] },
        "settings": { "all": 1 },
    });
    let set = harness.put("/v1/storage-units/docs/modules", table.clone()).await.expect(200).json();
    assert_eq!(set["not_defined_here"], json!(["ocr"]));
    assert_eq!(set["modules"], table);
}

#[tokio::test]
async fn a_dropped_unit_goes_and_its_history_stays() {
    let harness = Harness::start().await;
    let _created = harness.post("/v1/storage-units", json!({ "name": "docs" })).await.expect(201);
    let dropped = harness.delete("/v1/storage-units/docs?reason=too%20old").await.expect(202);
    assert_eq!(dropped.json()["state"], "clearing");
    let events = harness.get("/v1/storage-units/docs/events").await.expect(200).json();
    assert_eq!(events["items"][1]["event"], "storage_unit.dropped");
    assert_eq!(events["items"][1]["reason"], "too old");
    let _absent = harness.put("/v1/storage-units/docs/queue", json!({ "enabled": true })).await.expect(404);
}

#[tokio::test]
async fn who_and_why_are_recorded_with_every_write() {
    let harness = Harness::start().await;
    let headers = [("content-type", "application/json"), ("reprise-actor", "mara")];
    let body = json!({ "name": "docs", "reason": "a new project" }).to_string();
    let _created = harness.request("POST", "/v1/storage-units", &headers, body).await.expect(201);
    let body = json!({ "enabled": false, "reason": "maintenance" });
    let _set = harness.put("/v1/storage-units/docs/queue", body).await.expect(200);
    let events = harness.get("/v1/storage-units/docs/events").await.expect(200).json();
    let told = |index: usize| {
        let entry = &events["items"][index];
        (entry["actor"].as_str().expect("a text"), entry["reason"].as_str().expect("a text"))
    };
    assert_eq!(told(0), ("mara", "a new project"));
    assert_eq!(told(1), ("http", "maintenance"));
    assert_eq!(events["items"][1]["command"], "disable_queue");
    assert_eq!(events["items"][1]["changes"][0]["path"], "/queue_enabled");
}

#[tokio::test]
async fn a_history_comes_in_pages_oldest_first() {
    let harness = Harness::start().await;
    let _created = harness.post("/v1/storage-units", json!({ "name": "docs" })).await.expect(201);
    for enabled in [false, true, false] {
        let _set =
            harness.put("/v1/storage-units/docs/queue", json!({ "enabled": enabled })).await.expect(200);
    }
    let mut after = String::new();
    let mut told = Vec::new();
    loop {
        let path = format!("/v1/storage-units/docs/events?limit=3{after}");
        let page = harness.get(&path).await.expect(200).json();
        told.extend(super::pluck(&page, "event"));
        let Some(next) = page["next"].as_str() else { break };
        after = format!("&after={next}");
    }
    let expected = ["created", "queue_disabled", "queue_enabled", "queue_disabled"];
    assert_eq!(told, expected.map(|name| format!("storage_unit.{name}")));
}

#[tokio::test]
async fn each_key_of_a_request_has_its_own_result() {
    let harness = Setup::without_workers().start().await;
    unit(&harness, "docs", "cat", &["a.txt", "deep/b.txt"]).await;
    let results = ask(&harness, "docs", &["a.txt", "deep/b.txt", "missing.txt", "", "a.txt"]).await;
    let told: Vec<_> = results.iter().map(|result| (&result["outcome"], &result["code"])).collect();
    assert_eq!(told[1], (&json!("queued"), &json!(null)));
    assert_eq!(told[2], (&json!("error"), &json!("key_not_found")));
    assert_eq!(told[3], (&json!("error"), &json!("invalid_key")));
    // The same key twice at once: whichever comes second finds it waiting.
    let mut twice = [told[0].0.as_str(), told[4].0.as_str()];
    twice.sort();
    assert_eq!(twice, [Some("already_waiting"), Some("queued")]);
    let body = json!({ "scope": "other", "keys": ["a.txt"] });
    let results = harness.post("/v1/storage-units/docs/reprocess", body).await.expect(200).json();
    assert_eq!(results["results"][0]["code"], "scope_not_found");
}

#[tokio::test]
async fn a_reset_takes_effect_before_it_answers() {
    let harness = Setup::without_workers().start().await;
    unit(&harness, "docs", "cat", &["a", "b"]).await;
    ask(&harness, "docs", &["a", "b"]).await;
    let worker = WorkerId::new("w1").expect("a worker id");
    let claimed = harness.engine.claim(&worker, 2, Duration::from_secs(5)).await.expect("there is work");
    assert_eq!(claimed.len(), 2);
    let reset = harness.post("/v1/storage-units/docs/reset", json!({ "reason": "stuck" })).await.expect(200);
    assert_eq!(reset.json()["unassigned"], 2);
    let counts = harness.get("/v1/storage-units/docs").await.expect(200).json()["counts"].clone();
    assert_eq!((&counts["assigned"], &counts["queued"]), (&json!(0), &json!(2)));
    let events = harness.get("/v1/key-scopes/docs/raw/a/events").await.expect(200).json();
    assert_eq!(events["items"][2]["event"], "key_scope.unassigned");
    assert_eq!(events["items"][2]["reason"], "stuck");
}
