//! The functions of the deployment, called in this process by the names of their binaries.
//!
//! The called code is the deployed code: [`invoke`] parses the payload and calls the handler as the Lambda runtime does.
//! This module adds Lambda's part: the role, the time limit, and errors as Step Functions sees them.

use std::time::{Duration, SystemTime};

use aws_sdk_rds::types::{DbCluster, DbInstance};
use serde_json::{Value, json};
use tokio::time::Instant;
use trapheus_common::Error;
use trapheus_common::clients::Lazy;
use trapheus_common::document::{OriginalCluster, OriginalInstance};
use trapheus_common::functions::PipelineStep;
use trapheus_common::input::ValidateOptions;
use trapheus_common::lambda::{Invocation, invoke};
use trapheus_common::poll::PollPolicy;
use trapheus_email::EmailOptions;
use trapheus_export::ExportOptions;
use trapheus_preflight::scope::Scope;
use trapheus_slack::SlackOptions;
use {
    trapheus_claim as claim, trapheus_commit as commit, trapheus_delete as delete, trapheus_email as email,
    trapheus_export as export, trapheus_preflight as preflight, trapheus_recovery as recovery,
    trapheus_rename as rename, trapheus_restore as restore, trapheus_settings as settings, trapheus_slack as slack,
    trapheus_snapshot as snapshot, trapheus_status_waiter as status_waiter,
};

use crate::lambda::LambdaError;

/// A function that failed, as Step Functions reports it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    pub error: String,
    pub cause: String,
}

impl Failure {
    /// The cause of a failed Lambda task is the function's error payload as JSON text.
    fn new(error: &str, message: &str) -> Self {
        let cause = json!({"errorType": error, "errorMessage": message}).to_string();
        Self { error: error.to_owned(), cause }
    }

    /// The process ended before the handler ran.
    pub(crate) fn crashed() -> Self {
        Self::new("Runtime.ExitError", "Error: Runtime exited with error: signal: killed")
    }

    /// The process ended before it answered.
    pub(crate) fn ended_without_answer() -> Self {
        let cause = "The cause could not be determined because Lambda did not return an error type. \
                     Returned payload: {\"errorMessage\":\"Process exited before completing request\"}";
        Self { error: "Lambda.Unknown".to_owned(), cause: cause.to_owned() }
    }

    pub(crate) fn timed_out(limit: Duration) -> Self {
        Self::new("Sandbox.Timedout", &format!("Task timed out after {}.00 seconds", limit.as_secs()))
    }
}

/// Lambda itself refused the invocation.
impl From<LambdaError> for Failure {
    fn from(refusal: LambdaError) -> Self {
        Self { error: refusal.name().to_owned(), cause: refusal.cause() }
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self::new(error.kind().name(), &error.report())
    }
}

/// The environment of the functions: clients, and the settings of a deployment.
#[derive(Clone, Debug)]
pub struct Fleet {
    pub rds: aws_sdk_rds::Client,
    pub ses: Lazy<aws_sdk_sesv2::Client>,
    pub sfn: Lazy<aws_sdk_sfn::Client>,
    pub validate: ValidateOptions,
    pub poll_policy: PollPolicy,
    pub email: EmailOptions,
    pub export: ExportOptions,
    pub slack: SlackOptions,
    pub webhooks: trapheus_slack::Clients,
    /// The time of day at the fleet's creation, and the same moment on Tokio's clock.
    pub epoch: (SystemTime, Instant),
}

impl Fleet {
    /// Calls a function with a payload, as Step Functions does.
    pub async fn call(&self, function: &str, payload: Value) -> Result<Value, Failure> {
        let limit = PipelineStep::of_function(function).time_limit;
        let now = self.epoch.0 + self.epoch.1.elapsed();
        let work = rds_simulator::in_role(function, self.dispatch(function, payload, Invocation::new(now, limit)));
        let Ok(answer) = tokio::time::timeout(limit, work).await else {
            return Err(Failure::timed_out(limit));
        };
        answer.map_err(Failure::from)
    }

    async fn dispatch(&self, function: &str, payload: Value, invocation: Invocation) -> Result<Value, Error> {
        let Self { rds, ses, sfn, validate, poll_policy, email, export: exports, slack, webhooks, .. } = self;
        macro_rules! call {
            ($handler:expr) => {
                Box::pin(invoke(&$handler, payload, invocation)).await
            };
        }
        match function {
            "validate-input" => call!(async |event, _| trapheus_common::input::validate(*validate, event)),
            "preflight-instance" => {
                call!(async |event, at| preflight::instance::preflight(rds, &Scope::default(), at, event).await)
            }
            "preflight-cluster" => {
                call!(async |event, at| preflight::cluster::preflight(rds, &Scope::default(), at, event).await)
            }
            "claim-instance" => call!(async |event, at| claim::instance::claim(rds, sfn, event, at).await),
            "claim-cluster" => call!(async |event, at| Box::pin(claim::cluster::claim(rds, sfn, event, at)).await),
            "snapshot-instance" => call!(async |event, _| snapshot::instance::snapshot(rds, event).await),
            "snapshot-cluster" => call!(async |event, _| snapshot::cluster::snapshot(rds, event).await),
            "export-instance" => call!(async |event, at| export::instance::export(rds, exports, event, at).await),
            "export-cluster" => call!(async |event, at| export::cluster::export(rds, exports, event, at).await),
            "rename-instance" => call!(async |event, _| rename::instance::rename(rds, event).await),
            "rename-cluster" => call!(async |event, _| rename::cluster::rename(rds, event).await),
            "restore-instance" => call!(async |event, _| restore::instance::restore(rds, event).await),
            "restore-cluster" => call!(async |event, _| Box::pin(restore::cluster::restore(rds, event)).await),
            "configure-instance" => call!(async |event, _| Box::pin(settings::instance::configure(rds, event)).await),
            "configure-cluster" => call!(async |event, _| Box::pin(settings::cluster::configure(rds, event)).await),
            "verify-instance" => call!(async |event, _| settings::instance::verify(rds, event).await),
            "verify-cluster" => call!(async |event, _| settings::cluster::verify(rds, event).await),
            "commit-instance" => {
                call!(async |event, _| commit::commit::<DbInstance, OriginalInstance>(rds, event).await)
            }
            "commit-cluster" => call!(async |event, _| commit::commit::<DbCluster, OriginalCluster>(rds, event).await),
            "protect-instance" => call!(async |event, _| settings::instance::protect(rds, event).await),
            "protect-cluster" => call!(async |event, _| settings::cluster::protect(rds, event).await),
            "delete-instance" => call!(async |event, _| delete::instance::delete(rds, event).await),
            "delete-cluster" => call!(async |event, _| delete::cluster::delete(rds, event).await),
            "discard-instance" => call!(async |event, at| delete::instance::discard(rds, event, at).await),
            "discard-cluster" => call!(async |event, at| delete::cluster::discard(rds, event, at).await),
            "release-instance" => call!(async |event, _| claim::instance::release(rds, event).await),
            "release-cluster" => call!(async |event, _| Box::pin(claim::cluster::release(rds, event)).await),
            "wait-instance" => {
                call!(async |event, at| status_waiter::instance::wait(rds, *poll_policy, event, at).await)
            }
            "wait-cluster" => call!(async |event, at| status_waiter::cluster::wait(rds, *poll_policy, event, at).await),
            "wait-export" => call!(async |event, at| export::wait::wait(rds, *poll_policy, event, at).await),
            "recover" => call!(async |event, at| recovery::recover(rds, sfn, *validate, event, at).await),
            "email" => call!(async |event, at| email::send(ses, rds, email, event, at).await),
            "slack" => call!(async |event, at| slack::send(webhooks, slack, event, at).await),
            other => Err(Error::internal(format!("there is no function `{other}`"))),
        }
    }
}

#[cfg(test)]
mod tests {
    use trapheus_common::functions;

    #[test]
    fn the_deployed_machine_calls_every_function() {
        let states = crate::rehearsal::deployed().all_states();
        for function in functions::names() {
            let calls = |name: &str| name.rsplit(':').next() == Some(function);
            assert!(states.iter().any(|state| state.function().is_some_and(calls)), "{function}");
        }
    }
}
