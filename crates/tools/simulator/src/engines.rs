//! Differences between engines: versions, ports, licences, families, and the defaults of a new database.

use crate::resources::is_aurora;
use crate::settings::{ClusterSettings, InstanceSettings};

const ENGINES: &[(&str, &str, u32, &str)] = &[
    ("aurora-mysql", "8.0.mysql_aurora.3.08.2", 3306, "general-public-license"),
    ("aurora-postgresql", "16.8", 5432, "postgresql-license"),
    ("mysql", "8.0.42", 3306, "general-public-license"),
    ("mariadb", "11.4.7", 3306, "general-public-license"),
    ("postgres", "16.9", 5432, "postgresql-license"),
    ("docdb", "5.0.0", 27017, "na"),
    ("neptune", "1.4.5.0", 8182, "amazon-license"),
];

/// Versions that RDS offers besides the default one.
pub(crate) const CURRENT: &[(&str, &str)] = &[
    ("aurora-mysql", "8.0.mysql_aurora.3.08.2"),
    ("aurora-mysql", "8.0.mysql_aurora.3.10.0"),
    ("aurora-postgresql", "15.12"),
    ("aurora-postgresql", "16.8"),
    ("aurora-postgresql", "16.9"),
    ("aurora-postgresql", "17.5"),
    ("mysql", "8.0.42"),
    ("mysql", "8.0.43"),
    ("mysql", "8.4.5"),
    ("mariadb", "10.11.13"),
    ("mariadb", "11.4.7"),
    ("postgres", "15.13"),
    ("postgres", "16.9"),
    ("postgres", "16.10"),
    ("postgres", "17.5"),
];

/// Prefixes of versions that RDS has withdrawn.
/// <https://docs.aws.amazon.com/AmazonRDS/latest/AuroraMySQLReleaseNotes/AuroraMySQL.release-calendars.html>
const WITHDRAWN: &[(&str, &str)] = &[
    ("aurora-mysql", "5.6."),
    ("aurora-mysql", "8.0.mysql_aurora.3.01."),
    ("aurora-mysql", "8.0.mysql_aurora.3.02."),
    ("aurora-mysql", "8.0.mysql_aurora.3.03."),
    ("aurora-mysql", "8.0.mysql_aurora.3.04.0"),
    ("aurora-postgresql", "9."),
    ("aurora-postgresql", "10."),
    ("mysql", "5.5."),
    ("mysql", "5.6."),
    ("mariadb", "10.2."),
    ("mariadb", "10.3."),
    ("postgres", "9."),
    ("postgres", "10."),
    ("oracle-ee", "11."),
    ("oracle-ee", "12."),
    ("oracle-se2", "12."),
    ("sqlserver-ee", "11."),
    ("sqlserver-se", "11."),
];

/// Whether the table lists a version as withdrawn.
pub(crate) fn is_withdrawn(engine: &str, version: &str) -> bool {
    WITHDRAWN.iter().any(|(withdrawn, begin)| {
        *withdrawn == engine && (version == *begin || (begin.ends_with('.') && version.starts_with(begin)))
    })
}

/// The version of a new database whose request names none.
pub(crate) fn default_version(engine: &str) -> &'static str {
    row(engine).0
}

/// Whether RDS knows the engine.
pub(crate) fn is_known(engine: &str) -> bool {
    ENGINES.iter().any(|(name, ..)| *name == engine)
        || ["oracle-", "sqlserver-", "custom-", "db2-"].iter().any(|family| engine.starts_with(family))
}

fn row(engine: &str) -> (&'static str, u32, &'static str) {
    let known = ENGINES
        .iter()
        .find(|(name, ..)| *name == engine)
        .map(|(_, version, port, license)| (*version, *port, *license));
    known.unwrap_or(match engine.split('-').next() {
        Some("sqlserver") => ("16.00.4195.2.v1", 1433, "license-included"),
        Some("db2") => ("11.5.9.0.sb00063198.r1", 50000, "bring-your-own-license"),
        _ => ("19.0.0.0.ru-2025-04.rur-2025-04.r1", 1521, "bring-your-own-license"),
    })
}

pub(crate) fn license(engine: &str) -> &'static str {
    row(engine).2
}

/// The major version as it is spelled in parameter group families and option groups.
pub(crate) fn major_version(engine: &str, version: &str) -> String {
    let mut parts = version.split('.');
    let first = parts.next().unwrap_or_default();
    match engine {
        "postgres" | "aurora-postgresql" => first.to_owned(),
        _ => parts.next().map_or_else(|| first.to_owned(), |second| format!("{first}.{second}")),
    }
}

/// Whether a version is later than another one of the same engine.
pub(crate) fn is_later(version: &str, other: &str) -> bool {
    let parts = |text: &str| -> Vec<u64> {
        text.split(|letter: char| !letter.is_ascii_digit()).filter_map(|part| part.parse().ok()).collect()
    };
    parts(version) > parts(other)
}

/// The name of the default parameter group.
pub(crate) fn default_parameter_group(engine: &str, version: &str) -> String {
    format!("default.{engine}{}", major_version(engine, version))
}

/// The name of the default option group.
pub(crate) fn default_option_group(engine: &str, version: &str) -> String {
    format!("default:{engine}-{}", major_version(engine, version).replace('.', "-"))
}

/// The default settings of a new instance. Members of an Aurora cluster have no storage of their own.
pub(crate) fn instance_defaults(engine: &str, engine_version: Option<&str>, region: &str) -> InstanceSettings {
    let (version, port, license) = row(engine);
    let version = engine_version.unwrap_or(version);
    let aurora = is_aurora(engine);
    InstanceSettings {
        engine_version: Some(version.to_owned()),
        port: Some(port),
        availability_zone: Some(format!("{region}a")),
        subnet_group: Some("default".to_owned()),
        multi_az: Some(false),
        publicly_accessible: Some(false),
        auto_minor_version_upgrade: Some(true),
        license_model: Some(license.to_owned()),
        allocated_storage: Some(if aurora { 1 } else { 100 }),
        storage_type: Some(if aurora { "aurora" } else { "gp3" }.to_owned()),
        storage_encrypted: Some(false),
        option_group: Some(default_option_group(engine, version)),
        parameter_group: Some(default_parameter_group(engine, version)),
        vpc_security_groups: Some(vec!["sg-0default".to_owned()]),
        copy_tags_to_snapshot: Some(false),
        iam_database_authentication: Some(false),
        deletion_protection: Some(false),
        network_type: Some("IPV4".to_owned()),
        backup_retention_period: Some(1),
        backup_window: Some("07:00-07:30".to_owned()),
        backup_target: Some("region".to_owned()),
        maintenance_window: Some("sun:08:00-sun:08:30".to_owned()),
        dedicated_log_volume: Some(false),
        ca_certificate: Some("rds-ca-rsa2048-g1".to_owned()),
        engine_lifecycle_support: Some("open-source-rds-extended-support".to_owned()),
        monitoring_interval: Some(0),
        performance_insights: Some(false),
        database_insights_mode: Some("standard".to_owned()),
        promotion_tier: aurora.then_some(1),
        customer_owned_ip: Some(false),
        ..InstanceSettings::default()
    }
}

/// The default settings of a new cluster.
pub(crate) fn cluster_defaults(engine: &str, engine_version: Option<&str>) -> ClusterSettings {
    let (version, port, _) = row(engine);
    let version = engine_version.unwrap_or(version);
    let aurora = is_aurora(engine);
    ClusterSettings {
        engine_version: Some(version.to_owned()),
        engine_mode: Some("provisioned".to_owned()),
        port: Some(port),
        subnet_group: Some("default".to_owned()),
        auto_minor_version_upgrade: Some(true),
        allocated_storage: Some(if aurora { 1 } else { 100 }),
        storage_type: (!aurora).then(|| "io1".to_owned()),
        iops: (!aurora).then_some(3000),
        publicly_accessible: (!aurora).then_some(false),
        storage_encrypted: Some(false),
        parameter_group: Some(default_parameter_group(engine, version)),
        vpc_security_groups: Some(vec!["sg-0default".to_owned()]),
        copy_tags_to_snapshot: Some(false),
        iam_database_authentication: Some(false),
        deletion_protection: Some(false),
        network_type: Some("IPV4".to_owned()),
        backup_retention_period: Some(1),
        backup_window: Some("07:00-07:30".to_owned()),
        maintenance_window: Some("sun:08:00-sun:08:30".to_owned()),
        engine_lifecycle_support: Some("open-source-rds-extended-support".to_owned()),
        http_endpoint: Some(false),
        monitoring_interval: (!aurora).then_some(0),
        performance_insights: (!aurora).then_some(false),
        database_insights_mode: Some("standard".to_owned()),
        ..ClusterSettings::default()
    }
}
