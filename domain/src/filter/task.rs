//! Which tasks are meant: the words of a [`super::Filter`] where tasks have the same, and words of their own. Lists, counts,
//! campaigns and gauges all read it. Does not know where their rows are kept.

#[cfg(test)]
mod tests;

use std::fmt;
use std::str::FromStr;

use serde::de::{SeqAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::names::{BatchId, CampaignId, ExternalId, WorkerId, WorkspaceId};
use crate::task::{ExternalIntegrationStatus, Screen, TaskStatus};
use crate::time::Timestamp;

/// Conditions on tasks. All that are given must hold; none means every task of the organization.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct TaskFilter {
    /// It has one of these statuses. Read as one or a list, by name or number; a text may name several, with commas.
    #[serde(skip_serializing_if = "Vec::is_empty", deserialize_with = "statuses")]
    pub status: Vec<TaskStatus>,
    /// Where it is shown.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub screen: Option<Screen>,
    /// The workspace that processes it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub workspace: Option<WorkspaceId>,
    /// The batch that it belongs to.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub batch: Option<BatchId>,
    /// What the client calls it, exactly.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub external_id: Option<ExternalId>,
    /// A part of what people or the client call it; case does not matter.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub text: Option<SearchText>,
    /// The worker that has it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub worker: Option<WorkerId>,
    /// The code of what went wrong last.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error_code: Option<String>,
    /// The campaign that restarted it last.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub campaign: Option<CampaignId>,
    /// Whether it is held.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub held: Option<bool>,
    /// Whether it was stuck: whether it carries the warning of the watchdog.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stuck: Option<bool>,
    /// How far the client's own side is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub external_integration_status: Option<ExternalIntegrationStatus>,
    /// It was created at this instant or later.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub created_since: Option<Timestamp>,
    /// It was created before this instant.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub created_before: Option<Timestamp>,
    /// Something happened to it at this instant or later.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub updated_since: Option<Timestamp>,
    /// Nothing happened to it at this instant or later.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub updated_before: Option<Timestamp>,
    /// It was restarted at least so many times.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub restart_count_min: Option<u32>,
}

impl fmt::Display for TaskFilter {
    /// The conditions as clauses for people; `no condition` without any.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { status, screen, workspace, batch, external_id, text, worker, error_code, .. } = self;
        let Self { campaign, held, stuck, external_integration_status: external, .. } = self;
        let yes = |it: bool, yes: &str, no: &str| if it { yes.to_owned() } else { no.to_owned() };
        let names: Vec<&str> = status.iter().map(|status| status.name()).collect();
        let clauses = [
            (!names.is_empty()).then(|| names.join(" or ")),
            screen.map(|screen| format!("in the {}", screen.name())),
            workspace.map(|id| format!("of workspace {id}")),
            batch.map(|id| format!("of batch {id}")),
            external_id.as_ref().map(|id| format!("called '{id}' by the client")),
            text.as_ref().map(|text| format!("with '{text}' in a name")),
            worker.as_ref().map(|worker| format!("with worker {worker}")),
            error_code.as_ref().map(|code| format!("last error {code}")),
            campaign.map(|campaign| format!("last restarted by campaign {campaign}")),
            held.map(|held| yes(held, "held", "not held")),
            stuck.map(|stuck| yes(stuck, "stuck", "not stuck")),
            external.as_ref().map(|status| format!("external integration '{}'", status.as_str())),
            self.created_since.map(|at| format!("created since {at}")),
            self.created_before.map(|at| format!("created before {at}")),
            self.updated_since.map(|at| format!("updated since {at}")),
            self.updated_before.map(|at| format!("not updated since {at}")),
            self.restart_count_min.map(|min| format!("restarted at least {min} times")),
        ];
        let clauses: Vec<String> = clauses.into_iter().flatten().collect();
        f.write_str(if clauses.is_empty() { "no condition" } else { "" })?;
        f.write_str(&clauses.join(", "))
    }
}

// ── Statuses ───────────────────────────────────────────────────────────────────────────────────────────────────

/// The most statuses that a filter lists; there are not so many different ones.
pub const STATUSES_MAX: usize = 64;

fn statuses<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<TaskStatus>, D::Error> {
    deserializer.deserialize_any(Statuses)
}

struct Statuses;

impl<'de> Visitor<'de> for Statuses {
    type Value = Vec<TaskStatus>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a status, by name or number, or a list of them")
    }

    fn visit_unit<E: serde::de::Error>(self) -> Result<Self::Value, E> {
        Ok(Vec::new())
    }

    fn visit_u64<E: serde::de::Error>(self, number: u64) -> Result<Self::Value, E> {
        named(&number.to_string()).map(|status| vec![status])
    }

    fn visit_i64<E: serde::de::Error>(self, number: i64) -> Result<Self::Value, E> {
        named(&number.to_string()).map(|status| vec![status])
    }

    fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<Self::Value, E> {
        text.split(',').take(STATUSES_MAX + 1).try_fold(Vec::new(), |mut statuses, name| {
            push(&mut statuses, named(name.trim())?)?;
            Ok(statuses)
        })
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Self::Value, A::Error> {
        let mut statuses = Vec::new();
        while let Some(OneStatus(status)) = list.next_element()? {
            push(&mut statuses, status)?;
        }
        Ok(statuses)
    }
}

/// Each once, in the order of the numbers: equal filters are equal.
fn push<E: serde::de::Error>(statuses: &mut Vec<TaskStatus>, status: TaskStatus) -> Result<(), E> {
    if statuses.len() >= STATUSES_MAX {
        return Err(E::custom(format!("at most {STATUSES_MAX} statuses can be listed")));
    }
    statuses.push(status);
    statuses.sort_unstable_by_key(|status| status.number());
    statuses.dedup();
    Ok(())
}

struct OneStatus(TaskStatus);

impl<'de> Deserialize<'de> for OneStatus {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(untagged)]
        enum NameOrNumber {
            Number(u64),
            Name(String),
        }
        let text = match NameOrNumber::deserialize(deserializer)? {
            NameOrNumber::Number(number) => number.to_string(),
            NameOrNumber::Name(name) => name,
        };
        named(&text).map(Self)
    }
}

/// A status by its name or its number.
fn named<E: serde::de::Error>(text: &str) -> Result<TaskStatus, E> {
    let numbered = text.parse().ok().and_then(TaskStatus::from_number);
    numbered.or_else(|| TaskStatus::from_name(text)).ok_or_else(|| {
        let names: Vec<&str> = TaskStatus::ALL.into_iter().map(TaskStatus::name).collect();
        E::custom(format!("there is no status '{text}'; use one of {}", names.join(", ")))
    })
}

// ── Text ───────────────────────────────────────────────────────────────────────────────────────────────────────

/// A part of a name: 1 to 256 bytes without control characters.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SearchText(String);

/// The text cannot be searched for.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "a text to search for has 1 to {} bytes and no control characters; give another text",
    SearchText::BYTES_MAX
)]
pub struct InvalidSearchText;

impl SearchText {
    /// The longest text, in bytes.
    pub const BYTES_MAX: usize = 256;

    /// The text as it was given.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for SearchText {
    type Err = InvalidSearchText;

    fn from_str(text: &str) -> Result<Self, InvalidSearchText> {
        let is_allowed = (1..=Self::BYTES_MAX).contains(&text.len()) && !text.chars().any(char::is_control);
        if is_allowed { Ok(Self(text.to_owned())) } else { Err(InvalidSearchText) }
    }
}

impl fmt::Display for SearchText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Serialize for SearchText {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for SearchText {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}
