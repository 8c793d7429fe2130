//! What HTTP can do: a server of the same library that gives every body back, in a process of its own, under the same
//! load generator.

use std::future::IntoFuture as _;
use std::net::{Ipv4Addr, SocketAddr};
use std::process::Stdio;
use std::time::{Duration, Instant};

use axum::Router;
use axum::routing::post;
use bytes::Bytes;
use hyper::Method;
use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::net::TcpListener;
use tokio::process::{Child, Command};
use tokio::task::JoinSet;

use crate::bench::figure::Figure;
use crate::bench::http::Connection;
use crate::bench::quantiles::Quantiles;
use crate::bench::{Bench, failed};
use crate::exit::{CliError, Exit};
use crate::output;

/// How many connections ask at the same time.
const CONNECTIONS: usize = 64;
/// What a request carries: about as much as one command.
const BODY_BYTES: usize = 256;

pub(super) async fn measure(bench: &Bench) -> Result<Vec<Figure>, CliError> {
    let (_child, address) = start().await?;
    let (rate, all) = load(address, CONNECTIONS, bench.scale.probe()).await?;
    let (_, alone) = load(address, 1, bench.scale.probe()).await?;
    Ok(vec![
        Figure::new("requests_per_second_64", rate, "requests/s"),
        Figure::new("p99_64", all.millis(99), "ms"),
        Figure::new("round_trip_1", alone.millis(50), "ms"),
    ])
}

/// Asks over so many connections for so long; gives the rate and how long each took.
async fn load(
    address: SocketAddr,
    connections: usize,
    probe: Duration,
) -> Result<(f64, Quantiles), CliError> {
    let body = Bytes::from(vec![b'x'; BODY_BYTES]);
    let mut tasks = JoinSet::new();
    let started = Instant::now();
    for _ in 0..connections {
        let (mut connection, body) = (Connection::open(address).await?, body.clone());
        tasks.spawn(async move {
            let mut took = Vec::new();
            while started.elapsed() < probe {
                let sent = Instant::now();
                connection.send(Method::POST, "/", body.clone()).await?;
                took.push(sent.elapsed());
            }
            Ok::<_, CliError>(took)
        });
    }
    let mut all = Vec::new();
    while let Some(took) = tasks.join_next().await {
        all.extend(took.map_err(|error| failed("measure HTTP", &error))??);
    }
    Ok((all.len() as f64 / started.elapsed().as_secs_f64(), Quantiles::new(all)))
}

async fn start() -> Result<(Child, SocketAddr), CliError> {
    let program = std::env::current_exe().map_err(|error| failed("find its own program", &error))?;
    let mut command = Command::new(program);
    command.arg("bench-echo").stdin(Stdio::piped()).stdout(Stdio::piped()).kill_on_drop(true);
    let mut child = command.spawn().map_err(|error| failed("start the echo", &error))?;
    let mut line = String::new();
    if let Some(stdout) = child.stdout.take() {
        let read = BufReader::new(stdout).read_line(&mut line).await;
        read.map_err(|error| failed("start the echo", &error))?;
    }
    let address = line.trim().parse().map_err(|error| failed("start the echo", &error))?;
    Ok((child, address))
}

/// The echo itself: says where it listens, and ends when nothing can be written to its stdin any more.
pub(crate) async fn echo_server() -> Result<Exit, CliError> {
    let cannot = |error: std::io::Error| failed("start the echo", &error);
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.map_err(cannot)?;
    output::line(&listener.local_addr().map_err(cannot)?.to_string());
    let echo = Router::new().route("/", post(|body: Bytes| async move { body }));
    let (say, ended) = tokio::sync::oneshot::channel::<()>();
    std::thread::spawn(move || {
        // An error means the same as an end.
        let _ended = std::io::copy(&mut std::io::stdin(), &mut std::io::sink());
        drop(say);
    });
    tokio::select! {
        served = axum::serve(listener, echo).into_future() => served.map_err(cannot)?,
        _ = ended => {}
    }
    Ok(Exit::Done)
}
