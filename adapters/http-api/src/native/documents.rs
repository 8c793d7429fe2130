//! `/v1/documents`: the bytes of a document, wherever they lie, so that a worker anywhere can read its input.

use axum::Router;
use axum::extract::State;
use axum::http::header::CONTENT_TYPE;
use axum::http::{HeaderValue, StatusCode};
use axum::response::IntoResponse as _;
use axum::routing::get;
use domain::names::{Key, Scope, StorageUnitName};
use domain::stream::KeyScopeId;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use runtime::DocumentError;

use super::Reply;
use crate::extract::{Path, Query};
use crate::position;
use crate::state::ApiState;

/// What is encoded in a part of a path: everything but what never needs to be.
const PART: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

pub(super) fn router() -> Router<ApiState> {
    Router::new().route("/v1/documents/{unit}/{scope}/{key}", get(fetch))
}

/// The path of a document.
pub(super) fn url(KeyScopeId { unit, scope, key }: &KeyScopeId) -> String {
    let part = |text| utf8_percent_encode(text, PART);
    format!("/v1/documents/{}/{}/{}", part(unit.as_str()), part(scope.as_str()), part(key.as_str()))
}

#[derive(Debug, serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct NoQuery {}

async fn fetch(
    State(state): State<ApiState>,
    Path((unit, scope, key)): Path<(StorageUnitName, Scope, Key)>,
    Query(NoQuery {}): Query<NoQuery>,
) -> Reply {
    let engine = &state.engine;
    let settings = engine.unit_settings(&unit).await?.ok_or(DocumentError::NoUnit)?;
    let bytes = engine.document(&unit, &key, &scope, settings.limits.input_bytes_max).await?;
    let content_type = HeaderValue::from_static("application/octet-stream");
    let mut response = (StatusCode::OK, [(CONTENT_TYPE, content_type)], bytes).into_response();
    position::stamp(&mut response, engine.acknowledged());
    Ok(response)
}
