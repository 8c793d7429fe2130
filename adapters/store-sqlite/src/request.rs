//! What the writer is asked for. Everything that can be made ready beside the writer is made ready here.

use std::sync::Arc;

use domain::event::{Metadata, RecordedEvent};
use domain::ports::{Append, AppendError, Appended};
use domain::stream::{ExpectedVersion, Position, Version};
use event_codec::{EncodedEvent, encode_append};
use tokio::sync::oneshot;

use crate::Hash;
use crate::lookup::Name;

/// A batch and where its results go.
pub(crate) struct Request {
    pub(crate) batch: Vec<Result<Element, AppendError>>,
    pub(crate) reply: oneshot::Sender<Vec<Result<Appended, AppendError>>>,
}

impl Request {
    pub(crate) fn event_count(&self) -> usize {
        self.batch.iter().flatten().map(|element| element.rows.len()).sum()
    }
}

/// One append, encoded.
pub(crate) struct Element {
    pub(crate) name: Name,
    pub(crate) expected: ExpectedVersion,
    pub(crate) rows: Vec<NewRow>,
}

/// One event, as a row and as readers will see it; its position is for the writer to fill in.
pub(crate) struct NewRow {
    pub(crate) encoded: EncodedEvent,
    pub(crate) recorded: RecordedEvent,
}

/// Encodes an append.
pub(crate) fn prepare(append: &Append, hash: Hash) -> Result<Element, AppendError> {
    let encoded = encode_append(append).map_err(|refused| AppendError::Rejected(refused.to_string()))?;
    let mut metadata = Arc::clone(&append.metadata);
    let first = append.expected.next().0;
    let mut rows = Vec::with_capacity(encoded.len());
    for (version, (encoded, new)) in (first..).zip(encoded.into_iter().zip(&append.events)) {
        if version > first && metadata.command.is_some() {
            metadata = Arc::new(Metadata { command: None, ..(*metadata).clone() });
        }
        let recorded = RecordedEvent {
            position: Position::START,
            stream: append.stream.clone(),
            version: Version(version),
            id: new.id,
            event: new.event.clone(),
            metadata: Arc::clone(&metadata),
        };
        rows.push(NewRow { encoded, recorded });
    }
    Ok(Element { name: Name::new(append.stream.clone(), hash), expected: append.expected, rows })
}
