//! A fit request, database and snapshot for the tests of the checks.

use trapheus_common::document::{Request, RunOptions, SnapshotReplacement, Source, SourceKind, Task};
use trapheus_common::identifiers::{DatabaseIdentifier, DatabaseKind};
use trapheus_common::source_request::{SnapshotChoice, SourceRequest};
use trapheus_common::timestamp::Timestamp;

use crate::facts::{Database, Facts, Snapshot};

pub(crate) fn request(task: Task, kind: DatabaseKind) -> Request {
    let identifier = DatabaseIdentifier::parse(kind, "orders").unwrap();
    Request {
        snapshot_identifier: identifier.snapshot(kind).unwrap(),
        identifier,
        task,
        kind,
        execution: "arn:aws:states:us-east-1:123456789012:execution:trapheus:this".into(),
        started_at: Timestamp::from_epoch_seconds(0),
        deadline: Timestamp::from_epoch_seconds(86_400),
        export: None,
        maximum_age_seconds: None,
        source: None,
        dry_run: false,
        options: RunOptions {
            snapshot_replacement: SnapshotReplacement::KeepUntilReplaced,
            keep_automated_backups: true,
            final_snapshot: false,
            rollback_seconds: 21_600,
            success_notice: false,
        },
    }
}

pub(crate) fn database(kind: DatabaseKind, identifier: &str) -> Database {
    let engine = if kind == DatabaseKind::Cluster { "aurora-mysql" } else { "postgres" };
    Database {
        kind,
        identifier: identifier.into(),
        resource_id: format!("id-of-{identifier}"),
        arn: format!("arn:aws:rds:us-east-1:123456789012:db:{identifier}"),
        status: "available".into(),
        engine: engine.into(),
        engine_version: if kind == DatabaseKind::Cluster { "8.0.mysql_aurora.3.04.0" } else { "15.4" }.into(),
        engine_mode: None,
        multi_az: false,
        tags: Vec::new(),
        pending_modifications: false,
        pending_groups: Vec::new(),
        beyond: Vec::new(),
        lifecycle: None,
        encrypted: true,
        kms_key_id: Some("key-1".into()),
        allocated_gib: 100,
        storage_type: Some("gp3".into()),
        backup_days: 7,
        replica_of: None,
        replicas: Vec::new(),
        cluster: None,
        member_identifiers: Vec::new(),
    }
}

pub(crate) fn snapshot(identifier: &str, of: &Database) -> Snapshot {
    Snapshot {
        identifier: identifier.into(),
        status: "available".into(),
        engine: of.engine.clone(),
        engine_version: of.engine_version.clone(),
        encrypted: of.encrypted,
        kms_key_id: of.kms_key_id.clone(),
        allocated_gib: of.allocated_gib,
        kind: Some("manual".into()),
        source: Some(of.identifier.clone()),
        source_resource_id: Some(of.resource_id.clone()),
        copied_from: None,
        pinned: Some(Source {
            kind: SourceKind::Snapshot,
            arn: format!("arn:aws:rds:us-east-1:123456789012:snapshot:{identifier}"),
            created_at: Timestamp::from_epoch_seconds(0),
            taken_at: Timestamp::from_epoch_seconds(0),
            source_identifier: Some(of.identifier.clone()),
            source_resource_id: Some(of.resource_id.clone()),
            engine_version: None,
            allocated_gib: None,
        }),
        tags: Vec::new(),
    }
}

/// A request of a restore from the latest snapshot.
pub(crate) fn request_with_source(task: Task) -> Request {
    let source = Some(SourceRequest::Latest { latest_snapshot: SnapshotChoice::Any, of: None });
    Request { source, ..request(task, DatabaseKind::Instance) }
}

/// A fit instance and the backup of a database of this name.
pub(crate) fn facts_with_source(source: &str, kind: SourceKind) -> Facts {
    let mut backup = snapshot("backup", &database(DatabaseKind::Instance, source));
    backup.pinned = backup.pinned.map(|pinned| Source { kind, ..pinned });
    Facts { snapshot: Some(backup), target: Some(database(DatabaseKind::Instance, "orders")), ..Facts::default() }
}
