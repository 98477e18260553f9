//! Handlers of the claim crate.

use std::collections::BTreeMap;
use std::time::Duration;

use rds_simulator::{Fault, FaultRule, Intervention, When};
use serde_json::{Value, json};
use trapheus_common::document::{OriginalCluster, OriginalInstance, ReleaseEvent, StepEvent, StepOutput, Task};
use trapheus_common::identifiers::DatabaseIdentifier;
use trapheus_common::{ErrorKind, Result, rds, tags};
use trapheus_tests::{EXECUTION, Harness, OTHER_EXECUTION};

async fn claim(harness: &Harness, event: &StepEvent<OriginalInstance>) -> Result<StepOutput> {
    trapheus_claim::instance::claim(harness.rds(), &harness.clients.sfn, event.clone(), harness.invocation()).await
}

async fn claim_cluster(harness: &Harness, event: &StepEvent<OriginalCluster>) -> Result<StepOutput> {
    let claim =
        trapheus_claim::cluster::claim(harness.rds(), &harness.clients.sfn, event.clone(), harness.invocation());
    Box::pin(claim).await
}

async fn release(harness: &Harness, event: &StepEvent<OriginalInstance>) -> Result<StepOutput> {
    let StepEvent { request, plan } = event.clone();
    let event = ReleaseEvent { request, plan, after_failure: false };
    trapheus_claim::instance::release(harness.rds(), event).await
}

async fn release_cluster(harness: &Harness, event: &StepEvent<OriginalCluster>) -> Result<StepOutput> {
    let StepEvent { request, plan } = event.clone();
    let event = ReleaseEvent { request, plan, after_failure: false };
    trapheus_claim::cluster::release(harness.rds(), event).await
}

fn mark(execution: &str, role: &str) -> Value {
    json!({"team": "shop", "trapheus:execution": execution, "trapheus:role": role})
}

fn orders(tags: &Value) -> Value {
    json!({
        "instances": [
            {"identifier": "orders", "engine": "postgres", "tags": tags},
            {"identifier": "orders-2", "engine": "postgres"}
        ],
        "snapshots": [{"identifier": "orders-snapshot", "source": "orders", "tags": {}}]
    })
}

fn aurora() -> Value {
    json!({
        "clusters": [{
            "identifier": "orders", "engine": "aurora-mysql", "tags": {"team": "shop"},
            "members": [{"identifier": "orders-1"}, {"identifier": "orders-2"}]
        }],
        "clusterSnapshots": [{"identifier": "orders-snapshot", "source": "orders", "tags": {}}]
    })
}

type Tags = BTreeMap<String, String>;

fn instance_tags(harness: &Harness, identifier: &str) -> Tags {
    harness.simulator.state().instance(identifier).unwrap().tags.clone()
}

fn cluster_tags(harness: &Harness, identifier: &str) -> Tags {
    harness.simulator.state().cluster(identifier).unwrap().tags.clone()
}

fn is_marked(tags: &Tags, execution: &str, role: &str) -> bool {
    let value = |key| tags.get(key).map(String::as_str);
    value(tags::EXECUTION) == Some(execution) && value(tags::ROLE) == Some(role)
}

fn is_proven(tags: &Tags, resource_id: &str) -> bool {
    tags.get(tags::RESOURCE_ID).map(String::as_str) == Some(resource_id)
}

fn is_unmarked(tags: &Tags) -> bool {
    tags::OURS.iter().all(|key| !tags.contains_key(*key))
}

fn count(harness: &Harness, action: &str) -> usize {
    harness.simulator.requests().iter().filter(|request| request.action == action).count()
}

fn inject(harness: &Harness, action: &str, identifier: Option<&str>, fault: Fault) {
    harness.simulator.inject(FaultRule {
        action: action.to_owned(),
        identifier: identifier.map(str::to_owned),
        caller: None,
        occurrence: 1,
        times: 1,
        fault,
    });
}

async fn tag(harness: &Harness, arn: &str, execution: &str, role: tags::Role) {
    let mark = tags::mark(execution, role);
    trapheus_common::rds::add_tags(harness.rds(), arn, mark).await.unwrap();
}

const INSTANCE_ARN: &str = "arn:aws:rds:us-east-1:123456789012:db:orders";

#[tokio::test(start_paused = true)]
async fn a_claim_tags_the_original_and_nothing_else() {
    let harness = Harness::new(orders(&json!({"team": "shop"})));
    let event = harness.instance("orders", Task::DbRestore).await;
    let output = claim(&harness, &event).await.unwrap();
    assert_eq!((output.wait_for, output.more), (None, false));
    let tags = instance_tags(&harness, "orders");
    assert!(is_marked(&tags, EXECUTION, "original"), "{tags:?}");
    assert!(is_proven(&tags, &event.plan.original.resource_id), "{tags:?}");
    assert_eq!(tags["team"], "shop");
    assert!(instance_tags(&harness, "orders-2").is_empty());
    assert!(harness.simulator.state().snapshot("orders-snapshot").unwrap().tags.is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_claim_repeated_is_a_success_that_writes_nothing() {
    let harness = Harness::new(orders(&json!({})));
    let event = harness.instance("orders", Task::DbRestore).await;
    let first = claim(&harness, &event).await.unwrap();
    assert_eq!(claim(&harness, &event).await.unwrap(), first);
    assert_eq!(count(&harness, "AddTagsToResource"), 1);
}

#[tokio::test(start_paused = true)]
async fn a_claim_whose_answer_was_lost_holds() {
    let harness = Harness::new(orders(&json!({})));
    let event = harness.instance("orders", Task::DbRestore).await;
    inject(&harness, "AddTagsToResource", None, Fault::ResponseLost {});
    let _ = claim(&harness, &event).await;
    assert!(claim(&harness, &event).await.is_ok());
    assert!(is_marked(&instance_tags(&harness, "orders"), EXECUTION, "original"));
}

#[tokio::test(start_paused = true)]
async fn a_claim_of_an_execution_that_has_not_ended_is_respected() {
    for status in ["RUNNING", "PENDING_REDRIVE", "A_STATUS_OF_TOMORROW"] {
        let harness = Harness::new(orders(&mark(OTHER_EXECUTION, "original")));
        harness.register(OTHER_EXECUTION, status);
        let event = harness.instance("orders", Task::DbRestore).await;
        let error = claim(&harness, &event).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Claim, "{status}");
        assert!(error.report().contains(OTHER_EXECUTION), "{}", error.report());
        assert!(is_marked(&instance_tags(&harness, "orders"), OTHER_EXECUTION, "original"), "{status}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_claim_of_an_execution_that_has_ended_is_taken_over() {
    for status in ["SUCCEEDED", "FAILED", "TIMED_OUT", "ABORTED"] {
        let harness = Harness::new(orders(&mark(OTHER_EXECUTION, "restored")));
        harness.register(OTHER_EXECUTION, status);
        let event = harness.instance("orders", Task::DbRestore).await;
        claim(&harness, &event).await.unwrap();
        assert!(is_marked(&instance_tags(&harness, "orders"), EXECUTION, "original"), "{status}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_claim_of_an_unknown_execution_is_taken_over() {
    let harness = Harness::new(orders(&mark(OTHER_EXECUTION, "original")));
    let event = harness.instance("orders", Task::DbRestore).await;
    claim(&harness, &event).await.unwrap();
    assert!(is_marked(&instance_tags(&harness, "orders"), EXECUTION, "original"));

    let harness = Harness::new(orders(&mark("written by hand", "original")));
    let event = harness.instance("orders", Task::DbRestore).await;
    inject(&harness, "DescribeExecution", None, Fault::Error { code: "InvalidArn".into(), message: "no".into() });
    claim(&harness, &event).await.unwrap();
    assert!(is_marked(&instance_tags(&harness, "orders"), EXECUTION, "original"));
}

#[tokio::test(start_paused = true)]
async fn without_permission_to_read_executions_no_claim_is_taken_over() {
    let harness = Harness::new(orders(&mark(OTHER_EXECUTION, "original")));
    let event = harness.instance("orders", Task::DbRestore).await;
    inject(&harness, "DescribeExecution", None, Fault::Denied {});
    assert_eq!(claim(&harness, &event).await.unwrap_err().kind(), ErrorKind::AccessDenied);
    assert!(is_marked(&instance_tags(&harness, "orders"), OTHER_EXECUTION, "original"));
}

#[tokio::test(start_paused = true)]
async fn of_two_claims_at_the_same_time_the_last_one_wins() {
    let harness = Harness::new(orders(&json!({})));
    harness.register(OTHER_EXECUTION, "RUNNING");
    let event = harness.instance("orders", Task::DbRestore).await;
    let parameters = [
        ("ResourceName", INSTANCE_ARN),
        ("Tags.Tag.1.Key", tags::EXECUTION),
        ("Tags.Tag.1.Value", OTHER_EXECUTION),
        ("Tags.Tag.2.Key", tags::ROLE),
        ("Tags.Tag.2.Value", "original"),
    ];
    harness.simulator.intervene(Intervention {
        when: When::After { action: "AddTagsToResource".into(), occurrence: 1, delay_seconds: 1.0 },
        action: "AddTagsToResource".into(),
        parameters: parameters.map(|(name, value)| (name.to_owned(), value.to_owned())).into(),
    });
    let error = claim(&harness, &event).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Claim);
    assert!(error.report().contains("at the same time"), "{}", error.report());
    assert!(is_marked(&instance_tags(&harness, "orders"), OTHER_EXECUTION, "original"));
}

#[tokio::test(start_paused = true)]
async fn a_claim_whose_tags_a_person_removes_fails() {
    let harness = Harness::new(orders(&json!({})));
    let event = harness.instance("orders", Task::DbRestore).await;
    let parameters = [("ResourceName", INSTANCE_ARN), ("TagKeys.member.1", tags::EXECUTION)];
    harness.simulator.intervene(Intervention {
        when: When::After { action: "AddTagsToResource".into(), occurrence: 1, delay_seconds: 1.0 },
        action: "RemoveTagsFromResource".into(),
        parameters: parameters.map(|(name, value)| (name.to_owned(), value.to_owned())).into(),
    });
    let error = claim(&harness, &event).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Claim);
    assert!(error.report().contains("does not show"), "{}", error.report());
}

#[tokio::test(start_paused = true)]
async fn a_database_renamed_or_deleted_after_the_preflight_is_not_claimed() {
    let harness = Harness::new(orders(&json!({})));
    let mut event = harness.instance("orders", Task::DbRestore).await;
    let renamed = harness.rds().modify_db_instance().db_instance_identifier("orders").apply_immediately(true);
    renamed.new_db_instance_identifier("orders-old").send().await.unwrap();
    harness.settle().await;
    let error = claim(&harness, &event).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Claim);
    assert!(error.report().contains("renamed to `orders-old`"), "{}", error.report());

    event.plan.original.resource_id = "db-GONE".to_owned();
    let error = claim(&harness, &event).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Claim);
    assert!(error.report().contains("no database answers"), "{}", error.report());
    assert_eq!(count(&harness, "AddTagsToResource"), 0);
}

#[tokio::test(start_paused = true)]
async fn an_aurora_cluster_is_claimed_with_its_members() {
    let harness = Harness::new(aurora());
    let event = harness.cluster("orders", Task::DbRestore).await;
    let first = claim_cluster(&harness, &event).await.unwrap();
    assert!(is_marked(&cluster_tags(&harness, "orders"), EXECUTION, "original"));
    for member in ["orders-1", "orders-2"] {
        assert!(is_marked(&instance_tags(&harness, member), EXECUTION, "original"), "{member}");
    }
    let writes = count(&harness, "AddTagsToResource");
    assert_eq!(claim_cluster(&harness, &event).await.unwrap(), first);
    assert_eq!(count(&harness, "AddTagsToResource"), writes, "a repeated claim writes nothing");
}

#[tokio::test(start_paused = true)]
async fn members_are_claimed_only_by_a_restore_and_those_of_a_multi_az_cluster_too() {
    let harness = Harness::new(aurora());
    let event = harness.cluster("orders", Task::CreateSnapshotOnly).await;
    claim_cluster(&harness, &event).await.unwrap();
    assert!(is_marked(&cluster_tags(&harness, "orders"), EXECUTION, "original"));
    assert!(is_unmarked(&instance_tags(&harness, "orders-1")));

    let harness = Harness::new(json!({
        "clusters": [{"identifier": "orders", "engine": "postgres"}],
        "instances": [{"identifier": "billing-instance-1", "engine": "postgres"}],
        "clusterSnapshots": [{"identifier": "orders-snapshot", "source": "orders"}]
    }));
    let event = harness.cluster("orders", Task::DbRestore).await;
    claim_cluster(&harness, &event).await.unwrap();
    assert!(is_marked(&cluster_tags(&harness, "orders"), EXECUTION, "original"));
    let state = harness.simulator.state();
    for instance in &state.instances {
        let tags = &instance.tags;
        assert_eq!(is_proven(tags, &instance.resource_id), instance.cluster.is_some(), "{}", instance.identifier);
        assert_eq!(is_unmarked(tags), instance.cluster.is_none(), "{}", instance.identifier);
    }
    release_cluster(&harness, &event).await.unwrap();
    assert!(harness.simulator.state().instances.iter().all(|instance| is_unmarked(&instance.tags)));
}

#[tokio::test(start_paused = true)]
async fn a_cluster_that_another_execution_works_on_is_not_claimed_nor_are_its_members() {
    let mut world = aurora();
    world["clusters"][0]["tags"] = mark(OTHER_EXECUTION, "original");
    let harness = Harness::new(world);
    harness.register(OTHER_EXECUTION, "RUNNING");
    let event = harness.cluster("orders", Task::DbRestore).await;
    assert_eq!(claim_cluster(&harness, &event).await.unwrap_err().kind(), ErrorKind::Claim);
    assert_eq!(count(&harness, "AddTagsToResource"), 0);
}

#[tokio::test(start_paused = true)]
async fn a_member_deleted_after_the_preflight_fails_the_claim() {
    let harness = Harness::new(aurora());
    let mut event = harness.cluster("orders", Task::DbRestore).await;
    event.plan.original.members[1].target.resource_id = "db-GONE".to_owned();
    let error = claim_cluster(&harness, &event).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Claim);
    assert!(error.report().contains("`orders-2` does not answer"), "{}", error.report());
}

#[tokio::test(start_paused = true)]
async fn a_release_removes_our_claims_and_no_others() {
    let mut world = orders(&json!({"team": "shop"}));
    world["snapshots"] = json!([
        {"identifier": "orders-snapshot", "source": "orders", "tags": mark(EXECUTION, "snapshot")},
        {"identifier": "orders-final", "source": "orders", "tags": mark(EXECUTION, "original")},
        {"identifier": "orders-temp", "source": "orders", "tags": mark(EXECUTION, "snapshot")},
        {"identifier": "of-another-run", "source": "orders", "tags": mark(OTHER_EXECUTION, "snapshot")}
    ]);
    let harness = Harness::new(world);
    let event = harness.claimed_instance("orders", Task::DbRestore).await;
    let first = release(&harness, &event).await.unwrap();
    assert_eq!(instance_tags(&harness, "orders"), BTreeMap::from([("team".into(), "shop".into())]));
    let state = harness.simulator.state();
    let snapshot_tags = |identifier| &state.snapshot(identifier).unwrap().tags;
    for spread in ["orders-snapshot", "orders-final"] {
        assert!(is_unmarked(snapshot_tags(spread)), "{spread}");
        assert_eq!(snapshot_tags(spread)["team"], "shop");
    }
    assert!(is_marked(snapshot_tags("orders-temp"), EXECUTION, "snapshot"), "the next run finishes it");
    assert!(is_marked(snapshot_tags("of-another-run"), OTHER_EXECUTION, "snapshot"));

    let writes = count(&harness, "RemoveTagsFromResource");
    assert_eq!(release(&harness, &event).await.unwrap(), first);
    assert_eq!(count(&harness, "RemoveTagsFromResource"), writes, "a repeated release writes nothing");
}

#[tokio::test(start_paused = true)]
async fn another_executions_claim_is_not_released() {
    let harness = Harness::new(orders(&json!({})));
    let event = harness.claimed_instance("orders", Task::DbRestore).await;
    tag(&harness, INSTANCE_ARN, OTHER_EXECUTION, tags::Role::Original).await;
    release(&harness, &event).await.unwrap();
    assert!(is_marked(&instance_tags(&harness, "orders"), OTHER_EXECUTION, "original"));
}

/// A claimed `orders` that was renamed away, with a restored database under its name.
async fn beside_its_successor(harness: &Harness) -> StepEvent<OriginalInstance> {
    let event = harness.claimed_instance("orders", Task::DbRestore).await;
    let moved = harness.rds().modify_db_instance().db_instance_identifier("orders").apply_immediately(true);
    moved.new_db_instance_identifier("orders-temp").send().await.unwrap();
    harness.settle().await;
    let restored = harness.rds().restore_db_instance_from_db_snapshot().db_instance_identifier("orders");
    let mark = tags::mark(EXECUTION, tags::Role::Restored);
    restored.db_snapshot_identifier("orders-snapshot").set_tags(Some(mark.into())).send().await.unwrap();
    harness.settle().await;
    event
}

#[tokio::test(start_paused = true)]
async fn a_restored_database_keeps_its_claim_while_the_original_is_left_over() {
    let harness = Harness::new(orders(&json!({})));
    let event = beside_its_successor(&harness).await;
    for _ in 0..2 {
        release(&harness, &event).await.unwrap();
        assert!(is_marked(&instance_tags(&harness, "orders"), EXECUTION, "restored"));
        assert!(is_marked(&instance_tags(&harness, "orders-temp"), EXECUTION, "original"));
    }
    let arn = harness.simulator.state().instance("orders").unwrap().arn.clone();
    rds::add_tags(harness.rds(), &arn, tags::mark(EXECUTION, tags::Role::Verified)).await.unwrap();
    inject(&harness, "DescribeDBInstances", None, Fault::Denied {});
    release(&harness, &event).await.unwrap_err();
    let why = "the state of the original is unknown";
    assert!(is_marked(&instance_tags(&harness, "orders"), EXECUTION, "verified"), "{why}");

    let gone = harness.rds().delete_db_instance().db_instance_identifier("orders-temp").skip_final_snapshot(true);
    gone.send().await.unwrap();
    harness.settle().await;
    release(&harness, &event).await.unwrap();
    assert!(is_unmarked(&instance_tags(&harness, "orders")));
}

#[tokio::test(start_paused = true)]
async fn a_release_does_not_write_the_role_verified_after_the_original_was_deleted() {
    let harness = Harness::new(orders(&json!({})));
    let event = beside_its_successor(&harness).await;
    let gone = harness.rds().delete_db_instance().db_instance_identifier("orders-temp").skip_final_snapshot(true);
    gone.send().await.unwrap();
    for _ in 0..2 {
        release(&harness, &event).await.unwrap();
        assert!(is_unmarked(&instance_tags(&harness, "orders")));
    }
}

#[tokio::test(start_paused = true)]
async fn a_release_that_cannot_read_the_original_does_not_write_the_role_verified() {
    let harness = Harness::new(orders(&json!({})));
    let event = beside_its_successor(&harness).await;
    inject(&harness, "DescribeDBInstances", None, Fault::Denied {});
    let error = release(&harness, &event).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::AccessDenied);
    assert!(is_unmarked(&instance_tags(&harness, "orders")));
}

#[tokio::test(start_paused = true)]
async fn a_restore_does_not_succeed_without_a_database_under_the_name() {
    for (task, expected) in [
        (Task::CreateSnapshotOnly, None),
        (Task::DbRestore, Some("no DB instance answers as orders")),
        (Task::CreateSnapshot, Some("no DB instance answers as orders")),
    ] {
        let harness = Harness::new(orders(&json!({})));
        let event = harness.claimed_instance("orders", task).await;
        let call = harness.rds().delete_db_instance().db_instance_identifier("orders").skip_final_snapshot(true);
        call.send().await.unwrap();
        harness.settle().await;
        let error = release(&harness, &event).await.err();
        assert_eq!(error.as_ref().map(trapheus_common::Error::kind), expected.map(|_| ErrorKind::InstanceUnavailable));
        assert!(error.is_none_or(|error| error.report().contains(expected.unwrap_or_default())), "{task:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_run_does_not_succeed_if_a_person_stops_or_renames_its_database() {
    let harness = Harness::new(orders(&json!({})));
    let event = harness.claimed_instance("orders", Task::DbRestore).await;
    let call = harness.rds().modify_db_instance().db_instance_identifier("orders");
    call.new_db_instance_identifier("orders-old").apply_immediately(true).send().await.unwrap();
    let error = release(&harness, &event).await.unwrap_err();
    assert!(error.report().contains("orders is being renamed to orders-old"), "{}", error.report());
    assert!(is_unmarked(&instance_tags(&harness, "orders")), "the claim is removed all the same");

    let harness = Harness::new(orders(&json!({})));
    let event = harness.claimed_instance("orders", Task::DbRestore).await;
    harness.rds().stop_db_instance().db_instance_identifier("orders").send().await.unwrap();
    let error = release(&harness, &event).await.unwrap_err();
    assert!(error.report().contains("in status stopping"), "{}", error.report());
}

#[tokio::test(start_paused = true)]
async fn a_restored_database_keeps_its_claim_while_a_rollback_renames_it_aside() {
    let harness = Harness::new(orders(&json!({})));
    let event = beside_its_successor(&harness).await;
    let aside = harness.rds().modify_db_instance().db_instance_identifier("orders").apply_immediately(true);
    aside.new_db_instance_identifier("orders-failed-3fa2c1").send().await.unwrap();
    let error = release(&harness, &event).await.unwrap_err();
    assert!(error.report().contains("orders is being renamed to orders-failed-3fa2c1"), "{}", error.report());
    assert!(is_marked(&instance_tags(&harness, "orders"), EXECUTION, "restored"));
    harness.settle().await;
    release(&harness, &event).await.unwrap_err();
    assert!(is_marked(&instance_tags(&harness, "orders-failed-3fa2c1"), EXECUTION, "restored"));
    assert!(is_marked(&instance_tags(&harness, "orders-temp"), EXECUTION, "original"));

    let harness = Harness::new(aurora());
    let event = harness.claimed_cluster("orders", Task::DbRestore).await;
    let rename = async |from: &str, to: &str| {
        let call = harness.rds().modify_db_cluster().db_cluster_identifier(from).apply_immediately(true);
        call.new_db_cluster_identifier(to).send().await.unwrap();
    };
    rename("orders", "orders-temp").await;
    harness.settle().await;
    let mark = tags::mark(EXECUTION, tags::Role::Restored);
    let restored = harness.rds().restore_db_cluster_from_snapshot().db_cluster_identifier("orders");
    let restored = restored.snapshot_identifier("orders-snapshot").engine("aurora-mysql");
    restored.set_tags(Some(mark.clone().into())).send().await.unwrap();
    harness.settle().await;
    let member = harness.rds().create_db_instance().db_instance_identifier("orders-3").db_cluster_identifier("orders");
    let member = member.engine("aurora-mysql").db_instance_class("db.r6g.large");
    member.set_tags(Some(mark.into())).send().await.unwrap();
    harness.settle().await;
    rename("orders", "orders-failed-3fa2c1").await;
    release_cluster(&harness, &event).await.unwrap_err();
    assert!(is_marked(&instance_tags(&harness, "orders-3"), EXECUTION, "restored"));
    assert!(is_marked(&cluster_tags(&harness, "orders"), EXECUTION, "restored"));
}

#[tokio::test(start_paused = true)]
async fn a_release_removes_an_incomplete_claim_and_one_copied_into_a_snapshot() {
    let mut world = orders(&json!({}));
    let copied = mark(EXECUTION, "original");
    world["snapshots"] = json!([
        {"identifier": "orders-snapshot", "source": "orders"},
        {"identifier": "orders-temp", "source": "orders", "tags": copied}
    ]);
    let harness = Harness::new(world);
    let event = harness.claimed_instance("orders", Task::DbRestore).await;
    let call = harness.rds().remove_tags_from_resource().resource_name(INSTANCE_ARN).tag_keys(tags::EXECUTION);
    call.send().await.unwrap();
    release(&harness, &event).await.unwrap();
    assert!(is_unmarked(&instance_tags(&harness, "orders")));
    assert!(is_unmarked(&harness.simulator.state().snapshot("orders-temp").unwrap().tags));
}

#[tokio::test(start_paused = true)]
async fn a_claim_that_cannot_be_removed_does_not_stop_the_release_of_the_others() {
    let mut world = orders(&json!({}));
    world["snapshots"][0]["tags"] = mark(EXECUTION, "snapshot");
    let harness = Harness::new(world);
    let event = harness.claimed_instance("orders", Task::DbRestore).await;
    inject(&harness, "RemoveTagsFromResource", Some(INSTANCE_ARN), Fault::Denied {});
    let error = release(&harness, &event).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::AccessDenied);
    assert!(is_marked(&instance_tags(&harness, "orders"), EXECUTION, "original"));
    assert!(is_unmarked(&harness.simulator.state().snapshot("orders-snapshot").unwrap().tags));
    release(&harness, &event).await.unwrap();
    assert!(is_unmarked(&instance_tags(&harness, "orders")));
}

#[tokio::test(start_paused = true)]
async fn a_failed_read_does_not_stop_the_release_of_the_others() {
    let mut world = orders(&json!({}));
    world["snapshots"][0]["tags"] = mark(EXECUTION, "snapshot");
    let harness = Harness::new(world);
    let event = harness.claimed_instance("orders", Task::DbRestore).await;
    inject(&harness, "DescribeDBInstances", None, Fault::Denied {});
    assert_eq!(release(&harness, &event).await.unwrap_err().kind(), ErrorKind::AccessDenied);
    assert!(is_unmarked(&harness.simulator.state().snapshot("orders-snapshot").unwrap().tags));
}

#[tokio::test(start_paused = true)]
async fn a_database_deleted_during_its_release_counts_as_released() {
    let harness = Harness::new(orders(&json!({})));
    let event = harness.claimed_instance("orders", Task::DbRestore).await;
    let gone = Fault::Error { code: "DBInstanceNotFound".into(), message: "gone".into() };
    inject(&harness, "RemoveTagsFromResource", None, gone);
    assert!(release(&harness, &event).await.is_ok());
}

#[tokio::test(start_paused = true)]
async fn a_cluster_is_released_with_its_members_and_snapshots() {
    let mut world = aurora();
    world["clusterSnapshots"] = json!([
        {"identifier": "orders-snapshot", "source": "orders", "tags": mark(EXECUTION, "snapshot")},
        {"identifier": "orders-final", "source": "orders", "tags": mark(EXECUTION, "original")},
        {"identifier": "orders-temp", "source": "orders", "tags": mark(EXECUTION, "snapshot")}
    ]);
    let harness = Harness::new(world);
    let event = harness.claimed_cluster("orders", Task::DbRestore).await;
    let first = release_cluster(&harness, &event).await.unwrap();
    assert_eq!(cluster_tags(&harness, "orders"), BTreeMap::from([("team".into(), "shop".into())]));
    let state = harness.simulator.state();
    assert!(state.instances.iter().all(|member| is_unmarked(&member.tags)));
    for spread in ["orders-snapshot", "orders-final"] {
        assert!(is_unmarked(&state.cluster_snapshot(spread).unwrap().tags), "{spread}");
    }
    assert!(is_marked(&state.cluster_snapshot("orders-temp").unwrap().tags, EXECUTION, "snapshot"));
    let writes = count(&harness, "RemoveTagsFromResource");
    assert_eq!(release_cluster(&harness, &event).await.unwrap(), first);
    assert_eq!(count(&harness, "RemoveTagsFromResource"), writes);
}

#[tokio::test(start_paused = true)]
async fn a_restored_cluster_keeps_the_role_verified_while_the_original_is_left_over() {
    let mut world = aurora();
    world["clusterSnapshots"] = json!([{"identifier": "orders-snapshot", "source": "orders"}]);
    let harness = Harness::new(world);
    let event = harness.claimed_cluster("orders", Task::DbRestore).await;
    let moved = harness.rds().modify_db_cluster().db_cluster_identifier("orders").apply_immediately(true);
    moved.new_db_cluster_identifier("orders-temp").send().await.unwrap();
    harness.settle().await;
    let restored = harness.rds().restore_db_cluster_from_snapshot().db_cluster_identifier("orders");
    let mark = tags::mark(EXECUTION, tags::Role::Verified);
    let restored = restored.snapshot_identifier("orders-snapshot").engine("aurora-mysql");
    restored.set_tags(Some(mark.into())).send().await.unwrap();
    harness.settle().await;
    release_cluster(&harness, &event).await.unwrap();
    assert!(is_marked(&cluster_tags(&harness, "orders"), EXECUTION, "verified"));
    assert!(is_marked(&cluster_tags(&harness, "orders-temp"), EXECUTION, "original"));
}

#[tokio::test(start_paused = true)]
async fn a_member_still_under_its_temporary_name_keeps_its_claim() {
    let harness = Harness::new(aurora());
    let event = harness.claimed_cluster("orders", Task::DbRestore).await;
    let moved = harness.rds().modify_db_instance().db_instance_identifier("orders-2").apply_immediately(true);
    moved.new_db_instance_identifier("orders-2-temp").send().await.unwrap();
    harness.settle().await;
    release_cluster(&harness, &event).await.unwrap();
    assert!(is_unmarked(&instance_tags(&harness, "orders-1")));
    assert!(is_marked(&instance_tags(&harness, "orders-2-temp"), EXECUTION, "original"));
}

/// Writes another execution's claim, with the member's own resource id, on a member.
async fn claim_of_another(harness: &Harness, member: &str) {
    let member = rds::instance(harness.rds(), member).await.unwrap().unwrap();
    let claim = tags::claim(OTHER_EXECUTION, tags::Role::Original, member.dbi_resource_id().unwrap());
    rds::add_tags(harness.rds(), member.db_instance_arn().unwrap(), claim).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn the_claim_on_a_cluster_releases_a_member_that_another_execution_claimed_and_lost() {
    let harness = Harness::new(aurora());
    let event = harness.claimed_cluster("orders", Task::DbRestore).await;
    claim_of_another(&harness, "orders-1").await;
    release_cluster(&harness, &event).await.unwrap();
    assert!(is_unmarked(&instance_tags(&harness, "orders-1")));
}

#[tokio::test(start_paused = true)]
async fn a_claim_on_a_cluster_that_may_be_a_copy_releases_no_member_of_another_execution() {
    let harness = Harness::new(aurora());
    let event = harness.claimed_cluster("orders", Task::DbRestore).await;
    claim_of_another(&harness, "orders-1").await;
    let cluster = rds::cluster(harness.rds(), "orders").await.unwrap().unwrap();
    rds::remove_tags(harness.rds(), cluster.db_cluster_arn().unwrap(), &[tags::RESOURCE_ID]).await.unwrap();
    release_cluster(&harness, &event).await.unwrap();
    assert!(is_marked(&instance_tags(&harness, "orders-1"), OTHER_EXECUTION, "original"));
}

#[tokio::test(start_paused = true)]
async fn a_cluster_of_another_execution_is_not_released() {
    let harness = Harness::new(aurora());
    let event = harness.claimed_cluster("orders", Task::DbRestore).await;
    for arn in ["cluster:orders", "db:orders-1"] {
        let arn = format!("arn:aws:rds:us-east-1:123456789012:{arn}");
        tag(&harness, &arn, OTHER_EXECUTION, tags::Role::Original).await;
    }
    release_cluster(&harness, &event).await.unwrap();
    assert!(is_marked(&cluster_tags(&harness, "orders"), OTHER_EXECUTION, "original"));
    assert!(is_marked(&instance_tags(&harness, "orders-1"), OTHER_EXECUTION, "original"));
    assert!(is_unmarked(&instance_tags(&harness, "orders-2")));
}

#[tokio::test(start_paused = true)]
async fn a_claim_copied_from_another_database_stops_no_run() {
    let mut copied = mark(OTHER_EXECUTION, "original");
    copied[tags::RESOURCE_ID] = json!("db-ANOTHER");
    let harness = Harness::new(orders(&copied));
    harness.register(OTHER_EXECUTION, "RUNNING");
    let event = harness.instance("orders", Task::DbRestore).await;
    claim(&harness, &event).await.unwrap();
    let tags = instance_tags(&harness, "orders");
    assert!(is_marked(&tags, EXECUTION, "original"), "{tags:?}");
    assert!(is_proven(&tags, &event.plan.original.resource_id), "{tags:?}");
}

#[tokio::test(start_paused = true)]
async fn a_claim_of_another_state_machine_is_respected_without_a_read_of_its_execution() {
    let foreign = OTHER_EXECUTION.replace("trapheus-DBRestore", "shop-DBRestore");
    let harness = Harness::new(orders(&mark(&foreign, "original")));
    let event = harness.instance("orders", Task::DbRestore).await;
    let error = claim(&harness, &event).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Claim);
    assert!(error.report().contains("another state machine"), "{}", error.report());
    assert_eq!(count(&harness, "DescribeExecution"), 0);
    assert!(is_marked(&instance_tags(&harness, "orders"), &foreign, "original"));
}

#[tokio::test(start_paused = true)]
async fn a_running_execution_is_read_again_until_it_has_ended() {
    let harness = Harness::new(orders(&mark(OTHER_EXECUTION, "original")));
    harness.register(OTHER_EXECUTION, "RUNNING");
    let event = harness.instance("orders", Task::DbRestore).await;
    let ends = async {
        tokio::time::sleep(std::time::Duration::from_secs(40)).await;
        harness.simulator.update_execution(OTHER_EXECUTION, |execution| "FAILED".clone_into(&mut execution.status));
    };
    let (claimed, ()) = tokio::join!(claim(&harness, &event), ends);
    claimed.unwrap();
    assert!(is_marked(&instance_tags(&harness, "orders"), EXECUTION, "original"));
}

#[tokio::test(start_paused = true)]
async fn an_execution_that_shows_late_does_not_count_as_ended() {
    let harness = Harness::new(orders(&mark(OTHER_EXECUTION, "original")));
    let event = harness.instance("orders", Task::DbRestore).await;
    let shows = async {
        tokio::time::sleep(std::time::Duration::from_secs(40)).await;
        harness.register(OTHER_EXECUTION, "RUNNING");
    };
    let (claimed, ()) = tokio::join!(claim(&harness, &event), shows);
    assert_eq!(claimed.unwrap_err().kind(), ErrorKind::Claim);
    assert!(is_marked(&instance_tags(&harness, "orders"), OTHER_EXECUTION, "original"));
}

#[tokio::test(start_paused = true)]
async fn a_claim_written_during_the_read_of_an_execution_is_not_overwritten() {
    let ended = OTHER_EXECUTION.replace("another-run", "ended-run");
    let harness = Harness::new(orders(&mark(&ended, "original")));
    harness.register(&ended, "FAILED");
    harness.register(OTHER_EXECUTION, "RUNNING");
    let event = harness.instance("orders", Task::DbRestore).await;
    inject(&harness, "DescribeExecution", None, Fault::Slow { seconds: 8.0 });
    let claims = async {
        tokio::time::sleep(std::time::Duration::from_secs(4)).await;
        tag(&harness, INSTANCE_ARN, OTHER_EXECUTION, tags::Role::Original).await;
    };
    let (claimed, ()) = tokio::join!(claim(&harness, &event), claims);
    let error = claimed.unwrap_err();
    assert!(error.report().contains(OTHER_EXECUTION), "{}", error.report());
    assert!(is_marked(&instance_tags(&harness, "orders"), OTHER_EXECUTION, "original"));
}

#[tokio::test(start_paused = true)]
async fn of_two_runs_that_claim_at_the_same_moment_exactly_one_wins() {
    for apart in [0, 1, 4] {
        let harness = Harness::new(orders(&json!({})));
        harness.register(OTHER_EXECUTION, "RUNNING");
        let event = harness.instance("orders", Task::DbRestore).await;
        let mut other = event.clone();
        OTHER_EXECUTION.clone_into(&mut other.request.execution);
        let later = async {
            tokio::time::sleep(std::time::Duration::from_secs(apart)).await;
            claim(&harness, &other).await
        };
        let (one, another) = tokio::join!(claim(&harness, &event), later);
        assert_ne!(one.is_ok(), another.is_ok(), "{apart}: {one:?} {another:?}");
        let winner = if one.is_ok() { EXECUTION } else { OTHER_EXECUTION };
        assert!(is_marked(&instance_tags(&harness, "orders"), winner, "original"), "{apart}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_claim_that_shows_a_minute_late_is_waited_for() {
    let harness = Harness::new(orders(&json!({})));
    let event = harness.instance("orders", Task::DbRestore).await;
    let arn = ("ResourceName".to_owned(), INSTANCE_ARN.to_owned());
    let hidden =
        tags::OURS.iter().enumerate().map(|(at, key)| (format!("TagKeys.member.{}", at + 1), (*key).to_owned()));
    harness.simulator.intervene(Intervention {
        when: When::After { action: "AddTagsToResource".into(), occurrence: 1, delay_seconds: 0.1 },
        action: "RemoveTagsFromResource".into(),
        parameters: hidden.chain([arn]).collect(),
    });
    let shows = async {
        tokio::time::sleep(std::time::Duration::from_secs(60)).await;
        let claim = tags::claim(EXECUTION, tags::Role::Original, &event.plan.original.resource_id);
        trapheus_common::rds::add_tags(harness.rds(), INSTANCE_ARN, claim).await.unwrap();
    };
    let (claimed, ()) = tokio::join!(claim(&harness, &event), shows);
    claimed.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_run_with_an_old_plan_claims_nothing() {
    let harness = Harness::new(orders(&json!({})));
    let event = harness.instance("orders", Task::DbRestore).await;
    tokio::time::sleep(std::time::Duration::from_secs(3_700)).await;
    let error = claim(&harness, &event).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Claim);
    assert!(error.report().contains("redriven"), "{}", error.report());
    assert_eq!(count(&harness, "AddTagsToResource"), 0);
}

#[tokio::test(start_paused = true)]
async fn a_removed_reader_of_auto_scaling_does_not_fail_the_claim() {
    let harness = Harness::new(aurora());
    let mut event = harness.cluster("orders", Task::DbRestore).await;
    let reader = &mut event.plan.original.members[1].target;
    reader.names.service = DatabaseIdentifier::reported("application-autoscaling-3c2f0a9e");
    "db-GONE".clone_into(&mut reader.resource_id);
    claim_cluster(&harness, &event).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_verified_database_keeps_its_claim_while_its_original_shows_under_no_name() {
    let harness = Harness::new(orders(&json!({})));
    let StepEvent { request, plan } = beside_its_successor(&harness).await;
    let arn = harness.simulator.state().instance("orders").unwrap().arn.clone();
    tag(&harness, &arn, EXECUTION, tags::Role::Verified).await;
    inject(&harness, "ModifyDBInstance", None, Fault::NotFoundFor { seconds: 60.0 });
    let moved = harness.rds().modify_db_instance().db_instance_identifier("orders-temp").apply_immediately(true);
    moved.new_db_instance_identifier("orders-old").send().await.unwrap();
    let event = ReleaseEvent { request, plan, after_failure: true };
    trapheus_claim::instance::release(harness.rds(), event).await.unwrap();
    assert!(is_marked(&instance_tags(&harness, "orders"), EXECUTION, "verified"));
}

/// The wait of the deletion has proven that the original is gone, and RDS renames no database in deletion. So a release after
/// success reads for only ten seconds, which every run pays.
#[tokio::test(start_paused = true)]
async fn a_release_after_success_reads_the_original_again_and_removes_nothing_if_it_shows() {
    let mut world = orders(&json!({}));
    world["timings"] = json!({"renameNameless": 6.0, "jitter": 0.0});
    let harness = Harness::new(world);
    let event = beside_its_successor(&harness).await;
    let arn = harness.simulator.state().instance("orders").unwrap().arn.clone();
    tag(&harness, &arn, EXECUTION, tags::Role::Verified).await;
    let moved = harness.rds().modify_db_instance().db_instance_identifier("orders-temp").apply_immediately(true);
    moved.new_db_instance_identifier("orders-old").send().await.unwrap();
    tokio::time::sleep(Duration::from_secs(26)).await;
    let is_hidden = |found: &rds_simulator::InstanceState| found.identifier == "orders-temp" && !found.answers;
    assert!(harness.simulator.state().instances.iter().any(is_hidden));
    release(&harness, &event).await.unwrap();
    assert!(is_marked(&instance_tags(&harness, "orders"), EXECUTION, "verified"));

    harness.settle().await;
    let gone = harness.rds().delete_db_instance().db_instance_identifier("orders-old").skip_final_snapshot(true);
    gone.send().await.unwrap();
    harness.settle().await;
    let begin = harness.simulator.now();
    release(&harness, &event).await.unwrap();
    assert!(is_unmarked(&instance_tags(&harness, "orders")));
    assert!(harness.simulator.now().saturating_sub(begin) <= Duration::from_secs(10));
}

#[tokio::test(start_paused = true)]
async fn a_copy_of_our_claim_under_the_name_is_not_released() {
    let mut copied = mark(EXECUTION, "original");
    copied[tags::RESOURCE_ID] = json!("db-ANOTHER");
    let harness = Harness::new(orders(&copied));
    let event = harness.instance("orders", Task::DbRestore).await;
    release(&harness, &event).await.unwrap();
    assert!(is_marked(&instance_tags(&harness, "orders"), EXECUTION, "original"));
}

#[tokio::test(start_paused = true)]
async fn expired_credentials_are_not_reported_as_a_missing_permission() {
    let harness = Harness::new(orders(&json!({})));
    let event = harness.instance("orders", Task::DbRestore).await;
    for code in ["ExpiredToken", "ExpiredTokenException", "RequestExpired"] {
        let fault = Fault::Error { code: code.into(), message: "expired".into() };
        harness.simulator.inject(FaultRule {
            action: "DescribeDBInstances".into(),
            identifier: None,
            caller: None,
            occurrence: 1,
            times: 1,
            fault,
        });
        let error = claim(&harness, &event).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::ServiceUnavailable, "{code}: {}", error.report());
    }
}

#[tokio::test(start_paused = true)]
async fn a_plan_that_does_not_belong_to_its_request_is_not_claimed() {
    let harness = Harness::new(json!({
        "instances": [{"identifier": "orders", "engine": "postgres"}],
        "snapshots": [{"identifier": "orders-snapshot", "source": "orders"}],
    }));
    let moment = json!({"pointInTime": "latest"});
    for (dry_run, source) in [(true, Value::Null), (false, moment)] {
        let mut event = harness.instance("orders", Task::DbRestore).await;
        event.request.dry_run = dry_run;
        event.request.source = serde_json::from_value(source.clone()).expect("a source");
        let claimed = trapheus_claim::instance::claim(harness.rds(), &harness.clients.sfn, event, harness.invocation());
        let error = claimed.await.expect_err("a claim that is refused");
        assert!(error.report().contains("does not belong to its request"), "{dry_run} {source}: {error}");
        let instance = harness.simulator.state().instance("orders").cloned().expect("the instance");
        assert!(instance.tags.keys().all(|key| !key.starts_with("trapheus:")), "{:?}", instance.tags);
    }
}
