//! Automated backups, of databases that exist and of deleted ones: reads.
//!
//! `backups.rs` of the crate has the windows and the expiry.

use super::Content;
use super::describe::Selection;
use crate::backups::{Retained, Window};
use crate::engines;
use crate::error::{ApiError, ApiResult};
use crate::query::{Params, Tags};
use crate::render::{tags, timestamp};
use crate::resources::{Cluster, Instance};
use crate::settings::{ClusterSettings, InstanceSettings};
use crate::state::State;
use crate::xml::Xml;

/// The automated backups of one database.
struct Backup<'a, S> {
    identifier: &'a str,
    resource_id: &'a str,
    engine: &'a str,
    settings: &'a S,
    tags: &'a Tags,
    created: Option<i64>,
    window: Option<Window>,
    status: &'static str,
}

impl<'a, S> Backup<'a, S> {
    fn retained(retained: &'a Retained<S>, now: i64) -> Self {
        Self {
            identifier: &retained.identifier,
            resource_id: &retained.resource_id,
            engine: &retained.engine,
            settings: &retained.settings,
            tags: &retained.tags,
            created: retained.created,
            window: retained.window(now),
            status: "retained",
        }
    }
}

/// The element and parameter names that differ between instances and clusters.
struct Words {
    action: &'static str,
    list: &'static str,
    element: &'static str,
    identifier: &'static str,
    resource_id: &'static str,
    arn: &'static str,
    /// Whether the ARN is also a parameter.
    takes_arn: bool,
    /// The resource type in the ARN of the backups, and in the ARN of the database.
    kinds: [&'static str; 2],
    filters: [&'static str; 3],
    not_found: &'static str,
}

const OF_INSTANCES: Words = Words {
    action: "DescribeDBInstanceAutomatedBackups",
    list: "DBInstanceAutomatedBackups",
    element: "DBInstanceAutomatedBackup",
    identifier: "DBInstanceIdentifier",
    resource_id: "DbiResourceId",
    arn: "DBInstanceAutomatedBackupsArn",
    takes_arn: true,
    kinds: ["auto-backup", "db"],
    filters: ["status", "db-instance-id", "dbi-resource-id"],
    not_found: "DBInstanceAutomatedBackupNotFound",
};

const OF_CLUSTERS: Words = Words {
    action: "DescribeDBClusterAutomatedBackups",
    list: "DBClusterAutomatedBackups",
    element: "DBClusterAutomatedBackup",
    identifier: "DBClusterIdentifier",
    resource_id: "DbClusterResourceId",
    arn: "DBClusterAutomatedBackupsArn",
    takes_arn: false,
    kinds: ["cluster-auto-backup", "cluster"],
    filters: ["status", "db-cluster-id", "db-cluster-resource-id"],
    not_found: "DBClusterAutomatedBackupNotFoundFault",
};

impl Words {
    fn arn(&self, state: &State, resource_id: &str) -> String {
        state.arn(self.kinds[0], &format!("ab-{}", resource_id.to_ascii_lowercase()))
    }

    /// Writes the backups that the request selects, each with what `more` adds.
    fn answer<S>(
        &self,
        state: &State,
        mut params: Params,
        mut found: Vec<Backup<'_, S>>,
        more: impl Fn(&mut Xml, &Backup<'_, S>),
    ) -> ApiResult<Content> {
        let arn = if self.takes_arn { params.take(self.arn) } else { None };
        let asked = [params.take(self.identifier), params.take(self.resource_id), arn];
        let selection = Selection::take(&mut params, &self.filters)?;
        params.finish(self.action)?;
        found.retain(|backup| {
            let arn = self.arn(state, backup.resource_id);
            let has = [backup.identifier, backup.resource_id, &arn];
            let is_asked = asked
                .iter()
                .zip(has)
                .all(|(asked, has)| asked.as_deref().is_none_or(|asked| asked.eq_ignore_ascii_case(has)));
            is_asked
                && selection.admits(|filter| match filter {
                    "status" => vec![backup.status.to_owned()],
                    _ if filter.ends_with("resource-id") => vec![backup.resource_id.to_owned(), arn.clone()],
                    _ => vec![backup.identifier.to_owned(), state.arn(self.kinds[1], backup.identifier)],
                })
        });
        if let (Some(asked), true) = (asked.into_iter().flatten().next(), found.is_empty()) {
            return Err(ApiError::new(self.not_found, format!("Automated backups of {asked} not found.")));
        }
        Ok(selection.write(self.list, &found, |xml, backup| {
            xml.nest(self.element, |xml| {
                xml.text(self.identifier, backup.identifier);
                xml.text(self.resource_id, backup.resource_id);
                xml.text(self.arn, &self.arn(state, backup.resource_id));
                xml.text("Region", &state.region);
                xml.text("Engine", backup.engine);
                xml.text("Status", backup.status);
                xml.nest("RestoreWindow", |xml| {
                    if let Some(window) = backup.window {
                        timestamp(xml, "EarliestTime", window.earliest);
                        timestamp(xml, "LatestTime", window.latest);
                    }
                });
                more(xml, backup);
                tags(xml, backup.tags);
            });
        }))
    }
}

pub(super) fn of_instances(state: &State, params: Params) -> ApiResult<Content> {
    let (seen, now) = (state.seen(), state.wall_clock());
    let has_backups = |instance: &&Instance| {
        seen.shows(&instance.life)
            && instance.cluster.is_none()
            && instance.settings.backup_retention_period.unwrap_or(0) > 0
    };
    let live = state.instances.values().filter(has_backups).map(|instance| {
        let window = state.instance_window(instance);
        Backup {
            identifier: seen.identifier(&instance.life),
            resource_id: &instance.resource_id,
            engine: &instance.engine,
            settings: &instance.settings,
            tags: instance.tags.truth(),
            created: instance.created,
            window,
            status: if window.is_some() { "active" } else { "creating" },
        }
    });
    let retained = state.retained_backups.iter().map(|retained| Backup::retained(retained, now));
    OF_INSTANCES.answer(state, params, live.chain(retained).collect(), |xml, backup: &Backup<'_, InstanceSettings>| {
        let settings = backup.settings;
        xml.text("DBInstanceArn", &state.arn("db", backup.identifier));
        if let Some(created) = backup.created {
            timestamp(xml, "InstanceCreateTime", created);
        }
        xml.plain_if("AllocatedStorage", settings.allocated_storage);
        xml.plain_if("Port", settings.port);
        xml.text_if("AvailabilityZone", settings.availability_zone.as_ref());
        xml.text("VpcId", state.vpc(settings.subnet_group.as_deref()));
        xml.text_if("MasterUsername", settings.master_username.as_ref());
        xml.text_if("EngineVersion", settings.engine_version.as_ref());
        xml.text_if("LicenseModel", settings.license_model.as_ref());
        xml.plain_if("Iops", settings.iops);
        xml.plain_if("StorageThroughput", settings.storage_throughput);
        xml.text_if("OptionGroupName", settings.option_group.as_ref());
        xml.plain("Encrypted", settings.storage_encrypted.unwrap_or(false));
        xml.text_if("StorageType", settings.storage_type.as_ref());
        xml.text_if("KmsKeyId", settings.kms_key_id.as_ref());
        xml.text_if("Timezone", settings.timezone.as_ref());
        xml.plain_if("IAMDatabaseAuthenticationEnabled", settings.iam_database_authentication);
        xml.plain_if("BackupRetentionPeriod", settings.backup_retention_period);
        xml.text_if("PreferredBackupWindow", settings.backup_window.as_ref());
        xml.text_if("BackupTarget", settings.backup_target.as_ref());
        xml.plain_if("MultiTenant", settings.multi_tenant);
        xml.plain_if("DedicatedLogVolume", settings.dedicated_log_volume);
    })
}

pub(super) fn of_clusters(state: &State, params: Params) -> ApiResult<Content> {
    let (seen, now) = (state.seen(), state.wall_clock());
    let is_shown = |cluster: &&Cluster| seen.shows(&cluster.life);
    let live = state.clusters.values().filter(is_shown).map(|cluster| Backup {
        identifier: seen.identifier(&cluster.life),
        resource_id: &cluster.resource_id,
        engine: &cluster.engine,
        settings: &cluster.settings,
        tags: cluster.tags.truth(),
        created: Some(cluster.created),
        window: state.cluster_window(cluster),
        status: "available",
    });
    let retained = state.retained_cluster_backups.iter().map(|retained| Backup::retained(retained, now));
    OF_CLUSTERS.answer(state, params, live.chain(retained).collect(), |xml, backup: &Backup<'_, ClusterSettings>| {
        let settings = backup.settings;
        xml.text("DBClusterArn", &state.arn("cluster", backup.identifier));
        if let Some(created) = backup.created {
            timestamp(xml, "ClusterCreateTime", created);
        }
        xml.plain_if("AllocatedStorage", settings.allocated_storage);
        xml.plain_if("Port", settings.port);
        xml.text("VpcId", state.vpc(settings.subnet_group.as_deref()));
        xml.text_if("MasterUsername", settings.master_username.as_ref());
        xml.text_if("EngineVersion", settings.engine_version.as_ref());
        xml.text_if("EngineMode", settings.engine_mode.as_ref());
        xml.text("LicenseModel", engines::license(backup.engine));
        xml.plain("StorageEncrypted", settings.storage_encrypted.unwrap_or(false));
        xml.text_if("StorageType", settings.storage_type.as_ref());
        xml.text_if("KmsKeyId", settings.kms_key_id.as_ref());
        xml.plain_if("IAMDatabaseAuthenticationEnabled", settings.iam_database_authentication);
        xml.plain_if("BackupRetentionPeriod", settings.backup_retention_period);
        xml.text_if("PreferredBackupWindow", settings.backup_window.as_ref());
    })
}
