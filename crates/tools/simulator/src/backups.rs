//! Automated backups: the window in which a database can be restored to a point in time, and the backups that stay after
//! their database was deleted.
//!
//! Owns both ends of the window and the expiry. `actions/point_in_time.rs` restores, `actions/backups.rs` describes.
//! <https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/USER_PIT.html>

use crate::query::Tags;
use crate::resources::{Cluster, Instance, Life};
use crate::settings::{ClusterSettings, InstanceSettings};
use crate::state::{State, Target, millis};

const DAY_MILLIS: i64 = 24 * 3600 * 1000;

/// The moments to which a database can be restored, in Unix milliseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Window {
    pub(crate) earliest: i64,
    pub(crate) latest: i64,
}

/// The automated backups of a deleted database.
#[derive(Clone, Debug)]
pub(crate) struct Retained<S> {
    /// The last name of the database.
    pub(crate) identifier: String,
    pub(crate) resource_id: String,
    pub(crate) engine: String,
    pub(crate) settings: S,
    /// The tags of the database when it was deleted.
    pub(crate) tags: Tags,
    /// Unix milliseconds, as all times here. Absent if the database was never available.
    pub(crate) created: Option<i64>,
    pub(crate) deleted: i64,
    /// The window at the moment of the deletion.
    pub(crate) window: Option<Window>,
    pub(crate) retention_days: u32,
}

impl<S> Retained<S> {
    /// The window now. Backups older than the retention period go first, those of the last moment go last.
    pub(crate) fn window(&self, now: i64) -> Option<Window> {
        let kept_since = now - i64::from(self.retention_days) * DAY_MILLIS;
        let window = self.window.map(|window| Window { earliest: window.earliest.max(kept_since), ..window });
        window.filter(|window| window.earliest <= window.latest)
    }

    fn has_expired(&self, now: i64) -> bool {
        now >= self.deleted + i64::from(self.retention_days) * DAY_MILLIS
    }
}

impl State {
    /// The window of an instance. Members of a cluster have none, because their cluster has the backups.
    pub(crate) fn instance_window(&self, instance: &Instance) -> Option<Window> {
        let days = instance.settings.backup_retention_period.unwrap_or(0);
        let since = instance.backed_up_since.filter(|_| days > 0 && instance.cluster.is_none())?;
        Some(self.window(since, days, &instance.life))
    }

    /// The window of a cluster. A cluster always has automated backups.
    pub(crate) fn cluster_window(&self, cluster: &Cluster) -> Option<Window> {
        let days = cluster.settings.backup_retention_period.unwrap_or(1);
        Some(self.window(cluster.backed_up_since?, days, &cluster.life))
    }

    /// The first backup is a moment of its own. After it, the window ends where the stored transaction logs end.
    fn window(&self, since: i64, days: u32, life: &Life) -> Window {
        let now = self.wall_clock();
        let halted = life.halted.map_or(now, |at| self.start.saturating_add_unsigned(at));
        let stored = now.saturating_sub_unsigned(millis(self.timings.restorable_lag));
        let latest = since.max(halted.min(stored));
        // The time in which a database is stopped does not count.
        let earliest = since.max(halted - i64::from(days) * DAY_MILLIS);
        Window { earliest: earliest.min(latest), latest }
    }

    /// Records the first automated backup of a new database.
    pub(crate) fn note_first_backup(&mut self, target: Target) {
        let now = self.wall_clock();
        match target {
            Target::Instance(key) => {
                if let Some(instance) = self.instances.get_mut(&key) {
                    instance.backed_up_since.get_or_insert(now);
                }
            }
            Target::Cluster(key) => {
                if let Some(cluster) = self.clusters.get_mut(&key) {
                    cluster.backed_up_since.get_or_insert(now);
                }
            }
            Target::Snapshot(_) | Target::ClusterSnapshot(_) | Target::Export(_) => {}
        }
    }

    pub(crate) fn retained_of_instance(&self, instance: &Instance) -> Retained<InstanceSettings> {
        Retained {
            identifier: instance.life.identifier.clone(),
            resource_id: instance.resource_id.clone(),
            engine: instance.engine.clone(),
            settings: instance.settings.clone(),
            tags: instance.tags.truth().clone(),
            created: instance.created,
            deleted: self.wall_clock(),
            window: self.instance_window(instance),
            retention_days: instance.settings.backup_retention_period.unwrap_or(0),
        }
    }

    pub(crate) fn retained_of_cluster(&self, cluster: &Cluster) -> Retained<ClusterSettings> {
        Retained {
            identifier: cluster.life.identifier.clone(),
            resource_id: cluster.resource_id.clone(),
            engine: cluster.engine.clone(),
            settings: cluster.settings.clone(),
            tags: cluster.tags.truth().clone(),
            created: Some(cluster.created),
            deleted: self.wall_clock(),
            window: self.cluster_window(cluster),
            retention_days: cluster.settings.backup_retention_period.unwrap_or(1),
        }
    }

    /// Removes the retained backups whose time is over, with their automated snapshots.
    pub(crate) fn expire_backups(&mut self) {
        let now = self.wall_clock();
        let instances = self.retained_backups.iter().filter(|backup| backup.has_expired(now));
        let clusters = self.retained_cluster_backups.iter().filter(|backup| backup.has_expired(now));
        let instances = instances.map(|backup| backup.resource_id.clone());
        let expired: Vec<String> = instances.chain(clusters.map(|backup| backup.resource_id.clone())).collect();
        if expired.is_empty() {
            return;
        }
        self.retained_backups.retain(|backup| !expired.contains(&backup.resource_id));
        self.retained_cluster_backups.retain(|backup| !expired.contains(&backup.resource_id));
        for resource_id in &expired {
            self.remove_automated_snapshots(resource_id);
        }
        self.expired_backups.extend(expired);
    }

    /// Removes the automated snapshots of a database.
    pub(crate) fn remove_automated_snapshots(&mut self, resource_id: &str) {
        let is_of_it = |kind: &str, source: &str| kind == "automated" && source == resource_id;
        self.snapshots.retain(|_, snapshot| !is_of_it(&snapshot.kind, &snapshot.source_resource_id));
        self.cluster_snapshots.retain(|_, snapshot| !is_of_it(&snapshot.kind, &snapshot.source_resource_id));
    }
}
