//! What happens when something is asked of a campaign: one function for each question that takes more than a line.
//! Does not know what an event does to the state: see [`super`].

use super::{
    Advanced, Campaign, CanaryPassed, CanaryStopped, Command, Event, ListingFailed, PinTargets, Pinned,
    Pinning, Progress, Refusal, Stage, Start, Started, Tally, Target, TargetsCounted, TargetsPinned, Then,
};
use crate::digest::Digest;

impl Campaign {
    /// What happens when `command` arrives.
    ///
    /// # Errors
    /// [`Refusal`] when the command is not allowed now; an empty list when there is nothing to do.
    pub fn decide(&self, command: &Command) -> Result<Vec<Event>, Refusal> {
        match (command, self) {
            (Command::Start(start), Self::Absent) => begin(start, None),
            (Command::Start(start), Self::Pinning(pinning)) => pinning.begin(start),
            (Command::PinTargets(pin), Self::Absent) => pin_after(pin, 0),
            (Command::PinTargets(pin), Self::Pinning(pinning)) => pinning.pin(pin),
            (
                Command::Start(_) | Command::PinTargets(_),
                Self::Active(_) | Self::Cancelled | Self::Completed,
            ) => Err(Refusal::AlreadyExists),
            (Command::AbandonTargets, Self::Pinning(_)) => Ok(vec![Event::TargetsAbandoned]),
            (Command::AbandonTargets, Self::Absent | Self::Active(_) | Self::Cancelled | Self::Completed) => {
                Ok(Vec::new())
            }
            (_, Self::Absent) => Err(Refusal::DoesNotExist),
            (_, Self::Pinning(_)) => Err(Refusal::StillPinning),
            (Command::Cancel, Self::Cancelled) | (Command::Complete, Self::Completed) => Ok(Vec::new()),
            (_, Self::Cancelled | Self::Completed) => Err(Refusal::Over { state: self.name() }),
            (command, Self::Active(progress)) => progress.decide(command),
        }
    }
}

// ── The beginning ──────────────────────────────────────────────────────────────────────────────────────────────

/// Whether the keys are those that the sender expects.
///
/// # Errors
/// [`Refusal::TargetsChanged`] when they are others.
pub fn check_expected(start: &Start, found: Pinned) -> Result<(), Refusal> {
    match start.expect {
        Some(expected) if expected != found.digest => {
            Err(Refusal::TargetsChanged { expected, found: found.digest, keys: found.keys })
        }
        Some(_) | None => Ok(()),
    }
}

fn begin(start: &Start, pinned: Option<Pinned>) -> Result<Vec<Event>, Refusal> {
    let Start { target, pace, canary, expect: _ } = start;
    start.check()?;
    if start.is_pinned() && pinned.is_none() {
        return Err(Refusal::NotPinned);
    }
    Ok(vec![Event::Started(Started { target: target.clone(), pace: *pace, canary: *canary, pinned })])
}

fn pin_after(pin: &PinTargets, pinned: u64) -> Result<Vec<Event>, Refusal> {
    if pin.from != pinned {
        return Err(Refusal::PinsMoved);
    }
    let PinTargets { start, target, from: _, keys, digest } = pin.clone();
    Ok(vec![Event::TargetsPinned(TargetsPinned { start, target, keys, digest })])
}

impl Start {
    /// Whether it can be carried out at all, whatever keys there are.
    ///
    /// # Errors
    /// [`Refusal`] when pace or canary are none.
    pub fn check(&self) -> Result<(), Refusal> {
        self.pace.check()?;
        match (&self.target, self.canary) {
            (_, None) => Ok(()),
            (Target::Keys(_), Some(canary)) => canary.check(),
            (Target::Tasks(_), Some(_)) => Err(Refusal::CanaryOverTasks),
        }
    }
}

impl Pinning {
    fn begin(&self, start: &Start) -> Result<Vec<Event>, Refusal> {
        let Some(digest) = self.digest.filter(|_| start.is_pinned() && self.target == start.target) else {
            return Err(Refusal::StillPinning);
        };
        let pinned = Pinned { keys: self.keys, digest };
        check_expected(start, pinned)?;
        begin(start, Some(pinned))
    }

    fn pin(&self, pin: &PinTargets) -> Result<Vec<Event>, Refusal> {
        let complete: Option<Digest> = self.digest;
        if pin.start != self.start || complete.is_some() {
            return Err(Refusal::StillPinning);
        }
        pin_after(pin, self.keys)
    }
}

// ── Under way ──────────────────────────────────────────────────────────────────────────────────────────────────

impl Progress {
    fn decide(&self, command: &Command) -> Result<Vec<Event>, Refusal> {
        match command {
            Command::Start(_) | Command::PinTargets(_) => Err(Refusal::AlreadyExists),
            Command::AbandonTargets => Ok(Vec::new()),
            Command::CountTargets { .. } if self.total.is_some() => Ok(Vec::new()),
            Command::CountTargets { keys } => Ok(vec![Event::TargetsCounted(TargetsCounted { keys: *keys })]),
            Command::Advance { from, .. } if *from != self.cursor => Err(Refusal::CursorMoved),
            Command::Advance { from: _, to, keys, asked } => {
                Ok(vec![Event::Advanced(Advanced { cursor: to.clone(), keys: *keys, asked: *asked })])
            }
            Command::Exhaust if self.exhausted => Ok(Vec::new()),
            Command::Exhaust => Ok(vec![Event::Exhausted]),
            // Trying again and failing for the same reason is nothing new.
            Command::ReportListingFailure { problem } if self.problem.as_ref() == Some(problem) => {
                Ok(Vec::new())
            }
            Command::ReportListingFailure { problem } => {
                Ok(vec![Event::ListingFailed(ListingFailed { problem: problem.clone() })])
            }
            Command::JudgeCanary(tally) => self.judge(*tally),
            Command::SetPace(pace) if *pace == self.pace => Ok(Vec::new()),
            Command::SetPace(pace) => {
                pace.check()?;
                Ok(vec![Event::PaceSet(*pace)])
            }
            Command::Pause if self.paused => Ok(Vec::new()),
            Command::Pause => Ok(vec![Event::Paused]),
            Command::Resume => Ok(self.resume()),
            Command::Cancel => Ok(vec![Event::Cancelled]),
            Command::Complete => self.complete(),
        }
    }

    fn judge(&self, tally: Tally) -> Result<Vec<Event>, Refusal> {
        let canary = match &self.stage {
            Stage::Canary(canary) => canary,
            Stage::Whole | Stage::Waiting | Stage::Stopped => return Ok(Vec::new()),
        };
        if !self.canary_is_asked_for() || tally.asked < self.asked || tally.settled() < tally.asked {
            return Err(Refusal::CanaryNotSettled);
        }
        if let Some(broken) = canary.broken_by(&tally) {
            return Ok(vec![Event::CanaryStopped(CanaryStopped { tally, broken })]);
        }
        // Nobody needs to be waited for when there is nothing to go on with.
        let then = if self.exhausted { Then::Continue } else { canary.then };
        Ok(vec![Event::CanaryPassed(CanaryPassed { tally, then })])
    }

    /// What lets it go on, whatever it stands still for.
    fn resume(&self) -> Vec<Event> {
        let (overruled, waits) = match self.stage {
            Stage::Stopped => (true, false),
            Stage::Waiting => (false, true),
            Stage::Whole | Stage::Canary(_) => (false, false),
        };
        let overruled = overruled.then_some(Event::CanaryOverruled);
        let resumed = (self.paused || waits).then_some(Event::Resumed);
        overruled.into_iter().chain(resumed).collect()
    }

    fn complete(&self) -> Result<Vec<Event>, Refusal> {
        if !self.exhausted {
            return Err(Refusal::NotExhausted);
        }
        match self.stage {
            Stage::Whole => Ok(vec![Event::Completed]),
            Stage::Canary(_) | Stage::Waiting | Stage::Stopped => Err(Refusal::CanaryUndecided),
        }
    }
}
