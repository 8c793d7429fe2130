//! Which recorded commands a replay is about. Does not know what is done with them.

use domain::names::TargetName;
use domain::ports::EventForms;
use domain::replay::{Changes, RecordedAppend};
use domain::stream::{Position, StreamId};
use domain::time::Timestamp;
use globset::{GlobBuilder, GlobMatcher};

use super::request::{FINDINGS_MAX, Mode, ReissueRequest, ReplayFilter, ReplayRequest, Span};
use super::sending::{Pace, RATE_MAX};

/// A filter, ready to be asked.
#[derive(Debug, Clone)]
pub struct Selection {
    streams: Option<GlobMatcher>,
    types: Vec<String>,
    positions: Span<Position>,
    times: Span<Timestamp>,
}

/// A request that cannot be carried out, and what to correct.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidRequest {
    /// The glob is none.
    #[error("streams is no glob: {0}; one is key_scope-docs/*")]
    Glob(String),
    /// There is no such type of event.
    #[error(
        "types has '{0}', which is neither an event's type, such as key_scope.finished, nor what stands before its dot"
    )]
    UnknownType(String),
    /// Changes where nothing is to be otherwise.
    #[error("changes are for the mode what_if; choose that mode, or leave them out")]
    ChangesElsewhere,
    /// A target where nothing is sent.
    #[error("reissue is for the mode reissue; choose that mode, or leave it out")]
    TargetElsewhere,
    /// No target where commands are to be sent.
    #[error(
        "the mode reissue needs reissue, such as {{\"target\": \"second\"}}, with a target of the configuration"
    )]
    NoTarget,
    /// There is no such target.
    #[error("there is no target '{name}'; {known}")]
    UnknownTarget {
        /// The name.
        name: TargetName,
        /// Which ones there are, as a clause.
        known: String,
    },
    /// A rate that cannot be kept.
    #[error("reissue.pace.per_second is {0}, and must be between 1 and {RATE_MAX}")]
    Rate(u32),
    /// A changed line of the watchdog's policy cannot be carried out.
    #[error("changes.stuck: {0}")]
    WrongPolicy(String),
    /// Too many findings.
    #[error("findings_max is {0}, and at most {FINDINGS_MAX} findings are listed; all of them are counted")]
    TooManyFindings(u32),
}

impl InvalidRequest {
    /// There is no such target among these.
    #[must_use]
    pub fn unknown_target(name: &TargetName, known: &[TargetName]) -> Self {
        let names: Vec<&str> = known.iter().map(TargetName::as_str).collect();
        let known = match names.as_slice() {
            [] => format!("the configuration has none; add [replay.targets.{name}] with its url"),
            names => format!("the configuration has {}", names.join(", ")),
        };
        Self::UnknownTarget { name: name.clone(), known }
    }
}

impl ReplayRequest {
    /// What the request chooses.
    ///
    /// # Errors
    /// [`InvalidRequest`], which says what to correct.
    pub fn selection(&self, forms: &dyn EventForms) -> Result<Selection, InvalidRequest> {
        if self.findings_max > FINDINGS_MAX {
            return Err(InvalidRequest::TooManyFindings(self.findings_max));
        }
        if self.mode != Mode::WhatIf && self.changes != Changes::default() {
            return Err(InvalidRequest::ChangesElsewhere);
        }
        match (self.mode, &self.reissue) {
            (Mode::Verify | Mode::WhatIf, None) => {}
            (Mode::Verify | Mode::WhatIf, Some(_)) => return Err(InvalidRequest::TargetElsewhere),
            (Mode::Reissue, None) => return Err(InvalidRequest::NoTarget),
            (Mode::Reissue, Some(ReissueRequest { pace, .. })) => check_pace(*pace)?,
        }
        for policy in &self.changes.stuck {
            policy.check().map_err(|refusal| InvalidRequest::WrongPolicy(refusal.to_string()))?;
        }
        Selection::new(&self.filter, forms)
    }
}

impl Selection {
    /// The selection that a filter describes. A `*` stands for any characters, slashes too.
    ///
    /// # Errors
    /// [`InvalidRequest`], which says what to correct.
    pub fn new(filter: &ReplayFilter, forms: &dyn EventForms) -> Result<Self, InvalidRequest> {
        let glob = |glob: &String| match GlobBuilder::new(glob).build() {
            Ok(glob) => Ok(glob.compile_matcher()),
            Err(error) => Err(InvalidRequest::Glob(error.to_string())),
        };
        let known = forms.type_names();
        let is_known = |kind: &str| known.iter().any(|name| is_of_kind(name, kind));
        if let Some(unknown) = filter.types.iter().find(|kind| !is_known(kind)) {
            return Err(InvalidRequest::UnknownType(unknown.clone()));
        }
        let ReplayFilter { streams, types, positions, times } = filter;
        let streams = streams.as_ref().map(glob).transpose()?;
        Ok(Self { streams, types: types.clone(), positions: *positions, times: *times })
    }

    /// Whether a command of this stream may be chosen.
    #[must_use]
    pub fn wants_stream(&self, stream: &StreamId) -> bool {
        self.streams.as_ref().is_none_or(|glob| glob.is_match(stream.as_str()))
    }

    /// Whether the command of an append of a wanted stream is chosen.
    #[must_use]
    pub fn chooses(&self, append: &RecordedAppend, forms: &dyn EventForms) -> bool {
        let first = append.first();
        let is_of_types = || {
            let of = |kind: &String| {
                append.events().any(|recorded| is_of_kind(forms.type_name(&recorded.event), kind))
            };
            self.types.is_empty() || self.types.iter().any(of)
        };
        self.spans(first.position, first.metadata.recorded_at) && is_of_types()
    }

    /// Whether a place in the log belongs to what is chosen.
    #[must_use]
    pub fn spans(&self, position: Position, at: Timestamp) -> bool {
        self.positions.holds(&position) && self.times.holds(&at)
    }

    /// Whether nothing is chosen from this append on.
    #[must_use]
    pub fn ends_before(&self, append: &RecordedAppend) -> bool {
        let first = append.first();
        // Times never go back in a log.
        self.positions.is_before(&first.position) || self.times.is_before(&first.metadata.recorded_at)
    }
}

const fn check_pace(pace: Pace) -> Result<(), InvalidRequest> {
    match pace {
        Pace::FlatOut | Pace::Recorded | Pace::PerSecond(1..=RATE_MAX) => Ok(()),
        Pace::PerSecond(rate) => Err(InvalidRequest::Rate(rate)),
    }
}

/// A kind is a type name, or the aggregate in front of it.
fn is_of_kind(type_name: &str, kind: &str) -> bool {
    type_name == kind || type_name.split_once('.').is_some_and(|(aggregate, _)| aggregate == kind)
}
