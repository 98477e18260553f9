//! Lambda function `release-instance`: see [`trapheus_claim::instance`].

use trapheus_claim::instance;
use trapheus_common::{clients, lambda};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda::StartError> {
    lambda::init_tracing();
    let rds = aws_sdk_rds::Client::new(&clients::config().await);
    lambda::run(async |event, _| instance::release(&rds, event).await).await
}
