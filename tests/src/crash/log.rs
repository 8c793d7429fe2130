//! What every log must pass, whatever happened to those who wrote it. Does not know what was asked for.

use std::collections::HashSet;
use std::sync::Arc;

use domain::aggregate::Aggregate;
use domain::envelope::Command;
use domain::event::{Event, RecordedEvent};
use domain::key_scope;
use domain::stream::{StreamId, Subject};
use domain::work;

use super::book::Index;
use crate::place::work_event;

/// Checks that positions grow, versions have no gap, no event is there twice and the time never goes back; and that
/// each command, decided again on what its stream was, gives the events that are recorded with it.
///
/// # Panics
/// When something of that is not so.
pub fn assert_sound(log: &[Arc<RecordedEvent>]) {
    assert!(log.is_sorted_by(|one, next| one.position < next.position), "positions grow");
    assert!(log.is_sorted_by_key(|event| event.metadata.recorded_at), "the time never goes back");
    let ids: HashSet<_> = log.iter().map(|event| event.id).collect();
    assert_eq!(ids.len(), log.len(), "no event is there twice");
    for (stream, events) in Index::of(log).streams() {
        assert!(events.iter().map(|event| event.version.0).eq(0..events.len() as u64), "{stream} has a gap");
        assert_decided(stream, events);
    }
}

fn assert_decided(stream: &StreamId, events: &[&RecordedEvent]) {
    let subject = Subject::try_from(stream).expect("a stream of a known kind");
    let mut state = Aggregate::initial(&subject);
    for append in events.chunk_by(|one, next| one.metadata.command_id == next.metadata.command_id) {
        let first = append.first().expect("a chunk is not empty");
        let recorded = first.metadata.command.as_ref().expect("an append's first event has its command");
        let command = Command::from_recorded(subject.clone(), recorded).expect("a command of this kind");
        let decided = state.decide(&command, first.metadata.recorded_at);
        let there: Vec<Event> = append.iter().map(|event| event.event.clone()).collect();
        assert_eq!(decided.as_ref(), Ok(&there), "{stream} at version {}", first.version);
        for event in append {
            state = state.evolve(&event.event, event.version).expect("what was decided can follow");
        }
    }
}

/// How often a key-scope was to be run, and how often a run came to its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Runs {
    /// Runs that were asked for: first ones and restarts.
    pub asked: usize,
    /// Runs that finished, or failed with no attempt left.
    pub ended: usize,
    /// Attempts that were started.
    pub attempts: usize,
    /// Attempts that were taken back from their worker.
    pub taken_back: usize,
    /// Results that came too late.
    pub late: usize,
}

/// The runs of a key-scope, from its events.
#[must_use]
pub fn runs(events: &[&RecordedEvent]) -> Runs {
    let mut runs = Runs::default();
    for event in events {
        match work_event(&event.event) {
            Some(work::Event::Queued(queued)) => runs.asked += usize::from(!queued.retry),
            Some(work::Event::Restarted(_)) => runs.asked += 1,
            Some(work::Event::Finished(_)) => runs.ended += 1,
            Some(work::Event::Failed(failed)) => runs.ended += usize::from(failed.retry_at.is_none()),
            Some(work::Event::Assigned(_)) => runs.attempts += 1,
            Some(work::Event::Unassigned(_)) => runs.taken_back += 1,
            Some(work::Event::LateResultRefused(_)) => runs.late += 1,
            Some(
                work::Event::ProcessStarted(_)
                | work::Event::LeaseExtended(_)
                | work::Event::RequeueRequested(_)
                | work::Event::Held
                | work::Event::Released,
            )
            | None => {}
        }
    }
    runs
}

/// The events of every key-scope.
pub fn key_scopes<'a, 'i>(
    index: &'i Index<'a>,
) -> impl Iterator<Item = (&'a StreamId, &'i [&'a RecordedEvent])> {
    index.streams().filter(|(_, events)| {
        events.first().is_some_and(|event| {
            matches!(
                &event.event,
                Event::KeyScope(key_scope::Event::Work(_) | key_scope::Event::Withdrawn(_))
            )
        })
    })
}
