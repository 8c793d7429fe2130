//! Services that process documents: one POST for each batch. Does not know whether a failure is worth another attempt
//! elsewhere.

use std::collections::HashMap;
use std::error::Error;
use std::sync::atomic::{AtomicU64, Ordering};

use bytes::Bytes;
use domain::ports::{Job, ModuleFailure, ModuleResult};
use domain::retry::RetryPolicy;
use domain::time::Millis;
use http_body_util::{BodyExt as _, Full, LengthLimitError, Limited};
use hyper::body::Incoming;
use hyper::header::{CONTENT_TYPE, HeaderMap, HeaderValue};
use hyper::{Method, Request, Response, StatusCode, Uri};
use hyper_rustls::HttpsConnector;
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use tokio::time::timeout;

use crate::definition::{Definition, Problem};
use crate::excerpt::Excerpt;
use crate::tls;
use crate::wire::{self, BatchStart, Item, Reply};

/// How often one request is sent at most, and the wait in between.
const TRIES: RetryPolicy =
    RetryPolicy { attempts_max: 3, backoff_ms: Millis(200), backoff_ms_max: Millis(2_000) };
/// How much of the body of an answer that is no success is read, in bytes.
const COMPLAINT_BYTES_MAX: usize = 256 << 10;

/// One service.
#[derive(Debug)]
pub(crate) struct Service {
    definition: Definition,
    uri: Uri,
    headers: HeaderMap,
    client: Client<HttpsConnector<HttpConnector>, Full<Bytes>>,
    batches: AtomicU64,
}

#[derive(Serialize)]
struct Body<'a> {
    #[serde(flatten)]
    start: BatchStart<'a>,
    items: &'a [Box<RawValue>],
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Answer {
    replies: Vec<Reply>,
}

/// Why a request failed, and whether it may be sent again at once.
struct Trouble {
    failure: ModuleFailure,
    may_pass_soon: bool,
}

type Results = Vec<Result<ModuleResult, ModuleFailure>>;

impl Service {
    pub(crate) fn new(definition: Definition) -> Result<Self, Problem> {
        let (uri, mut headers) = (definition.uri()?, definition.header_map()?);
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        let client = Client::builder(TokioExecutor::new()).build(tls::connector(&definition)?);
        Ok(Self { definition, uri, headers, client, batches: AtomicU64::default() })
    }

    /// Sends the documents in as few requests as their sizes allow, one after the other.
    pub(crate) async fn run_batch(&self, jobs: &[Job]) -> Results {
        let mut results = Results::with_capacity(jobs.len());
        let mut rest = jobs;
        while let Some(first) = rest.first() {
            let items = self.fitting(rest);
            if items.is_empty() {
                results.push(Err(self.too_large()));
                rest = rest.split_first().map_or(&[], |(_, rest)| rest);
                continue;
            }
            rest = rest.split_at_checked(items.len()).map_or(&[], |(_, rest)| rest);
            match self.request(first, &items).await {
                Ok(answer) => results.extend(self.judge(answer, items.len())),
                Err(failure) => results.extend(items.iter().map(|_| Err(failure.clone()))),
            }
        }
        results
    }

    /// As many of the jobs as fit into one request, as JSON; none when the first one does not fit.
    fn fitting(&self, jobs: &[Job]) -> Vec<Box<RawValue>> {
        let mut room = self.definition.request_bytes_max;
        let items = jobs.iter().enumerate().map_while(|(index, job)| {
            let item = serde_json::value::to_raw_value(&Item::new(index, job)).ok()?;
            room = room.checked_sub(item.get().len() as u64)?;
            Some(item)
        });
        items.collect()
    }

    async fn request(&self, first: &Job, items: &[Box<RawValue>]) -> Result<Answer, ModuleFailure> {
        let batch = (self.batches.fetch_add(1, Ordering::Relaxed) + 1).to_string();
        let body = serde_json::to_vec(&Body { start: BatchStart::new(&batch, first), items });
        let body = Bytes::from(body.map_err(|error| wire::protocol(&error.to_string()))?);
        let mut failures = 0;
        loop {
            let trying = timeout(self.definition.time_limit_ms.as_duration(), self.send(body.clone()));
            let trouble = match trying.await {
                Ok(Ok(reply)) => return parse(&reply),
                Ok(Err(trouble)) => trouble,
                // A service that is still at work would do it twice.
                Err(_) => return Err(self.too_slow()),
            };
            failures += 1;
            match TRIES.delay_after(failures) {
                Some(delay) if trouble.may_pass_soon => tokio::time::sleep(delay.as_duration()).await,
                Some(_) | None => return Err(trouble.failure),
            }
        }
    }

    async fn send(&self, body: Bytes) -> Result<Bytes, Trouble> {
        let mut request = Request::new(Full::new(body));
        *request.method_mut() = Method::POST;
        *request.uri_mut() = self.uri.clone();
        request.headers_mut().clone_from(&self.headers);
        let response = self.client.request(request).await.map_err(|error| self.unreachable(&error))?;
        if !response.status().is_success() {
            return Err(self.complaint(response).await);
        }
        let bytes_max = self.definition.reply_bytes_max;
        let limit = usize::try_from(bytes_max).unwrap_or(usize::MAX);
        let reply = Limited::new(response.into_body(), limit).collect().await;
        reply.map(http_body_util::Collected::to_bytes).map_err(|error| {
            if !error.is::<LengthLimitError>() {
                return self.unreachable(&*error);
            }
            let text = format!("the service's reply has more than {bytes_max} bytes");
            let failure = ModuleFailure { code: "output_limit".to_owned(), text, may_pass_later: false };
            Trouble { failure, may_pass_soon: false }
        })
    }

    /// What the service has to say for an answer that is no success.
    async fn complaint(&self, response: Response<Incoming>) -> Trouble {
        let status = response.status();
        let mut said = Excerpt::new(self.definition.stderr_bytes_max);
        let mut body = Limited::new(response.into_body(), COMPLAINT_BYTES_MAX);
        // What cannot be read of a complaint is left out; the status says enough.
        while let Some(Ok(frame)) = body.frame().await {
            said.push(frame.data_ref().map_or(&[], |data| &data[..]));
        }
        let text = said.text();
        let text = match text.trim() {
            "" => format!("the service answered {status} without a body"),
            text => text.to_owned(),
        };
        let may_pass_soon = status.is_server_error();
        let may_pass_later = may_pass_soon || may_change(status);
        let failure = ModuleFailure { code: format!("http_{}", status.as_u16()), text, may_pass_later };
        Trouble { failure, may_pass_soon }
    }

    fn unreachable(&self, top: &(dyn Error + 'static)) -> Trouble {
        let mut text = format!("the service {} could not be reached: {top}", self.uri);
        let mut source = top.source();
        while let Some(error) = source {
            text = format!("{text}: {error}");
            source = error.source();
        }
        if let Some(advice) = tls::advice(top) {
            let text = format!("{text}; {advice}");
            let failure =
                ModuleFailure { code: "certificate_refused".to_owned(), text, may_pass_later: true };
            return Trouble { failure, may_pass_soon: false };
        }
        let failure = ModuleFailure { code: "connection_failed".to_owned(), text, may_pass_later: true };
        Trouble { failure, may_pass_soon: true }
    }

    fn too_slow(&self) -> ModuleFailure {
        let limit_ms = self.definition.time_limit_ms.0;
        let text = format!("the service did not answer within {limit_ms} ms");
        ModuleFailure { code: "time_limit".to_owned(), text, may_pass_later: true }
    }

    fn too_large(&self) -> ModuleFailure {
        let bytes_max = self.definition.request_bytes_max;
        let text = format!("the document has more than {bytes_max} bytes as JSON; raise request_bytes_max");
        ModuleFailure { code: "input_limit".to_owned(), text, may_pass_later: false }
    }

    /// What became of each item. The first reply for an item counts.
    fn judge(&self, answer: Answer, count: usize) -> Results {
        let mut replies = HashMap::new();
        for reply in answer.replies {
            replies.entry(reply.id().to_owned()).or_insert(reply);
        }
        let judged = (0..count).map(|index| match replies.remove(&wire::item_id(index)) {
            Some(reply) => reply.judge(&self.definition),
            None => Err(wire::protocol("the service's reply says nothing of this item")),
        });
        judged.collect()
    }
}

fn parse(reply: &[u8]) -> Result<Answer, ModuleFailure> {
    serde_json::from_slice(reply)
        .map_err(|error| wire::protocol(&format!("the service's reply cannot be understood: {error}")))
}

/// Whether a refusal says something about the moment rather than about the request.
fn may_change(status: StatusCode) -> bool {
    matches!(status, StatusCode::REQUEST_TIMEOUT | StatusCode::TOO_EARLY | StatusCode::TOO_MANY_REQUESTS)
}
