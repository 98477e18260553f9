//! Finds databases and snapshots, by the resource id that never changes or by name.
//!
//! "Not found" is an answer here, not an error. Every step reads first, and the absence of a database is a fact like any
//! other.

use aws_sdk_rds::Client;
use aws_sdk_rds::operation::remove_tags_from_resource::RemoveTagsFromResourceError;
use aws_sdk_rds::types::{DbCluster, DbClusterSnapshot, DbInstance, DbSnapshot, Filter, Tag};
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use aws_smithy_runtime_api::client::result::SdkError;
use aws_smithy_types::error::metadata::ProvideErrorMetadata;

use crate::error::{Error, ErrorKind, Result};

/// The prefix of the readers that Aurora Auto Scaling adds and removes at any time.
const AUTO_SCALED: &str = "application-autoscaling-";

/// Whether a cluster's member of this name is a reader of Aurora Auto Scaling, which a run neither restores nor renames.
pub fn is_auto_scaled(member_identifier: &str) -> bool {
    member_identifier.starts_with(AUTO_SCALED)
}

/// The DB instance of this name, if it exists.
pub async fn instance(rds: &Client, identifier: &str) -> Result<Option<DbInstance>> {
    match rds.describe_db_instances().db_instance_identifier(identifier).send().await {
        Ok(answer) => Ok(answer.db_instances.unwrap_or_default().into_iter().next()),
        Err(error) if error.as_service_error().is_some_and(|e| e.is_db_instance_not_found_fault()) => Ok(None),
        Err(error) => Err(look_failed(identifier, "cannot describe the DB instance", &error)),
    }
}

/// Every DB instance of the account in the region.
pub async fn instances(rds: &Client) -> Result<Vec<DbInstance>> {
    instances_where(rds, None).await
}

/// The DB instance with this `DbiResourceId`, under any name.
pub async fn instance_by_resource_id(rds: &Client, resource_id: &str) -> Result<Option<DbInstance>> {
    // A recovery may not know the resource id.
    if resource_id.is_empty() {
        return Ok(None);
    }
    let found = instances_where(rds, Some(("dbi-resource-id", &[resource_id]))).await?;
    Ok(found.into_iter().find(|instance| instance.dbi_resource_id() == Some(resource_id)))
}

/// The existing DB instances with these `DbiResourceId`s, in one call: RDS throttles by account.
pub async fn instances_by_resource_ids(rds: &Client, resource_ids: &[&str]) -> Result<Vec<DbInstance>> {
    several_instances(rds, "dbi-resource-id", resource_ids, DbInstance::dbi_resource_id).await
}

/// The instance with this `DbiResourceId`.
pub fn with_resource_id<'a>(instances: &'a [DbInstance], resource_id: &str) -> Option<&'a DbInstance> {
    instances.iter().find(|instance| instance.dbi_resource_id() == Some(resource_id))
}

/// The existing DB instances of these names, in one call.
pub async fn instances_named(rds: &Client, identifiers: &[&str]) -> Result<Vec<DbInstance>> {
    several_instances(rds, "db-instance-id", identifiers, DbInstance::db_instance_identifier).await
}

async fn several_instances(
    rds: &Client,
    filter: &str,
    wanted: &[&str],
    of: fn(&DbInstance) -> Option<&str>,
) -> Result<Vec<DbInstance>> {
    // A filter without a value selects every instance.
    if wanted.is_empty() {
        return Ok(Vec::new());
    }
    let mut found = instances_where(rds, Some((filter, wanted))).await?;
    found.retain(|instance| of(instance).is_some_and(|value| wanted.contains(&value)));
    Ok(found)
}

/// The DB instances that belong to the cluster of this name, in any status.
pub async fn instances_of_cluster(rds: &Client, cluster_identifier: &str) -> Result<Vec<DbInstance>> {
    let mut found = instances_where(rds, Some(("db-cluster-id", &[cluster_identifier]))).await?;
    found.retain(|instance| instance.db_cluster_identifier() == Some(cluster_identifier));
    Ok(found)
}

async fn instances_where(rds: &Client, filter: Option<(&str, &[&str])>) -> Result<Vec<DbInstance>> {
    let filters = filter.map(|(name, values)| vec![only(name, values)]);
    let mut pages = rds.describe_db_instances().set_filters(filters).into_paginator().send();
    let mut found = Vec::new();
    while let Some(page) = pages.next().await {
        match page {
            Ok(page) => found.extend(page.db_instances.unwrap_or_default()),
            Err(error) if error.as_service_error().is_some_and(|e| e.is_db_instance_not_found_fault()) => {
                break;
            }
            Err(error) => return Err(look_failed(looked_for(filter), "cannot describe DB instances", &error)),
        }
    }
    Ok(found)
}

/// The DB cluster of this name, if it exists.
pub async fn cluster(rds: &Client, identifier: &str) -> Result<Option<DbCluster>> {
    match rds.describe_db_clusters().db_cluster_identifier(identifier).send().await {
        Ok(answer) => Ok(answer.db_clusters.unwrap_or_default().into_iter().next()),
        Err(error) if error.as_service_error().is_some_and(|e| e.is_db_cluster_not_found_fault()) => Ok(None),
        Err(error) => Err(look_failed(identifier, "cannot describe the DB cluster", &error)),
    }
}

/// Every DB cluster of the account in the region.
pub async fn clusters(rds: &Client) -> Result<Vec<DbCluster>> {
    clusters_where(rds, None).await
}

/// The existing DB clusters of these names, in one call: RDS throttles by account.
pub async fn clusters_named(rds: &Client, identifiers: &[&str]) -> Result<Vec<DbCluster>> {
    let mut found = clusters_where(rds, Some(("db-cluster-id", identifiers))).await?;
    found.retain(|cluster| cluster.db_cluster_identifier().is_some_and(|name| identifiers.contains(&name)));
    Ok(found)
}

/// The DB cluster with this `DbClusterResourceId`, under any name.
pub async fn cluster_by_resource_id(rds: &Client, resource_id: &str) -> Result<Option<DbCluster>> {
    if resource_id.is_empty() {
        return Ok(None);
    }
    let found = clusters_where(rds, Some(("db-cluster-resource-id", &[resource_id]))).await?;
    Ok(found.into_iter().find(|cluster| cluster.db_cluster_resource_id() == Some(resource_id)))
}

async fn clusters_where(rds: &Client, filter: Option<(&str, &[&str])>) -> Result<Vec<DbCluster>> {
    let filters = filter.map(|(name, values)| vec![only(name, values)]);
    let mut pages = rds.describe_db_clusters().set_filters(filters).into_paginator().send();
    let mut found = Vec::new();
    while let Some(page) = pages.next().await {
        match page {
            Ok(page) => found.extend(page.db_clusters.unwrap_or_default()),
            Err(error) if error.as_service_error().is_some_and(|e| e.is_db_cluster_not_found_fault()) => {
                break;
            }
            Err(error) => return Err(look_failed(looked_for(filter), "cannot describe DB clusters", &error)),
        }
    }
    Ok(found)
}

/// The DB snapshot of this name, if it exists.
pub async fn snapshot(rds: &Client, identifier: &str) -> Result<Option<DbSnapshot>> {
    let call = rds.describe_db_snapshots().db_snapshot_identifier(identifier);
    match call.set_snapshot_type(type_by_name(identifier)).send().await {
        Ok(answer) => Ok(answer.db_snapshots.unwrap_or_default().into_iter().next()),
        Err(error) if error.as_service_error().is_some_and(|e| e.is_db_snapshot_not_found_fault()) => Ok(None),
        Err(error) => Err(look_failed(identifier, "cannot describe the DB snapshot", &error)),
    }
}

/// The DB cluster snapshot of this name, if it exists.
pub async fn cluster_snapshot(rds: &Client, identifier: &str) -> Result<Option<DbClusterSnapshot>> {
    let call = rds.describe_db_cluster_snapshots().db_cluster_snapshot_identifier(identifier);
    match call.set_snapshot_type(type_by_name(identifier)).send().await {
        Ok(answer) => Ok(answer.db_cluster_snapshots.unwrap_or_default().into_iter().next()),
        Err(error) if error.as_service_error().is_some_and(|e| e.is_db_cluster_snapshot_not_found_fault()) => Ok(None),
        Err(error) => Err(look_failed(identifier, "cannot describe the DB cluster snapshot", &error)),
    }
}

/// The type of a snapshot that AWS names itself: RDS finds such a snapshot only if the call names its type as well.
/// <https://docs.aws.amazon.com/AmazonRDS/latest/APIReference/API_DescribeDBSnapshots.html>
fn type_by_name(identifier: &str) -> Option<String> {
    let (prefix, _) = identifier.split_once(':')?;
    match prefix {
        "rds" => Some("automated".to_owned()),
        "awsbackup" => Some(prefix.to_owned()),
        _ => None,
    }
}

/// The DB snapshot with this ARN that another account shares.
pub async fn shared_snapshot(rds: &Client, arn: &str) -> Result<Option<DbSnapshot>> {
    match rds.describe_db_snapshots().db_snapshot_identifier(arn).include_shared(true).send().await {
        Ok(answer) => Ok(answer.db_snapshots.unwrap_or_default().into_iter().next()),
        Err(error) if error.as_service_error().is_some_and(|e| e.is_db_snapshot_not_found_fault()) => Ok(None),
        Err(error) => Err(look_failed(arn, "cannot describe the shared DB snapshot", &error)),
    }
}

/// The DB cluster snapshot with this ARN that another account shares.
pub async fn shared_cluster_snapshot(rds: &Client, arn: &str) -> Result<Option<DbClusterSnapshot>> {
    match rds.describe_db_cluster_snapshots().db_cluster_snapshot_identifier(arn).include_shared(true).send().await {
        Ok(answer) => Ok(answer.db_cluster_snapshots.unwrap_or_default().into_iter().next()),
        Err(error) if error.as_service_error().is_some_and(|e| e.is_db_cluster_snapshot_not_found_fault()) => Ok(None),
        Err(error) => Err(look_failed(arn, "cannot describe the shared DB cluster snapshot", &error)),
    }
}

/// Sets tags on the resource with this ARN. A repeated call changes nothing.
pub async fn add_tags(rds: &Client, arn: &str, tags: impl IntoIterator<Item = Tag>) -> Result<()> {
    rds.add_tags_to_resource()
        .resource_name(arn)
        .set_tags(Some(tags.into_iter().collect()))
        .send()
        .await
        .map(drop)
        .map_err(|error| Error::from_aws(ErrorKind::InstanceUnavailable, arn, "cannot tag the resource", &error))
}

/// Removes tags by key from the resource with this ARN. A repeated call changes nothing; a deleted resource is no error.
pub async fn remove_tags(rds: &Client, arn: &str, keys: &[&str]) -> Result<()> {
    let keys = keys.iter().map(|&key| key.to_owned()).collect();
    match rds.remove_tags_from_resource().resource_name(arn).set_tag_keys(Some(keys)).send().await {
        Ok(_) => Ok(()),
        Err(error) if error.as_service_error().is_some_and(names_a_resource_that_is_gone) => Ok(()),
        Err(error) => Err(Error::from_aws(ErrorKind::InstanceUnavailable, arn, "cannot untag the resource", &error)),
    }
}

fn names_a_resource_that_is_gone(error: &RemoveTagsFromResourceError) -> bool {
    error.is_db_instance_not_found_fault()
        || error.is_db_cluster_not_found_fault()
        || error.is_db_snapshot_not_found_fault()
}

/// The subject of a failed read: the first of several names, which is the run's database.
fn looked_for<'a>(filter: Option<(&str, &[&'a str])>) -> &'a str {
    filter.and_then(|(_, values)| values.first().copied()).unwrap_or("all")
}

fn only(name: &str, values: &[&str]) -> Filter {
    let values = values.iter().map(|&value| value.to_owned()).collect();
    Filter::builder().name(name).set_values(Some(values)).build()
}

fn look_failed<E>(identifier: &str, doing: &str, error: &SdkError<E, HttpResponse>) -> Error
where
    E: ProvideErrorMetadata + std::error::Error + 'static,
{
    Error::from_aws(ErrorKind::InstanceUnavailable, identifier, doing, error)
}
