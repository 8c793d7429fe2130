//! A storage unit: where content lives, which modules run per scope, and whether its reprocess queue is enabled.
//!
//! Source of the behaviour: `reference/stager.md` §1, §3 and §7. It does not know which keys it has, nor whether the
//! named modules are defined.

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::layout::Pattern;
use crate::names::{ModuleName, Scope};
use crate::retry::RetryPolicy;
use crate::time::Millis;

// ── State ──────────────────────────────────────────────────────────────────────────────────────────────────────

/// Where a storage unit stands.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[expect(clippy::large_enum_variant, reason = "a unit in use is the rule, and an aggregate boxes its unit")]
pub enum StorageUnit {
    /// Never created, or dropped and cleared.
    #[default]
    Absent,
    /// In use.
    Active(Settings),
    /// Dropped; the work on its key-scopes is being withdrawn.
    Clearing,
}

/// What is set for a storage unit in use.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Settings {
    /// Where its content lives.
    pub content: Content,
    /// Which modules run.
    pub modules: ModuleTable,
    /// Whether its work may be claimed.
    pub queue_enabled: bool,
    /// Its limits.
    pub limits: Limits,
}

/// Where content lives.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", remote = "Self")]
pub enum Content {
    /// Below the engine's own content location; written through the API, removed when the unit is dropped.
    Managed,
    /// Somewhere else; only read, never removed.
    Registered(Location),
}

impl Serialize for Content {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        Self::serialize(self, serializer)
    }
}

impl<'de> Deserialize<'de> for Content {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::deserialize(of_kind(deserializer)?).map_err(D::Error::custom)
    }
}

/// The members of something whose `kind` is a word: the derived reading takes a kind's number for it as well.
///
/// # Errors
/// That of the deserializer, or that the kind is no word.
pub fn of_kind<'de, D: Deserializer<'de>>(deserializer: D) -> Result<serde_json::Value, D::Error> {
    let members = serde_json::Value::deserialize(deserializer)?;
    match members.get("kind") {
        Some(kind) if !kind.is_string() => Err(D::Error::custom("the member kind must be a word")),
        Some(_) | None => Ok(members),
    }
}

/// A place that holds documents which are not the engine's own.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Location {
    /// The base location: `file:///folder`, `s3://bucket/prefix`, `gs://…`, `az://…`, `memory:///`.
    pub url: String,
    /// How an object's path below the base says its key and scope.
    pub layout: Pattern,
    /// The scope of every object, when the layout does not say one.
    pub scope: Scope,
    /// A glob that an object's path below the base must match.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub include: Option<String>,
}

/// Which modules run over which scope, in order, and settings that all of them see.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct ModuleTable {
    /// The modules of each scope, in the order in which they run.
    #[serde(default)]
    pub modules: BTreeMap<Scope, Vec<ModuleEntry>>,
    /// Settings of the whole unit, handed to every module.
    #[serde(default, skip_serializing_if = "serde_json::Map::is_empty")]
    pub settings: serde_json::Map<String, serde_json::Value>,
}

impl ModuleTable {
    /// The modules of a scope, each with its whole settings: the unit's, overlaid with its own.
    #[must_use]
    pub fn overlaid(&self, scope: &Scope) -> Vec<ModuleEntry> {
        let entries = self.modules.get(scope).into_iter().flatten();
        let overlaid = entries.map(|entry| {
            let mut settings = self.settings.clone();
            settings.extend(entry.settings.clone());
            ModuleEntry { settings, ..entry.clone() }
        });
        overlaid.collect()
    }
}

/// One module attached to a scope.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ModuleEntry {
    /// The name under which the module is defined in the configuration.
    pub module: ModuleName,
    /// Settings handed to the module as JSON.
    #[serde(default, skip_serializing_if = "serde_json::Map::is_empty")]
    pub settings: serde_json::Map<String, serde_json::Value>,
    /// Attempts and backoff for this scope, instead of the module's own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retry: Option<RetryPolicy>,
    /// The scope that keeps the result, instead of the module's own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub output_scope: Option<Scope>,
    /// What the module is given.
    #[serde(default, skip_serializing_if = "ModuleInput::is_document")]
    pub input: ModuleInput,
}

/// What a module is given.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ModuleInput {
    /// The scope's stored content.
    #[default]
    Document,
    /// What the module before it in the scope has made.
    Previous,
}

impl ModuleInput {
    /// Whether it is the stored content, which is the rule and therefore not written.
    const fn is_document(&self) -> bool {
        matches!(self, Self::Document)
    }
}

/// A storage unit's limits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Limits {
    /// How many of its items may be leased at once.
    pub in_flight_max: u32,
    /// The largest document that is handed to a module, in bytes.
    pub input_bytes_max: u64,
    /// How long a worker has an item without a heartbeat, in milliseconds.
    pub lease_ms: Millis,
}

impl Default for Limits {
    fn default() -> Self {
        Self { in_flight_max: 100_000, input_bytes_max: 1 << 30, lease_ms: Millis::from_secs(60) }
    }
}

/// The most scopes that can have modules in one unit.
pub const SCOPES_MAX: usize = 256;
/// The most modules of one scope.
pub const MODULES_PER_SCOPE_MAX: usize = 64;
/// The most that `input_bytes_max` of a unit's or workspace's limits may be: 1 TiB.
pub const INPUT_BYTES_MAX: u64 = 1 << 40;

// ── Commands ───────────────────────────────────────────────────────────────────────────────────────────────────

/// What can be asked of a storage unit.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "name", content = "body")]
pub enum Command {
    /// Bring it into being.
    #[serde(rename = "create")]
    Create(Settings),
    /// Say where its content lives from now on.
    #[serde(rename = "set_content")]
    SetContent(Content),
    /// Replace its whole module table.
    #[serde(rename = "set_modules")]
    SetModules(ModuleTable),
    /// Let its work be claimed.
    #[serde(rename = "enable_queue")]
    EnableQueue,
    /// Let none of its work be claimed.
    #[serde(rename = "disable_queue")]
    DisableQueue,
    /// Replace its limits.
    #[serde(rename = "set_limits")]
    SetLimits(Limits),
    /// Take every item back from whoever has it.
    #[serde(rename = "reset_queue")]
    ResetQueue,
    /// Remove it.
    #[serde(rename = "drop")]
    Drop,
    /// The withdrawing that follows a drop is over.
    #[serde(rename = "confirm_cleared")]
    ConfirmCleared,
}

// ── Events ─────────────────────────────────────────────────────────────────────────────────────────────────────

/// What happened to a storage unit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// It came into being.
    Created(Settings),
    /// Its content lives elsewhere from now on.
    ContentSet(Content),
    /// Its module table was replaced.
    ModulesSet(ModuleTable),
    /// Its work may be claimed.
    QueueEnabled,
    /// Its work may not be claimed.
    QueueDisabled,
    /// Its limits were replaced.
    LimitsSet(Limits),
    /// Somebody asked for all its items to be taken back; each item's own stream says what became of it.
    QueueReset,
    /// It is gone; withdrawing of its work begins.
    Dropped,
    /// Nothing is left of it but its history; the name is free.
    Cleared,
}

// ── Refusals ───────────────────────────────────────────────────────────────────────────────────────────────────

/// Why a command was not carried out. Nothing was recorded.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// There is one of this name.
    #[error("a storage unit of this name exists; choose another name or drop it first")]
    AlreadyExists,
    /// There is none of this name.
    #[error("no storage unit of this name exists; create it first")]
    DoesNotExist,
    /// The earlier unit of this name is not yet cleared away.
    #[error("a storage unit of this name was dropped and is still being cleared; try again shortly")]
    StillClearing,
    /// The module table is too large.
    #[error(
        "a module table may have {SCOPES_MAX} scopes with {MODULES_PER_SCOPE_MAX} modules each; this one has more"
    )]
    TooManyModules,
    /// The first module of a scope is to be given what the one before it made.
    #[error(
        "the first module of scope {scope} has input 'previous', and there is none before it; leave input out, or put a module first"
    )]
    NothingBeforeFirst {
        /// The scope.
        scope: Scope,
    },
    /// A limit is zero or beyond what is possible.
    #[error("the limit {name} must be between 1 and {max}")]
    LimitOutOfRange {
        /// Which limit, with its unit.
        name: &'static str,
        /// Its largest value.
        max: u64,
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

impl StorageUnit {
    /// What happens when `command` arrives.
    ///
    /// # Errors
    /// [`Refusal`] when the command is not allowed now; an empty list when there is nothing to do.
    pub fn decide(&self, command: &Command) -> Result<Vec<Event>, Refusal> {
        match (command, self) {
            (Command::Create(settings), Self::Absent) => {
                check_modules(&settings.modules)?;
                check_limits(&settings.limits)?;
                Ok(vec![Event::Created(settings.clone())])
            }
            (Command::Create(_), Self::Active(_)) => Err(Refusal::AlreadyExists),
            (Command::Create(_), Self::Clearing) => Err(Refusal::StillClearing),
            (Command::ConfirmCleared, Self::Clearing) => Ok(vec![Event::Cleared]),
            (Command::ConfirmCleared, Self::Absent | Self::Active(_)) => Ok(Vec::new()),
            (_, Self::Absent | Self::Clearing) => Err(Refusal::DoesNotExist),
            (command, Self::Active(settings)) => settings.decide(command),
        }
    }

    /// The settings, when the unit is in use.
    #[must_use]
    pub const fn settings(&self) -> Option<&Settings> {
        match self {
            Self::Active(settings) => Some(settings),
            Self::Absent | Self::Clearing => None,
        }
    }
}

impl Settings {
    fn decide(&self, command: &Command) -> Result<Vec<Event>, Refusal> {
        match command {
            Command::Create(_) => Err(Refusal::AlreadyExists),
            Command::SetContent(content) if *content == self.content => Ok(Vec::new()),
            Command::SetContent(content) => Ok(vec![Event::ContentSet(content.clone())]),
            Command::SetModules(modules) if *modules == self.modules => Ok(Vec::new()),
            Command::SetModules(modules) => {
                check_modules(modules)?;
                Ok(vec![Event::ModulesSet(modules.clone())])
            }
            Command::EnableQueue if self.queue_enabled => Ok(Vec::new()),
            Command::EnableQueue => Ok(vec![Event::QueueEnabled]),
            Command::DisableQueue if self.queue_enabled => Ok(vec![Event::QueueDisabled]),
            Command::SetLimits(limits) if *limits != self.limits => {
                check_limits(limits)?;
                Ok(vec![Event::LimitsSet(*limits)])
            }
            Command::ResetQueue => Ok(vec![Event::QueueReset]),
            Command::Drop => Ok(vec![Event::Dropped]),
            Command::DisableQueue | Command::SetLimits(_) | Command::ConfirmCleared => Ok(Vec::new()),
        }
    }
}

fn check_modules(table: &ModuleTable) -> Result<(), Refusal> {
    let too_many = table.modules.len() > SCOPES_MAX
        || table.modules.values().any(|entries| entries.len() > MODULES_PER_SCOPE_MAX);
    if too_many {
        return Err(Refusal::TooManyModules);
    }
    let nothing_before = table.modules.iter().find(|(_, entries)| {
        entries.first().is_some_and(|first| match first.input {
            ModuleInput::Previous => true,
            ModuleInput::Document => false,
        })
    });
    match nothing_before {
        Some((scope, _)) => Err(Refusal::NothingBeforeFirst { scope: scope.clone() }),
        None => Ok(()),
    }
}

fn check_limits(limits: &Limits) -> Result<(), Refusal> {
    let within = |name, value, max| {
        if value == 0 || value > max { Err(Refusal::LimitOutOfRange { name, max }) } else { Ok(()) }
    };
    within("in_flight_max (items)", u64::from(limits.in_flight_max), u64::from(u32::MAX))?;
    within("input_bytes_max (bytes)", limits.input_bytes_max, INPUT_BYTES_MAX)?;
    within("lease_ms (milliseconds)", limits.lease_ms.0, crate::work::LEASE_MS_MAX.0)
}

// ── Evolve ─────────────────────────────────────────────────────────────────────────────────────────────────────

impl StorageUnit {
    /// The state after `event`. No rules here.
    ///
    /// # Errors
    /// [`Impossible`] when no decision can have led from this state to this event.
    pub fn evolve(self, event: &Event) -> Result<Self, Impossible> {
        let impossible = Impossible { state: self.name(), event: event.name() };
        match (event, self) {
            (Event::Created(settings), Self::Absent) => Ok(Self::Active(settings.clone())),
            (Event::Cleared, Self::Clearing) => Ok(Self::Absent),
            (Event::Dropped, Self::Active(_)) => Ok(Self::Clearing),
            (Event::ContentSet(content), Self::Active(settings)) => {
                Ok(Self::Active(Settings { content: content.clone(), ..settings }))
            }
            (Event::ModulesSet(modules), Self::Active(settings)) => {
                Ok(Self::Active(Settings { modules: modules.clone(), ..settings }))
            }
            (Event::QueueEnabled, Self::Active(settings)) => {
                Ok(Self::Active(Settings { queue_enabled: true, ..settings }))
            }
            (Event::QueueDisabled, Self::Active(settings)) => {
                Ok(Self::Active(Settings { queue_enabled: false, ..settings }))
            }
            (Event::LimitsSet(limits), Self::Active(settings)) => {
                Ok(Self::Active(Settings { limits: *limits, ..settings }))
            }
            (Event::QueueReset, Self::Active(settings)) => Ok(Self::Active(settings)),
            (
                Event::Created(_)
                | Event::ContentSet(_)
                | Event::ModulesSet(_)
                | Event::QueueEnabled
                | Event::QueueDisabled
                | Event::LimitsSet(_)
                | Event::QueueReset
                | Event::Dropped
                | Event::Cleared,
                Self::Absent | Self::Active(_) | Self::Clearing,
            ) => Err(impossible),
        }
    }

    const fn name(&self) -> &'static str {
        match self {
            Self::Absent => "absent",
            Self::Active(_) => "active",
            Self::Clearing => "clearing",
        }
    }
}

impl Event {
    /// The word for this event, without the aggregate in front.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Created(_) => "created",
            Self::ContentSet(_) => "content_set",
            Self::ModulesSet(_) => "modules_set",
            Self::QueueEnabled => "queue_enabled",
            Self::QueueDisabled => "queue_disabled",
            Self::LimitsSet(_) => "limits_set",
            Self::QueueReset => "queue_reset",
            Self::Dropped => "dropped",
            Self::Cleared => "cleared",
        }
    }
}
