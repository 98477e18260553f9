//! Carries over what a restore cannot set, compares the result with the original, and protects it.
//!
//! | module | owns |
//! |---|---|
//! | [`instance`] | the three steps for a DB instance: `configure`, `verify`, `protect` |
//! | [`cluster`] | the same for a DB cluster and the members of an Aurora cluster |
//! | `changes` | what has to be asked for: the pure comparison |
//! | `calls` | how a setting is spelled in the calls that modify, and what their refusal means |
//! | `findings` | what the comparison found, sorted by what it matters |
//! | `upkeep` | what both kinds have in common: whether it can be worked on, tags, parameter groups |
//!
//! Which settings there are, which call takes them and how much a difference matters is one table, in
//! [`trapheus_common::settings`].
//!
//! A setting is asked for once: `configure` does not come back to look whether RDS shows it in the very words it was
//! asked for, or it might go on for ever. Whatever differs in the end is found by `verify`, which fails for what is
//! essential and lists the rest.

mod calls;
mod changes;
pub mod cluster;
mod findings;
pub mod instance;
mod upkeep;

use trapheus_common::ErrorKind;

/// What `configure` and `protect` fail with.
const KIND: ErrorKind = ErrorKind::Settings;
