//! The whole way of a task: modules, a review, a webhook, history.

use serde_json::json;
use tests::place::{until, word};

use super::receiver::Receiver;
use super::{SECRET, approve, stands, with_task, workspace};
use crate::native_api::pluck;

#[tokio::test]
async fn a_task_goes_through_modules_and_a_review_to_its_webhook_and_into_history() {
    let mut receiver = Receiver::start(Vec::new()).await;
    let entry = json!([{ "module": "cat" }]);
    let modules = json!({ "pre_processing": entry, "recognition": [{ "module": "sha256sum" }] });
    let plan = json!({ "recognition": true, "export": true });
    let (harness, path) = with_task(workspace(&receiver, json!({ "modules": modules, "plan": plan }))).await;
    let edit = json!({ "path": "/total", "value": "12.50" });
    let _edited = harness.post(&format!("{path}/edit"), edit).await.expect(200);
    approve(&harness, &path).await;

    let delivered = receiver.next().await;
    assert_eq!(delivered.header("content-type"), "application/json");
    assert_eq!(delivered.header("webhook-signature"), delivered.expected_signature(SECRET));
    let body = delivered.json();
    let task = &body["data"];
    assert_eq!((&body["type"], &task["stage"]), (&json!("task.export"), &json!("export")));
    assert_eq!((&task["external_id"], &task["context"]), (&json!("IN-1"), &json!({ "url": "http://x/1" })));
    assert_eq!((&task["edits"], &task["reviewed_by"]), (&json!({ "/total": "12.50" }), &json!(["mara"])));
    let first = harness.get(&format!("{path}/outputs/pre_processing")).await.expect(200).text();
    assert_eq!(task["outputs"]["pre_processing"]["content"], first);
    assert!(
        task["outputs"]["recognition"]["content"].as_str().is_some_and(|sum| sum.ends_with("-\n")),
        "{task}"
    );

    let task = stands(&harness, &path, "Processed").await;
    assert_eq!((&task["screen"], &task["integration"]), (&json!("history"), &json!("Succeeded")));
    assert_eq!(harness.get(&format!("{path}/outputs/export")).await.expect(200).text(), "thanks");
    let id = delivered.header("webhook-id");
    let entered = until(harness.engine.store(), |event| event.id.0.to_string() == id).await;
    assert_eq!(
        word(&entered.event),
        "stage_entered",
        "the id is that of the event by which the export began"
    );
    let attempts = harness.get(&format!("{path}/attempts")).await.expect(200).json();
    assert_eq!(pluck(&attempts, "stage"), ["pre_processing", "recognition", "export"]);
}

#[tokio::test]
async fn an_automatic_review_leads_straight_to_the_webhook() {
    let mut receiver = Receiver::start(Vec::new()).await;
    let plan = json!({ "review": "automatic", "export": true });
    let harness = tests::harness::Harness::start().await;
    harness.engine.start_exporters(super::webhooks(), 1).await;
    let workspace = workspace(&receiver, json!({ "plan": plan }));
    let _created = harness.post("/v1/workspaces", workspace).await.expect(201);
    let created = harness.post("/v1/tasks", json!({ "context": {} })).await.expect(201);
    assert_eq!(receiver.next().await.json()["data"]["reviewed_by"], json!([]));
    stands(&harness, created.header("location"), "Processed").await;
}
