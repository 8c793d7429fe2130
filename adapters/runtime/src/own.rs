//! The log and the rows as one organization sees them: what belongs to others is not there.
//!
//! Surfaces read through these, so no question can forget to ask whose a thing is. Does not know who asks.

use std::sync::{Arc, LazyLock};

use async_trait::async_trait;
use domain::event::RecordedEvent;
use domain::names::{OrganizationId, StorageUnitName};
use domain::ports::{
    Append, AppendError, Appended, Direction, EventFilter, EventStore, ReadError, Subscription,
};
use domain::stream::{Position, StreamId, Version};
use projections::fold;
use projections::read_model::{
    Pick, Picked, ProjectionStatus, Query, ReadModel, ReadModelError, RebuildReport, RowCounts, StoredPage,
};
use projections::view::{Value, View as _};
use projections::views::{Commands, Records, System, Tasks, Transactions};

use crate::owners::Owners;

/// The column that says whose a row is.
const ORGANIZATION: &str = "organization";

/// The views that have it. Asked for every row that is read.
static WITH_COLUMN: LazyLock<Vec<&'static str>> = LazyLock::new(|| {
    let views = fold::all();
    let with_column =
        views.iter().filter(|view| view.columns().iter().any(|column| column.name == ORGANIZATION));
    with_column.map(|view| view.name()).collect()
});

// ── The log ────────────────────────────────────────────────────────────────────────────────────────────────────

/// The events of one organization. Only read: writing goes through the pipeline.
pub(crate) struct OwnEvents {
    pub(crate) store: Arc<dyn EventStore>,
    pub(crate) organization: OrganizationId,
}

fn retain(organization: &OrganizationId, events: &mut Vec<Arc<RecordedEvent>>) {
    events.retain(|event| event.metadata.organization == *organization);
}

#[async_trait]
impl EventStore for OwnEvents {
    async fn append_many(&self, batch: Arc<[Append]>) -> Vec<Result<Appended, AppendError>> {
        let refused = AppendError::Rejected("what an organization sees is only read".to_owned());
        batch.iter().map(|_| Err(refused.clone())).collect()
    }

    async fn read_stream(
        &self,
        stream: &StreamId,
        from: Version,
        direction: Direction,
        limit: usize,
    ) -> Result<Vec<Arc<RecordedEvent>>, ReadError> {
        let mut events = self.store.read_stream(stream, from, direction, limit).await?;
        retain(&self.organization, &mut events);
        Ok(events)
    }

    async fn read_all(
        &self,
        mut after: Position,
        limit: usize,
        filter: &EventFilter,
    ) -> Result<Vec<Arc<RecordedEvent>>, ReadError> {
        loop {
            let mut events = self.store.read_all(after, limit, filter).await?;
            let Some(last) = events.last().map(|event| event.position) else { return Ok(events) };
            retain(&self.organization, &mut events);
            if !events.is_empty() {
                return Ok(events);
            }
            after = last;
        }
    }

    async fn head(&self) -> Result<Position, ReadError> {
        self.store.head().await
    }

    async fn last(&self) -> Result<Option<Arc<RecordedEvent>>, ReadError> {
        let last = self.store.last().await?;
        Ok(last.filter(|event| event.metadata.organization == self.organization))
    }

    async fn subscribe(&self, after: Position) -> Result<Box<dyn Subscription>, ReadError> {
        let all = self.store.subscribe(after).await?;
        Ok(Box::new(OwnSubscription { all, organization: self.organization.clone() }))
    }
}

struct OwnSubscription {
    all: Box<dyn Subscription>,
    organization: OrganizationId,
}

#[async_trait]
impl Subscription for OwnSubscription {
    async fn next(&mut self, limit: usize) -> Result<Vec<Arc<RecordedEvent>>, ReadError> {
        loop {
            let mut events = self.all.next(limit).await?;
            retain(&self.organization, &mut events);
            if !events.is_empty() {
                return Ok(events);
            }
        }
    }
}

// ── The rows ───────────────────────────────────────────────────────────────────────────────────────────────────

/// The rows of one organization.
pub(crate) struct OwnRows {
    pub(crate) model: Arc<dyn ReadModel>,
    pub(crate) organization: OrganizationId,
    pub(crate) owners: Arc<Owners>,
}

/// How it is seen whose the rows of a view are.
enum Whose {
    /// By a column of their own.
    Column,
    /// By the storage unit with which their keys begin.
    Unit,
    /// By their keys, which nobody else can know: they follow from the organization.
    Secret,
    /// Nobody's: what is said of the instance as a whole concerns everybody.
    Everybody,
    /// Not at all: nobody sees them.
    Unknown,
}

impl Whose {
    fn of(view: &str) -> Self {
        match view {
            Records::NAME | Transactions::NAME => Self::Unit,
            Commands::NAME => Self::Secret,
            System::NAME => Self::Everybody,
            other if WITH_COLUMN.contains(&other) => Self::Column,
            _ => Self::Unknown,
        }
    }
}

impl OwnRows {
    /// Whether a key or a group begins with a unit of this organization.
    fn is_in_own_unit(&self, key: &str) -> bool {
        let unit = key.split('/').next().unwrap_or_default();
        self.owners.has(&self.organization, unit)
    }

    /// Whether a group begins with a workspace of this organization.
    fn is_in_own_workspace(&self, group: &str) -> bool {
        let workspace = group.split('/').next().and_then(|number| number.parse().ok());
        workspace.is_some_and(|workspace| {
            self.owners.has(&self.organization, StorageUnitName::of_tasks(workspace).as_str())
        })
    }

    /// The question for those of the rows that are this organization's; nothing when none can be.
    fn own_part(&self, mut query: Query) -> Option<Query> {
        match Whose::of(query.view) {
            Whose::Column => {
                query.filters.push((ORGANIZATION, Value::Text(self.organization.to_string()).into()));
                Some(query)
            }
            Whose::Unit => self.is_in_own_unit(&query.key_prefix).then_some(query),
            Whose::Everybody => Some(query),
            Whose::Secret | Whose::Unknown => None,
        }
    }

    fn is_own(&self, json: &str) -> bool {
        let row: Result<serde_json::Value, _> = serde_json::from_str(json);
        row.is_ok_and(|row| {
            row.get(ORGANIZATION).is_some_and(|organization| organization == self.organization.as_str())
        })
    }
}

#[async_trait]
impl ReadModel for OwnRows {
    async fn checkpoint(&self) -> Result<Position, ReadModelError> {
        self.model.checkpoint().await
    }

    async fn apply(&self, _: Vec<Arc<RecordedEvent>>) -> Result<(), ReadModelError> {
        Err(only_read())
    }

    async fn row(&self, view: &'static str, key: &str) -> Result<Option<String>, ReadModelError> {
        let row = self.model.row(view, key).await?;
        Ok(row.filter(|json| match Whose::of(view) {
            Whose::Column => self.is_own(json),
            Whose::Unit => self.is_in_own_unit(key),
            Whose::Secret | Whose::Everybody => true,
            Whose::Unknown => false,
        }))
    }

    async fn list(&self, query: Query) -> Result<StoredPage, ReadModelError> {
        match self.own_part(query) {
            Some(query) => self.model.list(query).await,
            None => {
                let position = self.model.checkpoint().await?;
                Ok(StoredPage { rows: Vec::new(), next: None, position })
            }
        }
    }

    async fn pick(&self, query: Query, pick: Pick) -> Result<Picked, ReadModelError> {
        match self.own_part(query) {
            Some(query) => self.model.pick(query, pick).await,
            None => {
                let position = self.model.checkpoint().await?;
                Ok(Picked { items: Vec::new(), has_more: false, position })
            }
        }
    }

    async fn count_by(
        &self,
        query: Query,
        by: &'static [&'static str],
    ) -> Result<RowCounts<Vec<Value>>, ReadModelError> {
        match self.own_part(query) {
            Some(query) => self.model.count_by(query, by).await,
            None => Ok(RowCounts { counts: Vec::new(), position: self.model.checkpoint().await? }),
        }
    }

    async fn counts(&self, view: &'static str, prefix: &str) -> Result<Vec<(String, u64)>, ReadModelError> {
        let mut counts = self.model.counts(view, prefix).await?;
        counts.retain(|(group, _)| match view {
            Tasks::NAME => self.is_in_own_workspace(group),
            _ => self.is_in_own_unit(group),
        });
        Ok(counts)
    }

    async fn projections(&self) -> Result<Vec<ProjectionStatus>, ReadModelError> {
        self.model.projections().await
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
    ReadModelError::Unavailable("what an organization sees is only read".to_owned())
}
