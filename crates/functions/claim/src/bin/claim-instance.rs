//! Lambda function `claim-instance`: see [`trapheus_claim::instance`].

use trapheus_claim::instance;
use trapheus_common::clients::{self, lazy};
use trapheus_common::lambda;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda::StartError> {
    lambda::init_tracing();
    let config = clients::config().await;
    let rds = aws_sdk_rds::Client::new(&config);
    // Only a claim of another execution makes the function ask Step Functions about that execution.
    let sfn = lazy(move || aws_sdk_sfn::Client::new(&config));
    lambda::run(async |event, at| instance::claim(&rds, &sfn, event, at).await).await
}
