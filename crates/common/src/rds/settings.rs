//! A database's settings as RDS reports them.

use aws_sdk_rds::types::{DbCluster, DbInstance, DomainMembership, Endpoint, VpcSecurityGroupMembership};

use crate::settings::{ClusterSettings, Domain, InstanceSettings, ProcessorFeature, ServerlessV2Scaling};

impl From<&DbInstance> for InstanceSettings {
    fn from(instance: &DbInstance) -> Self {
        let secret = instance.master_user_secret();
        Self {
            instance_class: text(instance.db_instance_class()),
            port: instance.endpoint().and_then(Endpoint::port).or(instance.db_instance_port()),
            availability_zone: text(instance.availability_zone()),
            subnet_group: text(instance.db_subnet_group().and_then(|group| group.db_subnet_group_name())),
            multi_az: instance.multi_az(),
            publicly_accessible: instance.publicly_accessible(),
            auto_minor_version_upgrade: instance.auto_minor_version_upgrade(),
            license_model: text(instance.license_model()),
            storage_type: text(instance.storage_type()),
            allocated_storage: instance.allocated_storage(),
            max_allocated_storage: instance.max_allocated_storage(),
            iops: instance.iops(),
            storage_throughput: instance.storage_throughput(),
            dedicated_log_volume: instance.dedicated_log_volume(),
            storage_encrypted: instance.storage_encrypted(),
            kms_key_id: text(instance.kms_key_id()),
            option_group: text(instance.option_group_memberships().first().and_then(|group| group.option_group_name())),
            parameter_group: text(
                instance.db_parameter_groups().first().and_then(|group| group.db_parameter_group_name()),
            ),
            security_groups: security_groups(instance.vpc_security_groups()),
            copy_tags_to_snapshot: instance.copy_tags_to_snapshot(),
            iam_database_authentication: instance.iam_database_authentication_enabled(),
            log_exports: sorted(instance.enabled_cloudwatch_logs_exports().to_vec()),
            processor_features: sorted(
                instance
                    .processor_features()
                    .iter()
                    .filter_map(|feature| {
                        Some(ProcessorFeature { name: text(feature.name())?, value: text(feature.value())? })
                    })
                    .collect(),
            ),
            deletion_protection: instance.deletion_protection(),
            network_type: text(instance.network_type()),
            domain: instance.domain_memberships().first().map(Domain::from),
            backup_retention_days: instance.backup_retention_period(),
            backup_window: text(instance.preferred_backup_window()),
            maintenance_window: text(instance.preferred_maintenance_window()),
            ca_certificate: text(instance.ca_certificate_identifier()),
            engine_lifecycle_support: text(instance.engine_lifecycle_support()),
            monitoring_interval: instance.monitoring_interval(),
            monitoring_role_arn: text(instance.monitoring_role_arn()),
            database_insights_mode: instance.database_insights_mode().map(|mode| mode.as_str().to_owned()),
            performance_insights: instance.performance_insights_enabled(),
            performance_insights_kms_key_id: text(instance.performance_insights_kms_key_id()),
            performance_insights_retention_days: instance.performance_insights_retention_period(),
            managed_master_password: secret.is_some(),
            managed_master_password_kms_key_id: secret.and_then(|secret| text(secret.kms_key_id())),
            promotion_tier: instance.promotion_tier(),
        }
    }
}

impl From<&DbCluster> for ClusterSettings {
    fn from(cluster: &DbCluster) -> Self {
        let secret = cluster.master_user_secret();
        Self {
            database_name: text(cluster.database_name()),
            port: cluster.port(),
            subnet_group: text(cluster.db_subnet_group()),
            availability_zones: sorted(cluster.availability_zones().to_vec()),
            instance_class: text(cluster.db_cluster_instance_class()),
            storage_type: text(cluster.storage_type()),
            allocated_storage: cluster.allocated_storage(),
            iops: cluster.iops(),
            storage_encrypted: cluster.storage_encrypted(),
            kms_key_id: text(cluster.kms_key_id()),
            engine_mode: text(cluster.engine_mode()),
            parameter_group: text(cluster.db_cluster_parameter_group()),
            option_group: text(
                cluster.db_cluster_option_group_memberships().first().and_then(|g| g.db_cluster_option_group_name()),
            ),
            security_groups: security_groups(cluster.vpc_security_groups()),
            copy_tags_to_snapshot: cluster.copy_tags_to_snapshot(),
            iam_database_authentication: cluster.iam_database_authentication_enabled(),
            log_exports: sorted(cluster.enabled_cloudwatch_logs_exports().to_vec()),
            deletion_protection: cluster.deletion_protection(),
            network_type: text(cluster.network_type()),
            domain: cluster.domain_memberships().first().map(Domain::from),
            backup_retention_days: cluster.backup_retention_period(),
            backup_window: text(cluster.preferred_backup_window()),
            maintenance_window: text(cluster.preferred_maintenance_window()),
            backtrack_window_seconds: cluster.backtrack_window(),
            engine_lifecycle_support: text(cluster.engine_lifecycle_support()),
            ca_certificate: text(cluster.certificate_details().and_then(|details| details.ca_identifier())),
            auto_minor_version_upgrade: cluster.auto_minor_version_upgrade(),
            publicly_accessible: cluster.publicly_accessible(),
            serverless_v2_scaling: cluster.serverless_v2_scaling_configuration().and_then(|scaling| {
                Some(ServerlessV2Scaling {
                    min_capacity: scaling.min_capacity()?,
                    max_capacity: scaling.max_capacity()?,
                    seconds_until_auto_pause: scaling.seconds_until_auto_pause(),
                })
            }),
            monitoring_interval: cluster.monitoring_interval(),
            monitoring_role_arn: text(cluster.monitoring_role_arn()),
            database_insights_mode: cluster.database_insights_mode().map(|mode| mode.as_str().to_owned()),
            performance_insights: cluster.performance_insights_enabled(),
            performance_insights_kms_key_id: text(cluster.performance_insights_kms_key_id()),
            performance_insights_retention_days: cluster.performance_insights_retention_period(),
            http_endpoint: cluster.http_endpoint_enabled(),
            managed_master_password: secret.is_some(),
            managed_master_password_kms_key_id: secret.and_then(|secret| text(secret.kms_key_id())),
        }
    }
}

impl From<&DomainMembership> for Domain {
    fn from(membership: &DomainMembership) -> Self {
        Self {
            id: text(membership.domain()),
            fqdn: text(membership.fqdn()),
            iam_role_name: text(membership.iam_role_name()),
            organizational_unit: text(membership.ou()),
            auth_secret_arn: text(membership.auth_secret_arn()),
            dns_ips: sorted(membership.dns_ips().to_vec()),
        }
    }
}

fn text(value: Option<&str>) -> Option<String> {
    value.map(str::to_owned)
}

fn security_groups(memberships: &[VpcSecurityGroupMembership]) -> Vec<String> {
    sorted(memberships.iter().filter_map(|group| text(group.vpc_security_group_id())).collect())
}

/// Sorts a list, so that RDS's order does not matter in a comparison.
fn sorted<T: Ord>(mut items: Vec<T>) -> Vec<T> {
    items.sort();
    items
}
