//! The timer driver: sends the command of each timer that is due. Does not know the rules: the work decides.

use std::time::Duration;

use domain::process::timers::{self, Due};
use domain::stream::KeyScopeId;
use domain::time::{Millis, Timestamp};

use crate::engine::Engine;
use crate::stop::Stop;

/// How many timers are served at once.
const TIMERS_MAX: usize = 1_000;
/// When a timer is served again whose command could not be sent.
const RETRY_DELAY: Millis = Millis(500);

pub(crate) async fn run(engine: Engine, mut stop: Stop) {
    loop {
        let due = tokio::select! {
            () = stop.wait() => return,
            due = engine.board().next_due(TIMERS_MAX) => due,
        };
        let served = due.into_iter().map(|(id, at, due)| serve(&engine, id, at, due));
        let served = futures::future::join_all(served).await;
        if served.contains(&false) {
            // The timers are set again already; this only keeps a failing store from being asked in a tight loop.
            tokio::time::sleep(Duration::from_millis(RETRY_DELAY.0)).await;
        }
    }
}

async fn serve(engine: &Engine, id: KeyScopeId, at: Timestamp, due: Due) -> bool {
    let command = timers::command(id.clone(), at, due, engine.ids().fresh());
    match engine.submit_patiently(command).await {
        Ok(_) => true,
        Err(error) => {
            tracing::warn!(%error, subject = %id.key, "a timer could not be served; trying again");
            engine.board().set_timer(&id, engine.clock().now().plus(RETRY_DELAY), due).await;
            false
        }
    }
}
