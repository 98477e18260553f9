//! The settings of a database: one table for instances, one for clusters.
//!
//! A row gives the type of a setting and the names under which `Create…`, `Modify…` and `Restore…` accept it (`""`: not
//! accepted). It also says how a modification takes effect. The struct that the rows generate has four uses: the settings of
//! a database, the settings in a request, pending settings, and the settings in the world file.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::error::ApiResult;
use crate::query::Params;

/// Processor features by name (`coreCount`, `threadsPerCore`).
pub type ProcessorFeatures = BTreeMap<String, String>;

/// Capacity range of Aurora Serverless v2, in capacity units.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ServerlessV2Scaling {
    pub min_capacity: f64,
    pub max_capacity: f64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seconds_until_auto_pause: Option<u32>,
}

/// A volume of an instance besides the first; `rdsdbdata2` to `rdsdbdata4`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct StorageVolume {
    pub name: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub allocated_storage: Option<u32>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub storage_type: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub iops: Option<u32>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub storage_throughput: Option<u32>,
}

/// The request in which a parameter arrives.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verb {
    Create,
    Modify,
    Restore,
    PointInTime,
}

/// The parameters of a restore from a snapshot that a restore to a point in time of a cluster does not have.
const OF_SNAPSHOTS_ONLY: &[&str] = &["EngineVersion", "AvailabilityZones.AvailabilityZone", "DatabaseName"];

/// How a modification takes effect.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Effect {
    /// Takes effect at once, independent of `ApplyImmediately`. The status stays.
    Now,
    /// Takes effect soon, independent of `ApplyImmediately`, through a `configuring-…` status.
    Configure,
    /// Kept in `PendingModifiedValues` until the maintenance window, a reboot or `ApplyImmediately`.
    Queue,
}

macro_rules! settings {
    ($(#[$outer:meta])* $name:ident { $($field:ident: $type:ty = $create:literal $modify:literal $restore:literal $effect:ident;)* }) => {
        $(#[$outer])*
        #[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
        #[cfg_attr(test, derive(schemars::JsonSchema))]
        #[serde(rename_all = "camelCase", deny_unknown_fields)]
        pub struct $name {
            $(#[serde(default, skip_serializing_if = "Option::is_none")] pub $field: Option<$type>,)*
        }

        impl $name {
            /// The settings that the request asks for.
            pub(crate) fn from_request(params: &mut Params, verb: Verb) -> ApiResult<Self> {
                let mut found = Self::default();
                $(
                    let name = match verb {
                        Verb::Create => $create,
                        Verb::Modify => $modify,
                        Verb::PointInTime if OF_SNAPSHOTS_ONLY.contains(&$restore) => "",
                        Verb::Restore | Verb::PointInTime => $restore,
                    };
                    if !name.is_empty() { found.$field = params.get(name)?; }
                )*
                Ok(found)
            }

            /// Takes over every setting of `change`.
            pub(crate) fn merge(&mut self, change: Self) {
                $(if change.$field.is_some() { self.$field = change.$field; })*
            }

            /// Removes the settings that are the same in `current`.
            pub(crate) fn without_what_is_already_so(mut self, current: &Self) -> Self {
                $(if self.$field == current.$field { self.$field = None; })*
                self
            }

            /// Removes the settings that `change` sets back to their value in `current`.
            pub(crate) fn cancel(&mut self, change: &Self, current: &Self) {
                $(if change.$field.is_some() && change.$field == current.$field { self.$field = None; })*
            }

            /// Splits off the settings that take effect in the given way.
            pub(crate) fn split_off(&mut self, effect: Effect) -> Self {
                let mut taken = Self::default();
                $(if effect == Effect::$effect { taken.$field = self.$field.take(); })*
                taken
            }

            /// Whether no setting has to wait.
            pub(crate) fn takes_effect_now(mut self) -> bool {
                self.split_off(Effect::Now);
                self.is_empty()
            }

            pub(crate) fn is_empty(&self) -> bool {
                true $(&& self.$field.is_none())*
            }

            /// The names of the given settings in the world file.
            pub(crate) fn names(&self) -> Vec<&'static str> {
                let mut names = Vec::new();
                $(if self.$field.is_some() { names.push(stringify!($field)); })*
                names
            }
        }
    };
}

settings! {
    /// Settings of a DB instance, or of a member of an Aurora cluster.
    InstanceSettings {
        // field                        type                create modify restore (request names)                 effect
        class: String = "DBInstanceClass" "DBInstanceClass" "DBInstanceClass" Queue;
        engine_version: String = "EngineVersion" "EngineVersion" "" Queue;
        port: u32 = "Port" "DBPortNumber" "Port" Queue;
        availability_zone: String = "AvailabilityZone" "" "AvailabilityZone" Now;
        subnet_group: String = "DBSubnetGroupName" "DBSubnetGroupName" "DBSubnetGroupName" Queue;
        multi_az: bool = "MultiAZ" "MultiAZ" "MultiAZ" Queue;
        publicly_accessible: bool = "PubliclyAccessible" "PubliclyAccessible" "PubliclyAccessible" Now;
        auto_minor_version_upgrade: bool = "AutoMinorVersionUpgrade" "AutoMinorVersionUpgrade" "AutoMinorVersionUpgrade" Now;
        license_model: String = "LicenseModel" "LicenseModel" "LicenseModel" Queue;
        allocated_storage: u32 = "AllocatedStorage" "AllocatedStorage" "AllocatedStorage" Queue;
        max_allocated_storage: u32 = "MaxAllocatedStorage" "MaxAllocatedStorage" "" Now;
        storage_type: String = "StorageType" "StorageType" "StorageType" Queue;
        iops: u32 = "Iops" "Iops" "Iops" Queue;
        storage_throughput: u32 = "StorageThroughput" "StorageThroughput" "StorageThroughput" Queue;
        storage_encrypted: bool = "StorageEncrypted" "" "" Now;
        kms_key_id: String = "KmsKeyId" "" "" Now;
        option_group: String = "OptionGroupName" "OptionGroupName" "OptionGroupName" Now;
        parameter_group: String = "DBParameterGroupName" "DBParameterGroupName" "DBParameterGroupName" Now;
        vpc_security_groups: Vec<String> = "VpcSecurityGroupIds.VpcSecurityGroupId" "VpcSecurityGroupIds.VpcSecurityGroupId" "VpcSecurityGroupIds.VpcSecurityGroupId" Now;
        copy_tags_to_snapshot: bool = "CopyTagsToSnapshot" "CopyTagsToSnapshot" "CopyTagsToSnapshot" Now;
        iam_database_authentication: bool = "EnableIAMDatabaseAuthentication" "EnableIAMDatabaseAuthentication" "EnableIAMDatabaseAuthentication" Queue;
        log_exports: Vec<String> = "EnableCloudwatchLogsExports.member" "" "EnableCloudwatchLogsExports.member" Configure;
        processor_features: ProcessorFeatures = "ProcessorFeatures.ProcessorFeature" "ProcessorFeatures.ProcessorFeature" "ProcessorFeatures.ProcessorFeature" Queue;
        deletion_protection: bool = "DeletionProtection" "DeletionProtection" "DeletionProtection" Now;
        network_type: String = "NetworkType" "NetworkType" "NetworkType" Now;
        domain: String = "Domain" "Domain" "Domain" Configure;
        domain_iam_role: String = "DomainIAMRoleName" "DomainIAMRoleName" "DomainIAMRoleName" Configure;
        domain_fqdn: String = "DomainFqdn" "DomainFqdn" "DomainFqdn" Configure;
        domain_ou: String = "DomainOu" "DomainOu" "DomainOu" Configure;
        domain_auth_secret_arn: String = "DomainAuthSecretArn" "DomainAuthSecretArn" "DomainAuthSecretArn" Configure;
        domain_dns_ips: Vec<String> = "DomainDnsIps.member" "DomainDnsIps.member" "DomainDnsIps.member" Configure;
        backup_retention_period: u32 = "BackupRetentionPeriod" "BackupRetentionPeriod" "BackupRetentionPeriod" Now;
        backup_window: String = "PreferredBackupWindow" "PreferredBackupWindow" "PreferredBackupWindow" Now;
        backup_target: String = "BackupTarget" "" "BackupTarget" Now;
        maintenance_window: String = "PreferredMaintenanceWindow" "PreferredMaintenanceWindow" "" Now;
        dedicated_log_volume: bool = "DedicatedLogVolume" "DedicatedLogVolume" "DedicatedLogVolume" Queue;
        ca_certificate: String = "CACertificateIdentifier" "CACertificateIdentifier" "CACertificateIdentifier" Queue;
        engine_lifecycle_support: String = "EngineLifecycleSupport" "EngineLifecycleSupport" "EngineLifecycleSupport" Now;
        monitoring_interval: u32 = "MonitoringInterval" "MonitoringInterval" "" Configure;
        monitoring_role_arn: String = "MonitoringRoleArn" "MonitoringRoleArn" "" Configure;
        performance_insights: bool = "EnablePerformanceInsights" "EnablePerformanceInsights" "" Configure;
        performance_insights_kms_key_id: String = "PerformanceInsightsKMSKeyId" "PerformanceInsightsKMSKeyId" "" Configure;
        performance_insights_retention_period: u32 = "PerformanceInsightsRetentionPeriod" "PerformanceInsightsRetentionPeriod" "" Configure;
        database_insights_mode: String = "DatabaseInsightsMode" "DatabaseInsightsMode" "" Configure;
        promotion_tier: u32 = "PromotionTier" "PromotionTier" "" Now;
        master_username: String = "MasterUsername" "" "" Now;
        database_name: String = "DBName" "" "DBName" Now;
        character_set: String = "CharacterSetName" "" "" Now;
        timezone: String = "Timezone" "" "" Now;
        customer_owned_ip: bool = "EnableCustomerOwnedIp" "EnableCustomerOwnedIp" "EnableCustomerOwnedIp" Now;
        multi_tenant: bool = "MultiTenant" "MultiTenant" "" Queue;
        additional_storage_volumes: Vec<StorageVolume> = "AdditionalStorageVolumes" "AdditionalStorageVolumes" "AdditionalStorageVolumes" Queue;
    }
}

settings! {
    /// Settings of an Aurora or Multi-AZ DB cluster.
    ClusterSettings {
        engine_version: String = "EngineVersion" "EngineVersion" "EngineVersion" Queue;
        engine_mode: String = "EngineMode" "EngineMode" "EngineMode" Now;
        class: String = "DBClusterInstanceClass" "DBClusterInstanceClass" "DBClusterInstanceClass" Queue;
        port: u32 = "Port" "Port" "Port" Queue;
        availability_zones: Vec<String> = "AvailabilityZones.AvailabilityZone" "" "AvailabilityZones.AvailabilityZone" Now;
        subnet_group: String = "DBSubnetGroupName" "" "DBSubnetGroupName" Now;
        publicly_accessible: bool = "PubliclyAccessible" "" "PubliclyAccessible" Now;
        auto_minor_version_upgrade: bool = "AutoMinorVersionUpgrade" "AutoMinorVersionUpgrade" "" Now;
        allocated_storage: u32 = "AllocatedStorage" "AllocatedStorage" "" Queue;
        storage_type: String = "StorageType" "StorageType" "StorageType" Queue;
        iops: u32 = "Iops" "Iops" "Iops" Queue;
        storage_encrypted: bool = "StorageEncrypted" "" "" Now;
        kms_key_id: String = "KmsKeyId" "" "KmsKeyId" Now;
        option_group: String = "OptionGroupName" "OptionGroupName" "OptionGroupName" Now;
        parameter_group: String = "DBClusterParameterGroupName" "DBClusterParameterGroupName" "DBClusterParameterGroupName" Now;
        vpc_security_groups: Vec<String> = "VpcSecurityGroupIds.VpcSecurityGroupId" "VpcSecurityGroupIds.VpcSecurityGroupId" "VpcSecurityGroupIds.VpcSecurityGroupId" Now;
        copy_tags_to_snapshot: bool = "CopyTagsToSnapshot" "CopyTagsToSnapshot" "CopyTagsToSnapshot" Now;
        iam_database_authentication: bool = "EnableIAMDatabaseAuthentication" "EnableIAMDatabaseAuthentication" "EnableIAMDatabaseAuthentication" Queue;
        log_exports: Vec<String> = "EnableCloudwatchLogsExports.member" "" "EnableCloudwatchLogsExports.member" Configure;
        deletion_protection: bool = "DeletionProtection" "DeletionProtection" "DeletionProtection" Now;
        network_type: String = "NetworkType" "NetworkType" "NetworkType" Now;
        domain: String = "Domain" "Domain" "Domain" Configure;
        domain_iam_role: String = "DomainIAMRoleName" "DomainIAMRoleName" "DomainIAMRoleName" Configure;
        backup_retention_period: u32 = "BackupRetentionPeriod" "BackupRetentionPeriod" "BackupRetentionPeriod" Now;
        backup_window: String = "PreferredBackupWindow" "PreferredBackupWindow" "PreferredBackupWindow" Now;
        maintenance_window: String = "PreferredMaintenanceWindow" "PreferredMaintenanceWindow" "" Now;
        ca_certificate: String = "CACertificateIdentifier" "CACertificateIdentifier" "" Queue;
        engine_lifecycle_support: String = "EngineLifecycleSupport" "EngineLifecycleSupport" "EngineLifecycleSupport" Now;
        serverless_v2_scaling: ServerlessV2Scaling = "ServerlessV2ScalingConfiguration" "ServerlessV2ScalingConfiguration" "ServerlessV2ScalingConfiguration" Now;
        backtrack_window: u32 = "BacktrackWindow" "BacktrackWindow" "BacktrackWindow" Now;
        http_endpoint: bool = "EnableHttpEndpoint" "EnableHttpEndpoint" "" Now;
        local_write_forwarding: bool = "EnableLocalWriteForwarding" "EnableLocalWriteForwarding" "" Now;
        monitoring_interval: u32 = "MonitoringInterval" "MonitoringInterval" "MonitoringInterval" Configure;
        monitoring_role_arn: String = "MonitoringRoleArn" "MonitoringRoleArn" "MonitoringRoleArn" Configure;
        performance_insights: bool = "EnablePerformanceInsights" "EnablePerformanceInsights" "EnablePerformanceInsights" Configure;
        performance_insights_kms_key_id: String = "PerformanceInsightsKMSKeyId" "PerformanceInsightsKMSKeyId" "PerformanceInsightsKMSKeyId" Configure;
        performance_insights_retention_period: u32 = "PerformanceInsightsRetentionPeriod" "PerformanceInsightsRetentionPeriod" "PerformanceInsightsRetentionPeriod" Configure;
        database_insights_mode: String = "DatabaseInsightsMode" "DatabaseInsightsMode" "" Configure;
        master_username: String = "MasterUsername" "" "" Now;
        database_name: String = "DatabaseName" "" "DatabaseName" Now;
        character_set: String = "CharacterSetName" "" "" Now;
        vpc_networking: bool = "" "" "EnableVPCNetworking" Now;
    }
}
