//! Heads, and who signs them. Does not know how a head is made.

use std::fmt;
use std::str::FromStr;

use domain::stream::Position;
use domain::time::Timestamp;
use ed25519_dalek::{Signature, Signer as _, SigningKey, VerifyingKey};

use super::chain::{Hash, hexadecimal};
use crate::cloud_events::LogId;

/// What a log amounts to up to a position.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Head {
    /// The log.
    pub log: LogId,
    /// The position of its last event.
    pub position: Position,
    /// The hash over all of it.
    pub hash: Hash,
}

impl Head {
    /// What is signed: four lines of text, which any tool can make and check.
    fn statement(&self, recorded_at: Timestamp) -> String {
        let Self { log, position, hash } = self;
        format!("reprise log head\n{log}\n{position} {hash}\n{recorded_at}\n")
    }
}

/// The text is not a key.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("a key is 64 lower-case hexadecimal digits; 'reprise integrity key' makes one")]
pub struct NotAKey;

/// A signature does not belong to what it is said to sign.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the signature does not belong to this head and this key")]
pub struct BadSignature;

/// An Ed25519 public key, written as 64 lower-case hexadecimal digits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PublicKey([u8; 32]);

impl fmt::Display for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&Hash(self.0), f)
    }
}

impl FromStr for PublicKey {
    type Err = NotAKey;

    fn from_str(text: &str) -> Result<Self, NotAKey> {
        hexadecimal(text).map(Self).ok_or(NotAKey)
    }
}

/// Signs heads: an Ed25519 key. Its secret is never shown.
#[derive(Clone)]
pub struct Signer(SigningKey);

impl fmt::Debug for Signer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Signer({})", self.public_key())
    }
}

impl Signer {
    /// The key with this secret.
    #[must_use]
    pub fn new(secret: [u8; 32]) -> Self {
        Self(SigningKey::from_bytes(&secret))
    }

    /// The key whose secret is written as 64 lower-case hexadecimal digits.
    ///
    /// # Errors
    /// [`NotAKey`].
    pub fn parse(text: &str) -> Result<Self, NotAKey> {
        hexadecimal(text.trim()).map(Self::new).ok_or(NotAKey)
    }

    /// By what others know it.
    #[must_use]
    pub fn public_key(&self) -> PublicKey {
        PublicKey(self.0.verifying_key().to_bytes())
    }

    /// Signs a head, whose last event was recorded at that instant.
    #[must_use]
    pub fn sign(&self, head: &Head, recorded_at: Timestamp) -> HeadSignature {
        let signature = self.0.sign(head.statement(recorded_at).as_bytes());
        HeadSignature { public_key: self.public_key(), recorded_at, signature: signature.to_bytes() }
    }
}

/// That somebody stands for a head.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HeadSignature {
    /// Who.
    pub public_key: PublicKey,
    /// When the head's last event was recorded.
    pub recorded_at: Timestamp,
    pub(super) signature: [u8; 64],
}

impl HeadSignature {
    /// A signature as it was shown.
    ///
    /// # Errors
    /// [`BadSignature`] when it is not 128 lower-case hexadecimal digits.
    pub fn parse(public_key: PublicKey, recorded_at: Timestamp, text: &str) -> Result<Self, BadSignature> {
        let signature = hexadecimal(text).ok_or(BadSignature)?;
        Ok(Self { public_key, recorded_at, signature })
    }

    /// The signature itself, as 128 hexadecimal digits.
    #[must_use]
    pub fn text(&self) -> String {
        self.signature.iter().map(|byte| format!("{byte:02x}")).collect()
    }

    /// Makes sure that it belongs to a head.
    ///
    /// # Errors
    /// [`BadSignature`].
    pub fn check(&self, head: &Head) -> Result<(), BadSignature> {
        let key = VerifyingKey::from_bytes(&self.public_key.0).map_err(|_| BadSignature)?;
        let signature = Signature::from_bytes(&self.signature);
        let statement = head.statement(self.recorded_at);
        key.verify_strict(statement.as_bytes(), &signature).map_err(|_| BadSignature)
    }
}
