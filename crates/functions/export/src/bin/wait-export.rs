//! Lambda function `wait-export`: see [`trapheus_export::wait`].

use trapheus_common::{clients, lambda, poll::PollPolicy};
use trapheus_export::wait;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda::StartError> {
    lambda::init_tracing();
    let rds = aws_sdk_rds::Client::new(&clients::config().await);
    let policy = PollPolicy::every(lambda::setting("POLL_INTERVAL_SECONDS", PollPolicy::DEFAULT_SECONDS)?);
    lambda::run(async |event, at| wait::wait(&rds, policy, event, at).await).await
}
