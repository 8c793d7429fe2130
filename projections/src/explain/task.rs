//! Why a task does not move: its stage's work, a review, what a person or the watchdog did. Does not know how the work of a
//! stage waits: see [`super::work`].

use domain::event::{Event, RecordedEvent};
use domain::names::UserName;
use domain::stream::Subject;
use domain::task::{
    self, MovedToHistory, Phase, Present, Resolved, Restarted, Reverted, Review, ReviewOrder,
};

use super::facts::{Surroundings, Thing};
use super::{Cause, Remedy, Why, work};
use crate::views::{ERROR_TEXT_BYTES_MAX, bounded};

/// Why it is where it is.
pub(super) fn causes(thing: &Thing, task: &Present, around: &Surroundings) -> Vec<Why> {
    let since = thing.since.as_deref();
    match &task.phase {
        Phase::Automated(stage) => match thing.place() {
            Some(place) => work::of_work(thing, &place, stage, around),
            None => Vec::new(),
        },
        Phase::Review(review) => {
            let users = open_users(task, review).cloned().collect();
            let waits = Why::new(Cause::WaitsForReview { users, order: task.assignment.order }, since);
            std::iter::once(waits).chain(stuck(thing)).collect()
        }
        Phase::Parked(_) => by_hand(thing).or_else(|| stuck(thing)).into_iter().collect(),
        Phase::Archived(_) => {
            let over = Why::new(Cause::InHistory, since);
            stuck(thing).into_iter().chain([over]).collect()
        }
        Phase::Deleting => vec![Why::new(Cause::Deleting, since)],
        Phase::Deleted => vec![Why::new(Cause::Deleted, since)],
    }
}

/// Whoever may approve now and has not.
fn open_users<'a>(task: &'a Present, review: &'a Review) -> impl Iterator<Item = &'a UserName> {
    task.assignment.users.iter().filter(|user| !review.approved.contains(user))
}

/// The last word of a person or of the watchdog about it, unless it was restarted since.
fn last_word(thing: &Thing, is_one: impl Fn(&task::Event) -> bool) -> Option<&RecordedEvent> {
    let last = thing.last(|event| {
        let Event::Task(happened) = &event.event else { return false };
        is_one(happened) || matches!(happened, task::Event::Restarted(Restarted { .. }))
    })?;
    let Event::Task(happened) = &last.event else { return None };
    is_one(happened).then_some(last)
}

fn by_hand(thing: &Thing) -> Option<Why> {
    let is_one = |event: &task::Event| {
        matches!(event, task::Event::Resolved(_) | task::Event::Reverted(_) | task::Event::MovedToHistory(_))
    };
    let event = last_word(thing, is_one)?;
    let Event::Task(task::Event::Resolved(Resolved { outcome, text, .. })) = &event.event else {
        return None;
    };
    let text = bounded(text, ERROR_TEXT_BYTES_MAX);
    Some(Why::new(Cause::SettledByHand { outcome: *outcome, text }, Some(event)))
}

/// What the watchdog did, as long as the task carries its warning.
fn stuck(thing: &Thing) -> Option<Why> {
    let is_one =
        |event: &task::Event| matches!(event, task::Event::Reverted(_) | task::Event::MovedToHistory(_));
    let event = last_word(thing, is_one)?;
    let Event::Task(happened) = &event.event else { return None };
    let cause = if let task::Event::Reverted(Reverted { from, to, since, threshold_ms, .. }) = happened {
        Cause::Stuck { from: *from, to: Some(*to), stuck_since: *since, threshold_ms: *threshold_ms }
    } else if let task::Event::MovedToHistory(MovedToHistory { from, since, threshold_ms }) = happened {
        Cause::Stuck { from: *from, to: None, stuck_since: *since, threshold_ms: *threshold_ms }
    } else {
        return None;
    };
    Some(Why::new(cause, Some(event)))
}

/// The approvals that a review waits for, the next one first.
pub(super) fn approvals(thing: &Thing, asker: Option<&UserName>) -> Vec<Remedy> {
    let (Subject::Task(id), domain::aggregate::Aggregate::Task(task)) = (&thing.subject, &thing.aggregate)
    else {
        return Vec::new();
    };
    let Some(task) = task.present() else { return Vec::new() };
    let Phase::Review(review) = &task.phase else { return Vec::new() };
    let mut users: Vec<UserName> = open_users(task, review).cloned().collect();
    if task.assignment.users.is_empty() {
        let anybody = || UserName::new("reviewer").expect("letters are a valid name");
        users.push(asker.cloned().unwrap_or_else(anybody));
    }
    if task.assignment.order == ReviewOrder::InSequence {
        users.truncate(1);
    }
    users.into_iter().map(|user| Remedy::Approve(*id, user)).collect()
}
