//! `/v1/documents`: the bytes of a document, wherever they lie, so that a worker anywhere can read its input.

use axum::http::header::CONTENT_TYPE;
use axum::http::{HeaderValue, StatusCode};
use axum::response::IntoResponse as _;
use domain::names::{Key, Scope, StorageUnitName};
use domain::stream::KeyScopeId;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use runtime::DocumentError;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::Reply;
use super::key_scopes::PlaceParams;
use crate::description::problems::DocumentRefusals;
use crate::extract::{Path, Query, State};
use crate::position;
use crate::state::ApiState;

/// What is encoded in a part of a path: everything but what never needs to be.
const PART: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

pub(super) fn router() -> OpenApiRouter<ApiState> {
    OpenApiRouter::new().routes(routes!(fetch))
}

/// The bytes of a document.
#[derive(ToSchema)]
#[schema(value_type = String, format = Binary)]
#[expect(dead_code, reason = "describes a body that is not JSON, and is never made")]
struct Document(Vec<u8>);

/// The path of a document.
pub(super) fn url(KeyScopeId { unit, scope, key }: &KeyScopeId) -> String {
    let part = |text| utf8_percent_encode(text, PART);
    format!("/v1/documents/{}/{}/{}", part(unit.as_str()), part(scope.as_str()), part(key.as_str()))
}

#[derive(Debug, serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct NoQuery {}

/// Read a document
///
/// Its bytes, wherever they lie.
#[utoipa::path(
    get, path = "/v1/documents/{unit}/{scope}/{key}", operation_id = "read_document", tag = "leases",
    params(PlaceParams),
    responses(
        (status = 200, description = "The document", body = Document, content_type = "application/octet-stream"),
        DocumentRefusals,
    ),
)]
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
