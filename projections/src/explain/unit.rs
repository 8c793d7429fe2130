//! Why the work of a storage unit, or the tasks of a workspace, do not move. Does not know its items one by one.

use domain::event::{Event, RecordedEvent};
use domain::names::StorageUnitName;
use domain::storage_unit::{self, Settings, StorageUnit};
use domain::stream::Subject;

use super::facts::{Surroundings, Thing};
use super::{Cause, Remedy, Why, work};
use crate::work_queue::Gate;

/// Why it is where it is.
pub(super) fn causes(thing: &Thing, unit: &StorageUnit, around: &Surroundings) -> Vec<Why> {
    let Subject::StorageUnit(name) = &thing.subject else { return Vec::new() };
    let since = thing.since.as_deref();
    match unit {
        StorageUnit::Absent => vec![Why::new(Cause::UnitGone { unit: name.clone() }, since)],
        StorageUnit::Clearing => vec![Why::new(Cause::UnitClearing { unit: name.clone() }, since)],
        StorageUnit::Active(_) => active(name, around),
    }
}

/// Why the tasks of a workspace are where they are.
pub(super) fn of_workspace(thing: &Thing, around: &Surroundings) -> Vec<Why> {
    let Subject::Workspace(id) = thing.subject else { return Vec::new() };
    active(&StorageUnitName::of_tasks(id), around)
}

fn active(name: &StorageUnitName, around: &Surroundings) -> Vec<Why> {
    let mut causes = work::gates(name, around);
    for queue in around.queues.iter().filter(|queue| queue.waiting > 0 && queue.workers == 0) {
        let (unit, scope) = (name.clone(), queue.scope.clone());
        causes.push(Why::new(Cause::NoWorker { unit, scope }, None));
    }
    if causes.is_empty() {
        let waiting = around.queues.iter().map(|queue| queue.waiting).sum();
        let in_flight = around.gate.map_or(0, |Gate { in_flight, .. }| in_flight);
        causes.push(Why::new(Cause::QueuesOpen { unit: name.clone(), waiting, in_flight }, None));
    }
    causes
}

/// The unit as it was before it was dropped.
pub(super) fn as_it_was(name: &StorageUnitName, owner: &Thing) -> Option<Remedy> {
    let is_dropped =
        |event: &RecordedEvent| matches!(event.event, Event::StorageUnit(storage_unit::Event::Dropped));
    let end = owner.history.iter().rposition(|event| is_dropped(event))?;
    let mut unit = StorageUnit::default();
    for event in owner.history.get(..end)? {
        let Event::StorageUnit(happened) = &event.event else { return None };
        unit = unit.evolve(happened).ok()?;
    }
    let settings: Settings = unit.settings()?.clone();
    Some(Remedy::CreateUnit(name.clone(), Box::new(settings)))
}
