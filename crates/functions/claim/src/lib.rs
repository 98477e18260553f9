//! Claims a database for one execution, and releases the claim.
//!
//! | module | owns |
//! |---|---|
//! | [`instance`], [`cluster`] | claim and release of a DB instance, of a DB cluster with its members |
//! | `contest` | which execution may claim, and whether its claim has held |
//! | `lift` | the removal of all tags of this execution, and of no other |
//!
//! RDS has no conditional write, so the step writes the claim, waits, and reads it again. If two executions write at the
//! same time, the last claim remains. The other execution finds it and gives way. Every step that makes a change checks the
//! claim again (`trapheus_common::claim`).

pub mod cluster;
mod contest;
pub mod instance;
mod lift;
