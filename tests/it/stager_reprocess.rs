//! StageR's reprocess calls (`reference/stager.md` §7).

use domain::campaign;
use domain::event::Event;
use domain::ports::EventFilter;
use domain::stream::Position;
use domain::work::Phase;
use serde_json::{Value, json};
use tests::harness::{Harness, Setup};

use crate::stager_calls::{
    abc, add, assert_documented, assert_ok, assert_ours, create, enable, phases, queued, register,
    set_modules, work,
};

// ── One key ────────────────────────────────────────────────────────────────────────────────────────────────────

#[tokio::test]
async fn reprocess_key_queues_the_scope_of_the_key_by_get_and_post() {
    let harness = abc(Setup::without_workers()).await;
    assert_ok(&harness.get("/reprocess/key/docs/a/s").await);
    assert_ok(&harness.post("/reprocess/key/docs/LOCAL_ZONE:b/s", Value::Null).await);
    assert_eq!(queued(&harness).await, ["a", "b"]);
}

#[tokio::test]
async fn reprocess_key_of_an_unknown_key_or_scope_answers_key_not_found() {
    let harness = abc(Setup::without_workers()).await;
    assert_documented(&harness.get("/reprocess/key/docs/none/s").await, "KEY_NOT_FOUND");
    assert_documented(&harness.get("/reprocess/key/docs/a/none").await, "KEY_NOT_FOUND");
    assert_documented(&harness.get("/reprocess/key/docs/EAST:a/s").await, "KEY_NOT_FOUND");
    assert_documented(&harness.get("/reprocess/key/docs/none/$record").await, "KEY_NOT_FOUND");
    assert!(queued(&harness).await.is_empty());
}

#[tokio::test]
async fn reprocess_key_of_record_queues_every_scope_that_has_modules() {
    let harness = abc(Setup::without_workers()).await;
    add(&harness, "docs", "t", "a", json!(1)).await;
    set_modules(&harness, "docs", json!({ "s": [{ "module": "cat" }], "absent": [{ "module": "cat" }] }))
        .await;
    assert_ok(&harness.get("/reprocess/key/docs/a/$record").await);
    assert_eq!(queued(&harness).await, ["a"]);
    assert_eq!(work(&harness, "docs", "t", "a").await.phase, Phase::Idle);
    assert_eq!(work(&harness, "docs", "absent", "a").await.phase, Phase::Idle);
}

#[tokio::test]
async fn reprocess_key_of_record_queues_every_scope_when_none_has_modules() {
    let harness = abc(Setup::without_workers()).await;
    add(&harness, "docs", "t", "a", json!(1)).await;
    assert_ok(&harness.get("/reprocess/key/docs/a/$record").await);
    assert_eq!(queued(&harness).await, ["a"]);
    assert!(matches!(work(&harness, "docs", "t", "a").await.phase, Phase::Queued { .. }));
}

#[tokio::test]
async fn asking_again_for_what_waits_records_nothing_and_answers_ok() {
    let harness = abc(Setup::without_workers()).await;
    assert_ok(&harness.get("/reprocess/key/docs/a/s").await);
    let head = harness.engine.store().head().await.unwrap();
    assert_ok(&harness.get("/reprocess/key/docs/a/s").await);
    assert_eq!(harness.engine.store().head().await.unwrap(), head);
}

#[tokio::test]
async fn a_key_of_registered_content_is_reprocessed_by_its_path() {
    let harness = Setup::without_workers().start().await;
    harness.document("docs/folder/a.md", "text");
    register(&harness, "docs", "{key}").await;
    assert_ok(&harness.get("/reprocess/key/docs/folder%2Fa.md/raw").await);
    let phase = work(&harness, "docs", "raw", "folder/a.md").await.phase;
    assert!(matches!(phase, Phase::Queued { .. }), "{phase:?}");
    assert_documented(&harness.get("/reprocess/key/docs/folder%2Fb.md/raw").await, "KEY_NOT_FOUND");
    assert_documented(&harness.get("/reprocess/key/docs/folder%2Fa.md/ocr").await, "KEY_NOT_FOUND");
}

// ── Many keys ──────────────────────────────────────────────────────────────────────────────────────────────────

#[tokio::test]
async fn reprocess_keys_by_get_takes_a_comma_list() {
    let harness = abc(Setup::without_workers()).await;
    assert_ok(&harness.get("/reprocess/keys/docs/s?keys=a,LOCAL_ZONE:c").await);
    assert_eq!(queued(&harness).await, ["a", "c"]);
}

#[tokio::test]
async fn reprocess_keys_by_post_takes_an_array() {
    let harness = abc(Setup::without_workers()).await;
    assert_ok(&harness.post("/reprocess/keys/docs/s", json!({ "keys": ["c", "b", "c"] })).await);
    assert_eq!(queued(&harness).await, ["b", "c"]);
}

#[tokio::test]
async fn reprocess_keys_reports_the_failing_keys_and_queues_the_rest() {
    let harness = abc(Setup::without_workers()).await;
    let expected = concat!(
        r#"{"message":"COMPLETED_WITH_ERRORS","errors":["#,
        r#"{"key":"LOCAL_ZONE:none","error":"KEY_NOT_FOUND"},"#,
        r#"{"key":"x:y:z","error":"INVALID_KEY"},"#,
        r#"{"key":"EAST:a","error":"KEY_NOT_FOUND"}]}"#,
    );
    let reply = harness.get("/reprocess/keys/docs/s?keys=a,none,x:y:z,EAST:a,b").await.expect(200);
    assert_eq!(reply.text(), expected);
    assert_eq!(queued(&harness).await, ["a", "b"]);
    let body = json!({ "keys": ["a", "none", "x:y:z", "EAST:a", "c"] });
    let reply = harness.post("/reprocess/keys/docs/s", body).await.expect(200);
    assert_eq!(reply.text(), expected);
    assert_eq!(queued(&harness).await, ["a", "b", "c"]);
}

#[tokio::test]
async fn reprocess_keys_of_an_unknown_scope_reports_every_key() {
    let harness = abc(Setup::without_workers()).await;
    let reply = harness.get("/reprocess/keys/docs/none?keys=a,b").await.expect(200).json();
    assert_eq!(reply["message"], "COMPLETED_WITH_ERRORS");
    assert_eq!(reply["errors"].as_array().unwrap().len(), 2);
}

#[tokio::test]
async fn reprocess_keys_needs_between_one_key_and_the_limit() {
    let mut setup = Setup::without_workers();
    setup.http.keys_max = 2;
    let harness = abc(setup).await;
    let path = "/reprocess/keys/docs/s";
    for reply in [
        harness.get(path).await,
        harness.get("/reprocess/keys/docs/s?keys=").await,
        harness.post(path, json!({ "keys": [] })).await,
        harness.post(path, json!({})).await,
    ] {
        assert_ours(&reply, "NO_KEYS");
    }
    assert_ours(&harness.post(path, json!({ "keys": ["a", "b", "c"] })).await, "TOO_MANY_KEYS");
    assert_ours(&harness.post(path, json!({ "keys": "a" })).await, "INVALID_BODY");
    assert_ours(&harness.post(path, Value::Null).await, "INVALID_JSON");
    assert!(queued(&harness).await.is_empty());
}

#[tokio::test]
async fn every_one_of_many_keys_is_queued() {
    let harness = Setup::without_workers().start().await;
    create(&harness, "docs").await;
    let keys: Vec<String> = (0..1_000).map(|number| format!("k{number}")).collect();
    let line =
        |key: &String| format!("{}\n", json!({ "action": "add", "scope": "s", "key": key, "content": 1 }));
    let lines: String = keys.iter().map(line).collect();
    assert_ok(&harness.request("POST", "/transaction/batch/docs", &[], lines).await);
    assert_ok(&harness.post("/reprocess/keys/docs/s", json!({ "keys": keys })).await);
    for key in &keys {
        assert!(matches!(work(&harness, "docs", "s", key).await.phase, Phase::Queued { .. }), "{key}");
    }
}

// ── All keys ───────────────────────────────────────────────────────────────────────────────────────────────────

#[tokio::test]
async fn reprocess_all_queues_every_key_of_the_unit_by_get_and_post() {
    let harness = abc(Setup::default()).await;
    set_modules(&harness, "docs", json!({ "s": [{ "module": "cat" }] })).await;
    enable(&harness, "docs").await;
    for method in ["GET", "POST"] {
        assert_ok(&harness.request(method, "/reprocess/all/docs/s", &[], "").await);
        harness.settled("docs").await;
        assert_eq!(
            phases(&harness, &["a", "b", "c"]).await,
            [Phase::Finished, Phase::Finished, Phase::Finished]
        );
    }
    for key in ["a", "b", "c"] {
        let work = work(&harness, "docs", "s", key).await;
        assert_eq!((work.phase, work.attempt_count), (Phase::Finished, 2), "{key}");
    }
}

#[tokio::test]
async fn reprocess_all_answers_once_its_campaign_is_durable() {
    let harness = abc(Setup::without_workers()).await;
    assert_ok(&harness.get("/reprocess/all/docs/s").await);
    assert_eq!(campaigns_started(&harness).await, [("docs".to_owned(), "s".to_owned())]);
}

#[tokio::test]
async fn reprocess_all_of_record_starts_a_campaign_for_each_scope_with_modules() {
    let harness = abc(Setup::without_workers()).await;
    assert_ours(&harness.get("/reprocess/all/docs/$record").await, "NO_MODULES");
    let modules = json!({ "s": [{ "module": "cat" }], "t": [{ "module": "cat" }], "empty": [] });
    set_modules(&harness, "docs", modules).await;
    assert_ok(&harness.get("/reprocess/all/docs/$record").await);
    let started = campaigns_started(&harness).await;
    assert_eq!(started, [("docs".to_owned(), "s".to_owned()), ("docs".to_owned(), "t".to_owned())]);
}

async fn campaigns_started(harness: &Harness) -> Vec<(String, String)> {
    let filter = EventFilter { stream_prefix: "campaign-".to_owned() };
    let events = harness.engine.store().read_all(Position::START, 100, &filter).await.unwrap();
    let started = events.iter().filter_map(|recorded| {
        let Event::Campaign(campaign::Event::Started(started)) = &recorded.event else { return None };
        let campaign::Target::Keys(target) = &started.target else { return None };
        Some((target.unit.to_string(), target.scope.to_string()))
    });
    started.collect()
}

// ── Unknown units and bad names ────────────────────────────────────────────────────────────────────────────────

#[tokio::test]
async fn reprocess_of_an_unknown_unit_answers_storage_unit_doesnt_exist() {
    let harness = Setup::without_workers().start().await;
    for path in [
        "/reprocess/key/docs/a/s",
        "/reprocess/key/no%20name/a/s",
        "/reprocess/keys/docs/s?keys=a",
        "/reprocess/all/docs/s",
        "/reprocess/reset/docs",
    ] {
        assert_documented(&harness.get(path).await, "STORAGE_UNIT_DOESNT_EXIST");
    }
    let reply = harness.post("/reprocess/keys/docs/s", json!({ "keys": ["a"] })).await;
    assert_documented(&reply, "STORAGE_UNIT_DOESNT_EXIST");
}

#[tokio::test]
async fn names_that_cannot_be_are_refused_with_a_sentence() {
    let harness = abc(Setup::without_workers()).await;
    assert_ours(&harness.get("/reprocess/key/docs/a:b:c/s").await, "INVALID_KEY");
    assert_ours(&harness.get("/reprocess/key/docs/a/s%2Ft").await, "INVALID_SCOPE");
    assert_ours(&harness.get("/reprocess/key/docs/%ff/s").await, "INVALID_PATH");
    assert_ours(&harness.get("/reprocess/keys/docs/%00?keys=a").await, "INVALID_SCOPE");
    assert_ours(&harness.get(&format!("/reprocess/all/docs/{}", "s".repeat(200))).await, "INVALID_SCOPE");
}

#[tokio::test]
async fn head_triggers_nothing() {
    let harness = abc(Setup::without_workers()).await;
    let reply = harness.request("HEAD", "/reprocess/key/docs/a/s", &[], "").await.expect(405);
    assert_eq!(reply.header("allow"), "GET, POST");
    assert!(queued(&harness).await.is_empty());
}
