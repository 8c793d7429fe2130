//! The engine's own content: `<base>/<unit>/<key>/<scope>/<digest>`. Does not know which of it records still need.
//!
//! Unit, key and scope are percent-encoded, so that any of them, `task/7`, `..` and `http://x` included, is one plain
//! name; a long one is replaced by its digest. Writing is durable: the file, its name and the folders on the way to it.

use std::fs::{self, File};
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use domain::digest::Digest;
use domain::names::{Key, Scope, StorageUnitName};
use domain::ports::ContentError;
use domain::record::Stored;
use futures::{StreamExt as _, TryStreamExt as _};
use object_store::local::LocalFileSystem;
use object_store::path::Path as ObjectPath;
use object_store::{Error, ObjectStoreExt as _, PutPayload};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use crate::base::{Stores, folder_path, parse};
use crate::folder::{blocking, canonical, failed as folder_failed};
use crate::objects::{Objects, failed};

/// The longest encoded name, in bytes. File systems allow 255, and a file being written has a longer name.
const NAME_BYTES_MAX: usize = 200;
/// How often a write is tried, in all: a removal beside it may take away an empty folder that it has just made.
const WRITE_ATTEMPTS_MAX: u32 = 4;
/// What stays as it is in an encoded name. Dots do only because no name consists of dots alone.
const ENCODED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'.').remove(b'_').remove(b'-');

/// The place of the engine's own content.
#[derive(Debug)]
pub(crate) struct Managed {
    objects: Objects,
    /// The folder, when it is one of this machine.
    folder: Option<PathBuf>,
}

impl Managed {
    pub(crate) fn open(url: &str, stores: &Stores) -> Result<Self, ContentError> {
        let url = parse(url)?;
        if url.scheme() != "file" {
            return Ok(Self { objects: stores.objects(&url)?, folder: None });
        }
        let folder = folder_path(&url)?;
        create_durably(&folder)?;
        let folder = canonical(&folder)?;
        let store = LocalFileSystem::new_with_prefix(&folder).map_err(|error| failed(&error))?;
        let store = Arc::new(store.with_fsync(true).with_automatic_cleanup(true));
        Ok(Self { objects: Objects { store, prefix: ObjectPath::default() }, folder: Some(folder) })
    }

    pub(crate) fn folder(&self) -> Option<&Path> {
        self.folder.as_deref()
    }

    pub(crate) async fn read(
        &self,
        unit: &StorageUnitName,
        key: &Key,
        scope: &Scope,
        digest: Digest,
        size_bytes_max: u64,
    ) -> Result<Vec<u8>, ContentError> {
        let path = path(unit, key, scope, digest);
        let bytes = self.objects.read(&path, size_bytes_max).await?;
        let (found, bytes) = digested(bytes).await?;
        if found == digest {
            return Ok(bytes);
        }
        Err(ContentError::Storage(format!("the content at {path} is damaged: its digest is {found}")))
    }

    pub(crate) async fn write(
        &self,
        unit: &StorageUnitName,
        key: &Key,
        scope: &Scope,
        bytes: Vec<u8>,
    ) -> Result<Stored, ContentError> {
        let (digest, bytes) = digested(bytes).await?;
        let stored = Stored { digest, size_bytes: bytes.len() as u64 };
        let path = path(unit, key, scope, digest);
        let payload = PutPayload::from(bytes);
        let mut attempt = 1;
        loop {
            match self.put(&path, payload.clone()).await {
                Ok(()) => return Ok(stored),
                Err(error) if attempt == WRITE_ATTEMPTS_MAX || self.folder.is_none() => return Err(error),
                Err(_) => attempt += 1,
            }
        }
    }

    pub(crate) async fn remove(
        &self,
        unit: &StorageUnitName,
        key: &Key,
        scope: &Scope,
        digest: Digest,
    ) -> Result<(), ContentError> {
        let path = self.objects.at(&path(unit, key, scope, digest))?;
        match self.objects.store.delete(&path).await {
            Ok(()) | Err(Error::NotFound { .. }) => Ok(()),
            Err(error) => Err(failed(&error)),
        }
    }

    pub(crate) async fn clear(&self, unit: &StorageUnitName) -> Result<(), ContentError> {
        self.clear_below(encoded(unit.as_str())).await
    }

    pub(crate) async fn clear_key(&self, unit: &StorageUnitName, key: &Key) -> Result<(), ContentError> {
        self.clear_below(format!("{}/{}", encoded(unit.as_str()), encoded(key.as_str()))).await
    }

    async fn clear_below(&self, path: String) -> Result<(), ContentError> {
        if let Some(folder) = &self.folder {
            let folder = folder.join(path);
            return blocking(move || remove_folder(&folder)).await;
        }
        let store = &self.objects.store;
        let objects = store.list(Some(&self.objects.at(&path)?));
        let mut removed = store.delete_stream(objects.map_ok(|object| object.location).boxed());
        while let Some(result) = removed.next().await {
            match result {
                Ok(_) | Err(Error::NotFound { .. }) => {}
                Err(error) => return Err(failed(&error)),
            }
        }
        Ok(())
    }

    async fn put(&self, path: &str, payload: PutPayload) -> Result<(), ContentError> {
        self.objects.store.put(&self.objects.at(path)?, payload).await.map_err(|error| failed(&error))?;
        let Some(base) = self.folder.clone() else { return Ok(()) };
        // The store has flushed the file, its name, and the folders that it made itself. Folders that a write beside
        // this one has made, and may not have flushed yet, are flushed here.
        let file = base.join(path);
        blocking(move || {
            file.ancestors().skip(1).take_while(|folder| folder.starts_with(&base)).try_for_each(flush)
        })
        .await
    }
}

async fn digested(bytes: Vec<u8>) -> Result<(Digest, Vec<u8>), ContentError> {
    blocking(move || Ok((crate::digest(&bytes), bytes))).await
}

fn path(unit: &StorageUnitName, key: &Key, scope: &Scope, digest: Digest) -> String {
    let (unit, key, scope) = (encoded(unit.as_str()), encoded(key.as_str()), encoded(scope.as_str()));
    format!("{unit}/{key}/{scope}/{}", hexadecimal(digest))
}

/// One plain name for any text. `~` is never part of an encoded text, so no text is taken for another's digest.
fn encoded(text: &str) -> String {
    let name = utf8_percent_encode(text, ENCODED).to_string();
    if name.len() <= NAME_BYTES_MAX {
        return name;
    }
    format!("~{}", hexadecimal(crate::digest(text.as_bytes())))
}

fn hexadecimal(digest: Digest) -> String {
    digest.to_string().trim_start_matches("sha256:").to_owned()
}

fn create_durably(folder: &Path) -> Result<(), ContentError> {
    let existing = folder.ancestors().find(|ancestor| ancestor.is_dir()).unwrap_or(folder);
    fs::create_dir_all(folder).map_err(|error| folder_failed(folder, &error))?;
    folder.ancestors().take_while(|ancestor| ancestor.starts_with(existing)).try_for_each(flush)
}

fn remove_folder(folder: &Path) -> Result<(), ContentError> {
    match fs::remove_dir_all(folder) {
        Ok(()) => folder.parent().map_or(Ok(()), flush),
        Err(error) if error.kind() == ErrorKind::NotFound && !folder.exists() => Ok(()),
        Err(error) => Err(folder_failed(folder, &error)),
    }
}

/// Makes the names in a folder durable.
fn flush(folder: &Path) -> Result<(), ContentError> {
    File::open(folder).and_then(|opened| opened.sync_all()).map_err(|error| folder_failed(folder, &error))
}
