//! Names and ids, valid from birth: whoever holds one need not check it again. Does not know which of them exist.

mod numbers;

use std::borrow::Borrow;
use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use uuid::Uuid;

use crate::text::parsed;

pub use numbers::{BatchId, InvalidNumber, TaskId, WorkspaceId};

/// Why a text cannot be a name of the wanted kind.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidName {
    /// The text is empty.
    #[error("{kind} must not be empty")]
    Empty {
        /// What the text was meant to name.
        kind: &'static str,
    },
    /// The text has too many bytes.
    #[error("{kind} has {length_bytes} bytes, at most {length_bytes_max} are allowed")]
    TooLong {
        /// What the text was meant to name.
        kind: &'static str,
        /// How long it is.
        length_bytes: usize,
        /// How long it may be.
        length_bytes_max: usize,
    },
    /// The text contains a character that this kind of name does not allow.
    #[error("{kind} contains the character {character:?}; {allowed}")]
    Character {
        /// What the text was meant to name.
        kind: &'static str,
        /// The first offending character.
        character: char,
        /// What would be allowed, as a clause.
        allowed: &'static str,
    },
    /// The text is one that is reserved.
    #[error("{kind} must not be '{text}', which is reserved")]
    Reserved {
        /// What the text was meant to name.
        kind: &'static str,
        /// The reserved text.
        text: String,
    },
}

fn check(
    kind: &'static str,
    text: &str,
    length_bytes_max: usize,
    allowed: &'static str,
    is_allowed: fn(char) -> bool,
) -> Result<(), InvalidName> {
    if text.is_empty() {
        return Err(InvalidName::Empty { kind });
    }
    if text.len() > length_bytes_max {
        return Err(InvalidName::TooLong { kind, length_bytes: text.len(), length_bytes_max });
    }
    if let Some(character) = text.chars().find(|character| !is_allowed(*character)) {
        return Err(InvalidName::Character { kind, character, allowed });
    }
    if text == "." || text == ".." {
        return Err(InvalidName::Reserved { kind, text: text.to_owned() });
    }
    Ok(())
}

const PLAIN: &str = "letters, digits, '.', '_' and '-' are allowed";
const fn is_plain(character: char) -> bool {
    character.is_ascii_alphanumeric() || matches!(character, '.' | '_' | '-')
}

const PRINTABLE: &str = "control characters are not allowed";
const fn is_printable(character: char) -> bool {
    !(character as u32 <= 0x1f || (character as u32 >= 0x7f && character as u32 <= 0x9f))
}

const NO_SLASH: &str = "control characters and '/' are not allowed";
const fn is_printable_but_slash(character: char) -> bool {
    is_printable(character) && character != '/'
}

macro_rules! name {
    ($(#[$doc:meta])* $type:ident, $kind:literal, $length_bytes_max:literal, $allowed:ident, $is_allowed:ident) => {
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $type(Arc<str>);

        impl $type {
            /// The longest allowed text, in bytes of UTF-8.
            pub const LENGTH_BYTES_MAX: usize = $length_bytes_max;

            /// Takes the text if it is valid.
            ///
            /// # Errors
            /// [`InvalidName`], which says what is wrong with the text.
            pub fn new(text: impl AsRef<str>) -> Result<Self, InvalidName> {
                let text = text.as_ref();
                check($kind, text, Self::LENGTH_BYTES_MAX, $allowed, $is_allowed)?;
                Ok(Self(Arc::from(text)))
            }

            /// The text.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl fmt::Debug for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{:?}", &*self.0)
            }
        }

        impl Borrow<str> for $type {
            fn borrow(&self) -> &str {
                &self.0
            }
        }

        impl FromStr for $type {
            type Err = InvalidName;

            fn from_str(text: &str) -> Result<Self, InvalidName> {
                Self::new(text)
            }
        }

        impl Serialize for $type {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(&self.0)
            }
        }

        impl<'de> Deserialize<'de> for $type {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                parsed(deserializer)
            }
        }
    };
}

name!(
    /// The name of a storage unit.
    StorageUnitName, "a storage unit name", 128, PLAIN, is_plain
);
name!(
    /// The name of one independently processed part of a record, such as `connector` or `ocr`.
    Scope, "a scope", 128, NO_SLASH, is_printable_but_slash
);
name!(
    /// The key of a record inside its storage unit. For a registered folder it is the path below the folder.
    Key, "a key", 1024, PRINTABLE, is_printable
);
name!(
    /// The name of a module as it is defined in the configuration.
    ModuleName, "a module name", 128, PLAIN, is_plain
);
name!(
    /// Who works: the name under which a worker claims.
    WorkerId, "a worker id", 256, PRINTABLE, is_printable
);
name!(
    /// Who acts: the name under which commands are recorded.
    Actor, "an actor", 256, PRINTABLE, is_printable
);
name!(
    /// What a sender calls a command, so that sending it again does not do it again.
    IdempotencyKey, "an idempotency key", 255, PRINTABLE, is_printable
);
name!(
    /// A person, as tasks are assigned to one and reviewed by one.
    UserName, "a user name", 256, PRINTABLE, is_printable
);
name!(
    /// What a client calls a task: chosen at its creation, unique in the organization.
    ExternalId, "an external id", 256, PRINTABLE, is_printable
);
name!(
    /// What people call a task, a workspace or a batch.
    DisplayName, "a display name", 256, PRINTABLE, is_printable
);
name!(
    /// Which part of a task's result an edit changes, such as `invoice/total`.
    EditPath, "an edit's path", 256, PRINTABLE, is_printable
);
name!(
    /// The name under which the configuration keeps a secret. Never the secret itself.
    SecretName, "a secret's name", 128, PLAIN, is_plain
);
name!(
    /// The name under which the configuration has an instance that recorded commands may be sent to.
    TargetName, "a target's name", 128, PLAIN, is_plain
);
name!(
    /// The name of an API key, under which its commands are recorded.
    KeyName, "a key name", 128, PLAIN, is_plain
);
name!(
    /// The organization that a stream belongs to.
    OrganizationId, "an organization id", 64, PLAIN, is_plain
);

/// What stands before a workspace's number in the unit that its tasks are queued under.
const TASKS: &str = "task/";

impl StorageUnitName {
    /// The unit under which a workspace's tasks are queued: `task/7`. No storage unit has such a name, since
    /// [`StorageUnitName::new`] takes no `/`; it is a unit only where work is queued, leased and timed.
    #[must_use]
    pub fn of_tasks(workspace: WorkspaceId) -> Self {
        Self(Arc::from(format!("{TASKS}{workspace}")))
    }

    /// The workspace whose tasks are queued under this unit; nothing when it is a storage unit.
    #[must_use]
    pub fn workspace(&self) -> Option<WorkspaceId> {
        self.0.strip_prefix(TASKS)?.parse().ok()
    }

    /// Takes the unit of a queue: a storage unit's name, or `task/` and a workspace's number.
    ///
    /// # Errors
    /// [`InvalidName`], which says what is wrong with the text.
    pub fn of_queue(text: &str) -> Result<Self, InvalidName> {
        match text.strip_prefix(TASKS).and_then(|number| number.parse().ok()) {
            Some(workspace) => Ok(Self::of_tasks(workspace)),
            None => Self::new(text),
        }
    }
}

impl OrganizationId {
    /// The organization that everything belongs to unless something else is said.
    #[must_use]
    pub fn default_organization() -> Self {
        Self(Arc::from("default"))
    }
}

impl Actor {
    /// The engine itself: timers, process managers, recovery at start.
    #[must_use]
    pub fn system() -> Self {
        Self(Arc::from("system"))
    }
}

impl Scope {
    /// The reserved pseudo-scope that means every scope of a record (`reference/stager.md` §1).
    pub const RECORD: &'static str = "$record";
}

macro_rules! id {
    ($(#[$doc:meta])* $type:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $type(pub Uuid);

        impl fmt::Display for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(&self.0, f)
            }
        }

        impl fmt::Debug for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(&self.0, f)
            }
        }

        impl FromStr for $type {
            type Err = uuid::Error;

            fn from_str(text: &str) -> Result<Self, uuid::Error> {
                text.parse().map(Self)
            }
        }
    };
}

id!(
    /// Identifies a command. What the command records carries ids that follow from it.
    CommandId
);
id!(
    /// Identifies an event.
    EventId
);
id!(
    /// Identifies a campaign.
    CampaignId
);
id!(
    /// Identifies an API key. No secret.
    ApiKeyId
);

/// Keeps ids of keyed commands apart from all others that are derived from a text. Never changes.
const KEYED: Uuid = Uuid::from_u128(0x8a3d_51c6_0f4e_5b7a_9d21_6c0e_4b95_f713);

impl CommandId {
    /// The id of the event at `index` among those that this command records: the same command records the same ids,
    /// so an append whose outcome is unknown can be repeated as it is.
    #[must_use]
    pub fn event_id(self, index: u16) -> EventId {
        EventId(Uuid::new_v5(&self.0, &index.to_be_bytes()))
    }

    /// The id of a command that its sender gave a key: the same key of the same organization gives the same id.
    #[must_use]
    pub fn keyed(organization: &OrganizationId, key: &IdempotencyKey) -> Self {
        let organization = Uuid::new_v5(&KEYED, organization.as_str().as_bytes());
        Self(Uuid::new_v5(&organization, key.as_str().as_bytes()))
    }

    /// The id of a command that follows from `cause` for the given purpose: following twice gives the same id.
    #[must_use]
    pub fn following(cause: Uuid, purpose: &str) -> Self {
        Self(Uuid::new_v5(&cause, purpose.as_bytes()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_valid_from_birth_or_says_what_is_wrong() {
        assert!(StorageUnitName::new("invoices-2026.q1").is_ok());
        assert_eq!(
            StorageUnitName::new("in voices").unwrap_err().to_string(),
            "a storage unit name contains the character ' '; letters, digits, '.', '_' and '-' are allowed"
        );
        assert_eq!(
            StorageUnitName::new("..").unwrap_err().to_string(),
            "a storage unit name must not be '..', which is reserved"
        );
        assert_eq!(Key::new("").unwrap_err().to_string(), "a key must not be empty");
        assert_eq!(
            Key::new("k".repeat(1025)).unwrap_err().to_string(),
            "a key has 1025 bytes, at most 1024 are allowed"
        );
        assert!(Key::new("a\0b").is_err());
        assert!(Scope::new("a/b").is_err());
    }

    #[test]
    fn a_unit_of_tasks_is_told_from_a_storage_unit() {
        let tasks = StorageUnitName::of_tasks(WorkspaceId::new(7).unwrap());
        assert_eq!((tasks.as_str(), tasks.workspace()), ("task/7", WorkspaceId::new(7).ok()));
        assert_eq!(StorageUnitName::of_queue("task/7"), Ok(tasks));
        assert!(StorageUnitName::new("task/7").is_err());
        assert!(StorageUnitName::of_queue("task/0").is_err());
        assert_eq!(StorageUnitName::of_queue("docs").unwrap().workspace(), None);
    }

    #[test]
    fn the_same_command_gives_its_events_the_same_ids() {
        let command = CommandId(Uuid::from_u128(7));
        assert_eq!(command.event_id(0), command.event_id(0));
        assert_ne!(command.event_id(0), command.event_id(1));
    }
}
