//! The ids of one kind that are given out. They come in blocks, so that an engine takes most of them from memory and
//! several engines never take the same. A restart leaves the rest of a block unused. Does not know what they are used
//! for.

use serde::{Deserialize, Serialize};

/// What has numbers for ids.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum IdKind {
    /// Tasks.
    Task,
    /// Workspaces.
    Workspace,
    /// Batches.
    Batch,
}

impl IdKind {
    /// Every kind.
    pub const ALL: [Self; 3] = [Self::Task, Self::Workspace, Self::Batch];

    /// The word for it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Task => "task",
            Self::Workspace => "workspace",
            Self::Batch => "batch",
        }
    }

    /// The kind that a word names.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name() == name)
    }
}

/// Which ids are given out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ids {
    /// The first one that is not.
    pub next: u64,
}

impl Default for Ids {
    fn default() -> Self {
        Self { next: 1 }
    }
}

/// The most ids of one block.
pub const BLOCK_IDS_MAX: u32 = 10_000;

/// What can be asked of the ids.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "name", content = "body")]
pub enum Command {
    /// Give out a block of them.
    #[serde(rename = "allocate_block")]
    AllocateBlock {
        /// How many.
        size: u32,
    },
}

/// What happened to the ids.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// A block was given out.
    BlockAllocated(BlockAllocated),
}

/// Payload of [`Event::BlockAllocated`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct BlockAllocated {
    /// The first id of the block.
    pub first: u64,
    /// How many ids it has.
    pub size: u32,
}

/// Why a command was not carried out. Nothing was recorded.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// A block has a bounded number of ids.
    #[error("a block has 1 to {BLOCK_IDS_MAX} ids; {size} were asked for")]
    BlockSize {
        /// How many were asked for.
        size: u32,
    },
    /// There are no more.
    #[error("all ids of this kind are given out")]
    Exhausted,
}

impl Ids {
    /// What happens when `command` arrives.
    ///
    /// # Errors
    /// [`Refusal`] when the command is not allowed.
    pub fn decide(&self, command: &Command) -> Result<Vec<Event>, Refusal> {
        let Command::AllocateBlock { size } = *command;
        if !(1..=BLOCK_IDS_MAX).contains(&size) {
            return Err(Refusal::BlockSize { size });
        }
        self.next.checked_add(u64::from(size)).ok_or(Refusal::Exhausted)?;
        Ok(vec![Event::BlockAllocated(BlockAllocated { first: self.next, size })])
    }

    /// The state after `event`. No rules here.
    #[must_use]
    pub const fn evolve(self, event: &Event) -> Self {
        let Event::BlockAllocated(block) = event;
        Self { next: block.first.saturating_add(block.size as u64) }
    }
}

impl Event {
    /// The word for this event, without the aggregate in front.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::BlockAllocated(_) => "block_allocated",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_id_is_in_two_blocks_and_the_first_one_is_1() {
        let mut ids = Ids::default();
        let mut next = 1;
        for size in [1, BLOCK_IDS_MAX, 7] {
            let events = ids.decide(&Command::AllocateBlock { size }).unwrap();
            assert_eq!(events, [Event::BlockAllocated(BlockAllocated { first: next, size })]);
            ids = events.iter().fold(ids, Ids::evolve);
            next += u64::from(size);
        }
        assert_eq!(ids.next, next);
    }

    #[test]
    fn a_block_is_neither_empty_nor_endless() {
        for size in [0, BLOCK_IDS_MAX + 1] {
            let refused = Ids::default().decide(&Command::AllocateBlock { size });
            assert_eq!(refused, Err(Refusal::BlockSize { size }));
        }
        let last = Ids { next: u64::MAX };
        assert_eq!(last.decide(&Command::AllocateBlock { size: 1 }), Err(Refusal::Exhausted));
    }
}
