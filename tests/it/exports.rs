//! Exports over a whole instance with a real receiver: what is delivered, what each answer leads to, and what is delivered
//! again.

mod again;
mod answers;
mod example;
mod journey;
mod life;
mod receiver;
mod served;

use std::sync::Arc;

use modules::{SecretSource, WebhookClient, WebhookSettings};
use serde_json::{Value, json};
use tests::harness::{Harness, Setup};
use tests::place::until;

use receiver::Receiver;

/// The secret `erp`, as it is configured.
const SECRET: &str = "a secret that nobody can guess";

fn webhooks() -> Arc<WebhookClient> {
    let name = "erp".parse().expect("a secret's name");
    let secrets = [(name, SecretSource::text(SECRET))].into();
    Arc::new(WebhookClient::new(WebhookSettings::default(), secrets).expect("webhooks can be delivered to"))
}

/// A workspace that exports to a receiver, and more.
fn workspace(receiver: &Receiver, more: Value) -> Value {
    let mut workspace = json!({
        "display_name": "invoices", "is_default": true, "plan": { "export": true },
        "modules": { "pre_processing": [{ "module": "cat" }] },
        "webhook": { "url": receiver.url(), "secret": "erp" },
    });
    for (name, value) in more.as_object().expect("an object") {
        workspace[name] = value.clone();
    }
    workspace
}

/// An instance with an exporter and a workspace, and the path of one task that waits for its review.
async fn with_task(workspace: Value) -> (Harness, String) {
    let harness = Setup::default().start().await;
    harness.engine.start_exporters(webhooks(), 2).await;
    let _created = harness.post("/v1/workspaces", workspace).await.expect(201);
    let task = json!({ "external_id": "IN-1", "context": { "url": "http://x/1" } });
    let created = harness.post("/v1/tasks", task).await.expect(201);
    let path = created.header("location").to_owned();
    stands(&harness, &path, "ToReview").await;
    (harness, path)
}

async fn approve(harness: &Harness, path: &str) {
    let _approved = harness.post(&format!("{path}/approve"), json!({ "user": "mara" })).await.expect(200);
}

/// Waits until a task has a status, and gives it.
async fn stands(harness: &Harness, path: &str, status: &str) -> Value {
    let mut task = Value::Null;
    let mut events =
        harness.engine.store().subscribe(domain::stream::Position::START).await.expect("the log");
    let waiting = async {
        loop {
            task = harness.get(path).await.expect(200).json();
            if task["status"] == status {
                return;
            }
            let _more = events.next(1).await.expect("the log can be followed");
        }
    };
    let waited = tokio::time::timeout(tests::place::PATIENCE, waiting).await;
    assert!(waited.is_ok(), "{task} does not come to be {status}");
    task
}

/// Waits until something of this name has happened.
async fn happened(harness: &Harness, name: &str) {
    until(harness.engine.store(), |event| tests::place::word(&event.event) == name).await;
}
