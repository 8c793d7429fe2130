//! StageR's admin calls (`reference/stager.md` §3).

use domain::names::StorageUnitName;
use domain::storage_unit::{Content, Limits, ModuleTable, Settings};
use domain::time::Millis;
use serde_json::{Value, json};
use std::sync::Arc;
use tests::harness::{Harness, Setup, TestClock};

use crate::stager_calls::{add, assert_documented, assert_ok, assert_ours, create, create_working, work};

async fn settings(harness: &Harness, unit: &str) -> Option<Settings> {
    harness.engine.unit_settings(&StorageUnitName::new(unit).unwrap()).await.unwrap()
}

// ── Create and drop ────────────────────────────────────────────────────────────────────────────────────────────

#[tokio::test]
async fn create_answers_ok_by_get_put_and_post() {
    let harness = Setup::without_workers().start().await;
    for method in ["GET", "PUT", "POST"] {
        assert_ok(&harness.request(method, &format!("/admin/create/by-{method}"), &[], "").await);
    }
}

#[tokio::test]
async fn create_of_an_existing_unit_answers_storage_unit_exists() {
    let harness = Setup::without_workers().start().await;
    create(&harness, "docs").await;
    assert_documented(&harness.get("/admin/create/docs").await, "STORAGE_UNIT_EXISTS");
}

#[tokio::test]
async fn create_refuses_a_name_that_no_unit_can_have() {
    let harness = Setup::without_workers().start().await;
    for name in ["a%20b", "%2e%2e", "a%2Fb", "%C3%A4"] {
        assert_ours(&harness.get(&format!("/admin/create/{name}")).await, "INVALID_STORAGE_UNIT_NAME");
    }
}

#[tokio::test]
async fn a_created_unit_keeps_its_content_here_and_has_no_modules_and_a_disabled_queue() {
    let harness = Setup::without_workers().start().await;
    create(&harness, "docs").await;
    let expected = Settings {
        content: Content::Managed,
        modules: ModuleTable::default(),
        queue_enabled: false,
        limits: Limits::default(),
    };
    assert_eq!(settings(&harness, "docs").await, Some(expected));
}

#[tokio::test]
async fn drop_answers_ok_by_get_delete_and_post() {
    let harness = Setup::without_workers().start().await;
    for method in ["GET", "DELETE", "POST"] {
        create(&harness, "docs").await;
        assert_ok(&harness.request(method, "/admin/drop/docs", &[], "").await);
        assert_eq!(settings(&harness, "docs").await, None);
    }
}

#[tokio::test]
async fn drop_of_an_unknown_unit_answers_storage_unit_doesnt_exist() {
    let harness = Setup::without_workers().start().await;
    assert_documented(&harness.get("/admin/drop/docs").await, "STORAGE_UNIT_DOESNT_EXIST");
    assert_documented(&harness.get("/admin/drop/no%20name").await, "STORAGE_UNIT_DOESNT_EXIST");
}

#[tokio::test]
async fn after_a_drop_the_name_is_free_and_nothing_is_left() {
    let harness = Setup::without_workers().start().await;
    create_working(&harness, "docs").await;
    add(&harness, "docs", "connector", "k", json!({ "a": 1 })).await;
    assert_ok(&harness.delete("/admin/drop/docs").await);
    assert_eq!(harness.get("/admin/list").await.expect(200).text(), "[]");
    create(&harness, "docs").await;
    assert_documented(&harness.get("/access/fetch/docs/k").await, "KEY_NOT_FOUND");
    assert_eq!(harness.get("/access/fetchPage/docs").await.expect(200).text(), "[]");
    assert_eq!(work(&harness, "docs", "connector", "k").await.phase, domain::work::Phase::Idle);
    let expected = r#"[{"name":"docs","records":0,"transactions":0}]"#;
    assert_eq!(harness.get("/admin/list?withStats").await.expect(200).text(), expected);
}

// ── List and statistics ────────────────────────────────────────────────────────────────────────────────────────

#[tokio::test]
async fn list_names_every_unit_by_get_and_post() {
    let harness = Setup::without_workers().start().await;
    assert_eq!(harness.get("/admin/list").await.expect(200).text(), "[]");
    create(&harness, "b").await;
    create(&harness, "a").await;
    let expected = r#"[{"name":"a"},{"name":"b"}]"#;
    assert_eq!(harness.get("/admin/list").await.expect(200).text(), expected);
    assert_eq!(harness.post("/admin/list", Value::Null).await.expect(200).text(), expected);
}

#[tokio::test]
async fn list_with_stats_has_no_latest_transaction_while_there_is_none() {
    let harness = Setup::without_workers().start().await;
    create(&harness, "docs").await;
    let expected = r#"[{"name":"docs","records":0,"transactions":0}]"#;
    assert_eq!(harness.get("/admin/list?withStats").await.expect(200).text(), expected);
}

#[tokio::test]
async fn list_with_stats_counts_records_and_transactions() {
    let clock = TestClock::at("2026-01-31T12:00:00Z");
    let harness = Setup { clock: Arc::new(clock.clone()), ..Setup::without_workers() }.start().await;
    create(&harness, "docs").await;
    add(&harness, "docs", "connector", "a", json!(1)).await;
    add(&harness, "docs", "connector", "b", json!(1)).await;
    clock.pass(Millis(1_234));
    assert_ok(&harness.post("/transaction/delete/docs", json!({ "key": "a" })).await);
    let listed = harness.post("/admin/list?withStats", Value::Null).await.expect(200).json();
    assert_eq!(listed[0]["records"], 1);
    assert_eq!(listed[0]["transactions"], 3);
    assert_eq!(listed[0]["latestTransactionTime"], "2026-01-31T12:00:01.234Z");
}

#[tokio::test]
async fn the_latest_transaction_number_has_24_hexadecimal_digits_and_grows() {
    let harness = Setup::without_workers().start().await;
    create(&harness, "docs").await;
    let mut numbers = Vec::new();
    for key in ["a", "b", "c"] {
        add(&harness, "docs", "connector", key, json!(1)).await;
        let element = harness.get("/admin/statistics/docs").await.expect(200).json();
        numbers.push(element["latestTransactionNum"].as_str().unwrap().to_owned());
    }
    let is_id =
        |id: &String| id.len() == 24 && id.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
    assert!(numbers.iter().all(is_id), "{numbers:?}");
    assert!(numbers.is_sorted_by(|earlier, later| earlier < later), "{numbers:?}");
}

#[tokio::test]
async fn statistics_is_the_element_of_the_list_with_stats() {
    let harness = Setup::without_workers().start().await;
    create(&harness, "docs").await;
    create(&harness, "docs-2").await;
    add(&harness, "docs", "connector", "a", json!(1)).await;
    let listed = harness.get("/admin/list?withStats").await.expect(200).json();
    for reply in [
        harness.get("/admin/statistics/docs").await,
        harness.post("/admin/statistics/docs", Value::Null).await,
    ] {
        assert_eq!(reply.expect(200).json(), listed[0]);
    }
    assert_documented(&harness.get("/admin/statistics/none").await, "STORAGE_UNIT_DOESNT_EXIST");
}

// ── Modules and queue ──────────────────────────────────────────────────────────────────────────────────────────

#[tokio::test]
async fn set_content_processing_modules_replaces_the_whole_table() {
    let harness = Setup::without_workers().start().await;
    create(&harness, "docs").await;
    let path = "/admin/setContentProcessingModules/docs";
    let first = json!({
        "modules": { "connector": [{ "module": "FieldMapping", "settings": { "a": 1 } }, { "module": "SolrPublisher" }] },
        "settings": { "shared": true }
    });
    assert_ok(&harness.post(path, first.clone()).await);
    let table = settings(&harness, "docs").await.unwrap().modules;
    assert_eq!(serde_json::to_value(table).unwrap(), first);
    let second = json!({ "modules": { "ocr": [{ "module": "cat" }] } });
    assert_ok(&harness.post(path, second.clone()).await);
    let table = settings(&harness, "docs").await.unwrap().modules;
    assert_eq!(serde_json::to_value(table).unwrap(), second);
}

#[tokio::test]
async fn a_module_is_attached_by_name_and_settings_and_never_by_a_command_line() {
    let harness = Setup::without_workers().start().await;
    create(&harness, "docs").await;
    let path = "/admin/setContentProcessingModules/docs";
    for entry in [
        json!({ "module": "cat", "command": ["rm", "-rf"] }),
        json!({ "module": "cat", "output_scope": "x" }),
        json!({ "module": "cat", "retry": {} }),
        json!({ "module": "no such name" }),
        json!({ "settings": {} }),
        json!("cat"),
    ] {
        let body = json!({ "modules": { "connector": [entry] } });
        assert_ours(&harness.post(path, body).await, "INVALID_BODY");
    }
    assert_ours(&harness.post(path, json!({ "modules": { "$record": [] } })).await, "INVALID_SCOPE");
    assert_eq!(settings(&harness, "docs").await.unwrap().modules, ModuleTable::default());
}

#[tokio::test]
async fn enable_reprocessing_queue_takes_true_and_false() {
    let harness = Setup::without_workers().start().await;
    create(&harness, "docs").await;
    for (word, enabled) in [("true", true), ("true", true), ("false", false), ("false", false)] {
        let path = format!("/admin/enableReprocessingQueue/docs/{word}");
        assert_ok(&harness.put(&path, Value::Null).await);
        assert_eq!(settings(&harness, "docs").await.unwrap().queue_enabled, enabled);
    }
    let reply = harness.put("/admin/enableReprocessingQueue/docs/maybe", Value::Null).await;
    assert_ours(&reply, "INVALID_PARAMETER");
}

#[tokio::test]
async fn settings_of_an_unknown_unit_answer_storage_unit_doesnt_exist() {
    let harness = Setup::without_workers().start().await;
    for reply in [
        harness.put("/admin/enableReprocessingQueue/docs/true", Value::Null).await,
        harness.post("/admin/setContentProcessingModules/docs", json!({})).await,
    ] {
        assert_documented(&reply, "STORAGE_UNIT_DOESNT_EXIST");
    }
}

#[tokio::test]
async fn head_changes_nothing() {
    let harness = Setup::without_workers().start().await;
    let reply = harness.request("HEAD", "/admin/create/docs", &[], "").await.expect(405);
    assert_eq!(reply.header("allow"), "GET, PUT, POST");
    assert_eq!(settings(&harness, "docs").await, None);
}
