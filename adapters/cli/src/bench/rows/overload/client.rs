//! A client that sends commands at a steady pace whatever it is answered, and remembers what was acknowledged. Does not know
//! who else sends.

use std::time::{Duration, Instant};

use bytes::Bytes;
use hyper::{Method, StatusCode};
use serde::Deserialize;

use crate::bench::failed;
use crate::bench::http::{Connection, JSON};
use crate::bench::load::command;
use crate::exit::CliError;

/// How many durations one client keeps: of a long load every second one, then every fourth, and so on.
const SAMPLES_MAX: usize = 16_384;

/// How often what was answered.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Said {
    /// Carried out.
    pub(super) accepted: u64,
    /// Too much at the moment.
    pub(super) refused: u64,
    /// The same, without saying when to come back.
    pub(super) refused_bare: u64,
}

impl Said {
    pub(super) const fn add(&mut self, other: &Self) {
        self.accepted += other.accepted;
        self.refused += other.refused;
        self.refused_bare += other.refused_bare;
    }
}

/// Durations, evenly over the time however long it is.
#[derive(Default)]
pub(super) struct Samples {
    kept: Vec<Duration>,
    /// How many came since the last that was kept.
    since: usize,
    /// One of so many is kept; a power of two.
    stride: u32,
}

impl Samples {
    fn add(&mut self, duration: Duration) {
        self.since += 1;
        if self.since < 1 << self.stride {
            return;
        }
        self.since = 0;
        self.kept.push(duration);
        if self.kept.len() >= SAMPLES_MAX {
            let mut index = 0;
            self.kept.retain(|_| {
                index += 1;
                index % 2 == 0
            });
            self.stride += 1;
        }
    }

    pub(super) fn kept(self) -> Vec<Duration> {
        self.kept
    }
}

/// One connection and its key.
pub(super) struct Client {
    connection: Connection,
    number: usize,
    pace: Option<Duration>,
}

/// What a client knows at the end.
pub(super) struct Ended {
    pub(super) number: usize,
    pub(super) said: Said,
    /// How long the accepted ones took.
    pub(super) samples: Samples,
    /// The last version of its key that was acknowledged.
    pub(super) version: Option<u64>,
}

impl Client {
    pub(super) const fn new(connection: Connection, number: usize, pace: Option<Duration>) -> Self {
        Self { connection, number, pace }
    }

    pub(super) async fn run(mut self, until: Instant) -> Result<Ended, CliError> {
        let bodies = ["hold", "release"].map(|name| command(self.number as u64, name));
        let mut ended =
            Ended { number: self.number, said: Said::default(), samples: Samples::default(), version: None };
        let mut due = Instant::now();
        while Instant::now() < until {
            if let Some(pace) = self.pace {
                // One that is late sends at once, and catches up.
                tokio::time::sleep_until(due.into()).await;
                due += pace;
            }
            // What was refused is sent again: held and released take turns.
            let [hold, release] = &bodies;
            let body = if ended.said.accepted.is_multiple_of(2) { hold } else { release };
            self.send(body.clone(), &mut ended).await?;
        }
        Ok(ended)
    }

    async fn send(&mut self, body: Bytes, ended: &mut Ended) -> Result<(), CliError> {
        #[derive(Deserialize)]
        struct Accepted {
            status: String,
            version: u64,
        }
        let sent = Instant::now();
        let reply = self.connection.ask(JSON, Method::POST, "/v1/commands", body).await?;
        if reply.status == StatusCode::SERVICE_UNAVAILABLE {
            ended.said.refused += 1;
            ended.said.refused_bare += u64::from(!reply.says_when);
            return Ok(());
        }
        let accepted = serde_json::from_slice(&reply.body).ok();
        let accepted = accepted.filter(|accepted: &Accepted| accepted.status == "accepted");
        let Some(Accepted { version, .. }) = accepted else {
            let text = String::from_utf8_lossy(&reply.body);
            return Err(failed("go on", &format!("{}: {text}", reply.status)));
        };
        ended.samples.add(sent.elapsed());
        ended.said.accepted += 1;
        ended.version = Some(version);
        Ok(())
    }
}
