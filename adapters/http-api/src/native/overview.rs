//! `/v1/overview`: how much work stands where. Does not count: the read model and the overview do.

use projections::overview::{Overview, overview};
use projections::read_model::{self, Query as Rows};
use projections::view::View as _;
use projections::views::{KeyScopes, StorageUnits};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::{One, Reply, ok, system};
use crate::description::things;
use crate::extract::{AsOf, Query};
use crate::position;
use crate::state::ApiState;

/// Rows read at once.
const ROWS_READ_MAX: usize = 1_000;

pub(super) fn router() -> OpenApiRouter<ApiState> {
    OpenApiRouter::new().routes(routes!(show))
}

/// Show how much work stands where
#[utoipa::path(
    get, path = "/v1/overview", operation_id = "overview", tag = "overview",
    params(One),
    responses((status = 200, description = "The overview", body = things::Overview)),
)]
async fn show(AsOf(state): AsOf<ApiState>, Query(query): Query<One>) -> Reply {
    let position = position::views(&state, query.min_position.as_deref()).await?;
    let model = state.engine.read_model();
    let mut units = Vec::new();
    let mut after = None;
    loop {
        let rows = Rows { after, ..Rows::page(ROWS_READ_MAX) };
        let mut page = read_model::list::<StorageUnits>(model, rows).await?;
        units.append(&mut page.rows);
        after = page.next;
        if after.is_none() {
            break;
        }
    }
    let counts = model.counts(KeyScopes::NAME, "").await?;
    let system = system::row(&state).await?;
    let overview: Overview = overview(&units, &counts, position).of_system(system.as_ref());
    ok(position, &overview)
}
