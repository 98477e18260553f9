//! One execution from outside: its options, the handler of its tasks, its outcome.
//!
//! Owns the public entry, the machine's time limit, stopping from outside and the conditions for a redrive. [`crate::frame`]
//! runs the states.

use std::cell::Cell;
use std::fmt;
use std::pin::pin;
use std::time::Duration;

use futures::channel::oneshot;
use futures::future::{self, LocalBoxFuture};
use jiff::{SignedDuration, Timestamp};
use serde_json::Value;

use crate::bookmark::{Bookmark, Places, Progress};
use crate::expression::{Dice, ExecutionContext};
use crate::failure::{Failure, TIMEOUT};
use crate::frame::{Frame, Run};
use crate::history::{Details, EventType, Observer};
use crate::journal::{Clock, Journal as _, Log, MAXIMUM_EVENTS};
use crate::machine::StateMachine;
use crate::nested::Family;

/// Runs the tasks of executions: the Lambda functions and the state machines behind the ARNs.
///
/// An execution stays on its thread, so neither the handler nor its futures have to be `Send`.
pub trait TaskHandler {
    /// Calls a function once. The interpreter does the retries.
    fn invoke<'a>(&'a self, task: TaskRequest<'a>) -> LocalBoxFuture<'a, Result<Value, TaskFailure>>;

    /// The state machine with this ARN, for a task that starts an execution. By default there is none.
    fn state_machine(&self, _arn: &str) -> Option<StateMachine> {
        None
    }

    /// The observer of an execution that a task has started, by the execution's ARN. Such an execution has its own history.
    fn observe<'a>(&'a self, _execution: &str) -> Option<Box<dyn Observer + 'a>> {
        None
    }
}

impl<F> TaskHandler for F
where
    F: for<'a> Fn(TaskRequest<'a>) -> LocalBoxFuture<'a, Result<Value, TaskFailure>>,
{
    fn invoke<'a>(&'a self, task: TaskRequest<'a>) -> LocalBoxFuture<'a, Result<Value, TaskFailure>> {
        self(task)
    }
}

/// One call of a function.
#[derive(Debug)]
pub struct TaskRequest<'a> {
    /// The function: its ARN, or the `FunctionName` of `lambda:invoke`.
    pub function: &'a str,
    pub payload: Value,
    /// The name of the Task state.
    pub state: &'a str,
    /// The number of earlier retries of the state.
    pub retry_count: u32,
    /// The ARN of the calling execution.
    pub execution: &'a str,
}

/// The failure of a function, as Step Functions sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TaskFailure {
    /// The name of the error, which `Retry` and `Catch` match.
    pub error: String,
    pub cause: String,
}

/// The options of an execution.
#[derive(Clone, Debug, PartialEq)]
pub struct ExecutionOptions {
    pub input: Value,
    pub execution_arn: String,
    pub execution_name: String,
    pub state_machine_arn: String,
    pub state_machine_name: String,
    pub role_arn: String,
    /// The wall-clock time of the present moment on Tokio's clock.
    pub start_time: Timestamp,
    /// Decides jitter, `States.UUID` and `States.MathRandom`.
    pub seed: u64,
}

impl ExecutionOptions {
    /// An execution with this input. Its machine is in the account `000000000000`, and its start is at the beginning of
    /// 2025.
    pub fn new(input: Value) -> Self {
        Self {
            input,
            execution_arn: "arn:aws:states:us-east-1:000000000000:execution:StateMachine:Execution".to_owned(),
            execution_name: "Execution".to_owned(),
            state_machine_arn: "arn:aws:states:us-east-1:000000000000:stateMachine:StateMachine".to_owned(),
            state_machine_name: "StateMachine".to_owned(),
            role_arn: "arn:aws:iam::000000000000:role/StateMachine".to_owned(),
            start_time: Timestamp::constant(1_735_689_600, 0),
            seed: 0,
        }
    }
}

/// The final status of an execution.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Status {
    Succeeded,
    Failed,
    TimedOut,
    Aborted,
}

impl Status {
    /// AWS's name of the status.
    pub fn name(self) -> &'static str {
        match self {
            Self::Succeeded => "SUCCEEDED",
            Self::Failed => "FAILED",
            Self::TimedOut => "TIMED_OUT",
            Self::Aborted => "ABORTED",
        }
    }
}

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// The end of an execution.
#[derive(Clone, Debug, PartialEq)]
pub struct Outcome {
    pub status: Status,
    /// Present if the execution succeeded.
    pub output: Option<Value>,
    pub error: Option<String>,
    pub cause: Option<String>,
    pub started: Timestamp,
    pub ended: Timestamp,
    /// The number of events in the history.
    pub event_count: u64,
    /// States entered, retries and redrives: the number that AWS charges for. Like the count of events, it includes the runs
    /// before a redrive.
    pub state_transitions: u64,
    /// The position of the execution, if it [keeps a bookmark](Execution::keeping_bookmark) and did not succeed.
    pub bookmark: Option<Bookmark>,
}

/// The reason why an execution cannot be redriven: AWS's error `ExecutionNotRedrivable`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NotRedrivable {
    Succeeded,
    /// The execution ended more than 14 days ago.
    TooLate,
    /// The history is full.
    HistoryFull,
    /// The execution kept no bookmark.
    NoBookmark,
    /// The execution stopped within a Map whose items are child executions, which is not modelled.
    DistributedMap,
}

impl fmt::Display for NotRedrivable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ExecutionNotRedrivable: ")?;
        f.write_str(match self {
            Self::Succeeded => "Execution is SUCCEEDED and cannot be redriven",
            Self::TooLate => "Execution redrivable period exceeded",
            Self::HistoryFull => "Execution history event limit exceeded",
            Self::NoBookmark => "Execution kept no bookmark",
            Self::DistributedMap => "Execution stands in a distributed Map",
        })
    }
}

impl std::error::Error for NotRedrivable {}

/// The time after its end in which an execution can be redriven.
/// <https://docs.aws.amazon.com/step-functions/latest/dg/redrive-executions.html>
const REDRIVABLE: SignedDuration = SignedDuration::from_hours(14 * 24);

/// One execution, ready to run.
pub struct Execution<'e> {
    machine: &'e StateMachine,
    handler: &'e dyn TaskHandler,
    options: ExecutionOptions,
    observer: Option<&'e mut dyn Observer>,
    stop: Option<oneshot::Receiver<Stop>>,
    begin: Begin,
}

/// The starting point of an execution: its places and its counters.
struct Begin {
    keeps_bookmark: bool,
    redrive_count: u32,
    redrive_time: Option<Timestamp>,
    seed: u64,
    events: u64,
    transitions: u64,
    places: Vec<Progress>,
}

pub(crate) struct Stop {
    error: Option<String>,
    cause: Option<String>,
}

/// Stops a running execution, as the API's `StopExecution` does.
#[derive(Debug)]
pub struct StopHandle(oneshot::Sender<Stop>);

impl StopHandle {
    /// Ends the execution as `ABORTED` with this error and cause, unless it has ended already.
    pub fn stop(self, error: Option<String>, cause: Option<String>) {
        // An execution that has ended no longer listens.
        let _ = self.0.send(Stop { error, cause });
    }
}

/// AWS ends an execution that is older than a year.
/// <https://docs.aws.amazon.com/step-functions/latest/dg/service-quotas.html>
const MAXIMUM_AGE: Duration = Duration::from_secs(365 * 86_400);

pub(crate) enum End {
    Flow(Result<Value, Failure>),
    Stopped(Stop),
    TimedOut,
}

/// The end of an execution, as its history and its description show it.
pub(crate) struct Conclusion {
    pub(crate) status: Status,
    pub(crate) kind: EventType,
    pub(crate) output: Option<Value>,
    pub(crate) error: Option<String>,
    pub(crate) cause: Option<String>,
}

impl End {
    pub(crate) fn conclude(self) -> Conclusion {
        let (status, kind, output, error, cause) = match self {
            Self::Flow(Ok(output)) => (Status::Succeeded, EventType::ExecutionSucceeded, Some(output), None, None),
            Self::Flow(Err(failure)) => {
                let error = failure.error.map(Into::into);
                (Status::Failed, EventType::ExecutionFailed, None, error, failure.cause)
            }
            Self::Stopped(Stop { error, cause }) => (Status::Aborted, EventType::ExecutionAborted, None, error, cause),
            Self::TimedOut => (Status::TimedOut, EventType::ExecutionTimedOut, None, Some(TIMEOUT.to_owned()), None),
        };
        Conclusion { status, kind, output, error, cause }
    }
}

impl Conclusion {
    pub(crate) fn details(&self) -> Details<'_> {
        let Self { output, error, cause, .. } = self;
        Details { output: output.as_ref(), error: error.as_deref(), cause: cause.as_deref(), ..Details::default() }
    }
}

impl<'e> Execution<'e> {
    pub fn new(machine: &'e StateMachine, handler: &'e dyn TaskHandler, options: ExecutionOptions) -> Self {
        let begin = Begin {
            keeps_bookmark: false,
            redrive_count: 0,
            redrive_time: None,
            seed: options.seed,
            events: 0,
            transitions: 0,
            places: vec![Progress::Untouched],
        };
        Self { machine, handler, options, observer: None, stop: None, begin }
    }

    /// Continues an execution that did not succeed, at the time `at`. It continues in its last state, with the input and the
    /// variables of that moment. Within a Parallel or a Map, only the flows that did not succeed run again. The execution
    /// keeps its name, its start and its history. Retries and the machine's time limit count anew.
    pub fn redrive(
        machine: &'e StateMachine,
        handler: &'e dyn TaskHandler,
        outcome: &Outcome,
        at: Timestamp,
    ) -> Result<Self, NotRedrivable> {
        if outcome.status == Status::Succeeded {
            return Err(NotRedrivable::Succeeded);
        }
        if at.duration_since(outcome.ended) > REDRIVABLE {
            return Err(NotRedrivable::TooLate);
        }
        if outcome.event_count + 1 >= MAXIMUM_EVENTS {
            return Err(NotRedrivable::HistoryFull);
        }
        let bookmark = outcome.bookmark.clone().ok_or(NotRedrivable::NoBookmark)?;
        if bookmark.is_in_distributed_map(machine.flow()) {
            return Err(NotRedrivable::DistributedMap);
        }
        let Bookmark { options, redrive_count, seed, places } = bookmark;
        let begin = Begin {
            keeps_bookmark: true,
            redrive_count: redrive_count + 1,
            redrive_time: Some(at),
            seed,
            events: outcome.event_count,
            transitions: outcome.state_transitions,
            places,
        };
        Ok(Self { machine, handler, options, observer: None, stop: None, begin })
    }

    /// Keeps a bookmark, so that the execution can be redriven. The cost is a copy of every state's input.
    #[must_use]
    pub fn keeping_bookmark(mut self) -> Self {
        self.begin.keeps_bookmark = true;
        self
    }

    /// Sends every event to `observer` as it happens.
    #[must_use]
    pub fn observed_by(mut self, observer: &'e mut dyn Observer) -> Self {
        self.observer = Some(observer);
        self
    }

    /// A handle that stops this execution from outside. Only the latest handle works.
    pub fn stop_handle(&mut self) -> StopHandle {
        let (sender, receiver) = oneshot::channel();
        self.stop = Some(receiver);
        StopHandle(sender)
    }

    /// Runs to the end, on Tokio's clock. The runtime needs its timer enabled. Executions that no task waits for also end
    /// before the call returns.
    pub async fn run(self) -> Outcome {
        let Self { machine, handler, options, observer, stop, begin } = self;
        let clock = Clock::starting_at(begin.redrive_time.unwrap_or(options.start_time));
        let log = Log::going_on(clock, observer, begin.events, begin.transitions);
        let redrive_count = begin.redrive_count;
        let context = ExecutionContext {
            id: options.execution_arn.clone(),
            name: options.execution_name.clone(),
            input: options.input.clone(),
            role_arn: options.role_arn.clone(),
            start_time: options.start_time,
            redrive_count,
            redrive_time: begin.redrive_time,
            machine_id: options.state_machine_arn.clone(),
            machine_name: options.state_machine_name.clone(),
        };
        if redrive_count == 0 {
            let started = Details { input: Some(&context.input), ..Details::default() };
            log.milestone(EventType::ExecutionStarted, started);
        } else {
            log.redriven(Details { redrive_count: Some(redrive_count), ..Details::default() });
        }

        let family = Family::default();
        let places = if begin.keeps_bookmark { Places::kept(begin.places) } else { Places::unknown() };
        let run = Run {
            handler,
            context: &context,
            dice: Dice::new(begin.seed),
            clock,
            journal: &log,
            stored: Cell::new(0),
            family: &family,
            nesting: 0,
            places: &places,
        };
        let ended = async {
            let mut flow = pin!(Frame::outermost(&run, machine.flow()).run(context.input.clone()));
            let end = race(flow.as_mut(), stop, machine.timeout_seconds()).await;
            // Closed before the running flows are dropped, so that they record nothing.
            log.close();
            let conclusion = end.conclude();
            log.milestone(conclusion.kind, conclusion.details());
            (conclusion, clock.now())
        };
        let (Conclusion { status, output, error, cause, .. }, ended) = family.beside(ended, handler, clock).await;
        let started = options.start_time;
        let seed = run.dice.seed();
        let places = places.take().filter(|_| status != Status::Succeeded);
        let bookmark = places.map(|places| Bookmark { options, redrive_count, seed, places });
        Outcome {
            status,
            output,
            error,
            cause,
            started,
            ended,
            event_count: log.event_count(),
            state_transitions: log.transitions(),
            bookmark,
        }
    }
}

/// Runs the flow until it ends, is stopped or exceeds the time limit.
pub(crate) async fn race(
    flow: impl Future<Output = Result<(Value, u64), Failure>>,
    stop: Option<oneshot::Receiver<Stop>>,
    timeout_seconds: Option<u64>,
) -> End {
    let stopped = async {
        match stop {
            Some(stop) => match stop.await {
                Ok(stop) => stop,
                // The handle was dropped unused.
                Err(oneshot::Canceled) => future::pending().await,
            },
            None => future::pending().await,
        }
    };
    let age = timeout_seconds.map_or(MAXIMUM_AGE, |seconds| Duration::from_secs(seconds).min(MAXIMUM_AGE));
    let timed_out = tokio::time::sleep(age);
    tokio::select! {
        biased;
        stop = stopped => End::Stopped(stop),
        end = flow => End::Flow(end.map(|(output, _)| output)),
        () = timed_out => End::TimedOut,
    }
}
