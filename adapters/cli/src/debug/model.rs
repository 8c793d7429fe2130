//! What the debugger shows: a history, where in it one stands, and what is being tried. Does not know keys or screens.

use std::sync::Arc;

use domain::envelope::Command;
use domain::event::{RecordedCommand, RecordedEvent};
use domain::stream::Subject;
use domain::time::Timestamp;
use projections::explain::{Legal, Surroundings, Thing, legal};
use projections::fork::{Step, Tried, attempt, steps};
use serde_json::Value;

/// What the debugger shows.
#[derive(Debug, Clone)]
pub(super) struct Model {
    /// Whose history it is.
    pub(super) subject: Subject,
    /// Where it was read.
    pub(super) source: String,
    pub(super) events: Vec<Arc<RecordedEvent>>,
    /// The same, with the thing after each.
    pub(super) steps: Vec<Step>,
    /// When the debugger was started.
    pub(super) now: Timestamp,
    /// Which step is looked at.
    pub(super) cursor: usize,
    /// What is shown of it.
    pub(super) pane: Pane,
    /// How many lines of that are scrolled away.
    pub(super) scroll: u16,
    /// What is being done.
    pub(super) mode: Mode,
}

/// What is shown of a step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Pane {
    /// What it changed.
    Change,
    /// The thing after it.
    State,
    /// The command behind it.
    Command,
}

impl Pane {
    pub(super) const ALL: [Self; 3] = [Self::Change, Self::State, Self::Command];

    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Change => "change",
            Self::State => "state",
            Self::Command => "command",
        }
    }

    pub(super) const fn next(self) -> Self {
        match self {
            Self::Change => Self::State,
            Self::State => Self::Command,
            Self::Command => Self::Change,
        }
    }
}

/// What is being done.
#[derive(Debug, Clone)]
pub(super) enum Mode {
    /// Going from step to step.
    Stepping,
    /// Choosing one of the commands that are legal after the step.
    Picking {
        /// They.
        legal: Vec<Legal>,
        /// The one that is looked at.
        selected: usize,
    },
    /// Writing a command as JSON.
    Typing {
        /// What was written.
        text: String,
    },
    /// Looking at what came of a try.
    Looking {
        /// What was tried.
        text: String,
        /// What it would have done, or why not.
        outcome: Result<Tried, String>,
    },
}

impl Model {
    /// A model at the last event of a history, which has at least one.
    pub(super) fn new(
        subject: Subject,
        source: String,
        events: Vec<Arc<RecordedEvent>>,
        now: Timestamp,
    ) -> Self {
        let steps = steps(&events);
        let cursor = steps.len().saturating_sub(1);
        let (pane, scroll, mode) = (Pane::Change, 0, Mode::Stepping);
        Self { subject, source, events, steps, now, cursor, pane, scroll, mode }
    }

    /// The step that is looked at.
    pub(super) fn step(&self) -> Option<&Step> {
        self.steps.get(self.cursor)
    }

    /// The same model at another step.
    pub(super) fn at(self, cursor: usize) -> Self {
        let last = self.steps.len().saturating_sub(1);
        Self { cursor: cursor.min(last), scroll: 0, ..self }
    }

    /// The events up to the step that is looked at.
    fn before(&self) -> &[Arc<RecordedEvent>] {
        self.events.get(..=self.cursor).unwrap_or(&self.events)
    }

    /// When something is tried: when the next event happened, or now after the last one.
    pub(super) fn moment(&self) -> Timestamp {
        let next = self.events.get(self.cursor + 1);
        next.map_or(self.now, |next| next.metadata.recorded_at)
    }

    /// The commands that are legal after the step.
    pub(super) fn legal(&self) -> Vec<Legal> {
        let thing = Thing::new(self.subject.clone(), self.before().to_vec());
        thing.map_or_else(|_| Vec::new(), |thing| legal(&thing, &Surroundings::at(self.moment())))
    }

    /// Tries a command, written as JSON, after the step.
    pub(super) fn tried(&self, text: &str) -> Result<Tried, String> {
        let json: Value = serde_json::from_str(text).map_err(|error| format!("this is no JSON: {error}"))?;
        let command = Command::from_recorded(self.subject.clone(), &RecordedCommand::from(json));
        let command = command.map_err(|error| format!("this is no command: {error}"))?;
        let tried = attempt(&self.subject, self.before(), &command, self.moment());
        tried.map_err(|error| error.to_string())
    }
}
