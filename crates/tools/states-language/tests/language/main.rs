//! The language's rules, one module for each part of it, tested through the public interface.

mod choices;
mod data_flow;
mod definitions;
mod descriptions;
mod diagnostics;
mod errors;
mod fan_out;
mod intrinsics;
mod limits;
mod nested;
mod paths;
mod redrives;
mod substitutions;
mod tasks;
mod variables;
mod waits;

use std::collections::VecDeque;
use std::sync::Mutex;
use std::time::Duration;

use futures::FutureExt as _;
use futures::future::LocalBoxFuture;
use serde_json::{Value, json};
use states_language::{
    EventType, Execution, ExecutionOptions, Outcome, Recorder, StateMachine, Status, TaskFailure, TaskHandler,
    TaskRequest,
};

const FUNCTION: &str = "arn:aws:lambda:us-east-1:000000000000:function:work";

fn load(definition: &Value) -> StateMachine {
    StateMachine::load(definition).unwrap_or_else(|error| panic!("{error}\n{definition:#}"))
}

/// Runs on a paused clock, so that waiting takes no time.
fn block_on<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap().block_on(future)
}

fn run_with(definition: &Value, input: Value, handler: &dyn TaskHandler) -> (Outcome, Recorder) {
    let machine = load(definition);
    let mut recorder = Recorder::default();
    let execution = Execution::new(&machine, handler, ExecutionOptions::new(input)).observed_by(&mut recorder);
    let outcome = block_on(execution.run());
    (outcome, recorder)
}

fn run(definition: &Value, input: Value) -> Outcome {
    run_with(definition, input, &Script::default()).0
}

/// The output of a machine of this one state.
fn output_of(state: &Value, input: Value) -> Value {
    let outcome = run(&only(state), input);
    assert_eq!(outcome.status, Status::Succeeded, "{:?} {:?} in {state}", outcome.error, outcome.cause);
    outcome.output.unwrap()
}

/// The error and the cause of a machine of this one state.
fn failure_of(state: &Value, input: Value) -> (String, String) {
    let outcome = run(&only(state), input);
    assert_eq!(outcome.status, Status::Failed, "{:?} of {state}", outcome.output);
    (outcome.error.unwrap_or_default(), outcome.cause.unwrap_or_default())
}

/// A machine of this one state, `S`, which ends it.
fn only(state: &Value) -> Value {
    let mut state = state.clone();
    if !["Choice", "Succeed", "Fail"].contains(&state["Type"].as_str().unwrap()) && state.get("Next").is_none() {
        state["End"] = json!(true);
    }
    json!({ "StartAt": "S", "States": { "S": state } })
}

/// The value of one field of a payload template.
fn evaluate(expression: &str, input: Value) -> Value {
    output_of(&json!({ "Type": "Pass", "Parameters": { "v.$": expression } }), input)["v"].clone()
}

/// A function that acts by the script, call by call, each after the given time. After that it answers with its payload.
#[derive(Default)]
struct Script {
    answers: Mutex<VecDeque<(Duration, Result<Value, TaskFailure>)>>,
    calls: Mutex<Vec<(String, Value)>>,
}

impl Script {
    fn then(self, answer: Value) -> Self {
        self.after(0, Ok(answer))
    }

    fn then_fail(self, error: &str) -> Self {
        self.after(0, Err(TaskFailure { error: error.to_owned(), cause: format!("because of {error}") }))
    }

    fn after(self, seconds: u64, answer: Result<Value, TaskFailure>) -> Self {
        self.answers.lock().unwrap().push_back((Duration::from_secs(seconds), answer));
        self
    }

    fn calls(&self) -> Vec<(String, Value)> {
        self.calls.lock().unwrap().clone()
    }
}

impl TaskHandler for Script {
    fn invoke<'a>(&'a self, task: TaskRequest<'a>) -> LocalBoxFuture<'a, Result<Value, TaskFailure>> {
        self.calls.lock().unwrap().push((task.function.to_owned(), task.payload.clone()));
        let next = self.answers.lock().unwrap().pop_front();
        async move {
            match next {
                Some((pause, answer)) => {
                    tokio::time::sleep(pause).await;
                    answer
                }
                None => Ok(task.payload),
            }
        }
        .boxed_local()
    }
}

/// The names of the recorded events, without those of the execution itself.
fn names(recorder: &Recorder) -> Vec<&'static str> {
    let is_own = |kind: &EventType| !kind.name().starts_with("Execution");
    recorder.types().into_iter().filter(is_own).map(EventType::name).collect()
}
