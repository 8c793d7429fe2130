//! The attempts of one key-scope or task: who tried, when, and what came of it. A pure function of the events of its stream;
//! an attempt is never overwritten. Does not know where the events are read from.

mod given;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use domain::digest::Digest;
use domain::event::{Event, RecordedEvent};
use domain::key_scope;
use domain::names::WorkerId;
use domain::task::{self, Stage};
use domain::time::Timestamp;
use domain::work::{
    self, Assigned, Change, Failed, Finished, LateResultRefused, Output, Token, UnassignCause,
};
use serde::{Deserialize, Serialize};

pub use given::{Around, Given, attempts_given};

/// One attempt. Its outcome's fields lie beside the others.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Attempt {
    /// Which attempt this is, counted from 1 over all runs.
    pub number: u32,
    /// The stage of the task; nothing for a key-scope.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stage: Option<Stage>,
    /// Who had the lease.
    pub worker: WorkerId,
    /// The lease's fencing token.
    pub token: Token,
    /// What it was given with the lease, as far as that was looked up.
    #[serde(default, skip_serializing_if = "Given::is_unknown")]
    pub given: Given,
    /// When the lease was given.
    pub assigned_at: Timestamp,
    /// When the worker began.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub started_at: Option<Timestamp>,
    /// When the lease ran out, or would have.
    pub lease_until: Timestamp,
    /// When it came to its outcome.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ended_at: Option<Timestamp>,
    /// What came of it.
    #[serde(flatten)]
    pub outcome: AttemptOutcome,
    /// Results that its worker brought after the lease was gone; they were not used.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub late_results: Vec<LateResult>,
}

/// What came of an attempt, in the field `outcome`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "outcome", rename_all = "snake_case")]
pub enum AttemptOutcome {
    /// Nothing yet: leased, not begun.
    Assigned,
    /// Nothing yet: begun.
    Running,
    /// It produced its outputs.
    Finished {
        /// One digest over all outputs.
        digest: Digest,
        /// How the outputs compare with those of the last finished run.
        change: Change,
        /// What each module produced.
        outputs: Vec<Output>,
    },
    /// It failed.
    Failed {
        /// What went wrong, as a code.
        code: String,
        /// What went wrong, as a text.
        text: String,
        /// How many attempts of the run had failed then, this one included.
        failures: u32,
        /// When it was to be tried again; nothing when no attempt was left.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        retry_at: Option<Timestamp>,
    },
    /// Its lease was taken back.
    Unassigned {
        /// Why.
        cause: UnassignCause,
    },
    /// The storage unit was dropped meanwhile, or the task was restarted, put elsewhere or deleted.
    Withdrawn,
}

/// A result that came after the lease was gone.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LateResult {
    /// When.
    pub at: Timestamp,
    /// What the worker reported.
    #[serde(flatten)]
    pub reported: LateResultRefused,
}

/// The attempts of one key-scope or task, oldest first. Takes its whole stream, from the first event on, up to any event.
#[must_use]
pub fn attempts(stream: &[Arc<RecordedEvent>]) -> Vec<Attempt> {
    let mut attempts = Vec::new();
    for event in stream {
        match &event.event {
            Event::KeyScope(key_scope::Event::Work(happened)) => note(&mut attempts, happened, event),
            Event::KeyScope(key_scope::Event::Withdrawn(_)) => {
                end(&mut attempts, event, AttemptOutcome::Withdrawn);
            }
            Event::Task(task::Event::Work(queue, happened)) => {
                note(&mut attempts, happened, event);
                if let (work::Event::Assigned(_), Some(attempt)) = (happened, attempts.last_mut()) {
                    attempt.stage = Some(queue.stage);
                }
            }
            Event::Task(happened) => {
                if happened.withdrawn().is_some() {
                    end(&mut attempts, event, AttemptOutcome::Withdrawn);
                }
            }
            Event::StorageUnit(_)
            | Event::Record(_)
            | Event::Campaign(_)
            | Event::Workspace(_)
            | Event::Batch(_)
            | Event::ExternalId(_)
            | Event::Ids(_)
            | Event::System(_)
            | Event::ApiKey(_)
            | Event::Access(_) => {}
        }
    }
    attempts
}

fn note(attempts: &mut Vec<Attempt>, happened: &work::Event, event: &RecordedEvent) {
    match happened {
        work::Event::Assigned(assigned) => attempts.push(Attempt::new(assigned, event)),
        work::Event::ProcessStarted(_) => {
            if let Some(attempt) = attempts.last_mut() {
                attempt.started_at = Some(event.metadata.recorded_at);
                attempt.outcome = AttemptOutcome::Running;
            }
        }
        work::Event::LeaseExtended(extended) => {
            if let Some(attempt) = attempts.last_mut() {
                attempt.lease_until = extended.until;
            }
        }
        work::Event::Finished(Finished { attempt: _, campaign: _, digest, change, outputs }) => {
            let (digest, change, outputs) = (*digest, *change, outputs.clone());
            end(attempts, event, AttemptOutcome::Finished { digest, change, outputs });
        }
        work::Event::Failed(Failed { attempt: _, campaign: _, code, text, failures, retry_at }) => {
            let (code, text) = (code.clone(), text.clone());
            let (failures, retry_at) = (*failures, *retry_at);
            end(attempts, event, AttemptOutcome::Failed { code, text, failures, retry_at });
        }
        work::Event::Unassigned(unassigned) => {
            end(attempts, event, AttemptOutcome::Unassigned { cause: unassigned.cause });
        }
        work::Event::LateResultRefused(reported) => {
            // A token that was never given belongs to no attempt; the timeline still tells of it.
            if let Some(attempt) = attempts.iter_mut().rev().find(|attempt| attempt.token == reported.token) {
                let (at, reported) = (event.metadata.recorded_at, reported.clone());
                attempt.late_results.push(LateResult { at, reported });
            }
        }
        work::Event::Queued(_)
        | work::Event::Restarted(_)
        | work::Event::RequeueRequested(_)
        | work::Event::Held
        | work::Event::Released => {}
    }
}

fn end(attempts: &mut [Attempt], event: &RecordedEvent, outcome: AttemptOutcome) {
    if let Some(attempt) = attempts.last_mut().filter(|attempt| attempt.ended_at.is_none()) {
        attempt.ended_at = Some(event.metadata.recorded_at);
        attempt.outcome = outcome;
    }
}

impl Attempt {
    fn new(assigned: &Assigned, event: &RecordedEvent) -> Self {
        Self {
            number: assigned.attempt,
            stage: None,
            worker: assigned.worker.clone(),
            token: Token(event.version),
            given: Given::default(),
            assigned_at: event.metadata.recorded_at,
            started_at: None,
            lease_until: assigned.until,
            ended_at: None,
            outcome: AttemptOutcome::Assigned,
            late_results: Vec::new(),
        }
    }
}
