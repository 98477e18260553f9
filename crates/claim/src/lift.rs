//! Removing marks: all that are this execution's, and no other.
//!
//! One resource that cannot be untagged does not keep the others from it: everything is attempted, then the first error
//! is raised.

use aws_sdk_rds::Client;
use aws_sdk_rds::types::Tag;
use trapheus_common::document::{Request, StepOutput, TaskName};
use trapheus_common::{Result, rds, tags};

/// Lifts this execution's marks from one resource after the other.
pub(crate) struct Lift<'a> {
    rds: &'a Client,
    request: &'a Request,
    done: Vec<String>,
    outcome: Result<()>,
}

impl<'a> Lift<'a> {
    pub(crate) fn new(rds: &'a Client, request: &'a Request) -> Self {
        Self { rds, request, done: Vec::new(), outcome: Ok(()) }
    }

    /// What a look found; a look that failed is remembered, and nothing is there.
    pub(crate) fn found<T: Default>(&mut self, look: Result<T>) -> T {
        look.unwrap_or_else(|error| {
            self.remember(Err(error));
            T::default()
        })
    }

    /// Removes our two tags from a resource if this execution put them there.
    pub(crate) async fn from(&mut self, arn: Option<&str>, found: &[Tag]) {
        let Some(arn) = arn.filter(|arn| !self.done.iter().any(|done| done == arn)) else { return };
        if tags::marked_by(found, &self.request.execution) {
            self.done.push(arn.to_owned());
            let outcome = rds::remove_tags(self.rds, arn, &tags::OURS).await;
            self.remember(outcome);
        }
    }

    /// The step's output, or the first error.
    pub(crate) fn output(self) -> Result<StepOutput> {
        self.outcome.map(|()| StepOutput::done(TaskName::Release, &self.request.identifier))
    }

    fn remember(&mut self, outcome: Result<()>) {
        if let Err(error) = outcome {
            tracing::warn!(db.identifier = self.request.identifier.as_str(), error = error.report(), "mark not lifted");
            if self.outcome.is_ok() {
                self.outcome = Err(error);
            }
        }
    }
}
