//! Behaviours of restores to a point in time, of instances and of clusters.

use std::time::Duration;

use aws_sdk_rds::operation::restore_db_cluster_to_point_in_time::builders::RestoreDBClusterToPointInTimeFluentBuilder;
use aws_sdk_rds::operation::restore_db_instance_to_point_in_time::builders::RestoreDBInstanceToPointInTimeFluentBuilder;

use crate::support::{cluster, code, delete, instance, moment, post, rename, settle, simulated, status, tag};

const DAY: i64 = 86_400;

const WORLD: &str = r#"{
    "timings": {"jitter": 0},
    "instances": [
        {
            "identifier": "orders", "engine": "postgres", "tags": {"team": "payments", "aws:x": "y"},
            "settings": {
                "engineVersion": "15.7", "port": 6543, "multiAz": true, "deletionProtection": true, "allocatedStorage": 500,
                "storageType": "gp3", "iops": 12000, "storageEncrypted": true, "backupRetentionPeriod": 14
            }
        },
        {"identifier": "bare", "engine": "mysql", "settings": {"backupRetentionPeriod": 0}},
        {"identifier": "young", "engine": "mysql", "ageHours": 2, "settings": {"backupRetentionPeriod": 7}}
    ],
    "clusters": [
        {
            "identifier": "shop", "engine": "aurora-postgresql", "members": [{"identifier": "shop-1"}], "tags": {"team": "shop"},
            "settings": {"engineVersion": "15.12", "port": 6543, "backupRetentionPeriod": 3, "databaseName": "shop"}
        },
        {"identifier": "safe", "engine": "aurora-mysql", "settings": {"storageEncrypted": true, "kmsKeyId": "alias/old"}},
        {"identifier": "ledger", "engine": "postgres", "settings": {"backupRetentionPeriod": 7}}
    ],
    "snapshots": [
        {"identifier": "rds:orders-1", "source": "orders", "type": "automated"},
        {"identifier": "kept", "source": "orders"}
    ]
}"#;

/// A restore of `orders` to the latest moment.
fn restore(client: &aws_sdk_rds::Client) -> RestoreDBInstanceToPointInTimeFluentBuilder {
    bare_restore(client).source_db_instance_identifier("orders").use_latest_restorable_time(true)
}

fn bare_restore(client: &aws_sdk_rds::Client) -> RestoreDBInstanceToPointInTimeFluentBuilder {
    client.restore_db_instance_to_point_in_time().target_db_instance_identifier("copy")
}

fn cluster_restore(client: &aws_sdk_rds::Client, source: &str) -> RestoreDBClusterToPointInTimeFluentBuilder {
    let request = client.restore_db_cluster_to_point_in_time().db_cluster_identifier("copy");
    request.source_db_cluster_identifier(source).use_latest_restorable_time(true)
}

const COMBINATION: &str = "InvalidParameterCombination";

#[tokio::test(start_paused = true)]
async fn instance_restore_to_a_point_in_time_names_one_source_and_one_moment() {
    let (_, client) = simulated(WORLD);
    let id = instance(&client, "orders").await.dbi_resource_id().unwrap().to_owned();
    let latest = || bare_restore(&client).use_latest_restorable_time(true);
    let arn = "arn:aws:rds:us-east-1:123456789012:auto-backup:ab-x";
    assert_eq!(code(latest().send().await), COMBINATION);
    assert_eq!(code(restore(&client).source_dbi_resource_id(&id).send().await), COMBINATION);
    assert_eq!(code(restore(&client).source_db_instance_automated_backups_arn(arn).send().await), COMBINATION);
    let replicated = latest().source_db_instance_automated_backups_arn(arn).send().await;
    assert_eq!(code(replicated), "DBInstanceAutomatedBackupNotFound", "the ARN is for replicated backups");
    assert_eq!(code(restore(&client).restore_time(moment(-600)).send().await), COMBINATION);
    let no_moment = bare_restore(&client).source_db_instance_identifier("orders");
    assert_eq!(code(no_moment.clone().send().await), COMBINATION);
    assert_eq!(code(no_moment.use_latest_restorable_time(false).send().await), COMBINATION);
    latest().source_dbi_resource_id(id).send().await.unwrap();
    let by_time = bare_restore(&client).target_db_instance_identifier("other").source_db_instance_identifier("orders");
    by_time.restore_time(moment(-600)).use_latest_restorable_time(false).send().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn moment_outside_of_the_window_is_refused() {
    let (_, client) = simulated(WORLD);
    let to = |source: &str, seconds: i64| {
        bare_restore(&client).source_db_instance_identifier(source).restore_time(moment(seconds)).send()
    };
    for (source, seconds) in [("orders", -14 * DAY - 1), ("orders", -299), ("orders", 60), ("young", -2 * 3600 - 1)] {
        assert_eq!(code(to(source, seconds).await), "InvalidParameterValue", "{source} {seconds}");
    }
    let refused = to("orders", -14 * DAY - 1).await.unwrap_err().into_service_error();
    let message = aws_sdk_rds::error::ProvideErrorMetadata::message(&refused).unwrap().to_owned();
    assert!(message.contains("earlier than 2025-06-01T15:06:40Z"), "{message}");
    to("orders", -14 * DAY).await.unwrap();
    let youngest = bare_restore(&client).target_db_instance_identifier("other").source_db_instance_identifier("young");
    youngest.restore_time(moment(-2 * 3600)).send().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn latest_restorable_time_is_five_minutes_behind() {
    let (simulator, client) = simulated(WORLD);
    let latest = async |name: &str| instance(&client, name).await.latest_restorable_time().copied();
    assert_eq!(latest("orders").await, Some(moment(-300)));
    assert_eq!((latest("bare").await, latest("shop-1").await), (None, None));
    tokio::time::sleep(Duration::from_secs(1_000)).await;
    assert_eq!(latest("orders").await, Some(moment(700)));
    client.stop_db_instance().db_instance_identifier("young").send().await.unwrap();
    settle(&simulator).await;
    tokio::time::sleep(Duration::from_secs(3_600)).await;
    assert_eq!(latest("young").await, Some(moment(1_300)), "it was stopped 300 seconds later");
    let stopped = bare_restore(&client).source_db_instance_identifier("young");
    assert_eq!(code(stopped.clone().restore_time(moment(1_301)).send().await), "InvalidParameterValue");
    stopped.restore_time(moment(1_300)).send().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn restored_database_begins_a_new_window() {
    let (simulator, client) = simulated(WORLD);
    restore(&client).send().await.unwrap();
    assert!(instance(&client, "copy").await.latest_restorable_time().is_none(), "it is being created");
    settle(&simulator).await;
    let copy = instance(&client, "copy").await;
    assert_eq!(copy.latest_restorable_time(), copy.instance_create_time(), "the first backup");
    let again = bare_restore(&client).target_db_instance_identifier("again").source_db_instance_identifier("copy");
    assert_eq!(code(again.restore_time(moment(-600)).send().await), "InvalidParameterValue");
}

#[tokio::test(start_paused = true)]
async fn point_in_time_restore_needs_automated_backups() {
    let (simulator, client) = simulated(WORLD);
    let of =
        |source: &str| bare_restore(&client).source_db_instance_identifier(source).use_latest_restorable_time(true);
    assert_eq!(code(of("bare").send().await), "PointInTimeRestoreNotEnabled");
    let retain = |days: i32| client.modify_db_instance().db_instance_identifier("orders").backup_retention_period(days);
    retain(0).send().await.unwrap();
    assert_eq!(code(of("orders").send().await), "PointInTimeRestoreNotEnabled");
    let state = simulator.state();
    assert!(state.snapshot("rds:orders-1").is_none() && state.snapshot("kept").is_some());
    tokio::time::sleep(Duration::from_secs(1_000)).await;
    retain(7).send().await.unwrap();
    tokio::time::sleep(Duration::from_secs(1_000)).await;
    let earlier = bare_restore(&client).source_db_instance_identifier("orders").restore_time(moment(999));
    assert_eq!(code(earlier.clone().send().await), "InvalidParameterValue");
    earlier.restore_time(moment(1_000)).send().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn point_in_time_restore_of_an_instance_has_the_rules_of_a_snapshot_restore() {
    let (simulator, client) = simulated(WORLD);
    assert_eq!(code(restore(&client).target_db_instance_identifier("bare").send().await), "DBInstanceAlreadyExists");
    assert_eq!(code(restore(&client).db_parameter_group_name("none").send().await), "DBParameterGroupNotFound");
    assert_eq!(code(restore(&client).allocated_storage(499).send().await), "InvalidParameterValue");
    assert_eq!(code(restore(&client).iops(3_000).send().await), COMBINATION);
    assert_eq!(code(restore(&client).engine("mysql").send().await), COMBINATION);
    assert_eq!(code(restore(&client).max_allocated_storage(549).send().await), COMBINATION);
    assert_eq!(code(restore(&client).manage_master_user_password(true).send().await), COMBINATION);
    let with_key = post(
        &simulator,
        "Action=RestoreDBInstanceToPointInTime&SourceDBInstanceIdentifier=orders&TargetDBInstanceIdentifier=copy&UseLatestRestorableTime=true&KmsKeyId=alias/own",
    );
    assert!(with_key.await.contains("<Code>InvalidQueryParameter</Code>"));
    restore(&client).max_allocated_storage(1_000).send().await.unwrap();
    settle(&simulator).await;
    let (copy, original) = (instance(&client, "copy").await, instance(&client, "orders").await);
    assert_ne!(copy.dbi_resource_id(), original.dbi_resource_id());
    assert_eq!((copy.engine_version(), copy.endpoint().unwrap().port()), (Some("15.7"), Some(6543)));
    assert_eq!((copy.allocated_storage(), copy.iops()), (Some(500), Some(12_000)));
    assert_eq!((copy.kms_key_id(), copy.max_allocated_storage()), (original.kms_key_id(), Some(1_000)));
    assert_eq!((copy.multi_az(), copy.deletion_protection()), (Some(false), Some(false)));
    assert_eq!(copy.db_parameter_groups()[0].db_parameter_group_name(), Some("default.postgres15"));
    let (_, client) = simulated(&WORLD.replacen('{', r#"{"limits": {"instances": 7},"#, 1));
    assert_eq!(code(restore(&client).send().await), "InstanceQuotaExceeded");
}

#[tokio::test(start_paused = true)]
async fn point_in_time_restore_without_tags_takes_those_of_the_source() {
    let (_, client) = simulated(WORLD);
    restore(&client).send().await.unwrap();
    assert_eq!(instance(&client, "copy").await.tag_list(), [tag("team", "payments")]);
    restore(&client).target_db_instance_identifier("own").tags(tag("my", "own")).send().await.unwrap();
    assert_eq!(instance(&client, "own").await.tag_list(), [tag("my", "own")]);
    cluster_restore(&client, "shop").send().await.unwrap();
    assert!(cluster(&client, "copy").await.tag_list().is_empty(), "a cluster gets none");
}

#[tokio::test(start_paused = true)]
async fn source_of_a_point_in_time_restore_is_neither_new_nor_going() {
    let (_, client) = simulated(WORLD);
    let of = |source: &str| {
        let request = bare_restore(&client).target_db_instance_identifier("another");
        request.source_db_instance_identifier(source).use_latest_restorable_time(true)
    };
    assert_eq!(code(of("none").send().await), "DBInstanceNotFound");
    assert_eq!(code(of("shop-1").send().await), COMBINATION, "a member");
    restore(&client).send().await.unwrap();
    assert_eq!(code(of("copy").send().await), "InvalidDBInstanceState", "creating");
    rename(&client, "orders", "orders-temp").await.unwrap();
    assert_eq!(code(of("orders").send().await), "InvalidDBInstanceState", "renaming");
    delete(&client, "young").await.unwrap();
    assert_eq!(code(of("young").send().await), "InvalidDBInstanceState", "deleting");
    assert_eq!(status(&client, "another").await, None);
    cluster_restore(&client, "shop").send().await.unwrap();
    let of_copy = cluster_restore(&client, "copy").db_cluster_identifier("another");
    assert_eq!(code(of_copy.send().await), "InvalidDBClusterStateFault", "creating");
}

#[tokio::test(start_paused = true)]
async fn cluster_shows_its_restorable_window() {
    let (simulator, client) = simulated(WORLD);
    let window = async |name: &str| {
        let found = cluster(&client, name).await;
        (found.earliest_restorable_time().copied(), found.latest_restorable_time().copied())
    };
    assert_eq!(window("shop").await, (Some(moment(-3 * DAY)), Some(moment(-300))));
    cluster_restore(&client, "shop").send().await.unwrap();
    assert_eq!(window("copy").await, (None, None), "it is being created");
    settle(&simulator).await;
    let first = window("copy").await;
    assert!(first.0 == first.1 && first.0 > Some(moment(0)), "{first:?}");
}

#[tokio::test(start_paused = true)]
async fn cluster_restore_to_a_point_in_time_names_one_source_and_one_moment() {
    let (_, client) = simulated(WORLD);
    let id = cluster(&client, "shop").await.db_cluster_resource_id().unwrap().to_owned();
    let bare = || client.restore_db_cluster_to_point_in_time().db_cluster_identifier("copy");
    assert_eq!(code(bare().use_latest_restorable_time(true).send().await), COMBINATION);
    assert_eq!(code(cluster_restore(&client, "shop").source_db_cluster_resource_id(&id).send().await), COMBINATION);
    assert_eq!(code(cluster_restore(&client, "shop").restore_to_time(moment(-600)).send().await), COMBINATION);
    assert_eq!(code(bare().source_db_cluster_identifier("shop").send().await), COMBINATION);
    assert_eq!(code(cluster_restore(&client, "none").send().await), "DBClusterNotFoundFault");
    assert_eq!(code(cluster_restore(&client, "shop").restore_type("other").send().await), "InvalidParameterValue");
    assert_eq!(
        code(cluster_restore(&client, "shop").db_cluster_identifier("ledger").send().await),
        "DBClusterAlreadyExistsFault"
    );
    let unknown = bare().source_db_cluster_resource_id("cluster-GONE").use_latest_restorable_time(true).send().await;
    assert_eq!(code(unknown), "DBClusterAutomatedBackupNotFoundFault");
    let to = |seconds: i64| bare().source_db_cluster_resource_id(&id).restore_to_time(moment(seconds)).send();
    for seconds in [-3 * DAY - 1, -299, 60] {
        assert_eq!(code(to(seconds).await), "InvalidParameterValue", "{seconds}");
    }
    to(-3 * DAY).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn cluster_restored_to_a_point_in_time_keeps_version_and_not_port() {
    let (simulator, client) = simulated(WORLD);
    let body = "Action=RestoreDBClusterToPointInTime&SourceDBClusterIdentifier=shop&DBClusterIdentifier=copy&UseLatestRestorableTime=true&";
    for foreign in ["EngineVersion=15.12", "DatabaseName=shop", "AvailabilityZones.AvailabilityZone.1=us-east-1a"] {
        let answer = post(&simulator, &format!("{body}{foreign}")).await;
        assert!(answer.contains("<Code>InvalidQueryParameter</Code>"), "{foreign}: {answer}");
    }
    cluster_restore(&client, "shop").send().await.unwrap();
    let copy = cluster(&client, "copy").await;
    assert_eq!((copy.engine_version(), copy.port()), (Some("15.12"), Some(5432)));
    assert_eq!(
        (copy.database_name(), copy.db_cluster_parameter_group()),
        (Some("shop"), Some("default.aurora-postgresql15"))
    );
    assert_eq!((copy.status(), copy.clone_group_id()), (Some("creating"), None));
    settle(&simulator).await;
    assert!(cluster(&client, "copy").await.db_cluster_members().is_empty());
}

#[tokio::test(start_paused = true)]
async fn unencrypted_cluster_is_not_encrypted_by_a_point_in_time_restore() {
    let (_, client) = simulated(WORLD);
    assert_eq!(code(cluster_restore(&client, "shop").kms_key_id("alias/own").send().await), COMBINATION);
    cluster_restore(&client, "safe").kms_key_id("alias/own").send().await.unwrap();
    assert_eq!(cluster(&client, "copy").await.kms_key_id(), Some("alias/own"));
    cluster_restore(&client, "safe").db_cluster_identifier("same").send().await.unwrap();
    assert_eq!(cluster(&client, "same").await.kms_key_id(), Some("alias/old"));
}

#[tokio::test(start_paused = true)]
async fn multi_az_cluster_is_restored_to_a_point_in_time_in_full() {
    let (simulator, client) = simulated(WORLD);
    assert_eq!(code(cluster_restore(&client, "ledger").send().await), COMBINATION);
    let with_class = || cluster_restore(&client, "ledger").db_cluster_instance_class("db.m6gd.large");
    assert_eq!(code(with_class().restore_type("copy-on-write").send().await), COMBINATION);
    assert_eq!(
        code(cluster_restore(&client, "shop").db_cluster_instance_class("db.m6gd.large").send().await),
        COMBINATION
    );
    with_class().restore_type("full-copy").send().await.unwrap();
    settle(&simulator).await;
    assert_eq!(cluster(&client, "copy").await.db_cluster_members().len(), 3);
}
