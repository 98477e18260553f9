//! Behaviours of storage: work on it in service, and groups that come into force.

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
    assert_eq!(status(&client, "renamed").await.as_deref(), Some("storage-initialization"), "the work goes on");
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
