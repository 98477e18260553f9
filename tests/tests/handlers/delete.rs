//! Handlers of the delete crate.

use aws_sdk_rds::types::{DbCluster, DbInstance};
use rds_simulator::{Fault, FaultRule, Outcome};
use serde_json::{Value, json};
use trapheus_common::document::{
    Commit, DeleteEvent, NameRole, OriginalCluster, OriginalInstance, StepEvent, StepOutput, Task, TaskName,
};
use trapheus_common::wait::Goal;
use trapheus_common::{ErrorKind, Result, rds, tags};
use trapheus_delete::{cluster, instance};
use trapheus_tests::{EXECUTION, Harness, OTHER_EXECUTION};

const TASK: Task = Task::DbRestore;

fn world_with(more: &Value) -> Harness {
    let mut world = json!({
        "instances": [
            {"identifier": "orders", "engine": "postgres", "tags": {"team": "a"},
             "settings": {"deletionProtection": true, "backupRetentionPeriod": 7}},
            {"identifier": "billing", "engine": "postgres"},
        ],
        "clusters": [
            {"identifier": "shop", "engine": "aurora-postgresql", "settings": {"deletionProtection": true},
             "members": [{"identifier": "shop-1"}, {"identifier": "shop-2"}]},
            {"identifier": "stock", "engine": "postgres"},
            {"identifier": "ledger", "engine": "aurora-postgresql", "members": [{"identifier": "ledger-1"}]},
        ],
        "snapshots": [{"identifier": "orders-snapshot", "source": "orders"}],
        "clusterSnapshots": [
            {"identifier": "shop-snapshot", "source": "shop"},
            {"identifier": "stock-snapshot", "source": "stock"},
        ],
    });
    let world_fields = world.as_object_mut().expect("an object");
    world_fields.extend(more.as_object().expect("an object").clone());
    Harness::new(world)
}

fn world() -> Harness {
    world_with(&json!({}))
}

fn inject(harness: &Harness, action: &str, fault: Fault) {
    let rule = FaultRule { action: action.into(), identifier: None, caller: None, occurrence: 1, times: 1, fault };
    harness.simulator.inject(rule);
}

/// The requests of an action that were carried out.
fn accepted(harness: &Harness, action: &str) -> Vec<std::collections::BTreeMap<String, String>> {
    let requests = harness.simulator.requests();
    let is_done = |outcome: &Outcome| matches!(outcome, Outcome::Ok | Outcome::ResponseLost);
    let done = requests.into_iter().filter(|request| request.action == action && is_done(&request.outcome));
    done.map(|request| request.parameters).collect()
}

fn deletions(harness: &Harness) -> usize {
    accepted(harness, "DeleteDBInstance").len() + accepted(harness, "DeleteDBCluster").len()
}

fn instances(harness: &Harness) -> Vec<String> {
    harness.simulator.state().instances.into_iter().map(|found| found.identifier).collect()
}

fn clusters(harness: &Harness) -> Vec<String> {
    harness.simulator.state().clusters.into_iter().map(|found| found.identifier).collect()
}

fn resource_id(harness: &Harness, identifier: &str) -> Option<String> {
    harness.simulator.state().instance(identifier).map(|found| found.resource_id.clone())
}

fn cluster_resource_id(harness: &Harness, identifier: &str) -> Option<String> {
    harness.simulator.state().cluster(identifier).map(|found| found.resource_id.clone())
}

/// Claims the original and renames it to its parked name, as a run does.
async fn moved_away(harness: &Harness) -> StepEvent<OriginalInstance> {
    let event = Box::pin(harness.claimed_instance("orders", TASK)).await;
    let rename = Harness::parking(&event);
    let step = async || trapheus_rename::instance::rename(harness.rds(), rename.clone()).await;
    harness.run_instance(&event.request, step).await.unwrap();
    event
}

async fn cluster_moved_away(harness: &Harness, identifier: &str) -> StepEvent<OriginalCluster> {
    let event = Box::pin(harness.claimed_cluster(identifier, TASK)).await;
    let rename = Harness::parking(&event);
    let step = async || trapheus_rename::cluster::rename(harness.rds(), rename.clone()).await;
    harness.run_cluster(&event.request, step).await.unwrap();
    event
}

/// Begins to restore a DB instance under the original's name.
async fn begin_restore(harness: &Harness) {
    let call = harness.rds().restore_db_instance_from_db_snapshot().db_instance_identifier("orders");
    let mark = tags::mark(EXECUTION, tags::Role::Restored).into();
    let call = call.db_snapshot_identifier("orders-snapshot").set_tags(Some(mark));
    Box::pin(call.send()).await.unwrap();
}

async fn begin_cluster_restore(harness: &Harness, identifier: &str, engine: &str) {
    let call = harness.rds().restore_db_cluster_from_snapshot().db_cluster_identifier(identifier).engine(engine);
    let call = call.snapshot_identifier(format!("{identifier}-snapshot"));
    let call = if engine == "postgres" { call.db_cluster_instance_class("db.m6gd.large") } else { call };
    let mark = tags::mark(EXECUTION, tags::Role::Restored).into();
    Box::pin(call.set_tags(Some(mark)).send()).await.unwrap();
}

async fn add_member(harness: &Harness, cluster: &str, name: &str, execution: Option<&str>) {
    let call = harness.rds().create_db_instance().db_instance_identifier(name).db_cluster_identifier(cluster);
    let mark = execution.map(|execution| tags::mark(execution, tags::Role::Restored).into());
    let call = call.engine("aurora-postgresql").db_instance_class("db.r6g.large").set_tags(mark);
    Box::pin(call.send()).await.unwrap();
}

/// A whole run up to the deletion.
async fn restored(harness: &Harness) -> DeleteEvent<OriginalInstance> {
    let event = moved_away(harness).await;
    begin_restore(harness).await;
    harness.settle().await;
    let resource_id = resource_id(harness, "orders").expect("a restored database");
    let commit = Harness::committing(&event, &resource_id);
    let commit =
        trapheus_commit::commit::<DbInstance, OriginalInstance>(harness.rds(), commit).await.expect("a commit");
    let protect = async || trapheus_settings::instance::protect(harness.rds(), Harness::restored(&event)).await;
    harness.run_instance(&event.request, protect).await.expect("a verified database is protected");
    deleting(event, commit)
}

async fn cluster_restored(harness: &Harness, identifier: &str, engine: &str) -> DeleteEvent<OriginalCluster> {
    let event = cluster_moved_away(harness, identifier).await;
    begin_cluster_restore(harness, identifier, engine).await;
    harness.settle().await;
    for member in event.plan.original.own_members() {
        add_member(harness, identifier, member.target.identifier().as_str(), Some(EXECUTION)).await;
    }
    harness.settle().await;
    let resource_id = cluster_resource_id(harness, identifier).expect("a restored database");
    let commit = Harness::committing(&event, &resource_id);
    let commit = trapheus_commit::commit::<DbCluster, OriginalCluster>(harness.rds(), commit).await.expect("a commit");
    let protect = async || trapheus_settings::cluster::protect(harness.rds(), Harness::restored(&event)).await;
    harness.run_cluster(&event.request, protect).await.expect("a verified cluster is protected");
    deleting(event, commit)
}

/// The payload of the deletion of an original under its parked name.
fn deleting<O>(StepEvent { request, plan }: StepEvent<O>, commit: Commit) -> DeleteEvent<O> {
    DeleteEvent { request, plan, at: NameRole::Parked, successor_at: NameRole::Service, commit }
}

fn committed(resource_id: &str) -> Commit {
    let (taskname, identifier) = (TaskName::Commit, "restored".to_owned());
    Commit { taskname, identifier, resource_id: resource_id.to_owned() }
}

async fn delete(harness: &Harness, event: &DeleteEvent<OriginalInstance>) -> Result<StepOutput> {
    let step = async || instance::delete(harness.rds(), event.clone()).await;
    harness.run_instance(&event.request, step).await
}

async fn delete_cluster(harness: &Harness, event: &DeleteEvent<OriginalCluster>) -> Result<StepOutput> {
    let step = async || cluster::delete(harness.rds(), event.clone()).await;
    harness.run_cluster(&event.request, step).await
}

async fn discard(harness: &Harness, event: &StepEvent<OriginalInstance>) -> Result<StepOutput> {
    let event = harness.discarding(event);
    let step = async || instance::discard(harness.rds(), event.clone(), harness.invocation()).await;
    harness.run_instance(&event.request, step).await
}

async fn discard_cluster(harness: &Harness, event: &StepEvent<OriginalCluster>) -> Result<StepOutput> {
    let event = harness.discarding(event);
    let step = async || cluster::discard(harness.rds(), event.clone(), harness.invocation()).await;
    harness.run_cluster(&event.request, step).await
}

// Deleting the original

#[tokio::test(start_paused = true)]
async fn the_original_is_deleted_and_the_restored_database_stays() {
    let harness = world();
    let event = restored(&harness).await;
    let output = delete(&harness, &event).await.unwrap();
    assert_eq!(output.identifier, "orders-temp");
    assert_eq!(instances(&harness).iter().filter(|name| name.starts_with("orders")).count(), 1);
    assert_eq!(resource_id(&harness, "orders"), Some(event.commit.resource_id));
    let [request] = accepted(&harness, "DeleteDBInstance").try_into().expect("one deletion");
    assert_eq!(request["DBInstanceIdentifier"], "orders-temp");
    assert_eq!((request["SkipFinalSnapshot"].as_str(), request["DeleteAutomatedBackups"].as_str()), ("true", "false"));
}

#[tokio::test(start_paused = true)]
async fn an_original_deleted_or_in_deletion_is_not_deleted_again() {
    let harness = world();
    let event = restored(&harness).await;
    instance::delete(harness.rds(), event.clone()).await.unwrap();
    let going = instance::delete(harness.rds(), event.clone()).await.unwrap();
    assert!(going.wait_for.is_some() && !going.more);
    delete(&harness, &event).await.unwrap();
    let original = event.plan.original.resource_id.clone();
    let gone = delete(&harness, &event).await.unwrap();
    assert_eq!(
        gone.wait_for,
        Some(Goal::FoundAgain { resource_id: original, until: None }),
        "a single read does not prove the deletion"
    );
    assert!(gone.wait.is_some_and(|wait| wait.gone));
    assert_eq!(deletions(&harness), 1);
}

#[tokio::test(start_paused = true)]
async fn a_lost_answer_is_no_failure() {
    for action in ["DeleteDBInstance", "ModifyDBInstance"] {
        let harness = world();
        let event = restored(&harness).await;
        inject(&harness, action, Fault::ResponseLost {});
        delete(&harness, &event).await.unwrap();
        assert_eq!(resource_id(&harness, "orders-temp"), None, "{action}");
        assert_eq!(deletions(&harness), 1, "{action}");
    }
    for action in ["DeleteDBInstance", "ModifyDBCluster", "DeleteDBCluster"] {
        let harness = world();
        let event = cluster_restored(&harness, "shop", "aurora-postgresql").await;
        inject(&harness, action, Fault::ResponseLost {});
        delete_cluster(&harness, &event).await.unwrap();
        assert_eq!(clusters(&harness), ["ledger", "shop", "stock"], "{action}");
    }
}

#[tokio::test(start_paused = true)]
async fn without_the_claim_nothing_is_deleted() {
    let harness = world();
    let mut event = restored(&harness).await;
    event.request.execution = OTHER_EXECUTION.into();
    assert_eq!(delete(&harness, &event).await.unwrap_err().kind(), ErrorKind::Claim);
    let mut event = cluster_restored(&harness, "shop", "aurora-postgresql").await;
    event.request.execution = OTHER_EXECUTION.into();
    assert_eq!(delete_cluster(&harness, &event).await.unwrap_err().kind(), ErrorKind::Claim);
    assert_eq!(deletions(&harness), 0);
}

#[tokio::test(start_paused = true)]
async fn a_database_of_another_resource_id_is_never_deleted() {
    let harness = world();
    let mut event = restored(&harness).await;
    event.plan.original.resource_id = "db-SOMEBODYELSES".into();
    delete(&harness, &event).await.unwrap();
    assert_eq!(deletions(&harness), 0);
    assert!(resource_id(&harness, "orders-temp").is_some());
}

#[tokio::test(start_paused = true)]
async fn an_original_under_its_own_name_is_never_deleted() {
    let harness = world();
    let event = harness.claimed_instance("orders", TASK).await;
    let billing = resource_id(&harness, "billing").unwrap();
    let event = deleting(event, committed(&billing));
    let error = delete(&harness, &event).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Deletion);
    let event = harness.claimed_cluster("shop", TASK).await;
    let ledger = cluster_resource_id(&harness, "ledger").unwrap();
    let event = deleting(event, committed(&ledger));
    assert_eq!(delete_cluster(&harness, &event).await.unwrap_err().kind(), ErrorKind::Deletion);
    assert_eq!(deletions(&harness), 0);
}

#[tokio::test(start_paused = true)]
async fn without_the_verified_successor_the_original_is_kept_and_stays_protected() {
    let harness = world();
    let mut event = restored(&harness).await;
    event.commit.resource_id = "db-ANOTHER".into();
    let error = delete(&harness, &event).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Deletion);
    assert!(error.report().contains("db-ANOTHER"), "{}", error.report());
    let call = harness.rds().modify_db_instance().db_instance_identifier("orders").deletion_protection(false);
    Box::pin(call.apply_immediately(true).send()).await.unwrap();
    harness.settle().await;
    let call = harness.rds().delete_db_instance().db_instance_identifier("orders").skip_final_snapshot(true);
    call.send().await.unwrap();
    let error = delete(&harness, &event).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Deletion);
    harness.settle().await;
    let error = delete(&harness, &event).await.unwrap_err();
    assert!(error.report().contains("nothing is under orders"), "{}", error.report());
    let state = harness.simulator.state();
    assert_eq!(state.instance("orders-temp").unwrap().settings.deletion_protection, Some(true));
}

#[tokio::test(start_paused = true)]
async fn a_cluster_without_its_verified_successor_is_kept_with_its_members_and_protection() {
    let harness = world();
    let mut event = cluster_restored(&harness, "shop", "aurora-postgresql").await;
    event.commit.resource_id = "cluster-ANOTHER".into();
    assert_eq!(delete_cluster(&harness, &event).await.unwrap_err().kind(), ErrorKind::Deletion);
    let state = harness.simulator.state();
    let kept = state.cluster("shop-temp").unwrap();
    assert_eq!((kept.members.len(), kept.settings.deletion_protection), (2, Some(true)));
}

#[tokio::test(start_paused = true)]
async fn an_original_with_a_broken_successor_is_kept() {
    let harness = world();
    let event = moved_away(&harness).await;
    inject(&harness, "RestoreDBInstanceFromDBSnapshot", Fault::EndsIn { status: "storage-full".into() });
    begin_restore(&harness).await;
    harness.settle().await;
    let restored = rds::instance(harness.rds(), "orders").await.unwrap().unwrap();
    let mark = tags::mark(EXECUTION, tags::Role::Verified);
    rds::add_tags(harness.rds(), restored.db_instance_arn().unwrap(), mark).await.unwrap();
    let commit = committed(restored.dbi_resource_id().unwrap());
    let error = delete(&harness, &deleting(event, commit)).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Deletion);
    assert!(error.report().contains("storage-full"), "{}", error.report());
    assert_eq!(deletions(&harness), 0);
}

#[tokio::test(start_paused = true)]
async fn a_deletion_waits_for_a_busy_successor() {
    let harness = world();
    let event = restored(&harness).await;
    let call = harness.rds().create_db_snapshot().db_instance_identifier("orders").db_snapshot_identifier("by-hand");
    call.send().await.unwrap();
    let first = instance::delete(harness.rds(), event.clone()).await.unwrap();
    assert!(first.more);
    assert_eq!(deletions(&harness), 0);
    delete(&harness, &event).await.unwrap();
    assert_eq!(resource_id(&harness, "orders-temp"), None);
}

#[tokio::test(start_paused = true)]
async fn a_deletion_waits_for_a_busy_original() {
    let harness = world_with(&json!({"unverified": {"deleteWhileCreating": true, "protectionInAnyStatus": false}}));
    let event = restored(&harness).await;
    let call = harness.rds().create_db_snapshot().db_instance_identifier("orders-temp");
    call.db_snapshot_identifier("by-hand").send().await.unwrap();
    let first = instance::delete(harness.rds(), event.clone()).await.unwrap();
    assert!(first.more, "{first:?}");
    delete(&harness, &event).await.unwrap();
    assert_eq!(resource_id(&harness, "orders-temp"), None);
}

#[tokio::test(start_paused = true)]
async fn a_final_snapshot_is_taken_if_the_stack_asks_for_it() {
    let harness = world();
    let mut event = restored(&harness).await;
    event.request.options.final_snapshot = true;
    delete(&harness, &event).await.unwrap();
    assert!(harness.simulator.state().snapshot(event.plan.names.final_snapshot.as_str()).is_some());
    let mut event = cluster_restored(&harness, "shop", "aurora-postgresql").await;
    event.request.options.final_snapshot = true;
    delete_cluster(&harness, &event).await.unwrap();
    assert!(harness.simulator.state().cluster_snapshot(event.plan.names.final_snapshot.as_str()).is_some());
}

#[tokio::test(start_paused = true)]
async fn at_the_quota_of_retained_backups_the_original_is_kept_and_the_remedy_reported() {
    let harness = world_with(&json!({"limits": {"retainedBackups": 0}}));
    let event = restored(&harness).await;
    let error = delete(&harness, &event).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Deletion);
    assert!(error.report().contains("quota") && error.report().contains("orders-temp"), "{}", error.report());
    assert!(resource_id(&harness, "orders-temp").is_some());
    let mut event = event;
    event.request.options.keep_automated_backups = false;
    delete(&harness, &event).await.unwrap();
    assert_eq!(resource_id(&harness, "orders-temp"), None);
}

#[tokio::test(start_paused = true)]
async fn an_original_that_a_person_is_renaming_is_kept() {
    let harness = world();
    let event = restored(&harness).await;
    let call = harness.rds().modify_db_instance().db_instance_identifier("orders-temp");
    call.new_db_instance_identifier("orders-old").apply_immediately(true).send().await.unwrap();
    let error = delete(&harness, &event).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Deletion);
    harness.settle().await;
    let error = delete(&harness, &event).await.unwrap_err();
    assert!(error.report().contains("orders-old"), "{}", error.report());
    assert_eq!(deletions(&harness), 0);
}

#[tokio::test(start_paused = true)]
async fn the_members_of_an_aurora_cluster_are_deleted_before_it() {
    let harness = world();
    let event = cluster_restored(&harness, "shop", "aurora-postgresql").await;
    delete_cluster(&harness, &event).await.unwrap();
    assert_eq!(clusters(&harness), ["ledger", "shop", "stock"]);
    let kept = instances(&harness);
    assert!(kept.contains(&"shop-1".to_owned()) && kept.contains(&"shop-2".to_owned()), "{kept:?}");
    assert!(!kept.iter().any(|name| name.ends_with("-temp")), "{kept:?}");
    let again = delete_cluster(&harness, &event).await.unwrap();
    assert!(again.wait.is_some_and(|wait| wait.gone));
    assert_eq!(deletions(&harness), 3);
}

#[tokio::test(start_paused = true)]
async fn of_a_multi_az_cluster_only_the_cluster_is_deleted() {
    let harness = world();
    let event = cluster_restored(&harness, "stock", "postgres").await;
    delete_cluster(&harness, &event).await.unwrap();
    assert_eq!(cluster_resource_id(&harness, "stock-temp"), None);
    assert_eq!(cluster_resource_id(&harness, "stock"), Some(event.commit.resource_id));
    assert_eq!((accepted(&harness, "DeleteDBInstance").len(), accepted(&harness, "DeleteDBCluster").len()), (0, 1));
}

#[tokio::test(start_paused = true)]
async fn a_multi_az_cluster_is_discarded_with_its_members_claimed() {
    let harness = world();
    let event = cluster_moved_away(&harness, "stock").await;
    begin_cluster_restore(&harness, "stock", "postgres").await;
    harness.settle().await;
    discard_cluster(&harness, &event).await.unwrap();
    assert_eq!(cluster_resource_id(&harness, "stock"), None);
    let tagged = accepted(&harness, "AddTagsToResource");
    let as_restored =
        tagged.iter().filter(|request| request.values().any(|value| value == tags::Role::Restored.value()));
    let members = as_restored.filter(|request| request["ResourceName"].contains(":db:stock-instance-")).count();
    assert_eq!(members, 3, "{tagged:?}");
}

#[tokio::test(start_paused = true)]
async fn a_cluster_with_a_member_added_by_a_person_is_kept() {
    let harness = world();
    let event = cluster_restored(&harness, "shop", "aurora-postgresql").await;
    add_member(&harness, "shop-temp", "reports", None).await;
    harness.settle().await;
    let error = delete_cluster(&harness, &event).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Deletion);
    assert!(error.report().contains("reports"), "{}", error.report());
    assert_eq!(deletions(&harness), 0);
    let state = harness.simulator.state();
    assert_eq!(state.cluster("shop-temp").unwrap().settings.deletion_protection, Some(true));
}

// Discarding the database of a failed restore

#[tokio::test(start_paused = true)]
async fn with_the_original_under_its_name_nothing_is_discarded() {
    let harness = world();
    for claimed in [false, true] {
        let event = if claimed {
            harness.claimed_instance("orders", TASK).await
        } else {
            harness.instance("orders", TASK).await
        };
        let output = discard(&harness, &event).await.unwrap();
        assert!(output.wait_for.is_none() && output.notes.is_empty(), "{output:?}");
        let event =
            if claimed { harness.claimed_cluster("shop", TASK).await } else { harness.cluster("shop", TASK).await };
        let output = discard_cluster(&harness, &event).await.unwrap();
        assert!(output.wait_for.is_none() && output.notes.is_empty(), "{output:?}");
    }
    assert_eq!(deletions(&harness), 0);
}

#[tokio::test(start_paused = true)]
async fn without_a_database_under_the_name_nothing_is_discarded() {
    let harness = world();
    let event = moved_away(&harness).await;
    assert!(discard(&harness, &event).await.unwrap().wait_for.is_none());
    let event = cluster_moved_away(&harness, "shop").await;
    assert!(discard_cluster(&harness, &event).await.unwrap().wait_for.is_none());
    assert_eq!(deletions(&harness), 0);
}

#[tokio::test(start_paused = true)]
async fn a_restored_instance_is_removed_in_every_status() {
    let statuses = ["available", "failed", "incompatible-restore", "incompatible-network", "storage-full"];
    for status in statuses {
        for (delete_while_creating, protection_in_any_status) in [(true, true), (false, false)] {
            for is_over in [true, false] {
                let unverified = json!({
                    "deleteWhileCreating": delete_while_creating,
                    "protectionInAnyStatus": protection_in_any_status,
                });
                let harness = world_with(&json!({"unverified": unverified}));
                let event = moved_away(&harness).await;
                if status != "available" {
                    inject(&harness, "RestoreDBInstanceFromDBSnapshot", Fault::EndsIn { status: status.into() });
                }
                begin_restore(&harness).await;
                if is_over {
                    harness.settle().await;
                }
                discard(&harness, &event).await.unwrap();
                let kept = resource_id(&harness, "orders");
                assert_eq!(kept, None, "{status}, {delete_while_creating}, {protection_in_any_status}, {is_over}");
                assert!(resource_id(&harness, "orders-temp").is_some());
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_restored_cluster_is_removed_in_every_status() {
    for (identifier, engine) in [("shop", "aurora-postgresql"), ("stock", "postgres")] {
        for status in ["available", "migration-failed", "incompatible-restore"] {
            for (delete_while_creating, is_over) in [(true, true), (true, false), (false, false)] {
                let unverified = json!({"deleteWhileCreating": delete_while_creating});
                let harness = world_with(&json!({"unverified": unverified}));
                let event = cluster_moved_away(&harness, identifier).await;
                if status != "available" {
                    inject(&harness, "RestoreDBClusterFromSnapshot", Fault::EndsIn { status: status.into() });
                }
                begin_cluster_restore(&harness, identifier, engine).await;
                if is_over {
                    harness.settle().await;
                }
                discard_cluster(&harness, &event).await.unwrap();
                let kept = cluster_resource_id(&harness, identifier);
                assert_eq!(kept, None, "{identifier} {status}, {delete_while_creating}, {is_over}");
            }
        }
    }
}

/// Gives the original its name back, as the rollback does after the first discard.
async fn put_back(harness: &Harness, event: &StepEvent<OriginalInstance>) {
    let rename = Harness::returning(event);
    let step = async || trapheus_rename::instance::rename(harness.rds(), rename.clone()).await;
    harness.run_instance(&event.request, step).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_restored_database_that_was_in_service_leaves_a_final_snapshot_once_the_original_is_back() {
    let harness = world();
    let event = moved_away(&harness).await;
    begin_restore(&harness).await;
    harness.settle().await;
    let call = harness.rds().modify_db_instance().db_instance_identifier("orders").deletion_protection(true);
    call.send().await.unwrap();
    let aside = event.plan.names.aside.as_str();
    discard(&harness, &event).await.unwrap();
    assert!(resource_id(&harness, aside).is_some() && resource_id(&harness, "orders").is_none());
    assert_eq!(deletions(&harness), 0, "the original has no name yet");
    put_back(&harness, &event).await;
    let output = discard(&harness, &event).await.unwrap();
    assert!(output.notes.iter().any(|note| note.contains(aside) && note.contains("final snapshot")), "{output:?}");
    let [request] = accepted(&harness, "DeleteDBInstance").try_into().expect("one deletion");
    assert_eq!(request["DBInstanceIdentifier"], aside);
    assert_eq!(request["FinalDBSnapshotIdentifier"], event.plan.names.discarded_snapshot.as_str());
    harness.settle().await;
    let state = harness.simulator.state();
    assert!(state.snapshot(event.plan.names.discarded_snapshot.as_str()).is_some());
    assert_eq!(state.instance(aside), None);
    assert_eq!(state.instance("orders").unwrap().resource_id, event.plan.original.resource_id);
}

#[tokio::test(start_paused = true)]
async fn a_restored_database_that_takes_neither_rename_nor_snapshot_keeps_its_automated_backups() {
    let harness = world();
    let event = moved_away(&harness).await;
    inject(&harness, "RestoreDBInstanceFromDBSnapshot", Fault::EndsIn { status: "incompatible-parameters".into() });
    begin_restore(&harness).await;
    harness.settle().await;
    let output = discard(&harness, &event).await.unwrap();
    let [request] = accepted(&harness, "DeleteDBInstance").try_into().expect("one deletion");
    let kept = (request["SkipFinalSnapshot"].as_str(), request["DeleteAutomatedBackups"].as_str());
    assert_eq!(kept, ("true", "false"), "{output:?}");
}

#[tokio::test(start_paused = true)]
async fn a_repeated_discard_and_one_with_a_lost_answer_move_aside_once() {
    let harness = world();
    let event = moved_away(&harness).await;
    begin_restore(&harness).await;
    harness.settle().await;
    let renames = |harness: &Harness| {
        let all = accepted(harness, "ModifyDBInstance").into_iter();
        all.filter(|one| one["NewDBInstanceIdentifier"] == event.plan.names.aside.as_str()).count()
    };
    inject(&harness, "ModifyDBInstance", Fault::ResponseLost {});
    instance::discard(harness.rds(), harness.discarding(&event), harness.invocation()).await.unwrap();
    let going = instance::discard(harness.rds(), harness.discarding(&event), harness.invocation()).await.unwrap();
    assert!(going.wait_for.is_some());
    discard(&harness, &event).await.unwrap();
    let output = discard(&harness, &event).await.unwrap();
    assert_eq!(output.wait_for, None);
    assert_eq!((renames(&harness), deletions(&harness)), (1, 0));
}

#[tokio::test(start_paused = true)]
async fn a_database_that_this_execution_did_not_create_is_not_discarded() {
    // A restore by hand, one by another execution, and one whose tags have another role. Then a database older than the run.
    let marks: [Option<Vec<_>>; 3] = [
        None,
        Some(tags::mark(OTHER_EXECUTION, tags::Role::Restored).into()),
        Some(tags::mark(EXECUTION, tags::Role::Original).into()),
    ];
    for mark in marks {
        let harness = world();
        let event = moved_away(&harness).await;
        let call = harness.rds().restore_db_instance_from_db_snapshot().db_instance_identifier("orders");
        call.db_snapshot_identifier("orders-snapshot").set_tags(mark).send().await.unwrap();
        harness.settle().await;
        let error = discard(&harness, &event).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Deletion);
        for (from, to) in [("orders", "'<another name>'"), ("orders-temp", "orders")] {
            let rename = format!(
                "`aws rds modify-db-instance --db-instance-identifier {from} --new-db-instance-identifier {to} "
            );
            let rename = format!("{rename}--apply-immediately --region us-east-1`");
            assert!(error.report().contains(&rename), "{}", error.report());
        }
        assert_eq!(deletions(&harness), 0);
    }
    let harness = world();
    let event = moved_away(&harness).await;
    let call = harness.rds().modify_db_instance().db_instance_identifier("billing");
    call.new_db_instance_identifier("orders").apply_immediately(true).send().await.unwrap();
    harness.settle().await;
    let arn = harness.simulator.state().instance("orders").unwrap().arn.clone();
    let forged = tags::mark(EXECUTION, tags::Role::Restored);
    trapheus_common::rds::add_tags(harness.rds(), &arn, forged).await.unwrap();
    let error = discard(&harness, &event).await.unwrap_err();
    assert!(error.report().contains("before this execution began"), "{}", error.report());
    assert_eq!(deletions(&harness), 0);
}

#[tokio::test(start_paused = true)]
async fn a_rollback_under_another_executions_claim_changes_nothing() {
    let harness = world();
    let mut event = moved_away(&harness).await;
    begin_restore(&harness).await;
    harness.settle().await;
    event.request.execution = OTHER_EXECUTION.into();
    assert_eq!(discard(&harness, &event).await.unwrap_err().kind(), ErrorKind::Claim);
    let mut event = harness.claimed_cluster("shop", TASK).await;
    event.request.execution = OTHER_EXECUTION.into();
    assert_eq!(discard_cluster(&harness, &event).await.unwrap_err().kind(), ErrorKind::Claim);
    assert_eq!(deletions(&harness), 0);
}

#[tokio::test(start_paused = true)]
async fn the_restored_database_stays_if_the_original_is_deleted_or_in_deletion() {
    let harness = world();
    let event = moved_away(&harness).await;
    begin_restore(&harness).await;
    harness.settle().await;
    let call = harness.rds().modify_db_instance().db_instance_identifier("orders-temp").deletion_protection(false);
    call.send().await.unwrap();
    let call = harness.rds().delete_db_instance().db_instance_identifier("orders-temp").skip_final_snapshot(true);
    call.send().await.unwrap();
    for (expected, is_gone) in [("is being deleted", false), ("no longer exists", true)] {
        let output = discard(&harness, &event).await.unwrap();
        assert!(output.notes[0].contains(expected), "{output:?}");
        assert_eq!(output.wait.is_some_and(|wait| wait.gone), is_gone, "a single read does not prove the deletion");
        harness.settle().await;
    }
    assert!(resource_id(&harness, "orders").is_some());
    let mut event = harness.claimed_cluster("shop", TASK).await;
    event.plan.original.resource_id = "cluster-GONE".into();
    let output = discard_cluster(&harness, &event).await.unwrap();
    assert!(output.notes[0].contains("no longer exists"), "{output:?}");
    assert_eq!(deletions(&harness), 1);
}

#[tokio::test(start_paused = true)]
async fn a_half_restored_aurora_cluster_is_deleted_with_its_members() {
    for delete_while_creating in [true, false] {
        for is_over in [true, false] {
            let unverified = json!({"deleteWhileCreating": delete_while_creating});
            let harness = world_with(&json!({"unverified": unverified}));
            let event = cluster_moved_away(&harness, "shop").await;
            begin_cluster_restore(&harness, "shop", "aurora-postgresql").await;
            harness.settle().await;
            add_member(&harness, "shop", "shop-1", Some(EXECUTION)).await;
            if is_over {
                harness.settle().await;
            }
            discard_cluster(&harness, &event).await.unwrap();
            // If RDS does not delete a member during its creation, the member is in service before its deletion.
            let was_in_service = is_over || !delete_while_creating;
            let aside = event.plan.names.aside.to_string();
            let left = ["ledger", &aside, "shop-temp", "stock"].map(str::to_owned);
            let left: Vec<_> = left.into_iter().filter(|name| was_in_service || *name != aside).collect();
            assert_eq!(clusters(&harness), left, "a cluster that was in service is kept until the original is back");
            let state = harness.simulator.state();
            assert_eq!(state.instance("shop-1"), None);
            assert_eq!(state.cluster("shop-temp").unwrap().members, ["shop-1-temp", "shop-2-temp"]);
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_restored_aurora_cluster_without_members_is_moved_aside_because_it_may_have_lost_them() {
    let harness = world();
    let event = cluster_moved_away(&harness, "shop").await;
    begin_cluster_restore(&harness, "shop", "aurora-postgresql").await;
    harness.settle().await;
    discard_cluster(&harness, &event).await.unwrap();
    assert_eq!(deletions(&harness), 0);
    assert!(cluster_resource_id(&harness, event.plan.names.aside.as_str()).is_some());
}

#[tokio::test(start_paused = true)]
async fn a_broken_aurora_cluster_without_members_keeps_its_automated_backups() {
    let harness = world();
    let event = cluster_moved_away(&harness, "shop").await;
    let status = "inaccessible-encryption-credentials".into();
    inject(&harness, "RestoreDBClusterFromSnapshot", Fault::EndsIn { status });
    begin_cluster_restore(&harness, "shop", "aurora-postgresql").await;
    harness.settle().await;
    discard_cluster(&harness, &event).await.unwrap();
    let [request] = accepted(&harness, "DeleteDBCluster").try_into().expect("one deletion");
    assert_eq!(request["DeleteAutomatedBackups"], "false");
}

#[tokio::test(start_paused = true)]
async fn a_half_restored_cluster_with_a_member_added_by_a_person_is_kept_whole() {
    let harness = world();
    let event = cluster_moved_away(&harness, "shop").await;
    begin_cluster_restore(&harness, "shop", "aurora-postgresql").await;
    harness.settle().await;
    add_member(&harness, "shop", "shop-1", Some(EXECUTION)).await;
    add_member(&harness, "shop", "reports", None).await;
    harness.settle().await;
    let error = discard_cluster(&harness, &event).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Deletion);
    assert!(error.report().contains("reports"), "{}", error.report());
    assert_eq!(deletions(&harness), 0);
}

#[tokio::test(start_paused = true)]
async fn a_foreign_cluster_or_member_under_a_planned_name_is_refused_and_kept() {
    let harness = world();
    let event = cluster_moved_away(&harness, "shop").await;
    let call = harness.rds().modify_db_cluster().db_cluster_identifier("ledger").new_db_cluster_identifier("shop");
    call.apply_immediately(true).send().await.unwrap();
    let call = harness.rds().modify_db_instance().db_instance_identifier("billing");
    call.new_db_instance_identifier("shop-2").apply_immediately(true).send().await.unwrap();
    harness.settle().await;
    let report = discard_cluster(&harness, &event).await.unwrap_err().report();
    for named in ["shop does not", "ledger-1", "shop-2", "modify-db-cluster"] {
        assert!(report.contains(named), "{named}: {report}");
    }
    assert_eq!(deletions(&harness), 0);
}

#[tokio::test(start_paused = true)]
async fn a_stray_member_is_removed_although_its_cluster_has_its_name_back() {
    let harness = world();
    let event = cluster_moved_away(&harness, "shop").await;
    add_member(&harness, "shop-temp", "shop-1", Some(EXECUTION)).await;
    let call = harness.rds().modify_db_instance().db_instance_identifier("billing");
    call.new_db_instance_identifier("shop-2").apply_immediately(true).send().await.unwrap();
    harness.settle().await;
    let call = harness.rds().modify_db_cluster().db_cluster_identifier("shop-temp").new_db_cluster_identifier("shop");
    call.apply_immediately(true).send().await.unwrap();
    harness.settle().await;
    let output = discard_cluster(&harness, &event).await.unwrap();
    assert!(output.notes.iter().any(|note| note.contains("shop-2")), "{:?}", output.notes);
    let kept = instances(&harness);
    assert!(!kept.contains(&"shop-1".to_owned()) && kept.contains(&"shop-2".to_owned()), "{kept:?}");
}

/// Gives the original cluster its name back, as the rollback does after it has moved the restored cluster aside.
async fn put_cluster_back(harness: &Harness, event: &StepEvent<OriginalCluster>) -> Result<StepOutput> {
    let rename = Harness::returning(event);
    let step = async || trapheus_rename::cluster::rename(harness.rds(), rename.clone()).await;
    harness.run_cluster(&event.request, step).await
}

#[tokio::test(start_paused = true)]
async fn the_instance_moved_aside_stays_if_the_original_is_deleted_afterwards() {
    let harness = world();
    let event = moved_away(&harness).await;
    begin_restore(&harness).await;
    harness.settle().await;
    discard(&harness, &event).await.unwrap();
    let call = harness.rds().modify_db_instance().db_instance_identifier("orders-temp").deletion_protection(false);
    call.send().await.unwrap();
    let call = harness.rds().delete_db_instance().db_instance_identifier("orders-temp").skip_final_snapshot(true);
    call.send().await.unwrap();
    let rename = |event| Harness::returning(&event);
    let going = trapheus_rename::instance::rename(harness.rds(), rename(event.clone())).await.unwrap();
    let left = discard(&harness, &event).await.unwrap();
    for output in [going, left] {
        assert!(output.notes[0].contains("orders has no other database"), "{output:?}");
    }
    harness.settle().await;
    let step = async || trapheus_rename::instance::rename(harness.rds(), rename(event.clone())).await;
    let error = harness.run_instance(&event.request, step).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Rename, "no database has the name");
    discard(&harness, &event).await.unwrap_err();
    assert!(resource_id(&harness, event.plan.names.aside.as_str()).is_some());
    assert_eq!((resource_id(&harness, "orders"), deletions(&harness)), (None, 1));
}

#[tokio::test(start_paused = true)]
async fn the_cluster_moved_aside_stays_if_the_original_is_deleted_afterwards() {
    let harness = world();
    let event = cluster_moved_away(&harness, "shop").await;
    begin_cluster_restore(&harness, "shop", "aurora-postgresql").await;
    harness.settle().await;
    discard_cluster(&harness, &event).await.unwrap();
    let members = ["shop-1-temp", "shop-2-temp"];
    for member in members {
        let call = harness.rds().delete_db_instance().db_instance_identifier(member).skip_final_snapshot(true);
        call.send().await.unwrap();
    }
    let call = harness.rds().modify_db_cluster().db_cluster_identifier("shop-temp").deletion_protection(false);
    Box::pin(call.send()).await.unwrap();
    let call = harness.rds().delete_db_cluster().db_cluster_identifier("shop-temp").skip_final_snapshot(true);
    call.send().await.unwrap();
    let left = discard_cluster(&harness, &event).await.unwrap();
    assert!(left.notes[0].contains("shop has no other database"), "{left:?}");
    harness.settle().await;
    let error = put_cluster_back(&harness, &event).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Rename, "no database has the name");
    discard_cluster(&harness, &event).await.unwrap_err();
    assert!(cluster_resource_id(&harness, event.plan.names.aside.as_str()).is_some());
    assert_eq!((cluster_resource_id(&harness, "shop"), deletions(&harness)), (None, members.len() + 1));
}

fn seconds_since(harness: &Harness, begin: std::time::Duration) -> u64 {
    harness.simulator.now().saturating_sub(begin).as_secs()
}

#[tokio::test(start_paused = true)]
async fn a_restored_instance_that_stays_busy_keeps_its_automated_backups_after_half_of_the_rollbacks_time() {
    for keeps_backups in [true, false] {
        let harness = world();
        let event = moved_away(&harness).await;
        begin_restore(&harness).await;
        harness.settle().await;
        if !keeps_backups {
            let call = harness.rds().modify_db_instance().db_instance_identifier("orders").backup_retention_period(0);
            call.apply_immediately(true).send().await.unwrap();
            harness.settle().await;
        }
        inject(&harness, "ModifyDBInstance", Fault::Stuck { seconds: None });
        let call = harness.rds().modify_db_instance().db_instance_identifier("orders").multi_az(true);
        call.apply_immediately(true).send().await.unwrap();
        harness.settle().await;
        assert_eq!(harness.simulator.state().instance("orders").unwrap().status, "modifying");
        let begin = harness.simulator.now();
        let outcome = discard(&harness, &event).await;
        let half = event.request.options.rollback_seconds / 2;
        assert!((half..half + 900).contains(&seconds_since(&harness, begin)), "{}", seconds_since(&harness, begin));
        if keeps_backups {
            let [request] = accepted(&harness, "DeleteDBInstance").try_into().expect("one deletion");
            assert_eq!(
                (request["DBInstanceIdentifier"].as_str(), request["DeleteAutomatedBackups"].as_str()),
                ("orders", "false")
            );
            let notes = outcome.unwrap().notes.join(" ");
            assert!(notes.contains("still works on the restored database orders (status modifying)"), "{notes}");
            assert!(notes.contains("automated backups are retained"), "{notes}");
        } else {
            let report = outcome.unwrap_err().report();
            assert!(report.contains("was not deleted") && report.contains("no automated backups"), "{report}");
            assert_eq!(deletions(&harness), 0);
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_restored_cluster_that_stays_busy_keeps_its_automated_backups_after_half_of_the_rollbacks_time() {
    let harness = world();
    let event = cluster_moved_away(&harness, "stock").await;
    begin_cluster_restore(&harness, "stock", "postgres").await;
    harness.settle().await;
    inject(&harness, "ModifyDBCluster", Fault::Stuck { seconds: None });
    let call =
        harness.rds().modify_db_cluster().db_cluster_identifier("stock").db_cluster_instance_class("db.m6gd.xlarge");
    Box::pin(call.apply_immediately(true).send()).await.unwrap();
    harness.settle().await;
    assert_eq!(harness.simulator.state().cluster("stock").unwrap().status, "modifying");
    let begin = harness.simulator.now();
    let output = discard_cluster(&harness, &event).await.unwrap();
    let half = event.request.options.rollback_seconds / 2;
    assert!((half..half + 900).contains(&seconds_since(&harness, begin)), "{}", seconds_since(&harness, begin));
    let [request] = accepted(&harness, "DeleteDBCluster").try_into().expect("one deletion");
    assert_eq!(
        (request["DBClusterIdentifier"].as_str(), request["DeleteAutomatedBackups"].as_str()),
        ("stock", "false")
    );
    assert!(output.notes.join(" ").contains("still works on the restored database stock"), "{output:?}");
}

/// The number of times that RDS refused an action.
fn refused(harness: &Harness, action: &str) -> usize {
    let requests = harness.simulator.requests();
    requests.iter().filter(|request| request.action == action && matches!(request.outcome, Outcome::Error(_))).count()
}

#[tokio::test(start_paused = true)]
async fn an_instance_moved_aside_waits_for_the_work_on_its_storage_and_then_leaves_a_final_snapshot() {
    for (storage_work, has_snapshot) in [(7_200, true), (400_000, false)] {
        let harness = world_with(&json!({"timings": {"storageInitialization": storage_work}}));
        let event = moved_away(&harness).await;
        begin_restore(&harness).await;
        tokio::time::sleep(std::time::Duration::from_secs(3_600)).await;
        assert_eq!(harness.simulator.state().instance("orders").unwrap().status, "storage-initialization");
        discard(&harness, &event).await.unwrap();
        put_back(&harness, &event).await;
        let begin = harness.simulator.now();
        let output = discard(&harness, &event).await.unwrap();
        let [request] = accepted(&harness, "DeleteDBInstance").try_into().expect("one deletion");
        let aside = event.plan.names.aside.as_str();
        assert_eq!(request["DBInstanceIdentifier"], aside);
        assert_eq!(request.contains_key("FinalDBSnapshotIdentifier"), has_snapshot, "{output:?}");
        assert!(refused(&harness, "DeleteDBInstance") <= 2, "RDS refuses at most two deletions");
        if !has_snapshot {
            assert_eq!(request["DeleteAutomatedBackups"], "false");
            let bound = event.request.options.rollback_seconds / 4 * 3;
            assert!((bound..bound + 900).contains(&seconds_since(&harness, begin)));
            let notes = output.notes.join(" ");
            assert!(notes.contains(&format!("works on the restored database {aside} (status storage-")), "{notes}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_cluster_moved_aside_waits_for_the_work_on_its_storage_and_then_leaves_a_final_snapshot() {
    for (storage_work, has_snapshot) in [(7_200, true), (400_000, false)] {
        let harness = world_with(&json!({"timings": {"storageInitialization": storage_work}}));
        let event = cluster_moved_away(&harness, "stock").await;
        begin_cluster_restore(&harness, "stock", "postgres").await;
        tokio::time::sleep(std::time::Duration::from_secs(3_600)).await;
        assert_eq!(harness.simulator.state().cluster("stock").unwrap().status, "storage-initialization");
        discard_cluster(&harness, &event).await.unwrap();
        put_cluster_back(&harness, &event).await.unwrap();
        let output = discard_cluster(&harness, &event).await.unwrap();
        let [request] = accepted(&harness, "DeleteDBCluster").try_into().expect("one deletion");
        assert_eq!(request["DBClusterIdentifier"], event.plan.names.aside.as_str());
        assert_eq!(request.contains_key("FinalDBSnapshotIdentifier"), has_snapshot, "{output:?}");
        assert_eq!(request["DeleteAutomatedBackups"] == "false", !has_snapshot);
        assert!(refused(&harness, "DeleteDBCluster") <= 2, "RDS refuses at most two deletions");
    }
}

/// Sets the role in the tags of a database, as a stale read would show it.
async fn show_role(harness: &Harness, arn: &str, role: tags::Role) {
    rds::add_tags(harness.rds(), arn, tags::mark(EXECUTION, role)).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_deletion_waits_for_a_role_verified_that_shows_two_minutes_late() {
    let harness = world();
    let event = restored(&harness).await;
    let arn = harness.simulator.state().instance("orders").unwrap().arn.clone();
    show_role(&harness, &arn, tags::Role::Restored).await;
    let late = async {
        tokio::time::sleep(std::time::Duration::from_secs(120)).await;
        show_role(&harness, &arn, tags::Role::Verified).await;
    };
    let (deleted, ()) = futures::join!(delete(&harness, &event), late);
    deleted.unwrap();
    assert_eq!(resource_id(&harness, "orders-temp"), None);

    let event = cluster_restored(&harness, "shop", "aurora-postgresql").await;
    let arn = harness.simulator.state().cluster("shop").unwrap().arn.clone();
    show_role(&harness, &arn, tags::Role::Restored).await;
    let late = async {
        tokio::time::sleep(std::time::Duration::from_secs(120)).await;
        show_role(&harness, &arn, tags::Role::Verified).await;
    };
    let (deleted, ()) = futures::join!(delete_cluster(&harness, &event), late);
    deleted.unwrap();
    assert_eq!(cluster_resource_id(&harness, "shop-temp"), None);
}

#[tokio::test(start_paused = true)]
async fn a_restored_database_whose_claim_shows_two_minutes_late_is_not_foreign() {
    let harness = world();
    let event = moved_away(&harness).await;
    let call = harness.rds().restore_db_instance_from_db_snapshot().db_instance_identifier("orders");
    call.db_snapshot_identifier("orders-snapshot").send().await.unwrap();
    let arn = harness.simulator.state().instance("orders").unwrap().arn.clone();
    rds::remove_tags(harness.rds(), &arn, &tags::OURS).await.unwrap();
    let late = async {
        tokio::time::sleep(std::time::Duration::from_secs(120)).await;
        show_role(&harness, &arn, tags::Role::Restored).await;
    };
    let (discarded, ()) = futures::join!(discard(&harness, &event), late);
    discarded.unwrap();
    assert_eq!(resource_id(&harness, "orders"), None);
}
