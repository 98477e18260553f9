//! Restores a DB cluster.
//!
//! Aurora needs three calls of this step. The first restores the cluster. The second creates the former writer, because the
//! first instance of a cluster becomes its writer. The third creates all other members at once. A Multi-AZ DB cluster needs
//! two: RDS creates its members, and the second call claims them. Each call first reads the present state and makes the
//! missing changes. "You can create DB instances only after the DB cluster is available":
//! <https://docs.aws.amazon.com/AmazonRDS/latest/APIReference/API_RestoreDBClusterFromSnapshot.html>

use aws_sdk_rds::Client;
use aws_sdk_rds::types::{DbCluster, DbClusterSnapshot, DbInstance};
use trapheus_common::claim::{self, Claim, Ownership};
use trapheus_common::document::{
    ClusterKind, Member, OriginalCluster, Request, RestoreEvent, Source, SourceKind, StepOutput, Target, TaskName,
};
use trapheus_common::identifiers::DatabaseIdentifier;
use trapheus_common::rds::{self, Database};
use trapheus_common::settings::{ClusterSettings, SettingCall, Settings};
use trapheus_common::tags::{self, Role};
use trapheus_common::wait::acceptor::Phase;
use trapheus_common::wait::{Goal, MemberGoal};
use trapheus_common::{Error, ErrorKind, Result};

use crate::{Restores, Wanted, calls, moment, refused, requested, taken};

const KIND: ErrorKind = ErrorKind::ClusterRestore;

/// Restores the parts of the cluster that are possible now, unless their restore is under way.
pub async fn restore(rds: &Client, event: RestoreEvent<OriginalCluster>) -> Result<StepOutput> {
    let RestoreEvent { request, plan, to, .. } = &event;
    let original = &plan.original;
    let identifier = plan.names.database.of(*to)?;
    let restored: DbCluster = requested(rds, &event, identifier).await?;
    let output = StepOutput::done(TaskName::ClusterRestore, identifier);
    let resource_id = restored.db_cluster_resource_id.clone();
    let restoring = Restoring { rds, event: &event, identifier, resource_id };
    if restored.phase() != Phase::Available || is_busy(&restored) {
        return Ok(output.then_more(restoring.goal(&[])));
    }
    let [writer, others @ ..] = original.own_members() else {
        if original.cluster_kind == ClusterKind::MultiAz {
            claim::write_on_members(rds, &restored, &request.execution, Role::Restored).await?;
        }
        // The cluster's status does not include its members; the wait reads them as well.
        return Ok(output.confirming(restoring.goal(&[])));
    };
    let there = rds::instances_of_cluster(rds, identifier.as_str()).await?;
    let ids: Vec<&str> = original.own_members().iter().map(|member| member.target.resource_id.as_str()).collect();
    let originals = rds::instances_by_resource_ids(rds, &ids).await?;
    let writer_goal = match Box::pin(restoring.member(writer, &originals, &there)).await? {
        Creation::NotNow => return Ok(output.then_more(restoring.goal(&[]))),
        Creation::UnderWay { goal, available: false } if !others.is_empty() => {
            return Ok(output.then_more(restoring.goal(&[goal])));
        }
        Creation::UnderWay { goal, .. } => goal,
    };
    let mut goals = vec![writer_goal];
    for member in others {
        match Box::pin(restoring.member(member, &originals, &there)).await? {
            Creation::NotNow => return Ok(output.then_more(restoring.goal(&goals))),
            Creation::UnderWay { goal, .. } => goals.push(goal),
        }
    }
    Ok(output.waiting_for(restoring.goal(&goals)))
}

impl Restores for DbCluster {
    type Original = OriginalCluster;
    type Snapshot = DbClusterSnapshot;
    const ERROR: ErrorKind = KIND;

    async fn snapshot_now(rds: &Client, pinned: &Source, own: &str) -> Result<Option<DbClusterSnapshot>> {
        rds::source::cluster_snapshot_now(rds, pinned, own).await
    }

    fn pin(snapshot: &DbClusterSnapshot) -> Option<Source> {
        rds::source::of_cluster_snapshot(snapshot)
    }

    async fn from_snapshot(
        rds: &Client,
        wanted: Wanted<'_, OriginalCluster>,
        snapshot: &DbClusterSnapshot,
    ) -> Result<Self> {
        // Without a version RDS would use the engine's default, not the snapshot's.
        let version = snapshot.engine_version().unwrap_or(&wanted.original.engine_version);
        let call = rds
            .restore_db_cluster_from_snapshot()
            .db_cluster_identifier(wanted.identifier)
            .set_snapshot_identifier(wanted.snapshot())
            .engine(&wanted.original.engine)
            .engine_version(version)
            .deletion_protection(false)
            .set_tags(Some(wanted.tags));
        let answer = calls::restore_cluster(call, settings(wanted.original)).send().await;
        answer.map(|answer| answer.db_cluster.unwrap_or_else(nothing)).map_err(|error| wanted.subject.refused(&error))
    }

    /// The resource id names the source, because the run has renamed the original, and the name may pass to another cluster.
    async fn to_moment(rds: &Client, wanted: Wanted<'_, OriginalCluster>) -> Result<Self> {
        let call = rds
            .restore_db_cluster_to_point_in_time()
            .db_cluster_identifier(wanted.identifier)
            .source_db_cluster_resource_id(wanted.pinned.resource_id_for_calls()?)
            .deletion_protection(false)
            .set_tags(Some(wanted.tags));
        // RDS takes no moment for a copy-on-write clone, which has the present state.
        let call = match wanted.pinned.kind {
            SourceKind::Clone => call.restore_type("copy-on-write").use_latest_restorable_time(true),
            _ => call.restore_to_time(moment(wanted.pinned)),
        };
        let answer = calls::restore_cluster_to_moment(call, settings(wanted.original)).send().await;
        answer.map(|answer| answer.db_cluster.unwrap_or_else(nothing)).map_err(|error| wanted.subject.refused(&error))
    }
}

fn nothing() -> DbCluster {
    DbCluster::builder().build()
}

fn settings(original: &OriginalCluster) -> ClusterSettings {
    original.settings.taken_by(SettingCall::Restore, &original.engine)
}

/// An Aurora cluster whose members are in creation.
struct Restoring<'a> {
    rds: &'a Client,
    event: &'a RestoreEvent<OriginalCluster>,
    identifier: &'a DatabaseIdentifier,
    resource_id: Option<String>,
}

/// The progress of a member.
enum Creation {
    UnderWay {
        goal: MemberGoal,
        available: bool,
    },
    /// The cluster does not accept members at the moment.
    NotNow,
}

impl Restoring<'_> {
    fn goal(&self, members: &[MemberGoal]) -> Goal {
        Goal::Available {
            identifier: self.identifier.clone(),
            resource_id: self.resource_id.clone(),
            members: members.to_vec(),
        }
    }

    /// Creates the member, unless it already exists.
    async fn member(&self, member: &Member, originals: &[DbInstance], there: &[DbInstance]) -> Result<Creation> {
        let RestoreEvent { request, plan, to, .. } = self.event;
        let identifier = member.target.names.of(*to)?;
        let name = identifier.as_str();
        if let Some(found) = there.iter().find(|instance| instance.db_instance_identifier() == Some(name)) {
            // Another invocation may have created it a moment ago.
            let shown = if Claim::is_shown_by(found, &request.execution) {
                None
            } else {
                claim::created(self.rds, name, &request.execution).await?
            };
            return self.under_way(identifier, shown.as_ref().unwrap_or(found)).await;
        }
        let original = rds::with_resource_id(originals, &member.target.resource_id);
        let original = original.ok_or_else(|| original_member_is_gone(request, member))?;
        let tags = tags::of_the_user(original.tag_list());
        let call = self
            .rds
            .create_db_instance()
            .db_instance_identifier(name)
            .db_cluster_identifier(self.identifier)
            .engine(&plan.original.engine)
            .set_tags(Some(tags::with_mark(&tags, &request.execution, Role::Restored)));
        let settings = member.settings.taken_by(SettingCall::Create, &plan.original.engine);
        let error = match calls::create_member(call, settings).send().await {
            Ok(answer) => {
                let created = answer.db_instance.unwrap_or_else(|| DbInstance::builder().build());
                claim::complete(self.rds, &created, &request.execution).await?;
                let resource_id = created.dbi_resource_id;
                let goal = MemberGoal { identifier: identifier.clone(), resource_id };
                return Ok(Creation::UnderWay { goal, available: false });
            }
            Err(error) => error,
        };
        // RDS may have carried out the call although its answer was lost; or another database may have the name.
        if let Some(found) = claim::created(self.rds, name, &request.execution).await? {
            return self.under_way(identifier, &found).await;
        }
        if error.as_service_error().is_some_and(|error| error.is_invalid_db_cluster_state_fault())
            && rds::cluster(self.rds, self.identifier.as_str()).await?.as_ref().is_some_and(is_busy)
        {
            return Ok(Creation::NotNow);
        }
        let cluster = self.identifier.as_str();
        Err(refused(
            KIND,
            cluster,
            &format!("the cluster is restored, but its member {name} cannot be created"),
            &error,
        ))
    }

    /// The existing member, if this execution created it in this cluster.
    async fn under_way(&self, identifier: &DatabaseIdentifier, found: &DbInstance) -> Result<Creation> {
        let RestoreEvent { request, plan, .. } = self.event;
        let name = identifier.as_str();
        if let Some(why) = Ownership::of_instance(found).missing(request, &plan.planned()) {
            return Err(taken(KIND, name, &why));
        }
        if found.db_cluster_identifier() != Some(self.identifier.as_str()) {
            let cluster = found.db_cluster_identifier().unwrap_or("no cluster");
            return Err(taken(KIND, name, &format!("{name} belongs to {cluster}")));
        }
        claim::complete(self.rds, found, &request.execution).await?;
        let goal =
            MemberGoal { identifier: identifier.clone(), resource_id: found.dbi_resource_id().map(str::to_owned) };
        Ok(Creation::UnderWay { goal, available: found.phase() == Phase::Available })
    }
}

fn original_member_is_gone(request: &Request, member: &Member) -> Error {
    let Target { names, resource_id } = &member.target;
    let identifier = &names.service;
    let message = format!(
        "the member {identifier} cannot be created: its original ({resource_id}), whose tags it gets, does not answer"
    );
    Error::new(KIND, &request.identifier, message)
}

/// Whether the cluster has a passing status. For a moment only its pending changes show that.
fn is_busy(cluster: &DbCluster) -> bool {
    cluster.phase() == Phase::Passing || cluster.has_pending_modifications()
}
