//! Reads of an account, and the report of what they could not read.
//!
//! Only `Describe…` and `ListTagsForResource` are called. A look that RDS denies or does not know is reported and left out.
//! Missing credentials, a broken connection and lasting throttling end the capture, since the rest would fail too.

use std::collections::BTreeSet;
use std::fmt;

use aws_sdk_rds::Client;
use aws_sdk_rds::config::http::HttpResponse;
use aws_sdk_rds::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_rds::types::Tag;
use trapheus_common::AwsFailure;
use trapheus_common::error::with_causes;

use super::credentials;
use super::wire::Wire;

/// A fact of the account that the world does not hold.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Finding {
    /// The database or other resource, such as `` `orders` ``.
    pub subject: String,
    /// The field as RDS names it, or the action that could not be called.
    pub field: String,
    pub problem: String,
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { subject, field, problem } = self;
        write!(f, "{subject}: {field}: {problem}")
    }
}

/// The subject of findings about no single database.
pub(super) const ACCOUNT: &str = "the account";

/// An account in a region, as far as the permissions show it.
pub(super) struct Account {
    pub(super) rds: Client,
    pub(super) wire: Wire,
    profile: Option<String>,
    findings: BTreeSet<Finding>,
}

impl Account {
    /// The account behind a client, whose answers are noted element by element.
    pub(super) fn new(rds: &Client, profile: Option<&str>) -> Self {
        let wire = Wire::default();
        let rds = Client::from_conf(rds.config().to_builder().interceptor(wire.clone()).build());
        Self { rds, wire, profile: profile.map(str::to_owned), findings: BTreeSet::new() }
    }

    pub(super) fn report(&mut self, subject: impl Into<String>, field: impl Into<String>, problem: impl Into<String>) {
        self.findings.insert(Finding { subject: subject.into(), field: field.into(), problem: problem.into() });
    }

    pub(super) fn findings(&self) -> Vec<Finding> {
        self.findings.iter().cloned().collect()
    }

    /// The answer of a look; `None` if it is denied or refused.
    pub(super) fn answer<T, E>(
        &mut self,
        subject: &str,
        action: &str,
        answer: Result<T, SdkError<E, HttpResponse>>,
    ) -> Result<Option<T>, String>
    where
        E: ProvideErrorMetadata + std::error::Error + 'static,
    {
        match answer {
            Ok(answer) => Ok(Some(answer)),
            Err(error) => {
                let code = self.left_out(action, &error)?;
                // A region without the feature has nothing to show.
                if code != "InvalidAction" {
                    self.report(subject, action, format!("{code}: left out"));
                }
                Ok(None)
            }
        }
    }

    /// The code of a failed look that the capture can do without, or the reason why it ends.
    pub(super) fn left_out<E>(&self, action: &str, error: &SdkError<E, HttpResponse>) -> Result<String, String>
    where
        E: ProvideErrorMetadata + std::error::Error + 'static,
    {
        if let Some(sentence) = credentials::problem(error, self.profile.as_deref()) {
            return Err(sentence);
        }
        let answer = error
            .as_service_error()
            .filter(|_| matches!(AwsFailure::of(error), AwsFailure::Denied | AwsFailure::Answered));
        match answer.and_then(ProvideErrorMetadata::code) {
            Some(code) => Ok(code.to_owned()),
            None => Err(format!("cannot call {action}: {}", words(error))),
        }
    }

    /// The tags of a resource. Every answer of today's RDS has them; the list is for answers without.
    pub(super) async fn tags(
        &mut self,
        subject: &str,
        arn: Option<&str>,
        shown: Option<Vec<Tag>>,
    ) -> Result<Option<Vec<Tag>>, String> {
        let (None, Some(arn)) = (&shown, arn.filter(|arn| arn.starts_with("arn:"))) else { return Ok(shown) };
        let answer = self.rds.list_tags_for_resource().resource_name(arn).send().await;
        let answer = self.answer(subject, "ListTagsForResource", answer)?;
        Ok(answer.and_then(|answer| answer.tag_list))
    }
}

/// The service's code and message, or the chain of causes of a call without an answer.
fn words<E>(error: &SdkError<E, HttpResponse>) -> String
where
    E: ProvideErrorMetadata + std::error::Error + 'static,
{
    match error.as_service_error().map(|answer| (answer.code(), answer.message())) {
        Some((Some(code), Some(message))) => format!("{code}: {message}"),
        Some((Some(code), None)) => code.to_owned(),
        _ => with_causes(error),
    }
}
