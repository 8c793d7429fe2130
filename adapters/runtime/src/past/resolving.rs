//! From a moment, as somebody says it, to the position that it is.
//!
//! The time at which events were recorded never decreases along the log, so an instant is found by halving.

use domain::event::RecordedEvent;
use domain::ports::{Direction, EventFilter, EventStore, ReadError};
use domain::stream::{Position, Subject, Version};
use domain::time::Timestamp;

use super::{PastError, Then};
use crate::engine::Engine;
use std::sync::Arc;

pub(super) async fn position(engine: &Engine, wanted: Position) -> Result<Then, PastError> {
    let log = engine.whole_log();
    let head = log.head().await?;
    if wanted > head {
        return Err(PastError::BeyondLog { wanted, head });
    }
    let event = after(&*log, wanted.just_before()).await?;
    let at = event.map_or_else(|| engine.clock().now(), |event| event.metadata.recorded_at);
    Ok(Then { position: wanted, at })
}

pub(super) async fn instant(engine: &Engine, wanted: Timestamp) -> Result<Then, PastError> {
    let now = engine.clock().now();
    if wanted > now {
        return Err(PastError::Future { wanted, now });
    }
    let log = engine.whole_log();
    // Everything up to `low` had been recorded by then, nothing after `high` had.
    let (mut low, mut high) = (Position::START, log.head().await?);
    while low < high {
        let middle = Position { major: low.major + (high.major - low.major) / 2, minor: 0 }.max(low);
        match after(&*log, middle).await? {
            Some(event) if event.metadata.recorded_at <= wanted => low = event.position,
            Some(_) | None => high = middle,
        }
    }
    Ok(Then { position: low, at: wanted })
}

pub(super) async fn version(
    engine: &Engine,
    wanted: Version,
    subject: Option<&Subject>,
) -> Result<Then, PastError> {
    let Some(stream) = subject.map(Subject::stream) else { return Err(PastError::VersionOfWhat(wanted)) };
    let read = engine.store().read_stream(&stream, wanted, Direction::Forward, 1).await?;
    if let Some(event) = read.first() {
        return Ok(Then { position: event.position, at: event.metadata.recorded_at });
    }
    match engine.store().read_stream(&stream, Version(u64::MAX), Direction::Backward, 1).await?.first() {
        Some(last) => {
            let (stream, last) = (stream.to_string(), last.version);
            Err(PastError::BeyondStream { wanted, stream, last })
        }
        // There is no such thing: then it is not there at any moment, and whoever asks will say so.
        None => Ok(Then { position: Position::START, at: engine.clock().now() }),
    }
}

/// The first event after a position.
async fn after(log: &dyn EventStore, position: Position) -> Result<Option<Arc<RecordedEvent>>, ReadError> {
    Ok(log.read_all(position, 1, &EventFilter::default()).await?.into_iter().next())
}
