//! Recorded commands decided again: by the same rules they give the same log, and what does not is found.

mod copies;
mod reissue;
mod served;
mod targets;
mod verify;
