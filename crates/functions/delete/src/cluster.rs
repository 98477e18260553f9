//! Deleting the original DB cluster, or what a failed restore left under its names.
//!
//! An Aurora cluster's members go first, by what the cluster has now, not by what it had, and the cluster as soon as they are
//! going; RDS deletes a Multi-AZ DB cluster's members with it. Protection is set and lifted at the cluster only.

use aws_sdk_rds::Client;
use aws_sdk_rds::operation::delete_db_cluster::DeleteDBClusterError;
use aws_sdk_rds::operation::modify_db_cluster::ModifyDBClusterError;
use aws_sdk_rds::types::{ClusterPendingModifiedValues, DbCluster, DbInstance};
use trapheus_common::claim::{self, Claim, Named, Proofs};
use trapheus_common::document::{
    ClusterKind, DeleteEvent, DiscardEvent, NameRole, Names, OriginalCluster, Planned, Request, StepOutput, TaskName,
};
use trapheus_common::identifiers::{DatabaseIdentifier, DatabaseKind, SnapshotIdentifier};
use trapheus_common::lambda::Invocation;
use trapheus_common::tags::Role;
use trapheus_common::wait::Goal;
use trapheus_common::wait::acceptor::Phase;
use trapheus_common::{Error, ErrorKind, Result, rds};

use crate::{
    Asked, Deletion, Moved, NotDeleted, Patience, Places, Successor, Way, at_rest, available, awaited_long_enough,
    backups_kept, between_names, check_place, check_successor, committed, delete_instance, discarded, failed,
    final_snapshot, foreign, found_again, gone, is_untouched, is_verified, kept_aside, leaving, left_aside, noted,
    nothing_to_keep, phase, settled, shows_whose_it_is, storage_work_ended, survivor, way,
};

/// Deletes the original once its successor is verified, one step at a time.
pub async fn delete(rds: &Client, event: DeleteEvent<OriginalCluster>) -> Result<StepOutput> {
    let target = &event.plan.target();
    let places = Places::of(&event, target)?;
    let DeleteEvent { request, plan, successor_at, commit, .. } = &event;
    let original = &plan.original;
    let output = StepOutput::done(TaskName::Delete, places.at.as_str());
    let shows = |successor: Option<&DbCluster>| {
        successor
            .is_some_and(|one| is_verified(request, one.tag_list(), one.db_cluster_resource_id().unwrap_or_default()))
    };
    let clusters = Named::<DbCluster>::find_beside(rds, target, *successor_at, shows).await?;
    let Some(cluster) = &clusters.original else {
        // Between two names neither answers, so one look does not prove that it is gone.
        return Ok(output.then_more(found_again(&target.resource_id)));
    };
    if phase(DatabaseKind::Cluster, cluster.status()) == Phase::Deleting {
        return Ok(output.waiting_for(gone(&target.resource_id)));
    }
    claim::check(request, target, cluster.tag_list())?;
    let moving_to = cluster.pending_modified_values().and_then(ClusterPendingModifiedValues::db_cluster_identifier);
    check_place(request, places, cluster.db_cluster_identifier(), moving_to)?;
    let holder = clusters.at(places.successor_at).map(successor);
    if check_successor(request, places, &commit.resource_id, holder.as_ref())? == Asked::Busy {
        return Ok(output.then_more(available(places.successor_at, &commit.resource_id)));
    }
    let how = ClusterDeletion {
        final_snapshot: final_snapshot(request, &plan.names),
        delete_automated_backups: !request.options.keep_automated_backups,
    };
    let members = own_members(rds, original, cluster).await?;
    check_members(request, original, places.at, &members)?;
    let again = found_again(&target.resource_id);
    if cluster.deletion_protection() == Some(true) && !is_unprotected(rds, request, cluster).await? {
        return Ok(output.then_more(again));
    }
    if delete_members(rds, request, &members).await? == Asked::Busy {
        return Ok(output.then_more(members_settled(&members)));
    }
    match delete_cluster(rds, request, cluster, &members, how).await {
        Ok(Asked::Accepted) => Ok(output.waiting_for(gone(&target.resource_id))),
        Ok(Asked::Busy) if members.is_empty() => Ok(output.then_more(again)),
        Ok(Asked::Busy) => Ok(output.then_more(members_gone(&members))),
        Err(refusal) => Err(refusal.into_error(request, cluster.db_cluster_identifier())),
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

/// A member that a person added during the run is theirs, and would be lost with the cluster. A reader that Aurora Auto
/// Scaling added goes with its cluster.
fn check_members(
    request: &Request,
    original: &OriginalCluster,
    at: &DatabaseIdentifier,
    members: &[DbInstance],
) -> Result<()> {
    let added: Vec<&str> = members
        .iter()
        .filter(|member| !is_one_of(original, member) && !is_auto_scaled(member))
        .filter(|member| phase(DatabaseKind::Instance, member.db_instance_status()) != Phase::Deleting)
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

/// Clears the names of the databases that the restore left there, and removes them: the first step of a rollback and, once the
/// original is back, the last but one.
pub async fn discard(rds: &Client, event: DiscardEvent<OriginalCluster>, at: Invocation) -> Result<StepOutput> {
    let patience = Patience::of(&event, at);
    let DiscardEvent { request, plan, at: role, .. } = &event;
    let original = &plan.original;
    let target = &plan.target();
    let name = target.names.of(*role)?;
    let output = StepOutput::done(TaskName::Discard, name.as_str());
    let is_original = |holder: &DbCluster| holder.db_cluster_resource_id() == Some(target.resource_id.as_str());
    let is_sure = |found: &Named<DbCluster>| {
        let holder = found.at(name);
        holder.is_none_or(|holder| is_original(holder) || shows_whose_it_is(DatabaseKind::Cluster, holder))
    };
    let clusters = claim::look_until(async || Named::<DbCluster>::find(rds, target).await, is_sure).await?;
    let holder = clusters.at(name);
    let Some(cluster) = &clusters.original else {
        return Ok(match holder {
            // One look proves nothing: a rename hides it for minutes.
            Some(_) => {
                noted(output.then_more(found_again(&target.resource_id)), survivor(target, "no longer exists", true))
            }
            None => output.then_more(between_names(target)),
        });
    };
    if phase(DatabaseKind::Cluster, cluster.status()) == Phase::Deleting {
        let has_survivor = holder.is_some_and(|holder| !is_original(holder));
        return Ok(noted(output, survivor(target, "is being deleted", has_survivor)));
    }
    let aside = rds::cluster(rds, plan.names.aside.as_str()).await?;
    let untouched = is_untouched(request, cluster.db_cluster_identifier(), cluster.tag_list());
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
        let is_sure = |member| is_auto_scaled(member) || shows_whose_it_is(DatabaseKind::Instance, member);
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
        original,
        present: cluster.db_cluster_identifier(),
        restored,
        aside,
        members,
        is_home,
        patience,
    };
    // Boxed, because the futures of its calls would make every caller's as large.
    Box::pin(discard.step(output)).await
}

/// The instances that stand where the original's members belong, and those of the clusters that the run restored.
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

struct Discard<'a> {
    rds: &'a Client,
    request: &'a Request,
    /// The name that the restored cluster is removed from.
    name: &'a DatabaseIdentifier,
    names: &'a Names,
    planned: Planned<'a>,
    original: &'a OriginalCluster,
    /// The name that the original has now.
    present: Option<&'a str>,
    /// The cluster that has that name and is not the original.
    restored: Option<DbCluster>,
    /// The cluster that has the name a rollback moves a restored one to.
    aside: Option<DbCluster>,
    members: Vec<DbInstance>,
    is_home: bool,
    patience: Patience,
}

impl Discard<'_> {
    async fn step(mut self, mut output: StepOutput) -> Result<StepOutput> {
        if let Some(restored) = &self.restored {
            let resource_id = restored.db_cluster_resource_id().unwrap_or_default();
            if !is_deleting(restored) && is_verified(self.request, restored.tag_list(), resource_id) {
                return Ok(committed(output, self.name, resource_id));
            }
        }
        let kept = self.set_foreign_members_aside();
        if self.is_home {
            output.notes.extend(kept);
        } else if !kept.is_empty() || self.foreign_cluster().is_some() {
            let found: Vec<String> = self.foreign_cluster().into_iter().chain(kept).collect();
            return Err(foreign(self.request, self.present, "cluster", &found));
        }
        self.claim_members().await;
        if let Some(restored) = self.restored.as_ref().filter(|_| !self.is_home) {
            return self.clear_the_name(restored, output).await;
        }
        let members = self.members_of_ours();
        if !members.is_empty() {
            return Ok(match delete_members(self.rds, self.request, &members).await? {
                Asked::Busy => output.then_more(members_settled(&members)),
                Asked::Accepted if self.is_home => output.then_more(members_gone(&members)),
                Asked::Accepted => output.waiting_for(members_gone(&members)),
            });
        }
        match &self.aside {
            Some(aside) if self.is_home => self.remove_what_was_moved_aside(aside, output).await,
            Some(aside) if self.missing(aside).is_none() => {
                Ok(noted(output, kept_aside(self.names, aside.db_cluster_resource_id().unwrap_or_default())))
            }
            _ => Ok(output),
        }
    }

    /// AWS may check a change of a Multi-AZ DB cluster on its members as well.
    async fn claim_members(&self) {
        let clusters = [&self.restored, &self.aside].into_iter().flatten().filter(|cluster| !is_deleting(cluster));
        for cluster in clusters.filter(|cluster| self.missing(cluster).is_none()) {
            if self.original.cluster_kind != ClusterKind::MultiAz {
                continue;
            }
            let claimed = claim::write_on_members(self.rds, cluster, &self.request.execution, Role::Restored).await;
            // If AWS checks the members, it refuses the change itself; if not, a rollback must not end here.
            if let Err(error) = claimed {
                tracing::warn!(error = error.report(), "the members of the restored DB cluster carry no claim");
            }
        }
    }

    /// An Aurora cluster's data is in the cluster alone, so only the cluster is moved; its members are deleted afterwards.
    async fn clear_the_name(&self, restored: &DbCluster, output: StepOutput) -> Result<StepOutput> {
        let resource_id = restored.db_cluster_resource_id().unwrap_or_default();
        match self.way(restored) {
            Way::Going if self.members.is_empty() => {
                let note = leaving(self.name.as_str(), resource_id);
                Ok(noted(output.waiting_for(gone(resource_id)), note))
            }
            Way::Going | Way::DeleteUnused => self.delete(restored, ClusterDeletion::ENTIRELY, output).await,
            Way::BeingRenamed => Ok(output.then_more(found_again(resource_id))),
            Way::DeleteKeepingBackups => self.delete_keeping_backups(restored, output).await,
            Way::Await if !self.patience.is_over => Ok(output.then_more(at_rest(resource_id, self.patience.until))),
            Way::Await | Way::MoveAside => match self.move_aside(restored).await? {
                Moved::UnderWay => Ok(output.then_more(found_again(resource_id))),
                Moved::Busy if self.patience.is_over => {
                    let status = restored.status().unwrap_or_default();
                    let output = noted(output, awaited_long_enough(self.name.as_str(), status));
                    self.delete_keeping_backups(restored, output).await
                }
                Moved::Busy => Ok(output.then_more(at_rest(resource_id, self.patience.until))),
                Moved::Refused => self.delete_keeping_backups(restored, output).await,
            },
        }
    }

    /// An Aurora cluster was in service only if one of its members was: clients connect to members. A cluster without members
    /// may have lost them after it was in service.
    fn way(&self, restored: &DbCluster) -> Way {
        let decided = way(DatabaseKind::Cluster, restored.status(), true);
        let is_aurora = self.original.cluster_kind == ClusterKind::Aurora;
        let was_connectable = |member: &DbInstance| member.instance_create_time().is_some();
        let listed = restored.db_cluster_members();
        let never = !listed.is_empty()
            && listed.iter().all(|member| {
                let name = member.db_instance_identifier();
                let seen = self.members.iter().find(|one| one.db_instance_identifier() == name);
                // A member that does not answer tells nothing, so it may have been in service.
                seen.is_some_and(|seen| !was_connectable(seen))
            });
        match decided {
            Way::MoveAside | Way::Await | Way::DeleteKeepingBackups if is_aurora && never => Way::DeleteUnused,
            decided => decided,
        }
    }

    async fn move_aside(&self, restored: &DbCluster) -> Result<Moved> {
        let present = restored.db_cluster_identifier().unwrap_or_default();
        if has_pending_rename(restored) {
            return Ok(Moved::UnderWay);
        }
        let call = self
            .rds
            .modify_db_cluster()
            .db_cluster_identifier(present)
            .new_db_cluster_identifier(&self.names.aside)
            .apply_immediately(true);
        let Err(error) = Box::pin(call.send()).await else {
            tracing::info!(
                db.identifier = present,
                db.new_identifier = self.names.aside.as_str(),
                "moving the restored DB cluster aside"
            );
            return Ok(Moved::UnderWay);
        };
        // The answer may have been lost while the call was carried out, so what is there now decides.
        let Some(now) = look_again(self.rds, restored).await? else { return Ok(Moved::UnderWay) };
        if now.db_cluster_identifier() != Some(present) || has_pending_rename(&now) {
            return Ok(Moved::UnderWay);
        }
        let is = |fault: fn(&ModifyDBClusterError) -> bool| error.as_service_error().is_some_and(fault);
        let is_about_status = is(ModifyDBClusterError::is_invalid_db_cluster_state_fault)
            || is(ModifyDBClusterError::is_invalid_db_instance_state_fault)
            || is(ModifyDBClusterError::is_db_cluster_not_found_fault);
        match phase(DatabaseKind::Cluster, now.status()) {
            Phase::Passing | Phase::Deleting if is_about_status => Ok(Moved::Busy),
            Phase::Broken | Phase::Stopped if is_about_status => Ok(Moved::Refused),
            _ => {
                let doing = format!("cannot rename the restored {present} to {}", self.names.aside);
                Err(Error::from_aws(ErrorKind::Deletion, self.request.identifier.as_str(), doing, &error))
            }
        }
    }

    async fn remove_what_was_moved_aside(&self, aside: &DbCluster, output: StepOutput) -> Result<StepOutput> {
        let resource_id = aside.db_cluster_resource_id().unwrap_or_default();
        if let Some(why) = self.missing(aside) {
            return Ok(noted(output, left_aside(self.names, &why)));
        }
        let status = aside.status().unwrap_or_default();
        let Patience { aside_until, aside_is_over, .. } = self.patience;
        match way(DatabaseKind::Cluster, aside.status(), true) {
            Way::Going => Ok(noted(output.waiting_for(settled(Some(resource_id))), discarded(self.names, resource_id))),
            Way::BeingRenamed => Ok(output.then_more(found_again(resource_id))),
            Way::Await if !aside_is_over => Ok(output.then_more(at_rest(resource_id, aside_until))),
            Way::DeleteKeepingBackups => self.delete_keeping_backups(aside, output).await,
            Way::Await | Way::MoveAside | Way::DeleteUnused => {
                if aside.deletion_protection() == Some(true) && !is_unprotected(self.rds, self.request, aside).await? {
                    return Ok(output.then_more(found_again(resource_id)));
                }
                let how = ClusterDeletion {
                    final_snapshot: Some(self.names.discarded_snapshot.clone()),
                    delete_automated_backups: true,
                };
                match delete_cluster(self.rds, self.request, aside, &[], how).await {
                    // The deletion takes as long as its snapshot, which is nothing to wait for.
                    Ok(Asked::Accepted) => {
                        Ok(noted(output.waiting_for(settled(Some(resource_id))), discarded(self.names, resource_id)))
                    }
                    Ok(Asked::Busy) if !aside_is_over => Ok(output.then_more(at_rest(resource_id, aside_until))),
                    Err(NotDeleted::StorageWork(_)) if !aside_is_over => {
                        Ok(output.then_more(storage_work_ended(resource_id, aside_until)))
                    }
                    Ok(Asked::Busy) | Err(NotDeleted::StorageWork(_)) => {
                        let output = noted(output, awaited_long_enough(self.names.aside.as_str(), status));
                        self.delete_keeping_backups(aside, output).await
                    }
                    Err(NotDeleted::Status(_)) => self.delete_keeping_backups(aside, output).await,
                    Err(refusal) => Err(refusal.into_error(self.request, aside.db_cluster_identifier())),
                }
            }
        }
    }

    async fn delete_keeping_backups(&self, restored: &DbCluster, output: StepOutput) -> Result<StepOutput> {
        let identifier = restored.db_cluster_identifier().unwrap_or_default();
        let resource_id = restored.db_cluster_resource_id().unwrap_or_default();
        let status = restored.status().unwrap_or_default();
        // RDS names the time as soon as there is a backup.
        let has_backups = restored.latest_restorable_time().is_some();
        if restored.backup_retention_period().unwrap_or_default() <= 0 || !has_backups {
            return Err(nothing_to_keep(self.request, identifier, resource_id, status));
        }
        let note = backups_kept(identifier, resource_id, status);
        Ok(noted(self.delete(restored, ClusterDeletion::KEEPING_BACKUPS, output).await?, note))
    }

    /// Deletes the members, then their cluster.
    async fn delete(&self, restored: &DbCluster, how: ClusterDeletion, output: StepOutput) -> Result<StepOutput> {
        let resource_id = restored.db_cluster_resource_id();
        if !is_deleting(restored)
            && restored.deletion_protection() == Some(true)
            && !is_unprotected(self.rds, self.request, restored).await?
        {
            return Ok(output.then_more(settled(resource_id)));
        }
        if delete_members(self.rds, self.request, &self.members).await? == Asked::Busy {
            return Ok(output.then_more(members_settled(&self.members)));
        }
        let going = gone(resource_id.unwrap_or_default());
        if is_deleting(restored) {
            return Ok(output.waiting_for(going));
        }
        // As soon as the members are going: without them nothing would tell any more whether the cluster was in service.
        match delete_cluster(self.rds, self.request, restored, &self.members, how).await {
            Ok(Asked::Accepted) => Ok(output.waiting_for(going)),
            Ok(Asked::Busy) if self.members.is_empty() => Ok(output.then_more(settled(resource_id))),
            Ok(Asked::Busy) => Ok(output.then_more(members_gone(&self.members))),
            Err(refusal) => Err(refusal.into_error(self.request, restored.db_cluster_identifier())),
        }
    }

    /// The members that the run made: of the cluster moved aside if that is the run's, and those under the original's
    /// members' names.
    fn members_of_ours(&self) -> Vec<DbInstance> {
        let foreign = self.aside.as_ref().filter(|aside| self.missing(aside).is_some());
        let foreign = foreign.and_then(DbCluster::db_cluster_identifier);
        let is_ours = |member: &&DbInstance| foreign.is_none() || member.db_cluster_identifier() != foreign;
        self.members.iter().filter(is_ours).cloned().collect()
    }

    /// Takes what is not this execution's out of what will be removed, and says why it is not. A reader that Aurora Auto
    /// Scaling added to a cluster of the run goes with that cluster.
    fn set_foreign_members_aside(&mut self) -> Vec<String> {
        let ours: Vec<String> = [&self.restored, &self.aside]
            .into_iter()
            .flatten()
            .filter(|cluster| self.missing(cluster).is_none())
            .filter_map(|cluster| cluster.db_cluster_identifier().map(str::to_owned))
            .collect();
        let goes_with_ours = |member: &DbInstance| {
            let cluster = member.db_cluster_identifier();
            is_auto_scaled(member) && ours.iter().any(|one| cluster == Some(one.as_str()))
        };
        let mut kept = Vec::new();
        self.members.retain(|member| {
            let is_leaving = phase(DatabaseKind::Instance, member.db_instance_status()) == Phase::Deleting;
            if is_leaving || goes_with_ours(member) {
                return true;
            }
            let missing = Proofs::of_instance(member).missing(self.request, &self.planned);
            let is_ours = missing.is_none();
            kept.extend(missing);
            is_ours
        });
        kept
    }

    fn foreign_cluster(&self) -> Option<String> {
        self.missing(self.restored.as_ref().filter(|restored| !is_deleting(restored))?)
    }

    fn missing(&self, cluster: &DbCluster) -> Option<String> {
        Proofs::of_cluster(cluster).missing(self.request, &self.planned)
    }
}

fn has_pending_rename(cluster: &DbCluster) -> bool {
    cluster.pending_modified_values().is_some_and(|pending| pending.db_cluster_identifier().is_some())
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
async fn delete_members(rds: &Client, request: &Request, members: &[DbInstance]) -> Result<Asked> {
    let mut all = Asked::Accepted;
    for member in members {
        if phase(DatabaseKind::Instance, member.db_instance_status()) == Phase::Deleting {
            continue;
        }
        match delete_instance(rds, request, member, Deletion::OF_A_MEMBER).await {
            Ok(Asked::Accepted) => {}
            Ok(Asked::Busy) => all = Asked::Busy,
            Err(refusal) => return Err(refusal.into_error(request, member.db_instance_identifier())),
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
    /// All its automated backups are kept.
    const KEEPING_BACKUPS: Self = Self { final_snapshot: None, delete_automated_backups: false };
}

/// Deletes a DB cluster that has no members any more but such as are being deleted: RDS takes that, "in non-deleting state" is
/// what it refuses. Should it want them gone first, it is asked again then.
async fn delete_cluster(
    rds: &Client,
    request: &Request,
    cluster: &DbCluster,
    leaving: &[DbInstance],
    how: ClusterDeletion,
) -> std::result::Result<Asked, NotDeleted> {
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
    let Some(now) = look_again(rds, cluster).await? else { return Ok(Asked::Busy) };
    if is_deleting(&now) {
        return Ok(Asked::Accepted);
    }
    let is = |fault: fn(&DeleteDBClusterError) -> bool| error.as_service_error().is_some_and(fault);
    if is(DeleteDBClusterError::is_db_cluster_automated_backup_quota_exceeded_fault) {
        return Err(NotDeleted::BackupQuota);
    }
    let may_pass = is_passing(&now) || !leaving.is_empty();
    let is_about_status = is(DeleteDBClusterError::is_invalid_db_cluster_state_fault);
    if is_about_status && may_pass {
        return Ok(Asked::Busy);
    }
    let doing = format!("cannot delete the DB cluster {identifier}");
    let error = Error::from_aws(ErrorKind::Deletion, request.identifier.as_str(), doing, &error);
    Err(if is_about_status { NotDeleted::of_status(now.status(), error) } else { NotDeleted::Failed(error) })
}

/// Lifts the protection, and says whether that shows already.
async fn is_unprotected(rds: &Client, request: &Request, cluster: &DbCluster) -> Result<bool> {
    let identifier = cluster.db_cluster_identifier().unwrap_or_default();
    let call =
        rds.modify_db_cluster().db_cluster_identifier(identifier).deletion_protection(false).apply_immediately(true);
    let refused = Box::pin(call.send()).await.err();
    let Some(now) = look_again(rds, cluster).await? else { return Ok(false) };
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
