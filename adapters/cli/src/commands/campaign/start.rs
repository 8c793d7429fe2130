//! Starting a campaign, or looking at what one would visit. Does not know how keys are chosen: the server does.

use hyper::Method;
use serde::Serialize;
use serde_json::{Map, Value, json};

use super::CAMPAIGNS;
use crate::args::{CanaryOptions, FilterOptions, Global, StartOptions};
use crate::client::Client;
use crate::commands::{cell, show};
use crate::exit::{CliError, Exit};
use crate::output;

pub(crate) async fn start(
    global: &Global,
    client: &Client,
    options: &StartOptions,
) -> Result<Exit, CliError> {
    let body = body(options);
    if options.dry_run {
        client.send_for_lines(CAMPAIGNS, &body, |line| preview(global, line)).await?;
        return Ok(Exit::Done);
    }
    let reply = client.send(Method::POST, CAMPAIGNS, &body).await?;
    Ok(show(global, &reply, |reply| {
        let id = cell(reply, "/id");
        let keys = match reply.pointer("/pinned/keys") {
            Some(keys) => format!(" over {keys} keys"),
            None => String::new(),
        };
        output::line(&format!(
            "started campaign {id}{keys}; 'reprise campaign show {id}' tells how far it is"
        ));
    }))
}

/// A line of a dry run: what it is all about, then a key each.
fn preview(global: &Global, line: &Value) {
    if global.json {
        output::line(&line.to_string());
    } else if line.get("key").is_some() {
        output::line(&cell(line, "/key"));
    } else {
        let (total, digest) = (cell(line, "/total"), cell(line, "/digest"));
        output::note(&format!("{total} keys; --expect {digest} begins with exactly these"));
    }
}

fn body(options: &StartOptions) -> Value {
    let StartOptions { unit, scope, keys_per_second_max, in_flight_max, dry_run, expect, reason, .. } =
        options;
    let pace = object([
        given("keys_per_second_max", keys_per_second_max.as_ref()),
        given("in_flight_max", in_flight_max.as_ref()),
    ]);
    let filter = Some(filter(&options.filter)).filter(|filter| !filter.is_empty());
    object([
        given("unit", Some(unit)),
        given("scope", Some(scope)),
        given("filter", filter.as_ref()),
        given("pace", Some(&pace)),
        given("canary", canary(&options.canary).as_ref()),
        given("expect", expect.as_ref()),
        given("dry_run", Some(dry_run)),
        given("reason", reason.as_ref()),
    ])
    .into()
}

fn filter(options: &FilterOptions) -> Map<String, Value> {
    let FilterOptions { status, held, campaign, error_code, key_prefix, change, .. } = options;
    object([
        given("status", status.as_ref()),
        given("held", held.as_ref()),
        given("campaign", campaign.as_ref()),
        given("error_code", error_code.as_ref()),
        given("key_prefix", key_prefix.as_ref()),
        given("change", change.as_ref()),
        given("ever_finished", options.ever_finished.as_ref()),
        given("finished_since", options.finished_since.as_ref()),
        given("finished_before", options.finished_before.as_ref()),
        given("updated_since", options.updated_since.as_ref()),
        given("updated_before", options.updated_before.as_ref()),
        given("restart_count_min", options.restart_count_min.as_ref()),
    ])
}

fn canary(options: &CanaryOptions) -> Option<Map<String, Value>> {
    let size = match (options.canary_keys, options.canary_percent) {
        (Some(keys), _) => json!({ "keys": keys }),
        (None, Some(percent)) => json!({ "percent": percent }),
        (None, None) => return None,
    };
    let stop_when = object([
        given("failed_share_max", options.failed_share_max.as_ref()),
        given("changed_share_max", options.changed_share_max.as_ref()),
    ]);
    let then = if options.canary_wait { "wait" } else { "continue" };
    Some(object([
        given("size", Some(&size)),
        given("stop_when", Some(&stop_when)),
        given("then", Some(&then)),
    ]))
}

/// A member, when it was given.
fn given<T: Serialize>(name: &'static str, value: Option<&T>) -> Option<(String, Value)> {
    value.map(|value| (name.to_owned(), json!(value)))
}

fn object<const N: usize>(members: [Option<(String, Value)>; N]) -> Map<String, Value> {
    members.into_iter().flatten().collect()
}
