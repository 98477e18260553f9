//! The snapshots of the captured databases: those of the present source, those of earlier databases of the name, and those
//! under the names that a run needs.

use std::collections::BTreeMap;

use aws_sdk_rds::types::{DbClusterSnapshot, DbSnapshot};
use trapheus_common::identifiers::{DatabaseIdentifier, DatabaseKind};

use super::databases::{Asked, Databases};
use super::look::{ACCOUNT, Account};

/// Snapshots by identifier.
#[derive(Debug, Default)]
pub(super) struct Snapshots {
    pub(super) of_instances: BTreeMap<String, DbSnapshot>,
    pub(super) of_clusters: BTreeMap<String, DbClusterSnapshot>,
}

/// One way to ask for snapshots.
enum Look<'a> {
    /// Every one of the region that RDS or a person has taken.
    All,
    /// Those that AWS Backup has taken, which no other look shows.
    OfBackups(Option<&'a str>),
    Named(&'a str),
    OfName(&'a str),
    OfResource(&'a str),
}

impl Snapshots {
    pub(super) async fn read(account: &mut Account, asked: &Asked, databases: &Databases) -> Result<Self, String> {
        let mut snapshots = Self::default();
        if asked.identifiers.is_empty() {
            for look in [Look::All, Look::OfBackups(None)] {
                snapshots.add_of_instances(account, ACCOUNT, &look).await?;
                snapshots.add_of_clusters(account, ACCOUNT, &look).await?;
            }
            return Ok(snapshots);
        }
        for (identifier, instance) in databases.standalone() {
            let names = names_of_a_run(DatabaseKind::Instance, identifier);
            for look in looks(identifier, instance.dbi_resource_id(), &names) {
                snapshots.add_of_instances(account, &format!("`{identifier}`"), &look).await?;
            }
        }
        for (identifier, cluster) in &databases.clusters {
            let names = names_of_a_run(DatabaseKind::Cluster, identifier);
            for look in looks(identifier, cluster.db_cluster_resource_id(), &names) {
                snapshots.add_of_clusters(account, &format!("`{identifier}`"), &look).await?;
            }
        }
        Ok(snapshots)
    }

    async fn add_of_instances(&mut self, account: &mut Account, subject: &str, look: &Look<'_>) -> Result<(), String> {
        let call = account.rds.describe_db_snapshots();
        let call = match *look {
            Look::All => call,
            Look::OfBackups(source) => {
                call.snapshot_type("awsbackup").set_db_instance_identifier(source.map(str::to_owned))
            }
            Look::Named(name) => call.db_snapshot_identifier(name),
            Look::OfName(source) => call.db_instance_identifier(source),
            Look::OfResource(id) => call.dbi_resource_id(id),
        };
        let found = call.into_paginator().items().send().collect::<Result<Vec<_>, _>>().await;
        if found.as_ref().err().and_then(|e| e.as_service_error()).is_some_and(|e| e.is_db_snapshot_not_found_fault()) {
            return Ok(());
        }
        for snapshot in account.answer(subject, "DescribeDBSnapshots", found)?.unwrap_or_default() {
            if let Some(name) = snapshot.db_snapshot_identifier() {
                self.of_instances.insert(name.to_owned(), snapshot);
            }
        }
        Ok(())
    }

    async fn add_of_clusters(&mut self, account: &mut Account, subject: &str, look: &Look<'_>) -> Result<(), String> {
        let call = account.rds.describe_db_cluster_snapshots();
        let call = match *look {
            Look::All => call,
            Look::OfBackups(source) => {
                call.snapshot_type("awsbackup").set_db_cluster_identifier(source.map(str::to_owned))
            }
            Look::Named(name) => call.db_cluster_snapshot_identifier(name),
            Look::OfName(source) => call.db_cluster_identifier(source),
            Look::OfResource(id) => call.db_cluster_resource_id(id),
        };
        let found = call.into_paginator().items().send().collect::<Result<Vec<_>, _>>().await;
        if found
            .as_ref()
            .err()
            .and_then(|e| e.as_service_error())
            .is_some_and(|e| e.is_db_cluster_snapshot_not_found_fault())
        {
            return Ok(());
        }
        for snapshot in account.answer(subject, "DescribeDBClusterSnapshots", found)?.unwrap_or_default() {
            if let Some(name) = snapshot.db_cluster_snapshot_identifier() {
                self.of_clusters.insert(name.to_owned(), snapshot);
            }
        }
        Ok(())
    }
}

fn looks<'a>(identifier: &'a str, resource_id: Option<&'a str>, names: &'a [String]) -> Vec<Look<'a>> {
    let mut looks = vec![Look::OfName(identifier), Look::OfBackups(Some(identifier))];
    looks.extend(resource_id.filter(|id| !id.is_empty()).map(Look::OfResource));
    looks.extend(names.iter().map(|name| Look::Named(name)));
    looks
}

/// The snapshot that a run restores, and the temporary name of its replacement.
fn names_of_a_run(kind: DatabaseKind, identifier: &str) -> Vec<String> {
    let identifier = DatabaseIdentifier::reported(identifier);
    let names = [identifier.snapshot(kind), identifier.temporary_snapshot(kind)];
    names.into_iter().flatten().map(|name| name.as_str().to_owned()).collect()
}
