//! Explanations over a whole instance: each thing that can keep an item is made to happen, the item is asked about, and the
//! first suggestion is carried out as it stands in the reply. Then the item has to be free.

mod campaigns;
mod command_line;
mod key_scopes;
mod system;
mod tasks;
mod units;

use serde_json::{Value, json};
use tests::harness::{Harness, Reply, Setup};
use tests::place::{until, word};

/// An instance without workers, with a unit whose documents are processed by nobody in particular.
async fn with_unit(keys: &[&str]) -> Harness {
    let harness = Setup::without_workers().start().await;
    for key in keys {
        harness.document(&format!("docs/{key}"), key);
    }
    let body = json!({
        "name": "docs", "content": harness.registered("docs"), "modules": { "raw": [{ "module": "cat" }] },
    });
    let _created = harness.post("/v1/storage-units", body).await.expect(201);
    harness
}

async fn queue(harness: &Harness, keys: &[&str]) {
    let body = json!({ "scope": "raw", "keys": keys });
    let _asked = harness.post("/v1/storage-units/docs/reprocess", body).await.expect(200);
}

/// Somebody who serves every queue has been heard of, and holds nothing.
async fn somebody_works(harness: &Harness) {
    let nothing = harness.post("/v1/leases", json!({ "worker": "w" })).await.expect(200).json();
    assert_eq!(nothing["leases"], json!([]), "the worker is to hold nothing");
}

async fn explain(harness: &Harness, path: &str) -> Value {
    let head = harness.engine.store().head().await.expect("the log can be read");
    let explained = harness.get(&format!("{path}/explain")).await.expect(200).json();
    assert_eq!(
        harness.engine.store().head().await.expect("the log can be read"),
        head,
        "nothing is recorded"
    );
    explained
}

fn causes(explained: &Value) -> Vec<&str> {
    let causes = explained["causes"].as_array().expect("a list");
    causes.iter().map(|why| why["cause"].as_str().expect("a word")).collect()
}

/// Carries out the first suggestion of an explanation, as it is.
async fn carry_out(harness: &Harness, explained: &Value) -> Reply {
    let request = &explained["suggestions"][0]["request"];
    let (method, path) = (request["method"].as_str(), request["path"].as_str());
    let (method, path) = (method.expect("a method"), path.expect("a path"));
    let body = request.get("body").map_or_else(String::new, Value::to_string);
    let json = [("content-type", "application/json")];
    let headers = if body.is_empty() { &[] } else { json.as_slice() };
    let reply = harness.request(method, path, headers, body).await;
    assert!(reply.status.is_success(), "{method} {path}: {}", reply.text());
    reply
}

/// The keys that a claim of everything in a queue is given.
async fn claimed(harness: &Harness, unit: &str) -> Vec<String> {
    let claim = json!({ "worker": "w", "queues": [{ "unit": unit }], "max": 1000, "wait_ms": 30_000 });
    let claimed = harness.post("/v1/leases", claim).await.expect(200).json();
    keys(&claimed)
}

/// Claims until a key is among what is claimed, however soon the queue hears of it.
async fn until_claimed(harness: &Harness, unit: &str, key: &str) {
    for _ in 0..10 {
        if claimed(harness, unit).await.iter().any(|claimed| claimed == key) {
            return;
        }
    }
    panic!("{key} of {unit} is not claimed");
}

/// The keys of some leases.
fn keys(claimed: &Value) -> Vec<String> {
    let leases = claimed["leases"].as_array().expect("a list");
    leases.iter().map(|lease| lease["key"].as_str().expect("a text").to_owned()).collect()
}

/// The one lease on anything in a queue.
async fn lease(harness: &Harness, unit: &str) -> Value {
    let claim = json!({ "worker": "w", "queues": [{ "unit": unit }], "wait_ms": 30_000 });
    harness.post("/v1/leases", claim).await.expect(200).json()["leases"][0].clone()
}

/// What the worker says of a lease.
async fn report(harness: &Harness, what: &str, lease: &Value, more: Value) {
    let mut item = json!({ "worker": "w" });
    for member in ["unit", "scope", "key", "token"] {
        item[member] = lease[member].clone();
    }
    for (name, value) in more.as_object().expect("an object") {
        item[name] = value.clone();
    }
    let _reported = harness.post(&format!("/v1/leases/{what}"), item).await.expect(200);
}

/// A failure after which nothing is tried for a minute, or nothing at all.
fn failure(attempts_max: u32) -> Value {
    let retry = json!({ "attempts_max": attempts_max, "backoff_ms": 60_000, "backoff_ms_max": 60_000 });
    json!({ "code": "no_text", "text": "nothing was read", "retry": retry })
}

/// Waits until something of this name has happened.
async fn happened(harness: &Harness, name: &str) {
    until(harness.engine.store(), |event| word(&event.event) == name).await;
}
