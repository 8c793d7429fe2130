//! What an engine can be asked for, and what its own parts find in it.

use std::sync::Arc;

use domain::ports::{Clock, ContentStore, EventStore, Ids, Modules};
use domain::stream::Position;
use projections::read_model::{ReadModel, RebuildReport};
use tokio::sync::{Mutex, watch};
use uuid::Uuid;

use super::Engine;
use crate::board::Board;
use crate::metrics::Metrics;
use crate::past::{Boards, ClockThen, Then};
use crate::pipeline::Pipeline;
use crate::projector::{RebuildError, RebuildProgress};
use crate::repeats::Repeats;
use crate::replay::Replays;
use crate::settings::RuntimeSettings;
use crate::tasks::Allocation;

impl Engine {
    /// The read model.
    #[must_use]
    pub fn read_model(&self) -> &dyn ReadModel {
        match &self.1 {
            None => &*self.0.parts.read_model,
            Some(own) => &*own.read_model,
        }
    }

    pub(crate) fn read_model_shared(&self) -> Arc<dyn ReadModel> {
        match &self.1 {
            None => self.0.parts.read_model.clone(),
            Some(own) => own.read_model.clone(),
        }
    }

    /// The log, to read from.
    #[must_use]
    pub fn store(&self) -> &dyn EventStore {
        match &self.1 {
            None => &*self.0.parts.store,
            Some(own) => &*own.store,
        }
    }

    /// The documents.
    #[must_use]
    pub fn content(&self) -> &dyn ContentStore {
        &*self.0.parts.content
    }

    /// The programs.
    #[must_use]
    pub fn modules(&self) -> &dyn Modules {
        &*self.0.parts.modules
    }

    /// The clock; of a moment, one that shows its time.
    #[must_use]
    pub fn clock(&self) -> &dyn Clock {
        match self.then() {
            None => &*self.0.parts.clock,
            Some((_, clock)) => clock,
        }
    }

    /// Fresh ids.
    #[must_use]
    pub fn ids(&self) -> &dyn Ids {
        &*self.0.parts.ids
    }

    /// A fresh id.
    #[must_use]
    pub fn fresh_id(&self) -> Uuid {
        self.ids().fresh()
    }

    /// The position up to which commands have been acknowledged.
    #[must_use]
    pub fn acknowledged(&self) -> Position {
        self.then().map_or_else(|| self.0.pipeline.acknowledged(), |(then, _)| then.position)
    }

    /// The position that every view reflects.
    #[must_use]
    pub fn views_position(&self) -> Position {
        self.then().map_or_else(|| self.0.projector.position(), |(then, _)| then.position)
    }

    /// Waits, up to the read limit, until the views reflect a position; says whether they do.
    pub async fn wait_for_views(&self, position: Position) -> bool {
        if let Some((then, _)) = self.then() {
            return position <= then.position;
        }
        self.0.projector.wait_for(position, self.0.parts.settings.read_wait_max).await
    }

    /// Which moment this is; nothing for the present.
    pub(super) fn then(&self) -> Option<&(Then, ClockThen)> {
        self.1.as_ref().and_then(|sight| sight.then.as_ref())
    }

    /// Whether this is a moment of the past.
    #[must_use]
    pub fn is_past(&self) -> bool {
        self.then().is_some()
    }

    /// The log with everything in it, whoever asks.
    pub(crate) fn whole_log(&self) -> Arc<dyn EventStore> {
        self.0.parts.store.clone()
    }

    pub(crate) fn boards(&self) -> &Arc<Boards> {
        &self.0.boards
    }

    pub(crate) fn views_watch(&self) -> watch::Receiver<Position> {
        self.0.projector.watch()
    }

    /// How many items wait in all queues.
    pub async fn waiting(&self) -> usize {
        self.board().waiting().await
    }

    /// Builds a projection anew beside the present one, compares the two and switches.
    ///
    /// # Errors
    /// [`RebuildError`]; the present one then stays as it is.
    pub async fn rebuild(
        &self,
        view: &str,
        progress: &(dyn Fn(RebuildProgress) + Send + Sync),
    ) -> Result<RebuildReport, RebuildError> {
        self.0.projector.rebuild(view, progress).await
    }

    pub(crate) fn metrics(&self) -> &Metrics {
        &self.0.metrics
    }

    pub(crate) fn settings(&self) -> &RuntimeSettings {
        &self.0.parts.settings
    }

    pub(crate) fn allocation(&self) -> &Allocation {
        &self.0.allocation
    }

    pub(crate) fn campaign_keys_max(&self) -> usize {
        self.0.parts.settings.campaign_keys_max
    }

    pub(crate) fn board(&self) -> &Board {
        &self.0.board
    }

    pub(crate) fn repeats(&self) -> &Repeats {
        &self.0.repeats
    }

    /// Whether nothing is done here but what is reissued.
    #[must_use]
    pub fn is_standby(&self) -> bool {
        self.0.parts.settings.is_standby
    }

    pub(crate) fn kept_replays(&self) -> &Replays {
        &self.0.replays
    }

    /// The log as this handle sees it, for whoever goes on reading it by itself.
    pub(crate) fn store_shared(&self) -> Arc<dyn EventStore> {
        match &self.1 {
            None => self.0.parts.store.clone(),
            Some(own) => own.store.clone(),
        }
    }

    pub(crate) fn pipeline(&self) -> &Pipeline {
        &self.0.pipeline
    }

    pub(crate) fn record_locks(&self) -> &[Mutex<()>] {
        &self.0.record_locks
    }
}
