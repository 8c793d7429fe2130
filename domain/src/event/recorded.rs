//! A command as it is recorded with its events: the JSON text of its aggregate's own command. Does not know what it means.

use std::borrow::Cow;
use std::sync::Arc;

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::Value;
use serde_json::value::{RawValue, to_raw_value};

/// A command as it is recorded: its aggregate's own JSON, `{"name": …, "body": …}`.
///
/// It is kept as text, since most of those who carry it never look inside. Two are equal when their texts are.
#[derive(Debug, Clone)]
pub struct RecordedCommand(Arc<RawValue>);

impl RecordedCommand {
    /// The recorded form of a command.
    ///
    /// # Errors
    /// When it cannot be written as JSON.
    pub fn of(command: &impl Serialize) -> Result<Self, serde_json::Error> {
        to_raw_value(command).map(Self::from)
    }

    /// The command as JSON, to look at its members.
    #[must_use]
    pub fn json(&self) -> Value {
        serde_json::from_str(self.text()).unwrap_or_default()
    }

    /// The JSON text.
    #[must_use]
    pub fn text(&self) -> &str {
        self.0.get()
    }

    /// The command's name, such as `queue`.
    #[must_use]
    pub fn name(&self) -> Option<Cow<'_, str>> {
        #[derive(Deserialize)]
        struct Named<'a> {
            #[serde(borrow)]
            name: Cow<'a, str>,
        }
        serde_json::from_str(self.text()).ok().map(|Named { name }| name)
    }
}

impl From<Box<RawValue>> for RecordedCommand {
    fn from(json: Box<RawValue>) -> Self {
        Self(Arc::from(json))
    }
}

impl From<Value> for RecordedCommand {
    fn from(json: Value) -> Self {
        Self::of(&json).expect("a JSON value has text keys only, so it can be written")
    }
}

impl PartialEq for RecordedCommand {
    fn eq(&self, other: &Self) -> bool {
        self.text() == other.text()
    }
}

impl Eq for RecordedCommand {}

impl Serialize for RecordedCommand {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.0.serialize(serializer)
    }
}

/// From wherever values come. Whoever reads much JSON text takes its raw values over, without a look inside.
impl<'de> Deserialize<'de> for RecordedCommand {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Value::deserialize(deserializer).map(Self::from)
    }
}
