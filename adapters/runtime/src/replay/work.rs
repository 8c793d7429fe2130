//! What a replay does with each page of a log. Does not know who reads it.

use std::collections::BTreeMap;
use std::sync::Arc;

use domain::event::RecordedEvent;
use domain::ports::EventForms;
use domain::replay::{Appends, CommandRef, Decide, Fork, ForkCounts, RecordedAppend, Verification};
use domain::stream::{Position, StreamId, Subject};
use domain::time::Timestamp;
use projections::replay::{DivergenceRow, EndingRow};
use serde::{Deserialize, Serialize};

use super::request::{Mode, ReplayRequest};
use super::selection::{InvalidRequest, Selection};
use super::sending::{RefusedRow, SentCounts};

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
    /// How many commands were decided again, or sent.
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
    /// A thing that ends otherwise on the fork.
    Ending(Box<EndingRow>),
    /// A command that the other instance refused. Nothing is sent after it.
    Refused(Box<RefusedRow>),
}

/// What a replay came to.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ReplayReport {
    /// The position up to which the log was read.
    pub position: Position,
    /// How many events were read.
    pub events: u64,
    /// How many commands were decided again, or sent.
    pub commands: u64,
    /// How many findings there are, listed or not.
    pub findings: u64,
    /// What became of the fork, when there was one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fork: Option<ForkReport>,
    /// What became of what was sent, when something was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reissue: Option<SentCounts>,
}

/// What became of a fork.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct ForkReport {
    /// What became of the commands.
    pub commands: ForkCounts,
    /// How many things went their own way, whether or not they end alike.
    pub apart: u64,
    /// How many things end otherwise, by kind and by how they end.
    pub endings: Vec<EndingCount>,
    /// Changes of single commands that met none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub unmet: Vec<CommandRef>,
}

/// How many things of a kind end so in the log and otherwise on the fork.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EndingCount {
    /// The kind, such as `key_scope`.
    pub kind: String,
    /// How they end in the log.
    pub recorded: String,
    /// How they end on the fork.
    pub fork: String,
    /// How many.
    pub count: u64,
}

/// What decides.
enum Judge {
    Verify(Verification),
    WhatIf(Box<Fork>),
}

/// A replay's state between two pages.
pub(super) struct Work {
    forms: Arc<dyn EventForms>,
    selection: Selection,
    appends: Appends,
    judge: Judge,
    system: StreamId,
    /// How many things end otherwise: by kind, ending in the log, ending on the fork.
    endings: BTreeMap<(String, String, String), u64>,
    head: Position,
    position: Position,
    events: u64,
    commands: u64,
    findings: u64,
    findings_max: u64,
    /// Where the last append that was taken ends, and when it was recorded.
    end: (Position, Timestamp),
    /// Whether everything was seen that is asked for.
    is_over: bool,
}

impl Work {
    pub(super) fn new(
        request: &ReplayRequest,
        forms: Arc<dyn EventForms>,
        rules: Decide,
        head: Position,
    ) -> Result<Self, InvalidRequest> {
        let judge = match request.mode {
            Mode::Verify => Judge::Verify(Verification::by(rules)),
            Mode::WhatIf => Judge::WhatIf(Box::new(Fork::by(rules, request.changes.clone()))),
            Mode::Reissue => return Err(InvalidRequest::NoTarget),
        };
        Ok(Self {
            selection: request.selection(&*forms)?,
            forms,
            appends: Appends::default(),
            judge,
            system: Subject::System.stream(),
            endings: BTreeMap::new(),
            head,
            position: Position::START,
            events: 0,
            commands: 0,
            findings: 0,
            findings_max: u64::from(request.findings_max),
            end: (Position::START, Timestamp::default()),
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
        let found = last.and_then(|append| self.judge(&append)).into_iter().collect();
        self.is_over = true;
        if let Judge::WhatIf(fork) = &mut self.judge {
            fork.finish(self.end.1);
        }
        found
    }

    fn judge(&mut self, append: &RecordedAppend) -> Option<Finding> {
        if self.selection.ends_before(append) {
            self.is_over = true;
            return None;
        }
        self.end = (append.last().position, append.metadata().recorded_at);
        let wants_stream = self.selection.wants_stream(append.stream());
        let is_chosen = || wants_stream && self.selection.chooses(append, &*self.forms);
        let divergence = match &mut self.judge {
            Judge::WhatIf(fork) => {
                fork.take(append, is_chosen());
                self.commands += 1;
                self.is_over = fork.is_too_large();
                None
            }
            // Whether a lease may be given follows from the system, whichever streams are looked at.
            Judge::Verify(verification) if wants_stream || *append.stream() == self.system => {
                if is_chosen() {
                    self.commands += 1;
                    verification.check(append)
                } else {
                    verification.follow(append)
                }
            }
            Judge::Verify(_) => None,
        }?;
        self.found(|forms| Finding::Divergence(Box::new(DivergenceRow::new(&divergence, forms))))
    }

    /// Counts a finding; gives it as long as it is listed.
    fn found(&mut self, finding: impl FnOnce(&dyn EventForms) -> Finding) -> Option<Finding> {
        self.findings += 1;
        (self.findings <= self.findings_max).then(|| finding(&*self.forms))
    }

    /// Where the last append that was taken ends.
    pub(super) const fn end(&self) -> Position {
        self.end.0
    }

    /// The fork at its end, if there is one.
    pub(super) fn fork(&self) -> Option<&Fork> {
        match &self.judge {
            Judge::Verify(_) => None,
            Judge::WhatIf(fork) => Some(fork),
        }
    }

    /// Takes how things end on the fork; gives what is to be listed.
    pub(super) fn take_endings(&mut self, rows: Vec<EndingRow>) -> Vec<Finding> {
        let mut found = Vec::new();
        for row in rows {
            let key = (row.kind().to_owned(), row.recorded.clone(), row.fork.clone());
            *self.endings.entry(key).or_default() += 1;
            found.extend(self.found(|_| Finding::Ending(Box::new(row))));
        }
        found
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

    pub(super) fn report(&self) -> ReplayReport {
        let fork = self.fork().map(|fork| ForkReport {
            commands: fork.counts(),
            apart: fork.apart().len() as u64,
            endings: self.endings.iter().map(ending_count).collect(),
            unmet: fork.unmet(),
        });
        ReplayReport {
            fork,
            reissue: None,
            position: self.position,
            events: self.events,
            commands: self.commands,
            findings: self.findings,
        }
    }
}

fn ending_count(((kind, recorded, fork), count): (&(String, String, String), &u64)) -> EndingCount {
    EndingCount { kind: kind.clone(), recorded: recorded.clone(), fork: fork.clone(), count: *count }
}
