//! How a replay is shown: progress on a terminal, findings as they come, the report at the end. Does not know where they
//! come from.

use std::io::IsTerminal as _;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use projections::replay::{DivergenceRow, StoredForm};
use runtime::replay::{Finding, Line, Progress, ReplayReport};
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
        if self.json {
            self.json_line(&serde_json::json!({ "finding": finding }));
            return;
        }
        match finding {
            Finding::Divergence(row) => divergence(row),
        }
    }

    pub(super) fn report(&self, report: &ReplayReport) {
        self.bar.finish_and_clear();
        if self.json {
            self.json_line(&serde_json::json!({ "report": report }));
            return;
        }
        let ReplayReport { position, events, commands, findings } = report;
        output::line(&format!(
            "{commands} commands decided again, {events} events read up to position {position}: {findings} differ"
        ));
    }

    fn json_line(&self, json: &Value) {
        output::line(&json.to_string());
    }
}

fn divergence(row: &DivergenceRow) {
    let command = row.command.as_ref().and_then(|command| command.0.get("name")).and_then(Value::as_str);
    let command = command.unwrap_or("a command that the log does not have");
    output::line(&format!(
        "{} v{}  {} at {}, position {}: {}",
        row.stream, row.version, command, row.recorded_at, row.position, row.text
    ));
    for (what, form) in [("recorded", &row.recorded), ("decided ", &row.decided)] {
        if let Some(StoredForm { r#type, data }) = form {
            output::line(&format!("    {what}  {type}  {data}"));
        }
    }
    for difference in &row.differences {
        output::line(&format!("    {}  {} → {}", difference.path, difference.before, difference.after));
    }
}
