//! `reprise replay reissue`: recorded commands sent to another instance, with everything that was recorded about them. Does
//! not know what they ask.

mod lines;

use std::sync::Arc;
use std::time::{Duration, Instant};

use domain::ports::{EventStore, SendError, Target, Targets as _};
use domain::replay::Changes;
use event_codec::JsonForms;
use runtime::replay::{
    FINDINGS_DEFAULT, Finding, Line, Mode, Pace, ReissueRequest, Reissuing, ReplayError, ReplayFilter,
    ReplayRequest, Selection, Sending, SentCounts, Step,
};

use super::show::Shown;
use super::targets::{ConfiguredTargets, HttpTarget};
use super::{Source, of_server, source};
use crate::args::{Destination, Global, ReissueOptions};
use crate::client::Client;
use crate::config::Config;
use crate::exit::{CliError, Exit};
use crate::output;
use lines::Lines;

/// How long nothing is shown while the next command's time has not come.
const SILENCE_MAX: Duration = Duration::from_secs(1);

/// How it ended.
struct Ended {
    counts: SentCounts,
    /// Whether a command was refused, after which nothing is sent.
    is_refused: bool,
}

pub(super) async fn run(global: &Global, config: &Config, options: ReissueOptions) -> Result<Exit, CliError> {
    let began = Instant::now();
    let shown = Shown::new(global);
    let (export, filter, pace, destination) = options.parts();
    let ended = match (source(global, config, export).await?, destination) {
        // The server has the target's key.
        (Source::Server(client), Destination::Target(target)) => {
            let reissue = Some(ReissueRequest { target, pace });
            let (mode, changes) = (Mode::Reissue, Changes::default());
            let request = ReplayRequest { mode, filter, changes, reissue, findings_max: FINDINGS_DEFAULT };
            let report = of_server(&client, &request, &shown).await?;
            Ended { counts: report.reissue.unwrap_or_default(), is_refused: report.findings > 0 }
        }
        (Source::Server(client), destination @ Destination::Url { .. }) => {
            let target = target(global, config, destination).await?;
            let lines = Lines::new(client, &filter)?;
            shown.ended(of_pages(lines, Sending::new(target, pace), &shown).await)?
        }
        (Source::Log(store), destination) => {
            let target = target(global, config, destination).await?;
            shown.ended(of_log(store, &filter, pace, target, &shown).await)?
        }
    };
    told(global, ended.counts, began.elapsed());
    Ok(if ended.is_refused { Exit::Refused } else { Exit::Done })
}

async fn target(
    global: &Global,
    config: &Config,
    destination: Destination,
) -> Result<Arc<dyn Target>, CliError> {
    match destination {
        Destination::Url { url, api_key } => {
            Ok(Arc::new(HttpTarget(Client::at(&url, global.ca_cert.as_deref(), api_key)?)))
        }
        Destination::Target(name) => {
            let targets = ConfiguredTargets::new(config);
            let unknown = || {
                let invalid = runtime::replay::InvalidRequest::unknown_target(&name, &targets.names());
                CliError::Usage(invalid.to_string())
            };
            targets.target(&name).await.map_err(unsent)?.ok_or_else(unknown)
        }
    }
}

/// Sends a log that nobody else has open.
async fn of_log(
    store: Arc<dyn EventStore>,
    filter: &ReplayFilter,
    pace: Pace,
    target: Arc<dyn Target>,
    shown: &Shown,
) -> Result<Ended, CliError> {
    let forms = Arc::new(JsonForms);
    let selection =
        Selection::new(filter, &*forms).map_err(|invalid| CliError::Usage(invalid.to_string()))?;
    let reissuing = Reissuing::begin(store, forms, selection, pace, target).await;
    let mut reissuing = reissuing.map_err(|error| CliError::Environment(error.to_string()))?;
    let mut ended = Ended { counts: SentCounts::default(), is_refused: false };
    loop {
        let lines = match reissuing.next().await {
            Ok(Some(lines)) => lines,
            Ok(None) => return Ok(ended),
            Err(error) => {
                complain_of_progress(reissuing.counts());
                return Err(unreplayed(error));
            }
        };
        for line in lines {
            ended.is_refused |= matches!(line, Line::Finding(_));
            shown.line(line);
        }
        ended.counts = reissuing.counts();
    }
}

/// Sends the commands of a server to somewhere that the server does not know.
async fn of_pages(mut lines: Lines, mut sending: Sending, shown: &Shown) -> Result<Ended, CliError> {
    loop {
        let step = sending.step(SILENCE_MAX).await;
        let step = step.map_err(|error| {
            complain_of_progress(sending.counts());
            unsent(error)
        })?;
        let counts = sending.counts();
        match step {
            Step::Sent | Step::Early => shown.sent(counts),
            Step::Refused(row) => {
                shown.line(Line::Finding(Finding::Refused(Box::new(row))));
                return Ok(Ended { counts, is_refused: true });
            }
            Step::Idle => match lines.next().await? {
                Some(page) => page.into_iter().for_each(|command| sending.push(command)),
                None => return Ok(Ended { counts, is_refused: false }),
            },
        }
    }
}

fn complain_of_progress(SentCounts { carried_out, there_already }: SentCounts) {
    output::note(&format!(
        "{carried_out} commands were carried out before, {there_already} were there already"
    ));
}

fn told(global: &Global, SentCounts { carried_out, there_already }: SentCounts, elapsed: Duration) {
    if global.json {
        output::json(&serde_json::json!({ "carried_out": carried_out, "there_already": there_already }));
    } else {
        let seconds = elapsed.as_secs_f64();
        output::line(&format!(
            "{carried_out} commands carried out, {there_already} were there already, in {seconds:.1} s"
        ));
    }
}

fn unreplayed(error: ReplayError) -> CliError {
    match error {
        ReplayError::Store(error) => CliError::Environment(error.to_string()),
        ReplayError::CommandMissing(_) => CliError::Refused(error.to_string()),
        ReplayError::Target(error) => unsent(error),
    }
}

fn unsent(error: SendError) -> CliError {
    match error {
        SendError::Unavailable(_) => CliError::Unavailable(error.to_string()),
        SendError::Refused(_) => CliError::Refused(error.to_string()),
    }
}
