//! The real binary, built once from the present sources, and its runs.

use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::OnceLock;

use serde_json::Value;

/// The path of the `reprise` binary, of the same profile and target folder as this test.
///
/// # Panics
/// When it cannot be built.
#[must_use]
pub fn reprise() -> &'static Path {
    static BINARY: OnceLock<PathBuf> = OnceLock::new();
    BINARY.get_or_init(build)
}

fn build() -> PathBuf {
    // The test binary lies in TARGET/PROFILE/deps.
    let test = std::env::current_exe().expect("a running test has a path");
    let profile_folder = test.ancestors().nth(2).expect("the test lies in a profile's deps folder");
    let profile = match profile_folder.file_name().and_then(|name| name.to_str()) {
        Some("debug") | None => "dev",
        Some(profile) => profile,
    };
    let target = profile_folder.parent().expect("the profile's folder lies in the target folder");
    // The whole workspace decides the features, so that nothing is compiled a second time.
    let built = Command::new(env!("CARGO"))
        .args(["build", "--workspace", "--bin", "reprise", "--locked", "--quiet", "--profile", profile])
        .arg("--target-dir")
        .arg(target)
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .status();
    assert!(
        built.is_ok_and(|status| status.success()),
        "cargo build --bin reprise failed; its output is above"
    );
    profile_folder.join("reprise")
}

/// A finished run of the binary.
#[derive(Debug)]
pub struct Ran {
    /// The exit code.
    pub code: i32,
    /// What it wrote to stdout.
    pub stdout: String,
    /// What it wrote to stderr.
    pub stderr: String,
}

impl Ran {
    /// Its stdout as JSON.
    ///
    /// # Panics
    /// When it is none.
    #[must_use]
    pub fn json(&self) -> Value {
        let json = serde_json::from_str(&self.stdout);
        assert!(json.is_ok(), "{json:?}: {self:?}");
        json.unwrap_or_default()
    }
}

/// A command of the binary in a folder, without the caller's configuration.
#[must_use]
pub fn command(folder: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(reprise());
    command.args(arguments).current_dir(folder).stdin(Stdio::null());
    for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("REPRISE_")) {
        command.env_remove(name);
    }
    command
}

/// Runs the binary in a folder to its end.
///
/// # Panics
/// When it cannot be started or is ended by a signal.
#[must_use]
pub fn run(folder: &Path, arguments: &[&str]) -> Ran {
    let Output { status, stdout, stderr } = command(folder, arguments).output().expect("the binary starts");
    let text = |bytes| String::from_utf8_lossy(bytes).into_owned();
    Ran { code: status.code().expect("it ends by itself"), stdout: text(&stdout), stderr: text(&stderr) }
}
