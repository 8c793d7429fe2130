//! The runtime over real adapters, asked directly: what holds whatever surface is in front of it.

mod campaigns;
mod clearing;
mod leases;
mod lifecycle;
mod pipeline;
mod stages;
mod system;
pub(crate) mod tasks;
mod watching;
mod worker;
