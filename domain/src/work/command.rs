//! What can be asked of a piece of work. Does not know what follows: that is decided in [`super`].

use serde::{Deserialize, Serialize};

use super::{Output, Priority, Token};
use crate::digest::Digest;
use crate::names::{CampaignId, WorkerId};
use crate::retry::RetryPolicy;
use crate::time::Millis;

/// What can be asked of a piece of work.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "name", content = "body")]
pub enum Command {
    /// Do it, or do it again.
    #[serde(rename = "queue")]
    Queue {
        /// The campaign on whose behalf; one campaign asks once, however often it repeats itself.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        campaign: Option<CampaignId>,
        /// Who goes first.
        #[serde(default, skip_serializing_if = "Priority::is_normal")]
        priority: Priority,
    },
    /// Lease it to a worker.
    #[serde(rename = "claim")]
    Claim {
        /// Who wants it.
        worker: WorkerId,
        /// For how long, unless extended.
        lease_ms: Millis,
    },
    /// The worker begins.
    #[serde(rename = "start")]
    Start {
        /// The lease's fencing token.
        token: Token,
    },
    /// The worker is alive and needs longer.
    #[serde(rename = "extend_lease")]
    ExtendLease {
        /// The lease's fencing token.
        token: Token,
        /// For how long from now.
        lease_ms: Millis,
    },
    /// The worker is done.
    #[serde(rename = "complete")]
    Complete {
        /// The lease's fencing token.
        token: Token,
        /// What it produced, in the order of the modules.
        outputs: Vec<Output>,
        /// One digest over all outputs.
        digest: Digest,
    },
    /// The worker could not do it.
    #[serde(rename = "fail")]
    Fail {
        /// The lease's fencing token.
        token: Token,
        /// What went wrong, as a code.
        code: String,
        /// What went wrong, as a text.
        text: String,
        /// Whether and when it is tried again.
        retry: RetryPolicy,
    },
    /// The worker gives it back undone.
    #[serde(rename = "release_lease")]
    ReleaseLease {
        /// The lease's fencing token.
        token: Token,
    },
    /// Take it from whoever has it.
    #[serde(rename = "unassign")]
    Unassign {
        /// Why.
        cause: UnassignCause,
    },
    /// Take it back if its lease has run out.
    #[serde(rename = "expire_lease")]
    ExpireLease,
    /// Queue it again if its backoff is over.
    #[serde(rename = "retry")]
    Retry,
    /// Let nobody claim it.
    #[serde(rename = "hold")]
    Hold,
    /// Let it be claimed again.
    #[serde(rename = "release")]
    Release,
}

/// Why a lease was taken back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum UnassignCause {
    /// Somebody reset the queue.
    Reset,
    /// No heartbeat came in time.
    LeaseExpired,
    /// The worker gave it back.
    Released,
    /// The worker is known to be gone: it lived in a process that has ended.
    WorkerGone,
}

impl Command {
    /// Whether it gives the work to a worker.
    #[must_use]
    pub const fn dispatches(&self) -> bool {
        match self {
            Self::Claim { .. } => true,
            Self::Queue { .. }
            | Self::Start { .. }
            | Self::ExtendLease { .. }
            | Self::Complete { .. }
            | Self::Fail { .. }
            | Self::ReleaseLease { .. }
            | Self::Unassign { .. }
            | Self::ExpireLease
            | Self::Retry
            | Self::Hold
            | Self::Release => false,
        }
    }

    /// The word for this command, without the aggregate in front.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Queue { .. } => "queue",
            Self::Claim { .. } => "claim",
            Self::Start { .. } => "start",
            Self::ExtendLease { .. } => "extend_lease",
            Self::Complete { .. } => "complete",
            Self::Fail { .. } => "fail",
            Self::ReleaseLease { .. } => "release_lease",
            Self::Unassign { .. } => "unassign",
            Self::ExpireLease => "expire_lease",
            Self::Retry => "retry",
            Self::Hold => "hold",
            Self::Release => "release",
        }
    }
}
