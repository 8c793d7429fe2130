//! A thing as the command line names it: a unit, a key-scope, a task, a workspace, a campaign. Does not know what is asked about it.

use std::str::FromStr;

use domain::names::{CampaignId, Key, Scope, StorageUnitName, TaskId, WorkspaceId};
use domain::stream::{KeyScopeId, Subject};

use crate::client::part;

/// What a task's id stands behind.
const TASK: &str = "task/";
/// What a workspace's id stands behind.
const WORKSPACE: &str = "workspace/";
/// How a thing is written.
const FORMS: &str = "write UNIT, UNIT/SCOPE/KEY, task/ID, workspace/ID, or a campaign's id";

/// A thing that has a history.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Thing(pub(crate) Subject);

impl FromStr for Thing {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if let Ok(id) = text.parse::<CampaignId>() {
            return Ok(Self(Subject::Campaign(id)));
        }
        let mut parts = text.splitn(3, '/');
        let subject = match (parts.next(), parts.next(), parts.next()) {
            (Some(unit), Some(scope), Some(key)) => Subject::KeyScope(KeyScopeId {
                unit: StorageUnitName::new(unit).map_err(|error| error.to_string())?,
                scope: Scope::new(scope).map_err(|error| error.to_string())?,
                key: Key::new(key).map_err(|error| error.to_string())?,
            }),
            (_, Some(_), None) => {
                let task = || text.strip_prefix(TASK)?.parse::<TaskId>().ok().map(Subject::Task);
                let workspace =
                    || text.strip_prefix(WORKSPACE)?.parse::<WorkspaceId>().ok().map(Subject::Workspace);
                task().or_else(workspace).ok_or(FORMS)?
            }
            (_, None, _) => {
                Subject::StorageUnit(StorageUnitName::new(text).map_err(|error| error.to_string())?)
            }
            (None, Some(_), Some(_)) => return Err("write what is meant".to_owned()),
        };
        Ok(Self(subject))
    }
}

impl Thing {
    /// Where its resource is; nothing when the command line cannot name such a thing.
    pub(crate) fn path(&self) -> Option<String> {
        Some(match &self.0 {
            Subject::StorageUnit(unit) => format!("/v1/storage-units/{}", part(unit.as_str())),
            Subject::KeyScope(KeyScopeId { unit, scope, key }) => {
                format!(
                    "/v1/key-scopes/{}/{}/{}",
                    part(unit.as_str()),
                    part(scope.as_str()),
                    part(key.as_str())
                )
            }
            Subject::Campaign(id) => format!("/v1/campaigns/{id}"),
            Subject::Task(id) => format!("/v1/tasks/{id}"),
            Subject::Workspace(id) => format!("/v1/workspaces/{id}"),
            Subject::Record(_)
            | Subject::Batch(_)
            | Subject::ExternalId(..)
            | Subject::Ids(_)
            | Subject::System
            | Subject::ApiKey(_)
            | Subject::Access(_) => return None,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::Thing;

    fn path(text: &str) -> Result<Option<String>, String> {
        text.parse().map(|thing: Thing| thing.path())
    }

    #[test]
    fn a_thing_is_a_unit_a_key_scope_a_task_a_workspace_or_a_campaign() {
        let id = "018f6d5e-7a1b-7c3d-8e4f-5a6b7c8d9e0f";
        for (text, expected) in [
            ("docs", "/v1/storage-units/docs".to_owned()),
            ("docs/content/a/b.txt", "/v1/key-scopes/docs/content/a%2Fb%2Etxt".to_owned()),
            ("task/7", "/v1/tasks/7".to_owned()),
            ("workspace/7", "/v1/workspaces/7".to_owned()),
            ("task/recognition/7", "/v1/key-scopes/task/recognition/7".to_owned()),
            (id, format!("/v1/campaigns/{id}")),
        ] {
            assert_eq!(path(text), Ok(Some(expected)), "{text}");
        }
        for wrong in ["docs/content", "task/", "task/x", "workspace/0", "", "a b\u{7}"] {
            assert!(path(wrong).is_err(), "{wrong}");
        }
    }
}
