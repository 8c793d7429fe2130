//! `/v1/commands/{name}`: one command, what it recorded, what caused it up to whoever asked first, and what it caused. Does
//! not know what commands mean.

use domain::event::{RecordedCommand, RecordedEvent};
use domain::names::{Actor, CommandId, IdempotencyKey};
use domain::stream::{Position, Version};
use domain::time::Timestamp;
use projections::timeline::{event_name, summary};
use runtime::{CommandName, Recorded, TraceError};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use uuid::Uuid;

use super::{Reply, ok};
use crate::description::names;
use crate::description::problems::TraceRefusals;
use crate::extract::{Path, Query, State};
use crate::page;
use crate::position;
use crate::problem::Problem;
use crate::state::ApiState;

pub(super) fn router() -> OpenApiRouter<ApiState> {
    OpenApiRouter::new().routes(routes!(show))
}

#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct TraceQuery {
    /// Wait until the log has reached this position.
    #[param(value_type = names::Position, required = false, inline)]
    min_position: Option<String>,
    /// How many commands that it caused; 100 unless said otherwise.
    #[param(value_type = names::Limit, required = false, inline)]
    limit: Option<String>,
    /// Of what it caused, only what comes after this position: the `next` of the page before.
    #[param(value_type = names::Position, required = false, inline)]
    after: Option<String>,
}

/// A command with what led to it and what it led to.
#[derive(Serialize, ToSchema)]
struct Trace {
    command: TracedCommand,
    /// What it recorded.
    events: Vec<TracedEvent>,
    /// What caused it, the nearest first; the last was asked by whoever is its actor.
    causes: Vec<TracedCommand>,
    /// The commands that followed from it directly, in the order of the log.
    caused: Vec<TracedCommand>,
    /// What to send as `after` for more of them; null when the whole log was looked through.
    #[schema(value_type = Option<names::Position>, required = true)]
    next: Option<Position>,
    #[schema(value_type = names::Position)]
    position: Position,
}

/// A recorded command.
#[derive(Serialize, ToSchema)]
struct TracedCommand {
    #[schema(value_type = names::Id)]
    command_id: CommandId,
    /// What its sender called it.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = names::IdempotencyKey, required = false)]
    id: Option<IdempotencyKey>,
    #[schema(value_type = names::StreamName)]
    stream: String,
    /// The version of its first event.
    #[schema(value_type = names::Version)]
    version: Version,
    /// The position of its first event.
    #[schema(value_type = names::Position)]
    position: Position,
    #[schema(value_type = names::Timestamp)]
    at: Timestamp,
    #[schema(value_type = names::Actor)]
    actor: Actor,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    reason: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = names::Id, required = false)]
    causation_id: Option<Uuid>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = names::Id, required = false)]
    correlation_id: Option<Uuid>,
    /// Its name and body, as it was posted.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = names::AnyObject, required = false)]
    command: Option<serde_json::Value>,
}

/// An event that a command recorded.
#[derive(Serialize, ToSchema)]
struct TracedEvent {
    #[schema(value_type = names::Position)]
    position: Position,
    #[schema(value_type = names::Version)]
    version: Version,
    #[schema(value_type = names::Id)]
    id: Uuid,
    /// The type of the event.
    #[schema(pattern = "^[a-z_]+\\.[a-z_]+$", example = "key_scope.restarted")]
    event: String,
    /// For people.
    summary: String,
}

impl From<&RecordedEvent> for TracedCommand {
    fn from(first: &RecordedEvent) -> Self {
        let metadata = &*first.metadata;
        Self {
            command_id: metadata.command_id,
            id: metadata.idempotency_key.clone(),
            stream: first.stream.to_string(),
            version: first.version,
            position: first.position,
            at: metadata.recorded_at,
            actor: metadata.actor.clone(),
            reason: metadata.reason.clone(),
            causation_id: metadata.causation_id,
            correlation_id: metadata.correlation_id,
            command: metadata.command.as_ref().map(RecordedCommand::json),
        }
    }
}

impl From<&RecordedEvent> for TracedEvent {
    fn from(event: &RecordedEvent) -> Self {
        Self {
            position: event.position,
            version: event.version,
            id: event.id.0,
            event: event_name(&event.event),
            summary: summary(&event.event),
        }
    }
}

/// Show a command with what caused it and what it caused
///
/// It is named by its id, by what its sender called it, or by the position of an event that it recorded, such as `p4711`.
/// Commands that came without an `Idempotency-Key` are found by position only.
#[utoipa::path(
    get, path = "/v1/commands/{name}", operation_id = "show_command", tag = "commands",
    params(("name" = inline(names::CommandName), Path), TraceQuery),
    responses((status = 200, description = "The command", body = Trace), TraceRefusals),
)]
async fn show(
    State(state): State<ApiState>,
    Path(name): Path<String>,
    Query(query): Query<TraceQuery>,
) -> Reply {
    let limit = page::limit(query.limit.as_deref(), &state.settings)?;
    let after: Option<Position> =
        match query.after.as_deref() {
            None => None,
            Some(text) => Some(text.parse().map_err(|error| {
                Problem::bad_request(format!("correct the query parameter after: {error}"))
            })?),
        };
    let position = position::log(&state, query.min_position.as_deref()).await?;
    position::views(&state, None).await?;
    let name = read(&name)?;
    let recorded = state.engine.recorded_by(&name).await?.ok_or_else(absent)?;
    let causes = state.engine.causes(&recorded).await?;
    let effects = state.engine.effects(&recorded, after, limit).await?;
    let trace = Trace {
        command: recorded.first().into(),
        events: recorded.0.iter().map(|event| TracedEvent::from(&**event)).collect(),
        causes: causes.iter().map(Recorded::first).map(TracedCommand::from).collect(),
        caused: effects.events.iter().map(|event| TracedCommand::from(&**event)).collect(),
        next: effects.next,
        position,
    };
    ok(position, &trace)
}

fn read(name: &str) -> Result<CommandName, Problem> {
    if let Some(position) = name.strip_prefix('p').and_then(|token| token.parse().ok()) {
        return Ok(CommandName::Position(position));
    }
    if let Ok(id) = name.parse() {
        return Ok(CommandName::Id(id));
    }
    let key = IdempotencyKey::new(name);
    key.map(CommandName::Key).map_err(|error| Problem::bad_request(format!("correct the path: {error}")))
}

fn absent() -> Problem {
    Problem::not_found(
        "command_not_found",
        "no command of this name recorded anything; one that came without an Idempotency-Key is found by the position of \
         an event, such as /v1/commands/p4711",
    )
}

impl From<TraceError> for Problem {
    fn from(error: TraceError) -> Self {
        match error {
            TraceError::Store(error) => error.into(),
            TraceError::ReadModel(error) => error.into(),
        }
    }
}
