//! A task: one document on its way through pre-processing, recognition, review and export (design §3;
//! `reference/smartdocumentor.md`).
//!
//! ```text
//! Created → pre-processing → recognition → review → export → Archived (history)
//!              work            work        people    work
//! ```
//! Each automated stage is a piece of work under the lifecycle of [`crate::work`]; its fencing tokens are versions of
//! the task's stream, so they grow over stages and restarts, and a worker of an earlier run always comes too late. A
//! plan may leave stages out. A task is *parked* when a person or the watchdog put it somewhere: then nothing is queued
//! until somebody asks. It does not know which workspace settings are in force, what is exported, or what time it is.
//!
//! The rules stand in the files beside: `progress` (from stage to stage), `review`, `restart`, `steer` (hold, run now,
//! resolve, delete), `watch` (stuck tasks).

mod command;
mod event;
mod integration;
mod payload;
mod progress;
mod restart;
mod review;
mod stage;
mod status;
mod steer;
#[cfg(test)]
mod tests;
mod watch;

use std::collections::BTreeMap;

use serde_json::Value;

use crate::digest::Digest;
use crate::names::{CampaignId, EditPath, UserName};
use crate::stream::Version;
use crate::time::Timestamp;
use crate::work::{self, Output, Settled, Work};

pub use command::{Command, Resolution, Seen};
pub use event::{
    Approved, DeletionRequested, Edited, Event, ExternalIntegrationStatusSet, MovedToHistory, Resolved,
    Restarted, Reverted, ReviewCause, ReviewCompleted, ReviewOpened, StageEntered,
};
pub use integration::{ExternalIntegrationStatus, IntegrationStatus, InvalidExternalIntegrationStatus};
pub use payload::{
    Assignment, DESCRIPTION_BYTES_MAX, JSON_BYTES_MAX, Payload, Plan, Priority, ReviewMode, ReviewOrder,
    USERS_MAX,
};
pub use review::{EDIT_BYTES_MAX, EDITS_MAX};
pub use stage::{Stage, StageQueue};
pub use status::{DOWNLOAD_FAILED, GET_PAGES_FAILED, Origin, Screen, TaskStatus};
pub use watch::{POLICY_DEFAULT, Policy, Target};

// ── State ──────────────────────────────────────────────────────────────────────────────────────────────────────

/// Where a task stands.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Task {
    /// Never created.
    #[default]
    Absent,
    /// Created; deleted tasks included, since their ids are never used again.
    Present(Box<Present>),
}

/// A task that was created.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Present {
    /// Its first request.
    pub payload: Box<Payload>,
    /// Where it stands.
    pub phase: Phase,
    /// The automated stage that it is in, or was in last.
    pub stage: Stage,
    /// Whether nobody may claim it, whatever its phase.
    pub held: bool,
    /// How many times it was restarted.
    pub restart_count: u32,
    /// The campaign that restarted it last.
    pub campaign: Option<CampaignId>,
    /// Who reviews it.
    pub assignment: Assignment,
    /// What people changed since the last restart.
    pub edits: BTreeMap<EditPath, Value>,
    /// How its export stands.
    pub integration: IntegrationStatus,
    /// How far the client's own side is.
    pub external_integration: ExternalIntegrationStatus,
    /// The code of the last failure since the last restart.
    pub failure_code: Option<String>,
    /// How many attempts were started, over all stages and restarts.
    pub attempt_count: u32,
    /// The last attempt that came to a result, of whatever stage.
    pub settled: Option<Settled>,
    /// What each stage's last finished run produced, as one digest over all outputs.
    pub outputs: BTreeMap<Stage, Digest>,
    /// What the stages produced that are done since the last restart, and before the present one: what later stages get.
    pub made: BTreeMap<Stage, Vec<Output>>,
    /// Who approved it in the last review that was completed since the last restart.
    pub reviewed_by: Vec<UserName>,
    /// The version of the event by which it entered its present stage: the same for every attempt on that.
    pub stage_version: Version,
    /// The version of the event by which it came into its present status.
    pub status_version: Version,
}

/// What is being done with a task.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Phase {
    /// A stage that workers carry out.
    Automated(Work),
    /// People look at it.
    Review(Review),
    /// It was put into a status by hand or by the watchdog. Nothing is queued.
    Parked(TaskStatus),
    /// It is over, and in history.
    Archived(TaskStatus),
    /// It is being deleted.
    Deleting,
    /// It is deleted.
    Deleted,
}

/// A review under way.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Review {
    /// Who has approved, in the order in which they did.
    pub approved: Vec<UserName>,
}

// ── Refusals ───────────────────────────────────────────────────────────────────────────────────────────────────

/// Why a command was not carried out. Nothing was recorded.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// There is one of this id.
    #[error("a task of this id exists; let the engine choose the id")]
    AlreadyExists,
    /// There is none of this id.
    #[error("there is no task of this id")]
    DoesNotExist,
    /// It is gone.
    #[error("the task is {}; create another one", status.text())]
    Gone {
        /// Deleting or deleted.
        status: TaskStatus,
    },
    /// It is over.
    #[error("the task is in history as {}; restart it first", status.text())]
    InHistory {
        /// As what.
        status: TaskStatus,
    },
    /// Only a task in review can be edited and approved.
    #[error("the task is {}, and only one that is to be reviewed can be edited or approved; wait for the review", status.text())]
    NotInReview {
        /// The status that it has.
        status: TaskStatus,
    },
    /// Somebody else reviews it.
    #[error("the task is assigned to others than '{user}'; assign it to them first")]
    NotAssigned {
        /// Who wanted to review.
        user: UserName,
    },
    /// Somebody else is before them.
    #[error("it is the turn of '{next}' to review; wait for them, or assign the task anew")]
    NotTheirTurn {
        /// Whose turn it is.
        next: UserName,
    },
    /// An assignment has too many users, or the same one twice.
    #[error("a task is assigned to at most {USERS_MAX} users, each named once; '{problem}' is against that")]
    WrongAssignment {
        /// What is wrong.
        problem: String,
    },
    /// A member is too large.
    #[error(
        "{member} has {bytes} bytes, at most {bytes_max} are allowed; keep large content elsewhere and send its address"
    )]
    TooLarge {
        /// Which member.
        member: &'static str,
        /// How large it is.
        bytes: usize,
        /// How large it may be.
        bytes_max: usize,
    },
    /// There are too many edits.
    #[error("the task has {EDITS_MAX} edits already; change or take back one of them")]
    TooManyEdits,
    /// There is nothing that could run.
    #[error("the task is {}, and nothing of that can run; restart it to begin again", status.text())]
    NothingToRun {
        /// The status that it has.
        status: TaskStatus,
    },
    /// A stage's work is not queued by itself.
    #[error("a stage of a task is not queued by itself; restart the task, or run it now")]
    NotByItself,
    /// The watchdog's policy is wrong.
    #[error("the policy cannot move a task from {} to {target}; correct the policy of the watchdog", from.name())]
    WrongPolicy {
        /// From where.
        from: TaskStatus,
        /// To where.
        target: &'static str,
    },
    /// The reason of the work of its stage.
    #[error(transparent)]
    Work(#[from] work::Refusal),
}

/// An event that the rules cannot have produced in this state.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{event} cannot follow {state}")]
pub struct Impossible {
    /// The state.
    pub state: &'static str,
    /// The event.
    pub event: &'static str,
}

// ── Decide ─────────────────────────────────────────────────────────────────────────────────────────────────────

impl Task {
    /// What happens when `command` arrives at `now`.
    ///
    /// # Errors
    /// [`Refusal`] when the command is not allowed now; an empty list when there is nothing to do.
    pub fn decide(&self, command: &Command, now: Timestamp) -> Result<Vec<Event>, Refusal> {
        match (command, self) {
            (Command::Create(payload), Self::Absent) => progress::create(payload),
            (Command::Create(payload), Self::Present(task)) if task.payload == *payload => Ok(Vec::new()),
            (Command::Create(_), Self::Present(_)) => Err(Refusal::AlreadyExists),
            (_, Self::Absent) => Err(Refusal::DoesNotExist),
            (command, Self::Present(task)) => task.decide(command, now),
        }
    }

    /// The task, when it was created.
    #[must_use]
    pub const fn present(&self) -> Option<&Present> {
        match self {
            Self::Absent => None,
            Self::Present(task) => Some(task),
        }
    }

    /// The work of the stage that it is in; nothing while no worker is to do anything.
    #[must_use]
    pub fn work(&self) -> Option<&Work> {
        self.present().and_then(Present::work)
    }
}

impl Present {
    fn decide(&self, command: &Command, now: Timestamp) -> Result<Vec<Event>, Refusal> {
        match (command, &self.phase) {
            (Command::Delete, Phase::Deleting | Phase::Deleted)
            | (Command::ConfirmDeleted, Phase::Deleted) => return Ok(Vec::new()),
            (Command::ConfirmDeleted, Phase::Deleting) => return Ok(vec![Event::Deleted]),
            (_, Phase::Deleting | Phase::Deleted) => return Err(Refusal::Gone { status: self.status() }),
            (_, Phase::Automated(_) | Phase::Review(_) | Phase::Parked(_) | Phase::Archived(_)) => {}
        }
        match command {
            Command::Create(_) => Err(Refusal::AlreadyExists),
            Command::Work { stage, command } => self.work_command(*stage, command, now),
            Command::Restart { campaign } => Ok(self.restart(*campaign)),
            Command::Edit { path, value } => self.edit(path, value),
            Command::Assign(assignment) => self.assign(assignment),
            Command::Approve { user } => self.approve(user),
            Command::ReopenReview => self.reopen_review(),
            Command::Hold => self.hold(),
            Command::Release => Ok(self.release()),
            Command::RunNow => self.run_now(now),
            Command::Resolve { outcome, text } => self.resolve(*outcome, text),
            Command::SetExternalIntegrationStatus { status } => Ok(self.set_external(status)),
            Command::Revert { seen, to } => self.revert(seen, *to, now),
            Command::MoveToHistory { seen } => self.move_to_history(seen, now),
            Command::Delete => {
                Ok(vec![Event::DeletionRequested(DeletionRequested { withdrawn: self.open_queue() })])
            }
            // Nothing is being deleted.
            Command::ConfirmDeleted => Ok(Vec::new()),
        }
    }

    /// The work of the stage that it is in; nothing while no worker is to do anything.
    #[must_use]
    pub const fn work(&self) -> Option<&Work> {
        match &self.phase {
            Phase::Automated(work) => Some(work),
            Phase::Review(_) | Phase::Parked(_) | Phase::Archived(_) | Phase::Deleting | Phase::Deleted => {
                None
            }
        }
    }

    /// The queue of a stage of this task.
    const fn queue(&self, stage: Stage) -> StageQueue {
        StageQueue { workspace: self.payload.workspace, stage }
    }

    /// The queue in which work is open: waiting, leased or in backoff.
    fn open_queue(&self) -> Option<StageQueue> {
        self.work().filter(|work| work.is_open()).map(|_| self.queue(self.stage))
    }
}

// ── Evolve ─────────────────────────────────────────────────────────────────────────────────────────────────────

impl Task {
    /// The state after `event`, which has the given version. No rules here.
    ///
    /// # Errors
    /// [`Impossible`] when no decision can have led from this state to this event.
    pub fn evolve(self, event: &Event, version: Version) -> Result<Self, Impossible> {
        let impossible = Impossible { state: self.name(), event: event.name() };
        match (event, self) {
            (Event::Created(payload), Self::Absent) => {
                Ok(Self::Present(Box::new(Present::begun(payload, version))))
            }
            (Event::Created(_), Self::Present(_)) | (_, Self::Absent) => Err(impossible),
            (event, Self::Present(mut task)) => {
                let before = task.status();
                task.evolve(event, version).ok_or(impossible)?;
                let begins_anew = matches!(event, Event::Restarted(_));
                if begins_anew || task.status() != before {
                    task.status_version = version;
                }
                Ok(Self::Present(task))
            }
        }
    }

    const fn name(&self) -> &'static str {
        match self {
            Self::Absent => "absent",
            Self::Present(task) => match &task.phase {
                Phase::Automated(_) => task.stage.name(),
                Phase::Review(_) => "review",
                Phase::Parked(_) => "parked",
                Phase::Archived(_) => "archived",
                Phase::Deleting => "deleting",
                Phase::Deleted => "deleted",
            },
        }
    }
}

impl Present {
    fn begun(payload: &Payload, version: Version) -> Self {
        Self {
            payload: Box::new(payload.clone()),
            phase: Phase::Automated(Work::default()),
            stage: Stage::PreProcessing,
            held: false,
            restart_count: 0,
            campaign: None,
            assignment: payload.assignment.clone(),
            edits: BTreeMap::new(),
            integration: IntegrationStatus::default(),
            external_integration: ExternalIntegrationStatus::default(),
            failure_code: None,
            attempt_count: 0,
            settled: None,
            outputs: BTreeMap::new(),
            made: BTreeMap::new(),
            reviewed_by: Vec::new(),
            stage_version: version,
            status_version: version,
        }
    }

    /// Nothing when the event cannot follow this phase.
    fn evolve(&mut self, event: &Event, version: Version) -> Option<()> {
        match (event, &mut self.phase) {
            (Event::Created(_), _) | (_, Phase::Deleted) => return None,
            (Event::Deleted, Phase::Deleting) => self.phase = Phase::Deleted,
            (_, Phase::Deleting) => return None,
            (Event::Work(queue, event), _) => return self.evolve_work(*queue, event, version),
            (
                Event::StageEntered(StageEntered { stage }),
                Phase::Automated(_) | Phase::Review(_) | Phase::Parked(_),
            ) => self.enter(*stage, version),
            (Event::ReviewOpened(_), Phase::Automated(_) | Phase::Review(_) | Phase::Parked(_)) => {
                self.review_again();
            }
            (Event::Approved(Approved { user }), Phase::Review(review)) => review.approved.push(user.clone()),
            // What follows a review is said by the event behind it.
            (Event::ReviewCompleted(_), Phase::Review(review)) => {
                self.reviewed_by = std::mem::take(&mut review.approved);
            }
            (Event::ReviewCompleted(_), Phase::Automated(_) | Phase::Parked(_)) => self.reviewed_by.clear(),
            (Event::Archived, Phase::Automated(_) | Phase::Review(_) | Phase::Parked(_)) => {
                self.phase = Phase::Archived(TaskStatus::Processed);
            }
            (Event::Edited(edited), Phase::Review(_)) => self.keep_edit(edited),
            (Event::UsersAssigned(assignment), Phase::Automated(_) | Phase::Review(_) | Phase::Parked(_)) => {
                self.assign_users(assignment);
            }
            (
                Event::Restarted(restarted),
                Phase::Automated(_) | Phase::Review(_) | Phase::Parked(_) | Phase::Archived(_),
            ) => self.begin_again(restarted, version),
            (
                Event::Resolved(Resolved { status, .. }),
                Phase::Automated(_) | Phase::Review(_) | Phase::Parked(_),
            ) => self.park(*status),
            (Event::Reverted(reverted), Phase::Automated(_) | Phase::Review(_) | Phase::Parked(_)) => {
                self.put_back(reverted.to);
            }
            (Event::MovedToHistory(MovedToHistory { from, .. }), Phase::Automated(_) | Phase::Parked(_)) => {
                self.phase = Phase::Archived(*from);
            }
            (
                Event::ExternalIntegrationStatusSet(set),
                Phase::Automated(_) | Phase::Review(_) | Phase::Parked(_) | Phase::Archived(_),
            ) => self.external_integration = set.status.clone(),
            (
                Event::DeletionRequested(_),
                Phase::Automated(_) | Phase::Review(_) | Phase::Parked(_) | Phase::Archived(_),
            ) => self.phase = Phase::Deleting,
            (
                Event::StageEntered(_)
                | Event::ReviewOpened(_)
                | Event::Approved(_)
                | Event::ReviewCompleted(_)
                | Event::Archived
                | Event::Edited(_)
                | Event::UsersAssigned(_)
                | Event::Resolved(_)
                | Event::Reverted(_)
                | Event::MovedToHistory(_)
                | Event::Deleted,
                Phase::Automated(_) | Phase::Review(_) | Phase::Parked(_) | Phase::Archived(_),
            ) => return None,
        }
        Some(())
    }
}
