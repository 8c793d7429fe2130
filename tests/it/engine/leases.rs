//! Leases, timers and the queue: who may work on what, and until when.

use std::sync::Arc;
use std::time::Duration;

use domain::aggregate::Refusal;
use domain::retry::RetryPolicy;
use domain::storage_unit::{self, Content, Limits};
use domain::time::Millis;
use domain::work::{self, Phase, Priority, UnassignCause};
use runtime::{Claimed, Engine, SubmitError};
use tests::harness::TestClock;
use tests::place::{
    Place, ask, claim, claim_one, complete, create, fail, finish, id, log, queue, send, set, settings, state,
    stream, until, until_after, until_count, word, words, work, work_event, worker,
};

/// How long leases and backoffs are here. The clock stands still, so they end when a test moves it; the engine looks
/// at the clock again after as much real time.
const SPAN: Millis = Millis(20);

/// A place with a clock that stands still, and an engine with a unit whose leases are short.
async fn at_noon() -> (TestClock, Place, Engine) {
    let clock = TestClock::at("2026-05-01T12:00:00Z");
    let place = Place::at(&clock);
    let engine = place.start().await;
    let limits = Limits { lease_ms: SPAN, ..Limits::default() };
    create(&engine, storage_unit::Settings { limits, ..settings(Content::Managed) }).await;
    (clock, place, engine)
}

/// What can be claimed at once.
async fn claimable(engine: &Engine) -> Vec<Claimed> {
    engine.claim(&worker(), 100, Duration::ZERO).await.unwrap()
}

fn twice() -> RetryPolicy {
    RetryPolicy { attempts_max: 2, backoff_ms: SPAN, backoff_ms_max: SPAN }
}

// ── Leases ─────────────────────────────────────────────────────────────────────────────────────────────────────

#[tokio::test]
async fn a_lease_that_runs_out_is_taken_back_by_an_event() {
    let (clock, place, engine) = at_noon().await;
    queue(&engine, "a").await;
    let first = claim_one(&engine, "a").await;
    assert_eq!(first.until.to_string(), "2026-05-01T12:00:00.020000Z");
    clock.pass(SPAN);
    let taken = until(&*place.store, |event| word(&event.event) == "unassigned").await;
    let unassigned = work::Unassigned { attempt: 1, cause: UnassignCause::LeaseExpired };
    assert_eq!(work_event(&taken.event), Some(&work::Event::Unassigned(unassigned)));
    assert_eq!(taken.metadata.recorded_at, first.until);
    assert_eq!(taken.metadata.reason.as_deref(), Some("the lease ran out at 2026-05-01T12:00:00.020000Z"));
    let second = claim_one(&engine, "a").await;
    assert!(second.token > first.token && second.attempt == 2, "{second:?}");
}

#[tokio::test]
async fn a_heartbeat_moves_the_end_of_the_lease() {
    let (clock, place, engine) = at_noon().await;
    queue(&engine, "alive").await;
    let alive = claim_one(&engine, "alive").await;
    queue(&engine, "silent").await;
    claim_one(&engine, "silent").await;
    clock.pass(SPAN.half());
    let extend = work::Command::ExtendLease { token: alive.token, lease_ms: SPAN };
    assert_eq!(work(&engine, "alive", extend).await.unwrap().events.len(), 1);
    clock.pass(SPAN.half());
    // Both leases began at the same time: once one is taken back, the other one would have been.
    until(&*place.store, |event| word(&event.event) == "unassigned" && event.stream == stream("silent"))
        .await;
    assert!(state(&engine, "alive").await.lease().is_some());
    clock.pass(SPAN.half());
    until(&*place.store, |event| word(&event.event) == "unassigned" && event.stream == stream("alive")).await;
    assert_eq!(words(&*place.store, "alive").await, ["queued", "assigned", "lease_extended", "unassigned"]);
}

#[tokio::test]
async fn a_lease_that_ran_out_while_no_engine_ran_is_taken_back_at_the_start() {
    let (clock, place, engine) = at_noon().await;
    queue(&engine, "a").await;
    claim_one(&engine, "a").await;
    engine.shutdown().await;
    clock.pass(SPAN);
    let engine = place.start().await;
    until(&*place.store, |event| word(&event.event) == "unassigned").await;
    claim_one(&engine, "a").await;
}

#[tokio::test]
async fn a_worker_of_its_own_keeps_its_lease_over_a_restart_of_the_engine() {
    let (_clock, place, engine) = at_noon().await;
    queue(&engine, "a").await;
    let claimed = claim_one(&engine, "a").await;
    engine.shutdown().await;
    let engine = place.start().await;
    finish(&engine, &claimed).await;
    assert_eq!(words(&*place.store, "a").await, ["queued", "assigned", "process_started", "finished"]);
}

#[tokio::test]
async fn a_late_result_is_refused_and_recorded() {
    let (clock, place, engine) = at_noon().await;
    queue(&engine, "a").await;
    let late = claim_one(&engine, "a").await;
    clock.pass(SPAN);
    until(&*place.store, |event| word(&event.event) == "unassigned").await;
    let accepted = finish(&engine, &late).await;
    assert_eq!(accepted.events.iter().map(word).collect::<Vec<_>>(), ["late_result_refused"]);
    let current = claim_one(&engine, "a").await;
    work(&engine, "a", fail(&late, RetryPolicy::never())).await.unwrap();
    finish(&engine, &current).await;
    assert_eq!(
        words(&*place.store, "a").await,
        [
            "queued",
            "assigned",
            "unassigned",
            "late_result_refused",
            "assigned",
            "late_result_refused",
            "process_started",
            "finished"
        ]
    );
    assert_eq!(state(&engine, "a").await.outputs, Some(domain::digest::Digest([7; 32])));
}

// ── Attempts ───────────────────────────────────────────────────────────────────────────────────────────────────

#[tokio::test]
async fn a_failed_attempt_is_repeated_after_its_backoff_until_no_attempt_is_left() {
    let (clock, place, engine) = at_noon().await;
    queue(&engine, "a").await;
    let first = claim_one(&engine, "a").await;
    work(&engine, "a", fail(&first, twice())).await.unwrap();
    // Not before its time: something else that comes later is there first.
    queue(&engine, "b").await;
    let other = claim_one(&engine, "b").await;
    finish(&engine, &other).await;
    assert_eq!(claimable(&engine).await, []);
    clock.pass(SPAN);
    let second = claim_one(&engine, "a").await;
    assert_eq!(second.attempt, 2);
    work(&engine, "a", fail(&second, twice())).await.unwrap();
    assert_eq!(
        state(&engine, "a").await.phase,
        Phase::Failed { failures: 2, retry_at: None, priority: Priority::Normal }
    );
    assert_eq!(
        words(&*place.store, "a").await,
        ["queued", "assigned", "failed", "queued", "assigned", "failed"]
    );
    queue(&engine, "a").await;
    let third = claim_one(&engine, "a").await;
    work(&engine, "a", fail(&third, twice())).await.unwrap();
    assert!(state(&engine, "a").await.is_open(), "a new run has all its attempts");
}

#[tokio::test]
async fn a_backoff_that_ended_while_no_engine_ran_is_noticed_at_the_start() {
    let (clock, place, engine) = at_noon().await;
    queue(&engine, "a").await;
    let first = claim_one(&engine, "a").await;
    work(&engine, "a", fail(&first, twice())).await.unwrap();
    engine.shutdown().await;
    clock.pass(SPAN);
    let engine = place.start().await;
    assert_eq!(claim_one(&engine, "a").await.attempt, 2);
}

#[tokio::test]
async fn work_asked_for_while_it_runs_runs_once_more_however_often_it_was_asked_for() {
    let (_clock, place, engine) = at_noon().await;
    queue(&engine, "a").await;
    let first = claim_one(&engine, "a").await;
    for _ in 0..3 {
        queue(&engine, "a").await;
    }
    finish(&engine, &first).await;
    let second = claim_one(&engine, "a").await;
    let accepted = finish(&engine, &second).await;
    assert_eq!(accepted.events.iter().map(word).collect::<Vec<_>>(), ["process_started", "finished"]);
    let run = ["assigned", "process_started", "finished"];
    let expected =
        [&["queued", "assigned", "requeue_requested"][..], &run[1..], &["restarted"], &run].concat();
    assert_eq!(words(&*place.store, "a").await, expected);
}

// ── Reset, hold, disable ───────────────────────────────────────────────────────────────────────────────────────

#[tokio::test]
async fn a_reset_has_taken_effect_when_it_answers_and_makes_old_tokens_stale() {
    const KEYS: usize = 20;
    let (_clock, place, engine) = at_noon().await;
    for key in 0..KEYS {
        queue(&engine, &key.to_string()).await;
    }
    let old = claim(&engine, KEYS - 5).await;
    let count = engine.reset_queue(&tests::place::unit(), &domain::names::Actor::system(), None).await;
    assert_eq!(count, Ok(KEYS - 5));
    for key in 0..KEYS {
        assert!(matches!(state(&engine, &key.to_string()).await.phase, Phase::Queued { .. }), "{key}");
    }
    for claimed in &old {
        assert_eq!(
            finish(&engine, claimed).await.events.iter().map(word).collect::<Vec<_>>(),
            ["late_result_refused"]
        );
        let start = domain::envelope::Command::work(
            claimed.id.clone(),
            work::Command::Start { token: claimed.token },
        );
        let gone = Refusal::Work(work::Refusal::LeaseGone { token: claimed.token });
        assert_eq!(send(&engine, start).await, Err(SubmitError::Refused(gone)));
    }
    let new = claim(&engine, KEYS).await;
    for claimed in new {
        finish(&engine, &claimed).await;
    }
    let finished = log(&*place.store).await.iter().filter(|event| word(&event.event) == "finished").count();
    assert_eq!(finished, KEYS);
}

#[tokio::test]
async fn a_reset_among_claims_leaves_nobody_with_an_item_from_before() {
    const KEYS: usize = 60;
    let (_clock, place, engine) = at_noon().await;
    for key in 0..KEYS {
        queue(&engine, &key.to_string()).await;
    }
    let claiming = tokio::spawn({
        let engine = engine.clone();
        async move {
            let mut claimed = Vec::new();
            while claimed.len() < KEYS {
                claimed.extend(engine.claim(&worker(), 3, Duration::from_secs(1)).await.unwrap());
            }
        }
    });
    until_count(&*place.store, KEYS / 4, "assigned").await;
    engine.reset_queue(&tests::place::unit(), &domain::names::Actor::system(), None).await.unwrap();
    let reset = until(&*place.store, |event| word(&event.event) == "queue_reset").await;
    let answered = engine.acknowledged();
    claiming.await.unwrap();
    // Whoever was assigned before the reset was unassigned before the reset answered.
    let events = log(&*place.store).await;
    let streams =
        events.iter().filter(|event| word(&event.event) == "assigned" && event.position < reset.position);
    for assigned in streams {
        let ended =
            events.iter().find(|event| event.stream == assigned.stream && word(&event.event) == "unassigned");
        assert!(ended.is_some_and(|ended| ended.position <= answered), "{}", assigned.stream);
    }
}

#[tokio::test]
async fn held_work_is_not_claimed_until_it_is_released() {
    let (_clock, place, engine) = at_noon().await;
    queue(&engine, "held").await;
    work(&engine, "held", work::Command::Hold).await.unwrap();
    queue(&engine, "free").await;
    claim_one(&engine, "free").await;
    assert_eq!(claimable(&engine).await, []);
    // A restart does not forget it.
    engine.shutdown().await;
    let engine = place.start().await;
    assert_eq!(claimable(&engine).await, []);
    work(&engine, "held", work::Command::Release).await.unwrap();
    claim_one(&engine, "held").await;
}

#[tokio::test]
async fn a_disabled_queue_accepts_and_holds_and_enabling_it_releases() {
    let (_clock, place, engine) = at_noon().await;
    let disabled = set(&engine, storage_unit::Command::DisableQueue).await;
    queue(&engine, "a").await;
    queue(&engine, "b").await;
    // Another unit's item that comes later is offered, these are not.
    let other = storage_unit::Command::Create(settings(Content::Managed));
    let name = domain::names::StorageUnitName::new("other").unwrap();
    send(&engine, domain::envelope::Command::StorageUnit(name.clone(), other)).await.unwrap();
    let theirs = domain::stream::KeyScopeId { unit: name, ..id("x") };
    send(&engine, domain::envelope::Command::work(theirs.clone(), ask())).await.unwrap();
    assert_eq!(claim(&engine, 1).await[0].id, theirs);
    assert_eq!(claimable(&engine).await, []);
    assert_eq!(engine.waiting().await, 2);
    set(&engine, storage_unit::Command::EnableQueue).await;
    assert_eq!(claim(&engine, 2).await.len(), 2);
    let first = until_after(&*place.store, disabled.position, |event| {
        word(&event.event) == "assigned" && event.stream == stream("a")
    })
    .await;
    let enabled = until(&*place.store, |event| word(&event.event) == "queue_enabled").await;
    assert!(first.position > enabled.position);
}

#[tokio::test]
async fn no_more_items_of_a_unit_are_leased_at_once_than_its_limit() {
    let (_clock, _place, engine) = at_noon().await;
    let limits = Limits { in_flight_max: 2, lease_ms: SPAN, ..Limits::default() };
    set(&engine, storage_unit::Command::SetLimits(limits)).await;
    for key in ["a", "b", "c", "d"] {
        queue(&engine, key).await;
    }
    let first = claim(&engine, 2).await;
    assert_eq!(claimable(&engine).await, []);
    finish(&engine, &first[0]).await;
    claim_one(&engine, "c").await;
    assert_eq!(claimable(&engine).await, []);
}

#[tokio::test]
async fn the_queue_has_the_same_order_after_a_restart() {
    let (_clock, place, engine) = at_noon().await;
    let priorities = [
        ("later", Priority::Low),
        ("a", Priority::Normal),
        ("b", Priority::Normal),
        ("first", Priority::High),
    ];
    for (key, priority) in priorities {
        work(&engine, key, work::Command::Queue { campaign: None, priority }).await.unwrap();
    }
    engine.shutdown().await;
    let engine = place.start().await;
    for key in ["first", "a", "b", "later"] {
        claim_one(&engine, key).await;
    }
}

#[tokio::test]
async fn a_result_reported_twice_counts_once() {
    let (_clock, place, engine) = at_noon().await;
    queue(&engine, "a").await;
    let claimed = claim_one(&engine, "a").await;
    finish(&engine, &claimed).await;
    assert_eq!(work(&engine, "a", complete(&claimed)).await.unwrap().events, []);
    assert_eq!(words(&*place.store, "a").await, ["queued", "assigned", "process_started", "finished"]);
}

#[tokio::test]
async fn a_claim_that_is_abandoned_in_the_middle_gives_its_candidate_back() {
    let store = tests::faults::FaultyStore::over(Arc::new(store_memory::MemoryStore::new()));
    let place = Place::over(store.clone());
    let engine = place.start().await;
    create(&engine, settings(Content::Managed)).await;
    queue(&engine, "a").await;
    // A command that cannot be written is given back at once.
    store.next_writes([tests::faults::Fault::Unavailable]);
    let refused = engine.claim(&worker(), 1, Duration::from_secs(60)).await;
    assert!(matches!(refused, Err(SubmitError::Unavailable(_))), "{refused:?}");
    claim_one(&engine, "a").await;
}
