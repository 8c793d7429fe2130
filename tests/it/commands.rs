//! `/v1/commands`: the one door, in and out; and requests that come again under a key.

use std::sync::Arc;

use bytes::Bytes;
use domain::envelope::{Command, Envelope};
use domain::names::{IdempotencyKey, StorageUnitName};
use domain::storage_unit::{self, Content, Limits, ModuleTable, Settings};
use runtime::{Engine, SubmitError};
use serde_json::{Value, json};
use tests::harness::{Harness, Reply, Setup};
use tests::place::{Place, envelope};

const COMMANDS: &str = "/v1/commands";

async fn harness() -> Harness {
    let harness = Setup::without_workers().start().await;
    for key in ["a", "b", "c"] {
        harness.document(&format!("docs/{key}"), key);
    }
    harness
}

fn create(harness: &Harness) -> Value {
    let body = json!({
        "content": harness.registered("docs"),
        "modules": { "modules": { "raw": [{ "module": "cat" }] } },
        "queue_enabled": true,
        "limits": {},
    });
    json!({ "stream": "storage_unit-docs", "command": { "name": "create", "body": body } })
}

fn queue(key: &str) -> Value {
    json!({ "stream": format!("key_scope-docs/raw/{key}"), "command": { "name": "queue", "body": {} } })
}

fn toggle(enable: bool) -> Value {
    let name = if enable { "enable_queue" } else { "disable_queue" };
    json!({ "stream": "storage_unit-docs", "command": { "name": name } })
}

fn with(mut envelope: Value, member: &str, value: impl Into<Value>) -> Value {
    envelope[member] = value.into();
    envelope
}

/// Posts lines, and gives the result of each.
async fn bulk(harness: &Harness, lines: &[Value]) -> Vec<Value> {
    let body: String = lines.iter().map(|line| format!("{line}\n")).collect();
    results(&bulk_reply(harness, body).await.expect(200))
}

async fn bulk_reply(harness: &Harness, body: impl Into<Bytes>) -> Reply {
    harness.request("POST", COMMANDS, &[("content-type", "application/x-ndjson")], body).await
}

fn results(reply: &Reply) -> Vec<Value> {
    reply.text().lines().map(|line| serde_json::from_str(line).expect("JSON")).collect()
}

async fn read_back(harness: &Harness, query: &str) -> Vec<Value> {
    results(&harness.get(&format!("{COMMANDS}?{query}")).await.expect(200))
}

async fn head(harness: &Harness) -> String {
    harness.engine.store().head().await.expect("the log can be read").to_string()
}

async fn with_key(harness: &Harness, method: &str, path: &str, key: &str, body: &Value) -> Reply {
    let headers = [("content-type", "application/json"), ("idempotency-key", key)];
    harness.request(method, path, &headers, body.to_string()).await
}

// ── In ─────────────────────────────────────────────────────────────────────────────────────────────────────────

#[tokio::test]
async fn a_command_is_answered_with_what_it_recorded() {
    let harness = harness().await;
    let created = harness.post(COMMANDS, create(&harness)).await.expect(200);
    let result = created.json();
    assert_eq!(
        (&result["status"], &result["events"]),
        (&json!("accepted"), &json!(["storage_unit.created"]))
    );
    assert_eq!((&result["version"], &result["position"]), (&json!(0), &json!("1")));
    assert_eq!(created.header("reprise-position"), "1");
    let nothing = harness.post(COMMANDS, toggle(true)).await.expect(200).json();
    assert_eq!((&nothing["status"], &nothing["events"]), (&json!("nothing"), &json!([])));
    let refused = harness.post(COMMANDS, create(&harness)).await.expect(409).json();
    assert_eq!(refused["code"], "storage_unit_exists");
}

#[tokio::test]
async fn many_commands_get_one_result_each_in_their_order() {
    let harness = harness().await;
    let lines =
        [create(&harness), queue("a"), queue("b"), queue("a"), queue("nobody"), toggle(false), queue("c")];
    let results = bulk(&harness, &lines).await;
    let statuses: Vec<_> = results.iter().map(|result| result["status"].as_str().unwrap()).collect();
    assert_eq!(
        statuses,
        ["accepted", "accepted", "accepted", "nothing", "refused", "accepted", "accepted"],
        "{results:?}"
    );
    assert_eq!(results[4]["problem"]["code"], "key_not_found");
    let positions: Vec<u64> =
        [0, 1, 2, 5, 6].map(|at| results[at]["position"].as_str().unwrap().parse().unwrap()).to_vec();
    assert!(positions[0] < positions[1] && positions[2] < positions[3] && positions[3] < positions[4]);
}

#[tokio::test]
async fn commands_to_one_stream_keep_their_order_however_many_they_are() {
    let harness = harness().await;
    let _created = harness.post(COMMANDS, create(&harness)).await.expect(200);
    let mut lines = vec![queue("a")];
    let held = |name: &str| json!({ "stream": "key_scope-docs/raw/a", "command": { "name": name } });
    lines.extend((0..300).map(|number| held(if number % 2 == 0 { "hold" } else { "release" })));
    for (number, result) in bulk(&harness, &lines).await.into_iter().enumerate() {
        assert_eq!((&result["status"], &result["version"]), (&json!("accepted"), &json!(number)));
    }
}

#[tokio::test]
async fn a_line_that_is_wrong_does_not_stop_the_others() {
    let harness = harness().await;
    let long = format!("{{\"reason\":\"{}\"}}", "x".repeat(1 << 20));
    let body =
        format!("{}\nnonsense\n\n{long}\n{}\n{}", create(&harness), json!({ "stream": "x" }), queue("a"));
    let results = results(&bulk_reply(&harness, body).await.expect(200));
    let codes: Vec<_> =
        results.iter().map(|result| result["problem"]["code"].as_str().unwrap_or("-")).collect();
    assert_eq!(codes, ["-", "malformed_json", "body_too_large", "invalid_body", "-"]);
}

#[tokio::test]
async fn what_belongs_to_the_engine_or_to_workers_is_refused() {
    let harness = harness().await;
    let _created = harness.post(COMMANDS, create(&harness)).await.expect(200);
    let before = head(&harness).await;
    let campaign = "campaign-0195d3c0-0000-7000-8000-000000000000";
    let commands = [
        ("storage_unit-docs", json!({ "name": "reset_queue" })),
        ("storage_unit-docs", json!({ "name": "confirm_cleared" })),
        ("key_scope-docs/raw/a", json!({ "name": "withdraw" })),
        ("key_scope-docs/raw/a", json!({ "name": "expire_lease" })),
        ("key_scope-docs/raw/a", json!({ "name": "claim", "body": { "worker": "w", "lease_ms": 1000 } })),
        ("key_scope-docs/raw/a", json!({ "name": "queue", "body": { "campaign": campaign[9..] } })),
        (campaign, json!({ "name": "exhaust" })),
        (campaign, json!({ "name": "complete" })),
        ("record-docs/a", json!({ "name": "delete", "body": { "policy": "silent" } })),
    ];
    for (stream, command) in commands {
        let refused = harness.post(COMMANDS, json!({ "stream": stream, "command": command })).await;
        assert_eq!(refused.status.as_u16(), 403, "{command}: {}", refused.text());
        assert_eq!(refused.json()["code"], "command_reserved", "{command}");
    }
    assert_eq!(head(&harness).await, before, "nothing was recorded");
}

#[tokio::test]
async fn content_is_registered_below_the_configured_bases_only() {
    let harness = harness().await;
    let _created = harness.post(COMMANDS, create(&harness)).await.expect(200);
    let elsewhere = json!({ "kind": "registered", "url": "file:///etc", "layout": "{key}", "scope": "raw" });
    let set = json!({ "name": "set_content", "body": elsewhere });
    let envelope = json!({ "stream": "storage_unit-docs", "command": set });
    assert_eq!(
        harness.post(COMMANDS, envelope.clone()).await.expect(403).json()["code"],
        "content_not_allowed"
    );
    assert_eq!(bulk(&harness, &[envelope]).await[0]["problem"]["code"], "content_not_allowed");
}

// ── Out ────────────────────────────────────────────────────────────────────────────────────────────────────────

#[tokio::test]
async fn recorded_commands_can_be_posted_to_another_instance_as_they_are() {
    let (here, there) = (harness().await, harness().await);
    let lines = [
        with(create(&here), "reason", "a new folder"),
        with(queue("a"), "actor", "mara"),
        with(toggle(false), "correlation_id", "0195d3c0-0000-7000-8000-000000000001"),
        with(queue("b"), "id", "order 7"),
    ];
    let first = bulk(&here, &lines).await;
    let mut recorded = read_back(&here, "").await;
    assert_eq!(recorded.len(), lines.len());
    assert_eq!((&recorded[3]["id"], &recorded[1]["actor"]), (&json!("order 7"), &json!("mara")));
    // The folder of the other instance is another one.
    recorded[0]["command"]["body"]["content"] = there.registered("docs");
    let second = bulk(&there, &recorded).await;
    for (first, second) in first.iter().zip(&second) {
        assert_eq!((&first["status"], &first["events"]), (&second["status"], &second["events"]));
    }
    let copied = read_back(&there, "").await;
    for (mut original, mut copy) in recorded.into_iter().zip(copied) {
        original["recorded"] = Value::Null;
        copy["recorded"] = Value::Null;
        assert_eq!(original, copy);
    }
}

#[tokio::test]
async fn recorded_commands_are_found_by_what_they_concern() {
    let harness = harness().await;
    let lines = [create(&harness), with(queue("a"), "actor", "mara"), toggle(false), queue("b")];
    bulk(&harness, &lines).await;
    let streams = async |query: &str| {
        let found = read_back(&harness, query).await;
        found.iter().map(|it| it["stream"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(streams("actor=mara").await, ["key_scope-docs/raw/a"]);
    assert_eq!(streams("name=queue").await, ["key_scope-docs/raw/a", "key_scope-docs/raw/b"]);
    assert_eq!(streams("stream_prefix=storage_unit-").await.len(), 2);
    assert_eq!(streams("unit=docs").await.len(), 4);
    assert_eq!(streams("unit=other").await.len(), 0);
    assert_eq!(streams("after=3").await, ["key_scope-docs/raw/b"]);
    let page = harness.get("/v1/commands?limit=1").await.expect(200);
    assert_eq!((page.header("reprise-next"), results(&page).len()), ("1", 1));
}

// ── Again ──────────────────────────────────────────────────────────────────────────────────────────────────────

#[tokio::test]
async fn the_same_key_and_body_get_the_first_answer_and_record_nothing() {
    let harness = harness().await;
    let _created = harness.post(COMMANDS, create(&harness)).await.expect(200);
    let envelope = with(queue("a"), "id", "order 7");
    let first = harness.post(COMMANDS, envelope.clone()).await.expect(200);
    // What would have been answered has changed since.
    let _held = harness.post("/v1/key-scopes/docs/raw/a/hold", Value::Null).await.expect(200);
    let _dropped = harness.delete("/v1/storage-units/docs").await.expect(202);
    let before = read_back(&harness, "name=queue").await;
    let again = harness.post(COMMANDS, envelope.clone()).await.expect(200);
    assert_eq!(first.body, again.body);
    assert_eq!(first.header("reprise-position"), again.header("reprise-position"));
    assert_eq!(bulk(&harness, &[envelope]).await, [first.json()]);
    let by_header = with_key(&harness, "POST", COMMANDS, "order 7", &queue("a")).await.expect(200);
    assert_eq!(by_header.body, first.body, "the header and the member are the same key");
    assert_eq!(read_back(&harness, "name=queue").await, before);
}

#[tokio::test]
async fn the_same_key_with_another_body_is_refused() {
    let harness = harness().await;
    let _created = harness.post(COMMANDS, create(&harness)).await.expect(200);
    let _first = harness.post(COMMANDS, with(queue("a"), "id", "order 7")).await.expect(200);
    for other in [queue("b"), toggle(false), with(queue("a"), "reason", "why not")] {
        let refused = harness.post(COMMANDS, with(other, "id", "order 7")).await.expect(422).json();
        assert_eq!(refused["code"], "idempotency_key_reused");
    }
}

#[tokio::test]
async fn what_recorded_nothing_under_a_key_may_be_sent_again() {
    let harness = harness().await;
    let envelope = with(create(&harness), "id", "first");
    let _refused = harness.post(COMMANDS, with(toggle(false), "id", "order 7")).await.expect(404);
    let _created = harness.post(COMMANDS, envelope).await.expect(200);
    let accepted = harness.post(COMMANDS, with(toggle(false), "id", "order 7")).await.expect(200).json();
    assert_eq!(accepted["status"], "accepted");
}

#[tokio::test(flavor = "multi_thread")]
async fn many_at_once_under_one_key_are_done_once() {
    let harness = Arc::new(harness().await);
    let _created = harness.post(COMMANDS, create(&harness)).await.expect(200);
    let before: u64 = head(&harness).await.parse().unwrap();
    for round in 1..=20 {
        // Each of these would record something, if it were decided.
        let body = json!({ "in_flight_max": round, "input_bytes_max": 1, "lease_ms": 1000 });
        let command = json!({ "name": "set_limits", "body": body });
        let key = format!("round {round}");
        let envelope = json!({ "id": key, "stream": "storage_unit-docs", "command": command });
        let post = || {
            let (harness, envelope) = (Arc::clone(&harness), envelope.clone());
            tokio::spawn(async move { harness.post(COMMANDS, envelope).await })
        };
        let many: Vec<_> = (0..16).map(|_| post()).collect();
        let mut answers = Vec::new();
        for one in many {
            answers.push(one.await.expect("it does not panic").expect(200).body);
        }
        assert!(answers.iter().all(|answer| *answer == answers[0]), "{answers:?}");
    }
    let after: u64 = head(&harness).await.parse().unwrap();
    assert_eq!(after - before, 20);
}

#[tokio::test]
async fn native_writes_of_one_command_take_a_key() {
    let harness = harness().await;
    let unit = json!({ "name": "docs", "content": harness.registered("docs") });
    let target = json!({ "unit": "docs", "scope": "raw" });
    let writes = [
        ("POST", "/v1/storage-units", unit, 201),
        ("PUT", "/v1/storage-units/docs/queue", json!({ "enabled": false }), 200),
        ("POST", "/v1/key-scopes/docs/raw/a/reprocess", json!({}), 200),
        ("POST", "/v1/key-scopes/docs/raw/a/hold", json!({}), 200),
        ("POST", "/v1/campaigns", target, 202),
    ];
    let mut first = Vec::new();
    for (number, (method, path, body, status)) in writes.iter().enumerate() {
        let reply = with_key(&harness, method, path, &number.to_string(), body).await.expect(*status);
        first.push(reply);
    }
    for (number, (method, path, body, status)) in writes.iter().enumerate() {
        let again = with_key(&harness, method, path, &number.to_string(), body).await.expect(*status);
        let before = &first[number];
        assert_eq!(again.header("reprise-position"), before.header("reprise-position"), "{path}");
        assert_eq!(again.header("location"), before.header("location"), "{path}");
    }
    let commands = read_back(&harness, "name=start").await;
    assert_eq!(commands.len(), 1, "the campaign was started once");
    let other =
        with_key(&harness, "POST", "/v1/key-scopes/docs/raw/b/hold", "3", &json!({})).await.expect(422);
    assert_eq!(other.json()["code"], "idempotency_key_reused");
    let _refused =
        with_key(&harness, "POST", "/v1/storage-units/docs/reset", "9", &json!({})).await.expect(400);
}

/// Creates a unit under a key.
fn create_once(engine: &Engine, queue_enabled: bool) -> Envelope {
    let unit = StorageUnitName::new("docs").expect("a name");
    let (modules, limits) = (ModuleTable::default(), Limits::default());
    let create =
        storage_unit::Command::Create(Settings { content: Content::Managed, modules, queue_enabled, limits });
    let key = IdempotencyKey::new("order 7").expect("a key");
    envelope(engine, Command::StorageUnit(unit, create)).once(key)
}

#[tokio::test]
async fn a_key_is_remembered_across_a_restart() {
    let place = Place::default();
    let engine = place.start().await;
    let first = engine.submit(create_once(&engine, true)).await.expect("it is carried out");
    engine.shutdown().await;
    let engine = place.start().await;
    assert_eq!(engine.submit(create_once(&engine, true)).await, Ok(first));
    let reused = engine.submit(create_once(&engine, false)).await;
    assert!(matches!(reused, Err(SubmitError::KeyReused(_))), "{reused:?}");
    engine.shutdown().await;
}

#[tokio::test]
async fn a_key_is_found_while_the_views_are_behind() {
    let place = Place::default();
    let engine = place.start().await;
    place.views.close();
    let first = engine.submit(create_once(&engine, true)).await.expect("it is carried out");
    assert_eq!(engine.submit(create_once(&engine, true)).await, Ok(first));
    place.views.open();
    engine.shutdown().await;
}
