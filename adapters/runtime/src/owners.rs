//! Whose each storage unit is. A name that an organization once had stays its own, so what is known here never changes.
//! Does not know how it is found out.

use std::collections::HashMap;
use std::sync::{PoisonError, RwLock};

use domain::names::{OrganizationId, StorageUnitName};

/// Whose the storage units are, as far as they were met.
#[derive(Debug, Default)]
pub(crate) struct Owners(RwLock<HashMap<StorageUnitName, OrganizationId>>);

impl Owners {
    /// Whose a unit is; nothing when it was not met yet.
    pub(crate) fn of(&self, unit: &str) -> Option<OrganizationId> {
        self.0.read().unwrap_or_else(PoisonError::into_inner).get(unit).cloned()
    }

    /// Whether a unit is known to be an organization's.
    pub(crate) fn has(&self, organization: &OrganizationId, unit: &str) -> bool {
        self.0.read().unwrap_or_else(PoisonError::into_inner).get(unit) == Some(organization)
    }

    /// A unit was met.
    pub(crate) fn learn(&self, unit: &StorageUnitName, organization: &OrganizationId) {
        let mut owners = self.0.write().unwrap_or_else(PoisonError::into_inner);
        owners.entry(unit.clone()).or_insert_with(|| organization.clone());
    }
}
