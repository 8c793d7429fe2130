//! An API key: who may ask, in which role, for which organization. The secret itself is never seen here: the digest of a
//! secret is, and whoever presents the secret is compared with it elsewhere.
//!
//! The organization is that of the stream. It does not know how keys are presented, nor what a role may do.

#[cfg(test)]
mod tests;

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::digest::Digest;
use crate::names::KeyName;
use crate::time::{Millis, Timestamp};

/// The longest time for which a replaced secret may stay valid beside the new one: 30 days.
pub const GRACE_MAX: Millis = Millis::from_secs(30 * 24 * 60 * 60);

// ── State ──────────────────────────────────────────────────────────────────────────────────────────────────────

/// Where a key stands.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum ApiKey {
    /// Never issued.
    #[default]
    Absent,
    /// In use.
    Active(Settings),
    /// Revoked, for ever.
    Revoked,
}

/// What is set for a key in use.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// Its name, under which its commands are recorded.
    pub name: KeyName,
    /// What it may do.
    pub role: Role,
    /// The digest of its secret.
    pub secret: Digest,
    /// The secret before the last rotation, while it is still valid.
    pub previous: Option<Previous>,
    /// When it ends by itself.
    pub expires_at: Option<Timestamp>,
}

/// A replaced secret that is still valid for a while.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Previous {
    /// The digest of the secret.
    pub secret: Digest,
    /// Until when it is valid.
    pub until: Timestamp,
}

/// What a key may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// Read.
    Viewer,
    /// Read, and ask for work.
    Operator,
    /// Everything in its organization.
    Admin,
    /// Claim work, read its documents and report on it.
    Worker,
}

impl Role {
    /// Every role.
    pub const ALL: [Self; 4] = [Self::Viewer, Self::Operator, Self::Admin, Self::Worker];

    /// The word for it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Viewer => "viewer",
            Self::Operator => "operator",
            Self::Admin => "admin",
            Self::Worker => "worker",
        }
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// The text is not a role.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("'{0}' is not a role; viewer, operator, admin and worker are")]
pub struct NotARole(String);

impl FromStr for Role {
    type Err = NotARole;

    fn from_str(text: &str) -> Result<Self, NotARole> {
        let role = Self::ALL.into_iter().find(|role| role.name() == text);
        role.ok_or_else(|| NotARole(text.to_owned()))
    }
}

// ── Commands ───────────────────────────────────────────────────────────────────────────────────────────────────

/// What can be asked of a key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "name", content = "body")]
pub enum Command {
    /// Issue it.
    #[serde(rename = "issue")]
    Issue(Issued),
    /// Give it another secret.
    #[serde(rename = "rotate")]
    Rotate {
        /// The digest of the new secret.
        secret: Digest,
        /// For how long the old one stays valid.
        #[serde(default)]
        grace_ms: Millis,
    },
    /// Make it invalid for ever.
    #[serde(rename = "revoke")]
    Revoke,
}

// ── Events ─────────────────────────────────────────────────────────────────────────────────────────────────────

/// What happened to a key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// It was issued.
    Issued(Issued),
    /// It has another secret.
    Rotated(Rotated),
    /// It is invalid for ever.
    Revoked,
}

/// Payload of [`Event::Issued`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Issued {
    /// Its name.
    pub name: KeyName,
    /// What it may do.
    pub role: Role,
    /// The digest of its secret.
    pub secret: Digest,
    /// When it ends by itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<Timestamp>,
}

/// Payload of [`Event::Rotated`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rotated {
    /// The digest of the new secret.
    pub secret: Digest,
    /// The old secret, if it stays valid for a while.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub previous: Option<Previous>,
}

// ── Refusals ───────────────────────────────────────────────────────────────────────────────────────────────────

/// Why a command was not carried out. Nothing was recorded.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// There is one of this id.
    #[error("a key of this id exists; choose another id")]
    AlreadyExists,
    /// There is none of this id.
    #[error("no key of this id exists")]
    DoesNotExist,
    /// It was revoked.
    #[error("the key was revoked; create another one")]
    Revoked,
    /// It has expired.
    #[error("the key expired at {at}; create another one")]
    Expired {
        /// When.
        at: Timestamp,
    },
    /// It would be invalid from the beginning.
    #[error("expires_at is {at}, which is over; choose a later instant")]
    ExpiresInThePast {
        /// The instant that was asked for.
        at: Timestamp,
    },
    /// The old secret would stay valid for too long.
    #[error("the old secret may stay valid for {} milliseconds at most; choose a shorter time", GRACE_MAX.0)]
    GraceTooLong,
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

impl ApiKey {
    /// What happens when `command` arrives at `now`.
    ///
    /// # Errors
    /// [`Refusal`] when the command is not allowed now; an empty list when there is nothing to do.
    pub fn decide(&self, command: &Command, now: Timestamp) -> Result<Vec<Event>, Refusal> {
        match (command, self) {
            (Command::Issue(issued), Self::Absent) => match issued.expires_at {
                Some(at) if at <= now => Err(Refusal::ExpiresInThePast { at }),
                Some(_) | None => Ok(vec![Event::Issued(issued.clone())]),
            },
            (Command::Issue(_), Self::Active(_) | Self::Revoked) => Err(Refusal::AlreadyExists),
            (Command::Rotate { .. } | Command::Revoke, Self::Absent) => Err(Refusal::DoesNotExist),
            (Command::Rotate { secret, .. }, Self::Active(settings)) if *secret == settings.secret => {
                Ok(Vec::new())
            }
            (Command::Rotate { secret, grace_ms }, Self::Active(settings)) => {
                settings.rotate(*secret, *grace_ms, now)
            }
            (Command::Rotate { .. }, Self::Revoked) => Err(Refusal::Revoked),
            (Command::Revoke, Self::Active(_)) => Ok(vec![Event::Revoked]),
            (Command::Revoke, Self::Revoked) => Ok(Vec::new()),
        }
    }

    /// What is set for it, while it is in use.
    #[must_use]
    pub const fn settings(&self) -> Option<&Settings> {
        match self {
            Self::Active(settings) => Some(settings),
            Self::Absent | Self::Revoked => None,
        }
    }
}

impl Settings {
    fn rotate(&self, secret: Digest, grace_ms: Millis, now: Timestamp) -> Result<Vec<Event>, Refusal> {
        if let Some(at) = self.expires_at.filter(|at| *at <= now) {
            return Err(Refusal::Expired { at });
        }
        if grace_ms > GRACE_MAX {
            return Err(Refusal::GraceTooLong);
        }
        let stays = grace_ms > Millis(0);
        let previous = stays.then(|| Previous { secret: self.secret, until: now.plus(grace_ms) });
        Ok(vec![Event::Rotated(Rotated { secret, previous })])
    }

    /// The digests of the secrets that are valid at `now`.
    pub fn secrets(&self, now: Timestamp) -> impl Iterator<Item = &Digest> {
        let previous = self.previous.as_ref().filter(move |previous| now < previous.until);
        std::iter::once(&self.secret).chain(previous.map(|previous| &previous.secret))
    }

    /// Whether it has ended by itself.
    #[must_use]
    pub fn is_expired(&self, now: Timestamp) -> bool {
        self.expires_at.is_some_and(|at| at <= now)
    }
}

// ── Evolve ─────────────────────────────────────────────────────────────────────────────────────────────────────

impl ApiKey {
    /// The state after `event`. No rules here.
    ///
    /// # Errors
    /// [`Impossible`] when no decision can have led from this state to this event.
    pub fn evolve(self, event: &Event) -> Result<Self, Impossible> {
        let impossible = Impossible { state: self.name(), event: event.name() };
        match (event, self) {
            (Event::Issued(Issued { name, role, secret, expires_at }), Self::Absent) => {
                let (name, expires_at) = (name.clone(), *expires_at);
                Ok(Self::Active(Settings { name, role: *role, secret: *secret, previous: None, expires_at }))
            }
            (Event::Rotated(Rotated { secret, previous }), Self::Active(settings)) => {
                Ok(Self::Active(Settings { secret: *secret, previous: *previous, ..settings }))
            }
            (Event::Revoked, Self::Active(_)) => Ok(Self::Revoked),
            (
                Event::Issued(_) | Event::Rotated(_) | Event::Revoked,
                Self::Absent | Self::Active(_) | Self::Revoked,
            ) => Err(impossible),
        }
    }

    const fn name(&self) -> &'static str {
        match self {
            Self::Absent => "absent",
            Self::Active(_) => "active",
            Self::Revoked => "revoked",
        }
    }
}

impl Event {
    /// The word for this event, without the aggregate in front.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Issued(_) => "issued",
            Self::Rotated(_) => "rotated",
            Self::Revoked => "revoked",
        }
    }
}
