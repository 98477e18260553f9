//! Task states: both ways to call a function, time limits, stopping from outside.

use std::time::Duration;

use serde_json::json;
use states_language::{Execution, ExecutionOptions, Recorder, Status};

use crate::{FUNCTION, Script, block_on, load, names, only, run_with};

#[test]
fn a_function_is_called_by_its_arn() {
    let script = Script::default().then(json!({"done": true}));
    let (outcome, recorder) = run_with(&only(&json!({"Type": "Task", "Resource": FUNCTION})), json!({"a": 1}), &script);
    assert_eq!(outcome.output, Some(json!({"done": true})));
    assert_eq!(script.calls(), [(FUNCTION.to_owned(), json!({"a": 1}))]);
    assert_eq!(
        names(&recorder),
        [
            "TaskStateEntered",
            "LambdaFunctionScheduled",
            "LambdaFunctionStarted",
            "LambdaFunctionSucceeded",
            "TaskStateExited"
        ]
    );
    let scheduled = &recorder.events()[2];
    assert_eq!((scheduled.input.as_ref(), scheduled.function.as_deref()), (Some(&json!({"a": 1})), Some(FUNCTION)));
}

#[test]
fn the_lambda_integration_wraps_payload_and_response() {
    let state = json!({"Type": "Task", "Resource": "arn:aws:states:::lambda:invoke",
        "Parameters": {"FunctionName.$": "$.f", "Payload": {"x.$": "$.a"}}});
    let script = Script::default().then(json!("answer"));
    let (outcome, recorder) = run_with(&only(&state), json!({"a": 1, "f": "work:live"}), &script);
    assert_eq!(script.calls(), [("work:live".to_owned(), json!({"x": 1}))]);
    let output = outcome.output.unwrap();
    assert_eq!(
        (&output["Payload"], &output["StatusCode"], &output["ExecutedVersion"]),
        (&json!("answer"), &json!(200), &json!("$LATEST"))
    );
    assert_eq!(
        names(&recorder),
        ["TaskStateEntered", "TaskScheduled", "TaskStarted", "TaskSucceeded", "TaskStateExited"]
    );
}

#[test]
fn a_failing_function_fails_the_execution_with_its_error() {
    let direct = json!({"Type": "Task", "Resource": FUNCTION});
    let invoke =
        json!({"Type": "Task", "Resource": "arn:aws:states:::lambda:invoke", "Parameters": {"FunctionName": "work"}});
    for (state, failed) in [(direct, "LambdaFunctionFailed"), (invoke, "TaskFailed")] {
        let (outcome, recorder) = run_with(&only(&state), json!({}), &Script::default().then_fail("Broken"));
        assert_eq!((outcome.error.as_deref(), outcome.cause.as_deref()), (Some("Broken"), Some("because of Broken")));
        assert_eq!(names(&recorder).last(), Some(&failed));
    }
}

#[test]
fn a_task_that_takes_too_long_times_out() {
    let table = [
        (json!({"TimeoutSeconds": 5}), "States.Timeout", 5),
        (json!({"TimeoutSecondsPath": "$.t"}), "States.Timeout", 7),
        (json!({"TimeoutSeconds": 9, "HeartbeatSeconds": 3}), "States.HeartbeatTimeout", 3),
        (json!({"HeartbeatSecondsPath": "$.t"}), "States.HeartbeatTimeout", 7),
    ];
    for (fields, error, seconds) in table {
        let mut state = json!({"Type": "Task", "Resource": FUNCTION});
        state.as_object_mut().unwrap().extend(fields.as_object().unwrap().clone());
        let script = Script::default().after(60, Ok(json!(1)));
        let (outcome, recorder) = run_with(&only(&state), json!({"t": 7}), &script);
        assert_eq!((outcome.status, outcome.error.as_deref()), (Status::Failed, Some(error)), "{state}");
        assert_eq!(outcome.ended.duration_since(outcome.started).as_secs(), seconds);
        assert_eq!(names(&recorder).last(), Some(&"LambdaFunctionTimedOut"));
    }
}

#[test]
fn a_time_limit_from_a_path_must_be_positive() {
    for value in [json!(0), json!(-1), json!("x")] {
        let state = json!({"Type": "Task", "Resource": FUNCTION, "TimeoutSecondsPath": "$.t"});
        let (outcome, _) = run_with(&only(&state), json!({"t": value}), &Script::default());
        assert_eq!(outcome.error.as_deref(), Some("States.Runtime"));
    }
}

#[test]
fn a_machine_that_takes_too_long_times_out() {
    let machine =
        json!({"StartAt": "W", "TimeoutSeconds": 10, "States": {"W": {"Type": "Wait", "Seconds": 60, "End": true}}});
    let (outcome, recorder) = run_with(&machine, json!({}), &Script::default());
    assert_eq!((outcome.status, outcome.error.as_deref()), (Status::TimedOut, Some("States.Timeout")));
    assert_eq!(recorder.types().last().unwrap().name(), "ExecutionTimedOut");
    assert_eq!(names(&recorder), ["WaitStateEntered"], "the state that was cut off records no event");
}

#[test]
fn an_execution_can_be_stopped_from_outside() {
    let machine = load(&only(&json!({"Type": "Wait", "Seconds": 60})));
    let mut recorder = Recorder::default();
    let handler = Script::default();
    let mut execution = Execution::new(&machine, &handler, ExecutionOptions::new(json!({}))).observed_by(&mut recorder);
    let handle = execution.stop_handle();
    let outcome = block_on(async {
        tokio::join!(execution.run(), async {
            tokio::time::sleep(Duration::from_secs(20)).await;
            handle.stop(Some("Stopped".to_owned()), Some("by hand".to_owned()));
        })
        .0
    });
    assert_eq!(outcome.status, Status::Aborted);
    assert_eq!((outcome.error.as_deref(), outcome.cause.as_deref()), (Some("Stopped"), Some("by hand")));
    assert_eq!(outcome.ended.duration_since(outcome.started).as_secs(), 20);
    assert_eq!(recorder.types().last().unwrap().name(), "ExecutionAborted");
}

#[test]
fn a_handle_that_is_dropped_stops_nothing() {
    let machine = load(&only(&json!({"Type": "Wait", "Seconds": 60})));
    let handler = Script::default();
    let mut execution = Execution::new(&machine, &handler, ExecutionOptions::new(json!({})));
    drop(execution.stop_handle());
    assert_eq!(block_on(execution.run()).status, Status::Succeeded);
}

#[test]
fn every_event_names_the_one_before_it() {
    let (_, recorder) = run_with(&only(&json!({"Type": "Task", "Resource": FUNCTION})), json!({}), &Script::default());
    let ids: Vec<(u64, u64)> = recorder.events().iter().map(|event| (event.id, event.previous_id)).collect();
    assert_eq!(ids, [(1, 0), (2, 1), (3, 2), (4, 3), (5, 4), (6, 5), (7, 6)]);
}
