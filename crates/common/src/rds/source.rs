//! The pinned backup as RDS reports it: the identity of a snapshot, and the snapshot of a plan as it is now.

use aws_sdk_rds::Client;
use aws_sdk_rds::primitives::DateTime;
use aws_sdk_rds::types::{DbClusterSnapshot, DbSnapshot};

use crate::document::{Source, SourceKind};
use crate::error::Result;
use crate::rds::lookup;
use crate::source::Seen;
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
        engine_version: snapshot.engine_version().map(str::to_owned),
        allocated_gib: None,
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
        engine_version: snapshot.engine_version().map(str::to_owned),
        allocated_gib: None,
    })
}

fn time(time: Option<&DateTime>) -> Option<Timestamp> {
    u64::try_from(time?.secs()).ok().map(Timestamp::from_epoch_seconds)
}

/// The pinned DB snapshot as it is now, looked up as `own`'s account names it; none for a moment.
pub async fn snapshot_now(rds: &Client, pinned: &Source, own: &str) -> Result<Option<DbSnapshot>> {
    match pinned.snapshot_for_calls(own) {
        Some(arn) if arn.starts_with("arn:") => lookup::shared_snapshot(rds, arn).await,
        Some(name) => lookup::snapshot(rds, name).await,
        None => Ok(None),
    }
}

/// The pinned DB cluster snapshot as it is now, looked up as `own`'s account names it; none for a moment or a clone.
pub async fn cluster_snapshot_now(rds: &Client, pinned: &Source, own: &str) -> Result<Option<DbClusterSnapshot>> {
    match pinned.snapshot_for_calls(own) {
        Some(arn) if arn.starts_with("arn:") => lookup::shared_cluster_snapshot(rds, arn).await,
        Some(name) => lookup::cluster_snapshot(rds, name).await,
        None => Ok(None),
    }
}

/// The identity of the present snapshot beside the pinned one. A moment and a clone cannot be replaced, so they are what
/// was pinned.
pub fn seen_beside<T>(pinned: &Source, found: Option<&T>, pin: fn(&T) -> Option<Source>) -> Seen {
    match pinned.kind {
        SourceKind::Snapshot => Seen::of(found, pin),
        SourceKind::PointInTime | SourceKind::Clone => Seen::Pinned(pinned.clone()),
    }
}
