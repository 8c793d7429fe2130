//! The form in which a key is shown and presented: `rp_ID_SECRET`. Found by its id, proved by its secret. Does not know
//! which keys there are.

use std::fmt::Write as _;

use domain::names::ApiKeyId;

use crate::problem::Problem;

/// What every key begins with, so that people and scanners for lost secrets recognize one.
const PREFIX: &str = "rp_";
/// How many random bytes a secret has: 256 bits, so that it cannot be guessed and its digest not be reversed.
const SECRET_BYTES: usize = 32;

/// A secret: 64 hexadecimal digits.
pub(crate) struct Secret(String);

impl Secret {
    /// A fresh one from the operating system's random source.
    pub(crate) fn fresh() -> Result<Self, Problem> {
        let mut bytes = [0; SECRET_BYTES];
        getrandom::fill(&mut bytes)
            .map_err(|error| Problem::broken("no_randomness", format!("no secret can be made: {error}")))?;
        Ok(Self(bytes.iter().fold(String::with_capacity(2 * SECRET_BYTES), |mut text, byte| {
            // Writing into a string cannot fail.
            let _written = write!(text, "{byte:02x}");
            text
        })))
    }

    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }

    /// The whole key, as its holder presents it.
    pub(crate) fn key(&self, id: ApiKeyId) -> String {
        format!("{PREFIX}{}_{}", id.0.simple(), self.0)
    }
}

/// The id and the secret that a presented key consists of.
pub(crate) fn parse(key: &str) -> Option<(ApiKeyId, &str)> {
    let (id, secret) = key.strip_prefix(PREFIX)?.split_once('_')?;
    Some((id.parse().ok()?, secret))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_falls_apart_into_what_it_was_made_of() {
        let (id, secret) = (ApiKeyId(uuid::Uuid::from_u128(7)), Secret::fresh().unwrap());
        let key = secret.key(id);
        assert_eq!(parse(&key), Some((id, secret.as_str())));
        assert_eq!((key.len(), secret.as_str().len()), (100, 64));
        for wrong in ["", "rp_", "rp_x_y", "sk_00000000000000000000000000000007_y", "rp_7"] {
            assert_eq!(parse(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn no_two_secrets_are_the_same() {
        assert_ne!(Secret::fresh().unwrap().as_str(), Secret::fresh().unwrap().as_str());
    }
}
