//! Campaigns: each document once, whatever comes in between, and never faster than allowed.

mod canary;
mod pinned;

use std::collections::BTreeMap;
use std::time::Duration;

use domain::campaign::{Command as Steer, Pace, Start, Target};
use domain::envelope::Command;
use domain::event::{Event, RecordedEvent};
use domain::names::{CampaignId, StorageUnitName};
use domain::ports::EventStore;
use domain::retry::RetryPolicy;
use domain::storage_unit;
use domain::work;
use projections::read_model;
use projections::views::{CampaignRow, CampaignState, Campaigns};
use runtime::{Accepted, Engine, RuntimeSettings};
use std::sync::Arc;
use store_memory::MemoryStore;
use tests::faults::FaultyStore;
use tests::place::{
    Place, claim, claim_one, create, fail, finish, is, log, never_soon, queue, scope, see, send, settings,
    stream, unit, until, until_after, until_count, word, work, work_event,
};

/// Starts a campaign over the scope `raw` of [`unit()`].
async fn start(engine: &Engine, pace: Pace) -> CampaignId {
    let id = CampaignId(engine.fresh_id());
    let target = Target::all(unit(), scope("raw"));
    steer(engine, id, Steer::Start(Start::over(target, pace))).await;
    id
}

async fn steer(engine: &Engine, id: CampaignId, command: Steer) -> Accepted {
    send(engine, Command::Campaign(id, command)).await.unwrap()
}

const fn in_flight(max: u32) -> Pace {
    Pace { keys_per_second_max: None, in_flight_max: Some(max) }
}

/// The campaign's row, after everything that was acknowledged.
async fn row(engine: &Engine, id: CampaignId) -> CampaignRow {
    see(engine, engine.acknowledged()).await;
    read_model::row::<Campaigns>(engine.read_model(), &id.to_string()).await.unwrap().unwrap()
}

/// The campaign on whose behalf an event asks for work.
const fn asked_by(event: &Event) -> Option<CampaignId> {
    match work_event(event) {
        Some(work::Event::Queued(queued)) if !queued.retry => queued.campaign,
        Some(work::Event::Restarted(restarted)) if !restarted.requeued => restarted.campaign,
        Some(work::Event::RequeueRequested(requested)) => requested.campaign,
        Some(_) | None => None,
    }
}

/// Checks that a campaign has asked for each of so many documents exactly once.
async fn assert_each_once(store: &dyn EventStore, id: CampaignId, documents: usize) {
    let mut times: BTreeMap<String, usize> = BTreeMap::new();
    for event in log(store).await.iter().filter(|event| asked_by(&event.event) == Some(id)) {
        *times.entry(event.stream.to_string()).or_default() += 1;
    }
    let other: Vec<_> = times.iter().filter(|(_, times)| **times != 1).collect();
    assert!(other.is_empty(), "asked for more than once: {other:?}");
    assert_eq!(times.len(), documents);
}

// ── Each once ──────────────────────────────────────────────────────────────────────────────────────────────────

#[tokio::test]
async fn a_campaign_asks_for_every_document_once() {
    const DOCUMENTS: usize = 2_300;
    let place = Place::default();
    place.many_documents(DOCUMENTS);
    let engine = place.start().await;
    create(&engine, settings(place.registered())).await;
    let id = start(&engine, Pace::default()).await;
    until(&*place.store, |event| word(&event.event) == "exhausted").await;
    assert_each_once(&*place.store, id, DOCUMENTS).await;
    let row = row(&engine, id).await;
    assert_eq!((row.keys, row.asked, row.already_waiting), (DOCUMENTS as u64, DOCUMENTS as u64, 0));
    assert_eq!(row.state, CampaignState::Active);
    // Once more on behalf of another campaign: everything waits already.
    let other = start(&engine, Pace::default()).await;
    until(&*place.store, |event| word(&event.event) == "completed").await;
    let row = self::row(&engine, other).await;
    assert_eq!((row.keys, row.asked, row.already_waiting), (DOCUMENTS as u64, 0, DOCUMENTS as u64));
}

#[tokio::test]
async fn a_campaign_over_nothing_is_completed() {
    let place = Place::default();
    let engine = place.start().await;
    create(&engine, settings(place.registered())).await;
    let id = start(&engine, Pace::default()).await;
    until(&*place.store, |event| word(&event.event) == "completed").await;
    assert_eq!(row(&engine, id).await.keys, 0);
}

#[tokio::test]
async fn a_campaign_goes_on_where_it_was_when_the_engine_was_stopped_between_two_chunks() {
    const DOCUMENTS: usize = 2_300;
    let place = Place::default();
    place.many_documents(DOCUMENTS);
    let engine = place.start().await;
    create(&engine, settings(place.registered())).await;
    let id = start(&engine, Pace::default()).await;
    until(&*place.store, |event| word(&event.event) == "advanced").await;
    engine.shutdown().await;
    let head = place.store.head().await.unwrap();
    let engine = place.start().await;
    until(&*place.store, |event| word(&event.event) == "exhausted").await;
    assert_each_once(&*place.store, id, DOCUMENTS).await;
    assert_eq!(row(&engine, id).await.asked, DOCUMENTS as u64);
    let rest = until_after(&*place.store, head, |event| asked_by(&event.event) == Some(id)).await;
    assert!(rest.position > head, "something was left to be asked for");
}

#[tokio::test]
async fn a_campaign_asks_for_nothing_twice_when_the_engine_was_stopped_in_the_middle_of_a_chunk() {
    const DOCUMENTS: usize = 1_300;
    let store = FaultyStore::over(Arc::new(MemoryStore::new()));
    let place = Place::over(store.clone());
    place.many_documents(DOCUMENTS);
    let engine = place.start().await;
    create(&engine, settings(place.registered())).await;
    // The first chunk is asked for, all but a few, and the cursor stays where it is.
    let refused = [stream("00017"), stream("00500"), stream("00999")];
    store.refuse(move |stream, event| is(event, "advanced") || refused.contains(stream));
    let id = start(&engine, Pace::default()).await;
    until_count(&*place.store, 997, "queued").await;
    store.something_was_refused().await;
    // Some of them are even done by then.
    claim_and_finish(&engine, 20).await;
    engine.shutdown().await;
    store.refuse_nothing();
    let engine = place.start().await;
    until(&*place.store, |event| word(&event.event) == "exhausted").await;
    assert_each_once(&*place.store, id, DOCUMENTS).await;
    let row = row(&engine, id).await;
    assert_eq!((row.asked, row.finished), (DOCUMENTS as u64, 20));
}

#[tokio::test]
async fn a_campaign_goes_on_by_itself_once_the_store_can_be_written_again() {
    let store = FaultyStore::over(Arc::new(MemoryStore::new()));
    let place = Place::over(store.clone());
    place.many_documents(10);
    let engine = place.start().await;
    create(&engine, settings(place.registered())).await;
    store.refuse(|_, event| is(event, "exhausted"));
    let id = start(&engine, Pace::default()).await;
    until_count(&*place.store, 10, "queued").await;
    store.something_was_refused().await;
    store.refuse_nothing();
    until(&*place.store, |event| word(&event.event) == "exhausted").await;
    assert_each_once(&*place.store, id, 10).await;
}

// ── Steering ───────────────────────────────────────────────────────────────────────────────────────────────────

/// A second unit over the same documents, whose campaign shows when a campaign would have reacted.
async fn start_beside(engine: &Engine, place: &Place, pace: Pace) -> (StorageUnitName, CampaignId) {
    let name = StorageUnitName::new("beside").unwrap();
    let create = storage_unit::Command::Create(settings(place.registered()));
    send(engine, Command::StorageUnit(name.clone(), create)).await.unwrap();
    let id = CampaignId(engine.fresh_id());
    let target = Target::all(name.clone(), scope("raw"));
    steer(engine, id, Steer::Start(Start::over(target, pace))).await;
    (name, id)
}

async fn until_asked(store: &dyn EventStore, id: CampaignId, count: usize) -> Arc<RecordedEvent> {
    let mut asked = 0;
    let wanted = |event: &RecordedEvent| {
        asked += usize::from(asked_by(&event.event) == Some(id));
        asked == count
    };
    until(store, wanted).await
}

/// Two campaigns over forty documents each, with four of each asked for: what holds one of them back must not hold the
/// other.
async fn two_under_way(place: &Place) -> (Engine, CampaignId, CampaignId) {
    place.many_documents(40);
    let engine = place.start().await;
    create(&engine, settings(place.registered())).await;
    let id = start(&engine, in_flight(4)).await;
    let (_, beside) = start_beside(&engine, place, in_flight(4)).await;
    until_asked(&*place.store, id, 4).await;
    until_asked(&*place.store, beside, 4).await;
    (engine, id, beside)
}

#[tokio::test]
async fn a_paused_campaign_asks_for_nothing_until_it_is_resumed_also_over_a_restart() {
    let place = Place::default();
    let (engine, id, beside) = two_under_way(&place).await;
    let paused = steer(&engine, id, Steer::Pause).await;
    claim_and_finish(&engine, 8).await;
    until_asked(&*place.store, beside, 8).await;
    engine.shutdown().await;
    let engine = place.start().await;
    claim_and_finish(&engine, 4).await;
    until_asked(&*place.store, beside, 12).await;
    assert_eq!(row(&engine, id).await.state, CampaignState::Paused);
    let resumed = steer(&engine, id, Steer::Resume).await;
    let fifth = until_asked(&*place.store, id, 5).await;
    assert!(fifth.position > resumed.position && resumed.position > paused.position);
}

#[tokio::test]
async fn a_cancelled_campaign_asks_for_nothing_more_and_what_is_queued_stays_queued() {
    let place = Place::default();
    let (engine, id, beside) = two_under_way(&place).await;
    steer(&engine, id, Steer::Cancel).await;
    claim_and_finish(&engine, 8).await;
    until_asked(&*place.store, beside, 8).await;
    let row = row(&engine, id).await;
    assert_eq!((row.state, row.asked, row.finished), (CampaignState::Cancelled, 4, 4));
}

#[tokio::test]
async fn a_pace_that_is_raised_takes_effect_at_once() {
    let place = Place::default();
    place.many_documents(40);
    let engine = place.start().await;
    create(&engine, settings(place.registered())).await;
    let id = start(&engine, in_flight(4)).await;
    until_asked(&*place.store, id, 4).await;
    steer(&engine, id, Steer::SetPace(in_flight(9))).await;
    until_asked(&*place.store, id, 9).await;
    assert!(never_soon(&*place.store, engine.acknowledged(), "queued").await);
}

// ── Pace ───────────────────────────────────────────────────────────────────────────────────────────────────────

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_more_than_the_pace_allows_are_in_flight_at_any_event_of_the_log() {
    const DOCUMENTS: usize = 120;
    const IN_FLIGHT_MAX: i64 = 7;
    let place = Place::default();
    place.many_documents(DOCUMENTS);
    let engine = place.start_working(3).await;
    create(&engine, settings(place.registered())).await;
    let id = start(&engine, in_flight(7)).await;
    until(&*place.store, |event| word(&event.event) == "completed").await;
    let mut open = 0;
    let mut most = 0;
    for event in log(&*place.store).await {
        open += i64::from(asked_by(&event.event) == Some(id)) - i64::from(word(&event.event) == "finished");
        most = most.max(open);
    }
    assert_eq!((open, most), (0, IN_FLIGHT_MAX));
    assert_each_once(&*place.store, id, DOCUMENTS).await;
    assert_eq!(row(&engine, id).await.finished, DOCUMENTS as u64);
    engine.shutdown().await;
}

#[tokio::test]
async fn no_more_are_asked_for_in_a_second_than_the_pace_allows() {
    const DOCUMENTS: usize = 40;
    const PER_SECOND: u32 = 80;
    /// What may come at once: the keys of a tenth of a second.
    const AT_ONCE: usize = 8;
    let place = Place::default();
    place.many_documents(DOCUMENTS);
    let engine = place.start().await;
    create(&engine, settings(place.registered())).await;
    let id = start(&engine, Pace { keys_per_second_max: Some(PER_SECOND), in_flight_max: None }).await;
    until(&*place.store, |event| word(&event.event) == "exhausted").await;
    let events = log(&*place.store).await;
    let times: Vec<_> = events
        .iter()
        .filter(|event| asked_by(&event.event) == Some(id))
        .map(|event| event.metadata.recorded_at)
        .collect();
    assert_eq!(times.len(), DOCUMENTS);
    let span = times[DOCUMENTS - 1].since(times[0]).0;
    // Half of what is due, since the first of them may be recorded late on a busy machine, and the last one in time.
    let least = (DOCUMENTS - AT_ONCE) as u64 * 1_000 / u64::from(PER_SECOND) / 2;
    assert!(span >= least, "{DOCUMENTS} keys in {span} ms, at least {least} ms must pass");
}

#[tokio::test]
async fn views_that_are_behind_do_not_let_a_campaign_exceed_its_pace() {
    let place = impatient();
    place.many_documents(40);
    let engine = place.start().await;
    create(&engine, settings(place.registered())).await;
    let id = start_with_views_behind(&engine, &place, in_flight(4)).await;
    let fourth = until_asked(&*place.store, id, 4).await;
    assert!(never_soon(&*place.store, fourth.position, "queued").await);
    place.views.open();
    claim_and_finish(&engine, 2).await;
    until_asked(&*place.store, id, 6).await;
}

/// A place where nobody waits long for the views.
fn impatient() -> Place {
    let mut place = Place::default();
    place.settings =
        RuntimeSettings { read_wait_max: Duration::from_millis(5), ..RuntimeSettings::default() };
    place
}

/// Starts a campaign whose row is there and shows none of its members, until the views are let go on.
async fn start_with_views_behind(engine: &Engine, place: &Place, pace: Pace) -> CampaignId {
    place.listings.close();
    let id = start(engine, pace).await;
    place.listings.somebody_waits().await;
    assert_eq!(row(engine, id).await.asked, 0);
    place.views.close();
    place.listings.open();
    id
}

async fn claim_and_finish(engine: &Engine, count: usize) {
    for claimed in claim(engine, count).await {
        finish(engine, &claimed).await;
    }
}

// ── The end ────────────────────────────────────────────────────────────────────────────────────────────────────

#[tokio::test]
async fn a_campaign_is_completed_once_all_its_members_are_settled_and_not_before() {
    let place = Place::default();
    place.many_documents(4);
    let engine = place.start().await;
    create(&engine, settings(place.registered())).await;
    // One is being worked on already: the campaign's own run is the one after.
    queue(&engine, "00003").await;
    let before = claim_one(&engine, "00003").await;
    let id = start(&engine, Pace::default()).await;
    until(&*place.store, |event| word(&event.event) == "exhausted").await;
    finish(&engine, &before).await;
    let members = claim(&engine, 4).await;
    finish(&engine, &members[0]).await;
    let retry = RetryPolicy { attempts_max: 2, ..RetryPolicy::never() };
    work(&engine, members[1].id.key.as_str(), fail(&members[1], retry)).await.unwrap();
    let again = claim_one(&engine, members[1].id.key.as_str()).await;
    work(&engine, members[1].id.key.as_str(), fail(&again, retry)).await.unwrap();
    finish(&engine, &members[2]).await;
    assert!(never_soon(&*place.store, engine.acknowledged(), "completed").await);
    let last = finish(&engine, &members[3]).await;
    let completed = until(&*place.store, |event| word(&event.event) == "completed").await;
    assert!(completed.position > last.position);
    let row = row(&engine, id).await;
    assert_eq!((row.asked, row.finished, row.failed, row.state), (4, 3, 1, CampaignState::Completed));
}

#[tokio::test]
async fn views_that_are_behind_do_not_let_a_campaign_end_early() {
    let place = impatient();
    place.many_documents(3);
    let engine = place.start().await;
    create(&engine, settings(place.registered())).await;
    let id = start_with_views_behind(&engine, &place, Pace::default()).await;
    let exhausted = until(&*place.store, |event| word(&event.event) == "exhausted").await;
    assert!(never_soon(&*place.store, exhausted.position, "completed").await);
    place.views.open();
    claim_and_finish(&engine, 3).await;
    until(&*place.store, |event| word(&event.event) == "completed").await;
    assert_eq!(row(&engine, id).await.finished, 3);
}
