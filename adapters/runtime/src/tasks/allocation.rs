//! The ids that this engine may give out: taken from a block in memory, the next block from the log. Does not know what
//! they are used for. What is left of a block when the engine ends is never used.

use domain::envelope::{Command, Envelope};
use domain::event::Event;
use domain::ids::{self, BlockAllocated, IdKind};
use domain::names::{Actor, CommandId};
use tokio::sync::Mutex;

use crate::engine::Engine;
use crate::pipeline::SubmitError;

/// How many ids of each kind are taken at once.
const fn block_ids(kind: IdKind) -> u32 {
    match kind {
        IdKind::Task => 1_000,
        IdKind::Batch => 100,
        // There are few, and people like their numbers small.
        IdKind::Workspace => 1,
    }
}

/// What is left of the blocks of this engine.
#[derive(Debug, Default)]
pub(crate) struct Allocation {
    tasks: Mutex<Block>,
    batches: Mutex<Block>,
    workspaces: Mutex<Block>,
}

#[derive(Debug, Default)]
struct Block {
    next: u64,
    left: u32,
}

impl Allocation {
    const fn of(&self, kind: IdKind) -> &Mutex<Block> {
        match kind {
            IdKind::Task => &self.tasks,
            IdKind::Batch => &self.batches,
            IdKind::Workspace => &self.workspaces,
        }
    }
}

impl Engine {
    /// An id of this kind that nobody else gets.
    pub(super) async fn next_id(&self, kind: IdKind) -> Result<u64, SubmitError> {
        let mut block = self.allocation().of(kind).lock().await;
        if block.left == 0 {
            *block = self.next_block(kind).await?;
        }
        let id = block.next;
        block.next += 1;
        block.left -= 1;
        Ok(id)
    }

    async fn next_block(&self, kind: IdKind) -> Result<Block, SubmitError> {
        let allocate = Command::Ids(kind, ids::Command::AllocateBlock { size: block_ids(kind) });
        let id = CommandId(self.fresh_id());
        // Ids are of no organization: those of all come out of the same blocks.
        let accepted = self.whole().submit_patiently(Envelope::new(id, Actor::system(), allocate)).await?;
        let block = accepted.events.first().and_then(|event| match event {
            Event::Ids(ids::Event::BlockAllocated(BlockAllocated { first, size })) => {
                Some(Block { next: *first, left: *size })
            }
            Event::StorageUnit(_)
            | Event::KeyScope(_)
            | Event::Record(_)
            | Event::Campaign(_)
            | Event::Task(_)
            | Event::Workspace(_)
            | Event::Batch(_)
            | Event::ExternalId(_)
            | Event::System(_)
            | Event::ApiKey(_)
            | Event::Access(_) => None,
        });
        block.ok_or_else(|| {
            SubmitError::Corrupt(format!("no block of ids for a {} was recorded", kind.name()))
        })
    }
}
