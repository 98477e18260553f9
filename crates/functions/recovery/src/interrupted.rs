//! The interrupted execution, as Step Functions describes it.

use std::time::Duration;

use aws_sdk_sfn::types::ExecutionStatus;
use serde_json::Value;
use tokio::time::Instant;
use trapheus_common::timestamp::Timestamp;
use trapheus_common::{Error, ErrorKind, Result};

use crate::subject::Event;
use crate::timestamp;

/// The pause between two questions about an execution.
const PAUSE: Duration = Duration::from_secs(10);

/// The end of an execution, as far as a recovery needs it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ending {
    /// The execution has not ended.
    Running,
    /// The execution was redriven after the end in question; another recovery handles its next end.
    RunsAgain,
    /// The execution succeeded, or was refused before any change.
    Untouched,
    /// The execution failed, and has sent its alerts.
    Told,
    /// The execution was stopped or timed out, and has sent no alert.
    Silent,
    /// Step Functions no longer knows the execution.
    Forgotten,
}

#[derive(Clone, Debug)]
pub(crate) struct Interrupted {
    pub(crate) arn: String,
    pub(crate) ending: Ending,
    /// The status in the words of Step Functions.
    pub(crate) status: String,
    pub(crate) started_at: Timestamp,
    pub(crate) stopped_at: Option<Timestamp>,
    pub(crate) input: Value,
    pub(crate) error: Option<String>,
    pub(crate) cause: Option<String>,
}

impl Interrupted {
    /// Step Functions keeps histories for 90 days. A forgotten execution has no known start, so no database can be proven
    /// to be its creation. Its start is therefore now.
    pub(crate) fn forgotten(arn: String, now: Timestamp, input: Value) -> Self {
        Self {
            arn,
            ending: Ending::Forgotten,
            status: "UNKNOWN".to_owned(),
            started_at: now,
            stopped_at: None,
            input,
            error: None,
            cause: None,
        }
    }

    /// The execution for a person who requests the recovery of a database: its alerts are sent again.
    pub(crate) fn asked_for_by_name(mut self) -> Self {
        if self.ending == Ending::Told {
            self.ending = Ending::Forgotten;
        }
        self
    }

    pub(crate) fn is_recovery(&self) -> bool {
        self.input.get("task").and_then(Value::as_str) == Some("recover")
    }
}

/// Asks Step Functions for an execution until its end shows; `None` if Step Functions knows no execution of this ARN.
///
/// An answer may be out of date by minutes. If it stays so, the event that started the recovery counts. An execution that
/// was redriven since runs again.
pub(crate) async fn ended(
    sfn: &aws_sdk_sfn::Client,
    arn: &str,
    event: Option<&Event>,
    patience: Duration,
) -> Result<Option<Interrupted>> {
    let end = Instant::now() + patience;
    loop {
        let is_late = Instant::now() + PAUSE >= end;
        match describe(sfn, arn).await {
            Ok(Some(Described { interrupted, .. })) if interrupted.ending != Ending::Running => {
                return Ok(Some(interrupted));
            }
            // A later answer can only repeat this one.
            Ok(Some(described)) if described.runs_again(event) => return Ok(Some(described.believing(event))),
            Ok(Some(described)) if is_late => return Ok(Some(described.believing(event))),
            Ok(None) if is_late && event.is_none() => return Ok(None),
            Ok(None) if is_late => {
                let message = format!("Step Functions does not know the execution {arn} yet, which has just ended");
                return Err(Error::new(ErrorKind::ServiceUnavailable, arn, message));
            }
            Err(error) if is_late || !error.kind().retryable() => return Err(error),
            _ => tokio::time::sleep(PAUSE).await,
        }
    }
}

/// One answer of Step Functions.
struct Described {
    interrupted: Interrupted,
    /// The time of the last redrive.
    redriven_at: Option<Timestamp>,
}

impl Described {
    /// Whether the execution was redriven after the end in the event.
    fn runs_again(&self, event: Option<&Event>) -> bool {
        let stopped_at = event.and_then(|event| event.stopped_at);
        stopped_at.zip(self.redriven_at).is_some_and(|(stopped_at, redriven_at)| redriven_at > stopped_at)
    }

    fn believing(self, event: Option<&Event>) -> Interrupted {
        let runs_again = self.runs_again(event);
        let Self { interrupted, redriven_at } = self;
        if runs_again {
            return Interrupted { ending: Ending::RunsAgain, ..interrupted };
        }
        let Some(event) = event.filter(|event| redriven_at.is_none() || event.stopped_at > redriven_at) else {
            return interrupted;
        };
        // The execution's error is unknown, and with it whether an alert was sent.
        let status = event.status.as_str().to_owned();
        Interrupted { ending: Ending::Silent, status, stopped_at: event.stopped_at, ..interrupted }
    }
}

async fn describe(sfn: &aws_sdk_sfn::Client, arn: &str) -> Result<Option<Described>> {
    let found = match sfn.describe_execution().execution_arn(arn).send().await {
        Ok(found) => found,
        Err(error)
            if error.as_service_error().is_some_and(|e| e.is_execution_does_not_exist() || e.is_invalid_arn()) =>
        {
            return Ok(None);
        }
        Err(error) => {
            let doing = format!("cannot look up the execution {arn}");
            return Err(Error::from_aws(ErrorKind::Claim, arn, doing, &error));
        }
    };
    let interrupted = Interrupted {
        arn: arn.to_owned(),
        ending: ending(&found.status, found.error.as_deref()),
        status: found.status.as_str().to_owned(),
        started_at: timestamp(&found.start_date).unwrap_or(Timestamp::from_epoch_seconds(0)),
        stopped_at: found.stop_date.as_ref().and_then(timestamp),
        // An input that is not JSON was refused, if the execution could start at all.
        input: found.input.as_deref().and_then(|input| serde_json::from_str(input).ok()).unwrap_or_default(),
        error: found.error,
        cause: found.cause,
    };
    Ok(Some(Described { interrupted, redriven_at: found.redrive_date.as_ref().and_then(timestamp) }))
}

/// Errors that no state can catch in Step Functions, not even with `States.ALL`.
const UNCATCHABLE: [&str; 2] = ["States.Runtime", "States.DataLimitExceeded"];

fn ending(status: &ExecutionStatus, error: Option<&str>) -> Ending {
    let refused = [ErrorKind::InvalidInput, ErrorKind::Preflight].map(ErrorKind::name);
    match status {
        ExecutionStatus::Succeeded => Ending::Untouched,
        ExecutionStatus::Failed if error.is_some_and(|error| refused.contains(&error)) => Ending::Untouched,
        // No `Catch` receives these errors, so no alert has been sent.
        ExecutionStatus::Failed if error.is_some_and(|error| UNCATCHABLE.contains(&error)) => Ending::Silent,
        ExecutionStatus::Failed => Ending::Told,
        ExecutionStatus::Aborted | ExecutionStatus::TimedOut => Ending::Silent,
        _ => Ending::Running,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_counts_until_step_functions_shows_the_end_unless_the_execution_runs_again() {
        let at = Timestamp::from_epoch_seconds;
        let event = |stopped_at| Event { status: ExecutionStatus::Aborted, stopped_at };
        for (event, redriven_at, expected) in [
            (Some(event(Some(at(200)))), None, Ending::Silent),
            (Some(event(None)), None, Ending::Silent),
            (Some(event(Some(at(200)))), Some(at(100)), Ending::Silent),
            (Some(event(Some(at(200)))), Some(at(300)), Ending::RunsAgain),
            // The order within one second is unknown, so it proves nothing.
            (Some(event(Some(at(200)))), Some(at(200)), Ending::Running),
            (Some(event(None)), Some(at(100)), Ending::Running),
            (None, None, Ending::Running),
        ] {
            let running = Interrupted {
                ending: Ending::Running,
                ..Interrupted::forgotten("arn:run".to_owned(), at(50), Value::Null)
            };
            let described = Described { interrupted: running, redriven_at };
            let seen = described.believing(event.as_ref());
            assert_eq!(seen.ending, expected, "{event:?} {redriven_at:?}");
        }
    }

    #[test]
    fn the_end_of_an_execution_shows_whether_alerts_were_sent() {
        for (status, error, expected) in [
            (ExecutionStatus::Running, None, Ending::Running),
            (ExecutionStatus::PendingRedrive, None, Ending::Running),
            (ExecutionStatus::Succeeded, None, Ending::Untouched),
            (ExecutionStatus::Failed, Some("PreflightException"), Ending::Untouched),
            (ExecutionStatus::Failed, Some("DeletionException"), Ending::Told),
            (ExecutionStatus::Failed, Some("States.Runtime"), Ending::Silent),
            (ExecutionStatus::Aborted, None, Ending::Silent),
            (ExecutionStatus::TimedOut, Some("States.Timeout"), Ending::Silent),
        ] {
            assert_eq!(ending(&status, error), expected, "{status} {error:?}");
        }
    }
}
