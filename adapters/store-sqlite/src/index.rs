//! The stream index file: which positions the events of a stream have. Derived from the log; may be deleted.
//!
//! It follows the log on a thread of its own. When it is opened it proves that it belongs to this log and is whole: it
//! names the log, the checksum of the last row that it has seen, and a sum over all its entries. Whatever does not fit
//! is made again. It knows streams by the hash of their name; whoever asks must look at the row's stream name.

use std::path::{Path, PathBuf};
use std::{fs, panic, thread};

use domain::ports::{Direction, ReadError};
use rusqlite::{Connection, OpenFlags, OptionalExtension as _, params};

use crate::options::OpenError;
use crate::row::{Row, columns};
use crate::tail::{Entry, Spot, Tail, Wanted};
use crate::{Hash, log};

/// The index file's name in the data folder.
const FILE: &str = "index.db";
/// Raised whenever the tables, the hash or the sum change; an index of another format is made again.
const FORMAT: i64 = 1;
/// How many rows of the log are read for one transaction while catching up.
const CATCH_UP_ROWS: usize = 65_536;
/// Lookups and additions go all over the index: 16 MiB of it are kept in memory by the connections of writer and
/// indexer.
const CACHE: &str = "PRAGMA cache_size = -16384";
/// Other readers forget what they have read whenever the index has grown, so that more would not be used.
const READER_CACHE: &str = "PRAGMA cache_size = -2048";

/// `reach` has one row: how far the index has come, and in which log.
const SCHEMA: &str = "
    PRAGMA page_size = 8192;
    PRAGMA journal_mode = WAL;
    PRAGMA synchronous = NORMAL;
    CREATE TABLE entries(
        hash INTEGER NOT NULL,
        version INTEGER NOT NULL,
        position INTEGER NOT NULL,
        PRIMARY KEY (hash, version, position)
    ) WITHOUT ROWID, STRICT;
    CREATE TABLE reach(
        format INTEGER NOT NULL,
        log BLOB NOT NULL,
        position INTEGER NOT NULL,
        crc INTEGER NOT NULL,
        sum INTEGER NOT NULL
    ) STRICT;
";

/// The index, open for its only writer.
pub(crate) struct Index {
    connection: Connection,
    reach: Reach,
}

/// How far the index has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
struct Reach {
    /// Everything up to here is in it. Positions have no gaps, so this is also the number of entries.
    position: u64,
    /// The checksum of the row at `position`.
    crc: u32,
    /// The wrapping sum over all entries, in any order.
    sum: u64,
}

impl Index {
    /// Opens the index and makes it reach the log's head; makes it again when it is not of this log or not whole.
    pub(crate) fn open(folder: &Path, log: &Connection, hash: Hash) -> Result<Self, OpenError> {
        let path = folder.join(FILE);
        let file_error =
            |error: rusqlite::Error| OpenError::File { path: path.clone(), problem: error.to_string() };
        let log_id = log::id(log).map_err(file_error)?;
        let head = log::head(log).map_err(file_error)?;
        let mut index = match Self::open_whole(&path, log, &log_id, head) {
            Ok(index) => index,
            Err(reason) => {
                if head > 0 {
                    tracing::warn!(%reason, events = head, "making the stream index again from the log");
                }
                Self::create(&path, &log_id).map_err(file_error)?
            }
        };
        index.catch_up(folder, log, head, hash)?;
        Ok(index)
    }

    /// The index as it is, or why it cannot be used.
    fn open_whole(path: &Path, log: &Connection, log_id: &[u8], head: u64) -> Result<Self, String> {
        if !path.exists() {
            return Err("there is none".to_owned());
        }
        let text = |error: rusqlite::Error| error.to_string();
        let connection = log::connect(path, OpenFlags::SQLITE_OPEN_READ_WRITE).map_err(text)?;
        let (format, its_log, reach) = read_reach(&connection).map_err(text)?;
        if format != FORMAT {
            return Err(format!("it has format {format}, not {FORMAT}"));
        }
        if its_log != log_id {
            return Err("it belongs to another log".to_owned());
        }
        if reach.position > head {
            return Err(format!("it reaches position {}, the log only {head}", reach.position));
        }
        if reach.position > 0 && log_crc(log, reach.position).map_err(text)? != Some(reach.crc) {
            return Err(format!("it has seen another event at position {}", reach.position));
        }
        if count_and_sum(path, &connection).map_err(text)? != (reach.position, reach.sum) {
            return Err("it is damaged".to_owned());
        }
        set_up(&connection).map_err(text)?;
        Ok(Self { connection, reach })
    }

    fn create(path: &Path, log_id: &[u8]) -> Result<Self, rusqlite::Error> {
        for suffix in ["", "-wal", "-shm", "-journal"] {
            let mut file = path.as_os_str().to_owned();
            file.push(suffix);
            // What cannot be removed is found out by the next statement.
            let _ = fs::remove_file(PathBuf::from(file));
        }
        let connection =
            log::connect(path, OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE)?;
        connection.execute_batch(SCHEMA)?;
        connection.execute("INSERT INTO reach VALUES (?1, ?2, 0, 0, 0)", params![FORMAT, log_id])?;
        set_up(&connection)?;
        Ok(Self { connection, reach: Reach::default() })
    }

    fn catch_up(&mut self, folder: &Path, log: &Connection, head: u64, hash: Hash) -> Result<(), OpenError> {
        let file_error = |path: PathBuf, problem: String| OpenError::File { path, problem };
        while self.reach.position < head {
            let entries = read_entries(log, self.reach.position, hash).map_err(|error| match error {
                ReadError::Corrupt { position, problem } => {
                    OpenError::Damaged { path: log::path(folder), position, problem }
                }
                ReadError::Unavailable(problem) => file_error(log::path(folder), problem),
            })?;
            self.append(entries).map_err(|error| file_error(folder.join(FILE), error.to_string()))?;
            tracing::info!(
                position = self.reach.position,
                head,
                "the stream index is catching up with the log"
            );
        }
        Ok(())
    }

    /// Adds the entries that follow what is there, in one transaction.
    fn append(&mut self, mut entries: Vec<Entry>) -> Result<(), rusqlite::Error> {
        let Some(last) = entries.last() else { return Ok(()) };
        let sum =
            entries.iter().fold(self.reach.sum, |sum, entry| sum.wrapping_add(mix(entry.hash, entry.spot)));
        let reach = Reach { position: last.spot.position, crc: last.crc, sum };
        // Neighbours in the index go into the same page.
        entries.sort_unstable();
        let transaction = self.connection.transaction()?;
        {
            let mut insert = transaction.prepare_cached("INSERT INTO entries VALUES (?1, ?2, ?3)")?;
            for Entry { hash, spot, crc: _ } in entries {
                insert.execute(params![
                    hash.cast_signed(),
                    spot.version.cast_signed(),
                    spot.position.cast_signed()
                ])?;
            }
            let mut update =
                transaction.prepare_cached("UPDATE reach SET position = ?1, crc = ?2, sum = ?3")?;
            update.execute(params![reach.position.cast_signed(), reach.crc, reach.sum.cast_signed()])?;
        }
        transaction.commit()?;
        self.reach = reach;
        Ok(())
    }

    /// Follows the log until the tail is closed and everything in it is indexed.
    pub(crate) fn follow(mut self, tail: &Tail) {
        while let Some(chunk) = tail.next_chunks() {
            let count = chunk.len();
            match self.append(chunk) {
                Ok(()) => tail.indexed(count),
                Err(error) => {
                    tracing::warn!(%error, "the stream index cannot be written; trying again");
                    if !tail.failed(format!("the stream index cannot be written: {error}")) {
                        return;
                    }
                }
            }
        }
    }
}

/// Opens the index for reading, beside its writer.
pub(crate) fn open_reader(folder: &Path) -> Result<Connection, rusqlite::Error> {
    connect_reader(folder, READER_CACHE)
}

/// Opens the index for the log's writer, which looks up every stream that it writes.
pub(crate) fn open_for_writer(folder: &Path) -> Result<Connection, rusqlite::Error> {
    connect_reader(folder, CACHE)
}

fn connect_reader(folder: &Path, cache: &str) -> Result<Connection, rusqlite::Error> {
    let connection = log::connect(&folder.join(FILE), OpenFlags::SQLITE_OPEN_READ_ONLY)?;
    connection.execute_batch(cache)?;
    Ok(connection)
}

/// Spots in the index that may be of the wanted stream, in order.
pub(crate) fn spots(index: &Connection, wanted: Wanted) -> Result<Vec<Spot>, rusqlite::Error> {
    let mut statement = index.prepare_cached(match wanted.direction {
        Direction::Forward => {
            "SELECT version, position FROM entries
             WHERE hash = ?1 AND (version, position) > (?2, ?3) ORDER BY version, position LIMIT ?4"
        }
        Direction::Backward => {
            "SELECT version, position FROM entries
             WHERE hash = ?1 AND (version, position) < (?2, ?3) ORDER BY version DESC, position DESC LIMIT ?4"
        }
    })?;
    let bound = wanted.bound;
    let parameters = params![
        wanted.hash.cast_signed(),
        bound.version.cast_signed(),
        bound.position.cast_signed(),
        i64::try_from(wanted.limit).unwrap_or(i64::MAX)
    ];
    let spot = |row: &rusqlite::Row<'_>| Ok(Spot { version: unsigned(row, 0)?, position: unsigned(row, 1)? });
    statement.query_map(parameters, spot)?.collect()
}

fn set_up(index: &Connection) -> Result<(), rusqlite::Error> {
    // Losing the last transactions to a power cut is no loss: they are read from the log again.
    index.execute_batch("PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL;")?;
    index.execute_batch(CACHE)
}

fn read_reach(index: &Connection) -> Result<(i64, Vec<u8>, Reach), rusqlite::Error> {
    index.query_row("SELECT format, log, position, crc, sum FROM reach", (), |row| {
        let reach = Reach { position: unsigned(row, 2)?, crc: row.get(3)?, sum: unsigned(row, 4)? };
        Ok((row.get(0)?, row.get(1)?, reach))
    })
}

fn log_crc(log: &Connection, position: u64) -> Result<Option<u32>, rusqlite::Error> {
    let sql = "SELECT crc FROM events WHERE position = ?1";
    log.query_row(sql, [position.cast_signed()], |row| row.get(0)).optional()
}

/// How many entries there are and their sum. Reads every entry, half of them on a thread of its own: some millions per second.
fn count_and_sum(path: &Path, index: &Connection) -> Result<(u64, u64), rusqlite::Error> {
    thread::scope(|scope| {
        let beside = scope.spawn(|| {
            let index = log::connect(path, OpenFlags::SQLITE_OPEN_READ_ONLY)?;
            count_and_sum_of(&index, "hash < 0")
        });
        let (count, sum) = count_and_sum_of(index, "hash >= 0")?;
        let beside = beside.join().unwrap_or_else(|panicked| panic::resume_unwind(panicked));
        beside.map(|(more, rest)| (count + more, sum.wrapping_add(rest)))
    })
}

fn count_and_sum_of(index: &Connection, half: &str) -> Result<(u64, u64), rusqlite::Error> {
    let mut statement =
        index.prepare(&format!("SELECT hash, version, position FROM entries WHERE {half}"))?;
    let mut rows = statement.query(())?;
    let (mut count, mut sum) = (0, 0_u64);
    while let Some(row) = rows.next()? {
        let spot = Spot { version: unsigned(row, 1)?, position: unsigned(row, 2)? };
        sum = sum.wrapping_add(mix(unsigned(row, 0)?, spot));
        count += 1;
    }
    Ok((count, sum))
}

/// An entry's part of the sum: every bit of it changes about half of the result's bits.
const fn mix(hash: u64, spot: Spot) -> u64 {
    let mut mixed = hash ^ spot.version.rotate_left(32) ^ spot.position.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ (mixed >> 31)
}

fn read_entries(log: &Connection, after: u64, hash: Hash) -> Result<Vec<Entry>, ReadError> {
    let failed = |error: rusqlite::Error| crate::row::failed(after + 1, &error);
    let sql = concat!("SELECT ", columns!(), " FROM events WHERE position > ?1 ORDER BY position LIMIT ?2");
    let mut statement = log.prepare_cached(sql).map_err(failed)?;
    let mut rows = statement.query(params![after.cast_signed(), CATCH_UP_ROWS as i64]).map_err(failed)?;
    let mut entries = Vec::new();
    let mut position = after;
    while let Some(row) = rows.next().map_err(failed)? {
        position += 1;
        let row = Row::read(position, row)?;
        let spot = Spot { version: row.stored.version.0, position };
        entries.push(Entry { hash: hash(row.stored.stream), spot, crc: row.crc });
    }
    if entries.is_empty() {
        return Err(crate::row::corrupt(after + 1, "the row is missing"));
    }
    Ok(entries)
}

fn unsigned(row: &rusqlite::Row<'_>, column: usize) -> Result<u64, rusqlite::Error> {
    row.get::<_, i64>(column).map(i64::cast_unsigned)
}
