//! Every recorded command decided again, and compared with what was recorded, as `reprise replay verify` does.

use std::sync::Arc;
use std::time::Instant;

use domain::replay::Changes;
use event_codec::JsonForms;
use runtime::replay::{Line, Mode, Replay, ReplayFilter, ReplayReport, ReplayRequest};
use store_sqlite::{SqliteOptions, SqliteStore};

use crate::bench::figure::Figure;
use crate::bench::{Bench, failed};
use crate::exit::CliError;

/// How many findings are listed; there should be none.
const FINDINGS_MAX: u32 = 1;

pub(super) async fn measure(bench: &Bench) -> Result<Vec<Figure>, CliError> {
    let history = bench.prepared().await?;
    let store = SqliteStore::open(&history.folder, SqliteOptions::default());
    let store = Arc::new(store.map_err(|error| failed("open a log", &error))?);
    let begun = Instant::now();
    let report = decide_again(store).await?;
    let took = begun.elapsed().as_secs_f64();
    let ReplayReport { commands, events, findings, .. } = report;
    if findings > 0 || events < history.events || commands < history.events {
        let found = format!("{commands} commands of {events} events, {findings} differ");
        return Err(failed("believe the replay", &found));
    }
    Ok(vec![
        Figure::new("commands_per_second", commands as f64 / took, "commands/s"),
        Figure::new("events_per_second", events as f64 / took, "events/s"),
    ])
}

async fn decide_again(store: Arc<SqliteStore>) -> Result<ReplayReport, CliError> {
    let (filter, changes) = (ReplayFilter::default(), Changes::default());
    let request =
        ReplayRequest { mode: Mode::Verify, filter, changes, reissue: None, findings_max: FINDINGS_MAX };
    let replay = Replay::begin(store, Arc::new(JsonForms), &request).await;
    let mut replay = replay.map_err(|error| failed("begin a replay", &error))?;
    let mut report = None;
    while let Some(lines) = replay.next().await.map_err(|error| failed("go on with a replay", &error))? {
        for line in lines {
            match line {
                Line::Report(reported) => report = Some(reported),
                Line::Finding(_) | Line::Progress(_) => {}
            }
        }
    }
    report.ok_or_else(|| failed("end a replay", &"it gave no report"))
}
