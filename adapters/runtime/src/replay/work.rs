//! What a replay does with each page of a log. Does not know who reads it.

use std::collections::HashMap;
use std::sync::Arc;

use domain::event::RecordedEvent;
use domain::ports::EventForms;
use domain::replay::{Appends, RecordedAppend, Verification};
use domain::stream::{Position, StreamId, Subject};
use projections::replay::DivergenceRow;
use serde::{Deserialize, Serialize};

use super::request::{Mode, ReplayRequest};
use super::selection::{InvalidRequest, Selection};

/// What a replay says while it runs.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Line {
    /// How far it has come.
    Progress(Progress),
    /// What it found.
    Finding(Finding),
    /// What it came to, at its end.
    Report(ReplayReport),
}

/// How far a replay has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Progress {
    /// The position up to which the log was read.
    pub position: Position,
    /// The position at which the replay ends.
    pub head: Position,
    /// How many events were read.
    pub events: u64,
    /// How many commands were decided again.
    pub commands: u64,
    /// How many findings there are.
    pub findings: u64,
}

/// Something that is not as it is in the log.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Finding {
    /// A command that is decided otherwise now.
    Divergence(Box<DivergenceRow>),
}

/// What a replay came to.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ReplayReport {
    /// The position up to which the log was read.
    pub position: Position,
    /// How many events were read.
    pub events: u64,
    /// How many commands were decided again.
    pub commands: u64,
    /// How many findings there are, listed or not.
    pub findings: u64,
}

/// A replay's state between two pages.
pub(super) struct Work {
    forms: Arc<dyn EventForms>,
    selection: Selection,
    appends: Appends,
    verification: Verification,
    /// Which streams are wanted, since a glob is asked once for each.
    wanted: HashMap<StreamId, bool>,
    head: Position,
    position: Position,
    events: u64,
    commands: u64,
    findings: u64,
    findings_max: u64,
    /// Whether everything was seen that is asked for.
    is_over: bool,
}

impl Work {
    pub(super) fn new(
        request: &ReplayRequest,
        forms: Arc<dyn EventForms>,
        verification: Verification,
        head: Position,
    ) -> Result<Self, InvalidRequest> {
        let Mode::Verify = request.mode;
        let system = Subject::System.stream();
        Ok(Self {
            selection: request.selection(&*forms)?,
            forms,
            appends: Appends::default(),
            verification,
            // Whether a lease may be given follows from it, whichever streams are looked at.
            wanted: HashMap::from([(system, true)]),
            head,
            position: Position::START,
            events: 0,
            commands: 0,
            findings: 0,
            findings_max: u64::from(request.findings_max),
            is_over: false,
        })
    }

    pub(super) const fn is_over(&self) -> bool {
        self.is_over
    }

    /// Takes the next events of the log; gives what is to be listed.
    pub(super) fn take(&mut self, page: Vec<Arc<RecordedEvent>>) -> Vec<Finding> {
        let mut found = Vec::new();
        for event in page {
            self.position = event.position;
            self.events += 1;
            if let Some(append) = self.appends.push(event) {
                found.extend(self.judge(&append));
                if self.is_over {
                    return found;
                }
            }
        }
        found
    }

    /// The last append, once there are no more events.
    pub(super) fn finish(&mut self) -> Vec<Finding> {
        let last = self.appends.finish().filter(|_| !self.is_over);
        self.is_over = true;
        last.and_then(|append| self.judge(&append)).into_iter().collect()
    }

    fn judge(&mut self, append: &RecordedAppend) -> Option<Finding> {
        if self.selection.ends_before(append) {
            self.is_over = true;
            return None;
        }
        if !self.wants(append.stream()) {
            return None;
        }
        let is_chosen =
            self.selection.wants_stream(append.stream()) && self.selection.chooses(append, &*self.forms);
        let divergence = if is_chosen {
            self.commands += 1;
            self.verification.check(append)
        } else {
            self.verification.follow(append)
        };
        let divergence = divergence?;
        self.findings += 1;
        (self.findings <= self.findings_max)
            .then(|| Finding::Divergence(Box::new(DivergenceRow::new(&divergence, &*self.forms))))
    }

    /// Whether the state of a stream is needed.
    fn wants(&mut self, stream: &StreamId) -> bool {
        if self.selection.wants_all_streams() {
            return true;
        }
        if let Some(wanted) = self.wanted.get(stream) {
            return *wanted;
        }
        let wanted = self.selection.wants_stream(stream);
        self.wanted.insert(stream.clone(), wanted);
        wanted
    }

    pub(super) const fn progress(&self) -> Progress {
        Progress {
            position: self.position,
            head: self.head,
            events: self.events,
            commands: self.commands,
            findings: self.findings,
        }
    }

    pub(super) const fn report(&self) -> ReplayReport {
        ReplayReport {
            position: self.position,
            events: self.events,
            commands: self.commands,
            findings: self.findings,
        }
    }
}
