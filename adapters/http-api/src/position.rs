//! Positions in requests and replies: what an answer must reflect, and what it does. Does not know what is asked.

use axum::http::{HeaderName, HeaderValue};
use axum::response::Response;
use domain::stream::Position;

use crate::problem::Problem;
use crate::state::ApiState;

/// The header that says which position a reply reflects; of a write, the position of what it did.
pub(crate) const POSITION_HEADER: HeaderName = HeaderName::from_static("reprise-position");

/// Waits until the views reflect what an answer must reflect: the given position, or else everything acknowledged
/// by now. Gives the position that they reflect, which without a given one may be an earlier one.
pub(crate) async fn views(state: &ApiState, min_position: Option<&str>) -> Result<Position, Problem> {
    let engine = &state.engine;
    let Some(wanted) = min_position else {
        // Whether or not the views came so far: the answer says how far they are.
        let _reached = engine.wait_for_views(engine.acknowledged()).await;
        return Ok(engine.views_position());
    };
    let wanted = within_log(state, wanted).await?;
    if engine.wait_for_views(wanted).await {
        return Ok(engine.views_position());
    }
    let reached = engine.views_position();
    let detail = format!("the views reflect position {reached} and not yet {wanted}; ask again shortly");
    Err(Problem::try_later("views_behind", detail))
}

/// The position that an answer from the log itself reflects: its head, which must not be before the given one.
pub(crate) async fn log(state: &ApiState, min_position: Option<&str>) -> Result<Position, Problem> {
    if let Some(wanted) = min_position {
        within_log(state, wanted).await?;
    }
    Ok(state.engine.store().head().await?)
}

/// Reads a position that the log has reached.
async fn within_log(state: &ApiState, text: &str) -> Result<Position, Problem> {
    let wanted: Position = text.parse().map_err(|error| {
        Problem::bad_request(format!("correct the query parameter min_position: {error}"))
    })?;
    if wanted <= state.engine.acknowledged() {
        return Ok(wanted);
    }
    let head = state.engine.store().head().await?;
    if wanted <= head {
        return Ok(wanted);
    }
    let detail = format!(
        "the query parameter min_position is {wanted}, but the log ends at {head}; send a position from a reply"
    );
    Err(Problem::bad_request(detail))
}

/// Says in a reply which position it reflects.
pub(crate) fn stamp(response: &mut Response, position: Position) {
    let value = HeaderValue::from_str(&position.to_string()).expect("a position is digits and a dot");
    response.headers_mut().insert(POSITION_HEADER, value);
}

/// Sees to it that a reply says a position, refusals too: every answer reflects at least what the views do.
pub(crate) async fn stamped(state: &ApiState, answering: impl Future<Output = Response>) -> Response {
    let position = state.engine.views_position();
    let mut response = answering.await;
    if !response.headers().contains_key(POSITION_HEADER) {
        stamp(&mut response, position);
    }
    response
}
