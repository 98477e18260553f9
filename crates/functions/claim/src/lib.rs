//! Marks a database as worked on by one execution, and lifts the mark again.
//!
//! | module | owns |
//! |---|---|
//! | [`instance`], [`cluster`] | claim and release of a DB instance, of a DB cluster with its members |
//! | `contest` | who may claim, and whether the claim has held |
//! | `lift` | removing marks: all that are this execution's, and no other |
//!
//! RDS has no conditional write, so a claim is written, left alone for a moment, and read again: of two executions that
//! write at the same time the last one's mark remains, and the other finds it and gives way. Every step that changes
//! anything checks the mark again (`trapheus_common::claim`).

pub mod cluster;
mod contest;
pub mod instance;
mod lift;
