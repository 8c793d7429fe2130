//! The tail: where the latest events lie, as long as the stream index does not know them yet.
//!
//! The writer adds to it after each commit, the indexer takes from it. Bounded: when the index falls too far behind,
//! the writer waits. It knows streams by their hash only; whoever asks must look at the row's stream name.

use std::collections::{BTreeSet, VecDeque};
use std::ops::Bound;
use std::sync::{Condvar, Mutex, MutexGuard};
use std::time::Duration;

use domain::ports::Direction;

/// A place in a stream and in the log, as the index orders them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Spot {
    pub(crate) version: u64,
    pub(crate) position: u64,
}

impl Spot {
    const FIRST: Self = Self { version: 0, position: 0 };
    const LAST: Self = Self { version: u64::MAX, position: u64::MAX };
}

/// What the index keeps of an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Entry {
    /// The hash of the stream's name.
    pub(crate) hash: u64,
    pub(crate) spot: Spot,
    /// The row's checksum, by which the index knows its log again.
    pub(crate) crc: u32,
}

/// The part of an answer that is still wanted: spots beyond `bound` in the direction, at most `limit`.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Wanted {
    pub(crate) hash: u64,
    pub(crate) bound: Spot,
    pub(crate) direction: Direction,
    pub(crate) limit: usize,
}

/// How many chunks the indexer takes in one transaction when it has fallen behind.
const CHUNKS_AT_ONCE_MAX: usize = 4;
/// After a failure the indexer tries again, at the latest after this time.
const RETRY_AFTER: Duration = Duration::from_secs(1);

pub(crate) struct Tail {
    state: Mutex<State>,
    changed: Condvar,
    entries_max: usize,
}

#[derive(Default)]
struct State {
    /// In the order of the log. All but the last one have as many entries as are worth a transaction of the index.
    chunks: VecDeque<Chunk>,
    /// How many entries they have together.
    entries: usize,
    /// Why the index cannot be written at present.
    problem: Option<String>,
    /// Whether nothing may leave at present.
    pinned: bool,
    /// Whether the indexer waits for the pin.
    is_leaving: bool,
    closed: bool,
}

/// Entries that leave the tail together, so that leaving costs nobody who waits for the tail any time.
#[derive(Default)]
struct Chunk {
    /// In the order of the log.
    entries: Vec<Entry>,
    /// The same, by hash and spot.
    spots: BTreeSet<(u64, Spot)>,
}

impl Tail {
    pub(crate) fn new(entries_max: usize) -> Self {
        Self { state: Mutex::default(), changed: Condvar::new(), entries_max: entries_max.max(1) }
    }

    /// How many entries are worth a transaction of the index.
    const fn chunk_entries(&self) -> usize {
        self.entries_max.div_ceil(8)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("nothing panics while it holds the tail")
    }

    /// Spots that may be of the wanted stream, in any order; more than wanted, but all that are.
    pub(crate) fn spots(&self, wanted: Wanted) -> Vec<Spot> {
        let state = self.state();
        let (first, last) = ((wanted.hash, Spot::FIRST), (wanted.hash, Spot::LAST));
        let bound = (wanted.hash, wanted.bound);
        let spot = |(_, spot): &(u64, Spot)| *spot;
        let mut spots = Vec::new();
        for Chunk { entries: _, spots: there } in &state.chunks {
            match wanted.direction {
                Direction::Forward => {
                    let after = (Bound::Excluded(bound), Bound::Included(last));
                    spots.extend(there.range(after).take(wanted.limit).map(spot));
                }
                Direction::Backward => {
                    spots.extend(there.range(first..bound).rev().take(wanted.limit).map(spot));
                }
            }
        }
        spots
    }

    // ── The writer's side ──────────────────────────────────────────────────────────────────────────────────────

    /// Waits until there is room for `count` more; a single larger batch fits when little else is there.
    ///
    /// # Errors
    /// Says why the index cannot take entries out at present.
    pub(crate) fn wait_for_room(&self, count: usize) -> Result<(), String> {
        let mut state = self.state();
        while state.entries + count > self.entries_max && state.entries >= self.chunk_entries() {
            if let Some(problem) = &state.problem {
                return Err(problem.clone());
            }
            state = self.changed.wait(state).expect("nothing panics while it holds the tail");
        }
        Ok(())
    }

    /// Keeps everything in the tail until the pin is dropped, so that a state of the index which is read later than
    /// this moment stays complete with it.
    pub(crate) fn pin(&self) -> Pin<'_> {
        self.state().pinned = true;
        Pin { tail: self }
    }

    pub(crate) fn push(&self, mut entries: &[Entry]) {
        let mut state = self.state();
        state.entries += entries.len();
        while !entries.is_empty() {
            let chunk_entries = self.chunk_entries();
            if state.chunks.back().is_none_or(|chunk| chunk.entries.len() >= chunk_entries) {
                state.chunks.push_back(Chunk::default());
            }
            let Some(chunk) = state.chunks.back_mut() else { break };
            let room = (chunk_entries - chunk.entries.len()).min(entries.len());
            let (now, later) = entries.split_at(room);
            chunk.entries.extend_from_slice(now);
            chunk.spots.extend(now.iter().map(|entry| (entry.hash, entry.spot)));
            entries = later;
        }
        if state.entries >= self.chunk_entries() {
            self.changed.notify_all();
        }
    }

    /// No more entries come.
    pub(crate) fn close(&self) {
        self.state().closed = true;
        self.changed.notify_all();
    }

    // ── The indexer's side ─────────────────────────────────────────────────────────────────────────────────────

    /// The oldest entries, as soon as they are worth a transaction; nothing when the tail is closed and empty.
    pub(crate) fn next_chunks(&self) -> Option<Vec<Entry>> {
        let mut state = self.state();
        while state.entries < self.chunk_entries() && !state.closed {
            state = self.changed.wait(state).expect("nothing panics while it holds the tail");
        }
        let mut oldest = Vec::new();
        for chunk in state.chunks.iter().take(CHUNKS_AT_ONCE_MAX) {
            // The last one still grows, unless nobody is left to add to it.
            if chunk.entries.len() >= self.chunk_entries() || state.closed {
                oldest.extend_from_slice(&chunk.entries);
            }
        }
        if oldest.is_empty() { None } else { Some(oldest) }
    }

    /// The oldest `count` entries, as they were given out, are in the index from now on.
    pub(crate) fn indexed(&self, count: usize) {
        let mut state = self.state();
        state.is_leaving = true;
        let unpinned = self.changed.wait_while(state, |state| state.pinned);
        state = unpinned.expect("nothing panics while it holds the tail");
        state.is_leaving = false;
        let (mut left, mut gone) = (Vec::new(), 0);
        while gone < count
            && let Some(chunk) = state.chunks.pop_front()
        {
            gone += chunk.entries.len();
            left.push(chunk);
        }
        state.entries -= gone;
        state.problem = None;
        drop(state);
        self.changed.notify_all();
        // Freeing them takes a while, and nobody needs to wait for it.
        drop(left);
    }

    /// The index could not be written. Waits a while; says whether to try again.
    pub(crate) fn failed(&self, problem: String) -> bool {
        let mut state = self.state();
        state.problem = Some(problem);
        self.changed.notify_all();
        let waited = self.changed.wait_timeout_while(state, RETRY_AFTER, |state| !state.closed);
        !waited.expect("nothing panics while it holds the tail").0.closed
    }
}

/// See [`Tail::pin`]. Only the writer pins, and never waits for room while it does.
pub(crate) struct Pin<'a> {
    tail: &'a Tail,
}

impl Drop for Pin<'_> {
    fn drop(&mut self) {
        let mut state = self.tail.state();
        state.pinned = false;
        if state.is_leaving {
            self.tail.changed.notify_all();
        }
    }
}
