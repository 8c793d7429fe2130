//! What an engine takes up by itself: what an earlier process left over, campaigns that start, units that are dropped,
//! and work that came too late for a unit that is gone.

use std::sync::PoisonError;

use domain::envelope::{Command, Envelope};
use domain::event::{Event, RecordedEvent};
use domain::names::{Actor, CampaignId, CommandId, StorageUnitName, WorkerId};
use domain::ports::{Direction, ReadError};
use domain::process::clearing as process;
use domain::stream::{KeyScopeId, Position, Subject, Version};
use domain::work::{self, UnassignCause};
use domain::{key_scope, record, storage_unit, task};
use projections::read_model::{self, Query, ReadModelError, Test};
use projections::view::Value;
use projections::views::{CampaignState, Campaigns, StorageUnits, UnitState, Workspaces};

use super::{CATCH_UP_NOTICE, Engine, PAGE_ROWS_MAX, StartError};
use crate::pipeline::SubmitError;
use crate::stop::Stop;
use crate::{campaigns, clearing, tasks, timers, worker};

impl Engine {
    pub(super) async fn take_back(&self, leases: Vec<(KeyScopeId, WorkerId)>) -> Result<(), SubmitError> {
        let orphans = leases.into_iter().filter(|(_, worker)| worker.as_str().starts_with(worker::PREFIX));
        for (id, worker) in orphans {
            let unassign = work::Command::Unassign { cause: UnassignCause::WorkerGone };
            let command_id = CommandId(self.ids().fresh());
            let envelope = Envelope::new(command_id, Actor::system(), Command::work(id, unassign));
            let reason = format!("{worker} lived in a process that has ended");
            self.submit_patiently(envelope.because(reason)).await?;
        }
        Ok(())
    }

    pub(super) async fn go_on(&self, from: Position) -> Result<(), StartError> {
        let mut query = rows(Vec::new());
        loop {
            let page = read_model::list::<StorageUnits>(self.read_model(), query.clone()).await?;
            for unit in page.rows {
                self.learn_unit(&unit.name).await?;
                if unit.state == UnitState::Clearing {
                    self.clear_dropped(unit.name).await?;
                }
            }
            if page.next.is_none() {
                break;
            }
            query.after = page.next;
        }
        self.learn_workspaces().await?;
        let stop = self.0.senders.1.clone();
        if self.is_standby() {
            self.0.tasks.lock().await.spawn(follow_starts(self.clone(), from, stop));
            return Ok(());
        }
        // What an earlier process was about to start was never acknowledged.
        for id in self.campaigns(CampaignState::Pinning).await? {
            self.abandon_cut_off(id).await?;
        }
        for state in CampaignState::UNDER_WAY {
            for id in self.campaigns(state).await? {
                self.drive_campaign(id, campaigns::TakenUp::Interrupted, from).await;
            }
        }
        tasks::confirm_interrupted(self).await?;
        let mut spawned = self.0.tasks.lock().await;
        spawned.spawn(follow_starts(self.clone(), from, stop.clone()));
        spawned.spawn(timers::run(self.clone(), stop.clone()));
        spawned.spawn(tasks::watch(self.clone(), stop));
        Ok(())
    }

    /// Whose the queues of tasks are has to be known before anybody claims from them.
    async fn learn_workspaces(&self) -> Result<(), StartError> {
        let mut query = rows(Vec::new());
        loop {
            let page = read_model::list::<Workspaces>(self.read_model(), query.clone()).await?;
            for row in page.rows {
                let unit = StorageUnitName::of_tasks(row.id);
                self.0.owners.learn(&unit, &row.organization);
                self.learn_unit(&unit).await?;
            }
            if page.next.is_none() {
                return Ok(());
            }
            query.after = page.next;
        }
    }

    async fn campaigns(&self, state: CampaignState) -> Result<Vec<CampaignId>, ReadModelError> {
        let mut ids = Vec::new();
        let mut query = rows(vec![("state", Value::Text(state.name().to_owned()).into())]);
        loop {
            let page = read_model::list::<Campaigns>(self.read_model(), query.clone()).await?;
            ids.extend(page.rows.into_iter().map(|row| row.id));
            if page.next.is_none() {
                return Ok(ids);
            }
            query.after = page.next;
        }
    }

    async fn clear_dropped(&self, unit: StorageUnitName) -> Result<(), ReadError> {
        let stream = Subject::StorageUnit(unit.clone()).stream();
        let last = self.0.parts.store.read_stream(&stream, Version(u64::MAX), Direction::Backward, 1).await?;
        if let Some(dropped) = last.first() {
            let task = clearing::run(self.clone(), unit, dropped.id.0, dropped.position);
            self.spawn_sender(task).await;
        }
        Ok(())
    }

    async fn drive_campaign(&self, id: CampaignId, taken_up: campaigns::TakenUp, at: Position) {
        self.spawn_sender(campaigns::run(self.clone(), id, taken_up, at, self.0.senders.1.clone())).await;
    }

    /// Starts a task that sends commands and ends when they are told to stop. A standby has none.
    pub(crate) async fn spawn_sender(&self, task: impl Future<Output = ()> + Send + 'static) {
        if self.is_standby() {
            return;
        }
        let mut stop = self.0.senders.1.clone();
        let mut tasks = self.0.tasks.lock().await;
        // Those that have ended are forgotten, so that the set does not grow with every campaign.
        while tasks.try_join_next().is_some() {}
        tasks.spawn(async move {
            tokio::select! {
                () = task => {}
                () = stop.wait() => {}
            }
        });
    }

    /// Takes back what came between the drop of its unit and the moment at which whoever sent it could know.
    async fn withdraw_too_late(&self, command: Envelope) {
        let engine = self.clone();
        let withdraw = async move {
            if let Err(error) = engine.submit_patiently(command).await {
                tracing::warn!(%error, "what came too late for a dropped unit could not be withdrawn");
            }
        };
        self.spawn_sender(withdraw).await;
    }

    fn is_dropped(&self, unit: &StorageUnitName) -> bool {
        let units = self.0.units.read().unwrap_or_else(PoisonError::into_inner);
        units.get(unit).is_some_and(Option::is_none)
    }

    fn is_any_dropped(&self) -> bool {
        let units = self.0.units.read().unwrap_or_else(PoisonError::into_inner);
        units.values().any(Option::is_none)
    }

    async fn learn_unit(&self, unit: &StorageUnitName) -> Result<(), SubmitError> {
        let settings = self.queue_settings(unit).await?;
        // Whose it is has to be known before anybody claims from it.
        self.owner(unit).await?;
        let mut units = self.0.units.write().unwrap_or_else(PoisonError::into_inner);
        units.insert(unit.clone(), settings);
        drop(units);
        // Workers that looked before they could know that they serve this unit look again.
        self.board().wake();
        Ok(())
    }
}

/// Whether the event asks for work, so that there is something to withdraw.
const fn asks(event: &key_scope::Event) -> bool {
    matches!(
        event,
        key_scope::Event::Work(
            work::Event::Queued(_) | work::Event::Restarted(_) | work::Event::RequeueRequested(_)
        )
    )
}

/// Whether an event needs a closer look: nearly all are about work in units that are there.
const fn is_of_note(event: &Event, is_any_dropped: bool) -> bool {
    match event {
        Event::KeyScope(event) => is_any_dropped && asks(event),
        Event::Record(_) => is_any_dropped,
        Event::StorageUnit(_)
        | Event::Campaign(_)
        | Event::Task(_)
        | Event::Workspace(_)
        | Event::ApiKey(_) => true,
        Event::Batch(_) | Event::ExternalId(_) | Event::Ids(_) | Event::System(_) | Event::Access(_) => false,
    }
}

/// Follows the log for what needs a driver of its own: campaigns that start, units that are dropped or changed.
async fn follow_starts(engine: Engine, mut from: Position, mut stop: Stop) {
    loop {
        let followed = tokio::select! {
            () = stop.wait() => return,
            followed = follow_starts_until_failure(&engine, &mut from) => followed,
        };
        if let Err(error) = followed {
            tracing::error!(%error, "campaigns and dropped units are not noticed; trying again");
        }
        tokio::time::sleep(CATCH_UP_NOTICE).await;
    }
}

async fn follow_starts_until_failure(engine: &Engine, from: &mut Position) -> Result<(), StartError> {
    let mut subscription = engine.0.parts.store.subscribe(*from).await?;
    loop {
        // Nobody waits for this, so the writer of the log need not wake it as well.
        engine.board().has_passed(*from).await;
        let events = subscription.next(engine.0.parts.settings.batch_events_max).await?;
        let mut is_any_dropped = engine.is_any_dropped();
        for recorded in events {
            if is_of_note(&recorded.event, is_any_dropped) {
                engine.notice(&recorded).await?;
                is_any_dropped = engine.is_any_dropped();
            }
            *from = recorded.position;
        }
    }
}

impl Engine {
    async fn notice(&self, recorded: &RecordedEvent) -> Result<(), StartError> {
        match (&recorded.event, Subject::try_from(&recorded.stream)) {
            (Event::Campaign(domain::campaign::Event::Started(_)), Ok(Subject::Campaign(id))) => {
                self.drive_campaign(id, campaigns::TakenUp::New, recorded.position).await;
            }
            (Event::ApiKey(event), Ok(Subject::ApiKey(id))) => {
                self.0.keys.apply(id, &recorded.metadata.organization, recorded.version, event);
            }
            (Event::StorageUnit(event), Ok(Subject::StorageUnit(unit))) => {
                self.learn_unit(&unit).await?;
                if *event == storage_unit::Event::Dropped {
                    let task = clearing::run(self.clone(), unit, recorded.id.0, recorded.position);
                    self.spawn_sender(task).await;
                }
            }
            (Event::KeyScope(event), Ok(Subject::KeyScope(id)))
                if asks(event) && self.is_dropped(&id.unit) =>
            {
                self.withdraw_too_late(process::withdraw(recorded.id.0, id)).await;
            }
            (Event::Record(record::Event::ScopeWritten(_)), Ok(Subject::Record(id)))
                if self.is_dropped(&id.unit) =>
            {
                self.withdraw_too_late(process::delete(recorded.id.0, id)).await;
            }
            (Event::Workspace(_), Ok(Subject::Workspace(id))) => {
                let unit = StorageUnitName::of_tasks(id);
                self.0.owners.learn(&unit, &recorded.metadata.organization);
                self.learn_unit(&unit).await?;
            }
            (Event::Task(task::Event::DeletionRequested(_)), Ok(Subject::Task(id))) => {
                self.spawn_sender(tasks::confirm(self.clone(), id, recorded.id.0)).await;
            }
            (
                Event::StorageUnit(_)
                | Event::KeyScope(_)
                | Event::Record(_)
                | Event::Campaign(_)
                | Event::Task(_)
                | Event::Workspace(_)
                | Event::Batch(_)
                | Event::ExternalId(_)
                | Event::Ids(_)
                | Event::System(_)
                | Event::ApiKey(_)
                | Event::Access(_),
                Ok(_) | Err(_),
            ) => {}
        }
        Ok(())
    }
}

pub(super) fn rows(filters: Vec<(&'static str, Test)>) -> Query {
    Query { filters, ..Query::page(PAGE_ROWS_MAX) }
}
