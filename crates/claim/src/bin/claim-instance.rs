//! Lambda function `claim-instance`: see [`trapheus_claim::instance`].

use trapheus_claim::instance;
use trapheus_common::{clients, lambda};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda::StartError> {
    lambda::init_tracing();
    let config = clients::config();
    let (rds, sfn) = (aws_sdk_rds::Client::new(&config), aws_sdk_sfn::Client::new(&config));
    lambda::run(async |event, _| instance::claim(&rds, &sfn, event).await).await
}
