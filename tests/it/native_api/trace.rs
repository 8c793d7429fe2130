//! `/v1/commands/{name}`: from a restart to the campaign and the person that caused it, and forward to everything it caused.

use serde_json::{Value, json};
use tests::harness::{Harness, Setup};

const DOCS: &str = "/v1/storage-units/docs";

async fn get(harness: &Harness, path: &str) -> Value {
    harness.get(path).await.expect(200).json()
}

/// The newest event of a kind in a thing's history.
async fn newest(harness: &Harness, thing: &str, kind: &str) -> Value {
    let events = get(harness, &format!("{thing}/events")).await;
    let found = events["items"].as_array().expect("a list").iter().rfind(|event| event["event"] == kind);
    found.unwrap_or_else(|| panic!("no {kind} in {events}")).clone()
}

fn streams(commands: &Value) -> Vec<String> {
    let commands = commands.as_array().expect("a list").iter();
    commands.map(|command| command["stream"].as_str().expect("a text").to_owned()).collect()
}

#[tokio::test]
async fn from_a_restart_one_walks_to_the_campaign_and_the_person_and_forward_to_everything_it_caused() {
    let harness = Harness::start().await;
    super::unit(&harness, "docs", "cat", &["a", "b"]).await;
    let _asked = super::ask(&harness, "docs", &["a", "b"]).await;
    harness.settled("docs").await;
    let start = json!({ "unit": "docs", "scope": "raw" });
    let headers =
        [("content-type", "application/json"), ("reprise-actor", "mara"), ("idempotency-key", "again 7")];
    let started =
        harness.request("POST", "/v1/campaigns?reason=a%20new%20model", &headers, start.to_string()).await;
    let campaign = started.expect(202).json()["id"].as_str().expect("an id").to_owned();
    harness.settled("docs").await;

    let restarted = newest(&harness, "/v1/key-scopes/docs/raw/a", "key_scope.restarted").await;
    let position = restarted["position"].as_str().expect("a position");
    let trace = get(&harness, &format!("/v1/commands/p{position}")).await;
    assert_eq!(trace["command"]["stream"], "key_scope-docs/raw/a");
    assert_eq!(trace["events"][0]["event"], "key_scope.restarted");
    let cause = trace["causes"].as_array().expect("a list").last().expect("a cause").clone();
    assert_eq!(cause["stream"], json!(format!("campaign-{campaign}")));
    assert_eq!((&cause["actor"], &cause["reason"]), (&json!("mara"), &json!("a new model")));

    for name in ["again%207", &campaign, cause["command_id"].as_str().expect("an id")] {
        let trace = get(&harness, &format!("/v1/commands/{name}")).await;
        assert_eq!(trace["command"], cause, "{name}");
        let caused = streams(&trace["caused"]);
        for key in ["a", "b"] {
            assert!(caused.contains(&format!("key_scope-docs/raw/{key}")), "{caused:?}");
        }
        assert_eq!(trace["next"], Value::Null);
    }
    let (mut paged, mut after) = (Vec::new(), String::new());
    loop {
        let page = get(&harness, &format!("/v1/commands/{campaign}?limit=1{after}")).await;
        paged.extend(streams(&page["caused"]));
        let Some(next) = page["next"].as_str() else { break };
        after = format!("&after={next}");
    }
    assert_eq!(paged, streams(&get(&harness, &format!("/v1/commands/{campaign}")).await["caused"]));
}

#[tokio::test]
async fn what_came_without_a_key_is_found_as_a_cause_and_by_position() {
    let harness = Setup::without_workers().start().await;
    super::unit(&harness, "docs", "cat", &["a"]).await;
    let _asked = super::ask(&harness, "docs", &["a"]).await;
    let claim = json!({ "worker": "w", "queues": [{ "unit": "docs" }] });
    let _claimed = harness.post("/v1/leases", claim).await.expect(200);
    let _reset =
        harness.post(&format!("{DOCS}/reset"), json!({ "reason": "a wrong model" })).await.expect(200);
    let reset = newest(&harness, DOCS, "storage_unit.queue_reset").await;
    let unassigned = newest(&harness, "/v1/key-scopes/docs/raw/a", "key_scope.unassigned").await;
    let path = |event: &Value| format!("/v1/commands/p{}", event["position"].as_str().expect("a position"));
    let forward = get(&harness, &path(&reset)).await;
    assert_eq!(streams(&forward["caused"]), ["key_scope-docs/raw/a"]);
    let back = get(&harness, &path(&unassigned)).await;
    assert_eq!(back["causes"], json!([forward["command"]]));
    for absent in ["p999999", "nobody%20sent%20this", "0195d3c0-0000-7000-8000-000000000000"] {
        let problem = harness.get(&format!("/v1/commands/{absent}")).await.expect(404).json();
        assert_eq!(problem["code"], "command_not_found");
    }
}
