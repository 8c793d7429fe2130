//! The words of a filter on tasks, as they go into a query string or a body. Does not know what they mean: the server does.

use serde::Serialize;
use serde_json::{Map, Value, json};

use crate::args::TaskFilterOptions;
use crate::client::part;

/// The words that were given.
pub(super) fn words(options: &TaskFilterOptions) -> Map<String, Value> {
    let TaskFilterOptions { status, screen, workspace, batch, external_id, text, worker, .. } = options;
    let TaskFilterOptions { error_code, campaign, held, stuck, external_integration_status, .. } = options;
    let words = [
        given("status", status.as_ref()),
        given("screen", screen.as_ref()),
        given("workspace", workspace.as_ref()),
        given("batch", batch.as_ref()),
        given("external_id", external_id.as_ref()),
        given("text", text.as_ref()),
        given("worker", worker.as_ref()),
        given("error_code", error_code.as_ref()),
        given("campaign", campaign.as_ref()),
        given("held", held.as_ref()),
        given("stuck", stuck.as_ref()),
        given("external_integration_status", external_integration_status.as_ref()),
        given("created_since", options.created_since.as_ref()),
        given("created_before", options.created_before.as_ref()),
        given("updated_since", options.updated_since.as_ref()),
        given("updated_before", options.updated_before.as_ref()),
        given("restart_count_min", options.restart_count_min.as_ref()),
    ];
    words.into_iter().flatten().collect()
}

/// The same as a query string, each with `&` in front.
pub(super) fn query(options: &TaskFilterOptions) -> String {
    let text = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    words(options).iter().map(|(name, value)| format!("&{name}={}", part(&text(value)))).collect()
}

fn given<T: Serialize>(name: &'static str, value: Option<&T>) -> Option<(String, Value)> {
    value.map(|value| (name.to_owned(), json!(value)))
}
