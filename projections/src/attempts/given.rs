//! What attempts were given when they were leased: the modules that were set for their queue then, and what there was to
//! work on. A pure function of the events of the thing and of what lies around it. Does not know where these are read from.

use std::collections::BTreeMap;
use std::sync::Arc;

use domain::aggregate::{Aggregate, CorruptHistory};
use domain::digest::Digest;
use domain::event::{Event, RecordedEvent};
use domain::names::{ModuleName, Scope};
use domain::storage_unit::{self, ModuleEntry};
use domain::stream::{Position, Subject, Version};
use domain::task::Stage;
use domain::{record, work, workspace};
use serde::{Deserialize, Serialize};

use super::{Attempt, attempts};

/// What an attempt was given, as of its lease.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Given {
    /// The modules of its queue, in the order in which they run; none where whoever claims says what is done.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub modules: Vec<ModuleName>,
    /// Which modules these are: the version of the storage unit or workspace that set them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub modules_version: Option<Version>,
    /// Of a key-scope: the digest of the document. Nothing where the engine does not keep it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub document: Option<Digest>,
    /// Of a task: what the stages before had made last.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub outputs: BTreeMap<Stage, Digest>,
}

impl Given {
    /// Whether nothing is known of it.
    #[must_use]
    pub fn is_unknown(&self) -> bool {
        *self == Self::default()
    }
}

/// What lies around a key-scope or task.
#[derive(Debug, Clone, Default)]
pub struct Around {
    /// The events of its storage unit or workspace.
    pub owner: Vec<Arc<RecordedEvent>>,
    /// The events of the record that a key-scope is a scope of.
    pub record: Vec<Arc<RecordedEvent>>,
}

/// The attempts of one key-scope or task, oldest first, each with what it was given. Takes its whole stream, from the first
/// event on, up to any event.
///
/// # Errors
/// [`CorruptHistory`] when no decisions can have led to the stream.
pub fn attempts_given(
    stream: &[Arc<RecordedEvent>],
    around: &Around,
) -> Result<Vec<Attempt>, CorruptHistory> {
    let mut attempts = attempts(stream);
    let subject = stream.first().and_then(|first| Subject::try_from(&first.stream).ok());
    let Some(subject) = subject else { return Ok(attempts) };
    let mut state = Aggregate::initial(&subject);
    let mut ungiven = attempts.iter_mut();
    for event in stream {
        if matches!(event.event.work(), Some(work::Event::Assigned(_)))
            && let Some(attempt) = ungiven.next()
        {
            attempt.given = given(&subject, attempt.stage, &state, event.position, around);
        }
        state = state.evolve(&event.event, event.version)?;
    }
    Ok(attempts)
}

fn given(subject: &Subject, stage: Option<Stage>, state: &Aggregate, at: Position, around: &Around) -> Given {
    let scope = if let Subject::KeyScope(id) = subject { Some(&id.scope) } else { None };
    let before = |event: &&Arc<RecordedEvent>| event.position < at;
    let mut set = around.owner.iter().rev().skip_while(|event| !before(event));
    let set = set.find_map(|event| Some((event.version, modules(&event.event, scope, stage)?)));
    let (modules_version, modules) =
        set.map_or((None, Vec::new()), |(version, names)| (Some(version), names));
    let mut given = Given { modules, modules_version, ..Given::default() };
    if let Some(scope) = scope {
        let events = around.record.iter().take_while(before);
        given.document = events.fold(None, |known, event| document(known, &event.event, scope));
    }
    if let Aggregate::Task(task) = state
        && let Some(present) = task.present()
    {
        let last = |(stage, outputs): (&Stage, &Vec<work::Output>)| Some((*stage, outputs.last()?.digest));
        given.outputs = present.made.iter().filter_map(last).collect();
    }
    given
}

/// The modules that an event set for a queue; nothing when it set none.
fn modules(event: &Event, scope: Option<&Scope>, stage: Option<Stage>) -> Option<Vec<ModuleName>> {
    let names = |entries: Option<&Vec<ModuleEntry>>| {
        entries.into_iter().flatten().map(|entry| entry.module.clone()).collect()
    };
    let of_unit = |table: &storage_unit::ModuleTable| Some(names(table.modules.get(scope?)));
    let of_workspace = |settings: &workspace::Settings| Some(names(settings.modules.get(&stage?)));
    if let Event::StorageUnit(storage_unit::Event::Created(settings)) = event {
        return of_unit(&settings.modules);
    }
    if let Event::StorageUnit(storage_unit::Event::ModulesSet(table)) = event {
        return of_unit(table);
    }
    let Event::Workspace(workspace::Event::Created(settings) | workspace::Event::Configured(settings)) =
        event
    else {
        return None;
    };
    of_workspace(settings)
}

/// The document of a scope after an event of its record.
fn document(known: Option<Digest>, event: &Event, scope: &Scope) -> Option<Digest> {
    let Event::Record(event) = event else { return known };
    match event {
        record::Event::ScopeWritten(written) if written.scope == *scope => Some(written.stored.digest),
        record::Event::ScopeWritten(written) => known.filter(|_| !written.overwrote),
        record::Event::ScopeDeleted(deleted) => known.filter(|_| deleted.scope != *scope),
        record::Event::Deleted => None,
    }
}
