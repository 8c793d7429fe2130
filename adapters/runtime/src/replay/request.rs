//! What is wanted of a replay, as it is written. Does not know what it will find.

use domain::names::TargetName;
use domain::replay::Changes;
use domain::stream::Position;
use domain::time::Timestamp;
use serde::{Deserialize, Serialize};

use super::sending::Pace;

/// How many findings are listed unless somebody wants more or fewer. All are counted.
pub const FINDINGS_DEFAULT: u32 = 100;
/// How many findings are listed at most.
pub const FINDINGS_MAX: u32 = 10_000;

/// What is wanted.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ReplayRequest {
    /// What to do with the commands.
    pub mode: Mode,
    /// Which commands; all when it says nothing.
    #[serde(default)]
    pub filter: ReplayFilter,
    /// What is otherwise on the fork of [`Mode::WhatIf`].
    #[serde(default)]
    pub changes: Changes,
    /// Where to, and how fast, in [`Mode::Reissue`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reissue: Option<ReissueRequest>,
    /// How many findings are listed at most. All are counted.
    #[serde(default = "findings_default")]
    pub findings_max: u32,
}

/// What is done with recorded commands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Mode {
    /// Decide each again on the state before it, and compare.
    Verify,
    /// Decide all of them on a fork on which something is otherwise, and compare how things end. Changed policies hold
    /// for the commands that the filter chooses; the fork ends where the filter does.
    WhatIf,
    /// Send each to another instance, which becomes the same.
    Reissue,
}

/// Where commands are sent to, and how fast.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ReissueRequest {
    /// The instance, by the name that the configuration has for it.
    pub target: TargetName,
    /// How fast.
    #[serde(default)]
    pub pace: Pace,
}

/// Which commands are meant: those for which everything holds that is said.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ReplayFilter {
    /// A glob that the stream's name matches, such as `key_scope-docs/*`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub streams: Option<String>,
    /// Types of events, such as `key_scope.finished`, or kinds of things, such as `campaign`: the command recorded one
    /// of them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub types: Vec<String>,
    /// Where the command's first event lies.
    #[serde(default)]
    pub positions: Span<Position>,
    /// When the command was decided.
    #[serde(default)]
    pub times: Span<Timestamp>,
}

/// A part of something ordered; both ends belong to it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Span<T> {
    /// Where it begins; from the beginning without it.
    #[serde(default = "none", skip_serializing_if = "Option::is_none")]
    pub from: Option<T>,
    /// Where it ends; at the end without it.
    #[serde(default = "none", skip_serializing_if = "Option::is_none")]
    pub to: Option<T>,
}

impl<T> Default for Span<T> {
    fn default() -> Self {
        Self { from: None, to: None }
    }
}

impl<T: Ord> Span<T> {
    pub(super) fn holds(&self, value: &T) -> bool {
        self.from.as_ref().is_none_or(|from| from <= value) && !self.is_before(value)
    }

    /// Whether it has ended before a value.
    pub(super) fn is_before(&self, value: &T) -> bool {
        self.to.as_ref().is_some_and(|to| to < value)
    }
}

const fn none<T>() -> Option<T> {
    None
}

const fn findings_default() -> u32 {
    FINDINGS_DEFAULT
}
