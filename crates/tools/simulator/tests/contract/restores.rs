//! Behaviours of restoring a DB instance from a snapshot.

use aws_sdk_rds::operation::restore_db_instance_from_db_snapshot::builders::RestoreDBInstanceFromDBSnapshotFluentBuilder;

use crate::support::{code, instance, settle, simulated, status, statuses, tag};

const WORLD: &str = r#"{
    "instances": [{
        "identifier": "orders", "engine": "postgres", "managedMasterPassword": true,
        "settings": {
            "engineVersion": "15.7", "port": 6543, "multiAz": true, "deletionProtection": true, "parameterGroup": "own-group",
            "iamDatabaseAuthentication": true, "allocatedStorage": 500, "storageType": "gp3", "iops": 12000, "storageEncrypted": true,
            "masterUsername": "boss", "backupRetentionPeriod": 14, "monitoringInterval": 60, "logExports": ["postgresql"]
        }
    }],
    "snapshots": [{"identifier": "orders-snapshot", "source": "orders", "tags": {"from": "snapshot", "rds:x": "y"}}]
}"#;

fn restore(client: &aws_sdk_rds::Client) -> RestoreDBInstanceFromDBSnapshotFluentBuilder {
    client
        .restore_db_instance_from_db_snapshot()
        .db_instance_identifier("copy")
        .db_snapshot_identifier("orders-snapshot")
}

#[tokio::test(start_paused = true)]
async fn restored_instance_is_creating_then_backing_up_then_modifying_then_available() {
    let (simulator, client) = simulated(WORLD);
    restore(&client).send().await.unwrap();
    let seen: Vec<String> = statuses(&simulator, &client, "copy").await.into_iter().flatten().collect();
    assert_eq!(seen, ["creating", "backing-up", "modifying", "available"]);
}

#[tokio::test(start_paused = true)]
async fn restore_uses_what_the_snapshot_recorded() {
    let (simulator, client) = simulated(WORLD);
    restore(&client).send().await.unwrap();
    settle(&simulator).await;
    let copy = instance(&client, "copy").await;
    let original = instance(&client, "orders").await;
    assert_eq!((copy.engine(), copy.engine_version()), (Some("postgres"), Some("15.7")));
    assert_eq!((copy.allocated_storage(), copy.storage_type(), copy.iops()), (Some(500), Some("gp3"), Some(12000)));
    assert_eq!((copy.storage_encrypted(), copy.kms_key_id()), (Some(true), original.kms_key_id()));
    assert_eq!((copy.master_username(), copy.endpoint().unwrap().port()), (Some("boss"), Some(6543)));
    assert_eq!((copy.db_instance_class(), copy.backup_retention_period()), (original.db_instance_class(), Some(14)));
}

#[tokio::test(start_paused = true)]
async fn restore_falls_back_to_defaults_for_the_rest() {
    let (simulator, client) = simulated(WORLD);
    restore(&client).send().await.unwrap();
    settle(&simulator).await;
    let copy = instance(&client, "copy").await;
    assert_eq!((copy.multi_az(), copy.deletion_protection()), (Some(false), Some(false)));
    assert_eq!((copy.iam_database_authentication_enabled(), copy.monitoring_interval()), (Some(false), Some(0)));
    assert_eq!(copy.db_parameter_groups()[0].db_parameter_group_name(), Some("default.postgres15"));
    assert_eq!(copy.option_group_memberships()[0].option_group_name(), Some("default:postgres-15"));
    assert!(copy.enabled_cloudwatch_logs_exports().is_empty());
    restore(&client)
        .db_instance_identifier("same")
        .multi_az(true)
        .db_parameter_group_name("own-group")
        .deletion_protection(true)
        .send()
        .await
        .unwrap();
    let same = instance(&client, "same").await;
    assert_eq!((same.multi_az(), same.deletion_protection()), (Some(true), Some(true)));
    assert_eq!(same.db_parameter_groups()[0].db_parameter_group_name(), Some("own-group"));
}

#[tokio::test(start_paused = true)]
async fn restore_without_tags_takes_those_of_the_source_at_the_snapshots_moment() {
    let (simulator, client) = simulated(WORLD);
    restore(&client).send().await.unwrap();
    assert_eq!(instance(&client, "copy").await.tag_list(), [tag("from", "snapshot")], "reserved tags stay behind");
    restore(&client).db_instance_identifier("other").tags(tag("my", "own")).send().await.unwrap();
    assert_eq!(instance(&client, "other").await.tag_list(), [tag("my", "own")]);

    let arn = "arn:aws:rds:us-east-1:123456789012:db:orders";
    client.add_tags_to_resource().resource_name(arn).tags(tag("team", "then")).send().await.unwrap();
    client.create_db_snapshot().db_instance_identifier("orders").db_snapshot_identifier("s").send().await.unwrap();
    client.add_tags_to_resource().resource_name(arn).tags(tag("team", "later")).send().await.unwrap();
    settle(&simulator).await;
    let snapshot = client.describe_db_snapshots().db_snapshot_identifier("s").send().await.unwrap();
    assert_eq!(snapshot.db_snapshots()[0].tag_list(), [], "orders does not copy its tags");
    let copy = client.copy_db_snapshot().source_db_snapshot_identifier("s").target_db_snapshot_identifier("copy-of-s");
    copy.send().await.unwrap();
    settle(&simulator).await;
    for (source, name) in [("s", "restored"), ("copy-of-s", "of-a-copy")] {
        restore(&client).db_snapshot_identifier(source).db_instance_identifier(name).send().await.unwrap();
        assert_eq!(instance(&client, name).await.tag_list(), [tag("team", "then")], "{source}");
    }
}

#[tokio::test(start_paused = true)]
async fn restored_instance_is_a_new_resource() {
    let (simulator, client) = simulated(WORLD);
    restore(&client).send().await.unwrap();
    assert!(instance(&client, "copy").await.instance_create_time().is_none(), "unknown while it is creating");
    settle(&simulator).await;
    let (copy, original) = (instance(&client, "copy").await, instance(&client, "orders").await);
    assert_ne!(copy.dbi_resource_id(), original.dbi_resource_id());
    assert!(copy.instance_create_time() > original.instance_create_time());
}

#[tokio::test(start_paused = true)]
async fn creating_instance_has_a_resource_id_and_no_creation_time() {
    let (_, client) = simulated(WORLD);
    let answer = restore(&client).send().await.unwrap();
    for shown in [answer.db_instance().unwrap().clone(), instance(&client, "copy").await] {
        assert!(shown.dbi_resource_id().is_some_and(|id| id.starts_with("db-")));
        assert!(shown.db_instance_arn().is_some_and(|arn| arn.ends_with(":db:copy")));
        assert!(shown.instance_create_time().is_none() && shown.endpoint().is_none());
    }
}

#[tokio::test(start_paused = true)]
async fn small_gp3_takes_neither_iops_nor_throughput() {
    let world = |engine: &str, storage: u32| {
        format!(
            r#"{{"instances": [{{"identifier": "orders", "engine": "{engine}", "settings": {{"allocatedStorage": {storage}, "storageType": "gp3"}}}}], "snapshots": [{{"identifier": "orders-snapshot", "source": "orders"}}]}}"#
        )
    };
    for (engine, storage, accepted) in
        [("postgres", 399, false), ("postgres", 400, true), ("oracle-ee", 199, false), ("oracle-ee", 200, true)]
    {
        let (_, client) = simulated(&world(engine, storage));
        let with_iops = restore(&client).iops(12000).send().await;
        assert_eq!(with_iops.is_ok(), accepted, "{engine} of {storage}");
        if !accepted {
            assert_eq!(code(with_iops), "InvalidParameterCombination");
            assert_eq!(code(restore(&client).storage_throughput(500).send().await), "InvalidParameterCombination");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn managed_secret_is_not_restored() {
    let (simulator, client) = simulated(WORLD);
    let old = instance(&client, "orders").await.master_user_secret().unwrap().secret_arn().unwrap().to_owned();
    assert_eq!(
        code(restore(&client).manage_master_user_password(true).send().await),
        "InvalidParameterCombination",
        "Oracle only"
    );
    restore(&client).send().await.unwrap();
    settle(&simulator).await;
    assert!(instance(&client, "copy").await.master_user_secret().is_none());
    client
        .modify_db_instance()
        .db_instance_identifier("copy")
        .manage_master_user_password(true)
        .apply_immediately(true)
        .send()
        .await
        .unwrap();
    let seen: Vec<String> = statuses(&simulator, &client, "copy").await.into_iter().flatten().collect();
    assert_eq!(seen, ["available", "resetting-master-credentials", "available"]);
    let copy = instance(&client, "copy").await;
    let secret = copy.master_user_secret().unwrap();
    assert_eq!(secret.secret_status(), Some("active"));
    assert_ne!(secret.secret_arn(), Some(old.as_str()));
}

#[tokio::test(start_paused = true)]
async fn restore_onto_a_taken_name_is_refused() {
    let (_, client) = simulated(WORLD);
    let taken = restore(&client).db_instance_identifier("orders").send().await;
    assert_eq!(code(taken), "DBInstanceAlreadyExists");
}

#[tokio::test(start_paused = true)]
async fn groups_that_do_not_exist_are_refused() {
    let (_, client) = simulated(WORLD);
    assert_eq!(code(restore(&client).db_parameter_group_name("none").send().await), "DBParameterGroupNotFound");
    assert_eq!(code(restore(&client).option_group_name("none").send().await), "OptionGroupNotFoundFault");
    assert_eq!(code(restore(&client).db_subnet_group_name("none").send().await), "DBSubnetGroupNotFoundFault");
    assert_eq!(
        code(client.describe_db_parameter_groups().db_parameter_group_name("none").send().await),
        "DBParameterGroupNotFound"
    );
    let own = client.describe_db_parameter_groups().db_parameter_group_name("own-group").send().await.unwrap();
    assert_eq!(own.db_parameter_groups()[0].db_parameter_group_family(), Some("postgres15"));
    assert_eq!(status(&client, "copy").await, None);
}
