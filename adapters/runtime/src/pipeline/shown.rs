//! What storage units and workspaces are, for whoever asks: nearly every request needs their settings, and asking the
//! pipeline for them takes two wake-ups. Does not know what is asked.
//!
//! The task that owns the aggregates shows here what it has, and takes it away before an append changes it. So what is
//! shown reflects everything that was acknowledged, and everything that any reader can have seen in the log.

use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};

use domain::aggregate::Aggregate;
use domain::stream::{StreamId, Subject};

use super::Inspected;
use super::cache::Entry;

/// How many are shown before all of them have to be asked for again.
const SHOWN_MAX: usize = 10_000;

/// The states that are shown.
#[derive(Clone, Default)]
pub(super) struct Shown(Arc<RwLock<HashMap<Subject, Arc<Inspected>>>>);

impl Shown {
    /// The state of a thing; nothing when it is not shown, and the pipeline has to be asked.
    pub(super) fn of(&self, subject: &Subject) -> Option<Arc<Inspected>> {
        if !matches!(subject, Subject::StorageUnit(_) | Subject::Workspace(_)) {
            return None;
        }
        self.0.read().unwrap_or_else(PoisonError::into_inner).get(subject).cloned()
    }

    /// Shows a state as it is in the log, if it is one of those that are shown.
    pub(super) fn show(&self, stream: &StreamId, entry: &Entry) {
        let Some(subject) = shown(stream, entry) else { return };
        let inspected =
            Inspected { aggregate: entry.aggregate.clone(), organization: entry.organization.clone() };
        let mut states = self.0.write().unwrap_or_else(PoisonError::into_inner);
        if states.len() >= SHOWN_MAX {
            states.clear();
        }
        states.insert(subject, Arc::new(inspected));
    }

    /// Takes a state away that is about to change.
    pub(super) fn hide(&self, stream: &StreamId, entry: &Entry) {
        let Some(subject) = shown(stream, entry) else { return };
        self.0.write().unwrap_or_else(PoisonError::into_inner).remove(&subject);
    }
}

fn shown(stream: &StreamId, entry: &Entry) -> Option<Subject> {
    match &entry.aggregate {
        Aggregate::StorageUnit(_) | Aggregate::Workspace(_) => Subject::try_from(stream).ok(),
        Aggregate::KeyScope(_)
        | Aggregate::Record(_)
        | Aggregate::Campaign(_)
        | Aggregate::Task(_)
        | Aggregate::Batch(_)
        | Aggregate::ExternalId(_)
        | Aggregate::Ids(_)
        | Aggregate::System(_)
        | Aggregate::ApiKey(_)
        | Aggregate::Access(_) => None,
    }
}
