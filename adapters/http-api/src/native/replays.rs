//! `/v1/replays`: recorded commands decided again, and what came out. Reads the log and records nothing. Does not know how
//! a replay is done: the runtime does.

use std::convert::Infallible;

use axum::body::{Body, Bytes};
use axum::http::HeaderValue;
use axum::http::header::{CONTENT_TYPE, LOCATION};
use axum::response::{IntoResponse as _, Response};
use domain::ports::SendError;
use runtime::replay::{
    BeginError, KeptReplay, Mode, ReplayError, ReplayRequest, RunningReplay, StartReplayError,
};
use serde_json::{Value, json};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use uuid::Uuid;

use super::log::{NDJSON, json_line};
use super::{OneNow, Reply, ok};
use crate::access::rights::Right;
use crate::closing::Closing;
use crate::description::problems::{ReplayBeginRefusals, ReplayRefusals};
use crate::description::{lines, replays as form};
use crate::extract::{Path, Query, State, Write};
use crate::page::Page;
use crate::position;
use crate::problem::Problem;
use crate::state::ApiState;

pub(super) fn router() -> OpenApiRouter<ApiState> {
    OpenApiRouter::new().routes(routes!(list, begin)).routes(routes!(show))
}

type ReplayLines = lines::Lines<form::ReplayLine>;

/// Begin a replay
///
/// Recorded commands are decided again and compared with the log, or sent to another instance. The reply is NDJSON:
/// progress and findings as they come, and at last a report or a problem. It ends when its reader leaves. The result is
/// kept, among the last 32.
#[utoipa::path(
    post, path = "/v1/replays", operation_id = "begin_replay", tag = "replays",
    params(Write<ReplayRequest>),
    request_body = form::PostedReplay,
    responses(
        (
            status = 200, description = "Lines of progress and findings, and the report", body = ReplayLines,
            content_type = "application/x-ndjson",
            headers(("Location" = String, description = "Where the result is kept")),
        ),
        ReplayBeginRefusals,
    ),
)]
async fn begin(State(state): State<ApiState>, write: Write<ReplayRequest>) -> Result<Response, Problem> {
    match write.body.mode {
        Mode::Verify | Mode::WhatIf => {}
        // The key that is presented there is that of whoever runs this instance.
        Mode::Reissue => write.caller().check_right(Right::Run)?,
    }
    let actor = write.actor().clone();
    let replay = state.engine.begin_replay(state.forms.clone(), &*state.targets, write.body, actor).await?;
    let location = HeaderValue::from_str(&format!("/v1/replays/{}", replay.id))
        .expect("an id is made of hexadecimal digits and dashes");
    let telling = Telling { replay: Some(replay), closing: state.closing.clone() };
    let stream = futures::stream::unfold(telling, Telling::next);
    let headers = [(CONTENT_TYPE, NDJSON), (LOCATION, location)];
    Ok((headers, Body::from_stream(stream)).into_response())
}

/// A replay whose lines are being read.
struct Telling {
    /// Nothing once it has said everything.
    replay: Option<RunningReplay>,
    closing: Closing,
}

impl Telling {
    async fn next(mut self) -> Option<(Result<Bytes, Infallible>, Self)> {
        let mut replay = self.replay.take()?;
        let step = tokio::select! {
            step = replay.next() => step.map_err(Problem::from),
            () = self.closing.said() => {
                Err(Problem::try_later("stopping", "the server is stopping; begin the replay again once it is back"))
            }
        };
        let lines = match step {
            Ok(None) => return None,
            Ok(Some(lines)) => {
                self.replay = Some(replay);
                lines.iter().map(json_line).collect::<Result<Vec<_>, Problem>>()
            }
            Err(problem) => Err(problem),
        };
        let bytes = match lines {
            Ok(lines) => lines.concat(),
            Err(problem) => {
                self.replay = None;
                format!("{}\n", json!({ "problem": problem.body() })).into_bytes()
            }
        };
        Some((Ok(bytes.into()), self))
    }
}

/// List replays
///
/// The last ones, the latest first, without what they found. In one page.
#[utoipa::path(
    get, path = "/v1/replays", operation_id = "list_replays", tag = "replays",
    params(OneNow),
    responses((status = 200, description = "The replays that are kept", body = Page<form::Replay>)),
)]
async fn list(State(state): State<ApiState>, Query(query): Query<OneNow>) -> Reply {
    let position = position::log(&state, query.min_position.as_deref()).await?;
    let items = state.engine.replays().iter().map(resource).collect::<Result<_, _>>()?;
    ok(position, &Page { items, next: None, position })
}

/// Show a replay
#[utoipa::path(
    get, path = "/v1/replays/{id}", operation_id = "get_replay", tag = "replays",
    params(("id" = crate::description::names::Id, Path, description = "The id of a replay"), OneNow),
    responses((status = 200, description = "The replay and what it found", body = form::Replay), ReplayRefusals),
)]
async fn show(State(state): State<ApiState>, Path(id): Path<Uuid>, Query(query): Query<OneNow>) -> Reply {
    let position = position::log(&state, query.min_position.as_deref()).await?;
    let replay = state.engine.replay(id).ok_or_else(|| {
        let detail = "no replay of this id is kept; the last 32 are, until the server stops";
        Problem::not_found("replay_not_found", detail)
    })?;
    ok(position, &resource(&replay)?)
}

/// A replay as it is sent. The list of what it found is absent when it found nothing, or is not asked for.
fn resource(replay: &KeptReplay) -> Result<Value, Problem> {
    serde_json::to_value(replay)
        .map_err(|error| Problem::broken("unwritable_reply", format!("the answer is no JSON: {error}")))
}

impl From<StartReplayError> for Problem {
    fn from(error: StartReplayError) -> Self {
        match error {
            StartReplayError::TooMany => Self::try_later("too_many_replays", error),
            StartReplayError::Begin(BeginError::Invalid(invalid)) => Self::invalid("invalid_replay", invalid),
            StartReplayError::Begin(BeginError::Store(error)) => error.into(),
            StartReplayError::Target(error) => error.into(),
        }
    }
}

impl From<ReplayError> for Problem {
    fn from(error: ReplayError) -> Self {
        match error {
            ReplayError::Store(error) => error.into(),
            ReplayError::CommandMissing(_) => Self::conflict("command_missing", error),
            ReplayError::Target(error) => error.into(),
        }
    }
}

impl From<SendError> for Problem {
    fn from(error: SendError) -> Self {
        match error {
            SendError::Unavailable(_) => Self::try_later("target_unavailable", error),
            SendError::Refused(_) => Self::conflict("target_refused", error),
        }
    }
}
