//! What a service manager such as systemd is told: that the server is ready, that it lives, that it stops. Where there is
//! none, nobody is told anything. Does not know what the server does.

use std::time::Duration;

use sd_notify::NotifyState;
use tokio::task::JoinHandle;
use tokio::time::{MissedTickBehavior, interval};

/// How many signs of life fit into the time after which the service manager takes the server for dead.
const SIGNS_PER_LIMIT: u32 = 2;

/// The service manager that has started this process, if one has.
pub(super) struct ServiceManager {
    signs: Option<JoinHandle<()>>,
}

impl ServiceManager {
    /// Says that the server answers at `url`, and begins to give signs of life if they are wanted.
    pub(super) fn ready(url: &str) -> Self {
        tell(&[NotifyState::Ready, NotifyState::Status(&format!("listening on {url}"))]);
        let signs = sd_notify::watchdog_enabled().map(|limit| tokio::spawn(give_signs(limit)));
        Self { signs }
    }

    /// Says that the server stops. Signs of life go on: stopping takes time.
    pub(super) fn stopping(&self) {
        tell(&[NotifyState::Stopping, NotifyState::Status("finishing what is in flight")]);
    }
}

impl Drop for ServiceManager {
    fn drop(&mut self) {
        if let Some(signs) = &self.signs {
            signs.abort();
        }
    }
}

/// Gives signs of life for as long as tasks are still run here: that is what they prove.
async fn give_signs(limit: Duration) {
    let mut times = interval((limit / SIGNS_PER_LIMIT).max(Duration::from_millis(1)));
    times.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        times.tick().await;
        tell(&[NotifyState::Watchdog]);
    }
}

fn tell(states: &[NotifyState<'_>]) {
    if let Err(error) = sd_notify::notify(states) {
        tracing::warn!(%error, "the service manager cannot be told; look at NOTIFY_SOCKET");
    }
}
