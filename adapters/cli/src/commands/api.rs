//! `reprise api`: any request to the native API, for what has no command of its own. Does not know what is asked.

use hyper::Method;
use serde_json::Value;

use super::with_client;
use crate::args::{ApiOptions, Global};
use crate::config::Config;
use crate::exit::{CliError, Exit};
use crate::output;

pub(crate) async fn run(global: &Global, config: &Config, options: ApiOptions) -> Result<Exit, CliError> {
    let ApiOptions { method, path, body } = options;
    let known = [Method::GET, Method::POST, Method::PUT, Method::DELETE];
    let method = known.into_iter().find(|known| known.as_str() == method.to_ascii_uppercase());
    let method =
        method.ok_or_else(|| CliError::Usage("the method is one of GET, POST, PUT and DELETE".to_owned()))?;
    if !path.starts_with("/v1/") {
        return Err(CliError::Usage(format!("'{path}' must begin with /v1/; see 'reprise openapi'")));
    }
    let body: Option<Value> = body.map(|body| serde_json::from_str(&body)).transpose().map_err(|error| {
        CliError::Usage(format!("the body is no JSON: {error}; quote it, such as '{{\"enabled\":true}}'"))
    })?;
    with_client(global, config, async |client| {
        output::json(&client.ask(method, &path, body.as_ref()).await?);
        Ok(Exit::Done)
    })
    .await
}
