//! `/v1/system`.

use serde_json::{Value, json};
use tests::harness::{Harness, Setup};

use super::{ask, pluck, unit};

async fn pause(harness: &Harness, reason: &str) -> Value {
    harness.post("/v1/system/pause", json!({ "reason": reason })).await.expect(200).json()
}

#[tokio::test]
async fn the_system_says_whether_it_is_paused_since_when_by_whom_and_why() {
    let harness = Setup::without_workers().start().await;
    let before = harness.get("/v1/system").await.expect(200).json();
    assert_eq!(before["paused"], false);
    let events = harness.get("/v1/system/events").await.expect(200).json();
    assert_eq!(events["items"], json!([]));

    let paused = pause(&harness, "the disk is full").await;
    assert_eq!((&paused["paused"], &paused["reason"]), (&json!(true), &json!("the disk is full")));
    assert_eq!(paused["by"], "http");
    assert!(paused["since"].is_string());
    assert_eq!(harness.get("/v1/system").await.expect(200).json(), paused);
    let overview = harness.get("/v1/overview").await.expect(200).json();
    let told = json!({ "since": paused["since"], "by": "http", "reason": "the disk is full" });
    assert_eq!(overview["paused"], told);

    let resumed = harness.post("/v1/system/resume", Value::Null).await.expect(200).json();
    assert_eq!((&resumed["paused"], &resumed["reason"]), (&json!(false), &Value::Null));
    let overview = harness.get("/v1/overview").await.expect(200).json();
    assert_eq!(overview.get("paused"), None);
    let events = harness.get("/v1/system/events").await.expect(200).json();
    assert_eq!(pluck(&events, "event"), ["system.paused", "system.resumed"]);
    assert_eq!(events["items"][0]["summary"], "paused, so that no lease is given: the disk is full");
    let of_kind = harness.get("/v1/events?kind=system").await.expect(200).text();
    assert_eq!(of_kind.lines().count(), 2);
}

#[tokio::test]
async fn a_pause_that_comes_again_is_fine_and_one_for_another_reason_is_not() {
    let harness = Setup::without_workers().start().await;
    let first = pause(&harness, "lunch").await;
    assert_eq!(pause(&harness, "lunch").await, first);
    let other = harness.post("/v1/system/pause", json!({ "reason": "dinner" })).await.expect(409).json();
    assert_eq!(other["code"], "already_paused");
    assert!(other["detail"].as_str().unwrap().contains("lunch"), "{other}");
    assert_eq!(harness.get("/v1/system").await.expect(200).json(), first);
}

#[tokio::test]
async fn a_claim_that_gets_nothing_is_told_that_the_system_is_paused() {
    let harness = Setup::without_workers().start().await;
    unit(&harness, "docs", "cat", &["a"]).await;
    ask(&harness, "docs", &["a"]).await;
    pause(&harness, "lunch").await;
    for wait_ms in [0, 20] {
        let claim = json!({ "worker": "w", "wait_ms": wait_ms });
        let reply = harness.post("/v1/leases", claim).await.expect(200).json();
        assert_eq!((&reply["leases"], &reply["paused"]), (&json!([]), &json!({ "reason": "lunch" })));
    }
    let _resumed = harness.post("/v1/system/resume", Value::Null).await.expect(200);
    let claim = json!({ "worker": "w", "wait_ms": 30_000 });
    let reply = harness.post("/v1/leases", claim.clone()).await.expect(200).json();
    assert_eq!((&reply["leases"][0]["key"], reply.get("paused")), (&json!("a"), None));
    let nothing = harness.post("/v1/leases", json!({ "worker": "w" })).await.expect(200).json();
    assert_eq!((&nothing["leases"], nothing.get("paused")), (&json!([]), None));
}

#[tokio::test]
async fn the_system_is_steered_through_the_door_of_all_commands_too() {
    let harness = Setup::without_workers().start().await;
    let send = |command: Value| json!({ "stream": "system", "command": command, "actor": "ops" });
    let pause = send(json!({ "name": "pause", "body": { "reason": "lunch" } }));
    let sent = harness.post("/v1/commands", pause.clone()).await.expect(200).json();
    assert_eq!(sent["events"], json!(["system.paused"]));
    let shown = harness.get("/v1/system").await.expect(200).json();
    assert_eq!((&shown["paused"], &shown["by"]), (&json!(true), &json!("ops")));
    let recorded = harness.get("/v1/commands").await.expect(200).text();
    let recorded: Value = serde_json::from_str(recorded.lines().next().unwrap()).unwrap();
    assert_eq!((&recorded["stream"], &recorded["command"]), (&json!("system"), &pause["command"]));
    let resume = send(json!({ "name": "resume" }));
    let sent = harness.post("/v1/commands", resume).await.expect(200).json();
    assert_eq!(sent["events"], json!(["system.resumed"]));
}
