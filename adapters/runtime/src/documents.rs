//! Documents: which content belongs to a key and scope, and how content that the engine keeps is written and removed.
//!
//! What the engine keeps is found through its record, everything else through the unit's layout. It does not know how
//! bytes are stored.

use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::sync::Arc;

use async_trait::async_trait;
use domain::aggregate::Aggregate;
use domain::envelope::{Command, Envelope};
use domain::names::{Key, Scope, StorageUnitName};
use domain::ports::{ContentError, KeyListing, Place};
use domain::record::{self, DeletePolicy, Record, Stored, WritePolicy};
use domain::storage_unit::{Content, Settings};
use domain::stream::{RecordId, Subject};
use projections::read_model::{self, Query, ReadModel, ReadModelError};
use projections::views::Records;
use tokio::sync::Mutex;

use crate::engine::Engine;
use crate::pipeline::{Accepted, SubmitError};

/// Why a document could not be had or kept.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DocumentError {
    /// There is no such storage unit.
    #[error("no storage unit of this name exists; create it first")]
    NoUnit,
    /// The content store's reason.
    #[error(transparent)]
    Content(#[from] ContentError),
    /// The pipeline's reason.
    #[error(transparent)]
    Submit(#[from] SubmitError),
    /// The read model's reason.
    #[error(transparent)]
    Read(#[from] ReadModelError),
}

/// Locks by which writes to one record follow each other; two records may share one.
pub(crate) type RecordLocks = Arc<Vec<Mutex<()>>>;

const RECORD_LOCKS: usize = 256;

pub(crate) fn record_locks() -> RecordLocks {
    Arc::new(std::iter::repeat_with(Mutex::default).take(RECORD_LOCKS).collect())
}

impl Engine {
    /// The settings of a storage unit in use.
    ///
    /// # Errors
    /// As [`Engine::submit`].
    pub async fn unit_settings(&self, unit: &StorageUnitName) -> Result<Option<Settings>, SubmitError> {
        self.look_at_settings(unit, |settings| settings.cloned()).await
    }

    async fn look_at_settings<T>(
        &self,
        unit: &StorageUnitName,
        look: impl FnOnce(Option<&Settings>) -> T,
    ) -> Result<T, SubmitError> {
        let subject = Subject::StorageUnit(unit.clone());
        let look = |aggregate: &Aggregate| match aggregate {
            Aggregate::StorageUnit(state) => look(state.settings()),
            Aggregate::KeyScope(_)
            | Aggregate::Record(_)
            | Aggregate::Campaign(_)
            | Aggregate::Task(_)
            | Aggregate::Workspace(_)
            | Aggregate::Batch(_)
            | Aggregate::ExternalId(_)
            | Aggregate::Ids(_)
            | Aggregate::System(_)
            | Aggregate::ApiKey(_)
            | Aggregate::Access(_) => look(None),
        };
        self.look_at(subject, look).await
    }

    /// What the engine keeps for a key.
    ///
    /// # Errors
    /// As [`Engine::submit`].
    pub async fn record(&self, id: &RecordId) -> Result<Record, SubmitError> {
        match self.inspect(Subject::Record(id.clone())).await? {
            Aggregate::Record(record) => Ok(*record),
            Aggregate::StorageUnit(_)
            | Aggregate::KeyScope(_)
            | Aggregate::Campaign(_)
            | Aggregate::Task(_)
            | Aggregate::Workspace(_)
            | Aggregate::Batch(_)
            | Aggregate::ExternalId(_)
            | Aggregate::Ids(_)
            | Aggregate::System(_)
            | Aggregate::ApiKey(_)
            | Aggregate::Access(_) => Ok(Record::default()),
        }
    }

    /// The scopes that a key has, in the unit's location and in what the engine keeps; ascending, each once.
    ///
    /// # Errors
    /// [`DocumentError::NoUnit`], or the content store's reason.
    pub async fn scopes(&self, unit: &StorageUnitName, key: &Key) -> Result<Vec<Scope>, DocumentError> {
        let settings = self.unit_settings(unit).await?.ok_or(DocumentError::NoUnit)?;
        let record = self.record(&RecordId { unit: unit.clone(), key: key.clone() }).await?;
        let mut scopes: Vec<Scope> = record.scopes.into_keys().collect();
        if let Content::Registered(location) = &settings.content {
            scopes.extend(self.content().scopes(location, key).await?);
        }
        scopes.sort();
        scopes.dedup();
        Ok(scopes)
    }

    /// Whether a key has a scope, in the unit's location or in what the engine keeps.
    ///
    /// # Errors
    /// [`DocumentError::NoUnit`], or the content store's reason.
    pub async fn has_scope(
        &self,
        unit: &StorageUnitName,
        key: &Key,
        scope: &Scope,
    ) -> Result<bool, DocumentError> {
        let content = |settings: Option<&Settings>| settings.map(|settings| settings.content.clone());
        let content = self.look_at_settings(unit, content).await?.ok_or(DocumentError::NoUnit)?;
        if let Content::Registered(location) = &content
            && self.content().has(location, key, scope).await?
        {
            return Ok(true);
        }
        let record = self.record(&RecordId { unit: unit.clone(), key: key.clone() }).await?;
        Ok(record.scopes.contains_key(scope))
    }

    /// The bytes of a document, unless they are more than `size_bytes_max`.
    ///
    /// # Errors
    /// [`DocumentError::NoUnit`], or the content store's reason.
    pub async fn document(
        &self,
        unit: &StorageUnitName,
        key: &Key,
        scope: &Scope,
        size_bytes_max: u64,
    ) -> Result<Vec<u8>, DocumentError> {
        let settings = self.unit_settings(unit).await?.ok_or(DocumentError::NoUnit)?;
        let record = self.record(&RecordId { unit: unit.clone(), key: key.clone() }).await?;
        let place = match (record.scopes.get(scope), settings.content) {
            (Some(stored), _) => Place::Managed(stored.digest),
            (None, Content::Registered(location)) => Place::Registered(location),
            (None, Content::Managed) => {
                return Err(ContentError::NotFound { path: format!("{key}/{scope}") }.into());
            }
        };
        Ok(self.content().read(unit, key, scope, &place, size_bytes_max).await?)
    }

    /// The keys that have a scope, after the key `after`, in a fixed order.
    ///
    /// # Errors
    /// [`DocumentError::NoUnit`], or the content store's reason.
    pub async fn keys(
        &self,
        unit: &StorageUnitName,
        scope: &Scope,
        after: Option<&Key>,
    ) -> Result<Box<dyn KeyListing>, DocumentError> {
        let settings = self.unit_settings(unit).await?.ok_or(DocumentError::NoUnit)?;
        match settings.content {
            Content::Registered(location) if location.layout.has_scope() || location.scope == *scope => {
                Ok(self.content().keys(&location, scope, after).await?)
            }
            Content::Registered(_) | Content::Managed => Ok(Box::new(RecordKeys {
                model: self.read_model_shared(),
                scope: scope.clone(),
                unit: unit.clone(),
                after: after.map(|key| Records::row_key(&RecordId { unit: unit.clone(), key: key.clone() })),
                ended: false,
            })),
        }
    }

    /// Keeps bytes as the content of a scope, if the record's rules allow it. `envelope` makes an envelope of the
    /// record's command.
    ///
    /// # Errors
    /// [`DocumentError::Submit`] with the record's refusal, or the content store's reason.
    pub async fn write_document(
        &self,
        id: &RecordId,
        scope: &Scope,
        bytes: Vec<u8>,
        version: Option<u64>,
        policy: WritePolicy,
        envelope: impl FnOnce(Command) -> Envelope,
    ) -> Result<(Accepted, Stored), DocumentError> {
        let _lock = self.lock_record(id).await;
        let before = self.record(id).await?;
        let stored = self.content().write(&id.unit, &id.key, scope, bytes).await?;
        let write = record::Command::Write { scope: scope.clone(), stored, version, policy };
        let written = self.submit(envelope(Command::Record(id.clone(), write))).await;
        // Whatever the record says now is what counts; bytes that it does not name are of no use.
        let after = self.record(id).await?;
        self.remove_unnamed(id, &before, &after).await;
        if written.is_err() && after.scopes.get(scope).is_none_or(|kept| kept.digest != stored.digest) {
            self.remove(id, scope, stored).await;
        }
        Ok((written?, stored))
    }

    /// Removes a scope, or the whole record.
    ///
    /// # Errors
    /// [`DocumentError::Submit`] with the record's refusal.
    pub async fn delete_document(
        &self,
        id: &RecordId,
        scope: Option<Scope>,
        version: Option<u64>,
        policy: DeletePolicy,
        envelope: impl FnOnce(Command) -> Envelope,
    ) -> Result<Accepted, DocumentError> {
        let _lock = self.lock_record(id).await;
        let before = self.record(id).await?;
        let delete = record::Command::Delete { scope, version, policy };
        let accepted = self.submit(envelope(Command::Record(id.clone(), delete))).await?;
        let after = self.record(id).await?;
        self.remove_unnamed(id, &before, &after).await;
        Ok(accepted)
    }

    pub(crate) async fn lock_record(&self, id: &RecordId) -> tokio::sync::MutexGuard<'_, ()> {
        let locks = self.record_locks();
        let mut hasher = DefaultHasher::new();
        id.hash(&mut hasher);
        let index = usize::try_from(hasher.finish() % RECORD_LOCKS as u64).unwrap_or(0);
        let lock = locks.get(index).expect("the index is below the number of locks");
        lock.lock().await
    }

    async fn remove_unnamed(&self, id: &RecordId, before: &Record, after: &Record) {
        for (scope, stored) in &before.scopes {
            if after.scopes.get(scope).is_none_or(|kept| kept.digest != stored.digest) {
                self.remove(id, scope, *stored).await;
            }
        }
    }

    async fn remove(&self, id: &RecordId, scope: &Scope, stored: Stored) {
        // Bytes that stay behind cost room and nothing else.
        if let Err(error) = self.content().remove(&id.unit, &id.key, scope, stored.digest).await {
            tracing::warn!(%error, unit = %id.unit, "content that is no longer needed could not be removed");
        }
    }
}

/// Keys of what the engine keeps.
struct RecordKeys {
    model: Arc<dyn ReadModel>,
    unit: StorageUnitName,
    scope: Scope,
    after: Option<String>,
    ended: bool,
}

#[async_trait]
impl KeyListing for RecordKeys {
    async fn next(&mut self, limit: usize) -> Result<Vec<Key>, ContentError> {
        while !self.ended {
            let query = Query {
                key_prefix: Records::unit_prefix(&self.unit),
                after: self.after.clone(),
                ..Query::page(limit)
            };
            let page = read_model::list::<Records>(&*self.model, query).await;
            let page = page.map_err(|error| ContentError::Storage(error.to_string()))?;
            self.ended = page.next.is_none();
            self.after = page.next;
            let rows = page.rows.into_iter().filter(|row| row.scopes.contains_key(&self.scope));
            let keys: Vec<Key> = rows.map(|row| row.key).collect();
            if !keys.is_empty() {
                return Ok(keys);
            }
        }
        Ok(Vec::new())
    }
}
