//! Lambda function `commit-instance`: see [`trapheus_commit`].

use aws_sdk_rds::types::DbInstance;
use trapheus_common::document::OriginalInstance;
use trapheus_common::{clients, lambda};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda::StartError> {
    lambda::init_tracing();
    let rds = aws_sdk_rds::Client::new(&clients::config().await);
    lambda::run(async |event, _| trapheus_commit::commit::<DbInstance, OriginalInstance>(&rds, event).await).await
}
