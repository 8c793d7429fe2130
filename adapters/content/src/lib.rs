//! Where documents live: the content port over folders, memory and object stores.
//!
//! Read in this order: [`Content`], then `base` (what a location's URL opens), `selection` (which paths are whose),
//! `folder` and `objects` (the two ways to read and list), `looks` (whether files are there, many at once), `walk` (a folder
//! in order), `managed` (the engine's own content). This crate does not know which content counts: records and layouts say so.

mod base;
mod folder;
mod guard;
mod looks;
mod managed;
mod objects;
mod selection;
#[cfg(test)]
mod tests;
mod walk;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use domain::digest::Digest;
use domain::names::{Key, Scope, StorageUnitName};
use domain::ports::{ContentError, ContentStore, KeyListing, Place};
use domain::record::{SCOPES_MAX, Stored};
use domain::storage_unit::Location;
use sha2::{Digest as _, Sha256};

use crate::base::{Base, Stores};
use crate::managed::Managed;
use crate::selection::Selection;

/// How long a location may take to answer when it is checked.
const CHECK_DURATION_MAX: Duration = Duration::from_secs(20);

/// The digest of some bytes.
#[must_use]
pub fn digest(bytes: &[u8]) -> Digest {
    Digest(Sha256::digest(bytes).into())
}

/// Content of registered locations, and the engine's own below one base location.
#[derive(Debug)]
pub struct Content {
    stores: Stores,
    managed: Managed,
    excluded: Arc<[PathBuf]>,
}

impl Content {
    /// Opens the engine's own content below `managed_base_url`, normally `file:///…/content`; creates that folder.
    ///
    /// # Errors
    /// [`ContentError::Location`] when the URL cannot be used, [`ContentError::Storage`] when the folder cannot be
    /// created.
    pub fn new(managed_base_url: &str) -> Result<Self, ContentError> {
        let stores = Stores::default();
        let managed = Managed::open(managed_base_url, &stores)?;
        let excluded = managed.folder().map(Path::to_owned).into_iter().collect();
        Ok(Self { stores, managed, excluded })
    }

    /// The same, with folders that belong to no location, although they may lie inside one: the engine's own data.
    /// The managed content is always one of them. The folders must exist.
    ///
    /// # Errors
    /// [`ContentError::Location`] when one of the folders does not exist.
    pub fn excluding(self, folders: impl IntoIterator<Item = PathBuf>) -> Result<Self, ContentError> {
        let mut excluded = self.excluded.to_vec();
        for folder in folders {
            excluded.push(folder::canonical(&folder)?);
        }
        Ok(Self { excluded: excluded.into(), ..self })
    }

    /// Puts an object into a `memory://` location of this instance, which is how such a location gets its content.
    ///
    /// # Errors
    /// [`ContentError::Location`] when the URL is not one of a memory location, [`ContentError::Outside`] when the
    /// path leads out of it.
    pub async fn put_in_memory(&self, url: &str, path: &str, bytes: Vec<u8>) -> Result<(), ContentError> {
        self.stores.memory(url)?.put(path, bytes).await
    }

    async fn base(&self, location: &Location) -> Result<Base, ContentError> {
        self.stores.open(&location.url, &self.excluded).await
    }
}

#[async_trait]
impl ContentStore for Content {
    async fn check(&self, location: &Location) -> Result<(), ContentError> {
        Selection::new(location)?.check()?;
        let base = self.base(location).await?;
        tokio::time::timeout(CHECK_DURATION_MAX, base.check()).await.unwrap_or_else(|_| {
            let seconds = CHECK_DURATION_MAX.as_secs();
            Err(ContentError::Storage(format!("'{}' did not answer within {seconds} s", location.url)))
        })
    }

    async fn keys(
        &self,
        location: &Location,
        scope: &Scope,
        after: Option<&Key>,
    ) -> Result<Box<dyn KeyListing>, ContentError> {
        let selection = Selection::new(location)?;
        let after = after.map(|key| selection.any_path(key, scope)).transpose()?;
        self.base(location).await?.keys(selection, scope.clone(), after)
    }

    async fn scopes(&self, location: &Location, key: &Key) -> Result<Vec<Scope>, ContentError> {
        let selection = Selection::new(location)?;
        let base = self.base(location).await?;
        let candidates = match selection.around_scope(key)? {
            None => vec![location.scope.clone()],
            Some(around) => base.scopes(&around).await?,
        };
        let mut scopes = Vec::new();
        for scope in candidates {
            match selection.path(key, &scope)? {
                Some(path) if base.has(&path).await? => scopes.push(scope),
                Some(_) | None => {}
            }
            if scopes.len() > SCOPES_MAX {
                let text =
                    format!("the layout gives one key more than {SCOPES_MAX} scopes; use another layout");
                return Err(ContentError::Location(text));
            }
        }
        scopes.sort_unstable();
        scopes.dedup();
        Ok(scopes)
    }

    async fn has(&self, location: &Location, key: &Key, scope: &Scope) -> Result<bool, ContentError> {
        match Selection::new(location)?.path(key, scope)? {
            Some(path) => self.stores.has(&location.url, &self.excluded, path).await,
            None => Ok(false),
        }
    }

    async fn read(
        &self,
        unit: &StorageUnitName,
        key: &Key,
        scope: &Scope,
        place: &Place,
        size_bytes_max: u64,
    ) -> Result<Vec<u8>, ContentError> {
        match place {
            Place::Managed(digest) => self.managed.read(unit, key, scope, *digest, size_bytes_max).await,
            Place::Registered(location) => {
                let Some(path) = Selection::new(location)?.path(key, scope)? else {
                    return Err(ContentError::NotFound { path: location.layout.path(key, scope) });
                };
                self.base(location).await?.read(&path, size_bytes_max).await
            }
        }
    }

    async fn write(
        &self,
        unit: &StorageUnitName,
        key: &Key,
        scope: &Scope,
        bytes: Vec<u8>,
    ) -> Result<Stored, ContentError> {
        self.managed.write(unit, key, scope, bytes).await
    }

    async fn remove(
        &self,
        unit: &StorageUnitName,
        key: &Key,
        scope: &Scope,
        digest: Digest,
    ) -> Result<(), ContentError> {
        self.managed.remove(unit, key, scope, digest).await
    }

    async fn clear_key(&self, unit: &StorageUnitName, key: &Key) -> Result<(), ContentError> {
        self.managed.clear_key(unit, key).await
    }

    async fn clear(&self, unit: &StorageUnitName) -> Result<(), ContentError> {
        self.managed.clear(unit).await
    }
}
