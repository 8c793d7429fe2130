//! Positions, routes and methods: what holds for every request.

use domain::stream::Position;
use serde_json::json;
use tests::harness::Harness;

#[tokio::test]
async fn a_read_shows_every_write_that_was_acknowledged_before() {
    let harness = Harness::start().await;
    for number in 1..=20 {
        let _created =
            harness.post("/v1/storage-units", json!({ "name": format!("u{number}") })).await.expect(201);
        let listed = harness.get("/v1/storage-units").await.expect(200).json();
        assert_eq!(listed["items"].as_array().map(Vec::len), Some(number));
    }
}

#[tokio::test]
async fn a_read_reflects_at_least_the_position_asked_for() {
    let harness = Harness::start().await;
    let created = harness.post("/v1/storage-units", json!({ "name": "docs" })).await.expect(201);
    let written: Position = created.header("reprise-position").parse().expect("a position");
    for path in
        ["/v1/storage-units", "/v1/storage-units/docs", "/v1/storage-units/docs/events", "/v1/overview"]
    {
        let reply = harness.get(&format!("{path}?min_position={written}")).await.expect(200);
        let reflected: Position = reply.header("reprise-position").parse().expect("a position");
        assert!(reflected >= written, "{path}");
    }
}

#[tokio::test]
async fn a_position_that_the_log_has_not_reached_is_refused_at_once() {
    let harness = Harness::start().await;
    for path in ["/v1/storage-units", "/v1/storage-units/docs/events", "/v1/projections"] {
        let reply = harness.get(&format!("{path}?min_position=18446744073709551615")).await.expect(400);
        assert!(reply.json()["detail"].as_str().expect("a text").contains("the log ends at"), "{path}");
    }
}

#[tokio::test]
async fn every_reply_says_a_position() {
    let harness = Harness::start().await;
    for path in
        ["/v1/storage-units", "/v1/storage-units/none", "/nowhere", "/healthz", "/v1/key-scopes?limit=x"]
    {
        let reply = harness.get(path).await;
        assert!(reply.header("reprise-position").parse::<Position>().is_ok(), "{path}");
    }
}

#[tokio::test]
async fn a_path_that_is_none_and_a_method_that_is_none_are_told_apart() {
    let harness = Harness::start().await;
    let absent = harness.get("/v1/nothing").await.expect(404);
    assert_eq!(absent.json()["code"], "no_such_route");
    let refused = harness.delete("/v1/campaigns").await.expect(405);
    assert_eq!(refused.json()["code"], "no_such_method");
    let allowed = refused.header("allow");
    assert!(allowed.contains("GET") && allowed.contains("POST"), "{allowed}");
}
