//! Refusals as RFC 9457 problem details, and what is answered where no route is. Does not know who refused: see
//! `mapping` for that.

mod mapping;

use std::fmt;
use std::sync::Arc;

use axum::http::header::{CONTENT_TYPE, RETRY_AFTER};
use axum::http::{HeaderValue, Method, StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use serde::Serialize;

use crate::observe::request_id;

/// After how many seconds a caller that was turned away may come again.
const RETRY_AFTER_S: HeaderValue = HeaderValue::from_static("1");
const PROBLEM_JSON: HeaderValue = HeaderValue::from_static("application/problem+json");

/// Why a request was not answered as asked, and what to do about it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Problem {
    /// The HTTP status.
    pub(crate) status: StatusCode,
    /// The kind of problem, for programs.
    pub(crate) code: &'static str,
    /// What to do, for people: one or more sentences.
    pub(crate) detail: String,
}

impl Problem {
    /// A problem whose detail is a clause or a sentence; it becomes a sentence.
    pub(crate) fn new(status: StatusCode, code: &'static str, detail: impl fmt::Display) -> Self {
        Self { status, code, detail: sentence(&detail.to_string()) }
    }

    /// The request itself cannot be understood.
    pub(crate) fn bad_request(detail: impl fmt::Display) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "bad_request", detail)
    }

    /// The request is understood, and what it says cannot be.
    pub(crate) fn invalid(code: &'static str, detail: impl fmt::Display) -> Self {
        Self::new(StatusCode::UNPROCESSABLE_ENTITY, code, detail)
    }

    /// There is no such thing.
    pub(crate) fn not_found(code: &'static str, detail: impl fmt::Display) -> Self {
        Self::new(StatusCode::NOT_FOUND, code, detail)
    }

    /// It does not fit what is there now.
    pub(crate) fn conflict(code: &'static str, detail: impl fmt::Display) -> Self {
        Self::new(StatusCode::CONFLICT, code, detail)
    }

    /// Not now; nothing was done.
    pub(crate) fn try_later(code: &'static str, detail: impl fmt::Display) -> Self {
        Self::new(StatusCode::SERVICE_UNAVAILABLE, code, detail)
    }

    /// Something is broken here; somebody should look.
    pub(crate) fn broken(code: &'static str, detail: impl fmt::Display) -> Self {
        tracing::error!(code, %detail, "a request failed for a reason that lies in this instance");
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, code, detail)
    }

    /// The form in which it is sent.
    pub(crate) fn body(&self) -> ProblemBody<'_> {
        ProblemBody {
            r#type: format!("/problems/{}", self.code),
            title: sentence_start(&self.code.replace('_', " ")),
            status: self.status.as_u16(),
            detail: &self.detail,
            code: self.code,
            request_id: request_id(),
        }
    }
}

/// Problem details as they are sent.
#[derive(Debug, Serialize)]
pub(crate) struct ProblemBody<'a> {
    r#type: String,
    title: String,
    status: u16,
    detail: &'a str,
    code: &'static str,
    /// How the request is called in the log.
    #[serde(skip_serializing_if = "Option::is_none")]
    request_id: Option<Arc<str>>,
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let json = serde_json::to_vec(&self.body()).expect("strings and a number are always JSON");
        let mut response = (self.status, [(CONTENT_TYPE, PROBLEM_JSON)], json).into_response();
        if [StatusCode::SERVICE_UNAVAILABLE, StatusCode::TOO_MANY_REQUESTS].contains(&self.status) {
            response.headers_mut().insert(RETRY_AFTER, RETRY_AFTER_S);
        }
        response
    }
}

// ── Where no route is ──────────────────────────────────────────────────────────────────────────────────────────

/// The answer to a path that is none.
pub(crate) async fn no_such_route(uri: Uri) -> Problem {
    let path = uri.path();
    Problem::not_found(
        "no_such_route",
        format!("there is nothing at {path}; docs/http-api.md lists every path"),
    )
}

/// The answer to a method that a path does not have. The router adds which ones it has.
pub(crate) async fn no_such_method(method: Method, uri: Uri) -> Problem {
    let path = uri.path();
    let detail =
        format!("{path} does not answer {method}; the header Allow lists the methods that it answers");
    Problem::new(StatusCode::METHOD_NOT_ALLOWED, "no_such_method", detail)
}

// ── Sentences ──────────────────────────────────────────────────────────────────────────────────────────────────

pub(crate) fn sentence(clause: &str) -> String {
    let mut sentence = sentence_start(clause.trim_end());
    if !sentence.ends_with(['.', '!', '?']) {
        sentence.push('.');
    }
    sentence
}

fn sentence_start(clause: &str) -> String {
    let mut characters = clause.chars();
    characters.next().map_or_else(String::new, |first| first.to_uppercase().chain(characters).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clause_becomes_a_sentence() {
        assert_eq!(sentence("it is held; release it first"), "It is held; release it first.");
        assert_eq!(sentence("Done!"), "Done!");
        assert_eq!(sentence(""), ".");
    }

    #[test]
    fn a_problem_says_its_kind_for_people_and_programs() {
        let problem = Problem::not_found("storage_unit_not_found", "no such unit");
        let expected = serde_json::json!({
            "type": "/problems/storage_unit_not_found",
            "title": "Storage unit not found",
            "status": 404,
            "detail": "No such unit.",
            "code": "storage_unit_not_found",
        });
        assert_eq!(serde_json::to_value(problem.body()).expect("JSON"), expected);
    }
}
