//! The calls that change a database, and RDS's reasons to refuse them. A DB instance and a DB cluster have different calls
//! and errors, but the same reasons.
//!
//! A refusal does not describe the database: RDS may have carried out an earlier call whose answer was lost. So every call
//! goes through [`Changes::change`], which reads the database again before a step believes a refusal.

use aws_sdk_rds::Client;
use aws_sdk_rds::operation::delete_db_cluster::DeleteDBClusterError;
use aws_sdk_rds::operation::delete_db_instance::DeleteDBInstanceError;
use aws_sdk_rds::operation::modify_db_cluster::ModifyDBClusterError;
use aws_sdk_rds::operation::modify_db_instance::ModifyDBInstanceError;
use aws_sdk_rds::types::{DbCluster, DbInstance};
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use aws_smithy_runtime_api::client::result::SdkError;
use aws_smithy_types::error::metadata::ProvideErrorMetadata;

use crate::error::{Error, ErrorKind, Result};
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

/// A change of a database, by one call.
#[derive(Clone, Debug)]
pub enum Change<'a> {
    /// Another name, applied at once.
    Rename(&'a DatabaseIdentifier),
    /// Deletion protection on or off, applied at once.
    Protect(bool),
    Delete(Deletion),
}

/// The end of a call that changes a database.
#[derive(Debug)]
pub enum Changed<D> {
    Accepted,
    /// RDS refused the call, or its answer was lost. `now` is the database after the call, if it answers.
    Failed {
        refused: Refused,
        now: Option<Box<D>>,
    },
}

/// The calls that change a database.
pub trait Changes: Database {
    /// Makes the call.
    fn request(
        &self,
        rds: &Client,
        change: Change<'_>,
        doing: Doing<'_>,
    ) -> impl Future<Output = std::result::Result<(), Refused>>;

    /// Makes the call. After a failure it reads the database again: RDS may have carried out the call although its answer
    /// was lost, so the present database decides.
    fn change(
        &self,
        rds: &Client,
        change: Change<'_>,
        doing: Doing<'_>,
    ) -> impl Future<Output = Result<Changed<Self>>> {
        async move {
            // Boxed, because the futures of calls would make every caller's future as large.
            match Box::pin(self.request(rds, change, doing)).await {
                Ok(()) => Ok(Changed::Accepted),
                Err(refused) => Ok(Changed::Failed { refused, now: Box::pin(self.now(rds)).await?.map(Box::new) }),
            }
        }
    }
}

impl Changes for DbInstance {
    async fn request(&self, rds: &Client, change: Change<'_>, doing: Doing<'_>) -> std::result::Result<(), Refused> {
        let modify = rds.modify_db_instance().db_instance_identifier(self.name()).apply_immediately(true);
        match change {
            Change::Rename(to) => {
                let call = modify.new_db_instance_identifier(to);
                call.send().await.map_err(|error| doing.refused(&error, of_instance_modification))?;
                tracing::info!(
                    db.identifier = self.name(),
                    db.new_identifier = to.as_str(),
                    "renaming the DB instance"
                );
            }
            Change::Protect(on) => {
                let call = modify.deletion_protection(on);
                call.send().await.map_err(|error| doing.refused(&error, of_instance_modification))?;
            }
            Change::Delete(how) => {
                let call = rds
                    .delete_db_instance()
                    .db_instance_identifier(self.name())
                    .skip_final_snapshot(how.final_snapshot.is_none())
                    .set_final_db_snapshot_identifier(how.final_snapshot.map(String::from))
                    .set_delete_automated_backups(how.delete_automated_backups);
                call.send().await.map_err(|error| doing.refused(&error, of_instance_deletion))?;
                tracing::info!(db.identifier = self.name(), "deleting the DB instance");
            }
        }
        Ok(())
    }
}

impl Changes for DbCluster {
    async fn request(&self, rds: &Client, change: Change<'_>, doing: Doing<'_>) -> std::result::Result<(), Refused> {
        let modify = rds.modify_db_cluster().db_cluster_identifier(self.name()).apply_immediately(true);
        match change {
            Change::Rename(to) => {
                let call = modify.new_db_cluster_identifier(to);
                call.send().await.map_err(|error| doing.refused(&error, of_cluster_modification))?;
                tracing::info!(db.identifier = self.name(), db.new_identifier = to.as_str(), "renaming the DB cluster");
            }
            Change::Protect(on) => {
                let call = modify.deletion_protection(on);
                call.send().await.map_err(|error| doing.refused(&error, of_cluster_modification))?;
            }
            Change::Delete(how) => {
                let call = rds
                    .delete_db_cluster()
                    .db_cluster_identifier(self.name())
                    .skip_final_snapshot(how.final_snapshot.is_none())
                    .set_final_db_snapshot_identifier(how.final_snapshot.map(String::from))
                    .set_delete_automated_backups(how.delete_automated_backups);
                call.send().await.map_err(|error| doing.refused(&error, of_cluster_deletion))?;
                tracing::info!(db.identifier = self.name(), "deleting the DB cluster");
            }
        }
        Ok(())
    }
}

fn of_instance_deletion(error: &DeleteDBInstanceError) -> Refusal {
    match error {
        DeleteDBInstanceError::InvalidDbInstanceStateFault(_)
        | DeleteDBInstanceError::InvalidDbClusterStateFault(_) => Refusal::Status,
        DeleteDBInstanceError::DbInstanceNotFoundFault(_) => Refusal::NotFound,
        DeleteDBInstanceError::DbInstanceAutomatedBackupQuotaExceededFault(_) => Refusal::BackupQuota,
        _ => Refusal::Other,
    }
}

fn of_cluster_deletion(error: &DeleteDBClusterError) -> Refusal {
    match error {
        DeleteDBClusterError::InvalidDbClusterStateFault(_) => Refusal::Status,
        DeleteDBClusterError::DbClusterNotFoundFault(_) => Refusal::NotFound,
        DeleteDBClusterError::DbClusterAutomatedBackupQuotaExceededFault(_) => Refusal::BackupQuota,
        _ => Refusal::Other,
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
