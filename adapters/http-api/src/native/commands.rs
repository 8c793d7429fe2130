//! `POST /v1/commands`: command envelopes, one as JSON or many as NDJSON, each carried out and answered in its order.
//! Does not know what a command does.

mod bulk;
mod envelope;
mod recorded;

use axum::extract::{FromRequestParts as _, Request};
use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse as _, Response};
use domain::envelope::Envelope;
use domain::stream::{Position, Version};
use runtime::Accepted;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::{Reply, log, reply};
use crate::access::rights::Right;
use crate::description::problems::{CommandRefusals, ProblemDetails};
use crate::description::{commands, lines, names};
use crate::extract::{Lines, Query, State, body_bytes, check_content_type, from_json, is_ndjson};
use crate::problem::{Problem, ProblemBody};
use crate::request::{Caller, IDEMPOTENCY_KEY_HEADER, carry_out, idempotency_key};
use crate::state::ApiState;
use envelope::Posted;

pub(super) fn router() -> OpenApiRouter<ApiState> {
    OpenApiRouter::new().routes(routes!(log::commands::commands, post))
}

/// The longest line of a bulk, in bytes; a single command may be as long as any body.
const LINE_BYTES_MAX: usize = 1 << 20;

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct PostQuery {
    /// With `recorded`, lines are carried out with everything that was recorded about them: only by a standby.
    #[param(value_type = Context, required = false, inline)]
    context: Option<Context>,
}

/// What is taken over from what was recorded about a command.
#[derive(Debug, Clone, Copy, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
enum Context {
    /// Everything: it is carried out as what it was. Only by an instance that stands by.
    Recorded,
}

type PostedLines = lines::Lines<commands::PostedCommand>;
type ResultLines = lines::Lines<CommandResult<'static>>;

/// What stands beside a command in a request for it.
#[derive(IntoParams)]
#[into_params(parameter_in = Header)]
#[expect(dead_code, reason = "describes what is read from headers, and is never made")]
struct PostParams {
    /// On whose behalf: attribution, not identity.
    #[param(rename = "reprise-actor", value_type = names::ActorHeader, required = false, inline)]
    actor: String,
    /// Of a single command: sent again under the same key it is not done again.
    #[param(rename = "idempotency-key", value_type = names::IdempotencyKeyHeader, required = false, inline)]
    idempotency_key: String,
}

/// Send commands
///
/// One as JSON, or many as NDJSON: a line each of at most 1 MiB, a result each in their order, while the request is still
/// arriving. A wrong line does not stop the others.
#[utoipa::path(
    post, path = "/v1/commands", operation_id = "send_commands", tag = "commands",
    params(PostParams, PostQuery),
    request_body(content(
        (commands::PostedCommand = "application/json"),
        (PostedLines = "application/x-ndjson"),
    )),
    responses(
        (status = 200, description = "What became of them", content(
            (CommandResult<'static> = "application/json"),
            (ResultLines = "application/x-ndjson"),
        )),
        CommandRefusals,
    ),
)]
async fn post(State(state): State<ApiState>, request: Request) -> Reply {
    let (mut parts, body) = request.into_parts();
    let caller = Caller::from_request_parts(&mut parts, &state).await?;
    let Query(PostQuery { context }) = Query::from_request_parts(&mut parts, &state).await?;
    if is_ndjson(&parts.headers) {
        if parts.headers.contains_key(IDEMPOTENCY_KEY_HEADER) {
            let detail = "many commands take no Idempotency-Key; give each line an id of its own";
            return Err(Problem::bad_request(detail));
        }
        let lines = Lines::new(body, LINE_BYTES_MAX.min(state.settings.body_bytes_max));
        if let Some(Context::Recorded) = context {
            caller.check_right(Right::Run)?;
            return Ok(([(CONTENT_TYPE, log::NDJSON)], recorded::results(state, lines)).into_response());
        }
        let results = bulk::results(state, caller, lines);
        return Ok(([(CONTENT_TYPE, log::NDJSON)], results).into_response());
    }
    if context.is_some() {
        let detail =
            "recorded commands are sent as NDJSON, with the header 'Content-Type: application/x-ndjson'";
        return Err(Problem::bad_request(detail));
    }
    let key = idempotency_key(&parts.headers)?;
    let content_type = check_content_type(&parts.headers);
    let bytes = body_bytes(Request::from_parts(parts, body), &state).await?;
    content_type?;
    let envelope = from_json::<Posted>(&bytes)?.under(key)?.envelope(&state, &caller)?;
    one(&state, envelope).await
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
#[derive(Debug, Serialize, ToSchema)]
struct CommandResult<'a> {
    /// What the sender calls the command, or else its id.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = names::IdempotencyKey, required = false)]
    id: Option<String>,
    status: Status,
    /// The types of what was recorded.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Vec<String>, required = false)]
    events: Option<Vec<&'static str>>,
    /// The version of the stream after it.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = names::Version, required = false)]
    version: Option<Version>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = names::Position, required = false)]
    position: Option<Position>,
    /// Of one that was refused or failed: why.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = ProblemDetails, required = false)]
    problem: Option<ProblemBody<'a>>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = CommandStatus)]
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
