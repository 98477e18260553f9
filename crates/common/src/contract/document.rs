//! The state document: one JSON object that passes through the state machine. Each state adds its own key;
//! [`crate::functions::keys`] lists them all.
//!
//! | key | written by | type |
//! |---|---|---|
//! | `input` | `KeepInputApart` | the user's input, unchecked and apart: none of its keys counts as a key of the machine |
//! | `request` | `ValidateInput` | [`Request`] |
//! | `wake` | `NoteSleepingFunction` | `{failed: true}`: a function of the rollback or the alerts did not wake |
//! | `plan` | `PreflightDbInstance`, `PreflightCluster` | [`Plan`] of an [`OriginalInstance`] or [`OriginalCluster`] |
//! | `<step>` | each other step of [`crate::functions::STEPS`], under its key | [`StepOutput`] |
//! | `verification` | the step with that key | [`Verification`] |
//! | `commit` | the step with that key | [`Commit`]: the restored database stays after it |
//! | `export` | `Plan…SnapshotExport`, then the step and the wait with that key | [`ExportRequest`], then [`ExportOutput`] |
//! | `<step>.wait` | the status-waiter after that step | [`WaitOutput`] |
//! | `error` | every `Catch` | [`Caught`]: error and cause of the first failure |
//! | `recovery` | `FindInterruptedExecution` | [`RecoveryOutput`]; it also writes the `request`, `plan` and `error` of the interrupted execution ([`RecoveryDocument`]) |
//! | `downtime` | `Begin…Downtime` | `{since}`: the moment before the service name loses its database |
//! | `failure` | `FailedState` | `{alert, rollback, slack}`: the results of its three branches |
//! | `notice` | `SuccessNotices` | `{mail, slack}`: [`AlertOutput`], [`SlackOutput`], or the error that prevented it |
//! | `alerts` | `FinalAlerts`, `ExportAlerts` | the same |
//!
//! Inside `FailedState` the rollback branch keeps its own key `rollback`: `{startedAt, discard, rename, aside, release}`,
//! and `error` and `failed: {state}` if it could not finish. The variable `failedState` contains the state of the run that
//! failed: each `Catch` assigns it, and the alerts receive it.
//!
//! A failed export does not fail the run: its `Catch` stores the failure in `export.failure`, as [`ExportOutput`] does.
//!
//! The document stays far below Step Functions' limit of 256 KiB for every database. The steps read tags from the original,
//! and the document contains only their number and hash. It contains no value twice.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::arn;
use crate::error::{Error, Result};
use crate::identifiers::{DatabaseIdentifier, DatabaseKind, ExportIdentifier, SnapshotIdentifier};
use crate::settings::{ClusterSettings, InstanceSettings};
use crate::source_request::SourceRequest;
use crate::timestamp::Timestamp;
use crate::wait::Goal;

/// The limit of the document's size, in bytes. Step Functions ends an execution at 256 KiB, and a function's input contains
/// the document's keys once more.
pub const MOST_BYTES: usize = 100 * 1024;

/// The user's request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Task {
    /// Create or replace `<identifier>-snapshot`, then restore from it.
    CreateSnapshot,
    /// Restore from the existing `<identifier>-snapshot`.
    DbRestore,
    /// Create or replace `<identifier>-snapshot` and stop.
    CreateSnapshotOnly,
}

impl Task {
    /// Every task, in the order the documentation lists them.
    pub const ALL: [Self; 3] = [Self::CreateSnapshot, Self::DbRestore, Self::CreateSnapshotOnly];

    /// The name in the user's input.
    pub const fn name(self) -> &'static str {
        match self {
            Self::CreateSnapshot => "create_snapshot",
            Self::DbRestore => "db_restore",
            Self::CreateSnapshotOnly => "create_snapshot_only",
        }
    }

    /// Whether the run takes a snapshot.
    pub const fn takes_snapshot(self) -> bool {
        matches!(self, Self::CreateSnapshot | Self::CreateSnapshotOnly)
    }

    /// Whether the run restores the database, and so needs its `-temp` name.
    pub const fn restores(self) -> bool {
        matches!(self, Self::CreateSnapshot | Self::DbRestore)
    }
}

/// The way in which a new snapshot replaces an existing `<identifier>-snapshot`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum SnapshotReplacement {
    /// Take the new snapshot as `<identifier>-temp` first; delete the old one once the new one is available.
    #[default]
    KeepUntilReplaced,
    /// As in the original project: delete the old snapshot, then take the new one. A failure between the two leaves no
    /// snapshot.
    DeleteFirst,
}

impl std::str::FromStr for SnapshotReplacement {
    type Err = String;

    fn from_str(text: &str) -> std::result::Result<Self, String> {
        match text {
            "KeepUntilReplaced" => Ok(Self::KeepUntilReplaced),
            "DeleteFirst" => Ok(Self::DeleteFirst),
            other => Err(format!("`{other}` is neither KeepUntilReplaced nor DeleteFirst")),
        }
    }
}

/// The deployment's options for every run: parameters of the stack, copied into each request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RunOptions {
    pub snapshot_replacement: SnapshotReplacement,
    /// Keep the deleted original's automated backups, so that a person can still restore it to a point in time.
    pub keep_automated_backups: bool,
    /// Take [`Names::final_snapshot`] before the original is deleted.
    pub final_snapshot: bool,
    /// The most time that the rollback may take after its beginning.
    pub rollback_seconds: u64,
    /// Also send alerts about runs that succeed.
    #[serde(default)]
    pub success_notice: bool,
}

/// The parsed request.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Request {
    pub identifier: DatabaseIdentifier,
    pub snapshot_identifier: SnapshotIdentifier,
    pub task: Task,
    pub kind: DatabaseKind,
    /// The execution's ARN: the value of the claim's tag, and of the tag on everything that the run creates.
    pub execution: String,
    pub started_at: Timestamp,
    /// The end of every wait of the run; the rollback has its own deadline.
    pub deadline: Timestamp,
    /// The export of the snapshot that the run takes, if the input or the deployment asks for one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub export: Option<ExportRequest>,
    /// The greatest age of the backup at the beginning of the run, if the input limits it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub maximum_age_seconds: Option<u64>,
    /// The backup to restore, if the input chooses one in place of [`Self::snapshot_identifier`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<SourceRequest>,
    /// Whether the run ends after preflight, with its plan, and changes nothing.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub dry_run: bool,
    #[serde(flatten)]
    pub options: RunOptions,
}

/// An export of the run's snapshot to S3.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ExportRequest {
    /// The identifier of the export task, derived from the execution.
    pub identifier: ExportIdentifier,
    /// Whether the run waits for the end of the export.
    pub wait: bool,
}

/// The path a restore takes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Strategy {
    /// The original gives up the service name first; the run then creates the restored database under it.
    #[default]
    RenameFirst,
}

/// The decisions of a run before its first change. `O` is [`OriginalInstance`] or [`OriginalCluster`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Plan<O> {
    #[serde(default)]
    pub strategy: Strategy,
    /// The time at which preflight read RDS. A claim refuses a plan that is older than [`Self::FRESH_SECONDS`].
    pub read_at: Timestamp,
    /// The pinned backup. Absent in a run that takes its snapshot itself, until that snapshot is available.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<Source>,
    pub names: Names,
    pub original: O,
    /// Facts for a reader of the run, such as the age of the data.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<String>,
}

impl<O> Plan<O> {
    /// The greatest age of a plan at the time of the claim, in seconds.
    ///
    /// A redriven execution continues with its old document, so its plan may be days old.
    pub const FRESH_SECONDS: u64 = 3_600;
}

impl<O: Original> Plan<O> {
    /// The original with its names.
    pub fn target(&self) -> Target {
        Target { names: self.names.database.clone(), resource_id: self.original.resource_id().to_owned() }
    }

    /// The databases and names that the run works with.
    pub fn planned(&self) -> Planned<'_> {
        let members = self.original.members().iter().map(|member| &member.target);
        Planned {
            originals: members
                .clone()
                .map(|member| member.resource_id.as_str())
                .chain([self.original.resource_id()])
                .collect(),
            names: members.flat_map(|member| member.names.all()).chain(self.names.of_databases()).collect(),
        }
    }
}

/// The resource ids of the originals, and every name that a database of the run may have.
#[derive(Clone, Debug)]
pub struct Planned<'a> {
    pub originals: Vec<&'a str>,
    pub names: Vec<&'a DatabaseIdentifier>,
}

impl<O> Plan<O> {
    /// The pinned backup. A run without one restores nothing.
    pub fn pinned(&self) -> Result<&Source> {
        self.source.as_ref().ok_or_else(|| Error::internal("the plan names no source to restore from"))
    }
}

/// The backup that a run restores, pinned by facts that never change.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Source {
    pub kind: SourceKind,
    /// The ARN of the snapshot; for a moment or a clone, of its database or its retained backup.
    pub arn: String,
    /// The time of the data: `OriginalSnapshotCreateTime`, which a copy keeps, else `SnapshotCreateTime`; or the moment.
    pub created_at: Timestamp,
    /// The time of this snapshot's creation: another snapshot of the same name has another time. Otherwise the moment.
    pub taken_at: Timestamp,
    /// The name of the snapshot's source at that time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source_identifier: Option<String>,
    /// `DbiResourceId` or `DbClusterResourceId` of the snapshot's source, if RDS reports it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source_resource_id: Option<String>,
    /// The engine version of the snapshot. For a moment or a clone, that of its database now.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub engine_version: Option<String>,
    /// The storage that a moment restores, in GiB. A snapshot reports its own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub allocated_gib: Option<i32>,
}

/// The kind of a pinned backup.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum SourceKind {
    Snapshot,
    /// A moment of automated backups.
    PointInTime,
    /// The present state of an Aurora cluster, without a copy of its storage.
    Clone,
}

impl Source {
    /// The snapshot as calls of the account in the ARN `own` name it; none for a moment or a clone.
    pub fn snapshot_for_calls(&self, own: &str) -> Option<&str> {
        (self.kind == SourceKind::Snapshot).then(|| arn::name_for_calls(&self.arn, own))
    }

    /// The resource id of the database whose backup this is; an error for a moment without one.
    pub fn resource_id_for_calls(&self) -> Result<&str> {
        let id = self.source_resource_id.as_deref().filter(|id| !id.is_empty());
        id.ok_or_else(|| Error::internal("the plan names no resource id for its moment"))
    }
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let of = self.source_identifier.as_deref().or(self.source_resource_id.as_deref()).unwrap_or("a database");
        match self.kind {
            SourceKind::Snapshot => {
                let name = self.arn.splitn(7, ':').nth(6).unwrap_or(&self.arn);
                write!(f, "the snapshot {name}")
            }
            SourceKind::PointInTime => write!(f, "the automated backup of {of} at {}", self.created_at),
            SourceKind::Clone => write!(f, "a clone of {of}"),
        }
    }
}

/// The role of a name that a database has during a run. The state machine passes roles; the plan knows the names.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum NameRole {
    /// The name that clients connect to.
    Service,
    /// The original's name while the restored database has the service name.
    Parked,
    /// The restored database's name until it gets the service name.
    Staged,
}

/// The names that a database, or a member of a cluster, may have during a run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct DatabaseNames {
    pub service: DatabaseIdentifier,
    pub parked: DatabaseIdentifier,
    /// Absent if the run creates the restored database under the service name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub staged: Option<DatabaseIdentifier>,
}

impl DatabaseNames {
    /// The name with this role.
    pub fn of(&self, role: NameRole) -> Result<&DatabaseIdentifier> {
        match role {
            NameRole::Service => Ok(&self.service),
            NameRole::Parked => Ok(&self.parked),
            NameRole::Staged => {
                self.staged.as_ref().ok_or_else(|| Error::internal("the plan has no name for a staged database"))
            }
        }
    }

    /// Every name.
    pub fn all(&self) -> impl Iterator<Item = &DatabaseIdentifier> {
        [&self.service, &self.parked].into_iter().chain(&self.staged)
    }
}

/// Every name of a run, with its role. Only the plan derives names.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Names {
    #[serde(flatten)]
    pub database: DatabaseNames,
    /// The name that a rollback gives a restored database that was in service.
    pub aside: DatabaseIdentifier,
    /// The final snapshot of the original.
    pub final_snapshot: SnapshotIdentifier,
    /// The final snapshot of the database that a rollback moved aside.
    pub discarded_snapshot: SnapshotIdentifier,
    /// The temporary name of the snapshot that replaces another.
    pub replacement_snapshot: SnapshotIdentifier,
}

impl Names {
    /// The names of a `rename_first` run.
    pub fn rename_first(request: &Request) -> Self {
        let Request { kind, identifier, execution, .. } = request;
        Self {
            database: DatabaseNames { service: identifier.clone(), parked: identifier.parked(execution), staged: None },
            aside: identifier.aside(execution),
            final_snapshot: identifier.final_snapshot_of(*kind, execution),
            discarded_snapshot: identifier.discarded_snapshot_of(*kind, execution),
            replacement_snapshot: identifier.replacement_snapshot(*kind, execution),
        }
    }

    /// Every name that a database may have.
    pub fn of_databases(&self) -> impl Iterator<Item = &DatabaseIdentifier> {
        self.database.all().chain([&self.aside])
    }
}

/// A database's own tags, by number and hash: a change shows, and the digest is small for any number of tags.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct TagDigest {
    pub count: usize,
    /// SHA-256 of the sorted keys and values, in hexadecimal digits.
    pub sha256: String,
}

/// A database that the run works on: its resource id, which never changes, and its planned names.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Target {
    pub names: DatabaseNames,
    /// `DbiResourceId` or `DbClusterResourceId`, which decides whether a step may delete or rename a database.
    pub resource_id: String,
}

impl Target {
    /// The service name of the database.
    pub fn identifier(&self) -> &DatabaseIdentifier {
        &self.names.service
    }
}

/// The original as a plan describes it.
pub trait Original {
    /// `DbiResourceId` or `DbClusterResourceId`.
    fn resource_id(&self) -> &str;
    /// The members of a cluster.
    fn members(&self) -> &[Member];
}

impl Original for OriginalInstance {
    fn resource_id(&self) -> &str {
        &self.resource_id
    }

    fn members(&self) -> &[Member] {
        &[]
    }
}

impl Original for OriginalCluster {
    fn resource_id(&self) -> &str {
        &self.resource_id
    }

    fn members(&self) -> &[Member] {
        &self.members
    }
}

/// The DB instance as it was before the run changed it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct OriginalInstance {
    pub resource_id: String,
    pub engine: String,
    pub engine_version: String,
    /// The user's tags, without Trapheus's tags and reserved ones.
    pub tags: TagDigest,
    pub settings: InstanceSettings,
    /// Settings that the restore will not carry over, for the run's output and alerts.
    #[serde(default)]
    pub not_carried_over: Vec<String>,
}

/// The two kinds of DB cluster, with different owners of the members.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ClusterKind {
    /// The run names, renames, creates and deletes each member.
    Aurora,
    /// RDS owns the members; the run changes only the cluster.
    MultiAz,
}

/// A member of an Aurora cluster, or a visible member of a Multi-AZ DB cluster.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Member {
    #[serde(flatten)]
    pub target: Target,
    pub is_writer: bool,
    pub tags: TagDigest,
    pub settings: InstanceSettings,
}

/// The DB cluster as it was before the run changed it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct OriginalCluster {
    pub resource_id: String,
    pub cluster_kind: ClusterKind,
    pub engine: String,
    pub engine_version: String,
    /// The user's tags, without Trapheus's tags and reserved ones.
    pub tags: TagDigest,
    pub settings: ClusterSettings,
    /// The writer first.
    pub members: Vec<Member>,
    /// Settings that the restore will not carry over, for the run's output and alerts.
    #[serde(default)]
    pub not_carried_over: Vec<String>,
}

impl ClusterKind {
    /// The kind of an engine's clusters; `None` for an engine that Trapheus does not restore.
    pub fn of_engine(engine: &str) -> Option<Self> {
        match engine {
            engine if engine.starts_with("aurora") => Some(Self::Aurora),
            "mysql" | "postgres" => Some(Self::MultiAz),
            _ => None,
        }
    }
}

impl OriginalCluster {
    /// The members that the run renames, creates and deletes one by one: none for a Multi-AZ DB cluster.
    pub fn own_members(&self) -> &[Member] {
        match self.cluster_kind {
            ClusterKind::Aurora => &self.members,
            ClusterKind::MultiAz => &[],
        }
    }
}

/// The payload of `ValidateInput`: the raw input, and facts that only Step Functions knows.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ValidateEvent {
    pub execution: String,
    pub start_time: Timestamp,
    /// The execution's input as the user gave it.
    pub input: serde_json::Value,
}

/// The payload of `Preflight…`.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PreflightEvent {
    pub request: Request,
}

/// The payload of every step that works on a database: `O` is [`OriginalInstance`] or [`OriginalCluster`].
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct StepEvent<O> {
    pub request: Request,
    pub plan: Plan<O>,
}

/// The payload of a release.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ReleaseEvent<O> {
    pub request: Request,
    pub plan: Plan<O>,
    /// Whether the run has failed. A failed run has not deleted an original that does not answer, so the release looks for
    /// it.
    #[serde(default)]
    pub after_failure: bool,
}

/// The payload of a discard: the rollback deletes the restored database.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct DiscardEvent<O> {
    pub request: Request,
    pub plan: Plan<O>,
    /// The name of the restored database.
    pub at: NameRole,
    pub rollback_started_at: Timestamp,
    #[serde(default)]
    pub execution: Option<ExecutionContext>,
}

impl<O> DiscardEvent<O> {
    /// The end of the wait for a restored database that has the service name and that RDS works on. The wait has half of
    /// the rollback's time; the original needs the other half.
    pub fn awaits_until(&self) -> Timestamp {
        self.begun().plus_seconds(self.request.options.rollback_seconds / 2)
    }

    /// The same for a restored database that was moved aside, once the original has its name again.
    pub fn awaits_aside_until(&self) -> Timestamp {
        self.begun().plus_seconds(self.request.options.rollback_seconds / 4 * 3)
    }

    fn begun(&self) -> Timestamp {
        ExecutionContext::begun(self.execution, self.rollback_started_at)
    }
}

/// The payload of a restore.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RestoreEvent<O> {
    pub request: Request,
    pub plan: Plan<O>,
    /// The name of the restored database.
    pub to: NameRole,
    /// The name of the original at that time.
    pub original_at: NameRole,
}

/// The payload of every step that works on the restored database.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RestoredEvent<O> {
    pub request: Request,
    pub plan: Plan<O>,
    /// The name of the restored database.
    pub at: NameRole,
}

/// The payload of a commit.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct CommitEvent<O> {
    pub request: Request,
    pub plan: Plan<O>,
    /// The name of the restored database.
    pub at: NameRole,
    /// The resource id of the database that was verified.
    pub verified: String,
}

/// The payload of a rename.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RenameEvent<O> {
    pub request: Request,
    pub plan: Plan<O>,
    /// The database to rename; the original if it is absent.
    #[serde(default)]
    pub resource_id: Option<String>,
    pub from: NameRole,
    pub to: NameRole,
    /// Whether the run has failed; the rename then changes everything that it still can.
    #[serde(default)]
    pub after_failure: bool,
}

impl<O: Original> RenameEvent<O> {
    /// The database to rename.
    pub fn target(&self) -> Target {
        let original = self.plan.target();
        match &self.resource_id {
            Some(resource_id) => Target { resource_id: resource_id.clone(), ..original },
            None => original,
        }
    }

    /// Whether the database to rename is the original.
    pub fn is_of_original(&self) -> bool {
        self.resource_id.as_deref().is_none_or(|resource_id| resource_id == self.plan.original.resource_id())
    }
}

/// The payload of the start of an export, and of the wait for it.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ExportEvent {
    pub request: Request,
    /// The state of the export so far.
    pub export: ExportSoFar,
}

/// The data that one call of the start gives to the next.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ExportSoFar {
    #[serde(default)]
    pub queued_until: Option<Timestamp>,
}

/// The last seen state of the export.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ExportOutput {
    pub taskname: TaskName,
    /// The export task's identifier, and the name of its folder in the bucket.
    pub identifier: ExportIdentifier,
    /// The status for the Choice state behind the call: `TASK_PENDING` makes it call again.
    pub task: WaitStatus,
    /// RDS's own status, or `QUEUED` while the account's export quota is used up, or `UNKNOWN`.
    pub status: String,
    pub percent_progress: i32,
    /// The place of the data, below the folder of the identifier.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bucket: Option<String>,
    /// The end of the wait for a free export.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub queued_until: Option<Timestamp>,
    /// The reason why there is no export. A `Catch` stores a function's error here.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failure: Option<Caught>,
    /// RDS's remarks on a complete export, such as omitted tables.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<String>,
}

/// The payload of the deletion of the original.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct DeleteEvent<O> {
    pub request: Request,
    pub plan: Plan<O>,
    /// The name of the original. The step deletes no original under another name.
    pub at: NameRole,
    /// The name of its successor.
    pub successor_at: NameRole,
    /// The committed successor. Without it the step does not delete the original.
    pub commit: Commit,
}

/// `taskname` in a step's output, as in the original project.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum TaskName {
    Claim,
    SnapshotCreation,
    SnapshotExport,
    Rename,
    Restore,
    ClusterRestore,
    Settings,
    Verification,
    Commit,
    Protection,
    Delete,
    Discard,
    Release,
    Recovery,
}

/// The result of a step's call, and the goal before the next call.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct StepOutput {
    pub taskname: TaskName,
    pub identifier: String,
    /// The goal of the status-waiter; `None` if there is nothing to wait for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub wait_for: Option<Goal>,
    /// Whether the goal may be met already, so that the wait reads RDS at once.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub soon: bool,
    /// Whether the step has more to do after the goal, so that the state machine calls it again.
    pub more: bool,
    /// The resource id of the restored database if a rollback found that the run has committed: that database stays.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub committed: Option<String>,
    /// Notes for a person: settings that did not carry over, databases that the step did not change.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<String>,
    /// The backup that a snapshot step has created: the state machine pins it in the plan.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<Source>,
    /// The status-waiter's last answer, which the state machine stores here.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub wait: Option<WaitOutput>,
}

impl StepOutput {
    /// The step is complete; there is nothing to wait for.
    pub fn done(taskname: TaskName, identifier: impl Into<String>) -> Self {
        Self {
            taskname,
            identifier: identifier.into(),
            wait_for: None,
            soon: false,
            more: false,
            committed: None,
            notes: Vec::new(),
            source: None,
            wait: None,
        }
    }

    /// As [`Self::waiting_for`], for a goal that was met a moment ago.
    #[must_use]
    pub fn confirming(self, goal: Goal) -> Self {
        Self { soon: true, ..self.waiting_for(goal) }
    }

    /// The step has made its last call: once `goal` is met, the next step may begin.
    #[must_use]
    pub fn waiting_for(mut self, goal: Goal) -> Self {
        self.wait_for = Some(goal);
        self
    }

    /// Once `goal` is met, this step has more to do.
    #[must_use]
    pub fn then_more(mut self, goal: Goal) -> Self {
        self.wait_for = Some(goal);
        self.more = true;
        self
    }
}

/// The comparison of the restored database with the original.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Verification {
    pub taskname: TaskName,
    pub identifier: String,
    /// The restored database's resource id.
    pub resource_id: String,
    /// Differences that are no reason to roll back.
    pub differences: Vec<String>,
}

/// The commit: after it the restored database stays, and the run may delete the original.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Commit {
    pub taskname: TaskName,
    pub identifier: String,
    /// The restored database's resource id.
    pub resource_id: String,
}

/// The payload of the status-waiter.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct WaitEvent {
    pub request: Request,
    /// The output of the step before the wait, with the last answer of this wait if there was one.
    pub task: StepOutput,
    /// When the rollback began; a wait of the rollback has the rollback's deadline.
    #[serde(default)]
    pub rollback_started_at: Option<Timestamp>,
    /// Present in a wait of the rollback: a redriven execution continues with its old document.
    #[serde(default)]
    pub execution: Option<ExecutionContext>,
}

/// The part of Step Functions' context object that Trapheus reads.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct ExecutionContext {
    /// The time of the execution's last redrive.
    #[serde(default)]
    pub redrive_time: Option<Timestamp>,
}

impl ExecutionContext {
    /// The beginning of a rollback, or of its redrive.
    fn begun(execution: Option<Self>, started_at: Timestamp) -> Timestamp {
        let redriven = execution.and_then(|execution| execution.redrive_time);
        started_at.max(redriven.unwrap_or(started_at))
    }
}

impl WaitEvent {
    /// The deadline of this wait.
    pub fn deadline(&self) -> Timestamp {
        match self.rollback_started_at {
            Some(start) => {
                let begun = ExecutionContext::begun(self.execution, start);
                begun.plus_seconds(self.request.options.rollback_seconds)
            }
            None => self.request.deadline,
        }
    }
}

/// The status that the Choice state behind a wait reads, in the original project's words.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum WaitStatus {
    #[serde(rename = "TASK_COMPLETE")]
    Complete,
    #[serde(rename = "TASK_PENDING")]
    Pending,
}

/// The status-waiter's answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct WaitOutput {
    pub task: WaitStatus,
    pub taskname: TaskName,
    pub identifier: String,
    /// The last observation, for the console and the alerts.
    pub observed: String,
    /// The time since which each read has shown this observation, passed from one wait to the next.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub since: Option<Timestamp>,
    /// The time of the last observation.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub at: Option<Timestamp>,
    /// The time since which no read has shown the awaited database, passed from one wait to the next.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub absent_since: Option<Timestamp>,
    /// Whether the database has answered under no name for so long that it is deleted. The step then has no more work on
    /// it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub gone: bool,
}

/// The payload of `FindInterruptedExecution`: as [`ValidateEvent`], for an input whose task is `recover`.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RecoverEvent {
    /// The recovery's own execution.
    pub execution: String,
    pub input: serde_json::Value,
}

/// The finding of a recovery: the repair that the interrupted execution needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Finding {
    /// No repair: the databases are in order, and the alerts were sent.
    Nothing,
    /// The original exists without a verified successor: the recovery puts it back.
    RollBack,
    /// The database has its service name: at most claims are left to release.
    Release,
    /// The restored database is verified and stays; a person deletes the rest of the original.
    LeftOver,
    /// The databases do not prove which one the recovery may change, so a person decides.
    Unresolved,
}

/// Error and cause, as a `Catch` stores them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Caught {
    pub error: String,
    pub cause: String,
}

/// The state document of a recovery after it has examined the interrupted execution. The recovery then takes that
/// execution's place.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RecoveryDocument {
    /// The recovery's own input.
    pub input: serde_json::Value,
    pub recovery: RecoveryOutput,
    /// The interrupted execution's request, with that execution's claim and names.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub request: Option<Request>,
    /// The interrupted execution's [`Plan`], with the original as it is now.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub plan: Option<serde_json::Value>,
    /// The first error of the interrupted execution.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<Caught>,
}

/// The finding of a recovery.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RecoveryOutput {
    pub taskname: TaskName,
    pub finding: Finding,
    /// The reason in one sentence.
    pub reason: String,
    /// The interrupted execution, if one was found.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub execution: Option<String>,
    /// The execution's final status in Step Functions.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<String>,
    /// The resource id of the restored database, if it is verified.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub verified: Option<String>,
}

/// The kind of an alert.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum AlertPhase {
    /// Sent at once: the failure, and that the rollback has begun.
    First,
    /// Sent at the end of a failed run: the databases that exist now.
    Final,
    /// The only alert of a run that succeeded except for the export.
    Export,
    /// Optional: the restored database is verified, or the snapshot is taken.
    Success,
}

/// The payload of `email` and `slack`. The document may have any shape: a run that failed in `ValidateInput` has no
/// request.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct AlertEvent {
    pub phase: AlertPhase,
    pub execution: String,
    /// The name of the failed state; empty if no state failed, as in a recovery of another execution.
    #[serde(default)]
    pub failed_state: Option<String>,
    pub document: serde_json::Value,
}

/// The result of an alert by mail, in the state document.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct AlertOutput {
    pub phase: AlertPhase,
    pub message_id: String,
}

/// The result of an alert in Slack, in the state document.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SlackOutput {
    pub phase: AlertPhase,
    /// The number of webhooks that accepted the alert; zero if none is configured.
    pub delivered: usize,
    /// The errors of the other webhooks, without their addresses.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub undelivered: Vec<String>,
}
