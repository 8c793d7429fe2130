//! Finding the rows of one stream: tail and index say where they may be, the rows say whether they are.

use std::hash::{BuildHasherDefault, Hasher};

use domain::ports::{Direction, ReadError};
use domain::stream::{StreamId, Version};
use rusqlite::Connection;

use crate::row::{Row, columns, corrupt, failed};
use crate::tail::{Spot, Tail, Wanted};
use crate::{Hash, index};

/// A stream's name with its hash, so that it is hashed once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Name {
    pub(crate) hash: u64,
    pub(crate) stream: StreamId,
}

impl Name {
    pub(crate) fn new(stream: StreamId, hash: Hash) -> Self {
        Self { hash: hash(stream.as_str()), stream }
    }
}

impl std::hash::Hash for Name {
    fn hash<H: Hasher>(&self, state: &mut H) {
        state.write_u64(self.hash);
    }
}

/// Maps by name take the hash that there is.
pub(crate) type ByHash = BuildHasherDefault<ItsHash>;

/// See [`ByHash`].
#[derive(Debug, Default)]
pub(crate) struct ItsHash(u64);

impl Hasher for ItsHash {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = self.0.rotate_left(8) ^ u64::from(*byte);
        }
    }

    fn write_u64(&mut self, hash: u64) {
        self.0 = hash;
    }
}

/// How many places are looked up at once.
const PAGE_SPOTS_MAX: usize = 1_024;
/// The largest version that SQLite's integers hold, less one so that there is a next.
const VERSION_MAX: u64 = i64::MAX as u64 - 1;

/// What is needed to find the rows of a stream.
pub(crate) struct Lookup<'a> {
    pub(crate) log: &'a Connection,
    pub(crate) index: &'a Connection,
    pub(crate) tail: &'a Tail,
}

impl Lookup<'_> {
    /// What `take` makes of at most `limit` rows of a stream, from the version `from` on.
    pub(crate) fn rows<T>(
        &self,
        name: &Name,
        from: Version,
        direction: Direction,
        limit: usize,
        mut take: impl FnMut(&Row<'_>) -> Result<T, ReadError>,
    ) -> Result<Vec<T>, ReadError> {
        let mut taken = Vec::new();
        let from = from.0.min(VERSION_MAX);
        let version = match direction {
            Direction::Forward => from,
            Direction::Backward => from + 1,
        };
        // Positions begin with 1, so position 0 lies before every event of its version.
        let mut bound = Spot { version, position: 0 };
        while taken.len() < limit {
            let page = (limit - taken.len()).min(PAGE_SPOTS_MAX);
            let wanted = Wanted { hash: name.hash, bound, direction, limit: page };
            let spots = self.spots(wanted)?;
            let Some(last) = spots.last() else { break };
            self.take_rows(name, &spots, &mut taken, &mut take)?;
            if spots.len() < page {
                break;
            }
            bound = *last;
        }
        Ok(taken)
    }

    /// Where the first events of each stream may be; nothing when they may be more than are looked up at once.
    pub(crate) fn first_spots(
        &self,
        names: &[Name],
        limit: usize,
    ) -> Result<Vec<Option<Vec<Spot>>>, ReadError> {
        let unavailable =
            |error: rusqlite::Error| ReadError::Unavailable(format!("the stream index: {error}"));
        let limit = limit.min(PAGE_SPOTS_MAX);
        let bound = Spot { version: 0, position: 0 };
        let wanted = |name: &Name| Wanted { hash: name.hash, bound, direction: Direction::Forward, limit };
        let in_tail: Vec<_> = names.iter().map(|name| self.tail.spots(wanted(name))).collect();
        // One state of the index for all of them. It is later than every answer of the tail, so that what has left the
        // tail since is in it.
        let _state = self.index.unchecked_transaction().map_err(unavailable)?;
        let whole = |(name, mut spots): (&Name, Vec<Spot>)| {
            spots.extend(index::spots(self.index, wanted(name)).map_err(unavailable)?);
            in_order(&mut spots, wanted(name));
            Ok(if spots.len() < limit { Some(spots) } else { None })
        };
        names.iter().zip(in_tail).map(whole).collect()
    }

    /// Adds what `take` makes of those rows at the spots that are of the stream.
    pub(crate) fn take_rows<T>(
        &self,
        name: &Name,
        spots: &[Spot],
        taken: &mut Vec<T>,
        mut take: impl FnMut(&Row<'_>) -> Result<T, ReadError>,
    ) -> Result<(), ReadError> {
        let sql = concat!("SELECT ", columns!(), " FROM events WHERE position = ?1");
        for spot in spots {
            let mut statement =
                self.log.prepare_cached(sql).map_err(|error| failed(spot.position, &error))?;
            let mut rows = statement
                .query([spot.position.cast_signed()])
                .map_err(|error| failed(spot.position, &error))?;
            let row = rows.next().map_err(|error| failed(spot.position, &error))?;
            let row = row.ok_or_else(|| corrupt(spot.position, "the row is missing"))?;
            let row = Row::read(spot.position, row)?;
            if row.stored.stream == name.stream.as_str() {
                taken.push(take(&row)?);
            }
        }
        Ok(())
    }

    /// The tail is asked first: what leaves it meanwhile is in the index by then. Who reads the index as it was at some
    /// earlier moment must have pinned the tail before.
    fn spots(&self, wanted: Wanted) -> Result<Vec<Spot>, ReadError> {
        let mut spots = self.tail.spots(wanted);
        let indexed = index::spots(self.index, wanted)
            .map_err(|error| ReadError::Unavailable(format!("the stream index: {error}")))?;
        if spots.is_empty() {
            return Ok(indexed);
        }
        spots.extend(indexed);
        in_order(&mut spots, wanted);
        Ok(spots)
    }
}

/// Puts spots into the wanted order, each once, not more than wanted.
fn in_order(spots: &mut Vec<Spot>, wanted: Wanted) {
    spots.sort_unstable();
    spots.dedup();
    match wanted.direction {
        Direction::Forward => {}
        Direction::Backward => spots.reverse(),
    }
    spots.truncate(wanted.limit);
}
