//! The place of a piece of work: under which name the queue, the timers, leases and workers find it, whosever it is.
//! Does not know how work is queued or leased.
//!
//! A key-scope's place is its own id. The stage that a task is in has the place unit `task/<workspace>`, scope
//! `<stage>`, key `<task id>`, so whoever serves key-scopes serves tasks with the very same code.

use crate::event::{Event, RecordedEvent};
use crate::key_scope;
use crate::names::TaskId;
use crate::stream::{KeyScopeId, Subject};
use crate::task::{self, Stage};
use crate::work;

/// The place of a piece of work.
pub type WorkId = KeyScopeId;

impl WorkId {
    /// Whose work it is.
    #[must_use]
    pub fn subject(&self) -> Subject {
        match self.task_stage() {
            Some((task, _)) => Subject::Task(task),
            None => Subject::KeyScope(self.clone()),
        }
    }

    /// The task and the stage, when it is the work of one.
    #[must_use]
    pub fn task_stage(&self) -> Option<(TaskId, Stage)> {
        self.unit.workspace()?;
        Some((self.key.as_str().parse().ok()?, Stage::from_name(self.scope.as_str())?))
    }
}

/// What happened at a place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Happened<'event> {
    /// Something of the lifecycle.
    Work(&'event work::Event),
    /// The work is gone, whoever had it: its storage unit was dropped, or its task goes another way.
    Withdrawn,
}

/// What an event says about a piece of work, and where that is; nothing when it says nothing about any.
#[must_use]
pub fn happened(recorded: &RecordedEvent) -> Option<(WorkId, Happened<'_>)> {
    match &recorded.event {
        Event::KeyScope(event) => {
            let Ok(Subject::KeyScope(id)) = Subject::try_from(&recorded.stream) else { return None };
            let happened = match event {
                key_scope::Event::Work(event) => Happened::Work(event),
                key_scope::Event::Withdrawn(_) => Happened::Withdrawn,
            };
            Some((id, happened))
        }
        Event::Task(event) => {
            let Ok(Subject::Task(id)) = Subject::try_from(&recorded.stream) else { return None };
            if let task::Event::Work(queue, event) = event {
                return Some((queue.place(id), Happened::Work(event)));
            }
            event.withdrawn().map(|queue| (queue.place(id), Happened::Withdrawn))
        }
        Event::StorageUnit(_)
        | Event::Record(_)
        | Event::Campaign(_)
        | Event::Workspace(_)
        | Event::Batch(_)
        | Event::ExternalId(_)
        | Event::Ids(_)
        | Event::System(_)
        | Event::ApiKey(_)
        | Event::Access(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::envelope::Command;
    use crate::names::{Key, Scope, StorageUnitName, WorkspaceId};
    use crate::task::StageQueue;

    #[test]
    fn the_place_of_a_stage_leads_back_to_its_task() {
        let task = TaskId::new(104).unwrap();
        let queue = StageQueue { workspace: WorkspaceId::new(7).unwrap(), stage: Stage::Recognition };
        let place = queue.place(task);
        let names = (place.unit.as_str(), place.scope.as_str(), place.key.as_str());
        assert_eq!(names, ("task/7", "recognition", "104"));
        assert_eq!((place.subject(), place.task_stage()), (Subject::Task(task), Some((task, queue.stage))));
        let command = work::Command::ExpireLease;
        let expected = task::Command::Work { stage: queue.stage, command: command.clone() };
        assert_eq!(Command::work(place, command), Command::Task(task, expected));
    }

    #[test]
    fn the_place_of_a_key_scope_is_the_key_scope_whatever_it_is_called() {
        let unit = StorageUnitName::new("task").unwrap();
        let (scope, key) = (Scope::new("recognition").unwrap(), Key::new("104").unwrap());
        let id = KeyScopeId { unit, scope, key };
        assert_eq!(id.subject(), Subject::KeyScope(id));
    }
}
