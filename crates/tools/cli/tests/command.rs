//! The command as a person or a script uses it: exit status, output streams, and plain text in a pipe.

use std::io::Write as _;
use std::process::{Command, Output, Stdio};

use serde_json::Value;

/// Runs `trapheus` with these arguments and this standard input.
fn trapheus(arguments: &[&str], input: &str) -> Output {
    let mut child = Command::new(env!("CARGO_BIN_EXE_trapheus"))
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the command starts");
    let mut stdin = child.stdin.take().expect("a pipe");
    // A command that ends without reading its input closes the pipe, so this write may fail.
    let _ = stdin.write_all(input.as_bytes());
    drop(stdin);
    child.wait_with_output().expect("the command ends")
}

fn text(stream: &[u8]) -> String {
    String::from_utf8(stream.to_vec()).expect("UTF-8")
}

const RESTORE: &str = r#"{"identifier": "orders", "task": "db_restore", "isCluster": false}"#;

#[test]
fn an_execution_that_succeeded_is_exit_status_0_and_a_pipe_gets_plain_lines() {
    let output = trapheus(&["rehearse", "-"], RESTORE);
    assert_eq!(output.status.code(), Some(0));
    let lines = text(&output.stdout);
    assert!(lines.contains("RestoreDbInstanceFromSnapshot") && lines.contains("SUCCEEDED after"), "{lines}");
    assert!(!lines.contains('\x1b') && !lines.contains('\r'), "{lines}");
}

#[test]
fn an_execution_that_failed_is_exit_status_1() {
    let output = trapheus(&["rehearse", "-"], r#"{"identifier": "nowhere", "task": "db_restore", "isCluster": false}"#);
    assert_eq!(output.status.code(), Some(1));
    assert!(text(&output.stdout).contains("PreflightException"));
}

#[test]
fn an_execution_that_cannot_start_is_exit_status_2_with_the_reason_on_standard_error() {
    for (arguments, input, reason) in [
        (["rehearse", "no-such-file.json"], "", "no-such-file.json"),
        (["rehearse", "-"], "{", "not JSON"),
        (["simulator", "--speed=fast"], "", "--speed"),
    ] {
        let output = trapheus(&arguments, input);
        assert_eq!(output.status.code(), Some(2), "{arguments:?}");
        assert!(text(&output.stderr).contains(reason), "{}", text(&output.stderr));
        assert_eq!(text(&output.stdout), "");
    }
}

#[test]
fn json_contains_the_whole_result() {
    let output = trapheus(&["rehearse", "-", "--json", "--seed", "3"], RESTORE);
    let report: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    assert_eq!(report["status"], "SUCCEEDED");
    assert!(report["downtimeSeconds"].as_f64().is_some_and(|seconds| seconds > 0.0));
    assert!(report["rdsCalls"]["RestoreDBInstanceFromDBSnapshot"] == 1);
    assert!(report["steps"].as_array().is_some_and(|steps| steps.len() > 10));
    assert!(report["cost"]["stepFunctions"].as_f64().is_some_and(|dollars| dollars > 0.0));
}

#[test]
fn a_snapshot_that_is_deleted_first_is_taken_once() {
    let snapshot = r#"{"identifier": "orders", "task": "create_snapshot_only", "isCluster": false}"#;
    let output = trapheus(&["rehearse", "-", "--json", "--snapshot-replacement", "DeleteFirst"], snapshot);
    let report: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    assert_eq!(report["status"], "SUCCEEDED");
    assert_eq!(report["rdsCalls"]["CopyDBSnapshot"], Value::Null);
    assert_eq!(report["rdsCalls"]["CreateDBSnapshot"], 1);
}

#[test]
fn a_fault_of_the_command_line_strikes_and_its_recovery_is_reported_unless_switched_off() {
    let abort = ["rehearse", "-", "--json", "--fault", "RestoreDbInstanceFromSnapshot=abort"];
    let output = trapheus(&abort, RESTORE);
    assert_eq!(output.status.code(), Some(1));
    let report: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    assert_eq!((&report["status"], &report["others"][0]["status"]), (&"ABORTED".into(), &"SUCCEEDED".into()));
    assert_eq!(report["others"][0]["role"], "recovery");
    let output = trapheus(&[abort.as_slice(), &["--no-recovery"]].concat(), RESTORE);
    let report: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    assert_eq!((&report["status"], &report["others"]), (&"ABORTED".into(), &Value::Null));
}

#[test]
fn an_impossible_fault_is_exit_status_2_with_the_closest_name() {
    let output = trapheus(&["rehearse", "-", "--fault", "rename-instanc=crash"], RESTORE);
    assert_eq!(output.status.code(), Some(2));
    let said = text(&output.stderr);
    assert!(
        said.contains("did you mean `rename-instance`") && said.contains("`--fault help` lists all names"),
        "{said}"
    );
}

#[test]
fn every_alert_of_a_rehearsal_can_be_previewed_in_every_format() {
    let failing = ["preview-alert", "-", "--fault", "RestoreDBInstanceFromDBSnapshot=error:InstanceQuotaExceeded"];
    let preview = |more: &[&str]| {
        let output = trapheus(&[&failing, more].concat(), RESTORE);
        assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
        text(&output.stdout)
    };
    let first = preview(&["--alert", "first"]);
    assert!(
        first.starts_with("Subject: Trapheus: restore of orders failed") && first.contains("rolling back"),
        "{first}"
    );
    assert!(preview(&[]).contains("(final: original is back)"));
    assert!(preview(&["--format", "html"]).starts_with("<!DOCTYPE html>"));
    let slack: serde_json::Value = serde_json::from_str(&preview(&["--format", "slack"])).expect("JSON");
    assert_eq!(slack["blocks"][0]["type"], "header");

    let success = trapheus(&["preview-alert", "-"], RESTORE);
    assert!(text(&success.stdout).starts_with("Subject: Trapheus: restore of orders is verified"), "{success:?}");
    let late = trapheus(&["preview-alert", "-", "--fault", "DeleteDBInstance=denied", "--alert", "first"], RESTORE);
    assert!(text(&late.stdout).contains("failed at DeleteOriginalDbInstance"), "{late:?}");
    let silent = trapheus(&[&failing, &["--fault", "email#1x99=crash"][..]].concat(), RESTORE);
    assert_eq!((silent.status.code(), silent.stdout.len()), (Some(1), 0));
}

#[test]
fn a_fleet_reports_whether_all_its_executions_succeeded() {
    let output = trapheus(&["fleet", "2", "--json", "--event", "../../../events/instance-restore.json"], "");
    assert_eq!((output.status.code(), text(&output.stderr).as_str()), (Some(0), ""));
    let rows: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    assert_eq!((&rows[0]["count"], &rows[0]["limited"]["failures"]), (&2.into(), &serde_json::json!([])));
    assert!(rows[0]["limited"]["granted"]["mean"].as_f64().is_some_and(|calls| calls > 10.0), "{rows}");

    // The built-in world has no snapshot of this database.
    let event = std::path::Path::new(env!("CARGO_TARGET_TMPDIR")).join("without-a-snapshot.json");
    std::fs::write(&event, RESTORE.replace("orders", "orders-2")).expect("a temporary file");
    let output = trapheus(&["fleet", "2", "--event", event.to_str().expect("UTF-8")], "");
    assert_eq!(output.status.code(), Some(1));
    let said = text(&output.stderr);
    assert!(said.contains("orders-2-002 ended FAILED: PreflightException"), "{said}");
}

#[test]
fn a_definition_is_checked_with_the_codes_of_step_functions() {
    let deployed = concat!(env!("CARGO_MANIFEST_DIR"), "/../../../statemachine/trapheus.asl.json");
    let output = trapheus(&["check", deployed], "");
    assert_eq!((output.status.code(), text(&output.stdout)), (Some(0), format!("{deployed}: OK\n")));

    let refused = r#"{"StartAt": "A", "States": {
        "A": {"Type": "Task", "Resource": "${WorkFunctionArn}", "Next": "B"},
        "C": {"Type": "Fail", "Error": "$.error"}}}"#;
    let output = trapheus(&["check", "-"], refused);
    assert_eq!(output.status.code(), Some(1));
    assert_eq!(
        text(&output.stdout),
        "-: ERROR MISSING_TRANSITION_TARGET at /States/A/Next: there is no state \"B\" here\n\
         -: WARNING NO_PATH at /States/C/Error: \"$.error\" looks like a path; ErrorPath takes one\n\
         -: FAIL\n"
    );
    let output = trapheus(&["check", "no-such-file.json"], "");
    assert_eq!(output.status.code(), Some(2));
    assert!(text(&output.stderr).contains("no-such-file.json"));
}
