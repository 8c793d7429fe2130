//! The memory of a server over a history: once it is ready, and while things are done to streams all over that history.
//!
//! First to one stream after the other, which fills what it remembers of them; then to the same few again and again, whereby
//! nothing more is to be remembered.

use crate::bench::Bench;
use crate::bench::figure::Figure;
use crate::bench::load::{self, CONNECTIONS, HISTORY_REPLY, Keys};
use crate::bench::server::Server;
use crate::exit::CliError;

/// For how many probes each part of the load goes on.
const PROBES: u32 = 4;
/// How many streams of each connection things are done to again and again.
const KEYS_EACH: u64 = 16;
/// The project's limit, in MB.
const MEMORY_MB_MAX: f64 = 600.0;
/// What counts as flat: so many times the memory, after as much again was done.
const GROWTH_MAX: f64 = 1.1;

pub(super) async fn measure(bench: &Bench) -> Result<Vec<Figure>, CliError> {
    let history = bench.prepared().await?;
    let server = Server::start_over(&bench.place, history.folder.clone(), "").await?;
    let megabytes = || server.usage().memory_bytes as f64 / 1e6;
    let ready = megabytes();
    let connections = CONNECTIONS as u64;
    let all = Keys::new(0, history.cycles / connections);
    let few = Keys { each: KEYS_EACH.min(all.each), ..all };
    let few = Keys { stride: (history.cycles / (connections * few.each.max(1))).max(1), ..few };
    let (mut after, mut commands) = (Vec::new(), 0);
    for keys in [all, few, few] {
        let question = load::holds(keys, "/v1/commands", HISTORY_REPLY);
        let probe = bench.scale.probe() * PROBES;
        commands += load::ask(server.address, CONNECTIONS, probe, &question).await?.took.count();
        after.push(megabytes());
    }
    let peak = server.usage().memory_peak_bytes as f64 / 1e6;
    server.kill().await?;
    let [walked, half, end] = [0, 1, 2].map(|part| after.get(part).copied().unwrap_or_default());
    Ok(vec![
        Figure::new("ready", ready, "MB"),
        Figure::new("walked", walked, "MB"),
        Figure::new("half", half, "MB"),
        Figure::new("end", end, "MB").at_most_times(GROWTH_MAX, "memory.half"),
        Figure::new("peak", peak, "MB").at_most(MEMORY_MB_MAX),
        Figure::new("commands", commands as f64, "commands"),
    ])
}
