//! `/v1/events`: the log in pages, and as a stream that may be cut at any time.

mod cut;

use domain::ports::EventFilter;
use domain::stream::Position;
use serde_json::{Value, json};
use tests::harness::{Harness, Reply, Setup};

async fn harness() -> Harness {
    let harness = Setup::without_workers().start().await;
    for unit in ["docs", "mails"] {
        let _created = harness.post("/v1/storage-units", json!({ "name": unit })).await.expect(201);
        let body = json!({ "enabled": false, "reason": "maintenance" });
        let _disabled = harness.put(&format!("/v1/storage-units/{unit}/queue"), body).await.expect(200);
    }
    let _started = harness.post("/v1/campaigns", json!({ "unit": "docs", "scope": "raw" })).await.expect(202);
    harness.settled("docs").await;
    harness
}

fn lines(reply: &Reply) -> Vec<Value> {
    reply.text().lines().map(|line| serde_json::from_str(line).expect("JSON")).collect()
}

async fn types(harness: &Harness, query: &str) -> Vec<String> {
    let reply = harness.get(&format!("/v1/events?{query}")).await.expect(200);
    lines(&reply).iter().map(|event| event["type"].as_str().expect("a text").to_owned()).collect()
}

#[tokio::test]
async fn every_event_is_shown_in_its_stored_form() {
    let harness = harness().await;
    let reply = harness.get("/v1/events").await.expect(200);
    assert_eq!(reply.header("content-type"), "application/x-ndjson");
    let shown = lines(&reply);
    let log = harness.engine.store().read_all(Position::START, 1_000, &EventFilter::default()).await;
    let log = log.expect("the log can be read");
    assert_eq!(shown.len(), log.len());
    for (shown, event) in shown.iter().zip(&log) {
        let stored = event_codec::encode(&event.event);
        let data: Value = serde_json::from_slice(&stored.payload).expect("JSON");
        assert_eq!((&shown["type"], &shown["schema"]), (&json!(stored.type_name), &json!(stored.schema)));
        assert_eq!((&shown["data"], &shown["id"]), (&data, &json!(event.id)));
        assert_eq!((&shown["position"], &shown["version"]), (&json!(event.position), &json!(event.version)));
        assert_eq!(shown["stream"], event.stream.as_str());
        assert_eq!(shown["command_id"], json!(event.metadata.command_id));
    }
    assert_eq!((&shown[1]["reason"], &shown[1]["actor"]), (&json!("maintenance"), &json!("http")));
}

#[tokio::test]
async fn pages_follow_each_other_without_gap_or_repeat() {
    let harness = harness().await;
    let whole = lines(&harness.get("/v1/events").await.expect(200));
    for limit in 1..4 {
        let (mut pages, mut after) = (Vec::new(), "0".to_owned());
        loop {
            let page = harness.get(&format!("/v1/events?limit={limit}&after={after}")).await.expect(200);
            pages.extend(lines(&page));
            match page.header("reprise-next") {
                "" => break,
                next => after = next.to_owned(),
            }
        }
        assert_eq!(pages, whole);
    }
}

#[tokio::test]
async fn events_are_found_by_kind_unit_and_stream() {
    let harness = harness().await;
    let of_unit = ["storage_unit.created", "storage_unit.queue_disabled"];
    assert_eq!(types(&harness, "unit=docs").await, of_unit);
    assert_eq!(types(&harness, "stream_prefix=storage_unit-mails").await, of_unit);
    assert_eq!(types(&harness, "kind=storage_unit.created").await.len(), 2);
    assert_eq!(types(&harness, "kind=storage_unit").await.len(), 4);
    assert_eq!(types(&harness, "kind=campaign&limit=1").await, ["campaign.started"]);
    assert_eq!(types(&harness, "kind=storage_unit.created&unit=mails").await.len(), 1);
    let reply = harness.get("/v1/events?kind=campaign.strated").await.expect(400);
    assert!(reply.json()["detail"].as_str().expect("a text").contains("campaign.strated"));
}

#[tokio::test]
async fn a_position_of_another_log_is_refused() {
    let harness = harness().await;
    for path in ["/v1/events?after=4711", "/v1/events/stream?after=4711", "/v1/commands?after=4711"] {
        let refused = harness.get(path).await.expect(400);
        assert!(refused.json()["detail"].as_str().expect("a text").contains("the log ends at"), "{path}");
    }
    let headers = [("accept", "text/event-stream"), ("last-event-id", "4711")];
    let _refused = harness.request("GET", "/v1/events", &headers, "").await.expect(400);
    let headers = [("last-event-id", "1")];
    let refused = harness.request("GET", "/v1/events/stream?after=4711", &headers, "").await.expect(400);
    assert!(refused.json()["detail"].as_str().expect("a text").contains("parameter after"));
    let _refused = harness.get("/v1/events/stream?limit=3").await.expect(400);
}

#[tokio::test]
async fn pages_reflect_at_least_the_position_asked_for() {
    let harness = harness().await;
    let head = harness.engine.acknowledged();
    for path in ["/v1/events", "/v1/commands"] {
        let reply = harness.get(&format!("{path}?min_position={head}")).await.expect(200);
        assert!(reply.header("reprise-position").parse::<Position>().expect("a position") >= head);
        let _refused = harness.get(&format!("{path}?min_position=999999")).await.expect(400);
    }
}
