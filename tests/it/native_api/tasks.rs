//! `/v1/tasks`, `/v1/workspaces` and `/v1/batches`, over a whole instance whose workers are outside.

mod campaign;
mod creating;
mod life;
mod listing;
mod many;
mod outputs;
mod wrong;

use serde_json::{Value, json};
use tests::harness::{Harness, Setup};

/// An instance with a default workspace, whose tasks are recognized and reviewed.
async fn with_workspace() -> Harness {
    let harness = Setup::without_workers().start().await;
    let workspace = json!({
        "display_name": "invoices", "is_default": true, "plan": { "recognition": true },
        "modules": { "pre_processing": [{ "module": "fetch" }] },
    });
    let created = harness.post("/v1/workspaces", workspace).await.expect(201);
    assert_eq!((created.header("location"), &created.json()["id"]), ("/v1/workspaces/1", &json!(1)));
    harness
}

/// Creates a task and gives its path.
async fn create(harness: &Harness, task: Value) -> String {
    let created = harness.post("/v1/tasks", task).await.expect(201);
    created.header("location").to_owned()
}

/// The one lease that there is.
pub(crate) async fn claim(harness: &Harness) -> Value {
    let claim = json!({ "worker": "w", "queues": [{ "unit": "task/1" }], "wait_ms": 30_000 });
    let claimed = harness.post("/v1/leases", claim).await.expect(200).json();
    claimed["leases"][0].clone()
}

/// What a worker says of a lease.
pub(crate) fn item(lease: &Value, more: Value) -> Value {
    let mut item = json!({ "worker": "w" });
    for member in ["unit", "scope", "key", "token"] {
        item[member] = lease[member].clone();
    }
    for (name, value) in more.as_object().expect("an object") {
        item[name] = value.clone();
    }
    item
}

pub(crate) async fn complete(harness: &Harness, lease: &Value) {
    let output = json!({ "outputs": [{ "module": "fetch", "content": "three pages" }] });
    let _reply = harness.post("/v1/leases/complete", item(lease, output)).await.expect(200);
}

async fn status(harness: &Harness, path: &str) -> String {
    let task = harness.get(path).await.expect(200).json();
    task["status"].as_str().expect("a text").to_owned()
}
