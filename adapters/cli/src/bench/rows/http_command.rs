//! One durable command in each request, beside an echo of the same body: the same library, the same load, in turns.
//!
//! Work that waits is held and released again, so every request records one event and no document is looked at.

use serde_json::{Value, json};

use super::echo;
use crate::bench::Bench;
use crate::bench::figure::Figure;
use crate::bench::load::{self, Answered, CONNECTIONS, Keys};
use crate::bench::quantiles::median;
use crate::bench::server::{SCOPE, Server, UNIT, key, make_documents};
use crate::exit::CliError;

/// How often server and echo take turns.
const TURNS: u64 = 3;
/// How many keys each connection has in each turn.
const KEYS_PER_CONNECTION: u64 = 16;
/// The project's limits: of the echo's rate, and of its 99th percentile.
const RATE_PART_MIN: f64 = 0.6;
const P99_TIMES_MAX: f64 = 3.0;

/// The medians of several turns.
#[derive(Default)]
struct Turns {
    rates: Vec<f64>,
    medians: Vec<f64>,
    p99s: Vec<f64>,
}

impl Turns {
    fn add(&mut self, answered: &Answered) {
        self.rates.push(answered.rate);
        self.medians.push(answered.took.millis(50));
        self.p99s.push(answered.took.millis(99));
    }
}

pub(super) async fn measure(bench: &Bench) -> Result<Vec<Figure>, CliError> {
    let (_echo, echo) = echo::start().await?;
    let server = Server::start(&bench.place).await?;
    queue(bench, &server).await?;
    let (mut raw, mut commands) = (Turns::default(), Turns::default());
    let (mut cpu_s, mut count) = (0.0, 0.0);
    for turn in 0..TURNS {
        let keys = Keys::new(turn * CONNECTIONS as u64 * KEYS_PER_CONNECTION, KEYS_PER_CONNECTION);
        let question = load::holds(keys, "/", b"");
        raw.add(&load::ask(echo, CONNECTIONS, bench.scale.probe(), &question).await?);
        let question = load::holds(keys, "/v1/commands", b"\"accepted\"");
        let before = server.usage().cpu_s;
        let answered = load::ask(server.address, CONNECTIONS, bench.scale.probe(), &question).await?;
        cpu_s += server.usage().cpu_s - before;
        count += answered.took.count() as f64;
        commands.add(&answered);
    }
    server.kill().await?;
    let rate = Figure::new("requests_per_second", median(commands.rates), "requests/s");
    let p99 = Figure::new("p99", median(commands.p99s), "ms");
    Ok(vec![
        Figure::new("echo_requests_per_second", median(raw.rates), "requests/s"),
        rate.at_least_part(RATE_PART_MIN, "http-command.echo_requests_per_second"),
        Figure::new("echo_p99", median(raw.p99s), "ms"),
        p99.at_most_times(P99_TIMES_MAX, "http-command.echo_p99"),
        Figure::new("median", median(commands.medians), "ms"),
        Figure::new("server_cpu", cpu_s * 1e6 / count, "µs/command"),
    ])
}

/// Queues the keys of every turn.
async fn queue(bench: &Bench, server: &Server) -> Result<(), CliError> {
    let count = TURNS * CONNECTIONS as u64 * KEYS_PER_CONNECTION;
    make_documents(&bench.place.folder("documents")?, count).await?;
    server.create_unit(&bench.place).await?;
    let keys: Vec<String> = (0..count).map(key).collect();
    let path = format!("/v1/storage-units/{UNIT}/reprocess");
    let _queued: Value =
        server.connect().await?.post(&path, &json!({ "scope": SCOPE, "keys": keys })).await?;
    Ok(())
}
