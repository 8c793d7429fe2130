//! What a campaign had asked for before it was interrupted, read from the histories of its key-scopes. Does not know what is
//! asked for next.

use std::sync::Arc;

use domain::envelope::Envelope;
use domain::event::RecordedEvent;
use domain::names::CampaignId;
use domain::ports::{Direction, ReadError};
use domain::process::campaign as process;
use domain::stream::{Position, Subject, Version};
use futures::{StreamExt as _, TryStreamExt as _};

use crate::engine::Engine;

/// How many key-scopes' histories are looked at at once.
const HISTORIES_AT_ONCE_MAX: usize = 16;
/// How many events of a history are read at once.
const EVENTS_READ_MAX: usize = 32;

/// Takes out the commands that were carried out before an interruption; says how many of their keys are members. Sent
/// again, they could restart what somebody else has asked for since.
pub(super) async fn take_asked(
    engine: &Engine,
    id: CampaignId,
    commands: &mut Vec<Envelope>,
) -> Result<usize, ReadError> {
    let stream = Subject::Campaign(id).stream();
    let first = engine.store().read_stream(&stream, Version(0), Direction::Forward, 1).await?;
    let begun = first.first().map_or(Position::START, |event| event.position);
    let looking = commands.drain(..).map(|command| async move {
        let recorded = recorded(engine, &command, begun).await?;
        Ok::<_, ReadError>((command, recorded))
    });
    let looked: Vec<_> = futures::stream::iter(looking).buffered(HISTORIES_AT_ONCE_MAX).try_collect().await?;
    let mut members = 0;
    for (command, recorded) in looked {
        if recorded.is_empty() {
            commands.push(command);
        } else {
            members += usize::from(process::makes_member(recorded.iter().map(|event| &event.event)));
        }
    }
    Ok(members)
}

/// What a command recorded in the history of its key-scope after a position; nothing when it was not carried out, or had
/// nothing to do.
async fn recorded(
    engine: &Engine,
    command: &Envelope,
    after: Position,
) -> Result<Vec<Arc<RecordedEvent>>, ReadError> {
    let stream = command.command.subject().stream();
    let mut from = Version(u64::MAX);
    loop {
        let events = engine.store().read_stream(&stream, from, Direction::Backward, EVENTS_READ_MAX).await?;
        let own = events.iter().filter(|event| event.metadata.command_id == command.id);
        let own: Vec<_> = own.cloned().collect();
        let Some(oldest) = events.last().filter(|oldest| oldest.position > after && own.is_empty()) else {
            return Ok(own);
        };
        let Some(next) = oldest.version.0.checked_sub(1) else { return Ok(own) };
        from = Version(next);
    }
}
