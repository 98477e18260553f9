//! Handlers of the settings crate.

use aws_sdk_rds::types::DbInstance;
use rds_simulator::{ClusterState, Fault, FaultRule, InstanceState, Outcome};
use serde_json::{Value, json};
use trapheus_common::document::{
    OriginalCluster, OriginalInstance, StepEvent, StepOutput, Task, TaskName, Verification,
};
use trapheus_common::{ErrorKind, Result, tags};
use trapheus_settings::{cluster, instance};
use trapheus_tests::{EXECUTION, Harness, OTHER_EXECUTION};

const TASK: Task = Task::DbRestore;

fn an_instance(settings: &Value, managed_password: bool) -> Harness {
    Harness::new(json!({
        "instances": [
            {"identifier": "orders", "engine": "postgres", "settings": settings,
             "managedMasterPassword": managed_password,
             "tags": {"team": "shop", "aws:cloudformation:stack-name": "shop"}},
            {"identifier": "bystander", "engine": "postgres"},
        ],
        "snapshots": [{"identifier": "orders-snapshot", "source": "orders"}],
        "parameterGroups": [{"name": "other", "family": "postgres16"}],
    }))
}

fn with_everything() -> Harness {
    let settings = json!({
        "class": "db.m7g.large", "port": 5433, "multiAz": true, "subnetGroup": "private", "publiclyAccessible": true,
        "autoMinorVersionUpgrade": false, "storageType": "gp3", "allocatedStorage": 500, "iops": 12000,
        "storageThroughput": 500, "maxAllocatedStorage": 1000, "storageEncrypted": true,
        "optionGroup": "shop-options", "parameterGroup": "shop-parameters", "vpcSecurityGroups": ["sg-2", "sg-1"],
        "copyTagsToSnapshot": true, "iamDatabaseAuthentication": true, "logExports": ["upgrade", "postgresql"],
        "deletionProtection": true, "networkType": "DUAL", "backupRetentionPeriod": 14,
        "backupWindow": "03:00-03:30", "maintenanceWindow": "sat:07:00-sat:07:30",
        "monitoringInterval": 60, "monitoringRoleArn": "arn:aws:iam::123456789012:role/monitoring",
        "performanceInsights": true, "performanceInsightsRetentionPeriod": 465, "databaseInsightsMode": "advanced",
    });
    an_instance(&settings, true)
}

fn clusters() -> Harness {
    Harness::new(json!({
        "clusters": [
            {"identifier": "shop", "engine": "aurora-postgresql", "managedMasterPassword": true,
             "tags": {"team": "shop"},
             "settings": {"databaseName": "shop", "deletionProtection": true, "storageEncrypted": true,
                          "availabilityZones": ["us-east-1a", "us-east-1b", "us-east-1c"],
                          "serverlessV2Scaling": {"minCapacity": 0.5, "maxCapacity": 8.0},
                          "parameterGroup": "shop-cluster-parameters", "vpcSecurityGroups": ["sg-1"],
                          "iamDatabaseAuthentication": true, "logExports": ["postgresql"],
                          "backupRetentionPeriod": 14, "backupWindow": "03:00-03:30",
                          "maintenanceWindow": "sat:07:00-sat:07:30"},
             "members": [
                {"identifier": "shop-1", "settings": {"class": "db.r7g.xlarge", "promotionTier": 3}},
                {"identifier": "shop-2", "writer": true, "tags": {"role": "w"},
                 "settings": {"class": "db.r7g.large", "promotionTier": 0, "parameterGroup": "shop-parameters",
                              "maintenanceWindow": "mon:01:00-mon:01:30", "monitoringInterval": 60,
                              "monitoringRoleArn": "arn:aws:iam::123456789012:role/monitoring"}},
                {"identifier": "shop-3", "settings": {"class": "db.serverless", "promotionTier": 15}},
             ]},
            {"identifier": "stock", "engine": "postgres", "managedMasterPassword": true,
             "settings": {"class": "db.m6gd.large", "caCertificate": "rds-ca-ecc384-g1", "storageType": "io1", "iops": 4000, "deletionProtection": true,
                          "maintenanceWindow": "sat:07:00-sat:07:30", "monitoringInterval": 30,
                          "monitoringRoleArn": "arn:aws:iam::123456789012:role/monitoring",
                          "performanceInsights": true, "performanceInsightsRetentionPeriod": 7}},
        ],
        "clusterSnapshots": [
            {"identifier": "shop-snapshot", "source": "shop"},
            {"identifier": "stock-snapshot", "source": "stock"},
        ],
        "clusterParameterGroups": [
            {"name": "other-shop", "family": "aurora-postgresql16"},
            {"name": "other-stock", "family": "postgres16"},
        ],
    }))
}

/// The original, claimed and parked, and the restored instance available.
async fn restored(harness: &Harness, identifier: &str) -> StepEvent<OriginalInstance> {
    let event = Box::pin(harness.claimed_instance(identifier, TASK)).await;
    let rename = Harness::parking(&event);
    let step = async || Box::pin(trapheus_rename::instance::rename(harness.rds(), rename.clone())).await;
    harness.run_instance(&event.request, step).await.unwrap();
    let step = async || Box::pin(trapheus_restore::instance::restore(harness.rds(), Harness::restoring(&event))).await;
    harness.run_instance(&event.request, step).await.unwrap();
    event
}

async fn restored_cluster(harness: &Harness, identifier: &str) -> StepEvent<OriginalCluster> {
    let event = Box::pin(harness.claimed_cluster(identifier, TASK)).await;
    let rename = Harness::parking(&event);
    let step = async || Box::pin(trapheus_rename::cluster::rename(harness.rds(), rename.clone())).await;
    harness.run_cluster(&event.request, step).await.unwrap();
    let step = async || Box::pin(trapheus_restore::cluster::restore(harness.rds(), Harness::restoring(&event))).await;
    harness.run_cluster(&event.request, step).await.unwrap();
    event
}

async fn configure(harness: &Harness, event: &StepEvent<OriginalInstance>) -> Result<StepOutput> {
    let step = async || Box::pin(instance::configure(harness.rds(), Harness::restored(event))).await;
    harness.run_instance(&event.request, step).await
}

async fn configure_cluster(harness: &Harness, event: &StepEvent<OriginalCluster>) -> Result<StepOutput> {
    let step = async || Box::pin(cluster::configure(harness.rds(), Harness::restored(event))).await;
    harness.run_cluster(&event.request, step).await
}

async fn verify(harness: &Harness, event: &StepEvent<OriginalInstance>) -> Result<Verification> {
    Box::pin(instance::verify(harness.rds(), Harness::restored(event))).await
}

async fn verify_cluster(harness: &Harness, event: &StepEvent<OriginalCluster>) -> Result<Verification> {
    Box::pin(cluster::verify(harness.rds(), Harness::restored(event))).await
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

/// The number of times that RDS carried out an action on this database.
fn accepted(harness: &Harness, action: &str, identifier: &str) -> usize {
    let requests = harness.simulator.requests();
    let is_done = |outcome: &Outcome| matches!(outcome, Outcome::Ok | Outcome::ResponseLost);
    let concerns = |values: &std::collections::BTreeMap<String, String>| {
        ["DBInstanceIdentifier", "DBClusterIdentifier"]
            .iter()
            .any(|key| values.get(*key).is_some_and(|value| value == identifier))
            && !values.contains_key("NewDBInstanceIdentifier")
            && !values.contains_key("NewDBClusterIdentifier")
    };
    requests
        .iter()
        .filter(|request| request.action == action && is_done(&request.outcome) && concerns(&request.parameters))
        .count()
}

#[tokio::test(start_paused = true)]
async fn an_instance_with_default_settings_needs_no_change_and_passes() {
    let harness = an_instance(&json!({}), false);
    let event = restored(&harness, "orders").await;
    let output = configure(&harness, &event).await.unwrap();
    assert_eq!((output.taskname, output.notes.len()), (TaskName::Settings, 0));
    let verification = verify(&harness, &event).await.unwrap();
    assert_eq!(verification.differences, Vec::<String>::new());
    assert_eq!(verification.resource_id, the_instance(&harness, "orders").resource_id);
    let output = Box::pin(instance::protect(harness.rds(), Harness::restored(event))).await.unwrap();
    assert_eq!((output.taskname, output.wait_for, output.more), (TaskName::Protection, None, false));
    assert_eq!(accepted(&harness, "ModifyDBInstance", "orders"), 0);
}

#[tokio::test(start_paused = true)]
async fn settings_that_the_restore_left_out_are_carried_over_in_two_calls() {
    let harness = with_everything();
    let event = restored(&harness, "orders").await;
    let output = configure(&harness, &event).await.unwrap();
    assert_eq!(accepted(&harness, "ModifyDBInstance", "orders"), 2);
    let (was, is) = (the_instance(&harness, "orders-temp"), the_instance(&harness, "orders"));
    assert_eq!(is.settings.maintenance_window, was.settings.maintenance_window);
    assert_eq!(is.settings.max_allocated_storage, Some(1000));
    assert_eq!(is.settings.monitoring_interval, Some(60));
    assert_eq!(is.settings.database_insights_mode.as_deref(), Some("advanced"));
    assert_eq!(is.settings.log_exports.map(|logs| logs.len()), Some(2));
    let secret = is.secret_arn.expect("a managed secret");
    assert_ne!(Some(&secret), was.secret_arn.as_ref());
    assert!(output.notes.iter().any(|note| note.contains(&secret)), "{:?}", output.notes);
    let verification = verify(&harness, &event).await.unwrap();
    assert_eq!(verification.differences, Vec::<String>::new());
}

#[tokio::test(start_paused = true)]
async fn a_second_configure_changes_nothing_and_gives_the_same_answer() {
    let harness = with_everything();
    let event = restored(&harness, "orders").await;
    let first = configure(&harness, &event).await.unwrap();
    let second = configure(&harness, &event).await.unwrap();
    assert_eq!(second.notes, first.notes);
    assert_eq!(accepted(&harness, "ModifyDBInstance", "orders"), 2);
}

#[tokio::test(start_paused = true)]
async fn a_lost_answer_to_a_modification_is_no_failure() {
    let harness = with_everything();
    let event = restored(&harness, "orders").await;
    inject(&harness, "ModifyDBInstance", 1, Fault::ResponseLost {});
    let output = configure(&harness, &event).await.unwrap();
    let secret = the_instance(&harness, "orders").secret_arn.unwrap();
    assert!(output.notes.iter().any(|note| note.contains(&secret)), "{:?}", output.notes);
    verify(&harness, &event).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn protection_is_switched_back_on_once() {
    let harness = with_everything();
    let event = restored(&harness, "orders").await;
    configure(&harness, &event).await.unwrap();
    for _ in 0..2 {
        let step = async || Box::pin(instance::protect(harness.rds(), Harness::restored(&event))).await;
        harness.run_instance(&event.request, step).await.unwrap();
        assert_eq!(the_instance(&harness, "orders").settings.deletion_protection, Some(true));
    }
    assert_eq!(accepted(&harness, "ModifyDBInstance", "orders"), 3);
    assert_eq!(verify(&harness, &event).await.unwrap().differences, Vec::<String>::new());
}

#[tokio::test(start_paused = true)]
async fn small_gp3_storage_passes_the_verification() {
    let small = json!({"storageType": "gp3", "allocatedStorage": 100, "iops": 3000, "storageThroughput": 125});
    let harness = an_instance(&small, false);
    let event = restored(&harness, "orders").await;
    configure(&harness, &event).await.unwrap();
    assert_eq!(verify(&harness, &event).await.unwrap().differences, Vec::<String>::new());
}

#[tokio::test(start_paused = true)]
async fn tags_become_the_originals_and_our_claim_stays() {
    let harness = an_instance(&json!({}), false);
    let event = restored(&harness, "orders").await;
    let arn = the_instance(&harness, "orders").arn;
    let stray = aws_sdk_rds::types::Tag::builder().key("stray").value("x").build();
    harness.rds().add_tags_to_resource().resource_name(&arn).tags(stray).send().await.unwrap();
    harness.rds().remove_tags_from_resource().resource_name(&arn).tag_keys("team").send().await.unwrap();
    configure(&harness, &event).await.unwrap();
    let tags = the_instance(&harness, "orders").tags;
    assert_eq!(
        tags.keys().collect::<Vec<_>>(),
        ["team", "trapheus:execution", "trapheus:resource-id", "trapheus:role"]
    );
}

#[tokio::test(start_paused = true)]
async fn a_parameter_group_that_waits_for_a_reboot_gets_it_once() {
    let harness = an_instance(&json!({}), false);
    let event = restored(&harness, "orders").await;
    let group = event.plan.original.settings.parameter_group.clone().unwrap();
    for group in ["other", group.as_str()] {
        let call = harness.rds().modify_db_instance().db_instance_identifier("orders");
        call.db_parameter_group_name(group).apply_immediately(true).send().await.unwrap();
        harness.settle().await;
    }
    let error = verify(&harness, &event).await.unwrap_err();
    assert!(error.report().contains("not in force: pending-reboot"), "{}", error.report());
    configure(&harness, &event).await.unwrap();
    assert_eq!(accepted(&harness, "RebootDBInstance", "orders"), 1);
    assert_eq!(verify(&harness, &event).await.unwrap().differences, Vec::<String>::new());
}

#[tokio::test(start_paused = true)]
async fn a_setting_that_a_person_changed_meanwhile_is_set_back_or_listed() {
    let harness = an_instance(&json!({"backupRetentionPeriod": 14}), false);
    let event = restored(&harness, "orders").await;
    let change = || harness.rds().modify_db_instance().db_instance_identifier("orders").apply_immediately(true);
    change().vpc_security_group_ids("sg-stranger").backup_retention_period(3).send().await.unwrap();
    harness.settle().await;
    configure(&harness, &event).await.unwrap();
    assert_eq!(verify(&harness, &event).await.unwrap().differences, Vec::<String>::new());
    let call = change().vpc_security_group_ids("sg-stranger").backup_retention_period(3);
    call.db_port_number(5555).db_parameter_group_name("other").send().await.unwrap();
    harness.settle().await;
    for _ in 0..2 {
        let error = verify(&harness, &event).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Verification);
        for part in ["the port: 5555", "sg-stranger", "the parameter group: other", "backup retention: 3, was 14"] {
            assert!(error.report().contains(part), "{part}: {}", error.report());
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_snapshot_taken_before_a_minor_upgrade_is_reported() {
    let harness = Harness::new(json!({
        "instances": [{"identifier": "orders", "engine": "postgres", "settings": {"engineVersion": "16.9"}}],
        "snapshots": [{"identifier": "orders-snapshot", "source": "orders", "settings": {"engineVersion": "16.8"}}],
    }));
    let event = restored(&harness, "orders").await;
    let differences = verify(&harness, &event).await.unwrap().differences;
    assert_eq!(differences, ["the engine version: 16.8, was 16.9 (the snapshot is of 16.8)"]);
}

#[tokio::test(start_paused = true)]
async fn a_refused_setting_is_a_note_unless_it_is_essential() {
    let refused = || Fault::Error { code: "InvalidParameterValue".into(), message: "the role is gone".into() };
    let monitored = json!({"monitoringInterval": 60, "monitoringRoleArn": "arn:aws:iam::123456789012:role/gone"});
    let harness = an_instance(&monitored, false);
    let event = restored(&harness, "orders").await;
    inject(&harness, "ModifyDBInstance", 99, refused());
    let output = configure(&harness, &event).await.unwrap();
    assert!(output.notes[0].contains("the role is gone; set it by hand"), "{:?}", output.notes);
    let differences = verify(&harness, &event).await.unwrap().differences;
    assert_eq!(differences[0], "the monitoring interval: off, was 60");

    let harness = an_instance(&monitored, true);
    let event = restored(&harness, "orders").await;
    inject(&harness, "ModifyDBInstance", 99, refused());
    let error = configure(&harness, &event).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Settings);
    assert!(error.report().contains("the managed master password"), "{}", error.report());
    assert_eq!(verify(&harness, &event).await.unwrap_err().kind(), ErrorKind::Verification);
}

#[tokio::test(start_paused = true)]
async fn throttling_is_left_to_the_state_machines_retry() {
    let harness = with_everything();
    let event = restored(&harness, "orders").await;
    inject(&harness, "ModifyDBInstance", 99, Fault::Throttle { code: "Throttling".into() });
    assert_eq!(configure(&harness, &event).await.unwrap_err().kind(), ErrorKind::RateExceeded);
}

#[tokio::test(start_paused = true)]
async fn settings_and_protection_wait_for_a_busy_instance() {
    let harness = with_everything();
    let event = restored(&harness, "orders").await;
    let call = harness.rds().modify_db_instance().db_instance_identifier("orders").db_port_number(5433);
    call.db_instance_class("db.m7g.xlarge").apply_immediately(true).send().await.unwrap();
    let output = Box::pin(instance::configure(harness.rds(), Harness::restored(&event))).await.unwrap();
    assert!(output.more && output.wait_for.is_some());
    let output = Box::pin(instance::protect(harness.rds(), Harness::restored(&event))).await.unwrap();
    assert!(output.more && output.wait_for.is_some());
    assert_eq!(verify(&harness, &event).await.unwrap_err().kind(), ErrorKind::Verification);
}

#[tokio::test(start_paused = true)]
async fn a_backup_that_has_just_begun_does_not_fail_the_verification() {
    let harness = an_instance(&json!({}), false);
    let event = restored(&harness, "orders").await;
    let call = harness.rds().create_db_snapshot().db_instance_identifier("orders").db_snapshot_identifier("nightly");
    call.send().await.unwrap();
    assert_eq!(the_instance(&harness, "orders").status, "backing-up");
    verify(&harness, &event).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn an_unclaimed_database_under_the_name_is_neither_configured_nor_verified_nor_protected() {
    let harness = an_instance(&json!({"deletionProtection": true, "monitoringInterval": 60}), false);
    let event = restored(&harness, "orders").await;
    let arn = the_instance(&harness, "orders").arn;
    let call = harness.rds().remove_tags_from_resource().resource_name(&arn);
    call.tag_keys("trapheus:execution").send().await.unwrap();
    let before = the_instance(&harness, "orders");
    assert_eq!(configure(&harness, &event).await.unwrap_err().kind(), ErrorKind::Settings);
    assert_eq!(verify(&harness, &event).await.unwrap_err().kind(), ErrorKind::Verification);
    assert_eq!(
        Box::pin(instance::protect(harness.rds(), Harness::restored(event))).await.unwrap_err().kind(),
        ErrorKind::Settings
    );
    assert_eq!(the_instance(&harness, "orders"), before);
}

#[tokio::test(start_paused = true)]
async fn no_step_works_for_another_execution_or_without_the_original() {
    let harness = with_everything();
    let event = restored(&harness, "orders").await;
    let mut others = event.clone();
    others.request.execution = OTHER_EXECUTION.into();
    let mut gone = event.clone();
    gone.plan.original.resource_id = "db-ANOTHER".into();
    for (event, kind) in [(others, ErrorKind::Claim), (gone, ErrorKind::InstanceUnavailable)] {
        assert_eq!(configure(&harness, &event).await.unwrap_err().kind(), kind);
        assert_eq!(verify(&harness, &event).await.unwrap_err().kind(), kind);
        assert_eq!(
            Box::pin(instance::protect(harness.rds(), Harness::restored(event))).await.unwrap_err().kind(),
            kind
        );
    }
    assert_eq!(accepted(&harness, "ModifyDBInstance", "orders"), 0);
}

#[tokio::test(start_paused = true)]
async fn an_aurora_cluster_ends_with_the_settings_of_the_original() {
    let harness = clusters();
    let event = restored_cluster(&harness, "shop").await;
    let first = configure_cluster(&harness, &event).await.unwrap();
    let secret = the_cluster(&harness, "shop").secret_arn.expect("a managed secret");
    assert!(first.notes.iter().any(|note| note.contains(&secret)), "{:?}", first.notes);
    assert_eq!(configure_cluster(&harness, &event).await.unwrap().notes, first.notes);
    assert_eq!(accepted(&harness, "ModifyDBCluster", "shop"), 2);
    for _ in 0..2 {
        let verification = verify_cluster(&harness, &event).await.unwrap();
        assert_eq!(verification.differences, Vec::<String>::new());
        assert_eq!(verification.resource_id, the_cluster(&harness, "shop").resource_id);
    }
    for _ in 0..2 {
        let step = async || Box::pin(cluster::protect(harness.rds(), Harness::restored(&event))).await;
        harness.run_cluster(&event.request, step).await.unwrap();
        assert_eq!(the_cluster(&harness, "shop").settings.deletion_protection, Some(true));
    }
    assert_eq!(accepted(&harness, "ModifyDBCluster", "shop"), 3);
    let (was, is) = (the_cluster(&harness, "shop-temp"), the_cluster(&harness, "shop"));
    assert_eq!(is.settings, was.settings);
}

#[tokio::test(start_paused = true)]
async fn a_multi_az_cluster_ends_with_the_settings_of_the_original() {
    let harness = clusters();
    let event = restored_cluster(&harness, "stock").await;
    configure_cluster(&harness, &event).await.unwrap();
    assert_eq!(verify_cluster(&harness, &event).await.unwrap().differences, Vec::<String>::new());
    let step = async || Box::pin(cluster::protect(harness.rds(), Harness::restored(&event))).await;
    harness.run_cluster(&event.request, step).await.unwrap();
    assert_eq!(the_cluster(&harness, "stock").settings, the_cluster(&harness, "stock-temp").settings);
    assert_eq!(accepted(&harness, "ModifyDBCluster", "stock"), 3);
}

#[tokio::test(start_paused = true)]
async fn a_member_that_a_person_changed_is_set_back() {
    let harness = clusters();
    let event = restored_cluster(&harness, "shop").await;
    let call = harness.rds().modify_db_instance().db_instance_identifier("shop-3").promotion_tier(0);
    call.apply_immediately(true).send().await.unwrap();
    harness.settle().await;
    configure_cluster(&harness, &event).await.unwrap();
    assert_eq!(the_instance(&harness, "shop-3").settings.promotion_tier, Some(15));
    assert_eq!(verify_cluster(&harness, &event).await.unwrap().differences, Vec::<String>::new());
}

#[tokio::test(start_paused = true)]
async fn cluster_parameters_that_wait_for_a_reboot_get_it_on_every_member_once() {
    let harness = clusters();
    for (identifier, reboot, rebooted) in
        [("shop", "RebootDBInstance", vec!["shop-1", "shop-2", "shop-3"]), ("stock", "RebootDBCluster", vec!["stock"])]
    {
        let event = restored_cluster(&harness, identifier).await;
        let group = event.plan.original.settings.parameter_group.clone().unwrap();
        for group in [format!("other-{identifier}"), group] {
            let call = harness.rds().modify_db_cluster().db_cluster_identifier(identifier);
            call.db_cluster_parameter_group_name(group).apply_immediately(true).send().await.unwrap();
            harness.settle().await;
        }
        let error = verify_cluster(&harness, &event).await.unwrap_err();
        assert!(error.report().contains("not in force"), "{}", error.report());
        configure_cluster(&harness, &event).await.unwrap();
        for name in rebooted {
            assert_eq!(accepted(&harness, reboot, name), 1, "{name}");
        }
        verify_cluster(&harness, &event).await.unwrap();
    }
}

#[tokio::test(start_paused = true)]
async fn the_http_endpoint_is_switched_back_on_or_reported() {
    for (denied, differences) in [(false, vec![]), (true, vec!["the HTTP endpoint: off, was on".to_owned()])] {
        let harness = Harness::new(json!({
            "clusters": [{"identifier": "shop", "engine": "aurora-postgresql", "settings": {"httpEndpoint": true},
                          "members": [{"identifier": "shop-1"}]}],
            "clusterSnapshots": [{"identifier": "shop-snapshot", "source": "shop"}],
        }));
        let event = restored_cluster(&harness, "shop").await;
        if denied {
            inject(&harness, "EnableHttpEndpoint", 99, Fault::Denied {});
        }
        let output = configure_cluster(&harness, &event).await.unwrap();
        assert_eq!(output.notes.len(), differences.len(), "{:?}", output.notes);
        assert_eq!(verify_cluster(&harness, &event).await.unwrap().differences, differences);
    }
}

#[tokio::test(start_paused = true)]
async fn a_missing_member_and_another_writer_are_listed() {
    let harness = clusters();
    let event = restored_cluster(&harness, "shop").await;
    configure_cluster(&harness, &event).await.unwrap();
    let call = harness.rds().delete_db_instance().db_instance_identifier("shop-2").skip_final_snapshot(true);
    call.send().await.unwrap();
    harness.settle().await;
    let error = verify_cluster(&harness, &event).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Verification);
    for part in ["the member shop-2 is missing", "the writer is shop-1, was shop-2"] {
        assert!(error.report().contains(part), "{part}: {}", error.report());
    }
}

#[tokio::test(start_paused = true)]
async fn a_member_added_by_a_person_is_reported_and_left_alone() {
    let harness = clusters();
    let event = restored_cluster(&harness, "shop").await;
    let call = harness.rds().create_db_instance().db_instance_identifier("stranger").db_cluster_identifier("shop");
    call.engine("aurora-postgresql").db_instance_class("db.r7g.large").send().await.unwrap();
    harness.settle().await;
    let before = the_instance(&harness, "stranger").settings;
    configure_cluster(&harness, &event).await.unwrap();
    let differences = verify_cluster(&harness, &event).await.unwrap().differences;
    assert_eq!(differences, ["the member stranger is none of this run's"]);
    assert_eq!(the_instance(&harness, "stranger").settings.promotion_tier, before.promotion_tier);
}

#[tokio::test(start_paused = true)]
async fn no_cluster_is_configured_for_another_execution_or_without_our_claim() {
    let harness = clusters();
    let event = restored_cluster(&harness, "shop").await;
    let mut others = event.clone();
    others.request.execution = OTHER_EXECUTION.into();
    assert_eq!(configure_cluster(&harness, &others).await.unwrap_err().kind(), ErrorKind::Claim);
    assert_eq!(verify_cluster(&harness, &others).await.unwrap_err().kind(), ErrorKind::Claim);
    assert_eq!(cluster::protect(harness.rds(), Harness::restored(others)).await.unwrap_err().kind(), ErrorKind::Claim);
    let arn = the_cluster(&harness, "shop").arn;
    let call = harness.rds().remove_tags_from_resource().resource_name(&arn);
    call.tag_keys("trapheus:role").send().await.unwrap();
    assert_eq!(configure_cluster(&harness, &event).await.unwrap_err().kind(), ErrorKind::Settings);
    assert_eq!(verify_cluster(&harness, &event).await.unwrap_err().kind(), ErrorKind::Verification);
    assert_eq!(
        cluster::protect(harness.rds(), Harness::restored(event)).await.unwrap_err().kind(),
        ErrorKind::Settings
    );
    assert_eq!(accepted(&harness, "ModifyDBCluster", "shop"), 0);
}

#[tokio::test(start_paused = true)]
async fn every_step_waits_for_a_claim_of_the_restored_database_that_shows_two_minutes_late() {
    let harness = an_instance(&json!({}), false);
    let event = restored(&harness, "orders").await;
    let arn = the_instance(&harness, "orders").arn;
    for step in ["configure", "verify", "commit", "protect"] {
        trapheus_common::rds::remove_tags(harness.rds(), &arn, &tags::OURS).await.unwrap();
        let late = async {
            tokio::time::sleep(std::time::Duration::from_secs(120)).await;
            let mark = tags::mark(EXECUTION, tags::Role::Restored);
            trapheus_common::rds::add_tags(harness.rds(), &arn, mark).await.unwrap();
        };
        let work = async {
            match step {
                "configure" => Box::pin(instance::configure(harness.rds(), Harness::restored(&event))).await.map(drop),
                "verify" => instance::verify(harness.rds(), Harness::restored(&event)).await.map(drop),
                "commit" => {
                    let verified = the_instance(&harness, "orders").resource_id;
                    let commit = Harness::committing(&event, &verified);
                    trapheus_commit::commit::<DbInstance, OriginalInstance>(harness.rds(), commit).await.map(drop)
                }
                _ => Box::pin(instance::protect(harness.rds(), Harness::restored(&event))).await.map(drop),
            }
        };
        let (outcome, ()) = futures::join!(work, late);
        outcome.unwrap_or_else(|error| panic!("{step}: {}", error.report()));
    }
}
