//! `reprise reprocess`: asking for documents to be processed again.

use hyper::Method;
use serde_json::{Value, json};

use super::{campaign, cell, show, with_client};
use crate::args::{Global, ReprocessCommand};
use crate::client::part;
use crate::config::Config;
use crate::exit::{CliError, Exit};
use crate::output;

pub(crate) async fn run(
    global: &Global,
    config: &Config,
    command: ReprocessCommand,
) -> Result<Exit, CliError> {
    with_client(global, config, async |client| match command {
        ReprocessCommand::Key { unit, key, scope } => {
            let place = format!("{}/{}/{}", part(unit.as_str()), part(scope.as_str()), part(key.as_str()));
            let reply =
                client.send(Method::POST, &format!("/v1/key-scopes/{place}/reprocess"), &json!({})).await?;
            Ok(show(global, &reply, |reply| output::line(&cell(reply, "/outcome"))))
        }
        ReprocessCommand::Keys { unit, scope, keys } => {
            let path = format!("/v1/storage-units/{}/reprocess", part(unit.as_str()));
            let reply = client.send(Method::POST, &path, &json!({ "scope": scope, "keys": keys })).await?;
            let results = reply.get("results").and_then(Value::as_array).cloned().unwrap_or_default();
            let failed = results.iter().any(|result| cell(result, "/outcome") == "error");
            show(global, &reply, |_| {
                for result in &results {
                    let detail = result.get("detail").map(|_| format!(": {}", cell(result, "/detail")));
                    let detail = detail.unwrap_or_default();
                    output::line(&format!("{}  {}{detail}", cell(result, "/outcome"), cell(result, "/key")));
                }
            });
            Ok(if failed { Exit::SomeFailed } else { Exit::Done })
        }
        ReprocessCommand::All(options) => campaign::start(global, &client, &options).await,
        ReprocessCommand::Reset { unit } => {
            let path = format!("/v1/storage-units/{}/reset", part(unit.as_str()));
            let reply = client.send(Method::POST, &path, &json!({})).await?;
            Ok(show(global, &reply, |reply| {
                output::line(&format!("took back {} items of {unit}", cell(reply, "/unassigned")));
            }))
        }
    })
    .await
}
