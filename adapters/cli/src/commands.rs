//! The commands that are clients of the native HTTP API: one file each.

pub(crate) mod api;
pub(crate) mod campaign;
pub(crate) mod diff;
pub(crate) mod explain;
pub(crate) mod health;
pub(crate) mod history;
pub(crate) mod keys;
pub(crate) mod log;
pub(crate) mod projections;
pub(crate) mod reprocess;
pub(crate) mod status;
pub(crate) mod system;
pub(crate) mod task;
pub(crate) mod unit;
pub(crate) mod workspace;

use std::future::Future;

use serde_json::Value;

use crate::args::Global;
use crate::client::Client;
use crate::config::Config;
use crate::exit::{CliError, Exit};
use crate::output;

/// Opens the API, does something with it, and closes it again.
pub(crate) async fn with_client<F, Fut>(global: &Global, config: &Config, act: F) -> Result<Exit, CliError>
where
    F: FnOnce(std::sync::Arc<Client>) -> Fut,
    Fut: Future<Output = Result<Exit, CliError>>,
{
    let client = std::sync::Arc::new(Client::open(global, config).await?);
    let outcome = act(client.clone()).await;
    if let Ok(client) = std::sync::Arc::try_unwrap(client) {
        client.close().await;
    }
    outcome
}

/// Prints a reply: as JSON, or in the way that `human` says.
pub(crate) fn show(global: &Global, reply: &Value, human: impl FnOnce(&Value)) -> Exit {
    if global.json {
        output::json(reply);
    } else {
        human(reply);
    }
    Exit::Done
}

/// A member of a reply as a cell of a table.
pub(crate) fn cell(value: &Value, pointer: &str) -> String {
    match value.pointer(pointer) {
        None | Some(Value::Null) => "-".to_owned(),
        Some(Value::String(text)) => text.clone(),
        Some(other) => other.to_string(),
    }
}

/// The items of a list reply.
pub(crate) fn items(reply: &Value) -> &[Value] {
    reply.get("items").and_then(Value::as_array).map_or(&[], Vec::as_slice)
}

/// Prints the items of a list reply as a table, and says when there are more.
pub(crate) fn list(reply: &Value, columns: &[(&str, &str)]) {
    let headings: Vec<&str> = columns.iter().map(|(heading, _)| *heading).collect();
    let row = |item: &Value| columns.iter().map(|(_, pointer)| cell(item, pointer)).collect();
    let rows: Vec<Vec<String>> = items(reply).iter().map(row).collect();
    output::table(&headings, &rows);
    if reply.get("next").is_some_and(|next| !next.is_null()) {
        output::note("there are more; --limit shows more of them");
    }
}
