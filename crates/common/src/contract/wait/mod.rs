//! Waiting: what a step waits for ([`Goal`]), whether that is met (pure tables in [`acceptor`]), and the polling
//! ([`poll`]) that asks until it is, the function's time is up, or the run's deadline has passed.
//!
//! Looking at RDS is the status-waiter's business; nothing here makes a call.

pub mod acceptor;

use serde::{Deserialize, Serialize};

use crate::timestamp::Timestamp;
use crate::identifiers::{DatabaseIdentifier, SnapshotIdentifier};

/// What has to be true before a run goes on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "goal", rename_all = "camelCase", rename_all_fields = "camelCase")]
pub enum Goal {
    /// The database answers under this name, is available with nothing pending, and so are these members.
    Available {
        identifier: DatabaseIdentifier,
        /// The id it must have; absent for one that was only just asked for.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        resource_id: Option<String>,
        /// Members of an Aurora cluster that have to be available as well.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        members: Vec<MemberGoal>,
    },
    /// The database answers, under whatever name, in a status that lasts and with no rename under way.
    Settled {
        resource_id: String,
        /// One that is gone is settled as well.
        #[serde(default)]
        may_be_gone: bool,
    },
    /// A database that did not answer is at rest under some name, or it is gone: nothing has answered for longer than a
    /// rename hides a database.
    FoundAgain {
        resource_id: String,
        /// When it is awaited no longer, though RDS still works on it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        until: Option<Timestamp>,
    },
    /// As [`Goal::FoundAgain`], and RDS has ended its work on the storage, during which it takes no final snapshot.
    StorageWorkEnded { resource_id: String, until: Timestamp },
    /// As [`Goal::Settled`], for cluster members, any of which may be gone.
    MembersSettled { resource_ids: Vec<String> },
    /// No database has any of these resource ids any more. Their deletion has begun.
    Gone { resource_ids: Vec<String> },
    /// No cluster member has any of these resource ids any more, while the cluster is still there.
    MembersGone { resource_ids: Vec<String> },
    /// The snapshot of this name is available.
    SnapshotAvailable { identifier: SnapshotIdentifier },
    /// No snapshot has this name any more.
    SnapshotGone { identifier: SnapshotIdentifier },
}

impl Goal {
    /// When a database is awaited no longer that RDS still works on.
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
