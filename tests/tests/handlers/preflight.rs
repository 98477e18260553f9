//! Handlers of the preflight crate.

use std::time::Duration;

use rds_simulator::{Fault, FaultRule};
use serde_json::{Value, json};
use trapheus_common::document::{ClusterKind, OriginalCluster, OriginalInstance, Plan, PreflightEvent, Target, Task};
use trapheus_common::identifiers::{DatabaseIdentifier, DatabaseKind};
use trapheus_common::{ErrorKind, Result};
use trapheus_preflight::scope::Scope;
use trapheus_tests::{Harness, OTHER_EXECUTION};

async fn instance(harness: &Harness, task: Task) -> Result<OriginalInstance> {
    instance_plan(harness, task).await.map(|plan| plan.original)
}

async fn instance_plan(harness: &Harness, task: Task) -> Result<Plan<OriginalInstance>> {
    let event = PreflightEvent { request: harness.request("orders", task, false) };
    trapheus_preflight::instance::preflight(harness.rds(), &Scope::default(), harness.invocation(), event)
        .await
        .map(|answer| answer.plan().expect("no dry run"))
}

async fn cluster(harness: &Harness, task: Task) -> Result<OriginalCluster> {
    let event = PreflightEvent { request: harness.request("orders", task, true) };
    trapheus_preflight::cluster::preflight(harness.rds(), &Scope::default(), harness.invocation(), event)
        .await
        .map(|answer| answer.plan().expect("no dry run").original)
}

/// A DB instance and its snapshot.
fn orders() -> Value {
    json!({
        "instances": [{"identifier": "orders", "engine": "postgres", "resourceId": "db-ORIGINAL"}],
        "snapshots": [{"identifier": "orders-snapshot", "source": "orders"}]
    })
}

/// An Aurora cluster of three and its snapshot; the writer is not listed first.
fn aurora() -> Value {
    json!({
        "clusters": [{
            "identifier": "orders", "engine": "aurora-postgresql", "resourceId": "cluster-ORIGINAL",
            "members": [
                {"identifier": "orders-c", "settings": {"promotionTier": 2}},
                {"identifier": "orders-b", "settings": {"promotionTier": 1}, "tags": {"team": "shop"}},
                {"identifier": "orders-a", "settings": {"promotionTier": 2}},
                {"identifier": "orders-w", "settings": {"promotionTier": 15}, "writer": true}
            ]
        }],
        "clusterSnapshots": [{"identifier": "orders-snapshot", "source": "orders"}]
    })
}

/// A copy of a world with one changed value.
fn with(mut world: Value, pointer: &str, value: Value) -> Value {
    let (parent, key) = pointer.rsplit_once('/').unwrap();
    world.pointer_mut(parent).unwrap()[key] = value;
    world
}

fn inject(harness: &Harness, action: &str, fault: Fault) {
    inject_times(harness, action, fault, 1);
}

fn inject_times(harness: &Harness, action: &str, fault: Fault, times: u32) {
    let action = action.to_owned();
    harness.simulator.inject(FaultRule { action, identifier: None, caller: None, occurrence: 1, times, fault });
}

fn actions(harness: &Harness) -> Vec<String> {
    harness.simulator.requests().into_iter().map(|request| request.action).collect()
}

#[tokio::test(start_paused = true)]
async fn a_failed_read_of_both_names_reports_the_database() {
    let harness = Harness::new(orders());
    inject(&harness, "DescribeDBInstances", Fault::Denied {});
    let report = instance(&harness, Task::DbRestore).await.unwrap_err().report();
    assert!(report.starts_with("Identifier:orders \n"), "{report}");
    let harness = Harness::new(aurora());
    inject(&harness, "DescribeDBClusters", Fault::Denied {});
    let report = cluster(&harness, Task::DbRestore).await.unwrap_err().report();
    assert!(report.starts_with("Identifier:orders \n"), "{report}");
}

#[tokio::test(start_paused = true)]
async fn the_plan_records_the_original_and_its_settings() {
    let mut world = orders();
    world["instances"][0]["tags"] = json!({"team": "shop", "aws:cloudformation:stack-name": "shop"});
    world["instances"][0]["settings"] = json!({"class": "db.r6g.large", "multiAz": true, "parameterGroup": "tuned"});
    let plan = instance_plan(&Harness::new(world), Task::DbRestore).await.unwrap();
    let original = &plan.original;
    assert_eq!(plan.names.database.service.as_str(), "orders");
    assert_eq!(plan.names.database.parked.as_str(), "orders-temp");
    assert_eq!(original.resource_id, "db-ORIGINAL");
    assert_eq!(original.engine, "postgres");
    assert_eq!(original.tags.count, 1, "only the tag `team` is the user's own");
    assert_eq!(original.settings.instance_class.as_deref(), Some("db.r6g.large"));
    assert_eq!(original.settings.parameter_group.as_deref(), Some("tuned"));
    assert_eq!(original.settings.multi_az, Some(true));
}

#[tokio::test(start_paused = true)]
async fn a_preflight_only_reads_and_a_second_one_gives_the_same_plan() {
    for task in Task::ALL {
        let harness = Harness::new(orders());
        let before = harness.simulator.state();
        let first = instance(&harness, task).await.unwrap();
        assert_eq!(instance(&harness, task).await.unwrap(), first);
        assert_eq!(harness.simulator.state().instances, before.instances);
        let harness = Harness::new(aurora());
        let first = cluster(&harness, task).await.unwrap();
        assert_eq!(cluster(&harness, task).await.unwrap(), first);
        assert!(actions(&harness).iter().all(|action| action.starts_with("Describe")), "{:?}", actions(&harness));
    }
}

#[tokio::test(start_paused = true)]
async fn a_read_whose_answer_is_lost_is_repeated() {
    let harness = Harness::new(orders());
    inject(&harness, "DescribeDBInstances", Fault::ResponseLost {});
    assert!(instance(&harness, Task::DbRestore).await.is_ok());
}

#[tokio::test(start_paused = true)]
async fn every_finding_about_an_instance_refuses_the_run() {
    let at = |pointer, value| with(orders(), pointer, value);
    let cases = [
        ("missing", json!({}), "there is no DB instance `orders`"),
        ("a cluster", aurora(), "set `isCluster` to true"),
        ("stopped", at("/instances/0/status", json!("stopped")), "aws rds start-db-instance"),
        ("broken", at("/instances/0/status", json!("incompatible-network")), "`incompatible-network`"),
        ("pending", at("/instances/0/pending", json!({"class": "db.r6g.large"})), "pending modifications"),
        ("custom", at("/instances/0/engine", json!("custom-oracle-ee")), "RDS Custom"),
        ("no snapshot", at("/snapshots", json!([])), "`orders-snapshot` does not exist"),
        ("failed snapshot", at("/snapshots/0/status", json!("failed")), "`failed`"),
        ("engine", at("/snapshots/0/engine", json!("mysql")), "its engine is mysql"),
        ("version", at("/snapshots/0/settings", json!({"engineVersion": "15.4"})), "another major version"),
        ("encryption", at("/instances/0/settings", json!({"storageEncrypted": true})), "encrypted with"),
    ];
    for (name, mut world, expected) in cases {
        if name == "encryption" {
            world["snapshots"][0]["settings"] = json!({"storageEncrypted": false, "kmsKeyId": null});
            world["snapshots"][0]["source"] = json!("of-old");
            world["snapshots"][0]["engine"] = json!("postgres");
        }
        let harness = Harness::new(world);
        let error = instance(&harness, Task::DbRestore).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Preflight, "{name}");
        assert!(error.report().contains(expected), "{name}: {}", error.report());
        assert!(harness.simulator.now() < Duration::from_secs(60), "{name}: the preflight waited");
    }
}

#[tokio::test(start_paused = true)]
async fn a_relation_of_the_instance_to_another_resource_refuses_the_run() {
    let mut replicas = orders();
    let replica = json!({"identifier": "orders-copy", "engine": "postgres", "replicaOf": "orders"});
    replicas["instances"].as_array_mut().unwrap().push(replica);
    let mut member = json!({"clusters": [{"identifier": "shop", "engine": "aurora-mysql", "members": []}]});
    member["clusters"][0]["members"] = json!([{"identifier": "orders"}]);
    let mut replica = orders();
    let source = json!({"identifier": "main", "engine": "postgres"});
    replica["instances"].as_array_mut().unwrap().push(source);
    replica["instances"][0]["replicaOf"] = json!("main");
    let arn = "arn:aws:rds:us-east-1:123456789012:db:orders";
    let mut blue = orders();
    blue["blueGreenDeployments"] = json!([{"name": "upgrade", "source": arn}]);
    let mut taken = orders();
    taken["instances"].as_array_mut().unwrap().push(json!({"identifier": "orders-temp", "engine": "mysql"}));
    for (world, expected) in [
        (replicas, "read replicas (orders-copy)"),
        (replica, "read replica of `main`"),
        (member, "member of DB cluster `shop`"),
        (blue, "blue/green deployment `upgrade`"),
        (taken, "the name `orders-temp`"),
    ] {
        let error = instance(&Harness::new(world), Task::DbRestore).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Preflight);
        assert!(error.report().contains(expected), "{expected}: {}", error.report());
    }
}

#[tokio::test(start_paused = true)]
async fn one_error_lists_every_problem() {
    let mut world = orders();
    world["instances"][0]["status"] = json!("stopped");
    world["instances"][0]["pending"] = json!({"class": "db.r6g.large"});
    world["snapshots"] = json!([]);
    world["instances"].as_array_mut().unwrap().push(json!({"identifier": "orders-temp", "engine": "mysql"}));
    let report = instance(&Harness::new(world), Task::DbRestore).await.unwrap_err().report();
    assert!(report.starts_with("Identifier:orders"), "{report}");
    for expected in
        ["4 problems", "`stopped`", "pending modifications", "`orders-temp`", "`orders-snapshot` does not exist"]
    {
        assert!(report.contains(expected), "{expected}: {report}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_group_that_no_longer_exists_refuses_the_run() {
    for (action, setting, code) in [
        ("DescribeDBParameterGroups", "parameterGroup", "DBParameterGroupNotFound"),
        ("DescribeOptionGroups", "optionGroup", "OptionGroupNotFoundFault"),
        ("DescribeDBSubnetGroups", "subnetGroup", "DBSubnetGroupNotFoundFault"),
    ] {
        let harness = Harness::new(with(orders(), "/instances/0/settings", json!({setting: "mine"})));
        assert!(instance(&harness, Task::DbRestore).await.is_ok());
        inject(&harness, action, Fault::Error { code: code.into(), message: "not found".into() });
        let report = instance(&harness, Task::DbRestore).await.unwrap_err().report();
        assert!(report.contains("`mine` of `orders` does not exist any more"), "{report}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_denied_read_fails_the_preflight() {
    for action in ["DescribeBlueGreenDeployments", "DescribeDBProxies", "DescribeDBSnapshots"] {
        let harness = Harness::new(orders());
        inject(&harness, action, Fault::Denied {});
        let error = instance(&harness, Task::DbRestore).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::AccessDenied, "{action}");
    }
    for action in ["DescribeGlobalClusters", "DescribeDBProxies", "DescribeBlueGreenDeployments"] {
        let harness = Harness::new(aurora());
        inject(&harness, action, Fault::Denied {});
        let error = cluster(&harness, Task::DbRestore).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::AccessDenied, "{action}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_preflight_waits_for_a_busy_database() {
    let harness = Harness::new(orders());
    let snapshot = harness.rds().create_db_snapshot().db_instance_identifier("orders").db_snapshot_identifier("other");
    snapshot.send().await.unwrap();
    assert_ne!(harness.simulator.state().instance("orders").unwrap().status, "available");
    assert!(instance(&harness, Task::DbRestore).await.is_ok());
    assert_eq!(harness.simulator.state().instance("orders").unwrap().status, "available");
}

#[tokio::test(start_paused = true)]
async fn a_database_that_stays_busy_is_refused_before_the_function_ends() {
    let harness = Harness::new(with(orders(), "/instances/0/status", json!("modifying")));
    let error = instance(&harness, Task::CreateSnapshotOnly).await.unwrap_err();
    assert!(error.report().contains("once it is available"), "{}", error.report());
    let waited = harness.simulator.now();
    assert!(waited >= Duration::from_secs(500) && waited < Duration::from_secs(900), "{waited:?}");
}

#[tokio::test(start_paused = true)]
async fn a_preflight_waits_for_a_snapshot_in_creation() {
    let harness = Harness::new(with(orders(), "/snapshots", json!([])));
    let snapshot = harness.rds().create_db_snapshot().db_instance_identifier("orders");
    snapshot.db_snapshot_identifier("orders-snapshot").send().await.unwrap();
    assert_eq!(harness.simulator.state().snapshot("orders-snapshot").unwrap().status, "creating");
    assert!(instance(&harness, Task::DbRestore).await.is_ok());
    assert_eq!(harness.simulator.state().snapshot("orders-snapshot").unwrap().status, "available");
}

#[tokio::test(start_paused = true)]
async fn a_property_that_is_not_carried_over_is_reported_and_refuses_no_run() {
    let mut world = orders();
    world["instances"][0]["tags"] = json!({"aws:cloudformation:stack-name": "shop"});
    world["instances"][0]["associatedRoles"] = json!([{"roleArn": "arn:aws:iam::1:role/load", "feature": "s3Import"}]);
    world["instances"][0]["backupReplications"] = json!(["arn:aws:rds:eu-west-1:1:auto-backup:ab-x"]);
    world["instances"][0]["managedMasterPassword"] = json!(true);
    world["proxies"] = json!([
        {"name": "front", "instances": ["orders"]},
        {"name": "other", "instances": ["orders-2"], "clusters": ["orders"]}
    ]);
    let harness = Harness::new(world);
    let notes = instance(&harness, Task::DbRestore).await.unwrap().not_carried_over;
    for expected in
        ["aws:cloudformation:stack-name", "role/load for s3Import", "auto-backup:ab-x", "new secret", "proxy `front`"]
    {
        assert!(notes.iter().any(|note| note.contains(expected)), "{expected}: {notes:?}");
    }
    assert_eq!(notes.len(), 5, "{notes:?}");
    let nothing = instance(&harness, Task::CreateSnapshotOnly).await.unwrap().not_carried_over;
    assert_eq!(nothing, Vec::<String>::new(), "the task restores nothing");
}

#[tokio::test(start_paused = true)]
async fn an_older_snapshot_is_reported() {
    let world = with(orders(), "/instances/0/settings", json!({"engineVersion": "16.9"}));
    let world = with(world, "/snapshots/0/settings", json!({"engineVersion": "16.3"}));
    let notes = instance(&Harness::new(world), Task::DbRestore).await.unwrap().not_carried_over;
    assert!(notes.iter().any(|note| note.contains("16.9") && note.contains("16.3")), "{notes:?}");
}

#[tokio::test(start_paused = true)]
async fn a_snapshot_of_another_database_is_refused() {
    let foreign = json!([{"identifier": "orders-snapshot", "source": "billing", "engine": "postgres"}]);
    let error = instance(&Harness::new(with(orders(), "/snapshots", foreign)), Task::DbRestore).await.unwrap_err();
    assert!(error.report().contains("was taken of `billing`"), "{}", error.report());
    let foreign = json!([{"identifier": "orders-snapshot", "source": "shop", "engine": "aurora-postgresql"}]);
    let error =
        cluster(&Harness::new(with(aurora(), "/clusterSnapshots", foreign)), Task::DbRestore).await.unwrap_err();
    assert!(error.report().contains("was taken of `shop`"), "{}", error.report());
    let nothing = instance(&Harness::new(orders()), Task::DbRestore).await.unwrap().not_carried_over;
    assert_eq!(nothing, Vec::<String>::new());
}

#[tokio::test(start_paused = true)]
async fn members_are_listed_writer_first_then_by_tier_and_name() {
    let original = cluster(&Harness::new(aurora()), Task::DbRestore).await.unwrap();
    assert_eq!(original.cluster_kind, ClusterKind::Aurora);
    assert_eq!(original.resource_id, "cluster-ORIGINAL");
    let names: Vec<_> = original.members.iter().map(|member| member.target.identifier().as_str()).collect();
    assert_eq!(names, ["orders-w", "orders-b", "orders-a", "orders-c"]);
    let writers: Vec<_> = original.members.iter().map(|member| member.is_writer).collect();
    assert_eq!(writers, [true, false, false, false]);
    assert_eq!(original.members[1].tags.count, 1);
    for member in &original.members {
        let Target { names, resource_id } = &member.target;
        assert_eq!(names.parked.as_str(), format!("{}-temp", names.service));
        assert!(resource_id.starts_with("db-"));
    }
}

#[tokio::test(start_paused = true)]
async fn members_that_the_run_does_not_rename_keep_their_names() {
    let original = cluster(&Harness::new(aurora()), Task::CreateSnapshotOnly).await.unwrap();
    assert!(original.members.iter().all(|member| member.target.names.parked == member.target.names.service));
    let multi_az = json!({
        "clusters": [{"identifier": "orders", "engine": "mysql"}],
        "clusterSnapshots": [{"identifier": "orders-snapshot", "source": "orders"}]
    });
    let original = cluster(&Harness::new(multi_az), Task::DbRestore).await.unwrap();
    assert_eq!(original.cluster_kind, ClusterKind::MultiAz);
    assert_eq!(original.members.len(), 3);
    assert!(original.own_members().is_empty());
    assert!(original.members.iter().all(|member| member.target.names.parked == member.target.names.service));
}

#[tokio::test(start_paused = true)]
async fn every_finding_about_a_cluster_refuses_the_run() {
    let at = |pointer, value| with(aurora(), pointer, value);
    let arn = "arn:aws:rds:us-east-1:123456789012:cluster:orders";
    let cases = [
        ("missing", json!({}), "there is no DB cluster `orders`"),
        ("an instance", orders(), "set `isCluster` to false"),
        ("stopped", at("/clusters/0/status", json!("stopped")), "aws rds start-db-cluster"),
        ("member", at("/clusters/0/members/1/status", json!("storage-full")), "`orders-b` is in status `storage-full`"),
        ("member pending", at("/clusters/0/members/1/pending", json!({"class": "x"})), "`orders-b` has pending"),
        ("long member", at("/clusters/0/members/1/identifier", json!("a".repeat(59))), "shorter name"),
        ("taken", at("/instances", json!([{"identifier": "orders-b-temp", "engine": "mysql"}])), "`orders-b-temp`"),
        ("global", at("/clusters/0/globalCluster", json!("world")), "global database `world`"),
        ("replica", at("/clusters/0/replicationSource", json!("arn:main")), "read replica of `arn:main`"),
        ("serverless", at("/clusters/0/settings", json!({"engineMode": "serverless"})), "Serverless v1"),
        ("blue", at("/blueGreenDeployments", json!([{"name": "bg", "source": arn}])), "blue/green deployment `bg`"),
        ("no snapshot", at("/clusterSnapshots", json!([])), "`orders-snapshot` does not exist"),
        ("docdb", json!({"clusters": [{"identifier": "orders", "engine": "docdb"}]}), "DocumentDB"),
        ("neptune", json!({"clusters": [{"identifier": "orders", "engine": "neptune"}]}), "Neptune"),
    ];
    for (name, world, expected) in cases {
        let harness = Harness::new(world);
        let error = cluster(&harness, Task::DbRestore).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Preflight, "{name}");
        assert!(error.report().contains(expected), "{name}: {}", error.report());
        assert!(harness.simulator.now() < Duration::from_secs(60), "{name}: the preflight waited");
    }
}

#[tokio::test(start_paused = true)]
async fn a_refusal_of_a_member_as_the_target_names_its_cluster() {
    let mut world = aurora();
    world["clusters"][0]["identifier"] = json!("shop");
    world["clusterSnapshots"] = json!([]);
    world["clusters"][0]["members"][0]["identifier"] = json!("orders");
    let report = cluster(&Harness::new(world), Task::CreateSnapshot).await.unwrap_err().report();
    assert!(report.contains("member of DB cluster `shop`"), "{report}");
}

#[tokio::test(start_paused = true)]
async fn a_property_of_a_cluster_that_is_not_carried_over_is_reported() {
    let mut world = aurora();
    world["clusters"][0]["tags"] = json!({"aws:x": "1"});
    world["clusters"][0]["members"][0]["tags"] = json!({"rds:y": "1"});
    world["clusters"][0]["associatedRoles"] = json!([{"roleArn": "arn:aws:iam::1:role/load"}]);
    world["clusters"][0]["settings"] = json!({"localWriteForwarding": true});
    world["clusterEndpoints"] = json!([{"identifier": "reports", "cluster": "orders"}]);
    world["proxies"] = json!([{"name": "front", "clusters": ["orders"]}, {"name": "x", "instances": ["orders"]}]);
    let notes = cluster(&Harness::new(world), Task::DbRestore).await.unwrap().not_carried_over;
    for expected in ["aws:x", "rds:y", "role/load", "local write forwarding", "endpoint reports", "proxy `front`"] {
        assert!(notes.iter().any(|note| note.contains(expected)), "{expected}: {notes:?}");
    }
    assert_eq!(notes.len(), 6, "{notes:?}");
}

#[tokio::test(start_paused = true)]
async fn leftovers_of_an_earlier_run_are_explained_with_commands() {
    let mark = json!({"trapheus:execution": OTHER_EXECUTION, "trapheus:role": "original"});
    let mut world = orders();
    let leftover = json!({"identifier": "orders-temp", "engine": "postgres", "tags": mark});
    world["instances"].as_array_mut().unwrap().push(leftover);
    let report = instance(&Harness::new(world.clone()), Task::DbRestore).await.unwrap_err().report();
    assert!(report.contains(OTHER_EXECUTION), "{report}");
    assert!(report.contains("delete-db-instance --db-instance-identifier orders-temp"), "{report}");

    world["instances"].as_array_mut().unwrap().remove(0);
    world["snapshots"] = json!([]);
    let report = instance(&Harness::new(world), Task::CreateSnapshot).await.unwrap_err().report();
    assert!(report.contains("--new-db-instance-identifier orders "), "{report}");
}

#[tokio::test(start_paused = true)]
async fn a_quota_without_room_refuses_the_run_and_one_that_cannot_be_read_does_not() {
    let limit = |world: Value, limits: Value| Harness::new(with(world, "/limits", limits));
    for (limits, expected) in [
        (json!({"instances": 1}), "quota of DB instances"),
        (json!({"manualSnapshots": 1}), "quota of manual DB snapshots"),
    ] {
        let harness = limit(orders(), limits.clone());
        let report = instance(&harness, Task::CreateSnapshot).await.unwrap_err().report();
        assert!(report.contains(expected), "{report}");
        assert!(instance(&harness, Task::CreateSnapshotOnly).await.is_ok(), "the task needs no second database");
        for fault in [
            Fault::Denied {},
            Fault::Error { code: "InvalidAction".into(), message: "no".into() },
            Fault::ServerError { status: 500 },
            Fault::Throttle { code: "Throttling".into() },
        ] {
            let harness = limit(orders(), limits.clone());
            inject_times(&harness, "DescribeAccountAttributes", fault, 99);
            assert!(instance(&harness, Task::CreateSnapshot).await.is_ok());
        }
    }
    for (limits, expected) in [
        (json!({"instances": 7}), "needs 4 more"),
        (json!({"clusters": 1}), "quota of DB clusters"),
        (json!({"manualClusterSnapshots": 1}), "manual DB cluster snapshots"),
    ] {
        let report = cluster(&limit(aurora(), limits), Task::CreateSnapshot).await.unwrap_err().report();
        assert!(report.contains(expected), "{report}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_withdrawn_class_refuses_the_run_and_one_that_cannot_be_looked_up_does_not() {
    let multi_az = json!({
        "clusters": [{"identifier": "orders", "engine": "mysql", "settings": {"class": "db.r5d.large"}}],
        "clusterSnapshots": [{"identifier": "orders-snapshot", "source": "orders"}]
    });
    let alone = with(orders(), "/instances/0/settings", json!({"class": "db.m3.large"}));
    let member = with(aurora(), "/clusters/0/members/1/settings", json!({"class": "db.r3.large"}));
    for (world, class, owner) in [
        (alone, "db.m3.large", "`orders`"),
        (member, "db.r3.large", "`orders-b`"),
        (multi_az, "db.r5d.large", "`orders`"),
    ] {
        let is_cluster = world.get("clusters").is_some();
        let outcome = async |harness: &Harness| {
            if is_cluster {
                cluster(harness, Task::DbRestore).await.map(drop)
            } else {
                instance(harness, Task::DbRestore).await.map(drop)
            }
        };
        assert!(outcome(&Harness::new(world.clone())).await.is_ok(), "AWS offers the class");
        let harness = Harness::new(with(world, "/withdrawnClasses", json!([class])));
        let report = outcome(&harness).await.unwrap_err().report();
        assert!(report.contains(&format!("the class {class} of {owner}")), "{report}");
        inject_times(&harness, "DescribeOrderableDBInstanceOptions", Fault::Denied {}, 99);
        assert!(outcome(&harness).await.is_ok());
    }
}

#[tokio::test(start_paused = true)]
async fn no_room_for_the_originals_retained_backups_refuses_the_run() {
    let retained = json!([{"instance": "one", "resourceId": "db-1"}, {"instance": "two", "resourceId": "db-2"}]);
    let world = with(orders(), "/instances/0/settings", json!({"backupRetentionPeriod": 7}));
    let world = with(world, "/retainedBackups", retained);
    let report = |limits: Value| {
        let harness = Harness::new(with(world.clone(), "/limits", limits));
        async move { instance(&harness, Task::DbRestore).await.map_err(|error| error.report()) }
    };
    let refused = report(json!({"instances": 2})).await.unwrap_err();
    assert!(refused.contains("holds 2 of 2 retained automated backups"), "{refused}");
    assert!(report(json!({"instances": 3})).await.is_ok());
}

#[tokio::test(start_paused = true)]
async fn a_taken_name_of_the_final_snapshot_refuses_the_run_if_the_run_takes_one() {
    let identifier = DatabaseIdentifier::reported("orders");
    let name = identifier.final_snapshot_of(DatabaseKind::Instance, trapheus_tests::EXECUTION);
    let taken = json!([
        {"identifier": "orders-snapshot", "source": "orders"}, {"identifier": name, "source": "orders"},
    ]);
    for is_cluster in [false, true] {
        let (world, place) = if is_cluster { (aurora(), "/clusterSnapshots") } else { (orders(), "/snapshots") };
        let world = with(world, place, taken.clone());
        let harness = Harness::new(world);
        for wanted in [false, true] {
            let mut request = harness.request("orders", Task::DbRestore, is_cluster);
            request.options.final_snapshot = wanted;
            let (rds, event) = (harness.rds(), PreflightEvent { request });
            let outcome = if is_cluster {
                trapheus_preflight::cluster::preflight(rds, &Scope::default(), harness.invocation(), event)
                    .await
                    .map(drop)
            } else {
                trapheus_preflight::instance::preflight(rds, &Scope::default(), harness.invocation(), event)
                    .await
                    .map(drop)
            };
            assert_eq!(outcome.err().is_some_and(|error| error.report().contains(&format!("`{name}`"))), wanted);
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_snapshot_of_another_database_is_not_replaced() {
    let foreign = json!([{"identifier": "orders-snapshot", "source": "billing", "engine": "postgres"}]);
    let harness = Harness::new(with(orders(), "/snapshots", foreign));
    let report = instance(&harness, Task::CreateSnapshot).await.unwrap_err().report();
    assert!(report.contains("taken of another database, billing"), "{report}");
}

#[tokio::test(start_paused = true)]
async fn an_interrupted_replacement_of_the_snapshot_refuses_only_a_run_that_takes_none() {
    let mark = json!({"trapheus:execution": OTHER_EXECUTION, "trapheus:role": "snapshot"});
    let left = json!([{"identifier": "orders-temp", "source": "orders", "tags": mark}]);
    let harness = Harness::new(with(orders(), "/snapshots", left));
    assert!(instance(&harness, Task::CreateSnapshot).await.is_ok());
    let report = instance(&harness, Task::DbRestore).await.unwrap_err().report();
    assert!(report.contains("interrupted") && report.contains("copy-db-snapshot"), "{report}");

    let others = json!([{"identifier": "orders-temp", "source": "orders"}]);
    let harness = Harness::new(with(orders(), "/snapshots", others));
    let report = instance(&harness, Task::CreateSnapshot).await.unwrap_err().report();
    assert!(report.contains("it belongs to another run or person"), "{report}");
}

#[tokio::test(start_paused = true)]
async fn a_task_that_only_takes_a_snapshot_makes_only_the_reads_for_it() {
    let harness = Harness::new(aurora());
    cluster(&harness, Task::CreateSnapshotOnly).await.unwrap();
    for action in actions(&harness) {
        let needed = ["DescribeDBClusters", "DescribeDBInstances", "DescribeDBClusterSnapshots"];
        assert!(needed.contains(&action.as_str()), "{action}");
    }
}
