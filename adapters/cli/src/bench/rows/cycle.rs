//! The whole life of work over HTTP: queued, claimed, started, finished, a request for each step. One item in each request,
//! or a hundred. What a cycle takes of the processor is told apart: the server's part, and that of this load.

use std::sync::Arc;
use std::time::{Duration, Instant};

use serde::Deserialize;
use serde_json::{Value, json};
use tokio::task::JoinSet;

use crate::bench::figure::Figure;
use crate::bench::http::Connection;
use crate::bench::load::CONNECTIONS;
use crate::bench::quantiles::Quantiles;
use crate::bench::server::{SCOPE, Server, UNIT, Usage, key, make_documents};
use crate::bench::{Bench, failed};
use crate::exit::CliError;

/// How many rounds of every connection there are documents for; then the first come again, as a restart each.
const ROUNDS_MIN: u64 = 2;
/// No more documents are made.
const DOCUMENTS_MAX: u64 = 200_000;
/// How long a claim waits when there is nothing.
const WAIT_MS: u64 = 100;
/// For how many probes it is measured: the first cycles of a server are slower than all others.
const PROBES: u32 = 3;

/// How many items each request has, and how many cycles per second the project promises.
struct Shape {
    items: u64,
    cycles_per_second_min: f64,
}

pub(super) async fn measure_one(bench: &Bench) -> Result<Vec<Figure>, CliError> {
    measure(bench, &Shape { items: 1, cycles_per_second_min: 10_000.0 }).await
}

pub(super) async fn measure_hundred(bench: &Bench) -> Result<Vec<Figure>, CliError> {
    measure(bench, &Shape { items: 100, cycles_per_second_min: 60_000.0 }).await
}

async fn measure(bench: &Bench, shape: &Shape) -> Result<Vec<Figure>, CliError> {
    let documents = bench.scale.keys.min(DOCUMENTS_MAX).max(ROUNDS_MIN * CONNECTIONS as u64 * shape.items);
    let server = Server::start(&bench.place).await?;
    make_documents(&bench.place.folder("documents")?, documents).await?;
    server.create_unit(&bench.place).await?;
    let (server_before, load_before) = (server.usage().cpu_s, Usage::of_load().cpu_s);
    let (cycles, rate, rounds) = load(&server, shape.items, documents, bench.scale.probe() * PROBES).await?;
    let per_cycle = |cpu_s: f64| cpu_s * 1e6 / cycles as f64;
    let server_cpu = per_cycle(server.usage().cpu_s - server_before);
    let load_cpu = per_cycle(Usage::of_load().cpu_s - load_before);
    server.kill().await?;
    let rate = Figure::new("cycles_per_second", rate, "cycles/s").at_least(shape.cycles_per_second_min);
    Ok(vec![
        rate.against("echo.requests_per_second_64"),
        Figure::new("round_median", rounds.millis(50), "ms"),
        Figure::new("round_p99", rounds.millis(99), "ms"),
        Figure::new("server_cpu", server_cpu, "µs/cycle"),
        Figure::new("load_cpu", load_cpu, "µs/cycle"),
    ])
}

/// Cycles over every connection for so long; gives how many, how many in a second, and how long a round of four requests
/// took.
pub(super) async fn load(
    server: &Server,
    items: u64,
    documents: u64,
    time: Duration,
) -> Result<(u64, f64, Quantiles), CliError> {
    let mut clients = Vec::with_capacity(CONNECTIONS);
    for number in 0..CONNECTIONS as u64 {
        let connection = server.connect().await?;
        clients.push(Client { connection, name: format!("bench/{number}"), number, items, documents });
    }
    let mut tasks = JoinSet::new();
    let started = Instant::now();
    for client in clients {
        tasks.spawn(client.run(started + time));
    }
    let (mut cycles, mut rounds) = (0, Vec::new());
    while let Some(ended) = tasks.join_next().await {
        let (more, took) = ended.map_err(|error| failed("measure HTTP", &error))??;
        cycles += more;
        rounds.extend(took);
    }
    Ok((cycles, cycles as f64 / started.elapsed().as_secs_f64(), Quantiles::new(rounds)))
}

/// Who queues, claims and finishes.
struct Client {
    connection: Connection,
    name: String,
    number: u64,
    items: u64,
    documents: u64,
}

#[derive(Deserialize)]
struct Leases {
    leases: Vec<Lease>,
}

#[derive(Deserialize)]
struct Lease {
    unit: String,
    scope: String,
    key: String,
    token: Value,
}

#[derive(Deserialize)]
struct Results {
    results: Vec<ItemResult>,
}

#[derive(Deserialize)]
struct ItemResult {
    /// Of what was queued.
    outcome: Option<String>,
    /// Of what was said of a lease.
    status: Option<String>,
}

impl Client {
    /// Gives how many cycles it finished, and how long each round took.
    async fn run(mut self, until: Instant) -> Result<(u64, Vec<Duration>), CliError> {
        let (mut cycles, mut took) = (0, Vec::new());
        let outputs = Arc::new([
            json!({ "module": "bench", "digest": format!("sha256:{}", "5".repeat(64)), "size_bytes": 1 }),
        ]);
        while Instant::now() < until {
            let begun = Instant::now();
            self.queue(took.len() as u64).await?;
            let claim = json!({ "worker": self.name, "max": self.items, "wait_ms": WAIT_MS });
            let Leases { leases } = self.connection.post("/v1/leases", &claim).await?;
            if leases.is_empty() {
                continue;
            }
            let item = |Lease { unit, scope, key, token }: &Lease| json!({ "unit": unit, "scope": scope, "key": key, "token": token });
            self.say("/v1/leases/start", leases.iter().map(item).collect()).await?;
            let done = |lease: &Lease| {
                let Lease { unit, scope, key, token } = lease;
                json!({ "unit": unit, "scope": scope, "key": key, "token": token, "outputs": *outputs })
            };
            self.say("/v1/leases/complete", leases.iter().map(done).collect()).await?;
            cycles += leases.len() as u64;
            took.push(begun.elapsed());
        }
        Ok((cycles, took))
    }

    /// Asks for its keys of a round.
    async fn queue(&mut self, round: u64) -> Result<(), CliError> {
        let first = (round * CONNECTIONS as u64 + self.number) * self.items;
        let keys: Vec<String> =
            (first..first + self.items).map(|number| key(number % self.documents)).collect();
        let path = format!("/v1/storage-units/{UNIT}/reprocess");
        let Results { results } =
            self.connection.post(&path, &json!({ "scope": SCOPE, "keys": keys })).await?;
        let wrong =
            results.iter().find(|result| result.outcome.as_deref().is_none_or(|outcome| outcome == "error"));
        wrong.map_or(Ok(()), |_| Err(failed("queue", &"a key was refused")))
    }

    async fn say(&mut self, path: &str, items: Vec<Value>) -> Result<(), CliError> {
        let Results { results } =
            self.connection.post(path, &json!({ "worker": self.name, "items": items })).await?;
        let wrong = results.iter().find(|result| result.status.as_deref() != Some("ok"));
        wrong.map_or(Ok(()), |_| Err(failed(&format!("use {path}"), &"an item was refused")))
    }
}
