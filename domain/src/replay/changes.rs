//! What is otherwise on a fork: policies, and single commands left out or replaced. Policies travel in commands
//! (`docs/adr/0002-policies-travel-in-commands.md`), so a change of one is a change of the commands that carry it. Does not
//! know what follows.

use std::collections::HashMap;
use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use uuid::Uuid;

use super::RecordedAppend;
use crate::envelope::Command;
use crate::event::RecordedCommand;
use crate::names::CommandId;
use crate::retry::RetryPolicy;
use crate::storage_unit::{self, Limits, Settings};
use crate::stream::Position;
use crate::task::{self, Policy, Seen, Target};
use crate::time::Millis;
use crate::work;
use crate::workspace;

/// What is otherwise on a fork; nothing when it says nothing.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Changes {
    /// How long a lease lasts unless extended, and an extension of one, in milliseconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lease_ms: Option<Millis>,
    /// How often a failed attempt is repeated.
    #[serde(skip_serializing_if = "RetryChange::is_nothing")]
    pub retry: RetryChange,
    /// The limits of storage units, workspaces and modules.
    #[serde(skip_serializing_if = "LimitsChange::is_nothing")]
    pub limits: LimitsChange,
    /// Lines of the watchdog's policy, in place of those that the log was written under: when a task is stuck, and where
    /// it goes then.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub stuck: Vec<Policy>,
    /// Commands that are left out.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub skip: Vec<CommandRef>,
    /// Commands that ask for something else.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub edit: Vec<Edit>,
}

/// What is otherwise about repetitions: members that are absent stay as they were recorded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct RetryChange {
    /// How many attempts one request gets, the first included.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub attempts_max: Option<u32>,
    /// The wait after the first failure, in milliseconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub backoff_ms: Option<Millis>,
    /// The longest wait, in milliseconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub backoff_ms_max: Option<Millis>,
}

/// What is otherwise about limits: members that are absent stay as they were recorded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct LimitsChange {
    /// How many items of a unit, or tasks of a workspace, may be leased at once. A claim of one more is not carried out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub in_flight_max: Option<u32>,
    /// How long an attempt may take, in milliseconds. One whose result came later has failed when it came.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub attempt_ms_max: Option<Millis>,
    /// How many bytes a module may produce. An attempt in which one produced more has failed for good.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub output_bytes_max: Option<u64>,
}

/// A command that asks for something else.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Edit {
    /// Which command.
    pub of: CommandRef,
    /// What it asks, in the form in which commands are recorded. Of the same thing.
    pub command: RecordedCommand,
}

/// The code of an attempt that took too long: the one that modules have for it.
const TIME_LIMIT: &str = "time_limit";
/// The code of an attempt that produced too much.
const OUTPUT_LIMIT: &str = "output_limit";

/// A recorded command: by its id, or by the position of its first event.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum CommandRef {
    /// Its id.
    Id(CommandId),
    /// Where its first event lies.
    At(Position),
}

/// A text that refers to no command.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("'{0}' is neither a command's id nor the position of its first event")]
pub struct NotACommandRef(String);

impl FromStr for CommandRef {
    type Err = NotACommandRef;

    fn from_str(text: &str) -> Result<Self, NotACommandRef> {
        if let Ok(id) = text.parse() {
            return Ok(Self::Id(id));
        }
        text.parse().map(Self::At).map_err(|_| NotACommandRef(text.to_owned()))
    }
}

impl fmt::Display for CommandRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Id(id) => id.fmt(f),
            Self::At(position) => position.fmt(f),
        }
    }
}

impl Serialize for CommandRef {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for CommandRef {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

impl RetryChange {
    const fn is_nothing(&self) -> bool {
        self.attempts_max.is_none() && self.backoff_ms.is_none() && self.backoff_ms_max.is_none()
    }

    fn of(&self, recorded: RetryPolicy) -> RetryPolicy {
        RetryPolicy {
            attempts_max: self.attempts_max.unwrap_or(recorded.attempts_max),
            backoff_ms: self.backoff_ms.unwrap_or(recorded.backoff_ms),
            backoff_ms_max: self.backoff_ms_max.unwrap_or(recorded.backoff_ms_max),
        }
    }
}

impl LimitsChange {
    pub(super) const fn is_nothing(&self) -> bool {
        self.in_flight_max.is_none() && self.attempt_ms_max.is_none() && self.output_bytes_max.is_none()
    }

    fn of(&self, recorded: Limits) -> Limits {
        Limits { in_flight_max: self.in_flight_max.unwrap_or(recorded.in_flight_max), ..recorded }
    }
}

/// Changes of single commands, found by what they refer to; and which of them met their command.
#[derive(Debug, Default)]
pub(super) struct Singled {
    /// Nothing for a command that is left out.
    commands: HashMap<CommandRef, Option<RecordedCommand>>,
    unmet: Vec<CommandRef>,
}

impl Singled {
    pub(super) fn new(changes: &Changes) -> Self {
        let skipped = changes.skip.iter().map(|of| (*of, None));
        let edited = changes.edit.iter().map(|edit| (edit.of, Some(edit.command.clone())));
        let commands: HashMap<_, _> = skipped.chain(edited).collect();
        let unmet = commands.keys().copied().collect();
        Self { commands, unmet }
    }

    /// What becomes of an append's command, when something special does: nothing for one that is left out.
    pub(super) fn meet(&mut self, append: &RecordedAppend) -> Option<Option<RecordedCommand>> {
        let first = append.first();
        let refs = [CommandRef::Id(first.metadata.command_id), CommandRef::At(first.position)];
        let met = refs.into_iter().find(|of| self.commands.contains_key(of))?;
        self.unmet.retain(|of| *of != met);
        self.commands.get(&met).cloned()
    }

    /// What no command of the log was meant by.
    pub(super) fn unmet(&self) -> Vec<CommandRef> {
        self.unmet.clone()
    }
}

impl Changes {
    /// The command with the changed policies in place of those that it carries.
    pub(super) fn in_command(&self, command: Command) -> Command {
        let command = command.map_work(|command| self.in_work(command));
        if let Command::StorageUnit(unit, storage_unit::Command::Create(settings)) = command {
            let settings = Settings { limits: self.limits.of(settings.limits), ..settings };
            return Command::StorageUnit(unit, storage_unit::Command::Create(settings));
        }
        if let Command::StorageUnit(unit, storage_unit::Command::SetLimits(limits)) = command {
            return Command::StorageUnit(unit, storage_unit::Command::SetLimits(self.limits.of(limits)));
        }
        if let Command::Workspace(id, workspace::Command::Create(settings)) = command {
            let settings = workspace::Settings { limits: self.limits.of(settings.limits), ..settings };
            return Command::Workspace(id, workspace::Command::Create(settings));
        }
        if let Command::Workspace(id, workspace::Command::Configure(settings)) = command {
            let settings = workspace::Settings { limits: self.limits.of(settings.limits), ..settings };
            return Command::Workspace(id, workspace::Command::Configure(settings));
        }
        if let Command::Task(id, task::Command::Revert { seen, .. } | task::Command::MoveToHistory { seen }) =
            command
            && let Some(policy) = self.policy(seen.status)
        {
            return Command::Task(id, asked(policy, seen));
        }
        command
    }

    /// The result of an attempt that has taken so long: a failure, when it is beyond a changed limit. How it is repeated
    /// is not recorded with a result, so it is as the changes say, or as is usual.
    pub(super) fn in_result(&self, command: Command, taken: Option<Millis>) -> Command {
        let LimitsChange { attempt_ms_max, output_bytes_max, .. } = self.limits;
        command.map_work(|command| {
            let work::Command::Complete { token, outputs, .. } = &command else { return command };
            let token = *token;
            if let (Some(max), Some(taken)) = (attempt_ms_max, taken)
                && taken > max
            {
                let text = format!("the attempt took {} ms, and at most {} ms are allowed", taken.0, max.0);
                let retry = self.retry.of(RetryPolicy::default());
                return work::Command::Fail { token, code: TIME_LIMIT.to_owned(), text, retry };
            }
            let largest = outputs.iter().map(|output| output.size_bytes).max().unwrap_or_default();
            if let Some(max) = output_bytes_max.filter(|max| largest > *max) {
                let text = format!("a module produced {largest} bytes, and at most {max} are allowed");
                let retry = RetryPolicy::never();
                return work::Command::Fail { token, code: OUTPUT_LIMIT.to_owned(), text, retry };
            }
            command
        })
    }

    /// The ids of the commands that are left out, as far as they are known by them.
    pub(super) fn skipped_ids(&self) -> impl Iterator<Item = Uuid> {
        self.skip.iter().filter_map(|of| match of {
            CommandRef::Id(id) => Some(id.0),
            CommandRef::At(_) => None,
        })
    }

    fn in_work(&self, command: work::Command) -> work::Command {
        match command {
            work::Command::Claim { worker, lease_ms } => {
                work::Command::Claim { worker, lease_ms: self.lease_ms.unwrap_or(lease_ms) }
            }
            work::Command::ExtendLease { token, lease_ms } => {
                work::Command::ExtendLease { token, lease_ms: self.lease_ms.unwrap_or(lease_ms) }
            }
            work::Command::Fail { token, code, text, retry } => {
                work::Command::Fail { token, code, text, retry: self.retry.of(retry) }
            }
            work::Command::Queue { .. }
            | work::Command::Start { .. }
            | work::Command::Complete { .. }
            | work::Command::ReleaseLease { .. }
            | work::Command::Unassign { .. }
            | work::Command::ExpireLease
            | work::Command::Retry
            | work::Command::Hold
            | work::Command::Release => command,
        }
    }

    /// The changed line of the watchdog's policy for a status.
    pub(super) fn policy(&self, status: task::TaskStatus) -> Option<&Policy> {
        self.stuck.iter().find(|policy| policy.status == status)
    }
}

/// What a line of the watchdog's policy asks for a task that it saw.
pub(super) fn asked(policy: &Policy, seen: Seen) -> task::Command {
    let seen = Seen { threshold_ms: policy.threshold_ms, ..seen };
    match policy.target {
        Target::Status(to) => task::Command::Revert { seen, to },
        Target::History => task::Command::MoveToHistory { seen },
    }
}
