//! The exporter: claims tasks that are to be exported, delivers each to the webhook of its workspace, and reports what the
//! receiver answered. At least once: whatever ends between a delivery and its report is delivered again, under the same
//! id. Does not know how a delivery travels, nor what follows from its end: the task decides.

use std::sync::Arc;

use domain::aggregate::Aggregate;
use domain::names::{ModuleName, Scope, StorageUnitName, WorkerId};
use domain::ports::{Delivery, DeliveryAnswer, DeliveryError, Direction, Webhooks};
use domain::retry::RetryPolicy;
use domain::stream::Version;
use domain::task::Stage;
use domain::time::Timestamp;
use domain::work::{Output, Work};
use domain::workspace::Webhook;
use serde::Serialize;
use tracing::Instrument as _;

use super::batch::{Ending, Held as _};
use super::hand::{Hand, unreadable};
use super::{CLAIM_WAIT, RETRY_DELAY};
use crate::board::Claimed;
use crate::engine::Engine;
use crate::outside::digest_of;
use crate::pipeline::SubmitError;
use crate::stop::Stop;
use crate::tasks::TaskDocument;
use crate::waiters::Serves;

/// Under which name an answer is recorded among the outputs.
const MODULE: &str = "webhook";
/// How much of a refusal's body is kept as the text of the failure, in bytes.
const TEXT_BYTES_MAX: usize = 16 << 10;

/// What is delivered, as `docs/exports.md` describes it.
#[derive(Debug, Serialize)]
struct Body<'a> {
    r#type: &'static str,
    timestamp: Timestamp,
    data: &'a TaskDocument,
}

/// The run of the export: the event by which the task entered the stage. Every attempt is a delivery of the same.
struct Run {
    id: String,
    since: Timestamp,
}

/// Exports until told to stop; what is in hand then is brought to its end.
pub(crate) async fn run(engine: Engine, webhooks: Arc<dyn Webhooks>, worker: WorkerId, mut stop: Stop) {
    while !stop.is_said() {
        engine.worker_speaks(&worker);
        let serves: Arc<Serves> = {
            let engine = engine.clone();
            Arc::new(move |unit, scope| engine.exports(unit, scope))
        };
        let claimed = tokio::select! {
            () = stop.wait() => return,
            claimed = engine.claim_served(&worker, 1, CLAIM_WAIT, &serves) => claimed,
        };
        match claimed {
            Ok(claims) => {
                for claim in claims {
                    let span = tracing::debug_span!("export", task = %claim.id.key, attempt = claim.attempt);
                    export(&engine, &*webhooks, &worker, claim).instrument(span).await;
                }
            }
            Err(SubmitError::Stopping) => return,
            Err(error) => {
                tracing::warn!(%error, %worker, "no export could be claimed; trying again");
                tokio::time::sleep(RETRY_DELAY).await;
            }
        }
    }
}

/// Whether exports of a workspace are the exporter's: not when modules export, whoever runs them.
pub(crate) fn serves(unit: &StorageUnitName, scope: &Scope, has_modules: bool) -> bool {
    unit.workspace().is_some() && scope.as_str() == Stage::Export.name() && !has_modules
}

async fn export(engine: &Engine, webhooks: &dyn Webhooks, worker: &WorkerId, claim: Claimed) {
    let settings = match claim.id.unit.workspace() {
        Some(workspace) => engine.workspace_settings(workspace).await,
        None => Ok(None),
    };
    let input_bytes_max = settings.as_ref().ok().and_then(Option::as_ref);
    let input_bytes_max = input_bytes_max.map_or(0, |settings| settings.limits.input_bytes_max);
    let Some(hand) = Hand::start(engine, worker, input_bytes_max, claim).await else { return };
    let attempt = async {
        let webhook = match settings {
            Ok(settings) => settings.and_then(|settings| settings.webhook),
            Err(error) => return Ending::interrupted(error.to_string()),
        };
        match webhook {
            Some(webhook) => deliver(&hand, webhooks, webhook).await.unwrap_or_else(|ending| ending),
            None => {
                let text = "the workspace has no webhook any longer; set one and approve the task again";
                for_good("no_webhook", text.to_owned())
            }
        }
    };
    let ending = tokio::select! {
        ending = attempt => ending,
        // The export is somebody else's now, or asked for no longer: what became of this delivery would be refused.
        () = hand.heartbeat() => return,
    };
    hand.report(ending).await;
}

/// Delivers once; gives the end of the attempt either way.
async fn deliver(hand: &Hand<'_>, webhooks: &dyn Webhooks, webhook: Webhook) -> Result<Ending, Ending> {
    let (engine, place) = (hand.engine, &hand.claim.id);
    let entered = hand.entered().await?;
    let document = engine.whole_task_document(place, hand.input_bytes_max).await;
    let document = document.map_err(|error| unreadable(&error))?;
    let body = Body { r#type: "task.export", timestamp: entered.since, data: &document };
    let body = serde_json::to_vec(&body).map_err(|error| Ending::interrupted(error.to_string()))?;
    let Webhook { url, secret, time_limit_ms } = webhook;
    let delivery = Delivery { url, secret, time_limit_ms, id: entered.id, at: engine.clock().now(), body };
    let retry = hand.planned_retry().unwrap_or_default();
    match webhooks.deliver(delivery).await {
        Ok(answer) if answer.is_accepted() => Ok(hand.accepted(answer).await),
        Ok(answer) => Err(refused(&answer)),
        Err(error @ DeliveryError::Secret { .. }) => Err(for_good("secret_missing", error.to_string())),
        Err(error @ DeliveryError::Address(_)) => Err(for_good("webhook_address", error.to_string())),
        Err(error @ DeliveryError::Unreachable(_)) => {
            Err(Ending::Failed { code: "connection_failed".to_owned(), text: error.to_string(), retry })
        }
        Err(error @ DeliveryError::TimeLimit(_)) => {
            Err(Ending::Failed { code: "time_limit".to_owned(), text: error.to_string(), retry })
        }
    }
}

impl Hand<'_> {
    /// The run that this attempt belongs to, while the lease is that of this hand.
    async fn entered(&self) -> Result<Run, Ending> {
        let id = &self.claim.id;
        let aggregate = self.engine.inspect(id.subject()).await;
        let aggregate = aggregate.map_err(|error| Ending::interrupted(error.to_string()))?;
        let lease = aggregate.work().and_then(Work::lease);
        if lease.is_none_or(|lease| lease.token != self.claim.token) {
            return Err(Ending::GivenUp);
        }
        let Aggregate::Task(task) = aggregate else { return Err(Ending::GivenUp) };
        let version = task.present().map_or(Version(0), |task| task.stage_version);
        let stream = id.subject().stream();
        let read = self.engine.store().read_stream(&stream, version, Direction::Forward, 1).await;
        let read = read.map_err(|error| Ending::interrupted(error.to_string()))?;
        let entered = read.first().ok_or_else(|| Ending::interrupted("the log has no such event"))?;
        Ok(Run { id: entered.id.0.to_string(), since: entered.metadata.recorded_at })
    }

    /// The receiver has the task. Its answer is what the export made; should it not be kept, nothing is delivered again.
    async fn accepted(&self, answer: DeliveryAnswer) -> Ending {
        let (digest, size_bytes) = (digest_of(&answer.body), answer.body.len() as u64);
        let scope = &self.claim.id.scope;
        let kept = self.keep(scope, answer.body).await;
        if kept.is_err() {
            tracing::warn!(task = %self.claim.id.key, "the answer to an export could not be kept; the export stands");
        }
        let module = ModuleName::new(MODULE).expect("a word is a valid name");
        Ending::Finished(vec![Output {
            module,
            digest,
            size_bytes,
            scope: kept.ok().map(|()| scope.clone()),
        }])
    }
}

/// An answer that is no success: the task needs review again (`reference/smartdocumentor.md` §5), so nothing is delivered
/// again until then.
fn refused(answer: &DeliveryAnswer) -> Ending {
    let status = answer.status;
    let kept = answer.body.get(..TEXT_BYTES_MAX).unwrap_or(&answer.body);
    let said = String::from_utf8_lossy(kept);
    let text = match said.trim() {
        "" => format!("the receiver answered {status} without a body"),
        said => said.to_owned(),
    };
    for_good(&format!("http_{status}"), text)
}

fn for_good(code: &str, text: String) -> Ending {
    Ending::Failed { code: code.to_owned(), text, retry: RetryPolicy::never() }
}
