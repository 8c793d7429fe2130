//! What is due on a fork by itself: leases that run out, backoffs that end and stuck tasks, each at its time there. Does not
//! know what the log brings.

use super::Fork;
use super::twin::Twin;
use crate::envelope::Command;
use crate::stream::{StreamId, Subject};
use crate::task::Seen;
use crate::time::Timestamp;

use super::super::changes::asked;

impl Fork {
    /// Sets the timer of a thing.
    pub(super) fn set_timer(&mut self, stream: &StreamId, twin: &Twin, now: Timestamp) {
        let stuck = self.watch(stream, twin, now);
        let due = twin.apart().and_then(super::Apart::due);
        let next = [stuck, due].into_iter().flatten().min();
        if next.is_some() || twin.apart().is_some() || !self.changes.stuck.is_empty() {
            self.timers.set(stream, next);
        }
    }

    /// When a task is stuck under the changed policy, if it has a status for which there is a line.
    fn watch(&mut self, stream: &StreamId, twin: &Twin, now: Timestamp) -> Option<Timestamp> {
        if self.changes.stuck.is_empty() {
            return None;
        }
        let task = twin.thing()?.aggregate.task()?;
        let (status, version) = (task.status(), task.status_version);
        let seen = self.watched.get(stream).filter(|(before, at, _)| (*before, *at) == (status, version));
        let since = seen.map_or(now, |(_, _, since)| *since);
        self.watched.insert(stream.clone(), (status, version, since));
        let policy = self.changes.policy(status).filter(|_| !task.held)?;
        Some(since.plus(policy.threshold_ms))
    }

    /// Fires what is due before an instant, each at its time.
    pub(super) fn fire_before(&mut self, end: Timestamp) {
        while let Some((at, stream)) = self.timers.take_before(end) {
            self.fire(&stream, at);
        }
    }

    fn fire(&mut self, stream: &StreamId, at: Timestamp) {
        let Some(twin) = self.things.remove(stream) else { return };
        let due = self.due_commands(stream, &twin);
        let decided = twin.thing().and_then(|thing| {
            due.into_iter().find_map(|command| {
                let events = (self.decide)(&thing.aggregate, &command, at).ok()?;
                (!events.is_empty()).then_some(events)
            })
        });
        let Some(events) = decided else {
            self.things.insert(stream.clone(), twin);
            return;
        };
        self.counts.timers += 1;
        let before = twin.own_events();
        let twin = twin.by_timer(stream, events, at, self.position);
        self.events += twin.own_events().saturating_sub(before);
        self.put(stream, twin, at);
    }

    /// What a timer of a thing may ask for; the thing decides whether anything follows.
    fn due_commands(&self, stream: &StreamId, twin: &Twin) -> Vec<Command> {
        let Ok(subject) = Subject::try_from(stream) else { return Vec::new() };
        let mut commands = Vec::new();
        if let Twin::Apart(apart) = twin {
            commands.extend(apart.timer_commands(subject.clone()));
        }
        if let (Subject::Task(id), Some((status, version, since))) = (&subject, self.watched.get(stream))
            && let Some(policy) = self.changes.policy(*status)
        {
            let seen =
                Seen { status: *status, version: *version, since: *since, threshold_ms: policy.threshold_ms };
            commands.push(Command::Task(*id, asked(policy, seen)));
        }
        commands
    }
}
