//! House rules that no compiler checks. A failure says which file breaks which rule and what to do about it.
//!
//! Everything here reads the source folder; nothing here runs the program.

mod dependencies;
mod documents;
mod fixtures;
mod sources;

use std::fs;
use std::path::{Path, PathBuf};

/// The folder of the workspace.
fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the tests crate lies below the workspace")
}

/// What is not ours: what is built, what is run, what git and Python keep.
const FOREIGN: [&str; 4] = ["target", ".git", "reprise-data", "__pycache__"];

/// Every file of the repository below `folder`, relative to the workspace, in order.
fn files(folder: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut folders = vec![root().join(folder)];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).expect("a readable folder") {
            let path = entry.expect("a readable folder entry").path();
            let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
            if FOREIGN.contains(&name.as_str()) {
                continue;
            }
            if path.is_dir() {
                folders.push(path);
            } else {
                found.push(path.strip_prefix(root()).expect("below the workspace").to_owned());
            }
        }
    }
    found.sort();
    found
}

/// Every file below `folder` whose name ends so.
fn files_with_extension(folder: &str, extension: &str) -> Vec<PathBuf> {
    let mut found = files(folder);
    found.retain(|path| path.extension().is_some_and(|it| it == extension));
    found
}

/// The text of a file named relative to the workspace.
fn text(path: impl AsRef<Path>) -> String {
    let path = path.as_ref();
    let read = fs::read_to_string(root().join(path)).map_err(|error| format!("{}: {error}", path.display()));
    read.expect("a readable text file")
}

/// Fails with every offence and, once, what to do.
#[track_caller]
fn assert_none(offences: &[String], what_to_do: &str) {
    assert!(offences.is_empty(), "{what_to_do}:\n  {}\n", offences.join("\n  "));
}
