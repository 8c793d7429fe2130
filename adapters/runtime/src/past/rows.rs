//! The rows as of a position, asked like the present ones. A board is put together only when a question needs one: the row of
//! a thing that is made of its own events alone is folded from these. Does not know whose rows they are.

use std::sync::Arc;

use async_trait::async_trait;
use domain::event::RecordedEvent;
use domain::stream::{Position, StreamId};
use projections::fold;
use projections::read_model::{
    Pick, Picked, ProjectionStatus, Query, ReadModel, ReadModelError, RebuildReport, RowCounts, StoredPage,
};
use projections::view::Value;
use projections::views::stream_of;

use super::boards::{Boards, unreadable};
use super::events::EventsUntil;
use crate::streams::read_whole;

/// The rows as of a position.
pub(crate) struct RowsThen {
    pub(crate) boards: Arc<Boards>,
    pub(crate) position: Position,
}

impl RowsThen {
    async fn board(&self) -> Result<Arc<dyn ReadModel>, ReadModelError> {
        self.boards.rows(self.position).await
    }

    /// The board may have stood on a snapshot that was given up or damaged: then it is put together anew, once.
    async fn again<T>(
        &self,
        answer: Result<T, ReadModelError>,
    ) -> Result<Result<T, Arc<dyn ReadModel>>, ReadModelError> {
        match answer {
            Ok(answer) => Ok(Ok(answer)),
            Err(ReadModelError::Unavailable(_)) => {
                self.boards.forget(self.position);
                Ok(Err(self.board().await?))
            }
            Err(
                error @ (ReadModelError::Damaged(_)
                | ReadModelError::UnknownView(_)
                | ReadModelError::BadCursor),
            ) => Err(error),
        }
    }

    async fn folded(
        &self,
        view: &'static str,
        key: &str,
        stream: &StreamId,
    ) -> Result<Option<String>, ReadModelError> {
        let log = EventsUntil { store: Arc::clone(&self.boards.store), end: self.position };
        let events = read_whole(&log, stream).await.map_err(unreadable)?;
        let all = fold::all();
        let known = all.iter().find(|known| known.name() == view);
        let view = known.ok_or_else(|| ReadModelError::UnknownView(view.to_owned()))?;
        let concerning: Vec<&RecordedEvent> = events
            .iter()
            .map(AsRef::as_ref)
            .filter(|event| view.key(event).as_deref() == Some(key))
            .collect();
        let folded = view.fold(None, &concerning);
        let folded = folded.map_err(|row| ReadModelError::Damaged(format!("{row}: {}", row.source)))?;
        Ok(folded.after.map(|(json, _)| json))
    }
}

#[async_trait]
impl ReadModel for RowsThen {
    async fn checkpoint(&self) -> Result<Position, ReadModelError> {
        Ok(self.position)
    }

    async fn apply(&self, _: Vec<Arc<RecordedEvent>>) -> Result<(), ReadModelError> {
        Err(only_read())
    }

    async fn row(&self, view: &'static str, key: &str) -> Result<Option<String>, ReadModelError> {
        let stream = if self.boards.has(self.position) { None } else { stream_of(view, key) };
        if let Some(stream) = stream {
            return self.folded(view, key, &stream).await;
        }
        match self.again(self.board().await?.row(view, key).await).await? {
            Ok(row) => Ok(row),
            Err(board) => board.row(view, key).await,
        }
    }

    async fn list(&self, query: Query) -> Result<StoredPage, ReadModelError> {
        let page = match self.again(self.board().await?.list(query.clone()).await).await? {
            Ok(page) => page,
            Err(board) => board.list(query).await?,
        };
        Ok(StoredPage { position: self.position, ..page })
    }

    async fn pick(&self, query: Query, pick: Pick) -> Result<Picked, ReadModelError> {
        let picked =
            match self.again(self.board().await?.pick(query.clone(), Arc::clone(&pick)).await).await? {
                Ok(picked) => picked,
                Err(board) => board.pick(query, pick).await?,
            };
        Ok(Picked { position: self.position, ..picked })
    }

    async fn count_by(
        &self,
        query: Query,
        by: &'static [&'static str],
    ) -> Result<RowCounts<Vec<Value>>, ReadModelError> {
        let counted = match self.again(self.board().await?.count_by(query.clone(), by).await).await? {
            Ok(counted) => counted,
            Err(board) => board.count_by(query, by).await?,
        };
        Ok(RowCounts { position: self.position, ..counted })
    }

    async fn counts(&self, view: &'static str, prefix: &str) -> Result<Vec<(String, u64)>, ReadModelError> {
        match self.again(self.board().await?.counts(view, prefix).await).await? {
            Ok(counts) => Ok(counts),
            Err(board) => board.counts(view, prefix).await,
        }
    }

    async fn projections(&self) -> Result<Vec<ProjectionStatus>, ReadModelError> {
        match self.again(self.board().await?.projections().await).await? {
            Ok(projections) => Ok(projections),
            Err(board) => board.projections().await,
        }
    }

    async fn rebuild_begin(&self, _: &str) -> Result<(), ReadModelError> {
        Err(only_read())
    }

    async fn rebuild_apply(&self, _: &str, _: Vec<Arc<RecordedEvent>>) -> Result<(), ReadModelError> {
        Err(only_read())
    }

    async fn rebuild_switch(&self, _: &str) -> Result<RebuildReport, ReadModelError> {
        Err(only_read())
    }
}

fn only_read() -> ReadModelError {
    ReadModelError::Unavailable("the past is only read".to_owned())
}
