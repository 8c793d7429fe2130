//! Every projection built again from the log: all at once by a server that finds none, then each one by itself beside the
//! rows that are there, as `reprise projections rebuild` does.

use std::time::{Duration, Instant};

use bytes::Bytes;
use hyper::Method;
use serde::Deserialize;
use serde_json::Value;

use crate::bench::figure::Figure;
use crate::bench::http::Connection;
use crate::bench::server::Server;
use crate::bench::{Bench, failed};
use crate::exit::CliError;

/// What the names of the files of the views begin with.
const VIEWS: &str = "views.db";
/// The project's limit.
const EVENTS_PER_SECOND_MIN: f64 = 400_000.0;

#[derive(Deserialize)]
struct Projections {
    items: Vec<Projection>,
}

#[derive(Deserialize)]
struct Projection {
    name: String,
    position: String,
}

pub(super) async fn measure(bench: &Bench) -> Result<Vec<Figure>, CliError> {
    let history = bench.prepared().await?;
    let cannot = |error: std::io::Error| failed("remove the views", &error);
    for entry in std::fs::read_dir(&history.folder).map_err(cannot)? {
        let entry = entry.map_err(cannot)?;
        if entry.file_name().to_string_lossy().starts_with(VIEWS) {
            std::fs::remove_file(entry.path()).map_err(cannot)?;
        }
    }
    bench.say("  starting without views");
    let server = Server::start_over(&bench.place, history.folder.clone(), "").await?;
    let mut connection = server.connect().await?;
    let Projections { items } = connection.get("/v1/projections").await?;
    let head = items.iter().filter_map(|projection| projection.position.parse::<f64>().ok());
    let events = head.fold(0.0, f64::max);
    bench.say("  building each view beside itself");
    let mut beside = Duration::ZERO;
    for Projection { name, .. } in &items {
        beside += rebuild(&mut connection, name).await?;
    }
    let ready_after = server.ready_after.as_secs_f64();
    server.kill().await?;
    let rate = Figure::new("events_per_second", events / ready_after, "events/s");
    Ok(vec![
        rate.at_least(EVENTS_PER_SECOND_MIN),
        Figure::new("beside", events / beside.as_secs_f64(), "events/s"),
        Figure::new("views", items.len() as f64, "views"),
    ])
}

/// Builds a view beside itself, and makes sure that both are the same; gives how long that took.
async fn rebuild(connection: &mut Connection, name: &str) -> Result<Duration, CliError> {
    let begun = Instant::now();
    let lines =
        connection.send(Method::POST, &format!("/v1/projections/{name}/rebuild"), Bytes::new()).await?;
    let took = begun.elapsed();
    let last = lines.split(|byte| *byte == b'\n').rfind(|line| !line.is_empty()).unwrap_or_default();
    let last: Value = serde_json::from_slice(last).map_err(|error| failed("read a report", &error))?;
    match last.pointer("/report/rows_different").and_then(Value::as_u64) {
        Some(0) => Ok(took),
        Some(_) | None => Err(failed(&format!("believe the rebuild of {name}"), &last)),
    }
}
