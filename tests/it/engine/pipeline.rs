//! The command pipeline: nothing is half done, whatever the store, another process or the clock does.

use std::collections::HashSet;
use std::sync::Arc;

use domain::aggregate::Refusal;
use domain::envelope::{Command, Envelope};
use domain::names::{Actor, CommandId, OrganizationId};
use domain::ports::{Append, NewEvent};
use domain::storage_unit::{self, Content, Limits};
use domain::stream::{ExpectedVersion, Position, Version};
use domain::system;
use domain::time::Millis;
use domain::work::{self, RequeueRequested};
use runtime::{Engine, RuntimeSettings, SubmitError};
use store_memory::MemoryStore;
use tests::faults::{Fault, FaultyStore};
use tests::harness::TestClock;
use tests::place::{
    PATIENCE, Place, ask, claim_one, create, envelope, id, log, queue, send, set, settings, state, stream,
    unit, words, work, worker,
};
use tokio::task::JoinSet;
use uuid::Uuid;

/// A place over a log with faults.
fn faulty() -> (Arc<FaultyStore>, Place) {
    let store = FaultyStore::over(Arc::new(MemoryStore::new()));
    (store.clone(), Place::over(store))
}

// ── Back-pressure ──────────────────────────────────────────────────────────────────────────────────────────────

#[tokio::test]
async fn a_full_queue_turns_a_command_away_and_does_nothing_of_it() {
    let (store, mut place) = faulty();
    place.settings =
        RuntimeSettings { commands_waiting_max: 2, batch_commands_max: 1, ..RuntimeSettings::default() };
    let engine = place.start().await;
    store.gate.close();
    let (first, second, third, fourth) = tokio::join!(
        biased;
        work(&engine, "in-hand", ask()),
        async {
            store.gate.somebody_waits().await;
            work(&engine, "waiting-1", ask()).await
        },
        async {
            store.gate.somebody_waits().await;
            work(&engine, "waiting-2", ask()).await
        },
        async {
            store.gate.somebody_waits().await;
            let answer = work(&engine, "too-many", ask()).await;
            store.gate.open();
            answer
        },
    );
    assert_eq!(fourth, Err(SubmitError::Overloaded { waiting_max: 2 }));
    assert!(first.is_ok() && second.is_ok() && third.is_ok(), "{first:?} {second:?} {third:?}");
    assert_eq!(log(&*place.store).await.len(), 3);
    assert_eq!(words(&*place.store, "too-many").await, [""; 0]);
    queue(&engine, "too-many").await;
    assert_eq!(words(&*place.store, "too-many").await, ["queued"]);
}

// ── Order ──────────────────────────────────────────────────────────────────────────────────────────────────────

/// Sends commands to the work on `key` so that they are decided in one batch, and gives the answers.
async fn in_one_batch(
    store: &FaultyStore,
    engine: &Engine,
    key: &'static str,
    commands: impl IntoIterator<Item = work::Command>,
) -> Vec<Result<usize, SubmitError>> {
    store.gate.close();
    let in_hand = tokio::spawn({
        let engine = engine.clone();
        async move { queue(&engine, "in-hand").await }
    });
    store.gate.somebody_waits().await;
    let mut answers = JoinSet::new();
    for (number, command) in commands.into_iter().enumerate() {
        let engine = engine.clone();
        answers.spawn(async move {
            let answer = work(&engine, key, command).await;
            (number, answer.map(|accepted| accepted.events.len()))
        });
    }
    // Every task has sent its command once all have had their first turn; this runtime has one thread.
    tokio::task::yield_now().await;
    store.gate.open();
    in_hand.await.unwrap();
    let mut answers = answers.join_all().await;
    answers.sort_by_key(|(number, _)| *number);
    answers.into_iter().map(|(_, answer)| answer).collect()
}

#[tokio::test]
async fn commands_of_one_batch_on_one_stream_are_decided_in_their_order() {
    let (store, place) = faulty();
    let engine = place.start().await;
    let claim = work::Command::Claim { worker: worker(), lease_ms: Millis(60_000) };
    let commands = [ask(), work::Command::Hold, claim.clone(), work::Command::Release, ask(), claim];
    let answers = in_one_batch(&store, &engine, "a", commands).await;
    let on_hold = SubmitError::Refused(Refusal::Work(work::Refusal::OnHold));
    assert_eq!(answers, [Ok(1), Ok(1), Err(on_hold), Ok(1), Ok(0), Ok(1)]);
    assert_eq!(words(&*place.store, "a").await, ["queued", "held", "released", "assigned"]);
}

#[tokio::test]
async fn what_concerns_another_stream_is_decided_while_an_append_is_under_way() {
    let (store, place) = faulty();
    let engine = place.start().await;
    store.gate.close();
    let (first, second, ()) = tokio::join!(
        queue(&engine, "a"),
        async {
            store.gate.somebody_waits().await;
            queue(&engine, "b").await
        },
        async {
            let both = store.gate.so_many_wait(2);
            tokio::time::timeout(PATIENCE, both).await.expect("both are on their way");
            store.gate.open();
        }
    );
    // Which of them passes the gate first is nobody's business.
    let mut positions = [first.position, second.position];
    positions.sort_unstable();
    assert_eq!(positions, [Position::row(1), Position::row(2)]);
}

#[tokio::test]
async fn what_concerns_a_stream_is_decided_once_it_is_known_what_became_of_it() {
    let (store, place) = faulty();
    let engine = place.start().await;
    store.next_writes([Fault::Unavailable]);
    store.gate.close();
    let (asked, held, ()) = tokio::join!(
        biased;
        work(&engine, "a", ask()),
        work(&engine, "a", work::Command::Hold),
        async {
            store.gate.somebody_waits().await;
            store.gate.open();
        }
    );
    assert!(matches!(asked, Err(SubmitError::Unavailable(_))), "{asked:?}");
    // There is nothing to hold: it was never asked for.
    assert!(matches!(held, Err(SubmitError::Refused(_))), "{held:?}");
    assert_eq!(words(&*place.store, "a").await, [""; 0]);
}

#[tokio::test]
async fn no_lease_is_given_while_a_pause_is_under_way() {
    let (store, place) = faulty();
    let engine = place.start().await;
    queue(&engine, "a").await;
    store.gate.close();
    let pause = Command::System(system::Command::Pause { reason: "spring cleaning".to_owned() });
    let claim = work::Command::Claim { worker: worker(), lease_ms: Millis(60_000) };
    let (paused, claimed, ()) = tokio::join!(
        biased;
        send(&engine, pause),
        async {
            store.gate.somebody_waits().await;
            work(&engine, "a", claim).await
        },
        async {
            store.gate.somebody_waits().await;
            store.gate.open();
        }
    );
    paused.unwrap();
    assert!(matches!(claimed, Err(SubmitError::Refused(Refusal::System(_)))), "{claimed:?}");
    assert_eq!(words(&*place.store, "a").await, ["queued"]);
}

#[tokio::test]
async fn settings_that_change_are_read_once_it_is_known_what_became_of_the_change() {
    let (store, place) = faulty();
    let engine = place.start().await;
    create(&engine, settings(Content::Managed)).await;
    let lease_ms = async || engine.unit_settings(&unit()).await.unwrap().unwrap().limits.lease_ms;
    let change = |lease_ms| {
        storage_unit::Command::SetLimits(Limits { lease_ms: Millis(lease_ms), ..Limits::default() })
    };
    assert_eq!(lease_ms().await, Limits::default().lease_ms);
    store.gate.close();
    let (_changed, read, ()) = tokio::join!(
        biased;
        set(&engine, change(1_234)),
        async {
            store.gate.somebody_waits().await;
            lease_ms().await
        },
        async {
            store.gate.somebody_waits().await;
            store.gate.open();
        }
    );
    assert_eq!((read, lease_ms().await), (Millis(1_234), Millis(1_234)));
    store.next_writes([Fault::Unavailable]);
    let lost = send(&engine, Command::StorageUnit(unit(), change(5_678))).await;
    assert!(matches!(lost, Err(SubmitError::Unavailable(_))), "{lost:?}");
    assert_eq!(lease_ms().await, Millis(1_234));
    set(&engine, storage_unit::Command::Drop).await;
    assert_eq!(engine.unit_settings(&unit()).await, Ok(None));
}

// ── Other processes ────────────────────────────────────────────────────────────────────────────────────────────

/// What another process appends to the work on a key.
fn rival(key: &str, last: u64, event: work::Event) -> Fault {
    let command =
        Envelope::new(CommandId(Uuid::from_u128(99)), Actor::system(), Command::work(id(key), ask()));
    let metadata = domain::event::Metadata {
        recorded_at: domain::time::Timestamp::default(),
        command_id: command.id,
        idempotency_key: None,
        command: Some(command.command.record().unwrap()),
        actor: command.actor,
        reason: None,
        causation_id: None,
        correlation_id: None,
        organization: OrganizationId::default_organization(),
    };
    let event = domain::event::Event::KeyScope(domain::key_scope::Event::Work(event));
    let new = NewEvent { id: command.id.event_id(u16::try_from(last).unwrap()), event };
    let expected = ExpectedVersion::Exact(Version(last));
    Fault::Rival(Append { stream: stream(key), expected, events: vec![new], metadata: Arc::new(metadata) })
}

fn assigned() -> work::Event {
    let until = "2030-01-01T00:00:00Z".parse().unwrap();
    work::Event::Assigned(work::Assigned { worker: worker(), until, attempt: 1 })
}

#[tokio::test]
async fn two_engines_over_one_log_decide_again_and_both_commands_are_recorded() {
    let log = MemoryStore::new();
    let (one, other) = (Place::over(Arc::new(log.clone())), Place::over(Arc::new(log)));
    let (one, other) = (one.start().await, other.start().await);
    create(&one, settings(Content::Managed)).await;
    set(&other, storage_unit::Command::DisableQueue).await;
    let limits = Limits { in_flight_max: 3, ..Limits::default() };
    let third = set(&one, storage_unit::Command::SetLimits(limits)).await;
    assert_eq!(third.version, Some(Version(2)));
    let known = one.unit_settings(&unit()).await.unwrap().unwrap();
    assert_eq!((known.queue_enabled, known.limits), (false, limits));
}

#[tokio::test]
async fn two_engines_that_race_for_the_same_work_queue_it_once_and_claim_it_once() {
    const KEYS: usize = 50;
    let store = MemoryStore::new();
    let (one, other) = (Place::over(Arc::new(store.clone())), Place::over(Arc::new(store.clone())));
    let engines = [one.start().await, other.start().await];
    create(&engines[0], settings(Content::Managed)).await;
    let mut asking = JoinSet::new();
    for key in 0..KEYS {
        for engine in engines.clone() {
            asking.spawn(async move { queue(&engine, &format!("{key}")).await.events.len() });
        }
    }
    assert_eq!(asking.join_all().await.into_iter().sum::<usize>(), KEYS);
    let mut claiming = JoinSet::new();
    for engine in engines {
        claiming.spawn(async move {
            let mut claimed = Vec::new();
            while count_assigned(&engine).await < KEYS {
                let wait = std::time::Duration::from_millis(20);
                claimed.extend(engine.claim(&worker(), 5, wait).await.unwrap());
            }
            claimed
        });
    }
    let claimed: Vec<_> = claiming.join_all().await.into_iter().flatten().map(|claim| claim.id).collect();
    assert_eq!((claimed.len(), claimed.into_iter().collect::<HashSet<_>>().len()), (KEYS, KEYS));
}

async fn count_assigned(engine: &Engine) -> usize {
    let events = log(engine.store()).await;
    events.iter().filter(|event| tests::place::word(&event.event) == "assigned").count()
}

#[tokio::test]
async fn what_was_decided_after_a_lost_append_is_decided_again_and_not_written_behind_the_winner() {
    let (store, place) = faulty();
    let engine = place.start().await;
    queue(&engine, "a").await;
    store.next_writes([Fault::Nothing, rival("a", 0, assigned())]);
    let answers = in_one_batch(&store, &engine, "a", [work::Command::Hold, work::Command::Release]).await;
    assert_eq!(answers, [Ok(1), Ok(1)]);
    // In the middle, `released` would have fitted by its version, and made the history an impossible one.
    assert_eq!(words(&*place.store, "a").await, ["queued", "assigned", "held", "released"]);
    engine.shutdown().await;
    assert!(!state(&place.start().await, "a").await.held, "the history can be read back");
}

#[tokio::test]
async fn a_stream_that_never_keeps_still_is_given_up_and_can_be_asked_again() {
    let (store, place) = faulty();
    let engine = place.start().await;
    queue(&engine, "a").await;
    let again = || {
        work::Event::RequeueRequested(RequeueRequested { campaign: None, priority: work::Priority::Normal })
    };
    let rivals = (0..20).map(|last| rival("a", last, if last == 0 { assigned() } else { again() }));
    store.next_writes(rivals);
    assert_eq!(work(&engine, "a", work::Command::Hold).await, Err(SubmitError::Contended));
    let before = words(&*place.store, "a").await;
    assert!(before.len() > 2 && !before.contains(&"held"), "{before:?}");
    // The rivals that are left come first; then it is still.
    while work(&engine, "a", work::Command::Hold).await == Err(SubmitError::Contended) {}
    assert_eq!(words(&*place.store, "a").await.last(), Some(&"held"));
}

// ── A store in trouble ─────────────────────────────────────────────────────────────────────────────────────────

#[tokio::test]
async fn an_append_with_unknown_outcome_is_repeated_and_recorded_once() {
    let (store, place) = faulty();
    let engine = place.start().await;
    for (key, lost) in [("a", Fault::LostOnTheWay), ("b", Fault::LostOnTheWayBack)] {
        store.next_writes([lost.clone(), lost]);
        let accepted = queue(&engine, key).await;
        assert_eq!((accepted.events.len(), accepted.version), (1, Some(Version(0))));
        assert_eq!(words(&*place.store, key).await, ["queued"]);
    }
    let head = place.store.head().await.unwrap();
    assert_eq!(engine.acknowledged(), head);
}

#[tokio::test]
async fn an_outcome_that_stays_unknown_is_said_to_be_and_the_next_command_finds_what_was_written() {
    let (store, place) = faulty();
    let engine = place.start().await;
    store.next_writes(vec![Fault::LostOnTheWayBack; 6]);
    let answer = work(&engine, "a", ask()).await;
    assert!(matches!(&answer, Err(SubmitError::Unavailable(text)) if text.contains("unknown")), "{answer:?}");
    let again = queue(&engine, "a").await;
    assert_eq!((again.events.len(), again.version), (0, Some(Version(0))));
    assert_eq!(words(&*place.store, "a").await, ["queued"]);
}

#[tokio::test]
async fn an_unavailable_store_leaves_nothing_and_the_next_command_is_carried_out() {
    let (store, place) = faulty();
    let engine = place.start().await;
    queue(&engine, "a").await;
    store.next_writes([Fault::Unavailable]);
    let answer = work(&engine, "a", work::Command::Hold).await;
    assert!(matches!(answer, Err(SubmitError::Unavailable(_))), "{answer:?}");
    assert!(!state(&engine, "a").await.held);
    assert_eq!(words(&*place.store, "a").await, ["queued"]);
    assert_eq!(work(&engine, "a", work::Command::Hold).await.unwrap().version, Some(Version(1)));
}

#[tokio::test]
async fn a_refused_append_does_not_take_those_of_other_streams_with_it() {
    let (store, place) = faulty();
    let engine = place.start().await;
    store.refuse(|written, _| *written == stream("b"));
    let mut answers = JoinSet::new();
    for key in ["a", "b", "c"] {
        let engine = engine.clone();
        answers.spawn(async move { (key, work(&engine, key, ask()).await.is_ok()) });
    }
    let mut answers = answers.join_all().await;
    answers.sort_unstable();
    assert_eq!(answers, [("a", true), ("b", false), ("c", true)]);
    store.refuse_nothing();
    assert_eq!(queue(&engine, "b").await.version, Some(Version(0)));
}

// ── Time and ownership ─────────────────────────────────────────────────────────────────────────────────────────

#[tokio::test]
async fn the_recorded_time_never_goes_back_when_the_clock_does() {
    let clock = TestClock::at("2026-05-01T12:00:00Z");
    let place = Place::at(&clock);
    let engine = place.start().await;
    queue(&engine, "a").await;
    clock.set("2026-05-01T11:00:00Z".parse().unwrap());
    queue(&engine, "b").await;
    engine.shutdown().await;
    // Nor over a restart.
    let engine = place.start().await;
    queue(&engine, "c").await;
    clock.set("2026-05-01T12:00:01Z".parse().unwrap());
    queue(&engine, "d").await;
    let times: Vec<_> =
        log(&*place.store).await.iter().map(|event| event.metadata.recorded_at.to_string()).collect();
    let noon = "2026-05-01T12:00:00.000000Z";
    assert_eq!(times, [noon, noon, noon, "2026-05-01T12:00:01.000000Z"]);
}

#[tokio::test]
async fn a_stream_of_another_organization_is_refused() {
    let place = Place::default();
    let engine = place.start().await;
    queue(&engine, "a").await;
    let hold = Command::work(id("a"), work::Command::Hold);
    let theirs = |engine: &Engine| Envelope {
        organization: Some(OrganizationId::new("somebody-else").unwrap()),
        ..envelope(engine, hold.clone())
    };
    assert_eq!(engine.submit(theirs(&engine)).await, Err(SubmitError::OtherOrganization));
    engine.shutdown().await;
    // The one that has to read the stream first knows whose it is, too.
    let engine = place.start().await;
    assert_eq!(engine.submit(theirs(&engine)).await, Err(SubmitError::OtherOrganization));
    assert_eq!(words(&*place.store, "a").await, ["queued"]);
    send(&engine, hold).await.unwrap();
}

#[tokio::test]
async fn whoever_waits_for_a_position_reads_what_was_written_up_to_it() {
    let place = Place::default();
    let engine = place.start().await;
    create(&engine, settings(Content::Managed)).await;
    let accepted = queue(&engine, "a").await;
    assert!(engine.wait_for_views(accepted.position).await);
    assert!(engine.views_position() >= accepted.position);
    let claimed = tokio::time::timeout(PATIENCE, claim_one(&engine, "a")).await.unwrap();
    assert_eq!(claimed.token.0, Version(1));
}
