//! The command envelope: what everything that enters is turned into, whatever its door.
//! Does not know how it arrived.

mod label;
mod sender;
#[cfg(test)]
mod tests;

pub use sender::Sender;

use uuid::Uuid;

use crate::event::RecordedCommand;
use crate::ids::IdKind;
use crate::names::{
    Actor, ApiKeyId, BatchId, CampaignId, CommandId, ExternalId, IdempotencyKey, OrganizationId,
    StorageUnitName, TaskId, WorkspaceId,
};
use crate::stream::{AccessDay, KeyScopeId, RecordId, Subject};
use crate::task::Stage;
use crate::time::Timestamp;
use crate::work_id::WorkId;
use crate::{
    access, api_key, batch, campaign, external_id, ids, key_scope, record, storage_unit, system, task, work,
    workspace,
};

/// A command with everything that is recorded about it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Envelope {
    /// Identifies the command; the ids of the events it records follow from it.
    pub id: CommandId,
    /// What its sender calls the command; then the id follows from it, and sending it again does not do it again.
    pub idempotency_key: Option<IdempotencyKey>,
    /// What is asked.
    pub command: Command,
    /// Who asks.
    pub actor: Actor,
    /// Why, in the sender's words.
    pub reason: Option<String>,
    /// The command or event that it follows from.
    pub causation_id: Option<Uuid>,
    /// What everything that belongs together shares.
    pub correlation_id: Option<Uuid>,
    /// Whose things it concerns; nothing when the engine itself asks, for whoever they belong to.
    pub organization: Option<OrganizationId>,
    /// When it was decided where it was recorded, of one that is carried out here once more; nothing to decide it now.
    pub decided_at: Option<Timestamp>,
}

impl Envelope {
    /// An envelope without organization, reason, cause or correlation.
    #[must_use]
    pub fn new(id: CommandId, actor: Actor, command: Command) -> Self {
        Self {
            id,
            idempotency_key: None,
            command,
            actor,
            reason: None,
            causation_id: None,
            correlation_id: None,
            organization: None,
            decided_at: None,
        }
    }

    /// The same envelope under its sender's key: however often it is sent, it is done once.
    #[must_use]
    pub fn once(self, key: IdempotencyKey) -> Self {
        let organization = self.organization.clone().unwrap_or_else(OrganizationId::default_organization);
        Self { id: CommandId::keyed(&organization, &key), idempotency_key: Some(key), ..self }
    }

    /// The same envelope with a reason.
    #[must_use]
    pub fn because(self, reason: impl Into<String>) -> Self {
        Self { reason: Some(reason.into()), ..self }
    }

    /// The same envelope, following from `cause` and belonging to `correlation`.
    #[must_use]
    pub fn following(self, cause: Uuid, correlation: Option<Uuid>) -> Self {
        Self { causation_id: Some(cause), correlation_id: correlation, ..self }
    }
}

/// What is asked, and of what.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Command {
    /// Of a storage unit.
    StorageUnit(StorageUnitName, storage_unit::Command),
    /// Of a key-scope.
    KeyScope(KeyScopeId, key_scope::Command),
    /// Of a record.
    Record(RecordId, record::Command),
    /// Of a campaign.
    Campaign(CampaignId, campaign::Command),
    /// Of a task.
    Task(TaskId, task::Command),
    /// Of a workspace.
    Workspace(WorkspaceId, workspace::Command),
    /// Of a batch.
    Batch(BatchId, batch::Command),
    /// Of what clients of an organization call a task.
    ExternalId(OrganizationId, ExternalId, external_id::Command),
    /// Of the ids of one kind.
    Ids(IdKind, ids::Command),
    /// Of the system.
    System(system::Command),
    /// Of an API key.
    ApiKey(ApiKeyId, api_key::Command),
    /// Of the refused accesses of an organization on a day.
    Access(AccessDay, access::Command),
}

impl Command {
    /// A command to the work at a place: on a key-scope, or on a stage of a task.
    #[must_use]
    pub fn work(place: WorkId, command: work::Command) -> Self {
        match place.task_stage() {
            Some((task, stage)) => Self::Task(task, task::Command::Work { stage, command }),
            None => Self::KeyScope(place, key_scope::Command::Work(command)),
        }
    }

    /// What it is asked of.
    #[must_use]
    pub fn subject(&self) -> Subject {
        match self {
            Self::StorageUnit(unit, _) => Subject::StorageUnit(unit.clone()),
            Self::KeyScope(id, _) => Subject::KeyScope(id.clone()),
            Self::Record(id, _) => Subject::Record(id.clone()),
            Self::Campaign(id, _) => Subject::Campaign(*id),
            Self::Task(id, _) => Subject::Task(*id),
            Self::Workspace(id, _) => Subject::Workspace(*id),
            Self::Batch(id, _) => Subject::Batch(*id),
            Self::ExternalId(organization, id, _) => Subject::ExternalId(organization.clone(), id.clone()),
            Self::Ids(kind, _) => Subject::Ids(*kind),
            Self::System(_) => Subject::System,
            Self::ApiKey(id, _) => Subject::ApiKey(*id),
            Self::Access(day, _) => Subject::Access(day.clone()),
        }
    }

    /// Whether it gives work to a worker, which a pause of the system does not permit.
    #[must_use]
    pub const fn dispatches(&self) -> bool {
        match self {
            Self::KeyScope(_, key_scope::Command::Work(command))
            | Self::Task(_, task::Command::Work { stage: _, command }) => command.dispatches(),
            Self::KeyScope(_, key_scope::Command::Withdraw)
            | Self::StorageUnit(..)
            | Self::Record(..)
            | Self::Campaign(..)
            | Self::Task(
                _,
                task::Command::Create(_)
                | task::Command::Restart { .. }
                | task::Command::Edit { .. }
                | task::Command::Assign(_)
                | task::Command::Approve { .. }
                | task::Command::ReopenReview
                | task::Command::Hold
                | task::Command::Release
                | task::Command::RunNow
                | task::Command::Resolve { .. }
                | task::Command::SetExternalIntegrationStatus { .. }
                | task::Command::Revert { .. }
                | task::Command::MoveToHistory { .. }
                | task::Command::Delete
                | task::Command::ConfirmDeleted,
            )
            | Self::Workspace(..)
            | Self::Batch(..)
            | Self::ExternalId(..)
            | Self::Ids(..)
            | Self::System(_)
            | Self::ApiKey(..)
            | Self::Access(..) => false,
        }
    }

    /// The storage unit that this belongs to, when it belongs to one.
    #[must_use]
    pub const fn unit(&self) -> Option<&StorageUnitName> {
        match self {
            Self::StorageUnit(unit, _)
            | Self::KeyScope(KeyScopeId { unit, scope: _, key: _ }, _)
            | Self::Record(RecordId { unit, key: _ }, _) => Some(unit),
            Self::Campaign(..)
            | Self::Task(..)
            | Self::Workspace(..)
            | Self::Batch(..)
            | Self::ExternalId(..)
            | Self::Ids(..)
            | Self::System(_)
            | Self::ApiKey(..)
            | Self::Access(..) => None,
        }
    }

    /// The form in which it is recorded with its events.
    ///
    /// # Errors
    /// When the command cannot be written as JSON.
    pub fn record(&self) -> Result<RecordedCommand, serde_json::Error> {
        match self {
            Self::StorageUnit(_, command) => RecordedCommand::of(command),
            Self::KeyScope(_, key_scope::Command::Work(command)) => RecordedCommand::of(command),
            Self::KeyScope(_, key_scope::Command::Withdraw) => {
                RecordedCommand::of(&serde_json::json!({ "name": WITHDRAW }))
            }
            Self::Record(_, command) => RecordedCommand::of(command),
            Self::Campaign(_, command) => RecordedCommand::of(command),
            Self::Task(_, task::Command::Work { stage, command }) => at_stage(*stage, command),
            Self::Task(_, command) => RecordedCommand::of(command),
            Self::Workspace(_, command) => RecordedCommand::of(command),
            Self::Batch(_, command) => RecordedCommand::of(command),
            Self::ExternalId(_, _, command) => RecordedCommand::of(command),
            Self::Ids(_, command) => RecordedCommand::of(command),
            Self::System(command) => RecordedCommand::of(command),
            Self::ApiKey(_, command) => RecordedCommand::of(command),
            Self::Access(_, command) => RecordedCommand::of(command),
        }
    }

    /// Reads a recorded command back.
    ///
    /// # Errors
    /// When the JSON is no command of this kind of subject.
    pub fn from_recorded(subject: Subject, recorded: &RecordedCommand) -> Result<Self, serde_json::Error> {
        use serde::Deserialize as _;
        let json = &recorded.json();
        match subject {
            Subject::StorageUnit(unit) => {
                storage_unit::Command::deserialize(json).map(|command| Self::StorageUnit(unit, command))
            }
            Subject::KeyScope(id) if json.get("name").is_some_and(|name| name == WITHDRAW) => {
                Ok(Self::KeyScope(id, key_scope::Command::Withdraw))
            }
            Subject::KeyScope(id) => work::Command::deserialize(json).map(|command| Self::work(id, command)),
            Subject::Record(id) => {
                record::Command::deserialize(json).map(|command| Self::Record(id, command))
            }
            Subject::Campaign(id) => {
                campaign::Command::deserialize(json).map(|command| Self::Campaign(id, command))
            }
            Subject::Task(id) => match json.get(STAGE) {
                Some(stage) => {
                    let stage = Stage::deserialize(stage)?;
                    let command = work::Command::deserialize(json)?;
                    Ok(Self::Task(id, task::Command::Work { stage, command }))
                }
                None => task::Command::deserialize(json).map(|command| Self::Task(id, command)),
            },
            Subject::Workspace(id) => {
                workspace::Command::deserialize(json).map(|command| Self::Workspace(id, command))
            }
            Subject::Batch(id) => batch::Command::deserialize(json).map(|command| Self::Batch(id, command)),
            Subject::ExternalId(organization, id) => external_id::Command::deserialize(json)
                .map(|command| Self::ExternalId(organization, id, command)),
            Subject::Ids(kind) => ids::Command::deserialize(json).map(|command| Self::Ids(kind, command)),
            Subject::System => system::Command::deserialize(json).map(Self::System),
            Subject::ApiKey(id) => {
                api_key::Command::deserialize(json).map(|command| Self::ApiKey(id, command))
            }
            Subject::Access(day) => {
                access::Command::deserialize(json).map(|command| Self::Access(day, command))
            }
        }
    }
}

const WITHDRAW: &str = "withdraw";
/// The member that tells a command to the work of a task's stage from one to the task.
const STAGE: &str = "stage";

fn at_stage(stage: Stage, command: &work::Command) -> Result<RecordedCommand, serde_json::Error> {
    let mut json = serde_json::to_value(command)?;
    if let Some(members) = json.as_object_mut() {
        members.insert(STAGE.to_owned(), serde_json::to_value(stage)?);
    }
    Ok(json.into())
}
