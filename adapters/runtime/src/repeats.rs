//! Commands that their senders gave a key: each is carried out once, however often it is sent, also at the same time.
//!
//! What was recorded under a key is found through the view `commands`, and until the view has come so far through what
//! is kept here. The answer itself is read from the log. It does not know when two requests are the same:
//! [`domain::idempotency`] does.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use domain::envelope::Envelope;
use domain::event::RecordedEvent;
use domain::idempotency::first_answer;
use domain::names::CommandId;
use domain::ports::Direction;
use domain::stream::{Position, StreamId, Version};
use projections::read_model;
use projections::views::Commands;
use tokio::sync::OwnedMutexGuard;
use tracing::Instrument as _;

use crate::engine::Engine;
use crate::pipeline::{Accepted, SubmitError};

/// How many locks there are by which commands under one key follow each other; two keys may share one.
const LOCKS: usize = 1_024;
/// How many events of a command are read at once.
const PAGE_EVENTS_MAX: usize = 64;
/// How many commands are kept before those are forgotten that the view has.
const KEPT_MIN: usize = 1_024;
/// How many commands are kept at most. One more is told to come back later: the view is far behind, or the store
/// does not say what became of them.
const KEPT_MAX: usize = 131_072;

/// The commands under way and those that the view does not have yet.
pub(crate) struct Repeats {
    locks: Vec<Arc<tokio::sync::Mutex<()>>>,
    recent: Mutex<HashMap<CommandId, Recent>>,
}

/// What is known of a command that the view may not have yet.
#[derive(Debug, Clone)]
enum Recent {
    /// Its first event lies here.
    Recorded { stream: StreamId, version: Version, position: Position },
    /// Nobody knows whether it was recorded.
    Unknown,
}

impl Default for Repeats {
    fn default() -> Self {
        let locks = std::iter::repeat_with(Arc::default).take(LOCKS).collect();
        Self { locks, recent: Mutex::default() }
    }
}

impl Repeats {
    fn lock(&self, id: CommandId) -> Arc<tokio::sync::Mutex<()>> {
        let index = usize::try_from(id.0.as_u128() % LOCKS as u128).unwrap_or(0);
        Arc::clone(self.locks.get(index).expect("the index is below the number of locks"))
    }

    fn recent(&self, id: CommandId) -> Option<Recent> {
        self.recent.lock().unwrap_or_else(PoisonError::into_inner).get(&id).cloned()
    }

    /// Forgets what the views have, when there is much; says whether there is room for one more.
    fn has_room(&self, views: Position) -> bool {
        let mut recent = self.recent.lock().unwrap_or_else(PoisonError::into_inner);
        if recent.len() >= KEPT_MIN {
            recent.retain(|_, kept| match kept {
                Recent::Recorded { position, .. } => *position > views,
                Recent::Unknown => true,
            });
        }
        recent.len() < KEPT_MAX
    }

    fn keep(&self, id: CommandId, what: Recent) {
        self.recent.lock().unwrap_or_else(PoisonError::into_inner).insert(id, what);
    }

    fn forget(&self, id: CommandId) {
        self.recent.lock().unwrap_or_else(PoisonError::into_inner).remove(&id);
    }
}

impl Engine {
    /// Carries out a command under its sender's key, or gives its first answer. Goes on to the end even if the caller
    /// leaves: whoever comes next must find out what became of it.
    pub(crate) async fn submit_once(&self, envelope: Envelope) -> Result<Accepted, SubmitError> {
        let engine = self.clone();
        let carrying_out = async move {
            let lock = engine.repeats().lock(envelope.id);
            let _alone = lock.lock().await;
            match engine.first_answer(&envelope).await? {
                Some(first) => Ok(first),
                None => engine.submit_first(envelope).await,
            }
        };
        let task = tokio::spawn(carrying_out.in_current_span());
        task.await.unwrap_or(Err(SubmitError::Stopping))
    }

    /// Keeps whoever asks under the same id waiting until it is dropped.
    pub(crate) async fn alone(&self, id: CommandId) -> OwnedMutexGuard<()> {
        self.repeats().lock(id).lock_owned().await
    }

    /// What [`Engine::submit`] does, for whoever is [`Engine::alone`] already.
    pub(crate) async fn submit_alone(&self, envelope: Envelope) -> Result<Accepted, SubmitError> {
        if envelope.idempotency_key.is_none() {
            return self.submit_new(envelope).await;
        }
        match self.first_answer(&envelope).await? {
            Some(first) => Ok(first),
            None => self.submit_first(envelope).await,
        }
    }

    /// The first event that a keyed command recorded; nothing when it recorded nothing so far.
    pub(crate) async fn first_recorded(
        &self,
        id: CommandId,
    ) -> Result<Option<Arc<RecordedEvent>>, SubmitError> {
        let Some((stream, first)) = self.place(id).await? else { return Ok(None) };
        Ok(self.store().read_stream(&stream, first, Direction::Forward, 1).await?.into_iter().next())
    }

    /// What the same request was answered the first time; nothing when it has no key, or recorded nothing so far.
    ///
    /// # Errors
    /// [`SubmitError::KeyReused`] when something else was asked under the key, and others when that cannot be found out.
    pub async fn first_answer(&self, envelope: &Envelope) -> Result<Option<Accepted>, SubmitError> {
        if envelope.idempotency_key.is_none() {
            return Ok(None);
        }
        let Some((stream, first)) = self.place(envelope.id).await? else { return Ok(None) };
        let mut recorded = Vec::new();
        loop {
            let from = Version(first.0 + recorded.len() as u64);
            let page = self.store().read_stream(&stream, from, Direction::Forward, PAGE_EVENTS_MAX).await?;
            let ends = page.len() < PAGE_EVENTS_MAX
                || page.last().is_some_and(|event| event.metadata.command_id != envelope.id);
            recorded.extend(page);
            if ends {
                break;
            }
        }
        let answer = first_answer(envelope, &recorded)?;
        Ok(answer.map(|first| Accepted {
            events: first.events,
            version: Some(first.version),
            position: first.position,
        }))
    }

    /// Where a command's first event lies. What was not recorded here lately is in the view, if it was recorded.
    async fn place(&self, id: CommandId) -> Result<Option<(StreamId, Version)>, SubmitError> {
        match self.repeats().recent(id) {
            Some(Recent::Recorded { stream, version, .. }) => return Ok(Some((stream, version))),
            Some(Recent::Unknown) => {
                let head = self.store().head().await?;
                if !self.wait_for_views(head).await {
                    let problem =
                        "whether the command was recorded cannot be said yet; send it again shortly";
                    return Err(SubmitError::Unavailable(problem.to_owned()));
                }
            }
            None => {}
        }
        let row = read_model::row::<Commands>(self.read_model(), &Commands::row_key(id)).await;
        let row = row.map_err(|error| SubmitError::Unavailable(error.to_string()))?;
        Ok(row.map(|row| (row.stream(), row.version)))
    }

    async fn submit_first(&self, envelope: Envelope) -> Result<Accepted, SubmitError> {
        let (id, stream) = (envelope.id, envelope.command.subject().stream());
        if !self.repeats().has_room(self.views_position()) {
            return Err(SubmitError::Overloaded { waiting_max: KEPT_MAX });
        }
        let result = self.submit_new(envelope).await;
        match &result {
            Ok(Accepted { events, version: Some(last), position }) if !events.is_empty() => {
                let version = Version((last.0 + 1).saturating_sub(events.len() as u64));
                let recorded = Recent::Recorded { stream, version, position: *position };
                self.repeats().keep(id, recorded);
            }
            Err(SubmitError::Unavailable(_) | SubmitError::Stopping) => {
                self.repeats().keep(id, Recent::Unknown);
            }
            Ok(_)
            | Err(
                SubmitError::Refused(_)
                | SubmitError::KeyReused(_)
                | SubmitError::OtherOrganization
                | SubmitError::Overloaded { .. }
                | SubmitError::Contended
                | SubmitError::TooManyKeys { .. }
                | SubmitError::Rejected(_)
                | SubmitError::Standby
                | SubmitError::Corrupt(_),
            ) => self.repeats().forget(id),
        }
        result
    }
}
