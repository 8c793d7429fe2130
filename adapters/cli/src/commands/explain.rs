//! `reprise explain`: why something does not move, and what would free it. Does not know the rules.

use serde_json::Value;

use super::{cell, show, with_client};
use crate::args::{ExplainOptions, Global};
use crate::config::Config;
use crate::exit::{CliError, Exit};
use crate::output;

pub(crate) async fn run(global: &Global, config: &Config, options: ExplainOptions) -> Result<Exit, CliError> {
    let path = options.subject.path();
    let path = path.ok_or_else(|| CliError::Usage("such a thing is not explained".to_owned()))?;
    of(global, config, &path).await
}

/// Explains what is at a path.
pub(super) async fn of(global: &Global, config: &Config, path: &str) -> Result<Exit, CliError> {
    with_client(global, config, async |client| {
        let reply = client.get(&format!("{path}/explain")).await?;
        Ok(show(global, &reply, human))
    })
    .await
}

fn list<'a>(reply: &'a Value, member: &str) -> &'a [Value] {
    reply.get(member).and_then(Value::as_array).map_or(&[], Vec::as_slice)
}

fn human(reply: &Value) {
    let since = reply.get("since").map_or_else(String::new, |_| format!(" since {}", cell(reply, "/since")));
    output::line(&format!("{}{since}", cell(reply, "/state")));
    for why in list(reply, "causes") {
        output::line(&format!("  {}", cell(why, "/rule")));
        if why.get("event").is_some() {
            let reason = why.pointer("/event/reason").and_then(Value::as_str);
            let reason = reason.map_or_else(String::new, |reason| format!(", because {reason}"));
            output::line(&format!(
                "    {} at {} by {}, position {}, version {} of {}{reason}",
                cell(why, "/event/event"),
                cell(why, "/event/at"),
                cell(why, "/event/actor"),
                cell(why, "/event/position"),
                cell(why, "/event/version"),
                cell(why, "/event/stream"),
            ));
        }
    }
    if let Some(queue) = reply.get("queue") {
        place(queue);
    }
    for (number, suggestion) in list(reply, "suggestions").iter().enumerate() {
        let heading = if number == 0 { "what frees it:" } else { "or:" };
        output::line(&format!("{heading} {}", cell(suggestion, "/text")));
        output::line(&format!("  {}", cell(suggestion, "/command")));
    }
    output::line("what can be asked of it now:");
    for legal in list(reply, "legal") {
        let events: Vec<String> = list(legal, "records").iter().map(|it| cell(it, "/event")).collect();
        let (name, sender) = (cell(legal, "/command/name"), cell(legal, "/sender"));
        output::line(&format!("  {name} ({sender}) records {}", events.join(", ")));
    }
}

fn place(queue: &Value) {
    let ahead = match queue.get("ahead") {
        Some(ahead) => format!("{ahead} ahead"),
        None => "not in line".to_owned(),
    };
    let names: Vec<String> = list(queue, "workers").iter().map(|worker| cell(worker, "/name")).collect();
    let workers = if names.is_empty() { "nobody".to_owned() } else { names.join(", ") };
    output::line(&format!(
        "  queue {}/{}: {ahead}; {} of {} in flight; served by {workers}",
        cell(queue, "/unit"),
        cell(queue, "/scope"),
        cell(queue, "/in_flight"),
        cell(queue, "/in_flight_max"),
    ));
}
