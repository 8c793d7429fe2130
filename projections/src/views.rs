//! The views: each file a row type and the fold that makes it. Does not know where rows are kept.

pub mod api_keys;
pub mod batches;
pub mod campaigns;
pub mod commands;
pub mod key_scopes;
pub mod records;
pub mod storage_units;
pub mod system;
pub mod tasks;
#[cfg(test)]
mod tests;
pub mod transactions;
pub mod workspaces;

pub use api_keys::{ApiKeyRow, ApiKeys, KeyState};
pub use batches::{BatchRow, Batches};
pub use campaigns::{
    CampaignReport, CampaignRow, CampaignState, Campaigns, CanaryRow, CanaryState, ErrorGroup, FirstFailure,
};
pub use commands::{CommandRow, Commands};
pub use key_scopes::{KeyScopeRow, KeyScopes, LastError, OpenRow, Status};
pub use records::{RecordRow, Records};
pub use storage_units::{StorageUnitRow, StorageUnits, UnitState};
pub use system::{System, SystemRow};
pub use tasks::{Approval, BatchCounts, ByHand, OpenTaskRow, StageWork, TaskRow, Tasks, UserStatus, Warning};
pub use transactions::{Transactions, TransactionsRow};
pub use workspaces::{WorkspaceRow, Workspaces};

use domain::names::{TaskId, WorkspaceId};
use domain::stream::{StreamId, Subject};

use crate::view::View as _;

/// The longest error code that a row keeps, in bytes; the event keeps it whole.
pub const ERROR_CODE_BYTES_MAX: usize = 128;
/// The longest error text that a row keeps, in bytes; the event keeps it whole.
pub const ERROR_TEXT_BYTES_MAX: usize = 2_000;

/// The part of a stream's name that says which thing it is, without the kind of thing in front.
pub(crate) fn stream_key(stream: &StreamId) -> Option<String> {
    stream.as_str().split_once('-').map(|(_kind, key)| key.to_owned())
}

/// The stream whose events alone make a row; nothing where those of several do.
#[must_use]
pub fn stream_of(view: &str, key: &str) -> Option<StreamId> {
    let subject = match view {
        KeyScopes::NAME => format!("key_scope-{key}").parse().ok()?,
        Tasks::NAME => Subject::Task(TaskId::new(key.parse().ok()?).ok()?),
        Workspaces::NAME => Subject::Workspace(WorkspaceId::new(key.parse().ok()?).ok()?),
        _ => return None,
    };
    Some(subject.stream())
}

/// The text, cut after at most `bytes_max` bytes; a cut is marked with `…`.
pub(crate) fn bounded(text: &str, bytes_max: usize) -> String {
    const CUT: &str = "…";
    if text.len() <= bytes_max {
        return text.to_owned();
    }
    let end = text.floor_char_boundary(bytes_max.saturating_sub(CUT.len()));
    text.get(..end).unwrap_or_default().to_owned() + CUT
}
