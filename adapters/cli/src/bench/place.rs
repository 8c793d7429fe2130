//! Where a run keeps its files: a folder of its own, which goes away with it.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use tempfile::TempDir;

use super::failed;
use crate::exit::CliError;

/// What is used by several rows lies below this folder.
const KEPT: &str = "kept";

/// How often the folder is removed: what was being written when the run was broken off may still come.
const REMOVALS_MAX: u32 = 20;
/// The wait between two of them.
const REMOVAL_DELAY: Duration = Duration::from_millis(50);

/// The folder of a run.
pub(super) struct Place {
    folder: TempDir,
    bytes_max: u64,
}

impl Place {
    /// Makes the folder below another, where so much has to be free.
    pub(super) fn new(below: Option<&Path>, bytes_max: u64) -> Result<Self, CliError> {
        let below = below.map_or_else(std::env::temp_dir, Path::to_owned);
        let unusable = |error: &dyn std::fmt::Display| {
            CliError::Environment(format!("{}: {error}; choose a folder with --dir", below.display()))
        };
        let below = std::path::absolute(&below).map_err(|error| unusable(&error))?;
        let free = rustix::fs::statvfs(&below).map_err(|error| unusable(&error))?;
        let free_bytes = free.f_bavail.saturating_mul(free.f_frsize);
        if free_bytes < bytes_max {
            return Err(CliError::Environment(format!(
                "{} has {free_bytes} bytes free and the run may need {bytes_max}; choose another folder with --dir, \
                 or less to measure with --scale, --keys and --events",
                below.display()
            )));
        }
        let folder = tempfile::Builder::new().prefix("reprise-bench-").tempdir_in(&below);
        Ok(Self { folder: folder.map_err(|error| unusable(&error))?, bytes_max })
    }

    pub(super) fn path(&self) -> &Path {
        self.folder.path()
    }

    pub(super) const fn bytes_max(&self) -> u64 {
        self.bytes_max
    }

    /// A folder in it, made if it is not there.
    pub(super) fn folder(&self, name: &str) -> Result<PathBuf, CliError> {
        let folder = self.path().join(name);
        std::fs::create_dir_all(&folder).map_err(|error| failed("make a folder", &error))?;
        Ok(folder)
    }

    /// A folder in it that stays until the end of the run, made if it is not there.
    pub(super) fn kept_folder(&self, name: &str) -> Result<PathBuf, CliError> {
        self.folder(&format!("{KEPT}/{name}"))
    }

    /// Removes everything in it but what is to stay.
    pub(super) fn clear(&self) -> Result<(), CliError> {
        self.remove(|name| name != KEPT)
    }

    fn remove(&self, is_over: impl Fn(&OsStr) -> bool) -> Result<(), CliError> {
        let remove = || -> std::io::Result<()> {
            for entry in std::fs::read_dir(self.path())? {
                let entry = entry?;
                if !is_over(&entry.file_name()) {
                    continue;
                }
                if entry.file_type()?.is_dir() {
                    std::fs::remove_dir_all(entry.path())?;
                } else {
                    std::fs::remove_file(entry.path())?;
                }
            }
            Ok(())
        };
        remove().map_err(|error| failed("remove its files", &error))
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        for _ in 0..REMOVALS_MAX {
            if self.remove(|_| true).is_ok() {
                // The folder itself goes with the field.
                return;
            }
            std::thread::sleep(REMOVAL_DELAY);
        }
    }
}

/// The bytes of every file in a folder and below.
pub(super) fn bytes_in(folder: &Path) -> Result<u64, CliError> {
    bytes_of(folder, "")
}

/// The bytes of every file in a folder whose name begins so, and of everything in those folders below whose name does.
pub(super) fn bytes_of(folder: &Path, prefix: &str) -> Result<u64, CliError> {
    let size = |entry: std::io::Result<std::fs::DirEntry>| {
        let entry = entry.map_err(|error| failed("look at its files", &error))?;
        if !entry.file_name().to_string_lossy().starts_with(prefix) {
            return Ok(0);
        }
        match entry.metadata() {
            Ok(metadata) if metadata.is_dir() => bytes_in(&entry.path()),
            Ok(metadata) => Ok(metadata.len()),
            // It went away in this moment, as the files beside a database do.
            Err(_) => Ok(0),
        }
    };
    std::fs::read_dir(folder).map_err(|error| failed("look at its files", &error))?.map(size).sum()
}
