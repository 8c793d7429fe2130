//! `reprise bench`: what this program does on this machine, beside what the machine itself can do.
//!
//! The server under test is a process of its own, so that its memory, its processor time and its start are its own; this
//! process makes the load. Each row is measured by a file in `rows`. Bounded in time and disk; nothing stays behind.

mod appends;
mod engine;
mod figure;
mod http;
mod load;
mod machine;
mod no_views;
mod place;
mod prepared;
mod quantiles;
mod report;
mod rows;
mod scale;
mod server;

use std::time::{Duration, Instant};

use clap::ValueEnum as _;
use tokio::sync::OnceCell;

use crate::args::{BenchOptions, Global};
use crate::exit::{CliError, Exit};
use crate::output;
use crate::serve::terminated;
use figure::Figure;
use machine::Machine;
use place::Place;
use prepared::Prepared;
use report::{Report, RowReport};
pub(crate) use rows::{Row, echo_server};
pub(crate) use scale::Size;
use scale::{Instead, Scale};

/// After this time a run is broken off.
const RUN_TIME_MAX: Duration = Duration::from_secs(2 * 60 * 60);
/// What a run needs on disk beside what its keys need.
const DISK_BYTES_BASE: u64 = 2 << 30;
/// What a key of `reprocess-all` needs on disk at most: its document, its events, its rows, and the logs of both
/// databases while they grow.
const DISK_BYTES_PER_KEY: u64 = 8 << 10;
/// What an event of the prepared history needs on disk at most, while its views are built a second time.
const DISK_BYTES_PER_EVENT: u64 = 1_280;

/// What every row may use.
struct Bench {
    scale: Scale,
    place: Place,
    prepared: OnceCell<Prepared>,
}

impl Bench {
    /// The history that several rows share; made when the first of them asks for it.
    async fn prepared(&self) -> Result<&Prepared, CliError> {
        self.prepared.get_or_try_init(|| prepared::prepare(self)).await
    }

    /// Says how far it has come.
    fn say(&self, text: &str) {
        output::note(text);
    }
}

/// Measures the rows that were asked for, all without a word.
pub(crate) async fn bench(global: &Global, options: BenchOptions) -> Result<Exit, CliError> {
    if options.list {
        for row in Row::value_variants() {
            output::line(&format!("{:<14}{}", row.name(), row.about()));
        }
        return Ok(Exit::Done);
    }
    let rows = if options.rows.is_empty() { Row::value_variants().to_vec() } else { options.rows };
    let instead = Instead { keys: options.keys, events: options.events, overload_s: options.overload };
    let scale = Scale::new(options.scale, instead);
    let place = Place::new(options.dir.as_deref(), disk_bytes_max(&rows, scale))?;
    let bench = Bench { scale, place, prepared: OnceCell::new() };
    let machine = Machine::look(bench.place.path());
    bench.say(&machine.to_string());
    bench.say(&format!(
        "below {}, which goes away at the end; at most {} minutes and {:.1} GiB",
        bench.place.path().display(),
        RUN_TIME_MAX.as_secs() / 60,
        bench.place.bytes_max() as f64 / f64::from(1 << 30),
    ));
    let started = Instant::now();
    let measured = tokio::select! {
        measured = tokio::time::timeout(RUN_TIME_MAX, measure(&bench, &rows, options.repeat)) => measured,
        stopped = terminated() => return stopped.map(|()| Exit::Interrupted),
    };
    let rows = measured.unwrap_or_else(|_| Err(too_long()))?;
    let report =
        Report { machine, scale: bench.scale, repeat: options.repeat, took: started.elapsed(), rows };
    if global.json {
        output::json(&report.to_json());
    } else {
        report.print();
    }
    Ok(Exit::Done)
}

/// Measures the rows one after the other, as often as asked, and gives the medians.
async fn measure(bench: &Bench, rows: &[Row], repeat: u32) -> Result<Vec<RowReport>, CliError> {
    let mut measured: Vec<Vec<Vec<Figure>>> = vec![Vec::new(); rows.len()];
    for round in 1..=repeat {
        for (row, runs) in rows.iter().zip(&mut measured) {
            bench.say(&format!("{} ({round} of {repeat})", row.name()));
            runs.push(row.measure(bench).await?);
            bench.place.clear()?;
        }
    }
    let medians = measured.into_iter().map(Figure::medians);
    Ok(rows.iter().zip(medians).map(|(row, figures)| RowReport { row: *row, figures }).collect())
}

/// What these rows may need on disk together: the history stays until the end, everything else goes with its row.
fn disk_bytes_max(rows: &[Row], scale: Scale) -> u64 {
    let keys = if rows.iter().any(|row| row.needs_keys()) { scale.keys } else { 0 };
    let events = if rows.iter().any(|row| row.needs_history()) { scale.events } else { 0 };
    DISK_BYTES_BASE + keys * DISK_BYTES_PER_KEY + events * DISK_BYTES_PER_EVENT
}

fn too_long() -> CliError {
    CliError::Unavailable(format!(
        "the run took more than {} minutes and was broken off; choose rows or a smaller --scale",
        RUN_TIME_MAX.as_secs() / 60
    ))
}

/// What went wrong on the way to a figure.
fn failed(what: &str, error: &dyn std::fmt::Display) -> CliError {
    CliError::Environment(format!("the benchmark cannot {what}: {error}"))
}
