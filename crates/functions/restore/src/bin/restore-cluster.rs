//! Lambda function `restore-cluster`: see [`trapheus_restore::cluster`].

use trapheus_common::{clients, lambda};
use trapheus_restore::cluster;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda::StartError> {
    lambda::init_tracing();
    let rds = aws_sdk_rds::Client::new(&clients::config().await);
    lambda::run(async |event, _| Box::pin(cluster::restore(&rds, event)).await).await
}
