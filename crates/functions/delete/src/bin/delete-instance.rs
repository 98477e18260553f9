//! Lambda function `delete-instance`: see [`trapheus_delete::instance`].

use trapheus_common::{clients, lambda};
use trapheus_delete::instance;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda::StartError> {
    lambda::init_tracing();
    let rds = aws_sdk_rds::Client::new(&clients::config().await);
    lambda::run(async |event, _| instance::delete(&rds, event).await).await
}
