//! Which key-scopes of a unit, or which tasks, are meant: those for which everything holds that a filter says. Does not
//! know where their rows are kept: whoever keeps them says which match.

mod task;
#[cfg(test)]
mod tests;

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::names::CampaignId;
use crate::time::Timestamp;
use crate::work::{Change, Status};

pub use task::{InvalidSearchText, STATUSES_MAX, SearchText, TaskFilter};

/// Conditions on key-scopes. All that are given must hold; none means every key-scope that was ever asked for.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Filter {
    /// Where the work on it stands.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<Status>,
    /// Whether it is held.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub held: Option<bool>,
    /// The campaign that asked last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub campaign: Option<CampaignId>,
    /// The code of what went wrong last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error_code: Option<String>,
    /// What its key begins with.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key_prefix: Option<String>,
    /// How its last result compares with the one before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub change: Option<Change>,
    /// Whether it has ever finished.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ever_finished: Option<bool>,
    /// It finished last at this instant or later.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub finished_since: Option<Timestamp>,
    /// It finished last before this instant.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub finished_before: Option<Timestamp>,
    /// Something happened to it at this instant or later.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub updated_since: Option<Timestamp>,
    /// Nothing happened to it at this instant or later.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub updated_before: Option<Timestamp>,
    /// It was begun again at least so many times.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub restart_count_min: Option<u32>,
}

impl fmt::Display for Filter {
    /// The conditions as clauses for people; `no condition` without any.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { status, held, campaign, error_code, key_prefix, change, .. } = self;
        let yes = |it: bool, yes: &str, no: &str| if it { yes.to_owned() } else { no.to_owned() };
        let change = change.map(|change| match change {
            Change::First => "with a first result".to_owned(),
            Change::Same => "with the same result as before".to_owned(),
            Change::Changed => "with another result than before".to_owned(),
        });
        let clauses = [
            status.map(|status| status.name().to_owned()),
            held.map(|held| yes(held, "held", "not held")),
            campaign.map(|campaign| format!("last asked for by campaign {campaign}")),
            error_code.as_ref().map(|code| format!("last error {code}")),
            key_prefix.as_ref().map(|prefix| format!("key begins with '{prefix}'")),
            change,
            self.ever_finished.map(|ever| yes(ever, "has finished before", "never finished")),
            self.finished_since.map(|at| format!("finished since {at}")),
            self.finished_before.map(|at| format!("finished before {at}")),
            self.updated_since.map(|at| format!("updated since {at}")),
            self.updated_before.map(|at| format!("not updated since {at}")),
            self.restart_count_min.map(|min| format!("restarted at least {min} times")),
        ];
        let clauses: Vec<String> = clauses.into_iter().flatten().collect();
        f.write_str(if clauses.is_empty() { "no condition" } else { "" })?;
        f.write_str(&clauses.join(", "))
    }
}
