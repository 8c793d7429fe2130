//! The log taken elsewhere and brought back: the real binary over data folders with real histories.

mod backup;
mod export;
mod integrity;

use std::fs;
use std::path::Path;

use tempfile::TempDir;
use tests::binary::{Ran, run};

/// A folder whose data folder has the history of three documents, two runs of them, one of which failed.
fn history() -> TempDir {
    let folder = TempDir::new().unwrap();
    fs::create_dir_all(folder.path().join("docs")).unwrap();
    for name in ["a", "b", "ü c"] {
        fs::write(folder.path().join("docs").join(name), name).unwrap();
    }
    let ran = run(folder.path(), &["run", "docs", "--output-scope", "copy", "--", "cat"]);
    assert_eq!(ran.code, 0, "{ran:?}");
    let program = "if [ $REPRISE_KEY = a ]; then echo 'too \"bad\"' >&2; exit 7; fi; cat";
    assert_eq!(run(folder.path(), &["run", "docs", "--shell", "--", program]).code, 1);
    folder
}

/// Runs to the end with success.
fn done(folder: &Path, arguments: &[&str]) -> Ran {
    let ran = run(folder, arguments);
    assert_eq!(ran.code, 0, "{arguments:?}: {ran:?}");
    ran
}

/// Runs until it is refused, with these words.
fn refused(folder: &Path, arguments: &[&str], words: &[&str]) {
    let ran = run(folder, arguments);
    assert_eq!(ran.code, 4, "{arguments:?}: {ran:?}");
    for word in words {
        assert!(ran.stderr.contains(word), "{word} is not said: {}", ran.stderr);
    }
}
