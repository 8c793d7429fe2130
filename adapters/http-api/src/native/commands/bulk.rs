//! Many commands in one request: a line each, a result each, in order, as they arrive.
//!
//! Commands to one thing are carried out one after the other. So is everything that is not about a key-scope, since
//! what comes after it may rely on it: a unit is created, then its keys are queued. It does not know what a command does.

use std::collections::HashSet;
use std::convert::Infallible;

use axum::body::{Body, Bytes};
use axum::http::StatusCode;
use domain::envelope::{Command, Envelope};
use domain::stream::StreamId;
use futures::FutureExt as _;
use futures::future::join_all;

use super::envelope::Posted;
use super::{CommandResult, id_of};
use crate::extract::{BODY_WAIT_MAX, Line, Lines, from_json};
use crate::problem::Problem;
use crate::request::{Caller, carry_out};
use crate::state::ApiState;

/// How many commands are carried out at once.
const AT_ONCE_MAX: usize = 256;
/// How many bytes of lines are carried out at once, about.
const BYTES_AT_ONCE_MAX: usize = 4 << 20;

/// The results, as a body that is written while the request is read.
pub(super) fn results(state: ApiState, caller: Caller, lines: Lines) -> Body {
    let bulk = Bulk { state, caller, lines, ahead: None, ended: false };
    Body::from_stream(futures::stream::unfold(bulk, Bulk::next))
}

struct Bulk {
    state: ApiState,
    caller: Caller,
    lines: Lines,
    /// Read, and not yet to be carried out.
    ahead: Option<Item>,
    ended: bool,
}

/// A line, understood or not.
struct Item {
    id: Option<String>,
    bytes: usize,
    envelope: Result<Envelope, Problem>,
    /// Whether nothing can come after it.
    is_last: bool,
}

impl Bulk {
    /// The results of what can be carried out together.
    async fn next(mut self) -> Option<(Result<Bytes, Infallible>, Self)> {
        let first = match self.ahead.take() {
            Some(item) => item,
            None => self.wait().await?,
        };
        let mut together = Together::default();
        let mut items = Vec::new();
        together.takes(&first);
        self.ended |= first.is_last;
        items.push(first);
        // Whoever sends a line and waits for its result gets it; nothing waits for company.
        while !self.ended && items.len() < AT_ONCE_MAX {
            let Some(Some(line)) = self.lines.next().now_or_never() else { break };
            let item = self.item(line);
            if !together.takes(&item) {
                self.ahead = Some(item);
                break;
            }
            self.ended |= item.is_last;
            items.push(item);
        }
        let state = &self.state;
        let results = join_all(items.into_iter().map(|item| result(state, item))).await.concat();
        Some((Ok(results.into()), self))
    }

    async fn wait(&mut self) -> Option<Item> {
        if self.ended {
            return None;
        }
        let Ok(line) = tokio::time::timeout(BODY_WAIT_MAX, self.lines.next()).await else {
            let detail =
                format!("no line arrived within {} seconds; send the rest again", BODY_WAIT_MAX.as_secs());
            let problem = Problem::new(StatusCode::REQUEST_TIMEOUT, "body_too_slow", detail);
            return Some(Item { is_last: true, ..Item::wrong(problem) });
        };
        line.map(|line| self.item(line))
    }

    fn item(&self, line: Line) -> Item {
        match line {
            Line::Bytes(bytes) => match from_json::<Posted>(&bytes) {
                Ok(posted) => {
                    let id = posted.id();
                    let envelope = posted.envelope(&self.state, &self.caller);
                    Item { id, bytes: bytes.len(), envelope, is_last: false }
                }
                Err(problem) => Item::wrong(problem),
            },
            Line::TooLong => {
                let detail = "the line has too many bytes; send it by itself as application/json";
                Item::wrong(Problem::new(StatusCode::PAYLOAD_TOO_LARGE, "body_too_large", detail))
            }
            Line::Broken => {
                let problem = Problem::bad_request("the body broke off; send the rest again");
                Item { is_last: true, ..Item::wrong(problem) }
            }
        }
    }
}

impl Item {
    const fn wrong(problem: Problem) -> Self {
        Self { id: None, bytes: 0, envelope: Err(problem), is_last: false }
    }
}

/// What is carried out at the same time.
#[derive(Default)]
struct Together {
    streams: HashSet<StreamId>,
    bytes: usize,
    /// It holds something that everything after it may rely on.
    is_closed: bool,
}

impl Together {
    /// Takes a further item, unless it has to wait for those before it.
    fn takes(&mut self, item: &Item) -> bool {
        let Ok(envelope) = &item.envelope else { return true };
        let stands_alone = !matches!(envelope.command, Command::KeyScope(..));
        let is_empty = self.streams.is_empty();
        let is_full = self.bytes + item.bytes > BYTES_AT_ONCE_MAX;
        if self.is_closed || !is_empty && (stands_alone || is_full) {
            return false;
        }
        self.is_closed = stands_alone;
        self.bytes += item.bytes;
        self.streams.insert(envelope.command.subject().stream())
    }
}

async fn result(state: &ApiState, item: Item) -> Vec<u8> {
    let Item { id, envelope, .. } = item;
    let carried_out = match envelope {
        Ok(envelope) => {
            let id = id_of(&envelope);
            carry_out(state, envelope).await.map(|accepted| (id, accepted))
        }
        Err(problem) => Err(problem),
    };
    let json = match &carried_out {
        Ok((id, accepted)) => serde_json::to_vec(&CommandResult::accepted(state, id.clone(), accepted)),
        Err(problem) => serde_json::to_vec(&CommandResult::problem(id, problem)),
    };
    let mut line = json.expect("texts, numbers and lists of them are always JSON");
    line.push(b'\n');
    line
}

#[cfg(test)]
mod tests {
    use domain::names::{Actor, CommandId, Key, Scope, StorageUnitName};
    use domain::storage_unit;
    use domain::stream::KeyScopeId;
    use domain::work;
    use uuid::Uuid;

    use super::*;

    fn item(command: Command) -> Item {
        let envelope = Envelope::new(CommandId(Uuid::nil()), Actor::system(), command);
        Item { id: None, bytes: 10, envelope: Ok(envelope), is_last: false }
    }

    fn unit() -> StorageUnitName {
        StorageUnitName::new("docs").expect("a name")
    }

    fn hold(key: &str) -> Item {
        let (scope, key) = (Scope::new("raw").expect("a scope"), Key::new(key).expect("a key"));
        item(Command::work(KeyScopeId { unit: unit(), scope, key }, work::Command::Hold))
    }

    fn enable() -> Item {
        item(Command::StorageUnit(unit(), storage_unit::Command::EnableQueue))
    }

    /// How many items are carried out each time.
    fn groups(items: Vec<Item>) -> Vec<usize> {
        let mut groups = Vec::new();
        let mut together = Together::default();
        let mut count = 0;
        for item in items {
            if !together.takes(&item) {
                groups.push(std::mem::take(&mut count));
                together = Together::default();
                assert!(together.takes(&item), "an item is taken when there is no other");
            }
            count += 1;
        }
        groups.push(count);
        groups
    }

    #[test]
    fn different_key_scopes_go_together_and_the_same_one_after_the_other() {
        assert_eq!(groups(vec![hold("a"), hold("b"), hold("a"), hold("c")]), [2, 2]);
    }

    #[test]
    fn what_others_may_rely_on_goes_alone() {
        assert_eq!(groups(vec![hold("a"), enable(), hold("b"), hold("c")]), [1, 1, 2]);
        assert_eq!(groups(vec![enable(), enable()]), [1, 1]);
    }

    #[test]
    fn what_is_wrong_goes_with_anything() {
        let wrong = || Item::wrong(Problem::bad_request("wrong"));
        assert_eq!(groups(vec![wrong(), hold("a"), wrong(), hold("b"), wrong()]), [5]);
    }
}
