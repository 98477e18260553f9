//! The calls that change a database, and RDS's reasons to refuse them. A DB instance and a DB cluster have different calls
//! and errors, but the same reasons.
//!
//! A refusal does not describe the database: RDS may have carried out an earlier call whose answer was lost. So a step
//! reads the database again before it believes a refusal.

use aws_sdk_rds::Client;
use aws_sdk_rds::operation::delete_db_cluster::DeleteDBClusterError;
use aws_sdk_rds::operation::delete_db_instance::DeleteDBInstanceError;
use aws_sdk_rds::operation::modify_db_cluster::ModifyDBClusterError;
use aws_sdk_rds::operation::modify_db_instance::ModifyDBInstanceError;
use aws_sdk_rds::types::{DbCluster, DbInstance};
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use aws_smithy_runtime_api::client::result::SdkError;
use aws_smithy_types::error::metadata::ProvideErrorMetadata;

use crate::error::{Error, ErrorKind};
use crate::identifiers::{DatabaseIdentifier, SnapshotIdentifier};
use crate::rds::database::Database;

/// RDS's reason to refuse a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// The status of the database, its cluster or a member does not allow the change.
    Status,
    /// No database has the name any longer.
    NotFound,
    /// Another database has the name.
    NameTaken,
    /// The account holds its quota of retained automated backups.
    BackupQuota,
    Other,
}

/// A refused call.
#[derive(Debug)]
pub struct Refused {
    pub refusal: Refusal,
    pub error: Error,
}

/// The step that makes a call, for the error.
#[derive(Clone, Copy, Debug)]
pub struct Doing<'a> {
    pub kind: ErrorKind,
    /// The database of the run.
    pub identifier: &'a str,
    pub doing: &'a str,
}

impl Doing<'_> {
    fn refused<E>(self, error: &SdkError<E, HttpResponse>, refusal: impl Fn(&E) -> Refusal) -> Refused
    where
        E: ProvideErrorMetadata + std::error::Error + 'static,
    {
        let refusal = error.as_service_error().map_or(Refusal::Other, refusal);
        Refused { refusal, error: Error::from_aws(self.kind, self.identifier, self.doing, error) }
    }
}

/// The options of a deletion.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Deletion {
    pub final_snapshot: Option<SnapshotIdentifier>,
    /// Absent for a member of an Aurora cluster, whose backups are those of the cluster.
    pub delete_automated_backups: Option<bool>,
}

impl Deletion {
    /// Keeps all automated backups.
    pub const KEEPING_BACKUPS: Self = Self { final_snapshot: None, delete_automated_backups: Some(false) };
    /// Keeps no data.
    pub const ENTIRELY: Self = Self { final_snapshot: None, delete_automated_backups: Some(true) };
    pub const OF_A_MEMBER: Self = Self { final_snapshot: None, delete_automated_backups: None };
}

/// The calls that change a database.
pub trait Changes: Database {
    /// Requests another name, applied at once.
    fn rename(
        &self,
        rds: &Client,
        to: &DatabaseIdentifier,
        doing: Doing<'_>,
    ) -> impl Future<Output = Result<(), Refused>>;

    /// Switches deletion protection on or off.
    fn protect(&self, rds: &Client, on: bool, doing: Doing<'_>) -> impl Future<Output = Result<(), Refused>>;

    /// Requests the deletion.
    fn delete(&self, rds: &Client, how: Deletion, doing: Doing<'_>) -> impl Future<Output = Result<(), Refused>>;
}

// The futures of calls with so many parameters are boxed, because they would make every caller's future as large.
impl Changes for DbInstance {
    async fn rename(&self, rds: &Client, to: &DatabaseIdentifier, doing: Doing<'_>) -> Result<(), Refused> {
        let call = rds
            .modify_db_instance()
            .db_instance_identifier(self.name())
            .new_db_instance_identifier(to)
            .apply_immediately(true);
        Box::pin(call.send()).await.map_err(|error| doing.refused(&error, of_instance_modification))?;
        tracing::info!(db.identifier = self.name(), db.new_identifier = to.as_str(), "renaming the DB instance");
        Ok(())
    }

    async fn protect(&self, rds: &Client, on: bool, doing: Doing<'_>) -> Result<(), Refused> {
        let call = rds
            .modify_db_instance()
            .db_instance_identifier(self.name())
            .deletion_protection(on)
            .apply_immediately(true);
        Box::pin(call.send()).await.map(drop).map_err(|error| doing.refused(&error, of_instance_modification))
    }

    async fn delete(&self, rds: &Client, how: Deletion, doing: Doing<'_>) -> Result<(), Refused> {
        let call = rds
            .delete_db_instance()
            .db_instance_identifier(self.name())
            .skip_final_snapshot(how.final_snapshot.is_none())
            .set_final_db_snapshot_identifier(how.final_snapshot.map(String::from))
            .set_delete_automated_backups(how.delete_automated_backups);
        Box::pin(call.send()).await.map_err(|error| {
            doing.refused(&error, |error: &DeleteDBInstanceError| match error {
                DeleteDBInstanceError::InvalidDbInstanceStateFault(_)
                | DeleteDBInstanceError::InvalidDbClusterStateFault(_) => Refusal::Status,
                DeleteDBInstanceError::DbInstanceNotFoundFault(_) => Refusal::NotFound,
                DeleteDBInstanceError::DbInstanceAutomatedBackupQuotaExceededFault(_) => Refusal::BackupQuota,
                _ => Refusal::Other,
            })
        })?;
        tracing::info!(db.identifier = self.name(), "deleting the DB instance");
        Ok(())
    }
}

impl Changes for DbCluster {
    async fn rename(&self, rds: &Client, to: &DatabaseIdentifier, doing: Doing<'_>) -> Result<(), Refused> {
        let call = rds
            .modify_db_cluster()
            .db_cluster_identifier(self.name())
            .new_db_cluster_identifier(to)
            .apply_immediately(true);
        Box::pin(call.send()).await.map_err(|error| doing.refused(&error, of_cluster_modification))?;
        tracing::info!(db.identifier = self.name(), db.new_identifier = to.as_str(), "renaming the DB cluster");
        Ok(())
    }

    async fn protect(&self, rds: &Client, on: bool, doing: Doing<'_>) -> Result<(), Refused> {
        let call =
            rds.modify_db_cluster().db_cluster_identifier(self.name()).deletion_protection(on).apply_immediately(true);
        Box::pin(call.send()).await.map(drop).map_err(|error| doing.refused(&error, of_cluster_modification))
    }

    async fn delete(&self, rds: &Client, how: Deletion, doing: Doing<'_>) -> Result<(), Refused> {
        let call = rds
            .delete_db_cluster()
            .db_cluster_identifier(self.name())
            .skip_final_snapshot(how.final_snapshot.is_none())
            .set_final_db_snapshot_identifier(how.final_snapshot.map(String::from))
            .set_delete_automated_backups(how.delete_automated_backups);
        Box::pin(call.send()).await.map_err(|error| {
            doing.refused(&error, |error: &DeleteDBClusterError| match error {
                DeleteDBClusterError::InvalidDbClusterStateFault(_) => Refusal::Status,
                DeleteDBClusterError::DbClusterNotFoundFault(_) => Refusal::NotFound,
                DeleteDBClusterError::DbClusterAutomatedBackupQuotaExceededFault(_) => Refusal::BackupQuota,
                _ => Refusal::Other,
            })
        })?;
        tracing::info!(db.identifier = self.name(), "deleting the DB cluster");
        Ok(())
    }
}

fn of_instance_modification(error: &ModifyDBInstanceError) -> Refusal {
    match error {
        ModifyDBInstanceError::InvalidDbInstanceStateFault(_)
        | ModifyDBInstanceError::InvalidDbClusterStateFault(_) => Refusal::Status,
        ModifyDBInstanceError::DbInstanceNotFoundFault(_) => Refusal::NotFound,
        ModifyDBInstanceError::DbInstanceAlreadyExistsFault(_) => Refusal::NameTaken,
        _ => Refusal::Other,
    }
}

fn of_cluster_modification(error: &ModifyDBClusterError) -> Refusal {
    match error {
        ModifyDBClusterError::InvalidDbClusterStateFault(_) | ModifyDBClusterError::InvalidDbInstanceStateFault(_) => {
            Refusal::Status
        }
        ModifyDBClusterError::DbClusterNotFoundFault(_) => Refusal::NotFound,
        ModifyDBClusterError::DbClusterAlreadyExistsFault(_) => Refusal::NameTaken,
        _ => Refusal::Other,
    }
}
