//! What the worker says of its leases: one request for many, one result for each. Does not know what is said.

use std::collections::VecDeque;
use std::fmt;

use hyper::Method;
use serde::Deserialize;
use serde_json::{Value, json};

use super::{Lease, RETRY_DELAY, Worker};
use crate::exit::CliError;

/// How much one report holds, in bytes of JSON, and one item at least: the server takes 16 MiB unless it is configured
/// otherwise.
const REPORT_BYTES_MAX: usize = 15 << 20;

/// Something said of one lease.
#[derive(Clone)]
pub(super) struct Said {
    /// For the log.
    key: String,
    item: Value,
}

impl Said {
    pub(super) fn of(lease: &Lease, more: Value) -> Self {
        let Lease { unit, scope, key, token, .. } = lease;
        let mut item = json!({ "unit": unit, "scope": scope, "key": key, "token": token });
        if let (Some(item), Value::Object(more)) = (item.as_object_mut(), more) {
            item.extend(more);
        }
        Self { key: key.to_string(), item }
    }
}

/// What the server made of it.
#[derive(Debug, Deserialize)]
pub(super) struct Answer {
    status: String,
    #[serde(default)]
    detail: String,
    #[serde(default)]
    try_later: bool,
}

impl Answer {
    pub(super) fn is_ok(&self) -> bool {
        self.status == "ok"
    }

    pub(super) fn lease_is_gone(&self) -> bool {
        self.status == "lease_gone"
    }
}

impl fmt::Display for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.status, self.detail)
    }
}

#[derive(Deserialize)]
struct Answers {
    results: Vec<Answer>,
}

impl Worker {
    /// Says one thing of many leases; gives a result for each, in order.
    pub(super) async fn say_all(&self, word: &str, said: &[Said]) -> Result<Vec<Answer>, CliError> {
        let items: Vec<&Value> = said.iter().map(|said| &said.item).collect();
        let body = json!({ "worker": self.name, "items": items });
        let reply = self.client.send(Method::POST, &format!("/v1/leases/{word}"), &body).await?;
        let Answers { results } = serde_json::from_value(reply).map_err(|error| {
            CliError::Unavailable(format!("the server's results cannot be read: {error}"))
        })?;
        Ok(results)
    }

    /// Reports ends, in as few requests as their sizes allow; tries again while the server cannot be reached, or cannot
    /// take one. A server that is back knows the leases, or says that they are gone.
    pub(super) async fn report(&self, word: &str, said: Vec<Said>) {
        let mut requests = in_requests(said);
        while let Some(request) = requests.pop_front() {
            match self.say_all(word, &request).await {
                Ok(answers) => {
                    let later = not_yet(request, answers);
                    if !later.is_empty() {
                        requests.push_back(later);
                        tokio::time::sleep(RETRY_DELAY).await;
                    }
                }
                Err(CliError::Unavailable(error)) => {
                    tracing::warn!(error, word, "results could not be sent; trying again");
                    requests.push_front(request);
                    tokio::time::sleep(RETRY_DELAY).await;
                }
                Err(error) => match halves(request) {
                    // The server may take less at once; what it refuses by itself is refused for good.
                    Ok((front, back)) => {
                        requests.push_front(back);
                        requests.push_front(front);
                    }
                    Err(said) => said.iter().for_each(|said| {
                        tracing::warn!(%error, key = said.key, "a result was not taken");
                    }),
                },
            }
        }
    }
}

/// What has to be said again, since it cannot be taken at the moment. What was refused is noted.
fn not_yet(request: Vec<Said>, answers: Vec<Answer>) -> Vec<Said> {
    let unsettled = request.into_iter().zip(answers).filter(|(_, answer)| !answer.is_ok());
    let later = unsettled.filter_map(|(said, answer)| {
        tracing::warn!(error = %answer, key = said.key, again = answer.try_later, "a result was not taken");
        answer.try_later.then_some(said)
    });
    later.collect()
}

fn in_requests(said: Vec<Said>) -> VecDeque<Vec<Said>> {
    let mut requests: VecDeque<Vec<Said>> = VecDeque::new();
    let mut room = 0;
    for said in said {
        let size_bytes = said.item.to_string().len();
        match requests.back_mut().filter(|_| size_bytes <= room) {
            Some(request) => {
                room -= size_bytes;
                request.push(said);
            }
            None => {
                room = REPORT_BYTES_MAX.saturating_sub(size_bytes);
                requests.push_back(vec![said]);
            }
        }
    }
    requests
}

/// Two halves, or what cannot be halved.
fn halves(mut request: Vec<Said>) -> Result<(Vec<Said>, Vec<Said>), Vec<Said>> {
    if request.len() < 2 {
        return Err(request);
    }
    let back = request.split_off(request.len() / 2);
    Ok((request, back))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(size_bytes: usize) -> Said {
        Said { key: String::new(), item: Value::from("x".repeat(size_bytes)) }
    }

    fn sizes(said: Vec<Said>) -> Vec<usize> {
        in_requests(said).iter().map(Vec::len).collect()
    }

    #[test]
    fn a_request_holds_no_more_than_it_may_and_one_item_at_least() {
        assert_eq!(sizes(Vec::new()), [0_usize; 0]);
        assert_eq!(sizes(vec![said(10), said(10), said(10)]), [3]);
        let half = REPORT_BYTES_MAX / 2;
        assert_eq!(sizes(vec![said(half), said(half), said(10)]), [1, 2]);
        assert_eq!(sizes(vec![said(10), said(2 * REPORT_BYTES_MAX), said(10)]), [1, 1, 1]);
    }

    #[test]
    fn only_what_cannot_be_taken_now_is_said_again() {
        let answer =
            |status: &str, try_later| Answer { status: status.to_owned(), detail: String::new(), try_later };
        let answers =
            vec![answer("ok", false), answer("store_unavailable", true), answer("late_result", false)];
        let named = |key: &str| Said { key: key.to_owned(), item: Value::Null };
        let later = not_yet(vec![named("a"), named("b"), named("c")], answers);
        assert_eq!(later.iter().map(|said| said.key.as_str()).collect::<Vec<_>>(), ["b"]);
    }

    #[test]
    fn a_request_is_halved_until_it_is_one_item() {
        let (front, back) = halves(vec![said(1), said(2), said(3)]).ok().unwrap();
        assert_eq!((front.len(), back.len()), (1, 2));
        assert!(halves(front).is_err());
    }
}
