//! How a task's export stands: by the engine's word, and by the client's own. Does not know how it is exported.

use serde::{Deserialize, Deserializer, Serialize};

/// How the export of a task stands. The reference shows that the numbers 1 and 2 exist and that one is called `Failed`
/// (`reference/smartdocumentor.md` §3.2); which number is which is our own choice.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
pub enum IntegrationStatus {
    /// It was not asked for.
    #[default]
    NotQueued,
    /// It waits, or is under way.
    Queued,
    /// The customer's system has accepted it.
    Succeeded,
    /// The customer's system has refused it: the task needs review again.
    Failed,
}

impl IntegrationStatus {
    /// Every status, in the order of the numbers.
    pub const ALL: [Self; 4] = [Self::NotQueued, Self::Queued, Self::Succeeded, Self::Failed];

    /// The number, as it goes over the wire. Ours.
    #[must_use]
    pub const fn number(self) -> u16 {
        match self {
            Self::NotQueued => 0,
            Self::Queued => 1,
            Self::Succeeded => 2,
            Self::Failed => 3,
        }
    }

    /// The name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::NotQueued => "NotQueued",
            Self::Queued => "Queued",
            Self::Succeeded => "Succeeded",
            Self::Failed => "Failed",
        }
    }

    /// The text for people.
    #[must_use]
    pub const fn text(self) -> &'static str {
        match self {
            Self::NotQueued => "Not Queued",
            Self::Queued => "Queued",
            Self::Succeeded => "Succeeded",
            Self::Failed => "Failed",
        }
    }

    /// The status that has a number.
    #[must_use]
    pub fn from_number(number: u16) -> Option<Self> {
        Self::ALL.into_iter().find(|status| status.number() == number)
    }
}

/// What the client says of its own side (`reference/smartdocumentor.md` §3.3): not blank, at most 32 characters.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(transparent)]
pub struct ExternalIntegrationStatus(String);

/// The text cannot be an external integration status.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "an external integration status has 1 to {} characters and is not blank; this one is {problem}",
    ExternalIntegrationStatus::CHARACTERS_MAX
)]
pub struct InvalidExternalIntegrationStatus {
    problem: String,
}

impl ExternalIntegrationStatus {
    /// The longest text, in characters.
    pub const CHARACTERS_MAX: usize = 32;

    /// Takes the text if it is valid.
    ///
    /// # Errors
    /// [`InvalidExternalIntegrationStatus`], which says what is wrong with the text.
    pub fn new(text: &str) -> Result<Self, InvalidExternalIntegrationStatus> {
        let characters = text.chars().count();
        if text.trim().is_empty() {
            return Err(InvalidExternalIntegrationStatus { problem: "blank".to_owned() });
        }
        if characters > Self::CHARACTERS_MAX {
            let problem = format!("{characters} characters long");
            return Err(InvalidExternalIntegrationStatus { problem });
        }
        Ok(Self(text.to_owned()))
    }

    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Default for ExternalIntegrationStatus {
    /// `never`: what it is before the client says something, after a restart and after a recovery.
    fn default() -> Self {
        Self("never".to_owned())
    }
}

impl<'de> Deserialize<'de> for ExternalIntegrationStatus {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Self::new(&text).map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_external_integration_status_has_at_most_32_characters_and_is_not_blank() {
        assert_eq!(ExternalIntegrationStatus::default().as_str(), "never");
        assert!(ExternalIntegrationStatus::new(&"ß".repeat(32)).is_ok());
        for text in [String::new(), " \t".to_owned(), "x".repeat(33)] {
            assert!(ExternalIntegrationStatus::new(&text).is_err(), "{text:?}");
        }
    }
}
