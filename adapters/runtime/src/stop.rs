//! Stopping: everybody who works in a loop holds a [`Stop`] and ends when it is said. Does not know who they are.

use tokio::sync::watch;

/// How an engine came to its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ShutdownReport {
    /// Whether everything in flight ended by itself within its limit.
    pub in_time: bool,
}

/// Says when to stop.
#[derive(Debug, Clone)]
pub(crate) struct Stop(watch::Receiver<bool>);

/// Lets everybody who holds the [`Stop`] know.
#[derive(Debug)]
pub(crate) struct StopSwitch(watch::Sender<bool>);

impl StopSwitch {
    pub(crate) fn new() -> (Self, Stop) {
        let (sender, receiver) = watch::channel(false);
        (Self(sender), Stop(receiver))
    }

    pub(crate) fn stop(&self) {
        self.0.send_replace(true);
    }
}

impl Stop {
    /// Waits until it is said. A switch that is gone has said it.
    pub(crate) async fn wait(&mut self) {
        // An error means that the switch is gone, which is a stop as well.
        drop(self.0.wait_for(|stopped| *stopped).await);
    }

    pub(crate) fn is_said(&self) -> bool {
        *self.0.borrow()
    }
}
