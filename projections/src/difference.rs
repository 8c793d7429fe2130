//! What differs between two JSON values, path by path, such as a row at two moments. Does not know what they describe.

use std::collections::BTreeSet;
use std::sync::Arc;

use domain::event::RecordedEvent;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::fold::{self, ErasedView};
use crate::view::View as _;
use crate::views::{ApiKeys, Commands, Transactions};

/// Views whose rows are nothing that people look at on the board: who may come in, and what the engine itself looks up.
const BEHIND_THE_BOARD: [&str; 3] = [ApiKeys::NAME, Commands::NAME, Transactions::NAME];

/// Members of a row that every event changes, which says nothing about what happened.
const BOOKKEEPING: [&str; 3] = ["/version", "/position", "/updated_at"];

/// One place at which two JSON values differ.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Difference {
    /// The place as a JSON pointer (RFC 6901), such as `/last_error/code`; empty means the whole value.
    pub path: String,
    /// What was there; null when nothing was.
    pub before: Value,
    /// What is there now; null when nothing is.
    pub after: Value,
}

/// Every place at which two values differ, in the order of the paths' parts. Objects are compared member by member,
/// everything else as a whole; an absent member is the same as one that is null.
#[must_use]
pub fn differences(before: &Value, after: &Value) -> Vec<Difference> {
    let mut found = Vec::new();
    compare(String::new(), before, after, &mut found);
    found
}

/// What differs between a row before and after something happened, without what every event changes.
#[must_use]
pub fn telling_differences(before: &Value, after: &Value) -> Vec<Difference> {
    let mut found = differences(before, after);
    found.retain(|difference| !BOOKKEEPING.contains(&difference.path.as_str()));
    found
}

// ── Rows ───────────────────────────────────────────────────────────────────────────────────────────────────────

/// In which way a row differs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DifferentRow {
    /// It was not there.
    Added,
    /// It is not there any longer.
    Removed,
    /// Something in it is different.
    Changed,
}

impl DifferentRow {
    /// What differs between a row at two moments; nothing when nothing does that says something.
    ///
    /// # Errors
    /// When a row is no JSON.
    pub fn between(
        before: Option<&str>,
        after: Option<&str>,
    ) -> Result<Option<(Self, Vec<Difference>)>, serde_json::Error> {
        let kind = match (before, after) {
            (None, None) => return Ok(None),
            (None, Some(_)) => Self::Added,
            (Some(_), None) => Self::Removed,
            (Some(_), Some(_)) => Self::Changed,
        };
        let value =
            |json: Option<&str>| json.map_or_else(|| Ok(Value::Object(Map::new())), serde_json::from_str);
        let changes = telling_differences(&value(before)?, &value(after)?);
        Ok((!changes.is_empty()).then_some((kind, changes)))
    }
}

/// The views whose rows are compared between two moments, in the order of their names.
#[must_use]
pub fn board_views() -> Vec<&'static str> {
    let mut names: Vec<_> = fold::all().iter().map(|view| view.name()).collect();
    names.retain(|name| !BEHIND_THE_BOARD.contains(name));
    names.sort_unstable();
    names
}

/// Rows that events concern.
pub struct Touched {
    views: Vec<Box<dyn ErasedView>>,
    /// View and key of each.
    pub rows: BTreeSet<(&'static str, String)>,
}

impl Touched {
    /// Of one view, or of all that are compared.
    #[must_use]
    pub fn of(view: Option<&str>) -> Self {
        let names = board_views();
        let mut views = fold::all();
        views.retain(|known| {
            names.contains(&known.name()) && view.is_none_or(|wanted| wanted == known.name())
        });
        Self { views, rows: BTreeSet::new() }
    }

    /// Notes the rows that these events concern.
    pub fn note(&mut self, events: &[Arc<RecordedEvent>]) {
        for event in events {
            let keys = self.views.iter().filter_map(|view| Some((view.name(), view.key(event)?)));
            self.rows.extend(keys);
        }
    }
}

fn compare(path: String, before: &Value, after: &Value, found: &mut Vec<Difference>) {
    if let (Value::Object(before), Value::Object(after)) = (before, after) {
        compare_members(&path, before, after, found);
    } else if before != after {
        found.push(Difference { path, before: before.clone(), after: after.clone() });
    }
}

fn compare_members(
    path: &str,
    before: &Map<String, Value>,
    after: &Map<String, Value>,
    found: &mut Vec<Difference>,
) {
    let added = after.keys().filter(|name| !before.contains_key(*name));
    for name in before.keys().chain(added) {
        let member = |object: &'_ Map<String, Value>| object.get(name).cloned().unwrap_or(Value::Null);
        let pointer = format!("{path}/{}", name.replace('~', "~0").replace('/', "~1"));
        compare(pointer, &member(before), &member(after), found);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn differences_are_found_where_they_are() {
        let before = json!({ "same": 1, "gone": 2, "in": { "a/b": [1], "c": true }, "null": null });
        let after = json!({ "same": 1, "in": { "a/b": [1, 2], "c": true }, "new": "x" });
        let found: Vec<_> = differences(&before, &after)
            .into_iter()
            .map(|difference| (difference.path, difference.before, difference.after))
            .collect();
        let expected = [
            ("/gone".to_owned(), json!(2), Value::Null),
            ("/in/a~1b".to_owned(), json!([1]), json!([1, 2])),
            ("/new".to_owned(), Value::Null, json!("x")),
        ];
        assert_eq!(found, expected);
        assert_eq!(differences(&before, &before), []);
    }
}
