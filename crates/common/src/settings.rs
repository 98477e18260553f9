//! A database's settings: what RDS reports of them, as the state document carries them.
//!
//! This module only reads. Which setting a restore call takes, and which has to be applied afterwards, is the business of
//! the restore and settings crates; which matter enough to roll back, that of the verification.
//! What a restore keeps: `RestoreDBInstanceFromDBSnapshot` and `RestoreDBClusterFromSnapshot` in the RDS API reference.

use aws_sdk_rds::types::{DbCluster, DbInstance};
use serde::{Deserialize, Serialize};

/// The settings of a DB instance, or of a cluster's member. `None` where RDS reports nothing.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct InstanceSettings {
    pub instance_class: Option<String>,
    pub port: Option<i32>,
    pub availability_zone: Option<String>,
    pub subnet_group: Option<String>,
    pub multi_az: Option<bool>,
    pub publicly_accessible: Option<bool>,
    pub auto_minor_version_upgrade: Option<bool>,
    pub license_model: Option<String>,
    pub storage_type: Option<String>,
    pub allocated_storage: Option<i32>,
    pub max_allocated_storage: Option<i32>,
    pub iops: Option<i32>,
    pub storage_throughput: Option<i32>,
    pub dedicated_log_volume: Option<bool>,
    pub storage_encrypted: Option<bool>,
    pub kms_key_id: Option<String>,
    pub option_group: Option<String>,
    pub parameter_group: Option<String>,
    pub security_groups: Vec<String>,
    pub copy_tags_to_snapshot: Option<bool>,
    pub iam_database_authentication: Option<bool>,
    pub log_exports: Vec<String>,
    pub processor_features: Vec<ProcessorFeature>,
    pub deletion_protection: Option<bool>,
    pub network_type: Option<String>,
    pub domain: Option<Domain>,
    pub backup_retention_days: Option<i32>,
    pub backup_window: Option<String>,
    pub maintenance_window: Option<String>,
    pub ca_certificate: Option<String>,
    pub engine_lifecycle_support: Option<String>,
    pub monitoring_interval: Option<i32>,
    pub monitoring_role_arn: Option<String>,
    pub database_insights_mode: Option<String>,
    pub performance_insights: Option<bool>,
    pub performance_insights_kms_key_id: Option<String>,
    pub performance_insights_retention_days: Option<i32>,
    pub managed_master_password: bool,
    pub managed_master_password_kms_key_id: Option<String>,
    pub promotion_tier: Option<i32>,
}

/// A processor feature such as `coreCount`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProcessorFeature {
    pub name: String,
    pub value: String,
}

/// The Active Directory domain a database is joined to.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Domain {
    pub id: Option<String>,
    pub fqdn: Option<String>,
    pub iam_role_name: Option<String>,
    pub organizational_unit: Option<String>,
    pub auth_secret_arn: Option<String>,
    pub dns_ips: Vec<String>,
}

/// The settings of a DB cluster. `None` where RDS reports nothing.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ClusterSettings {
    /// `DatabaseName`, absent where the cluster was made without one.
    pub database_name: Option<String>,
    pub port: Option<i32>,
    pub subnet_group: Option<String>,
    pub availability_zones: Vec<String>,
    /// Multi-AZ DB clusters only.
    pub instance_class: Option<String>,
    pub storage_type: Option<String>,
    pub allocated_storage: Option<i32>,
    pub iops: Option<i32>,
    pub storage_encrypted: Option<bool>,
    pub kms_key_id: Option<String>,
    pub engine_mode: Option<String>,
    pub parameter_group: Option<String>,
    pub option_group: Option<String>,
    pub security_groups: Vec<String>,
    pub copy_tags_to_snapshot: Option<bool>,
    pub iam_database_authentication: Option<bool>,
    pub log_exports: Vec<String>,
    pub deletion_protection: Option<bool>,
    pub network_type: Option<String>,
    pub domain: Option<Domain>,
    pub backup_retention_days: Option<i32>,
    pub backup_window: Option<String>,
    pub maintenance_window: Option<String>,
    pub backtrack_window_seconds: Option<i64>,
    pub engine_lifecycle_support: Option<String>,
    pub auto_minor_version_upgrade: Option<bool>,
    pub publicly_accessible: Option<bool>,
    pub serverless_v2_scaling: Option<ServerlessV2Scaling>,
    pub monitoring_interval: Option<i32>,
    pub monitoring_role_arn: Option<String>,
    pub database_insights_mode: Option<String>,
    pub performance_insights: Option<bool>,
    pub performance_insights_kms_key_id: Option<String>,
    pub performance_insights_retention_days: Option<i32>,
    pub http_endpoint: Option<bool>,
    pub managed_master_password: bool,
    pub managed_master_password_kms_key_id: Option<String>,
}

/// Serverless v2 capacity, in Aurora capacity units.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ServerlessV2Scaling {
    pub min_capacity: f64,
    pub max_capacity: f64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seconds_until_auto_pause: Option<i32>,
}

impl From<&DbInstance> for InstanceSettings {
    fn from(instance: &DbInstance) -> Self {
        let secret = instance.master_user_secret();
        Self {
            instance_class: text(instance.db_instance_class()),
            port: instance.endpoint().and_then(aws_sdk_rds::types::Endpoint::port).or(instance.db_instance_port()),
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
            log_exports: instance.enabled_cloudwatch_logs_exports().to_vec(),
            processor_features: instance
                .processor_features()
                .iter()
                .filter_map(|feature| {
                    Some(ProcessorFeature { name: text(feature.name())?, value: text(feature.value())? })
                })
                .collect(),
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
            availability_zones: cluster.availability_zones().to_vec(),
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
            log_exports: cluster.enabled_cloudwatch_logs_exports().to_vec(),
            deletion_protection: cluster.deletion_protection(),
            network_type: text(cluster.network_type()),
            domain: cluster.domain_memberships().first().map(Domain::from),
            backup_retention_days: cluster.backup_retention_period(),
            backup_window: text(cluster.preferred_backup_window()),
            maintenance_window: text(cluster.preferred_maintenance_window()),
            backtrack_window_seconds: cluster.backtrack_window(),
            engine_lifecycle_support: text(cluster.engine_lifecycle_support()),
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

impl From<&aws_sdk_rds::types::DomainMembership> for Domain {
    fn from(membership: &aws_sdk_rds::types::DomainMembership) -> Self {
        Self {
            id: text(membership.domain()),
            fqdn: text(membership.fqdn()),
            iam_role_name: text(membership.iam_role_name()),
            organizational_unit: text(membership.ou()),
            auth_secret_arn: text(membership.auth_secret_arn()),
            dns_ips: membership.dns_ips().to_vec(),
        }
    }
}

fn text(value: Option<&str>) -> Option<String> {
    value.map(str::to_owned)
}

/// Sorted, so that two databases compare equal whatever order RDS lists their groups in.
fn security_groups(memberships: &[aws_sdk_rds::types::VpcSecurityGroupMembership]) -> Vec<String> {
    let mut groups: Vec<String> = memberships.iter().filter_map(|group| text(group.vpc_security_group_id())).collect();
    groups.sort();
    groups
}
