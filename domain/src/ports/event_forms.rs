//! Events in the form in which they are stored, for whoever shows them to programs. Does not know that form.

use crate::event::Event;

/// One event as it is stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EventForm {
    /// The stored type name, such as `key_scope.queued`.
    pub type_name: &'static str,
    /// The schema version of the payload: the newest, whatever the event was stored under.
    pub schema: u16,
    /// The payload: one JSON object.
    pub payload: String,
}

/// Gives events their stored form.
pub trait EventForms: Send + Sync {
    /// The stored form of an event.
    fn form(&self, event: &Event) -> EventForm;

    /// The stored type name of an event.
    fn type_name(&self, event: &Event) -> &'static str;

    /// The stored type names of all events.
    fn type_names(&self) -> Vec<&'static str>;
}
