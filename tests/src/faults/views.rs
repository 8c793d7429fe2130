//! Views that stand still on demand. Does not know what they show.

use std::sync::Arc;

use async_trait::async_trait;
use domain::event::RecordedEvent;
use domain::stream::Position;
use projections::read_model::{
    Pick, Picked, ProjectionStatus, Query, ReadModel, ReadModelError, RebuildReport, RowCounts, StoredPage,
};
use projections::view::Value;

use super::Gate;

/// Real rows that can be kept from following the log.
pub struct SlowViews {
    inner: Arc<dyn ReadModel>,
    gate: Gate,
}

impl SlowViews {
    /// The rows as they are, while the gate is open.
    #[must_use]
    pub fn behind(gate: Gate, inner: Arc<dyn ReadModel>) -> Arc<Self> {
        Arc::new(Self { inner, gate })
    }
}

#[async_trait]
impl ReadModel for SlowViews {
    async fn checkpoint(&self) -> Result<Position, ReadModelError> {
        self.inner.checkpoint().await
    }

    async fn apply(&self, events: Vec<Arc<RecordedEvent>>) -> Result<(), ReadModelError> {
        self.gate.pass().await;
        self.inner.apply(events).await
    }

    async fn gather(&self, events: Vec<Arc<RecordedEvent>>) -> Result<(), ReadModelError> {
        self.gate.pass().await;
        self.inner.gather(events).await
    }

    async fn row(&self, view: &'static str, key: &str) -> Result<Option<String>, ReadModelError> {
        self.inner.row(view, key).await
    }

    async fn list(&self, query: Query) -> Result<StoredPage, ReadModelError> {
        self.inner.list(query).await
    }

    async fn pick(&self, query: Query, pick: Pick) -> Result<Picked, ReadModelError> {
        self.inner.pick(query, pick).await
    }

    async fn count_by(
        &self,
        query: Query,
        by: &'static [&'static str],
    ) -> Result<RowCounts<Vec<Value>>, ReadModelError> {
        self.inner.count_by(query, by).await
    }

    async fn counts(&self, view: &'static str, prefix: &str) -> Result<Vec<(String, u64)>, ReadModelError> {
        self.inner.counts(view, prefix).await
    }

    async fn projections(&self) -> Result<Vec<ProjectionStatus>, ReadModelError> {
        self.inner.projections().await
    }

    async fn rebuild_begin(&self, view: &str) -> Result<(), ReadModelError> {
        self.inner.rebuild_begin(view).await
    }

    async fn rebuild_apply(&self, view: &str, events: Vec<Arc<RecordedEvent>>) -> Result<(), ReadModelError> {
        self.inner.rebuild_apply(view, events).await
    }

    async fn rebuild_reached(&self, view: &str, position: Position) -> Result<(), ReadModelError> {
        self.inner.rebuild_reached(view, position).await
    }

    async fn rebuild_switch(&self, view: &str) -> Result<RebuildReport, ReadModelError> {
        self.inner.rebuild_switch(view).await
    }
}
