//! `/v1/overview`, `/v1/projections` and what operations ask.

use serde_json::{Value, json};
use tests::harness::{Harness, Setup};

use super::{ask, unit};

#[tokio::test]
async fn the_overview_adds_up_over_units_scopes_and_statuses() {
    let harness = Setup::without_workers().start().await;
    unit(&harness, "docs", "cat", &["a", "b"]).await;
    unit(&harness, "more", "cat", &["c"]).await;
    ask(&harness, "docs", &["a", "b"]).await;
    ask(&harness, "more", &["c"]).await;
    let overview = harness.get("/v1/overview").await.expect(200).json();
    assert_eq!(overview["totals"]["queued"], 3);
    assert_eq!(overview["units"][0]["scopes"]["raw"]["queued"], 2);
    assert_eq!(overview["units"][1]["counts"]["queued"], 1);
}

#[tokio::test]
async fn a_rebuild_tells_how_it_goes_and_ends_with_a_report() {
    let harness = Setup::without_workers().start().await;
    unit(&harness, "docs", "cat", &["a", "b"]).await;
    ask(&harness, "docs", &["a", "b"]).await;
    let listed = harness.get("/v1/projections").await.expect(200).json();
    let items = listed["items"].as_array().expect("a list");
    let key_scopes = items.iter().find(|item| item["name"] == "key_scopes").expect("one of them");
    assert_eq!((&key_scopes["rows"], &key_scopes["lag_events"]), (&json!(2), &json!(0)));
    let reply = harness.post("/v1/projections/key_scopes/rebuild", Value::Null).await.expect(200);
    assert_eq!(reply.header("content-type"), "application/x-ndjson");
    let text = reply.text();
    let lines: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    let (last, progress) = lines.split_last().expect("at least one line");
    assert!(progress.iter().all(|line| line["progress"]["events"].is_u64()), "{text}");
    assert_eq!((&last["report"]["rows"], &last["report"]["rows_different"]), (&json!(2), &json!(0)));
    let unknown = harness.post("/v1/projections/nothing/rebuild", Value::Null).await.expect(404);
    assert_eq!(unknown.json()["code"], "projection_not_found");
}

#[tokio::test]
async fn a_healthy_instance_says_so() {
    let harness = Harness::start().await;
    assert_eq!(harness.get("/healthz").await.expect(200).json(), json!({ "status": "ok" }));
    let ready = harness.get("/readyz").await.expect(200).json();
    assert_eq!((&ready["ready"], &ready["store"]), (&json!(true), &json!("ok")));
}
