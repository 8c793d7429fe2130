//! The log as server-sent events: everything after a position, then what comes, for as long as somebody listens.
//!
//! The id of each message is the event's position, so whoever was cut off goes on after the last one that arrived whole.
//! Does not know which events are wanted.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use axum::http::{HeaderMap, HeaderName, HeaderValue};
use axum::response::{IntoResponse as _, Response};
use domain::event::RecordedEvent;
use domain::names::StorageUnitName;
use domain::ports::Subscription;
use domain::stream::Position;
use runtime::FollowerCount;
use serde::Deserialize;
use utoipa::{IntoParams, ToSchema};

use super::after;
use super::events::{EventsQuery, Wanted};
use crate::description::names;
use crate::extract::{Query, State};
use crate::position;
use crate::problem::Problem;
use crate::state::ApiState;

const LAST_EVENT_ID_HEADER: HeaderName = HeaderName::from_static("last-event-id");
const EVENT_STREAM: HeaderValue = HeaderValue::from_static("text/event-stream");
const NO_STORE: HeaderValue = HeaderValue::from_static("no-store");
/// How many events go out at once.
const EVENTS_AT_ONCE_MAX: usize = 256;
/// A sign of life after so much silence, so that nobody in between closes the connection.
const SILENCE_MAX: Duration = Duration::from_secs(15);
/// What comes first: headers alone would not reach every reader, and a reader that is cut off shall be back soon.
const GREETING: &str = "retry: 1000\n\n";

/// Which events are wanted. A stream has no end, so it takes no limit.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct StreamQuery {
    /// Begin after this position.
    #[param(value_type = names::Position, required = false, inline)]
    after: Option<String>,
    /// Wait until the log has reached this position.
    #[param(value_type = names::Position, required = false, inline)]
    min_position: Option<String>,
    /// Only of streams whose names begin so.
    #[param(value_type = String, required = false, example = "key_scope-docs/")]
    stream_prefix: Option<String>,
    /// Only of this unit: its own stream and those of its key-scopes and records.
    #[param(value_type = names::StorageUnitName, required = false, inline)]
    unit: Option<StorageUnitName>,
    /// Only of this type, such as `key_scope.finished`, or of this kind of thing, such as `campaign`.
    #[param(value_type = names::EventKind, required = false, inline)]
    kind: Option<String>,
}

impl From<StreamQuery> for EventsQuery {
    fn from(query: StreamQuery) -> Self {
        let StreamQuery { after, min_position, stream_prefix, unit, kind } = query;
        Self { after, min_position, limit: None, stream_prefix, unit, kind }
    }
}

/// Where a reader of server-sent events goes on.
#[derive(IntoParams)]
#[into_params(parameter_in = Header)]
#[expect(dead_code, reason = "describes what is read from headers, and is never made")]
pub(super) struct FollowParams {
    /// Of a stream: the id of the last message, after which it goes on; in place of `after`.
    #[param(rename = "last-event-id", value_type = names::Position, required = false, inline)]
    last_event_id: String,
}

/// A server-sent event, of which there is one after the other.
#[derive(ToSchema)]
#[schema(as = EventMessage)]
#[expect(dead_code, reason = "describes a body that is not JSON, and is never made")]
pub(super) struct Message {
    #[schema(required = false)]
    id: names::Position,
    /// What every server-sent event is that has no name of its own.
    #[schema(required = false, pattern = "^message$")]
    event: String,
    /// The event, as in a line of `/v1/events`.
    #[schema(content_media_type = "application/json")]
    data: String,
}

/// Follow events
///
/// What is there, then what comes, as server-sent events, until the reader leaves or the server stops. Whoever is cut off sends
/// the last id as `Last-Event-ID` and goes on without gap or repeat. It takes no `limit`.
#[utoipa::path(
    get, path = "/v1/events/stream", operation_id = "follow_events", tag = "events",
    params(StreamQuery, FollowParams),
    responses((
        status = 200, description = "Messages, without end", body = Message, content_type = "text/event-stream",
        headers(("Cache-Control" = String, description = "`no-store`")),
    )),
)]
pub(super) async fn stream(
    State(state): State<ApiState>,
    Query(query): Query<StreamQuery>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    follow(&state, query.into(), &headers).await
}

pub(super) async fn follow(
    state: &ApiState,
    query: EventsQuery,
    headers: &HeaderMap,
) -> Result<Response, Problem> {
    query.check_endless()?;
    let asked_for = after(state, query.after.as_deref(), "query parameter after").await?;
    // What a reader has received lies after what it once asked for.
    let after = last_event_id(state, headers).await?.unwrap_or(asked_for);
    let head = position::log(state, query.min_position.as_deref()).await?;
    let wanted = query.wanted(state)?;
    let subscription = state.engine.store().subscribe(after).await?;
    let counted = state.engine.count_follower();
    let following =
        Following { state: state.clone(), wanted, subscription, sent: after, seen: after, _counted: counted };
    let greeting = futures::stream::iter([Ok(Bytes::from_static(GREETING.as_bytes()))]);
    let messages = futures::stream::unfold(following, Following::next);
    let body = Body::from_stream(futures::StreamExt::chain(greeting, messages));
    let headers = [(CONTENT_TYPE, EVENT_STREAM), (CACHE_CONTROL, NO_STORE)];
    let mut response = (headers, body).into_response();
    position::stamp(&mut response, head);
    Ok(response)
}

/// The id of the last message that a reader has received.
pub(super) async fn last_event_id(
    state: &ApiState,
    headers: &HeaderMap,
) -> Result<Option<Position>, Problem> {
    let Some(id) = headers.get(LAST_EVENT_ID_HEADER) else { return Ok(None) };
    after(state, Some(id.to_str().unwrap_or("?")), "header Last-Event-ID").await.map(Some)
}

/// One reader.
struct Following {
    state: ApiState,
    wanted: Wanted,
    subscription: Box<dyn Subscription>,
    /// The position of the last message.
    sent: Position,
    /// The position of the last event that was looked at.
    seen: Position,
    /// Counts this reader for as long as it is there.
    _counted: FollowerCount,
}

impl Following {
    /// What goes out next; nothing when the server closes or the log cannot be read. Readers come back by themselves.
    async fn next(mut self) -> Option<(Result<Bytes, Infallible>, Self)> {
        let silence = tokio::time::sleep(SILENCE_MAX);
        tokio::pin!(silence);
        loop {
            let read = tokio::select! {
                () = self.state.closing.said() => return None,
                () = &mut silence => {
                    let sign = self.sign_of_life();
                    return Some((Ok(sign), self));
                }
                read = self.subscription.next(EVENTS_AT_ONCE_MAX) => read,
            };
            let messages = match read.map_err(Problem::from).and_then(|events| self.messages(&events)) {
                Ok(messages) => messages,
                Err(problem) => {
                    tracing::warn!(problem = %problem.detail, "a reader of events is sent away");
                    return None;
                }
            };
            if !messages.is_empty() {
                return Some((Ok(messages.into()), self));
            }
        }
    }

    fn messages(&mut self, events: &[Arc<RecordedEvent>]) -> Result<Vec<u8>, Problem> {
        let mut messages = Vec::new();
        for event in events {
            self.seen = event.position;
            // A line ends with a line break, and a message with a further one.
            if let Some(line) = self.wanted.line(&*self.state.forms, event)? {
                messages.extend_from_slice(format!("id: {}\ndata: ", event.position).as_bytes());
                messages.extend_from_slice(&line);
                messages.push(b'\n');
                self.sent = event.position;
            }
        }
        Ok(messages)
    }

    /// A comment; with an id when events were passed over, so that a reader who comes back need not pass over them
    /// again. A message without data reaches nobody, but its id is kept.
    fn sign_of_life(&mut self) -> Bytes {
        if self.sent == self.seen {
            return Bytes::from_static(b": still here\n\n");
        }
        self.sent = self.seen;
        Bytes::from(format!(": still here\nid: {}\n\n", self.seen))
    }
}
