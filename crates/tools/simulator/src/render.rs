//! Resources on the wire: element names and their order as in RDS's service model (2014-10-31).
//!
//! Read-only. Elements without a value are omitted, as in RDS.

use jiff::Timestamp;

use crate::engines;
use crate::lag::View;
use crate::resources::{
    Cluster, ClusterSnapshot, ExportTask, Instance, InstanceSnapshot, Key, Life, ManagedSecret, Snapshot,
};
use crate::settings::{InstanceSettings, ProcessorFeatures, StorageVolume};
use crate::sharing::Foreign;
use crate::state::State;
use crate::xml::Xml;

/// The part of an endpoint that all databases of an account in a region share.
const ENDPOINT_HASH: &str = "c9simulator0";

pub(crate) fn timestamp(xml: &mut Xml, name: &str, unix_millis: i64) {
    xml.plain_if(name, Timestamp::from_millisecond(unix_millis).ok());
}

pub(crate) fn tags(xml: &mut Xml, tags: &[(String, String)]) {
    xml.nest("TagList", |xml| tag_members(xml, tags));
}

/// The members of a `TagList`.
pub(crate) fn tag_members(xml: &mut Xml, tags: &[(String, String)]) {
    for (key, value) in tags {
        xml.nest("Tag", |xml| {
            xml.text("Key", key);
            xml.text("Value", value);
        });
    }
}

fn processor_features(xml: &mut Xml, features: Option<&ProcessorFeatures>) {
    let Some(features) = features else { return };
    xml.nest("ProcessorFeatures", |xml| {
        for (name, value) in features {
            xml.nest("ProcessorFeature", |xml| {
                xml.text("Name", name);
                xml.text("Value", value);
            });
        }
    });
}

fn secret(xml: &mut Xml, secret: Option<&ManagedSecret>, life: &Life) {
    let Some(secret) = secret else { return };
    xml.nest("MasterUserSecret", |xml| {
        xml.text("SecretArn", &secret.arn);
        xml.text("SecretStatus", if life.served && !life.busy { "active" } else { "creating" });
        xml.text("KmsKeyId", &secret.kms_key_id);
    });
}

fn additional_storage_volumes(xml: &mut Xml, volumes: Option<&Vec<StorageVolume>>) {
    let Some(volumes) = volumes.filter(|volumes| !volumes.is_empty()) else { return };
    xml.nest("AdditionalStorageVolumes", |xml| {
        for volume in volumes {
            xml.nest("member", |xml| {
                xml.text("VolumeName", &volume.name);
                xml.plain_if("AllocatedStorage", volume.allocated_storage);
                xml.plain_if("IOPS", volume.iops);
                xml.plain_if("StorageThroughput", volume.storage_throughput);
                xml.text_if("StorageType", volume.storage_type.as_ref());
            });
        }
    });
}

fn security_groups(xml: &mut Xml, groups: Option<&Vec<String>>) {
    xml.nest("VpcSecurityGroups", |xml| {
        for group in groups.into_iter().flatten() {
            xml.nest("VpcSecurityGroupMembership", |xml| {
                xml.text("VpcSecurityGroupId", group);
                xml.text("Status", "active");
            });
        }
    });
}

/// The name, the ARN and the type under which a snapshot is shown.
pub(crate) struct Shown<'a> {
    name: &'a str,
    pub(crate) arn: String,
    pub(crate) kind: &'a str,
    /// Whether the account owns it. Other snapshots are shown without their tags.
    pub(crate) is_own: bool,
}

impl<'a> Shown<'a> {
    pub(crate) fn own<S>(state: &State, snapshot: &'a Snapshot<S>, resource: &str) -> Self {
        let name = snapshot.life.identifier.as_str();
        Self { name, arn: state.arn(resource, name), kind: &snapshot.kind, is_own: true }
    }

    pub(crate) fn foreign<S>(state: &State, foreign: &'a Foreign<S>, resource: &str) -> Self {
        let is_own = foreign.account == state.account;
        let shared = if foreign.is_public { "public" } else { "shared" };
        let kind = if is_own { foreign.snapshot.kind.as_str() } else { shared };
        Self { name: &foreign.snapshot.life.identifier, arn: state.foreign_arn(foreign, resource), kind, is_own }
    }

    /// The ARN is the identifier of a snapshot of another account.
    fn identifier(&self) -> &str {
        if self.is_own { self.name } else { &self.arn }
    }
}

impl State {
    /// The address of an instance.
    fn instance_endpoint(&self, identifier: &str) -> String {
        format!("{identifier}.{ENDPOINT_HASH}.{}.rds.amazonaws.com", self.region)
    }

    fn cluster_endpoint(&self, identifier: &str, kind: &str) -> String {
        format!("{identifier}.{kind}-{ENDPOINT_HASH}.{}.rds.amazonaws.com", self.region)
    }

    fn outpost_arn(&self) -> String {
        format!("arn:{}:outposts:{}:{}:outpost/op-0simulator", self.partition(), self.region, self.account)
    }

    /// Elements of a `DBSubnetGroup`, without the subnets.
    pub(crate) fn subnet_group(&self, xml: &mut Xml, name: &str) {
        xml.text("DBSubnetGroupName", name);
        xml.text("DBSubnetGroupDescription", name);
        xml.text("VpcId", self.vpc(Some(name)));
        xml.text("SubnetGroupStatus", "Complete");
        xml.nest("Subnets", |xml| {
            for zone in self.covered_zones(Some(name)) {
                xml.nest("Subnet", |xml| {
                    xml.text("SubnetIdentifier", &format!("subnet-0{}", zone.trim_start_matches(&self.region)));
                    xml.nest("SubnetAvailabilityZone", |xml| xml.text("Name", &zone));
                    if self.is_on_outpost(Some(name)) {
                        xml.nest("SubnetOutpost", |xml| xml.text("Arn", &self.outpost_arn()));
                    }
                    xml.text("SubnetStatus", "Active");
                });
            }
        });
        xml.text("DBSubnetGroupArn", &self.arn("subgrp", name));
        xml.list("SupportedNetworkTypes", "member", &["IPV4".to_owned()]);
    }
}

/// Resources as a view of the world shows them.
impl View<'_> {
    pub(crate) fn instance_arn(&self, instance: &Instance) -> String {
        self.arn("db", self.identifier(&instance.life))
    }

    pub(crate) fn cluster_arn(&self, cluster: &Cluster) -> String {
        self.arn("cluster", self.identifier(&cluster.life))
    }

    /// The content of a `DBInstance` element.
    pub(crate) fn instance(&self, xml: &mut Xml, key: Key) {
        let Some(instance) = self.instances.get(&key) else { return };
        let (life, settings) = (&instance.life, &instance.settings);
        xml.text("DBInstanceIdentifier", self.identifier(life));
        xml.text_if("DBInstanceClass", settings.class.as_ref());
        xml.text("Engine", &instance.engine);
        xml.text("DBInstanceStatus", self.status(life));
        xml.text_if("MasterUsername", settings.master_username.as_ref());
        xml.text_if("DBName", settings.database_name.as_ref());
        if let Some(created) = instance.created {
            xml.nest("Endpoint", |xml| {
                xml.text("Address", &self.instance_endpoint(self.identifier(life)));
                xml.plain_if("Port", settings.port);
                xml.text("HostedZoneId", "Z0SIMULATOR");
            });
            timestamp(xml, "InstanceCreateTime", created);
        }
        xml.plain_if("AllocatedStorage", settings.allocated_storage);
        xml.text_if("PreferredBackupWindow", settings.backup_window.as_ref());
        xml.plain_if("BackupRetentionPeriod", settings.backup_retention_period);
        xml.nest("DBSecurityGroups", |_| {});
        security_groups(xml, settings.vpc_security_groups.as_ref());
        xml.nest("DBParameterGroups", |xml| {
            if let Some(group) = &settings.parameter_group {
                xml.nest("DBParameterGroup", |xml| {
                    xml.text("DBParameterGroupName", group);
                    xml.text("ParameterApplyStatus", instance.parameter_apply_status.as_str());
                });
            }
        });
        xml.text_if("AvailabilityZone", settings.availability_zone.as_ref());
        if let Some(group) = &settings.subnet_group {
            xml.nest("DBSubnetGroup", |xml| self.subnet_group(xml, group));
        }
        xml.text_if("PreferredMaintenanceWindow", settings.maintenance_window.as_ref());
        xml.nest("PendingModifiedValues", |xml| pending_instance(xml, *self, instance));
        if let Some(window) = self.instance_window(instance) {
            timestamp(xml, "LatestRestorableTime", window.latest);
        }
        self.instance_make(xml, key, instance);
        self.instance_options(xml, instance);
    }

    /// The engine, the storage and the ties to other databases.
    fn instance_make(&self, xml: &mut Xml, key: Key, instance: &Instance) {
        let settings = &instance.settings;
        xml.plain_if("MultiAZ", settings.multi_az);
        xml.text_if("EngineVersion", settings.engine_version.as_ref());
        xml.plain_if("AutoMinorVersionUpgrade", settings.auto_minor_version_upgrade);
        let source = instance.replica_of.and_then(|source| self.instances.get(&source));
        xml.text_if("ReadReplicaSourceDBInstanceIdentifier", source.map(|source| self.identifier(&source.life)));
        xml.nest("ReadReplicaDBInstanceIdentifiers", |xml| {
            for replica in self.instances.values().filter(|replica| replica.replica_of == Some(key)) {
                xml.text("ReadReplicaDBInstanceIdentifier", self.identifier(&replica.life));
            }
        });
        xml.text_if("LicenseModel", settings.license_model.as_ref());
        xml.plain_if("Iops", settings.iops);
        xml.plain_if("StorageThroughput", settings.storage_throughput);
        xml.nest("OptionGroupMemberships", |xml| {
            if let Some(group) = &settings.option_group {
                xml.nest("OptionGroupMembership", |xml| {
                    xml.text("OptionGroupName", group);
                    xml.text("Status", instance.option_group_status.as_str());
                });
            }
        });
        xml.text_if("CharacterSetName", settings.character_set.as_ref());
        xml.plain_if("PubliclyAccessible", settings.publicly_accessible);
        xml.text_if("StorageType", settings.storage_type.as_ref());
        xml.plain("DbInstancePort", 0);
        let cluster = instance.cluster.and_then(|cluster| self.clusters.get(&cluster));
        xml.text_if("DBClusterIdentifier", cluster.map(|cluster| self.identifier(&cluster.life)));
        xml.plain_if("StorageEncrypted", settings.storage_encrypted);
        xml.text_if("KmsKeyId", settings.kms_key_id.as_ref());
        xml.text("DbiResourceId", &instance.resource_id);
        xml.text_if("CACertificateIdentifier", settings.ca_certificate.as_ref());
        instance_domain(xml, settings);
    }

    /// The options that can be switched on and off, the tags and the backups.
    fn instance_options(&self, xml: &mut Xml, instance: &Instance) {
        let (life, settings) = (&instance.life, &instance.settings);
        xml.plain_if("CopyTagsToSnapshot", settings.copy_tags_to_snapshot);
        xml.plain_if("MonitoringInterval", settings.monitoring_interval);
        xml.text_if("MonitoringRoleArn", settings.monitoring_role_arn.as_ref());
        xml.plain_if("PromotionTier", settings.promotion_tier);
        xml.text("DBInstanceArn", &self.instance_arn(instance));
        xml.text_if("Timezone", settings.timezone.as_ref());
        xml.plain_if("IAMDatabaseAuthenticationEnabled", settings.iam_database_authentication);
        xml.text_if("DatabaseInsightsMode", settings.database_insights_mode.as_ref());
        xml.plain_if("PerformanceInsightsEnabled", settings.performance_insights);
        if settings.performance_insights == Some(true) {
            xml.text_if("PerformanceInsightsKMSKeyId", settings.performance_insights_kms_key_id.as_ref());
            xml.plain_if("PerformanceInsightsRetentionPeriod", settings.performance_insights_retention_period);
        }
        if let Some(exports) = settings.log_exports.as_ref().filter(|exports| !exports.is_empty()) {
            xml.list("EnabledCloudwatchLogsExports", "member", exports);
        }
        processor_features(xml, settings.processor_features.as_ref().filter(|features| !features.is_empty()));
        xml.plain_if("DeletionProtection", settings.deletion_protection);
        xml.nest("AssociatedRoles", |xml| {
            for role in &instance.associated_roles {
                xml.nest("DBInstanceRole", |xml| {
                    xml.text("RoleArn", &role.role_arn);
                    xml.text("FeatureName", &role.feature);
                    xml.text("Status", "ACTIVE");
                });
            }
        });
        xml.plain_if("MaxAllocatedStorage", settings.max_allocated_storage);
        tags(xml, self.tags(&instance.tags));
        xml.plain_if("CustomerOwnedIpEnabled", settings.customer_owned_ip);
        xml.text_if("NetworkType", settings.network_type.as_ref());
        xml.text("ActivityStreamStatus", "stopped");
        xml.nest("DBInstanceAutomatedBackupsReplications", |xml| {
            for arn in &instance.backup_replications {
                xml.nest("DBInstanceAutomatedBackupsReplication", |xml| xml.text("DBInstanceAutomatedBackupsArn", arn));
            }
        });
        xml.text_if("BackupTarget", settings.backup_target.as_ref());
        secret(xml, instance.secret.as_ref(), life);
        xml.plain_if("MultiTenant", settings.multi_tenant);
        xml.plain_if("DedicatedLogVolume", settings.dedicated_log_volume);
        xml.text_if("EngineLifecycleSupport", settings.engine_lifecycle_support.as_ref());
        additional_storage_volumes(xml, settings.additional_storage_volumes.as_ref());
        self.storage_operation(xml, life);
    }

    /// Work on the storage of a database in service.
    fn storage_operation(&self, xml: &mut Xml, life: &Life) {
        let Some(work) = life.storage_work() else { return };
        xml.text("StorageOperationStatus", work.operation());
        let percent = life.storage.map_or(0, |storage| {
            let length = storage.until.saturating_sub(storage.from).max(1);
            self.now.saturating_sub(storage.from).saturating_mul(100) / length
        });
        xml.plain("StorageOperationPercentProgress", percent);
    }

    /// The content of a `DBCluster` element.
    pub(crate) fn cluster(&self, xml: &mut Xml, key: Key) {
        let Some(cluster) = self.clusters.get(&key) else { return };
        let (life, settings) = (&cluster.life, &cluster.settings);
        xml.plain_if("AllocatedStorage", settings.allocated_storage);
        xml.list("AvailabilityZones", "AvailabilityZone", &self.storage_zones(settings));
        xml.plain_if("BackupRetentionPeriod", settings.backup_retention_period);
        xml.text_if("DatabaseName", settings.database_name.as_ref());
        let name = self.identifier(life);
        xml.text("DBClusterIdentifier", name);
        xml.text_if("DBClusterParameterGroup", settings.parameter_group.as_ref());
        xml.text_if("DBSubnetGroup", settings.subnet_group.as_ref());
        xml.text("Status", self.status(life));
        if let Some(window) = self.cluster_window(cluster) {
            timestamp(xml, "EarliestRestorableTime", window.earliest);
        }
        xml.text("Endpoint", &self.cluster_endpoint(name, "cluster"));
        xml.text("ReaderEndpoint", &self.cluster_endpoint(name, "cluster-ro"));
        let custom: Vec<String> = self
            .cluster_endpoints
            .iter()
            .filter(|endpoint| endpoint.cluster == name)
            .map(|endpoint| self.cluster_endpoint(&endpoint.identifier, "cluster-custom"))
            .collect();
        if !custom.is_empty() {
            xml.list("CustomEndpoints", "member", &custom);
        }
        self.cluster_make(xml, cluster);
        cluster_options(xml, *self, cluster);
    }

    /// The engine, the members and the ties to other resources.
    fn cluster_make(&self, xml: &mut Xml, cluster: &Cluster) {
        let settings = &cluster.settings;
        xml.plain("MultiAZ", cluster.members.len() > 1);
        xml.text("Engine", &cluster.engine);
        xml.text_if("EngineVersion", settings.engine_version.as_ref());
        if let Some(window) = self.cluster_window(cluster) {
            timestamp(xml, "LatestRestorableTime", window.latest);
        }
        xml.plain_if("Port", settings.port);
        xml.text_if("MasterUsername", settings.master_username.as_ref());
        if let Some(group) = &settings.option_group {
            xml.nest("DBClusterOptionGroupMemberships", |xml| {
                xml.nest("DBClusterOptionGroup", |xml| {
                    xml.text("DBClusterOptionGroupName", group);
                    xml.text("Status", "in-sync");
                });
            });
        }
        xml.text_if("PreferredBackupWindow", settings.backup_window.as_ref());
        xml.text_if("PreferredMaintenanceWindow", settings.maintenance_window.as_ref());
        xml.text_if("ReplicationSourceIdentifier", cluster.replication_source.as_ref());
        xml.nest("ReadReplicaIdentifiers", |_| {});
        xml.nest("DBClusterMembers", |xml| {
            for member in &cluster.members {
                self.cluster_member(xml, *member, cluster.writer == Some(*member));
            }
        });
        security_groups(xml, settings.vpc_security_groups.as_ref());
        xml.text("HostedZoneId", "Z0SIMULATOR");
        xml.plain_if("StorageEncrypted", settings.storage_encrypted);
        xml.text_if("KmsKeyId", settings.kms_key_id.as_ref());
        xml.text("DbClusterResourceId", &cluster.resource_id);
        xml.text("DBClusterArn", &self.cluster_arn(cluster));
        xml.nest("AssociatedRoles", |xml| {
            for role in &cluster.associated_roles {
                xml.nest("DBClusterRole", |xml| {
                    xml.text("RoleArn", &role.role_arn);
                    xml.text("Status", "ACTIVE");
                    xml.text("FeatureName", &role.feature);
                });
            }
        });
    }

    fn cluster_member(&self, xml: &mut Xml, member: Key, is_writer: bool) {
        // A member in the middle of a rename is still a member; the cluster lists it by its old name.
        let Some(instance) = self.instances.get(&member) else { return };
        xml.nest("DBClusterMember", |xml| {
            xml.text("DBInstanceIdentifier", self.identifier(&instance.life));
            xml.plain("IsClusterWriter", is_writer);
            xml.text("DBClusterParameterGroupStatus", instance.cluster_parameter_status.as_str());
            xml.plain("PromotionTier", instance.settings.promotion_tier.unwrap_or(1));
        });
    }

    fn snapshot_head<S>(&self, xml: &mut Xml, snapshot: &Snapshot<S>, shown: &Shown<'_>) {
        let status = snapshot.life.status.as_ref();
        timestamp(xml, "SnapshotCreateTime", snapshot.created);
        xml.text("Engine", &snapshot.engine);
        xml.text("Status", status);
        xml.text("SnapshotType", shown.kind);
        let progress = snapshot.progress.filter(|_| matches!(status, "creating" | "copying"));
        xml.plain("PercentProgress", progress.map_or(100, |progress| progress.percent(self.wall_clock())));
    }

    /// The content of a `DBSnapshot` element.
    pub(crate) fn snapshot(&self, xml: &mut Xml, snapshot: &InstanceSnapshot, shown: &Shown<'_>) {
        let settings = &snapshot.settings;
        xml.text("DBSnapshotIdentifier", shown.identifier());
        xml.text("DBInstanceIdentifier", &snapshot.source);
        self.snapshot_head(xml, snapshot, shown);
        xml.plain_if("AllocatedStorage", settings.allocated_storage);
        xml.plain_if("Port", settings.port);
        xml.text_if("AvailabilityZone", settings.availability_zone.as_ref());
        xml.text("VpcId", self.vpc(settings.subnet_group.as_deref()));
        timestamp(xml, "InstanceCreateTime", snapshot.source_created);
        xml.text_if("MasterUsername", settings.master_username.as_ref());
        xml.text_if("EngineVersion", settings.engine_version.as_ref());
        xml.text_if("LicenseModel", settings.license_model.as_ref());
        xml.plain_if("Iops", settings.iops);
        xml.plain_if("StorageThroughput", settings.storage_throughput);
        xml.text_if("OptionGroupName", settings.option_group.as_ref());
        xml.text_if("SourceRegion", snapshot.from_region.as_ref());
        xml.text_if("SourceDBSnapshotIdentifier", snapshot.copy_of.as_ref());
        xml.text_if("StorageType", settings.storage_type.as_ref());
        xml.plain("Encrypted", settings.storage_encrypted.unwrap_or(false));
        xml.plain_if("BackupRetentionPeriod", settings.backup_retention_period);
        xml.text_if("PreferredBackupWindow", settings.backup_window.as_ref());
        xml.text_if("KmsKeyId", settings.kms_key_id.as_ref());
        xml.text("DBSnapshotArn", &shown.arn);
        xml.text_if("Timezone", settings.timezone.as_ref());
        xml.plain("IAMDatabaseAuthenticationEnabled", settings.iam_database_authentication.unwrap_or(false));
        processor_features(xml, settings.processor_features.as_ref());
        xml.text("DbiResourceId", &snapshot.source_resource_id);
        tags(xml, if shown.is_own { self.tags(&snapshot.tags) } else { &[] });
        timestamp(xml, "OriginalSnapshotCreateTime", snapshot.original_created);
        timestamp(xml, "SnapshotDatabaseTime", snapshot.created);
        xml.text("SnapshotTarget", settings.backup_target.as_deref().unwrap_or("region"));
        xml.plain_if("MultiTenant", settings.multi_tenant);
        additional_storage_volumes(xml, settings.additional_storage_volumes.as_ref());
        xml.plain_if("DedicatedLogVolume", settings.dedicated_log_volume);
    }

    /// The content of an `ExportTask` element.
    pub(crate) fn export(&self, xml: &mut Xml, task: &ExportTask) {
        let status = task.life.status.as_ref();
        xml.text("ExportTaskIdentifier", &task.life.identifier);
        xml.text("SourceArn", &task.source);
        if !task.export_only.is_empty() {
            xml.list("ExportOnly", "member", &task.export_only);
        }
        timestamp(xml, "SnapshotTime", task.snapshot_taken);
        if let Some(since) = task.extracting_since {
            timestamp(xml, "TaskStartTime", since);
        }
        if let Some(ended) = task.ended {
            timestamp(xml, "TaskEndTime", ended);
        }
        xml.text("S3Bucket", &task.bucket);
        xml.text("S3Prefix", task.prefix.as_deref().unwrap_or_default());
        xml.text("IamRoleArn", &task.role);
        xml.text("KmsKeyId", &task.kms_key_id);
        xml.text("Status", &status.to_ascii_uppercase());
        xml.plain("PercentProgress", self.export_percent(task));
        xml.plain("TotalExtractedDataInGB", 0);
        if status == "failed" {
            xml.text("FailureCause", "An unknown internal error occurred.");
        }
        xml.text("SourceType", "SNAPSHOT");
    }

    /// The percentage of the data that an export has written, computed from the time. It is 100 only once the export is
    /// complete.
    #[allow(clippy::cast_possible_truncation, clippy::cast_precision_loss)]
    fn export_percent(&self, task: &ExportTask) -> i64 {
        if task.life.status == "complete" {
            return 100;
        }
        let Some(since) = task.extracting_since else { return 0 };
        let passed = (task.ended.unwrap_or_else(|| self.wall_clock()) - since) as f64 / 1000.0;
        (100.0 * passed / self.timings.export.max(1.0)).clamp(0.0, 99.0) as i64
    }

    /// The content of a `DBClusterSnapshot` element.
    pub(crate) fn cluster_snapshot(&self, xml: &mut Xml, snapshot: &ClusterSnapshot, shown: &Shown<'_>) {
        let settings = &snapshot.settings;
        xml.text("DBClusterSnapshotIdentifier", shown.identifier());
        xml.text("DBClusterIdentifier", &snapshot.source);
        self.snapshot_head(xml, snapshot, shown);
        xml.text_if("EngineMode", settings.engine_mode.as_ref());
        xml.plain_if("AllocatedStorage", settings.allocated_storage);
        xml.plain_if("Port", settings.port);
        xml.text("VpcId", self.vpc(settings.subnet_group.as_deref()));
        timestamp(xml, "ClusterCreateTime", snapshot.source_created);
        xml.text_if("MasterUsername", settings.master_username.as_ref());
        xml.text_if("EngineVersion", settings.engine_version.as_ref());
        xml.text("LicenseModel", engines::license(&snapshot.engine));
        xml.plain("StorageEncrypted", settings.storage_encrypted.unwrap_or(false));
        xml.plain_if("BackupRetentionPeriod", settings.backup_retention_period);
        xml.text_if("PreferredBackupWindow", settings.backup_window.as_ref());
        xml.text_if("KmsKeyId", settings.kms_key_id.as_ref());
        xml.text("DBClusterSnapshotArn", &shown.arn);
        xml.text_if("SourceDBClusterSnapshotArn", snapshot.copy_of.as_ref());
        xml.plain("IAMDatabaseAuthenticationEnabled", settings.iam_database_authentication.unwrap_or(false));
        tags(xml, if shown.is_own { self.tags(&snapshot.tags) } else { &[] });
        xml.text_if("StorageType", settings.storage_type.as_ref());
        xml.text("DbClusterResourceId", &snapshot.source_resource_id);
    }
}

/// The options that can be switched on and off, and the tags.
fn cluster_options(xml: &mut Xml, view: View<'_>, cluster: &Cluster) {
    let (life, settings) = (&cluster.life, &cluster.settings);
    xml.plain_if("IAMDatabaseAuthenticationEnabled", settings.iam_database_authentication);
    xml.text_if("CloneGroupId", cluster.clone_group.as_ref().map(|group| &group.id));
    timestamp(xml, "ClusterCreateTime", cluster.created);
    xml.plain_if("BacktrackWindow", settings.backtrack_window);
    if let Some(exports) = settings.log_exports.as_ref().filter(|exports| !exports.is_empty()) {
        xml.list("EnabledCloudwatchLogsExports", "member", exports);
    }
    pending_cluster(xml, view, cluster);
    xml.text_if("EngineMode", settings.engine_mode.as_ref());
    xml.text_if("DBClusterInstanceClass", settings.class.as_ref());
    xml.text_if("StorageType", settings.storage_type.as_ref());
    xml.plain_if("Iops", settings.iops);
    xml.plain_if("PubliclyAccessible", settings.publicly_accessible);
    xml.plain_if("AutoMinorVersionUpgrade", settings.auto_minor_version_upgrade);
    xml.plain_if("DeletionProtection", settings.deletion_protection);
    xml.plain_if("HttpEndpointEnabled", settings.http_endpoint);
    xml.text("ActivityStreamStatus", "stopped");
    xml.plain_if("CopyTagsToSnapshot", settings.copy_tags_to_snapshot);
    xml.nest("DomainMemberships", |xml| {
        if let Some(domain) = &settings.domain {
            xml.nest("DomainMembership", |xml| {
                xml.text("Domain", domain);
                xml.text("Status", "joined");
                xml.text_if("IAMRoleName", settings.domain_iam_role.as_ref());
            });
        }
    });
    tags(xml, view.tags(&cluster.tags));
    xml.text_if("GlobalClusterIdentifier", cluster.member_of_global.as_ref());
    xml.text_if("NetworkType", settings.network_type.as_ref());
    if let Some(scaling) = &settings.serverless_v2_scaling {
        xml.nest("ServerlessV2ScalingConfiguration", |xml| {
            xml.plain("MinCapacity", scaling.min_capacity);
            xml.plain("MaxCapacity", scaling.max_capacity);
            xml.plain_if("SecondsUntilAutoPause", scaling.seconds_until_auto_pause);
        });
    }
    xml.plain_if("MonitoringInterval", settings.monitoring_interval);
    xml.text_if("MonitoringRoleArn", settings.monitoring_role_arn.as_ref());
    xml.text_if("DatabaseInsightsMode", settings.database_insights_mode.as_ref());
    xml.plain_if("PerformanceInsightsEnabled", settings.performance_insights);
    xml.text_if("PerformanceInsightsKMSKeyId", settings.performance_insights_kms_key_id.as_ref());
    xml.plain_if("PerformanceInsightsRetentionPeriod", settings.performance_insights_retention_period);
    secret(xml, cluster.secret.as_ref(), life);
    if settings.local_write_forwarding == Some(true) {
        xml.text("LocalWriteForwardingStatus", "enabled");
    }
    if let Some(certificate) = &settings.ca_certificate {
        xml.nest("CertificateDetails", |xml| xml.text("CAIdentifier", certificate));
    }
    xml.text_if("EngineLifecycleSupport", settings.engine_lifecycle_support.as_ref());
    xml.plain_if("VPCNetworkingEnabled", settings.vpc_networking);
}

fn instance_domain(xml: &mut Xml, settings: &InstanceSettings) {
    xml.nest("DomainMemberships", |xml| {
        if settings.domain.is_none() && settings.domain_fqdn.is_none() {
            return;
        }
        xml.nest("DomainMembership", |xml| {
            xml.text_if("Domain", settings.domain.as_ref());
            xml.text("Status", "joined");
            xml.text_if("FQDN", settings.domain_fqdn.as_ref());
            xml.text_if("IAMRoleName", settings.domain_iam_role.as_ref());
            xml.text_if("OU", settings.domain_ou.as_ref());
            xml.text_if("AuthSecretArn", settings.domain_auth_secret_arn.as_ref());
            if let Some(addresses) = &settings.domain_dns_ips {
                xml.list("DnsIps", "member", addresses);
            }
        });
    });
}

fn pending_instance(xml: &mut Xml, view: View<'_>, instance: &Instance) {
    if instance.pending_password {
        xml.text("MasterUserPassword", "****");
    }
    let name = view.pending_identifier(&instance.life, instance.pending_identifier.as_ref());
    xml.text_if("DBInstanceIdentifier", name);
    // Most reads of an instance find nothing pending.
    if instance.pending.is_empty() && instance.applying.is_empty() {
        return;
    }
    let pending = State::pending_of(instance);
    xml.text_if("DBInstanceClass", pending.class.as_ref());
    xml.plain_if("AllocatedStorage", pending.allocated_storage);
    xml.plain_if("Port", pending.port);
    xml.plain_if("MultiAZ", pending.multi_az);
    xml.text_if("EngineVersion", pending.engine_version.as_ref());
    xml.text_if("LicenseModel", pending.license_model.as_ref());
    xml.plain_if("Iops", pending.iops);
    xml.plain_if("StorageThroughput", pending.storage_throughput);
    xml.text_if("StorageType", pending.storage_type.as_ref());
    xml.text_if("CACertificateIdentifier", pending.ca_certificate.as_ref());
    xml.text_if("DBSubnetGroupName", pending.subnet_group.as_ref());
    processor_features(xml, pending.processor_features.as_ref());
    xml.plain_if("MultiTenant", pending.multi_tenant);
    xml.plain_if("IAMDatabaseAuthenticationEnabled", pending.iam_database_authentication);
    xml.plain_if("DedicatedLogVolume", pending.dedicated_log_volume);
}

fn pending_cluster(xml: &mut Xml, view: View<'_>, cluster: &Cluster) {
    let pending = State::cluster_pending_of(cluster);
    let name = view.pending_identifier(&cluster.life, cluster.pending_identifier.as_ref());
    if pending.is_empty() && name.is_none() && !cluster.pending_password {
        return;
    }
    xml.nest("PendingModifiedValues", |xml| {
        xml.text_if("DBClusterIdentifier", name);
        if cluster.pending_password {
            xml.text("MasterUserPassword", "****");
        }
        xml.plain_if("IAMDatabaseAuthenticationEnabled", pending.iam_database_authentication);
        xml.text_if("EngineVersion", pending.engine_version.as_ref());
        xml.text_if("StorageType", pending.storage_type.as_ref());
        xml.plain_if("AllocatedStorage", pending.allocated_storage);
        xml.plain_if("Iops", pending.iops);
        if let Some(certificate) = &pending.ca_certificate {
            xml.nest("CertificateDetails", |xml| xml.text("CAIdentifier", certificate));
        }
    });
}
