//! Lambda function `preflight-cluster`: see [`trapheus_preflight::cluster`].

use trapheus_common::{clients, lambda};
use trapheus_preflight::cluster;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda::StartError> {
    lambda::init_tracing();
    let rds = aws_sdk_rds::Client::new(&clients::config());
    lambda::run(async |event, invocation| cluster::preflight(&rds, invocation, event).await).await
}
