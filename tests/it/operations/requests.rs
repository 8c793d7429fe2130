//! Requests have names that everybody can use, and leave few lines in the metrics.

use serde_json::{Value, json};
use tests::crash::server::Server;
use tests::harness::{Harness, Setup};

use super::scrape;

async fn named(harness: &Harness, id: &str) -> String {
    let reply = harness.request("GET", "/healthz", &[("x-request-id", id)], "").await;
    reply.header("x-request-id").to_owned()
}

#[tokio::test]
async fn a_request_keeps_the_id_that_its_caller_gave_it_and_gets_one_otherwise() {
    let harness = Setup::without_workers().start().await;
    assert_eq!(named(&harness, "order-4711/retry:2").await, "order-4711/retry:2");
    let too_long = "x".repeat(129);
    let (one, other) = (named(&harness, "not \"plain\"").await, named(&harness, &too_long).await);
    assert!(one != other && one.len() == 36 && other.len() == 36, "{one} {other}");
}

#[tokio::test]
async fn a_problem_says_how_its_request_is_called() {
    let harness = Setup::without_workers().start().await;
    for path in ["/v1/storage-units/none", "/nowhere"] {
        let reply = harness.request("GET", path, &[("x-request-id", "mine")], "").await.expect(404);
        assert_eq!((reply.header("x-request-id"), &reply.json()["request_id"]), ("mine", &json!("mine")));
    }
    let lines = [("x-request-id", "bulk"), ("content-type", "application/x-ndjson")];
    let reply = harness.request("POST", "/v1/commands", &lines, "nonsense\n").await.expect(200);
    assert_eq!(reply.json()["problem"]["request_id"], "bulk", "in what is written while it is sent as well");
    let stager = harness.get("/admin/drop/none").await.expect(400);
    assert_eq!(stager.json()["request_id"], Value::Null, "StageR's bodies are as documented");
    assert_eq!(stager.header("x-request-id").len(), 36);
}

#[tokio::test]
async fn requests_are_counted_by_route_and_never_by_path() {
    let harness = Setup::without_workers().start().await;
    for number in 0..50 {
        let _none = harness.get(&format!("/v1/storage-units/unit-{number}")).await.expect(404);
        let _none = harness.get(&format!("/nowhere/{number}")).await.expect(404);
        let made_up = format!("M{number}");
        let _none = harness.request(&made_up, "/v1/storage-units", &[], "").await.expect(405);
    }
    let _list = harness.get("/v1/storage-units").await.expect(200);
    let scrape = scrape(&harness).await;
    let count = |route, method, status| {
        let labels = [("route", route), ("method", method), ("status", status)];
        scrape.value("reprise_http_requests_total", &labels)
    };
    assert_eq!(count("/v1/storage-units/{name}", "GET", "4xx"), 50.0);
    assert_eq!(count("none", "GET", "4xx"), 50.0);
    assert_eq!(count("/v1/storage-units", "other", "4xx"), 50.0);
    assert_eq!(count("/v1/storage-units", "GET", "2xx"), 1.0);
    let durations = [("surface", "native"), ("route", "/v1/storage-units"), ("method", "GET")];
    assert_eq!(scrape.value("reprise_http_request_duration_seconds_count", &durations), 1.0);
    assert_eq!(scrape.find("reprise_http_requests_total", &[]).len(), 4);
    assert_eq!(scrape.value("reprise_http_requests_in_flight", &[]), 1.0, "the scrape itself");
}

#[tokio::test]
async fn readers_of_events_are_counted_while_they_are_there() {
    use axum::body::Body;
    use axum::http::Request;
    use tower::ServiceExt as _;
    let harness = Setup::without_workers().start().await;
    let request = Request::get("/v1/events/stream").body(Body::empty()).unwrap();
    let reading = harness.router().oneshot(request).await.unwrap();
    assert_eq!(scrape(&harness).await.value("reprise_event_followers", &[]), 1.0);
    drop(reading);
    assert_eq!(scrape(&harness).await.value("reprise_event_followers", &[]), 0.0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_log_for_programs_names_the_request_in_every_line_and_never_what_was_sent() {
    let folder = tempfile::tempdir().unwrap();
    let config = "data_dir = \"data\"\nlog_format = \"json\"\n";
    std::fs::write(folder.path().join("reprise.toml"), config).unwrap();
    let mut server = Server::start(folder.path(), 0);
    let url = server.listens();
    let request = |method: &str, path: &str, body: &'static str| {
        hyper::Request::builder()
            .method(method)
            .uri(format!("{url}{path}"))
            .header("x-request-id", "looked-for")
            .header("authorization", "Basic secret-token")
            .body(http_body_util::Full::new(bytes::Bytes::from_static(body.as_bytes())))
            .unwrap()
    };
    let client =
        hyper_util::client::legacy::Client::builder(hyper_util::rt::TokioExecutor::new()).build_http();
    let refused = request("POST", "/v1/storage-units?reason=secret-reason", "{\"name\": \"secret body\"}");
    assert_eq!(client.request(refused).await.unwrap().status(), 422);
    let metrics = request("GET", "/metrics", "");
    assert_eq!(client.request(metrics).await.unwrap().status(), 200);
    let (code, said) = server.stop();
    assert_eq!(code, 0, "{said:?}");
    let lines: Vec<Value> =
        said.iter().map(|line| serde_json::from_str(line).expect("a line of JSON")).collect();
    let of_request: Vec<&Value> =
        lines.iter().filter(|line| line["span"]["request_id"] == "looked-for").collect();
    let [line] = of_request.as_slice() else { panic!("one line, and none of the scrape: {lines:?}") };
    assert_eq!((&line["message"], &line["status"]), (&json!("refused"), &json!(422)));
    assert_eq!((&line["path"], &line["level"]), (&json!("/v1/storage-units"), &json!("INFO")));
    assert!(!said.iter().any(|line| line.contains("secret")), "{said:?}");
}
