//! The look at RDS for the final alert: the databases and snapshots that exist now, with their names.
//!
//! The look covers every name of the plan. It finds the original and the restored database by their resource ids under any
//! name. A failed look becomes a reason in the alert, never an error. An alert without a look is better than none.

use std::collections::BTreeMap;
use std::time::Duration;

use aws_sdk_rds::Client;
use aws_sdk_rds::types::{ClusterPendingModifiedValues, DbCluster, DbInstance, PendingModifiedValues};
use trapheus_common::document::{Request, Target};
use trapheus_common::identifiers::{DatabaseIdentifier, DatabaseKind, SnapshotIdentifier};
use trapheus_common::{Result, rds};

pub use crate::origin::Origin;
use crate::origin::{self, DatabaseFacts};
use crate::plain;
use crate::run::{Original, Progress, Run};

/// The most time that an alert gives the look.
const PATIENCE: Duration = Duration::from_secs(45);
/// The longest shown reason of a failed look.
const LONGEST_REASON: usize = 500;

/// The result of the look, or the reason of its failure.
pub type Look<T> = std::result::Result<T, String>;

/// The resources of a run: the databases and snapshots that exist now.
#[derive(Clone, Debug)]
pub struct Resources {
    /// The database and its members under every name of the plan, and the original under any name.
    pub databases: Look<Vec<Database>>,
    /// The source of the restore, and the snapshot under the temporary name of a replacement. After a rollback also the
    /// final snapshot of the database that the rollback moved aside, if that snapshot exists.
    pub snapshots: Look<Vec<SnapshotStatus>>,
}

/// A DB instance, DB cluster or member.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Database {
    pub kind: DatabaseKind,
    pub identifier: String,
    pub status: String,
    pub resource_id: String,
    pub arn: String,
    pub origin: Origin,
    /// Whether the database has ever been available. A cluster may have been: RDS does not tell.
    pub was_available: bool,
    pub deletion_protection: bool,
    /// The execution that claims or created the database, by tags that are no copy.
    pub claim: Option<String>,
    /// The cluster of this member, and whether the member is its writer.
    pub member_of: Option<String>,
    pub is_writer: bool,
}

/// A snapshot's name and its status, if it exists.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SnapshotStatus {
    pub identifier: SnapshotIdentifier,
    pub status: Option<String>,
}

/// Looks at every database and snapshot of the run; at none if the run has no request.
pub async fn look(client: &Client, run: &Run) -> Resources {
    let Some(request) = &run.request else {
        return Resources { databases: Ok(Vec::new()), snapshots: Ok(Vec::new()) };
    };
    Resources {
        databases: patiently(databases(client, run, request)).await,
        snapshots: patiently(snapshots(client, run, request)).await,
    }
}

async fn patiently<T>(look: impl Future<Output = Result<T>>) -> Look<T> {
    match tokio::time::timeout(PATIENCE, look).await {
        Ok(Ok(seen)) => Ok(seen),
        Ok(Err(error)) => {
            let report = error.report();
            // The alert names the identifier elsewhere.
            let reason = report.strip_prefix("Identifier:").and_then(|rest| rest.split_once('\n')).map(|(_, why)| why);
            Err(plain::line(reason.unwrap_or(&report), LONGEST_REASON))
        }
        Err(_) => Err(format!("RDS did not answer within {} seconds", PATIENCE.as_secs())),
    }
}

async fn databases(client: &Client, run: &Run, request: &Request) -> Result<Vec<Database>> {
    let planned = run.names(request);
    let names: Vec<&str> = planned.of_databases().map(DatabaseIdentifier::as_str).collect();
    let mut seen = Seen::default();
    match request.kind {
        DatabaseKind::Instance => {
            let mut found = rds::instances_named(client, &names).await?;
            for resource_id in missing(run, &found, DbInstance::dbi_resource_id) {
                found.extend(rds::instance_by_resource_id(client, resource_id).await?);
            }
            let facts: Vec<DatabaseFacts<'_>> = found.iter().map(facts_of).collect();
            for (instance, origin) in found.iter().zip(origin::origins(run, &facts)) {
                seen.add_instance(instance, None, origin);
            }
        }
        DatabaseKind::Cluster => {
            let mut found = rds::clusters_named(client, &names).await?;
            for resource_id in missing(run, &found, DbCluster::db_cluster_resource_id) {
                found.extend(rds::cluster_by_resource_id(client, resource_id).await?);
            }
            let facts: Vec<DatabaseFacts<'_>> = found.iter().map(facts_of).collect();
            for (cluster, origin) in found.iter().zip(origin::origins(run, &facts)) {
                seen.add_cluster(cluster, origin);
                let name = cluster.db_cluster_identifier().unwrap_or_default();
                for member in rds::instances_of_cluster(client, name).await? {
                    let facts = facts_of(&member);
                    let origin = origin::member(run, &facts, Some(origin), may_lack_the_claim(run));
                    seen.add_instance(&member, Some(cluster), origin);
                }
            }
            // A database outside both clusters may have a member's name.
            let homes = run.original.iter().flat_map(Original::own_members).map(Target::identifier);
            let unseen: Vec<&str> =
                homes.filter(|name| !seen.has_instance(name)).map(DatabaseIdentifier::as_str).collect();
            for instance in rds::instances_named(client, &unseen).await? {
                let origin = origin::member(run, &facts_of(&instance), None, false);
                seen.add_instance(&instance, None, origin);
            }
        }
    }
    Ok(seen.0.into_values().collect())
}

/// The resource ids of the original and the restored database, except those found under a name of the plan.
fn missing<'a, D>(run: &'a Run, found: &[D], of: fn(&D) -> Option<&str>) -> Vec<&'a str> {
    let original = run.original.as_ref().map(|original| original.target().resource_id.as_str());
    let wanted = original.into_iter().chain(run.restored_id());
    wanted.filter(|wanted| !found.iter().any(|database| of(database) == Some(*wanted))).collect()
}

fn facts_of<D: rds::Database>(database: &D) -> DatabaseFacts<'_> {
    DatabaseFacts {
        identifier: database.identifier().unwrap_or_default(),
        resource_id: database.resource_id().unwrap_or_default(),
        tags: database.tags(),
        created_at: database.created_at(),
        is_available: database.status() == Some("available"),
    }
}

async fn snapshots(client: &Client, run: &Run, request: &Request) -> Result<Vec<SnapshotStatus>> {
    let mut seen = Vec::new();
    for identifier in [&request.snapshot_identifier, &run.names(request).replacement_snapshot] {
        seen.push(SnapshotStatus {
            identifier: identifier.clone(),
            status: status_of_snapshot(client, request, identifier).await?,
        });
    }
    let may_exist = matches!(run.progress, Progress::Renamed | Progress::Unresolved);
    if let Some(names) = run.names.as_ref().filter(|_| may_exist) {
        let identifier = names.discarded_snapshot.clone();
        let status = status_of_snapshot(client, request, &identifier).await?;
        seen.extend(status.map(|status| SnapshotStatus { identifier, status: Some(status) }));
    }
    Ok(seen)
}

async fn status_of_snapshot(client: &Client, request: &Request, name: &SnapshotIdentifier) -> Result<Option<String>> {
    let name = name.as_str();
    let status = match request.kind {
        DatabaseKind::Instance => rds::snapshot(client, name).await?.map(|snapshot| snapshot.status),
        DatabaseKind::Cluster => rds::cluster_snapshot(client, name).await?.map(|snapshot| snapshot.status),
    };
    Ok(status.map(|status| status.unwrap_or_else(|| "unknown".to_owned())))
}

/// The databases of the look, each once: clusters before instances, by name.
#[derive(Default)]
struct Seen(BTreeMap<(bool, String), Database>);

impl Seen {
    fn has_instance(&self, name: &DatabaseIdentifier) -> bool {
        self.0.contains_key(&(true, name.as_str().to_owned()))
    }

    fn add_instance(&mut self, instance: &DbInstance, cluster: Option<&DbCluster>, origin: Origin) {
        let facts = facts_of(instance);
        let membership = cluster.and_then(|cluster| {
            let is_it = |name: Option<&str>| name == Some(facts.identifier);
            cluster.db_cluster_members().iter().find(|member| is_it(member.db_instance_identifier()))
        });
        let database = Database {
            kind: DatabaseKind::Instance,
            identifier: facts.identifier.to_owned(),
            status: status(
                instance.db_instance_status(),
                instance.pending_modified_values().and_then(PendingModifiedValues::db_instance_identifier),
            ),
            resource_id: facts.resource_id.to_owned(),
            arn: instance.db_instance_arn().unwrap_or_default().to_owned(),
            origin,
            was_available: facts.created_at.is_some(),
            deletion_protection: instance.deletion_protection().unwrap_or(false),
            claim: facts.claimed_by().map(str::to_owned),
            member_of: instance.db_cluster_identifier().map(str::to_owned),
            is_writer: membership.and_then(|member| member.is_cluster_writer()).unwrap_or(false),
        };
        self.0.insert((true, database.identifier.clone()), database);
    }

    fn add_cluster(&mut self, cluster: &DbCluster, origin: Origin) {
        let facts = facts_of(cluster);
        let database = Database {
            kind: DatabaseKind::Cluster,
            identifier: facts.identifier.to_owned(),
            status: status(
                cluster.status(),
                cluster.pending_modified_values().and_then(ClusterPendingModifiedValues::db_cluster_identifier),
            ),
            resource_id: facts.resource_id.to_owned(),
            arn: cluster.db_cluster_arn().unwrap_or_default().to_owned(),
            origin,
            was_available: true,
            deletion_protection: cluster.deletion_protection().unwrap_or(false),
            claim: facts.claimed_by().map(str::to_owned),
            member_of: None,
            is_writer: false,
        };
        self.0.insert((false, database.identifier.clone()), database);
    }
}

/// The status does not show an accepted rename at once, but the database soon loses the name.
fn status(shown: Option<&str>, moving_to: Option<&str>) -> String {
    let status = if moving_to.is_some() { Some("renaming") } else { shown };
    status.unwrap_or("unknown").to_owned()
}

/// Whether a member may have no claim: RDS creates the members of a Multi-AZ DB cluster without one, and a release removes
/// it. A person added any other member without a claim.
fn may_lack_the_claim(run: &Run) -> bool {
    let rds_owns_members = run.original.as_ref().is_some_and(|original| original.own_members().next().is_none());
    rds_owns_members || run.restored_resource_id.is_some()
}
