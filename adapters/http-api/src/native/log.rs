//! The whole log from a position on, for programs that follow it: `GET /v1/events` and `GET /v1/commands`. Here is what
//! both have in common: which streams are wanted, and how a page is read. Does not know what a line says.

pub(super) mod commands;
mod events;
mod follow;

pub(super) use events::known_kind;

use axum::body::Body;
use axum::http::header::{ACCEPT, CONTENT_TYPE};
use axum::http::{HeaderMap, HeaderName, HeaderValue};
use axum::response::{IntoResponse as _, Response};
use domain::event::RecordedEvent;
use domain::names::StorageUnitName;
use domain::ports::EventFilter;
use domain::stream::{Position, Subject};
use serde::Serialize;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::position;
use crate::problem::Problem;
use crate::state::ApiState;

/// The header that says what to send as `after` for the next page; absent when this one reaches the end of the log.
const NEXT_HEADER: HeaderName = HeaderName::from_static("reprise-next");
/// The type of bodies that have a JSON value in each line.
pub(super) const NDJSON: HeaderValue = HeaderValue::from_static("application/x-ndjson");
/// Events read at once.
const EVENTS_READ_MAX: usize = 1_024;
/// How many events one page looks at; a page that finds little ends there, and says where to go on.
const EVENTS_LOOKED_AT_MAX: usize = 100_000;
/// How long a page may be, in bytes; one that gets longer ends after the line with which it did.
const PAGE_BYTES_MAX: usize = 8 << 20;

pub(super) fn router() -> OpenApiRouter<ApiState> {
    OpenApiRouter::new().routes(routes!(events::events)).routes(routes!(follow::stream))
}

/// Which streams are wanted.
#[derive(Debug, Default)]
struct Streams {
    prefix: String,
    unit: Option<StorageUnitName>,
}

impl Streams {
    fn new(prefix: Option<String>, unit: Option<StorageUnitName>) -> Self {
        Self { prefix: prefix.unwrap_or_default(), unit }
    }

    /// What the store can leave out by itself.
    fn filter(&self) -> EventFilter {
        EventFilter { stream_prefix: self.prefix.clone() }
    }

    fn wants(&self, event: &RecordedEvent) -> bool {
        let of_unit = |unit| Subject::try_from(&event.stream).is_ok_and(|it| it.unit() == Some(unit));
        event.stream.as_str().starts_with(&self.prefix) && self.unit.as_ref().is_none_or(of_unit)
    }
}

/// The position after which a reader wants to go on. One that the log has not reached comes from another log.
pub(super) async fn after(state: &ApiState, text: Option<&str>, what: &str) -> Result<Position, Problem> {
    let Some(text) = text else { return Ok(Position::START) };
    let after: Position =
        text.parse().map_err(|error| Problem::bad_request(format!("correct the {what}: {error}")))?;
    let head = state.engine.store().head().await?;
    if after <= head {
        return Ok(after);
    }
    let detail = format!("the {what} is {after}, but the log ends at {head}; begin without it");
    Err(Problem::bad_request(detail))
}

/// Where a page begins and ends.
struct Span {
    after: Position,
    /// The end of the log when it was asked.
    head: Position,
    limit: usize,
}

/// A page: every event after a position for which `line` gives a line, in the order of the log.
async fn page(
    state: &ApiState,
    span: Span,
    filter: &EventFilter,
    line: impl Fn(&RecordedEvent) -> Result<Option<Vec<u8>>, Problem>,
) -> Result<Response, Problem> {
    let Span { mut after, head, limit } = span;
    let (mut body, mut lines, mut looked_at) = (Vec::new(), 0, 0);
    let next = 'page: loop {
        let events = state.engine.store().read_all(after, EVENTS_READ_MAX, filter).await?;
        if events.is_empty() {
            break None;
        }
        for event in events {
            if event.position > head {
                break 'page None;
            }
            after = event.position;
            looked_at += 1;
            if let Some(line) = line(&event)? {
                body.extend_from_slice(&line);
                lines += 1;
            }
            if lines == limit || looked_at == EVENTS_LOOKED_AT_MAX || body.len() >= PAGE_BYTES_MAX {
                break 'page (after < head).then_some(after);
            }
        }
    };
    let mut response = ([(CONTENT_TYPE, NDJSON)], Body::from(body)).into_response();
    position::stamp(&mut response, head);
    if let Some(next) = next {
        let next = HeaderValue::from_str(&next.to_string()).expect("a position is digits and a dot");
        response.headers_mut().insert(NEXT_HEADER, next);
    }
    Ok(response)
}

/// Whether a request names a media type among those that it takes.
pub(super) fn accepts(headers: &HeaderMap, media_type: &str) -> bool {
    let accept = headers.get(ACCEPT).and_then(|accept| accept.to_str().ok()).unwrap_or_default();
    accept.split(',').any(|range| range.split(';').next().unwrap_or_default().trim() == media_type)
}

/// A value as a line.
pub(super) fn json_line(value: &impl Serialize) -> Result<Vec<u8>, Problem> {
    let mut line = serde_json::to_vec(value)
        .map_err(|error| Problem::broken("unwritable_reply", format!("the answer is no JSON: {error}")))?;
    line.push(b'\n');
    Ok(line)
}
