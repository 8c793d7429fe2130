//! How often a failed attempt is repeated, and after how long. Does not know when it is: the caller adds the delay.

use serde::{Deserialize, Serialize};

use crate::time::Millis;

/// Attempts and backoff of one module.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct RetryPolicy {
    /// How many attempts one request gets, the first included. At least 1.
    pub attempts_max: u32,
    /// The wait after the first failure, in milliseconds; it doubles with each further failure.
    pub backoff_ms: Millis,
    /// The longest wait, in milliseconds.
    pub backoff_ms_max: Millis,
}

impl Default for RetryPolicy {
    fn default() -> Self {
        Self { attempts_max: 3, backoff_ms: Millis(1_000), backoff_ms_max: Millis(300_000) }
    }
}

impl RetryPolicy {
    /// One attempt, no repetition.
    #[must_use]
    pub const fn never() -> Self {
        Self { attempts_max: 1, backoff_ms: Millis(0), backoff_ms_max: Millis(0) }
    }

    /// The wait before the next attempt after `failures` failures in a row, or nothing when no attempt is left.
    #[must_use]
    pub fn delay_after(&self, failures: u32) -> Option<Millis> {
        if failures >= self.attempts_max {
            return None;
        }
        let doublings = failures.saturating_sub(1).min(63);
        Some(Millis(self.backoff_ms.0.saturating_mul(1 << doublings)).min(self.backoff_ms_max))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_wait_doubles_up_to_its_limit_and_ends_with_the_attempts() {
        let policy = RetryPolicy { attempts_max: 5, backoff_ms: Millis(100), backoff_ms_max: Millis(300) };
        let waits: Vec<_> = (1..=5).map(|failures| policy.delay_after(failures)).collect();
        assert_eq!(waits, [Some(Millis(100)), Some(Millis(200)), Some(Millis(300)), Some(Millis(300)), None]);
        assert_eq!(RetryPolicy::never().delay_after(1), None);
    }
}
