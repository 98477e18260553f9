//! Restores a DB instance in one call, from a snapshot or to a moment, with all the original's settings that the call takes.

use aws_sdk_rds::Client;
use aws_sdk_rds::types::{DbInstance, Tag};
use trapheus_common::claim::{self, Claim, Lookup};
use trapheus_common::document::{OriginalInstance, RestoreEvent, Source, SourceKind, StepOutput, TaskName};
use trapheus_common::identifiers::DatabaseIdentifier;
use trapheus_common::settings::{InstanceSettings, SettingCall, Settings};
use trapheus_common::source::Seen;
use trapheus_common::tags::{self, Role};
use trapheus_common::wait::Goal;
use trapheus_common::{Error, ErrorKind, Result, rds};

use crate::{calls, check_original, moment, refused, restored_by_us, unchanged};

const KIND: ErrorKind = ErrorKind::InstanceRestore;

/// Restores the instance, unless its restore is under way.
pub async fn restore(rds: &Client, event: RestoreEvent<OriginalInstance>) -> Result<StepOutput> {
    let RestoreEvent { request, plan, to, .. } = &event;
    let target = &plan.target();
    let identifier = target.names.of(*to)?;
    let instances = Lookup::<DbInstance>::find_beside(rds, target, *to, |restored| {
        restored.is_none_or(|restored| Claim::is_shown_by(restored, &request.execution))
    })
    .await?;
    let claimed = instances.claimed(request, target)?;
    check_original(KIND, &event, claimed.db_instance_identifier())?;
    let pinned = plan.pinned()?;
    let restored = match restored_by_us(KIND, instances.at(identifier), &event, identifier)? {
        Some(found) => found.clone(),
        // Boxed, because the call has room for some forty parameters.
        None => match Box::pin(ask_for_it(rds, &event, identifier, claimed)).await {
            Ok(answer) => answer,
            // If the instance exists all the same, the answer to its creation was lost.
            Err(failure) => {
                let found = claim::created(rds, identifier.as_str(), &request.execution).await?;
                restored_by_us(KIND, found.as_ref(), &event, identifier)?.cloned().ok_or(failure)?
            }
        },
    };
    claim::complete(rds, &restored, &request.execution).await?;
    let own = claimed.db_instance_arn().unwrap_or_default();
    let snapshot = rds::source::snapshot_now(rds, pinned, own).await?;
    let seen = rds::source::seen_beside(pinned, snapshot.as_ref(), rds::source::of_snapshot);
    unchanged(KIND, identifier.as_str(), pinned, &seen)?;
    Ok(StepOutput::done(TaskName::Restore, identifier).waiting_for(Goal::Available {
        identifier: identifier.clone(),
        resource_id: restored.dbi_resource_id,
        members: Vec::new(),
    }))
}

async fn ask_for_it(
    rds: &Client,
    event: &RestoreEvent<OriginalInstance>,
    identifier: &DatabaseIdentifier,
    claimed: &DbInstance,
) -> Result<DbInstance> {
    let RestoreEvent { request, plan, .. } = event;
    let pinned = plan.pinned()?;
    let tags = tags::with_mark(&tags::of_the_user(claimed.tag_list()), &request.execution, Role::Restored);
    match pinned.kind {
        SourceKind::Snapshot => {
            let own = claimed.db_instance_arn().unwrap_or_default();
            from_snapshot(rds, (pinned, own), (identifier, tags), &plan.original).await
        }
        SourceKind::PointInTime => to_moment(rds, pinned, (identifier, tags), &plan.original).await,
        SourceKind::Clone => Err(Error::internal("RDS clones no DB instance")),
    }
}

async fn from_snapshot(
    rds: &Client,
    (pinned, own): (&Source, &str),
    (identifier, tags): (&DatabaseIdentifier, Vec<Tag>),
    original: &OriginalInstance,
) -> Result<DbInstance> {
    let identifier = identifier.as_str();
    let snapshot = rds::source::snapshot_now(rds, pinned, own)
        .await?
        .ok_or_else(|| Error::new(KIND, identifier, format!("cannot restore: {pinned} does not exist")))?;
    // The check is right before the call, because a name does not identify a snapshot.
    unchanged(KIND, identifier, pinned, &Seen::of(Some(&snapshot), rds::source::of_snapshot))?;
    let call = rds
        .restore_db_instance_from_db_snapshot()
        .db_instance_identifier(identifier)
        .set_db_snapshot_identifier(pinned.snapshot_for_calls(own).map(str::to_owned))
        .deletion_protection(false)
        .set_tags(Some(tags));
    match calls::restore_instance(call, to_send(original, snapshot.allocated_storage())).send().await {
        Ok(answer) => Ok(answer.db_instance.unwrap_or_else(|| DbInstance::builder().build())),
        Err(error) => Err(refused(KIND, identifier, &format!("cannot restore from {pinned}"), &error)),
    }
}

/// The resource id names the source, because the run has renamed the original, and the name may pass to another database.
async fn to_moment(
    rds: &Client,
    pinned: &Source,
    (identifier, tags): (&DatabaseIdentifier, Vec<Tag>),
    original: &OriginalInstance,
) -> Result<DbInstance> {
    let call = rds
        .restore_db_instance_to_point_in_time()
        .target_db_instance_identifier(identifier)
        .source_dbi_resource_id(pinned.resource_id_for_calls()?)
        .restore_time(moment(pinned))
        .deletion_protection(false)
        .set_tags(Some(tags));
    match calls::restore_instance_to_moment(call, to_send(original, pinned.allocated_gib)).send().await {
        Ok(answer) => Ok(answer.db_instance.unwrap_or_else(|| DbInstance::builder().build())),
        Err(error) => Err(refused(KIND, identifier.as_str(), &format!("cannot restore {pinned}"), &error)),
    }
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

#[cfg(test)]
mod tests {
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
