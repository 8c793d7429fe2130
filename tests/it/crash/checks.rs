//! That the checks of a crash test find what they are there to find: a log from which something was taken, or to
//! which something was added, does not pass.

use std::sync::Arc;

use domain::event::RecordedEvent;
use domain::names::{Actor, Key};
use domain::storage_unit::Content;
use domain::stream::{Position, StreamId};
use domain::time::Millis;
use runtime::Engine;
use tests::crash::book::{Acknowledged, Index, Told, What, kept};
use tests::crash::leases;
use tests::crash::log::{assert_sound, runs};
use tests::place::{
    Place, ask, claim_one, create, finish, log, queue, settings, stream, unit, until, word, work,
};

fn asked(what: What, told: Told) -> Acknowledged {
    Acknowledged { actor: Actor::new("tester").unwrap(), what, since: Position::START, told }
}

fn process(key: &str, told: Told) -> Acknowledged {
    asked(What::Process(Key::new(key).unwrap()), told)
}

async fn running() -> (Place, Engine) {
    let place = Place::default();
    let engine = place.start().await;
    create(&engine, settings(Content::Managed)).await;
    (place, engine)
}

fn without(events: &[Arc<RecordedEvent>], name: &str) -> Vec<Arc<RecordedEvent>> {
    events.iter().filter(|event| word(&event.event) != name).cloned().collect()
}

fn of<'a>(index: &'a Index<'_>, stream: &StreamId) -> &'a [&'a RecordedEvent] {
    index.stream(stream)
}

#[tokio::test]
async fn an_acknowledged_command_that_is_lost_is_noticed() {
    let (place, engine) = running().await;
    let accepted = queue(&engine, "a").await;
    let events = log(&*place.store).await;
    for told in [Told::Done, Told::Recorded(accepted.position)] {
        assert_eq!(kept(&Index::of(&events), &process("a", told)), Ok(true));
        assert!(kept(&Index::of(&without(&events, "queued")), &process("a", told)).is_err());
    }
    let elsewhere = Told::Recorded(Position::row(accepted.position.major + 1));
    assert!(kept(&Index::of(&events), &process("a", elsewhere)).is_err());
}

#[tokio::test]
async fn an_answer_that_nothing_was_needed_is_held_against_the_log() {
    let (place, engine) = running().await;
    let queued = queue(&engine, "a").await;
    let claimed = claim_one(&engine, "a").await;
    let finished = finish(&engine, &claimed).await;
    let events = log(&*place.store).await;
    let index = Index::of(&events);
    let by_nobody =
        |told, since| Acknowledged { actor: Actor::new("nobody").unwrap(), since, ..process("a", told) };
    assert_eq!(kept(&index, &by_nobody(Told::AlreadySo(queued.position), queued.position)), Ok(false));
    assert!(kept(&index, &by_nobody(Told::AlreadySo(finished.position), finished.position)).is_err());
    assert!(kept(&index, &by_nobody(Told::Done, finished.position)).is_err());
}

#[tokio::test]
async fn a_command_that_was_done_twice_is_noticed() {
    let (place, engine) = running().await;
    queue(&engine, "a").await;
    let claimed = claim_one(&engine, "a").await;
    finish(&engine, &claimed).await;
    work(&engine, "a", ask()).await.unwrap();
    let events = log(&*place.store).await;
    assert!(kept(&Index::of(&events), &process("a", Told::Done)).is_err());
}

#[tokio::test]
async fn a_lost_write_or_reset_is_noticed() {
    let (place, engine) = running().await;
    let reset = Acknowledged { actor: Actor::new("resetter").unwrap(), ..asked(What::Reset, Told::Done) };
    engine.reset_queue(&unit(), &reset.actor, None).await.unwrap();
    queue(&engine, "a").await;
    let events = log(&*place.store).await;
    assert_eq!(kept(&Index::of(&events), &reset), Ok(true));
    assert!(kept(&Index::of(&without(&events, "queue_reset")), &reset).is_err());
    let write = asked(What::Write(Key::new("a").unwrap()), Told::Done);
    assert!(kept(&Index::of(&events), &write).is_err());
}

#[tokio::test]
async fn a_lease_without_an_end_or_with_a_late_one_is_noticed() {
    let clock = tests::harness::TestClock::at("2026-05-01T12:00:00Z");
    let place = Place::at(&clock);
    let engine = place.start().await;
    create(&engine, settings(Content::Managed)).await;
    queue(&engine, "a").await;
    let claimed = claim_one(&engine, "a").await;
    let events = log(&*place.store).await;
    assert!(leases::kept(of(&Index::of(&events), &stream("a"))).is_err());
    finish(&engine, &claimed).await;
    let events = log(&*place.store).await;
    assert_eq!(leases::kept(of(&Index::of(&events), &stream("a"))), Ok(()));
    // Nobody takes this one back in time: the engine is gone.
    queue(&engine, "b").await;
    claim_one(&engine, "b").await;
    engine.shutdown().await;
    clock.pass(Millis(claimed.lease_ms.0 + leases::LATE_MAX.0 + 1));
    let _engine = place.start().await;
    until(&*place.store, |event| word(&event.event) == "unassigned").await;
    let events = log(&*place.store).await;
    assert!(leases::kept(of(&Index::of(&events), &stream("b"))).is_err());
}

#[tokio::test]
async fn a_run_without_an_end_is_noticed() {
    let (place, engine) = running().await;
    queue(&engine, "a").await;
    let claimed = claim_one(&engine, "a").await;
    finish(&engine, &claimed).await;
    queue(&engine, "a").await;
    let events = log(&*place.store).await;
    let runs = runs(of(&Index::of(&events), &stream("a")));
    assert_eq!((runs.asked, runs.ended, runs.attempts), (2, 1, 1));
}

#[tokio::test]
#[should_panic(expected = "has a gap")]
async fn a_log_with_a_gap_is_not_sound() {
    let (place, engine) = running().await;
    queue(&engine, "a").await;
    claim_one(&engine, "a").await;
    assert_sound(&without(&log(&*place.store).await, "queued"));
}

#[tokio::test]
#[should_panic(expected = "key_scope-docs/raw/a at version 0")]
async fn an_event_that_its_command_does_not_lead_to_is_not_sound() {
    let (place, engine) = running().await;
    queue(&engine, "a").await;
    let mut events = log(&*place.store).await;
    let last = Arc::make_mut(events.last_mut().unwrap());
    let other = domain::work::Queued {
        campaign: None,
        priority: domain::work::Priority::High,
        retry: false,
        failures: 0,
    };
    last.event = domain::key_scope::Event::Work(domain::work::Event::Queued(other)).into();
    assert_sound(&events);
}
