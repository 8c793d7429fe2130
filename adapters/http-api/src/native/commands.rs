//! `POST /v1/commands`: command envelopes, one as JSON or many as NDJSON, each carried out and answered in its order.
//! Does not know what a command does.

mod bulk;
mod envelope;

use axum::Router;
use axum::extract::{FromRequestParts as _, Request, State};
use axum::http::header::CONTENT_TYPE;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse as _, Response};
use axum::routing::get;
use domain::envelope::Envelope;
use domain::stream::{Position, Version};
use runtime::Accepted;
use serde::{Deserialize, Serialize};

use super::{Reply, log, reply};
use crate::extract::{Lines, Query, body_bytes, check_content_type, from_json};
use crate::problem::{Problem, ProblemBody};
use crate::request::{Caller, IDEMPOTENCY_KEY_HEADER, carry_out, idempotency_key};
use crate::state::ApiState;
use envelope::Posted;

pub(super) fn router() -> Router<ApiState> {
    Router::new().route("/v1/commands", get(log::commands).post(post))
}

/// The longest line of a bulk, in bytes; a single command may be as long as any body.
const LINE_BYTES_MAX: usize = 1 << 20;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct PostQuery {}

async fn post(State(state): State<ApiState>, request: Request) -> Reply {
    let (mut parts, body) = request.into_parts();
    let caller = Caller::from_request_parts(&mut parts, &state).await?;
    let Query(PostQuery {}) = Query::from_request_parts(&mut parts, &state).await?;
    if is_ndjson(&parts.headers) {
        if parts.headers.contains_key(IDEMPOTENCY_KEY_HEADER) {
            let detail = "many commands take no Idempotency-Key; give each line an id of its own";
            return Err(Problem::bad_request(detail));
        }
        let lines = Lines::new(body, LINE_BYTES_MAX.min(state.settings.body_bytes_max));
        let results = bulk::results(state, caller, lines);
        return Ok(([(CONTENT_TYPE, log::NDJSON)], results).into_response());
    }
    let key = idempotency_key(&parts.headers)?;
    let headers = parts.headers.clone();
    let bytes = body_bytes(Request::from_parts(parts, body), &state).await?;
    check_content_type(&headers)?;
    let envelope = from_json::<Posted>(&bytes)?.under(key)?.envelope(&state, &caller)?;
    one(&state, envelope).await
}

fn is_ndjson(headers: &HeaderMap) -> bool {
    let content_type = headers.get(CONTENT_TYPE).and_then(|it| it.to_str().ok()).unwrap_or_default();
    let essence = content_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    matches!(essence.as_str(), "application/x-ndjson" | "application/ndjson" | "application/jsonl")
}

/// A single command, whose refusal is a reply like any other.
async fn one(state: &ApiState, envelope: Envelope) -> Result<Response, Problem> {
    let id = id_of(&envelope);
    let accepted = carry_out(state, envelope).await?;
    reply(StatusCode::OK, accepted.position, &CommandResult::accepted(state, id, &accepted))
}

/// What a sender calls a command, or else what it is called here.
fn id_of(envelope: &Envelope) -> String {
    let key = envelope.idempotency_key.as_ref();
    key.map_or_else(|| envelope.id.to_string(), ToString::to_string)
}

/// What became of a command.
#[derive(Debug, Serialize)]
struct CommandResult<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<String>,
    status: Status,
    #[serde(skip_serializing_if = "Option::is_none")]
    events: Option<Vec<&'static str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    version: Option<Version>,
    #[serde(skip_serializing_if = "Option::is_none")]
    position: Option<Position>,
    #[serde(skip_serializing_if = "Option::is_none")]
    problem: Option<ProblemBody<'a>>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
enum Status {
    /// Something was recorded.
    Accepted,
    /// There was nothing to do.
    Nothing,
    /// It is not allowed or cannot be understood; it will not be otherwise later.
    Refused,
    /// It could not be done now; send it again.
    Failed,
}

impl<'a> CommandResult<'a> {
    fn accepted(state: &ApiState, id: String, accepted: &Accepted) -> Self {
        let Accepted { events, version, position } = accepted;
        let status = if events.is_empty() { Status::Nothing } else { Status::Accepted };
        let events = events.iter().map(|event| state.forms.type_name(event)).collect();
        let (id, events, position) = (Some(id), Some(events), Some(*position));
        Self { id, status, events, version: *version, position, problem: None }
    }

    fn problem(id: Option<String>, problem: &'a Problem) -> Self {
        let status = if problem.status.is_server_error() { Status::Failed } else { Status::Refused };
        let problem = Some(problem.body());
        Self { id, status, events: None, version: None, position: None, problem }
    }
}
