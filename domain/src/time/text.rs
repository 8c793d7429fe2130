//! The one form in which instants are written, `2026-01-31T12:00:00.000000Z`, read and written digit by digit: every event and
//! every row has some. Does not know the other forms of RFC 3339.

use std::fmt;

use chrono::{Datelike as _, NaiveDate, NaiveDateTime, Timelike as _};

/// What stands where in the text, with zeros for the digits.
const FORM: [u8; 27] = *b"0000-00-00T00:00:00.000000Z";

/// Writes an instant of a year between 0 and 9999.
pub(super) fn write(instant: &NaiveDateTime, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    let mut text = FORM;
    let year = instant.year().unsigned_abs();
    let numbers = [
        (0..4, year),
        (5..7, instant.month()),
        (8..10, instant.day()),
        (11..13, instant.hour()),
        (14..16, instant.minute()),
        (17..19, instant.second()),
        (20..26, instant.nanosecond() / 1_000),
    ];
    for (place, number) in numbers {
        let mut rest = number;
        for digit in text.get_mut(place).into_iter().flatten().rev() {
            *digit += u8::try_from(rest % 10).unwrap_or_default();
            rest /= 10;
        }
    }
    f.write_str(std::str::from_utf8(&text).map_err(|_| fmt::Error)?)
}

/// Reads an instant; nothing when the text has another form, which may be valid all the same.
pub(super) fn read(text: &str) -> Option<NaiveDateTime> {
    let bytes: &[u8; 27] = text.as_bytes().try_into().ok()?;
    let fits = |(byte, form): (&u8, &u8)| if *form == b'0' { byte.is_ascii_digit() } else { byte == form };
    if !bytes.iter().zip(&FORM).all(fits) {
        return None;
    }
    let number = |place: std::ops::Range<usize>| {
        bytes.get(place).into_iter().flatten().fold(0, |sum, digit| 10 * sum + u32::from(digit - b'0'))
    };
    let date = NaiveDate::from_ymd_opt(number(0..4).cast_signed(), number(5..7), number(8..10))?;
    date.and_hms_micro_opt(number(11..13), number(14..16), number(17..19), number(20..26))
}

#[cfg(test)]
mod tests {
    use chrono::{DateTime, SecondsFormat, Utc};
    use proptest::prelude::*;

    use super::super::Timestamp;

    proptest! {
        #[test]
        fn instants_are_written_as_the_library_writes_them_and_read_back(micros in 0..=Timestamp::MAX.0) {
            let written = Timestamp(micros).to_string();
            let instant = DateTime::<Utc>::from_timestamp_micros(micros).unwrap();
            prop_assert_eq!(&written, &instant.to_rfc3339_opts(SecondsFormat::Micros, true));
            prop_assert_eq!(super::read(&written), Some(instant.naive_utc()));
        }

        #[test]
        fn what_is_read_here_is_what_the_library_reads(text in "20[0-9]{2}-[01][0-9]-[0-3][0-9]T[0-2][0-9]:[0-6][0-9]:[0-6][0-9]\\.[0-9]{6}Z") {
            let library = DateTime::parse_from_rfc3339(&text).map(|instant| instant.timestamp_micros());
            prop_assert_eq!(text.parse::<Timestamp>().ok(), library.ok().map(Timestamp));
        }
    }
}
