//! Reads of one record or of several (`reference/stager.md` §6). Does not know where a document lies.

use std::collections::BTreeMap;

use axum::Json;
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use domain::names::{Key, Scope, StorageUnitName};
use domain::ports::ContentError;
use futures::stream::{self, StreamExt as _};
use runtime::DocumentError;
use serde::{Deserialize, Serialize};
use serde_json::value::{RawValue, to_raw_value};

use super::input::{Body, Parameters, PathParts, Unit, bounded, keys_of, scope_or_all, zones};
use super::reply::{Code, Failure};
use crate::extract::State;
use crate::state::ApiState;

/// The largest record that is returned, all its wanted scopes together, in bytes.
pub(super) const RECORD_BYTES_MAX: u64 = 16 << 20;
/// The most content that one reply has, in bytes.
pub(super) const REPLY_BYTES_MAX: usize = 64 << 20;
/// How many records are read at once; bounds memory to so many of the largest ones beside the reply.
pub(super) const RECORDS_AT_ONCE: usize = 8;
/// How often a record is read that changes while it is read.
const READS_MAX: usize = 5;

/// A record's scopes and what each of them holds, as JSON.
pub(super) type Contents = BTreeMap<String, Box<RawValue>>;

/// A record as `fetch` and `fetchMultiple` return it.
#[derive(Debug, Serialize)]
pub(super) struct Fetched {
    key: String,
    content: Contents,
}

// ── Calls ──────────────────────────────────────────────────────────────────────────────────────────────────────

/// The path of `fetch`.
#[derive(Debug, Deserialize)]
pub(super) struct FetchPath {
    unit: String,
    key: String,
    scope: Option<String>,
}

/// `access/fetch/<su>/<key>/<optional scope>`.
pub(super) async fn fetch(
    State(state): State<ApiState>,
    PathParts(path): PathParts<FetchPath>,
) -> Result<Json<Fetched>, Failure> {
    let unit = Unit::in_use(&state, &path.unit).await?;
    let key = zones(&state).read(&path.key)?;
    let scope = scope_or_all(path.scope.as_deref())?;
    let content = contents(&state, &unit.name, &key, scope.as_ref()).await?;
    let content = content.ok_or(Failure::documented(Code::KeyNotFound))?;
    Ok(Json(Fetched { key: zones(&state).show(&key), content }))
}

/// The path of `fetchMultiple` and `fetchPage`.
#[derive(Debug, Deserialize)]
pub(super) struct UnitPath {
    pub(super) unit: String,
    pub(super) scope: Option<String>,
}

/// `GET access/fetchMultiple/<su>/<optional scope>?keys=a,b,c`.
pub(super) async fn fetch_multiple_by_query(
    State(state): State<ApiState>,
    PathParts(path): PathParts<UnitPath>,
    parameters: Parameters,
) -> Result<Json<Vec<Fetched>>, Failure> {
    let unit = Unit::in_use(&state, &path.unit).await?;
    fetch_multiple(&state, &unit, path.scope.as_deref(), parameters.keys()).await
}

/// `POST access/fetchMultiple/<su>/<optional scope>` with `{"keys": […]}`.
pub(super) async fn fetch_multiple_by_body(
    State(state): State<ApiState>,
    PathParts(path): PathParts<UnitPath>,
    body: Body,
) -> Result<Json<Vec<Fetched>>, Failure> {
    let unit = Unit::in_use(&state, &path.unit).await?;
    fetch_multiple(&state, &unit, path.scope.as_deref(), keys_of(&body)?).await
}

/// The records in the order in which they were named; those that are not there are left out.
async fn fetch_multiple(
    state: &ApiState,
    unit: &Unit,
    scope: Option<&str>,
    keys: Vec<String>,
) -> Result<Json<Vec<Fetched>>, Failure> {
    let scope = scope_or_all(scope)?;
    let keys =
        bounded(state, keys)?.iter().map(|key| zones(state).read(key)).collect::<Result<Vec<Key>, _>>()?;
    let read = async |key: Key| {
        let content = contents(state, &unit.name, &key, scope.as_ref()).await?;
        Ok::<_, Failure>(content.map(|content| Fetched { key: zones(state).show(&key), content }))
    };
    let mut records = stream::iter(keys.into_iter().map(read)).buffered(RECORDS_AT_ONCE);
    let (mut fetched, mut room) = (Vec::new(), Room::default());
    while let Some(record) = records.next().await {
        if let Some(record) = record? {
            room.take(&record.content)?;
            fetched.push(record);
        }
    }
    Ok(Json(fetched))
}

// ── Contents ───────────────────────────────────────────────────────────────────────────────────────────────────

/// What a record holds, in one scope or in all; nothing when it is not there.
pub(super) async fn contents(
    state: &ApiState,
    unit: &StorageUnitName,
    key: &Key,
    scope: Option<&Scope>,
) -> Result<Option<Contents>, Failure> {
    for _ in 0..READS_MAX {
        let mut scopes = state.engine.scopes(unit, key).await?;
        scopes.retain(|known| scope.is_none_or(|wanted| wanted == known));
        if scopes.is_empty() {
            return Ok(None);
        }
        match read(state, unit, key, scopes).await {
            // Written or deleted since its scopes were looked up.
            Err(DocumentError::Content(ContentError::NotFound { .. })) => {}
            Err(error) => return Err(error.into()),
            Ok(contents) => return Ok(Some(contents)),
        }
    }
    Err(Failure::unavailable("the record kept changing while it was read; read it again"))
}

async fn read(
    state: &ApiState,
    unit: &StorageUnitName,
    key: &Key,
    scopes: Vec<Scope>,
) -> Result<Contents, DocumentError> {
    let mut contents = Contents::new();
    let mut bytes_left = RECORD_BYTES_MAX;
    for scope in scopes {
        let bytes = state.engine.document(unit, key, &scope, bytes_left).await?;
        bytes_left = bytes_left.saturating_sub(bytes.len() as u64);
        contents.insert(scope.to_string(), as_json(bytes));
    }
    Ok(contents)
}

/// A document as JSON: itself when it is JSON, a string when it is other text, else `{"$base64": …}`.
fn as_json(bytes: Vec<u8>) -> Box<RawValue> {
    #[derive(Serialize)]
    struct Bytes {
        #[serde(rename = "$base64")]
        base64: String,
    }
    let written = match String::from_utf8(bytes) {
        Ok(text) => match serde_json::from_str::<&RawValue>(&text) {
            Ok(json) => return json.to_owned(),
            Err(_) => to_raw_value(&text),
        },
        Err(error) => to_raw_value(&Bytes { base64: BASE64_STANDARD.encode(error.as_bytes()) }),
    };
    written.expect("a string and an object of one string can be written as JSON")
}

/// How much a reply may still grow.
#[derive(Debug)]
pub(super) struct Room {
    bytes_left: usize,
}

impl Default for Room {
    fn default() -> Self {
        Self { bytes_left: REPLY_BYTES_MAX }
    }
}

impl Room {
    /// Makes room for a record.
    pub(super) fn take(&mut self, contents: &Contents) -> Result<(), Failure> {
        let bytes = contents.values().map(|content| content.get().len()).sum();
        self.bytes_left = self.bytes_left.checked_sub(bytes).ok_or_else(|| {
            let detail =
                format!("the records together have more than {REPLY_BYTES_MAX} bytes; ask for fewer");
            Failure::ours(Code::ContentTooLarge, detail)
        })?;
        Ok(())
    }
}
