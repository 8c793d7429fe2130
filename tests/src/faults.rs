//! Trouble on demand: wrappers around real adapters that keep to the contract of their port while they make it hard.
//! Does not know which test wants what.

mod listings;
mod store;
mod views;

use tokio::sync::watch;

pub use listings::SlowListings;
pub use store::{Fault, FaultyStore};
pub use views::SlowViews;

/// Lets everybody pass until it is closed. Clones are the same gate.
#[derive(Debug, Clone)]
pub struct Gate {
    closed: watch::Sender<bool>,
    waiting: watch::Sender<usize>,
}

impl Default for Gate {
    fn default() -> Self {
        Self { closed: watch::Sender::new(false), waiting: watch::Sender::new(0) }
    }
}

impl Gate {
    /// Lets nobody pass from now on.
    pub fn close(&self) {
        self.closed.send_replace(true);
    }

    /// Lets everybody pass who waits.
    pub fn open(&self) {
        self.closed.send_replace(false);
    }

    /// Waits until somebody stands before the closed gate.
    pub async fn somebody_waits(&self) {
        self.so_many_wait(1).await;
    }

    /// Waits until at least so many stand before the closed gate.
    pub async fn so_many_wait(&self, count: usize) {
        let mut waiting = self.waiting.subscribe();
        waiting.wait_for(|waiting| *waiting >= count).await.expect("the gate is still there");
    }

    async fn pass(&self) {
        let mut closed = self.closed.subscribe();
        self.waiting.send_modify(|waiting| *waiting += 1);
        let counted = Counted(&self.waiting);
        closed.wait_for(|closed| !closed).await.expect("the gate is still there");
        drop(counted);
    }
}

/// Somebody before the gate; gone when it is dropped, passed or not.
struct Counted<'a>(&'a watch::Sender<usize>);

impl Drop for Counted<'_> {
    fn drop(&mut self) {
        self.0.send_modify(|waiting| *waiting -= 1);
    }
}
