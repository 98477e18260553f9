//! Restores a DB instance in one call, with all the original's settings that the call takes.

use aws_sdk_rds::Client;
use aws_sdk_rds::types::{DbInstance, DbSnapshot};
use trapheus_common::claim::{self, Claim, Lookup};
use trapheus_common::document::{OriginalInstance, Request, RestoreEvent, StepOutput, TaskName};
use trapheus_common::identifiers::DatabaseIdentifier;
use trapheus_common::settings::{InstanceSettings, SettingCall, Settings};
use trapheus_common::source::Seen;
use trapheus_common::tags::{self, Role, Tags};
use trapheus_common::wait::Goal;
use trapheus_common::{Error, ErrorKind, Result, rds};

use crate::{calls, check_original, pinned, refused, restored_by_us, unchanged};

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
    let tags = tags::of_the_user(claimed.tag_list());
    let pinned = pinned(plan)?;
    let restored = match restored_by_us(KIND, instances.at(identifier), &event, identifier)? {
        Some(found) => found.clone(),
        // Boxed, because the call has room for some forty parameters.
        None => match Box::pin(ask_for_it(rds, &event, identifier, &tags)).await {
            Ok(answer) => answer,
            // If the instance exists all the same, the answer to its creation was lost.
            Err(failure) => {
                let found = claim::created(rds, identifier.as_str(), &request.execution).await?;
                restored_by_us(KIND, found.as_ref(), &event, identifier)?.cloned().ok_or(failure)?
            }
        },
    };
    claim::complete(rds, &restored, &request.execution).await?;
    unchanged(KIND, identifier.as_str(), pinned, &snapshot_now(rds, request).await?)?;
    Ok(StepOutput::done(TaskName::Restore, identifier).waiting_for(Goal::Available {
        identifier: identifier.clone(),
        resource_id: restored.dbi_resource_id,
        members: Vec::new(),
    }))
}

/// The identity of the snapshot under this name, if there is one.
async fn snapshot_now(rds: &Client, request: &Request) -> Result<Seen> {
    let found = rds::snapshot(rds, request.snapshot_identifier.as_str()).await?;
    Ok(Seen::of(found.as_ref(), rds::source::of_snapshot))
}

async fn ask_for_it(
    rds: &Client,
    event: &RestoreEvent<OriginalInstance>,
    identifier: &DatabaseIdentifier,
    tags: &Tags,
) -> Result<DbInstance> {
    let RestoreEvent { request, plan, .. } = event;
    let original = &plan.original;
    let (identifier, snapshot_identifier) = (identifier.as_str(), request.snapshot_identifier.as_str());
    let snapshot = rds::snapshot(rds, snapshot_identifier).await?.ok_or_else(|| {
        Error::new(KIND, identifier, format!("cannot restore: the DB snapshot {snapshot_identifier} does not exist"))
    })?;
    // The check is right before the call, because a name does not identify a snapshot.
    unchanged(KIND, identifier, pinned(plan)?, &Seen::of(Some(&snapshot), rds::source::of_snapshot))?;
    let call = rds
        .restore_db_instance_from_db_snapshot()
        .db_instance_identifier(identifier)
        .db_snapshot_identifier(snapshot_identifier)
        .deletion_protection(false)
        .set_tags(Some(tags::with_mark(tags, &request.execution, Role::Restored)));
    match calls::restore_instance(call, to_send(original, &snapshot)).send().await {
        Ok(answer) => Ok(answer.db_instance.unwrap_or_else(|| DbInstance::builder().build())),
        Err(error) => {
            Err(refused(KIND, identifier, &format!("cannot restore from the snapshot {snapshot_identifier}"), &error))
        }
    }
}

/// The original's settings for the call. All figures fit the size that RDS gives the restored database.
fn to_send(original: &OriginalInstance, snapshot: &DbSnapshot) -> InstanceSettings {
    let (engine, has) = (original.engine.as_str(), snapshot.allocated_storage());
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
            tags: tags::digest(&Tags::new()),
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
            let snapshot = DbSnapshot::builder().allocated_storage(snapshot_gib).build();
            let sent = to_send(&original(engine, original_gib), &snapshot);
            assert_eq!((sent.allocated_storage, sent.iops), (storage, iops), "{engine} {original_gib} {snapshot_gib}");
        }
    }
}
