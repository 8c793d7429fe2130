//! A record: one key of a storage unit, and which content each of its scopes holds.
//!
//! Only content that the engine itself keeps has records: what was written over the API, and what modules produced.
//! The bytes lie in the content store under their digest; the record says which of them count. Source of the rules:
//! `reference/stager.md` §1 and §4. It does not know the bytes.

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::digest::Digest;
use crate::names::Scope;

// ── State ──────────────────────────────────────────────────────────────────────────────────────────────────────

/// Where a record stands: absent while it has no scope.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Record {
    /// The version of the last accepted write; 0 while the record is absent.
    pub version: u64,
    /// What each scope holds.
    pub scopes: BTreeMap<Scope, Stored>,
}

/// Content of one scope.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stored {
    /// The digest of the bytes, which is also where they lie.
    pub digest: Digest,
    /// How many bytes.
    pub size_bytes: u64,
}

/// The version that a new record gets when the writer names none (`reference/stager.md` §1, `putFile`).
pub const VERSION_DEFAULT: u64 = 1;
/// The most scopes of one record.
pub const SCOPES_MAX: usize = 256;

// ── Commands ───────────────────────────────────────────────────────────────────────────────────────────────────

/// What can be asked of a record.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "name", content = "body")]
pub enum Command {
    /// Set the content of a scope.
    #[serde(rename = "write")]
    Write {
        /// The scope.
        scope: Scope,
        /// What it holds.
        stored: Stored,
        /// The writer's version; without one the write is never older than what is there.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        version: Option<u64>,
        /// What is allowed to be there before.
        policy: WritePolicy,
    },
    /// Remove a scope, or all of them.
    #[serde(rename = "delete")]
    Delete {
        /// The scope; nothing means the whole record.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        scope: Option<Scope>,
        /// The writer's version; without one the deletion is never older than what is there.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        version: Option<u64>,
        /// Whether there must be something to delete.
        policy: DeletePolicy,
    },
}

/// What a write allows to be there before (`reference/stager.md` §4).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum WritePolicy {
    /// Only an absent key.
    New,
    /// Anything; the record's other scopes are dropped.
    Overwrite,
    /// Anything; the record's other scopes stay.
    Merge,
}

/// Whether there must be something to delete (`reference/stager.md` §4).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum DeletePolicy {
    /// Deleting nothing succeeds.
    #[serde(rename = "silent")]
    Silent,
    /// Deleting nothing is an error.
    #[serde(rename = "mustexist")]
    MustExist,
}

// ── Events ─────────────────────────────────────────────────────────────────────────────────────────────────────

/// What happened to a record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// A scope has new content.
    ScopeWritten(ScopeWritten),
    /// A scope is gone.
    ScopeDeleted(ScopeDeleted),
    /// The whole record is gone.
    Deleted,
}

/// Payload of [`Event::ScopeWritten`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ScopeWritten {
    /// The scope.
    pub scope: Scope,
    /// What it holds.
    #[serde(flatten)]
    pub stored: Stored,
    /// The record's version from now on.
    pub version: u64,
    /// Whether the record's other scopes were dropped.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub overwrote: bool,
}

/// Payload of [`Event::ScopeDeleted`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ScopeDeleted {
    /// The scope.
    pub scope: Scope,
}

// ── Refusals ───────────────────────────────────────────────────────────────────────────────────────────────────

/// Why a command was not carried out. Nothing was recorded.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// The stored record is newer than the write.
    #[error("the stored record has version {stored}, which is higher than {sent}; read it and write again")]
    NewerVersionExists {
        /// The stored version.
        stored: u64,
        /// The version sent.
        sent: u64,
    },
    /// The policy wants an absent key.
    #[error("the key exists and the policy is 'new'; use 'merge' or 'overwrite'")]
    KeyExists,
    /// The policy wants something to delete.
    #[error("there is nothing to delete and the policy is 'mustexist'; use 'silent'")]
    NothingToDelete,
    /// The record has too many scopes.
    #[error("a record may have {SCOPES_MAX} scopes; delete one first")]
    TooManyScopes,
}

// ── Decide and evolve ──────────────────────────────────────────────────────────────────────────────────────────

impl Record {
    /// What happens when `command` arrives.
    ///
    /// # Errors
    /// [`Refusal`] when the command is not allowed now; an empty list when there is nothing to do.
    pub fn decide(&self, command: &Command) -> Result<Vec<Event>, Refusal> {
        match command {
            Command::Write { scope, stored, version, policy } => {
                self.write(scope, *stored, *version, *policy)
            }
            Command::Delete { scope, version, policy } => self.delete(scope.as_ref(), *version, *policy),
        }
    }

    /// Whether the record has no scope.
    #[must_use]
    pub fn is_absent(&self) -> bool {
        self.scopes.is_empty()
    }

    fn write(
        &self,
        scope: &Scope,
        stored: Stored,
        version: Option<u64>,
        policy: WritePolicy,
    ) -> Result<Vec<Event>, Refusal> {
        self.check_version(version)?;
        if policy == WritePolicy::New && !self.is_absent() {
            return Err(Refusal::KeyExists);
        }
        let overwrote = policy == WritePolicy::Overwrite;
        if !overwrote && self.scopes.len() >= SCOPES_MAX && !self.scopes.contains_key(scope) {
            return Err(Refusal::TooManyScopes);
        }
        let version = version.unwrap_or(if self.is_absent() { VERSION_DEFAULT } else { self.version });
        Ok(vec![Event::ScopeWritten(ScopeWritten { scope: scope.clone(), stored, version, overwrote })])
    }

    fn delete(
        &self,
        scope: Option<&Scope>,
        version: Option<u64>,
        policy: DeletePolicy,
    ) -> Result<Vec<Event>, Refusal> {
        let is_there = scope.map_or(!self.is_absent(), |scope| self.scopes.contains_key(scope));
        match (is_there, policy) {
            (false, DeletePolicy::Silent) => return Ok(Vec::new()),
            (false, DeletePolicy::MustExist) => return Err(Refusal::NothingToDelete),
            (true, DeletePolicy::Silent | DeletePolicy::MustExist) => self.check_version(version)?,
        }
        match scope {
            Some(scope) if self.scopes.len() > 1 => {
                Ok(vec![Event::ScopeDeleted(ScopeDeleted { scope: scope.clone() })])
            }
            Some(_) | None => Ok(vec![Event::Deleted]),
        }
    }

    fn check_version(&self, sent: Option<u64>) -> Result<(), Refusal> {
        match sent {
            Some(sent) if !self.is_absent() && self.version > sent => {
                Err(Refusal::NewerVersionExists { stored: self.version, sent })
            }
            Some(_) | None => Ok(()),
        }
    }

    /// The state after `event`. Every event can follow every state.
    #[must_use]
    pub fn evolve(mut self, event: &Event) -> Self {
        match event {
            Event::ScopeWritten(written) => {
                if written.overwrote {
                    self.scopes.clear();
                }
                self.scopes.insert(written.scope.clone(), written.stored);
                self.version = written.version;
                self
            }
            Event::ScopeDeleted(deleted) => {
                self.scopes.remove(&deleted.scope);
                self
            }
            Event::Deleted => Self::default(),
        }
    }
}

impl Event {
    /// The word for this event, without the aggregate in front.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::ScopeWritten(_) => "scope_written",
            Self::ScopeDeleted(_) => "scope_deleted",
            Self::Deleted => "deleted",
        }
    }
}
