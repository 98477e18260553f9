//! Behaviours of snapshots of instances and of clusters.

use crate::support::{code, delete, settle, simulated, status, tag, watch};

const WORLD: &str = r#"{
    "instances": [{"identifier": "orders", "engine": "mysql", "settings": {"copyTagsToSnapshot": true}, "tags": {"team": "payments", "aws:x": "y"}}],
    "clusters": [{"identifier": "shop", "engine": "aurora-mysql", "members": [{"identifier": "shop-1"}]}],
    "snapshots": [{"identifier": "old", "source": "orders", "tags": {"age": "old"}}],
    "clusterSnapshots": [{"identifier": "old", "source": "shop"}]
}"#;

async fn snapshot_status(client: &aws_sdk_rds::Client, identifier: &str) -> Option<String> {
    let answer = client.describe_db_snapshots().db_snapshot_identifier(identifier).send().await.ok()?;
    answer.db_snapshots()[0].status().map(str::to_owned)
}

async fn cluster_snapshot_status(client: &aws_sdk_rds::Client, identifier: &str) -> Option<String> {
    let answer = client.describe_db_cluster_snapshots().db_cluster_snapshot_identifier(identifier).send().await.ok()?;
    answer.db_cluster_snapshots()[0].status().map(str::to_owned)
}

async fn take(client: &aws_sdk_rds::Client, identifier: &str) -> Result<(), String> {
    let answer =
        client.create_db_snapshot().db_snapshot_identifier(identifier).db_instance_identifier("orders").send().await;
    if answer.is_ok() { Ok(()) } else { Err(code(answer)) }
}

#[tokio::test(start_paused = true)]
async fn snapshot_is_creating_while_its_source_is_backing_up() {
    let (simulator, client) = simulated(WORLD);
    take(&client, "new").await.unwrap();
    assert_eq!(snapshot_status(&client, "new").await.as_deref(), Some("creating"));
    assert_eq!(status(&client, "orders").await.as_deref(), Some("backing-up"));
    let request = client.create_db_cluster_snapshot().db_cluster_snapshot_identifier("new");
    request.db_cluster_identifier("shop").send().await.unwrap();
    let seen = watch(&simulator, || cluster_snapshot_status(&client, "new")).await;
    assert_eq!(seen, [Some("creating".to_owned()), Some("available".to_owned())]);
    assert_eq!(snapshot_status(&client, "new").await.as_deref(), Some("available"));
    assert_eq!(status(&client, "orders").await.as_deref(), Some("available"));
}

#[tokio::test(start_paused = true)]
async fn snapshot_needs_an_available_source() {
    let (_, client) = simulated(WORLD);
    take(&client, "first").await.unwrap();
    assert_eq!(take(&client, "second").await, Err("InvalidDBInstanceState".to_owned()));
    let cluster = |name: &str| {
        client.create_db_cluster_snapshot().db_cluster_snapshot_identifier(name).db_cluster_identifier("shop").send()
    };
    cluster("first").await.unwrap();
    assert_eq!(code(cluster("second").await), "InvalidDBClusterStateFault");
}

#[tokio::test(start_paused = true)]
async fn snapshot_name_that_is_taken_is_refused() {
    let (simulator, client) = simulated(WORLD);
    assert_eq!(take(&client, "OLD").await, Err("DBSnapshotAlreadyExists".to_owned()));
    let cluster = client
        .create_db_cluster_snapshot()
        .db_cluster_snapshot_identifier("old")
        .db_cluster_identifier("shop")
        .send()
        .await;
    assert_eq!(code(cluster), "DBClusterSnapshotAlreadyExistsFault");
    client.delete_db_snapshot().db_snapshot_identifier("old").send().await.unwrap();
    assert_eq!(
        take(&client, "old").await,
        Err("DBSnapshotAlreadyExists".to_owned()),
        "the snapshot is still being deleted"
    );
    settle(&simulator).await;
    take(&client, "old").await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn snapshot_that_is_not_available_cannot_be_restored() {
    let (_, client) = simulated(WORLD);
    take(&client, "new").await.unwrap();
    let restore = client
        .restore_db_instance_from_db_snapshot()
        .db_instance_identifier("copy")
        .db_snapshot_identifier("new")
        .send()
        .await;
    assert_eq!(code(restore), "InvalidDBSnapshotState");
    let delete = client.delete_db_snapshot().db_snapshot_identifier("new").send().await;
    assert_eq!(code(delete), "InvalidDBSnapshotState");
}

#[tokio::test(start_paused = true)]
async fn snapshot_outlives_its_source() {
    let (simulator, client) = simulated(WORLD);
    delete(&client, "orders").await.unwrap();
    settle(&simulator).await;
    assert_eq!(snapshot_status(&client, "old").await.as_deref(), Some("available"));
    client
        .restore_db_instance_from_db_snapshot()
        .db_instance_identifier("orders")
        .db_snapshot_identifier("old")
        .send()
        .await
        .unwrap();
    settle(&simulator).await;
    assert_eq!(status(&client, "orders").await.as_deref(), Some("available"));
}

#[tokio::test(start_paused = true)]
async fn deleting_the_source_cancels_a_running_copy() {
    let (simulator, client) = simulated(WORLD);
    let request = client.copy_db_cluster_snapshot().source_db_cluster_snapshot_identifier("old");
    request.target_db_cluster_snapshot_identifier("copy").send().await.unwrap();
    client.delete_db_cluster_snapshot().db_cluster_snapshot_identifier("old").send().await.unwrap();
    settle(&simulator).await;
    assert_eq!(cluster_snapshot_status(&client, "copy").await.as_deref(), Some("failed"));
    client
        .copy_db_snapshot()
        .source_db_snapshot_identifier("old")
        .target_db_snapshot_identifier("copy")
        .send()
        .await
        .unwrap();
    settle(&simulator).await;
    client.delete_db_snapshot().db_snapshot_identifier("old").send().await.unwrap();
    settle(&simulator).await;
    assert_eq!(snapshot_status(&client, "copy").await.as_deref(), Some("available"), "a finished copy stays");
}

#[tokio::test(start_paused = true)]
async fn copy_carries_tags_only_when_asked() {
    let (_, client) = simulated(WORLD);
    let copy =
        |name: &str| client.copy_db_snapshot().source_db_snapshot_identifier("old").target_db_snapshot_identifier(name);
    let tags = |answer: aws_sdk_rds::operation::copy_db_snapshot::CopyDbSnapshotOutput| {
        answer.db_snapshot().unwrap().tag_list().to_vec()
    };
    assert_eq!(tags(copy("bare").send().await.unwrap()), []);
    assert_eq!(tags(copy("tagged").copy_tags(true).send().await.unwrap()), [tag("age", "old")]);
    let own = copy("own").tags(tag("my", "own")).send().await.unwrap();
    let arn = own.db_snapshot().unwrap().source_db_snapshot_identifier().unwrap().to_owned();
    assert!(arn.ends_with(":snapshot:old"), "{arn}");
    assert_eq!(tags(own), [tag("my", "own")]);
}

#[tokio::test(start_paused = true)]
async fn copy_tags_to_snapshot_spreads_the_tags_of_the_source() {
    let (_, client) = simulated(WORLD);
    take(&client, "new").await.unwrap();
    let found = client.describe_db_snapshots().db_snapshot_identifier("new").send().await.unwrap();
    assert_eq!(found.db_snapshots()[0].tag_list(), [tag("team", "payments")]);
}

#[tokio::test(start_paused = true)]
async fn snapshot_is_deleted_by_its_name() {
    let (_, client) = simulated(WORLD);
    let arn = "arn:aws:rds:us-east-1:123456789012:snapshot:old";
    client.describe_db_snapshots().db_snapshot_identifier(arn).send().await.unwrap();
    assert_eq!(code(client.delete_db_snapshot().db_snapshot_identifier(arn).send().await), "DBSnapshotNotFound");
    let arn = "arn:aws:rds:us-east-1:123456789012:cluster-snapshot:old";
    let of_cluster = client.delete_db_cluster_snapshot().db_cluster_snapshot_identifier(arn).send().await;
    assert_eq!(code(of_cluster), "DBClusterSnapshotNotFoundFault");
    client.delete_db_snapshot().db_snapshot_identifier("OLD").send().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn snapshot_in_the_making_shows_its_progress() {
    let (simulator, client) = simulated(&WORLD.replacen('{', r#"{"timings": {"jitter": 0},"#, 1));
    let percent = async || {
        let found = client.describe_db_snapshots().db_snapshot_identifier("new").send().await.unwrap();
        found.db_snapshots()[0].percent_progress()
    };
    take(&client, "new").await.unwrap();
    assert_eq!(percent().await, Some(0));
    tokio::time::sleep(std::time::Duration::from_secs(150)).await;
    assert_eq!(percent().await, Some(50));
    tokio::time::sleep(std::time::Duration::from_secs(149)).await;
    assert_eq!(percent().await, Some(99));
    settle(&simulator).await;
    assert_eq!(percent().await, Some(100));
}

#[tokio::test(start_paused = true)]
async fn unavailable_snapshot_is_of_no_use() {
    let world = WORLD.replace(r#""identifier": "old","#, r#""identifier": "old", "status": "unavailable","#);
    let (_, client) = simulated(&world);
    assert_eq!(snapshot_status(&client, "old").await.as_deref(), Some("unavailable"));
    let restore = client.restore_db_instance_from_db_snapshot().db_instance_identifier("copy");
    assert_eq!(code(restore.db_snapshot_identifier("old").send().await), "InvalidDBSnapshotState");
    let copy = client.copy_db_snapshot().source_db_snapshot_identifier("old").target_db_snapshot_identifier("copy");
    assert_eq!(code(copy.send().await), "InvalidDBSnapshotState");
    let restore = client.restore_db_cluster_from_snapshot().db_cluster_identifier("copy").engine("aurora-mysql");
    assert_eq!(code(restore.snapshot_identifier("old").send().await), "InvalidDBClusterSnapshotStateFault");
}

/// Every snapshot of instances and of clusters, and whether it has the tag `team`.
fn tags_of_snapshots(simulator: &rds_simulator::Simulator) -> Vec<(String, bool)> {
    let state = simulator.state();
    let has_team = |tags: &std::collections::BTreeMap<String, String>| tags.contains_key("team");
    let instances = state.snapshots.iter().map(|found| (found.identifier.clone(), has_team(&found.tags)));
    let clusters = state.cluster_snapshots.iter().map(|found| (found.identifier.clone(), has_team(&found.tags)));
    instances.chain(clusters).collect()
}

#[tokio::test(start_paused = true)]
async fn every_kind_of_snapshot_takes_the_tags_of_a_source_that_copies_them() {
    for copies in [true, false] {
        let world = r#"{
            "instances": [{"identifier": "orders", "engine": "mysql", "settings": {"copyTagsToSnapshot": COPIES}, "tags": {"team": "x"}}],
            "clusters": [{"identifier": "shop", "engine": "aurora-mysql", "settings": {"copyTagsToSnapshot": COPIES}, "tags": {"team": "x"}}],
            "snapshots": [{"identifier": "rds:orders-1", "source": "orders", "type": "automated"}],
            "clusterSnapshots": [{"identifier": "rds:shop-1", "source": "shop", "type": "automated"}]
        }"#;
        let (simulator, client) = simulated(&world.replace("COPIES", &copies.to_string()));
        take(&client, "manual").await.unwrap();
        let request = client.create_db_cluster_snapshot().db_cluster_snapshot_identifier("manual");
        request.db_cluster_identifier("shop").send().await.unwrap();
        settle(&simulator).await;
        let request = client.delete_db_instance().db_instance_identifier("orders").delete_automated_backups(false);
        request.final_db_snapshot_identifier("final").send().await.unwrap();
        let request = client.delete_db_cluster().db_cluster_identifier("shop").delete_automated_backups(false);
        request.final_db_snapshot_identifier("final").send().await.unwrap();
        let tagged = tags_of_snapshots(&simulator);
        assert_eq!(tagged.len(), 6);
        assert!(tagged.iter().all(|(_, has_tags)| *has_tags == copies), "{copies}: {tagged:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn cluster_restore_takes_no_tags() {
    let world = r#"{
        "clusters": [{"identifier": "shop", "engine": "aurora-mysql", "tags": {"team": "x"}}],
        "clusterSnapshots": [{"identifier": "old", "source": "shop", "tags": {"team": "x"}}]
    }"#;
    let (_, client) = simulated(world);
    let restore = |name: &str| {
        let request = client.restore_db_cluster_from_snapshot().db_cluster_identifier(name);
        request.snapshot_identifier("old").engine("aurora-mysql")
    };
    let bare = restore("bare").send().await.unwrap();
    assert_eq!(bare.db_cluster().unwrap().tag_list(), []);
    let own = restore("own").tags(tag("my", "own")).send().await.unwrap();
    assert_eq!(own.db_cluster().unwrap().tag_list(), [tag("my", "own")]);
}

#[tokio::test(start_paused = true)]
async fn snapshot_quota_is_enforced() {
    let (_, client) =
        simulated(&WORLD.replacen('{', r#"{"limits": {"manualSnapshots": 1, "manualClusterSnapshots": 1},"#, 1));
    assert_eq!(take(&client, "new").await, Err("SnapshotQuotaExceeded".to_owned()));
    let cluster = client
        .create_db_cluster_snapshot()
        .db_cluster_snapshot_identifier("new")
        .db_cluster_identifier("shop")
        .send()
        .await;
    assert_eq!(code(cluster), "SnapshotQuotaExceeded");
}

#[tokio::test(start_paused = true)]
async fn unencrypted_cluster_snapshot_is_not_encrypted_by_copying() {
    let (_, client) = simulated(WORLD);
    let request = client.copy_db_cluster_snapshot().source_db_cluster_snapshot_identifier("old");
    let copy = request.target_db_cluster_snapshot_identifier("copy").kms_key_id("alias/own").send().await;
    assert_eq!(code(copy), "InvalidParameterCombination");
    let request = client.copy_db_snapshot().source_db_snapshot_identifier("old").target_db_snapshot_identifier("copy");
    let copy = request.kms_key_id("alias/own").send().await.unwrap();
    assert_eq!(copy.db_snapshot().unwrap().encrypted(), Some(true), "a snapshot of an instance can be");
}

#[tokio::test(start_paused = true)]
async fn snapshots_of_members_are_refused() {
    let (_, client) = simulated(WORLD);
    let of_member =
        client.create_db_snapshot().db_instance_identifier("shop-1").db_snapshot_identifier("s").send().await;
    assert_eq!(code(of_member), "InvalidParameterValue");
}

#[tokio::test(start_paused = true)]
async fn automated_snapshots_are_not_deleted_by_hand() {
    let world = r#"{"instances": [{"identifier": "a", "engine": "mysql"}], "snapshots": [{"identifier": "rds:a-1", "source": "a", "type": "automated"}]}"#;
    let (_, client) = simulated(world);
    let delete = client.delete_db_snapshot().db_snapshot_identifier("rds:a-1").send().await;
    assert_eq!(code(delete), "InvalidDBSnapshotState");
    let automated = client.describe_db_snapshots().snapshot_type("automated").send().await.unwrap();
    assert_eq!(automated.db_snapshots().len(), 1);
    let renamed =
        client.create_db_snapshot().db_instance_identifier("a").db_snapshot_identifier("rds:a-2").send().await;
    assert_eq!(code(renamed), "InvalidParameterValue", "the name is RDS's own");
}

#[tokio::test(start_paused = true)]
async fn copy_is_copying_until_it_is_available() {
    let (simulator, client) = simulated(WORLD);
    let copy =
        || client.copy_db_snapshot().source_db_snapshot_identifier("old").target_db_snapshot_identifier("copy").send();
    copy().await.unwrap();
    client.delete_db_snapshot().db_snapshot_identifier("copy").send().await.unwrap();
    settle(&simulator).await;
    assert_eq!(snapshot_status(&client, "copy").await, None, "cancelled");
    copy().await.unwrap();
    let seen = watch(&simulator, || snapshot_status(&client, "copy")).await;
    assert_eq!(seen, [Some("copying".to_owned()), Some("available".to_owned())]);
}

#[tokio::test(start_paused = true)]
async fn snapshot_is_upgraded_to_an_offered_version() {
    let world = r#"{
        "instances": [{"identifier": "orders", "engine": "postgres", "settings": {"engineVersion": "15.7"}}],
        "snapshots": [
            {"identifier": "old", "source": "orders", "settings": {"engineVersion": "10.21"}},
            {"identifier": "rds:old", "source": "orders", "type": "automated"},
            {"identifier": "sql", "source": "ledger", "engine": "sqlserver-se"}
        ]
    }"#;
    let (simulator, client) = simulated(world);
    let upgrade = |name: &str, version: &str| {
        client.modify_db_snapshot().db_snapshot_identifier(name).engine_version(version).send()
    };
    let restore =
        || client.restore_db_instance_from_db_snapshot().db_instance_identifier("copy").db_snapshot_identifier("old");
    assert_eq!(code(restore().send().await), "InvalidParameterCombination", "the version is withdrawn");
    assert_eq!(code(upgrade("none", "15.13").await), "DBSnapshotNotFound");
    assert_eq!(code(upgrade("old", "11.22").await), "InvalidParameterCombination", "not on offer");
    assert_eq!(code(upgrade("old", "10.21").await), "InvalidParameterCombination", "the present version");
    assert_eq!(code(upgrade("rds:old", "16.9").await), "InvalidDBSnapshotState", "automated");
    assert_eq!(code(upgrade("sql", "16.00.4195.2.v1").await), "InvalidParameterCombination");
    upgrade("old", "15.13").await.unwrap();
    assert_eq!(code(restore().send().await), "InvalidDBSnapshotState");
    let seen = watch(&simulator, || snapshot_status(&client, "old")).await;
    assert_eq!(seen, [Some("upgrading".to_owned()), Some("available".to_owned())]);
    restore().send().await.unwrap();
    let found = client.describe_db_instances().db_instance_identifier("copy").send().await.unwrap();
    assert_eq!(found.db_instances()[0].engine_version(), Some("15.13"));
    assert_eq!(code(upgrade("old", "15.7").await), "InvalidParameterCombination", "a former version");
}
