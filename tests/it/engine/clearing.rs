//! Dropping a storage unit: everything of it goes, and its name is free again, whatever comes in between.

use std::sync::Arc;

use domain::campaign::{Command as Steer, Pace, Start, Target};
use domain::envelope::Command;
use domain::key_scope;
use domain::names::{CampaignId, Key};
use domain::record::WritePolicy;
use domain::storage_unit::{self, Content};
use domain::stream::{RecordId, Subject};
use domain::work::{Phase, Work};
use projections::read_model::{self, Query};
use projections::views::{KeyScopes, Records};
use runtime::{DocumentError, Engine, SubmitError};
use store_memory::MemoryStore;
use tests::faults::FaultyStore;
use tests::place::{
    Place, claim, claim_one, create, envelope, finish, id, is, log, never_soon, queue, scope, see, send, set,
    settings, state, unit, until, until_after, until_count, word, words, work,
};

async fn drop_it(engine: &Engine) {
    set(engine, storage_unit::Command::Drop).await;
}

async fn until_cleared(place: &Place) {
    until(&*place.store, |event| word(&event.event) == "cleared").await;
}

fn record(key: &str) -> RecordId {
    RecordId { unit: unit(), key: Key::new(key).unwrap() }
}

async fn write(engine: &Engine, key: &str, text: &str) {
    let sender = |command| envelope(engine, command);
    let (id, raw, bytes) = (record(key), scope("raw"), text.as_bytes().to_vec());
    engine.write_document(&id, &raw, bytes, None, WritePolicy::Merge, sender).await.unwrap();
}

fn all(key_prefix: String) -> Query {
    Query { key_prefix, ..Query::page(1_000) }
}

/// Checks that nothing of the unit is left: neither rows, nor work, nor content.
async fn assert_nothing_left(engine: &Engine, place: &Place) {
    see(engine, place.store.head().await.unwrap()).await;
    let model = engine.read_model();
    let work = read_model::list::<KeyScopes>(model, all(KeyScopes::unit_prefix(&unit()))).await.unwrap();
    assert_eq!(work.rows, []);
    let records = read_model::list::<Records>(model, all(Records::unit_prefix(&unit()))).await.unwrap();
    assert_eq!(records.rows, []);
    for event in log(&*place.store).await {
        if let Ok(Subject::KeyScope(id)) = Subject::try_from(&event.stream) {
            let Work { phase, .. } = state(engine, id.key.as_str()).await;
            assert_eq!(phase, Phase::Idle, "{}", id.key);
        }
    }
    assert_eq!(engine.waiting().await, 0);
    let stored = place.folder().join("content").join(unit().as_str());
    assert!(!stored.exists(), "{} is left", stored.display());
}

#[tokio::test]
async fn dropping_a_unit_withdraws_everything_and_frees_its_name() {
    let place = Place::default();
    let engine = place.start().await;
    create(&engine, settings(Content::Managed)).await;
    for key in ["finished", "leased", "waiting", "held"] {
        write(&engine, key, key).await;
        queue(&engine, key).await;
    }
    let finished = claim_one(&engine, "finished").await;
    finish(&engine, &finished).await;
    let leased = claim_one(&engine, "leased").await;
    work(&engine, "held", domain::work::Command::Hold).await.unwrap();
    drop_it(&engine).await;
    let again = Command::StorageUnit(unit(), storage_unit::Command::Create(settings(Content::Managed)));
    match send(&engine, again).await {
        Err(SubmitError::Refused(refusal)) => {
            assert_eq!(refusal, storage_unit::Refusal::StillClearing.into());
            until_cleared(&place).await;
            create(&engine, settings(Content::Managed)).await;
        }
        // It was cleared in between.
        created => drop(created.unwrap()),
    }
    assert_nothing_left(&engine, &place).await;
    let gone = engine.document(&unit(), &id("held").key, &scope("raw"), 100).await;
    assert!(matches!(gone, Err(DocumentError::Content(_))), "{gone:?}");
    // The name stands for something new.
    let late = finish(&engine, &leased).await;
    assert_eq!(late.events.iter().map(word).collect::<Vec<_>>(), ["late_result_refused"]);
    write(&engine, "leased", "new").await;
    queue(&engine, "leased").await;
    let claimed = claim_one(&engine, "leased").await;
    assert!(claimed.token > leased.token);
    assert_eq!(words(&*place.store, "held").await, ["queued", "held", "withdrawn"]);
}

#[tokio::test]
async fn clearing_goes_on_after_a_restart_in_the_middle_and_withdraws_each_once() {
    const KEYS: usize = 30;
    let store = FaultyStore::over(Arc::new(MemoryStore::new()));
    let place = Place::over(store.clone());
    let engine = place.start().await;
    create(&engine, settings(Content::Managed)).await;
    for key in 0..KEYS {
        write(&engine, &key.to_string(), "text").await;
        queue(&engine, &key.to_string()).await;
    }
    store.refuse(|stream, event| {
        is(event, "cleared")
            || is(event, "deleted")
            || is(event, "withdrawn") && stream.as_str().ends_with('7')
    });
    drop_it(&engine).await;
    until_count(&*place.store, KEYS - 3, "withdrawn").await;
    store.something_was_refused().await;
    engine.shutdown().await;
    store.refuse_nothing();
    let engine = place.start().await;
    until_cleared(&place).await;
    assert_nothing_left(&engine, &place).await;
    let events = log(&*place.store).await;
    let withdrawn = events.iter().filter(|event| word(&event.event) == "withdrawn").count();
    let deleted = events.iter().filter(|event| word(&event.event) == "deleted").count();
    assert_eq!((withdrawn, deleted), (KEYS, KEYS));
}

#[tokio::test]
async fn a_campaign_under_way_leaves_nothing_behind_in_a_dropped_unit() {
    let place = Place::default();
    place.many_documents(25);
    let engine = place.start().await;
    create(&engine, settings(place.registered())).await;
    place.listings.close();
    let campaign = CampaignId(engine.fresh_id());
    let target = Target::all(unit(), scope("raw"));
    let start = Steer::Start(Start::over(target, Pace::default()));
    send(&engine, Command::Campaign(campaign, start)).await.unwrap();
    place.listings.somebody_waits().await;
    // The campaign has looked whether the unit is there, and is about to ask for its documents.
    drop_it(&engine).await;
    let dropped = engine.acknowledged();
    assert!(never_soon(&*place.store, dropped, "cleared").await, "the campaign is not over yet");
    place.listings.open();
    until_cleared(&place).await;
    assert_nothing_left(&engine, &place).await;
    let cancelled = until(&*place.store, |event| word(&event.event) == "cancelled").await;
    assert_eq!(cancelled.metadata.reason.as_deref(), Some("its storage unit was dropped"));
}

#[tokio::test]
async fn a_paused_campaign_does_not_keep_a_dropped_unit_from_being_cleared() {
    let place = Place::default();
    place.many_documents(25);
    let engine = place.start().await;
    create(&engine, settings(place.registered())).await;
    let campaign = CampaignId(engine.fresh_id());
    let pace = Pace { keys_per_second_max: None, in_flight_max: Some(3) };
    let target = Target::all(unit(), scope("raw"));
    send(&engine, Command::Campaign(campaign, Steer::Start(Start::over(target, pace)))).await.unwrap();
    until_count(&*place.store, 3, "queued").await;
    send(&engine, Command::Campaign(campaign, Steer::Pause)).await.unwrap();
    drop_it(&engine).await;
    until_cleared(&place).await;
    assert_nothing_left(&engine, &place).await;
    // Documents of a registered folder are not the engine's own.
    assert!(place.documents().join("00000").exists());
}

#[tokio::test]
async fn a_withdrawn_member_is_settled_for_its_campaign() {
    let place = Place::default();
    place.many_documents(5);
    let engine = place.start().await;
    create(&engine, settings(place.registered())).await;
    let campaign = CampaignId(engine.fresh_id());
    let target = Target::all(unit(), scope("raw"));
    let start = Steer::Start(Start::over(target, Pace::default()));
    send(&engine, Command::Campaign(campaign, start)).await.unwrap();
    let exhausted = until(&*place.store, |event| word(&event.event) == "exhausted").await;
    for claimed in claim(&engine, 2).await {
        finish(&engine, &claimed).await;
    }
    drop_it(&engine).await;
    until_after(&*place.store, exhausted.position, |event| word(&event.event) == "cleared").await;
    let withdrawn: Vec<_> = log(&*place.store)
        .await
        .iter()
        .filter_map(|event| match &event.event {
            domain::event::Event::KeyScope(key_scope::Event::Withdrawn(withdrawn)) => withdrawn.campaign,
            domain::event::Event::KeyScope(key_scope::Event::Work(_))
            | domain::event::Event::StorageUnit(_)
            | domain::event::Event::Record(_)
            | domain::event::Event::Campaign(_)
            | domain::event::Event::Task(_)
            | domain::event::Event::Workspace(_)
            | domain::event::Event::Batch(_)
            | domain::event::Event::ExternalId(_)
            | domain::event::Event::Ids(_)
            | domain::event::Event::System(_)
            | domain::event::Event::ApiKey(_)
            | domain::event::Event::Access(_) => None,
        })
        .collect();
    assert_eq!(withdrawn, [campaign; 3]);
}
