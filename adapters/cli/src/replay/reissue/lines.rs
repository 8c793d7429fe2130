//! Recorded commands as they are posted, from a log or from a server. Does not know where they go.

use std::sync::Arc;

use domain::event::RecordedEvent;
use domain::ports::{EventFilter, EventStore as _};
use domain::replay::Appends;
use domain::stream::Position;
use domain::time::Timestamp;
use event_codec::JsonForms;
use runtime::replay::{ReplayFilter, Selection};
use serde_json::{Value, json};
use store_sqlite::SqliteStore;

use crate::client::{Client, part};
use crate::exit::CliError;

/// How many events, or commands, are read at once.
const PAGE_MAX: usize = 1_000;

/// A recorded command.
pub(super) struct Line {
    /// As it is posted.
    pub(super) json: Vec<u8>,
    /// When it was decided.
    pub(super) at: Timestamp,
}

/// Recorded commands, page by page.
pub(super) struct Lines {
    from: From,
    selection: Selection,
    after: Position,
    is_over: bool,
}

enum From {
    Log(Arc<SqliteStore>, Appends),
    Server(Box<Client>),
}

impl Lines {
    pub(super) fn of_log(store: Arc<SqliteStore>, filter: &ReplayFilter) -> Result<Self, CliError> {
        Self::new(From::Log(store, Appends::default()), filter)
    }

    /// A server's commands come without their events, so nothing can be chosen by these.
    pub(super) fn of_server(client: Client, filter: &ReplayFilter) -> Result<Self, CliError> {
        if !filter.types.is_empty() {
            return Err(CliError::Usage(
                "a server's commands cannot be chosen by --type; leave it out, or read the data folder while no server has it"
                    .to_owned(),
            ));
        }
        Self::new(From::Server(Box::new(client)), filter)
    }

    fn new(from: From, filter: &ReplayFilter) -> Result<Self, CliError> {
        let selection = Selection::new(filter, &JsonForms);
        let selection = selection.map_err(|error| CliError::Usage(error.to_string()))?;
        Ok(Self { from, selection, after: Position::START, is_over: false })
    }

    /// The next commands that are chosen; nothing when there are no more.
    pub(super) async fn next(&mut self) -> Result<Option<Vec<Line>>, CliError> {
        if self.is_over {
            return Ok(None);
        }
        match &mut self.from {
            From::Log(store, appends) => {
                let page = store.read_all(self.after, PAGE_MAX, &EventFilter::default()).await;
                let page = page.map_err(|error| CliError::Environment(error.to_string()))?;
                self.is_over = page.is_empty();
                if let Some(last) = page.last() {
                    self.after = last.position;
                }
                let mut whole: Vec<_> = page.into_iter().filter_map(|event| appends.push(event)).collect();
                if self.is_over {
                    whole.extend(appends.finish());
                }
                let chosen = whole.iter().filter(|append| {
                    self.selection.wants_stream(append.stream()) && self.selection.chooses(append, &JsonForms)
                });
                chosen.map(|append| line(append.first())).collect::<Result<_, _>>().map(Some)
            }
            From::Server(client) => {
                let path = format!("/v1/commands?limit={PAGE_MAX}&after={}", part(&self.after.to_string()));
                let (mut lines, mut wrong) = (Vec::new(), None);
                let selection = &self.selection;
                let next = client
                    .page(&path, |command| match of_server(command, selection) {
                        Ok(line) => lines.extend(line),
                        Err(error) => wrong = Some(error),
                    })
                    .await?;
                match next.map(|next| next.parse()) {
                    Some(Ok(next)) => self.after = next,
                    Some(Err(_)) | None => self.is_over = true,
                }
                wrong.map_or(Ok(Some(lines)), Err)
            }
        }
    }
}

/// A command of a log as it is posted, in the form of `GET /v1/commands`.
fn line(first: &RecordedEvent) -> Result<Line, CliError> {
    let metadata = &first.metadata;
    let Some(command) = &metadata.command else {
        return Err(CliError::Refused(format!(
            "the log does not have the command behind position {}, so it cannot be reissued",
            first.position
        )));
    };
    let key = metadata.idempotency_key.as_ref();
    let mut json = json!({
        "id": key.map_or_else(|| metadata.command_id.to_string(), ToString::to_string),
        "stream": first.stream.as_str(),
        "command": command,
        "actor": metadata.actor,
        "recorded": {
            "position": first.position,
            "version": first.version,
            "at": metadata.recorded_at,
            "command_id": metadata.command_id,
            "organization": metadata.organization,
        },
    });
    let optional = [
        ("reason", metadata.reason.as_ref().map(ToString::to_string)),
        ("causation_id", metadata.causation_id.map(|id| id.to_string())),
        ("correlation_id", metadata.correlation_id.map(|id| id.to_string())),
    ];
    if let Some(members) = json.as_object_mut() {
        let there = optional.into_iter().filter_map(|(name, text)| Some((name.to_owned(), text?.into())));
        members.extend(there);
    }
    Ok(Line { json: json.to_string().into_bytes(), at: metadata.recorded_at })
}

/// A command of a server, when it is chosen.
fn of_server(command: &Value, selection: &Selection) -> Result<Option<Line>, CliError> {
    let text = |pointer| command.pointer(pointer).and_then(Value::as_str).unwrap_or_default();
    let wrong =
        || CliError::Unavailable("the server's commands cannot be read; is it an older reprise?".to_owned());
    let position: Position = text("/recorded/position").parse().map_err(|_| wrong())?;
    let at: Timestamp = text("/recorded/at").parse().map_err(|_| wrong())?;
    let stream = domain::stream::StreamId::from_stored(text("/stream"));
    if !selection.wants_stream(&stream) || !selection.spans(position, at) {
        return Ok(None);
    }
    Ok(Some(Line { json: command.to_string().into_bytes(), at }))
}
