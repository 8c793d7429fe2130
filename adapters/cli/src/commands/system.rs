//! `reprise system`: whether leases are given at all.

use hyper::Method;
use serde_json::{Value, json};

use super::{cell, show, with_client};
use crate::args::{Global, SystemCommand};
use crate::config::Config;
use crate::exit::{CliError, Exit};
use crate::output;

pub(crate) async fn run(global: &Global, config: &Config, command: SystemCommand) -> Result<Exit, CliError> {
    let (path, body) = match command {
        SystemCommand::Explain => return super::explain::of(global, config, "/v1/system").await,
        SystemCommand::Show(at) => (at.of("/v1/system"), None),
        SystemCommand::Pause { reason } => ("/v1/system/pause".to_owned(), Some(json!({ "reason": reason }))),
        SystemCommand::Resume { reason } => {
            ("/v1/system/resume".to_owned(), Some(json!({ "reason": reason })))
        }
    };
    with_client(global, config, async |client| {
        let reply = match &body {
            None => client.get(&path).await?,
            Some(body) => client.send(Method::POST, &path, body).await?,
        };
        Ok(show(global, &reply, |reply| output::line(&state(reply))))
    })
    .await
}

/// Where the system stands, as a sentence.
fn state(reply: &Value) -> String {
    if reply.get("paused").and_then(Value::as_bool) == Some(true) {
        return paused(reply);
    }
    match reply.get("since") {
        Some(_) => {
            let (since, by) = (cell(reply, "/since"), cell(reply, "/by"));
            format!("leases are given, since {since} by {by}")
        }
        None => "leases are given".to_owned(),
    }
}

/// A pause, as a sentence that says how to end it.
pub(super) fn paused(pause: &Value) -> String {
    format!(
        "PAUSED since {} by {}: {}\nno lease is given to anybody; 'reprise system resume' goes on",
        cell(pause, "/since"),
        cell(pause, "/by"),
        cell(pause, "/reason")
    )
}
