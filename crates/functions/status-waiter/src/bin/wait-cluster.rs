//! Lambda function `wait-cluster`: see [`trapheus_status_waiter::cluster`].

use trapheus_common::{clients, lambda, poll::Pace};
use trapheus_status_waiter::cluster;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda::StartError> {
    lambda::init_tracing();
    let rds = aws_sdk_rds::Client::new(&clients::config().await);
    let pace = Pace::polling_every(lambda::setting("POLL_INTERVAL_SECONDS", Pace::DEFAULT_SECONDS)?);
    lambda::run(async |event, invocation| cluster::wait(&rds, pace, event, invocation).await).await
}
