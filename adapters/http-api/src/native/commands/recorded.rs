//! Commands that were recorded elsewhere, posted with what was recorded about them: a line each, a result each. Lines of
//! different streams are carried out together, in their order. Does not know what a command does.

use std::collections::HashSet;
use std::convert::Infallible;

use axum::body::{Body, Bytes};
use domain::envelope::{Command, Envelope};
use domain::names::{Actor, CommandId, IdempotencyKey, OrganizationId};
use domain::stream::{StreamId, Subject, Version};
use domain::time::Timestamp;
use futures::FutureExt as _;
use runtime::{Accepted, Reissue, ReissueError, Reissued};
use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::Value;
use uuid::Uuid;

use super::CommandResult;
use crate::extract::{BODY_WAIT_MAX, Line, Lines, from_json};
use crate::problem::Problem;
use crate::state::ApiState;

/// How many commands are carried out at once.
const AT_ONCE_MAX: usize = 1_024;

/// A recorded command as it is read from the log, and posted.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Posted {
    id: String,
    stream: String,
    command: Value,
    actor: Actor,
    reason: Option<String>,
    causation_id: Option<Uuid>,
    correlation_id: Option<Uuid>,
    recorded: Recorded,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Recorded {
    #[serde(rename = "position")]
    _position: IgnoredAny,
    version: Version,
    at: Timestamp,
    command_id: CommandId,
    organization: OrganizationId,
}

impl Posted {
    fn reissue(self) -> Result<Reissue, Problem> {
        let invalid = |detail: String| Problem::invalid("invalid_command", detail);
        let subject: Subject = self
            .stream
            .parse()
            .map_err(|error| Problem::invalid("invalid_body", format!("stream: {error}")))?;
        let command = Command::from_recorded(subject, &self.command.into());
        let command = command.map_err(|error| invalid(format!("correct the member command: {error}")))?;
        let Recorded { version, at, command_id, organization, .. } = self.recorded;
        // The id is the sender's key if the command's own id follows from it, and else that id itself.
        let key = IdempotencyKey::new(self.id.as_str()).ok();
        let idempotency_key = key.filter(|key| CommandId::keyed(&organization, key) == command_id);
        let envelope = Envelope {
            idempotency_key,
            reason: self.reason,
            causation_id: self.causation_id,
            correlation_id: self.correlation_id,
            organization: Some(organization),
            decided_at: Some(at),
            ..Envelope::new(command_id, self.actor, command)
        };
        Ok(Reissue { envelope, version })
    }
}

/// The results, as a body that is written while the request is read.
pub(super) fn results(state: ApiState, lines: Lines) -> Body {
    let reissue = Reissuing { state, lines, ahead: None, ended: false };
    Body::from_stream(futures::stream::unfold(reissue, Reissuing::next))
}

struct Reissuing {
    state: ApiState,
    lines: Lines,
    /// Read, and not yet to be carried out.
    ahead: Option<Item>,
    ended: bool,
}

/// A line, understood or not.
struct Item {
    id: Option<String>,
    reissue: Result<Reissue, Problem>,
}

impl Reissuing {
    /// The results of what can be carried out together.
    async fn next(mut self) -> Option<(Result<Bytes, Infallible>, Self)> {
        let first = match self.ahead.take() {
            Some(item) => item,
            None => self.wait().await?,
        };
        let mut streams = HashSet::new();
        let mut is_closed = !takes(&mut streams, &first);
        let mut items = vec![first];
        while !self.ended && !is_closed && items.len() < AT_ONCE_MAX {
            let Some(Some(line)) = self.lines.next().now_or_never() else { break };
            let item = self.item(line);
            is_closed = !takes(&mut streams, &item);
            if is_closed {
                self.ahead = Some(item);
            } else {
                items.push(item);
            }
        }
        let results = carry_out(&self.state, items).await;
        Some((Ok(results.into()), self))
    }

    async fn wait(&mut self) -> Option<Item> {
        if self.ended {
            return None;
        }
        let line = tokio::time::timeout(BODY_WAIT_MAX, self.lines.next()).await;
        let line = line.unwrap_or(Some(Line::Broken))?;
        Some(self.item(line))
    }

    fn item(&mut self, line: Line) -> Item {
        let wrong = |problem| Item { id: None, reissue: Err(problem) };
        match line {
            Line::Bytes(bytes) => match from_json::<Posted>(&bytes) {
                Ok(posted) => Item { id: Some(posted.id.clone()), reissue: posted.reissue() },
                Err(problem) => wrong(problem),
            },
            Line::TooLong => wrong(Problem::bad_request("the line has too many bytes")),
            Line::Broken => {
                self.ended = true;
                wrong(Problem::bad_request("the body broke off; send the rest again"))
            }
        }
    }
}

async fn carry_out(state: &ApiState, items: Vec<Item>) -> Vec<u8> {
    let (ids, understood): (Vec<_>, Vec<_>) =
        items.into_iter().map(|Item { id, reissue }| (id, reissue)).unzip();
    let commands = understood.iter().flatten().cloned().collect();
    let mut results = state.engine.reissue(commands).await.into_iter();
    let mut lines = Vec::new();
    for (id, understood) in ids.into_iter().zip(understood) {
        let result = match understood {
            Ok(Reissue { version, .. }) => match results.next() {
                Some(result) => result.map(|it| accepted(it, version)).map_err(Problem::from),
                None => Err(Problem::broken("lost_result", "a command has no result")),
            },
            Err(problem) => Err(problem),
        };
        lines.push(line(state, id, &result));
    }
    lines.concat()
}

fn line(state: &ApiState, id: Option<String>, result: &Result<Accepted, Problem>) -> Vec<u8> {
    let json = match result {
        Ok(accepted) => serde_json::to_vec(&CommandResult::accepted(state, id.unwrap_or_default(), accepted)),
        Err(problem) => serde_json::to_vec(&CommandResult::problem(id, problem)),
    };
    let mut line = json.expect("texts, numbers and lists of them are always JSON");
    line.push(b'\n');
    line
}

/// Whether an item can go with those before it: one of another stream, and nothing with the system, on which others
/// depend.
fn takes(streams: &mut HashSet<StreamId>, item: &Item) -> bool {
    let Ok(Reissue { envelope, .. }) = &item.reissue else { return true };
    let stands_alone = matches!(envelope.command, Command::System(_));
    streams.insert(envelope.command.subject().stream()) && !stands_alone
}

/// What is told of a command that is here already: there was nothing to do.
fn accepted(reissued: Reissued, version: Version) -> Accepted {
    match reissued {
        Reissued::Carried(accepted) => accepted,
        Reissued::Known { position } => Accepted { events: Vec::new(), version: Some(version), position },
    }
}

impl From<ReissueError> for Problem {
    fn from(error: ReissueError) -> Self {
        match error {
            ReissueError::NotStandby => Self::conflict("not_standby", error),
            ReissueError::OtherHistory(_) => Self::conflict("other_history", error),
            ReissueError::Gap(_) => Self::conflict("history_missing", error),
            ReissueError::Nothing => Self::conflict("recorded_otherwise", error),
            ReissueError::Submit(error) => error.into(),
        }
    }
}
