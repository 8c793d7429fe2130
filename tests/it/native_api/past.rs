//! Time travel: what is asked of a moment of the past is what was answered then.

use std::num::NonZeroUsize;

use domain::time::Millis;
use runtime::RuntimeSettings;
use serde_json::{Value, json};
use std::sync::Arc;
use tests::harness::{Harness, Setup, TestClock};

/// Everything that can be asked of a moment.
const QUESTIONS: [&str; 22] = [
    "/v1/overview",
    "/v1/storage-units",
    "/v1/storage-units/docs",
    "/v1/storage-units/docs/events",
    "/v1/key-scopes",
    "/v1/key-scopes?unit=docs&status=queued",
    "/v1/key-scopes?updated_since=2026-01-31T12:00:00Z&limit=1",
    "/v1/key-scopes/docs/raw/a",
    "/v1/key-scopes/docs/raw/a/events",
    "/v1/key-scopes/docs/raw/a/attempts",
    "/v1/campaigns",
    "/v1/system",
    "/v1/system/events",
    "/v1/workspaces",
    "/v1/tasks",
    "/v1/tasks/1",
    "/v1/tasks/1/events",
    "/v1/tasks/1/attempts",
    "/v1/tasks/1/context",
    "/v1/tasks/1/input",
    "/v1/tasks/counts",
    "/v1/workers",
];

/// A moment, and what was answered then.
struct Moment {
    position: String,
    instant: String,
    answers: Vec<(&'static str, u16, Value)>,
}

async fn answers(harness: &Harness, at: Option<&str>) -> Vec<(&'static str, u16, Value)> {
    let mut answers = Vec::new();
    for question in QUESTIONS {
        let mark = if question.contains('?') { '&' } else { '?' };
        let path = at.map_or_else(|| question.to_owned(), |at| format!("{question}{mark}at={at}"));
        let reply = harness.get(&path).await;
        let mut body = reply.json();
        // Every request has an id of its own.
        if let Some(problem) = body.as_object_mut() {
            problem.remove("request_id");
        }
        answers.push((question, reply.status.as_u16(), body));
    }
    answers
}

async fn moment(harness: &Harness, clock: &TestClock) -> Moment {
    let position = harness.engine.acknowledged().to_string();
    let answers = answers(harness, None).await;
    assert_eq!(harness.engine.acknowledged().to_string(), position, "nothing happens meanwhile");
    let instant = domain::ports::Clock::now(clock).to_string();
    clock.pass(Millis(1_000));
    Moment { position, instant, answers }
}

/// An instance and what it answered while this and that happened.
async fn history(snapshots: Option<usize>) -> (Harness, Vec<Moment>) {
    let clock = TestClock::at("2026-01-31T12:00:00Z");
    let runtime = RuntimeSettings {
        snapshot_events: snapshots.and_then(NonZeroUsize::new),
        ..RuntimeSettings::default()
    };
    let setup = Setup { clock: Arc::new(clock.clone()), runtime, ..Setup::without_workers() };
    let harness = setup.start().await;
    let mut moments = vec![moment(&harness, &clock).await];
    super::unit(&harness, "docs", "cat", &["a", "b", "c"]).await;
    moments.push(moment(&harness, &clock).await);
    let _asked = super::ask(&harness, "docs", &["a", "b"]).await;
    moments.push(moment(&harness, &clock).await);
    let workspace = json!({ "display_name": "invoices", "is_default": true });
    let _created = harness.post("/v1/workspaces", workspace).await.expect(201);
    let _created = harness.post("/v1/tasks", json!({ "external_id": "x", "context": {} })).await.expect(201);
    moments.push(moment(&harness, &clock).await);
    let claim = json!({ "worker": "w", "queues": [{ "unit": "docs" }], "max": 2 });
    let leases = harness.post("/v1/leases", claim).await.expect(200).json()["leases"].clone();
    moments.push(moment(&harness, &clock).await);
    let item = |lease: &Value| {
        let mut item = json!({ "worker": "w" });
        for member in ["unit", "scope", "key", "token"] {
            item[member] = lease[member].clone();
        }
        item
    };
    let mut failed = item(&leases[0]);
    failed["code"] = json!("broken");
    failed["text"] = json!("it is broken");
    let _failed = harness.post("/v1/leases/fail", failed).await.expect(200);
    let _released = harness.post("/v1/leases/release", item(&leases[1])).await.expect(200);
    moments.push(moment(&harness, &clock).await);
    let claim = json!({ "worker": "w", "queues": [{ "unit": "task/1" }] });
    let lease = harness.post("/v1/leases", claim).await.expect(200).json()["leases"][0].clone();
    let mut completed = item(&lease);
    completed["outputs"] = json!([{ "module": "fetch", "content": "three pages" }]);
    let _completed = harness.post("/v1/leases/complete", completed).await.expect(200);
    moments.push(moment(&harness, &clock).await);
    let _held = harness.post("/v1/key-scopes/docs/raw/b/hold", Value::Null).await.expect(200);
    let _paused = harness.post("/v1/system/pause", json!({ "reason": "an inspection" })).await.expect(200);
    let _asked = super::ask(&harness, "docs", &["c"]).await;
    moments.push(moment(&harness, &clock).await);
    let _restarted = harness.post("/v1/tasks/1/restart", json!({ "reason": "again" })).await.expect(200);
    let mut log = harness.engine.store().subscribe(harness.engine.acknowledged()).await.expect("the log");
    let _dropped = harness.delete("/v1/storage-units/docs").await.expect(202);
    while harness.get("/v1/storage-units/docs").await.status.as_u16() != 404 {
        log.next(100).await.expect("the clearing goes on");
    }
    moments.push(moment(&harness, &clock).await);
    (harness, moments)
}

async fn compare(harness: &Harness, moments: &[Moment]) {
    for (number, Moment { position, instant, answers: then }) in moments.iter().enumerate() {
        for at in [format!("p{position}"), position.clone(), instant.clone()] {
            for (shown, expected) in answers(harness, Some(&at)).await.into_iter().zip(then) {
                // What a worker says of itself is in no event.
                let is_presence = shown.0 == "/v1/workers" && number > 3;
                assert!(is_presence || shown == *expected, "{at}: {shown:#?}\nwas then {expected:#?}");
            }
        }
    }
}

#[tokio::test]
async fn a_question_about_a_moment_is_answered_as_it_was_then() {
    let (harness, moments) = history(None).await;
    compare(&harness, &moments).await;
}

#[tokio::test]
async fn snapshots_change_no_answer() {
    let (harness, moments) = history(Some(3)).await;
    compare(&harness, &moments).await;
}

#[tokio::test]
async fn a_thing_at_a_version_is_what_its_events_up_to_it_make_of_it() {
    let (harness, _) = history(None).await;
    let events = harness.get("/v1/key-scopes/docs/raw/a/events").await.expect(200).json();
    let events = events["items"].as_array().expect("a list");
    assert!(events.len() > 3, "{events:?}");
    for event in events {
        let (version, position) = (&event["version"], event["position"].as_str().expect("a position"));
        let path = format!("/v1/key-scopes/docs/raw/a?at=v{version}");
        let Some(shown) = shown(&harness, &path).await else {
            assert_eq!(event["event"], "key_scope.withdrawn");
            continue;
        };
        assert_eq!((&shown["version"], &shown["position"]), (version, &json!(position)));
        let listed = harness.get(&format!("/v1/key-scopes?key_prefix=a&at=p{position}")).await.expect(200);
        assert_eq!(listed.json()["items"], json!([shown]));
        let told = harness.get(&format!("/v1/key-scopes/docs/raw/a/events?at=v{version}")).await.expect(200);
        let last = told.json()["items"].as_array().expect("a list").last().cloned();
        assert_eq!(last.as_ref(), Some(event));
    }
}

async fn shown(harness: &Harness, path: &str) -> Option<Value> {
    let reply = harness.get(path).await;
    if reply.status.as_u16() == 404 { None } else { Some(reply.expect(200).json()) }
}

#[tokio::test]
async fn before_its_first_event_a_thing_is_not_there() {
    let (harness, moments) = history(None).await;
    let first = &moments[0].instant;
    let absent = harness.get(&format!("/v1/storage-units/docs?at={first}")).await.expect(404);
    assert_eq!(absent.json()["code"], "storage_unit_not_found");
    let _absent = harness.get("/v1/tasks/1?at=p1").await.expect(404);
    let _absent = harness.get("/v1/tasks/77?at=v0").await.expect(404);
    let none = harness.get("/v1/storage-units?at=2020-01-01T00:00:00Z").await.expect(200);
    assert_eq!((none.json()["items"].clone(), none.header("reprise-position")), (json!([]), "0"));
}

#[tokio::test]
async fn what_is_no_moment_of_the_past_is_refused_with_a_sentence() {
    let (harness, _) = history(None).await;
    let wrong = [
        ("/v1/tasks?at=p99999", "the log ends at"),
        ("/v1/tasks?at=2999-01-01T00:00:00Z", "what comes is not known"),
        ("/v1/tasks/1?at=v99", "the last event of 'task-1' is v"),
        ("/v1/tasks?at=v1", "versions are of one thing"),
        ("/v1/overview?at=v1", "versions are of one thing"),
        ("/v1/tasks?at=p1&min_position=1", "leave one of them out"),
        ("/v1/tasks?at=yesterday", "is not a moment"),
        ("/v1/tasks?at=", "is not a moment"),
        ("/v1/events?at=p1", "unknown field"),
        ("/v1/tasks/1/explain?at=v0", "unknown field"),
    ];
    for (path, sentence) in wrong {
        let detail = harness.get(path).await.expect(400).json()["detail"].clone();
        assert!(detail.as_str().is_some_and(|detail| detail.contains(sentence)), "{path}: {detail}");
    }
}

#[tokio::test]
async fn what_differs_between_two_moments_is_what_differs_between_the_rows_then() {
    let (harness, moments) = history(Some(4)).await;
    for (number, from) in moments.iter().enumerate() {
        for to in &moments[number..] {
            let path = format!("/v1/diff?from=p{}&to={}", from.position, to.instant);
            let diff = harness.get(&path).await.expect(200).json();
            assert_eq!(diff["from"]["position"], json!(from.position));
            assert_eq!(diff["to"]["position"], json!(to.position));
            let found = diff["items"].as_array().expect("a list");
            let counted: u64 = diff["totals"]
                .as_object()
                .expect("an object")
                .values()
                .flat_map(|totals| ["added", "removed", "changed"].map(|kind| totals[kind].as_u64().unwrap()))
                .sum();
            assert_eq!(counted, found.len() as u64, "{diff}");
            let scopes = found.iter().filter(|row| row["view"] == "key_scopes");
            let scopes: Vec<_> = scopes.map(|row| row["key"].as_str().unwrap().to_owned()).collect();
            assert_eq!(scopes, different_key_scopes(&answer(from), &answer(to)), "{path}");
        }
    }
}

fn answer(moment: &Moment) -> Value {
    let answer = moment.answers.iter().find(|(question, _, _)| *question == "/v1/key-scopes");
    answer.expect("it was asked").2["items"].clone()
}

/// The keys of the rows that are in one list only, or in both and differ.
fn different_key_scopes(before: &Value, after: &Value) -> Vec<String> {
    let find = |list: &Value, key: &str| {
        let row = list.as_array().unwrap().iter().find(|row| row["key"] == key).cloned();
        row.map(|mut row| {
            for bookkeeping in ["version", "position", "updated_at"] {
                row.as_object_mut().unwrap().remove(bookkeeping);
            }
            row
        })
    };
    let keys = ["a", "b", "c"].into_iter();
    keys.filter(|key| find(before, key) != find(after, key)).map(|key| format!("docs/raw/{key}")).collect()
}

#[tokio::test]
async fn differences_come_page_by_page_and_say_what_changed() {
    let (harness, moments) = history(None).await;
    let (from, to) = (&moments[2].position, &moments[4].position);
    let whole = harness.get(&format!("/v1/diff?from=p{from}&to=p{to}")).await.expect(200).json();
    assert_eq!(whole["totals"]["key_scopes"], json!({ "added": 0, "removed": 0, "changed": 2 }));
    assert_eq!(whole["totals"]["tasks"]["added"], 1);
    let (mut pages, mut after) = (Vec::new(), String::new());
    loop {
        let path = format!("/v1/diff?from=p{from}&to=p{to}&limit=1{after}");
        let page = harness.get(&path).await.expect(200).json();
        assert_eq!(page["totals"], whole["totals"]);
        pages.extend(page["items"].as_array().expect("a list").clone());
        let Some(next) = page["next"].as_str() else { break };
        after = format!("&after={next}");
    }
    assert_eq!(json!(pages), whole["items"]);
    let a = pages.iter().find(|row| row["key"] == "docs/raw/a").expect("it changed");
    let status = a["changes"].as_array().unwrap().iter().find(|change| change["path"] == "/status");
    assert_eq!(status, Some(&json!({ "path": "/status", "before": "queued", "after": "assigned" })));
    let tasks = harness.get(&format!("/v1/diff?from=p{from}&to=p{to}&view=tasks")).await.expect(200).json();
    assert_eq!(tasks["items"].as_array().map(Vec::len), Some(1));
    let exchanged = harness.get(&format!("/v1/diff?from=p{to}&to=p{from}")).await.expect(422);
    assert_eq!(exchanged.json()["code"], "moments_exchanged");
    let _made_up = harness.get(&format!("/v1/diff?from=p{from}&after=6162")).await.expect(400);
    let unknown = harness.get(&format!("/v1/diff?from=p{from}&view=nothing")).await.expect(422);
    assert_eq!(unknown.json()["code"], "unknown_view");
    let all = harness.get("/v1/diff").await.expect(200).json();
    assert_eq!(all["from"]["position"], "0");
}
