//! Deleting the original DB cluster, or what a failed restore left under its names.
//!
//! An Aurora cluster's members go first, by what the cluster has now, not by what it had, and the cluster as soon as they are
//! going; RDS deletes a Multi-AZ DB cluster's members with it. Protection is set and lifted at the cluster only.

use aws_sdk_rds::Client;
use aws_sdk_rds::operation::delete_db_cluster::DeleteDBClusterError;
use aws_sdk_rds::types::{ClusterPendingModifiedValues, DbCluster, DbInstance};
use trapheus_common::claim::{self, Named, Proofs};
use trapheus_common::document::{
    ClusterKind, DeleteEvent, OriginalCluster, Request, StepEvent, StepOutput, Target, TaskName,
};
use trapheus_common::identifiers::{DatabaseKind, SnapshotIdentifier};
use trapheus_common::tags::Role;
use trapheus_common::wait::Goal;
use trapheus_common::wait::acceptor::Phase;
use trapheus_common::{Error, ErrorKind, Result, rds};

use crate::{
    Asked, Deletion, Successor, available, backup_quota, check_place, check_successor, delete_instance, failed,
    final_snapshot, foreign, found_again, gone, is_untouched, noted, phase, settled, survivor,
};

/// Deletes the original once its successor is verified, one step at a time.
pub async fn delete(rds: &Client, event: DeleteEvent<OriginalCluster>) -> Result<StepOutput> {
    let DeleteEvent { request, plan, verification } = event;
    let original = &plan.original;
    let target = &original.target;
    let output = StepOutput::done(TaskName::Delete, target.temporary_identifier.as_str());
    let clusters = Named::<DbCluster>::find_claimed(rds, target).await?;
    let Some(cluster) = &clusters.original else { return Ok(output) };
    if phase(DatabaseKind::Cluster, cluster.status()) == Phase::Deleting {
        return Ok(output.waiting_for(gone(&target.resource_id)));
    }
    claim::check(&request, target, cluster.tag_list())?;
    let moving_to = cluster.pending_modified_values().and_then(ClusterPendingModifiedValues::db_cluster_identifier);
    check_place(&request, target, cluster.db_cluster_identifier(), moving_to)?;
    let holder = clusters.at(&request.identifier).map(successor);
    if check_successor(&request, target, &verification.resource_id, holder.as_ref())? == Asked::Busy {
        return Ok(output.then_more(available(&request.identifier, &verification.resource_id)));
    }
    let how = ClusterDeletion {
        final_snapshot: final_snapshot(&request, &plan.names),
        delete_automated_backups: !request.options.keep_automated_backups,
    };
    let members = own_members(rds, &original, cluster).await?;
    check_members(&request, &original, &members)?;
    let again = available(&target.temporary_identifier, &target.resource_id);
    if cluster.deletion_protection() == Some(true) && !is_unprotected(rds, &request, cluster).await? {
        return Ok(output.then_more(again));
    }
    if delete_members(rds, &request, target, &members).await? == Asked::Busy {
        return Ok(output.then_more(members_settled(&members)));
    }
    match delete_cluster(rds, &request, target, cluster, &members, how).await? {
        Asked::Accepted => Ok(output.waiting_for(gone(&target.resource_id))),
        Asked::Busy if members.is_empty() => Ok(output.then_more(again)),
        Asked::Busy => Ok(output.then_more(members_gone(&members))),
    }
}

/// The members that are deleted one by one, in whatever status: none of a Multi-AZ DB cluster's.
async fn own_members(rds: &Client, original: &OriginalCluster, cluster: &DbCluster) -> Result<Vec<DbInstance>> {
    match original.cluster_kind {
        ClusterKind::Aurora => {
            rds::instances_of_cluster(rds, cluster.db_cluster_identifier().unwrap_or_default()).await
        }
        ClusterKind::MultiAz => Ok(Vec::new()),
    }
}

/// A member that a person added during the run is theirs, and would be lost with the cluster.
fn check_members(request: &Request, original: &OriginalCluster, members: &[DbInstance]) -> Result<()> {
    let added: Vec<&str> = members
        .iter()
        .filter(|member| !is_one_of(original, member))
        .filter(|member| phase(DatabaseKind::Instance, member.db_instance_status()) != Phase::Deleting)
        .filter_map(DbInstance::db_instance_identifier)
        .collect();
    if added.is_empty() {
        return Ok(());
    }
    Err(failed(
        request,
        format!(
            "{0} was not deleted, because somebody added members to it during the run: {1}. Both clusters are kept; delete \
             {0} with its members by hand once nobody needs them",
            original.target.temporary_identifier,
            added.join(", ")
        ),
    ))
}

fn is_one_of(original: &OriginalCluster, instance: &DbInstance) -> bool {
    original.members.iter().any(|member| instance.dbi_resource_id() == Some(member.target.resource_id.as_str()))
}

/// The first step of a rollback: removes what the restore left under the original's names.
pub async fn discard(rds: &Client, event: StepEvent<OriginalCluster>) -> Result<StepOutput> {
    let StepEvent { request, plan } = event;
    let original = &plan.original;
    let target = &original.target;
    let output = StepOutput::done(TaskName::Discard, request.identifier.as_str());
    let clusters = Named::<DbCluster>::find(rds, target).await?;
    let holder = clusters.at(&request.identifier);
    let Some(cluster) = &clusters.original else {
        return Ok(match holder {
            Some(_) => noted(output, survivor(target, "no longer exists")),
            // Between two names neither answers, and this is not the moment to conclude that it is gone.
            None => output.then_more(found_again(target)),
        });
    };
    if phase(DatabaseKind::Cluster, cluster.status()) == Phase::Deleting {
        return Ok(noted(output, survivor(target, "is being deleted")));
    }
    if is_untouched(&request, cluster.db_cluster_identifier(), cluster.tag_list()) {
        return Ok(output);
    }
    claim::check_for_rollback(&request, target, cluster.tag_list())?;
    let restored = holder.filter(|holder| holder.db_cluster_resource_id() != Some(target.resource_id.as_str()));
    let is_home = cluster.db_cluster_identifier() == Some(request.identifier.as_str());
    let restored = restored.cloned();
    let members = strays(rds, &request, &original, restored.is_some()).await?;
    Discard { rds, request: &request, original: &original, restored, members, is_home }.step(output).await
}

/// The instances that stand where the original's members belong, and those of the half-restored cluster.
async fn strays(
    rds: &Client,
    request: &Request,
    original: &OriginalCluster,
    is_restored: bool,
) -> Result<Vec<DbInstance>> {
    let mut found: Vec<DbInstance> = Vec::new();
    if is_restored && original.cluster_kind == ClusterKind::Aurora {
        found.extend(rds::instances_of_cluster(rds, request.identifier.as_str()).await?);
    }
    let names: Vec<&str> = original.own_members().iter().map(|member| member.target.identifier.as_str()).collect();
    for instance in rds::instances_named(rds, &names).await? {
        if !found.iter().any(|known| known.dbi_resource_id() == instance.dbi_resource_id()) {
            found.push(instance);
        }
    }
    found.retain(|instance| !is_one_of(original, instance));
    Ok(found)
}

struct Discard<'a> {
    rds: &'a Client,
    request: &'a Request,
    original: &'a OriginalCluster,
    restored: Option<DbCluster>,
    members: Vec<DbInstance>,
    is_home: bool,
}

impl Discard<'_> {
    async fn step(mut self, mut output: StepOutput) -> Result<StepOutput> {
        let kept = self.set_foreign_members_aside();
        if self.is_home {
            output.notes.extend(kept);
        } else if !kept.is_empty() || self.foreign_cluster().is_some() {
            let found: Vec<String> = self.foreign_cluster().into_iter().chain(kept).collect();
            return Err(foreign(self.request, &self.original.target, "cluster", &found));
        }
        let restored = self.restored.as_ref().filter(|restored| !is_deleting(restored));
        if let Some(restored) = restored
            && self.original.cluster_kind == ClusterKind::MultiAz
        {
            let claimed = claim::write_on_members(self.rds, restored, &self.request.execution, Role::Restored).await;
            // If AWS checks the members, it refuses the deletion itself; if not, a rollback must not end here.
            if let Err(error) = claimed {
                tracing::warn!(error = error.report(), "the members of the restored DB cluster carry no claim");
            }
        }
        if let Some(restored) = restored
            && restored.deletion_protection() == Some(true)
            && !is_unprotected(self.rds, self.request, restored).await?
        {
            return Ok(output.then_more(settled(restored.db_cluster_resource_id())));
        }
        let target = &self.original.target;
        if !self.members.is_empty() {
            return Ok(match delete_members(self.rds, self.request, target, &self.members).await? {
                Asked::Busy => output.then_more(members_settled(&self.members)),
                Asked::Accepted if self.restored.is_some() => output.then_more(members_gone(&self.members)),
                Asked::Accepted => output.waiting_for(members_gone(&self.members)),
            });
        }
        let Some(restored) = &self.restored else { return Ok(output) };
        let going = gone(restored.db_cluster_resource_id().unwrap_or_default());
        if is_deleting(restored) {
            return Ok(output.waiting_for(going));
        }
        match delete_cluster(self.rds, self.request, target, restored, &[], ClusterDeletion::ENTIRELY).await? {
            Asked::Accepted => Ok(output.waiting_for(going)),
            Asked::Busy => Ok(output.then_more(settled(restored.db_cluster_resource_id()))),
        }
    }

    /// Takes what is not this execution's out of what will be removed, and says why it is not.
    fn set_foreign_members_aside(&mut self) -> Vec<String> {
        let originals = originals(self.original);
        let mut kept = Vec::new();
        self.members.retain(|member| {
            if phase(DatabaseKind::Instance, member.db_instance_status()) == Phase::Deleting {
                return true;
            }
            let missing = Proofs::of_instance(member).missing(self.request, &originals);
            let is_ours = missing.is_none();
            kept.extend(missing);
            is_ours
        });
        kept
    }

    fn foreign_cluster(&self) -> Option<String> {
        let restored = self.restored.as_ref().filter(|restored| !is_deleting(restored))?;
        Proofs::of_cluster(restored).missing(self.request, &originals(self.original))
    }
}

fn originals(original: &OriginalCluster) -> Vec<&Target> {
    std::iter::once(&original.target).chain(original.members.iter().map(|member| &member.target)).collect()
}

fn is_deleting(cluster: &DbCluster) -> bool {
    phase(DatabaseKind::Cluster, cluster.status()) == Phase::Deleting
}

fn members_gone(members: &[DbInstance]) -> Goal {
    Goal::MembersGone { resource_ids: resource_ids(members) }
}

fn members_settled(members: &[DbInstance]) -> Goal {
    Goal::MembersSettled { resource_ids: resource_ids(members) }
}

fn resource_ids(members: &[DbInstance]) -> Vec<String> {
    members.iter().filter_map(DbInstance::dbi_resource_id).map(str::to_owned).collect()
}

/// Asks for the deletion of all members at once; busy if one of them has to be asked again.
async fn delete_members(rds: &Client, request: &Request, target: &Target, members: &[DbInstance]) -> Result<Asked> {
    let mut all = Asked::Accepted;
    for member in members {
        if phase(DatabaseKind::Instance, member.db_instance_status()) == Phase::Deleting {
            continue;
        }
        match delete_instance(rds, request, member, Deletion::OF_A_MEMBER).await {
            Ok(Asked::Accepted) => {}
            Ok(Asked::Busy) => all = Asked::Busy,
            Err(refusal) => return Err(refusal.into_error(request, target)),
        }
    }
    Ok(all)
}

/// How a DB cluster goes.
struct ClusterDeletion {
    final_snapshot: Option<SnapshotIdentifier>,
    delete_automated_backups: bool,
}

impl ClusterDeletion {
    /// Nothing of it is kept.
    const ENTIRELY: Self = Self { final_snapshot: None, delete_automated_backups: true };
}

/// Deletes a DB cluster that has no members any more but such as are being deleted: RDS takes that, "in non-deleting state" is
/// what it refuses. Should it want them gone first, it is asked again then.
async fn delete_cluster(
    rds: &Client,
    request: &Request,
    target: &Target,
    cluster: &DbCluster,
    leaving: &[DbInstance],
    how: ClusterDeletion,
) -> Result<Asked> {
    let identifier = cluster.db_cluster_identifier().unwrap_or_default();
    let call = rds
        .delete_db_cluster()
        .db_cluster_identifier(identifier)
        .skip_final_snapshot(how.final_snapshot.is_none())
        .set_final_db_snapshot_identifier(how.final_snapshot.map(String::from))
        .delete_automated_backups(how.delete_automated_backups);
    let Err(error) = Box::pin(call.send()).await else {
        tracing::info!(db.identifier = identifier, "deleting the DB cluster");
        return Ok(Asked::Accepted);
    };
    // The answer may have been lost while the call was carried out, so what is there now decides.
    let Some(now) = look_again(rds, cluster).await? else { return Ok(Asked::Accepted) };
    if is_deleting(&now) {
        return Ok(Asked::Accepted);
    }
    let is = |fault: fn(&DeleteDBClusterError) -> bool| error.as_service_error().is_some_and(fault);
    if is(DeleteDBClusterError::is_db_cluster_automated_backup_quota_exceeded_fault) {
        return Err(backup_quota(request, target));
    }
    let may_pass = is_passing(&now) || !leaving.is_empty();
    if is(DeleteDBClusterError::is_invalid_db_cluster_state_fault) && may_pass {
        return Ok(Asked::Busy);
    }
    let doing = format!("cannot delete the DB cluster {identifier}");
    Err(Error::from_aws(ErrorKind::Deletion, request.identifier.as_str(), doing, &error))
}

/// Lifts the protection, and says whether that shows already.
async fn is_unprotected(rds: &Client, request: &Request, cluster: &DbCluster) -> Result<bool> {
    let identifier = cluster.db_cluster_identifier().unwrap_or_default();
    let call =
        rds.modify_db_cluster().db_cluster_identifier(identifier).deletion_protection(false).apply_immediately(true);
    let refused = Box::pin(call.send()).await.err();
    let Some(now) = look_again(rds, cluster).await? else { return Ok(true) };
    if now.deletion_protection() != Some(true) {
        return Ok(true);
    }
    match refused {
        None => Ok(false),
        Some(error)
            if error.as_service_error().is_some_and(|e| e.is_invalid_db_cluster_state_fault()) && is_passing(&now) =>
        {
            Ok(false)
        }
        Some(error) => {
            let doing = format!("{identifier} was not deleted: cannot lift its deletion protection");
            Err(Error::from_aws(ErrorKind::Deletion, request.identifier.as_str(), doing, &error))
        }
    }
}

async fn look_again(rds: &Client, cluster: &DbCluster) -> Result<Option<DbCluster>> {
    rds::cluster_by_resource_id(rds, cluster.db_cluster_resource_id().unwrap_or_default()).await
}

fn is_passing(cluster: &DbCluster) -> bool {
    phase(DatabaseKind::Cluster, cluster.status()) == Phase::Passing
}

fn successor(cluster: &DbCluster) -> Successor<'_> {
    Successor {
        resource_id: cluster.db_cluster_resource_id().unwrap_or_default(),
        status: cluster.status().unwrap_or_default(),
        tags: cluster.tag_list(),
    }
}
