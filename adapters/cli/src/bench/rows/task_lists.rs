//! Lists of the open tasks among many that are over, while commands arrive: how long a page takes.
//!
//! As many tasks are created and processed as the scale has keys, then some more that stay open. Clients hold and release
//! those, at a steady pace; another one asks for pages, counts and filtered pages.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use bytes::Bytes;
use hyper::Method;
use serde_json::{Value, json};
use tokio::task::JoinSet;

use super::reprocess_all::Worker;
use crate::bench::figure::Figure;
use crate::bench::http::Connection;
use crate::bench::quantiles::Quantiles;
use crate::bench::server::Server;
use crate::bench::{Bench, failed};
use crate::exit::CliError;

/// One task of so many finished ones stays open.
const FINISHED_PER_OPEN: u64 = 100;
/// How many tasks are created in one request.
const LINES: u64 = 5_000;
/// How many workers finish tasks.
const WORKERS: usize = 4;
/// How many clients send commands, and how many each sends in a second.
const CLIENTS: u64 = 8;
const COMMANDS_PER_SECOND: u64 = 250;
/// What is asked, and what its figures are called: a page of the inbox, how many tasks have which status, and a page of
/// those that a filter on status and name leaves.
const QUESTIONS: [(&str, [&str; 2]); 3] = [
    ("/v1/tasks?screen=inbox&limit=100&sort=-created_at", ["page_median", "page_p99"]),
    ("/v1/tasks/counts", ["counts_median", "counts_p99"]),
    ("/v1/tasks?status=QueuedForPreProcessing&text=task&limit=100", ["filter_median", "filter_p99"]),
];
/// The project's limits, in milliseconds.
const MEDIAN_MS_MAX: f64 = 20.0;
const P99_MS_MAX: f64 = 100.0;

pub(super) async fn measure(bench: &Bench) -> Result<Vec<Figure>, CliError> {
    let (finished, open) = (bench.scale.keys, (bench.scale.keys / FINISHED_PER_OPEN).max(CLIENTS));
    let server = Server::start(&bench.place).await?;
    let mut connection = server.connect().await?;
    let workspace = json!({ "display_name": "bench", "is_default": true, "plan": { "review": "automatic" } });
    let _created: Value = connection.post("/v1/workspaces", &workspace).await?;
    bench.say(&format!("  creating {finished} tasks"));
    let started = Instant::now();
    create(&mut connection, finished).await?;
    let created = finished as f64 / started.elapsed().as_secs_f64();
    bench.say("  processing them");
    finish(&server, finished).await?;
    let first_open = 1 + create(&mut connection, open).await?.saturating_sub(open);
    bench.say(&format!("  asking for them while {open} are open and commands arrive"));
    let load = Load::start(&server, first_open, open).await?;
    let mut figures = Vec::new();
    for (question, [median, p99]) in QUESTIONS {
        let asked = ask(&mut connection, question, bench.scale.rounds).await?;
        figures.push(Figure::new(median, asked.millis(50), "ms").at_most(MEDIAN_MS_MAX));
        figures.push(Figure::new(p99, asked.millis(99), "ms").at_most(P99_MS_MAX));
    }
    let rate = load.end().await?;
    server.kill().await?;
    figures.push(Figure::new("commands_per_second", rate, "commands/s"));
    figures.push(Figure::new("created_per_second", created, "tasks/s"));
    Ok(figures)
}

/// Asks the same again and again.
async fn ask(connection: &mut Connection, question: &str, rounds: u32) -> Result<Quantiles, CliError> {
    let mut took = Vec::new();
    for _ in 0..rounds {
        let asked = Instant::now();
        let answer: Value = connection.get(question).await?;
        took.push(asked.elapsed());
        let shown = answer.get("items").and_then(Value::as_array).map_or(0, Vec::len);
        if shown == 0 {
            return Err(failed("go on", &format!("{question} finds nothing")));
        }
    }
    Ok(Quantiles::new(took))
}

/// Creates so many tasks; gives the greatest id.
async fn create(connection: &mut Connection, count: u64) -> Result<u64, CliError> {
    let mut last = 0;
    for first in (0..count).step_by(LINES as usize) {
        let lines = "{\"context\":{}}\n".repeat(LINES.min(count - first) as usize);
        let reply = connection.send_lines("/v1/tasks", Bytes::from(lines)).await?;
        for line in reply.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()) {
            let result: Value =
                serde_json::from_slice(line).map_err(|error| failed("read a result", &error))?;
            let id = result.get("id").and_then(Value::as_u64);
            last = last.max(id.ok_or_else(|| failed("create a task", &result))?);
        }
    }
    Ok(last)
}

/// Has so many tasks processed, so that they are history.
async fn finish(server: &Server, count: u64) -> Result<(), CliError> {
    let done = Arc::new(AtomicU64::new(0));
    let mut workers = JoinSet::new();
    for number in 0..WORKERS {
        let worker = Worker { connection: server.connect().await?, name: format!("bench-{number}") };
        workers.spawn(worker.drain(count, Arc::clone(&done)));
    }
    while let Some(worker) = workers.join_next().await {
        worker.map_err(|error| failed("process tasks", &error))??;
    }
    Ok(())
}

/// Clients that hold and release open tasks until they are told to end.
struct Load {
    clients: JoinSet<Result<u64, CliError>>,
    is_over: Arc<AtomicBool>,
    started: Instant,
}

impl Load {
    async fn start(server: &Server, first: u64, open: u64) -> Result<Self, CliError> {
        let (mut clients, is_over) = (JoinSet::new(), Arc::new(AtomicBool::new(false)));
        for number in 0..CLIENTS {
            let (connection, is_over) = (server.connect().await?, Arc::clone(&is_over));
            clients.spawn(client(connection, (first + number, open / CLIENTS), is_over));
        }
        Ok(Self { clients, is_over, started: Instant::now() })
    }

    /// How many commands were carried out in a second.
    async fn end(mut self) -> Result<f64, CliError> {
        self.is_over.store(true, Ordering::Relaxed);
        let took = self.started.elapsed().as_secs_f64();
        let mut sent = 0;
        while let Some(client) = self.clients.join_next().await {
            sent += client.map_err(|error| failed("send commands", &error))??;
        }
        Ok(sent as f64 / took)
    }
}

/// Sends a command at each tick; each client has tasks of its own.
async fn client(
    mut connection: Connection,
    (first, count): (u64, u64),
    is_over: Arc<AtomicBool>,
) -> Result<u64, CliError> {
    let mut ticks = tokio::time::interval(Duration::from_secs(1) / COMMANDS_PER_SECOND as u32);
    let mut sent = 0;
    while !is_over.load(Ordering::Relaxed) {
        ticks.tick().await;
        let id = first + CLIENTS * (sent / 2 % count);
        let verb = if sent % 2 == 0 { "hold" } else { "release" };
        let _standing: Bytes = connection
            .send(Method::POST, &format!("/v1/tasks/{id}/{verb}"), Bytes::from_static(b"{}"))
            .await?;
        sent += 1;
    }
    Ok(sent)
}
