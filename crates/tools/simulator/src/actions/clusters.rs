//! DB clusters, of Aurora and Multi-AZ: create, restore, modify (and rename), stop, start, delete.

use super::instances::{
    Credentials, begin_initialization, change_log_exports, check_upgrade, modification_steps, settle_encryption,
    takes_changes, takes_final_snapshot,
};
use super::{Content, Deletion, show_cluster};
use crate::engines;
use crate::error::{ApiError, ApiResult};
use crate::names;
use crate::query::{Params, Tags};
use crate::resources::{AVAILABLE, Cluster, Instance, Key, Life, is_aurora};
use crate::settings::{ClusterSettings, Effect, Verb};
use crate::state::{State, Step, Target};
use crate::storage::Figures;
use crate::tags;
use crate::world::{ApplyStatus, Timings};
use crate::xml::Xml;

/// A Multi-AZ DB cluster has a writer and two readers.
const MULTI_AZ_MEMBERS: usize = 3;
/// The least number of zones that the subnet group of an Aurora cluster covers.
const AURORA_ZONES: usize = 2;

impl State {
    pub(super) fn existing_cluster(&self, identifier: &str) -> ApiResult<Key> {
        let name = identifier.rsplit_once(":cluster:").map_or(identifier, |(_, name)| name);
        self.cluster_named(name).ok_or_else(|| ApiError::cluster_not_found(identifier))
    }

    fn free_cluster_name(&self, name: &str) -> ApiResult<()> {
        if self.clusters.values().any(|cluster| cluster.life.claims(name)) {
            return Err(ApiError::cluster_exists());
        }
        Ok(())
    }

    fn room_for_cluster(&self) -> ApiResult<()> {
        if self.clusters.len() >= self.limits.clusters {
            return Err(ApiError::new("DBClusterQuotaExceededFault", "DB Cluster quota exceeded"));
        }
        Ok(())
    }

    fn check_cluster_groups(&self, settings: &ClusterSettings) -> ApiResult<()> {
        self.check_cluster_parameter_group(settings.parameter_group.as_ref())?;
        self.check_option_group(settings.option_group.as_ref())?;
        self.check_subnet_group(settings.subnet_group.as_ref())
    }

    fn add_cluster(&mut self, name: String, engine: String, settings: ClusterSettings, tags: Tags) -> Key {
        let resource_id = self.fresh_resource_id("cluster-");
        let created = self.wall_clock();
        let mut cluster = Cluster::new(Life::new(name, "creating"), resource_id, engine, settings, created);
        cluster.tags = self.new_tags(tags);
        let key = self.fresh_key();
        let name = cluster.life.identifier.clone();
        self.clusters.insert(key, cluster);
        self.settle_names(Target::Cluster(key), &name);
        if self.clusters[&key].is_aurora() {
            return key;
        }
        self.add_multi_az_members(key, created);
        key
    }

    /// The members that RDS creates for a Multi-AZ DB cluster, with the cluster's settings: `<cluster>-instance-1` and so
    /// on.
    pub(crate) fn add_multi_az_members(&mut self, cluster_key: Key, created: i64) {
        let Some(cluster) = self.clusters.get(&cluster_key).cloned() else { return };
        let mut members = Vec::with_capacity(MULTI_AZ_MEMBERS);
        for number in 1..=MULTI_AZ_MEMBERS {
            let name = format!("{}-instance-{number}", cluster.life.identifier);
            let settings = self.member_settings(cluster_key, crate::settings::InstanceSettings::default());
            let life = Life::new(name, cluster.life.status.clone());
            let resource_id = self.fresh_resource_id("db-");
            let mut instance = Instance::new(life, resource_id, cluster.engine.clone(), settings);
            instance.cluster = Some(cluster_key);
            let is_new = cluster.life.status == "creating";
            instance.created = (!is_new).then_some(created);
            instance.fails = is_new && self.failing_members.contains(&instance.life.identifier);
            let key = self.fresh_key();
            let name = instance.life.identifier.clone();
            self.instances.insert(key, instance);
            self.settle_names(Target::Instance(key), &name);
            members.push(key);
        }
        if let Some(cluster) = self.clusters.get_mut(&cluster_key) {
            cluster.writer = members.first().copied();
            cluster.members = members;
        }
    }
}

/// Settings that only a Multi-AZ DB cluster accepts.
const MULTI_AZ_ONLY: &[&str] = &["class", "allocated_storage", "iops", "publicly_accessible", "ca_certificate"];
/// Settings that only an Aurora cluster accepts.
/// <https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/multi-az-db-clusters-concepts.Limitations.html>
const AURORA_ONLY: &[&str] = &[
    "option_group",
    "domain",
    "network_type",
    "serverless_v2_scaling",
    "backtrack_window",
    "http_endpoint",
    "local_write_forwarding",
];

/// Refuses settings of the other kind of cluster.
fn check_kind(engine: &str, asked: &ClusterSettings) -> ApiResult<()> {
    let foreign = if is_aurora(engine) { MULTI_AZ_ONLY } else { AURORA_ONLY };
    match asked.names().into_iter().find(|name| foreign.contains(name)) {
        Some(name) => Err(ApiError::combination(format!(
            "A DB cluster of engine {engine} does not take {}.",
            name.replace('_', " ")
        ))),
        None => Ok(()),
    }
}

/// Refuses settings that RDS does not accept for a new cluster. Its groups were checked before.
fn check_new(state: &State, engine: &str, asked: &ClusterSettings, result: &ClusterSettings) -> ApiResult<()> {
    let group = result.subnet_group.as_deref();
    state.check_certificate(asked.ca_certificate.as_ref())?;
    state.check_version(engine, result.engine_version.as_ref())?;
    check_vpc_networking(engine, asked)?;
    state.check_zones(asked.availability_zones.as_deref().unwrap_or_default(), group)?;
    let needed = if is_aurora(engine) { AURORA_ZONES } else { MULTI_AZ_MEMBERS };
    state.check_coverage(needed, group)?;
    state.check_security_groups(asked.vpc_security_groups.as_ref(), group)?;
    let version = result.engine_version.as_ref();
    state.check_orderable((engine, version), result.class.as_ref(), &state.covered_zones(group))?;
    if is_aurora(engine) { Ok(()) } else { Figures::of_cluster(engine, asked, result).check() }
}

/// An Aurora PostgreSQL cluster without VPC networking has no subnet group and no security groups.
fn check_vpc_networking(engine: &str, asked: &ClusterSettings) -> ApiResult<()> {
    if asked.vpc_networking.is_some() && engine != "aurora-postgresql" {
        return Err(ApiError::combination(format!("EnableVPCNetworking isn't supported for engine {engine}.")));
    }
    let in_vpc = asked.subnet_group.is_some() || asked.vpc_security_groups.is_some();
    if asked.vpc_networking == Some(false) && in_vpc {
        return Err(ApiError::combination(
            "DBSubnetGroupName and VpcSecurityGroupIds can't be specified without VPC networking.",
        ));
    }
    Ok(())
}

fn check_engine(engine: &str) -> ApiResult<()> {
    if is_aurora(engine) || matches!(engine, "mysql" | "postgres") {
        return Ok(());
    }
    Err(ApiError::value(format!("Invalid DB engine: {engine}")))
}

pub(super) fn create(state: &mut State, mut params: Params) -> ApiResult<Content> {
    let name = names::identifier("DBClusterIdentifier", &params.require("DBClusterIdentifier")?)?;
    let engine = params.require("Engine")?;
    let asked = ClusterSettings::from_request(&mut params, Verb::Create)?;
    let credentials = Credentials::take(&mut params, Verb::Create)?;
    let tags = tags::checked(params.tags()?)?;
    params.finish("CreateDBCluster")?;
    check_engine(&engine)?;
    check_kind(&engine, &asked)?;
    if asked.master_username.is_none() || (credentials.password.is_none() && credentials.manage != Some(true)) {
        return Err(ApiError::combination("The parameters MasterUsername and MasterUserPassword must be provided."));
    }
    if !is_aurora(&engine) && (asked.class.is_none() || asked.allocated_storage.is_none()) {
        return Err(ApiError::combination("A Multi-AZ DB cluster needs DBClusterInstanceClass and AllocatedStorage."));
    }
    state.free_cluster_name(&name)?;
    state.room_for_cluster()?;
    state.check_cluster_groups(&asked)?;
    let mut settings = engines::cluster_defaults(&engine, asked.engine_version.as_deref());
    settings.merge(asked.clone());
    check_new(state, &engine, &asked, &settings)?;
    settings.vpc_security_groups =
        state.groups_or_default(asked.vpc_security_groups.as_ref(), settings.subnet_group.as_deref());
    settle_encryption(state, &mut settings.storage_encrypted, &mut settings.kms_key_id);
    let key = state.add_cluster(name, engine, settings, tags);
    if credentials.manage == Some(true) {
        let secret = state.fresh_secret("cluster", credentials.kms_key_id);
        if let Some(cluster) = state.clusters.get_mut(&key) {
            cluster.secret = Some(secret);
        }
    }
    let seconds = state.timings.create_cluster;
    state.start(Target::Cluster(key), vec![(0.0, Step::Show("creating".into())), (seconds, Step::Available)]);
    Ok(show_cluster(state, key))
}

pub(super) fn restore(state: &mut State, mut params: Params) -> ApiResult<Content> {
    let snapshot_name = params.require("SnapshotIdentifier")?;
    let engine = params.require("Engine")?;
    let restoring = Restoring::take(&mut params, Verb::Restore)?;
    params.finish("RestoreDBClusterFromSnapshot")?;
    let found = state.restorable_cluster_snapshot(&snapshot_name)?;
    found.check_key()?;
    if found.is_shared && found.is_encrypted() && !is_aurora(&found.snapshot.engine) {
        let message = format!("The snapshot {snapshot_name} is shared and encrypted, and not of Aurora.");
        return Err(ApiError::new("InvalidRestoreFault", message));
    }
    let snapshot = found.snapshot;
    if snapshot.life.status != AVAILABLE {
        let message =
            format!("The snapshot {snapshot_name} is in status {} and cannot be restored.", snapshot.life.status);
        return Err(ApiError::new("InvalidDBClusterSnapshotStateFault", message));
    }
    if engine != snapshot.engine {
        return Err(ApiError::combination(format!(
            "The snapshot {snapshot_name} is of engine {}, not {engine}.",
            snapshot.engine
        )));
    }
    if !is_aurora(&engine) && restoring.asked.kms_key_id.is_some() && snapshot.settings.storage_encrypted != Some(true)
    {
        return Err(ApiError::combination("An unencrypted Multi-AZ DB cluster cannot be encrypted."));
    }
    let base = restored_settings(engines::cluster_defaults(&engine, None), &snapshot.settings);
    let seconds = state.timings.restore_cluster;
    let key = restoring.perform(state, &engine, &snapshot.settings, base, &copying_steps(seconds, &state.timings))?;
    Ok(show_cluster(state, key))
}

/// The statuses of a cluster whose data is copied in full.
pub(super) fn copying_steps(seconds: f64, timings: &Timings) -> Vec<(f64, Step)> {
    vec![
        (0.0, Step::Show("creating".into())),
        (seconds / 4.0, Step::Show("migrating".into())),
        (seconds * 3.0 / 4.0, Step::Show("backing-up".into())),
        (timings.restore_backing_up, Step::Available),
    ]
}

/// A request to restore a cluster, from a snapshot or to a point in time.
pub(super) struct Restoring {
    name: String,
    pub(super) asked: ClusterSettings,
    tags: Tags,
}

impl Restoring {
    pub(super) fn take(params: &mut Params, verb: Verb) -> ApiResult<Self> {
        let name = names::identifier("DBClusterIdentifier", &params.require("DBClusterIdentifier")?)?;
        let asked = ClusterSettings::from_request(params, verb)?;
        let tags = tags::checked(params.tags()?)?;
        Ok(Self { name, asked, tags })
    }

    /// Restores a cluster with the settings of `base`, except those that the request names.
    pub(super) fn perform(
        self,
        state: &mut State,
        engine: &str,
        recorded: &ClusterSettings,
        base: ClusterSettings,
        steps: &[(f64, Step)],
    ) -> ApiResult<Key> {
        let Self { name, asked, tags } = self;
        check_kind(engine, &asked)?;
        if !is_aurora(engine) && asked.class.is_none() {
            return Err(ApiError::combination("A Multi-AZ DB cluster needs DBClusterInstanceClass."));
        }
        state.free_cluster_name(&name)?;
        state.room_for_cluster()?;
        state.check_cluster_groups(&asked)?;
        let mut settings = base;
        settings.merge(asked.clone());
        check_new(state, engine, &asked, &settings)?;
        check_recorded_networking(recorded, &asked)?;
        settings.vpc_security_groups =
            state.groups_or_default(asked.vpc_security_groups.as_ref(), settings.subnet_group.as_deref());
        settings.engine_version =
            state.restored_version(engine, settings.engine_version, settings.engine_lifecycle_support.as_deref());
        settle_encryption(state, &mut settings.storage_encrypted, &mut settings.kms_key_id);
        let key = state.add_cluster(name, engine.to_owned(), settings, tags);
        let mut steps = steps.to_vec();
        if !is_aurora(engine) {
            begin_initialization(&state.timings, &mut steps);
        }
        state.start(Target::Cluster(key), steps);
        Ok(key)
    }
}

/// A snapshot of a cluster without VPC networking is restored into a VPC only if the call says so.
fn check_recorded_networking(recorded: &ClusterSettings, asked: &ClusterSettings) -> ApiResult<()> {
    let in_vpc = asked.subnet_group.is_some() || asked.vpc_security_groups.is_some();
    if recorded.vpc_networking == Some(false) && asked.vpc_networking != Some(true) && in_vpc {
        return Err(ApiError::combination(
            "DBSubnetGroupName and VpcSecurityGroupIds can't be specified without VPC networking.",
        ));
    }
    Ok(())
}

/// The settings of a restored cluster that the request does not name: the properties of the data from the backup, defaults
/// otherwise. Without `EngineVersion` a restored snapshot runs the default version of the engine.
/// <https://docs.aws.amazon.com/AmazonRDS/latest/APIReference/API_RestoreDBClusterFromSnapshot.html>
pub(super) fn restored_settings(mut settings: ClusterSettings, recorded: &ClusterSettings) -> ClusterSettings {
    settings.merge(ClusterSettings {
        engine_mode: recorded.engine_mode.clone(),
        port: recorded.port,
        allocated_storage: recorded.allocated_storage,
        storage_type: recorded.storage_type.clone(),
        iops: recorded.iops,
        storage_encrypted: recorded.storage_encrypted,
        kms_key_id: recorded.kms_key_id.clone(),
        master_username: recorded.master_username.clone(),
        database_name: recorded.database_name.clone(),
        character_set: recorded.character_set.clone(),
        backup_retention_period: recorded.backup_retention_period,
        backup_window: recorded.backup_window.clone(),
        vpc_networking: recorded.vpc_networking,
        ..ClusterSettings::default()
    });
    settings
}

pub(super) fn modify(state: &mut State, mut params: Params) -> ApiResult<Content> {
    let identifier = params.require("DBClusterIdentifier")?;
    let key = state.existing_cluster(&identifier)?;
    let mut change = ClusterSettings::from_request(&mut params, Verb::Modify)?;
    change.log_exports = change_log_exports(&mut params, state.clusters[&key].settings.log_exports.as_ref())?;
    let new_name = params
        .take("NewDBClusterIdentifier")
        .map(|name| names::identifier("NewDBClusterIdentifier", &name))
        .transpose()?;
    let apply_immediately = params.get("ApplyImmediately")?.unwrap_or(false);
    let allow_major: bool = params.get("AllowMajorVersionUpgrade")?.unwrap_or(false);
    let credentials = Credentials::take(&mut params, Verb::Modify)?;
    params.finish("ModifyDBCluster")?;

    let cluster = &state.clusters[&key];
    check_kind(&cluster.engine, &change)?;
    if change.http_endpoint.is_some() && cluster.settings.engine_mode.as_deref() != Some("serverless") {
        let message = "EnableHttpEndpoint applies to Serverless v1. Use the action EnableHttpEndpoint.";
        return Err(ApiError::combination(message));
    }
    if change.port.is_some() && !cluster.is_aurora() {
        return Err(ApiError::combination("The port of a Multi-AZ DB cluster cannot be modified."));
    }
    if let Some(name) = &new_name {
        state.free_cluster_name(name)?;
        if cluster.ram_shared {
            let message = format!("DB Cluster {identifier} is shared through AWS RAM and cannot be renamed.");
            return Err(ApiError::cluster_state(message));
        }
    }
    state.check_certificate(change.ca_certificate.as_ref())?;
    state.check_security_groups(change.vpc_security_groups.as_ref(), cluster.settings.subnet_group.as_deref())?;
    state.check_cluster_groups(&change)?;
    let managed = cluster.secret.is_some();
    credentials.check_change(managed)?;
    let asked = change.clone();
    let change = change.without_what_is_already_so(&cluster.settings);
    state.check_version(&cluster.engine, change.engine_version.as_ref())?;
    let group = cluster.settings.subnet_group.as_deref();
    state.check_orderable((cluster.engine.as_str(), None), change.class.as_ref(), &state.covered_zones(group))?;
    if change.iops.is_some() || change.storage_type.is_some() || change.allocated_storage.is_some() {
        let mut result = cluster.settings.clone();
        result.merge(change.clone());
        Figures::of_cluster(&cluster.engine, &change, &result).check()?;
    }
    check_upgrade(
        &cluster.engine,
        cluster.settings.engine_version.as_ref(),
        change.engine_version.as_ref(),
        allow_major,
    )?;
    let more = new_name.is_some() || credentials.changes(managed);
    if !takes_changes(state, &cluster.life, more, change.clone().takes_effect_now()) {
        let message = format!("DB Cluster {} is not in available state.", cluster.life.identifier);
        return Err(ApiError::cluster_state(message));
    }
    if let Some(cluster) = state.clusters.get_mut(&key) {
        cluster.pending.cancel(&asked, &cluster.settings);
    }
    Modification { change, new_name, credentials, apply_immediately }.apply(state, key);
    Ok(show_cluster(state, key))
}

/// A checked request to modify a cluster.
struct Modification {
    change: ClusterSettings,
    new_name: Option<String>,
    credentials: Credentials,
    apply_immediately: bool,
}

impl Modification {
    fn apply(mut self, state: &mut State, key: Key) {
        let timings = state.timings.clone();
        let Some(managed) = state.clusters.get(&key).map(|cluster| cluster.secret.is_some()) else { return };
        let resets_credentials = self.credentials.changes(managed);
        if self.credentials.manage == Some(true) && !managed {
            let secret = state.fresh_secret("cluster", self.credentials.kms_key_id.take());
            if let Some(cluster) = state.clusters.get_mut(&key) {
                cluster.secret = Some(secret);
            }
        }
        let falsely = state.rng.f64() < timings.false_available_probability;
        let Some(cluster) = state.clusters.get_mut(&key) else { return };
        if self.credentials.manage == Some(false) {
            cluster.secret = None;
        }
        let at_once = self.change.split_off(Effect::Now);
        let new_parameters = at_once.parameter_group.is_some();
        cluster.settings.merge(at_once);
        let configure = self.change.split_off(Effect::Configure);
        cluster.pending.merge(self.change);
        cluster.pending_password |= self.credentials.password.is_some();
        if self.new_name.is_some() {
            cluster.pending_identifier = self.new_name;
        }
        let mut statuses = Vec::new();
        if !configure.is_empty() {
            statuses.push(("modifying", timings.configuring));
        }
        cluster.applying.merge(configure);
        if self.apply_immediately {
            let pending = std::mem::take(&mut cluster.pending);
            if !pending.is_empty() {
                cluster.applying.merge(pending);
                statuses.push(("modifying", timings.modifying));
            }
        }
        if resets_credentials {
            statuses.push(("resetting-master-credentials", timings.resetting_master_credentials));
        }
        let rename = self.apply_immediately && cluster.pending_identifier.is_some();
        if new_parameters {
            for member in cluster.members.clone() {
                if let Some(instance) = state.instances.get_mut(&member) {
                    instance.cluster_parameter_status = ApplyStatus::PendingReboot;
                }
            }
        }
        let Some(cluster) = state.clusters.get_mut(&key) else { return };
        if rename {
            cluster.life.renaming_to.clone_from(&cluster.pending_identifier);
            state.start(Target::Cluster(key), rename_steps(&timings, falsely));
        } else if !statuses.is_empty() {
            state.start(Target::Cluster(key), modification_steps(statuses, timings.modify_lingering));
        }
    }
}

/// The steps of an instance's rename without the reboot: a cluster does not reboot.
fn rename_steps(timings: &Timings, falsely_available: bool) -> Vec<(f64, Step)> {
    let mut steps =
        vec![(0.0, Step::Linger), (timings.rename_lingering, Step::Vanish), (timings.rename_nameless, Step::TakeName)];
    if falsely_available {
        steps.push((timings.renaming, Step::FalseAvailable));
        steps.push((timings.rename_false_available, Step::Show("renaming".into())));
    }
    steps.push((timings.renaming, Step::Available));
    steps
}

/// Only a Multi-AZ DB cluster reboots as a whole; members of an Aurora cluster reboot one by one.
pub(super) fn reboot(state: &mut State, mut params: Params) -> ApiResult<Content> {
    let identifier = params.require("DBClusterIdentifier")?;
    params.finish("RebootDBCluster")?;
    let key = state.existing_cluster(&identifier)?;
    let cluster = &state.clusters[&key];
    if cluster.is_aurora() {
        return Err(ApiError::cluster_state(format!("DB Cluster {identifier} is not a Multi-AZ DB cluster.")));
    }
    if !cluster.life.is_idle() {
        return Err(ApiError::cluster_state(format!("DB Cluster {identifier} is not in available state.")));
    }
    let seconds = state.timings.rebooting;
    state.start(Target::Cluster(key), vec![(0.0, Step::Show("rebooting".into())), (seconds, Step::Available)]);
    Ok(show_cluster(state, key))
}

/// Makes another member the writer. Sessions are lost, and the cluster takes no connections meanwhile.
/// <https://docs.aws.amazon.com/AmazonRDS/latest/APIReference/API_FailoverDBCluster.html>
pub(super) fn fail_over(state: &mut State, mut params: Params) -> ApiResult<Content> {
    let identifier = params.require("DBClusterIdentifier")?;
    let target = params.take("TargetDBInstanceIdentifier");
    params.finish("FailoverDBCluster")?;
    let key = state.existing_cluster(&identifier)?;
    let cluster = &state.clusters[&key];
    if !cluster.life.is_idle() {
        return Err(ApiError::cluster_state(format!("DB Cluster {identifier} is not in available state.")));
    }
    if target.is_some() && cluster.engine == "mysql" {
        return Err(ApiError::combination("A Multi-AZ DB cluster of MySQL takes no TargetDBInstanceIdentifier."));
    }
    let is_ready = |member: &Key| state.instances.get(member).is_some_and(|instance| instance.life.is_idle());
    let mut readers = cluster.members.iter().filter(|member| cluster.writer != Some(**member));
    let successor = match target {
        Some(name) => Some(check_successor(state, cluster, &name)?),
        None if readers.any(is_ready) => None,
        None => {
            let message = format!("DB Cluster {identifier} has no reader that is available to fail over to.");
            return Err(ApiError::cluster_state(message));
        }
    };
    let seconds = state.timings.failover;
    let steps =
        vec![(0.0, Step::Show("failing-over".into())), (seconds, Step::FailOver(successor)), (0.0, Step::Available)];
    state.start(Target::Cluster(key), steps);
    Ok(show_cluster(state, key))
}

/// The new writer that a request names: an available reader of the cluster.
fn check_successor(state: &State, cluster: &Cluster, name: &str) -> ApiResult<Key> {
    let member = state.instance_named(name).filter(|key| cluster.members.contains(key));
    let member = member.ok_or_else(|| {
        ApiError::value(format!("{name} is not a member of the DB cluster {}.", cluster.life.identifier))
    })?;
    let is_ready = state.instances.get(&member).is_some_and(|instance| instance.life.is_idle());
    if cluster.writer == Some(member) || !is_ready {
        return Err(ApiError::instance_state(format!("{name} is not a reader in available state.")));
    }
    Ok(member)
}

pub(super) fn enable_http_endpoint(state: &mut State, params: Params) -> ApiResult<Content> {
    set_http_endpoint(state, params, true)
}

pub(super) fn disable_http_endpoint(state: &mut State, params: Params) -> ApiResult<Content> {
    set_http_endpoint(state, params, false)
}

/// Switches the Data API of an Aurora cluster on or off. `ModifyDBCluster` does this for Serverless v1 only.
fn set_http_endpoint(state: &mut State, mut params: Params, enabled: bool) -> ApiResult<Content> {
    let arn = params.require("ResourceArn")?;
    params.finish(if enabled { "EnableHttpEndpoint" } else { "DisableHttpEndpoint" })?;
    let found = arn.rsplit_once(":cluster:").and_then(|(_, name)| state.cluster_named(name));
    let not_found = || ApiError { status: 404, ..ApiError::new("ResourceNotFoundFault", format!("{arn} not found.")) };
    let cluster = found.and_then(|key| state.clusters.get_mut(&key)).filter(|cluster| cluster.is_aurora());
    let cluster = cluster.ok_or_else(not_found)?;
    if !cluster.life.is_idle() {
        let message = format!("DB Cluster {} is not in available state.", cluster.life.identifier);
        return Err(ApiError::new("InvalidResourceStateFault", message));
    }
    cluster.settings.http_endpoint = Some(enabled);
    let mut xml = Xml::with_capacity(256);
    xml.text("ResourceArn", &arn);
    xml.plain("HttpEndpointEnabled", enabled);
    Ok(Content::Result(xml.into_string()))
}

pub(super) fn stop(state: &mut State, mut params: Params) -> ApiResult<Content> {
    let identifier = params.require("DBClusterIdentifier")?;
    params.finish("StopDBCluster")?;
    let key = state.existing_cluster(&identifier)?;
    let cluster = &state.clusters[&key];
    if !cluster.is_aurora() {
        return Err(ApiError::cluster_state(format!(
            "DB Cluster {identifier} is a Multi-AZ DB cluster and cannot be stopped."
        )));
    }
    refuse_replicated(state, cluster)?;
    if !cluster.life.is_idle() {
        return Err(ApiError::cluster_state(format!("DB Cluster {identifier} is not in available state.")));
    }
    let idle = |member: &Key| state.instances.get(member).is_none_or(|instance| instance.life.is_idle());
    if !cluster.members.iter().all(idle) {
        return Err(ApiError::instance_state(format!("Not every member of {identifier} is in available state.")));
    }
    let seconds = state.timings.stop;
    let steps = || vec![(0.0, Step::Show("stopping".into())), (seconds, Step::End("stopped".into()))];
    let members = cluster.members.clone();
    state.start(Target::Cluster(key), steps());
    for member in members {
        state.start(Target::Instance(member), steps());
    }
    Ok(show_cluster(state, key))
}

/// A cluster of a global database, and one that replicates or is replicated, cannot be stopped.
/// <https://docs.aws.amazon.com/AmazonRDS/latest/AuroraUserGuide/aurora-cluster-stop-start.html>
fn refuse_replicated(state: &State, cluster: &Cluster) -> ApiResult<()> {
    let arn = state.truth().cluster_arn(cluster);
    let is_source = state.clusters.values().any(|other| other.replication_source.as_ref() == Some(&arn));
    if cluster.member_of_global.is_none() && cluster.replication_source.is_none() && !is_source {
        return Ok(());
    }
    let name = &cluster.life.identifier;
    Err(ApiError::cluster_state(format!("DB Cluster {name} is replicated and cannot be stopped.")))
}

pub(super) fn start(state: &mut State, mut params: Params) -> ApiResult<Content> {
    let identifier = params.require("DBClusterIdentifier")?;
    params.finish("StartDBCluster")?;
    let key = state.existing_cluster(&identifier)?;
    let cluster = &state.clusters[&key];
    if cluster.life.status != "stopped" {
        return Err(ApiError::cluster_state(format!("DB Cluster {identifier} is not stopped.")));
    }
    for member in cluster.members.iter().filter_map(|key| state.instances.get(key)) {
        state.check_capacity_to_start(&member.life.identifier)?;
    }
    state.restart(Target::Cluster(key));
    Ok(show_cluster(state, key))
}

pub(super) fn delete(state: &mut State, mut params: Params) -> ApiResult<Content> {
    let identifier = params.require("DBClusterIdentifier")?;
    let deletion = Deletion::take(&mut params)?;
    params.finish("DeleteDBCluster")?;
    let key = state.existing_cluster(&identifier)?;
    let cluster = &state.clusters[&key];
    if cluster.settings.deletion_protection == Some(true) {
        return Err(ApiError::combination(
            "Cannot delete protected Cluster, please disable deletion protection and try again.",
        ));
    }
    check_deletable(state, cluster)?;
    let final_snapshot = deletion.final_snapshot()?;
    if final_snapshot.is_some() && !takes_final_snapshot(state, &cluster.life) {
        let message = format!("A final snapshot cannot be taken of a DB cluster in status {}.", cluster.life.status);
        return Err(ApiError::cluster_state(message));
    }
    let keeps_backups = !deletion.delete_automated_backups;
    if keeps_backups && state.retained_cluster_backups.len() >= state.limits.retained_backups {
        let message = "The number of retained automated cluster backups is at the quota of the region.";
        return Err(ApiError::new("DBClusterAutomatedBackupQuotaExceededFault", message));
    }
    let mut snapshot_seconds = 0.0;
    if let Some(name) = final_snapshot {
        let name = names::identifier("FinalDBSnapshotIdentifier", name)?;
        snapshot_seconds = state.take_final_cluster_snapshot(key, name)?;
    }
    if let Some(cluster) = state.clusters.get_mut(&key) {
        cluster.keep_backups = keeps_backups;
    }
    let seconds = snapshot_seconds + state.timings.delete_cluster;
    state.start(Target::Cluster(key), vec![(0.0, Step::Show("deleting".into())), (seconds, Step::Gone)]);
    Ok(show_cluster(state, key))
}

fn check_deletable(state: &State, cluster: &Cluster) -> ApiResult<()> {
    let life = &cluster.life;
    let identifier = &life.identifier;
    if let Some(global) = &cluster.member_of_global {
        return Err(ApiError::cluster_state(format!(
            "DB Cluster {identifier} is part of the global cluster {global}. Remove it there first."
        )));
    }
    let active = |member: &Key| state.instances.get(member).is_some_and(|instance| instance.life.status != "deleting");
    if cluster.is_aurora() && cluster.members.iter().any(active) {
        return Err(ApiError::cluster_state(
            "Cluster cannot be deleted, it still contains DB instances in non-deleting state.",
        ));
    }
    match life.status.as_ref() {
        "deleting" => Err(ApiError::cluster_state(format!("DB Cluster {identifier} is already being deleted."))),
        "creating" | "migrating" if !state.unverified.delete_while_creating => {
            Err(ApiError::cluster_state(format!("DB Cluster {identifier} is being created and cannot be deleted yet.")))
        }
        "renaming" => Err(ApiError::cluster_state(format!("DB Cluster {identifier} is being renamed."))),
        "stopping" | "stopped" if cluster.is_aurora() => {
            Err(ApiError::cluster_state(format!("DB Cluster {identifier} is stopped. Start it first.")))
        }
        _ if life.renaming_to.is_some() => {
            Err(ApiError::cluster_state(format!("DB Cluster {identifier} is being renamed.")))
        }
        _ => Ok(()),
    }
}
