//! Being operated: what an instance tells of itself to those who watch it, and that their rules name what there is.

mod documents;
mod figures;
mod requests;

use domain::names::{Key, Scope, StorageUnitName};
use serde_json::{Value, json};
use tests::harness::Harness;
use tests::scrape::Scrape;

async fn scrape(harness: &Harness) -> Scrape {
    let reply = harness.get("/metrics").await.expect(200);
    let content_type = "application/openmetrics-text; version=1.0.0; charset=utf-8";
    assert_eq!(reply.header("content-type"), content_type);
    Scrape::read(&reply.text())
}

/// Creates a unit over a folder with documents, one per key.
async fn unit(harness: &Harness, name: &str, keys: &[&str]) {
    for key in keys {
        harness.document(&format!("{name}/{key}"), key);
    }
    let modules = json!({ "raw": [{ "module": "cat" }] });
    let body = json!({ "name": name, "content": harness.registered(name), "modules": modules });
    let _created = harness.post("/v1/storage-units", body).await.expect(201);
}

/// Asks for keys of the unit `docs`.
async fn ask(harness: &Harness, keys: &[&str]) {
    let body = json!({ "scope": "raw", "keys": keys });
    let _asked = harness.post("/v1/storage-units/docs/reprocess", body).await.expect(200);
}

/// Claims one item of the unit `docs`.
async fn claim(harness: &Harness, lease_ms: u64) -> Value {
    let body = json!({ "worker": "w", "lease_ms": lease_ms, "wait_ms": 30_000 });
    let leases = harness.post("/v1/leases", body).await.expect(200).json()["leases"].clone();
    assert_eq!(leases.as_array().map(Vec::len), Some(1), "{leases}");
    leases[0].clone()
}

/// What names a lease in a report.
fn of(lease: &Value) -> Value {
    json!({ "unit": lease["unit"], "scope": lease["scope"], "key": lease["key"], "token": lease["token"] })
}

fn id(key: &str) -> domain::stream::KeyScopeId {
    domain::stream::KeyScopeId {
        unit: StorageUnitName::new("docs").unwrap(),
        scope: Scope::new("raw").unwrap(),
        key: Key::new(key).unwrap(),
    }
}
