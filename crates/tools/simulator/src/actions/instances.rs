//! DB instances: create, restore, modify (and rename), reboot, stop, start, delete.
//!
//! Requests for members of an Aurora cluster come here too; settings of their cluster are refused. Requests for members of a
//! Multi-AZ DB cluster are all refused. `state.rs` runs the sequences.

use super::{Content, Deletion, show_instance};
use crate::engines;
use crate::error::{ApiError, ApiResult};
use crate::names;
use crate::query::{Params, Tags};
use crate::resources::{AVAILABLE, Instance, Key, Life, StorageWork, is_aurora};
use crate::settings::{Effect, InstanceSettings, Verb};
use crate::state::{State, Step, Target};
use crate::storage::{self, Figures};
use crate::tags;
use crate::world::{ApplyStatus, Timings};

/// Settings that an Aurora cluster has for its members.
const CLUSTER_WIDE: &[&str] = &[
    "allocated_storage",
    "max_allocated_storage",
    "storage_type",
    "iops",
    "storage_throughput",
    "storage_encrypted",
    "kms_key_id",
    "port",
    "master_username",
    "database_name",
    "backup_retention_period",
    "backup_window",
    "deletion_protection",
    "iam_database_authentication",
    "vpc_security_groups",
    "log_exports",
    "multi_az",
    "engine_version",
    "option_group",
    "dedicated_log_volume",
];

/// The zones that a Multi-AZ instance needs.
const MULTI_AZ_ZONES: usize = 2;
/// Volumes besides the first.
const MORE_VOLUMES: &[&str] = &["rdsdbdata2", "rdsdbdata3", "rdsdbdata4"];

impl State {
    fn existing_instance(&self, identifier: &str) -> ApiResult<Key> {
        let name = identifier.rsplit_once(":db:").map_or(identifier, |(_, name)| name);
        self.instance_named(name).ok_or_else(|| ApiError::instance_not_found(identifier))
    }

    fn free_instance_name(&self, name: &str) -> ApiResult<()> {
        if self.instances.values().any(|instance| instance.life.claims(name)) {
            return Err(ApiError::instance_exists());
        }
        Ok(())
    }

    fn room_for_instance(&self) -> ApiResult<()> {
        if self.instances.len() >= self.limits.instances {
            return Err(ApiError::new("InstanceQuotaExceeded", "DB Instance quota exceeded"));
        }
        Ok(())
    }

    /// The GiB of all instances together.
    pub(super) fn stored_gib(&self) -> u64 {
        self.instances.values().filter_map(|one| one.settings.allocated_storage).map(u64::from).sum()
    }

    /// Refuses storage beyond the quota of the account.
    fn check_storage_quota(&self, gib: Option<u32>, instead_of: Option<u32>) -> ApiResult<()> {
        let more = u64::from(gib.unwrap_or(0).saturating_sub(instead_of.unwrap_or(0)));
        if more > 0 && self.stored_gib() + more > self.limits.allocated_storage {
            return Err(ApiError::new("StorageQuotaExceeded", "The allocated storage quota is exceeded."));
        }
        Ok(())
    }

    /// Whether the instance belongs to a Multi-AZ DB cluster.
    fn is_led(&self, instance: &Instance) -> bool {
        instance.cluster.and_then(|cluster| self.clusters.get(&cluster)).is_some_and(|cluster| !cluster.is_aurora())
    }

    fn refuse_if_led(&self, instance: &Instance) -> ApiResult<()> {
        if self.is_led(instance) {
            let message = format!(
                "{} is a member of a Multi-AZ DB cluster. Work on the DB cluster instead.",
                instance.life.identifier
            );
            return Err(ApiError::combination(message));
        }
        Ok(())
    }

    fn check_instance_groups(&self, settings: &InstanceSettings) -> ApiResult<()> {
        self.check_parameter_group(settings.parameter_group.as_ref())?;
        self.check_option_group(settings.option_group.as_ref())?;
        self.check_subnet_group(settings.subnet_group.as_ref())
    }

    fn is_idle_instance(&self, key: Key) -> ApiResult<&Instance> {
        let instance = self.instances.get(&key).ok_or_else(|| ApiError::instance_not_found(""))?;
        if !instance.life.is_idle() {
            return Err(ApiError::instance_state(format!(
                "Instance {} is not in available state.",
                instance.life.identifier
            )));
        }
        Ok(instance)
    }

    /// The settings of a member: those of its cluster, then its own.
    pub(crate) fn member_settings(&self, cluster: Key, own: InstanceSettings) -> InstanceSettings {
        let Some(cluster) = self.clusters.get(&cluster) else { return own };
        let shared = &cluster.settings;
        let mut settings = engines::instance_defaults(&cluster.engine, shared.engine_version.as_deref(), &self.region);
        settings.merge(InstanceSettings {
            class: shared.class.clone(),
            port: shared.port,
            subnet_group: shared.subnet_group.clone(),
            vpc_security_groups: shared.vpc_security_groups.clone(),
            storage_type: shared.storage_type.clone(),
            iops: shared.iops,
            allocated_storage: shared.allocated_storage,
            storage_encrypted: shared.storage_encrypted,
            kms_key_id: shared.kms_key_id.clone(),
            master_username: shared.master_username.clone(),
            database_name: shared.database_name.clone(),
            backup_retention_period: shared.backup_retention_period,
            backup_window: shared.backup_window.clone(),
            maintenance_window: shared.maintenance_window.clone(),
            iam_database_authentication: shared.iam_database_authentication,
            monitoring_interval: shared.monitoring_interval,
            monitoring_role_arn: shared.monitoring_role_arn.clone(),
            performance_insights: shared.performance_insights,
            performance_insights_kms_key_id: shared.performance_insights_kms_key_id.clone(),
            performance_insights_retention_period: shared.performance_insights_retention_period,
            availability_zone: self.usual_zone(shared.subnet_group.as_deref()),
            ..InstanceSettings::default()
        });
        settings.merge(own);
        settings
    }

    /// Starts the sequence of a new instance.
    fn start_creation(&mut self, key: Key, creating: f64, modifies: bool) {
        let timings = self.timings.clone();
        let mut steps = vec![(0.0, Step::Show("creating".into())), (creating, Step::Show("backing-up".into()))];
        if modifies {
            steps.push((timings.restore_backing_up, Step::Show("modifying".into())));
            steps.push((timings.restore_modifying, Step::Available));
            begin_initialization(&timings, &mut steps);
        } else {
            steps.push((timings.restore_backing_up, Step::Available));
        }
        self.start(Target::Instance(key), steps);
    }

    fn add_instance(&mut self, name: String, engine: String, settings: InstanceSettings, tags: Tags) -> Key {
        let resource_id = self.fresh_resource_id("db-");
        let mut instance = Instance::new(Life::new(name, "creating"), resource_id, engine, settings);
        let has_own_options = instance.settings.option_group.as_ref().is_some_and(|name| !name.starts_with("default:"));
        if has_own_options {
            instance.option_group_status = ApplyStatus::PendingApply;
        }
        instance.tags = self.new_tags(tags);
        let key = self.fresh_key();
        let name = instance.life.identifier.clone();
        self.instances.insert(key, instance);
        self.settle_names(Target::Instance(key), &name);
        key
    }
}

/// Starts the initialization of a restored database's storage once it is in service, if the world says so.
pub(super) fn begin_initialization(timings: &Timings, steps: &mut Vec<(f64, Step)>) {
    if timings.storage_initialization > 0.0
        && let Some((seconds, last)) = steps.pop()
    {
        steps.push((seconds, Step::StorageWork(StorageWork::Initialization, timings.storage_initialization)));
        steps.push((0.0, last));
    }
}

/// Gives an encrypted database a key, and encrypts a database that has a key.
pub(super) fn settle_encryption(state: &State, encrypted: &mut Option<bool>, kms_key_id: &mut Option<String>) {
    if kms_key_id.is_some() {
        *encrypted = Some(true);
    } else if *encrypted == Some(true) {
        *kms_key_id = Some(state.kms_arn("key/aws-rds"));
    }
}

/// Refuses settings that RDS does not accept for a new instance. Its groups were checked before.
fn check_new(state: &State, engine: &str, asked: &InstanceSettings, result: &InstanceSettings) -> ApiResult<()> {
    let group = result.subnet_group.as_deref();
    state.check_certificate(asked.ca_certificate.as_ref())?;
    state.check_version(engine, result.engine_version.as_ref())?;
    check_place(state, asked, result)?;
    state.check_security_groups(asked.vpc_security_groups.as_ref(), group)?;
    let zones = asked.availability_zone.clone().map_or_else(|| state.covered_zones(group), |zone| vec![zone]);
    state.check_orderable((engine, result.engine_version.as_ref()), result.class.as_ref(), &zones)?;
    check_volumes(engine, asked)?;
    Figures::of_instance(engine, asked, result).check()?;
    storage::check_maximum(asked, result)?;
    state.check_storage_quota(result.allocated_storage, None)
}

/// Refuses a zone or a backup target that does not fit the subnet group.
fn check_place(state: &State, asked: &InstanceSettings, result: &InstanceSettings) -> ApiResult<()> {
    let group = result.subnet_group.as_deref();
    let is_multi_az = result.multi_az == Some(true);
    if is_multi_az && asked.availability_zone.is_some() {
        return Err(ApiError::combination(
            "Requesting a specific availability zone is not valid for Multi-AZ instances.",
        ));
    }
    state.check_zones(asked.availability_zone.as_slice(), group)?;
    state.check_coverage(if is_multi_az { MULTI_AZ_ZONES } else { 1 }, group)?;
    if result.backup_target.as_deref() == Some("outposts") && !state.is_on_outpost(group) {
        return Err(ApiError::combination("The backup target outposts needs a DB subnet group on an Outpost."));
    }
    Ok(())
}

/// Only Oracle and SQL Server have additional storage volumes.
fn check_volumes(engine: &str, asked: &InstanceSettings) -> ApiResult<()> {
    let Some(volumes) = &asked.additional_storage_volumes else { return Ok(()) };
    let takes_volumes = ["oracle-", "sqlserver-"].iter().any(|family| engine.starts_with(family));
    if !takes_volumes {
        return Err(ApiError::combination(format!("Additional storage volumes aren't supported for engine {engine}.")));
    }
    match volumes.iter().find(|volume| !MORE_VOLUMES.contains(&volume.name.as_str())) {
        Some(volume) => Err(ApiError::value(format!("Invalid volume name: {}", volume.name))),
        None => Ok(()),
    }
}

/// Requests to keep or change the master password.
#[derive(Default)]
pub(super) struct Credentials {
    pub(super) manage: Option<bool>,
    pub(super) kms_key_id: Option<String>,
    pub(super) password: Option<String>,
    pub(super) rotate: bool,
}

impl Credentials {
    pub(super) fn take(params: &mut Params, verb: Verb) -> ApiResult<Self> {
        let manage = params.get("ManageMasterUserPassword")?;
        let kms_key_id = params.take("MasterUserSecretKmsKeyId");
        let restores = matches!(verb, Verb::Restore | Verb::PointInTime);
        let password = if restores { None } else { params.take("MasterUserPassword") };
        let rotate =
            if verb == Verb::Modify { params.get("RotateMasterUserPassword")?.unwrap_or(false) } else { false };
        if manage == Some(true) && password.is_some() {
            return Err(ApiError::combination(
                "You can't specify MasterUserPassword for an instance with ManageMasterUserPassword enabled.",
            ));
        }
        Ok(Self { manage, kms_key_id, password, rotate })
    }

    /// Checks whether the change fits, given that the password is managed now or not.
    pub(super) fn check_change(&self, managed: bool) -> ApiResult<()> {
        if managed && self.manage != Some(false) && self.password.is_some() {
            return Err(ApiError::combination(
                "You can't specify MasterUserPassword while ManageMasterUserPassword is enabled.",
            ));
        }
        if managed && self.manage == Some(false) && self.password.is_none() {
            return Err(ApiError::combination(
                "Specify MasterUserPassword when you turn ManageMasterUserPassword off.",
            ));
        }
        if !managed && self.rotate {
            return Err(ApiError::combination("You can't rotate a master user password that is not managed."));
        }
        Ok(())
    }

    /// Whether the request changes the password.
    pub(super) fn changes(&self, managed: bool) -> bool {
        self.password.is_some() || self.rotate || self.manage.is_some_and(|manage| manage != managed)
    }
}

pub(super) fn create(state: &mut State, mut params: Params) -> ApiResult<Content> {
    let name = names::identifier("DBInstanceIdentifier", &params.require("DBInstanceIdentifier")?)?;
    let engine = params.require("Engine")?;
    let cluster = params.take("DBClusterIdentifier");
    let asked = InstanceSettings::from_request(&mut params, Verb::Create)?;
    let credentials = Credentials::take(&mut params, Verb::Create)?;
    let tags = tags::checked(params.tags()?)?;
    params.finish("CreateDBInstance")?;
    if asked.class.is_none() {
        return Err(ApiError::missing("DBInstanceClass"));
    }
    if !engines::is_known(&engine) {
        return Err(ApiError::value(format!("Invalid DB engine: {engine}")));
    }
    state.free_instance_name(&name)?;
    state.room_for_instance()?;
    state.check_instance_groups(&asked)?;
    let key = match cluster {
        Some(cluster) => create_member(state, name, &engine, &cluster, asked, &credentials, tags)?,
        None => create_alone(state, name, engine, &asked, &credentials, tags)?,
    };
    Ok(show_instance(state, key))
}

fn create_alone(
    state: &mut State,
    name: String,
    engine: String,
    asked: &InstanceSettings,
    credentials: &Credentials,
    tags: Tags,
) -> ApiResult<Key> {
    if is_aurora(&engine) {
        return Err(ApiError::combination(format!("DBClusterIdentifier is required for engine {engine}.")));
    }
    if asked.master_username.is_none() {
        return Err(ApiError::combination("The parameter MasterUsername must be provided."));
    }
    if credentials.password.is_none() && credentials.manage != Some(true) {
        return Err(ApiError::combination("The parameter MasterUserPassword must be provided."));
    }
    if asked.allocated_storage.is_none() {
        return Err(ApiError::combination("The parameter AllocatedStorage must be provided."));
    }
    let mut settings = engines::instance_defaults(&engine, asked.engine_version.as_deref(), &state.region);
    settings.ca_certificate = state.default_certificate();
    settings.merge(asked.clone());
    check_new(state, &engine, asked, &settings)?;
    storage::settle(&engine, asked, &mut settings);
    state.settle_network(&mut settings, asked);
    settle_encryption(state, &mut settings.storage_encrypted, &mut settings.kms_key_id);
    let key = state.add_instance(name, engine, settings, tags);
    if credentials.manage == Some(true) {
        let secret = state.fresh_secret("db", credentials.kms_key_id.clone());
        if let Some(instance) = state.instances.get_mut(&key) {
            instance.secret = Some(secret);
        }
    }
    state.start_creation(key, state.timings.create_instance, false);
    Ok(key)
}

fn create_member(
    state: &mut State,
    name: String,
    engine: &str,
    cluster: &str,
    asked: InstanceSettings,
    credentials: &Credentials,
    tags: Tags,
) -> ApiResult<Key> {
    let cluster_key = state.cluster_named(cluster).ok_or_else(|| ApiError::cluster_not_found(cluster))?;
    let found = &state.clusters[&cluster_key];
    if !found.is_aurora() {
        return Err(ApiError::combination("You can't create DB instances in a Multi-AZ DB cluster."));
    }
    if found.engine != engine {
        let message = format!("The engine {engine} is not the engine of the DB cluster {cluster}, {}.", found.engine);
        return Err(ApiError::combination(message));
    }
    // "You can create DB instances only after RestoreDBClusterFromSnapshot has completed and the DB cluster is available."
    // https://docs.aws.amazon.com/AmazonRDS/latest/APIReference/API_RestoreDBClusterFromSnapshot.html
    if !found.life.is_idle() {
        return Err(ApiError::cluster_state(format!("DB Cluster {cluster} is not in available state.")));
    }
    refuse_cluster_wide(&asked)?;
    if credentials.password.is_some() || credentials.manage.is_some() {
        return Err(ApiError::combination(
            "The requested DB Instance will be a member of a DB Cluster. Set master user password for the DB Cluster.",
        ));
    }
    if asked.class.as_deref() == Some("db.serverless") && found.settings.serverless_v2_scaling.is_none() {
        return Err(ApiError::cluster_state(
            "Set the Serverless v2 scaling configuration on the parent DB cluster before creating a Serverless v2 DB instance.",
        ));
    }
    let group = found.settings.subnet_group.as_deref();
    state.check_certificate(asked.ca_certificate.as_ref())?;
    state.check_zones(asked.availability_zone.as_slice(), group)?;
    let zones = asked.availability_zone.clone().map_or_else(|| state.covered_zones(group), |zone| vec![zone]);
    state.check_orderable((engine, None), asked.class.as_ref(), &zones)?;
    let certificate = asked.ca_certificate.clone().or_else(|| state.default_certificate());
    let mut settings = state.member_settings(cluster_key, asked);
    settings.ca_certificate = certificate;
    let key = state.add_instance(name, engine.to_owned(), settings, tags);
    if let Some(instance) = state.instances.get_mut(&key) {
        instance.cluster = Some(cluster_key);
    }
    if let Some(cluster) = state.clusters.get_mut(&cluster_key) {
        cluster.members.push(key);
        cluster.writer.get_or_insert(key);
    }
    let creating = state.timings.create_member;
    state.start(Target::Instance(key), vec![(0.0, Step::Show("creating".into())), (creating, Step::Available)]);
    Ok(key)
}

fn refuse_cluster_wide(asked: &InstanceSettings) -> ApiResult<()> {
    match asked.names().into_iter().find(|name| CLUSTER_WIDE.contains(name)) {
        Some(name) => Err(ApiError::combination(format!(
            "The DB instance is a member of a DB cluster. Set {} for the DB cluster.",
            name.replace('_', " ")
        ))),
        None => Ok(()),
    }
}

pub(super) fn restore(state: &mut State, mut params: Params) -> ApiResult<Content> {
    let snapshot_name = params.require("DBSnapshotIdentifier")?;
    let restoring = Restoring::take(&mut params, "DBInstanceIdentifier", Verb::Restore)?;
    params.finish("RestoreDBInstanceFromDBSnapshot")?;
    let found = state.restorable_snapshot(&snapshot_name)?;
    if found.is_shared && found.is_encrypted() {
        // https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/share-encrypted-snapshot.html
        let message = format!("The snapshot {snapshot_name} is shared and encrypted. Copy it first.");
        return Err(ApiError::new("InvalidRestoreFault", message));
    }
    let snapshot = found.snapshot;
    if snapshot.life.status != AVAILABLE {
        let message =
            format!("The snapshot {snapshot_name} is in status {} and cannot be restored.", snapshot.life.status);
        return Err(ApiError::new("InvalidDBSnapshotState", message));
    }
    // The tags of the snapshot itself do not count.
    let (engine, settings, tags) = (snapshot.engine, snapshot.settings, snapshot.source_tags);
    let key =
        restoring.perform(state, Backup { words: format!("The snapshot {snapshot_name}"), engine, settings, tags })?;
    Ok(show_instance(state, key))
}

/// The backup that an instance is restored from.
pub(super) struct Backup {
    /// The beginning of a sentence about it.
    pub(super) words: String,
    pub(super) engine: String,
    pub(super) settings: InstanceSettings,
    /// The tags of the source at the moment of the backup.
    pub(super) tags: Tags,
}

/// A request to restore an instance, from a snapshot or to a point in time.
pub(super) struct Restoring {
    name: String,
    engine: Option<String>,
    asked: InstanceSettings,
    credentials: Credentials,
    tags: Option<Tags>,
}

impl Restoring {
    pub(super) fn take(params: &mut Params, target: &str, verb: Verb) -> ApiResult<Self> {
        let name = names::identifier(target, &params.require(target)?)?;
        let engine = params.take("Engine");
        let mut asked = InstanceSettings::from_request(params, verb)?;
        if verb == Verb::PointInTime {
            asked.max_allocated_storage = params.get("MaxAllocatedStorage")?;
        }
        let _: Option<bool> = params.get("UseDefaultProcessorFeatures")?;
        let credentials = Credentials::take(params, verb)?;
        let tags = params.tags()?;
        tags.as_ref().map_or(Ok(()), tags::check)?;
        Ok(Self { name, engine, asked, credentials, tags })
    }

    pub(super) fn perform(self, state: &mut State, backup: Backup) -> ApiResult<Key> {
        let Self { name, engine, asked, credentials, tags } = self;
        let Backup { words, engine: recorded_engine, settings: recorded, tags: recorded_tags } = backup;
        state.free_instance_name(&name)?;
        state.room_for_instance()?;
        state.check_instance_groups(&asked)?;
        if engine.is_some_and(|engine| engine != recorded_engine) {
            return Err(ApiError::combination(format!("{words} is of engine {recorded_engine}.")));
        }
        let is_oracle = recorded_engine.starts_with("oracle");
        if asked.database_name.is_some() && !is_oracle {
            return Err(ApiError::value("DBName must be null when Restoring for this Engine."));
        }
        if credentials.manage.is_some() && !is_oracle {
            return Err(ApiError::combination(
                "ManageMasterUserPassword can be set on a restore for Oracle only. Modify the instance afterwards.",
            ));
        }
        check_sql_server(&recorded_engine, &asked)?;
        let mut settings = restored_settings(state, &recorded_engine, &recorded);
        settings.merge(asked.clone());
        if recorded.backup_target.as_deref() == Some("outposts")
            && !state.is_on_outpost(settings.subnet_group.as_deref())
        {
            return Err(ApiError::combination(
                "A snapshot on an Outpost is restored into a DB subnet group on that Outpost.",
            ));
        }
        check_new(state, &recorded_engine, &asked, &settings)?;
        if settings.multi_tenant == Some(true) {
            state.check_granted("rds:CreateTenantDatabase")?;
        }
        if settings.allocated_storage < recorded.allocated_storage {
            return Err(ApiError::value("The allocated storage must not be less than that of the snapshot."));
        }
        storage::settle(&recorded_engine, &asked, &mut settings);
        state.settle_network(&mut settings, &asked);
        settings.engine_version = state.restored_version(
            &recorded_engine,
            settings.engine_version,
            settings.engine_lifecycle_support.as_deref(),
        );
        // Without tags in the request, the database gets the tags that the source had at the moment of the backup.
        let tags = tags.filter(|tags| !tags.is_empty()).unwrap_or_else(|| tags::without_reserved(&recorded_tags));
        let key = state.add_instance(name, recorded_engine, settings, tags);
        if credentials.manage == Some(true) {
            let secret = state.fresh_secret("db", credentials.kms_key_id);
            if let Some(instance) = state.instances.get_mut(&key) {
                instance.secret = Some(secret);
            }
        }
        state.start_creation(key, state.timings.restore_instance, true);
        Ok(key)
    }
}

/// A restore of SQL Server accepts no size, and mirroring is a later modification.
fn check_sql_server(engine: &str, asked: &InstanceSettings) -> ApiResult<()> {
    if !engine.starts_with("sqlserver-") {
        return Ok(());
    }
    if asked.allocated_storage.is_some() {
        return Err(ApiError::combination(format!("AllocatedStorage isn't valid on a restore for engine {engine}.")));
    }
    if asked.multi_az == Some(true) {
        return Err(ApiError::combination(format!(
            "MultiAZ can't be enabled on a restore for engine {engine}. Modify the instance afterwards."
        )));
    }
    Ok(())
}

/// The settings of a restored instance that the request does not name: the properties of the data from the snapshot,
/// defaults otherwise.
fn restored_settings(state: &State, engine: &str, recorded: &InstanceSettings) -> InstanceSettings {
    let mut settings = engines::instance_defaults(engine, recorded.engine_version.as_deref(), &state.region);
    settings.ca_certificate = state.default_certificate();
    settings.merge(InstanceSettings {
        class: recorded.class.clone(),
        port: recorded.port,
        license_model: recorded.license_model.clone(),
        allocated_storage: recorded.allocated_storage,
        storage_type: recorded.storage_type.clone(),
        iops: recorded.iops,
        storage_throughput: recorded.storage_throughput,
        storage_encrypted: recorded.storage_encrypted,
        kms_key_id: recorded.kms_key_id.clone(),
        master_username: recorded.master_username.clone(),
        database_name: recorded.database_name.clone(),
        character_set: recorded.character_set.clone(),
        timezone: recorded.timezone.clone(),
        backup_retention_period: recorded.backup_retention_period,
        backup_window: recorded.backup_window.clone(),
        multi_tenant: recorded.multi_tenant,
        additional_storage_volumes: recorded.additional_storage_volumes.clone(),
        ..InstanceSettings::default()
    });
    settings
}

/// The log exports after the changes that `Modify…` asks for.
pub(super) fn change_log_exports(params: &mut Params, current: Option<&Vec<String>>) -> ApiResult<Option<Vec<String>>> {
    let enable: Option<Vec<String>> = params.get("CloudwatchLogsExportConfiguration.EnableLogTypes.member")?;
    let disable: Option<Vec<String>> = params.get("CloudwatchLogsExportConfiguration.DisableLogTypes.member")?;
    if enable.is_none() && disable.is_none() {
        return Ok(None);
    }
    let mut exports = current.cloned().unwrap_or_default();
    exports.retain(|kind| !disable.iter().flatten().any(|disabled| disabled == kind));
    for kind in enable.into_iter().flatten() {
        if !exports.contains(&kind) {
            exports.push(kind);
        }
    }
    Ok(Some(exports))
}

pub(super) fn modify(state: &mut State, mut params: Params) -> ApiResult<Content> {
    let identifier = params.require("DBInstanceIdentifier")?;
    let key = state.existing_instance(&identifier)?;
    let mut change = InstanceSettings::from_request(&mut params, Verb::Modify)?;
    change.log_exports = change_log_exports(&mut params, state.instances[&key].settings.log_exports.as_ref())?;
    let new_name = params
        .take("NewDBInstanceIdentifier")
        .map(|name| names::identifier("NewDBInstanceIdentifier", &name))
        .transpose()?;
    let apply_immediately = params.get("ApplyImmediately")?.unwrap_or(false);
    let allow_major: bool = params.get("AllowMajorVersionUpgrade")?.unwrap_or(false);
    let default_processor: bool = params.get("UseDefaultProcessorFeatures")?.unwrap_or(false);
    let disable_domain: bool = params.get("DisableDomain")?.unwrap_or(false);
    let _: Option<bool> = params.get("CertificateRotationRestart")?;
    let credentials = Credentials::take(&mut params, Verb::Modify)?;
    params.finish("ModifyDBInstance")?;
    if default_processor {
        change.processor_features = Some(crate::settings::ProcessorFeatures::new());
    }

    let instance = &state.instances[&key];
    state.refuse_if_led(instance)?;
    if instance.cluster.is_some() {
        refuse_cluster_wide(&change)?;
        if credentials.password.is_some() || credentials.manage.is_some() {
            return Err(ApiError::combination(
                "The DB instance is a member of a DB cluster. Set the master password for the DB cluster.",
            ));
        }
    }
    if let Some(name) = &new_name {
        state.free_instance_name(name)?;
    }
    state.check_instance_groups(&change)?;
    credentials.check_change(instance.secret.is_some())?;
    let asked = change.clone();
    let mut change = change.without_what_is_already_so(&instance.settings);
    state.check_certificate(asked.ca_certificate.as_ref())?;
    check_modification(state, instance, &change, apply_immediately)?;
    let mut result = instance.settings.clone();
    result.merge(change.clone());
    if changes_storage(&change) {
        storage::settle(&instance.engine, &change, &mut result);
        change.iops = result.iops.filter(|_| result.iops != instance.settings.iops);
        change.storage_throughput =
            result.storage_throughput.filter(|_| result.storage_throughput != instance.settings.storage_throughput);
    }
    check_upgrade(
        &instance.engine,
        instance.settings.engine_version.as_ref(),
        change.engine_version.as_ref(),
        allow_major,
    )?;
    let more = new_name.is_some() || credentials.changes(instance.secret.is_some());
    if !takes_changes(state, &instance.life, more, change.clone().takes_effect_now()) {
        let message = format!("Database instance {} is not in available state.", instance.life.identifier);
        return Err(ApiError::instance_state(message));
    }

    if let Some(instance) = state.instances.get_mut(&key) {
        instance.pending.cancel(&asked, &instance.settings);
    }
    if disable_domain && let Some(instance) = state.instances.get_mut(&key) {
        instance.settings.domain = None;
        instance.settings.domain_iam_role = None;
    }
    let request = Modification { change, new_name, credentials, apply_immediately };
    request.apply(state, key);
    Ok(show_instance(state, key))
}

/// Refuses settings that RDS does not accept for a changed instance. Its groups were checked before.
fn check_modification(
    state: &State,
    instance: &Instance,
    change: &InstanceSettings,
    apply_immediately: bool,
) -> ApiResult<()> {
    let (engine, present) = (instance.engine.as_str(), &instance.settings);
    let mut result = present.clone();
    result.merge(change.clone());
    let group = result.subnet_group.as_deref();
    state.check_version(engine, change.engine_version.as_ref())?;
    state.check_security_groups(change.vpc_security_groups.as_ref(), group)?;
    let zones = present.availability_zone.clone().map_or_else(|| state.covered_zones(group), |zone| vec![zone]);
    state.check_orderable((engine, None), change.class.as_ref(), &zones)?;
    state.check_coverage(if change.multi_az == Some(true) { MULTI_AZ_ZONES } else { 1 }, group)?;
    check_volumes(engine, change)?;
    let mut applied = change.clone();
    if apply_immediately {
        applied.merge(instance.pending.clone());
    }
    if instance.life.storage_work().is_some() && changes_storage(&applied) {
        return Err(ApiError::combination(
            "You can't currently modify the storage of this DB instance because the previous storage change is being optimized.",
        ));
    }
    if changes_storage(change) {
        Figures::of_instance(engine, change, &result).check()?;
    }
    if change.allocated_storage.is_some_and(|gib| Some(gib) < present.allocated_storage) {
        return Err(ApiError::combination("Requested storage size is smaller than the existing size."));
    }
    storage::check_maximum(change, &result)?;
    state.check_storage_quota(change.allocated_storage, present.allocated_storage)
}

/// Refuses a new major version unless the request allows one.
pub(super) fn check_upgrade(
    engine: &str,
    old: Option<&String>,
    new: Option<&String>,
    allow_major: bool,
) -> ApiResult<()> {
    let (Some(new), Some(old)) = (new, old) else { return Ok(()) };
    if engines::major_version(engine, new) != engines::major_version(engine, old) && !allow_major {
        return Err(ApiError::combination(
            "The AllowMajorVersionUpgrade flag must be present when upgrading to a new major version.",
        ));
    }
    Ok(())
}

/// Whether a database accepts a modification in its present status. A modification with `more` than settings needs an idle
/// database. Settings that take effect at once may be accepted in any status, if the world says so.
pub(super) fn takes_changes(state: &State, life: &Life, more: bool, takes_effect_now: bool) -> bool {
    let lingers = life.busy && life.status == AVAILABLE && life.served && life.renaming_to.is_none();
    let at_rest = matches!(life.status.as_ref(), "deleting" | "stopping" | "stopped");
    let at_any_time = takes_effect_now && state.unverified.protection_in_any_status && !at_rest;
    life.takes_modification() || (!more && (lingers || at_any_time))
}

/// A checked request to modify an instance.
struct Modification {
    change: InstanceSettings,
    new_name: Option<String>,
    credentials: Credentials,
    apply_immediately: bool,
}

impl Modification {
    fn apply(mut self, state: &mut State, key: Key) {
        let (timings, now) = (state.timings.clone(), state.wall_clock());
        let Some(managed) = state.instances.get(&key).map(|instance| instance.secret.is_some()) else { return };
        let resets_credentials = self.credentials.changes(managed);
        if self.credentials.manage == Some(true) && !managed {
            let secret = state.fresh_secret("db", self.credentials.kms_key_id.take());
            if let Some(instance) = state.instances.get_mut(&key) {
                instance.secret = Some(secret);
            }
        }
        let Some(instance) = state.instances.get_mut(&key) else { return };
        if self.credentials.manage == Some(false) {
            instance.secret = None;
        }
        let at_once = self.change.split_off(Effect::Now);
        if at_once.parameter_group.is_some() {
            instance.parameter_apply_status = ApplyStatus::PendingReboot;
        }
        let was_backed_up = instance.settings.backup_retention_period.unwrap_or(0) > 0;
        instance.settings.merge(at_once);
        let has_backups = instance.settings.backup_retention_period.unwrap_or(0) > 0;
        let resource_id = instance.resource_id.clone();
        if !was_backed_up && has_backups {
            instance.backed_up_since = Some(now);
        }
        let configure = self.change.split_off(Effect::Configure);
        instance.pending.merge(self.change);
        instance.pending_password |= self.credentials.password.is_some();
        if self.new_name.is_some() {
            instance.pending_identifier = self.new_name;
        }

        let mut steps = configuring_steps(&configure, timings.configuring);
        let mut optimizes = false;
        instance.applying.merge(configure);
        if self.apply_immediately {
            // All pending changes are applied, not only those of this request.
            // https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/USER_ModifyInstance.ApplyImmediately.html
            let pending = std::mem::take(&mut instance.pending);
            if !pending.is_empty() {
                optimizes = changes_storage(&pending);
                instance.applying.merge(pending);
                steps.push(("modifying", timings.modifying));
            }
        }
        if resets_credentials {
            steps.push(("resetting-master-credentials", timings.resetting_master_credentials));
        }
        let rename = if self.apply_immediately { instance.pending_identifier.clone() } else { None };
        if was_backed_up && !has_backups {
            state.remove_automated_snapshots(&resource_id);
        }
        let falsely = state.rng.f64() < timings.false_available_probability;
        match rename {
            Some(name) => {
                if let Some(instance) = state.instances.get_mut(&key) {
                    instance.life.renaming_to = Some(name);
                }
                state.start(Target::Instance(key), rename_steps(&timings, falsely));
            }
            None if steps.is_empty() => {}
            None => {
                let mut steps = modification_steps(steps, timings.modify_lingering);
                if optimizes {
                    let work = Step::StorageWork(StorageWork::Optimization, timings.storage_optimization);
                    steps.insert(steps.len() - 1, (0.0, work));
                }
                state.start(Target::Instance(key), steps);
            }
        }
    }
}

/// Whether a change concerns the storage.
fn changes_storage(change: &InstanceSettings) -> bool {
    change.allocated_storage.is_some()
        || change.storage_type.is_some()
        || change.iops.is_some()
        || change.storage_throughput.is_some()
        || change.additional_storage_volumes.is_some()
}

/// One status for each part that is configured.
fn configuring_steps(configure: &InstanceSettings, seconds: f64) -> Vec<(&'static str, f64)> {
    let monitoring = configure.monitoring_interval.is_some() || configure.monitoring_role_arn.is_some();
    let insights = configure.performance_insights.is_some()
        || configure.performance_insights_kms_key_id.is_some()
        || configure.performance_insights_retention_period.is_some()
        || configure.database_insights_mode.is_some();
    let logs = configure.log_exports.is_some();
    let domain = configure.domain.is_some() || configure.domain_fqdn.is_some();
    let parts = [
        (monitoring, "configuring-enhanced-monitoring"),
        (insights || domain, "modifying"),
        (logs, "configuring-log-exports"),
    ];
    parts.into_iter().filter(|(changes, _)| *changes).map(|(_, status)| (status, seconds)).collect()
}

/// The statuses of a modification, each shown for the given seconds. First comes a moment in which no status shows it.
pub(super) fn modification_steps(statuses: Vec<(&'static str, f64)>, lingering: f64) -> Vec<(f64, Step)> {
    let mut steps = vec![(0.0, Step::Linger)];
    let mut wait = lingering;
    for (status, seconds) in statuses {
        steps.push((wait, Step::Show(status.into())));
        wait = seconds;
    }
    steps.push((wait, Step::Apply));
    steps.push((0.0, Step::Available));
    steps
}

/// The old name lingers, then no name answers. The new name is `renaming`, perhaps `available` for a moment, `rebooting`,
/// `available`.
pub(super) fn rename_steps(timings: &Timings, falsely_available: bool) -> Vec<(f64, Step)> {
    let mut steps =
        vec![(0.0, Step::Linger), (timings.rename_lingering, Step::Vanish), (timings.rename_nameless, Step::TakeName)];
    let mut wait = timings.renaming;
    if falsely_available {
        steps.push((wait, Step::FalseAvailable));
        wait = timings.rename_false_available;
    }
    steps.push((wait, Step::Show("rebooting".into())));
    steps.push((timings.rebooting, Step::Available));
    steps
}

pub(super) fn reboot(state: &mut State, mut params: Params) -> ApiResult<Content> {
    let identifier = params.require("DBInstanceIdentifier")?;
    let failover: bool = params.get("ForceFailover")?.unwrap_or(false);
    params.finish("RebootDBInstance")?;
    let key = state.existing_instance(&identifier)?;
    let instance = state.is_idle_instance(key)?;
    if failover && instance.settings.multi_az != Some(true) {
        return Err(ApiError::combination(
            "ForceFailover cannot be specified since the instance is not configured for either MultiAZ or High Availability.",
        ));
    }
    let rebooting = state.timings.rebooting;
    state.start(Target::Instance(key), vec![(0.0, Step::Show("rebooting".into())), (rebooting, Step::Available)]);
    Ok(show_instance(state, key))
}

pub(super) fn stop(state: &mut State, mut params: Params) -> ApiResult<Content> {
    let identifier = params.require("DBInstanceIdentifier")?;
    params.finish("StopDBInstance")?;
    let key = state.existing_instance(&identifier)?;
    refuse_member(&state.instances[&key])?;
    let instance = state.is_idle_instance(key)?;
    let is_source = state.instances.values().any(|replica| replica.replica_of == Some(key));
    if instance.replica_of.is_some() || is_source {
        return Err(ApiError::instance_state("Cannot stop or start a read replica, or an instance that has one."));
    }
    if instance.engine.starts_with("sqlserver-") && instance.settings.multi_az == Some(true) {
        return Err(ApiError::instance_state("Cannot stop a SQL Server instance in a Multi-AZ deployment."));
    }
    let seconds = state.timings.stop;
    state.start(
        Target::Instance(key),
        vec![(0.0, Step::Show("stopping".into())), (seconds, Step::End("stopped".into()))],
    );
    Ok(show_instance(state, key))
}

pub(super) fn start(state: &mut State, mut params: Params) -> ApiResult<Content> {
    let identifier = params.require("DBInstanceIdentifier")?;
    params.finish("StartDBInstance")?;
    let key = state.existing_instance(&identifier)?;
    refuse_member(&state.instances[&key])?;
    if state.instances[&key].life.status != "stopped" {
        return Err(ApiError::instance_state(format!("Instance {identifier} is not stopped.")));
    }
    state.check_capacity_to_start(&identifier)?;
    state.restart(Target::Instance(key));
    Ok(show_instance(state, key))
}

fn refuse_member(instance: &Instance) -> ApiResult<()> {
    if instance.cluster.is_some() {
        let message = format!(
            "{} is a member of a DB cluster, which is stopped and started as a whole.",
            instance.life.identifier
        );
        return Err(ApiError::cluster_state(message));
    }
    Ok(())
}

pub(super) fn delete(state: &mut State, mut params: Params) -> ApiResult<Content> {
    let identifier = params.require("DBInstanceIdentifier")?;
    let deletion = Deletion::take(&mut params)?;
    params.finish("DeleteDBInstance")?;
    let key = state.existing_instance(&identifier)?;
    let instance = state.instances[&key].clone();
    state.refuse_if_led(&instance)?;
    if instance.settings.deletion_protection == Some(true) {
        return Err(ApiError::combination(
            "Cannot delete protected DB Instance, please disable deletion protection and try again.",
        ));
    }
    check_deletable(state, &instance.life)?;
    if instance.cluster.is_some() && instance.life.status == "stopped" {
        return Err(ApiError::cluster_state(format!("The DB cluster of {identifier} is stopped. Start it first.")));
    }
    if instance.settings.multi_tenant == Some(true) {
        state.check_granted("rds:DeleteTenantDatabase")?;
    }
    let final_snapshot = match instance.cluster {
        Some(_) if deletion.final_snapshot.is_some() => {
            return Err(ApiError::combination(
                "FinalDBSnapshotIdentifier can not be specified when deleting a cluster instance.",
            ));
        }
        Some(_) => None,
        None => deletion.final_snapshot()?,
    };
    if final_snapshot.is_some() && !takes_final_snapshot(state, &instance.life) {
        let message = format!("A final snapshot cannot be taken of an instance in status {}.", instance.life.status);
        return Err(ApiError::instance_state(message));
    }
    let keeps_backups = !deletion.delete_automated_backups
        && instance.cluster.is_none()
        && instance.settings.backup_retention_period.unwrap_or(0) > 0;
    if keeps_backups && state.retained_backups.len() >= state.limits.retained_backups {
        let message = "The number of retained automated backups is at the quota of the region.";
        return Err(ApiError::new("DBInstanceAutomatedBackupQuotaExceeded", message));
    }
    let mut snapshot_seconds = 0.0;
    if let Some(name) = final_snapshot {
        let name = names::snapshot_identifier("FinalDBSnapshotIdentifier", name)?;
        snapshot_seconds = state.take_final_snapshot(key, name)?;
    }
    if let Some(found) = state.instances.get_mut(&key) {
        found.keep_backups = keeps_backups;
        found.life.renaming_to = None;
    }
    if let Some(cluster) = instance.cluster
        && state.clusters.get(&cluster).is_some_and(|cluster| cluster.writer == Some(key))
    {
        state.fail_over(cluster, key);
    }
    let seconds = snapshot_seconds + state.timings.delete_instance;
    state.start(Target::Instance(key), vec![(0.0, Step::Show("deleting".into())), (seconds, Step::Gone)]);
    Ok(show_instance(state, key))
}

/// Whether a database can have a final snapshot: if it is available, and perhaps while RDS works on its storage.
pub(super) fn takes_final_snapshot(state: &State, life: &Life) -> bool {
    life.is_idle() || (state.unverified.final_snapshot_in_storage_work && life.storage_work().is_some())
}

fn check_deletable(state: &State, life: &Life) -> ApiResult<()> {
    let identifier = &life.identifier;
    match life.status.as_ref() {
        "deleting" => Err(ApiError::instance_state(format!("Instance {identifier} is already being deleted."))),
        "creating" if !state.unverified.delete_while_creating => {
            Err(ApiError::instance_state(format!("Instance {identifier} is being created and cannot be deleted yet.")))
        }
        "renaming" => Err(ApiError::instance_state(format!("Instance {identifier} is being renamed."))),
        _ if life.renaming_to.is_some() => {
            Err(ApiError::instance_state(format!("Instance {identifier} is being renamed.")))
        }
        _ => Ok(()),
    }
}
