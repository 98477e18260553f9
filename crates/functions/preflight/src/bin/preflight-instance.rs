//! Lambda function `preflight-instance`: see [`trapheus_preflight::instance`].

use trapheus_common::{clients, lambda};
use trapheus_preflight::instance;
use trapheus_preflight::scope::Scope;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda::StartError> {
    lambda::init_tracing();
    let scope = Scope::from_environment()?;
    let rds = aws_sdk_rds::Client::new(&clients::config().await);
    lambda::run(async |event, invocation| instance::preflight(&rds, &scope, invocation, event).await).await
}
