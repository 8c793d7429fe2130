//! Counting refused accesses, so that what is recorded of them is bounded whatever comes.
//!
//! The same refusal (one key or one address, one cause) is recorded at once when it is the first for a minute; those
//! that follow are counted, and recorded as one when the minute is over and something is refused again. Does not know who
//! is refused, nor where it is recorded.

#[cfg(test)]
mod tests;

use std::collections::HashMap;
use std::net::IpAddr;
use std::num::NonZeroU32;
use std::sync::{Mutex, PoisonError};

use domain::access::{Cause, Refused};
use domain::names::{ApiKeyId, OrganizationId};
use domain::time::{Millis, Timestamp};

/// How long refusals of one origin are counted before they are recorded again.
const COUNTED_FOR: Millis = Millis::from_secs(60);
/// How many origins are counted by themselves; what comes from further ones is counted together. So at most one event
/// more than this is recorded in a minute.
const ORIGINS_MAX: usize = 60;
/// The longest method that is kept, in bytes.
const METHOD_BYTES_MAX: usize = 32;

/// A request that was refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Knock {
    /// Why.
    pub cause: Cause,
    /// The key and its organization, when a known one was presented.
    pub key: Option<(ApiKeyId, OrganizationId)>,
    /// From where.
    pub address: Option<IpAddr>,
    /// The request's method.
    pub method: String,
    /// The request's route, as a template.
    pub route: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum Origin {
    Key(ApiKeyId, Cause),
    Address(Option<IpAddr>, Cause),
    Others,
}

impl Origin {
    fn of(knock: &Knock) -> Self {
        match &knock.key {
            Some((key, _)) => Self::Key(*key, knock.cause),
            None => Self::Address(knock.address, knock.cause),
        }
    }
}

/// The origins of the last minute.
#[derive(Debug, Default)]
pub(crate) struct Refusals(Mutex<HashMap<Origin, Counted>>);

#[derive(Debug)]
struct Counted {
    recorded_at: Timestamp,
    /// Since it was recorded, and the last of them.
    since: Option<(NonZeroU32, Knock)>,
}

impl Refusals {
    /// Counts a refusal; gives what is to be recorded now, and whose it is.
    pub(crate) fn count(&self, knock: Knock, now: Timestamp) -> Vec<(OrganizationId, Refused)> {
        let mut origins = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let mut due = Vec::new();
        origins.retain(|origin, counted| {
            if now.since(counted.recorded_at) < COUNTED_FOR {
                return true;
            }
            counted.recorded_at = now;
            match counted.since.take() {
                Some((count, knock)) => {
                    due.push(refused(origin, knock, count));
                    true
                }
                None => false,
            }
        });
        let mut origin = Origin::of(&knock);
        if !origins.contains_key(&origin) && origins.len() >= ORIGINS_MAX {
            origin = Origin::Others;
        }
        match origins.get_mut(&origin) {
            None => {
                due.push(refused(&origin, knock, NonZeroU32::MIN));
                origins.insert(origin, Counted { recorded_at: now, since: None });
            }
            Some(counted) => {
                let before = counted.since.as_ref().map(|(count, _)| *count);
                let count = before.map_or(NonZeroU32::MIN, |count| count.saturating_add(1));
                counted.since = Some((count, knock));
            }
        }
        due
    }
}

/// What is recorded of refusals, and in whose organization: in that of the key, else in that which runs the instance.
fn refused(origin: &Origin, knock: Knock, count: NonZeroU32) -> (OrganizationId, Refused) {
    let Knock { cause, key, address, mut method, route } = knock;
    if method.len() > METHOD_BYTES_MAX {
        method.truncate(method.floor_char_boundary(METHOD_BYTES_MAX));
    }
    let (key, address, organization) = match (origin, key) {
        (Origin::Key(..), Some((key, organization))) => (Some(key), address, organization),
        (Origin::Key(..) | Origin::Address(..), _) => (None, address, OrganizationId::default_organization()),
        // These have nothing in common that could be said.
        (Origin::Others, _) => (None, None, OrganizationId::default_organization()),
    };
    (organization, Refused { cause, key, address, method, route, count })
}
