//! What differs between two JSON values, path by path. Does not know what they describe.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

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
