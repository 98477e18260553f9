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

/// A simulator and a client of it that does not retry.
pub(crate) fn simulated(world: &str) -> (Simulator, aws_sdk_rds::Client) {
    let simulator = simulator_with_seed(world, 1);
    let client = rds(&simulator);
    (simulator, client)
}

pub(crate) fn rds(simulator: &Simulator) -> aws_sdk_rds::Client {
    let config = aws_sdk_rds::Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new("us-east-1"))
        .credentials_provider(Credentials::new("key", "secret", None, None, "test"))
        .retry_config(RetryConfig::disabled())
        .http_client(simulator.http_client())
        .build();
    aws_sdk_rds::Client::from_conf(config)
}

/// The status of an instance as described, none when it is not found.
pub(crate) async fn status(client: &aws_sdk_rds::Client, identifier: &str) -> Option<String> {
    let answer = client.describe_db_instances().db_instance_identifier(identifier).send().await.ok()?;
    answer.db_instances().first()?.db_instance_status().map(str::to_owned)
}

/// Sleeps until nothing is under way, calling `look` at the start and after every change.
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

/// The different statuses an instance's name goes through until nothing is under way.
pub(crate) async fn statuses(
    simulator: &Simulator,
    client: &aws_sdk_rds::Client,
    identifier: &str,
) -> Vec<Option<String>> {
    watch(simulator, || status(client, identifier)).await
}
