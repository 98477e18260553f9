//! Lambda function `recover`: see [`trapheus_recovery::recover`].

use trapheus_common::clients::{self, lazy};
use trapheus_common::input::ValidateOptions;
use trapheus_common::lambda;
use trapheus_recovery::recover;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda::StartError> {
    lambda::init_tracing();
    let options = ValidateOptions::from_environment()?;
    let config = clients::config().await;
    let rds = aws_sdk_rds::Client::new(&config);
    let sfn = lazy(move || aws_sdk_sfn::Client::new(&config));
    lambda::run(async |event, at| recover(&rds, &sfn, options, event, at).await).await
}
