//! Sets the settings that a restore cannot set, compares the result with the original, and protects it.
//!
//! | module | owns |
//! |---|---|
//! | [`instance`] | the three steps for a DB instance: `configure`, `verify`, `protect` |
//! | [`cluster`] | the same for a DB cluster and the members of an Aurora cluster |
//! | `changes` | the changes to request: the pure comparison |
//! | `calls` | the parameters of settings in the calls that modify, and the meaning of refusals |
//! | `findings` | the differences, by their weight |
//! | `database` | the common part of both kinds: whether a database accepts changes, protection, parameter groups |
//! | `user_tags` | the user's tags, which become the original's |
//!
//! One table in [`trapheus_common::settings`] lists the settings, the calls that take them, and the weight of a difference.
//!
//! `configure` requests each setting once. It does not check that RDS shows the requested value in the same words, which
//! might never end. `verify` finds the remaining differences: it fails for essential ones and lists the others.

mod calls;
mod changes;
pub mod cluster;
mod database;
mod findings;
pub mod instance;
mod user_tags;

use trapheus_common::ErrorKind;

/// The error kind of `configure` and `protect`.
const KIND: ErrorKind = ErrorKind::Settings;
