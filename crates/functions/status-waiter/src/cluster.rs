//! Reads a DB cluster with its members, or a DB cluster snapshot.
//!
//! A cluster's `available` says nothing about its members, so a cluster is ready when they are.

use std::cell::RefCell;

use aws_sdk_rds::Client;
use aws_sdk_rds::types::DbCluster;
use trapheus_common::Result;
use trapheus_common::document::{ClusterKind, TaskName, WaitEvent, WaitOutput};
use trapheus_common::identifiers::DatabaseKind;
use trapheus_common::lambda::Invocation;
use trapheus_common::poll::{Look, PollPolicy};
use trapheus_common::rds::{self, Database};
use trapheus_common::wait::acceptor::{Backoff, Verdict};
use trapheus_common::wait::{Goal, MemberGoal};

use crate::instance::{look_at_instance, look_for_instances_gone, look_for_instances_settled};
use crate::reads::{Act, Part, Reads};
use crate::{
    both, look_for_available, look_for_found_again, look_for_gone, look_for_settled, look_for_snapshot,
    look_for_snapshot_gone, look_for_storage_work,
};

/// Waits for the goal of a step on a DB cluster.
pub async fn wait(rds: &Client, policy: PollPolicy, event: WaitEvent, invocation: Invocation) -> Result<WaitOutput> {
    let is_restored = matches!(event.task.taskname, TaskName::ClusterRestore | TaskName::Settings);
    let reads = RefCell::new(Reads::new(event.rollback_started_at.is_some()));
    let reads = ClusterReads { reads, is_restored };
    crate::wait(async |goal| look(rds, goal, &reads).await, policy, event, invocation).await
}

async fn look(rds: &Client, goal: &Goal, reads: &ClusterReads) -> Result<Look> {
    match goal {
        Goal::Available { identifier, resource_id, members } => {
            reads.look(rds, identifier.as_str(), resource_id.as_deref(), members).await
        }
        Goal::Settled { resource_id, may_be_gone } => {
            let cluster = rds::cluster_by_resource_id(rds, resource_id).await?;
            Ok(look_for_settled(
                DatabaseKind::Cluster,
                resource_id,
                *may_be_gone,
                cluster.as_ref().map(Database::sighting).as_ref(),
            ))
        }
        Goal::FoundAgain { resource_id, until: _ } => {
            let cluster = rds::cluster_by_resource_id(rds, resource_id).await?;
            let seen = cluster.as_ref().map(Database::sighting);
            Ok(look_for_found_again(DatabaseKind::Cluster, resource_id, seen.as_ref()))
        }
        Goal::StorageWorkEnded { resource_id, until: _ } => {
            let cluster = rds::cluster_by_resource_id(rds, resource_id).await?;
            let seen = cluster.as_ref().map(Database::sighting);
            Ok(look_for_storage_work(DatabaseKind::Cluster, resource_id, seen.as_ref()))
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

/// The calls of a wait for a cluster and its members.
struct ClusterReads {
    reads: RefCell<Reads>,
    /// Whether the cluster has just been restored.
    is_restored: bool,
}

impl ClusterReads {
    async fn look(
        &self,
        rds: &Client,
        wanted: &str,
        resource_id: Option<&str>,
        members: &[MemberGoal],
    ) -> Result<Look> {
        let ask = async |part| match part {
            Part::Cluster => look_for_cluster(rds, wanted, resource_id, self.is_restored).await,
            Part::Members => look_for_members(rds, members).await,
        };
        if members.is_empty() {
            return ask(Part::Cluster).await;
        }
        let part = self.reads.borrow_mut().begin();
        let seen = ask(part).await?;
        let act = self.reads.borrow_mut().decide(seen);
        match act {
            Act::Answer(look) => Ok(look),
            Act::ReadOther(seen) => {
                let seen_of_other = ask(part.other()).await?;
                Ok(self.reads.borrow_mut().join(seen, seen_of_other))
            }
        }
    }
}

async fn look_for_cluster(rds: &Client, wanted: &str, resource_id: Option<&str>, is_restored: bool) -> Result<Look> {
    let cluster = match resource_id {
        Some(resource_id) => rds::cluster_by_resource_id(rds, resource_id).await?,
        None => rds::cluster(rds, wanted).await?,
    };
    let look = look_for_available(DatabaseKind::Cluster, wanted, cluster.as_ref().map(Database::sighting).as_ref());
    let engine = cluster.as_ref().and_then(DbCluster::engine).unwrap_or_default();
    if is_restored && look.verdict == Verdict::Complete && ClusterKind::of_engine(engine) == Some(ClusterKind::MultiAz)
    {
        return Ok(both(look, look_for_members_of_multi_az(rds, wanted).await?));
    }
    Ok(look)
}

/// RDS restores the members of a Multi-AZ DB cluster with it. A broken member means a failed restore, even if the cluster
/// is available. A member that RDS does not show proves nothing.
async fn look_for_members_of_multi_az(rds: &Client, cluster: &str) -> Result<Look> {
    let mut so_far = Look { verdict: Verdict::Complete, seen: String::new(), absent: false, backoff: Backoff::Short };
    for member in rds::instances_of_cluster(rds, cluster).await? {
        let name = member.db_instance_identifier().unwrap_or_default();
        let look = look_at_instance(name, Some(&member));
        let verdict = match look.verdict {
            failed @ Verdict::Failed(_) => failed,
            _ if member.db_instance_status() == Some("creating") => Verdict::Pending,
            _ => Verdict::Complete,
        };
        so_far = both(so_far, Look { verdict, ..look });
    }
    Ok(so_far)
}

/// Reads by resource id if the ids are known, because another database may have a name by now.
async fn look_for_members(rds: &Client, members: &[MemberGoal]) -> Result<Look> {
    let ids: Vec<&str> = members.iter().filter_map(|member| member.resource_id.as_deref()).collect();
    let names = members.iter().filter(|member| member.resource_id.is_none());
    let names: Vec<&str> = names.map(|member| member.identifier.as_str()).collect();
    let mut instances = rds::instances_by_resource_ids(rds, &ids).await?;
    instances.extend(rds::instances_named(rds, &names).await?);
    let mut so_far = Look { verdict: Verdict::Complete, seen: String::new(), absent: false, backoff: Backoff::Short };
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
        seen.push((resource_id.as_str(), cluster.as_ref().map(Database::sighting)));
    }
    Ok(look_for_gone(&seen))
}
