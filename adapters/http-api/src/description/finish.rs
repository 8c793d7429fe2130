//! What is the same in every operation: written here once, and added to each when the document is made. Does not know any
//! operation.

use serde_json::{Map, Value, json};
use utoipa::openapi::OpenApi;

use super::problems::CODES;
use crate::request::ACTOR_HEADER;

/// Codes that come with a status.
type Codes = (&'static str, &'static [&'static str]);

/// What any operation of the native API can answer.
const ANY: [Codes; 3] = [
    ("400", &["bad_request"]),
    ("500", &["log_damaged", "read_model_damaged", "unwritable_reply", "wrong_kind"]),
    ("503", &["store_unavailable", "read_model_unavailable", "views_behind"]),
];
/// What any operation can answer that not everybody may ask for.
const GUARDED: [Codes; 5] = [
    ("401", &["unauthorized"]),
    ("403", &["forbidden"]),
    ("429", &["too_many_requests"]),
    ("431", &["headers_too_large"]),
    ("503", &["too_many_at_once"]),
];
/// What any operation can answer that may be asked on behalf of somebody.
const WITH_ACTOR: [Codes; 1] = [("403", &["on_behalf_of"])];
/// What any operation with something in its path can answer: nothing there at all is another path.
const WITH_PATH: [Codes; 1] = [("404", &["no_such_route"])];
/// What any page can answer.
const WITH_CURSOR: [Codes; 1] = [("400", &["bad_cursor"])];
/// What any write can answer.
const WITH_BODY: [Codes; 7] = [
    ("400", &["malformed_json"]),
    ("404", &["not_found"]),
    ("408", &["body_too_slow"]),
    ("413", &["body_too_large"]),
    ("415", &["not_json"]),
    ("422", &["invalid_body", "invalid_reason", "store_rejected"]),
    ("503", &["overloaded", "contended", "standby", "stopping"]),
];
/// What any write with a key can answer.
const WITH_KEY: [Codes; 1] = [("422", &["idempotency_key_reused"])];

/// What the one way to present a key is called.
const SCHEME: &str = "api_key";

const METHODS: [&str; 5] = ["get", "put", "post", "delete", "patch"];

/// The document as it is sent.
pub(super) fn finished(description: OpenApi) -> Value {
    let mut document = serde_json::to_value(description).expect("a description is JSON");
    close(&mut document);
    if let Some(Value::Object(schemas)) = document.pointer_mut("/components/schemas") {
        refer_to_things(schemas);
    }
    let schemas = document.pointer("/components/schemas").cloned().unwrap_or_default();
    let paths = document.get_mut("paths").and_then(Value::as_object_mut);
    for (path, item) in paths.into_iter().flatten() {
        for method in METHODS {
            let Some(operation) = item.get_mut(method).and_then(Value::as_object_mut) else { continue };
            say_whether_a_body_is_needed(operation, &schemas);
            let is_native = path.starts_with("/v1/");
            if is_native || path == "/metrics" {
                add(operation, &GUARDED);
            } else {
                // Whoever reaches the server may ask.
                operation.insert("security".to_owned(), json!([]));
            }
            if is_native {
                add_refusals(operation);
            }
            finish_responses(operation);
        }
    }
    if let Value::Object(document) = &mut document {
        document.insert("tags".to_owned(), tags());
        // An instance that never had a key wants none.
        document.insert("security".to_owned(), json!([{ SCHEME: [] }, {}]));
    }
    if let Some(Value::Object(components)) = document.get_mut("components") {
        components.insert("securitySchemes".to_owned(), json!({ SCHEME: scheme() }));
    }
    document
}

/// How a key is presented.
fn scheme() -> Value {
    json!({
        "type": "http",
        "scheme": "bearer",
        "bearerFormat": "rp_ID_SECRET",
        "description": "An API key. An instance that never had one is open to whoever reaches it; `docs/access.md` says who may do what.",
    })
}

fn tags() -> Value {
    let tags = [
        ("storage units", "The units, what is set for them, and what can be asked for all their work"),
        ("key-scopes", "Where the work on each key-scope stands, its history, and what can be asked for it"),
        ("leases", "How a worker takes work and hands it back"),
        ("campaigns", "Bulk requests, how far each has come, and how to steer it"),
        ("tasks", "Documents on their way through the stages of a workspace, and what can be asked for each"),
        ("workspaces", "How tasks are processed, and batches of tasks"),
        ("commands", "The one door, through which every other write goes"),
        ("events", "The whole log, for programs that follow it"),
        ("integrity", "Whether the log is what it was, and histories that prove themselves"),
        ("keys", "API keys: who may ask for what"),
        ("overview", "How much work stands where"),
        ("system", "Whether work is given to workers at all, and how to stop and resume that"),
        ("projections", "How far each projection is, and how to build one anew"),
        ("replays", "Recorded commands decided again, and what would have been otherwise"),
        ("operations", "Whether an instance is well, and this document"),
    ];
    tags.map(|(name, description)| json!({ "name": name, "description": description })).into()
}

// ── Schemas ────────────────────────────────────────────────────────────────────────────────────────────────────

/// An object whose members are listed has no others.
fn close(schema: &mut Value) {
    match schema {
        Value::Object(members) => {
            let is_listed =
                members.get("type") == Some(&json!("object")) && members.contains_key("properties");
            if is_listed && !members.contains_key("additionalProperties") {
                members.insert("additionalProperties".to_owned(), json!(false));
            }
            bound(members);
            members.values_mut().for_each(close);
        }
        Value::Array(items) => items.iter_mut().for_each(close),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

/// Every whole number here is unsigned, which the usual formats are not: bounds say it instead.
fn bound(members: &mut Map<String, Value>) {
    let max = match members.get("format").and_then(Value::as_str) {
        Some("int32") => json!(u32::MAX),
        Some("int64") => json!(u64::MAX),
        Some(_) | None => return,
    };
    members.remove("format");
    members.entry("minimum").or_insert_with(|| json!(0));
    members.entry("maximum").or_insert(max);
}

/// A page shows things by reference, so that each thing is described once.
fn refer_to_things(schemas: &mut Map<String, Value>) {
    for (name, page) in schemas {
        let Some(thing) = name.strip_prefix("Page_") else { continue };
        if let Some(items) = page.pointer_mut("/properties/items/items") {
            *items = json!({ "$ref": format!("#/components/schemas/{thing}") });
        }
    }
}

/// No body is the same as an empty object, so one is needed only if the empty object says too little.
fn say_whether_a_body_is_needed(operation: &mut Map<String, Value>, schemas: &Value) {
    let Some(body) = operation.get_mut("requestBody") else { return };
    let schema = body.pointer("/content/application~1json/schema").unwrap_or(&Value::Null);
    let is_needed = needs_members(schema, schemas);
    if let Value::Object(body) = body {
        body.insert("required".to_owned(), json!(is_needed));
    }
}

fn needs_members(schema: &Value, schemas: &Value) -> bool {
    let name = schema.get("$ref").and_then(Value::as_str).and_then(|it| it.rsplit('/').next());
    let schema = name.and_then(|name| schemas.get(name)).unwrap_or(schema);
    let required = schema.get("required").and_then(Value::as_array);
    schema.get("oneOf").is_some() || required.is_some_and(|members| !members.is_empty())
}

// ── Responses ──────────────────────────────────────────────────────────────────────────────────────────────────

/// Adds what any operation of its kind can answer.
fn add_refusals(operation: &mut Map<String, Value>) {
    let parameters = operation.get("parameters").and_then(Value::as_array).cloned().unwrap_or_default();
    let has = |member: &str, value: &str| parameters.iter().any(|it| it.get(member) == Some(&json!(value)));
    let kinds: [(bool, &[Codes]); 6] = [
        (true, &ANY),
        (has("in", "path"), &WITH_PATH),
        (has("name", "after"), &WITH_CURSOR),
        (has("name", ACTOR_HEADER), &WITH_ACTOR),
        (operation.contains_key("requestBody"), &WITH_BODY),
        (has("name", "idempotency-key"), &WITH_KEY),
    ];
    for (_, codes) in kinds.into_iter().filter(|(is_so, _)| *is_so) {
        add(operation, codes);
    }
}

/// Adds codes with which an operation can refuse.
fn add(operation: &mut Map<String, Value>, codes: &[Codes]) {
    let Some(responses) = operation.get_mut("responses").and_then(Value::as_object_mut) else { return };
    for (status, codes) in codes {
        let response = responses.entry(*status).or_insert_with(|| json!({ CODES: [] }));
        if let Some(listed) = response.get_mut(CODES).and_then(Value::as_array_mut) {
            listed.extend(codes.iter().map(|code| json!(code)));
        }
    }
}

/// Writes out the refusals, and the headers that every response has.
fn finish_responses(operation: &mut Map<String, Value>) {
    let Some(responses) = operation.get_mut("responses").and_then(Value::as_object_mut) else { return };
    for (status, response) in responses {
        let Value::Object(response) = response else { continue };
        if let Some(codes) = response.get_mut(CODES).and_then(Value::as_array_mut) {
            codes.sort_by(|one, other| one.as_str().cmp(&other.as_str()));
            codes.dedup();
            let codes = codes.clone();
            response.insert("description".to_owned(), refusal(&codes).into());
            response.insert("content".to_owned(), problem(status, &codes));
        }
        let headers = response.entry("headers").or_insert_with(|| json!({}));
        if let Value::Object(headers) = headers {
            headers.insert("Reprise-Position".to_owned(), position_header());
            headers.insert("X-Request-Id".to_owned(), request_id_header());
            if ["429", "503"].contains(&status.as_str()) && response.contains_key(CODES) {
                add_retry_after(response);
            }
            if status == "401" {
                add_header(response, "WWW-Authenticate", challenge_header());
            }
        }
    }
}

fn refusal(codes: &[Value]) -> String {
    let codes = codes.iter().filter_map(Value::as_str).map(|code| format!("`{code}`"));
    format!("Refused: {}", codes.collect::<Vec<_>>().join(", "))
}

/// A problem with this status and one of these codes.
fn problem(status: &str, codes: &[Value]) -> Value {
    let status: Value = status.parse::<u16>().map_or(Value::Null, Value::from);
    let particular = json!({ "properties": { "status": { "const": status }, "code": { "enum": codes } } });
    let schema = json!({ "allOf": [{ "$ref": "#/components/schemas/Problem" }, particular] });
    json!({ "application/problem+json": { "schema": schema } })
}

fn position_header() -> Value {
    json!({
        "description": "The position that the reply reflects; of a write, the position of what it did",
        "required": true,
        "schema": { "$ref": "#/components/schemas/Position" },
    })
}

fn request_id_header() -> Value {
    json!({
        "description": "How the request is called in the log: as it was sent, or a fresh one",
        "required": true,
        "schema": { "type": "string", "minLength": 1 },
    })
}

fn add_retry_after(response: &mut Map<String, Value>) {
    let header = json!({
        "description": "After how many seconds to ask again",
        "required": true,
        "schema": { "type": "integer", "minimum": 0 },
    });
    add_header(response, "Retry-After", header);
}

fn challenge_header() -> Value {
    json!({ "description": "How a key is presented", "required": true, "schema": { "const": "Bearer" } })
}

fn add_header(response: &mut Map<String, Value>, name: &str, header: Value) {
    if let Some(headers) = response.get_mut("headers").and_then(Value::as_object_mut) {
        headers.insert(name.to_owned(), header);
    }
}
