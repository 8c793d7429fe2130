//! Which problem each error is, variant by variant: a new variant is a compiler error here.

use axum::http::StatusCode;
use domain::aggregate::Refusal;
use domain::ports::{ContentError, ReadError};
use domain::{
    api_key, batch, campaign, external_id, ids, record, storage_unit, system, task, work, workspace,
};
use projections::read_model::ReadModelError;
use runtime::{DocumentError, RebuildError, SubmitError};

use super::Problem;

impl From<SubmitError> for Problem {
    fn from(error: SubmitError) -> Self {
        match error {
            SubmitError::Refused(refusal) => refusal.into(),
            SubmitError::KeyReused(_) => Self::invalid("idempotency_key_reused", error),
            SubmitError::OtherOrganization => Self::not_found("not_found", error),
            SubmitError::Overloaded { .. } => Self::try_later("overloaded", error),
            SubmitError::Contended => Self::try_later("contended", error),
            SubmitError::Unavailable(_) => Self::try_later("store_unavailable", error),
            SubmitError::Rejected(_) => Self::invalid("store_rejected", error),
            SubmitError::TooManyKeys { .. } => Self::invalid("too_many_keys", error),
            SubmitError::Corrupt(_) => Self::broken("log_damaged", error),
            SubmitError::Standby => Self::try_later("standby", error),
            SubmitError::Stopping => Self::try_later("stopping", error),
        }
    }
}

impl From<Refusal> for Problem {
    fn from(refusal: Refusal) -> Self {
        match refusal {
            Refusal::StorageUnit(refusal) => refusal.into(),
            Refusal::Work(refusal) => refusal.into(),
            Refusal::Record(refusal) => refusal.into(),
            Refusal::Campaign(refusal) => refusal.into(),
            Refusal::Task(refusal) => refusal.into(),
            Refusal::Workspace(refusal) => refusal.into(),
            Refusal::Batch(refusal) => refusal.into(),
            Refusal::ExternalId(refusal) => refusal.into(),
            Refusal::Ids(refusal) => refusal.into(),
            Refusal::System(refusal) => refusal.into(),
            Refusal::ApiKey(refusal) => refusal.into(),
            Refusal::WrongKind => Self::broken("wrong_kind", refusal),
        }
    }
}

impl From<storage_unit::Refusal> for Problem {
    fn from(refusal: storage_unit::Refusal) -> Self {
        match refusal {
            storage_unit::Refusal::AlreadyExists => Self::conflict("storage_unit_exists", refusal),
            storage_unit::Refusal::DoesNotExist => Self::not_found("storage_unit_not_found", refusal),
            storage_unit::Refusal::StillClearing => Self::conflict("storage_unit_clearing", refusal),
            storage_unit::Refusal::TooManyModules => Self::invalid("too_many_modules", refusal),
            storage_unit::Refusal::NothingBeforeFirst { .. } => {
                Self::invalid("no_module_before_first", refusal)
            }
            storage_unit::Refusal::LimitOutOfRange { .. } => Self::invalid("limit_out_of_range", refusal),
        }
    }
}

impl From<work::Refusal> for Problem {
    fn from(refusal: work::Refusal) -> Self {
        match refusal {
            work::Refusal::NotQueued { .. } => Self::conflict("not_queued", refusal),
            work::Refusal::OnHold => Self::conflict("on_hold", refusal),
            work::Refusal::LeaseGone { .. } => Self::conflict("lease_gone", refusal),
            work::Refusal::LeaseLength { .. } => Self::invalid("lease_length", refusal),
            work::Refusal::NeverQueued => Self::conflict("never_queued", refusal),
        }
    }
}

impl From<record::Refusal> for Problem {
    fn from(refusal: record::Refusal) -> Self {
        match refusal {
            record::Refusal::NewerVersionExists { .. } => Self::conflict("newer_version_exists", refusal),
            record::Refusal::KeyExists => Self::conflict("key_exists", refusal),
            record::Refusal::NothingToDelete => Self::not_found("nothing_to_delete", refusal),
            record::Refusal::TooManyScopes => Self::invalid("too_many_scopes", refusal),
        }
    }
}

impl From<campaign::Refusal> for Problem {
    fn from(refusal: campaign::Refusal) -> Self {
        match refusal {
            campaign::Refusal::AlreadyExists => Self::conflict("campaign_exists", refusal),
            campaign::Refusal::DoesNotExist => {
                Self::not_found("campaign_not_found", format!("{refusal}; GET /v1/campaigns lists them"))
            }
            campaign::Refusal::Over { .. } => Self::conflict("campaign_over", refusal),
            campaign::Refusal::CursorMoved => Self::conflict("cursor_moved", refusal),
            campaign::Refusal::NotExhausted => Self::conflict("campaign_not_exhausted", refusal),
            campaign::Refusal::StillPinning => Self::conflict("campaign_pinning", refusal),
            campaign::Refusal::NotPinned => Self::conflict("campaign_not_pinned", refusal),
            campaign::Refusal::PinsMoved => Self::conflict("pins_moved", refusal),
            campaign::Refusal::TargetsChanged { .. } => Self::conflict("targets_changed", refusal),
            campaign::Refusal::CanaryNotSettled => Self::conflict("canary_not_settled", refusal),
            campaign::Refusal::CanaryUndecided => Self::conflict("canary_undecided", refusal),
            campaign::Refusal::CanarySize => Self::invalid("canary_size", refusal),
            campaign::Refusal::CanaryOverTasks => Self::invalid("canary_over_tasks", refusal),
            campaign::Refusal::PaceZero { .. } => Self::invalid("pace_zero", refusal),
        }
    }
}

impl From<task::Refusal> for Problem {
    fn from(refusal: task::Refusal) -> Self {
        match refusal {
            task::Refusal::AlreadyExists => Self::conflict("task_exists", refusal),
            task::Refusal::DoesNotExist => Self::not_found("task_not_found", refusal),
            task::Refusal::Gone { .. } => Self::conflict("task_gone", refusal),
            task::Refusal::InHistory { .. } => Self::conflict("task_in_history", refusal),
            task::Refusal::NotInReview { .. } => Self::conflict("not_in_review", refusal),
            task::Refusal::NotAssigned { .. } => Self::conflict("not_assigned", refusal),
            task::Refusal::NotTheirTurn { .. } => Self::conflict("not_their_turn", refusal),
            task::Refusal::WrongAssignment { .. } => Self::invalid("wrong_assignment", refusal),
            task::Refusal::TooLarge { .. } => Self::invalid("too_large", refusal),
            task::Refusal::TooManyEdits => Self::invalid("too_many_edits", refusal),
            task::Refusal::NothingToRun { .. } => Self::conflict("nothing_to_run", refusal),
            task::Refusal::NotByItself => Self::conflict("not_by_itself", refusal),
            task::Refusal::WrongPolicy { .. } => Self::invalid("wrong_policy", refusal),
            task::Refusal::Work(refusal) => refusal.into(),
        }
    }
}

impl From<workspace::Refusal> for Problem {
    fn from(refusal: workspace::Refusal) -> Self {
        match refusal {
            workspace::Refusal::AlreadyExists => Self::conflict("workspace_exists", refusal),
            workspace::Refusal::DoesNotExist => Self::not_found("workspace_not_found", refusal),
            workspace::Refusal::NoWebhook => Self::invalid("no_webhook", refusal),
            workspace::Refusal::OutOfRange { .. } => Self::invalid("out_of_range", refusal),
        }
    }
}

impl From<batch::Refusal> for Problem {
    fn from(refusal: batch::Refusal) -> Self {
        match refusal {
            batch::Refusal::AlreadyExists => Self::conflict("batch_exists", refusal),
            batch::Refusal::DescriptionTooLong { .. } => Self::invalid("too_large", refusal),
        }
    }
}

impl From<external_id::Refusal> for Problem {
    fn from(refusal: external_id::Refusal) -> Self {
        match refusal {
            external_id::Refusal::Taken { .. } => Self::conflict("external_id_taken", refusal),
        }
    }
}

impl From<ids::Refusal> for Problem {
    fn from(refusal: ids::Refusal) -> Self {
        match refusal {
            ids::Refusal::BlockSize { .. } => Self::invalid("block_size", refusal),
            ids::Refusal::Exhausted => Self::broken("ids_exhausted", refusal),
        }
    }
}

impl From<system::Refusal> for Problem {
    fn from(refusal: system::Refusal) -> Self {
        match refusal {
            system::Refusal::ReasonMissing => Self::invalid("reason_missing", refusal),
            system::Refusal::ReasonTooLong { .. } => Self::invalid("invalid_reason", refusal),
            system::Refusal::AlreadyPaused { .. } => Self::conflict("already_paused", refusal),
            system::Refusal::DispatchingPaused { .. } => Self::conflict("dispatching_paused", refusal),
        }
    }
}

impl From<api_key::Refusal> for Problem {
    fn from(refusal: api_key::Refusal) -> Self {
        match refusal {
            api_key::Refusal::AlreadyExists => Self::conflict("key_exists", refusal),
            api_key::Refusal::DoesNotExist => {
                Self::not_found("key_not_found", format!("{refusal}; GET /v1/keys lists them"))
            }
            api_key::Refusal::Revoked => Self::conflict("key_revoked", refusal),
            api_key::Refusal::Expired { .. } => Self::conflict("key_expired", refusal),
            api_key::Refusal::ExpiresInThePast { .. } => Self::invalid("expires_in_the_past", refusal),
            api_key::Refusal::GraceTooLong => Self::invalid("grace_too_long", refusal),
        }
    }
}

impl From<DocumentError> for Problem {
    fn from(error: DocumentError) -> Self {
        match error {
            DocumentError::NoUnit => Self::not_found("storage_unit_not_found", error),
            DocumentError::Content(error) => error.into(),
            DocumentError::Submit(error) => error.into(),
            DocumentError::Read(error) => error.into(),
        }
    }
}

impl From<ContentError> for Problem {
    fn from(error: ContentError) -> Self {
        match error {
            ContentError::NotFound { .. } => Self::not_found("content_not_found", error),
            ContentError::TooLarge { .. } => {
                Self::new(StatusCode::PAYLOAD_TOO_LARGE, "content_too_large", error)
            }
            ContentError::Outside(_) => Self::invalid("key_outside", error),
            ContentError::Location(_) => Self::invalid("content_location", error),
            ContentError::Storage(_) => Self::try_later("content_unavailable", error),
        }
    }
}

impl From<ReadModelError> for Problem {
    fn from(error: ReadModelError) -> Self {
        match error {
            ReadModelError::Unavailable(_) => Self::try_later("read_model_unavailable", error),
            ReadModelError::Damaged(_) => Self::broken("read_model_damaged", error),
            ReadModelError::UnknownView(_) => {
                Self::not_found("projection_not_found", format!("{error}; GET /v1/projections lists them"))
            }
            ReadModelError::BadCursor => Self::new(StatusCode::BAD_REQUEST, "bad_cursor", error),
        }
    }
}

impl From<ReadError> for Problem {
    fn from(error: ReadError) -> Self {
        match error {
            ReadError::Unavailable(_) => Self::try_later("store_unavailable", error),
            ReadError::Corrupt { .. } => Self::broken("log_damaged", error),
        }
    }
}

impl From<RebuildError> for Problem {
    fn from(error: RebuildError) -> Self {
        match error {
            RebuildError::ReadModel(error) => error.into(),
            RebuildError::Store(error) => error.into(),
        }
    }
}
