//! `reprise unit`: storage units.

use std::path::Path;

use hyper::Method;
use serde_json::{Map, Value, json};

use super::{list, show, with_client};
use crate::args::{CreateOptions, Global, UnitCommand};
use crate::assemble;
use crate::client::part;
use crate::config::Config;
use crate::exit::{CliError, Exit};
use crate::output;

const UNITS: &str = "/v1/storage-units";

pub(crate) async fn run(global: &Global, config: &Config, command: UnitCommand) -> Result<Exit, CliError> {
    with_client(global, config, async |client| match command {
        UnitCommand::List(at) => {
            let reply = client.get(&at.of(&format!("{UNITS}?limit=1000"))).await?;
            Ok(show(global, &reply, |reply| {
                list(
                    reply,
                    &[
                        ("UNIT", "/name"),
                        ("STATE", "/state"),
                        ("QUEUE ENABLED", "/queue_enabled"),
                        ("QUEUED", "/counts/queued"),
                        ("RUNNING", "/counts/running"),
                        ("FINISHED", "/counts/finished"),
                        ("FAILED", "/counts/failed"),
                        ("CONTENT", "/content/url"),
                    ],
                );
            }))
        }
        UnitCommand::Show { unit, at } => {
            let reply = client.get(&at.of(&format!("{UNITS}/{}", part(unit.as_str())))).await?;
            Ok(show(global, &reply, output::json))
        }
        UnitCommand::Create(options) => {
            let reply = client.send(Method::POST, UNITS, &create_body(&options)?).await?;
            Ok(show(global, &reply, |_| output::line(&format!("created {}", options.unit))))
        }
        UnitCommand::Modules { unit, entries } => {
            let path = format!("{UNITS}/{}/modules", part(unit.as_str()));
            let reply = client.send(Method::PUT, &path, &modules_body(&entries)?).await?;
            Ok(show(global, &reply, |_| output::line(&format!("set the modules of {unit}"))))
        }
        UnitCommand::Enable { unit } => {
            let path = format!("{UNITS}/{}/queue", part(unit.as_str()));
            let reply = client.send(Method::PUT, &path, &json!({ "enabled": true })).await?;
            Ok(show(global, &reply, |_| output::line(&format!("enabled the queue of {unit}"))))
        }
        UnitCommand::Disable { unit } => {
            let path = format!("{UNITS}/{}/queue", part(unit.as_str()));
            let reply = client.send(Method::PUT, &path, &json!({ "enabled": false })).await?;
            Ok(show(global, &reply, |_| output::line(&format!("disabled the queue of {unit}"))))
        }
        UnitCommand::Drop { unit, yes: false } => Err(CliError::Usage(format!(
            "dropping {unit} withdraws its work and removes what reprise keeps for it; say --yes to do it"
        ))),
        UnitCommand::Drop { unit, yes: true } => {
            let path = format!("{UNITS}/{}", part(unit.as_str()));
            let reply = client.send(Method::DELETE, &path, &json!({})).await?;
            Ok(show(global, &reply, |_| output::line(&format!("dropped {unit}"))))
        }
    })
    .await
}

fn create_body(options: &CreateOptions) -> Result<Value, CliError> {
    let content = match &options.content {
        None => json!({ "kind": "managed" }),
        Some(content) => {
            let url = if content.contains("://") {
                content.clone()
            } else {
                let folder = Path::new(content).canonicalize();
                let folder =
                    folder.map_err(|error| CliError::Usage(format!("the folder {content}: {error}")))?;
                assemble::folder_url(&folder)?.to_string()
            };
            let mut location = Map::from_iter([
                ("kind".to_owned(), json!("registered")),
                ("url".to_owned(), json!(url)),
                ("layout".to_owned(), json!(options.layout)),
                ("scope".to_owned(), json!(options.scope)),
            ]);
            if let Some(glob) = &options.glob {
                location.insert("include".to_owned(), json!(glob));
            }
            Value::Object(location)
        }
    };
    Ok(json!({ "name": options.unit, "content": content, "queue_enabled": !options.disabled }))
}

fn modules_body(entries: &[String]) -> Result<Value, CliError> {
    let mut modules: Map<String, Value> = Map::new();
    for entry in entries {
        let (scope, module) = entry
            .split_once('=')
            .ok_or_else(|| CliError::Usage(format!("'{entry}' is not SCOPE=MODULE, such as content=ocr")))?;
        let list = modules.entry(scope).or_insert_with(|| json!([]));
        if let Some(list) = list.as_array_mut() {
            list.push(json!({ "module": module }));
        }
    }
    Ok(json!({ "modules": modules }))
}
