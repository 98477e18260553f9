//! Reads the request and RDS before any change, and refuses a run that cannot succeed.
//!
//! | module | owns |
//! |---|---|
//! | [`instance`], [`cluster`] | reading RDS, and the plan's `original` |
//! | `facts` | the facts that preflight has read and that its checks need |
//! | `checks` | the decisions: pure functions from a request and the facts to problems |
//! | `backup` | the backup that the input chooses |
//! | [`dry_run`] | the answer: a plan, or the report of a dry run |
//! | `scope` | the databases that the deployment lets a run change |
//! | `fit` | settings that RDS would not take for a new database |
//! | `advisory` | look-ups whose failure refuses nothing: certificates, engine versions, integrations |
//! | `orderable` | the orderable options: whether AWS still offers the classes and storage of a restore |
//! | `quotas` | whether the account has room for a second database |
//! | `cli_advice` | the remedies in a refusal, mostly AWS CLI commands |
//!
//! Preflight changes nothing in AWS. Every refusal lists all problems, not only the first. The claim step checks whether
//! another execution works on the database.

mod advisory;
mod answers;
mod backup;
mod checks;
mod cli_advice;
pub mod cluster;
pub mod dry_run;
mod facts;
mod fit;
#[cfg(test)]
mod fixtures;
pub mod instance;
mod orderable;
mod problem;
mod quotas;
mod read;
pub mod scope;
mod wait;
