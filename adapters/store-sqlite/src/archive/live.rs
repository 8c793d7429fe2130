//! The archive of a store that is open: pages of exports, heads and proofs, from readers of its own pool.

use std::time::Duration;

use async_trait::async_trait;
use domain::ports::{ArchiveFilter, ArchivePage, EventFilter, LogArchive, LogHead, ReadError};
use domain::stream::{Position, StreamId};
use domain::time::Timestamp;
use event_codec::cloud_events::write_end;
use event_codec::integrity::{Chain, Head, Signer};

use crate::SqliteStore;
use crate::reader::Reader;

/// How long a question for hashes waits until they reach what was acknowledged.
const HASHES_WAIT_MAX: Duration = Duration::from_secs(2);

impl SqliteStore {
    /// Has heads of the log signed from now on. The first signer stays.
    pub fn sign_heads(&self, signer: Signer) {
        if self.shared.hashes.signer.set(signer).is_err() {
            tracing::warn!("heads of the log are signed already; that key stays");
        }
    }

    async fn recorded_at(&self, position: Position) -> Result<Option<Timestamp>, ReadError> {
        let before = position.just_before().major;
        let mut page = self.shared.page(before, 1, EventFilter::default()).await?;
        Ok(page.pop().filter(|event| event.position == position).map(|event| event.metadata.recorded_at))
    }

    /// The hashes, once they reach a position, or as far as they are by then.
    async fn chain(&self, wanted: Position) -> Result<Chain, ReadError> {
        self.shared.hashes.wait_for(wanted.major, HASHES_WAIT_MAX).await;
        self.shared.hashes.now()
    }
}

#[async_trait]
impl LogArchive for SqliteStore {
    async fn page(
        &self,
        after: Position,
        until: Position,
        filter: &ArchiveFilter,
    ) -> Result<ArchivePage, ReadError> {
        let filter = filter.clone();
        self.shared.pool.run(move |reader| reader.archive(after.major, until.major, &filter)).await
    }

    async fn log_head(&self, wanted: Position) -> Result<LogHead, ReadError> {
        let chain = self.chain(wanted).await?;
        let recorded_at = self.recorded_at(chain.position()).await?;
        let head = self.shared.pool.run(move |_| Ok(chain.head())).await?;
        let signature = self.shared.hashes.signer.get().zip(recorded_at).map(|(signer, recorded_at)| {
            let signature = signer.sign(&head, recorded_at);
            (signature.public_key.to_string(), signature.text())
        });
        let Head { log, position, hash } = head;
        Ok(LogHead { log: log.to_string(), position, hash: hash.to_string(), recorded_at, signature })
    }

    async fn proof(&self, stream: &StreamId, wanted: Position) -> Result<Vec<u8>, ReadError> {
        let chain = self.chain(wanted).await?;
        let recorded_at = self.recorded_at(chain.position()).await?;
        let signer = self.shared.hashes.signer.get().cloned().zip(recorded_at);
        let (folder, stream) = (self.folder.clone(), stream.clone());
        let read = move |reader: &Reader| {
            let proof = reader.proof(&folder, &stream, chain.position().major)?;
            Ok(proof.write(&chain, |head| signer.map(|(signer, at)| signer.sign(head, at))))
        };
        self.shared.pool.run(read).await
    }

    async fn end(
        &self,
        after: Position,
        until: Position,
        filter: &ArchiveFilter,
        events: u64,
    ) -> Result<Vec<u8>, ReadError> {
        let log = self.shared.pool.run(Reader::log_id).await?;
        Ok(write_end(log, after, until, filter, events))
    }
}
