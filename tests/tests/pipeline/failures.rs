//! Runs with a fault: the original has its name again, the restored database is removed, and the alerts report it.

use std::time::SystemTime;

use rds_simulator::{Execution, Options, Simulator};

use trapheus_cli::rehearsal::BEGIN;

use super::*;

/// The problems at the end of a run. A run may fail, but must leave an available database under its name, no stray and no tag.
fn broken_promises(report: &Report, identifier: &str, is_cluster: bool) -> Vec<String> {
    let mut broken = Vec::new();
    let before = database(&report.world_before, identifier, is_cluster).map(|(resource_id, _)| resource_id);
    let now = database(&report.world, identifier, is_cluster);
    if now.map(|(_, status)| status) != Some("available") {
        broken.push(format!("under {identifier} is {now:?}"));
    }
    let temporary = database(&report.world, &format!("{identifier}-temp"), is_cluster);
    let is_restored = now.map(|(resource_id, _)| resource_id) != before;
    match (report.succeeded(), temporary) {
        (true, Some(_)) => broken.push("the run succeeded with the original left over".to_owned()),
        // The restored database is verified and stays. The original is kept beside it.
        (false, Some(_)) if is_restored => return broken,
        (false, Some(_)) => broken.push("a stray is left under the temporary name".to_owned()),
        (_, None) => {}
    }
    let mut marks = marks(&report.world);
    // An interrupted replacement of the snapshot keeps its claim, and the next run finishes it.
    marks.retain(|mark| report.succeeded() || !mark.starts_with(&format!("{identifier}-temp: ")));
    if !marks.is_empty() {
        broken.push(format!("tags of a claim are left: {marks:?}"));
    }
    if !report.succeeded() && report.mails.len() != 2 {
        broken.push(format!("{} mails were sent", report.mails.len()));
    }
    broken
}

#[test]
fn a_database_that_ends_in_a_bad_status_is_removed_and_the_original_put_back() {
    for status in ["failed", "incompatible-parameters", "incompatible-restore", "storage-full"] {
        let faults =
            json!([{"action": "RestoreDBInstanceFromDBSnapshot", "fault": {"kind": "endsIn", "status": status}}]);
        let report = rehearse(event("orders", "db_restore", false), world_with(faults));
        assert_eq!(report.error.as_deref(), Some("InstanceRestoreException"), "{status}: {:?}", report.cause);
        assert!(report.cause.as_deref().is_some_and(|cause| cause.contains(status)), "{:?}", report.cause);
        assert_untouched(&report, status);
    }
    let faults =
        json!([{"action": "RestoreDBClusterFromSnapshot", "fault": {"kind": "endsIn", "status": "migration-failed"}}]);
    for identifier in ["shop", "ledger"] {
        let report = rehearse(event(identifier, "db_restore", true), world_with(faults.clone()));
        assert_eq!(report.error.as_deref(), Some("ClusterRestoreException"), "{:?}", report.cause);
        assert_untouched(&report, identifier);
    }
}

#[test]
fn a_member_that_ends_in_a_bad_status_puts_the_whole_original_cluster_back() {
    for member in ["shop-1", "shop-2"] {
        let faults = json!([{"action": "CreateDBInstance", "identifier": member, "fault": {"kind": "endsIn", "status": "failed"}}]);
        let report = rehearse(event("shop", "db_restore", true), world_with(faults));
        assert_eq!(report.error.as_deref(), Some("ClusterRestoreException"), "{member}: {:?}", report.cause);
        assert_untouched(&report, member);
    }
}

#[test]
fn a_denied_rename_of_the_second_member_puts_the_first_back() {
    let faults = json!([{"action": "ModifyDBInstance", "occurrence": 2, "times": 1, "fault": {"kind": "denied"}}]);
    let report = rehearse(event("shop", "db_restore", true), world_with(faults));
    assert_eq!(report.error.as_deref(), Some("AccessDeniedException"), "{:?}", report.cause);
    assert_untouched(&report, "second member");
}

#[test]
fn a_fault_that_passes_by_itself_does_not_fail_a_run() {
    for fault in [json!({"kind": "throttle"}), json!({"kind": "serverError"}), json!({"kind": "responseLost"})] {
        for (identifier, is_cluster) in KINDS {
            let rule = json!([{"action": "*", "occurrence": 12, "times": 3, "fault": fault}]);
            let report = rehearse(event(identifier, "create_snapshot", is_cluster), world_with(rule));
            assert_eq!(report.status, "SUCCEEDED", "{identifier} {fault}: {:?} {:?}", report.error, report.cause);
            assert_eq!(broken_promises(&report, identifier, is_cluster), Vec::<String>::new(), "{identifier} {fault}");
        }
    }
}

#[test]
fn a_mail_that_cannot_be_sent_does_not_stop_the_rollback() {
    let faults = json!([
        {"action": "RestoreDBInstanceFromDBSnapshot", "fault": {"kind": "endsIn", "status": "failed"}},
        {"action": "SendEmail", "times": 1000, "fault": {"kind": "error", "code": "MessageRejected", "message": "not verified"}}
    ]);
    let report = rehearse(event("orders", "db_restore", false), world_with(faults));
    assert_eq!(report.error.as_deref(), Some("InstanceRestoreException"));
    assert_eq!(report.mails.len(), 0);
    assert_untouched(&report, "mail down");
}

#[test]
fn an_original_that_cannot_be_deleted_stays_beside_the_verified_database() {
    let faults = json!([{"action": "DeleteDBInstance", "times": 1000, "fault": {"kind": "denied"}}]);
    let report = rehearse(event("orders", "db_restore", false), world_with(faults));
    assert_eq!(report.error.as_deref(), Some("AccessDeniedException"), "{:?}", report.cause);
    let before = report.world_before.instance("orders").expect("the old database");
    let kept = report.world.instance("orders-temp").expect("the original is kept");
    let restored = report.world.instance("orders").expect("the restored database stays");
    assert_eq!(kept.resource_id, before.resource_id);
    assert_ne!(restored.resource_id, before.resource_id);
    assert_eq!(restored.status.as_ref(), "available");
    let last = report.mails.last().and_then(|mail| mail.text.as_deref()).unwrap_or_default();
    assert!(last.contains("orders-temp"), "{last}");
}

#[test]
fn the_mail_names_the_verified_database_if_its_original_could_not_be_deleted() {
    for (identifier, is_cluster, fault) in [
        ("orders", false, "DeleteDBInstance=error:InvalidParameterCombination:no"),
        ("shop", true, "DeleteDBInstance#2=error:InvalidParameterCombination:no"),
        ("shop", true, "DeleteDBCluster=error:InvalidParameterCombination:no"),
        ("ledger", true, "DeleteDBCluster=error:InvalidParameterCombination:no"),
        ("orders", false, "protect-instance#1x4=crash"),
        ("shop", true, "protect-cluster#1x4=crash"),
    ] {
        let faults = vec![fault.parse().expect("a fault")];
        let rehearsal = Rehearsal { faults, ..Rehearsal::new(event(identifier, "db_restore", is_cluster), world()) };
        let report = rehearsal.run(&mut ()).expect("a world that can exist");
        let [recovery] = &report.others[..] else { panic!("{fault}: one recovery: {:?}", report.others) };
        assert_eq!(recovery.status, "SUCCEEDED", "{fault}: {:?} {:?}", recovery.error, recovery.cause);
        assert_eq!(recovery.changes, 0, "{fault}");
        assert_eq!(report.mails.len(), 2, "{fault}: the run itself sent the alerts");
        let last = report.mails.last().and_then(|mail| mail.text.as_deref()).unwrap_or_default();
        assert!(last.contains("is the restored database, verified"), "{fault}: {last}");
    }
}

#[test]
fn a_run_that_cannot_commit_gives_the_original_its_name_back() {
    for (identifier, is_cluster, fault) in [
        // The role `verified` cannot be written.
        ("orders", false, "AddTagsToResource#3=denied"),
        ("orders", false, "commit-instance#1x4=crash"),
        ("shop", true, "commit-cluster#1x4=crash"),
        ("ledger", true, "commit-cluster#1x4=crash"),
    ] {
        let faults = vec![fault.parse().expect("a fault")];
        let rehearsal = Rehearsal { faults, ..Rehearsal::new(event(identifier, "db_restore", is_cluster), world()) };
        let report = rehearsal.run(&mut ()).expect("a world that can exist");
        assert_eq!(report.status, "FAILED", "{fault}");
        assert_untouched(&report, fault);
    }
}

#[test]
fn the_rollback_finds_a_commit_whose_answer_is_lost_for_good() {
    for (identifier, is_cluster, fault) in [
        ("orders", false, "commit-instance#1x4=answerLost"),
        ("shop", true, "commit-cluster#1x4=answerLost"),
        ("ledger", true, "commit-cluster#1x4=answerLost"),
    ] {
        let faults = vec![fault.parse().expect("a fault")];
        let rehearsal = Rehearsal { faults, ..Rehearsal::new(event(identifier, "db_restore", is_cluster), world()) };
        let report = rehearsal.run(&mut ()).expect("a world that can exist");
        assert_eq!(report.status, "FAILED", "{fault}");
        let last = report.mails.last().and_then(|mail| mail.text.as_deref()).unwrap_or_default();
        assert!(last.contains("is the restored database, verified"), "{fault}: {last}");
        assert!(last.contains(&format!("{identifier}-temp")), "{fault}: {last}");
    }
}

#[test]
fn the_rollback_finds_a_commit_that_shows_late() {
    for (identifier, is_cluster, look, seconds) in
        [("orders", false, "DescribeDBInstances", 20), ("ledger", true, "DescribeDBClusters", 100)]
    {
        let late = json!({"action": "AddTagsToResource", "times": 99, "fault": {"kind": "late", "seconds": seconds}});
        let calm = rehearse(event(identifier, "db_restore", is_cluster), world_with(json!([late])));
        let mut in_commit = 0;
        for number in (1..=calm.rds_calls[look]).rev() {
            // The role is written and does not show yet, and the read of it is denied.
            let refused = json!({"action": look, "occurrence": number, "fault": {"kind": "denied"}});
            let faults = json!([late, refused]);
            let report = rehearse(event(identifier, "db_restore", is_cluster), world_with(faults));
            let last = report.mails.last().and_then(|mail| mail.text.as_deref()).unwrap_or_default();
            let is_written = report.rds_calls.get("AddTagsToResource") >= calm.rds_calls.get("AddTagsToResource");
            if last.contains("failed at Verify") {
                break;
            }
            if !last.contains("failed at Commit") || !is_written {
                continue;
            }
            in_commit += 1;
            assert!(last.contains("is the restored database, verified"), "{identifier} {number}: {last}");
            let aside = inventory(&report.world).into_iter().find(|name| name.contains("-failed-"));
            assert_eq!(aside, None, "{identifier} {number}: the restored database stays");
        }
        assert!(in_commit > 0, "{identifier}");
    }
}

#[test]
fn without_a_connection_to_rds_the_run_ends_soon_and_names_the_missing_endpoint() {
    let faults = json!([{"action": "DescribeDBInstances", "times": 10_000, "fault": {"kind": "connectionRefused"}}]);
    let report = rehearse(event("orders", "db_restore", false), world_with(faults));
    assert_eq!(report.error.as_deref(), Some("EndpointUnreachableException"), "{:?}", report.cause);
    let cause = report.cause.as_deref().unwrap_or_default();
    assert!(cause.contains("com.amazonaws.us-east-1.rds") && cause.contains("NAT gateway"), "{cause}");
    let preflight = report.steps.iter().find(|step| step.state == "PreflightDbInstance").expect("a preflight");
    assert_eq!(preflight.retries, 2);
    assert_untouched(&report, "unreachable");
}

#[test]
fn a_database_that_another_run_works_on_is_refused() {
    let mut world = world();
    let other = "arn:aws:states:us-east-1:123456789012:execution:trapheus-DBRestoreStateMachine:another";
    world.instances[0].tags.insert("trapheus:execution".to_owned(), other.to_owned());
    let report = rehearse_beside(other, event("orders", "db_restore", false), world);
    assert_eq!(report.error.as_deref(), Some("ClaimException"), "{:?}", report.cause);
    let orders = report.world.instance("orders").expect("the database");
    assert_eq!(orders.tags["trapheus:execution"], other, "the other run's claim");
    assert!(report.rds_calls.keys().all(|action| action.starts_with("Describe") || action.starts_with("List")));
}

/// Rehearses while another execution is running.
fn rehearse_beside(other: &str, event: Value, world: World) -> Report {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build();
    runtime.expect("a runtime").block_on(async {
        let start_time = SystemTime::UNIX_EPOCH + BEGIN;
        let simulator = Simulator::new(world, Options { start_time, ..Options::default() }).expect("a possible world");
        simulator.register_execution(Execution {
            arn: other.to_owned(),
            state_machine_arn: String::new(),
            status: "RUNNING".to_owned(),
            input: "{}".to_owned(),
            start_date: start_time,
            stop_date: None,
            error: None,
            cause: None,
            redriven: None,
        });
        Rehearsal::new(event, World::default()).run_against(&simulator, &mut ()).await.expect("a report")
    })
}

#[test]
fn a_claim_that_a_person_removes_ends_the_run_but_not_its_rollback() {
    let untag = "after:ModifyDBInstance=RemoveTagsFromResource:ResourceName=arn:aws:rds:us-east-1:123456789012:db:orders,\
                 TagKeys.member.1=trapheus:execution";
    let rehearsal = Rehearsal {
        faults: vec![untag.parse().expect("a fault")],
        ..Rehearsal::new(event("orders", "db_restore", false), world())
    };
    let report = rehearsal.run(&mut ()).expect("a world that can exist");
    assert_eq!(report.error.as_deref(), Some("ClaimException"), "{:?}", report.cause);
    assert_untouched(&report, "the claim is gone");
}

/// A restore that fails after the restored database was in service, with further faults.
fn fail_in_service(identifier: &str, is_cluster: bool, faults: &[&str]) -> Report {
    let verify = if is_cluster { "verify-cluster#1x9=crash" } else { "verify-instance#1x9=crash" };
    let faults = std::iter::once(&verify).chain(faults).map(|fault| fault.parse().expect("a fault")).collect();
    let rehearsal = Rehearsal { faults, ..Rehearsal::new(event(identifier, "db_restore", is_cluster), world()) };
    rehearsal.run(&mut ()).expect("a world that can exist")
}

/// The time in seconds at which the rollback began to move the restored database aside.
fn moved_aside_at(report: &Report) -> f64 {
    let discard = report.steps.iter().find(|step| step.state.starts_with("DiscardFailed")).expect("a rollback");
    discard.started_seconds
}

#[test]
fn a_rollback_whose_original_is_deleted_keeps_the_restored_database_and_the_mail_names_it() {
    for (identifier, is_cluster, deletions) in [
        (
            "orders",
            false,
            [
                "ModifyDBInstance:DBInstanceIdentifier=orders-temp,DeletionProtection=false",
                "DeleteDBInstance:DBInstanceIdentifier=orders-temp,SkipFinalSnapshot=true",
            ]
            .as_slice(),
        ),
        (
            "shop",
            true,
            [
                "ModifyDBCluster:DBClusterIdentifier=shop-temp,DeletionProtection=false",
                "DeleteDBInstance:DBInstanceIdentifier=shop-1-temp,SkipFinalSnapshot=true",
                "DeleteDBInstance:DBInstanceIdentifier=shop-2-temp,SkipFinalSnapshot=true",
                "DeleteDBInstance:DBInstanceIdentifier=shop-3-temp,SkipFinalSnapshot=true",
                "DeleteDBCluster:DBClusterIdentifier=shop-temp,SkipFinalSnapshot=true",
            ]
            .as_slice(),
        ),
    ] {
        let begin = moved_aside_at(&fail_in_service(identifier, is_cluster, &[]));
        let faults: Vec<String> =
            deletions.iter().zip(1..).map(|(what, late)| format!("at:{}={what}", begin + f64::from(late))).collect();
        let faults: Vec<&str> = faults.iter().map(String::as_str).collect();
        let report = fail_in_service(identifier, is_cluster, &faults);
        assert_eq!(database(&report.world, identifier, is_cluster), None);
        let kept: Vec<String> = inventory(&report.world).into_iter().filter(|one| one.contains("-failed-")).collect();
        assert_eq!(kept.len(), 1, "{kept:?}");
        let aside = kept[0].rsplit(' ').next().expect("a name");
        let mail = report.mails.iter().find(|mail| mail.subject.contains("(final")).expect("a final mail");
        assert!(mail.subject.contains("ACTION NEEDED"), "{}", mail.subject);
        let text = mail.text.as_deref().unwrap_or_default();
        let (noun, rename) =
            if is_cluster { ("cluster", "modify-db-cluster") } else { ("instance", "modify-db-instance") };
        let command =
            format!("aws rds {rename} --db-{noun}-identifier {aside} --new-db-{noun}-identifier {identifier} ");
        for said in [&format!("so {identifier} has no database"), &format!("Do not delete {aside}"), &command] {
            assert!(text.contains(said.as_str()), "the mail does not say {said:?}:\n{text}");
        }
        assert!(!text.contains(&format!("delete-db-{noun} --db-{noun}-identifier {aside}")), "{text}");
    }
}

#[test]
fn the_mail_says_that_the_original_is_back_if_only_the_deletion_of_the_other_failed() {
    for (identifier, is_cluster, fault) in
        [("orders", false, "DeleteDBInstance#1x1000=denied"), ("ledger", true, "DeleteDBCluster#1x1000=denied")]
    {
        let report = fail_in_service(identifier, is_cluster, &[fault]);
        let (before, _) = database(&report.world_before, identifier, is_cluster).expect("the old database");
        assert_eq!(database(&report.world, identifier, is_cluster), Some((before, "available")));
        let mail = report.mails.iter().find(|mail| mail.subject.contains("(final")).expect("a final mail");
        assert!(mail.subject.contains("original is back, restored database is left over"), "{}", mail.subject);
        let text = mail.text.as_deref().unwrap_or_default();
        let place = |said: &str| text.find(said).unwrap_or_else(|| panic!("the mail does not say {said:?}:\n{text}"));
        assert!(place(&format!("{identifier} is the original again")) < place("is left over"), "{text}");
        assert!(place("is left over") < place("The original has its name back. A later step"), "{text}");
        assert!(!text.contains("The rollback did not finish"), "{text}");
        assert_eq!(marks(&report.world).iter().filter(|mark| !mark.contains("-failed-")).count(), 0);
    }
}

#[test]
fn storage_work_delays_only_the_deletion_of_a_database_moved_aside() {
    let mut world = world();
    world.timings.storage_initialization = 3.0 * 3_600.0;
    for (identifier, is_cluster) in [("orders", false), ("ledger", true)] {
        let verify = if is_cluster { "verify-cluster#1x9=crash" } else { "verify-instance#1x9=crash" };
        let faults = vec![verify.parse().expect("a fault")];
        let event = event(identifier, "db_restore", is_cluster);
        let report = Rehearsal { faults, ..Rehearsal::new(event, world.clone()) }.run(&mut ()).expect("a world");
        assert_untouched(&report, identifier);
        assert!(inventory(&report.world).iter().any(|one| one.contains("snapshot") && one.contains("-failed-")));
        assert!(report.steps.len() < 200, "{} states", report.steps.len());
        assert!(report.mails.iter().all(|mail| !mail.subject.contains("ACTION NEEDED")), "{:?}", report.mails);
    }
}

/// RDS does not show the failed restore for longer than half an hour. So its wait gives up while RDS still hides it.
#[test]
fn a_failed_restore_that_shows_late_is_removed_after_it_shows() {
    for (identifier, is_cluster, action, ends_in) in [
        ("orders", false, "RestoreDBInstanceFromDBSnapshot", "failed"),
        ("shop", true, "RestoreDBClusterFromSnapshot", "migration-failed"),
        ("ledger", true, "RestoreDBClusterFromSnapshot", "migration-failed"),
        ("shop", true, "CreateDBInstance", "failed"),
    ] {
        for hidden in [2_000, 3_000] {
            let faults = [format!("{action}=endsIn:{ends_in}"), format!("{action}=notFoundFor:{hidden}")];
            let faults = faults.iter().map(|fault| fault.parse().expect("a fault")).collect();
            let event = event(identifier, "db_restore", is_cluster);
            let rehearsal = Rehearsal { faults, ..Rehearsal::new(event, world()) };
            let report = rehearsal.run(&mut ()).expect("a world that can exist");
            assert_untouched(&report, &format!("{identifier} {action} hidden for {hidden} s"));
            let last = report.mails.last().expect("a mail");
            assert!(last.subject.contains("original is back"), "{identifier} {action} {hidden}: {}", last.subject);
        }
    }
}
