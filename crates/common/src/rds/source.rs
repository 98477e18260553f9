//! The identity of a snapshot, as RDS reports it.

use aws_sdk_rds::primitives::DateTime;
use aws_sdk_rds::types::{DbClusterSnapshot, DbSnapshot};

use crate::document::{Source, SourceKind};
use crate::timestamp::Timestamp;

/// The identity of a DB snapshot, as far as RDS reports it.
pub fn of_snapshot(snapshot: &DbSnapshot) -> Option<Source> {
    let taken_at = time(snapshot.snapshot_create_time())?;
    Some(Source {
        kind: SourceKind::Snapshot,
        arn: snapshot.db_snapshot_arn()?.to_owned(),
        created_at: time(snapshot.original_snapshot_create_time()).unwrap_or(taken_at),
        taken_at,
        source_identifier: snapshot.db_instance_identifier().map(str::to_owned),
        source_resource_id: snapshot.dbi_resource_id().map(str::to_owned),
    })
}

/// As [`of_snapshot`], for a DB cluster snapshot. For a copy RDS does not report the time of the original.
pub fn of_cluster_snapshot(snapshot: &DbClusterSnapshot) -> Option<Source> {
    let taken_at = time(snapshot.snapshot_create_time())?;
    Some(Source {
        kind: SourceKind::Snapshot,
        arn: snapshot.db_cluster_snapshot_arn()?.to_owned(),
        created_at: taken_at,
        taken_at,
        source_identifier: snapshot.db_cluster_identifier().map(str::to_owned),
        source_resource_id: snapshot.db_cluster_resource_id().map(str::to_owned),
    })
}

fn time(time: Option<&DateTime>) -> Option<Timestamp> {
    u64::try_from(time?.secs()).ok().map(Timestamp::from_epoch_seconds)
}
