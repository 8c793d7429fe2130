//! How much is measured. Does not know what.

use std::time::Duration;

use serde::Serialize;

/// A size by name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Size {
    /// A million keys and ten million events: what the limits are about; an hour and more
    Full,
    /// A hundred thousand keys and half a million events, in a few minutes
    Quick,
    /// Two thousand keys: whether it works at all; its figures say nothing
    Tiny,
}

/// What is asked for in place of what the size says.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Instead {
    pub(super) keys: Option<u64>,
    pub(super) events: Option<u64>,
    pub(super) overload_s: Option<u32>,
}

/// How much is measured.
#[derive(Debug, Clone, Copy, Serialize)]
pub(super) struct Scale {
    /// Keys of the unit that is reprocessed, and tasks.
    pub(super) keys: u64,
    /// Events of the history that is folded, rebuilt, verified, and that a server starts over.
    pub(super) events: u64,
    /// Rounds of what is done one after the other.
    pub(super) rounds: u32,
    /// For how long each raw figure, and what is compared with it, is measured, in milliseconds.
    pub(super) probe_ms: u64,
    /// For how long a server is given twice of what it can do, in seconds.
    pub(super) overload_s: u32,
}

impl Scale {
    pub(super) fn new(size: Size, instead: Instead) -> Self {
        let scale = match size {
            Size::Full => {
                Self { keys: 1_000_000, events: 10_000_000, rounds: 1_000, probe_ms: 3_000, overload_s: 600 }
            }
            Size::Quick => {
                Self { keys: 100_000, events: 500_000, rounds: 500, probe_ms: 1_000, overload_s: 20 }
            }
            Size::Tiny => Self { keys: 2_000, events: 4_000, rounds: 20, probe_ms: 100, overload_s: 1 },
        };
        Self {
            keys: instead.keys.unwrap_or(scale.keys),
            events: instead.events.unwrap_or(scale.events),
            overload_s: instead.overload_s.unwrap_or(scale.overload_s),
            ..scale
        }
    }

    pub(super) const fn probe(&self) -> Duration {
        Duration::from_millis(self.probe_ms)
    }
}
