//! Which role has which right. Does not know which request needs which.

use domain::api_key::Role;
use domain::envelope::Command;
use domain::names::OrganizationId;
use domain::storage_unit;

/// What a request needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Right {
    /// Nothing: whoever reaches the server may ask.
    Open,
    /// To look at what the organization has.
    Read,
    /// To look at what a worker needs to see: units and documents.
    ReadWork,
    /// To claim work and report on it.
    Work,
    /// To change what the organization has, and to ask for work.
    Write,
    /// To do what cannot be taken back, and to manage the organization's keys.
    Administer,
    /// To look at the instance as a whole, whosever things are in it.
    Watch,
    /// To steer the instance as a whole.
    Run,
}

impl Right {
    /// Whether a key of the role and organization has the right. The default organization is the one that runs the
    /// instance.
    pub(crate) fn is_of(self, role: Role, organization: &OrganizationId) -> bool {
        let runs_the_instance = || *organization == OrganizationId::default_organization();
        match (self, role) {
            (Self::Open | Self::ReadWork, Role::Viewer | Role::Operator | Role::Admin | Role::Worker)
            | (Self::Read, Role::Viewer | Role::Operator | Role::Admin)
            | (Self::Work, Role::Admin | Role::Worker)
            | (Self::Write, Role::Operator | Role::Admin)
            | (Self::Administer, Role::Admin) => true,
            (Self::Watch, Role::Viewer | Role::Operator | Role::Admin) | (Self::Run, Role::Admin) => {
                runs_the_instance()
            }
            (Self::Read | Self::Write | Self::Administer | Self::Watch | Self::Run, Role::Worker)
            | (Self::Work | Self::Administer | Self::Run, Role::Viewer | Role::Operator)
            | (Self::Write, Role::Viewer) => false,
        }
    }

    /// The right that a command needs that somebody posts.
    pub(crate) const fn to_send(command: &Command) -> Self {
        match command {
            Command::StorageUnit(_, storage_unit::Command::Drop) | Command::ApiKey(..) => Self::Administer,
            Command::System(_) | Command::Ids(..) => Self::Run,
            Command::StorageUnit(..)
            | Command::KeyScope(..)
            | Command::Record(..)
            | Command::Campaign(..)
            | Command::Task(..)
            | Command::Workspace(..)
            | Command::Batch(..)
            | Command::ExternalId(..)
            | Command::Access(..) => Self::Write,
        }
    }

    /// Who has it, as a clause.
    pub(crate) const fn holders(self) -> &'static str {
        match self {
            Self::Open => "everybody has it",
            Self::Read => "the roles viewer, operator and admin have it",
            Self::ReadWork => "every role has it",
            Self::Work => "the roles worker and admin have it",
            Self::Write => "the roles operator and admin have it",
            Self::Administer => "the role admin has it",
            Self::Watch => {
                "the roles viewer, operator and admin of the organization 'default', which runs the instance, have it"
            }
            Self::Run => "the role admin of the organization 'default', which runs the instance, has it",
        }
    }

    /// The word for it, as in `docs/access.md`.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Read => "read",
            Self::ReadWork => "read_work",
            Self::Work => "work",
            Self::Write => "write",
            Self::Administer => "administer",
            Self::Watch => "watch",
            Self::Run => "run",
        }
    }
}
