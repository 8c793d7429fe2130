//! Whether rows are what their folds make of the log. Does not know who keeps the rows.

use std::sync::Arc;

use domain::event::RecordedEvent;
use projections::fold::fold;
use projections::read_model::{self, Query, ReadModel};
use projections::view::View;
use projections::views::{
    Batches, Campaigns, KeyScopes, Records, StorageUnits, System, Tasks, Transactions, Workspaces,
};

/// Checks every view against a fresh fold of the whole log, which the views must have seen.
///
/// # Panics
/// When a row differs, is missing or is one too many.
pub async fn assert_are_folds_of(model: &dyn ReadModel, log: &[Arc<RecordedEvent>]) {
    let head = log.last().map(|event| event.position).unwrap_or_default();
    assert_eq!(model.checkpoint().await, Ok(head), "the views have seen the whole log");
    assert_is_fold::<StorageUnits>(model, log).await;
    assert_is_fold::<KeyScopes>(model, log).await;
    assert_is_fold::<Campaigns>(model, log).await;
    assert_is_fold::<Records>(model, log).await;
    assert_is_fold::<Transactions>(model, log).await;
    assert_is_fold::<Tasks>(model, log).await;
    assert_is_fold::<Workspaces>(model, log).await;
    assert_is_fold::<Batches>(model, log).await;
    assert_is_fold::<System>(model, log).await;
}

async fn assert_is_fold<V: View>(model: &dyn ReadModel, log: &[Arc<RecordedEvent>]) {
    let mut expected = fold::<V>(log).into_values();
    let rows = rows::<V>(model).await;
    for row in &rows {
        assert_eq!(Some(row), expected.next().as_ref(), "a row of {}", V::NAME);
    }
    let missing = expected.next();
    assert!(missing.is_none(), "{} has no row {missing:?}", V::NAME);
}

async fn rows<V: View>(model: &dyn ReadModel) -> Vec<V::Row> {
    const ROWS_MAX: usize = 1_000;
    let mut rows = Vec::new();
    let mut after = None;
    loop {
        let query = Query { after, ..Query::page(ROWS_MAX) };
        let page = read_model::list::<V>(model, query).await.expect("the rows can be read");
        rows.extend(page.rows);
        if page.next.is_none() {
            return rows;
        }
        after = page.next;
    }
}
