//! Runs that export their snapshot. A failed export does not harm the database.

use super::*;

fn exporting(identifier: &str, task: &str, is_cluster: bool, wait: bool) -> Value {
    let mut event = event(identifier, task, is_cluster);
    event["export"] = json!(true);
    event["waitForExport"] = json!(wait);
    event
}

/// Status and failure of the export in the run's output.
fn outcome(report: &Report) -> (&str, Option<&str>) {
    let export = &report.output.as_ref().expect("an output")["export"];
    (export["status"].as_str().unwrap_or_default(), export["failure"]["Error"].as_str())
}

fn failing() -> Value {
    json!([{"action": "StartExportTask", "fault": {"kind": "endsIn", "status": "failed"}}])
}

#[test]
fn an_export_is_started_and_the_restore_does_not_wait_for_it() {
    for (identifier, is_cluster) in KINDS {
        let mut world = world();
        world.timings.export_starting = 60.0;
        world.timings.export = 40.0 * 3_600.0;
        let report = rehearse(exporting(identifier, "create_snapshot", is_cluster, false), world);
        assert_eq!(report.status, "SUCCEEDED", "{identifier}: {:?} {:?}", report.error, report.cause);
        assert!(report.duration_seconds < 4.0 * 3_600.0, "{}", report.duration_seconds);
        assert_eq!(outcome(&report), ("IN_PROGRESS", None), "{identifier}");
        assert_eq!(report.mails.len(), 0);
        assert_bystanders_untouched(&report, identifier);
        let [export] = &report.world.exports[..] else { panic!("{:?}", report.world.exports) };
        assert!(export.source.ends_with(&format!(":{identifier}-snapshot")), "{}", export.source);
    }
}

#[test]
fn a_run_that_waits_for_its_export_ends_when_it_is_complete() {
    for (identifier, is_cluster) in KINDS {
        for task in ["create_snapshot", "create_snapshot_only"] {
            let report = rehearse(exporting(identifier, task, is_cluster, true), world());
            assert_eq!(report.status, "SUCCEEDED", "{identifier}: {:?} {:?}", report.error, report.cause);
            assert_eq!(outcome(&report), ("COMPLETE", None), "{identifier} {task}");
            let output = report.output.expect("an output");
            assert_eq!(output["export"]["percentProgress"], 100);
            assert_eq!(output["export"]["taskname"], "SnapshotExport");
        }
    }
}

#[test]
fn a_failed_export_does_not_fail_the_restore_and_is_reported_in_output_and_mail() {
    for (identifier, is_cluster) in KINDS {
        let report = rehearse(exporting(identifier, "create_snapshot", is_cluster, true), world_with(failing()));
        assert_eq!(report.status, "SUCCEEDED", "{identifier}: {:?} {:?}", report.error, report.cause);
        assert_eq!(outcome(&report), ("FAILED", Some("ExportException")), "{identifier}");
        let (before, _) = database(&report.world_before, identifier, is_cluster).expect("the old database");
        let (now, status) = database(&report.world, identifier, is_cluster).expect("the database");
        assert!(before != now && status == "available", "{identifier} was not restored");
        assert_eq!(marks(&report.world), Vec::<String>::new());
        let [mail] = &report.mails[..] else { panic!("{} mails", report.mails.len()) };
        assert!(mail.subject.contains("export") && !mail.subject.contains("ACTION NEEDED"), "{}", mail.subject);
    }
}

#[test]
fn an_export_that_cannot_start_does_not_fail_the_restore() {
    for (identifier, is_cluster) in KINDS {
        for (code, expected) in [
            ("AccessDenied", "AccessDeniedException"),
            ("KMSKeyNotAccessibleFault", "ExportException"),
            ("IamRoleNotFound", "ExportException"),
        ] {
            let faults = json!([{"action": "StartExportTask", "fault": {"kind": "error", "code": code}}]);
            let report = rehearse(exporting(identifier, "create_snapshot", is_cluster, false), world_with(faults));
            assert_eq!(report.status, "SUCCEEDED", "{identifier} {code}: {:?} {:?}", report.error, report.cause);
            assert_eq!(outcome(&report).1, Some(expected), "{code}");
            assert_eq!(report.mails.len(), 1, "{code}");
        }
    }
}

#[test]
fn a_run_that_only_takes_and_exports_a_snapshot_fails_with_the_export() {
    for (identifier, is_cluster) in KINDS {
        let event = exporting(identifier, "create_snapshot_only", is_cluster, true);
        let report = rehearse(event, world_with(failing()));
        assert_eq!((report.status.as_str(), report.error.as_deref()), ("FAILED", Some("ExportException")));
        assert!(report.cause.as_deref().is_some_and(|cause| cause.contains("FAILED")), "{:?}", report.cause);
        assert!(report.steps.iter().all(|step| step.state != "FailedState"), "the run has nothing to roll back");
        assert_untouched(&report, identifier);
        assert_eq!(report.mails.len(), 1);
    }
}

#[test]
fn a_restore_continues_if_its_export_gets_no_place() {
    for (identifier, is_cluster) in KINDS {
        let mut world = world();
        world.limits.export_tasks = 0;
        let report = rehearse(exporting(identifier, "create_snapshot", is_cluster, false), world);
        assert_eq!(report.status, "SUCCEEDED", "{identifier}: {:?} {:?}", report.error, report.cause);
        assert_eq!(outcome(&report).1, Some("WaitTimedOutException"), "{identifier}");
        let waited: f64 =
            report.steps.iter().filter(|step| step.state.contains("ExportTask")).map(|step| step.seconds).sum();
        assert!((890.0..1_000.0).contains(&waited), "{waited}");
        assert_eq!(report.mails.len(), 1);
    }
}

#[test]
fn a_failed_restore_beside_a_failed_export_ends_with_the_error_of_the_restore() {
    let faults = json!([
        {"action": "StartExportTask", "fault": {"kind": "denied"}},
        {"action": "RestoreDBInstanceFromDBSnapshot", "fault": {"kind": "endsIn", "status": "failed"}},
    ]);
    let report = rehearse(exporting("orders", "create_snapshot", false, false), world_with(faults));
    assert_eq!(report.error.as_deref(), Some("InstanceRestoreException"), "{:?}", report.cause);
    assert_untouched(&report, "orders");
    assert_eq!(report.mails.len(), 2);
}

#[test]
fn a_snapshot_that_is_being_exported_is_replaced_by_the_next_run() {
    for (identifier, is_cluster) in KINDS {
        let kind = if is_cluster { "cluster-snapshot" } else { "snapshot" };
        let source = format!("arn:aws:rds:us-east-1:123456789012:{kind}:{identifier}-snapshot");
        let mut world = world_with(json!([]));
        world.meddling = serde_json::from_value(json!([{
            "when": {"at": 0.0}, "action": "StartExportTask",
            "parameters": {"ExportTaskIdentifier": "earlier", "SourceArn": source, "S3BucketName": "exports",
                           "IamRoleArn": "role", "KmsKeyId": "key"},
        }]))
        .expect("an intervention");
        let report = rehearse(exporting(identifier, "create_snapshot_only", is_cluster, true), world);
        assert_eq!(report.status, "SUCCEEDED", "{identifier}: {:?} {:?}", report.error, report.cause);
        let statuses: Vec<&str> = report.world.exports.iter().map(|export| export.status.as_ref()).collect();
        assert_eq!(statuses, ["complete", "complete"], "{identifier}");
    }
}

#[test]
fn an_engine_that_cannot_be_exported_is_refused_before_any_change() {
    let mut world = world();
    world.instances[0].engine = "oracle-ee".to_owned();
    world.instances[0].settings = serde_json::from_value(json!({})).expect("settings");
    world.snapshots.clear();
    let report = rehearse(exporting("orders", "create_snapshot_only", false, false), world);
    assert_eq!(report.error.as_deref(), Some("PreflightException"), "{:?}", report.cause);
    assert!(report.cause.as_deref().is_some_and(|cause| cause.contains("`\"export\": false`")), "{:?}", report.cause);
    assert_untouched(&report, "oracle");
}
