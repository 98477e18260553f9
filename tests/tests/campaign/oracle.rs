//! The oracle makes an allowance only for a fault that can have caused the broken promise.
//!
//! Each test takes a safeguard away, beside an unrelated fault or act of a person. An oracle that allows too much takes the
//! fault for the cause. Each test also checks that the run keeps its promises with the safeguard in place.

use rds_simulator::{Fault, SnapshotSpec, When};
use serde_json::{Value, json};
use trapheus_cli::campaign::matrix::{event, failing_restores, function, intervention, request};
use trapheus_cli::campaign::{Case, Changes};
use trapheus_cli::injection::{Beside, FunctionFaultKind, InjectedFault};
use trapheus_common::document::SnapshotReplacement;

use crate::mutations::{Without, assert_found_out, failing, intercepted, no_recovery, orders, redefined};

/// A rollback that ends at once and does not give the original its name back.
fn without_the_way_home() -> Changes {
    let skips = |name: &str, state: &mut Value| {
        if name == "WhatToRollBack" {
            let whole = state.to_string().replace("DiscardFailedDbInstanceRestore", "RollbackComplete");
            *state = serde_json::from_str(&whole).expect("JSON");
            // A definition must not have unreachable states.
            let never =
                json!({"Variable": "$.task", "StringEquals": "never", "Next": "DiscardFailedDbInstanceRestore"});
            state["Choices"].as_array_mut().expect("choices").push(never);
        }
    };
    redefined(skips, no_recovery())
}

/// Checks that these faults give no allowance to a rollback that leaves the original parked.
fn assert_no_allowance(case: Case, beside: impl IntoIterator<Item = InjectedFault>) {
    assert_found_out(&[case.with(beside)], &no_recovery(), &without_the_way_home());
}

#[test]
fn a_slack_that_does_not_answer_gives_no_allowance() {
    let slow = || Fault::Slow { seconds: 3_600.0 };
    assert_no_allowance(failing(), [request("PostMessage", 1, 10_000, slow())]);
    assert_no_allowance(failing(), [request("GetParameter", 1, 10_000, slow())]);
}

#[test]
fn a_snapshot_that_was_hidden_before_the_rollback_gives_no_allowance() {
    let hidden = request("CreateDBSnapshot", 1, 1, Fault::NotFoundFor { seconds: 2_000.0 });
    assert_no_allowance(orders("create_snapshot").with(failing_restores("orders").remove(0)), [hidden]);
}

#[test]
fn a_snapshot_or_a_tag_of_a_person_gives_no_allowance() {
    let snapshot = [("DBInstanceIdentifier", "orders".to_owned()), ("DBSnapshotIdentifier", "nightly".to_owned())];
    let tag = [
        ("ResourceName", "arn:aws:rds:us-east-1:123456789012:db:orders".to_owned()),
        ("Tags.Tag.1.Key", "cost-centre".to_owned()),
        ("Tags.Tag.1.Value", "7".to_owned()),
    ];
    assert_no_allowance(failing(), [intervention("AddTagsToResource", &tag, When::At(0.0))]);
    // The snapshot is complete before the run's first read.
    let early = intervention("CreateDBSnapshot", &snapshot, When::At(0.0));
    assert_no_allowance(failing(), [early]);
}

#[test]
fn an_act_on_another_database_at_the_end_gives_no_allowance() {
    let snapshot = [("DBInstanceIdentifier", "orders-2".to_owned()), ("DBSnapshotIdentifier", "nightly".to_owned())];
    assert_no_allowance(failing(), [intervention("CreateDBSnapshot", &snapshot, When::At(80_000.0))]);
}

#[test]
fn a_function_that_crashes_before_the_rollback_gives_no_allowance() {
    let crash = |kind, times| function("wait-instance", 1, times, kind);
    assert_no_allowance(orders("db_restore"), [crash(FunctionFaultKind::Crash, 4)]);
    assert_no_allowance(orders("db_restore"), [crash(FunctionFaultKind::AnswerLost, 4)]);
}

#[test]
fn a_denial_that_fails_no_step_of_the_rollback_gives_no_allowance() {
    // Preflight makes the first read of snapshots. The alert makes the later ones, and is sent without them as well.
    let denied = (2..=4).map(|occurrence| request("DescribeDBSnapshots", occurrence, 1, Fault::Denied {}));
    let case = orders("db_restore").with([request(
        "RestoreDBInstanceFromDBSnapshot",
        1,
        1,
        Fault::EndsIn { status: "failed".to_owned() },
    )]);
    assert_no_allowance(case, denied.skip(2));
}

#[test]
fn a_second_run_that_was_refused_gives_no_allowance_for_a_missing_snapshot() {
    let second = InjectedFault::SecondRun {
        state: "DbSnapshotCreate".to_owned(),
        occurrence: 1,
        beside: Beside::First,
        event: Some(event("orders", "create_snapshot_only", false)),
    };
    // With this option, only the task itself takes a snapshot.
    let snapshot_replacement = SnapshotReplacement::DeleteFirst;
    let case = Case { snapshot_replacement, ..orders("create_snapshot_only").with([second]) };
    assert_found_out(&[case], &Changes::default(), &intercepted(Without::TakenSnapshot));
}

#[test]
fn the_oracle_reports_a_database_restored_from_another_backup() {
    let mut case = orders("db_restore");
    let world = std::sync::Arc::make_mut(&mut case.world);
    let of_another = SnapshotSpec {
        identifier: "other-snapshot".to_owned(),
        source: "orders-2".to_owned(),
        ..world.snapshots[0].clone()
    };
    world.snapshots.push(of_another);
    assert_found_out(&[case], &Changes::default(), &intercepted(Without::PinnedBackup("other-snapshot")));
}

#[test]
fn the_oracle_reports_a_backup_of_the_database_that_the_input_does_not_choose() {
    for source in [json!({"snapshot": "nightly"}), json!({"latestSnapshot": "any"}), json!({"pointInTime": "latest"})] {
        let mut case = orders("db_restore");
        case.event["source"] = source;
        let world = std::sync::Arc::make_mut(&mut case.world);
        for (identifier, age_hours) in [("nightly", 6), ("older", 72)] {
            let taken = SnapshotSpec { identifier: identifier.to_owned(), age_hours, ..world.snapshots[0].clone() };
            world.snapshots.push(taken);
        }
        assert_found_out(&[case], &Changes::default(), &intercepted(Without::PinnedBackup("older")));
    }
}
