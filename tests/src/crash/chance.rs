//! Chance that can be repeated: numbers that follow from a seed. Does not know what they decide.

use std::time::{SystemTime, UNIX_EPOCH};

/// A source of numbers (SplitMix64).
#[derive(Debug, Clone)]
pub struct Chance(u64);

impl Chance {
    /// The source that follows from a seed.
    #[must_use]
    pub const fn from_seed(seed: u64) -> Self {
        Self(seed)
    }

    /// A number below `end`, which is at least 1.
    pub fn below(&mut self, end: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) % end
    }

    /// Another source that follows from this one.
    #[must_use]
    pub fn split(&mut self) -> Self {
        Self(self.below(u64::MAX))
    }
}

/// The number in an environment variable, or else the one given.
///
/// # Panics
/// When the variable is set to something else.
#[must_use]
pub fn number_from(variable: &str, otherwise: u64) -> u64 {
    match std::env::var(variable) {
        Ok(text) => text.parse().expect("the variable is set to a whole number"),
        Err(_) => otherwise,
    }
}

/// A seed that no other run has, unless `REPRISE_CRASH_SEED` says which; printed, so that a run can be repeated as
/// far as chance goes.
///
/// # Panics
/// When the variable is no number.
#[must_use]
pub fn seed() -> u64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_nanos();
    let seed = number_from("REPRISE_CRASH_SEED", u64::try_from(now % u128::from(u64::MAX)).unwrap_or(1));
    report(&format!("REPRISE_CRASH_SEED={seed}"));
    seed
}

/// Says something to whoever reads the test's output.
#[expect(clippy::print_stderr, reason = "this is the output of a test")]
pub fn report(what: &str) {
    eprintln!("{what}");
}
