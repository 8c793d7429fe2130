//! The hashes over a log, event by event. Does not know who signs them.

use std::fmt;
use std::str::FromStr;

use domain::stream::Position;

use super::head::Head;
use crate::StoredEvent;
use crate::cloud_events::LogId;

/// How many lanes there are: a stream's events share a lane with about every 65,536th other event.
pub const LANES: usize = 1 << PATH_LENGTH;
/// How many hashes lead from a lane to the root of the tree.
pub(super) const PATH_LENGTH: usize = 16;

/// What is hashed, as the byte in front of it. Never changes.
#[derive(Debug, Clone, Copy)]
enum Kind {
    Stream = 1,
    Content = 2,
    Link = 3,
    Lane = 4,
    Node = 5,
    Head = 6,
}

/// A BLAKE3 hash, written as 64 lower-case hexadecimal digits.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Hash(pub [u8; 32]);

impl Hash {
    /// Before everything.
    pub const ZERO: Self = Self([0; 32]);

    fn of(kind: Kind, parts: &[&[u8]]) -> Self {
        let mut bytes = [0_u8; 1 + 4 * 32];
        bytes[0] = kind as u8;
        let mut length = 1;
        for part in parts {
            let end = length + part.len();
            bytes
                .get_mut(length..end)
                .expect("at most four hashes are hashed together")
                .copy_from_slice(part);
            length = end;
        }
        Self(blake3::hash(bytes.get(..length).expect("no more than there is")).into())
    }
}

impl fmt::Display for Hash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for Hash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// The text is not a hash.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("'{0}' is not a hash of 64 lower-case hexadecimal digits")]
pub struct NotAHash(String);

impl FromStr for Hash {
    type Err = NotAHash;

    fn from_str(text: &str) -> Result<Self, NotAHash> {
        hexadecimal(text).map(Self).ok_or_else(|| NotAHash(text.to_owned()))
    }
}

/// The bytes that so many lower-case hexadecimal digits stand for.
pub(super) fn hexadecimal<const BYTES: usize>(text: &str) -> Option<[u8; BYTES]> {
    let mut bytes = [0; BYTES];
    if text.len() != 2 * BYTES || !text.bytes().all(|it| matches!(it, b'0'..=b'9' | b'a'..=b'f')) {
        return None;
    }
    for (byte, pair) in bytes.iter_mut().zip(text.as_bytes().chunks_exact(2)) {
        *byte = u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok()?;
    }
    Some(bytes)
}

/// What of an event goes into the hashes over the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Leaf {
    /// The hash of its stream's name.
    pub stream: Hash,
    /// The hash of all that its row says, its position included.
    pub content: Hash,
}

impl Leaf {
    /// The lane in which its stream goes.
    #[must_use]
    pub const fn lane(&self) -> u16 {
        lane_of(&self.stream)
    }

    /// The link of the chain that follows `link` with this event.
    #[must_use]
    pub fn link_after(&self, link: Hash) -> Hash {
        Hash::of(Kind::Link, &[&link.0, &self.stream.0, &self.content.0])
    }
}

const fn lane_of(stream: &Hash) -> u16 {
    let Hash([first, second, ..]) = *stream;
    u16::from_be_bytes([first, second])
}

/// Makes leaves. What is hashed is put together in one place, which is used again for the next.
#[derive(Debug, Default)]
pub struct Leaves(Vec<u8>);

impl Leaves {
    /// The hash of a stream's name.
    #[must_use]
    pub fn stream(&mut self, name: &str) -> Hash {
        self.0.clear();
        self.0.push(Kind::Stream as u8);
        self.0.extend_from_slice(name.as_bytes());
        Hash(blake3::hash(&self.0).into())
    }

    /// The leaf of an event.
    #[must_use]
    pub fn leaf(&mut self, stored: &StoredEvent<'_>) -> Leaf {
        let StoredEvent { position, stream: name, version, id, type_name, schema, payload, metadata } =
            stored;
        let stream = self.stream(name);
        let bytes = &mut self.0;
        bytes.clear();
        bytes.push(Kind::Content as u8);
        for number in [position.major, position.minor, version.0, u64::from(*schema)] {
            bytes.extend_from_slice(&number.to_le_bytes());
        }
        bytes.extend_from_slice(id.0.as_bytes());
        for text in [name.as_bytes(), type_name.as_bytes(), payload, metadata] {
            bytes.extend_from_slice(&(text.len() as u64).to_le_bytes());
            bytes.extend_from_slice(text);
        }
        Leaf { stream, content: Hash(blake3::hash(bytes).into()) }
    }
}

/// The hashes over a log up to a position.
#[derive(Clone)]
pub struct Chain {
    log: LogId,
    position: Position,
    link: Hash,
    lanes: Vec<Hash>,
}

impl fmt::Debug for Chain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { log, position, link, lanes: _ } = self;
        write!(f, "Chain({log} {position} {link})")
    }
}

impl Chain {
    /// Those over a log before its first event.
    #[must_use]
    pub fn new(log: LogId) -> Self {
        Self { log, position: Position::START, link: Hash::ZERO, lanes: vec![Hash::ZERO; LANES] }
    }

    /// Those that were kept. Lanes that are not named have no event.
    #[must_use]
    pub fn kept(log: LogId, position: Position, link: Hash, ends: impl Iterator<Item = (u16, Hash)>) -> Self {
        let mut chain = Self { position, link, ..Self::new(log) };
        for (lane, end) in ends {
            chain.set(lane, end);
        }
        chain
    }

    fn set(&mut self, lane: u16, end: Hash) {
        *self.lanes.get_mut(usize::from(lane)).expect("there is a lane for every number") = end;
    }

    fn end(&self, lane: u16) -> Hash {
        *self.lanes.get(usize::from(lane)).expect("there is a lane for every number")
    }

    /// Takes the next event in.
    pub fn add(&mut self, position: Position, leaf: &Leaf) {
        self.position = position;
        self.link = leaf.link_after(self.link);
        let lane = leaf.lane();
        self.set(lane, next_in_lane(self.end(lane), leaf));
    }

    /// The position of the last event that was taken in.
    #[must_use]
    pub const fn position(&self) -> Position {
        self.position
    }

    /// The last link of the chain.
    #[must_use]
    pub const fn link(&self) -> Hash {
        self.link
    }

    /// The ends of the lanes that have events.
    pub fn ends(&self) -> impl Iterator<Item = (u16, Hash)> {
        (0..=u16::MAX).zip(self.lanes.iter().copied()).filter(|(_, end)| *end != Hash::ZERO)
    }

    /// The head: 65,535 hashes are made for it.
    #[must_use]
    pub fn head(&self) -> Head {
        let mut level = self.lanes.clone();
        while level.len() > 1 {
            level = next_level(&level);
        }
        let root = level.first().copied().unwrap_or(Hash::ZERO);
        Head {
            log: self.log,
            position: self.position,
            hash: head_hash(self.log, self.position, self.link, root),
        }
    }

    /// The hashes that lead from a lane to the root of the tree.
    pub(super) fn path(&self, lane: u16) -> Vec<Hash> {
        let (mut level, mut at, mut path) = (self.lanes.clone(), usize::from(lane), Vec::new());
        while level.len() > 1 {
            path.push(*level.get(at ^ 1).expect("every level but the last has pairs"));
            level = next_level(&level);
            at /= 2;
        }
        path
    }
}

fn next_level(level: &[Hash]) -> Vec<Hash> {
    let pairs = level.as_chunks::<2>().0;
    pairs.iter().map(|[left, right]| Hash::of(Kind::Node, &[&left.0, &right.0])).collect()
}

/// The end of a lane behind `end`.
#[must_use]
pub(super) fn next_in_lane(end: Hash, leaf: &Leaf) -> Hash {
    Hash::of(Kind::Lane, &[&end.0, &leaf.stream.0, &leaf.content.0])
}

/// The root of the tree, from the end of a lane.
pub(super) fn root(lane: u16, end: Hash, path: &[Hash; PATH_LENGTH]) -> Hash {
    let mut at = lane;
    path.iter().fold(end, |hash, beside| {
        let (left, right) = if at & 1 == 0 { (&hash, beside) } else { (beside, &hash) };
        at >>= 1;
        Hash::of(Kind::Node, &[&left.0, &right.0])
    })
}

pub(super) fn head_hash(log: LogId, position: Position, link: Hash, root: Hash) -> Hash {
    let Position { major, minor } = position;
    let mut place = [0; 32];
    let (id, numbers) = place.split_at_mut(16);
    id.copy_from_slice(log.0.as_bytes());
    let (first, second) = numbers.split_at_mut(8);
    first.copy_from_slice(&major.to_le_bytes());
    second.copy_from_slice(&minor.to_le_bytes());
    Hash::of(Kind::Head, &[&place, &link.0, &root.0])
}
