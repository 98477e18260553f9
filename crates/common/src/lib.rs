//! The code that all Trapheus functions share, without the parts that only one function needs.
//!
//! | folder | module | owns |
//! |---|---|---|
//! | `contract` | [`identifiers`] | RDS's rules for names, and the names that a run derives from the user's |
//! | | [`input`] | the input of an execution, checked |
//! | | [`document`] | the state document, and each task's input and output |
//! | | [`error`] | the error names that the state machine matches |
//! | | [`causes`] | known causes of failures and their remedies, by the code of AWS |
//! | | [`commands`] | the AWS CLI commands that errors and alerts name |
//! | | [`functions`] | the functions: their names, document keys, time limits, errors and intervals |
//! | | [`settings`] | a database's settings, and one table of what each of them needs |
//! | | [`source`] | the pinned backup, and its difference from a snapshot of the same name |
//! | | [`timestamp`] | the moments of the state document |
//! | | [`wait`] | the goals of a wait, and when each is met |
//! | `runtime` | [`lambda`] | the entry point of a function |
//! | | [`clients`] | AWS clients, with time limits, retries and proxies |
//! | | [`connect_error`] | connections that cannot be made, with advice |
//! | | [`trust`] | the certificate authorities of a connection |
//! | | [`clock`] | wall-clock time that follows Tokio's clock |
//! | | [`poll`] | the polling of a wait |
//! | `rds` | [`rds`] | one view of a database, reads by resource id or name, and the calls that change it |
//! | | [`claim`] | the claim on a database, and the proofs that a database is the run's own |
//! | | [`tags`] | the tags of a claim, and the user's tags |
//! | | [`restored`] | the restored database beside its original |
//!
//! `rds` knows `runtime` and `contract`, `runtime` knows `contract`, and `contract` knows no client of AWS; a test holds these
//! directions. Only [`clients`], [`lambda`] and a function's main read the environment.

mod contract;
pub mod rds;
mod runtime;

pub use contract::error::{Error, ErrorKind, Result};
pub use contract::{
    arn, causes, commands, document, error, functions, identifiers, input, settings, source, source_request, timestamp,
    wait,
};
pub use rds::{claim, restored, tags};
pub use runtime::{AwsFailure, clients, clock, connect_error, lambda, poll, trust};
