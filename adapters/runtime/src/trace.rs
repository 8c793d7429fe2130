//! From a command to what caused it, up to whoever asked first, and forward to what it caused. Reads the log; does not know
//! what commands mean.

use std::collections::HashSet;
use std::sync::Arc;

use domain::event::RecordedEvent;
use domain::names::{CampaignId, CommandId, IdempotencyKey, OrganizationId};
use domain::ports::{Direction, EventFilter, ReadError};
use domain::stream::{Position, StreamId, Subject, Version};
use projections::read_model::{self, ReadModelError};
use projections::views::Commands;
use uuid::Uuid;

use crate::engine::Engine;

/// How many causes are looked up, one after the other.
const CAUSES_MAX: usize = 16;
/// How many events of a stream are looked through for a cause that is nowhere noted.
const SEARCHED_MAX: usize = 10_000;
/// How many events of the log one page of effects looks through.
const LOOKED_AT_MAX: usize = 100_000;
/// Events read at once.
const EVENTS_READ_MAX: usize = 1_024;

/// Why a command was not found.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TraceError {
    /// The event store's reason.
    #[error(transparent)]
    Store(#[from] ReadError),
    /// The read model's reason.
    #[error(transparent)]
    ReadModel(#[from] ReadModelError),
}

/// What a command recorded, all of it, oldest first. There is at least one event, and the first has the command with it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recorded(pub Vec<Arc<RecordedEvent>>);

impl Recorded {
    /// The event that has the command with it.
    #[must_use]
    pub fn first(&self) -> &RecordedEvent {
        self.0.first().expect("a command that recorded nothing is not found")
    }

    /// The ids under which what follows from it may name it.
    fn ids(&self) -> HashSet<Uuid> {
        let first = self.first();
        let mut ids: HashSet<Uuid> = self.0.iter().map(|event| event.id.0).collect();
        ids.insert(first.metadata.command_id.0);
        // Whatever a campaign does says that the campaign caused it.
        if let (Ok(Subject::Campaign(id)), Version(0)) = (Subject::try_from(&first.stream), first.version) {
            ids.insert(id.0);
        }
        ids
    }
}

/// How a command is named.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CommandName {
    /// By the position of an event that it recorded.
    Position(Position),
    /// By its id, as far as ids are noted: those of commands that came with a key, and campaigns.
    Id(Uuid),
    /// By the key that its sender gave it.
    Key(IdempotencyKey),
}

/// A page of commands that followed from one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Effects {
    /// The first event of each.
    pub events: Vec<Arc<RecordedEvent>>,
    /// After which position the next page begins; nothing when the whole log was looked through.
    pub next: Option<Position>,
}

impl Engine {
    /// What a command recorded; nothing when no such command is known.
    ///
    /// # Errors
    /// [`TraceError`].
    pub async fn recorded_by(&self, name: &CommandName) -> Result<Option<Recorded>, TraceError> {
        let event = match name {
            CommandName::Position(position) => {
                let read = self.store().read_all(position.just_before(), 1, &EventFilter::default()).await?;
                read.into_iter().find(|event| event.position == *position)
            }
            CommandName::Id(id) => self.noted(*id).await?,
            CommandName::Key(key) => {
                let default = OrganizationId::default_organization();
                let organization = self.organization().unwrap_or(&default);
                self.noted(CommandId::keyed(organization, key).0).await?
            }
        };
        match event {
            Some(event) => Ok(Some(self.whole_command(event).await?)),
            None => Ok(None),
        }
    }

    /// What led to a command, the nearest first: as far as it is known, up to the command that nothing else caused.
    ///
    /// # Errors
    /// [`TraceError`].
    pub async fn causes(&self, recorded: &Recorded) -> Result<Vec<Recorded>, TraceError> {
        let mut causes: Vec<Recorded> = Vec::new();
        let mut seen = recorded.ids();
        let mut near = recorded.first().clone();
        while let Some(cause) = near.metadata.causation_id.filter(|_| causes.len() < CAUSES_MAX) {
            let Some(event) = self.cause(cause, &near).await? else { break };
            let found = self.whole_command(event).await?;
            if !seen.insert(found.first().id.0) {
                break;
            }
            seen.extend(found.ids());
            near = found.first().clone();
            causes.push(found);
        }
        Ok(causes)
    }

    /// The commands that followed from a command directly, in the order of the log.
    ///
    /// # Errors
    /// [`ReadError`].
    pub async fn effects(
        &self,
        recorded: &Recorded,
        after: Option<Position>,
        limit: usize,
    ) -> Result<Effects, ReadError> {
        let ids = recorded.ids();
        let mut after = after.unwrap_or(recorded.first().position);
        let (mut events, mut looked_at) = (Vec::<Arc<RecordedEvent>>::new(), 0);
        loop {
            let read = self.store().read_all(after, EVENTS_READ_MAX, &EventFilter::default()).await?;
            if read.is_empty() {
                return Ok(Effects { events, next: None });
            }
            for event in read {
                after = event.position;
                looked_at += 1;
                let metadata = &event.metadata;
                // The first event of each append has the command with it, the others do not.
                let follows = metadata.causation_id.is_some_and(|cause| ids.contains(&cause));
                if follows && metadata.command.is_some() {
                    events.push(event);
                }
                if events.len() == limit || looked_at == LOOKED_AT_MAX {
                    return Ok(Effects { events, next: Some(after) });
                }
            }
        }
    }

    /// The first event of a command whose id is noted in the views, or of a campaign.
    async fn noted(&self, id: Uuid) -> Result<Option<Arc<RecordedEvent>>, TraceError> {
        let row = read_model::row::<Commands>(self.read_model(), &Commands::row_key(CommandId(id))).await?;
        let (stream, version) = match row {
            Some(row) => (row.stream(), row.version),
            None => (Subject::Campaign(CampaignId(id)).stream(), Version(0)),
        };
        let read = self.store().read_stream(&stream, version, Direction::Forward, 1).await?;
        Ok(read.into_iter().next())
    }

    /// The event or command of an id, which something named as its cause. What is nowhere noted lies, if it can be found, in
    /// the same stream or in that of the storage unit.
    async fn cause(&self, id: Uuid, near: &RecordedEvent) -> Result<Option<Arc<RecordedEvent>>, TraceError> {
        if let Some(event) = self.noted(id).await? {
            return Ok(Some(event));
        }
        let unit = Subject::try_from(&near.stream).ok().and_then(|subject| subject.unit().cloned());
        let unit = unit.map(|unit| Subject::StorageUnit(unit).stream());
        for stream in [Some(near.stream.clone()), unit].into_iter().flatten() {
            if let Some(event) = self.search(&stream, id).await? {
                return Ok(Some(event));
            }
        }
        Ok(None)
    }

    async fn search(&self, stream: &StreamId, id: Uuid) -> Result<Option<Arc<RecordedEvent>>, ReadError> {
        let (mut from, mut searched) = (Version(u64::MAX), 0);
        while searched < SEARCHED_MAX {
            let read = self.store().read_stream(stream, from, Direction::Backward, EVENTS_READ_MAX).await?;
            searched += read.len();
            let oldest = read.last().map(|event| event.version);
            let found = read.into_iter().find(|event| event.id.0 == id || event.metadata.command_id.0 == id);
            match (found, oldest) {
                (Some(event), _) => return Ok(Some(event)),
                (None, Some(Version(oldest))) if oldest > 0 => from = Version(oldest - 1),
                (None, Some(_) | None) => return Ok(None),
            }
        }
        Ok(None)
    }

    /// Everything that the command of an event recorded.
    async fn whole_command(&self, event: Arc<RecordedEvent>) -> Result<Recorded, ReadError> {
        let of_it = |other: &Arc<RecordedEvent>| other.metadata.command_id == event.metadata.command_id;
        let store = self.store();
        let back =
            store.read_stream(&event.stream, event.version, Direction::Backward, EVENTS_READ_MAX).await?;
        let mut events: Vec<_> = back.into_iter().take_while(of_it).collect();
        events.reverse();
        let next = event.version.next();
        let forward = store.read_stream(&event.stream, next, Direction::Forward, EVENTS_READ_MAX).await?;
        events.extend(forward.into_iter().take_while(of_it));
        Ok(Recorded(events))
    }
}
