//! What clients of one organization call a task: taken by one task, and never by another (`reference/smartdocumentor.md`
//! §2). It is claimed before its task is created. Whoever finds it claimed by a task that was never created, because
//! a creation broke off in between, creates that task. Does not know the task.

use serde::{Deserialize, Serialize};

use crate::names::TaskId;

/// Who has it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum ExternalIdUse {
    /// Nobody.
    #[default]
    Free,
    /// This task, for ever: a deleted one keeps it too.
    Taken(TaskId),
}

/// What can be asked of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "name", content = "body")]
pub enum Command {
    /// Let a task have it.
    #[serde(rename = "claim")]
    Claim {
        /// The task.
        task: TaskId,
    },
}

/// What happened to it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// A task has it.
    Claimed(Claimed),
}

/// Payload of [`Event::Claimed`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Claimed {
    /// The task.
    pub task: TaskId,
}

/// Why a command was not carried out. Nothing was recorded.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// Another task has it.
    #[error("task {task} has this external id; choose another one")]
    Taken {
        /// Which task.
        task: TaskId,
    },
}

/// An event that the rules cannot have produced in this state.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("claimed cannot follow taken")]
pub struct Impossible;

impl ExternalIdUse {
    /// What happens when `command` arrives.
    ///
    /// # Errors
    /// [`Refusal`] when another task has it; an empty list when this task has it already.
    pub fn decide(&self, command: &Command) -> Result<Vec<Event>, Refusal> {
        let Command::Claim { task } = *command;
        match *self {
            Self::Free => Ok(vec![Event::Claimed(Claimed { task })]),
            Self::Taken(by) if by == task => Ok(Vec::new()),
            Self::Taken(by) => Err(Refusal::Taken { task: by }),
        }
    }

    /// The state after `event`. No rules here.
    ///
    /// # Errors
    /// [`Impossible`] when no decision can have led from this state to this event.
    pub const fn evolve(self, event: &Event) -> Result<Self, Impossible> {
        let Event::Claimed(claimed) = event;
        match self {
            Self::Free => Ok(Self::Taken(claimed.task)),
            Self::Taken(_) => Err(Impossible),
        }
    }
}

impl Event {
    /// The word for this event, without the aggregate in front.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Claimed(_) => "claimed",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_external_id_is_one_tasks_for_ever() {
        let task = |number| TaskId::new(number).unwrap();
        let claim = |number| Command::Claim { task: task(number) };
        let events = ExternalIdUse::Free.decide(&claim(1)).unwrap();
        assert_eq!(events, [Event::Claimed(Claimed { task: task(1) })]);
        let taken = ExternalIdUse::Free.evolve(&events[0]).unwrap();
        assert_eq!(taken.decide(&claim(1)), Ok(vec![]));
        assert_eq!(taken.decide(&claim(2)), Err(Refusal::Taken { task: task(1) }));
        assert_eq!(taken.evolve(&events[0]), Err(Impossible));
    }
}
