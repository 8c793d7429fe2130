//! Ids that are whole numbers from 1 on, since the API of SmartDocumentor has such ids (`reference/smartdocumentor.md`
//! §2). Does not know which of them are taken: see [`crate::ids`].

use std::fmt;
use std::num::{NonZeroU32, NonZeroU64};
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// Why a number or a text cannot be an id of the wanted kind.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("'{text}' is not {kind}; give a whole number from 1 to {max}")]
pub struct InvalidNumber {
    /// What it was meant to be.
    pub kind: &'static str,
    /// What it is.
    pub text: String,
    /// The largest number that is one.
    pub max: u64,
}

/// A number that may be an id.
#[derive(Deserialize)]
#[serde(transparent)]
struct Digits(u64);

/// The largest number that JSON readers of every language take exactly.
const EXACT_MAX: u64 = (1 << 53) - 1;

macro_rules! number {
    ($(#[$doc:meta])* $type:ident, $kind:literal, $number:ident, $inner:ident, $max:expr) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(try_from = "Digits", into = "u64")]
        pub struct $type($inner);

        impl $type {
            /// Takes the number if it is in the range.
            ///
            /// # Errors
            /// [`InvalidNumber`].
            pub fn new(number: $number) -> Result<Self, InvalidNumber> {
                let is_small = u64::from(number) <= $max;
                let inner = $inner::new(number).filter(|_| is_small);
                inner.map(Self).ok_or_else(|| Self::invalid(&number.to_string()))
            }

            /// The number.
            #[must_use]
            pub const fn get(self) -> $number {
                self.0.get()
            }

            fn invalid(text: &str) -> InvalidNumber {
                InvalidNumber { kind: $kind, text: text.to_owned(), max: $max }
            }
        }

        impl fmt::Display for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(&self.0, f)
            }
        }

        impl fmt::Debug for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(&self.0, f)
            }
        }

        impl TryFrom<Digits> for $type {
            type Error = InvalidNumber;

            fn try_from(Digits(digits): Digits) -> Result<Self, InvalidNumber> {
                let number = digits.try_into().map_err(|_| Self::invalid(&digits.to_string()))?;
                Self::new(number)
            }
        }

        impl From<$type> for u64 {
            fn from(id: $type) -> Self {
                Self::from(id.get())
            }
        }

        impl FromStr for $type {
            type Err = InvalidNumber;

            /// Reads the digits as they are written, so that one number has one text.
            fn from_str(text: &str) -> Result<Self, InvalidNumber> {
                let number = text.parse().map_err(|_| Self::invalid(text)).and_then(Self::new)?;
                if number.to_string() == text { Ok(number) } else { Err(Self::invalid(text)) }
            }
        }
    };
}

number!(
    /// Identifies a task, for ever and over all organizations.
    TaskId, "a task id", u64, NonZeroU64, EXACT_MAX
);
number!(
    /// Identifies a workspace.
    WorkspaceId, "a workspace id", u32, NonZeroU32, u32::MAX as u64
);
number!(
    /// Identifies a batch of tasks.
    BatchId, "a batch id", u64, NonZeroU64, EXACT_MAX
);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_is_valid_from_birth_and_has_one_text() {
        assert_eq!("104".parse().map(TaskId::get), Ok(104));
        for text in ["0", "-1", "+1", "01", " 1", "", "1.0", "9007199254740992"] {
            assert!(text.parse::<TaskId>().is_err(), "{text}");
        }
        assert_eq!(
            "4294967296".parse::<WorkspaceId>().unwrap_err().to_string(),
            "'4294967296' is not a workspace id; give a whole number from 1 to 4294967295"
        );
        assert!(BatchId::new(0).is_err());
    }
}
