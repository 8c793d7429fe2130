//! What can be done about a cause, as something that one request can ask for. Does not know how a request looks.

use domain::campaign::{self, Pace, Target};
use domain::envelope::Command;
use domain::names::{CampaignId, Scope, StorageUnitName, TaskId, UserName, WorkspaceId};
use domain::storage_unit::{self, Limits, Settings};
use domain::stream::{KeyScopeId, Subject};
use domain::work::{self, Priority, UnassignCause};
use domain::work_id::WorkId;
use domain::{key_scope, system, task, workspace};

/// Something to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Remedy {
    /// Release a hold, on a key-scope or a task.
    Release(Subject),
    /// Give leases again.
    ResumeSystem,
    /// Let the work of a unit be claimed.
    EnableQueue(StorageUnitName),
    /// Let more of a unit be in flight.
    SetLimits(StorageUnitName, Limits),
    /// Let more of a workspace's tasks be in flight.
    Configure(WorkspaceId, Box<workspace::Settings>),
    /// Work on a queue: claim up to so many items.
    Work {
        /// Whose queue.
        unit: StorageUnitName,
        /// Which of its queues.
        scope: Scope,
        /// How many items: this one, and those before it.
        max: usize,
    },
    /// Take a lease back.
    TakeBack(WorkId),
    /// Ask for a key-scope.
    Ask(KeyScopeId),
    /// Do not wait any longer with a task.
    RunNow(TaskId),
    /// Begin a task again.
    Restart(TaskId),
    /// Approve a task.
    Approve(TaskId, UserName),
    /// Let a campaign go on.
    ResumeCampaign(CampaignId),
    /// Let a campaign go as fast as it can.
    LiftPace(CampaignId),
    /// End a campaign.
    CancelCampaign(CampaignId),
    /// Start a campaign over the same keys.
    StartAgain(Target, Pace),
    /// Create a unit as it was before it was dropped.
    CreateUnit(StorageUnitName, Box<Settings>),
}

impl Remedy {
    /// What it does, as a sentence without full stop.
    #[must_use]
    pub fn text(&self) -> String {
        match self {
            Self::Release(_) => "release it".to_owned(),
            Self::ResumeSystem => "resume the system".to_owned(),
            Self::EnableQueue(unit) => format!("enable the queue of {unit}"),
            Self::SetLimits(unit, limits) => {
                format!("let {} items of {unit} be in flight", limits.in_flight_max)
            }
            Self::Configure(id, settings) => {
                format!("let {} tasks of workspace {id} be in flight", settings.limits.in_flight_max)
            }
            Self::Work { unit, scope, max: 1 } => format!("start a worker that serves {unit}/{scope}"),
            Self::Work { unit, scope, max } => {
                format!("start a worker that serves {unit}/{scope} and takes the {max} first in line")
            }
            Self::TakeBack(_) => {
                "take it back, if its worker is gone: it is queued again, and a later result refused"
                    .to_owned()
            }
            Self::Ask(_) => "ask for it now".to_owned(),
            Self::RunNow(_) => "run it now, with all its attempts".to_owned(),
            Self::Restart(_) => "restart it from the beginning; edits are lost to it".to_owned(),
            Self::Approve(_, user) => format!("approve it as {user}"),
            Self::ResumeCampaign(id) => format!("resume campaign {id}"),
            Self::LiftPace(id) => format!("let campaign {id} go as fast as it can"),
            Self::CancelCampaign(id) => format!("cancel campaign {id}; what is queued stays queued"),
            Self::StartAgain(..) => "start another campaign over the same keys".to_owned(),
            Self::CreateUnit(unit, _) => format!("create {unit} as it was before it was dropped"),
        }
    }

    /// Whether it ends something instead of freeing it.
    pub(super) const fn gives_up(&self) -> bool {
        matches!(self, Self::CancelCampaign(_))
    }

    /// The one command that it is; nothing when it is more than one, or a worker's.
    #[must_use]
    pub fn command(&self) -> Option<Command> {
        let unassign = work::Command::Unassign { cause: UnassignCause::Reset };
        Some(match self {
            Self::Release(Subject::Task(id)) => Command::Task(*id, task::Command::Release),
            Self::Release(Subject::KeyScope(id)) => {
                Command::KeyScope(id.clone(), key_scope::Command::Work(work::Command::Release))
            }
            Self::ResumeSystem => Command::System(system::Command::Resume),
            Self::EnableQueue(unit) => Command::StorageUnit(unit.clone(), storage_unit::Command::EnableQueue),
            Self::SetLimits(unit, limits) => {
                Command::StorageUnit(unit.clone(), storage_unit::Command::SetLimits(*limits))
            }
            Self::Configure(id, settings) => {
                Command::Workspace(*id, workspace::Command::Configure((**settings).clone()))
            }
            Self::TakeBack(place) => Command::work(place.clone(), unassign),
            Self::Ask(id) => {
                let queue = work::Command::Queue { campaign: None, priority: Priority::Normal };
                Command::KeyScope(id.clone(), key_scope::Command::Work(queue))
            }
            Self::RunNow(id) => Command::Task(*id, task::Command::RunNow),
            Self::Restart(id) => Command::Task(*id, task::Command::Restart { campaign: None }),
            Self::Approve(id, user) => Command::Task(*id, task::Command::Approve { user: user.clone() }),
            Self::ResumeCampaign(id) => Command::Campaign(*id, campaign::Command::Resume),
            Self::LiftPace(id) => Command::Campaign(*id, campaign::Command::SetPace(Pace::default())),
            Self::CancelCampaign(id) => Command::Campaign(*id, campaign::Command::Cancel),
            Self::CreateUnit(unit, settings) => {
                Command::StorageUnit(unit.clone(), storage_unit::Command::Create((**settings).clone()))
            }
            Self::Release(
                Subject::StorageUnit(_)
                | Subject::Record(_)
                | Subject::Campaign(_)
                | Subject::Workspace(_)
                | Subject::Batch(_)
                | Subject::ExternalId(..)
                | Subject::Ids(_)
                | Subject::System
                | Subject::ApiKey(_)
                | Subject::Access(_),
            )
            | Self::Work { .. }
            | Self::StartAgain(..) => return None,
        })
    }
}
