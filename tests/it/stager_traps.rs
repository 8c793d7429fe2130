//! The fidelity traps of StageR, one test for each point of the checklist (`reference/stager.md` §11).

use domain::work::Phase;
use serde_json::{Value, json};
use tests::harness::{Harness, Setup};

use crate::stager_calls::{
    OK, add, assert_documented, assert_ok, claim, create, create_working, enable, set_modules, work,
};

async fn docs() -> Harness {
    let harness = Setup::without_workers().start().await;
    create(&harness, "docs").await;
    add(&harness, "docs", "s", "k", json!(1)).await;
    harness
}

async fn is_queued(harness: &Harness, key: &str) -> bool {
    matches!(work(harness, "docs", "s", key).await.phase, Phase::Queued { .. })
}

#[tokio::test]
async fn trap_1_missing_things_are_400_and_never_404_and_the_body_key_is_message() {
    let harness = docs().await;
    for path in
        ["/access/fetch/docs/none", "/reprocess/key/docs/none/s", "/access/fetch/none/k", "/admin/drop/none"]
    {
        let reply = harness.get(path).await.expect(400);
        let body = reply.json();
        assert_eq!(body.as_object().unwrap().keys().collect::<Vec<_>>(), ["message"], "{path}");
    }
}

#[tokio::test]
async fn trap_2_get_is_a_legal_trigger() {
    let harness = docs().await;
    for path in [
        "/reprocess/key/docs/k/s",
        "/reprocess/keys/docs/s?keys=k",
        "/reprocess/all/docs/s",
        "/reprocess/reset/docs",
    ] {
        assert_ok(&harness.get(path).await);
    }
    assert!(is_queued(&harness, "k").await);
}

#[tokio::test]
async fn trap_3_keys_are_comma_joined_in_a_query_and_an_array_in_a_body() {
    let harness = docs().await;
    add(&harness, "docs", "s", "l,m", json!(1)).await;
    assert_ok(&harness.post("/reprocess/keys/docs/s", json!({ "keys": ["l,m"] })).await);
    assert!(is_queued(&harness, "l,m").await);
    let reply = harness.get("/reprocess/keys/docs/s?keys=l,m").await.expect(200).json();
    assert_eq!(reply["errors"][0]["key"], "LOCAL_ZONE:l");
    assert_eq!(reply["errors"][1]["key"], "LOCAL_ZONE:m");
}

#[tokio::test]
async fn trap_4_the_scope_follows_the_key_or_the_unit_and_is_absent_in_reset() {
    let harness = docs().await;
    assert_ok(&harness.get("/reprocess/key/docs/k/s").await);
    assert_ok(&harness.get("/reprocess/keys/docs/s?keys=k").await);
    assert_ok(&harness.get("/reprocess/all/docs/s").await);
    assert_ok(&harness.get("/reprocess/reset/docs").await);
    for path in [
        "/reprocess/key/docs/k",
        "/reprocess/keys/docs?keys=k",
        "/reprocess/all/docs",
        "/reprocess/reset/docs/s",
    ] {
        assert_eq!(harness.get(path).await.status, 404, "{path}");
    }
}

#[tokio::test]
async fn trap_5_ok_acknowledges_queueing_only() {
    let harness = docs().await;
    let reply = harness.get("/reprocess/key/docs/k/s").await;
    assert_eq!((reply.status.as_u16(), reply.text().as_str()), (200, OK));
    let work = work(&harness, "docs", "s", "k").await;
    assert!(matches!(work.phase, Phase::Queued { .. }), "{:?}", work.phase);
    assert_eq!(work.attempt_count, 0);
}

#[tokio::test]
async fn trap_6_reset_unassigns_and_neither_purges_nor_queues_finished_items() {
    let harness = Harness::start().await;
    create_working(&harness, "docs").await;
    add(&harness, "docs", "connector", "finished", json!(1)).await;
    harness.settled("docs").await;
    // No built-in worker serves a scope without modules, so these two stay where they are put.
    for key in ["leased", "waiting"] {
        add(&harness, "docs", "s", key, json!(1)).await;
    }
    assert_ok(&harness.get("/reprocess/key/docs/leased/s").await);
    assert_eq!(claim(&harness).await.len(), 1);
    assert_ok(&harness.get("/reprocess/key/docs/waiting/s").await);
    assert_ok(&harness.post("/reprocess/reset/docs", Value::Null).await);
    assert!(is_queued(&harness, "leased").await && is_queued(&harness, "waiting").await);
    let finished = work(&harness, "docs", "connector", "finished").await;
    assert_eq!((finished.phase, finished.restart_count), (Phase::Finished, 0));
}

#[tokio::test]
async fn trap_7_the_admin_call_is_spelled_enable_reprocessing_queue() {
    let harness = docs().await;
    enable(&harness, "docs").await;
    for path in ["/admin/enableReprocessQueue/docs/true", "/admin/reprocessingQueue/docs/true"] {
        assert_eq!(harness.put(path, Value::Null).await.status, 404, "{path}");
    }
    let by_post = harness.post("/admin/enableReprocessingQueue/docs/true", Value::Null).await;
    assert_eq!(by_post.status, 405);
}

#[tokio::test]
async fn trap_8_a_higher_stored_version_discards_and_an_equal_one_does_not() {
    let harness = docs().await;
    let body = |version| json!({ "key": "v", "version": version, "content": version });
    assert_ok(&harness.put("/transaction/add/docs/s", body(2)).await);
    assert_ok(&harness.put("/transaction/add/docs/s", body(2)).await);
    assert_documented(&harness.put("/transaction/add/docs/s", body(1)).await, "NEWER_VERSION_ALREADY_EXISTS");
    let line = r#"{"action":"add","scope":"s","key":"v","version":1,"content":1}"#;
    let reply = harness.request("POST", "/transaction/batch/docs?report", &[], line).await.expect(200);
    let expected = concat!(
        r#"{"message":"COMPLETED_WITH_ERRORS","#,
        r#""errors":[{"key":"LOCAL_ZONE:v","error":"NEWER_VERSION_ALREADY_EXISTS"}]}"#,
    );
    assert_eq!(reply.text(), expected);
}

#[tokio::test]
async fn trap_9_a_batch_with_errors_is_200() {
    let harness = docs().await;
    let line = r#"{"action":"add","scope":"s","key":"k","policy":"new","content":1}"#;
    let reply = harness.request("PUT", "/transaction/batch/docs", &[], line).await.expect(200);
    assert_eq!(reply.text(), r#"{"message":"COMPLETED_WITH_ERRORS"}"#);
}

#[tokio::test]
async fn trap_10_keys_have_no_colon_and_reported_keys_always_have_a_zone() {
    let harness = docs().await;
    let keys = "k,LOCAL_ZONE:k,EAST:k,none,a:b:c";
    let fetched = harness.get("/access/fetch/docs/LOCAL_ZONE:k").await.expect(200).json();
    assert_eq!(fetched["key"], "LOCAL_ZONE:k");
    add(&harness, "docs", "s", "EAST:k", json!(2)).await;
    let reply = harness.get(&format!("/reprocess/keys/docs/s?keys={keys}")).await.expect(200).json();
    let expected = json!([
        { "key": "LOCAL_ZONE:none", "error": "KEY_NOT_FOUND" },
        { "key": "a:b:c", "error": "INVALID_KEY" },
    ]);
    assert_eq!(reply["errors"], expected);
    assert!(is_queued(&harness, "k").await && is_queued(&harness, "EAST:k").await);
}

#[tokio::test]
async fn a_reprocess_is_no_transaction() {
    let harness = docs().await;
    set_modules(&harness, "docs", json!({ "s": [{ "module": "cat" }] })).await;
    let before = harness.get("/admin/statistics/docs").await.expect(200).text();
    assert_ok(&harness.get("/reprocess/key/docs/k/s").await);
    assert_eq!(harness.get("/admin/statistics/docs").await.expect(200).text(), before);
}
