//! Faults and interventions: the failures that the simulator can cause.

use std::time::Duration;

use aws_sdk_rds::error::ProvideErrorMetadata as _;
use rds_simulator::{FaultRule, LASTING_STATUSES, Outcome, Simulator, StruckBy, WorldState};

use crate::support::{
    cluster, code, delete, instance, post, rds, rename, settle, simulated, simulator_with_seed, status, statuses,
};

fn world(rest: &str) -> String {
    format!(
        r#"{{"instances": [{{"identifier": "orders", "engine": "postgres"}}], "snapshots": [{{"identifier": "s", "source": "orders"}}], {rest}}}"#
    )
}

#[tokio::test(start_paused = true)]
async fn throttling_meets_the_given_occurrences_only() {
    let (_, client) = simulated(&world(
        r#""faults": [{"action": "DescribeDBInstances", "occurrence": 2, "times": 2, "fault": {"kind": "throttle"}}]"#,
    ));
    let mut outcomes = Vec::new();
    for _ in 0..4 {
        outcomes.push(
            client
                .describe_db_instances()
                .send()
                .await
                .map_err(|error| error.into_service_error().code().map(str::to_owned))
                .err(),
        );
    }
    let throttled = Some(Some("Throttling".to_owned()));
    assert_eq!(outcomes, [None, throttled.clone(), throttled, None]);
}

#[tokio::test(start_paused = true)]
async fn denied_request_has_the_message_of_aws_and_applies_nothing() {
    let (simulator, _) = simulated(&world(
        r#""faults": [{"action": "DeleteDBInstance", "caller": "cleaner", "fault": {"kind": "denied"}}]"#,
    ));
    let client = rds(&simulator.on_behalf_of("cleaner"));
    let error = delete(&client, "orders").await.unwrap_err();
    assert_eq!(error.raw_response().unwrap().status().as_u16(), 403);
    let error = error.into_service_error();
    assert_eq!(error.code(), Some("AccessDenied"));
    let message = error.message().unwrap();
    assert!(message.contains("is not authorized to perform: rds:DeleteDBInstance on resource: arn:aws:rds:us-east-1:123456789012:db:orders"), "{message}");
    assert_eq!(simulator.state().instance("orders").unwrap().status, "available");
    let last = simulator.requests().pop().unwrap();
    assert_eq!((last.caller.as_str(), last.outcome), ("cleaner", Outcome::Error("AccessDenied".to_owned())));
}

#[tokio::test(start_paused = true)]
async fn server_errors_and_named_errors_are_answered() {
    let (_, client) = simulated(&world(
        r#""faults": [{"action": "*", "fault": {"kind": "serverError", "status": 500}}, {"action": "DescribeDBInstances", "occurrence": 2, "fault": {"kind": "error", "code": "KMSKeyNotAccessibleFault"}}]"#,
    ));
    let failed = client.describe_db_instances().send().await.unwrap_err();
    assert_eq!(failed.raw_response().unwrap().status().as_u16(), 500);
    assert_eq!(code(client.describe_db_instances().send().await), "KMSKeyNotAccessibleFault");
    client.describe_db_instances().send().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn lost_response_was_applied_and_refused_connection_was_not() {
    let faults = r#""faults": [{"action": "DeleteDBInstance", "fault": {"kind": "connectionRefused"}}, {"action": "DeleteDBInstance", "occurrence": 2, "fault": {"kind": "responseLost"}}]"#;
    let (simulator, client) = simulated(&world(faults));
    assert!(delete(&client, "orders").await.unwrap_err().as_service_error().is_none());
    assert_eq!(simulator.state().instance("orders").unwrap().status, "available");
    assert!(delete(&client, "orders").await.unwrap_err().as_service_error().is_none());
    assert_eq!(simulator.state().instance("orders").unwrap().status, "deleting");
    let outcomes: Vec<Outcome> = simulator.requests().into_iter().map(|request| request.outcome).collect();
    assert_eq!(outcomes, [Outcome::ConnectionRefused, Outcome::ResponseLost]);
}

#[tokio::test(start_paused = true)]
async fn slow_answer_arrives_after_its_delay() {
    let (simulator, client) =
        simulated(&world(r#""faults": [{"action": "DescribeDBInstances", "fault": {"kind": "slow", "seconds": 4}}]"#));
    client.describe_db_instances().send().await.unwrap();
    assert_eq!(simulator.now(), Duration::from_secs(4));
}

#[tokio::test(start_paused = true)]
async fn new_resource_is_hidden_for_the_given_seconds() {
    let (_, client) = simulated(&world(
        r#""faults": [{"action": "RestoreDBInstanceFromDBSnapshot", "fault": {"kind": "notFoundFor", "seconds": 30}}]"#,
    ));
    client
        .restore_db_instance_from_db_snapshot()
        .db_instance_identifier("copy")
        .db_snapshot_identifier("s")
        .send()
        .await
        .unwrap();
    assert_eq!(status(&client, "copy").await, None);
    tokio::time::sleep(Duration::from_secs(31)).await;
    assert_eq!(status(&client, "copy").await.as_deref(), Some("creating"));
}

#[tokio::test(start_paused = true)]
async fn operation_ends_in_a_bad_status_or_never() {
    let faults = r#""faults": [{"action": "RestoreDBInstanceFromDBSnapshot", "fault": {"kind": "endsIn", "status": "incompatible-restore"}}, {"action": "ModifyDBInstance", "fault": {"kind": "stuck"}}, {"action": "DeleteDBInstance", "fault": {"kind": "stuck", "seconds": 100000}}]"#;
    let (simulator, client) = simulated(&world(faults));
    client
        .restore_db_instance_from_db_snapshot()
        .db_instance_identifier("copy")
        .db_snapshot_identifier("s")
        .send()
        .await
        .unwrap();
    let seen = statuses(&simulator, &client, "copy").await;
    assert_eq!(seen.last().unwrap().as_deref(), Some("incompatible-restore"));
    delete(&client, "copy").await.unwrap();
    settle(&simulator).await;
    assert!(simulator.now() > Duration::from_secs(100_000));
    rename(&client, "orders", "orders-temp").await.unwrap();
    settle(&simulator).await;
    tokio::time::sleep(Duration::from_secs(1_000_000)).await;
    assert_eq!(status(&client, "orders-temp").await.as_deref(), Some("rebooting"));
}

#[tokio::test(start_paused = true)]
async fn an_intervention_happens_at_a_time_or_after_a_request() {
    let intervention = r#""meddling": [
        {"when": {"at": 100}, "action": "StopDBInstance", "parameters": {"DBInstanceIdentifier": "orders"}},
        {"when": {"after": {"action": "RestoreDBInstanceFromDBSnapshot", "delaySeconds": 10}}, "action": "DeleteDBInstance", "parameters": {"DBInstanceIdentifier": "copy", "SkipFinalSnapshot": "true"}}
    ]"#;
    let (simulator, client) = simulated(&world(intervention));
    client
        .restore_db_instance_from_db_snapshot()
        .db_instance_identifier("copy")
        .db_snapshot_identifier("s")
        .send()
        .await
        .unwrap();
    tokio::time::sleep(Duration::from_secs(11)).await;
    assert_eq!(status(&client, "copy").await.as_deref(), Some("deleting"));
    assert_eq!(status(&client, "orders").await.as_deref(), Some("available"));
    tokio::time::sleep(Duration::from_secs(90)).await;
    assert_eq!(status(&client, "orders").await.as_deref(), Some("stopping"));
    let callers: Vec<(Duration, String)> = simulator
        .requests()
        .into_iter()
        .filter(|request| request.caller == "meddler")
        .map(|request| (request.at, request.action))
        .collect();
    assert_eq!(
        callers,
        [
            (Duration::from_secs(10), "DeleteDBInstance".to_owned()),
            (Duration::from_secs(100), "StopDBInstance".to_owned())
        ]
    );
}

#[tokio::test(start_paused = true)]
async fn downtime_counts_the_seconds_without_an_answer_under_a_name() {
    let timings = r#""timings": {"jitter": 0, "renameLingering": 10, "falseAvailableProbability": 1}"#;
    let (simulator, client) = simulated(&world(timings));
    client.create_db_snapshot().db_instance_identifier("orders").db_snapshot_identifier("new").send().await.unwrap();
    settle(&simulator).await;
    assert_eq!(simulator.state().downtime_seconds("orders", false), Some(0.0), "a backup does not interrupt");
    rename(&client, "orders", "orders-temp").await.unwrap();
    settle(&simulator).await;
    client
        .restore_db_instance_from_db_snapshot()
        .db_instance_identifier("orders")
        .db_snapshot_identifier("s")
        .send()
        .await
        .unwrap();
    settle(&simulator).await;
    let rename_seconds = 40.0 + 60.0 + 15.0 + 45.0;
    let restore_seconds = 900.0 + 120.0 + 90.0;
    assert_eq!(simulator.state().downtime_seconds("orders", false), Some(rename_seconds + restore_seconds));
    assert_eq!(simulator.state().downtime_seconds("orders-temp", false), Some(0.0));
    assert!(instance(&client, "orders").await.endpoint().is_some());
}

#[tokio::test(start_paused = true)]
async fn the_working_time_of_rds_excludes_the_waits_of_its_client() {
    let (simulator, client) = simulated(&world(r#""timings": {"jitter": 0, "falseAvailableProbability": 1}"#));
    tokio::time::sleep(Duration::from_secs(50)).await;
    rename(&client, "orders", "orders-temp").await.unwrap();
    tokio::time::sleep(Duration::from_secs(1_000)).await;
    let rename_seconds = 25.0 + 40.0 + 60.0 + 15.0 + 45.0;
    let state = simulator.state();
    assert_eq!(state.working, [(50.0, 50.0 + rename_seconds)], "the false `available` is part of the work");
    let seconds = |to: f64| Duration::from_secs_f64(state.working_seconds(0.0, to));
    assert_eq!(seconds(1_050.0), Duration::from_secs_f64(rename_seconds));
    assert_eq!(seconds(60.0), Duration::from_secs(10), "only the work between the two moments counts");
}

#[tokio::test(start_paused = true)]
async fn rds_works_while_it_copies_a_snapshot() {
    let (simulator, client) = simulated(
        r#"{"snapshots": [{"identifier": "s", "source": "orders", "engine": "mysql"}], "timings": {"jitter": 0},
            "clusterSnapshots": [{"identifier": "s", "source": "shop", "engine": "aurora-mysql"}]}"#,
    );
    let request = client.copy_db_snapshot().source_db_snapshot_identifier("s").target_db_snapshot_identifier("copy");
    request.send().await.unwrap();
    settle(&simulator).await;
    assert_eq!(simulator.state().working, [(0.0, 240.0)]);
    let request = client.copy_db_cluster_snapshot().source_db_cluster_snapshot_identifier("s");
    request.target_db_cluster_snapshot_identifier("copy").send().await.unwrap();
    settle(&simulator).await;
    let [_, (from, to)] = simulator.state().working[..] else { panic!("two copies, one after the other") };
    assert_eq!(Duration::from_secs_f64(to - from), Duration::from_secs(240));
}

#[tokio::test(start_paused = true)]
async fn renamed_resource_stays_without_a_name_for_longer() {
    let faults = r#""timings": {"jitter": 0}, "faults": [{"action": "ModifyDBInstance", "fault": {"kind": "notFoundFor", "seconds": 1000}}]"#;
    let (_, client) = simulated(&world(faults));
    rename(&client, "orders", "orders-temp").await.unwrap();
    assert_eq!(status(&client, "orders").await.as_deref(), Some("available"));
    tokio::time::sleep(Duration::from_secs(1000)).await;
    assert_eq!((status(&client, "orders").await, status(&client, "orders-temp").await), (None, None));
    tokio::time::sleep(Duration::from_secs(100)).await;
    assert_eq!(status(&client, "orders-temp").await.as_deref(), Some("renaming"));
}

#[tokio::test(start_paused = true)]
async fn rate_limit_of_the_account_is_a_token_bucket() {
    let (_, client) = simulated(&world(r#""limits": {"requestsPerSecond": 2}"#));
    let describe = || client.describe_db_instances().send();
    describe().await.unwrap();
    describe().await.unwrap();
    for _ in 0..5 {
        assert_eq!(code(describe().await), "Throttling");
    }
    tokio::time::sleep(Duration::from_millis(500)).await;
    describe().await.unwrap();
    assert_eq!(code(describe().await), "Throttling", "half a second grants one request");
    tokio::time::sleep(Duration::from_mins(1)).await;
    describe().await.unwrap();
    describe().await.unwrap();
    assert_eq!(code(describe().await), "Throttling", "the bucket holds the requests of one second");
}

#[tokio::test(start_paused = true)]
async fn only_created_and_renamed_resources_are_hidden() {
    let hide = |action: &str| {
        format!(r#""faults": [{{"action": "{action}", "fault": {{"kind": "notFoundFor", "seconds": 100000}}}}]"#)
    };
    let (_, client) = simulated(&world(&hide("DeleteDBInstance")));
    delete(&client, "orders").await.unwrap();
    assert_eq!(status(&client, "orders").await.as_deref(), Some("deleting"));
    let (_, client) = simulated(&world(&hide("ModifyDBInstance")));
    let change = client.modify_db_instance().db_instance_identifier("orders").db_instance_class("db.m7g.xlarge");
    change.apply_immediately(true).send().await.unwrap();
    assert_eq!(status(&client, "orders").await.as_deref(), Some("available"));
    let (simulator, client) = simulated(&world(&hide("RestoreDBInstanceFromDBSnapshot")));
    post(&simulator, "Action=RestoreDBInstanceFromDBSnapshot&DBInstanceIdentifier=copy&DBSnapshotIdentifier=s").await;
    assert_eq!(status(&client, "copy").await, None);
    delete(&client, "copy").await.unwrap();
    assert_eq!(status(&client, "copy").await.as_deref(), Some("deleting"), "a deletion makes the database visible");
}

/// An instance, a cluster of each kind, and a snapshot of each. No jitter changes the durations.
const EVERYTHING: &str = r#"{
    "timings": {"jitter": 0},
    "instances": [{"identifier": "orders", "engine": "postgres"}],
    "clusters": [
        {"identifier": "shop", "engine": "aurora-mysql", "members": [{"identifier": "shop-1"}]},
        {"identifier": "bare", "engine": "aurora-mysql"},
        {"identifier": "ledger", "engine": "postgres"}
    ],
    "snapshots": [{"identifier": "s", "source": "orders"}],
    "clusterSnapshots": [{"identifier": "shop-s", "source": "shop"}, {"identifier": "ledger-s", "source": "ledger"}]
}"#;

fn everything_with(action: &str, fault: &str) -> Simulator {
    let simulator = simulator_with_seed(EVERYTHING, 1);
    let rule = format!(r#"{{"action": "{action}", "fault": {fault}}}"#);
    simulator.inject(serde_json::from_str::<FaultRule>(&rule).unwrap());
    simulator
}

/// One request of each kind that starts an operation.
const LONG_WINDED: &[(&str, &str)] = &[
    ("RestoreDBInstanceFromDBSnapshot", "DBInstanceIdentifier=new&DBSnapshotIdentifier=s"),
    (
        "CreateDBInstance",
        "DBInstanceIdentifier=new&DBClusterIdentifier=shop&Engine=aurora-mysql&DBInstanceClass=db.r7g.large",
    ),
    ("ModifyDBInstance", "DBInstanceIdentifier=orders&NewDBInstanceIdentifier=new&ApplyImmediately=true"),
    ("ModifyDBInstance", "DBInstanceIdentifier=orders&DBInstanceClass=db.m7g.8xlarge&ApplyImmediately=true"),
    ("RebootDBInstance", "DBInstanceIdentifier=orders"),
    ("DeleteDBInstance", "DBInstanceIdentifier=orders&SkipFinalSnapshot=true"),
    ("DeleteDBInstance", "DBInstanceIdentifier=shop-1"),
    ("CreateDBSnapshot", "DBSnapshotIdentifier=new&DBInstanceIdentifier=orders"),
    ("CopyDBSnapshot", "SourceDBSnapshotIdentifier=s&TargetDBSnapshotIdentifier=new"),
    ("DeleteDBSnapshot", "DBSnapshotIdentifier=s"),
    ("RestoreDBClusterFromSnapshot", "DBClusterIdentifier=new&SnapshotIdentifier=shop-s&Engine=aurora-mysql"),
    (
        "RestoreDBClusterFromSnapshot",
        "DBClusterIdentifier=new&SnapshotIdentifier=ledger-s&Engine=postgres&DBClusterInstanceClass=db.m6gd.large",
    ),
    ("ModifyDBCluster", "DBClusterIdentifier=shop&NewDBClusterIdentifier=new&ApplyImmediately=true"),
    ("ModifyDBCluster", "DBClusterIdentifier=ledger&NewDBClusterIdentifier=new&ApplyImmediately=true"),
    ("ModifyDBCluster", "DBClusterIdentifier=ledger&DBClusterInstanceClass=db.m6gd.8xlarge&ApplyImmediately=true"),
    ("DeleteDBCluster", "DBClusterIdentifier=bare&SkipFinalSnapshot=true"),
    ("DeleteDBCluster", "DBClusterIdentifier=ledger&SkipFinalSnapshot=true"),
    ("CreateDBClusterSnapshot", "DBClusterSnapshotIdentifier=new&DBClusterIdentifier=shop"),
    ("CopyDBClusterSnapshot", "SourceDBClusterSnapshotIdentifier=shop-s&TargetDBClusterSnapshotIdentifier=new"),
    ("DeleteDBClusterSnapshot", "DBClusterSnapshotIdentifier=shop-s"),
];

/// The names of the resources with an operation under way.
fn under_way(world: &WorldState) -> Vec<String> {
    let instances = world.instances.iter().map(|found| (&found.identifier, found.busy));
    let clusters = world.clusters.iter().map(|found| (&found.identifier, found.busy));
    let snapshots = world.snapshots.iter().map(|found| (&found.identifier, found.status != "available"));
    let cluster_snapshots =
        world.cluster_snapshots.iter().map(|found| (&found.identifier, found.status != "available"));
    let all = instances.chain(clusters).chain(snapshots).chain(cluster_snapshots);
    all.filter(|(_, is_under_way)| *is_under_way).map(|(name, _)| name.clone()).collect()
}

#[tokio::test(start_paused = true)]
async fn every_operation_can_take_hours_or_never_end() {
    for (action, parameters) in LONG_WINDED {
        let form = format!("Action={action}&{parameters}");
        let mut took = Vec::new();
        for fault in
            [r#"{"kind": "slow", "seconds": 0}"#, r#"{"kind": "stuck", "seconds": 7200}"#, r#"{"kind": "stuck"}"#]
        {
            let simulator = everything_with(action, fault);
            let answer = post(&simulator, &form).await;
            assert!(answer.contains("Response"), "{form}: {answer}");
            settle(&simulator).await;
            took.push(simulator.now().as_secs());
            let is_stuck = fault == r#"{"kind": "stuck"}"#;
            assert_eq!(!under_way(&simulator.state()).is_empty(), is_stuck, "{form} {fault}");
        }
        assert!(took[1] >= took[0] + 7_200, "{form}: {took:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn every_operation_but_a_deletion_can_end_in_any_lasting_status() {
    for (action, parameters) in LONG_WINDED.iter().filter(|(action, _)| !action.starts_with("Delete")) {
        for lasting in LASTING_STATUSES {
            let simulator = everything_with(action, &format!(r#"{{"kind": "endsIn", "status": "{lasting}"}}"#));
            post(&simulator, &format!("Action={action}&{parameters}")).await;
            settle(&simulator).await;
            let ended = serde_json::to_string(&simulator.state()).unwrap();
            assert!(ended.contains(&format!(r#""status":"{lasting}""#)), "{action} {parameters} {lasting}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn members_of_a_multi_az_cluster_fail_with_its_migration() {
    let simulator =
        everything_with("RestoreDBClusterFromSnapshot", r#"{"kind": "endsIn", "status": "migration-failed"}"#);
    let form = "Action=RestoreDBClusterFromSnapshot&DBClusterIdentifier=new&SnapshotIdentifier=ledger-s&Engine=postgres&DBClusterInstanceClass=db.m6gd.large";
    post(&simulator, form).await;
    settle(&simulator).await;
    let client = rds(&simulator);
    assert_eq!(cluster(&client, "new").await.status(), Some("migration-failed"));
    assert_eq!(status(&client, "new-instance-1").await.as_deref(), Some("failed"));
}

#[tokio::test(start_paused = true)]
async fn every_quota_can_be_reached() {
    let limits = r#""limits": {"instances": 1, "clusters": 0, "manualSnapshots": 1, "manualClusterSnapshots": 0}, "clusterSnapshots": [{"identifier": "cs", "source": "gone", "engine": "aurora-mysql", "type": "automated"}]"#;
    for (form, code) in [
        ("RestoreDBInstanceFromDBSnapshot&DBInstanceIdentifier=new&DBSnapshotIdentifier=s", "InstanceQuotaExceeded"),
        ("CreateDBSnapshot&DBSnapshotIdentifier=new&DBInstanceIdentifier=orders", "SnapshotQuotaExceeded"),
        ("CopyDBSnapshot&SourceDBSnapshotIdentifier=s&TargetDBSnapshotIdentifier=new", "SnapshotQuotaExceeded"),
        (
            "CopyDBClusterSnapshot&SourceDBClusterSnapshotIdentifier=cs&TargetDBClusterSnapshotIdentifier=new",
            "SnapshotQuotaExceeded",
        ),
        (
            "RestoreDBClusterFromSnapshot&DBClusterIdentifier=new&SnapshotIdentifier=cs&Engine=aurora-mysql",
            "DBClusterQuotaExceededFault",
        ),
    ] {
        let (simulator, _) = simulated(&world(limits));
        let answer = post(&simulator, &format!("Action={form}")).await;
        assert!(answer.contains(&format!("<Code>{code}</Code>")), "{form}: {answer}");
    }
}

/// The positions of the rules that struck, each with its occurrence.
fn struck(simulator: &Simulator) -> Vec<(StruckBy, u32)> {
    simulator.strikes().into_iter().map(|strike| (strike.by, strike.occurrence)).collect()
}

#[tokio::test(start_paused = true)]
async fn every_strike_names_its_rule_its_occurrence_and_its_request() {
    let (simulator, client) = simulated(&world(
        r#""faults": [
            {"action": "DescribeDBInstances", "occurrence": 2, "times": 2, "fault": {"kind": "throttle"}},
            {"action": "DescribeDBInstances", "occurrence": 3, "fault": {"kind": "slow", "seconds": 5}}
        ],
        "meddling": [{"when": {"at": 60}, "action": "DeleteDBInstance", "parameters": {"DBInstanceIdentifier": "nothing"}}]"#,
    ));
    for _ in 0..4 {
        let _ = rds_simulator::in_step("Waiting", client.describe_db_instances().send()).await;
    }
    tokio::time::sleep(Duration::from_secs(60)).await;
    let seen =
        [(StruckBy::Fault(0), 2), (StruckBy::Fault(0), 3), (StruckBy::Fault(1), 3), (StruckBy::Intervention(0), 1)];
    assert_eq!(struck(&simulator), seen);
    let (strikes, requests) = (simulator.strikes(), simulator.requests());
    assert_eq!(strikes.iter().map(|strike| strike.request).collect::<Vec<_>>(), [1, 2, 2, 4]);
    assert_eq!(requests[1].step, "Waiting");
    assert_eq!(strikes[3].at, Duration::from_secs(60));
    assert_eq!(requests[4].outcome, Outcome::Error("DBInstanceNotFound".to_owned()));
}

#[tokio::test(start_paused = true)]
async fn a_fault_that_changes_nothing_has_not_struck() {
    for (fault, is_struck) in [
        // A refused request has no answer to lose, and starts no operation that could fail, hang or hide.
        (r#"{"action": "DeleteDBInstance", "identifier": "nothing", "fault": {"kind": "responseLost"}}"#, false),
        (r#"{"action": "DeleteDBInstance", "identifier": "nothing", "fault": {"kind": "stuck"}}"#, false),
        (r#"{"action": "DeleteDBInstance", "identifier": "nothing", "fault": {"kind": "denied"}}"#, true),
        // A read starts nothing, and a deletion leaves no resource with a bad status.
        (r#"{"action": "DescribeDBInstances", "fault": {"kind": "stuck"}}"#, false),
        (r#"{"action": "DescribeDBInstances", "fault": {"kind": "notFoundFor", "seconds": 9}}"#, false),
        (
            r#"{"action": "DeleteDBInstance", "identifier": "orders", "fault": {"kind": "endsIn", "status": "failed"}}"#,
            false,
        ),
        (r#"{"action": "DeleteDBInstance", "identifier": "orders", "fault": {"kind": "stuck"}}"#, true),
        (r#"{"action": "DeleteDBInstance", "identifier": "orders", "fault": {"kind": "responseLost"}}"#, true),
        (r#"{"action": "StopDBInstance", "fault": {"kind": "throttle"}}"#, false),
    ] {
        let (simulator, client) = simulated(&world(&format!(r#""faults": [{fault}]"#)));
        let _ = delete(&client, "nothing").await;
        let _ = client.describe_db_instances().send().await;
        let _ = delete(&client, "orders").await;
        assert_eq!(!simulator.strikes().is_empty(), is_struck, "{fault}");
    }
}

#[tokio::test(start_paused = true)]
async fn of_two_faults_that_refuse_a_request_the_first_one_strikes() {
    let faults =
        r#""faults": [{"action": "*", "fault": {"kind": "throttle"}}, {"action": "*", "fault": {"kind": "denied"}}]"#;
    let (simulator, client) = simulated(&world(faults));
    assert_eq!(code(client.describe_db_instances().send().await), "Throttling");
    assert_eq!(struck(&simulator), [(StruckBy::Fault(0), 1)]);
}
