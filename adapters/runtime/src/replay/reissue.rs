//! Reissuing a log: the commands that a filter chooses are read and sent, one after the other, until the end of the log or
//! the first that is refused. Does not know what they ask, nor how they get there.

use std::sync::Arc;
use std::time::Duration;

use domain::ports::{EventForms, EventStore, ReadError, SendError, Target};
use domain::replay::{Appends, RecordedAppend};
use domain::stream::Position;

use super::pages::Pages;
use super::posted::PostedCommand;
use super::selection::Selection;
use super::sending::{Outgoing, Pace, RefusedRow, Sending, SentCounts, Step};
use super::work::{Finding, Line, Progress, ReplayReport};

/// How long nothing is said while the next command's time has not come.
const SILENCE_MAX: Duration = Duration::from_secs(2);

/// Why a replay could not go on.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ReplayError {
    /// The log cannot be read.
    #[error(transparent)]
    Store(#[from] ReadError),
    /// The log does not have a command that is to be sent.
    #[error(
        "the log does not have the command behind position {0}, so it cannot be reissued; leave its stream out"
    )]
    CommandMissing(Position),
    /// The other instance takes nothing.
    #[error(transparent)]
    Target(#[from] SendError),
}

/// A log on its way to another instance. Whoever asks for its lines drives it; dropped, it ends.
pub struct Reissuing {
    pages: Pages,
    forms: Arc<dyn EventForms>,
    selection: Selection,
    appends: Appends,
    sending: Sending,
    position: Position,
    events: u64,
    findings: u64,
    /// Whether everything was read that is to be sent.
    is_read: bool,
    /// Whether everything was said.
    is_over: bool,
}

impl Reissuing {
    /// Begins to reissue a log as far as it goes now.
    ///
    /// # Errors
    /// [`ReadError`] when the log cannot be read.
    pub async fn begin(
        store: Arc<dyn EventStore>,
        forms: Arc<dyn EventForms>,
        selection: Selection,
        pace: Pace,
        target: Arc<dyn Target>,
    ) -> Result<Self, ReadError> {
        let pages = Pages::begin(store).await?;
        let sending = Sending::new(target, pace);
        let (appends, position) = (Appends::default(), Position::START);
        let (events, findings) = (0, 0);
        let (is_read, is_over) = (false, false);
        Ok(Self { pages, forms, selection, appends, sending, position, events, findings, is_read, is_over })
    }

    /// The next lines; nothing once it has come to its end. A step that is dropped ends it.
    ///
    /// # Errors
    /// [`ReplayError`] when it cannot go on. Begun again it goes on where it ended, since what is there is found to be.
    pub async fn next(&mut self) -> Result<Option<Vec<Line>>, ReplayError> {
        if self.is_over {
            return Ok(None);
        }
        let lines = match self.sending.step(SILENCE_MAX).await? {
            Step::Sent | Step::Early => vec![Line::Progress(self.progress())],
            Step::Refused(row) => self.end_with(row),
            Step::Idle if self.is_read => self.end(),
            Step::Idle => self.read().await?,
        };
        Ok(Some(lines))
    }

    /// What was sent so far.
    #[must_use]
    pub const fn counts(&self) -> SentCounts {
        self.sending.counts()
    }

    /// Reads the next page, and puts what is chosen of it on its way.
    async fn read(&mut self) -> Result<Vec<Line>, ReplayError> {
        let page = self.pages.next().await?;
        self.is_read = page.is_empty();
        let mut whole = Vec::new();
        for event in page {
            self.position = event.position;
            self.events += 1;
            whole.extend(self.appends.push(event));
        }
        if self.is_read {
            whole.extend(self.appends.finish());
        }
        for append in whole {
            if self.selection.ends_before(&append) {
                self.is_read = true;
                break;
            }
            if self.selection.wants_stream(append.stream()) && self.selection.chooses(&append, &*self.forms) {
                self.push(&append)?;
            }
        }
        Ok(Vec::new())
    }

    fn push(&mut self, append: &RecordedAppend) -> Result<(), ReplayError> {
        let first = append.first();
        let command = PostedCommand::behind(first).ok_or(ReplayError::CommandMissing(first.position))?;
        self.sending.push(Outgoing { line: command.line(), at: append.metadata().recorded_at });
        Ok(())
    }

    fn end_with(&mut self, row: RefusedRow) -> Vec<Line> {
        self.findings += 1;
        let mut lines = vec![Line::Finding(Finding::Refused(Box::new(row)))];
        lines.extend(self.end());
        lines
    }

    fn end(&mut self) -> Vec<Line> {
        self.is_over = true;
        let Progress { position, events, commands, findings, .. } = self.progress();
        let reissue = Some(self.sending.counts());
        vec![Line::Report(ReplayReport { position, events, commands, findings, fork: None, reissue })]
    }

    const fn progress(&self) -> Progress {
        let counts = self.sending.counts();
        Progress {
            position: self.position,
            head: self.pages.head(),
            events: self.events,
            commands: counts.carried_out + counts.there_already,
            findings: self.findings,
        }
    }
}
