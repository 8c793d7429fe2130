//! How a replay is shown: progress on a terminal, findings as they come, the report at the end. Does not know where they
//! come from.

use std::io::IsTerminal as _;

use domain::event::RecordedCommand;
use domain::replay::ForkCounts;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use projections::difference::Difference;
use projections::replay::{DivergenceRow, EndingRow, StoredForm};
use runtime::replay::{
    EndingCount, Finding, ForkReport, Line, Progress, RefusedRow, ReplayReport, SentCounts,
};
use serde_json::Value;

use crate::args::Global;
use crate::output;

/// What is shown of a replay.
pub(super) struct Shown {
    json: bool,
    bar: ProgressBar,
}

impl Shown {
    pub(super) fn new(global: &Global) -> Self {
        let bar = ProgressBar::no_length();
        if !std::io::stderr().is_terminal() {
            bar.set_draw_target(ProgressDrawTarget::hidden());
        }
        let style = ProgressStyle::with_template("{spinner} {msg}  {elapsed}");
        bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_spinner()));
        Self { json: global.json, bar }
    }

    /// Shows a line; gives the report when it is one.
    pub(super) fn line(&self, line: Line) -> Option<ReplayReport> {
        match line {
            Line::Progress(progress) => self.progress(&progress),
            Line::Finding(finding) => self.bar.suspend(|| self.finding(&finding)),
            Line::Report(report) => return Some(report),
        }
        None
    }

    fn progress(&self, progress: &Progress) {
        let Progress { position, head, commands, findings, .. } = progress;
        self.bar
            .set_message(format!("{commands} commands, {findings} findings, position {position} of {head}"));
        self.bar.tick();
    }

    fn finding(&self, finding: &Finding) {
        if let Finding::Refused(row) = finding {
            let RefusedRow { stream, version, position, text, .. } = &**row;
            output::note(&format!(
                "the command of {stream} v{version}, position {position}, was refused: {text}"
            ));
        }
        if self.json {
            self.json_line(&serde_json::json!({ "finding": finding }));
            return;
        }
        match finding {
            Finding::Divergence(row) => divergence(row),
            Finding::Ending(row) => ending(row),
            Finding::Refused(_) => {}
        }
    }

    /// Shows how many commands were sent.
    pub(super) fn sent(&self, SentCounts { carried_out, there_already }: SentCounts) {
        self.bar.set_message(format!("{carried_out} carried out, {there_already} there already"));
        self.bar.tick();
    }

    /// Takes the progress away.
    pub(super) fn ended<T>(&self, result: T) -> T {
        self.bar.finish_and_clear();
        result
    }

    pub(super) fn report(&self, report: &ReplayReport) {
        self.bar.finish_and_clear();
        if self.json {
            self.json_line(&serde_json::json!({ "report": report }));
            return;
        }
        let ReplayReport { position, events, commands, findings, fork, reissue: _ } = report;
        if let Some(fork) = fork {
            fork_report(fork, *findings);
        }
        output::line(&format!(
            "{commands} commands decided again, {events} events read up to position {position}: {findings} differ"
        ));
    }

    fn json_line(&self, json: &Value) {
        output::line(&json.to_string());
    }
}

fn ending(row: &EndingRow) {
    output::line(&format!("{}  from v{} on: {} → {}", row.stream, row.since, row.recorded, row.fork));
    differences(&row.differences);
}

fn differences(found: &[Difference]) {
    for Difference { path, before, after } in found {
        output::line(&format!("    {path}  {before} → {after}"));
    }
}

fn fork_report(fork: &ForkReport, findings: u64) {
    let ForkReport { commands, apart, endings, unmet } = fork;
    for EndingCount { kind, recorded, fork, count } in endings {
        output::line(&format!("{count:>8}  {kind}  {recorded} → {fork}"));
    }
    output::line(&format!("{apart} things went their own way, {findings} of them end otherwise"));
    let ForkCounts { decided, without_effect, skipped, edited, .. } = commands;
    let ForkCounts { without_cause, without_lease, over_limit, unreadable, timers, .. } = commands;
    output::line(&format!(
        "{decided} commands decided on the fork, {without_effect} of them without effect there; {skipped} skipped, \
         {edited} edited, {without_cause} without cause, {without_lease} without lease, {over_limit} over a limit, \
         {unreadable} unreadable; {timers} timers fired on the fork alone"
    ));
    for of in unmet {
        output::note(&format!("no command of the log is {of}, so nothing was changed there"));
    }
}

fn divergence(row: &DivergenceRow) {
    let command = row.command.as_ref().and_then(RecordedCommand::name);
    let command = command.unwrap_or("a command that the log does not have".into());
    output::line(&format!(
        "{} v{}  {} at {}, position {}: {}",
        row.stream, row.version, command, row.recorded_at, row.position, row.text
    ));
    for (what, form) in [("recorded", &row.recorded), ("decided ", &row.decided)] {
        if let Some(StoredForm { r#type, data }) = form {
            output::line(&format!("    {what}  {type}  {data}"));
        }
    }
    differences(&row.differences);
}
