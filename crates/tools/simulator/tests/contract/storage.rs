//! Behaviours of storage: work on it in service, and groups that take effect.

use std::time::Duration;

use crate::support::{code, instance, rename, settle, simulated, status, statuses};

const INITIALIZED: &str = r#"{
    "instances": [{"identifier": "orders", "engine": "postgres", "settings": {"optionGroup": "own-options"}}],
    "snapshots": [{"identifier": "orders-snapshot", "source": "orders"}],
    "clusters": [{"identifier": "ledger", "engine": "postgres"}],
    "clusterSnapshots": [{"identifier": "ledger-snapshot", "source": "ledger"}],
    "timings": {"jitter": 0, "storageInitialization": 86400}
}"#;

async fn restore(client: &aws_sdk_rds::Client) {
    let request = client.restore_db_instance_from_db_snapshot().db_instance_identifier("copy");
    request.db_snapshot_identifier("orders-snapshot").send().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn restored_storage_is_initialized_in_service() {
    let (simulator, client) = simulated(INITIALIZED);
    restore(&client).await;
    tokio::time::sleep(Duration::from_secs(900 + 120 + 90)).await;
    assert_eq!(status(&client, "copy").await.as_deref(), Some("storage-initialization"));
    assert_eq!(simulator.state().downtime_seconds("copy", false), Some(0.0), "it serves");
    tokio::time::sleep(Duration::from_secs(43_200)).await;
    let found = instance(&client, "copy").await;
    assert_eq!(found.storage_operation_status(), Some("Initializing"));
    assert_eq!(found.storage_operation_percent_progress(), Some(50));
    settle(&simulator).await;
    let found = instance(&client, "copy").await;
    assert_eq!((found.db_instance_status(), found.storage_operation_status()), (Some("available"), None));
    let restore = client.restore_db_cluster_from_snapshot().db_cluster_identifier("books").engine("postgres");
    let restore = restore.snapshot_identifier("ledger-snapshot").db_cluster_instance_class("db.m6gd.large");
    restore.send().await.unwrap();
    tokio::time::sleep(Duration::from_secs(2_000)).await;
    assert_eq!(status(&client, "books-instance-1").await.as_deref(), Some("storage-initialization"));
}

#[tokio::test(start_paused = true)]
async fn database_in_storage_work_takes_modifications() {
    let (simulator, client) = simulated(INITIALIZED);
    restore(&client).await;
    tokio::time::sleep(Duration::from_secs(2_000)).await;
    client.modify_db_instance().db_instance_identifier("copy").deletion_protection(true).send().await.unwrap();
    rename(&client, "copy", "renamed").await.unwrap();
    tokio::time::sleep(Duration::from_secs(1_000)).await;
    assert_eq!(status(&client, "renamed").await.as_deref(), Some("storage-initialization"), "the work continues");
    settle(&simulator).await;
    assert_eq!(status(&client, "renamed").await.as_deref(), Some("available"));
    let lasting = r#"{"instances": [{"identifier": "a", "engine": "mysql", "status": "storage-optimization"}]}"#;
    let (simulator, client) = simulated(lasting);
    rename(&client, "a", "b").await.unwrap();
    settle(&simulator).await;
    assert_eq!(status(&client, "b").await.as_deref(), Some("available"));
}

#[tokio::test(start_paused = true)]
async fn snapshot_is_taken_in_storage_optimization() {
    for (of, refused) in [("storage-optimization", None), ("storage-initialization", Some("InvalidDBInstanceState"))] {
        let (_, client) =
            simulated(&format!(r#"{{"instances": [{{"identifier": "a", "engine": "mysql", "status": "{of}"}}]}}"#));
        let snapshot = client.create_db_snapshot().db_instance_identifier("a").db_snapshot_identifier("s").send().await;
        assert_eq!(snapshot.is_err().then(|| code(snapshot)).as_deref(), refused, "{of}");
    }
}

#[tokio::test(start_paused = true)]
async fn reboot_of_a_rename_puts_pending_parameters_in_force() {
    let world = |incompatible: bool| {
        format!(
            r#"{{
            "instances": [{{"identifier": "a", "engine": "mysql", "parameterApplyStatus": "pending-reboot", "settings": {{"parameterGroup": "own"}}}}],
            "parameterGroups": [{{"name": "own", "family": "mysql8.0", "incompatible": {incompatible}}}]
        }}"#
        )
    };
    for (incompatible, expected) in [(false, "available"), (true, "incompatible-parameters")] {
        let (simulator, client) = simulated(&world(incompatible));
        let apply = instance(&client, "a").await.db_parameter_groups()[0].parameter_apply_status().map(str::to_owned);
        assert_eq!(apply.as_deref(), Some("pending-reboot"));
        rename(&client, "a", "b").await.unwrap();
        assert_eq!(statuses(&simulator, &client, "b").await.pop().unwrap().as_deref(), Some(expected));
        let apply = instance(&client, "b").await.db_parameter_groups()[0].parameter_apply_status().map(str::to_owned);
        assert_eq!(apply.as_deref(), Some("in-sync"));
    }
}

#[tokio::test(start_paused = true)]
async fn option_group_is_pending_while_creating() {
    let (simulator, client) = simulated(INITIALIZED);
    let request = client.restore_db_instance_from_db_snapshot().db_instance_identifier("copy");
    request.db_snapshot_identifier("orders-snapshot").option_group_name("own-options").send().await.unwrap();
    let option_status =
        async || instance(&client, "copy").await.option_group_memberships()[0].status().unwrap().to_owned();
    assert_eq!(option_status().await, "pending-apply");
    settle(&simulator).await;
    assert_eq!(option_status().await, "in-sync");
}

fn restored(engine: &str, settings: &str) -> String {
    format!(
        r#"{{"instances": [{{"identifier": "orders", "engine": "{engine}", "settings": {{{settings}}}}}], "snapshots": [{{"identifier": "orders-snapshot", "source": "orders"}}]}}"#
    )
}

fn copy(
    client: &aws_sdk_rds::Client,
) -> aws_sdk_rds::operation::restore_db_instance_from_db_snapshot::builders::RestoreDBInstanceFromDBSnapshotFluentBuilder
{
    client
        .restore_db_instance_from_db_snapshot()
        .db_instance_identifier("copy")
        .db_snapshot_identifier("orders-snapshot")
}

const REFUSED: &str = "InvalidParameterCombination";

#[tokio::test(start_paused = true)]
async fn storage_figures_fit_engine_and_size() {
    let (_, client) = simulated(&restored("postgres", r#""storageType": "gp3", "allocatedStorage": 500"#));
    let modify = || client.modify_db_instance().db_instance_identifier("orders");
    for iops in [3_000, 11_999, 250_001] {
        assert_eq!(code(copy(&client).iops(iops).send().await), REFUSED, "{iops}");
        assert_eq!(code(modify().iops(iops).send().await), REFUSED, "{iops}");
    }
    assert_eq!(code(copy(&client).storage_throughput(125).send().await), REFUSED);
    let io1 = |iops: i32| copy(&client).storage_type("io1").iops(iops);
    assert_eq!(code(io1(25_001).send().await), REFUSED);
    io1(25_000).send().await.unwrap();
    let create = client.create_db_instance().db_instance_identifier("fresh").engine("mysql").master_username("admin");
    let create = create.master_user_password("correct horse").db_instance_class("db.t4g.micro").storage_type("gp3");
    assert_eq!(code(create.clone().allocated_storage(100).iops(3_000).send().await), REFUSED);
    create.allocated_storage(400).iops(12_000).storage_throughput(500).send().await.unwrap();
    let (_, client) = simulated(r#"{"clusters": [{"identifier": "ledger", "engine": "postgres"}]}"#);
    let too_many = client.modify_db_cluster().db_cluster_identifier("ledger").iops(5_001).send().await;
    assert_eq!(code(too_many), REFUSED, "io1 of 100 GiB in a Multi-AZ DB cluster");
}

#[tokio::test(start_paused = true)]
async fn gp3_has_the_figures_of_its_size() {
    let small = r#""storageType": "gp3", "allocatedStorage": 100, "iops": 3000, "storageThroughput": 125"#;
    let (_, client) = simulated(&restored("postgres", small));
    copy(&client).allocated_storage(500).send().await.unwrap();
    let found = instance(&client, "copy").await;
    assert_eq!((found.iops(), found.storage_throughput()), (Some(12_000), Some(500)));
    assert_eq!(
        code(copy(&client).db_instance_identifier("less").allocated_storage(99).send().await),
        "InvalidParameterValue"
    );
}

#[tokio::test(start_paused = true)]
async fn sql_server_takes_no_size_on_a_restore() {
    let (_, client) = simulated(&restored("sqlserver-se", r#""storageType": "gp3""#));
    assert_eq!(code(copy(&client).allocated_storage(200).send().await), REFUSED);
    copy(&client).iops(3_000).storage_throughput(125).send().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn sql_server_is_mirrored_by_a_later_modification() {
    let (simulator, client) = simulated(&restored("sqlserver-se", ""));
    assert_eq!(code(copy(&client).multi_az(true).send().await), REFUSED);
    copy(&client).send().await.unwrap();
    settle(&simulator).await;
    let modify = client.modify_db_instance().db_instance_identifier("copy").multi_az(true).apply_immediately(true);
    modify.send().await.unwrap();
    settle(&simulator).await;
    assert_eq!(instance(&client, "copy").await.multi_az(), Some(true));
    let stop = client.stop_db_instance().db_instance_identifier("copy").send().await;
    assert_eq!(code(stop), "InvalidDBInstanceState", "mirrored SQL Server is not stopped");
}

#[tokio::test(start_paused = true)]
async fn maximum_of_autoscaling_exceeds_the_size_by_a_tenth() {
    let (_, client) = simulated(&restored("postgres", r#""allocatedStorage": 190"#));
    let modify = |maximum: i32| {
        client.modify_db_instance().db_instance_identifier("orders").max_allocated_storage(maximum).send()
    };
    for maximum in [100, 190, 208] {
        assert_eq!(code(modify(maximum).await), REFUSED, "{maximum}");
    }
    modify(209).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn storage_quota_is_enforced() {
    let world =
        restored("postgres", r#""allocatedStorage": 100"#).replacen('{', r#"{"limits": {"allocatedStorage": 199},"#, 1);
    let (_, client) = simulated(&world);
    assert_eq!(code(copy(&client).send().await), "StorageQuotaExceeded");
    let grow = |gib: i32| client.modify_db_instance().db_instance_identifier("orders").allocated_storage(gib).send();
    assert_eq!(code(grow(200).await), "StorageQuotaExceeded");
    grow(199).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn storage_is_not_changed_while_it_is_worked_on() {
    for status in ["storage-optimization", "storage-initialization"] {
        let world = format!(
            r#"{{"instances": [
                {{"identifier": "a", "engine": "mysql", "status": "{status}"}},
                {{"identifier": "b", "engine": "mysql", "status": "{status}", "pending": {{"allocatedStorage": 200}}}}
            ]}}"#
        );
        let (_, client) = simulated(&world);
        let modify = |name: &str| client.modify_db_instance().db_instance_identifier(name);
        assert_eq!(code(modify("a").allocated_storage(200).send().await), REFUSED, "{status}");
        assert_eq!(code(rename(&client, "b", "c").await), REFUSED, "{status}: the pending change would be applied");
        modify("a").db_instance_class("db.r7g.large").send().await.unwrap();
    }
}

#[tokio::test(start_paused = true)]
async fn additional_volumes_are_for_oracle_and_sql_server() {
    let volume = |name: &str| {
        aws_sdk_rds::types::AdditionalStorageVolume::builder().volume_name(name).allocated_storage(300).build()
    };
    let (_, client) = simulated(&restored("postgres", ""));
    assert_eq!(code(copy(&client).additional_storage_volumes(volume("rdsdbdata2")).send().await), REFUSED);
    let (_, client) = simulated(&restored(
        "oracle-ee",
        r#""additionalStorageVolumes": [{"name": "rdsdbdata2", "allocatedStorage": 250}]"#,
    ));
    assert_eq!(code(copy(&client).additional_storage_volumes(volume("data")).send().await), "InvalidParameterValue");
    copy(&client).send().await.unwrap();
    let found = instance(&client, "copy").await;
    let restored = &found.additional_storage_volumes()[0];
    assert_eq!((restored.volume_name(), restored.allocated_storage()), (Some("rdsdbdata2"), Some(250)));
}
