//! A campaign's canary as its row shows it. Does not know when a canary passes: the campaign does.

use domain::campaign::{Broken, Canary, CanarySize, CanaryStopped, Tally};
use serde::{Deserialize, Serialize};

/// The keys that go first, and what became of them.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CanaryRow {
    /// What was asked for.
    #[serde(flatten)]
    pub canary: Canary,
    /// How many keys go first, when that is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub keys: Option<u64>,
    /// Where it stands.
    pub state: CanaryState,
    /// What had become of it when it was judged.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tally: Option<Tally>,
    /// The rule that it broke.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub broken: Option<Broken>,
}

/// Where a canary stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CanaryState {
    /// Its keys are asked for, or not settled yet.
    Running,
    /// It broke no rule.
    Passed,
    /// It broke a rule.
    Stopped,
    /// It broke a rule, and somebody let the campaign go on all the same.
    Overruled,
}

impl CanaryRow {
    pub(super) fn new(canary: Canary, total: Option<u64>) -> Self {
        let keys = match (canary.size, total) {
            (CanarySize::Keys(keys), None) => Some(keys.into()),
            (CanarySize::Keys(keys), Some(total)) => Some(total.min(keys.into())),
            (CanarySize::Percent(_), None) => None,
            (CanarySize::Percent(percent), Some(total)) => Some((total * u64::from(percent)).div_ceil(100)),
        };
        Self { canary, keys, state: CanaryState::Running, tally: None, broken: None }
    }

    pub(super) fn passed(self, tally: Tally) -> Self {
        Self { state: CanaryState::Passed, tally: Some(tally), ..self }
    }

    pub(super) fn stopped(self, stopped: &CanaryStopped) -> Self {
        let (tally, broken) = (Some(stopped.tally), Some(stopped.broken));
        Self { state: CanaryState::Stopped, tally, broken, ..self }
    }

    pub(super) fn overruled(self) -> Self {
        Self { state: CanaryState::Overruled, ..self }
    }
}
