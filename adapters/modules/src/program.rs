//! One process for one document: started, fed, listened to, and ended with everything it started.
//! Does not know modules by name, nor whether a failure is worth another attempt elsewhere.

use std::io;
use std::process::ExitStatus;

use domain::ports::{Job, ModuleFailure, ModuleResult};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};
use tokio::time::timeout;

use crate::definition::Definition;
use crate::excerpt::Excerpt;
use crate::process::{self, Group};

/// The longest text of settings, in bytes: Linux refuses an environment variable of 128 KiB or more.
const SETTINGS_BYTES_MAX: usize = 120 << 10;

/// Runs the program over the document. When the returned future is dropped, the program and all that it started in
/// its process group are killed.
pub(crate) async fn run(definition: &Definition, job: Job) -> Result<ModuleResult, ModuleFailure> {
    let mut program = Program::start(definition, &job)?;
    let mut said = Excerpt::new(definition.stderr_bytes_max);
    let limit = definition.time_limit_ms.as_duration();
    let ended = timeout(limit, program.work(&job.input, definition.output_bytes_max, &mut said)).await;
    let ended = ended.unwrap_or(Err(Stop::TimeLimit));
    program.end().await;
    match ended {
        Ok((status, output)) if status.success() => Ok(ModuleResult { output }),
        Ok((status, _)) => Err(failed(definition, status, &said)),
        Err(stop) => Err(stopped(&stop, definition, &said)),
    }
}

/// A running process and the process group that it leads.
struct Program {
    child: Child,
    group: Group,
}

/// Why a program was not allowed to go on.
enum Stop {
    TimeLimit,
    OutputLimit,
    Pipe { pipe: &'static str, error: io::Error },
}

impl Program {
    fn start(definition: &Definition, job: &Job) -> Result<Self, ModuleFailure> {
        let mut command = command(definition, job)?;
        let (child, group) = process::spawn(&mut command, definition)?;
        Ok(Self { child, group })
    }

    /// Everything at once: feeding stdin, reading stdout and stderr, waiting. A program may write before it reads,
    /// or not read at all.
    async fn work(
        &mut self,
        input: &[u8],
        output_bytes_max: u64,
        said: &mut Excerpt,
    ) -> Result<(ExitStatus, Vec<u8>), Stop> {
        let Self { child, group } = self;
        let (stdin, stdout, stderr) = (child.stdin.take(), child.stdout.take(), child.stderr.take());
        let listening = async {
            match stderr {
                Some(stderr) => said.read(stderr).await.map_err(|error| Stop::Pipe { pipe: "stderr", error }),
                None => Ok(()),
            }
        };
        let waiting = async {
            let status = child.wait().await.map_err(|error| Stop::Pipe { pipe: "exit code", error })?;
            // What it left behind would hold the pipes open. Its process id cannot have been given to another
            // process group in between: ids are handed out in turn.
            group.kill();
            Ok(status)
        };
        let ((), output, (), status) =
            tokio::try_join!(feed(stdin, input), collect(stdout, output_bytes_max), listening, waiting)?;
        Ok((status, output))
    }

    /// Kills whatever is left and waits until the process is reaped.
    async fn end(mut self) {
        self.group.kill();
        process::reap(&mut self.child).await;
    }
}

async fn feed(stdin: Option<ChildStdin>, input: &[u8]) -> Result<(), Stop> {
    let Some(mut stdin) = stdin else { return Ok(()) };
    match stdin.write_all(input).await {
        Ok(()) => Ok(()),
        // The program did not want all of its input. Its exit code says whether that was right.
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        Err(error) => Err(Stop::Pipe { pipe: "stdin", error }),
    }
}

async fn collect(stdout: Option<ChildStdout>, bytes_max: u64) -> Result<Vec<u8>, Stop> {
    let Some(stdout) = stdout else { return Ok(Vec::new()) };
    let mut output = Vec::new();
    let read = stdout.take(bytes_max.saturating_add(1)).read_to_end(&mut output).await;
    match read {
        Ok(size_bytes) if size_bytes as u64 > bytes_max => Err(Stop::OutputLimit),
        Ok(_) => Ok(output),
        Err(error) => Err(Stop::Pipe { pipe: "stdout", error }),
    }
}

fn command(definition: &Definition, job: &Job) -> Result<Command, ModuleFailure> {
    let settings = serde_json::Value::Object(job.settings.clone()).to_string();
    if settings.len() > SETTINGS_BYTES_MAX {
        let text = format!(
            "the settings have {} bytes as JSON, at most {SETTINGS_BYTES_MAX} fit into an environment variable",
            settings.len()
        );
        return Err(ModuleFailure { code: "spawn_failed".to_owned(), text, may_pass_later: false });
    }
    let mut command = process::command(definition);
    command
        .env("REPRISE_UNIT", job.unit.as_str())
        .env("REPRISE_SCOPE", job.scope.as_str())
        .env("REPRISE_KEY", job.key.as_str())
        .env("REPRISE_ATTEMPT", job.attempt.to_string())
        .env("REPRISE_SETTINGS", settings);
    Ok(command)
}

fn failed(definition: &Definition, status: ExitStatus, said: &Excerpt) -> ModuleFailure {
    let (code, what) = process::exit(definition, status);
    let said = said.text();
    let text = match said.trim() {
        "" => format!("{what} and wrote nothing to stderr"),
        said => said.to_owned(),
    };
    ModuleFailure { code, text, may_pass_later: true }
}

fn stopped(stop: &Stop, definition: &Definition, said: &Excerpt) -> ModuleFailure {
    let (code, what, may_pass_later) = match stop {
        Stop::TimeLimit => {
            let limit_ms = definition.time_limit_ms.0;
            ("time_limit", format!("the program did not end within {limit_ms} ms and was killed"), true)
        }
        Stop::OutputLimit => {
            let bytes_max = definition.output_bytes_max;
            ("output_limit", format!("the program wrote more than {bytes_max} bytes and was killed"), false)
        }
        Stop::Pipe { pipe, error } => {
            ("pipe_failed", format!("the program's {pipe} could not be served: {error}"), true)
        }
    };
    ModuleFailure { code: code.to_owned(), text: process::with_stderr(what, said), may_pass_later }
}
