//! Sends an alert to Slack, through every incoming webhook that the deployment names.
//!
//! | module | owns |
//! |---|---|
//! | [`webhook`] | reading addresses out of a secret, and what an address has to look like |
//! | [`post`] | one message to one webhook: time-outs, tries, what an answer means |
//!
//! What the message says is `trapheus-alert`'s. A webhook's address is its password: it is read from Secrets Manager or
//! Parameter Store at each alert, and neither logged nor put into an error; a webhook is known by its position. One that
//! fails stops no other one, and without a webhook there is nothing to do.

use std::fmt;

use aws_smithy_runtime_api::client::http::SharedHttpConnector;
use futures::future::join_all;
use trapheus_common::clients::Lazy;
use trapheus_common::document::{AlertEvent, SlackOutput};
use trapheus_common::lambda::Invocation;
use trapheus_common::{Error, ErrorKind, Result};

use crate::post::Trouble;
use crate::webhook::Webhook;

pub mod post;
pub mod webhook;

/// Where the addresses of the webhooks are kept.
#[derive(Clone, Debug, Default)]
pub struct SlackOptions {
    /// The name of a secret in Secrets Manager.
    secret: Option<String>,
    /// The name of a `SecureString` in Parameter Store.
    parameter: Option<String>,
    region: String,
}

impl SlackOptions {
    /// As in the parameters `SlackSecret` and `SlackParameter`; empty for none.
    pub fn new(secret: &str, parameter: &str, region: &str) -> Self {
        let named = |name: &str| Some(name.trim().to_owned()).filter(|name| !name.is_empty());
        Self { secret: named(secret), parameter: named(parameter), region: region.to_owned() }
    }
}

/// What the function talks to.
#[derive(Clone)]
pub struct Clients {
    pub secrets: Lazy<aws_sdk_secretsmanager::Client>,
    pub parameters: Lazy<aws_sdk_ssm::Client>,
    pub rds: aws_sdk_rds::Client,
    /// How messages get to Slack; it has to follow no redirect.
    pub http: Lazy<SharedHttpConnector>,
}

impl fmt::Debug for Clients {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Clients").finish_non_exhaustive()
    }
}

/// Sends one alert. It is an error only if no webhook took it, so that trying again sends nothing twice.
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
        return Err(nobody(&alert.about, &troubles));
    }
    tracing::info!(alert.phase = ?phase, alert.webhooks = delivered, "alert sent");
    Ok(SlackOutput { phase, delivered, undelivered: troubles.iter().map(ToString::to_string).collect() })
}

/// The error if no webhook took the alert, for the state machine to try again: twice if one of them may have posted it, often
/// if a further try can only help.
fn nobody(about: &str, troubles: &[Trouble]) -> Error {
    let kinds =
        [ErrorKind::Unanswered, ErrorKind::RateExceeded, ErrorKind::ServiceUnavailable, ErrorKind::EndpointUnreachable];
    let kind = kinds.into_iter().find(|kind| troubles.iter().any(|trouble| trouble.kind == *kind));
    let kind = kind.or_else(|| troubles.first().map(|trouble| trouble.kind)).unwrap_or(ErrorKind::Alert);
    let reasons: Vec<String> = troubles.iter().map(ToString::to_string).collect();
    let reasons =
        if reasons.is_empty() { "there is no webhook in what is configured".to_owned() } else { reasons.join("; ") };
    Error::new(kind, about, "no Slack webhook took the alert").caused_by(reasons)
}

/// Every webhook that can be read, and what is wrong with the rest.
async fn webhooks(clients: &Clients, options: &SlackOptions) -> (Vec<Webhook>, Vec<Trouble>) {
    let (secret, parameter) = futures::join!(secret(clients, options), parameter(clients, options));
    let mut found = Vec::new();
    let mut troubles = Vec::new();
    for text in [secret, parameter].into_iter().flatten() {
        match text {
            Ok(text) => webhook::read(&text, &mut found, &mut troubles),
            Err(error) => troubles.push(Trouble::of(&error)),
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
