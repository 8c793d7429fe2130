//! Where a history is read: an export, the data folder itself, which is only read, or the server that has it. Does not know
//! what is done with it.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::Arc;

use domain::event::{Metadata, RecordedCommand, RecordedEvent};
use domain::names::{Actor, CommandId, EventId, OrganizationId};
use domain::ports::{Direction, EventStore as _};
use domain::stream::{Position, StreamId, Subject, Version};
use domain::time::Timestamp;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use uuid::Uuid;

use crate::args::Global;
use crate::assemble;
use crate::client::{Client, part};
use crate::config::Config;
use crate::copied::Copied;
use crate::exit::CliError;
use crate::serve::ServerFile;

/// Events read at once.
const EVENTS_READ_MAX: usize = 1_000;

/// The events of a thing, from the first on.
pub(super) struct History {
    pub(super) events: Vec<Arc<RecordedEvent>>,
    /// Where they were read, in a few words.
    pub(super) source: String,
}

/// Reads the history of a thing from the export or the server that was named, or from the nearest place: the data folder,
/// or the server that has it.
pub(super) async fn load(
    global: &Global,
    config: &Config,
    subject: &Subject,
    export: Option<PathBuf>,
) -> Result<History, CliError> {
    if let Some(file) = export {
        let source = format!("export {}", file.display());
        let events = Copied::export(global, file)?.stream(global, subject.stream()).await?;
        return Ok(History { events, source });
    }
    if global.server.is_none()
        && let Some(history) = of_folder(global, config, subject).await?
    {
        return Ok(history);
    }
    let client = Client::of_server(global, config)?;
    let source = global.server.clone().unwrap_or_else(|| "the server of the data folder".to_owned());
    Ok(History { events: of_server(&client, subject).await?, source })
}

/// Reads the log of a data folder that nobody has, or somebody who answers no requests; nothing when a server has it. No
/// engine is started: that would go on with what it finds.
async fn of_folder(global: &Global, config: &Config, subject: &Subject) -> Result<Option<History>, CliError> {
    let folder = config.data_dir.display();
    if !config.data_dir.is_dir() {
        return Err(CliError::Environment(format!(
            "there is no data folder {folder}; name one with --data-dir, or a server with --server"
        )));
    }
    let stream = subject.stream();
    let Some(store) = assemble::open_store(config)? else {
        if ServerFile::read(&config.data_dir).is_some() {
            return Ok(None);
        }
        let source = format!("folder {folder}, which another process has");
        let events = Copied::Folder(config.data_dir.clone()).stream(global, stream).await?;
        return Ok(Some(History { events, source }));
    };
    let mut events = Vec::new();
    loop {
        let from = Version(events.len() as u64);
        let read = store.read_stream(&stream, from, Direction::Forward, EVENTS_READ_MAX).await;
        let mut read = read.map_err(|error| CliError::Environment(error.to_string()))?;
        let is_last = read.len() < EVENTS_READ_MAX;
        events.append(&mut read);
        if is_last {
            return Ok(Some(History { events, source: format!("folder {folder}") }));
        }
    }
}

// ── From a server ──────────────────────────────────────────────────────────────────────────────────────────────

/// An event as a server sends it.
#[derive(Deserialize)]
struct EventLine {
    position: Position,
    stream: String,
    version: Version,
    id: EventId,
    r#type: String,
    schema: u16,
    recorded_at: Timestamp,
    actor: Actor,
    reason: Option<String>,
    command_id: CommandId,
    causation_id: Option<Uuid>,
    correlation_id: Option<Uuid>,
    data: Value,
}

/// A command as a server sends it.
#[derive(Deserialize)]
struct CommandLine {
    stream: String,
    command: Value,
    recorded: Recorded,
}

#[derive(Deserialize)]
struct Recorded {
    command_id: CommandId,
}

async fn of_server(client: &Client, subject: &Subject) -> Result<Vec<Arc<RecordedEvent>>, CliError> {
    let stream = subject.stream();
    let mut commands: HashMap<CommandId, Value> = HashMap::new();
    each::<CommandLine>(client, "commands", &stream, |line| {
        if line.stream == stream.as_str() {
            commands.insert(line.recorded.command_id, line.command);
        }
        Ok(())
    })
    .await?;
    let mut events = Vec::new();
    each::<EventLine>(client, "events", &stream, |line| {
        // What a stream's name begins with, others may begin with too.
        if line.stream == stream.as_str() {
            let command = commands.remove(&line.command_id);
            events.push(Arc::new(line.event(command)?));
        }
        Ok(())
    })
    .await?;
    Ok(events)
}

/// Every line about a stream of a listing, page by page.
async fn each<T: DeserializeOwned>(
    client: &Client,
    listing: &str,
    stream: &StreamId,
    mut take: impl FnMut(T) -> Result<(), CliError>,
) -> Result<(), CliError> {
    let mut after = String::new();
    loop {
        let path =
            format!("/v1/{listing}?stream_prefix={}&limit={EVENTS_READ_MAX}{after}", part(stream.as_str()));
        let mut outcome = Ok(());
        let next = client
            .page(&path, |line| {
                let line = serde_json::from_value(line.clone()).map_err(|error| unreadable(&error));
                if outcome.is_ok() {
                    outcome = line.and_then(&mut take);
                }
            })
            .await?;
        outcome?;
        match next {
            Some(next) => after = format!("&after={}", part(&next)),
            None => return Ok(()),
        }
    }
}

fn unreadable(error: &impl std::fmt::Display) -> CliError {
    CliError::Unavailable(format!("what the server sent cannot be read: {error}; is it of another version?"))
}

impl EventLine {
    fn event(self, command: Option<Value>) -> Result<RecordedEvent, CliError> {
        let event = event_codec::decode(&self.r#type, self.schema, self.data.to_string().as_bytes());
        let metadata = Metadata {
            recorded_at: self.recorded_at,
            command_id: self.command_id,
            idempotency_key: None,
            command: command.map(RecordedCommand::from),
            actor: self.actor,
            reason: self.reason,
            causation_id: self.causation_id,
            correlation_id: self.correlation_id,
            // Whoever asks sees the own organization's things only; which one that is changes nothing here.
            organization: OrganizationId::default_organization(),
        };
        Ok(RecordedEvent {
            position: self.position,
            stream: StreamId::from_stored(&self.stream),
            version: self.version,
            id: self.id,
            event: event.map_err(|error| unreadable(&error))?,
            metadata: Arc::new(metadata),
        })
    }
}
