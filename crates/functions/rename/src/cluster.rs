//! The rename of a DB cluster: an Aurora cluster's members first, all at once, then the cluster itself.
//!
//! RDS renames the members of a Multi-AZ DB cluster with it. Members that a person added during the run follow an Aurora
//! cluster under their present names. On the way back, one failure does not stop the other renames. After them, the step
//! reports the member that it cannot rename.

use aws_sdk_rds::Client;
use aws_sdk_rds::types::{DbCluster, DbInstance};
use trapheus_common::claim::{self, Claim};
use trapheus_common::document::{OriginalCluster, RenameEvent, StepOutput, Target, TaskName};
use trapheus_common::identifiers::DatabaseIdentifier;
use trapheus_common::rds::Database;
use trapheus_common::wait::acceptor::Phase;
use trapheus_common::{Error, ErrorKind, Result, rds, tags};

use crate::decide::{Act, Found, Member, World};
use crate::{Position, Route, Seen, ask, check_name_is_free, displacing, is_going, not_found, noted, position_of};

/// Renames the cluster and its members, one step at a time.
pub async fn rename(rds: &Client, event: RenameEvent<OriginalCluster>) -> Result<StepOutput> {
    let target = &event.target();
    let route = Route::of(&event, target)?;
    let output = StepOutput::done(TaskName::Rename, route.to.as_str());
    let clusters = route.find::<DbCluster>(rds).await?;
    let Some(cluster) = &clusters.original else {
        return not_found(route, output, displacing(&clusters, route));
    };
    if route.after_failure && cluster.phase() == Phase::Deleting {
        let has_survivor = clusters.at(route.to).is_some_and(|holder| !holder.is(&target.resource_id));
        return Ok(noted(output, is_going(route, has_survivor)));
    }
    let members = members(rds, &event, cluster).await?;
    let members = members.iter().map(|member| Route::of(&event, member)).collect::<Result<Vec<_>>>()?;
    let was_claimed = tags::value(cluster.tag_list(), tags::EXECUTION).is_some();
    if route.after_failure && !was_claimed && is_there(rds, route, &members, cluster).await? {
        return Ok(output);
    }
    route.check_claim(&event.request, cluster)?;
    let seen = Seen::of(cluster, route, clusters.at(route.to));
    let world = World { route, cluster: seen, is_refused: false, members: None, has_searched: false, added: None };
    let original = &event.plan.original;
    Step { rds, original, cluster, members, instances: Vec::new(), world, failures: Vec::new() }.run(output).await
}

/// The members that the step renames one by one. The plan has the resource ids of the original's members. Names and claims
/// identify the members that the run created.
async fn members(rds: &Client, event: &RenameEvent<OriginalCluster>, cluster: &DbCluster) -> Result<Vec<Target>> {
    let planned = event.plan.original.own_members().iter().map(|member| &member.target);
    if event.is_of_original() {
        return Ok(planned.cloned().collect());
    }
    let live = rds::instances_of_cluster(rds, cluster.name()).await?;
    let created = |name: &DatabaseIdentifier| {
        let named = live.iter().find(|instance| instance.is_named(name.as_str()));
        named.filter(|instance| Claim::is_shown_by(*instance, &event.request.execution))
    };
    let mut members = Vec::new();
    for Target { names, .. } in planned {
        let found = created(names.of(event.from)?).or(created(names.of(event.to)?));
        let resource_id = found.and_then(|instance| instance.dbi_resource_id()).unwrap_or_default().to_owned();
        members.push(Target { names: names.clone(), resource_id });
    }
    Ok(members)
}

/// Whether the cluster and every member has its new name. An original without a claim was never renamed.
async fn is_there(rds: &Client, route: Route<'_>, members: &[Route<'_>], cluster: &DbCluster) -> Result<bool> {
    let instances = instances(rds, members).await?;
    for member in members {
        let found = rds::with_resource_id(&instances, &member.target.resource_id);
        // A member that does not answer may be between two names.
        if found.is_none_or(|instance| position_of(instance, member.to) != Position::There) {
            return Ok(false);
        }
    }
    Ok(position_of(cluster, route.to) == Position::There)
}

/// The instances under the members' names, and the members themselves under any name. One read is enough if each member has
/// one of its two names.
async fn instances(rds: &Client, members: &[Route<'_>]) -> Result<Vec<DbInstance>> {
    let names: Vec<&str> = members.iter().flat_map(|member| [member.from.as_str(), member.to.as_str()]).collect();
    let mut found = rds::instances_named(rds, &names).await?;
    let elsewhere: Vec<&str> = members
        .iter()
        .map(|member| member.target.resource_id.as_str())
        .filter(|id| !id.is_empty() && rds::with_resource_id(&found, id).is_none())
        .collect();
    found.extend(rds::instances_by_resource_ids(rds, &elsewhere).await?);
    Ok(found)
}

/// One step of the rename: reads and calls, as the decisions ask for them.
struct Step<'a> {
    rds: &'a Client,
    original: &'a OriginalCluster,
    cluster: &'a DbCluster,
    members: Vec<Route<'a>>,
    /// The instances of the last look.
    instances: Vec<DbInstance>,
    world: World<'a>,
    failures: Vec<Error>,
}

impl Step<'_> {
    async fn run(mut self, mut output: StepOutput) -> Result<StepOutput> {
        loop {
            match self.world.decide() {
                Act::LookForMembers => self.look_for_members().await?,
                Act::LookForAdded => self.world.added = Some(self.added_members().await?),
                Act::RenameMember(index) => self.rename_member(index).await?,
                Act::RenameCluster => self.rename_cluster().await,
                Act::Report => return Err(together(self.world.route.target, self.failures)),
                Act::End(end) => {
                    output.notes.extend(self.world.notes());
                    return end.output(output);
                }
            }
        }
    }

    /// Looks for the members. A single read without a member proves nothing: between two names it does not answer. So the
    /// step reads again for longer than a rename takes before the member counts as deleted.
    async fn look_for_members(&mut self) -> Result<()> {
        let searches_longer = self.world.searches_longer();
        let look = async || {
            let instances = instances(self.rds, &self.members).await?;
            let mut found = Vec::new();
            for &route in &self.members {
                found.push((route, self.find(route, &instances).await?));
            }
            Ok((instances, found))
        };
        let is_sure = |(_, found): &(Vec<DbInstance>, Vec<(Route<'_>, Found)>)| {
            !searches_longer || !found.iter().any(|(_, one)| matches!(one, Found::Absent))
        };
        let (instances, found) = claim::look_until(look, is_sure).await?;
        self.instances = instances;
        let members = found.into_iter().map(|(route, found)| Member { route, found, is_refused: false });
        self.world.members = Some(members.collect());
        self.world.has_searched = searches_longer;
        Ok(())
    }

    async fn find(&self, route: Route<'_>, instances: &[DbInstance]) -> Result<Found> {
        if let Some(instance) = rds::with_resource_id(instances, &route.target.resource_id) {
            let holder = instances.iter().find(|holder| holder.is_named(route.to.as_str()));
            let is_leaving = instance.phase() == Phase::Deleting;
            return Ok(if is_leaving { Found::Leaving } else { Found::Here(Seen::of(instance, route, holder)) });
        }
        // Between two names a member does not answer, and its cluster still lists its old name.
        for (listed, to) in [(route.from, route.to), (route.to, route.from)] {
            let mut members = self.cluster.db_cluster_members().iter();
            let is_listed = members.any(|member| member.db_instance_identifier() == Some(listed.as_str()));
            if is_listed && rds::instance(self.rds, listed.as_str()).await?.is_none() {
                return Ok(Found::Moving { to: to.clone() });
            }
        }
        Ok(Found::Absent)
    }

    /// Requests the rename of a member. After a failure, a refused one does not stop the others.
    async fn rename_member(&mut self, index: usize) -> Result<()> {
        let members = self.world.members.as_mut();
        let Some(Member { route, found: Found::Here(seen), is_refused }) = members.and_then(|all| all.get_mut(index))
        else {
            return Err(Error::internal("the step decided to rename a member that it does not see"));
        };
        match request_member(self.rds, &self.instances, *route).await {
            Ok(position) => seen.position = position,
            Err(error) if route.after_failure => {
                *is_refused = true;
                self.failures.push(error);
            }
            Err(error) => return Err(error),
        }
        Ok(())
    }

    async fn rename_cluster(&mut self) {
        match request_cluster(self.rds, self.cluster, &self.world).await {
            Ok(position) => self.world.cluster.position = position,
            Err(error) => {
                self.world.is_refused = true;
                self.failures.push(error);
            }
        }
    }

    /// The members that a person added. They follow the cluster under their present names.
    async fn added_members(&self) -> Result<Vec<String>> {
        if self.original.own_members().is_empty() {
            return Ok(Vec::new());
        }
        let live = rds::instances_of_cluster(self.rds, self.cluster.name()).await?;
        let is_known = |instance: &DbInstance| {
            let id = instance.dbi_resource_id();
            self.original.members.iter().any(|known| id == Some(&known.target.resource_id))
                || self.members.iter().any(|known| id == Some(&known.target.resource_id))
        };
        let added = live.iter().filter(|instance| !is_known(instance)).filter_map(DbInstance::db_instance_identifier);
        Ok(added.map(str::to_owned).collect())
    }
}

/// Requests the rename of a member, and returns its new position. After a failure the step reads the holder of the new name
/// again, because the run may have deleted it meanwhile.
async fn request_member(rds: &Client, instances: &[DbInstance], route: Route<'_>) -> Result<Position> {
    let instance = rds::with_resource_id(instances, &route.target.resource_id);
    let instance =
        instance.ok_or_else(|| Error::internal("the step decided to rename a member that it does not see"))?;
    if route.after_failure {
        check_name_is_free(route, rds::instance(rds, route.to.as_str()).await?.as_ref())?;
    }
    ask(rds, instance, route).await
}

/// Requests the rename of the cluster, and returns its new position.
async fn request_cluster(rds: &Client, cluster: &DbCluster, world: &World<'_>) -> Result<Position> {
    match world.cluster.refusal(world.route) {
        Some(error) => Err(error),
        None => ask(rds, cluster, world.route).await,
    }
}

/// One error for all failed renames; retryable only if a retry may help all of them.
fn together(target: &Target, mut failures: Vec<Error>) -> Error {
    if failures.len() == 1
        && let Some(only) = failures.pop()
    {
        return only;
    }
    let kind = match failures.iter().find(|failure| !failure.kind().retryable()) {
        Some(_) => ErrorKind::Rename,
        None => failures.first().map_or(ErrorKind::Rename, Error::kind),
    };
    let reports: Vec<String> = failures.iter().map(Error::report).collect();
    Error::new(
        kind,
        target.identifier().as_str(),
        format!("not everything is back under its name: {}", reports.join("; ")),
    )
}
