//! Stuck tasks (`reference/smartdocumentor.md` §6).

use super::*;

/// What the watchdog sees now, of a task that has its status since the beginning.
fn seen(given: &Given, threshold_s: u64) -> Seen {
    Seen {
        status: given.status(),
        version: given.present().status_version,
        since: Timestamp::default(),
        threshold_ms: Millis::from_secs(threshold_s),
    }
}

fn revert(seen: Seen) -> Command {
    Command::Revert { seen, to: TaskStatus::PreProcessingFailed }
}

#[test]
fn a_stuck_task_is_put_back_and_nothing_is_queued() {
    let stuck = given(full()).leased().after(100);
    let late = work(Stage::PreProcessing, complete(stuck.token()));
    let status = ExternalIntegrationStatus::new("booked").expect("a valid status");
    let stuck = stuck.when(&Command::SetExternalIntegrationStatus { status });
    let reverted = stuck.clone().when(&revert(seen(&stuck, 100)));
    assert_eq!(reverted.history.last().map(Event::name), Some("reverted"));
    assert_eq!(reverted.status(), TaskStatus::PreProcessingFailed);
    assert_eq!(reverted.present().restart_count, 0);
    assert_eq!(reverted.present().external_integration.as_str(), "never");
    assert_eq!(reverted.names(&late), ["late_result_refused"]);
    assert_eq!(reverted.clone().after(1_000).decide(&revert(seen(&stuck, 100))), Ok(vec![]));
    assert_eq!(reverted.names(&Command::RunNow), ["stage_entered", "queued"]);
}

#[test]
fn a_task_that_moved_on_is_held_or_not_stuck_long_enough_is_left_alone() {
    let stuck = given(full()).leased().after(100);
    assert_eq!(stuck.decide(&revert(seen(&stuck, 101))), Ok(vec![]));
    let held = stuck.clone().when(&Command::Hold);
    assert_eq!(held.decide(&revert(seen(&held, 100))), Ok(vec![]));
    let earlier = seen(&stuck, 100);
    let again = stuck.when(&RESTART).leased();
    assert_eq!((again.status(), again.decide(&revert(earlier))), (earlier.status, Ok(vec![])));
}

#[test]
fn a_stuck_export_is_reviewed_again() {
    let stuck = given(full()).done().done().when(&approve("ann")).leased().after(100);
    let seen = seen(&stuck, 100);
    let reverted = stuck.when(&Command::Revert { seen, to: TaskStatus::ToReview });
    assert_eq!(reverted.status(), TaskStatus::ToReview);
    assert_eq!(reverted.present().integration, IntegrationStatus::NotQueued);
}

#[test]
fn what_is_done_moves_to_history_and_keeps_its_status() {
    let text = "by telephone".to_owned();
    let done = given(full()).when(&Command::Resolve { outcome: Resolution::Finished, text }).after(100);
    let seen = seen(&done, 100);
    let moved = done.when(&Command::MoveToHistory { seen });
    assert_eq!((moved.status(), moved.present().screen()), (TaskStatus::Processed, Screen::History));
    assert_eq!(moved.decide(&Command::MoveToHistory { seen }), Ok(vec![]));
}

#[test]
fn a_policy_that_would_start_work_or_lose_tasks_is_refused() {
    let stuck = given(full()).leased().after(100);
    let seen = seen(&stuck, 0);
    let to = TaskStatus::RecognitionInProgress;
    assert!(matches!(stuck.decide(&Command::Revert { seen, to }), Err(Refusal::WrongPolicy { .. })));
    assert!(matches!(stuck.decide(&Command::MoveToHistory { seen }), Err(Refusal::WrongPolicy { .. })));
    for policy in POLICY_DEFAULT {
        assert_eq!(policy.check(), Ok(()), "{policy:?}");
    }
}

#[test]
fn every_status_has_its_own_number_and_name() {
    let reference: Vec<_> = TaskStatus::ALL
        .into_iter()
        .filter(|status| status.origin() == Origin::Reference)
        .map(TaskStatus::number)
        .collect();
    assert_eq!(reference, [19, 20, 30, 31, 32, 33, 34, 35]);
    for status in TaskStatus::ALL {
        assert_eq!(TaskStatus::from_number(status.number()), Some(status));
        assert_eq!(TaskStatus::from_name(status.name()), Some(status));
        assert_eq!(json!(status), json!(status.name()));
        assert!(status.origin() == Origin::Reference || status.number() >= 1_000);
    }
}
