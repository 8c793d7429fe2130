//! `reprise replay`: recorded commands decided again. Over a data folder that nobody has open it reads the log itself and
//! starts nothing, so nothing is recorded; otherwise it asks the server that has the folder, or reads a copy of the log: an
//! export, or that of a folder whose process answers no requests. Does not know any rule.

mod reissue;
mod show;
mod targets;

use std::path::PathBuf;
use std::sync::Arc;

use domain::ports::EventStore;
use event_codec::JsonForms;
use runtime::replay::{BeginError, Line, Replay, ReplayReport, ReplayRequest};

use crate::args::{Global, ReplayCommand};
use crate::assemble;
use crate::client::Client;
use crate::config::Config;
use crate::copied::Copied;
use crate::exit::{CliError, Exit};
use crate::serve::ServerFile;
use show::Shown;

pub(crate) use targets::ConfiguredTargets;

pub(crate) async fn run(global: &Global, config: &Config, command: ReplayCommand) -> Result<Exit, CliError> {
    let (export, request) = match command {
        ReplayCommand::Verify(options) => options.request(),
        ReplayCommand::WhatIf(options) => options.request(),
        ReplayCommand::Reissue(options) => return reissue::run(global, config, options).await,
    };
    decide_again(global, config, export, &request).await
}

async fn decide_again(
    global: &Global,
    config: &Config,
    export: Option<PathBuf>,
    request: &ReplayRequest,
) -> Result<Exit, CliError> {
    let shown = Shown::new(global);
    let report = match source(global, config, export).await? {
        Source::Log(store) => of_log(store, request, &shown).await?,
        Source::Server(client) => of_server(&client, request, &shown).await?,
    };
    shown.report(&report);
    Ok(if report.findings == 0 { Exit::Done } else { Exit::SomeFailed })
}

/// Where recorded commands are read.
enum Source {
    /// In a log that nobody else has open, or in a copy of one.
    Log(Arc<dyn EventStore>),
    /// At a server.
    Server(Client),
}

async fn source(global: &Global, config: &Config, export: Option<PathBuf>) -> Result<Source, CliError> {
    if let Some(file) = export {
        return Ok(Source::Log(Copied::export(global, file)?.whole(global).await?));
    }
    if global.server.is_some() {
        return Client::of_server(global, config).map(Source::Server);
    }
    if !assemble::has_log(config) {
        return Err(CliError::Environment(format!(
            "there is no event log in {}; choose the folder with --data-dir, or a server with --server",
            config.data_dir.display()
        )));
    }
    match assemble::open_store(config)? {
        Some(store) => Ok(Source::Log(store)),
        None if ServerFile::read(&config.data_dir).is_some() => {
            Client::of_server(global, config).map(Source::Server)
        }
        None => Ok(Source::Log(Copied::Folder(config.data_dir.clone()).whole(global).await?)),
    }
}

async fn of_log(
    store: Arc<dyn EventStore>,
    request: &ReplayRequest,
    shown: &Shown,
) -> Result<ReplayReport, CliError> {
    let replay = Replay::begin(store, Arc::new(JsonForms), request).await;
    let mut replay = replay.map_err(|error| match error {
        BeginError::Invalid(invalid) => CliError::Usage(invalid.to_string()),
        BeginError::Store(error) => CliError::Environment(error.to_string()),
    })?;
    let mut report = None;
    let environment = |error: domain::ports::ReadError| CliError::Environment(error.to_string());
    while let Some(lines) = replay.next().await.map_err(environment)? {
        for line in lines {
            report = shown.line(line).or(report);
        }
    }
    report.ok_or_else(|| CliError::Environment("the replay ended before its end; run it again".to_owned()))
}

async fn of_server(
    client: &Client,
    request: &ReplayRequest,
    shown: &Shown,
) -> Result<ReplayReport, CliError> {
    let body = serde_json::to_value(request).map_err(|error| CliError::Usage(error.to_string()))?;
    let (mut report, mut problem) = (None, None);
    client
        .send_for_lines("/v1/replays", &body, |line| match serde_json::from_value::<Line>(line.clone()) {
            Ok(line) => report = shown.line(line).or(report.take()),
            Err(_) => problem = Some(line.pointer("/problem/detail").map_or_else(|| line.to_string(), text)),
        })
        .await?;
    report.ok_or_else(|| {
        CliError::Unavailable(problem.unwrap_or_else(|| "the reply broke off; run it again".to_owned()))
    })
}

fn text(value: &serde_json::Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}
