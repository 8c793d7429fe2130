//! What came of a run, for people and as JSON.

use std::collections::BTreeMap;
use std::time::Duration;

use projections::views::{CampaignRow, FirstFailure};
use serde::Serialize;

use crate::output;
use crate::run::prepare::Prepared;

/// What came of a run.
#[derive(Debug, Serialize)]
pub(crate) struct Summary {
    unit: String,
    scope: String,
    location: String,
    campaign: String,
    state: &'static str,
    /// Documents that were asked for.
    documents: u64,
    /// Documents that came to an end in this campaign, by whichever process.
    processed: u64,
    /// Of those, by this process.
    processed_now: u64,
    finished: u64,
    failed: u64,
    failed_by_code: BTreeMap<String, u64>,
    first_failures: Vec<FirstFailure>,
    /// Against the last finished run of each document.
    same: u64,
    changed: u64,
    first: u64,
    already_waiting: u64,
    seconds: f64,
    documents_per_second: f64,
}

impl Summary {
    pub(crate) fn new(prepared: &Prepared, row: &CampaignRow, elapsed: Duration, before: u64) -> Self {
        let processed_now = row.settled().saturating_sub(before);
        let seconds = elapsed.as_secs_f64();
        Self {
            unit: prepared.unit.to_string(),
            scope: prepared.scope.to_string(),
            location: prepared.location.url.clone(),
            campaign: row.id.to_string(),
            state: row.state.name(),
            documents: row.asked,
            processed: row.settled(),
            processed_now,
            finished: row.finished,
            failed: row.failed,
            failed_by_code: row.errors.clone(),
            first_failures: row.first_failures.clone(),
            same: row.same,
            changed: row.changed,
            first: row.first,
            already_waiting: row.already_waiting,
            seconds,
            documents_per_second: if seconds > 0.0 { processed_now as f64 / seconds } else { 0.0 },
        }
    }

    pub(crate) fn print(&self, json: bool) {
        if json {
            output::json(self);
            return;
        }
        output::line(&format!(
            "processed  {} of {} documents in {:.1} s ({:.0}/s)",
            self.processed, self.documents, self.seconds, self.documents_per_second
        ));
        if self.processed_now < self.processed {
            output::line(&format!("           {} of them in this go, the others before", self.processed_now));
        }
        if self.already_waiting > 0 {
            output::line(&format!(
                "waiting    {} were queued already by another request",
                self.already_waiting
            ));
        }
        output::line(&format!("failed     {}{}", self.failed, self.codes()));
        for failure in &self.first_failures {
            let text = failure.text.lines().next().unwrap_or_default();
            output::line(&format!("           {}: {}: {text}", failure.key, failure.code));
        }
        output::line(&format!("same       {} as in their last run", self.same));
        output::line(&format!("changed    {}", self.changed));
        output::line(&format!("first      {} never processed before", self.first));
        output::line(&format!("unit {}, scope {}, campaign {}", self.unit, self.scope, self.campaign));
        if self.documents == 0 && self.already_waiting == 0 {
            output::note("reprise: no document matched; look at the folder and at --glob");
        }
    }

    fn codes(&self) -> String {
        let codes: Vec<String> =
            self.failed_by_code.iter().map(|(code, count)| format!("{code}: {count}")).collect();
        if codes.is_empty() { String::new() } else { format!(" ({})", codes.join(", ")) }
    }
}
