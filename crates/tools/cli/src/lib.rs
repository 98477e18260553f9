//! The `trapheus` command.
//!
//! | module | owns |
//! |---|---|
//! | [`rehearsal`] | one execution on this machine: the real state machine, the real functions, a simulated RDS |
//! | [`injection`] | all faults of a rehearsal |
//! | [`environment`] | the state that executions share, and the effects of faults on functions and executions |
//! | [`fleet`] | the functions, called in this process as Lambda calls them |
//! | [`lambda`] | Lambda's own errors, and functions that sleep |
//! | [`timeline`] | an execution's events as steps that a person follows |
//! | [`screen`] | a rehearsal or an execution as a person reads it |
//! | [`terminal`] | the width, text and tables that fit it, progress |
//! | [`report`] | the result of a rehearsal: databases, downtime, calls, cost |
//! | [`summary`] | that result below a timeline |
//! | [`faults`] | the list of faults that `--fault help` prints |
//! | `steps` | the part of each state in a run, read from the deployed definition |
//! | [`struck`] | the requested faults that took effect, and those that never did |
//! | [`preview`] | one alert of a rehearsal, as it is sent |
//! | [`cost`] | prices |
//! | [`overhead`] | the time, calls and money that the pipeline adds to RDS's own |
//! | [`concurrent_runs`] | many databases restored at once under RDS's limit (`trapheus fleet`) |
//! | [`campaign`] | thousands of rehearsals with faults |
//! | [`oracle`] | whether a rehearsed run kept its promises |
//! | [`account`] | executions in an AWS account, started and followed |
//! | [`capture`] | an account's databases as a world file |
//! | [`diagram`] | pictures of the state machine |
//!
//! Only [`account`] and [`capture`] use an AWS account. All other modules work on the embedded world.

pub mod account;
pub mod campaign;
pub mod capture;
pub mod concurrent_runs;
pub mod cost;
pub mod diagram;
pub mod environment;
pub mod faults;
pub mod fleet;
pub mod injection;
pub mod lambda;
pub mod oracle;
pub mod overhead;
pub mod preview;
pub mod rehearsal;
pub mod report;
pub mod screen;
mod steps;
pub mod struck;
pub mod summary;
pub mod terminal;
pub mod timeline;
