//! Campaigns over chosen keys, looked at before they begin, with a canary, and what they came to.

use super::*;
use crate::native_api::ask;

/// An instance where `a` and `b` failed and `c` was never asked for.
async fn with_failures() -> Harness {
    let harness = Harness::start().await;
    unit(&harness, "docs", "false", &["a", "b", "c"]).await;
    let _asked = ask(&harness, "docs", &["a", "b"]).await;
    harness.settled("docs").await;
    harness
}

fn failed() -> Value {
    json!({ "unit": "docs", "scope": "raw", "filter": { "status": "failed" } })
}

fn with(body: &Value, member: &str, value: Value) -> Value {
    let mut body = body.clone();
    body[member] = value;
    body
}

async fn events(harness: &Harness) -> usize {
    harness.get("/v1/events?limit=1000").await.expect(200).text().lines().count()
}

#[tokio::test]
async fn a_dry_run_says_exactly_what_would_be_touched_and_records_nothing() {
    let harness = with_failures().await;
    let before = events(&harness).await;
    let dry = with(&failed(), "dry_run", json!(true));
    let preview = harness.post("/v1/campaigns", dry.clone()).await.expect(200).json();
    assert_eq!((&preview["total"], &preview["keys"]), (&json!(2), &json!(["a", "b"])));
    assert_eq!((&preview["complete"], &preview["filter"]), (&json!(true), &json!({ "status": "failed" })));
    let headers = [("content-type", "application/json"), ("accept", "application/x-ndjson")];
    let lines = harness.request("POST", "/v1/campaigns", &headers, dry.to_string()).await.expect(200);
    let lines: Vec<Value> =
        lines.text().lines().map(|line| serde_json::from_str(line).expect("a line is JSON")).collect();
    assert_eq!((&lines[0]["digest"], &lines[0]["total"]), (&preview["digest"], &json!(2)));
    assert_eq!(lines[1..], [json!({ "key": "a" }), json!({ "key": "b" })]);
    let every = json!({ "unit": "docs", "scope": "raw", "dry_run": true });
    let every = harness.post("/v1/campaigns", every).await.expect(200).json();
    assert_eq!((&every["total"], &every["keys"]), (&json!(3), &json!(["a", "b", "c"])));
    assert_eq!(events(&harness).await, before);
}

#[tokio::test]
async fn a_campaign_visits_the_keys_that_a_dry_run_showed_or_says_that_they_are_others() {
    let harness = with_failures().await;
    let dry = with(&failed(), "dry_run", json!(true));
    let digest = harness.post("/v1/campaigns", dry).await.expect(200).json()["digest"].clone();
    let other = format!("sha256:{}", "0".repeat(64));
    let refused = harness.post("/v1/campaigns", with(&failed(), "expect", json!(other))).await.expect(409);
    assert_eq!(refused.json()["code"], "targets_changed");
    let started = harness.post("/v1/campaigns", with(&failed(), "expect", digest.clone())).await.expect(202);
    let started = started.json();
    assert_eq!(started["pinned"], json!({ "keys": 2, "digest": digest }));
    harness.settled("docs").await;
    let id = started["id"].as_str().expect("an id");
    let shown = harness.get(&format!("/v1/campaigns/{id}")).await.expect(200).json();
    assert_eq!((&shown["asked"], &shown["failed"], &shown["total"]), (&json!(2), &json!(2), &json!(2)));
    assert_eq!((&shown["filter"], &shown["state"]), (&json!({ "status": "failed" }), &json!("completed")));
}

#[tokio::test]
async fn a_start_with_a_filter_that_comes_again_under_its_key_gets_the_first_answer() {
    let harness = with_failures().await;
    let headers = [("content-type", "application/json"), ("idempotency-key", "once")];
    let body = failed().to_string();
    let first = harness.request("POST", "/v1/campaigns", &headers, body.clone()).await.expect(202);
    harness.settled("docs").await;
    let again = harness.request("POST", "/v1/campaigns", &headers, body).await.expect(202);
    assert_eq!(first.json(), again.json());
    let listed = harness.get("/v1/campaigns").await.expect(200).json();
    assert_eq!(listed["items"].as_array().map(Vec::len), Some(1));
}

#[tokio::test]
async fn a_canary_that_broke_a_rule_is_seen_in_list_and_report_and_can_be_overruled() {
    let harness = with_failures().await;
    let canary = json!({ "size": { "keys": 1 }, "stop_when": { "failed_share_max": 0.5 } });
    let body = json!({ "unit": "docs", "scope": "raw", "canary": canary });
    let started = harness.post("/v1/campaigns", body).await.expect(202).json();
    assert_eq!(started["canary"]["size"], json!({ "keys": 1 }));
    harness.settled("docs").await;
    let path = format!("/v1/campaigns/{}", started["id"].as_str().expect("an id"));
    let listed = harness.get("/v1/campaigns?state=stopped").await.expect(200).json();
    let why = listed["items"][0]["stands_still"].as_str().expect("a sentence");
    assert!(why.contains("1 of 1 failed, and at most a share of 0.5 may"), "{why}");
    let report = harness.get(&format!("{path}/report")).await.expect(200).json();
    assert_eq!(report["canary"]["state"], "stopped");
    assert_eq!(report["canary"]["tally"]["failed"], 1);
    let resumed = harness.post(&format!("{path}/resume"), json!({ "reason": "known" })).await.expect(200);
    assert_eq!(resumed.json()["state"], "active");
    harness.settled("docs").await;
    let report = harness.get(&format!("{path}/report")).await.expect(200).json();
    let counts = ["asked", "settled", "finished", "failed", "first"].map(|name| report[name].as_u64());
    assert_eq!(counts, [Some(3), Some(3), Some(0), Some(3), Some(0)]);
    assert_eq!(report["errors"], json!([{ "code": "exit_1", "count": 3, "example": "a" }]));
    assert_eq!((&report["state"], &report["canary"]["state"]), (&json!("completed"), &json!("overruled")));
    assert!(report["duration_ms"].is_u64() && report["settled_per_second"].is_f64(), "{report}");
    let told = pluck(&harness.get(&format!("{path}/events")).await.expect(200).json(), "event");
    assert!(told.contains(&"campaign.canary_overruled".to_owned()), "{told:?}");
}

#[tokio::test]
async fn a_filter_chooses_the_same_key_scopes_in_a_list_as_in_a_campaign() {
    let harness = with_failures().await;
    let position = harness.get("/v1/overview").await.expect(200).json()["position"].clone();
    for (query, filter, keys) in [
        ("status=failed&key_prefix=b", json!({ "status": "failed", "key_prefix": "b" }), vec!["b"]),
        ("ever_finished=false", json!({ "ever_finished": false }), vec!["a", "b"]),
        ("restart_count_min=1", json!({ "restart_count_min": 1 }), vec![]),
        ("error_code=exit_1&held=false", json!({ "error_code": "exit_1", "held": false }), vec!["a", "b"]),
        ("updated_before=2001-01-01T00:00:00Z", json!({ "updated_before": "2001-01-01T00:00:00Z" }), vec![]),
    ] {
        let path = format!("/v1/key-scopes?unit=docs&scope=raw&{query}");
        let listed = harness.get(&path).await.expect(200).json();
        assert_eq!(pluck(&listed, "key"), keys, "{query}");
        let dry = json!({ "unit": "docs", "scope": "raw", "filter": filter, "dry_run": true });
        let preview = harness.post("/v1/campaigns", dry).await.expect(200).json();
        assert_eq!((&preview["keys"], &preview["position"]), (&json!(keys), &position), "{query}");
    }
    let page = harness.get("/v1/key-scopes?ever_finished=false&limit=1").await.expect(200).json();
    assert_eq!(pluck(&page, "key"), ["a"]);
    let next = page["next"].as_str().expect("there is more");
    let rest = harness.get(&format!("/v1/key-scopes?ever_finished=false&limit=1&after={next}")).await;
    assert_eq!(pluck(&rest.expect(200).json(), "key"), ["b"]);
}
