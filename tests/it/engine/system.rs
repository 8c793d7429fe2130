//! A paused system: nobody is given anything, what runs may finish, and the log shows it without exception.

use std::sync::Arc;
use std::time::Duration;

use domain::aggregate::Refusal;
use domain::envelope::Command;
use domain::event::Event;
use domain::names::WorkerId;
use domain::storage_unit::Content;
use domain::stream::Position;
use domain::system;
use runtime::{ClaimCounts, Engine, SubmitError};
use tests::place::{
    PATIENCE, Place, ask, claim_one, create, finish, id, log, never_soon, queue, send, settings, until_after,
    until_count, word, words, worker,
};

const WHY: &str = "the index is being rebuilt";

async fn pause(engine: &Engine) -> Position {
    let pause = system::Command::Pause { reason: WHY.to_owned() };
    send(engine, Command::System(pause)).await.unwrap().position
}

async fn resume(engine: &Engine) -> Position {
    send(engine, Command::System(system::Command::Resume)).await.unwrap().position
}

/// An engine with a unit, and without workers.
async fn idle() -> (Place, Engine) {
    let place = Place::default();
    let engine = place.start().await;
    create(&engine, settings(Content::Managed)).await;
    (place, engine)
}

async fn claimed_at_once(engine: &Engine) -> usize {
    engine.claim(&worker(), 100, Duration::ZERO).await.unwrap().len()
}

#[tokio::test]
async fn while_it_is_paused_nobody_is_given_anything_and_what_runs_may_finish() {
    let (place, engine) = idle().await;
    queue(&engine, "runs").await;
    let runs = claim_one(&engine, "runs").await;
    queue(&engine, "waits").await;
    pause(&engine).await;
    assert_eq!(claimed_at_once(&engine).await, 0);
    assert_eq!(engine.pause_reason().await.unwrap().as_deref(), Some(WHY));
    finish(&engine, &runs).await;
    // Work may still be asked for; it waits.
    queue(&engine, "runs").await;
    assert_eq!(claimed_at_once(&engine).await, 0);
    assert_eq!(words(&*place.store, "runs").await.last(), Some(&"restarted"));
    resume(&engine).await;
    assert_eq!(engine.pause_reason().await, Ok(None));
    assert_eq!(tests::place::claim(&engine, 2).await.len(), 2);
}

#[tokio::test]
async fn a_claim_that_is_sent_past_the_queue_is_refused_as_well() {
    let (_place, engine) = idle().await;
    queue(&engine, "a").await;
    pause(&engine).await;
    let claim = domain::work::Command::Claim { worker: worker(), lease_ms: domain::time::Millis(60_000) };
    let refusal = system::Refusal::DispatchingPaused { reason: WHY.to_owned() };
    assert_eq!(
        tests::place::work(&engine, "a", claim).await,
        Err(SubmitError::Refused(Refusal::System(refusal)))
    );
}

#[tokio::test]
async fn built_in_workers_stand_still_while_it_is_paused() {
    let mut place = Place::default();
    place.document("a", "alpha");
    place.shell("loud", "tr a-z A-Z");
    let engine = place.start_working(2).await;
    let paused = pause(&engine).await;
    create(&engine, settings(place.registered())).await;
    queue(&engine, "a").await;
    assert!(never_soon(&*place.store, paused, "assigned").await);
    resume(&engine).await;
    until_count(&*place.store, 1, "finished").await;
}

#[tokio::test]
async fn a_pause_survives_a_restart() {
    let (place, engine) = idle().await;
    queue(&engine, "a").await;
    pause(&engine).await;
    engine.shutdown().await;
    let engine = place.start().await;
    assert_eq!(claimed_at_once(&engine).await, 0);
    assert_eq!(engine.claim_counts().woken_for_nothing, 0, "the queue itself knows of the pause");
    resume(&engine).await;
    engine.shutdown().await;
    let engine = place.start().await;
    claim_one(&engine, "a").await;
}

/// So many claims that wait, each for one item.
async fn waiting(engine: &Engine, count: usize) -> tokio::task::JoinSet<usize> {
    let mut claims = tokio::task::JoinSet::new();
    for number in 0..count {
        let engine = engine.clone();
        let name = WorkerId::new(format!("waits-{number}")).unwrap();
        claims.spawn(async move { engine.claim(&name, 1, PATIENCE).await.unwrap().len() });
    }
    let in_line = async {
        while engine.claim_counts().waiting != count {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(PATIENCE, in_line).await.expect("everybody stands in line");
    claims
}

#[tokio::test]
async fn a_resume_wakes_as_many_of_those_who_wait_as_there_is_work_for() {
    let (place, engine) = idle().await;
    let paused = pause(&engine).await;
    let mut claims = waiting(&engine, 5).await;
    for key in ["a", "b"] {
        queue(&engine, key).await;
    }
    assert!(never_soon(&*place.store, paused, "assigned").await);
    assert_eq!(engine.claim_counts(), ClaimCounts { waiting: 5, woken: 0, woken_for_nothing: 0 });
    let resumed = resume(&engine).await;
    until_after(&*place.store, resumed, |event| word(&event.event) == "assigned").await;
    for _ in 0..2 {
        assert_eq!(claims.join_next().await.unwrap().unwrap(), 1);
    }
    assert_eq!(engine.claim_counts(), ClaimCounts { waiting: 3, woken: 2, woken_for_nothing: 0 });
}

/// How many claims go on at the same time, and how many items they share.
const CLAIMERS: usize = 8;
const ITEMS: usize = 400;

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn no_lease_lies_in_the_log_between_a_pause_and_its_resume() {
    let (place, engine) = idle().await;
    let keys: Vec<String> = (0..ITEMS).map(|number| format!("{number:04}")).collect();
    for key in keys {
        send(&engine, Command::work(id(&key), ask())).await.unwrap();
    }
    let left = Arc::new(std::sync::atomic::AtomicUsize::new(ITEMS));
    let mut claimers = tokio::task::JoinSet::new();
    for _ in 0..CLAIMERS {
        let (engine, left) = (engine.clone(), left.clone());
        claimers.spawn(async move {
            use std::sync::atomic::Ordering::SeqCst;
            while left.load(SeqCst) > 0 {
                let claimed = engine.claim(&worker(), 3, Duration::from_millis(5)).await.unwrap();
                left.fetch_sub(claimed.len(), SeqCst);
            }
        });
    }
    // Paused and resumed for as long as there is something to claim; each pause is left to stand for a moment.
    let steering = async {
        let mut pauses = 0;
        while left.load(std::sync::atomic::Ordering::SeqCst) > 0 {
            let head = pause(&engine).await;
            pauses += 1;
            assert_eq!(claimed_at_once(&engine).await, 0, "an acknowledged pause holds, after {head}");
            resume(&engine).await;
        }
        pauses
    };
    let pauses = tokio::time::timeout(PATIENCE, steering).await.expect("everything is claimed in time");
    while claimers.join_next().await.is_some() {}
    let (mut paused, mut leases) = (false, 0);
    for event in log(&*place.store).await {
        match &event.event {
            Event::System(system::Event::Paused(_)) => paused = true,
            Event::System(system::Event::Resumed) => paused = false,
            other @ (Event::KeyScope(_)
            | Event::StorageUnit(_)
            | Event::Record(_)
            | Event::Campaign(_)
            | Event::Task(_)
            | Event::Workspace(_)
            | Event::Batch(_)
            | Event::ExternalId(_)
            | Event::Ids(_)
            | Event::ApiKey(_)
            | Event::Access(_)) => {
                let is_lease = word(other) == "assigned";
                assert!(!(paused && is_lease), "a lease at {} while paused", event.position);
                leases += usize::from(is_lease);
            }
        }
    }
    assert_eq!(leases, ITEMS);
    assert!(pauses > 1, "the race was run");
}
