//! The page about reprocessing a task, sentence by sentence, as far as a client asks for it.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::{TASKS, each, native, patch, process, restart, restarted, site, status, steer, to_review};
use crate::native_api::tasks::{claim, complete, item};

#[tokio::test]
async fn a_restart_restarts_the_task_that_it_names_and_no_other() {
    let (harness, _clock) = site().await;
    let (one, other) = (to_review(&harness, json!({})).await, to_review(&harness, json!({})).await);
    restarted(&harness, one).await;
    assert_eq!(status(&harness, one).await["taskStatus"], 30);
    assert_eq!(status(&harness, other).await["taskStatusText"], "To Review");
    assert_eq!(claim(&harness).await["key"], one.to_string());
}

#[tokio::test]
async fn a_restart_loses_every_edit() {
    let (harness, _clock) = site().await;
    let id = to_review(&harness, json!({})).await;
    for path in ["/total", "/date"] {
        steer(&harness, id, "edit", json!({ "path": path, "value": "edited" })).await;
    }
    assert_eq!(native(&harness, id).await["edits"].as_object().map(serde_json::Map::len), Some(2));
    restarted(&harness, id).await;
    assert_eq!(native(&harness, id).await["edits"], Value::Null);
}

#[tokio::test]
async fn a_restart_takes_a_task_out_of_the_status_that_it_is_stuck_in() {
    let (harness, _clock) = site().await;
    let id = process(&harness, json!({})).await;
    let stuck = claim(&harness).await;
    assert_eq!(status(&harness, id).await["taskStatus"], 31);
    restarted(&harness, id).await;
    assert_eq!(status(&harness, id).await["taskStatus"], 30);
    // Whoever was stuck with it comes too late, and somebody else can have it.
    let _late = harness.post("/v1/leases/complete", item(&stuck, json!({}))).await.expect(409);
    complete(&harness, &claim(&harness).await).await;
    assert_eq!(status(&harness, id).await["taskStatusText"], "Queued for Recognition");
}

#[tokio::test]
async fn a_stuck_task_is_found_by_status_by_list_and_by_page_and_can_be_restarted() {
    let (harness, _clock) = site().await;
    let stuck = process(&harness, json!({})).await;
    let _held_for_ever = claim(&harness).await;
    let waiting = process(&harness, json!({})).await;
    assert_eq!(status(&harness, stuck).await["taskStatus"], 31);
    let query = "startDate=2026-01-31&taskStatus=31";
    let list = harness.get(&format!("{TASKS}/statuslist?{query}")).await.expect(200).json();
    assert_eq!(each(&list, "taskId"), [&json!(stuck)]);
    let page = harness.get(&format!("{TASKS}/statuslistpaginated?{query}")).await.expect(200).json();
    assert_eq!(each(&page["items"], "taskId"), [&json!(stuck)]);
    restarted(&harness, stuck).await;
    let list = harness.get(&format!("{TASKS}/statuslist?{query}")).await.expect(200).json();
    assert_eq!(list, json!([]));
    assert_eq!(status(&harness, waiting).await["restartCount"], Value::Null);
}

#[tokio::test]
async fn an_accepted_restart_counts_one_more_and_updates_when_pre_processing_started() {
    let (harness, clock) = site().await;
    let id = process(&harness, json!({})).await;
    let first = status(&harness, id).await;
    assert_eq!(first["preProcessingStartedOn"], "2026-01-31T12:00:00.000000Z");
    for (count, minute) in [(1, "01"), (2, "02"), (3, "03")] {
        clock.pass(domain::time::Millis(60_000));
        restarted(&harness, id).await;
        let shown = status(&harness, id).await;
        assert_eq!(shown["restartCount"], count);
        assert_eq!(shown["preProcessingStartedOn"], format!("2026-01-31T12:{minute}:00.000000Z"));
        assert_eq!(shown["createdOn"], first["createdOn"]);
    }
}

#[tokio::test]
async fn a_restart_is_a_patch_of_its_documented_path() {
    let (harness, _clock) = site().await;
    let id = process(&harness, json!({})).await;
    let path = format!("/api/v1.0/external/sdtask/restartprocessing?taskId={id}");
    let _accepted = harness.request("PATCH", &path, &[], "").await.expect(204);
    for method in ["GET", "POST", "PUT", "DELETE", "HEAD"] {
        let refused = harness.request(method, &path, &[], "").await.expect(405);
        assert_eq!(refused.header("allow"), "PATCH", "{method}");
    }
    assert_eq!(status(&harness, id).await["restartCount"], 1);
}

#[tokio::test]
async fn a_restart_resets_every_assigned_user_and_begins_their_order_anew() {
    let (harness, _clock) = site().await;
    let assignment = json!({ "users": ["ada", "ben", "cy"], "orderType": "InSequence" });
    let id = to_review(&harness, json!({ "taskAssignment": assignment })).await;
    for user in ["ada", "ben"] {
        steer(&harness, id, "approve", json!({ "user": user })).await;
    }
    let before = native(&harness, id).await;
    assert_eq!(each(&before["reviewers"], "status"), ["approved", "approved", "open"]);
    restarted(&harness, id).await;
    assert_eq!(each(&native(&harness, id).await["reviewers"], "status"), ["open", "open", "open"]);
    for _stage in ["pre_processing", "recognition"] {
        complete(&harness, &claim(&harness).await).await;
    }
    // It is the first one's turn again, and then the second's.
    let early = harness.post(&format!("/v1/tasks/{id}/approve"), json!({ "user": "ben" })).await.expect(409);
    assert_eq!(early.json()["code"], "not_their_turn");
    for user in ["ada", "ben", "cy"] {
        steer(&harness, id, "approve", json!({ "user": user })).await;
    }
    assert_eq!(status(&harness, id).await["taskStatusText"], "Processed");
}

#[tokio::test]
async fn a_restart_processes_what_the_first_request_said() {
    let (harness, _clock) = site().await;
    let context = json!({ "url": "https://documents.example/first.pdf", "transcriptLanguage": "pt" });
    let members =
        json!({ "context": context, "priority": 2, "metadata": { "case": 7 }, "displayName": "first" });
    let id = process(&harness, members).await;
    let first = claim(&harness).await;
    // What the workspace says by now is for tasks to come.
    let settings =
        json!({ "display_name": "letters", "is_default": true, "plan": { "review": "automatic" } });
    let _configured = harness.put("/v1/workspaces/1", settings).await.expect(200);
    restarted(&harness, id).await;
    let again = claim(&harness).await;
    assert_eq!(again["task"]["context"], context);
    assert_eq!(again["task"]["context"], first["task"]["context"]);
    let task = native(&harness, id).await;
    assert_eq!((&task["priority"], &task["metadata"]), (&json!("high"), &json!({ "case": 7 })));
    assert_eq!(task["plan"], json!({ "recognition": true, "review": "by_users", "export": false }));
}

#[tokio::test]
async fn no_restart_brings_anything_new_along() {
    let (harness, _clock) = site().await;
    let id = process(&harness, json!({ "displayName": "first" })).await;
    let before = status(&harness, id).await;
    let new = json!({ "displayName": "second", "externalId": "new", "context": { "url": "https://other.example/" } });
    let path = format!("{TASKS}/restartprocessing?taskId={id}&displayName=third");
    let _accepted = patch(&harness, &path, new).await.expect(204);
    let after = status(&harness, id).await;
    for member in
        ["taskId", "workspaceId", "batchId", "externalId", "displayName", "description", "createdOn"]
    {
        assert_eq!(after[member], before[member], "{member}");
    }
    assert_eq!(claim(&harness).await["task"]["context"]["url"], super::URL);
}

#[tokio::test]
async fn a_task_id_is_nobody_elses_and_never_changes() {
    let (harness, _clock) = site().await;
    let mut ids = BTreeSet::new();
    for number in 0..20 {
        assert!(ids.insert(process(&harness, json!({ "displayName": format!("{number}") })).await));
    }
    let id = *ids.first().expect("twenty");
    restarted(&harness, id).await;
    let _deleted = harness.delete(&format!("/v1/tasks/{id}")).await.expect(202);
    assert_eq!(status(&harness, id).await["taskId"], id);
    assert!(ids.insert(process(&harness, json!({})).await), "an id is never used again");
}

#[tokio::test]
async fn a_task_is_found_by_the_external_id_of_its_creation_for_ever() {
    let (harness, _clock) = site().await;
    let id = process(&harness, json!({ "externalId": "IN 7/ä" })).await;
    let by_name = format!("{TASKS}/status?externalId=IN%207%2F%C3%A4");
    assert_eq!(harness.get(&by_name).await.expect(200).json()["taskId"], id);
    let _restarted = restart(&harness, "?externalId=IN%207%2F%C3%A4").await.expect(204);
    assert_eq!(harness.get(&by_name).await.expect(200).json()["restartCount"], 1);
    let second = json!({ "externalId": "IN 7/ä", "context": { "url": super::URL } });
    let refused = harness.post(&format!("{TASKS}/process"), second).await.expect(409).json();
    assert_eq!(refused["code"], "external_id_taken");
}

#[tokio::test]
async fn one_of_task_id_and_external_id_is_needed() {
    let (harness, _clock) = site().await;
    let id = process(&harness, json!({ "externalId": "mine" })).await;
    for query in
        [format!("?taskId={id}"), "?externalId=mine".to_owned(), format!("?taskId={id}&externalId=mine")]
    {
        let _accepted = restart(&harness, &query).await.expect(204);
    }
    assert_eq!(status(&harness, id).await["restartCount"], 3);
    for query in ["", "?", "?taskId=", "?externalId=", "?taskId=&externalId=%20", "?task=1"] {
        let _refused = restart(&harness, query).await.expect(400);
    }
    assert_eq!(status(&harness, id).await["restartCount"], 3);
}

#[tokio::test]
async fn an_accepted_restart_is_answered_without_a_body() {
    let (harness, _clock) = site().await;
    let id = process(&harness, json!({})).await;
    let accepted = restart(&harness, &format!("?taskId={id}")).await.expect(204);
    assert!(accepted.body.is_empty() && accepted.header("content-type").is_empty());
}

#[tokio::test]
async fn a_restart_of_no_task_is_answered_without_a_body() {
    let (harness, _clock) = site().await;
    let id = process(&harness, json!({ "externalId": "mine" })).await;
    let other = process(&harness, json!({})).await;
    let disagreeing = format!("?taskId={other}&externalId=mine");
    let long = format!("?externalId={}", "x".repeat(300));
    for query in ["?taskId=99999", "?taskId=0", "?taskId=-4", "?externalId=theirs", &disagreeing, &long] {
        let refused = restart(&harness, query).await.expect(404);
        assert!(refused.body.is_empty() && refused.header("content-type").is_empty(), "{query}");
    }
    for id in [id, other] {
        assert_eq!(status(&harness, id).await["restartCount"], Value::Null);
    }
}

#[tokio::test]
async fn a_restart_that_names_no_task_is_answered_without_a_body() {
    let (harness, _clock) = site().await;
    for query in ["", "?taskId=", "?taskId=abc", "?taskId=1&taskId=2", "?taskId=%zz"] {
        let refused = restart(&harness, query).await.expect(400);
        assert!(refused.body.is_empty() && refused.header("content-type").is_empty(), "{query}");
    }
}

#[tokio::test]
async fn what_is_deleted_cannot_be_restarted_and_is_still_shown() {
    let (harness, _clock) = site().await;
    let id = process(&harness, json!({})).await;
    let _deleted = harness.delete(&format!("/v1/tasks/{id}")).await.expect(202);
    let refused = restart(&harness, &format!("?taskId={id}")).await.expect(404);
    assert!(refused.body.is_empty());
    assert_eq!(status(&harness, id).await["taskStatus"], 20);
}

#[tokio::test]
async fn a_restart_is_allowed_from_every_status_but_deleted_also_from_history() {
    let (harness, _clock) = site().await;
    let id = to_review(&harness, json!({})).await;
    steer(&harness, id, "approve", json!({ "user": "ada" })).await;
    assert_eq!(native(&harness, id).await["screen"], "history");
    restarted(&harness, id).await;
    assert_eq!(native(&harness, id).await["screen"], "inbox");
    let failing = claim(&harness).await;
    let failure = json!({ "code": "download_failed", "retry": { "attempts_max": 1, "backoff_ms": 1, "backoff_ms_max": 1 } });
    let _failed = harness.post("/v1/leases/fail", item(&failing, failure)).await.expect(200);
    assert_eq!(status(&harness, id).await["taskStatus"], 33);
    restarted(&harness, id).await;
    restarted(&harness, id).await;
    assert_eq!(status(&harness, id).await["restartCount"], 3);
}
