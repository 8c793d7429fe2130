//! Writes of one scope: add and delete (`reference/stager.md` §4). Does not know versions and policies: the record's
//! rules do.

use axum::Json;
use domain::envelope::Command;
use domain::names::{Key, Scope};
use domain::record::{DeletePolicy, WritePolicy};
use domain::stream::{KeyScopeId, RecordId};
use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;

use super::access::UnitPath;
use super::input::{Body, PathParts, Sender, Unit, one_scope, scope_or_all, zones};
use super::reply::{Code, Failure, Outcome};
use super::reprocess;
use crate::extract::State;
use crate::request::Caller;
use crate::state::ApiState;

// ── Calls ──────────────────────────────────────────────────────────────────────────────────────────────────────

/// The fields of a write; others are ignored.
#[derive(Debug, Deserialize)]
pub(super) struct Fields {
    pub(super) key: Option<String>,
    version: Option<serde_json::Value>,
    policy: Option<String>,
    /// Any JSON, `null` included; kept byte for byte.
    #[serde(default, deserialize_with = "present")]
    content: Option<Box<RawValue>>,
}

fn present<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Box<RawValue>>, D::Error> {
    Box::<RawValue>::deserialize(deserializer).map(Some)
}

/// `transaction/add/<su>/<scope>`.
pub(super) async fn add(
    State(state): State<ApiState>,
    PathParts((unit, scope)): PathParts<(String, String)>,
    Sender(sender): Sender,
    body: Body,
) -> Result<Json<Outcome>, Failure> {
    let unit = Unit::writable(&state, &unit).await?;
    let fields: Fields = body.json()?;
    let key = fields.key(&state)?;
    let write = fields.into_write(one_scope(&scope)?)?;
    write.carry_out(&state, &sender, &unit, key).await?;
    Ok(Outcome::ok())
}

/// `transaction/delete/<su>/<optional scope>`; without a scope the whole record.
pub(super) async fn delete(
    State(state): State<ApiState>,
    PathParts(path): PathParts<UnitPath>,
    Sender(sender): Sender,
    body: Body,
) -> Result<Json<Outcome>, Failure> {
    let unit = Unit::writable(&state, &path.unit).await?;
    let fields: Fields = body.json()?;
    let key = fields.key(&state)?;
    let delete = fields.into_delete(scope_or_all(path.scope.as_deref())?)?;
    delete.carry_out(&state, &sender, &unit, key).await?;
    Ok(Outcome::ok())
}

// ── From fields to writes ──────────────────────────────────────────────────────────────────────────────────────

/// A scope to be set.
#[derive(Debug)]
pub(super) struct Write {
    scope: Scope,
    content: Box<RawValue>,
    version: Option<u64>,
    policy: WritePolicy,
}

/// A scope, or every scope, to be removed.
#[derive(Debug)]
pub(super) struct Delete {
    scope: Option<Scope>,
    version: Option<u64>,
    policy: DeletePolicy,
}

impl Fields {
    /// The key that is to be written.
    pub(super) fn key(&self, state: &ApiState) -> Result<Key, Failure> {
        let key = self.key.as_deref();
        let key =
            key.ok_or_else(|| Failure::ours(Code::InvalidBody, "name the record in 'key', a string"))?;
        zones(state).read(key)
    }

    /// The fields of an add or update.
    pub(super) fn into_write(self, scope: Scope) -> Result<Write, Failure> {
        let (version, policy) = (self.version()?, self.policy.as_deref());
        // The reference names no default; this one destroys nothing.
        let policy = match policy.unwrap_or("merge") {
            "new" => WritePolicy::New,
            "overwrite" => WritePolicy::Overwrite,
            "merge" => WritePolicy::Merge,
            _other => {
                let detail = "'policy' of an add or update must be 'new', 'overwrite' or 'merge'";
                return Err(Failure::ours(Code::InvalidPolicy, detail));
            }
        };
        let missing = || Failure::ours(Code::InvalidBody, "give the scope's JSON in 'content'");
        Ok(Write { scope, content: self.content.ok_or_else(missing)?, version, policy })
    }

    /// The fields of a delete.
    pub(super) fn into_delete(self, scope: Option<Scope>) -> Result<Delete, Failure> {
        let policy = match self.policy.as_deref().unwrap_or("silent") {
            "silent" => DeletePolicy::Silent,
            "mustexist" => DeletePolicy::MustExist,
            _other => {
                let detail = "'policy' of a delete must be 'silent' or 'mustexist'";
                return Err(Failure::ours(Code::InvalidPolicy, detail));
            }
        };
        Ok(Delete { scope, version: self.version()?, policy })
    }

    fn version(&self) -> Result<Option<u64>, Failure> {
        match &self.version {
            None => Ok(None),
            Some(version) => version.as_u64().map(Some).ok_or_else(|| {
                let detail = format!("'version' must be a whole number from 0 to {}", u64::MAX);
                Failure::ours(Code::InvalidVersion, detail)
            }),
        }
    }
}

// ── Carrying out ───────────────────────────────────────────────────────────────────────────────────────────────

impl Write {
    /// Keeps the content and, when modules run over the scope, asks for them: `Process` fires once a scope has been
    /// persisted (`reference/stager.md` §7.1).
    pub(super) async fn carry_out(
        self,
        state: &ApiState,
        sender: &Caller,
        unit: &Unit,
        key: Key,
    ) -> Result<(), Failure> {
        let Self { scope, content, version, policy } = self;
        let id = RecordId { unit: unit.name.clone(), key: key.clone() };
        let bytes = content.get().as_bytes().to_vec();
        let envelope = |command: Command| sender.envelope(state, command, None);
        state.engine.write_document(&id, &scope, bytes, version, policy, envelope).await?;
        if unit.has_modules(&scope) {
            let id = KeyScopeId { unit: unit.name.clone(), scope, key };
            reprocess::queue(state, sender, id, Some("its content was written")).await?;
        }
        Ok(())
    }
}

impl Delete {
    /// Removes the content.
    pub(super) async fn carry_out(
        self,
        state: &ApiState,
        sender: &Caller,
        unit: &Unit,
        key: Key,
    ) -> Result<(), Failure> {
        let id = RecordId { unit: unit.name.clone(), key };
        let envelope = |command: Command| sender.envelope(state, command, None);
        state.engine.delete_document(&id, self.scope, self.version, self.policy, envelope).await?;
        Ok(())
    }
}
