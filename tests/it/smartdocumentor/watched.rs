//! What the engine does for stuck tasks by itself, and what it never does (`reference/smartdocumentor.md` §6).

use domain::time::Millis;
use serde_json::{Value, json};
use tests::harness::{Harness, Setup, TestClock};

use super::{native, nothing_to_claim, patch, process, restarted, site, status, steer, workspace};
use crate::native_api::tasks::{claim, complete};

/// Longer than any status is allowed to last.
const TWO_DAYS: Millis = Millis::from_secs(48 * 3_600);
/// Longer than pre-processing may take, shorter than a lease of these tests.
const SEVEN_HOURS: Millis = Millis::from_secs(7 * 3_600);

/// Looks for stuck tasks, and gives how many were touched.
async fn watch(harness: &Harness) -> usize {
    assert!(harness.engine.wait_for_views(harness.engine.acknowledged()).await);
    harness.engine.watch_tasks().await.expect("the watchdog can look")
}

/// A task that somebody has been pre-processing for too long.
async fn with_a_stuck_task() -> (Harness, TestClock, u64) {
    let (harness, clock) = site().await;
    let id = process(&harness, json!({})).await;
    let _held = claim(&harness).await;
    clock.pass(SEVEN_HOURS);
    (harness, clock, id)
}

#[tokio::test]
async fn nothing_is_restarted_without_somebody_who_asks() {
    let (harness, clock, id) = with_a_stuck_task().await;
    assert_eq!(watch(&harness).await, 1);
    clock.pass(TWO_DAYS);
    assert_eq!(watch(&harness).await, 0);
    let shown = status(&harness, id).await;
    assert_eq!((&shown["restartCount"], &shown["taskStatus"]), (&Value::Null, &json!(32)));
    assert!(nothing_to_claim(&harness).await, "no paid work is queued");
}

#[tokio::test]
async fn a_task_that_is_stuck_for_long_is_put_back_to_the_nearest_valid_status() {
    let (harness, _clock, id) = with_a_stuck_task().await;
    assert_eq!(status(&harness, id).await["taskStatus"], 31);
    assert_eq!(watch(&harness).await, 1);
    let shown = status(&harness, id).await;
    assert_eq!(
        (&shown["taskStatus"], &shown["taskStatusText"]),
        (&json!(32), &json!("Pre-Processing Failed"))
    );
    assert_eq!(shown["preProcessingStartedOn"], shown["createdOn"]);
}

#[tokio::test]
async fn what_is_stuck_as_export_completed_or_processed_moves_to_history() {
    let clock = TestClock::at("2026-01-31T12:00:00Z");
    let setup = Setup { clock: std::sync::Arc::new(clock.clone()), ..Setup::without_workers() };
    let harness = setup.start().await;
    workspace(&harness, json!({ "review": "automatic", "export": true })).await;
    let exported = process(&harness, json!({})).await;
    complete(&harness, &claim(&harness).await).await;
    let processed = process(&harness, json!({})).await;
    for id in [exported, processed] {
        steer(&harness, id, "resolve", json!({ "outcome": "finished", "text": "by hand" })).await;
    }
    let expected = [(exported, "Export Completed"), (processed, "Processed")];
    for (id, text) in expected {
        assert_eq!(status(&harness, id).await["taskStatusText"], text);
        assert_eq!(native(&harness, id).await["screen"], "inbox");
    }
    clock.pass(TWO_DAYS);
    assert_eq!(watch(&harness).await, 2);
    for (id, text) in expected {
        assert_eq!(status(&harness, id).await["taskStatusText"], text);
        let task = native(&harness, id).await;
        assert_eq!((&task["screen"], task["warning"].is_object()), (&json!("history"), true));
    }
}

#[tokio::test]
async fn whatever_the_watchdog_touched_carries_a_warning_until_it_is_restarted() {
    let (harness, _clock, id) = with_a_stuck_task().await;
    assert_eq!(native(&harness, id).await["warning"], Value::Null);
    assert_eq!(watch(&harness).await, 1);
    let warning = &native(&harness, id).await["warning"];
    assert_eq!(warning["from"], "PreProcessingInProgress");
    assert_eq!(warning["to"], "PreProcessingFailed");
    restarted(&harness, id).await;
    assert_eq!(native(&harness, id).await["warning"], Value::Null);
}

#[tokio::test]
async fn the_clients_own_status_is_reset_by_a_restart_and_by_a_recovery() {
    let (harness, _clock, id) = with_a_stuck_task().await;
    let path = format!("{}/externalIntegrationStatus?taskId={id}", super::TASKS);
    let set = async || {
        let _set = patch(&harness, &path, json!({ "externalIntegrationStatus": "sent" })).await.expect(204);
        assert_eq!(status(&harness, id).await["externalIntegrationStatus"], "sent");
    };
    set().await;
    assert_eq!(watch(&harness).await, 1);
    assert_eq!(status(&harness, id).await["externalIntegrationStatus"], "never");
    set().await;
    restarted(&harness, id).await;
    assert_eq!(status(&harness, id).await["externalIntegrationStatus"], "never");
}
