//! Who is handed what, and who is left alone.

use domain::names::Key;
use domain::storage_unit::{self, Content, Limits, ModuleTable, Settings};
use domain::stream::{KeyScopeId, Position};
use domain::work::{self, Priority, Queued};
use domain::work_id::Happened;

use super::*;

fn unit(name: &str) -> StorageUnitName {
    StorageUnitName::new(name).unwrap()
}

/// A queue of units, each with so many items that wait.
fn queue_of(units: &[(&str, u64)]) -> WorkQueue {
    let mut queue = WorkQueue::default();
    for (name, items) in units {
        let settings = Settings {
            content: Content::Managed,
            modules: ModuleTable::default(),
            queue_enabled: true,
            limits: Limits::default(),
        };
        queue.apply_unit(&unit(name), &storage_unit::Event::Created(settings));
        for item in 0..*items {
            let (scope, key) = (Scope::new("raw").unwrap(), Key::new(item.to_string()).unwrap());
            let id = KeyScopeId { unit: unit(name), scope, key };
            let queued = Queued { campaign: None, priority: Priority::Normal, retry: false, failures: 0 };
            let event = work::Event::Queued(queued);
            queue.apply_work(&id, Happened::Work(&event), Position::row(item + 1));
        }
    }
    queue
}

fn serves(name: &'static str) -> Arc<Serves> {
    Arc::new(move |unit: &StorageUnitName, _: &Scope| name == "*" || unit.as_str() == name)
}

/// What somebody in line was handed, as `unit/key`.
fn handed(hand: &mut oneshot::Receiver<Vec<Candidate>>) -> Vec<String> {
    let offer = hand.try_recv().unwrap_or_default();
    offer.iter().map(|candidate| format!("{}/{}", candidate.id.unit, candidate.id.key)).collect()
}

#[test]
fn whoever_came_first_is_handed_what_there_is_and_the_rest_sleep_on() {
    let mut waiters = Waiters::default();
    let mut hands: Vec<_> = (0..5)
        .map(|_| {
            let ticket = waiters.ticket();
            waiters.join(ticket, 1, serves("*"))
        })
        .collect();
    assert_eq!(waiters.serve(&mut queue_of(&[("u", 2)])), 2);
    let offers: Vec<_> = hands.iter_mut().map(handed).collect();
    assert_eq!(offers[..2], [["u/0"], ["u/1"]]);
    assert!(offers[2..].iter().all(Vec::is_empty) && waiters.len() == 3);
}

#[test]
fn nobody_is_woken_for_what_they_do_not_serve() {
    let mut waiters = Waiters::default();
    let (first, second) = (waiters.ticket(), waiters.ticket());
    let mut not_mine = waiters.join(first, 10, serves("other"));
    let mut mine = waiters.join(second, 10, serves("u"));
    let mut queue = queue_of(&[("u", 3)]);
    assert_eq!(waiters.serve(&mut queue), 1);
    assert_eq!((handed(&mut mine).len(), handed(&mut not_mine).len(), waiters.len()), (3, 0, 1));
}

#[test]
fn what_somebody_who_has_gone_would_have_got_goes_to_the_next_in_line() {
    let mut waiters = Waiters::default();
    let (first, second) = (waiters.ticket(), waiters.ticket());
    drop(waiters.join(first, 10, serves("*")));
    let mut present = waiters.join(second, 10, serves("*"));
    assert_eq!(waiters.serve(&mut queue_of(&[("u", 2)])), 1);
    assert_eq!(handed(&mut present), ["u/0", "u/1"]);
}

#[test]
fn whoever_comes_back_stands_where_it_stood() {
    let mut waiters = Waiters::default();
    let (first, second) = (waiters.ticket(), waiters.ticket());
    let mut later = waiters.join(second, 1, serves("*"));
    let mut back = waiters.join(first, 1, serves("*"));
    assert_eq!(waiters.serve(&mut queue_of(&[("u", 1)])), 1);
    assert_eq!((handed(&mut back).len(), handed(&mut later).len()), (1, 0));
}

#[test]
fn whoever_left_is_handed_nothing() {
    let mut waiters = Waiters::default();
    let ticket = waiters.ticket();
    let mut hand = waiters.join(ticket, 1, serves("*"));
    waiters.leave(ticket);
    let mut queue = queue_of(&[("u", 1)]);
    assert_eq!((waiters.serve(&mut queue), queue.waiting()), (0, 1));
    assert!(handed(&mut hand).is_empty());
}
