//! The figures are right, for histories in which everybody can count along.

use std::sync::Arc;

use domain::envelope::{Command, Envelope};
use domain::names::{Actor, CommandId};
use domain::time::Millis;
use domain::work;
use serde_json::json;
use tests::harness::{Harness, Setup, TestClock};
use tests::place::{PATIENCE, until, word};
use tests::scrape::{Sample, Scrape};

use super::{ask, claim, id, of, scrape, unit};

const QUEUE: [(&str, &str); 2] = [("unit", "docs"), ("scope", "raw")];

async fn watched() -> (Harness, TestClock) {
    let clock = TestClock::at("2026-05-01T12:00:00Z");
    let harness = Setup { clock: Arc::new(clock.clone()), ..Setup::without_workers() }.start().await;
    (harness, clock)
}

async fn send(harness: &Harness, key: &str, command: work::Command) {
    let command = Command::work(id(key), command);
    let envelope = Envelope::new(CommandId(harness.engine.fresh_id()), Actor::system(), command);
    harness.engine.submit(envelope).await.expect("the command is accepted");
    seen(harness).await;
}

/// Waits until the work queue and the views have seen everything.
async fn seen(harness: &Harness) {
    let waiting = async {
        let behind = |scrape: &Scrape| {
            scrape.find("reprise_projection_lag_events", &[]).iter().any(|lag| lag.value > 0.0)
        };
        while behind(&scrape(harness).await) {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(PATIENCE, waiting).await.expect("the projections follow the log");
}

#[tokio::test]
async fn commands_are_counted_by_what_became_of_them() {
    let (harness, clock) = watched().await;
    unit(&harness, "docs", &["a", "b", "c"]).await;
    ask(&harness, &["a", "b", "c"]).await;
    ask(&harness, &["a"]).await;
    let again = json!({ "name": "docs" });
    let _refused = harness.post("/v1/storage-units", again).await.expect(409);
    let lease = claim(&harness, 20).await;
    clock.pass(Millis(20));
    until(harness.engine.store(), |event| word(&event.event) == "unassigned").await;
    let late = harness.post("/v1/leases/complete", of(&lease)).await.expect(409).json();
    assert_eq!(late["code"], "late_result");
    let lease = claim(&harness, 60_000).await;
    let _done = harness.post("/v1/leases/complete", of(&lease)).await.expect(200);
    seen(&harness).await;

    let scrape = scrape(&harness).await;
    let commands = |kind, command, outcome| {
        let labels = [("kind", kind), ("command", command), ("outcome", outcome)];
        scrape.value("reprise_commands_total", &labels)
    };
    assert_eq!(commands("storage_unit", "create", "accepted"), 1.0);
    assert_eq!(commands("storage_unit", "create", "refused"), 1.0);
    assert_eq!(commands("key_scope", "queue", "accepted"), 3.0);
    assert_eq!(commands("key_scope", "queue", "nothing_to_do"), 1.0);
    assert_eq!(commands("key_scope", "expire_lease", "accepted"), 1.0);
    assert_eq!(commands("key_scope", "queue", "busy") + commands("key_scope", "queue", "failed"), 0.0);
    let value = |name| scrape.value(name, &[]);
    assert_eq!(value("reprise_leases_granted_total"), 2.0);
    assert_eq!(value("reprise_lease_expiries_total"), 1.0);
    assert_eq!(value("reprise_late_results_total"), 1.0);
    assert_eq!(scrape.value("reprise_attempts_ended_total", &[("outcome", "finished")]), 1.0);
    assert_eq!(scrape.value("reprise_attempts_ended_total", &[("outcome", "failed")]), 0.0);
    let head = harness.engine.store().head().await.unwrap().major as f64;
    assert_eq!((value("reprise_events_appended_total"), value("reprise_log_position")), (head, head));
    let appends = value("reprise_append_duration_seconds_count");
    assert!(appends >= 1.0 && appends <= head && value("reprise_append_duration_seconds_sum") > 0.0);
    assert!(value("reprise_batch_commands_sum") >= 8.0);
    let statuses = |status| scrape.value("reprise_key_scopes", &[QUEUE[0], QUEUE[1], ("status", status)]);
    assert_eq!((statuses("queued"), statuses("finished"), statuses("failed")), (2.0, 1.0, 0.0));
    for projection in ["views", "work_queue"] {
        let labels = [("projection", projection)];
        assert_eq!(scrape.value("reprise_projection_lag_events", &labels), 0.0);
        assert_eq!(scrape.value("reprise_projection_lag_seconds", &labels), 0.0);
    }
}

#[tokio::test]
async fn what_the_cache_has_is_a_hit() {
    let (harness, _clock) = watched().await;
    unit(&harness, "docs", &["a", "b"]).await;
    ask(&harness, &["a"]).await;
    let lookups = async || {
        let scrape = scrape(&harness).await;
        ["hit", "miss"]
            .map(|result| scrape.value("reprise_aggregate_cache_lookups_total", &[("result", result)]))
    };
    let [hits, misses] = lookups().await;
    ask(&harness, &["a"]).await;
    let [more_hits, same_misses] = lookups().await;
    assert!(more_hits > hits && same_misses == misses, "{hits} {misses}, then {more_hits} {same_misses}");
    ask(&harness, &["b"]).await;
    assert!(lookups().await[1] > misses);
}

#[tokio::test]
async fn the_age_of_a_queue_is_that_of_its_oldest_entry_that_may_be_claimed() {
    let (harness, clock) = watched().await;
    unit(&harness, "docs", &["a", "b", "c"]).await;
    let figures = async || {
        let scrape = scrape(&harness).await;
        let items = |state| scrape.value("reprise_queue_items", &[QUEUE[0], QUEUE[1], ("state", state)]);
        let age_s = scrape.value("reprise_queue_oldest_claimable_age_seconds", &QUEUE);
        (age_s, items("waiting"), items("leased"), items("held"))
    };
    for key in ["a", "b", "c"] {
        ask(&harness, &[key]).await;
        seen(&harness).await;
        clock.pass(Millis(30_000));
    }
    assert_eq!(figures().await, (90.0, 3.0, 0.0, 0.0));
    send(&harness, "a", work::Command::Hold).await;
    assert_eq!(figures().await, (60.0, 3.0, 0.0, 0.0), "held, and nobody was offered it yet");
    let lease = claim(&harness, 3_600_000).await;
    assert_eq!(lease["key"], "b");
    seen(&harness).await;
    assert_eq!(figures().await, (30.0, 1.0, 1.0, 1.0), "held and set aside");
    let retry = json!({ "attempts_max": 3, "backoff_ms": 3_600_000, "backoff_ms_max": 3_600_000 });
    let mut failed = of(&lease);
    failed["code"] = json!("broken");
    failed["retry"] = retry;
    let _failed = harness.post("/v1/leases/fail", failed).await.expect(200);
    seen(&harness).await;
    assert_eq!(figures().await, (30.0, 1.0, 0.0, 1.0), "what waits for its backoff does not count");
    let queue = "/v1/storage-units/docs/queue";
    let _off = harness.put(queue, json!({ "enabled": false })).await.expect(200);
    seen(&harness).await;
    assert_eq!(figures().await.0, 0.0, "a disabled queue gives out nothing");
    let _on = harness.put(queue, json!({ "enabled": true })).await.expect(200);
    send(&harness, "a", work::Command::Release).await;
    assert_eq!(figures().await, (90.0, 2.0, 0.0, 0.0), "released, it is as old as it is");
}

#[tokio::test]
async fn what_modules_do_is_measured() {
    let harness = Setup { workers: 1, ..Setup::default() }.start().await;
    harness.document("docs/a", "x");
    let modules = json!({ "raw": [{ "module": "cat" }], "other": [{ "module": "false" }] });
    let body = json!({ "name": "docs", "content": harness.registered("docs"), "modules": modules });
    let _created = harness.post("/v1/storage-units", body).await.expect(201);
    ask(&harness, &["a"]).await;
    harness.settled("docs").await;
    let modules = json!({ "raw": [{ "module": "false" }] });
    let body = json!({ "modules": modules });
    let _set = harness.put("/v1/storage-units/docs/modules", body).await.expect(200);
    ask(&harness, &["a"]).await;
    harness.settled("docs").await;
    let scrape = scrape(&harness).await;
    for (module, outcome, other) in [("cat", "finished", "failed"), ("false", "failed", "finished")] {
        let labels = [("module", module), ("outcome", outcome)];
        assert_eq!(scrape.value("reprise_module_documents_total", &labels), 1.0);
        assert_eq!(scrape.value("reprise_module_duration_seconds_count", &labels), 1.0);
        let labels = [("module", module), ("outcome", other)];
        assert_eq!(scrape.value("reprise_module_documents_total", &labels), 0.0);
    }
    assert_eq!(scrape.value("reprise_attempts_ended_total", &[("outcome", "failed")]), 1.0);
    assert_eq!(scrape.value("reprise_workers_present", &[]), 1.0);
}

#[tokio::test]
async fn two_instances_in_one_process_count_for_themselves() {
    let (one, other) = (watched().await.0, watched().await.0);
    unit(&one, "docs", &[]).await;
    assert_eq!(scrape(&one).await.value("reprise_events_appended_total", &[]), 1.0);
    assert_eq!(scrape(&other).await.value("reprise_events_appended_total", &[]), 0.0);
    assert_eq!(scrape(&other).await.find("reprise_commands_total", &[]), Vec::<&Sample>::new());
}
