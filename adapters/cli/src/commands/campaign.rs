//! `reprise campaign`: bulk requests.

use domain::names::CampaignId;
use hyper::Method;
use serde_json::{Map, Value, json};

use super::{cell, list, show, with_client};
use crate::args::{CampaignCommand, Global};
use crate::client::{Client, part};
use crate::config::Config;
use crate::exit::{CliError, Exit};
use crate::output;

const CAMPAIGNS: &str = "/v1/campaigns";

pub(crate) async fn run(
    global: &Global,
    config: &Config,
    command: CampaignCommand,
) -> Result<Exit, CliError> {
    with_client(global, config, async |client| match command {
        CampaignCommand::List { unit } => {
            let filter = unit.map(|unit| format!("&unit={}", part(unit.as_str()))).unwrap_or_default();
            let reply = client.get(&format!("{CAMPAIGNS}?limit=1000{filter}")).await?;
            Ok(show(global, &reply, |reply| {
                list(
                    reply,
                    &[
                        ("CAMPAIGN", "/id"),
                        ("UNIT", "/unit"),
                        ("SCOPE", "/scope"),
                        ("STATE", "/state"),
                        ("ASKED", "/asked"),
                        ("FINISHED", "/finished"),
                        ("FAILED", "/failed"),
                        ("STARTED", "/started_at"),
                    ],
                );
            }))
        }
        CampaignCommand::Show { id } => {
            let reply = client.get(&format!("{CAMPAIGNS}/{id}")).await?;
            Ok(show(global, &reply, output::json))
        }
        CampaignCommand::Start { unit, scope, keys_per_second_max, in_flight_max, reason } => {
            let mut pace = Map::new();
            pace.extend(keys_per_second_max.map(|max| ("keys_per_second_max".to_owned(), json!(max))));
            pace.extend(in_flight_max.map(|max| ("in_flight_max".to_owned(), json!(max))));
            let mut body = json!({ "unit": unit, "scope": scope, "pace": pace });
            if let (Some(body), Some(reason)) = (body.as_object_mut(), reason) {
                body.insert("reason".to_owned(), json!(reason));
            }
            let reply = client.send(Method::POST, CAMPAIGNS, &body).await?;
            Ok(show(global, &reply, |reply| {
                output::line(&format!("started campaign {}", cell(reply, "/id")));
            }))
        }
        CampaignCommand::Pause { id } => act(global, &client, id, "pause", "paused").await,
        CampaignCommand::Resume { id } => act(global, &client, id, "resume", "resumed").await,
        CampaignCommand::Cancel { id } => act(global, &client, id, "cancel", "cancelled").await,
    })
    .await
}

async fn act(
    global: &Global,
    client: &Client,
    id: CampaignId,
    verb: &str,
    done: &str,
) -> Result<Exit, CliError> {
    let reply: Value = client.send(Method::POST, &format!("{CAMPAIGNS}/{id}/{verb}"), &json!({})).await?;
    Ok(show(global, &reply, |_| output::line(&format!("{done} campaign {id}"))))
}
