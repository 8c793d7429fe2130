//! The real binary, killed at any moment: what was acknowledged is there, nothing runs twice unseen, and it goes on.

mod checks;
mod run;
mod serve;
