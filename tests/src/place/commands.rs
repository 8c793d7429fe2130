//! What tests ask of an engine, and what they claim and report. Does not know what the rules make of it.

use domain::aggregate::Aggregate;
use domain::envelope::{Command, Envelope};
use domain::names::{Actor, CommandId, WorkerId};
use domain::retry::RetryPolicy;
use domain::storage_unit::{self, Settings};
use domain::stream::{Position, Subject};
use domain::work::{self, Priority, Work};
use runtime::{Accepted, Claimed, Engine, SubmitError};

use super::{PATIENCE, id, unit};

/// An envelope of a command, with a fresh id.
#[must_use]
pub fn envelope(engine: &Engine, command: Command) -> Envelope {
    let actor = Actor::new("tester").expect("an actor");
    Envelope::new(CommandId(engine.fresh_id()), actor, command)
}

/// Sends a command.
///
/// # Errors
/// As [`Engine::submit`].
pub async fn send(engine: &Engine, command: Command) -> Result<Accepted, SubmitError> {
    engine.submit(envelope(engine, command)).await
}

/// Sends a command to the work on a key.
///
/// # Errors
/// As [`Engine::submit`].
pub async fn work(engine: &Engine, key: &str, command: work::Command) -> Result<Accepted, SubmitError> {
    send(engine, Command::work(id(key), command)).await
}

/// The command that asks for work.
#[must_use]
pub const fn ask() -> work::Command {
    work::Command::Queue { campaign: None, priority: Priority::Normal }
}

/// Asks for the work on a key.
///
/// # Panics
/// When it is refused.
pub async fn queue(engine: &Engine, key: &str) -> Accepted {
    work(engine, key, ask()).await.expect("work can be asked for")
}

/// Sends a command to [`unit()`].
///
/// # Panics
/// When it is refused.
pub async fn set(engine: &Engine, command: storage_unit::Command) -> Accepted {
    send(engine, Command::StorageUnit(unit(), command)).await.expect("the unit can be set so")
}

/// Creates [`unit()`] and waits until it is known to everybody in the engine.
///
/// # Panics
/// When it is refused.
pub async fn create(engine: &Engine, settings: Settings) {
    let created = set(engine, storage_unit::Command::Create(settings)).await;
    see(engine, created.position).await;
}

/// Waits until the views show a position, however long one read may wait for it.
///
/// # Panics
/// When they do not in time.
pub async fn see(engine: &Engine, position: Position) {
    let seeing = async { while !engine.wait_for_views(position).await {} };
    tokio::time::timeout(PATIENCE, seeing).await.expect("the views follow the log");
}

/// A worker that is not built in.
#[must_use]
pub fn worker() -> WorkerId {
    WorkerId::new("far-away").expect("a worker id")
}

/// Claims exactly so many items, as soon as there are any.
///
/// # Panics
/// When there are not so many in time.
pub async fn claim(engine: &Engine, count: usize) -> Vec<Claimed> {
    let mut claimed = Vec::new();
    while claimed.len() < count {
        let more = engine.claim(&worker(), count - claimed.len(), PATIENCE).await;
        let more = more.expect("work can be claimed");
        assert!(!more.is_empty(), "{} of {count} were there to be claimed", claimed.len());
        claimed.extend(more);
    }
    claimed
}

/// Claims the one item that there is, and checks that it is this one.
///
/// # Panics
/// When it is another.
pub async fn claim_one(engine: &Engine, key: &str) -> Claimed {
    let claimed = claim(engine, 1).await.remove(0);
    assert_eq!(claimed.id, id(key));
    claimed
}

/// The command that reports success for a lease, with an empty result.
#[must_use]
pub fn complete(claimed: &Claimed) -> work::Command {
    let digest = domain::digest::Digest([7; 32]);
    work::Command::Complete { token: claimed.token, outputs: Vec::new(), digest }
}

/// The command that reports failure for a lease.
#[must_use]
pub fn fail(claimed: &Claimed, retry: RetryPolicy) -> work::Command {
    let (code, text) = ("exit_1".to_owned(), "it did not work".to_owned());
    work::Command::Fail { token: claimed.token, code, text, retry }
}

/// Reports success for a lease.
///
/// # Panics
/// When it is refused.
pub async fn finish(engine: &Engine, claimed: &Claimed) -> Accepted {
    let command = Command::work(claimed.id.clone(), complete(claimed));
    send(engine, command).await.expect("a result can be reported")
}

/// The work on a key, as the engine knows it.
///
/// # Panics
/// When it cannot be read.
pub async fn state(engine: &Engine, key: &str) -> Work {
    match engine.inspect(Subject::KeyScope(id(key))).await.expect("the work can be looked at") {
        Aggregate::KeyScope(scope) => Some(scope.work),
        Aggregate::StorageUnit(_)
        | Aggregate::Record(_)
        | Aggregate::Campaign(_)
        | Aggregate::Task(_)
        | Aggregate::Workspace(_)
        | Aggregate::Batch(_)
        | Aggregate::ExternalId(_)
        | Aggregate::Ids(_)
        | Aggregate::System(_)
        | Aggregate::ApiKey(_)
        | Aggregate::Access(_) => None,
    }
    .expect("a key-scope")
}
