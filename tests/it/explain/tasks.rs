//! Why a task does not move, and what frees it.

use std::sync::Arc;

use domain::time::Millis;
use serde_json::{Value, json};
use tests::harness::{Harness, Setup, TestClock};

use super::{carry_out, causes, claimed, explain, failure, happened, keys, lease, report, somebody_works};

const QUEUE: &str = "task/1";

async fn with_workspace(setup: Setup, more: Value) -> Harness {
    let harness = setup.start().await;
    let mut workspace = json!({ "display_name": "invoices", "is_default": true });
    for (name, value) in more.as_object().expect("an object") {
        workspace[name] = value.clone();
    }
    let _created = harness.post("/v1/workspaces", workspace).await.expect(201);
    harness
}

async fn create(harness: &Harness) -> String {
    let created = harness.post("/v1/tasks", json!({ "context": {} })).await.expect(201);
    created.header("location").to_owned()
}

async fn usual() -> (Harness, String) {
    let harness = with_workspace(Setup::without_workers(), json!({})).await;
    let path = create(&harness).await;
    (harness, path)
}

async fn complete(harness: &Harness) {
    let lease = lease(harness, QUEUE).await;
    report(harness, "complete", &lease, json!({})).await;
}

/// A task that is to be reviewed by these users in this order.
async fn in_review(users: Value, order: &str) -> (Harness, String) {
    let assignment = json!({ "assignment": { "users": users, "order": order } });
    let harness = with_workspace(Setup::without_workers(), assignment).await;
    let path = create(&harness).await;
    complete(&harness).await;
    (harness, path)
}

#[tokio::test]
async fn a_task_that_nobody_serves_is_freed_by_a_worker() {
    let (harness, path) = usual().await;
    let explained = explain(&harness, &path).await;
    assert_eq!(
        (causes(&explained), &explained["state"]),
        (vec!["no_worker"], &json!("QueuedForPreProcessing"))
    );
    assert_eq!(explained["queue"]["unit"], QUEUE);
    let given = carry_out(&harness, &explained).await.json();
    assert_eq!(keys(&given), ["1"]);
}

#[tokio::test]
async fn a_workspace_whose_tasks_nobody_serves_is_served() {
    let (harness, _) = usual().await;
    let path = "/v1/workspaces/1";
    let explained = explain(&harness, path).await;
    let why = &explained["causes"][0];
    assert_eq!((causes(&explained), &why["scope"]), (vec!["no_worker"], &json!("pre_processing")));
    let given = carry_out(&harness, &explained).await.json();
    assert_eq!(keys(&given), ["1"]);
    assert_eq!(causes(&explain(&harness, path).await), ["queues_open"]);
    let absent = harness.get("/v1/workspaces/2/explain").await.expect(404);
    assert_eq!(absent.json()["code"], "workspace_not_found");
}

#[tokio::test]
async fn a_workspace_at_its_limit_is_freed_by_a_higher_one() {
    let limits = json!({ "limits": { "in_flight_max": 1 } });
    let harness = with_workspace(Setup::without_workers(), limits).await;
    let _first = create(&harness).await;
    assert_eq!(claimed(&harness, QUEUE).await, ["1"]);
    let _second = create(&harness).await;
    let explained = explain(&harness, "/v1/workspaces/1").await;
    assert_eq!(causes(&explained), ["in_flight_limit"]);
    assert_eq!(explained["causes"][0]["event"]["event"], "workspace.created");
    let _configured = carry_out(&harness, &explained).await;
    assert_eq!(claimed(&harness, QUEUE).await, ["2"]);
}

#[tokio::test]
async fn a_task_that_waits_behind_others_is_freed_by_one_more_worker() {
    let harness = with_workspace(Setup::without_workers(), json!({})).await;
    somebody_works(&harness).await;
    let _first = create(&harness).await;
    let path = create(&harness).await;
    let explained = explain(&harness, &path).await;
    assert_eq!((causes(&explained), &explained["causes"][0]["ahead"]), (vec!["waits_in_line"], &json!(1)));
    assert_eq!(explained["queue"]["first"][0]["key"], "1");
    let given = carry_out(&harness, &explained).await.json();
    assert_eq!(keys(&given), ["1", "2"]);
}

#[tokio::test]
async fn a_task_that_a_paused_system_keeps_is_freed_by_resuming_it() {
    let (harness, path) = usual().await;
    let pause = json!({ "reason": "the disk is full" });
    let _paused = harness.post("/v1/system/pause", pause).await.expect(200);
    somebody_works(&harness).await;
    let explained = explain(&harness, &path).await;
    assert_eq!(causes(&explained), ["system_paused"]);
    let _resumed = carry_out(&harness, &explained).await;
    assert_eq!(claimed(&harness, QUEUE).await, ["1"]);
}

#[tokio::test]
async fn a_held_task_is_released() {
    let (harness, path) = usual().await;
    let _held = harness.post(&format!("{path}/hold"), Value::Null).await.expect(200);
    somebody_works(&harness).await;
    let explained = explain(&harness, &path).await;
    assert_eq!(causes(&explained), ["held"]);
    let _released = carry_out(&harness, &explained).await;
    assert_eq!(claimed(&harness, QUEUE).await, ["1"]);
}

#[tokio::test]
async fn a_task_beyond_the_limit_of_its_workspace_is_freed_by_a_higher_one() {
    let limits = json!({ "limits": { "in_flight_max": 1 } });
    let harness = with_workspace(Setup::without_workers(), limits).await;
    let _first = create(&harness).await;
    assert_eq!(claimed(&harness, QUEUE).await, ["1"]);
    let path = create(&harness).await;
    let explained = explain(&harness, &path).await;
    assert_eq!(causes(&explained), ["in_flight_limit"]);
    assert_eq!(explained["causes"][0]["event"]["event"], "workspace.created");
    let _configured = carry_out(&harness, &explained).await;
    assert_eq!(claimed(&harness, QUEUE).await, ["2"]);
}

#[tokio::test]
async fn a_task_that_somebody_has_is_taken_back() {
    let (harness, path) = usual().await;
    let lease = lease(&harness, QUEUE).await;
    assert_eq!(causes(&explain(&harness, &path).await), ["leased"]);
    report(&harness, "start", &lease, json!({})).await;
    let explained = explain(&harness, &path).await;
    assert_eq!((causes(&explained), &explained["causes"][0]["worker"]), (vec!["running"], &json!("w")));
    let _back = carry_out(&harness, &explained).await;
    assert_eq!(claimed(&harness, QUEUE).await, ["1"]);
}

#[tokio::test]
async fn a_task_in_backoff_or_without_an_attempt_left_is_run_now() {
    for (attempts_max, cause) in [(3, "backoff"), (1, "failed_for_good")] {
        let (harness, path) = usual().await;
        let lease = lease(&harness, QUEUE).await;
        report(&harness, "fail", &lease, failure(attempts_max)).await;
        let explained = explain(&harness, &path).await;
        assert_eq!((causes(&explained), &explained["causes"][0]["code"]), (vec![cause], &json!("no_text")));
        let _run = carry_out(&harness, &explained).await;
        assert_eq!(claimed(&harness, QUEUE).await, ["1"]);
    }
}

#[tokio::test]
async fn a_review_by_whoever_likes_waits_for_anybody() {
    let (harness, path) = in_review(json!([]), "any").await;
    let explained = explain(&harness, &path).await;
    assert_eq!((causes(&explained), &explained["state"]), (vec!["waits_for_review"], &json!("ToReview")));
    let approved = carry_out(&harness, &explained).await.json();
    assert_eq!(approved["status"], "Processed");
}

#[tokio::test]
async fn a_review_in_sequence_waits_for_one_user_after_the_other() {
    let (harness, path) = in_review(json!(["mara", "noor"]), "in_sequence").await;
    for (users, status) in [(json!(["mara", "noor"]), "ToReview"), (json!(["noor"]), "Processed")] {
        let explained = explain(&harness, &path).await;
        assert_eq!(
            (causes(&explained), &explained["causes"][0]["users"]),
            (vec!["waits_for_review"], &users)
        );
        assert_eq!(explained["causes"][0]["order"], "in_sequence");
        let approved = carry_out(&harness, &explained).await.json();
        assert_eq!(approved["status"], status);
    }
}

/// A task that a worker has and keeps alive, and gets nowhere with, until the watchdog puts it back.
async fn stuck() -> (Harness, String) {
    let clock = TestClock::at("2026-05-01T12:00:00Z");
    let setup = Setup { clock: Arc::new(clock.clone()), ..Setup::without_workers() };
    let day = json!({ "limits": { "lease_ms": 86_400_000 } });
    let harness = with_workspace(setup, day).await;
    let path = create(&harness).await;
    let _lease = lease(&harness, QUEUE).await;
    let position = harness.engine.acknowledged();
    assert!(harness.engine.wait_for_views(position).await);
    clock.pass(Millis::from_secs(7 * 3_600));
    assert_eq!(harness.engine.watch_tasks().await, Ok(1));
    (harness, path)
}

#[tokio::test]
async fn a_stuck_task_says_what_the_watchdog_saw_and_is_run_now() {
    let (harness, path) = stuck().await;
    let explained = explain(&harness, &path).await;
    let why = &explained["causes"][0];
    assert_eq!((causes(&explained), &explained["state"]), (vec!["stuck"], &json!("PreProcessingFailed")));
    assert_eq!(
        (&why["from"], &why["to"]),
        (&json!("PreProcessingInProgress"), &json!("PreProcessingFailed"))
    );
    assert_eq!((&why["event"]["event"], &why["threshold_ms"]), (&json!("task.reverted"), &json!(21_600_000)));
    let _run = carry_out(&harness, &explained).await;
    assert_eq!(claimed(&harness, QUEUE).await, ["1"]);
}

#[tokio::test]
async fn a_task_that_a_person_settled_is_restarted() {
    let (harness, path) = usual().await;
    let resolve = json!({ "outcome": "finished", "text": "typed in by hand" });
    let _resolved = harness.post(&format!("{path}/resolve"), resolve).await.expect(200);
    let explained = explain(&harness, &path).await;
    let why = &explained["causes"][0];
    assert_eq!((causes(&explained), &why["text"]), (vec!["settled_by_hand"], &json!("typed in by hand")));
    let _restarted = carry_out(&harness, &explained).await;
    assert_eq!(claimed(&harness, QUEUE).await, ["1"]);
}

#[tokio::test]
async fn a_task_in_history_is_restarted() {
    let (harness, path) = in_review(json!(["mara"]), "any").await;
    let _approved = harness.post(&format!("{path}/approve"), json!({ "user": "mara" })).await.expect(200);
    let explained = explain(&harness, &path).await;
    assert_eq!((causes(&explained), &explained["state"]), (vec!["in_history"], &json!("Processed")));
    let _restarted = carry_out(&harness, &explained).await;
    assert_eq!(claimed(&harness, QUEUE).await, ["1"]);
}

#[tokio::test]
async fn a_deleted_task_is_past_help() {
    let (harness, path) = usual().await;
    let _deleting = harness.delete(&path).await.expect(202);
    happened(&harness, "deleted").await;
    let explained = explain(&harness, &path).await;
    assert_eq!((causes(&explained), &explained["state"]), (vec!["deleted"], &json!("Deleted")));
    assert_eq!((&explained["suggestions"], &explained["legal"]), (&json!([]), &json!([])));
}
