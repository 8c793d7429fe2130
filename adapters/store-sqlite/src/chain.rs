//! The hashes over the log, kept beside it: a follower of the log with files of its own, which may be deleted.
//!
//! They are made from what the log says now. Who wants to know whether it is still what it was has to compare with what was
//! kept: these files, or a head that somebody has elsewhere. Does not know who asks.

mod files;
mod fresh;

use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock};
use std::time::Duration;

use domain::ports::ReadError;
use domain::stream::Position;
use event_codec::cloud_events::LogId;
use event_codec::integrity::{Chain, Hash, Leaf, Leaves, Signer};
use rusqlite::Connection;
use tokio::sync::watch;

use crate::archive::log_id;
use crate::log;
use crate::reader::{STATEMENT_ROWS_MAX, scan};
use crate::row::corrupt;
pub(crate) use files::positions_in_lane;
use files::{Files, State};
pub use files::{KeptLinks, LinksError};
use fresh::Fresh;
pub(crate) use fresh::WrittenRow;

/// How long events are gathered before they are taken in: an idle log costs nothing, a busy one is read in pages.
const GATHERING: Duration = Duration::from_millis(20);
/// After so many events the ends of the lanes are written down, so that little has to be made again after a crash.
const EVENTS_PER_STATE: u64 = 1 << 18;
/// How many events may be missing when the store is closed; more are left to the next time.
const EVENTS_AT_CLOSE_MAX: u64 = 1 << 16;
/// After a failure it is tried again, at the latest after this time.
const RETRY_AFTER: Duration = Duration::from_secs(5);

/// The hashes up to where they are made, for whoever asks.
pub(crate) struct Hashes {
    chain: Mutex<Option<Chain>>,
    /// What the writer has passed on.
    fresh: Mutex<Fresh>,
    reached: watch::Sender<u64>,
    pub(crate) signer: OnceLock<Signer>,
}

impl Hashes {
    pub(crate) fn new() -> Self {
        Self {
            chain: Mutex::default(),
            fresh: Mutex::default(),
            reached: watch::Sender::new(0),
            signer: OnceLock::new(),
        }
    }

    /// Takes what was just written, so that it need not be read again. Of too much, the latest is kept.
    pub(crate) fn offer(&self, rows: Vec<WrittenRow>) {
        let surplus = self.fresh().extend(rows);
        // Freeing them takes a while, and nobody needs to wait for it.
        drop(surplus);
    }

    fn fresh(&self) -> MutexGuard<'_, Fresh> {
        self.fresh.lock().expect("nothing panics while it holds the fresh rows")
    }

    /// What was passed on behind a position, or else how many rows lie in between.
    fn after(&self, position: u64) -> Result<Vec<WrittenRow>, usize> {
        let mut fresh = self.fresh();
        let seen = fresh.rows.partition_point(|row| row.position.major <= position);
        match fresh.rows.get(seen).map(|row| row.position.major) {
            Some(first) if first == position + 1 => {
                let Fresh { mut rows, bytes: _ } = std::mem::take(&mut *fresh);
                drop(fresh);
                rows.drain(..seen);
                Ok(rows)
            }
            Some(first) => Err(usize::try_from(first - position - 1).unwrap_or(usize::MAX)),
            None => Err(usize::MAX),
        }
    }

    fn lock(&self) -> MutexGuard<'_, Option<Chain>> {
        self.chain.lock().expect("nothing panics while it holds the hashes")
    }

    /// Those that are made by now.
    pub(crate) fn now(&self) -> Result<Chain, ReadError> {
        let wait = || ReadError::Unavailable("the hashes over the log are not made yet".to_owned());
        self.lock().clone().ok_or_else(wait)
    }

    /// How far they are, and the last link.
    fn reached(&self) -> (u64, Hash) {
        self.lock().as_ref().map_or((0, Hash::ZERO), |chain| (chain.position().major, chain.link()))
    }

    /// Waits until they reach a position, or no longer.
    pub(crate) async fn wait_for(&self, position: u64, limit: Duration) {
        let mut reached = self.reached.subscribe();
        // Whether or not it came so far: the answer says how far it is.
        let _reached = tokio::time::timeout(limit, reached.wait_for(|it| *it >= position)).await;
    }

    fn put(&self, chain: Chain) {
        let position = chain.position().major;
        *self.lock() = Some(chain);
        self.reached.send_replace(position);
    }

    fn add(&self, leaves: &[(Position, Leaf)]) {
        let mut chain = self.lock();
        let Some(chain) = &mut *chain else { return };
        for (position, leaf) in leaves {
            chain.add(*position, leaf);
        }
        self.reached.send_replace(chain.position().major);
    }
}

/// Follows the log until nobody writes it any more. What goes wrong is said and tried again: the log itself does not need it.
pub(crate) fn follow(folder: &Path, hashes: &Arc<Hashes>, mut head: watch::Receiver<u64>) {
    let clock = match tokio::runtime::Builder::new_current_thread().enable_time().build() {
        Ok(clock) => clock,
        Err(error) => {
            tracing::error!(%error, "the hashes over the log cannot be made");
            return;
        }
    };
    while let Err(problem) = Follower::open(folder, hashes).and_then(|it| it.run(&mut head, &clock)) {
        tracing::error!(%problem, "the hashes over the log cannot be made; trying again");
        let closed = async { while head.changed().await.is_ok() {} };
        if clock.block_on(async { tokio::time::timeout(RETRY_AFTER, closed).await }).is_ok() {
            return;
        }
    }
}

struct Follower<'a> {
    log: Connection,
    files: Files,
    hashes: &'a Hashes,
    leaves: Leaves,
    /// Up to where the ends of the lanes are written down.
    written: u64,
}

impl<'a> Follower<'a> {
    fn open(folder: &Path, hashes: &'a Arc<Hashes>) -> Result<Self, ReadError> {
        let unavailable = |problem: String| ReadError::Unavailable(problem);
        let log = log::open_to_read(folder).map_err(|error| unavailable(error.to_string()))?;
        let id = log_id(&log)?;
        let head = log::head(&log).map_err(|error| unavailable(error.to_string()))?;
        let kept = match Self::kept(folder, &log, id, head) {
            Ok(kept) => kept,
            Err(reason) => {
                if head > 0 {
                    tracing::warn!(%reason, events = head, "making the hashes over the log from its beginning");
                }
                Chain::new(id)
            }
        };
        let written = kept.position().major;
        let files = Files::open(folder, id, written).map_err(|error| unavailable(error.to_string()))?;
        hashes.put(kept);
        Ok(Self { log, files, hashes, leaves: Leaves::default(), written })
    }

    /// Those that were kept, if they are of this log: the row where they end still leads to their last link.
    fn kept(folder: &Path, log: &Connection, id: LogId, head: u64) -> Result<Chain, String> {
        let State { chain, before } = files::read_state(folder, id)?;
        let position = chain.position().major;
        if position > head {
            return Err(format!("they reach position {position}, the log only {head}"));
        }
        let mut leaves = Leaves::default();
        let mut last = None;
        if position > 0 {
            let mut at = position - 1;
            scan(log, &mut at, 1, |row| {
                last = Some(leaves.leaf(&row.stored));
                Ok(std::ops::ControlFlow::Continue(()))
            })
            .map_err(|error| error.to_string())?;
        }
        let is_same = last.is_none_or(|leaf| {
            let mut again = Chain::kept(id, Position::row(position - 1), before, std::iter::empty());
            again.add(Position::row(position), &leaf);
            again.link() == chain.link()
        });
        if is_same { Ok(chain) } else { Err(format!("they have seen another event at position {position}")) }
    }

    fn run(
        mut self,
        head: &mut watch::Receiver<u64>,
        clock: &tokio::runtime::Runtime,
    ) -> Result<(), ReadError> {
        loop {
            let wanted = *head.borrow_and_update();
            let is_open = head.has_changed().is_ok();
            let (position, _) = self.hashes.reached();
            if position < wanted && (is_open || wanted - position <= EVENTS_AT_CLOSE_MAX) {
                self.take_in(position)?;
                continue;
            }
            if !is_open {
                return self.write_state();
            }
            clock.block_on(async {
                // Who is gone has said so.
                let _changed = head.changed().await;
                tokio::time::sleep(if head.has_changed().is_ok() { GATHERING } else { Duration::ZERO }).await;
            });
        }
    }

    fn take_in(&mut self, after: u64) -> Result<(), ReadError> {
        let taken = match self.hashes.after(after) {
            Ok(rows) => rows.iter().map(|row| (row.position, self.leaves.leaf(&row.stored()))).collect(),
            Err(rows) => self.read(after, rows.min(STATEMENT_ROWS_MAX))?,
        };
        let Some((Position { major: position, .. }, _)) = taken.last() else {
            return Err(corrupt(after + 1, "the row is missing"));
        };
        let (_, link) = self.hashes.reached();
        self.files.add(link, &taken).map_err(|error| ReadError::Unavailable(error.to_string()))?;
        self.hashes.add(&taken);
        if position - self.written >= EVENTS_PER_STATE {
            self.write_state()?;
        }
        Ok(())
    }

    /// The leaves of rows that nobody has passed on.
    fn read(&mut self, after: u64, rows_max: usize) -> Result<Vec<(Position, Leaf)>, ReadError> {
        let (mut position, mut taken) = (after, Vec::with_capacity(rows_max));
        let leaves = &mut self.leaves;
        scan(&self.log, &mut position, rows_max, |row| {
            taken.push((row.stored.position, leaves.leaf(&row.stored)));
            Ok(std::ops::ControlFlow::Continue(()))
        })?;
        Ok(taken)
    }

    fn write_state(&mut self) -> Result<(), ReadError> {
        let chain = self.hashes.now()?;
        if chain.position().major > self.written {
            self.files.write_state(&chain).map_err(|error| ReadError::Unavailable(error.to_string()))?;
            self.written = chain.position().major;
        }
        Ok(())
    }
}
