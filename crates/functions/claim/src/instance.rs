//! `ClaimDbInstance` and its release.
//!
//! The original keeps its claim under its `-temp` name, so a later run knows whose leftover it is.

use aws_sdk_rds::Client;
use aws_sdk_rds::types::{DbInstance, DbSnapshot};
use trapheus_common::clients::Lazy;
use trapheus_common::document::{OriginalInstance, ReleaseEvent, StepEvent, StepOutput, TaskName};
use trapheus_common::lambda::Invocation;
use trapheus_common::rds::{self, Database};
use trapheus_common::{Error, ErrorKind, Result};

use crate::acquire;
use crate::release::{Release, is_replacement};

/// Claims the DB instance for this execution, and makes sure that the claim has held.
pub async fn claim(
    client: &Client,
    sfn: &Lazy<aws_sdk_sfn::Client>,
    event: StepEvent<OriginalInstance>,
    at: Invocation,
) -> Result<StepOutput> {
    let StepEvent { request, plan } = &event;
    let target = &plan.target();
    acquire::check_plan(request, plan, target)?;
    acquire::check_age(plan, target, at)?;
    let look = async || DbInstance::of_resource_id(client, &target.resource_id).await;
    // Boxed, because the loops of reads would make every caller's future as large.
    Box::pin(acquire::claim(client, sfn, request, target, at, look)).await?;
    Ok(StepOutput::done(TaskName::Claim, target.identifier()))
}

/// Removes this execution's claims from the database that has the service name, original or restored, and from its
/// snapshots. A restored database keeps its claim while the original is left over.
pub async fn release(client: &Client, event: ReleaseEvent<OriginalInstance>) -> Result<StepOutput> {
    let ReleaseEvent { request, plan, after_failure } = &event;
    let target = &plan.target();
    let mut release = Release::new(client, request, target);
    let resource_id = target.resource_id.as_str();
    release.find_original(async || DbInstance::of_resource_id(client, resource_id).await, *after_failure).await;
    let holder = release.found(rds::instance(client, request.identifier.as_str()).await);
    release.check_end(holder.as_ref());
    if release.is_rolled_back_now(holder.as_ref()) {
        return release.output();
    }
    if let Some(instance) = &holder {
        release.of_holder(instance).await;
    }
    if let Some(snapshot) = release.found(rds::snapshot(client, request.snapshot_identifier.as_str()).await) {
        release.from(snapshot.db_snapshot_arn(), snapshot.tag_list()).await;
    }
    for snapshot in release.found(snapshots_of(client, resource_id).await) {
        if !is_replacement(&plan.names, snapshot.db_snapshot_identifier(), snapshot.tag_list()) {
            release.from(snapshot.db_snapshot_arn(), snapshot.tag_list()).await;
        }
    }
    release.output()
}

/// The original's manual snapshots: RDS copies all tags of the database into them if the database is configured so.
async fn snapshots_of(client: &Client, resource_id: &str) -> Result<Vec<DbSnapshot>> {
    // A recovery may run when no claim identifies the original any longer.
    if resource_id.is_empty() {
        return Ok(Vec::new());
    }
    let request = client.describe_db_snapshots().dbi_resource_id(resource_id).snapshot_type("manual");
    let found: std::result::Result<Vec<_>, _> = request.into_paginator().items().send().collect().await;
    match found {
        Ok(snapshots) => Ok(snapshots),
        Err(error) if error.as_service_error().is_some_and(|e| e.is_db_snapshot_not_found_fault()) => Ok(Vec::new()),
        Err(error) => {
            Err(Error::from_aws(ErrorKind::Claim, resource_id, "cannot describe the original's snapshots", &error))
        }
    }
}
