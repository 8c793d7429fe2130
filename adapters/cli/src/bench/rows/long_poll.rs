//! An idle server and a waiting worker: how long until it holds what somebody queues.

use std::time::{Duration, Instant};

use serde::Deserialize;
use serde_json::{Value, json};

use crate::bench::figure::Figure;
use crate::bench::http::Connection;
use crate::bench::quantiles::Quantiles;
use crate::bench::server::{SCOPE, Server, UNIT, key, make_documents};
use crate::bench::{Bench, failed};
use crate::exit::CliError;

/// How many documents take turns.
const DOCUMENTS: u64 = 100;
/// How long the server is left alone before each round, so that the worker waits and nothing else happens.
const IDLE: Duration = Duration::from_millis(5);
/// How long a claim waits.
const WAIT_MS: u64 = 30_000;
/// The project's limits, in milliseconds.
const MEDIAN_MS_MAX: f64 = 1.0;
const P99_MS_MAX: f64 = 5.0;

#[derive(Deserialize)]
struct Leases {
    leases: Vec<Lease>,
}

#[derive(Deserialize)]
struct Lease {
    key: String,
    token: Value,
}

pub(super) async fn measure(bench: &Bench) -> Result<Vec<Figure>, CliError> {
    let server = Server::start(&bench.place).await?;
    make_documents(&bench.place.folder("documents")?, DOCUMENTS).await?;
    server.create_unit(&bench.place).await?;
    let (mut worker, mut client) = (server.connect().await?, server.connect().await?);
    let (mut held, mut queued) = (Vec::new(), Vec::new());
    for number in 0..u64::from(bench.scale.rounds) {
        let round = round(&mut worker, &mut client, &key(number % DOCUMENTS)).await?;
        held.push(round.held);
        queued.push(round.queued);
    }
    server.kill().await?;
    let (held, queued) = (Quantiles::new(held), Quantiles::new(queued));
    let raw = "echo.round_trip_1";
    Ok(vec![
        Figure::new("held_median", held.millis(50), "ms").at_most(MEDIAN_MS_MAX).against(raw),
        Figure::new("held_p99", held.millis(99), "ms").at_most(P99_MS_MAX),
        Figure::new("queued_median", queued.millis(50), "ms").against(raw),
        Figure::new("queued_p99", queued.millis(99), "ms"),
    ])
}

/// From the request that queues: until the worker has it, and until whoever asked has the answer.
struct Round {
    held: Duration,
    queued: Duration,
}

async fn round(worker: &mut Connection, client: &mut Connection, key: &str) -> Result<Round, CliError> {
    let claim = async {
        let leases: Leases =
            worker.post("/v1/leases", &json!({ "worker": "bench", "wait_ms": WAIT_MS })).await?;
        Ok::<_, CliError>((Instant::now(), leases))
    };
    let queue = async {
        tokio::time::sleep(IDLE).await;
        let asked = Instant::now();
        let path = format!("/v1/storage-units/{UNIT}/reprocess");
        let _queued: Value = client.post(&path, &json!({ "scope": SCOPE, "keys": [key] })).await?;
        Ok::<_, CliError>((asked, asked.elapsed()))
    };
    let (claimed, asked) = tokio::join!(claim, queue);
    let ((arrived, leases), (asked, queued)) = (claimed?, asked?);
    let lease = leases.leases.into_iter().next().filter(|lease| lease.key == key);
    let lease = lease.ok_or_else(|| failed("go on", &format!("nobody was given {key}")))?;
    let item = json!({ "worker": "bench", "unit": UNIT, "scope": SCOPE, "key": key, "token": lease.token });
    let _completed: Value = worker.post("/v1/leases/complete", &item).await?;
    Ok(Round { held: arrived - asked, queued })
}
