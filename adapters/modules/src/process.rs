//! What all programs have in common, however long they live: how they are found, started, killed and reaped.
//! Does not know what they are given or say.

use std::ffi::OsString;
use std::io;
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::process::{CommandExt as _, ExitStatusExt as _};
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use domain::ports::ModuleFailure;
use rustix::process::{Pid, Signal, kill_process_group};
use tokio::process::{Child, Command};
use tokio::time::timeout;

use crate::definition::{Definition, Problem};
use crate::excerpt::Excerpt;

/// Where programs are looked for when the engine itself has no `PATH`.
const PATH_DEFAULT: &str = "/usr/local/bin:/usr/bin:/bin";
/// How long to wait for a killed process to be gone. Past it the runtime reaps it whenever it ends.
const REAP_DURATION_MAX: Duration = Duration::from_secs(5);

/// Why a definition cannot be run now, as far as the file system shows.
pub(crate) fn missing(definition: &Definition) -> Option<Problem> {
    let argv = definition.argv();
    let program = *argv.first()?;
    if let Some(dir) = definition.dir.as_ref().filter(|dir| !dir.is_dir()) {
        return Some(Problem::DirMissing { dir: dir.clone() });
    }
    match find(definition, program) {
        Some(_) => None,
        None => Some(Problem::ProgramMissing { program: program.to_owned() }),
    }
}

/// The file of a program, looked for as the child itself would.
fn find(definition: &Definition, program: &str) -> Option<PathBuf> {
    let dir = definition.dir.as_deref().unwrap_or(Path::new(""));
    if program.contains('/') {
        return Some(dir.join(program)).filter(|path| is_program(path));
    }
    let folders = std::env::split_paths(&search_path(definition)).collect::<Vec<_>>();
    folders.into_iter().map(|folder| dir.join(folder).join(program)).find(|path| is_program(path))
}

/// The program with its arguments, environment and pipes, in a process group of its own.
pub(crate) fn command(definition: &Definition) -> Command {
    let argv = definition.argv();
    let (program, arguments) = argv.split_first().expect("a checked definition has a program");
    // Found here, the program can be started without a copy of the engine's address space: the system's own search
    // would use the child's `PATH`, which needs one.
    let found = find(definition, program).filter(|path| path.is_absolute() && !program.contains('/'));
    let mut command = Command::new(found.as_deref().unwrap_or(Path::new(program)));
    command.as_std_mut().arg0(program);
    command.args(arguments);
    if !definition.inherit_env {
        command.env_clear();
    }
    command
        .env("PATH", search_path(definition))
        .envs(&definition.env)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        // A group of its own, so that Ctrl-C on the terminal reaches the engine only, and all can be killed at once.
        .process_group(0)
        .kill_on_drop(true);
    if let Some(dir) = &definition.dir {
        command.current_dir(dir);
    }
    command
}

/// Starts a command of [`command`].
pub(crate) fn spawn(command: &mut Command, definition: &Definition) -> Result<(Child, Group), ModuleFailure> {
    let child = command.spawn().map_err(|error| not_started(definition, &error))?;
    let group = Group(child.id().and_then(|id| i32::try_from(id).ok()).and_then(Pid::from_raw));
    Ok((child, group))
}

/// Waits until a killed process is gone; says how it ended.
pub(crate) async fn reap(child: &mut Child) -> Option<ExitStatus> {
    match timeout(REAP_DURATION_MAX, child.wait()).await {
        Ok(Ok(status)) => return Some(status),
        Ok(Err(error)) => tracing::warn!(%error, "a killed module could not be waited for"),
        Err(_) => tracing::warn!("a killed module does not end; it is left to the operating system"),
    }
    None
}

/// How a program ended: as a code and in words.
pub(crate) fn exit(definition: &Definition, status: ExitStatus) -> (String, String) {
    match (status.code(), status.signal()) {
        (Some(code), _) => {
            let meant = definition.exit_codes.get(&code.to_string()).cloned();
            let meant = meant.unwrap_or_else(|| format!("exit_{code}"));
            (meant, format!("the program ended with exit code {code}"))
        }
        (None, Some(signal)) => {
            (format!("signal_{signal}"), format!("the program was ended by signal {signal}"))
        }
        (None, None) => ("exit_unknown".to_owned(), "the program ended without an exit code".to_owned()),
    }
}

/// What happened, followed by what the program said about it, if it did.
pub(crate) fn with_stderr(what: String, said: &Excerpt) -> String {
    let said = said.text();
    match said.trim() {
        "" => what,
        said => format!("{what}; stderr: {said}"),
    }
}

/// A process group to be killed once, at the latest when this is dropped.
#[derive(Debug)]
pub(crate) struct Group(Option<Pid>);

impl Group {
    pub(crate) fn kill(&mut self) {
        if let Some(leader) = self.0.take() {
            // The only failure is that nobody is left in the group, which is what is wanted.
            let _ = kill_process_group(leader, Signal::KILL);
        }
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        self.kill();
    }
}

fn search_path(definition: &Definition) -> OsString {
    match definition.env.get("PATH") {
        Some(path) => path.into(),
        None => std::env::var_os("PATH").unwrap_or_else(|| PATH_DEFAULT.into()),
    }
}

fn is_program(path: &Path) -> bool {
    path.metadata().is_ok_and(|metadata| metadata.is_file() && metadata.permissions().mode() & 0o111 != 0)
}

fn not_started(definition: &Definition, error: &io::Error) -> ModuleFailure {
    let program = definition.argv().first().copied().unwrap_or_default().to_owned();
    let place = definition.dir.as_ref().map(|dir| format!(" in '{}'", dir.display())).unwrap_or_default();
    let text = format!("the program '{program}' could not be started{place}: {error}");
    ModuleFailure { code: "spawn_failed".to_owned(), text, may_pass_later: true }
}
