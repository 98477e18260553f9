//! Lambda function `wait-cluster`: see [`trapheus_status_waiter::cluster`].

use trapheus_common::{clients, lambda, poll::PollPolicy};
use trapheus_status_waiter::cluster;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda::StartError> {
    lambda::init_tracing();
    let rds = aws_sdk_rds::Client::new(&clients::config().await);
    let policy = PollPolicy::every(lambda::setting("POLL_INTERVAL_SECONDS", PollPolicy::DEFAULT_SECONDS)?);
    lambda::run(async |event, invocation| cluster::wait(&rds, policy, event, invocation).await).await
}
