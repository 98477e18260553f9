//! Behaviours of reads that lag.

use std::time::Duration;

use aws_sdk_rds::Client;
use aws_sdk_sfn::error::ProvideErrorMetadata as _;
use rds_simulator::{Execution, Simulator};

use crate::support::{cluster, code, instance, rename, sfn, simulated, simulator_with_seed, start_time, status, tag};

/// The longest delay of each kind in these worlds.
const BOUND: Duration = Duration::from_secs(20);

pub(crate) fn world(rest: &str) -> String {
    format!(
        r#"{{
            "instances": [{{"identifier": "orders", "engine": "postgres", "tags": {{"team": "shop"}}}}],
            "clusters": [{{"identifier": "shop", "engine": "aurora-postgresql", "members": [{{"identifier": "shop-1"}}]}}, {{"identifier": "ledger", "engine": "postgres"}}],
            "snapshots": [{{"identifier": "orders-snapshot", "source": "orders", "tags": {{"copied": "yes"}}}}],
            "clusterSnapshots": [{{"identifier": "shop-snapshot", "source": "shop"}}],
            "timings": {{"jitter": 0, "falseAvailableProbability": 0}},
            "lag": {{"tagsSeconds": 20, "renameSeconds": 20, "executionSeconds": 20}}{rest}
        }}"#
    )
}

pub(crate) async fn listed(client: &Client, arn: &str) -> Vec<String> {
    let answer = client.list_tags_for_resource().resource_name(arn).send().await.unwrap();
    answer.tag_list().iter().map(|tag| tag.key().unwrap().to_owned()).collect()
}

fn keys(tags: &[aws_sdk_rds::types::Tag]) -> Vec<String> {
    tags.iter().map(|tag| tag.key().unwrap().to_owned()).collect()
}

pub(crate) const ORDERS: &str = "arn:aws:rds:us-east-1:123456789012:db:orders";

#[tokio::test(start_paused = true)]
async fn tags_show_late_and_count_at_once() {
    let (simulator, client) = simulated(&world(""));
    let add = client.add_tags_to_resource().resource_name(ORDERS).tags(tag("new", "1"));
    add.send().await.unwrap();
    assert_eq!(keys(instance(&client, "orders").await.tag_list()), ["team"]);
    assert_eq!(listed(&client, ORDERS).await, ["team"]);
    assert!(simulator.state().instance("orders").unwrap().tags.contains_key("new"));
    client.describe_db_instances().db_instance_identifier("orders").send().await.unwrap();
    let conditions = &simulator.requests().pop().unwrap().resources["db:orders"].tags;
    assert!(conditions.contains_key("new"), "a policy sees the true tags: {conditions:?}");
    tokio::time::sleep(BOUND).await;
    assert_eq!(listed(&client, ORDERS).await, ["team", "new"]);

    let remove = client.remove_tags_from_resource().resource_name(ORDERS).tag_keys("team");
    remove.send().await.unwrap();
    assert_eq!(keys(instance(&client, "orders").await.tag_list()), ["team", "new"]);
    tokio::time::sleep(BOUND).await;
    assert_eq!(keys(instance(&client, "orders").await.tag_list()), ["new"]);
}

#[tokio::test(start_paused = true)]
async fn a_new_resource_shows_no_tags_at_first() {
    let (_, client) = simulated(&world(""));
    let restore = client.restore_db_instance_from_db_snapshot().db_snapshot_identifier("orders-snapshot");
    let answer = restore.db_instance_identifier("copy").tags(tag("new", "1")).send().await.unwrap();
    assert_eq!(keys(answer.db_instance().unwrap().tag_list()), ["new"], "the answer to a write shows the written tags");
    client
        .create_db_snapshot()
        .db_instance_identifier("orders")
        .db_snapshot_identifier("s")
        .tags(tag("new", "1"))
        .send()
        .await
        .unwrap();
    let snapshot = async || {
        let found = client.describe_db_snapshots().db_snapshot_identifier("s").send().await.unwrap();
        keys(found.db_snapshots()[0].tag_list())
    };
    let restore = client.restore_db_cluster_from_snapshot().snapshot_identifier("shop-snapshot");
    let restore = restore.engine("aurora-postgresql").db_cluster_identifier("other").tags(tag("new", "1"));
    restore.send().await.unwrap();
    assert_eq!(keys(instance(&client, "copy").await.tag_list()), [""; 0]);
    assert_eq!(keys(cluster(&client, "other").await.tag_list()), [""; 0]);
    assert_eq!(snapshot().await, [""; 0]);
    tokio::time::sleep(BOUND).await;
    assert_eq!(keys(instance(&client, "copy").await.tag_list()), ["new"]);
    assert_eq!(keys(cluster(&client, "other").await.tag_list()), ["new"]);
    assert_eq!(snapshot().await, ["new"]);
}

#[tokio::test(start_paused = true)]
async fn tags_never_show_again_once_newer_ones_did() {
    for seed in 0..50 {
        let simulator = simulator_with_seed(&world(""), seed);
        let client = crate::support::rds(&simulator);
        for value in ["1", "2", "3"] {
            client.add_tags_to_resource().resource_name(ORDERS).tags(tag("count", value)).send().await.unwrap();
            tokio::time::sleep(Duration::from_secs(2)).await;
        }
        let mut seen = Vec::new();
        for _ in 0..20 {
            let tags = instance(&client, "orders").await.tag_list().to_vec();
            let count = tags.iter().find(|tag| tag.key() == Some("count"));
            seen.push(count.map_or(0, |tag| tag.value().unwrap().parse().unwrap()));
            tokio::time::sleep(Duration::from_secs(1)).await;
        }
        assert!(seen.is_sorted(), "seed {seed}: {seen:?}");
        assert_eq!(seen.last(), Some(&3), "seed {seed}");
    }
}

/// Waits until a rename has taken place.
pub(crate) async fn until_renamed(simulator: &Simulator, name: &str) {
    while !simulator.state().instance(name).is_some_and(|found| found.answers) {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

#[tokio::test(start_paused = true)]
async fn renamed_instance_shows_its_former_name_for_a_while() {
    let (simulator, client) = simulated(&world(""));
    let id = instance(&client, "orders").await.dbi_resource_id().unwrap().to_owned();
    rename(&client, "orders", "orders-temp").await.unwrap();
    until_renamed(&simulator, "orders-temp").await;

    assert_eq!(status(&client, "orders-temp").await, None);
    let stale = instance(&client, "orders").await;
    assert_eq!((stale.dbi_resource_id(), stale.db_instance_arn()), (Some(id.as_str()), Some(ORDERS)));
    assert_eq!(stale.db_instance_status(), Some("available"));
    assert_eq!(stale.pending_modified_values().unwrap().db_instance_identifier(), Some("orders-temp"));
    assert_eq!(listed(&client, ORDERS).await, ["team"]);
    let by_id = aws_sdk_rds::types::Filter::builder().name("dbi-resource-id").values(&id).build();
    let by_id = async || client.describe_db_instances().filters(by_id.clone()).send().await.unwrap();
    let [found] = by_id().await.db_instances().to_vec().try_into().unwrap();
    assert_eq!(found.db_instance_identifier(), Some("orders"));

    assert_eq!(code(rename(&client, "orders", "orders-old").await), "DBInstanceNotFound", "writes act on what is so");
    let arn = format!("{ORDERS}-temp");
    client.add_tags_to_resource().resource_name(&arn).tags(tag("new", "1")).send().await.unwrap();

    tokio::time::sleep(BOUND).await;
    assert_eq!(status(&client, "orders").await, None);
    assert_eq!(status(&client, "orders-temp").await.as_deref(), Some("renaming"));
    let [found] = by_id().await.db_instances().to_vec().try_into().unwrap();
    assert_eq!(found.db_instance_identifier(), Some("orders-temp"));
    assert_eq!(listed(&client, &arn).await, ["team", "new"]);
}

#[tokio::test(start_paused = true)]
async fn renamed_cluster_and_members_show_their_former_names_for_a_while() {
    let (simulator, client) = simulated(&world(""));
    for (old, new) in [("shop", "shop-temp"), ("ledger", "ledger-temp")] {
        let request = client.modify_db_cluster().db_cluster_identifier(old).new_db_cluster_identifier(new);
        request.apply_immediately(true).send().await.unwrap();
    }
    rename(&client, "shop-1", "shop-1-temp").await.unwrap();
    until_renamed(&simulator, "shop-1-temp").await;
    let members = async |name: &str| {
        let found = cluster(&client, name).await;
        found
            .db_cluster_members()
            .iter()
            .map(|one| one.db_instance_identifier().unwrap().to_owned())
            .collect::<Vec<_>>()
    };
    assert_eq!(members("shop").await, ["shop-1"]);
    assert_eq!(instance(&client, "shop-1").await.db_cluster_identifier(), Some("shop"));
    let ledger = members("ledger").await;
    assert!(ledger.iter().all(|name| !name.contains("temp")), "{ledger:?}");
    assert!(client.describe_db_clusters().db_cluster_identifier("shop-temp").send().await.is_err());
    tokio::time::sleep(BOUND).await;
    assert_eq!(members("shop-temp").await, ["shop-1-temp"]);
    assert_eq!(members("ledger-temp").await[0], "ledger-temp-instance-1");
    assert!(client.describe_db_clusters().db_cluster_identifier("shop").send().await.is_err());
}

#[tokio::test(start_paused = true)]
async fn a_taken_name_shows_what_has_it() {
    let (simulator, client) = simulated(&world(""));
    rename(&client, "orders", "orders-temp").await.unwrap();
    until_renamed(&simulator, "orders-temp").await;
    assert_eq!(status(&client, "orders").await.as_deref(), Some("available"));
    let restore = client.restore_db_instance_from_db_snapshot().db_snapshot_identifier("orders-snapshot");
    restore.db_instance_identifier("orders").send().await.unwrap();
    assert_eq!(status(&client, "orders").await.as_deref(), Some("creating"));
    assert_eq!(status(&client, "orders-temp").await.as_deref(), Some("renaming"));
    let all = client.describe_db_instances().send().await.unwrap();
    let names: Vec<_> = all.db_instances().iter().map(|found| found.db_instance_identifier().unwrap()).collect();
    assert_eq!(names.iter().filter(|name| name.starts_with("orders")).count(), 2, "{names:?}");
}

const EXECUTION: &str = "arn:aws:states:us-east-1:123456789012:execution:machine:run";

pub(crate) fn register(simulator: &Simulator, ago: Duration) {
    simulator.register_execution(Execution {
        arn: EXECUTION.to_owned(),
        state_machine_arn: "arn:aws:states:us-east-1:123456789012:stateMachine:machine".to_owned(),
        status: "RUNNING".to_owned(),
        input: "{}".to_owned(),
        start_date: start_time() + simulator.now() - ago,
        stop_date: None,
        error: None,
        cause: None,
        redriven: None,
    });
}

/// A read of the execution: its status, and whether it has a stop date; or the code of the error.
pub(crate) async fn look(client: &aws_sdk_sfn::Client) -> (String, bool) {
    match client.describe_execution().execution_arn(EXECUTION).send().await {
        Ok(found) => (found.status().as_str().to_owned(), found.stop_date().is_some()),
        Err(error) => (error.code().unwrap_or_default().to_owned(), false),
    }
}

pub(crate) fn stop(simulator: &Simulator) {
    let now = start_time() + simulator.now();
    assert!(simulator.update_execution(EXECUTION, |execution| {
        "ABORTED".clone_into(&mut execution.status);
        execution.stop_date = Some(now);
    }));
}

#[tokio::test(start_paused = true)]
async fn execution_is_unknown_at_first_and_runs_on_after_its_end() {
    let (simulator, _) = simulated(&world(""));
    let client = sfn(&simulator);
    register(&simulator, Duration::ZERO);
    assert_eq!(look(&client).await, ("ExecutionDoesNotExist".to_owned(), false));
    assert!(client.list_executions().send().await.unwrap().executions().is_empty());
    tokio::time::sleep(BOUND).await;
    assert_eq!(look(&client).await, ("RUNNING".to_owned(), false));
    stop(&simulator);
    assert_eq!(look(&client).await, ("RUNNING".to_owned(), false));
    tokio::time::sleep(BOUND).await;
    assert_eq!(look(&client).await, ("ABORTED".to_owned(), true));
    register(&simulator, BOUND);
    assert_eq!(look(&client).await, ("RUNNING".to_owned(), false), "an execution that started long ago is known");
}
