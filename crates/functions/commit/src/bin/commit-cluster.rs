//! Lambda function `commit-cluster`: see [`trapheus_commit`].

use aws_sdk_rds::types::DbCluster;
use trapheus_common::document::OriginalCluster;
use trapheus_common::{clients, lambda};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda::StartError> {
    lambda::init_tracing();
    let rds = aws_sdk_rds::Client::new(&clients::config().await);
    lambda::run(async |event, _| trapheus_commit::commit::<DbCluster, OriginalCluster>(&rds, event).await).await
}
