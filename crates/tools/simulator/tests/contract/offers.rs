//! Behaviours of the offers of RDS, of its events, and of zero-ETL integrations.

use std::time::Duration;

use aws_sdk_rds::primitives::DateTime;
use aws_sdk_rds::types::SourceType;

use crate::support::{cluster, code, delete, instance, rename, settle, simulated, start_time};

const ORDERS: &str =
    r#"{"instances": [{"identifier": "orders", "engine": "postgres", "settings": {"engineVersion": "15.4"}}]}"#;

#[tokio::test(start_paused = true)]
async fn certificates_are_described() {
    let (_, client) = simulated("{}");
    let answer = client.describe_certificates().send().await.unwrap();
    assert_eq!(answer.default_certificate_for_new_launches(), Some("rds-ca-rsa2048-g1"));
    let names: Vec<&str> =
        answer.certificates().iter().filter_map(|certificate| certificate.certificate_identifier()).collect();
    assert_eq!(names, ["rds-ca-rsa2048-g1", "rds-ca-rsa4096-g1", "rds-ca-ecc384-g1"]);
    let one = client.describe_certificates().certificate_identifier("rds-ca-ecc384-g1").send().await.unwrap();
    assert!(one.certificates()[0].valid_till().unwrap().secs() > 4_000_000_000);
    let gone = client.describe_certificates().certificate_identifier("rds-ca-2019").send().await;
    assert_eq!(code(gone), "CertificateNotFound");
    let (_, client) = simulated(r#"{"certificates": [{"identifier": "own-ca", "validTill": "2030-01-01T00:00:00Z"}]}"#);
    let answer = client.describe_certificates().send().await.unwrap();
    assert_eq!((answer.certificates().len(), answer.default_certificate_for_new_launches()), (1, Some("own-ca")));
}

#[tokio::test(start_paused = true)]
async fn engine_versions_are_described() {
    let world = r#"{
        "clusters": [{"identifier": "shop", "engine": "aurora-mysql", "settings": {"engineVersion": "8.0.mysql_aurora.3.04.0"}}],
        "engineVersions": [{"engine": "postgres", "version": "11.22", "offer": "withdrawn"}, {"engine": "postgres", "version": "12.22", "upgradedTo": "16.9"}]
    }"#;
    let (_, client) = simulated(world);
    let versions = async |engine: &str, version: &str, all: bool| -> Vec<(String, String)> {
        let request = client.describe_db_engine_versions().engine(engine).engine_version(version).include_all(all);
        let answer = request.send().await.unwrap();
        let found = answer.db_engine_versions().iter();
        found.map(|found| (found.engine_version().unwrap().to_owned(), found.status().unwrap().to_owned())).collect()
    };
    let withdrawn = "8.0.mysql_aurora.3.04.0";
    assert_eq!(versions("aurora-mysql", withdrawn, false).await, []);
    let deprecated = [(withdrawn.to_owned(), "deprecated".to_owned())];
    assert_eq!(versions("aurora-mysql", withdrawn, true).await, deprecated);
    assert_eq!(versions("postgres", "11.22", false).await, []);
    assert_eq!(versions("postgres", "12", false).await, [("12.22".to_owned(), "available".to_owned())]);
    let answer = client.describe_db_engine_versions().engine("postgres").engine_version("12.22").send().await.unwrap();
    let targets = answer.db_engine_versions()[0].valid_upgrade_target();
    let upgrade = targets.iter().find(|target| target.engine_version() == Some("16.9")).unwrap();
    assert_eq!((upgrade.auto_upgrade(), upgrade.is_major_version_upgrade()), (Some(true), Some(true)));
    assert_eq!(answer.db_engine_versions()[0].db_parameter_group_family(), Some("postgres12"));
    let default = client.describe_db_engine_versions().engine("mariadb").default_only(true).send().await.unwrap();
    assert_eq!(default.db_engine_versions().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn orderable_options_are_described() {
    let world = r#"{
        "orderableOptions": [{"class": "db.r6g.large", "engine": "mysql", "availabilityZones": ["us-east-1b"]}],
        "withdrawnClasses": ["db.m3.large"]
    }"#;
    let (_, client) = simulated(world);
    let options = async |engine: &str, version: &str, class: &str| {
        let request = client.describe_orderable_db_instance_options().engine(engine).engine_version(version);
        request.db_instance_class(class).send().await.unwrap().orderable_db_instance_options().to_vec()
    };
    let found = options("mysql", "8.0.42", "db.r6g.large").await;
    assert_eq!(found.len(), 5, "one for each storage type");
    assert_eq!(found[0].availability_zones()[0].name(), Some("us-east-1b"));
    assert_eq!(options("mysql", "8.0.42", "db.t4g.micro").await[0].availability_zones().len(), 3);
    for (engine, version, class) in [
        ("postgres", "16.9", "db.r6g.large"),
        ("mysql", "8.0.42", "db.m3.large"),
        ("aurora-mysql", "8.0.mysql_aurora.3.04.0", "db.r6g.large"),
    ] {
        assert!(options(engine, version, class).await.is_empty(), "{engine} {version} {class}");
    }
}

#[tokio::test(start_paused = true)]
async fn account_attributes_show_quotas() {
    let world = ORDERS.replacen('{', r#"{"limits": {"instances": 7, "allocatedStorage": 150},"#, 1);
    let (_, client) = simulated(&world);
    let answer = client.describe_account_attributes().send().await.unwrap();
    let quota = |name: &str| {
        let found = answer.account_quotas().iter().find(|quota| quota.account_quota_name() == Some(name)).unwrap();
        (found.used(), found.max())
    };
    assert_eq!(quota("DBInstances"), (Some(1), Some(7)));
    assert_eq!(quota("AllocatedStorage"), (Some(100), Some(150)));
}

#[tokio::test(start_paused = true)]
async fn events_are_described() {
    let (simulator, client) = simulated(ORDERS);
    client.reboot_db_instance().db_instance_identifier("orders").send().await.unwrap();
    settle(&simulator).await;
    rename(&client, "orders", "renamed").await.unwrap();
    settle(&simulator).await;
    delete(&client, "renamed").await.unwrap();
    settle(&simulator).await;
    let request = || client.describe_events().source_type(SourceType::DbInstance);
    let messages = |answer: aws_sdk_rds::operation::describe_events::DescribeEventsOutput| -> Vec<String> {
        answer.events().iter().map(|event| event.message().unwrap().to_owned()).collect()
    };
    let of_old_name = request().source_identifier("orders").send().await.unwrap();
    let first = &of_old_name.events()[0];
    assert!(first.source_arn().unwrap().ends_with(":db:orders") && first.date().is_some());
    assert_eq!(first.event_categories(), ["availability"]);
    assert_eq!(messages(of_old_name), ["DB instance shutdown", "DB instance restarted"]);
    let renamed = messages(request().source_identifier("renamed").send().await.unwrap());
    assert_eq!(renamed.first().unwrap(), "Renamed DB instance from orders to renamed");
    assert_eq!(renamed.last().unwrap(), "DB instance deleted");
    assert_eq!(messages(request().event_categories("deletion").send().await.unwrap()), ["DB instance deleted"]);
    let before = request().end_time(DateTime::from(start_time() - Duration::from_secs(1))).send().await.unwrap();
    assert!(before.events().is_empty(), "nothing happened before the start");
    assert_eq!(code(client.describe_events().source_identifier("orders").send().await), "InvalidParameterCombination");
    tokio::time::sleep(Duration::from_secs(2 * 3_600)).await;
    assert!(request().send().await.unwrap().events().is_empty(), "the past hour by default");
    assert!(!request().duration(20_160).send().await.unwrap().events().is_empty());
}

const INTEGRATED: &str = r#"{
    "instances": [{"identifier": "orders", "engine": "mysql"}],
    "clusters": [{"identifier": "shop", "engine": "aurora-mysql"}],
    "integrations": [
        {"name": "orders-etl", "source": "arn:aws:rds:us-east-1:123456789012:db:orders", "target": "arn:aws:redshift-serverless:us-east-1:123456789012:namespace/w"},
        {"name": "shop-etl", "source": "arn:aws:rds:us-east-1:123456789012:cluster:shop", "target": "arn:aws:redshift-serverless:us-east-1:123456789012:namespace/w", "status": "syncing"}
    ]
}"#;

#[tokio::test(start_paused = true)]
async fn integrations_are_described() {
    let (_, client) = simulated(INTEGRATED);
    let answer = client.describe_integrations().send().await.unwrap();
    let found = &answer.integrations()[0];
    assert_eq!((found.integration_name(), found.status().unwrap().as_str()), (Some("orders-etl"), "active"));
    assert_eq!(found.source_arn(), Some("arn:aws:rds:us-east-1:123456789012:db:orders"));
    let arn = answer.integrations()[1].integration_arn().unwrap();
    let one = client.describe_integrations().integration_identifier(arn).send().await.unwrap();
    assert_eq!(one.integrations()[0].integration_name(), Some("shop-etl"));
    let unknown = client.describe_integrations().integration_identifier("none").send().await;
    assert_eq!(code(unknown), "IntegrationNotFoundFault");
}

#[tokio::test(start_paused = true)]
async fn integration_fails_with_its_source() {
    let (simulator, client) = simulated(INTEGRATED);
    let states = async || -> Vec<String> {
        let answer = client.describe_integrations().send().await.unwrap();
        answer.integrations().iter().map(|found| found.status().unwrap().as_str().to_owned()).collect()
    };
    rename(&client, "orders", "renamed").await.unwrap();
    settle(&simulator).await;
    assert_eq!(states().await, ["active", "syncing"]);
    delete(&client, "renamed").await.unwrap();
    client.delete_db_cluster().db_cluster_identifier("shop").skip_final_snapshot(true).send().await.unwrap();
    settle(&simulator).await;
    assert_eq!(states().await, ["failed", "failed"]);
    let answer = client.describe_integrations().send().await.unwrap();
    assert!(answer.integrations()[0].errors()[0].error_code().is_some());
}

#[tokio::test(start_paused = true)]
async fn failed_member_leaves_its_multi_az_cluster_available() {
    let world = r#"{
        "clusters": [{"identifier": "ledger", "engine": "postgres"}],
        "clusterSnapshots": [{"identifier": "ledger-snapshot", "source": "ledger"}],
        "failingMembers": ["copy-instance-2"]
    }"#;
    let (simulator, client) = simulated(world);
    let restore = client.restore_db_cluster_from_snapshot().db_cluster_identifier("copy").engine("postgres");
    let restore = restore.snapshot_identifier("ledger-snapshot").db_cluster_instance_class("db.m6gd.large");
    restore.send().await.unwrap();
    settle(&simulator).await;
    assert_eq!(cluster(&client, "copy").await.status(), Some("available"));
    let mut statuses = Vec::new();
    for number in 1..=3 {
        let found = instance(&client, &format!("copy-instance-{number}")).await;
        statuses.push(found.db_instance_status().unwrap().to_owned());
    }
    assert_eq!(statuses, ["available", "failed", "available"]);
    let request = client.modify_db_cluster().db_cluster_identifier("copy").new_db_cluster_identifier("other");
    request.apply_immediately(true).send().await.unwrap();
    settle(&simulator).await;
    assert_eq!(instance(&client, "other-instance-2").await.db_instance_status(), Some("failed"));
    client.delete_db_cluster().db_cluster_identifier("other").skip_final_snapshot(true).send().await.unwrap();
    settle(&simulator).await;
    assert!(simulator.state().instance("other-instance-2").is_none());
}

#[tokio::test(start_paused = true)]
async fn withdrawn_certificate_is_refused_and_still_reported() {
    let world = r#"{
        "instances": [{"identifier": "orders", "engine": "postgres", "settings": {"caCertificate": "rds-ca-2019"}}],
        "clusters": [{"identifier": "shop", "engine": "aurora-postgresql", "members": [{"identifier": "shop-1"}]}],
        "snapshots": [{"identifier": "orders-snapshot", "source": "orders"}]
    }"#;
    let (_, client) = simulated(world);
    assert_eq!(instance(&client, "orders").await.ca_certificate_identifier(), Some("rds-ca-2019"));
    let restore = client.restore_db_instance_from_db_snapshot().db_instance_identifier("copy");
    let restore = restore.db_snapshot_identifier("orders-snapshot");
    let refused = restore.clone().ca_certificate_identifier("rds-ca-2019").send().await;
    assert!(refused.as_ref().unwrap_err().as_service_error().unwrap().is_certificate_not_found_fault());
    let modify = client.modify_db_instance().db_instance_identifier("orders").ca_certificate_identifier("rds-ca-2019");
    assert_eq!(code(modify.send().await), "CertificateNotFound");
    let member = client.create_db_instance().db_instance_identifier("shop-2").db_cluster_identifier("shop");
    let member = member.engine("aurora-postgresql").db_instance_class("db.r7g.large");
    assert_eq!(code(member.ca_certificate_identifier("rds-ca-2019").send().await), "CertificateNotFound");
    let of_cluster = client.modify_db_cluster().db_cluster_identifier("shop").engine_version("16.9").port(6_000);
    of_cluster.send().await.unwrap();
    restore.send().await.unwrap();
    assert_eq!(instance(&client, "copy").await.ca_certificate_identifier(), Some("rds-ca-rsa2048-g1"));
}

#[tokio::test(start_paused = true)]
async fn withdrawn_engine_version_is_refused() {
    let world = r#"{
        "instances": [{"identifier": "orders", "engine": "postgres", "settings": {"engineVersion": "15.4"}}],
        "clusters": [{"identifier": "shop", "engine": "aurora-mysql", "settings": {"engineVersion": "8.0.mysql_aurora.3.04.0"}}],
        "snapshots": [{"identifier": "orders-snapshot", "source": "orders"}],
        "clusterSnapshots": [{"identifier": "shop-snapshot", "source": "shop"}],
        "engineVersions": [{"engine": "postgres", "version": "15.4", "offer": "withdrawn"}]
    }"#;
    let (_, client) = simulated(world);
    let restore = client.restore_db_instance_from_db_snapshot().db_instance_identifier("copy");
    let refused = restore.db_snapshot_identifier("orders-snapshot").send().await;
    let message = refused.as_ref().unwrap_err().as_service_error().unwrap().meta().message().unwrap().to_owned();
    assert_eq!(
        (code(refused), message.as_str()),
        ("InvalidParameterCombination".to_owned(), "Cannot find version 15.4 for postgres")
    );
    let restore = || {
        let request = client.restore_db_cluster_from_snapshot().db_cluster_identifier("copy").engine("aurora-mysql");
        request.snapshot_identifier("shop-snapshot")
    };
    assert_eq!(code(restore().engine_version("8.0.mysql_aurora.3.04.0").send().await), "InvalidParameterCombination");
    restore().engine_version("8.0.mysql_aurora.3.10.0").send().await.unwrap();
    let upgrade = client.modify_db_instance().db_instance_identifier("orders").engine_version("15.99").send().await;
    assert_eq!(code(upgrade), "InvalidParameterCombination", "a version that never was");
    rename(&client, "orders", "renamed").await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn database_without_extended_support_is_upgraded_by_rds() {
    let world = r#"{
        "instances": [{"identifier": "orders", "engine": "postgres", "settings": {"engineVersion": "12.22"}}],
        "clusters": [{"identifier": "shop", "engine": "aurora-postgresql", "settings": {"engineVersion": "12.22"}}],
        "snapshots": [{"identifier": "orders-snapshot", "source": "orders"}],
        "clusterSnapshots": [{"identifier": "shop-snapshot", "source": "shop"}],
        "engineVersions": [
            {"engine": "postgres", "version": "12.22", "upgradedTo": "16.9"},
            {"engine": "aurora-postgresql", "version": "12.22", "upgradedTo": "16.8"}
        ]
    }"#;
    let (_, client) = simulated(world);
    for (name, lifecycle, expected) in [
        ("supported", "open-source-rds-extended-support", "12.22"),
        ("unsupported", "open-source-rds-extended-support-disabled", "16.9"),
    ] {
        let restore = client.restore_db_instance_from_db_snapshot().db_instance_identifier(name);
        let restore = restore.db_snapshot_identifier("orders-snapshot").engine_lifecycle_support(lifecycle);
        restore.send().await.unwrap();
        assert_eq!(instance(&client, name).await.engine_version(), Some(expected));
    }
    let restore = client.restore_db_cluster_from_snapshot().db_cluster_identifier("copy").engine("aurora-postgresql");
    let restore = restore.snapshot_identifier("shop-snapshot").engine_version("12.22");
    restore.engine_lifecycle_support("open-source-rds-extended-support-disabled").send().await.unwrap();
    assert_eq!(cluster(&client, "copy").await.engine_version(), Some("16.8"));
}

#[tokio::test(start_paused = true)]
async fn cluster_restore_without_version_runs_the_default_one() {
    let world = r#"{
        "clusters": [{"identifier": "shop", "engine": "aurora-postgresql", "settings": {"engineVersion": "15.12"}}],
        "clusterSnapshots": [{"identifier": "shop-snapshot", "source": "shop"}]
    }"#;
    let (_, client) = simulated(world);
    let restore = client.restore_db_cluster_from_snapshot().db_cluster_identifier("copy").engine("aurora-postgresql");
    restore.snapshot_identifier("shop-snapshot").send().await.unwrap();
    assert_eq!(cluster(&client, "copy").await.engine_version(), Some("16.8"));
}

#[tokio::test(start_paused = true)]
async fn class_is_ordered_for_engine_and_zone() {
    let world = r#"{
        "instances": [{"identifier": "orders", "engine": "postgres", "settings": {"class": "db.r6g.large"}}],
        "snapshots": [{"identifier": "orders-snapshot", "source": "orders"}],
        "orderableOptions": [
            {"class": "db.r6g.large", "engine": "mysql"},
            {"class": "db.m6g.large", "engine": "postgres", "availabilityZones": ["us-east-1b"]}
        ]
    }"#;
    let (_, client) = simulated(world);
    let restore = || {
        let request = client.restore_db_instance_from_db_snapshot().db_instance_identifier("copy");
        request.db_snapshot_identifier("orders-snapshot")
    };
    assert_eq!(code(restore().send().await), "InvalidParameterCombination", "the class of the snapshot");
    let in_zone = |zone: &str| restore().db_instance_class("db.m6g.large").availability_zone(zone).send();
    assert_eq!(code(in_zone("us-east-1a").await), "InsufficientDBInstanceCapacity");
    in_zone("us-east-1b").await.unwrap();
    let modify = client.modify_db_instance().db_instance_identifier("orders");
    assert_eq!(code(modify.db_instance_class("db.m6g.large").send().await), "InsufficientDBInstanceCapacity");
}

#[tokio::test(start_paused = true)]
async fn multi_tenant_oracle_needs_more_permissions() {
    let world = |granted: &str| {
        format!(
            r#"{{
            "instances": [{{"identifier": "orders", "engine": "oracle-se2-cdb", "settings": {{"multiTenant": true}}}}],
            "snapshots": [{{"identifier": "orders-snapshot", "source": "orders"}}],
            "granted": [{granted}]
        }}"#
        )
    };
    for (granted, expected) in
        [("", Some("AccessDenied")), (r#""rds:CreateTenantDatabase", "rds:DeleteTenantDatabase""#, None)]
    {
        let (_, client) = simulated(&world(granted));
        let restore = client.restore_db_instance_from_db_snapshot().db_instance_identifier("copy");
        let restored = restore.db_snapshot_identifier("orders-snapshot").send().await;
        assert_eq!(restored.is_err().then(|| code(restored)).as_deref(), expected);
        let deleted = delete(&client, "orders").await;
        assert_eq!(deleted.is_err().then(|| code(deleted)).as_deref(), expected);
    }
}
