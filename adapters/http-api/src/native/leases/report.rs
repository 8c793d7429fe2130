//! What a worker says of its leases: begun, still at it, done, failed, given back. One in a request, or many.

use axum::http::StatusCode;
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use domain::aggregate::Refusal;
use domain::digest::Digest;
use domain::envelope::{Command, Envelope};
use domain::event::Event;
use domain::names::{Actor, Key, ModuleName, Scope, StorageUnitName, WorkerId};
use domain::retry::RetryPolicy;
use domain::storage_unit::Limits;
use domain::stream::{KeyScopeId, Position};
use domain::time::Millis;
use domain::work::{self, Token};
use runtime::{Accepted, DocumentError, Made, Report, SubmitError, digest_of};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::super::{Reply, ok};
use super::since::since;
use crate::description::problems::ReportRefusals;
use crate::description::reports;
use crate::extract::{State, Write, from_value};
use crate::problem::Problem;
use crate::state::ApiState;

/// The most items of one report.
const ITEMS_MAX: usize = 1_000;
/// The longest code of a failure, in bytes.
const CODE_BYTES_MAX: usize = 256;
/// The longest text of a failure, in bytes.
const TEXT_BYTES_MAX: usize = 64 << 10;
/// The most outputs of one item.
const OUTPUTS_MAX: usize = 100;

/// A JSON object.
type Object = Map<String, Value>;

/// What is said of an item.
#[derive(Debug, Clone, Copy)]
enum Word {
    Start,
    Extend,
    Complete,
    Fail,
    Release,
}

type StartWrite = Write<reports::LeaseStart>;

/// Start the work of leases
///
/// One item, or many.
#[utoipa::path(
    post, path = "/v1/leases/start", operation_id = "start_lease", tag = "leases",
    params(StartWrite),
    request_body = StartWrite,
    responses((status = 200, description = "What became of it", body = reports::ReportReply), ReportRefusals),
)]
pub(super) async fn start(State(state): State<ApiState>, write: Write<Object>) -> Reply {
    report(&state, Word::Start, write).await
}

type ExtendWrite = Write<reports::LeaseExtend>;

/// Extend leases
///
/// A heartbeat. An extension is recorded once half of the lease is used up.
#[utoipa::path(
    post, path = "/v1/leases/extend", operation_id = "extend_lease", tag = "leases",
    params(ExtendWrite),
    request_body = ExtendWrite,
    responses((status = 200, description = "What became of it", body = reports::ReportReply), ReportRefusals),
)]
pub(super) async fn extend(State(state): State<ApiState>, write: Write<Object>) -> Reply {
    report(&state, Word::Extend, write).await
}

type CompleteWrite = Write<reports::LeaseComplete>;

/// Complete leases
///
/// One that was not started is started. A result that is there already is answered with `repeated`.
#[utoipa::path(
    post, path = "/v1/leases/complete", operation_id = "complete_lease", tag = "leases",
    params(CompleteWrite),
    request_body = CompleteWrite,
    responses((status = 200, description = "What became of it", body = reports::ReportReply), ReportRefusals),
)]
pub(super) async fn complete(State(state): State<ApiState>, write: Write<Object>) -> Reply {
    report(&state, Word::Complete, write).await
}

type FailWrite = Write<reports::LeaseFail>;

/// Fail leases
///
/// Whether and when it is tried again follows from `retry`, or else from what is set for the module.
#[utoipa::path(
    post, path = "/v1/leases/fail", operation_id = "fail_lease", tag = "leases",
    params(FailWrite),
    request_body = FailWrite,
    responses((status = 200, description = "What became of it", body = reports::ReportReply), ReportRefusals),
)]
pub(super) async fn fail(State(state): State<ApiState>, write: Write<Object>) -> Reply {
    report(&state, Word::Fail, write).await
}

type ReleaseWrite = Write<reports::LeaseRelease>;

/// Give leases back
///
/// Undone, for somebody else.
#[utoipa::path(
    post, path = "/v1/leases/release", operation_id = "release_lease", tag = "leases",
    params(ReleaseWrite),
    request_body = ReleaseWrite,
    responses((status = 200, description = "What became of it", body = reports::ReportReply), ReportRefusals),
)]
pub(super) async fn release(State(state): State<ApiState>, write: Write<Object>) -> Reply {
    report(&state, Word::Release, write).await
}

// ── One or many ────────────────────────────────────────────────────────────────────────────────────────────────

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct ManyBody {
    items: Vec<Value>,
}

async fn report(state: &ApiState, word: Word, write: Write<Object>) -> Reply {
    let (mut body, write) = write.split();
    let worker = take_worker(&mut body)?;
    if let Some(worker) = &worker {
        state.engine.worker_speaks(worker);
    }
    // A key says who reports; without keys, the worker itself does.
    let said = if write.known_actor().is_some() { None } else { worker };
    let actor = said.and_then(|worker| Actor::new(worker.as_str()).ok());
    let reporter = Reporter { state, write, actor };
    if !body.contains_key("items") {
        let mut said = reporter.say(word, body).await?;
        let position = state.engine.acknowledged();
        said.insert("position".to_owned(), json!(position));
        return ok(position, &said);
    }
    let ManyBody { items } = from_value(Value::Object(body))?;
    if !(1..=ITEMS_MAX).contains(&items.len()) {
        let detail = format!("items has {} items; send between 1 and {ITEMS_MAX}", items.len());
        return Err(Problem::invalid("wrong_number_of_items", detail));
    }
    let results = futures::future::join_all(items.into_iter().map(|item| reporter.say_one(word, item))).await;
    let position = state.engine.acknowledged();
    ok(position, &Results { results, position })
}

/// The answer to many items.
#[derive(Debug, Serialize)]
struct Results {
    results: Vec<Object>,
    position: Position,
}

#[derive(Debug, Deserialize)]
struct Who {
    worker: WorkerId,
}

fn take_worker(body: &mut Object) -> Result<Option<WorkerId>, Problem> {
    let Some(name) = body.remove("worker") else { return Ok(None) };
    let Who { worker } = from_value(json!({ "worker": name }))?;
    if runtime::is_reserved_worker(&worker) {
        return Err(super::reserved_worker());
    }
    Ok(Some(worker))
}

/// Which lease an item is about.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Place {
    #[serde(deserialize_with = "super::queue_unit")]
    unit: StorageUnitName,
    scope: Scope,
    key: Key,
    token: Token,
}

impl Place {
    const MEMBERS: [&str; 4] = ["unit", "scope", "key", "token"];

    fn take(item: &mut Object) -> Result<Self, Problem> {
        let members = Self::MEMBERS.into_iter();
        let place = members.filter_map(|name| item.remove(name).map(|value| (name.to_owned(), value)));
        from_value(Value::Object(place.collect()))
    }

    fn id(&self) -> KeyScopeId {
        KeyScopeId { unit: self.unit.clone(), scope: self.scope.clone(), key: self.key.clone() }
    }
}

/// Whoever reports.
struct Reporter<'a> {
    state: &'a ApiState,
    write: Write<()>,
    /// The worker, in place of whoever the header names.
    actor: Option<Actor>,
}

impl Reporter<'_> {
    /// One item of many: what became of it, whatever it is.
    async fn say_one(&self, word: Word, item: Value) -> Object {
        let mut shown = Object::new();
        for name in Place::MEMBERS {
            if let Some(value) = item.get(name) {
                shown.insert(name.to_owned(), value.clone());
            }
        }
        let said = match item {
            Value::Object(item) => self.say(word, item).await,
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Array(_) => {
                Err(Problem::invalid("invalid_body", "an item must be a JSON object"))
            }
        };
        match said {
            Ok(said) => said,
            Err(Problem { code, detail, status }) => {
                shown.insert("status".to_owned(), json!(code));
                shown.insert("detail".to_owned(), json!(detail));
                if status == StatusCode::SERVICE_UNAVAILABLE {
                    shown.insert("try_later".to_owned(), json!(true));
                }
                shown
            }
        }
    }

    async fn say(&self, word: Word, mut item: Object) -> Result<Object, Problem> {
        let place = Place::take(&mut item)?;
        let item = Value::Object(item);
        let mut said = match word {
            Word::Start => self.start(&place, from_value(item)?).await,
            Word::Extend => self.extend(&place, from_value(item)?).await,
            Word::Complete => self.complete(&place, from_value(item)?).await,
            Word::Fail => self.fail(&place, from_value(item)?).await,
            Word::Release => self.release(&place, from_value(item)?).await,
        }?;
        let Place { unit, scope, key, token } = place;
        let members = json!({ "unit": unit, "scope": scope, "key": key, "token": token, "status": "ok" });
        if let Value::Object(members) = members {
            said.extend(members);
        }
        Ok(said)
    }

    fn envelope(&self, command: Command) -> Envelope {
        let envelope = self.write.envelope(self.state, command);
        let actor = self.actor.clone().unwrap_or_else(|| envelope.actor.clone());
        Envelope { actor, ..envelope }
    }

    async fn send(&self, place: &Place, command: work::Command) -> Result<Accepted, Problem> {
        let envelope = self.envelope(Command::work(place.id(), command));
        let sent = crate::request::submit(self.state, envelope).await;
        self.accepted(place, sent.map_err(DocumentError::from)).await
    }

    /// What was accepted, unless it came too late: then what happened since.
    async fn accepted(
        &self,
        place: &Place,
        sent: Result<Accepted, DocumentError>,
    ) -> Result<Accepted, Problem> {
        let token = place.token.0;
        match sent {
            Ok(accepted) if accepted.events.iter().any(is_late) => {
                let since = since(self.state, &place.id(), place.token).await;
                let detail = format!(
                    "the lease with token {token} is gone: {since}. The result was recorded and not used; drop it"
                );
                Err(Problem::conflict("late_result", detail))
            }
            Ok(accepted) => Ok(accepted),
            Err(DocumentError::Submit(SubmitError::Refused(Refusal::Work(work::Refusal::LeaseGone {
                ..
            })))) => {
                let since = since(self.state, &place.id(), place.token).await;
                let detail =
                    format!("the lease with token {token} is gone: {since}. Drop the work and claim again");
                Err(Problem::conflict("lease_gone", detail))
            }
            Err(error) => Err(error.into()),
        }
    }
}

fn is_late(event: &Event) -> bool {
    matches!(event.work(), Some(work::Event::LateResultRefused(_)))
}

// ── What can be said ───────────────────────────────────────────────────────────────────────────────────────────

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct NothingMore {}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct ExtendBody {
    lease_ms: Option<Millis>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct CompleteBody {
    #[serde(default)]
    outputs: Vec<OutputBody>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct OutputBody {
    module: ModuleName,
    digest: Option<Digest>,
    size_bytes: Option<u64>,
    scope: Option<Scope>,
    content: Option<String>,
    content_base64: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct FailBody {
    code: String,
    #[serde(default)]
    text: String,
    module: Option<ModuleName>,
    retry: Option<RetryPolicy>,
}

impl Reporter<'_> {
    async fn start(&self, place: &Place, NothingMore {}: NothingMore) -> Result<Object, Problem> {
        self.send(place, work::Command::Start { token: place.token }).await?;
        Ok(Object::new())
    }

    async fn extend(&self, place: &Place, body: ExtendBody) -> Result<Object, Problem> {
        let engine = &self.state.engine;
        let lease_ms = match body.lease_ms {
            Some(lease_ms) => lease_ms,
            None => {
                engine
                    .queue_settings(&place.unit)
                    .await?
                    // Without a unit there is no lease either, which is what the answer says then.
                    .map_or_else(Limits::default, |unit| unit.limits)
                    .lease_ms
            }
        };
        self.send(place, work::Command::ExtendLease { token: place.token, lease_ms }).await?;
        let lease = engine.lease(&place.id()).await?.filter(|lease| lease.token == place.token);
        Ok(lease.map(|lease| ("until".to_owned(), json!(lease.until))).into_iter().collect())
    }

    async fn complete(&self, place: &Place, body: CompleteBody) -> Result<Object, Problem> {
        if body.outputs.len() > OUTPUTS_MAX {
            let detail = format!("there are more than {OUTPUTS_MAX} outputs; report fewer");
            return Err(Problem::invalid("too_many_outputs", detail));
        }
        let elsewhere =
            |output: &OutputBody| output.scope.as_ref().is_some_and(|scope| *scope != place.scope);
        if place.id().task_stage().is_some() && body.outputs.iter().any(elsewhere) {
            let detail = "what a task's stage makes is kept under that stage and under no other scope; leave scope out";
            return Err(Problem::invalid("invalid_output", detail));
        }
        let reports = body.outputs.into_iter().map(reported).collect::<Result<Vec<_>, _>>()?;
        let envelope = |command| self.envelope(command);
        let completed = self.state.engine.complete(&place.id(), place.token, reports, &envelope).await;
        let accepted = self.accepted(place, completed).await?;
        Ok(repeated(&accepted))
    }

    async fn fail(&self, place: &Place, body: FailBody) -> Result<Object, Problem> {
        let FailBody { code, text, module, retry } = body;
        if code.is_empty() || code.len() > CODE_BYTES_MAX || text.len() > TEXT_BYTES_MAX {
            let detail = format!(
                "code needs between 1 and {CODE_BYTES_MAX} bytes and text at most {TEXT_BYTES_MAX}; shorten them"
            );
            return Err(Problem::invalid("invalid_failure", detail));
        }
        let retry = match retry {
            Some(retry) => retry,
            None => self.state.engine.retry_policy(&place.id(), module.as_ref()).await?,
        };
        let accepted =
            self.send(place, work::Command::Fail { token: place.token, code, text, retry }).await?;
        let mut said = repeated(&accepted);
        if let Some(work::Event::Failed(failed)) = accepted.events.first().and_then(Event::work) {
            said.insert("retry_at".to_owned(), json!(failed.retry_at));
        }
        Ok(said)
    }

    async fn release(&self, place: &Place, NothingMore {}: NothingMore) -> Result<Object, Problem> {
        self.send(place, work::Command::ReleaseLease { token: place.token }).await?;
        Ok(Object::new())
    }
}

/// Whether a result was there already.
fn repeated(accepted: &Accepted) -> Object {
    [("repeated".to_owned(), json!(accepted.events.is_empty()))].into_iter().collect()
}

fn reported(output: OutputBody) -> Result<Report, Problem> {
    let OutputBody { module, digest, size_bytes, scope, content, content_base64 } = output;
    let content = match (content, content_base64) {
        (Some(_), Some(_)) => {
            let detail =
                format!("the output of {module} has both content and content_base64; send one of them");
            return Err(Problem::invalid("invalid_output", detail));
        }
        (Some(text), None) => Some(text.into_bytes()),
        (None, Some(text)) => Some(BASE64_STANDARD.decode(text).map_err(|error| {
            Problem::invalid("invalid_output", format!("content_base64 of {module} is no Base64: {error}"))
        })?),
        (None, None) => None,
    };
    let made = match (content, digest, size_bytes) {
        (Some(bytes), digest, size_bytes) => {
            let is = (digest_of(&bytes), bytes.len() as u64);
            if digest.is_some_and(|said| said != is.0) || size_bytes.is_some_and(|said| said != is.1) {
                let detail = format!(
                    "the content of {module} has digest {} and {} bytes, not what was said; leave both out",
                    is.0, is.1
                );
                return Err(Problem::new(StatusCode::UNPROCESSABLE_ENTITY, "digest_mismatch", detail));
            }
            Made::Content(bytes)
        }
        (None, Some(digest), Some(size_bytes)) => Made::Described { digest, size_bytes },
        (None, Some(_) | None, Some(_) | None) => {
            let detail = format!("the output of {module} needs content, or both digest and size_bytes");
            return Err(Problem::invalid("invalid_output", detail));
        }
    };
    Ok(Report { module, made, scope })
}
