//! The content port: where the bytes of documents lie. Does not know which of them count: records and layouts say so.

use async_trait::async_trait;

use crate::digest::Digest;
use crate::names::{Key, Scope, StorageUnitName};
use crate::record::Stored;
use crate::storage_unit::Location;

/// Where the content of one key-scope lies.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Place {
    /// In a registered location, under the path that its layout says.
    Registered(Location),
    /// In the engine's own content, under its digest.
    Managed(Digest),
}

/// Why content could not be had.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ContentError {
    /// There is nothing there.
    #[error("there is no content at {path}")]
    NotFound {
        /// Where it was looked for.
        path: String,
    },
    /// It is larger than allowed.
    #[error("the document has {size_bytes} bytes, at most {size_bytes_max} are allowed")]
    TooLarge {
        /// How large it is.
        size_bytes: u64,
        /// How large it may be.
        size_bytes_max: u64,
    },
    /// The key would lead out of its unit's location.
    #[error("the key does not lead to a place inside its storage unit: {0}")]
    Outside(String),
    /// The location cannot be used as it is written.
    #[error("the content location is not usable: {0}")]
    Location(String),
    /// The storage does not answer as it should; trying again may help.
    #[error("the content storage failed: {0}")]
    Storage(String),
}

/// Reads and writes content.
#[async_trait]
pub trait ContentStore: Send + Sync {
    /// Whether a location can be used at all: known scheme, valid glob, reachable base.
    async fn check(&self, location: &Location) -> Result<(), ContentError>;

    /// The keys of a registered location that have this scope, in one fixed order, after the key `after`, which need
    /// not be there. The order is that of their paths, byte by byte: that of the keys themselves unless the layout
    /// has text behind the key. Holds a bounded number of them in memory, however many there are.
    async fn keys(
        &self,
        location: &Location,
        scope: &Scope,
        after: Option<&Key>,
    ) -> Result<Box<dyn KeyListing>, ContentError>;

    /// The scopes that a key has in a registered location; empty when the key does not exist there.
    async fn scopes(&self, location: &Location, key: &Key) -> Result<Vec<Scope>, ContentError>;

    /// Whether a key has a scope in a registered location: whether [`Self::scopes`] would list it.
    async fn has(&self, location: &Location, key: &Key, scope: &Scope) -> Result<bool, ContentError> {
        Ok(self.scopes(location, key).await?.contains(scope))
    }

    /// The bytes of a document, unless they are more than `size_bytes_max`.
    async fn read(
        &self,
        unit: &StorageUnitName,
        key: &Key,
        scope: &Scope,
        place: &Place,
        size_bytes_max: u64,
    ) -> Result<Vec<u8>, ContentError>;

    /// Keeps bytes in the engine's own content of a unit. When this returns they are durable, under their digest;
    /// they count once a record says so.
    async fn write(
        &self,
        unit: &StorageUnitName,
        key: &Key,
        scope: &Scope,
        bytes: Vec<u8>,
    ) -> Result<Stored, ContentError>;

    /// Removes bytes of the engine's own content that no record needs any longer. Removing nothing succeeds.
    async fn remove(
        &self,
        unit: &StorageUnitName,
        key: &Key,
        scope: &Scope,
        digest: Digest,
    ) -> Result<(), ContentError>;

    /// Removes everything that the engine itself keeps for a key of a unit, whatever names it. Removing nothing succeeds.
    async fn clear_key(&self, unit: &StorageUnitName, key: &Key) -> Result<(), ContentError>;

    /// Removes everything that the engine itself keeps for a unit.
    async fn clear(&self, unit: &StorageUnitName) -> Result<(), ContentError>;
}

/// A listing under way.
#[async_trait]
pub trait KeyListing: Send {
    /// The next keys, at most `limit`; none means that the listing has ended.
    async fn next(&mut self, limit: usize) -> Result<Vec<Key>, ContentError>;
}
