//! The code that all Trapheus functions share, without the parts that only one function needs.
//!
//! | module | owns |
//! |---|---|
//! | [`identifiers`] | RDS's rules for names, and the names that a run derives from the user's |
//! | [`input`] | the input of an execution, checked |
//! | [`document`] | the state document, and each task's input and output |
//! | [`error`] | the error names the state machine matches, and how AWS's errors become them |
//! | [`causes`] | known causes of failures and their remedies, by the code of AWS |
//! | [`commands`] | the AWS CLI commands that errors and alerts name |
//! | [`functions`] | the functions: their names, document keys, time limits, errors and paces |
//! | [`settings`] | a database's settings as read from RDS, carried in the state document |
//! | [`wait`] | the goals of waits, the checks of these goals, and the polling |
//! | [`rds`] | looking databases and snapshots up by resource id or name; the claim; tags |
//! | [`restored`] | the restored database beside its original |
//! | [`clock`] | wall-clock time that follows Tokio's clock |
//! | [`clients`] | AWS clients, lean and with time-outs |
//! | [`reach`] | connect errors and their likely causes |
//! | [`transport`] | HTTP and TLS, with a time limit for the connection |
//! | [`trust`] | the trusted certificate authorities |
//! | [`lambda`] | the entry point of a function |
//!
//! Only [`clients`], [`lambda`] and a function's main read the environment.

pub mod causes;
pub mod claim;
pub mod clients;
pub mod clock;
pub mod commands;
pub mod document;
pub mod error;
pub mod functions;
pub mod identifiers;
pub mod input;
pub mod lambda;
pub mod rds;
pub mod reach;
pub mod restored;
pub mod settings;
pub mod source;
pub mod tags;
pub mod transport;
pub mod trust;
pub mod wait;

pub use error::{Error, ErrorKind, Result};
