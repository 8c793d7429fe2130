//! Pages of lists: how many items, after which one. Does not know the items.

use std::fmt::Write as _;

use domain::stream::Position;
use serde::Serialize;
use utoipa::ToSchema;

use crate::description::names;
use crate::problem::Problem;
use crate::state::HttpSettings;

/// How many items a page has, unless the request says otherwise.
const LIMIT_DEFAULT: usize = 100;

/// A page as it is sent.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Page<T> {
    /// The items.
    pub(crate) items: Vec<T>,
    /// What to send as `after` for the next page; null when this is the last.
    #[schema(required = true)]
    pub(crate) next: Option<String>,
    /// The position that the items reflect.
    #[schema(value_type = names::Position)]
    pub(crate) position: Position,
}

/// How many items are wanted.
pub(crate) fn limit(text: Option<&str>, settings: &HttpSettings) -> Result<usize, Problem> {
    let max = settings.page_rows_max;
    match text.map(str::parse::<usize>) {
        None => Ok(LIMIT_DEFAULT.min(max)),
        Some(Ok(limit)) if (1..=max).contains(&limit) => Ok(limit),
        Some(Ok(_) | Err(_)) => Err(Problem::bad_request(format!(
            "the query parameter limit must be a whole number between 1 and {max}"
        ))),
    }
}

/// The row key that a cursor stands for.
pub(crate) fn after(cursor: Option<&str>) -> Result<Option<String>, Problem> {
    let Some(cursor) = cursor else { return Ok(None) };
    let pair = |pair: &[u8]| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok();
    let is_hex = cursor.bytes().all(|byte| byte.is_ascii_hexdigit());
    if cursor.is_empty() || cursor.len() % 2 != 0 || !is_hex {
        return Err(bad_cursor());
    }
    let bytes: Option<Vec<u8>> = cursor.as_bytes().chunks_exact(2).map(pair).collect();
    let key = bytes.and_then(|bytes| String::from_utf8(bytes).ok());
    key.map(Some).ok_or_else(bad_cursor)
}

/// What is said of a cursor that no page has given.
pub(crate) fn bad_cursor() -> Problem {
    Problem::bad_request(
        "the query parameter after must be the 'next' of an earlier page; leave it out for the first page",
    )
}

/// The cursor that stands for a row key: hexadecimal, so that no encoding can change it on its way.
pub(crate) fn cursor(key: &str) -> String {
    key.bytes().fold(String::with_capacity(2 * key.len()), |mut cursor, byte| {
        // Writing into a string cannot fail.
        let _written = write!(cursor, "{byte:02x}");
        cursor
    })
}

/// The largest number that a thing on a page can have: the largest that every JSON reader takes for what it is.
pub(crate) const NUMBER_MAX: u64 = (1 << 53) - 1;

/// The number after which a page of numbered things starts.
pub(crate) fn after_number(text: Option<&str>) -> Result<Option<u64>, Problem> {
    let Some(text) = text else { return Ok(None) };
    let is_digits = text.bytes().all(|byte| byte.is_ascii_digit());
    match text.parse() {
        Ok(number @ 0..=NUMBER_MAX) if is_digits => Ok(Some(number)),
        Ok(_) | Err(_) => Err(Problem::bad_request(
            "the query parameter after must be the 'next' of an earlier page, a whole number",
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_gives_back_its_key() {
        let key = "docs/a%20b/p%C3%A4th";
        assert_eq!(after(Some(&cursor(key))), Ok(Some(key.to_owned())));
        assert_eq!(after(None), Ok(None));
        for wrong in ["", "x", "zz", "6", "+1", "ff", "é"] {
            assert!(after(Some(wrong)).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_number_is_one_that_a_page_can_have_given() {
        assert_eq!(after_number(None), Ok(None));
        assert_eq!(after_number(Some("0")), Ok(Some(0)));
        assert_eq!(after_number(Some("9007199254740991")), Ok(Some(NUMBER_MAX)));
        for wrong in ["", "-1", "+1", "1.0", "9007199254740992", "99999999999999999999999"] {
            assert!(after_number(Some(wrong)).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_limit_is_within_its_range() {
        let settings = HttpSettings { page_rows_max: 50, ..HttpSettings::default() };
        assert_eq!(limit(None, &settings), Ok(50));
        assert_eq!(limit(Some("7"), &settings), Ok(7));
        for wrong in ["0", "51", "-1", "abc", "", "99999999999999999999999"] {
            assert!(limit(Some(wrong), &settings).is_err(), "{wrong}");
        }
    }
}
