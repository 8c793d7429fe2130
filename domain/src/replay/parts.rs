//! The work in commands and states, whosever it is. Does not know what a replay does with it.

use crate::aggregate::Aggregate;
use crate::envelope::Command;
use crate::key_scope;
use crate::task;
use crate::work::{self, Token};

impl Command {
    /// The same command with another one to the work, if it is one to work.
    pub(super) fn map_work(self, map: impl FnOnce(work::Command) -> work::Command) -> Self {
        if let Self::KeyScope(id, key_scope::Command::Work(command)) = self {
            return Self::KeyScope(id, key_scope::Command::Work(map(command)));
        }
        if let Self::Task(id, task::Command::Work { stage, command }) = self {
            return Self::Task(id, task::Command::Work { stage, command: map(command) });
        }
        self
    }

    /// What it asks of work, if it asks something of it.
    pub(super) const fn asked_of_work(&self) -> Option<&work::Command> {
        if let Self::KeyScope(_, key_scope::Command::Work(command))
        | Self::Task(_, task::Command::Work { stage: _, command }) = self
        {
            return Some(command);
        }
        None
    }
}

impl Aggregate {
    /// The task, when it is one that was created.
    pub(super) fn task(&self) -> Option<&task::Present> {
        match self {
            Self::Task(task) => task.present(),
            Self::StorageUnit(_)
            | Self::KeyScope(_)
            | Self::Record(_)
            | Self::Campaign(_)
            | Self::Workspace(_)
            | Self::Batch(_)
            | Self::ExternalId(_)
            | Self::Ids(_)
            | Self::System(_)
            | Self::ApiKey(_)
            | Self::Access(_) => None,
        }
    }
}

/// The token that a command shows, if it shows one.
pub(super) const fn token(command: &work::Command) -> Option<Token> {
    match command {
        work::Command::Start { token }
        | work::Command::ExtendLease { token, .. }
        | work::Command::Complete { token, .. }
        | work::Command::Fail { token, .. }
        | work::Command::ReleaseLease { token } => Some(*token),
        work::Command::Queue { .. }
        | work::Command::Claim { .. }
        | work::Command::Unassign { .. }
        | work::Command::ExpireLease
        | work::Command::Retry
        | work::Command::Hold
        | work::Command::Release => None,
    }
}

/// The same command with another token in place of the one that it shows.
pub(super) fn with_token(command: work::Command, shown: Token) -> work::Command {
    match command {
        work::Command::Start { token: _ } => work::Command::Start { token: shown },
        work::Command::ExtendLease { token: _, lease_ms } => {
            work::Command::ExtendLease { token: shown, lease_ms }
        }
        work::Command::Complete { token: _, outputs, digest } => {
            work::Command::Complete { token: shown, outputs, digest }
        }
        work::Command::Fail { token: _, code, text, retry } => {
            work::Command::Fail { token: shown, code, text, retry }
        }
        work::Command::ReleaseLease { token: _ } => work::Command::ReleaseLease { token: shown },
        work::Command::Queue { .. }
        | work::Command::Claim { .. }
        | work::Command::Unassign { .. }
        | work::Command::ExpireLease
        | work::Command::Retry
        | work::Command::Hold
        | work::Command::Release => command,
    }
}
