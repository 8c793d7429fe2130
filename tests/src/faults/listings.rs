//! Listings of content that wait on demand. Does not know what is listed.

use std::sync::Arc;

use async_trait::async_trait;
use domain::digest::Digest;
use domain::names::{Key, Scope, StorageUnitName};
use domain::ports::{ContentError, ContentStore, KeyListing, Place};
use domain::record::Stored;
use domain::storage_unit::Location;

use super::Gate;

/// Real content whose listings can be held up.
pub struct SlowListings {
    inner: Arc<dyn ContentStore>,
    gate: Gate,
}

impl SlowListings {
    /// The content as it is, while the gate is open.
    #[must_use]
    pub fn behind(gate: Gate, inner: Arc<dyn ContentStore>) -> Arc<Self> {
        Arc::new(Self { inner, gate })
    }
}

#[async_trait]
impl ContentStore for SlowListings {
    async fn check(&self, location: &Location) -> Result<(), ContentError> {
        self.inner.check(location).await
    }

    async fn keys(
        &self,
        location: &Location,
        scope: &Scope,
        after: Option<&Key>,
    ) -> Result<Box<dyn KeyListing>, ContentError> {
        self.gate.pass().await;
        self.inner.keys(location, scope, after).await
    }

    async fn scopes(&self, location: &Location, key: &Key) -> Result<Vec<Scope>, ContentError> {
        self.inner.scopes(location, key).await
    }

    async fn read(
        &self,
        unit: &StorageUnitName,
        key: &Key,
        scope: &Scope,
        place: &Place,
        size_bytes_max: u64,
    ) -> Result<Vec<u8>, ContentError> {
        self.inner.read(unit, key, scope, place, size_bytes_max).await
    }

    async fn write(
        &self,
        unit: &StorageUnitName,
        key: &Key,
        scope: &Scope,
        bytes: Vec<u8>,
    ) -> Result<Stored, ContentError> {
        self.inner.write(unit, key, scope, bytes).await
    }

    async fn remove(
        &self,
        unit: &StorageUnitName,
        key: &Key,
        scope: &Scope,
        digest: Digest,
    ) -> Result<(), ContentError> {
        self.inner.remove(unit, key, scope, digest).await
    }

    async fn clear_key(&self, unit: &StorageUnitName, key: &Key) -> Result<(), ContentError> {
        self.inner.clear_key(unit, key).await
    }

    async fn clear(&self, unit: &StorageUnitName) -> Result<(), ContentError> {
        self.inner.clear(unit).await
    }
}
