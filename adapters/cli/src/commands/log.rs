//! `reprise events` and `reprise commands`: the log of the whole house, a line at a time.

use serde_json::Value;

use super::{cell, with_client};
use crate::args::{CommandsOptions, EventsOptions, Global};
use crate::client::{Client, part};
use crate::config::Config;
use crate::exit::{CliError, Exit};
use crate::output;

pub(crate) async fn events(
    global: &Global,
    config: &Config,
    options: EventsOptions,
) -> Result<Exit, CliError> {
    let mut query = String::new();
    let EventsOptions { after, follow, unit, kind } = options;
    let filters = [("unit", unit.map(|unit| unit.to_string())), ("kind", kind)];
    for (name, value) in filters.into_iter().filter_map(|(name, value)| value.map(|value| (name, value))) {
        query += &format!("&{name}={}", part(&value));
    }
    let print = |event: &Value| print(global, event, &event_line(event));
    with_client(global, config, async |client| {
        if follow {
            let path = format!("/v1/events/stream?after={}{query}", part(&after));
            client.messages(&path, print).await?;
            return Err(CliError::Unavailable("the server has ended the stream".to_owned()));
        }
        pages(&client, "/v1/events", &query, after, print).await
    })
    .await
}

pub(crate) async fn commands(
    global: &Global,
    config: &Config,
    options: CommandsOptions,
) -> Result<Exit, CliError> {
    let query = options.unit.map(|unit| format!("&unit={}", part(unit.as_str()))).unwrap_or_default();
    let print = |command: &Value| print(global, command, &command_line(command));
    with_client(global, config, async |client| {
        pages(&client, "/v1/commands", &query, options.after, print).await
    })
    .await
}

async fn pages(
    client: &Client,
    path: &str,
    query: &str,
    mut after: String,
    print: impl Fn(&Value),
) -> Result<Exit, CliError> {
    loop {
        let path = format!("{path}?limit=1000&after={}{query}", part(&after));
        match client.page(&path, &print).await? {
            Some(next) => after = next,
            None => return Ok(Exit::Done),
        }
    }
}

/// A line of the log, as it is with `--json` and else for people.
fn print(global: &Global, json: &Value, text: &str) {
    if global.json {
        output::line(&json.to_string());
    } else {
        output::line(text);
    }
}

fn event_line(event: &Value) -> String {
    let cells = ["/position", "/recorded_at", "/stream", "/version", "/type", "/data"];
    cells.map(|pointer| cell(event, pointer)).join("  ")
}

fn command_line(command: &Value) -> String {
    let cells = ["/recorded/position", "/recorded/at", "/stream", "/command/name", "/command/body", "/actor"];
    cells.map(|pointer| cell(command, pointer)).join("  ")
}
