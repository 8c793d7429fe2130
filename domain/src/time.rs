//! Instants and spans as the log stores them. Does not know how to read a clock: see [`crate::ports::Clock`].

mod text;

use std::fmt;
use std::str::FromStr;

use chrono::{DateTime, Datelike as _, NaiveDate, SecondsFormat, TimeZone, Utc};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::text::parsed;

/// An instant in whole microseconds since the Unix epoch, written as RFC 3339 in UTC.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Timestamp(i64);

impl Timestamp {
    /// The instant `micros` microseconds after the Unix epoch.
    #[must_use]
    pub const fn from_micros(micros: i64) -> Self {
        Self(micros)
    }

    /// Microseconds since the Unix epoch.
    #[must_use]
    pub const fn as_micros(self) -> i64 {
        self.0
    }

    /// The last instant: the end of the year 9999, after which RFC 3339 has no texts.
    pub const MAX: Self = Self(253_402_300_799_999_999);

    /// This instant plus a span; stays at [`Timestamp::MAX`] instead of passing it.
    #[must_use]
    pub const fn plus(self, span: Millis) -> Self {
        let micros = self.0.saturating_add_unsigned(span.0.saturating_mul(1_000));
        if micros > Self::MAX.0 { Self::MAX } else { Self(micros) }
    }

    /// The span from `earlier` to this instant, zero when `earlier` is later.
    #[must_use]
    pub fn since(self, earlier: Self) -> Millis {
        Millis(u64::try_from(self.0.saturating_sub(earlier.0)).map_or(0, |micros| micros / 1_000))
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match Utc.timestamp_micros(self.0).single() {
            Some(instant) if (0..=9_999).contains(&instant.year()) => text::write(&instant.naive_utc(), f),
            Some(instant) => f.write_str(&instant.to_rfc3339_opts(SecondsFormat::Micros, true)),
            None => write!(f, "{}us", self.0),
        }
    }
}

/// The text is not an RFC 3339 instant.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("'{0}' is not an RFC 3339 instant such as 2026-01-31T12:00:00Z")]
pub struct NotAnInstant(String);

impl FromStr for Timestamp {
    type Err = NotAnInstant;

    fn from_str(text: &str) -> Result<Self, NotAnInstant> {
        if let Some(instant) = text::read(text) {
            return Ok(Self(instant.and_utc().timestamp_micros()));
        }
        DateTime::parse_from_rfc3339(text)
            .map(|instant| Self(instant.timestamp_micros()))
            .map_err(|_| NotAnInstant(text.to_owned()))
    }
}

impl Serialize for Timestamp {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Timestamp {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        parsed(deserializer)
    }
}

/// A day in UTC, written `2026-01-31`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Day(NaiveDate);

impl Day {
    /// The day in which an instant lies.
    #[must_use]
    pub fn of(instant: Timestamp) -> Self {
        let instant = Utc.timestamp_micros(instant.0).single();
        Self(instant.map_or(NaiveDate::default(), |instant| instant.date_naive()))
    }
}

impl fmt::Display for Day {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

/// The text is not a day.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("'{0}' is not a day such as 2026-01-31")]
pub struct NotADay(String);

impl FromStr for Day {
    type Err = NotADay;

    fn from_str(text: &str) -> Result<Self, NotADay> {
        text.parse().map(Self).map_err(|_| NotADay(text.to_owned()))
    }
}

/// A span in whole milliseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Millis(pub u64);

impl Millis {
    /// The span of `seconds` seconds.
    #[must_use]
    pub const fn from_secs(seconds: u64) -> Self {
        Self(seconds.saturating_mul(1_000))
    }

    /// Half of this span, rounded down.
    #[must_use]
    pub const fn half(self) -> Self {
        Self(self.0 / 2)
    }

    /// The same span as the standard library's type.
    #[must_use]
    pub const fn as_duration(self) -> std::time::Duration {
        std::time::Duration::from_millis(self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_day_is_that_of_its_instants_and_survives_its_text() {
        let instant = |text: &str| Day::of(text.parse().unwrap());
        let day = instant("2026-01-31T23:59:59Z");
        assert_eq!((day.to_string().as_str(), day.to_string().parse()), ("2026-01-31", Ok(day)));
        assert_eq!(instant("2026-01-31T00:00:00Z"), day);
        assert_ne!(instant("2026-02-01T00:00:00Z"), day);
        assert!("yesterday".parse::<Day>().is_err());
    }

    #[test]
    fn an_instant_survives_its_text() {
        let instant = Timestamp::from_micros(1_795_304_211_123_456);
        assert_eq!(instant.to_string(), "2026-11-21T23:36:51.123456Z");
        assert_eq!(instant.to_string().parse(), Ok(instant));
    }

    #[test]
    fn the_farthest_deadline_can_still_be_written_and_read() {
        let deadline = Timestamp::from_micros(1_795_304_211_123_456).plus(Millis(u64::MAX));
        assert_eq!(deadline, Timestamp::MAX);
        assert_eq!(deadline.to_string(), "9999-12-31T23:59:59.999999Z");
        assert_eq!(deadline.to_string().parse(), Ok(deadline));
    }
}
