//! What a task is created with. It never changes afterwards, so that a restart processes what the first request said
//! (`reference/smartdocumentor.md` §4.5). Does not know where the plan of a workspace comes from.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::Stage;
use crate::names::{BatchId, DisplayName, ExternalId, UserName, WorkspaceId};
use crate::retry::RetryPolicy;
use crate::work;

/// A task's first request, with everything that a restart needs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Payload {
    /// The workspace that processes it.
    pub workspace: WorkspaceId,
    /// The batch that it belongs to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub batch: Option<BatchId>,
    /// What the client calls it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub external_id: Option<ExternalId>,
    /// What people call it.
    pub display_name: DisplayName,
    /// What it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// Who goes first.
    #[serde(default)]
    pub priority: Priority,
    /// What the workers are given: where the document is, and more.
    pub context: Map<String, Value>,
    /// The client's own words about it.
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    pub metadata: Map<String, Value>,
    /// Values of the organization's own form.
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    pub custom_form_values: Map<String, Value>,
    /// Who reviews it, in which order.
    #[serde(default)]
    pub assignment: Assignment,
    /// What is done with it, as its workspace said at its creation.
    pub plan: Plan,
}

/// The two priorities of a task (`reference/smartdocumentor.md` §4.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Priority {
    /// As most.
    #[default]
    Low,
    /// Before those of low priority.
    High,
}

impl Priority {
    /// The priority in the queue of the workspace.
    #[must_use]
    pub const fn of_work(self) -> work::Priority {
        match self {
            Self::Low => work::Priority::Normal,
            Self::High => work::Priority::High,
        }
    }
}

/// Which stages a task passes.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Plan {
    /// Whether its content is recognized.
    pub recognition: bool,
    /// Who reviews it.
    pub review: ReviewMode,
    /// Whether its result is exported.
    pub export: bool,
    /// Attempts and backoff of each stage, where they are not the usual ones.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub retry: BTreeMap<Stage, RetryPolicy>,
}

/// Who reviews a task.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ReviewMode {
    /// People.
    #[default]
    ByUsers,
    /// Nobody: it counts as reviewed.
    Automatic,
}

/// Who reviews a task, and in which order.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Assignment {
    /// The users; none means that whoever likes may review.
    #[serde(default)]
    pub users: Vec<UserName>,
    /// The order.
    #[serde(default)]
    pub order: ReviewOrder,
}

/// Which of the assigned users have to review, and when. The first is documented; the others are the likely two
/// (`reference/smartdocumentor.md` §4.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ReviewOrder {
    /// One of them, whoever comes first.
    #[default]
    Any,
    /// All of them, in any order.
    All,
    /// All of them, one after the other.
    InSequence,
}

/// The most users that a task is assigned to.
pub const USERS_MAX: usize = 100;
/// The longest description, in bytes.
pub const DESCRIPTION_BYTES_MAX: usize = 4_096;
/// The largest context, metadata or form, in bytes of JSON each.
pub const JSON_BYTES_MAX: usize = 256 << 10;
