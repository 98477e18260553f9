//! The oracle reports a missing safeguard of claims, backups, reads or recoveries.
//!
//! [`super::mutations`] takes the safeguards away.

use std::sync::Arc;
use std::time::SystemTime;

use rds_simulator::{Fault, FaultRule, InstanceSpec, MemberSpec, Options, Simulator, Timings, When, World};
use serde_json::{Value, json};
use trapheus_cli::campaign::matrix::{after, event, intervention, request};
use trapheus_cli::campaign::{Case, Changes, families};
use trapheus_cli::injection::InjectedFault;
use trapheus_cli::rehearsal::{BEGIN, Clients};

use crate::mutations::{BYSTANDER, Without, assert_found_out, failing, intercepted, no_recovery, orders, redefined};

const EXECUTION: &str = "arn:aws:states:us-east-1:123456789012:execution:trapheus-DBRestoreStateMachine:rehearsal-0";

fn abort(state: &str) -> InjectedFault {
    InjectedFault::Abort { state: state.to_owned(), occurrence: 1 }
}

/// A request of a person at this moment.
fn by_person(when: When, action: &str, parameters: &[(&str, &str)]) -> InjectedFault {
    let parameters: Vec<_> = parameters.iter().map(|(name, value)| (*name, (*value).to_owned())).collect();
    intervention(action, &parameters, when)
}

#[test]
fn a_recovery_that_believes_copied_claims_gives_the_name_to_a_copy() {
    let first = after("AddTagsToResource", 1, 1.0);
    let taken = [("DBInstanceIdentifier", "orders"), ("DBSnapshotIdentifier", "manual")];
    let restored = [("DBInstanceIdentifier", "orders-copy"), ("DBSnapshotIdentifier", "manual")];
    let case = orders("db_restore").with([
        by_person(first, "CreateDBSnapshot", &taken),
        by_person(When::At(700.0), "RestoreDBInstanceFromDBSnapshot", &restored),
        abort("VerifyDbInstance"),
    ]);
    assert_found_out(&[case], &Changes::default(), &intercepted(Without::ProvenClaims));
}

#[test]
fn a_recovery_that_chooses_between_two_candidates_gives_the_name_to_another_database() {
    let mut case = orders("db_restore");
    let world = Arc::make_mut(&mut case.world);
    let another = world.instances.iter_mut().find(|found| found.identifier == "orders-2").expect("a bystander");
    another.resource_id = Some(BYSTANDER.to_owned());
    let forged = [
        ("ResourceName", "arn:aws:rds:us-east-1:123456789012:db:orders-2"),
        ("Tags.Tag.1.Key", "trapheus:execution"),
        ("Tags.Tag.1.Value", EXECUTION),
        ("Tags.Tag.2.Key", "trapheus:role"),
        ("Tags.Tag.2.Value", "original"),
        ("Tags.Tag.3.Key", "trapheus:resource-id"),
        ("Tags.Tag.3.Value", BYSTANDER),
    ];
    let forging = by_person(When::At(300.0), "AddTagsToResource", &forged);
    let case = case.with([forging, abort("RestoreDbInstanceFromSnapshot")]);
    assert_found_out(&[case], &Changes::default(), &intercepted(Without::SecondCandidate));
}

/// A run whose snapshot a person replaces by one of this database, right after preflight has pinned it.
fn replaced_by_one_of(source: &str) -> Case {
    let mut case = orders("db_restore");
    let world = Arc::make_mut(&mut case.world);
    world.timings = Timings { snapshot: 20.0, delete_snapshot: 1.0, jitter: 0.0, ..Timings::default() };
    let another = InstanceSpec { identifier: "billing".to_owned(), ..world.instances[0].clone() };
    world.instances.push(another);
    let snapshot = ("DBSnapshotIdentifier", "orders-snapshot");
    case.with([
        by_person(When::At(2.0), "DeleteDBSnapshot", &[snapshot]),
        by_person(When::At(4.0), "CreateDBSnapshot", &[("DBInstanceIdentifier", source), snapshot]),
    ])
}

#[test]
fn a_run_that_does_not_pin_the_source_of_its_backup_restores_another_database() {
    assert_found_out(&[replaced_by_one_of("billing")], &Changes::default(), &intercepted(Without::Pin));
}

#[test]
fn a_run_that_does_not_pin_the_time_of_its_backup_restores_a_newer_one() {
    assert_found_out(&[replaced_by_one_of("orders")], &Changes::default(), &intercepted(Without::Pin));
}

#[test]
fn a_rollback_without_a_final_snapshot_destroys_the_writes_of_clients() {
    let case = orders("db_restore").with([abort("VerifyDbInstance")]);
    assert_found_out(&[case], &Changes::default(), &intercepted(Without::LastSnapshot));
}

#[test]
fn a_recovery_that_reads_the_execution_once_leaves_the_name_without_a_database() {
    let unknown = Fault::Error { code: "ExecutionDoesNotExist".to_owned(), message: "not yet".to_owned() };
    let case = orders("db_restore")
        .with([abort("RestoreDbInstanceFromSnapshot"), request("DescribeExecution", 1, 6, unknown)]);
    assert_found_out(&[case], &Changes::default(), &intercepted(Without::Patience));
}

#[test]
fn a_step_that_does_not_wait_for_tags_fails_a_run_without_a_fault() {
    let case = Case { must_succeed: true, ..orders("db_restore") };
    assert_found_out(&[case], &Changes::default(), &intercepted(Without::LateTags));
}

#[test]
fn an_alert_that_is_retried_without_a_limit_is_sent_many_times() {
    let cut_off: InjectedFault = "SendEmail#1x1000=connectionReset".parse().expect("a fault");
    let stubborn = |state: &str, definition: &mut Value| {
        let retriers = definition.get_mut("Retry").filter(|_| state.starts_with("Send"));
        for retrier in retriers.and_then(Value::as_array_mut).into_iter().flatten() {
            retrier["MaxAttempts"] = json!(20);
        }
    };
    assert_found_out(&[failing().with([cut_off])], &Changes::default(), &redefined(stubborn, Changes::default()));
}

#[test]
fn a_wait_that_reads_only_the_name_does_not_notice_a_rename_of_its_database() {
    let renamed =
        [("DBInstanceIdentifier", "orders"), ("NewDBInstanceIdentifier", "orders-old"), ("ApplyImmediately", "true")];
    let moment = after("RestoreDBInstanceFromDBSnapshot", 1, 1_200.0);
    let case = orders("db_restore").with([by_person(moment, "ModifyDBInstance", &renamed)]);
    assert_found_out(&[case], &Changes::default(), &intercepted(Without::OtherName));
}

#[test]
fn a_run_that_ignores_members_reports_a_cluster_with_a_failed_member_as_restored() {
    let mut case = Case::new(families::RANDOM, &event("ledger", "db_restore", true));
    Arc::make_mut(&mut case.world).failing_members = vec!["ledger-instance-2".to_owned()];
    assert_found_out(&[case], &Changes::default(), &intercepted(Without::Members));
}

#[test]
fn a_run_that_does_not_know_auto_scaling_fails_because_of_a_reader() {
    let mut case = Case { must_succeed: true, ..Case::new(families::RANDOM, &event("shop", "db_restore", true)) };
    for cluster in &mut Arc::make_mut(&mut case.world).clusters {
        if cluster.identifier == "shop" {
            let identifier = "application-autoscaling-3f2c1d9e-7a54-4b0e-9c1a-0d1e2f3a4b5c".to_owned();
            cluster.members.push(MemberSpec { identifier, writer: false, ..cluster.members[0].clone() });
        }
    }
    assert_found_out(&[case], &Changes::default(), &intercepted(Without::AutoScaledReaders));
}

#[test]
fn a_run_that_treats_an_expired_token_as_a_denial_fails() {
    let expired = Fault::Error { code: "ExpiredToken".to_owned(), message: "expired".to_owned() };
    // Once more than the SDK tries.
    let case = Case { must_succeed: true, ..orders("db_restore").with([request("ModifyDBInstance", 1, 4, expired)]) };
    assert_found_out(&[case], &Changes::default(), &intercepted(Without::FreshTokens));
}

#[test]
fn the_oracle_reports_an_accepted_input_with_a_key_of_the_document() {
    let event = json!({"identifier": "orders", "task": "db_restore", "isCluster": false, "plan": {"original": {}}});
    let case = Case::new(families::INPUT, &event);
    assert_found_out(&[case], &Changes::default(), &intercepted(Without::KnownFields));
}

#[test]
fn the_oracle_reports_a_document_that_begins_with_the_input() {
    let together = |name: &str, state: &mut serde_json::Value| {
        if name == "KeepInputApart" {
            state["ResultPath"] = json!("$.input");
        }
    };
    let event = json!({"identifier": "orders", "task": "db_restore", "isCluster": false, "recovery": "none"});
    let case = Case::new(families::INPUT, &event);
    assert_found_out(&[case], &no_recovery(), &redefined(together, no_recovery()));
}

#[test]
fn the_oracle_reports_an_alert_that_does_not_read_the_databases() {
    let denied = FaultRule {
        action: "*".to_owned(),
        identifier: None,
        caller: None,
        occurrence: 1,
        times: 10_000,
        fault: Fault::Denied {},
    };
    let world = World { faults: vec![denied], ..World::default() };
    // The clock does not matter, because nothing happens in this world.
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().expect("a runtime");
    let start_time = SystemTime::UNIX_EPOCH + BEGIN;
    let options = Options { start_time, ..Options::default() };
    let elsewhere = runtime.block_on(async { Simulator::new(world, options) }).expect("a possible world");
    let clients = Clients::of(&elsewhere);
    // The rename back is denied, so a person must act.
    let case = failing().with([request("ModifyDBInstance", 2, 10_000, Fault::Denied {})]);
    let without = Changes { without_recovery: true, ..intercepted(Without::Sight(clients)) };
    assert_found_out(&[case], &no_recovery(), &without);
}
