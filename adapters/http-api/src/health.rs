//! Whether the process lives, and whether it is ready for work. Does not know who asks.

use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::get;
use axum::{Json, Router};
use domain::stream::Position;
use serde_json::{Value, json};

use crate::state::ApiState;

/// How many events the views may be behind in an instance that counts as ready.
const LAG_EVENTS_MAX: u64 = 10_000;

pub(crate) fn router() -> Router<ApiState> {
    Router::new().route("/healthz", get(alive)).route("/readyz", get(ready))
}

async fn alive() -> Json<Value> {
    Json(json!({ "status": "ok" }))
}

async fn ready(State(state): State<ApiState>) -> (StatusCode, Json<Value>) {
    let position = state.engine.views_position();
    let (ready, store, head) = match state.engine.store().head().await {
        Ok(head) => (is_near(position, head), "ok".to_owned(), Some(head)),
        Err(error) => (false, error.to_string(), None),
    };
    let lag_events = head.and_then(|head| position.events_until(head));
    let projections = json!({ "position": position, "head": head, "lag_events": lag_events });
    let status = if ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    (status, Json(json!({ "ready": ready, "store": store, "projections": projections })))
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
