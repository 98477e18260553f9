//! Behaviours of zones, subnet groups, security groups and networks.

use aws_sdk_rds::operation::restore_db_cluster_from_snapshot::builders::RestoreDBClusterFromSnapshotFluentBuilder;
use aws_sdk_rds::operation::restore_db_instance_from_db_snapshot::builders::RestoreDBInstanceFromDBSnapshotFluentBuilder;

use crate::support::{cluster, code, instance, simulated};

const WORLD: &str = r#"{
    "instances": [{"identifier": "orders", "engine": "postgres"}],
    "clusters": [
        {"identifier": "shop", "engine": "aurora-postgresql", "settings": {"availabilityZones": ["us-east-1a", "us-east-1b", "us-east-1f"]}},
        {"identifier": "ledger", "engine": "postgres"}
    ],
    "snapshots": [{"identifier": "orders-snapshot", "source": "orders"}],
    "clusterSnapshots": [{"identifier": "shop-snapshot", "source": "shop"}, {"identifier": "ledger-snapshot", "source": "ledger"}],
    "subnetGroups": [
        {"name": "two", "availabilityZones": ["us-east-1b", "us-east-1d"], "vpc": "vpc-other"},
        {"name": "one", "availabilityZones": ["us-east-1b"]},
        {"name": "outpost", "availabilityZones": ["us-east-1a"], "outpost": true}
    ],
    "securityGroups": [
        {"id": "sg-home", "vpc": "vpc-0simulator"},
        {"id": "sg-other", "vpc": "vpc-other"},
        {"id": "sg-other-default", "vpc": "vpc-other", "default": true}
    ]
}"#;

fn restore(client: &aws_sdk_rds::Client, name: &str) -> RestoreDBInstanceFromDBSnapshotFluentBuilder {
    client.restore_db_instance_from_db_snapshot().db_instance_identifier(name).db_snapshot_identifier("orders-snapshot")
}

fn restore_cluster(client: &aws_sdk_rds::Client, name: &str) -> RestoreDBClusterFromSnapshotFluentBuilder {
    let request = client.restore_db_cluster_from_snapshot().db_cluster_identifier(name);
    request.snapshot_identifier("shop-snapshot").engine("aurora-postgresql")
}

#[tokio::test(start_paused = true)]
async fn zones_beyond_the_subnet_group_are_refused() {
    let (_, client) = simulated(WORLD);
    let refused = "InvalidVPCNetworkStateFault";
    assert_eq!(code(restore(&client, "x").availability_zone("us-east-1f").send().await), refused);
    let in_two = || restore(&client, "in-two").db_subnet_group_name("two");
    assert_eq!(code(in_two().availability_zone("us-east-1a").send().await), refused);
    in_two().availability_zone("us-east-1d").send().await.unwrap();
    let zones = |zones: &[&str]| {
        restore_cluster(&client, "copy")
            .set_availability_zones(Some(zones.iter().map(|zone| (*zone).to_owned()).collect()))
    };
    assert_eq!(code(zones(&["us-east-1a", "us-east-1b", "us-east-1f"]).send().await), refused);
    assert_eq!(code(zones(&["us-east-1a"]).db_subnet_group_name("two").send().await), refused);
    zones(&["us-east-1a", "us-east-1b"]).send().await.unwrap();
    let member = client.create_db_instance().db_instance_identifier("shop-1").db_cluster_identifier("shop");
    let member = member.engine("aurora-postgresql").db_instance_class("db.r7g.large");
    assert_eq!(code(member.clone().availability_zone("us-east-1f").send().await), refused);
    member.availability_zone("us-east-1c").send().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn cluster_shows_three_storage_zones() {
    let (_, client) = simulated(WORLD);
    let zones = async |name: &str| cluster(&client, name).await.availability_zones().to_vec();
    assert_eq!(zones("shop").await, ["us-east-1a", "us-east-1b", "us-east-1f"]);
    restore_cluster(&client, "copy").availability_zones("us-east-1c").send().await.unwrap();
    assert_eq!(zones("copy").await, ["us-east-1c", "us-east-1a", "us-east-1b"]);
    restore_cluster(&client, "narrow").db_subnet_group_name("two").send().await.unwrap();
    assert_eq!(zones("narrow").await, ["us-east-1b", "us-east-1d", "us-east-1a"]);
    let group = client.describe_db_subnet_groups().db_subnet_group_name("two").send().await.unwrap();
    let covered: Vec<_> = group.db_subnet_groups()[0]
        .subnets()
        .iter()
        .map(|subnet| subnet.subnet_availability_zone().unwrap().name().unwrap())
        .collect();
    assert_eq!((covered, group.db_subnet_groups()[0].vpc_id()), (vec!["us-east-1b", "us-east-1d"], Some("vpc-other")));
}

#[tokio::test(start_paused = true)]
async fn subnet_group_covers_enough_zones() {
    let (_, client) = simulated(WORLD);
    let refused = "DBSubnetGroupDoesNotCoverEnoughAZs";
    assert_eq!(code(restore(&client, "x").multi_az(true).db_subnet_group_name("one").send().await), refused);
    assert_eq!(code(restore_cluster(&client, "x").db_subnet_group_name("one").send().await), refused);
    let multi_az = client.restore_db_cluster_from_snapshot().db_cluster_identifier("x").engine("postgres");
    let multi_az = multi_az.snapshot_identifier("ledger-snapshot").db_cluster_instance_class("db.m6gd.large");
    assert_eq!(code(multi_az.clone().db_subnet_group_name("two").send().await), refused);
    multi_az.send().await.unwrap();
    restore(&client, "single").db_subnet_group_name("one").send().await.unwrap();
    assert_eq!(instance(&client, "single").await.availability_zone(), Some("us-east-1b"));
    let modify =
        client.modify_db_instance().db_instance_identifier("orders").db_subnet_group_name("one").multi_az(true);
    assert_eq!(code(modify.send().await), refused);
}

#[tokio::test(start_paused = true)]
async fn zone_is_not_given_beside_multi_az() {
    let (_, client) = simulated(WORLD);
    let both = restore(&client, "x").multi_az(true).availability_zone("us-east-1a").send().await;
    assert_eq!(code(both), "InvalidParameterCombination");
    restore(&client, "x").multi_az(false).availability_zone("us-east-1a").send().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn security_groups_belong_to_the_vpc() {
    let (_, client) = simulated(WORLD);
    let refused = "InvalidParameterCombination";
    assert_eq!(code(restore(&client, "x").vpc_security_group_ids("sg-other").send().await), refused);
    let in_two = restore(&client, "x").db_subnet_group_name("two");
    assert_eq!(code(in_two.clone().vpc_security_group_ids("sg-home").send().await), refused);
    in_two.vpc_security_group_ids("sg-other").send().await.unwrap();
    assert_eq!(code(restore_cluster(&client, "y").vpc_security_group_ids("sg-other").send().await), refused);
    let modify = client.modify_db_instance().db_instance_identifier("orders");
    assert_eq!(code(modify.clone().vpc_security_group_ids("sg-other").send().await), refused);
    modify.vpc_security_group_ids("sg-home").send().await.unwrap();
    let modify = client.modify_db_cluster().db_cluster_identifier("shop").vpc_security_group_ids("sg-other");
    assert_eq!(code(modify.send().await), refused);
}

#[tokio::test(start_paused = true)]
async fn no_security_groups_means_the_default_group() {
    let (_, client) = simulated(WORLD);
    let groups = async |name: &str| {
        instance(&client, name).await.vpc_security_groups()[0].vpc_security_group_id().unwrap().to_owned()
    };
    restore(&client, "plain").send().await.unwrap();
    assert_eq!(groups("plain").await, "sg-0default");
    restore(&client, "moved").db_subnet_group_name("two").send().await.unwrap();
    assert_eq!(groups("moved").await, "sg-other-default");
    restore_cluster(&client, "copy").db_subnet_group_name("two").send().await.unwrap();
    let copy = cluster(&client, "copy").await;
    assert_eq!(copy.vpc_security_groups()[0].vpc_security_group_id(), Some("sg-other-default"));
}

#[tokio::test(start_paused = true)]
async fn outpost_backups_need_an_outpost() {
    let (_, client) = simulated(WORLD);
    let restore_there = || restore(&client, "x").backup_target("outposts");
    assert_eq!(code(restore_there().send().await), "InvalidParameterCombination");
    restore_there().db_subnet_group_name("outpost").send().await.unwrap();
    let group = client.describe_db_subnet_groups().db_subnet_group_name("outpost").send().await.unwrap();
    assert!(group.db_subnet_groups()[0].subnets()[0].subnet_outpost().unwrap().arn().is_some());
    let local = r#"{"snapshots": [{"identifier": "orders-snapshot", "source": "gone", "engine": "postgres", "settings": {"backupTarget": "outposts"}}]}"#;
    let (_, client) = simulated(local);
    assert_eq!(code(restore(&client, "x").send().await), "InvalidParameterCombination");
    let found = client.describe_db_snapshots().send().await.unwrap();
    assert_eq!(found.db_snapshots()[0].snapshot_target(), Some("outposts"));
}

#[tokio::test(start_paused = true)]
async fn aurora_without_vpc_networking_takes_no_subnet_group() {
    let world = r#"{
        "clusters": [{"identifier": "shop", "engine": "aurora-postgresql", "settings": {"vpcNetworking": false}}],
        "clusterSnapshots": [{"identifier": "shop-snapshot", "source": "shop"}]
    }"#;
    let (_, client) = simulated(world);
    assert_eq!(cluster(&client, "shop").await.vpc_networking_enabled(), Some(false));
    let in_a_vpc = restore_cluster(&client, "copy").vpc_security_group_ids("sg-1");
    assert_eq!(code(in_a_vpc.clone().send().await), "InvalidParameterCombination");
    assert_eq!(code(in_a_vpc.clone().enable_vpc_networking(false).send().await), "InvalidParameterCombination");
    in_a_vpc.enable_vpc_networking(true).send().await.unwrap();
    restore_cluster(&client, "other").send().await.unwrap();
    assert_eq!(cluster(&client, "other").await.vpc_networking_enabled(), Some(false));
}
