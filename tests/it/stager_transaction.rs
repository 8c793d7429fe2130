//! StageR's writes of one scope (`reference/stager.md` §4).

use domain::work::Phase;
use serde_json::{Value, json};
use tests::harness::{Harness, Setup};

use crate::stager_calls::{
    add, assert_documented, assert_ok, assert_ours, create, create_working, register, set_modules, work,
};

async fn put(harness: &Harness, scope: &str, body: Value) -> tests::harness::Reply {
    harness.put(&format!("/transaction/add/docs/{scope}"), body).await
}

async fn fetch(harness: &Harness, key: &str) -> String {
    harness.get(&format!("/access/fetch/docs/{key}")).await.expect(200).text()
}

async fn docs() -> Harness {
    let harness = Setup::without_workers().start().await;
    create(&harness, "docs").await;
    harness
}

// ── Add ────────────────────────────────────────────────────────────────────────────────────────────────────────

#[tokio::test]
async fn add_answers_ok_by_put_and_post() {
    let harness = docs().await;
    let body = |key| json!({ "key": key, "version": 1, "policy": "merge", "content": { "a": 1 } });
    assert_ok(&harness.put("/transaction/add/docs/connector", body("put")).await);
    assert_ok(&harness.post("/transaction/add/docs/connector", body("post")).await);
    for key in ["put", "post"] {
        let expected = format!(r#"{{"key":"LOCAL_ZONE:{key}","content":{{"connector":{{"a":1}}}}}}"#);
        assert_eq!(fetch(&harness, key).await, expected);
    }
}

#[tokio::test]
async fn content_is_any_json_and_comes_back_byte_for_byte() {
    let harness = docs().await;
    let deep = format!("{}{}", "[".repeat(10_000), "]".repeat(10_000));
    for content in [
        deep.as_str(),
        "null",
        "false",
        "\"\\u00e4\"",
        "[]",
        "{\"z\":1,\"a\":2,\"a\":3}",
        "{ \"spaced\" : [ 1.50 , 123456789012345678901234567890 ] }",
    ] {
        let body = format!(r#"{{"key":"k","content":{content}}}"#);
        assert_ok(&harness.request("PUT", "/transaction/add/docs/c", &[], body).await);
        let expected = format!(r#"{{"key":"LOCAL_ZONE:k","content":{{"c":{content}}}}}"#);
        assert_eq!(fetch(&harness, "k").await, expected);
    }
}

#[tokio::test]
async fn the_policy_new_writes_only_an_absent_key() {
    let harness = docs().await;
    let body = json!({ "key": "k", "policy": "new", "content": 1 });
    assert_ok(&put(&harness, "a", body.clone()).await);
    assert_documented(&put(&harness, "a", body.clone()).await, "NEW_MERGE_POLICY_ERROR");
    assert_documented(&put(&harness, "b", body).await, "NEW_MERGE_POLICY_ERROR");
    assert_eq!(fetch(&harness, "k").await, r#"{"key":"LOCAL_ZONE:k","content":{"a":1}}"#);
}

#[tokio::test]
async fn the_policy_overwrite_drops_the_other_scopes() {
    let harness = docs().await;
    for (scope, content) in [("a", 1), ("b", 2)] {
        let body = json!({ "key": "k", "policy": "overwrite", "content": content });
        assert_ok(&put(&harness, scope, body).await);
    }
    assert_eq!(fetch(&harness, "k").await, r#"{"key":"LOCAL_ZONE:k","content":{"b":2}}"#);
}

#[tokio::test]
async fn the_policy_merge_leaves_the_other_scopes_and_is_the_default() {
    let harness = docs().await;
    assert_ok(&put(&harness, "a", json!({ "key": "k", "policy": "merge", "content": 1 })).await);
    assert_ok(&put(&harness, "b", json!({ "key": "k", "policy": "merge", "content": 2 })).await);
    assert_ok(&put(&harness, "c", json!({ "key": "k", "content": 3 })).await);
    assert_eq!(fetch(&harness, "k").await, r#"{"key":"LOCAL_ZONE:k","content":{"a":1,"b":2,"c":3}}"#);
}

#[tokio::test]
async fn a_write_is_discarded_when_the_stored_version_is_higher_and_only_then() {
    let harness = docs().await;
    let body = |version, content| json!({ "key": "k", "version": version, "content": content });
    assert_ok(&put(&harness, "a", body(1_700_000_000_000_u64, 1)).await);
    assert_documented(&put(&harness, "a", body(1_699_999_999_999, 2)).await, "NEWER_VERSION_ALREADY_EXISTS");
    assert_eq!(fetch(&harness, "k").await, r#"{"key":"LOCAL_ZONE:k","content":{"a":1}}"#);
    assert_ok(&put(&harness, "a", body(1_700_000_000_000, 3)).await);
    assert_eq!(fetch(&harness, "k").await, r#"{"key":"LOCAL_ZONE:k","content":{"a":3}}"#);
    assert_ok(&put(&harness, "a", body(u64::MAX, 4)).await);
    assert_eq!(fetch(&harness, "k").await, r#"{"key":"LOCAL_ZONE:k","content":{"a":4}}"#);
}

#[tokio::test]
async fn a_write_without_a_version_is_never_too_old_and_leaves_the_version() {
    let harness = docs().await;
    assert_ok(&put(&harness, "a", json!({ "key": "k", "version": 7, "content": 1 })).await);
    assert_ok(&put(&harness, "a", json!({ "key": "k", "content": 2 })).await);
    assert_ok(&put(&harness, "a", json!({ "key": "other", "content": 2 })).await);
    let page = harness.get("/access/fetchPage/docs").await.expect(200).json();
    assert_eq!((&page[0]["version"], &page[1]["version"]), (&json!(7), &json!(1)));
}

#[tokio::test]
async fn a_persisted_scope_that_has_modules_is_asked_for() {
    let harness = docs().await;
    set_modules(&harness, "docs", json!({ "a": [{ "module": "cat" }], "empty": [] })).await;
    for scope in ["a", "b", "empty"] {
        add(&harness, "docs", scope, "k", json!(1)).await;
    }
    assert!(matches!(work(&harness, "docs", "a", "k").await.phase, Phase::Queued { .. }));
    assert_eq!(work(&harness, "docs", "b", "k").await.phase, Phase::Idle);
    assert_eq!(work(&harness, "docs", "empty", "k").await.phase, Phase::Idle);
}

#[tokio::test]
async fn a_discarded_write_asks_for_nothing() {
    let harness = docs().await;
    assert_ok(&put(&harness, "a", json!({ "key": "k", "version": 2, "content": 1 })).await);
    set_modules(&harness, "docs", json!({ "a": [{ "module": "cat" }] })).await;
    let older = put(&harness, "a", json!({ "key": "k", "version": 1, "content": 2 })).await;
    assert_documented(&older, "NEWER_VERSION_ALREADY_EXISTS");
    assert_eq!(work(&harness, "docs", "a", "k").await.phase, Phase::Idle);
}

#[tokio::test]
async fn an_added_scope_is_processed_when_workers_run() {
    let harness = Harness::start().await;
    create_working(&harness, "docs").await;
    add(&harness, "docs", "connector", "k", json!({ "a": 1 })).await;
    harness.settled("docs").await;
    let once = work(&harness, "docs", "connector", "k").await;
    assert_eq!((once.phase, once.attempt_count), (Phase::Finished, 1));
    add(&harness, "docs", "connector", "k", json!({ "a": 2 })).await;
    harness.settled("docs").await;
    let twice = work(&harness, "docs", "connector", "k").await;
    assert_eq!((twice.phase, twice.attempt_count, twice.restart_count), (Phase::Finished, 2, 1));
}

// ── Delete ─────────────────────────────────────────────────────────────────────────────────────────────────────

#[tokio::test]
async fn delete_answers_ok_by_delete_and_post() {
    let harness = docs().await;
    for method in ["DELETE", "POST"] {
        add(&harness, "docs", "a", "k", json!(1)).await;
        add(&harness, "docs", "b", "k", json!(2)).await;
        let body = r#"{"key":"k","version":1,"policy":"mustexist"}"#;
        assert_ok(&harness.request(method, "/transaction/delete/docs/a", &[], body).await);
        assert_eq!(fetch(&harness, "k").await, r#"{"key":"LOCAL_ZONE:k","content":{"b":2}}"#);
        assert_ok(&harness.request(method, "/transaction/delete/docs", &[], body).await);
        assert_documented(&harness.get("/access/fetch/docs/k").await, "KEY_NOT_FOUND");
    }
}

#[tokio::test]
async fn delete_of_record_or_of_no_scope_deletes_the_whole_record() {
    let harness = docs().await;
    for path in ["/transaction/delete/docs", "/transaction/delete/docs/$record"] {
        add(&harness, "docs", "a", "k", json!(1)).await;
        add(&harness, "docs", "b", "k", json!(2)).await;
        assert_ok(&harness.post(path, json!({ "key": "LOCAL_ZONE:k" })).await);
        assert_documented(&harness.get("/access/fetch/docs/k").await, "KEY_NOT_FOUND");
    }
}

#[tokio::test]
async fn the_policy_silent_is_the_default_and_deleting_nothing_succeeds() {
    let harness = docs().await;
    for body in [json!({ "key": "k" }), json!({ "key": "k", "policy": "silent" })] {
        assert_ok(&harness.post("/transaction/delete/docs", body.clone()).await);
        assert_ok(&harness.post("/transaction/delete/docs/a", body).await);
    }
}

#[tokio::test]
async fn the_policy_mustexist_reports_what_is_not_there() {
    let harness = docs().await;
    add(&harness, "docs", "a", "k", json!(1)).await;
    let body = |key| json!({ "key": key, "policy": "mustexist" });
    assert_documented(&harness.post("/transaction/delete/docs/b", body("k")).await, "KEY_NOT_FOUND");
    assert_documented(&harness.post("/transaction/delete/docs", body("none")).await, "KEY_NOT_FOUND");
    assert_ok(&harness.post("/transaction/delete/docs/a", body("k")).await);
}

#[tokio::test]
async fn a_delete_is_discarded_when_the_stored_version_is_higher() {
    let harness = docs().await;
    assert_ok(&put(&harness, "a", json!({ "key": "k", "version": 5, "content": 1 })).await);
    let older = harness.post("/transaction/delete/docs", json!({ "key": "k", "version": 4 })).await;
    assert_documented(&older, "NEWER_VERSION_ALREADY_EXISTS");
    assert_ok(&harness.post("/transaction/delete/docs", json!({ "key": "k", "version": 5 })).await);
}

// ── What cannot be written ─────────────────────────────────────────────────────────────────────────────────────

#[tokio::test]
async fn writes_to_an_unknown_unit_answer_storage_unit_doesnt_exist() {
    let harness = Setup::without_workers().start().await;
    let body = json!({ "key": "k", "content": 1 });
    for reply in [
        put(&harness, "a", body.clone()).await,
        harness.post("/transaction/delete/docs", body.clone()).await,
        harness.post("/transaction/delete/docs/a", body.clone()).await,
        harness.post("/transaction/batch/docs", body.clone()).await,
        harness.post("/transaction/batch/no%20name", body).await,
    ] {
        assert_documented(&reply, "STORAGE_UNIT_DOESNT_EXIST");
    }
}

#[tokio::test]
async fn registered_content_is_only_read() {
    let harness = Setup::without_workers().start().await;
    harness.document("docs/k", "text");
    register(&harness, "docs", "{key}").await;
    let body = json!({ "key": "k", "content": 1 });
    assert_ours(&put(&harness, "raw", body.clone()).await, "STORAGE_UNIT_READ_ONLY");
    assert_ours(&harness.post("/transaction/delete/docs", body.clone()).await, "STORAGE_UNIT_READ_ONLY");
    assert_ours(&harness.post("/transaction/batch/docs", body).await, "STORAGE_UNIT_READ_ONLY");
    assert!(harness.documents().join("docs/k").exists());
}

#[tokio::test]
async fn what_cannot_be_understood_says_what_is_wrong_and_writes_nothing() {
    let harness = docs().await;
    for (body, code) in [
        ("", "INVALID_JSON"),
        ("{", "INVALID_JSON"),
        ("{\"key\":\"k\",\"content\":}", "INVALID_JSON"),
        ("[]", "INVALID_BODY"),
        ("{\"content\":1}", "INVALID_BODY"),
        ("{\"key\":1,\"content\":1}", "INVALID_BODY"),
        ("{\"key\":\"k\"}", "INVALID_BODY"),
        ("{\"key\":\"\",\"content\":1}", "INVALID_KEY"),
        ("{\"key\":\"a:b:c\",\"content\":1}", "INVALID_KEY"),
        ("{\"key\":\"k\",\"content\":1,\"version\":-1}", "INVALID_VERSION"),
        ("{\"key\":\"k\",\"content\":1,\"version\":1.5}", "INVALID_VERSION"),
        ("{\"key\":\"k\",\"content\":1,\"version\":1e30}", "INVALID_VERSION"),
        ("{\"key\":\"k\",\"content\":1,\"version\":\"1\"}", "INVALID_VERSION"),
        ("{\"key\":\"k\",\"content\":1,\"policy\":\"mustexist\"}", "INVALID_POLICY"),
        ("{\"key\":\"k\",\"content\":1,\"policy\":7}", "INVALID_BODY"),
    ] {
        let reply = harness.request("POST", "/transaction/add/docs/a", &[], body).await;
        assert_ours(&reply, code);
    }
    let body = json!({ "key": "k", "content": 1 });
    assert_ours(&put(&harness, "$record", body.clone()).await, "INVALID_SCOPE");
    assert_ours(&put(&harness, "a%2Fb", body.clone()).await, "INVALID_SCOPE");
    assert_ours(&put(&harness, "%ff", body).await, "INVALID_PATH");
    let delete = json!({ "key": "k", "policy": "merge" });
    assert_ours(&harness.post("/transaction/delete/docs", delete).await, "INVALID_POLICY");
    assert_eq!(harness.get("/access/fetchPage/docs").await.expect(200).text(), "[]");
}

#[tokio::test]
async fn a_body_beyond_the_limit_is_refused() {
    let mut setup = Setup::without_workers();
    setup.http.body_bytes_max = 1_000;
    let harness = setup.start().await;
    create(&harness, "docs").await;
    let reply = put(&harness, "a", json!({ "key": "k", "content": "x".repeat(1_000) })).await.expect(413);
    assert_eq!(reply.json()["message"], "BODY_TOO_LARGE");
}

#[tokio::test]
async fn whoever_asks_is_recorded_and_a_bad_name_is_refused() {
    let harness = docs().await;
    let body = r#"{"key":"k","content":1}"#;
    let path = "/transaction/add/docs/a";
    assert_ok(&harness.request("PUT", path, &[("reprise-actor", "anna")], body).await);
    let subject = domain::stream::Subject::Record(domain::stream::RecordId {
        unit: domain::names::StorageUnitName::new("docs").unwrap(),
        key: domain::names::Key::new("k").unwrap(),
    });
    let store = harness.engine.store();
    let forward = domain::ports::Direction::Forward;
    let events = store.read_stream(&subject.stream(), domain::stream::Version(0), forward, 10).await.unwrap();
    assert_eq!(events.last().unwrap().metadata.actor.as_str(), "anna");
    let long = "x".repeat(300);
    let reply = harness.request("PUT", path, &[("reprise-actor", &long)], body).await;
    assert_ours(&reply, "INVALID_HEADER");
}
