//! Behaviours of DB instances.

use rds_simulator::Simulator;

use crate::support::{
    code, delete, instance, rds, rename, settle, simulated, simulator_with_seed, status, statuses, tag,
};

const ORDERS: &str = r#"{"instances": [{"identifier": "orders", "engine": "postgres", "tags": {"team": "payments"}}]}"#;

fn some(statuses: &[&str]) -> Vec<Option<String>> {
    statuses.iter().map(|status| Some((*status).to_owned())).collect()
}

fn create(
    client: &aws_sdk_rds::Client,
    identifier: &str,
) -> aws_sdk_rds::operation::create_db_instance::builders::CreateDBInstanceFluentBuilder {
    client
        .create_db_instance()
        .db_instance_identifier(identifier)
        .engine("mysql")
        .db_instance_class("db.t4g.micro")
        .allocated_storage(20)
        .master_username("admin")
        .master_user_password("correct horse")
}

#[tokio::test(start_paused = true)]
async fn created_instance_is_creating_then_backing_up_then_available() {
    let (simulator, client) = simulated("{}");
    let created = create(&client, "fresh").send().await.unwrap();
    assert!(created.db_instance().unwrap().instance_create_time().is_none());
    assert_eq!(statuses(&simulator, &client, "fresh").await, some(&["creating", "backing-up", "available"]));
    assert!(instance(&client, "fresh").await.instance_create_time().is_some());
}

#[tokio::test(start_paused = true)]
async fn renamed_instance_lingers_then_has_no_name_then_renames_and_reboots() {
    let world = r#"{"instances": [{"identifier": "orders", "engine": "postgres"}], "timings": {"falseAvailableProbability": 0}}"#;
    let (simulator, client) = simulated(world);
    rename(&client, "orders", "orders-temp").await.unwrap();
    let both = || async { (status(&client, "orders").await, status(&client, "orders-temp").await) };
    let seen = crate::support::watch(&simulator, both).await;
    let name = |text: &str| Some(text.to_owned());
    let expected = [
        (name("available"), None),
        (None, None),
        (None, name("renaming")),
        (None, name("rebooting")),
        (None, name("available")),
    ];
    assert_eq!(seen, expected);
}

#[tokio::test(start_paused = true)]
async fn renamed_instance_may_flash_available_before_it_reboots() {
    let world = r#"{"instances": [{"identifier": "orders", "engine": "postgres"}], "timings": {"falseAvailableProbability": 1}}"#;
    let (simulator, client) = simulated(world);
    rename(&client, "orders", "orders-temp").await.unwrap();
    let seen = statuses(&simulator, &client, "orders-temp").await;
    assert_eq!(seen[1..], some(&["renaming", "available", "rebooting", "available"]));
}

#[tokio::test(start_paused = true)]
async fn rename_keeps_resource_id_and_tags_and_changes_arn_and_endpoint() {
    let (simulator, client) = simulated(ORDERS);
    let before = instance(&client, "orders").await;
    rename(&client, "orders", "orders-temp").await.unwrap();
    settle(&simulator).await;
    let after = instance(&client, "orders-temp").await;
    assert_eq!(after.dbi_resource_id(), before.dbi_resource_id());
    assert_eq!(after.tag_list(), before.tag_list());
    assert_eq!(after.instance_create_time(), before.instance_create_time());
    assert!(after.db_instance_arn().unwrap().ends_with(":db:orders-temp"));
    assert!(after.endpoint().unwrap().address().unwrap().starts_with("orders-temp."));
}

#[tokio::test(start_paused = true)]
async fn rename_to_a_taken_name_is_refused() {
    let world = r#"{"instances": [{"identifier": "a", "engine": "mysql"}, {"identifier": "b", "engine": "mysql"}, {"identifier": "c", "engine": "mysql"}]}"#;
    let (simulator, client) = simulated(world);
    assert_eq!(code(rename(&client, "a", "B").await), "DBInstanceAlreadyExists");
    rename(&client, "b", "d").await.unwrap();
    assert_eq!(code(rename(&client, "c", "d").await), "DBInstanceAlreadyExists", "the name is reserved");
    assert_eq!(code(rename(&client, "c", "b").await), "DBInstanceAlreadyExists", "the old name still lingers");
    settle(&simulator).await;
    rename(&client, "c", "b").await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn rename_of_a_renaming_instance_is_refused() {
    let (_, client) = simulated(ORDERS);
    rename(&client, "orders", "orders-temp").await.unwrap();
    assert_eq!(status(&client, "orders").await.as_deref(), Some("available"));
    assert_eq!(code(rename(&client, "orders", "other").await), "InvalidDBInstanceState");
    assert_eq!(code(delete(&client, "orders").await), "InvalidDBInstanceState");
}

#[tokio::test(start_paused = true)]
async fn deletion_protection_does_not_block_a_rename() {
    let (simulator, client) = simulated(
        r#"{"instances": [{"identifier": "a", "engine": "mysql", "settings": {"deletionProtection": true}}]}"#,
    );
    rename(&client, "a", "b").await.unwrap();
    settle(&simulator).await;
    assert_eq!(instance(&client, "b").await.deletion_protection(), Some(true));
}

#[tokio::test(start_paused = true)]
async fn read_replica_follows_the_rename_of_its_source() {
    let world = r#"{"instances": [{"identifier": "a", "engine": "mysql"}, {"identifier": "replica", "engine": "mysql", "replicaOf": "a"}]}"#;
    let (simulator, client) = simulated(world);
    rename(&client, "a", "b").await.unwrap();
    settle(&simulator).await;
    assert_eq!(instance(&client, "replica").await.read_replica_source_db_instance_identifier(), Some("b"));
    assert_eq!(instance(&client, "b").await.read_replica_db_instance_identifiers(), ["replica"]);
}

#[tokio::test(start_paused = true)]
async fn rename_without_apply_immediately_stays_pending() {
    let (simulator, client) = simulated(ORDERS);
    client
        .modify_db_instance()
        .db_instance_identifier("orders")
        .new_db_instance_identifier("other")
        .send()
        .await
        .unwrap();
    settle(&simulator).await;
    let found = instance(&client, "orders").await;
    assert_eq!(found.pending_modified_values().unwrap().db_instance_identifier(), Some("other"));
}

#[tokio::test(start_paused = true)]
async fn apply_immediately_applies_everything_pending() {
    let world = r#"{"instances": [{"identifier": "a", "engine": "postgres", "settings": {"engineVersion": "16.4"}, "pending": {"engineVersion": "16.9"}}]}"#;
    let (simulator, client) = simulated(world);
    rename(&client, "a", "b").await.unwrap();
    settle(&simulator).await;
    let found = instance(&client, "b").await;
    assert_eq!(found.engine_version(), Some("16.9"));
    assert_eq!(found.pending_modified_values().unwrap().engine_version(), None);
}

#[tokio::test(start_paused = true)]
async fn modification_without_apply_immediately_stays_pending() {
    let (simulator, client) = simulated(ORDERS);
    client.modify_db_instance().db_instance_identifier("orders").multi_az(true).send().await.unwrap();
    assert_eq!(simulator.next_change(), None);
    let found = instance(&client, "orders").await;
    assert_eq!((found.multi_az(), found.pending_modified_values().unwrap().multi_az()), (Some(false), Some(true)));
}

#[tokio::test(start_paused = true)]
async fn accepted_modification_still_shows_available_for_a_moment() {
    let (simulator, client) = simulated(ORDERS);
    let request = client.modify_db_instance().db_instance_identifier("orders").db_instance_class("db.r7g.xlarge");
    let answer = request.apply_immediately(true).send().await.unwrap();
    let shown = answer.db_instance().unwrap();
    assert_eq!(shown.db_instance_status(), Some("available"));
    assert_eq!(shown.pending_modified_values().unwrap().db_instance_class(), Some("db.r7g.xlarge"));
    assert_eq!(statuses(&simulator, &client, "orders").await, some(&["available", "modifying", "available"]));
    assert_eq!(instance(&client, "orders").await.db_instance_class(), Some("db.r7g.xlarge"));
}

#[tokio::test(start_paused = true)]
async fn deletion_protection_takes_effect_at_once() {
    let (simulator, client) = simulated(ORDERS);
    let answer =
        client.modify_db_instance().db_instance_identifier("orders").deletion_protection(true).send().await.unwrap();
    assert_eq!(answer.db_instance().unwrap().deletion_protection(), Some(true));
    assert_eq!(simulator.next_change(), None);
    let strict = r#"{"instances": [{"identifier": "a", "engine": "mysql", "status": "storage-full"}], "unverified": {"protectionInAnyStatus": false}}"#;
    let (_, client) = simulated(strict);
    let refused = client.modify_db_instance().db_instance_identifier("a").deletion_protection(true).send().await;
    assert_eq!(code(refused), "InvalidDBInstanceState", "unverified: may be refused in a bad status");
}

#[tokio::test(start_paused = true)]
async fn new_parameter_group_is_pending_until_a_reboot() {
    let (simulator, client) = simulated(ORDERS);
    client
        .modify_db_instance()
        .db_instance_identifier("orders")
        .db_parameter_group_name("default.other")
        .send()
        .await
        .unwrap();
    let apply_status = || async {
        instance(&client, "orders").await.db_parameter_groups()[0].parameter_apply_status().map(str::to_owned)
    };
    assert_eq!(apply_status().await.as_deref(), Some("pending-reboot"));
    client.reboot_db_instance().db_instance_identifier("orders").send().await.unwrap();
    assert_eq!(status(&client, "orders").await.as_deref(), Some("rebooting"));
    settle(&simulator).await;
    assert_eq!(apply_status().await.as_deref(), Some("in-sync"));
}

#[tokio::test(start_paused = true)]
async fn modifying_an_instance_that_is_not_available_is_refused() {
    let (_, client) = simulated(r#"{"instances": [{"identifier": "a", "engine": "mysql", "status": "backing-up"}]}"#);
    assert_eq!(code(rename(&client, "a", "b").await), "InvalidDBInstanceState");
    let reboot = client.reboot_db_instance().db_instance_identifier("a").send().await;
    assert_eq!(code(reboot), "InvalidDBInstanceState");
}

#[tokio::test(start_paused = true)]
async fn protected_instance_is_not_deleted() {
    let (simulator, client) = simulated(
        r#"{"instances": [{"identifier": "a", "engine": "mysql", "settings": {"deletionProtection": true}}]}"#,
    );
    assert_eq!(code(delete(&client, "a").await), "InvalidParameterCombination");
    client.modify_db_instance().db_instance_identifier("a").deletion_protection(false).send().await.unwrap();
    delete(&client, "a").await.unwrap();
    settle(&simulator).await;
    assert!(simulator.state().instances.is_empty());
}

#[tokio::test(start_paused = true)]
async fn deleted_instance_is_deleting_then_not_found() {
    let (simulator, client) = simulated(ORDERS);
    delete(&client, "orders").await.unwrap();
    assert_eq!(code(delete(&client, "orders").await), "InvalidDBInstanceState");
    assert_eq!(statuses(&simulator, &client, "orders").await, [Some("deleting".to_owned()), None]);
    assert_eq!(code(delete(&client, "orders").await), "DBInstanceNotFound");
}

#[tokio::test(start_paused = true)]
async fn delete_needs_a_word_about_the_final_snapshot() {
    let (_, client) = simulated(ORDERS);
    let request = || client.delete_db_instance().db_instance_identifier("orders");
    assert_eq!(code(request().send().await), "InvalidParameterCombination");
    let both = request().skip_final_snapshot(true).final_db_snapshot_identifier("final").send().await;
    assert_eq!(code(both), "InvalidParameterCombination");
    assert_eq!(status(&client, "orders").await.as_deref(), Some("available"));
}

#[tokio::test(start_paused = true)]
async fn final_snapshot_outlives_its_instance() {
    let (simulator, client) = simulated(ORDERS);
    client
        .delete_db_instance()
        .db_instance_identifier("orders")
        .final_db_snapshot_identifier("final")
        .send()
        .await
        .unwrap();
    settle(&simulator).await;
    let state = simulator.state();
    assert!(state.instance("orders").is_none());
    assert_eq!(state.snapshot("final").unwrap().status, "available");
}

#[tokio::test(start_paused = true)]
async fn deleting_a_source_promotes_its_read_replicas() {
    let world = r#"{"instances": [{"identifier": "a", "engine": "mysql"}, {"identifier": "replica", "engine": "mysql", "replicaOf": "a"}]}"#;
    let (simulator, client) = simulated(world);
    delete(&client, "a").await.unwrap();
    settle(&simulator).await;
    assert_eq!(instance(&client, "replica").await.read_replica_source_db_instance_identifier(), None);
}

async fn delete_keeping_backups(client: &aws_sdk_rds::Client, identifier: &str) -> Result<(), String> {
    let request = client.delete_db_instance().db_instance_identifier(identifier).skip_final_snapshot(true);
    let answer = request.delete_automated_backups(false).send().await;
    if answer.is_ok() { Ok(()) } else { Err(code(answer)) }
}

#[tokio::test(start_paused = true)]
async fn automated_backups_are_kept_only_when_asked() {
    let world =
        r#"{"instances": [{"identifier": "kept", "engine": "mysql"}, {"identifier": "dropped", "engine": "mysql"}]}"#;
    let (simulator, client) = simulated(world);
    delete_keeping_backups(&client, "kept").await.unwrap();
    delete(&client, "dropped").await.unwrap();
    settle(&simulator).await;
    let backups = client.describe_db_instance_automated_backups().send().await.unwrap();
    let found: Vec<_> = backups
        .db_instance_automated_backups()
        .iter()
        .map(|backup| (backup.db_instance_identifier().unwrap(), backup.status().unwrap()))
        .collect();
    assert_eq!(found, [("kept", "retained")]);
}

#[tokio::test(start_paused = true)]
async fn retained_automated_backups_have_a_quota() {
    let world = r#"{"instances": [{"identifier": "a", "engine": "mysql"}, {"identifier": "b", "engine": "mysql"}], "limits": {"retainedBackups": 1}}"#;
    let (simulator, client) = simulated(world);
    delete_keeping_backups(&client, "a").await.unwrap();
    settle(&simulator).await;
    assert_eq!(delete_keeping_backups(&client, "b").await, Err("DBInstanceAutomatedBackupQuotaExceeded".to_owned()));
    assert_eq!(status(&client, "b").await.as_deref(), Some("available"));
}

#[tokio::test(start_paused = true)]
async fn delete_while_creating_may_be_refused() {
    for (allowed, expected) in [(true, None), (false, Some("InvalidDBInstanceState"))] {
        let (_, client) = simulated(&format!(r#"{{"unverified": {{"deleteWhileCreating": {allowed}}}}}"#));
        create(&client, "fresh").send().await.unwrap();
        let deleted = delete(&client, "fresh").await;
        assert_eq!(deleted.is_err().then(|| code(deleted)).as_deref(), expected);
    }
}

#[tokio::test(start_paused = true)]
async fn stopped_instance_answers_no_operation_but_start() {
    let (simulator, client) = simulated(ORDERS);
    client.stop_db_instance().db_instance_identifier("orders").send().await.unwrap();
    assert_eq!(statuses(&simulator, &client, "orders").await, some(&["stopping", "stopped"]));
    assert_eq!(code(rename(&client, "orders", "other").await), "InvalidDBInstanceState");
    let protection =
        client.modify_db_instance().db_instance_identifier("orders").deletion_protection(true).send().await;
    assert_eq!(code(protection), "InvalidDBInstanceState");
    let snapshot =
        client.create_db_snapshot().db_instance_identifier("orders").db_snapshot_identifier("s").send().await;
    assert_eq!(code(snapshot), "InvalidDBInstanceState");
    client.start_db_instance().db_instance_identifier("orders").send().await.unwrap();
    assert_eq!(statuses(&simulator, &client, "orders").await, some(&["starting", "available"]));
}

#[tokio::test(start_paused = true)]
async fn instance_quota_is_enforced() {
    let (_, client) = simulated(r#"{"limits": {"instances": 1}}"#);
    create(&client, "first").send().await.unwrap();
    assert_eq!(code(create(&client, "second").tags(tag("a", "b")).send().await), "InstanceQuotaExceeded");
}

/// Seeds are not a behaviour of RDS. But every other test needs them to be repeatable, so the entry is here.
#[test]
fn same_seed_gives_the_same_run_and_another_seed_another() {
    fn run(seed: u64) -> String {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().start_paused(true).build().unwrap();
        runtime.block_on(async {
            let simulator: Simulator = simulator_with_seed(ORDERS, seed);
            let client = rds(&simulator);
            rename(&client, "orders", "orders-temp").await.unwrap();
            settle(&simulator).await;
            create(&client, "orders").send().await.unwrap();
            settle(&simulator).await;
            serde_json::to_string(&simulator.state()).unwrap()
        })
    }
    assert_eq!(run(7), run(7));
    assert_ne!(run(7), run(8));
}

#[tokio::test(start_paused = true)]
async fn setting_back_cancels_what_is_pending() {
    let (simulator, client) = simulated(ORDERS);
    let modify =
        |multi_az: bool| client.modify_db_instance().db_instance_identifier("orders").multi_az(multi_az).send();
    modify(true).await.unwrap();
    let answer = modify(false).await.unwrap();
    assert_eq!(answer.db_instance().unwrap().pending_modified_values().unwrap().multi_az(), None);
    rename(&client, "orders", "other").await.unwrap();
    settle(&simulator).await;
    assert_eq!(instance(&client, "other").await.multi_az(), Some(false));
}

#[tokio::test(start_paused = true)]
async fn major_upgrade_needs_a_word() {
    let (_, client) = simulated(ORDERS);
    let upgrade = || client.modify_db_instance().db_instance_identifier("orders").engine_version("17.5");
    assert_eq!(code(upgrade().send().await), "InvalidParameterCombination");
    upgrade().allow_major_version_upgrade(true).send().await.unwrap();
    client.modify_db_instance().db_instance_identifier("orders").engine_version("16.10").send().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn io_storage_needs_iops() {
    let (_, client) = simulated(ORDERS);
    let modify = || client.modify_db_instance().db_instance_identifier("orders");
    assert_eq!(code(modify().storage_type("io2").send().await), "InvalidParameterCombination");
    assert_eq!(code(modify().storage_type("gp2").iops(3000).send().await), "InvalidParameterCombination");
    modify().storage_type("io2").iops(3000).send().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn monitoring_and_log_exports_are_configured_through_statuses() {
    let (simulator, client) = simulated(ORDERS);
    let exports =
        aws_sdk_rds::types::CloudwatchLogsExportConfiguration::builder().enable_log_types("postgresql").build();
    let request = client.modify_db_instance().db_instance_identifier("orders").monitoring_interval(60);
    let request =
        request.monitoring_role_arn("arn:aws:iam::123456789012:role/m").cloudwatch_logs_export_configuration(exports);
    request.send().await.unwrap();
    assert_eq!(
        statuses(&simulator, &client, "orders").await,
        some(&["available", "configuring-enhanced-monitoring", "configuring-log-exports", "available"])
    );
    let found = instance(&client, "orders").await;
    assert_eq!(found.monitoring_interval(), Some(60));
    assert_eq!(found.enabled_cloudwatch_logs_exports(), ["postgresql"]);
}

#[tokio::test(start_paused = true)]
async fn resized_storage_is_optimized_before_it_is_available() {
    let (simulator, client) = simulated(ORDERS);
    client
        .modify_db_instance()
        .db_instance_identifier("orders")
        .allocated_storage(200)
        .apply_immediately(true)
        .send()
        .await
        .unwrap();
    let seen = statuses(&simulator, &client, "orders").await;
    assert_eq!(seen, some(&["available", "modifying", "storage-optimization", "available"]));
    assert_eq!(instance(&client, "orders").await.allocated_storage(), Some(200));
}

#[tokio::test(start_paused = true)]
async fn managed_password_cannot_be_set_by_hand() {
    let world = r#"{"instances": [{"identifier": "a", "engine": "mysql", "managedMasterPassword": true}]}"#;
    let (simulator, client) = simulated(world);
    let modify = || client.modify_db_instance().db_instance_identifier("a").apply_immediately(true);
    assert_eq!(code(modify().master_user_password("own").send().await), "InvalidParameterCombination");
    assert_eq!(code(modify().manage_master_user_password(false).send().await), "InvalidParameterCombination");
    modify().manage_master_user_password(false).master_user_password("own").send().await.unwrap();
    settle(&simulator).await;
    assert!(instance(&client, "a").await.master_user_secret().is_none());
    let written: Vec<String> = simulator
        .requests()
        .into_iter()
        .filter_map(|request| request.parameters.get("MasterUserPassword").cloned())
        .collect();
    assert_eq!(written, ["****", "****"], "passwords are not recorded");
}

#[tokio::test(start_paused = true)]
async fn automated_snapshots_go_with_their_instance() {
    let world = r#"{"instances": [{"identifier": "a", "engine": "mysql"}], "snapshots": [{"identifier": "rds:a-1", "source": "a", "type": "automated"}, {"identifier": "own", "source": "a"}]}"#;
    let (simulator, client) = simulated(world);
    delete(&client, "a").await.unwrap();
    settle(&simulator).await;
    let left: Vec<String> = simulator.state().snapshots.into_iter().map(|snapshot| snapshot.identifier).collect();
    assert_eq!(left, ["own"]);
}

#[tokio::test(start_paused = true)]
async fn failed_instance_takes_no_final_snapshot() {
    let (_, client) =
        simulated(r#"{"instances": [{"identifier": "a", "engine": "mysql", "status": "incompatible-restore"}]}"#);
    let with_snapshot =
        client.delete_db_instance().db_instance_identifier("a").final_db_snapshot_identifier("final").send().await;
    assert_eq!(code(with_snapshot), "InvalidDBInstanceState");
    delete(&client, "a").await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn one_refused_parameter_refuses_the_whole_call() {
    let (simulator, client) = simulated(ORDERS);
    let before = simulator.state().instance("orders").cloned();
    let modify = || {
        let request = client.modify_db_instance().db_instance_identifier("orders").apply_immediately(true);
        request.deletion_protection(true).backup_retention_period(7).new_db_instance_identifier("renamed")
    };
    let refusals = [
        modify().max_allocated_storage(100),
        modify().iops(3_000),
        modify().ca_certificate_identifier("rds-ca-2019"),
        modify().db_parameter_group_name("none"),
        modify().option_group_name("none"),
        modify().engine_version("1.0"),
        modify().monitoring_interval(60).rotate_master_user_password(true),
    ];
    for refused in refusals {
        assert!(refused.send().await.is_err());
        assert_eq!(simulator.state().instance("orders").cloned(), before, "nothing was applied");
        assert_eq!(simulator.next_change(), None);
    }
    modify().send().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn statuses_that_take_no_modification_take_no_rename() {
    for status in [
        "creating",
        "backing-up",
        "modifying",
        "renaming",
        "rebooting",
        "deleting",
        "failed",
        "incompatible-restore",
        "incompatible-network",
        "incompatible-option-group",
        "incompatible-parameters",
        "restore-error",
        "insufficient-capacity",
        "inaccessible-encryption-credentials",
        "stopped",
        "storage-full",
        "starting",
    ] {
        let world = format!(
            r#"{{
            "instances": [{{"identifier": "a", "engine": "mysql", "status": "{status}"}}],
            "clusters": [{{"identifier": "c", "engine": "aurora-mysql", "status": "{status}"}}]
        }}"#
        );
        let (_, client) = simulated(&world);
        assert_eq!(code(rename(&client, "a", "b").await), "InvalidDBInstanceState", "{status}");
        let class =
            client.modify_db_instance().db_instance_identifier("a").db_instance_class("db.r7g.large").send().await;
        assert_eq!(code(class), "InvalidDBInstanceState", "{status}");
        let cluster = client.modify_db_cluster().db_cluster_identifier("c").new_db_cluster_identifier("d");
        assert_eq!(code(cluster.apply_immediately(true).send().await), "InvalidDBClusterStateFault", "{status}");
    }
}

fn delete_with_snapshot(
    client: &aws_sdk_rds::Client,
) -> aws_sdk_rds::operation::delete_db_instance::builders::DeleteDBInstanceFluentBuilder {
    client.delete_db_instance().db_instance_identifier("a").final_db_snapshot_identifier("final")
}

#[tokio::test(start_paused = true)]
async fn final_snapshot_needs_an_available_database() {
    let world = |status: &str, unverified: bool| {
        format!(
            r#"{{
            "instances": [{{"identifier": "a", "engine": "mysql", "status": "{status}"}}],
            "clusters": [{{"identifier": "c", "engine": "aurora-mysql", "status": "{status}"}}],
            "unverified": {{"finalSnapshotInStorageWork": {unverified}}}
        }}"#
        )
    };
    for status in ["creating", "failed", "incompatible-parameters", "modifying", "storage-full", "storage-optimization"]
    {
        let (_, client) = simulated(&world(status, false));
        assert_eq!(code(delete_with_snapshot(&client).send().await), "InvalidDBInstanceState", "{status}");
        let cluster = client.delete_db_cluster().db_cluster_identifier("c").final_db_snapshot_identifier("final");
        assert_eq!(code(cluster.send().await), "InvalidDBClusterStateFault", "{status}");
        delete(&client, "a").await.unwrap();
    }
    let (_, client) = simulated(&world("storage-optimization", true));
    delete_with_snapshot(&client).send().await.unwrap();
}

const FINAL: &str = r#"{
    "instances": [{"identifier": "a", "engine": "mysql"}],
    "snapshots": [{"identifier": "taken", "source": "a"}],
    "timings": {"jitter": 0, "snapshot": 5000, "deleteInstance": 300}
}"#;

#[tokio::test(start_paused = true)]
async fn taken_name_of_a_final_snapshot_stops_the_deletion() {
    let (_, client) = simulated(FINAL);
    let taken = delete_with_snapshot(&client).final_db_snapshot_identifier("TAKEN").send().await;
    assert_eq!(code(taken), "DBSnapshotAlreadyExists");
    assert_eq!(status(&client, "a").await.as_deref(), Some("available"));
}

#[tokio::test(start_paused = true)]
async fn deletion_lasts_as_long_as_its_final_snapshot() {
    let (simulator, client) = simulated(FINAL);
    delete_with_snapshot(&client).send().await.unwrap();
    tokio::time::sleep(std::time::Duration::from_secs(4_999)).await;
    assert_eq!(simulator.state().snapshot("final").unwrap().status, "creating");
    assert_eq!(status(&client, "a").await.as_deref(), Some("deleting"));
    tokio::time::sleep(std::time::Duration::from_secs(2)).await;
    assert_eq!(simulator.state().snapshot("final").unwrap().status, "available");
    assert_eq!(status(&client, "a").await.as_deref(), Some("deleting"));
    settle(&simulator).await;
    assert_eq!(status(&client, "a").await, None);
}

#[tokio::test(start_paused = true)]
async fn stopped_database_is_started_after_seven_days() {
    let (simulator, client) = simulated(ORDERS);
    client.stop_db_instance().db_instance_identifier("orders").send().await.unwrap();
    settle(&simulator).await;
    assert_eq!(status(&client, "orders").await.as_deref(), Some("stopped"));
    tokio::time::sleep(std::time::Duration::from_secs(7 * 86_400 - 60)).await;
    assert_eq!(status(&client, "orders").await.as_deref(), Some("stopped"));
    tokio::time::sleep(std::time::Duration::from_secs(120)).await;
    assert_eq!(status(&client, "orders").await.as_deref(), Some("starting"));
    settle(&simulator).await;
    assert_eq!(status(&client, "orders").await.as_deref(), Some("available"));
}

#[tokio::test(start_paused = true)]
async fn replicas_and_their_sources_are_not_stopped() {
    let world = r#"{
        "instances": [
            {"identifier": "a", "engine": "mysql"}, {"identifier": "replica", "engine": "mysql", "replicaOf": "a"},
            {"identifier": "alone", "engine": "mysql"}
        ],
        "clusters": [
            {"identifier": "global", "engine": "aurora-mysql", "globalCluster": "world"},
            {"identifier": "source", "engine": "aurora-mysql"},
            {"identifier": "copy", "engine": "aurora-mysql", "replicationSource": "arn:aws:rds:us-east-1:123456789012:cluster:source"}
        ]
    }"#;
    let (_, client) = simulated(world);
    let stop = |name: &str| client.stop_db_instance().db_instance_identifier(name).send();
    for name in ["a", "replica"] {
        assert_eq!(code(stop(name).await), "InvalidDBInstanceState", "{name}");
    }
    stop("alone").await.unwrap();
    for name in ["global", "source", "copy"] {
        let stopped = client.stop_db_cluster().db_cluster_identifier(name).send().await;
        assert_eq!(code(stopped), "InvalidDBClusterStateFault", "{name}");
    }
}

#[tokio::test(start_paused = true)]
async fn start_may_find_no_capacity() {
    let world = r#"{
        "instances": [
            {"identifier": "refused", "engine": "mysql", "status": "stopped"},
            {"identifier": "accepted", "engine": "mysql", "status": "stopped"}
        ],
        "clusters": [{
            "identifier": "shop", "engine": "aurora-mysql", "status": "stopped",
            "members": [{"identifier": "shop-1", "status": "stopped"}, {"identifier": "shop-2", "status": "stopped"}]
        }],
        "withoutCapacity": {"refused": "refused", "accepted": "insufficientCapacity", "shop-2": "insufficientCapacity"}
    }"#;
    let (simulator, client) = simulated(world);
    let start = |name: &str| client.start_db_instance().db_instance_identifier(name).send();
    assert_eq!(code(start("REFUSED").await), "InsufficientDBInstanceCapacity");
    assert_eq!(status(&client, "refused").await.as_deref(), Some("stopped"));
    start("accepted").await.unwrap();
    client.start_db_cluster().db_cluster_identifier("shop").send().await.unwrap();
    settle(&simulator).await;
    assert_eq!(status(&client, "accepted").await.as_deref(), Some("insufficient-capacity"));
    assert_eq!(code(start("accepted").await), "InvalidDBInstanceState");
    assert_eq!(status(&client, "shop-1").await.as_deref(), Some("available"));
    assert_eq!(status(&client, "shop-2").await.as_deref(), Some("insufficient-capacity"));
}
