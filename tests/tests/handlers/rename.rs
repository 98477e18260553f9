//! Handlers of the rename crate.

use std::time::Duration;

use rds_simulator::{Fault, FaultRule, Outcome};
use serde_json::json;
use trapheus_common::claim::Lookup;
use trapheus_common::document::{OriginalCluster, OriginalInstance, RenameEvent, StepEvent, StepOutput, Task};
use trapheus_common::wait::Goal;
use trapheus_common::{ErrorKind, Result};
use trapheus_rename::{cluster, instance};
use trapheus_tests::{Harness, OTHER_EXECUTION};

use Direction::{Away, Back};

/// The direction in which these tests rename an original.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Direction {
    /// To its parked name.
    Away,
    /// Back to its own name, after a failure.
    Back,
}

const TASK: Task = Task::CreateSnapshot;

fn world() -> Harness {
    Harness::new(json!({
        "instances": [
            {"identifier": "orders", "engine": "postgres"},
            {"identifier": "billing", "engine": "postgres"},
        ],
        "clusters": [
            {"identifier": "shop", "engine": "aurora-postgresql",
             "members": [{"identifier": "shop-1"}, {"identifier": "shop-2"}]},
            {"identifier": "stock", "engine": "postgres"},
            {"identifier": "ledger", "engine": "aurora-postgresql", "members": [{"identifier": "ledger-1"}]},
        ],
    }))
}

fn going<O: Clone>(event: &StepEvent<O>, direction: Direction) -> RenameEvent<O> {
    match direction {
        Away => Harness::parking(event),
        Back => Harness::returning(event),
    }
}

async fn call(harness: &Harness, event: &StepEvent<OriginalInstance>, direction: Direction) -> Result<StepOutput> {
    instance::rename(harness.rds(), going(event, direction)).await
}

async fn call_cluster(
    harness: &Harness,
    event: &StepEvent<OriginalCluster>,
    direction: Direction,
) -> Result<StepOutput> {
    cluster::rename(harness.rds(), going(event, direction)).await
}

async fn run(harness: &Harness, event: &StepEvent<OriginalInstance>, direction: Direction) -> Result<StepOutput> {
    harness.run_instance(&event.request, async || call(harness, event, direction).await).await
}

async fn run_cluster(
    harness: &Harness,
    event: &StepEvent<OriginalCluster>,
    direction: Direction,
) -> Result<StepOutput> {
    harness.run_cluster(&event.request, async || call_cluster(harness, event, direction).await).await
}

fn inject(harness: &Harness, action: &str, identifier: &str, fault: Fault) {
    let rule = FaultRule {
        action: action.into(),
        identifier: Some(identifier.into()),
        caller: None,
        occurrence: 1,
        times: 99,
        fault,
    };
    harness.simulator.inject(rule);
}

fn lose_one_answer(harness: &Harness, action: &str) {
    let fault = Fault::ResponseLost {};
    let rule = FaultRule { action: action.into(), identifier: None, caller: None, occurrence: 1, times: 1, fault };
    harness.simulator.inject(rule);
}

/// The number of times that RDS carried out an action.
fn accepted(harness: &Harness, action: &str) -> usize {
    let requests = harness.simulator.requests();
    let is_done = |outcome: &Outcome| matches!(outcome, Outcome::Ok | Outcome::ResponseLost);
    requests.iter().filter(|request| request.action == action && is_done(&request.outcome)).count()
}

fn resource_id(harness: &Harness, identifier: &str) -> Option<String> {
    let state = harness.simulator.state();
    let found = state.instance(identifier).filter(|found| found.status == "available" && found.answers);
    found.map(|found| found.resource_id.clone())
}

/// The names of the clusters that are available, with their members.
fn clusters(harness: &Harness) -> Vec<(String, Vec<String>)> {
    let state = harness.simulator.state();
    let available = state.clusters.iter().filter(|found| found.status == "available" && found.answers);
    available.map(|found| (found.identifier.clone(), found.members.clone())).collect()
}

fn has(harness: &Harness, cluster: &str, members: &[&str]) -> bool {
    clusters(harness).contains(&(cluster.to_owned(), members.iter().map(|&member| member.to_owned()).collect()))
}

async fn rename_by_hand(harness: &Harness, from: &str, to: &str) {
    let call = harness.rds().modify_db_instance().db_instance_identifier(from).new_db_instance_identifier(to);
    call.apply_immediately(true).send().await.unwrap();
    harness.settle().await;
}

#[tokio::test(start_paused = true)]
async fn an_instance_is_renamed_to_its_temporary_name_and_back() {
    let harness = world();
    let event = harness.claimed_instance("orders", TASK).await;
    let id = event.plan.original.resource_id.clone();
    let output = run(&harness, &event, Away).await.unwrap();
    assert_eq!(output.identifier, "orders-temp");
    assert_eq!((resource_id(&harness, "orders-temp"), resource_id(&harness, "orders")), (Some(id.clone()), None));
    let output = run(&harness, &event, Back).await.unwrap();
    assert_eq!(output.identifier, "orders");
    assert_eq!((resource_id(&harness, "orders-temp"), resource_id(&harness, "orders")), (None, Some(id)));
    assert_eq!(accepted(&harness, "ModifyDBInstance"), 2);
}

#[tokio::test(start_paused = true)]
async fn a_rename_repeated_after_its_success_changes_nothing() {
    let harness = world();
    let event = harness.claimed_instance("orders", TASK).await;
    for direction in [Away, Back] {
        run(&harness, &event, direction).await.unwrap();
        run(&harness, &event, direction).await.unwrap();
    }
    assert_eq!(accepted(&harness, "ModifyDBInstance"), 2);
}

#[tokio::test(start_paused = true)]
async fn a_rename_repeated_at_any_moment_makes_one_request() {
    for direction in [Away, Back] {
        for seconds in [0, 10, 20, 30, 40, 50, 60, 80, 100, 120, 140, 160, 180, 200] {
            let harness = world();
            let event = harness.claimed_instance("orders", TASK).await;
            if direction == Back {
                run(&harness, &event, Away).await.unwrap();
            }
            let before = accepted(&harness, "ModifyDBInstance");
            call(&harness, &event, direction).await.unwrap();
            tokio::time::sleep(Duration::from_secs(seconds)).await;
            let output = run(&harness, &event, direction).await.unwrap();
            assert_eq!(accepted(&harness, "ModifyDBInstance"), before + 1, "{direction:?} after {seconds} s");
            let id = Some(event.plan.original.resource_id.clone());
            assert_eq!(resource_id(&harness, &output.identifier), id, "{direction:?} after {seconds} s");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_rollback_begun_at_any_moment_of_the_rename_gives_the_instance_its_name_back() {
    for seconds in [0, 10, 20, 30, 40, 50, 60, 80, 100, 120, 140, 160, 180, 200] {
        let harness = world();
        let event = harness.claimed_instance("orders", TASK).await;
        call(&harness, &event, Away).await.unwrap();
        tokio::time::sleep(Duration::from_secs(seconds)).await;
        let discard = async || {
            trapheus_delete::instance::discard(harness.rds(), harness.discarding(&event), harness.invocation()).await
        };
        harness.run_instance(&event.request, discard).await.unwrap();
        run(&harness, &event, Back).await.unwrap();
        harness.settle().await;
        let id = Some(event.plan.original.resource_id.clone());
        assert_eq!(resource_id(&harness, "orders"), id, "after {seconds} s");
    }
}

#[tokio::test(start_paused = true)]
async fn a_lost_answer_is_no_failure() {
    let harness = world();
    let event = harness.claimed_instance("orders", TASK).await;
    for direction in [Away, Back] {
        lose_one_answer(&harness, "ModifyDBInstance");
        run(&harness, &event, direction).await.unwrap();
    }
    assert_eq!(accepted(&harness, "ModifyDBInstance"), 2);
    let event = harness.claimed_cluster("shop", TASK).await;
    for direction in [Away, Back] {
        lose_one_answer(&harness, "ModifyDBInstance");
        lose_one_answer(&harness, "ModifyDBCluster");
        run_cluster(&harness, &event, direction).await.unwrap();
    }
    assert_eq!(accepted(&harness, "ModifyDBCluster"), 2);
}

#[tokio::test(start_paused = true)]
async fn without_the_claim_nothing_is_renamed() {
    let harness = world();
    let mut event = harness.claimed_instance("orders", TASK).await;
    event.request.execution = OTHER_EXECUTION.into();
    for direction in [Away, Back] {
        assert_eq!(call(&harness, &event, direction).await.unwrap_err().kind(), ErrorKind::Claim);
    }
    let mut event = harness.claimed_cluster("shop", TASK).await;
    event.request.execution = OTHER_EXECUTION.into();
    for direction in [Away, Back] {
        assert_eq!(call_cluster(&harness, &event, direction).await.unwrap_err().kind(), ErrorKind::Claim);
    }
    let unclaimed = harness.instance("billing", TASK).await;
    assert_eq!(call(&harness, &unclaimed, Away).await.unwrap_err().kind(), ErrorKind::Claim);
    assert_eq!((accepted(&harness, "ModifyDBInstance"), accepted(&harness, "ModifyDBCluster")), (0, 0));
}

#[tokio::test(start_paused = true)]
async fn a_rollback_of_a_database_that_was_never_claimed_is_done_at_once() {
    let harness = world();
    let event = harness.instance("orders", TASK).await;
    let output = call(&harness, &event, Back).await.unwrap();
    assert_eq!((output.wait_for, output.more, output.notes.len()), (None, false, 0));
    let event = harness.cluster("shop", TASK).await;
    let output = call_cluster(&harness, &event, Back).await.unwrap();
    assert_eq!((output.wait_for, output.more, output.notes.len()), (None, false, 0));
}

#[tokio::test(start_paused = true)]
async fn another_database_under_the_name_is_not_renamed_away() {
    let harness = world();
    let mut event = harness.claimed_instance("orders", TASK).await;
    event.plan.original.resource_id = "db-GONE".into();
    let error = call(&harness, &event, Away).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Rename);
    assert!(error.report().contains("db-GONE"), "{}", error.report());
    let mut event = harness.claimed_cluster("shop", TASK).await;
    event.plan.original.resource_id = "cluster-GONE".into();
    let error = call_cluster(&harness, &event, Away).await.unwrap_err();
    assert!(error.report().contains("cluster-GONE"), "{}", error.report());
    assert_eq!((accepted(&harness, "ModifyDBInstance"), accepted(&harness, "ModifyDBCluster")), (0, 0));
}

#[tokio::test(start_paused = true)]
async fn a_rollback_leaves_the_database_under_the_name_of_a_lost_original() {
    let harness = world();
    let mut event = harness.claimed_instance("orders", TASK).await;
    event.plan.original.resource_id = "db-GONE".into();
    let output = call(&harness, &event, Back).await.unwrap();
    assert!(output.wait_for.is_none() && output.notes[0].contains("db-GONE"), "{output:?}");
    let mut event = harness.claimed_cluster("shop", TASK).await;
    event.plan.original.resource_id = "cluster-GONE".into();
    let output = call_cluster(&harness, &event, Back).await.unwrap();
    assert!(output.wait_for.is_none() && output.notes[0].contains("cluster-GONE"), "{output:?}");
}

/// Begins a rename by hand, and lets time pass until RDS shows neither name.
async fn begin_to_rename_by_hand(harness: &Harness, from: &str, to: &str) {
    let call = harness.rds().modify_db_instance().db_instance_identifier(from).new_db_instance_identifier(to);
    call.apply_immediately(true).send().await.unwrap();
    tokio::time::sleep(Duration::from_secs(40)).await;
    let state = harness.simulator.state();
    assert!(state.instances.iter().any(|one| one.identifier == from && !one.answers), "RDS still shows {from}");
}

#[tokio::test(start_paused = true)]
async fn an_original_between_two_names_does_not_count_as_deleted() {
    let harness = world();
    let event = harness.claimed_instance("orders", TASK).await;
    run(&harness, &event, Away).await.unwrap();
    rename_by_hand(&harness, "billing", "orders").await;
    begin_to_rename_by_hand(&harness, "orders-temp", "orders-x").await;
    let error = run(&harness, &event, Back).await.unwrap_err();
    assert!(error.report().contains("belongs to another"), "{}", error.report());
    rename_by_hand(&harness, "orders-x", "orders-temp").await;
    begin_to_rename_by_hand(&harness, "orders-temp", "orders-x").await;
    run(&harness, &event, Away).await.unwrap();
    assert_eq!(resource_id(&harness, "orders-temp"), Some(event.plan.original.resource_id));
}

#[tokio::test(start_paused = true)]
async fn an_original_cluster_between_two_names_does_not_count_as_deleted() {
    let harness = world();
    let event = harness.claimed_cluster("shop", TASK).await;
    run_cluster(&harness, &event, Away).await.unwrap();
    let begin = async |from: &str, to: &str| {
        let call = harness.rds().modify_db_cluster().db_cluster_identifier(from).new_db_cluster_identifier(to);
        Box::pin(call.apply_immediately(true).send()).await.unwrap();
    };
    begin("ledger", "shop").await;
    harness.settle().await;
    for away in [false, true] {
        begin("shop-temp", "shop-x").await;
        tokio::time::sleep(Duration::from_secs(40)).await;
        let state = harness.simulator.state();
        assert!(state.clusters.iter().any(|one| one.identifier == "shop-temp" && !one.answers));
        if away {
            run_cluster(&harness, &event, Away).await.unwrap();
            assert!(has(&harness, "shop-temp", &["shop-1-temp", "shop-2-temp"]), "{:?}", clusters(&harness));
            continue;
        }
        let error = run_cluster(&harness, &event, Back).await.unwrap_err();
        assert!(error.report().contains("belongs to another"), "{}", error.report());
        begin("shop-x", "shop-temp").await;
        harness.settle().await;
        run_cluster(&harness, &event, Away).await.unwrap();
    }
}

#[tokio::test(start_paused = true)]
async fn a_member_between_two_names_does_not_count_as_deleted() {
    let harness = world();
    let event = harness.claimed_cluster("shop", TASK).await;
    run_cluster(&harness, &event, Away).await.unwrap();
    rename_by_hand(&harness, "shop-2-temp", "shop-8").await;
    begin_to_rename_by_hand(&harness, "shop-8", "shop-9").await;
    let output = run_cluster(&harness, &event, Back).await.unwrap();
    assert!(has(&harness, "shop", &["shop-1", "shop-2"]), "{:?}", clusters(&harness));
    assert!(output.notes.is_empty(), "{output:?}");
    rename_by_hand(&harness, "shop-2", "shop-8").await;
    begin_to_rename_by_hand(&harness, "shop-8", "shop-2").await;
    run_cluster(&harness, &event, Away).await.unwrap();
    assert!(has(&harness, "shop-temp", &["shop-1-temp", "shop-2-temp"]), "{:?}", clusters(&harness));
}

#[tokio::test(start_paused = true)]
async fn an_original_in_deletion_is_renamed_neither_away_nor_back() {
    let harness = world();
    let event = harness.claimed_instance("orders", TASK).await;
    let call_delete = harness.rds().delete_db_instance().db_instance_identifier("orders").skip_final_snapshot(true);
    call_delete.send().await.unwrap();
    assert_eq!(call(&harness, &event, Away).await.unwrap_err().kind(), ErrorKind::Rename);
    let output = call(&harness, &event, Back).await.unwrap();
    assert!(output.wait_for.is_none() && output.notes[0].contains("being deleted"), "{output:?}");
}

#[tokio::test(start_paused = true)]
async fn an_original_without_a_name_is_given_up_after_half_an_hour() {
    let harness = world();
    let mut event = harness.claimed_instance("orders", TASK).await;
    event.plan.original.resource_id = "db-GONE".into();
    event.plan.names.database.service = trapheus_common::identifiers::DatabaseIdentifier::reported("nobody");
    let begin = harness.simulator.now();
    let error = run(&harness, &event, Back).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Rename);
    let waited = harness.simulator.now().saturating_sub(begin);
    assert!((1800..2000).contains(&waited.as_secs()), "{waited:?}");
}

#[tokio::test(start_paused = true)]
async fn a_refusal_of_a_taken_name_names_its_holder() {
    let harness = world();
    let event = harness.claimed_instance("orders", TASK).await;
    rename_by_hand(&harness, "billing", "orders-temp").await;
    let holder = harness.simulator.state().instance("orders-temp").unwrap().resource_id.clone();
    let error = call(&harness, &event, Away).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Rename);
    assert!(error.report().contains(&holder), "{}", error.report());
    // The same for the rename back.
    rename_by_hand(&harness, "orders", "orders-x").await;
    rename_by_hand(&harness, "orders-temp", "orders").await;
    let error = call(&harness, &event, Back).await.unwrap_err();
    assert!(error.report().contains(&holder), "{}", error.report());
}

#[tokio::test(start_paused = true)]
async fn a_database_with_pending_modifications_is_not_renamed_away() {
    let harness = world();
    let event = harness.claimed_instance("orders", TASK).await;
    let later = harness.rds().modify_db_instance().db_instance_identifier("orders").multi_az(true);
    later.apply_immediately(false).send().await.unwrap();
    let error = call(&harness, &event, Away).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Rename);
    assert!(error.report().contains("pending"), "{}", error.report());
    let output = call(&harness, &event, Back).await.unwrap();
    assert!(output.wait_for.is_none() && output.notes[0].contains("pending"), "{output:?}");
    // Pending modifications of a member have the same effect.
    let event = harness.claimed_cluster("shop", TASK).await;
    let class = harness.rds().modify_db_instance().db_instance_identifier("shop-2").db_instance_class("db.r6g.4xlarge");
    class.apply_immediately(false).send().await.unwrap();
    let before = accepted(&harness, "ModifyDBInstance");
    let error = call_cluster(&harness, &event, Away).await.unwrap_err();
    assert!(error.report().contains("shop-2"), "{}", error.report());
    assert_eq!(accepted(&harness, "ModifyDBInstance"), before, "no other member is renamed either");
}

#[tokio::test(start_paused = true)]
async fn a_rename_waits_for_a_busy_database() {
    let harness = world();
    let event = harness.claimed_instance("orders", TASK).await;
    let by_hand = harness.rds().create_db_snapshot().db_instance_identifier("orders").db_snapshot_identifier("by-hand");
    by_hand.send().await.unwrap();
    let first = call(&harness, &event, Away).await.unwrap();
    assert!(matches!(&first.wait_for, Some(Goal::Available { identifier, .. }) if identifier.as_str() == "orders"));
    assert!(first.more);
    run(&harness, &event, Away).await.unwrap();
    assert_eq!(resource_id(&harness, "orders-temp"), Some(event.plan.original.resource_id));
}

#[tokio::test(start_paused = true)]
async fn a_rename_that_rds_refuses_on_an_available_database_fails() {
    let harness = world();
    let event = harness.claimed_instance("orders", TASK).await;
    let fault = Fault::Error { code: "InvalidDBInstanceState".into(), message: "no".into() };
    inject(&harness, "ModifyDBInstance", "orders", fault);
    let error = call(&harness, &event, Away).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Rename);
    let fault = Fault::Error { code: "InvalidDBClusterStateFault".into(), message: "no".into() };
    inject(&harness, "ModifyDBCluster", "stock", fault);
    let event = harness.claimed_cluster("stock", TASK).await;
    assert_eq!(call_cluster(&harness, &event, Away).await.unwrap_err().kind(), ErrorKind::Rename);
}

#[tokio::test(start_paused = true)]
async fn an_aurora_cluster_is_renamed_with_its_members_and_back() {
    let harness = world();
    let event = harness.claimed_cluster("shop", TASK).await;
    run_cluster(&harness, &event, Away).await.unwrap();
    assert!(has(&harness, "shop-temp", &["shop-1-temp", "shop-2-temp"]), "{:?}", clusters(&harness));
    run_cluster(&harness, &event, Back).await.unwrap();
    assert!(has(&harness, "shop", &["shop-1", "shop-2"]), "{:?}", clusters(&harness));
    assert_eq!((accepted(&harness, "ModifyDBInstance"), accepted(&harness, "ModifyDBCluster")), (4, 2));
}

#[tokio::test(start_paused = true)]
async fn a_cluster_and_a_member_under_unplanned_names_are_found_by_resource_id() {
    let harness = world();
    let event = harness.claimed_cluster("shop", TASK).await;
    run_cluster(&harness, &event, Away).await.unwrap();
    rename_by_hand(&harness, "shop-1-temp", "shop-7").await;
    run_cluster(&harness, &event, Back).await.unwrap();
    assert!(has(&harness, "shop", &["shop-1", "shop-2"]), "{:?}", clusters(&harness));

    let by_hand = harness.rds().modify_db_cluster().db_cluster_identifier("shop").new_db_cluster_identifier("shop-8");
    Box::pin(by_hand.apply_immediately(true).send()).await.unwrap();
    harness.settle().await;
    let found = Lookup::<aws_sdk_rds::types::DbCluster>::find(harness.rds(), &event.plan.target()).await.unwrap();
    assert!(found.original.is_some_and(|original| original.db_cluster_identifier() == Some("shop-8")));
}

#[tokio::test(start_paused = true)]
async fn all_members_are_renamed_in_one_call_of_the_step() {
    let harness = world();
    let event = harness.claimed_cluster("shop", TASK).await;
    let first = call_cluster(&harness, &event, Away).await.unwrap();
    assert_eq!((accepted(&harness, "ModifyDBInstance"), accepted(&harness, "ModifyDBCluster")), (2, 0));
    let Some(Goal::Available { identifier, members, .. }) = first.wait_for else { panic!("no goal") };
    assert_eq!(identifier.as_str(), "shop", "the cluster keeps its name until its members are renamed");
    let members: Vec<&str> = members.iter().map(|member| member.identifier.as_str()).collect();
    assert_eq!(members, ["shop-1-temp", "shop-2-temp"]);
}

#[tokio::test(start_paused = true)]
async fn of_a_multi_az_cluster_only_the_cluster_is_renamed() {
    let harness = world();
    let event = harness.claimed_cluster("stock", TASK).await;
    for direction in [Away, Back] {
        run_cluster(&harness, &event, direction).await.unwrap();
        run_cluster(&harness, &event, direction).await.unwrap();
    }
    assert!(clusters(&harness).iter().any(|(name, _)| name == "stock"));
    assert_eq!((accepted(&harness, "ModifyDBInstance"), accepted(&harness, "ModifyDBCluster")), (0, 2));
}

#[tokio::test(start_paused = true)]
async fn a_rollback_begun_at_any_moment_gives_the_cluster_and_its_members_their_names_back() {
    for seconds in [0, 20, 40, 60, 90, 130, 180, 240, 260, 280, 300, 350, 420, 600] {
        let harness = world();
        let event = harness.claimed_cluster("shop", TASK).await;
        let away = async || run_cluster(&harness, &event, Away).await;
        let _ = tokio::time::timeout(Duration::from_secs(seconds), away()).await;
        let discard = async || {
            trapheus_delete::cluster::discard(harness.rds(), harness.discarding(&event), harness.invocation()).await
        };
        harness.run_cluster(&event.request, discard).await.unwrap();
        run_cluster(&harness, &event, Back).await.unwrap();
        harness.settle().await;
        assert!(has(&harness, "shop", &["shop-1", "shop-2"]), "after {seconds} s: {:?}", clusters(&harness));
    }
}

#[tokio::test(start_paused = true)]
async fn a_denied_rename_of_a_member_fails_and_the_rollback_renames_the_others_back() {
    let harness = world();
    let event = harness.claimed_cluster("shop", TASK).await;
    inject(&harness, "ModifyDBInstance", "shop-2-temp", Fault::Denied {});
    let error = run_cluster(&harness, &event, Away).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::AccessDenied);
    run_cluster(&harness, &event, Back).await.unwrap();
    harness.settle().await;
    assert!(has(&harness, "shop", &["shop-1", "shop-2"]), "{:?}", clusters(&harness));
}

#[tokio::test(start_paused = true)]
async fn a_member_that_cannot_be_renamed_back_does_not_stop_its_cluster() {
    let harness = world();
    let event = harness.claimed_cluster("shop", TASK).await;
    run_cluster(&harness, &event, Away).await.unwrap();
    rename_by_hand(&harness, "billing", "shop-1").await;
    let error = run_cluster(&harness, &event, Back).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Rename);
    assert!(error.report().contains("shop-1"), "{}", error.report());
    assert!(has(&harness, "shop", &["shop-1-temp", "shop-2"]), "{:?}", clusters(&harness));
}

#[tokio::test(start_paused = true)]
async fn members_that_cannot_be_renamed_back_are_reported_together() {
    let harness = world();
    let event = harness.claimed_cluster("shop", TASK).await;
    run_cluster(&harness, &event, Away).await.unwrap();
    inject(&harness, "ModifyDBInstance", "shop-1-temp", Fault::Denied {});
    inject(&harness, "ModifyDBInstance", "shop-2-temp", Fault::Denied {});
    let report = run_cluster(&harness, &event, Back).await.unwrap_err().report();
    assert!(report.contains("shop-1-temp") && report.contains("shop-2-temp"), "{report}");
    assert!(has(&harness, "shop", &["shop-1-temp", "shop-2-temp"]), "{:?}", clusters(&harness));
}

#[tokio::test(start_paused = true)]
async fn a_removed_member_stops_the_rename_away_and_not_the_rename_back() {
    let harness = world();
    let event = harness.claimed_cluster("shop", TASK).await;
    let remove = async |name: &str| {
        let call = harness.rds().delete_db_instance().db_instance_identifier(name).skip_final_snapshot(true);
        call.send().await.unwrap();
        harness.settle().await;
    };
    run_cluster(&harness, &event, Away).await.unwrap();
    remove("shop-2-temp").await;
    let output = run_cluster(&harness, &event, Back).await.unwrap();
    assert!(output.notes.iter().any(|note| note.contains("shop-2")), "{:?}", output.notes);
    assert!(has(&harness, "shop", &["shop-1"]), "{:?}", clusters(&harness));
    let error = call_cluster(&harness, &event, Away).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Rename);
    assert!(error.report().contains("shop-2"), "{}", error.report());
}

#[tokio::test(start_paused = true)]
async fn a_member_added_by_a_person_stays_in_the_cluster_under_its_own_name() {
    let harness = world();
    let event = harness.claimed_cluster("shop", TASK).await;
    let call = harness.rds().create_db_instance().db_instance_identifier("shop-extra").engine("aurora-postgresql");
    call.db_cluster_identifier("shop").db_instance_class("db.r6g.large").send().await.unwrap();
    harness.settle().await;
    let output = run_cluster(&harness, &event, Away).await.unwrap();
    assert!(output.notes.iter().any(|note| note.contains("shop-extra")), "{:?}", output.notes);
    assert!(has(&harness, "shop-temp", &["shop-1-temp", "shop-2-temp", "shop-extra"]), "{:?}", clusters(&harness));
}

#[tokio::test(start_paused = true)]
async fn a_taken_cluster_name_is_refused_before_any_member_is_renamed() {
    let harness = world();
    let event = harness.claimed_cluster("shop", TASK).await;
    let by_hand = harness.rds().modify_db_cluster().db_cluster_identifier("ledger");
    by_hand.new_db_cluster_identifier("shop-temp").apply_immediately(true).send().await.unwrap();
    harness.settle().await;
    let error = call_cluster(&harness, &event, Away).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Rename);
    assert!(error.report().contains("shop-temp"), "{}", error.report());
    assert_eq!(accepted(&harness, "ModifyDBInstance"), 0);
}
