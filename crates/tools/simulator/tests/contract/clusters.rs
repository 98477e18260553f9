//! Behaviours of DB clusters, of Aurora and Multi-AZ.

use aws_sdk_rds::types::ServerlessV2ScalingConfiguration;

use crate::support::{cluster, code, delete, instance, rename, settle, simulated, status, watch};

const WORLD: &str = r#"{
    "clusters": [
        {"identifier": "shop", "engine": "aurora-postgresql", "members": [
            {"identifier": "shop-reader"}, {"identifier": "shop-writer", "writer": true, "settings": {"promotionTier": 0}}
        ]},
        {"identifier": "ledger", "engine": "postgres"}
    ],
    "clusterSnapshots": [{"identifier": "shop-snapshot", "source": "shop"}, {"identifier": "ledger-snapshot", "source": "ledger"}]
}"#;

async fn cluster_status(client: &aws_sdk_rds::Client, identifier: &str) -> Option<String> {
    let answer = client.describe_db_clusters().db_cluster_identifier(identifier).send().await.ok()?;
    answer.db_clusters()[0].status().map(str::to_owned)
}

fn member(
    client: &aws_sdk_rds::Client,
    identifier: &str,
    cluster: &str,
) -> aws_sdk_rds::operation::create_db_instance::builders::CreateDBInstanceFluentBuilder {
    let request = client.create_db_instance().db_instance_identifier(identifier).db_cluster_identifier(cluster);
    request.engine("aurora-postgresql").db_instance_class("db.r7g.large")
}

async fn restore_shop(client: &aws_sdk_rds::Client) {
    let request =
        client.restore_db_cluster_from_snapshot().db_cluster_identifier("copy").snapshot_identifier("shop-snapshot");
    request.engine("aurora-postgresql").send().await.unwrap();
}

/// Names of the members, and whether each is the writer.
async fn members(client: &aws_sdk_rds::Client, identifier: &str) -> Vec<(String, bool)> {
    let found = cluster(client, identifier).await;
    let members = found.db_cluster_members().iter();
    members
        .map(|member| (member.db_instance_identifier().unwrap().to_owned(), member.is_cluster_writer().unwrap()))
        .collect()
}

async fn delete_cluster(client: &aws_sdk_rds::Client, identifier: &str) -> Result<(), String> {
    let answer = client.delete_db_cluster().db_cluster_identifier(identifier).skip_final_snapshot(true).send().await;
    if answer.is_ok() { Ok(()) } else { Err(code(answer)) }
}

#[tokio::test(start_paused = true)]
async fn restored_cluster_is_available_without_members() {
    let (simulator, client) = simulated(WORLD);
    restore_shop(&client).await;
    let seen: Vec<String> = watch(&simulator, || cluster_status(&client, "copy")).await.into_iter().flatten().collect();
    assert_eq!(seen, ["creating", "migrating", "backing-up", "available"]);
    assert!(members(&client, "copy").await.is_empty());
    assert_ne!(
        cluster(&client, "copy").await.db_cluster_resource_id(),
        cluster(&client, "shop").await.db_cluster_resource_id()
    );
}

#[tokio::test(start_paused = true)]
async fn members_need_an_available_cluster() {
    let (simulator, client) = simulated(WORLD);
    restore_shop(&client).await;
    assert_eq!(code(member(&client, "copy-1", "copy").send().await), "InvalidDBClusterStateFault");
    settle(&simulator).await;
    member(&client, "copy-1", "copy").send().await.unwrap();
    assert_eq!(
        cluster_status(&client, "copy").await.as_deref(),
        Some("available"),
        "the status does not depend on the members"
    );
    assert_eq!(status(&client, "copy-1").await.as_deref(), Some("creating"));
    assert_eq!(code(member(&client, "x", "none").send().await), "DBClusterNotFoundFault");
}

#[tokio::test(start_paused = true)]
async fn first_member_created_is_the_writer() {
    let (simulator, client) = simulated(WORLD);
    restore_shop(&client).await;
    settle(&simulator).await;
    member(&client, "second", "copy").promotion_tier(15).send().await.unwrap();
    member(&client, "first", "copy").promotion_tier(0).send().await.unwrap();
    settle(&simulator).await;
    assert_eq!(members(&client, "copy").await, [("second".to_owned(), true), ("first".to_owned(), false)]);
}

#[tokio::test(start_paused = true)]
async fn renamed_cluster_keeps_its_members() {
    let (simulator, client) = simulated(WORLD);
    let before = cluster(&client, "shop").await;
    let request = client.modify_db_cluster().db_cluster_identifier("shop").new_db_cluster_identifier("shop-temp");
    request.apply_immediately(true).send().await.unwrap();
    let both = || async {
        (cluster_status(&client, "shop").await.is_some(), cluster_status(&client, "shop-temp").await.is_some())
    };
    assert_eq!(watch(&simulator, both).await, [(true, false), (false, false), (false, true)]);
    assert_eq!(
        members(&client, "shop-temp").await,
        [("shop-reader".to_owned(), false), ("shop-writer".to_owned(), true)]
    );
    assert_eq!(instance(&client, "shop-reader").await.db_cluster_identifier(), Some("shop-temp"));
    let after = cluster(&client, "shop-temp").await;
    assert_eq!(after.db_cluster_resource_id(), before.db_cluster_resource_id());
    assert_ne!((after.endpoint(), after.db_cluster_arn()), (before.endpoint(), before.db_cluster_arn()));
    rename(&client, "shop-reader", "shop-reader-temp").await.unwrap();
    settle(&simulator).await;
    assert_eq!(instance(&client, "shop-reader-temp").await.db_cluster_identifier(), Some("shop-temp"));
}

#[tokio::test(start_paused = true)]
async fn cluster_with_members_is_not_deleted() {
    let (simulator, client) = simulated(WORLD);
    assert_eq!(delete_cluster(&client, "shop").await, Err("InvalidDBClusterStateFault".to_owned()));
    delete(&client, "shop-reader").await.unwrap();
    assert_eq!(delete_cluster(&client, "shop").await, Err("InvalidDBClusterStateFault".to_owned()));
    delete(&client, "shop-writer").await.unwrap();
    delete_cluster(&client, "shop").await.unwrap();
    settle(&simulator).await;
    assert!(simulator.state().cluster("shop").is_none());
}

#[tokio::test(start_paused = true)]
async fn members_of_a_protected_cluster_can_be_deleted() {
    let (simulator, client) = simulated(WORLD);
    client.modify_db_cluster().db_cluster_identifier("shop").deletion_protection(true).send().await.unwrap();
    delete(&client, "shop-writer").await.unwrap();
    delete(&client, "shop-reader").await.unwrap();
    settle(&simulator).await;
    assert_eq!(delete_cluster(&client, "shop").await, Err("InvalidParameterCombination".to_owned()));
    assert!(members(&client, "shop").await.is_empty());
}

#[tokio::test(start_paused = true)]
async fn protection_is_set_at_the_cluster_only() {
    let (_, client) = simulated(WORLD);
    let on_member =
        client.modify_db_instance().db_instance_identifier("shop-writer").deletion_protection(false).send().await;
    assert_eq!(code(on_member), "InvalidParameterCombination");
    let on_new_member = member(&client, "new", "shop").deletion_protection(true).send().await;
    assert_eq!(code(on_new_member), "InvalidParameterCombination");
}

#[tokio::test(start_paused = true)]
async fn serverless_member_needs_scaling_at_its_cluster() {
    let (_, client) = simulated(WORLD);
    let serverless = || member(&client, "serverless", "shop").db_instance_class("db.serverless").send();
    assert_eq!(code(serverless().await), "InvalidDBClusterStateFault");
    let scaling = ServerlessV2ScalingConfiguration::builder().min_capacity(0.5).max_capacity(4.0).build();
    let request = client.modify_db_cluster().db_cluster_identifier("shop").serverless_v2_scaling_configuration(scaling);
    request.send().await.unwrap();
    serverless().await.unwrap();
    assert_eq!(cluster(&client, "shop").await.serverless_v2_scaling_configuration().unwrap().min_capacity(), Some(0.5));
}

#[tokio::test(start_paused = true)]
async fn multi_az_members_cannot_be_worked_on_one_by_one() {
    let (_, client) = simulated(WORLD);
    assert_eq!(code(rename(&client, "ledger-instance-1", "other").await), "InvalidParameterCombination");
    assert_eq!(code(delete(&client, "ledger-instance-1").await), "InvalidParameterCombination");
    assert_eq!(code(member(&client, "new", "ledger").engine("postgres").send().await), "InvalidParameterCombination");
}

#[tokio::test(start_paused = true)]
async fn multi_az_members_follow_their_cluster() {
    let (simulator, client) = simulated(WORLD);
    let request = client.modify_db_cluster().db_cluster_identifier("ledger").new_db_cluster_identifier("ledger-temp");
    request.apply_immediately(true).send().await.unwrap();
    settle(&simulator).await;
    let names: Vec<String> = members(&client, "ledger-temp").await.into_iter().map(|(name, _)| name).collect();
    assert_eq!(names, ["ledger-temp-instance-1", "ledger-temp-instance-2", "ledger-temp-instance-3"]);
    let restore = || {
        client
            .restore_db_cluster_from_snapshot()
            .db_cluster_identifier("ledger")
            .snapshot_identifier("ledger-snapshot")
            .engine("postgres")
    };
    assert_eq!(code(restore().send().await), "InvalidParameterCombination", "needs a class");
    restore().db_cluster_instance_class("db.m6gd.large").send().await.unwrap();
    assert_eq!(status(&client, "ledger-instance-2").await.as_deref(), Some("creating"));
    delete_cluster(&client, "ledger-temp").await.unwrap();
    settle(&simulator).await;
    assert_eq!(status(&client, "ledger-instance-2").await.as_deref(), Some("available"));
    assert!(simulator.state().instance("ledger-temp-instance-1").is_none());
}

#[tokio::test(start_paused = true)]
async fn deleting_the_writer_fails_over() {
    let (_, client) = simulated(WORLD);
    delete(&client, "shop-writer").await.unwrap();
    assert_eq!(members(&client, "shop").await, [("shop-reader".to_owned(), true), ("shop-writer".to_owned(), false)]);
}

#[tokio::test(start_paused = true)]
async fn member_of_a_global_cluster_is_not_deleted() {
    let (_, client) =
        simulated(r#"{"clusters": [{"identifier": "shop", "engine": "aurora-mysql", "globalCluster": "world"}]}"#);
    assert_eq!(delete_cluster(&client, "shop").await, Err("InvalidDBClusterStateFault".to_owned()));
    let global = client.describe_global_clusters().send().await.unwrap();
    assert!(
        global.global_clusters()[0].global_cluster_members()[0].db_cluster_arn().unwrap().ends_with(":cluster:shop")
    );
}

#[tokio::test(start_paused = true)]
async fn cluster_is_available_before_its_members() {
    let (simulator, client) = simulated(WORLD);
    client.stop_db_cluster().db_cluster_identifier("shop").send().await.unwrap();
    settle(&simulator).await;
    assert_eq!(status(&client, "shop-writer").await.as_deref(), Some("stopped"));
    client.start_db_cluster().db_cluster_identifier("shop").send().await.unwrap();
    let both =
        || async { (cluster_status(&client, "shop").await.unwrap(), status(&client, "shop-writer").await.unwrap()) };
    let seen = watch(&simulator, both).await;
    assert!(seen.contains(&("available".to_owned(), "starting".to_owned())), "{seen:?}");
    assert_eq!(seen.last().unwrap(), &("available".to_owned(), "available".to_owned()));
}

#[tokio::test(start_paused = true)]
async fn deleted_cluster_goes_after_its_members() {
    let timings = r#"{"timings": {"deleteInstance": 500, "deleteCluster": 1},"#;
    let (simulator, client) = simulated(&WORLD.replacen('{', timings, 1));
    delete(&client, "shop-reader").await.unwrap();
    delete(&client, "shop-writer").await.unwrap();
    delete_cluster(&client, "shop").await.unwrap();
    let both =
        || async { (status(&client, "shop-writer").await.is_some(), cluster_status(&client, "shop").await.is_some()) };
    assert_eq!(watch(&simulator, both).await, [(true, true), (false, true), (false, false)]);
}

#[tokio::test(start_paused = true)]
async fn final_cluster_snapshot_outlives_its_cluster() {
    let (simulator, client) = simulated(WORLD);
    let request = client.delete_db_cluster().db_cluster_identifier("ledger").final_db_snapshot_identifier("final");
    request.delete_automated_backups(false).send().await.unwrap();
    settle(&simulator).await;
    assert!(simulator.state().cluster("ledger").is_none());
    assert_eq!(simulator.state().cluster_snapshot("final").unwrap().status, "available");
    let backups = client.describe_db_cluster_automated_backups().db_cluster_identifier("ledger").send().await.unwrap();
    assert_eq!(backups.db_cluster_automated_backups()[0].status(), Some("retained"));
}

#[tokio::test(start_paused = true)]
async fn new_cluster_parameter_group_is_pending_until_its_members_reboot() {
    let (simulator, client) = simulated(WORLD);
    let pending = async || -> Vec<String> {
        let found = cluster(&client, "shop").await;
        let members = found
            .db_cluster_members()
            .iter()
            .filter(|member| member.db_cluster_parameter_group_status() == Some("pending-reboot"));
        members.map(|member| member.db_instance_identifier().unwrap().to_owned()).collect()
    };
    let modify = |group: &str| {
        client.modify_db_cluster().db_cluster_identifier("shop").db_cluster_parameter_group_name(group).send()
    };
    assert_eq!(code(modify("none").await), "DBClusterParameterGroupNotFound");
    modify("default.other").await.unwrap();
    assert_eq!(pending().await, ["shop-reader", "shop-writer"]);
    client.reboot_db_instance().db_instance_identifier("shop-reader").send().await.unwrap();
    settle(&simulator).await;
    assert_eq!(pending().await, ["shop-writer"]);
}

#[tokio::test(start_paused = true)]
async fn http_endpoint_has_actions_of_its_own() {
    let (_, client) = simulated(WORLD);
    let modify = client.modify_db_cluster().db_cluster_identifier("shop").enable_http_endpoint(true).send().await;
    assert_eq!(code(modify), "InvalidParameterCombination");
    let found = cluster(&client, "shop").await;
    client.enable_http_endpoint().resource_arn(found.db_cluster_arn().unwrap()).send().await.unwrap();
    assert_eq!(cluster(&client, "shop").await.http_endpoint_enabled(), Some(true));
    let answer = client.disable_http_endpoint().resource_arn(found.db_cluster_arn().unwrap()).send().await.unwrap();
    assert_eq!(answer.http_endpoint_enabled(), Some(false));
    let unknown =
        client.enable_http_endpoint().resource_arn("arn:aws:rds:us-east-1:123456789012:cluster:none").send().await;
    assert_eq!(code(unknown), "ResourceNotFoundFault");
}

#[tokio::test(start_paused = true)]
async fn cluster_upgrade_reaches_its_members() {
    let (simulator, client) = simulated(WORLD);
    let request = client.modify_db_cluster().db_cluster_identifier("shop").engine_version("16.9");
    let answer = request.apply_immediately(true).send().await.unwrap();
    assert_eq!(answer.db_cluster().unwrap().pending_modified_values().unwrap().engine_version(), Some("16.9"));
    settle(&simulator).await;
    assert!(cluster(&client, "shop").await.pending_modified_values().is_none());
    assert_eq!(instance(&client, "shop-reader").await.engine_version(), Some("16.9"));
}

#[tokio::test(start_paused = true)]
async fn restored_cluster_falls_back_to_defaults() {
    let world = r#"{
        "clusters": [{"identifier": "shop", "engine": "aurora-mysql", "managedMasterPassword": true, "members": [{"identifier": "shop-1"}], "settings": {
            "parameterGroup": "own", "deletionProtection": true, "databaseName": "shop", "storageEncrypted": true,
            "serverlessV2Scaling": {"minCapacity": 1, "maxCapacity": 2}, "port": 3333
        }}],
        "clusterSnapshots": [{"identifier": "shop-snapshot", "source": "shop"}]
    }"#;
    let (_, client) = simulated(world);
    let request =
        client.restore_db_cluster_from_snapshot().db_cluster_identifier("copy").snapshot_identifier("shop-snapshot");
    request.engine("aurora-mysql").send().await.unwrap();
    let copy = cluster(&client, "copy").await;
    assert_eq!(
        (copy.db_cluster_parameter_group(), copy.deletion_protection()),
        (Some("default.aurora-mysql8.0"), Some(false))
    );
    assert!(copy.serverless_v2_scaling_configuration().is_none() && copy.master_user_secret().is_none());
    assert_eq!((copy.port(), copy.database_name(), copy.storage_encrypted()), (Some(3333), Some("shop"), Some(true)));
    assert_eq!(copy.kms_key_id(), cluster(&client, "shop").await.kms_key_id());
}

#[tokio::test(start_paused = true)]
async fn cluster_names_and_quotas_are_enforced() {
    let restore = async |client: &aws_sdk_rds::Client, name: &str| {
        let request =
            client.restore_db_cluster_from_snapshot().db_cluster_identifier(name).snapshot_identifier("shop-snapshot");
        request.engine("aurora-postgresql").send().await
    };
    let (_, client) = simulated(WORLD);
    assert_eq!(code(restore(&client, "SHOP").await), "DBClusterAlreadyExistsFault");
    let rename =
        client.modify_db_cluster().db_cluster_identifier("shop").new_db_cluster_identifier("ledger").send().await;
    assert_eq!(code(rename), "DBClusterAlreadyExistsFault");
    let (_, client) = simulated(&WORLD.replacen('{', r#"{"limits": {"clusters": 2},"#, 1));
    let refused = restore(&client, "copy").await;
    assert_eq!(refused.as_ref().unwrap_err().raw_response().unwrap().status().as_u16(), 403);
    assert_eq!(code(refused), "DBClusterQuotaExceededFault");
}

#[tokio::test(start_paused = true)]
async fn multi_az_cluster_reboots_as_a_whole() {
    let (simulator, client) = simulated(WORLD);
    let reboot = |identifier: &str| client.reboot_db_cluster().db_cluster_identifier(identifier).send();
    assert_eq!(code(reboot("shop").await), "InvalidDBClusterStateFault");
    reboot("ledger").await.unwrap();
    assert_eq!(status(&client, "ledger-instance-3").await.as_deref(), Some("rebooting"));
    settle(&simulator).await;
    assert_eq!(status(&client, "ledger-instance-3").await.as_deref(), Some("available"));
}

#[tokio::test(start_paused = true)]
async fn each_kind_of_cluster_refuses_what_the_other_takes() {
    let (_, client) = simulated(WORLD);
    let modify = |identifier: &str| client.modify_db_cluster().db_cluster_identifier(identifier);
    assert_eq!(
        code(modify("shop").db_cluster_instance_class("db.r6gd.large").send().await),
        "InvalidParameterCombination"
    );
    let scaling = ServerlessV2ScalingConfiguration::builder().min_capacity(0.5).max_capacity(4.0).build();
    let serverless = modify("ledger").serverless_v2_scaling_configuration(scaling).send().await;
    assert_eq!(code(serverless), "InvalidParameterCombination");
    modify("ledger").db_cluster_instance_class("db.r6gd.large").send().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn multi_az_clusters_have_their_limitations() {
    let (_, client) = simulated(WORLD);
    assert_eq!(
        code(client.stop_db_cluster().db_cluster_identifier("ledger").send().await),
        "InvalidDBClusterStateFault"
    );
    let request = client.copy_db_cluster_snapshot().source_db_cluster_snapshot_identifier("ledger-snapshot");
    let copy = request.target_db_cluster_snapshot_identifier("copy").send().await;
    assert_eq!(code(copy), "InvalidDBClusterSnapshotStateFault");
    let modify = || client.modify_db_cluster().db_cluster_identifier("ledger");
    assert_eq!(code(modify().port(6000).send().await), "InvalidParameterCombination");
    assert_eq!(code(modify().option_group_name("default:postgres-16").send().await), "InvalidParameterCombination");
    let request = client.restore_db_cluster_from_snapshot().db_cluster_identifier("copy").engine("postgres");
    let request = request.snapshot_identifier("ledger-snapshot").db_cluster_instance_class("db.m6gd.large");
    assert_eq!(code(request.kms_key_id("alias/own").send().await), "InvalidParameterCombination");
}

#[tokio::test(start_paused = true)]
async fn ram_shared_cluster_is_not_renamed() {
    let (_, client) =
        simulated(r#"{"clusters": [{"identifier": "shop", "engine": "aurora-mysql", "ramShared": true}]}"#);
    let modify = || client.modify_db_cluster().db_cluster_identifier("shop").apply_immediately(true);
    assert_eq!(code(modify().new_db_cluster_identifier("other").send().await), "InvalidDBClusterStateFault");
    modify().backup_retention_period(7).send().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn stopped_cluster_is_not_deleted() {
    let world = r#"{"clusters": [{"identifier": "empty", "engine": "aurora-mysql"}, {"identifier": "shop", "engine": "aurora-mysql", "members": [{"identifier": "shop-1"}]}]}"#;
    let (simulator, client) = simulated(world);
    for name in ["empty", "shop"] {
        client.stop_db_cluster().db_cluster_identifier(name).send().await.unwrap();
    }
    settle(&simulator).await;
    assert_eq!(delete_cluster(&client, "empty").await, Err("InvalidDBClusterStateFault".to_owned()));
    assert_eq!(code(delete(&client, "shop-1").await), "InvalidDBClusterStateFault");
    client.start_db_cluster().db_cluster_identifier("empty").send().await.unwrap();
    settle(&simulator).await;
    delete_cluster(&client, "empty").await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn readers_of_auto_scaling_come_and_go() {
    let reader = "application-autoscaling-3f2c1d9e-7a54-4b0e-9c1a-0d1e2f3a4b5c";
    let world = WORLD.replacen(
        '{',
        &format!(
            r#"{{"meddling": [
                {{"when": {{"at": 60}}, "action": "CreateDBInstance", "parameters": {{"DBInstanceIdentifier": "{reader}", "DBClusterIdentifier": "shop", "Engine": "aurora-postgresql", "DBInstanceClass": "db.r7g.large", "PromotionTier": "15"}}}},
                {{"when": {{"at": 3600}}, "action": "DeleteDBInstance", "parameters": {{"DBInstanceIdentifier": "{reader}"}}}}
            ],"#
        ),
        1,
    );
    let (simulator, client) = simulated(&world);
    tokio::time::sleep(std::time::Duration::from_secs(1_800)).await;
    assert_eq!(members(&client, "shop").await[2], (reader.to_owned(), false));
    assert_eq!(status(&client, reader).await.as_deref(), Some("available"));
    tokio::time::sleep(std::time::Duration::from_secs(3_600)).await;
    assert_eq!(members(&client, "shop").await.len(), 2);
    assert_eq!(simulator.state().instances.len(), 5);
}

#[tokio::test(start_paused = true)]
async fn stopped_cluster_takes_no_operation_but_start() {
    let (simulator, client) = simulated(WORLD);
    client.stop_db_cluster().db_cluster_identifier("shop").send().await.unwrap();
    settle(&simulator).await;
    let state = "InvalidDBClusterStateFault";
    let modify = client.modify_db_cluster().db_cluster_identifier("shop").backup_retention_period(9).send().await;
    assert_eq!(code(modify), state);
    let rename = client.modify_db_cluster().db_cluster_identifier("shop").new_db_cluster_identifier("other");
    assert_eq!(code(rename.apply_immediately(true).send().await), state);
    let snapshot = client.create_db_cluster_snapshot().db_cluster_identifier("shop");
    assert_eq!(code(snapshot.db_cluster_snapshot_identifier("s").send().await), state);
    let failover = client.failover_db_cluster().db_cluster_identifier("shop").send().await;
    assert_eq!(code(failover), state);
    let clone = client.restore_db_cluster_to_point_in_time().db_cluster_identifier("copy");
    let clone = clone.source_db_cluster_identifier("shop").restore_type("copy-on-write");
    assert_eq!(code(clone.use_latest_restorable_time(true).send().await), state);
    let member = client.create_db_instance().db_instance_identifier("new").db_cluster_identifier("shop");
    let member = member.engine("aurora-postgresql").db_instance_class("db.r7g.large").send().await;
    assert_eq!(code(member), state);
    assert_eq!(code(client.stop_db_cluster().db_cluster_identifier("shop").send().await), state);
    tokio::time::sleep(std::time::Duration::from_secs(7 * 86_400)).await;
    settle(&simulator).await;
    assert_eq!(cluster_status(&client, "shop").await.as_deref(), Some("available"));
    assert_eq!(status(&client, "shop-writer").await.as_deref(), Some("available"));
}

#[tokio::test(start_paused = true)]
async fn failover_moves_the_writer_in_half_a_minute() {
    let (simulator, client) = simulated(&WORLD.replacen('{', r#"{"timings": {"jitter": 0},"#, 1));
    let writer = async |name: &str| members(&client, name).await.into_iter().find(|(_, writes)| *writes).unwrap().0;
    assert_eq!(writer("shop").await, "shop-writer");
    let failover = |name: &str| client.failover_db_cluster().db_cluster_identifier(name);
    failover("shop").target_db_instance_identifier("shop-reader").send().await.unwrap();
    let seen = watch(&simulator, || async {
        (cluster_status(&client, "shop").await.unwrap(), members(&client, "shop").await[0].1)
    });
    let seen = seen.await;
    let writers = [("failing-over", false), ("available", true)];
    assert_eq!(seen, writers.map(|(status, reader_writes)| (status.to_owned(), reader_writes)));
    assert_eq!(simulator.now().as_secs(), 30);
    assert_eq!(simulator.state().downtime_seconds("shop", true), Some(30.0));
    failover("shop").send().await.unwrap();
    failover("ledger").send().await.unwrap();
    assert_eq!(status(&client, "ledger-instance-2").await.as_deref(), Some("available"));
    settle(&simulator).await;
    assert_eq!((writer("shop").await.as_str(), writer("ledger").await.as_str()), ("shop-writer", "ledger-instance-2"));
}

#[tokio::test(start_paused = true)]
async fn failover_needs_an_available_reader() {
    let world = r#"{"clusters": [
        {"identifier": "shop", "engine": "aurora-mysql", "members": [
            {"identifier": "shop-1"}, {"identifier": "shop-2", "status": "creating"}, {"identifier": "shop-3", "status": "failed"}
        ]},
        {"identifier": "single", "engine": "aurora-mysql", "members": [{"identifier": "single-1"}]},
        {"identifier": "ledger", "engine": "mysql"}
    ]}"#;
    let (_, client) = simulated(world);
    let failover = |name: &str| client.failover_db_cluster().db_cluster_identifier(name);
    let to = |member: &str| failover("shop").target_db_instance_identifier(member).send();
    for member in ["shop-1", "shop-2", "shop-3"] {
        assert_eq!(code(to(member).await), "InvalidDBInstanceState", "{member}");
    }
    assert_eq!(code(to("single-1").await), "InvalidParameterValue", "a member of another cluster");
    for name in ["shop", "single"] {
        assert_eq!(code(failover(name).send().await), "InvalidDBClusterStateFault", "{name}");
    }
    assert_eq!(code(failover("none").send().await), "DBClusterNotFoundFault");
    let targeted = failover("ledger").target_db_instance_identifier("ledger-instance-2").send().await;
    assert_eq!(code(targeted), "InvalidParameterCombination");
}
