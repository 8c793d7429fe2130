//! A batch: tasks of one workspace that belong together. It has no status of its own; how many tasks it has is counted
//! from the tasks (`reference/smartdocumentor.md` §4.8). Does not know them.

use serde::{Deserialize, Serialize};

use crate::names::{DisplayName, WorkspaceId};

/// Where a batch stands.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Batch {
    /// Never created.
    #[default]
    Absent,
    /// Created.
    Present(Described),
}

/// What a batch is. Never changes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Described {
    /// The workspace whose tasks it groups.
    pub workspace: WorkspaceId,
    /// What people call it.
    pub display_name: DisplayName,
    /// What it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
}

/// What can be asked of a batch.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "name", content = "body")]
pub enum Command {
    /// Bring it into being.
    #[serde(rename = "create")]
    Create(Described),
}

/// What happened to a batch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// It came into being.
    Created(Described),
}

/// Why a command was not carried out. Nothing was recorded.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// There is one of this id.
    #[error("a batch of this id exists; let the engine choose the id")]
    AlreadyExists,
    /// The description is too long.
    #[error("the description has {bytes} bytes, at most {DESCRIPTION_BYTES_MAX} are allowed; shorten it")]
    DescriptionTooLong {
        /// How long it is.
        bytes: usize,
    },
}

/// An event that the rules cannot have produced in this state.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("created cannot follow present")]
pub struct Impossible;

/// The longest description, in bytes.
pub const DESCRIPTION_BYTES_MAX: usize = 4_096;

impl Batch {
    /// What happens when `command` arrives.
    ///
    /// # Errors
    /// [`Refusal`] when the command is not allowed now; an empty list when there is nothing to do.
    pub fn decide(&self, command: &Command) -> Result<Vec<Event>, Refusal> {
        let Command::Create(described) = command;
        let bytes = described.description.as_ref().map_or(0, String::len);
        match self {
            Self::Absent if bytes > DESCRIPTION_BYTES_MAX => Err(Refusal::DescriptionTooLong { bytes }),
            Self::Absent => Ok(vec![Event::Created(described.clone())]),
            Self::Present(present) if present == described => Ok(Vec::new()),
            Self::Present(_) => Err(Refusal::AlreadyExists),
        }
    }

    /// The state after `event`. No rules here.
    ///
    /// # Errors
    /// [`Impossible`] when no decision can have led from this state to this event.
    pub fn evolve(self, event: &Event) -> Result<Self, Impossible> {
        let Event::Created(described) = event;
        match self {
            Self::Absent => Ok(Self::Present(described.clone())),
            Self::Present(_) => Err(Impossible),
        }
    }
}

impl Event {
    /// The word for this event, without the aggregate in front.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Created(_) => "created",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_batch_is_created_once_and_creating_it_again_is_free() {
        let described = |text: &str| Described {
            workspace: WorkspaceId::new(1).unwrap(),
            display_name: DisplayName::new("March").unwrap(),
            description: Some(text.to_owned()),
        };
        let create = |text: &str| Command::Create(described(text));
        let events = Batch::Absent.decide(&create("a")).unwrap();
        assert_eq!(events, [Event::Created(described("a"))]);
        let batch = Batch::Absent.evolve(&events[0]).unwrap();
        assert_eq!(batch.decide(&create("a")), Ok(vec![]));
        assert_eq!(batch.decide(&create("b")), Err(Refusal::AlreadyExists));
        assert_eq!(batch.evolve(&events[0]), Err(Impossible));
        let long = create(&"x".repeat(DESCRIPTION_BYTES_MAX + 1));
        assert!(matches!(Batch::Absent.decide(&long), Err(Refusal::DescriptionTooLong { .. })));
    }
}
