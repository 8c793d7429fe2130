//! The real binary, built to export spans, beside a small collector: what a request leads to arrives as one trace.
//!
//! Only with the feature `otel`: `cargo test --workspace --features cli/otel --test otel`. It does not know how spans are
//! gathered.
#![expect(clippy::panic, reason = "a panic is how a test says what went wrong")]

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

/// The trace that the caller began, and the caller's own span.
const TRACE: &str = "0af7651916cd43dd8448eb211c80319c";
const CALLER: &str = "b7ad6b7169203331";
/// How long anything may take before the test fails instead of hanging.
const PATIENCE: Duration = Duration::from_secs(60);

// ── HTTP, as little as it takes ────────────────────────────────────────────────────────────────────────────────

/// Reads one message that says how long it is; gives its first line and its body.
fn message(stream: &mut BufReader<TcpStream>) -> Option<(String, Vec<u8>)> {
    let mut first = String::new();
    if stream.read_line(&mut first).ok()? == 0 {
        return None;
    }
    let mut length = 0;
    loop {
        let mut line = String::new();
        stream.read_line(&mut line).ok()?;
        let line = line.trim().to_ascii_lowercase();
        if line.is_empty() {
            break;
        }
        if let Some(value) = line.strip_prefix("content-length:") {
            length = value.trim().parse().expect("a length");
        }
    }
    let mut body = vec![0; length];
    stream.read_exact(&mut body).ok()?;
    Some((first, body))
}

fn ask(address: &str, method: &str, path: &str, body: &Value) -> Value {
    let body = if body.is_null() { String::new() } else { body.to_string() };
    let mut stream = TcpStream::connect(address).expect("the server listens");
    let head = format!(
        "{method} {path} HTTP/1.1\r\nhost: {address}\r\ncontent-type: application/json\r\n\
         traceparent: 00-{TRACE}-{CALLER}-01\r\ncontent-length: {}\r\n\r\n",
        body.len()
    );
    stream.write_all((head + &body).as_bytes()).expect("a request can be sent");
    let (status, body) = message(&mut BufReader::new(stream)).expect("an answer");
    let text = String::from_utf8_lossy(&body);
    assert!(status.starts_with("HTTP/1.1 20"), "{status}{text}");
    serde_json::from_str(&text).expect("JSON")
}

// ── The two processes ──────────────────────────────────────────────────────────────────────────────────────────

/// Takes in what is sent, and hands it over as it came.
fn collector() -> (String, Receiver<(String, Vec<u8>)>) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let url = format!("http://{}", listener.local_addr().expect("an address"));
    let (sender, batches) = channel();
    std::thread::spawn(move || {
        for stream in listener.incoming().map_while(Result::ok) {
            let sender: Sender<(String, Vec<u8>)> = sender.clone();
            std::thread::spawn(move || {
                let mut stream = BufReader::new(stream);
                while let Some(batch) = message(&mut stream) {
                    let taken = sender.send(batch);
                    let answer =
                        b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 2\r\n\r\n{}";
                    if taken.is_err() || stream.get_mut().write_all(answer).is_err() {
                        return;
                    }
                }
            });
        }
    });
    (url, batches)
}

/// A server in a process of its own. Killed when it is dropped.
struct Server {
    child: Child,
    address: String,
}

impl Server {
    /// Starts a server that exports to the collector, in the form that is named, if one is.
    fn start(folder: &Path, collector: &str, protocol: &str) -> Self {
        let config = format!(
            "[content]\nregistered_bases = [\"file://{}\"]\n[modules.copy]\ncommand = [\"cat\"]\n",
            folder.display()
        );
        std::fs::write(folder.join("reprise.toml"), config).expect("a file can be written");
        let mut child = Command::new(env!("CARGO_BIN_EXE_reprise"))
            .args(["--data-dir", "data", "serve", "--listen", "127.0.0.1:0", "--workers", "1"])
            .current_dir(folder)
            .env("OTEL_EXPORTER_OTLP_ENDPOINT", collector)
            .env("OTEL_EXPORTER_OTLP_PROTOCOL", protocol)
            .stderr(Stdio::piped())
            .spawn()
            .expect("the binary starts");
        let mut lines = BufReader::new(child.stderr.take().expect("its stderr is piped")).lines();
        let mut said = Vec::new();
        let address = lines.by_ref().map_while(Result::ok).find_map(|line| {
            let address = line.split_once("url=http://").and_then(|(_, rest)| rest.split_whitespace().next());
            let address = address.map(str::to_owned);
            said.push(line);
            address
        });
        // Read on, so that it can write on.
        std::thread::spawn(move || lines.map_while(Result::ok).for_each(drop));
        let address = address.unwrap_or_else(|| panic!("it does not listen: {said:#?}"));
        Self { child, address }
    }

    /// Has one document of a new unit processed.
    fn work(&self, folder: &Path) {
        let documents = folder.join("documents");
        std::fs::create_dir(&documents).expect("a folder can be made");
        std::fs::write(documents.join("a"), "x").expect("a file can be written");
        let url = format!("file://{}", documents.display());
        let content = json!({ "kind": "registered", "url": url, "layout": "{key}", "scope": "raw" });
        let modules = json!({ "raw": [{ "module": "copy" }] });
        let unit = json!({ "name": "docs", "content": content, "modules": modules });
        ask(&self.address, "POST", "/v1/storage-units", &unit);
        let keys = json!({ "scope": "raw", "keys": ["a"] });
        ask(&self.address, "POST", "/v1/storage-units/docs/reprocess", &keys);
        let begun = Instant::now();
        while ask(&self.address, "GET", "/v1/key-scopes/docs/raw/a", &Value::Null)["status"] != "finished" {
            assert!(begun.elapsed() < PATIENCE, "the document is processed in time");
        }
    }

    /// Tells it to stop, and waits until it has.
    fn stop(mut self) {
        let id = self.child.id().to_string();
        let told = Command::new("kill").args(["-TERM", &id]).status().expect("kill can be run");
        assert!(told.success() && self.child.wait().expect("it ends").success());
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may have ended already.
        let _gone = self.child.kill();
        let _gone = self.child.wait();
    }
}

// ── What arrives ───────────────────────────────────────────────────────────────────────────────────────────────

fn spans(batches: &Receiver<(String, Vec<u8>)>) -> Vec<Value> {
    let mut spans = Vec::new();
    for (line, body) in batches.try_iter() {
        assert!(line.starts_with("POST /v1/traces "), "{line}");
        let batch: Value = serde_json::from_slice(&body).expect("JSON");
        for resource in batch["resourceSpans"].as_array().into_iter().flatten() {
            let service = json!({ "key": "service.name", "value": { "stringValue": "reprise" } });
            let attributes = resource["resource"]["attributes"].as_array().expect("attributes");
            assert!(attributes.contains(&service), "{attributes:?}");
            for scope in resource["scopeSpans"].as_array().into_iter().flatten() {
                spans.extend(scope["spans"].as_array().into_iter().flatten().cloned());
            }
        }
    }
    spans
}

/// The first span with this name below a span, in which the text occurs.
fn below<'a>(spans: &'a [Value], parent: &Value, name: &str, text: &str) -> &'a Value {
    let is_wanted = |span: &&Value| {
        span["name"] == name
            && span["parentSpanId"] == *parent
            && span["attributes"].to_string().contains(text)
    };
    let found = spans.iter().find(is_wanted);
    found.unwrap_or_else(|| panic!("no {name} with {text} below {parent}: {spans:#?}"))
}

#[test]
fn what_a_request_leads_to_is_one_trace_that_began_with_the_caller() {
    let folder = tempfile::tempdir().expect("a folder");
    let (url, batches) = collector();
    let server = Server::start(folder.path(), &url, "http/json");
    server.work(folder.path());
    server.stop();
    let spans = spans(&batches);
    let request = below(&spans, &json!(CALLER), "request", "/v1/storage-units/{name}/reprocess");
    let command = below(&spans, &request["spanId"], "command", "queue");
    let append = below(&spans, &command["spanId"], "append", "");
    for span in [request, command, append] {
        assert_eq!(span["traceId"], TRACE, "{span}");
    }
    let work = spans.iter().find(|span| span["name"] == "work").expect("the worker's span");
    let complete = below(&spans, &work["spanId"], "command", "complete");
    for span in [below(&spans, &work["spanId"], "module", "copy"), complete] {
        assert_eq!(span["traceId"], work["traceId"], "{span}");
    }
    let _append = below(&spans, &complete["spanId"], "append", "");
}

#[test]
fn spans_are_sent_as_protobuf_unless_another_form_is_named() {
    let folder = tempfile::tempdir().expect("a folder");
    let (url, batches) = collector();
    let server = Server::start(folder.path(), &url, "");
    ask(&server.address, "POST", "/v1/storage-units", &json!({ "name": "docs" }));
    server.stop();
    let sent: Vec<u8> = batches.try_iter().flat_map(|(_, body)| body).collect();
    let byte = |at: usize| u8::from_str_radix(&TRACE[at..at + 2], 16).expect("hexadecimal digits");
    let trace: Vec<u8> = (0..TRACE.len()).step_by(2).map(byte).collect();
    let has = |wanted: &[u8]| sent.windows(wanted.len()).any(|window| window == wanted);
    assert!(has(&trace) && has(b"append"), "{} bytes", sent.len());
    assert!(!has(b"resourceSpans"), "that would be JSON");
}
