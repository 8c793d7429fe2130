//! Services: a real server on the loopback address.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::http::{HeaderMap, StatusCode};
use axum::routing::post;
use serde_json::{Value, json};
use tokio::net::TcpListener;

use super::*;

/// What a service was sent, in order.
type Seen = Arc<Mutex<Vec<Value>>>;

/// Serves until the test ends. `answer` makes a reply of the number of the request, counted from 1, and its body.
async fn service(
    answer: impl Fn(usize, &Value) -> (StatusCode, String) + Clone + Send + Sync + 'static,
) -> (Definition, Seen) {
    let seen = Seen::default();
    let noted = seen.clone();
    let handler = move |headers: HeaderMap, body: String| {
        let mut body: Value = serde_json::from_str(&body).unwrap();
        let reply = |number| answer(number, &body);
        let number = noted.lock().unwrap().len() + 1;
        let reply = reply(number);
        body["authorization"] = headers.get("authorization").map_or("", |it| it.to_str().unwrap()).into();
        noted.lock().unwrap().push(body);
        std::future::ready(reply)
    };
    let address = serve(Router::new().route("/run", post(handler))).await;
    (http(address), seen)
}

async fn serve(router: Router) -> SocketAddr {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move { axum::serve(listener, router).await });
    address
}

fn http(address: SocketAddr) -> Definition {
    Definition { kind: Kind::Http, url: Some(format!("http://{address}/run")), ..Definition::default() }
}

/// Answers each item with its content; those that are no text with a failure.
fn echo(body: &Value) -> (StatusCode, String) {
    let replies = body["items"].as_array().unwrap().iter().map(|item| match item["content"].as_str() {
        None => {
            json!({"failure": {"id": item["id"], "code": "not_text", "text": "no", "may_pass_later": false}})
        }
        Some(content) => json!({"result": {"id": item["id"], "output": content}}),
    });
    (StatusCode::OK, json!({"replies": replies.collect::<Vec<_>>()}).to_string())
}

async fn batch(definition: Definition, inputs: &[&[u8]]) -> Vec<Result<String, ModuleFailure>> {
    let jobs = inputs.iter().map(|input| job(*input)).collect();
    let (modules, name) = (modules(definition), name());
    let results =
        timeout(PATIENCE, modules.run_batch(&name, jobs)).await.expect("the batch must end by itself");
    results.into_iter().map(|result| result.map(|it| String::from_utf8(it.output).unwrap())).collect()
}

fn failed(code: &str, text: &str, may_pass_later: bool) -> Result<String, ModuleFailure> {
    Err(ModuleFailure { code: code.to_owned(), text: text.to_owned(), may_pass_later })
}

#[tokio::test]
async fn a_batch_is_one_request_with_a_reply_for_each_item() {
    let (definition, seen) = service(|_, body| echo(body)).await;
    let headers = BTreeMap::from([("authorization".to_owned(), "Bearer x".to_owned())]);
    let results = batch(Definition { headers, ..definition }, &[b"one", b"\xff", b"two"]).await;
    assert_eq!(results, [Ok("one".to_owned()), failed("not_text", "no", false), Ok("two".to_owned())]);
    let item = |id: &str, name: &str, content: &str| json!({"id": id, "key": "a/ü 1.pdf", "attempt": 2, name: content});
    let expected = json!({
        "authorization": "Bearer x",
        "batch": "1",
        "unit": "invoices",
        "scope": "ocr",
        "settings": {"language": "pt"},
        "items": [item("1", "content", "one"), item("2", "content_base64", "/w=="), item("3", "content", "two")],
    });
    assert_eq!(*seen.lock().unwrap(), [expected]);
}

#[tokio::test]
async fn an_error_of_the_service_is_tried_again_and_then_fails_the_items() {
    let broken = |_: usize, _: &Value| (StatusCode::SERVICE_UNAVAILABLE, "no room".to_owned());
    let (definition, seen) = service(broken).await;
    let failure = failed("http_503", "no room", true);
    assert_eq!(batch(definition, &[b"one", b"two"]).await, [failure.clone(), failure]);
    assert_eq!(seen.lock().unwrap().len(), 3);
}

#[tokio::test]
async fn a_service_that_recovers_is_not_noticed() {
    let (definition, seen) = service(|number, body| match number {
        1 => (StatusCode::BAD_GATEWAY, String::new()),
        _ => echo(body),
    })
    .await;
    assert_eq!(batch(definition, &[b"one"]).await, [Ok("one".to_owned())]);
    assert_eq!(seen.lock().unwrap().len(), 2);
}

#[tokio::test]
async fn a_refusal_fails_the_items_at_once_with_its_words() {
    for (status, may_pass_later) in [
        (StatusCode::UNPROCESSABLE_ENTITY, false),
        (StatusCode::TOO_MANY_REQUESTS, true),
        (StatusCode::FOUND, false),
    ] {
        let (definition, seen) = service(move |_, _| (status, "not this".to_owned())).await;
        let failure = failed(&format!("http_{}", status.as_u16()), "not this", may_pass_later);
        assert_eq!(batch(definition, &[b"one"]).await, [failure]);
        assert_eq!(seen.lock().unwrap().len(), 1);
    }
    let (definition, _) = service(|_, _| (StatusCode::FORBIDDEN, "x".repeat(50_000))).await;
    let results = batch(Definition { stderr_bytes_max: 4, ..definition }, &[b"one"]).await;
    assert_eq!(results, [failed("http_403", "xx\n… 49996 bytes left out …\nxx", false)]);
}

#[tokio::test]
async fn a_service_that_is_not_there_is_a_failure_that_may_pass() {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let address = listener.local_addr().unwrap();
    drop(listener);
    let failure = batch(http(address), &[b"one"]).await.remove(0).unwrap_err();
    assert_eq!((failure.code.as_str(), failure.may_pass_later), ("connection_failed", true));
    assert!(failure.text.contains(&format!("http://{address}/run could not be reached")), "{failure}");
    assert!(failure.text.contains("Connection refused"), "{failure}");
}

#[tokio::test]
async fn a_slow_service_is_given_up_and_not_asked_again() {
    let seen = Arc::new(Mutex::new(0));
    let noted = seen.clone();
    let handler = move || {
        *noted.lock().unwrap() += 1;
        std::future::pending::<()>()
    };
    let address = serve(Router::new().route("/run", post(handler))).await;
    let definition = Definition { time_limit_ms: Millis(200), ..http(address) };
    let failure = failed("time_limit", "the service did not answer within 200 ms", true);
    assert_eq!(batch(definition, &[b"one"]).await, [failure]);
    assert_eq!(*seen.lock().unwrap(), 1);
}

#[tokio::test]
async fn a_reply_that_cannot_be_used_is_a_failure() {
    let (definition, _) = service(|_, _| (StatusCode::OK, "{\"replies\":[]}".to_owned())).await;
    let failure = batch(definition, &[b"one"]).await.remove(0).unwrap_err();
    assert_eq!(failure.code, "protocol");
    assert!(failure.text.starts_with("the service's reply says nothing of this item"), "{failure}");
    let (definition, _) = service(|_, _| (StatusCode::OK, "[]".to_owned())).await;
    let failure = batch(definition, &[b"one"]).await.remove(0).unwrap_err();
    assert!(failure.text.starts_with("the service's reply cannot be understood"), "{failure}");
    let (definition, _) = service(|_, body| echo(body)).await;
    let small = Definition { reply_bytes_max: 10, ..definition.clone() };
    let failure = failed("output_limit", "the service's reply has more than 10 bytes", false);
    assert_eq!(batch(small, &[b"one"]).await, [failure]);
    let small = Definition { output_bytes_max: 3, ..definition };
    let failure = failed("output_limit", "the output has more than 3 bytes", false);
    assert_eq!(batch(small, &[b"one", b"four"]).await, [Ok("one".to_owned()), failure]);
}

#[tokio::test]
async fn documents_that_do_not_fit_into_one_request_go_into_several() {
    let (definition, seen) = service(|_, body| echo(body)).await;
    let definition = Definition { request_bytes_max: 150, ..definition };
    let large = [b'x'; 150];
    let results = batch(definition, &[b"a", b"b", &large, b"c"]).await;
    let text = "the document has more than 150 bytes as JSON; raise request_bytes_max";
    let expected = ["a", "b", "", "c"].map(|text| Ok(text.to_owned()));
    assert_eq!(results[2], failed("input_limit", text, false));
    assert_eq!((&results[..2], &results[3]), (&expected[..2], &expected[3]));
    let counts: Vec<_> =
        seen.lock().unwrap().iter().map(|body| body["items"].as_array().unwrap().len()).collect();
    assert_eq!(counts, [2, 1]);
}

#[test]
fn what_a_kind_of_module_does_not_have_is_refused_with_what_to_do() {
    let service =
        |url: &str| Definition { kind: Kind::Http, url: Some(url.to_owned()), ..Definition::default() };
    let good = service("http://localhost:1/run");
    let headers = BTreeMap::from([("a b".to_owned(), String::new())]);
    let url = |url: &str| Problem::Url { url: url.to_owned() };
    let not_here = |name, instead| Problem::NotForKind { name, instead };
    let cases = [
        (Definition { kind: Kind::Http, ..Definition::default() }, Problem::NoUrl),
        (service("ftp://localhost"), url("ftp://localhost")),
        (service("localhost:1"), url("localhost:1")),
        (Definition { headers: headers.clone(), ..good.clone() }, Problem::Header { name: "a b".to_owned() }),
        (Definition { mode: Mode::Stream, ..good.clone() }, not_here("mode", "set kind = \"command\"")),
        (
            Definition { shell: Some("cat".to_owned()), ..good.clone() },
            not_here("shell", "set kind = \"command\""),
        ),
        (Definition { headers, ..command(&["cat"]) }, not_here("headers", "set kind = \"http\"")),
        (
            Definition { batch_items_max: 0, ..good.clone() },
            Problem::LimitOutOfRange { name: "batch_items_max", value: 0, min: 1, max: 1_000 },
        ),
    ];
    for (definition, problem) in cases {
        let error = ConfiguredModules::new(BTreeMap::from([(name(), definition)])).unwrap_err();
        assert_eq!(error, DefinitionError { module: name(), problem });
    }
    assert_eq!(modules(good.clone()).missing_programs(), []);
    assert_eq!(modules(good).profile(&name()).unwrap().batch_items_max, 20);
    assert_eq!(modules(command(&["cat"])).profile(&name()).unwrap().batch_items_max, 1);
}
