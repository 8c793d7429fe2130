//! Many tasks in one request: created line by line, restarted by a list.

use serde_json::{Value, json};
use tests::harness::{Harness, Reply};

use super::{create, with_workspace};

async fn lines(harness: &Harness, body: String) -> Reply {
    harness.request("POST", "/v1/tasks", &[("content-type", "application/x-ndjson")], body).await
}

fn results(reply: &Reply) -> Vec<Value> {
    let text = String::from_utf8(reply.body.to_vec()).expect("text");
    text.lines().map(|line| serde_json::from_str(line).expect("a line of JSON")).collect()
}

#[tokio::test]
async fn each_line_creates_a_task_and_a_wrong_one_stops_no_other() {
    let harness = with_workspace().await;
    let body = [
        r#"{"external_id": "IN-1", "context": {"a": 1}, "reason": "the first"}"#.to_owned(),
        String::new(),
        "{".to_owned(),
        r#"{"external_id": "IN-2", "context": {}, "color": "red"}"#.to_owned(),
        r#"{"context": {}, "workspace": 99}"#.to_owned(),
        format!(r#"{{"context": {{"a": "{}"}}}}"#, "x".repeat(1 << 20)),
        r#"{"context": {}, "idempotency_key": "order 7"}"#.to_owned(),
    ];
    let reply = lines(&harness, body.join("\n")).await.expect(200);
    let results = results(&reply);
    let said: Vec<_> = results
        .iter()
        .map(|it| (it["line"].clone(), it["status"].clone(), it["problem"]["code"].clone()))
        .collect();
    let expected = [
        (1, "created", Value::Null),
        (2, "refused", json!("malformed_json")),
        (3, "refused", json!("invalid_body")),
        (4, "refused", json!("workspace_not_found")),
        (5, "refused", json!("body_too_large")),
        (6, "created", Value::Null),
    ];
    let expected: Vec<_> =
        expected.into_iter().map(|(line, status, code)| (json!(line), json!(status), code)).collect();
    assert_eq!(said, expected);
    let events = harness.get(&format!("/v1/tasks/{}/events", results[0]["id"])).await.expect(200).json();
    assert_eq!(events["items"][0]["reason"], "the first");
}

#[tokio::test]
async fn a_line_that_comes_again_under_its_key_creates_nothing_more() {
    let harness = with_workspace().await;
    let body: String =
        (0..200).map(|number| format!("{{\"context\":{{}},\"idempotency_key\":\"k{number}\"}}\n")).collect();
    let first = results(&lines(&harness, body.clone()).await.expect(200));
    let second = results(&lines(&harness, body).await.expect(200));
    assert_eq!(first.len(), 200);
    for (first, second) in first.iter().zip(&second) {
        assert_eq!((&first["status"], &second["status"]), (&json!("created"), &json!("repeated")));
        assert_eq!((&first["id"], &first["line"]), (&second["id"], &second["line"]));
    }
    assert_eq!(harness.get("/v1/tasks/counts").await.expect(200).json()["total"], 200);
}

#[tokio::test]
async fn many_tasks_take_no_key_for_all_of_them() {
    let harness = with_workspace().await;
    let headers = [("content-type", "application/x-ndjson"), ("idempotency-key", "k")];
    let refused = harness.request("POST", "/v1/tasks", &headers, "{}".to_owned()).await.expect(400).json();
    assert!(refused["detail"].as_str().unwrap().contains("idempotency_key of its own"), "{refused}");
}

#[tokio::test]
async fn the_tasks_of_a_list_are_restarted_each_on_its_own() {
    let harness = with_workspace().await;
    for _ in 0..3 {
        create(&harness, json!({ "context": {} })).await;
    }
    let _deleted = harness.request("DELETE", "/v1/tasks/2", &[], String::new()).await.expect(202);
    let body = json!({ "tasks": [3, 2, 1, 99], "reason": "better scans" });
    let restarted = harness.post("/v1/tasks/restart", body).await.expect(200).json();
    let said: Vec<_> = restarted["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|it| (it["id"].clone(), it["outcome"].clone(), it["problem"]["code"].clone()))
        .collect();
    let expected = [
        (3, "restarted", Value::Null),
        (2, "refused", json!("task_gone")),
        (1, "restarted", Value::Null),
        (99, "refused", json!("task_not_found")),
    ];
    let expected: Vec<_> =
        expected.into_iter().map(|(id, outcome, code)| (json!(id), json!(outcome), code)).collect();
    assert_eq!(said, expected);
    let shown = harness.get("/v1/tasks/3").await.expect(200).json();
    assert_eq!(shown["restart_count"], 1);
}

#[tokio::test]
async fn a_list_to_restart_has_each_task_once_and_not_too_many() {
    let harness = with_workspace().await;
    let twice = harness.post("/v1/tasks/restart", json!({ "tasks": [1, 1] })).await.expect(422).json();
    assert_eq!(twice["code"], "listed_twice");
    let many: Vec<u32> = (1..=1_001).collect();
    for tasks in [Vec::new(), many] {
        let refused = harness.post("/v1/tasks/restart", json!({ "tasks": tasks })).await.expect(422).json();
        assert_eq!(refused["code"], "wrong_number_of_items");
    }
}
