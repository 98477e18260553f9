//! Behaviours of snapshots by their type, their account and their region.

use aws_sdk_rds::types::Filter;
use rds_simulator::World;

use crate::support::{cluster, code, instance, rds_in, settle, simulated, start_time};

const WORLD: &str = r#"{
    "instances": [{"identifier": "orders", "engine": "mysql", "resourceId": "db-ORDERS"}],
    "clusters": [{"identifier": "shop", "engine": "aurora-mysql"}],
    "snapshots": [
        {"identifier": "own", "source": "orders"},
        {"identifier": "rds:orders-1", "source": "orders", "type": "automated"},
        {"identifier": "awsbackup:job-1", "source": "orders", "type": "awsbackup"},
        {"identifier": "of-earlier", "source": "orders", "sourceResourceId": "db-EARLIER", "engine": "mysql"},
        {"identifier": "own", "source": "orders", "engine": "postgres", "account": "210987654321", "tags": {"secret": "x"}, "sourceResourceId": "db-THEIRS"},
        {
            "identifier": "sealed", "source": "orders", "engine": "postgres", "account": "210987654321",
            "settings": {"kmsKeyId": "arn:aws:kms:us-east-1:210987654321:key/theirs"}
        },
        {"identifier": "open", "source": "sample", "engine": "mysql", "account": "333333333333", "public": true},
        {"identifier": "far", "source": "orders", "engine": "mysql", "region": "eu-west-1", "sourceResourceId": "db-ORDERS"}
    ],
    "clusterSnapshots": [
        {"identifier": "own", "source": "shop"},
        {
            "identifier": "sealed", "source": "their-shop", "engine": "aurora-mysql", "account": "210987654321",
            "settings": {"kmsKeyId": "arn:aws:kms:us-east-1:210987654321:key/theirs"}
        },
        {
            "identifier": "stuck", "source": "their-shop", "engine": "aurora-mysql", "account": "210987654321",
            "settings": {"storageEncrypted": true}
        },
        {
            "identifier": "three", "source": "their-ledger", "engine": "mysql", "account": "210987654321",
            "settings": {"kmsKeyId": "arn:aws:kms:us-east-1:210987654321:key/theirs"}
        }
    ]
}"#;

const SHARED: &str = "arn:aws:rds:us-east-1:210987654321:snapshot:own";
const SEALED: &str = "arn:aws:rds:us-east-1:210987654321:snapshot:sealed";
const OPEN: &str = "arn:aws:rds:us-east-1:333333333333:snapshot:open";

async fn names(
    request: aws_sdk_rds::operation::describe_db_snapshots::builders::DescribeDBSnapshotsFluentBuilder,
) -> Vec<String> {
    let found = request.send().await.unwrap();
    found.db_snapshots().iter().map(|found| found.db_snapshot_identifier().unwrap().to_owned()).collect()
}

#[tokio::test(start_paused = true)]
async fn snapshots_are_described_by_type() {
    let (_, client) = simulated(WORLD);
    let describe = || client.describe_db_snapshots();
    let own = ["of-earlier", "own", "rds:orders-1"];
    assert_eq!(names(describe()).await, own);
    assert_eq!(names(describe().include_shared(true)).await, [own.as_slice(), &[SHARED, SEALED]].concat());
    assert_eq!(names(describe().include_public(true)).await, [own.as_slice(), &[OPEN]].concat());
    let of_type = |kind: &str| names(describe().snapshot_type(kind));
    assert_eq!(of_type("manual").await, ["of-earlier", "own"]);
    assert_eq!(of_type("automated").await, ["rds:orders-1"]);
    assert_eq!(of_type("awsbackup").await, ["awsbackup:job-1"]);
    assert_eq!(of_type("shared").await, [SHARED, SEALED]);
    assert_eq!(of_type("public").await, [OPEN]);
    assert_eq!(names(describe().snapshot_type("manual").include_shared(true)).await, ["of-earlier", "own"]);
    assert_eq!(code(describe().snapshot_type("other").send().await), "InvalidParameterValue");
    let of_clusters = async |kind: Option<&str>| {
        let request = client.describe_db_cluster_snapshots().set_snapshot_type(kind.map(str::to_owned));
        request.send().await.unwrap().db_cluster_snapshots().len()
    };
    assert_eq!([of_clusters(None).await, of_clusters(Some("shared")).await], [1, 3]);
}

#[tokio::test(start_paused = true)]
async fn a_single_automated_snapshot_needs_its_type() {
    let (_, client) = simulated(WORLD);
    for (name, kind) in [("rds:orders-1", "automated"), ("awsbackup:job-1", "awsbackup")] {
        let describe = || client.describe_db_snapshots().db_snapshot_identifier(name);
        assert_eq!(code(describe().send().await), "DBSnapshotNotFound");
        assert_eq!(code(describe().snapshot_type("manual").send().await), "DBSnapshotNotFound");
        assert_eq!(names(describe().snapshot_type(kind)).await, [name]);
    }
}

#[tokio::test(start_paused = true)]
async fn snapshots_are_found_by_the_resource_id_of_their_source() {
    let (_, client) = simulated(WORLD);
    let describe = || client.describe_db_snapshots();
    let filter = |name: &str, value: &str| Filter::builder().name(name).values(value).build();
    assert_eq!(names(describe().dbi_resource_id("db-ORDERS")).await, ["own", "rds:orders-1"]);
    assert_eq!(names(describe().filters(filter("dbi-resource-id", "db-EARLIER"))).await, ["of-earlier"]);
    assert_eq!(names(describe().filters(filter("snapshot-type", "automated"))).await, ["rds:orders-1"]);
    assert_eq!(names(describe().filters(filter("db-snapshot-id", "own"))).await, ["own"]);
    assert_eq!(names(describe().filters(filter("engine", "postgres"))).await, [""; 0]);
    let shared = describe().snapshot_type("shared").dbi_resource_id("db-THEIRS");
    assert_eq!(names(shared).await, [SHARED]);
    assert_eq!(code(describe().filters(filter("status", "available")).send().await), "InvalidParameterValue");
}

#[tokio::test(start_paused = true)]
async fn shared_snapshot_is_named_by_its_arn() {
    let (simulator, client) = simulated(WORLD);
    let describe = |name: &str| client.describe_db_snapshots().db_snapshot_identifier(name).include_shared(true);
    let found = describe(SHARED).send().await.unwrap();
    let shared = &found.db_snapshots()[0];
    assert_eq!((shared.db_snapshot_identifier(), shared.db_snapshot_arn()), (Some(SHARED), Some(SHARED)));
    assert_eq!((shared.snapshot_type(), shared.engine()), (Some("shared"), Some("postgres")));
    assert!(shared.tag_list().is_empty(), "they belong to the other account");
    assert_eq!(code(client.describe_db_snapshots().db_snapshot_identifier(SHARED).send().await), "DBSnapshotNotFound");
    assert_eq!(code(describe("sealed").send().await), "DBSnapshotNotFound");
    let restore = |name: &str, snapshot: &str| {
        let request = client.restore_db_instance_from_db_snapshot().db_instance_identifier(name);
        request.db_snapshot_identifier(snapshot)
    };
    assert_eq!(code(restore("copy", "open").send().await), "DBSnapshotNotFound");
    restore("theirs", SHARED).send().await.unwrap();
    restore("ours", "own").send().await.unwrap();
    assert_eq!(instance(&client, "theirs").await.engine(), Some("postgres"));
    assert_eq!(instance(&client, "ours").await.engine(), Some("mysql"));
    let made = simulator.state().made;
    let from: Vec<&str> = made.iter().map(|made| made.from.as_ref().unwrap().source_resource_id.as_str()).collect();
    assert_eq!(from, ["db-THEIRS", "db-ORDERS"]);
}

#[tokio::test(start_paused = true)]
async fn shared_and_encrypted_instance_snapshot_is_not_restored_directly() {
    let (_, client) = simulated(WORLD);
    let restore = client.restore_db_instance_from_db_snapshot().db_instance_identifier("copy");
    assert_eq!(code(restore.db_snapshot_identifier(SEALED).send().await), "InvalidRestoreFault");
    let three = "arn:aws:rds:us-east-1:210987654321:cluster-snapshot:three";
    let request = client.restore_db_cluster_from_snapshot().db_cluster_identifier("copy").engine("mysql");
    let request = request.snapshot_identifier(three).db_cluster_instance_class("db.m6gd.large");
    assert_eq!(code(request.send().await), "InvalidRestoreFault", "a Multi-AZ DB cluster");
}

#[tokio::test(start_paused = true)]
async fn shared_and_encrypted_aurora_snapshot_is_restored_directly() {
    let (simulator, client) = simulated(WORLD);
    let restore = |name: &str, snapshot: &str| {
        let arn = format!("arn:aws:rds:us-east-1:210987654321:cluster-snapshot:{snapshot}");
        let request = client.restore_db_cluster_from_snapshot().db_cluster_identifier(name);
        request.snapshot_identifier(arn).engine("aurora-mysql")
    };
    restore("same", "sealed").send().await.unwrap();
    restore("own-key", "sealed").kms_key_id("alias/own").send().await.unwrap();
    settle(&simulator).await;
    let key = async |name: &str| cluster(&client, name).await.kms_key_id().unwrap().to_owned();
    assert_eq!(key("same").await, "arn:aws:kms:us-east-1:210987654321:key/theirs");
    assert_eq!(key("own-key").await, "alias/own");
    assert_eq!(code(restore("none", "stuck").send().await), "KMSKeyNotAccessibleFault");
}

#[tokio::test(start_paused = true)]
async fn client_of_another_region_sees_the_snapshots_there() {
    let (simulator, client) = simulated(WORLD);
    let far = "arn:aws:rds:eu-west-1:123456789012:snapshot:far";
    let restore = client.restore_db_instance_from_db_snapshot().db_instance_identifier("copy");
    assert_eq!(code(restore.db_snapshot_identifier(far).send().await), "DBSnapshotNotFound");
    assert_eq!(code(client.describe_db_snapshots().db_snapshot_identifier(far).send().await), "DBSnapshotNotFound");
    let there = rds_in(&simulator, "eu-west-1");
    let found = there.describe_db_snapshots().dbi_resource_id("db-ORDERS").send().await.unwrap();
    let [found] = found.db_snapshots() else { panic!("{found:?}") };
    assert_eq!((found.db_snapshot_identifier(), found.db_snapshot_arn()), (Some("far"), Some(far)));
    assert_eq!(found.snapshot_type(), Some("manual"));
}

#[test]
fn snapshots_that_cannot_be_shared_make_a_world_impossible() {
    let shared = r#""identifier": "a", "source": "b", "engine": "mysql", "account": "210987654321""#;
    let cases = [
        (format!(r#"{{{shared}, "tde": true}}"#), "snapshots[0].tde"),
        (format!(r#"{{{shared}, "type": "automated"}}"#), "snapshots[0].type"),
        (format!(r#"{{{shared}, "public": true, "settings": {{"storageEncrypted": true}}}}"#), "snapshots[0].public"),
        (r#"{"identifier": "a", "source": "b", "engine": "mysql", "public": true}"#.to_owned(), "snapshots[0].public"),
    ];
    for (snapshot, place) in cases {
        let world = World::from_json(&format!(r#"{{"snapshots": [{snapshot}]}}"#)).unwrap();
        let options = rds_simulator::Options { seed: 1, start_time: start_time(), speed: 1.0 };
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
        let error = runtime.block_on(async { rds_simulator::Simulator::new(world, options) }).unwrap_err();
        assert!(error.to_string().starts_with(place), "{error}");
    }
}
