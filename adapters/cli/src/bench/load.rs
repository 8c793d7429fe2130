//! Load: many connections that ask at the same time, one request after the other on each. Does not know what is asked.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use hyper::Method;
use tokio::task::JoinSet;

use super::failed;
use super::http::Connection;
use super::quantiles::Quantiles;
use super::server::{SCOPE, UNIT, key};
use crate::exit::CliError;

/// How many connections ask at the same time, where the limits say so.
pub(super) const CONNECTIONS: usize = 64;

/// What each connection posts as its first request, its second, and so on.
pub(super) type Question = Arc<dyn Fn(usize, u64) -> Post + Send + Sync>;

/// A request, and what its reply has to have in it.
pub(super) struct Post {
    pub(super) path: &'static str,
    pub(super) body: Bytes,
    pub(super) wanted: &'static [u8],
}

/// What came of it.
pub(super) struct Answered {
    /// Requests in a second.
    pub(super) rate: f64,
    /// How long each took.
    pub(super) took: Quantiles,
}

/// What a reply to a command to a thing of the history has in it, whether or not there was something to do: rows that are
/// measured again come to the same things.
pub(super) const HISTORY_REPLY: &[u8] = b"\"position\"";

/// Which keys have work that is held and released: some for each connection, no two the same.
#[derive(Debug, Clone, Copy)]
pub(super) struct Keys {
    pub(super) first: u64,
    /// From one key to the next.
    pub(super) stride: u64,
    /// How many connections there are.
    pub(super) connections: u64,
    /// How many keys each of them has.
    pub(super) each: u64,
}

impl Keys {
    /// Keys that lie side by side, so many for each connection.
    pub(super) const fn new(first: u64, each: u64) -> Self {
        Self { first, stride: 1, connections: CONNECTIONS as u64, each }
    }
}

/// Each connection holds and releases the work on its keys, one after the other, and begins again.
pub(super) fn holds(keys: Keys, path: &'static str, wanted: &'static [u8]) -> Question {
    let Keys { first, stride, connections, each } = keys;
    Arc::new(move |connection, request| {
        let place = request / 2 % each.max(1) * connections + connection as u64;
        let name = if request.is_multiple_of(2) { "hold" } else { "release" };
        Post { path, body: command(first + place * stride, name), wanted }
    })
}

/// A command to the work on a key.
pub(super) fn command(number: u64, name: &str) -> Bytes {
    let key = key(number).replace('/', "%2F");
    let stream = format!("key_scope-{UNIT}/{SCOPE}/{key}");
    Bytes::from(format!("{{\"stream\":\"{stream}\",\"command\":{{\"name\":\"{name}\"}}}}"))
}

/// Asks over so many connections for so long.
pub(super) async fn ask(
    address: SocketAddr,
    connections: usize,
    probe: Duration,
    question: &Question,
) -> Result<Answered, CliError> {
    let mut opened = Vec::with_capacity(connections);
    for _ in 0..connections {
        opened.push(Connection::open(address).await?);
    }
    let mut tasks = JoinSet::new();
    let started = Instant::now();
    for (number, mut connection) in opened.into_iter().enumerate() {
        let question = Arc::clone(question);
        tasks.spawn(async move {
            let mut took = Vec::new();
            while started.elapsed() < probe {
                let Post { path, body, wanted } = question(number, took.len() as u64);
                let sent = Instant::now();
                let reply = connection.send(Method::POST, path, body).await?;
                took.push(sent.elapsed());
                if !contains(&reply, wanted) {
                    return Err(failed("believe it", &String::from_utf8_lossy(&reply)));
                }
            }
            Ok::<_, CliError>(took)
        });
    }
    let mut all = Vec::new();
    while let Some(took) = tasks.join_next().await {
        all.extend(took.map_err(|error| failed("measure HTTP", &error))??);
    }
    Ok(Answered { rate: all.len() as f64 / started.elapsed().as_secs_f64(), took: Quantiles::new(all) })
}

fn contains(reply: &[u8], wanted: &[u8]) -> bool {
    wanted.is_empty() || reply.windows(wanted.len()).any(|part| part == wanted)
}
