//! Faults and meddling: what the simulator lets go wrong.

use std::time::Duration;

use aws_sdk_rds::error::ProvideErrorMetadata as _;
use rds_simulator::Outcome;

use crate::support::{code, delete, instance, rds, rename, settle, simulated, status, statuses};

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
async fn denied_speaks_as_aws_does_and_applies_nothing() {
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
async fn slow_answer_takes_its_time() {
    let (simulator, client) =
        simulated(&world(r#""faults": [{"action": "DescribeDBInstances", "fault": {"kind": "slow", "seconds": 4}}]"#));
    client.describe_db_instances().send().await.unwrap();
    assert_eq!(simulator.now(), Duration::from_secs(4));
}

#[tokio::test(start_paused = true)]
async fn fresh_resource_is_not_found_for_a_while() {
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
async fn people_meddle_at_a_time_and_after_a_request() {
    let meddling = r#""meddling": [
        {"when": {"at": 100}, "action": "StopDBInstance", "parameters": {"DBInstanceIdentifier": "orders"}},
        {"when": {"after": {"action": "RestoreDBInstanceFromDBSnapshot", "delaySeconds": 10}}, "action": "DeleteDBInstance", "parameters": {"DBInstanceIdentifier": "copy", "SkipFinalSnapshot": "true"}}
    ]"#;
    let (simulator, client) = simulated(&world(meddling));
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
async fn downtime_counts_the_seconds_no_database_answered_under_a_name() {
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
async fn renamed_resource_is_not_found_for_longer() {
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
async fn rate_limit_of_the_account_throttles_within_a_second() {
    let (_, client) = simulated(&world(r#""limits": {"requestsPerSecond": 2}"#));
    let describe = || client.describe_db_instances().send();
    describe().await.unwrap();
    describe().await.unwrap();
    assert_eq!(code(describe().await), "Throttling");
    tokio::time::sleep(Duration::from_secs(1)).await;
    describe().await.unwrap();
}
