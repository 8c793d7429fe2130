//! `reprise run`, killed and interrupted: the same command goes on where it was.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use domain::event::RecordedEvent;
use domain::work::{self, UnassignCause};
use rustix::process::Signal;
use serde_json::Value;
use store_sqlite::{SqliteOptions, SqliteStore};
use tempfile::TempDir;
use tests::binary::{command, run};
use tests::crash::book::Index;
use tests::crash::chance::{Chance, report, seed};
use tests::crash::log::{assert_sound, key_scopes, runs};
use tests::crash::{leases, server};
use tests::place::{PATIENCE, log, word, work_event};
use tests::views::assert_are_folds_of;

const DOCUMENTS: usize = 200;
/// How many documents are processed at once.
const JOBS: &str = "4";
/// How long the first run is let go on at most before it is killed. Each further one may go on a little longer, so that
/// a slow machine comes to an end, too.
const RUN_MAX: Duration = Duration::from_millis(700);

/// A folder with many documents in `docs`.
fn folder() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    std::fs::create_dir(folder.path().join("docs")).unwrap();
    for number in 0..DOCUMENTS {
        std::fs::write(folder.path().join(format!("docs/{number:05}")), format!("text {number}")).unwrap();
    }
    folder
}

const fn arguments(line: &str) -> [&str; 8] {
    ["--json", "run", "docs", "--jobs", JOBS, "--shell", "--", line]
}

/// The log of a run that was killed or not, read by another process.
async fn log_after_kill(folder: &Path) -> Vec<Arc<RecordedEvent>> {
    let store = SqliteStore::open(&folder.join("reprise-data"), SqliteOptions::default()).unwrap();
    let events = log(&store).await;
    assert_sound(&events);
    events
}

/// The log of a run that ended by itself, whose views show everything.
async fn log_of(folder: &Path) -> Vec<Arc<RecordedEvent>> {
    let events = log_after_kill(folder).await;
    let model = read_model::SqliteReadModel::open(&folder.join("reprise-data")).unwrap();
    assert_are_folds_of(&model, &events).await;
    events
}

fn count(events: &[Arc<RecordedEvent>], name: &str) -> usize {
    events.iter().filter(|event| word(&event.event) == name).count()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_run_that_is_killed_again_and_again_finishes_every_document_once() {
    let folder = folder();
    let mut chance = Chance::from_seed(seed());
    let line = "sleep 0.02; echo $REPRISE_KEY $REPRISE_ATTEMPT >> ../begun; cat";
    // The program's working directory is that of the engine.
    let line = line.replace("../begun", &folder.path().join("begun").display().to_string());
    let mut limit = RUN_MAX;
    let mut kills = 0;
    let ended = loop {
        let mut going = command(folder.path(), &arguments(&line));
        let going = going.stdout(Stdio::piped()).spawn().unwrap();
        let within = Duration::from_millis(chance.below(u64::try_from(limit.as_millis()).unwrap()));
        if let Some(ended) = ended_within(going, within).await {
            break Some(ended);
        }
        kills += 1;
        limit += limit / 4;
        // Killed after its last event, a run has nothing left to go on with: the next one would be another.
        if count(&log_after_kill(folder.path()).await, "completed") > 0 {
            break None;
        }
    };
    if let Some((code, summary)) = ended {
        assert_eq!(code, 0, "{summary}");
        assert_eq!(
            (&summary["processed"], &summary["failed"], &summary["state"]),
            (&DOCUMENTS.into(), &0.into(), &"completed".into())
        );
    }
    let events = log_after_kill(folder.path()).await;
    assert_eq!(
        (count(&events, "started"), count(&events, "completed")),
        (1, 1),
        "one campaign, however often killed"
    );
    let index = Index::of(&events);
    let begun = begun(&folder.path().join("begun"));
    let mut taken_back = 0;
    for (stream, events) in key_scopes(&index) {
        let runs = runs(events);
        assert_eq!((runs.asked, runs.ended, runs.late), (1, 1, 0), "{stream}: {runs:?}");
        assert_eq!(runs.attempts, 1 + runs.taken_back, "{stream}: {runs:?}");
        assert_eq!(
            events.last().map(|event| word(&event.event)),
            Some("finished"),
            "nothing done is done again"
        );
        let gone = events.iter().filter(|event| is_taken_back(event, UnassignCause::WorkerGone)).count();
        assert_eq!(gone, runs.taken_back, "{stream}");
        assert_eq!(leases::kept(events), Ok(()));
        let key = stream.as_str().rsplit_once('/').unwrap().1;
        let programs = begun.get(key).map_or(&[][..], Vec::as_slice);
        assert!(
            !programs.is_empty() && programs.iter().all(|attempt| *attempt <= runs.attempts),
            "{key}: {programs:?}"
        );
        assert!(programs.is_sorted_by(|one, next| one != next), "{key}: an attempt ran twice: {programs:?}");
        taken_back += runs.taken_back;
    }
    assert_eq!(key_scopes(&index).count(), DOCUMENTS);
    report(&format!("{kills} kills, {taken_back} attempts taken back"));
    // Once more: everything is restarted, and nothing has changed.
    let again = run(folder.path(), &arguments(&line));
    assert_eq!((again.code, &again.json()["same"]), (0, &DOCUMENTS.into()), "{again:?}");
    assert_eq!(count(&log_of(folder.path()).await, "restarted"), DOCUMENTS);
}

/// The exit code and summary of a run that ends by itself within the time; otherwise it is killed.
async fn ended_within(going: std::process::Child, limit: Duration) -> Option<(i32, Value)> {
    let id = going.id();
    let ending = tokio::task::spawn_blocking(move || going.wait_with_output());
    tokio::pin!(ending);
    let ended = tokio::time::timeout(limit, &mut ending).await;
    if ended.is_err() {
        // It may have ended in this very moment; it is not waited for yet, so the process id is still its own.
        let _gone = rustix::process::kill_process(pid(id), Signal::KILL);
    }
    let output = match ended {
        Ok(output) => output,
        Err(_) => ending.await,
    };
    let output = output.unwrap().unwrap();
    let code = output.status.code()?;
    Some((code, serde_json::from_slice(&output.stdout).unwrap_or_default()))
}

fn pid(id: u32) -> rustix::process::Pid {
    rustix::process::Pid::from_raw(i32::try_from(id).unwrap()).unwrap()
}

fn is_taken_back(event: &RecordedEvent, cause: UnassignCause) -> bool {
    matches!(work_event(&event.event), Some(work::Event::Unassigned(taken)) if taken.cause == cause)
}

/// Which attempts of each key have run a program, in order.
fn begun(path: &PathBuf) -> BTreeMap<String, Vec<usize>> {
    let mut begun: BTreeMap<String, Vec<usize>> = BTreeMap::new();
    for line in std::fs::read_to_string(path).unwrap().lines() {
        let (key, attempt) = line.split_once(' ').unwrap();
        begun.entry(key.to_owned()).or_default().push(attempt.parse().unwrap());
    }
    begun.values_mut().for_each(|attempts| attempts.sort_unstable());
    begun
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_interrupted_run_ends_what_it_has_in_hand_and_goes_on_with_the_same_command() {
    let folder = folder();
    let pipe = folder.path().join("pipe");
    assert!(Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    // One document in the middle says when it is its turn.
    let line = format!("[ $REPRISE_KEY != 00050 ] || echo now > {}; cat", pipe.display());
    let mut going = command(folder.path(), &arguments(&line));
    let going = going.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let its_turn = tokio::task::spawn_blocking(move || std::fs::read_to_string(pipe));
    let its_turn = tokio::time::timeout(PATIENCE, its_turn).await.expect("its turn comes");
    assert_eq!(its_turn.unwrap().unwrap(), "now\n");
    server::signal(&going, Signal::INT);
    let interrupted = tokio::task::spawn_blocking(move || going.wait_with_output()).await.unwrap().unwrap();
    let said = String::from_utf8(interrupted.stderr).unwrap();
    assert_eq!(interrupted.status.code(), Some(130), "{said}");
    assert!(said.contains("the same command goes on"), "{said}");
    let before: Value = serde_json::from_slice(&interrupted.stdout).unwrap();
    assert_eq!(before["state"], "active", "{before}");
    let done = before["processed"].as_u64().unwrap();
    assert!(done < DOCUMENTS as u64, "{before}");
    let events = log_of(folder.path()).await;
    for (stream, events) in key_scopes(&Index::of(&events)) {
        assert_eq!(leases::kept(events), Ok(()), "nothing is left in hand");
        assert!(!events.iter().any(|event| is_taken_back(event, UnassignCause::WorkerGone)), "{stream}");
    }
    assert_eq!(count(&events, "finished"), usize::try_from(done).unwrap());

    let other = run(folder.path(), &["run", "docs", "--", "sha256sum"]);
    assert_eq!(other.code, 4, "two runs do not become one: {other:?}");

    let rest = run(folder.path(), &arguments(&line));
    assert_eq!(rest.code, 0, "{rest:?}");
    let summary = rest.json();
    assert_eq!(
        (&summary["processed"], &summary["campaign"]),
        (&DOCUMENTS.into(), &before["campaign"]),
        "{summary}"
    );
    assert_eq!(summary["processed_now"].as_u64(), Some(DOCUMENTS as u64 - done), "{summary}");
    let events = log_of(folder.path()).await;
    // What was claimed in the moment of the interruption was given back, and nothing was begun twice.
    assert_eq!((count(&events, "finished"), count(&events, "process_started")), (DOCUMENTS, DOCUMENTS));
}
