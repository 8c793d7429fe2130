//! `GET /v1/commands`: the commands that recorded something, in the form in which they are posted. Does not know what
//! they ask.

use axum::response::Response;
use domain::event::{RecordedCommand, RecordedEvent};
use domain::names::{Actor, CommandId, OrganizationId, StorageUnitName};
use domain::stream::{Position, Version};
use domain::time::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::IntoParams;
use uuid::Uuid;

use super::{Span, Streams, after, json_line, page};
use crate::description::{commands as form, lines, names};
use crate::extract::{Query, State};
use crate::page::limit;
use crate::position;
use crate::problem::Problem;
use crate::state::ApiState;

#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct CommandsQuery {
    /// Begin after this position.
    #[param(value_type = names::Position, required = false, inline)]
    after: Option<String>,
    /// Wait until the log has reached this position.
    #[param(value_type = names::Position, required = false, inline)]
    min_position: Option<String>,
    /// How many lines; 100 unless said otherwise.
    #[param(value_type = names::Limit, required = false, inline)]
    limit: Option<String>,
    /// Only of streams whose names begin so.
    #[param(value_type = String, required = false, example = "key_scope-docs/")]
    stream_prefix: Option<String>,
    /// Only of this unit: its own stream and those of its key-scopes and records.
    #[param(value_type = names::StorageUnitName, required = false, inline)]
    unit: Option<StorageUnitName>,
    /// Only of this name.
    #[param(value_type = String, required = false, example = "queue")]
    name: Option<String>,
    /// Only on behalf of this actor.
    #[param(value_type = names::Actor, required = false, inline)]
    actor: Option<Actor>,
}

type CommandLines = lines::Lines<form::CommandLine>;

/// Read commands
///
/// Those that recorded something, as they are posted. Posting a page twice does it once.
#[utoipa::path(
    get, path = "/v1/commands", operation_id = "read_commands", tag = "commands",
    params(CommandsQuery),
    responses((
        status = 200, description = "Lines of commands", body = CommandLines, content_type = "application/x-ndjson",
        headers(("Reprise-Next" = String, description = "The `after` of the next page; absent when this one reaches the end")),
    )),
)]
pub(crate) async fn commands(
    State(state): State<ApiState>,
    Query(query): Query<CommandsQuery>,
) -> Result<Response, Problem> {
    let limit = limit(query.limit.as_deref(), &state.settings)?;
    let after = after(&state, query.after.as_deref(), "query parameter after").await?;
    let head = position::log(&state, query.min_position.as_deref()).await?;
    let streams = Streams::new(query.stream_prefix, query.unit);
    let line = |event: &RecordedEvent| {
        // The first event of each append has the command with it, the others do not.
        let Some(command) = &event.metadata.command else { return Ok(None) };
        let is_wanted = streams.wants(event)
            && query.name.as_ref().is_none_or(|name| command.name().is_some_and(|it| it == *name))
            && query.actor.as_ref().is_none_or(|actor| *actor == event.metadata.actor);
        if is_wanted { line(event, command).map(Some) } else { Ok(None) }
    };
    page(&state, Span { after, head, limit }, &streams.filter(), line).await
}

/// A command as it is posted, and what is known since.
#[derive(Serialize)]
struct CommandLine<'a> {
    id: String,
    stream: &'a str,
    command: &'a RecordedCommand,
    actor: &'a Actor,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    causation_id: Option<Uuid>,
    #[serde(skip_serializing_if = "Option::is_none")]
    correlation_id: Option<Uuid>,
    recorded: Recorded<'a>,
}

/// Where a command's first event lies.
#[derive(Serialize)]
struct Recorded<'a> {
    position: Position,
    version: Version,
    at: Timestamp,
    command_id: CommandId,
    organization: &'a OrganizationId,
}

fn line(event: &RecordedEvent, command: &RecordedCommand) -> Result<Vec<u8>, Problem> {
    let metadata = &event.metadata;
    let key = metadata.idempotency_key.as_ref();
    json_line(&CommandLine {
        id: key.map_or_else(|| metadata.command_id.to_string(), ToString::to_string),
        stream: event.stream.as_str(),
        command,
        actor: &metadata.actor,
        reason: metadata.reason.as_deref(),
        causation_id: metadata.causation_id,
        correlation_id: metadata.correlation_id,
        recorded: Recorded {
            position: event.position,
            version: event.version,
            at: metadata.recorded_at,
            command_id: metadata.command_id,
            organization: &metadata.organization,
        },
    })
}
