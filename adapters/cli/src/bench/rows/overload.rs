//! Twice of what a server can do: what it does with what is too much, and whether it keeps what it took.
//!
//! A server that answers 64 requests at once is first asked over 64 connections, as fast as it answers; then over 128, at
//! twice that rate. Each connection has a key of its own, and remembers the last version that was acknowledged. At the end the
//! server is killed, its log verified, and every key looked at.

mod client;

use std::time::{Duration, Instant};

use serde::Deserialize;
use serde_json::{Value, json};
use tokio::task::JoinSet;

use super::archive;
use crate::bench::figure::Figure;
use crate::bench::load::CONNECTIONS;
use crate::bench::quantiles::Quantiles;
use crate::bench::server::{SCOPE, Server, UNIT, key, make_documents};
use crate::bench::{Bench, failed};
use crate::exit::CliError;
use client::{Client, Said};

/// How many times of what it can do a server is given.
const TIMES: u32 = 2;
/// For how many probes it is asked as fast as it answers.
const PROBES: u32 = 3;
/// The project's limits.
const P99_TIMES_MAX: f64 = 2.0;
const MEMORY_MB_MAX: f64 = 600.0;
/// What counts as bounded: the second half ends with so many times the memory of the first.
const GROWTH_MAX: f64 = 1.1;

/// What every connection was answered.
struct Load {
    said: Said,
    took_s: f64,
    p99_ms: f64,
    /// The server's memory after half of the time, and at the end.
    memory_mb: [f64; 2],
    /// The last acknowledged version of each key.
    versions: Vec<Option<u64>>,
}

pub(super) async fn measure(bench: &Bench) -> Result<Vec<Figure>, CliError> {
    let data = bench.place.folder("data")?;
    let limits = format!("[limits]\nrequests_at_once_max = {CONNECTIONS}\n");
    let server = Server::start_over(&bench.place, data.clone(), &limits).await?;
    queue(bench, &server).await?;
    bench.say("  as fast as it answers");
    let saturated = load(&server, CONNECTIONS, 0, None, bench.scale.probe() * PROBES).await?;
    let rate = saturated.said.accepted as f64 / saturated.took_s;
    bench.say(&format!("  {TIMES} times {rate:.0} requests/s"));
    let pace = Duration::from_secs_f64(CONNECTIONS as f64 / rate);
    let time = Duration::from_secs(u64::from(bench.scale.overload_s));
    let over = load(&server, CONNECTIONS * TIMES as usize, CONNECTIONS, Some(pace), time).await?;
    let peak = server.usage().memory_peak_bytes as f64 / 1e6;
    server.kill().await?;
    archive::run(&data, &["verify-log"]).await?;
    let lost = lost(bench, &[(0, &saturated), (CONNECTIONS, &over)]).await?;
    let per_second = |count: u64| count as f64 / over.took_s;
    let Said { accepted, refused, refused_bare, .. } = over.said;
    let [half, end] = over.memory_mb;
    Ok(vec![
        Figure::new("saturated", rate, "requests/s"),
        Figure::new("saturated_p99", saturated.p99_ms, "ms"),
        Figure::new("offered", per_second(accepted + refused), "requests/s").against("overload.saturated"),
        Figure::new("accepted", per_second(accepted), "requests/s").against("overload.saturated"),
        Figure::new("accepted_p99", over.p99_ms, "ms").at_most_times(P99_TIMES_MAX, "overload.saturated_p99"),
        Figure::new("refused", per_second(refused), "requests/s"),
        Figure::new("refused_without_retry_after", refused_bare as f64, "requests").at_most(0.0),
        Figure::new("acknowledged_lost", lost as f64, "commands").at_most(0.0),
        Figure::new("memory_half", half, "MB"),
        Figure::new("memory_end", end, "MB").at_most_times(GROWTH_MAX, "overload.memory_half"),
        Figure::new("memory_peak", peak, "MB").at_most(MEMORY_MB_MAX),
    ])
}

/// Queues a key for each connection of both loads.
async fn queue(bench: &Bench, server: &Server) -> Result<(), CliError> {
    let count = CONNECTIONS as u64 * u64::from(TIMES + 1);
    make_documents(&bench.place.folder("documents")?, count).await?;
    server.create_unit(&bench.place).await?;
    let keys: Vec<String> = (0..count).map(key).collect();
    let path = format!("/v1/storage-units/{UNIT}/reprocess");
    let _queued: Value =
        server.connect().await?.post(&path, &json!({ "scope": SCOPE, "keys": keys })).await?;
    Ok(())
}

/// Asks over so many connections for so long, each at most once in `pace`. The first has the key of the number `first`.
async fn load(
    server: &Server,
    connections: usize,
    first: usize,
    pace: Option<Duration>,
    time: Duration,
) -> Result<Load, CliError> {
    let mut clients = Vec::with_capacity(connections);
    for number in first..first + connections {
        clients.push(Client::new(server.connect().await?, number, pace));
    }
    let mut tasks = JoinSet::new();
    let begun = Instant::now();
    for client in clients {
        tasks.spawn(client.run(begun + time));
    }
    let memory = || server.usage().memory_bytes as f64 / 1e6;
    tokio::time::sleep(time / 2).await;
    let half = memory();
    let (mut said, mut took, mut versions) = (Said::default(), Vec::new(), vec![None; connections]);
    while let Some(ended) = tasks.join_next().await {
        let ended = ended.map_err(|error| failed("measure HTTP", &error))??;
        said.add(&ended.said);
        took.extend(ended.samples.kept());
        if let Some(version) = versions.get_mut(ended.number - first) {
            *version = ended.version;
        }
    }
    let took_s = begun.elapsed().as_secs_f64();
    let p99_ms = Quantiles::new(took).millis(99);
    Ok(Load { said, took_s, p99_ms, memory_mb: [half, memory()], versions })
}

#[derive(Deserialize)]
struct Versioned {
    version: u64,
}

/// How many acknowledged commands are not there once the server is started again.
async fn lost(bench: &Bench, loads: &[(usize, &Load)]) -> Result<u64, CliError> {
    let server = Server::start(&bench.place).await?;
    let mut connection = server.connect().await?;
    let mut lost = 0;
    for (first, load) in loads {
        for (number, version) in load.versions.iter().enumerate() {
            let part = key((first + number) as u64).replace('/', "%2F");
            let row: Versioned = connection.get(&format!("/v1/key-scopes/{UNIT}/{SCOPE}/{part}")).await?;
            lost += version.map_or(0, |version| version.saturating_sub(row.version));
        }
    }
    server.kill().await?;
    Ok(lost)
}
