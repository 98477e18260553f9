//! What every Trapheus function shares, and nothing one function alone needs.
//!
//! | module | owns |
//! |---|---|
//! | [`identifiers`] | what RDS accepts as a name, and the names a run derives from the user's |
//! | [`input`] | the input of an execution, checked |
//! | [`document`] | the state document: what flows from state to state, and each task's input and output |
//! | [`error`] | the error names the state machine matches, and how AWS's errors become them |
//! | [`causes`] | known causes of failures and their remedies, by the code of AWS |
//! | [`commands`] | the AWS CLI commands that errors and alerts name |
//! | [`functions`] | the functions: their names, document keys, time limits, errors and paces |
//! | [`settings`] | a database's settings as read from RDS, carried in the state document |
//! | [`wait`] | what a step waits for, when that is met, and the polling itself |
//! | [`rds`] | looking databases and snapshots up by resource id or name; the claim; tags |
//! | [`restored`] | the restored database beside its original |
//! | [`clock`] | wall-clock time that follows Tokio's clock |
//! | [`clients`] | AWS clients, with time limits, retries and proxies |
//! | [`connect_error`] | connections that cannot be made, with advice |
//! | [`trust`] | the certificate authorities of a connection |
//! | [`lambda`] | the entry point of a function |
//!
//! Nothing here reads the environment but [`clients`], [`lambda`] and a function's main.

pub mod causes;
pub mod claim;
pub mod clients;
pub mod clock;
pub mod commands;
pub mod connect_error;
pub mod document;
pub mod error;
pub mod functions;
pub mod identifiers;
pub mod input;
pub mod lambda;
pub mod rds;
pub mod restored;
pub mod settings;
pub mod source;
pub mod tags;
pub mod trust;
pub mod wait;

pub use error::{Error, ErrorKind, Result};
