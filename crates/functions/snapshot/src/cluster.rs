//! The snapshot calls of a DB cluster, Aurora or Multi-AZ.

use aws_sdk_rds::Client;
use aws_sdk_rds::types::Tag;
use trapheus_common::document::{ClusterKind, OriginalCluster, Request, StepEvent, StepOutput, Target};
use trapheus_common::identifiers::SnapshotIdentifier;
use trapheus_common::{Error, ErrorKind, Result, claim, rds, tags};

use crate::{Database, Found, Refusal, Snapshots, step};

/// Takes or replaces `<identifier>-snapshot`, one step at a time.
pub async fn snapshot(rds: &Client, event: StepEvent<OriginalCluster>) -> Result<StepOutput> {
    let StepEvent { request, plan } = event;
    let target = plan.target();
    step(&OfCluster { rds, request: &request, original: &plan.original, target: &target }, &request, &plan.names).await
}

struct OfCluster<'a> {
    rds: &'a Client,
    request: &'a Request,
    original: &'a OriginalCluster,
    target: &'a Target,
}

impl Snapshots for OfCluster<'_> {
    /// RDS does not copy snapshots of Multi-AZ DB clusters:
    /// <https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/multi-az-db-clusters-concepts.Limitations.html>
    fn can_be_copied(&self) -> bool {
        self.original.cluster_kind == ClusterKind::Aurora
    }

    async fn database(&self) -> Result<Database> {
        let target = self.target;
        let cluster = claim::original_cluster(self.rds, self.request, target).await?;
        let (identifier, status) = (cluster.db_cluster_identifier(), cluster.status());
        let copied = self.original.settings.copy_tags_to_snapshot == Some(true);
        let tags = if copied { tags::of_the_user(cluster.tag_list()) } else { tags::Tags::new() };
        Ok(Database::new(self.request, (identifier, &target.resource_id), status, tags))
    }

    async fn look(&self, name: &SnapshotIdentifier) -> Result<Option<Found>> {
        let found = rds::cluster_snapshot(self.rds, name.as_str()).await?;
        Ok(found.map(|snapshot| {
            let foreign = claim::not_replaceable(
                &self.target.names,
                &self.target.resource_id,
                snapshot.snapshot_type(),
                snapshot.db_cluster_identifier(),
                snapshot.db_cluster_resource_id(),
            );
            Found::new(snapshot.status(), snapshot.tag_list(), foreign, rds::source::of_cluster_snapshot(&snapshot))
        }))
    }

    async fn create(&self, name: &SnapshotIdentifier, tags: Vec<Tag>) -> std::result::Result<(), Refusal> {
        let call = self
            .rds
            .create_db_cluster_snapshot()
            .db_cluster_identifier(&self.request.identifier)
            .db_cluster_snapshot_identifier(name)
            .set_tags(Some(tags));
        call.send().await.map(drop).map_err(|error| Refusal {
            is_about_status: error.as_service_error().is_some_and(|e| e.is_invalid_db_cluster_state_fault()),
            error: Error::from_aws(
                ErrorKind::SnapshotCreation,
                self.request.identifier.as_str(),
                format!("cannot take the snapshot {name}"),
                &error,
            ),
        })
    }

    async fn copy(&self, from: &SnapshotIdentifier, to: &SnapshotIdentifier, tags: Vec<Tag>) -> Result<()> {
        let call = self
            .rds
            .copy_db_cluster_snapshot()
            .source_db_cluster_snapshot_identifier(from)
            .target_db_cluster_snapshot_identifier(to)
            .copy_tags(false)
            .set_tags(Some(tags));
        call.send().await.map(drop).map_err(|error| {
            let doing = format!("cannot copy the snapshot {from} to {to}; the new snapshot is kept as {from}");
            Error::from_aws(ErrorKind::SnapshotCreation, self.request.identifier.as_str(), doing, &error)
        })
    }

    async fn delete(&self, name: &SnapshotIdentifier) -> Result<()> {
        match self.rds.delete_db_cluster_snapshot().db_cluster_snapshot_identifier(name).send().await {
            Ok(_) => Ok(()),
            Err(error) if error.as_service_error().is_some_and(|e| e.is_db_cluster_snapshot_not_found_fault()) => {
                Ok(())
            }
            Err(error) => Err(Error::from_aws(
                ErrorKind::SnapshotCreation,
                self.request.identifier.as_str(),
                format!("cannot delete the snapshot {name}"),
                &error,
            )),
        }
    }
}
