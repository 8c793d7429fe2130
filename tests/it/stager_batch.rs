//! StageR's batch of writes (`reference/stager.md` §4).

use domain::work::Phase;
use serde_json::json;
use tests::harness::{Harness, Reply, Setup};

use crate::stager_calls::{add, assert_documented, assert_ok, assert_ours, create, set_modules, work};

async fn docs() -> Harness {
    let harness = Setup::without_workers().start().await;
    create(&harness, "docs").await;
    harness
}

async fn report(harness: &Harness, lines: &str) -> Reply {
    harness.request("POST", "/transaction/batch/docs?report", &[], lines.to_owned()).await
}

async fn fetch(harness: &Harness, key: &str) -> String {
    harness.get(&format!("/access/fetch/docs/{key}")).await.expect(200).text()
}

#[tokio::test]
async fn batch_answers_ok_by_put_and_post() {
    let harness = docs().await;
    add(&harness, "docs", "a", "old", json!(0)).await;
    let lines = concat!(
        r#"{"action":"add","scope":"a","key":"k","version":1,"policy":"new","content":{"x":1}}"#,
        "\n",
        r#"{"action":"update","scope":"b","key":"k","version":2,"policy":"merge","content":2}"#,
        "\r\n\n",
        r#"{"action":"delete","key":"old"}"#,
    );
    assert_ok(&harness.request("PUT", "/transaction/batch/docs", &[], lines).await);
    assert_eq!(fetch(&harness, "k").await, r#"{"key":"LOCAL_ZONE:k","content":{"a":{"x":1},"b":2}}"#);
    assert_documented(&harness.get("/access/fetch/docs/old").await, "KEY_NOT_FOUND");
    let lines = r#"{"action":"delete","scope":"a","key":"k","policy":"mustexist"}"#;
    assert_ok(&harness.request("POST", "/transaction/batch/docs?report=true", &[], lines).await);
    assert_eq!(fetch(&harness, "k").await, r#"{"key":"LOCAL_ZONE:k","content":{"b":2}}"#);
}

#[tokio::test]
async fn a_batch_with_failed_items_answers_200_and_does_the_others() {
    let harness = docs().await;
    add(&harness, "docs", "a", "k", json!(1)).await;
    let lines = concat!(
        r#"{"action":"add","scope":"a","key":"k","policy":"new","content":2}"#,
        "\n",
        r#"{"action":"add","scope":"a","key":"other","content":3}"#,
    );
    for path in ["/transaction/batch/docs", "/transaction/batch/docs?report=false"] {
        let reply = harness.request("POST", path, &[], lines).await.expect(200);
        assert_eq!(reply.text(), r#"{"message":"COMPLETED_WITH_ERRORS"}"#);
    }
    assert_eq!(fetch(&harness, "k").await, r#"{"key":"LOCAL_ZONE:k","content":{"a":1}}"#);
    assert_eq!(fetch(&harness, "other").await, r#"{"key":"LOCAL_ZONE:other","content":{"a":3}}"#);
}

#[tokio::test]
async fn the_report_names_each_failed_key_with_its_zone_and_code_in_the_order_of_the_lines() {
    let harness = docs().await;
    let write = json!({ "key": "k", "version": 5, "content": 1 });
    assert_ok(&harness.put("/transaction/add/docs/a", write).await);
    let lines = concat!(
        r#"{"action":"add","scope":"a","key":"k","version":4,"content":2}"#,
        "\n",
        r#"{"action":"add","scope":"a","key":"k","policy":"new","content":2}"#,
        "\n",
        r#"{"action":"add","scope":"a","key":"fine","content":2}"#,
        "\n",
        r#"{"action":"delete","scope":"a","key":"EAST:none","policy":"mustexist"}"#,
    );
    let expected = concat!(
        r#"{"message":"COMPLETED_WITH_ERRORS","errors":["#,
        r#"{"key":"LOCAL_ZONE:k","error":"NEWER_VERSION_ALREADY_EXISTS"},"#,
        r#"{"key":"LOCAL_ZONE:k","error":"NEW_MERGE_POLICY_ERROR"},"#,
        r#"{"key":"EAST:none","error":"KEY_NOT_FOUND"}]}"#,
    );
    assert_eq!(report(&harness, lines).await.expect(200).text(), expected);
}

#[tokio::test]
async fn a_line_that_cannot_be_understood_is_reported_and_does_not_stop_the_others() {
    let harness = docs().await;
    let lines = concat!(
        "not JSON\n",
        r#"{"action":"add","scope":"a","content":1}"#,
        "\n\n",
        r#"{"action":"add","scope":"a","key":"a:b:c","content":1}"#,
        "\n",
        r#"{"action":"publish","scope":"a","key":"k","content":1}"#,
        "\n",
        r#"{"scope":"a","key":"k","content":1}"#,
        "\n",
        r#"{"action":"add","key":"k","content":1}"#,
        "\n",
        r#"{"action":"add","scope":"$record","key":"k","content":1}"#,
        "\n",
        r#"{"action":"add","scope":"a","key":"k","version":"1","content":1}"#,
        "\n",
        r#"{"action":"add","scope":"a","key":"fine","content":1}"#,
        "\n",
    );
    let expected = json!({
        "message": "COMPLETED_WITH_ERRORS",
        "errors": [
            { "key": null, "error": "INVALID_JSON", "line": 1 },
            { "key": null, "error": "INVALID_BODY", "line": 2 },
            { "key": "a:b:c", "error": "INVALID_KEY" },
            { "key": "LOCAL_ZONE:k", "error": "INVALID_ACTION" },
            { "key": "LOCAL_ZONE:k", "error": "INVALID_ACTION" },
            { "key": "LOCAL_ZONE:k", "error": "INVALID_SCOPE" },
            { "key": "LOCAL_ZONE:k", "error": "INVALID_SCOPE" },
            { "key": "LOCAL_ZONE:k", "error": "INVALID_VERSION" },
        ]
    });
    assert_eq!(report(&harness, lines).await.expect(200).json(), expected);
    assert_eq!(fetch(&harness, "fine").await, r#"{"key":"LOCAL_ZONE:fine","content":{"a":1}}"#);
    assert_documented(&harness.get("/access/fetch/docs/k").await, "KEY_NOT_FOUND");
}

#[tokio::test]
async fn lines_of_one_key_are_carried_out_in_their_order() {
    let harness = docs().await;
    let mut lines = String::new();
    for number in 1..=50 {
        for key in ["x", "y"] {
            let line =
                json!({ "action": "add", "scope": "a", "key": key, "version": number, "content": number });
            lines.push_str(&format!("{line}\n"));
        }
    }
    // Out of order, some of these would be older than what is stored.
    assert_ok(&report(&harness, &lines).await);
    assert_eq!(fetch(&harness, "x").await, r#"{"key":"LOCAL_ZONE:x","content":{"a":50}}"#);
}

#[tokio::test]
async fn a_batch_asks_for_the_scopes_that_have_modules() {
    let harness = docs().await;
    set_modules(&harness, "docs", json!({ "a": [{ "module": "cat" }] })).await;
    let lines = concat!(
        r#"{"action":"add","scope":"a","key":"k","content":1}"#,
        "\n",
        r#"{"action":"add","scope":"b","key":"k","content":1}"#,
    );
    assert_ok(&report(&harness, lines).await);
    assert!(matches!(work(&harness, "docs", "a", "k").await.phase, Phase::Queued { .. }));
    assert_eq!(work(&harness, "docs", "b", "k").await.phase, Phase::Idle);
}

#[tokio::test]
async fn a_batch_without_lines_or_with_too_many_is_refused_as_a_whole() {
    let mut setup = Setup::without_workers();
    setup.http.keys_max = 2;
    let harness = setup.start().await;
    create(&harness, "docs").await;
    assert_ours(&report(&harness, "").await, "INVALID_BODY");
    assert_ours(&report(&harness, "\n \r\n").await, "INVALID_BODY");
    let line = r#"{"action":"add","scope":"a","key":"k","content":1}"#;
    assert_ours(&report(&harness, &format!("{line}\n{line}\n{line}")).await, "TOO_MANY_KEYS");
    assert_documented(&harness.get("/access/fetch/docs/k").await, "KEY_NOT_FOUND");
}
