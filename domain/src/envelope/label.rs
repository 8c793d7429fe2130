//! What a command is called in counts and traces: the kind of thing that it is asked of, and the word under which it is
//! recorded. Does not know who counts.

use super::{Command, WITHDRAW};
use crate::{
    access, api_key, batch, campaign, external_id, ids, key_scope, record, storage_unit, system, task,
    workspace,
};

impl Command {
    /// The kind of thing that it is asked of.
    #[must_use]
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::StorageUnit(..) => "storage_unit",
            Self::KeyScope(..) => "key_scope",
            Self::Record(..) => "record",
            Self::Campaign(..) => "campaign",
            Self::Task(..) => "task",
            Self::Workspace(..) => "workspace",
            Self::Batch(..) => "batch",
            Self::ExternalId(..) => "external_id",
            Self::Ids(..) => "ids",
            Self::System(_) => "system",
            Self::ApiKey(..) => "api_key",
            Self::Access(..) => "access",
        }
    }

    /// The word under which it is recorded.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::StorageUnit(_, command) => storage_unit_name(command),
            Self::KeyScope(_, key_scope::Command::Work(command)) => command.name(),
            Self::KeyScope(_, key_scope::Command::Withdraw) => WITHDRAW,
            Self::Record(_, record::Command::Write { .. }) => "write",
            Self::Record(_, record::Command::Delete { .. }) => "delete",
            Self::Campaign(_, command) => campaign_name(command),
            Self::Task(_, command) => task_name(command),
            Self::Workspace(_, workspace::Command::Create(_)) | Self::Batch(_, batch::Command::Create(_)) => {
                "create"
            }
            Self::Workspace(_, workspace::Command::Configure(_)) => "configure",
            Self::ExternalId(_, _, external_id::Command::Claim { .. }) => "claim",
            Self::Ids(_, ids::Command::AllocateBlock { .. }) => "allocate_block",
            Self::System(system::Command::Pause { .. }) => "pause",
            Self::System(system::Command::Resume) => "resume",
            Self::ApiKey(_, api_key::Command::Issue(_)) => "issue",
            Self::ApiKey(_, api_key::Command::Rotate { .. }) => "rotate",
            Self::ApiKey(_, api_key::Command::Revoke) => "revoke",
            Self::Access(_, access::Command::RecordRefusal(_)) => "record_refusal",
        }
    }
}

const fn storage_unit_name(command: &storage_unit::Command) -> &'static str {
    match command {
        storage_unit::Command::Create(_) => "create",
        storage_unit::Command::SetContent(_) => "set_content",
        storage_unit::Command::SetModules(_) => "set_modules",
        storage_unit::Command::EnableQueue => "enable_queue",
        storage_unit::Command::DisableQueue => "disable_queue",
        storage_unit::Command::SetLimits(_) => "set_limits",
        storage_unit::Command::ResetQueue => "reset_queue",
        storage_unit::Command::Drop => "drop",
        storage_unit::Command::ConfirmCleared => "confirm_cleared",
    }
}

const fn campaign_name(command: &campaign::Command) -> &'static str {
    match command {
        campaign::Command::PinTargets(_) => "pin_targets",
        campaign::Command::AbandonTargets => "abandon_targets",
        campaign::Command::Start(_) => "start",
        campaign::Command::CountTargets { .. } => "count_targets",
        campaign::Command::Advance { .. } => "advance",
        campaign::Command::Exhaust => "exhaust",
        campaign::Command::ReportListingFailure { .. } => "report_listing_failure",
        campaign::Command::JudgeCanary(_) => "judge_canary",
        campaign::Command::SetPace(_) => "set_pace",
        campaign::Command::Pause => "pause",
        campaign::Command::Resume => "resume",
        campaign::Command::Cancel => "cancel",
        campaign::Command::Complete => "complete",
    }
}

const fn task_name(command: &task::Command) -> &'static str {
    match command {
        task::Command::Create(_) => "create",
        task::Command::Work { stage: _, command } => command.name(),
        task::Command::Restart { .. } => "restart",
        task::Command::Edit { .. } => "edit",
        task::Command::Assign(_) => "assign",
        task::Command::Approve { .. } => "approve",
        task::Command::ReopenReview => "reopen_review",
        task::Command::Hold => "hold",
        task::Command::Release => "release",
        task::Command::RunNow => "run_now",
        task::Command::Resolve { .. } => "resolve",
        task::Command::SetExternalIntegrationStatus { .. } => "set_external_integration_status",
        task::Command::Revert { .. } => "revert",
        task::Command::MoveToHistory { .. } => "move_to_history",
        task::Command::Delete => "delete",
        task::Command::ConfirmDeleted => "confirm_deleted",
    }
}
