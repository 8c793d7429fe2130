//! Refused accesses: what was asked for without a right to it, one stream for each organization and day.
//!
//! A stream has no state: what was refused changes nothing that is allowed. How often the same refusal is recorded is
//! decided where it is counted, so that nobody can fill the log by knocking. It does not know who may do what.

#[cfg(test)]
mod tests;

use std::net::IpAddr;
use std::num::NonZeroU32;

use serde::{Deserialize, Serialize};

use crate::names::ApiKeyId;

// ── State ──────────────────────────────────────────────────────────────────────────────────────────────────────

/// The refused accesses of one organization and day.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Access;

// ── Commands ───────────────────────────────────────────────────────────────────────────────────────────────────

/// What can be asked of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "name", content = "body")]
pub enum Command {
    /// Keep what was refused.
    #[serde(rename = "record_refusal")]
    RecordRefusal(Refused),
}

// ── Events ─────────────────────────────────────────────────────────────────────────────────────────────────────

/// What happened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// Something was refused.
    Refused(Refused),
}

/// Payload of [`Event::Refused`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Refused {
    /// Why.
    pub cause: Cause,
    /// The key, when a known one was presented.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<ApiKeyId>,
    /// From where, when that is known and counted by itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub address: Option<IpAddr>,
    /// The method of the last refused request.
    pub method: String,
    /// The route of the last refused request, as a template: no names of things.
    pub route: String,
    /// How many refused requests of the same origin this stands for.
    pub count: NonZeroU32,
}

/// Why something was refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Cause {
    /// There was no key.
    NoKey,
    /// There is no such key, or the secret is not its secret.
    UnknownKey,
    /// The key was revoked.
    RevokedKey,
    /// The key has expired.
    ExpiredKey,
    /// The key's role does not have the right.
    NoRight,
}

impl Cause {
    /// The clause for it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::NoKey => "there was no key",
            Self::UnknownKey => "the key is not known",
            Self::RevokedKey => "the key was revoked",
            Self::ExpiredKey => "the key has expired",
            Self::NoRight => "the key's role does not have the right",
        }
    }
}

// ── Decide and evolve ──────────────────────────────────────────────────────────────────────────────────────────

impl Access {
    /// What happens when `command` arrives.
    #[must_use]
    pub fn decide(self, command: &Command) -> Vec<Event> {
        match command {
            Command::RecordRefusal(refused) => vec![Event::Refused(refused.clone())],
        }
    }

    /// The state after `event`.
    #[must_use]
    pub const fn evolve(self, event: &Event) -> Self {
        match event {
            Event::Refused(_) => self,
        }
    }
}

impl Event {
    /// The word for this event, without the aggregate in front.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Refused(_) => "refused",
        }
    }
}
