//! Events as CloudEvents 1.0 in JSON, one per line: the form of an export. What is stored comes back byte for byte.
//!
//! The attributes say what metadata say, each under a name that CloudEvents allows (letters and digits only). Payload and
//! command stay as they are stored. Metadata that these attributes cannot give back exactly, such as those of a later
//! program, are kept whole beside them, as the attribute `metadata`. Does not know where lines are kept.

mod line;
mod read;
#[cfg(test)]
mod tests;

pub use line::{LogId, write_end, write_line};
pub use read::{BadLine, End, Line, LineReader, read_line};

/// The type of the line with which an export ends.
const END_TYPE: &str = "reprise.export.ended";
/// The version of CloudEvents.
const SPEC_VERSION: &str = "1.0";
/// What every payload is.
const CONTENT_TYPE: &str = "application/json";
