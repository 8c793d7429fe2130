//! Why work does not move, whosever it is: nobody has it, somebody has it, an attempt failed, it is done. Does not know what
//! a task does between its stages.

use domain::aggregate::Aggregate;
use domain::event::{Event, RecordedEvent};
use domain::names::{Scope, StorageUnitName};
use domain::storage_unit::{self, Limits, StorageUnit};
use domain::stream::Subject;
use domain::work::{self, Failed, Lease, Phase, Work};
use domain::work_id::WorkId;
use domain::{key_scope, workspace};

use super::facts::{Surroundings, Thing};
use super::{Cause, Remedy, Why, campaign};
use crate::views::{ERROR_TEXT_BYTES_MAX, bounded};
use crate::work_queue::{Gate, Standing};

/// The most items that one claim takes.
const CLAIM_ITEMS_MAX: usize = 1_000;

/// Of a key-scope.
pub(super) fn of_key_scope(thing: &Thing, work: &Work, around: &Surroundings) -> Vec<Why> {
    let Subject::KeyScope(id) = &thing.subject else { return Vec::new() };
    let mut causes = Vec::new();
    if let Some((cause, event)) = unit_gone(&id.unit, around) {
        causes.push(Why::new(cause, event));
    }
    let to_come = around.campaigns.iter().filter_map(campaign::first_cause);
    if work.phase == Phase::Idle {
        causes.extend(to_come);
        let withdrawn =
            |event: &RecordedEvent| matches!(event.event, Event::KeyScope(key_scope::Event::Withdrawn(_)));
        causes.push(Why::new(Cause::NeverAskedFor, thing.last(withdrawn)));
        return causes;
    }
    causes.extend(of_work(thing, id, work, around));
    if !work.is_open() {
        causes.extend(to_come);
    }
    causes
}

/// Of work at a place.
pub(super) fn of_work(thing: &Thing, place: &WorkId, work: &Work, around: &Surroundings) -> Vec<Why> {
    let since = thing.since.as_deref();
    match &work.phase {
        Phase::Idle => Vec::new(),
        Phase::Queued { .. } => of_queued(thing, place, work, around),
        Phase::Assigned(lease) => vec![Why::new(leased(lease, around), since)],
        Phase::Running(lease) => vec![Why::new(running(lease, around), since)],
        Phase::Finished => {
            let finished = thing.last_work(|event| matches!(event, work::Event::Finished(_)));
            vec![Why::new(Cause::Finished, finished)]
        }
        Phase::Failed { retry_at, .. } => {
            let failed = thing.last_work(|event| matches!(event, work::Event::Failed(_)));
            let Some(work::Event::Failed(Failed { code, text, failures, .. })) =
                failed.and_then(|event| event.event.work())
            else {
                return Vec::new();
            };
            let (code, text, failures) = (code.clone(), bounded(text, ERROR_TEXT_BYTES_MAX), *failures);
            let Some(until) = *retry_at else {
                return vec![Why::new(Cause::FailedForGood { code, text, failures }, failed)];
            };
            let backoff = Why::new(Cause::Backoff { until, code, text, failures }, failed);
            std::iter::once(backoff).chain(hold(thing, work)).collect()
        }
    }
}

fn leased(lease: &Lease, around: &Surroundings) -> Cause {
    let Lease { worker, until, attempt, .. } = lease.clone();
    Cause::Leased { worker, until, attempt, last_heartbeat: around.heard }
}

fn running(lease: &Lease, around: &Surroundings) -> Cause {
    let Lease { worker, until, attempt, .. } = lease.clone();
    Cause::Running { worker, until, attempt, last_heartbeat: around.heard }
}

fn hold(thing: &Thing, work: &Work) -> Option<Why> {
    let held = || thing.last_work(|event| matches!(event, work::Event::Held));
    work.held.then(|| Why::new(Cause::Held, held()))
}

/// Of work that waits: everything that keeps it from being claimed, or, when nothing does, its place in line.
fn of_queued(thing: &Thing, place: &WorkId, work: &Work, around: &Surroundings) -> Vec<Why> {
    let mut causes: Vec<Why> = hold(thing, work).into_iter().collect();
    causes.extend(gates(&place.unit, around));
    let since = thing.since.as_deref();
    let (unit, scope) = (place.unit.clone(), place.scope.clone());
    if around.workers.is_empty() {
        causes.push(Why::new(Cause::NoWorker { unit, scope }, since));
        return causes;
    }
    if !causes.is_empty() {
        return causes;
    }
    let cause = match &around.standing {
        Some(Standing::InLine { ahead, .. }) => Cause::WaitsInLine { unit, scope, ahead: *ahead },
        Some(Standing::Offered) => Cause::BeingClaimed,
        Some(Standing::Aside | Standing::Elsewhere) | None => Cause::WaitsInLine { unit, scope, ahead: 0 },
    };
    vec![Why::new(cause, since)]
}

/// That no lease is given at all.
pub(super) fn pause(around: &Surroundings) -> Option<Why> {
    let (reason, event) = around.pause()?;
    Some(Why::new(Cause::SystemPaused { reason }, Some(event)))
}

/// What keeps all work of a unit from being claimed.
pub(super) fn gates(unit: &StorageUnitName, around: &Surroundings) -> Vec<Why> {
    let mut causes: Vec<Why> = pause(around).into_iter().collect();
    let Some(Gate { enabled, in_flight, in_flight_max }) = around.gate else { return causes };
    let unit = unit.clone();
    if !enabled {
        let event = last_of_owner(around, |event| {
            if let Event::StorageUnit(storage_unit::Event::Created(settings)) = event {
                return !settings.queue_enabled;
            }
            matches!(event, Event::StorageUnit(storage_unit::Event::QueueDisabled))
        });
        causes.push(Why::new(Cause::QueueDisabled { unit: unit.clone() }, event));
    }
    if in_flight >= in_flight_max as usize {
        let event = last_of_owner(around, |event| {
            matches!(
                event,
                Event::StorageUnit(storage_unit::Event::LimitsSet(_) | storage_unit::Event::Created(_))
                    | Event::Workspace(_)
            )
        });
        causes.push(Why::new(Cause::InFlightLimit { unit, in_flight, in_flight_max }, event));
    }
    causes
}

fn last_of_owner(around: &Surroundings, holds: impl Fn(&Event) -> bool) -> Option<&RecordedEvent> {
    around.owner.as_ref()?.last(|event| holds(&event.event))
}

/// That the unit of some work is no longer there, and the event by which it went.
fn unit_gone<'a>(
    unit: &StorageUnitName,
    around: &'a Surroundings,
) -> Option<(Cause, Option<&'a RecordedEvent>)> {
    let owner = around.owner.as_ref()?;
    let Aggregate::StorageUnit(state) = &owner.aggregate else { return None };
    let dropped =
        |event: &RecordedEvent| matches!(event.event, Event::StorageUnit(storage_unit::Event::Dropped));
    let unit = unit.clone();
    match &**state {
        StorageUnit::Active(_) => None,
        StorageUnit::Absent => Some((Cause::UnitGone { unit }, owner.last(dropped))),
        StorageUnit::Clearing => Some((Cause::UnitClearing { unit }, owner.last(dropped))),
    }
}

// ── Remedies ───────────────────────────────────────────────────────────────────────────────────────────────────

/// A worker that takes this item and those before it; of a campaign, as many as are open.
pub(super) fn worker(unit: &StorageUnitName, scope: &Scope, around: &Surroundings) -> Remedy {
    let wanted = match (&around.standing, &around.row) {
        (Some(Standing::InLine { ahead, .. }), _) => ahead + 1,
        (_, Some(row)) => usize::try_from(campaign::open(row)).unwrap_or(CLAIM_ITEMS_MAX),
        (Some(Standing::Offered | Standing::Aside | Standing::Elsewhere) | None, None) => 1,
    };
    Remedy::Work { unit: unit.clone(), scope: scope.clone(), max: wanted.clamp(1, CLAIM_ITEMS_MAX) }
}

/// A limit of twice as much in flight.
pub(super) fn raised_limit(around: &Surroundings) -> Option<Remedy> {
    let owner = around.owner.as_ref()?;
    let raised = |limits: Limits| {
        let in_flight_max = limits.in_flight_max.saturating_mul(2);
        Limits { in_flight_max, ..limits }
    };
    if let (Subject::StorageUnit(name), Aggregate::StorageUnit(unit)) = (&owner.subject, &owner.aggregate) {
        return Some(Remedy::SetLimits(name.clone(), raised(unit.settings()?.limits)));
    }
    let (Subject::Workspace(id), Aggregate::Workspace(workspace)) = (&owner.subject, &owner.aggregate) else {
        return None;
    };
    let settings = workspace.settings()?.clone();
    let limits = raised(settings.limits);
    Some(Remedy::Configure(*id, Box::new(workspace::Settings { limits, ..settings })))
}
