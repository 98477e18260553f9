//! Executions that a task starts: `states:startExecution`, and `states:startExecution.sync:2`, which waits for the end.
//!
//! Owns the name, the run and the description of such a child. It has its own history, variables and limits. The handler
//! supplies its state machine ([`TaskHandler::state_machine`](crate::TaskHandler::state_machine)). A child with a waiting
//! task runs in that task, and is stopped with it. Any other child continues beside the execution that started it, and may
//! outlive it.

use std::cell::{Cell, RefCell};
use std::collections::HashSet;
use std::pin::pin;
use std::task::Poll;

use futures::future::{self, LocalBoxFuture};
use futures::stream::FuturesUnordered;
use futures::{FutureExt as _, StreamExt as _};
use serde_json::{Map, Value, json};

use crate::bookmark::Places;
use crate::execution::{Conclusion, Status, TaskFailure, TaskHandler, race};
use crate::expression::{Dice, ExecutionContext};
use crate::failure::{Failure, TASK_FAILED};
use crate::frame::{Frame, Run, Visit};
use crate::history::{Details, EventType};
use crate::journal::{Clock, Journal as _, Log};
use crate::machine::StateMachine;

/// The number of executions that may wait for one another. Each needs stack space. AWS has no such limit.
const MAXIMUM_NESTING: usize = 16;
/// The number of executions that one execution may start, directly or through others. This bounds machines that start
/// themselves.
const MAXIMUM_STARTED: usize = 10_000;
const MAXIMUM_NAME: usize = 80;

/// The state that an execution shares with its descendants: the names in use, and the executions that no task waits for.
#[derive(Default)]
pub(crate) struct Family {
    names: RefCell<HashSet<String>>,
    waiting: RefCell<Vec<Child>>,
}

impl Family {
    /// Runs the first execution, and beside it the executions that no task waits for, until all have ended.
    pub(crate) async fn beside<T>(&self, first: impl Future<Output = T>, handler: &dyn TaskHandler, clock: Clock) -> T {
        let mut first = pin!(future::maybe_done(first));
        let mut others = FuturesUnordered::new();
        future::poll_fn(|cx| {
            let has_ended = first.as_mut().poll(cx).is_ready();
            loop {
                others.extend(self.waiting.take().into_iter().map(|child| child.run(handler, clock, self)));
                match others.poll_next_unpin(cx) {
                    // The ended execution may have started others, so the loop checks again.
                    Poll::Ready(Some(_)) => {}
                    Poll::Ready(None) if has_ended => return Poll::Ready(()),
                    _ if self.waiting.borrow().is_empty() => return Poll::Pending,
                    _ => {}
                }
            }
        })
        .await;
        first.as_mut().take_output().expect("it has been polled until it ended")
    }
}

/// An execution that a task has started.
pub(crate) struct Child {
    machine: StateMachine,
    context: ExecutionContext,
    seed: u64,
    /// The number of executions that wait for this one.
    pub(crate) nesting: usize,
}

/// The end of a child.
pub(crate) struct Ended {
    context: ExecutionContext,
    conclusion: Conclusion,
    stopped: i64,
}

impl Run<'_> {
    /// Starts an execution with the parameters of a task, or fails as `StartExecution` does.
    pub(crate) fn start(&self, visit: &Visit<'_>, parameters: Value) -> Result<Result<Child, TaskFailure>, Failure> {
        let Value::Object(mut parameters) = parameters else {
            return Err(visit.runtime("The Parameters of states:startExecution must be an object"));
        };
        let mut text =
            |field: &str| match parameters.swap_remove(field) {
                None => Ok(None),
                Some(Value::String(text)) => Ok(Some(text)),
                Some(other) => Err(visit
                    .runtime(&format!("The parameter {field} of states:startExecution must be a string, not {other}"))),
            };
        let machine_id = text("StateMachineArn")?.unwrap_or_default();
        let name = text("Name")?.unwrap_or_else(|| self.dice.uuid());
        let input = match parameters.swap_remove("Input") {
            None => json!({}),
            // The API takes a text as JSON. A text that is not JSON stays a string.
            Some(Value::String(text)) => serde_json::from_str(&text).unwrap_or(Value::String(text)),
            Some(input) => input,
        };
        Ok(self.child(machine_id, name, input))
    }

    fn child(&self, machine_id: String, name: String, input: Value) -> Result<Child, TaskFailure> {
        let refused = |error: &str, problem: String| TaskFailure {
            error: format!("StepFunctions.{error}Exception"),
            cause: format!(
                "{problem} (Service: AWSStepFunctions; Status Code: 400; Error Code: {error}; Request ID: {}; Proxy: null)",
                self.dice.uuid()
            ),
        };
        let Some(machine) = self.handler.state_machine(&machine_id) else {
            return Err(refused("StateMachineDoesNotExist", format!("State Machine Does Not Exist: '{machine_id}'")));
        };
        if !is_name(&name) {
            return Err(refused("InvalidName", format!("Invalid Name: '{name}'")));
        }
        let machine_name = machine_id.split(':').nth(6).unwrap_or_default().to_owned();
        let account = machine_id.split(":stateMachine:").next().unwrap_or_default();
        let id = format!("{account}:execution:{machine_name}:{name}");
        let mut names = self.family.names.borrow_mut();
        if names.len() >= MAXIMUM_STARTED || self.nesting >= MAXIMUM_NESTING {
            return Err(refused(
                "ExecutionLimitExceeded",
                format!(
                    "One execution may start {MAXIMUM_STARTED} others, and {MAXIMUM_NESTING} may wait for one another"
                ),
            ));
        }
        if id == self.context.id || !names.insert(id.clone()) {
            return Err(refused("ExecutionAlreadyExists", format!("Execution Already Exists: '{id}'")));
        }
        let context = ExecutionContext {
            id,
            name,
            input,
            role_arn: self.context.role_arn.clone(),
            start_time: self.clock.now(),
            machine_id,
            machine_name,
            redrive_count: 0,
            redrive_time: None,
        };
        Ok(Child { machine, context, seed: self.dice.roll().u64(..), nesting: self.nesting + 1 })
    }

    /// Lets a child run beside the first execution: no task waits for it.
    pub(crate) fn let_go(&self, child: Child) {
        self.family.waiting.borrow_mut().push(Child { nesting: 0, ..child });
    }

    /// Runs a child to its end. Returns the result of the task that waits for it.
    pub(crate) fn wait_for(&self, child: Child) -> LocalBoxFuture<'_, Result<Value, TaskFailure>> {
        let ended = child.run(self.handler, self.clock, self.family);
        async move { ended.await.result() }.boxed_local()
    }
}

impl Child {
    /// The response of `StartExecution`.
    pub(crate) fn response(&self, dice: &Dice) -> Value {
        json!({
            "ExecutionArn": self.context.id,
            "SdkHttpMetadata": { "HttpStatusCode": 200 },
            "SdkResponseMetadata": { "RequestId": dice.uuid() },
            "StartDate": self.context.start_time.as_millisecond(),
        })
    }

    /// Runs to the end, with its own history.
    pub(crate) fn run<'a>(
        self,
        handler: &'a dyn TaskHandler,
        clock: Clock,
        family: &'a Family,
    ) -> LocalBoxFuture<'a, Ended> {
        let Self { machine, context, seed, nesting } = self;
        async move {
            let (conclusion, stopped) = {
                let mut observer = handler.observe(&context.id);
                let log = Log::new(clock, observer.as_deref_mut().map(|observer| observer as _));
                log.milestone(
                    EventType::ExecutionStarted,
                    Details { input: Some(&context.input), ..Details::default() },
                );
                let dice = Dice::new(seed);
                let places = Places::unknown();
                let run = Run {
                    handler,
                    context: &context,
                    dice,
                    clock,
                    journal: &log,
                    stored: Cell::new(0),
                    family,
                    nesting,
                    places: &places,
                };
                let mut flow = Frame::outermost(&run, machine.flow()).run_boxed(context.input.clone());
                // Records the stop if the waiting task is dropped before the child ends.
                let mut guard = Stopped { log: &log, ended: false };
                let conclusion = race(&mut flow, None, machine.timeout_seconds()).await.conclude();
                guard.ended = true;
                log.close();
                log.milestone(conclusion.kind, conclusion.details());
                (conclusion, clock.now().as_millisecond())
            };
            Ended { context, conclusion, stopped }
        }
        .boxed_local()
    }
}

/// Records that a child was stopped, if it is dropped before its end.
struct Stopped<'l, 'o> {
    log: &'l Log<'o>,
    ended: bool,
}

impl Drop for Stopped<'_, '_> {
    fn drop(&mut self) {
        if !self.ended {
            self.log.close();
            self.log.milestone(EventType::ExecutionAborted, Details::default());
        }
    }
}

impl Ended {
    /// The description of the child. After a success it is the result, with input and output as JSON. Otherwise it is the
    /// cause, with the input as a text.
    fn result(self) -> Result<Value, TaskFailure> {
        let Self { context, conclusion, stopped } = self;
        let Conclusion { status, output, error, cause, .. } = conclusion;
        let has_succeeded = status == Status::Succeeded;
        let mut description = Map::new();
        let mut put = |name: &str, value: Value| description.insert(name.to_owned(), value);
        for (name, text) in [("Cause", cause), ("Error", error)] {
            if let Some(text) = text {
                put(name, text.into());
            }
        }
        put("ExecutionArn", context.id.into());
        put("Input", if has_succeeded { context.input } else { context.input.to_string().into() });
        put("InputDetails", json!({ "Included": true }));
        put("Name", context.name.into());
        if has_succeeded {
            put("Output", output.unwrap_or_default());
            put("OutputDetails", json!({ "Included": true }));
        }
        put("RedriveCount", json!(0));
        put("RedriveStatus", if has_succeeded { "NOT_REDRIVABLE" } else { "REDRIVABLE" }.into());
        if has_succeeded {
            put("RedriveStatusReason", "Execution is SUCCEEDED and cannot be redriven".into());
        }
        put("StartDate", context.start_time.as_millisecond().into());
        put("StateMachineArn", context.machine_id.into());
        put("Status", status.name().into());
        put("StopDate", stopped.into());
        let description = Value::Object(description);
        if has_succeeded {
            Ok(description)
        } else {
            Err(TaskFailure { error: TASK_FAILED.to_owned(), cause: description.to_string() })
        }
    }
}

/// Whether an execution may have this name.
/// <https://docs.aws.amazon.com/step-functions/latest/apireference/API_StartExecution.html>
fn is_name(name: &str) -> bool {
    let is_forbidden = |c: char| c.is_whitespace() || c.is_control() || "<>{}[]?*\"#%\\^|~`$&,;:/".contains(c);
    !name.is_empty() && name.chars().count() <= MAXIMUM_NAME && !name.contains(is_forbidden)
}
