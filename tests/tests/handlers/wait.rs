//! Handlers of the status-waiter crate.

use std::time::Duration;

use rds_simulator::{Fault, FaultRule};
use serde_json::{Value, json};
use trapheus_common::document::{Names, Request, StepOutput, Task, TaskName, WaitEvent, WaitOutput, WaitStatus};
use trapheus_common::identifiers::DatabaseIdentifier;
use trapheus_common::poll::PollPolicy;
use trapheus_common::timestamp::Timestamp;
use trapheus_common::wait::{Goal, MemberGoal};
use trapheus_common::{ErrorKind, Result};
use trapheus_status_waiter::{cluster, instance};
use trapheus_tests::Harness;

fn world() -> Value {
    json!({
        "instances": [{"identifier": "orders", "engine": "postgres"}],
        "clusters": [{
            "identifier": "shop",
            "engine": "aurora-postgresql",
            "members": [{"identifier": "shop-1"}, {"identifier": "shop-2"}]
        }],
        "timings": {"jitter": 0.0, "falseAvailableProbability": 1.0}
    })
}

fn named(identifier: &str) -> DatabaseIdentifier {
    DatabaseIdentifier::reported(identifier)
}

fn available(identifier: &str, resource_id: Option<&str>) -> Goal {
    Goal::Available { identifier: named(identifier), resource_id: resource_id.map(str::to_owned), members: Vec::new() }
}

fn waiting(request: &Request, goal: Goal) -> WaitEvent {
    let task = StepOutput::done(TaskName::Rename, request.identifier.as_str()).waiting_for(goal);
    WaitEvent { request: request.clone(), task, rollback_started_at: None, execution: None }
}

async fn wait_instance(harness: &Harness, event: WaitEvent) -> Result<WaitOutput> {
    instance::wait(harness.rds(), PollPolicy::every(30), event, harness.invocation()).await
}

async fn wait_cluster(harness: &Harness, event: WaitEvent) -> Result<WaitOutput> {
    cluster::wait(harness.rds(), PollPolicy::every(30), event, harness.invocation()).await
}

async fn rename(harness: &Harness, from: &str, to: &str) {
    let call = harness.rds().modify_db_instance().db_instance_identifier(from).new_db_instance_identifier(to);
    Box::pin(call.apply_immediately(true).send()).await.expect("a rename");
}

fn resource_id(harness: &Harness, identifier: &str) -> String {
    harness.simulator.state().instance(identifier).expect("an instance of this name").resource_id.clone()
}

#[tokio::test(start_paused = true)]
async fn a_step_that_waits_for_nothing_is_complete_at_once() {
    let harness = Harness::new(world());
    let request = harness.request("orders", Task::DbRestore, false);
    let task = StepOutput::done(TaskName::Delete, "orders-temp");
    let event = WaitEvent { request, task, rollback_started_at: None, execution: None };
    let answer = wait_instance(&harness, event).await.unwrap();
    assert_eq!(
        (answer.task, answer.taskname, answer.identifier.as_str()),
        (WaitStatus::Complete, TaskName::Delete, "orders-temp")
    );
    assert!(harness.simulator.requests().is_empty());
}

/// Waits for a rename whose false `available` lasts for these seconds, with a read every five seconds.
async fn wait_through_false_available(seconds: f64, is_rollback: bool) {
    let mut world = world();
    world["timings"]["renameFalseAvailable"] = json!(seconds);
    let harness = Harness::new(world);
    let request = harness.request("orders", Task::DbRestore, false);
    let id = resource_id(&harness, "orders");
    rename(&harness, "orders", "orders-temp").await;
    let mut event = waiting(&request, available("orders-temp", Some(&id)));
    event.rollback_started_at = is_rollback.then(|| harness.wall_clock().into());
    let answer = instance::wait(harness.rds(), PollPolicy::every(5), event, harness.invocation()).await.unwrap();
    assert_eq!((answer.task, answer.observed.as_str()), (WaitStatus::Complete, "orders-temp available"));
    let renamed = harness.simulator.state().instance("orders-temp").expect("an instance of this name").clone();
    assert!(!renamed.busy && renamed.answers, "the wait ended before the reboot");
}

#[tokio::test(start_paused = true)]
async fn a_rename_is_complete_only_after_the_false_available_has_passed() {
    wait_through_false_available(8.0, false).await;
}

#[tokio::test(start_paused = true)]
async fn the_last_wait_of_a_rollback_needs_more_consecutive_reads() {
    wait_through_false_available(22.0, true).await;
}

#[tokio::test(start_paused = true)]
async fn a_wait_longer_than_the_invocation_answers_pending() {
    let mut world = world();
    world["timings"]["renameNameless"] = json!(3_000.0);
    let harness = Harness::new(world);
    let request = harness.request("orders", Task::DbRestore, false);
    let id = resource_id(&harness, "orders");
    rename(&harness, "orders", "orders-temp").await;
    let answer = wait_instance(&harness, waiting(&request, available("orders-temp", Some(&id)))).await.unwrap();
    assert_eq!(answer.task, WaitStatus::Pending);
    assert!(answer.absent_since.is_some(), "RDS shows neither name");
    assert!(harness.simulator.now().as_secs() < 900);
}

#[tokio::test(start_paused = true)]
async fn a_database_without_a_name_is_given_up_after_half_an_hour() {
    let mut world = world();
    world["timings"]["renameNameless"] = json!(30_000.0);
    let harness = Harness::new(world);
    let request = harness.request("orders", Task::DbRestore, false);
    let id = resource_id(&harness, "orders");
    rename(&harness, "orders", "orders-temp").await;
    let step = StepOutput::done(TaskName::Rename, "orders-temp").waiting_for(available("orders-temp", Some(&id)));
    let error = harness.wait_instance(&request, step).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Rename);
    assert!((1_800..2_700).contains(&harness.simulator.now().as_secs()), "{:?}", harness.simulator.now());
}

#[tokio::test(start_paused = true)]
async fn a_lasting_bad_status_raises_the_error_of_the_step() {
    for (taskname, kind) in [
        (TaskName::SnapshotCreation, ErrorKind::SnapshotCreation),
        (TaskName::Rename, ErrorKind::Rename),
        (TaskName::Restore, ErrorKind::InstanceRestore),
        (TaskName::ClusterRestore, ErrorKind::ClusterRestore),
        (TaskName::Settings, ErrorKind::Settings),
        (TaskName::Delete, ErrorKind::Deletion),
    ] {
        let mut world = world();
        world["instances"][0]["status"] = json!("storage-full");
        let harness = Harness::new(world);
        let request = harness.request("orders", Task::DbRestore, false);
        let mut event = waiting(&request, available("orders", None));
        event.task.taskname = taskname;
        let error = wait_instance(&harness, event).await.unwrap_err();
        assert_eq!(error.kind(), kind);
        assert!(error.report().contains("storage-full"), "{}", error.report());
    }
}

#[tokio::test(start_paused = true)]
async fn a_wait_ends_at_the_deadline_of_the_run() {
    let harness = Harness::new(world());
    let mut request = harness.request("orders", Task::DbRestore, false);
    request.deadline = Timestamp::from(harness.wall_clock()).plus_seconds(60);
    let error = wait_instance(&harness, waiting(&request, available("orders-temp", None))).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::WaitTimedOut);
}

#[tokio::test(start_paused = true)]
async fn a_wait_of_the_rollback_has_the_rollbacks_own_deadline() {
    let harness = Harness::new(world());
    let mut request = harness.request("orders", Task::DbRestore, false);
    request.deadline = request.started_at;
    let id = resource_id(&harness, "orders");
    rename(&harness, "orders", "orders-temp").await;
    let mut event = waiting(&request, available("orders-temp", Some(&id)));
    event.rollback_started_at = Some(harness.wall_clock().into());
    assert_eq!(wait_instance(&harness, event.clone()).await.unwrap().task, WaitStatus::Complete);

    event.request.options.rollback_seconds = 0;
    event.task = event.task.waiting_for(available("orders", None));
    let error = wait_instance(&harness, event).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::WaitTimedOut);
}

#[tokio::test(start_paused = true)]
async fn a_redriven_rollback_counts_its_deadline_from_the_redrive() {
    let harness = Harness::new(world());
    let mut request = harness.request("orders", Task::DbRestore, false);
    request.options.rollback_seconds = 3_600;
    let mut event = waiting(&request, available("orders", Some(&resource_id(&harness, "orders"))));
    event.rollback_started_at = Some(harness.wall_clock().into());
    tokio::time::sleep(Duration::from_secs(86_400)).await;
    let redriven = Timestamp::from(harness.wall_clock()).to_string();
    let context = json!({"Id": "arn", "RedriveCount": 1, "RedriveTime": redriven});
    event.execution = Some(serde_json::from_value(context).expect("a context"));
    assert_eq!(wait_instance(&harness, event.clone()).await.unwrap().task, WaitStatus::Complete);
    event.execution = Some(serde_json::from_value(json!({"Id": "arn", "RedriveCount": 0})).expect("a context"));
    assert_eq!(wait_instance(&harness, event).await.unwrap_err().kind(), ErrorKind::WaitTimedOut);
}

#[tokio::test(start_paused = true)]
async fn a_restored_database_that_was_renamed_away_is_noticed_within_minutes() {
    let mut world = world();
    world["snapshots"] = json!([{"identifier": "orders-snapshot", "source": "orders"}]);
    let harness = Harness::new(world);
    let request = harness.request("orders", Task::DbRestore, false);
    let id = resource_id(&harness, "orders");
    rename(&harness, "orders", "orders-x").await;
    let mut event = waiting(&request, available("orders", Some(&id)));
    event.task.taskname = TaskName::Restore;
    let error = wait_instance(&harness, event).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InstanceRestore);
    assert!(error.report().contains("renamed to orders-x"), "{}", error.report());
    assert!(harness.simulator.now().as_secs() < 900, "{:?}", harness.simulator.now());
}

#[tokio::test(start_paused = true)]
async fn a_database_that_shows_under_no_name_for_a_while_is_found_again() {
    for (nameless, is_gone) in [(600.0, false), (30_000.0, true)] {
        let mut world = world();
        world["timings"]["renameNameless"] = json!(nameless);
        let harness = Harness::new(world);
        let request = harness.request("orders", Task::DbRestore, false);
        let resource_id = resource_id(&harness, "orders");
        rename(&harness, "orders", "orders-x").await;
        let step =
            StepOutput::done(TaskName::Delete, "orders").then_more(Goal::FoundAgain { resource_id, until: None });
        let answer = harness.wait_instance(&request, step).await.unwrap().wait.expect("an answer");
        assert_eq!((answer.task, answer.gone), (WaitStatus::Complete, is_gone), "{answer:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_wait_continues_through_throttling_and_server_errors() {
    let harness = Harness::new(world());
    let request = harness.request("orders", Task::DbRestore, false);
    for fault in [Fault::Throttle { code: "Throttling".to_owned() }, Fault::ServerError { status: 503 }] {
        harness.simulator.inject(FaultRule {
            action: "DescribeDBInstances".to_owned(),
            identifier: None,
            caller: None,
            occurrence: 1,
            times: 20,
            fault,
        });
    }
    let answer = wait_instance(&harness, waiting(&request, available("orders", None))).await.unwrap();
    assert_eq!(answer.task, WaitStatus::Complete);
}

#[tokio::test(start_paused = true)]
async fn a_denied_read_is_not_repeated() {
    let harness = Harness::new(world());
    let request = harness.request("orders", Task::DbRestore, false);
    harness.simulator.inject(FaultRule {
        action: "DescribeDBInstances".to_owned(),
        identifier: None,
        caller: None,
        occurrence: 1,
        times: 20,
        fault: Fault::Denied {},
    });
    let error = wait_instance(&harness, waiting(&request, available("orders", None))).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::AccessDenied);
    assert_eq!(harness.simulator.requests().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_wait_lasts_until_a_deleted_database_is_gone() {
    let harness = Harness::new(world());
    let request = harness.request("orders", Task::DbRestore, false);
    let resource_ids = vec![resource_id(&harness, "orders")];
    harness.rds().delete_db_instance().db_instance_identifier("orders").skip_final_snapshot(true).send().await.unwrap();
    let answer = wait_instance(&harness, waiting(&request, Goal::Gone { resource_ids })).await.unwrap();
    assert_eq!(answer.task, WaitStatus::Complete);
    assert!(harness.simulator.state().instance("orders").is_none());
}

#[tokio::test(start_paused = true)]
async fn a_wait_lasts_until_a_snapshot_is_available_or_gone() {
    let harness = Harness::new(world());
    let request = harness.request("orders", Task::CreateSnapshot, false);
    let identifier = request.snapshot_identifier.clone();
    let name = identifier.as_str();
    let rds = harness.rds();
    rds.create_db_snapshot().db_instance_identifier("orders").db_snapshot_identifier(name).send().await.unwrap();
    let event = waiting(&request, Goal::SnapshotAvailable { identifier: identifier.clone() });
    assert_eq!(wait_instance(&harness, event).await.unwrap().task, WaitStatus::Complete);
    assert_eq!(
        harness.simulator.state().snapshot(name).map(|found| found.status.to_string()).as_deref(),
        Some("available")
    );

    rds.delete_db_snapshot().db_snapshot_identifier(name).send().await.unwrap();
    let event = waiting(&request, Goal::SnapshotGone { identifier: identifier.clone() });
    assert_eq!(wait_instance(&harness, event).await.unwrap().task, WaitStatus::Complete);
    assert!(harness.simulator.state().snapshot(name).is_none());
}

#[tokio::test(start_paused = true)]
async fn one_read_proves_an_available_snapshot_and_two_prove_a_deleted_one() {
    let harness = Harness::new(world());
    let request = harness.request("orders", Task::CreateSnapshotOnly, false);
    let (there, gone) = (request.snapshot_identifier.clone(), Names::rename_first(&request).replacement_snapshot);
    let call = harness.rds().create_db_snapshot().db_instance_identifier("orders").db_snapshot_identifier(&there);
    call.send().await.unwrap();
    tokio::time::sleep(Duration::from_secs(3_600)).await;
    for (goal, looks) in
        [(Goal::SnapshotAvailable { identifier: there }, 1), (Goal::SnapshotGone { identifier: gone }, 2)]
    {
        let before = harness.simulator.requests().len();
        let mut event = waiting(&request, goal.clone());
        event.task.taskname = TaskName::SnapshotCreation;
        assert_eq!(wait_instance(&harness, event).await.unwrap().task, WaitStatus::Complete);
        assert_eq!(harness.simulator.requests().len() - before, looks, "{goal:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_goal_that_was_just_met_is_read_again_at_once() {
    let harness = Harness::new(world());
    let request = harness.request("shop", Task::DbRestore, true);
    let goal = Goal::Available { identifier: named("shop"), resource_id: None, members: Vec::new() };
    let first_look = async |task: StepOutput| {
        let (began, before) = (harness.simulator.now(), harness.simulator.requests().len());
        let event = WaitEvent { request: request.clone(), task, rollback_started_at: None, execution: None };
        assert_eq!(wait_cluster(&harness, event).await.unwrap().task, WaitStatus::Complete);
        harness.simulator.requests()[before].at.saturating_sub(began)
    };
    let step = || StepOutput::done(TaskName::ClusterRestore, "shop");
    assert!(first_look(step().waiting_for(goal.clone())).await >= Duration::from_secs(240));
    assert!(first_look(step().confirming(goal)).await < Duration::from_secs(60));
}

#[tokio::test(start_paused = true)]
async fn a_cluster_is_ready_only_when_its_members_are() {
    let harness = Harness::new(world());
    let request = harness.request("shop", Task::DbRestore, true);
    rename(&harness, "shop-2", "shop-2-temp").await;
    let members =
        ["shop-1", "shop-2-temp"].map(|name| MemberGoal { identifier: named(name), resource_id: None }).into();
    let goal = Goal::Available { identifier: named("shop"), resource_id: None, members };
    let answer = wait_cluster(&harness, waiting(&request, goal)).await.unwrap();
    assert_eq!(answer.task, WaitStatus::Complete);
    let member = harness.simulator.state().instance("shop-2-temp").expect("an instance of this name").clone();
    assert!(!member.busy && member.answers);
}

/// Waits until a renamed member is available in its cluster, and counts the reads of clusters and of members.
async fn looks_while_a_member_is_renamed(is_rollback: bool) -> [usize; 2] {
    let harness = Harness::new(world());
    let request = harness.request("shop", Task::DbRestore, true);
    rename(&harness, "shop-2", "shop-2-temp").await;
    let members = vec![MemberGoal { identifier: named("shop-2-temp"), resource_id: None }];
    let goal = Goal::Available { identifier: named("shop"), resource_id: None, members };
    let mut event = waiting(&request, goal);
    event.rollback_started_at = is_rollback.then(|| harness.wall_clock().into());
    let answer = wait_cluster(&harness, event).await.unwrap();
    assert_eq!(answer.observed, "shop available, shop-2-temp available");
    let requests = harness.simulator.requests();
    ["DescribeDBClusters", "DescribeDBInstances"]
        .map(|action| requests.iter().filter(|request| request.action == action).count())
}

#[tokio::test(start_paused = true)]
async fn a_wait_reads_only_the_missing_parts() {
    let [clusters, members] = looks_while_a_member_is_renamed(false).await;
    assert!(clusters <= 2 && members > 3 * clusters, "{clusters} reads of the cluster, {members} of the member");
}

#[tokio::test(start_paused = true)]
async fn at_the_end_of_a_rollback_every_read_covers_cluster_and_members() {
    let [clusters, _] = looks_while_a_member_is_renamed(true).await;
    assert!(clusters >= 6, "{clusters} reads of the cluster");
}

#[tokio::test(start_paused = true)]
async fn an_operation_that_takes_minutes_is_not_read_at_once() {
    let harness = Harness::new(world());
    let request = harness.request("orders", Task::DbRestore, false);
    let goal = Goal::Gone { resource_ids: vec![resource_id(&harness, "orders")] };
    harness.rds().delete_db_instance().db_instance_identifier("orders").skip_final_snapshot(true).send().await.unwrap();
    let mut event = waiting(&request, goal);
    event.task.taskname = TaskName::Delete;
    wait_instance(&harness, event).await.unwrap();
    let first = harness.simulator.requests().into_iter().find(|request| request.action == "DescribeDBInstances");
    assert!(first.is_some_and(|look| look.at.as_secs() >= 60));
}

#[tokio::test(start_paused = true)]
async fn a_wait_lasts_until_the_members_are_gone_and_another_until_the_cluster_is() {
    let harness = Harness::new(world());
    let request = harness.request("shop", Task::DbRestore, true);
    let rds = harness.rds();
    let members = ["shop-1", "shop-2"];
    let resource_ids = members.map(|member| resource_id(&harness, member)).to_vec();
    for member in members {
        rds.delete_db_instance().db_instance_identifier(member).skip_final_snapshot(true).send().await.unwrap();
    }
    let answer = wait_cluster(&harness, waiting(&request, Goal::MembersGone { resource_ids })).await.unwrap();
    assert_eq!(answer.task, WaitStatus::Complete);
    assert!(members.iter().all(|member| harness.simulator.state().instance(member).is_none()));

    let resource_ids = vec![harness.simulator.state().cluster("shop").expect("still there").resource_id.clone()];
    rds.delete_db_cluster().db_cluster_identifier("shop").skip_final_snapshot(true).send().await.unwrap();
    let answer = wait_cluster(&harness, waiting(&request, Goal::Gone { resource_ids })).await.unwrap();
    assert_eq!(answer.task, WaitStatus::Complete);
    assert!(harness.simulator.state().cluster("shop").is_none());
}

#[tokio::test(start_paused = true)]
async fn a_wait_for_the_members_of_an_instance_is_an_internal_error() {
    let harness = Harness::new(world());
    let request = harness.request("orders", Task::DbRestore, false);
    let goal = Goal::MembersGone { resource_ids: vec!["db-1".to_owned()] };
    let error = wait_instance(&harness, waiting(&request, goal)).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Internal);
}
