//! `/v1/system`: whether work is given to workers at all, and how to stop and resume that.

use domain::envelope::Command;
use domain::stream::{Position, Subject};
use domain::system;
use projections::read_model::{self, ReadModelError};
use projections::views::{System, SystemRow};
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::{Many, Numbered, One, Reply, events, ok};
use crate::description::problems::{PauseRefusals, ResumeRefusals};
use crate::description::{names, one_of, things};
use crate::extract::{AsOf, Keyed, Nothing, Query, Reason, State, Write};
use crate::page::Page;
use crate::position;
use crate::request::carry_out;
use crate::state::ApiState;

pub(super) fn router() -> OpenApiRouter<ApiState> {
    OpenApiRouter::new()
        .routes(routes!(show))
        .routes(routes!(timeline))
        .routes(routes!(pause))
        .routes(routes!(resume))
}

one_of! {
    /// Where the system stands.
    SystemShown = SystemRowShown | NeverPaused | Steered;
}
type SystemRowShown = things::System;

/// A system that was never paused.
#[derive(Serialize, ToSchema)]
struct NeverPaused {
    paused: bool,
    #[schema(value_type = names::Position)]
    position: Position,
}

/// What is known of the system after a write when the views cannot be read.
#[derive(Serialize, ToSchema)]
#[schema(as = SystemSteered)]
struct Steered {
    #[schema(value_type = names::Position)]
    position: Position,
}

// ── Questions ──────────────────────────────────────────────────────────────────────────────────────────────────

/// Show whether dispatching is paused
#[utoipa::path(
    get, path = "/v1/system", operation_id = "show_system", tag = "system",
    params(One),
    responses((status = 200, description = "Where the system stands", body = SystemShown)),
)]
async fn show(AsOf(state): AsOf<ApiState>, Query(query): Query<One>) -> Reply {
    let position = position::views(&state, query.min_position.as_deref()).await?;
    shown(position, row(&state).await?)
}

/// Show the history of the system
#[utoipa::path(
    get, path = "/v1/system/events", operation_id = "system_events", tag = "system",
    params(Numbered),
    responses((status = 200, description = "A page of its events", body = Page<things::TimelineEntry>)),
)]
async fn timeline(AsOf(state): AsOf<ApiState>, Query(query): Query<Many>) -> Reply {
    events::events_if_any(&state, &Subject::System, &query).await
}

pub(super) async fn row(state: &ApiState) -> Result<Option<SystemRow>, ReadModelError> {
    read_model::row::<System>(state.engine.read_model(), &System::row_key()).await
}

/// The system as it is sent; one that was never paused has no row.
fn shown(position: Position, row: Option<SystemRow>) -> Reply {
    match row {
        Some(row) => ok(position, &row),
        None => ok(position, &NeverPaused { paused: false, position }),
    }
}

// ── Commands ───────────────────────────────────────────────────────────────────────────────────────────────────

/// Pause all dispatching
///
/// No lease is given until it is resumed. It needs a reason, here or in the query string.
#[utoipa::path(
    post, path = "/v1/system/pause", operation_id = "pause_system", tag = "system",
    params(Keyed<Nothing>),
    request_body = Reason,
    responses((status = 200, description = "Where the system stands", body = SystemShown), PauseRefusals),
)]
async fn pause(State(state): State<ApiState>, Keyed(write): Keyed<Nothing>) -> Reply {
    // Without one, the system refuses and says so.
    let reason = write.reason().unwrap_or_default().to_owned();
    steer(&state, &write, system::Command::Pause { reason }).await
}

/// Resume dispatching
#[utoipa::path(
    post, path = "/v1/system/resume", operation_id = "resume_system", tag = "system",
    params(Keyed<Nothing>),
    request_body = Reason,
    responses((status = 200, description = "Where the system stands", body = SystemShown), ResumeRefusals),
)]
async fn resume(State(state): State<ApiState>, Keyed(write): Keyed<Nothing>) -> Reply {
    steer(&state, &write, system::Command::Resume).await
}

async fn steer(state: &ApiState, write: &Write<Nothing>, command: system::Command) -> Reply {
    let position = carry_out(state, write.envelope(state, Command::System(command))).await?.position;
    let _reached = state.engine.wait_for_views(position).await;
    // The write counts whatever the views show, so nothing here is an error.
    match row(state).await {
        Ok(row) => shown(position, row),
        Err(_) => ok(position, &Steered { position }),
    }
}
