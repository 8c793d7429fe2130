//! What changed on the board between two moments: the rows that the events between them touched, as they were at both.
//! Does not know how a row is asked for.

use std::collections::{BTreeMap, BTreeSet};

use domain::ports::EventFilter;
use projections::difference::{Difference, DifferentRow, Touched, board_views};
use projections::read_model::ReadModelError;
use serde::Serialize;

use super::{PastError, Then};
use crate::engine::Engine;

/// The most events that may lie between two moments that are compared.
pub const DIFF_EVENTS_MAX: usize = 100_000;
/// Events read at once.
const EVENTS_READ_MAX: usize = 4_096;

/// Why two moments were not compared.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DiffError {
    /// The second moment is before the first.
    #[error("the moment to which is asked, {to}, is before the one from which, {from}; exchange them")]
    Backwards {
        /// The position of the first.
        from: domain::stream::Position,
        /// The position of the second.
        to: domain::stream::Position,
    },
    /// Too much happened between them.
    #[error(
        "more than {DIFF_EVENTS_MAX} events lie between the two moments; ask for a shorter time, such as up to p{reached}"
    )]
    TooFar {
        /// How far it is not too far.
        reached: domain::stream::Position,
    },
    /// There is no such view.
    #[error("there is no view '{0}' that is compared; use one of {known}", known = board_views().join(", "))]
    UnknownView(String),
    /// The log's reason.
    #[error(transparent)]
    Past(#[from] PastError),
    /// The rows' reason.
    #[error(transparent)]
    Rows(#[from] ReadModelError),
}

/// How many rows of a view differ.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
pub struct Totals {
    /// Rows that there were not.
    pub added: u64,
    /// Rows that there are no longer.
    pub removed: u64,
    /// Rows that are different.
    pub changed: u64,
}

/// A row that differs.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct RowDiff {
    /// Of which view.
    pub view: &'static str,
    /// Its key.
    pub key: String,
    /// Whether it was there before, and is now.
    pub kind: DifferentRow,
    /// What differs in it.
    pub changes: Vec<Difference>,
}

/// What differs between two moments.
#[derive(Debug, Clone, PartialEq)]
pub struct BoardDiff {
    /// By view; those without differences are left out.
    pub totals: BTreeMap<&'static str, Totals>,
    /// The rows, in the order of views and keys.
    pub items: Vec<RowDiff>,
    /// Whether there are more after the last one.
    pub has_more: bool,
}

/// Which of the differences are wanted.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct DiffPage {
    /// Only of this view.
    pub view: Option<String>,
    /// Only after this view and key.
    pub after: Option<(String, String)>,
    /// At most so many.
    pub limit: usize,
}

impl Engine {
    /// What differs between two moments.
    ///
    /// # Errors
    /// [`DiffError`].
    pub async fn diff(&self, from: Then, to: Then, page: &DiffPage) -> Result<BoardDiff, DiffError> {
        if from.position > to.position {
            return Err(DiffError::Backwards { from: from.position, to: to.position });
        }
        if let Some(view) = page.view.as_ref().filter(|view| !board_views().contains(&view.as_str())) {
            return Err(DiffError::UnknownView(view.clone()));
        }
        let touched = self.touched(from, to, page.view.as_deref()).await?;
        let (before, after) = (self.at(from), self.at(to));
        let mut diff = BoardDiff { totals: BTreeMap::new(), items: Vec::new(), has_more: false };
        for (view, key) in touched {
            let was = before.read_model().row(view, &key).await?;
            let is = after.read_model().row(view, &key).await?;
            let found = DifferentRow::between(was.as_deref(), is.as_deref());
            let found =
                found.map_err(|error| ReadModelError::Damaged(format!("a row of {view}: {error}")))?;
            let Some((kind, changes)) = found else { continue };
            diff.count(view, kind);
            let is_wanted =
                page.after.as_ref().is_none_or(|(seen, last)| (view, &key) > (seen.as_str(), last));
            if is_wanted && diff.items.len() < page.limit {
                diff.items.push(RowDiff { view, key, kind, changes });
            } else {
                diff.has_more |= is_wanted;
            }
        }
        Ok(diff)
    }

    /// The rows that the events between two moments concern.
    async fn touched(
        &self,
        from: Then,
        to: Then,
        view: Option<&str>,
    ) -> Result<BTreeSet<(&'static str, String)>, DiffError> {
        let mut touched = Touched::of(view);
        let (mut after, mut count) = (from.position, 0);
        let log = self.at(to);
        while after < to.position {
            let read = log.store().read_all(after, EVENTS_READ_MAX, &EventFilter::default()).await;
            let events = read.map_err(PastError::from)?;
            let Some(last) = events.last() else { break };
            count += events.len();
            if count > DIFF_EVENTS_MAX {
                return Err(DiffError::TooFar { reached: after });
            }
            after = last.position;
            touched.note(&events);
        }
        Ok(touched.rows)
    }
}

impl BoardDiff {
    fn count(&mut self, view: &'static str, kind: DifferentRow) {
        let totals = self.totals.entry(view).or_default();
        match kind {
            DifferentRow::Added => totals.added += 1,
            DifferentRow::Removed => totals.removed += 1,
            DifferentRow::Changed => totals.changed += 1,
        }
    }
}
