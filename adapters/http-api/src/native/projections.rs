//! `/v1/projections`: how far each projection is, and how to build one anew. Does not know any projection.

use std::convert::Infallible;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse as _, Response};
use axum::routing::{get, post};
use domain::stream::Position;
use projections::read_model::{ProjectionStatus, ReadModelError};
use runtime::{Engine, RebuildProgress};
use serde::Serialize;
use serde_json::json;
use tokio::sync::mpsc;
use tracing::Instrument as _;

use super::{One, Reply, ok};
use crate::extract::{Nothing, Path, Query, Write};
use crate::page::Page;
use crate::position;
use crate::problem::Problem;
use crate::state::ApiState;

/// How many lines of a rebuild may wait to be read; progress beyond that is left out.
const LINES_WAITING_MAX: usize = 64;

pub(super) fn router() -> Router<ApiState> {
    Router::new().route("/v1/projections", get(list)).route("/v1/projections/{name}/rebuild", post(rebuild))
}

#[derive(Serialize)]
struct Item {
    #[serde(flatten)]
    status: ProjectionStatus,
    /// How many events it has not seen, where the log counts its events.
    #[serde(skip_serializing_if = "Option::is_none")]
    lag_events: Option<u64>,
}

async fn list(State(state): State<ApiState>, Query(query): Query<One>) -> Reply {
    let position = position::views(&state, query.min_position.as_deref()).await?;
    let head = state.engine.store().head().await?;
    let projections = state.engine.read_model().projections().await?;
    let items = projections
        .into_iter()
        .map(|status| Item { lag_events: status.position.events_until(head), status })
        .collect();
    ok(position, &Page { items, next: None, position })
}

/// Builds a projection anew. The reply is NDJSON: progress, and at last a report or a problem.
async fn rebuild(
    State(state): State<ApiState>,
    Path(name): Path<String>,
    _write: Write<Nothing>,
) -> Result<Response, Problem> {
    let projections = state.engine.read_model().projections().await?;
    if !projections.iter().any(|projection| projection.name == name) {
        return Err(ReadModelError::UnknownView(name).into());
    }
    let (lines, waiting) = mpsc::channel(LINES_WAITING_MAX);
    tokio::spawn(rebuild_and_tell(state.engine.clone(), name, lines).in_current_span());
    let stream = futures::stream::unfold(waiting, async |mut waiting| {
        let line: Bytes = waiting.recv().await?;
        Some((Ok::<_, Infallible>(line), waiting))
    });
    Ok(([(CONTENT_TYPE, "application/x-ndjson")], Body::from_stream(stream)).into_response())
}

/// Goes on to the end even if nobody listens any longer: a rebuild that was begun is worth finishing.
async fn rebuild_and_tell(engine: Engine, name: String, lines: mpsc::Sender<Bytes>) {
    let tell = |progress: RebuildProgress| {
        let RebuildProgress { events, position, head } = progress;
        // A caller who reads slowly sees fewer steps.
        let _left_out = lines.try_send(line(&json!({ "progress": progress_json(events, position, head) })));
    };
    let last = match engine.rebuild(&name, &tell).await {
        Ok(report) => line(&json!({ "report": report })),
        Err(error) => line(&json!({ "problem": Problem::from(error).body() })),
    };
    // The caller may be gone.
    let _sent = lines.send(last).await;
}

fn progress_json(events: u64, position: Position, head: Position) -> serde_json::Value {
    json!({ "events": events, "position": position, "head": head })
}

fn line(json: &serde_json::Value) -> Bytes {
    Bytes::from(format!("{json}\n"))
}
