//! `reprise task show`: one task's life for whoever has to answer a question about it: where it stands, what keeps it there
//! and what would free it, and everything that ever happened to it. Does not know what the words mean.

use domain::names::TaskId;
use serde_json::{Value, json};

use super::TASKS;
use crate::args::{AtOption, Global};
use crate::client::Client;
use crate::commands::{cell, history, items, show};
use crate::exit::{CliError, Exit};
use crate::output;

/// How often a task is read again that changed while it was read; after that, what is shown ends where its row ends.
const READS_MAX: u32 = 5;

/// What is shown is of one moment: the row is read first and the history last, and where they end at the same version, nothing
/// happened to the task in between, so the explanation is of that moment too. Of the past there is no explanation: nothing
/// would free it any longer.
pub(super) async fn show_life(
    global: &Global,
    client: &Client,
    id: TaskId,
    at: AtOption,
) -> Result<Exit, CliError> {
    let mut life = read(client, id, at).await?;
    for _again in 1..READS_MAX {
        if life.ends_with_its_row() {
            break;
        }
        life = read(client, id, at).await?;
    }
    Ok(show(global, &life.into_reply(), print))
}

/// What was read about a task, one request after the other.
struct Life {
    row: Value,
    explanation: Option<Value>,
    events: Vec<Value>,
}

async fn read(client: &Client, id: TaskId, at: AtOption) -> Result<Life, CliError> {
    let path = format!("{TASKS}/{id}");
    let row = client.get(&at.of(&path)).await?;
    let explanation = match at.at {
        None => Some(client.get(&format!("{path}/explain")).await?),
        Some(_) => None,
    };
    let history = history::whole(client, &format!("{path}/events"), at).await?;
    Ok(Life { row, explanation, events: items(&history).to_vec() })
}

impl Life {
    fn ends_with_its_row(&self) -> bool {
        self.events.last().is_none_or(|last| version(last) == version(&self.row))
    }

    fn into_reply(self) -> Value {
        let Self { mut row, explanation, mut events } = self;
        let end = version(&row);
        events.retain(|event| version(event) <= end);
        if let Value::Object(members) = &mut row {
            members.extend(explanation.map(|explanation| ("explanation".to_owned(), explanation)));
            members.insert("life".to_owned(), json!({ "items": events }));
        }
        row
    }
}

fn version(thing: &Value) -> Option<u64> {
    thing.get("version").and_then(Value::as_u64)
}

fn print(task: &Value) {
    standing(task);
    output::line("");
    if let Some(explanation) = task.get("explanation") {
        why(explanation);
        output::line("");
    }
    output::line("what happened so far:");
    for event in task.get("life").map_or(&[][..], items) {
        let reason = event.get("reason").map(|_| format!(", because {}", cell(event, "/reason")));
        output::line(&format!(
            "  {}  {} (by {}{})",
            cell(event, "/at"),
            cell(event, "/summary"),
            cell(event, "/actor"),
            reason.unwrap_or_default()
        ));
    }
}

/// What keeps it where it stands, and what would free it first.
fn why(explanation: &Value) {
    let list = |member| explanation.get(member).and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
    output::line("why it stands there:");
    for cause in list("causes") {
        output::line(&format!("  {}", cell(cause, "/rule")));
    }
    if let Some(suggestion) = list("suggestions").first() {
        output::line("what can be done:");
        output::line(&format!("  {}: {}", cell(suggestion, "/text"), cell(suggestion, "/command")));
    }
}

/// Where it stands, what is behind it, and who is to do something.
fn standing(task: &Value) {
    let at = |pointer: &str| cell(task, pointer);
    output::line(&format!("task {} '{}'  {}", at("/id"), at("/display_name"), at("/external_id")));
    let held = if at("/held") == "true" { ", held" } else { "" };
    output::line(&format!(
        "{} since {}, in the {}{held}",
        at("/status_text"),
        at("/status_since"),
        at("/screen")
    ));
    output::line(&format!(
        "stage {}, {} attempts, restarted {} times",
        at("/stage"),
        at("/attempt_count"),
        at("/restart_count")
    ));
    if let Some(work) = task.get("work").filter(|work| work.get("worker").is_some()) {
        output::line(&format!("{} has it until {}", cell(work, "/worker"), cell(work, "/lease_until")));
    }
    if task.get("last_error").is_some() {
        let (code, text) = (at("/last_error/code"), at("/last_error/text"));
        output::line(&format!("last error {code} at {}: {text}", at("/last_error/at")));
    }
    if task.get("warning").is_some() {
        let (from, since) = (at("/warning/from"), at("/warning/since"));
        output::line(&format!("was stuck in {from} since {since}, put right at {}", at("/warning/at")));
    }
    let reviewers = task.get("reviewers").and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
    for reviewer in reviewers {
        output::line(&format!("reviewer {}: {}", cell(reviewer, "/user"), cell(reviewer, "/status")));
    }
}
