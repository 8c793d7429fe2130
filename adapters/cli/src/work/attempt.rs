//! One attempt: read the document, run the modules one after the other, report, and show in between that it is alive.

use std::time::Duration;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use domain::ports::{Job, ModuleFailure, Modules as _};
use domain::retry::RetryPolicy;
use domain::storage_unit::ModuleInput;
use serde_json::{Value, json};

use super::{Lease, RETRY_DELAY, Worker};
use crate::exit::CliError;

/// How often within a lease the worker shows that it is alive.
const HEARTBEATS_PER_LEASE: u32 = 3;
/// The most that the outputs of one document may have together when they are kept, in bytes: they travel as Base64 in one
/// request, of which the server takes 16 MiB unless it is configured otherwise.
const KEPT_BYTES_MAX: usize = 11 << 20;

/// How an attempt ended: what to say, and what of it.
type Ending = (&'static str, Value);

impl Worker {
    /// Processes one document and reports.
    pub(super) async fn work_on(&self, lease: &Lease) {
        if let Err(error) = self.say("start", lease, Value::Null).await {
            tracing::warn!(%error, key = %lease.key, "the attempt could not be started; its lease will run out");
            return;
        }
        let (word, more) = tokio::select! {
            ending = self.attempt(lease) => ending,
            // The lease is somebody else's now: what this attempt makes would be refused.
            () = self.heartbeat(lease) => return,
        };
        self.report(lease, word, more).await;
    }

    async fn attempt(&self, lease: &Lease) -> Ending {
        let document = match self.document(lease).await {
            Ok(document) => document,
            Err(error) => return failed("input_unreadable", &error.to_string(), RetryPolicy::never()),
        };
        let mut outputs = Vec::with_capacity(lease.modules.len());
        let (mut previous, mut kept_bytes) = (Vec::new(), 0);
        for entry in &lease.modules {
            let Some(profile) = self.modules.profile(&entry.module) else {
                // The unit's modules have changed since the queues were looked at.
                return ("release", Value::Null);
            };
            let input = match entry.input {
                ModuleInput::Document => document.clone(),
                ModuleInput::Previous => std::mem::take(&mut previous),
            };
            let Lease { unit, scope, key, attempt, .. } = lease.clone();
            let job = Job { unit, scope, key, attempt, settings: entry.settings.clone(), input };
            let output = match self.modules.run(&entry.module, job).await {
                Ok(result) => result.output,
                Err(failure) => return module_failed(&failure, entry.retry.unwrap_or(profile.retry)),
            };
            let scope = entry.output_scope.as_ref().or(profile.output_scope.as_ref());
            kept_bytes += if scope.is_some() { output.len() } else { 0 };
            if kept_bytes > KEPT_BYTES_MAX {
                let text = format!(
                    "the outputs have more than {KEPT_BYTES_MAX} bytes; a worker inside the server can keep them"
                );
                return failed("output_too_large", &text, RetryPolicy::never());
            }
            outputs.push(match scope {
                Some(scope) => json!({
                    "module": entry.module,
                    "scope": scope,
                    "content_base64": BASE64_STANDARD.encode(&output),
                }),
                None => json!({
                    "module": entry.module,
                    "digest": runtime::digest_of(&output),
                    "size_bytes": output.len(),
                }),
            });
            previous = output;
        }
        ("complete", json!({ "outputs": outputs }))
    }

    /// The document; asks again while the server cannot be reached. The heartbeat says when that is of no use any longer.
    async fn document(&self, lease: &Lease) -> Result<Vec<u8>, CliError> {
        loop {
            match self.client.get_bytes(&lease.input_url).await {
                Err(CliError::Unavailable(error)) => {
                    tracing::warn!(error, key = %lease.key, "a document could not be read; trying again");
                    tokio::time::sleep(RETRY_DELAY).await;
                }
                other => return other,
            }
        }
    }

    /// Keeps the lease alive; returns when it is gone.
    async fn heartbeat(&self, lease: &Lease) {
        let lease_ms = lease.lease_ms;
        loop {
            tokio::time::sleep(Duration::from_millis(lease_ms.0) / HEARTBEATS_PER_LEASE).await;
            match self.say("extend", lease, json!({ "lease_ms": lease_ms })).await {
                Err(CliError::Refused(error)) => {
                    tracing::warn!(error, key = %lease.key, "the attempt is given up");
                    return;
                }
                Ok(_) => {}
                Err(error) => tracing::warn!(%error, key = %lease.key, "a heartbeat could not be sent"),
            }
        }
    }

    /// Reports the end; tries again while the server cannot be reached. A server that is back knows the lease, or says
    /// that it is gone.
    async fn report(&self, lease: &Lease, word: &str, more: Value) {
        loop {
            match self.say(word, lease, more.clone()).await {
                Err(CliError::Unavailable(error)) => {
                    tracing::warn!(error, key = %lease.key, "a result could not be sent; trying again");
                    tokio::time::sleep(RETRY_DELAY).await;
                }
                Ok(_) => return,
                Err(error) => {
                    tracing::warn!(%error, key = %lease.key, "a result was not taken");
                    return;
                }
            }
        }
    }
}

fn module_failed(failure: &ModuleFailure, retry: RetryPolicy) -> Ending {
    let retry = if failure.may_pass_later { retry } else { RetryPolicy::never() };
    failed(&failure.code, &failure.text, retry)
}

fn failed(code: &str, text: &str, retry: RetryPolicy) -> Ending {
    ("fail", json!({ "code": code, "text": text, "retry": retry }))
}
