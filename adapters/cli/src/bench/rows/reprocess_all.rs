//! `reprocess all` of a large unit: acknowledged, queued, drained by pull workers, and the server started again.
//!
//! The unit is a registered folder with an empty document for each key, a thousand in a folder. They are listed as any
//! others are; nobody reads them: these workers report a digest, so that the engine is measured and not the disk's reading.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use tokio::task::JoinSet;

use crate::bench::figure::Figure;
use crate::bench::http::Connection;
use crate::bench::server::{SCOPE, Server, UNIT, make_documents};
use crate::bench::{Bench, failed};
use crate::exit::CliError;

/// How many workers drain, each over a connection of its own.
const WORKERS: usize = 4;
/// How many items a worker claims and completes at once.
const BATCH: u64 = 100;
/// How often the campaign is looked at.
const LOOK: Duration = Duration::from_millis(100);
/// How long a worker waits when there is nothing.
const WAIT_MS: u64 = 200;
/// The project's limits. A million keys in 5 seconds, and in 40.
const ACKNOWLEDGED_MS_MAX: f64 = 20.0;
const QUEUED_PER_SECOND_MIN: f64 = 200_000.0;
const DRAINED_PER_SECOND_MIN: f64 = 25_000.0;
const MEMORY_MB_MAX: f64 = 500.0;
const START_S_MAX: f64 = 3.0;
const CYCLE_BYTES_MAX: f64 = 1_200.0;

/// What was measured on the way.
#[derive(Default)]
struct Measured {
    memory_peak_bytes: u64,
    figures: Vec<Figure>,
}

impl Measured {
    fn add(&mut self, name: &'static str, value: f64, unit: &'static str) {
        self.figures.push(Figure::new(name, value, unit));
    }

    /// Ends a server, and remembers its memory.
    async fn end(&mut self, server: Server) -> Result<(), CliError> {
        self.memory_peak_bytes = self.memory_peak_bytes.max(server.usage().memory_peak_bytes);
        server.kill().await
    }
}

pub(super) async fn measure(bench: &Bench) -> Result<Vec<Figure>, CliError> {
    let keys = bench.scale.keys;
    let documents = bench.place.folder("documents")?;
    bench.say(&format!("  making {keys} documents"));
    make_documents(&documents, keys).await?;
    let server = Server::start(&bench.place).await?;
    server.create_unit(&bench.place).await?;
    let mut measured = Measured::default();

    queue_all(bench, &server, &mut measured).await?;
    measured.add("memory_peak_queued", megabytes(server.usage().memory_peak_bytes), "MB");
    measured.end(server).await?;

    bench.say("  starting again with everything queued");
    let server = Server::start(&bench.place).await?;
    measured.add("start_all_queued", server.ready_after.as_secs_f64(), "s");

    drain(bench, &server, &mut measured).await?;
    let disk_bytes = server.disk_bytes()? as f64;
    measured.end(server).await?;

    bench.say("  starting again");
    let server = Server::start(&bench.place).await?;
    let start = Figure::new("start_drained", server.ready_after.as_secs_f64(), "s").at_most(START_S_MAX);
    measured.figures.push(start);
    measured.end(server).await?;

    let peak = Figure::new("memory_peak", megabytes(measured.memory_peak_bytes), "MB").at_most(MEMORY_MB_MAX);
    measured.figures.push(peak);
    measured.add("disk", disk_bytes / 1e6, "MB");
    let cycle = Figure::new("disk_per_cycle", disk_bytes / keys as f64, "bytes");
    measured.figures.push(cycle.at_most(CYCLE_BYTES_MAX));
    Ok(measured.figures)
}

fn megabytes(bytes: u64) -> f64 {
    bytes as f64 / 1e6
}

#[derive(Deserialize)]
struct Started {
    id: String,
}

#[derive(Deserialize)]
struct Campaign {
    exhausted: bool,
    asked: u64,
    finished: u64,
}

async fn campaign(connection: &mut Connection) -> Result<Campaign, CliError> {
    #[derive(Deserialize)]
    struct Page {
        items: Vec<Campaign>,
    }
    let page: Page = connection.get("/v1/campaigns").await?;
    page.items.into_iter().next().ok_or_else(|| failed("go on", &"its campaign is gone"))
}

/// Starts the campaign and waits until every key is queued and shown as queued.
async fn queue_all(bench: &Bench, server: &Server, measured: &mut Measured) -> Result<(), CliError> {
    let keys = bench.scale.keys;
    let mut connection = server.connect().await?;
    let cpu_before = server.usage().cpu_s;
    let started = Instant::now();
    let campaign_body = json!({ "unit": UNIT, "scope": SCOPE });
    let Started { id } = connection.post("/v1/campaigns", &campaign_body).await?;
    let acknowledged = started.elapsed();
    bench.say(&format!("  campaign {id} acknowledged after {:.1} ms", acknowledged.as_secs_f64() * 1e3));
    let asked = loop {
        let Campaign { exhausted, asked, .. } = campaign(&mut connection).await?;
        if exhausted && asked >= keys {
            break asked;
        }
        tokio::time::sleep(LOOK).await;
    };
    let took = started.elapsed().as_secs_f64();
    if asked != keys {
        return Err(failed("believe it", &format!("{asked} of {keys} keys were queued")));
    }
    bench.say(&format!("  all queued after {took:.1} s"));
    let acknowledged = Figure::new("acknowledged", acknowledged.as_secs_f64() * 1e3, "ms");
    measured.figures.push(acknowledged.at_most(ACKNOWLEDGED_MS_MAX));
    measured.add("all_queued", took, "s");
    let rate = Figure::new("queue_rate", keys as f64 / took, "keys/s");
    let rate = rate.against("fsync.events_per_second_4096");
    measured.figures.push(rate.at_least(QUEUED_PER_SECOND_MIN));
    measured.add("queue_cpu", (server.usage().cpu_s - cpu_before) * 1e6 / keys as f64, "µs/key");
    Ok(())
}

/// Drains everything, and waits until the campaign shows it.
async fn drain(bench: &Bench, server: &Server, measured: &mut Measured) -> Result<(), CliError> {
    let keys = bench.scale.keys;
    let cpu_before = server.usage().cpu_s;
    let started = Instant::now();
    let done = Arc::new(AtomicU64::new(0));
    let mut workers = JoinSet::new();
    for number in 1..=WORKERS {
        let worker = Worker { connection: server.connect().await?, name: format!("bench/{number}") };
        workers.spawn(worker.drain(keys, Arc::clone(&done)));
    }
    while let Some(worker) = workers.join_next().await {
        worker.map_err(|error| failed("drain", &error))??;
    }
    let took = started.elapsed().as_secs_f64();
    bench.say(&format!("  drained after {took:.1} s"));
    let mut connection = server.connect().await?;
    loop {
        let Campaign { finished, .. } = campaign(&mut connection).await?;
        if finished == keys {
            break;
        }
        tokio::time::sleep(LOOK).await;
    }
    measured.add("drained", took, "s");
    let rate = Figure::new("drain_rate", keys as f64 / took, "keys/s");
    let rate = rate.against("echo.requests_per_second_64");
    measured.figures.push(rate.at_least(DRAINED_PER_SECOND_MIN));
    measured.add("drain_cpu", (server.usage().cpu_s - cpu_before) * 1e6 / keys as f64, "µs/key");
    measured.add("views_after_drain", started.elapsed().as_secs_f64() - took, "s");
    Ok(())
}

/// A pull worker that claims, and says of everything that it is done.
pub(super) struct Worker {
    pub(super) connection: Connection,
    pub(super) name: String,
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

impl Lease {
    fn done<'a>(&'a self, outputs: &'a [Value]) -> Item<'a> {
        let Self { unit, scope, key, token } = self;
        Item { unit, scope, key, token, outputs }
    }
}

#[derive(Serialize)]
struct Item<'a> {
    unit: &'a str,
    scope: &'a str,
    key: &'a str,
    token: &'a Value,
    outputs: &'a [Value],
}

#[derive(Deserialize)]
struct Results {
    results: Vec<ItemResult>,
}

#[derive(Deserialize)]
struct ItemResult {
    status: String,
}

impl Worker {
    pub(super) async fn drain(mut self, keys: u64, done: Arc<AtomicU64>) -> Result<(), CliError> {
        let digest = format!("sha256:{}", "5".repeat(64));
        let outputs = [json!({ "module": "bench", "digest": digest, "size_bytes": 1 })];
        while done.load(Ordering::Relaxed) < keys {
            let claim = json!({ "worker": self.name, "max": BATCH, "wait_ms": WAIT_MS });
            let Leases { leases } = self.connection.post("/v1/leases", &claim).await?;
            if leases.is_empty() {
                continue;
            }
            let items: Vec<Item<'_>> = leases.iter().map(|lease| lease.done(&outputs)).collect();
            let report = json!({ "worker": self.name, "items": items });
            let Results { results } = self.connection.post("/v1/leases/complete", &report).await?;
            if let Some(wrong) = results.iter().find(|result| result.status != "ok") {
                return Err(failed("drain", &format!("a result was answered with {}", wrong.status)));
            }
            done.fetch_add(leases.len() as u64, Ordering::Relaxed);
        }
        Ok(())
    }
}
