//! Claims a database for one execution, and releases the claim.
//!
//! | module | owns |
//! |---|---|
//! | [`instance`], [`cluster`] | claim and release of a DB instance, of a DB cluster with its members |
//! | `acquire` | which execution may claim, and whether its claim has held |
//! | `release` | the removal of all tags of this execution, and of no other |
//!
//! RDS has no conditional write, so the step writes the claim, waits, and reads it again. If two executions write at the
//! same time, the last claim remains. The other execution finds it and gives way. Every step that makes a change checks the
//! claim again (`trapheus_common::claim`).

mod acquire;
pub mod cluster;
pub mod instance;
mod release;
