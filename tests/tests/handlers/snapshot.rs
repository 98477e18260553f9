//! Handlers of the snapshot crate.

use rds_simulator::{Fault, FaultRule, Outcome, SnapshotState};
use serde_json::json;
use trapheus_common::document::{OriginalCluster, OriginalInstance, SnapshotReplacement, StepEvent, StepOutput, Task};
use trapheus_common::wait::Goal;
use trapheus_common::{ErrorKind, Result, tags};
use trapheus_snapshot::{cluster, instance};
use trapheus_tests::{EXECUTION, Harness, OTHER_EXECUTION};

const TASK: Task = Task::CreateSnapshot;

fn world() -> Harness {
    Harness::new(json!({
        "instances": [
            {"identifier": "orders", "engine": "postgres", "tags": {"team": "a"},
             "settings": {"copyTagsToSnapshot": true}},
            {"identifier": "billing", "engine": "postgres"},
        ],
        "clusters": [
            {"identifier": "shop", "engine": "aurora-postgresql", "tags": {"team": "a"},
             "members": [{"identifier": "shop-1"}]},
            {"identifier": "stock", "engine": "postgres"},
        ],
    }))
}

/// Takes the snapshot of a DB instance to the end.
async fn run(harness: &Harness, event: &StepEvent<OriginalInstance>) -> Result<StepOutput> {
    let step = async || instance::snapshot(harness.rds(), event.clone()).await;
    harness.run_instance(&event.request, step).await
}

async fn run_cluster(harness: &Harness, event: &StepEvent<OriginalCluster>) -> Result<StepOutput> {
    let step = async || cluster::snapshot(harness.rds(), event.clone()).await;
    harness.run_cluster(&event.request, step).await
}

/// Takes an existing snapshot, by hand or as an earlier run left it.
async fn has_snapshot(harness: &Harness, of: &str, name: &str, taken_by: Option<&str>) {
    let mark = taken_by.map(|execution| tags::mark(execution, tags::Role::Snapshot).into());
    let call = harness.rds().create_db_snapshot().db_instance_identifier(of).db_snapshot_identifier(name);
    call.set_tags(mark).send().await.unwrap();
    harness.settle().await;
}

async fn has_cluster_snapshot(harness: &Harness, of: &str, name: &str, taken_by: Option<&str>) {
    let mark = taken_by.map(|execution| tags::mark(execution, tags::Role::Snapshot).into());
    let call = harness.rds().create_db_cluster_snapshot().db_cluster_identifier(of);
    call.db_cluster_snapshot_identifier(name).set_tags(mark).send().await.unwrap();
    harness.settle().await;
}

fn inject(harness: &Harness, action: &str, fault: Fault) {
    let rule = FaultRule { action: action.into(), identifier: None, caller: None, occurrence: 1, times: 1, fault };
    harness.simulator.inject(rule);
}

/// The number of times that RDS carried out an action.
fn accepted(harness: &Harness, action: &str) -> usize {
    let requests = harness.simulator.requests();
    requests
        .iter()
        .filter(|request| request.action == action && matches!(request.outcome, Outcome::Ok | Outcome::ResponseLost))
        .count()
}

fn named<S: Clone>(snapshots: &[SnapshotState<S>]) -> Vec<(&str, &str)> {
    snapshots.iter().map(|snapshot| (snapshot.identifier.as_str(), snapshot.status.as_ref())).collect()
}

#[tokio::test(start_paused = true)]
async fn a_first_snapshot_is_taken_directly_with_the_databases_tags_and_our_claim() {
    let harness = world();
    let event = harness.claimed_instance("orders", TASK).await;
    let output = run(&harness, &event).await.unwrap();
    assert_eq!(output.identifier, "orders-snapshot");
    let state = harness.simulator.state();
    assert_eq!(named(&state.snapshots), [("orders-snapshot", "available")]);
    let mut marked = vec![("team", "a"), (tags::EXECUTION, EXECUTION), (tags::ROLE, "snapshot")];
    marked.sort_unstable();
    let found = &state.snapshot("orders-snapshot").unwrap().tags;
    assert_eq!(found.iter().map(|(key, value)| (key.as_str(), value.as_str())).collect::<Vec<_>>(), marked);
}

#[tokio::test(start_paused = true)]
async fn tags_are_not_copied_unless_the_database_copies_them() {
    let harness = world();
    let event = harness.claimed_cluster("shop", TASK).await;
    run_cluster(&harness, &event).await.unwrap();
    let state = harness.simulator.state();
    let found = &state.cluster_snapshot("shop-snapshot").unwrap().tags;
    assert_eq!(found.keys().collect::<Vec<_>>(), [tags::EXECUTION, tags::ROLE]);
}

#[tokio::test(start_paused = true)]
async fn a_snapshot_that_this_run_took_is_not_taken_again() {
    let harness = world();
    let event = harness.claimed_instance("orders", TASK).await;
    run(&harness, &event).await.unwrap();
    let again = instance::snapshot(harness.rds(), event).await.unwrap();
    assert_eq!((again.wait_for, again.more), (None, false));
    assert_eq!(accepted(&harness, "CreateDBSnapshot"), 1);
}

#[tokio::test(start_paused = true)]
async fn a_lost_answer_does_not_take_a_second_snapshot() {
    for action in ["CreateDBSnapshot", "CopyDBSnapshot", "DeleteDBSnapshot"] {
        let harness = world();
        let event = harness.claimed_instance("orders", TASK).await;
        has_snapshot(&harness, "orders", "orders-snapshot", None).await;
        inject(&harness, action, Fault::ResponseLost {});
        run(&harness, &event).await.unwrap();
        assert_eq!(named(&harness.simulator.state().snapshots), [("orders-snapshot", "available")], "{action}");
        assert_eq!(accepted(&harness, "CopyDBSnapshot"), 1, "{action}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_step_called_twice_each_time_has_the_effect_of_one_call() {
    let harness = world();
    let event = harness.claimed_instance("orders", TASK).await;
    has_snapshot(&harness, "orders", "orders-snapshot", None).await;
    let step = async || {
        instance::snapshot(harness.rds(), event.clone()).await?;
        instance::snapshot(harness.rds(), event.clone()).await
    };
    harness.run_instance(&event.request, step).await.unwrap();
    assert_eq!(named(&harness.simulator.state().snapshots), [("orders-snapshot", "available")]);
    assert_eq!((accepted(&harness, "CreateDBSnapshot"), accepted(&harness, "CopyDBSnapshot")), (2, 1));
}

#[tokio::test(start_paused = true)]
async fn a_replacement_leaves_a_snapshot_available_at_every_moment() {
    let harness = world();
    let event = harness.claimed_instance("orders", TASK).await;
    has_snapshot(&harness, "orders", "orders-snapshot", None).await;
    let before = harness.simulator.state().snapshot("orders-snapshot").unwrap().created_seconds;
    let check = || {
        let state = harness.simulator.state();
        assert!(state.snapshots.iter().any(|snapshot| snapshot.status == "available"), "{:?}", named(&state.snapshots));
    };
    let step = async || {
        check();
        let output = instance::snapshot(harness.rds(), event.clone()).await;
        check();
        output
    };
    harness.run_instance(&event.request, step).await.unwrap();
    let state = harness.simulator.state();
    assert_eq!(named(&state.snapshots), [("orders-snapshot", "available")]);
    let new = state.snapshot("orders-snapshot").unwrap();
    assert!(new.created_seconds > before);
    assert_eq!(new.tags.get("team").map(String::as_str), Some("a"), "the copy keeps the database's tags");
    assert_eq!(new.tags.get(tags::EXECUTION).map(String::as_str), Some(EXECUTION));
}

#[tokio::test(start_paused = true)]
async fn the_snapshots_of_both_kinds_of_cluster_are_replaced() {
    for identifier in ["shop", "stock"] {
        let harness = world();
        let event = harness.claimed_cluster(identifier, TASK).await;
        let name = format!("{identifier}-snapshot");
        has_cluster_snapshot(&harness, identifier, &name, None).await;
        let step = async || {
            let state = harness.simulator.state();
            assert!(state.cluster_snapshots.iter().any(|snapshot| snapshot.status == "available"));
            cluster::snapshot(harness.rds(), event.clone()).await
        };
        harness.run_cluster(&event.request, step).await.unwrap();
        let state = harness.simulator.state();
        assert_eq!(named(&state.cluster_snapshots), [(name.as_str(), "available")]);
        assert_eq!(state.cluster_snapshots[0].tags.get(tags::EXECUTION).map(String::as_str), Some(EXECUTION));
        // RDS copies no snapshots of Multi-AZ DB clusters.
        assert_eq!(accepted(&harness, "CopyDBClusterSnapshot"), usize::from(identifier == "shop"));
    }
}

#[tokio::test(start_paused = true)]
async fn delete_first_deletes_then_creates() {
    let harness = world();
    let mut event = harness.claimed_instance("orders", TASK).await;
    event.request.options.snapshot_replacement = SnapshotReplacement::DeleteFirst;
    has_snapshot(&harness, "orders", "orders-snapshot", None).await;
    let first = instance::snapshot(harness.rds(), event.clone()).await.unwrap();
    assert_eq!(first.wait_for, Some(Goal::SnapshotGone { identifier: event.request.snapshot_identifier.clone() }));
    run(&harness, &event).await.unwrap();
    assert_eq!(named(&harness.simulator.state().snapshots), [("orders-snapshot", "available")]);
    assert_eq!(accepted(&harness, "CopyDBSnapshot"), 0);
}

#[tokio::test(start_paused = true)]
async fn an_interrupted_replacement_is_finished_before_a_new_one_begins() {
    let harness = world();
    let event = harness.claimed_instance("orders", TASK).await;
    has_snapshot(&harness, "orders", "orders-temp", Some(OTHER_EXECUTION)).await;
    let step = async || {
        let state = harness.simulator.state();
        assert!(state.snapshots.iter().any(|snapshot| snapshot.status == "available"));
        instance::snapshot(harness.rds(), event.clone()).await
    };
    harness.run_instance(&event.request, step).await.unwrap();
    let state = harness.simulator.state();
    assert_eq!(named(&state.snapshots), [("orders-snapshot", "available")]);
    let new = state.snapshot("orders-snapshot").unwrap();
    assert_eq!(new.tags.get(tags::EXECUTION).map(String::as_str), Some(EXECUTION), "the snapshot is this run's");
    assert_eq!(accepted(&harness, "CopyDBSnapshot"), 2);
}

#[tokio::test(start_paused = true)]
async fn an_unneeded_staging_snapshot_is_removed() {
    let harness = world();
    let event = harness.claimed_instance("orders", TASK).await;
    has_snapshot(&harness, "orders", "orders-temp", Some(OTHER_EXECUTION)).await;
    has_snapshot(&harness, "orders", "orders-snapshot", None).await;
    let first = instance::snapshot(harness.rds(), event.clone()).await.unwrap();
    let staging = event.plan.names.replacement_snapshot.clone();
    assert_eq!(first.wait_for, Some(Goal::SnapshotGone { identifier: staging }));
    run(&harness, &event).await.unwrap();
    assert_eq!(named(&harness.simulator.state().snapshots), [("orders-snapshot", "available")]);
}

#[tokio::test(start_paused = true)]
async fn a_foreign_snapshot_is_refused_and_kept() {
    for (of, name) in [("billing", "orders-snapshot"), ("orders", "orders-temp"), ("billing", "orders-temp")] {
        for replacement in [SnapshotReplacement::KeepUntilReplaced, SnapshotReplacement::DeleteFirst] {
            if replacement == SnapshotReplacement::DeleteFirst && name == "orders-temp" {
                continue;
            }
            let harness = world();
            let mut event = harness.claimed_instance("orders", TASK).await;
            event.request.options.snapshot_replacement = replacement;
            has_snapshot(&harness, of, name, None).await;
            let error = instance::snapshot(harness.rds(), event).await.unwrap_err();
            assert_eq!(error.kind(), ErrorKind::SnapshotCreation);
            assert!(error.report().contains(name), "{}", error.report());
            assert_eq!(named(&harness.simulator.state().snapshots), [(name, "available")]);
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_cluster_snapshot_of_another_cluster_is_refused_and_kept() {
    let harness = world();
    let event = harness.claimed_cluster("shop", TASK).await;
    has_cluster_snapshot(&harness, "stock", "shop-snapshot", None).await;
    let error = cluster::snapshot(harness.rds(), event).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::SnapshotCreation);
    assert!(error.report().contains("stock"), "{}", error.report());
    assert_eq!(named(&harness.simulator.state().cluster_snapshots), [("shop-snapshot", "available")]);
}

#[tokio::test(start_paused = true)]
async fn a_failed_snapshot_ends_the_step_and_the_old_one_is_kept() {
    let harness = world();
    let event = harness.claimed_instance("orders", TASK).await;
    has_snapshot(&harness, "orders", "orders-snapshot", None).await;
    inject(&harness, "CreateDBSnapshot", Fault::EndsIn { status: "failed".into() });
    assert_eq!(run(&harness, &event).await.unwrap_err().kind(), ErrorKind::SnapshotCreation);
    let error = instance::snapshot(harness.rds(), event).await.unwrap_err();
    assert!(error.report().contains("orders-temp") && error.report().contains("failed"), "{}", error.report());
    harness.settle().await;
    assert_eq!(named(&harness.simulator.state().snapshots), [("orders-snapshot", "available")]);
}

#[tokio::test(start_paused = true)]
async fn a_failed_copy_ends_the_step_and_the_new_snapshot_is_kept_for_the_next_run() {
    let harness = world();
    let mut event = harness.claimed_instance("orders", TASK).await;
    has_snapshot(&harness, "orders", "orders-snapshot", None).await;
    inject(&harness, "CopyDBSnapshot", Fault::EndsIn { status: "failed".into() });
    run(&harness, &event).await.unwrap_err();
    let error = instance::snapshot(harness.rds(), event.clone()).await.unwrap_err();
    assert!(error.report().contains("kept as orders-temp"), "{}", error.report());
    harness.settle().await;
    assert_eq!(named(&harness.simulator.state().snapshots), [("orders-temp", "available")]);
    // The next run.
    event.request.execution = OTHER_EXECUTION.into();
    let database = harness.simulator.state().instance("orders").unwrap().arn.clone();
    let mark = tags::mark(OTHER_EXECUTION, tags::Role::Original);
    trapheus_common::rds::add_tags(harness.rds(), &database, mark).await.unwrap();
    run(&harness, &event).await.unwrap();
    let state = harness.simulator.state();
    assert_eq!(named(&state.snapshots), [("orders-snapshot", "available")]);
    assert_eq!(state.snapshots[0].tags.get(tags::EXECUTION).map(String::as_str), Some(OTHER_EXECUTION));
}

#[tokio::test(start_paused = true)]
async fn a_snapshot_waits_for_a_busy_database() {
    let harness = world();
    let event = harness.claimed_instance("orders", TASK).await;
    let by_hand = harness.rds().create_db_snapshot().db_instance_identifier("orders").db_snapshot_identifier("by-hand");
    by_hand.send().await.unwrap();
    let first = instance::snapshot(harness.rds(), event.clone()).await.unwrap();
    assert!(matches!(first.wait_for, Some(Goal::Available { .. })) && first.more, "{first:?}");
    run(&harness, &event).await.unwrap();
    let state = harness.simulator.state();
    assert_eq!(named(&state.snapshots), [("by-hand", "available"), ("orders-snapshot", "available")]);
}

#[tokio::test(start_paused = true)]
async fn an_exceeded_quota_ends_the_step_and_the_old_snapshot_is_kept() {
    let harness = world();
    let event = harness.claimed_instance("orders", TASK).await;
    has_snapshot(&harness, "orders", "orders-snapshot", None).await;
    let fault = Fault::Error { code: "SnapshotQuotaExceeded".into(), message: "no room".into() };
    inject(&harness, "CreateDBSnapshot", fault);
    let error = run(&harness, &event).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::SnapshotCreation);
    assert!(error.report().contains("SnapshotQuotaExceeded"), "{}", error.report());
    assert_eq!(named(&harness.simulator.state().snapshots), [("orders-snapshot", "available")]);
}

#[tokio::test(start_paused = true)]
async fn a_denied_call_is_reported_as_denied() {
    let harness = world();
    let event = harness.claimed_instance("orders", TASK).await;
    inject(&harness, "CreateDBSnapshot", Fault::Denied {});
    assert_eq!(run(&harness, &event).await.unwrap_err().kind(), ErrorKind::AccessDenied);
}

#[tokio::test(start_paused = true)]
async fn without_the_claim_no_snapshot_is_taken() {
    let harness = world();
    let mut event = harness.claimed_instance("orders", TASK).await;
    event.request.execution = OTHER_EXECUTION.into();
    assert_eq!(instance::snapshot(harness.rds(), event).await.unwrap_err().kind(), ErrorKind::Claim);
    let mut event = harness.claimed_cluster("shop", TASK).await;
    event.request.execution = OTHER_EXECUTION.into();
    assert_eq!(cluster::snapshot(harness.rds(), event).await.unwrap_err().kind(), ErrorKind::Claim);
    let state = harness.simulator.state();
    assert!(state.snapshots.is_empty() && state.cluster_snapshots.is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_database_of_another_resource_id_does_not_count_as_the_original() {
    let harness = world();
    let mut event = harness.claimed_instance("orders", TASK).await;
    event.plan.original.resource_id = "db-SOMEBODYELSES".into();
    let error = instance::snapshot(harness.rds(), event).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InstanceUnavailable);
    assert!(harness.simulator.state().snapshots.is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_database_that_a_person_renamed_is_left_alone() {
    let harness = world();
    let event = harness.claimed_instance("orders", TASK).await;
    let call = harness.rds().modify_db_instance().db_instance_identifier("orders");
    call.new_db_instance_identifier("orders-old").apply_immediately(true).send().await.unwrap();
    harness.settle().await;
    let error = instance::snapshot(harness.rds(), event).await.unwrap_err();
    assert!(error.report().contains("orders-old"), "{}", error.report());
    assert!(harness.simulator.state().snapshots.is_empty());
}
