//! StageR's `fetchPage` (`reference/stager.md` §6, the newest shape).

use std::collections::BTreeSet;

use serde_json::{Value, json};
use tests::harness::{Harness, Setup};

use crate::stager_calls::{add, assert_ok, assert_ours, create_working, docs_with, register, text};

/// The keys of a page.
fn keys(page: &Value) -> Vec<&str> {
    page.as_array().unwrap().iter().map(|record| record["key"].as_str().unwrap()).collect()
}

#[tokio::test]
async fn fetch_page_is_a_bare_array_of_key_version_content_and_id() {
    let harness = docs_with(1).await;
    let expected = r#"[{"key":"LOCAL_ZONE:k00","version":7,"content":{"a":0},"_id":"6b3030"}]"#;
    assert_eq!(text(&harness, "/access/fetchPage/docs").await, expected);
    assert_eq!(harness.post("/access/fetchPage/docs", Value::Null).await.expect(200).text(), expected);
}

#[tokio::test]
async fn fetch_page_has_ten_records_unless_size_says_otherwise() {
    let harness = docs_with(12).await;
    let page = harness.get("/access/fetchPage/docs").await.expect(200).json();
    assert_eq!(keys(&page).len(), 10);
    let page = harness.get("/access/fetchPage/docs?size=11").await.expect(200).json();
    assert_eq!(keys(&page).len(), 11);
    let page = harness.post("/access/fetchPage/docs?size=3", json!({ "size": 12 })).await.expect(200).json();
    assert_eq!(keys(&page).len(), 12);
}

#[tokio::test]
async fn fetch_page_goes_on_after_start_id_until_an_empty_page() {
    let harness = docs_with(12).await;
    let (mut seen, mut start) = (Vec::new(), String::new());
    loop {
        let page = harness.get(&format!("/access/fetchPage/docs?size=5{start}")).await.expect(200).json();
        let Some(last) = page.as_array().unwrap().last() else { break };
        start = format!("&startId={}", last["_id"].as_str().unwrap());
        seen.extend(keys(&page).into_iter().map(str::to_owned));
    }
    let expected: Vec<String> = (0..12).map(|number| format!("LOCAL_ZONE:k{number:02}")).collect();
    assert_eq!(seen, expected);
}

#[tokio::test]
async fn a_start_id_stays_good_when_its_record_is_gone() {
    let harness = docs_with(4).await;
    let page = harness.get("/access/fetchPage/docs?size=2").await.expect(200).json();
    let id = page[1]["_id"].as_str().unwrap();
    assert_ok(&harness.post("/transaction/delete/docs", json!({ "key": "k01" })).await);
    let page = harness.get(&format!("/access/fetchPage/docs?startId={id}")).await.expect(200).json();
    assert_eq!(keys(&page), ["LOCAL_ZONE:k02", "LOCAL_ZONE:k03"]);
}

#[tokio::test]
async fn fetch_page_returns_one_zone_the_local_one_unless_zone_says_otherwise() {
    let harness = docs_with(0).await;
    for key in ["EAST:a", "EAST:b", "EAST:c", "b", "WEST:a", "z", "A"] {
        add(&harness, "docs", "a", key, json!(1)).await;
    }
    for size in [1, 2, 10] {
        for (zone, expected) in [
            ("", vec!["LOCAL_ZONE:A", "LOCAL_ZONE:b", "LOCAL_ZONE:z"]),
            ("&zone=LOCAL_ZONE", vec!["LOCAL_ZONE:A", "LOCAL_ZONE:b", "LOCAL_ZONE:z"]),
            ("&zone=EAST", vec!["EAST:a", "EAST:b", "EAST:c"]),
            ("&zone=NORTH", vec![]),
        ] {
            let page = harness.get(&format!("/access/fetchPage/docs?size={size}{zone}")).await;
            let shown = expected.len().min(size);
            assert_eq!(keys(&page.expect(200).json()), expected[..shown], "size {size} {zone}");
        }
    }
}

#[tokio::test]
async fn fetch_page_of_a_scope_returns_records_that_have_it() {
    let harness = docs_with(20).await;
    add(&harness, "docs", "b", "k03", json!(1)).await;
    add(&harness, "docs", "b", "k17", json!(1)).await;
    let page = harness.get("/access/fetchPage/docs/b?size=2").await.expect(200).json();
    assert_eq!(keys(&page), ["LOCAL_ZONE:k03", "LOCAL_ZONE:k17"]);
    assert_eq!(page[0]["content"], json!({ "b": 1 }));
    let page = harness.get("/access/fetchPage/docs/$record?size=20").await.expect(200).json();
    assert_eq!(page[3]["content"], json!({ "a": 3, "b": 1 }));
}

#[tokio::test]
async fn fetch_page_refuses_what_it_cannot_understand() {
    let harness = docs_with(0).await;
    for query in [
        "size=0",
        "size=1001",
        "size=-1",
        "size=ten",
        "size=99999999999999999999",
        "startId=xyz",
        "startId=",
        "startId=ff",
        "zone=",
        "zone=a:b",
        "zone=%ff",
    ] {
        assert_ours(&harness.get(&format!("/access/fetchPage/docs?{query}")).await, "INVALID_PARAMETER");
    }
    assert_ours(&harness.post("/access/fetchPage/docs", json!({ "size": "ten" })).await, "INVALID_BODY");
    assert_ours(&harness.request("POST", "/access/fetchPage/docs", &[], "{").await, "INVALID_JSON");
}

#[tokio::test]
async fn fetch_page_of_registered_content_visits_every_document_once() {
    let harness = Setup::without_workers().start().await;
    let mut expected = BTreeSet::new();
    for number in 0..25 {
        harness.document(&format!("docs/f{}/k{number}", number % 3), "text");
        expected.insert(format!("LOCAL_ZONE:f{}/k{number}", number % 3));
    }
    register(&harness, "docs", "{key}").await;
    let (mut seen, mut start) = (Vec::new(), String::new());
    loop {
        let page = harness.get(&format!("/access/fetchPage/docs?size=7{start}")).await.expect(200).json();
        let Some(last) = page.as_array().unwrap().last() else { break };
        assert_eq!((&last["version"], &last["content"]), (&json!(0), &json!({ "raw": "text" })));
        start = format!("&startId={}", last["_id"].as_str().unwrap());
        seen.extend(keys(&page).into_iter().map(str::to_owned));
    }
    assert_eq!(seen.len(), 25);
    assert_eq!(seen.into_iter().collect::<BTreeSet<_>>(), expected);
}

#[tokio::test]
async fn fetch_page_of_registered_content_with_scopes_in_its_paths_needs_a_scope() {
    let harness = Setup::without_workers().start().await;
    harness.document("docs/ocr/k", "text");
    harness.document("docs/pdf/k", "pdf");
    register(&harness, "docs", "{scope}/{key}").await;
    assert_ours(&harness.get("/access/fetchPage/docs").await, "SCOPE_REQUIRED");
    let expected = r#"[{"key":"LOCAL_ZONE:k","version":0,"content":{"ocr":"text"},"_id":"6b"}]"#;
    assert_eq!(text(&harness, "/access/fetchPage/docs/ocr").await, expected);
    let expected = r#"{"key":"LOCAL_ZONE:k","content":{"ocr":"text","pdf":"pdf"}}"#;
    assert_eq!(text(&harness, "/access/fetch/docs/k").await, expected);
}

#[tokio::test]
async fn reads_see_every_write_that_was_acknowledged_before() {
    let harness = Harness::start().await;
    create_working(&harness, "docs").await;
    for number in 0..50 {
        add(&harness, "docs", "connector", &format!("k{number:02}"), json!(number)).await;
        let page = harness.get("/access/fetchPage/docs?size=100").await.expect(200).json();
        assert_eq!(keys(&page).len(), number + 1);
    }
}
