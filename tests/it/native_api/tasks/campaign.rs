//! Campaigns over tasks: exactly those that match, previewed, pinned, restarted once.

use serde_json::{Value, json};
use tests::harness::Harness;

use super::{create, with_workspace};
use crate::native_api::pluck;

/// Six tasks, of which the first four have failed.
async fn with_failed() -> Harness {
    let harness = with_workspace().await;
    for number in 1..=6 {
        let path = create(&harness, json!({ "display_name": format!("t{number}"), "context": {} })).await;
        if number <= 4 {
            let failed = json!({ "outcome": "failed", "text": "unreadable" });
            let _settled = harness.post(&format!("{path}/resolve"), failed).await.expect(200);
        }
    }
    harness
}

fn failed() -> Value {
    json!({ "tasks": { "status": ["PreProcessingFailed"] } })
}

/// The campaign once it is over.
async fn ended(harness: &Harness, id: &str) -> Value {
    let engine = &harness.engine;
    let mut events =
        engine.store().subscribe(engine.views_position()).await.expect("the log can be followed");
    loop {
        let head = engine.store().head().await.expect("the log can be read");
        assert!(engine.wait_for_views(head).await, "the views do not follow the log");
        let campaign = harness.get(&format!("/v1/campaigns/{id}")).await.expect(200).json();
        if campaign["state"] == "completed" {
            return campaign;
        }
        let _more = events.next(100).await.expect("the log can be followed");
    }
}

#[tokio::test]
async fn a_campaign_restarts_exactly_the_tasks_that_a_dry_run_named() {
    let harness = with_failed().await;
    let mut body = failed();
    body["dry_run"] = json!(true);
    let preview = harness.post("/v1/campaigns", body).await.expect(200).json();
    assert_eq!((&preview["total"], &preview["complete"]), (&json!(4), &json!(true)));
    assert_eq!(preview["keys"], json!(["1", "2", "3", "4"]));
    let mut body = failed();
    body["expect"] = preview["digest"].clone();
    let begun = harness.post("/v1/campaigns", body).await.expect(202).json();
    assert_eq!(begun["pinned"]["keys"], 4);
    assert_eq!(begun["tasks"], json!({ "status": ["PreProcessingFailed"] }));
    let id = begun["id"].as_str().unwrap();
    let campaign = ended(&harness, id).await;
    assert_eq!(
        (&campaign["asked"], &campaign["settled"], &campaign["keys"]),
        (&json!(4), &json!(4), &json!(4))
    );
    assert_eq!(campaign.get("unit"), None);
    let restarted =
        harness.get(&format!("/v1/tasks?campaign={id}&restart_count_min=1")).await.expect(200).json();
    assert_eq!(pluck(&restarted, "display_name"), ["t1", "t2", "t3", "t4"]);
    let counted = harness.get("/v1/tasks/counts?restart_count_min=1").await.expect(200).json();
    assert_eq!(counted["total"], 4);
    let report = harness.get(&format!("/v1/campaigns/{id}/report")).await.expect(200).json();
    assert_eq!(report["finished"], 4);
    let history = harness.get(&format!("/v1/campaigns/{id}/events")).await.expect(200).json();
    let said = history["items"][1]["summary"].as_str().unwrap();
    assert!(said.contains("4 keys of tasks (PreProcessingFailed)"), "{said}");
}

#[tokio::test]
async fn a_preview_that_no_longer_matches_restarts_nothing() {
    let harness = with_failed().await;
    let mut body = failed();
    body["dry_run"] = json!(true);
    let preview = harness.post("/v1/campaigns", body).await.expect(200).json();
    let _meanwhile = harness.post("/v1/tasks/2/restart", json!({})).await.expect(200);
    let mut body = failed();
    body["expect"] = preview["digest"].clone();
    let refused = harness.post("/v1/campaigns", body).await.expect(409).json();
    assert_eq!(refused["code"], "targets_changed");
    let counted = harness.get("/v1/tasks/counts?restart_count_min=1").await.expect(200).json();
    assert_eq!(counted["total"], 1);
}

#[tokio::test]
async fn a_task_that_is_deleted_meanwhile_stops_no_other() {
    let harness = with_failed().await;
    let mut body = failed();
    body["pace"] = json!({ "keys_per_second_max": 1 });
    let begun = harness.post("/v1/campaigns", body).await.expect(202).json();
    // The first is restarted at once, and the last would have its turn three seconds later.
    let _deleted = harness.delete("/v1/tasks/4").await.expect(202);
    let id = begun["id"].as_str().unwrap();
    let _faster = harness.put(&format!("/v1/campaigns/{id}/pace"), json!({})).await.expect(200);
    let campaign = ended(&harness, id).await;
    assert_eq!((&campaign["keys"], &campaign["asked"]), (&json!(4), &json!(3)));
    let counted = harness.get("/v1/tasks/counts?restart_count_min=1").await.expect(200).json();
    assert_eq!(counted["total"], 3);
}

#[tokio::test]
async fn a_campaign_visits_keys_or_tasks_and_tasks_without_a_canary() {
    let harness = with_failed().await;
    let both = json!({ "unit": "docs", "scope": "raw", "tasks": {} });
    for body in [both, json!({}), json!({ "unit": "docs" }), json!({ "tasks": {}, "filter": {} })] {
        let refused = harness.post("/v1/campaigns", body).await.expect(422).json();
        assert_eq!(refused["code"], "no_target");
    }
    let mut body = failed();
    body["canary"] = json!({ "size": { "keys": 1 } });
    let refused = harness.post("/v1/campaigns", body).await.expect(422).json();
    assert_eq!(refused["code"], "canary_over_tasks");
    let wrong = json!({ "tasks": { "status": ["Done"] } });
    let refused = harness.post("/v1/campaigns", wrong).await.expect(422).json();
    assert!(refused["detail"].as_str().unwrap().contains("there is no status 'Done'"), "{refused}");
}
