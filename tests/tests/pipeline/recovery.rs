//! The task `recover`, started by hand or by the rule, completes or undoes an execution and changes nothing else.
//!
//! The campaign tests the recovery of an execution that was stopped at any state.

use std::time::{Duration, SystemTime};

use rds_simulator::{Execution, Fault, FaultRule, Options, Simulator};

use trapheus_cli::rehearsal::BEGIN;

use super::*;

const STATES: &str = "arn:aws:states:us-east-1:123456789012";

const ORIGINAL: &str = "db-ORIGINAL";
const RESTORED: &str = "db-RESTORED";
const BYSTANDER: &str = "db-BYSTANDER";

fn arn(name: &str) -> String {
    format!("{STATES}:execution:trapheus-DBRestoreStateMachine:{name}")
}

fn by_hand(identifier: &str, is_cluster: bool) -> Value {
    json!({"task": "recover", "identifier": identifier, "isCluster": is_cluster})
}

fn by_rule(name: &str) -> Value {
    json!({"task": "recover", "execution": arn(name)})
}

/// The executions started this long before the recovery: after the creation of their originals, and before that of the restored
/// databases.
const RAN: Duration = Duration::from_secs(30 * 60);

/// Runs a recovery in a world in which these executions are known, by name, status and input.
fn recover(event: Value, world: World, known: &[(&str, &str, Value)]) -> Report {
    recover_while(event, world, known, async |_| ())
}

/// As [`recover`], with an action that runs beside the recovery.
fn recover_while(
    event: Value,
    world: World,
    known: &[(&str, &str, Value)],
    meanwhile: impl AsyncFnOnce(&Simulator),
) -> Report {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build();
    runtime.expect("a runtime").block_on(async {
        let start_time = SystemTime::UNIX_EPOCH + BEGIN;
        let simulator = Simulator::new(world, Options { start_time, ..Options::default() }).expect("a possible world");
        for (name, status, input) in known {
            simulator.register_execution(Execution {
                arn: arn(name),
                state_machine_arn: format!("{STATES}:stateMachine:Trapheus"),
                status: (*status).to_owned(),
                input: input.to_string(),
                start_date: start_time - RAN,
                stop_date: (*status != "RUNNING").then_some(start_time),
                error: None,
                cause: None,
                redriven: None,
            });
        }
        let rehearsal = Rehearsal::new(event, World::default());
        let mut unseen = ();
        let (report, ()) = tokio::join!(rehearsal.run_against(&simulator, &mut unseen), meanwhile(&simulator));
        report.expect("a report")
    })
}

/// A claim with the resource id of its own database.
fn claim(name: &str, role: &str, resource_id: &str) -> Value {
    json!({"trapheus:execution": arn(name), "trapheus:role": role, "trapheus:resource-id": resource_id})
}

/// A claim without a resource id, which may be a copy.
fn mark(name: &str, role: &str) -> Value {
    json!({"trapheus:execution": arn(name), "trapheus:role": role})
}

/// A world with the original under its `-temp` name. If a role is given, a restored database has the name of the original.
fn left_behind(name: &str, restored: Option<&str>) -> World {
    let mut instances = vec![json!({
        "identifier": "orders-temp", "engine": "postgres", "resourceId": ORIGINAL, "tags": claim(name, "original", ORIGINAL),
    })];
    instances.extend(restored.map(|role| {
        json!({
            "identifier": "orders", "engine": "postgres", "resourceId": RESTORED, "tags": claim(name, role, RESTORED),
            "ageHours": 0,
        })
    }));
    let world = json!({
        "instances": instances,
        "snapshots": [{"identifier": "orders-snapshot", "source": "orders", "engine": "postgres"}],
    });
    serde_json::from_value(world).expect("a world")
}

fn is_unchanged(report: &Report) -> bool {
    let (before, now) = (&report.world_before, &report.world);
    before.instances == now.instances
        && before.clusters == now.clusters
        && before.snapshots == now.snapshots
        && before.cluster_snapshots == now.cluster_snapshots
}

fn resource_id(world: &WorldState, identifier: &str) -> Option<String> {
    world.instance(identifier).map(|found| found.resource_id.clone())
}

#[test]
fn a_recovery_of_a_healthy_database_changes_nothing_and_sends_no_alert() {
    for (identifier, is_cluster) in KINDS {
        let report = recover(by_hand(identifier, is_cluster), world(), &[]);
        assert_eq!(report.status, "SUCCEEDED", "{identifier}: {:?} {:?}", report.error, report.cause);
        assert!(is_unchanged(&report), "{identifier}");
        assert!(report.rds_calls.keys().all(|action| action.starts_with("Describe")), "{:?}", report.rds_calls);
        assert_eq!(report.mails.len(), 0, "{identifier}");
    }
}

#[test]
fn a_recovery_of_a_completed_execution_changes_nothing() {
    for (status, task) in [("SUCCEEDED", "db_restore"), ("FAILED", "db_restore"), ("ABORTED", "recover")] {
        let report = recover(by_rule("run"), world(), &[("run", status, event("orders", task, false))]);
        assert_eq!(report.status, "SUCCEEDED", "{status}: {:?} {:?}", report.error, report.cause);
        assert!(is_unchanged(&report), "{status}");
        assert_eq!(report.mails.len(), 0, "{status}");
    }
}

#[test]
fn an_execution_that_was_stopped_before_any_change_is_only_reported() {
    for (identifier, is_cluster) in KINDS {
        let known = [("run", "ABORTED", event(identifier, "db_restore", is_cluster))];
        let report = recover(by_rule("run"), world(), &known);
        assert_eq!(report.status, "SUCCEEDED", "{identifier}: {:?} {:?}", report.error, report.cause);
        assert!(is_unchanged(&report), "{identifier}");
        let [first, last] = report.mails.as_slice() else { panic!("{identifier}: {:?}", report.mails) };
        assert!(first.subject.contains("was stopped"), "{first:?}");
        assert!(last.subject.ends_with("was stopped (final: nothing is left to undo)"), "{last:?}");
        // The execution may as well have been stopped after its last step, so the mail names no original.
        let text = last.text.as_deref().expect("a text");
        assert!(!text.contains("the original"), "{text}");
    }
}

#[test]
fn an_incomplete_claim_is_removed_from_the_database() {
    let tags = json!({"trapheus:role": "original", "team": "payments"});
    let world = json!({"instances": [{"identifier": "orders", "engine": "postgres", "tags": tags}]});
    let known = [("run", "FAILED", event("orders", "create_snapshot", false))];
    let report = recover(by_rule("run"), serde_json::from_value(world).expect("a world"), &known);
    assert_eq!(report.status, "SUCCEEDED", "{:?} {:?}", report.error, report.cause);
    let tags = &report.world.instance("orders").expect("the database").tags;
    assert_eq!(tags.keys().collect::<Vec<_>>(), ["team"]);
}

#[test]
fn an_execution_that_still_runs_is_left_alone() {
    let known = [("run", "RUNNING", event("orders", "db_restore", false))];
    for recovery in [by_rule("run"), by_hand("orders", false)] {
        let report = recover(recovery, left_behind("run", Some("restored")), &known);
        assert_eq!(report.error.as_deref(), Some("ClaimException"), "{:?}", report.cause);
        assert!(report.cause.as_deref().is_some_and(|cause| cause.contains("still runs")), "{:?}", report.cause);
        assert!(is_unchanged(&report));
    }
}

#[test]
fn of_two_claims_the_one_with_the_role_original_or_under_the_temporary_name_counts() {
    let known = [("run", "RUNNING", event("orders", "db_restore", false))];
    for (own, temporary) in [
        (mark("other", "restored"), mark("run", "original")),
        (mark("run", "original"), mark("other", "restored")),
        (mark("other", "original"), mark("run", "original")),
    ] {
        let world = json!({"instances": [
            {"identifier": "orders", "engine": "postgres", "tags": own.clone()},
            {"identifier": "orders-temp", "engine": "postgres", "tags": temporary.clone()},
        ]});
        let report = recover(by_hand("orders", false), serde_json::from_value(world).expect("a world"), &known);
        let cause = report.cause.as_deref().unwrap_or_default();
        assert!(cause.contains(&format!("the execution {} still runs", arn("run"))), "{own} {temporary}: {cause}");
    }
}

#[test]
fn an_invalid_recovery_is_refused_before_any_read() {
    for (input, problem) in [
        (json!({"task": "recover"}), "do not say what"),
        (json!({"task": "recover", "identifier": "orders", "isCluster": "true"}), "do not say what"),
        (json!({"task": "recover", "identifier": "or ders", "isCluster": true}), "letters, digits and hyphens"),
        (json!({"task": "recover", "execution": "run"}), "not the ARN"),
        (by_rule("unheard-of"), "there is no execution"),
    ] {
        let report = recover(input, world(), &[]);
        assert_eq!(report.error.as_deref(), Some("InvalidInputException"), "{:?}", report.cause);
        assert!(report.cause.as_deref().is_some_and(|cause| cause.contains(problem)), "{:?}", report.cause);
        assert!(is_unchanged(&report));
        assert_eq!(report.mails.len(), 2, "the alerts report the refusal");
    }
}

#[test]
fn an_original_under_its_temporary_name_is_put_back_by_rule_and_by_hand() {
    let known = [("run", "TIMED_OUT", event("orders", "db_restore", false))];
    for recovery in [by_rule("run"), by_hand("orders", false)] {
        let report = recover(recovery, left_behind("run", None), &known);
        assert_eq!(report.status, "SUCCEEDED", "{:?} {:?}", report.error, report.cause);
        assert_eq!(resource_id(&report.world, "orders"), resource_id(&report.world_before, "orders-temp"));
        assert_eq!(marks(&report.world), Vec::<String>::new());
        assert_eq!(report.mails.len(), 2);
    }
}

#[test]
fn an_unknown_execution_is_undone_only_if_no_database_must_be_removed() {
    let report = recover(by_hand("orders", false), left_behind("long-ago", None), &[]);
    assert_eq!(report.status, "SUCCEEDED", "{:?} {:?}", report.error, report.cause);
    assert_eq!(resource_id(&report.world, "orders"), resource_id(&report.world_before, "orders-temp"));
    // The start of the execution is unknown. So nothing proves that the execution created the database under the name.
    let report = recover(by_hand("orders", false), left_behind("long-ago", Some("restored")), &[]);
    assert_eq!(report.status, "FAILED");
    assert_eq!(inventory(&report.world), inventory(&report.world_before));
    assert!(report.mails.last().is_some_and(|mail| mail.subject.contains("ACTION NEEDED")), "{:?}", report.mails);
}

#[test]
fn the_verified_database_stays_and_the_mail_has_the_command_that_deletes_the_leftover() {
    let known = [("run", "ABORTED", event("orders", "db_restore", false))];
    let report = recover(by_rule("run"), left_behind("run", Some("verified")), &known);
    assert_eq!(report.status, "FAILED");
    assert_eq!(inventory(&report.world), inventory(&report.world_before));
    assert_eq!(resource_id(&report.world, "orders"), resource_id(&report.world_before, "orders"));
    let mail = report.mails.last().expect("a final mail");
    assert!(mail.subject.contains("ACTION NEEDED"), "{}", mail.subject);
    let text = mail.text.as_deref().unwrap_or_default();
    assert!(text.contains("delete-db-instance --db-instance-identifier orders-temp"), "{text}");
}

#[test]
fn a_reported_leftover_is_reported_again_only_in_a_recovery_by_hand() {
    let known = [("run", "FAILED", event("orders", "db_restore", false))];
    let report = recover(by_rule("run"), left_behind("run", Some("verified")), &known);
    assert_eq!(report.status, "SUCCEEDED", "{:?} {:?}", report.error, report.cause);
    assert!(is_unchanged(&report));
    assert_eq!(report.mails.len(), 0);

    let report = recover(by_hand("orders", false), left_behind("run", Some("verified")), &known);
    assert_eq!(report.status, "FAILED");
    assert!(is_unchanged(&report), "the claim that proves the database stays as well");
    let text = report.mails.last().and_then(|mail| mail.text.as_deref()).unwrap_or_default();
    assert!(text.contains("delete-db-instance --db-instance-identifier orders-temp"), "{text}");
}

#[test]
fn a_newer_run_that_works_on_the_database_is_left_alone() {
    let known = [
        ("old", "ABORTED", event("orders", "db_restore", false)),
        ("new", "RUNNING", event("orders", "db_restore", false)),
    ];
    let report = recover(by_rule("old"), left_behind("new", Some("restored")), &known);
    assert!(is_unchanged(&report));
    assert!(report.rds_calls.keys().all(|action| action.starts_with("Describe")), "{:?}", report.rds_calls);
}

/// A bystander of this name with these tags, beside the original. The original has its `-temp` name, or its own if the bystander
/// has that one.
fn beside(bystander: &str, tags: &Value, is_cluster: bool) -> World {
    let original = if bystander == "orders-temp" { "orders" } else { "orders-temp" };
    let databases = json!([
        {"identifier": bystander, "engine": "aurora-postgresql", "resourceId": BYSTANDER, "tags": tags},
        {
            "identifier": original, "engine": "aurora-postgresql", "resourceId": ORIGINAL,
            "tags": claim("run", "original", ORIGINAL),
        },
    ]);
    let mut world = json!({});
    if is_cluster {
        world["clusters"] = databases;
        world["clusters"][0]["members"] = json!([{"identifier": format!("{bystander}-1")}]);
        world["clusters"][1]["members"] = json!([]);
        world["clusterSnapshots"] = json!([
            {"identifier": "orders-snapshot", "source": "orders", "engine": "aurora-postgresql"},
        ]);
    } else {
        world["instances"] = databases;
        for at in 0..2 {
            world["instances"][at]["engine"] = json!("postgres");
        }
        world["snapshots"] = json!([{"identifier": "orders-snapshot", "source": "orders", "engine": "postgres"}]);
    }
    serde_json::from_value(world).expect("a world")
}

fn tags_of(world: &WorldState, identifier: &str, is_cluster: bool) -> std::collections::BTreeMap<String, String> {
    if is_cluster {
        world.cluster(identifier).expect("the database").tags.clone()
    } else {
        world.instance(identifier).expect("the database").tags.clone()
    }
}

#[test]
fn the_original_is_put_back_and_a_database_with_copied_or_forged_tags_is_left_alone() {
    for is_cluster in [false, true] {
        let known = [("run", "ABORTED", event("orders", "db_restore", is_cluster))];
        for (bystander, tags, why) in [
            ("orders-copy", claim("run", "original", ORIGINAL), "a copy of the original"),
            ("orders-temp", claim("run", "original", ORIGINAL), "a copy under the temporary name"),
            ("orders-copy", claim("run", "restored", RESTORED), "a copy of the restored one"),
            ("billing", mark("run", "original"), "a forged pair of tags"),
            ("billing", mark("run", "restored"), "another forged pair"),
            ("billing", mark("run", "verified"), "a third"),
            ("billing", mark("old", "original"), "tags of an old execution"),
            ("orders-copy", json!({}), "a copy without tags"),
        ] {
            for recovery in [by_rule("run"), by_hand("orders", is_cluster)] {
                let report = recover(recovery, beside(bystander, &tags, is_cluster), &known);
                assert_eq!(report.status, "SUCCEEDED", "{why} {is_cluster}: {:?} {:?}", report.error, report.cause);
                assert_eq!(database(&report.world, "orders", is_cluster), Some((ORIGINAL, "available")), "{why}");
                assert_eq!(database(&report.world, bystander, is_cluster), Some((BYSTANDER, "available")), "{why}");
                let is_same = tags_of(&report.world, bystander, is_cluster)
                    == tags_of(&report.world_before, bystander, is_cluster);
                assert!(is_same, "{why}: the recovery changed its tags");
                assert_eq!(report.mails.len(), 2, "{why}");
            }
        }
    }
}

#[test]
fn of_two_databases_with_the_claim_of_the_original_neither_is_changed() {
    for is_cluster in [false, true] {
        let known = [("run", "ABORTED", event("orders", "db_restore", is_cluster))];
        let world = beside("billing", &claim("run", "original", BYSTANDER), is_cluster);
        let report = recover(by_rule("run"), world, &known);
        assert_eq!(report.status, "FAILED", "{is_cluster}");
        assert!(is_unchanged(&report), "{is_cluster}");
        let last = report.mails.last().expect("a mail");
        assert!(last.subject.contains("ACTION NEEDED"), "{last:?}");
        let text = last.text.as_deref().expect("a text");
        assert!(!text.contains("the original (") && !text.contains("modify-db-"), "{text}");
    }
}

#[test]
fn a_claim_without_a_resource_id_proves_no_original() {
    for is_cluster in [false, true] {
        let known = [("run", "ABORTED", event("orders", "db_restore", is_cluster))];
        let mut world = beside("billing", &json!({}), is_cluster);
        for tags in world
            .instances
            .iter_mut()
            .map(|one| &mut one.tags)
            .chain(world.clusters.iter_mut().map(|one| &mut one.tags))
        {
            tags.remove("trapheus:resource-id");
        }
        let report = recover(by_rule("run"), world, &known);
        assert_eq!(report.status, "FAILED", "{is_cluster}");
        assert!(is_unchanged(&report), "{is_cluster}");
    }
}

#[test]
fn a_copy_that_an_operator_restores_during_the_run_is_left_alone() {
    let copied: World = serde_json::from_value(json!({
        "instances": [{"identifier": "orders", "engine": "postgres", "settings": {"copyTagsToSnapshot": true}}],
        "snapshots": [{"identifier": "orders-snapshot", "source": "orders"}],
    }))
    .expect("a world");
    let faults = [
        "after:AddTagsToResource#1+1=CreateDBSnapshot:DBInstanceIdentifier=orders,DBSnapshotIdentifier=manual",
        "at:700=RestoreDBInstanceFromDBSnapshot:DBInstanceIdentifier=orders-copy,DBSnapshotIdentifier=manual",
        "VerifyDbInstance=abort",
    ];
    let faults = faults.iter().map(|fault| fault.parse().expect("a fault")).collect();
    let rehearsal = Rehearsal { faults, ..Rehearsal::new(event("orders", "db_restore", false), copied) };
    let report = rehearsal.run(&mut ()).expect("a world that can exist");
    assert_eq!(report.others.iter().map(|other| other.status.as_str()).collect::<Vec<_>>(), ["SUCCEEDED"]);
    assert_eq!(resource_id(&report.world, "orders"), resource_id(&report.world_before, "orders"));
    assert!(resource_id(&report.world, "orders-copy").is_some());
    assert!(report.world.instance("orders-temp").is_none());
}

#[test]
fn an_execution_that_step_functions_still_reports_as_running_is_read_again() {
    let known = [("run", "RUNNING", event("orders", "db_restore", false))];
    let report = recover_while(by_rule("run"), left_behind("run", None), &known, async |simulator| {
        tokio::time::sleep(Duration::from_secs(200)).await;
        simulator.update_execution(&arn("run"), |execution| "ABORTED".clone_into(&mut execution.status));
    });
    assert_eq!(report.status, "SUCCEEDED", "{:?} {:?}", report.error, report.cause);
    assert_eq!(resource_id(&report.world, "orders").as_deref(), Some(ORIGINAL));
}

#[test]
fn the_event_counts_if_step_functions_never_reports_the_end() {
    let known = [("run", "RUNNING", event("orders", "db_restore", false))];
    for status in ["ABORTED", "TIMED_OUT", "FAILED"] {
        let mut recovery = by_rule("run");
        recovery["status"] = json!(status);
        recovery["stoppedAt"] = json!("2026-01-05T08:00:00Z");
        let report = recover(recovery, left_behind("run", None), &known);
        assert_eq!(report.status, "SUCCEEDED", "{status}: {:?} {:?}", report.error, report.cause);
        assert_eq!(resource_id(&report.world, "orders").as_deref(), Some(ORIGINAL), "{status}");
        assert_eq!(report.mails.len(), 2, "{status}");
    }
}

#[test]
fn an_execution_that_cannot_be_read_at_once_is_read_again() {
    let known = [("run", "ABORTED", event("orders", "db_restore", false))];
    for code in ["ExecutionDoesNotExist", "ThrottlingException"] {
        let report = recover_while(by_rule("run"), left_behind("run", None), &known, async |simulator| {
            simulator.inject(FaultRule {
                action: "DescribeExecution".to_owned(),
                identifier: None,
                caller: None,
                occurrence: 1,
                times: 12,
                fault: Fault::Error { code: code.to_owned(), message: "not now".to_owned() },
            });
        });
        assert_eq!(report.status, "SUCCEEDED", "{code}: {:?} {:?}", report.error, report.cause);
        assert_eq!(resource_id(&report.world, "orders").as_deref(), Some(ORIGINAL), "{code}");
    }
}

#[test]
fn a_recovery_refuses_an_execution_of_another_state_machine() {
    let mut recovery = by_rule("run");
    recovery["execution"] = json!(arn("run").replace("trapheus-DBRestore", "shop-DBRestore"));
    let report = recover(recovery, left_behind("run", None), &[]);
    assert_eq!(report.error.as_deref(), Some("InvalidInputException"), "{:?}", report.cause);
    assert!(report.cause.as_deref().is_some_and(|cause| cause.contains("another state machine")), "{:?}", report.cause);
    assert!(is_unchanged(&report));
}

#[test]
fn an_execution_that_ended_without_an_alert_is_reported_even_if_its_input_was_refused() {
    for status in ["ABORTED", "TIMED_OUT"] {
        let known = [("run", status, event("or ders", "db_restore", false))];
        let report = recover(by_rule("run"), world(), &known);
        assert_eq!(report.status, "SUCCEEDED", "{status}: {:?} {:?}", report.error, report.cause);
        assert!(is_unchanged(&report), "{status}");
        assert_eq!(report.mails.len(), 2, "{status}: {:?}", report.mails);
    }
}

#[test]
fn a_recovery_leaves_a_redriven_execution_to_the_recovery_of_its_next_end() {
    let known = [("run", "RUNNING", event("orders", "db_restore", false))];
    let mut recovery = by_rule("run");
    recovery["status"] = json!("ABORTED");
    recovery["stoppedAt"] = json!("2026-01-05T08:00:00Z");
    let redriven = SystemTime::UNIX_EPOCH + BEGIN + Duration::from_secs(1);
    let report = recover_while(recovery, left_behind("run", Some("restored")), &known, async |simulator| {
        simulator.update_execution(&arn("run"), |execution| execution.redrive(redriven));
    });
    assert_eq!(report.status, "SUCCEEDED", "{:?} {:?}", report.error, report.cause);
    assert!(is_unchanged(&report));
    assert_eq!(report.mails.len(), 0, "{:?}", report.mails);
}

#[test]
fn two_recoveries_of_one_execution_at_once_put_the_original_back() {
    let known = [("run", "ABORTED", event("orders", "db_restore", false))];
    let recoveries = recover_while(by_rule("run"), left_behind("run", None), &known, async |simulator| {
        tokio::time::sleep(Duration::from_secs(20)).await;
        let second = Rehearsal { seed: 1, ..Rehearsal::new(by_rule("run"), World::default()) };
        let report = second.run_against(simulator, &mut ()).await.expect("a report");
        assert_eq!(report.status, "SUCCEEDED", "{:?} {:?}", report.error, report.cause);
    });
    assert_eq!(recoveries.status, "SUCCEEDED", "{:?} {:?}", recoveries.error, recoveries.cause);
    assert_eq!(resource_id(&recoveries.world, "orders").as_deref(), Some(ORIGINAL));
    assert_eq!(marks(&recoveries.world), Vec::<String>::new());
}

#[test]
fn a_cluster_of_sixteen_members_with_maximal_tags_is_recovered() {
    let tags: serde_json::Map<String, Value> =
        (0..46).map(|at| (format!("{at:02}{}", "k".repeat(126)), json!("v".repeat(256)))).collect();
    let members: Vec<Value> =
        (1..=16).map(|at| json!({"identifier": format!("shop-{at}"), "tags": tags.clone()})).collect();
    let world = json!({
        "clusters": [{"identifier": "shop", "engine": "aurora-postgresql", "tags": tags, "members": members}],
        "clusterSnapshots": [{"identifier": "shop-snapshot", "source": "shop"}],
    });
    let faults = vec!["RestoreClusterFromSnapshot#2=abort".parse().expect("a fault")];
    let world = serde_json::from_value(world).expect("a world");
    let rehearsal = Rehearsal { faults, ..Rehearsal::new(event("shop", "db_restore", true), world) };
    let report = rehearsal.run(&mut ()).expect("a world that can exist");
    let recovery = report.others.first().expect("a recovery");
    assert_eq!(recovery.status, "SUCCEEDED", "{:?} {:?}", recovery.error, recovery.cause);
    assert_untouched(&report, "recovered");
    assert_eq!(report.mails.len(), 2);
}
