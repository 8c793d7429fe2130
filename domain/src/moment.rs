//! Moments of the past, as people and programs say them. Does not know what was then.

use std::fmt;
use std::str::FromStr;

use crate::stream::{Position, Version};
use crate::time::Timestamp;

/// A moment. It is over once everything that it includes has happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Moment {
    /// Right after the event of this version of one thing's stream.
    Version(Version),
    /// Right after the event at this position, or the last one before it.
    Position(Position),
    /// After everything that was recorded at this instant or before.
    Instant(Timestamp),
}

impl fmt::Display for Moment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Version(version) => write!(f, "v{version}"),
            Self::Position(position) => write!(f, "p{position}"),
            Self::Instant(instant) => instant.fmt(f),
        }
    }
}

/// The text is not a moment.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "'{0}' is not a moment; send a version of the thing such as v12, a position such as p4711, or an instant such as \
     2026-01-31T12:00:00Z"
)]
pub struct NotAMoment(String);

impl FromStr for Moment {
    type Err = NotAMoment;

    fn from_str(text: &str) -> Result<Self, NotAMoment> {
        let number = |digits: &str| -> Option<u64> {
            let is_digits = digits.bytes().all(|byte| byte.is_ascii_digit());
            digits.parse().ok().filter(|_| is_digits)
        };
        let position = |text: &str| {
            let is_token = text.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.');
            text.parse().ok().filter(|_| is_token).map(Self::Position)
        };
        let moment = match text.split_at_checked(1) {
            Some(("v", version)) => number(version).map(|version| Self::Version(Version(version))),
            Some(("p", token)) => position(token),
            // A position as replies show it.
            Some(_) | None => position(text).or_else(|| text.parse().ok().map(Self::Instant)),
        };
        moment.ok_or_else(|| NotAMoment(text.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_moment_is_a_version_a_position_or_an_instant() {
        let instant = "2026-01-31T12:00:00.000000Z";
        let moments = [
            ("v12", Moment::Version(Version(12))),
            ("p4711", Moment::Position(Position::row(4711))),
            ("p4711.3", Moment::Position(Position { major: 4711, minor: 3 })),
            (instant, Moment::Instant(instant.parse().unwrap())),
        ];
        for (text, moment) in moments {
            assert_eq!(text.parse(), Ok(moment));
            assert_eq!(moment.to_string(), text);
        }
        assert_eq!("4711".parse(), Ok(Moment::Position(Position::row(4711))));
        for wrong in
            ["", "v", "p", "v-1", "v+1", "p+1", "p1.", "12x", "yesterday", "2026-01-31", "V1", "1.2.3"]
        {
            assert!(wrong.parse::<Moment>().is_err(), "{wrong}");
        }
    }
}
