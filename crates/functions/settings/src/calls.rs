//! The parameters of settings in the calls that modify, and the meaning of refusals.

use std::error::Error as _;

use aws_sdk_rds::Client;
use aws_sdk_rds::config::http::HttpResponse;
use aws_sdk_rds::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_rds::types::{
    CloudwatchLogsExportConfiguration, DatabaseInsightsMode, DbCluster, DbInstance, ServerlessV2ScalingConfiguration,
};
use trapheus_common::rds::{self, Database};
use trapheus_common::settings::{ClusterSettings, InstanceSettings};
use trapheus_common::wait::acceptor::Phase;
use trapheus_common::{Error, Result};

use crate::KIND;
use crate::changes::{Changes, Together};

/// RDS's answer to a request.
pub(crate) enum CallOutcome<T> {
    /// Accepted: it is under way.
    Accepted(T),
    /// The database is busy with a passing operation.
    NotNow,
    /// RDS refused because of the status, though no change shows. A change that was accepted a moment ago may not show yet.
    NotInThisStatus(Error),
    /// RDS refused, and the same call again would not help.
    Refused(Error),
}

/// The result of the requests for all changes of a database.
pub(crate) struct Configured<T> {
    /// The last answer of RDS to a change that it accepted.
    pub(crate) answer: Option<T>,
    pub(crate) is_under_way: bool,
    /// Refusals that undo no restore.
    pub(crate) notes: Vec<String>,
    /// Whether RDS was too busy for a part, which the step requests again.
    pub(crate) is_unfinished: bool,
}

/// Requests the essential changes, then all others. RDS refuses a whole call for one of its parameters. So the step
/// requests the changes of a refused call one by one. Only a refused call with a single essential change is an error.
///
/// `is_under_way` means that RDS has just accepted other changes of the database.
pub(crate) async fn configure<S: Together, T>(
    changes: Changes<S>,
    is_under_way: bool,
    ask: impl AsyncFn(&Changes<S>) -> Result<CallOutcome<Option<T>>>,
) -> Result<Configured<T>> {
    let mut configured = Configured { answer: None, is_under_way, notes: Vec::new(), is_unfinished: false };
    for changes in changes.by_weight() {
        let Some(error) = configured.add(Box::pin(ask(&changes)).await?) else { continue };
        let alone = changes.one_by_one();
        if alone.len() == 1 && !changes.are_essential() {
            configured.notes.push(note(&error));
            continue;
        }
        for changes in alone {
            match configured.add(Box::pin(ask(&changes)).await?) {
                Some(error) if changes.are_essential() => return Err(error),
                Some(error) => configured.notes.push(note(&error)),
                None => {}
            }
        }
    }
    Ok(configured)
}

impl<T> Configured<T> {
    /// Adds an answer, and returns a refusal.
    fn add(&mut self, outcome: CallOutcome<Option<T>>) -> Option<Error> {
        match outcome {
            CallOutcome::Accepted(answer) => {
                self.is_under_way = true;
                self.answer = answer.or(self.answer.take());
            }
            CallOutcome::NotNow => self.is_unfinished = true,
            CallOutcome::NotInThisStatus(_) if self.is_under_way => self.is_unfinished = true,
            CallOutcome::NotInThisStatus(error) | CallOutcome::Refused(error) => return Some(error),
        }
        None
    }
}

/// Requests changes of an instance or member in one call.
pub(crate) async fn modify_instance(
    rds: &Client,
    identifier: &str,
    changes: &Changes<InstanceSettings>,
) -> Result<CallOutcome<Option<DbInstance>>> {
    let settings = changes.settings.clone();
    let call = rds
        .modify_db_instance()
        .db_instance_identifier(identifier)
        .apply_immediately(true)
        .set_multi_az(settings.multi_az)
        .set_publicly_accessible(settings.publicly_accessible)
        .set_auto_minor_version_upgrade(settings.auto_minor_version_upgrade)
        .set_allocated_storage(settings.allocated_storage)
        .set_iops(settings.iops)
        .set_storage_throughput(settings.storage_throughput)
        .set_max_allocated_storage(settings.max_allocated_storage)
        .set_vpc_security_group_ids(some(settings.security_groups))
        .set_copy_tags_to_snapshot(settings.copy_tags_to_snapshot)
        .set_enable_iam_database_authentication(settings.iam_database_authentication)
        .set_backup_retention_period(settings.backup_retention_days)
        .set_preferred_backup_window(settings.backup_window)
        .set_preferred_maintenance_window(settings.maintenance_window)
        .set_ca_certificate_identifier(settings.ca_certificate)
        .set_monitoring_interval(settings.monitoring_interval)
        .set_monitoring_role_arn(settings.monitoring_role_arn)
        .set_database_insights_mode(settings.database_insights_mode.as_deref().map(DatabaseInsightsMode::from))
        .set_enable_performance_insights(settings.performance_insights)
        .set_performance_insights_kms_key_id(settings.performance_insights_kms_key_id)
        .set_performance_insights_retention_period(settings.performance_insights_retention_days)
        .set_manage_master_user_password(settings.managed_master_password.then_some(true))
        .set_master_user_secret_kms_key_id(settings.managed_master_password_kms_key_id)
        .set_promotion_tier(settings.promotion_tier)
        .set_cloudwatch_logs_export_configuration(log_exports(settings.log_exports));
    let error = match call.send().await {
        Ok(answer) => return Ok(CallOutcome::Accepted(answer.db_instance)),
        Err(error) => error,
    };
    let is_about_status = error.as_service_error().is_some_and(|error| error.is_invalid_db_instance_state_fault());
    let is_passing = is_about_status && instance_is_passing(rds, identifier).await?;
    refused(identifier, changes, &error, is_about_status, is_passing)
}

/// Requests changes of a cluster in one call.
pub(crate) async fn modify_cluster(
    rds: &Client,
    identifier: &str,
    changes: &Changes<ClusterSettings>,
) -> Result<CallOutcome<Option<DbCluster>>> {
    let settings = changes.settings.clone();
    let scaling = settings.serverless_v2_scaling.map(|scaling| {
        ServerlessV2ScalingConfiguration::builder()
            .min_capacity(scaling.min_capacity)
            .max_capacity(scaling.max_capacity)
            .set_seconds_until_auto_pause(scaling.seconds_until_auto_pause)
            .build()
    });
    let call = rds
        .modify_db_cluster()
        .db_cluster_identifier(identifier)
        .apply_immediately(true)
        .set_vpc_security_group_ids(some(settings.security_groups))
        .set_copy_tags_to_snapshot(settings.copy_tags_to_snapshot)
        .set_enable_iam_database_authentication(settings.iam_database_authentication)
        .set_backup_retention_period(settings.backup_retention_days)
        .set_preferred_backup_window(settings.backup_window)
        .set_preferred_maintenance_window(settings.maintenance_window)
        .set_backtrack_window(settings.backtrack_window_seconds)
        .set_ca_certificate_identifier(settings.ca_certificate)
        .set_auto_minor_version_upgrade(settings.auto_minor_version_upgrade)
        .set_serverless_v2_scaling_configuration(scaling)
        .set_monitoring_interval(settings.monitoring_interval)
        .set_monitoring_role_arn(settings.monitoring_role_arn)
        .set_database_insights_mode(settings.database_insights_mode.as_deref().map(DatabaseInsightsMode::from))
        .set_enable_performance_insights(settings.performance_insights)
        .set_performance_insights_kms_key_id(settings.performance_insights_kms_key_id)
        .set_performance_insights_retention_period(settings.performance_insights_retention_days)
        .set_manage_master_user_password(settings.managed_master_password.then_some(true))
        .set_master_user_secret_kms_key_id(settings.managed_master_password_kms_key_id)
        .set_cloudwatch_logs_export_configuration(log_exports(settings.log_exports));
    let error = match call.send().await {
        Ok(answer) => return Ok(CallOutcome::Accepted(answer.db_cluster)),
        Err(error) => error,
    };
    let is_about_status = error
        .as_service_error()
        .is_some_and(|error| error.is_invalid_db_cluster_state_fault() || error.is_invalid_db_instance_state_fault());
    let is_passing = is_about_status && cluster_is_passing(rds, identifier).await?;
    refused(identifier, changes, &error, is_about_status, is_passing)
}

/// Turns the HTTP endpoint of an Aurora cluster on. `ModifyDBCluster` does that for Serverless v1 alone:
/// <https://docs.aws.amazon.com/AmazonRDS/latest/APIReference/API_EnableHttpEndpoint.html>
pub(crate) async fn enable_http_endpoint(rds: &Client, restored: &DbCluster) -> Result<CallOutcome<()>> {
    let identifier = restored.db_cluster_identifier().unwrap_or_default();
    let call = rds.enable_http_endpoint().set_resource_arn(restored.db_cluster_arn.clone());
    let Err(error) = call.send().await else {
        return Ok(CallOutcome::Accepted(()));
    };
    if error.as_service_error().is_some_and(|error| error.is_invalid_resource_state_fault())
        && cluster_is_passing(rds, identifier).await?
    {
        return Ok(CallOutcome::NotNow);
    }
    lasting(Error::from_aws(KIND, identifier, "cannot set the HTTP endpoint", &error))
}

/// Reboots an instance or member, so that its parameter groups come into force.
pub(crate) async fn reboot_instance(rds: &Client, identifier: &str) -> Result<()> {
    match rds.reboot_db_instance().db_instance_identifier(identifier).send().await {
        Ok(_) => Ok(()),
        Err(error) => {
            let busy = error.as_service_error().is_some_and(|error| error.is_invalid_db_instance_state_fault());
            if busy && instance_is_passing(rds, identifier).await? {
                return Ok(());
            }
            Err(Error::from_aws(KIND, identifier, "cannot reboot for the parameter group", &error))
        }
    }
}

/// Reboots all members of a Multi-AZ DB cluster, as [`reboot_instance`].
pub(crate) async fn reboot_cluster(rds: &Client, identifier: &str) -> Result<()> {
    match rds.reboot_db_cluster().db_cluster_identifier(identifier).send().await {
        Ok(_) => Ok(()),
        Err(error) => {
            let busy = error.as_service_error().is_some_and(|error| {
                error.is_invalid_db_cluster_state_fault() || error.is_invalid_db_instance_state_fault()
            });
            if busy && cluster_is_passing(rds, identifier).await? {
                return Ok(());
            }
            Err(Error::from_aws(KIND, identifier, "cannot reboot for the parameter group", &error))
        }
    }
}

/// Whether the instance has a passing status. For a moment only its pending changes show that.
pub(crate) async fn instance_is_passing(rds: &Client, identifier: &str) -> Result<bool> {
    Ok(rds::instance(rds, identifier).await?.as_ref().is_some_and(is_busy))
}

/// As [`instance_is_passing`], for a cluster or one of its members.
pub(crate) async fn cluster_is_passing(rds: &Client, identifier: &str) -> Result<bool> {
    let Some(cluster) = rds::cluster(rds, identifier).await? else {
        return Ok(false);
    };
    Ok(is_busy(&cluster) || rds::instances_of_cluster(rds, identifier).await?.iter().any(is_busy))
}

fn is_busy(database: &impl Database) -> bool {
    database.phase() == Phase::Passing || database.has_pending_modifications()
}

/// A refusal; an error if another call may help.
fn refused<S, E, T>(
    identifier: &str,
    changes: &Changes<S>,
    error: &SdkError<E, HttpResponse>,
    is_about_status: bool,
    is_passing: bool,
) -> Result<CallOutcome<T>>
where
    S: Together,
    E: ProvideErrorMetadata + std::error::Error + 'static,
{
    if is_passing {
        return Ok(CallOutcome::NotNow);
    }
    let error = Error::from_aws(KIND, identifier, format!("cannot set {}", changes.in_words()), error);
    if is_about_status { Ok(CallOutcome::NotInThisStatus(error)) } else { lasting(error) }
}

fn lasting<T>(error: Error) -> Result<CallOutcome<T>> {
    if error.kind().retryable() { Err(error) } else { Ok(CallOutcome::Refused(error)) }
}

/// A refusal in the words of a note.
pub(crate) fn note(error: &Error) -> String {
    let why = error.source().map(|cause| format!(": {cause}")).unwrap_or_default();
    format!("{error}{why}; set it by hand")
}

/// Only the missing exports: the restore may already export some.
fn log_exports(missing: Vec<String>) -> Option<CloudwatchLogsExportConfiguration> {
    let missing = some(missing)?;
    Some(CloudwatchLogsExportConfiguration::builder().set_enable_log_types(Some(missing)).build())
}

fn some<T>(items: Vec<T>) -> Option<Vec<T>> {
    (!items.is_empty()).then_some(items)
}
