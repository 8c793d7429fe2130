//! StageR's reads (`reference/stager.md` §6).

use serde_json::{Value, json};
use tests::harness::{Harness, Setup};

use crate::stager_calls::{
    add, assert_documented, assert_ok, assert_ours, create, docs_with, register, text,
};

// ── Fetch ──────────────────────────────────────────────────────────────────────────────────────────────────────

#[tokio::test]
async fn fetch_returns_key_and_content_by_get_and_post() {
    let harness = docs_with(0).await;
    add(&harness, "docs", "connector", "k", json!({ "a": 1 })).await;
    let expected = r#"{"key":"LOCAL_ZONE:k","content":{"connector":{"a":1}}}"#;
    assert_eq!(text(&harness, "/access/fetch/docs/k").await, expected);
    assert_eq!(harness.post("/access/fetch/docs/k", Value::Null).await.expect(200).text(), expected);
}

#[tokio::test]
async fn fetch_of_a_scope_returns_only_that_and_of_record_all() {
    let harness = docs_with(0).await;
    add(&harness, "docs", "a", "k", json!(1)).await;
    add(&harness, "docs", "b", "k", json!(2)).await;
    let all = r#"{"key":"LOCAL_ZONE:k","content":{"a":1,"b":2}}"#;
    assert_eq!(text(&harness, "/access/fetch/docs/k/b").await, r#"{"key":"LOCAL_ZONE:k","content":{"b":2}}"#);
    assert_eq!(text(&harness, "/access/fetch/docs/k/$record").await, all);
    assert_eq!(text(&harness, "/access/fetch/docs/k").await, all);
}

#[tokio::test]
async fn fetch_of_an_unknown_key_or_scope_answers_key_not_found() {
    let harness = docs_with(0).await;
    add(&harness, "docs", "a", "k", json!(1)).await;
    assert_documented(&harness.get("/access/fetch/docs/none").await, "KEY_NOT_FOUND");
    assert_documented(&harness.get("/access/fetch/docs/k/none").await, "KEY_NOT_FOUND");
    assert_documented(&harness.get("/access/fetch/docs/EAST:k").await, "KEY_NOT_FOUND");
}

#[tokio::test]
async fn reads_of_an_unknown_unit_answer_storage_unit_doesnt_exist() {
    let harness = Setup::without_workers().start().await;
    let body = json!({ "keys": ["k"] });
    for reply in [
        harness.get("/access/fetch/docs/k").await,
        harness.get("/access/fetch/no%20name/k").await,
        harness.get("/access/fetchMultiple/docs?keys=k").await,
        harness.post("/access/fetchMultiple/docs/a", body).await,
        harness.get("/access/fetchPage/docs").await,
        harness.post("/access/fetchPage/docs", json!({ "size": 1 })).await,
    ] {
        assert_documented(&reply, "STORAGE_UNIT_DOESNT_EXIST");
    }
}

#[tokio::test]
async fn a_key_in_the_path_is_percent_decoded() {
    let harness = docs_with(0).await;
    add(&harness, "docs", "a", "folder/ä b+c?.md", json!(1)).await;
    let expected = r#"{"key":"LOCAL_ZONE:folder/ä b+c?.md","content":{"a":1}}"#;
    assert_eq!(text(&harness, "/access/fetch/docs/folder%2F%C3%A4%20b+c%3F.md").await, expected);
    assert_ours(&harness.get("/access/fetch/docs/%ff").await, "INVALID_PATH");
}

#[tokio::test]
async fn the_zone_of_the_server_is_what_its_settings_say() {
    let mut setup = Setup::without_workers();
    setup.http.zone = "WEST".to_owned();
    let harness = setup.start().await;
    create(&harness, "docs").await;
    add(&harness, "docs", "a", "WEST:k", json!(1)).await;
    add(&harness, "docs", "a", "LOCAL_ZONE:k", json!(2)).await;
    assert_eq!(text(&harness, "/access/fetch/docs/k").await, r#"{"key":"WEST:k","content":{"a":1}}"#);
    let other = r#"{"key":"LOCAL_ZONE:k","content":{"a":2}}"#;
    assert_eq!(text(&harness, "/access/fetch/docs/LOCAL_ZONE%3Ak").await, other);
}

#[tokio::test]
async fn a_document_that_is_not_json_is_a_string_or_base64() {
    let harness = Setup::without_workers().start().await;
    harness.document("docs/a.txt", "say \"hi\"\n");
    harness.document("docs/b.json", "{\"a\": [1, 2]}\n");
    std::fs::write(harness.documents().join("docs/c.bin"), [0xff, 0x00, 0x10]).unwrap();
    register(&harness, "docs", "{key}").await;
    for (key, content) in
        [("a.txt", r#""say \"hi\"\n""#), ("b.json", r#"{"a": [1, 2]}"#), ("c.bin", r#"{"$base64":"/wAQ"}"#)]
    {
        let expected = format!(r#"{{"key":"LOCAL_ZONE:{key}","content":{{"raw":{content}}}}}"#);
        assert_eq!(text(&harness, &format!("/access/fetch/docs/{key}")).await, expected);
    }
}

#[tokio::test]
async fn what_a_module_made_is_a_scope_of_its_record() {
    let harness = Harness::start().await;
    harness.document("docs/k", "text");
    register(&harness, "docs", "{key}").await;
    let table = json!({ "raw": [{ "module": "sha256sum", "output_scope": "sum" }] });
    let modules = domain::storage_unit::ModuleTable {
        modules: serde_json::from_value(table).unwrap(),
        ..domain::storage_unit::ModuleTable::default()
    };
    let unit = domain::names::StorageUnitName::new("docs").unwrap();
    let set = domain::storage_unit::Command::SetModules(modules);
    crate::stager_calls::submit(&harness, domain::envelope::Command::StorageUnit(unit, set)).await;
    assert_ok(&harness.get("/reprocess/key/docs/k/raw").await);
    harness.settled("docs").await;
    let fetched = harness.get("/access/fetch/docs/k/sum").await.expect(200).json();
    let sum = fetched["content"]["sum"].as_str().unwrap();
    assert!(sum.starts_with("982d9e3eb996f559e633f4d194def3761d909f5a3b647d1a851fead67c32c9d1"), "{sum}");
}

#[tokio::test]
async fn a_record_beyond_the_limit_answers_content_too_large() {
    let harness = Setup::without_workers().start().await;
    harness.document("docs/large", &"x".repeat((16 << 20) + 1));
    harness.document("docs/small", "x");
    register(&harness, "docs", "{key}").await;
    assert_ours(&harness.get("/access/fetch/docs/large").await, "CONTENT_TOO_LARGE");
    assert_ours(&harness.get("/access/fetchMultiple/docs?keys=small,large").await, "CONTENT_TOO_LARGE");
    assert_ours(&harness.get("/access/fetchPage/docs").await, "CONTENT_TOO_LARGE");
    assert_eq!(harness.get("/access/fetch/docs/small").await.status, 200);
}

#[tokio::test]
async fn a_key_never_leads_out_of_its_unit() {
    let harness = Setup::without_workers().start().await;
    harness.document("secret", "secret");
    harness.document("docs/k", "text");
    register(&harness, "docs", "{key}").await;
    for key in
        ["..%2Fsecret", "a%2F..%2F..%2Fsecret", "%252e%252e%2Fsecret", "%2Fetc%2Fpasswd", "..%5Csecret"]
    {
        let reply = harness.get(&format!("/access/fetch/docs/{key}")).await;
        assert_eq!(reply.status, 400, "{key}: {}", reply.text());
        let message = reply.json()["message"].clone();
        assert!(message == "INVALID_KEY" || message == "KEY_NOT_FOUND", "{key}: {message}");
    }
}

// ── Fetch multiple ─────────────────────────────────────────────────────────────────────────────────────────────

#[tokio::test]
async fn fetch_multiple_takes_comma_joined_keys_by_get_and_an_array_by_post() {
    let harness = docs_with(3).await;
    let expected = concat!(
        r#"[{"key":"LOCAL_ZONE:k02","content":{"a":2}},"#,
        r#"{"key":"LOCAL_ZONE:k00","content":{"a":0}}]"#,
    );
    assert_eq!(text(&harness, "/access/fetchMultiple/docs?keys=k02,none,LOCAL_ZONE:k00").await, expected);
    assert_eq!(text(&harness, "/access/fetchMultiple/docs/a?keys=k02%2Cnone%2Ck00").await, expected);
    let body = json!({ "keys": ["k02", "none", "k00"] });
    let reply = harness.post("/access/fetchMultiple/docs/$record", body).await;
    assert_eq!(reply.expect(200).text(), expected);
}

#[tokio::test]
async fn fetch_multiple_leaves_out_what_is_not_there() {
    let harness = docs_with(1).await;
    assert_eq!(text(&harness, "/access/fetchMultiple/docs?keys=none").await, "[]");
    assert_eq!(text(&harness, "/access/fetchMultiple/docs/b?keys=k00").await, "[]");
}

#[tokio::test]
async fn fetch_multiple_needs_between_one_key_and_the_limit() {
    let mut setup = Setup::without_workers();
    setup.http.keys_max = 2;
    let harness = setup.start().await;
    create(&harness, "docs").await;
    let path = "/access/fetchMultiple/docs";
    for reply in [
        harness.get(path).await,
        harness.get("/access/fetchMultiple/docs?keys=").await,
        harness.post(path, json!({ "keys": [] })).await,
        harness.post(path, json!({})).await,
        harness.post(path, json!({ "keys": null })).await,
    ] {
        assert_ours(&reply, "NO_KEYS");
    }
    assert_ours(&harness.get("/access/fetchMultiple/docs?keys=a,b,c").await, "TOO_MANY_KEYS");
    assert_ours(&harness.get("/access/fetchMultiple/docs?keys=a:b:c").await, "INVALID_KEY");
    assert_ours(&harness.get("/access/fetchMultiple/docs?keys=%ff").await, "INVALID_PARAMETER");
    assert_ours(&harness.post(path, json!({ "keys": "a,b" })).await, "INVALID_BODY");
    assert_ours(&harness.post(path, json!({ "keys": [1] })).await, "INVALID_BODY");
    assert_ours(&harness.request("POST", path, &[], "keys=a").await, "INVALID_JSON");
}
