//! Lambda function `preflight-instance`: see [`trapheus_preflight::instance`].

use trapheus_common::{clients, lambda};
use trapheus_preflight::instance;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda::StartError> {
    lambda::init_tracing();
    let rds = aws_sdk_rds::Client::new(&clients::config());
    lambda::run(async |event, invocation| instance::preflight(&rds, invocation, event).await).await
}
