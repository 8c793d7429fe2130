//! What a worker says of its leases, and what comes of it.

use std::sync::Arc;

use domain::time::Millis;
use serde_json::{Value, json};
use tests::harness::{Setup, TestClock};
use tests::place::{until, word};

use super::{ask, claim, claim_one, events, item, outputs, row, say, unit, waiting_for_work};

#[tokio::test]
async fn work_is_claimed_begun_extended_and_completed() {
    let harness = waiting_for_work(&["a"]).await;
    let lease = claim_one(&harness, "w").await;
    let begun = say(&harness, "start", &lease, json!({ "worker": "w" })).await.expect(200).json();
    assert_eq!((&begun["status"], &begun["key"]), (&json!("ok"), &json!("a")));
    assert_eq!(row(&harness, "a").await["status"], "running");
    let extended = say(&harness, "extend", &lease, json!({ "lease_ms": 600_000 })).await.expect(200).json();
    assert!(extended["until"].as_str() > lease["until"].as_str(), "{extended}");
    let done = say(&harness, "complete", &lease, outputs(json!({ "scope": "out", "content": "made" }))).await;
    assert_eq!(done.expect(200).json()["repeated"], false);
    let kept = harness.get("/v1/documents/docs/out/a").await.expect(200);
    assert_eq!(kept.text(), "made");
    assert_eq!(row(&harness, "a").await["status"], "finished");
    let history = harness.get("/v1/key-scopes/docs/raw/a/events").await.expect(200).json();
    assert_eq!((&history["items"][1]["actor"], &history["items"][2]["actor"]), (&json!("w"), &json!("w")));
    let attempts = harness.get("/v1/key-scopes/docs/raw/a/attempts").await.expect(200).json();
    let output = &attempts["items"][0]["outputs"][0];
    assert_eq!((&output["scope"], &output["size_bytes"]), (&json!("out"), &json!(4)));
}

#[tokio::test]
async fn completing_what_was_not_started_starts_it_and_completing_twice_is_completing_once() {
    let harness = waiting_for_work(&["a"]).await;
    let lease = claim_one(&harness, "w").await;
    let done = outputs(json!({ "content_base64": "bWFkZQ==" }));
    assert_eq!(say(&harness, "complete", &lease, done.clone()).await.expect(200).json()["repeated"], false);
    assert_eq!(say(&harness, "complete", &lease, done).await.expect(200).json()["repeated"], true);
    assert_eq!(events(&harness, "a").await, ["queued", "assigned", "process_started", "finished"]);
}

#[tokio::test]
async fn many_reports_in_one_request_have_one_result_each_in_their_order() {
    let harness = waiting_for_work(&["a", "b", "c"]).await;
    let leases = claim(&harness, "w", 3).await;
    let mut items: Vec<Value> =
        leases.iter().map(|lease| item(lease, outputs(json!({ "content": "x" })))).collect();
    items[1]["token"] = json!(7_000);
    items.push(json!({ "unit": "docs" }));
    items.push(json!("nonsense"));
    items.push(json!({ "unit": "none", "scope": "raw", "key": "a", "token": 1 }));
    let body = json!({ "worker": "w", "items": items });
    let reply = harness.post("/v1/leases/complete", body).await.expect(200).json();
    let results = reply["results"].as_array().unwrap();
    let statuses: Vec<&str> = results.iter().map(|result| result["status"].as_str().unwrap()).collect();
    assert_eq!(statuses, ["ok", "late_result", "ok", "invalid_body", "invalid_body", "lease_gone"]);
    assert_eq!((&results[1]["key"], &results[1]["token"]), (&json!("b"), &json!(7_000)));
    assert!(results[1]["detail"].as_str().unwrap().contains("never was a lease"), "{}", results[1]);
    for word in ["start", "extend", "release"] {
        let body = json!({ "items": [item(&leases[1], json!({})), item(&leases[0], json!({}))] });
        let reply = harness.post(&format!("/v1/leases/{word}"), body).await.expect(200).json();
        let statuses = [&reply["results"][0]["status"], &reply["results"][1]["status"]];
        assert_eq!(statuses, ["ok", "lease_gone"], "{word}: {reply}");
    }
}

#[tokio::test]
async fn a_failure_is_tried_again_as_the_worker_says_or_else_as_the_unit_says() {
    let harness = Setup::without_workers().start().await;
    let retry = json!({ "attempts_max": 5, "backoff_ms": 3_600_000, "backoff_ms_max": 3_600_000 });
    unit(&harness, "docs", json!([{ "module": "cat", "retry": retry }])).await;
    ask(&harness, "docs", &["a", "b"]).await;
    let leases = claim(&harness, "w", 2).await;
    let failure = json!({ "code": "no_ocr", "text": "the scan is empty" });
    let failed = say(&harness, "fail", &leases[0], failure).await.expect(200).json();
    assert!(failed["retry_at"].is_string(), "{failed}");
    let failure = json!({ "code": "broken", "retry": { "attempts_max": 1 } });
    let failed = say(&harness, "fail", &leases[1], failure).await.expect(200).json();
    assert_eq!(failed["retry_at"], Value::Null);
    let (a, b) = (row(&harness, "a").await, row(&harness, "b").await);
    assert_eq!((&a["status"], &a["last_error"]["code"]), (&json!("retrying"), &json!("no_ocr")));
    assert_eq!((&b["status"], &b["last_error"]["code"]), (&json!("failed"), &json!("broken")));
}

#[tokio::test]
async fn what_is_given_back_waits_for_the_next_worker() {
    let harness = waiting_for_work(&["a"]).await;
    let lease = claim_one(&harness, "w").await;
    let _released = say(&harness, "release", &lease, json!({})).await.expect(200);
    assert_eq!(claim_one(&harness, "v").await["attempt"], 2);
    let gone = say(&harness, "start", &lease, json!({})).await.expect(409).json();
    let detail = gone["detail"].as_str().unwrap();
    assert!(
        gone["code"] == "lease_gone" && detail.contains("given back") && detail.contains("'v'"),
        "{gone}"
    );
}

#[tokio::test]
async fn a_late_result_is_refused_with_what_happened_since_and_replaces_nothing() {
    let clock = TestClock::at("2026-05-01T12:00:00Z");
    let harness = Setup { clock: Arc::new(clock.clone()), ..Setup::without_workers() }.start().await;
    unit(&harness, "docs", json!([{ "module": "cat" }])).await;
    ask(&harness, "docs", &["a"]).await;
    let body = json!({ "worker": "slow", "lease_ms": 20 });
    let slow = harness.post("/v1/leases", body).await.expect(200).json()["leases"][0].clone();
    clock.pass(Millis(20));
    until(harness.engine.store(), |event| word(&event.event) == "unassigned").await;
    let quick = claim_one(&harness, "quick").await;
    let late = |content: &str| outputs(json!({ "scope": "out", "content": content }));
    let refused = say(&harness, "complete", &slow, late("old")).await.expect(409).json();
    let detail = refused["detail"].as_str().unwrap();
    assert_eq!(refused["code"], "late_result");
    assert!(
        detail.contains("ran out at 2026-05-01T12:00:00.020000Z") && detail.contains("'quick' has it now"),
        "{detail}"
    );
    let _nothing = harness.get("/v1/documents/docs/out/a").await.expect(404);
    let _done = say(&harness, "complete", &quick, late("new")).await.expect(200);
    let refused = say(&harness, "fail", &slow, json!({ "code": "tired" })).await.expect(409).json();
    assert!(refused["detail"].as_str().unwrap().contains("it is finished now"), "{refused}");
    assert_eq!(harness.get("/v1/documents/docs/out/a").await.expect(200).text(), "new");
    assert_eq!(row(&harness, "a").await["late_results"], 2);
    let happened = events(&harness, "a").await;
    assert_eq!(happened.iter().filter(|event| *event == "late_result_refused").count(), 2, "{happened:?}");
}
