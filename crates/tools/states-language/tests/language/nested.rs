//! Executions that a task starts.

use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::Rc;

use futures::FutureExt as _;
use futures::future::LocalBoxFuture;
use serde_json::{Value, json};
use states_language::{
    Execution, ExecutionOptions, HistoryEvent, Observer, Outcome, Recorder, StateMachine, Status, TaskFailure,
    TaskHandler, TaskRequest,
};

use crate::{FUNCTION, block_on, load, names, only};

const RUN: &str = "arn:aws:states:::states:startExecution.sync:2";
const START: &str = "arn:aws:states:::states:startExecution";

fn arn(machine: &str) -> String {
    format!("arn:aws:states:us-east-1:000000000000:stateMachine:{machine}")
}

/// The events of one execution.
type History = Rc<RefCell<Vec<&'static str>>>;

/// Functions that answer with their payload after ten seconds, and state machines by name.
#[derive(Default)]
struct Account {
    machines: HashMap<String, StateMachine>,
    /// The events of every child, with its ARN.
    histories: RefCell<Vec<(String, History)>>,
}

impl Account {
    fn with(mut self, name: &str, definition: &Value) -> Self {
        self.machines.insert(arn(name), load(definition));
        self
    }

    fn run(&self, definition: &Value, input: Value) -> (Outcome, Recorder) {
        let machine = load(definition);
        let mut recorder = Recorder::default();
        let execution = Execution::new(&machine, self, ExecutionOptions::new(input)).observed_by(&mut recorder);
        let outcome = block_on(execution.run());
        (outcome, recorder)
    }

    /// The events of the children, in the order in which they were started.
    fn histories(&self) -> Vec<Vec<&'static str>> {
        self.histories.borrow().iter().map(|(_, events)| events.borrow().clone()).collect()
    }
}

impl TaskHandler for Account {
    fn invoke<'a>(&'a self, task: TaskRequest<'a>) -> LocalBoxFuture<'a, Result<Value, TaskFailure>> {
        async move {
            tokio::time::sleep(std::time::Duration::from_secs(10)).await;
            Ok(task.payload)
        }
        .boxed_local()
    }

    fn state_machine(&self, arn: &str) -> Option<StateMachine> {
        self.machines.get(arn).cloned()
    }

    fn observe<'a>(&'a self, execution: &str) -> Option<Box<dyn Observer + 'a>> {
        let events = Rc::new(RefCell::new(Vec::new()));
        self.histories.borrow_mut().push((execution.to_owned(), Rc::clone(&events)));
        Some(Box::new(move |event: &HistoryEvent<'_>| events.borrow_mut().push(event.kind.name())))
    }
}

/// A task that starts an execution of the machine `child`.
fn task(resource: &str, fields: &Value) -> Value {
    let mut state = json!({"Type": "Task", "Resource": resource, "Parameters": {"StateMachineArn": arn("child")}});
    for (name, value) in fields.as_object().unwrap() {
        match value {
            Value::Object(inner) if name == "Parameters" => {
                state["Parameters"].as_object_mut().unwrap().extend(inner.clone());
            }
            _ => state[name] = value.clone(),
        }
    }
    only(&state)
}

fn works() -> Value {
    only(&json!({"Type": "Task", "Resource": FUNCTION}))
}

#[test]
fn a_task_waits_for_the_execution_and_takes_its_description() {
    let account = Account::default().with("child", &works());
    let parameters = json!({"Parameters": {"Input": {"n.$": "$.n"}, "Name.$": "$.name"}});
    let (outcome, recorder) = account.run(&task(RUN, &parameters), json!({"n": 7, "name": "first"}));
    assert_eq!(
        outcome.output.expect("it succeeds").to_string(),
        json!({
            "ExecutionArn": "arn:aws:states:us-east-1:000000000000:execution:child:first",
            "Input": {"n": 7}, "InputDetails": {"Included": true}, "Name": "first",
            "Output": {"n": 7}, "OutputDetails": {"Included": true},
            "RedriveCount": 0, "RedriveStatus": "NOT_REDRIVABLE",
            "RedriveStatusReason": "Execution is SUCCEEDED and cannot be redriven",
            "StartDate": 1_735_689_600_000_i64, "StateMachineArn": arn("child"), "Status": "SUCCEEDED",
            "StopDate": 1_735_689_610_000_i64,
        })
        .to_string()
    );
    assert_eq!(
        names(&recorder),
        ["TaskStateEntered", "TaskScheduled", "TaskStarted", "TaskSubmitted", "TaskSucceeded", "TaskStateExited"]
    );
    let submitted = recorder.events()[4].output.clone().expect("the response of StartExecution");
    assert_eq!(submitted["ExecutionArn"], "arn:aws:states:us-east-1:000000000000:execution:child:first");
    assert_eq!(submitted["StartDate"], 1_735_689_600_000_i64);
    assert_eq!(
        account.histories(),
        [[
            "ExecutionStarted",
            "TaskStateEntered",
            "LambdaFunctionScheduled",
            "LambdaFunctionStarted",
            "LambdaFunctionSucceeded",
            "TaskStateExited",
            "ExecutionSucceeded"
        ]]
    );
    assert_eq!((outcome.event_count, outcome.state_transitions), (8, 1), "the child has its own counts");
}

#[test]
fn a_failing_execution_fails_the_task_with_its_description_as_cause() {
    let table = [
        (json!({"Type": "Fail", "Error": "Broken", "Cause": "C"}), "FAILED", Some("Broken"), Some("C")),
        (json!({"Type": "Fail"}), "FAILED", None, None),
        (json!({"Type": "Pass", "InputPath": "$.none"}), "FAILED", Some("States.Runtime"), None),
    ];
    for (state, status, error, cause) in table {
        let account = Account::default().with("child", &only(&state));
        let (outcome, recorder) =
            account.run(&task(RUN, &json!({"Parameters": {"Name": "x", "Input": {"a": 1}}})), json!({}));
        assert_eq!(outcome.error.as_deref(), Some("States.TaskFailed"), "{state}");
        assert_eq!(names(&recorder)[3..], ["TaskSubmitted", "TaskFailed"]);
        let description: Value = serde_json::from_str(&outcome.cause.unwrap()).expect("the cause is JSON");
        assert_eq!(description.get("Error").and_then(Value::as_str), error);
        if error != Some("States.Runtime") {
            assert_eq!(description.get("Cause").and_then(Value::as_str), cause);
        }
        assert_eq!((&description["Status"], &description["Input"]), (&json!(status), &json!("{\"a\":1}")));
        assert_eq!(description["RedriveStatus"], "REDRIVABLE");
        assert_eq!(description.get("Output"), None);
    }
}

#[test]
fn a_failing_execution_is_retried_and_caught() {
    let account = Account::default().with("child", &only(&json!({"Type": "Fail", "Error": "Broken"})));
    for name in ["States.TaskFailed", "States.ALL"] {
        let machine = json!({"StartAt": "T", "States": {
            "T": {"Type": "Task", "Resource": RUN, "Parameters": {"StateMachineArn": arn("child")}, "Next": "Done",
                  "Retry": [{"ErrorEquals": [name], "MaxAttempts": 2}],
                  "Catch": [{"ErrorEquals": [name], "Next": "Done"}]},
            "Done": {"Type": "Succeed"},
        }});
        let before = account.histories().len();
        let (outcome, _) = account.run(&machine, json!({}));
        assert_eq!(outcome.output.unwrap()["Error"], "States.TaskFailed");
        assert_eq!(account.histories().len() - before, 3, "every attempt starts another execution");
    }
}

#[test]
fn an_execution_without_a_waiting_task_runs_beside_its_parent() {
    let account = Account::default().with("child", &works());
    let (outcome, recorder) = account.run(&task(START, &json!({"Parameters": {"Name": "x"}})), json!({}));
    let output = outcome.output.expect("it succeeds");
    assert_eq!(output["ExecutionArn"], "arn:aws:states:us-east-1:000000000000:execution:child:x");
    assert_eq!(output["StartDate"], 1_735_689_600_000_i64);
    assert_eq!(output["SdkHttpMetadata"]["HttpStatusCode"], 200);
    assert_eq!(
        names(&recorder),
        ["TaskStateEntered", "TaskScheduled", "TaskStarted", "TaskSucceeded", "TaskStateExited"]
    );
    assert_eq!(outcome.ended, outcome.started, "the parent does not wait");
    assert_eq!(account.histories()[0].last(), Some(&"ExecutionSucceeded"), "the child runs to its end");
}

#[test]
fn the_failure_of_an_execution_without_a_waiting_task_has_no_effect() {
    let account = Account::default().with("child", &only(&json!({"Type": "Fail"})));
    let (outcome, _) = account.run(&task(START, &json!({})), json!({}));
    assert_eq!(outcome.status, Status::Succeeded);
    assert_eq!(account.histories()[0].last(), Some(&"ExecutionFailed"));
}

#[test]
fn an_execution_that_cannot_start_fails_the_task_with_the_error_of_the_api() {
    let account = Account::default().with("child", &works());
    let none = arn("none");
    let long = "n".repeat(81);
    let table = [
        (
            json!({"StateMachineArn": none}),
            "StateMachineDoesNotExist",
            format!("State Machine Does Not Exist: '{none}' ("),
        ),
        (json!({"Name": "a b"}), "InvalidName", "Invalid Name: 'a b' (".to_owned()),
        (json!({"Name": ""}), "InvalidName", "Invalid Name: '' (".to_owned()),
        (json!({"Name": long}), "InvalidName", format!("Invalid Name: '{long}' (")),
    ];
    for resource in [RUN, START] {
        for (parameters, error, cause) in &table {
            let (outcome, recorder) = account.run(&task(resource, &json!({"Parameters": parameters})), json!({}));
            assert_eq!(outcome.error, Some(format!("StepFunctions.{error}Exception")));
            assert!(outcome.cause.as_ref().unwrap().starts_with(cause), "{:?}", outcome.cause);
            assert_eq!(names(&recorder)[1..], ["TaskScheduled", "TaskStarted", "TaskFailed"]);
        }
    }
    let (outcome, _) = account.run(&task(RUN, &json!({"Parameters": {"Name": 7}})), json!({}));
    assert_eq!(outcome.error.as_deref(), Some("States.Runtime"));
    assert_eq!(account.histories().len(), 0);
}

#[test]
fn a_name_is_taken_once() {
    let account = Account::default().with("child", &only(&json!({"Type": "Fail"})));
    let fields =
        json!({"Parameters": {"Name": "x"}, "Retry": [{"ErrorEquals": ["States.TaskFailed"], "MaxAttempts": 1}]});
    let (outcome, _) = account.run(&task(RUN, &fields), json!({}));
    assert_eq!(outcome.error.as_deref(), Some("StepFunctions.ExecutionAlreadyExistsException"));
    assert_eq!(account.histories().len(), 1);
}

#[test]
fn an_execution_is_stopped_with_the_task_that_waits_for_it() {
    let account = Account::default().with("child", &works());
    let (outcome, recorder) = account.run(&task(RUN, &json!({"TimeoutSeconds": 5})), json!({}));
    assert_eq!(outcome.error.as_deref(), Some("States.Timeout"));
    assert_eq!(names(&recorder)[3..], ["TaskSubmitted", "TaskTimedOut"]);
    assert_eq!(account.histories()[0][3..], ["LambdaFunctionStarted", "ExecutionAborted"]);

    let mut machine = task(RUN, &json!({}));
    machine["TimeoutSeconds"] = json!(5);
    assert_eq!(account.run(&machine, json!({})).0.status, Status::TimedOut);
    assert_eq!(account.histories()[1].last(), Some(&"ExecutionAborted"));
}

#[test]
fn an_execution_has_its_own_context_variables_and_time_limit() {
    let mut child = only(&json!({"Type": "Pass", "Parameters": {
        "id.$": "$$.Execution.Id", "machine.$": "$$.StateMachine", "input.$": "$$.Execution.Input", "v.$": "$none[*]",
    }}));
    child["TimeoutSeconds"] = json!(3);
    let account = Account::default().with("child", &child);
    let parent = json!({"StartAt": "P", "States": {
        "P": {"Type": "Pass", "Assign": {"none": [1]}, "Next": "T"},
        "T": {"Type": "Task", "Resource": RUN, "Parameters": {"StateMachineArn": arn("child"), "Name": "x", "Input": "[1]"},
              "OutputPath": "$.Output", "End": true},
    }});
    let expected = json!({
        "id": "arn:aws:states:us-east-1:000000000000:execution:child:x",
        "machine": {"Id": arn("child"), "Name": "child"}, "input": [1], "v": [],
    });
    assert_eq!(account.run(&parent, json!({})).0.output, Some(expected));

    let mut slow = works();
    slow["TimeoutSeconds"] = json!(3);
    let account = Account::default().with("child", &slow);
    let (outcome, _) = account.run(&task(RUN, &json!({})), json!({}));
    let description: Value = serde_json::from_str(&outcome.cause.unwrap()).unwrap();
    assert_eq!((&description["Status"], &description["Error"]), (&json!("TIMED_OUT"), &json!("States.Timeout")));
}

#[test]
fn a_machine_that_starts_itself_ends() {
    for (resource, error) in [(RUN, Some("States.TaskFailed")), (START, None)] {
        let account = Account::default().with("child", &task(resource, &json!({})));
        let (outcome, _) = account.run(&task(resource, &json!({})), json!({}));
        assert_eq!(outcome.error.as_deref(), error, "{resource}");
        let started = account.histories().len();
        assert_eq!(started, if resource == RUN { 16 } else { 10_000 });
    }
}

#[test]
fn executions_are_started_from_maps_and_branches_too() {
    let account = Account::default().with("child", &works());
    for mode in [json!({}), json!({"Mode": "DISTRIBUTED", "ExecutionType": "STANDARD"})] {
        let inner = task(RUN, &json!({"Parameters": {"Input.$": "$"}, "OutputPath": "$.Output"}));
        let mut processor = json!({"StartAt": "I", "States": {"I": inner["States"]["S"]}});
        processor["ProcessorConfig"] = mode;
        let map = only(&json!({"Type": "Map", "ItemProcessor": processor}));
        let (outcome, _) = account.run(&map, json!([1, 2, 3]));
        assert_eq!(outcome.output, Some(json!([1, 2, 3])));
        assert_eq!(outcome.ended.duration_since(outcome.started).as_secs(), 10, "side by side");
    }
}

#[test]
fn a_definition_names_the_machine_that_it_starts() {
    let table = [
        (
            json!({"Type": "Task", "Resource": RUN}),
            "Parameters: is missing: states:startExecution needs StateMachineArn",
        ),
        (
            json!({"Type": "Task", "Resource": START, "Parameters": {"Input": 1}}),
            "states:startExecution needs StateMachineArn",
        ),
        (
            json!({"Type": "Task", "Resource": START, "Parameters": {"StateMachineArn": "x", "Payload": 1}}),
            "states:startExecution has no parameter \"Payload\"",
        ),
        (
            json!({"Type": "Task", "Resource": "arn:aws:states:::states:startExecution.sync", "Parameters": {}}),
            "states:startExecution.sync",
        ),
        (
            json!({"Type": "Task", "Resource": "arn:aws:states:::states:startExecution.waitForTaskToken", "Parameters": {}}),
            "task tokens are not supported",
        ),
    ];
    for (state, problem) in table {
        let error = StateMachine::load(&only(&state)).unwrap_err().to_string();
        assert!(error.contains(problem), "{error}");
    }
}
