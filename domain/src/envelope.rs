//! The command envelope: what everything that enters is turned into, whatever its door.
//! Does not know how it arrived.

mod label;
mod sender;
#[cfg(test)]
mod tests;

pub use sender::Sender;

use uuid::Uuid;

use crate::event::RecordedCommand;
use crate::names::{Actor, ApiKeyId, CampaignId, CommandId, IdempotencyKey, OrganizationId, StorageUnitName};
use crate::stream::{AccessDay, KeyScopeId, RecordId, Subject};
use crate::{access, api_key, campaign, key_scope, record, storage_unit, system, work};

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
    /// Of the system.
    System(system::Command),
    /// Of an API key.
    ApiKey(ApiKeyId, api_key::Command),
    /// Of the refused accesses of an organization on a day.
    Access(AccessDay, access::Command),
}

impl Command {
    /// A command to the work on a key-scope.
    #[must_use]
    pub const fn work(id: KeyScopeId, command: work::Command) -> Self {
        Self::KeyScope(id, key_scope::Command::Work(command))
    }

    /// What it is asked of.
    #[must_use]
    pub fn subject(&self) -> Subject {
        match self {
            Self::StorageUnit(unit, _) => Subject::StorageUnit(unit.clone()),
            Self::KeyScope(id, _) => Subject::KeyScope(id.clone()),
            Self::Record(id, _) => Subject::Record(id.clone()),
            Self::Campaign(id, _) => Subject::Campaign(*id),
            Self::System(_) => Subject::System,
            Self::ApiKey(id, _) => Subject::ApiKey(*id),
            Self::Access(day, _) => Subject::Access(day.clone()),
        }
    }

    /// Whether it gives work to a worker, which a pause of the system does not permit.
    #[must_use]
    pub const fn dispatches(&self) -> bool {
        match self {
            Self::KeyScope(_, key_scope::Command::Work(command)) => command.dispatches(),
            Self::KeyScope(_, key_scope::Command::Withdraw)
            | Self::StorageUnit(..)
            | Self::Record(..)
            | Self::Campaign(..)
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
            Self::Campaign(..) | Self::System(_) | Self::ApiKey(..) | Self::Access(..) => None,
        }
    }

    /// The form in which it is recorded with its events.
    ///
    /// # Errors
    /// When the command cannot be written as JSON.
    pub fn record(&self) -> Result<RecordedCommand, serde_json::Error> {
        let json = match self {
            Self::StorageUnit(_, command) => serde_json::to_value(command),
            Self::KeyScope(_, key_scope::Command::Work(command)) => serde_json::to_value(command),
            Self::KeyScope(_, key_scope::Command::Withdraw) => Ok(serde_json::json!({ "name": WITHDRAW })),
            Self::Record(_, command) => serde_json::to_value(command),
            Self::Campaign(_, command) => serde_json::to_value(command),
            Self::System(command) => serde_json::to_value(command),
            Self::ApiKey(_, command) => serde_json::to_value(command),
            Self::Access(_, command) => serde_json::to_value(command),
        };
        json.map(RecordedCommand)
    }

    /// Reads a recorded command back.
    ///
    /// # Errors
    /// When the JSON is no command of this kind of subject.
    pub fn from_recorded(subject: Subject, recorded: &RecordedCommand) -> Result<Self, serde_json::Error> {
        use serde::Deserialize as _;
        let json = &recorded.0;
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
