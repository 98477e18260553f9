//! The look at RDS for the final alert: which databases and snapshots exist now, under which name.
//!
//! It looks at both names of everything the run worked on, and finds the original by its resource id wherever it is. What
//! cannot be looked at becomes a reason in the alert, never an error: an alert without a look is better than none.

use std::collections::BTreeMap;
use std::time::Duration;

use aws_sdk_rds::Client;
use aws_sdk_rds::types::{ClusterPendingModifiedValues, DbCluster, DbInstance, PendingModifiedValues, Tag};
use trapheus_common::claim::Claim;
use trapheus_common::document::{Request, Target};
use trapheus_common::identifiers::{DatabaseIdentifier, DatabaseKind, SnapshotIdentifier};
use trapheus_common::tags::Role;
use trapheus_common::{Result, rds};

use crate::plain;
use crate::run::{Original, Run};

/// How long the look may take: the alert waits no longer.
const PATIENCE: Duration = Duration::from_secs(45);
/// The longest shown reason why it was not possible to look.
const LONGEST_REASON: usize = 500;

/// What was seen, or why it was not.
pub type Look<T> = std::result::Result<T, String>;

/// What exists now.
#[derive(Clone, Debug)]
pub struct World {
    /// The database and its members under both names, and the original wherever it is.
    pub databases: Look<Vec<Database>>,
    /// The snapshot a restore is made from, and the one a replacement is taken as.
    pub snapshots: Look<Vec<Snapshot>>,
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
    pub deletion_protection: bool,
    /// The execution that claims or made it, by tags that are its own.
    pub claim: Option<String>,
    /// The cluster it is a member of, and whether it is the writer there.
    pub member_of: Option<String>,
    pub is_writer: bool,
}

/// Where a database comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    /// It was there before the run.
    Original,
    /// The run restored it.
    Restored,
    /// Neither: somebody else's, or the run never got to know its original.
    Other,
}

/// A snapshot's name and its status, if it exists.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Snapshot {
    pub identifier: SnapshotIdentifier,
    pub status: Option<String>,
}

/// Looks at everything the run worked on; at nothing if it had no request.
pub async fn look(client: &Client, run: &Run) -> World {
    let Some(request) = &run.request else {
        return World { databases: Ok(Vec::new()), snapshots: Ok(Vec::new()) };
    };
    World {
        databases: patiently(databases(client, run, request)).await,
        snapshots: patiently(snapshots(client, request)).await,
    }
}

async fn patiently<T>(look: impl Future<Output = Result<T>>) -> Look<T> {
    match tokio::time::timeout(PATIENCE, look).await {
        Ok(Ok(seen)) => Ok(seen),
        Ok(Err(error)) => {
            let report = error.report();
            // The line that names the identifier says nothing the alert does not say.
            let reason = report.strip_prefix("Identifier:").and_then(|rest| rest.split_once('\n')).map(|(_, why)| why);
            Err(plain::line(reason.unwrap_or(&report), LONGEST_REASON))
        }
        Err(_) => Err(format!("RDS did not answer within {} seconds", PATIENCE.as_secs())),
    }
}

async fn databases(client: &Client, run: &Run, request: &Request) -> Result<Vec<Database>> {
    let names = [request.identifier.as_str(), request.temporary_identifier.as_str()];
    let mut seen = Seen::default();
    match request.kind {
        DatabaseKind::Instance => {
            for instance in rds::instances_named(client, &names).await? {
                seen.add_instance(run, &instance, None);
            }
            if let Some(Target { resource_id, .. }) = seen.missing_original(run)
                && let Some(instance) = rds::instance_by_resource_id(client, &resource_id).await?
            {
                seen.add_instance(run, &instance, None);
            }
        }
        DatabaseKind::Cluster => {
            let mut clusters = rds::clusters_named(client, &names).await?;
            for cluster in &clusters {
                seen.add_cluster(run, cluster);
            }
            if let Some(Target { resource_id, .. }) = seen.missing_original(run)
                && let Some(cluster) = rds::cluster_by_resource_id(client, &resource_id).await?
            {
                seen.add_cluster(run, &cluster);
                clusters.push(cluster);
            }
            for cluster in &clusters {
                let name = cluster.db_cluster_identifier().unwrap_or_default();
                for member in rds::instances_of_cluster(client, name).await? {
                    seen.add_instance(run, &member, Some(cluster));
                }
            }
            // A member's name may be taken by something that is in neither cluster.
            let homes = run.original.iter().flat_map(Original::own_members).map(|member| &member.identifier);
            let unseen: Vec<&str> =
                homes.filter(|name| !seen.has_instance(name)).map(DatabaseIdentifier::as_str).collect();
            for instance in rds::instances_named(client, &unseen).await? {
                seen.add_instance(run, &instance, None);
            }
        }
    }
    Ok(seen.0.into_values().collect())
}

async fn snapshots(client: &Client, request: &Request) -> Result<Vec<Snapshot>> {
    let mut seen = Vec::new();
    for identifier in [&request.snapshot_identifier, &request.temporary_snapshot_identifier] {
        let name = identifier.as_str();
        let status = match request.kind {
            DatabaseKind::Instance => rds::snapshot(client, name).await?.map(|snapshot| snapshot.status),
            DatabaseKind::Cluster => rds::cluster_snapshot(client, name).await?.map(|snapshot| snapshot.status),
        };
        let status = status.map(|status| status.unwrap_or_else(|| "unknown".to_owned()));
        seen.push(Snapshot { identifier: identifier.clone(), status });
    }
    Ok(seen)
}

/// What was seen so far, each database once: clusters before instances, by name.
#[derive(Default)]
struct Seen(BTreeMap<(bool, String), Database>);

impl Seen {
    fn missing_original(&self, run: &Run) -> Option<Target> {
        let target = run.original.as_ref()?.target();
        let is_there = self.0.values().any(|database| database.resource_id == target.resource_id);
        (!is_there).then(|| target.clone())
    }

    fn has_instance(&self, name: &DatabaseIdentifier) -> bool {
        self.0.contains_key(&(true, name.as_str().to_owned()))
    }

    fn add_instance(&mut self, run: &Run, instance: &DbInstance, cluster: Option<&DbCluster>) {
        let identifier = instance.db_instance_identifier().unwrap_or_default();
        let resource_id = instance.dbi_resource_id().unwrap_or_default();
        let membership = cluster.and_then(|cluster| {
            cluster.db_cluster_members().iter().find(|member| member.db_instance_identifier() == Some(identifier))
        });
        let of_cluster = cluster
            .map(|cluster| origin(run, cluster.db_cluster_resource_id().unwrap_or_default(), cluster.tag_list()));
        let database = Database {
            kind: DatabaseKind::Instance,
            identifier: identifier.to_owned(),
            status: status(
                instance.db_instance_status(),
                instance.pending_modified_values().and_then(PendingModifiedValues::db_instance_identifier),
            ),
            resource_id: resource_id.to_owned(),
            arn: instance.db_instance_arn().unwrap_or_default().to_owned(),
            origin: match origin(run, resource_id, instance.tag_list()) {
                // RDS makes the members of a Multi-AZ DB cluster without our mark, and a release takes it off. Any other
                // member without it was added by somebody else.
                Origin::Other if of_cluster == Some(Origin::Restored) && may_lack_the_mark(run) => Origin::Restored,
                origin => origin,
            },
            deletion_protection: instance.deletion_protection().unwrap_or(false),
            claim: Claim::on(instance).map(|claim| claim.execution.to_owned()),
            member_of: instance.db_cluster_identifier().map(str::to_owned),
            is_writer: membership.and_then(|member| member.is_cluster_writer()).unwrap_or(false),
        };
        self.0.insert((true, database.identifier.clone()), database);
    }

    fn add_cluster(&mut self, run: &Run, cluster: &DbCluster) {
        let resource_id = cluster.db_cluster_resource_id().unwrap_or_default();
        let database = Database {
            kind: DatabaseKind::Cluster,
            identifier: cluster.db_cluster_identifier().unwrap_or_default().to_owned(),
            status: status(
                cluster.status(),
                cluster.pending_modified_values().and_then(ClusterPendingModifiedValues::db_cluster_identifier),
            ),
            resource_id: resource_id.to_owned(),
            arn: cluster.db_cluster_arn().unwrap_or_default().to_owned(),
            origin: origin(run, resource_id, cluster.tag_list()),
            deletion_protection: cluster.deletion_protection().unwrap_or(false),
            claim: Claim::on(cluster).map(|claim| claim.execution.to_owned()),
            member_of: None,
            is_writer: false,
        };
        self.0.insert((false, database.identifier.clone()), database);
    }
}

/// A rename that is accepted does not show in the status at once, but the name will not be the database's for long.
fn status(shown: Option<&str>, moving_to: Option<&str>) -> String {
    let status = if moving_to.is_some() { Some("renaming") } else { shown };
    status.unwrap_or("unknown").to_owned()
}

fn may_lack_the_mark(run: &Run) -> bool {
    let rds_owns_members = run.original.as_ref().is_some_and(|original| original.own_members().next().is_none());
    rds_owns_members || run.restored_resource_id.is_some()
}

/// The original is known by its resource id; a restored database by the mark of this very execution, or because it is
/// the one that was verified (its mark may be gone by then).
fn origin(run: &Run, resource_id: &str, of: &[Tag]) -> Origin {
    let originals =
        run.original.iter().flat_map(|original| std::iter::once(original.target()).chain(original.members()));
    let marked = Claim::of(of, resource_id).is_some_and(|claim| {
        claim.is_by(&run.execution) && [Role::Restored, Role::Verified].iter().any(|&role| claim.has_role(role))
    });
    if !resource_id.is_empty() && originals.into_iter().any(|original| original.resource_id == resource_id) {
        Origin::Original
    } else if marked || run.restored_resource_id.as_deref() == Some(resource_id) {
        Origin::Restored
    } else {
        Origin::Other
    }
}
