//! Deletes the original DB cluster, or the clusters that a failed restore left under its names.
//!
//! The step first deletes the present members of an Aurora cluster, also those that the plan does not list. The deletion of
//! the cluster follows once theirs has begun. RDS deletes a Multi-AZ DB cluster's members with it. Only the cluster has
//! deletion protection.

use aws_sdk_rds::Client;
use aws_sdk_rds::types::{DbCluster, DbInstance};
use trapheus_common::Result;
use trapheus_common::claim::{self, Claim, Lookup};
use trapheus_common::document::{
    ClusterKind, DeleteEvent, DiscardEvent, NameRole, OriginalCluster, Request, StepOutput, TaskName,
};
use trapheus_common::identifiers::DatabaseIdentifier;
use trapheus_common::lambda::Invocation;
use trapheus_common::rds::{self, Database};
use trapheus_common::tags::Role;
use trapheus_common::wait::acceptor::Phase;

use crate::discard::{Discard, Patience, Way, way};
use crate::{
    DeletionOutcome, Members, between_names, delete_original, failed, foreign, found_again, is_untouched, noted,
    shows_whose_it_is, survivor,
};

/// Deletes the original once its successor is committed, one step at a time.
pub async fn delete(rds: &Client, event: DeleteEvent<OriginalCluster>) -> Result<StepOutput> {
    let original = &event.plan.original;
    let members = async |cluster: &DbCluster, places: crate::Places<'_>| {
        let members = own_members(rds, original, cluster).await?;
        check_members(&event.request, original, places.at, &members)?;
        Ok(Members(members))
    };
    delete_original(rds, &event, members).await
}

/// The members that the step deletes one by one, in any status: none of a Multi-AZ DB cluster.
async fn own_members(rds: &Client, original: &OriginalCluster, cluster: &DbCluster) -> Result<Vec<DbInstance>> {
    match original.cluster_kind {
        ClusterKind::Aurora => rds::instances_of_cluster(rds, cluster.name()).await,
        ClusterKind::MultiAz => Ok(Vec::new()),
    }
}

/// Refuses to delete a cluster with a member that a person added during the run, which would be lost. A reader that Aurora
/// Auto Scaling added is deleted with its cluster.
fn check_members(
    request: &Request,
    original: &OriginalCluster,
    at: &DatabaseIdentifier,
    members: &[DbInstance],
) -> Result<()> {
    let added: Vec<&str> = members
        .iter()
        .filter(|member| !is_one_of(original, member) && !is_auto_scaled(member))
        .filter(|member| member.phase() != Phase::Deleting)
        .filter_map(DbInstance::db_instance_identifier)
        .collect();
    if added.is_empty() {
        return Ok(());
    }
    Err(failed(
        request,
        format!(
            "{at} was not deleted, because members were added to it during the run: {}. Both clusters are kept; delete {at} \
             with its members by hand once you do not need them",
            added.join(", ")
        ),
    ))
}

fn is_auto_scaled(member: &DbInstance) -> bool {
    member.db_instance_identifier().is_some_and(rds::is_auto_scaled)
}

fn is_one_of(original: &OriginalCluster, instance: &DbInstance) -> bool {
    original.members.iter().any(|member| instance.dbi_resource_id() == Some(member.target.resource_id.as_str()))
}

/// Clears the names of the restored databases, and deletes them. This is the first step of a rollback and, once the
/// original has returned, the last but one.
pub async fn discard(rds: &Client, event: DiscardEvent<OriginalCluster>, at: Invocation) -> Result<StepOutput> {
    let patience = Patience::of(&event, at);
    let DiscardEvent { request, plan, at: role, .. } = &event;
    let original = &plan.original;
    let target = &plan.target();
    let name = target.names.of(*role)?;
    let output = StepOutput::done(TaskName::Discard, name.as_str());
    let is_original = |holder: &DbCluster| holder.is(&target.resource_id);
    let is_sure = |found: &Lookup<DbCluster>| {
        let holder = found.at(name);
        holder.is_none_or(|holder| is_original(holder) || shows_whose_it_is(holder))
    };
    let clusters = claim::look_until(async || Lookup::<DbCluster>::find(rds, target).await, is_sure).await?;
    let holder = clusters.at(name);
    let Some(cluster) = &clusters.original else {
        return Ok(match holder {
            // A single read proves nothing: a rename hides the original for minutes.
            Some(_) => {
                noted(output.then_more(found_again(&target.resource_id)), survivor(target, "no longer exists", true))
            }
            None => output.then_more(between_names(target)),
        });
    };
    if cluster.phase() == Phase::Deleting {
        let has_survivor = holder.is_some_and(|holder| !is_original(holder));
        return Ok(noted(output, survivor(target, "is being deleted", has_survivor)));
    }
    let aside = rds::cluster(rds, plan.names.aside.as_str()).await?;
    let untouched = is_untouched(request, cluster);
    if untouched && aside.is_none() {
        return Ok(output);
    }
    if !untouched {
        claim::check_for_rollback(request, target, cluster.tag_list())?;
    }
    let restored = holder.filter(|holder| !is_original(holder));
    let is_home = cluster.db_cluster_identifier() == Some(request.identifier.as_str());
    let restored = restored.cloned();
    let is_claimed = [restored.as_ref(), aside.as_ref()].into_iter().flatten().all(|one| Claim::on(one).is_some());
    let are_sure = |members: &Vec<DbInstance>| {
        let is_sure = |member| is_auto_scaled(member) || shows_whose_it_is(member);
        !is_claimed || members.iter().all(is_sure)
    };
    let look = async || strays(rds, original, *role, [restored.as_ref(), aside.as_ref()]).await;
    let members = claim::look_until(look, are_sure).await?;
    let discard = Discard {
        rds,
        request,
        name,
        names: &plan.names,
        planned: plan.planned(),
        members: Members(members),
        patience,
    };
    let discard = Clusters { discard, original, present: cluster.name(), restored, aside, is_home };
    // Boxed, because the futures of its calls would make every caller's as large.
    Box::pin(discard.step(output)).await
}

/// The instances under the names of the original's members, and the members of the clusters that the run restored.
async fn strays(
    rds: &Client,
    original: &OriginalCluster,
    role: NameRole,
    clusters: [Option<&DbCluster>; 2],
) -> Result<Vec<DbInstance>> {
    let mut found: Vec<DbInstance> = Vec::new();
    if original.cluster_kind == ClusterKind::MultiAz {
        return Ok(found);
    }
    for cluster in clusters.into_iter().flatten().filter_map(DbCluster::db_cluster_identifier) {
        found.extend(rds::instances_of_cluster(rds, cluster).await?);
    }
    let names = original.own_members().iter().map(|member| Ok(member.target.names.of(role)?.as_str()));
    let names = names.collect::<Result<Vec<&str>>>()?;
    for instance in rds::instances_named(rds, &names).await? {
        if !found.iter().any(|known| known.dbi_resource_id() == instance.dbi_resource_id()) {
            found.push(instance);
        }
    }
    found.retain(|instance| !is_one_of(original, instance));
    Ok(found)
}

/// The clusters of a rollback, with the members of the restored ones.
struct Clusters<'a> {
    discard: Discard<'a>,
    original: &'a OriginalCluster,
    /// The name that the original has now.
    present: &'a str,
    /// The cluster under this name, if it is not the original.
    restored: Option<DbCluster>,
    /// The cluster under the aside name.
    aside: Option<DbCluster>,
    is_home: bool,
}

impl Clusters<'_> {
    async fn step(mut self, mut output: StepOutput) -> Result<StepOutput> {
        if let Some(output) = self.restored.as_ref().and_then(|restored| self.discard.committed(restored, &output)) {
            return Ok(output);
        }
        let kept = self.set_foreign_members_aside();
        if self.is_home {
            output.notes.extend(kept);
        } else if !kept.is_empty() || self.foreign_cluster().is_some() {
            let found: Vec<String> = self.foreign_cluster().into_iter().chain(kept).collect();
            return Err(foreign(self.discard.request, self.present, &found));
        }
        self.claim_members().await;
        if let Some(restored) = self.restored.as_ref().filter(|_| !self.is_home) {
            return self.clear_the_name(restored, output).await;
        }
        let members = self.members_of_ours();
        if !members.0.is_empty() {
            return Ok(match members.delete(self.discard.rds, self.discard.request).await? {
                DeletionOutcome::Busy => output.then_more(members.settled()),
                DeletionOutcome::Accepted if self.is_home => output.then_more(members.gone()),
                DeletionOutcome::Accepted => output.waiting_for(members.gone()),
            });
        }
        match &self.aside {
            Some(aside) if self.is_home => self.discard.remove_aside(aside, output).await,
            Some(aside) if self.discard.missing(aside).is_none() => Ok(self.discard.kept_aside(aside, output)),
            _ => Ok(output),
        }
    }

    /// AWS may also check a change of a Multi-AZ DB cluster on its members.
    async fn claim_members(&self) {
        let clusters =
            [&self.restored, &self.aside].into_iter().flatten().filter(|cluster| cluster.phase() != Phase::Deleting);
        for cluster in clusters.filter(|cluster| self.discard.missing(*cluster).is_none()) {
            if self.original.cluster_kind != ClusterKind::MultiAz {
                continue;
            }
            let claimed =
                claim::write_on_members(self.discard.rds, cluster, &self.discard.request.execution, Role::Restored)
                    .await;
            // If AWS checks the members, it refuses the change itself; if it does not, the rollback continues.
            if let Err(error) = claimed {
                tracing::warn!(error = error.report(), "the members of the restored DB cluster carry no claim");
            }
        }
    }

    /// An Aurora cluster's data is in the cluster alone, so the step moves only the cluster. It deletes the members
    /// afterwards.
    async fn clear_the_name(&self, restored: &DbCluster, output: StepOutput) -> Result<StepOutput> {
        match self.way(restored) {
            Way::Going if self.discard.members.0.is_empty() => Ok(self.discard.leaving(restored, output, true)),
            way => self.discard.clear_the_name(restored, way, output).await,
        }
    }

    /// The way of an Aurora cluster out of its name. Clients connect to members, so the cluster was in service only if a
    /// member was. A cluster without members may have lost them after it was in service.
    fn way(&self, restored: &DbCluster) -> Way {
        let decided = way(DbCluster::KIND, restored.status(), true);
        let is_aurora = self.original.cluster_kind == ClusterKind::Aurora;
        let was_connectable = |member: &DbInstance| member.instance_create_time().is_some();
        let listed = restored.db_cluster_members();
        let never = !listed.is_empty()
            && listed.iter().all(|member| {
                let name = member.db_instance_identifier();
                let seen = self.discard.members.0.iter().find(|one| one.db_instance_identifier() == name);
                // A member that does not answer may have been in service.
                seen.is_some_and(|seen| !was_connectable(seen))
            });
        match decided {
            Way::MoveAside | Way::Await | Way::DeleteKeepingBackups if is_aurora && never => Way::DeleteUnused,
            decided => decided,
        }
    }

    /// The members that the run created. They are in its aside cluster, or under the names of the original's members.
    fn members_of_ours(&self) -> Members {
        let foreign = self.aside.as_ref().filter(|aside| self.discard.missing(*aside).is_some());
        let foreign = foreign.and_then(DbCluster::db_cluster_identifier);
        let is_ours = |member: &&DbInstance| foreign.is_none() || member.db_cluster_identifier() != foreign;
        Members(self.discard.members.0.iter().filter(is_ours).cloned().collect())
    }

    /// Removes foreign members from the list of deletions, and returns the reasons. A reader that Aurora Auto Scaling added
    /// to a cluster of the run is deleted with that cluster.
    fn set_foreign_members_aside(&mut self) -> Vec<String> {
        let ours: Vec<String> = [&self.restored, &self.aside]
            .into_iter()
            .flatten()
            .filter(|cluster| self.discard.missing(*cluster).is_none())
            .filter_map(|cluster| cluster.db_cluster_identifier().map(str::to_owned))
            .collect();
        let goes_with_ours = |member: &DbInstance| {
            let cluster = member.db_cluster_identifier();
            is_auto_scaled(member) && ours.iter().any(|one| cluster == Some(one.as_str()))
        };
        let mut kept = Vec::new();
        let mut members = std::mem::take(&mut self.discard.members.0);
        members.retain(|member| {
            if member.phase() == Phase::Deleting || goes_with_ours(member) {
                return true;
            }
            let missing = self.discard.missing(member);
            let is_ours = missing.is_none();
            kept.extend(missing);
            is_ours
        });
        self.discard.members.0 = members;
        kept
    }

    fn foreign_cluster(&self) -> Option<String> {
        self.discard.missing(self.restored.as_ref().filter(|restored| restored.phase() != Phase::Deleting)?)
    }
}
