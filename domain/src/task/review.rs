//! Review: who approves in which order, and what people change meanwhile (`reference/smartdocumentor.md` §4.1, §7).

use std::collections::BTreeSet;

use serde_json::Value;

use super::{
    Approved, Assignment, Edited, Event, IntegrationStatus, Phase, Present, Refusal, Review, ReviewCause,
    ReviewOpened, ReviewOrder, Stage, USERS_MAX,
};
use crate::names::{EditPath, UserName};

/// The most edits that a task has at once.
pub const EDITS_MAX: usize = 1_000;
/// The largest edit, in bytes of JSON.
pub const EDIT_BYTES_MAX: usize = 64 << 10;

/// Refuses an assignment that nobody could carry out.
pub(super) fn check(assignment: &Assignment) -> Result<(), Refusal> {
    let users = &assignment.users;
    if users.len() > USERS_MAX {
        return Err(Refusal::WrongAssignment { problem: format!("{} users", users.len()) });
    }
    let mut named = BTreeSet::new();
    match users.iter().find(|user| !named.insert(*user)) {
        Some(twice) => Err(Refusal::WrongAssignment { problem: format!("{twice} twice") }),
        None => Ok(()),
    }
}

impl Present {
    /// The rule of [`super::Command::Assign`].
    pub(super) fn assign(&self, assignment: &Assignment) -> Result<Vec<Event>, Refusal> {
        check(assignment)?;
        self.not_in_history()?;
        if *assignment == self.assignment {
            return Ok(Vec::new());
        }
        Ok(vec![Event::UsersAssigned(assignment.clone())])
    }

    /// The rule of [`super::Command::Approve`]; approving twice is approving once.
    pub(super) fn approve(&self, user: &UserName) -> Result<Vec<Event>, Refusal> {
        let review = self.review()?;
        let users = &self.assignment.users;
        if !users.is_empty() && !users.contains(user) {
            return Err(Refusal::NotAssigned { user: user.clone() });
        }
        if review.approved.contains(user) {
            return Ok(Vec::new());
        }
        let open = || users.iter().filter(|user| !review.approved.contains(user));
        let is_last = match self.assignment.order {
            ReviewOrder::Any => true,
            ReviewOrder::All => open().count() <= 1,
            ReviewOrder::InSequence => {
                if let Some(next) = open().next().filter(|next| *next != user) {
                    return Err(Refusal::NotTheirTurn { next: next.clone() });
                }
                open().count() <= 1
            }
        };
        let approved = Event::Approved(Approved { user: user.clone() });
        let follows = if is_last { self.after_review(false) } else { Vec::new() };
        Ok(std::iter::once(approved).chain(follows).collect())
    }

    /// The rule of [`super::Command::ReopenReview`].
    pub(super) fn reopen_review(&self) -> Result<Vec<Event>, Refusal> {
        self.not_in_history()?;
        let cause = ReviewCause::Reopened;
        let reopened = |withdrawn| vec![Event::ReviewOpened(ReviewOpened { cause, withdrawn })];
        match &self.phase {
            Phase::Review(review) if review.approved.is_empty() => Ok(Vec::new()),
            Phase::Review(_) => Ok(reopened(None)),
            Phase::Automated(_) if self.stage == Stage::Export => Ok(reopened(self.open_queue())),
            Phase::Automated(_)
            | Phase::Parked(_)
            | Phase::Archived(_)
            | Phase::Deleting
            | Phase::Deleted => Err(Refusal::NotInReview { status: self.status() }),
        }
    }

    /// The rule of [`super::Command::Edit`]. The viewer of the reference opens only for a task in review (§7), and so
    /// do edits.
    pub(super) fn edit(&self, path: &EditPath, value: &Value) -> Result<Vec<Event>, Refusal> {
        self.review()?;
        let bytes = value.to_string().len();
        if bytes > EDIT_BYTES_MAX {
            let bytes_max = EDIT_BYTES_MAX;
            return Err(Refusal::TooLarge { member: "the edit", bytes, bytes_max });
        }
        let before = self.edits.get(path).cloned().unwrap_or_default();
        if before == *value {
            return Ok(Vec::new());
        }
        if before.is_null() && self.edits.len() >= EDITS_MAX {
            return Err(Refusal::TooManyEdits);
        }
        Ok(vec![Event::Edited(Edited { path: path.clone(), before, after: value.clone() })])
    }

    fn review(&self) -> Result<&Review, Refusal> {
        match &self.phase {
            Phase::Review(review) => Ok(review),
            Phase::Automated(_)
            | Phase::Parked(_)
            | Phase::Archived(_)
            | Phase::Deleting
            | Phase::Deleted => Err(Refusal::NotInReview { status: self.status() }),
        }
    }

    /// A review begins; an export that has not happened is asked for no longer.
    pub(super) fn review_again(&mut self) {
        self.phase = Phase::Review(Review::default());
        self.reviewed_by.clear();
        if self.integration == IntegrationStatus::Queued {
            self.integration = IntegrationStatus::NotQueued;
        }
    }

    pub(super) fn keep_edit(&mut self, edited: &Edited) {
        if edited.after.is_null() {
            self.edits.remove(&edited.path);
        } else {
            self.edits.insert(edited.path.clone(), edited.after.clone());
        }
    }

    pub(super) fn assign_users(&mut self, assignment: &Assignment) {
        self.assignment = assignment.clone();
        if let Phase::Review(review) = &mut self.phase {
            *review = Review::default();
        }
    }
}
