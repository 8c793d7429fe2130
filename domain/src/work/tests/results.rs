//! Complete and fail.

use super::*;
use crate::work::{LateResultRefused, Outcome, Phase};

fn late(outcome: Outcome, result: Option<u8>) -> Event {
    let code = if result.is_none() { Some("exit_1".to_owned()) } else { None };
    Event::LateResultRefused(LateResultRefused { token: FIRST, outcome, digest: result.map(digest), code })
}

#[test]
fn a_result_finishes_the_run() {
    given([queued(), assigned(1), started(1)]).when(&complete(FIRST, 7)).then([finished(
        1,
        7,
        Change::First,
    )]);
}

#[test]
fn completing_what_was_not_started_starts_it() {
    given([queued(), assigned(1)])
        .when(&complete(FIRST, 7))
        .then([started(1), finished(1, 7, Change::First)]);
}

#[test]
fn a_run_says_whether_its_outputs_changed() {
    let again = [
        queued(),
        assigned(1),
        started(1),
        finished(1, 7, Change::First),
        restarted(1, false),
        assigned(2),
        started(2),
    ];
    let token = Token(Version(5));
    given(again.clone()).when(&complete(token, 7)).then([finished(2, 7, Change::Same)]);
    given(again).when(&complete(token, 8)).then([finished(2, 8, Change::Changed)]);
}

#[test]
fn a_result_that_comes_again_is_free() {
    let done = [queued(), assigned(1), started(1), finished(1, 7, Change::First)];
    given(done.clone()).when(&complete(FIRST, 7)).nothing_happens();
    given(done).fold([restarted(1, false)]).when(&complete(FIRST, 7)).nothing_happens();
    given([queued(), assigned(1), failed(1, 1, None)]).when(&fail(FIRST, TWO_ATTEMPTS)).nothing_happens();
}

#[test]
fn a_late_worker_cannot_finish_a_restarted_run() {
    let taken_over = [queued(), assigned(1), unassigned(1, UnassignCause::Reset), assigned(2), started(2)];
    let after = given(taken_over.clone()).when(&complete(FIRST, 7)).then([late(Outcome::Finished, Some(7))]);
    assert_eq!(after.work, given(taken_over).work);
}

#[test]
fn a_late_failure_fails_nothing() {
    let taken_over = [queued(), assigned(1), unassigned(1, UnassignCause::LeaseExpired)];
    let after =
        given(taken_over.clone()).when(&fail(FIRST, TWO_ATTEMPTS)).then([late(Outcome::Failed, None)]);
    assert_eq!(after.work, given(taken_over).work);
}

#[test]
fn an_attempt_cannot_end_twice_differently() {
    let done = [queued(), assigned(1), started(1), finished(1, 7, Change::First)];
    given(done).when(&fail(FIRST, TWO_ATTEMPTS)).then([late(Outcome::Failed, None)]);
}

#[test]
fn a_failure_waits_while_attempts_are_left_and_then_no_longer() {
    let running = [queued(), assigned(1), started(1)];
    given(running).when(&fail(FIRST, TWO_ATTEMPTS)).then([failed(1, 1, Some(at(70)))]);
    let second = [queued(), assigned(1), failed(1, 1, Some(at(70))), queued_again(1), assigned(2)];
    let ended = given(second).when(&fail(Token(Version(4)), TWO_ATTEMPTS)).then([failed(2, 2, None)]);
    assert!(!ended.work.is_open());
}

#[test]
fn a_failure_with_a_request_waiting_behind_it_restarts_at_once() {
    let asked_again = [queued(), assigned(1), requeue_requested(None)];
    let after =
        given(asked_again).when(&fail(FIRST, TWO_ATTEMPTS)).then([failed(1, 1, None), restarted(1, true)]);
    assert_eq!(after.work.phase, Phase::Queued { failures: 0, priority: Priority::Normal, requeue: None });
}
