//! Who may send which command from outside. Does not know any door.

use super::Command;
use crate::work::UnassignCause;
use crate::{
    access, api_key, batch, campaign, external_id, ids, key_scope, record, storage_unit, system, task, work,
    workspace,
};

/// Who sends a command.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sender {
    /// Whoever wants something to be done.
    Anyone,
    /// Workers. The engine fills in what is none of a worker's business: for how long a lease lasts, how often a
    /// failure is repeated.
    Workers,
    /// The engine, which does something else before or after it: follows a campaign, watches the time, keeps content.
    Engine,
}

impl Command {
    /// Who sends this command.
    #[must_use]
    pub const fn sender(&self) -> Sender {
        match self {
            Self::StorageUnit(_, command) => of_storage_unit(command),
            Self::KeyScope(_, key_scope::Command::Work(command)) => of_work(command),
            Self::KeyScope(_, key_scope::Command::Withdraw)
            // What a record names must have been stored before.
            | Self::Record(_, record::Command::Write { .. } | record::Command::Delete { .. }) => Sender::Engine,
            Self::Campaign(_, command) => of_campaign(command),
            Self::Task(_, command) => of_task(command),
            Self::Workspace(_, workspace::Command::Configure(_)) => Sender::Anyone,
            // Their ids are given out by the engine.
            Self::Workspace(_, workspace::Command::Create(_))
            | Self::Batch(_, batch::Command::Create(_))
            | Self::ExternalId(_, _, external_id::Command::Claim { .. })
            | Self::Ids(_, ids::Command::AllocateBlock { .. }) => Sender::Engine,
            Self::System(system::Command::Pause { .. } | system::Command::Resume) => Sender::Anyone,
            // The secret is made here, and a digest that somebody else made may be that of a weak one.
            Self::ApiKey(_, api_key::Command::Issue(_) | api_key::Command::Rotate { .. } | api_key::Command::Revoke)
            | Self::Access(_, access::Command::RecordRefusal(_)) => Sender::Engine,
        }
    }
}

const fn of_storage_unit(command: &storage_unit::Command) -> Sender {
    match command {
        storage_unit::Command::Create(_)
        | storage_unit::Command::SetContent(_)
        | storage_unit::Command::SetModules(_)
        | storage_unit::Command::EnableQueue
        | storage_unit::Command::DisableQueue
        | storage_unit::Command::SetLimits(_)
        | storage_unit::Command::Drop => Sender::Anyone,
        // The items are taken back by further commands, which have to follow.
        storage_unit::Command::ResetQueue | storage_unit::Command::ConfirmCleared => Sender::Engine,
    }
}

const fn of_work(command: &work::Command) -> Sender {
    match command {
        work::Command::Queue { campaign: None, .. }
        | work::Command::Unassign { cause: UnassignCause::Reset }
        | work::Command::Hold
        | work::Command::Release => Sender::Anyone,
        work::Command::Claim { .. }
        | work::Command::Start { .. }
        | work::Command::ExtendLease { .. }
        | work::Command::Complete { .. }
        | work::Command::Fail { .. }
        | work::Command::ReleaseLease { .. } => Sender::Workers,
        // On behalf of a campaign only the campaign asks, since its counts follow from it.
        work::Command::Queue { campaign: Some(_), .. }
        | work::Command::Unassign {
            cause: UnassignCause::LeaseExpired | UnassignCause::Released | UnassignCause::WorkerGone,
        }
        | work::Command::ExpireLease
        | work::Command::Retry => Sender::Engine,
    }
}

const fn of_campaign(command: &campaign::Command) -> Sender {
    match command {
        campaign::Command::Start(_)
        | campaign::Command::SetPace(_)
        | campaign::Command::Pause
        | campaign::Command::Resume
        | campaign::Command::Cancel => Sender::Anyone,
        // What follows from a start, and what is to be read before it, is the engine's to find out.
        campaign::Command::PinTargets(_)
        | campaign::Command::AbandonTargets
        | campaign::Command::CountTargets { .. }
        | campaign::Command::Advance { .. }
        | campaign::Command::Exhaust
        | campaign::Command::ReportListingFailure { .. }
        | campaign::Command::JudgeCanary(_)
        | campaign::Command::Complete => Sender::Engine,
    }
}

const fn of_task(command: &task::Command) -> Sender {
    match command {
        task::Command::Work { stage: _, command: work::Command::Queue { .. } } => Sender::Engine,
        task::Command::Work { stage: _, command } => of_work(command),
        task::Command::Restart { campaign: None }
        | task::Command::Edit { .. }
        | task::Command::Assign(_)
        | task::Command::Approve { .. }
        | task::Command::ReopenReview
        | task::Command::Hold
        | task::Command::Release
        | task::Command::RunNow
        | task::Command::Resolve { .. }
        | task::Command::SetExternalIntegrationStatus { .. }
        | task::Command::Delete => Sender::Anyone,
        // Its id and its external id are taken before, and what the workspace plans is pinned.
        task::Command::Create(_)
        | task::Command::Restart { campaign: Some(_) }
        // What was seen must have been seen.
        | task::Command::Revert { .. }
        | task::Command::MoveToHistory { .. }
        | task::Command::ConfirmDeleted => Sender::Engine,
    }
}
