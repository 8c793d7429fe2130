//! Zones: how a key is written on this surface and how the engine knows it (`reference/stager.md` §1).
//!
//! On the surface every key is `ZONE:key`. The engine's key leaves the local zone out and keeps any other, so that a
//! registered folder's paths are keys of the local zone. Does not know which keys exist.

#[cfg(test)]
mod tests;

use domain::names::Key;

use super::reply::{Code, Failure};

const SEPARATOR: char = ':';

/// The rule, given the local zone.
#[derive(Debug, Clone, Copy)]
pub(super) struct Zones<'a> {
    local: &'a str,
}

impl<'a> Zones<'a> {
    /// The rule for a server whose zone is `local`.
    pub(super) const fn new(local: &'a str) -> Self {
        Self { local }
    }

    /// The engine's key for a key as it was sent; without a zone, the local zone is meant.
    pub(super) fn read(self, text: &str) -> Result<Key, Failure> {
        let (zone, key) = text.split_once(SEPARATOR).unwrap_or((self.local, text));
        if zone.is_empty() || key.contains(SEPARATOR) {
            let detail = "a key is written 'key' or 'ZONE:key', and neither part may be empty or contain ':'";
            return Err(invalid(text, detail));
        }
        let key = Key::new(key).map_err(|error| invalid(text, &error.to_string()))?;
        if zone == self.local {
            return Ok(key);
        }
        Key::new(format!("{zone}{SEPARATOR}{key}")).map_err(|error| invalid(text, &error.to_string()))
    }

    /// A key as it is reported: always with its zone.
    pub(super) fn show(self, key: &Key) -> String {
        match key.as_str().contains(SEPARATOR) {
            true => key.to_string(),
            false => format!("{}{SEPARATOR}{key}", self.local),
        }
    }

    /// The zone of a key.
    pub(super) fn zone_of<'k>(self, key: &'k Key) -> &'k str
    where
        'a: 'k,
    {
        key.as_str().split_once(SEPARATOR).map_or(self.local, |(zone, _key)| zone)
    }

    /// Whether this is the local zone.
    pub(super) fn is_local(self, zone: &str) -> bool {
        zone == self.local
    }
}

/// How much of a refused key is repeated to its sender, in characters.
const SHOWN_CHARS_MAX: usize = 100;

fn invalid(text: &str, problem: &str) -> Failure {
    let shown: String = text.chars().take(SHOWN_CHARS_MAX).collect();
    Failure::ours(Code::InvalidKey, format!("{shown:?} is not a key of this surface: {problem}"))
}
