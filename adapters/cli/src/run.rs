//! `reprise run`: registers a folder as a storage unit, reprocesses its documents with a program, and tells what came of
//! it. Started again after an interruption it goes on where it was.

mod prepare;
mod progress;
mod summary;

use std::collections::BTreeMap;
use std::net::Ipv4Addr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use domain::names::CampaignId;
use domain::ports::LogArchive;
use projections::read_model;
use projections::views::{CampaignRow, Campaigns};
use runtime::Engine;
use tokio::net::TcpListener;

use crate::args::{Global, RunOptions};
use crate::assemble;
use crate::config::Config;
use crate::exit::{CliError, Exit};
use crate::output;
use crate::serve::{Door, terminated};
use prepare::Prepared;
use progress::Progress;
use summary::Summary;

/// How often the progress is looked at.
const LOOK_DELAY: Duration = Duration::from_millis(100);

/// How the waiting ended.
enum Ending {
    Completed(CampaignRow),
    Cancelled(CampaignRow),
    Interrupted(Option<CampaignRow>),
}

pub(crate) async fn run(global: &Global, config: &Config, options: RunOptions) -> Result<Exit, CliError> {
    if global.server.is_some() {
        return Err(CliError::Usage(
            "run works on a data folder of its own; leave --server out, or use 'reprise reprocess all' on a server"
                .to_owned(),
        ));
    }
    let prepared = Prepared::new(&options)?;
    let Some(store) = assemble::open_store(config)? else {
        return Err(CliError::Environment(format!(
            "the data folder {} is in use by another reprise; wait for it, or choose another with --data-dir",
            config.data_dir.display()
        )));
    };
    let modules = BTreeMap::from([(prepared.module.clone(), prepared.definition.clone())]);
    let engine = assemble::start(config, store.clone(), modules).await?;
    let outcome = run_on(global, config, &options, &prepared, (&engine, store)).await;
    engine.shutdown().await;
    outcome
}

async fn run_on(
    global: &Global,
    config: &Config,
    options: &RunOptions,
    prepared: &Prepared,
    (engine, archive): (&Engine, Arc<dyn LogArchive>),
) -> Result<Exit, CliError> {
    let campaign = prepare::campaign(engine, prepared).await?;
    // Others can look on, at an address that the data folder names.
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await;
    let listener =
        listener.map_err(|error| CliError::Environment(format!("no port can be listened on: {error}")))?;
    let door = Door::open(config, engine.clone(), archive, listener, None)?;
    note_pause(engine).await?;
    let started = Instant::now();
    let before = row(engine, campaign.id).await?.map_or(0, |row| row.settled());
    engine.start_workers(jobs(options)).await;
    let progress = Progress::start(global.json, campaign.resumed, before);
    let ending = wait(engine, campaign.id, &progress).await;
    progress.end();
    door.close(config).await;
    let (row, exit) = match ending? {
        Ending::Completed(row) if row.failed > 0 => (Some(row), Exit::SomeFailed),
        Ending::Completed(row) => (Some(row), Exit::Done),
        Ending::Cancelled(row) => {
            output::note("reprise: the campaign was cancelled; what it had queued already stays queued");
            (Some(row), Exit::SomeFailed)
        }
        Ending::Interrupted(row) => {
            output::note("reprise: interrupted; the same command goes on where this one was");
            engine.shutdown().await;
            (latest(engine, row).await, Exit::Interrupted)
        }
    };
    if let Some(row) = row {
        Summary::new(prepared, &row, started.elapsed(), before).print(global.json);
    }
    Ok(exit)
}

/// Says that nothing will be processed for the time being, and how to change that.
async fn note_pause(engine: &Engine) -> Result<(), CliError> {
    let reason = engine.pause_reason().await;
    if let Some(reason) = reason.map_err(|error| CliError::Environment(error.to_string()))? {
        output::note(&format!(
            "reprise: dispatching is paused, because: {reason}; nothing is processed until 'reprise system resume'"
        ));
    }
    Ok(())
}

fn jobs(options: &RunOptions) -> usize {
    let processors = std::thread::available_parallelism().map_or(1, std::num::NonZeroUsize::get);
    options.jobs.map_or(processors, usize::from)
}

/// Waits for the campaign's end or for an interruption, and shows how far it has come.
async fn wait(engine: &Engine, id: CampaignId, progress: &Progress) -> Result<Ending, CliError> {
    let interrupted = terminated();
    tokio::pin!(interrupted);
    let mut last = None;
    loop {
        tokio::select! {
            said = &mut interrupted => {
                said?;
                return Ok(Ending::Interrupted(last));
            }
            () = tokio::time::sleep(LOOK_DELAY) => {}
        }
        let Some(row) = row(engine, id).await? else { continue };
        progress.show(&row);
        if row.state.is_over() {
            let completed = row.state == projections::views::CampaignState::Completed;
            return Ok(if completed { Ending::Completed(row) } else { Ending::Cancelled(row) });
        }
        last = Some(row);
    }
}

async fn latest(engine: &Engine, known: Option<CampaignRow>) -> Option<CampaignRow> {
    let known = known?;
    row(engine, known.id).await.ok().flatten().or(Some(known))
}

async fn row(engine: &Engine, id: CampaignId) -> Result<Option<CampaignRow>, CliError> {
    read_model::row::<Campaigns>(engine.read_model(), &id.to_string())
        .await
        .map_err(|error| CliError::Environment(error.to_string()))
}
