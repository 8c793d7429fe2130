//! `/v1/integrity` and `/v1/proof`: what the log amounts to, and the history of one stream in a form that checks without the log.
//! Does not know how hashes are made.

use axum::body::Body;
use axum::http::HeaderValue;
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use axum::response::{IntoResponse as _, Response};
use domain::ports::{Direction, LogHead};
use domain::stream::{NotAStream, Position, StreamId, Subject, Version};
use domain::time::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::log::NDJSON;
use super::{OneNow, Reply, ok};
use crate::description::names;
use crate::description::problems::ProofRefusals;
use crate::extract::{Query, State};
use crate::position;
use crate::problem::Problem;
use crate::state::ApiState;

pub(super) fn router() -> OpenApiRouter<ApiState> {
    OpenApiRouter::new().routes(routes!(head)).routes(routes!(proof))
}

/// What the log amounts to.
#[derive(Serialize, ToSchema)]
#[schema(as = LogHead)]
struct Head {
    /// The log.
    #[schema(pattern = "^urn:uuid:[0-9a-f-]{36}$")]
    log: String,
    /// The position of the last event that the hash covers; the log may be further.
    #[schema(value_type = names::Position)]
    position: Position,
    /// The hash over everything up to there.
    #[schema(pattern = "^[0-9a-f]{64}$")]
    hash: String,
    /// When that event was recorded; absent while there is none.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = names::Timestamp, required = false)]
    recorded_at: Option<Timestamp>,
    /// Who stands for it; absent when the server has no key for that.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    signature: Option<Signature>,
}

/// An Ed25519 signature of the four lines `reprise log head`, log, position and hash with a blank between, recorded_at.
#[derive(Serialize, ToSchema)]
#[schema(as = LogHeadSignature)]
struct Signature {
    #[schema(pattern = "^[0-9a-f]{64}$")]
    public_key: String,
    #[schema(pattern = "^[0-9a-f]{128}$")]
    signature: String,
}

/// Show what the log amounts to
///
/// One hash over every event up to a position. Whoever keeps it can find out later whether the log is still what it was.
#[utoipa::path(
    get, path = "/v1/integrity", operation_id = "integrity", tag = "integrity",
    params(OneNow),
    responses((status = 200, description = "The head of the log", body = Head)),
)]
async fn head(State(state): State<ApiState>, Query(query): Query<OneNow>) -> Reply {
    let wanted = position::log(&state, query.min_position.as_deref()).await?;
    let LogHead { log, position, hash, recorded_at, signature } = state.archive.log_head(wanted).await?;
    let signature = signature.map(|(public_key, signature)| Signature { public_key, signature });
    ok(position, &Head { log, position, hash, recorded_at, signature })
}

#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct ProofQuery {
    /// The stream; without it the request is refused.
    #[param(value_type = names::StreamName, required = true, inline)]
    stream: Option<String>,
}

/// Prove a history
///
/// The whole history of one stream, in a file that `reprise verify-proof` checks without the log.
#[utoipa::path(
    get, path = "/v1/proof", operation_id = "prove", tag = "integrity",
    params(ProofQuery),
    responses(
        (status = 200, description = "The proof", body = String, content_type = "application/x-ndjson"),
        ProofRefusals,
    ),
)]
async fn proof(State(state): State<ApiState>, Query(query): Query<ProofQuery>) -> Result<Response, Problem> {
    let missing = || Problem::bad_request("say which stream, as ?stream=storage_unit-docs");
    let subject: Subject =
        query.stream.ok_or_else(missing)?.parse().map_err(|error: NotAStream| {
            Problem::bad_request(format!("the query parameter stream: {error}"))
        })?;
    let stream: StreamId = subject.stream();
    // The caller's own events only: what belongs to others is not there.
    let own = state.engine.store().read_stream(&stream, Version(0), Direction::Forward, 1).await?;
    if own.is_empty() {
        return Err(Problem::not_found("stream_not_found", format!("{stream} has no event")));
    }
    let head = state.engine.store().head().await?;
    let proof = state.archive.proof(&stream, head).await?;
    let headers = [(CONTENT_TYPE, NDJSON), (CACHE_CONTROL, HeaderValue::from_static("no-store"))];
    let mut response = (headers, Body::from(proof)).into_response();
    position::stamp(&mut response, head);
    Ok(response)
}
