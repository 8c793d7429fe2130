//! A server under load, killed again and again. `REPRISE_CRASH_ROUNDS` makes it more often.

use std::path::Path;
use std::time::Duration;

use domain::ports::{ContentStore as _, EventStore as _, Place};
use domain::record::Record;
use domain::stream::Subject;
use hyper::Method;
use serde_json::json;
use store_sqlite::{SqliteOptions, SqliteStore};
use tests::crash::book::{Index, What, kept};
use tests::crash::chance::{Chance, number_from, report, seed};
use tests::crash::leases;
use tests::crash::load::{Client, SHARED_KEYS, SLOW_KEYS, Target};
use tests::crash::log::{Runs, assert_sound, key_scopes, runs};
use tests::crash::server::Server;
use tests::place::{PATIENCE, log, unit};
use tests::views::assert_are_folds_of;

/// How often the server is killed.
const ROUNDS: u64 = 30;
/// How many clients there are.
const CLIENTS: u64 = 8;
/// How many built-in workers there are.
const WORKERS: usize = 2;
/// A round's kill comes after at most so many answers, counted from when all clients ask.
const ANSWERS_MAX: u64 = 400;
/// One round in so many is killed while the server starts.
const ROUNDS_PER_EARLY_KILL: u64 = 6;
/// How long after its start such a server is killed at most.
const EARLY_KILL_MAX_MS: u64 = 400;

/// `slow` takes longer than a lease, so that its worker has to show that it is alive.
const CONFIGURATION: &str = r#"
data_dir = "data"
[modules.copy]
command = ["cat"]
[modules.slow]
shell = "cat; sleep 0.4"
"#;
const LEASE_MS: u64 = 600;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_killed_under_load_keeps_what_it_acknowledged_and_runs_nothing_twice_unseen() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("reprise.toml"), CONFIGURATION).unwrap();
    let mut chance = Chance::from_seed(seed());
    prepare(folder.path()).await;
    let mut clients: Vec<Client> = (0..CLIENTS).map(|number| Client::new(number, chance.split())).collect();
    for _ in 0..number_from("REPRISE_CRASH_ROUNDS", ROUNDS) {
        let mut server = Server::start(folder.path(), WORKERS);
        if chance.below(ROUNDS_PER_EARLY_KILL) == 0 {
            server.listens_within(Duration::from_millis(chance.below(EARLY_KILL_MAX_MS)));
            server.kill();
            continue;
        }
        let target = Target::new(&server.listens(), 1 + chance.below(ANSWERS_MAX));
        let busy: Vec<_> =
            clients.drain(..).map(|client| tokio::spawn(client.keep_busy(target.clone()))).collect();
        tokio::time::timeout(PATIENCE, target.has_answered_enough()).await.expect("the server answers");
        let said = server.kill();
        assert_calm(&said);
        for client in busy {
            clients.push(client.await.unwrap());
        }
    }
    drain(folder.path()).await;
    assert_all(folder.path(), &clients).await;
}

/// Creates the unit and the keys that all clients share.
async fn prepare(folder: &Path) {
    let mut server = Server::start(folder, WORKERS);
    let target = Target::new(&server.listens(), u64::MAX);
    let modules = json!({ "raw": [{ "module": "copy" }], "slow": [{ "module": "slow" }] });
    let create = json!({ "name": unit(), "modules": modules, "limits": { "lease_ms": LEASE_MS } });
    target.ask(Method::POST, "/v1/storage-units", Some(create)).await.unwrap();
    for (scope, keys) in [("raw", SHARED_KEYS), ("slow", SLOW_KEYS)] {
        for number in 0..keys {
            let body = json!({ "key": format!("shared-{number}"), "content": { "number": number } });
            let path = format!("/transaction/add/{}/{scope}", unit());
            target.ask(Method::PUT, &path, Some(body)).await.unwrap();
        }
    }
    assert_calm(&server.kill());
}

/// Lets everything that is open come to its end, and stops the server.
async fn drain(folder: &Path) {
    let mut server = Server::start(folder, WORKERS);
    let target = Target::new(&server.listens(), u64::MAX);
    for number in 0..CLIENTS {
        let path = format!("/v1/key-scopes/{}/raw/shared-{number}/release", unit());
        target.ask(Method::POST, &path, Some(json!({}))).await.unwrap();
    }
    let draining = async {
        loop {
            let overview = target.ask(Method::GET, "/v1/overview", None).await.unwrap();
            let open = ["queued", "assigned", "running", "retrying"];
            if open.iter().all(|status| overview["totals"][status] == 0) {
                return;
            }
        }
    };
    tokio::time::timeout(PATIENCE, draining).await.expect("what is open comes to its end");
    let (code, said) = server.stop();
    assert_calm(&said);
    assert_eq!(code, 0, "{}", said.join("\n"));
}

/// Whether a server said nothing that somebody should look at.
fn assert_calm(said: &[String]) {
    let alarms: Vec<_> =
        said.iter().filter(|line| line.contains("ERROR") || line.contains("panicked")).collect();
    assert!(alarms.is_empty(), "{alarms:#?}");
}

async fn assert_all(folder: &Path, clients: &[Client]) {
    let data = folder.join("data");
    let store = SqliteStore::open(&data, SqliteOptions::default()).unwrap();
    let events = log(&store).await;
    assert_eq!(store.head().await.unwrap(), events.last().unwrap().position);
    assert_sound(&events);
    let index = Index::of(&events);
    assert_promises(&index, clients);
    assert_runs(&index);
    let model = read_model::SqliteReadModel::open(&data).unwrap();
    assert_are_folds_of(&model, &events).await;
    assert_content(&index, &data).await;
}

/// Every acknowledged command is in the log.
fn assert_promises(index: &Index<'_>, clients: &[Client]) {
    let refused: Vec<_> = clients.iter().flat_map(|client| &client.refused).collect();
    assert!(refused.is_empty(), "{refused:#?}");
    let (mut recorded, mut needed_nothing, mut broken) = (0, 0, Vec::new());
    let (mut writes, mut resets) = (0, 0);
    for asked in clients.iter().flat_map(|client| &client.book) {
        match kept(index, asked) {
            Ok(true) => recorded += 1,
            Ok(false) => needed_nothing += 1,
            Err(problem) => broken.push(problem),
        }
        writes += usize::from(matches!(asked.what, What::Write(_)));
        resets += usize::from(asked.what == What::Reset);
    }
    report(&format!(
        "{recorded} recorded, {needed_nothing} were so already; {writes} writes, {resets} resets"
    ));
    assert!(
        broken.is_empty(),
        "{} of {} promises are broken: {broken:#?}",
        broken.len(),
        recorded + broken.len()
    );
    assert!(recorded > 100 && needed_nothing > 0 && writes > 0, "the load was no load");
}

/// Every item ends exactly once per request as seen by the log, and no lease outlives its deadline.
fn assert_runs(index: &Index<'_>) {
    let mut total = Runs::default();
    for (stream, events) in key_scopes(index) {
        let runs = runs(events);
        assert_eq!(runs.asked, runs.ended, "{stream}: {runs:?}");
        // An attempt that did not end its run was taken back, and the log says so.
        assert_eq!(runs.attempts, runs.ended + runs.taken_back, "{stream}: {runs:?}");
        assert_eq!(leases::kept(events), Ok(()));
        total.asked += runs.asked;
        total.attempts += runs.attempts;
        total.taken_back += runs.taken_back;
        total.late += runs.late;
    }
    report(&format!(
        "{} runs in {} attempts, {} taken back, {} late results",
        total.asked, total.attempts, total.taken_back, total.late
    ));
    assert!(total.taken_back > 0, "no kill hit anything");
}

/// What a record names as its content is there, byte for byte.
async fn assert_content(index: &Index<'_>, data: &Path) {
    let content = content::Content::new(&format!("file://{}", data.join("content").display())).unwrap();
    for (stream, events) in index.streams() {
        let Ok(Subject::Record(id)) = Subject::try_from(stream) else { continue };
        let record = events.iter().fold(Record::default(), |record, event| match &event.event {
            domain::event::Event::Record(happened) => record.evolve(happened),
            domain::event::Event::StorageUnit(_)
            | domain::event::Event::KeyScope(_)
            | domain::event::Event::Campaign(_)
            | domain::event::Event::Task(_)
            | domain::event::Event::Workspace(_)
            | domain::event::Event::Batch(_)
            | domain::event::Event::ExternalId(_)
            | domain::event::Event::Ids(_)
            | domain::event::Event::System(_)
            | domain::event::Event::ApiKey(_)
            | domain::event::Event::Access(_) => record,
        });
        for (scope, stored) in &record.scopes {
            let place = Place::Managed(stored.digest);
            let bytes = content.read(&id.unit, &id.key, scope, &place, u64::MAX).await;
            assert_eq!(bytes.map(|bytes| bytes.len() as u64), Ok(stored.size_bytes), "{stream} {scope}");
        }
    }
}

/// The load is what it is said to be.
const _: () = assert!(SHARED_KEYS >= CLIENTS, "each client holds and releases a key of its own");
