//! Closing: the word by which replies end that have no end of their own. Does not know which those are.

use tokio::sync::watch;

/// Says to everybody who writes an endless reply that the server closes. Clones say and hear the same.
#[derive(Debug, Clone)]
pub struct Closing(watch::Sender<bool>);

impl Default for Closing {
    fn default() -> Self {
        Self(watch::Sender::new(false))
    }
}

impl Closing {
    /// Says it.
    pub fn close(&self) {
        self.0.send_replace(true);
    }

    /// Waits until it is said.
    pub(crate) async fn said(&self) {
        let mut closing = self.0.subscribe();
        // The switch is in this very value, so it is not gone.
        drop(closing.wait_for(|said| *said).await);
    }
}
