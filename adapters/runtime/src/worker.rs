//! The built-in worker: claims, reads documents, runs the modules of the scope or stage over them, keeps what they made,
//! reports. Does not know how a module runs.

pub(crate) mod batch;
pub(crate) mod export;
mod hand;

use std::sync::Arc;
use std::time::Duration;

use domain::names::{Scope, WorkerId};
use domain::ports::Modules;
use domain::storage_unit::{ModuleEntry, ModuleTable};
use domain::stream::KeyScopeId;
use futures::future::join_all;
use tracing::Instrument as _;

use crate::board::Claimed;
use crate::engine::Engine;
use crate::pipeline::SubmitError;
use crate::stop::Stop;
use crate::tasks::QueueSettings;
use crate::waiters::Serves;
use batch::Ending;
use hand::Hand;

pub(crate) use hand::digest_of;

/// What the names of all built-in workers begin with; no other worker may use it.
pub(crate) const PREFIX: &str = "built-in/";
/// How long a worker waits for work before it looks around.
const CLAIM_WAIT: Duration = Duration::from_secs(5);
/// The wait after a failure before the next try.
const RETRY_DELAY: Duration = Duration::from_millis(500);

/// Works until told to stop; what is in hand then is brought to its end.
pub(crate) async fn run(engine: Engine, worker: WorkerId, mut stop: Stop) {
    while !stop.is_said() {
        engine.worker_speaks(&worker);
        let serves: Arc<Serves> = {
            let engine = engine.clone();
            Arc::new(move |unit, scope| engine.serves(unit, scope))
        };
        let claimed = tokio::select! {
            () = stop.wait() => return,
            claimed = engine.claim_served(&worker, 1, CLAIM_WAIT, &serves) => claimed,
        };
        match claimed {
            Ok(claims) => {
                for claim in claims {
                    let KeyScopeId { unit, scope, .. } = &claim.id;
                    let span = tracing::debug_span!("work", %unit, %scope, attempt = claim.attempt);
                    work_on(&engine, &worker, claim).instrument(span).await;
                }
            }
            Err(SubmitError::Stopping) => return,
            Err(error) => {
                tracing::warn!(%error, %worker, "nothing could be claimed; trying again");
                tokio::time::sleep(RETRY_DELAY).await;
            }
        }
    }
}

/// Works on a claim, and on more of the same queue when its modules take batches.
async fn work_on(engine: &Engine, worker: &WorkerId, first: Claimed) {
    let settings = match engine.queue_settings(&first.id.unit).await {
        Ok(Some(settings)) => Ok(settings),
        Ok(None) => Err("the storage unit or workspace is gone".to_owned()),
        Err(error) => Err(error.to_string()),
    };
    let mut claims = vec![first];
    if let (Ok(settings), Some(first)) = (&settings, claims.first()) {
        let more = claim_more(engine, worker, settings, first).await;
        claims.extend(more);
    }
    let input_bytes_max = settings.as_ref().map_or(0, |settings| settings.limits.input_bytes_max);
    let starting = claims.into_iter().map(|claim| Hand::start(engine, worker, input_bytes_max, claim));
    let hands: Vec<Hand> = join_all(starting).await.into_iter().flatten().collect();
    let attempt = async {
        match (&settings, hands.first()) {
            (Ok(settings), Some(first)) => {
                let entries = settings.modules.overlaid(&first.claim.id.scope);
                batch::attempt(engine.modules(), &entries, &hands).await
            }
            (Ok(_), None) => Vec::new(),
            (Err(problem), _) => vec![Ending::interrupted(problem); hands.len()],
        }
    };
    let endings = tokio::select! {
        endings = attempt => endings,
        // The leases are all somebody else's now: what this attempt makes would be refused.
        () = heartbeats(&hands) => return,
    };
    join_all(hands.iter().zip(endings).map(|(hand, ending)| hand.report(ending))).await;
}

/// Claims what else waits in the queue of a claim, as much as a batch of its modules has. Does not wait.
async fn claim_more(
    engine: &Engine,
    worker: &WorkerId,
    settings: &QueueSettings,
    first: &Claimed,
) -> Vec<Claimed> {
    let (unit, scope) = (first.id.unit.clone(), first.id.scope.clone());
    let more_max = batch::batch_items_max(engine.modules(), entries(&settings.modules, &scope)) - 1;
    if more_max == 0 {
        return Vec::new();
    }
    let same_queue: Arc<Serves> = Arc::new(move |other, its| *other == unit && *its == scope);
    match engine.claim_served(worker, more_max, Duration::ZERO, &same_queue).await {
        Ok(claims) => claims,
        Err(error) => {
            tracing::warn!(%error, %worker, "the rest of a batch could not be claimed; the batch is smaller");
            Vec::new()
        }
    }
}

/// Keeps the leases alive; returns when all of them are gone.
async fn heartbeats(hands: &[Hand<'_>]) {
    join_all(hands.iter().map(Hand::heartbeat)).await;
}

fn entries<'a>(table: &'a ModuleTable, scope: &Scope) -> &'a [ModuleEntry] {
    table.modules.get(scope).map_or(&[], Vec::as_slice)
}

/// Whether every module of a scope, or of a stage, is defined here; one without modules is served by nobody.
pub(crate) fn serves(modules: &dyn Modules, table: &ModuleTable, scope: &Scope) -> bool {
    let entries = entries(table, scope);
    !entries.is_empty() && entries.iter().all(|entry| modules.profile(&entry.module).is_some())
}
