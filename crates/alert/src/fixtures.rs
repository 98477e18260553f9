//! State documents and worlds for the tests of this crate.

use serde_json::{Value, json};
use trapheus_common::document::Finding;
use trapheus_common::identifiers::DatabaseKind;

use crate::resources::{Database, Origin, Resources, SnapshotStatus};
use crate::run::Run;

pub(crate) const EXECUTION: &str = "arn:aws:states:eu-west-1:123456789012:execution:trapheus-dev:run-1";

pub(crate) const RECOVERY: &str = "arn:aws:states:eu-west-1:123456789012:execution:trapheus-dev:recovery-1";

/// The document of a restore of DB instance `orders`, as preflight leaves it.
pub(crate) fn instance() -> Value {
    json!({
        "input": {"identifier": "orders", "task": "db_restore", "isCluster": false},
        "request": request("db_restore", "instance"),
        "plan": plan(&json!({
            "resourceId": "db-ORIGINAL",
            "engine": "postgres", "engineVersion": "16.3", "tags": no_tags(),
            "settings": {"instanceClass": "db.t3.medium", "subnetGroup": "private", "parameterGroup": "orders-pg16",
                         "securityGroups": ["sg-1", "sg-2"], "deletionProtection": true}
        }))
    })
}

/// The document of a restore of Aurora cluster `orders` with two members, as preflight leaves it.
pub(crate) fn aurora() -> Value {
    let member = |name: &str, writer: bool| {
        json!({
            "names": {"service": name, "parked": format!("{name}-temp")},
            "resourceId": format!("db-{}", name.to_uppercase()),
            "isWriter": writer, "tags": no_tags(), "settings": {"instanceClass": "db.r6g.large"}
        })
    };
    json!({
        "input": {"identifier": "orders", "task": "create_snapshot", "isCluster": true},
        "request": request("create_snapshot", "cluster"),
        "plan": plan(&json!({
            "resourceId": "cluster-ORIGINAL",
            "clusterKind": "aurora", "engine": "aurora-postgresql", "engineVersion": "16.3", "tags": no_tags(),
            "settings": {"subnetGroup": "private"}, "members": [member("orders-a", true), member("orders-b", false)]
        }))
    })
}

/// The plan of a run of [`EXECUTION`] on this original.
fn plan(original: &Value) -> Value {
    json!({
        "strategy": "rename_first", "readAt": "2026-01-31T08:00:05Z",
        "names": {"service": "orders", "parked": "orders-temp", "aside": "orders-failed-3fa2c1",
                  "finalSnapshot": "orders-final-3fa2c1", "discardedSnapshot": "orders-failed-3fa2c1",
                  "replacementSnapshot": "orders-temp"},
        "source": {"kind": "snapshot", "arn": "arn:aws:rds:eu-west-1:123456789012:snapshot:orders-snapshot",
                   "createdAt": "2026-01-28T08:00:00Z", "takenAt": "2026-01-28T08:00:00Z",
                   "sourceIdentifier": "orders", "sourceResourceId": "db-ORIGINAL"},
        "original": original
    })
}

fn no_tags() -> Value {
    json!({"count": 0, "sha256": ""})
}

fn request(task: &str, kind: &str) -> Value {
    json!({
        "identifier": "orders", "snapshotIdentifier": "orders-snapshot", "task": task, "kind": kind, "execution": EXECUTION,
        "startedAt": "2026-01-31T08:00:00Z", "deadline": "2026-01-31T20:00:00Z",
        "snapshotReplacement": "KeepUntilReplaced", "keepAutomatedBackups": true, "finalSnapshot": false,
        "rollbackSeconds": 21600
    })
}

/// The document of a recovery of an execution that ended with this status.
pub(crate) fn recovering(document: &Value, finding: Finding, status: &str) -> Value {
    let mut recovering = json!({
        "input": {"task": "recover", "execution": EXECUTION},
        "recovery": {"taskname": "Recovery", "finding": finding, "reason": "so it is", "execution": EXECUTION,
                     "status": status},
        "error": {"Error": "ExecutionAborted", "Cause": "The execution was stopped."},
    });
    for key in ["request", "plan"] {
        recovering[key] = document[key].clone();
    }
    recovering
}

/// The same document with these steps done.
pub(crate) fn after(mut document: Value, steps: &[&str]) -> Value {
    for step in steps {
        document[step] = json!({"more": false, "wait": {"task": "TASK_COMPLETE"}});
    }
    if steps.contains(&"verification") {
        document["verification"] = json!({"resourceId": "db-RESTORED", "differences": []});
    }
    if steps.contains(&"commit") {
        document["commit"] = json!({"resourceId": "db-RESTORED"});
    }
    document
}

/// The same document with the error of a function.
pub(crate) fn failing(mut document: Value, error: &str, message: &str) -> Value {
    let thrown = json!({"errorType": error, "errorMessage": format!("Identifier:orders \n{message}")});
    document["error"] = json!({"Error": error, "Cause": thrown.to_string()});
    document
}

pub(crate) fn run(document: &Value) -> Run {
    Run::read(EXECUTION, document)
}

pub(crate) fn database(kind: DatabaseKind, identifier: &str, status: &str, origin: Origin) -> Database {
    let resource_id = match origin {
        Origin::Original if kind == DatabaseKind::Cluster => "cluster-ORIGINAL",
        Origin::Original => "db-ORIGINAL",
        Origin::Restored => "db-RESTORED",
        Origin::Other => "db-OTHER",
        Origin::Copy => "db-COPY",
        Origin::Unproven => "db-UNPROVEN",
    };
    Database {
        kind,
        identifier: identifier.to_owned(),
        status: status.to_owned(),
        resource_id: resource_id.to_owned(),
        arn: format!("arn:aws:rds:eu-west-1:123456789012:db:{identifier}"),
        origin,
        was_available: !["creating", "failed", "incompatible-network"].contains(&status),
        deletion_protection: false,
        claim: None,
        member_of: None,
        is_writer: false,
    }
}

pub(crate) fn member(identifier: &str, resource_id: &str, cluster: &str, origin: Origin) -> Database {
    Database {
        resource_id: resource_id.to_owned(),
        member_of: Some(cluster.to_owned()),
        ..database(DatabaseKind::Instance, identifier, "available", origin)
    }
}

/// The resources of a run: these databases and an available snapshot.
pub(crate) fn resources(run: &Run, databases: Vec<Database>) -> Resources {
    let request = run.request.as_ref().unwrap();
    let snapshot = |identifier: &_, status: Option<&str>| SnapshotStatus {
        identifier: Clone::clone(identifier),
        status: status.map(str::to_owned),
    };
    Resources {
        databases: Ok(databases),
        snapshots: Ok(vec![
            snapshot(&request.snapshot_identifier, Some("available")),
            snapshot(&run.names(request).replacement_snapshot, None),
        ]),
    }
}
