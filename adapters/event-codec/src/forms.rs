//! The stored form of events for whoever shows them. Does not know who does.

use domain::event::Event;
use domain::ports::{EventForm, EventForms};

use crate::types::EventType;
use crate::{Encoded, encode, stored_types};

/// Events as JSON under their stored names.
#[derive(Debug, Clone, Copy)]
pub struct JsonForms;

impl EventForms for JsonForms {
    fn form(&self, event: &Event) -> EventForm {
        let Encoded { type_name, schema, payload } = encode(event);
        let payload = String::from_utf8(payload).expect("JSON is written as UTF-8");
        EventForm { type_name, schema, payload }
    }

    fn type_name(&self, event: &Event) -> &'static str {
        EventType::of(event).name()
    }

    fn type_names(&self) -> Vec<&'static str> {
        stored_types().map(|(name, _)| name).collect()
    }
}
