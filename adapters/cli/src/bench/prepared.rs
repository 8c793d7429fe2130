//! The history that several rows share: finished cycles of work, four events each, with every index and view, as a server
//! leaves them. Made once in a run, by an engine in this process.

use std::path::PathBuf;

use super::Bench;
use super::engine::{EVENTS_PER_CYCLE, Running, Views};
use crate::exit::CliError;

/// How many commands wait at once while it is made: enough that they share a flush.
const PRODUCERS: usize = 2_048;

/// A data folder in which nobody works.
pub(super) struct Prepared {
    pub(super) folder: PathBuf,
    pub(super) cycles: u64,
    /// Of all cycles.
    pub(super) events: u64,
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
    Ok(Prepared { folder, cycles, events })
}
