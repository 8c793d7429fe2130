//! One long-lived program: a line to it, a line from it, each within its limits. Does not know when another is started.

use std::io;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use domain::ports::ModuleFailure;
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::process::{ChildStderr, ChildStdin, ChildStdout};
use tokio::task::JoinHandle;
use tokio::time::timeout;

use crate::definition::Definition;
use crate::excerpt::Excerpt;
use crate::process::{self, Group};
use crate::wire::{self, Batch, BatchDone, BatchStart, Item, Line, Message, Reply};

/// What a line may have beyond twice the largest output, in bytes. Twice, because base64 makes 4 bytes of 3 and JSON
/// escapes some characters.
const LINE_BYTES_MORE: u64 = 64 << 10;
/// How long to wait for the last of stderr once the program is gone.
const STDERR_DURATION_MAX: Duration = Duration::from_secs(1);
const READ_BYTES: usize = 8 << 10;

/// A running program. It and all that it started are killed when this is dropped.
#[derive(Debug)]
pub(super) struct Child {
    definition: Definition,
    child: tokio::process::Child,
    group: Group,
    stdin: ChildStdin,
    stdout: BufReader<ChildStdout>,
    said: Arc<Mutex<Excerpt>>,
    listening: JoinHandle<()>,
}

/// Why a program was not allowed to go on.
#[derive(Debug)]
pub(super) enum Trouble {
    TimeLimit,
    LineLimit,
    /// It closed its stdin or stdout, which usually means that it has ended.
    Ended,
    Pipe(io::Error),
    Protocol(String),
}

impl Child {
    pub(super) fn start(definition: &Definition) -> Result<Self, ModuleFailure> {
        let mut command = process::command(definition);
        let (mut child, group) = process::spawn(&mut command, definition)?;
        let piped = "a program that was started with pipes has them";
        let stdin = child.stdin.take().expect(piped);
        let stdout = BufReader::new(child.stdout.take().expect(piped));
        let stderr = child.stderr.take().expect(piped);
        let said = Arc::new(Mutex::new(Excerpt::new(definition.stderr_bytes_max)));
        let listening = tokio::spawn(listen(stderr, said.clone()));
        Ok(Self { definition: definition.clone(), child, group, stdin, stdout, said, listening })
    }

    /// Tells it about a batch.
    pub(super) async fn begin(&mut self, start: &BatchStart<'_>) -> Result<(), Trouble> {
        if !matches!(self.child.try_wait(), Ok(None)) {
            return Err(Trouble::Ended);
        }
        let limit = self.definition.time_limit_ms.as_duration();
        timeout(limit, self.tell(&Message::BatchStart(start))).await.unwrap_or(Err(Trouble::TimeLimit))
    }

    /// Gives it a document, and waits for what became of it.
    pub(super) async fn process(&mut self, item: &Item<'_>, index: usize) -> Result<Reply, Trouble> {
        let reply = match self.ask(&Message::Item(item)).await? {
            Line::Result(output) => Reply::Result(output),
            Line::Failure(failure) => Reply::Failure(failure),
            Line::BatchDone(_) => {
                return Err(Trouble::Protocol("it wrote batch_done while it had an item".to_owned()));
            }
        };
        if reply.id() != wire::item_id(index) {
            return Err(Trouble::Protocol(format!(
                "it answered for item {:?} while it had item {:?}",
                wire::shortened(reply.id(), 64),
                wire::item_id(index)
            )));
        }
        // What it said until now belongs to this document, and not to the next one.
        let fresh = Excerpt::new(self.definition.stderr_bytes_max);
        *self.said.lock().unwrap_or_else(PoisonError::into_inner) = fresh;
        Ok(reply)
    }

    /// Tells it that the batch is over, and waits until it has put its things in order.
    pub(super) async fn end_batch(&mut self, batch: &str) -> Result<(), Trouble> {
        match self.ask(&Message::BatchEnd(Batch { batch })).await? {
            Line::BatchDone(BatchDone { batch: done }) if done == batch => Ok(()),
            Line::BatchDone(_) | Line::Result(_) | Line::Failure(_) => Err(Trouble::Protocol(format!(
                "it did not answer batch_end with batch_done for batch {batch:?}"
            ))),
        }
    }

    /// Kills it; says why, with what it said about it.
    pub(super) async fn fail(mut self, trouble: &Trouble) -> ModuleFailure {
        let ended = match trouble {
            // It may need a moment from closing its pipes to its exit code.
            Trouble::Ended => timeout(STDERR_DURATION_MAX, self.child.wait()).await.ok().and_then(Result::ok),
            Trouble::TimeLimit | Trouble::LineLimit | Trouble::Pipe(_) | Trouble::Protocol(_) => None,
        };
        self.group.kill();
        process::reap(&mut self.child).await;
        // Everybody who could write is killed; what does not end now would never.
        let _heard = timeout(STDERR_DURATION_MAX, &mut self.listening).await;
        self.listening.abort();
        let (code, what, may_pass_later) = match (trouble, ended) {
            (Trouble::Ended, Some(status)) => {
                let (code, what) = process::exit(&self.definition, status);
                (code, format!("{what} before it answered"), true)
            }
            (Trouble::Ended, None) => (
                "pipe_closed".to_owned(),
                "the program closed its stdin or stdout and was killed".to_owned(),
                true,
            ),
            (Trouble::TimeLimit, _) => {
                let limit_ms = self.definition.time_limit_ms.0;
                let what = format!("the program did not answer within {limit_ms} ms and was killed");
                ("time_limit".to_owned(), what, true)
            }
            (Trouble::LineLimit, _) => {
                let what = format!(
                    "the program wrote a line of more than {} bytes and was killed",
                    self.line_bytes_max()
                );
                ("output_limit".to_owned(), what, false)
            }
            (Trouble::Pipe(error), _) => {
                ("pipe_failed".to_owned(), format!("the program's pipes could not be served: {error}"), true)
            }
            (Trouble::Protocol(what), _) => {
                let failure = wire::protocol(&format!("the program was killed: {what}"));
                (failure.code, failure.text, failure.may_pass_later)
            }
        };
        let said = self.said.lock().unwrap_or_else(PoisonError::into_inner);
        ModuleFailure { code, text: process::with_stderr(what, &said), may_pass_later }
    }

    /// Closes its stdin and waits for its end; kills it after the limit.
    pub(super) async fn end(self) {
        let Self { definition, mut child, mut group, stdin, .. } = self;
        drop(stdin);
        if timeout(definition.end_limit_ms.as_duration(), child.wait()).await.is_err() {
            tracing::warn!(program = ?definition.argv().first(), "a module did not end when its stdin was closed; it is killed");
        }
        group.kill();
        process::reap(&mut child).await;
    }

    async fn ask(&mut self, message: &Message<'_>) -> Result<Line, Trouble> {
        let limit = self.definition.time_limit_ms.as_duration();
        let asking = async {
            self.tell(message).await?;
            self.hear().await
        };
        timeout(limit, asking).await.unwrap_or(Err(Trouble::TimeLimit))
    }

    async fn tell(&mut self, message: &Message<'_>) -> Result<(), Trouble> {
        let mut line = serde_json::to_vec(message).map_err(|error| Trouble::Pipe(error.into()))?;
        line.push(b'\n');
        match self.stdin.write_all(&line).await {
            Ok(()) => Ok(()),
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Err(Trouble::Ended),
            Err(error) => Err(Trouble::Pipe(error)),
        }
    }

    async fn hear(&mut self) -> Result<Line, Trouble> {
        let bytes_max = self.line_bytes_max();
        let mut line = Vec::new();
        let mut bounded = (&mut self.stdout).take(bytes_max.saturating_add(1));
        bounded.read_until(b'\n', &mut line).await.map_err(Trouble::Pipe)?;
        if line.last() != Some(&b'\n') {
            let too_long = line.len() as u64 > bytes_max;
            return Err(if too_long { Trouble::LineLimit } else { Trouble::Ended });
        }
        serde_json::from_slice(&line)
            .map_err(|error| Trouble::Protocol(format!("its line is no reply: {error}")))
    }

    const fn line_bytes_max(&self) -> u64 {
        self.definition.output_bytes_max.saturating_mul(2).saturating_add(LINE_BYTES_MORE)
    }
}

async fn listen(mut stderr: ChildStderr, said: Arc<Mutex<Excerpt>>) {
    let mut buffer = Vec::with_capacity(READ_BYTES);
    // A failed read is the end as well: what was heard until then is all there is.
    while stderr.read_buf(&mut buffer).await.is_ok_and(|size_bytes| size_bytes > 0) {
        said.lock().unwrap_or_else(PoisonError::into_inner).push(&buffer);
        buffer.clear();
    }
}
