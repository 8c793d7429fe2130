//! The stages of a task, and where the work of one is queued. Does not know when a stage is entered.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::names::{Key, Scope, StorageUnitName, TaskId, WorkspaceId};
use crate::work_id::WorkId;

/// A stage that workers carry out. Review lies between recognition and export, and is people's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Stage {
    /// The source is fetched and taken apart.
    PreProcessing,
    /// What it says is recognized.
    Recognition,
    /// The result is handed to the customer's system.
    Export,
}

impl Stage {
    /// Every stage, in the order in which a task passes them.
    pub const ALL: [Self; 3] = [Self::PreProcessing, Self::Recognition, Self::Export];

    /// The word for it, which is also the scope of its queue.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::PreProcessing => "pre_processing",
            Self::Recognition => "recognition",
            Self::Export => "export",
        }
    }

    /// The stage that a word names.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|stage| stage.name() == name)
    }
}

impl fmt::Display for Stage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// The queue that the work of a stage lies in: part of every event about that work, so that whoever keeps queues needs
/// to know nothing else of the task.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct StageQueue {
    /// The workspace.
    pub workspace: WorkspaceId,
    /// The stage.
    pub stage: Stage,
}

impl StageQueue {
    /// The place of a task's work in this queue: unit `task/<workspace>`, scope `<stage>`, key `<task id>`.
    #[must_use]
    pub fn place(self, task: TaskId) -> WorkId {
        WorkId {
            unit: StorageUnitName::of_tasks(self.workspace),
            scope: Scope::new(self.stage.name()).expect("a stage's name is a valid scope"),
            key: Key::new(task.to_string()).expect("digits are a valid key"),
        }
    }
}
