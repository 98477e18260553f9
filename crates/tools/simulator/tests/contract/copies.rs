//! Behaviours of copies of snapshots, from other regions and accounts above all.

use std::time::Duration;

use aws_sdk_rds::operation::copy_db_cluster_snapshot::builders::CopyDBClusterSnapshotFluentBuilder;
use aws_sdk_rds::operation::copy_db_snapshot::builders::CopyDBSnapshotFluentBuilder;
use aws_sdk_rds::types::DbSnapshot;
use rds_simulator::Simulator;

use crate::support::{code, delete, moment, rds_in, settle, simulated, simulator_with_seed, tag};

const WORLD: &str = r#"{
    "timings": {"jitter": 0},
    "granted": ["rds:CrossRegionCommunication"],
    "optionGroups": [{"name": "own-options", "family": "oracle-ee", "majorVersion": "19"}],
    "instances": [{"identifier": "orders", "engine": "mysql"}],
    "snapshots": [
        {"identifier": "own", "source": "orders", "ageHours": 2, "settings": {"kmsKeyId": "alias/old"}},
        {"identifier": "copy-of-own", "source": "orders", "ageHours": 1, "originalAgeHours": 48},
        {"identifier": "rds:orders-1", "source": "orders", "type": "automated"},
        {"identifier": "far", "source": "orders", "engine": "mysql", "region": "eu-west-1", "settings": {"optionGroup": "theirs"}},
        {"identifier": "sealed", "source": "orders", "engine": "mysql", "region": "eu-west-1", "settings": {"storageEncrypted": true}},
        {"identifier": "tde", "source": "vault", "engine": "oracle-ee", "region": "eu-west-1", "tde": true},
        {"identifier": "plain", "source": "orders", "engine": "mysql", "account": "210987654321", "tags": {"a": "b"}},
        {
            "identifier": "theirs", "source": "orders", "engine": "mysql", "account": "210987654321",
            "settings": {"kmsKeyId": "arn:aws:kms:us-east-1:210987654321:key/theirs"}
        },
        {"identifier": "stuck", "source": "orders", "engine": "mysql", "account": "210987654321", "settings": {"storageEncrypted": true}}
    ],
    "clusterSnapshots": [
        {
            "identifier": "theirs", "source": "shop", "engine": "aurora-mysql", "account": "210987654321",
            "settings": {"kmsKeyId": "arn:aws:kms:us-east-1:210987654321:key/theirs"}
        },
        {"identifier": "stuck", "source": "shop", "engine": "aurora-mysql", "account": "210987654321", "settings": {"storageEncrypted": true}},
        {"identifier": "far", "source": "shop", "engine": "aurora-mysql", "region": "eu-west-1"},
        {"identifier": "sealed", "source": "shop", "engine": "aurora-mysql", "region": "eu-west-1", "settings": {"storageEncrypted": true}},
        {"identifier": "three", "source": "ledger", "engine": "mysql", "region": "eu-west-1"}
    ]
}"#;

fn shared(name: &str) -> String {
    format!("arn:aws:rds:us-east-1:210987654321:snapshot:{name}")
}

fn far(name: &str) -> String {
    format!("arn:aws:rds:eu-west-1:123456789012:snapshot:{name}")
}

fn copy(client: &aws_sdk_rds::Client, source: &str) -> CopyDBSnapshotFluentBuilder {
    client.copy_db_snapshot().source_db_snapshot_identifier(source).target_db_snapshot_identifier("copy")
}

fn cluster_copy(client: &aws_sdk_rds::Client, source: &str) -> CopyDBClusterSnapshotFluentBuilder {
    let arn = source.replace(":snapshot:", ":cluster-snapshot:");
    let request = client.copy_db_cluster_snapshot().source_db_cluster_snapshot_identifier(arn);
    request.target_db_cluster_snapshot_identifier("copy")
}

async fn snapshot(client: &aws_sdk_rds::Client, name: &str) -> DbSnapshot {
    let found = client.describe_db_snapshots().db_snapshot_identifier(name).send().await.unwrap();
    found.db_snapshots()[0].clone()
}

#[tokio::test(start_paused = true)]
async fn copy_keeps_the_time_of_its_original() {
    let (simulator, client) = simulated(WORLD);
    copy(&client, "copy-of-own").send().await.unwrap();
    settle(&simulator).await;
    let found = snapshot(&client, "copy").await;
    assert_eq!(found.original_snapshot_create_time(), Some(&moment(-48 * 3_600)));
    assert_eq!(found.snapshot_create_time(), Some(&moment(0)));
    let source = snapshot(&client, "copy-of-own").await;
    assert_eq!(source.snapshot_create_time(), Some(&moment(-3_600)));
}

#[tokio::test(start_paused = true)]
async fn copy_of_an_automated_snapshot_is_a_manual_one() {
    let (simulator, client) = simulated(WORLD);
    let named = copy(&client, "rds:orders-1").target_db_snapshot_identifier("rds:copy").send().await;
    assert_eq!(code(named), "InvalidParameterValue");
    copy(&client, "rds:orders-1").send().await.unwrap();
    settle(&simulator).await;
    assert_eq!(snapshot(&client, "copy").await.snapshot_type(), Some("manual"));
    delete(&client, "orders").await.unwrap();
    settle(&simulator).await;
    let state = simulator.state();
    assert!(state.snapshot("copy").is_some() && state.snapshot("rds:orders-1").is_none());
}

#[tokio::test(start_paused = true)]
async fn copy_of_a_shared_encrypted_snapshot_needs_a_key_of_the_region() {
    let (_, client) = simulated(WORLD);
    let elsewhere = "arn:aws:kms:eu-west-1:123456789012:key/own";
    let request = || copy(&client, &shared("theirs"));
    assert_eq!(code(copy(&client, "theirs").kms_key_id("alias/own").send().await), "DBSnapshotNotFound", "by name");
    assert_eq!(code(request().send().await), "KMSKeyNotAccessibleFault");
    assert_eq!(code(request().kms_key_id(elsewhere).send().await), "KMSKeyNotAccessibleFault");
    let copied = request().kms_key_id("alias/own").send().await.unwrap();
    let copied = copied.db_snapshot().unwrap();
    assert_eq!((copied.encrypted(), copied.kms_key_id()), (Some(true), Some("alias/own")));
    assert_eq!(copied.source_db_snapshot_identifier(), Some(shared("theirs").as_str()));
    let of_cluster = || cluster_copy(&client, &shared("theirs"));
    assert_eq!(code(of_cluster().send().await), "KMSKeyNotAccessibleFault");
    of_cluster().kms_key_id("alias/own").send().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn shared_snapshot_under_the_default_key_is_not_copied() {
    let (_, client) = simulated(WORLD);
    let request = copy(&client, &shared("stuck")).kms_key_id("alias/own").send().await;
    assert_eq!(code(request), "KMSKeyNotAccessibleFault");
    let request = cluster_copy(&client, &shared("stuck")).kms_key_id("alias/own").send().await;
    assert_eq!(code(request), "KMSKeyNotAccessibleFault");
    copy(&client, &far("sealed")).kms_key_id("alias/own").send().await.expect("it is the account's own");
}

#[tokio::test(start_paused = true)]
async fn copy_from_another_region_needs_a_key_and_a_permission() {
    let (_, client) = simulated(WORLD);
    assert_eq!(code(copy(&client, &far("sealed")).send().await), "InvalidParameterValue");
    assert_eq!(code(cluster_copy(&client, &far("sealed")).send().await), "InvalidParameterValue");
    assert_eq!(code(copy(&client, "far").send().await), "DBSnapshotNotFound", "by name");
    let three = cluster_copy(&client, &far("three")).send().await;
    assert_eq!(code(three), "InvalidDBClusterSnapshotStateFault", "a Multi-AZ DB cluster");
    let unencrypted = cluster_copy(&client, &far("far")).kms_key_id("alias/own").send().await;
    assert_eq!(code(unencrypted), "InvalidParameterCombination");
    let copied = copy(&client, &far("sealed")).kms_key_id("alias/own").send().await.unwrap();
    assert_eq!(copied.db_snapshot().unwrap().source_region(), Some("eu-west-1"));
    let copied = copy(&client, &far("far")).target_db_snapshot_identifier("other").send().await.unwrap();
    assert_eq!(copied.db_snapshot().unwrap().option_group_name(), Some("default:mysql-8-0"));
    let (_, client) = simulated(&WORLD.replacen(r#""granted": ["rds:CrossRegionCommunication"],"#, "", 1));
    assert_eq!(code(copy(&client, &far("far")).send().await), "AccessDenied");
    copy(&client, "own").send().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn copies_from_other_regions_are_five_at_once() {
    let (simulator, client) = simulated(WORLD);
    for number in 1..=4 {
        let request = copy(&client, &far("far")).target_db_snapshot_identifier(format!("copy-{number}"));
        request.send().await.unwrap();
    }
    cluster_copy(&client, &far("far")).send().await.unwrap();
    assert_eq!(code(copy(&client, &far("far")).send().await), "SnapshotQuotaExceeded");
    assert_eq!(
        code(cluster_copy(&client, &far("far")).target_db_cluster_snapshot_identifier("b").send().await),
        "SnapshotQuotaExceeded"
    );
    copy(&client, "own").target_db_snapshot_identifier("near").send().await.unwrap();
    client.delete_db_snapshot().db_snapshot_identifier("copy-1").send().await.expect("a copy under way is cancelled");
    copy(&client, &far("far")).send().await.unwrap();
    settle(&simulator).await;
    copy(&client, &far("far")).target_db_snapshot_identifier("later").send().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn full_copy_takes_hours() {
    let cases = [(far("far"), None), (shared("plain"), None), ("own".to_owned(), Some("alias/new"))];
    for (source, key) in cases {
        let (simulator, client) = simulated(&WORLD.replacen(r#""jitter": 0"#, r#""jitter": 0, "copyQueue": 600"#, 1));
        let request = copy(&client, &source).set_kms_key_id(key.map(str::to_owned));
        request.send().await.unwrap();
        let percent = async || snapshot(&client, "copy").await.percent_progress();
        tokio::time::sleep(Duration::from_secs(600)).await;
        assert_eq!(percent().await, Some(0), "{source} is queued");
        tokio::time::sleep(Duration::from_secs(3_600)).await;
        assert_eq!((percent().await, snapshot(&client, "copy").await.status()), (Some(50), Some("copying")));
        settle(&simulator).await;
        assert_eq!(simulator.now(), Duration::from_secs(7_800), "{source}");
        assert_eq!((percent().await, snapshot(&client, "copy").await.status()), (Some(100), Some("available")));
    }
    let (simulator, client) = simulated(WORLD);
    copy(&client, "own").kms_key_id("alias/old").send().await.unwrap();
    settle(&simulator).await;
    assert_eq!(simulator.now(), Duration::from_secs(240), "the same key");
}

#[tokio::test(start_paused = true)]
async fn snapshot_with_tde_needs_an_option_group_in_another_region() {
    let (_, client) = simulated(WORLD);
    let request = || copy(&client, &far("tde"));
    assert_eq!(code(request().send().await), "InvalidParameterCombination");
    assert_eq!(code(request().option_group_name("none").send().await), "OptionGroupNotFoundFault");
    let copied = request().option_group_name("own-options").send().await.unwrap();
    assert_eq!(copied.db_snapshot().unwrap().option_group_name(), Some("own-options"));
}

#[tokio::test(start_paused = true)]
async fn gov_cloud_copies_need_a_pre_signed_url() {
    let world = WORLD.replacen('{', r#"{"region": "us-gov-west-1","#, 1).replace("eu-west-1", "us-gov-east-1");
    let simulator: Simulator = simulator_with_seed(&world, 1);
    let client = rds_in(&simulator, "us-gov-west-1");
    let arn = "arn:aws-us-gov:rds:us-gov-east-1:123456789012:snapshot:sealed";
    let request = || copy(&client, arn).kms_key_id("alias/own");
    assert_eq!(code(request().send().await), "InvalidParameterCombination");
    request().pre_signed_url("https://rds.us-gov-east-1.amazonaws.com/?Action=CopyDBSnapshot").send().await.unwrap();
    let inside = copy(&client, "own").target_db_snapshot_identifier("other").pre_signed_url("https://x").send().await;
    assert_eq!(code(inside), "InvalidParameterCombination");
}

#[tokio::test(start_paused = true)]
async fn tags_of_the_snapshot_of_another_account_are_not_copied() {
    let (_, client) = simulated(WORLD);
    let request = || copy(&client, &shared("plain"));
    assert_eq!(code(request().copy_tags(true).send().await), "InvalidParameterCombination");
    let copied = request().tags(tag("my", "own")).send().await.unwrap();
    assert_eq!(copied.db_snapshot().unwrap().tag_list(), [tag("my", "own")]);
}
