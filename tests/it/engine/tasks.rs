//! The stages of tasks over the real engine: served, timed, restored and taken away as any work is.

use std::time::Duration;

use domain::envelope::Command;
use domain::names::{TaskId, WorkspaceId};
use domain::task::{self, TaskStatus};
use domain::time::Millis;
use domain::workspace;
use runtime::{Claimed, Engine};
use tests::harness::TestClock;
use tests::place::{Place, claim, complete, finish, send, until, word, worker};

const SPAN: Millis = Millis(20);

pub(crate) fn id(number: u64) -> TaskId {
    TaskId::new(number).expect("not 0")
}

pub(crate) async fn ask(engine: &Engine, number: u64, command: task::Command) {
    send(engine, Command::Task(id(number), command)).await.expect("the command is carried out");
}

async fn create_workspace(engine: &Engine) {
    let settings = serde_json::json!({
        "display_name": "invoices",
        "limits": { "in_flight_max": 10, "input_bytes_max": 1024, "lease_ms": SPAN },
    });
    let settings = serde_json::from_value(settings).expect("settings");
    let workspace = WorkspaceId::new(7).expect("not 0");
    let create = Command::Workspace(workspace, workspace::Command::Create(settings));
    send(engine, create).await.expect("a workspace can be created");
}

pub(super) async fn create(engine: &Engine, number: u64) {
    let payload = serde_json::json!({
        "workspace": 7, "display_name": "invoice", "context": {}, "plan": { "recognition": true },
    });
    let payload = serde_json::from_value(payload).expect("a payload");
    ask(engine, number, task::Command::Create(payload)).await;
}

pub(super) async fn status(engine: &Engine, number: u64) -> Option<TaskStatus> {
    let task = engine.task(id(number)).await.expect("the task can be looked at");
    TaskStatus::of(&task)
}

fn place_of(claimed: &Claimed) -> String {
    format!("{}/{}/{}", claimed.id.unit, claimed.id.scope, claimed.id.key)
}

#[tokio::test]
async fn a_worker_serves_a_tasks_stages_one_after_the_other() {
    let place = Place::default();
    let engine = place.start().await;
    create_workspace(&engine).await;
    create(&engine, 104).await;
    let first = claim(&engine, 1).await.remove(0);
    assert_eq!(place_of(&first), "task/7/pre_processing/104");
    finish(&engine, &first).await;
    let second = claim(&engine, 1).await.remove(0);
    assert_eq!(place_of(&second), "task/7/recognition/104");
    assert!(second.token > first.token);
    finish(&engine, &second).await;
    assert_eq!(status(&engine, 104).await, Some(TaskStatus::ToReview));
    engine.shutdown().await;
}

#[tokio::test]
async fn a_stage_whose_lease_ran_out_is_queued_again() {
    let clock = TestClock::at("2026-05-01T12:00:00Z");
    let place = Place::at(&clock);
    let engine = place.start().await;
    create_workspace(&engine).await;
    create(&engine, 1).await;
    let first = claim(&engine, 1).await.remove(0);
    clock.pass(SPAN);
    until(&*place.store, |event| word(&event.event) == "unassigned").await;
    let second = claim(&engine, 1).await.remove(0);
    assert_eq!((place_of(&second), second.attempt), (place_of(&first), 2));
    engine.shutdown().await;
}

#[tokio::test]
async fn waiting_and_leased_stages_are_there_after_a_restart_of_the_engine() {
    let clock = TestClock::at("2026-05-01T12:00:00Z");
    let place = Place::at(&clock);
    let engine = place.start().await;
    create_workspace(&engine).await;
    create(&engine, 1).await;
    let leased = claim(&engine, 1).await.remove(0);
    create(&engine, 2).await;
    engine.shutdown().await;
    let engine = place.start().await;
    let waiting = claim(&engine, 1).await.remove(0);
    assert_eq!(place_of(&waiting), "task/7/pre_processing/2");
    assert!(engine.claim(&worker(), 9, Duration::ZERO).await.expect("it can be asked").is_empty());
    clock.pass(SPAN);
    let mut again = claim(&engine, 2).await;
    again.sort_by_key(place_of);
    assert_eq!(place_of(&again[0]), place_of(&leased));
    engine.shutdown().await;
}

#[tokio::test]
async fn a_restarted_task_is_served_anew_and_its_old_worker_comes_too_late() {
    let place = Place::default();
    let engine = place.start().await;
    create_workspace(&engine).await;
    create(&engine, 1).await;
    let old = claim(&engine, 1).await.remove(0);
    ask(&engine, 1, task::Command::Restart { campaign: None }).await;
    let late = send(&engine, Command::work(old.id.clone(), complete(&old))).await.expect("it is recorded");
    assert_eq!(late.events.iter().map(word).collect::<Vec<_>>(), ["late_result_refused"]);
    let new = claim(&engine, 1).await.remove(0);
    assert!(new.id == old.id && new.token > old.token);
    ask(&engine, 1, task::Command::Delete).await;
    until(&*place.store, |event| word(&event.event) == "deleted").await;
    assert_eq!(status(&engine, 1).await, Some(TaskStatus::Deleted));
    engine.shutdown().await;
}
