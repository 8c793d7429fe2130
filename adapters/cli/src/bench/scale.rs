//! How much is measured. Does not know what.

use std::time::Duration;

use serde::Serialize;

/// A size by name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Size {
    /// A million keys: what the limits are about
    Full,
    /// A hundred thousand keys, in about a minute
    Quick,
    /// Two thousand keys: whether it works at all; its figures say nothing
    Tiny,
}

/// How much is measured.
#[derive(Debug, Clone, Copy, Serialize)]
pub(super) struct Scale {
    /// Keys of the unit that is reprocessed.
    pub(super) keys: u64,
    /// Rounds of what is done one after the other.
    pub(super) rounds: u32,
    /// For how long each raw figure is measured, in milliseconds.
    pub(super) probe_ms: u64,
}

impl Scale {
    pub(super) fn new(size: Size, keys: Option<u64>) -> Self {
        let scale = match size {
            Size::Full => Self { keys: 1_000_000, rounds: 1_000, probe_ms: 3_000 },
            Size::Quick => Self { keys: 100_000, rounds: 500, probe_ms: 1_000 },
            Size::Tiny => Self { keys: 2_000, rounds: 20, probe_ms: 100 },
        };
        Self { keys: keys.unwrap_or(scale.keys), ..scale }
    }

    pub(super) const fn probe(&self) -> Duration {
        Duration::from_millis(self.probe_ms)
    }
}
