//! Sends an alert to Slack, through every incoming webhook that the deployment names.
//!
//! | module | owns |
//! |---|---|
//! | [`webhook`] | the addresses in a secret, and the form of an address |
//! | [`post`] | one message to one webhook: time-outs, tries, the meaning of an answer |
//!
//! `trapheus-alert` writes the message. A webhook's address is its password. The function reads it from Secrets Manager or
//! Parameter Store for each alert. No log and no error contains it; errors give a webhook's position. A failing webhook
//! does not stop the others, and without a webhook there is nothing to do.

use std::fmt;

use aws_smithy_runtime_api::client::http::SharedHttpConnector;
use futures::future::join_all;
use trapheus_common::clients::Lazy;
use trapheus_common::document::{AlertEvent, SlackOutput};
use trapheus_common::lambda::Invocation;
use trapheus_common::{Error, ErrorKind, Result};

use crate::failure::PostFailure;
use crate::webhook::Webhook;

mod failure;
pub mod post;
pub mod webhook;

/// The place of the webhooks' addresses.
#[derive(Clone, Debug, Default)]
pub struct SlackOptions {
    /// The name of a secret in Secrets Manager.
    secret: Option<String>,
    /// The name of a `SecureString` in Parameter Store.
    parameter: Option<String>,
    region: String,
}

impl SlackOptions {
    /// The options in the form of the parameters `SlackSecret` and `SlackParameter`; an empty text means none.
    pub fn new(secret: &str, parameter: &str, region: &str) -> Self {
        let named = |name: &str| Some(name.trim().to_owned()).filter(|name| !name.is_empty());
        Self { secret: named(secret), parameter: named(parameter), region: region.to_owned() }
    }
}

/// The services that the function calls.
#[derive(Clone)]
pub struct Clients {
    pub secrets: Lazy<aws_sdk_secretsmanager::Client>,
    pub parameters: Lazy<aws_sdk_ssm::Client>,
    pub rds: aws_sdk_rds::Client,
    /// The connector for messages to Slack, which must not follow redirects.
    pub http: Lazy<SharedHttpConnector>,
}

impl fmt::Debug for Clients {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Clients").finish_non_exhaustive()
    }
}

/// Sends one alert. An error means that no webhook accepted the alert, so a retry sends nothing twice.
pub async fn send(
    clients: &Clients,
    options: &SlackOptions,
    event: AlertEvent,
    invocation: Invocation,
) -> Result<SlackOutput> {
    let phase = event.phase;
    if options.secret.is_none() && options.parameter.is_none() {
        tracing::debug!("no webhook is configured");
        return Ok(SlackOutput { phase, delivered: 0, undelivered: Vec::new() });
    }
    let alert = trapheus_alert::compose(&clients.rds, &options.region, invocation.clock.now(), &event);
    let (alert, (webhooks, mut troubles)) = futures::join!(Box::pin(alert), Box::pin(webhooks(clients, options)));
    let message = trapheus_alert::slack::render(&alert).to_string();
    let posts = webhooks.iter().map(|webhook| post::post(&clients.http, webhook, &message));
    let results = join_all(posts).await;
    let delivered = results.iter().filter(|result| result.is_ok()).count();
    troubles.extend(results.into_iter().filter_map(std::result::Result::err));
    for trouble in &troubles {
        tracing::warn!(alert.phase = ?phase, error = %trouble, "a webhook did not take the alert");
    }
    if delivered == 0 {
        return Err(no_webhook_accepted(&alert.about, &troubles));
    }
    tracing::info!(alert.phase = ?phase, alert.webhooks = delivered, "alert sent");
    Ok(SlackOutput { phase, delivered, undelivered: troubles.iter().map(ToString::to_string).collect() })
}

/// The error if no webhook accepted the alert. The state machine retries twice if a webhook may have posted the alert. It
/// retries often if a retry cannot post the alert twice.
fn no_webhook_accepted(about: &str, troubles: &[PostFailure]) -> Error {
    let kinds =
        [ErrorKind::Unanswered, ErrorKind::RateExceeded, ErrorKind::ServiceUnavailable, ErrorKind::EndpointUnreachable];
    let kind = kinds.into_iter().find(|kind| troubles.iter().any(|trouble| trouble.kind == *kind));
    let kind = kind.or_else(|| troubles.first().map(|trouble| trouble.kind)).unwrap_or(ErrorKind::Alert);
    let reasons: Vec<String> = troubles.iter().map(ToString::to_string).collect();
    let reasons =
        if reasons.is_empty() { "there is no webhook in what is configured".to_owned() } else { reasons.join("; ") };
    Error::new(kind, about, "no Slack webhook took the alert").caused_by(reasons)
}

/// All readable webhooks, and the problems of the others.
async fn webhooks(clients: &Clients, options: &SlackOptions) -> (Vec<Webhook>, Vec<PostFailure>) {
    let (secret, parameter) = futures::join!(secret(clients, options), parameter(clients, options));
    let mut found = Vec::new();
    let mut troubles = Vec::new();
    for text in [secret, parameter].into_iter().flatten() {
        match text {
            Ok(text) => webhook::read(&text, &mut found, &mut troubles),
            Err(error) => troubles.push(PostFailure::of(&error)),
        }
    }
    (found, troubles)
}

async fn secret(clients: &Clients, options: &SlackOptions) -> Option<Result<String>> {
    let name = options.secret.as_ref()?;
    let answer = clients.secrets.get_secret_value().secret_id(name).send().await;
    Some(match answer {
        Ok(answer) => Ok(answer.secret_string.unwrap_or_default()),
        Err(error) => Err(Error::from_aws(ErrorKind::Alert, name, format!("the secret {name} cannot be read"), &error)),
    })
}

async fn parameter(clients: &Clients, options: &SlackOptions) -> Option<Result<String>> {
    let name = options.parameter.as_ref()?;
    let answer = clients.parameters.get_parameter().name(name).with_decryption(true).send().await;
    Some(match answer {
        Ok(answer) => Ok(answer.parameter.and_then(|parameter| parameter.value).unwrap_or_default()),
        Err(error) => {
            Err(Error::from_aws(ErrorKind::Alert, name, format!("the parameter {name} cannot be read"), &error))
        }
    })
}
