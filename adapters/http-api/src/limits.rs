//! How much is taken at once: headers, requests in work, and requests per second of one key or address. Does not know
//! what a request asks, nor whether it may.

use std::net::IpAddr;
use std::num::NonZeroU32;

use axum::http::{HeaderMap, StatusCode};
use domain::names::ApiKeyId;
use governor::clock::{Clock as _, DefaultClock};
use governor::{DefaultKeyedRateLimiter, Quota, RateLimiter};
use tokio::sync::{Semaphore, SemaphorePermit};

use crate::access::identity::Identity;
use crate::problem::Problem;
use crate::state::HttpSettings;

/// How many senders are remembered before those are forgotten that have been silent for a while.
const SENDERS_KEPT: usize = 10_000;

/// Who sends requests.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Sender {
    Key(ApiKeyId),
    Address(Option<IpAddr>),
}

/// The limits and what is known of their use.
pub(crate) struct Limits {
    headers_bytes_max: usize,
    requests_at_once_max: usize,
    at_once: Semaphore,
    rate: Option<DefaultKeyedRateLimiter<Sender>>,
}

impl Limits {
    pub(crate) fn new(settings: &HttpSettings) -> Self {
        let at_once = settings.requests_at_once_max.min(Semaphore::MAX_PERMITS);
        let rate = settings.requests_per_second_max.and_then(NonZeroU32::new);
        Self {
            headers_bytes_max: settings.headers_bytes_max,
            requests_at_once_max: at_once,
            at_once: Semaphore::new(at_once),
            rate: rate.map(|rate| RateLimiter::keyed(Quota::per_second(rate))),
        }
    }

    /// Lets a request in while there is room; one that does not count needs none.
    pub(crate) fn enter(
        &self,
        is_counted: bool,
        headers: &HeaderMap,
    ) -> Result<Option<SemaphorePermit<'_>>, Problem> {
        let bytes: usize = headers.iter().map(|(name, value)| name.as_str().len() + value.len()).sum();
        if bytes > self.headers_bytes_max {
            let max = self.headers_bytes_max;
            let detail = format!("the headers have {bytes} bytes, at most {max} are taken; send fewer");
            let status = StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE;
            return Err(Problem::new(status, "headers_too_large", detail));
        }
        if !is_counted {
            return Ok(None);
        }
        self.at_once.try_acquire().map(Some).map_err(|_| {
            let max = self.requests_at_once_max;
            Problem::try_later(
                "too_many_at_once",
                format!("{max} requests are being answered already; try again shortly"),
            )
        })
    }

    /// Refuses a request of a key, or of an address without one, that has sent too many in this second.
    pub(crate) fn check_rate(
        &self,
        identity: Option<&Identity>,
        address: Option<IpAddr>,
    ) -> Result<(), Problem> {
        let Some(rate) = &self.rate else { return Ok(()) };
        let key = identity.and_then(|identity| identity.key.as_ref());
        let sender = key.map_or(Sender::Address(address), |(id, _)| Sender::Key(*id));
        if rate.len() > SENDERS_KEPT {
            rate.retain_recent();
        }
        rate.check_key(&sender).map_err(|early| {
            let wait = early.wait_time_from(DefaultClock::default().now());
            let seconds = wait.as_secs() + u64::from(wait.subsec_nanos() > 0);
            let detail = format!("too many requests were sent; send the next in {seconds} seconds");
            Problem::new(StatusCode::TOO_MANY_REQUESTS, "too_many_requests", detail)
        })
    }
}
