//! Reading and listing a folder of this machine. Does not write: the engine's own content is `managed`.
//!
//! Everything here blocks, except [`FolderListing`], which works in steps on the threads for blocking work.

use std::fs::{self, File};
use std::io::{self, ErrorKind, Read as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use async_trait::async_trait;
use domain::names::{Key, Scope};
use domain::ports::{ContentError, KeyListing};

use crate::selection::{AroundScope, Selection};
use crate::walk::{Step, Walk};

/// How many entries are looked at before the thread is given back: a listing that nobody wants any longer ends then.
const ENTRIES_PER_STEP_MAX: usize = 8_192;

/// A folder, without the folders below it that belong to no location.
#[derive(Debug, Clone)]
pub(crate) struct Folder {
    /// Canonical.
    pub(crate) base: PathBuf,
    /// Canonical.
    pub(crate) excluded: Arc<[PathBuf]>,
}

/// Runs blocking work where it holds up nobody.
pub(crate) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, ContentError> + Send + 'static,
) -> Result<T, ContentError> {
    match tokio::task::spawn_blocking(work).await {
        Ok(result) => result,
        Err(error) => Err(ContentError::Storage(format!("the work on a folder was broken off: {error}"))),
    }
}

/// The real path of a folder.
pub(crate) fn canonical(folder: &Path) -> Result<PathBuf, ContentError> {
    fs::canonicalize(folder).map_err(|error| {
        if error.kind() != ErrorKind::NotFound {
            return failed(folder, &error);
        }
        let folder = folder.display();
        ContentError::Location(format!(
            "the folder '{folder}' does not exist; create it or correct the location"
        ))
    })
}

pub(crate) fn failed(path: &Path, error: &io::Error) -> ContentError {
    ContentError::Storage(format!("{}: {error}", path.display()))
}

impl Folder {
    pub(crate) fn open(folder: &Path, excluded: Arc<[PathBuf]>) -> Result<Self, ContentError> {
        let base = canonical(folder)?;
        let wrong = |why: &str| Err(ContentError::Location(format!("'{}' {why}", folder.display())));
        let opened = Self { base, excluded };
        if opened.excludes(&opened.base) {
            return wrong("lies inside the engine's own data; choose a folder outside of it");
        }
        if !opened.base.is_dir() {
            return wrong("is not a folder; give the folder that holds the documents");
        }
        Ok(opened)
    }

    pub(crate) fn check(&self) -> Result<(), ContentError> {
        fs::read_dir(&self.base).map(drop).map_err(|error| failed(&self.base, &error))
    }

    pub(crate) fn read(&self, path: &str, size_bytes_max: u64) -> Result<Vec<u8>, ContentError> {
        let found = self.find(path)?;
        let file = File::open(&found).map_err(|error| not_had(path, &found, &error))?;
        let size_bytes = file.metadata().map_err(|error| failed(&found, &error))?.len();
        if size_bytes > size_bytes_max {
            return Err(ContentError::TooLarge { size_bytes, size_bytes_max });
        }
        let mut bytes = Vec::with_capacity(usize::try_from(size_bytes).unwrap_or_default());
        let mut limited = file.take(size_bytes_max.saturating_add(1));
        limited.read_to_end(&mut bytes).map_err(|error| failed(&found, &error))?;
        // It may have grown since its size was taken.
        let size_bytes = bytes.len() as u64;
        if size_bytes > size_bytes_max {
            return Err(ContentError::TooLarge { size_bytes, size_bytes_max });
        }
        Ok(bytes)
    }

    pub(crate) fn has(&self, path: &str) -> Result<bool, ContentError> {
        match self.find(path) {
            Ok(_) => Ok(true),
            // A link that leads out is as good as nothing.
            Err(ContentError::NotFound { .. } | ContentError::Outside(_)) => Ok(false),
            Err(error) => Err(error),
        }
    }

    pub(crate) fn scopes(&self, around: &AroundScope) -> Result<Vec<Scope>, ContentError> {
        let folder = match self.resolve(&around.folder) {
            Ok(folder) => folder,
            Err(ContentError::NotFound { .. }) => return Ok(Vec::new()),
            Err(error) => return Err(error),
        };
        let entries = match fs::read_dir(&folder) {
            Ok(entries) => entries,
            Err(error) if error.kind() == ErrorKind::NotADirectory => return Ok(Vec::new()),
            Err(error) => return Err(failed(&folder, &error)),
        };
        let mut scopes = Vec::new();
        for entry in entries {
            let name = entry.map_err(|error| failed(&folder, &error))?.file_name();
            scopes.extend(name.to_str().and_then(|name| around.scope(name)));
        }
        Ok(scopes)
    }

    /// The file at a path below the base.
    fn find(&self, path: &str) -> Result<PathBuf, ContentError> {
        let found = self.resolve(path)?;
        // Anything but a regular file could block its reader for ever.
        if found.is_file() { Ok(found) } else { Err(ContentError::NotFound { path: path.to_owned() }) }
    }

    /// Where a path below the base leads once all links are followed, which must be below the base too.
    fn resolve(&self, path: &str) -> Result<PathBuf, ContentError> {
        let written = self.base.join(path);
        let found = fs::canonicalize(&written).map_err(|error| not_had(path, &written, &error))?;
        if !found.starts_with(&self.base) {
            return Err(ContentError::Outside(path.to_owned()));
        }
        if self.excludes(&found) {
            return Err(ContentError::NotFound { path: path.to_owned() });
        }
        Ok(found)
    }

    fn excludes(&self, path: &Path) -> bool {
        self.excluded.iter().any(|excluded| path.starts_with(excluded))
    }
}

fn not_had(path: &str, place: &Path, error: &io::Error) -> ContentError {
    let nothing_there = [ErrorKind::NotFound, ErrorKind::NotADirectory, ErrorKind::InvalidFilename];
    if nothing_there.contains(&error.kind()) {
        return ContentError::NotFound { path: path.to_owned() };
    }
    failed(place, error)
}

/// A folder listed step by step.
#[derive(Debug)]
pub(crate) struct FolderListing {
    folder: Folder,
    selection: Arc<Selection>,
    scope: Scope,
    /// The path of the last file that was looked at.
    after: Option<String>,
    /// Nothing before the first step, and when the last one failed or was given up by the caller.
    walk: Option<Walk>,
}

impl FolderListing {
    pub(crate) fn new(folder: Folder, selection: Selection, scope: Scope, after: Option<String>) -> Self {
        Self { folder, selection: Arc::new(selection), scope, after, walk: None }
    }
}

#[async_trait]
impl KeyListing for FolderListing {
    async fn next(&mut self, limit: usize) -> Result<Vec<Key>, ContentError> {
        loop {
            let walk = self.walk.take().unwrap_or_else(|| {
                let lead = self.selection.lead(&self.scope);
                Walk::new(self.folder.clone(), lead, self.after.clone())
            });
            let (selection, scope) = (Arc::clone(&self.selection), self.scope.clone());
            let chunk = blocking(move || step(walk, &selection, &scope, limit.max(1))).await?;
            self.after = chunk.last.or(self.after.take());
            self.walk = Some(chunk.walk);
            if chunk.ended || !chunk.keys.is_empty() {
                return Ok(chunk.keys);
            }
        }
    }
}

struct Chunk {
    walk: Walk,
    keys: Vec<Key>,
    last: Option<String>,
    ended: bool,
}

fn step(mut walk: Walk, selection: &Selection, scope: &Scope, limit: usize) -> Result<Chunk, ContentError> {
    let (mut keys, mut last, mut ended) = (Vec::new(), None, false);
    for _ in 0..ENTRIES_PER_STEP_MAX {
        match walk.advance()? {
            Step::File(path) => {
                keys.extend(selection.key(&path, scope));
                last = Some(path);
            }
            Step::Folder => {}
            Step::End => ended = true,
        }
        if ended || keys.len() >= limit {
            break;
        }
    }
    Ok(Chunk { walk, keys, last, ended })
}
