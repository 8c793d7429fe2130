//! What a replay finds.

use serde_json::Value;
use utoipa::ToSchema;

use crate::description::names::{Id, Position, StreamName, Timestamp, Version};
use crate::description::one_of;

one_of! {
    /// Something that is not as it is in the log.
    ReplayFinding = DivergenceFinding | EndingFinding | RefusedFinding;
}

/// A command that the other instance refused. Nothing is sent after it.
#[derive(ToSchema)]
struct RefusedFinding {
    kind: RefusedKind,
    stream: StreamName,
    /// The version of its first event here.
    version: Version,
    position: Position,
    command_id: Id,
    /// Why, as a sentence.
    text: String,
}

#[derive(ToSchema)]
#[schema(rename_all = "snake_case")]
enum RefusedKind {
    Refused,
}

/// A thing that ends otherwise on the fork.
#[derive(ToSchema)]
struct EndingFinding {
    kind: EndingKind,
    stream: StreamName,
    /// The version of the first event that differs.
    since: Version,
    /// How it ends in the log: its status or state, or `absent`.
    recorded: String,
    /// How it ends on the fork.
    fork: String,
    /// Where its rows differ.
    differences: Vec<FoundDifference>,
}

#[derive(ToSchema)]
#[schema(rename_all = "snake_case")]
enum EndingKind {
    Ending,
}

/// A command that is decided otherwise now.
#[derive(ToSchema)]
struct DivergenceFinding {
    kind: DivergenceKind,
    stream: StreamName,
    /// The version of the first event that differs.
    version: Version,
    position: Position,
    recorded_at: Timestamp,
    command_id: Id,
    /// The command; absent when the log does not have it.
    #[schema(required = false)]
    command: Value,
    /// What is wrong, as a word.
    problem: ReplayProblem,
    /// What is wrong, as a sentence.
    text: String,
    /// The event in the log.
    #[schema(required = false)]
    recorded: StoredForm,
    /// What was decided in its place.
    #[schema(required = false)]
    decided: StoredForm,
    /// Where the two differ.
    #[schema(required = false)]
    differences: Vec<FoundDifference>,
}

#[derive(ToSchema)]
#[schema(rename_all = "snake_case")]
enum DivergenceKind {
    Divergence,
}

#[derive(ToSchema)]
#[schema(rename_all = "snake_case")]
enum ReplayProblem {
    DecidedOtherwise,
    Refused,
    CommandMissing,
    CommandUnreadable,
    Impossible,
    VersionExpected,
}

/// An event in its stored form.
#[derive(ToSchema)]
struct StoredForm {
    r#type: String,
    data: Value,
}

/// One place at which two JSON values differ.
#[derive(ToSchema)]
struct FoundDifference {
    /// The place as a JSON pointer.
    path: String,
    before: Value,
    after: Value,
}
