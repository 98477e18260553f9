//! Tells people by mail that a run failed: what was asked, which step failed and why, and what exists now.
//!
//! | module | owns |
//! |---|---|
//! | [`run`] | reading a state document of any shape: what was asked, how far the run came, what failed |
//! | [`cause`] | known causes in one plain sentence, and what to do about them |
//! | [`world`] | the look at RDS: which database and snapshot exists now, under which name |
//! | [`verdict`] | whether that is as it should be, and the commands that put it right |
//! | [`content`] | the alert as data: subject, sections, links; everything a person reads is worded here |
//! | [`text`], [`html`] | two renderers of that data, which say the same; another channel adds a third |
//! | [`link`] | addresses in the AWS console, in every partition |
//!
//! Nothing here decides about the run: an alert reads and reports. A look at RDS that fails is reported in the mail and
//! does not stop it. No mail address and no payload is ever logged.

use std::collections::BTreeSet;
use std::error::Error as _;
use std::fmt;

use aws_sdk_sesv2::types::{Body, Content, Destination, EmailContent, Message};
use trapheus_common::document::{AlertEvent, AlertOutput, AlertPhase};
use trapheus_common::{Error, ErrorKind, Result};

use crate::content::Alert;
use crate::run::Run;

pub mod cause;
pub mod content;
#[cfg(test)]
mod fixtures;
pub mod html;
pub mod link;
pub mod plain;
pub mod run;
pub mod text;
pub mod verdict;
pub mod world;

/// The most recipients SES takes in one message.
/// Source: "Service quotas in Amazon SES", SES developer guide.
const MOST_RECIPIENTS: usize = 50;

/// Who writes to whom, and from where.
#[derive(Clone)]
pub struct EmailOptions {
    sender: String,
    recipients: Vec<String>,
    region: String,
}

/// Without addresses: this may end up in a log.
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

    /// Found out at the first alert rather than at the function's start, where it would be a crash without a name.
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

/// Sends one alert. The first one goes out without a look at RDS, so that nothing delays it; the final one looks.
pub async fn send(
    ses: &aws_sdk_sesv2::Client,
    rds: &aws_sdk_rds::Client,
    options: &EmailOptions,
    event: AlertEvent,
) -> Result<AlertOutput> {
    options.check()?;
    let run = Run::read(&event.execution, &event.document);
    let alert = match event.phase {
        AlertPhase::First => Alert::first(&run, &options.region),
        AlertPhase::Export => Alert::export(&run, &options.region),
        AlertPhase::Final => Alert::last(&run, &world::look(rds, &run).await, &options.region),
    };
    let answer = ses
        .send_email()
        .from_email_address(&options.sender)
        .destination(Destination::builder().set_to_addresses(Some(options.recipients.clone())).build())
        .content(EmailContent::builder().simple(message(&alert)?).build())
        .send()
        .await
        .map_err(|error| {
            let name = run.name().unwrap_or("unknown");
            without_addresses(&Error::from_aws(ErrorKind::Alert, name, "SES does not send the alert", &error), name)
        })?;
    let message_id = answer.message_id.unwrap_or_default();
    tracing::info!(
        alert.phase = ?event.phase,
        alert.recipients = options.recipients.len(),
        alert.message_id = message_id,
        "alert sent"
    );
    Ok(AlertOutput { phase: event.phase, message_id })
}

/// SES makes a `multipart/alternative` message of the two bodies and encodes subject and bodies as UTF-8.
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

/// The same error without mail addresses: it goes to the logs and the execution's history, and SES likes to quote the
/// address it refuses.
fn without_addresses(error: &Error, name: &str) -> Error {
    let cause = error.source().map(ToString::to_string).unwrap_or_default();
    let cause: Vec<&str> =
        cause.split_whitespace().map(|word| if word.contains('@') { "(address)" } else { word }).collect();
    Error::new(error.kind(), name, error.to_string()).caused_by(cause.join(" "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn recipients_are_taken_apart_at_commas() {
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
