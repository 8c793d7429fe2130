//! Layouts: how the path of a stored object says which key and scope it is. Does not know any storage.

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::names::{Key, Scope};

/// A pattern such as `{key}`, `{scope}/{key}` or `{key}/{scope}.json`, relative to the content's base location.
///
/// `{key}` stands for any text, slashes included; `{scope}` for any text without a slash. When a pattern has no
/// `{scope}`, every object belongs to the layout's one scope.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pattern {
    text: String,
    before: String,
    shape: Shape,
    after: String,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Shape {
    Key,
    KeyThenScope { between: String },
    ScopeThenKey { between: String },
}

/// Why a text is not a layout pattern.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidPattern {
    /// The pattern does not say where the key is.
    #[error("a layout needs {{key}} exactly once, such as '{{key}}' or '{{scope}}/{{key}}'")]
    NoKey,
    /// The pattern says twice where the scope is.
    #[error("a layout may have {{scope}} only once")]
    ManyScopes,
    /// Nothing separates key and scope.
    #[error("a layout needs some text between {{key}} and {{scope}}, such as '/'")]
    NothingBetween,
    /// The pattern is not a relative path.
    #[error("a layout must be a relative path without '.' and '..' parts")]
    NotRelative,
}

impl Pattern {
    /// Reads a pattern.
    ///
    /// # Errors
    /// [`InvalidPattern`], which says what a pattern needs.
    pub fn new(text: &str) -> Result<Self, InvalidPattern> {
        if text.starts_with('/') || text.split('/').any(|part| part == "." || part == "..") {
            return Err(InvalidPattern::NotRelative);
        }
        let (before, after) = text.split_once("{key}").ok_or(InvalidPattern::NoKey)?;
        if after.contains("{key}") {
            return Err(InvalidPattern::NoKey);
        }
        if text.matches("{scope}").count() > 1 {
            return Err(InvalidPattern::ManyScopes);
        }
        let (before, shape, after) = match (before.split_once("{scope}"), after.split_once("{scope}")) {
            (None, None) => (before, Shape::Key, after),
            (Some((before, between)), _) => {
                (before, Shape::ScopeThenKey { between: between.to_owned() }, after)
            }
            (None, Some((between, after))) => {
                (before, Shape::KeyThenScope { between: between.to_owned() }, after)
            }
        };
        match &shape {
            Shape::KeyThenScope { between } | Shape::ScopeThenKey { between } if between.is_empty() => {
                Err(InvalidPattern::NothingBetween)
            }
            Shape::Key | Shape::KeyThenScope { .. } | Shape::ScopeThenKey { .. } => Ok(Self {
                text: text.to_owned(),
                before: before.to_owned(),
                shape: shape.clone(),
                after: after.to_owned(),
            }),
        }
    }

    /// The path of the object that holds the scope of the key.
    #[must_use]
    pub fn path(&self, key: &Key, scope: &Scope) -> String {
        let Self { before, shape, after, text: _ } = self;
        match shape {
            Shape::Key => format!("{before}{key}{after}"),
            Shape::KeyThenScope { between } => format!("{before}{key}{between}{scope}{after}"),
            Shape::ScopeThenKey { between } => format!("{before}{scope}{between}{key}{after}"),
        }
    }

    /// The key and, when the pattern has one, the scope of the object at `path`; nothing when the path does not
    /// fit the pattern. Where several readings fit, the scope is the shortest.
    #[must_use]
    pub fn read(&self, path: &str) -> Option<(Key, Option<Scope>)> {
        let middle = path.strip_prefix(self.before.as_str())?.strip_suffix(self.after.as_str())?;
        let (key, scope) = match &self.shape {
            Shape::Key => (middle, None),
            Shape::KeyThenScope { between } => {
                let (key, scope) = middle.rsplit_once(between.as_str())?;
                (key, Some(scope))
            }
            Shape::ScopeThenKey { between } => {
                let (scope, key) = middle.split_once(between.as_str())?;
                (key, Some(scope))
            }
        };
        let scope = match scope {
            None => None,
            Some(scope) => Some(Scope::new(scope).ok()?),
        };
        Some((Key::new(key).ok()?, scope))
    }

    /// Whether the pattern itself says the scope.
    #[must_use]
    pub const fn has_scope(&self) -> bool {
        match self.shape {
            Shape::Key => false,
            Shape::KeyThenScope { .. } | Shape::ScopeThenKey { .. } => true,
        }
    }
}

impl fmt::Display for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl Serialize for Pattern {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.text)
    }
}

impl<'de> Deserialize<'de> for Pattern {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::new(&String::deserialize(deserializer)?).map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(pattern: &str, path: &str) -> Option<(String, Option<String>)> {
        let (key, scope) = Pattern::new(pattern).unwrap().read(path)?;
        Some((key.to_string(), scope.map(|scope| scope.to_string())))
    }

    #[test]
    fn a_path_says_key_and_scope() {
        let both = |key: &str, scope: &str| Some((key.to_owned(), Some(scope.to_owned())));
        assert_eq!(read("{key}", "a/b.txt"), Some(("a/b.txt".to_owned(), None)));
        assert_eq!(read("in/{key}.md", "in/a/b.md"), Some(("a/b".to_owned(), None)));
        assert_eq!(read("in/{key}.md", "out/a.md"), None);
        assert_eq!(read("{scope}/{key}", "ocr/a/b.txt"), both("a/b.txt", "ocr"));
        assert_eq!(read("{key}/{scope}.json", "a/b/raw.json"), both("a/b", "raw"));
        assert_eq!(read("{key}.{scope}", "a.b.txt"), both("a.b", "txt"));
        assert_eq!(read("{key}.{scope}", "ab"), None);
    }

    #[test]
    fn key_and_scope_give_the_path_they_were_read_from() {
        for (pattern, path) in
            [("{key}", "a/b"), ("x/{scope}/y/{key}.z", "x/s/y/k/k.z"), ("{key}@{scope}", "k@k@s")]
        {
            let pattern = Pattern::new(pattern).unwrap();
            let (key, scope) = pattern.read(path).unwrap();
            assert_eq!(pattern.path(&key, &scope.unwrap_or_else(|| Scope::new("s").unwrap())), path);
        }
    }

    #[test]
    fn a_bad_pattern_says_what_is_missing() {
        assert_eq!(Pattern::new("{scope}"), Err(InvalidPattern::NoKey));
        assert_eq!(Pattern::new("{key}{key}"), Err(InvalidPattern::NoKey));
        assert_eq!(Pattern::new("{key}/{scope}/{scope}"), Err(InvalidPattern::ManyScopes));
        assert_eq!(Pattern::new("{key}{scope}"), Err(InvalidPattern::NothingBetween));
        assert_eq!(Pattern::new("../{key}"), Err(InvalidPattern::NotRelative));
        assert_eq!(Pattern::new("/{key}"), Err(InvalidPattern::NotRelative));
    }
}
