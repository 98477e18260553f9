//! Behaviours of automated backups, above all of those that outlive their database.

use std::time::Duration;

use aws_sdk_rds::types::Filter;

use crate::support::{cluster, code, delete, instance, moment, settle, simulated, tag};

const HOUR: i64 = 3_600;
const DAY: i64 = 24 * HOUR;

const WORLD: &str = r#"{
    "timings": {"jitter": 0},
    "instances": [{
        "identifier": "orders", "engine": "mysql", "resourceId": "db-ORDERS", "tags": {"team": "payments"},
        "settings": {"backupRetentionPeriod": 2, "port": 3310, "storageEncrypted": true}
    }],
    "clusters": [{"identifier": "empty", "engine": "aurora-mysql", "resourceId": "cluster-EMPTY", "settings": {"backupRetentionPeriod": 2}}],
    "snapshots": [
        {"identifier": "rds:orders-1", "source": "orders", "type": "automated"},
        {"identifier": "kept", "source": "orders"}
    ],
    "retainedBackups": [{
        "instance": "gone", "resourceId": "db-GONE", "engine": "postgres", "ageHours": 240, "deletedHoursAgo": 12,
        "settings": {"backupRetentionPeriod": 3, "allocatedStorage": 250}, "tags": {"team": "old"}
    }],
    "retainedClusterBackups": [{"cluster": "past", "resourceId": "cluster-PAST", "engine": "aurora-mysql", "deletedHoursAgo": 12}]
}"#;

async fn delete_keeping_backups(client: &aws_sdk_rds::Client) {
    let request = client.delete_db_instance().db_instance_identifier("orders").skip_final_snapshot(true);
    request.delete_automated_backups(false).send().await.unwrap();
}

fn filter(name: &str, value: &str) -> Filter {
    Filter::builder().name(name).values(value).build()
}

#[tokio::test(start_paused = true)]
async fn automated_backups_are_described_by_status_and_source() {
    let (_, client) = simulated(WORLD);
    let describe = || client.describe_db_instance_automated_backups();
    let names = async |filter: Filter| -> Vec<(String, String)> {
        let found = describe().filters(filter).send().await.unwrap();
        let found = found.db_instance_automated_backups().iter();
        found.map(|one| (one.db_instance_identifier().unwrap().to_owned(), one.status().unwrap().to_owned())).collect()
    };
    let one = |name: &str, status: &str| vec![(name.to_owned(), status.to_owned())];
    assert_eq!(names(filter("status", "active")).await, one("orders", "active"));
    assert_eq!(names(filter("status", "retained")).await, one("gone", "retained"));
    assert_eq!(names(filter("dbi-resource-id", "db-GONE")).await, one("gone", "retained"));
    assert_eq!(
        names(filter("db-instance-id", "arn:aws:rds:us-east-1:123456789012:db:orders")).await,
        one("orders", "active")
    );
    assert_eq!(code(describe().dbi_resource_id("db-NONE").send().await), "DBInstanceAutomatedBackupNotFound");
    assert_eq!(code(describe().filters(filter("engine", "mysql")).send().await), "InvalidParameterValue");
    let found = describe().dbi_resource_id("db-ORDERS").send().await.unwrap();
    let backup = &found.db_instance_automated_backups()[0];
    assert_eq!((backup.engine(), backup.port(), backup.encrypted()), (Some("mysql"), Some(3310), Some(true)));
    let arn = backup.db_instance_automated_backups_arn().unwrap();
    let by_arn = describe().db_instance_automated_backups_arn(arn).send().await.unwrap();
    assert_eq!(by_arn.db_instance_automated_backups().len(), 1);
    let of_clusters = client.describe_db_cluster_automated_backups();
    let found = of_clusters.filters(filter("db-cluster-resource-id", "cluster-PAST")).send().await.unwrap();
    assert_eq!(found.db_cluster_automated_backups()[0].db_cluster_identifier(), Some("past"));
}

#[tokio::test(start_paused = true)]
async fn retained_backups_keep_their_window_until_they_expire() {
    let (simulator, client) = simulated(WORLD);
    let window = async |id: &str| {
        let found = client.describe_db_instance_automated_backups().dbi_resource_id(id).send().await.ok()?;
        let window = found.db_instance_automated_backups()[0].restore_window()?.clone();
        Some((*window.earliest_time()?, *window.latest_time()?))
    };
    assert_eq!(window("db-ORDERS").await, Some((moment(-2 * DAY), moment(-300))));
    assert_eq!(window("db-GONE").await, Some((moment(-3 * DAY), moment(-12 * HOUR))));
    delete_keeping_backups(&client).await;
    settle(&simulator).await;
    let deleted = i64::try_from(simulator.now().as_secs()).unwrap();
    tokio::time::sleep(Duration::from_hours(1)).await;
    assert_eq!(
        window("db-ORDERS").await,
        Some((moment(deleted + HOUR - 2 * DAY), moment(0))),
        "it ends with the deletion"
    );
    assert!(simulator.state().snapshot("rds:orders-1").is_some());
    tokio::time::sleep(Duration::from_hours(46)).await;
    assert!(window("db-ORDERS").await.is_some());
    tokio::time::sleep(Duration::from_hours(2)).await;
    assert_eq!(window("db-ORDERS").await, None);
    let state = simulator.state();
    assert_eq!(state.retained_backups, ["db-GONE", "cluster-PAST"]);
    assert!(state.snapshot("rds:orders-1").is_none() && state.snapshot("kept").is_some());
    tokio::time::sleep(Duration::from_hours(24 * 7)).await;
    assert!(simulator.state().retained_backups.is_empty());
}

#[tokio::test(start_paused = true)]
async fn deleted_instance_is_restored_by_its_resource_id() {
    let (simulator, client) = simulated(WORLD);
    let restore = |name: &str| client.restore_db_instance_to_point_in_time().target_db_instance_identifier(name);
    let by_id = |name: &str, id: &str| restore(name).source_dbi_resource_id(id);
    by_id("copy", "db-GONE").use_latest_restorable_time(true).send().await.unwrap();
    let copy = instance(&client, "copy").await;
    assert_eq!((copy.engine(), copy.allocated_storage()), (Some("postgres"), Some(250)));
    assert_eq!(copy.tag_list(), [tag("team", "old")]);
    assert_eq!(code(by_id("x", "db-GONE").restore_time(moment(-12 * HOUR + 1)).send().await), "InvalidParameterValue");
    delete_keeping_backups(&client).await;
    settle(&simulator).await;
    let by_name = restore("again").source_db_instance_identifier("orders").use_latest_restorable_time(true);
    assert_eq!(code(by_name.send().await), "DBInstanceNotFound");
    by_id("again", "db-ORDERS").restore_time(moment(-600)).send().await.unwrap();
    settle(&simulator).await;
    delete(&client, "again").await.unwrap();
    let again = instance(&client, "again").await.dbi_resource_id().unwrap().to_owned();
    settle(&simulator).await;
    let dropped = by_id("third", &again).use_latest_restorable_time(true).send().await;
    assert_eq!(code(dropped), "DBInstanceAutomatedBackupNotFound");
    let made = simulator.state().made;
    let from = made.iter().find(|made| made.identifier == "again").unwrap().from.clone().unwrap();
    assert_eq!((from.source.as_str(), from.source_resource_id.as_str()), ("orders", "db-ORDERS"));
    assert_eq!((from.kind, from.created_seconds), (rds_simulator::SourceKind::PointInTime, -600.0));
}

#[tokio::test(start_paused = true)]
async fn deleted_cluster_is_restored_by_its_resource_id() {
    let (simulator, client) = simulated(WORLD);
    let restore = |name: &str, id: &str| {
        let request = client.restore_db_cluster_to_point_in_time().db_cluster_identifier(name);
        request.source_db_cluster_resource_id(id).use_latest_restorable_time(true)
    };
    let request = client.delete_db_cluster().db_cluster_identifier("empty").skip_final_snapshot(true);
    request.delete_automated_backups(false).send().await.unwrap();
    settle(&simulator).await;
    for id in ["cluster-PAST", "cluster-EMPTY"] {
        let clone = restore("copy", id).restore_type("copy-on-write").send().await;
        assert_eq!(code(clone), "InvalidRestoreFault", "{id}");
        restore(&id.to_ascii_lowercase(), id).send().await.unwrap();
        assert_eq!(cluster(&client, &id.to_ascii_lowercase()).await.engine(), Some("aurora-mysql"));
    }
    assert_eq!(code(restore("copy", "cluster-NONE").send().await), "DBClusterAutomatedBackupNotFoundFault");
}
