//! A log held against what was known of it: the links kept beside it, and heads that somebody has elsewhere. Reads every row,
//! on as many threads as there are processors. Does not write anything.

use std::path::Path;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread;

use domain::ports::ReadError;
use domain::stream::Position;
use event_codec::integrity::{Chain, Hash, Head, Leaf, Leaves};

use crate::archive::LogFile;
use crate::chain::{KeptLinks, LinksError};
use crate::options::OpenError;
use crate::reader::STATEMENT_ROWS_MAX;

/// How many threads read at most: one alone can keep up with so many.
const READERS_MAX: usize = 4;
/// How many pages each of them may be ahead.
const PAGES_AHEAD_MAX: usize = 4;

/// Leaves that follow each other, and why there are no more, if there should be.
type Page = (Vec<(Position, Leaf)>, Option<ReadError>);

/// What somebody knows of a log: the hash of its head at some position.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KnownHead {
    /// The position.
    pub position: Position,
    /// The hash.
    pub hash: Hash,
}

/// A log that is what it was, as far as anything is known of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verified {
    /// Its head.
    pub head: Head,
    /// Up to which position there were links to compare with; or why there were none.
    pub links: Result<Position, LinksError>,
}

/// Why a log is not what it was, or cannot be looked at.
#[derive(Debug, thiserror::Error)]
pub enum VerifyError {
    /// There is no log that can be read.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// It cannot be read now.
    #[error(transparent)]
    Read(ReadError),
    /// This is the first event that is not what it was.
    #[error("the log differs from position {position} on, which is version {version} of {stream}: {problem}")]
    Differs {
        /// Its position.
        position: Position,
        /// Its stream, as its row says now.
        stream: String,
        /// Its version, as its row says now.
        version: String,
        /// What is wrong with it.
        problem: String,
    },
    /// Its last events are gone.
    #[error(
        "the log ends at position {head}, and it once reached {known} at least: what came after {head} is gone"
    )]
    CutOff {
        /// Where it ends.
        head: Position,
        /// Where it once ended, or later.
        known: Position,
    },
    /// Somewhere before a known head it differs.
    #[error(
        "up to position {position} the log has the head {found}, not {known}: something before was changed"
    )]
    OtherHead {
        /// The position of the known head.
        position: Position,
        /// The known one.
        known: Hash,
        /// What it is now.
        found: Hash,
    },
}

/// Reads a whole log and holds it against its checksums, the links beside it, and the heads that are known. `progress` is called
/// with how many events were read since the last time.
///
/// # Errors
/// [`VerifyError`], which names the first event that differs where that can be known.
pub fn verify(
    folder: &Path,
    known: &[KnownHead],
    mut progress: impl FnMut(u64),
) -> Result<Verified, VerifyError> {
    let log = LogFile::open(folder)?;
    // The links are looked at first: the log only grows, so whatever they reach must be in it.
    let links = KeptLinks::open(folder, log.id());
    let head = log.head().map_err(VerifyError::Read)?;
    let reach = links.as_ref().map(KeptLinks::reach).map_err(Clone::clone);
    let furthest = known.iter().map(|known| known.position).chain(reach.iter().copied()).max();
    if let Some(furthest) = furthest.filter(|furthest| *furthest > head) {
        return Err(VerifyError::CutOff { head, known: furthest });
    }
    let mut comparison = Comparison { chain: Chain::new(log.id()), links: links.ok(), known };
    comparison.known_at(Position::START)?;
    each_page(folder, head, |(page, problem)| {
        progress(page.len() as u64);
        page.iter().try_for_each(|(position, leaf)| comparison.add(&log, *position, leaf))?;
        problem.map_or(Ok(()), |error| Err(differs_or_fails(&log, error)))
    })?;
    Ok(Verified { head: comparison.chain.head(), links: reach })
}

struct Comparison<'a> {
    chain: Chain,
    links: Option<KeptLinks>,
    known: &'a [KnownHead],
}

impl Comparison<'_> {
    fn add(&mut self, log: &LogFile, position: Position, leaf: &Leaf) -> Result<(), VerifyError> {
        self.chain.add(position, leaf);
        if let Some(links) = &mut self.links {
            match links.next_link() {
                Ok(Some(link)) if link != self.chain.link() => {
                    let problem = "it is not the event that the hashes beside the log have seen there";
                    return Err(differs(log, position, problem.to_owned()));
                }
                Ok(Some(_) | None) => {}
                Err(error) => return Err(VerifyError::Read(ReadError::Unavailable(error.to_string()))),
            }
        }
        self.known_at(position)
    }

    fn known_at(&self, position: Position) -> Result<(), VerifyError> {
        for known in self.known.iter().filter(|known| known.position == position) {
            let found = self.chain.head().hash;
            if found != known.hash {
                return Err(VerifyError::OtherHead { position, known: known.hash, found });
            }
        }
        Ok(())
    }
}

fn differs(log: &LogFile, position: Position, problem: String) -> VerifyError {
    let (stream, version) = log.place(position);
    VerifyError::Differs { position, stream, version, problem }
}

fn differs_or_fails(log: &LogFile, error: ReadError) -> VerifyError {
    match error {
        ReadError::Corrupt { position, problem } => differs(log, position, problem),
        ReadError::Unavailable(_) => VerifyError::Read(error),
    }
}

/// Visits the leaves of a log page by page, in order, while other threads read the pages that come next.
fn each_page(
    folder: &Path,
    head: Position,
    mut visit: impl FnMut(Page) -> Result<(), VerifyError>,
) -> Result<(), VerifyError> {
    let page_rows = STATEMENT_ROWS_MAX as u64;
    let pages = head.major.div_ceil(page_rows);
    let readers = thread::available_parallelism().map_or(1, usize::from).min(READERS_MAX);
    let mut logs = Vec::with_capacity(readers);
    for _ in 0..readers {
        logs.push(LogFile::open(folder)?);
    }
    thread::scope(|scope| {
        let read = |(first, log): (u64, LogFile)| -> Receiver<Page> {
            let (sender, receiver): (SyncSender<Page>, _) = sync_channel(PAGES_AHEAD_MAX);
            scope.spawn(move || {
                let mut leaves = Leaves::default();
                for page in (first..pages).step_by(readers) {
                    let after = Position::row(page * page_rows);
                    let until = Position::row(head.major.min((page + 1) * page_rows));
                    let mut taken = Vec::with_capacity(STATEMENT_ROWS_MAX);
                    let read =
                        log.rows(after, until, |stored| taken.push((stored.position, leaves.leaf(stored))));
                    // Whoever has found a difference reads no further.
                    if sender.send((taken, read.err())).is_err() {
                        return;
                    }
                }
            });
            receiver
        };
        let receivers: Vec<_> = (0..).zip(logs).map(read).collect();
        for receiver in receivers.iter().cycle().take(usize::try_from(pages).unwrap_or(usize::MAX)) {
            let ended = || ReadError::Unavailable("a thread that reads the log has ended".to_owned());
            visit(receiver.recv().unwrap_or_else(|_| (Vec::new(), Some(ended()))))?;
        }
        Ok(())
    })
}
