//! Reads the request and the world before any change, and refuses a run that cannot succeed.
//!
//! | module | owns |
//! |---|---|
//! | [`instance`], [`cluster`] | reading RDS, and the plan's `original` |
//! | `world` | the facts that preflight has read and that its checks need |
//! | `checks` | the decisions: pure functions from a request and a world to problems |
//! | `scope` | the databases that the deployment lets a run change |
//! | `fit` | settings that RDS would not take for a new database |
//! | `advisory` | look-ups whose failure refuses nothing: certificates, engine versions, integrations |
//! | `offers` | whether AWS still offers the classes and storage of a restore |
//! | `quotas` | whether the account has room for a second database |
//! | `advice` | the AWS CLI commands in a refusal |
//!
//! Preflight changes nothing in AWS. Every refusal lists all problems, not only the first. The claim step checks whether
//! another execution works on the database.

mod advice;
mod advisory;
mod checks;
pub mod cluster;
mod fit;
pub mod instance;
mod offers;
mod quotas;
mod read;
pub mod scope;
mod wait;
mod world;
