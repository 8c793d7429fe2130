//! `GET /v1/commands`: the commands that recorded something, in the form in which they are posted. Does not know what
//! they ask.

use axum::response::Response;
use domain::event::RecordedEvent;
use domain::names::{Actor, StorageUnitName};
use runtime::replay::PostedCommand;
use serde::Deserialize;
use utoipa::IntoParams;

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
        let (Some(command), Some(posted)) = (&event.metadata.command, PostedCommand::behind(event)) else {
            return Ok(None);
        };
        let is_wanted = streams.wants(event)
            && query.name.as_ref().is_none_or(|name| command.name().is_some_and(|it| it == *name))
            && query.actor.as_ref().is_none_or(|actor| *actor == event.metadata.actor);
        if is_wanted { json_line(&posted).map(Some) } else { Ok(None) }
    };
    page(&state, Span { after, head, limit }, &streams.filter(), line).await
}
