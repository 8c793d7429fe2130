//! The work lifecycle: how one piece of work is queued, leased, done, failed and done again.
//!
//! ```text
//! Idle ─Queued→ Queued ─Assigned→ Assigned ─ProcessStarted→ Running ─Finished→ Finished
//!                  ↑ ↑────Unassigned──┴────────────────────────┤         └─Restarted→ Queued
//!                  └── after backoff, attempts left ── Failed ←┘ Failed
//! ```
//! A hold lies over any phase: nothing is claimed until it is released; the phase underneath is kept.
//! This file does not know whose work it is: key-scopes use it, and every aggregate with work to do can.

mod ask;
mod command;
mod event;
mod lease;
mod settle;
mod status;
#[cfg(test)]
mod tests;

use serde::{Deserialize, Serialize};

use crate::digest::Digest;
use crate::names::{CampaignId, ModuleName, Scope, WorkerId};
use crate::stream::Version;
use crate::time::{Millis, Timestamp};

pub use command::{Command, UnassignCause};
pub use event::{
    Assigned, Change, Event, Failed, Finished, LateResultRefused, LeaseExtended, ProcessStarted, Queued,
    RequeueRequested, Restarted, Unassigned,
};
pub use status::Status;

// ── State ──────────────────────────────────────────────────────────────────────────────────────────────────────

/// Where a piece of work stands.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Work {
    /// The phase of the lifecycle.
    pub phase: Phase,
    /// Whether nobody may claim it, whatever its phase.
    pub held: bool,
    /// How many times it was begun again after its first run.
    pub restart_count: u32,
    /// How many attempts were ever started, over all runs.
    pub attempt_count: u32,
    /// The campaign that asked last.
    pub campaign: Option<CampaignId>,
    /// The last attempt that came to a result.
    pub settled: Option<Settled>,
    /// What the last finished run produced, as one digest over all outputs.
    pub outputs: Option<Digest>,
}

/// The phase of the lifecycle.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Phase {
    /// Never asked for.
    #[default]
    Idle,
    /// Waiting for a worker.
    Queued {
        /// How many attempts of this run have failed.
        failures: u32,
        /// Who goes first.
        priority: Priority,
        /// Whether it was asked for again during an earlier lease of this run.
        requeue: Option<Requeue>,
    },
    /// Leased to a worker that has not started yet.
    Assigned(Lease),
    /// Leased to a worker that has started.
    Running(Lease),
    /// Done.
    Finished,
    /// The last attempt failed.
    Failed {
        /// How many attempts of this run have failed.
        failures: u32,
        /// When it is queued again; nothing when no attempt is left.
        retry_at: Option<Timestamp>,
        /// Who goes first when it is queued again.
        priority: Priority,
    },
}

/// A worker's right to one piece of work for a time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lease {
    /// Who holds it.
    pub worker: WorkerId,
    /// The fencing token: the version of the `Assigned` event.
    pub token: Token,
    /// When it runs out.
    pub until: Timestamp,
    /// Which attempt this is, counted from 1 over all runs.
    pub attempt: u32,
    /// How many earlier attempts of this run have failed.
    pub failures: u32,
    /// Who goes first if it goes back into the queue.
    pub priority: Priority,
    /// Whether it was asked for again while leased: then it runs once more afterwards.
    pub requeue: Option<Requeue>,
}

/// A request that arrived while the work was leased: it runs once more afterwards.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Requeue {
    /// The campaign that asked.
    pub campaign: Option<CampaignId>,
    /// Who goes first.
    pub priority: Priority,
}

/// An attempt that came to a result.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Settled {
    /// Its fencing token.
    pub token: Token,
    /// Its result.
    pub outcome: Outcome,
}

/// The fencing token of a lease: the stream version of its `Assigned` event. Grows with every claim.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Token(pub Version);

/// How an attempt ended, as its worker reported it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// It produced its outputs.
    Finished,
    /// It did not.
    Failed,
}

/// Who goes first in the queue.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Priority {
    /// Before everything else.
    High,
    /// In between.
    #[default]
    Normal,
    /// After everything else.
    Low,
}

impl Priority {
    /// Whether this is the priority that need not be written down.
    #[must_use]
    pub fn is_normal(&self) -> bool {
        *self == Self::Normal
    }
}

/// What one module produced from one document.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Output {
    /// The module.
    pub module: ModuleName,
    /// The digest of what it produced.
    pub digest: Digest,
    /// How many bytes it produced.
    pub size_bytes: u64,
    /// The scope that the output was kept in, when the module keeps it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scope: Option<Scope>,
}

// ── Refusals ───────────────────────────────────────────────────────────────────────────────────────────────────

/// Why a command was not carried out. Nothing was recorded.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// Only queued work can be claimed.
    #[error("it is {phase}, and only queued work can be claimed")]
    NotQueued {
        /// The phase it is in.
        phase: &'static str,
    },
    /// Held work cannot be claimed.
    #[error("it is held; release it first")]
    OnHold,
    /// The lease that the token belongs to is gone, or never was.
    #[error("the lease with token {} is gone; claim again", token.0)]
    LeaseGone {
        /// The token shown.
        token: Token,
    },
    /// A lease must last for some time.
    #[error("a lease of {lease_ms} ms is outside 1..={lease_ms_max} ms", lease_ms = lease_ms.0, lease_ms_max = LEASE_MS_MAX.0)]
    LeaseLength {
        /// The length asked for.
        lease_ms: Millis,
    },
    /// Work that was never asked for has nothing to hold.
    #[error("it was never queued; queue it first")]
    NeverQueued,
}

/// The longest lease, in milliseconds: a day.
pub const LEASE_MS_MAX: Millis = Millis(86_400_000);

/// An event that the rules cannot have produced in this phase.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{event} cannot follow {phase}")]
pub struct Impossible {
    /// The phase.
    pub phase: &'static str,
    /// The event.
    pub event: &'static str,
}

// ── Decide ─────────────────────────────────────────────────────────────────────────────────────────────────────

impl Work {
    /// What happens when `command` arrives at `now`.
    ///
    /// # Errors
    /// [`Refusal`] when the command is not allowed now; an empty list when there is nothing to do.
    pub fn decide(&self, command: &Command, now: Timestamp) -> Result<Vec<Event>, Refusal> {
        match command {
            Command::Queue { campaign, priority } => Ok(self.queue(*campaign, *priority)),
            Command::Claim { worker, lease_ms } => self.claim(worker, *lease_ms, now),
            Command::Start { token } => self.start(*token),
            Command::ExtendLease { token, lease_ms } => self.extend_lease(*token, *lease_ms, now),
            Command::Complete { token, .. } | Command::Fail { token, .. } if self.attempt_count == 0 => {
                Err(Refusal::LeaseGone { token: *token })
            }
            Command::Complete { token, outputs, digest } => Ok(self.complete(*token, outputs, *digest)),
            Command::Fail { token, code, text, retry } => Ok(self.fail(*token, code, text, *retry, now)),
            Command::ReleaseLease { token } => self.release_lease(*token),
            Command::Unassign { cause } => Ok(self.unassign(*cause)),
            Command::ExpireLease => Ok(self.expire_lease(now)),
            Command::Retry => Ok(self.retry(now)),
            Command::Hold => self.hold(),
            Command::Release => Ok(self.release()),
        }
    }

    /// Whether a run was asked for and has come to no end yet: nothing more will be tried only after an end.
    #[must_use]
    pub const fn is_open(&self) -> bool {
        match &self.phase {
            Phase::Queued { .. }
            | Phase::Assigned(_)
            | Phase::Running(_)
            | Phase::Failed { retry_at: Some(_), .. } => true,
            Phase::Idle | Phase::Finished | Phase::Failed { retry_at: None, .. } => false,
        }
    }

    /// The lease, when somebody has one.
    #[must_use]
    pub const fn lease(&self) -> Option<&Lease> {
        match &self.phase {
            Phase::Assigned(lease) | Phase::Running(lease) => Some(lease),
            Phase::Idle | Phase::Queued { .. } | Phase::Finished | Phase::Failed { .. } => None,
        }
    }
}

// ── Evolve ─────────────────────────────────────────────────────────────────────────────────────────────────────

impl Work {
    /// The state after `event`, which has the given version. No rules here.
    ///
    /// # Errors
    /// [`Impossible`] when no decision can have led from this state to this event.
    pub fn evolve(mut self, event: &Event, version: Version) -> Result<Self, Impossible> {
        let phase = self.phase.name();
        let impossible = Impossible { phase, event: event.name() };
        self.phase = match (event, self.phase) {
            (Event::Queued(queued), Phase::Idle | Phase::Failed { retry_at: Some(_), .. }) => {
                self.campaign = queued.campaign;
                Phase::Queued { failures: queued.failures, priority: queued.priority, requeue: None }
            }
            (Event::Assigned(assigned), Phase::Queued { failures, priority, requeue }) if !self.held => {
                self.attempt_count = assigned.attempt;
                Phase::Assigned(Lease::begun(assigned, Token(version), (failures, priority, requeue)))
            }
            (Event::ProcessStarted(_), Phase::Assigned(lease)) => Phase::Running(lease),
            (Event::LeaseExtended(extended), Phase::Assigned(lease)) => {
                Phase::Assigned(lease.extended(extended))
            }
            (Event::LeaseExtended(extended), Phase::Running(lease)) => {
                Phase::Running(lease.extended(extended))
            }
            (Event::Finished(finished), Phase::Running(lease)) => {
                self.settled = Some(Settled { token: lease.token, outcome: Outcome::Finished });
                self.outputs = Some(finished.digest);
                Phase::Finished
            }
            (Event::Failed(failed), Phase::Assigned(lease) | Phase::Running(lease)) => {
                self.settled = Some(Settled { token: lease.token, outcome: Outcome::Failed });
                let Failed { failures, retry_at, .. } = *failed;
                Phase::Failed { failures, retry_at, priority: lease.priority }
            }
            (Event::Unassigned(_), Phase::Assigned(lease) | Phase::Running(lease)) => {
                Phase::Queued { failures: lease.failures, priority: lease.priority, requeue: lease.requeue }
            }
            (Event::Restarted(restarted), Phase::Finished | Phase::Failed { retry_at: None, .. }) => {
                self.restart_count = restarted.restart_count;
                self.campaign = restarted.campaign;
                Phase::Queued { failures: 0, priority: restarted.priority, requeue: None }
            }
            (Event::RequeueRequested(asked), Phase::Assigned(lease)) => {
                Phase::Assigned(lease.requeued(asked))
            }
            (Event::RequeueRequested(asked), Phase::Running(lease)) => Phase::Running(lease.requeued(asked)),
            (Event::Held, phase) if !self.held && phase != Phase::Idle => {
                self.held = true;
                phase
            }
            (Event::Released, phase) if self.held => {
                self.held = false;
                phase
            }
            (Event::LateResultRefused(_), phase) => phase,
            (
                Event::Queued(_)
                | Event::Assigned(_)
                | Event::ProcessStarted(_)
                | Event::LeaseExtended(_)
                | Event::Finished(_)
                | Event::Failed(_)
                | Event::Unassigned(_)
                | Event::Restarted(_)
                | Event::RequeueRequested(_)
                | Event::Held
                | Event::Released,
                Phase::Idle
                | Phase::Queued { .. }
                | Phase::Assigned(_)
                | Phase::Running(_)
                | Phase::Finished
                | Phase::Failed { .. },
            ) => return Err(impossible),
        };
        Ok(self)
    }
}

impl Lease {
    /// A lease that begins, on work that was queued with these failures, priority and requeue.
    fn begun(assigned: &Assigned, token: Token, queued: (u32, Priority, Option<Requeue>)) -> Self {
        let Assigned { worker, until, attempt } = assigned.clone();
        let (failures, priority, requeue) = queued;
        Self { worker, token, until, attempt, failures, priority, requeue }
    }

    fn extended(self, extended: &LeaseExtended) -> Self {
        Self { until: extended.until, ..self }
    }

    fn requeued(self, requested: &RequeueRequested) -> Self {
        let requeue = Requeue { campaign: requested.campaign, priority: requested.priority };
        Self { requeue: Some(requeue), ..self }
    }
}

impl Phase {
    /// The word for this phase, as views and messages show it.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Idle => "idle",
            Self::Queued { .. } => "queued",
            Self::Assigned(_) => "assigned",
            Self::Running(_) => "running",
            Self::Finished => "finished",
            Self::Failed { .. } => "failed",
        }
    }
}
