//! The built-in worker: reads a document, runs the scope's modules over it, keeps what they made, and reports.

use std::path::PathBuf;
use std::process::Command as Program;
use std::sync::Arc;
use std::time::Duration;

use domain::digest::Digest;
use domain::envelope::Command;
use domain::event::RecordedEvent;
use domain::names::Key;
use domain::ports::{Direction, EventStore};
use domain::storage_unit::{self, Content, Limits, ModuleEntry, ModuleTable, Settings};
use domain::stream::{RecordId, Version};
use domain::time::Millis;
use domain::work::{self, Change, Failed, Finished, UnassignCause};
use runtime::{Engine, RuntimeSettings};
use sha2::{Digest as _, Sha256};
use tests::place::{
    PATIENCE, Place, create, queue, scope, send, set, settings, stream, table, unit, until, until_after,
    word, words, work_event,
};

fn sha256(bytes: &[u8]) -> Digest {
    Digest(Sha256::digest(bytes).into())
}

/// A place with one document `a` and an engine with one worker whose unit runs these modules.
async fn working(place: &Place, modules: ModuleTable) -> Engine {
    let engine = place.start_working(1).await;
    create(&engine, Settings { modules, ..settings(place.registered()) }).await;
    engine
}

/// Asks for the work on a key and gives its end.
async fn run(place: &Place, engine: &Engine, key: &str) -> Arc<RecordedEvent> {
    let asked = queue(engine, key).await;
    ended_after(&*place.store, key, asked.position).await
}

async fn ended_after(
    store: &dyn EventStore,
    key: &str,
    after: domain::stream::Position,
) -> Arc<RecordedEvent> {
    let ends = |event: &RecordedEvent| matches!(word(&event.event), "finished" | "failed");
    until_after(store, after, |event| event.stream == stream(key) && ends(event)).await
}

fn finished(event: &RecordedEvent) -> &Finished {
    match work_event(&event.event) {
        Some(work::Event::Finished(finished)) => finished,
        other => panic!("{other:?}"),
    }
}

fn failed(event: &RecordedEvent) -> &Failed {
    match work_event(&event.event) {
        Some(work::Event::Failed(failed)) => failed,
        other => panic!("{other:?}"),
    }
}

// ── Results ────────────────────────────────────────────────────────────────────────────────────────────────────

#[tokio::test]
async fn a_result_is_kept_as_a_scope_of_the_record_and_named_in_the_event() {
    let mut place = Place::default();
    place.shell("shout", "tr a-z A-Z");
    place.document("a", "quiet");
    let mut modules = table(&["shout", "sha256sum"]);
    modules.modules.get_mut(&scope("raw")).unwrap()[0].output_scope = Some(scope("loud"));
    let engine = working(&place, modules).await;
    let end = run(&place, &engine, "a").await;
    let outputs = &finished(&end).outputs;
    let summary = format!("{}  -\n", sha256(b"quiet").to_string().trim_start_matches("sha256:"));
    assert_eq!(
        outputs.iter().map(|output| output.digest).collect::<Vec<_>>(),
        [sha256(b"QUIET"), sha256(summary.as_bytes())]
    );
    assert_eq!(
        (outputs[0].size_bytes, outputs[0].scope.clone(), outputs[1].scope.clone()),
        (5, Some(scope("loud")), None)
    );
    let both = [sha256(b"QUIET").0, sha256(summary.as_bytes()).0].concat();
    assert_eq!(finished(&end).digest, sha256(&both));
    let kept = engine.document(&unit(), &Key::new("a").unwrap(), &scope("loud"), 1_000).await;
    assert_eq!(kept, Ok(b"QUIET".to_vec()));
    let record = engine.record(&RecordId { unit: unit(), key: Key::new("a").unwrap() }).await.unwrap();
    assert_eq!(record.scopes.get(&scope("loud")).map(|stored| stored.digest), Some(sha256(b"QUIET")));
    assert_eq!(engine.scopes(&unit(), &Key::new("a").unwrap()).await, Ok(vec![scope("loud"), scope("raw")]));
}

#[tokio::test]
async fn each_run_says_whether_it_produced_what_the_last_one_did() {
    let place = Place::default();
    place.document("a", "one");
    let engine = working(&place, table(&["cat"])).await;
    let mut seen = Vec::new();
    for text in ["one", "one", "two", "one"] {
        place.document("a", text);
        let end = run(&place, &engine, "a").await;
        assert_eq!(finished(&end).digest, sha256(text.as_bytes()));
        seen.push(finished(&end).change);
    }
    assert_eq!(seen, [Change::First, Change::Same, Change::Changed, Change::Changed]);
}

#[tokio::test]
async fn a_module_sees_the_units_settings_overlaid_with_those_of_its_entry() {
    let mut place = Place::default();
    place.shell("settings", "printf %s \"$REPRISE_SETTINGS\"");
    place.document("a", "");
    let mut modules: ModuleTable = table(&["settings"]);
    modules.settings = serde_json::from_str(r#"{"language": "en", "depth": 1}"#).unwrap();
    let entry: &mut ModuleEntry = &mut modules.modules.get_mut(&scope("raw")).unwrap()[0];
    entry.settings = serde_json::from_str(r#"{"depth": 2}"#).unwrap();
    let engine = working(&place, modules).await;
    let end = run(&place, &engine, "a").await;
    assert_eq!(finished(&end).digest, sha256(br#"{"depth":2,"language":"en"}"#));
}

#[tokio::test]
async fn modules_that_are_attached_later_are_run_over_what_waits_already() {
    let place = Place::default();
    place.document("a", "text");
    let engine = working(&place, ModuleTable::default()).await;
    let asked = queue(&engine, "a").await;
    set(&engine, storage_unit::Command::SetModules(table(&["cat"]))).await;
    assert_eq!(finished(&*ended_after(&*place.store, "a", asked.position).await).digest, sha256(b"text"));
}

// ── Failures ───────────────────────────────────────────────────────────────────────────────────────────────────

#[tokio::test]
async fn what_cannot_be_read_fails_with_its_reason_and_is_not_tried_again() {
    let place = Place::default();
    place.document("large", "twenty bytes of text");
    let engine = working(&place, table(&["cat"])).await;
    let limits = Limits { input_bytes_max: 19, ..Limits::default() };
    set(&engine, storage_unit::Command::SetLimits(limits)).await;
    for (key, code) in
        [("large", "input_too_large"), ("missing", "input_not_found"), ("../outside", "input_outside")]
    {
        let end = run(&place, &engine, key).await;
        assert_eq!((failed(&end).code.as_str(), failed(&end).retry_at), (code, None), "{end:?}");
        assert_eq!(words(&*place.store, key).await, ["queued", "assigned", "process_started", "failed"]);
    }
    let limits = Limits { input_bytes_max: 20, ..Limits::default() };
    set(&engine, storage_unit::Command::SetLimits(limits)).await;
    finished(&*run(&place, &engine, "large").await);
}

#[tokio::test]
async fn a_program_that_fails_is_run_again_as_often_as_its_module_or_its_entry_says() {
    let mut place = Place::default();
    place.shell("grumble", "echo \"attempt $REPRISE_ATTEMPT\" >&2; exit 3");
    place.document("a", "text");
    let mut modules = table(&["grumble"]);
    let engine = working(&place, modules.clone()).await;
    let end = run(&place, &engine, "a").await;
    assert_eq!(
        (failed(&end).code.as_str(), failed(&end).text.trim(), failed(&end).retry_at),
        ("exit_3", "attempt 1", None)
    );
    let retry =
        domain::retry::RetryPolicy { attempts_max: 3, backoff_ms: Millis(1), backoff_ms_max: Millis(1) };
    modules.modules.get_mut(&scope("raw")).unwrap()[0].retry = Some(retry);
    set(&engine, storage_unit::Command::SetModules(modules)).await;
    let asked = queue(&engine, "a").await;
    let last = until_after(&*place.store, asked.position, |event| {
        matches!(work_event(&event.event), Some(work::Event::Failed(failed)) if failed.retry_at.is_none())
    })
    .await;
    assert_eq!(
        (failed(&last).failures, failed(&last).attempt, failed(&last).text.trim()),
        (3, 4, "attempt 4")
    );
}

#[tokio::test]
async fn work_for_a_module_that_is_not_defined_here_is_left_to_others() {
    let place = Place::default();
    place.document("a", "text");
    let engine = working(&place, table(&["elsewhere"])).await;
    queue(&engine, "a").await;
    let claimed = tests::place::claim_one(&engine, "a").await;
    tests::place::finish(&engine, &claimed).await;
    assert_eq!(words(&*place.store, "a").await, ["queued", "assigned", "process_started", "finished"]);
}

// ── Leases ─────────────────────────────────────────────────────────────────────────────────────────────────────

/// A module that waits for a word, and then gives the document.
struct Waiting(PathBuf);

impl Waiting {
    fn module(place: &mut Place) -> Self {
        let pipe = place.folder().join("pipe");
        assert!(Program::new("mkfifo").arg(&pipe).status().unwrap().success());
        place.shell("waiting", &format!("read word < {}; cat", pipe.display()));
        Self(pipe)
    }

    /// Lets one program go on, once it waits.
    async fn let_go(&self) {
        let pipe = self.0.clone();
        let word = tokio::task::spawn_blocking(move || std::fs::write(pipe, "go\n"));
        tokio::time::timeout(PATIENCE, word).await.expect("a program waits").unwrap().unwrap();
    }
}

#[tokio::test]
async fn a_result_that_comes_after_a_reset_is_not_used() {
    let mut place = Place::default();
    let waiting = Waiting::module(&mut place);
    place.document("a", "text");
    let mut modules = table(&["waiting"]);
    modules.modules.get_mut(&scope("raw")).unwrap()[0].output_scope = Some(scope("kept"));
    let engine = working(&place, modules).await;
    let asked = queue(&engine, "a").await;
    until(&*place.store, |event| word(&event.event) == "process_started").await;
    assert_eq!(engine.reset_queue(&unit(), &domain::names::Actor::system(), None).await, Ok(1));
    waiting.let_go().await;
    until(&*place.store, |event| word(&event.event) == "late_result_refused").await;
    let record = RecordId { unit: unit(), key: Key::new("a").unwrap() };
    assert!(engine.record(&record).await.unwrap().scopes.is_empty());
    waiting.let_go().await;
    finished(&*ended_after(&*place.store, "a", asked.position).await);
    let attempt = ["assigned", "process_started"];
    let expected =
        [&["queued"][..], &attempt, &["unassigned", "late_result_refused"], &attempt, &["finished"]].concat();
    assert_eq!(words(&*place.store, "a").await, expected);
}

#[tokio::test]
async fn a_worker_keeps_its_lease_alive_as_long_as_its_program_runs() {
    let mut place = Place::default();
    let waiting = Waiting::module(&mut place);
    place.document("a", "text");
    let engine = working(&place, table(&["waiting"])).await;
    let limits = Limits { lease_ms: Millis(900), ..Limits::default() };
    set(&engine, storage_unit::Command::SetLimits(limits)).await;
    let asked = queue(&engine, "a").await;
    let mut extended = 0;
    until(&*place.store, |event| {
        extended += usize::from(word(&event.event) == "lease_extended");
        extended == 2
    })
    .await;
    waiting.let_go().await;
    finished(&*ended_after(&*place.store, "a", asked.position).await);
    assert!(!words(&*place.store, "a").await.contains(&"unassigned"));
}

#[tokio::test]
async fn leases_of_workers_in_a_process_that_has_ended_are_taken_back_at_the_start() {
    let mut place = Place::default();
    // The first attempt never ends by itself.
    place.shell("stubborn", "test $REPRISE_ATTEMPT -gt 1 || sleep 1000; cat");
    place.settings = RuntimeSettings { shutdown_max: Duration::ZERO, ..RuntimeSettings::default() };
    place.document("a", "text");
    let engine = working(&place, table(&["stubborn"])).await;
    let asked = queue(&engine, "a").await;
    until(&*place.store, |event| word(&event.event) == "process_started").await;
    let report = engine.shutdown().await;
    assert!(!report.in_time);
    let _engine = place.start_working(1).await;
    finished(&*ended_after(&*place.store, "a", asked.position).await);
    let attempt = ["assigned", "process_started"];
    let expected = [&["queued"][..], &attempt, &["unassigned"], &attempt, &["finished"]].concat();
    assert_eq!(words(&*place.store, "a").await, expected);
    let events = place.store.read_stream(&stream("a"), Version(0), Direction::Forward, 100).await.unwrap();
    let taken = work::Unassigned { attempt: 1, cause: UnassignCause::WorkerGone };
    assert_eq!(work_event(&events[3].event), Some(&work::Event::Unassigned(taken)));
    let reason = events[3].metadata.reason.as_deref().unwrap();
    assert!(reason.contains("lived in a process that has ended"), "{reason}");
}

#[tokio::test]
async fn what_the_engine_keeps_for_a_key_goes_before_what_lies_in_the_folder() {
    let place = Place::default();
    let engine = place.start_working(2).await;
    create(&engine, settings(Content::Managed)).await;
    let record = RecordId { unit: unit(), key: Key::new("a").unwrap() };
    let sender = |command: Command| tests::place::envelope(&engine, command);
    let policy = domain::record::WritePolicy::Merge;
    engine.write_document(&record, &scope("raw"), b"kept".to_vec(), None, policy, sender).await.unwrap();
    let end = run(&place, &engine, "a").await;
    assert_eq!(finished(&end).digest, sha256(b"kept"));
    place.document("a", "registered");
    send(&engine, Command::StorageUnit(unit(), storage_unit::Command::SetContent(place.registered())))
        .await
        .unwrap();
    assert_eq!(finished(&*run(&place, &engine, "a").await).digest, sha256(b"kept"));
    place.document("b", "registered");
    assert_eq!(finished(&*run(&place, &engine, "b").await).digest, sha256(b"registered"));
}
