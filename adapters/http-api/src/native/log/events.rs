//! `GET /v1/events`: the events of the log as they are stored, page by page. Does not know what they mean.

use axum::http::HeaderMap;
use axum::response::Response;
use domain::event::RecordedEvent;
use domain::names::{Actor, CommandId, EventId, StorageUnitName};
use domain::ports::{EventFilter, EventForm, EventForms};
use domain::stream::{Position, Version};
use domain::time::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use super::{Span, Streams, accepts, after, follow, json_line, page};
use crate::description::{lines, names};
use crate::extract::{Query, State};
use crate::page::limit;
use crate::position;
use crate::problem::Problem;
use crate::state::ApiState;

#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct EventsQuery {
    /// Begin after this position.
    #[param(value_type = names::Position, required = false, inline)]
    pub(super) after: Option<String>,
    /// Wait until the log has reached this position.
    #[param(value_type = names::Position, required = false, inline)]
    pub(super) min_position: Option<String>,
    /// How many lines; 100 unless said otherwise.
    #[param(value_type = names::Limit, required = false, inline)]
    pub(super) limit: Option<String>,
    /// Only of streams whose names begin so.
    #[param(value_type = String, required = false, example = "key_scope-docs/")]
    pub(super) stream_prefix: Option<String>,
    /// Only of this unit: its own stream and those of its key-scopes and records.
    #[param(value_type = names::StorageUnitName, required = false, inline)]
    pub(super) unit: Option<StorageUnitName>,
    /// Only of this type, such as `key_scope.finished`, or of this kind of thing, such as `campaign`.
    #[param(value_type = names::EventKind, required = false, inline)]
    pub(super) kind: Option<String>,
}

type EventLines = lines::Lines<EventLine<'static>>;

/// Read events
///
/// The whole log, oldest first, one event per line in its stored form. With `Accept: text/event-stream` it is a stream of
/// server-sent events, as `/v1/events/stream` is.
#[utoipa::path(
    get, path = "/v1/events", operation_id = "read_events", tag = "events",
    params(EventsQuery, super::follow::FollowParams),
    responses((
        status = 200, description = "Lines of events",
        content((EventLines = "application/x-ndjson"), (super::follow::Message = "text/event-stream")),
        headers(("Reprise-Next" = String, description = "The `after` of the next page; absent when this one reaches the end")),
    )),
)]
pub(super) async fn events(
    State(state): State<ApiState>,
    Query(query): Query<EventsQuery>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    if wants_stream(&headers) {
        return follow::follow(&state, query, &headers).await;
    }
    // A page does not need it, and is not silent about one that cannot be.
    follow::last_event_id(&state, &headers).await?;
    let limit = limit(query.limit.as_deref(), &state.settings)?;
    let after = after(&state, query.after.as_deref(), "query parameter after").await?;
    let head = position::log(&state, query.min_position.as_deref()).await?;
    let wanted = query.wanted(&state)?;
    let line = |event: &RecordedEvent| wanted.line(&*state.forms, event);
    page(&state, Span { after, head, limit }, &wanted.filter(), line).await
}

fn wants_stream(headers: &HeaderMap) -> bool {
    accepts(headers, "text/event-stream")
}

/// Which events are wanted.
#[derive(Debug)]
pub(super) struct Wanted {
    streams: Streams,
    kind: Option<String>,
}

impl EventsQuery {
    /// A stream has no end, so a limit on it is a mistake.
    pub(super) fn check_endless(&self) -> Result<(), Problem> {
        match self.limit {
            None => Ok(()),
            Some(_) => Err(Problem::bad_request(
                "a stream of events has no limit; leave the query parameter limit out, or ask without 'Accept: \
                 text/event-stream'",
            )),
        }
    }

    pub(super) fn wanted(self, state: &ApiState) -> Result<Wanted, Problem> {
        if let Some(kind) = &self.kind {
            known_kind(state, kind)?;
        }
        Ok(Wanted { streams: Streams::new(self.stream_prefix, self.unit), kind: self.kind })
    }
}

/// Refuses a kind that no event can have.
pub(in crate::native) fn known_kind(state: &ApiState, kind: &str) -> Result<(), Problem> {
    if state.forms.type_names().iter().any(|name| is_of_kind(name, kind)) {
        return Ok(());
    }
    let detail = format!(
        "the query parameter kind is '{kind}', which is neither an event's type, such as key_scope.finished, nor what stands \
         before its dot; docs/glossary.md lists the types"
    );
    Err(Problem::bad_request(detail))
}

/// A kind is a type name, or the aggregate in front of it.
fn is_of_kind(type_name: &str, kind: &str) -> bool {
    type_name == kind || type_name.split_once('.').is_some_and(|(aggregate, _)| aggregate == kind)
}

impl Wanted {
    pub(super) fn filter(&self) -> EventFilter {
        self.streams.filter()
    }

    /// The line of an event, when it is wanted.
    pub(super) fn line(
        &self,
        forms: &dyn EventForms,
        event: &RecordedEvent,
    ) -> Result<Option<Vec<u8>>, Problem> {
        let of_kind = |kind: &String| is_of_kind(forms.type_name(&event.event), kind);
        if self.streams.wants(event) && self.kind.as_ref().is_none_or(of_kind) {
            return line(event, forms.form(&event.event)).map(Some);
        }
        Ok(None)
    }
}

/// An event as it is sent.
#[derive(Serialize, ToSchema)]
pub(super) struct EventLine<'a> {
    #[schema(value_type = names::Position)]
    position: Position,
    #[schema(value_type = names::StreamName)]
    stream: &'a str,
    #[schema(value_type = names::Version)]
    version: Version,
    #[schema(value_type = names::Id)]
    id: EventId,
    /// The type of the event.
    #[schema(pattern = "^[a-z_]+\\.[a-z_]+$", example = "key_scope.finished")]
    r#type: &'a str,
    /// The version of its stored form.
    #[schema(minimum = 1)]
    schema: u16,
    #[schema(value_type = names::Timestamp)]
    recorded_at: Timestamp,
    #[schema(value_type = names::Actor)]
    actor: &'a Actor,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    reason: Option<&'a str>,
    #[schema(value_type = names::Id)]
    command_id: CommandId,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = names::Id, required = false)]
    causation_id: Option<Uuid>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = names::Id, required = false)]
    correlation_id: Option<Uuid>,
    /// What it says; what its type has, in its stored form.
    #[schema(value_type = serde_json::Value)]
    data: &'a RawValue,
}

fn line(event: &RecordedEvent, form: EventForm) -> Result<Vec<u8>, Problem> {
    let EventForm { type_name, schema, payload } = form;
    let payload = RawValue::from_string(payload)
        .map_err(|error| Problem::broken("unwritable_reply", format!("a payload is no JSON: {error}")))?;
    let metadata = &event.metadata;
    json_line(&EventLine {
        position: event.position,
        stream: event.stream.as_str(),
        version: event.version,
        id: event.id,
        r#type: type_name,
        schema,
        recorded_at: metadata.recorded_at,
        actor: &metadata.actor,
        reason: metadata.reason.as_deref(),
        command_id: metadata.command_id,
        causation_id: metadata.causation_id,
        correlation_id: metadata.correlation_id,
        data: &payload,
    })
}
