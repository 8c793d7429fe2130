//! From the start of a server until it is ready, over a history whose files the system has in memory, after SIGKILL in the
//! middle of commands.

use crate::bench::Bench;
use crate::bench::figure::Figure;
use crate::bench::load::{self, CONNECTIONS, HISTORY_REPLY, Keys};
use crate::bench::quantiles::median;
use crate::bench::server::Server;
use crate::exit::CliError;

/// How often it is started.
const STARTS: u64 = 3;
/// The project's limit, in seconds.
const READY_S_MAX: f64 = 2.0;

pub(super) async fn measure(bench: &Bench) -> Result<Vec<Figure>, CliError> {
    let history = bench.prepared().await?;
    let each = history.cycles / (STARTS * CONNECTIONS as u64);
    let mut took = Vec::new();
    let mut server = Server::start_over(&bench.place, history.folder.clone(), "").await?;
    for turn in 0..STARTS {
        let keys = Keys::new(turn * each * CONNECTIONS as u64, each);
        let question = load::holds(keys, "/v1/commands", HISTORY_REPLY);
        // Longer than it is left to go on, so that requests are under way when the server is killed.
        let load = load::ask(server.address, CONNECTIONS, bench.scale.probe() * 2, &question);
        tokio::select! {
            ended = load => drop(ended?),
            () = tokio::time::sleep(bench.scale.probe()) => {}
        }
        server.kill().await?;
        server = Server::start_over(&bench.place, history.folder.clone(), "").await?;
        took.push(server.ready_after.as_secs_f64());
    }
    server.kill().await?;
    Ok(vec![Figure::new("ready_after", median(took), "s").at_most(READY_S_MAX)])
}
