//! What is true in Reprise: aggregates, the work lifecycle, process managers and ports.
//!
//! Everything here is pure. Time, ids and configuration arrive as arguments, so that every past decision can be
//! taken again and compared. This crate does not know who calls it, how events are stored or what anyone sees.
//!
//! Read in this order: [`work`] (the lifecycle), [`key_scope`], [`storage_unit`], [`campaign`], [`record`], [`task`]
//! with [`workspace`], [`batch`], [`external_id`] and [`ids`], then [`aggregate`] (how a command finds its rule),
//! [`work_id`] (where work is found, whosever it is) and [`ports`] (what the world must offer).
//! Read in this order: [`work`] (the lifecycle), [`key_scope`], [`storage_unit`], [`campaign`], [`record`],
//! [`system`], [`api_key`], [`access`], then [`aggregate`] (how a command finds its rule) and [`ports`] (what the world must offer).

pub mod access;
pub mod aggregate;
pub mod api_key;
pub mod batch;
pub mod campaign;
pub mod digest;
pub mod envelope;
pub mod event;
pub mod external_id;
pub mod filter;
pub mod idempotency;
pub mod ids;
pub mod key_scope;
pub mod layout;
pub mod moment;
pub mod names;
pub mod ports;
pub mod process;
pub mod record;
pub mod replay;
pub mod retry;
pub mod storage_unit;
pub mod stream;
pub mod system;
pub mod task;
mod text;
pub mod time;
pub mod work;
pub mod work_id;
pub mod workspace;
