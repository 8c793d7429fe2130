//! One round of a batch: what each command records, given what those before it made of its stream.
//!
//! A round has at most one append per stream. The store takes appends independently of each other, so a second one
//! could come to lie behind what another process wrote in place of the first. For the same reason a claim waits for the
//! round after when the system is paused or resumed in this one: leases follow from what is in the log, not from what
//! may yet fail to get there. It does not know the store.

use std::sync::Arc;

use domain::aggregate::{Aggregate, Refusal};
use domain::envelope::Envelope;
use domain::event::{Event, Metadata};
use domain::names::OrganizationId;
use domain::ports::{Append, NewEvent};
use domain::stream::{ExpectedVersion, StreamId, Subject, Version};
use domain::time::Timestamp;

use super::cache::Entry;
use super::flight::Pending;
use super::loading::{States, Streams};
use super::{Inspected, Message, SubmitError};

/// What is decided together and handed to the store at once.
pub(super) struct Round {
    /// What the streams are once all appends have succeeded.
    pub(super) states: States,
    pub(super) decided: Vec<Decided>,
    pub(super) appends: Vec<Append>,
    /// What has to wait for the round after, in its order.
    pub(super) later: Vec<Pending>,
    now: Timestamp,
    /// Whether nothing is decided but what was decided elsewhere.
    is_standby: bool,
    /// The streams that have an append in this round.
    pub(super) written: Streams,
    /// The streams of which something has to wait, so that everything after it waits as well.
    waiting: Streams,
    /// The stream that says whether leases may be given.
    system: StreamId,
}

/// A command that was decided and now waits for the store.
pub(super) struct Decided {
    pub(super) pending: Pending,
    /// Its place among the appends; nothing when it recorded nothing.
    pub(super) append: Option<usize>,
    pub(super) version: Option<Version>,
    pub(super) outcome: Result<Vec<Event>, SubmitError>,
    pub(super) inspected: Option<Inspected>,
}

/// What a command makes of its stream.
struct Step {
    next: Entry,
    append: Append,
}

impl Round {
    pub(super) fn new(states: States, now: Timestamp, is_standby: bool) -> Self {
        Self {
            states,
            decided: Vec::new(),
            appends: Vec::new(),
            later: Vec::new(),
            now,
            is_standby,
            written: Streams::default(),
            waiting: Streams::default(),
            system: Subject::System.stream(),
        }
    }

    /// Decides a command, or lets it wait for the round after.
    pub(super) fn take(&mut self, pending: Pending) {
        if self.waiting.contains(&pending.stream) {
            self.later.push(pending);
            return;
        }
        match self.decide(pending) {
            Ok(decided) => self.decided.push(decided),
            Err(second) => {
                self.waiting.insert(second.stream.clone());
                self.later.push(second);
            }
        }
    }

    /// Whether a lease may be given.
    fn permit_dispatch(&self) -> Result<(), SubmitError> {
        match self.states.get(&self.system) {
            Some(Ok(Entry { aggregate: Aggregate::System(system), .. })) => {
                system.permit_dispatch().map_err(|refusal| SubmitError::Refused(refusal.into()))
            }
            Some(Ok(_)) => Err(SubmitError::Refused(Refusal::WrongKind)),
            Some(Err(error)) => Err(error.clone()),
            None => Err(SubmitError::Stopping),
        }
    }

    /// Decides a command; gives it back when it would be the second on its stream to record something, or when it
    /// follows from something that this round records.
    fn decide(&mut self, pending: Pending) -> Result<Decided, Pending> {
        let unchanged = |pending, version, outcome, inspected| {
            Ok(Decided { pending, append: None, version, outcome, inspected })
        };
        if pending.dispatches() {
            if self.written.contains(&self.system) {
                return Err(pending);
            }
            if let Err(error) = self.permit_dispatch() {
                return unchanged(pending, None, Err(error), None);
            }
        }
        let entry = match self.states.get_mut(&pending.stream) {
            Some(Ok(entry)) => entry,
            Some(Err(error)) => {
                let error = error.clone();
                return unchanged(pending, None, Err(error), None);
            }
            None => return unchanged(pending, None, Err(SubmitError::Stopping), None),
        };
        let version = entry.version;
        let envelope = match &pending.message {
            Message::Submit(submission, _) => &submission.envelope,
            Message::Inspect(..) => {
                let (aggregate, organization) = (entry.aggregate.clone(), entry.organization.clone());
                let inspected = Inspected { aggregate, organization };
                return unchanged(pending, version, Ok(Vec::new()), Some(inspected));
            }
        };
        if self.is_standby && envelope.decided_at.is_none() {
            return unchanged(pending, version, Err(SubmitError::Standby), None);
        }
        match step(entry, envelope, &pending.stream, envelope.decided_at.unwrap_or(self.now)) {
            Ok(None) => unchanged(pending, version, Ok(Vec::new()), None),
            Ok(Some(_)) if self.written.contains(&pending.stream) => Err(pending),
            Ok(Some(Step { next, append })) => {
                *entry = next;
                let version = entry.version;
                let events = append.events.iter().map(|new| new.event.clone()).collect();
                self.written.insert(pending.stream.clone());
                self.appends.push(append);
                let append = Some(self.appends.len() - 1);
                Ok(Decided { pending, append, version, outcome: Ok(events), inspected: None })
            }
            Err(error) => unchanged(pending, version, Err(error), None),
        }
    }
}

/// Decides a command; nothing when it records nothing.
fn step(
    entry: &Entry,
    envelope: &Envelope,
    stream: &StreamId,
    now: Timestamp,
) -> Result<Option<Step>, SubmitError> {
    let organization = match (&entry.organization, &envelope.organization) {
        (Some(its), Some(asking)) if its != asking => return Err(SubmitError::OtherOrganization),
        (Some(organization), Some(_) | None) | (None, Some(organization)) => organization.clone(),
        (None, None) => OrganizationId::default_organization(),
    };
    let events = entry.aggregate.decide(&envelope.command, now)?;
    if events.is_empty() {
        return Ok(None);
    }
    let expected = ExpectedVersion::after(entry.version);
    let mut version = expected.next();
    let mut next =
        Entry { aggregate: entry.aggregate.clone(), version: None, organization: Some(organization.clone()) };
    for event in &events {
        let evolved = next.aggregate.evolve(event, version);
        next.aggregate =
            evolved.map_err(|error| SubmitError::Corrupt(format!("stream {stream}: {error}")))?;
        next.version = Some(version);
        version = version.next();
    }
    let metadata = metadata(envelope, organization, now)?;
    let new = |(index, event)| NewEvent { id: envelope.id.event_id(index), event };
    let events = (0_u16..).zip(events).map(new).collect();
    let append = Append { stream: stream.clone(), expected, events, metadata: Arc::new(metadata) };
    Ok(Some(Step { next, append }))
}

fn metadata(
    envelope: &Envelope,
    organization: OrganizationId,
    now: Timestamp,
) -> Result<Metadata, SubmitError> {
    let command = envelope.command.record().map_err(|error| SubmitError::Rejected(error.to_string()))?;
    Ok(Metadata {
        recorded_at: now,
        command_id: envelope.id,
        idempotency_key: envelope.idempotency_key.clone(),
        command: Some(command),
        actor: envelope.actor.clone(),
        reason: envelope.reason.clone(),
        causation_id: envelope.causation_id,
        correlation_id: envelope.correlation_id,
        organization,
    })
}
