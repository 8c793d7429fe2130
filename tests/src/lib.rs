//! Contract suites, conformance, crash and tidy tests.

pub mod binary;
pub mod contract;
pub mod crash;
pub mod faults;
pub mod harness;
pub mod place;
pub mod promql;
pub mod scrape;
pub mod views;
