//! Hold, run now, resolve by hand, delete.

use super::*;

fn resolve(outcome: Resolution) -> Command {
    Command::Resolve { outcome, text: "by telephone".to_owned() }
}

#[test]
fn a_hold_lasts_over_stages_until_it_is_released() {
    let given = given(full()).leased().when(&Command::Hold);
    assert_eq!(given.decide(&Command::Hold), Ok(vec![]));
    let done = work(Stage::PreProcessing, complete(given.token()));
    let given = given.when(&done);
    assert_eq!(given.status(), TaskStatus::QueuedForRecognition);
    let refused = given.decide(&work(Stage::Recognition, claim()));
    assert_eq!(refused, Err(Refusal::Work(work::Refusal::OnHold)));
    let given = given.when(&Command::Release);
    assert_eq!(given.decide(&Command::Release), Ok(vec![]));
    assert!(given.decide(&work(Stage::Recognition, claim())).is_ok());
}

#[test]
fn run_now_ends_a_backoff_and_runs_a_failed_stage_again() {
    let leased = given(full()).leased();
    let backoff = fail(leased.token(), "exit_1", RetryPolicy::default());
    let waiting = leased.when(&work(Stage::PreProcessing, backoff));
    assert_eq!(waiting.names(&Command::RunNow), ["queued"]);
    let failed = given(full()).failed("exit_1");
    assert_eq!(failed.names(&Command::RunNow), ["work_restarted"]);
    let running = failed.when(&Command::RunNow).leased();
    assert_eq!(running.decide(&Command::RunNow), Ok(vec![]));
    assert_eq!(running.present().restart_count, 0);
}

#[test]
fn run_now_queues_what_was_put_back() {
    let parked = given(full()).leased().when(&resolve(Resolution::Failed));
    assert_eq!(parked.status(), TaskStatus::PreProcessingFailed);
    assert_eq!(parked.names(&Command::RunNow), ["stage_entered", "queued"]);
    let reviewing = given(full()).done().done();
    let refused = reviewing.decide(&Command::RunNow);
    assert_eq!(refused, Err(Refusal::NothingToRun { status: TaskStatus::ToReview }));
}

#[test]
fn what_is_resolved_by_hand_stays_in_the_inbox_and_its_worker_comes_too_late() {
    let leased = given(full()).leased();
    let late = work(Stage::PreProcessing, complete(leased.token()));
    let resolved = leased.when(&resolve(Resolution::Finished));
    assert_eq!((resolved.status(), resolved.present().screen()), (TaskStatus::Processed, Screen::Inbox));
    assert_eq!(resolved.decide(&resolve(Resolution::Finished)), Ok(vec![]));
    assert_eq!(resolved.names(&late), ["late_result_refused"]);
}

#[test]
fn an_export_resolved_by_hand_is_completed_or_reviewed_again() {
    let exporting = given(full()).done().done().when(&approve("ann"));
    let completed = exporting.clone().when(&resolve(Resolution::Finished));
    assert_eq!(completed.status(), TaskStatus::ExportCompleted);
    assert_eq!(completed.present().integration, IntegrationStatus::Succeeded);
    assert_eq!(exporting.when(&resolve(Resolution::Failed)).status(), TaskStatus::ToReview);
}

#[test]
fn a_task_in_history_is_restarted_before_anything_else() {
    let archived = given(full()).done().done().when(&approve("ann")).done();
    let in_history = Err(Refusal::InHistory { status: TaskStatus::Processed });
    for command in [Command::Hold, Command::RunNow, Command::ReopenReview, resolve(Resolution::Failed)] {
        assert_eq!(archived.decide(&command), in_history, "{command:?}");
    }
}

#[test]
fn the_client_may_speak_of_a_task_in_history_too() {
    let archived = given(full()).done().done().when(&approve("ann")).done();
    let status = ExternalIntegrationStatus::new("booked").expect("a valid status");
    let set = Command::SetExternalIntegrationStatus { status };
    assert_eq!(archived.names(&set), ["external_integration_status_set"]);
    assert_eq!(archived.when(&set).decide(&set), Ok(vec![]));
}

#[test]
fn a_deleted_task_is_in_history_and_accepts_nothing() {
    let leased = given(full()).leased();
    let late = work(Stage::PreProcessing, complete(leased.token()));
    let deleting = leased.when(&Command::Delete);
    assert_eq!((deleting.status(), deleting.present().screen()), (TaskStatus::Deleting, Screen::Inbox));
    assert_eq!(deleting.decide(&Command::Delete), Ok(vec![]));
    assert_eq!(deleting.decide(&late), Err(Refusal::Gone { status: TaskStatus::Deleting }));
    let deleted = deleting.when(&Command::ConfirmDeleted);
    assert_eq!((deleted.status(), deleted.present().screen()), (TaskStatus::Deleted, Screen::History));
    assert_eq!(deleted.decide(&Command::ConfirmDeleted), Ok(vec![]));
    assert_eq!(deleted.decide(&late), Err(Refusal::Gone { status: TaskStatus::Deleted }));
}
