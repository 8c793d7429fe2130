//! The keys of a campaign: which they would be now, and which were pinned. Does not know what becomes of them.

use std::collections::VecDeque;

use async_trait::async_trait;
use domain::campaign::{Event as CampaignEvent, KeyTarget, Pinned, Progress, Target};
use domain::digest::Digest;
use domain::event::Event;
use domain::names::{CampaignId, Key};
use domain::ports::{ContentError, Direction, KeyListing};
use domain::stream::{Position, StreamId, Subject, Version};
use projections::matching;
use sha2::{Digest as _, Sha256};

use crate::documents::DocumentError;
use crate::engine::Engine;
use crate::pipeline::SubmitError;

/// How many keys are listed at once while all are put together.
const LISTED_AT_ONCE_MAX: usize = 1_000;
/// How many events with pinned keys are read at once.
const EVENTS_READ_MAX: usize = 4;

/// The keys that a campaign would visit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Targets {
    /// The keys, in the order in which it would visit them.
    pub keys: Vec<Key>,
    /// SHA-256 over the sorted keys, each followed by a line feed.
    pub digest: Digest,
    /// The position that they reflect.
    pub position: Position,
}

impl Targets {
    /// What is recorded of them.
    #[must_use]
    pub const fn pinned(&self) -> Pinned {
        Pinned { keys: self.keys.len() as u64, digest: self.digest }
    }
}

impl Engine {
    /// The keys that a campaign over this target would visit if it started now: tasks, and with a filter key-scopes, that
    /// match in one state of the view, otherwise every key of the unit.
    ///
    /// # Errors
    /// [`SubmitError::TooManyKeys`], or others when they cannot be read now.
    pub async fn targets(&self, target: &Target) -> Result<Targets, SubmitError> {
        if !self.wait_for_views(self.acknowledged()).await {
            let problem = "the views are behind the log; try again shortly";
            return Err(SubmitError::Unavailable(problem.to_owned()));
        }
        let keys_max = self.campaign_keys_max();
        let picked = match target {
            Target::Keys(target) => match &target.filter {
                Some(filter) => matching::keys(self.read_model(), target, filter, keys_max).await,
                None => {
                    let position = self.views_position();
                    let keys = self.listed(target, keys_max).await?;
                    return Ok(Targets { digest: digest_of_keys(&keys), keys, position });
                }
            },
            Target::Tasks(filter) => matching::tasks::ids(self.read_model(), filter, keys_max).await,
        };
        let picked = picked.map_err(|error| SubmitError::Unavailable(error.to_string()))?;
        if picked.has_more {
            return Err(SubmitError::TooManyKeys { keys_max });
        }
        let keys = picked.items.iter().map(Key::new).collect::<Result<Vec<_>, _>>();
        let keys = keys.map_err(|error| SubmitError::Unavailable(format!("a row has no key: {error}")))?;
        Ok(Targets { digest: digest_of_keys(&keys), keys, position: picked.position })
    }

    async fn listed(&self, target: &KeyTarget, keys_max: usize) -> Result<Vec<Key>, SubmitError> {
        let unlisted = |error: DocumentError| match error {
            DocumentError::Submit(error) => error,
            DocumentError::NoUnit | DocumentError::Content(_) | DocumentError::Read(_) => {
                SubmitError::Unavailable(format!("the keys cannot be listed: {error}"))
            }
        };
        let listing = self.keys(&target.unit, &target.scope, None).await;
        let mut listing = listing.map_err(unlisted)?;
        let mut keys = Vec::new();
        loop {
            let more = listing.next(LISTED_AT_ONCE_MAX).await;
            let more = more.map_err(|error| unlisted(error.into()))?;
            if more.is_empty() {
                return Ok(keys);
            }
            keys.extend(more);
            if keys.len() > keys_max {
                return Err(SubmitError::TooManyKeys { keys_max });
            }
        }
    }

    /// A listing of what a campaign under way still has to visit.
    pub(super) async fn rest(
        &self,
        id: CampaignId,
        progress: &Progress,
    ) -> Result<Box<dyn KeyListing>, DocumentError> {
        let Progress { target, cursor, .. } = progress;
        match (progress.pinned_at, target) {
            (None, Target::Keys(target)) => self.keys(&target.unit, &target.scope, cursor.as_ref()).await,
            // No campaign over tasks begins without its pins.
            (None, Target::Tasks(_)) => Err(DocumentError::NoUnit),
            (Some(first), _) => Ok(Box::new(PinnedKeys {
                engine: self.clone(),
                stream: Subject::Campaign(id).stream(),
                next: first,
                after: cursor.clone(),
                keys: VecDeque::new(),
            })),
        }
    }
}

/// One digest for a set of keys, whatever their order: what `LC_ALL=C sort | sha256sum` says of them, a line each.
fn digest_of_keys(keys: &[Key]) -> Digest {
    let mut sorted: Vec<&Key> = keys.iter().collect();
    sorted.sort_unstable();
    let mut hasher = Sha256::new();
    for key in sorted {
        hasher.update(key.as_str());
        hasher.update(b"\n");
    }
    Digest(hasher.finalize().into())
}

/// The keys that were recorded on a campaign's own stream before it began, in their order.
struct PinnedKeys {
    engine: Engine,
    stream: StreamId,
    next: Version,
    /// Everything up to this key is passed over.
    after: Option<Key>,
    keys: VecDeque<Key>,
}

impl PinnedKeys {
    /// Reads on; says whether there was something.
    async fn read(&mut self) -> Result<bool, ContentError> {
        let store = self.engine.store();
        let events = store.read_stream(&self.stream, self.next, Direction::Forward, EVENTS_READ_MAX).await;
        let events = events.map_err(|error| ContentError::Storage(error.to_string()))?;
        let mut any = false;
        for event in events {
            let Event::Campaign(CampaignEvent::TargetsPinned(pinned)) = &event.event else { return Ok(any) };
            any = true;
            self.next = event.version.next();
            self.keys.extend(pinned.keys.iter().cloned());
        }
        Ok(any)
    }

    fn pass_over(&mut self) {
        while let Some(after) = &self.after
            && let Some(key) = self.keys.pop_front()
        {
            if key == *after {
                self.after = None;
            }
        }
    }
}

#[async_trait]
impl KeyListing for PinnedKeys {
    async fn next(&mut self, limit: usize) -> Result<Vec<Key>, ContentError> {
        self.pass_over();
        while self.keys.is_empty() {
            if !self.read().await? {
                return Ok(Vec::new());
            }
            self.pass_over();
        }
        let count = limit.min(self.keys.len());
        Ok(self.keys.drain(..count).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_set_of_keys_has_one_digest_in_whatever_order_it_comes() {
        let keys = |names: [&str; 3]| names.map(|name| Key::new(name).expect("a valid key"));
        let digest = digest_of_keys(&keys(["b", "a", "ä"]));
        assert_eq!(digest, digest_of_keys(&keys(["ä", "b", "a"])));
        // printf 'b\na\nä\n' | LC_ALL=C sort | sha256sum
        let expected = "sha256:e99cdc3a7d17049ff10777752171e1cfd360390f8ba7a09ad149a86c4a622343";
        assert_eq!(digest.to_string(), expected);
        assert_ne!(digest, digest_of_keys(&keys(["b", "a", "c"])));
    }
}
