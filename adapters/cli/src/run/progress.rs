//! The progress bar: done, failed, rate, time left. Only on a terminal.

use std::io::IsTerminal as _;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressState, ProgressStyle};
use projections::views::CampaignRow;

/// Shows how far a campaign has come.
pub(crate) struct Progress {
    bar: ProgressBar,
    before: u64,
}

const COUNTING: &str = "{spinner} {msg}  {rate}  {elapsed}";
const KNOWN: &str = "{bar:30} {percent:>3} %  {msg}  {rate}  {left} left";

impl Progress {
    /// Starts a bar. `before` is how many documents an earlier process had settled: they do not count for the rate.
    pub(crate) fn start(quiet: bool, resumed: bool, before: u64) -> Self {
        let bar = ProgressBar::no_length();
        if quiet || !std::io::stderr().is_terminal() {
            bar.set_draw_target(ProgressDrawTarget::hidden());
        }
        bar.set_style(style(COUNTING));
        if resumed {
            bar.println(format!("going on with an unfinished run: {before} documents are done"));
        }
        Self { bar, before }
    }

    pub(crate) fn show(&self, row: &CampaignRow) {
        if row.exhausted && self.bar.length().is_none() {
            self.bar.set_style(style(KNOWN));
            self.bar.set_length(row.asked.saturating_sub(self.before));
        }
        self.bar.set_position(row.settled().saturating_sub(self.before));
        self.bar.set_message(format!("{} done, {} failed", row.finished, row.failed));
    }

    pub(crate) fn end(&self) {
        self.bar.finish_and_clear();
    }
}

fn style(template: &str) -> ProgressStyle {
    let style = ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar());
    let rate = |state: &ProgressState, text: &mut dyn std::fmt::Write| {
        let _shown = write!(text, "{:.0}/s", state.per_sec());
    };
    let left = |state: &ProgressState, text: &mut dyn std::fmt::Write| {
        let _shown = write!(text, "{} s", state.eta().as_secs());
    };
    // A bar that cannot be written to shows nothing, which is all there is to do about it.
    style.with_key("rate", rate).with_key("left", left)
}
