//! One item of a report: which lease it is about, and what became of it. Does not know what is said of it.

use axum::http::StatusCode;
use domain::names::{Key, Scope, StorageUnitName};
use domain::stream::KeyScopeId;
use domain::time::Timestamp;
use domain::work::Token;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::Object;
use crate::extract::from_ref;
use crate::problem::Problem;

/// What became of an item: what was said, or what stands in its way beside the members that say which it is.
#[derive(Debug, Serialize)]
#[serde(untagged)]
pub(super) enum ItemResult {
    Ok(Said),
    Refused(Object),
}

/// What was said of a lease.
#[derive(Debug, Serialize)]
pub(super) struct Said {
    #[serde(flatten)]
    pub(super) place: Place,
    pub(super) status: &'static str,
    #[serde(flatten)]
    pub(super) more: More,
}

/// What else there is to say of it.
#[derive(Debug, Default, Serialize)]
pub(super) struct More {
    /// When it runs out now.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) until: Option<Timestamp>,
    /// Whether the result was there already.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) repeated: Option<bool>,
    /// When it is tried again, or `null`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) retry_at: Option<Option<Timestamp>>,
}

/// Which lease an item is about.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Place {
    #[serde(deserialize_with = "crate::native::leases::queue_unit")]
    pub(super) unit: StorageUnitName,
    pub(super) scope: Scope,
    pub(super) key: Key,
    pub(super) token: Token,
}

impl Place {
    const MEMBERS: [&str; 4] = ["unit", "scope", "key", "token"];

    /// The members that say which lease it is, taken out of an item. They stay there when one of them is wrong.
    pub(super) fn take(item: &mut Value) -> Result<Self, Problem> {
        let place = from_ref(item)?;
        if let Value::Object(members) = item {
            for name in Self::MEMBERS {
                members.remove(name);
            }
        }
        Ok(place)
    }

    /// Those of the members that an item has.
    pub(super) fn members_of(item: &Value) -> Object {
        let member = |name: &str| item.get(name).map(|value| (name.to_owned(), value.clone()));
        Self::MEMBERS.into_iter().filter_map(member).collect()
    }

    pub(super) fn id(&self) -> KeyScopeId {
        KeyScopeId { unit: self.unit.clone(), scope: self.scope.clone(), key: self.key.clone() }
    }
}

/// What stands in an item's way, beside what is known of it.
pub(super) fn refused(mut shown: Object, problem: Problem) -> ItemResult {
    let Problem { code, detail, status } = problem;
    shown.insert("status".to_owned(), json!(code));
    shown.insert("detail".to_owned(), json!(detail));
    if status == StatusCode::SERVICE_UNAVAILABLE {
        shown.insert("try_later".to_owned(), json!(true));
    }
    ItemResult::Refused(shown)
}
