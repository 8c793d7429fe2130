//! The progress of what takes long: done, rate, time left. Only on a terminal. Does not know what is done.

use std::io::{self, IsTerminal as _, Read};
use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::args::Global;

/// How often a bar moves although nothing has happened.
const TICK: Duration = Duration::from_millis(100);

const EVENTS: &str = "{bar:30} {percent:>3} %  {human_pos} events  {per_sec}  {eta} left";
const EVENTS_COUNTED: &str = "{spinner} {human_pos} events  {per_sec}  {elapsed}";
const BYTES: &str = "{bar:30} {percent:>3} %  {bytes}  {bytes_per_sec}  {eta} left";
const BYTES_COUNTED: &str = "{spinner} {bytes}  {bytes_per_sec}  {elapsed}";

/// How far something has come.
#[derive(Debug, Clone)]
pub(crate) struct Progress {
    bar: ProgressBar,
    known: &'static str,
    counted: &'static str,
}

impl Progress {
    /// Of something that is done event by event.
    pub(crate) fn of_events(global: &Global) -> Self {
        Self::new(global, EVENTS, EVENTS_COUNTED)
    }

    /// Of something that is done byte by byte.
    pub(crate) fn of_bytes(global: &Global) -> Self {
        Self::new(global, BYTES, BYTES_COUNTED)
    }

    fn new(global: &Global, known: &'static str, counted: &'static str) -> Self {
        let bar = ProgressBar::no_length();
        if global.json || !io::stderr().is_terminal() {
            bar.set_draw_target(ProgressDrawTarget::hidden());
        }
        Self { bar, known, counted }
    }

    /// So much is to be done.
    pub(crate) fn begin(&self, total: u64) {
        self.bar.reset();
        self.bar.set_style(style(self.known));
        self.bar.set_length(total);
    }

    /// Nobody knows how much is to be done.
    pub(crate) fn count(&self) {
        self.bar.set_style(style(self.counted));
        self.bar.enable_steady_tick(TICK);
    }

    /// So much more was done.
    pub(crate) fn add(&self, more: u64) {
        self.bar.inc(more);
    }

    /// What is read from here on counts.
    pub(crate) fn reading<R: Read>(&self, input: R) -> impl Read + use<R> {
        self.bar.wrap_read(input)
    }

    pub(crate) fn end(&self) {
        self.bar.finish_and_clear();
    }
}

fn style(template: &str) -> ProgressStyle {
    ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar())
}
