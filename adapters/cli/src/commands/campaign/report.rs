//! A campaign's report for people. Does not know how it comes about.

use serde_json::Value;

use crate::commands::cell;
use crate::output;

/// Prints a report.
pub(super) fn print(report: &Value) {
    let at = |pointer: &str| cell(report, pointer);
    let number = |pointer: &str| report.pointer(pointer).and_then(Value::as_u64).unwrap_or(0);
    output::line(&format!(
        "campaign {}, unit {}, scope {}: {}",
        at("/id"),
        at("/unit"),
        at("/scope"),
        at("/state")
    ));
    if report.get("stands_still").is_some() {
        output::line(&format!("stands still: {}", at("/stands_still")));
    }
    let of = report.get("total").map_or_else(String::new, |total| format!(" of {total}"));
    let (keys, waiting, asked) = (at("/keys"), at("/already_waiting"), at("/asked"));
    output::line(&format!("{keys}{of} keys dealt with, {asked} asked for, {waiting} waited already"));
    let (finished, failed, withdrawn) = (at("/finished"), at("/failed"), at("/withdrawn"));
    output::line(&format!("{finished} finished, {failed} failed, {withdrawn} withdrawn"));
    let (changed, same, first) = (at("/changed"), at("/same"), at("/first"));
    output::line(&format!("{changed} changed, {same} the same as before, {first} for the first time"));
    let seconds = number("/duration_ms") / 1_000;
    output::line(&format!(
        "{seconds} s since {}, {} per second",
        at("/started_at"),
        at("/settled_per_second")
    ));
    if let Some(canary) = report.get("canary") {
        let (state, asked, failed) =
            (cell(canary, "/state"), cell(canary, "/tally/asked"), cell(canary, "/tally/failed"));
        let changed = cell(canary, "/tally/changed");
        output::line(&format!("canary {state}: {asked} asked for, {failed} failed, {changed} changed"));
    }
    print_errors(report, number("/errors_other"));
}

fn print_errors(report: &Value, other: u64) {
    let groups = report.get("errors").and_then(Value::as_array).cloned().unwrap_or_default();
    if groups.is_empty() {
        return;
    }
    let row = |group: &Value| ["/count", "/code", "/example"].map(|pointer| cell(group, pointer)).to_vec();
    let mut rows: Vec<Vec<String>> = groups.iter().map(row).collect();
    if other > 0 {
        rows.push(vec![other.to_string(), "other codes".to_owned(), "-".to_owned()]);
    }
    output::table(&["FAILED", "WITH", "FOR EXAMPLE"], &rows);
}
