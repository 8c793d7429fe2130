//! How tasks, workspaces and batches come to be.

use serde_json::{Value, json};
use tests::harness::{Harness, Setup};

use super::{create, with_workspace};

async fn keyed(harness: &Harness, key: &str, task: Value) -> tests::harness::Reply {
    let headers = [("content-type", "application/json"), ("idempotency-key", key)];
    harness.request("POST", "/v1/tasks", &headers, task.to_string()).await
}

#[tokio::test]
async fn an_external_id_is_one_tasks() {
    let harness = with_workspace().await;
    let path = create(&harness, json!({ "external_id": "IN-1", "context": {} })).await;
    let again = json!({ "external_id": "IN-1", "context": { "other": 1 } });
    let taken = harness.post("/v1/tasks", again).await.expect(409).json();
    assert_eq!(taken["code"], "external_id_taken");
    let listed = harness.get("/v1/tasks?external_id=IN-1").await.expect(200).json();
    assert_eq!(format!("/v1/tasks/{}", listed["items"][0]["id"]), path);
    assert_eq!(listed["items"].as_array().map(Vec::len), Some(1));
}

#[tokio::test]
async fn of_many_who_want_one_external_id_at_once_one_gets_it() {
    let harness = with_workspace().await;
    let task = || harness.post("/v1/tasks", json!({ "external_id": "IN-1", "context": {} }));
    let (first, second, third, fourth) = tokio::join!(task(), task(), task(), task());
    let replies = [first, second, third, fourth];
    let statuses = |status: u16| replies.iter().filter(|reply| reply.status.as_u16() == status).count();
    assert_eq!((statuses(201), statuses(409)), (1, 3));
    let counts = harness.get("/v1/tasks/counts").await.expect(200).json();
    assert_eq!(counts["total"], 1);
}

#[tokio::test]
async fn a_creation_that_comes_again_under_its_key_creates_nothing_more() {
    let harness = with_workspace().await;
    let task = json!({ "external_id": "IN-1", "context": { "a": 1 } });
    let first = keyed(&harness, "order 7", task.clone()).await.expect(201).json();
    let other = json!({ "display_name": "invoices", "plan": {} });
    let _configured = harness.put("/v1/workspaces/1", other).await.expect(200);
    let second = keyed(&harness, "order 7", task).await.expect(201).json();
    assert_eq!((&second["id"], &second["repeated"]), (&first["id"], &json!(true)));
    let different = keyed(&harness, "order 7", json!({ "context": { "a": 2 } })).await.expect(422).json();
    assert_eq!(different["code"], "idempotency_key_reused");
    assert_eq!(harness.get("/v1/tasks/counts").await.expect(200).json()["total"], 1);
}

#[tokio::test]
async fn what_the_rules_refuse_takes_no_external_id() {
    let harness = with_workspace().await;
    let twice = json!({ "users": ["mara", "mara"] });
    let wrong = json!({ "external_id": "IN-1", "context": {}, "assignment": twice });
    let refused = harness.post("/v1/tasks", wrong).await.expect(422).json();
    assert_eq!(refused["code"], "wrong_assignment");
    create(&harness, json!({ "external_id": "IN-1", "context": {} })).await;
}

#[tokio::test]
async fn a_batch_counts_its_tasks_and_takes_those_of_its_workspace_only() {
    let harness = with_workspace().await;
    let other = json!({ "display_name": "letters" });
    let other = harness.post("/v1/workspaces", other).await.expect(201).json();
    let batch = json!({ "workspace": 1, "display_name": "March" });
    let batch = harness.post("/v1/batches", batch).await.expect(201).json();
    let id = &batch["id"];
    create(&harness, json!({ "batch": id, "context": {} })).await;
    let wrong = json!({ "batch": id, "workspace": other["id"], "context": {} });
    let refused = harness.post("/v1/tasks", wrong).await.expect(409).json();
    assert_eq!(refused["code"], "batch_of_another_workspace");
    let shown = harness.get(&format!("/v1/batches/{id}")).await.expect(200).json();
    assert_eq!(shown["counts"], json!({ "total": 1, "in_history": 0 }));
    let listed = harness.get("/v1/batches?workspace=1").await.expect(200).json();
    assert_eq!(listed["items"][0]["display_name"], "March");
    let listed = harness.get(&format!("/v1/tasks?batch={id}")).await.expect(200).json();
    assert_eq!(listed["items"].as_array().map(Vec::len), Some(1));
}

#[tokio::test]
async fn a_task_without_any_workspace_is_refused_with_what_to_do() {
    let harness = Setup::without_workers().start().await;
    let refused = harness.post("/v1/tasks", json!({ "context": {} })).await.expect(409).json();
    assert_eq!(refused["code"], "no_default_workspace");
    assert!(refused["detail"].as_str().unwrap().contains("is_default"), "{refused}");
    assert_eq!(harness.get("/v1/workspaces").await.expect(200).json()["items"], json!([]));
}

#[tokio::test]
async fn pages_of_tasks_follow_each_other() {
    let harness = with_workspace().await;
    for number in 0..5 {
        create(&harness, json!({ "display_name": format!("t{number}"), "context": {} })).await;
    }
    let (mut seen, mut after) = (Vec::new(), String::new());
    loop {
        let page = harness.get(&format!("/v1/tasks?limit=2{after}")).await.expect(200).json();
        seen.extend(super::super::pluck(&page, "display_name"));
        match page["next"].as_str() {
            Some(next) => after = format!("&after={next}"),
            None => break,
        }
    }
    assert_eq!(seen, ["t0", "t1", "t2", "t3", "t4"]);
}
