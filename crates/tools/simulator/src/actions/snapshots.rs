//! Snapshots of instances and of clusters: take, delete. `copies.rs` copies them.

use std::collections::BTreeMap;

use super::{Content, one};
use crate::engines;
use crate::error::{ApiError, ApiResult};
use crate::lag::Tagged;
use crate::names;
use crate::query::{Params, Tags};
use crate::render::Shown;
use crate::resources::{AVAILABLE, Key, Life, Progress, Snapshot};
use crate::settings::InstanceSettings;
use crate::state::{State, Step, Target};
use crate::tags;

pub(super) fn show(state: &State, key: Key) -> Content {
    one("DBSnapshot", |xml| {
        if let Some(snapshot) = state.snapshots.get(&key) {
            state.truth().snapshot(xml, snapshot, &Shown::own(state, snapshot, "snapshot"));
        }
    })
}

pub(super) fn show_of_cluster(state: &State, key: Key) -> Content {
    one("DBClusterSnapshot", |xml| {
        if let Some(snapshot) = state.cluster_snapshots.get(&key) {
            state.truth().cluster_snapshot(xml, snapshot, &Shown::own(state, snapshot, "cluster-snapshot"));
        }
    })
}

pub(super) fn check_quota<S>(all: &BTreeMap<Key, Snapshot<S>>, limit: usize) -> ApiResult<()> {
    if all.values().filter(|snapshot| snapshot.kind == "manual").count() >= limit {
        return Err(ApiError::new("SnapshotQuotaExceeded", "Cannot create more than the quota of manual snapshots."));
    }
    Ok(())
}

/// The tags of a new snapshot: the given tags, or the source's if it copies tags to snapshots.
pub(super) fn tags_for(given: Option<Tags>, copy_from_source: bool, source: &Tags) -> ApiResult<Tags> {
    match given.filter(|tags| !tags.is_empty()) {
        Some(given) => tags::checked(Some(given)),
        None if copy_from_source => Ok(tags::without_reserved(source)),
        None => Ok(Tags::new()),
    }
}

impl State {
    pub(super) fn free_snapshot_name(&self, name: &str) -> ApiResult<()> {
        match self.snapshot_named(name) {
            Some(_) => Err(ApiError::snapshot_exists(name)),
            None => Ok(()),
        }
    }

    pub(super) fn free_cluster_snapshot_name(&self, name: &str) -> ApiResult<()> {
        match self.cluster_snapshot_named(name) {
            Some(_) => Err(ApiError::cluster_snapshot_exists(name)),
            None => Ok(()),
        }
    }

    /// Records an instance as it is. The snapshot is `creating` at first.
    fn add_snapshot(&mut self, source: Key, name: String, tags: Tagged) -> Option<Key> {
        let instance = self.instances.get(&source)?;
        let created = self.wall_clock();
        let snapshot = Snapshot {
            life: Life::new(name, "creating"),
            source: instance.life.identifier.clone(),
            source_resource_id: instance.resource_id.clone(),
            source_created: instance.created.unwrap_or(created),
            engine: instance.engine.clone(),
            kind: "manual".to_owned(),
            settings: instance.settings.clone(),
            tags,
            source_tags: instance.tags.truth().clone(),
            created,
            original_created: created,
            copy_of: None,
            copying_from: None,
            from_region: None,
            progress: Some(Progress::new(created, 0.0, self.timings.snapshot)),
            tde: false,
            upgrading_to: None,
        };
        let key = self.fresh_key();
        self.snapshots.insert(key, snapshot);
        Some(key)
    }

    fn add_cluster_snapshot(&mut self, source: Key, name: String, tags: Tagged) -> Option<Key> {
        let cluster = self.clusters.get(&source)?;
        let created = self.wall_clock();
        let snapshot = Snapshot {
            life: Life::new(name, "creating"),
            source: cluster.life.identifier.clone(),
            source_resource_id: cluster.resource_id.clone(),
            source_created: cluster.created,
            engine: cluster.engine.clone(),
            kind: "manual".to_owned(),
            settings: cluster.settings.clone(),
            tags,
            source_tags: cluster.tags.truth().clone(),
            created,
            original_created: created,
            copy_of: None,
            copying_from: None,
            from_region: None,
            progress: Some(Progress::new(created, 0.0, self.timings.snapshot)),
            tde: false,
            upgrading_to: None,
        };
        let key = self.fresh_key();
        self.cluster_snapshots.insert(key, snapshot);
        Some(key)
    }

    /// Takes the final snapshot of an instance. Returns the seconds by which it may delay the deletion.
    pub(super) fn take_final_snapshot(&mut self, source: Key, name: String) -> ApiResult<f64> {
        self.free_snapshot_name(&name)?;
        check_quota(&self.snapshots, self.limits.manual_snapshots)?;
        let copies_tags =
            self.instances.get(&source).filter(|source| source.settings.copy_tags_to_snapshot == Some(true));
        let tags = copies_tags.map(|source| tags::without_reserved(source.tags.truth())).unwrap_or_default();
        let tags = self.new_tags(tags);
        let seconds = self.timings.snapshot;
        // The spoiler, if any, is for the deletion that this snapshot belongs to.
        let spoiler = std::mem::take(&mut self.spoiler);
        if let Some(key) = self.add_snapshot(source, name, tags) {
            self.start(Target::Snapshot(key), vec![(seconds, Step::Available)]);
        }
        self.spoiler = spoiler;
        Ok(seconds * (1.0 + self.timings.jitter))
    }

    pub(super) fn take_final_cluster_snapshot(&mut self, source: Key, name: String) -> ApiResult<f64> {
        self.free_cluster_snapshot_name(&name)?;
        check_quota(&self.cluster_snapshots, self.limits.manual_cluster_snapshots)?;
        let copies_tags =
            self.clusters.get(&source).filter(|source| source.settings.copy_tags_to_snapshot == Some(true));
        let tags = copies_tags.map(|source| tags::without_reserved(source.tags.truth())).unwrap_or_default();
        let tags = self.new_tags(tags);
        let seconds = self.timings.snapshot;
        let spoiler = std::mem::take(&mut self.spoiler);
        if let Some(key) = self.add_cluster_snapshot(source, name, tags) {
            self.start(Target::ClusterSnapshot(key), vec![(seconds, Step::Available)]);
        }
        self.spoiler = spoiler;
        Ok(seconds * (1.0 + self.timings.jitter))
    }
}

pub(super) fn create(state: &mut State, mut params: Params) -> ApiResult<Content> {
    let name = names::snapshot_identifier("DBSnapshotIdentifier", &params.require("DBSnapshotIdentifier")?)?;
    let source = params.require("DBInstanceIdentifier")?;
    let tags = params.tags()?;
    params.finish("CreateDBSnapshot")?;
    let source_key = state.instance_named(&source).ok_or_else(|| ApiError::instance_not_found(&source))?;
    let instance = &state.instances[&source_key];
    if instance.cluster.is_some() {
        return Err(ApiError::value(format!(
            "{source} is a member of a DB cluster. Take a DB cluster snapshot instead."
        )));
    }
    state.free_snapshot_name(&name)?;
    if !instance.life.takes_snapshot() {
        let message = format!(
            "Cannot create a snapshot because the database instance {source} is not currently in the available state."
        );
        return Err(ApiError::instance_state(message));
    }
    check_quota(&state.snapshots, state.limits.manual_snapshots)?;
    let tags = tags_for(tags, instance.settings.copy_tags_to_snapshot == Some(true), instance.tags.truth())?;
    let tags = state.new_tags(tags);
    let Some(key) = state.add_snapshot(source_key, name, tags) else {
        return Err(ApiError::instance_not_found(&source));
    };
    let seconds = state.timings.snapshot;
    state.start(Target::Snapshot(key), vec![(seconds, Step::Available)]);
    state.start(Target::Instance(source_key), vec![(0.0, Step::Show("backing-up".into())), (seconds, Step::Available)]);
    Ok(show(state, key))
}

pub(super) fn create_of_cluster(state: &mut State, mut params: Params) -> ApiResult<Content> {
    let name = names::identifier("DBClusterSnapshotIdentifier", &params.require("DBClusterSnapshotIdentifier")?)?;
    let source = params.require("DBClusterIdentifier")?;
    let tags = params.tags()?;
    params.finish("CreateDBClusterSnapshot")?;
    let source_key = state.cluster_named(&source).ok_or_else(|| ApiError::cluster_not_found(&source))?;
    let cluster = &state.clusters[&source_key];
    state.free_cluster_snapshot_name(&name)?;
    if !cluster.life.takes_snapshot() {
        let message = format!(
            "Cannot create a snapshot because the DB cluster {source} is not currently in the available state."
        );
        return Err(ApiError::cluster_state(message));
    }
    check_quota(&state.cluster_snapshots, state.limits.manual_cluster_snapshots)?;
    let tags = tags_for(tags, cluster.settings.copy_tags_to_snapshot == Some(true), cluster.tags.truth())?;
    let tags = state.new_tags(tags);
    let Some(key) = state.add_cluster_snapshot(source_key, name, tags) else {
        return Err(ApiError::cluster_not_found(&source));
    };
    let seconds = state.timings.snapshot;
    state.start(Target::ClusterSnapshot(key), vec![(seconds, Step::Available)]);
    state.start(Target::Cluster(source_key), vec![(0.0, Step::Show("backing-up".into())), (seconds, Step::Available)]);
    Ok(show_of_cluster(state, key))
}

/// The engines whose snapshots RDS upgrades.
/// <https://docs.aws.amazon.com/AmazonRDS/latest/APIReference/API_ModifyDBSnapshot.html>
const UPGRADABLE: &[&str] = &["mariadb", "mysql", "oracle", "postgres"];

/// Upgrades the engine version of a manual snapshot.
pub(super) fn modify(state: &mut State, mut params: Params) -> ApiResult<Content> {
    let identifier = params.require("DBSnapshotIdentifier")?;
    let version = params.require("EngineVersion")?;
    let option_group = params.take("OptionGroupName");
    params.finish("ModifyDBSnapshot")?;
    let found = state.snapshot_named(&identifier).filter(|_| !is_arn(&identifier));
    let key = found.ok_or_else(|| ApiError::snapshot_not_found(&identifier))?;
    let snapshot = &state.snapshots[&key];
    let (engine, status, kind) = (snapshot.engine.as_str(), &snapshot.life.status, snapshot.kind.as_str());
    if *status != AVAILABLE || kind != "manual" {
        let message = format!("Cannot upgrade the snapshot {identifier} of type {kind} in status {status}.");
        return Err(ApiError::new("InvalidDBSnapshotState", message));
    }
    let family = engine.split('-').next().unwrap_or(engine);
    if !UPGRADABLE.contains(&family) {
        return Err(ApiError::combination(format!("Snapshots of the engine {engine} cannot be upgraded.")));
    }
    if option_group.is_some() && family != "oracle" {
        return Err(ApiError::combination("OptionGroupName is for the upgrade of an Oracle snapshot only."));
    }
    state.check_option_group(option_group.as_ref())?;
    state.check_version(engine, Some(&version))?;
    let present = snapshot.settings.engine_version.as_deref().unwrap_or_default();
    if !engines::is_later(&version, present) {
        return Err(ApiError::combination(format!("Cannot upgrade the snapshot from version {present} to {version}.")));
    }
    if let Some(snapshot) = state.snapshots.get_mut(&key) {
        let upgraded = InstanceSettings { engine_version: Some(version), option_group, ..InstanceSettings::default() };
        snapshot.upgrading_to = Some(upgraded);
    }
    let seconds = state.timings.upgrade_snapshot;
    state.start(Target::Snapshot(key), vec![(0.0, Step::Show("upgrading".into())), (seconds, Step::Available)]);
    Ok(show(state, key))
}

/// A deletion names its snapshot by the identifier alone.
fn is_arn(identifier: &str) -> bool {
    identifier.starts_with("arn:")
}

/// Whether a snapshot can be deleted: a manual one that is not being created. The deletion of a copy under way cancels it.
fn check_deletable<S>(snapshot: &Snapshot<S>, code: &'static str) -> ApiResult<()> {
    if snapshot.kind != "manual" {
        return Err(ApiError::new(code, format!("Snapshots of type {} cannot be deleted.", snapshot.kind)));
    }
    if !matches!(snapshot.life.status.as_ref(), "available" | "failed" | "copying") {
        let message =
            format!("Cannot delete the snapshot {} in status {}.", snapshot.life.identifier, snapshot.life.status);
        return Err(ApiError::new(code, message));
    }
    Ok(())
}

pub(super) fn delete(state: &mut State, mut params: Params) -> ApiResult<Content> {
    let identifier = params.require("DBSnapshotIdentifier")?;
    params.finish("DeleteDBSnapshot")?;
    let found = state.snapshot_named(&identifier).filter(|_| !is_arn(&identifier));
    let key = found.ok_or_else(|| ApiError::snapshot_not_found(&identifier))?;
    check_deletable(&state.snapshots[&key], "InvalidDBSnapshotState")?;
    let copies: Vec<Key> = copies_under_way(&state.snapshots, key);
    let seconds = state.timings.delete_snapshot;
    state.start(Target::Snapshot(key), vec![(0.0, Step::Show("deleting".into())), (seconds, Step::Gone)]);
    for copy in copies {
        state.start(Target::Snapshot(copy), vec![(0.0, Step::End("failed".into()))]);
    }
    Ok(show(state, key))
}

pub(super) fn delete_of_cluster(state: &mut State, mut params: Params) -> ApiResult<Content> {
    let identifier = params.require("DBClusterSnapshotIdentifier")?;
    params.finish("DeleteDBClusterSnapshot")?;
    let found = state.cluster_snapshot_named(&identifier).filter(|_| !is_arn(&identifier));
    let key = found.ok_or_else(|| ApiError::cluster_snapshot_not_found(&identifier))?;
    check_deletable(&state.cluster_snapshots[&key], "InvalidDBClusterSnapshotStateFault")?;
    let copies: Vec<Key> = copies_under_way(&state.cluster_snapshots, key);
    let seconds = state.timings.delete_snapshot;
    state.start(Target::ClusterSnapshot(key), vec![(0.0, Step::Show("deleting".into())), (seconds, Step::Gone)]);
    for copy in copies {
        state.start(Target::ClusterSnapshot(copy), vec![(0.0, Step::End("failed".into()))]);
    }
    Ok(show_of_cluster(state, key))
}

/// Copies that still read this snapshot. Its deletion cancels them.
fn copies_under_way<S>(all: &BTreeMap<Key, Snapshot<S>>, source: Key) -> Vec<Key> {
    let under_way = |snapshot: &Snapshot<S>| snapshot.copying_from == Some(source) && snapshot.life.status == "copying";
    all.iter().filter(|(_, snapshot)| under_way(snapshot)).map(|(key, _)| *key).collect()
}
