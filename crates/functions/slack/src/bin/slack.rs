//! Lambda function `slack`: see [`trapheus_slack`].

use trapheus_common::clients::{self, lazy};
use trapheus_common::lambda;
use trapheus_common::trust::Trust;
use trapheus_slack::{Clients, SlackOptions};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda::StartError> {
    lambda::init_tracing();
    let config = clients::config().await;
    let rds = aws_sdk_rds::Client::new(&config);
    let same = config.clone();
    let clients = Clients {
        secrets: lazy(move || aws_sdk_secretsmanager::Client::new(&same)),
        parameters: lazy(move || aws_sdk_ssm::Client::new(&config)),
        rds,
        http: lazy(|| clients::connector(Trust::System)),
    };
    let text = |name| lambda::setting(name, String::new());
    let options = SlackOptions::new(&text("SLACK_SECRET")?, &text("SLACK_PARAMETER")?, &text("AWS_REGION")?);
    lambda::run(async |event, at| trapheus_slack::send(&clients, &options, event, at).await).await
}
