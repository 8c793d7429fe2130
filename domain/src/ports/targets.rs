//! The target port: other instances, to which recorded commands are sent so that they become the same. Which ones there are
//! says the configuration and nobody else, so that nobody can have this one send anything anywhere. Does not know what is
//! sent, nor when.

use std::sync::Arc;

use async_trait::async_trait;

use crate::names::TargetName;

/// The instances that recorded commands may be sent to.
#[async_trait]
pub trait Targets: Send + Sync {
    /// Their names, in order.
    fn names(&self) -> Vec<TargetName>;

    /// The instance of this name; nothing when there is none.
    ///
    /// # Errors
    /// [`SendError`] when there is one that cannot be used. Nothing was sent.
    async fn target(&self, name: &TargetName) -> Result<Option<Arc<dyn Target>>, SendError>;
}

/// An instance that takes recorded commands.
#[async_trait]
pub trait Target: Send + Sync {
    /// Sends commands in the form in which they are posted, a line each, and gives what became of them, in their order.
    /// When the returned future is dropped or fails, some of them may have been carried out: they are found to be there
    /// when they are sent again.
    ///
    /// # Errors
    /// [`SendError`] when it did not answer each of them.
    async fn send(&self, lines: Vec<u8>) -> Result<Vec<Sent>, SendError>;
}

/// What became of a recorded command at a target.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Sent {
    /// It was carried out.
    CarriedOut,
    /// It is there already.
    ThereAlready,
    /// It is refused, and would be again.
    Refused(String),
    /// It could not be carried out now.
    Failed(String),
}

/// Why a target did not take what was sent.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SendError {
    /// It cannot be reached, broke off, or cannot do it now: send again later.
    #[error("the target does not take commands now: {0}")]
    Unavailable(String),
    /// It does not want this sender, or is none: sending again does not help.
    #[error("the target takes no commands from here: {0}")]
    Refused(String),
}

/// Nothing may be sent anywhere.
#[derive(Debug, Clone, Copy, Default)]
pub struct NoTargets;

#[async_trait]
impl Targets for NoTargets {
    fn names(&self) -> Vec<TargetName> {
        Vec::new()
    }

    async fn target(&self, _: &TargetName) -> Result<Option<Arc<dyn Target>>, SendError> {
        Ok(None)
    }
}
