//! Handlers of the restore crate.

use rds_simulator::{ClusterState, Fault, FaultRule, InstanceState, Outcome, RecordedRequest};
use serde_json::{Value, json};
use trapheus_common::document::{OriginalCluster, OriginalInstance, StepEvent, StepOutput, Task, TaskName};
use trapheus_common::wait::{Goal, MemberGoal};
use trapheus_common::{ErrorKind, Result};
use trapheus_restore::{cluster, instance};
use trapheus_tests::{EXECUTION, Harness, OTHER_EXECUTION};

const TASK: Task = Task::DbRestore;

fn an_instance(settings: &Value) -> Harness {
    Harness::new(json!({
        "instances": [
            {"identifier": "orders", "engine": "postgres", "settings": settings,
             "tags": {"team": "shop", "aws:cloudformation:stack-name": "shop"}},
            {"identifier": "bystander", "engine": "postgres"},
        ],
        "snapshots": [{"identifier": "orders-snapshot", "source": "orders"}],
        "parameterGroups": [{"name": "other", "family": "postgres16"}],
    }))
}

fn with_everything() -> Value {
    json!({
        "class": "db.m7g.large", "port": 5433, "multiAz": true, "subnetGroup": "private", "publiclyAccessible": true,
        "autoMinorVersionUpgrade": false, "storageType": "gp3", "allocatedStorage": 500, "iops": 12000,
        "storageThroughput": 500, "optionGroup": "shop-options", "parameterGroup": "shop-parameters",
        "vpcSecurityGroups": ["sg-2", "sg-1"], "copyTagsToSnapshot": true, "iamDatabaseAuthentication": true,
        "logExports": ["upgrade", "postgresql"], "deletionProtection": true, "networkType": "DUAL",
        "backupRetentionPeriod": 14, "backupWindow": "03:00-03:30", "caCertificate": "rds-ca-rsa4096-g1",
        "dedicatedLogVolume": true, "engineLifecycleSupport": "open-source-rds-extended-support-disabled",
        "processorFeatures": {"coreCount": "1", "threadsPerCore": "2"},
        "domain": "d-1", "domainIamRole": "rds-ad",
    })
}

/// An Aurora cluster whose writer is not the first by name, a Multi-AZ DB cluster, and a bystander.
fn clusters() -> Harness {
    clusters_with(&json!({"databaseName": "shop", "serverlessV2Scaling": {"minCapacity": 0.5, "maxCapacity": 8.0}}))
}

fn clusters_with(settings: &Value) -> Harness {
    Harness::new(json!({
        "clusters": [
            {"identifier": "shop", "engine": "aurora-postgresql", "settings": settings, "tags": {"team": "shop"},
             "members": [
                {"identifier": "shop-1", "settings": {"class": "db.r7g.xlarge", "promotionTier": 3, "availabilityZone": "us-east-1a"}},
                {"identifier": "shop-2", "writer": true, "tags": {"role": "w"},
                 "settings": {"class": "db.r7g.large", "promotionTier": 0, "availabilityZone": "us-east-1b",
                              "maintenanceWindow": "mon:01:00-mon:01:30", "monitoringInterval": 60,
                              "monitoringRoleArn": "arn:aws:iam::123456789012:role/monitoring"}},
                {"identifier": "shop-3", "settings": {"class": "db.serverless", "promotionTier": 15, "publiclyAccessible": true}},
             ]},
            {"identifier": "stock", "engine": "postgres",
             "settings": {"class": "db.m6gd.large", "storageType": "io1", "iops": 4000, "publiclyAccessible": false}},
        ],
        "instances": [{"identifier": "bystander", "engine": "postgres"}],
        "clusterSnapshots": [
            {"identifier": "shop-snapshot", "source": "shop"},
            {"identifier": "stock-snapshot", "source": "stock"},
        ],
    }))
}

/// The original, claimed and renamed to its temporary name.
async fn moved(harness: &Harness, identifier: &str) -> StepEvent<OriginalInstance> {
    let event = Box::pin(harness.claimed_instance(identifier, TASK)).await;
    let rename = Harness::parking(&event);
    let step = async || Box::pin(trapheus_rename::instance::rename(harness.rds(), rename.clone())).await;
    harness.run_instance(&event.request, step).await.unwrap();
    event
}

async fn moved_cluster(harness: &Harness, identifier: &str) -> StepEvent<OriginalCluster> {
    let event = Box::pin(harness.claimed_cluster(identifier, TASK)).await;
    let rename = Harness::parking(&event);
    let step = async || Box::pin(trapheus_rename::cluster::rename(harness.rds(), rename.clone())).await;
    harness.run_cluster(&event.request, step).await.unwrap();
    event
}

async fn call(harness: &Harness, event: &StepEvent<OriginalInstance>) -> Result<StepOutput> {
    Box::pin(instance::restore(harness.rds(), Harness::restoring(event))).await
}

async fn run(harness: &Harness, event: &StepEvent<OriginalInstance>) -> Result<StepOutput> {
    harness.run_instance(&event.request, async || call(harness, event).await).await
}

async fn call_cluster(harness: &Harness, event: &StepEvent<OriginalCluster>) -> Result<StepOutput> {
    Box::pin(cluster::restore(harness.rds(), Harness::restoring(event))).await
}

async fn run_cluster(harness: &Harness, event: &StepEvent<OriginalCluster>) -> Result<StepOutput> {
    harness.run_cluster(&event.request, async || call_cluster(harness, event).await).await
}

fn the_instance(harness: &Harness, identifier: &str) -> InstanceState {
    harness.simulator.state().instance(identifier).expect(identifier).clone()
}

fn the_cluster(harness: &Harness, identifier: &str) -> ClusterState {
    harness.simulator.state().cluster(identifier).expect(identifier).clone()
}

fn inject(harness: &Harness, action: &str, times: u32, fault: Fault) {
    let rule = FaultRule { action: action.into(), identifier: None, caller: None, occurrence: 1, times, fault };
    harness.simulator.inject(rule);
}

fn refuse(harness: &Harness, action: &str, code: &str) {
    inject(harness, action, 99, Fault::Error { code: code.into(), message: "no".into() });
}

/// The requests of an action that were carried out.
fn accepted(harness: &Harness, action: &str) -> Vec<RecordedRequest> {
    let is_done = |outcome: &Outcome| matches!(outcome, Outcome::Ok | Outcome::ResponseLost);
    harness
        .simulator
        .requests()
        .into_iter()
        .filter(|request| request.action == action && is_done(&request.outcome))
        .collect()
}

fn waited_for(output: &StepOutput) -> (Option<String>, Vec<String>, bool) {
    match &output.wait_for {
        Some(Goal::Available { resource_id, members, .. }) => {
            let names = members.iter().map(|member: &MemberGoal| member.identifier.to_string()).collect();
            (resource_id.clone(), names, output.more)
        }
        other => panic!("{other:?}"),
    }
}

#[tokio::test(start_paused = true)]
async fn an_instance_is_restored_under_its_name_as_a_new_resource() {
    let harness = an_instance(&json!({}));
    let event = moved(&harness, "orders").await;
    let output = run(&harness, &event).await.unwrap();
    assert_eq!((output.taskname, output.identifier.as_str()), (TaskName::Restore, "orders"));
    let restored = the_instance(&harness, "orders");
    assert_eq!(restored.status, "available");
    assert_ne!(restored.resource_id, event.plan.original.resource_id);
    assert_eq!(waited_for(&output), (Some(restored.resource_id), vec![], false));
    assert_eq!(the_instance(&harness, "orders-temp").resource_id, event.plan.original.resource_id);
}

#[tokio::test(start_paused = true)]
async fn every_setting_that_the_call_takes_is_restored_except_the_deletion_protection() {
    let harness = an_instance(&with_everything());
    let original = the_instance(&harness, "orders").settings;
    let event = moved(&harness, "orders").await;
    run(&harness, &event).await.unwrap();
    let restored = the_instance(&harness, "orders");
    assert_eq!(restored.settings.deletion_protection, Some(false));
    let mut settings = serde_json::to_value(&restored.settings).unwrap();
    for (name, value) in serde_json::to_value(&original).unwrap().as_object().unwrap() {
        if name == "deletionProtection" || name == "availabilityZone" {
            continue;
        }
        let mut value = value.clone();
        for list in [&mut settings[name], &mut value] {
            if let Value::Array(items) = list {
                items.sort_by_key(Value::to_string);
            }
        }
        assert_eq!(settings[name], value, "{name}");
    }
    let tags: Vec<_> = restored.tags.iter().map(|(key, value)| (key.as_str(), value.as_str())).collect();
    let id = ("trapheus:resource-id", restored.resource_id.as_str());
    assert_eq!(tags, [("team", "shop"), ("trapheus:execution", EXECUTION), id, ("trapheus:role", "restored")]);
}

#[tokio::test(start_paused = true)]
async fn small_gp3_storage_is_restored_without_a_request_for_its_iops() {
    let small = json!({"storageType": "gp3", "allocatedStorage": 100, "iops": 3000, "storageThroughput": 125});
    let harness = an_instance(&small);
    let event = moved(&harness, "orders").await;
    run(&harness, &event).await.unwrap();
    assert_eq!(the_instance(&harness, "orders").settings.iops, Some(3000));
}

#[tokio::test(start_paused = true)]
async fn storage_added_after_the_snapshot_is_restored() {
    let harness = Harness::new(json!({
        "instances": [{"identifier": "orders", "engine": "postgres",
                       "settings": {"storageType": "gp3", "allocatedStorage": 500, "iops": 12000}}],
        "snapshots": [{"identifier": "orders-snapshot", "source": "orders", "settings": {"allocatedStorage": 100}}],
    }));
    let event = moved(&harness, "orders").await;
    run(&harness, &event).await.unwrap();
    let settings = the_instance(&harness, "orders").settings;
    assert_eq!((settings.allocated_storage, settings.iops), (Some(500), Some(12_000)));
}

#[tokio::test(start_paused = true)]
async fn a_second_call_only_waits_for_the_restored_instance() {
    let harness = an_instance(&json!({}));
    let event = moved(&harness, "orders").await;
    let first = call(&harness, &event).await.unwrap();
    assert_eq!(call(&harness, &event).await.unwrap(), first);
    harness.settle().await;
    assert_eq!(call(&harness, &event).await.unwrap(), first);
    assert_eq!(accepted(&harness, "RestoreDBInstanceFromDBSnapshot").len(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_lost_answer_is_no_failure() {
    let harness = an_instance(&json!({}));
    let event = moved(&harness, "orders").await;
    inject(&harness, "RestoreDBInstanceFromDBSnapshot", 1, Fault::ResponseLost {});
    run(&harness, &event).await.unwrap();
    assert_eq!(accepted(&harness, "RestoreDBInstanceFromDBSnapshot").len(), 1);
    assert_eq!(the_instance(&harness, "orders").status, "available");
}

#[tokio::test(start_paused = true)]
async fn a_foreign_database_under_the_name_is_left_alone() {
    let harness = an_instance(&json!({}));
    let event = moved(&harness, "orders").await;
    let squatter = harness.rds().modify_db_instance().db_instance_identifier("bystander");
    squatter.new_db_instance_identifier("orders").apply_immediately(true).send().await.unwrap();
    harness.settle().await;
    let before = the_instance(&harness, "orders");
    for _ in 0..2 {
        let error = call(&harness, &event).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InstanceRestore);
        assert!(error.report().contains("the name orders is taken"), "{}", error.report());
    }
    assert_eq!(the_instance(&harness, "orders"), before);
}

#[tokio::test(start_paused = true)]
async fn nothing_is_restored_while_the_original_has_its_name() {
    let harness = an_instance(&json!({}));
    let event = harness.claimed_instance("orders", TASK).await;
    let error = call(&harness, &event).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InstanceRestore);
    assert!(error.report().contains("has to be called orders-temp"), "{}", error.report());
    assert_eq!(accepted(&harness, "RestoreDBInstanceFromDBSnapshot").len(), 0);
}

#[tokio::test(start_paused = true)]
async fn nothing_is_restored_under_another_executions_claim_or_without_the_original() {
    let harness = an_instance(&json!({}));
    let event = moved(&harness, "orders").await;
    let mut others = event.clone();
    others.request.execution = OTHER_EXECUTION.into();
    assert_eq!(call(&harness, &others).await.unwrap_err().kind(), ErrorKind::Claim);
    let mut gone = event.clone();
    gone.plan.original.resource_id = "db-ANOTHER".into();
    assert_eq!(call(&harness, &gone).await.unwrap_err().kind(), ErrorKind::InstanceUnavailable);
    assert_eq!(accepted(&harness, "RestoreDBInstanceFromDBSnapshot").len(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_refusal_of_aws_is_reported_with_its_remedy() {
    for (code, remedy) in [
        ("InstanceQuotaExceeded", "Service Quotas"),
        ("StorageQuotaExceeded", "Service Quotas"),
        ("InsufficientDBInstanceCapacity", "(start the run again later"),
        ("KMSKeyNotAccessibleFault", "check that the key is enabled"),
        ("DBSubnetGroupNotFoundFault", "repair the DB subnet group"),
        ("DBParameterGroupNotFound", "groups that exist and fit its engine version"),
        ("OptionGroupNotFoundFault", "groups that exist and fit its engine version"),
        ("InvalidDBSnapshotState", "create_snapshot_only"),
        ("InvalidVPCNetworkStateFault", "repair the DB subnet group"),
        ("NetworkTypeNotSupported", "change the network type"),
        ("StorageTypeNotSupported", "change the storage"),
        ("CertificateNotFound", "a certificate authority that RDS lists"),
        ("DomainNotFoundFault", "restore the domain"),
    ] {
        let harness = an_instance(&json!({}));
        let event = moved(&harness, "orders").await;
        refuse(&harness, "RestoreDBInstanceFromDBSnapshot", code);
        let error = call(&harness, &event).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InstanceRestore, "{code}");
        let report = error.report();
        assert!(report.contains(remedy) && report.contains(code), "{code}: {report}");
    }
}

#[tokio::test(start_paused = true)]
async fn throttling_server_errors_and_denials_keep_their_own_names() {
    for (fault, kind) in [
        (Fault::Throttle { code: "Throttling".into() }, ErrorKind::RateExceeded),
        (Fault::ServerError { status: 503 }, ErrorKind::ServiceUnavailable),
        (Fault::Denied {}, ErrorKind::AccessDenied),
    ] {
        let harness = an_instance(&json!({}));
        let event = moved(&harness, "orders").await;
        inject(&harness, "RestoreDBInstanceFromDBSnapshot", 99, fault);
        assert_eq!(call(&harness, &event).await.unwrap_err().kind(), kind);
    }
}

#[tokio::test(start_paused = true)]
async fn a_deleted_snapshot_is_named_in_the_error() {
    let harness = an_instance(&json!({}));
    let event = moved(&harness, "orders").await;
    harness.rds().delete_db_snapshot().db_snapshot_identifier("orders-snapshot").send().await.unwrap();
    harness.settle().await;
    let error = call(&harness, &event).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InstanceRestore);
    assert!(error.report().contains("orders-snapshot does not exist"), "{}", error.report());
}

#[tokio::test(start_paused = true)]
async fn the_writer_of_an_aurora_cluster_is_created_first_and_then_all_other_members() {
    let harness = clusters();
    let before = the_cluster(&harness, "shop");
    let event = moved_cluster(&harness, "shop").await;
    let output = run_cluster(&harness, &event).await.unwrap();
    assert_eq!(output.taskname, TaskName::ClusterRestore);
    let restored = the_cluster(&harness, "shop");
    assert_ne!(restored.resource_id, before.resource_id);
    assert_eq!(restored.members, ["shop-2", "shop-1", "shop-3"], "the writer first");
    assert_eq!(waited_for(&output), (Some(restored.resource_id.clone()), restored.members.clone(), false));
    let created: Vec<_> = accepted(&harness, "CreateDBInstance").iter().map(|request| request.at.as_secs()).collect();
    assert!(created[0] + 300 < created[1] && created[2] - created[1] < 5, "{created:?}");
    assert_eq!(restored.settings.serverless_v2_scaling, before.settings.serverless_v2_scaling);
    assert_eq!(restored.settings.database_name.as_deref(), Some("shop"));
    for name in ["shop-1", "shop-2", "shop-3"] {
        let (was, is) = (the_instance(&harness, &format!("{name}-temp")), the_instance(&harness, name));
        assert_ne!(is.resource_id, was.resource_id, "{name}");
        assert_eq!(is.settings, was.settings, "{name}");
    }
    let writer = the_instance(&harness, "shop-2");
    let tags: Vec<_> = writer.tags.iter().map(|(key, value)| (key.as_str(), value.as_str())).collect();
    let id = ("trapheus:resource-id", writer.resource_id.as_str());
    assert_eq!(tags, [("role", "w"), ("trapheus:execution", EXECUTION), id, ("trapheus:role", "restored")]);
}

#[tokio::test(start_paused = true)]
async fn a_cluster_without_a_database_name_is_restored_without_one() {
    let harness = clusters_with(&json!({"serverlessV2Scaling": {"minCapacity": 0.5, "maxCapacity": 8.0}}));
    let event = moved_cluster(&harness, "shop").await;
    run_cluster(&harness, &event).await.unwrap();
    assert_eq!(the_cluster(&harness, "shop").settings.database_name, None);
}

#[tokio::test(start_paused = true)]
async fn a_multi_az_cluster_is_restored_in_one_call_and_its_members_are_claimed_afterwards() {
    let harness = clusters();
    let before = the_cluster(&harness, "stock");
    let event = moved_cluster(&harness, "stock").await;
    run_cluster(&harness, &event).await.unwrap();
    let members = the_cluster(&harness, "stock").members;
    for member in members.iter().map(|name| the_instance(&harness, name)) {
        assert_eq!(member.tags["trapheus:resource-id"], member.resource_id);
        assert_eq!(member.tags["trapheus:role"], "restored");
    }
    let restored = the_cluster(&harness, "stock");
    assert_eq!((restored.settings, restored.members.len()), (before.settings, 3));
    assert_eq!(accepted(&harness, "RestoreDBClusterFromSnapshot").len(), 1);
    assert_eq!(accepted(&harness, "CreateDBInstance").len(), 0);
}

#[tokio::test(start_paused = true)]
async fn every_phase_of_a_cluster_can_be_called_twice() {
    let harness = clusters();
    let event = moved_cluster(&harness, "shop").await;
    let mut calls = 0;
    loop {
        let first = call_cluster(&harness, &event).await.unwrap();
        assert_eq!(call_cluster(&harness, &event).await.unwrap(), first);
        calls += 1;
        if !harness.wait_cluster(&event.request, first).await.unwrap().more {
            break;
        }
    }
    assert_eq!(calls, 3);
    assert!(!call_cluster(&harness, &event).await.unwrap().more);
    assert_eq!(accepted(&harness, "RestoreDBClusterFromSnapshot").len(), 1);
    assert_eq!(accepted(&harness, "CreateDBInstance").len(), 3);
}

#[tokio::test(start_paused = true)]
async fn lost_answers_create_no_second_cluster_and_no_second_member() {
    let harness = clusters();
    let event = moved_cluster(&harness, "shop").await;
    inject(&harness, "RestoreDBClusterFromSnapshot", 1, Fault::ResponseLost {});
    inject(&harness, "CreateDBInstance", 1, Fault::ResponseLost {});
    run_cluster(&harness, &event).await.unwrap();
    assert_eq!(accepted(&harness, "RestoreDBClusterFromSnapshot").len(), 1);
    assert_eq!(accepted(&harness, "CreateDBInstance").len(), 3);
    assert_eq!(the_cluster(&harness, "shop").members, ["shop-2", "shop-1", "shop-3"]);
}

#[tokio::test(start_paused = true)]
async fn a_foreign_cluster_under_the_name_is_left_alone() {
    let harness = clusters();
    let event = moved_cluster(&harness, "shop").await;
    let squatter = harness.rds().modify_db_cluster().db_cluster_identifier("stock");
    squatter.new_db_cluster_identifier("shop").apply_immediately(true).send().await.unwrap();
    harness.settle().await;
    let error = call_cluster(&harness, &event).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::ClusterRestore);
    assert!(error.report().contains("the name shop is taken"), "{}", error.report());
    assert_eq!(the_cluster(&harness, "shop").engine, "postgres");
}

#[tokio::test(start_paused = true)]
async fn a_taken_member_name_is_named_in_the_error() {
    let harness = clusters();
    let event = moved_cluster(&harness, "shop").await;
    let squatter = harness.rds().modify_db_instance().db_instance_identifier("bystander");
    squatter.new_db_instance_identifier("shop-3").apply_immediately(true).send().await.unwrap();
    harness.settle().await;
    let error = run_cluster(&harness, &event).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::ClusterRestore);
    assert!(error.report().contains("the name shop-3 is taken"), "{}", error.report());
    assert_eq!(the_instance(&harness, "shop-3").cluster, None);
}

#[tokio::test(start_paused = true)]
async fn a_restore_fails_if_an_available_cluster_takes_no_members() {
    let harness = clusters();
    let event = moved_cluster(&harness, "shop").await;
    refuse(&harness, "CreateDBInstance", "InvalidDBClusterStateFault");
    let error = run_cluster(&harness, &event).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::ClusterRestore);
    assert!(error.report().contains("shop-2 cannot be created"), "{}", error.report());
}

#[tokio::test(start_paused = true)]
async fn a_restore_waits_for_a_cluster_that_becomes_busy_between_two_members() {
    let harness = clusters();
    let event = moved_cluster(&harness, "shop").await;
    let output = harness.wait_cluster(&event.request, call_cluster(&harness, &event).await.unwrap()).await.unwrap();
    assert!(output.more);
    let busy = harness
        .rds()
        .modify_db_cluster()
        .db_cluster_identifier("shop")
        .enable_iam_database_authentication(true)
        .apply_immediately(true);
    busy.send().await.unwrap();
    let output = call_cluster(&harness, &event).await.unwrap();
    assert_eq!((waited_for(&output).1, output.more), (vec![], true));
    run_cluster(&harness, &event).await.unwrap();
    assert_eq!(the_cluster(&harness, "shop").members.len(), 3);
}

#[tokio::test(start_paused = true)]
async fn a_refusal_of_aws_about_a_cluster_is_reported_with_its_remedy() {
    for (action, code, remedy) in [
        ("RestoreDBClusterFromSnapshot", "DBClusterQuotaExceededFault", "Service Quotas"),
        ("RestoreDBClusterFromSnapshot", "InsufficientDBClusterCapacityFault", "(start the run again later"),
        (
            "RestoreDBClusterFromSnapshot",
            "DBClusterParameterGroupNotFound",
            "groups that exist and fit its engine version",
        ),
        ("RestoreDBClusterFromSnapshot", "InvalidDBClusterSnapshotStateFault", "create_snapshot_only"),
        ("CreateDBInstance", "InstanceQuotaExceeded", "Service Quotas"),
        ("CreateDBInstance", "InsufficientDBInstanceCapacity", "(start the run again later"),
    ] {
        let harness = clusters();
        let event = moved_cluster(&harness, "shop").await;
        refuse(&harness, action, code);
        let error = run_cluster(&harness, &event).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::ClusterRestore, "{code}");
        assert!(error.report().contains(remedy), "{code}: {}", error.report());
    }
}

#[tokio::test(start_paused = true)]
async fn no_cluster_is_restored_beside_its_original_or_for_another_execution() {
    let harness = clusters();
    let event = harness.claimed_cluster("shop", TASK).await;
    assert_eq!(call_cluster(&harness, &event).await.unwrap_err().kind(), ErrorKind::ClusterRestore);
    let mut others = event.clone();
    others.request.execution = OTHER_EXECUTION.into();
    assert_eq!(call_cluster(&harness, &others).await.unwrap_err().kind(), ErrorKind::Claim);
    let mut gone = event.clone();
    gone.plan.original.resource_id = "cluster-ANOTHER".into();
    assert_eq!(call_cluster(&harness, &gone).await.unwrap_err().kind(), ErrorKind::InstanceUnavailable);
    assert_eq!(accepted(&harness, "RestoreDBClusterFromSnapshot").len(), 0);
}

/// Replaces the snapshot by one of another database.
async fn replace_snapshot(harness: &Harness) {
    let rds = harness.rds();
    rds.delete_db_snapshot().db_snapshot_identifier("orders-snapshot").send().await.unwrap();
    harness.settle().await;
    let call = rds.create_db_snapshot().db_snapshot_identifier("orders-snapshot");
    call.db_instance_identifier("bystander").send().await.unwrap();
    harness.settle().await;
}

async fn replace_cluster_snapshot(harness: &Harness, snapshot: &str, source: &str) {
    let rds = harness.rds();
    rds.delete_db_cluster_snapshot().db_cluster_snapshot_identifier(snapshot).send().await.unwrap();
    harness.settle().await;
    let call = rds.create_db_cluster_snapshot().db_cluster_snapshot_identifier(snapshot);
    call.db_cluster_identifier(source).send().await.unwrap();
    harness.settle().await;
}

#[tokio::test(start_paused = true)]
async fn nothing_is_restored_from_a_snapshot_that_was_replaced() {
    let harness = an_instance(&json!({}));
    let event = moved(&harness, "orders").await;
    replace_snapshot(&harness).await;
    let error = run(&harness, &event).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InstanceRestore);
    assert!(error.report().contains("the snapshot was replaced"), "{}", error.report());
    assert!(accepted(&harness, "RestoreDBInstanceFromDBSnapshot").is_empty());
    for (snapshot, identifier) in [("shop-snapshot", "shop"), ("stock-snapshot", "stock")] {
        let harness = clusters();
        let event = moved_cluster(&harness, identifier).await;
        replace_cluster_snapshot(&harness, snapshot, &format!("{identifier}-temp")).await;
        let error = run_cluster(&harness, &event).await.unwrap_err();
        assert!(error.report().contains("the snapshot was replaced"), "{}", error.report());
        assert!(accepted(&harness, "RestoreDBClusterFromSnapshot").is_empty(), "{identifier}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_restored_database_whose_snapshot_was_replaced_meanwhile_is_not_used() {
    let harness = an_instance(&json!({}));
    let event = moved(&harness, "orders").await;
    call(&harness, &event).await.unwrap();
    replace_snapshot(&harness).await;
    let report = call(&harness, &event).await.unwrap_err().report();
    assert!(report.contains("is not used") && report.contains("the snapshot was replaced"), "{report}");
    let harness = clusters();
    let event = moved_cluster(&harness, "shop").await;
    call_cluster(&harness, &event).await.unwrap();
    replace_cluster_snapshot(&harness, "shop-snapshot", "shop-temp").await;
    let report = call_cluster(&harness, &event).await.unwrap_err().report();
    assert!(report.contains("is not used") && report.contains("the snapshot was replaced"), "{report}");
}

#[tokio::test(start_paused = true)]
async fn a_snapshot_deleted_during_the_restore_does_not_fail_the_run() {
    let harness = an_instance(&json!({}));
    let event = moved(&harness, "orders").await;
    call(&harness, &event).await.unwrap();
    harness.rds().delete_db_snapshot().db_snapshot_identifier("orders-snapshot").send().await.unwrap();
    harness.settle().await;
    run(&harness, &event).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn nothing_is_restored_without_a_pinned_source() {
    let harness = an_instance(&json!({}));
    let mut event = moved(&harness, "orders").await;
    event.plan.source = None;
    assert_eq!(call(&harness, &event).await.unwrap_err().kind(), ErrorKind::Internal);
}
