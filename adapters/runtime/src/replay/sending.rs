//! Recorded commands on their way to another instance, each at its time, together with others as long as nothing has to be
//! waited for. It does not know where they come from, nor how the other instance is reached.

#[cfg(test)]
mod tests;

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use domain::names::CommandId;
use domain::ports::{SendError, Sent, Target};
use domain::stream::{Position, Version};
use domain::time::Timestamp;
use serde::{Deserialize, Serialize};
use tokio::time::Instant;

/// How many commands are sent at once.
const LINES_MAX: usize = 1_000;
/// How many bytes of commands are sent at once, about.
const BYTES_MAX: usize = 4 << 20;
/// The highest rate, in commands per second.
pub const RATE_MAX: u32 = 1_000_000;

/// How fast commands are reissued.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Pace {
    /// As fast as possible.
    #[default]
    FlatOut,
    /// As fast as they were recorded.
    Recorded,
    /// So many per second, up to [`RATE_MAX`].
    PerSecond(u32),
}

/// A recorded command that is to be sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outgoing {
    /// As it is posted: a line, without its end.
    pub line: Vec<u8>,
    /// When it was decided.
    pub at: Timestamp,
}

/// What was sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct SentCounts {
    /// How many were carried out there.
    pub carried_out: u64,
    /// How many were there already.
    pub there_already: u64,
}

/// A command that the other instance refused.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RefusedRow {
    /// The stream's name.
    pub stream: String,
    /// The version of its first event here.
    pub version: Version,
    /// Where its first event lies here.
    pub position: Position,
    /// Its id.
    pub command_id: CommandId,
    /// Why it is refused, as a sentence.
    pub text: String,
}

/// What a step came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// Some were sent.
    Sent,
    /// The time of the next one has not come yet.
    Early,
    /// There is nothing to send.
    Idle,
    /// One was refused, so nothing more is to be sent: what comes after it may rely on it.
    Refused(RefusedRow),
}

/// Commands on their way.
pub struct Sending {
    target: Arc<dyn Target>,
    pace: Pace,
    began: Instant,
    /// When the first command was decided.
    first: Option<Timestamp>,
    /// How many were put here.
    count: u64,
    waiting: VecDeque<Waiting>,
    counts: SentCounts,
}

/// A command that waits for its time.
struct Waiting {
    line: Vec<u8>,
    /// How long after the beginning it is to be sent.
    due: Duration,
}

impl Sending {
    /// Begins now.
    #[must_use]
    pub fn new(target: Arc<dyn Target>, pace: Pace) -> Self {
        let (began, waiting) = (Instant::now(), VecDeque::new());
        Self { target, pace, began, first: None, count: 0, waiting, counts: SentCounts::default() }
    }

    /// Puts a command behind the others.
    pub fn push(&mut self, command: Outgoing) {
        let first = *self.first.get_or_insert(command.at);
        let due = due(self.pace, self.count, Duration::from_millis(command.at.since(first).0));
        self.count += 1;
        self.waiting.push_back(Waiting { line: command.line, due });
    }

    /// Sends what is due, or waits for it, at most so long.
    ///
    /// # Errors
    /// [`SendError`] when the other instance does not take them. What was sent is counted.
    pub async fn step(&mut self, wait_max: Duration) -> Result<Step, SendError> {
        let Some(next) = self.waiting.front() else { return Ok(Step::Idle) };
        let wait = next.due.saturating_sub(self.began.elapsed());
        if !wait.is_zero() {
            tokio::time::sleep(wait.min(wait_max)).await;
        }
        let due = self.due();
        if due.is_empty() { Ok(Step::Early) } else { self.send(due).await }
    }

    /// What was sent so far.
    #[must_use]
    pub const fn counts(&self) -> SentCounts {
        self.counts
    }

    /// Takes what is due, as much as is sent at once.
    fn due(&mut self) -> Vec<Vec<u8>> {
        let elapsed = self.began.elapsed();
        let (mut lines, mut bytes) = (Vec::new(), 0);
        while lines.len() < LINES_MAX
            && bytes < BYTES_MAX
            && let Some(Waiting { line, .. }) = self.waiting.pop_front_if(|next| next.due <= elapsed)
        {
            bytes += line.len();
            lines.push(line);
        }
        lines
    }

    async fn send(&mut self, lines: Vec<Vec<u8>>) -> Result<Step, SendError> {
        let body = lines.iter().flat_map(|line| line.iter().chain(b"\n")).copied().collect();
        let sent = self.target.send(body).await?;
        let answered = sent.len();
        let mut wrong = None;
        for (line, sent) in lines.iter().zip(sent) {
            match sent {
                Sent::CarriedOut => self.counts.carried_out += 1,
                Sent::ThereAlready => self.counts.there_already += 1,
                Sent::Refused(text) => wrong = wrong.or_else(|| Some(refused(line, text).map(Step::Refused))),
                Sent::Failed(text) => wrong = wrong.or(Some(Err(SendError::Unavailable(text)))),
            }
        }
        if let Some(wrong) = wrong {
            return wrong;
        }
        if answered == lines.len() {
            return Ok(Step::Sent);
        }
        Err(SendError::Unavailable(
            "it did not answer every command; reissue again, what it has is found to be there".to_owned(),
        ))
    }
}

/// How long after the beginning a command is to be sent.
fn due(pace: Pace, before: u64, since_first: Duration) -> Duration {
    match pace {
        Pace::FlatOut => Duration::ZERO,
        Pace::Recorded => since_first,
        Pace::PerSecond(rate) => Duration::from_secs_f64(before as f64 / f64::from(rate.max(1))),
    }
}

/// A command that was refused, told by the line that was sent.
fn refused(line: &[u8], text: String) -> Result<RefusedRow, SendError> {
    #[derive(Deserialize)]
    struct Line {
        stream: String,
        recorded: Recorded,
    }
    #[derive(Deserialize)]
    struct Recorded {
        version: Version,
        position: Position,
        command_id: CommandId,
    }
    match serde_json::from_slice(line) {
        Ok(Line { stream, recorded: Recorded { version, position, command_id } }) => {
            Ok(RefusedRow { stream, version, position, command_id, text })
        }
        // The source's own answer was passed on as it was.
        Err(error) => Err(SendError::Refused(format!("{text} ({error})"))),
    }
}
