//! `reprise diff`: what changed on the board between two moments.

use serde_json::Value;

use super::{cell, items, show, with_client};
use crate::args::{DiffOptions, Global};
use crate::client::part;
use crate::config::Config;
use crate::exit::{CliError, Exit};
use crate::output;

pub(crate) async fn run(global: &Global, config: &Config, options: DiffOptions) -> Result<Exit, CliError> {
    let DiffOptions { from, to, view, limit } = options;
    with_client(global, config, async |client| {
        let mut path = format!("/v1/diff?from={}&limit={limit}", part(&from.to_string()));
        if let Some(to) = to {
            path += &format!("&to={}", part(&to.to_string()));
        }
        if let Some(view) = &view {
            path += &format!("&view={}", part(view));
        }
        let reply = client.get(&path).await?;
        Ok(show(global, &reply, diff))
    })
    .await
}

fn diff(reply: &Value) {
    let moment = |name: &str| {
        format!("p{} ({})", cell(reply, &format!("/{name}/position")), cell(reply, &format!("/{name}/at")))
    };
    output::line(&format!("from {} to {}", moment("from"), moment("to")));
    let totals = reply.get("totals").and_then(Value::as_object).cloned().unwrap_or_default();
    let row = |(view, totals): (&String, &Value)| {
        let counts = ["/added", "/removed", "/changed"].map(|kind| cell(totals, kind));
        [view.clone()].into_iter().chain(counts).collect()
    };
    let rows: Vec<Vec<String>> = totals.iter().map(row).collect();
    output::table(&["VIEW", "ADDED", "REMOVED", "CHANGED"], &rows);
    for item in items(reply) {
        output::line("");
        output::line(&format!("{} {} {}", cell(item, "/kind"), cell(item, "/view"), cell(item, "/key")));
        changes(item);
    }
    if reply.get("next").is_some_and(|next| !next.is_null()) {
        output::note("there are more; --limit shows more of them, --view only those of one view");
    }
}

/// Prints what changed, a line for each place.
pub(super) fn changes(item: &Value) {
    let list = item.get("changes").and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
    for change in list {
        let (before, after) = (cell(change, "/before"), cell(change, "/after"));
        output::line(&format!("    {}: {before} -> {after}", cell(change, "/path")));
    }
}
