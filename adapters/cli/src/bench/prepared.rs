//! The history that several rows share: finished cycles of work, four events each, with every index and view, as a server
//! leaves them. Made once in a run, by an engine in this process.

use std::path::PathBuf;

use super::Bench;
use super::engine::{EVENTS_PER_CYCLE, Running, Views};
use super::place::bytes_of;
use crate::exit::CliError;

/// How many commands wait at once while it is made: enough that they share a flush.
const PRODUCERS: usize = 2_048;

/// The parts of a data folder, by what the names of their files begin with; the first is the whole.
const PARTS: [(&str, &str); 5] = [
    ("per_cycle", ""),
    ("log", "events.db"),
    ("index", "index.db"),
    ("hashes", "chain."),
    ("views", "views.db"),
];

/// A data folder in which nobody works.
pub(super) struct Prepared {
    pub(super) folder: PathBuf,
    pub(super) cycles: u64,
    /// Of all cycles.
    pub(super) events: u64,
    /// What its parts took on disk before anything was done with it, in bytes.
    pub(super) parts: Vec<(&'static str, u64)>,
}

pub(super) async fn prepare(bench: &Bench) -> Result<Prepared, CliError> {
    let cycles = bench.scale.events / EVENTS_PER_CYCLE;
    let events = cycles * EVENTS_PER_CYCLE;
    bench.say(&format!("  making a history of {events} events in {cycles} streams"));
    let folder = bench.place.kept_folder("history")?;
    let running = Running::start(&folder, Views::Kept).await?;
    running.cycles(PRODUCERS, 0..cycles, None).await?;
    running.views_reached().await;
    running.stop().await?;
    let part = |(name, prefix): (&'static str, &str)| Ok((name, bytes_of(&folder, prefix)?));
    let parts = PARTS.into_iter().map(part).collect::<Result<_, CliError>>()?;
    Ok(Prepared { folder, cycles, events, parts })
}
