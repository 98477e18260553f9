//! Lambda function `wait-instance`: see [`trapheus_status_waiter::instance`].

use trapheus_common::{clients, lambda, poll::Pace};
use trapheus_status_waiter::instance;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda::StartError> {
    lambda::init_tracing();
    let rds = aws_sdk_rds::Client::new(&clients::config().await);
    let pace = Pace::polling_every(lambda::setting("POLL_INTERVAL_SECONDS", Pace::DEFAULT_SECONDS)?);
    lambda::run(async |event, invocation| instance::wait(&rds, pace, event, invocation).await).await
}
