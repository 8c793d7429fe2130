//! Pull workers: what holds for a program in any language that claims over HTTP and reports what became of it.

mod claiming;
mod input;
mod reporting;
mod waiting;

use serde_json::{Value, json};
use tests::harness::{Harness, Reply, Setup};

/// An instance without workers of its own, and a unit `docs` over documents, one per key, that were asked for.
async fn waiting_for_work(keys: &[&str]) -> Harness {
    let harness = Setup::without_workers().start().await;
    unit(&harness, "docs", json!([{ "module": "cat", "settings": { "b": 2 } }])).await;
    ask(&harness, "docs", keys).await;
    harness
}

/// Creates a unit over a folder, in which the scope `raw` has these modules.
async fn unit(harness: &Harness, name: &str, modules: Value) {
    let body = json!({
        "name": name,
        "content": harness.registered(name),
        "modules": { "raw": modules },
        "settings": { "a": 1, "b": 1 },
    });
    let _created = harness.post("/v1/storage-units", body).await.expect(201);
}

/// Puts documents there and asks for them.
async fn ask(harness: &Harness, unit: &str, keys: &[&str]) {
    if keys.is_empty() {
        return;
    }
    for key in keys {
        harness.document(&format!("{unit}/{key}"), &format!("content of {key}"));
    }
    let body = json!({ "scope": "raw", "keys": keys });
    let _asked = harness.post(&format!("/v1/storage-units/{unit}/reprocess"), body).await.expect(200);
}

/// Claims up to so many items, as soon as there is one.
async fn claim(harness: &Harness, worker: &str, max: usize) -> Vec<Value> {
    let body = json!({ "worker": worker, "max": max, "wait_ms": 30_000 });
    let reply = harness.post("/v1/leases", body).await.expect(200).json();
    let mut leases = reply["leases"].as_array().expect("a list").clone();
    // Keys that are asked for in one request may wait in any order.
    leases.sort_by_key(|lease| lease["key"].to_string());
    leases
}

/// Claims the one item that there is.
async fn claim_one(harness: &Harness, worker: &str) -> Value {
    let mut leases = claim(harness, worker, 2).await;
    assert_eq!(leases.len(), 1, "{leases:?}");
    leases.remove(0)
}

/// What names a lease in a report, with more members.
fn item(lease: &Value, more: Value) -> Value {
    let mut item = json!({});
    for name in ["unit", "scope", "key", "token"] {
        item[name] = lease[name].clone();
    }
    item.as_object_mut().expect("an object").extend(more.as_object().expect("an object").clone());
    item
}

/// Says something of one lease.
async fn say(harness: &Harness, word: &str, lease: &Value, more: Value) -> Reply {
    harness.post(&format!("/v1/leases/{word}"), item(lease, more)).await
}

/// An output of the module `cat`, with more members.
fn outputs(more: Value) -> Value {
    let mut output = json!({ "module": "cat" });
    output.as_object_mut().expect("an object").extend(more.as_object().expect("an object").clone());
    json!({ "outputs": [output] })
}

/// What happened to a key of `docs`, in words.
async fn events(harness: &Harness, key: &str) -> Vec<String> {
    let events = harness.get(&format!("/v1/key-scopes/docs/raw/{key}/events")).await.expect(200).json();
    let items = events["items"].as_array().expect("a list");
    items.iter().map(|item| item["event"].as_str().expect("a text").replace("key_scope.", "")).collect()
}

/// A key of `docs` as it is now.
async fn row(harness: &Harness, key: &str) -> Value {
    harness.get(&format!("/v1/key-scopes/docs/raw/{key}")).await.expect(200).json()
}
