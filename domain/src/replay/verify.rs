//! Verify: every recorded command decided again, on the state before it and at its time, by the rules of today. What
//! comes out must be what is in the log. It does not know where the log is read from.

use std::collections::HashMap;

use super::append::UnreadableCommand;
use super::{Decide, RecordedAppend, Thing, Unexplained, system};
use crate::aggregate::{Aggregate, Refusal};
use crate::envelope::Command;
use crate::event::{Event, RecordedCommand};
use crate::names::CommandId;
use crate::stream::{Position, StreamId, Subject, Version};
use crate::system;
use crate::time::Timestamp;

/// A recorded command whose decision of today is not the one in the log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Divergence {
    /// The stream.
    pub stream: StreamId,
    /// The version of the first event that differs.
    pub version: Version,
    /// The position of the command's first event.
    pub position: Position,
    /// When the command was decided.
    pub recorded_at: Timestamp,
    /// The command's id.
    pub command_id: CommandId,
    /// The command; nothing when the log does not have it.
    pub command: Option<RecordedCommand>,
    /// Which of the events is the first that differs.
    pub index: usize,
    /// The events in the log.
    pub recorded: Vec<Event>,
    /// What came out instead.
    pub problem: Problem,
}

/// What came out of a decision instead of what is in the log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Problem {
    /// Other events, or none.
    Decided(Vec<Event>),
    /// A refusal.
    Refused(Refusal),
    /// The log does not have the command, so nothing explains the events.
    CommandMissing,
    /// The command cannot be read.
    CommandUnreadable(String),
    /// The recorded events cannot follow the state before them. What comes after them in the stream is not looked at.
    Impossible(String),
    /// The stream does not go on where it ended. What comes after it is not looked at.
    VersionExpected(Version),
}

/// Decides every command of a log again. Memory grows with the number of streams.
#[derive(Debug)]
pub struct Verification {
    decide: Decide,
    /// Nothing of a stream that cannot be followed any longer.
    things: HashMap<StreamId, Option<Thing>>,
    /// Why no lease may be given at this place of the log, if none may.
    paused: Option<system::Refusal>,
    system: StreamId,
}

impl Default for Verification {
    fn default() -> Self {
        Self::by(Aggregate::decide)
    }
}

impl Verification {
    /// A verification by other rules.
    #[must_use]
    pub fn by(decide: Decide) -> Self {
        Self { decide, things: HashMap::new(), paused: None, system: system() }
    }

    /// Takes the next append of the log and decides its command again.
    pub fn check(&mut self, append: &RecordedAppend) -> Option<Divergence> {
        self.take(append, true)
    }

    /// Takes the next append of the log without looking at its command: what comes after it needs the state.
    pub fn follow(&mut self, append: &RecordedAppend) -> Option<Divergence> {
        self.take(append, false)
    }

    fn take(&mut self, append: &RecordedAppend, is_checked: bool) -> Option<Divergence> {
        let slot = match self.things.get_mut(append.stream()) {
            Some(slot) => slot,
            None => match Subject::try_from(append.stream()) {
                Ok(subject) => {
                    let thing = Thing { aggregate: Aggregate::initial(&subject), next: Version(0) };
                    self.things.entry(append.stream().clone()).or_insert(Some(thing))
                }
                Err(error) => {
                    self.things.insert(append.stream().clone(), None);
                    return Some(divergence(append, 0, Problem::Impossible(error.to_string())));
                }
            },
        };
        let thing = slot.take()?;
        if append.first().version != thing.next {
            return Some(divergence(append, 0, Problem::VersionExpected(thing.next)));
        }
        let decided =
            is_checked.then(|| decide_again(self.decide, &thing.aggregate, self.paused.as_ref(), append));
        let evolved = match thing.evolve(append.events().map(|recorded| &recorded.event)) {
            Ok(evolved) => slot.insert(evolved),
            Err(Unexplained { index, why }) => {
                return Some(divergence(append, index, Problem::Impossible(why)));
            }
        };
        if *append.stream() == self.system
            && let Aggregate::System(system) = &evolved.aggregate
        {
            self.paused = system.permit_dispatch().err();
        }
        decided.and_then(Result::err).map(|(index, problem)| divergence(append, index, problem))
    }
}

/// Decides a recorded command again.
///
/// # Errors
/// Which event differs first, and what came out.
fn decide_again(
    decide: Decide,
    state: &Aggregate,
    paused: Option<&system::Refusal>,
    append: &RecordedAppend,
) -> Result<(), (usize, Problem)> {
    let command = append.command().map_err(|error| match error {
        UnreadableCommand::Missing => (0, Problem::CommandMissing),
        UnreadableCommand::Unreadable(why) => (0, Problem::CommandUnreadable(why)),
    })?;
    let decided =
        permitted(paused, &command).and_then(|()| decide(state, &command, append.metadata().recorded_at));
    let events = decided.map_err(|refusal| (0, Problem::Refused(refusal)))?;
    let recorded = append.events().map(|recorded| &recorded.event);
    match recorded.zip(&events).position(|(recorded, event)| recorded != event) {
        None if events.len() == append.count() => Ok(()),
        None => Err((events.len().min(append.count() - 1), Problem::Decided(events))),
        Some(index) => Err((index, Problem::Decided(events))),
    }
}

/// Whether a command is let through to its decision: a claim is not while the system is paused
/// (`docs/adr/0009-a-pause-counts-in-the-order-of-the-log.md`).
pub(super) fn permitted(paused: Option<&system::Refusal>, command: &Command) -> Result<(), Refusal> {
    match paused {
        Some(refusal) if command.dispatches() => Err(refusal.clone().into()),
        Some(_) | None => Ok(()),
    }
}

fn divergence(append: &RecordedAppend, index: usize, problem: Problem) -> Divergence {
    let first = append.first();
    Divergence {
        stream: first.stream.clone(),
        version: Version(first.version.0 + index as u64),
        position: first.position,
        recorded_at: first.metadata.recorded_at,
        command_id: first.metadata.command_id,
        command: first.metadata.command.clone(),
        index,
        recorded: append.events().map(|recorded| recorded.event.clone()).collect(),
        problem,
    }
}
