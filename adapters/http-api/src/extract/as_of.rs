//! The moment that a question is about: the present, or what `at` in the query string says. Does not know what is asked.

use axum::extract::{FromRequestParts, MatchedPath, RawPathParams};
use axum::http::request::Parts;
use domain::moment::Moment;
use domain::stream::{KeyScopeId, Subject};
use runtime::PastError;
use url::form_urlencoded;

use super::State;
use crate::problem::Problem;
use crate::state::ApiState;

/// What a handler has at hand, as [`State`], with the engine as it was at the moment that is asked for. Whoever takes this
/// has an `at` in the query string.
#[derive(Debug)]
pub(crate) struct AsOf<S>(pub(crate) S);

impl FromRequestParts<ApiState> for AsOf<ApiState> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &ApiState) -> Result<Self, Problem> {
        let State(state) = State::from_request_parts(parts, state).await?;
        let Some(moment) = moment(parts)? else { return Ok(Self(state)) };
        let subject = subject(parts, &state).await;
        let then = state.engine.when(moment, subject.as_ref()).await?;
        let engine = state.engine.at(then);
        Ok(Self(ApiState { engine, ..state }))
    }
}

fn moment(parts: &Parts) -> Result<Option<Moment>, Problem> {
    let (mut at, mut has_position) = (None, false);
    for (name, value) in form_urlencoded::parse(parts.uri.query().unwrap_or_default().as_bytes()) {
        match &*name {
            "at" => at = Some(value.into_owned()),
            "min_position" => has_position = true,
            _ => {}
        }
    }
    let Some(at) = at else { return Ok(None) };
    if has_position {
        return Err(Problem::bad_request(
            "the query parameters at and min_position contradict each other: an answer about a moment reflects just \
             that; leave one of them out",
        ));
    }
    let moment = at.parse();
    moment.map(Some).map_err(|error| Problem::bad_request(format!("correct the query parameter at: {error}")))
}

/// The thing that the path names; nothing for lists, and where the path says no thing at all.
async fn subject(parts: &mut Parts, state: &ApiState) -> Option<Subject> {
    let route = parts.extensions.get::<MatchedPath>()?.as_str().to_owned();
    let named = RawPathParams::from_request_parts(parts, state).await.ok()?;
    let part = |name: &str| named.iter().find(|(known, _)| *known == name).map(|(_, value)| value);
    let mut words = route.split('/').skip(2);
    Some(match words.next()? {
        "tasks" => Subject::Task(part("id")?.parse().ok()?),
        "workspaces" => Subject::Workspace(part("id")?.parse().ok()?),
        "batches" => Subject::Batch(part("id")?.parse().ok()?),
        "campaigns" => Subject::Campaign(part("id")?.parse().ok()?),
        "keys" => Subject::ApiKey(part("id")?.parse().ok()?),
        "storage-units" => Subject::StorageUnit(part("name")?.parse().ok()?),
        "key-scopes" => Subject::KeyScope(KeyScopeId {
            unit: part("unit")?.parse().ok()?,
            scope: part("scope")?.parse().ok()?,
            key: part("key")?.parse().ok()?,
        }),
        "system" => Subject::System,
        _ => return None,
    })
}

impl From<PastError> for Problem {
    fn from(error: PastError) -> Self {
        match error {
            PastError::BeyondLog { .. }
            | PastError::Future { .. }
            | PastError::BeyondStream { .. }
            | PastError::VersionOfWhat(_) => {
                Self::bad_request(format!("correct the query parameter at: {error}"))
            }
            PastError::Store(error) => error.into(),
        }
    }
}
