//! `reprise task create`: one task, or one of each line of a file. Does not know what a task needs: the server does.

use std::io::{IsTerminal as _, Read as _};
use std::path::Path;

use futures::StreamExt as _;
use hyper::Method;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use serde_json::{Map, Value, json};

use super::TASKS;
use crate::args::{CreateTaskOptions, Global};
use crate::client::Client;
use crate::commands::{cell, show};
use crate::exit::{CliError, Exit};
use crate::output;

/// How many tasks are being created at once.
const AT_ONCE_MAX: usize = 64;
/// The largest file, in bytes.
const FILE_BYTES_MAX: u64 = 1 << 30;
const BAR: &str = "{bar:30} {percent:>3} %  {pos} created  {per_sec}  {eta} left";

pub(super) async fn create(
    global: &Global,
    client: &Client,
    options: CreateTaskOptions,
) -> Result<Exit, CliError> {
    if let Some(file) = &options.from {
        return create_from(global, client, file, options.reason.as_ref()).await;
    }
    let CreateTaskOptions { context, from: _, external_id, display_name, description, .. } = options;
    let CreateTaskOptions { workspace, batch, high, reason, .. } = options;
    let body = json!({
        "context": context, "external_id": external_id, "display_name": display_name,
        "description": description, "workspace": workspace, "batch": batch, "reason": reason,
        "priority": if high { "high" } else { "low" },
    });
    let reply = client.send(Method::POST, TASKS, &body).await?;
    Ok(show(global, &reply, |reply| output::line(&format!("created task {}", cell(reply, "/id")))))
}

/// A task of each line, some at once; each line's result in its place. Lines that were refused stop no other.
async fn create_from(
    global: &Global,
    client: &Client,
    file: &Path,
    reason: Option<&String>,
) -> Result<Exit, CliError> {
    let text = read(file)?;
    let lines: Vec<(usize, &str)> =
        text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty()).collect();
    let bar = bar(lines.len() as u64, global.json);
    let sent = lines.into_iter().map(|(index, line)| async move {
        let created = match body(line, reason) {
            Ok(body) => client.send(Method::POST, TASKS, &body).await,
            Err(error) => Err(error),
        };
        (index + 1, created)
    });
    let mut results = futures::stream::iter(sent).buffered(AT_ONCE_MAX);
    let (mut created, mut refused) = (0_u64, 0_u64);
    while let Some((number, result)) = results.next().await {
        match result {
            Ok(reply) => {
                created += 1;
                bar.inc(1);
                if global.json {
                    output::line(&json!({ "line": number, "id": reply.get("id") }).to_string());
                }
            }
            Err(error @ (CliError::Usage(_) | CliError::Refused(_))) => {
                refused += 1;
                bar.suspend(|| output::note(&format!("{}:{number}: {error}", file.display())));
            }
            Err(error) => return Err(error),
        }
    }
    bar.finish_and_clear();
    output::note(&format!("{created} created, {refused} refused"));
    if refused == 0 {
        Ok(Exit::Done)
    } else {
        Err(CliError::Refused(format!("{refused} lines were refused")))
    }
}

fn body(line: &str, reason: Option<&String>) -> Result<Value, CliError> {
    let mut body: Map<String, Value> = serde_json::from_str(line)
        .map_err(|error| CliError::Usage(format!("the line is no JSON object: {error}")))?;
    if let Some(reason) = reason
        && !body.contains_key("reason")
    {
        body.insert("reason".to_owned(), json!(reason));
    }
    Ok(Value::Object(body))
}

fn read(file: &Path) -> Result<String, CliError> {
    let unreadable = |error: std::io::Error| {
        CliError::Usage(format!("{} cannot be read: {error}; name a file of JSON lines", file.display()))
    };
    let mut text = String::new();
    let mut source: Box<dyn std::io::Read> = if file == Path::new("-") {
        Box::new(std::io::stdin())
    } else {
        Box::new(std::fs::File::open(file).map_err(unreadable)?)
    };
    let bytes = source.by_ref().take(FILE_BYTES_MAX + 1).read_to_string(&mut text).map_err(unreadable)?;
    if bytes as u64 > FILE_BYTES_MAX {
        let text = format!("{} has more than {FILE_BYTES_MAX} bytes; split it", file.display());
        return Err(CliError::Usage(text));
    }
    Ok(text)
}

/// How many of the lines are done; only on a terminal.
fn bar(lines: u64, quiet: bool) -> ProgressBar {
    let bar = ProgressBar::new(lines);
    if quiet || !std::io::stderr().is_terminal() {
        bar.set_draw_target(ProgressDrawTarget::hidden());
    }
    // A bar that cannot be drawn so is drawn as bars usually are.
    bar.with_style(ProgressStyle::with_template(BAR).unwrap_or_else(|_| ProgressStyle::default_bar()))
}
