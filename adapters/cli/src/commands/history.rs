//! `reprise history`: everything that ever happened to one thing, and what led from one thing to another.

use domain::names::CampaignId;
use serde_json::{Value, json};

use super::{cell, diff, items, show, with_client};
use crate::args::{AtOption, Global, HistoryOptions};
use crate::client::{Client, part};
use crate::config::Config;
use crate::exit::{CliError, Exit};
use crate::output;

pub(crate) async fn run(global: &Global, config: &Config, options: HistoryOptions) -> Result<Exit, CliError> {
    let HistoryOptions { subject, attempts, brief, at } = options;
    let place = place(&subject);
    let is_command = place.starts_with("/v1/commands/");
    if is_command && (at.at.is_some() || attempts) {
        let wrong = "a command is what it is: it has no attempts and takes no moment";
        return Err(CliError::Usage(wrong.to_owned()));
    }
    if attempts && !["/v1/key-scopes/", "/v1/tasks/"].iter().any(|of| place.starts_with(of)) {
        return Err(CliError::Usage("only UNIT/SCOPE/KEY and task/ID have attempts".to_owned()));
    }
    let wanted = Wanted { attempts, brief, at };
    with_client(global, config, async |client| {
        if is_command {
            let reply = client.get(&place).await?;
            return Ok(show(global, &reply, command));
        }
        of(global, &client, &place, wanted).await
    })
    .await
}

/// How many hexadecimal digits of a digest are shown.
const DIGITS_SHOWN: usize = 12;

/// What is wanted of a history.
#[derive(Debug, Clone, Copy)]
pub(super) struct Wanted {
    /// The attempts in place of the events.
    pub(super) attempts: bool,
    /// Without what each event changed.
    pub(super) brief: bool,
    /// As of when.
    pub(super) at: AtOption,
}

/// The history of what is at a path, or its attempts.
pub(super) async fn of(
    global: &Global,
    client: &Client,
    place: &str,
    wanted: Wanted,
) -> Result<Exit, CliError> {
    let Wanted { attempts: wants_attempts, brief, at } = wanted;
    if wants_attempts {
        let reply = whole(client, &format!("{place}/attempts"), at).await?;
        return Ok(show(global, &reply, attempts));
    }
    let reply = whole(client, &format!("{place}/events"), at).await?;
    Ok(show(global, &reply, |reply| events(reply, brief)))
}

/// A list page by page, so that a long one is shown whole.
pub(super) async fn whole(client: &Client, path: &str, at: AtOption) -> Result<Value, CliError> {
    let mut all = Vec::new();
    let mut after = String::new();
    loop {
        let reply = client.get(&at.of(&format!("{path}?limit=1000{after}"))).await?;
        all.extend_from_slice(items(&reply));
        match reply.get("next") {
            None | Some(Value::Null) => {
                return Ok(json!({ "items": all, "next": null, "position": reply.get("position") }));
            }
            Some(_) => after = format!("&after={}", part(&cell(&reply, "/next"))),
        }
    }
}

/// Where a subject's resource is: a campaign's id, `UNIT/SCOPE/KEY`, `UNIT`, or the kind of thing and its number or name.
fn place(subject: &str) -> String {
    if subject.parse::<CampaignId>().is_ok() {
        return format!("/v1/campaigns/{subject}");
    }
    let mut parts = subject.splitn(3, '/');
    match (parts.next(), parts.next(), parts.next()) {
        (Some(unit), Some(scope), Some(key)) => {
            format!("/v1/key-scopes/{}/{}/{}", part(unit), part(scope), part(key))
        }
        (Some("task"), Some(id), None) => format!("/v1/tasks/{}", part(id)),
        (Some("workspace"), Some(id), None) => format!("/v1/workspaces/{}", part(id)),
        (Some("batch"), Some(id), None) => format!("/v1/batches/{}", part(id)),
        (Some("command"), Some(name), None) => format!("/v1/commands/{}", part(name)),
        (_, _, _) => format!("/v1/storage-units/{}", part(subject)),
    }
}

fn events(reply: &Value, brief: bool) {
    for event in items(reply) {
        output::line(&format!(
            "{}  v{}  p{}  {}  {}",
            cell(event, "/at"),
            cell(event, "/version"),
            cell(event, "/position"),
            cell(event, "/event"),
            cell(event, "/summary")
        ));
        let reason =
            event.get("reason").map(|_| format!(", because {}", cell(event, "/reason"))).unwrap_or_default();
        let follows =
            if event.get("causation_id").is_some() { ", which followed from another one" } else { "" };
        output::line(&format!(
            "    by {} with {}{follows}{reason}",
            cell(event, "/actor"),
            cell(event, "/command")
        ));
        if !brief {
            diff::changes(event);
        }
    }
}

fn attempts(reply: &Value) {
    let headings = [
        "ATTEMPT", "STAGE", "OUTCOME", "WORKER", "ASSIGNED", "STARTED", "ENDED", "ERROR", "INPUT", "MODULES",
        "OUTPUT",
    ];
    let pointers =
        ["/number", "/stage", "/outcome", "/worker", "/assigned_at", "/started_at", "/ended_at", "/code"];
    let row = |item: &Value| {
        let told = pointers.iter().map(|pointer| cell(item, pointer));
        told.chain([input(item), modules(item), short(&cell(item, "/digest"))]).collect()
    };
    let rows: Vec<Vec<String>> = items(reply).iter().map(row).collect();
    output::table(&headings, &rows);
}

/// What an attempt had to work on: a document, or what the stages before had made.
fn input(attempt: &Value) -> String {
    match attempt.pointer("/given/outputs").and_then(Value::as_object) {
        None => short(&cell(attempt, "/given/document")),
        Some(outputs) => {
            let digests = outputs.values().filter_map(Value::as_str).map(short);
            digests.collect::<Vec<_>>().join(" ")
        }
    }
}

/// Which modules were to run, and of which version of the unit or workspace they are.
fn modules(attempt: &Value) -> String {
    let names = attempt.pointer("/given/modules").and_then(Value::as_array);
    let Some(names) = names else { return "-".to_owned() };
    let names: Vec<_> = names.iter().filter_map(Value::as_str).collect();
    format!("{} (v{})", names.join(" "), cell(attempt, "/given/modules_version"))
}

/// As much of a digest as tells it from others.
fn short(digest: &str) -> String {
    digest.chars().take("sha256:".len() + DIGITS_SHOWN).collect()
}

fn command(reply: &Value) {
    let nothing = Value::Null;
    let list = |name: &str| reply.get(name).and_then(Value::as_array).cloned().unwrap_or_default();
    let line = |command: &Value| {
        let reason = command.get("reason").map(|_| format!(", because {}", cell(command, "/reason")));
        output::line(&format!(
            "{}  p{}  {}  {}  by {}{}",
            cell(command, "/at"),
            cell(command, "/position"),
            cell(command, "/stream"),
            cell(command, "/command/name"),
            cell(command, "/actor"),
            reason.unwrap_or_default()
        ));
    };
    line(reply.get("command").unwrap_or(&nothing));
    for event in list("events") {
        output::line(&format!(
            "    recorded v{}  p{}  {}  {}",
            cell(&event, "/version"),
            cell(&event, "/position"),
            cell(&event, "/event"),
            cell(&event, "/summary")
        ));
    }
    for (heading, name) in [("caused by", "causes"), ("caused", "caused")] {
        let commands = list(name);
        if !commands.is_empty() {
            output::line(heading);
            commands.iter().for_each(line);
        }
    }
    if reply.get("next").is_some_and(|next| !next.is_null()) {
        output::note(&format!(
            "there may be more; GET /v1/commands/NAME?after={} goes on",
            cell(reply, "/next")
        ));
    }
}

#[cfg(test)]
mod tests {
    use super::place;

    #[test]
    fn a_subject_is_a_unit_a_key_scope_a_campaign_or_a_kind_of_thing_with_its_name() {
        assert_eq!(place("docs"), "/v1/storage-units/docs");
        assert_eq!(place("docs/content/a/b.txt"), "/v1/key-scopes/docs/content/a%2Fb%2Etxt");
        let id = "018f6d5e-7a1b-7c3d-8e4f-5a6b7c8d9e0f";
        assert_eq!(place(id), format!("/v1/campaigns/{id}"));
        assert_eq!(place("task/104"), "/v1/tasks/104");
        assert_eq!(place("workspace/7"), "/v1/workspaces/7");
        assert_eq!(place("batch/9"), "/v1/batches/9");
        assert_eq!(place("command/p4711"), "/v1/commands/p4711");
    }
}
