//! Old schema versions: each upcaster turns the JSON of one version of one type into that of the next.
//! Does not know the payload types: an upcaster must keep working after they have changed again.

use serde_json::Value;

use crate::CodecError;
use crate::types::EventType;

/// One step from a schema version to the next.
pub(crate) struct Upcaster {
    /// The stored type name.
    pub(crate) type_name: &'static str,
    /// The version that it reads; it writes the next one.
    pub(crate) from: u16,
    /// The step. The error says what is missing.
    pub(crate) step: fn(Value) -> Result<Value, String>,
}

/// Every step there is.
pub(crate) const UPCASTERS: &[Upcaster] = &[
    Upcaster {
        type_name: "campaign.started",
        from: 1,
        // A campaign over every key, without a canary, is written as before. The version was raised so that a program which
        // knows nothing of filters does not take a campaign with one for a campaign over everything.
        step: Ok,
    },
    // A campaign over key-scopes is written as before. The versions were raised so that a program which knows nothing of
    // campaigns over tasks says that it is too old, and does not take the log for damaged.
    Upcaster { type_name: "campaign.started", from: 2, step: Ok },
    Upcaster { type_name: "campaign.targets_pinned", from: 1, step: Ok },
];

/// Leads the JSON of an old schema version to the present one.
pub(crate) fn to_current(
    upcasters: &[Upcaster],
    event_type: EventType,
    schema: u16,
    json: Value,
) -> Result<Value, CodecError> {
    let type_name = event_type.name();
    (schema..event_type.schema()).try_fold(json, |json, from| {
        let upcaster = upcasters
            .iter()
            .find(|upcaster| upcaster.type_name == type_name && upcaster.from == from)
            .ok_or(CodecError::NoUpcaster { type_name, schema: from })?;
        (upcaster.step)(json).map_err(|problem| CodecError::Payload { type_name, schema: from, problem })
    })
}
