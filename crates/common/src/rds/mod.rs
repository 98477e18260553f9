//! RDS as the functions read and change it.
//!
//! | module | owns |
//! |---|---|
//! | `lookup` | databases and snapshots, by resource id or name |
//! | [`Database`] | the one view of a DB instance and a DB cluster |
//! | [`Changes`] | the calls that rename, protect and delete one, and why RDS refuses them |
//! | [`claim`], [`tags`], [`restored`] | the claim and its tags, and the restored database beside its original |
//! | `settings`, [`source`] | settings and snapshots as RDS reports them |

mod changes;
pub mod claim;
mod database;
mod lookup;
pub mod restored;
mod settings;
pub mod source;
pub mod tags;

pub use changes::{Change, Changed, Changes, Deletion, Doing, Refusal, Refused};
pub use database::Database;
pub use lookup::*;
