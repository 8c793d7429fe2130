//! Why a key-scope does not move, and what frees it.

use serde_json::{Value, json};
use tests::harness::Setup;

use super::{
    carry_out, causes, claimed, explain, failure, happened, keys, lease, queue, report, somebody_works,
    until_claimed, with_unit,
};

const A: &str = "/v1/key-scopes/docs/raw/a";
const B: &str = "/v1/key-scopes/docs/raw/b";

#[tokio::test]
async fn what_nobody_serves_is_freed_by_a_worker_that_takes_it_with_those_before_it() {
    let harness = with_unit(&["a", "b"]).await;
    queue(&harness, &["a"]).await;
    queue(&harness, &["b"]).await;
    let explained = explain(&harness, B).await;
    assert_eq!((&explained["state"], causes(&explained)), (&json!("queued"), vec!["no_worker"]));
    assert_eq!(
        (&explained["queue"]["ahead"], &explained["queue"]["first"][0]["key"]),
        (&json!(1), &json!("a"))
    );
    let why = &explained["causes"][0];
    assert_eq!((&why["unit"], &why["scope"]), (&json!("docs"), &json!("raw")));
    assert_eq!(
        (&why["event"]["event"], &why["event"]["at"]),
        (&json!("key_scope.queued"), &explained["since"])
    );
    assert_eq!(explained["suggestions"][0]["command"], "reprise work --queue docs/raw");
    let given = carry_out(&harness, &explained).await.json();
    assert_eq!(keys(&given), ["a", "b"]);
}

#[tokio::test]
async fn what_waits_behind_others_is_freed_by_one_more_worker() {
    let harness = with_unit(&["a", "b"]).await;
    somebody_works(&harness).await;
    queue(&harness, &["a"]).await;
    queue(&harness, &["b"]).await;
    let explained = explain(&harness, B).await;
    assert_eq!((causes(&explained), &explained["causes"][0]["ahead"]), (vec!["waits_in_line"], &json!(1)));
    assert_eq!(explained["queue"]["workers"][0]["name"], "w");
    let given = carry_out(&harness, &explained).await.json();
    assert_eq!(keys(&given), ["a", "b"]);
}

#[tokio::test]
async fn what_a_paused_system_keeps_is_freed_by_resuming_it() {
    let harness = with_unit(&["a"]).await;
    somebody_works(&harness).await;
    queue(&harness, &["a"]).await;
    let pause = json!({ "reason": "the disk is full" });
    let _paused = harness.post("/v1/system/pause", pause).await.expect(200);
    let explained = explain(&harness, A).await;
    let why = &explained["causes"][0];
    assert_eq!((causes(&explained), &why["reason"]), (vec!["system_paused"], &json!("the disk is full")));
    assert_eq!((&why["event"]["event"], &why["event"]["actor"]), (&json!("system.paused"), &json!("http")));
    assert_eq!(explained["suggestions"][0]["command"], "reprise system resume");
    let claims = |legal: &Value| legal["command"]["name"] == "claim";
    assert!(!explained["legal"].as_array().unwrap().iter().any(claims), "{explained}");
    let _resumed = carry_out(&harness, &explained).await;
    assert_eq!(claimed(&harness, "docs").await, ["a"]);
}

#[tokio::test]
async fn what_is_held_is_freed_by_releasing_it() {
    let harness = with_unit(&["a"]).await;
    somebody_works(&harness).await;
    queue(&harness, &["a"]).await;
    let _held = harness.post(&format!("{A}/hold"), json!({ "reason": "wait for mara" })).await.expect(200);
    let explained = explain(&harness, A).await;
    assert_eq!((causes(&explained), &explained["state"]), (vec!["held"], &json!("queued")));
    assert_eq!(explained["causes"][0]["event"]["reason"], "wait for mara");
    let _released = carry_out(&harness, &explained).await;
    assert_eq!(claimed(&harness, "docs").await, ["a"]);
}

#[tokio::test]
async fn what_was_found_to_be_held_when_it_was_offered_is_freed_likewise() {
    let harness = with_unit(&["a"]).await;
    queue(&harness, &["a"]).await;
    let _held = harness.post(&format!("{A}/hold"), Value::Null).await.expect(200);
    somebody_works(&harness).await;
    let explained = explain(&harness, A).await;
    assert_eq!(causes(&explained), ["held"]);
    let _released = carry_out(&harness, &explained).await;
    assert_eq!(claimed(&harness, "docs").await, ["a"]);
}

#[tokio::test]
async fn what_a_disabled_queue_keeps_is_freed_by_enabling_it() {
    let harness = with_unit(&["a"]).await;
    somebody_works(&harness).await;
    queue(&harness, &["a"]).await;
    let _disabled =
        harness.put("/v1/storage-units/docs/queue", json!({ "enabled": false })).await.expect(200);
    let explained = explain(&harness, A).await;
    assert_eq!(causes(&explained), ["queue_disabled"]);
    assert_eq!(explained["causes"][0]["event"]["event"], "storage_unit.queue_disabled");
    assert_eq!(explained["suggestions"][0]["command"], "reprise unit enable docs");
    let _enabled = carry_out(&harness, &explained).await;
    assert_eq!(claimed(&harness, "docs").await, ["a"]);
}

#[tokio::test]
async fn what_a_limit_keeps_is_freed_by_a_higher_one() {
    let harness = with_unit(&["a", "b"]).await;
    let _set = harness.put("/v1/storage-units/docs/limits", json!({ "in_flight_max": 1 })).await.expect(200);
    queue(&harness, &["a"]).await;
    assert_eq!(claimed(&harness, "docs").await, ["a"]);
    queue(&harness, &["b"]).await;
    let explained = explain(&harness, B).await;
    let why = &explained["causes"][0];
    assert_eq!(causes(&explained), ["in_flight_limit"]);
    assert_eq!((&why["in_flight"], &why["in_flight_max"]), (&json!(1), &json!(1)));
    assert_eq!(why["event"]["event"], "storage_unit.limits_set");
    let _raised = carry_out(&harness, &explained).await;
    assert_eq!(claimed(&harness, "docs").await, ["b"]);
}

#[tokio::test]
async fn several_causes_are_told_together_and_the_first_suggestions_lift_one_after_the_other() {
    let harness = with_unit(&["a"]).await;
    queue(&harness, &["a"]).await;
    let _held = harness.post(&format!("{A}/hold"), Value::Null).await.expect(200);
    let _paused = harness.post("/v1/system/pause", json!({ "reason": "lunch" })).await.expect(200);
    let _disabled =
        harness.put("/v1/storage-units/docs/queue", json!({ "enabled": false })).await.expect(200);
    let mut left = vec!["held", "system_paused", "queue_disabled", "no_worker"];
    while !left.is_empty() {
        let explained = explain(&harness, A).await;
        assert_eq!(causes(&explained), left);
        let _carried_out = carry_out(&harness, &explained).await;
        left.remove(0);
    }
    let explained = explain(&harness, A).await;
    assert_eq!((causes(&explained), &explained["state"]), (vec!["leased"], &json!("assigned")));
}

#[tokio::test]
async fn what_somebody_has_is_freed_by_taking_it_back() {
    let harness = with_unit(&["a"]).await;
    queue(&harness, &["a"]).await;
    let lease = lease(&harness, "docs").await;
    let explained = explain(&harness, A).await;
    let why = &explained["causes"][0];
    assert_eq!((causes(&explained), &why["worker"]), (vec!["leased"], &json!("w")));
    assert_eq!((&why["until"], &why["attempt"]), (&lease["until"], &json!(1)));
    assert!(why["last_heartbeat"].is_string(), "{why}");
    let _back = carry_out(&harness, &explained).await;
    assert_eq!(claimed(&harness, "docs").await, ["a"]);
}

#[tokio::test]
async fn what_somebody_works_on_is_freed_by_taking_it_back() {
    let harness = with_unit(&["a"]).await;
    queue(&harness, &["a"]).await;
    let lease = lease(&harness, "docs").await;
    report(&harness, "start", &lease, json!({})).await;
    let explained = explain(&harness, A).await;
    assert_eq!((causes(&explained), &explained["state"]), (vec!["running"], &json!("running")));
    assert_eq!(explained["causes"][0]["event"]["event"], "key_scope.process_started");
    let _back = carry_out(&harness, &explained).await;
    assert_eq!(claimed(&harness, "docs").await, ["a"]);
}

#[tokio::test]
async fn what_is_in_backoff_is_freed_by_asking_for_it() {
    let harness = with_unit(&["a"]).await;
    queue(&harness, &["a"]).await;
    let lease = lease(&harness, "docs").await;
    report(&harness, "fail", &lease, failure(3)).await;
    let explained = explain(&harness, A).await;
    let why = &explained["causes"][0];
    assert_eq!((causes(&explained), &explained["state"]), (vec!["backoff"], &json!("retrying")));
    assert_eq!(
        (&why["code"], &why["text"], &why["failures"]),
        (&json!("no_text"), &json!("nothing was read"), &json!(1))
    );
    let shown = harness.get(A).await.expect(200).json();
    assert_eq!(why["until"], shown["retry_at"]);
    assert_eq!(explained["suggestions"][0]["command"], "reprise reprocess key docs a raw");
    let _asked = carry_out(&harness, &explained).await;
    assert_eq!(claimed(&harness, "docs").await, ["a"]);
}

#[tokio::test]
async fn what_failed_for_good_is_freed_by_asking_for_it_again() {
    let harness = with_unit(&["a"]).await;
    queue(&harness, &["a"]).await;
    let lease = lease(&harness, "docs").await;
    report(&harness, "fail", &lease, failure(1)).await;
    let explained = explain(&harness, A).await;
    assert_eq!((causes(&explained), &explained["state"]), (vec!["failed_for_good"], &json!("failed")));
    assert_eq!(explained["causes"][0]["event"]["event"], "key_scope.failed");
    let _asked = carry_out(&harness, &explained).await;
    assert_eq!(claimed(&harness, "docs").await, ["a"]);
}

#[tokio::test]
async fn what_is_finished_runs_again_when_the_first_suggestion_is_carried_out() {
    let harness = with_unit(&["a"]).await;
    queue(&harness, &["a"]).await;
    let lease = lease(&harness, "docs").await;
    let output = json!({ "outputs": [{ "module": "cat", "content": "a" }] });
    report(&harness, "complete", &lease, output).await;
    let explained = explain(&harness, A).await;
    assert_eq!((causes(&explained), &explained["state"]), (vec!["finished"], &json!("finished")));
    let _asked = carry_out(&harness, &explained).await;
    assert_eq!(claimed(&harness, "docs").await, ["a"]);
}

#[tokio::test]
async fn what_went_with_its_unit_is_freed_by_creating_the_unit_as_it_was_and_asking() {
    let harness = with_unit(&["a"]).await;
    queue(&harness, &["a"]).await;
    let _dropped = harness.delete("/v1/storage-units/docs").await;
    happened(&harness, "cleared").await;
    let explained = explain(&harness, A).await;
    assert_eq!(causes(&explained), ["unit_gone", "never_asked_for"]);
    assert_eq!(explained["causes"][0]["event"]["event"], "storage_unit.dropped");
    assert_eq!(explained["causes"][1]["event"]["event"], "key_scope.withdrawn");
    let _created = carry_out(&harness, &explained).await;
    let explained = explain(&harness, A).await;
    assert_eq!(causes(&explained), ["never_asked_for"]);
    let _asked = carry_out(&harness, &explained).await;
    assert_eq!(claimed(&harness, "docs").await, ["a"]);
}

#[tokio::test]
async fn what_a_campaign_has_not_come_to_is_freed_by_asking_for_it() {
    let harness = with_unit(&["a", "b"]).await;
    let start = json!({ "unit": "docs", "scope": "raw", "pace": { "in_flight_max": 1 } });
    let campaign = harness.post("/v1/campaigns", start).await.expect(202).json();
    happened(&harness, "advanced").await;
    let explained = explain(&harness, B).await;
    let why = &explained["causes"][0];
    assert_eq!(
        (causes(&explained), &explained["state"]),
        (vec!["campaign_pace", "never_asked_for"], &json!("idle"))
    );
    assert_eq!((&why["campaign"], &why["in_flight_max"]), (&campaign["id"], &json!(1)));
    let _asked = carry_out(&harness, &explained).await;
    until_claimed(&harness, "docs", "b").await;
}

#[tokio::test]
async fn what_a_paused_campaign_has_not_come_to_is_freed_by_asking_for_it() {
    let harness = with_unit(&["a", "b"]).await;
    let start = json!({ "unit": "docs", "scope": "raw", "pace": { "in_flight_max": 1 } });
    let campaign = harness.post("/v1/campaigns", start).await.expect(202).json();
    happened(&harness, "advanced").await;
    let path = format!("/v1/campaigns/{}", campaign["id"].as_str().unwrap());
    let _paused = harness.post(&format!("{path}/pause"), json!({ "reason": "too loud" })).await.expect(200);
    let explained = explain(&harness, B).await;
    assert_eq!(causes(&explained), ["campaign_paused", "never_asked_for"]);
    assert_eq!(explained["causes"][0]["event"]["reason"], "too loud");
    let _asked = carry_out(&harness, &explained).await;
    until_claimed(&harness, "docs", "b").await;
}

#[tokio::test]
async fn what_is_legal_now_is_said_with_what_it_would_record() {
    let harness = with_unit(&["a"]).await;
    queue(&harness, &["a"]).await;
    let explained = explain(&harness, A).await;
    let legal = explained["legal"].as_array().expect("a list");
    let told = |name: &str| {
        let of_name = |it: &&Value| it["command"]["name"] == name;
        legal.iter().find(of_name).map(|it| (it["sender"].as_str().unwrap(), &it["records"][0]["event"]))
    };
    assert_eq!(told("hold"), Some(("anyone", &json!("key_scope.held"))));
    assert_eq!(told("claim"), Some(("workers", &json!("key_scope.assigned"))));
    assert_eq!((told("release"), told("unassign"), told("queue")), (None, None, None));
    let hold = json!({ "stream": explained["subject"], "command": { "name": "hold" } });
    let held = harness.post("/v1/commands", hold).await.expect(200).json();
    assert_eq!(held["events"], json!(["key_scope.held"]));
}

#[tokio::test]
async fn what_nobody_asked_for_and_nothing_is_about_to_is_not_there() {
    let harness = Setup::without_workers().start().await;
    for path in [
        "/v1/key-scopes/docs/raw/a",
        "/v1/tasks/7",
        "/v1/storage-units/docs",
        "/v1/campaigns/00000000-0000-0000-0000-000000000001",
    ] {
        let _absent = harness.get(&format!("{path}/explain")).await.expect(404);
    }
}
