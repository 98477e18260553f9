//! Lambda function `protect-cluster`: see [`trapheus_settings::cluster`].

use trapheus_common::{clients, lambda};
use trapheus_settings::cluster;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda::StartError> {
    lambda::init_tracing();
    let rds = aws_sdk_rds::Client::new(&clients::config().await);
    lambda::run(async |event, _| cluster::protect(&rds, event).await).await
}
