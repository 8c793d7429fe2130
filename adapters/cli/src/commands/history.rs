//! `reprise history`: everything that ever happened to one thing.

use domain::names::CampaignId;
use serde_json::{Value, json};

use super::{cell, items, show, with_client};
use crate::args::{Global, HistoryOptions};
use crate::client::{Client, part};
use crate::config::Config;
use crate::exit::{CliError, Exit};
use crate::output;

pub(crate) async fn run(global: &Global, config: &Config, options: HistoryOptions) -> Result<Exit, CliError> {
    let place = place(&options.subject);
    if options.attempts && !place.starts_with("/v1/key-scopes/") {
        return Err(CliError::Usage("only UNIT/SCOPE/KEY has attempts".to_owned()));
    }
    with_client(global, config, async |client| of(global, &client, &place, options.attempts).await).await
}

/// The history of what is at a path, or its attempts.
pub(super) async fn of(
    global: &Global,
    client: &Client,
    place: &str,
    wants_attempts: bool,
) -> Result<Exit, CliError> {
    if wants_attempts {
        let reply = client.get(&format!("{place}/attempts")).await?;
        return Ok(show(global, &reply, attempts));
    }
    let (all, position) = entries(client, place).await?;
    let reply = json!({ "items": all, "next": null, "position": position });
    Ok(show(global, &reply, events))
}

/// Everything that happened to what is at a path, and as of which position: page by page, so that a long history is whole.
pub(super) async fn entries(client: &Client, place: &str) -> Result<(Vec<Value>, Value), CliError> {
    let mut all = Vec::new();
    let mut after = String::new();
    loop {
        let reply = client.get(&format!("{place}/events?limit=1000{after}")).await?;
        all.extend_from_slice(items(&reply));
        match reply.get("next") {
            None | Some(Value::Null) => {
                return Ok((all, reply.get("position").cloned().unwrap_or_default()));
            }
            Some(_) => after = format!("&after={}", part(&cell(&reply, "/next"))),
        }
    }
}

/// Where a subject's resource is: a campaign's id, `UNIT/SCOPE/KEY`, or `UNIT`.
fn place(subject: &str) -> String {
    if subject.parse::<CampaignId>().is_ok() {
        return format!("/v1/campaigns/{subject}");
    }
    let mut parts = subject.splitn(3, '/');
    match (parts.next(), parts.next(), parts.next()) {
        (Some(unit), Some(scope), Some(key)) => {
            format!("/v1/key-scopes/{}/{}/{}", part(unit), part(scope), part(key))
        }
        (_, _, _) => format!("/v1/storage-units/{}", part(subject)),
    }
}

fn events(reply: &Value) {
    for event in items(reply) {
        output::line(&format!(
            "{}  v{}  {}  {}",
            cell(event, "/at"),
            cell(event, "/version"),
            cell(event, "/event"),
            cell(event, "/summary")
        ));
        let reason =
            event.get("reason").map(|_| format!(", because {}", cell(event, "/reason"))).unwrap_or_default();
        output::line(&format!("    by {} with {}{reason}", cell(event, "/actor"), cell(event, "/command")));
    }
}

fn attempts(reply: &Value) {
    let headings = ["ATTEMPT", "OUTCOME", "WORKER", "ASSIGNED", "ENDED", "ERROR", "DIGEST"];
    let pointers = ["/attempt", "/outcome", "/worker", "/assigned_at", "/ended_at", "/error/code", "/digest"];
    let row = |item: &Value| pointers.iter().map(|pointer| cell(item, pointer)).collect();
    let rows: Vec<Vec<String>> = items(reply).iter().map(row).collect();
    output::table(&headings, &rows);
}

#[cfg(test)]
mod tests {
    use super::place;

    #[test]
    fn a_subject_is_a_unit_a_key_scope_or_a_campaign() {
        assert_eq!(place("docs"), "/v1/storage-units/docs");
        assert_eq!(place("docs/content/a/b.txt"), "/v1/key-scopes/docs/content/a%2Fb%2Etxt");
        let id = "018f6d5e-7a1b-7c3d-8e4f-5a6b7c8d9e0f";
        assert_eq!(place(id), format!("/v1/campaigns/{id}"));
    }
}
