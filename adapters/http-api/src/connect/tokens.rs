//! Tokens: each is a statement, signed by this process, that its bearer has proved to have a key. Nothing is kept of them, so
//! there can be any number. Does not know whether the key is still good: whoever reads a token asks the engine.

use std::sync::OnceLock;

use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use domain::names::ApiKeyId;
use domain::time::{Millis, Timestamp};
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;
use uuid::Uuid;

use crate::problem::Problem;

/// How long a token is good for.
pub(super) const LIFETIME: Millis = Millis::from_secs(3_600);
/// What every token begins with, so that people and scanners for lost secrets recognize one.
const PREFIX: &str = "rpt_";
const KEY_BYTES: usize = 32;
const ID_BYTES: usize = 16;
const UNTIL_BYTES: usize = 8;

/// Signs tokens and reads them. The key is made with the first token and never leaves the process.
#[derive(Default)]
pub(crate) struct Tokens {
    key: OnceLock<[u8; KEY_BYTES]>,
}

impl Tokens {
    /// A token for a key.
    pub(super) fn issue(&self, id: ApiKeyId, now: Timestamp) -> Result<String, Problem> {
        let mut fresh = [0; KEY_BYTES];
        getrandom::fill(&mut fresh)
            .map_err(|error| Problem::broken("no_randomness", format!("no token can be made: {error}")))?;
        let key = self.key.get_or_init(|| fresh);
        let mut bytes = id.0.as_bytes().to_vec();
        bytes.extend(now.plus(LIFETIME).as_micros().to_be_bytes());
        let signature = signing(key, &bytes).finalize().into_bytes();
        bytes.extend(signature);
        Ok(format!("{PREFIX}{}", BASE64_URL_SAFE_NO_PAD.encode(bytes)))
    }

    /// The key that a token was given for; nothing when it is none of ours or its time is over.
    pub(crate) fn key_of(&self, token: &str, now: Timestamp) -> Option<ApiKeyId> {
        let bytes = BASE64_URL_SAFE_NO_PAD.decode(token.strip_prefix(PREFIX)?).ok()?;
        let (said, signature) = bytes.split_at_checked(ID_BYTES + UNTIL_BYTES)?;
        // Takes the same time whatever the signature is.
        signing(self.key.get()?, said).verify_slice(signature).ok()?;
        let (id, until) = said.split_at_checked(ID_BYTES)?;
        let until = Timestamp::from_micros(i64::from_be_bytes(until.try_into().ok()?));
        let id = ApiKeyId(Uuid::from_slice(id).ok()?);
        (now < until).then_some(id)
    }
}

fn signing(key: &[u8; KEY_BYTES], said: &[u8]) -> Hmac<Sha256> {
    Hmac::<Sha256>::new_from_slice(key).expect("a key of any length will do").chain_update(said)
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp::from_micros(1_795_304_211_123_456);

    fn id() -> ApiKeyId {
        ApiKeyId(Uuid::from_u128(7))
    }

    #[test]
    fn a_token_says_whose_it_is_for_an_hour_and_no_longer() {
        let tokens = Tokens::default();
        let token = tokens.issue(id(), NOW).unwrap();
        assert_eq!(tokens.key_of(&token, NOW), Some(id()));
        let last = Timestamp::from_micros(NOW.plus(LIFETIME).as_micros() - 1);
        assert_eq!(tokens.key_of(&token, last), Some(id()));
        assert_eq!(tokens.key_of(&token, NOW.plus(LIFETIME)), None);
    }

    #[test]
    fn a_token_that_was_changed_anywhere_is_none() {
        let tokens = Tokens::default();
        let token = tokens.issue(id(), NOW).unwrap();
        for at in PREFIX.len()..token.len() {
            for other in ["A", "B"] {
                let mut changed = token.clone();
                changed.replace_range(at..=at, other);
                assert!(changed == token || tokens.key_of(&changed, NOW).is_none(), "{at}");
            }
        }
        for wrong in ["", PREFIX, "rpt_AAAA", &token[1..], &token[..token.len() - 1]] {
            assert_eq!(tokens.key_of(wrong, NOW), None, "{wrong}");
        }
    }

    #[test]
    fn a_token_of_another_process_is_none() {
        let (tokens, others) = (Tokens::default(), Tokens::default());
        let token = tokens.issue(id(), NOW).unwrap();
        assert_eq!(others.key_of(&token, NOW), None);
        let _theirs = others.issue(id(), NOW).unwrap();
        assert_eq!(others.key_of(&token, NOW), None);
    }
}
