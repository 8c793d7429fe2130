//! Wrong requests: always a 4xx with a sentence, and nothing is created.

use serde_json::{Value, json};

use super::{create, with_workspace};

#[tokio::test]
async fn whatever_is_wrong_with_a_request_for_tasks_gets_a_4xx_with_a_sentence() {
    let harness = with_workspace().await;
    let path = create(&harness, json!({ "context": {} })).await;
    let long = "x".repeat(300_000);
    let cases: [(&str, &str, Value, u16); 24] = [
        ("POST", "/v1/tasks", json!({}), 422),
        ("POST", "/v1/tasks", json!({ "context": 1 }), 422),
        ("POST", "/v1/tasks", json!({ "context": {}, "unknown": 1 }), 422),
        ("POST", "/v1/tasks", json!({ "context": {}, "workspace": 0 }), 422),
        ("POST", "/v1/tasks", json!({ "context": {}, "workspace": 99 }), 404),
        ("POST", "/v1/tasks", json!({ "context": {}, "batch": 99 }), 404),
        ("POST", "/v1/tasks", json!({ "context": {}, "priority": "urgent" }), 422),
        ("POST", "/v1/tasks", json!({ "context": {}, "external_id": "" }), 422),
        ("POST", "/v1/tasks", json!({ "context": { "a": long } }), 422),
        ("GET", "/v1/tasks/99999", Value::Null, 404),
        ("GET", "/v1/tasks/0", Value::Null, 400),
        ("GET", "/v1/tasks/abc", Value::Null, 400),
        ("GET", "/v1/tasks?status=Nowhere", Value::Null, 400),
        ("GET", "/v1/tasks?screen=attic", Value::Null, 400),
        ("GET", "/v1/tasks/counts?batch=99", Value::Null, 404),
        ("POST", "/v1/tasks/99999/restart", Value::Null, 404),
        ("POST", &format!("{path}/approve"), json!({ "user": "mara" }), 409),
        ("POST", &format!("{path}/edit"), json!({ "path": "/a", "value": 1 }), 409),
        ("POST", &format!("{path}/resolve"), json!({ "outcome": "gone", "text": "" }), 422),
        ("POST", &format!("{path}/assign"), json!({ "users": ["a", "a"] }), 422),
        ("POST", "/v1/workspaces", json!({ "display_name": "x", "plan": { "export": true } }), 422),
        ("PUT", "/v1/workspaces/99", json!({ "display_name": "x" }), 404),
        ("POST", "/v1/batches", json!({ "workspace": 99, "display_name": "x" }), 404),
        ("GET", "/v1/batches/99", Value::Null, 404),
    ];
    for (method, path, body, status) in cases {
        let (headers, body): (&[(&str, &str)], _) = if body.is_null() {
            (&[], String::new())
        } else {
            (&[("content-type", "application/json")], body.to_string())
        };
        let shown = body.get(..200).unwrap_or(&body).to_owned();
        let reply = harness.request(method, path, headers, body).await;
        assert_eq!(reply.status.as_u16(), status, "{method} {path} {shown}: {}", reply.text());
        let problem = reply.json();
        let detail = problem["detail"].as_str().unwrap_or_default();
        assert!(detail.len() > 20 && detail.ends_with('.'), "{method} {path} {shown}: {problem}");
    }
    assert_eq!(harness.get("/v1/tasks/counts").await.expect(200).json()["total"], 1);
}

#[tokio::test]
async fn an_output_of_a_stage_has_no_scope() {
    let harness = with_workspace().await;
    create(&harness, json!({ "context": {} })).await;
    let lease = super::claim(&harness).await;
    let output = json!({ "outputs": [{ "module": "fetch", "content": "x", "scope": "pages" }] });
    let refused = harness.post("/v1/leases/complete", super::item(&lease, output)).await.expect(422).json();
    assert_eq!(refused["code"], "invalid_output");
    super::complete(&harness, &lease).await;
}
