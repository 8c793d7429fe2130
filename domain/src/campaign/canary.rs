//! The canary: the first keys of a campaign, what may become of them, and what follows. Does not know who counts.

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::Refusal;

/// The keys that go first, the rules that stop the rest, and what follows when none is broken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Canary {
    /// How many keys go first.
    pub size: CanarySize,
    /// What must not become of them.
    #[serde(default)]
    pub stop_when: StopWhen,
    /// What follows when they have settled and no rule is broken.
    #[serde(default)]
    pub then: Then,
}

/// How many keys go first. Only keys count for which something was recorded, not those that waited already.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CanarySize {
    /// So many, at least 1.
    Keys(u32),
    /// So many of a hundred, rounded up; 1 to 100.
    Percent(u8),
}

/// What must not become of a canary. Without any rule it always passes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StopWhen {
    /// More than this share of those that finished or failed have failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failed_share_max: Option<Share>,
    /// More than this share of those that have a result to compare with produced something else.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub changed_share_max: Option<Share>,
}

/// What follows after a canary that has passed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Then {
    /// The campaign goes on by itself.
    #[default]
    Continue,
    /// It waits until somebody resumes it.
    Wait,
}

/// What became of the keys that a campaign asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Tally {
    /// How many it asked for.
    pub asked: u64,
    /// How many finished.
    pub finished: u64,
    /// How many failed with no attempt left.
    pub failed: u64,
    /// How many were withdrawn.
    #[serde(default)]
    pub withdrawn: u64,
    /// How many of the finished produced what they had produced before.
    pub same: u64,
    /// How many of the finished produced something else than before.
    pub changed: u64,
}

/// A rule that a canary broke.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "rule")]
pub enum Broken {
    /// Too many failed.
    FailedShare {
        /// How many failed.
        failed: u64,
        /// Of how many.
        of: u64,
        /// The greatest share allowed.
        share_max: Share,
    },
    /// Too many changed.
    ChangedShare {
        /// How many produced something else.
        changed: u64,
        /// Of how many.
        of: u64,
        /// The greatest share allowed.
        share_max: Share,
    },
}

impl Canary {
    pub(super) const fn check(&self) -> Result<(), Refusal> {
        match self.size {
            CanarySize::Keys(1..) | CanarySize::Percent(1..=100) => Ok(()),
            CanarySize::Keys(0) | CanarySize::Percent(0 | 101..) => Err(Refusal::CanarySize),
        }
    }

    /// How many keys go first, when that follows without knowing how many there are.
    pub(super) fn keys_max(&self, total: Option<u64>) -> Option<u64> {
        match self.size {
            CanarySize::Keys(keys) => Some(keys.into()),
            CanarySize::Percent(percent) => total.map(|total| (total * u64::from(percent)).div_ceil(100)),
        }
    }

    /// The first rule that is broken by what became of its keys.
    pub(super) fn broken_by(&self, tally: &Tally) -> Option<Broken> {
        let StopWhen { failed_share_max, changed_share_max } = self.stop_when;
        let ended = tally.finished + tally.failed;
        let compared = tally.same + tally.changed;
        let failed = failed_share_max
            .filter(|share| share.is_exceeded_by(tally.failed, ended))
            .map(|share_max| Broken::FailedShare { failed: tally.failed, of: ended, share_max });
        let changed = changed_share_max
            .filter(|share| share.is_exceeded_by(tally.changed, compared))
            .map(|share_max| Broken::ChangedShare { changed: tally.changed, of: compared, share_max });
        failed.or(changed)
    }
}

impl Tally {
    /// How many have come to an end.
    #[must_use]
    pub const fn settled(&self) -> u64 {
        self.finished + self.failed + self.withdrawn
    }
}

impl fmt::Display for Broken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::FailedShare { failed, of, share_max } => {
                write!(f, "{failed} of {of} failed, and at most a share of {share_max} may")
            }
            Self::ChangedShare { changed, of, share_max } => {
                write!(f, "{changed} of {of} produced something else, and at most a share of {share_max} may")
            }
        }
    }
}

// ── Share ──────────────────────────────────────────────────────────────────────────────────────────────────────

/// A share of a whole, from 0 to 1, exact to a millionth. Written as a number such as 0.05.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Share {
    millionths: u32,
}

const WHOLE_MILLIONTHS: u32 = 1_000_000;

/// The number is not a share.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[error("{0} is not a share: a number from 0 to 1, such as 0.05")]
pub struct NotAShare(f64);

impl Share {
    /// A share, rounded to a millionth.
    ///
    /// # Errors
    /// [`NotAShare`] when the number is not between 0 and 1.
    pub fn new(share: f64) -> Result<Self, NotAShare> {
        if !(0.0..=1.0).contains(&share) {
            return Err(NotAShare(share));
        }
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "a number from 0 to 1 was checked, so the product is from 0 to a million"
        )]
        let millionths = (share * f64::from(WHOLE_MILLIONTHS)).round() as u32;
        Ok(Self { millionths })
    }

    fn number(self) -> f64 {
        f64::from(self.millionths) / f64::from(WHOLE_MILLIONTHS)
    }

    /// Whether `part` of `whole` is more than this share. Nothing is never too much of nothing.
    fn is_exceeded_by(self, part: u64, whole: u64) -> bool {
        u128::from(part) * u128::from(WHOLE_MILLIONTHS) > u128::from(whole) * u128::from(self.millionths)
    }
}

impl fmt::Display for Share {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.number())
    }
}

impl fmt::Debug for Share {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl Serialize for Share {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_f64(self.number())
    }
}

impl<'de> Deserialize<'de> for Share {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::new(f64::deserialize(deserializer)?).map_err(serde::de::Error::custom)
    }
}
