//! Executions in an AWS account: this module starts an execution, and follows it with the timeline of a rehearsal.
//!
//! It owns the calls to Step Functions, and translates the history into the events that a [`Timeline`] reads. It changes no
//! database itself: the execution that it starts does. An operator may interrupt and resume `follow` at any time, without
//! an effect on the execution.

use std::collections::HashMap;
use std::time::Duration;

use aws_sdk_sfn::Client;
use aws_sdk_sfn::error::{DisplayErrorContext, ProvideErrorMetadata as _};
use aws_sdk_sfn::types::HistoryEvent as RemoteEvent;
use jiff::Timestamp;
use serde_json::Value;
use states_language::{Details, EventType, HistoryEvent, Observer as _};
use trapheus_common::clients;
use trapheus_common::trust::Trust;

use crate::timeline::{Audience, Timeline, said};

/// The pause between two reads of the history of a running execution.
const PAUSE: Duration = Duration::from_secs(3);
/// The pause between two reads while Step Functions throttles.
const LONGER_PAUSE: Duration = Duration::from_secs(15);
/// The state machine's name in SAM's template. The deployed name begins with the stack's name.
const STATE_MACHINE: &str = "DBRestoreStateMachine";

/// A client for Step Functions in the given region, with the given profile.
pub async fn client(region: Option<String>, profile: Option<String>) -> Client {
    let mut loader = clients::loader(Trust::System);
    if let Some(region) = region {
        loader = loader.region(aws_sdk_sfn::config::Region::new(region));
    }
    if let Some(profile) = profile {
        loader = loader.profile_name(profile);
    }
    Client::new(&loader.load().await)
}

/// The ARN of a stack's state machine.
pub async fn state_machine_of(sfn: &Client, stack: &str) -> Result<String, String> {
    let name = format!("{stack}-{STATE_MACHINE}");
    let mut machines = sfn.list_state_machines().into_paginator().items().send();
    while let Some(machine) = machines.next().await {
        let machine = machine.map_err(|error| format!("cannot list the state machines: {}", words(&error)))?;
        if machine.name == name {
            return Ok(machine.state_machine_arn);
        }
    }
    Err(format!("there is no state machine `{name}` in this account and region: is the stack `{stack}` deployed here?"))
}

/// Starts an execution. While an execution runs, a second start with the same input and name returns the same execution.
pub async fn start(sfn: &Client, state_machine: &str, name: &str, input: &Value) -> Result<String, String> {
    let call = sfn.start_execution().state_machine_arn(state_machine).name(name).input(input.to_string());
    match call.send().await {
        Ok(started) => Ok(started.execution_arn),
        Err(error) if error.as_service_error().is_some_and(|e| e.is_execution_already_exists()) => {
            Err(format!("an execution named `{name}` exists already; it was not started again: give another --name"))
        }
        Err(error) => Err(format!("cannot start the execution: {}", words(&error))),
    }
}

/// A name that one event keeps for a minute, so that an accidental second start has no effect.
pub fn name_of(event: &Value, now: Timestamp) -> String {
    let text = |key: &str| event[key].as_str().unwrap_or("run").to_owned();
    let minute = now.strftime("%Y%m%dT%H%MZ");
    let name = match event["execution"].as_str().and_then(|arn| arn.rsplit(':').next()) {
        Some(interrupted) => format!("{}-{interrupted}-{minute}", text("task")),
        None => format!("{}-{}-{minute}", text("identifier"), text("task")),
    };
    // Step Functions allows 80 characters. The minute at the end distinguishes one start from the next.
    let allowed: Vec<char> = name.chars().filter(|c| c.is_ascii_alphanumeric() || "-_".contains(*c)).collect();
    allowed[allowed.len().saturating_sub(80)..].iter().collect()
}

/// How an execution ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ended {
    /// `SUCCEEDED`, `FAILED`, `TIMED_OUT` or `ABORTED`.
    pub status: &'static str,
    pub error: Option<String>,
    /// The error's message, taken out of the function's JSON.
    pub cause: Option<String>,
}

/// Reports every step, past and future, to the audience until the execution has ended.
pub async fn follow(sfn: &Client, execution: &str, audience: &mut dyn Audience) -> Result<Ended, String> {
    let mut timeline = Timeline::new(audience);
    let mut history = History::default();
    // The last page is read again with its own token: Step Functions appends new events to it.
    let mut token: Option<String> = None;
    loop {
        let call = sfn.get_execution_history().execution_arn(execution).include_execution_data(true).max_results(1_000);
        let page = match call.set_next_token(token.clone()).send().await {
            Ok(page) => page,
            Err(error) if is_passing(&error) => {
                tokio::time::sleep(LONGER_PAUSE).await;
                continue;
            }
            Err(error) => return Err(format!("cannot read the history of {execution}: {}", words(&error))),
        };
        for event in &page.events {
            if let Some(ended) = history.read(event, &mut timeline) {
                return Ok(ended);
            }
        }
        match page.next_token {
            Some(next) => token = Some(next),
            None => tokio::time::sleep(PAUSE).await,
        }
    }
}

/// The part of a history read so far. An event names its state only when the execution enters or leaves it.
#[derive(Default)]
struct History {
    last: i64,
    states: HashMap<i64, String>,
    attempts: HashMap<String, u32>,
}

impl History {
    /// Passes an event to the timeline, unless the timeline has it already. Returns the end of the execution if the event
    /// is its last.
    fn read(&mut self, event: &RemoteEvent, timeline: &mut Timeline<'_>) -> Option<Ended> {
        if event.id <= self.last {
            return None;
        }
        self.last = event.id;
        let state =
            named_state(event).map(str::to_owned).or_else(|| self.states.get(&event.previous_event_id).cloned());
        if let Some(state) = &state {
            self.states.insert(event.id, state.clone());
        }
        let kind = EventType::named(event.r#type.as_str())?;
        let retry_count = state.as_ref().and_then(|state| self.retry_count(kind, state));
        let said = Said::of(event);
        timeline.on_event(&HistoryEvent {
            id: event.id.unsigned_abs(),
            previous_id: event.previous_event_id.unsigned_abs(),
            timestamp: Timestamp::new(event.timestamp.secs(), event.timestamp.subsec_nanos().cast_signed())
                .unwrap_or_default(),
            kind,
            state: state.as_deref(),
            details: Details {
                output: said.output.as_ref(),
                error: said.error,
                cause: said.cause,
                retry_count,
                ..Details::default()
            },
        });
        said.end(kind)
    }

    /// Step Functions does not count retries. Every call after the first since the state was entered is a retry.
    fn retry_count(&mut self, kind: EventType, state: &str) -> Option<u32> {
        match kind {
            EventType::TaskStateEntered => {
                self.attempts.remove(state);
                None
            }
            EventType::LambdaFunctionScheduled => {
                let attempts = self.attempts.entry(state.to_owned()).or_default();
                *attempts += 1;
                Some(*attempts - 1)
            }
            _ => None,
        }
    }
}

fn named_state(event: &RemoteEvent) -> Option<&str> {
    let entered = event.state_entered_event_details().map(|details| details.name());
    entered.or_else(|| event.state_exited_event_details().map(|details| details.name()))
}

/// The output, the error and the cause of an event, which each type stores in a different field.
struct Said<'e> {
    output: Option<Value>,
    error: Option<&'e str>,
    cause: Option<&'e str>,
}

impl<'e> Said<'e> {
    fn of(event: &'e RemoteEvent) -> Self {
        let output = event.lambda_function_succeeded_event_details().and_then(|details| details.output());
        let failed = event.lambda_function_failed_event_details().map(|details| (details.error(), details.cause()));
        let timed_out =
            || event.lambda_function_timed_out_event_details().map(|details| (details.error(), details.cause()));
        let ended = || event.execution_failed_event_details().map(|details| (details.error(), details.cause()));
        let aborted = || event.execution_aborted_event_details().map(|details| (details.error(), details.cause()));
        let expired = || event.execution_timed_out_event_details().map(|details| (details.error(), details.cause()));
        let (error, cause) =
            failed.or_else(timed_out).or_else(ended).or_else(aborted).or_else(expired).unwrap_or_default();
        Self { output: output.and_then(|text| serde_json::from_str(text).ok()), error, cause }
    }

    fn end(&self, kind: EventType) -> Option<Ended> {
        let status = match kind {
            EventType::ExecutionSucceeded => "SUCCEEDED",
            EventType::ExecutionFailed => "FAILED",
            EventType::ExecutionTimedOut => "TIMED_OUT",
            EventType::ExecutionAborted => "ABORTED",
            _ => return None,
        };
        Some(Ended { status, error: self.error.map(str::to_owned), cause: self.cause.map(said) })
    }
}

/// Throttled or unanswered: a later call may succeed.
fn is_passing<E>(error: &aws_sdk_sfn::error::SdkError<E>) -> bool
where
    aws_sdk_sfn::error::SdkError<E>: aws_sdk_sfn::error::ProvideErrorMetadata,
{
    let is_throttled = error.code().is_some_and(|code| code.contains("Throttl") || code.contains("TooManyRequests"));
    let is_server_error = error.raw_response().is_some_and(|response| response.status().is_server_error());
    is_throttled || is_server_error
}

fn words(error: &(impl std::error::Error + aws_sdk_sfn::error::ProvideErrorMetadata)) -> String {
    match (error.code(), error.message()) {
        (Some(code), Some(message)) => format!("{code}: {message}"),
        // For a failed connection or missing credentials, only the innermost error states the cause.
        _ => DisplayErrorContext(error).to_string(),
    }
}

#[cfg(test)]
mod tests {
    use aws_sdk_sfn::primitives::DateTime;
    use aws_sdk_sfn::types::{
        ExecutionFailedEventDetails, HistoryEventType, LambdaFunctionFailedEventDetails,
        LambdaFunctionSucceededEventDetails, StateEnteredEventDetails, StateExitedEventDetails,
    };
    use serde_json::json;

    use super::*;
    use crate::timeline::{Step, StepStatus};

    /// A state that is called twice, fails, and ends the execution, with ids as Step Functions gives them.
    fn events() -> Vec<RemoteEvent> {
        let event = |id: i64, kind: &str| {
            RemoteEvent::builder()
                .id(id)
                .previous_event_id(id - 1)
                .timestamp(DateTime::from_secs(1_000 + id))
                .r#type(HistoryEventType::from(kind))
        };
        let entered = |name: &str| StateEnteredEventDetails::builder().name(name).build().expect("a name");
        let exited = StateExitedEventDetails::builder().name("Rename").build().expect("a name");
        let failed = LambdaFunctionFailedEventDetails::builder().error("Lambda.Unknown").cause("gone").build();
        let succeeded = LambdaFunctionSucceededEventDetails::builder()
            .output(json!({"task": "TASK_PENDING", "observed": "orders renaming"}).to_string());
        let ended = ExecutionFailedEventDetails::builder()
            .error("RenameException")
            .cause(json!({"errorMessage": "cannot rename"}).to_string());
        vec![
            event(1, "ExecutionStarted"),
            event(2, "TaskStateEntered").state_entered_event_details(entered("Rename")),
            event(3, "LambdaFunctionScheduled"),
            event(4, "LambdaFunctionStarted"),
            event(5, "LambdaFunctionFailed").lambda_function_failed_event_details(failed),
            event(6, "LambdaFunctionScheduled"),
            event(7, "LambdaFunctionStarted"),
            event(8, "LambdaFunctionSucceeded").lambda_function_succeeded_event_details(succeeded.build()),
            event(9, "TaskStateExited").state_exited_event_details(exited),
            event(10, "FailStateEntered").state_entered_event_details(entered("Failed")),
            event(11, "ExecutionFailed").execution_failed_event_details(ended.build()),
        ]
        .into_iter()
        .map(|event| event.build().expect("an event"))
        .collect()
    }

    fn steps(events: &[RemoteEvent]) -> (Vec<Step>, Option<Ended>) {
        let mut audience = ();
        let mut timeline = Timeline::new(&mut audience);
        let mut history = History::default();
        let ended = events.iter().find_map(|event| history.read(event, &mut timeline));
        (timeline.into_steps(), ended)
    }

    #[test]
    fn a_history_is_read_as_the_timeline_of_a_rehearsal() {
        let (steps, ended) = steps(&events());
        let rename = &steps[0];
        assert_eq!((rename.state.as_str(), rename.status), ("Rename", StepStatus::Pending));
        assert_eq!((rename.retries, rename.started_seconds), (1, 1.0));
        assert_eq!(rename.detail.as_deref(), Some("orders renaming"));
        let ended = ended.expect("it has ended");
        assert_eq!((ended.status, ended.error.as_deref()), ("FAILED", Some("RenameException")));
        assert_eq!(ended.cause.as_deref(), Some("cannot rename"));
    }

    #[test]
    fn events_that_are_read_again_are_not_reported_again() {
        let again: Vec<RemoteEvent> = events().into_iter().take(9).chain(events()).collect();
        assert_eq!(steps(&again).0.len(), steps(&events()).0.len());
    }

    #[test]
    fn the_same_event_has_the_same_name_for_a_minute() {
        let at = |seconds: i64| Timestamp::new(1_767_600_000 + seconds, 0).expect("a time");
        let event = json!({"identifier": "orders", "task": "db_restore", "isCluster": false});
        assert_eq!(name_of(&event, at(0)), "orders-db_restore-20260105T0800Z");
        assert_eq!(name_of(&event, at(59)), name_of(&event, at(0)));
        assert_ne!(name_of(&event, at(60)), name_of(&event, at(0)));
        let recovery = json!({"task": "recover", "execution": "arn:aws:states:x:1:execution:machine:run-1"});
        assert_eq!(name_of(&recovery, at(0)), "recover-run-1-20260105T0800Z");
        let long = json!({"identifier": "x".repeat(100), "task": "db_restore"});
        assert_eq!(name_of(&long, at(0)).len(), 80);
        assert_eq!(name_of(&json!(["a b"]), at(0)), "run-run-20260105T0800Z");
    }
}
