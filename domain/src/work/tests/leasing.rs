//! Claim, start, extend, give back, take back.

use super::*;
use crate::work::{LEASE_MS_MAX, LeaseExtended};

#[test]
fn a_claim_leases_queued_work_and_its_token_is_the_version_of_the_lease() {
    let leased = given([queued()]).when(&claim()).then([assigned_until(1, at(70))]);
    assert_eq!(leased.work.lease().map(|lease| lease.token), Some(FIRST));
}

#[test]
fn only_queued_work_can_be_claimed() {
    let cases = [
        (vec![], "idle"),
        (vec![queued(), assigned(1)], "assigned"),
        (vec![queued(), assigned(1), started(1)], "running"),
        (vec![queued(), assigned(1), failed(1, 1, Some(at(70)))], "failed"),
    ];
    for (history, phase) in cases {
        given(history).when(&claim()).then_refused(&Refusal::NotQueued { phase });
    }
}

#[test]
fn a_lease_has_a_length_and_it_is_bounded() {
    for lease_ms in [Millis(0), Millis(LEASE_MS_MAX.0 + 1)] {
        let claim = Command::Claim { worker: worker(), lease_ms };
        given([queued()]).when(&claim).then_refused(&Refusal::LeaseLength { lease_ms });
        let extend = Command::ExtendLease { token: FIRST, lease_ms };
        given([queued(), assigned(1)]).when(&extend).then_refused(&Refusal::LeaseLength { lease_ms });
    }
}

#[test]
fn attempts_are_counted_over_all_runs() {
    given([queued(), assigned(1), started(1), finished(1, 7, Change::First), restarted(1, false)])
        .when(&claim())
        .then([assigned_until(2, at(70))]);
}

#[test]
fn a_worker_starts_once() {
    let start = Command::Start { token: FIRST };
    given([queued(), assigned(1)]).when(&start).then([started(1)]);
    given([queued(), assigned(1), started(1)]).when(&start).nothing_happens();
    given([queued()]).when(&start).then_refused(&Refusal::LeaseGone { token: FIRST });
}

#[test]
fn a_heartbeat_is_recorded_at_most_once_per_half_lease() {
    let extend = Command::ExtendLease { token: FIRST, lease_ms: LEASE };
    let extended = |seconds| Event::LeaseExtended(LeaseExtended { attempt: 1, until: at(seconds) });
    let leased = [queued(), assigned(1), started(1)];
    given(leased.clone()).at(29).when(&extend).nothing_happens();
    let longer = given(leased).at(30).when(&extend).then([extended(90)]);
    longer.at(59).when(&extend).nothing_happens();
}

#[test]
fn a_lease_that_ran_out_unnoticed_can_still_be_extended() {
    let extend = Command::ExtendLease { token: FIRST, lease_ms: LEASE };
    let extended = Event::LeaseExtended(LeaseExtended { attempt: 1, until: at(160) });
    given([queued(), assigned(1)]).at(100).when(&extend).then([extended]);
}

#[test]
fn a_stale_token_opens_nothing() {
    let reset = [queued(), assigned(1), unassigned(1, UnassignCause::Reset), assigned(2)];
    let gone = Refusal::LeaseGone { token: FIRST };
    let commands = [
        Command::Start { token: FIRST },
        Command::ExtendLease { token: FIRST, lease_ms: LEASE },
        Command::ReleaseLease { token: FIRST },
    ];
    for command in commands {
        given(reset.clone()).when(&command).then_refused(&gone);
    }
}

#[test]
fn a_worker_gives_back_what_it_has() {
    let back = given([queued(), assigned(1)])
        .when(&Command::ReleaseLease { token: FIRST })
        .then([unassigned(1, UnassignCause::Released)]);
    back.when(&claim()).then([assigned_until(2, at(70))]);
}

#[test]
fn a_reset_takes_leased_work_back_and_leaves_the_rest_alone() {
    let reset = Command::Unassign { cause: UnassignCause::Reset };
    let running = [queued(), assigned(1), started(1)];
    given(running).when(&reset).then([unassigned(1, UnassignCause::Reset)]);
    given([]).when(&reset).nothing_happens();
    given([queued()]).when(&reset).nothing_happens();
}

#[test]
fn a_lost_lease_keeps_count_of_failures_and_priority() {
    let second_try = [queued_again(1), assigned(2), unassigned(2, UnassignCause::LeaseExpired)];
    let in_backoff = [queued(), assigned(1), failed(1, 1, Some(at(70)))];
    let before = given(in_backoff.clone()).fold([queued_again(1)]).work.phase;
    assert_eq!(given(in_backoff).fold(second_try).work.phase, before);
}

#[test]
fn a_lease_expires_when_its_time_is_over_and_not_before() {
    let leased = [queued(), assigned(1)];
    given(leased.clone()).at(59).when(&Command::ExpireLease).nothing_happens();
    given(leased).at(60).when(&Command::ExpireLease).then([unassigned(1, UnassignCause::LeaseExpired)]);
    given([queued()]).at(900).when(&Command::ExpireLease).nothing_happens();
}
