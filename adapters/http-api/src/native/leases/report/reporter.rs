//! Whoever reports, item by item: the command that follows from what is said, and what became of it. Does not know how many
//! items there are.

use axum::http::StatusCode;
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use domain::aggregate::Refusal;
use domain::digest::Digest;
use domain::envelope::{Command, Envelope};
use domain::event::Event;
use domain::names::{Actor, ModuleName, Scope};
use domain::retry::RetryPolicy;
use domain::storage_unit::Limits;
use domain::time::Millis;
use domain::work;
use runtime::{Accepted, DocumentError, Made, Report, SubmitError, digest_of};
use serde::Deserialize;
use serde_json::{Value, json};

use super::item::{ItemResult, More, Place, Said, refused};
use super::{Object, Word};
use crate::extract::{Write, from_ref};
use crate::native::leases::since::since;
use crate::problem::Problem;
use crate::state::ApiState;

/// The longest code of a failure, in bytes.
const CODE_BYTES_MAX: usize = 256;
/// The longest text of a failure, in bytes.
const TEXT_BYTES_MAX: usize = 64 << 10;
/// The most outputs of one item.
const OUTPUTS_MAX: usize = 100;

/// Whoever reports.
pub(super) struct Reporter<'a> {
    pub(super) state: &'a ApiState,
    pub(super) write: Write<()>,
    /// The worker, in place of whoever the header names.
    pub(super) actor: Option<Actor>,
}

impl Reporter<'_> {
    /// One item of many: what became of it, whatever it is.
    pub(super) async fn say_one(&self, word: Word, mut item: Value) -> ItemResult {
        if !item.is_object() {
            let problem = Problem::invalid("invalid_body", "an item must be a JSON object");
            return refused(Object::new(), problem);
        }
        let place = match Place::take(&mut item) {
            Ok(place) => place,
            Err(problem) => return refused(Place::members_of(&item), problem),
        };
        match self.say_of(word, &place, &item).await {
            Ok(more) => ItemResult::Ok(Said { place, status: "ok", more }),
            Err(problem) => refused(Place::members_of(&json!(place)), problem),
        }
    }

    pub(super) async fn say(&self, word: Word, mut item: Value) -> Result<Said, Problem> {
        let place = Place::take(&mut item)?;
        let more = self.say_of(word, &place, &item).await?;
        Ok(Said { place, status: "ok", more })
    }

    async fn say_of(&self, word: Word, place: &Place, item: &Value) -> Result<More, Problem> {
        match word {
            Word::Start => self.start(place, from_ref(item)?).await,
            Word::Extend => self.extend(place, from_ref(item)?).await,
            Word::Complete => self.complete(place, from_ref(item)?).await,
            Word::Fail => self.fail(place, from_ref(item)?).await,
            Word::Release => self.release(place, from_ref(item)?).await,
        }
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
    async fn start(&self, place: &Place, NothingMore {}: NothingMore) -> Result<More, Problem> {
        self.send(place, work::Command::Start { token: place.token }).await?;
        Ok(More::default())
    }

    async fn extend(&self, place: &Place, body: ExtendBody) -> Result<More, Problem> {
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
        Ok(More { until: lease.map(|lease| lease.until), ..More::default() })
    }

    async fn complete(&self, place: &Place, body: CompleteBody) -> Result<More, Problem> {
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

    async fn fail(&self, place: &Place, body: FailBody) -> Result<More, Problem> {
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
        let retry_at = match accepted.events.first().and_then(Event::work) {
            Some(work::Event::Failed(failed)) => Some(failed.retry_at),
            Some(_) | None => None,
        };
        Ok(More { retry_at, ..repeated(&accepted) })
    }

    async fn release(&self, place: &Place, NothingMore {}: NothingMore) -> Result<More, Problem> {
        self.send(place, work::Command::ReleaseLease { token: place.token }).await?;
        Ok(More::default())
    }
}

/// Whether a result was there already.
fn repeated(accepted: &Accepted) -> More {
    More { repeated: Some(accepted.events.is_empty()), ..More::default() }
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
