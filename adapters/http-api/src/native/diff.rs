//! `/v1/diff`: what changed on the board between two moments. Does not know which rows there are.

use std::collections::BTreeMap;

use domain::moment::Moment;
use projections::difference::DifferentRow;
use runtime::{DiffError, DiffPage, RowDiff, Then, Totals};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::{Reply, ok};
use crate::description::problems::DiffRefusals;
use crate::description::{names, things};
use crate::extract::{Query, State};
use crate::page;
use crate::position;
use crate::problem::Problem;
use crate::state::ApiState;

pub(super) fn router() -> OpenApiRouter<ApiState> {
    OpenApiRouter::new().routes(routes!(diff))
}

#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct DiffQuery {
    /// From this moment, a position or an instant; without it, from the start of the log,
    #[param(value_type = names::Moment, required = false, inline)]
    from: Option<String>,
    /// to this one; without it, to the present.
    #[param(value_type = names::Moment, required = false, inline)]
    to: Option<String>,
    /// Only rows of this view.
    #[param(value_type = BoardView, required = false, inline, example = "key_scopes")]
    view: Option<String>,
    /// How many items; 100 unless said otherwise.
    #[param(value_type = names::Limit, required = false, inline)]
    limit: Option<String>,
    /// The `next` of the page before, as it is.
    #[param(value_type = names::Cursor, required = false, inline)]
    after: Option<String>,
}

/// What changed between two moments.
#[derive(Serialize, ToSchema)]
struct BoardDiff {
    from: PastMoment,
    to: PastMoment,
    /// How many rows differ, by view; views without differences are left out.
    #[schema(value_type = BTreeMap<String, DiffTotals>)]
    totals: BTreeMap<&'static str, Totals>,
    /// The rows, in the order of views and keys.
    #[schema(value_type = Vec<DifferentRowItem>)]
    items: Vec<RowDiff>,
    /// What to send as `after` for the next page; null when this is the last.
    #[schema(required = true)]
    next: Option<String>,
    /// The position of the second moment.
    #[schema(value_type = names::Position)]
    position: domain::stream::Position,
}

/// A moment that is over.
#[derive(Serialize, ToSchema)]
struct PastMoment {
    #[schema(value_type = names::Position)]
    position: domain::stream::Position,
    /// What time it was.
    #[schema(value_type = names::Timestamp)]
    at: domain::time::Timestamp,
}

impl From<Then> for PastMoment {
    fn from(Then { position, at }: Then) -> Self {
        Self { position, at }
    }
}

/// How many rows of a view differ.
#[derive(ToSchema)]
#[expect(dead_code, reason = "describes what the runtime serializes, and is never made")]
struct DiffTotals {
    added: names::Count,
    removed: names::Count,
    changed: names::Count,
}

/// A row that differs.
#[derive(ToSchema)]
#[expect(dead_code, reason = "describes what the runtime serializes, and is never made")]
struct DifferentRowItem {
    view: BoardView,
    /// Its key in the view.
    key: String,
    #[schema(value_type = DiffKind)]
    kind: DifferentRow,
    changes: Vec<things::Difference>,
}

/// The views whose rows are compared.
#[derive(ToSchema)]
#[schema(rename_all = "snake_case")]
#[expect(dead_code, reason = "describes what the projections name, and is never made")]
enum BoardView {
    Batches,
    Campaigns,
    KeyScopes,
    Records,
    StorageUnits,
    System,
    Tasks,
    Workspaces,
}

/// In which way a row differs.
#[derive(ToSchema)]
#[schema(rename_all = "snake_case")]
#[expect(dead_code, reason = "describes what the projections serialize, and is never made")]
enum DiffKind {
    Added,
    Removed,
    Changed,
}

/// Show what changed between two moments
///
/// Row by row of what is on the board: units, key-scopes, campaigns, records, tasks, workspaces, batches, the system.
#[utoipa::path(
    get, path = "/v1/diff", operation_id = "diff", tag = "overview",
    params(DiffQuery),
    responses((status = 200, description = "What changed", body = BoardDiff), DiffRefusals),
)]
async fn diff(State(state): State<ApiState>, Query(query): Query<DiffQuery>) -> Reply {
    let limit = page::limit(query.limit.as_deref(), &state.settings)?;
    let after = match page::after(query.after.as_deref())? {
        None => None,
        Some(row) => {
            let (view, key) = row.split_once('/').ok_or_else(page::bad_cursor)?;
            Some((view.to_owned(), key.to_owned()))
        }
    };
    let from = then(&state, "from", query.from.as_deref().unwrap_or("p0")).await?;
    let to = match query.to {
        Some(to) => then(&state, "to", &to).await?,
        None => {
            let head = position::log(&state, None).await?;
            state.engine.when(Moment::Position(head), None).await?
        }
    };
    let found = state.engine.diff(from, to, &DiffPage { view: query.view, after, limit }).await?;
    let last = found.items.last().filter(|_| found.has_more);
    let next = last.map(|row| page::cursor(&format!("{}/{}", row.view, row.key)));
    let runtime::BoardDiff { totals, items, has_more: _ } = found;
    let position = to.position;
    ok(position, &BoardDiff { from: from.into(), to: to.into(), totals, items, next, position })
}

async fn then(state: &ApiState, name: &str, text: &str) -> Result<Then, Problem> {
    let wrong = |error: &dyn std::fmt::Display| {
        Problem::bad_request(format!("correct the query parameter {name}: {error}"))
    };
    let moment: Moment = text.parse().map_err(|error| wrong(&error))?;
    state.engine.when(moment, None).await.map_err(|error| match error {
        runtime::PastError::Store(error) => error.into(),
        error @ (runtime::PastError::BeyondLog { .. }
        | runtime::PastError::Future { .. }
        | runtime::PastError::BeyondStream { .. }
        | runtime::PastError::VersionOfWhat(_)) => wrong(&error),
    })
}

impl From<DiffError> for Problem {
    fn from(error: DiffError) -> Self {
        match error {
            DiffError::Backwards { .. } => Self::invalid("moments_exchanged", error),
            DiffError::TooFar { .. } => Self::invalid("too_far_apart", error),
            DiffError::UnknownView(_) => Self::invalid("unknown_view", error),
            DiffError::Past(error) => error.into(),
            DiffError::Rows(error) => error.into(),
        }
    }
}

#[cfg(test)]
mod tests {
    use projections::difference::board_views;
    use utoipa::PartialSchema as _;

    use super::BoardView;

    #[test]
    fn the_described_views_are_those_that_are_compared() {
        let schema = serde_json::to_value(BoardView::schema()).expect("a schema is JSON");
        assert_eq!(schema["enum"], serde_json::json!(board_views()));
    }
}
