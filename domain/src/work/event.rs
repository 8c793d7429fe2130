//! What happened to a piece of work, with the payloads as they are stored. Does not know why: that is decided in
//! [`super`].

use serde::{Deserialize, Serialize};

use super::{Outcome, Output, Priority, Token, UnassignCause};
use crate::digest::Digest;
use crate::names::{CampaignId, WorkerId};
use crate::time::Timestamp;

/// What happened to a piece of work.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// It waits for a worker: asked for the first time, or its backoff is over.
    Queued(Queued),
    /// A worker has a lease on it.
    Assigned(Assigned),
    /// The worker has begun.
    ProcessStarted(ProcessStarted),
    /// The worker has longer.
    LeaseExtended(LeaseExtended),
    /// The attempt succeeded.
    Finished(Finished),
    /// The attempt failed.
    Failed(Failed),
    /// The lease was taken back; it waits again.
    Unassigned(Unassigned),
    /// It waits once more, from the beginning.
    Restarted(Restarted),
    /// It was asked for while leased and will run once more.
    RequeueRequested(RequeueRequested),
    /// Nobody may claim it.
    Held,
    /// It may be claimed again.
    Released,
    /// A worker brought a result after its lease was gone; the result was not used.
    LateResultRefused(LateResultRefused),
}

/// Payload of [`Event::Queued`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Queued {
    /// The campaign that asked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub campaign: Option<CampaignId>,
    /// Who goes first.
    #[serde(default, skip_serializing_if = "Priority::is_normal")]
    pub priority: Priority,
    /// Whether this ends a backoff of the same run, rather than beginning a first run.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub retry: bool,
    /// How many attempts of this run have failed before and still count.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub failures: u32,
}

/// Payload of [`Event::Assigned`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Assigned {
    /// Who holds the lease.
    pub worker: WorkerId,
    /// When it runs out.
    pub until: Timestamp,
    /// Which attempt this is, counted from 1 over all runs.
    pub attempt: u32,
}

/// Payload of [`Event::ProcessStarted`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProcessStarted {
    /// Which attempt.
    pub attempt: u32,
}

/// Payload of [`Event::LeaseExtended`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LeaseExtended {
    /// Which attempt.
    pub attempt: u32,
    /// When the lease now runs out.
    pub until: Timestamp,
}

/// Payload of [`Event::Finished`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Finished {
    /// Which attempt.
    pub attempt: u32,
    /// The campaign whose request this run answered.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub campaign: Option<CampaignId>,
    /// One digest over all outputs.
    pub digest: Digest,
    /// How that compares with the last finished run.
    pub change: Change,
    /// What each module produced.
    pub outputs: Vec<Output>,
}

/// How a run's outputs compare with those of the last finished run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Change {
    /// There was no finished run before.
    First,
    /// The digests are equal.
    Same,
    /// The digests differ.
    Changed,
}

/// Payload of [`Event::Failed`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failed {
    /// Which attempt.
    pub attempt: u32,
    /// The campaign whose request this run answered.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub campaign: Option<CampaignId>,
    /// What went wrong, as a code.
    pub code: String,
    /// What went wrong, as a text.
    pub text: String,
    /// How many attempts of this run have failed, this one included.
    pub failures: u32,
    /// When it is queued again; nothing when no attempt is left.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retry_at: Option<Timestamp>,
}

/// Payload of [`Event::Unassigned`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Unassigned {
    /// Which attempt.
    pub attempt: u32,
    /// Why.
    pub cause: UnassignCause,
}

/// Payload of [`Event::Restarted`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Restarted {
    /// The campaign that asked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub campaign: Option<CampaignId>,
    /// Who goes first.
    #[serde(default, skip_serializing_if = "Priority::is_normal")]
    pub priority: Priority,
    /// How many times it was begun again, this time included.
    pub restart_count: u32,
    /// Whether this answers a request that was recorded as [`Event::RequeueRequested`].
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub requeued: bool,
}

/// Payload of [`Event::RequeueRequested`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RequeueRequested {
    /// The campaign that asked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub campaign: Option<CampaignId>,
    /// Who goes first.
    #[serde(default, skip_serializing_if = "Priority::is_normal")]
    pub priority: Priority,
}

/// Payload of [`Event::LateResultRefused`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LateResultRefused {
    /// The token that the worker showed.
    pub token: Token,
    /// What the worker reported.
    pub outcome: Outcome,
    /// The digest over its outputs, when it reported success.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub digest: Option<Digest>,
    /// The error code, when it reported failure.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code: Option<String>,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde's skip_serializing_if passes a reference")]
const fn is_zero(count: &u32) -> bool {
    *count == 0
}

impl Event {
    /// The word for this event, without the aggregate in front.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Queued(_) => "queued",
            Self::Assigned(_) => "assigned",
            Self::ProcessStarted(_) => "process_started",
            Self::LeaseExtended(_) => "lease_extended",
            Self::Finished(_) => "finished",
            Self::Failed(_) => "failed",
            Self::Unassigned(_) => "unassigned",
            Self::Restarted(_) => "restarted",
            Self::RequeueRequested(_) => "requeue_requested",
            Self::Held => "held",
            Self::Released => "released",
            Self::LateResultRefused(_) => "late_result_refused",
        }
    }
}
