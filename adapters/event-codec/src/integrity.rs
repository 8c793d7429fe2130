//! What a log amounts to: hashes over everything that is stored, so that nobody can change it unseen.
//!
//! Each event has a **leaf**: the hash of its stream's name and the hash of all that its row says. Each leaf goes into two
//! places. The **chain** is one hash over the whole log: a link covers the link before it and the leaf. The **lanes** are
//! 65,536 shorter chains: the hash of a stream's name says in which of them its events go, and a Merkle tree stands over
//! the ends of all lanes. The **head** is one hash over the chain and that tree, so whoever knows a head knows the whole log up to a
//! position; and all of one stream can be shown by its lane alone (see [`proof`]).
//!
//! Hashes are BLAKE3; a byte in front says what is hashed, so that nothing can be taken for something else. Does not know
//! where hashes are kept. `docs/adr/0021-…` has the reasons.

mod chain;
mod head;
pub mod proof;
#[cfg(test)]
mod tests;

pub use chain::{Chain, Hash, LANES, Leaf, Leaves, NotAHash};
pub use head::{BadSignature, Head, HeadSignature, NotAKey, PublicKey, Signer};
