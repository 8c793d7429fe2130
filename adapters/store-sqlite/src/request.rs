//! What the writer is asked for. Everything that can be made ready beside the writer is made ready here.

use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};

use domain::event::{Metadata, RecordedEvent};
use domain::ports::{Append, AppendError, Appended};
use domain::stream::{ExpectedVersion, Position, Version};
use event_codec::{EncodedEvent, encode_append};
use tokio::sync::oneshot;

use crate::Hash;
use crate::lookup::Name;

/// How many appends are encoded at once: the writer takes some in while the next are being encoded.
const PART_APPENDS: usize = 32;

/// An append, encoded, or why it is not taken.
pub(crate) type Prepared = Result<Element, AppendError>;

/// A batch and where its results go.
pub(crate) struct Request {
    pub(crate) batch: Batch,
    pub(crate) reply: oneshot::Sender<Vec<Result<Appended, AppendError>>>,
}

/// The appends of a request. Whoever asks encodes one part after the other, without a pause, as soon as the request is sent.
pub(crate) struct Batch {
    /// How many appends there are.
    pub(crate) length: usize,
    /// How many events they have together.
    pub(crate) events: usize,
    first: Vec<Prepared>,
    /// Nothing when the first part is all.
    others: Option<Receiver<Vec<Prepared>>>,
}

impl Batch {
    /// Encodes the first part. What has to encode the others is given back.
    pub(crate) fn new(appends: &Arc<[Append]>, hash: Hash) -> (Self, Option<Encoder>) {
        let (first, others) = appends.split_at(PART_APPENDS.min(appends.len()));
        let (parts, encoder) = if others.is_empty() {
            (None, None)
        } else {
            // There is room for all of them.
            let (parts, encoded) = sync_channel(others.len().div_ceil(PART_APPENDS));
            (Some(encoded), Some(Encoder { appends: Arc::clone(appends), hash, parts }))
        };
        let batch = Self {
            length: appends.len(),
            events: appends.iter().map(|append| append.events.len()).sum(),
            first: first.iter().map(|append| prepare(append, hash)).collect(),
            others: parts,
        };
        (batch, encoder)
    }

    /// Every append, in order; waits for those that are still being encoded.
    pub(crate) fn into_appends(self) -> impl Iterator<Item = Prepared> {
        self.first.into_iter().chain(self.others.into_iter().flatten().flatten())
    }
}

/// What is left to encode of a batch that has been sent.
pub(crate) struct Encoder {
    appends: Arc<[Append]>,
    hash: Hash,
    parts: SyncSender<Vec<Prepared>>,
}

impl Encoder {
    /// Encodes everything behind the first part.
    pub(crate) fn run(self) {
        for part in self.appends.chunks(PART_APPENDS).skip(1) {
            let part = part.iter().map(|append| prepare(append, self.hash)).collect();
            if self.parts.send(part).is_err() {
                // The writer has given the batch up, and says why.
                return;
            }
        }
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
fn prepare(append: &Append, hash: Hash) -> Prepared {
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
