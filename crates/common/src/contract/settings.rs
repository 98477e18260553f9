//! A database's settings: the values that RDS reports, in the form of the state document, and one table of their
//! properties.
//!
//! A row of the table names a setting once. It has the setting's type, words and weight, and the calls and conditions
//! (engine, storage) that take it. The restore crate sends the settings that [`SettingCall::Restore`] and
//! [`SettingCall::Create`] take. The settings crate sends those that [`SettingCall::Modify`] takes. The verification judges
//! by [`Weight`]. This module makes no call; the crate that makes a call knows its parameters.
//!
//! Source for each call's settings: `RestoreDBInstanceFromDBSnapshot`, `RestoreDBClusterFromSnapshot`, `CreateDBInstance`,
//! `ModifyDBInstance` and `ModifyDBCluster` in the RDS API reference.

use std::fmt;
use std::ops::RangeInclusive;

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// The name of the setting that is left out if RDS no longer has its value.
pub const CERTIFICATE: &str = "the certificate authority";

/// The consequence of a difference between the restored database and the original.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Weight {
    /// Clients cannot work with the database, or strangers can: the run rolls back.
    Essential,
    /// The run reports the difference to a person.
    Reported,
    /// The setting may always differ, or another step sets it again.
    Expected,
}

/// A call that can set settings.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SettingCall {
    /// The restore of an instance, or of a cluster, from a snapshot.
    Restore,
    /// The creation of a member of an Aurora cluster: the member's own settings, not its cluster's.
    Create,
    /// A modification of the restored database.
    Modify,
}

/// A row of the table.
pub struct Setting<S: 'static> {
    /// The setting in words.
    pub name: &'static str,
    pub weight: Weight,
    calls: &'static [SettingCall],
    applies: fn(&S, &str, SettingCall) -> bool,
    read: fn(&S) -> Value,
    copy: fn(&S, &mut S),
}

impl<S> Setting<S> {
    /// Whether the call has a parameter for the setting at all.
    pub fn is_set_by(&self, call: SettingCall) -> bool {
        self.calls.contains(&call)
    }

    /// Whether the call takes the setting for a database with these settings and this engine.
    pub fn is_taken_by(&self, call: SettingCall, settings: &S, engine: &str) -> bool {
        self.is_set_by(call) && (self.applies)(settings, engine, call)
    }

    /// Whether the settings contain a value for it.
    pub fn is_reported_by(&self, settings: &S) -> bool {
        !(self.read)(settings).is_null()
    }

    /// The difference in words: `the backup window: 03:00-03:30, was 05:00-05:30`.
    pub fn difference(&self, original: &S, restored: &S) -> String {
        format!("{}: {}, was {}", self.name, Shown(&(self.read)(restored)), Shown(&(self.read)(original)))
    }
}

/// Settings that have a table.
pub trait Settings: Default + 'static {
    const TABLE: &'static [Setting<Self>];

    /// The part of these settings that the call takes.
    #[must_use]
    fn taken_by(&self, call: SettingCall, engine: &str) -> Self {
        self.picked(Self::TABLE.iter().filter(|setting| setting.is_taken_by(call, self, engine)))
    }

    /// The settings in which the two differ. A value that is off, zero or empty equals a missing one.
    fn differing(&self, restored: &Self) -> Vec<&'static Setting<Self>> {
        Self::TABLE.iter().filter(|setting| (setting.read)(self) != (setting.read)(restored)).collect()
    }

    /// These settings without all others.
    #[must_use]
    fn picked(&self, settings: impl IntoIterator<Item = &'static Setting<Self>>) -> Self {
        let mut picked = Self::default();
        for setting in settings {
            (setting.copy)(self, &mut picked);
        }
        picked
    }
}

macro_rules! settings {
    ($(#[$outer:meta])* $name:ident {
        $($(#[$doc:meta])* $field:ident: $type:ty, $words:literal, $weight:ident, [$($call:ident)*], $applies:expr;)*
    }) => {
        $(#[$outer])*
        #[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
        #[serde(rename_all = "camelCase", default)]
        pub struct $name {
            $($(#[$doc])* pub $field: $type,)*
        }

        impl Settings for $name {
            const TABLE: &'static [Setting<Self>] = &[$(
                Setting {
                    name: $words,
                    weight: Weight::$weight,
                    calls: &[$(SettingCall::$call),*],
                    applies: $applies,
                    read: |settings| reading(&settings.$field),
                    copy: |from, to| to.$field.clone_from(&from.$field),
                },
            )*];
        }
    };
}

settings! {
    /// The settings of a DB instance, or of a cluster's member. `None` if RDS reports no value.
    InstanceSettings {
        // field: type, in words, a difference is, taken by, where
        instance_class: Option<String>, "the instance class", Reported, [Restore Create], always;
        port: Option<i32>, "the port", Essential, [Restore], always;
        availability_zone: Option<String>, "the Availability Zone", Expected, [Restore Create], in_one_zone;
        subnet_group: Option<String>, "the subnet group", Essential, [Restore], always;
        multi_az: Option<bool>, "Multi-AZ", Reported, [Restore Modify], multi_az;
        publicly_accessible: Option<bool>, "public access", Essential, [Restore Create Modify], always;
        auto_minor_version_upgrade: Option<bool>, "automatic minor version upgrade", Reported, [Restore Create Modify], always;
        license_model: Option<String>, "the licence model", Reported, [Restore], licensed;
        storage_type: Option<String>, "the storage type", Reported, [Restore], always;
        allocated_storage: Option<i32>, "the allocated storage", Reported, [Restore Modify], sized;
        max_allocated_storage: Option<i32>, "the maximum of storage autoscaling", Reported, [Modify], leaves_room;
        iops: Option<i32>, "the provisioned IOPS", Reported, [Restore Modify], provisions_iops;
        storage_throughput: Option<i32>, "the storage throughput", Reported, [Restore Modify], provisions_throughput;
        dedicated_log_volume: Option<bool>, "the dedicated log volume", Reported, [Restore], |it, _, _| it.dedicated_log_volume == Some(true);
        storage_encrypted: Option<bool>, "storage encryption", Essential, [], always;
        kms_key_id: Option<String>, "the KMS key of the storage", Essential, [], always;
        option_group: Option<String>, "the option group", Essential, [Restore], always;
        parameter_group: Option<String>, "the parameter group", Essential, [Restore Create], always;
        security_groups: Vec<String>, "the security groups", Essential, [Restore Modify], always;
        copy_tags_to_snapshot: Option<bool>, "copying tags to snapshots", Reported, [Restore Modify], always;
        iam_database_authentication: Option<bool>, "IAM database authentication", Essential, [Restore Modify], |_, engine, _| has_iam_authentication(engine);
        log_exports: Vec<String>, "log exports", Reported, [Restore Modify], always;
        processor_features: Vec<ProcessorFeature>, "the processor features", Reported, [Restore], always;
        deletion_protection: Option<bool>, "deletion protection", Expected, [], always;
        network_type: Option<String>, "the network type", Reported, [Restore], always;
        domain: Option<Domain>, "the Active Directory domain", Reported, [Restore], always;
        backup_retention_days: Option<i32>, "backup retention", Reported, [Restore Modify], always;
        backup_window: Option<String>, "the backup window", Reported, [Restore Modify], always;
        maintenance_window: Option<String>, "the maintenance window", Reported, [Create Modify], always;
        ca_certificate: Option<String>, "the certificate authority", Reported, [Restore Create Modify], |it, _, _| it.ca_certificate.is_some();
        engine_lifecycle_support: Option<String>, "extended support", Reported, [Restore], |_, engine, _| has_extended_support(engine);
        monitoring_interval: Option<i32>, "the monitoring interval", Reported, [Create Modify], always;
        monitoring_role_arn: Option<String>, "the monitoring role", Reported, [Create Modify], always;
        database_insights_mode: Option<String>, "the mode of Database Insights", Reported, [Modify], always;
        performance_insights: Option<bool>, "Performance Insights", Reported, [Create Modify], always;
        performance_insights_kms_key_id: Option<String>, "the KMS key of Performance Insights", Reported, [Create Modify], |it, _, _| it.performance_insights == Some(true);
        performance_insights_retention_days: Option<i32>, "the retention of Performance Insights", Reported, [Create Modify], |it, _, _| it.performance_insights == Some(true);
        // Without this setting the password is lost. The snapshot's password is in the original's secret, which RDS deletes
        // with the original.
        managed_master_password: bool, "the managed master password", Essential, [Modify], |it, _, _| it.managed_master_password;
        managed_master_password_kms_key_id: Option<String>, "the KMS key of the managed master password", Reported, [], always;
        promotion_tier: Option<i32>, "the promotion tier", Reported, [Create Modify], |_, engine, _| is_aurora(engine);
    }
}

settings! {
    /// The settings of a DB cluster. `None` if RDS reports no value.
    ClusterSettings {
        // field: type, in words, a difference is, taken by, where
        /// `DatabaseName`, absent if the cluster was created without one.
        database_name: Option<String>, "the database name", Reported, [Restore], always;
        port: Option<i32>, "the port", Essential, [Restore], always;
        subnet_group: Option<String>, "the subnet group", Essential, [Restore], always;
        availability_zones: Vec<String>, "the Availability Zones", Expected, [Restore], |_, engine, _| is_aurora(engine);
        /// Multi-AZ DB clusters only.
        instance_class: Option<String>, "the instance class", Reported, [Restore], of_multi_az_cluster;
        storage_type: Option<String>, "the storage type", Reported, [Restore], always;
        allocated_storage: Option<i32>, "the allocated storage", Reported, [], always;
        iops: Option<i32>, "the provisioned IOPS", Reported, [Restore], cluster_provisions_iops;
        storage_encrypted: Option<bool>, "storage encryption", Essential, [], always;
        kms_key_id: Option<String>, "the KMS key of the storage", Essential, [Restore], |it, _, _| it.storage_encrypted == Some(true);
        engine_mode: Option<String>, "the engine mode", Reported, [Restore], |it, engine, _| is_aurora(engine) && it.engine_mode.as_deref() != Some("provisioned");
        parameter_group: Option<String>, "the cluster parameter group", Essential, [Restore], always;
        // "DB clusters are associated with a default option group that can't be modified", says RDS. Its calls have the
        // parameter all the same. A group of another name cannot be restored, and is no reason to undo a restore.
        // https://docs.aws.amazon.com/AmazonRDS/latest/APIReference/API_RestoreDBClusterFromSnapshot.html
        option_group: Option<String>, "the option group", Reported, [], always;
        security_groups: Vec<String>, "the security groups", Essential, [Restore Modify], always;
        copy_tags_to_snapshot: Option<bool>, "copying tags to snapshots", Reported, [Restore Modify], always;
        iam_database_authentication: Option<bool>, "IAM database authentication", Essential, [Restore Modify], always;
        log_exports: Vec<String>, "log exports", Reported, [Restore Modify], always;
        deletion_protection: Option<bool>, "deletion protection", Expected, [], always;
        network_type: Option<String>, "the network type", Reported, [Restore], |_, engine, _| is_aurora(engine);
        domain: Option<Domain>, "the Active Directory domain", Reported, [Restore], |_, engine, _| is_aurora(engine);
        backup_retention_days: Option<i32>, "backup retention", Reported, [Restore Modify], always;
        backup_window: Option<String>, "the backup window", Reported, [Restore Modify], always;
        maintenance_window: Option<String>, "the maintenance window", Reported, [Modify], always;
        backtrack_window_seconds: Option<i64>, "the backtrack window", Reported, [Restore Modify], |_, engine, _| engine == "aurora-mysql";
        engine_lifecycle_support: Option<String>, "extended support", Reported, [Restore], always;
        // In Aurora, the next three settings belong to the member.
        ca_certificate: Option<String>, "the certificate authority", Reported, [Modify], |it, engine, _| !is_aurora(engine) && it.ca_certificate.is_some();
        auto_minor_version_upgrade: Option<bool>, "automatic minor version upgrade", Reported, [Modify], of_multi_az_cluster;
        publicly_accessible: Option<bool>, "public access", Essential, [Restore], of_multi_az_cluster;
        serverless_v2_scaling: Option<ServerlessV2Scaling>, "the Serverless v2 capacity", Reported, [Restore Modify], |_, engine, _| is_aurora(engine);
        monitoring_interval: Option<i32>, "the monitoring interval", Reported, [Restore Modify], monitors;
        monitoring_role_arn: Option<String>, "the monitoring role", Reported, [Restore Modify], monitors;
        database_insights_mode: Option<String>, "the mode of Database Insights", Reported, [Modify], always;
        performance_insights: Option<bool>, "Performance Insights", Reported, [Restore Modify], has_insights;
        performance_insights_kms_key_id: Option<String>, "the KMS key of Performance Insights", Reported, [Restore Modify], has_insights;
        performance_insights_retention_days: Option<i32>, "the retention of Performance Insights", Reported, [Restore Modify], has_insights;
        // This setting has a call of its own.
        http_endpoint: Option<bool>, "the HTTP endpoint", Reported, [], always;
        // Without this setting the password is lost. The snapshot's password is in the original's secret, which RDS deletes
        // with the original.
        managed_master_password: bool, "the managed master password", Essential, [Modify], |it, _, _| it.managed_master_password;
        managed_master_password_kms_key_id: Option<String>, "the KMS key of the managed master password", Reported, [], always;
    }
}

fn always<S>(_: &S, _: &str, _: SettingCall) -> bool {
    true
}

/// RDS refuses `AvailabilityZone` beside `MultiAZ`.
fn in_one_zone(settings: &InstanceSettings, _: &str, _: SettingCall) -> bool {
    settings.multi_az != Some(true)
}

/// SQL Server's Multi-AZ needs an existing database with its backups on, so the restore itself cannot set it up.
/// Terraform's AWS provider does the same: <https://github.com/hashicorp/terraform-provider-aws/blob/main/internal/service/rds/instance.go>
fn multi_az(_: &InstanceSettings, engine: &str, call: SettingCall) -> bool {
    !is_sql_server(engine) || call == SettingCall::Modify
}

/// The other engines have only one licence model.
fn licensed<S>(_: &S, engine: &str, _: SettingCall) -> bool {
    ["oracle-", "sqlserver-", "db2-"].iter().any(|family| engine.starts_with(family))
}

/// `AllocatedStorage` in `RestoreDBInstanceFromDBSnapshot`: "This setting isn't valid for RDS for SQL Server". A
/// modification increases it instead.
fn sized(_: &InstanceSettings, engine: &str, call: SettingCall) -> bool {
    is_sql_server(engine) == (call == SettingCall::Modify)
}

/// "Max storage size must be greater than storage size", by at least a tenth.
/// <https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/USER_PIOPS.Autoscaling.html>
fn leaves_room(settings: &InstanceSettings, _: &str, _: SettingCall) -> bool {
    let (Some(most), Some(size)) = (settings.max_allocated_storage, settings.allocated_storage) else { return true };
    i64::from(most) * 10 >= i64::from(size) * 11
}

fn provisions_iops(settings: &InstanceSettings, engine: &str, call: SettingCall) -> bool {
    let Some(figures) = Figures::of(settings.storage_type.as_deref(), settings.allocated_storage, engine) else {
        return false;
    };
    Figures::are_set_by(call, engine) && settings.iops.is_some_and(|iops| figures.iops.contains(&iops.into()))
}

fn provisions_throughput(settings: &InstanceSettings, engine: &str, call: SettingCall) -> bool {
    let Some(figures) = Figures::of(settings.storage_type.as_deref(), settings.allocated_storage, engine) else {
        return false;
    };
    let throughput = settings.storage_throughput.map(i64::from);
    Figures::are_set_by(call, engine) && throughput.is_some_and(|throughput| figures.throughput.contains(&throughput))
}

fn of_multi_az_cluster(_: &ClusterSettings, engine: &str, _: SettingCall) -> bool {
    !is_aurora(engine)
}

fn cluster_provisions_iops(settings: &ClusterSettings, engine: &str, _: SettingCall) -> bool {
    let figures = Figures::of(settings.storage_type.as_deref(), settings.allocated_storage, engine);
    let iops = settings.iops.map(i64::from);
    !is_aurora(engine) && figures.zip(iops).is_some_and(|(figures, iops)| figures.iops.contains(&iops))
}

fn monitors(settings: &ClusterSettings, _: &str, _: SettingCall) -> bool {
    settings.monitoring_interval.is_some_and(|seconds| seconds > 0)
}

fn has_insights(settings: &ClusterSettings, _: &str, _: SettingCall) -> bool {
    settings.performance_insights == Some(true)
}

/// The figures that RDS accepts for a storage type and size.
///
/// gp3 reports IOPS and throughput at any size. Below a size that depends on the engine, it accepts neither. From that size
/// on, it accepts no less than its default. io1 and io2 need IOPS.
/// <https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/CHAP_Storage.html>
struct Figures {
    iops: RangeInclusive<i64>,
    throughput: RangeInclusive<i64>,
}

impl Figures {
    fn of(storage_type: Option<&str>, allocated_gib: Option<i32>, engine: &str) -> Option<Self> {
        let gib = allocated_gib.map(i64::from);
        #[expect(clippy::reversed_empty_ranges, reason = "no throughput can be chosen")]
        let none = 1..=0;
        let (from_gib, least_iops, least_throughput) = match engine {
            _ if is_sql_server(engine) => (0, 3_000, 125),
            _ if engine.starts_with("oracle-") => (200, 12_000, 500),
            _ => (400, 12_000, 500),
        };
        match storage_type? {
            // If RDS does not report a size, there is no limit.
            "io1" => Some(Self { iops: 1..=gib.map_or(i64::MAX, |gib| gib * 50), throughput: none }),
            "io2" => Some(Self { iops: 1..=gib.map_or(i64::MAX, |gib| gib * 1_000), throughput: none }),
            "gp3" => gib
                .filter(|&gib| gib >= from_gib)
                .map(|gib| Self { iops: least_iops..=gib * 500, throughput: least_throughput..=i64::MAX }),
            _ => None,
        }
    }

    /// The run modifies storage only if it increases after the restore.
    fn are_set_by(call: SettingCall, engine: &str) -> bool {
        call != SettingCall::Modify || is_sql_server(engine)
    }
}

impl InstanceSettings {
    /// These settings for a database of another size, with the IOPS that the size allows. io1 and io2 cannot be restored
    /// without IOPS.
    #[must_use]
    pub fn of_size(&self, gib: Option<i32>, engine: &str) -> Self {
        let mut sized = Self { allocated_storage: gib, ..self.clone() };
        if let Some(figures) = Figures::of(sized.storage_type.as_deref(), gib, engine) {
            let most = i32::try_from(*figures.iops.end()).unwrap_or(i32::MAX);
            sized.iops = sized.iops.map(|iops| iops.min(most));
        }
        sized
    }
}

fn is_aurora(engine: &str) -> bool {
    engine.starts_with("aurora")
}

fn is_sql_server(engine: &str) -> bool {
    engine.starts_with("sqlserver-")
}

fn has_iam_authentication(engine: &str) -> bool {
    is_aurora(engine) || ["mysql", "mariadb", "postgres"].contains(&engine)
}

fn has_extended_support(engine: &str) -> bool {
    is_aurora(engine) || ["mysql", "postgres"].contains(&engine)
}

/// A setting in the form of the comparison. A value that is off, zero or empty becomes nothing. RDS reports such values in
/// some places and omits them in others.
fn reading<T: Serialize>(field: &T) -> Value {
    let value = serde_json::to_value(field).unwrap_or_default();
    let nothing = match &value {
        Value::Null | Value::Bool(false) => true,
        Value::Number(number) => number.as_f64() == Some(0.0),
        Value::String(text) => text.is_empty(),
        Value::Array(items) => items.is_empty(),
        Value::Bool(true) | Value::Object(_) => false,
    };
    if nothing { Value::Null } else { value }
}

/// A setting's value in words.
struct Shown<'a>(&'a Value);

impl fmt::Display for Shown<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Value::Null => f.write_str("off"),
            Value::Bool(_) => f.write_str("on"),
            Value::String(text) => f.write_str(text),
            Value::Array(items) => {
                for (index, item) in items.iter().enumerate() {
                    let separator = if index == 0 { "" } else { ", " };
                    write!(f, "{separator}{}", Shown(item))?;
                }
                Ok(())
            }
            other => write!(f, "{other}"),
        }
    }
}

/// A processor feature such as `coreCount`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct ProcessorFeature {
    pub name: String,
    pub value: String,
}

/// The Active Directory domain of a database.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Domain {
    pub id: Option<String>,
    pub fqdn: Option<String>,
    pub iam_role_name: Option<String>,
    pub organizational_unit: Option<String>,
    pub auth_secret_arn: Option<String>,
    pub dns_ips: Vec<String>,
}

/// Serverless v2 capacity, in Aurora capacity units.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ServerlessV2Scaling {
    pub min_capacity: f64,
    pub max_capacity: f64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seconds_until_auto_pause: Option<i32>,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn gp3(gib: i32) -> InstanceSettings {
        InstanceSettings {
            storage_type: Some("gp3".into()),
            allocated_storage: Some(gib),
            iops: Some(12_000),
            storage_throughput: Some(500),
            ..InstanceSettings::default()
        }
    }

    #[test]
    fn storage_accepts_the_figures_of_its_engine_type_and_size() {
        for (engine, storage, gib, iops, throughput, sent) in [
            ("postgres", "gp3", 399, 12_000, 500, (None, None)),
            ("postgres", "gp3", 400, 12_000, 500, (Some(12_000), Some(500))),
            ("db2-se", "gp3", 400, 12_000, 500, (Some(12_000), Some(500))),
            ("postgres", "gp3", 500, 3_000, 125, (None, None)),
            ("mysql", "gp3", 500, 16_000, 125, (Some(16_000), None)),
            ("oracle-ee", "gp3", 199, 12_000, 500, (None, None)),
            ("oracle-ee", "gp3", 200, 12_000, 500, (Some(12_000), Some(500))),
            ("sqlserver-se", "gp3", 20, 3_000, 125, (Some(3_000), Some(125))),
            ("sqlserver-se", "gp3", 20, 10_001, 125, (None, Some(125))),
            ("postgres", "io1", 100, 5_000, 500, (Some(5_000), None)),
            ("postgres", "io2", 100, 64_000, 500, (Some(64_000), None)),
            ("postgres", "gp2", 500, 1_500, 125, (None, None)),
            ("postgres", "standard", 500, 1_500, 125, (None, None)),
        ] {
            let settings = InstanceSettings {
                storage_type: Some(storage.into()),
                iops: Some(iops),
                storage_throughput: Some(throughput),
                ..gp3(gib)
            };
            let taken = settings.taken_by(SettingCall::Restore, engine);
            assert_eq!((taken.iops, taken.storage_throughput), sent, "{engine} {storage} {gib} {iops}");
        }
    }

    #[test]
    fn provisioned_iops_are_lowered_to_the_limit_of_a_smaller_size() {
        for (engine, storage, gib, expected) in
            [("sqlserver-ee", "io1", 100, 5_000), ("sqlserver-ee", "io1", 1_000, 12_000), ("postgres", "io2", 5, 5_000)]
        {
            let settings = InstanceSettings { storage_type: Some(storage.into()), ..gp3(1_000) };
            let sent = settings.of_size(Some(gib), engine).taken_by(SettingCall::Restore, engine);
            assert_eq!(sent.iops, Some(expected), "{storage} {gib}");
        }
    }

    #[test]
    fn the_maximum_of_autoscaling_is_set_only_with_a_tenth_of_room_to_grow() {
        for (gib, most, asked) in [(100, 110, true), (100, 109, false), (190, 200, false), (190, 0, false)] {
            let settings = InstanceSettings { max_allocated_storage: Some(most), ..gp3(gib) };
            let sent = settings.taken_by(SettingCall::Modify, "postgres").max_allocated_storage;
            assert_eq!(sent.is_some(), asked, "{gib} {most}");
        }
    }

    #[test]
    fn an_availability_zone_is_not_given_beside_multi_az() {
        for (multi_az, zone) in [(Some(true), None), (Some(false), Some("eu-west-1a".to_owned()))] {
            let settings =
                InstanceSettings { multi_az, availability_zone: Some("eu-west-1a".into()), ..Default::default() };
            assert_eq!(settings.taken_by(SettingCall::Restore, "mysql").availability_zone, zone);
        }
    }

    #[test]
    fn settings_go_only_to_engines_that_have_them() {
        let settings = InstanceSettings {
            license_model: Some("a-licence".into()),
            iam_database_authentication: Some(false),
            engine_lifecycle_support: Some("open-source-rds-extended-support".into()),
            multi_az: Some(true),
            allocated_storage: Some(20),
            ..InstanceSettings::default()
        };
        let sent = |engine| {
            let sent = settings.taken_by(SettingCall::Restore, engine);
            [
                sent.license_model.is_some(),
                sent.iam_database_authentication.is_some(),
                sent.engine_lifecycle_support.is_some(),
                sent.multi_az.is_some(),
                sent.allocated_storage.is_some(),
            ]
        };
        assert_eq!(sent("postgres"), [false, true, true, true, true]);
        assert_eq!(sent("mariadb"), [false, true, false, true, true]);
        assert_eq!(sent("oracle-se2"), [true, false, false, true, true]);
        assert_eq!(sent("sqlserver-ex"), [true, false, false, false, false]);
        assert_eq!(settings.taken_by(SettingCall::Modify, "sqlserver-ex").multi_az, Some(true));
    }

    #[test]
    fn a_multi_az_cluster_takes_a_class_and_an_aurora_cluster_its_zones_and_capacity() {
        let settings = ClusterSettings {
            instance_class: Some("db.r6gd.large".into()),
            storage_type: Some("io1".into()),
            iops: Some(3_000),
            publicly_accessible: Some(false),
            availability_zones: vec!["eu-west-1a".into()],
            network_type: Some("IPV4".into()),
            ca_certificate: Some("rds-ca-rsa2048-g1".into()),
            serverless_v2_scaling: Some(ServerlessV2Scaling {
                min_capacity: 0.5,
                max_capacity: 8.0,
                seconds_until_auto_pause: None,
            }),
            ..ClusterSettings::default()
        };
        let aurora = settings.taken_by(SettingCall::Restore, "aurora-postgresql");
        assert_eq!((aurora.instance_class, aurora.iops, aurora.publicly_accessible), (None, None, None));
        assert_eq!(aurora.availability_zones, ["eu-west-1a"]);
        assert_eq!(aurora.serverless_v2_scaling, settings.serverless_v2_scaling);
        let multi_az = settings.taken_by(SettingCall::Restore, "postgres");
        assert_eq!((multi_az.iops, multi_az.publicly_accessible), (Some(3_000), Some(false)));
        assert!(multi_az.availability_zones.is_empty() && multi_az.serverless_v2_scaling.is_none());
        assert_eq!((aurora.network_type.as_deref(), multi_az.network_type), (Some("IPV4"), None));
        for (engine, taken) in [("aurora-postgresql", false), ("postgres", true)] {
            assert_eq!(settings.taken_by(SettingCall::Modify, engine).ca_certificate.is_some(), taken, "{engine}");
        }
    }

    #[test]
    fn a_setting_that_is_off_equals_one_that_is_not_reported() {
        let off = InstanceSettings {
            monitoring_interval: Some(0),
            performance_insights: Some(false),
            ..InstanceSettings::default()
        };
        assert!(off.differing(&InstanceSettings::default()).is_empty());
    }

    #[test]
    fn a_difference_names_the_present_and_the_former_value() {
        let original = InstanceSettings {
            security_groups: vec!["sg-1".into(), "sg-2".into()],
            multi_az: Some(true),
            ..InstanceSettings::default()
        };
        let restored = InstanceSettings { security_groups: vec!["sg-9".into()], ..InstanceSettings::default() };
        let words: Vec<_> = original
            .differing(&restored)
            .iter()
            .map(|setting| (setting.weight, setting.difference(&original, &restored)))
            .collect();
        assert_eq!(
            words,
            [
                (Weight::Reported, "Multi-AZ: off, was on".to_owned()),
                (Weight::Essential, "the security groups: sg-9, was sg-1, sg-2".to_owned()),
            ]
        );
    }

    #[test]
    fn every_setting_has_its_own_words() {
        fn unique<S: Settings>() {
            let names: std::collections::HashSet<_> = S::TABLE.iter().map(|setting| setting.name).collect();
            assert_eq!(names.len(), S::TABLE.len());
        }
        unique::<InstanceSettings>();
        unique::<ClusterSettings>();
    }
}
