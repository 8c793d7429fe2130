//! `reprise workspace` and `reprise batch`: where tasks belong. Does not know what tasks are.

use hyper::Method;
use serde_json::{Map, Value, json};

use super::{cell, list, show, with_client};
use crate::args::{BatchCommand, Global, WorkspaceCommand, WorkspaceOptions};
use crate::config::Config;
use crate::exit::{CliError, Exit};
use crate::output;

const WORKSPACES: &str = "/v1/workspaces";
const BATCHES: &str = "/v1/batches";

pub(crate) async fn run(
    global: &Global,
    config: &Config,
    command: WorkspaceCommand,
) -> Result<Exit, CliError> {
    with_client(global, config, async |client| match command {
        WorkspaceCommand::List(at) => {
            let reply = client.get(&at.of(&format!("{WORKSPACES}?limit=1000"))).await?;
            Ok(show(global, &reply, |reply| {
                list(
                    reply,
                    &[
                        ("WORKSPACE", "/id"),
                        ("NAME", "/display_name"),
                        ("DEFAULT", "/is_default"),
                        ("RECOGNITION", "/plan/recognition"),
                        ("REVIEW", "/plan/review"),
                        ("EXPORT", "/plan/export"),
                    ],
                );
            }))
        }
        WorkspaceCommand::Show { id, at } => {
            let reply = client.get(&at.of(&format!("{WORKSPACES}/{id}"))).await?;
            Ok(show(global, &reply, output::json))
        }
        WorkspaceCommand::Create(options) => {
            let reply = client.send(Method::POST, WORKSPACES, &settings(options)?).await?;
            Ok(show(global, &reply, |reply| {
                output::line(&format!("created workspace {}", cell(reply, "/id")));
            }))
        }
        WorkspaceCommand::Configure { id, settings: options } => {
            let reply = client.send(Method::PUT, &format!("{WORKSPACES}/{id}"), &settings(options)?).await?;
            Ok(show(global, &reply, |_| output::line(&format!("configured workspace {id}"))))
        }
    })
    .await
}

/// The settings as a body: those of the options, and what the further ones say beside them.
fn settings(options: WorkspaceOptions) -> Result<Value, CliError> {
    let WorkspaceOptions {
        display_name,
        description,
        default,
        recognition,
        automatic_review,
        webhook,
        settings,
    } = options;
    let mut body: Map<String, Value> = match settings {
        None => Map::new(),
        Some(Value::Object(members)) => members,
        Some(other) => {
            return Err(CliError::Usage(format!("--settings must be a JSON object, not {other}")));
        }
    };
    let review = if automatic_review { "automatic" } else { "by_users" };
    let plan = json!({ "recognition": recognition, "review": review, "export": webhook.is_some() });
    let members = [
        ("display_name", Some(json!(display_name))),
        ("description", description.map(Value::String)),
        ("is_default", Some(json!(default))),
        ("webhook", webhook.map(|url| json!({ "url": url }))),
    ];
    body.extend(members.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?))));
    body.entry("plan").or_insert(plan);
    Ok(Value::Object(body))
}

pub(crate) async fn batch(global: &Global, config: &Config, command: BatchCommand) -> Result<Exit, CliError> {
    with_client(global, config, async |client| match command {
        BatchCommand::List { workspace, at } => {
            let filter = workspace.map(|id| format!("&workspace={id}")).unwrap_or_default();
            let reply = client.get(&at.of(&format!("{BATCHES}?limit=1000{filter}"))).await?;
            Ok(show(global, &reply, |reply| {
                list(
                    reply,
                    &[
                        ("BATCH", "/id"),
                        ("WORKSPACE", "/workspace"),
                        ("NAME", "/display_name"),
                        ("TASKS", "/counts/total"),
                        ("IN HISTORY", "/counts/in_history"),
                    ],
                );
            }))
        }
        BatchCommand::Show { id, at } => {
            let reply = client.get(&at.of(&format!("{BATCHES}/{id}"))).await?;
            Ok(show(global, &reply, output::json))
        }
        BatchCommand::Create { workspace, display_name, description } => {
            let mut body = json!({ "workspace": workspace, "display_name": display_name });
            if let (Some(members), Some(text)) = (body.as_object_mut(), description) {
                members.insert("description".to_owned(), json!(text));
            }
            let reply = client.send(Method::POST, BATCHES, &body).await?;
            Ok(show(global, &reply, |reply| output::line(&format!("created batch {}", cell(reply, "/id")))))
        }
    })
    .await
}
