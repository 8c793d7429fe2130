//! The native API at `/v1`, rule by rule, over a whole instance. What is wrong in requests is in `bad_input`.

mod campaigns;
mod key_scopes;
mod past;
mod positions;
mod projections;
mod storage_units;
mod system;
pub(crate) mod tasks;
mod trace;

use serde_json::{Value, json};
use tests::harness::Harness;

/// Creates a unit over a folder with documents, one per key, processed by one program.
async fn unit(harness: &Harness, name: &str, program: &str, keys: &[&str]) {
    for key in keys {
        harness.document(&format!("{name}/{key}"), key);
    }
    let body = json!({
        "name": name,
        "content": harness.registered(name),
        "modules": { "raw": [{ "module": program }] },
    });
    let _created = harness.post("/v1/storage-units", body).await.expect(201);
}

/// Asks for keys of a unit, each of which is there.
async fn ask(harness: &Harness, name: &str, keys: &[&str]) -> Vec<Value> {
    let body = json!({ "scope": "raw", "keys": keys });
    let reply = harness.post(&format!("/v1/storage-units/{name}/reprocess"), body).await.expect(200);
    reply.json()["results"].as_array().expect("a list").clone()
}

/// One member of each item of a list.
pub(crate) fn pluck(list: &Value, member: &str) -> Vec<String> {
    let items = list["items"].as_array().expect("a list");
    items.iter().map(|item| item[member].as_str().expect("a text").to_owned()).collect()
}
