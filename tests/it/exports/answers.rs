//! What each answer leads to.

use std::sync::Arc;

use serde_json::{Value, json};
use tokio::sync::Notify;

use super::receiver::{Answer, Receiver};
use super::{approve, happened, stands, with_task, workspace};

#[tokio::test]
async fn an_error_answer_puts_the_task_back_to_review_and_is_shown_and_a_new_review_delivers_anew() {
    let refusal = Answer::Now(500, "the ledger is closed");
    let mut receiver = Receiver::start(vec![refusal]).await;
    let (harness, path) = with_task(workspace(&receiver, json!({}))).await;
    approve(&harness, &path).await;
    let first = receiver.next().await;
    happened(&harness, "failed").await;
    let task = stands(&harness, &path, "ToReview").await;
    assert_eq!((&task["integration"], &task["reviewers"]), (&json!("Failed"), &json!([])));
    let shown = (&task["last_error"]["code"], &task["last_error"]["text"]);
    assert_eq!(shown, (&json!("http_500"), &json!("the ledger is closed")));
    assert!(receiver.is_quiet(), "an answer is not asked for twice");
    approve(&harness, &path).await;
    let second = receiver.next().await;
    assert_ne!(first.header("webhook-id"), second.header("webhook-id"));
    let task = stands(&harness, &path, "Processed").await;
    assert_eq!((&task["integration"], &task["last_error"]), (&json!("Succeeded"), &Value::Null));
}

#[tokio::test]
async fn a_redirect_is_an_answer_that_is_no_success() {
    let mut receiver = Receiver::start(vec![Answer::Now(302, "")]).await;
    let (harness, path) = with_task(workspace(&receiver, json!({}))).await;
    approve(&harness, &path).await;
    let _delivered = receiver.next().await;
    happened(&harness, "failed").await;
    let task = stands(&harness, &path, "ToReview").await;
    assert_eq!(task["last_error"]["text"], "the receiver answered 302 without a body");
}

#[tokio::test]
async fn without_its_secret_nothing_is_delivered_and_the_review_says_why() {
    let mut receiver = Receiver::start(Vec::new()).await;
    let webhook = json!({ "url": receiver.url(), "secret": "unknown" });
    let (harness, path) = with_task(workspace(&receiver, json!({ "webhook": webhook }))).await;
    approve(&harness, &path).await;
    happened(&harness, "failed").await;
    let task = stands(&harness, &path, "ToReview").await;
    assert_eq!(
        (&task["last_error"]["code"], &task["integration"]),
        (&json!("secret_missing"), &json!("Failed"))
    );
    let text = task["last_error"]["text"].as_str().expect("a text");
    assert!(text.contains("add unknown to [secrets]"), "{text}");
    assert!(receiver.is_quiet());
}

#[tokio::test]
async fn a_restart_during_an_export_fences_its_answer_off() {
    let gate = Arc::new(Notify::new());
    let mut receiver = Receiver::start(vec![Answer::Held(gate.clone())]).await;
    let (harness, path) = with_task(workspace(&receiver, json!({}))).await;
    approve(&harness, &path).await;
    let _delivered = receiver.next().await;
    assert_eq!(stands(&harness, &path, "ExportInProgress").await["integration"], "Queued");
    let _restarted = harness.post(&format!("{path}/restart"), Value::Null).await.expect(200);
    gate.notify_one();
    happened(&harness, "late_result_refused").await;
    let task = stands(&harness, &path, "ToReview").await;
    assert_eq!((&task["integration"], &task["restart_count"]), (&json!("NotQueued"), &json!(1)));
    assert_eq!(task["late_results"], 1);
}

#[tokio::test]
async fn exports_to_a_webhook_are_the_exporters_and_nobody_elses() {
    let gate = Arc::new(Notify::new());
    let mut receiver = Receiver::start(vec![Answer::Held(gate.clone()), Answer::Held(gate.clone())]).await;
    let (harness, path) = with_task(workspace(&receiver, json!({}))).await;
    let limits = json!({ "in_flight_max": 1, "input_bytes_max": 1_000_000, "lease_ms": 60_000 });
    let settings = workspace(&receiver, json!({ "limits": limits }));
    let _limited = harness.put("/v1/workspaces/1", settings).await.expect(200);
    approve(&harness, &path).await;
    let _delivered = receiver.next().await;
    let claim = json!({ "worker": "w", "queues": [{ "unit": "task/1", "scope": "export" }] });
    let claimed = harness.post("/v1/leases", claim).await.expect(200).json();
    assert_eq!(claimed["leases"], json!([]));
    gate.notify_one();
    stands(&harness, &path, "Processed").await;
}
