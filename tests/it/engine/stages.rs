//! The built-in workers over the stages of tasks: what a module is given, what becomes of what it makes, and of its
//! failures.

use domain::envelope::Command;
use domain::names::WorkspaceId;
use domain::retry::RetryPolicy;
use domain::task::{self, Stage, TaskStatus};
use domain::time::Millis;
use domain::workspace;
use modules::Definition;
use runtime::Engine;
use serde_json::{Value, json};
use tests::place::{Place, send, until, until_count, word};

use super::tasks::{ask, id, status};

/// An engine with a worker, whose workspace has these modules, and one task in it.
async fn working(place: &Place, modules: Value, plan: Value) -> Engine {
    let engine = place.start_working(1).await;
    let settings = json!({ "display_name": "invoices", "plan": plan, "modules": modules });
    let settings = serde_json::from_value(settings).expect("settings");
    let workspace = WorkspaceId::new(7).expect("not 0");
    let create = Command::Workspace(workspace, workspace::Command::Create(settings));
    send(&engine, create).await.expect("a workspace can be created");
    let payload = json!({
        "workspace": 7, "external_id": "IN-1", "display_name": "invoice", "context": { "url": "http://x" },
        "plan": plan,
    });
    let payload = serde_json::from_value(payload).expect("a payload");
    ask(&engine, 1, task::Command::Create(payload)).await;
    engine
}

async fn made(engine: &Engine, stage: Stage) -> Vec<u8> {
    engine.task_output(id(1), stage, None).await.expect("the stage has made something").bytes
}

#[tokio::test]
async fn modules_carry_out_the_stages_and_each_gets_what_the_ones_before_made() {
    let mut place = Place::default();
    place.shell("shout", "tr a-z A-Z");
    let chain = json!([{ "module": "cat" }, { "module": "shout", "input": "previous" }]);
    let modules = json!({ "pre_processing": chain, "recognition": [{ "module": "cat" }] });
    let engine = working(&place, modules, json!({ "recognition": true })).await;
    until(&*place.store, |event| word(&event.event) == "review_opened").await;
    assert_eq!(status(&engine, 1).await, Some(TaskStatus::ToReview));

    let first = String::from_utf8(made(&engine, Stage::PreProcessing).await).expect("text");
    assert!(first.contains("\"EXTERNAL_ID\":\"IN-1\"") && first.contains("HTTP://X"), "{first}");
    let second: Value = serde_json::from_slice(&made(&engine, Stage::Recognition).await).expect("JSON");
    assert_eq!((&second["id"], &second["stage"]), (&json!(1), &json!("recognition")));
    assert_eq!((&second["context"], &second["edits"]), (&json!({ "url": "http://x" }), &json!({})));
    let given = &second["outputs"]["pre_processing"];
    assert_eq!((&given["module"], given["content"].as_str()), (&json!("shout"), Some(first.as_str())));
    engine.shutdown().await;
}

#[tokio::test]
async fn the_code_of_a_modules_failure_says_which_status_the_task_gets() {
    let mut place = Place::default();
    let definition = Definition {
        shell: Some("echo no route >&2; exit 33".to_owned()),
        exit_codes: [("33".to_owned(), task::DOWNLOAD_FAILED.to_owned())].into(),
        retry: RetryPolicy::never(),
        ..Definition::default()
    };
    place.modules.insert("fetch".parse().expect("a module name"), definition);
    let modules = json!({ "pre_processing": [{ "module": "fetch" }] });
    let engine = working(&place, modules, json!({})).await;
    until(&*place.store, |event| word(&event.event) == "failed").await;
    assert_eq!(status(&engine, 1).await, Some(TaskStatus::PreProcessingDownloadFailed));
    engine.shutdown().await;
}

#[tokio::test]
async fn the_plan_of_a_task_says_how_often_a_module_is_tried_again() {
    let place = Place::default();
    let retry = RetryPolicy { attempts_max: 2, backoff_ms: Millis(1), backoff_ms_max: Millis(1) };
    let plan = json!({ "retry": { "pre_processing": retry } });
    // The definition of the module itself allows one attempt.
    let modules = json!({ "pre_processing": [{ "module": "false" }] });
    let engine = working(&place, modules, plan).await;
    until_count(&*place.store, 2, "failed").await;
    assert_eq!(status(&engine, 1).await, Some(TaskStatus::PreProcessingFailed));
    engine.shutdown().await;
}

#[tokio::test]
async fn a_stage_without_modules_waits_for_a_worker_from_elsewhere() {
    let place = Place::default();
    let modules = json!({ "pre_processing": [{ "module": "cat" }] });
    let engine = working(&place, modules, json!({ "recognition": true })).await;
    until(&*place.store, |event| word(&event.event) == "stage_entered").await;
    let claimed = tests::place::claim(&engine, 1).await.remove(0);
    assert_eq!(claimed.id.scope.as_str(), "recognition");
    engine.shutdown().await;
}

#[tokio::test]
async fn what_the_stages_made_is_erased_before_the_task_is_deleted() {
    let place = Place::default();
    let modules = json!({ "pre_processing": [{ "module": "cat" }] });
    let engine = working(&place, modules, json!({})).await;
    until(&*place.store, |event| word(&event.event) == "review_opened").await;
    let kept = place.folder().join("content/task%2F7/1");
    assert!(kept.is_dir(), "the output lies there");
    ask(&engine, 1, task::Command::Delete).await;
    until(&*place.store, |event| word(&event.event) == "deleted").await;
    assert!(!kept.exists(), "it is erased when the task is deleted");
    engine.shutdown().await;
}
