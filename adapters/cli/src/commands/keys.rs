//! `reprise keys`: API keys. Over the data folder itself, so that there can be a first one, or through a server.

use hyper::Method;
use serde_json::{Value, json};

use super::{cell, list, show, with_client};
use crate::args::{Global, KeysCommand};
use crate::client::part;
use crate::config::Config;
use crate::exit::{CliError, Exit};
use crate::output;

const KEYS: &str = "/v1/keys";

pub(crate) async fn run(global: &Global, config: &Config, command: KeysCommand) -> Result<Exit, CliError> {
    with_client(global, config, async |client| match command {
        KeysCommand::Create { name, role, organization, expires_at } => {
            let mut body = json!({ "name": name, "role": role });
            if let Some(body) = body.as_object_mut() {
                body.extend(organization.map(|it| ("organization".to_owned(), json!(it))));
                body.extend(expires_at.map(|at| ("expires_at".to_owned(), json!(at))));
            }
            let reply = client.send(Method::POST, KEYS, &body).await?;
            Ok(show(global, &reply, with_secret))
        }
        KeysCommand::List { organization } => {
            let organization = organization.map(|it| format!("&organization={}", part(it.as_str())));
            let reply = client.get(&format!("{KEYS}?limit=1000{}", organization.unwrap_or_default())).await?;
            Ok(show(global, &reply, |reply| {
                list(
                    reply,
                    &[
                        ("KEY", "/id"),
                        ("NAME", "/name"),
                        ("ROLE", "/role"),
                        ("ORGANIZATION", "/organization"),
                        ("STATE", "/state"),
                        ("CREATED", "/created_at"),
                        ("BY", "/created_by"),
                        ("EXPIRES", "/expires_at"),
                    ],
                );
            }))
        }
        KeysCommand::Rotate { id, grace } => {
            let body = json!({ "grace_ms": grace.saturating_mul(1_000) });
            let reply = client.send(Method::POST, &format!("{KEYS}/{id}/rotate"), &body).await?;
            Ok(show(global, &reply, with_secret))
        }
        KeysCommand::Revoke { id } => {
            let reply = client.send(Method::POST, &format!("{KEYS}/{id}/revoke"), &json!({})).await?;
            Ok(show(global, &reply, |_| output::line(&format!("revoked {id}"))))
        }
    })
    .await
}

/// The key goes to stdout alone, so that a script can take it; what there is to say of it goes beside.
fn with_secret(reply: &Value) {
    output::line(&cell(reply, "/api_key"));
    let (id, name) = (cell(reply, "/id"), cell(reply, "/key/name"));
    output::note(&format!("this is the key {name} ({id}); keep it now, it is not shown again"));
}
