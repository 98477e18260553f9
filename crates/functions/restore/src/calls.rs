//! The parameters of settings in the calls that restore and create. The table has already decided which setting a call
//! takes. The call omits a value that is `None` or empty here.

use aws_sdk_rds::operation::create_db_instance::builders::CreateDBInstanceFluentBuilder;
use aws_sdk_rds::operation::restore_db_cluster_from_snapshot::builders::RestoreDBClusterFromSnapshotFluentBuilder;
use aws_sdk_rds::operation::restore_db_cluster_to_point_in_time::builders::RestoreDBClusterToPointInTimeFluentBuilder;
use aws_sdk_rds::operation::restore_db_instance_from_db_snapshot::builders::RestoreDBInstanceFromDBSnapshotFluentBuilder;
use aws_sdk_rds::operation::restore_db_instance_to_point_in_time::builders::RestoreDBInstanceToPointInTimeFluentBuilder;
use aws_sdk_rds::types::{ProcessorFeature, ServerlessV2ScalingConfiguration};
use trapheus_common::settings::{ClusterSettings, Domain, InstanceSettings};

/// The settings of a restored instance, in either call that restores one: the two calls have the same parameters for them.
macro_rules! with_instance_settings {
    ($call:expr, $settings:expr) => {{
        let settings: InstanceSettings = $settings;
        let domain = as_joined(settings.domain);
        let features: Vec<_> = settings
            .processor_features
            .into_iter()
            .map(|feature| ProcessorFeature::builder().name(feature.name).value(feature.value).build())
            .collect();
        $call
            .set_db_instance_class(settings.instance_class)
            .set_port(settings.port)
            .set_availability_zone(settings.availability_zone)
            .set_db_subnet_group_name(settings.subnet_group)
            .set_multi_az(settings.multi_az)
            .set_publicly_accessible(settings.publicly_accessible)
            .set_auto_minor_version_upgrade(settings.auto_minor_version_upgrade)
            .set_license_model(settings.license_model)
            .set_storage_type(settings.storage_type)
            .set_allocated_storage(settings.allocated_storage)
            .set_iops(settings.iops)
            .set_storage_throughput(settings.storage_throughput)
            .set_dedicated_log_volume(settings.dedicated_log_volume)
            .set_option_group_name(settings.option_group)
            .set_db_parameter_group_name(settings.parameter_group)
            .set_vpc_security_group_ids(some(settings.security_groups))
            .set_copy_tags_to_snapshot(settings.copy_tags_to_snapshot)
            .set_enable_iam_database_authentication(settings.iam_database_authentication)
            .set_enable_cloudwatch_logs_exports(some(settings.log_exports))
            .set_processor_features(some(features))
            .set_network_type(settings.network_type)
            .set_domain(domain.id)
            .set_domain_iam_role_name(domain.iam_role_name)
            .set_domain_fqdn(domain.fqdn)
            .set_domain_ou(domain.organizational_unit)
            .set_domain_auth_secret_arn(domain.auth_secret_arn)
            .set_domain_dns_ips(some(domain.dns_ips))
            .set_backup_retention_period(settings.backup_retention_days)
            .set_preferred_backup_window(settings.backup_window)
            .set_ca_certificate_identifier(settings.ca_certificate)
            .set_engine_lifecycle_support(settings.engine_lifecycle_support)
    }};
}

/// The settings of a restored cluster that both calls take.
macro_rules! with_cluster_settings {
    ($call:expr, $settings:expr) => {{
        let settings: ClusterSettings = $settings;
        let domain = as_joined(settings.domain);
        let scaling = settings.serverless_v2_scaling.map(|scaling| {
            ServerlessV2ScalingConfiguration::builder()
                .min_capacity(scaling.min_capacity)
                .max_capacity(scaling.max_capacity)
                .set_seconds_until_auto_pause(scaling.seconds_until_auto_pause)
                .build()
        });
        $call
            .set_port(settings.port)
            .set_db_subnet_group_name(settings.subnet_group)
            .set_db_cluster_instance_class(settings.instance_class)
            .set_storage_type(settings.storage_type)
            .set_iops(settings.iops)
            .set_kms_key_id(settings.kms_key_id)
            .set_engine_mode(settings.engine_mode)
            .set_db_cluster_parameter_group_name(settings.parameter_group)
            .set_vpc_security_group_ids(some(settings.security_groups))
            .set_copy_tags_to_snapshot(settings.copy_tags_to_snapshot)
            .set_enable_iam_database_authentication(settings.iam_database_authentication)
            .set_enable_cloudwatch_logs_exports(some(settings.log_exports))
            .set_network_type(settings.network_type)
            .set_domain(domain.id)
            .set_domain_iam_role_name(domain.iam_role_name)
            .set_backup_retention_period(settings.backup_retention_days)
            .set_preferred_backup_window(settings.backup_window)
            .set_backtrack_window(settings.backtrack_window_seconds)
            .set_engine_lifecycle_support(settings.engine_lifecycle_support)
            .set_publicly_accessible(settings.publicly_accessible)
            .set_serverless_v2_scaling_configuration(scaling)
            .set_monitoring_interval(settings.monitoring_interval)
            .set_monitoring_role_arn(settings.monitoring_role_arn)
            .set_enable_performance_insights(settings.performance_insights)
            .set_performance_insights_kms_key_id(settings.performance_insights_kms_key_id)
            .set_performance_insights_retention_period(settings.performance_insights_retention_days)
    }};
}

pub(crate) fn restore_instance(
    call: RestoreDBInstanceFromDBSnapshotFluentBuilder,
    settings: InstanceSettings,
) -> RestoreDBInstanceFromDBSnapshotFluentBuilder {
    with_instance_settings!(call, settings)
}

pub(crate) fn restore_instance_to_moment(
    call: RestoreDBInstanceToPointInTimeFluentBuilder,
    settings: InstanceSettings,
) -> RestoreDBInstanceToPointInTimeFluentBuilder {
    with_instance_settings!(call, settings)
}

pub(crate) fn restore_cluster(
    call: RestoreDBClusterFromSnapshotFluentBuilder,
    settings: ClusterSettings,
) -> RestoreDBClusterFromSnapshotFluentBuilder {
    let call = call
        .set_database_name(settings.database_name.clone())
        .set_availability_zones(some(settings.availability_zones.clone()));
    with_cluster_settings!(call, settings)
}

/// RDS takes neither zones nor a database name for a moment or a clone.
pub(crate) fn restore_cluster_to_moment(
    call: RestoreDBClusterToPointInTimeFluentBuilder,
    settings: ClusterSettings,
) -> RestoreDBClusterToPointInTimeFluentBuilder {
    with_cluster_settings!(call, settings)
}

pub(crate) fn create_member(
    call: CreateDBInstanceFluentBuilder,
    settings: InstanceSettings,
) -> CreateDBInstanceFluentBuilder {
    call.set_db_instance_class(settings.instance_class)
        .set_availability_zone(settings.availability_zone)
        .set_publicly_accessible(settings.publicly_accessible)
        .set_auto_minor_version_upgrade(settings.auto_minor_version_upgrade)
        .set_db_parameter_group_name(settings.parameter_group)
        .set_preferred_maintenance_window(settings.maintenance_window)
        .set_ca_certificate_identifier(settings.ca_certificate)
        .set_monitoring_interval(settings.monitoring_interval)
        .set_monitoring_role_arn(settings.monitoring_role_arn)
        .set_enable_performance_insights(settings.performance_insights)
        .set_performance_insights_kms_key_id(settings.performance_insights_kms_key_id)
        .set_performance_insights_retention_period(settings.performance_insights_retention_days)
        .set_promotion_tier(settings.promotion_tier)
}

/// The domain for a call. An AWS Managed Microsoft AD needs its id and a role; a self-managed one needs all other values.
/// RDS reports the FQDN of either, but takes it only for the second kind.
fn as_joined(domain: Option<Domain>) -> Domain {
    match domain {
        Some(domain) if domain.auth_secret_arn.is_some() => Domain { id: None, iam_role_name: None, ..domain },
        Some(Domain { id, iam_role_name, .. }) => Domain { id, iam_role_name, ..Domain::default() },
        None => Domain::default(),
    }
}

fn some<T>(items: Vec<T>) -> Option<Vec<T>> {
    (!items.is_empty()).then_some(items)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_managed_domain_is_named_by_id_and_role_and_a_self_managed_one_by_the_rest() {
        let reported = Domain {
            id: Some("d-1".into()),
            fqdn: Some("corp.example.com".into()),
            iam_role_name: Some("rds-ad".into()),
            ..Domain::default()
        };
        assert_eq!(as_joined(Some(reported.clone())), Domain { fqdn: None, ..reported.clone() });
        let self_managed = Domain { auth_secret_arn: Some("arn:secret".into()), ..reported };
        let sent = as_joined(Some(self_managed.clone()));
        assert_eq!(sent, Domain { id: None, iam_role_name: None, ..self_managed });
    }
}
