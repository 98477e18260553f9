//! RDS's answers in the form of a world file.
//!
//! Pure. A spec begins with the defaults of its type, so that a new field of the world does not matter here. An element
//! without a place in a spec is left out silently: [`super::wire`] finds and reports it.

use std::collections::BTreeMap;
use std::time::SystemTime;

use aws_sdk_rds::primitives::DateTime;
use aws_sdk_rds::types::{
    AdditionalStorageVolume, AdditionalStorageVolumeOutput, ClusterPendingModifiedValues, DbCluster,
    DbClusterAutomatedBackup, DbClusterSnapshot, DbInstance, DbInstanceAutomatedBackup, DbSnapshot, DomainMembership,
    LocalWriteForwardingStatus, PendingModifiedValues, ProcessorFeature, Tag, VpcSecurityGroupMembership,
};
use rds_simulator::{
    ApplyStatus, ClusterSettings, ClusterSnapshotSpec, ClusterSpec, InstanceSettings, InstanceSpec, MemberSpec,
    ProcessorFeatures, RetainedBackupSpec, RetainedClusterBackupSpec, RoleSpec, ServerlessV2Scaling, SnapshotSpec,
    StorageVolume,
};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

/// A spec with the defaults of its type beside these fields.
pub(super) fn spec<T: DeserializeOwned>(fields: Value) -> T {
    serde_json::from_value(fields).unwrap_or_else(|error| unreachable!("a spec needs no more fields: {error}"))
}

fn text(value: Option<&str>) -> Option<String> {
    value.filter(|text| !text.is_empty()).map(str::to_owned)
}

/// Replaces a default by the text that RDS shows.
fn set(field: &mut String, shown: Option<&str>) {
    if let Some(shown) = shown {
        shown.clone_into(field);
    }
}

fn number<N: TryInto<u32>>(value: Option<N>) -> Option<u32> {
    value.and_then(|value| value.try_into().ok())
}

fn listed(values: &[String]) -> Option<Vec<String>> {
    (!values.is_empty()).then(|| values.to_vec())
}

/// Replaces a default by the whole hours since a moment that RDS shows.
fn set_age(hours: &mut u32, moment: Option<&DateTime>, now: SystemTime) {
    if let Some(moment) = moment.and_then(|moment| SystemTime::try_from(*moment).ok()) {
        let age = now.duration_since(moment).unwrap_or_default().as_secs() / 3_600;
        *hours = u32::try_from(age).unwrap_or(u32::MAX);
    }
}

pub(super) fn tags(tags: &[Tag]) -> BTreeMap<String, String> {
    let tags = tags.iter().filter_map(|tag| Some((tag.key()?, tag.value().unwrap_or_default())));
    tags.map(|(key, value)| (key.to_owned(), value.to_owned())).collect()
}

fn security_groups(groups: &[VpcSecurityGroupMembership]) -> Option<Vec<String>> {
    let ids: Vec<String> = groups.iter().filter_map(|group| text(group.vpc_security_group_id())).collect();
    listed(&ids)
}

fn processor_features(features: &[ProcessorFeature]) -> Option<ProcessorFeatures> {
    let features = features.iter().filter_map(|feature| Some((text(feature.name())?, text(feature.value())?)));
    let features: ProcessorFeatures = features.collect();
    (!features.is_empty()).then_some(features)
}

/// A status that a world can hold.
fn apply_status(status: Option<&str>) -> Option<ApplyStatus> {
    serde_json::from_value(json!(status?)).ok()
}

fn volumes(volumes: &[AdditionalStorageVolumeOutput]) -> Option<Vec<StorageVolume>> {
    let of = |one: &AdditionalStorageVolumeOutput| {
        volume(one.volume_name(), one.storage_type(), [one.allocated_storage(), one.iops(), one.storage_throughput()])
    };
    (!volumes.is_empty()).then(|| volumes.iter().map(of).collect())
}

fn snapshot_volumes(volumes: &[AdditionalStorageVolume]) -> Option<Vec<StorageVolume>> {
    let of = |one: &AdditionalStorageVolume| {
        volume(one.volume_name(), one.storage_type(), [one.allocated_storage(), one.iops(), one.storage_throughput()])
    };
    (!volumes.is_empty()).then(|| volumes.iter().map(of).collect())
}

fn volume(name: Option<&str>, storage_type: Option<&str>, figures: [Option<i32>; 3]) -> StorageVolume {
    let [allocated_storage, iops, storage_throughput] = figures.map(number);
    let name = name.unwrap_or_default().to_owned();
    StorageVolume { name, allocated_storage, storage_type: text(storage_type), iops, storage_throughput }
}

/// A DB instance that belongs to no cluster. The world ties a replica to its source once both are in it.
pub(super) fn instance(instance: &DbInstance, now: SystemTime) -> InstanceSpec {
    let mut spec: InstanceSpec = spec(json!({
        "identifier": instance.db_instance_identifier(),
        "engine": instance.engine().unwrap_or_default(),
    }));
    spec.resource_id = text(instance.dbi_resource_id());
    set(&mut spec.status, instance.db_instance_status());
    spec.settings = instance_settings(instance);
    spec.pending = instance.pending_modified_values().map(pending_of_instance).unwrap_or_default();
    spec.tags = tags(instance.tag_list());
    set_age(&mut spec.age_hours, instance.instance_create_time(), now);
    spec.managed_master_password = instance.master_user_secret().is_some();
    spec.master_secret_kms_key_id = text(instance.master_user_secret().and_then(|secret| secret.kms_key_id()));
    let roles = instance.associated_roles().iter();
    spec.associated_roles = roles.filter_map(|role| role_spec(role.role_arn(), role.feature_name())).collect();
    let replications = instance.db_instance_automated_backups_replications().iter();
    spec.backup_replications =
        replications.filter_map(|replication| text(replication.db_instance_automated_backups_arn())).collect();
    let group = instance.db_parameter_groups().first();
    if let Some(status) = apply_status(group.and_then(|group| group.parameter_apply_status())) {
        spec.parameter_apply_status = status;
    }
    let group = instance.option_group_memberships().first();
    if let Some(status) = apply_status(group.and_then(|group| group.status())) {
        spec.option_group_status = status;
    }
    spec
}

fn role_spec(role_arn: Option<&str>, feature: Option<&str>) -> Option<RoleSpec> {
    Some(spec(json!({"roleArn": role_arn?, "feature": feature.unwrap_or_default()})))
}

fn instance_settings(instance: &DbInstance) -> InstanceSettings {
    let mut settings = InstanceSettings {
        class: text(instance.db_instance_class()),
        engine_version: text(instance.engine_version()),
        // An instance in creation shows port 0.
        port: number(instance.endpoint().and_then(|endpoint| endpoint.port()).or(instance.db_instance_port()))
            .filter(|port| *port > 0),
        availability_zone: text(instance.availability_zone()),
        subnet_group: text(instance.db_subnet_group().and_then(|group| group.db_subnet_group_name())),
        multi_az: instance.multi_az(),
        publicly_accessible: instance.publicly_accessible(),
        auto_minor_version_upgrade: instance.auto_minor_version_upgrade(),
        license_model: text(instance.license_model()),
        allocated_storage: number(instance.allocated_storage()),
        max_allocated_storage: number(instance.max_allocated_storage()),
        storage_type: text(instance.storage_type()),
        iops: number(instance.iops()),
        storage_throughput: number(instance.storage_throughput()),
        storage_encrypted: instance.storage_encrypted(),
        kms_key_id: text(instance.kms_key_id()),
        option_group: text(instance.option_group_memberships().first().and_then(|group| group.option_group_name())),
        parameter_group: text(instance.db_parameter_groups().first().and_then(|group| group.db_parameter_group_name())),
        vpc_security_groups: security_groups(instance.vpc_security_groups()),
        copy_tags_to_snapshot: instance.copy_tags_to_snapshot(),
        iam_database_authentication: instance.iam_database_authentication_enabled(),
        log_exports: listed(instance.enabled_cloudwatch_logs_exports()),
        processor_features: processor_features(instance.processor_features()),
        deletion_protection: instance.deletion_protection(),
        network_type: text(instance.network_type()),
        backup_retention_period: number(instance.backup_retention_period()),
        backup_window: text(instance.preferred_backup_window()),
        backup_target: text(instance.backup_target()),
        maintenance_window: text(instance.preferred_maintenance_window()),
        dedicated_log_volume: instance.dedicated_log_volume(),
        ca_certificate: text(instance.ca_certificate_identifier()),
        engine_lifecycle_support: text(instance.engine_lifecycle_support()),
        monitoring_interval: number(instance.monitoring_interval()),
        monitoring_role_arn: text(instance.monitoring_role_arn()),
        performance_insights: instance.performance_insights_enabled(),
        performance_insights_kms_key_id: text(instance.performance_insights_kms_key_id()),
        performance_insights_retention_period: number(instance.performance_insights_retention_period()),
        database_insights_mode: text(instance.database_insights_mode().map(|mode| mode.as_str())),
        promotion_tier: number(instance.promotion_tier()),
        master_username: text(instance.master_username()),
        database_name: text(instance.db_name()),
        character_set: text(instance.character_set_name()),
        timezone: text(instance.timezone()),
        customer_owned_ip: instance.customer_owned_ip_enabled(),
        multi_tenant: instance.multi_tenant(),
        additional_storage_volumes: volumes(instance.additional_storage_volumes()),
        ..InstanceSettings::default()
    };
    if let Some(domain) = instance.domain_memberships().first() {
        join(&mut settings, domain);
    }
    settings
}

fn join(settings: &mut InstanceSettings, domain: &DomainMembership) {
    settings.domain = text(domain.domain());
    settings.domain_iam_role = text(domain.iam_role_name());
    settings.domain_fqdn = text(domain.fqdn());
    settings.domain_ou = text(domain.ou());
    settings.domain_auth_secret_arn = text(domain.auth_secret_arn());
    settings.domain_dns_ips = listed(domain.dns_ips());
}

fn pending_of_instance(pending: &PendingModifiedValues) -> InstanceSettings {
    InstanceSettings {
        class: text(pending.db_instance_class()),
        engine_version: text(pending.engine_version()),
        port: number(pending.port()),
        subnet_group: text(pending.db_subnet_group_name()),
        multi_az: pending.multi_az(),
        license_model: text(pending.license_model()),
        allocated_storage: number(pending.allocated_storage()),
        storage_type: text(pending.storage_type()),
        iops: number(pending.iops()),
        storage_throughput: number(pending.storage_throughput()),
        processor_features: processor_features(pending.processor_features()),
        iam_database_authentication: pending.iam_database_authentication_enabled(),
        dedicated_log_volume: pending.dedicated_log_volume(),
        ca_certificate: text(pending.ca_certificate_identifier()),
        multi_tenant: pending.multi_tenant(),
        ..InstanceSettings::default()
    }
}

/// A DB cluster with these members. A member that its cluster lists and that RDS did not describe keeps what the list says.
pub(super) fn cluster(
    cluster: &DbCluster,
    members: &[&DbInstance],
    global: Option<&str>,
    now: SystemTime,
) -> ClusterSpec {
    let mut spec: ClusterSpec = spec(json!({
        "identifier": cluster.db_cluster_identifier(),
        "engine": cluster.engine().unwrap_or_default(),
    }));
    spec.resource_id = text(cluster.db_cluster_resource_id());
    set(&mut spec.status, cluster.status());
    spec.settings = cluster_settings(cluster);
    spec.pending = cluster.pending_modified_values().map(pending_of_cluster).unwrap_or_default();
    spec.tags = tags(cluster.tag_list());
    set_age(&mut spec.age_hours, cluster.cluster_create_time(), now);
    spec.members = cluster_members(cluster, members);
    spec.global_cluster = text(global);
    spec.clone_group = text(cluster.clone_group_id());
    spec.replication_source = text(cluster.replication_source_identifier());
    spec.managed_master_password = cluster.master_user_secret().is_some();
    spec.master_secret_kms_key_id = text(cluster.master_user_secret().and_then(|secret| secret.kms_key_id()));
    let roles = cluster.associated_roles().iter();
    spec.associated_roles = roles.filter_map(|role| role_spec(role.role_arn(), role.feature_name())).collect();
    spec
}

fn cluster_members(cluster: &DbCluster, described: &[&DbInstance]) -> Vec<MemberSpec> {
    let listed = cluster.db_cluster_members();
    let mut names: Vec<&str> = listed.iter().filter_map(|member| member.db_instance_identifier()).collect();
    let others = described.iter().filter_map(|instance| instance.db_instance_identifier());
    names.extend(others.filter(|name| !listed.iter().any(|member| member.db_instance_identifier() == Some(*name))));
    let member = |name: &str| {
        let mut spec: MemberSpec = spec(json!({"identifier": name}));
        if let Some(entry) = listed.iter().find(|entry| entry.db_instance_identifier() == Some(name)) {
            spec.writer = entry.is_cluster_writer() == Some(true);
            spec.settings.promotion_tier = number(entry.promotion_tier());
            if let Some(status) = apply_status(entry.db_cluster_parameter_group_status()) {
                spec.cluster_parameter_status = status;
            }
        }
        if let Some(instance) = described.iter().find(|one| one.db_instance_identifier() == Some(name)) {
            spec.resource_id = text(instance.dbi_resource_id());
            set(&mut spec.status, instance.db_instance_status());
            spec.settings = instance_settings(instance);
            spec.pending = instance.pending_modified_values().map(pending_of_instance).unwrap_or_default();
            spec.tags = tags(instance.tag_list());
            let group = instance.db_parameter_groups().first();
            if let Some(status) = apply_status(group.and_then(|group| group.parameter_apply_status())) {
                spec.parameter_apply_status = status;
            }
        }
        spec
    };
    names.into_iter().map(member).collect()
}

#[allow(clippy::needless_update, reason = "a setting that the world gains is reported until it is added here")]
fn cluster_settings(cluster: &DbCluster) -> ClusterSettings {
    let domain = cluster.domain_memberships().first();
    let forwards = matches!(
        cluster.local_write_forwarding_status(),
        Some(
            LocalWriteForwardingStatus::Enabled
                | LocalWriteForwardingStatus::Enabling
                | LocalWriteForwardingStatus::Requested
        )
    );
    ClusterSettings {
        engine_version: text(cluster.engine_version()),
        engine_mode: text(cluster.engine_mode()),
        class: text(cluster.db_cluster_instance_class()),
        port: number(cluster.port()),
        availability_zones: listed(cluster.availability_zones()),
        subnet_group: text(cluster.db_subnet_group()),
        publicly_accessible: cluster.publicly_accessible(),
        auto_minor_version_upgrade: cluster.auto_minor_version_upgrade(),
        allocated_storage: number(cluster.allocated_storage()),
        storage_type: text(cluster.storage_type()),
        iops: number(cluster.iops()),
        storage_encrypted: cluster.storage_encrypted(),
        kms_key_id: text(cluster.kms_key_id()),
        option_group: text(
            cluster
                .db_cluster_option_group_memberships()
                .first()
                .and_then(|group| group.db_cluster_option_group_name()),
        ),
        parameter_group: text(cluster.db_cluster_parameter_group()),
        vpc_security_groups: security_groups(cluster.vpc_security_groups()),
        copy_tags_to_snapshot: cluster.copy_tags_to_snapshot(),
        iam_database_authentication: cluster.iam_database_authentication_enabled(),
        log_exports: listed(cluster.enabled_cloudwatch_logs_exports()),
        deletion_protection: cluster.deletion_protection(),
        network_type: text(cluster.network_type()),
        domain: text(domain.and_then(|domain| domain.domain())),
        domain_iam_role: text(domain.and_then(|domain| domain.iam_role_name())),
        backup_retention_period: number(cluster.backup_retention_period()),
        backup_window: text(cluster.preferred_backup_window()),
        maintenance_window: text(cluster.preferred_maintenance_window()),
        ca_certificate: text(cluster.certificate_details().and_then(|details| details.ca_identifier())),
        engine_lifecycle_support: text(cluster.engine_lifecycle_support()),
        serverless_v2_scaling: cluster.serverless_v2_scaling_configuration().and_then(|scaling| {
            Some(ServerlessV2Scaling {
                min_capacity: scaling.min_capacity()?,
                max_capacity: scaling.max_capacity()?,
                seconds_until_auto_pause: number(scaling.seconds_until_auto_pause()),
            })
        }),
        backtrack_window: number(cluster.backtrack_window()),
        http_endpoint: cluster.http_endpoint_enabled(),
        local_write_forwarding: forwards.then_some(true),
        monitoring_interval: number(cluster.monitoring_interval()),
        monitoring_role_arn: text(cluster.monitoring_role_arn()),
        performance_insights: cluster.performance_insights_enabled(),
        performance_insights_kms_key_id: text(cluster.performance_insights_kms_key_id()),
        performance_insights_retention_period: number(cluster.performance_insights_retention_period()),
        database_insights_mode: text(cluster.database_insights_mode().map(|mode| mode.as_str())),
        master_username: text(cluster.master_username()),
        database_name: text(cluster.database_name()),
        character_set: text(cluster.character_set_name()),
        vpc_networking: cluster.vpc_networking_enabled(),
        ..ClusterSettings::default()
    }
}

fn pending_of_cluster(pending: &ClusterPendingModifiedValues) -> ClusterSettings {
    ClusterSettings {
        engine_version: text(pending.engine_version()),
        allocated_storage: number(pending.allocated_storage()),
        storage_type: text(pending.storage_type()),
        iops: number(pending.iops()),
        iam_database_authentication: pending.iam_database_authentication_enabled(),
        ca_certificate: text(pending.certificate_details().and_then(|details| details.ca_identifier())),
        ..ClusterSettings::default()
    }
}

pub(super) fn snapshot(snapshot: &DbSnapshot, now: SystemTime) -> SnapshotSpec {
    let mut spec: SnapshotSpec = spec(json!({
        "identifier": snapshot.db_snapshot_identifier(),
        "source": snapshot.db_instance_identifier().unwrap_or_default(),
    }));
    spec.engine = text(snapshot.engine());
    spec.source_resource_id = text(snapshot.dbi_resource_id());
    set(&mut spec.kind, snapshot.snapshot_type());
    set(&mut spec.status, snapshot.status());
    spec.settings = InstanceSettings {
        engine_version: text(snapshot.engine_version()),
        port: number(snapshot.port()),
        availability_zone: text(snapshot.availability_zone()),
        license_model: text(snapshot.license_model()),
        allocated_storage: number(snapshot.allocated_storage()),
        storage_type: text(snapshot.storage_type()),
        iops: number(snapshot.iops()),
        storage_throughput: number(snapshot.storage_throughput()),
        storage_encrypted: snapshot.encrypted(),
        kms_key_id: text(snapshot.kms_key_id()),
        option_group: text(snapshot.option_group_name()),
        iam_database_authentication: snapshot.iam_database_authentication_enabled(),
        processor_features: processor_features(snapshot.processor_features()),
        backup_retention_period: number(snapshot.backup_retention_period()),
        backup_window: text(snapshot.preferred_backup_window()),
        backup_target: text(snapshot.snapshot_target()),
        dedicated_log_volume: snapshot.dedicated_log_volume(),
        master_username: text(snapshot.master_username()),
        timezone: text(snapshot.timezone()),
        multi_tenant: snapshot.multi_tenant(),
        additional_storage_volumes: snapshot_volumes(snapshot.additional_storage_volumes()),
        ..InstanceSettings::default()
    };
    spec.tags = tags(snapshot.tag_list());
    set_age(&mut spec.age_hours, snapshot.snapshot_create_time(), now);
    spec
}

pub(super) fn cluster_snapshot(snapshot: &DbClusterSnapshot, now: SystemTime) -> ClusterSnapshotSpec {
    let mut spec: ClusterSnapshotSpec = spec(json!({
        "identifier": snapshot.db_cluster_snapshot_identifier(),
        "source": snapshot.db_cluster_identifier().unwrap_or_default(),
    }));
    spec.engine = text(snapshot.engine());
    spec.source_resource_id = text(snapshot.db_cluster_resource_id());
    set(&mut spec.kind, snapshot.snapshot_type());
    set(&mut spec.status, snapshot.status());
    spec.settings = ClusterSettings {
        engine_version: text(snapshot.engine_version()),
        engine_mode: text(snapshot.engine_mode()),
        // A snapshot of an Aurora cluster shows port 0.
        port: number(snapshot.port()).filter(|port| *port > 0),
        allocated_storage: number(snapshot.allocated_storage()).filter(|size| *size > 0),
        storage_type: text(snapshot.storage_type()),
        storage_encrypted: snapshot.storage_encrypted(),
        kms_key_id: text(snapshot.kms_key_id()),
        iam_database_authentication: snapshot.iam_database_authentication_enabled(),
        backup_retention_period: number(snapshot.backup_retention_period()),
        backup_window: text(snapshot.preferred_backup_window()),
        master_username: text(snapshot.master_username()),
        ..ClusterSettings::default()
    };
    spec.tags = tags(snapshot.tag_list());
    set_age(&mut spec.age_hours, snapshot.snapshot_create_time(), now);
    spec
}

/// The automated backups of a deleted instance. RDS does not show the deletion, which is where their restore window ends.
pub(super) fn retained_backup(backup: &DbInstanceAutomatedBackup, now: SystemTime) -> RetainedBackupSpec {
    let mut spec: RetainedBackupSpec = spec(json!({
        "instance": backup.db_instance_identifier().unwrap_or_default(),
        "resourceId": backup.dbi_resource_id().unwrap_or_default(),
    }));
    set(&mut spec.engine, backup.engine());
    spec.settings = InstanceSettings {
        engine_version: text(backup.engine_version()),
        port: number(backup.port()),
        license_model: text(backup.license_model()),
        allocated_storage: number(backup.allocated_storage()),
        storage_type: text(backup.storage_type()),
        iops: number(backup.iops()),
        storage_throughput: number(backup.storage_throughput()),
        storage_encrypted: backup.encrypted(),
        kms_key_id: text(backup.kms_key_id()),
        option_group: text(backup.option_group_name()),
        backup_retention_period: number(backup.backup_retention_period()),
        master_username: text(backup.master_username()),
        ..InstanceSettings::default()
    };
    spec.tags = tags(backup.tag_list());
    set_age(&mut spec.age_hours, backup.instance_create_time(), now);
    set_age(&mut spec.deleted_hours_ago, backup.restore_window().and_then(|window| window.latest_time()), now);
    spec
}

/// The same of a deleted cluster.
pub(super) fn retained_cluster_backup(backup: &DbClusterAutomatedBackup, now: SystemTime) -> RetainedClusterBackupSpec {
    let mut spec: RetainedClusterBackupSpec = spec(json!({
        "cluster": backup.db_cluster_identifier().unwrap_or_default(),
        "resourceId": backup.db_cluster_resource_id().unwrap_or_default(),
    }));
    set(&mut spec.engine, backup.engine());
    spec.settings = ClusterSettings {
        engine_version: text(backup.engine_version()),
        engine_mode: text(backup.engine_mode()),
        port: number(backup.port()),
        storage_type: text(backup.storage_type()),
        iops: number(backup.iops()),
        storage_encrypted: backup.storage_encrypted(),
        kms_key_id: text(backup.kms_key_id()),
        backup_retention_period: number(backup.backup_retention_period()),
        master_username: text(backup.master_username()),
        ..ClusterSettings::default()
    };
    spec.tags = tags(backup.tag_list());
    set_age(&mut spec.age_hours, backup.cluster_create_time(), now);
    set_age(&mut spec.deleted_hours_ago, backup.restore_window().and_then(|window| window.latest_time()), now);
    spec
}
