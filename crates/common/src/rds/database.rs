//! A common view of a database: the facts that a DB instance and a DB cluster share.

use aws_sdk_rds::Client;
use aws_sdk_rds::primitives::DateTime;
use aws_sdk_rds::types::{ClusterPendingModifiedValues, DbCluster, DbInstance, PendingModifiedValues, Tag};

use crate::error::Result;
use crate::identifiers::DatabaseKind;
use crate::rds::lookup::{cluster_by_resource_id, clusters_named, instance_by_resource_id, instances_named};
use crate::timestamp::Timestamp;
use crate::wait::acceptor::{self, Phase, Sighting};

/// A DB instance or a DB cluster as one read showed it, and the calls that find one.
pub trait Database: Clone {
    const KIND: DatabaseKind;

    fn identifier(&self) -> Option<&str>;
    fn resource_id(&self) -> Option<&str>;
    fn arn(&self) -> Option<&str>;
    fn status(&self) -> Option<&str>;
    fn tags(&self) -> &[Tag];
    /// RDS does not report the time before the database is available for the first time.
    fn created_at(&self) -> Option<Timestamp>;
    /// The name to which RDS is renaming the database. `PendingModifiedValues` names "the new identifier … that is being
    /// renamed": <https://docs.aws.amazon.com/AmazonRDS/latest/APIReference/API_PendingModifiedValues.html>
    fn pending_identifier(&self) -> Option<&str>;
    /// Whether RDS has accepted a change without carrying it out: a rename carries it out as well.
    fn has_pending_modifications(&self) -> bool;
    /// As [`Self::has_pending_modifications`], for any change but a rename.
    fn has_other_modifications(&self) -> bool;
    fn is_protected(&self) -> bool;
    /// Whether RDS keeps an automated backup: it reports the backup's time as soon as one exists.
    fn has_automated_backups(&self) -> bool;

    /// The existing databases of these names, in one call.
    fn of_names(rds: &Client, identifiers: &[&str]) -> impl Future<Output = Result<Vec<Self>>>;
    /// The database with this resource id, under any name.
    fn of_resource_id(rds: &Client, resource_id: &str) -> impl Future<Output = Result<Option<Self>>>;

    /// The database of this name.
    fn of_name(rds: &Client, identifier: &str) -> impl Future<Output = Result<Option<Self>>> {
        async move { Ok(Self::of_names(rds, &[identifier]).await?.pop()) }
    }

    /// The same database as it is now.
    fn now(&self, rds: &Client) -> impl Future<Output = Result<Option<Self>>> {
        Self::of_resource_id(rds, self.resource_id().unwrap_or_default())
    }

    /// The name, for a message.
    fn name(&self) -> &str {
        self.identifier().unwrap_or_default()
    }

    /// The meaning of the database's status.
    fn phase(&self) -> Phase {
        acceptor::phase(Self::KIND, self.status().unwrap_or_default())
    }

    fn is_named(&self, identifier: &str) -> bool {
        self.identifier() == Some(identifier)
    }

    fn is(&self, resource_id: &str) -> bool {
        self.resource_id() == Some(resource_id)
    }

    /// The database as a wait sees it.
    fn sighting(&self) -> Sighting {
        Sighting {
            identifier: self.name().to_owned(),
            status: self.status().unwrap_or_default().to_owned(),
            pending_modifications: self.has_pending_modifications(),
            pending_rename: self.pending_identifier().is_some(),
        }
    }
}

impl Database for DbInstance {
    const KIND: DatabaseKind = DatabaseKind::Instance;

    fn identifier(&self) -> Option<&str> {
        self.db_instance_identifier()
    }

    fn resource_id(&self) -> Option<&str> {
        self.dbi_resource_id()
    }

    fn arn(&self) -> Option<&str> {
        self.db_instance_arn()
    }

    fn status(&self) -> Option<&str> {
        self.db_instance_status()
    }

    fn tags(&self) -> &[Tag] {
        self.tag_list()
    }

    fn created_at(&self) -> Option<Timestamp> {
        self.instance_create_time().and_then(timestamp)
    }

    fn pending_identifier(&self) -> Option<&str> {
        self.pending_modified_values().and_then(PendingModifiedValues::db_instance_identifier)
    }

    fn has_pending_modifications(&self) -> bool {
        self.pending_modified_values().is_some_and(|pending| *pending != PendingModifiedValues::builder().build())
    }

    fn has_other_modifications(&self) -> bool {
        let rename = self.pending_identifier().map(str::to_owned);
        let rename = PendingModifiedValues::builder().set_db_instance_identifier(rename).build();
        self.pending_modified_values().is_some_and(|pending| *pending != rename)
    }

    fn is_protected(&self) -> bool {
        self.deletion_protection() == Some(true)
    }

    fn has_automated_backups(&self) -> bool {
        self.backup_retention_period().unwrap_or_default() > 0 && self.latest_restorable_time().is_some()
    }

    async fn of_names(rds: &Client, identifiers: &[&str]) -> Result<Vec<Self>> {
        instances_named(rds, identifiers).await
    }

    async fn of_resource_id(rds: &Client, resource_id: &str) -> Result<Option<Self>> {
        instance_by_resource_id(rds, resource_id).await
    }
}

impl Database for DbCluster {
    const KIND: DatabaseKind = DatabaseKind::Cluster;

    fn identifier(&self) -> Option<&str> {
        self.db_cluster_identifier()
    }

    fn resource_id(&self) -> Option<&str> {
        self.db_cluster_resource_id()
    }

    fn arn(&self) -> Option<&str> {
        self.db_cluster_arn()
    }

    fn status(&self) -> Option<&str> {
        self.status()
    }

    fn tags(&self) -> &[Tag] {
        self.tag_list()
    }

    fn created_at(&self) -> Option<Timestamp> {
        self.cluster_create_time().and_then(timestamp)
    }

    fn pending_identifier(&self) -> Option<&str> {
        self.pending_modified_values().and_then(ClusterPendingModifiedValues::db_cluster_identifier)
    }

    fn has_pending_modifications(&self) -> bool {
        let nothing = ClusterPendingModifiedValues::builder().build();
        self.pending_modified_values().is_some_and(|pending| *pending != nothing)
    }

    fn has_other_modifications(&self) -> bool {
        let rename = self.pending_identifier().map(str::to_owned);
        let rename = ClusterPendingModifiedValues::builder().set_db_cluster_identifier(rename).build();
        self.pending_modified_values().is_some_and(|pending| *pending != rename)
    }

    fn is_protected(&self) -> bool {
        self.deletion_protection() == Some(true)
    }

    fn has_automated_backups(&self) -> bool {
        self.backup_retention_period().unwrap_or_default() > 0 && self.latest_restorable_time().is_some()
    }

    async fn of_names(rds: &Client, identifiers: &[&str]) -> Result<Vec<Self>> {
        clusters_named(rds, identifiers).await
    }

    async fn of_resource_id(rds: &Client, resource_id: &str) -> Result<Option<Self>> {
        cluster_by_resource_id(rds, resource_id).await
    }
}

fn timestamp(time: &DateTime) -> Option<Timestamp> {
    u64::try_from(time.secs()).ok().map(Timestamp::from_epoch_seconds)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rename_under_way_is_no_other_modification() {
        let instance = |pending| DbInstance::builder().set_pending_modified_values(pending).build();
        let rename = PendingModifiedValues::builder().db_instance_identifier("orders-temp");
        for (pending, is_pending, is_other) in [
            (None, false, false),
            (Some(PendingModifiedValues::builder().build()), false, false),
            (Some(rename.clone().build()), true, false),
            (Some(rename.engine_version("17").build()), true, true),
        ] {
            let instance = instance(pending);
            assert_eq!(
                (instance.has_pending_modifications(), instance.has_other_modifications()),
                (is_pending, is_other)
            );
        }
        let cluster = |pending| DbCluster::builder().pending_modified_values(pending).build();
        let rename = ClusterPendingModifiedValues::builder().db_cluster_identifier("orders-temp");
        assert!(!cluster(rename.clone().build()).has_other_modifications());
        assert!(cluster(rename.engine_version("17").build()).has_other_modifications());
    }
}
