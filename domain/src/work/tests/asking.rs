//! Queue, retry, hold, release.

use super::*;

#[test]
fn the_first_request_queues() {
    given([]).when(&queue()).then([queued()]);
    given([]).when(&queue_for(Some(campaign(1)))).then([queued_by(Some(campaign(1)))]);
}

#[test]
fn a_request_for_queued_work_changes_nothing() {
    given([queued()]).when(&queue()).nothing_happens();
    given([queued()]).when(&queue_for(Some(campaign(1)))).nothing_happens();
}

#[test]
fn a_request_for_settled_work_restarts_it() {
    let done = [queued(), assigned(1), started(1), finished(1, 7, Change::First)];
    given(done).when(&queue()).then([restarted(1, false)]);
    given([queued(), assigned(1), failed(1, 1, None)]).when(&queue()).then([restarted(1, false)]);
}

#[test]
fn a_request_for_leased_work_is_recorded_once_and_answered_after_the_run() {
    let leased = given([queued(), assigned(1)]).when(&queue()).then([requeue_requested(None)]);
    leased.when(&queue()).nothing_happens();
    given([queued(), assigned(1), started(1), requeue_requested(None)])
        .when(&complete(FIRST, 7))
        .then([finished(1, 7, Change::First), restarted(1, true)]);
}

#[test]
fn a_request_for_work_in_backoff_ends_the_backoff_and_gives_all_attempts_back() {
    given([queued(), assigned(1), failed(1, 1, Some(at(70)))]).when(&queue()).then([queued_again(0)]);
}

#[test]
fn one_campaign_asks_once_however_often_it_repeats_itself() {
    let (one, two) = (Some(campaign(1)), Some(campaign(2)));
    let done = [queued_by(one), assigned(1), started(1), finished_by(1, 7, Change::First, one)];
    given(done.clone()).when(&queue_for(one)).nothing_happens();
    given(done.clone()).when(&queue_for(two)).then([restarted_by(1, false, two)]);
    given(done).when(&queue()).then([restarted(1, false)]);
    let asked_again = [queued_by(one), assigned(1), requeue_requested(two)];
    given(asked_again).when(&queue_for(two)).nothing_happens();
}

#[test]
fn a_request_that_waits_behind_a_lease_survives_the_loss_of_the_lease() {
    let taken_back =
        [queued(), assigned(1), requeue_requested(None), unassigned(1, UnassignCause::Reset), assigned(2)];
    given(taken_back).when(&complete(Token(Version(4)), 7)).then([
        started(2),
        finished(2, 7, Change::First),
        restarted(1, true),
    ]);
}

#[test]
fn a_retry_queues_again_once_the_backoff_is_over() {
    let in_backoff = [queued(), assigned(1), failed(1, 1, Some(at(70)))];
    given(in_backoff.clone()).at(69).when(&Command::Retry).nothing_happens();
    given(in_backoff).at(70).when(&Command::Retry).then([queued_again(1)]);
}

#[test]
fn a_retry_leaves_everything_but_backoff_alone() {
    given([]).when(&Command::Retry).nothing_happens();
    given([queued(), assigned(1)]).when(&Command::Retry).nothing_happens();
    given([queued(), assigned(1), failed(1, 2, None)]).at(900).when(&Command::Retry).nothing_happens();
}

#[test]
fn work_that_was_never_queued_has_nothing_to_hold() {
    given([]).when(&Command::Hold).then_refused(&Refusal::NeverQueued);
}

#[test]
fn a_hold_lies_over_the_phase_until_released() {
    let held = given([queued()]).when(&Command::Hold).then([Event::Held]);
    assert_eq!(held.work.phase, given([queued()]).work.phase);
    given([queued(), Event::Held]).when(&Command::Hold).nothing_happens();
    given([queued(), Event::Held]).when(&claim()).then_refused(&Refusal::OnHold);
    given([queued(), Event::Held]).when(&Command::Release).then([Event::Released]);
    given([queued()]).when(&Command::Release).nothing_happens();
}

#[test]
fn a_worker_that_has_held_work_may_finish_it() {
    given([queued(), assigned(1), started(1), Event::Held]).when(&complete(FIRST, 7)).then([finished(
        1,
        7,
        Change::First,
    )]);
}
