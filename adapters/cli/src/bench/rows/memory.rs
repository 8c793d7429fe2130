//! The memory of a server over a history: once it is ready, and while things are done to streams all over that history.

use crate::bench::Bench;
use crate::bench::figure::Figure;
use crate::bench::load::{self, CONNECTIONS, HISTORY_REPLY};
use crate::bench::server::Server;
use crate::exit::CliError;

/// For how many probes each half of the load goes on.
const PROBES: u32 = 4;
/// The project's limit, in MB.
const MEMORY_MB_MAX: f64 = 600.0;
/// What counts as flat: the second half ends with so many times the memory of the first.
const GROWTH_MAX: f64 = 1.1;

pub(super) async fn measure(bench: &Bench) -> Result<Vec<Figure>, CliError> {
    let history = bench.prepared().await?;
    let server = Server::start_over(&bench.place, history.folder.clone(), "").await?;
    let megabytes = || server.usage().memory_bytes as f64 / 1e6;
    let ready = megabytes();
    let keys = history.cycles / (2 * CONNECTIONS as u64);
    let (mut halves, mut commands) = (Vec::new(), 0);
    for half in 0..2 {
        let question = load::holds(half * keys * CONNECTIONS as u64, keys, "/v1/commands", HISTORY_REPLY);
        let probe = bench.scale.probe() * PROBES;
        commands += load::ask(server.address, CONNECTIONS, probe, &question).await?.took.count();
        halves.push(megabytes());
    }
    let peak = server.usage().memory_peak_bytes as f64 / 1e6;
    server.kill().await?;
    let [first, second] = [0, 1].map(|half| halves.get(half).copied().unwrap_or_default());
    Ok(vec![
        Figure::new("ready", ready, "MB"),
        Figure::new("half", first, "MB"),
        Figure::new("end", second, "MB").at_most_times(GROWTH_MAX, "memory.half"),
        Figure::new("peak", peak, "MB").at_most(MEMORY_MB_MAX),
        Figure::new("commands", commands as f64, "commands"),
    ])
}
