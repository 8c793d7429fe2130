//! From the moment at which a command is accepted until its row shows it, while others send commands at a steady pace.
//!
//! The row is asked for as soon as the command is answered; the reply to a read waits until the views show what was
//! acknowledged before, so a round trip is in the figure.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use bytes::Bytes;
use hyper::Method;
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::task::JoinSet;

use crate::bench::figure::Figure;
use crate::bench::http::Connection;
use crate::bench::load::{self, Keys, Post, Question};
use crate::bench::quantiles::Quantiles;
use crate::bench::server::{SCOPE, Server, UNIT, key, make_documents};
use crate::bench::{Bench, failed};
use crate::exit::CliError;

/// How many others there are, and how many commands they send in a second together.
const CLIENTS: u32 = 32;
const COMMANDS_PER_SECOND: u32 = 5_000;
/// How many keys each of them has.
const KEYS_PER_CLIENT: u64 = 32;
/// Which part of the pace counts as that pace.
const PACE_PART_MIN: f64 = 0.99;
/// The project's limit, in milliseconds.
const P99_MS_MAX: f64 = 20.0;

#[derive(Deserialize)]
struct Versioned {
    version: u64,
}

pub(super) async fn measure(bench: &Bench) -> Result<Vec<Figure>, CliError> {
    let server = Server::start(&bench.place).await?;
    let own = KEYS_PER_CLIENT * u64::from(CLIENTS);
    make_documents(&bench.place.folder("documents")?, own + 1).await?;
    server.create_unit(&bench.place).await?;
    let mut connection = server.connect().await?;
    let keys: Vec<String> = (0..=own).map(key).collect();
    let path = format!("/v1/storage-units/{UNIT}/reprocess");
    let _queued: Value = connection.post(&path, &json!({ "scope": SCOPE, "keys": keys })).await?;
    let (mut others, is_over) = (JoinSet::new(), Arc::new(AtomicBool::new(false)));
    let keys = Keys { connections: u64::from(CLIENTS), ..Keys::new(0, KEYS_PER_CLIENT) };
    let question = load::holds(keys, "/v1/commands", b"\"accepted\"");
    let started = Instant::now();
    for number in 0..CLIENTS as usize {
        let (connection, question) = (server.connect().await?, Arc::clone(&question));
        others.spawn(other(connection, number, question, Arc::clone(&is_over)));
    }
    let mut took = Vec::new();
    for round in 0..u64::from(bench.scale.rounds) {
        took.push(self::round(&mut connection, own, round).await?);
    }
    is_over.store(true, Ordering::Relaxed);
    let mut sent = 0;
    while let Some(ended) = others.join_next().await {
        sent += ended.map_err(|error| failed("send commands", &error))??;
    }
    let rate = sent as f64 / started.elapsed().as_secs_f64();
    server.kill().await?;
    let took = Quantiles::new(took);
    let pace = f64::from(COMMANDS_PER_SECOND);
    Ok(vec![
        Figure::new("median", took.millis(50), "ms"),
        Figure::new("p99", took.millis(99), "ms").at_most(P99_MS_MAX),
        Figure::new("commands_per_second", rate, "commands/s").at_least(pace * PACE_PART_MIN),
    ])
}

/// Sends a command at each tick until it is over; gives how many.
async fn other(
    mut connection: Connection,
    number: usize,
    question: Question,
    is_over: Arc<AtomicBool>,
) -> Result<u64, CliError> {
    let mut ticks = tokio::time::interval(Duration::from_secs(u64::from(CLIENTS)) / COMMANDS_PER_SECOND);
    let mut sent = 0;
    while !is_over.load(Ordering::Relaxed) {
        ticks.tick().await;
        let Post { path, body, .. } = question(number, sent);
        let _answer: Bytes = connection.send(Method::POST, path, body).await?;
        sent += 1;
    }
    Ok(sent)
}

/// Sends a command; gives how long after the reply its row shows it.
async fn round(connection: &mut Connection, number: u64, round: u64) -> Result<Duration, CliError> {
    let name = if round.is_multiple_of(2) { "hold" } else { "release" };
    let accepted = connection.send(Method::POST, "/v1/commands", load::command(number, name)).await?;
    let accepted: Versioned =
        serde_json::from_slice(&accepted).map_err(|error| failed("read a result", &error))?;
    let begun = Instant::now();
    let path = format!("/v1/key-scopes/{UNIT}/{SCOPE}/{}", key(number).replace('/', "%2F"));
    loop {
        let row: Versioned = connection.get(&path).await?;
        if row.version >= accepted.version {
            return Ok(begun.elapsed());
        }
    }
}
