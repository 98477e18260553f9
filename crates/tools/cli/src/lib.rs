//! The `trapheus` command.
//!
//! | module | owns |
//! |---|---|
//! | [`rehearsal`] | one execution on this machine: the real state machine, the real functions, a simulated RDS |
//! | [`disturbance`] | everything that can go wrong meanwhile |
//! | [`stage`] | where executions run, and what becomes of functions and executions that fail |
//! | [`fleet`] | the functions, called in process as Lambda would |
//! | [`lambda`] | Lambda's own errors, and functions that sleep |
//! | [`timeline`] | an execution's events as steps a person follows |
//! | [`screen`] | a rehearsal as a person reads it |
//! | [`report`] | what came of it: what exists, downtime, calls, cost |
//! | [`struck`] | which of the requested faults took effect, and which never did |
//! | [`preview`] | one of its alerts as it is sent |
//! | [`cost`] | prices |
//! | [`overhead`] | what the pipeline adds to what RDS itself needs |
//! | [`together`] | many databases restored at once under RDS's limit |
//! | [`account`] | executions in an AWS account, started and followed |
//! | [`diagram`] | pictures of the state machine |
//!
//! Only [`account`] knows of an AWS account; all else works on the embedded world.

pub mod account;
pub mod campaign;
pub mod cost;
pub mod diagram;
pub mod disturbance;
pub mod fleet;
pub mod judge;
pub mod lambda;
pub mod overhead;
pub mod preview;
pub mod rehearsal;
pub mod report;
pub mod screen;
pub mod stage;
pub mod struck;
pub mod timeline;
pub mod together;
