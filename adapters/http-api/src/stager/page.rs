//! `fetchPage`: the records of one zone, page by page (`reference/stager.md` §6, the newest shape).
//!
//! `_id` is a token for the next page's `startId`: the key's bytes in hexadecimal. It stays good when its record is
//! gone. Does not know what a record holds.

use axum::Json;
use domain::names::{Key, Scope};
use domain::storage_unit::Content;
use domain::stream::RecordId;
use futures::stream::{self, StreamExt as _};
use projections::read_model::{self, Query};
use projections::views::Records;
use serde::{Deserialize, Serialize};

use super::access::{Contents, RECORDS_AT_ONCE, Room, UnitPath, contents};
use super::input::{Body, Parameters, PathParts, Unit, scope_or_all, see_everything, zones};
use super::reply::{Code, Failure};
use crate::extract::State;
use crate::page::{after, cursor};
use crate::state::ApiState;

/// How many records a page has unless something else is asked for (`reference/stager.md` §6).
const SIZE_DEFAULT: usize = 10;

/// A record as `fetchPage` returns it.
#[derive(Debug, Serialize)]
pub(super) struct PagedRecord {
    key: String,
    version: u64,
    content: Contents,
    #[serde(rename = "_id")]
    id: String,
}

// ── Calls ──────────────────────────────────────────────────────────────────────────────────────────────────────

/// `GET access/fetchPage/<su>/<optional scope>?startId=…&size=…&zone=…`.
pub(super) async fn fetch_page_by_query(
    State(state): State<ApiState>,
    PathParts(path): PathParts<UnitPath>,
    parameters: Parameters,
) -> Result<Json<Vec<PagedRecord>>, Failure> {
    let unit = Unit::in_use(&state, &path.unit).await?;
    let asked = Asked::read(&parameters)?;
    fetch_page(&state, &unit, path.scope.as_deref(), asked).await
}

/// `POST access/fetchPage/<su>/<optional scope>`: the same as JSON; what the body does not say, the query may.
pub(super) async fn fetch_page_by_body(
    State(state): State<ApiState>,
    PathParts(path): PathParts<UnitPath>,
    parameters: Parameters,
    body: Body,
) -> Result<Json<Vec<PagedRecord>>, Failure> {
    let unit = Unit::in_use(&state, &path.unit).await?;
    let by_query = Asked::read(&parameters)?;
    let by_body: Asked = if body.is_blank() { Asked::default() } else { body.json()? };
    let asked = Asked {
        start_id: by_body.start_id.or(by_query.start_id),
        size: by_body.size.or(by_query.size),
        zone: by_body.zone.or(by_query.zone),
    };
    fetch_page(&state, &unit, path.scope.as_deref(), asked).await
}

/// The page that is asked for, as it was sent.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Asked {
    start_id: Option<String>,
    size: Option<usize>,
    zone: Option<String>,
}

impl Asked {
    fn read(parameters: &Parameters) -> Result<Self, Failure> {
        let size = parameters.get("size").map(str::parse).transpose();
        Ok(Self {
            start_id: parameters.get("startId").map(str::to_owned),
            size: size.map_err(|_| Failure::ours(Code::InvalidParameter, "'size' must be a whole number"))?,
            zone: parameters.get("zone").map(str::to_owned),
        })
    }

    fn check(self, state: &ApiState) -> Result<Wanted, Failure> {
        let invalid = |detail: String| Failure::ours(Code::InvalidParameter, detail);
        let size_max = state.settings.page_rows_max;
        let size = self.size.unwrap_or(SIZE_DEFAULT.min(size_max));
        if size == 0 || size > size_max {
            return Err(invalid(format!("'size' must be between 1 and {size_max}")));
        }
        let after = self.start_id.map(|id| {
            from_id(&id).ok_or_else(|| {
                let detail = "'startId' must be the '_id' of an earlier page's last record";
                invalid(detail.to_owned())
            })
        });
        let zone = self.zone.unwrap_or_else(|| state.settings.zone.clone());
        if zone.is_empty() || zone.contains(':') {
            return Err(invalid("'zone' must not be empty nor contain ':'".to_owned()));
        }
        Ok(Wanted { after: after.transpose()?, size, zone })
    }
}

/// A page that can be had.
struct Wanted {
    after: Option<Key>,
    size: usize,
    zone: String,
}

async fn fetch_page(
    state: &ApiState,
    unit: &Unit,
    scope: Option<&str>,
    asked: Asked,
) -> Result<Json<Vec<PagedRecord>>, Failure> {
    let scope = scope_or_all(scope)?;
    let wanted = asked.check(state)?;
    see_everything(state).await?;
    let keys = match &unit.settings.content {
        Content::Managed => recorded_keys(state, unit, scope.as_ref(), &wanted).await?,
        Content::Registered(location) => {
            let listed = match &scope {
                Some(scope) => scope,
                None if !location.layout.has_scope() => &location.scope,
                None => {
                    let detail =
                        "this storage unit's keys are listed scope by scope; name the scope in the path";
                    return Err(Failure::ours(Code::ScopeRequired, detail));
                }
            };
            listed_keys(state, unit, listed, &wanted).await?
        }
    };
    let read = async |key: Key| record(state, unit, scope.as_ref(), key).await;
    let mut records = stream::iter(keys.into_iter().map(read)).buffered(RECORDS_AT_ONCE);
    let (mut page, mut room) = (Vec::new(), Room::default());
    while let Some(record) = records.next().await {
        if let Some(record) = record? {
            room.take(&record.content)?;
            page.push(record);
        }
    }
    Ok(Json(page))
}

async fn record(
    state: &ApiState,
    unit: &Unit,
    scope: Option<&Scope>,
    key: Key,
) -> Result<Option<PagedRecord>, Failure> {
    let Some(content) = contents(state, &unit.name, &key, scope).await? else { return Ok(None) };
    let version = state.engine.record(&RecordId { unit: unit.name.clone(), key: key.clone() }).await?.version;
    Ok(Some(PagedRecord { key: zones(state).show(&key), version, content, id: to_id(&key) }))
}

// ── Keys of a page ─────────────────────────────────────────────────────────────────────────────────────────────

/// Keys of what the engine keeps, in the order of their rows.
async fn recorded_keys(
    state: &ApiState,
    unit: &Unit,
    scope: Option<&Scope>,
    wanted: &Wanted,
) -> Result<Vec<Key>, Failure> {
    let unit_name = &unit.name;
    let row_key = |key: Key| Records::row_key(&RecordId { unit: unit_name.clone(), key });
    let is_local = zones(state).is_local(&wanted.zone);
    let key_prefix = if is_local {
        Records::unit_prefix(unit_name)
    } else {
        let zone = Key::new(format!("{}:", wanted.zone));
        row_key(zone.map_err(|error| Failure::ours(Code::InvalidParameter, format!("zone: {error}")))?)
    };
    let mut after = wanted.after.clone().map(row_key);
    let mut keys = Vec::with_capacity(wanted.size);
    loop {
        let query = Query { key_prefix: key_prefix.clone(), after, ..Query::page(wanted.size) };
        let page = read_model::list::<Records>(state.engine.read_model(), query).await?;
        let last = page.rows.last().map(|row| row.key.clone());
        let rows = page.rows.into_iter().filter(|row| {
            zones(state).zone_of(&row.key) == wanted.zone
                && scope.is_none_or(|scope| row.scopes.contains_key(scope))
        });
        keys.extend(rows.map(|row| row.key));
        keys.truncate(wanted.size);
        after = match last {
            Some(last) if page.next.is_some() && keys.len() < wanted.size => {
                Some(if is_local { past_zone(row_key(last)) } else { row_key(last) })
            }
            Some(_) | None => return Ok(keys),
        };
    }
}

/// The row key itself or, when it is of another zone, a row key after everything of that zone, so that listing the
/// local zone does not read through the others.
fn past_zone(row_key: String) -> String {
    const ENCODED_SEPARATOR: &str = "%3A";
    /// Greater than every character of an encoded key.
    const LAST: &str = "~";
    match row_key.split_once(ENCODED_SEPARATOR) {
        Some((zone, _key)) => format!("{zone}{ENCODED_SEPARATOR}{LAST}"),
        None => row_key,
    }
}

/// Keys of a registered location, in the order in which it lists them.
async fn listed_keys(
    state: &ApiState,
    unit: &Unit,
    scope: &Scope,
    wanted: &Wanted,
) -> Result<Vec<Key>, Failure> {
    let mut listing = state.engine.keys(&unit.name, scope, wanted.after.as_ref()).await?;
    let mut keys = Vec::with_capacity(wanted.size);
    while keys.len() < wanted.size {
        let listed = listing.next(wanted.size).await?;
        if listed.is_empty() {
            break;
        }
        keys.extend(listed.into_iter().filter(|key| zones(state).zone_of(key) == wanted.zone));
    }
    keys.truncate(wanted.size);
    Ok(keys)
}

// ── Ids ────────────────────────────────────────────────────────────────────────────────────────────────────────

fn to_id(key: &Key) -> String {
    cursor(key.as_str())
}

fn from_id(id: &str) -> Option<Key> {
    Key::new(after(Some(id)).ok()??).ok()
}
