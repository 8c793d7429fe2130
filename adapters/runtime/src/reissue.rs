//! Reissuing: commands that were recorded elsewhere are carried out here once more, with everything that was recorded about
//! them: id, time, actor, organization, and the version at which their events have to lie. So streams, versions and tokens
//! come out as they are there, and a command that comes again is found to be here already.
//!
//! Only a standby takes them, an engine that does nothing by itself and takes nothing else
//! (`docs/adr/0022-reissued-commands-go-to-a-standby.md`). It does not know where they come from.

use domain::envelope::Envelope;
use domain::ports::{Direction, ReadError};
use domain::stream::{Position, Version};

use crate::engine::{Engine, Lesson};
use crate::pipeline::{Accepted, SubmitError};

/// A recorded command that is to be carried out here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reissue {
    /// The command with all that was recorded about it, the time of its decision included.
    pub envelope: Envelope,
    /// The version that its first event has.
    pub version: Version,
}

/// What became of a reissued command.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reissued {
    /// It was carried out.
    Carried(Accepted),
    /// It is here already.
    Known {
        /// The log's position by now.
        position: Position,
    },
}

/// Why a reissued command was not carried out.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ReissueError {
    /// The engine does things by itself.
    #[error(
        "recorded commands are only taken by an instance that does nothing by itself; start it with 'reprise serve --standby'"
    )]
    NotStandby,
    /// Another command has its place.
    #[error("version {0} of the stream comes from another command here; reissue into an instance of its own")]
    OtherHistory(Version),
    /// What comes before it is not here.
    #[error(
        "the stream has no version {0} here, on which the command was decided; reissue from the beginning"
    )]
    Gap(Version),
    /// It records nothing here.
    #[error(
        "the command records nothing here, though it did where it comes from; is that of another version?"
    )]
    Nothing,
    /// The command was not carried out.
    #[error(transparent)]
    Submit(#[from] SubmitError),
}

impl From<ReadError> for ReissueError {
    fn from(error: ReadError) -> Self {
        Self::Submit(error.into())
    }
}

impl Engine {
    /// Carries out recorded commands of different streams in their order; one result each, order kept.
    pub async fn reissue(&self, commands: Vec<Reissue>) -> Vec<Result<Reissued, ReissueError>> {
        let engine = self.whole();
        // First all that has to be looked up, so that they enter the pipeline one right after the other.
        let looks = commands.iter().map(|command| engine.is_new(command));
        let looks = futures::future::join_all(looks).await;
        let carried = commands.into_iter().zip(looks).map(|(command, is_new)| engine.carry(command, is_new));
        futures::future::join_all(carried).await
    }

    /// Whether a recorded command is still to be carried out.
    async fn is_new(&self, command: &Reissue) -> Result<bool, ReissueError> {
        if !self.is_standby() {
            return Err(ReissueError::NotStandby);
        }
        let Reissue { envelope, version } = command;
        let stream = envelope.command.subject().stream();
        let before = Version(version.0.saturating_sub(1));
        let there = self.store().read_stream(&stream, before, Direction::Forward, 2).await?;
        match there.iter().find(|event| event.version == *version) {
            Some(event) if event.metadata.command_id == envelope.id => Ok(false),
            Some(_) => Err(ReissueError::OtherHistory(*version)),
            None if version.0 > 0 && there.is_empty() => Err(ReissueError::Gap(before)),
            None => Ok(true),
        }
    }

    async fn carry(
        &self,
        command: Reissue,
        is_new: Result<bool, ReissueError>,
    ) -> Result<Reissued, ReissueError> {
        if !is_new? {
            return Ok(Reissued::Known { position: self.acknowledged() });
        }
        let lesson = Lesson::of(&command.envelope);
        let result = self.pipeline().submit_patiently(command.envelope).await;
        let accepted = self.learn(lesson, result)?;
        if accepted.events.is_empty() { Err(ReissueError::Nothing) } else { Ok(Reissued::Carried(accepted)) }
    }
}
