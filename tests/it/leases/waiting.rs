//! Claims that wait: answered when work appears, each item to one of them, and nobody woken for nothing.

use std::collections::HashSet;
use std::time::Duration;

use domain::names::WorkerId;
use domain::storage_unit::Content;
use runtime::{Claim, ClaimCounts, Engine};
use serde_json::json;
use tests::place::{PATIENCE, Place, create, queue, settings, until, until_count, word, words};

use super::{ask, waiting_for_work};

/// Waits until so many claims wait.
async fn until_waiting(engine: &Engine, count: usize) {
    let waiting = async {
        while engine.claim_counts().waiting != count {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(PATIENCE, waiting).await.expect("they wait in time");
}

fn claim_of(number: usize) -> Claim {
    Claim {
        worker: WorkerId::new(format!("w{number}")).unwrap(),
        actor: None,
        version: None,
        queues: Vec::new(),
        max: 1,
        lease_ms: None,
        wait: Duration::from_secs(30),
    }
}

#[tokio::test]
async fn a_claim_that_waits_is_answered_when_work_appears() {
    let harness = waiting_for_work(&[]).await;
    let body = json!({ "worker": "w", "wait_ms": 30_000 });
    let ((), reply) = tokio::join!(
        async {
            until_waiting(&harness.engine, 1).await;
            ask(&harness, "docs", &["a"]).await;
        },
        harness.post("/v1/leases", body)
    );
    assert_eq!(reply.expect(200).json()["leases"][0]["key"], "a");
    let counts = ClaimCounts { waiting: 0, woken: 1, woken_for_nothing: 0 };
    assert_eq!(harness.engine.claim_counts(), counts);
}

#[tokio::test]
async fn a_claim_that_waits_for_other_queues_sleeps_on() {
    let harness = waiting_for_work(&[]).await;
    let other = json!({ "worker": "other", "wait_ms": 30_000, "queues": [{ "unit": "other" }] });
    let mine = json!({ "worker": "mine", "wait_ms": 30_000, "queues": [{ "unit": "docs" }] });
    tokio::select! {
        reply = harness.post("/v1/leases", other) => panic!("{}", reply.text()),
        () = async {
            until_waiting(&harness.engine, 1).await;
            let (_, reply) = tokio::join!(ask(&harness, "docs", &["a"]), harness.post("/v1/leases", mine));
            assert_eq!(reply.expect(200).json()["leases"][0]["key"], "a");
        } => {}
    }
    until_waiting(&harness.engine, 0).await;
    assert_eq!(harness.engine.claim_counts().woken_for_nothing, 0);
}

#[tokio::test]
async fn of_a_thousand_items_each_goes_to_one_of_a_thousand_waiting_workers_and_nobody_is_woken_for_nothing()
{
    const COUNT: usize = 1_000;
    let place = Place::default();
    let engine = place.start().await;
    create(&engine, settings(Content::Managed)).await;
    let claims: Vec<_> = (0..COUNT)
        .map(|number| {
            let engine = engine.clone();
            tokio::spawn(async move { engine.claim_for(claim_of(number)).await.unwrap() })
        })
        .collect();
    until_waiting(&engine, COUNT).await;
    for number in 0..COUNT {
        queue(&engine, &number.to_string()).await;
    }
    let mut keys = HashSet::new();
    for claim in claims {
        let claimed = claim.await.unwrap();
        assert_eq!(claimed.len(), 1);
        assert!(keys.insert(claimed[0].id.clone()), "{:?} went to two workers", claimed[0].id);
    }
    let counts = ClaimCounts { waiting: 0, woken: COUNT as u64, woken_for_nothing: 0 };
    assert_eq!((keys.len(), engine.claim_counts()), (COUNT, counts));
}

#[tokio::test]
async fn one_item_wakes_one_of_a_thousand_waiting_workers() {
    const COUNT: usize = 1_000;
    let place = Place::default();
    let engine = place.start().await;
    create(&engine, settings(Content::Managed)).await;
    let claims: Vec<_> = (0..COUNT)
        .map(|number| {
            let engine = engine.clone();
            tokio::spawn(async move { engine.claim_for(claim_of(number)).await })
        })
        .collect();
    until_waiting(&engine, COUNT).await;
    queue(&engine, "a").await;
    until(&*place.store, |event| word(&event.event) == "assigned").await;
    let counts = ClaimCounts { waiting: COUNT - 1, woken: 1, woken_for_nothing: 0 };
    assert_eq!(engine.claim_counts(), counts);
    claims.iter().for_each(tokio::task::JoinHandle::abort);
    until_waiting(&engine, 0).await;
}

#[tokio::test]
async fn a_worker_that_goes_away_while_it_waits_leaves_nothing_behind() {
    let place = Place::default();
    let engine = place.start().await;
    create(&engine, settings(Content::Managed)).await;
    let gone = tokio::spawn({
        let engine = engine.clone();
        async move { engine.claim_for(claim_of(1)).await }
    });
    until_waiting(&engine, 1).await;
    gone.abort();
    until_waiting(&engine, 0).await;
    queue(&engine, "a").await;
    assert_eq!(engine.claim_for(claim_of(2)).await.unwrap().len(), 1);
    assert_eq!(words(&*place.store, "a").await, ["queued", "assigned"]);
}

#[tokio::test]
async fn whatever_moment_a_worker_goes_away_in_its_item_goes_to_another() {
    const COUNT: usize = 200;
    let place = Place::default();
    let engine = place.start().await;
    create(&engine, settings(Content::Managed)).await;
    for number in 0..COUNT {
        queue(&engine, &number.to_string()).await;
    }
    // Each is looked at some times and then dropped: before, while and after its item is leased.
    for number in 0..COUNT {
        let mut claim = Box::pin(engine.claim_for(claim_of(number)));
        for _ in 0..number % 8 {
            tokio::select! {
                biased;
                claimed = &mut claim => { assert_eq!(claimed.unwrap().len(), 1); break; }
                () = tokio::task::yield_now() => {}
            }
        }
    }
    // Those that were answered keep their leases; everything else is there for somebody else.
    let mut claimed = 0;
    loop {
        let more = engine
            .claim_for(Claim { max: COUNT, wait: Duration::from_millis(200), ..claim_of(0) })
            .await
            .unwrap();
        claimed += more.len();
        if more.is_empty() {
            break;
        }
    }
    let assigned = until_count(&*place.store, COUNT, "assigned").await;
    assert!(claimed > 0 && assigned.position <= engine.acknowledged());
    assert_eq!(engine.waiting().await, 0);
}

#[tokio::test]
async fn whoever_waits_is_sent_away_when_the_engine_stops() {
    let place = Place::default();
    let engine = place.start().await;
    let waiting = tokio::spawn({
        let engine = engine.clone();
        async move { engine.claim_for(claim_of(1)).await }
    });
    until_waiting(&engine, 1).await;
    engine.shutdown().await;
    let sent_away = waiting.await.unwrap();
    assert_eq!(sent_away, Err(runtime::ClaimError::Submit(runtime::SubmitError::Stopping)));
}
