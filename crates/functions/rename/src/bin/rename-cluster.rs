//! Lambda function `rename-cluster`: see [`trapheus_rename::cluster`].

use trapheus_common::{clients, lambda};
use trapheus_rename::cluster;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda::StartError> {
    lambda::init_tracing();
    let rds = aws_sdk_rds::Client::new(&clients::config().await);
    lambda::run(async |event, _| cluster::rename(&rds, event).await).await
}
