//! Events as the log holds them: what happened, to what, when, and by whose command.
//! Does not know their stored form: that is the event codec's.

mod recorded;

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

pub use recorded::RecordedCommand;

use crate::names::{Actor, CommandId, EventId, IdempotencyKey, OrganizationId};
use crate::stream::{Position, StreamId, Version};
use crate::time::Timestamp;
use crate::{
    access, api_key, batch, campaign, external_id, ids, key_scope, record, storage_unit, system, task, work,
    workspace,
};

/// Something that happened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// To a storage unit.
    StorageUnit(storage_unit::Event),
    /// To a key-scope.
    KeyScope(key_scope::Event),
    /// To a record.
    Record(record::Event),
    /// To a campaign.
    Campaign(campaign::Event),
    /// To a task.
    Task(task::Event),
    /// To a workspace.
    Workspace(workspace::Event),
    /// To a batch.
    Batch(batch::Event),
    /// To what clients call a task.
    ExternalId(external_id::Event),
    /// To the ids of one kind.
    Ids(ids::Event),
    /// To the system.
    System(system::Event),
    /// To an API key.
    ApiKey(api_key::Event),
    /// An access was refused.
    Access(access::Event),
}

impl Event {
    /// What happened to a piece of work, whosever it is.
    #[must_use]
    pub const fn work(&self) -> Option<&work::Event> {
        match self {
            Self::KeyScope(key_scope::Event::Work(event)) | Self::Task(task::Event::Work(_, event)) => {
                Some(event)
            }
            Self::KeyScope(key_scope::Event::Withdrawn(_))
            | Self::Task(
                task::Event::Created(_)
                | task::Event::StageEntered(_)
                | task::Event::ReviewOpened(_)
                | task::Event::Approved(_)
                | task::Event::ReviewCompleted(_)
                | task::Event::Archived
                | task::Event::Edited(_)
                | task::Event::UsersAssigned(_)
                | task::Event::Restarted(_)
                | task::Event::Resolved(_)
                | task::Event::Reverted(_)
                | task::Event::MovedToHistory(_)
                | task::Event::ExternalIntegrationStatusSet(_)
                | task::Event::DeletionRequested(_)
                | task::Event::Deleted,
            )
            | Self::StorageUnit(_)
            | Self::Record(_)
            | Self::Campaign(_)
            | Self::Workspace(_)
            | Self::Batch(_)
            | Self::ExternalId(_)
            | Self::Ids(_)
            | Self::System(_)
            | Self::ApiKey(_)
            | Self::Access(_) => None,
        }
    }
}

impl From<storage_unit::Event> for Event {
    fn from(event: storage_unit::Event) -> Self {
        Self::StorageUnit(event)
    }
}

impl From<key_scope::Event> for Event {
    fn from(event: key_scope::Event) -> Self {
        Self::KeyScope(event)
    }
}

impl From<record::Event> for Event {
    fn from(event: record::Event) -> Self {
        Self::Record(event)
    }
}

impl From<campaign::Event> for Event {
    fn from(event: campaign::Event) -> Self {
        Self::Campaign(event)
    }
}

impl From<task::Event> for Event {
    fn from(event: task::Event) -> Self {
        Self::Task(event)
    }
}

impl From<workspace::Event> for Event {
    fn from(event: workspace::Event) -> Self {
        Self::Workspace(event)
    }
}

impl From<batch::Event> for Event {
    fn from(event: batch::Event) -> Self {
        Self::Batch(event)
    }
}

impl From<external_id::Event> for Event {
    fn from(event: external_id::Event) -> Self {
        Self::ExternalId(event)
    }
}

impl From<ids::Event> for Event {
    fn from(event: ids::Event) -> Self {
        Self::Ids(event)
    }
}

impl From<system::Event> for Event {
    fn from(event: system::Event) -> Self {
        Self::System(event)
    }
}

impl From<api_key::Event> for Event {
    fn from(event: api_key::Event) -> Self {
        Self::ApiKey(event)
    }
}

impl From<access::Event> for Event {
    fn from(event: access::Event) -> Self {
        Self::Access(event)
    }
}

/// An event with its place in the log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RecordedEvent {
    /// Its place in the whole log.
    pub position: Position,
    /// Its stream.
    pub stream: StreamId,
    /// Its place in the stream.
    pub version: Version,
    /// Its id.
    pub id: EventId,
    /// What happened.
    pub event: Event,
    /// When, and by whose command.
    pub metadata: Arc<Metadata>,
}

/// What is recorded with the events of one append.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Metadata {
    /// When it was decided. Never earlier than any event before it in the log.
    pub recorded_at: Timestamp,
    /// The command that was decided.
    pub command_id: CommandId,
    /// What its sender calls the command; nothing when the sender does not mind doing it twice.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub idempotency_key: Option<IdempotencyKey>,
    /// The command's name and body; only the first event of an append carries it in the stored form.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub command: Option<RecordedCommand>,
    /// Who sent it.
    pub actor: Actor,
    /// Why, in the sender's words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// The command or event that it follows from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub causation_id: Option<Uuid>,
    /// What everything that belongs together shares.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub correlation_id: Option<Uuid>,
    /// Whose stream it is.
    pub organization: OrganizationId,
}
