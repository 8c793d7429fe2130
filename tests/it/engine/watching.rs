//! The watchdog over the real engine, by a clock that stands until a test moves it.

use std::time::Duration;

use domain::envelope::Command;
use domain::names::WorkspaceId;
use domain::task::{POLICY_DEFAULT, Policy, Target, TaskStatus};
use domain::time::Millis;
use domain::{task, workspace};
use runtime::Engine;
use tests::harness::TestClock;
use tests::place::{Place, claim, send, until, word};

use super::tasks::{ask, create, status};

const THRESHOLD: Millis = Millis::from_secs(6 * 3_600);

fn place(clock: &TestClock, interval: Duration) -> Place {
    let mut place = Place::at(clock);
    place.settings.watchdog_interval = interval;
    place
}

/// A lease of a day: what a worker that is alive and gets nowhere has.
async fn with_a_stuck_task(place: &Place) -> Engine {
    let engine = place.start().await;
    let settings = serde_json::json!({
        "display_name": "invoices",
        "limits": { "in_flight_max": 10, "input_bytes_max": 1024, "lease_ms": 86_400_000 },
    });
    let settings = serde_json::from_value(settings).expect("settings");
    let workspace = WorkspaceId::new(7).expect("not 0");
    let command = Command::Workspace(workspace, workspace::Command::Create(settings));
    send(&engine, command).await.expect("a workspace can be created");
    create(&engine, 1).await;
    claim(&engine, 1).await;
    let position = engine.acknowledged();
    assert!(engine.wait_for_views(position).await);
    engine
}

#[tokio::test]
async fn a_stuck_task_is_put_back_once_its_time_is_up_and_starts_no_work() {
    let clock = TestClock::at("2026-05-01T12:00:00Z");
    let engine = with_a_stuck_task(&place(&clock, Duration::from_secs(3_600))).await;
    clock.pass(Millis(THRESHOLD.0 - 1));
    assert_eq!(engine.watch_tasks().await, Ok(0));
    clock.pass(Millis(1));
    assert_eq!(engine.watch_tasks().await, Ok(1));
    assert_eq!(status(&engine, 1).await, Some(TaskStatus::PreProcessingFailed));
    assert_eq!(engine.waiting().await, 0);
    let position = engine.acknowledged();
    assert!(engine.wait_for_views(position).await);
    assert_eq!(engine.watch_tasks().await, Ok(0));
    engine.shutdown().await;
}

#[tokio::test]
async fn a_task_that_is_held_was_meant_to_stay() {
    let clock = TestClock::at("2026-05-01T12:00:00Z");
    let engine = with_a_stuck_task(&place(&clock, Duration::from_secs(3_600))).await;
    ask(&engine, 1, task::Command::Hold).await;
    let position = engine.acknowledged();
    assert!(engine.wait_for_views(position).await);
    clock.pass(THRESHOLD);
    assert_eq!(engine.watch_tasks().await, Ok(0));
    engine.shutdown().await;
}

#[tokio::test]
async fn what_is_done_moves_to_history_after_a_day() {
    let clock = TestClock::at("2026-05-01T12:00:00Z");
    let engine = with_a_stuck_task(&place(&clock, Duration::from_secs(3_600))).await;
    let text = "typed in by hand".to_owned();
    ask(&engine, 1, task::Command::Resolve { outcome: task::Resolution::Finished, text }).await;
    let position = engine.acknowledged();
    assert!(engine.wait_for_views(position).await);
    clock.pass(Millis::from_secs(24 * 3_600));
    assert_eq!(engine.watch_tasks().await, Ok(1));
    let task = engine.task(domain::names::TaskId::new(1).expect("not 0")).await.expect("a task");
    assert!(matches!(task.present().map(|task| &task.phase), Some(task::Phase::Archived(_))));
    engine.shutdown().await;
}

#[tokio::test]
async fn the_watchdog_looks_by_itself() {
    let clock = TestClock::at("2026-05-01T12:00:00Z");
    let place = place(&clock, Duration::from_millis(5));
    let engine = with_a_stuck_task(&place).await;
    clock.pass(THRESHOLD);
    until(&*place.store, |event| word(&event.event) == "reverted").await;
    engine.shutdown().await;
}

#[test]
fn the_policy_can_be_carried_out() {
    for policy in POLICY_DEFAULT {
        assert_eq!(policy.check(), Ok(()));
    }
    let endless = Policy { target: Target::Status(TaskStatus::PreProcessingInProgress), ..POLICY_DEFAULT[0] };
    assert!(endless.check().is_err());
}
