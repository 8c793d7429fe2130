//! A replay under way: the next page is read while the last one is decided. Does not know what is decided.

use std::sync::Arc;

use domain::aggregate::Aggregate;
use domain::event::RecordedEvent;
use domain::ports::{Direction, EventForms, EventStore, ReadError};
use domain::replay::{Decide, FORK_EVENTS_MAX};
use domain::stream::{Position, StreamId, Version};
use projections::replay::EndingRow;

use super::pages::{PAGE_EVENTS_MAX, Pages};
use super::request::ReplayRequest;
use super::selection::InvalidRequest;
use super::work::{Finding, Line, Work};

/// How many pages are read between two words about how far it has come.
const PAGES_PER_PROGRESS: u32 = 8;

/// A replay of a log as far as it goes when the replay begins. Whoever asks for its lines drives it; dropped, it ends.
pub struct Replay {
    log: Pages,
    /// Nothing once it has said everything.
    work: Option<Box<Work>>,
    pages: u32,
}

impl Replay {
    /// Begins a replay.
    ///
    /// # Errors
    /// [`BeginError`] when the request makes no sense or the log cannot be read.
    pub async fn begin(
        store: Arc<dyn EventStore>,
        forms: Arc<dyn EventForms>,
        request: &ReplayRequest,
    ) -> Result<Self, BeginError> {
        Self::begin_by(Aggregate::decide, store, forms, request).await
    }

    /// Begins a replay by other rules than the house's own.
    ///
    /// # Errors
    /// [`BeginError`] when the request makes no sense or the log cannot be read.
    pub async fn begin_by(
        rules: Decide,
        store: Arc<dyn EventStore>,
        forms: Arc<dyn EventForms>,
        request: &ReplayRequest,
    ) -> Result<Self, BeginError> {
        let log = Pages::begin(store).await?;
        let work = Box::new(Work::new(request, forms, rules, log.head())?);
        Ok(Self { log, work: Some(work), pages: 0 })
    }

    /// The next lines; nothing once it has come to its end. A step that is dropped ends the replay.
    ///
    /// # Errors
    /// [`ReadError`] when the log cannot be read any further.
    pub async fn next(&mut self) -> Result<Option<Vec<Line>>, ReadError> {
        let Some(mut work) = self.work.take() else { return Ok(None) };
        let page = self.log.next().await?;
        let is_last = page.is_empty();
        let decided = tokio::task::spawn_blocking(move || {
            let mut found = work.take(page);
            if is_last || work.is_over() {
                found.extend(work.finish());
            }
            (work, found)
        });
        let (mut work, found) = decided.await.map_err(|error| ReadError::Unavailable(error.to_string()))?;
        let mut lines: Vec<Line> = found.into_iter().map(Line::Finding).collect();
        self.pages += 1;
        if work.is_over() {
            let found = endings(self.log.store(), &mut work).await?;
            lines.extend(found.into_iter().map(Line::Finding));
            lines.push(Line::Report(work.report()));
            return Ok(Some(lines));
        }
        if self.pages.is_multiple_of(PAGES_PER_PROGRESS) {
            lines.push(Line::Progress(work.progress()));
        }
        self.work = Some(work);
        Ok(Some(lines))
    }
}

/// How things end on the fork that went their own way there, if there is one; gives what is to be listed.
async fn endings(store: &dyn EventStore, work: &mut Work) -> Result<Vec<Finding>, ReadError> {
    let Some(fork) = work.fork() else { return Ok(Vec::new()) };
    if fork.is_too_large() {
        return Err(ReadError::Unavailable(format!(
            "the fork has more than {FORK_EVENTS_MAX} events of its own; change less, or fewer streams"
        )));
    }
    let mut rows = Vec::new();
    for (stream, apart) in fork.apart() {
        let recorded = recorded(store, stream, work.end()).await?;
        let mut own: Vec<_> =
            recorded.iter().take_while(|event| event.version < apart.since()).cloned().collect();
        own.extend_from_slice(apart.events());
        rows.extend(EndingRow::new(stream, apart.since(), &recorded, &own));
    }
    Ok(work.take_endings(rows))
}

/// The events of a stream up to a position.
async fn recorded(
    store: &dyn EventStore,
    stream: &StreamId,
    end: Position,
) -> Result<Vec<Arc<RecordedEvent>>, ReadError> {
    let mut events: Vec<Arc<RecordedEvent>> = Vec::new();
    loop {
        let from = events.last().map_or(Version(0), |last| last.version.next());
        let page = store.read_stream(stream, from, Direction::Forward, PAGE_EVENTS_MAX).await?;
        let is_last = page.len() < PAGE_EVENTS_MAX;
        events.extend(page.into_iter().take_while(|event| event.position <= end));
        if is_last || events.last().is_none_or(|last| last.position >= end) {
            return Ok(events);
        }
    }
}

/// Why a replay did not begin.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BeginError {
    /// The request makes no sense.
    #[error(transparent)]
    Invalid(#[from] InvalidRequest),
    /// The log cannot be read.
    #[error(transparent)]
    Store(#[from] ReadError),
}
