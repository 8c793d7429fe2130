//! What a crash test needs: the real server as a process that can be killed, clients that keep it busy and remember
//! what they were told, and the checks that the log and the views have to pass afterwards.

pub mod book;
pub mod chance;
pub mod leases;
pub mod load;
pub mod log;
pub mod server;
