//! `GET /v1/tasks` and `/v1/tasks/counts`: the tasks that match a filter, page by page in any order, or how many have each
//! status. The words of the filter are those of [`TaskFilter`]: they are read here as they are in bodies. Does not know how
//! rows are found.

use axum::extract::FromRequestParts;
use axum::http::Uri;
use axum::http::request::Parts;
use domain::filter::TaskFilter;
use domain::task::{Screen, TaskStatus};
use projections::matching::tasks::{self as matching, SortBy};
use projections::read_model::Direction;
use projections::view::View as _;
use projections::views::Tasks;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::json;
use utoipa::IntoParams;

use super::Resource;
use crate::description::problems::TaskCountRefusals;
use crate::description::{names, tasks as described};
use crate::extract::{AsOf, check_escapes};
use crate::native::{Reply, batches, ok};
use crate::page::{self, Page};
use crate::position;
use crate::problem::Problem;
use crate::state::ApiState;

// ── The filter ─────────────────────────────────────────────────────────────────────────────────────────────────

/// The query string of a question that has a filter: what is not one of the question's own words is the filter's.
#[derive(Debug)]
pub(super) struct Filtered<Q> {
    filter: TaskFilter,
    question: Q,
}

/// A question with words of its own beside a filter.
pub(super) trait Question: DeserializeOwned {
    /// Those words.
    const WORDS: &'static [&'static str];
}

impl<Q: Question> FromRequestParts<ApiState> for Filtered<Q> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &ApiState) -> Result<Self, Problem> {
        let text = parts.uri.query().unwrap_or_default();
        check_escapes("query string", text)?;
        let name_of = |pair: &&str| pair.split('=').next().unwrap_or_default().to_owned();
        let pairs = text.split('&').filter(|pair| !pair.is_empty());
        let (own, filter): (Vec<&str>, Vec<&str>) =
            pairs.partition(|pair| Q::WORDS.contains(&name_of(pair).as_str()));
        Ok(Self { filter: read(&filter)?, question: read(&own)? })
    }
}

fn read<T: DeserializeOwned>(pairs: &[&str]) -> Result<T, Problem> {
    let bad = |text: String| Problem::bad_request(format!("correct the query string at {text}"));
    let uri = Uri::try_from(format!("/?{}", pairs.join("&"))).map_err(|error| bad(error.to_string()))?;
    let read = axum::extract::Query::<T>::try_from_uri(&uri);
    read.map(|axum::extract::Query(value)| value).map_err(|rejection| {
        let text = rejection.body_text();
        bad(text.strip_prefix("Failed to deserialize query string: ").unwrap_or(&text).to_owned())
    })
}

/// A filter as the description shows it in a query string.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "describes what a filter reads, and is never made")]
pub(super) struct FilterParams {
    /// Only those of one of these statuses, by name or number, with commas between them.
    #[param(value_type = names::TaskStatuses, required = false, inline)]
    status: String,
    /// Only those that are shown there.
    #[param(value_type = described::Screen, required = false, inline)]
    screen: String,
    /// Only those of this workspace.
    #[param(value_type = names::WorkspaceId, required = false, inline)]
    workspace: u32,
    /// Only those of this batch.
    #[param(value_type = names::BatchId, required = false, inline)]
    batch: u64,
    /// Only the one that clients call so.
    #[param(value_type = names::ExternalId, required = false, inline)]
    external_id: String,
    /// Only those with this somewhere in their name or external id; case does not matter.
    #[param(value_type = names::SearchText, required = false, inline)]
    text: String,
    /// Only those that this worker has.
    #[param(value_type = names::WorkerId, required = false, inline)]
    worker: String,
    /// Only those whose last attempt failed with this code.
    #[param(value_type = String, required = false)]
    error_code: String,
    /// Only those that this campaign restarted last.
    #[param(value_type = names::CampaignId, required = false, inline)]
    campaign: String,
    /// Only those that are held, or that are not.
    #[param(value_type = bool, required = false)]
    held: bool,
    /// Only those that carry the watchdog's warning, or that do not.
    #[param(value_type = bool, required = false)]
    stuck: bool,
    /// Only those of this external integration status.
    #[param(value_type = names::ExternalIntegrationStatus, required = false, inline)]
    external_integration_status: String,
    /// Only those created at this instant or later.
    #[param(value_type = names::Instant, required = false, inline)]
    created_since: String,
    /// Only those created before this instant.
    #[param(value_type = names::Instant, required = false, inline)]
    created_before: String,
    /// Only those to which something happened at this instant or later.
    #[param(value_type = names::Instant, required = false, inline)]
    updated_since: String,
    /// Only those to which nothing happened at this instant or later.
    #[param(value_type = names::Instant, required = false, inline)]
    updated_before: String,
    /// Only those that were restarted at least so many times.
    #[param(value_type = u32, required = false)]
    restart_count_min: u32,
}

// ── Lists ──────────────────────────────────────────────────────────────────────────────────────────────────────

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct ListQuery {
    /// In which order, `-` in front for the greatest first; tasks that are equal there come by their ids.
    #[param(value_type = names::TaskSort, required = false, inline)]
    sort: Option<String>,
    /// As of this moment of the past; not together with `min_position`.
    #[serde(rename = "at")]
    #[param(value_type = names::Moment, required = false, inline)]
    _at: Option<String>,
    /// Wait until the answer reflects this position; 503 `views_behind` when it does not in time.
    #[param(value_type = names::Position, required = false, inline)]
    min_position: Option<String>,
    /// How many items; 100 unless said otherwise.
    #[param(value_type = names::Limit, required = false, inline)]
    limit: Option<String>,
    /// The `next` of the page before, as it is, with the same filter and order.
    #[param(value_type = names::Cursor, required = false, inline)]
    after: Option<String>,
}

impl Question for ListQuery {
    const WORDS: &'static [&'static str] = &["sort", "at", "min_position", "limit", "after"];
}

/// List tasks
///
/// Oldest first unless `sort` says otherwise. A task to which nothing happens between two pages is on exactly one of them.
#[utoipa::path(
    get, path = "/v1/tasks", operation_id = "list_tasks", tag = "tasks",
    params(FilterParams, ListQuery),
    responses((status = 200, description = "A page of tasks", body = Page<described::Task>)),
)]
pub(super) async fn list(AsOf(state): AsOf<ApiState>, asked: Filtered<ListQuery>) -> Reply {
    let Filtered { filter, question: ListQuery { sort, _at, min_position, limit, after } } = asked;
    let (by, direction) = sorted(sort.as_deref())?;
    let limit = page::limit(limit.as_deref(), &state.settings)?;
    let after = page::after(after.as_deref())?;
    position::views(&state, min_position.as_deref()).await?;
    let model = state.engine.read_model();
    let page = matching::list(model, &filter, by.order(direction), (after, limit)).await?;
    let items: Vec<Resource> = page.rows.into_iter().map(Resource::from).collect();
    let next = page.next.as_deref().map(page::cursor);
    ok(page.position, &Page { items, next, position: page.position })
}

fn sorted(text: Option<&str>) -> Result<(SortBy, Direction), Problem> {
    let Some(text) = text else { return Ok((SortBy::default(), Direction::Ascending)) };
    let (name, direction) = match text.strip_prefix('-') {
        Some(name) => (name, Direction::Descending),
        None => (text, Direction::Ascending),
    };
    let by = SortBy::ALL.into_iter().find(|by| by.name() == name);
    by.map(|by| (by, direction)).ok_or_else(|| {
        let names: Vec<&str> = SortBy::ALL.into_iter().map(SortBy::name).collect();
        Problem::bad_request(format!(
            "the query parameter sort must be one of {}, with '-' in front for the greatest first",
            names.join(", ")
        ))
    })
}

// ── Counts ─────────────────────────────────────────────────────────────────────────────────────────────────────

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct CountsQuery {
    /// As of this moment of the past; not together with `min_position`.
    #[serde(rename = "at")]
    #[param(value_type = names::Moment, required = false, inline)]
    _at: Option<String>,
    /// Wait until the answer reflects this position; 503 `views_behind` when it does not in time.
    #[param(value_type = names::Position, required = false, inline)]
    min_position: Option<String>,
}

impl Question for CountsQuery {
    const WORDS: &'static [&'static str] = &["at", "min_position"];
}

/// Count tasks by status
///
/// Those that match; without a filter, or of a workspace or batch as a whole, the counts are kept and cost nothing.
#[utoipa::path(
    get, path = "/v1/tasks/counts", operation_id = "count_tasks", tag = "tasks",
    params(FilterParams, CountsQuery),
    responses((status = 200, description = "How many have each status", body = described::TaskCounts), TaskCountRefusals),
)]
pub(super) async fn counts(AsOf(state): AsOf<ApiState>, asked: Filtered<CountsQuery>) -> Reply {
    let Filtered { mut filter, question } = asked;
    let position = position::views(&state, question.min_position.as_deref()).await?;
    let model = state.engine.read_model();
    let prefix = prefix(&state, &filter).await?;
    if filter.batch.is_some() {
        filter.workspace = None;
    }
    let is_whole = TaskFilter { workspace: None, batch: None, ..filter.clone() } == TaskFilter::default();
    let (counts, position) = if is_whole {
        let groups = model.counts(Tasks::NAME, &prefix).await?;
        (Tasks::status_counts(&groups).into_iter().collect(), position)
    } else {
        let found = matching::counts(model, &filter).await?;
        (found.counts, found.position)
    };
    let total: u64 = counts.iter().map(|(_, count)| count).sum();
    let items: Vec<_> = counts.iter().map(counted).collect();
    ok(position, &json!({ "items": items, "total": total, "position": position }))
}

/// What the groups begin with in which the tasks of a workspace or batch are counted.
async fn prefix(state: &ApiState, filter: &TaskFilter) -> Result<String, Problem> {
    let (workspace, batch) = (filter.workspace, filter.batch);
    let Some(batch) = batch else { return Ok(workspace.map(Tasks::workspace_prefix).unwrap_or_default()) };
    let of = batches::row(state, batch).await?.described.workspace;
    match workspace.filter(|workspace| *workspace != of) {
        None => Ok(Tasks::batch_prefix(of, batch)),
        Some(workspace) => {
            let detail =
                format!("batch {batch} belongs to workspace {of}, not to {workspace}; leave workspace out");
            Err(Problem::conflict("batch_of_another_workspace", detail))
        }
    }
}

fn counted(((screen, status), count): &((Screen, TaskStatus), u64)) -> serde_json::Value {
    json!({
        "screen": screen.name(),
        "status": status.name(),
        "status_number": status.number(),
        "status_text": status.text(),
        "count": count,
    })
}
