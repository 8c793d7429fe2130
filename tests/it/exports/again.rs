//! What is delivered again, and under which id.

use std::sync::Arc;
use std::time::Duration;

use domain::envelope::Command;
use domain::names::{UserName, WorkspaceId};
use domain::task::{self, Stage};
use domain::workspace;
use serde_json::json;
use tests::place::{Place, send, until, word};
use tokio::sync::Notify;

use super::receiver::{Answer, Receiver};
use super::{approve, stands, webhooks, with_task, workspace};
use crate::engine::tasks::{ask, id};

#[tokio::test]
async fn a_receiver_that_is_silent_is_asked_again_under_the_same_id_as_the_plan_says() {
    let gate = Arc::new(Notify::new());
    let mut receiver = Receiver::start(vec![Answer::Held(gate)]).await;
    let retry = json!({ "attempts_max": 2, "backoff_ms": 1, "backoff_ms_max": 1 });
    let more = json!({
        "plan": { "export": true, "retry": { "export": retry } },
        "webhook": { "url": receiver.url(), "secret": "erp", "time_limit_ms": 300 },
    });
    let (harness, path) = with_task(workspace(&receiver, more)).await;
    approve(&harness, &path).await;
    let (first, second) = (receiver.next().await, receiver.next().await);
    assert_eq!(first.header("webhook-id"), second.header("webhook-id"));
    assert_eq!(first.json(), second.json());
    let task = stands(&harness, &path, "Processed").await;
    assert_eq!(task["attempt_count"], 3);
}

#[tokio::test]
async fn a_receiver_that_stays_silent_leaves_the_task_to_review() {
    let gate = Arc::new(Notify::new());
    let receiver = Receiver::start(vec![Answer::Held(gate)]).await;
    let retry = json!({ "attempts_max": 1, "backoff_ms": 1, "backoff_ms_max": 1 });
    let more = json!({
        "plan": { "export": true, "retry": { "export": retry } },
        "webhook": { "url": receiver.url(), "secret": "erp", "time_limit_ms": 20 },
    });
    let (harness, path) = with_task(workspace(&receiver, more)).await;
    approve(&harness, &path).await;
    super::happened(&harness, "failed").await;
    let task = stands(&harness, &path, "ToReview").await;
    let shown = (&task["last_error"]["code"], &task["integration"]);
    assert_eq!(shown, (&json!("time_limit"), &json!("Failed")));
}

#[tokio::test]
async fn what_a_process_had_in_hand_when_it_ended_is_delivered_again_under_the_same_id() {
    let gate = Arc::new(Notify::new());
    let mut receiver = Receiver::start(vec![Answer::Held(gate)]).await;
    let mut place = Place::default();
    place.settings.shutdown_max = Duration::from_millis(1);
    let engine = place.start_working(1).await;
    engine.start_exporters(webhooks(), 1).await;
    let settings = serde_json::from_value(workspace(&receiver, json!({}))).expect("settings");
    let number = WorkspaceId::new(7).expect("not 0");
    let create = Command::Workspace(number, workspace::Command::Create(settings));
    send(&engine, create).await.expect("a workspace can be created");
    let payload = json!({ "workspace": 7, "display_name": "x", "context": {}, "plan": { "export": true } });
    let payload = serde_json::from_value(payload).expect("a payload");
    ask(&engine, 1, task::Command::Create(payload)).await;
    until(&*place.store, |event| word(&event.event) == "review_opened").await;
    ask(&engine, 1, task::Command::Approve { user: UserName::new("mara").expect("a name") }).await;
    let first = receiver.next().await;
    assert!(!engine.shutdown().await.in_time, "the delivery is in hand");

    let engine = place.start().await;
    engine.start_exporters(webhooks(), 1).await;
    let second = receiver.next().await;
    assert_eq!(first.header("webhook-id"), second.header("webhook-id"));
    assert_eq!(first.json(), second.json());
    until(&*place.store, |event| word(&event.event) == "archived").await;
    let kept = engine.task_output(id(1), Stage::Export, None).await.expect("the answer is kept");
    assert_eq!(kept.bytes, b"thanks");
    engine.shutdown().await;
}
