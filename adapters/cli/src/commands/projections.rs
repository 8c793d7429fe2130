//! `reprise projections`: the views that are derived from the log.

use std::cell::RefCell;
use std::io::IsTerminal as _;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use serde_json::{Value, json};

use super::{cell, items, list, show, with_client};
use crate::args::{Global, ProjectionsCommand};
use crate::client::{Client, part};
use crate::config::Config;
use crate::exit::{CliError, Exit};

const PROJECTIONS: &str = "/v1/projections";

pub(crate) async fn run(
    global: &Global,
    config: &Config,
    command: ProjectionsCommand,
) -> Result<Exit, CliError> {
    with_client(global, config, async |client| match command {
        ProjectionsCommand::List => {
            let reply = client.get(PROJECTIONS).await?;
            Ok(show(global, &reply, |reply| {
                list(
                    reply,
                    &[
                        ("PROJECTION", "/name"),
                        ("SCHEMA", "/schema"),
                        ("POSITION", "/position"),
                        ("ROWS", "/rows"),
                    ],
                );
            }))
        }
        ProjectionsCommand::Rebuild { name } => {
            let names = match name {
                Some(name) => vec![name],
                None => {
                    items(&client.get(PROJECTIONS).await?).iter().map(|item| cell(item, "/name")).collect()
                }
            };
            let mut reports = Vec::new();
            for name in names {
                reports.push(rebuild(global, &client, &name).await?);
            }
            Ok(show(global, &json!({ "items": reports }), |reply| {
                list(
                    reply,
                    &[
                        ("PROJECTION", "/name"),
                        ("ROWS", "/rows"),
                        ("ROWS DIFFERENT", "/rows_different"),
                        ("POSITION", "/position"),
                    ],
                );
            }))
        }
    })
    .await
}

async fn rebuild(global: &Global, client: &Client, name: &str) -> Result<Value, CliError> {
    let bar = bar(global, name);
    let last = RefCell::new(Value::Null);
    client
        .lines(&format!("{PROJECTIONS}/{}/rebuild", part(name)), |line| {
            let number = |pointer| cell(&line, pointer).parse::<u64>().unwrap_or(0);
            if line.get("progress").is_some() {
                bar.set_length(number("/progress/head"));
                bar.set_position(number("/progress/position"));
            } else {
                last.replace(line);
            }
        })
        .await?;
    bar.finish_and_clear();
    let last = last.into_inner();
    match (last.get("report"), last.get("problem")) {
        (Some(report), _) => Ok(report.clone()),
        (None, Some(_)) => Err(CliError::Unavailable(cell(&last, "/problem/detail"))),
        (None, None) => {
            Err(CliError::Unavailable(format!("the rebuild of {name} broke off; start it again")))
        }
    }
}

fn bar(global: &Global, name: &str) -> ProgressBar {
    let bar = ProgressBar::new(0);
    if global.json || !std::io::stderr().is_terminal() {
        bar.set_draw_target(ProgressDrawTarget::hidden());
    }
    let style = ProgressStyle::with_template("{msg}  {bar:30} {percent:>3} %  {eta} left");
    bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
    bar.set_message(name.to_owned());
    bar.tick();
    bar
}
