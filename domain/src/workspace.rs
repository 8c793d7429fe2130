//! A workspace: how its tasks are processed, who reviews them, where they are exported to
//! (`reference/smartdocumentor.md` §2). Tasks pin what concerns them when they are created. Does not know its tasks.

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::names::{DisplayName, SecretName};
use crate::storage_unit::{INPUT_BYTES_MAX, Limits, MODULES_PER_SCOPE_MAX, ModuleEntry};
use crate::task::{Assignment, Plan, Stage, USERS_MAX};
use crate::time::Millis;

// ── State ──────────────────────────────────────────────────────────────────────────────────────────────────────

/// Where a workspace stands.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[expect(clippy::large_enum_variant, reason = "a workspace in use is the rule, and an aggregate boxes it")]
pub enum Workspace {
    /// Never created.
    #[default]
    Absent,
    /// In use.
    Present(Settings),
}

/// What is set for a workspace.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// What people call it.
    pub display_name: DisplayName,
    /// What it is for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// Whether tasks that name no workspace go here. Of several, the one with the lowest id is meant.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub is_default: bool,
    /// Which stages its tasks pass.
    #[serde(default)]
    pub plan: Plan,
    /// Who reviews its tasks, unless a task says otherwise.
    #[serde(default)]
    pub assignment: Assignment,
    /// Where its tasks are exported to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub webhook: Option<Webhook>,
    /// The modules of each stage, in the order in which they run.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub modules: BTreeMap<Stage, Vec<ModuleEntry>>,
    /// The limits of its queues.
    #[serde(default)]
    pub limits: Limits,
}

/// Where tasks are exported to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Webhook {
    /// The address, `http://` or `https://`.
    pub url: String,
    /// The name under which the configuration keeps the secret that signs deliveries; unsigned without one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub secret: Option<SecretName>,
    /// How long a delivery may take, in milliseconds.
    #[serde(default = "time_limit_default")]
    pub time_limit_ms: Millis,
}

const fn time_limit_default() -> Millis {
    Millis::from_secs(30)
}

/// The longest description, in bytes.
pub const DESCRIPTION_BYTES_MAX: usize = 4_096;
/// The longest address of a webhook, in bytes.
pub const URL_BYTES_MAX: usize = 2_048;
/// The longest time that a delivery may take, in milliseconds: five minutes.
pub const TIME_LIMIT_MS_MAX: Millis = Millis(300_000);

// ── Commands and events ────────────────────────────────────────────────────────────────────────────────────────

/// What can be asked of a workspace.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "name", content = "body")]
pub enum Command {
    /// Bring it into being.
    #[serde(rename = "create")]
    Create(Settings),
    /// Replace its settings. Tasks that exist keep their plan.
    #[serde(rename = "configure")]
    Configure(Settings),
}

/// What happened to a workspace.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// It came into being.
    Created(Settings),
    /// Its settings were replaced.
    Configured(Settings),
}

// ── Refusals ───────────────────────────────────────────────────────────────────────────────────────────────────

/// Why a command was not carried out. Nothing was recorded.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// There is one of this id.
    #[error("a workspace of this id exists; configure it instead")]
    AlreadyExists,
    /// There is none of this id.
    #[error("there is no workspace of this id; create it first")]
    DoesNotExist,
    /// A plan with export needs somewhere to export to.
    #[error(
        "the plan has an export and the workspace has neither a webhook nor modules.export; set one of them, or leave \
         plan.export out"
    )]
    NoWebhook,
    /// A member is out of its range.
    #[error("{member} must be {allowed}")]
    OutOfRange {
        /// Which member.
        member: &'static str,
        /// What would be allowed.
        allowed: String,
    },
}

/// An event that the rules cannot have produced in this state.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{event} cannot follow {state}")]
pub struct Impossible {
    /// The state.
    pub state: &'static str,
    /// The event.
    pub event: &'static str,
}

// ── Decide ─────────────────────────────────────────────────────────────────────────────────────────────────────

impl Workspace {
    /// What happens when `command` arrives.
    ///
    /// # Errors
    /// [`Refusal`] when the command is not allowed now; an empty list when there is nothing to do.
    pub fn decide(&self, command: &Command) -> Result<Vec<Event>, Refusal> {
        match (command, self) {
            (Command::Create(settings), Self::Absent) => {
                settings.check()?;
                Ok(vec![Event::Created(settings.clone())])
            }
            (Command::Configure(_), Self::Absent) => Err(Refusal::DoesNotExist),
            (Command::Create(settings) | Command::Configure(settings), Self::Present(present))
                if present == settings =>
            {
                Ok(Vec::new())
            }
            (Command::Create(_), Self::Present(_)) => Err(Refusal::AlreadyExists),
            (Command::Configure(settings), Self::Present(_)) => {
                settings.check()?;
                Ok(vec![Event::Configured(settings.clone())])
            }
        }
    }

    /// The settings, when it was created.
    #[must_use]
    pub const fn settings(&self) -> Option<&Settings> {
        match self {
            Self::Absent => None,
            Self::Present(settings) => Some(settings),
        }
    }
}

impl Settings {
    /// Whether modules export its tasks, and not a webhook.
    #[must_use]
    pub fn exports_by_modules(&self) -> bool {
        self.modules.get(&Stage::Export).is_some_and(|modules| !modules.is_empty())
    }

    fn check(&self) -> Result<(), Refusal> {
        let within = |member, is_within: bool, allowed: String| {
            if is_within { Ok(()) } else { Err(Refusal::OutOfRange { member, allowed }) }
        };
        let description = self.description.as_ref().map_or(0, String::len);
        within(
            "description",
            description <= DESCRIPTION_BYTES_MAX,
            format!("at most {DESCRIPTION_BYTES_MAX} bytes long"),
        )?;
        let mut users = self.assignment.users.clone();
        users.sort_unstable();
        users.dedup();
        within(
            "assignment.users",
            users.len() == self.assignment.users.len() && users.len() <= USERS_MAX,
            format!("at most {USERS_MAX} users, each named once"),
        )?;
        let modules = self.modules.values().map(Vec::len).max().unwrap_or(0);
        within(
            "modules",
            modules <= MODULES_PER_SCOPE_MAX,
            format!("at most {MODULES_PER_SCOPE_MAX} of each stage"),
        )?;
        let lease_ms_max = crate::work::LEASE_MS_MAX;
        within(
            "limits.lease_ms",
            (1..=lease_ms_max.0).contains(&self.limits.lease_ms.0),
            format!("between 1 and {} milliseconds", lease_ms_max.0),
        )?;
        within(
            "limits.input_bytes_max",
            (1..=INPUT_BYTES_MAX).contains(&self.limits.input_bytes_max),
            format!("between 1 and {INPUT_BYTES_MAX} bytes"),
        )?;
        within("limits.in_flight_max", self.limits.in_flight_max > 0, "at least 1".to_owned())?;
        let attempts_min = self.plan.retry.values().map(|retry| retry.attempts_max).min();
        within("plan.retry.attempts_max", attempts_min != Some(0), "at least 1".to_owned())?;
        match &self.webhook {
            None if self.plan.export && !self.exports_by_modules() => Err(Refusal::NoWebhook),
            None => Ok(()),
            Some(webhook) => {
                let allowed = "left out while there is a webhook: one of both exports".to_owned();
                within("modules.export", !self.exports_by_modules(), allowed)?;
                let url = &webhook.url;
                let is_address = url.starts_with("http://") || url.starts_with("https://");
                let allowed = format!("an http:// or https:// address of at most {URL_BYTES_MAX} bytes");
                within("webhook.url", is_address && url.len() <= URL_BYTES_MAX, allowed)?;
                let allowed = format!("between 1 and {} milliseconds", TIME_LIMIT_MS_MAX.0);
                let time_limit_ms = webhook.time_limit_ms.0;
                within("webhook.time_limit_ms", (1..=TIME_LIMIT_MS_MAX.0).contains(&time_limit_ms), allowed)
            }
        }
    }
}

// ── Evolve ─────────────────────────────────────────────────────────────────────────────────────────────────────

impl Workspace {
    /// The state after `event`. No rules here.
    ///
    /// # Errors
    /// [`Impossible`] when no decision can have led from this state to this event.
    pub fn evolve(self, event: &Event) -> Result<Self, Impossible> {
        match (event, self) {
            (Event::Created(settings), Self::Absent) | (Event::Configured(settings), Self::Present(_)) => {
                Ok(Self::Present(settings.clone()))
            }
            (Event::Created(_), Self::Present(_)) => {
                Err(Impossible { state: "present", event: event.name() })
            }
            (Event::Configured(_), Self::Absent) => Err(Impossible { state: "absent", event: event.name() }),
        }
    }
}

impl Event {
    /// The word for this event, without the aggregate in front.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Created(_) => "created",
            Self::Configured(_) => "configured",
        }
    }
}
