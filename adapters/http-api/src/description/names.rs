//! Names, ids, instants and numbers as the description shows them. The domain says what each of them is; here is the
//! same for machines, as far as JSON Schema can say it: it counts characters where the domain counts bytes.

use domain::api_key::GRACE_MAX;
use domain::filter::SearchText as Searched;
use domain::names;
use domain::task;
use domain::work::LEASE_MS_MAX;
use projections::matching::tasks::SortBy;
use serde_json::json;

use utoipa::openapi::schema::{KnownFormat, ObjectBuilder, Schema, SchemaFormat, Type};
use utoipa::openapi::{Object, RefOr};
use utoipa::{PartialSchema, ToSchema};

use crate::state::HttpSettings;

/// The largest whole number that every reader of JSON keeps exactly; what is counted here stays below it.
const COUNT_MAX: u64 = crate::page::NUMBER_MAX;
/// Letters, digits and some punctuation, but neither `.` nor `..`.
const PLAIN: &str = "^([A-Za-z0-9_-]|\\.[A-Za-z0-9_-]|\\.\\.[A-Za-z0-9._-])[A-Za-z0-9._-]*$";
/// The same, or the queue of a workspace's tasks.
const QUEUE_UNIT: &str = "^(([A-Za-z0-9_-]|\\.[A-Za-z0-9_-]|\\.\\.[A-Za-z0-9._-])[A-Za-z0-9._-]*|task/([1-9][0-9]{0,8}|[1-3][0-9]{9}|4[01][0-9]{8}))$";
/// Anything but control characters; neither `.` nor `..`.
const PRINTABLE: &str = "^([^\\u0000-\\u001f\\u007f-\\u009f.]|\\.[^\\u0000-\\u001f\\u007f-\\u009f.]|\\.\\.[^\\u0000-\\u001f\\u007f-\\u009f])[^\\u0000-\\u001f\\u007f-\\u009f]*$";
/// The same without `/`.
const NO_SLASH: &str = "^([^\\u0000-\\u001f\\u007f-\\u009f./]|\\.[^\\u0000-\\u001f\\u007f-\\u009f./]|\\.\\.[^\\u0000-\\u001f\\u007f-\\u009f/])[^\\u0000-\\u001f\\u007f-\\u009f/]*$";
/// What a header can carry of [`PRINTABLE`]: ASCII, without blanks at its ends.
const HEADER: &str = "^([!-\\-/-~]|[!-\\-/-~][ -~]*[!-~]|\\.[!-\\-/-~]|\\.[ -~]+[!-~])$";
const POSITION: &str = "^[0-9]{1,19}(\\.[0-9]{1,19})?$";
const DIGEST: &str = "^sha256:[0-9a-f]{64}$";
const INSTANT: &str = "^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}\\.[0-9]{6}Z$";
const MOMENT: &str = "^(v[0-9]+|p?[0-9]+(\\.[0-9]+)?|[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt ].+)$";

/// The types of events, each kind of thing in front of its own. A test compares them with what is stored.
const EVENT_KINDS: [&str; 90] = [
    "storage_unit",
    "storage_unit.cleared",
    "storage_unit.content_set",
    "storage_unit.created",
    "storage_unit.dropped",
    "storage_unit.limits_set",
    "storage_unit.modules_set",
    "storage_unit.queue_disabled",
    "storage_unit.queue_enabled",
    "storage_unit.queue_reset",
    "key_scope",
    "key_scope.assigned",
    "key_scope.failed",
    "key_scope.finished",
    "key_scope.held",
    "key_scope.late_result_refused",
    "key_scope.lease_extended",
    "key_scope.process_started",
    "key_scope.queued",
    "key_scope.released",
    "key_scope.requeue_requested",
    "key_scope.restarted",
    "key_scope.unassigned",
    "key_scope.withdrawn",
    "record",
    "record.deleted",
    "record.scope_deleted",
    "record.scope_written",
    "campaign",
    "campaign.advanced",
    "campaign.canary_overruled",
    "campaign.canary_passed",
    "campaign.canary_stopped",
    "campaign.cancelled",
    "campaign.completed",
    "campaign.exhausted",
    "campaign.listing_failed",
    "campaign.pace_set",
    "campaign.paused",
    "campaign.resumed",
    "campaign.started",
    "campaign.targets_abandoned",
    "campaign.targets_counted",
    "campaign.targets_pinned",
    "task",
    "task.approved",
    "task.archived",
    "task.assigned",
    "task.created",
    "task.deleted",
    "task.deletion_requested",
    "task.edited",
    "task.external_integration_status_set",
    "task.failed",
    "task.finished",
    "task.held",
    "task.late_result_refused",
    "task.lease_extended",
    "task.moved_to_history",
    "task.process_started",
    "task.queued",
    "task.released",
    "task.requeue_requested",
    "task.resolved",
    "task.restarted",
    "task.reverted",
    "task.review_completed",
    "task.review_opened",
    "task.stage_entered",
    "task.unassigned",
    "task.users_assigned",
    "task.work_restarted",
    "workspace",
    "workspace.configured",
    "workspace.created",
    "batch",
    "batch.created",
    "external_id",
    "external_id.claimed",
    "ids",
    "ids.block_allocated",
    "system",
    "system.paused",
    "system.resumed",
    "api_key",
    "api_key.issued",
    "api_key.revoked",
    "api_key.rotated",
    "access",
    "access.refused",
];

/// Declares a type that stands for a domain type of the same name, by its schema.
macro_rules! described {
    ($($(#[doc = $doc:literal])+ $name:ident = $schema:expr;)+) => {$(
        $(#[doc = $doc])+
        #[derive(Debug)]
        pub(crate) struct $name;

        impl PartialSchema for $name {
            fn schema() -> RefOr<Schema> {
                let description = [$($doc.trim()),+].join(" ");
                let schema: ObjectBuilder = $schema;
                RefOr::T(Schema::Object(schema.description(Some(description)).build()))
            }
        }

        impl ToSchema for $name {}
    )+};
}

fn text(pattern: &str, length_max: usize, example: &str) -> ObjectBuilder {
    let text = Object::builder().schema_type(Type::String).pattern(Some(pattern));
    text.min_length(Some(1)).max_length(Some(length_max)).examples([json!(example)])
}

fn number(min: u64, max: u64, example: u64) -> ObjectBuilder {
    let number = Object::builder().schema_type(Type::Integer);
    number.minimum(Some(min)).maximum(Some(max)).examples([json!(example)])
}

/// The words for the statuses of a task, and no others.
fn status_words<const N: usize>(words: impl Fn(task::TaskStatus) -> [String; N]) -> ObjectBuilder {
    let all: Vec<String> = task::TaskStatus::ALL.into_iter().flat_map(words).collect();
    Object::builder().schema_type(Type::String).enum_values(Some(all)).examples([json!("ToReview")])
}

/// Names and numbers of statuses, with commas between them.
fn statuses() -> String {
    let words = |status: task::TaskStatus| [status.name().to_owned(), status.number().to_string()];
    let all: Vec<String> = task::TaskStatus::ALL.into_iter().flat_map(words).collect();
    let one = all.join("|");
    format!("^({one})(,({one})){{0,8}}$")
}

fn uuid(example: &str) -> ObjectBuilder {
    let format = SchemaFormat::Custom("uuid".to_owned());
    Object::builder().schema_type(Type::String).format(Some(format)).examples([json!(example)])
}

described! {
    /// The name of a storage unit, at most 128 bytes.
    StorageUnitName = text(PLAIN, names::StorageUnitName::LENGTH_BYTES_MAX, "docs");
    /// The unit of a queue: the name of a storage unit, or `task/` and the number of a workspace.
    QueueUnit = text(QUEUE_UNIT, names::StorageUnitName::LENGTH_BYTES_MAX, "docs");
    /// The name of one part of a record that is processed by itself, at most 128 bytes.
    Scope = text(NO_SLASH, names::Scope::LENGTH_BYTES_MAX, "raw");
    /// The key of a record inside its storage unit, at most 1024 bytes of UTF-8.
    Key = text(PRINTABLE, names::Key::LENGTH_BYTES_MAX, "a.txt");
    /// The name of a module as it is defined in the configuration, at most 128 bytes.
    ModuleName = text(PLAIN, names::ModuleName::LENGTH_BYTES_MAX, "ocr");
    /// The name of a worker, chosen by itself, at most 256 bytes. Names that begin with `built-in/` belong to the server.
    WorkerId = text(PRINTABLE, names::WorkerId::LENGTH_BYTES_MAX, "me");
    /// On whose behalf, at most 256 bytes.
    Actor = text(PRINTABLE, names::Actor::LENGTH_BYTES_MAX, "mara");
    /// On whose behalf, as a header carries it.
    ActorHeader = text(HEADER, names::Actor::LENGTH_BYTES_MAX, "mara");
    /// What the sender calls the request, at most 255 bytes.
    IdempotencyKey = text(PRINTABLE, names::IdempotencyKey::LENGTH_BYTES_MAX, "order 7");
    /// A command: its id, what its sender called it, or `p` and the position of an event that it recorded.
    CommandName = text(PRINTABLE, names::IdempotencyKey::LENGTH_BYTES_MAX, "p4711");
    /// What the sender calls the request, as a header carries it.
    IdempotencyKeyHeader = text(HEADER, names::IdempotencyKey::LENGTH_BYTES_MAX, "order 7");
    /// Identifies a task.
    TaskId = number(1, COUNT_MAX, 1);
    /// Identifies a workspace.
    WorkspaceId = number(1, u64::from(u32::MAX), 1);
    /// Identifies a batch.
    BatchId = number(1, COUNT_MAX, 1);
    /// What a client calls a task, at most 256 bytes.
    ExternalId = text(PRINTABLE, names::ExternalId::LENGTH_BYTES_MAX, "IN-2026-1");
    /// What people call it.
    DisplayName = text(PRINTABLE, names::DisplayName::LENGTH_BYTES_MAX, "Invoice 1");
    /// Somebody who reviews.
    UserName = text(PRINTABLE, names::UserName::LENGTH_BYTES_MAX, "mara");
    /// Which part of a task's result.
    EditPath = text(PRINTABLE, names::EditPath::LENGTH_BYTES_MAX, "/total");
    /// A status of a task, by its name or its number.
    TaskStatus = status_words(|status| [status.name().to_owned(), status.number().to_string()]);
    /// A status of a task.
    TaskStatusName = status_words(|status| [status.name().to_owned()]);
    /// The name under which the configuration keeps a secret, at most 128 bytes.
    SecretName = text(PLAIN, names::SecretName::LENGTH_BYTES_MAX, "webhook");
    /// The name under which the configuration has an instance that recorded commands may be sent to.
    TargetName = text(PLAIN, names::TargetName::LENGTH_BYTES_MAX, "second");
    /// Statuses of tasks by their names or numbers, with commas between them.
    TaskStatuses = text(&statuses(), 1_024, "ToReview,PreProcessingFailed");
    /// A part of a name, at most 256 bytes; case does not matter.
    SearchText = text("^[^\\u0000-\\u001f\\u007f-\\u009f]+$", Searched::BYTES_MAX, "invoice");
    /// What the client says of its own side: not blank, at most 32 characters.
    ExternalIntegrationStatus = text("[^\\s]", 32, "booked");
    /// By what tasks are sorted, `-` in front for the greatest first.
    TaskSort = Object::builder().schema_type(Type::String).enum_values(Some(
        SortBy::ALL.iter().flat_map(|by| [by.name().to_owned(), format!("-{}", by.name())]),
    ));
    /// Any JSON object.
    AnyObject = Object::builder()
        .schema_type(Type::Object)
        .additional_properties(Some(utoipa::openapi::schema::AdditionalProperties::FreeForm(true)));
    /// The name of an API key, at most 128 bytes.
    KeyName = text(PLAIN, names::KeyName::LENGTH_BYTES_MAX, "nightly");
    /// The name of an organization, at most 64 bytes.
    OrganizationId = text(PLAIN, names::OrganizationId::LENGTH_BYTES_MAX, "default");
    /// Identifies an API key.
    ApiKeyId = uuid("0195d3c0-0000-7000-8000-000000000000");
    /// Identifies a campaign.
    CampaignId = uuid("0195d3c0-0000-7000-8000-000000000000");
    /// An id.
    Id = uuid("0195d3c0-0000-7000-8000-000000000001");
    /// The place of an event in the whole log. Positions grow and have gaps; treat them as opaque.
    Position = text(POSITION, 39, "4");
    /// The place of an event in its stream, counted from 0.
    Version = number(0, COUNT_MAX, 7);
    /// The fencing token of a lease. Grows with every claim of the same key-scope.
    Token = number(0, COUNT_MAX, 3);
    /// How many.
    Count = number(0, COUNT_MAX, 497);
    /// An instant in UTC, with microseconds.
    Timestamp = text(INSTANT, 27, "2026-01-31T12:00:00.000000Z")
        .format(Some(SchemaFormat::KnownFormat(KnownFormat::DateTime)));
    /// An instant, as RFC 3339 writes it.
    Instant = Object::builder()
        .schema_type(Type::String)
        .format(Some(SchemaFormat::KnownFormat(KnownFormat::DateTime)))
        .examples([json!("2026-01-31T12:00:00Z")]);
    /// A moment: a version of the thing such as `v12`, a position such as `p4711`, or an instant as RFC 3339 writes it.
    Moment = text(MOMENT, 64, "2026-01-31T12:00:00Z");
    /// A SHA-256 digest.
    Digest = text(DIGEST, 71, "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    /// How long a lease lasts, in milliseconds; at most a day.
    LeaseMillis = number(1, LEASE_MS_MAX.0, 60_000);
    /// How many commands are sent per second.
    ReissueRate = number(1, u64::from(runtime::replay::RATE_MAX), 100);
    /// For how long a secret stays valid after its rotation, in milliseconds; at most 30 days.
    GraceMillis = number(0, GRACE_MAX.0, 3_600_000);
    /// How many items a page has.
    Limit = number(1, HttpSettings::default().page_rows_max as u64, 100);
    /// Where a page begins.
    Cursor = text("^([0-9a-f]{2})+$", 8_192, "612e747874");
    /// A type of events, or what stands before its dot.
    EventKind = Object::builder()
        .schema_type(Type::String)
        .enum_values(Some(EVENT_KINDS))
        .examples([json!("campaign")]);
    /// A span in milliseconds.
    Millis = number(0, u64::MAX, 1_000);
    /// The name of a stream: `storage_unit-NAME`, `key_scope-UNIT/SCOPE/KEY` with each part percent-encoded, `record-…`, `campaign-ID`.
    StreamName = text("^([a-z_]+-[!-~]+|system)$", 8_192, "key_scope-docs/raw/a.txt");
}
