//! Reads a DB instance, a cluster's member, or a DB snapshot.

use aws_sdk_rds::Client;
use aws_sdk_rds::types::DbInstance;
use trapheus_common::document::{WaitEvent, WaitOutput};
use trapheus_common::identifiers::DatabaseKind;
use trapheus_common::lambda::Invocation;
use trapheus_common::poll::{Look, PollPolicy};
use trapheus_common::rds::{self, Database};
use trapheus_common::wait::Goal;
use trapheus_common::wait::acceptor::{Backoff, Verdict};
use trapheus_common::{Error, Result};

use crate::{
    both, look_for_available, look_for_found_again, look_for_gone, look_for_settled, look_for_snapshot,
    look_for_snapshot_gone, look_for_storage_work,
};

/// Waits for the goal of a step on a DB instance.
pub async fn wait(rds: &Client, policy: PollPolicy, event: WaitEvent, invocation: Invocation) -> Result<WaitOutput> {
    crate::wait(async |goal| look(rds, goal).await, policy, event, invocation).await
}

async fn look(rds: &Client, goal: &Goal) -> Result<Look> {
    match goal {
        Goal::Available { identifier, resource_id, members: _ } => {
            look_for_instance(rds, identifier.as_str(), resource_id.as_deref()).await
        }
        Goal::Settled { resource_id, may_be_gone } => {
            let instance = rds::instance_by_resource_id(rds, resource_id).await?;
            Ok(look_for_settled(
                DatabaseKind::Instance,
                resource_id,
                *may_be_gone,
                instance.as_ref().map(Database::sighting).as_ref(),
            ))
        }
        Goal::FoundAgain { resource_id, until: _ } => {
            let instance = rds::instance_by_resource_id(rds, resource_id).await?;
            let seen = instance.as_ref().map(Database::sighting);
            Ok(look_for_found_again(DatabaseKind::Instance, resource_id, seen.as_ref()))
        }
        Goal::StorageWorkEnded { resource_id, until: _ } => {
            let instance = rds::instance_by_resource_id(rds, resource_id).await?;
            let seen = instance.as_ref().map(Database::sighting);
            Ok(look_for_storage_work(DatabaseKind::Instance, resource_id, seen.as_ref()))
        }
        Goal::Gone { resource_ids } => look_for_instances_gone(rds, resource_ids).await,
        Goal::SnapshotAvailable { identifier } => {
            let snapshot = rds::snapshot(rds, identifier.as_str()).await?;
            Ok(look_for_snapshot(identifier.as_str(), snapshot.as_ref().and_then(|s| s.status())))
        }
        Goal::SnapshotGone { identifier } => {
            let snapshot = rds::snapshot(rds, identifier.as_str()).await?;
            Ok(look_for_snapshot_gone(identifier.as_str(), snapshot.as_ref().and_then(|s| s.status())))
        }
        Goal::MembersSettled { .. } | Goal::MembersGone { .. } => {
            Err(Error::internal("a DB instance has no members to wait for"))
        }
    }
}

/// Reads by resource id if it is known, because another database may have the name by now.
pub(crate) async fn look_for_instance(rds: &Client, wanted: &str, resource_id: Option<&str>) -> Result<Look> {
    let instance = match resource_id {
        Some(resource_id) => rds::instance_by_resource_id(rds, resource_id).await?,
        None => rds::instance(rds, wanted).await?,
    };
    Ok(look_at_instance(wanted, instance.as_ref()))
}

pub(crate) fn look_at_instance(wanted: &str, instance: Option<&DbInstance>) -> Look {
    look_for_available(DatabaseKind::Instance, wanted, instance.map(Database::sighting).as_ref())
}

/// Reads members that have to be settled, or deleted: the waiting step reads them again.
pub(crate) async fn look_for_instances_settled(rds: &Client, resource_ids: &[String]) -> Result<Look> {
    let instances = all_of(rds, resource_ids).await?;
    let mut so_far = Look { verdict: Verdict::Complete, seen: String::new(), absent: false, backoff: Backoff::Short };
    for resource_id in resource_ids {
        let seen = rds::with_resource_id(&instances, resource_id).map(Database::sighting);
        so_far = both(so_far, look_for_settled(DatabaseKind::Instance, resource_id, true, seen.as_ref()));
    }
    Ok(so_far)
}

pub(crate) async fn look_for_instances_gone(rds: &Client, resource_ids: &[String]) -> Result<Look> {
    let instances = all_of(rds, resource_ids).await?;
    let seen: Vec<_> = resource_ids
        .iter()
        .map(|id| (id.as_str(), rds::with_resource_id(&instances, id).map(Database::sighting)))
        .collect();
    Ok(look_for_gone(&seen))
}

async fn all_of(rds: &Client, resource_ids: &[String]) -> Result<Vec<DbInstance>> {
    let resource_ids: Vec<&str> = resource_ids.iter().map(String::as_str).collect();
    rds::instances_by_resource_ids(rds, &resource_ids).await
}
