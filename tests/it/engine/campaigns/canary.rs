//! Canaries: the first keys go first, and what becomes of them decides about the rest, over restarts too.

use domain::campaign::{Canary, CanarySize, Share, StopWhen, Then};
use projections::views::CanaryState;

use super::*;

fn canary(size: CanarySize, then: Then) -> Canary {
    let failed_share_max = Some(Share::new(0.4).unwrap());
    Canary { size, stop_when: StopWhen { failed_share_max, changed_share_max: None }, then }
}

/// A unit with ten documents, and a campaign over them whose canary is asked for.
async fn with_canary(place: &Place, canary: Canary, size: usize) -> (Engine, CampaignId) {
    place.many_documents(10);
    let engine = place.start().await;
    create(&engine, settings(place.registered())).await;
    let id = CampaignId(engine.fresh_id());
    let target = Target::all(unit(), scope("raw"));
    let start = Start { canary: Some(canary), ..Start::over(target, Pace::default()) };
    steer(&engine, id, Steer::Start(start)).await;
    until_asked(&*place.store, id, size).await;
    (engine, id)
}

async fn fail_all(engine: &Engine, count: usize) {
    for claimed in claim(engine, count).await {
        work(engine, claimed.id.key.as_str(), fail(&claimed, RetryPolicy::never())).await.unwrap();
    }
}

async fn until_word(place: &Place, name: &str) -> Arc<RecordedEvent> {
    until(&*place.store, |event| word(&event.event) == name).await
}

#[tokio::test]
async fn the_rest_follows_by_itself_once_the_canary_has_settled_and_not_before() {
    let place = Place::default();
    let (engine, id) = with_canary(&place, canary(CanarySize::Keys(3), Then::Continue), 3).await;
    claim_and_finish(&engine, 2).await;
    assert!(never_soon(&*place.store, engine.acknowledged(), "queued").await);
    fail_all(&engine, 1).await;
    let passed = until_word(&place, "canary_passed").await;
    let fourth = until_asked(&*place.store, id, 4).await;
    assert!(fourth.position > passed.position);
    claim_and_finish(&engine, 7).await;
    until_word(&place, "completed").await;
    let row = row(&engine, id).await;
    let tally = row.canary.unwrap().tally.unwrap();
    assert_eq!((tally.asked, tally.finished, tally.failed, row.asked), (3, 2, 1, 10));
}

#[tokio::test]
async fn a_canary_that_passed_waits_for_somebody_when_it_is_told_to_also_over_a_restart() {
    let place = Place::default();
    let (engine, id) = with_canary(&place, canary(CanarySize::Keys(3), Then::Wait), 3).await;
    claim_and_finish(&engine, 3).await;
    let passed = until_word(&place, "canary_passed").await;
    engine.shutdown().await;
    let engine = place.start().await;
    assert!(never_soon(&*place.store, passed.position, "queued").await);
    let waiting = row(&engine, id).await;
    assert_eq!((waiting.state, waiting.asked), (CampaignState::Waiting, 3));
    assert!(waiting.stands_still().is_some());
    let resumed = steer(&engine, id, Steer::Resume).await;
    let fourth = until_asked(&*place.store, id, 4).await;
    assert!(fourth.position > resumed.position);
}

#[tokio::test]
async fn a_canary_that_broke_a_rule_stops_the_rest_until_somebody_overrules_it() {
    let place = Place::default();
    let (engine, id) = with_canary(&place, canary(CanarySize::Keys(3), Then::Continue), 3).await;
    claim_and_finish(&engine, 1).await;
    fail_all(&engine, 2).await;
    let stopped = until_word(&place, "canary_stopped").await;
    engine.shutdown().await;
    let engine = place.start().await;
    assert!(never_soon(&*place.store, stopped.position, "queued").await);
    let standing = row(&engine, id).await;
    assert_eq!((standing.state, standing.asked, standing.failed), (CampaignState::Stopped, 3, 2));
    let why = standing.stands_still().unwrap();
    assert!(why.contains("2 of 3 failed"), "{why}");
    steer(&engine, id, Steer::Resume).await;
    until_asked(&*place.store, id, 10).await;
    let row = row(&engine, id).await;
    assert_eq!(row.canary.unwrap().state, CanaryState::Overruled);
    assert_each_once(&*place.store, id, 10).await;
}

#[tokio::test]
async fn a_stopped_campaign_can_be_cancelled() {
    let place = Place::default();
    let (engine, id) = with_canary(&place, canary(CanarySize::Keys(2), Then::Continue), 2).await;
    fail_all(&engine, 2).await;
    until_word(&place, "canary_stopped").await;
    let cancelled = steer(&engine, id, Steer::Cancel).await;
    assert!(never_soon(&*place.store, cancelled.position, "queued").await);
    assert_eq!(row(&engine, id).await.state, CampaignState::Cancelled);
}

#[tokio::test]
async fn a_percentage_is_one_of_the_keys_that_there_are() {
    let place = Place::default();
    let (engine, id) = with_canary(&place, canary(CanarySize::Percent(25), Then::Continue), 3).await;
    assert!(never_soon(&*place.store, engine.acknowledged(), "restarted").await);
    let row = row(&engine, id).await;
    assert_eq!((row.total, row.asked, row.canary.unwrap().keys), (Some(10), 3, Some(3)));
    claim_and_finish(&engine, 3).await;
    until_asked(&*place.store, id, 10).await;
}

#[tokio::test]
async fn a_canary_goes_on_where_it_was_when_the_engine_was_stopped_in_the_middle_of_it() {
    let store = FaultyStore::over(Arc::new(MemoryStore::new()));
    let place = Place::over(store.clone());
    let refused = stream("00001");
    store.refuse(move |stream, event| is(event, "advanced") || *stream == refused);
    let (engine, id) = with_canary(&place, canary(CanarySize::Keys(3), Then::Continue), 2).await;
    store.something_was_refused().await;
    claim_and_finish(&engine, 2).await;
    engine.shutdown().await;
    store.refuse_nothing();
    let engine = place.start().await;
    until_asked(&*place.store, id, 3).await;
    assert!(never_soon(&*place.store, engine.acknowledged(), "canary_passed").await);
    claim_and_finish(&engine, 1).await;
    until_word(&place, "canary_passed").await;
    claim_and_finish(&engine, 7).await;
    until_word(&place, "completed").await;
    assert_each_once(&*place.store, id, 10).await;
    let tally = row(&engine, id).await.canary.unwrap().tally.unwrap();
    assert_eq!((tally.asked, tally.finished), (3, 3));
}

#[tokio::test]
async fn a_canary_is_not_judged_while_its_campaign_is_paused() {
    let place = Place::default();
    let (engine, id) = with_canary(&place, canary(CanarySize::Keys(2), Then::Continue), 2).await;
    let paused = steer(&engine, id, Steer::Pause).await;
    claim_and_finish(&engine, 2).await;
    assert!(never_soon(&*place.store, paused.position, "canary_passed").await);
    steer(&engine, id, Steer::Resume).await;
    until_word(&place, "canary_passed").await;
    until_asked(&*place.store, id, 10).await;
}
