//! Reading and listing objects of a store that lists in the order of their paths. Does not know which store it is.
//!
//! A bucket with object names that are no paths (`a//b`) cannot be listed: the client library refuses the whole page.

use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use domain::names::{Key, Scope};
use domain::ports::{ContentError, KeyListing};
use futures::StreamExt as _;
use futures::stream::BoxStream;
use object_store::path::Path as ObjectPath;
use object_store::{Error, ObjectMeta, ObjectStore, ObjectStoreExt as _};

use crate::selection::{AroundScope, Selection};

/// Objects below a prefix.
#[derive(Debug, Clone)]
pub(crate) struct Objects {
    pub(crate) store: Arc<dyn ObjectStore>,
    pub(crate) prefix: ObjectPath,
}

impl Objects {
    pub(crate) async fn check(&self) -> Result<(), ContentError> {
        match self.store.list(Some(&self.prefix)).next().await {
            Some(Err(error)) => Err(failed(&error)),
            Some(Ok(_)) | None => Ok(()),
        }
    }

    pub(crate) async fn put(&self, path: &str, bytes: Vec<u8>) -> Result<(), ContentError> {
        let path = self.at(path)?;
        self.store.put(&path, bytes.into()).await.map(drop).map_err(|error| failed(&error))
    }

    pub(crate) async fn read(&self, path: &str, size_bytes_max: u64) -> Result<Vec<u8>, ContentError> {
        let path = self.at(path)?;
        let found = match self.store.get(&path).await {
            Ok(found) => found,
            Err(Error::NotFound { .. }) => return Err(ContentError::NotFound { path: path.to_string() }),
            Err(error) => return Err(failed(&error)),
        };
        let size_bytes = found.meta.size;
        if size_bytes > size_bytes_max {
            return Err(ContentError::TooLarge { size_bytes, size_bytes_max });
        }
        found.bytes().await.map(Vec::from).map_err(|error| failed(&error))
    }

    pub(crate) async fn has(&self, path: &str) -> Result<bool, ContentError> {
        match self.store.head(&self.at(path)?).await {
            Ok(_) => Ok(true),
            Err(Error::NotFound { .. }) => Ok(false),
            Err(error) => Err(failed(&error)),
        }
    }

    pub(crate) async fn scopes(&self, around: &AroundScope) -> Result<Vec<Scope>, ContentError> {
        let folder = self.at(&around.folder)?;
        let name = |path: &ObjectPath| {
            path.prefix_match(&folder)?.next().and_then(|name| around.scope(name.as_ref()))
        };
        let mut scopes = Vec::new();
        if around.before.is_empty() {
            let found =
                self.store.list_with_delimiter(Some(&folder)).await.map_err(|error| failed(&error))?;
            scopes.extend(found.objects.iter().filter_map(|object| name(&object.location)));
            scopes.extend(found.common_prefixes.iter().filter_map(name));
        } else {
            // Only the part of the folder that starts like this: there may be millions beside it.
            let start = self.at(&format!("{}{}", around.folder, around.before))?;
            let mut listing = self.store.list_with_offset(Some(&folder), &start);
            while let Some(object) = listing.next().await {
                let path = object.map_err(|error| failed(&error))?.location;
                if !path.as_ref().starts_with(start.as_ref()) {
                    break;
                }
                scopes.extend(name(&path));
                scopes.dedup();
            }
        }
        Ok(scopes)
    }

    pub(crate) fn at(&self, path: &str) -> Result<ObjectPath, ContentError> {
        ObjectPath::parse(self.absolute(path)).map_err(|_| ContentError::Outside(path.to_owned()))
    }

    fn absolute(&self, path: &str) -> String {
        if self.prefix.as_ref().is_empty() { path.to_owned() } else { format!("{}/{path}", self.prefix) }
    }
}

pub(crate) fn failed(error: &Error) -> ContentError {
    ContentError::Storage(error.to_string())
}

/// Objects listed page by page, as the store hands them out.
pub(crate) struct ObjectListing {
    listing: Listing,
    /// What every listed path starts with, before the path below the base.
    base: String,
    selection: Selection,
    scope: Scope,
    lead: String,
    last: String,
    /// Found, but not handed out: the caller gave up on an earlier answer, or it was full.
    found: Vec<Key>,
}

enum Listing {
    Open(BoxStream<'static, Result<ObjectMeta, Error>>),
    Ended,
    /// It must not look as if it had ended.
    Failed(ContentError),
}

impl ObjectListing {
    pub(crate) fn new(
        objects: &Objects,
        selection: Selection,
        scope: Scope,
        after: Option<&str>,
    ) -> Result<Self, ContentError> {
        let lead = selection.lead(&scope);
        let folder = objects.at(lead.split_at(lead.rfind('/').map_or(0, |slash| slash + 1)).0)?;
        let stream = match after {
            Some(after) => objects.store.list_with_offset(Some(&folder), &objects.at(after)?),
            None => objects.store.list(Some(&folder)),
        };
        let (listing, base) = (Listing::Open(stream), objects.absolute(""));
        Ok(Self { listing, base, selection, scope, lead, last: String::new(), found: Vec::new() })
    }

    /// Takes one listed object; says whether more can follow.
    fn take(&mut self, object: &ObjectMeta) -> Result<bool, ContentError> {
        let Some(path) = object.location.as_ref().strip_prefix(self.base.as_str()) else { return Ok(true) };
        if path <= self.last.as_str() {
            // Some tools mark a folder by an empty object `folder/`, which the client library shows as `folder`.
            if format!("{path}/") > self.last {
                return Ok(true);
            }
            let text =
                format!("the store does not list in the order of paths: '{path}' after '{}'", self.last);
            return Err(ContentError::Storage(text));
        }
        path.clone_into(&mut self.last);
        self.found.extend(self.selection.key(path, &self.scope));
        Ok(path.starts_with(&self.lead) || path < self.lead.as_str())
    }
}

#[async_trait]
impl KeyListing for ObjectListing {
    async fn next(&mut self, limit: usize) -> Result<Vec<Key>, ContentError> {
        let limit = limit.max(1);
        while self.found.len() < limit {
            let next = match &mut self.listing {
                Listing::Ended => break,
                Listing::Failed(error) => return Err(error.clone()),
                Listing::Open(objects) => objects.next().await,
            };
            let more = match next {
                None => Ok(false),
                Some(Ok(object)) => self.take(&object),
                Some(Err(error)) => Err(failed(&error)),
            };
            match more {
                Ok(true) => {}
                Ok(false) => self.listing = Listing::Ended,
                Err(error) => self.listing = Listing::Failed(error),
            }
        }
        let count = limit.min(self.found.len());
        Ok(self.found.drain(..count).collect())
    }
}

impl fmt::Debug for ObjectListing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ObjectListing")
            .field("base", &self.base)
            .field("last", &self.last)
            .finish_non_exhaustive()
    }
}
