//! `reprise campaign`: bulk requests. Does not know how one is put together: see `start`.

mod report;
mod start;

use domain::names::CampaignId;
use hyper::Method;
use serde_json::{Value, json};

use super::{list, show, with_client};
use crate::args::{CampaignCommand, Global};
use crate::client::{Client, part};
use crate::config::Config;
use crate::exit::{CliError, Exit};
use crate::output;

pub(crate) use start::start;

const CAMPAIGNS: &str = "/v1/campaigns";

pub(crate) async fn run(
    global: &Global,
    config: &Config,
    command: CampaignCommand,
) -> Result<Exit, CliError> {
    with_client(global, config, async |client| match command {
        CampaignCommand::List { unit, at } => {
            let filter = unit.map(|unit| format!("&unit={}", part(unit.as_str()))).unwrap_or_default();
            let reply = client.get(&at.of(&format!("{CAMPAIGNS}?limit=1000{filter}"))).await?;
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
                        ("STANDS STILL", "/stands_still"),
                    ],
                );
            }))
        }
        CampaignCommand::Show { id, at } => {
            let reply = client.get(&at.of(&format!("{CAMPAIGNS}/{id}"))).await?;
            Ok(show(global, &reply, output::json))
        }
        CampaignCommand::Report { id, at } => {
            let reply = client.get(&at.of(&format!("{CAMPAIGNS}/{id}/report"))).await?;
            Ok(show(global, &reply, report::print))
        }
        CampaignCommand::Start(options) => start(global, &client, &options).await,
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
