//! Reads that lag, connections that are reset, and functions that Lambda refuses to run.

use rds_simulator::{IdleFunctions, Lag, Lambda, Timings};
use trapheus_cli::injection::InjectedFault;
use trapheus_cli::lambda::LambdaError;

use super::*;

/// A world whose reads lag as they do in the campaign.
fn lagging() -> World {
    World { lag: Lag { tags_seconds: 20.0, rename_seconds: 10.0, execution_seconds: 30.0 }, ..world() }
}

fn rehearse_with(event: Value, world: World, seed: u64, faults: &[&str]) -> Report {
    let faults = faults.iter().map(|fault| fault.parse::<InjectedFault>().expect("a fault")).collect();
    Rehearsal { faults, seed, ..Rehearsal::new(event, world) }.run(&mut ()).expect("a world that can exist")
}

fn changes(report: &Report) -> Vec<&String> {
    let looks = |action: &str| action.starts_with("Describe") || action.starts_with("List");
    report.rds_calls.keys().filter(|action| !looks(action)).collect()
}

#[test]
fn every_task_succeeds_although_reads_lag() {
    for (identifier, is_cluster) in KINDS {
        for task in TASKS {
            for seed in 0..3 {
                let report = rehearse_with(event(identifier, task, is_cluster), lagging(), seed, &[]);
                assert_eq!(report.status, "SUCCEEDED", "{identifier} {task} {seed}: {:?}", report.cause);
                assert_eq!(marks(&report.world), Vec::<String>::new(), "{identifier} {task} {seed}");
            }
        }
    }
}

#[test]
fn a_recovery_waits_until_the_end_of_its_execution_shows() {
    for seed in 0..3 {
        let faults = ["RestoreDbInstanceFromSnapshot=abort"];
        let report = rehearse_with(event("orders", "db_restore", false), lagging(), seed, &faults);
        let [recovery] = report.others.as_slice() else { panic!("{:?}", report.others) };
        assert_eq!(recovery.status, "SUCCEEDED", "{seed}: {:?}", recovery.cause);
        let before = database(&report.world_before, "orders", false);
        assert_eq!(database(&report.world, "orders", false), before, "{seed}");
    }
}

#[test]
fn a_run_waits_for_a_tag_or_a_rename_that_shows_a_minute_late() {
    for fault in ["AddTagsToResource=late:60", "ModifyDBInstance=late:60", "RestoreDBInstanceFromDBSnapshot=late:60"] {
        let report = rehearse_with(event("orders", "db_restore", false), world(), 0, &[fault]);
        assert_eq!(report.status, "SUCCEEDED", "{fault}: {:?}", report.cause);
        assert_eq!(report.never_struck, [], "{fault}");
    }
}

#[test]
fn a_creation_whose_answer_is_lost_is_recognised_although_its_tags_show_late() {
    let creations = [
        ("orders", false, "RestoreDBInstanceFromDBSnapshot"),
        ("orders", false, "CreateDBSnapshot"),
        ("orders", false, "CopyDBSnapshot"),
        ("shop", true, "RestoreDBClusterFromSnapshot"),
        ("shop", true, "CreateDBInstance"),
        ("shop", true, "CreateDBInstance#3"),
        ("shop", true, "CreateDBClusterSnapshot"),
        ("ledger", true, "RestoreDBClusterFromSnapshot"),
        ("ledger", true, "CreateDBClusterSnapshot"),
    ];
    for (identifier, is_cluster, creation) in creations {
        for fault in ["responseLost", "connectionReset"] {
            let fault = format!("{creation}={fault}");
            let event = event(identifier, "create_snapshot", is_cluster);
            let report = rehearse_with(event, lagging(), 0, &[&fault]);
            assert_eq!(report.never_struck, [], "{identifier} {fault}");
            assert_eq!(report.status, "SUCCEEDED", "{identifier} {fault}: {:?}", report.cause);
        }
    }
}

#[test]
fn an_original_between_two_names_does_not_count_as_deleted_in_a_recovery() {
    let mut world = lagging();
    world.timings = Timings { rename_nameless: 300.0, ..world.timings };
    // A person renames the original during the recovery's reads.
    let rename = "after:AddTagsToResource#3+140=ModifyDBInstance:ApplyImmediately=true,DBInstanceIdentifier=orders-temp,\
                  NewDBInstanceIdentifier=orders-old";
    let faults = ["ProtectDbInstance=abortAfter", rename];
    let report = rehearse_with(event("orders", "db_restore", false), world, 0, &faults);
    assert_eq!(report.never_struck, []);
    let text = report.mails.last().and_then(|mail| mail.text.as_deref()).expect("a mail");
    assert!(text.contains("orders is the restored database, verified"), "{text}");
    assert!(text.contains("the original is left over as orders-old"), "{text}");
    assert!(!text.contains("--new-db-instance-identifier"), "a command takes the name away: {text}");
}

#[test]
fn a_mail_whose_connection_is_reset_is_sent_three_times_at_most() {
    let faults = ["RestoreDBInstanceFromDBSnapshot=denied", "SendEmail#1x100=connectionReset"];
    let report = rehearse_with(event("orders", "db_restore", false), world(), 0, &faults);
    assert_eq!(report.status, "FAILED");
    let subjects: std::collections::BTreeSet<_> = report.mails.iter().map(|mail| &mail.subject).collect();
    for subject in subjects {
        let copies = report.mails.iter().filter(|mail| mail.subject == *subject).count();
        assert_eq!(copies, 3, "{subject}");
    }
}

fn idle(wake_seconds: f64, ever_wakes: bool) -> World {
    World { lambda: Lambda { idle_functions: IdleFunctions::All(true), wake_seconds, ever_wakes }, ..world() }
}

#[test]
fn functions_that_were_idle_for_weeks_are_woken() {
    for (identifier, is_cluster) in KINDS {
        let report = rehearse(event(identifier, "db_restore", is_cluster), idle(120.0, true));
        assert_eq!(report.status, "SUCCEEDED", "{identifier}: {:?}", report.cause);
        assert!(report.steps.iter().any(|step| step.state.starts_with("Wake") && step.retries > 0), "{identifier}");
    }
}

#[test]
fn functions_that_never_wake_fail_the_run_before_any_change() {
    for (identifier, is_cluster) in KINDS {
        let report = rehearse(event(identifier, "db_restore", is_cluster), idle(120.0, false));
        assert_eq!(report.status, "FAILED", "{identifier}");
        assert_eq!(changes(&report), Vec::<&String>::new(), "{identifier}");
        assert_eq!(report.world.instances, report.world_before.instances, "{identifier}");
    }
}

#[test]
fn a_function_of_the_rollback_that_never_wakes_fails_the_run_before_any_change() {
    for function in ["discard-instance", "rename-instance", "recover", "email"] {
        let idle = Lambda {
            idle_functions: IdleFunctions::Named(vec![function.to_owned()]),
            wake_seconds: 0.0,
            ever_wakes: false,
        };
        let report = rehearse(event("orders", "db_restore", false), World { lambda: idle, ..world() });
        assert_eq!(report.status, "FAILED", "{function}");
        assert_eq!(changes(&report), Vec::<&String>::new(), "{function}");
        assert_eq!(report.mails.is_empty(), function == "email", "{function}");
    }
}

#[test]
fn a_sleeping_function_is_called_until_it_is_awake() {
    let report = rehearse_with(event("orders", "db_restore", false), world(), 0, &["discard-instance=asleep:120"]);
    assert_eq!(report.status, "SUCCEEDED", "{:?}", report.cause);
    assert!(report.struck.len() > 1, "every refused call is a strike: {:?}", report.struck);
    assert_eq!(report.struck[0].state.as_deref(), Some("WakeDiscardInstance"));
    // A function that falls asleep between two of its calls.
    let report = rehearse_with(
        event("orders", "db_restore", false),
        world(),
        0,
        &["rename-instance#1=asleep:90", "wait-instance#3=asleep:300"],
    );
    assert_eq!(report.status, "SUCCEEDED", "{:?}", report.cause);
    assert_eq!(report.never_struck, []);
}

#[test]
fn a_call_that_lambda_refuses_is_retried_if_the_error_passes() {
    for error in LambdaError::all() {
        let fault = format!("restore-instance=lambda:{}", error.name());
        let report = rehearse_with(event("orders", "db_restore", false), world(), 0, &[&fault]);
        if error.passes() && error.only_with().is_none() {
            assert_eq!(report.status, "SUCCEEDED", "{fault}: {:?}", report.cause);
        } else {
            assert_eq!((report.status.as_str(), report.error.as_deref()), ("FAILED", Some(error.name())), "{fault}");
            let before = database(&report.world_before, "orders", false);
            assert_eq!(database(&report.world, "orders", false), before, "{fault}");
        }
    }
}

#[test]
fn a_claim_that_a_failed_step_has_just_written_is_removed_although_it_shows_late() {
    let renamed = "after:AddTagsToResource=ModifyDBInstance:ApplyImmediately=true,DBInstanceIdentifier=shop-1,\
                   NewDBInstanceIdentifier=shop-9";
    for seed in 0..3 {
        let faults = ["AddTagsToResource#1x9=late:60", renamed];
        let report = rehearse_with(event("shop", "db_restore", true), world(), seed, &faults);
        assert_eq!(report.error.as_deref(), Some("ClaimException"), "{seed}: {:?}", report.cause);
        assert_eq!(marks(&report.world), Vec::<String>::new(), "{seed}");
    }
}
