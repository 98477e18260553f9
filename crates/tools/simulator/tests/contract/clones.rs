//! Behaviours of clones of Aurora clusters.

use aws_sdk_rds::operation::restore_db_cluster_to_point_in_time::builders::RestoreDBClusterToPointInTimeFluentBuilder;

use crate::support::{cluster, code, moment, settle, simulated, watch};

const WORLD: &str = r#"{
    "timings": {"jitter": 0},
    "clusters": [
        {
            "identifier": "shop", "engine": "aurora-mysql", "members": [{"identifier": "shop-1"}],
            "settings": {"storageEncrypted": true, "kmsKeyId": "alias/old"}
        },
        {"identifier": "empty", "engine": "aurora-mysql"},
        {"identifier": "ledger", "engine": "mysql"}
    ]
}"#;

fn clone(client: &aws_sdk_rds::Client, source: &str, name: &str) -> RestoreDBClusterToPointInTimeFluentBuilder {
    let request = client.restore_db_cluster_to_point_in_time().db_cluster_identifier(name);
    request.source_db_cluster_identifier(source).restore_type("copy-on-write").use_latest_restorable_time(true)
}

async fn cluster_status(client: &aws_sdk_rds::Client, name: &str) -> String {
    cluster(client, name).await.status().unwrap().to_owned()
}

#[tokio::test(start_paused = true)]
async fn clone_is_of_an_aurora_cluster_with_an_instance_as_it_is_now() {
    let (simulator, client) = simulated(WORLD);
    assert_eq!(code(clone(&client, "empty", "copy").send().await), "InvalidDBClusterStateFault");
    let of_multi_az = clone(&client, "ledger", "copy").db_cluster_instance_class("db.m6gd.large").send().await;
    assert_eq!(code(of_multi_az), "InvalidParameterCombination");
    let timed = clone(&client, "shop", "copy").use_latest_restorable_time(false).restore_to_time(moment(-600));
    assert_eq!(code(timed.send().await), "InvalidParameterCombination");
    assert_eq!(code(clone(&client, "shop", "empty").send().await), "DBClusterAlreadyExistsFault");
    client.stop_db_cluster().db_cluster_identifier("shop").send().await.unwrap();
    settle(&simulator).await;
    assert_eq!(code(clone(&client, "shop", "copy").send().await), "InvalidDBClusterStateFault", "stopped");
    assert_eq!(simulator.state().clusters.len(), 3);
}

#[tokio::test(start_paused = true)]
async fn clones_share_a_group_and_may_have_another_key() {
    let (simulator, client) = simulated(WORLD);
    assert_eq!(cluster(&client, "shop").await.clone_group_id(), None);
    clone(&client, "shop", "copy").kms_key_id("alias/own").send().await.unwrap();
    let seen = watch(&simulator, || cluster_status(&client, "copy")).await;
    assert_eq!(seen, ["creating", "available"]);
    assert_eq!(simulator.now().as_secs(), 300, "not the time of a full copy");
    let (copy, original) = (cluster(&client, "copy").await, cluster(&client, "shop").await);
    assert_eq!((copy.kms_key_id(), original.kms_key_id()), (Some("alias/own"), Some("alias/old")));
    assert!(copy.clone_group_id().is_some() && copy.db_cluster_members().is_empty());
    assert_eq!(copy.clone_group_id(), original.clone_group_id());
    let group =
        aws_sdk_rds::types::Filter::builder().name("clone-group-id").values(copy.clone_group_id().unwrap()).build();
    let found = client.describe_db_clusters().filters(group).send().await.unwrap();
    let names: Vec<_> = found.db_clusters().iter().filter_map(|found| found.db_cluster_identifier()).collect();
    assert_eq!(names, ["copy", "shop"]);
}

#[tokio::test(start_paused = true)]
async fn clone_beyond_the_limit_is_a_full_copy() {
    let clones: Vec<String> = (1..=14)
        .map(|number| format!(r#"{{"identifier": "clone-{number}", "engine": "aurora-mysql", "cloneGroup": "g"}}"#))
        .collect();
    let world = WORLD.replacen(r#""identifier": "shop","#, r#""identifier": "shop", "cloneGroup": "g","#, 1);
    let world =
        world.replacen(r#"{"identifier": "empty""#, &format!(r#"{}, {{"identifier": "empty""#, clones.join(",")), 1);
    let (simulator, client) = simulated(&world);
    clone(&client, "shop", "fifteenth").send().await.unwrap();
    clone(&client, "shop", "sixteenth").send().await.unwrap();
    assert_eq!(cluster(&client, "fifteenth").await.clone_group_id(), Some("g"));
    assert_eq!(cluster(&client, "sixteenth").await.clone_group_id(), None);
    let seen = watch(&simulator, || cluster_status(&client, "sixteenth")).await;
    assert_eq!(seen, ["creating", "migrating", "backing-up", "available"]);
    assert!(simulator.now().as_secs() > 900, "{:?}", simulator.now());
}
