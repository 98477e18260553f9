//! Lambda function `protect-instance`: see [`trapheus_settings::instance`].

use trapheus_common::{clients, lambda};
use trapheus_settings::instance;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda::StartError> {
    lambda::init_tracing();
    let rds = aws_sdk_rds::Client::new(&clients::config().await);
    lambda::run(async |event, _| instance::protect(&rds, event).await).await
}
