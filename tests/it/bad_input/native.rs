//! The table of the native API. What is wrong before the body is in `addresses`.

mod addresses;
mod commands;

use http_api::HttpSettings;
use serde_json::{Value, json};
use tests::harness::Setup;

use super::{Case, bare, check, is_problem, with_body};

const BODY_BYTES_MAX: usize = 64 << 10;
const KEYS_MAX: usize = 100;
const CAMPAIGN: &str = "/v1/campaigns/0195d3c0-0000-7000-8000-000000000000";

#[tokio::test]
async fn whatever_is_wrong_with_a_native_request_gets_a_4xx_with_a_sentence() {
    let http = HttpSettings { body_bytes_max: BODY_BYTES_MAX, keys_max: KEYS_MAX, ..HttpSettings::default() };
    let harness = Setup { http, ..Setup::without_workers() }.start().await;
    harness.document("docs/a", "a");
    let unit = json!({ "name": "docs", "content": harness.registered("docs") });
    let _created = harness.post("/v1/storage-units", unit).await.expect(201);
    let registered = harness.registered("docs");
    let tables = [
        malformed_bodies(),
        oversized_bodies(),
        wrong_types(),
        absent_fields(),
        unknown_fields(&registered),
        impossible_values(&registered),
        huge_numbers(),
        commands::wrong_envelopes(),
        commands::wrong_questions(),
        addresses::bad_paths(),
        addresses::bad_queries(),
        addresses::unknown_names(),
    ];
    for table in tables {
        check(&harness, table, is_problem).await;
    }
    // Nothing of it was done, and the instance is as well as before.
    let events = harness.get("/v1/storage-units/docs/events").await.expect(200).json();
    assert_eq!(events["items"].as_array().map(Vec::len), Some(1));
    let _ready = harness.get("/readyz").await.expect(200);
}

/// Every write, so that each kind of wrong body is tried on each.
const WRITES: [(&str, &str); 19] = [
    ("POST", "/v1/storage-units"),
    ("DELETE", "/v1/storage-units/docs"),
    ("PUT", "/v1/storage-units/docs/content"),
    ("PUT", "/v1/storage-units/docs/modules"),
    ("PUT", "/v1/storage-units/docs/queue"),
    ("PUT", "/v1/storage-units/docs/limits"),
    ("POST", "/v1/storage-units/docs/reset"),
    ("POST", "/v1/storage-units/docs/reprocess"),
    ("POST", "/v1/key-scopes/docs/raw/a/reprocess"),
    ("POST", "/v1/key-scopes/docs/raw/a/hold"),
    ("POST", "/v1/key-scopes/docs/raw/a/release"),
    ("POST", "/v1/campaigns"),
    ("POST", "/v1/campaigns/0195d3c0-0000-7000-8000-000000000000/pause"),
    ("POST", "/v1/campaigns/0195d3c0-0000-7000-8000-000000000000/cancel"),
    ("PUT", "/v1/campaigns/0195d3c0-0000-7000-8000-000000000000/pace"),
    ("POST", "/v1/system/pause"),
    ("POST", "/v1/system/resume"),
    ("POST", "/v1/projections/key_scopes/rebuild"),
    ("POST", "/v1/commands"),
];

fn malformed_bodies() -> Vec<Case> {
    let deep = "[".repeat(10_000).into_bytes();
    let bodies: [&[u8]; 9] = [
        b"{",
        b"nonsense",
        b"{\"name\":}",
        b"{\"a\":1,}",
        b"\xff\xfe",
        b"{\"name\":\"\xc3\x28\"}",
        b"\0",
        b" ",
        &deep,
    ];
    let mut cases = Vec::new();
    for (method, path) in WRITES {
        cases.extend(bodies.iter().map(|body| with_body(method, path, *body, 400)));
        cases.push(Case { content_type: "text/plain", ..with_body(method, path, "{}", 415) });
        cases.push(Case {
            content_type: "application/x-www-form-urlencoded",
            ..with_body(method, path, "name=docs", 415)
        });
    }
    cases
}

fn oversized_bodies() -> Vec<Case> {
    let body = format!("{{\"reason\":\"{}\"}}", "x".repeat(BODY_BYTES_MAX));
    WRITES.iter().map(|(method, path)| with_body(method, *path, body.clone(), 413)).collect()
}

fn wrong_types() -> Vec<Case> {
    let mut cases = Vec::new();
    for (method, path) in WRITES {
        for body in ["[]", "null", "true", "7", "\"text\"", "{\"reason\":7}", "{\"reason\":[]}"] {
            cases.push(with_body(method, path, body, 422));
        }
    }
    let bodies = [
        ("POST", "/v1/storage-units", json!({ "name": 7 })),
        ("POST", "/v1/storage-units", json!({ "name": ["x"] })),
        ("POST", "/v1/storage-units", json!({ "name": "x", "content": "managed" })),
        ("POST", "/v1/storage-units", json!({ "name": "x", "modules": [] })),
        ("POST", "/v1/storage-units", json!({ "name": "x", "modules": { "raw": "cat" } })),
        ("POST", "/v1/storage-units", json!({ "name": "x", "modules": { "raw": [{ "module": {} }] } })),
        ("POST", "/v1/storage-units", json!({ "name": "x", "settings": [] })),
        ("POST", "/v1/storage-units", json!({ "name": "x", "queue_enabled": "yes" })),
        ("POST", "/v1/storage-units", json!({ "name": "x", "limits": { "lease_ms": "1s" } })),
        ("PUT", "/v1/storage-units/docs/queue", json!({ "enabled": 1 })),
        ("PUT", "/v1/storage-units/docs/limits", json!({ "in_flight_max": 1.5 })),
        ("PUT", "/v1/storage-units/docs/limits", json!({ "in_flight_max": -1 })),
        ("POST", "/v1/storage-units/docs/reprocess", json!({ "scope": "raw", "keys": "a" })),
        ("POST", "/v1/storage-units/docs/reprocess", json!({ "scope": "raw", "keys": [1] })),
        ("POST", "/v1/campaigns", json!({ "unit": "docs", "scope": "raw", "pace": 7 })),
        ("POST", "/v1/campaigns", json!({ "unit": "docs", "scope": null })),
        ("POST", "/v1/campaigns", json!({ "unit": "docs", "scope": "raw", "filter": "failed" })),
        ("POST", "/v1/campaigns", json!({ "unit": "docs", "scope": "raw", "filter": { "held": "no" } })),
        ("POST", "/v1/campaigns", json!({ "unit": "docs", "scope": "raw", "dry_run": "yes" })),
        ("POST", "/v1/campaigns", json!({ "unit": "docs", "scope": "raw", "canary": 5 })),
        ("POST", "/v1/campaigns", json!({ "unit": "docs", "scope": "raw", "expect": "sha256:ab" })),
    ];
    cases.extend(as_cases(bodies, 422));
    cases
}

fn absent_fields() -> Vec<Case> {
    let bodies = [
        ("POST", "/v1/storage-units", json!({})),
        ("POST", "/v1/storage-units", json!({ "name": "x", "content": {} })),
        ("POST", "/v1/storage-units", json!({ "name": "x", "content": { "kind": "registered" } })),
        ("POST", "/v1/storage-units", json!({ "name": "x", "modules": { "raw": [{}] } })),
        ("PUT", "/v1/storage-units/docs/content", json!({})),
        ("PUT", "/v1/storage-units/docs/modules", json!({})),
        ("PUT", "/v1/storage-units/docs/queue", json!({ "reason": "x" })),
        ("POST", "/v1/storage-units/docs/reprocess", json!({ "scope": "raw" })),
        ("POST", "/v1/storage-units/docs/reprocess", json!({ "keys": ["a"] })),
        ("POST", "/v1/campaigns", json!({ "unit": "docs" })),
        ("POST", "/v1/campaigns", json!({ "scope": "raw" })),
        ("POST", "/v1/system/pause", json!({})),
        ("POST", "/v1/system/pause", json!({ "reason": " \t" })),
        ("POST", "/v1/campaigns", json!({ "unit": "docs", "scope": "raw", "canary": {} })),
    ];
    let mut cases = as_cases(bodies, 422);
    cases.extend(
        ["/v1/storage-units", "/v1/campaigns", "/v1/system/pause"].map(|path| bare("POST", path, 422)),
    );
    cases.push(bare("PUT", "/v1/storage-units/docs/queue", 422));
    cases
}

fn unknown_fields(registered: &Value) -> Vec<Case> {
    let mut content = registered.clone();
    content["color"] = json!("red");
    let mut cases: Vec<Case> =
        WRITES.iter().map(|(method, path)| with_body(method, *path, "{\"color\":\"red\"}", 422)).collect();
    cases.extend(as_cases(
        [
            ("POST", "/v1/storage-units", json!({ "name": "x", "content": content })),
            (
                "POST",
                "/v1/storage-units",
                json!({ "name": "x", "content": { "kind": "managed", "url": "x" } }),
            ),
            ("POST", "/v1/storage-units", json!({ "name": "x", "limits": { "color": 1 } })),
            (
                "POST",
                "/v1/storage-units",
                json!({ "name": "x", "modules": { "raw": [{ "module": "cat", "command": "rm" }] } }),
            ),
            ("POST", "/v1/campaigns", json!({ "unit": "docs", "scope": "raw", "pace": { "color": 1 } })),
            ("POST", "/v1/campaigns", json!({ "unit": "docs", "scope": "raw", "filter": { "color": 1 } })),
            (
                "POST",
                "/v1/campaigns",
                json!({ "unit": "docs", "scope": "raw", "canary": { "size": { "keys": 1 }, "color": 1 } }),
            ),
        ],
        422,
    ));
    cases
}

fn impossible_values(registered: &Value) -> Vec<Case> {
    let content = |member: &str, value: Value| {
        let mut content = registered.clone();
        content[member] = value;
        ("POST", "/v1/storage-units", json!({ "name": "x", "content": content }))
    };
    let name = |name: &str| ("POST", "/v1/storage-units", json!({ "name": name }));
    let canary =
        |canary| ("POST", "/v1/campaigns", json!({ "unit": "docs", "scope": "raw", "canary": canary }));
    let keys: Vec<String> = (0..=KEYS_MAX).map(|number| number.to_string()).collect();
    let scopes: serde_json::Map<String, Value> =
        (0..300).map(|number| (format!("s{number}"), json!([{ "module": "cat" }]))).collect();
    let bodies = [
        name(""),
        name(".."),
        name("in voices"),
        name("a/b"),
        name("\u{0}"),
        name(&"n".repeat(1_000)),
        content("layout", json!("no key")),
        content("layout", json!("../{key}")),
        content("scope", json!("a/b")),
        content("url", json!("not a url")),
        content("url", json!("")),
        content("include", json!("[")),
        content("kind", json!("elsewhere")),
        content("kind", json!(0)),
        ("POST", "/v1/storage-units", json!({ "name": "x", "modules": scopes })),
        ("POST", "/v1/storage-units", json!({ "name": "x", "limits": { "lease_ms": 0 } })),
        ("PUT", "/v1/storage-units/docs/limits", json!({ "in_flight_max": 0 })),
        ("PUT", "/v1/storage-units/docs/queue", json!({ "enabled": true, "reason": "x".repeat(1_001) })),
        ("POST", "/v1/storage-units/docs/reprocess", json!({ "scope": "raw", "keys": [] })),
        ("POST", "/v1/storage-units/docs/reprocess", json!({ "scope": "raw", "keys": keys })),
        ("POST", "/v1/storage-units/docs/reprocess", json!({ "scope": "", "keys": ["a"] })),
        ("POST", "/v1/campaigns", json!({ "unit": "docs", "scope": "raw", "pace": { "in_flight_max": 0 } })),
        ("POST", "/v1/campaigns", json!({ "unit": "docs", "scope": "raw", "filter": { "status": "done" } })),
        canary(json!({ "size": { "keys": 0 } })),
        canary(json!({ "size": { "percent": 101 } })),
        canary(json!({ "size": { "keys": 1, "percent": 1 } })),
        canary(json!({ "size": { "keys": 1 }, "then": "stop" })),
        canary(json!({ "size": { "keys": 1 }, "stop_when": { "failed_share_max": 5 } })),
        canary(json!({ "size": { "keys": 1 }, "stop_when": { "changed_share_max": -0.1 } })),
    ];
    let mut cases = as_cases(bodies, 422);
    let outside = json!({ "name": "x", "content": { "kind": "registered", "url": "file:///etc", "layout": "{key}", "scope": "s" } });
    cases.push(with_body("POST", "/v1/storage-units", outside.to_string(), 403));
    cases
}

fn huge_numbers() -> Vec<Case> {
    const HUGE: &str = "99999999999999999999999999999999";
    let mut cases = vec![
        with_body("PUT", "/v1/storage-units/docs/limits", format!("{{\"lease_ms\":{HUGE}}}"), 422),
        with_body("PUT", "/v1/storage-units/docs/limits", "{\"lease_ms\":1e400}", 400),
        with_body("PUT", "/v1/storage-units/docs/limits", "{\"lease_ms\":18446744073709551615}", 422),
        with_body("PUT", "/v1/storage-units/docs/limits", "{\"input_bytes_max\":18446744073709551615}", 422),
        with_body("PUT", "/v1/storage-units/docs/limits", "{\"in_flight_max\":4294967296}", 422),
        with_body("PUT", format!("{CAMPAIGN}/pace"), format!("{{\"in_flight_max\":{HUGE}}}"), 422),
    ];
    for path in ["/v1/storage-units", "/v1/key-scopes", "/v1/campaigns", "/v1/storage-units/docs/events"] {
        for query in ["limit", "after", "min_position"] {
            cases.push(bare("GET", format!("{path}?{query}={HUGE}"), 400));
        }
        cases.push(bare(
            "GET",
            format!("{path}?min_position=18446744073709551615.18446744073709551615"),
            400,
        ));
    }
    cases
}

fn as_cases<const N: usize>(bodies: [(&'static str, &'static str, Value); N], status: u16) -> Vec<Case> {
    bodies.into_iter().map(|(method, path, body)| with_body(method, path, body.to_string(), status)).collect()
}

#[tokio::test]
async fn an_actor_that_is_none_is_refused() {
    let harness = Setup::without_workers().start().await;
    for actor in ["", "\u{e9}", &"a".repeat(300)] {
        let reply = harness
            .request("POST", "/v1/storage-units", &[("reprise-actor", actor)], "{\"name\":\"x\"}")
            .await;
        assert!(is_problem(&reply) && reply.status.as_u16() == 400, "{actor}: {}", reply.text());
    }
}
