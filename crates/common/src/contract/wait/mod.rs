//! Waiting: the goal of a step ([`Goal`]), and the checks of goals (pure tables in [`acceptor`]).
//! The polling in the runtime reads until the goal is met, the function's time is up, or the run's deadline has passed.
//!
//! The status-waiter reads RDS; nothing here makes a call.

pub mod acceptor;

use serde::{Deserialize, Serialize};

use crate::identifiers::{DatabaseIdentifier, SnapshotIdentifier};
use crate::timestamp::Timestamp;

/// The condition that has to be true before a run continues.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "goal", rename_all = "camelCase", rename_all_fields = "camelCase")]
pub enum Goal {
    /// The database answers under this name and is available with nothing pending, as are these members.
    Available {
        identifier: DatabaseIdentifier,
        /// The resource id that the database must have; absent for a database that was only just requested.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        resource_id: Option<String>,
        /// Members of an Aurora cluster that have to be available as well.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        members: Vec<MemberGoal>,
    },
    /// The database answers, under any name, in a lasting status and with no rename under way.
    Settled {
        resource_id: String,
        /// Whether a deleted database is settled as well.
        #[serde(default)]
        may_be_gone: bool,
    },
    /// A database that did not answer is at rest under some name, or it is deleted. Deleted means: without an answer for
    /// longer than a rename hides a database.
    FoundAgain {
        resource_id: String,
        /// The end of the wait, even if RDS still works on the database.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        until: Option<Timestamp>,
    },
    /// As [`Goal::FoundAgain`], and RDS has finished its work on the storage, during which it takes no final snapshot.
    StorageWorkEnded { resource_id: String, until: Timestamp },
    /// As [`Goal::Settled`], for cluster members, any of which may be deleted.
    MembersSettled { resource_ids: Vec<String> },
    /// No database has any of these resource ids any longer. Their deletion has begun.
    Gone { resource_ids: Vec<String> },
    /// No cluster member has any of these resource ids any longer, while the cluster still exists.
    MembersGone { resource_ids: Vec<String> },
    /// The snapshot of this name is available.
    SnapshotAvailable { identifier: SnapshotIdentifier },
    /// No snapshot has this name any longer.
    SnapshotGone { identifier: SnapshotIdentifier },
}

impl Goal {
    /// The end of the wait for a database that RDS still works on.
    pub const fn until(&self) -> Option<Timestamp> {
        match self {
            Self::FoundAgain { until, .. } => *until,
            Self::StorageWorkEnded { until, .. } => Some(*until),
            _ => None,
        }
    }
}

/// A cluster member that has to be available under a name.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct MemberGoal {
    pub identifier: DatabaseIdentifier,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resource_id: Option<String>,
}
