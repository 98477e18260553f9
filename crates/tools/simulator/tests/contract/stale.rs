//! Faults that make reads late or stale, connections that are reset, and the bounds of the lag.

use std::time::Duration;

use http_body_util::Full;
use rds_simulator::{FaultRule, Outcome, Simulator};

use crate::lag::{ORDERS, listed, look, register, stop, until_renamed, world};
use crate::support::{code, delete, instance, rds, rename, settle, sfn, simulated, simulator_with_seed, status, tag};

/// A world without lag, with one fault.
fn with_fault(action: &str, fault: &str) -> Simulator {
    let (simulator, _) = simulated(
        r#"{"instances": [{"identifier": "orders", "engine": "postgres"}], "snapshots": [{"identifier": "s", "source": "orders"}], "timings": {"jitter": 0}}"#,
    );
    let rule: FaultRule = serde_json::from_str(&format!(r#"{{"action": "{action}", "fault": {fault}}}"#)).unwrap();
    simulator.inject(rule);
    simulator
}

#[tokio::test(start_paused = true)]
async fn without_lag_reads_show_the_true_state() {
    let (simulator, client) = simulated(r#"{"instances": [{"identifier": "orders", "engine": "postgres"}]}"#);
    client.add_tags_to_resource().resource_name(ORDERS).tags(tag("new", "1")).send().await.unwrap();
    assert_eq!(listed(&client, ORDERS).await, ["new"]);
    rename(&client, "orders", "orders-temp").await.unwrap();
    until_renamed(&simulator, "orders-temp").await;
    assert_eq!(
        (status(&client, "orders").await, status(&client, "orders-temp").await.as_deref()),
        (None, Some("renaming"))
    );
    settle(&simulator).await;
    delete(&client, "orders-temp").await.unwrap();
    assert_eq!(status(&client, "orders-temp").await.as_deref(), Some("deleting"));
}

#[tokio::test(start_paused = true)]
async fn delays_differ_by_the_seed_and_stay_within_their_bound() {
    let mut delays = std::collections::BTreeSet::new();
    for seed in 0..20 {
        let simulator = simulator_with_seed(&world(""), seed);
        let client = crate::support::rds(&simulator);
        client.add_tags_to_resource().resource_name(ORDERS).tags(tag("new", "1")).send().await.unwrap();
        while listed(&client, ORDERS).await.len() < 2 {
            tokio::time::sleep(Duration::from_secs(1)).await;
        }
        delays.insert(simulator.now().as_secs());
    }
    assert!(delays.len() > 5 && delays.last() <= Some(&20), "{delays:?}");
}

#[tokio::test(start_paused = true)]
async fn late_tags_show_after_the_given_seconds() {
    let simulator = with_fault("AddTagsToResource", r#"{"kind": "late", "seconds": 60}"#);
    let client = rds(&simulator);
    client.add_tags_to_resource().resource_name(ORDERS).tags(tag("new", "1")).send().await.unwrap();
    tokio::time::sleep(Duration::from_secs(59)).await;
    assert_eq!(listed(&client, ORDERS).await, [""; 0]);
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert_eq!(listed(&client, ORDERS).await, ["new"]);
    assert_eq!(simulator.strikes().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn late_rename_shows_the_former_name_for_the_given_seconds() {
    let simulator = with_fault("ModifyDBInstance", r#"{"kind": "late", "seconds": 600}"#);
    let client = rds(&simulator);
    rename(&client, "orders", "orders-temp").await.unwrap();
    until_renamed(&simulator, "orders-temp").await;
    tokio::time::sleep(Duration::from_secs(590)).await;
    assert_eq!(status(&client, "orders").await.as_deref(), Some("available"));
    assert_eq!(status(&client, "orders-temp").await, None);
    assert_eq!(simulator.state().instance("orders-temp").unwrap().status, "available", "the rename was long ago");
    tokio::time::sleep(Duration::from_secs(10)).await;
    assert_eq!(
        (status(&client, "orders").await, status(&client, "orders-temp").await.as_deref()),
        (None, Some("available"))
    );
    assert_eq!(simulator.strikes().len(), 1);
    rename(&client, "orders-temp", "orders-old").await.unwrap();
    until_renamed(&simulator, "orders-old").await;
    assert_eq!(status(&client, "orders-old").await.as_deref(), Some("renaming"), "the next rename is not late");
}

#[tokio::test(start_paused = true)]
async fn a_request_that_writes_neither_tags_nor_a_name_is_not_late() {
    let late = r#"{"kind": "late", "seconds": 60}"#;
    let strikes = async |action: &str, form: &str| {
        let simulator = with_fault(action, late);
        let answer = crate::support::post(&simulator, &format!("Action={action}&{form}")).await;
        assert!(answer.contains("Response"), "{form}: {answer}");
        simulator.strikes().len()
    };
    let orders = "DBInstanceIdentifier=orders";
    let new = "DBInstanceIdentifier=new&DBSnapshotIdentifier=s";
    let tags = "Tags.Tag.1.Key=new&Tags.Tag.1.Value=1";
    for (action, form, is_late) in [
        ("ModifyDBInstance", format!("{orders}&DeletionProtection=true"), 0),
        ("ModifyDBInstance", format!("{orders}&NewDBInstanceIdentifier=other"), 0),
        ("ModifyDBInstance", format!("{orders}&NewDBInstanceIdentifier=other&ApplyImmediately=true"), 1),
        ("RemoveTagsFromResource", format!("ResourceName={ORDERS}&TagKeys.member.1=none"), 0),
        ("RestoreDBInstanceFromDBSnapshot", new.to_owned(), 0),
        ("RestoreDBInstanceFromDBSnapshot", format!("{new}&{tags}"), 1),
        ("CreateDBSnapshot", format!("{orders}&DBSnapshotIdentifier=new&{tags}"), 1),
        ("DescribeDBInstances", String::new(), 0),
    ] {
        assert_eq!(strikes(action, &form).await, is_late, "{action} {form}");
    }
}

#[tokio::test(start_paused = true)]
async fn stale_read_misses_the_recent_changes_of_an_execution() {
    let simulator = with_fault("DescribeExecution", r#"{"kind": "stale", "seconds": 60}"#);
    let rule = FaultRule { occurrence: 2, times: 4, ..simulator.faults().remove(0) };
    simulator.inject(rule);
    let client = sfn(&simulator);
    register(&simulator, Duration::from_secs(30));
    assert_eq!(look(&client).await, ("ExecutionDoesNotExist".to_owned(), false));
    tokio::time::sleep(Duration::from_secs(30)).await;
    assert_eq!(look(&client).await, ("RUNNING".to_owned(), false));
    stop(&simulator);
    tokio::time::sleep(Duration::from_secs(59)).await;
    assert_eq!(look(&client).await, ("RUNNING".to_owned(), false));
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert_eq!(look(&client).await, ("ABORTED".to_owned(), true));
    assert_eq!(look(&client).await, ("ABORTED".to_owned(), true));
    let struck: Vec<u32> = simulator.strikes().iter().map(|strike| strike.occurrence).collect();
    assert_eq!(struck, [1, 3], "a read that misses nothing is not stale");
}

#[tokio::test(start_paused = true)]
async fn a_request_on_a_reset_connection_is_applied_without_an_io_error() {
    let simulator = with_fault("DeleteDBInstance", r#"{"kind": "connectionReset"}"#);
    let client = rds(&simulator);
    let error = delete(&client, "orders").await.unwrap_err();
    let aws_sdk_rds::error::SdkError::DispatchFailure(failure) = &error else { panic!("{error:?}") };
    assert!(failure.is_other() && !failure.is_io() && !failure.is_timeout(), "{failure:?}");
    assert_eq!(instance(&client, "orders").await.db_instance_status(), Some("deleting"));
    assert_eq!(simulator.requests()[0].outcome, Outcome::ResponseLost);
    assert_eq!(simulator.strikes().len(), 1);
    assert_eq!(code(delete(&client, "orders").await), "InvalidDBInstanceState");
}

/// The answer to a deletion of `orders`, as hyper reports it.
async fn deletion_as_hyper_sees_it(address: std::net::SocketAddr) -> Result<http::StatusCode, hyper::Error> {
    let stream = tokio::net::TcpStream::connect(address).await.unwrap();
    let (mut sender, connection) = hyper::client::conn::http1::handshake(hyper_util::rt::TokioIo::new(stream)).await?;
    tokio::spawn(connection);
    let form = "Action=DeleteDBInstance&Version=2014-10-31&DBInstanceIdentifier=orders&SkipFinalSnapshot=true";
    let request = http::Request::post("/").body(Full::new(bytes::Bytes::from(form))).unwrap();
    sender.send_request(request).await.map(|answer| answer.status())
}

#[tokio::test]
async fn over_http_hyper_reports_a_reset_connection_as_an_incomplete_message() {
    let simulator = with_fault("DeleteDBInstance", r#"{"kind": "connectionReset"}"#);
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let server = tokio::spawn(rds_simulator::serve(simulator.clone(), listener));
    let error = deletion_as_hyper_sees_it(address).await.unwrap_err();
    assert!(error.is_incomplete_message(), "{error:?}");
    assert_eq!(simulator.state().instance("orders").unwrap().status, "deleting");
    assert_eq!(deletion_as_hyper_sees_it(address).await.unwrap(), 400, "the next connection is whole");
    server.abort();
}

#[test]
fn lag_is_a_number_of_seconds() {
    for (lag, place) in
        [(r#"{"tagsSeconds": -1}"#, "lag.tagsSeconds"), (r#"{"renameSeconds": -0.5}"#, "lag.renameSeconds")]
    {
        let world = rds_simulator::World::from_json(&format!(r#"{{"lag": {lag}}}"#)).unwrap();
        let error = Simulator::new(world, rds_simulator::Options::default()).unwrap_err().to_string();
        assert!(error.starts_with(place), "{error}");
    }
}
