//! What a run says at its end: a table for people, JSON for programs.

use std::time::Duration;

use serde_json::{Value, json};

use super::figure::{Figure, number};
use super::machine::Machine;
use super::rows::Row;
use super::scale::Scale;
use crate::output;

/// The figures of one row.
pub(super) struct RowReport {
    pub(super) row: Row,
    pub(super) figures: Vec<Figure>,
}

/// A whole run.
pub(super) struct Report {
    pub(super) machine: Machine,
    pub(super) scale: Scale,
    pub(super) repeat: u32,
    pub(super) took: Duration,
    pub(super) rows: Vec<RowReport>,
}

impl Report {
    /// A figure of this run, by `row.figure`.
    fn figure(&self, name: &str) -> Option<f64> {
        let (row, figure) = name.split_once('.')?;
        let row = self.rows.iter().find(|report| report.row.name() == row)?;
        row.figures.iter().find(|known| known.name == figure).map(|figure| figure.value)
    }

    pub(super) fn print(&self) {
        let raw = |name: &str| self.figure(name);
        let cells = |row: &Row, figure: &Figure| {
            let value = format!("{} {}", number(figure.value), figure.unit);
            let limit = figure.limit_text(&raw);
            vec![row.name().to_owned(), figure.name.to_owned(), value, limit, figure.ratio_text(&raw)]
        };
        let rows = self.rows.iter();
        let rows =
            rows.flat_map(|report| report.figures.iter().map(move |figure| cells(&report.row, figure)));
        output::line(&self.machine.to_string());
        let Scale { keys, events, rounds, probe_ms, overload_s } = self.scale;
        output::line(&format!(
            "{keys} keys, {events} events, {rounds} rounds, {probe_ms} ms per figure, {overload_s} s of overload, \
             repeated {} times, {:.0} s in all\n",
            self.repeat,
            self.took.as_secs_f64()
        ));
        output::table(&["row", "figure", "value", "limit", "of the raw figure"], &rows.collect::<Vec<_>>());
        let (kept, limits) = self.kept();
        output::line(&format!("\n{kept} of {limits} limits are kept"));
    }

    /// How many limits are kept, of how many.
    fn kept(&self) -> (usize, usize) {
        let raw = |name: &str| self.figure(name);
        let figures = self.rows.iter().flat_map(|report| &report.figures);
        let kept: Vec<bool> = figures.filter_map(|figure| figure.kept(&raw)).collect();
        (kept.iter().filter(|kept| **kept).count(), kept.len())
    }

    pub(super) fn to_json(&self) -> Value {
        let raw = |name: &str| self.figure(name);
        let row = |report: &RowReport| {
            let figures: Vec<Value> = report.figures.iter().map(|figure| figure.to_json(&raw)).collect();
            json!({ "row": report.row.name(), "about": report.row.about(), "figures": figures })
        };
        let (kept, limits) = self.kept();
        json!({
            "limits": { "kept": kept, "of": limits },
            "machine": self.machine,
            "scale": self.scale,
            "repeat": self.repeat,
            "took_s": self.took.as_secs_f64(),
            "rows": self.rows.iter().map(row).collect::<Vec<_>>(),
        })
    }
}
