//! What StageR calls answer: messages and codes, and which of the engine's errors means which code.
//! Does not know any call.

#[cfg(test)]
mod tests;

use axum::Json;
use axum::http::StatusCode;
use axum::http::header::RETRY_AFTER;
use axum::response::{IntoResponse, Response};
use domain::aggregate::Refusal;
use domain::ports::ContentError;
use domain::{campaign, record, storage_unit};
use projections::read_model::ReadModelError;
use runtime::{DocumentError, SubmitError};
use serde::Serialize;

use crate::problem::{Problem, sentence};

/// After how many seconds a caller may try again when the engine cannot answer now.
const RETRY_AFTER_SECONDS: &str = "1";

// ── Success ────────────────────────────────────────────────────────────────────────────────────────────────────

/// The answer of a call that returns no data (`reference/stager.md` §2).
#[derive(Debug, Serialize)]
pub(super) struct Outcome {
    message: &'static str,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    errors: Vec<ItemError>,
}

/// What became of one item of a request with many (`reference/stager.md` §4, newest shape of `report`).
#[derive(Debug, Serialize)]
pub(super) struct ItemError {
    /// The item's key with its zone, or as it was sent when it is not a key; nothing when none could be read.
    pub(super) key: Option<String>,
    /// Why.
    pub(super) error: Code,
    /// Which line, counted from 1, when no key could be read.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) line: Option<usize>,
}

impl Outcome {
    /// Everything was done.
    pub(super) const fn ok() -> Json<Self> {
        Json(Self { message: "OK", errors: Vec::new() })
    }

    /// Everything was done but for these items; status 200 (`reference/stager.md` §2).
    pub(super) fn except(errors: Vec<ItemError>) -> Json<Self> {
        if errors.is_empty() { Self::ok() } else { Json(Self { message: "COMPLETED_WITH_ERRORS", errors }) }
    }

    /// The same without saying which items.
    pub(super) fn without_report(self) -> Json<Self> {
        Json(Self { errors: Vec::new(), ..self })
    }
}

// ── Failure ────────────────────────────────────────────────────────────────────────────────────────────────────

/// A code as it stands in `message` and in an item's `error`, in upper case.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub(super) enum Code {
    // Documented in `reference/stager.md` §2.
    StorageUnitExists,
    StorageUnitDoesntExist,
    KeyNotFound,
    NewerVersionAlreadyExists,
    NewMergePolicyError,
    // Ours: input that cannot be understood.
    InvalidStorageUnitName,
    InvalidKey,
    InvalidScope,
    InvalidPath,
    InvalidParameter,
    InvalidHeader,
    InvalidJson,
    InvalidBody,
    InvalidVersion,
    InvalidPolicy,
    InvalidAction,
    NoKeys,
    TooManyKeys,
    BodyTooLarge,
    BodyTooSlow,
    // Ours: who asks, and how often.
    Unauthorized,
    Forbidden,
    TooManyRequests,
    HeadersTooLarge,
    // Ours: what cannot be done.
    StorageUnitReadOnly,
    ScopeRequired,
    NoModules,
    TooManyModules,
    TooManyScopes,
    ContentTooLarge,
    ContentLocationUnusable,
    Refused,
    Unavailable,
    InternalError,
}

/// The answer of a call that was not carried out.
#[derive(Debug)]
pub(super) struct Failure {
    pub(super) status: StatusCode,
    pub(super) code: Code,
    /// What to do, as a sentence; nothing for the documented codes, whose body is documented.
    detail: Option<String>,
}

impl Failure {
    /// A documented domain error: 400, and a body of nothing but the code.
    pub(super) const fn documented(code: Code) -> Self {
        Self { status: StatusCode::BAD_REQUEST, code, detail: None }
    }

    /// A domain error of ours: 400, the code, and what to do.
    pub(super) fn ours(code: Code, detail: impl AsRef<str>) -> Self {
        Self::with_status(StatusCode::BAD_REQUEST, code, detail)
    }

    /// Nothing is wrong with the request: it may be sent again.
    pub(super) fn unavailable(detail: impl AsRef<str>) -> Self {
        Self::with_status(StatusCode::SERVICE_UNAVAILABLE, Code::Unavailable, detail)
    }

    /// A fault of ours.
    fn internal(detail: impl AsRef<str>) -> Self {
        tracing::error!(
            detail = detail.as_ref(),
            "a StageR call failed for a reason that lies in this instance"
        );
        Self::with_status(StatusCode::INTERNAL_SERVER_ERROR, Code::InternalError, detail)
    }

    /// A failure whose detail is a clause or a sentence; it becomes a sentence.
    pub(super) fn with_status(status: StatusCode, code: Code, detail: impl AsRef<str>) -> Self {
        Self { status, code, detail: Some(sentence(detail.as_ref())) }
    }

    /// Whether it is the item's own fault, so that the rest of a request with many items can go on.
    pub(super) fn is_of_one_item(&self) -> bool {
        self.status == StatusCode::BAD_REQUEST && self.code != Code::StorageUnitDoesntExist
    }
}

impl IntoResponse for Failure {
    fn into_response(self) -> Response {
        #[derive(Serialize)]
        struct Body {
            message: Code,
            #[serde(skip_serializing_if = "Option::is_none")]
            detail: Option<String>,
        }
        let Self { status, code, detail } = self;
        let later = [StatusCode::SERVICE_UNAVAILABLE, StatusCode::TOO_MANY_REQUESTS].contains(&status);
        let retry = later.then_some([(RETRY_AFTER, RETRY_AFTER_SECONDS)]);
        let reply = (status, Json(Body { message: code, detail }));
        match retry {
            Some(retry) => (retry, reply).into_response(),
            None => reply.into_response(),
        }
    }
}

/// The answer to a request that did not get as far as its call.
pub(super) fn refused(Problem { status, detail, code: _ }: Problem) -> Failure {
    let code = match status {
        StatusCode::UNAUTHORIZED => Code::Unauthorized,
        StatusCode::FORBIDDEN => Code::Forbidden,
        StatusCode::TOO_MANY_REQUESTS => Code::TooManyRequests,
        StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE => Code::HeadersTooLarge,
        StatusCode::SERVICE_UNAVAILABLE => Code::Unavailable,
        _other => Code::Refused,
    };
    Failure::with_status(status, code, detail)
}

// ── Which error means which code ───────────────────────────────────────────────────────────────────────────────

impl From<SubmitError> for Failure {
    fn from(error: SubmitError) -> Self {
        match error {
            SubmitError::Refused(refusal) => refusal.into(),
            SubmitError::OtherOrganization => Self::documented(Code::KeyNotFound),
            SubmitError::Rejected(_) | SubmitError::KeyReused(_) | SubmitError::TooManyKeys { .. } => {
                Self::ours(Code::Refused, error.to_string())
            }
            SubmitError::Overloaded { .. }
            | SubmitError::Contended
            | SubmitError::Unavailable(_)
            | SubmitError::Standby
            | SubmitError::Stopping => Self::unavailable(error.to_string()),
            SubmitError::Corrupt(_) => Self::internal(error.to_string()),
        }
    }
}

impl From<Refusal> for Failure {
    fn from(refusal: Refusal) -> Self {
        match refusal {
            Refusal::StorageUnit(refusal) => refusal.into(),
            Refusal::Record(refusal) => refusal.into(),
            Refusal::Campaign(refusal) => refusal.into(),
            Refusal::Work(refusal) => Self::ours(Code::Refused, refusal.to_string()),
            // StageR knows no tasks, so no request of its surface leads here.
            Refusal::Task(_)
            | Refusal::Workspace(_)
            | Refusal::Batch(_)
            | Refusal::ExternalId(_)
            | Refusal::Ids(_) => Self::ours(Code::Refused, refusal.to_string()),
            Refusal::System(refusal) => Self::ours(Code::Refused, refusal.to_string()),
            Refusal::ApiKey(refusal) => Self::ours(Code::Refused, refusal.to_string()),
            Refusal::WrongKind => Self::internal(refusal.to_string()),
        }
    }
}

impl From<storage_unit::Refusal> for Failure {
    fn from(refusal: storage_unit::Refusal) -> Self {
        match refusal {
            storage_unit::Refusal::AlreadyExists => Self::documented(Code::StorageUnitExists),
            storage_unit::Refusal::DoesNotExist => Self::documented(Code::StorageUnitDoesntExist),
            storage_unit::Refusal::StillClearing => Self::unavailable(refusal.to_string()),
            storage_unit::Refusal::TooManyModules => Self::ours(Code::TooManyModules, refusal.to_string()),
            storage_unit::Refusal::NothingBeforeFirst { .. }
            | storage_unit::Refusal::LimitOutOfRange { .. } => Self::ours(Code::Refused, refusal.to_string()),
        }
    }
}

impl From<record::Refusal> for Failure {
    fn from(refusal: record::Refusal) -> Self {
        match refusal {
            record::Refusal::NewerVersionExists { .. } => Self::documented(Code::NewerVersionAlreadyExists),
            record::Refusal::KeyExists => Self::documented(Code::NewMergePolicyError),
            record::Refusal::NothingToDelete => Self::documented(Code::KeyNotFound),
            record::Refusal::TooManyScopes => Self::ours(Code::TooManyScopes, refusal.to_string()),
        }
    }
}

impl From<campaign::Refusal> for Failure {
    fn from(refusal: campaign::Refusal) -> Self {
        match refusal {
            campaign::Refusal::AlreadyExists
            | campaign::Refusal::DoesNotExist
            | campaign::Refusal::Over { .. }
            | campaign::Refusal::CursorMoved
            | campaign::Refusal::NotExhausted
            | campaign::Refusal::StillPinning
            | campaign::Refusal::NotPinned
            | campaign::Refusal::PinsMoved
            | campaign::Refusal::TargetsChanged { .. }
            | campaign::Refusal::CanaryNotSettled
            | campaign::Refusal::CanaryUndecided
            | campaign::Refusal::CanarySize
            | campaign::Refusal::CanaryOverTasks
            | campaign::Refusal::PaceZero { .. } => Self::ours(Code::Refused, refusal.to_string()),
        }
    }
}

impl From<DocumentError> for Failure {
    fn from(error: DocumentError) -> Self {
        match error {
            DocumentError::NoUnit => Self::documented(Code::StorageUnitDoesntExist),
            DocumentError::Content(error) => error.into(),
            DocumentError::Submit(error) => error.into(),
            DocumentError::Read(error) => error.into(),
        }
    }
}

impl From<ContentError> for Failure {
    fn from(error: ContentError) -> Self {
        match error {
            ContentError::NotFound { .. } => Self::documented(Code::KeyNotFound),
            ContentError::TooLarge { .. } => Self::ours(Code::ContentTooLarge, error.to_string()),
            ContentError::Outside(_) => Self::ours(Code::InvalidKey, error.to_string()),
            ContentError::Location(_) => Self::ours(Code::ContentLocationUnusable, error.to_string()),
            ContentError::Storage(_) => Self::unavailable(error.to_string()),
        }
    }
}

impl From<ReadModelError> for Failure {
    fn from(error: ReadModelError) -> Self {
        match error {
            ReadModelError::Unavailable(_) => Self::unavailable(error.to_string()),
            ReadModelError::BadCursor => Self::ours(Code::InvalidParameter, error.to_string()),
            ReadModelError::Damaged(_) | ReadModelError::UnknownView(_) => Self::internal(error.to_string()),
        }
    }
}
