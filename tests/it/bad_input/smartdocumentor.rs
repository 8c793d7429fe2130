//! The table of the SmartDocumentor surface.

use http_api::HttpSettings;
use serde_json::json;
use tests::harness::{Reply, Setup};

use super::{Case, bare, check, is_problem, with_body};

const BODY_BYTES_MAX: usize = 64 << 10;
const PROCESS: &str = "/api/v1.0/external/sdtask/process";
const EXTERNAL: &str = "/api/v1.0/external/sdtask/externalIntegrationStatus?taskId=1";
const RESTART: &str = "/api/v1.0/external/sdtask/restartprocessing";
const BATCH: &str = "/api/v1.0/external/sdbatch";

#[tokio::test]
async fn whatever_is_wrong_with_a_smartdocumentor_request_gets_a_4xx_with_a_sentence_or_no_body() {
    let http = HttpSettings { body_bytes_max: BODY_BYTES_MAX, ..HttpSettings::default() };
    let harness = Setup { http, ..Setup::without_workers() }.start().await;
    let workspace = json!({ "display_name": "invoices", "is_default": true });
    let _created = harness.post("/v1/workspaces", workspace).await.expect(201);
    let task = json!({ "context": { "url": "https://documents.example/1.pdf" }, "externalId": "mine" });
    let _created = harness.post(PROCESS, task).await.expect(200);
    // A creation that is refused may use up a block of ids; everything else leaves the log as it is.
    let tables = [bodies(), members(), parameters(), unknown_things()];
    for table in tables {
        check(&harness, table, is_problem).await;
    }
    check(&harness, restarts(), is_empty).await;
    let list =
        harness.get("/api/v1.0/external/sdtask/statuslist?startDate=2000-01-01").await.expect(200).json();
    assert_eq!(list.as_array().map(Vec::len), Some(1));
    assert_eq!(
        (&list[0]["restartCount"], &list[0]["externalIntegrationStatus"]),
        (&json!(null), &json!("never"))
    );
    let _ready = harness.get("/readyz").await.expect(200);
}

fn is_empty(reply: &Reply) -> bool {
    reply.body.is_empty() && reply.header("content-type").is_empty()
}

/// Every call with a body.
const WITH_JSON: [(&str, &str); 3] = [("POST", PROCESS), ("PATCH", EXTERNAL), ("POST", BATCH)];

fn bodies() -> Vec<Case> {
    let deep = "[".repeat(10_000).into_bytes();
    let wrong: [&[u8]; 12] = [
        b"",
        b"{",
        b"nonsense",
        b"{\"a\":1,}",
        b"\xff\xfe",
        b"\0",
        b"7",
        b"\"text\"",
        b"[1]",
        b"null",
        b"{}",
        &deep,
    ];
    let mut cases = Vec::new();
    for (method, path) in WITH_JSON {
        cases.extend(wrong.iter().map(|body| with_body(method, path, *body, 400)));
        cases.push(with_body(method, path, vec![b' '; BODY_BYTES_MAX + 1], 413));
        let (content_type, body) = ("text/plain", b"{}".to_vec());
        cases.push(Case { method, path: path.to_owned(), content_type, body, status: 415 });
    }
    cases
}

fn members() -> Vec<Case> {
    let url = json!({ "url": "https://documents.example/1.pdf" });
    let mut cases = Vec::new();
    for context in [
        json!(null),
        json!("https://documents.example/1.pdf"),
        json!({}),
        json!({ "url": null }),
        json!({ "url": 7 }),
        json!({ "url": "" }),
        json!({ "url": "1.pdf" }),
        json!({ "url": "file:///etc/passwd" }),
        json!({ "url": "https://documents.example/1.pdf", "more": "x".repeat(300_000) }),
    ] {
        let body = json!({ "context": context }).to_string();
        let status = if body.len() > BODY_BYTES_MAX { 413 } else { 400 };
        cases.push(with_body("POST", PROCESS, body, status));
    }
    for (member, value) in [
        ("displayName", json!(7)),
        ("displayName", json!("x".repeat(300))),
        ("displayName", json!("a\nb")),
        ("description", json!("x".repeat(5_000))),
        ("description", json!([])),
        ("workspaceId", json!("1")),
        ("workspaceId", json!(0)),
        ("workspaceId", json!(-1)),
        ("workspaceId", json!(99)),
        ("workspaceId", json!(1.5)),
        ("workspaceId", json!(5_000_000_000_u64)),
        ("batchId", json!(99)),
        ("batchId", json!(0)),
        ("batchId", json!("first")),
        ("priority", json!("high")),
        ("priority", json!(1.5)),
        ("externalId", json!(7)),
        ("externalId", json!("x".repeat(300))),
        ("externalId", json!("a\u{0}b")),
        ("metadata", json!([])),
        ("customFormValues", json!("a=b")),
        ("taskAssignment", json!([])),
        ("taskAssignment", json!({})),
        ("taskAssignment", json!({ "users": "ada" })),
        ("taskAssignment", json!({ "users": ["ada", "ada"] })),
        ("taskAssignment", json!({ "users": [""] })),
        ("taskAssignment", json!({ "users": ["ada"], "orderType": "Some" })),
        ("taskAssignment", json!({ "users": ["ada"], "surprise": 1 })),
        ("taskAssignment", json!({ "users": ["ada"], "Users": ["ben"] })),
        ("Context", json!({})),
    ] {
        let mut body = json!({ "context": url });
        body[member] = value;
        cases.push(with_body("POST", PROCESS, body.to_string(), 400));
    }
    let taken = json!({ "context": url, "externalId": "mine" });
    cases.push(with_body("POST", PROCESS, taken.to_string(), 409));
    for body in [
        json!({ "displayName": "" }),
        json!({ "displayName": 7 }),
        json!({ "displayName": "a", "workspaceId": 99 }),
        json!({ "displayName": "a", "workspaceId": -1 }),
        json!({ "displayName": "a", "description": "x".repeat(5_000) }),
        json!({ "description": "no name" }),
    ] {
        cases.push(with_body("POST", BATCH, body.to_string(), 400));
    }
    cases
}

fn parameters() -> Vec<Case> {
    let mut cases = Vec::new();
    let status = "/api/v1.0/external/sdtask/status";
    for query in [
        "",
        "?",
        "?taskId",
        "?taskId=",
        "?taskId=abc",
        "?taskId=1.0",
        "?taskId=1&taskId=1",
        "?taskId=%ff",
        "?taskId=%zz",
    ] {
        cases.push(bare("GET", format!("{status}{query}"), 400));
        cases.push(with_body(
            "PATCH",
            format!("/api/v1.0/external/sdtask/externalIntegrationStatus{query}"),
            r#"{"externalIntegrationStatus":"sent"}"#,
            400,
        ));
    }
    for call in ["statuslist", "statuslistpaginated"] {
        for query in [
            "",
            "startDate=",
            "startDate=now",
            "startDate=2026-13-01",
            "startDate=2026-01-31&startDate=2026-02-01",
            "startDate=2026-01-31T12:00:00+01:00",
            "endDate=1795304211",
            "endDate=2026-01-31&taskStatus=30,31",
            "endDate=2026-01-31&taskStatus=gone",
            "endDate=2026-01-31&integrationStatus=x",
            "endDate=2026-01-31&workspaceId=first",
            "endDate=2026-01-31&externalIntegrationStatus=xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx",
            "endDate=2026-01-31&sort=colour",
            "endDate=2026-01-31&sort=-",
            "endDate=2026-01-31&sort=taskId&sort=taskId",
            "endDate=%ff",
        ] {
            cases.push(bare("GET", format!("/api/v1.0/external/sdtask/{call}?{query}"), 400));
        }
    }
    for query in [
        "pageNumber=0",
        "pageNumber=-1",
        "pageNumber=first",
        "pageNumber=1&pageNumber=2",
        "pageSize=0",
        "pageSize=-1",
        "pageSize=1001",
        "pageSize=99999999999999999999999",
        "pageSize=ten",
    ] {
        let list = "/api/v1.0/external/sdtask/statuslistpaginated?startDate=2026-01-31";
        cases.push(bare("GET", format!("{list}&{query}"), 400));
        cases.push(bare("GET", format!("{BATCH}/listpaginated?{query}"), 400));
    }
    cases.push(bare("GET", format!("{BATCH}/listpaginated?workspaceId=x"), 400));
    for query in ["", "?batchId=", "?batchId=x", "?batchId=1&batchId=2"] {
        cases.push(bare("GET", format!("{BATCH}{query}"), 400));
    }
    cases
}

fn unknown_things() -> Vec<Case> {
    let status = "/api/v1.0/external/sdtask/status";
    let mut cases = Vec::new();
    for id in ["99999", "0", "-1", "99999999999999999999999"] {
        cases.push(bare("GET", format!("{status}?taskId={id}"), 404));
        cases.push(bare("GET", format!("{BATCH}?batchId={id}"), 404));
    }
    let long = "x".repeat(300);
    for name in ["theirs", "%00", long.as_str()] {
        cases.push(bare("GET", format!("{status}?externalId={name}"), 404));
    }
    cases.push(bare("GET", "/api/v1.0/external/sdtask/none", 404));
    cases.push(bare("POST", status, 405));
    cases.push(bare("DELETE", PROCESS, 405));
    cases
}

fn restarts() -> Vec<Case> {
    let mut cases = Vec::new();
    for query in
        ["", "?taskId=", "?taskId=abc", "?taskId=1&taskId=2", "?externalId=a&externalId=b", "?taskId=%ff"]
    {
        cases.push(bare("PATCH", format!("{RESTART}{query}"), 400));
    }
    for query in
        ["?taskId=99999", "?taskId=0", "?taskId=-1", "?externalId=theirs", "?taskId=2&externalId=mine"]
    {
        cases.push(bare("PATCH", format!("{RESTART}{query}"), 404));
        cases.push(with_body("PATCH", format!("{RESTART}{query}"), "nonsense", 404));
    }
    cases
}
