//! The files of the hashes: `chain.links` has for each position the link of the chain and the lane, `chain.lanes` the ends of
//! all lanes at some position. Does not know the log.

use std::fs::{self, File};
use std::io::{self, BufReader, Read, Seek as _, SeekFrom, Write as _};
use std::path::{Path, PathBuf};

use domain::stream::Position;
use event_codec::cloud_events::LogId;
use event_codec::integrity::{Chain, Hash, Leaf};
use uuid::Uuid;

/// The links, one for each position.
const LINKS: &str = "chain.links";
/// The ends of the lanes.
const ENDS: &str = "chain.lanes";
/// What both files begin with: who wrote it, and in which form.
const MAGIC: [u8; 8] = *b"RprsChn1";
/// The magic and the log's id, in bytes.
const HEADER_BYTES: u64 = 24;
/// A link and the number of its lane, in bytes.
const RECORD_BYTES: u64 = 34;
/// How much is read at once, in bytes.
const BUFFER_BYTES: usize = 1 << 18;

/// What is written down at some position.
pub(super) struct State {
    pub(super) chain: Chain,
    /// The link before the last one.
    pub(super) before: Hash,
}

/// Both files, open for their only writer.
pub(super) struct Files {
    folder: PathBuf,
    id: LogId,
    links: File,
}

impl Files {
    /// Opens the links behind `position`; what comes after it was made when nothing was written down, and is made again.
    pub(super) fn open(folder: &Path, id: LogId, position: u64) -> io::Result<Self> {
        let mut links =
            File::options().create(true).truncate(false).read(true).write(true).open(folder.join(LINKS))?;
        links.rewind()?;
        links.write_all(&header(id))?;
        links.set_len(HEADER_BYTES + position * RECORD_BYTES)?;
        links.seek(SeekFrom::End(0))?;
        Ok(Self { folder: folder.to_owned(), id, links })
    }

    /// Adds the links of the events that follow `link`.
    pub(super) fn add(&mut self, link: Hash, leaves: &[(Position, Leaf)]) -> io::Result<()> {
        let mut records = Vec::with_capacity(leaves.len() * RECORD_BYTES as usize);
        let mut link = link;
        for (_, leaf) in leaves {
            link = leaf.link_after(link);
            records.extend_from_slice(&link.0);
            records.extend_from_slice(&leaf.lane().to_le_bytes());
        }
        self.links.write_all(&records)
    }

    /// Makes the links durable, then writes the ends of the lanes down.
    pub(super) fn write_state(&mut self, chain: &Chain) -> io::Result<()> {
        self.links.sync_data()?;
        let position = chain.position().major;
        let before = if position > 1 { read_link(&self.links, position - 1)? } else { Hash::ZERO };
        self.links.seek(SeekFrom::End(0))?;
        let mut bytes = header(self.id).to_vec();
        bytes.extend_from_slice(&position.to_le_bytes());
        bytes.extend_from_slice(&chain.link().0);
        bytes.extend_from_slice(&before.0);
        for (lane, end) in chain.ends() {
            bytes.extend_from_slice(&lane.to_le_bytes());
            bytes.extend_from_slice(&end.0);
        }
        let sum = crc32c::crc32c(&bytes);
        bytes.extend_from_slice(&sum.to_le_bytes());
        let (path, new) = (self.folder.join(ENDS), self.folder.join("chain.lanes.new"));
        let mut file = File::create(&new)?;
        file.write_all(&bytes)?;
        file.sync_data()?;
        fs::rename(new, path)
    }
}

fn header(id: LogId) -> [u8; HEADER_BYTES as usize] {
    let mut header = [0; HEADER_BYTES as usize];
    let (magic, log) = header.split_at_mut(MAGIC.len());
    magic.copy_from_slice(&MAGIC);
    log.copy_from_slice(id.0.as_bytes());
    header
}

fn read_link(mut links: &File, position: u64) -> io::Result<Hash> {
    links.seek(SeekFrom::Start(HEADER_BYTES + (position - 1) * RECORD_BYTES))?;
    let mut link = [0; 32];
    links.read_exact(&mut link)?;
    Ok(Hash(link))
}

/// What was written down of this log, or why it is of no use.
pub(super) fn read_state(folder: &Path, id: LogId) -> Result<State, String> {
    let bytes = fs::read(folder.join(ENDS)).map_err(|error| error.to_string())?;
    let (bytes, sum) = bytes.split_last_chunk::<4>().ok_or("they are cut off")?;
    if crc32c::crc32c(bytes) != u32::from_le_bytes(*sum) {
        return Err("they are damaged".to_owned());
    }
    let bytes = bytes.strip_prefix(&header(id)).ok_or("they belong to another log")?;
    let (position, bytes) = bytes.split_first_chunk::<8>().ok_or("they are cut off")?;
    let (link, bytes) = bytes.split_first_chunk::<32>().ok_or("they are cut off")?;
    let (before, bytes) = bytes.split_first_chunk::<32>().ok_or("they are cut off")?;
    let (position, link) = (u64::from_le_bytes(*position), Hash(*link));
    let (ends, []) = bytes.as_chunks::<{ RECORD_BYTES as usize }>() else {
        return Err("they are cut off".to_owned());
    };
    let ends = ends.iter().filter_map(|record| {
        let (lane, end) = record.split_first_chunk::<2>()?;
        Some((u16::from_le_bytes(*lane), Hash(end.try_into().ok()?)))
    });
    let links = File::open(folder.join(LINKS)).map_err(|error| error.to_string())?;
    if position > 0 && read_link(&links, position).map_err(|error| error.to_string())? != link {
        return Err("the links do not lead to them".to_owned());
    }
    Ok(State { chain: Chain::kept(id, Position::row(position), link, ends), before: Hash(*before) })
}

/// The positions up to `until` whose events go into a lane. Reads the file from end to end: some gigabytes per second.
pub(crate) fn positions_in_lane(folder: &Path, lane: u16, until: u64) -> io::Result<Vec<u64>> {
    let mut links = File::open(folder.join(LINKS))?;
    links.seek(SeekFrom::Start(HEADER_BYTES))?;
    let mut links = BufReader::with_capacity(BUFFER_BYTES, links);
    let (mut record, mut positions) = ([0; RECORD_BYTES as usize], Vec::new());
    for position in 1..=until {
        links.read_exact(&mut record)?;
        if record.last_chunk::<2>() == Some(&lane.to_le_bytes()) {
            positions.push(position);
        }
    }
    Ok(positions)
}

// ── For whoever compares ───────────────────────────────────────────────────────────────────────────────────────

/// Why the kept links are of no use.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LinksError {
    /// There are none.
    #[error("there are no hashes beside the log; a server makes them, from the log as it is then")]
    None,
    /// They are another log's.
    #[error("the hashes beside the log belong to the log {found}, and this is {expected}")]
    OtherLog {
        /// This log.
        expected: LogId,
        /// Theirs.
        found: LogId,
    },
    /// They cannot be read.
    #[error("the hashes beside the log cannot be read: {0}")]
    File(String),
}

/// The links that were kept beside a log, in order.
pub struct KeptLinks {
    links: BufReader<File>,
    count: u64,
}

impl KeptLinks {
    /// Opens those of a data folder.
    ///
    /// # Errors
    /// [`LinksError`] when there are none of this log.
    pub fn open(folder: &Path, log: LogId) -> Result<Self, LinksError> {
        let file_error = |error: io::Error| LinksError::File(error.to_string());
        let path = folder.join(LINKS);
        let links = match File::open(path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Err(LinksError::None),
            opened => opened.map_err(file_error)?,
        };
        let length = links.metadata().map_err(file_error)?.len();
        let mut links = BufReader::with_capacity(BUFFER_BYTES, links);
        let mut found = [0; HEADER_BYTES as usize];
        if links.read_exact(&mut found).is_err() {
            return Err(LinksError::None);
        }
        if found != header(log) {
            let (_, id) = found.split_at(MAGIC.len());
            let found = LogId(Uuid::from_slice(id).unwrap_or_default());
            return Err(LinksError::OtherLog { expected: log, found });
        }
        Ok(Self { links, count: (length - HEADER_BYTES) / RECORD_BYTES })
    }

    /// Up to which position there are links.
    #[must_use]
    pub const fn reach(&self) -> Position {
        Position::row(self.count)
    }

    /// The next link, from position 1 on; nothing behind the last one.
    ///
    /// # Errors
    /// [`LinksError::File`].
    pub fn next_link(&mut self) -> Result<Option<Hash>, LinksError> {
        if self.count == 0 {
            return Ok(None);
        }
        self.count -= 1;
        let mut record = [0; RECORD_BYTES as usize];
        self.links.read_exact(&mut record).map_err(|error| LinksError::File(error.to_string()))?;
        Ok(record.first_chunk::<32>().map(|link| Hash(*link)))
    }
}
