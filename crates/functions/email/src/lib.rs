//! Sends an alert by mail, as HTML with a text part that says the same.
//!
//! This module calls SES and interprets its failures. `trapheus-alert` writes the mail. The logs contain no mail address
//! and no payload.
//!
//! SES has no token by which it recognises a repeated mail. So the function makes one call, and the SDK does not repeat it.
//! After a refusal, or without a connection, no mail was sent, so the state machine retries for long. A call without an
//! answer may have sent a mail. This call has an error of its own, which the state machine retries twice. At most three
//! copies are better than none.

use std::collections::BTreeSet;
use std::error::Error as _;
use std::fmt;

use aws_sdk_sesv2::config::retry::RetryConfig;
use aws_sdk_sesv2::error::SdkError;
use aws_sdk_sesv2::types::{Body, Content, Destination, EmailContent, Message};
use trapheus_alert::content::Alert;
use trapheus_alert::{html, text};
use trapheus_common::AwsFailure;
use trapheus_common::clients::Lazy;
use trapheus_common::document::{AlertEvent, AlertOutput};
use trapheus_common::lambda::Invocation;
use trapheus_common::{Error, ErrorKind, Result};

/// The most recipients of one message in SES. Source: "Service quotas in Amazon SES", SES developer guide.
const MOST_RECIPIENTS: usize = 50;

/// The sender, the recipients and the region.
#[derive(Clone)]
pub struct EmailOptions {
    sender: String,
    recipients: Vec<String>,
    region: String,
}

/// The addresses are left out: this text may get into a log.
impl fmt::Debug for EmailOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EmailOptions")
            .field("recipients", &self.recipients.len())
            .field("region", &self.region)
            .finish_non_exhaustive()
    }
}

impl EmailOptions {
    /// `recipients` are separated by commas, as in the parameter `RecipientEmail`.
    pub fn new(sender: &str, recipients: &str, region: &str) -> Self {
        let recipients: BTreeSet<&str> =
            recipients.split(',').map(str::trim).filter(|address| !address.is_empty()).collect();
        Self {
            sender: sender.trim().to_owned(),
            recipients: recipients.into_iter().map(str::to_owned).collect(),
            region: region.to_owned(),
        }
    }

    /// The first alert checks this, not the function's start, whose crash would have no error name.
    fn check(&self) -> Result<()> {
        let problem = match self.recipients.len() {
            _ if self.sender.is_empty() => "there is no sender: set the parameter SenderEmail".to_owned(),
            0 => "there is no recipient: set the parameter RecipientEmail".to_owned(),
            1..=MOST_RECIPIENTS => return Ok(()),
            many => format!("RecipientEmail holds {many} addresses; SES takes {MOST_RECIPIENTS} at most"),
        };
        Err(Error::without_identifier(ErrorKind::Alert, problem))
    }
}

/// Sends one alert.
pub async fn send(
    ses: &Lazy<aws_sdk_sesv2::Client>,
    rds: &aws_sdk_rds::Client,
    options: &EmailOptions,
    event: AlertEvent,
    invocation: Invocation,
) -> Result<AlertOutput> {
    options.check()?;
    let alert = trapheus_alert::compose(rds, &options.region, invocation.clock.now(), &event).await;
    let answer = ses
        .send_email()
        .from_email_address(&options.sender)
        .destination(Destination::builder().set_to_addresses(Some(options.recipients.clone())).build())
        .content(EmailContent::builder().simple(message(&alert)?).build())
        .customize()
        .config_override(aws_sdk_sesv2::Config::builder().retry_config(RetryConfig::disabled()))
        .send()
        .await
        .map_err(|error| without_addresses(&failure(&alert.about, &error), &alert.about))?;
    let message_id = answer.message_id.unwrap_or_default();
    tracing::info!(
        alert.phase = ?event.phase,
        alert.recipients = options.recipients.len(),
        alert.message_id = message_id,
        "alert sent"
    );
    Ok(AlertOutput { phase: event.phase, message_id })
}

type Failed = SdkError<aws_sdk_sesv2::operation::send_email::SendEmailError>;

fn failure(about: &str, error: &Failed) -> Error {
    let failure = Error::from_aws(ErrorKind::Alert, about, "SES does not send the alert", error);
    if is_unanswered(error) {
        return Error::new(ErrorKind::Unanswered, about, "SES has not answered, so the alert may have been sent")
            .caused_by(failure.source().map(ToString::to_string).unwrap_or_default());
    }
    failure
}

/// Whether SES may have accepted the mail. Without a connection, SES received nothing. Any other failure on the way may
/// have come after the request was written. For example, hyper reports a connection closed without an answer as an
/// incomplete message, which is no I/O error.
fn is_unanswered(error: &Failed) -> bool {
    match error {
        SdkError::TimeoutError(_) | SdkError::ResponseError(_) => true,
        // A failing service, or a gateway before it, may have accepted the mail first. 503 says that it has not.
        SdkError::ServiceError(answer) => matches!(answer.raw().status().as_u16(), 500 | 502 | 504),
        SdkError::DispatchFailure(failure) => !failure.is_user() && AwsFailure::of(error) != AwsFailure::Unreachable,
        _ => false,
    }
}

/// SES makes a `multipart/alternative` message of the two bodies and encodes the subject and the bodies as UTF-8.
fn message(alert: &Alert) -> Result<Message> {
    let part = |data: String| {
        Content::builder()
            .data(data)
            .charset("UTF-8")
            .build()
            .map_err(|error| Error::internal("the mail lacks a part").caused_by(error))
    };
    Ok(Message::builder()
        .subject(part(alert.subject.clone())?)
        .body(Body::builder().text(part(text::render(alert))?).html(part(html::render(alert))?).build())
        .build())
}

/// The same error without mail addresses. SES often quotes the refused address, and the error gets into the logs and the
/// execution's history.
fn without_addresses(error: &Error, about: &str) -> Error {
    let cause = error.source().map(ToString::to_string).unwrap_or_default();
    let cause: Vec<&str> =
        cause.split_whitespace().map(|word| if word.contains('@') { "(address)" } else { word }).collect();
    Error::new(error.kind(), about, error.to_string()).caused_by(cause.join(" "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn recipients_are_split_at_commas() {
        let options = EmailOptions::new(" a@example.com ", "b@example.com, ,c@example.com,", "eu-west-1");
        assert_eq!(options.sender, "a@example.com");
        assert_eq!(options.recipients, ["b@example.com", "c@example.com"]);
        options.check().unwrap();
        assert!(!format!("{options:?}").contains('@'));
    }

    #[test]
    fn options_that_could_never_send_are_refused() {
        let many: Vec<String> = (0..51).map(|n| format!("r{n}@example.com")).collect();
        for (sender, recipients, reason) in [
            ("", "b@example.com", "SenderEmail"),
            ("a@example.com", " , ", "RecipientEmail"),
            ("a@example.com", many.join(",").as_str(), "50 at most"),
        ] {
            let error = EmailOptions::new(sender, recipients, "eu-west-1").check().unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Alert);
            assert!(error.report().contains(reason), "{}", error.report());
        }
    }

    #[test]
    fn an_address_that_ses_quotes_does_not_reach_the_logs() {
        let error = Error::new(ErrorKind::Alert, "orders", "SES does not send the alert")
            .caused_by("MessageRejected: Email address is not verified: ops@example.com, and <x@y.z>");
        let report = without_addresses(&error, "orders").report();
        assert!(!report.contains('@'), "{report}");
        assert!(report.contains("MessageRejected: Email address is not verified"), "{report}");
    }
}
