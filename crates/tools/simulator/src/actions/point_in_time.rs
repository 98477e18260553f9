//! Restores to a point in time, of instances and of clusters, also of deleted ones. Clones of Aurora clusters.
//!
//! Owns the choice of the source and of the moment. The settings of the new database are the business of `instances.rs` and
//! `clusters.rs`, as in a restore from a snapshot.

use jiff::Timestamp;

use super::clusters::{self, copying_steps};
use super::instances;
use super::{Content, show_cluster, show_instance};
use crate::backups::Window;
use crate::engines;
use crate::error::{ApiError, ApiResult};
use crate::query::{Params, Tags};
use crate::resources::{CloneGroup, Cluster, Instance, Key, Life, is_aurora};
use crate::settings::{ClusterSettings, InstanceSettings, Verb};
use crate::state::{State, Step};

/// Statuses in which a database is no source: it has no usable backup yet, or its backups are about to go.
const NO_SOURCE: &[&str] = &[
    "creating",
    "migrating",
    "deleting",
    "renaming",
    "inaccessible-encryption-credentials",
    "inaccessible-encryption-credentials-recoverable",
];

/// The moment to restore to.
#[derive(Clone, Copy)]
enum Moment {
    /// Unix milliseconds.
    At(i64),
    Latest,
}

impl Moment {
    fn take(params: &mut Params, parameter: &str) -> ApiResult<Self> {
        let time: Option<Timestamp> = params.get(parameter)?;
        match (time, params.get("UseLatestRestorableTime")?.unwrap_or(false)) {
            (Some(_), true) => Err(ApiError::combination(format!(
                "{parameter} and UseLatestRestorableTime can't be specified together."
            ))),
            (None, false) => {
                Err(ApiError::combination(format!("Specify either {parameter} or UseLatestRestorableTime.")))
            }
            (Some(time), false) => Ok(Self::At(time.as_millisecond())),
            (None, true) => Ok(Self::Latest),
        }
    }

    /// Refuses a moment outside of the window.
    fn check(self, window: Option<Window>, days: u32, words: &str) -> ApiResult<()> {
        let Some(window) = window else {
            return Err(ApiError::new("InvalidRestoreFault", format!("The {words} has no automated backup.")));
        };
        let shown = |millis| Timestamp::from_millisecond(millis).map(|time| time.to_string()).unwrap_or_default();
        match self {
            Self::At(time) if time < window.earliest => Err(ApiError::value(format!(
                "The specified {words} cannot be restored to a time earlier than {} because its backup retention period is set to {days} days.",
                shown(window.earliest)
            ))),
            Self::At(time) if time > window.latest => Err(ApiError::value(format!(
                "The specified {words} cannot be restored to a time later than {}.",
                shown(window.latest)
            ))),
            _ => Ok(()),
        }
    }
}

/// The single source that a request names. Refuses none, and more than one.
fn only<'a>(given: &[(&'a str, Option<String>)]) -> ApiResult<(&'a str, String)> {
    let mut sources = given.iter().filter_map(|(name, value)| Some((*name, value.clone()?)));
    if let (Some(one), None) = (sources.next(), sources.next()) {
        return Ok(one);
    }
    let parameters: Vec<&str> = given.iter().map(|(name, _)| *name).collect();
    Err(ApiError::combination(format!("Specify exactly one of {}.", parameters.join(", "))))
}

fn is_source(life: &Life) -> bool {
    !NO_SOURCE.contains(&life.status.as_ref()) && life.renaming_to.is_none()
}

/// The automated backups of a database, whether or not it still exists.
struct Backups<S> {
    engine: String,
    settings: S,
    tags: Tags,
    window: Option<Window>,
    days: u32,
}

impl State {
    fn backups_of_live_instance(&self, instance: &Instance) -> ApiResult<Backups<InstanceSettings>> {
        let name = &instance.life.identifier;
        if instance.cluster.is_some() {
            return Err(ApiError::combination(format!(
                "{name} is a member of a DB cluster. Use RestoreDBClusterToPointInTime."
            )));
        }
        let days = instance.settings.backup_retention_period.unwrap_or(0);
        if days == 0 {
            let message = format!("Point in time restore is not enabled for the DB instance {name}.");
            return Err(ApiError::new("PointInTimeRestoreNotEnabled", message));
        }
        if !is_source(&instance.life) {
            let message = format!("Instance {name} is in status {} and cannot be restored.", instance.life.status);
            return Err(ApiError::instance_state(message));
        }
        Ok(Backups {
            engine: instance.engine.clone(),
            settings: instance.settings.clone(),
            tags: instance.tags.truth().clone(),
            window: self.instance_window(instance),
            days,
        })
    }

    fn instance_backups(&self, parameter: &str, value: &str) -> ApiResult<Backups<InstanceSettings>> {
        if parameter == "SourceDBInstanceIdentifier" {
            let key = self.instance_named(value).ok_or_else(|| ApiError::instance_not_found(value))?;
            return self.backups_of_live_instance(&self.instances[&key]);
        }
        let not_found =
            || ApiError::new("DBInstanceAutomatedBackupNotFound", format!("Automated backups of {value} not found."));
        // No world has backups that were replicated from another region, and an ARN names only those.
        if parameter != "SourceDbiResourceId" {
            return Err(not_found());
        }
        if let Some(instance) = self.instances.values().find(|instance| instance.resource_id == value) {
            return self.backups_of_live_instance(instance);
        }
        let retained = self.retained_backups.iter().find(|backup| backup.resource_id == value).ok_or_else(not_found)?;
        Ok(Backups {
            engine: retained.engine.clone(),
            settings: retained.settings.clone(),
            tags: retained.tags.clone(),
            window: retained.window(self.wall_clock()),
            days: retained.retention_days,
        })
    }

    /// The live cluster that a request names, or none if only its backups exist.
    fn source_cluster(&self, parameter: &str, value: &str) -> ApiResult<Option<Key>> {
        if parameter == "SourceDBClusterIdentifier" {
            return self.existing_cluster(value).map(Some);
        }
        Ok(self.clusters.iter().find(|(_, cluster)| cluster.resource_id == value).map(|(key, _)| *key))
    }

    fn cluster_backups(&self, live: Option<Key>, value: &str) -> ApiResult<Backups<ClusterSettings>> {
        if let Some(cluster) = live.and_then(|key| self.clusters.get(&key)) {
            if !is_source(&cluster.life) {
                let (name, status) = (&cluster.life.identifier, &cluster.life.status);
                let message = format!("DB Cluster {name} is in status {status} and cannot be restored.");
                return Err(ApiError::cluster_state(message));
            }
            return Ok(Backups {
                engine: cluster.engine.clone(),
                settings: cluster.settings.clone(),
                tags: cluster.tags.truth().clone(),
                window: self.cluster_window(cluster),
                days: cluster.settings.backup_retention_period.unwrap_or(1),
            });
        }
        let retained = self.retained_cluster_backups.iter().find(|backup| backup.resource_id == value);
        let retained = retained.ok_or_else(|| {
            ApiError::new("DBClusterAutomatedBackupNotFoundFault", format!("Automated backups of {value} not found."))
        })?;
        Ok(Backups {
            engine: retained.engine.clone(),
            settings: retained.settings.clone(),
            tags: retained.tags.clone(),
            window: retained.window(self.wall_clock()),
            days: retained.retention_days,
        })
    }
}

pub(super) fn restore_instance(state: &mut State, mut params: Params) -> ApiResult<Content> {
    let sources = ["SourceDBInstanceIdentifier", "SourceDbiResourceId", "SourceDBInstanceAutomatedBackupsArn"];
    let given = sources.map(|parameter| (parameter, params.take(parameter)));
    let moment = Moment::take(&mut params, "RestoreTime")?;
    let restoring = instances::Restoring::take(&mut params, "TargetDBInstanceIdentifier", Verb::PointInTime)?;
    params.finish("RestoreDBInstanceToPointInTime")?;
    let (parameter, value) = only(&given)?;
    let Backups { engine, settings, tags, window, days } = state.instance_backups(parameter, &value)?;
    moment.check(window, days, "instance")?;
    let words = format!("The DB instance {value}");
    let key = restoring.perform(state, instances::Backup { words, engine, settings, tags })?;
    Ok(show_instance(state, key))
}

pub(super) fn restore_cluster(state: &mut State, mut params: Params) -> ApiResult<Content> {
    let sources = ["SourceDBClusterIdentifier", "SourceDbClusterResourceId"];
    let given = sources.map(|parameter| (parameter, params.take(parameter)));
    let is_clone = match params.take("RestoreType").as_deref() {
        None | Some("full-copy") => false,
        Some("copy-on-write") => true,
        Some(other) => return Err(ApiError::value(format!("Invalid RestoreType: {other}"))),
    };
    let moment = Moment::take(&mut params, "RestoreToTime")?;
    let restoring = clusters::Restoring::take(&mut params, Verb::PointInTime)?;
    params.finish("RestoreDBClusterToPointInTime")?;
    let (parameter, value) = only(&given)?;
    let source = state.source_cluster(parameter, &value)?;
    let backups = state.cluster_backups(source, &value)?;
    if restoring.asked.kms_key_id.is_some() && backups.settings.storage_encrypted != Some(true) {
        return Err(ApiError::combination("An unencrypted DB cluster cannot be encrypted by restoring it."));
    }
    let engine = backups.engine.as_str();
    let mut base = engines::cluster_defaults(engine, backups.settings.engine_version.as_deref());
    let default_port = base.port;
    base = clusters::restored_settings(base, &backups.settings);
    base.port = default_port;
    if is_clone {
        let key = clone(state, (source, moment), restoring, &backups, base)?;
        return Ok(show_cluster(state, key));
    }
    moment.check(backups.window, backups.days, "cluster")?;
    let steps = copying_steps(state.timings.restore_cluster, &state.timings);
    let key = restoring.perform(state, engine, &backups.settings, base, &steps)?;
    Ok(show_cluster(state, key))
}

/// Makes a clone, or a full copy if the clone group is full.
/// <https://docs.aws.amazon.com/AmazonRDS/latest/AuroraUserGuide/Aurora.Managing.Clone.html>
fn clone(
    state: &mut State,
    (source, moment): (Option<Key>, Moment),
    restoring: clusters::Restoring,
    backups: &Backups<ClusterSettings>,
    base: ClusterSettings,
) -> ApiResult<Key> {
    let engine = backups.engine.as_str();
    if !is_aurora(engine) {
        return Err(ApiError::combination("The restore type copy-on-write is for Aurora only."));
    }
    if matches!(moment, Moment::At(_)) {
        return Err(ApiError::combination("RestoreToTime can't be specified with the restore type copy-on-write."));
    }
    let original = source.and_then(|key| state.clusters.get(&key));
    let original = original.ok_or_else(|| {
        ApiError::new("InvalidRestoreFault", "A deleted DB cluster cannot be cloned. Use the restore type full-copy.")
    })?;
    check_original(original)?;
    let group = original.clone_group.as_ref().map(|group| group.id.clone());
    let group = group.unwrap_or_else(|| state.fresh_uuid());
    let is_clone =
        |cluster: &&Cluster| cluster.clone_group.as_ref().is_some_and(|found| found.id == group && !found.is_original);
    let is_full = state.clusters.values().filter(is_clone).count() >= state.limits.clones;
    let steps = if is_full {
        copying_steps(state.timings.restore_cluster, &state.timings)
    } else {
        vec![(0.0, Step::Show("creating".into())), (state.timings.clone_cluster, Step::Available)]
    };
    let key = restoring.perform(state, engine, &backups.settings, base, &steps)?;
    if !is_full {
        let member = |is_original| CloneGroup { id: group.clone(), is_original };
        if let Some(cluster) = source.and_then(|key| state.clusters.get_mut(&key)) {
            cluster.clone_group.get_or_insert_with(|| member(true));
        }
        if let Some(cluster) = state.clusters.get_mut(&key) {
            cluster.clone_group = Some(member(false));
        }
    }
    Ok(key)
}

fn check_original(original: &Cluster) -> ApiResult<()> {
    let name = &original.life.identifier;
    if !original.life.is_idle() {
        return Err(ApiError::cluster_state(format!("DB Cluster {name} is not in available state.")));
    }
    if original.members.is_empty() {
        return Err(ApiError::cluster_state(format!("DB Cluster {name} has no DB instance and cannot be cloned.")));
    }
    Ok(())
}
