//! The webhook port: the customers' own systems, to which finished tasks are exported. Does not know what is delivered, nor
//! what follows from the answer.

use async_trait::async_trait;

use crate::names::SecretName;
use crate::time::{Millis, Timestamp};

/// Something to be delivered once more or for the first time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Delivery {
    /// Where to, `http://` or `https://`.
    pub url: String,
    /// The secret that signs it; unsigned without one.
    pub secret: Option<SecretName>,
    /// How long everything may take, from the connection to the end of the answer, in milliseconds.
    pub time_limit_ms: Millis,
    /// What it is called: the same each time that the same thing is delivered.
    pub id: String,
    /// When it is sent.
    pub at: Timestamp,
    /// What is sent, as JSON.
    pub body: Vec<u8>,
}

/// What the receiver answered, whatever that means.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeliveryAnswer {
    /// The status of the answer.
    pub status: u16,
    /// The body of the answer, or its beginning when it is long.
    pub body: Vec<u8>,
}

impl DeliveryAnswer {
    /// Whether the receiver has taken it.
    #[must_use]
    pub const fn is_accepted(&self) -> bool {
        matches!(self.status, 200..=299)
    }
}

/// Why there is no answer. Except for the first two, the receiver may have got the delivery.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DeliveryError {
    /// The secret is not there, so nothing was sent.
    #[error("the secret '{name}' that signs the delivery cannot be had: {problem}; nothing was sent")]
    Secret {
        /// Its name.
        name: SecretName,
        /// What is wrong, without any part of a secret.
        problem: String,
    },
    /// The address cannot be used or is not allowed, so nothing was sent.
    #[error("nothing was sent: {0}")]
    Address(String),
    /// The receiver cannot be reached, or broke off.
    #[error("the receiver could not be reached: {0}")]
    Unreachable(String),
    /// The receiver took too long.
    #[error("the receiver did not answer within {} ms", .0.0)]
    TimeLimit(Millis),
}

/// Delivers to webhooks.
#[async_trait]
pub trait Webhooks: Send + Sync {
    /// Delivers once and gives the answer. Follows no redirect: that is an answer as well. When the returned future is
    /// dropped, the receiver may or may not have got it.
    async fn deliver(&self, delivery: Delivery) -> Result<DeliveryAnswer, DeliveryError>;
}
