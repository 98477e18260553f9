//! Reads the request and the world before anything is touched, and refuses what cannot succeed.
//!
//! | module | owns |
//! |---|---|
//! | [`instance`], [`cluster`] | reading RDS, and the plan's `original` |
//! | `world` | what was read, reduced to what decides |
//! | `checks` | the decisions: pure functions from a request and a world to problems |
//! | `scope` | which databases the deployment lets a run change |
//! | `fit` | settings that RDS would not take for a new database |
//! | `advisory` | look-ups that refuse nothing where they fail: certificates, engine versions, integrations |
//! | `offers` | whether AWS still offers what a restore will ask for |
//! | `quotas` | whether the account has room for a second database |
//! | `advice` | the AWS CLI commands a refusal names |
//!
//! Nothing here changes anything in AWS. Every refusal lists all problems that were found, not the first one. Whether
//! another execution works on the database is not asked here: that is the claim's business.

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
