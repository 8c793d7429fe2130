//! A task's life from its creation to history, and what a restart in the middle of it does.

use serde_json::{Value, json};

use super::{claim, complete, create, item, status, with_workspace};
use crate::native_api::pluck;

#[tokio::test]
async fn a_task_goes_through_its_stages_and_its_review_into_history() {
    let harness = with_workspace().await;
    let path = create(&harness, json!({ "external_id": "IN-1", "context": { "url": "http://x/1" } })).await;
    assert_eq!(status(&harness, &path).await, "QueuedForPreProcessing");

    let lease = claim(&harness).await;
    assert_eq!((&lease["unit"], &lease["scope"]), (&json!("task/1"), &json!("pre_processing")));
    assert_eq!(lease["task"]["context"], json!({ "url": "http://x/1" }));
    assert_eq!(lease["task"]["external_id"], "IN-1");
    assert_eq!(lease["modules"][0]["module"], "fetch");
    let input = harness.get(lease["input_url"].as_str().unwrap()).await.expect(200).json();
    assert_eq!(input, lease["task"]);
    let context = harness.get(&format!("{path}/context")).await.expect(200).json();
    assert_eq!(context, lease["task"]["context"]);
    let _started = harness.post("/v1/leases/start", item(&lease, json!({}))).await.expect(200);
    let _extended = harness.post("/v1/leases/extend", item(&lease, json!({}))).await.expect(200);
    assert_eq!(status(&harness, &path).await, "PreProcessingInProgress");
    let listed = harness.get("/v1/tasks?worker=w&status=31").await.expect(200).json();
    assert_eq!(pluck(&listed, "display_name"), ["IN-1"]);
    complete(&harness, &lease).await;

    let lease = claim(&harness).await;
    assert_eq!(lease["scope"], "recognition");
    assert_eq!(lease["task"]["outputs"]["pre_processing"]["size_bytes"], 11, "{lease}");
    complete(&harness, &lease).await;
    assert_eq!(status(&harness, &path).await, "ToReview");

    let edit = json!({ "path": "/total", "value": "12.50" });
    let edited = harness.post(&format!("{path}/edit"), edit).await.expect(200).json();
    assert_eq!((&edited["status"], &edited["changed"]), (&json!("ToReview"), &json!(true)));
    let approved =
        harness.post(&format!("{path}/approve"), json!({ "user": "mara" })).await.expect(200).json();
    assert_eq!(approved["status"], "Processed");
    let task = harness.get(&path).await.expect(200).json();
    assert_eq!((&task["screen"], &task["edits"]["/total"]), (&json!("history"), &json!("12.50")));

    let events = harness.get(&format!("{path}/events")).await.expect(200).json();
    let events = pluck(&events, "event");
    for expected in ["task.created", "task.stage_entered", "task.edited", "task.approved", "task.archived"] {
        assert!(events.iter().any(|event| event == expected), "{expected}: {events:?}");
    }
    let attempts = harness.get(&format!("{path}/attempts")).await.expect(200).json();
    assert_eq!(pluck(&attempts, "stage"), ["pre_processing", "recognition"]);
    let counts = harness.get("/v1/tasks/counts?workspace=1").await.expect(200).json();
    let done = json!([{ "screen": "history", "status": "Processed", "status_number": 1070,
                        "status_text": "Processed", "count": 1 }]);
    assert_eq!((&counts["items"], &counts["total"]), (&done, &json!(1)));
}

#[tokio::test]
async fn a_restart_fences_the_worker_off_whose_result_is_refused_and_recorded() {
    let harness = with_workspace().await;
    let path = create(&harness, json!({ "context": {} })).await;
    let old = claim(&harness).await;
    let again = json!({ "reason": "the wrong pages" });
    let restarted = harness.post(&format!("{path}/restart"), again).await.expect(200).json();
    assert_eq!((&restarted["status_number"], &restarted["restart_count"]), (&json!(30), &json!(1)));
    let late = harness.post("/v1/leases/complete", item(&old, json!({}))).await.expect(409).json();
    assert_eq!(late["code"], "late_result");
    let events = pluck(&harness.get(&format!("{path}/events")).await.expect(200).json(), "event");
    assert_eq!(events.last().map(String::as_str), Some("task.late_result_refused"));
    let task = harness.get(&path).await.expect(200).json();
    assert_eq!((&task["late_results"], &task["status_number"]), (&json!(1), &json!(30)));
    let new = claim(&harness).await;
    assert!(new["token"].as_u64() > old["token"].as_u64());
    assert_eq!(new["task"]["restart_count"], 1);
}

#[tokio::test]
async fn a_task_that_is_held_is_nobodys_to_claim_until_it_is_released() {
    let harness = with_workspace().await;
    let path = create(&harness, json!({ "context": {} })).await;
    let held = harness.post(&format!("{path}/hold"), Value::Null).await.expect(200).json();
    assert_eq!(held["held"], true);
    let nothing = harness.post("/v1/leases", json!({ "worker": "w" })).await.expect(200).json();
    assert_eq!(nothing["leases"], json!([]));
    let listed = harness.get("/v1/tasks?held=true").await.expect(200).json();
    assert_eq!(listed["items"].as_array().map(Vec::len), Some(1));
    let _released = harness.post(&format!("{path}/release"), Value::Null).await.expect(200);
    assert_eq!(claim(&harness).await["scope"], "pre_processing");
}

#[tokio::test]
async fn a_failed_stage_runs_again_on_demand_and_can_be_settled_by_hand_or_deleted() {
    let harness = with_workspace().await;
    let path = create(&harness, json!({ "context": {} })).await;
    let lease = claim(&harness).await;
    let failure = json!({ "code": "download_failed", "retry": { "attempts_max": 1, "backoff_ms": 1, "backoff_ms_max": 1 } });
    let _failed = harness.post("/v1/leases/fail", item(&lease, failure)).await.expect(200);
    assert_eq!(status(&harness, &path).await, "PreProcessingDownloadFailed");
    let listed = harness.get("/v1/tasks?error_code=download_failed").await.expect(200).json();
    assert_eq!(listed["items"].as_array().map(Vec::len), Some(1));
    let run = harness.post(&format!("{path}/run-now"), Value::Null).await.expect(200).json();
    assert_eq!(run["status"], "QueuedForPreProcessing");
    let resolve = json!({ "outcome": "finished", "text": "typed in by hand" });
    let resolved = harness.post(&format!("{path}/resolve"), resolve).await.expect(200).json();
    assert_eq!(resolved["status"], "Processed");
    let _deleting = harness.delete(&path).await.expect(202);
    let gone = harness.post(&format!("{path}/restart"), Value::Null).await.expect(409).json();
    assert_eq!(gone["code"], "task_gone");
}
