//! `reprise task`: documents on their way through a workspace. Does not know which stages there are.

mod create;
mod filter;
mod life;
mod restart;

use domain::names::TaskId;
use hyper::Method;
use serde_json::{Value, json};

use super::{cell, history, items, list, show, with_client};
use crate::args::{CountTasksOptions, DeleteTasksOptions, Global, ListTasksOptions, TaskCommand};
use crate::client::{Client, part};
use crate::config::Config;
use crate::exit::{CliError, Exit};
use crate::output;

const TASKS: &str = "/v1/tasks";

pub(crate) async fn run(global: &Global, config: &Config, command: TaskCommand) -> Result<Exit, CliError> {
    with_client(global, config, async |client| match command {
        TaskCommand::Create(options) => create::create(global, &client, *options).await,
        TaskCommand::List(options) => list_tasks(global, &client, &options).await,
        TaskCommand::Show { id, at } => life::show_life(global, &client, id, at).await,
        TaskCommand::Count(options) => count(global, &client, &options).await,
        TaskCommand::Restart(options) => restart::restart(global, &client, &options).await,
        TaskCommand::Hold(tasks) => each(global, &client, &tasks.ids, "hold", &reason(tasks.reason)).await,
        TaskCommand::Release(tasks) => {
            each(global, &client, &tasks.ids, "release", &reason(tasks.reason)).await
        }
        TaskCommand::RunNow(tasks) => {
            each(global, &client, &tasks.ids, "run-now", &reason(tasks.reason)).await
        }
        TaskCommand::Approve { id, user, reason } => {
            let body = json!({ "user": user, "reason": reason });
            each(global, &client, &[id], "approve", &body).await
        }
        TaskCommand::Resolve { id, outcome, text } => {
            let body = json!({ "outcome": outcome, "text": text });
            each(global, &client, &[id], "resolve", &body).await
        }
        TaskCommand::Edit { id, path, value } => {
            let body = json!({ "path": path, "value": value });
            each(global, &client, &[id], "edit", &body).await
        }
        TaskCommand::Assign { id, users, order } => {
            let body = json!({ "users": users, "order": order });
            each(global, &client, &[id], "assign", &body).await
        }
        TaskCommand::Delete(options) => delete(global, &client, options).await,
        TaskCommand::History { id, attempts, brief, at } => {
            let wanted = history::Wanted { attempts, brief, at };
            history::of(global, &client, &format!("{TASKS}/{id}"), wanted).await
        }
    })
    .await
}

fn reason(reason: Option<String>) -> Value {
    json!({ "reason": reason })
}

async fn list_tasks(global: &Global, client: &Client, options: &ListTasksOptions) -> Result<Exit, CliError> {
    let ListTasksOptions { filter, sort, limit, at } = options;
    let query = format!("sort={}&limit={limit}{}", part(sort), filter::query(filter));
    let reply = client.get(&at.of(&format!("{TASKS}?{query}"))).await?;
    Ok(show(global, &reply, |reply| {
        list(
            reply,
            &[
                ("TASK", "/id"),
                ("EXTERNAL ID", "/external_id"),
                ("NAME", "/display_name"),
                ("STATUS", "/status_text"),
                ("SINCE", "/status_since"),
                ("RESTARTS", "/restart_count"),
                ("STAGE", "/stage"),
                ("ERROR", "/last_error/code"),
                ("STUCK IN", "/warning/from"),
            ],
        );
    }))
}

async fn count(global: &Global, client: &Client, options: &CountTasksOptions) -> Result<Exit, CliError> {
    let query = filter::query(&options.filter);
    let path = format!("{TASKS}/counts?{}", query.trim_start_matches('&'));
    let reply = client.get(&options.at.of(&path)).await?;
    Ok(show(global, &reply, |reply| {
        list(reply, &[("COUNT", "/count"), ("SCREEN", "/screen"), ("STATUS", "/status_text")]);
        output::note(&format!("{} in all", cell(reply, "/total")));
    }))
}

/// Asks the same of each task, and says where each stands then.
async fn each(
    global: &Global,
    client: &Client,
    ids: &[TaskId],
    verb: &str,
    body: &Value,
) -> Result<Exit, CliError> {
    for id in ids {
        let reply = client.send(Method::POST, &format!("{TASKS}/{id}/{verb}"), body).await?;
        show(global, &reply, standing);
    }
    Ok(Exit::Done)
}

fn standing(reply: &Value) {
    let changed = if cell(reply, "/changed") == "true" { "" } else { " (as before)" };
    output::line(&format!("task {}: {}{changed}", cell(reply, "/id"), cell(reply, "/status_text")));
}

async fn delete(global: &Global, client: &Client, options: DeleteTasksOptions) -> Result<Exit, CliError> {
    let DeleteTasksOptions { ids, yes, reason: why } = options;
    if !yes {
        let text = format!("this deletes {} tasks for ever; add --yes to do it", ids.len());
        return Err(CliError::Usage(text));
    }
    for id in ids {
        let reply = client.send(Method::DELETE, &format!("{TASKS}/{id}"), &reason(why.clone())).await?;
        show(global, &reply, standing);
    }
    Ok(Exit::Done)
}

/// How many of some results are not as they should be.
fn not_done(results: &[Value], member: &str, wrong: &[&str]) -> usize {
    results.iter().filter(|result| wrong.contains(&cell(result, member).as_str())).count()
}

/// The results in a reply.
fn results(reply: &Value) -> Vec<Value> {
    items(reply).to_vec()
}
