//! The resources: DB instances, DB clusters and their snapshots, with the part of their life that they share.
//!
//! Plain data. `state.rs` has the changes over time, `actions/` the effects of requests, and `render.rs` the wire format.

use std::borrow::Cow;

use crate::lag::{Former, Tagged};
use crate::query::Tags;
use crate::settings::{ClusterSettings, InstanceSettings};
use crate::world::{ApplyStatus, RoleSpec};

/// Milliseconds since the simulator was created, on its own clock.
pub(crate) type Millis = u64;

/// Identifies a resource inside the simulator, independent of its name.
pub(crate) type Key = u32;

/// A status as AWS spells it.
pub(crate) type Status = Cow<'static, str>;

pub(crate) const AVAILABLE: Status = Cow::Borrowed("available");

/// Statuses in which an operation may end and which do not end by themselves.
/// <https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/accessing-monitoring.html>
pub const LASTING_STATUSES: &[&str] = &[
    "cloning-failed",
    "failed",
    "inaccessible-encryption-credentials",
    "inaccessible-encryption-credentials-recoverable",
    "incompatible-create",
    "incompatible-credentials",
    "incompatible-network",
    "incompatible-option-group",
    "incompatible-parameters",
    "incompatible-restore",
    "insufficient-capacity",
    "migration-failed",
    "restore-error",
    "stopped",
    "storage-full",
];

/// Statuses in which a database that was available before still takes connections.
const SERVING: &[&str] = &[
    "available",
    "backing-up",
    "modifying",
    "storage-config-upgrade",
    "storage-initialization",
    "storage-optimization",
    "resetting-master-credentials",
];

/// The work of RDS on the storage of a database that is in service.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum StorageWork {
    /// Loads the blocks of a snapshot.
    Initialization,
    /// Follows a change of size, type or performance.
    Optimization,
}

impl StorageWork {
    const ALL: [Self; 2] = [Self::Initialization, Self::Optimization];

    /// The status that a database shows during the work.
    pub(crate) const fn status(self) -> &'static str {
        match self {
            Self::Initialization => "storage-initialization",
            Self::Optimization => "storage-optimization",
        }
    }

    /// `StorageOperationStatus`.
    pub(crate) const fn operation(self) -> &'static str {
        match self {
            Self::Initialization => "Initializing",
            Self::Optimization => "Optimizing",
        }
    }

    /// The work that a status reports.
    pub(crate) fn of_status(status: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|work| work.status() == status)
    }
}

/// Work on the storage of a database, with its start and its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct UnderWork {
    pub(crate) work: StorageWork,
    pub(crate) from: Millis,
    pub(crate) until: Millis,
}

/// The life of a named resource: its name, its status and the operation under way.
#[derive(Clone, Debug)]
pub(crate) struct Life {
    pub(crate) identifier: String,
    /// The name that a rename under way has reserved.
    pub(crate) renaming_to: Option<String>,
    /// False while a rename leaves the resource without a name.
    pub(crate) answers: bool,
    pub(crate) status: Status,
    /// An operation is under way, even if the status still says `available`.
    pub(crate) busy: bool,
    /// Whether the resource has truly been available under its present name.
    pub(crate) served: bool,
    /// Work on the storage, which runs beside every operation.
    pub(crate) storage: Option<UnderWork>,
    /// Reads do not find the resource before this time.
    pub(crate) visible_from: Millis,
    /// The name and the status that reads still show after a rename.
    pub(crate) former: Option<Former>,
    /// The delay of the rename under way in reads, in addition to the world's lag.
    pub(crate) rename_late: Millis,
    /// The time from which a database writes no transaction logs: it is stopped, has failed, or is being deleted.
    pub(crate) halted: Option<Millis>,
    /// Steps scheduled for an earlier generation are void.
    pub(crate) generation: u32,
}

impl Life {
    pub(crate) fn new(identifier: String, status: impl Into<Status>) -> Self {
        let status = status.into();
        let served = status == AVAILABLE || StorageWork::of_status(&status).is_some();
        let halted = LASTING_STATUSES.contains(&status.as_ref()).then_some(0);
        Self {
            identifier,
            renaming_to: None,
            answers: true,
            status,
            busy: false,
            served,
            storage: None,
            visible_from: 0,
            former: None,
            rename_late: 0,
            halted,
            generation: 0,
        }
    }

    pub(crate) fn is_named(&self, identifier: &str) -> bool {
        self.answers && self.identifier.eq_ignore_ascii_case(identifier)
    }

    /// Whether this resource has the name, or takes it by a rename under way.
    pub(crate) fn claims(&self, identifier: &str) -> bool {
        self.identifier.eq_ignore_ascii_case(identifier)
            || self.renaming_to.as_deref().is_some_and(|name| name.eq_ignore_ascii_case(identifier))
    }

    /// Whether the resource is being created.
    pub(crate) fn is_fresh(&self) -> bool {
        matches!(self.status.as_ref(), "creating" | "copying" | "starting")
    }

    /// Whether another operation may start.
    pub(crate) fn is_idle(&self) -> bool {
        self.status == AVAILABLE && !self.busy
    }

    /// The work of RDS on the storage, if nothing else is under way.
    pub(crate) fn storage_work(&self) -> Option<StorageWork> {
        StorageWork::of_status(&self.status).filter(|_| !self.busy)
    }

    /// Whether a modification, and so a rename, may start.
    pub(crate) fn takes_modification(&self) -> bool {
        self.is_idle() || self.storage_work().is_some()
    }

    /// Whether a snapshot can be taken. AWS: "in the available or storage-optimization state".
    /// <https://docs.aws.amazon.com/AmazonRDS/latest/APIReference/API_CreateDBSnapshot.html>
    pub(crate) fn takes_snapshot(&self) -> bool {
        self.is_idle() || self.storage_work() == Some(StorageWork::Optimization)
    }

    /// Whether a database truly answers connections under its name.
    pub(crate) fn serves(&self) -> bool {
        let status = self.status.as_ref();
        self.answers && self.served && (SERVING.contains(&status) || status.starts_with("configuring-"))
    }
}

/// A secret in Secrets Manager that RDS manages.
#[derive(Clone, Debug)]
pub(crate) struct ManagedSecret {
    pub(crate) arn: String,
    pub(crate) kms_key_id: String,
}

/// A DB instance, stand-alone or a member of a cluster.
#[derive(Clone, Debug)]
pub(crate) struct Instance {
    pub(crate) life: Life,
    pub(crate) resource_id: String,
    pub(crate) engine: String,
    pub(crate) settings: InstanceSettings,
    /// Changes that wait for the maintenance window or `ApplyImmediately`.
    pub(crate) pending: InstanceSettings,
    pub(crate) pending_identifier: Option<String>,
    pub(crate) pending_password: bool,
    /// The changes that the modification under way will apply.
    pub(crate) applying: InstanceSettings,
    pub(crate) tags: Tagged,
    pub(crate) cluster: Option<Key>,
    pub(crate) replica_of: Option<Key>,
    /// Unix milliseconds, absent while it is being created.
    pub(crate) created: Option<i64>,
    pub(crate) secret: Option<ManagedSecret>,
    pub(crate) parameter_apply_status: ApplyStatus,
    /// The apply status of the cluster's parameter group.
    pub(crate) cluster_parameter_status: ApplyStatus,
    pub(crate) option_group_status: ApplyStatus,
    /// Whether this member of a Multi-AZ DB cluster ends in `failed` when its cluster is available.
    pub(crate) fails: bool,
    pub(crate) associated_roles: Vec<RoleSpec>,
    pub(crate) backup_replications: Vec<String>,
    /// Whether its automated backups are kept after its deletion.
    pub(crate) keep_backups: bool,
    /// Unix milliseconds of its first automated backup, absent before.
    pub(crate) backed_up_since: Option<i64>,
}

/// An Aurora or Multi-AZ DB cluster.
#[derive(Clone, Debug)]
pub(crate) struct Cluster {
    pub(crate) life: Life,
    pub(crate) resource_id: String,
    pub(crate) engine: String,
    pub(crate) settings: ClusterSettings,
    pub(crate) pending: ClusterSettings,
    pub(crate) pending_identifier: Option<String>,
    pub(crate) pending_password: bool,
    pub(crate) applying: ClusterSettings,
    pub(crate) tags: Tagged,
    /// In the order in which they joined.
    pub(crate) members: Vec<Key>,
    pub(crate) writer: Option<Key>,
    pub(crate) created: i64,
    pub(crate) secret: Option<ManagedSecret>,
    pub(crate) associated_roles: Vec<RoleSpec>,
    pub(crate) member_of_global: Option<String>,
    pub(crate) replication_source: Option<String>,
    pub(crate) keep_backups: bool,
    /// Unix milliseconds of its first automated backup, absent before.
    pub(crate) backed_up_since: Option<i64>,
    /// Whether another account shares the cluster through AWS RAM.
    pub(crate) ram_shared: bool,
    pub(crate) clone_group: Option<CloneGroup>,
}

/// The place of a cluster among the clones of one volume.
#[derive(Clone, Debug)]
pub(crate) struct CloneGroup {
    /// `CloneGroupId`.
    pub(crate) id: String,
    pub(crate) is_original: bool,
}

impl Cluster {
    /// Whether the cluster is Aurora. Members of an Aurora cluster are instances in their own right; members of a Multi-AZ
    /// DB cluster belong to it.
    pub(crate) fn is_aurora(&self) -> bool {
        is_aurora(&self.engine)
    }
}

/// Whether an engine is Aurora, or a related engine that RDS's API lists.
pub(crate) fn is_aurora(engine: &str) -> bool {
    engine.starts_with("aurora") || matches!(engine, "docdb" | "neptune")
}

/// A snapshot of an instance (`InstanceSettings`) or of a cluster (`ClusterSettings`).
#[derive(Clone, Debug)]
pub(crate) struct Snapshot<S> {
    pub(crate) life: Life,
    pub(crate) source: String,
    pub(crate) source_resource_id: String,
    /// Unix milliseconds.
    pub(crate) source_created: i64,
    pub(crate) engine: String,
    /// `manual`, `automated` or `awsbackup`.
    pub(crate) kind: String,
    pub(crate) settings: S,
    pub(crate) tags: Tagged,
    /// The tags of the source at the snapshot's moment, whether or not the snapshot got them.
    pub(crate) source_tags: Tags,
    pub(crate) created: i64,
    pub(crate) original_created: i64,
    /// The ARN of the snapshot that this one was copied from.
    pub(crate) copy_of: Option<String>,
    pub(crate) copying_from: Option<Key>,
    /// The region that it was copied from, if it is another one.
    pub(crate) from_region: Option<String>,
    pub(crate) progress: Option<Progress>,
    /// Whether its source uses Transparent Data Encryption, whose option group is permanent.
    pub(crate) tde: bool,
    /// The settings that the upgrade under way will change.
    pub(crate) upgrading_to: Option<S>,
}

/// The progress of a snapshot in the making: it waits in a queue first.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Progress {
    /// Unix milliseconds.
    since: i64,
    /// Seconds, before jitter.
    pub(crate) queue: f64,
    pub(crate) seconds: f64,
}

impl Progress {
    pub(crate) fn new(now: i64, queue: f64, seconds: f64) -> Self {
        Self { since: now, queue, seconds }
    }

    /// `PercentProgress`, which is 100 only once the snapshot is available.
    #[allow(clippy::cast_possible_truncation, clippy::cast_precision_loss)]
    pub(crate) fn percent(self, now: i64) -> i64 {
        let passed = (now - self.since) as f64 / 1000.0 - self.queue;
        (100.0 * passed / self.seconds.max(1.0)).clamp(0.0, 99.0) as i64
    }
}

/// An export of a snapshot to S3. Its statuses are in lower case, as filters spell them.
#[derive(Clone, Debug)]
pub(crate) struct ExportTask {
    pub(crate) life: Life,
    /// The ARN of the snapshot, which may have been deleted.
    pub(crate) source: String,
    /// Unix milliseconds, as all times here.
    pub(crate) snapshot_taken: i64,
    pub(crate) bucket: String,
    pub(crate) prefix: Option<String>,
    pub(crate) role: String,
    pub(crate) kms_key_id: String,
    pub(crate) export_only: Vec<String>,
    /// The time from which data is written to the bucket.
    pub(crate) extracting_since: Option<i64>,
    pub(crate) ended: Option<i64>,
}

pub(crate) type InstanceSnapshot = Snapshot<InstanceSettings>;
pub(crate) type ClusterSnapshot = Snapshot<ClusterSettings>;

impl Instance {
    /// An instance without pending changes, tags or ties.
    pub(crate) fn new(life: Life, resource_id: String, engine: String, settings: InstanceSettings) -> Self {
        Self {
            life,
            resource_id,
            engine,
            settings,
            pending: InstanceSettings::default(),
            pending_identifier: None,
            pending_password: false,
            applying: InstanceSettings::default(),
            tags: Tagged::default(),
            cluster: None,
            replica_of: None,
            created: None,
            secret: None,
            parameter_apply_status: ApplyStatus::InSync,
            cluster_parameter_status: ApplyStatus::InSync,
            option_group_status: ApplyStatus::InSync,
            fails: false,
            associated_roles: Vec::new(),
            backup_replications: Vec::new(),
            keep_backups: false,
            backed_up_since: None,
        }
    }
}

impl Cluster {
    /// A cluster without members, pending changes or tags.
    pub(crate) fn new(
        life: Life,
        resource_id: String,
        engine: String,
        settings: ClusterSettings,
        created: i64,
    ) -> Self {
        Self {
            life,
            resource_id,
            engine,
            settings,
            pending: ClusterSettings::default(),
            pending_identifier: None,
            pending_password: false,
            applying: ClusterSettings::default(),
            tags: Tagged::default(),
            members: Vec::new(),
            writer: None,
            created,
            secret: None,
            associated_roles: Vec::new(),
            member_of_global: None,
            replication_source: None,
            keep_backups: false,
            backed_up_since: None,
            ram_shared: false,
            clone_group: None,
        }
    }
}
