//! The history of one thing: its events with who, why, when and what each changed; and the attempts on a key-scope.
//! Does not know which things there are.

use std::sync::Arc;

use domain::event::RecordedEvent;
use domain::ports::Direction;
use domain::stream::{Subject, Version};
use projections::timeline::timeline;

use super::{Many, Reply, ok};
use crate::page::{self, Page};
use crate::position;
use crate::problem::Problem;
use crate::state::ApiState;

/// Events read at once.
const EVENTS_READ_MAX: usize = 1_000;

/// A page of the events of a thing; `absent` is the answer when it has none.
pub(super) async fn events(state: &ApiState, subject: &Subject, query: &Many, absent: Problem) -> Reply {
    told(state, subject, query, Some(absent)).await
}

/// A page of the events of a thing that is there even before its first event.
pub(super) async fn events_if_any(state: &ApiState, subject: &Subject, query: &Many) -> Reply {
    told(state, subject, query, None).await
}

async fn told(state: &ApiState, subject: &Subject, query: &Many, absent: Option<Problem>) -> Reply {
    let limit = page::limit(query.limit.as_deref(), &state.settings)?;
    let after = page::after_number(query.after.as_deref())?;
    let position = position::log(state, query.min_position.as_deref()).await?;
    let first = after.map_or(0, |after| after.saturating_add(1));
    // One more than the page shows whether there is a next one.
    let end = first.saturating_add(limit as u64).saturating_add(1);
    let stream = read_until(state, subject, end).await?;
    if let Some(absent) = absent.filter(|_| stream.is_empty()) {
        return Err(absent);
    }
    // What an event changed follows only from everything before it, so the fold begins with the first event.
    let mut items = timeline(&stream);
    items.retain(|entry| entry.version.0 >= first);
    let has_more = items.len() > limit;
    items.truncate(limit);
    let next = items.last().filter(|_| has_more).map(|entry| entry.version.to_string());
    ok(position, &Page { items, next, position })
}

/// A page of the attempts on a key-scope; `absent` is the answer when it was never queued.
pub(super) async fn attempts_of(state: &ApiState, subject: &Subject, query: &Many, absent: Problem) -> Reply {
    let limit = page::limit(query.limit.as_deref(), &state.settings)?;
    let after = page::after_number(query.after.as_deref())?.unwrap_or(0);
    let position = position::log(state, query.min_position.as_deref()).await?;
    let mut items = state.engine.attempts(subject).await?.ok_or(absent)?;
    items.retain(|attempt| u64::from(attempt.number) > after);
    let has_more = items.len() > limit;
    items.truncate(limit);
    let next = items.last().filter(|_| has_more).map(|attempt| attempt.number.to_string());
    ok(position, &Page { items, next, position })
}

/// The events of a stream from the first on, up to at least the version before `end`.
async fn read_until(
    state: &ApiState,
    subject: &Subject,
    end: u64,
) -> Result<Vec<Arc<RecordedEvent>>, Problem> {
    let stream = subject.stream();
    let mut events = Vec::new();
    loop {
        let from = Version(events.len() as u64);
        let store = state.engine.store();
        let mut read = store.read_stream(&stream, from, Direction::Forward, EVENTS_READ_MAX).await?;
        let is_last = read.len() < EVENTS_READ_MAX;
        events.append(&mut read);
        if is_last || events.len() as u64 >= end {
            return Ok(events);
        }
    }
}
