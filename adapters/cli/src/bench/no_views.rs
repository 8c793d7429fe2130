//! A read model that keeps no rows: for measuring what commands take without the views.

use std::sync::Arc;

use async_trait::async_trait;
use domain::event::RecordedEvent;
use domain::stream::Position;
use projections::read_model::{
    Pick, Picked, ProjectionStatus, Query, ReadModel, ReadModelError, RebuildReport, RowCounts, StoredPage,
};
use projections::view::Value;

/// No rows, of any view.
pub(super) struct NoViews;

impl NoViews {
    fn nothing(view: &str) -> ReadModelError {
        ReadModelError::UnknownView(view.to_owned())
    }
}

#[async_trait]
impl ReadModel for NoViews {
    async fn checkpoint(&self) -> Result<Position, ReadModelError> {
        Ok(Position::START)
    }

    async fn apply(&self, _events: Vec<Arc<RecordedEvent>>) -> Result<(), ReadModelError> {
        Ok(())
    }

    async fn row(&self, _view: &'static str, _key: &str) -> Result<Option<String>, ReadModelError> {
        Ok(None)
    }

    async fn list(&self, _query: Query) -> Result<StoredPage, ReadModelError> {
        Ok(StoredPage { rows: Vec::new(), next: None, position: Position::START })
    }

    async fn pick(&self, _query: Query, _pick: Pick) -> Result<Picked, ReadModelError> {
        Ok(Picked { items: Vec::new(), has_more: false, position: Position::START })
    }

    async fn count_by(
        &self,
        _query: Query,
        _by: &'static [&'static str],
    ) -> Result<RowCounts<Vec<Value>>, ReadModelError> {
        Ok(RowCounts { counts: Vec::new(), position: Position::START })
    }

    async fn counts(&self, _view: &'static str, _prefix: &str) -> Result<Vec<(String, u64)>, ReadModelError> {
        Ok(Vec::new())
    }

    async fn projections(&self) -> Result<Vec<ProjectionStatus>, ReadModelError> {
        Ok(Vec::new())
    }

    async fn rebuild_begin(&self, view: &str) -> Result<(), ReadModelError> {
        Err(Self::nothing(view))
    }

    async fn rebuild_apply(
        &self,
        view: &str,
        _events: Vec<Arc<RecordedEvent>>,
    ) -> Result<(), ReadModelError> {
        Err(Self::nothing(view))
    }

    async fn rebuild_switch(&self, view: &str) -> Result<RebuildReport, ReadModelError> {
        Err(Self::nothing(view))
    }
}
