//! `/v1/projections`: how far each projection is, and how to build one anew. Does not know any projection.

use std::convert::Infallible;

use axum::body::{Body, Bytes};
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse as _, Response};
use domain::stream::Position;
use projections::read_model::{ProjectionStatus, ReadModelError};
use runtime::{Engine, RebuildProgress};
use serde::Serialize;
use serde_json::json;
use tokio::sync::mpsc;
use tracing::Instrument as _;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::{One, Reply, ok};
use crate::description::problems::{ProblemDetails, ProjectionRefusals};
use crate::description::{lines, names};
use crate::extract::{AsOf, Nothing, Path, Query, Reason, State, Write};
use crate::page::Page;
use crate::position;
use crate::problem::Problem;
use crate::state::ApiState;

/// How many lines of a rebuild may wait to be read; progress beyond that is left out.
const LINES_WAITING_MAX: usize = 64;

pub(super) fn router() -> OpenApiRouter<ApiState> {
    OpenApiRouter::new().routes(routes!(list)).routes(routes!(rebuild))
}

/// A projection and how far it is.
#[derive(Serialize, ToSchema)]
#[schema(as = Projection)]
struct Item {
    name: String,
    /// The version of its rows' form.
    schema: u32,
    #[schema(value_type = names::Position)]
    position: Position,
    #[schema(value_type = names::Count)]
    rows: u64,
    /// How many events it has not seen, where the log counts its events.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = names::Count, required = false)]
    lag_events: Option<u64>,
}

impl Item {
    fn new(status: ProjectionStatus, head: Position) -> Self {
        let ProjectionStatus { name, schema, position, rows } = status;
        Self { name, schema, position, rows, lag_events: position.events_until(head) }
    }
}

/// List projections
///
/// In one page.
#[utoipa::path(
    get, path = "/v1/projections", operation_id = "list_projections", tag = "projections",
    params(One),
    responses((status = 200, description = "Every projection", body = Page<Item>)),
)]
async fn list(AsOf(state): AsOf<ApiState>, Query(query): Query<One>) -> Reply {
    let position = position::views(&state, query.min_position.as_deref()).await?;
    let head = state.engine.store().head().await?;
    let projections = state.engine.read_model().projections().await?;
    let items = projections.into_iter().map(|status| Item::new(status, head)).collect();
    ok(position, &Page { items, next: None, position })
}

/// A line of the answer to a rebuild: progress, and at last a report or a problem.
#[derive(ToSchema)]
#[expect(dead_code, reason = "describes what is written line by line, and is never made")]
pub(crate) struct RebuildLine {
    #[schema(required = false)]
    progress: RebuildProgressLine,
    #[schema(required = false)]
    report: RebuildReportLine,
    #[schema(required = false)]
    problem: ProblemDetails,
}

type RebuildLines = lines::Lines<RebuildLine>;

/// How far a rebuild is.
#[derive(ToSchema)]
#[expect(dead_code, reason = "describes what is written line by line, and is never made")]
struct RebuildProgressLine {
    events: names::Count,
    position: names::Position,
    head: names::Position,
}

/// What came of a rebuild.
#[derive(ToSchema)]
#[expect(dead_code, reason = "describes what the projections serialize, and is never made")]
struct RebuildReportLine {
    name: String,
    position: names::Position,
    rows: names::Count,
    /// How many rows differ from what the projection had before.
    rows_different: names::Count,
}

/// Build a projection anew
///
/// Beside the present one; then the two are compared and switched. The reply is NDJSON: progress, and at last a report or
/// a problem. The rebuild goes on to its end even if the caller leaves.
#[utoipa::path(
    post, path = "/v1/projections/{name}/rebuild", operation_id = "rebuild_projection", tag = "projections",
    params(("name" = String, Path, description = "The name of a projection", example = "key_scopes"), Write<Nothing>),
    request_body = Reason,
    responses(
        (
            status = 200, description = "Lines of progress, and the report", body = RebuildLines,
            content_type = "application/x-ndjson",
        ),
        ProjectionRefusals,
    ),
)]
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
