//! Lambda function `snapshot-cluster`: see [`trapheus_snapshot::cluster`].

use trapheus_common::{clients, lambda};
use trapheus_snapshot::cluster;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda::StartError> {
    lambda::init_tracing();
    let rds = aws_sdk_rds::Client::new(&clients::config().await);
    lambda::run(async |event, _| cluster::snapshot(&rds, event).await).await
}
