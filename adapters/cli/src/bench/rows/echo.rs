//! What HTTP can do: a server of the same library that gives every body back, in a process of its own, under the same
//! load generator.

use std::future::IntoFuture as _;
use std::net::{Ipv4Addr, SocketAddr};
use std::process::Stdio;
use std::sync::Arc;

use axum::Router;
use axum::routing::post;
use bytes::Bytes;
use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::net::TcpListener;
use tokio::process::{Child, Command};

use crate::bench::figure::Figure;
use crate::bench::load::{self, CONNECTIONS, Post, Question};
use crate::bench::{Bench, failed};
use crate::exit::{CliError, Exit};
use crate::output;

/// What a request carries: about as much as one command.
const BODY_BYTES: usize = 256;

pub(super) async fn measure(bench: &Bench) -> Result<Vec<Figure>, CliError> {
    let (_child, address) = start().await?;
    let body = Bytes::from(vec![b'x'; BODY_BYTES]);
    let question: Question = Arc::new(move |_, _| Post { path: "/", body: body.clone(), wanted: &[] });
    let many = load::ask(address, CONNECTIONS, bench.scale.probe(), &question).await?;
    let alone = load::ask(address, 1, bench.scale.probe(), &question).await?;
    Ok(vec![
        Figure::new("requests_per_second_64", many.rate, "requests/s"),
        Figure::new("p99_64", many.took.millis(99), "ms"),
        Figure::new("round_trip_1", alone.took.millis(50), "ms"),
    ])
}

/// Starts the echo; it ends when the process is dropped.
pub(super) async fn start() -> Result<(Child, SocketAddr), CliError> {
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
