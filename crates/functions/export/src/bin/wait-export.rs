//! Lambda function `wait-export`: see [`trapheus_export::wait`].

use trapheus_common::{clients, lambda, poll::Pace};
use trapheus_export::wait;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda::StartError> {
    lambda::init_tracing();
    let rds = aws_sdk_rds::Client::new(&clients::config().await);
    let pace = Pace::polling_every(lambda::setting("POLL_INTERVAL_SECONDS", Pace::DEFAULT_SECONDS)?);
    lambda::run(async |event, at| wait::wait(&rds, pace, event, at).await).await
}
