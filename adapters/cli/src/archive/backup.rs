//! `reprise backup` and `restore`: the log and the content that the engine keeps, whole and verified.
//!
//! A backup is a folder with `events.db`, `content/` and `backup.json`, which says what there should be. The log is copied row by row
//! up to the end that it had at the beginning, beside whoever writes it; then the content, which is always there before the events that
//! name it. Every row is held against its checksum, every file against the digest that is its name, and what was written is read again.

use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use domain::stream::Position;
use event_codec::integrity::{Chain, Head, Leaves};
use serde::{Deserialize, Serialize};
use serde_json::json;
use store_sqlite::{ImportError, LogFile, NewLog, OpenError};

use super::{blocking, environment, rate};
use crate::args::{BackupOptions, Global, RestoreOptions};
use crate::config::Config;
use crate::exit::{CliError, Exit};
use crate::output;
use crate::progress::Progress;

/// What says what a backup should have.
const MANIFEST: &str = "backup.json";
/// The folder of the content that the engine keeps.
const CONTENT: &str = "content";
/// The form of a backup.
const FORM: u32 = 1;

/// What a backup should have.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Manifest {
    form: u32,
    log: String,
    position: Position,
    hash: String,
    content_files: u64,
    content_bytes: u64,
}

impl Manifest {
    fn new(head: &Head, content: Content) -> Self {
        Self {
            form: FORM,
            log: head.log.to_string(),
            position: head.position,
            hash: head.hash.to_string(),
            content_files: content.files,
            content_bytes: content.bytes,
        }
    }

    fn read(folder: &Path) -> Result<Self, CliError> {
        let path = folder.join(MANIFEST);
        let none = |problem: &dyn std::fmt::Display| {
            CliError::Usage(format!("{} is no whole backup: {}: {problem}", folder.display(), path.display()))
        };
        let text = fs::read_to_string(&path).map_err(|error| none(&error))?;
        let manifest: Self = serde_json::from_str(&text).map_err(|error| none(&error))?;
        if manifest.form == FORM {
            Ok(manifest)
        } else {
            Err(none(&"it has another form; use a newer reprise"))
        }
    }
}

/// How much content there is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Content {
    files: u64,
    bytes: u64,
}

// ── Backup ─────────────────────────────────────────────────────────────────────────────────────────────────────

pub(crate) async fn backup(
    global: &Global,
    config: &Config,
    options: BackupOptions,
) -> Result<Exit, CliError> {
    if global.server.is_some() {
        let problem = "a backup is made where the data folder lies; leave --server out, or use 'reprise export' from afar";
        return Err(CliError::Usage(problem.to_owned()));
    }
    let started = Instant::now();
    let (from, to, progress) = (config.data_dir.clone(), options.folder.clone(), Progress::of_events(global));
    let manifest = blocking(move || {
        if fs::read_dir(&to).is_ok_and(|mut entries| entries.next().is_some()) {
            let problem = format!("{} is not empty; a backup wants a folder of its own", to.display());
            return Err(CliError::Refused(problem));
        }
        let (log, head) = copy_log(&from, &to, &progress)?;
        log.finish().map_err(refused)?;
        let content = copy_content(&from.join(CONTENT), &to.join(CONTENT))?;
        check_written(&to, &head, content, &progress)?;
        let manifest = Manifest::new(&head, content);
        write_durably(&to.join(MANIFEST), &manifest)?;
        Ok(manifest)
    })
    .await?;
    if config.content.base_url.is_some() {
        output::note(
            "content.base_url says that content lies elsewhere: it is not in the backup, so back it up there",
        );
    }
    report(global, "backed up and read again", &manifest, started.elapsed());
    Ok(Exit::Done)
}

// ── Restore ────────────────────────────────────────────────────────────────────────────────────────────────────

pub(crate) async fn restore(
    global: &Global,
    config: &Config,
    options: RestoreOptions,
) -> Result<Exit, CliError> {
    if global.server.is_some() {
        let problem = "a backup is restored into a data folder, before its server starts; leave --server out";
        return Err(CliError::Usage(problem.to_owned()));
    }
    let started = Instant::now();
    let (from, to, progress) = (options.folder.clone(), config.data_dir.clone(), Progress::of_events(global));
    let manifest = blocking(move || {
        let manifest = Manifest::read(&from)?;
        NewLog::check(&to).map_err(refused)?;
        let (place, new) = (to.join(CONTENT), to.join("content.new"));
        if fs::read_dir(&place).is_ok_and(|mut entries| entries.next().is_some()) {
            let problem = format!("{} has content already; choose a new folder with --data-dir", place.display());
            return Err(CliError::Refused(problem));
        }
        // Neither has its name before both are known to be whole.
        let (log, head) = copy_log(&from, &to, &progress)?;
        let content = copy_content(&from.join(CONTENT), &new).inspect_err(|_| remove(&new))?;
        if Manifest::new(&head, content) != manifest {
            remove(&new);
            return Err(CliError::Refused(format!(
                "the backup {} is not what it was: {} says {manifest:?}, and there is {:?}. Nothing was restored; use another backup",
                from.display(),
                MANIFEST,
                Manifest::new(&head, content),
            )));
        }
        if new.exists() {
            let moved = fs::remove_dir(&place).or_else(not_found_is_fine).and_then(|()| fs::rename(&new, &place));
            moved.map_err(|error| failed(&place, &error))?;
        }
        log.finish().map_err(refused)?;
        super::set_views_aside(&to)?;
        check_written(&to, &head, content, &progress)?;
        Ok(manifest)
    })
    .await?;
    report(global, "restored and read again", &manifest, started.elapsed());
    Ok(Exit::Done)
}

fn report(global: &Global, what: &str, manifest: &Manifest, took: Duration) {
    let Manifest { form: _, log, position, hash, content_files, content_bytes } = manifest;
    if global.json {
        output::json(&json!({
            "log": log, "position": position, "hash": hash, "content_files": content_files,
            "content_bytes": content_bytes, "took_s": took.as_secs_f64(),
        }));
        return;
    }
    let events = position.major;
    output::line(&format!(
        "{events} events and {content_files} files of content {what} ({})",
        rate(events, took)
    ));
    output::line(&format!("head {hash}@{position}"));
}

// ── The log ────────────────────────────────────────────────────────────────────────────────────────────────────

/// Copies a log up to its present end. The copy has no name yet.
fn copy_log(from: &Path, to: &Path, progress: &Progress) -> Result<(NewLog, Head), CliError> {
    let source = LogFile::open(from).map_err(|error| environment(&error))?;
    let end = source.head().map_err(|error| environment(&error))?;
    progress.begin(end.major);
    let mut copy = NewLog::begin(to, source.id()).map_err(refused)?;
    let (mut chain, mut leaves, mut problem) = (Chain::new(source.id()), Leaves::default(), None);
    let read = source.rows(Position::START, end, |stored| {
        chain.add(stored.position, &leaves.leaf(stored));
        if problem.is_none() {
            problem = copy.add(stored).err();
        }
        progress.add(1);
    });
    read.map_err(|error| environment(&error))?;
    progress.end();
    match problem {
        None => Ok((copy, chain.head())),
        Some(problem) => Err(refused(problem)),
    }
}

/// Reads again what was written.
fn check_written(folder: &Path, head: &Head, content: Content, progress: &Progress) -> Result<(), CliError> {
    let log = LogFile::open(folder).map_err(|error| environment(&error))?;
    let end = log.head().map_err(|error| environment(&error))?;
    progress.begin(end.major);
    let (mut chain, mut leaves) = (Chain::new(log.id()), Leaves::default());
    let read = log.rows(Position::START, end, |stored| {
        chain.add(stored.position, &leaves.leaf(stored));
        progress.add(1);
    });
    read.map_err(|error| environment(&error))?;
    progress.end();
    let mut found = Content::default();
    each_file(&folder.join(CONTENT), Path::new(""), &mut |path, relative| {
        found.files += 1;
        found.bytes += read_whole(path, relative)?.len() as u64;
        Ok(())
    })?;
    if chain.head() == *head && found == content {
        return Ok(());
    }
    let problem = format!("{} is not what was written; look at the disk, and do it again", folder.display());
    Err(CliError::Environment(problem))
}

// ── The content ────────────────────────────────────────────────────────────────────────────────────────────────

fn copy_content(from: &Path, to: &Path) -> Result<Content, CliError> {
    let mut content = Content::default();
    each_file(from, Path::new(""), &mut |path, relative| {
        let bytes = read_whole(path, relative)?;
        let target = to.join(relative);
        let folder = target.parent().unwrap_or(to);
        let written = fs::create_dir_all(folder)
            .and_then(|()| File::create(&target))
            .and_then(|mut file| file.write_all(&bytes).and_then(|()| file.sync_data()))
            .and_then(|()| File::open(folder)?.sync_all());
        written.map_err(|error| failed(&target, &error))?;
        content.files += 1;
        content.bytes += bytes.len() as u64;
        Ok(())
    })?;
    Ok(content)
}

/// Visits every document that is whole; one that is just being written, or was removed meanwhile, is none.
fn each_file(
    base: &Path,
    relative: &Path,
    visit: &mut dyn FnMut(&Path, &Path) -> Result<(), CliError>,
) -> Result<(), CliError> {
    let folder = base.join(relative);
    let entries = match fs::read_dir(&folder) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        entries => entries.map_err(|error| failed(&folder, &error))?,
    };
    for entry in entries {
        let entry = entry.map_err(|error| failed(&folder, &error))?;
        let below = relative.join(entry.file_name());
        if entry.path().is_dir() {
            each_file(base, &below, visit)?;
        } else if is_digest(&below) {
            visit(&entry.path(), &below)?;
        }
    }
    Ok(())
}

/// A document's name is its digest.
fn is_digest(path: &Path) -> bool {
    let name = path.file_name().and_then(std::ffi::OsStr::to_str).unwrap_or_default();
    name.len() == 64 && name.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}

fn read_whole(path: &Path, relative: &Path) -> Result<Vec<u8>, CliError> {
    let bytes = fs::read(path).map_err(|error| failed(path, &error))?;
    let digest = content::digest(&bytes).to_string();
    let name = relative.file_name().and_then(std::ffi::OsStr::to_str).unwrap_or_default();
    if digest.strip_prefix("sha256:") == Some(name) {
        return Ok(bytes);
    }
    Err(CliError::Environment(format!("{} is damaged: its digest is {digest}", path.display())))
}

// ── Files ──────────────────────────────────────────────────────────────────────────────────────────────────────

fn write_durably(path: &Path, manifest: &Manifest) -> Result<(), CliError> {
    let text = serde_json::to_string_pretty(manifest).map_err(|error| environment(&error))?;
    let folder: PathBuf = path.parent().unwrap_or(Path::new(".")).to_owned();
    let written = File::create(path)
        .and_then(|mut file| file.write_all(text.as_bytes()).and_then(|()| file.sync_all()))
        .and_then(|()| File::open(folder)?.sync_all());
    written.map_err(|error| failed(path, &error))
}

fn not_found_is_fine(error: io::Error) -> io::Result<()> {
    if error.kind() == io::ErrorKind::NotFound { Ok(()) } else { Err(error) }
}

/// What cannot be removed is found out by whoever writes there next.
fn remove(folder: &Path) {
    let _removed = fs::remove_dir_all(folder);
}

fn failed(path: &Path, error: &dyn std::fmt::Display) -> CliError {
    CliError::Environment(format!("{}: {error}", path.display()))
}

fn refused(error: ImportError) -> CliError {
    match error {
        ImportError::NotEmpty { .. } | ImportError::Open(OpenError::InUse { .. }) => {
            CliError::Refused(error.to_string())
        }
        ImportError::Open(_) | ImportError::Write { .. } => environment(&error),
    }
}
