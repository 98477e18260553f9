//! The state document: one JSON object that flows through the state machine, to which every state adds its own key.
//!
//! | key | written by | type |
//! |---|---|---|
//! | `input` | `KeepInputApart` | the user's input, whatever it is: no key of it is ever taken for one of the machine's |
//! | `request` | `ValidateInput` | [`Request`] |
//! | `wake` | `NoteSleepingFunction` | `{failed: true}`: a function of the rollback or the alerts did not wake |
//! | `plan` | `PreflightDbInstance`, `PreflightCluster` | [`Plan`] of an [`OriginalInstance`] or [`OriginalCluster`] |
//! | `claim`, `snapshot`, `rename`, `restore`, `settings`, `protection`, `delete`, `release` | the step of that name | [`StepOutput`] |
//! | `verification` | the step of that name | [`Verification`] |
//! | `commit` | the step of that name | [`Commit`]: from here on the restored database stays |
//! | `export` | `Plan…SnapshotExport`, then the step and the wait of that name | [`ExportRequest`], then [`ExportOutput`] |
//! | `<step>.wait` | the status-waiter after that step | [`WaitOutput`] |
//! | `error` | every `Catch` | [`Caught`]: error and cause of the first failure |
//! | `recovery` | `FindInterruptedExecution` | [`RecoveryOutput`]; it also writes the `request`, `plan` and `error` of the interrupted execution ([`RecoveryDocument`]) |
//! | `downtime` | `Begin…Downtime` | `{since}`: when the name is about to be without a database |
//! | `failure` | `FailedState` | `{alert, rollback, slack}`: what its three branches did |
//! | `notice` | `SuccessNotices` | `{mail, slack}`: [`AlertOutput`], [`SlackOutput`], or the error that kept it |
//! | `alerts` | `FinalAlerts`, `ExportAlerts` | the same |
//!
//! Inside `FailedState` the rollback branch keeps its own key `rollback`: `{startedAt, discard, rename, aside, release}`, and
//! `error` and `failed: {state}` if it could not finish. The state of the run that failed is in the variable `failedState`,
//! which each `Catch` assigns and the alerts receive.
//!
//! A failure of the export is no failure of the run: its `Catch` leaves it in `export.failure`, as [`ExportOutput`] does.
//!
//! The document stays far below Step Functions' limit of 256 KiB, whatever the database: tags are read from the original
//! where they are needed, and only their number and hash are carried; nothing is held twice.

use serde::{Deserialize, Serialize};

use crate::timestamp::Timestamp;
use crate::error::{Error, Result};
use crate::identifiers::{DatabaseIdentifier, DatabaseKind, ExportIdentifier, SnapshotIdentifier};
use crate::settings::{ClusterSettings, InstanceSettings};
use crate::wait::Goal;

/// Every key that the state machine writes at the top of the document, besides `input`.
pub const KEYS: [&str; 21] = [
    "request",
    "wake",
    "plan",
    "claim",
    "snapshot",
    "rename",
    "restore",
    "settings",
    "verification",
    "commit",
    "protection",
    "delete",
    "release",
    "export",
    "error",
    "recovery",
    "downtime",
    "failure",
    "rollback",
    "notice",
    "alerts",
];

/// The size that the document stays below, in bytes: Step Functions ends an execution at 256 KiB, and a function's input
/// carries the document's keys once more.
pub const MOST_BYTES: usize = 100 * 1024;

/// What the user asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Task {
    /// Create or replace `<identifier>-snapshot`, then restore from it.
    CreateSnapshot,
    /// Restore from the `<identifier>-snapshot` that exists.
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

/// How an existing `<identifier>-snapshot` gives way to a new one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum SnapshotReplacement {
    /// Take the new one as `<identifier>-temp` first; the old one goes only once that is available.
    #[default]
    KeepUntilReplaced,
    /// The original project's way: delete the old one, then take the new one. A failure between leaves no snapshot.
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

/// What the deployment decides for every run: parameters of the stack, copied into each request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Options {
    pub snapshot_replacement: SnapshotReplacement,
    /// Keep the deleted original's automated backups, so that it can still be restored to a point in time.
    pub keep_automated_backups: bool,
    /// Take [`Names::final_snapshot`] before the original is deleted.
    pub final_snapshot: bool,
    /// How long the rollback may take once it has begun.
    pub rollback_seconds: u64,
    /// Tell people about runs that succeed, too.
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
    /// The execution's ARN: the value of our claim and of the mark on everything the run creates.
    pub execution: String,
    pub started_at: Timestamp,
    /// Every wait of the run ends by then; the rollback has a deadline of its own.
    pub deadline: Timestamp,
    /// The export of the snapshot that the run takes, if one is wanted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub export: Option<ExportRequest>,
    /// How old the backup may be when the run begins, if the input limits it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub maximum_age_seconds: Option<u64>,
    #[serde(flatten)]
    pub options: Options,
}

/// An export of the run's snapshot to S3.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ExportRequest {
    /// The export task's, derived from the execution.
    pub identifier: ExportIdentifier,
    /// Whether the run ends only when the export has.
    pub wait: bool,
}

/// The path a restore takes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Strategy {
    /// The original gives up its name first; the restored database is created under it.
    #[default]
    RenameFirst,
}

/// What a run works with, decided before anything is touched. `O` is [`OriginalInstance`] or [`OriginalCluster`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Plan<O> {
    #[serde(default)]
    pub strategy: Strategy,
    /// When RDS was read. A claim refuses a plan that is older than [`Self::FRESH_SECONDS`].
    pub read_at: Timestamp,
    /// The pinned backup. Absent where the run takes its snapshot itself, until that is available.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<Source>,
    pub names: Names,
    pub original: O,
    /// Facts that a reader of the run should know, such as the age of the data.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<String>,
}

impl<O> Plan<O> {
    /// How old a plan may be when the database is claimed, in seconds.
    ///
    /// A redriven execution goes on with the document it stopped with, so its plan may be days old.
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

/// The backup that a run restores, pinned by what never changes about it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Source {
    pub kind: SourceKind,
    pub arn: String,
    /// When the data was taken: `OriginalSnapshotCreateTime`, which a copy keeps, else `SnapshotCreateTime`.
    pub created_at: Timestamp,
    /// When this snapshot itself was created: another snapshot of the same name has another time.
    pub taken_at: Timestamp,
    /// The name that the snapshot's source had then.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source_identifier: Option<String>,
    /// `DbiResourceId` or `DbClusterResourceId` of the snapshot's source, where RDS reports it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source_resource_id: Option<String>,
}

/// The kind of a pinned backup.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum SourceKind {
    Snapshot,
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
    /// Absent where the restored database is created under the service name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub staged: Option<DatabaseIdentifier>,
}

impl DatabaseNames {
    /// The name that has this role.
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

/// Every name a run gives, with its role. Only the plan derives names.
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
    /// The name that a replacement of the snapshot is first taken as.
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

/// A database's own tags, by number and hash: enough to notice a change, and small whatever the tags.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct TagDigest {
    pub count: usize,
    /// SHA-256 of the sorted keys and values, in hexadecimal digits.
    pub sha256: String,
}

/// A database the run works on: the id that never changes, and the names it may have.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Target {
    pub names: DatabaseNames,
    /// `DbiResourceId` or `DbClusterResourceId`: what decides which database may be deleted or put back.
    pub resource_id: String,
}

impl Target {
    /// The name that people know it by.
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

/// The DB instance as it was before the run touched it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct OriginalInstance {
    pub resource_id: String,
    pub engine: String,
    pub engine_version: String,
    /// The user's tags; ours and reserved ones left out.
    pub tags: TagDigest,
    pub settings: InstanceSettings,
    /// What will not carry over, for the run's output and alerts.
    #[serde(default)]
    pub not_carried_over: Vec<String>,
}

/// The two kinds of DB cluster, which differ in who owns the members.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ClusterKind {
    /// Members are named, renamed, created and deleted one by one.
    Aurora,
    /// RDS owns the members; everything happens at the cluster.
    MultiAz,
}

/// A member of an Aurora cluster, or of a Multi-AZ DB cluster as far as it is visible.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Member {
    #[serde(flatten)]
    pub target: Target,
    pub is_writer: bool,
    pub tags: TagDigest,
    pub settings: InstanceSettings,
}

/// The DB cluster as it was before the run touched it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct OriginalCluster {
    pub resource_id: String,
    pub cluster_kind: ClusterKind,
    pub engine: String,
    pub engine_version: String,
    /// The user's tags; ours and reserved ones left out.
    pub tags: TagDigest,
    pub settings: ClusterSettings,
    /// The writer first.
    pub members: Vec<Member>,
    /// What will not carry over, for the run's output and alerts.
    #[serde(default)]
    pub not_carried_over: Vec<String>,
}

impl ClusterKind {
    /// The kind of an engine's clusters; none for those RDS only lists.
    pub fn of_engine(engine: &str) -> Option<Self> {
        match engine {
            engine if engine.starts_with("aurora") => Some(Self::Aurora),
            "mysql" | "postgres" => Some(Self::MultiAz),
            _ => None,
        }
    }
}

impl OriginalCluster {
    /// The members that are renamed, created and deleted one by one: none of a Multi-AZ DB cluster's.
    pub fn own_members(&self) -> &[Member] {
        match self.cluster_kind {
            ClusterKind::Aurora => &self.members,
            ClusterKind::MultiAz => &[],
        }
    }
}

/// The payload of `ValidateInput`: the raw input, and what only Step Functions knows.
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
    /// Whether the run has failed: then an original that does not answer was not deleted by it, and is looked for.
    #[serde(default)]
    pub after_failure: bool,
}

/// The payload of a discard: the rollback's removal of what the run restored.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct DiscardEvent<O> {
    pub request: Request,
    pub plan: Plan<O>,
    /// The name that the restored database is removed from.
    pub at: NameRole,
    pub rollback_started_at: Timestamp,
    #[serde(default)]
    pub execution: Option<ExecutionContext>,
}

impl<O> DiscardEvent<O> {
    /// Until when a restored database is awaited that has the service name and that RDS works on: half of the rollback's
    /// time, so that the other half is left for the original.
    pub fn awaits_until(&self) -> Timestamp {
        self.begun().plus_seconds(self.request.options.rollback_seconds / 2)
    }

    /// The same for a restored database that was moved aside, once the original has its name back.
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
    /// The name that the original has by then.
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
    /// Whether the run has failed: then the rename does what it still can.
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
    /// What is known of the export so far.
    pub export: ExportSoFar,
}

/// What one call of the start hands to the next.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ExportSoFar {
    #[serde(default)]
    pub queued_until: Option<Timestamp>,
}

/// The export as it was seen last.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ExportOutput {
    pub taskname: TaskName,
    /// The export task's identifier, and the name of its folder in the bucket.
    pub identifier: ExportIdentifier,
    /// What the Choice behind it looks at: `TASK_PENDING` calls again.
    pub task: WaitStatus,
    /// RDS's own status, or `QUEUED` while the account has no place for another export, or `UNKNOWN`.
    pub status: String,
    pub percent_progress: i32,
    /// Where the data is, below the folder of the identifier.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bucket: Option<String>,
    /// Until when a place is waited for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub queued_until: Option<Timestamp>,
    /// Why there will be no export. A `Catch` puts what a function raised here.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failure: Option<Caught>,
    /// What RDS says of an export that is complete, such as tables it has left out.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<String>,
}

/// The payload of the deletion of the original.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct DeleteEvent<O> {
    pub request: Request,
    pub plan: Plan<O>,
    /// The name of the original. Under another one it is not deleted.
    pub at: NameRole,
    /// The name of its successor.
    pub successor_at: NameRole,
    /// The successor, without which the original is not deleted.
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

/// What a step set going, and what has to be true before the next one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct StepOutput {
    pub taskname: TaskName,
    pub identifier: String,
    /// What the status-waiter waits for; nothing if all is done already.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub wait_for: Option<Goal>,
    /// Whether it may be met already, so that the first look comes at once.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub soon: bool,
    /// Whether the step has more to do once that is met, and wants to be called again.
    pub more: bool,
    /// The resource id of the restored database if a rollback found that the run has committed: that database stays.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub committed: Option<String>,
    /// What a person should know of it: what did not carry over, what was left alone.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<String>,
    /// The backup that a snapshot step has made available: the state machine pins it in the plan.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<Source>,
    /// The status-waiter's last answer, put here by the state machine.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub wait: Option<WaitOutput>,
}

impl StepOutput {
    /// All is done; there is nothing to wait for.
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

    /// The step's last act is under way: once `goal` is met, the next step may begin.
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
    /// Differences that do not matter enough to roll back.
    pub differences: Vec<String>,
}

/// The point of no return: from here on the restored database stays, and the original may be deleted.
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
    /// The output of the step that is waited for, with the last answer of this wait if there was one.
    pub task: StepOutput,
    /// When the rollback began; a wait of the rollback has the rollback's deadline.
    #[serde(default)]
    pub rollback_started_at: Option<Timestamp>,
    /// Given to a wait of the rollback: a redriven execution goes on with the document it stopped with.
    #[serde(default)]
    pub execution: Option<ExecutionContext>,
}

/// Step Functions' context object of the execution, as far as it is looked at.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct ExecutionContext {
    /// When the execution was redriven last.
    #[serde(default)]
    pub redrive_time: Option<Timestamp>,
}

impl ExecutionContext {
    /// When a rollback began that may have been redriven.
    fn begun(execution: Option<Self>, started_at: Timestamp) -> Timestamp {
        let redriven = execution.and_then(|execution| execution.redrive_time);
        started_at.max(redriven.unwrap_or(started_at))
    }
}

impl WaitEvent {
    /// When this wait has to give up.
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

/// What the Choice behind a wait looks at, in the original project's words.
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
    /// What was seen last, for the console and the alerts.
    pub observed: String,
    /// Since when it has been seen like that, carried from one wait to the next.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub since: Option<Timestamp>,
    /// When that was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub at: Option<Timestamp>,
    /// Since when what is waited for has not been there at all, carried from one wait to the next.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub absent_since: Option<Timestamp>,
    /// Whether the database has answered under no name for so long that it is gone: a step has no more to do with it.
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

/// What is to be done about an execution that could not finish.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Finding {
    /// Nothing: all is well, and people have been told.
    Nothing,
    /// The original is there, and nothing that succeeds it is verified: put it back.
    RollBack,
    /// The database is where it belongs: at most marks are left to lift.
    Release,
    /// The restored database is verified and stays; what is left of the original is for a person to delete.
    LeftOver,
    /// What there is does not tell what may be touched: a person decides.
    Unresolved,
}

/// Error and cause, as a `Catch` leaves them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Caught {
    pub error: String,
    pub cause: String,
}

/// The state document of a recovery once it knows what the interrupted execution left behind: from here on the recovery
/// stands in for that execution.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RecoveryDocument {
    /// The recovery's own input.
    pub input: serde_json::Value,
    pub recovery: RecoveryOutput,
    /// The interrupted execution's request: its claim and names, not this one's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub request: Option<Request>,
    /// The interrupted execution's [`Plan`], with the original as it is now.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub plan: Option<serde_json::Value>,
    /// The first error of the interrupted execution.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<Caught>,
}

/// What a recovery found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RecoveryOutput {
    pub taskname: TaskName,
    pub finding: Finding,
    /// One sentence on why.
    pub reason: String,
    /// The interrupted execution, if one was found.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub execution: Option<String>,
    /// How Step Functions says it ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<String>,
    /// The resource id of the restored database, if it is verified.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub verified: Option<String>,
}

/// Which of the alerts about a run this is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum AlertPhase {
    /// At once: what failed, and that the rollback has begun.
    First,
    /// At the end of a run that failed: what exists now.
    Final,
    /// The one alert of a run that did all but the export.
    Export,
    /// For who wants to know: that a restored database is verified, or a snapshot taken.
    Success,
}

/// The payload of `email` and `slack`. The document may be of any shape: a run that failed in `ValidateInput` has no request.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct AlertEvent {
    pub phase: AlertPhase,
    pub execution: String,
    /// The name of the state that failed; empty if none did, as in a recovery of another execution.
    #[serde(default)]
    pub failed_state: Option<String>,
    pub document: serde_json::Value,
}

/// What an alert by mail leaves in the state document.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct AlertOutput {
    pub phase: AlertPhase,
    pub message_id: String,
}

/// What an alert in Slack leaves in the state document.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SlackOutput {
    pub phase: AlertPhase,
    /// How many webhooks took it; none if none is configured.
    pub delivered: usize,
    /// Why the others did not, without their addresses.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub undelivered: Vec<String>,
}
