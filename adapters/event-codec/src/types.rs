//! The table of stored types: name, schema version, and the event that it stands for.
//!
//! A name is written once and never changed or used again for something else. The table at the end is the only place
//! to touch for a new event; leaving one out is a compiler error, since the match over events has no wildcard.

use domain::event::Event;
use domain::{
    access, api_key, batch, campaign, external_id, ids, key_scope, record, storage_unit, system, task, work,
    workspace,
};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// The names and the newest schema versions of all stored types.
pub fn stored_types() -> impl Iterator<Item = (&'static str, u16)> {
    EventType::ALL.iter().map(|event_type| (event_type.name(), event_type.schema()))
}

/// The payload of an event whose name says everything: `{}`.
#[derive(Serialize, Deserialize)]
struct Nothing {}

/// What happened to the work of a task's stage: the queue that the work lies in, and what happened, side by side.
#[derive(Serialize, Deserialize)]
struct InQueue<Q, P> {
    #[serde(flatten)]
    queue: Q,
    #[serde(flatten)]
    payload: P,
}

/// The payload as the table names it, or [`Nothing`]: as a pattern and as an expression.
macro_rules! payload {
    () => {
        Nothing {}
    };
    ($payload:ident) => {
        $payload
    };
    ($queue:ident $payload:ident) => {
        InQueue { queue: $queue, payload: $payload }
    };
}

/// Turns the table into the functions over it. The form after `=>` serves as the pattern that recognizes the event and
/// as the expression that builds it.
macro_rules! stored_types {
    ($($type:ident = $name:literal, $schema:literal $(, $payload:ident)* => ($($event:tt)+);)+) => {
        /// A stored type.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub(crate) enum EventType {
            $($type,)+
        }

        impl EventType {
            /// Every stored type.
            pub(crate) const ALL: &[Self] = &[$(Self::$type,)+];

            /// The stored name.
            pub(crate) const fn name(self) -> &'static str {
                match self {
                    $(Self::$type => $name,)+
                }
            }

            /// The newest schema version, which is the one that is written.
            pub(crate) const fn schema(self) -> u16 {
                match self {
                    $(Self::$type => $schema,)+
                }
            }

            /// The type of this stored name.
            pub(crate) fn from_name(name: &str) -> Option<Self> {
                match name {
                    $($name => Some(Self::$type),)+
                    _ => None,
                }
            }

            /// The type under which this event is stored.
            pub(crate) const fn of(event: &Event) -> Self {
                #[expect(unused_variables, reason = "the table names the payload for the functions below")]
                match event {
                    $($($event)+ => Self::$type,)+
                }
            }
        }

        /// Writes the payload of an event in the newest schema version.
        pub(crate) fn write<S: Serializer>(event: &Event, serializer: S) -> Result<S::Ok, S::Error> {
            match event {
                $($($event)+ => payload!($($payload)*).serialize(serializer),)+
            }
        }

        /// Reads a payload of the newest schema version.
        pub(crate) fn read<'de, D: Deserializer<'de>>(
            event_type: EventType,
            deserializer: D,
        ) -> Result<Event, D::Error> {
            match event_type {
                $(EventType::$type => {
                    let payload!($($payload)*) = Deserialize::deserialize(deserializer)?;
                    Ok($($event)+)
                })+
            }
        }
    };
}

stored_types! {
    StorageUnitCreated = "storage_unit.created", 1, it => (Event::StorageUnit(storage_unit::Event::Created(it)));
    StorageUnitContentSet = "storage_unit.content_set", 1, it => (Event::StorageUnit(storage_unit::Event::ContentSet(it)));
    StorageUnitModulesSet = "storage_unit.modules_set", 1, it => (Event::StorageUnit(storage_unit::Event::ModulesSet(it)));
    StorageUnitQueueEnabled = "storage_unit.queue_enabled", 1 => (Event::StorageUnit(storage_unit::Event::QueueEnabled));
    StorageUnitQueueDisabled = "storage_unit.queue_disabled", 1 => (Event::StorageUnit(storage_unit::Event::QueueDisabled));
    StorageUnitLimitsSet = "storage_unit.limits_set", 1, it => (Event::StorageUnit(storage_unit::Event::LimitsSet(it)));
    StorageUnitQueueReset = "storage_unit.queue_reset", 1 => (Event::StorageUnit(storage_unit::Event::QueueReset));
    StorageUnitDropped = "storage_unit.dropped", 1 => (Event::StorageUnit(storage_unit::Event::Dropped));
    StorageUnitCleared = "storage_unit.cleared", 1 => (Event::StorageUnit(storage_unit::Event::Cleared));

    KeyScopeQueued = "key_scope.queued", 1, it => (Event::KeyScope(key_scope::Event::Work(work::Event::Queued(it))));
    KeyScopeAssigned = "key_scope.assigned", 1, it => (Event::KeyScope(key_scope::Event::Work(work::Event::Assigned(it))));
    KeyScopeProcessStarted = "key_scope.process_started", 1, it => (Event::KeyScope(key_scope::Event::Work(work::Event::ProcessStarted(it))));
    KeyScopeLeaseExtended = "key_scope.lease_extended", 1, it => (Event::KeyScope(key_scope::Event::Work(work::Event::LeaseExtended(it))));
    KeyScopeFinished = "key_scope.finished", 1, it => (Event::KeyScope(key_scope::Event::Work(work::Event::Finished(it))));
    KeyScopeFailed = "key_scope.failed", 1, it => (Event::KeyScope(key_scope::Event::Work(work::Event::Failed(it))));
    KeyScopeUnassigned = "key_scope.unassigned", 1, it => (Event::KeyScope(key_scope::Event::Work(work::Event::Unassigned(it))));
    KeyScopeRestarted = "key_scope.restarted", 1, it => (Event::KeyScope(key_scope::Event::Work(work::Event::Restarted(it))));
    KeyScopeRequeueRequested = "key_scope.requeue_requested", 1, it => (Event::KeyScope(key_scope::Event::Work(work::Event::RequeueRequested(it))));
    KeyScopeHeld = "key_scope.held", 1 => (Event::KeyScope(key_scope::Event::Work(work::Event::Held)));
    KeyScopeReleased = "key_scope.released", 1 => (Event::KeyScope(key_scope::Event::Work(work::Event::Released)));
    KeyScopeLateResultRefused = "key_scope.late_result_refused", 1, it => (Event::KeyScope(key_scope::Event::Work(work::Event::LateResultRefused(it))));
    KeyScopeWithdrawn = "key_scope.withdrawn", 1, it => (Event::KeyScope(key_scope::Event::Withdrawn(it)));

    RecordScopeWritten = "record.scope_written", 1, it => (Event::Record(record::Event::ScopeWritten(it)));
    RecordScopeDeleted = "record.scope_deleted", 1, it => (Event::Record(record::Event::ScopeDeleted(it)));
    RecordDeleted = "record.deleted", 1 => (Event::Record(record::Event::Deleted));

    CampaignTargetsPinned = "campaign.targets_pinned", 2, it => (Event::Campaign(campaign::Event::TargetsPinned(it)));
    CampaignTargetsAbandoned = "campaign.targets_abandoned", 1 => (Event::Campaign(campaign::Event::TargetsAbandoned));
    CampaignStarted = "campaign.started", 3, it => (Event::Campaign(campaign::Event::Started(it)));
    CampaignTargetsCounted = "campaign.targets_counted", 1, it => (Event::Campaign(campaign::Event::TargetsCounted(it)));
    CampaignAdvanced = "campaign.advanced", 1, it => (Event::Campaign(campaign::Event::Advanced(it)));
    CampaignExhausted = "campaign.exhausted", 1 => (Event::Campaign(campaign::Event::Exhausted));
    CampaignListingFailed = "campaign.listing_failed", 1, it => (Event::Campaign(campaign::Event::ListingFailed(it)));
    CampaignCanaryPassed = "campaign.canary_passed", 1, it => (Event::Campaign(campaign::Event::CanaryPassed(it)));
    CampaignCanaryStopped = "campaign.canary_stopped", 1, it => (Event::Campaign(campaign::Event::CanaryStopped(it)));
    CampaignCanaryOverruled = "campaign.canary_overruled", 1 => (Event::Campaign(campaign::Event::CanaryOverruled));
    CampaignPaceSet = "campaign.pace_set", 1, it => (Event::Campaign(campaign::Event::PaceSet(it)));
    CampaignPaused = "campaign.paused", 1 => (Event::Campaign(campaign::Event::Paused));
    CampaignResumed = "campaign.resumed", 1 => (Event::Campaign(campaign::Event::Resumed));
    CampaignCancelled = "campaign.cancelled", 1 => (Event::Campaign(campaign::Event::Cancelled));
    CampaignCompleted = "campaign.completed", 1 => (Event::Campaign(campaign::Event::Completed));
    TaskCreated = "task.created", 1, it => (Event::Task(task::Event::Created(it)));
    TaskQueued = "task.queued", 1, queue, it => (Event::Task(task::Event::Work(queue, work::Event::Queued(it))));
    TaskAssigned = "task.assigned", 1, queue, it => (Event::Task(task::Event::Work(queue, work::Event::Assigned(it))));
    TaskProcessStarted = "task.process_started", 1, queue, it => (Event::Task(task::Event::Work(queue, work::Event::ProcessStarted(it))));
    TaskLeaseExtended = "task.lease_extended", 1, queue, it => (Event::Task(task::Event::Work(queue, work::Event::LeaseExtended(it))));
    TaskFinished = "task.finished", 1, queue, it => (Event::Task(task::Event::Work(queue, work::Event::Finished(it))));
    TaskFailed = "task.failed", 1, queue, it => (Event::Task(task::Event::Work(queue, work::Event::Failed(it))));
    TaskUnassigned = "task.unassigned", 1, queue, it => (Event::Task(task::Event::Work(queue, work::Event::Unassigned(it))));
    TaskWorkRestarted = "task.work_restarted", 1, queue, it => (Event::Task(task::Event::Work(queue, work::Event::Restarted(it))));
    TaskRequeueRequested = "task.requeue_requested", 1, queue, it => (Event::Task(task::Event::Work(queue, work::Event::RequeueRequested(it))));
    TaskHeld = "task.held", 1, queue => (Event::Task(task::Event::Work(queue, work::Event::Held)));
    TaskReleased = "task.released", 1, queue => (Event::Task(task::Event::Work(queue, work::Event::Released)));
    TaskLateResultRefused = "task.late_result_refused", 1, queue, it => (Event::Task(task::Event::Work(queue, work::Event::LateResultRefused(it))));
    TaskStageEntered = "task.stage_entered", 1, it => (Event::Task(task::Event::StageEntered(it)));
    TaskReviewOpened = "task.review_opened", 1, it => (Event::Task(task::Event::ReviewOpened(it)));
    TaskApproved = "task.approved", 1, it => (Event::Task(task::Event::Approved(it)));
    TaskReviewCompleted = "task.review_completed", 1, it => (Event::Task(task::Event::ReviewCompleted(it)));
    TaskArchived = "task.archived", 1 => (Event::Task(task::Event::Archived));
    TaskEdited = "task.edited", 1, it => (Event::Task(task::Event::Edited(it)));
    TaskUsersAssigned = "task.users_assigned", 1, it => (Event::Task(task::Event::UsersAssigned(it)));
    TaskRestarted = "task.restarted", 1, it => (Event::Task(task::Event::Restarted(it)));
    TaskResolved = "task.resolved", 1, it => (Event::Task(task::Event::Resolved(it)));
    TaskReverted = "task.reverted", 1, it => (Event::Task(task::Event::Reverted(it)));
    TaskMovedToHistory = "task.moved_to_history", 1, it => (Event::Task(task::Event::MovedToHistory(it)));
    TaskExternalIntegrationStatusSet = "task.external_integration_status_set", 1, it => (Event::Task(task::Event::ExternalIntegrationStatusSet(it)));
    TaskDeletionRequested = "task.deletion_requested", 1, it => (Event::Task(task::Event::DeletionRequested(it)));
    TaskDeleted = "task.deleted", 1 => (Event::Task(task::Event::Deleted));
    WorkspaceCreated = "workspace.created", 1, it => (Event::Workspace(workspace::Event::Created(it)));
    WorkspaceConfigured = "workspace.configured", 1, it => (Event::Workspace(workspace::Event::Configured(it)));
    BatchCreated = "batch.created", 1, it => (Event::Batch(batch::Event::Created(it)));
    ExternalIdClaimed = "external_id.claimed", 1, it => (Event::ExternalId(external_id::Event::Claimed(it)));
    IdsBlockAllocated = "ids.block_allocated", 1, it => (Event::Ids(ids::Event::BlockAllocated(it)));

    SystemPaused = "system.paused", 1, it => (Event::System(system::Event::Paused(it)));
    SystemResumed = "system.resumed", 1 => (Event::System(system::Event::Resumed));
    ApiKeyIssued = "api_key.issued", 1, it => (Event::ApiKey(api_key::Event::Issued(it)));
    ApiKeyRotated = "api_key.rotated", 1, it => (Event::ApiKey(api_key::Event::Rotated(it)));
    ApiKeyRevoked = "api_key.revoked", 1 => (Event::ApiKey(api_key::Event::Revoked));

    AccessRefused = "access.refused", 1, it => (Event::Access(access::Event::Refused(it)));
}
