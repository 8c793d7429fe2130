//! One batch: read the documents, run the modules over them, report, and show in between that the worker is alive. The
//! modules run as they do inside the server; what differs is how a document is read and a result kept.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use domain::names::Scope;
use domain::retry::RetryPolicy;
use domain::stream::KeyScopeId;
use domain::work::Output;
use runtime::{Ending, Held};
use serde_json::{Value, json};

use super::report::Said;
use super::{Lease, RETRY_DELAY, Worker};
use crate::exit::CliError;

/// How often within a lease the worker shows that it is alive.
const HEARTBEATS_PER_LEASE: u32 = 3;
/// The most that the outputs of one document may have together when they are kept, in bytes: they travel as Base64 in one
/// request, of which the server takes 16 MiB unless it is configured otherwise.
const KEPT_BYTES_MAX: usize = 11 << 20;

/// One lease in hand.
struct Hand<'a> {
    worker: &'a Worker,
    lease: &'a Lease,
    id: KeyScopeId,
    lost: AtomicBool,
    /// What is to be kept, in the order in which it was made; it travels with the report.
    kept: Mutex<VecDeque<Vec<u8>>>,
}

impl Worker {
    /// Processes documents of one queue, which have the same modules, and reports what became of each.
    pub(super) async fn work_on(&self, leases: &[Lease]) {
        let hands = self.start(leases).await;
        let Some(first) = hands.first() else { return };
        let endings = tokio::select! {
            endings = runtime::attempt(&self.modules, &first.lease.modules, &hands) => endings,
            // The leases are all somebody else's now: what this attempt makes would be refused.
            () = self.heartbeats(&hands) => return,
        };
        let (mut complete, mut fail) = (Vec::new(), Vec::new());
        for (hand, ending) in hands.iter().zip(endings) {
            match ending {
                Ending::Finished(outputs) => {
                    complete.push(hand.said(json!({ "outputs": hand.outputs(outputs) })));
                }
                Ending::Failed { code, text, retry } => {
                    fail.push(hand.said(json!({ "code": code, "text": text, "retry": retry })));
                }
                Ending::GivenUp => {}
            }
        }
        self.report("complete", complete).await;
        self.report("fail", fail).await;
    }

    /// Begins the attempts that can be begun.
    async fn start<'a>(&'a self, leases: &'a [Lease]) -> Vec<Hand<'a>> {
        let said: Vec<Said> = leases.iter().map(|lease| Said::of(lease, json!({}))).collect();
        let started = self.say_all("start", &said).await;
        let results = started.unwrap_or_else(|error| {
            tracing::warn!(%error, "attempts could not be started; their leases will run out");
            Vec::new()
        });
        let pairs = leases.iter().zip(results);
        let started = pairs.filter_map(|(lease, result)| {
            if result.is_ok() {
                return Some(Hand::new(self, lease));
            }
            tracing::warn!(error = %result, key = %lease.key, "the attempt could not be started; its lease will run out");
            None
        });
        started.collect()
    }

    /// Keeps the leases alive; returns when all of them are gone.
    async fn heartbeats(&self, hands: &[Hand<'_>]) {
        let shortest_ms = hands.iter().map(|hand| hand.lease.lease_ms.0).min().unwrap_or_default();
        loop {
            tokio::time::sleep(Duration::from_millis(shortest_ms) / HEARTBEATS_PER_LEASE).await;
            let held: Vec<&Hand<'_>> = hands.iter().filter(|hand| !hand.is_lost()).collect();
            if held.is_empty() {
                return;
            }
            let extend = |hand: &&Hand<'_>| hand.said(json!({ "lease_ms": hand.lease.lease_ms }));
            let said: Vec<Said> = held.iter().map(extend).collect();
            match self.say_all("extend", &said).await {
                Ok(results) => {
                    held.iter().zip(results).filter(|(_, result)| result.lease_is_gone()).for_each(
                        |(hand, result)| {
                            tracing::warn!(error = %result, key = %hand.lease.key, "the attempt is given up");
                            hand.lost.store(true, Ordering::Relaxed);
                        },
                    );
                }
                Err(error) => tracing::warn!(%error, "a heartbeat could not be sent"),
            }
        }
    }
}

impl<'a> Hand<'a> {
    fn new(worker: &'a Worker, lease: &'a Lease) -> Self {
        let Lease { unit, scope, key, .. } = lease.clone();
        let id = KeyScopeId { unit, scope, key };
        Self { worker, lease, id, lost: AtomicBool::new(false), kept: Mutex::default() }
    }

    fn said(&self, more: Value) -> Said {
        Said::of(self.lease, more)
    }

    /// What the modules made, as it is reported: with what is to be kept, and else with digest and size.
    fn outputs(&self, outputs: Vec<Output>) -> Vec<Value> {
        let outputs = outputs.into_iter().map(|output| {
            let Output { module, digest, size_bytes, scope } = output;
            match scope {
                Some(scope) => {
                    let content = self.kept().pop_front().unwrap_or_default();
                    json!({ "module": module, "scope": scope, "content_base64": BASE64_STANDARD.encode(content) })
                }
                None => json!({ "module": module, "digest": digest, "size_bytes": size_bytes }),
            }
        });
        outputs.collect()
    }

    fn kept(&self) -> std::sync::MutexGuard<'_, VecDeque<Vec<u8>>> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl Held for Hand<'_> {
    fn id(&self) -> &KeyScopeId {
        &self.id
    }

    fn attempt(&self) -> u32 {
        self.lease.attempt
    }

    fn is_lost(&self) -> bool {
        self.lost.load(Ordering::Relaxed)
    }

    /// Asks again while the server cannot be reached. The heartbeat says when that is of no use any longer.
    async fn read(&self) -> Result<Vec<u8>, Ending> {
        loop {
            match self.worker.client.get_bytes(&self.lease.input_url).await {
                Ok(document) => return Ok(document),
                Err(CliError::Unavailable(error)) if !self.is_lost() => {
                    tracing::warn!(error, key = %self.lease.key, "a document could not be read; trying again");
                    tokio::time::sleep(RETRY_DELAY).await;
                }
                Err(error) => return Err(failed("input_unreadable", error.to_string())),
            }
        }
    }

    async fn keep(&self, _scope: &Scope, output: Vec<u8>) -> Result<(), Ending> {
        let mut kept = self.kept();
        kept.push_back(output);
        if kept.iter().map(Vec::len).sum::<usize>() <= KEPT_BYTES_MAX {
            return Ok(());
        }
        let text = format!(
            "the outputs have more than {KEPT_BYTES_MAX} bytes; a worker inside the server can keep them"
        );
        Err(failed("output_too_large", text))
    }
}

/// A failure that another attempt would not change.
fn failed(code: &str, text: String) -> Ending {
    Ending::Failed { code: code.to_owned(), text, retry: RetryPolicy::never() }
}
