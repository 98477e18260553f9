//! The `trapheus` command.
//!
//! | module | owns |
//! |---|---|
//! | [`rehearsal`] | one execution on this machine: the real state machine, the real functions, a simulated RDS |
//! | [`disturbance`] | everything that can go wrong meanwhile |
//! | [`stage`] | where executions run, and what becomes of functions and executions that fail |
//! | [`fleet`] | the functions, called in process as Lambda would |
//! | [`timeline`] | an execution's events as steps a person follows |
//! | [`screen`] | a rehearsal as a person reads it |
//! | [`report`] | what came of it: what exists, downtime, calls, cost |
//! | [`cost`] | prices |
//! | [`diagram`] | pictures of the state machine |
//!
//! It touches no AWS account; the embedded world is all it works on.

pub mod campaign;
pub mod cost;
pub mod diagram;
pub mod disturbance;
pub mod fleet;
pub mod judge;
pub mod rehearsal;
pub mod report;
pub mod screen;
pub mod stage;
pub mod timeline;
