//! Replay: recorded commands decided again.
//!
//! The log holds each command with what it was decided into ([`RecordedCommand`]), and a decision needs nothing but the
//! state, the command and the time (`docs/adr/0002-policies-travel-in-commands.md`). So every decision of the past can be
//! taken again: by the same rules, which must give the same events ([`Verification`]), or on a fork on which something was
//! otherwise ([`Fork`]). It does not know where a log lies, nor how what it finds is shown.
//!
//! [`RecordedCommand`]: crate::event::RecordedCommand

mod append;
mod changes;
mod fork;
mod parts;
#[cfg(test)]
mod tests;
mod timers;
mod verify;

pub use append::{Appends, RecordedAppend};
pub use changes::{Changes, CommandRef, Edit, LimitsChange, NotACommandRef, RetryChange};
pub use fork::{Apart, FORK_EVENTS_MAX, Fork, ForkCounts};
pub use verify::{Divergence, Problem, Verification};

use crate::aggregate::{Aggregate, Refusal};
use crate::envelope::Command;
use crate::event::Event;
use crate::stream::{StreamId, Version};
use crate::time::Timestamp;

/// The rules by which a command is decided. [`Aggregate::decide`] is the house's own; whoever wants to know what other
/// rules would do hands in those.
pub type Decide = fn(&Aggregate, &Command, Timestamp) -> Result<Vec<Event>, Refusal>;

/// The state of a stream, and the version that its next event has.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Thing {
    aggregate: Aggregate,
    next: Version,
}

impl Thing {
    /// The state after further events.
    ///
    /// # Errors
    /// The first one that cannot follow, and why.
    fn evolve<'a>(mut self, events: impl IntoIterator<Item = &'a Event>) -> Result<Self, Unexplained> {
        for (index, event) in events.into_iter().enumerate() {
            let evolved = self.aggregate.evolve(event, self.next);
            self.aggregate = evolved.map_err(|error| Unexplained { index, why: error.to_string() })?;
            self.next = self.next.next();
        }
        Ok(self)
    }
}

/// An event that no decision can have led to.
struct Unexplained {
    /// Which of the events that were to be followed.
    index: usize,
    why: String,
}

/// The stream of the system, by which claims are permitted.
fn system() -> StreamId {
    crate::stream::Subject::System.stream()
}
