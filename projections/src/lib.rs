//! What people look at: each view a pure fold from events to rows.
//!
//! Nothing here writes or reads a database: [`read_model`] says what the read-model adapter offers.
//!
//! Read in this order: [`view`] (what a view is), [`views`] (the views), [`fold`] (how they are folded), then
//! [`matching`] (which rows a filter means), [`timeline`], [`attempts`], [`overview`], [`explain`] and
//! [`fork`], which need no stored rows of their own.

pub mod attempts;
pub mod difference;
pub mod explain;
pub mod fold;
pub mod fork;
#[cfg(test)]
mod histories;
pub mod matching;
pub mod overview;
pub mod read_model;
pub mod replay;
pub mod snapshots;
pub mod timeline;
pub mod view;
pub mod views;
pub mod work_queue;
