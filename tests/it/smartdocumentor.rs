//! The SmartDocumentor surface as its clients know it (`reference/smartdocumentor.md`): every call of §4, every sentence of
//! the page about reprocessing, every trap of §11. `docs/http-api.md` says which test holds which sentence.

mod calls;
mod concurrency;
mod reprocessing;
mod table;
mod traps;
mod watched;

use std::sync::Arc;

use serde_json::{Value, json};
use tests::harness::{Harness, Reply, Setup, TestClock};

/// Where the calls about tasks are.
pub(crate) const TASKS: &str = "/api/v1.0/external/sdtask";
/// Where tasks come from, in these tests.
pub(crate) const URL: &str = "https://documents.example/1.pdf";

/// An instance by a clock that stands, with workspace 1 as the default one: its tasks are recognized and reviewed.
async fn site() -> (Harness, TestClock) {
    let clock = TestClock::at("2026-01-31T12:00:00Z");
    let setup = Setup { clock: Arc::new(clock.clone()), ..Setup::without_workers() };
    let harness = setup.start().await;
    workspace(&harness, json!({ "recognition": true })).await;
    (harness, clock)
}

/// A default workspace with a plan, whose leases last for a day.
async fn workspace(harness: &Harness, plan: Value) {
    let settings = json!({
        "display_name": "invoices", "description": "what we have to pay", "is_default": true, "plan": plan,
        "webhook": { "url": "https://customer.example/hook" },
        "modules": { "pre_processing": [{ "module": "fetch" }] },
        "limits": { "lease_ms": 86_400_000 },
    });
    let created = harness.post("/v1/workspaces", settings).await.expect(201).json();
    assert_eq!(created["id"], 1);
}

/// Asks for a task and gives its id.
async fn process(harness: &Harness, members: Value) -> u64 {
    let mut body = json!({ "context": { "url": URL } });
    for (name, value) in members.as_object().expect("an object") {
        body[name] = value.clone();
    }
    let created = harness.post(&format!("{TASKS}/process"), body).await.expect(200).json();
    created["taskId"].as_u64().expect("a number")
}

/// What `status` says of a task.
async fn status(harness: &Harness, id: u64) -> Value {
    harness.get(&format!("{TASKS}/status?taskId={id}")).await.expect(200).json()
}

async fn patch(harness: &Harness, path: &str, body: Value) -> Reply {
    if body.is_null() {
        return harness.request("PATCH", path, &[], "").await;
    }
    harness.request("PATCH", path, &[("content-type", "application/json")], body.to_string()).await
}

/// Asks that what the query names is processed again.
async fn restart(harness: &Harness, query: &str) -> Reply {
    patch(harness, &format!("{TASKS}/restartprocessing{query}"), Value::Null).await
}

async fn restarted(harness: &Harness, id: u64) {
    let _accepted = restart(harness, &format!("?taskId={id}")).await.expect(204);
}

/// A task as the native surface shows it.
async fn native(harness: &Harness, id: u64) -> Value {
    harness.get(&format!("/v1/tasks/{id}")).await.expect(200).json()
}

/// Says something to the native surface about a task.
async fn steer(harness: &Harness, id: u64, what: &str, body: Value) {
    let _done = harness.post(&format!("/v1/tasks/{id}/{what}"), body).await.expect(200);
}

/// Brings a new task as far as to be reviewed, and gives its id.
async fn to_review(harness: &Harness, members: Value) -> u64 {
    use crate::native_api::tasks::{claim, complete};
    let id = process(harness, members).await;
    for _stage in ["pre_processing", "recognition"] {
        let lease = claim(harness).await;
        assert_eq!(lease["key"], id.to_string());
        complete(harness, &lease).await;
    }
    assert_eq!(status(harness, id).await["taskStatusText"], "To Review");
    id
}

/// Whether there is no work for anybody.
async fn nothing_to_claim(harness: &Harness) -> bool {
    let claimed =
        harness.post("/v1/leases", json!({ "worker": "eager", "max": 10 })).await.expect(200).json();
    claimed["leases"] == json!([])
}

/// The members of the items of a list.
fn each<'a>(list: &'a Value, member: &str) -> Vec<&'a Value> {
    list.as_array().expect("an array").iter().map(|item| &item[member]).collect()
}
