//! Restores a DB instance in one call, from a snapshot or to a moment, with all the original's settings that the call takes.

use aws_sdk_rds::Client;
use aws_sdk_rds::types::{DbInstance, DbSnapshot};
use trapheus_common::document::{OriginalInstance, RestoreEvent, Source, SourceKind, StepOutput, TaskName};
use trapheus_common::settings::{InstanceSettings, SettingCall, Settings};
use trapheus_common::wait::Goal;
use trapheus_common::{Error, ErrorKind, Result, rds};

use crate::{Restores, Wanted, calls, moment, requested};

/// Restores the instance, unless its restore is under way.
pub async fn restore(rds: &Client, event: RestoreEvent<OriginalInstance>) -> Result<StepOutput> {
    let identifier = event.plan.names.database.of(event.to)?;
    let restored: DbInstance = requested(rds, &event, identifier).await?;
    Ok(StepOutput::done(TaskName::Restore, identifier).waiting_for(Goal::Available {
        identifier: identifier.clone(),
        resource_id: restored.dbi_resource_id,
        members: Vec::new(),
    }))
}

impl Restores for DbInstance {
    type Original = OriginalInstance;
    type Snapshot = DbSnapshot;
    const ERROR: ErrorKind = ErrorKind::InstanceRestore;

    async fn snapshot_now(rds: &Client, pinned: &Source, own: &str) -> Result<Option<DbSnapshot>> {
        rds::source::snapshot_now(rds, pinned, own).await
    }

    fn pin(snapshot: &DbSnapshot) -> Option<Source> {
        rds::source::of_snapshot(snapshot)
    }

    async fn from_snapshot(rds: &Client, wanted: Wanted<'_, OriginalInstance>, snapshot: &DbSnapshot) -> Result<Self> {
        let call = rds
            .restore_db_instance_from_db_snapshot()
            .db_instance_identifier(wanted.identifier)
            .set_db_snapshot_identifier(wanted.snapshot())
            .deletion_protection(false)
            .set_tags(Some(wanted.tags));
        let settings = to_send(wanted.original, snapshot.allocated_storage());
        let answer = calls::restore_instance(call, settings).send().await;
        answer.map(|answer| answer.db_instance.unwrap_or_else(nothing)).map_err(|error| wanted.subject.refused(&error))
    }

    /// The resource id names the source, because the run has renamed the original, and the name may pass to another
    /// database.
    async fn to_moment(rds: &Client, wanted: Wanted<'_, OriginalInstance>) -> Result<Self> {
        if wanted.pinned.kind == SourceKind::Clone {
            return Err(Error::internal("RDS clones no DB instance"));
        }
        let call = rds
            .restore_db_instance_to_point_in_time()
            .target_db_instance_identifier(wanted.identifier)
            .source_dbi_resource_id(wanted.pinned.resource_id_for_calls()?)
            .restore_time(moment(wanted.pinned))
            .deletion_protection(false)
            .set_tags(Some(wanted.tags));
        let settings = to_send_for_moment(wanted.original, wanted.pinned.allocated_gib);
        let answer = calls::restore_instance_to_moment(call, settings).send().await;
        answer.map(|answer| answer.db_instance.unwrap_or_else(nothing)).map_err(|error| wanted.subject.refused(&error))
    }
}

fn nothing() -> DbInstance {
    DbInstance::builder().build()
}

/// The original's settings for the call. All figures fit the size that RDS gives the restored database. `has` is the size of
/// the backup.
fn to_send(original: &OriginalInstance, has: Option<i32>) -> InstanceSettings {
    let engine = original.engine.as_str();
    // Storage never shrinks, so the call names a size only if the original has grown since the snapshot. An engine that
    // takes no size here is restored with the snapshot's size.
    let wanted = original.settings.allocated_storage.max(has);
    let takes_size = original.settings.taken_by(SettingCall::Restore, engine).allocated_storage.is_some();
    let size = if takes_size { wanted } else { has.or(wanted) };
    let mut taken = original.settings.of_size(size, engine).taken_by(SettingCall::Restore, engine);
    if size <= has {
        taken.allocated_storage = None;
    }
    taken
}

/// As [`to_send`], with the size wherever the engine takes one: RDS does not report the size at the moment.
fn to_send_for_moment(original: &OriginalInstance, has: Option<i32>) -> InstanceSettings {
    let mut sent = to_send(original, has);
    let takes_size = original.settings.taken_by(SettingCall::Restore, &original.engine).allocated_storage.is_some();
    if takes_size {
        sent.allocated_storage = original.settings.allocated_storage.max(has);
    }
    sent
}

#[cfg(test)]
mod tests {
    use trapheus_common::tags;

    use super::*;

    fn original(engine: &str, allocated_gib: i32) -> OriginalInstance {
        OriginalInstance {
            resource_id: "db-1".into(),
            engine: engine.into(),
            engine_version: "1".into(),
            tags: tags::digest(&tags::Tags::new()),
            settings: InstanceSettings {
                storage_type: Some("gp3".into()),
                allocated_storage: Some(allocated_gib),
                iops: Some(12_000),
                ..InstanceSettings::default()
            },
            not_carried_over: Vec::new(),
        }
    }

    #[test]
    fn a_moment_is_restored_with_the_present_size_if_the_engine_takes_one() {
        for (engine, original_gib, source_gib, storage) in [
            ("postgres", 500, 500, Some(500)),
            ("postgres", 100, 500, Some(500)),
            ("postgres", 500, 100, Some(500)),
            ("sqlserver-se", 500, 500, None),
        ] {
            let sent = to_send_for_moment(&original(engine, original_gib), Some(source_gib));
            assert_eq!(sent.allocated_storage, storage, "{engine} {original_gib} {source_gib}");
        }
    }

    #[test]
    fn storage_added_since_the_snapshot_is_requested_with_its_iops() {
        for (engine, original_gib, snapshot_gib, storage, iops) in [
            ("postgres", 500, 500, None, Some(12_000)),
            ("postgres", 500, 100, Some(500), Some(12_000)),
            ("postgres", 100, 500, None, Some(12_000)),
            ("postgres", 100, 100, None, None),
            ("sqlserver-se", 500, 100, None, Some(12_000)),
            ("sqlserver-se", 500, 20, None, Some(10_000)),
            ("sqlserver-se", 20, 500, None, Some(12_000)),
            ("oracle-se2", 100, 199, None, None),
            ("oracle-se2", 100, 200, None, Some(12_000)),
        ] {
            let sent = to_send(&original(engine, original_gib), Some(snapshot_gib));
            assert_eq!((sent.allocated_storage, sent.iops), (storage, iops), "{engine} {original_gib} {snapshot_gib}");
        }
    }
}
