//! Looking at a DB cluster with its members, or a DB cluster snapshot.
//!
//! A cluster's `available` says nothing about its members, so a cluster is ready when they are.

use std::cell::Cell;

use aws_sdk_rds::Client;
use aws_sdk_rds::types::DbCluster;
use trapheus_common::document::{WaitEvent, WaitOutput};
use trapheus_common::identifiers::DatabaseKind;
use trapheus_common::lambda::Invocation;
use trapheus_common::wait::acceptor::{Outlook, Sighting, Verdict};
use trapheus_common::wait::poll::{Look, Pace};
use trapheus_common::wait::{Goal, MemberGoal};
use trapheus_common::{Result, rds};

use crate::instance::{look_at_instance, look_for_instances_gone, look_for_instances_settled};
use crate::{both, look_for_available, look_for_gone, look_for_settled, look_for_snapshot, look_for_snapshot_gone};

/// Waits for what a step on a DB cluster has set going.
pub async fn wait(rds: &Client, pace: Pace, event: WaitEvent, invocation: Invocation) -> Result<WaitOutput> {
    let turn = Turn::default();
    crate::wait(async |goal| look(rds, goal, &turn).await, pace, event, invocation).await
}

async fn look(rds: &Client, goal: &Goal, turn: &Turn) -> Result<Look> {
    match goal {
        Goal::Available { identifier, resource_id, members } => {
            turn.look(rds, identifier.as_str(), resource_id.as_deref(), members).await
        }
        Goal::Settled { resource_id, may_be_gone } => {
            let cluster = rds::cluster_by_resource_id(rds, resource_id).await?;
            Ok(look_for_settled(
                DatabaseKind::Cluster,
                resource_id,
                *may_be_gone,
                cluster.as_ref().map(sighting).as_ref(),
            ))
        }
        Goal::MembersSettled { resource_ids } => look_for_instances_settled(rds, resource_ids).await,
        Goal::Gone { resource_ids } => look_for_clusters_gone(rds, resource_ids).await,
        Goal::MembersGone { resource_ids } => look_for_instances_gone(rds, resource_ids).await,
        Goal::SnapshotAvailable { identifier } => {
            let snapshot = rds::cluster_snapshot(rds, identifier.as_str()).await?;
            Ok(look_for_snapshot(identifier.as_str(), snapshot.as_ref().and_then(|s| s.status())))
        }
        Goal::SnapshotGone { identifier } => {
            let snapshot = rds::cluster_snapshot(rds, identifier.as_str()).await?;
            Ok(look_for_snapshot_gone(identifier.as_str(), snapshot.as_ref().and_then(|s| s.status())))
        }
    }
}

/// A cluster that has to be available with members that have to be.
///
/// RDS tells of clusters and of instances in two calls. While one of the two has still to come, only that one is asked for,
/// and now and then both.
#[derive(Default)]
struct Turn {
    looks: Cell<u32>,
    members_first: Cell<bool>,
}

impl Turn {
    /// Every so many looks both are asked for: the other may have failed meanwhile.
    const BOTH: u32 = 10;

    async fn look(
        &self,
        rds: &Client,
        wanted: &str,
        resource_id: Option<&str>,
        members: &[MemberGoal],
    ) -> Result<Look> {
        let looks = self.looks.replace(self.looks.get() + 1);
        if members.is_empty() {
            return look_for_cluster(rds, wanted, resource_id).await;
        }
        let is_enough = |look: &Look| look.verdict != Verdict::Complete && !looks.is_multiple_of(Self::BOTH);
        let (first, second) = if self.members_first.get() {
            let members = look_for_members(rds, members).await?;
            if is_enough(&members) {
                return Ok(members);
            }
            (look_for_cluster(rds, wanted, resource_id).await?, members)
        } else {
            let cluster = look_for_cluster(rds, wanted, resource_id).await?;
            if is_enough(&cluster) {
                return Ok(cluster);
            }
            (cluster, look_for_members(rds, members).await?)
        };
        self.members_first.set(first.verdict == Verdict::Complete);
        Ok(both(first, second))
    }
}

async fn look_for_cluster(rds: &Client, wanted: &str, resource_id: Option<&str>) -> Result<Look> {
    let cluster = match resource_id {
        Some(resource_id) => rds::cluster_by_resource_id(rds, resource_id).await?,
        None => rds::cluster(rds, wanted).await?,
    };
    Ok(look_for_available(DatabaseKind::Cluster, wanted, cluster.as_ref().map(sighting).as_ref()))
}

/// By resource id where they are known, because a name may be another database's by now.
async fn look_for_members(rds: &Client, members: &[MemberGoal]) -> Result<Look> {
    let ids: Vec<&str> = members.iter().filter_map(|member| member.resource_id.as_deref()).collect();
    let names = members.iter().filter(|member| member.resource_id.is_none());
    let names: Vec<&str> = names.map(|member| member.identifier.as_str()).collect();
    let mut instances = rds::instances_by_resource_ids(rds, &ids).await?;
    instances.extend(rds::instances_named(rds, &names).await?);
    let mut so_far = Look { verdict: Verdict::Complete, seen: String::new(), absent: false, outlook: Outlook::Ending };
    for member in members {
        let wanted = member.identifier.as_str();
        let seen = instances.iter().find(|instance| match &member.resource_id {
            Some(resource_id) => instance.dbi_resource_id() == Some(resource_id),
            None => instance.db_instance_identifier() == Some(wanted),
        });
        so_far = both(so_far, look_at_instance(wanted, seen));
    }
    Ok(so_far)
}

async fn look_for_clusters_gone(rds: &Client, resource_ids: &[String]) -> Result<Look> {
    let mut seen = Vec::with_capacity(resource_ids.len());
    for resource_id in resource_ids {
        let cluster = rds::cluster_by_resource_id(rds, resource_id).await?;
        seen.push((resource_id.as_str(), cluster.as_ref().map(sighting)));
    }
    Ok(look_for_gone(&seen))
}

fn sighting(cluster: &DbCluster) -> Sighting {
    Sighting {
        identifier: cluster.db_cluster_identifier().unwrap_or_default().to_owned(),
        status: cluster.status().unwrap_or_default().to_owned(),
        pending_modifications: rds::cluster_has_pending_modifications(cluster),
        pending_rename: cluster.pending_modified_values().is_some_and(|p| p.db_cluster_identifier().is_some()),
    }
}
