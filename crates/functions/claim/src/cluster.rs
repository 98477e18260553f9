//! `ClaimCluster` and its release.
//!
//! The claim is on the cluster. Once the claim has held, the step also claims the members. It renames and deletes each
//! member of an Aurora cluster, and each step checks the claim. For a Multi-AZ DB cluster, AWS may check the permission to
//! change each member. The original and its members keep their claims under their `-temp` names. So a later run knows whose
//! leftover they are.

use aws_sdk_rds::Client;
use aws_sdk_rds::types::{DbCluster, DbClusterSnapshot, DbInstance};
use trapheus_common::claim::{self, Claim};
use trapheus_common::clients::Lazy;
use trapheus_common::document::{
    ClusterKind, Member, OriginalCluster, ReleaseEvent, Request, StepEvent, StepOutput, TaskName,
};
use trapheus_common::identifiers::DatabaseIdentifier;
use trapheus_common::lambda::Invocation;
use trapheus_common::rds::{self, Database};
use trapheus_common::tags::Role;
use trapheus_common::{Error, ErrorKind, Result};

use crate::acquire;
use crate::release::{Release, is_replacement};

/// Claims the DB cluster and its own members for this execution, and makes sure that the claim has held.
pub async fn claim(
    client: &Client,
    sfn: &Lazy<aws_sdk_sfn::Client>,
    event: StepEvent<OriginalCluster>,
    at: Invocation,
) -> Result<StepOutput> {
    let StepEvent { request, plan } = &event;
    let target = &plan.target();
    acquire::check_plan(request, plan, target)?;
    acquire::check_age(plan, target, at)?;
    let look = async || DbCluster::of_resource_id(client, &target.resource_id).await;
    // Boxed, because the loops of reads would make every caller's future as large.
    Box::pin(acquire::claim(client, sfn, request, target, at, look)).await?;
    let original = &plan.original;
    // A run that only takes a snapshot works on no member.
    if request.task.restores() {
        let members = original.own_members().iter();
        // Auto Scaling adds and removes its members at any time, and a run changes none of them alone.
        let members: Vec<&Member> =
            members.filter(|member| !rds::is_auto_scaled(member.target.identifier().as_str())).collect();
        let ids: Vec<&str> = members.iter().map(|member| member.target.resource_id.as_str()).collect();
        let instances = rds::instances_by_resource_ids(client, &ids).await?;
        for member in members {
            let instance = rds::with_resource_id(&instances, &member.target.resource_id);
            claim_member(client, request, member, instance).await?;
        }
        if original.cluster_kind == ClusterKind::MultiAz
            && let Some(cluster) = rds::cluster_by_resource_id(client, &target.resource_id).await?
        {
            claim::write_on_members(client, &cluster, &request.execution, Role::Original).await?;
        }
    }
    Ok(StepOutput::done(TaskName::Claim, target.identifier()))
}

/// Claims a member. The claim on the cluster holds for its members, so an older claim on a member does not count.
async fn claim_member(
    client: &Client,
    request: &Request,
    member: &Member,
    instance: Option<&DbInstance>,
) -> Result<()> {
    let identifier = member.target.identifier();
    let changed = |what: &str| {
        let text = format!(
            "the member `{identifier}` {what}, unlike in the preflight: another person or job works on this cluster"
        );
        Error::new(ErrorKind::Claim, &request.identifier, text)
    };
    let instance = instance.ok_or_else(|| changed("does not answer any more"))?;
    if instance.db_instance_identifier() != Some(identifier.as_str()) {
        return Err(changed("was renamed"));
    }
    claim::write(client, instance, &request.execution, Role::Original).await
}

/// Removes this execution's claims from the cluster under the service name, original or restored, its members and its
/// snapshots. A restored cluster keeps its claim while the original is left over.
pub async fn release(client: &Client, event: ReleaseEvent<OriginalCluster>) -> Result<StepOutput> {
    let ReleaseEvent { request, plan, after_failure } = &event;
    let target = &plan.target();
    let mut release = Release::new(client, request, target);
    let resource_id = target.resource_id.as_str();
    release.find_original(async || DbCluster::of_resource_id(client, resource_id).await, *after_failure).await;
    let holder = release.found(rds::cluster(client, request.identifier.as_str()).await);
    release.check_end(holder.as_ref());
    if release.is_rolled_back_now(holder.as_ref()) {
        return release.output();
    }
    let original = &plan.original;
    let members = release
        .find_claimed(
            async || rds::instances_of_cluster(client, request.identifier.as_str()).await,
            |instance| {
                let is_auto_scaled = instance.db_instance_identifier().is_some_and(rds::is_auto_scaled);
                *after_failure && request.task.restores() && !is_auto_scaled
            },
        )
        .await;
    // Without a resource id the cluster's claim may be a copy, which says nothing of its members.
    let claim = holder.as_ref().and_then(Claim::on);
    let is_ours = claim.is_some_and(|claim| claim.is_by(&request.execution) && claim.is_proven);
    for instance in members {
        let has = |name: &DatabaseIdentifier| instance.is_named(name.as_str());
        let is_parked = |member: &Member| {
            let names = &member.target.names;
            names.parked != names.service && has(&names.parked)
        };
        if original.own_members().iter().any(|member| has(member.target.identifier())) {
            release.check_status(&instance);
        }
        if !original.own_members().iter().any(is_parked) {
            release.off_member(&instance, is_ours).await;
        }
    }
    if let Some(cluster) = &holder {
        release.of_holder(cluster).await;
    }
    if let Some(snapshot) = release.found(rds::cluster_snapshot(client, request.snapshot_identifier.as_str()).await) {
        release.from(snapshot.db_cluster_snapshot_arn(), snapshot.tag_list()).await;
    }
    for snapshot in release.found(snapshots_of(client, resource_id).await) {
        if !is_replacement(&plan.names, snapshot.db_cluster_snapshot_identifier(), snapshot.tag_list()) {
            release.from(snapshot.db_cluster_snapshot_arn(), snapshot.tag_list()).await;
        }
    }
    release.output()
}

/// The original's manual snapshots: RDS copies all tags of the cluster into them if the cluster is configured so.
async fn snapshots_of(client: &Client, resource_id: &str) -> Result<Vec<DbClusterSnapshot>> {
    // A recovery may run when no claim identifies the original any longer.
    if resource_id.is_empty() {
        return Ok(Vec::new());
    }
    let request = client.describe_db_cluster_snapshots().db_cluster_resource_id(resource_id).snapshot_type("manual");
    let found: std::result::Result<Vec<_>, _> = request.into_paginator().items().send().collect().await;
    match found {
        Ok(snapshots) => Ok(snapshots),
        Err(error) if error.as_service_error().is_some_and(|e| e.is_db_cluster_snapshot_not_found_fault()) => {
            Ok(Vec::new())
        }
        Err(error) => {
            Err(Error::from_aws(ErrorKind::Claim, resource_id, "cannot describe the original's snapshots", &error))
        }
    }
}
