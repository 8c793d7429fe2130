//! `POST /v1/campaigns`: begins a campaign, or says what one would visit if it began now. Does not know how keys are found.

use axum::body::{Body, Bytes};
use axum::http::header::{CONTENT_TYPE, LOCATION};
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::IntoResponse as _;
use domain::campaign::{
    self, Canary, Command as Steer, Event as Happened, KeyTarget, Pace, Start, Started, Target,
};
use domain::digest::Digest;
use domain::envelope::Command;
use domain::event::Event;
use domain::filter::{Filter, TaskFilter};
use domain::names::{CampaignId, Key, Scope, StorageUnitName};
use domain::stream::Position;
use futures::stream;
use projections::views::CampaignState;
use runtime::Targets;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::admission;
use crate::description::problems::CampaignStartRefusals;
use crate::description::{campaigns, lines, names, one_of, settings};
use crate::extract::{Keyed, State, Write};
use crate::native::{Reply, log, ok, reply};
use crate::position;
use crate::problem::Problem;
use crate::request::carry_out;
use crate::state::ApiState;

/// How many keys are written at once where all are.
const KEYS_WRITTEN_AT_ONCE: usize = 1_000;

/// A campaign that is to be.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = CampaignStart)]
pub(super) struct StartBody {
    /// With a scope: whose keys are queued. Without both, `tasks` are restarted.
    #[schema(value_type = Option<names::StorageUnitName>)]
    unit: Option<StorageUnitName>,
    #[schema(value_type = Option<names::Scope>)]
    scope: Option<Scope>,
    #[schema(value_type = Option<campaigns::Filter>)]
    filter: Option<Filter>,
    /// Which tasks are restarted.
    #[schema(value_type = Option<campaigns::TaskFilter>)]
    tasks: Option<TaskFilter>,
    #[serde(default)]
    #[schema(value_type = settings::Pace)]
    pace: Pace,
    #[schema(value_type = Option<campaigns::Canary>)]
    canary: Option<Canary>,
    /// The digest that a dry run gave: then exactly these keys are visited, or nothing is begun.
    #[schema(value_type = Option<names::Digest>)]
    expect: Option<Digest>,
    /// Whether to record nothing, and to say what would be touched.
    #[serde(default)]
    dry_run: bool,
}

type StartWrite = Write<StartBody>;
type PreviewLines = lines::Lines<PreviewLine>;

/// Start a campaign
///
/// Replies as soon as it is durable; its keys are queued in the background, across restarts. A dry run records nothing.
#[utoipa::path(
    post, path = "/v1/campaigns", operation_id = "start_campaign", tag = "campaigns",
    params(Keyed<StartBody>),
    request_body = StartWrite,
    responses(
        (status = 200, description = "What a dry run would visit; with `Accept: application/x-ndjson` by lines", content(
            (Preview<'static> = "application/json"), (PreviewLines = "application/x-ndjson"),
        )),
        (status = 202, description = "It has begun", body = Begun<'static>,
            headers(("Location" = String, description = "Its path"))),
        CampaignStartRefusals,
    ),
)]
pub(super) async fn start(
    State(state): State<ApiState>,
    headers: HeaderMap,
    Keyed(write): Keyed<StartBody>,
) -> Reply {
    let (StartBody { unit, scope, filter, tasks, pace, canary, expect, dry_run }, write) = write.split();
    let target = Target::of(unit, scope, filter, tasks);
    let target = target.map_err(|error| Problem::invalid("no_target", error))?;
    let start = Start { target, pace, canary, expect };
    if dry_run {
        return preview(&state, start, log::accepts(&headers, "application/x-ndjson")).await;
    }
    begin(&state, start, &write).await
}

/// A campaign that has begun, as the reply says it.
#[derive(Serialize, ToSchema)]
#[schema(as = CampaignStarted)]
struct Begun<'a> {
    #[schema(value_type = names::CampaignId)]
    id: CampaignId,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = names::StorageUnitName, required = false)]
    unit: Option<&'a StorageUnitName>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = names::Scope, required = false)]
    scope: Option<&'a Scope>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = campaigns::Filter, required = false)]
    filter: Option<&'a Filter>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = campaigns::TaskFilter, required = false)]
    tasks: Option<&'a TaskFilter>,
    #[schema(value_type = settings::Pace)]
    pace: Pace,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = campaigns::Canary, required = false)]
    canary: Option<Canary>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = campaigns::Pinned, required = false)]
    pinned: Option<campaign::Pinned>,
    #[schema(value_type = campaigns::CampaignState)]
    state: CampaignState,
    #[schema(value_type = names::Position)]
    position: Position,
}

async fn begin(state: &ApiState, start: Start, write: &Write<()>) -> Reply {
    let id = CampaignId(write.id_of_made(state));
    let command = Command::Campaign(id, Steer::Start(start.clone()));
    let accepted = carry_out(state, write.envelope(state, command)).await?;
    let pinned = accepted.events.iter().find_map(|event| match event {
        Event::Campaign(Happened::Started(Started { pinned, .. })) => *pinned,
        Event::Campaign(_)
        | Event::StorageUnit(_)
        | Event::KeyScope(_)
        | Event::Record(_)
        | Event::Task(_)
        | Event::Workspace(_)
        | Event::Batch(_)
        | Event::ExternalId(_)
        | Event::Ids(_)
        | Event::System(_)
        | Event::ApiKey(_)
        | Event::Access(_) => None,
    });
    let Start { target, pace, canary, expect: _ } = &start;
    let (pace, canary, position) = (*pace, *canary, accepted.position);
    let (unit, scope, filter, tasks) = parts(target);
    let state = CampaignState::Active;
    let body = Begun { id, unit, scope, filter, tasks, pace, canary, pinned, state, position };
    let mut response = reply(StatusCode::ACCEPTED, position, &body)?;
    let location = HeaderValue::from_str(&format!("/v1/campaigns/{id}")).expect("an id is ASCII");
    response.headers_mut().insert(LOCATION, location);
    Ok(response)
}

/// A target as its members.
type Parts<'a> = (Option<&'a StorageUnitName>, Option<&'a Scope>, Option<&'a Filter>, Option<&'a TaskFilter>);

const fn parts(target: &Target) -> Parts<'_> {
    match target {
        Target::Keys(KeyTarget { unit, scope, filter }) => (Some(unit), Some(scope), filter.as_ref(), None),
        Target::Tasks(tasks) => (None, None, None, Some(tasks)),
    }
}

// ── Dry run ────────────────────────────────────────────────────────────────────────────────────────────────────

/// What a campaign would visit if it began now.
#[derive(Serialize, ToSchema)]
#[schema(as = CampaignPreview)]
struct Preview<'a> {
    dry_run: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = names::StorageUnitName, required = false)]
    unit: Option<&'a StorageUnitName>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = names::Scope, required = false)]
    scope: Option<&'a Scope>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = campaigns::Filter, required = false)]
    filter: Option<&'a Filter>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = campaigns::TaskFilter, required = false)]
    tasks: Option<&'a TaskFilter>,
    /// How many keys it would visit.
    #[schema(value_type = names::Count)]
    total: u64,
    /// The digest over them.
    #[schema(value_type = names::Digest)]
    digest: Digest,
    /// The first of them; all in NDJSON, where they come a line each.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Vec<names::Key>, required = false)]
    keys: Option<&'a [Key]>,
    /// Whether these are all.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    complete: Option<bool>,
    #[schema(value_type = names::Position)]
    position: Position,
}

one_of! {
    /// A line of a dry run: first what it would visit, then each key.
    PreviewLine = PreviewHead | PreviewKey;
}
type PreviewHead = Preview<'static>;
type PreviewKey = KeyLine<'static>;

#[derive(Serialize, ToSchema)]
struct KeyLine<'a> {
    #[schema(value_type = names::Key)]
    key: &'a Key,
}

async fn preview(state: &ApiState, start: Start, as_lines: bool) -> Reply {
    let id = CampaignId(state.engine.fresh_id());
    admission::check(state, &Command::Campaign(id, Steer::Start(start.clone()))).await?;
    start.check()?;
    let targets = state.engine.targets(&start.target).await?;
    campaign::check_expected(&start, targets.pinned())?;
    let campaign::Pinned { keys: total, digest } = targets.pinned();
    let (target, position) = (&start.target, targets.position);
    let (unit, scope, filter, tasks) = parts(target);
    let (keys, complete) = (None, None);
    let all = Preview { dry_run: true, unit, scope, filter, tasks, total, digest, keys, complete, position };
    if as_lines {
        return lines(&all, targets);
    }
    let first = targets.keys.get(..state.settings.page_rows_max).unwrap_or(&targets.keys);
    let complete = Some(first.len() == targets.keys.len());
    ok(position, &Preview { keys: Some(first), complete, ..all })
}

/// The preview in a line, then each key in one.
fn lines(head: &Preview<'_>, targets: Targets) -> Reply {
    let Targets { keys, position, .. } = targets;
    let head = log::json_line(head)?;
    let written = (0..keys.len()).step_by(KEYS_WRITTEN_AT_ONCE).map(move |from| {
        let chunk = keys.iter().skip(from).take(KEYS_WRITTEN_AT_ONCE);
        let lines = chunk.map(|key| log::json_line(&KeyLine { key })).collect::<Result<Vec<_>, Problem>>();
        lines
            .map(|lines| Bytes::from(lines.concat()))
            .map_err(|problem| std::io::Error::other(problem.detail))
    });
    let body = std::iter::once(Ok(Bytes::from(head))).chain(written);
    let body = Body::from_stream(stream::iter(body));
    let mut response = ([(CONTENT_TYPE, log::NDJSON)], body).into_response();
    position::stamp(&mut response, position);
    Ok(response)
}
