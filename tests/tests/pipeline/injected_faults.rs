//! Faults of functions and executions, and their effects: retries, recoveries, second runs.

use std::rc::Rc;
use std::time::{Duration, SystemTime};

use futures::FutureExt as _;
use futures::future::LocalBoxFuture;
use rds_simulator::{Options, Simulator};
use trapheus_cli::environment::{Call, Interceptor};
use trapheus_cli::fleet::Failure;
use trapheus_cli::injection::{FunctionFaultKind, InjectedFault};
use trapheus_cli::oracle::manual_recovery;
use trapheus_cli::rehearsal::{Clients, DEFINITION, load};
use trapheus_cli::report::RunRole;
use trapheus_cli::timeline::StepStatus;

use super::*;

fn rehearsal(faults: &[&str]) -> Rehearsal {
    let faults = faults.iter().map(|fault| fault.parse::<InjectedFault>().expect("a fault")).collect();
    Rehearsal { faults, ..Rehearsal::new(event("orders", "db_restore", false), world()) }
}

fn rehearse_with(faults: &[&str]) -> Report {
    rehearsal(faults).run(&mut ()).expect("a world that can exist")
}

fn step<'a>(report: &'a Report, state: &str) -> &'a trapheus_cli::timeline::Step {
    report.steps.iter().find(|step| step.state == state).expect("a step")
}

#[test]
fn a_function_that_fails_once_is_called_again() {
    for (kind, changes) in [
        (FunctionFaultKind::Crash, 1),
        (FunctionFaultKind::AnswerLost, 1),
        (FunctionFaultKind::ServiceException, 1),
        (FunctionFaultKind::TooManyRequests, 1),
        (FunctionFaultKind::TimeOut, 1),
    ] {
        let report = rehearse_with(&[&format!("restore-instance={kind}")]);
        assert_eq!(report.status, "SUCCEEDED", "{kind:?}: {:?}", report.cause);
        assert_eq!(step(&report, "RestoreDbInstanceFromSnapshot").retries, 1, "{kind:?}");
        assert_eq!(report.rds_calls["RestoreDBInstanceFromDBSnapshot"], changes, "{kind:?}");
    }
}

#[test]
fn a_function_that_hangs_uses_its_whole_time_limit() {
    let report = rehearse_with(&["restore-instance=timeOut"]);
    assert!(step(&report, "RestoreDbInstanceFromSnapshot").seconds >= 180.0);
}

#[test]
fn a_function_that_fails_every_time_fails_the_run_with_the_error_of_step_functions() {
    for (kind, error) in [
        ("crash", "Runtime.ExitError"),
        ("answerLost", "Lambda.Unknown"),
        ("timeOut", "Sandbox.Timedout"),
        ("serviceException", "Lambda.ServiceException"),
        ("tooManyRequests", "Lambda.TooManyRequestsException"),
    ] {
        let report = rehearse_with(&[&format!("verify-instance#1x99={kind}")]);
        assert_eq!((report.status.as_str(), report.error.as_deref()), ("FAILED", Some(error)));
        assert_untouched(&report, kind);
    }
}

#[test]
fn the_alerts_name_the_state_that_failed_in_the_run_and_in_its_rollback() {
    for (identifier, is_cluster, faults, failed, in_rollback) in [
        ("orders", false, &["validate-input#1x1000=crash"][..], "ValidateInput", None),
        ("orders", false, &["recover=asleep:4000"], "WakeFunctions", None),
        ("shop", true, &["preflight-cluster#1x1000=crash"], "PreflightCluster", None),
        ("orders", false, &["rename-instance#1x1000=crash"], "DbInstanceRename", Some("RevertOldDbInstanceRename")),
        ("ledger", true, &["restore-cluster#1x1000=crash"], "RestoreClusterFromSnapshot", None),
        (
            "orders",
            false,
            &["wait-instance#1x1000=crash"],
            "GetDbInstanceStatusPostRename",
            Some("GetDbInstanceStatusPostDiscard"),
        ),
        ("orders", false, &["DeleteDBInstance#1x1000=denied"], "DeleteOriginalDbInstance", None),
        ("orders", false, &["DbInstanceRename=abort", "recover#1x1000=crash"], "FindInterruptedExecution", None),
    ] {
        let parsed = faults.iter().map(|fault| fault.parse().expect("a fault")).collect();
        let event = event(identifier, "db_restore", is_cluster);
        let rehearsal = Rehearsal { faults: parsed, ..Rehearsal::new(event, world()) };
        let report = rehearsal.run(&mut ()).expect("a world that can exist");
        let [first, last, ..] = report.mails.as_slice() else { panic!("{faults:?}: {:?}", report.mails) };
        for mail in [first, last] {
            assert!(mail.subject.contains(&format!("failed at {failed} (")), "{faults:?}: {}", mail.subject);
            assert!(mail.text.as_deref().is_some_and(|text| text.contains(&format!("Step:  {failed}\n"))), "{mail:?}");
        }
        let rollback = last.text.as_deref().and_then(|text| text.split_once("The rollback\n")).map(|(_, text)| text);
        let step = rollback.and_then(|text| text.lines().find_map(|line| line.strip_prefix("Step:  ")));
        assert_eq!(step, in_rollback, "{faults:?}: {rollback:?}");
    }
}

#[test]
fn an_abort_stops_the_execution_before_or_after_the_function_of_its_state() {
    for (fault, renames) in [("DbInstanceRename=abort", 0), ("DbInstanceRename=abortAfter", 1)] {
        let report = Rehearsal { recovery: false, ..rehearsal(&[fault]) }.run(&mut ()).expect("a world");
        assert_eq!((report.status.as_str(), report.others.len()), ("ABORTED", 0), "{fault}");
        assert_eq!(step(&report, "DbInstanceRename").status, StepStatus::Aborted, "{fault}");
        assert_eq!(report.rds_calls.get("ModifyDBInstance").copied().unwrap_or(0), renames, "{fault}");
        assert_eq!(report.mails.len(), 0, "{fault}");
    }
}

#[test]
fn the_recovery_of_an_aborted_execution_puts_the_original_back_and_sends_the_alerts() {
    let report = rehearse_with(&["RestoreDbInstanceFromSnapshot#1=abort"]);
    assert_eq!(report.status, "ABORTED");
    let [recovery] = report.others.as_slice() else { panic!("{:?}", report.others) };
    assert_eq!((recovery.role, recovery.status.as_str()), (RunRole::Recovery, "SUCCEEDED"), "{:?}", recovery.cause);
    let (execution, status) = (&report.execution, "ABORTED");
    let stopped_at = recovery.input["stoppedAt"].as_str().expect("a time");
    let asked = json!({"task": "recover", "execution": execution, "status": status, "stoppedAt": stopped_at});
    assert_eq!(recovery.input, asked);
    assert!(recovery.changes > 0 && recovery.started_seconds > report.duration_seconds);
    assert_eq!(report.mails.len(), 2);
    assert_untouched(&report, "abort");
}

#[test]
fn a_recovery_that_finds_nothing_to_do_changes_nothing_and_sends_no_alert() {
    let report = rehearse_with(&["RestoreDBInstanceFromDBSnapshot=denied"]);
    let [recovery] = report.others.as_slice() else { panic!("{:?}", report.others) };
    assert_eq!((recovery.status.as_str(), recovery.changes), ("SUCCEEDED", 0));
    assert_eq!(report.mails.len(), 2, "the mails of the failed run");
}

#[test]
fn a_second_run_is_refused_and_recovered_and_the_first_one_succeeds() {
    for state in ["ClaimDbInstance", "RestoreDbInstanceFromSnapshot"] {
        let report = rehearse_with(&[&format!("{state}=secondRun")]);
        let [second, recovery] = report.others.as_slice() else { panic!("{:?}", report.others) };
        assert_eq!((second.role, second.status.as_str()), (RunRole::Second, "FAILED"), "{state}");
        assert_eq!(second.input, report.input);
        assert_eq!((recovery.role, &recovery.input["execution"]), (RunRole::Recovery, &json!(second.execution)));
        assert_eq!(report.status, "SUCCEEDED", "{state}: {:?}", report.cause);
        assert_eq!(marks(&report.world), Vec::<String>::new(), "{state}");
    }
}

#[test]
fn a_second_run_may_have_an_input_of_its_own() {
    let event = r#"{"identifier":"shop","task":"create_snapshot_only","isCluster":true}"#;
    let report = rehearse_with(&[&format!("RestoreDbInstanceFromSnapshot=secondRun:{event}")]);
    assert_eq!((report.status.as_str(), report.others[0].status.as_str()), ("SUCCEEDED", "SUCCEEDED"));
    assert!(report.rds_calls.contains_key("CreateDBClusterSnapshot"));
}

/// Delays a function before it works.
#[derive(Debug)]
struct SlowToStart {
    function: &'static str,
    seconds: u64,
}

impl Interceptor for SlowToStart {
    fn call<'a>(&'a self, call: Call<'a>) -> LocalBoxFuture<'a, Result<Value, Failure>> {
        async move {
            if call.function == self.function {
                tokio::time::sleep(Duration::from_secs(self.seconds)).await;
            }
            call.proceed().await
        }
        .boxed_local()
    }
}

#[test]
fn a_function_continues_although_its_execution_was_stopped() {
    let interceptor = Some(Rc::new(SlowToStart { function: "email", seconds: 60 }) as Rc<dyn Interceptor>);
    // The execution is stopped in the rollback, while the first alert is being sent.
    let faults = ["RestoreDBInstanceFromDBSnapshot=denied", "RevertOldDbInstanceRename=abort"];
    let report = Rehearsal { interceptor, recovery: false, ..rehearsal(&faults) }.run(&mut ()).expect("a world");
    assert_eq!((report.status.as_str(), report.mails.len()), ("ABORTED", 1));
}

/// A function that does its work and then gives an answer that is too large for Step Functions.
#[derive(Debug)]
struct AnswersTooMuch {
    function: &'static str,
}

impl Interceptor for AnswersTooMuch {
    fn call<'a>(&'a self, call: Call<'a>) -> LocalBoxFuture<'a, Result<Value, Failure>> {
        async move {
            let is_it = call.function == self.function;
            let mut answer = call.proceed().await?;
            if is_it {
                answer["padding"] = json!("a".repeat(300_000));
            }
            Ok(answer)
        }
        .boxed_local()
    }
}

#[test]
fn a_run_with_an_answer_that_is_too_large_is_rolled_back() {
    for function in ["preflight-instance", "restore-instance", "wait-instance"] {
        let interceptor = Some(Rc::new(AnswersTooMuch { function }) as Rc<dyn Interceptor>);
        let report = Rehearsal { interceptor, recovery: false, ..rehearsal(&[]) }.run(&mut ()).expect("a world");
        assert_eq!(report.error.as_deref(), Some("States.DataLimitExceeded"), "{function}: {:?}", report.cause);
        assert_untouched(&report, function);
    }
}

#[test]
fn a_redriven_execution_keeps_its_name_and_has_a_recovery_for_each_of_its_ends() {
    let report = rehearse_with(&["DbInstanceRename=abort", "end=redrive:7200"]);
    let [redriven] = report.redriven.as_slice() else { panic!("{:?}", report.redriven) };
    assert_eq!((redriven.status.as_str(), report.status.as_str()), ("ABORTED", "FAILED"));
    assert!((redriven.at_seconds - redriven.ended_seconds - 7_200.0).abs() < 0.01, "{redriven:?}");
    let recoveries: Vec<_> =
        report.others.iter().map(|other| other.execution.rsplit(':').next().unwrap_or_default()).collect();
    assert_eq!(recoveries, ["rehearsal-0-recovery", "rehearsal-0-recovery-2"]);
    assert!(report.others.iter().all(|other| other.input["execution"] == report.execution.as_str()));
    let renames: Vec<_> =
        report.steps.iter().filter(|step| step.state == "DbInstanceRename").map(|step| step.status).collect();
    assert_eq!(renames, [StepStatus::Aborted, StepStatus::Failed]);
    let claims = report.steps.iter().filter(|step| step.state == "ClaimDbInstance").count();
    assert_eq!(claims, 1, "a redrive does not repeat a succeeded state");
    assert!(
        report.summary().starts_with("ABORTED after 9s, redriven 2h 00m 00s later\nFAILED after"),
        "{}",
        report.summary()
    );
    assert_eq!(report.never_struck, []);
    assert_untouched(&report, "redriven");
}

#[test]
fn a_redriven_execution_changes_nothing_before_its_rollback() {
    for state in [
        "PreflightDbInstance",
        "ClaimDbInstance",
        "DbInstanceRename",
        "RestoreDbInstanceFromSnapshot",
        "ApplyDbInstanceSettings",
        "VerifyDbInstance",
    ] {
        // The redrive comes while the recovery still waits for the functions of the stopped execution.
        let report = rehearse_with(&[&format!("{state}=abortAfter"), "end=redrive:30"]);
        assert_eq!(report.error.as_deref(), Some("ClaimException"), "{state}: {:?}", report.cause);
        assert!(report.cause.as_deref().is_some_and(|cause| cause.contains("was redriven at")), "{:?}", report.cause);
        assert_untouched(&report, state);
        assert!(report.mails.iter().all(|mail| !mail.subject.contains("ACTION NEEDED")), "{state}: {:?}", report.mails);
    }
}

#[test]
fn a_failed_execution_that_is_redriven_fails_again_without_another_alert() {
    let report = rehearse_with(&["RestoreDBInstanceFromDBSnapshot=denied", "end=redrive:60", "end#2=redrive:60"]);
    assert_eq!((report.redriven.len(), report.status.as_str()), (2, "FAILED"));
    assert_eq!(report.mails.len(), 2, "the mails of its first end");
    assert_untouched(&report, "redriven");
}

#[test]
fn an_execution_that_succeeded_is_not_redriven() {
    let report = rehearse_with(&["end=redrive:60"]);
    assert_eq!((report.status.as_str(), report.redriven.len()), ("SUCCEEDED", 0));
    assert_eq!(report.never_struck.iter().map(ToString::to_string).collect::<Vec<_>>(), ["end=redrive:60"]);
}

#[test]
fn a_person_may_start_another_run_beside_a_recovery() {
    let event = r#"{"task":"recover","identifier":"orders","isCluster":false}"#;
    let fault = format!("recovery:GetDbInstanceStatusPostRenameRevert=secondRun:{event}");
    let report = rehearse_with(&["RestoreDbInstanceFromSnapshot=abort", &fault]);
    let [recovery, second] = report.others.as_slice() else { panic!("{:?}", report.others) };
    assert_eq!((recovery.role, second.role), (RunRole::Recovery, RunRole::Second));
    assert!(second.started_seconds > recovery.started_seconds, "{second:?}");
    let strike = report.struck.iter().find(|strike| strike.fault.to_string() == fault).expect("a strike");
    assert_eq!(strike.execution.as_deref(), Some(recovery.execution.as_str()));
    assert_untouched(&report, "recovered");
}

#[test]
fn the_mail_of_a_recovery_that_could_not_read_its_execution_has_the_command_that_repeats_it() {
    let denied = |times: usize| format!("DescribeExecution#1x{times}=denied");
    let stopped = "RestoreDbInstanceFromSnapshot=abortAfter";
    let lost = rehearse_with(&[stopped, &denied(10_000)]);
    let mail = lost.mails.last().and_then(|mail| mail.text.as_deref()).expect("a mail");
    let execution = manual_recovery::recovered(mail).expect("a command");
    assert_eq!(execution, lost.execution);
    // Then the function has the permission again, and a person runs that command.
    let second = format!(r#"recovery:FinalAlerts=secondRun:{{"task":"recover","execution":"{execution}"}}"#);
    let report = rehearse_with(&[stopped, &denied(lost.struck.len() - 1), &second]);
    assert_eq!(report.others.iter().map(|other| &*other.status).collect::<Vec<_>>(), ["FAILED", "SUCCEEDED"]);
    assert_untouched(&report, "recovered by the second");
}

#[test]
fn another_definition_can_be_rehearsed() {
    let mut definition: Value = serde_json::from_str(DEFINITION).expect("JSON");
    definition["States"]["ShouldDeleteOriginal"]["Default"] = json!("ReleaseDbInstance");
    for state in ["DeleteOriginalDbInstance", "GetDbInstanceStatusPostDelete", "IsOriginalDbInstanceDeleted"] {
        definition["States"].as_object_mut().expect("states").remove(state).expect("a state");
    }
    let definition = Some(load(&definition.to_string()).expect("a definition"));
    let report = Rehearsal { definition, ..rehearsal(&[]) }.run(&mut ()).expect("a world");
    assert_eq!(report.status, "SUCCEEDED", "{:?}", report.cause);
    assert!(report.world.instance("orders-temp").is_some(), "no state deletes the original");
}

#[test]
fn a_world_file_may_contain_disturbances() {
    let mut world = world();
    world.disturbances =
        vec![json!("DbInstanceRename=abort"), json!({"function": {"function": "email", "fault": "crash"}})];
    let report = rehearse(event("orders", "db_restore", false), world.clone());
    assert_eq!(report.status, "ABORTED");
    world.disturbances.push(json!("DbInstanceRenam=abort"));
    let error = Rehearsal::new(event("orders", "db_restore", false), world).run(&mut ()).expect_err("a typo");
    assert!(error.to_string().starts_with("disturbances[2]: there is no action, function or state"), "{error}");
}

#[test]
fn a_read_of_an_ended_execution_shows_its_status_error_and_times() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build();
    runtime.expect("a runtime").block_on(async {
        let start_time = SystemTime::UNIX_EPOCH + Duration::from_secs(1_767_600_000);
        let options = Options { start_time, ..Options::default() };
        let simulator = Simulator::new(world(), options).expect("a possible world");
        let faults = ["RestoreDBInstanceFromDBSnapshot=denied"];
        let rehearsal = Rehearsal { world: World::default(), ..rehearsal(&faults) };
        let report = rehearsal.run_against(&simulator, &mut ()).await.expect("a report");
        let sfn = Clients::of(&simulator).sfn;
        let found = sfn.describe_execution().execution_arn(&report.execution).send().await.expect("the execution");
        assert_eq!((found.status().as_str(), found.error()), ("FAILED", Some("AccessDeniedException")));
        assert!(found.cause().is_some_and(|cause| cause.contains("errorMessage")));
        assert_eq!(found.input(), Some(report.input.to_string().as_str()));
        let (start, stop) = (found.start_date(), found.stop_date().expect("an end"));
        assert!((stop.as_secs_f64() - start.as_secs_f64() - report.duration_seconds).abs() < 0.01);
    });
}

#[test]
fn the_report_names_the_state_and_function_that_each_fault_struck() {
    let faults = [
        "ModifyDBInstance@orders=throttle",
        "rename-instance#2=crash",
        "DbInstanceRename=secondRun",
        "VerifyDbInstance=abortAfter",
        "after:ModifyDBInstance+5=DeleteDBInstance:DBInstanceIdentifier=nothing",
    ];
    let report = rehearse_with(&faults);
    let seen = |fault: &str| {
        let strike = report.struck.iter().find(|strike| strike.fault.to_string() == fault).expect(fault);
        let place = (strike.execution.as_deref() == Some(&report.execution), strike.state.as_deref());
        (place, strike.function.as_deref(), strike.occurrence, strike.refused.as_deref())
    };
    assert_eq!(seen(faults[0]), ((true, Some("DbInstanceRename")), Some("rename-instance"), 1, None));
    assert_eq!(seen(faults[1]).1, Some("rename-instance"));
    assert_eq!(seen(faults[1]).2, 2);
    assert_eq!(seen(faults[2]), ((true, Some("DbInstanceRename")), None, 1, None));
    assert_eq!(seen(faults[3]), ((true, Some("VerifyDbInstance")), None, 1, None));
    assert_eq!(seen(faults[4]), ((false, None), None, 1, Some("DBInstanceNotFound")));
    assert_eq!(report.never_struck, []);
    assert!(report.struck.is_sorted_by_key(|strike| strike.at_seconds));
    let json = serde_json::to_value(&report).expect("JSON");
    assert_eq!(json["struck"][0]["fault"], faults[2]);
    assert!(report.summary().contains("Warning: RDS refused what this fault does (DBInstanceNotFound): after:Mod"));
}

#[test]
fn a_fault_that_never_struck_is_reported() {
    let faults = [
        "StopDBInstance=throttle",
        "rename-instance#99=crash",
        "DbInstanceRename#9=abort",
        "DbInstanceRename#9=secondRun",
        "after:StopDBInstance=DeleteDBInstance:DBInstanceIdentifier=orders",
    ];
    let report = rehearse_with(&faults);
    let mut never: Vec<String> = report.never_struck.iter().map(ToString::to_string).collect();
    never.sort_unstable();
    let mut requested = faults;
    requested.sort_unstable();
    assert_eq!((never.as_slice(), report.struck.len()), (requested.map(str::to_owned).as_slice(), 0));
    for fault in faults {
        assert!(report.summary().contains(&format!("Warning: this fault never struck: {fault}\n")), "{fault}");
    }
    let json = serde_json::to_value(&report).expect("JSON");
    assert_eq!(json["neverStruck"].as_array().map(Vec::len), Some(faults.len()));
}
