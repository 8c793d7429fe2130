//! Campaigns whose keys are pinned before they begin: exactly these, whatever happens meanwhile.

use domain::aggregate::{Aggregate, Refusal};
use domain::campaign::{self, Campaign, Pinned, Started};
use domain::digest::Digest;
use domain::filter::Filter;
use domain::ports::NewEvent;
use domain::stream::Subject;
use domain::work::Status;
use runtime::{SubmitError, Targets};

use super::*;

fn target(filter: Filter) -> Target {
    Target::matching(unit(), scope("raw"), filter)
}

fn finished() -> Filter {
    Filter { ever_finished: Some(true), ..Filter::default() }
}

fn failed() -> Filter {
    Filter { status: Some(Status::Failed), ..Filter::default() }
}

async fn try_start(engine: &Engine, id: CampaignId, start: Start) -> Result<Accepted, SubmitError> {
    send(engine, Command::Campaign(id, Steer::Start(start))).await
}

/// Starts a campaign over what matches.
async fn start_over(engine: &Engine, filter: Filter) -> CampaignId {
    let id = CampaignId(engine.fresh_id());
    try_start(engine, id, Start::over(target(filter), Pace::default())).await.unwrap();
    id
}

async fn targets(engine: &Engine, filter: Filter) -> Targets {
    engine.targets(&target(filter)).await.unwrap()
}

fn names(targets: &Targets) -> Vec<&str> {
    targets.keys.iter().map(|key| key.as_str()).collect()
}

/// A place with so many documents, each of which has finished once.
async fn all_done(place: &Place, documents: usize) -> Engine {
    place.many_documents(documents);
    let engine = place.start().await;
    create(&engine, settings(place.registered())).await;
    start(&engine, Pace::default()).await;
    until(&*place.store, |event| word(&event.event) == "exhausted").await;
    claim_and_finish(&engine, documents).await;
    until(&*place.store, |event| word(&event.event) == "completed").await;
    see(&engine, engine.acknowledged()).await;
    engine
}

async fn is_absent(engine: &Engine, id: CampaignId) -> bool {
    let aggregate = engine.inspect(Subject::Campaign(id)).await.unwrap();
    aggregate == Aggregate::Campaign(Box::new(Campaign::Absent))
}

fn started_event(event: &Event) -> Option<&Started> {
    match event {
        Event::Campaign(campaign::Event::Started(started)) => Some(started),
        Event::Campaign(_)
        | Event::StorageUnit(_)
        | Event::KeyScope(_)
        | Event::Record(_)
        | Event::Task(_)
        | Event::Workspace(_)
        | Event::Batch(_)
        | Event::ExternalId(_)
        | Event::Ids(_)
        | Event::System(_)
        | Event::ApiKey(_)
        | Event::Access(_) => None,
    }
}

/// Whether an event to be written pins this key.
fn pins(event: &NewEvent, key: &str) -> bool {
    match &event.event {
        Event::Campaign(campaign::Event::TargetsPinned(pinned)) => {
            pinned.keys.iter().any(|pinned| pinned.as_str() == key)
        }
        Event::Campaign(_)
        | Event::StorageUnit(_)
        | Event::KeyScope(_)
        | Event::Record(_)
        | Event::Task(_)
        | Event::Workspace(_)
        | Event::Batch(_)
        | Event::ExternalId(_)
        | Event::Ids(_)
        | Event::System(_)
        | Event::ApiKey(_)
        | Event::Access(_) => false,
    }
}

#[tokio::test]
async fn a_campaign_with_a_filter_visits_what_matched_when_it_began_and_nothing_else() {
    let place = Place::default();
    place.many_documents(6);
    let engine = place.start().await;
    create(&engine, settings(place.registered())).await;
    for key in ["00000", "00001", "00002", "00003"] {
        queue(&engine, key).await;
    }
    for (number, claimed) in claim(&engine, 4).await.iter().enumerate() {
        if number < 2 {
            work(&engine, claimed.id.key.as_str(), fail(claimed, RetryPolicy::never())).await.unwrap();
        } else {
            finish(&engine, claimed).await;
        }
    }
    let before = targets(&engine, failed()).await;
    assert_eq!(names(&before), ["00000", "00001"]);
    let id = start_over(&engine, failed()).await;
    let begun = until(&*place.store, |event| {
        started_event(&event.event).is_some_and(|started| started.pinned == Some(before.pinned()))
    })
    .await;
    // Its own doing changes their status at once, and another one fails meanwhile.
    queue(&engine, "00002").await;
    for claimed in claim(&engine, 3).await {
        work(&engine, claimed.id.key.as_str(), fail(&claimed, RetryPolicy::never())).await.unwrap();
    }
    let end = until_after(&*place.store, begun.position, |event| word(&event.event) == "completed").await;
    let asked: Vec<_> = log(&*place.store).await;
    let asked: Vec<_> = asked.iter().filter(|event| asked_by(&event.event) == Some(id)).collect();
    let streams: Vec<_> = asked.iter().map(|event| event.stream.clone()).collect();
    assert_eq!(streams, [stream("00000"), stream("00001")]);
    assert!(asked.iter().all(|event| event.position > begun.position && event.position < end.position));
    let row = row(&engine, id).await;
    assert_eq!((row.total, row.asked, row.failed), (Some(2), 2, 2));
    assert_eq!(names(&targets(&engine, failed()).await), ["00000", "00001", "00002"]);
}

#[tokio::test]
async fn pinned_keys_are_visited_once_each_also_when_the_engine_was_stopped_in_the_middle() {
    const DOCUMENTS: usize = 1_150;
    let store = FaultyStore::over(Arc::new(MemoryStore::new()));
    let place = Place::over(store.clone());
    let engine = all_done(&place, DOCUMENTS).await;
    let refused = [stream("00017"), stream("00500")];
    store.refuse(move |stream, event| is(event, "advanced") || refused.contains(stream));
    let id = start_over(&engine, finished()).await;
    until_asked(&*place.store, id, 998).await;
    store.something_was_refused().await;
    engine.shutdown().await;
    store.refuse_nothing();
    let engine = place.start().await;
    until_count(&*place.store, 2, "exhausted").await;
    assert_each_once(&*place.store, id, DOCUMENTS).await;
    let row = row(&engine, id).await;
    assert_eq!((row.total, row.keys), (Some(DOCUMENTS as u64), DOCUMENTS as u64));
    assert_eq!((row.asked, row.already_waiting), (DOCUMENTS as u64, 0));
}

#[tokio::test]
async fn a_start_that_is_cut_off_while_its_keys_are_pinned_never_began() {
    const DOCUMENTS: usize = 1_150;
    let store = FaultyStore::over(Arc::new(MemoryStore::new()));
    let place = Place::over(store.clone());
    let engine = all_done(&place, DOCUMENTS).await;
    let head = place.store.head().await.unwrap();
    // The first piece is written, the second is not, and then nothing of the campaign can be written any more.
    store.refuse(|_, event| pins(event, "01100") || is(event, "targets_abandoned"));
    let id = CampaignId(engine.fresh_id());
    let start = Start::over(target(finished()), Pace::default());
    let cut = try_start(&engine, id, start.clone()).await;
    assert!(matches!(cut, Err(SubmitError::Unavailable(_))), "{cut:?}");
    until_after(&*place.store, head, |event| word(&event.event) == "targets_pinned").await;
    engine.shutdown().await;
    store.refuse_nothing();
    let engine = place.start().await;
    let abandoned = until(&*place.store, |event| word(&event.event) == "targets_abandoned").await;
    let why = "the engine ended before every key was recorded";
    assert_eq!(abandoned.metadata.reason.as_deref(), Some(why));
    assert!(is_absent(&engine, id).await);
    see(&engine, engine.acknowledged()).await;
    let rows = read_model::row::<Campaigns>(engine.read_model(), &id.to_string()).await.unwrap();
    assert_eq!(rows, None);
    assert!(!log(&*place.store).await.iter().any(|event| asked_by(&event.event) == Some(id)));
    // It may be started again under the same id, over what there is then.
    try_start(&engine, id, start).await.unwrap();
    until_count(&*place.store, 2, "exhausted").await;
    assert_each_once(&*place.store, id, DOCUMENTS).await;
}

#[tokio::test]
async fn a_start_that_fails_after_its_keys_were_pinned_leaves_nothing_behind() {
    let store = FaultyStore::over(Arc::new(MemoryStore::new()));
    let place = Place::over(store.clone());
    let engine = all_done(&place, 3).await;
    let head = place.store.head().await.unwrap();
    store.refuse(|_, event| is(event, "started"));
    let id = CampaignId(engine.fresh_id());
    let start = Start::over(target(finished()), Pace::default());
    assert!(try_start(&engine, id, start.clone()).await.is_err());
    until_after(&*place.store, head, |event| word(&event.event) == "targets_abandoned").await;
    store.refuse_nothing();
    assert!(is_absent(&engine, id).await);
    try_start(&engine, id, start).await.unwrap();
}

#[tokio::test]
async fn a_campaign_over_other_keys_than_expected_records_nothing() {
    let place = Place::default();
    let engine = all_done(&place, 3).await;
    let previewed = targets(&engine, finished()).await;
    place.document("99999", "new");
    queue(&engine, "99999").await;
    claim_and_finish(&engine, 1).await;
    let head = place.store.head().await.unwrap();
    let expecting =
        |expect: Digest| Start { expect: Some(expect), ..Start::over(target(finished()), Pace::default()) };
    let id = CampaignId(engine.fresh_id());
    let refused = try_start(&engine, id, expecting(previewed.digest)).await;
    let now = targets(&engine, finished()).await.pinned();
    let Pinned { keys, digest: found } = now;
    let changed = campaign::Refusal::TargetsChanged { expected: previewed.digest, found, keys };
    assert_eq!(refused, Err(SubmitError::Refused(Refusal::Campaign(changed))));
    assert_eq!((keys, place.store.head().await.unwrap()), (4, head));
    try_start(&engine, id, expecting(now.digest)).await.unwrap();
}

#[tokio::test]
async fn a_campaign_over_every_key_is_pinned_when_its_sender_expects_certain_ones() {
    let place = Place::default();
    place.many_documents(3);
    let engine = place.start().await;
    create(&engine, settings(place.registered())).await;
    let every = Target::all(unit(), scope("raw"));
    let expected = engine.targets(&every).await.unwrap();
    let id = CampaignId(engine.fresh_id());
    place.listings.close();
    let start = Start { expect: Some(expected.digest), ..Start::over(every, Pace::default()) };
    let starting = try_start(&engine, id, start);
    let opening = async {
        place.listings.somebody_waits().await;
        place.listings.open();
    };
    let (started, ()) = tokio::join!(starting, opening);
    started.unwrap();
    // A document that comes now is none of its own.
    place.document("99999", "new");
    until(&*place.store, |event| word(&event.event) == "exhausted").await;
    assert_each_once(&*place.store, id, 3).await;
}

#[tokio::test]
async fn more_keys_than_the_limit_are_refused_and_nothing_is_recorded() {
    let mut place = Place::default();
    place.settings = RuntimeSettings { campaign_keys_max: 2, ..RuntimeSettings::default() };
    let engine = all_done(&place, 3).await;
    let head = place.store.head().await.unwrap();
    let id = CampaignId(engine.fresh_id());
    let refused = try_start(&engine, id, Start::over(target(finished()), Pace::default())).await;
    assert_eq!(refused, Err(SubmitError::TooManyKeys { keys_max: 2 }));
    let every = engine.targets(&Target::all(unit(), scope("raw"))).await;
    assert_eq!(every, Err(SubmitError::TooManyKeys { keys_max: 2 }));
    assert_eq!(place.store.head().await.unwrap(), head);
    let two = Filter { key_prefix: Some("00001".to_owned()), ..finished() };
    start_over(&engine, two).await;
}

#[tokio::test]
async fn a_chunk_that_is_repeated_restarts_nothing_that_somebody_else_has_asked_for_since() {
    let store = FaultyStore::over(Arc::new(MemoryStore::new()));
    let place = Place::over(store.clone());
    place.many_documents(3);
    let engine = place.start().await;
    create(&engine, settings(place.registered())).await;
    store.refuse(|_, event| is(event, "advanced"));
    let id = start(&engine, Pace::default()).await;
    until_count(&*place.store, 3, "queued").await;
    store.something_was_refused().await;
    claim_and_finish(&engine, 3).await;
    queue(&engine, "00001").await;
    claim_and_finish(&engine, 1).await;
    engine.shutdown().await;
    store.refuse_nothing();
    let engine = place.start().await;
    until(&*place.store, |event| word(&event.event) == "completed").await;
    let restarts = log(&*place.store).await.iter().filter(|event| word(&event.event) == "restarted").count();
    assert_eq!(restarts, 1);
    let row = row(&engine, id).await;
    assert_eq!((row.keys, row.asked, row.already_waiting, row.finished), (3, 3, 0, 3));
}
