//! The world file: the databases and snapshots before the first request, the durations of operations, and the faults.
//!
//! Owns the file format and its defaults. `build.rs` checks the contents of a world, such as references between its parts
//! and taken names. The JSON Schema beside the crate is generated from these types.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::faults::{FaultRule, Intervention};
use crate::settings::{ClusterSettings, InstanceSettings};

/// A world that cannot be read or cannot exist. The message names the place.
#[derive(Debug, thiserror::Error)]
pub enum WorldError {
    /// Not JSON, or not in the format of the schema.
    #[error("the world file is not valid")]
    Format(#[from] serde_json::Error),
    /// The file is well formed, but the world cannot exist.
    #[error("{place}: {problem}")]
    Impossible {
        /// Path inside the file, such as `clusters[0].members[1]`.
        place: String,
        /// The problem at this place.
        problem: String,
    },
}

/// Everything that exists at the start.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(default, rename_all = "camelCase", deny_unknown_fields)]
pub struct World {
    /// For editors: where the schema of this file is. Not read.
    #[serde(rename = "$schema", skip_serializing_if = "Option::is_none")]
    pub schema: Option<String>,
    pub region: String,
    pub account: String,
    /// Stand-alone DB instances and read replicas.
    pub instances: Vec<InstanceSpec>,
    /// Aurora clusters (`aurora-…`) and Multi-AZ DB clusters (`mysql`, `postgres`).
    pub clusters: Vec<ClusterSpec>,
    pub snapshots: Vec<SnapshotSpec>,
    pub cluster_snapshots: Vec<ClusterSnapshotSpec>,
    /// Groups beyond the default ones and those the databases above name.
    pub parameter_groups: Vec<GroupSpec>,
    pub cluster_parameter_groups: Vec<GroupSpec>,
    pub option_groups: Vec<GroupSpec>,
    pub subnet_groups: Vec<GroupSpec>,
    pub proxies: Vec<ProxySpec>,
    pub cluster_endpoints: Vec<ClusterEndpointSpec>,
    pub blue_green_deployments: Vec<BlueGreenSpec>,
    /// Automated backups of instances deleted earlier; they count against the quota.
    pub retained_backups: Vec<RetainedBackupSpec>,
    /// Automated backups of clusters deleted earlier; they count against the quota.
    pub retained_cluster_backups: Vec<RetainedClusterBackupSpec>,
    /// Instance classes that databases still have and that new ones cannot be of.
    pub withdrawn_classes: Vec<String>,
    /// The certificate authorities that RDS has; the first is the default of new databases.
    pub certificates: Vec<CertificateSpec>,
    /// Engine versions that differ from the default: RDS offers each version that a database or snapshot of this
    /// file names, and the current ones, unless it withdrew them.
    pub engine_versions: Vec<EngineVersionSpec>,
    /// Where a class can be ordered. A class without a row can be ordered for each engine in each zone.
    pub orderable_options: Vec<OrderableSpec>,
    /// Security groups and their VPCs. A group that is not listed belongs to every VPC.
    pub security_groups: Vec<SecurityGroupSpec>,
    /// Zero-ETL integrations.
    pub integrations: Vec<IntegrationSpec>,
    /// Actions besides the one called that RDS checks on a call and that the callers may perform, such as
    /// `rds:CreateTenantDatabase`.
    pub granted: Vec<String>,
    /// Members that RDS makes for a Multi-AZ DB cluster, by name, and that end in `failed` beside an available cluster.
    pub failing_members: Vec<String>,
    /// Stopped databases, by name, that RDS has no capacity to start.
    pub without_capacity: BTreeMap<String, Shortage>,
    pub timings: Timings,
    pub lag: Lag,
    /// Lambda's treatment of the embedder's functions. The simulator itself runs none.
    pub lambda: Lambda,
    pub limits: Limits,
    pub unverified: Unverified,
    /// The faults of requests, by action and occurrence.
    pub faults: Vec<FaultRule>,
    /// The requests of people during the run.
    pub meddling: Vec<Intervention>,
    /// Faults of functions and executions, in a form that the embedder reads. The simulator itself does not.
    pub disturbances: Vec<serde_json::Value>,
}

impl Default for World {
    fn default() -> Self {
        Self {
            schema: None,
            region: "us-east-1".to_owned(),
            account: "123456789012".to_owned(),
            instances: Vec::new(),
            clusters: Vec::new(),
            snapshots: Vec::new(),
            cluster_snapshots: Vec::new(),
            parameter_groups: Vec::new(),
            cluster_parameter_groups: Vec::new(),
            option_groups: Vec::new(),
            subnet_groups: Vec::new(),
            proxies: Vec::new(),
            cluster_endpoints: Vec::new(),
            blue_green_deployments: Vec::new(),
            retained_backups: Vec::new(),
            retained_cluster_backups: Vec::new(),
            withdrawn_classes: Vec::new(),
            certificates: current_certificates(),
            engine_versions: Vec::new(),
            orderable_options: Vec::new(),
            security_groups: Vec::new(),
            integrations: Vec::new(),
            granted: Vec::new(),
            failing_members: Vec::new(),
            without_capacity: BTreeMap::new(),
            timings: Timings::default(),
            lag: Lag::default(),
            lambda: Lambda::default(),
            limits: Limits::default(),
            unverified: Unverified::default(),
            faults: Vec::new(),
            meddling: Vec::new(),
            disturbances: Vec::new(),
        }
    }
}

impl World {
    /// Reads a world file.
    pub fn from_json(text: &str) -> Result<Self, WorldError> {
        Ok(serde_json::from_str(text)?)
    }
}

fn available() -> String {
    "available".to_owned()
}

fn in_sync() -> ApplyStatus {
    ApplyStatus::InSync
}

/// How far a parameter or option group is in force.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum ApplyStatus {
    InSync,
    Applying,
    PendingReboot,
    PendingApply,
}

impl ApplyStatus {
    /// As RDS spells it.
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::InSync => "in-sync",
            Self::Applying => "applying",
            Self::PendingReboot => "pending-reboot",
            Self::PendingApply => "pending-apply",
        }
    }
}

/// A DB instance.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct InstanceSpec {
    pub identifier: String,
    pub engine: String,
    /// Made up from the seed when not given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resource_id: Option<String>,
    #[serde(default = "available")]
    pub status: String,
    #[serde(default)]
    pub settings: InstanceSettings,
    /// Modifications that wait for the maintenance window.
    #[serde(default)]
    pub pending: InstanceSettings,
    #[serde(default)]
    pub tags: BTreeMap<String, String>,
    /// How long ago it was created.
    #[serde(default = "thirty_days")]
    pub age_hours: u32,
    /// The instance this one is a read replica of.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub replica_of: Option<String>,
    /// Whether the master password is kept in Secrets Manager.
    #[serde(default)]
    pub managed_master_password: bool,
    /// The customer managed key of that secret; without it, Secrets Manager's own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub master_secret_kms_key_id: Option<String>,
    #[serde(default)]
    pub associated_roles: Vec<RoleSpec>,
    /// ARNs of automated backups replicated to other regions.
    #[serde(default)]
    pub backup_replications: Vec<String>,
    #[serde(default = "in_sync")]
    pub parameter_apply_status: ApplyStatus,
    #[serde(default = "in_sync")]
    pub option_group_status: ApplyStatus,
}

/// An IAM role associated with a database.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct RoleSpec {
    pub role_arn: String,
    #[serde(default)]
    pub feature: String,
}

/// A DB cluster with its members.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ClusterSpec {
    pub identifier: String,
    pub engine: String,
    /// Made up from the seed when not given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resource_id: Option<String>,
    #[serde(default = "available")]
    pub status: String,
    #[serde(default)]
    pub settings: ClusterSettings,
    /// Modifications that wait for the maintenance window.
    #[serde(default)]
    pub pending: ClusterSettings,
    #[serde(default)]
    pub tags: BTreeMap<String, String>,
    /// How long ago it and its members were created.
    #[serde(default = "thirty_days")]
    pub age_hours: u32,
    /// The first is the writer unless another says so. A Multi-AZ DB cluster that names none has three.
    #[serde(default)]
    pub members: Vec<MemberSpec>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub global_cluster: Option<String>,
    /// ARN of the cluster this one replicates.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub replication_source: Option<String>,
    #[serde(default)]
    pub managed_master_password: bool,
    /// The customer managed key of that secret; without it, Secrets Manager's own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub master_secret_kms_key_id: Option<String>,
    #[serde(default)]
    pub associated_roles: Vec<RoleSpec>,
    /// Whether another account sees it through AWS RAM. Such a cluster cannot be renamed.
    #[serde(default)]
    pub ram_shared: bool,
    /// `CloneGroupId`. The first cluster of a group in this file is the original, the others are clones.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub clone_group: Option<String>,
}

/// A member of a cluster.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct MemberSpec {
    pub identifier: String,
    #[serde(default)]
    pub writer: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resource_id: Option<String>,
    #[serde(default = "available")]
    pub status: String,
    #[serde(default)]
    pub settings: InstanceSettings,
    #[serde(default)]
    pub pending: InstanceSettings,
    #[serde(default)]
    pub tags: BTreeMap<String, String>,
    #[serde(default = "in_sync")]
    pub parameter_apply_status: ApplyStatus,
    /// The same of the parameter group of its cluster.
    #[serde(default = "in_sync")]
    pub cluster_parameter_status: ApplyStatus,
}

/// The age in hours of a database that does not say otherwise.
pub(crate) const THIRTY_DAYS: u32 = 30 * 24;

const fn thirty_days() -> u32 {
    THIRTY_DAYS
}

fn manual() -> String {
    "manual".to_owned()
}

/// A snapshot of a DB instance. What the source says is taken over unless given here.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct SnapshotSpec {
    pub identifier: String,
    /// Identifier of the instance it was taken of, which need not exist any more.
    pub source: String,
    /// Needed when the source no longer exists.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub engine: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source_resource_id: Option<String>,
    /// `manual`, `automated` or `awsbackup`.
    #[serde(default = "manual", rename = "type")]
    pub kind: String,
    #[serde(default = "available")]
    pub status: String,
    #[serde(default)]
    pub settings: InstanceSettings,
    #[serde(default)]
    pub tags: BTreeMap<String, String>,
    #[serde(default = "one_day")]
    pub age_hours: u32,
    /// The age of the snapshot that this one is a copy of; else its own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub original_age_hours: Option<u32>,
    /// The account that owns it and shares it with this one; this account when not given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub account: Option<String>,
    /// The region that it is in; the world's when not given. A copy brings it here.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub region: Option<String>,
    /// Whether its owner shares it with every account.
    #[serde(default)]
    pub public: bool,
    /// Whether its source uses Transparent Data Encryption. Such a snapshot cannot be shared.
    #[serde(default)]
    pub tde: bool,
}

fn one_day() -> u32 {
    24
}

/// A snapshot of a DB cluster. What the source says is taken over unless given here.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ClusterSnapshotSpec {
    pub identifier: String,
    /// Identifier of the cluster it was taken of, which need not exist any more.
    pub source: String,
    /// Needed when the source no longer exists.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub engine: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source_resource_id: Option<String>,
    /// `manual`, `automated` or `awsbackup`.
    #[serde(default = "manual", rename = "type")]
    pub kind: String,
    #[serde(default = "available")]
    pub status: String,
    #[serde(default)]
    pub settings: ClusterSettings,
    #[serde(default)]
    pub tags: BTreeMap<String, String>,
    #[serde(default = "one_day")]
    pub age_hours: u32,
    /// The age of the snapshot that this one is a copy of; else its own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub original_age_hours: Option<u32>,
    /// The account that owns it and shares it with this one; this account when not given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub account: Option<String>,
    /// The region that it is in; the world's when not given. A copy brings it here.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub region: Option<String>,
    /// Whether its owner shares it with every account.
    #[serde(default)]
    pub public: bool,
}

/// A parameter, option or subnet group.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct GroupSpec {
    pub name: String,
    /// Parameter group family, or the engine of an option group.
    #[serde(default)]
    pub family: String,
    /// Major engine version of an option group.
    #[serde(default)]
    pub major_version: String,
    /// Zones of a subnet group; the first three of the region when not given.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub availability_zones: Vec<String>,
    /// The VPC of a subnet group.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub vpc: Option<String>,
    /// Whether the subnets of a subnet group are on an Outpost.
    #[serde(default)]
    pub outpost: bool,
    /// Whether no database starts with this parameter group: the reboot that puts it in force ends in
    /// `incompatible-parameters`.
    #[serde(default)]
    pub incompatible: bool,
}

/// A certificate authority of RDS.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct CertificateSpec {
    pub identifier: String,
    /// RFC 3339.
    #[serde(default = "certificate_end")]
    pub valid_till: String,
}

fn certificate_end() -> String {
    "2061-05-18T23:59:59Z".to_owned()
}

/// <https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/UsingWithRDS.SSL.html#UsingWithRDS.SSL.RegionCertificateAuthorities>
fn current_certificates() -> Vec<CertificateSpec> {
    let authorities = [
        ("rds-ca-rsa2048-g1", "2061-05-25T22:34:57Z"),
        ("rds-ca-rsa4096-g1", "2121-05-25T22:38:35Z"),
        ("rds-ca-ecc384-g1", "2121-05-25T22:41:55Z"),
    ];
    let spec = |(identifier, valid_till): (&str, &str)| CertificateSpec {
        identifier: identifier.to_owned(),
        valid_till: valid_till.to_owned(),
    };
    authorities.into_iter().map(spec).collect()
}

/// Whether new databases may run an engine version.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub enum Offer {
    Offered,
    /// Databases that run it keep it; none can be created, restored or upgraded to it.
    Withdrawn,
}

fn offered() -> Offer {
    Offer::Offered
}

/// An engine version.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct EngineVersionSpec {
    pub engine: String,
    pub version: String,
    #[serde(default = "offered")]
    pub offer: Offer,
    /// The version that RDS upgrades a restored database to whose extended support is disabled, because this one is
    /// past its standard support.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub upgraded_to: Option<String>,
}

/// A combination in which an instance class can be ordered.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct OrderableSpec {
    pub class: String,
    /// Each engine when not given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub engine: Option<String>,
    /// Each version when not given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub engine_version: Option<String>,
    /// Each zone when not given.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub availability_zones: Vec<String>,
}

/// A security group of a VPC.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct SecurityGroupSpec {
    pub id: String,
    pub vpc: String,
    /// Whether it is the default group of its VPC.
    #[serde(default)]
    pub default: bool,
}

/// A zero-ETL integration.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct IntegrationSpec {
    pub name: String,
    /// ARN of the database it reads.
    pub source: String,
    /// ARN of the warehouse it writes to.
    pub target: String,
    /// `active`, `syncing`, `failed` and others.
    #[serde(default = "active")]
    pub status: String,
}

fn active() -> String {
    "active".to_owned()
}

/// An RDS Proxy and what it points at.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ProxySpec {
    pub name: String,
    /// Instances the proxy's default target group points at.
    #[serde(default)]
    pub instances: Vec<String>,
    /// Clusters the proxy's default target group points at.
    #[serde(default)]
    pub clusters: Vec<String>,
}

/// A custom endpoint of an Aurora cluster.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ClusterEndpointSpec {
    pub identifier: String,
    pub cluster: String,
    /// `READER` or `ANY`.
    #[serde(default = "any")]
    pub kind: String,
    #[serde(default)]
    pub static_members: Vec<String>,
}

fn any() -> String {
    "ANY".to_owned()
}

/// A blue/green deployment.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct BlueGreenSpec {
    pub name: String,
    /// ARN of the blue database.
    pub source: String,
    /// ARN of the green database.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub target: Option<String>,
    #[serde(default = "available_upper")]
    pub status: String,
}

fn available_upper() -> String {
    "AVAILABLE".to_owned()
}

/// Automated backups kept after their instance was deleted.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct RetainedBackupSpec {
    /// The last name of the instance.
    pub instance: String,
    pub resource_id: String,
    #[serde(default = "mysql")]
    pub engine: String,
    /// RDS keeps the backups for `backupRetentionPeriod` days after the deletion; seven days when not given.
    #[serde(default)]
    pub settings: InstanceSettings,
    /// The tags of the instance when it was deleted.
    #[serde(default)]
    pub tags: BTreeMap<String, String>,
    /// How long ago the instance was created.
    #[serde(default = "thirty_days")]
    pub age_hours: u32,
    /// How long ago the instance was deleted.
    #[serde(default = "one_hour")]
    pub deleted_hours_ago: u32,
}

/// Automated backups kept after their cluster was deleted.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct RetainedClusterBackupSpec {
    /// The last name of the cluster.
    pub cluster: String,
    pub resource_id: String,
    #[serde(default = "aurora_postgresql")]
    pub engine: String,
    /// RDS keeps the backups for `backupRetentionPeriod` days after the deletion; seven days when not given.
    #[serde(default)]
    pub settings: ClusterSettings,
    /// The tags of the cluster when it was deleted.
    #[serde(default)]
    pub tags: BTreeMap<String, String>,
    /// How long ago the cluster was created.
    #[serde(default = "thirty_days")]
    pub age_hours: u32,
    /// How long ago the cluster was deleted.
    #[serde(default = "one_hour")]
    pub deleted_hours_ago: u32,
}

fn mysql() -> String {
    "mysql".to_owned()
}

fn aurora_postgresql() -> String {
    "aurora-postgresql".to_owned()
}

const fn one_hour() -> u32 {
    1
}

/// How long things take, in seconds, before jitter.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(default, rename_all = "camelCase", deny_unknown_fields)]
pub struct Timings {
    /// Each duration is drawn from `seconds * (1 ± jitter)`, by the seed.
    pub jitter: f64,
    /// A snapshot of an instance or cluster, `creating`.
    pub snapshot: f64,
    pub copy_snapshot: f64,
    /// A copy from another region or account, or with another key: hours.
    pub copy_snapshot_in_full: f64,
    /// Before that, a copy waits in a queue and shows no progress.
    pub copy_queue: f64,
    pub delete_snapshot: f64,
    /// The old name still answers, as `available`.
    pub rename_lingering: f64,
    /// Neither name answers.
    pub rename_nameless: f64,
    /// The new name answers as `renaming`.
    pub renaming: f64,
    /// The new name answers as `available`, and will reboot all the same.
    pub rename_false_available: f64,
    /// How often that happens, 0 to 1.
    pub false_available_probability: f64,
    pub rebooting: f64,
    /// An instance created or restored, `creating`.
    pub create_instance: f64,
    pub restore_instance: f64,
    pub restore_backing_up: f64,
    pub restore_modifying: f64,
    /// A restored instance or Multi-AZ DB cluster is in service as `storage-initialization`; 0: never.
    pub storage_initialization: f64,
    /// After a change of storage it is in service as `storage-optimization`.
    pub storage_optimization: f64,
    /// A cluster created, `creating`.
    pub create_cluster: f64,
    pub restore_cluster: f64,
    /// A clone of an Aurora cluster, `creating`.
    pub clone_cluster: f64,
    /// `LatestRestorableTime` is so far behind: RDS stores transaction logs every five minutes.
    pub restorable_lag: f64,
    /// A member of an Aurora cluster, `creating`.
    pub create_member: f64,
    /// Still `available` after a modification was accepted.
    pub modify_lingering: f64,
    pub modifying: f64,
    /// One `configuring-…` status.
    pub configuring: f64,
    pub resetting_master_credentials: f64,
    pub stop: f64,
    pub start: f64,
    /// A cluster is `failing-over`, and takes no connections.
    pub failover: f64,
    /// A snapshot is `upgrading` to another engine version.
    pub upgrade_snapshot: f64,
    /// RDS starts a stopped database again after this time: seven days.
    pub stopped: f64,
    pub delete_instance: f64,
    pub delete_cluster: f64,
    /// An export of a snapshot, `STARTING`: RDS restores the snapshot before it reads it.
    pub export_starting: f64,
    /// The same, `IN_PROGRESS`.
    pub export: f64,
    pub cancel_export: f64,
}

impl Default for Timings {
    fn default() -> Self {
        Self {
            jitter: 0.2,
            snapshot: 300.0,
            copy_snapshot: 240.0,
            copy_snapshot_in_full: 7200.0,
            copy_queue: 0.0,
            delete_snapshot: 10.0,
            rename_lingering: 25.0,
            rename_nameless: 40.0,
            renaming: 60.0,
            rename_false_available: 15.0,
            false_available_probability: 0.5,
            rebooting: 45.0,
            create_instance: 400.0,
            restore_instance: 900.0,
            restore_backing_up: 120.0,
            restore_modifying: 90.0,
            storage_initialization: 0.0,
            storage_optimization: 120.0,
            create_cluster: 60.0,
            restore_cluster: 900.0,
            clone_cluster: 300.0,
            restorable_lag: 300.0,
            create_member: 600.0,
            modify_lingering: 10.0,
            modifying: 120.0,
            configuring: 60.0,
            resetting_master_credentials: 60.0,
            stop: 300.0,
            start: 400.0,
            failover: 30.0,
            upgrade_snapshot: 900.0,
            stopped: 604_800.0,
            delete_instance: 300.0,
            delete_cluster: 120.0,
            export_starting: 1200.0,
            export: 1500.0,
            cancel_export: 60.0,
        }
    }
}

/// How late reads show what has changed, in seconds at the most. The seed draws each delay from nothing to the bound; writes
/// act on what is so.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(default, rename_all = "camelCase", deny_unknown_fields)]
pub struct Lag {
    /// Until then `Describe…` and `ListTagsForResource` show the former tags; of a new resource none.
    pub tags_seconds: f64,
    /// Until then a renamed database is described under its former name, and not found under the new one.
    pub rename_seconds: f64,
    /// Until then `DescribeExecution` does not know a new execution, and says `RUNNING` of one that has ended.
    pub execution_seconds: f64,
}

/// Lambda's treatment of functions that have network interfaces in a VPC.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(default, rename_all = "camelCase", deny_unknown_fields)]
pub struct Lambda {
    /// Functions that were idle for weeks, so that Lambda took their network interfaces away: `true` for all of them, or their
    /// names. The first call fails and has Lambda make new ones.
    pub idle_functions: IdleFunctions,
    /// From the first call until the function works.
    pub wake_seconds: f64,
    /// Whether it ever works again.
    pub ever_wakes: bool,
}

impl Default for Lambda {
    fn default() -> Self {
        Self { idle_functions: IdleFunctions::All(false), wake_seconds: 60.0, ever_wakes: true }
    }
}

/// Which functions were idle.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(untagged)]
pub enum IdleFunctions {
    All(bool),
    Named(Vec<String>),
}

/// Quotas of the account in the region.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(default, rename_all = "camelCase", deny_unknown_fields)]
pub struct Limits {
    pub instances: usize,
    pub clusters: usize,
    /// GiB that all instances have together.
    pub allocated_storage: u64,
    pub manual_snapshots: usize,
    pub manual_cluster_snapshots: usize,
    /// Automated backups kept after their database was deleted.
    pub retained_backups: usize,
    /// Copies from other regions at the same time.
    pub snapshot_copies: usize,
    /// Clones in one clone group. RDS makes a full copy instead of the next one, and says nothing.
    pub clones: usize,
    /// Exports to S3 at the same time.
    pub export_tasks: usize,
    /// Requests to RDS a second before `Throttling`, as a token bucket that holds a second's worth; unlimited when not given.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub requests_per_second: Option<u32>,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            instances: 40,
            clusters: 40,
            allocated_storage: 100_000,
            manual_snapshots: 100,
            manual_cluster_snapshots: 100,
            retained_backups: 40,
            snapshot_copies: 5,
            clones: 15,
            export_tasks: 5,
            requests_per_second: None,
        }
    }
}

/// How a start fails for want of capacity.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub enum Shortage {
    /// The request is refused, and the database stays stopped.
    Refused,
    /// The request is accepted, and the database ends in `insufficient-capacity`.
    InsufficientCapacity,
}

/// Questions no source answers: both answers are modelled, and a caller has to live with either.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(default, rename_all = "camelCase", deny_unknown_fields)]
pub struct Unverified {
    /// Whether a database that is still `creating` can be deleted.
    pub delete_while_creating: bool,
    /// Whether deletion protection can be set and lifted in any status but `available`.
    pub protection_in_any_status: bool,
    /// Whether a final snapshot is taken of a database in `storage-optimization` or `storage-initialization`.
    pub final_snapshot_in_storage_work: bool,
}

impl Default for Unverified {
    fn default() -> Self {
        Self { delete_while_creating: true, protection_in_any_status: true, final_snapshot_in_storage_work: false }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SCHEMA: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/world.schema.json");

    /// `UPDATE_SCHEMA=1 cargo test -p rds-simulator schema` rewrites the schema.
    #[test]
    fn published_schema_matches_the_types() {
        let schema = serde_json::to_value(schemars::schema_for!(World)).expect("a schema is JSON");
        if std::env::var_os("UPDATE_SCHEMA").is_some() {
            std::fs::write(SCHEMA, format!("{schema:#}\n")).expect("the crate's folder can be written");
        }
        let published = std::fs::read_to_string(SCHEMA).expect("world.schema.json exists");
        // Compared as values, because the order of the text depends on the crates that are built together.
        let published: serde_json::Value = serde_json::from_str(&published).expect("world.schema.json is JSON");
        assert!(
            published == schema,
            "world.schema.json has drifted: run UPDATE_SCHEMA=1 cargo test -p rds-simulator schema"
        );
    }

    #[test]
    fn unknown_field_is_refused_by_name_and_line() {
        let error =
            World::from_json("{\n\"instances\": [{\"identifier\": \"a\", \"engine\": \"mysql\", \"clas\": 1}]}")
                .expect_err("a typo");
        let WorldError::Format(error) = error else { panic!("{error}") };
        assert!(error.to_string().contains("unknown field `clas`") && error.line() == 2, "{error}");
    }
}
