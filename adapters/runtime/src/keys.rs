//! The table of API keys by which callers are known: in memory, filled from the rows at start and kept by the events.
//!
//! What was acknowledged here is in the table before the acknowledgement is sent, so a revoked key is refused from the
//! reply on. It does not know where a key is presented, nor what a role may do.

#[cfg(test)]
mod tests;

use std::collections::HashMap;
use std::sync::{PoisonError, RwLock};

use domain::access::Cause;
use domain::api_key::{self, ApiKey, Role, Settings};
use domain::digest::Digest;
use domain::names::{ApiKeyId, KeyName, OrganizationId};
use domain::stream::Version;
use domain::time::Timestamp;
use projections::views::{ApiKeyRow, KeyState};
use subtle::ConstantTimeEq as _;

/// Who a key stands for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyHolder {
    /// The key.
    pub id: ApiKeyId,
    /// Whose it is.
    pub organization: OrganizationId,
    /// Its name.
    pub name: KeyName,
    /// What it may do.
    pub role: Role,
}

/// Why a key does not let in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Denied {
    /// Why.
    pub cause: Cause,
    /// Whose the key is, when there is such a key and the secret is not what is wrong.
    pub organization: Option<OrganizationId>,
}

impl Denied {
    const UNKNOWN: Self = Self { cause: Cause::UnknownKey, organization: None };
}

/// Every key that was ever issued.
#[derive(Debug, Default)]
pub(crate) struct Keys(RwLock<HashMap<ApiKeyId, Entry>>);

#[derive(Debug, Clone)]
struct Entry {
    organization: OrganizationId,
    key: ApiKey,
    /// The version of the last event that is in it.
    version: Version,
}

impl Keys {
    /// A row of the log's past.
    pub(crate) fn restore(&self, row: ApiKeyRow) {
        let ApiKeyRow { id, organization, name, role, state, secret, previous, expires_at, version, .. } =
            row;
        let key = match state {
            KeyState::Active => ApiKey::Active(Settings { name, role, secret, previous, expires_at }),
            KeyState::Revoked => ApiKey::Revoked,
        };
        self.write().insert(id, Entry { organization, key, version });
    }

    /// Something happened to a key. An event that was seen before changes nothing.
    pub(crate) fn apply(
        &self,
        id: ApiKeyId,
        organization: &OrganizationId,
        version: Version,
        event: &api_key::Event,
    ) {
        let mut keys = self.write();
        let known = keys.get(&id);
        if known.is_some_and(|known| version <= known.version) {
            return;
        }
        let before = known.map_or_else(ApiKey::default, |known| known.key.clone());
        // History that cannot be is refused where it is read; a key that has it lets nobody in.
        let key = before.evolve(event).unwrap_or(ApiKey::Revoked);
        keys.insert(id, Entry { organization: organization.clone(), key, version });
    }

    /// Whether a key was ever issued. Revoking the last one does not open the door again.
    pub(crate) fn any(&self) -> bool {
        !self.read().is_empty()
    }

    /// Whose a key is.
    pub(crate) fn organization_of(&self, id: ApiKeyId) -> Option<OrganizationId> {
        self.read().get(&id).map(|entry| entry.organization.clone())
    }

    /// Whether an organization has a valid key of this name.
    pub(crate) fn has_name(&self, organization: &OrganizationId, name: &KeyName) -> bool {
        self.read().values().any(|entry| {
            entry.organization == *organization
                && entry.key.settings().is_some_and(|settings| settings.name == *name)
        })
    }

    /// How many keys are in use.
    pub(crate) fn in_use(&self) -> usize {
        self.read().values().filter(|entry| entry.key.settings().is_some()).count()
    }

    /// Who presents a key with a secret of the given digest.
    pub(crate) fn authenticate(
        &self,
        id: ApiKeyId,
        presented: &Digest,
        now: Timestamp,
    ) -> Result<KeyHolder, Denied> {
        let keys = self.read();
        let settings = keys.get(&id).and_then(|entry| entry.key.settings());
        // All of them are compared, each in constant time.
        let is_right = settings.is_some_and(|settings| {
            let equal = settings.secrets(now).map(|secret| secret.0.ct_eq(&presented.0));
            equal.fold(subtle::Choice::from(0), |any, equal| any | equal).into()
        });
        if settings.is_some() && !is_right {
            return Err(Denied::UNKNOWN);
        }
        drop(keys);
        self.holder(id, now)
    }

    /// Who a key stands for that was presented before.
    pub(crate) fn holder(&self, id: ApiKeyId, now: Timestamp) -> Result<KeyHolder, Denied> {
        let keys = self.read();
        let Some(Entry { organization, key, .. }) = keys.get(&id) else { return Err(Denied::UNKNOWN) };
        let denied = |cause| Err(Denied { cause, organization: Some(organization.clone()) });
        match key {
            ApiKey::Absent => Err(Denied::UNKNOWN),
            ApiKey::Revoked => denied(Cause::RevokedKey),
            ApiKey::Active(settings) if settings.is_expired(now) => denied(Cause::ExpiredKey),
            ApiKey::Active(settings) => {
                let (organization, name) = (organization.clone(), settings.name.clone());
                Ok(KeyHolder { id, organization, name, role: settings.role })
            }
        }
    }

    fn read(&self) -> std::sync::RwLockReadGuard<'_, HashMap<ApiKeyId, Entry>> {
        self.0.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> std::sync::RwLockWriteGuard<'_, HashMap<ApiKeyId, Entry>> {
        self.0.write().unwrap_or_else(PoisonError::into_inner)
    }
}
