//! The engine as it was at a moment of the past: the log up to there, the rows as they were, and the time that it was.
//! Everything is asked as it is of the present. Does not know how rows are kept.

mod boards;
mod diff;
mod events;
mod resolving;
mod rows;
pub(crate) mod taking;

use std::sync::Arc;

use domain::aggregate::Aggregate;
use domain::moment::Moment;
use domain::ports::{Clock, ReadError};
use domain::stream::{Position, Subject, Version};
use domain::time::Timestamp;
use projections::fork;

use crate::engine::Engine;
use crate::pipeline::SubmitError;
use crate::streams::read_whole;

pub(crate) use boards::Boards;
pub use diff::{BoardDiff, DIFF_EVENTS_MAX, DiffError, DiffPage, RowDiff, Totals};
pub(crate) use events::EventsUntil;
pub(crate) use rows::RowsThen;

/// Why there is nothing to be seen of a moment.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PastError {
    /// The log is not so long.
    #[error("the moment is p{wanted}, but the log ends at p{head}; send a position from a reply")]
    BeyondLog {
        /// The position asked for.
        wanted: Position,
        /// Where the log ends.
        head: Position,
    },
    /// It lies in the future.
    #[error("the moment is {wanted}, and it is {now} now; what comes is not known")]
    Future {
        /// The instant asked for.
        wanted: Timestamp,
        /// The present.
        now: Timestamp,
    },
    /// The thing has not come so far.
    #[error("the moment is v{wanted}, but the last event of '{stream}' is v{last}; send one up to that")]
    BeyondStream {
        /// The version asked for.
        wanted: Version,
        /// The stream's name.
        stream: String,
        /// Its last version.
        last: Version,
    },
    /// A version says something only of one thing.
    #[error(
        "the moment is v{0}, and versions are of one thing; send a position such as p4711, or an instant"
    )]
    VersionOfWhat(Version),
    /// The event store's reason.
    #[error(transparent)]
    Store(#[from] ReadError),
}

/// A moment that is over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Then {
    /// The position of the last event that had happened.
    pub position: Position,
    /// What time it was.
    pub at: Timestamp,
}

/// A clock that shows the time of a moment.
pub(crate) struct ClockThen(pub(crate) Timestamp);

impl Clock for ClockThen {
    fn now(&self) -> Timestamp {
        self.0
    }
}

impl Engine {
    /// When a moment was: of this thing, where one is asked about.
    ///
    /// # Errors
    /// [`PastError`] when there is no such moment yet, or the log cannot be read.
    pub async fn when(&self, moment: Moment, subject: Option<&Subject>) -> Result<Then, PastError> {
        match moment {
            Moment::Position(position) => resolving::position(self, position).await,
            Moment::Instant(instant) => resolving::instant(self, instant).await,
            Moment::Version(version) => resolving::version(self, version, subject).await,
        }
    }

    /// The state of a thing as this engine, which shows a moment, has it.
    pub(crate) async fn inspect_then(&self, subject: &Subject, then: Then) -> Result<Aggregate, SubmitError> {
        let events = if *subject == Subject::System {
            // Whether the system was paused concerns everybody.
            let log = EventsUntil { store: self.whole_log(), end: then.position };
            read_whole(&log, &subject.stream()).await?
        } else {
            read_whole(self.store(), &subject.stream()).await?
        };
        fork::aggregate(subject, &events).map_err(|error| SubmitError::Corrupt(error.to_string()))
    }

    /// The same engine as it was then, to read from. What was in no event is not known: which workers were there, and what
    /// waited in line.
    #[must_use]
    pub fn at(&self, then: Then) -> Self {
        let rows = RowsThen { boards: Arc::clone(self.boards()), position: then.position };
        self.seen(then, Arc::new(EventsUntil { store: self.whole_log(), end: then.position }), Arc::new(rows))
    }
}
