//! How a command finds its rule: one aggregate per stream, decided and evolved by its own file.
//! Does not know where states are kept.

use crate::access::Access;
use crate::api_key::{self, ApiKey};
use crate::batch::{self, Batch};
use crate::campaign::{self, Campaign};
use crate::envelope::Command;
use crate::event::Event;
use crate::external_id::{self, ExternalIdUse};
use crate::ids::{self, Ids};
use crate::key_scope::KeyScope;
use crate::record::{self, Record};
use crate::storage_unit::{self, StorageUnit};
use crate::stream::{Subject, Version};
use crate::system::{self, System};
use crate::task::{self, Task};
use crate::time::Timestamp;
use crate::work::{self, Work};
use crate::workspace::{self, Workspace};

/// The state of one stream.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Aggregate {
    /// A storage unit.
    StorageUnit(Box<StorageUnit>),
    /// A key-scope.
    KeyScope(Box<KeyScope>),
    /// A record.
    Record(Box<Record>),
    /// A campaign.
    Campaign(Box<Campaign>),
    /// A task.
    Task(Box<Task>),
    /// A workspace.
    Workspace(Box<Workspace>),
    /// A batch.
    Batch(Box<Batch>),
    /// What clients call a task.
    ExternalId(ExternalIdUse),
    /// The ids of one kind.
    Ids(Ids),
    /// The system.
    System(Box<System>),
    /// An API key.
    ApiKey(Box<ApiKey>),
    /// The refused accesses of an organization on a day.
    Access(Access),
}

/// Why a command was not carried out.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// A storage unit's reason.
    #[error(transparent)]
    StorageUnit(#[from] storage_unit::Refusal),
    /// A reason of the work on a key-scope, or on a stage of a task.
    #[error(transparent)]
    Work(#[from] work::Refusal),
    /// A record's reason.
    #[error(transparent)]
    Record(#[from] record::Refusal),
    /// A campaign's reason.
    #[error(transparent)]
    Campaign(#[from] campaign::Refusal),
    /// A task's own reason.
    #[error(transparent)]
    Task(task::Refusal),
    /// A workspace's reason.
    #[error(transparent)]
    Workspace(#[from] workspace::Refusal),
    /// A batch's reason.
    #[error(transparent)]
    Batch(#[from] batch::Refusal),
    /// The reason of what clients call a task.
    #[error(transparent)]
    ExternalId(#[from] external_id::Refusal),
    /// The reason of the ids of one kind.
    #[error(transparent)]
    Ids(#[from] ids::Refusal),
    /// The system's reason.
    #[error(transparent)]
    System(#[from] system::Refusal),
    /// An API key's reason.
    #[error(transparent)]
    ApiKey(#[from] api_key::Refusal),
    /// The command was sent to a stream of another kind: a fault of the program, not of the caller.
    #[error("the command does not belong to this kind of stream")]
    WrongKind,
}

impl From<task::Refusal> for Refusal {
    /// What the work of a stage refuses, it refuses as any work does: whoever leases it need not know whose it is.
    fn from(refusal: task::Refusal) -> Self {
        if let task::Refusal::Work(refusal) = refusal {
            return Self::Work(refusal);
        }
        Self::Task(refusal)
    }
}

/// History that the rules cannot have produced.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CorruptHistory {
    /// An impossible event of a storage unit.
    #[error(transparent)]
    StorageUnit(#[from] storage_unit::Impossible),
    /// An impossible event of the work on a key-scope.
    #[error(transparent)]
    Work(#[from] work::Impossible),
    /// An impossible event of a campaign.
    #[error(transparent)]
    Campaign(#[from] campaign::Impossible),
    /// An impossible event of a task.
    #[error(transparent)]
    Task(#[from] task::Impossible),
    /// An impossible event of a workspace.
    #[error(transparent)]
    Workspace(#[from] workspace::Impossible),
    /// An impossible event of a batch.
    #[error(transparent)]
    Batch(#[from] batch::Impossible),
    /// An impossible event of what clients call a task.
    #[error(transparent)]
    ExternalId(#[from] external_id::Impossible),
    /// An impossible event of the system.
    #[error(transparent)]
    System(#[from] system::Impossible),
    /// An impossible event of an API key.
    #[error(transparent)]
    ApiKey(#[from] api_key::Impossible),
    /// The event belongs to another kind of stream.
    #[error("the event does not belong to this kind of stream")]
    WrongKind,
}

impl Aggregate {
    /// The state before the first event of a subject's stream.
    #[must_use]
    pub fn initial(subject: &Subject) -> Self {
        match subject {
            Subject::StorageUnit(_) => Self::StorageUnit(Box::default()),
            Subject::KeyScope(_) => Self::KeyScope(Box::default()),
            Subject::Record(_) => Self::Record(Box::default()),
            Subject::Campaign(_) => Self::Campaign(Box::default()),
            Subject::Task(_) => Self::Task(Box::default()),
            Subject::Workspace(_) => Self::Workspace(Box::default()),
            Subject::Batch(_) => Self::Batch(Box::default()),
            Subject::ExternalId(..) => Self::ExternalId(ExternalIdUse::default()),
            Subject::Ids(_) => Self::Ids(Ids::default()),
            Subject::System => Self::System(Box::default()),
            Subject::ApiKey(_) => Self::ApiKey(Box::default()),
            Subject::Access(_) => Self::Access(Access),
        }
    }

    /// The work, when it has some: that of a key-scope, or of the stage that a task is in.
    #[must_use]
    pub fn work(&self) -> Option<&Work> {
        match self {
            Self::KeyScope(scope) => Some(&scope.work),
            Self::Task(task) => task.work(),
            Self::StorageUnit(_)
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

    /// What happens when `command` arrives at `now`.
    ///
    /// # Errors
    /// [`Refusal`] when the command is not allowed now; an empty list when there is nothing to do.
    pub fn decide(&self, command: &Command, now: Timestamp) -> Result<Vec<Event>, Refusal> {
        match (command, self) {
            (Command::StorageUnit(_, command), Self::StorageUnit(unit)) => into_events(unit.decide(command)?),
            (Command::KeyScope(_, command), Self::KeyScope(scope)) => {
                into_events(scope.decide(command, now)?)
            }
            (Command::Record(_, command), Self::Record(record)) => into_events(record.decide(command)?),
            (Command::Campaign(_, command), Self::Campaign(campaign)) => {
                into_events(campaign.decide(command)?)
            }
            (Command::Task(_, command), Self::Task(task)) => into_events(task.decide(command, now)?),
            (Command::Workspace(_, command), Self::Workspace(workspace)) => {
                into_events(workspace.decide(command)?)
            }
            (Command::Batch(_, command), Self::Batch(batch)) => into_events(batch.decide(command)?),
            (Command::ExternalId(_, _, command), Self::ExternalId(id)) => into_events(id.decide(command)?),
            (Command::Ids(_, command), Self::Ids(ids)) => into_events(ids.decide(command)?),
            (Command::System(command), Self::System(system)) => into_events(system.decide(command)?),
            (Command::ApiKey(_, command), Self::ApiKey(key)) => into_events(key.decide(command, now)?),
            (Command::Access(_, command), Self::Access(access)) => into_events(access.decide(command)),
            (
                Command::StorageUnit(..)
                | Command::KeyScope(..)
                | Command::Record(..)
                | Command::Campaign(..)
                | Command::Task(..)
                | Command::Workspace(..)
                | Command::Batch(..)
                | Command::ExternalId(..)
                | Command::Ids(..)
                | Command::System(_)
                | Command::ApiKey(..)
                | Command::Access(..),
                Self::StorageUnit(_)
                | Self::KeyScope(_)
                | Self::Record(_)
                | Self::Campaign(_)
                | Self::Task(_)
                | Self::Workspace(_)
                | Self::Batch(_)
                | Self::ExternalId(_)
                | Self::Ids(_)
                | Self::System(_)
                | Self::ApiKey(_)
                | Self::Access(_),
            ) => Err(Refusal::WrongKind),
        }
    }

    /// The state after `event`, which has the given version.
    ///
    /// # Errors
    /// [`CorruptHistory`] when no decision can have led from this state to this event.
    pub fn evolve(self, event: &Event, version: Version) -> Result<Self, CorruptHistory> {
        match (event, self) {
            (Event::StorageUnit(event), Self::StorageUnit(unit)) => {
                Ok(Self::StorageUnit(Box::new((*unit).evolve(event)?)))
            }
            (Event::KeyScope(event), Self::KeyScope(scope)) => {
                Ok(Self::KeyScope(Box::new((*scope).evolve(event, version)?)))
            }
            (Event::Record(event), Self::Record(record)) => {
                Ok(Self::Record(Box::new((*record).evolve(event))))
            }
            (Event::Campaign(event), Self::Campaign(campaign)) => {
                Ok(Self::Campaign(Box::new((*campaign).evolve(event, version)?)))
            }
            (Event::Task(event), Self::Task(task)) => {
                Ok(Self::Task(Box::new((*task).evolve(event, version)?)))
            }
            (Event::Workspace(event), Self::Workspace(workspace)) => {
                Ok(Self::Workspace(Box::new((*workspace).evolve(event)?)))
            }
            (Event::Batch(event), Self::Batch(batch)) => Ok(Self::Batch(Box::new((*batch).evolve(event)?))),
            (Event::ExternalId(event), Self::ExternalId(id)) => Ok(Self::ExternalId(id.evolve(event)?)),
            (Event::Ids(event), Self::Ids(ids)) => Ok(Self::Ids(ids.evolve(event))),
            (Event::System(event), Self::System(system)) => {
                Ok(Self::System(Box::new((*system).evolve(event)?)))
            }
            (Event::ApiKey(event), Self::ApiKey(key)) => Ok(Self::ApiKey(Box::new((*key).evolve(event)?))),
            (Event::Access(event), Self::Access(access)) => Ok(Self::Access(access.evolve(event))),
            (
                Event::StorageUnit(_)
                | Event::KeyScope(_)
                | Event::Record(_)
                | Event::Campaign(_)
                | Event::Task(_)
                | Event::Workspace(_)
                | Event::Batch(_)
                | Event::ExternalId(_)
                | Event::Ids(_)
                | Event::System(_)
                | Event::ApiKey(_)
                | Event::Access(_),
                Self::StorageUnit(_)
                | Self::KeyScope(_)
                | Self::Record(_)
                | Self::Campaign(_)
                | Self::Task(_)
                | Self::Workspace(_)
                | Self::Batch(_)
                | Self::ExternalId(_)
                | Self::Ids(_)
                | Self::System(_)
                | Self::ApiKey(_)
                | Self::Access(_),
            ) => Err(CorruptHistory::WrongKind),
        }
    }
}

fn into_events<E: Into<Event>>(events: Vec<E>) -> Result<Vec<Event>, Refusal> {
    Ok(events.into_iter().map(Into::into).collect())
}
