//! Lambda function `release-cluster`: see [`trapheus_claim::cluster`].

use trapheus_claim::cluster;
use trapheus_common::{clients, lambda};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda::StartError> {
    lambda::init_tracing();
    let rds = aws_sdk_rds::Client::new(&clients::config().await);
    lambda::run(async |event, _| cluster::release(&rds, event).await).await
}
