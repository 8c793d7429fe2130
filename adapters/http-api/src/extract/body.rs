//! Bodies: read up to their limit and in time, then taken for JSON. Does not know what the JSON says.

use std::time::Duration;

use axum::body::Bytes;
use axum::extract::{FromRequest as _, Request};
use axum::http::header::{CONTENT_LENGTH, CONTENT_TYPE};
use axum::http::{HeaderMap, StatusCode};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Deserializer};

use crate::problem::Problem;
use crate::state::ApiState;

/// How long a body may take to arrive.
pub(crate) const BODY_WAIT_MAX: Duration = Duration::from_secs(60);

/// The whole body.
pub(crate) async fn body_bytes(request: Request, state: &ApiState) -> Result<Bytes, Problem> {
    let size_bytes_max = state.settings.body_bytes_max;
    let too_large = || {
        let detail = format!("the body has more than {size_bytes_max} bytes; send less at once");
        Problem::new(StatusCode::PAYLOAD_TOO_LARGE, "body_too_large", detail)
    };
    // A body that says itself that it is too large need not be waited for.
    if announced_bytes(request.headers()).is_some_and(|bytes| bytes > size_bytes_max as u64) {
        return Err(too_large());
    }
    match tokio::time::timeout(BODY_WAIT_MAX, Bytes::from_request(request, state)).await {
        Ok(Ok(bytes)) => Ok(bytes),
        Ok(Err(rejection)) if rejection.status() == StatusCode::PAYLOAD_TOO_LARGE => Err(too_large()),
        Ok(Err(_)) => Err(Problem::bad_request("the body broke off; send the request again")),
        Err(_) => {
            let detail =
                format!("the body did not arrive within {} seconds; send it again", BODY_WAIT_MAX.as_secs());
            Err(Problem::new(StatusCode::REQUEST_TIMEOUT, "body_too_slow", detail))
        }
    }
}

fn announced_bytes(headers: &HeaderMap) -> Option<u64> {
    headers.get(CONTENT_LENGTH)?.to_str().ok()?.parse().ok()
}

/// Refuses a body that says itself that it is no JSON. One that says nothing may be.
pub(crate) fn check_content_type(headers: &HeaderMap) -> Result<(), Problem> {
    let Some(content_type) = headers.get(CONTENT_TYPE) else { return Ok(()) };
    let essence = content_type.to_str().unwrap_or_default().split(';').next().unwrap_or_default().trim();
    let essence = essence.to_ascii_lowercase();
    if essence == "application/json" || (essence.starts_with("application/") && essence.ends_with("+json")) {
        return Ok(());
    }
    let detail = "the body must be JSON; send it with the header 'Content-Type: application/json'";
    Err(Problem::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "not_json", detail))
}

/// What the JSON says.
pub(crate) fn from_json<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, Problem> {
    from_value(parsed(bytes)?)
}

/// The JSON, whatever it says.
pub(crate) fn parsed(bytes: &[u8]) -> Result<serde_json::Value, Problem> {
    serde_json::from_slice(bytes).map_err(|error| {
        let detail = format!("the body is not well-formed JSON: {error}; correct it there");
        Problem::new(StatusCode::BAD_REQUEST, "malformed_json", detail)
    })
}

/// What a JSON value says, which is looked at once more only to say where it is wrong.
pub(crate) fn from_ref<'a, T: Deserialize<'a>>(value: &'a serde_json::Value) -> Result<T, Problem> {
    T::deserialize(value).or_else(|_| take_apart(value))
}

/// What a JSON value says.
pub(crate) fn from_value<T: DeserializeOwned>(value: serde_json::Value) -> Result<T, Problem> {
    take_apart(value)
}

fn take_apart<'de, T: Deserialize<'de>>(
    value: impl Deserializer<'de, Error = serde_json::Error>,
) -> Result<T, Problem> {
    serde_path_to_error::deserialize(value).map_err(|error| {
        let path = error.path().to_string();
        let place = if path == "." { String::new() } else { format!(" at {path}") };
        Problem::invalid("invalid_body", format!("correct the body{place}: {}", error.inner()))
    })
}
