//! `reprise task restart`: some tasks by their ids, or those that match as a campaign. Does not know which match.

use domain::names::TaskId;
use hyper::Method;
use serde_json::{Value, json};

use super::{TASKS, filter, not_done, results};
use crate::args::{Global, RestartTasksOptions};
use crate::client::Client;
use crate::commands::{cell, show};
use crate::exit::{CliError, Exit};
use crate::output;

const CAMPAIGNS: &str = "/v1/campaigns";
/// How many tasks are sent at once.
const TASKS_AT_ONCE_MAX: usize = 1_000;

pub(super) async fn restart(
    global: &Global,
    client: &Client,
    options: &RestartTasksOptions,
) -> Result<Exit, CliError> {
    let words = filter::words(&options.filter);
    match (options.ids.as_slice(), words.is_empty()) {
        ([], true) if !options.all => Err(CliError::Usage(
            "name tasks or give a condition, such as --status PreProcessingFailed; --all means every task"
                .to_owned(),
        )),
        ([], _) => matching(global, client, options, &Value::Object(words)).await,
        (ids, true) => named(global, client, ids, options.reason.as_ref()).await,
        (_, false) => Err(CliError::Usage("name tasks or give conditions, not both".to_owned())),
    }
}

async fn named(
    global: &Global,
    client: &Client,
    ids: &[TaskId],
    reason: Option<&String>,
) -> Result<Exit, CliError> {
    let mut wrong = 0;
    for ids in ids.chunks(TASKS_AT_ONCE_MAX) {
        let body = json!({ "tasks": ids, "reason": reason });
        let reply = client.send(Method::POST, &format!("{TASKS}/restart"), &body).await?;
        wrong += not_done(&results(&reply), "/outcome", &["refused", "failed"]);
        show(global, &reply, |reply| results(reply).iter().for_each(outcome));
    }
    if wrong == 0 {
        Ok(Exit::Done)
    } else {
        Err(CliError::Refused(format!("{wrong} tasks were not restarted")))
    }
}

fn outcome(item: &Value) {
    let why = item.pointer("/problem/detail").and_then(Value::as_str);
    let why = why.map_or_else(String::new, |detail| format!(": {detail}"));
    output::line(&format!("task {} {}{why}", cell(item, "/id"), cell(item, "/outcome")));
}

async fn matching(
    global: &Global,
    client: &Client,
    options: &RestartTasksOptions,
    words: &Value,
) -> Result<Exit, CliError> {
    let RestartTasksOptions { dry_run, expect, reason, .. } = options;
    let body = json!({ "tasks": words, "dry_run": dry_run, "expect": expect, "reason": reason });
    if *dry_run {
        client.send_for_lines(CAMPAIGNS, &body, |line| preview(global, line)).await?;
        return Ok(Exit::Done);
    }
    let reply = client.send(Method::POST, CAMPAIGNS, &body).await?;
    Ok(show(global, &reply, |reply| {
        let (id, count) = (cell(reply, "/id"), cell(reply, "/pinned/keys"));
        output::line(&format!(
            "campaign {id} restarts {count} tasks; 'reprise campaign show {id}' tells how far it is"
        ));
    }))
}

/// A line of a dry run: what it is all about, then a task each.
fn preview(global: &Global, line: &Value) {
    if global.json {
        output::line(&line.to_string());
    } else if line.get("key").is_some() {
        output::line(&cell(line, "/key"));
    } else {
        let (total, digest) = (cell(line, "/total"), cell(line, "/digest"));
        output::note(&format!("{total} tasks; --expect {digest} restarts exactly these"));
    }
}
