//! `reprise health`: whether a server is ready for work. For people, and for whatever watches over it.

use std::time::Duration;

use serde_json::Value;

use super::{cell, show};
use crate::args::{Global, HealthOptions};
use crate::client::Client;
use crate::config::Config;
use crate::exit::{CliError, Exit};
use crate::output;
use crate::serve::ServerFile;

/// Asks the server that was named, or the one that has the data folder. Never opens the folder itself: without a server
/// nothing is ready.
pub(crate) async fn run(global: &Global, config: &Config, options: HealthOptions) -> Result<Exit, CliError> {
    if global.server.is_none() && ServerFile::read(&config.data_dir).is_none() {
        return Err(CliError::Unavailable(format!(
            "no server has the data folder {}; start one with 'reprise serve', or name one with --server",
            config.data_dir.display()
        )));
    }
    let client = Client::of_server(global, config)?;
    let limit = Duration::from_secs(options.time_limit);
    let answer = tokio::time::timeout(limit, client.readiness()).await;
    let (ready, reply) = answer.map_err(|_elapsed| {
        CliError::Unavailable(format!("the server has not answered within {} s", options.time_limit))
    })??;
    show(global, &reply, |_| {
        if ready {
            output::line("ready");
        }
    });
    if ready { Ok(Exit::Done) } else { Err(CliError::Unavailable(why_not(&reply))) }
}

/// Why a server is not ready, from what it says of itself.
fn why_not(reply: &Value) -> String {
    let store = cell(reply, "/store");
    if store == "ok" {
        format!(
            "the server is not ready: its views are {} events behind the log; wait for them",
            cell(reply, "/projections/lag_events")
        )
    } else {
        format!("the server is not ready: its log cannot be read: {store}")
    }
}
