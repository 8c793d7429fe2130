//! `/v1/campaigns`.

mod chosen;

use serde_json::{Value, json};
use tests::harness::{Harness, Setup};

use super::{pluck, unit};

async fn start(harness: &Harness, pace: Value) -> String {
    let body = json!({ "unit": "docs", "scope": "raw", "pace": pace, "reason": "new module" });
    let reply = harness.post("/v1/campaigns", body).await.expect(202);
    let started = reply.json();
    assert_eq!(started["state"], "active");
    let path = format!("/v1/campaigns/{}", started["id"].as_str().expect("an id"));
    assert_eq!(reply.header("location"), path);
    path
}

#[tokio::test]
async fn a_campaign_asks_for_every_key_and_counts_what_became_of_them() {
    let harness = Harness::start().await;
    unit(&harness, "docs", "sha256sum", &["a", "b", "c/d"]).await;
    let path = start(&harness, json!({})).await;
    harness.settled("docs").await;
    let shown = harness.get(&path).await.expect(200).json();
    assert_eq!(shown["state"], "completed");
    for (count, expected) in [("keys", 3), ("asked", 3), ("settled", 3), ("finished", 3), ("first", 3)] {
        assert_eq!(shown[count], expected, "{count}");
    }
    let events = harness.get(&format!("{path}/events")).await.expect(200).json();
    let told = pluck(&events, "event");
    assert_eq!(told.first().map(String::as_str), Some("campaign.started"));
    assert_eq!(told.last().map(String::as_str), Some("campaign.completed"));
    assert_eq!(events["items"][0]["reason"], "new module");
    let id = shown["id"].as_str().expect("an id");
    let members = harness.get(&format!("/v1/key-scopes?campaign={id}")).await.expect(200).json();
    assert_eq!(pluck(&members, "key"), ["a", "b", "c/d"]);
}

#[tokio::test]
async fn a_campaign_is_paused_resumed_and_cancelled() {
    let harness = Setup::without_workers().start().await;
    unit(&harness, "docs", "cat", &["a"]).await;
    let path = start(&harness, json!({ "in_flight_max": 1 })).await;
    let steps = [("pause", "paused"), ("pause", "paused"), ("resume", "active"), ("cancel", "cancelled")];
    for (step, state) in steps {
        let reply = harness.post(&format!("{path}/{step}?reason=because"), Value::Null).await.expect(200);
        assert_eq!(reply.json()["state"], state, "{step}");
    }
    let over = harness.post(&format!("{path}/resume"), Value::Null).await.expect(409);
    assert_eq!(over.json()["code"], "campaign_over");
    let listed = harness.get("/v1/campaigns?unit=docs&state=cancelled").await.expect(200).json();
    assert_eq!(listed["items"].as_array().map(Vec::len), Some(1));
    assert_eq!(listed["items"][0]["reason"], "because");
    let listed = harness.get("/v1/campaigns?state=active").await.expect(200).json();
    assert_eq!(listed["items"], json!([]));
}

#[tokio::test]
async fn the_pace_of_a_campaign_can_be_changed() {
    let harness = Setup::without_workers().start().await;
    unit(&harness, "docs", "cat", &["a"]).await;
    let path = start(&harness, json!({})).await;
    let pace = json!({ "keys_per_second_max": 10 });
    let reply = harness.put(&format!("{path}/pace"), pace.clone()).await.expect(200);
    assert_eq!(reply.json()["pace"], pace);
    let refused = harness.put(&format!("{path}/pace"), json!({ "in_flight_max": 0 })).await.expect(422);
    assert_eq!(refused.json()["code"], "pace_zero");
}

#[tokio::test]
async fn a_campaign_needs_a_unit() {
    let harness = Harness::start().await;
    let body = json!({ "unit": "none", "scope": "raw" });
    let refused = harness.post("/v1/campaigns", body).await.expect(404);
    assert_eq!(refused.json()["code"], "storage_unit_not_found");
    let absent = "/v1/campaigns/00000000-0000-0000-0000-000000000000";
    for path in [absent.to_owned(), format!("{absent}/events")] {
        assert_eq!(harness.get(&path).await.expect(404).json()["code"], "campaign_not_found");
    }
}
