//! Worlds and clients for the contract tests.

use std::time::{Duration, SystemTime};

use aws_credential_types::Credentials;
use aws_sdk_rds::config::retry::RetryConfig;
use aws_sdk_rds::config::{BehaviorVersion, Region};
use rds_simulator::{Options, Simulator, World};

/// The start of every test's wall clock.
pub(crate) fn start_time() -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_secs(1_750_000_000)
}

pub(crate) fn simulator_with_seed(world: &str, seed: u64) -> Simulator {
    let world = World::from_json(world).expect("a valid world file");
    Simulator::new(world, Options { seed, start_time: start_time(), speed: 1.0 }).expect("a possible world")
}

/// A simulator and its client, which does not retry.
pub(crate) fn simulated(world: &str) -> (Simulator, aws_sdk_rds::Client) {
    let simulator = simulator_with_seed(world, 1);
    let client = rds(&simulator);
    (simulator, client)
}

pub(crate) fn rds(simulator: &Simulator) -> aws_sdk_rds::Client {
    rds_in(simulator, "us-east-1")
}

/// A client of a region.
pub(crate) fn rds_in(simulator: &Simulator, region: &'static str) -> aws_sdk_rds::Client {
    let config = aws_sdk_rds::Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new(region))
        .credentials_provider(Credentials::new("key", "secret", None, None, "test"))
        .retry_config(RetryConfig::disabled())
        .http_client(simulator.http_client())
        .build();
    aws_sdk_rds::Client::from_conf(config)
}

/// A client of Step Functions that does not retry.
pub(crate) fn sfn(simulator: &Simulator) -> aws_sdk_sfn::Client {
    let config = aws_sdk_sfn::Config::builder()
        .behavior_version(aws_sdk_sfn::config::BehaviorVersion::latest())
        .region(aws_sdk_sfn::config::Region::new("us-east-1"))
        .credentials_provider(Credentials::new("key", "secret", None, None, "test"))
        .retry_config(aws_sdk_sfn::config::retry::RetryConfig::disabled())
        .http_client(simulator.http_client());
    aws_sdk_sfn::Client::from_conf(config.build())
}

/// The status of an instance in `DescribeDBInstances`, or none if it is not found.
pub(crate) async fn status(client: &aws_sdk_rds::Client, identifier: &str) -> Option<String> {
    let answer = client.describe_db_instances().db_instance_identifier(identifier).send().await.ok()?;
    answer.db_instances().first()?.db_instance_status().map(str::to_owned)
}

/// Sleeps until nothing is under way, and calls `look` at the start and after every change.
pub(crate) async fn watch<F: Future>(simulator: &Simulator, mut look: impl FnMut() -> F) -> Vec<F::Output>
where
    F::Output: PartialEq,
{
    let mut seen = vec![look().await];
    while let Some(due) = simulator.next_change() {
        tokio::time::sleep(due.saturating_sub(simulator.now())).await;
        let now = look().await;
        if seen.last() != Some(&now) {
            seen.push(now);
        }
    }
    seen
}

/// The different statuses of an instance's name until nothing is under way.
pub(crate) async fn statuses(
    simulator: &Simulator,
    client: &aws_sdk_rds::Client,
    identifier: &str,
) -> Vec<Option<String>> {
    watch(simulator, || status(client, identifier)).await
}

/// Waits until every operation under way has ended.
pub(crate) async fn settle(simulator: &Simulator) {
    while let Some(due) = simulator.next_change() {
        tokio::time::sleep(due.saturating_sub(simulator.now())).await;
    }
}

/// The wire code of the error, and its message.
pub(crate) fn code<T, E>(result: Result<T, aws_sdk_rds::error::SdkError<E>>) -> String
where
    T: std::fmt::Debug,
    E: aws_sdk_rds::error::ProvideErrorMetadata + std::fmt::Debug,
{
    use aws_sdk_rds::error::ProvideErrorMetadata as _;
    let error = result.expect_err("the request is refused");
    error.code().unwrap_or_default().to_owned()
}

/// An instance as `DescribeDBInstances` shows it.
pub(crate) async fn instance(client: &aws_sdk_rds::Client, identifier: &str) -> aws_sdk_rds::types::DbInstance {
    let answer = client.describe_db_instances().db_instance_identifier(identifier).send().await.expect("it exists");
    answer.db_instances().first().expect("it is listed").clone()
}

/// A cluster as `DescribeDBClusters` shows it.
pub(crate) async fn cluster(client: &aws_sdk_rds::Client, identifier: &str) -> aws_sdk_rds::types::DbCluster {
    let answer = client.describe_db_clusters().db_cluster_identifier(identifier).send().await.expect("it exists");
    answer.db_clusters().first().expect("it is listed").clone()
}

/// The moment so many seconds after the start; before it if negative.
pub(crate) fn moment(seconds: i64) -> aws_sdk_rds::primitives::DateTime {
    aws_sdk_rds::primitives::DateTime::from_secs(1_750_000_000 + seconds)
}

/// A request to rename an instance now.
pub(crate) async fn rename(
    client: &aws_sdk_rds::Client,
    from: &str,
    to: &str,
) -> Result<(), aws_sdk_rds::error::SdkError<aws_sdk_rds::operation::modify_db_instance::ModifyDBInstanceError>> {
    let request = client.modify_db_instance().db_instance_identifier(from).new_db_instance_identifier(to);
    request.apply_immediately(true).send().await.map(|_| ())
}

/// A request to delete an instance without a final snapshot.
pub(crate) async fn delete(
    client: &aws_sdk_rds::Client,
    identifier: &str,
) -> Result<(), aws_sdk_rds::error::SdkError<aws_sdk_rds::operation::delete_db_instance::DeleteDBInstanceError>> {
    client.delete_db_instance().db_instance_identifier(identifier).skip_final_snapshot(true).send().await.map(|_| ())
}

pub(crate) fn tag(key: &str, value: &str) -> aws_sdk_rds::types::Tag {
    aws_sdk_rds::types::Tag::builder().key(key).value(value).build()
}

/// Makes a request from a form, such as `Action=StopDBInstance&DBInstanceIdentifier=orders`. Returns the body of the answer.
pub(crate) async fn post(simulator: &Simulator, form: &str) -> String {
    let request = http::Request::post("/").body(bytes::Bytes::from(form.to_owned())).expect("a request");
    let answer = simulator.handle(request).await.expect("an answer");
    String::from_utf8(answer.into_body().to_vec()).expect("UTF-8")
}
