//! Proofs: the history of one stream in a file that anybody can check, without the log.
//!
//! The first line says which stream, how many events, and the head that covers them. Every further line is an entry of the
//! stream's lane, oldest first: an event of the stream as [`crate::cloud_events`] writes it, or the leaf of an event of another stream.
//! The lane's end leads to the tree, the tree and the chain to the head. So nothing can be changed, left out, added or moved:
//! an event that is left out is missing in the lane, also the last one, since the head covers the ends of all lanes. What belongs to
//! other streams shows nothing but hashes.
//!
//! Every byte counts: a proof that is written in any other way than [`Proof::write`] does is no proof. Does not know which
//! heads are to be trusted: whoever checks says so.

use domain::stream::{Position, Version};
use domain::time::Timestamp;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::chain::{Chain, Hash, Leaf, Leaves, PATH_LENGTH, head_hash, next_in_lane, root};
use super::head::{BadSignature, Head, HeadSignature, PublicKey};
use crate::cloud_events::{BadLine, LogId, read_line, write_line};
use crate::{CodecError, StoredEvent};

/// The version of the form.
const FORM: u8 = 1;

/// The first line.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct First {
    reprise_proof: u8,
    log: Uuid,
    stream: String,
    events: u64,
    position: Position,
    hash: String,
    link: String,
    path: Vec<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    signed: Option<Signed>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Signed {
    public_key: String,
    recorded_at: Timestamp,
    signature: String,
}

/// The line of an event of another stream.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Foreign {
    stream_hash: String,
    content_hash: String,
}

/// A proof that is being written: entries of the lane, in the order of the log.
#[derive(Debug)]
pub struct Proof {
    log: LogId,
    stream: String,
    stream_hash: Hash,
    leaves: Leaves,
    events: u64,
    lines: Vec<u8>,
}

impl Proof {
    /// Begins the proof of a stream's history.
    #[must_use]
    pub fn new(log: LogId, stream: &str) -> Self {
        let mut leaves = Leaves::default();
        let stream_hash = leaves.stream(stream);
        Self { log, stream: stream.to_owned(), stream_hash, leaves, events: 0, lines: Vec::new() }
    }

    /// The lane that has its stream.
    #[must_use]
    pub fn lane(&self) -> u16 {
        Leaf { stream: self.stream_hash, content: Hash::ZERO }.lane()
    }

    /// How many events of the stream there are so far.
    #[must_use]
    pub const fn events(&self) -> u64 {
        self.events
    }

    /// Takes an event of the log in. Those of other lanes make no difference and may be left out.
    ///
    /// # Errors
    /// [`CodecError`] when it cannot be written.
    pub fn add(&mut self, stored: &StoredEvent<'_>) -> Result<(), CodecError> {
        let leaf = self.leaves.leaf(stored);
        self.add_leaf(stored, &leaf)
    }

    /// The same, of an event whose leaf is known.
    ///
    /// # Errors
    /// [`CodecError`] when it cannot be written.
    pub fn add_leaf(&mut self, stored: &StoredEvent<'_>, leaf: &Leaf) -> Result<(), CodecError> {
        if leaf.stream == self.stream_hash {
            self.events += 1;
            return write_line(self.log, stored, &domain::ports::ArchiveFilter::default(), &mut self.lines)
                .map(drop);
        }
        if leaf.lane() == self.lane() {
            push_line(&mut self.lines, &foreign(leaf));
        }
        Ok(())
    }

    /// The whole proof, once every event up to the chain's position was taken in.
    #[must_use]
    pub fn write(self, chain: &Chain, signature: impl FnOnce(&Head) -> Option<HeadSignature>) -> Vec<u8> {
        let head = chain.head();
        let signed = signature(&head).map(|it| Signed {
            public_key: it.public_key.to_string(),
            recorded_at: it.recorded_at,
            signature: it.text(),
        });
        let path = chain.path(self.lane());
        let first = First {
            reprise_proof: FORM,
            log: self.log.0,
            stream: self.stream,
            events: self.events,
            position: head.position,
            hash: head.hash.to_string(),
            link: chain.link().to_string(),
            path: path.iter().map(ToString::to_string).collect(),
            signed,
        };
        let mut proof = Vec::with_capacity(self.lines.len() + 2_048);
        push_line(&mut proof, &first);
        proof.extend_from_slice(&self.lines);
        proof
    }
}

fn foreign(leaf: &Leaf) -> Foreign {
    Foreign { stream_hash: leaf.stream.to_string(), content_hash: leaf.content.to_string() }
}

fn push_line(lines: &mut Vec<u8>, line: &impl Serialize) {
    serde_json::to_writer(&mut *lines, line).expect("texts are JSON and memory takes every write");
    lines.push(b'\n');
}

/// What a proof shows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Proven {
    /// The stream whose whole history up to the head's position it is.
    pub stream: String,
    /// How many events that are.
    pub events: u64,
    /// The head that covers them.
    pub head: Head,
    /// Who has signed the head.
    pub signature: Option<HeadSignature>,
}

/// Why something is no proof.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NoProof {
    /// A line is not of the form.
    #[error("line {line} is not part of a proof as 'reprise proof' writes it: {problem}")]
    Form {
        /// Which, from 1 on.
        line: usize,
        /// What is wrong with it.
        problem: String,
    },
    /// An event is not the one that should follow.
    #[error("line {line} does not follow the events before it: {problem}")]
    Order {
        /// Which, from 1 on.
        line: usize,
        /// What is wrong with it.
        problem: String,
    },
    /// There are more or fewer events than the first line says.
    #[error("it should have {said} events of {stream} and has {found}")]
    Count {
        /// The stream.
        stream: String,
        /// What the first line says.
        said: u64,
        /// What there is.
        found: u64,
    },
    /// The events are not those that the head covers.
    #[error("the events are not those that the head covers: something was changed, dropped, added or moved")]
    Different,
    /// The signature is wrong.
    #[error(transparent)]
    Signature(#[from] BadSignature),
}

/// Looks whether a file is a proof, and of what. Which head or whose signature to trust is the caller's business.
///
/// # Errors
/// [`NoProof`], when anything at all is not as it was written.
pub fn check(proof: &[u8]) -> Result<Proven, NoProof> {
    let form =
        |line: usize, problem: &dyn std::fmt::Display| NoProof::Form { line, problem: problem.to_string() };
    let Some(whole) = proof.strip_suffix(b"\n") else {
        return Err(form(proof.split(|byte| *byte == b'\n').count(), &"it has no end"));
    };
    let mut lines = (1..).zip(whole.split(|byte| *byte == b'\n'));
    let (_, first) = lines.next().unwrap_or_default();
    let claim = Claim::read(first).map_err(|problem| form(1, &problem))?;
    let (mut leaves, mut next, mut end, mut reached) = (Leaves::default(), 0, Hash::ZERO, Position::START);
    let stream_hash = leaves.stream(&claim.stream);
    let lane = Leaf { stream: stream_hash, content: Hash::ZERO }.lane();
    for (line, bytes) in lines {
        let order = |problem: String| NoProof::Order { line, problem };
        let leaf = if bytes.starts_with(b"{\"stream_hash\":") {
            let leaf = read_foreign(bytes).map_err(|problem| form(line, &problem))?;
            if leaf.stream == stream_hash || leaf.lane() != lane {
                return Err(order("the hash of another stream of the lane is wanted".to_owned()));
            }
            leaf
        } else {
            let event = read_line(bytes, claim.head.log).map_err(|problem: BadLine| form(line, &problem))?;
            let stored = event.stored();
            if stored.stream != claim.stream || stored.version != Version(next) {
                let wanted = format!("version {next} of {} is wanted", claim.stream);
                return Err(order(format!(
                    "it is version {} of {}; {wanted}",
                    stored.version, stored.stream
                )));
            }
            if stored.position <= reached || stored.position > claim.head.position {
                return Err(order(format!("its position is {}", stored.position)));
            }
            (next, reached) = (next + 1, stored.position);
            leaves.leaf(&stored)
        };
        end = next_in_lane(end, &leaf);
    }
    if next != claim.events {
        return Err(NoProof::Count { stream: claim.stream, said: claim.events, found: next });
    }
    let root = root(lane, end, &claim.path);
    if head_hash(claim.head.log, claim.head.position, claim.link, root) != claim.head.hash {
        return Err(NoProof::Different);
    }
    if let Some(signature) = &claim.signature {
        signature.check(&claim.head)?;
    }
    Ok(Proven { stream: claim.stream, events: claim.events, head: claim.head, signature: claim.signature })
}

/// What the first line says.
struct Claim {
    stream: String,
    events: u64,
    head: Head,
    link: Hash,
    path: [Hash; PATH_LENGTH],
    signature: Option<HeadSignature>,
}

impl Claim {
    fn read(line: &[u8]) -> Result<Self, String> {
        let first: First = serde_json::from_slice(line).map_err(|error| error.to_string())?;
        if first.reprise_proof != FORM {
            return Err(format!("it has form {}, and {FORM} is the one known here", first.reprise_proof));
        }
        if serde_json::to_vec(&first).ok().as_deref() != Some(line) {
            return Err("it was changed".to_owned());
        }
        let hash = |text: &String| text.parse::<Hash>().map_err(|error| error.to_string());
        let path: Vec<Hash> = first.path.iter().map(hash).collect::<Result<_, _>>()?;
        let path = path.try_into().map_err(|_| format!("its path has not {PATH_LENGTH} hashes"))?;
        let signature = first.signed.map(|signed| {
            let key: PublicKey =
                signed.public_key.parse().map_err(|_| "its public key is none".to_owned())?;
            HeadSignature::parse(key, signed.recorded_at, &signed.signature)
                .map_err(|error| error.to_string())
        });
        let head = Head { log: LogId(first.log), position: first.position, hash: hash(&first.hash)? };
        Ok(Self {
            stream: first.stream,
            events: first.events,
            head,
            link: hash(&first.link)?,
            path,
            signature: signature.transpose()?,
        })
    }
}

fn read_foreign(line: &[u8]) -> Result<Leaf, String> {
    let read: Foreign = serde_json::from_slice(line).map_err(|error| error.to_string())?;
    if serde_json::to_vec(&read).ok().as_deref() != Some(line) {
        return Err("it was changed".to_owned());
    }
    let hash = |text: &str| text.parse::<Hash>().map_err(|error| error.to_string());
    Ok(Leaf { stream: hash(&read.stream_hash)?, content: hash(&read.content_hash)? })
}
