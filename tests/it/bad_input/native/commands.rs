//! What can be wrong with an envelope that is posted, and with a question for commands or events.

use serde_json::{Value, json};

use super::super::{Case, bare, with_body};

const UNIT: &str = "storage_unit-docs";
const KEY_SCOPE: &str = "key_scope-docs/raw/a";

fn of(stream: &str, command: Value) -> Value {
    json!({ "stream": stream, "command": command })
}

pub(super) fn wrong_envelopes() -> Vec<Case> {
    let enable = || json!({ "name": "enable_queue" });
    let long = "x".repeat(1_001);
    let envelopes = [
        (json!({ "command": enable() }), 422),
        (json!({ "stream": UNIT }), 422),
        (json!({ "stream": 7, "command": enable() }), 422),
        (json!({ "stream": UNIT, "command": "enable_queue" }), 422),
        (json!({ "stream": UNIT, "command": {} }), 422),
        (json!({ "stream": UNIT, "command": enable(), "id": "" }), 422),
        (json!({ "stream": UNIT, "command": enable(), "id": "k".repeat(256) }), 422),
        (json!({ "stream": UNIT, "command": enable(), "actor": "" }), 422),
        (json!({ "stream": UNIT, "command": enable(), "reason": long }), 422),
        (json!({ "stream": UNIT, "command": enable(), "causation_id": "x" }), 422),
        (of("docs", enable()), 422),
        (of("storage_unit-", enable()), 422),
        (of("key_scope-docs/raw", json!({ "name": "hold" })), 422),
        (of("campaign-x", json!({ "name": "pause" })), 422),
        (of("system", json!({ "name": "pause" })), 422),
        (of("system", json!({ "name": "pause", "body": { "reason": "" } })), 422),
        (of("system", json!({ "name": "pause", "body": { "reason": "x".repeat(1_001) } })), 422),
        (of("system-1", json!({ "name": "resume" })), 422),
        (of("system", enable()), 422),
        (of("external-1", enable()), 422),
        (of(UNIT, json!({ "name": "hold" })), 422),
        (of(UNIT, json!({ "name": "explode" })), 422),
        (of(UNIT, json!({ "name": "set_limits" })), 422),
        (of(UNIT, json!({ "name": "set_limits", "body": { "in_flight_max": -1 } })), 422),
        (of(UNIT, json!({ "name": "enable_queue", "colour": "red" })), 422),
        (of(KEY_SCOPE, json!({ "name": "queue", "body": { "colour": "red" } })), 422),
        (of(KEY_SCOPE, json!({ "name": "queue", "body": { "priority": "urgent" } })), 422),
        (of(KEY_SCOPE, json!({ "name": "withdraw" })), 403),
        (of(KEY_SCOPE, json!({ "name": "retry" })), 403),
        (of("key_scope-docs/raw/nobody", json!({ "name": "queue", "body": {} })), 404),
        (of("key_scope-nobody/raw/a", json!({ "name": "queue", "body": {} })), 404),
        (of("storage_unit-nobody", enable()), 404),
        (of(KEY_SCOPE, json!({ "name": "hold" })), 409),
    ];
    let envelopes = envelopes.into_iter();
    envelopes.map(|(body, status)| with_body("POST", "/v1/commands", body.to_string(), status)).collect()
}

pub(super) fn wrong_questions() -> Vec<Case> {
    let mut cases = Vec::new();
    for path in ["/v1/events", "/v1/commands", "/v1/events/stream"] {
        for query in
            ["after=x", "after=-1", "after=99999", "limit=x", "unit=in%20voices", "colour=red", "after=%FF"]
        {
            cases.push(bare("GET", format!("{path}?{query}"), 400));
        }
    }
    cases.push(bare("GET", "/v1/events?limit=0", 400));
    cases.push(bare("GET", "/v1/events?kind=nothing.like_this", 400));
    cases.push(bare("POST", "/v1/commands?colour=red", 400));
    cases.push(bare("DELETE", "/v1/events", 405));
    cases
}
