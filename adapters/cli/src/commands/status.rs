//! `reprise status`: what stands where.

use serde_json::Value;

use super::{cell, list, show, system, with_client};
use crate::args::{Global, StatusOptions};
use crate::client::part;
use crate::config::Config;
use crate::exit::{CliError, Exit};
use crate::output;

const STATUSES: [&str; 6] = ["queued", "assigned", "running", "retrying", "finished", "failed"];

pub(crate) async fn run(global: &Global, config: &Config, options: StatusOptions) -> Result<Exit, CliError> {
    with_client(global, config, async |client| {
        let Some(unit) = &options.unit else {
            let reply = client.get(&options.at.of("/v1/overview")).await?;
            return Ok(show(global, &reply, overview));
        };
        let status =
            options.status.as_ref().map(|status| format!("&status={}", part(status))).unwrap_or_default();
        let path = format!("/v1/key-scopes?unit={}&limit={}{status}", part(unit.as_str()), options.limit);
        let reply = client.get(&options.at.of(&path)).await?;
        Ok(show(global, &reply, |reply| {
            list(
                reply,
                &[
                    ("KEY", "/key"),
                    ("SCOPE", "/scope"),
                    ("STATUS", "/status"),
                    ("RESTARTS", "/restart_count"),
                    ("ATTEMPTS", "/attempt_count"),
                    ("UPDATED", "/updated_at"),
                    ("LAST ERROR", "/last_error/code"),
                ],
            );
        }))
    })
    .await
}

fn overview(reply: &Value) {
    if let Some(pause) = reply.get("paused") {
        output::line(&system::paused(pause));
        output::line("");
    }
    let units = reply.get("units").and_then(Value::as_array).cloned().unwrap_or_default();
    let mut headings = vec!["UNIT"];
    headings.extend(["QUEUED", "ASSIGNED", "RUNNING", "RETRYING", "FINISHED", "FAILED", "QUEUE"]);
    let row = |name: String, counts: &Value, queue: &str| {
        let counts = STATUSES.iter().map(|status| cell(counts, &format!("/{status}")));
        [name].into_iter().chain(counts).chain([queue.to_owned()]).collect()
    };
    let queue = |unit: &Value| match unit.get("queue_enabled").and_then(Value::as_bool) {
        Some(true) => "enabled",
        Some(false) | None => "disabled",
    };
    let counts_of = |value: &Value, member: &str| value.get(member).cloned().unwrap_or_default();
    let mut rows: Vec<Vec<String>> =
        units.iter().map(|unit| row(cell(unit, "/name"), &counts_of(unit, "counts"), queue(unit))).collect();
    if rows.len() > 1 {
        rows.push(row("all".to_owned(), &counts_of(reply, "totals"), ""));
    }
    output::table(&headings, &rows);
}
