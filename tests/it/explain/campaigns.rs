//! Why a campaign does not move, and what frees it.

use serde_json::{Value, json};
use tests::harness::Harness;

use super::{carry_out, causes, explain, failure, happened, lease, report, with_unit};

async fn start(harness: &Harness, more: Value) -> String {
    let mut body = json!({ "unit": "docs", "scope": "raw" });
    for (name, value) in more.as_object().expect("an object") {
        body[name] = value.clone();
    }
    let started = harness.post("/v1/campaigns", body).await.expect(202);
    started.header("location").to_owned()
}

async fn complete(harness: &Harness) {
    let lease = lease(harness, "docs").await;
    let output = json!({ "outputs": [{ "module": "cat", "content": "a" }] });
    report(harness, "complete", &lease, output).await;
}

async fn state(harness: &Harness, path: &str) -> String {
    let shown = harness.get(path).await.expect(200).json();
    shown["state"].as_str().expect("a word").to_owned()
}

#[tokio::test]
async fn a_paused_campaign_is_resumed() {
    let harness = with_unit(&["a", "b"]).await;
    let path = start(&harness, json!({ "pace": { "in_flight_max": 1 } })).await;
    happened(&harness, "advanced").await;
    let _paused = harness.post(&format!("{path}/pause"), json!({ "reason": "too loud" })).await.expect(200);
    let explained = explain(&harness, &path).await;
    assert_eq!((&explained["state"], causes(&explained)[0]), (&json!("paused"), "campaign_paused"));
    assert_eq!(explained["causes"][0]["event"]["reason"], "too loud");
    let _resumed = carry_out(&harness, &explained).await;
    assert_eq!(state(&harness, &path).await, "active");
}

#[tokio::test]
async fn a_campaign_at_its_pace_goes_on_without_one() {
    let harness = with_unit(&["a", "b"]).await;
    let path = start(&harness, json!({ "pace": { "in_flight_max": 1 } })).await;
    happened(&harness, "advanced").await;
    let explained = explain(&harness, &path).await;
    assert_eq!(causes(&explained), ["campaign_pace", "no_worker"]);
    assert_eq!(explained["causes"][0]["open"], 1);
    let _lifted = carry_out(&harness, &explained).await;
    happened(&harness, "exhausted").await;
}

#[tokio::test]
async fn a_campaign_whose_keys_nobody_works_on_ends_when_somebody_does() {
    let harness = with_unit(&["a"]).await;
    let path = start(&harness, json!({})).await;
    happened(&harness, "exhausted").await;
    let explained = explain(&harness, &path).await;
    assert_eq!(causes(&explained), ["members_open", "no_worker"]);
    assert_eq!(explained["suggestions"][0]["command"], "reprise work --queue docs/raw");
    let given = carry_out(&harness, &explained).await.json();
    let done = json!({ "worker": "a-worker", "outputs": [{ "module": "cat", "content": "a" }] });
    report(&harness, "complete", &given["leases"][0], done).await;
    happened(&harness, "completed").await;
    let explained = explain(&harness, &path).await;
    assert_eq!((causes(&explained), &explained["state"]), (vec!["campaign_completed"], &json!("completed")));
    let again = carry_out(&harness, &explained).await.json();
    assert_eq!((&again["unit"], &again["scope"]), (&json!("docs"), &json!("raw")));
}

#[tokio::test]
async fn a_campaign_whose_canary_waits_is_resumed() {
    let harness = with_unit(&["a", "b"]).await;
    let path = start(&harness, json!({ "canary": { "size": { "keys": 1 }, "then": "wait" } })).await;
    happened(&harness, "advanced").await;
    let explained = explain(&harness, &path).await;
    assert_eq!(causes(&explained), ["canary_unsettled", "no_worker"]);
    complete(&harness).await;
    happened(&harness, "canary_passed").await;
    let explained = explain(&harness, &path).await;
    assert_eq!((causes(&explained), &explained["state"]), (vec!["canary_waits"], &json!("waiting")));
    let _resumed = carry_out(&harness, &explained).await;
    happened(&harness, "exhausted").await;
}

#[tokio::test]
async fn a_campaign_that_a_rule_stopped_says_which_and_is_resumed_all_the_same() {
    let harness = with_unit(&["a", "b"]).await;
    let canary = json!({ "size": { "keys": 1 }, "stop_when": { "failed_share_max": 0.1 } });
    let path = start(&harness, json!({ "canary": canary })).await;
    let lease = lease(&harness, "docs").await;
    report(&harness, "fail", &lease, failure(1)).await;
    happened(&harness, "canary_stopped").await;
    let explained = explain(&harness, &path).await;
    assert_eq!((causes(&explained), &explained["state"]), (vec!["canary_stopped"], &json!("stopped")));
    assert_eq!(explained["causes"][0]["text"], "1 of 1 failed, and at most a share of 0.1 may");
    let _resumed = carry_out(&harness, &explained).await;
    happened(&harness, "exhausted").await;
}

#[tokio::test]
async fn a_cancelled_campaign_is_started_again() {
    let harness = with_unit(&["a"]).await;
    let path = start(&harness, json!({ "pace": { "in_flight_max": 7 } })).await;
    let _cancelled = harness.post(&format!("{path}/cancel"), Value::Null).await.expect(200);
    let explained = explain(&harness, &path).await;
    assert_eq!(causes(&explained), ["campaign_cancelled"]);
    let again = carry_out(&harness, &explained).await.json();
    assert_eq!(again["pace"], json!({ "in_flight_max": 7 }));
}
