//! The origin of each database in a world, and the names under which it took connections.
//!
//! The module also remembers deleted databases. Their entries show the source snapshot and the creator of a database, and
//! whether clients could have written to it.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::Serialize;

use crate::backups::Window;
use crate::history::seconds;
use crate::resources::{Key, Millis, Snapshot};
use crate::state::State;

/// A database that was created since the start, whether or not it still exists.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Made {
    /// The first name of the database.
    pub identifier: String,
    pub resource_id: String,
    pub is_cluster: bool,
    pub at_seconds: f64,
    /// As in [`crate::RecordedRequest::caller`].
    pub caller: String,
    /// Absent for a database that was created empty, and for a member of a cluster.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub from: Option<Source>,
}

/// The kind of the backup that a database was restored from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum SourceKind {
    Snapshot,
    /// The automated backups of a database.
    PointInTime,
    /// The present data of an Aurora cluster.
    Clone,
}

/// The backup that a database was restored from, as the backup was then.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Source {
    pub kind: SourceKind,
    /// The name of the snapshot; else the same as `source`.
    pub identifier: String,
    /// The database whose data it is: of a snapshot, by its name when the snapshot was taken; else by its present name.
    pub source: String,
    pub source_resource_id: String,
    /// The moment of the data in seconds since the start; negative for a moment before it.
    pub created_seconds: f64,
}

/// A database that took connections under a name.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Served {
    pub identifier: String,
    pub resource_id: String,
    pub is_cluster: bool,
    /// The time from which it took connections under the name.
    pub since_seconds: f64,
}

/// The record of databases that exist or existed.
#[derive(Debug, Default)]
pub(crate) struct Origins {
    pub(crate) made: Vec<Made>,
    /// The keys are resource id and name.
    served: BTreeMap<(String, String), (bool, Millis)>,
}

impl Origins {
    /// Records that a database takes connections.
    pub(crate) fn note_serving(&mut self, now: Millis, is_cluster: bool, resource_id: &str, identifier: &str) {
        if !self.served.keys().any(|(id, name)| id == resource_id && name == identifier) {
            self.served.insert((resource_id.to_owned(), identifier.to_owned()), (is_cluster, now));
        }
    }

    pub(crate) fn served(&self) -> Vec<Served> {
        let served = |((resource_id, identifier), (is_cluster, since)): (&(String, String), &(bool, Millis))| Served {
            identifier: identifier.clone(),
            resource_id: resource_id.clone(),
            is_cluster: *is_cluster,
            since_seconds: seconds(*since),
        };
        self.served.iter().map(served).collect()
    }
}

/// The backup that a request restores from, if the request is a restore.
fn source(state: &State, action: &str, parameters: &BTreeMap<String, String>) -> Option<Source> {
    match action {
        "RestoreDBInstanceFromDBSnapshot" => {
            let found = state.restorable_snapshot(parameters.get("DBSnapshotIdentifier")?);
            found.ok().map(|found| of(state, &found.snapshot))
        }
        "RestoreDBClusterFromSnapshot" => {
            let found = state.restorable_cluster_snapshot(parameters.get("SnapshotIdentifier")?);
            found.ok().map(|found| of(state, &found.snapshot))
        }
        "RestoreDBInstanceToPointInTime" => {
            let is_source = Wanted::by(parameters, "SourceDBInstanceIdentifier", "SourceDbiResourceId");
            let live = state.instances.values().find(|found| is_source.is(&found.life.identifier, &found.resource_id));
            let live = live.map(|found| (&found.life.identifier, &found.resource_id, state.instance_window(found)));
            let kept = state.retained_backups.iter().find(|found| is_source.is("", &found.resource_id));
            let kept = kept.map(|found| (&found.identifier, &found.resource_id, found.window(state.wall_clock())));
            let moment = parameters.get("RestoreTime");
            live.or(kept).and_then(|found| at_moment(state, found, moment, SourceKind::PointInTime))
        }
        "RestoreDBClusterToPointInTime" => {
            let is_source = Wanted::by(parameters, "SourceDBClusterIdentifier", "SourceDbClusterResourceId");
            let live = state.clusters.values().find(|found| is_source.is(&found.life.identifier, &found.resource_id));
            let live = live.map(|found| (&found.life.identifier, &found.resource_id, state.cluster_window(found)));
            let kept = state.retained_cluster_backups.iter().find(|found| is_source.is("", &found.resource_id));
            let kept = kept.map(|found| (&found.identifier, &found.resource_id, found.window(state.wall_clock())));
            let is_clone = parameters.get("RestoreType").is_some_and(|kind| kind == "copy-on-write");
            let kind = if is_clone { SourceKind::Clone } else { SourceKind::PointInTime };
            live.or(kept).and_then(|found| at_moment(state, found, parameters.get("RestoreToTime"), kind))
        }
        _ => None,
    }
}

/// The source that a restore to a point in time names.
struct Wanted {
    name: Option<String>,
    resource_id: Option<String>,
}

impl Wanted {
    fn by(parameters: &BTreeMap<String, String>, name: &str, resource_id: &str) -> Self {
        let name = parameters.get(name).and_then(|name| name.rsplit(':').next()).map(str::to_ascii_lowercase);
        Self { name, resource_id: parameters.get(resource_id).cloned() }
    }

    fn is(&self, name: &str, resource_id: &str) -> bool {
        self.name.as_deref() == Some(name) || self.resource_id.as_deref() == Some(resource_id)
    }
}

#[allow(clippy::cast_precision_loss)]
fn at_moment(
    state: &State,
    (identifier, resource_id, window): (&String, &String, Option<Window>),
    moment: Option<&String>,
    kind: SourceKind,
) -> Option<Source> {
    let given = moment.and_then(|text| text.parse::<Timestamp>().ok()).map(Timestamp::as_millisecond);
    let restored = match kind {
        SourceKind::Clone => state.wall_clock(),
        _ => given.or_else(|| window.map(|window| window.latest))?,
    };
    Some(Source {
        kind,
        identifier: identifier.clone(),
        source: identifier.clone(),
        source_resource_id: resource_id.clone(),
        created_seconds: (restored - state.start) as f64 / 1000.0,
    })
}

#[allow(clippy::cast_precision_loss)]
fn of<S>(state: &State, snapshot: &Snapshot<S>) -> Source {
    Source {
        kind: SourceKind::Snapshot,
        identifier: snapshot.life.identifier.clone(),
        source: snapshot.source.clone(),
        source_resource_id: snapshot.source_resource_id.clone(),
        created_seconds: (snapshot.created - state.start) as f64 / 1000.0,
    }
}

/// The state before a request, from which `after` finds the databases that the request created.
pub(crate) struct Noted {
    last_key: Key,
    from: Option<Source>,
}

impl Noted {
    pub(crate) fn before(state: &State, action: &str, parameters: &BTreeMap<String, String>) -> Self {
        Self { last_key: state.last_key(), from: source(state, action, parameters) }
    }

    /// Records every database that did not exist before the request.
    pub(crate) fn after(self, state: &mut State, caller: &str) {
        let newer = self.last_key + 1..;
        let now = seconds(state.now);
        let made = |identifier: &str, resource_id: &str, is_cluster: bool, from: Option<&Source>| Made {
            identifier: identifier.to_owned(),
            resource_id: resource_id.to_owned(),
            is_cluster,
            at_seconds: now,
            caller: caller.to_owned(),
            from: from.cloned(),
        };
        let clusters = state.clusters.range(newer.clone()).map(|(_, found)| found);
        let clusters = clusters.map(|found| made(&found.life.identifier, &found.resource_id, true, self.from.as_ref()));
        let instances = state.instances.range(newer).map(|(_, found)| found).map(|found| {
            let from = self.from.as_ref().filter(|_| found.cluster.is_none());
            made(&found.life.identifier, &found.resource_id, false, from)
        });
        let all: Vec<Made> = clusters.chain(instances).collect();
        state.origins.made.extend(all);
    }
}
