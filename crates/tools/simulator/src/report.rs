//! The present state of the world, for tests and people: the truth, not the answers of `Describe…`.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::history::{NameHistory, seconds};
use crate::origins::{Made, Served};
use crate::query::Tags;
use crate::resources::{ExportTask, Snapshot, Status};
use crate::settings::{ClusterSettings, InstanceSettings};
use crate::state::State;

/// Everything that exists at one moment.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct WorldState {
    /// Seconds since the start, on the simulator's clock.
    pub at_seconds: f64,
    /// Sorted by identifier, like all lists here.
    pub instances: Vec<InstanceState>,
    pub clusters: Vec<ClusterState>,
    pub snapshots: Vec<SnapshotState<InstanceSettings>>,
    pub cluster_snapshots: Vec<SnapshotState<ClusterSettings>>,
    pub exports: Vec<ExportState>,
    /// The times in which each name answered.
    pub names: Vec<NameHistory>,
    /// From and to, in seconds since the start: the times in which RDS worked. Any longer wait of a client is its own.
    pub working: Vec<(f64, f64)>,
    /// Databases created since the start, including deleted ones, in order.
    pub made: Vec<Made>,
    /// The names under which each database took connections, including deleted databases.
    pub served: Vec<Served>,
    /// Resource ids of deleted databases whose automated backups are kept.
    pub retained_backups: Vec<String>,
    /// Resource ids of deleted databases whose automated backups were kept and have expired since.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub expired_backups: Vec<String>,
}

impl WorldState {
    /// The seconds between two moments in which RDS worked.
    pub fn working_seconds(&self, from: f64, to: f64) -> f64 {
        let overlap = |(begin, end): &(f64, f64)| (end.min(to) - begin.max(from)).max(0.0);
        self.working.iter().map(overlap).sum()
    }

    /// The instance with this name, whether or not it answers now.
    pub fn instance(&self, identifier: &str) -> Option<&InstanceState> {
        self.instances.iter().find(|instance| instance.identifier == identifier)
    }

    /// The cluster with this name, whether or not it answers now.
    pub fn cluster(&self, identifier: &str) -> Option<&ClusterState> {
        self.clusters.iter().find(|cluster| cluster.identifier == identifier)
    }

    pub fn snapshot(&self, identifier: &str) -> Option<&SnapshotState<InstanceSettings>> {
        self.snapshots.iter().find(|snapshot| snapshot.identifier == identifier)
    }

    pub fn cluster_snapshot(&self, identifier: &str) -> Option<&SnapshotState<ClusterSettings>> {
        self.cluster_snapshots.iter().find(|snapshot| snapshot.identifier == identifier)
    }

    /// Seconds without an available database under the name, counted from the first time that one answered.
    pub fn downtime_seconds(&self, name: &str, is_cluster: bool) -> Option<f64> {
        let found = self.names.iter().find(|history| history.name == name && history.is_cluster == is_cluster);
        found.map(|history| history.downtime_seconds)
    }
}

/// A DB instance.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct InstanceState {
    pub identifier: String,
    pub resource_id: String,
    pub arn: String,
    pub engine: String,
    pub status: Status,
    /// False in the middle of a rename.
    pub answers: bool,
    /// Whether an operation is under way, independent of the status.
    pub busy: bool,
    /// The cluster it is a member of.
    pub cluster: Option<String>,
    pub is_writer: bool,
    pub replica_of: Option<String>,
    pub tags: BTreeMap<String, String>,
    pub settings: InstanceSettings,
    pub pending: InstanceSettings,
    /// ARN of the managed master secret.
    pub secret_arn: Option<String>,
}

/// A DB cluster.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ClusterState {
    pub identifier: String,
    pub resource_id: String,
    pub arn: String,
    pub engine: String,
    pub status: Status,
    pub answers: bool,
    pub busy: bool,
    /// Identifiers of the members, the writer first.
    pub members: Vec<String>,
    pub tags: BTreeMap<String, String>,
    pub settings: ClusterSettings,
    pub pending: ClusterSettings,
    pub secret_arn: Option<String>,
}

/// A snapshot of an instance or of a cluster.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct SnapshotState<S> {
    pub identifier: String,
    pub arn: String,
    /// The name of the database that the snapshot was taken of, as it was then.
    pub source: String,
    pub source_resource_id: String,
    pub engine: String,
    pub status: Status,
    #[serde(rename = "type")]
    pub kind: String,
    /// The creation time in seconds since the start; negative for a snapshot of the world file.
    pub created_seconds: f64,
    pub tags: BTreeMap<String, String>,
    pub settings: S,
}

/// An export of a snapshot to S3.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ExportState {
    pub identifier: String,
    /// The ARN of the snapshot, which may have been deleted.
    pub source: String,
    /// In lower case, as filters spell it.
    pub status: Status,
    pub bucket: String,
}

fn as_map(tags: &Tags) -> BTreeMap<String, String> {
    tags.iter().cloned().collect()
}

pub(crate) fn report(state: &State) -> WorldState {
    let mut report = WorldState {
        at_seconds: seconds(state.now),
        instances: state.instances.keys().map(|key| instance(state, *key)).collect(),
        clusters: state.clusters.keys().map(|key| cluster(state, *key)).collect(),
        snapshots: state.snapshots.values().map(|found| snapshot(state, found, "snapshot")).collect(),
        cluster_snapshots: state
            .cluster_snapshots
            .values()
            .map(|found| snapshot(state, found, "cluster-snapshot"))
            .collect(),
        exports: state.exports.values().map(export).collect(),
        names: state.history.report(state.now),
        working: state.history.working(state.now),
        made: state.origins.made.clone(),
        served: state.origins.served(),
        retained_backups: retained(state),
        expired_backups: state.expired_backups.clone(),
    };
    report.instances.sort_by(|one, other| one.identifier.cmp(&other.identifier));
    report.clusters.sort_by(|one, other| one.identifier.cmp(&other.identifier));
    report.snapshots.sort_by(|one, other| one.identifier.cmp(&other.identifier));
    report.cluster_snapshots.sort_by(|one, other| one.identifier.cmp(&other.identifier));
    report.exports.sort_by(|one, other| one.identifier.cmp(&other.identifier));
    report
}

fn retained(state: &State) -> Vec<String> {
    let instances = state.retained_backups.iter().map(|backup| backup.resource_id.clone());
    let clusters = state.retained_cluster_backups.iter().map(|backup| backup.resource_id.clone());
    instances.chain(clusters).collect()
}

fn export(task: &ExportTask) -> ExportState {
    ExportState {
        identifier: task.life.identifier.clone(),
        source: task.source.clone(),
        status: task.life.status.clone(),
        bucket: task.bucket.clone(),
    }
}

fn instance(state: &State, key: u32) -> InstanceState {
    let instance = &state.instances[&key];
    let cluster = instance.cluster.and_then(|cluster| state.clusters.get(&cluster));
    let source = instance.replica_of.and_then(|source| state.instances.get(&source));
    InstanceState {
        identifier: instance.life.identifier.clone(),
        resource_id: instance.resource_id.clone(),
        arn: state.truth().instance_arn(instance),
        engine: instance.engine.clone(),
        status: instance.life.status.clone(),
        answers: instance.life.answers,
        busy: instance.life.busy,
        cluster: cluster.map(|cluster| cluster.life.identifier.clone()),
        is_writer: cluster.is_some_and(|cluster| cluster.writer == Some(key)),
        replica_of: source.map(|source| source.life.identifier.clone()),
        tags: as_map(instance.tags.truth()),
        settings: instance.settings.clone(),
        pending: State::pending_of(instance),
        secret_arn: instance.secret.as_ref().map(|secret| secret.arn.clone()),
    }
}

fn cluster(state: &State, key: u32) -> ClusterState {
    let cluster = &state.clusters[&key];
    let mut members = cluster.members.clone();
    members.sort_by_key(|member| cluster.writer != Some(*member));
    ClusterState {
        identifier: cluster.life.identifier.clone(),
        resource_id: cluster.resource_id.clone(),
        arn: state.truth().cluster_arn(cluster),
        engine: cluster.engine.clone(),
        status: cluster.life.status.clone(),
        answers: cluster.life.answers,
        busy: cluster.life.busy,
        members: members
            .iter()
            .filter_map(|member| Some(state.instances.get(member)?.life.identifier.clone()))
            .collect(),
        tags: as_map(cluster.tags.truth()),
        settings: cluster.settings.clone(),
        pending: State::cluster_pending_of(cluster),
        secret_arn: cluster.secret.as_ref().map(|secret| secret.arn.clone()),
    }
}

#[allow(clippy::cast_precision_loss)]
fn snapshot<S: Clone>(state: &State, snapshot: &Snapshot<S>, kind: &str) -> SnapshotState<S> {
    SnapshotState {
        identifier: snapshot.life.identifier.clone(),
        arn: state.arn(kind, &snapshot.life.identifier),
        source: snapshot.source.clone(),
        source_resource_id: snapshot.source_resource_id.clone(),
        engine: snapshot.engine.clone(),
        status: snapshot.life.status.clone(),
        kind: snapshot.kind.clone(),
        created_seconds: (snapshot.created - state.start) as f64 / 1000.0,
        tags: as_map(snapshot.tags.truth()),
        settings: snapshot.settings.clone(),
    }
}
