//! Bad input: whatever is wrong with a request, the answer is a 4xx with a sentence that says what to do; never a 5xx,
//! a panic or a hang. One table per surface; a row is a request and the status that it gets.

mod native;
mod smartdocumentor;
mod socket;
mod stager;

use tests::harness::{Harness, Reply};

/// A request that is wrong.
struct Case {
    method: &'static str,
    path: String,
    content_type: &'static str,
    body: Vec<u8>,
    status: u16,
}

/// A case without a body.
fn bare(method: &'static str, path: impl Into<String>, status: u16) -> Case {
    Case { method, path: path.into(), content_type: "", body: Vec::new(), status }
}

/// A case with a body that says that it is JSON.
fn with_body(method: &'static str, path: impl Into<String>, body: impl Into<Vec<u8>>, status: u16) -> Case {
    Case { method, path: path.into(), content_type: "application/json", body: body.into(), status }
}

/// Sends every case and checks its status and, with `is_sentence`, what it says.
async fn check(harness: &Harness, cases: Vec<Case>, is_sentence: fn(&Reply) -> bool) {
    let mut wrong = Vec::new();
    for Case { method, path, content_type, body, status } in cases {
        let headers: &[(&str, &str)] =
            if content_type.is_empty() { &[] } else { &[("content-type", content_type)] };
        let shown = String::from_utf8_lossy(body.get(..200).unwrap_or(&body)).into_owned();
        let reply = harness.request(method, &path, headers, body).await;
        if reply.status.as_u16() != status || !is_sentence(&reply) {
            let answer = (reply.status.as_u16(), reply.text());
            wrong.push(format!("{method} {path:.200} {shown}\n  expected {status}, got {answer:?}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// Whether a reply is a problem whose detail is a sentence.
fn is_problem(reply: &Reply) -> bool {
    const SENTENCE_CHARACTERS_MIN: usize = 20;
    let problem = reply.json();
    let detail = problem["detail"].as_str().unwrap_or_default();
    reply.header("content-type") == "application/problem+json"
        && problem["status"] == reply.status.as_u16()
        && problem["code"].is_string()
        && detail.len() >= SENTENCE_CHARACTERS_MIN
        && detail.starts_with(|first: char| first.is_uppercase() || !first.is_alphabetic())
        && detail.ends_with('.')
}
