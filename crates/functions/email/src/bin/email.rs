//! Lambda function `email`: see [`trapheus_email`].

use trapheus_common::clients::{self, lazy};
use trapheus_common::lambda;
use trapheus_email::EmailOptions;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda::StartError> {
    lambda::init_tracing();
    let config = clients::config().await;
    let rds = aws_sdk_rds::Client::new(&config);
    let ses = lazy(move || aws_sdk_sesv2::Client::new(&config));
    let text = |name| lambda::setting(name, String::new());
    let options = EmailOptions::new(&text("SENDER_EMAIL")?, &text("RECIPIENT_EMAIL")?, &text("AWS_REGION")?);
    lambda::run(async |event, at| trapheus_email::send(&ses, &rds, &options, event, at).await).await
}
