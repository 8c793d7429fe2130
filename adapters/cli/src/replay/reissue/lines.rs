//! Recorded commands of a server, in the form in which they are posted. Does not know where they go.

use domain::stream::{Position, StreamId};
use domain::time::Timestamp;
use event_codec::JsonForms;
use runtime::replay::{Outgoing, ReplayFilter, Selection};
use serde_json::Value;

use crate::client::{Client, part};
use crate::exit::CliError;

/// How many commands are read at once.
const PAGE_MAX: usize = 1_000;

/// Recorded commands, page by page.
pub(super) struct Lines {
    client: Client,
    selection: Selection,
    after: Position,
    is_over: bool,
}

impl Lines {
    /// A server's commands come without their events, so nothing can be chosen by these.
    pub(super) fn new(client: Client, filter: &ReplayFilter) -> Result<Self, CliError> {
        if !filter.types.is_empty() {
            return Err(CliError::Usage(
                "a server's commands cannot be chosen by --type on their way to a URL; leave it out, name a target \
                 of the server with --target, or read the data folder while no server has it"
                    .to_owned(),
            ));
        }
        let selection = Selection::new(filter, &JsonForms);
        let selection = selection.map_err(|error| CliError::Usage(error.to_string()))?;
        Ok(Self { client, selection, after: Position::START, is_over: false })
    }

    /// The next commands that are chosen; nothing when there are no more.
    pub(super) async fn next(&mut self) -> Result<Option<Vec<Outgoing>>, CliError> {
        if self.is_over {
            return Ok(None);
        }
        let path = format!("/v1/commands?limit={PAGE_MAX}&after={}", part(&self.after.to_string()));
        let (mut commands, mut wrong) = (Vec::new(), None);
        let selection = &self.selection;
        let next = self
            .client
            .page(&path, |command| match chosen(command, selection) {
                Ok(command) => commands.extend(command),
                Err(error) => wrong = Some(error),
            })
            .await?;
        match next.map(|next| next.parse()) {
            Some(Ok(next)) => self.after = next,
            Some(Err(_)) | None => self.is_over = true,
        }
        wrong.map_or(Ok(Some(commands)), Err)
    }
}

/// A command of a server, when it is chosen.
fn chosen(command: &Value, selection: &Selection) -> Result<Option<Outgoing>, CliError> {
    let text = |pointer| command.pointer(pointer).and_then(Value::as_str).unwrap_or_default();
    let wrong =
        || CliError::Unavailable("the server's commands cannot be read; is it an older reprise?".to_owned());
    let position: Position = text("/recorded/position").parse().map_err(|_| wrong())?;
    let at: Timestamp = text("/recorded/at").parse().map_err(|_| wrong())?;
    let stream = StreamId::from_stored(text("/stream"));
    if !selection.wants_stream(&stream) || !selection.spans(position, at) {
        return Ok(None);
    }
    Ok(Some(Outgoing { line: command.to_string().into_bytes(), at }))
}
