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
use trapheus_common::wait::{Goal, MemberGoal};
use trapheus_common::{Error, ErrorKind, Result, rds, tags};

use crate::{
    Position, Route, ask, check_may_leave, check_name_is_free, displacing, failed, is_going, not_found, noted,
    position_of,
};

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
    let holder = clusters.at(route.to);
    Move { rds, original: &event.plan.original, route, members, cluster, holder }.step(output).await
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

/// A member as one read showed it.
enum Found {
    Here(Box<DbInstance>),
    /// The member is between two names: the cluster lists it, and it does not answer.
    Moving {
        to: DatabaseIdentifier,
    },
    /// A person is deleting the member.
    Leaving,
    /// The member does not answer, and the cluster does not list it by a name of the plan.
    Absent,
}

/// The members after a step.
#[derive(Default)]
struct Progress {
    goals: Vec<MemberGoal>,
    notes: Vec<String>,
    failures: Vec<Error>,
    /// Whether some members do not have their new names yet.
    is_moving: bool,
    /// Whether some members need another call.
    is_unfinished: bool,
}

struct Move<'a> {
    rds: &'a Client,
    original: &'a OriginalCluster,
    route: Route<'a>,
    members: Vec<Route<'a>>,
    cluster: &'a DbCluster,
    /// The cluster under the new name.
    holder: Option<&'a DbCluster>,
}

impl Move<'_> {
    async fn step(&self, mut output: StepOutput) -> Result<StepOutput> {
        let Route { target, to: wanted, after_failure, .. } = self.route;
        let position = position_of(self.cluster, wanted);
        if let Position::Busy { at } = &position {
            // A cluster in a rename refuses changes of its members.
            return Ok(output.then_more(self.goal(at, Vec::new())));
        }
        // A deleted member does not keep its cluster from its name; after a failure the search for it comes afterwards.
        let looks_again = !after_failure || position == Position::There;
        let (instances, found) = self.find_members(looks_again).await?;
        if !after_failure {
            self.check_all_may_leave(&found, &instances, &position)?;
        }
        let members = self.move_members(found, looks_again).await?;
        output.notes.extend(members.notes);
        let mut unfinished = members.is_unfinished || !members.failures.is_empty();
        if members.is_moving && position == Position::Elsewhere {
            return Ok(output.then_more(self.goal(&self.present(), members.goals)));
        }
        output.notes.extend(self.note_on_added_members().await?);
        let position = match position {
            Position::Elsewhere => match self.move_cluster().await {
                Ok(position) => position,
                Err(error) => {
                    return Err(together(target, members.failures.into_iter().chain([error]).collect()));
                }
            },
            position => position,
        };
        let is_there = position == Position::There;
        let at = match position {
            Position::Busy { at } => {
                unfinished = true;
                at
            }
            _ => wanted.clone(),
        };
        if !members.failures.is_empty() && is_there && !members.is_moving {
            return Err(together(target, members.failures));
        }
        if is_there && self.is_settled_in_failure(&mut output) {
            let is_done = !members.is_moving && !unfinished;
            return Ok(if is_done { output } else { output.then_more(settled(&members.goals)) });
        }
        let goal = self.goal(&at, members.goals);
        Ok(if unfinished { output.then_more(goal) } else { output.waiting_for(goal) })
    }

    fn present(&self) -> DatabaseIdentifier {
        DatabaseIdentifier::reported(self.cluster.name())
    }

    fn goal(&self, identifier: &DatabaseIdentifier, members: Vec<MemberGoal>) -> Goal {
        Goal::Available {
            identifier: identifier.clone(),
            resource_id: Some(self.route.target.resource_id.clone()),
            members,
        }
    }

    /// Whether the cluster has its name in a status that waiting does not change. After a failure this becomes a note.
    fn is_settled_in_failure(&self, output: &mut StepOutput) -> bool {
        if !self.route.after_failure {
            return false;
        }
        let state = if self.cluster.phase() != Phase::Available {
            format!("in status {}", self.cluster.status().unwrap_or_default())
        } else if self.cluster.has_other_modifications() {
            "with modifications pending".to_owned()
        } else {
            return false;
        };
        output.notes.push(format!("{} is under its own name, {state}", self.route.to));
        true
    }

    /// The databases under the names, and the members. A single read without a member proves nothing: between two names it
    /// does not answer. So the step reads again for longer than a rename takes before the member counts as deleted.
    async fn find_members(&self, looks_again: bool) -> Result<(Vec<DbInstance>, Vec<(Route<'_>, Found)>)> {
        let look = async || {
            let instances = instances(self.rds, &self.members).await?;
            let mut found = Vec::new();
            for &member in &self.members {
                let instance = rds::with_resource_id(&instances, &member.target.resource_id);
                found.push((member, self.find(member, instance).await?));
            }
            Ok((instances, found))
        };
        let is_sure = |(_, found): &(_, Vec<(_, Found)>)| {
            !looks_again || !found.iter().any(|(_, one)| matches!(one, Found::Absent))
        };
        claim::look_until(look, is_sure).await
    }

    async fn find(&self, member: Route<'_>, instance: Option<&DbInstance>) -> Result<Found> {
        if let Some(instance) = instance {
            let is_leaving = instance.phase() == Phase::Deleting;
            return Ok(if is_leaving { Found::Leaving } else { Found::Here(Box::new(instance.clone())) });
        }
        // Between two names a member does not answer, and its cluster still lists its old name.
        for (listed, to) in [(member.from, member.to), (member.to, member.from)] {
            let is_listed = self
                .cluster
                .db_cluster_members()
                .iter()
                .any(|member| member.db_instance_identifier() == Some(listed.as_str()));
            if is_listed && rds::instance(self.rds, listed.as_str()).await?.is_none() {
                return Ok(Found::Moving { to: to.clone() });
            }
        }
        Ok(Found::Absent)
    }

    /// The step checks all known facts before the first member's rename.
    fn check_all_may_leave(
        &self,
        found: &[(Route<'_>, Found)],
        instances: &[DbInstance],
        position: &Position,
    ) -> Result<()> {
        let target = self.route.target;
        if self.cluster.phase() == Phase::Deleting {
            return Err(failed(target, "a person is deleting this DB cluster; nothing was renamed"));
        }
        for (member, found) in found {
            match found {
                Found::Leaving | Found::Absent => {
                    let message = format!(
                        "its member {} ({}) is gone: it was removed during the run",
                        member.from, member.target.resource_id
                    );
                    return Err(failed(target, message));
                }
                Found::Moving { .. } => {}
                Found::Here(instance) => {
                    if position_of(&**instance, member.to) == Position::Elsewhere {
                        let holder = instances.iter().find(|holder| holder.is_named(member.to.as_str()));
                        check_may_leave(&**instance, *member, holder)?;
                    }
                }
            }
        }
        if *position == Position::Elsewhere {
            check_may_leave(self.cluster, self.route, self.holder)?;
        }
        Ok(())
    }

    async fn move_members(&self, found: Vec<(Route<'_>, Found)>, looked_again: bool) -> Result<Progress> {
        let mut progress = Progress::default();
        for (member, found) in found {
            if matches!(found, Found::Absent) && !looked_again {
                progress.is_unfinished = true;
                continue;
            }
            match self.move_member(member, found, &mut progress).await {
                Ok(()) => {}
                Err(error) if member.after_failure => progress.failures.push(error),
                Err(error) => return Err(error),
            }
        }
        Ok(progress)
    }

    async fn move_member(&self, member: Route<'_>, found: Found, progress: &mut Progress) -> Result<()> {
        let Route { target, from, to: wanted, after_failure } = member;
        let instance = match found {
            Found::Here(instance) => instance,
            Found::Leaving | Found::Absent => {
                let end = if matches!(found, Found::Leaving) { "is being deleted" } else { "no longer exists" };
                let note = format!("the member {} ({}) {end}", target.identifier(), target.resource_id);
                progress.notes.push(note);
                return Ok(());
            }
            Found::Moving { to } => {
                progress.is_moving = true;
                progress.is_unfinished |= to != *wanted;
                progress.goals.push(member_goal(target, to));
                return Ok(());
            }
        };
        let position = match position_of(&*instance, wanted) {
            Position::Elsewhere => {
                if after_failure {
                    let holder = rds::instance(self.rds, wanted.as_str()).await?;
                    check_name_is_free(member, holder.as_ref())?;
                }
                ask(self.rds, &*instance, member).await?
            }
            position => position,
        };
        let at = match position {
            Position::There => {
                if !is_worth_waiting_for(&instance, member, progress) {
                    return Ok(());
                }
                wanted.clone()
            }
            Position::UnderWay => {
                progress.is_moving = true;
                wanted.clone()
            }
            Position::Busy { at } => {
                progress.is_moving = true;
                progress.is_unfinished = true;
                at
            }
            Position::Elsewhere => from.clone(),
        };
        progress.goals.push(member_goal(target, at));
        Ok(())
    }

    /// Requests the rename of a cluster that is [`Position::Elsewhere`], and returns its new position.
    async fn move_cluster(&self) -> Result<Position> {
        check_name_is_free(self.route, self.holder)?;
        ask(self.rds, self.cluster, self.route).await
    }

    async fn note_on_added_members(&self) -> Result<Option<String>> {
        if self.original.own_members().is_empty() {
            return Ok(None);
        }
        let live = rds::instances_of_cluster(self.rds, self.present().as_str()).await?;
        let is_known = |instance: &DbInstance| {
            let id = instance.dbi_resource_id();
            self.original.members.iter().any(|known| id == Some(&known.target.resource_id))
                || self.members.iter().any(|known| id == Some(&known.target.resource_id))
        };
        let added: Vec<&str> =
            live.iter().filter(|instance| !is_known(instance)).filter_map(DbInstance::db_instance_identifier).collect();
        Ok((!added.is_empty()).then(|| {
            format!("added to the cluster during the run, and left under the name it has: {}", added.join(", "))
        }))
    }
}

/// Whether the step waits for the member. After a failure a stopped or broken member does not delay its cluster.
fn is_worth_waiting_for(instance: &DbInstance, member: Route<'_>, progress: &mut Progress) -> bool {
    let status = instance.status().unwrap_or_default();
    let is_available = instance.phase() == Phase::Available;
    let is_settled = !is_available || instance.has_pending_modifications();
    if member.after_failure && is_settled {
        let pending = if is_available { ", with modifications pending" } else { "" };
        progress.notes.push(format!("the member {} is under its own name in status {status}{pending}", member.to));
        return false;
    }
    true
}

fn settled(members: &[MemberGoal]) -> Goal {
    Goal::MembersSettled { resource_ids: members.iter().filter_map(|member| member.resource_id.clone()).collect() }
}

fn member_goal(target: &Target, identifier: DatabaseIdentifier) -> MemberGoal {
    let resource_id = Some(target.resource_id.clone()).filter(|id| !id.is_empty());
    MemberGoal { identifier, resource_id }
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
