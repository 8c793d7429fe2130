//! Process managers: what follows from what happened. Pure, like the aggregates; their commands carry ids derived from
//! their cause, so following twice does nothing more. They do not know how commands are sent.

pub mod campaign;
pub mod clearing;
pub mod timers;
