//! `/v1/system`: whether work is given to workers at all, and how to stop and resume that.

use axum::Router;
use axum::extract::State;
use axum::routing::{get, post};
use domain::envelope::Command;
use domain::stream::{Position, Subject};
use domain::system;
use projections::read_model::{self, ReadModelError};
use projections::views::{System, SystemRow};
use serde_json::json;

use super::{Many, One, Reply, events, ok};
use crate::extract::{Keyed, Nothing, Query, Write};
use crate::position;
use crate::request::carry_out;
use crate::state::ApiState;

pub(super) fn router() -> Router<ApiState> {
    Router::new()
        .route("/v1/system", get(show))
        .route("/v1/system/events", get(timeline))
        .route("/v1/system/pause", post(pause))
        .route("/v1/system/resume", post(resume))
}

// ── Questions ──────────────────────────────────────────────────────────────────────────────────────────────────

async fn show(State(state): State<ApiState>, Query(query): Query<One>) -> Reply {
    let position = position::views(&state, query.min_position.as_deref()).await?;
    shown(position, row(&state).await?)
}

async fn timeline(State(state): State<ApiState>, Query(query): Query<Many>) -> Reply {
    events::events_if_any(&state, &Subject::System, &query).await
}

pub(super) async fn row(state: &ApiState) -> Result<Option<SystemRow>, ReadModelError> {
    read_model::row::<System>(state.engine.read_model(), &System::row_key()).await
}

/// The system as it is sent; one that was never paused has no row.
fn shown(position: Position, row: Option<SystemRow>) -> Reply {
    match row {
        Some(row) => ok(position, &row),
        None => ok(position, &json!({ "paused": false, "position": position })),
    }
}

// ── Commands ───────────────────────────────────────────────────────────────────────────────────────────────────

async fn pause(State(state): State<ApiState>, Keyed(write): Keyed<Nothing>) -> Reply {
    // Without one, the system refuses and says so.
    let reason = write.reason().unwrap_or_default().to_owned();
    steer(&state, &write, system::Command::Pause { reason }).await
}

async fn resume(State(state): State<ApiState>, Keyed(write): Keyed<Nothing>) -> Reply {
    steer(&state, &write, system::Command::Resume).await
}

async fn steer(state: &ApiState, write: &Write<Nothing>, command: system::Command) -> Reply {
    let position = carry_out(state, write.envelope(state, Command::System(command))).await?.position;
    let _reached = state.engine.wait_for_views(position).await;
    // The write counts whatever the views show, so nothing here is an error.
    match row(state).await {
        Ok(row) => shown(position, row),
        Err(_) => ok(position, &json!({ "position": position })),
    }
}
