//! What is wrong in paths and query strings of the native API, and names of things that are not there.

use serde_json::{Value, json};

use super::super::{Case, bare, with_body};
use super::CAMPAIGN;

pub(super) fn bad_paths() -> Vec<Case> {
    let mut cases = Vec::new();
    for bad in ["%FF", "%C3%28", "%ED%A0%80", "%zz", "%2", "%", "a%00b", "a%0Ab"] {
        cases.push(bare("GET", format!("/v1/storage-units/{bad}"), 400));
        cases.push(bare("GET", format!("/v1/storage-units/{bad}/events"), 400));
        cases.push(bare("DELETE", format!("/v1/storage-units/{bad}"), 400));
        cases.push(bare("GET", format!("/v1/key-scopes/docs/raw/{bad}"), 400));
        cases.push(bare("POST", format!("/v1/key-scopes/docs/{bad}/a/reprocess"), 400));
        cases.push(bare("GET", format!("/v1/campaigns/{bad}"), 400));
        cases.push(bare("GET", format!("/v1/key-scopes?unit={bad}"), 400));
        cases.push(bare("GET", format!("/v1/key-scopes?scope={bad}"), 400));
    }
    let long = "k".repeat(2_000);
    cases.extend([
        bare("GET", "/v1/storage-units/%2E%2E", 400),
        bare("GET", "/v1/storage-units/a%2Fb", 400),
        bare("GET", format!("/v1/storage-units/{long}"), 400),
        bare("GET", format!("/v1/key-scopes/docs/raw/{long}"), 400),
        bare("GET", "/v1/key-scopes/docs/a%2Fb/k", 400),
        bare("GET", "/v1/campaigns/7", 400),
        bare("GET", "/v1/storage-units/", 404),
        bare("GET", "/v1//storage-units", 404),
        bare("GET", "/v1/storage-units/docs/", 404),
        bare("GET", "/v1/key-scopes/docs/raw", 404),
        bare("GET", "/v1/%2e%2e/etc/passwd", 404),
        bare("GET", "/v2/storage-units", 404),
        bare("GET", format!("/{long}"), 404),
        bare("PATCH", "/v1/storage-units/docs", 405),
        bare("GET", "/v1/storage-units/docs/reset", 405),
        bare("NONSENSE", "/v1/overview", 405),
        bare("POST", "/healthz", 405),
    ]);
    cases
}

pub(super) fn bad_queries() -> Vec<Case> {
    let lists = ["/v1/storage-units", "/v1/key-scopes", "/v1/campaigns", "/v1/storage-units/docs/events"];
    let mut cases = Vec::new();
    for path in lists {
        for query in [
            "limit=abc",
            "limit=0",
            "limit=-1",
            "limit=1.5",
            "limit=",
            "limit=1001",
            "limit=1&limit=2",
            "after=!",
            "after=abc",
            "after=",
            "min_position=abc",
            "min_position=-1",
            "min_position=1.2.3",
            "color=red",
            "limit=%zz",
            "%FF=1",
        ] {
            cases.push(bare("GET", format!("{path}?{query}"), 400));
        }
    }
    for query in
        ["status=done", "held=maybe", "campaign=7", "unit=", "unit=a%2Fb", "after=646f6373", "scope=a%2Fb"]
    {
        // A cursor of another list is none of this one's.
        let query = if query.starts_with("after") { format!("unit=other&{query}") } else { query.to_owned() };
        cases.push(bare("GET", format!("/v1/key-scopes?{query}"), 400));
    }
    cases.extend([
        bare("GET", "/v1/campaigns?state=running", 400),
        bare("GET", "/v1/key-scopes?finished_since=yesterday", 400),
        bare("GET", "/v1/key-scopes?restart_count_min=-1", 400),
        bare("GET", "/v1/key-scopes?change=other", 400),
        bare("GET", "/v1/overview?limit=1", 400),
        bare("GET", "/v1/system?limit=1", 400),
        bare("GET", "/v1/system/events?limit=0", 400),
        bare("GET", "/v1/storage-units/docs?limit=1", 400),
        bare("DELETE", "/v1/storage-units/docs?force=true", 400),
        bare("DELETE", format!("/v1/storage-units/docs?reason={}", "x".repeat(1_001)), 422),
        bare("POST", "/v1/storage-units/docs/reset?min_position=1", 400),
    ]);
    cases
}

pub(super) fn unknown_names() -> Vec<Case> {
    let body = |method, path: &'static str, body: Value| with_body(method, path, body.to_string(), 404);
    vec![
        bare("GET", "/v1/storage-units/none", 404),
        bare("GET", "/v1/storage-units/none/events", 404),
        bare("DELETE", "/v1/storage-units/none", 404),
        bare("POST", "/v1/storage-units/none/reset", 404),
        body("PUT", "/v1/storage-units/none/content", json!({ "kind": "managed" })),
        body("PUT", "/v1/storage-units/none/modules", json!({ "modules": {} })),
        body("PUT", "/v1/storage-units/none/queue", json!({ "enabled": true })),
        body("PUT", "/v1/storage-units/none/limits", json!({})),
        body("POST", "/v1/storage-units/none/reprocess", json!({ "scope": "raw", "keys": ["a"] })),
        body("POST", "/v1/campaigns", json!({ "unit": "none", "scope": "raw" })),
        bare("GET", "/v1/key-scopes/docs/raw/never", 404),
        bare("GET", "/v1/key-scopes/none/raw/a/events", 404),
        bare("GET", "/v1/key-scopes/docs/none/a/attempts", 404),
        bare("POST", "/v1/key-scopes/none/raw/a/reprocess", 404),
        bare("POST", "/v1/key-scopes/docs/raw/none/reprocess", 404),
        bare("POST", "/v1/key-scopes/docs/none/a/reprocess", 404),
        bare("GET", CAMPAIGN, 404),
        bare("GET", format!("{CAMPAIGN}/report"), 404),
        body("POST", "/v1/campaigns", json!({ "unit": "none", "scope": "raw", "dry_run": true })),
        bare("POST", format!("{CAMPAIGN}/pause"), 404),
        bare("PUT", format!("{CAMPAIGN}/pace"), 404),
        bare("POST", "/v1/projections/none/rebuild", 404),
        bare("POST", "/v1/projections/storage_units;drop/rebuild", 404),
    ]
}
