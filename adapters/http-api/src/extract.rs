//! Extractors whose rejections are problems with a sentence. Does not know what is extracted.

mod as_of;
mod body;
mod lines;
mod write;

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use percent_encoding::percent_decode_str;
use serde::de::DeserializeOwned;

use crate::access::identity::Identity;
use crate::problem::Problem;
use crate::state::ApiState;

pub(crate) use as_of::AsOf;
pub(crate) use body::{BODY_WAIT_MAX, body_bytes, check_content_type, from_json, from_ref, from_value};
pub(crate) use lines::{Line, Lines, is_ndjson};
pub(crate) use write::{Keyed, Nothing, Reason, Write, check_reason};

/// What a handler has at hand, with the engine as the caller's organization has it: what belongs to others is not there.
#[derive(Debug)]
pub(crate) struct State<S>(pub(crate) S);

impl FromRequestParts<ApiState> for State<ApiState> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &ApiState) -> Result<Self, Problem> {
        let identity = Identity::from_request_parts(parts, state).await?;
        let engine = state.engine.of(identity.organization);
        Ok(Self(ApiState { engine, ..state.clone() }))
    }
}

/// The parts of the path, decoded.
#[derive(Debug)]
pub(crate) struct Path<T>(pub(crate) T);

impl<T: DeserializeOwned + Send> FromRequestParts<ApiState> for Path<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &ApiState) -> Result<Self, Problem> {
        check_escapes("path", parts.uri.path())?;
        let path = axum::extract::Path::<T>::from_request_parts(parts, state).await;
        path.map(|axum::extract::Path(value)| Self(value)).map_err(|rejection| {
            let text = rejection.body_text();
            let text = text.strip_prefix("Invalid URL: ").unwrap_or(&text);
            Problem::bad_request(format!("correct the path: {text}"))
        })
    }
}

/// The query string.
#[derive(Debug)]
pub(crate) struct Query<T>(pub(crate) T);

impl<T: DeserializeOwned> FromRequestParts<ApiState> for Query<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _state: &ApiState) -> Result<Self, Problem> {
        check_escapes("query string", parts.uri.query().unwrap_or_default())?;
        let query = axum::extract::Query::<T>::try_from_uri(&parts.uri);
        query.map(|axum::extract::Query(value)| Self(value)).map_err(|rejection| {
            let text = rejection.body_text();
            let text = text.strip_prefix("Failed to deserialize query string: ").unwrap_or(&text);
            Problem::bad_request(format!("correct the query string at {text}"))
        })
    }
}

/// Refuses what a lenient decoder would silently take for something else.
pub(crate) fn check_escapes(what: &str, text: &str) -> Result<(), Problem> {
    for (at, _) in text.match_indices('%') {
        let digits = text.as_bytes().get(at + 1..at + 3).unwrap_or_default();
        if digits.len() < 2 || !digits.iter().all(u8::is_ascii_hexdigit) {
            return Err(Problem::bad_request(format!(
                "the {what} has a '%' that two hexadecimal digits do not follow; write a '%' itself as '%25'"
            )));
        }
    }
    match percent_decode_str(text).decode_utf8() {
        Ok(_) => Ok(()),
        Err(_) => Err(Problem::bad_request(format!(
            "the {what} is not UTF-8 once it is decoded; encode it as UTF-8"
        ))),
    }
}
