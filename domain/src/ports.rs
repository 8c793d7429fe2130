//! What the world must offer: a log, content, modules, webhooks, instances to reissue to, a clock and fresh ids.
//! Adapters implement these; nothing here does anything by itself.

mod content;
mod event_forms;
mod event_store;
mod log_archive;
mod modules;
mod targets;
mod webhooks;

pub use content::{ContentError, ContentStore, KeyListing, Place};
pub use event_forms::{EventForm, EventForms};
pub use event_store::{
    Append, AppendError, Appended, Direction, EventFilter, EventStore, LogSize, NewEvent, ReadError,
    Subscription,
};
pub use log_archive::{ArchiveFilter, ArchivePage, LogArchive, LogHead};
pub use modules::{Job, ModuleFailure, ModuleProfile, ModuleResult, Modules};
pub use targets::{NoTargets, SendError, Sent, Target, Targets};
pub use webhooks::{Delivery, DeliveryAnswer, DeliveryError, Webhooks};

use uuid::Uuid;

use crate::time::Timestamp;

/// Tells the time.
pub trait Clock: Send + Sync {
    /// The present instant.
    fn now(&self) -> Timestamp;
}

/// Gives ids that nobody else gets.
pub trait Ids: Send + Sync {
    /// A fresh id.
    fn fresh(&self) -> Uuid;
}
