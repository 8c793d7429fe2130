//! What the work queue offers, to whom, and in which order.

use domain::names::{CampaignId, Key, Scope, StorageUnitName, WorkerId};
use domain::storage_unit::{Content, ModuleTable};
use domain::stream::KeyScopeId;
use domain::time::Timestamp;
use domain::work::{Assigned, Event, Finished, Queued, UnassignCause, Unassigned};

use super::*;

fn unit(name: &str) -> StorageUnitName {
    StorageUnitName::new(name).unwrap()
}

fn id(unit_name: &str, key: &str) -> KeyScopeId {
    KeyScopeId { unit: unit(unit_name), scope: Scope::new("s").unwrap(), key: Key::new(key).unwrap() }
}

fn queue_of(units: &[(&str, u32)]) -> WorkQueue {
    let mut queue = WorkQueue::default();
    for (name, in_flight_max) in units {
        let created = storage_unit::Event::Created(Settings {
            content: Content::Managed,
            modules: ModuleTable::default(),
            queue_enabled: true,
            limits: Limits { in_flight_max: *in_flight_max, ..Limits::default() },
        });
        queue.apply_unit(&unit(name), &created);
    }
    queue
}

fn happens(queue: &mut WorkQueue, id: &KeyScopeId, event: Event, at: u64) -> bool {
    queue.apply_work(id, Happened::Work(&event), Position::row(at))
}

fn queued(priority: Priority) -> Event {
    Event::Queued(Queued { campaign: None::<CampaignId>, priority, retry: false, failures: 0 })
}

fn assigned() -> Event {
    let worker = WorkerId::new("w").unwrap();
    Event::Assigned(Assigned { worker, until: Timestamp::from_micros(1), attempt: 1 })
}

fn take(queue: &mut WorkQueue, max: usize) -> Vec<String> {
    let candidates = queue.take(max, &|_, _| true);
    candidates.iter().map(|candidate| format!("{}/{}", candidate.id.unit, candidate.id.key)).collect()
}

#[test]
fn priority_goes_before_age_and_age_before_youth() {
    let mut queue = queue_of(&[("u", 10)]);
    for (at, key, priority) in [
        (1, "low", Priority::Low),
        (2, "old", Priority::Normal),
        (3, "high", Priority::High),
        (4, "new", Priority::Normal),
    ] {
        happens(&mut queue, &id("u", key), queued(priority), at);
    }
    assert_eq!(take(&mut queue, 10), ["u/high", "u/old", "u/new", "u/low"]);
}

#[test]
fn the_stages_of_a_workspaces_tasks_are_queues_like_any_other() {
    let mut queue = WorkQueue::default();
    let workspace = WorkspaceId::new(7).unwrap();
    let settings = serde_json::json!({ "display_name": "w", "limits": { "in_flight_max": 1 } });
    let settings: workspace::Settings = serde_json::from_value(settings).unwrap();
    queue.apply_workspace(workspace, &workspace::Event::Created(settings.clone()));
    let stage = domain::task::Stage::Recognition;
    let place = |task| {
        let queue = domain::task::StageQueue { workspace, stage };
        queue.place(domain::names::TaskId::new(task).unwrap())
    };
    assert!(happens(&mut queue, &place(1), queued(Priority::Normal), 1));
    happens(&mut queue, &place(2), queued(Priority::High), 2);
    assert_eq!(take(&mut queue, 2), ["task/7/2"]);
    happens(&mut queue, &place(2), assigned(), 3);
    let limits = Limits { in_flight_max: 2, ..settings.limits };
    let wider = workspace::Settings { limits, ..settings };
    assert!(queue.apply_workspace(workspace, &workspace::Event::Configured(wider)));
    assert_eq!(take(&mut queue, 2), ["task/7/1"]);
    // A restart takes the lease away; there is room again.
    assert!(queue.apply_work(&place(2), Happened::Withdrawn, Position::row(4)));
    assert_eq!(queue.taken(&place(1).unit), [place(1)]);
}

#[test]
fn a_full_unit_does_not_keep_another_one_waiting() {
    let mut queue = queue_of(&[("full", 100), ("late", 100)]);
    for number in 0..50 {
        happens(&mut queue, &id("full", &format!("{number:02}")), queued(Priority::Normal), number);
    }
    happens(&mut queue, &id("late", "only"), queued(Priority::Low), 99);
    assert_eq!(take(&mut queue, 3), ["full/00", "late/only", "full/01"]);
}

#[test]
fn a_disabled_unit_offers_nothing_until_it_is_enabled() {
    let mut queue = queue_of(&[("u", 10)]);
    happens(&mut queue, &id("u", "a"), queued(Priority::Normal), 1);
    queue.apply_unit(&unit("u"), &storage_unit::Event::QueueDisabled);
    assert!(take(&mut queue, 1).is_empty());
    assert!(
        queue.apply_unit(&unit("u"), &storage_unit::Event::QueueEnabled),
        "somebody who waits must look again"
    );
    assert_eq!(take(&mut queue, 1), ["u/a"]);
}

#[test]
fn no_more_than_in_flight_max_are_leased_or_offered_at_once() {
    let mut queue = queue_of(&[("u", 2)]);
    for (at, key) in [(1, "a"), (2, "b"), (3, "c")] {
        happens(&mut queue, &id("u", key), queued(Priority::Normal), at);
    }
    assert_eq!(take(&mut queue, 10), ["u/a", "u/b"]);
    happens(&mut queue, &id("u", "a"), assigned(), 4);
    assert!(take(&mut queue, 10).is_empty());
    let finished = Finished {
        attempt: 1,
        campaign: None,
        digest: domain::digest::Digest([0; 32]),
        change: work::Change::First,
        outputs: Vec::new(),
    };
    assert!(happens(&mut queue, &id("u", "a"), Event::Finished(finished), 5), "there is room again");
    assert_eq!(take(&mut queue, 10), ["u/c"]);
}

#[test]
fn what_is_given_back_waits_where_it_waited() {
    let mut queue = queue_of(&[("u", 10)]);
    happens(&mut queue, &id("u", "a"), queued(Priority::Normal), 1);
    happens(&mut queue, &id("u", "b"), queued(Priority::Normal), 2);
    let first = queue.take(1, &|_, _| true).remove(0);
    queue.give_back(first);
    assert_eq!(take(&mut queue, 2), ["u/a", "u/b"]);
}

#[test]
fn what_was_taken_back_meanwhile_is_offered_once_and_only_once() {
    let mut queue = queue_of(&[("u", 10)]);
    happens(&mut queue, &id("u", "a"), queued(Priority::Normal), 1);
    let offered = queue.take(1, &|_, _| true).remove(0);
    happens(&mut queue, &id("u", "a"), assigned(), 2);
    let reset = Unassigned { attempt: 1, cause: UnassignCause::Reset };
    happens(&mut queue, &id("u", "a"), Event::Unassigned(reset), 3);
    // Whoever was offered it hears of its refusal only now.
    queue.discard(&offered);
    assert_eq!(take(&mut queue, 10), ["u/a"]);
    assert!(take(&mut queue, 10).is_empty());
}

#[test]
fn held_work_is_back_where_it_waited_once_it_is_released() {
    let mut queue = queue_of(&[("u", 10)]);
    happens(&mut queue, &id("u", "a"), queued(Priority::High), 1);
    happens(&mut queue, &id("u", "b"), queued(Priority::Normal), 2);
    happens(&mut queue, &id("u", "a"), Event::Held, 3);
    let offered = queue.take(1, &|_, _| true).remove(0);
    queue.park(&offered);
    assert_eq!(take(&mut queue, 1), ["u/b"]);
    assert!(happens(&mut queue, &id("u", "a"), Event::Released, 4), "somebody who waits must look again");
    assert_eq!(take(&mut queue, 10), ["u/a"]);
}

#[test]
fn work_that_is_released_before_its_refusal_arrives_is_not_parked() {
    let mut queue = queue_of(&[("u", 10)]);
    happens(&mut queue, &id("u", "a"), queued(Priority::Normal), 1);
    happens(&mut queue, &id("u", "a"), Event::Held, 2);
    let offered = queue.take(1, &|_, _| true).remove(0);
    happens(&mut queue, &id("u", "a"), Event::Released, 3);
    queue.park(&offered);
    assert_eq!(take(&mut queue, 10), ["u/a"]);
}

#[test]
fn taken_back_work_keeps_its_priority() {
    let mut queue = queue_of(&[("u", 10)]);
    happens(&mut queue, &id("u", "urgent"), queued(Priority::High), 1);
    take(&mut queue, 1);
    happens(&mut queue, &id("u", "urgent"), assigned(), 2);
    happens(&mut queue, &id("u", "other"), queued(Priority::Normal), 3);
    let expired = Unassigned { attempt: 1, cause: UnassignCause::LeaseExpired };
    happens(&mut queue, &id("u", "urgent"), Event::Unassigned(expired), 4);
    assert_eq!(take(&mut queue, 2), ["u/urgent", "u/other"]);
}

#[test]
fn only_served_scopes_are_offered() {
    let mut queue = queue_of(&[("u", 10)]);
    happens(&mut queue, &id("u", "a"), queued(Priority::Normal), 1);
    assert!(queue.take(1, &|_, scope| scope.as_str() == "other").is_empty());
    assert_eq!(queue.waiting(), 1);
}

#[test]
fn a_dropped_unit_offers_nothing() {
    let mut queue = queue_of(&[("u", 10)]);
    happens(&mut queue, &id("u", "a"), queued(Priority::Normal), 1);
    queue.apply_unit(&unit("u"), &storage_unit::Event::Dropped);
    assert!(take(&mut queue, 1).is_empty());
    assert_eq!(queue.waiting(), 0);
}

#[test]
fn a_paused_system_offers_nothing_until_it_is_resumed() {
    let mut queue = queue_of(&[("u", 10)]);
    happens(&mut queue, &id("u", "a"), queued(Priority::Normal), 1);
    let paused = system::Event::Paused(system::Paused { reason: "why not".to_owned() });
    assert!(!queue.apply_system(&paused));
    happens(&mut queue, &id("u", "b"), queued(Priority::High), 2);
    assert!(take(&mut queue, 10).is_empty());
    assert!(!queue.has_claimable(), "nobody is woken for it");
    assert_eq!(queue.waiting(), 2, "it waits");
    assert_eq!(depths(&queue), ["u 2 0 0 -"], "and has no age");
    assert!(queue.apply_system(&system::Event::Resumed), "somebody who waits must look again");
    assert_eq!(take(&mut queue, 10), ["u/b", "u/a"]);
}

#[test]
fn a_queue_that_is_restored_while_the_system_is_paused_offers_nothing() {
    let mut queue = queue_of(&[("u", 10)]);
    queue.restore_paused(true);
    queue.restore_waiting(&id("u", "a"), (Priority::Normal, Position::row(1)));
    assert!(take(&mut queue, 10).is_empty());
}

/// `waiting leased held oldest` of each queue.
fn depths(queue: &WorkQueue) -> Vec<String> {
    let oldest = |depth: &QueueDepth| depth.oldest_claimable.map_or("-".to_owned(), |at| at.to_string());
    queue
        .depths()
        .iter()
        .map(|it| format!("{} {} {} {} {}", it.unit, it.waiting, it.leased, it.held, oldest(it)))
        .collect()
}

#[test]
fn the_oldest_claimable_entry_is_the_oldest_of_all_priorities() {
    let mut queue = queue_of(&[("u", 10), ("v", 10)]);
    happens(&mut queue, &id("u", "low"), queued(Priority::Low), 1);
    happens(&mut queue, &id("u", "high"), queued(Priority::High), 2);
    happens(&mut queue, &id("v", "a"), queued(Priority::Normal), 3);
    assert_eq!(depths(&queue), ["u 2 0 0 1", "v 1 0 0 3"]);
    assert_eq!(take(&mut queue, 2), ["u/high", "v/a"]);
    assert_eq!(depths(&queue), ["u 1 1 0 1", "v 0 1 0 -"]);
    happens(&mut queue, &id("u", "low"), assigned(), 4);
    assert_eq!(depths(&queue)[0], "u 1 2 0 -", "somebody took it past the queue");
}

#[test]
fn what_nobody_may_claim_has_no_age() {
    let mut queue = queue_of(&[("u", 10)]);
    happens(&mut queue, &id("u", "held"), queued(Priority::Normal), 1);
    happens(&mut queue, &id("u", "free"), queued(Priority::Normal), 2);
    happens(&mut queue, &id("u", "held"), Event::Held, 3);
    assert_eq!(depths(&queue), ["u 2 0 0 2"]);
    queue.apply_unit(&unit("u"), &storage_unit::Event::QueueDisabled);
    assert_eq!(depths(&queue), ["u 2 0 0 -"]);
    queue.apply_unit(&unit("u"), &storage_unit::Event::QueueEnabled);
    let held = queue.take(1, &|_, _| true).remove(0);
    queue.park(&held);
    assert_eq!(depths(&queue), ["u 1 0 1 2"]);
    happens(&mut queue, &id("u", "held"), Event::Released, 4);
    assert_eq!(depths(&queue), ["u 2 0 0 1"], "released work is as old as it was");
    queue.restore_held(&id("u", "held"));
    queue.apply_work(&id("u", "held"), Happened::Withdrawn, Position::row(5));
    happens(&mut queue, &id("u", "held"), queued(Priority::High), 6);
    happens(&mut queue, &id("u", "free"), assigned(), 7);
    assert_eq!(take(&mut queue, 1), ["u/held"], "a hold does not outlive what it lay over");
}
