//! A walk over all files below a folder in the order of their paths, byte by byte, in bounded memory.
//!
//! The operating system hands out a directory's entries in any order. So they are taken in windows: the smallest
//! names after the last one handled. A directory with more names than a window holds is read again for the next.
//! A directory takes part in the order as its name with a slash, which makes the order that of whole paths:
//! `a-b`, `a/x`, `a0`. The walk does not know keys and layouts.
//!
//! It does not follow links and skips what is no regular file, has a name that is not UTF-8, or cannot be read.

use std::collections::BinaryHeap;
use std::fs::{DirEntry, ReadDir};
use std::io::ErrorKind;
use std::path::Path;

use domain::ports::ContentError;

use crate::folder::{Folder, failed};

#[cfg(test)]
mod tests;

/// How many names of one directory are held in memory.
const ENTRIES_WINDOW_MAX: usize = 262_144;

/// A walk under way. It holds one window for each directory on the way to where it stands.
#[derive(Debug)]
pub(crate) struct Walk {
    folder: Folder,
    /// What the paths start with; others are left out, and so are directories without such paths.
    lead: String,
    after: Option<String>,
    window_max: usize,
    levels: Vec<Level>,
}

/// What a walk comes to next.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Step {
    /// A file at this path below the folder.
    File(String),
    /// A directory, which it enters.
    Folder,
    /// Its end.
    End,
}

/// One directory on the way.
#[derive(Debug)]
struct Level {
    /// Its path: empty, or ending with a slash.
    path: String,
    window: std::vec::IntoIter<String>,
    /// The last name of the window, when the directory has names beyond it.
    last: Option<String>,
    state: Fill,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fill {
    Unread,
    Partly,
    Complete,
}

impl Walk {
    /// A walk over the paths that start with `lead` and come after `after`.
    pub(crate) fn new(folder: Folder, lead: String, after: Option<String>) -> Self {
        Self::with_window(folder, lead, after, ENTRIES_WINDOW_MAX)
    }

    fn with_window(folder: Folder, lead: String, after: Option<String>, window_max: usize) -> Self {
        Self { folder, lead, after, window_max, levels: vec![Level::new(String::new())] }
    }

    /// Goes one entry further.
    pub(crate) fn advance(&mut self) -> Result<Step, ContentError> {
        while let Some(level) = self.levels.last_mut() {
            if let Some(name) = level.window.next() {
                let path = format!("{}{name}", level.path);
                if !name.ends_with('/') {
                    return Ok(Step::File(path));
                }
                self.levels.push(Level::new(path));
                return Ok(Step::Folder);
            }
            if level.state == Fill::Complete {
                self.levels.pop();
            } else {
                self.fill()?;
            }
        }
        Ok(Step::End)
    }

    /// Reads the next window of the directory where the walk stands.
    fn fill(&mut self) -> Result<(), ContentError> {
        let Self { folder, lead, after, window_max, levels } = self;
        let Some(level) = levels.last_mut() else { return Ok(()) };
        let directory = folder.base.join(&level.path);
        let mut names = BinaryHeap::new();
        let mut overflowed = false;
        for entry in open(&directory, level.path.is_empty())?.into_iter().flatten() {
            let entry = entry.map_err(|error| failed(&directory, &error))?;
            let Some(name) = name(&entry) else { continue };
            let wanted = level.is_ahead(&name, after.as_deref()) && level.leads_to(&name, lead);
            if !wanted || folder.excluded.contains(&entry.path()) {
                continue;
            }
            names.push(name);
            if names.len() > *window_max {
                names.pop();
                overflowed = true;
            }
        }
        let names = names.into_sorted_vec();
        level.state = if overflowed { Fill::Partly } else { Fill::Complete };
        level.last = names.last().cloned();
        level.window = names.into_iter();
        Ok(())
    }
}

impl Level {
    fn new(path: String) -> Self {
        Self { path, window: Vec::new().into_iter(), last: None, state: Fill::Unread }
    }

    /// Whether a name is still ahead of the walk, or a directory in which something is.
    fn is_ahead(&self, name: &str, after: Option<&str>) -> bool {
        match (&self.last, after.and_then(|after| after.strip_prefix(self.path.as_str()))) {
            (Some(last), _) => name > last.as_str(),
            (None, Some(after)) => name > after || (name.ends_with('/') && after.starts_with(name)),
            // A level that does not contain `after` is only entered when it comes after it.
            (None, None) => true,
        }
    }

    /// Whether a path below this name, or the name itself, starts with `lead`.
    fn leads_to(&self, name: &str, lead: &str) -> bool {
        let lead = lead.strip_prefix(self.path.as_str()).unwrap_or_default();
        name.starts_with(lead) || (name.ends_with('/') && lead.starts_with(name))
    }
}

/// The entries of a directory; nothing when it is gone or cannot be read.
fn open(directory: &Path, is_base: bool) -> Result<Option<ReadDir>, ContentError> {
    match std::fs::read_dir(directory) {
        Ok(entries) => Ok(Some(entries)),
        Err(error) if is_base => Err(failed(directory, &error)),
        Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => Ok(None),
        Err(error) if matches!(error.kind(), ErrorKind::PermissionDenied | ErrorKind::InvalidFilename) => {
            let directory = directory.display();
            tracing::warn!(%directory, %error, "a folder inside a storage unit is left out: it cannot be read");
            Ok(None)
        }
        Err(error) => Err(failed(directory, &error)),
    }
}

/// The name of a regular file, or of a directory with a slash.
fn name(entry: &DirEntry) -> Option<String> {
    // No type: it went away meanwhile.
    let kind = entry.file_type().ok()?;
    if !kind.is_file() && !kind.is_dir() {
        return None;
    }
    match entry.file_name().into_string() {
        Ok(name) if kind.is_dir() => Some(format!("{name}/")),
        Ok(name) => Some(name),
        Err(name) => {
            tracing::warn!(?name, "a file inside a storage unit is left out: its name is not UTF-8");
            None
        }
    }
}
