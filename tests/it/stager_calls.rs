//! What the StageR conformance tests have in common: the documented bodies, units and records to begin with, and a
//! look at the engine behind the surface. Does not know any rule.

use domain::aggregate::Aggregate;
use domain::envelope::{Command, Envelope};
use domain::names::{Actor, CommandId, Key, Scope, StorageUnitName, WorkerId};
use domain::storage_unit::{self, Content, Limits, ModuleTable, Settings};
use domain::stream::{KeyScopeId, Subject};
use domain::work::{Phase, Work};
use runtime::Claimed;
use serde_json::{Value, json};
use std::time::Duration;
use tests::harness::{Harness, Reply, Setup};

/// Success, byte for byte.
pub(crate) const OK: &str = r#"{"message":"OK"}"#;

/// A documented domain error, byte for byte.
#[track_caller]
pub(crate) fn assert_documented(reply: &Reply, code: &str) {
    assert_eq!((reply.status.as_u16(), reply.text()), (400, format!(r#"{{"message":"{code}"}}"#)));
}

/// A domain error of ours: 400, the code, and a sentence that says what to do.
#[track_caller]
pub(crate) fn assert_ours(reply: &Reply, code: &str) {
    assert_eq!((reply.status.as_u16(), &reply.json()["message"]), (400, &json!(code)), "{}", reply.text());
    assert!(reply.json()["detail"].as_str().is_some_and(|detail| detail.len() > 10), "{}", reply.text());
}

#[track_caller]
pub(crate) fn assert_ok(reply: &Reply) {
    assert_eq!((reply.status.as_u16(), reply.text()), (200, OK.to_owned()));
    assert_eq!(reply.header("content-type"), "application/json");
}

/// A new unit.
pub(crate) async fn create(harness: &Harness, unit: &str) {
    assert_ok(&harness.post(&format!("/admin/create/{unit}"), Value::Null).await);
}

/// A new unit whose scope `connector` has the module `cat` and whose queue is enabled.
pub(crate) async fn create_working(harness: &Harness, unit: &str) {
    create(harness, unit).await;
    set_modules(harness, unit, json!({ "connector": [{ "module": "cat" }] })).await;
    enable(harness, unit).await;
}

pub(crate) async fn set_modules(harness: &Harness, unit: &str, modules: Value) {
    let path = format!("/admin/setContentProcessingModules/{unit}");
    assert_ok(&harness.post(&path, json!({ "modules": modules })).await);
}

pub(crate) async fn enable(harness: &Harness, unit: &str) {
    assert_ok(&harness.put(&format!("/admin/enableReprocessingQueue/{unit}/true"), Value::Null).await);
}

/// A unit whose documents are those below a folder of the harness, in the scope `raw`.
pub(crate) async fn register(harness: &Harness, unit: &str, layout: &str) {
    let mut location = harness.registered(unit);
    location["layout"] = json!(layout);
    let content: Content = serde_json::from_value(location).unwrap();
    let settings =
        Settings { content, modules: ModuleTable::default(), queue_enabled: true, limits: Limits::default() };
    let create = storage_unit::Command::Create(settings);
    submit(harness, Command::StorageUnit(StorageUnitName::new(unit).unwrap(), create)).await;
}

pub(crate) async fn submit(harness: &Harness, command: Command) {
    let id = CommandId(harness.engine.fresh_id());
    harness.engine.submit(Envelope::new(id, Actor::new("test").unwrap(), command)).await.unwrap();
}

/// Adds the content to a scope of a key, with no policy and no version.
pub(crate) async fn add(harness: &Harness, unit: &str, scope: &str, key: &str, content: Value) {
    let path = format!("/transaction/add/{unit}/{scope}");
    assert_ok(&harness.put(&path, json!({ "key": key, "content": content })).await);
}

/// The work on a key-scope, as the engine knows it.
pub(crate) async fn work(harness: &Harness, unit: &str, scope: &str, key: &str) -> Work {
    match harness.engine.inspect(Subject::KeyScope(key_scope(unit, scope, key))).await.unwrap() {
        Aggregate::KeyScope(scope) => scope.work,
        other @ (Aggregate::StorageUnit(_)
        | Aggregate::Record(_)
        | Aggregate::Campaign(_)
        | Aggregate::Task(_)
        | Aggregate::Workspace(_)
        | Aggregate::Batch(_)
        | Aggregate::ExternalId(_)
        | Aggregate::Ids(_)
        | Aggregate::System(_)
        | Aggregate::ApiKey(_)
        | Aggregate::Access(_)) => {
            panic!("{other:?} is no key-scope")
        }
    }
}

pub(crate) fn key_scope(unit: &str, scope: &str, key: &str) -> KeyScopeId {
    KeyScopeId {
        unit: StorageUnitName::new(unit).unwrap(),
        scope: Scope::new(scope).unwrap(),
        key: Key::new(key).unwrap(),
    }
}

/// Everything that can be claimed now.
pub(crate) async fn claim(harness: &Harness) -> Vec<Claimed> {
    // The board follows the log; a claim that waits is answered as soon as there is something.
    harness.engine.claim(&WorkerId::new("tester").unwrap(), 100, Duration::from_secs(5)).await.unwrap()
}

/// Everything that can be claimed without waiting.
pub(crate) async fn claim_at_once(harness: &Harness) -> Vec<Claimed> {
    harness.engine.claim(&WorkerId::new("tester").unwrap(), 100, Duration::ZERO).await.unwrap()
}

/// An instance with the unit `docs`, which has the keys `k00`, `k01`, … in the scope `a`, all of version 7.
pub(crate) async fn docs_with(count: usize) -> Harness {
    let harness = Setup::without_workers().start().await;
    create(&harness, "docs").await;
    let line = |number| {
        let key = format!("k{number:02}");
        format!("{}\n", json!({ "action": "add", "scope": "a", "key": key, "version": 7, "content": number }))
    };
    let lines: String = (0..count).map(line).collect();
    if count > 0 {
        assert_ok(&harness.request("POST", "/transaction/batch/docs", &[], lines).await);
    }
    harness
}

/// The body of a successful read.
pub(crate) async fn text(harness: &Harness, path: &str) -> String {
    harness.get(path).await.expect(200).text()
}

/// An instance with the unit `docs`, which has the keys `a`, `b` and `c` in the scope `s` and no modules:
/// nothing is queued.
pub(crate) async fn abc(setup: Setup) -> Harness {
    let harness = setup.start().await;
    create(&harness, "docs").await;
    for key in ["a", "b", "c"] {
        add(&harness, "docs", "s", key, json!({ "key": key })).await;
    }
    harness
}

/// Where the work on scope `s` of keys of `docs` stands.
pub(crate) async fn phases(harness: &Harness, keys: &[&str]) -> Vec<Phase> {
    let mut phases = Vec::new();
    for key in keys {
        phases.push(work(harness, "docs", "s", key).await.phase);
    }
    phases
}

/// Which of `a`, `b` and `c` wait for a worker.
pub(crate) async fn queued(harness: &Harness) -> Vec<&'static str> {
    let mut queued = Vec::new();
    for key in ["a", "b", "c"] {
        match work(harness, "docs", "s", key).await.phase {
            Phase::Queued { .. } => queued.push(key),
            Phase::Idle | Phase::Assigned(_) | Phase::Running(_) | Phase::Finished | Phase::Failed { .. } => {
            }
        }
    }
    queued
}
