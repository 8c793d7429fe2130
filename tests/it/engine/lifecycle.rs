//! Start, shutdown and rebuild: what is acknowledged stays, and what is derived equals what it is derived from.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use domain::storage_unit::{Content, Settings};
use projections::fold::{Fold, all as all_views};
use projections::view::View as _;
use projections::views::KeyScopes;
use runtime::{Engine, RuntimeSettings, SubmitError};
use tests::place::{
    Place, ask, claim, create, finish, log, queue, see, settings, stream, table, until, until_after, word,
    words, work,
};
use tests::views::assert_are_folds_of;
use tokio::task::JoinSet;

// ── Shutdown ───────────────────────────────────────────────────────────────────────────────────────────────────

#[tokio::test]
async fn a_shutdown_lets_what_is_in_hand_come_to_its_end_and_claims_nothing_new() {
    let mut place = Place::default();
    let pipe = place.folder().join("pipe");
    assert!(std::process::Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    place.shell("waiting", &format!("read word < {}; cat", pipe.display()));
    place.document("a", "text");
    place.document("b", "text");
    let engine = place.start_working(1).await;
    create(&engine, Settings { modules: table(&["waiting"]), ..settings(place.registered()) }).await;
    queue(&engine, "a").await;
    queue(&engine, "b").await;
    until(&*place.store, |event| word(&event.event) == "process_started").await;
    let stopping = tokio::spawn({
        let engine = engine.clone();
        async move { engine.shutdown().await }
    });
    tokio::task::yield_now().await;
    tokio::task::spawn_blocking(move || std::fs::write(pipe, "go\n")).await.unwrap().unwrap();
    assert!(stopping.await.unwrap().in_time);
    assert_eq!(words(&*place.store, "a").await, ["queued", "assigned", "process_started", "finished"]);
    assert_eq!(words(&*place.store, "b").await, ["queued"]);
    assert_eq!(engine.views_position(), place.store.head().await.unwrap(), "the views show everything");
    assert_eq!(work(&engine, "c", ask()).await, Err(SubmitError::Stopping));
}

#[tokio::test]
async fn a_shutdown_waits_no_longer_than_its_limit_and_the_next_start_goes_on() {
    let mut place = Place::default();
    place.shell("stubborn", "test $REPRISE_ATTEMPT -gt 1 || sleep 1000; cat");
    place.settings =
        RuntimeSettings { shutdown_max: Duration::from_millis(20), ..RuntimeSettings::default() };
    place.document("a", "text");
    let engine = place.start_working(1).await;
    create(&engine, Settings { modules: table(&["stubborn"]), ..settings(place.registered()) }).await;
    queue(&engine, "a").await;
    until(&*place.store, |event| word(&event.event) == "process_started").await;
    assert!(!engine.shutdown().await.in_time);
    let _engine = place.start_working(1).await;
    until(&*place.store, |event| word(&event.event) == "finished").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_acknowledged_during_a_shutdown_is_in_the_log_and_what_is_not_is_not() {
    let place = Place::default();
    let engine = place.start().await;
    create(&engine, settings(Content::Managed)).await;
    let mut senders = JoinSet::new();
    for sender in 0..4 {
        let engine = engine.clone();
        senders.spawn(async move {
            let mut acknowledged = 0;
            loop {
                match work(&engine, &format!("{sender}-{acknowledged}"), ask()).await {
                    Ok(_) => acknowledged += 1,
                    Err(error) => return (sender, acknowledged, error),
                }
            }
        });
    }
    until(&*place.store, |event| event.position.major > 200).await;
    engine.shutdown().await;
    let mut total = 1;
    for (sender, acknowledged, error) in senders.join_all().await {
        assert_eq!(error, SubmitError::Stopping);
        for number in 0..acknowledged {
            assert_eq!(words(&*place.store, &format!("{sender}-{number}")).await, ["queued"]);
        }
        total += acknowledged;
    }
    assert_eq!(log(&*place.store).await.len(), total, "nothing was done that nobody was told of");
    assert_eq!(
        engine.views_position().major,
        total as u64,
        "the views show everything that was acknowledged"
    );
}

#[tokio::test]
async fn a_second_shutdown_has_nothing_left_to_do() {
    let place = Place::default();
    let engine = place.start_working(1).await;
    assert!(engine.shutdown().await.in_time);
    assert!(engine.shutdown().await.in_time);
}

// ── Views ──────────────────────────────────────────────────────────────────────────────────────────────────────

/// Some of everything: finished, failed, waiting, held, a campaign, records.
async fn eventful(place: &Place) -> Engine {
    place.many_documents(40);
    let engine = place.start().await;
    create(&engine, settings(place.registered())).await;
    let id = domain::names::CampaignId(engine.fresh_id());
    let target = domain::campaign::Target::all(tests::place::unit(), tests::place::scope("raw"));
    let start = domain::campaign::Start::over(target, domain::campaign::Pace::default());
    let start = domain::campaign::Command::Start(start);
    tests::place::send(&engine, domain::envelope::Command::Campaign(id, start)).await.unwrap();
    until(&*place.store, |event| word(&event.event) == "exhausted").await;
    for claimed in claim(&engine, 30).await {
        let key = claimed.id.key.to_string();
        match key.as_bytes().last().map(|last| last % 4) {
            Some(0) => drop(finish(&engine, &claimed).await),
            Some(1) => {
                let failed = tests::place::fail(&claimed, domain::retry::RetryPolicy::never());
                work(&engine, &key, failed).await.unwrap();
                queue(&engine, &key).await;
            }
            Some(2) => drop(work(&engine, &key, domain::work::Command::Hold).await.unwrap()),
            Some(_) | None => {}
        }
    }
    engine
}

async fn assert_all_are_folds(engine: &Engine) {
    let events = log(engine.store()).await;
    see(engine, events.last().unwrap().position).await;
    assert_are_folds_of(engine.read_model(), &events).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_projection_rebuilt_while_commands_run_equals_the_live_one() {
    let mut place = Place::default();
    // Small batches, so that much comes in between.
    place.settings = RuntimeSettings { batch_events_max: 7, ..RuntimeSettings::default() };
    let engine = eventful(&place).await;
    let is_over = Arc::new(AtomicBool::new(false));
    let running = tokio::spawn({
        let (engine, is_over) = (engine.clone(), is_over.clone());
        async move {
            let mut number = 0;
            while !is_over.load(Ordering::Relaxed) {
                queue(&engine, &format!("during-{number}")).await;
                number += 1;
            }
        }
    });
    for view in all_views() {
        let head = place.store.head().await.unwrap();
        until_after(&*place.store, head, |_| true).await;
        let seen = engine.views_position();
        let report = engine.rebuild(view.name(), &|_| ()).await.unwrap();
        assert_eq!((report.rows_different, report.position >= seen), (0, true), "{report:?}");
    }
    is_over.store(true, Ordering::Relaxed);
    running.await.unwrap();
    assert_all_are_folds(&engine).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_rebuilds_of_one_projection_do_not_get_in_each_others_way() {
    let mut place = Place::default();
    place.settings = RuntimeSettings { batch_events_max: 3, ..RuntimeSettings::default() };
    let engine = eventful(&place).await;
    let mut rebuilds = JoinSet::new();
    for _ in 0..4 {
        let engine = engine.clone();
        rebuilds.spawn(async move { engine.rebuild(KeyScopes::NAME, &|_| ()).await.unwrap() });
    }
    for report in rebuilds.join_all().await {
        assert_eq!(report.rows_different, 0, "{report:?}");
    }
    assert_all_are_folds(&engine).await;
}

#[tokio::test]
async fn views_that_are_many_pages_behind_are_there_again_after_the_next_start() {
    let mut place = Place::default();
    place.settings = RuntimeSettings { batch_events_max: 3, ..RuntimeSettings::default() };
    let engine = eventful(&place).await;
    engine.shutdown().await;
    drop(engine);
    std::fs::remove_file(place.folder().join("views.db")).unwrap();
    for file in ["views.db-wal", "views.db-shm"] {
        // The last connection tidies up behind itself.
        let _gone = std::fs::remove_file(place.folder().join(file));
    }
    assert_all_are_folds(&place.start().await).await;
}

#[tokio::test]
async fn views_that_were_deleted_are_there_again_after_the_next_start() {
    let place = Place::default();
    let engine = eventful(&place).await;
    engine.shutdown().await;
    drop(engine);
    for file in ["views.db", "views.db-wal", "views.db-shm"] {
        // The last connection tidies up behind itself.
        let _gone = std::fs::remove_file(place.folder().join(file));
    }
    let engine = place.start().await;
    assert_all_are_folds(&engine).await;
    // So is what may be claimed.
    assert_eq!(engine.waiting().await, log_waiting(&place).await);
}

/// How many key-scopes of the log wait for a worker.
async fn log_waiting(place: &Place) -> usize {
    let mut fold = Fold::<KeyScopes>::default();
    fold.apply(&log(&*place.store).await);
    fold.rows.values().filter(|row| row.status == projections::views::Status::Queued).count()
}

#[tokio::test]
async fn views_that_stand_still_go_on_after_a_restart() {
    let mut place = Place::default();
    place.settings =
        RuntimeSettings { read_wait_max: Duration::from_millis(5), ..RuntimeSettings::default() };
    let engine = eventful(&place).await;
    see(&engine, engine.acknowledged()).await;
    place.views.close();
    let last = queue(&engine, "unseen").await;
    assert!(!engine.wait_for_views(last.position).await);
    engine.shutdown().await;
    place.views.open();
    let engine = place.start().await;
    assert!(engine.views_position() >= last.position, "an engine that has started is up to date");
    assert_all_are_folds(&engine).await;
    assert_eq!(tests::place::state(&engine, "unseen").await.attempt_count, 0);
    assert!(log(&*place.store).await.iter().any(|event| event.stream == stream("unseen")));
}
