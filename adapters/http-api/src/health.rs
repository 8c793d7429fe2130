//! Whether the process lives, and whether it is ready for work. Does not know who asks.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use domain::stream::Position;
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::description::names;
use crate::state::ApiState;

/// How many events the views may be behind in an instance that counts as ready.
const LAG_EVENTS_MAX: u64 = 10_000;

pub(crate) fn router() -> OpenApiRouter<ApiState> {
    OpenApiRouter::new().routes(routes!(alive)).routes(routes!(ready))
}

/// That the process lives.
#[derive(Serialize, ToSchema)]
struct Alive {
    #[schema(pattern = "^ok$")]
    status: &'static str,
}

/// Alive
///
/// Whether the process lives.
#[utoipa::path(
    get, path = "/healthz", operation_id = "alive", tag = "operations",
    responses((status = 200, description = "It does", body = Alive)),
)]
async fn alive() -> Json<Alive> {
    Json(Alive { status: "ok" })
}

/// Whether an instance is ready, and what stands in its way.
#[derive(Serialize, ToSchema)]
struct Readiness {
    ready: bool,
    /// `ok`, or why the log cannot be read.
    store: String,
    projections: Progress,
}

/// How far the views are.
#[derive(Serialize, ToSchema)]
struct Progress {
    #[schema(value_type = names::Position)]
    position: Position,
    /// The end of the log, when it can be read.
    #[schema(value_type = Option<names::Position>, required = true)]
    head: Option<Position>,
    /// How many events the views have not seen, where the log counts its events.
    #[schema(value_type = Option<names::Count>, required = true)]
    lag_events: Option<u64>,
}

/// Ready
///
/// Whether the log can be read and the views are near its end.
#[utoipa::path(
    get, path = "/readyz", operation_id = "ready", tag = "operations",
    responses(
        (status = 200, description = "It is ready", body = Readiness),
        (status = 503, description = "It is not", body = Readiness),
    ),
)]
async fn ready(State(state): State<ApiState>) -> (StatusCode, Json<Readiness>) {
    let position = state.engine.views_position();
    let (ready, store, head) = match state.engine.store().head().await {
        Ok(head) => (is_near(position, head), "ok".to_owned(), Some(head)),
        Err(error) => (false, error.to_string(), None),
    };
    let lag_events = head.and_then(|head| position.events_until(head));
    let projections = Progress { position, head, lag_events };
    let status = if ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    (status, Json(Readiness { ready, store, projections }))
}

/// Whether the instance is ready for work: its log can be read, and its views are near the end of it.
pub(crate) async fn is_ready(state: &ApiState) -> bool {
    let position = state.engine.views_position();
    state.engine.store().head().await.is_ok_and(|head| is_near(position, head))
}

fn is_near(position: Position, head: Position) -> bool {
    position >= head || position.events_until(head).is_some_and(|events| events <= LAG_EVENTS_MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_instance_is_ready_when_its_views_are_near_the_head() {
        let near = |seen, head| is_near(Position::row(seen), Position::row(head));
        assert!(near(7, 7) && near(0, LAG_EVENTS_MAX));
        assert!(!near(0, LAG_EVENTS_MAX + 1));
        let commit = |major| Position { major, minor: 1 };
        assert!(is_near(commit(4), commit(4)));
        assert!(!is_near(commit(3), commit(4)));
    }
}
