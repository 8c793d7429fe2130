//! Modules behind the engine: long-lived programs and services under the built-in worker, batches, and chains.

use std::net::Ipv4Addr;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::http::StatusCode;
use axum::routing::post;
use domain::digest::Digest;
use domain::event::RecordedEvent;
use domain::names::{Key, ModuleName};
use domain::retry::RetryPolicy;
use domain::storage_unit::{self, ModuleInput, ModuleTable, Settings};
use domain::time::Millis;
use domain::work;
use modules::{Definition, Kind, Mode};
use runtime::Engine;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use tests::place::{
    Place, create, queue, scope, set, settings, stream, table, unit, until, word, words, work_event,
};

/// A program that gives a document back and notes what it was told. The text of a document decides what else it does.
const ECHO: &str = r#"
field() { printf %s "$line" | sed "s/.*\"$1\":\"\([^\"]*\)\".*/\1/"; }
while read -r line; do case $line in
    *'"batch_start"'*) echo "start $$" >> "$SEEN";;
    *'"batch_end"'*) echo end >> "$SEEN"; echo "{\"batch_done\":{\"batch\":\"$(field batch)\"}}";;
    *'"content":"die"'*) exit 7;;
    *'"content":"silent"'*) sleep 1000;;
    *'"content":"wait"'*) read -r word < "$PIPE"; echo "{\"result\":{\"id\":\"$(field id)\",\"output\":\"$word\"}}";;
    *) echo item >> "$SEEN"; echo "{\"result\":{\"id\":\"$(field id)\",\"output\":\"$(field content)\"}}";;
esac; done
"#;

fn sha256(bytes: &[u8]) -> Digest {
    Digest(Sha256::digest(bytes).into())
}

fn module_name(name: &str) -> ModuleName {
    ModuleName::new(name).unwrap()
}

/// A place with the module `echo`, and the file where that notes what it was told.
fn with_echo() -> (Place, PathBuf) {
    let mut place = Place::default();
    let seen = place.folder().join("seen");
    let pipe = place.folder().join("pipe");
    let paths = [("SEEN", &seen), ("PIPE", &pipe)];
    let definition = Definition {
        mode: Mode::Stream,
        shell: Some(ECHO.to_owned()),
        env: paths.map(|(name, path)| (name.to_owned(), path.display().to_string())).into(),
        retry: RetryPolicy::never(),
        ..Definition::default()
    };
    place.modules.insert(module_name("echo"), definition);
    (place, seen)
}

/// Documents whose names are their places, and an engine with one worker that finds all of them waiting at once.
async fn work_through(place: &Place, modules: ModuleTable, documents: &[&str]) -> Engine {
    for (number, text) in documents.iter().enumerate() {
        place.document(&number.to_string(), text);
    }
    let engine = place.start_working(1).await;
    let disabled = Settings { modules, queue_enabled: false, ..settings(place.registered()) };
    create(&engine, disabled).await;
    for number in 0..documents.len() {
        queue(&engine, &number.to_string()).await;
    }
    set(&engine, storage_unit::Command::EnableQueue).await;
    engine
}

/// How each document ended: the digest of what was made of it, or the code of the failure.
async fn endings(place: &Place, count: usize) -> Vec<Result<Digest, String>> {
    let mut endings = Vec::new();
    for number in 0..count {
        let mut ending = None;
        until(&*place.store, |event| {
            ending = match work_event(&event.event) {
                Some(work::Event::Finished(finished)) => Some(Ok(finished.digest)),
                Some(work::Event::Failed(failed)) => Some(Err(failed.code.clone())),
                Some(_) | None => None,
            };
            event.stream == stream(&number.to_string()) && ending.is_some()
        })
        .await;
        endings.push(ending.expect("the end that was waited for"));
    }
    endings
}

fn ok(text: &str) -> Result<Digest, String> {
    Ok(sha256(text.as_bytes()))
}

fn lines(path: &Path) -> Vec<String> {
    let text = std::fs::read_to_string(path).unwrap();
    text.lines().map(|line| line.split(' ').next().unwrap().to_owned()).collect()
}

// ── Long-lived programs ────────────────────────────────────────────────────────────────────────────────────────

#[tokio::test]
async fn what_waits_together_is_one_batch_for_a_long_lived_program() {
    let (place, seen) = with_echo();
    let _engine = work_through(&place, table(&["echo"]), &["a", "b", "c"]).await;
    assert_eq!(endings(&place, 3).await, [ok("a"), ok("b"), ok("c")]);
    assert_eq!(lines(&seen), ["start", "item", "item", "item", "end"]);
}

#[tokio::test]
async fn a_dead_program_fails_only_its_document() {
    let (place, seen) = with_echo();
    let _engine = work_through(&place, table(&["echo"]), &["a", "die", "c"]).await;
    assert_eq!(endings(&place, 3).await, [ok("a"), Err("exit_7".to_owned()), ok("c")]);
    assert_eq!(lines(&seen), ["start", "item", "start", "item", "end"]);
}

#[tokio::test]
async fn a_silent_program_fails_only_its_document() {
    let (mut place, seen) = with_echo();
    place.modules.get_mut(&module_name("echo")).unwrap().time_limit_ms = Millis(2_000);
    let _engine = work_through(&place, table(&["echo"]), &["a", "silent", "c"]).await;
    assert_eq!(endings(&place, 3).await, [ok("a"), Err("time_limit".to_owned()), ok("c")]);
    assert_eq!(lines(&seen), ["start", "item", "start", "item", "end"]);
}

#[tokio::test]
async fn a_document_that_cannot_be_read_fails_alone() {
    let (place, _) = with_echo();
    let engine = work_through(&place, table(&["echo"]), &["a", "b", "c"]).await;
    assert_eq!(endings(&place, 3).await, [ok("a"), ok("b"), ok("c")]);
    set(&engine, storage_unit::Command::DisableQueue).await;
    place.document("4", "e");
    for key in ["3", "4"] {
        queue(&engine, key).await;
    }
    set(&engine, storage_unit::Command::EnableQueue).await;
    assert_eq!(endings(&place, 5).await[3..], [Err("input_not_found".to_owned()), ok("e")]);
}

#[tokio::test]
async fn each_document_of_a_batch_has_its_own_lease() {
    let (place, _) = with_echo();
    let pipe = place.folder().join("pipe");
    assert!(std::process::Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    let engine = work_through(&place, table(&["echo"]), &["wait", "b"]).await;
    let started = |key: &'static str| {
        move |event: &RecordedEvent| event.stream == stream(key) && word(&event.event) == "process_started"
    };
    until(&*place.store, started("0")).await;
    until(&*place.store, started("1")).await;
    let unassign = work::Command::Unassign { cause: work::UnassignCause::Reset };
    tests::place::work(&engine, "1", unassign).await.unwrap();
    let writing = tokio::task::spawn_blocking(move || std::fs::write(pipe, "go\n"));
    assert_eq!(endings(&place, 2).await, [ok("go"), ok("b")]);
    writing.await.unwrap().unwrap();
    let attempt = ["assigned", "process_started"];
    assert_eq!(words(&*place.store, "0").await, [&["queued"][..], &attempt, &["finished"]].concat());
    let twice = [&["queued"][..], &attempt, &["unassigned", "late_result_refused"], &attempt, &["finished"]];
    assert_eq!(words(&*place.store, "1").await, twice.concat());
}

#[tokio::test]
async fn a_shutdown_ends_long_lived_programs() {
    let (place, seen) = with_echo();
    let engine = work_through(&place, table(&["echo"]), &["a"]).await;
    assert_eq!(endings(&place, 1).await, [ok("a")]);
    let noted = std::fs::read_to_string(&seen).unwrap();
    let pid = noted.lines().next().unwrap().strip_prefix("start ").unwrap();
    let process = Path::new("/proc").join(pid);
    assert!(process.exists(), "the program waits for the next batch");
    assert!(engine.shutdown().await.in_time);
    assert!(!process.exists(), "the program is still there");
}

// ── Services ───────────────────────────────────────────────────────────────────────────────────────────────────

/// A service that makes texts shorter by their first character, refuses empty ones, and notes how many items each
/// request has.
async fn service(place: &mut Place) -> Arc<Mutex<Vec<usize>>> {
    let seen = Arc::new(Mutex::new(Vec::new()));
    let noted = seen.clone();
    let handler = move |body: String| {
        let body: Value = serde_json::from_str(&body).unwrap();
        let items = body["items"].as_array().unwrap();
        noted.lock().unwrap().push(items.len());
        let replies = items.iter().map(|item| {
            let content = item["content"].as_str().unwrap();
            match content.get(1..) {
                Some(rest) => json!({"result": {"id": item["id"], "output": rest}}),
                None => {
                    json!({"failure": {"id": item["id"], "code": "empty", "text": "nothing to make shorter"}})
                }
            }
        });
        let reply = json!({"replies": replies.collect::<Vec<_>>()}).to_string();
        std::future::ready((StatusCode::OK, reply))
    };
    let listener = tokio::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    let router = Router::new().route("/", post(handler));
    tokio::spawn(async move { axum::serve(listener, router).await });
    let definition =
        Definition { kind: Kind::Http, url: Some(url), retry: RetryPolicy::never(), ..Definition::default() };
    place.modules.insert(module_name("shorter"), definition);
    seen
}

#[tokio::test]
async fn a_service_gets_a_batch_and_each_document_has_its_own_result() {
    let mut place = Place::default();
    let seen = service(&mut place).await;
    let _engine = work_through(&place, table(&["shorter"]), &["abc", "", "d"]).await;
    assert_eq!(endings(&place, 3).await, [ok("bc"), Err("empty".to_owned()), ok("")]);
    assert_eq!(*seen.lock().unwrap(), [3]);
}

// ── Chains ─────────────────────────────────────────────────────────────────────────────────────────────────────

#[tokio::test]
async fn a_module_is_given_the_document_or_what_the_module_before_it_made() {
    let (mut place, seen) = with_echo();
    let requests = service(&mut place).await;
    place.shell("louder", "tr a-z A-Z");
    let mut modules = table(&["echo", "shorter", "louder", "cat"]);
    let entries = modules.modules.get_mut(&scope("raw")).unwrap();
    entries[1].input = ModuleInput::Previous;
    entries[2].input = ModuleInput::Previous;
    entries[2].output_scope = Some(scope("loud"));
    let engine = work_through(&place, modules, &["abc", "", "die", "de"]).await;
    let chain = |echo: &str, shorter: &str, louder: &str| {
        let digests = [echo, shorter, louder, echo].map(|text| sha256(text.as_bytes()).0);
        Ok(sha256(&digests.concat()))
    };
    let expected =
        [chain("abc", "bc", "BC"), Err("empty".to_owned()), Err("exit_7".to_owned()), chain("de", "e", "E")];
    assert_eq!(endings(&place, 4).await, expected);
    let kept = engine.document(&unit(), &Key::new("0").unwrap(), &scope("loud"), 100).await;
    assert_eq!(kept, Ok(b"BC".to_vec()));
    assert_eq!(lines(&seen), ["start", "item", "item", "start", "item", "end"]);
    assert_eq!(*requests.lock().unwrap(), [3], "what failed before goes no further");
}
