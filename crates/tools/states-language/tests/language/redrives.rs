//! Executions that did not succeed and are redriven.
//! <https://docs.aws.amazon.com/step-functions/latest/dg/redrive-executions.html>

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use states_language::{Execution, ExecutionOptions, NotRedrivable, Outcome, Recorder, Status, TaskHandler};

use crate::{FUNCTION, Script, block_on, load, names, run};

/// The time between the end of an execution and its redrive.
const LATER: SignedDuration = SignedDuration::from_mins(10);

/// A Task with the answer of its function as its result.
fn task(next: Option<&str>) -> Value {
    let mut state = json!({"Type": "Task", "Resource": FUNCTION});
    match next {
        Some(next) => state["Next"] = json!(next),
        None => state["End"] = json!(true),
    }
    state
}

/// Runs an execution and redrives it. Each run is stopped after the given seconds, if any.
fn drive(definition: &Value, input: &Value, handler: &dyn TaskHandler, stops: &[Option<u64>]) -> (Outcome, Recorder) {
    let machine = load(definition);
    let mut recorder = Recorder::default();
    let outcome = block_on(async {
        let mut last: Option<Outcome> = None;
        for stop in stops {
            let mut execution = match last.take() {
                None => Execution::new(&machine, handler, ExecutionOptions::new(input.clone())).keeping_bookmark(),
                Some(outcome) => {
                    let at = outcome.ended + LATER;
                    Execution::redrive(&machine, handler, &outcome, at).expect("it can be redriven")
                }
            };
            let handle = execution.stop_handle();
            let stopped = async {
                match stop {
                    Some(seconds) => {
                        tokio::time::sleep(Duration::from_secs(*seconds)).await;
                        handle.stop(None, None);
                    }
                    None => drop(handle),
                }
            };
            let (outcome, ()) = tokio::join!(execution.observed_by(&mut recorder).run(), stopped);
            last = Some(outcome);
        }
        last.expect("at least one run")
    });
    (outcome, recorder)
}

#[test]
fn a_failed_execution_continues_at_the_failed_state() {
    let machine = json!({"StartAt": "A", "States": {
        "A": {"Type": "Pass", "Result": {"a": 1}, "Assign": {"kept.$": "$.a"}, "Next": "B"},
        "B": task(Some("C")),
        "C": {"Type": "Pass", "Parameters": {
            "from.$": "$", "kept.$": "$kept", "id.$": "$$.Execution.Id", "start.$": "$$.Execution.StartTime",
            "count.$": "$$.Execution.RedriveCount", "time.$": "$$.Execution.RedriveTime"}, "End": true},
    }});
    let script = Script::default().then_fail("Broken").then(json!("answer"));
    let (outcome, recorder) = drive(&machine, &json!({"given": true}), &script, &[None, None]);
    assert_eq!(outcome.status, Status::Succeeded, "{:?} {:?}", outcome.error, outcome.cause);
    let options = ExecutionOptions::new(json!({}));
    assert_eq!(
        outcome.output,
        Some(json!({
            "from": "answer", "kept": 1, "id": options.execution_arn, "start": "2025-01-01T00:00:00.000Z",
            "count": 1, "time": "2025-01-01T00:10:00.000Z",
        }))
    );
    assert_eq!(outcome.started, options.start_time);
    let payloads: Vec<_> = script.calls().into_iter().map(|(_, payload)| payload).collect();
    assert_eq!(payloads, [json!({"a": 1}), json!({"a": 1})]);
    let attempt = ["LambdaFunctionScheduled", "LambdaFunctionStarted"];
    let mut expected = vec!["ExecutionStarted", "PassStateEntered", "PassStateExited", "TaskStateEntered"];
    expected.extend(attempt);
    expected.extend(["LambdaFunctionFailed", "ExecutionFailed", "ExecutionRedriven"]);
    expected.extend(attempt);
    expected.extend(["LambdaFunctionSucceeded", "TaskStateExited", "PassStateEntered", "PassStateExited"]);
    expected.push("ExecutionSucceeded");
    let events = recorder.events();
    assert_eq!(events.iter().map(|event| event.kind.name()).collect::<Vec<_>>(), expected);
    assert_eq!(
        events.iter().map(|event| event.id).collect::<Vec<_>>(),
        (1..=expected.len() as u64).collect::<Vec<_>>()
    );
    let redriven = events.iter().find(|event| event.kind.name() == "ExecutionRedriven").unwrap();
    assert_eq!(redriven.redrive_count, Some(1));
    // As recorded on AWS, the new attempt follows the event that entered the state.
    assert_eq!(events.iter().find(|event| event.id == redriven.id + 1).unwrap().previous_id, 4);
    assert_eq!(outcome.event_count, expected.len() as u64);
    assert_eq!(outcome.state_transitions, 3 + 1);
}

#[test]
fn a_stopped_execution_continues_with_the_variables_of_that_moment() {
    let machine = json!({"StartAt": "A", "States": {
        "A": {"Type": "Pass", "Assign": {"turn": 1}, "Next": "W"},
        "W": {"Type": "Wait", "Seconds": 60, "Assign": {"seen.$": "$turn"}, "Next": "B"},
        "B": {"Type": "Pass", "Parameters": {"turn.$": "$turn", "seen.$": "$seen"}, "End": true},
    }});
    let (outcome, recorder) = drive(&machine, &json!({}), &Script::default(), &[Some(20), None]);
    assert_eq!(outcome.output, Some(json!({"turn": 1, "seen": 1})), "{:?}", outcome.cause);
    // Twenty seconds, ten minutes, and the whole Wait again.
    assert_eq!(outcome.ended.duration_since(outcome.started).as_secs(), 20 + 600 + 60);
    let waits: Vec<_> = names(&recorder).into_iter().filter(|name| name.starts_with("Wait")).collect();
    assert_eq!(waits, ["WaitStateEntered", "WaitStateExited"]);
}

#[test]
fn a_wait_until_a_time_before_the_redrive_is_over() {
    let machine = json!({"StartAt": "W", "States": {
        "W": {"Type": "Wait", "Timestamp": "2025-01-01T00:05:00Z", "End": true}}});
    let (outcome, _) = drive(&machine, &json!({}), &Script::default(), &[Some(20), None]);
    assert_eq!(outcome.ended.duration_since(outcome.started).as_secs(), 20 + 600);
}

#[test]
fn retries_count_anew() {
    let mut state = task(None);
    state["Retry"] = json!([{"ErrorEquals": ["A"], "MaxAttempts": 1}]);
    let machine = json!({"StartAt": "T", "States": {"T": state}});
    let script = ["A"; 3].iter().fold(Script::default(), |script, error| script.then_fail(error));
    let (outcome, recorder) = drive(&machine, &json!({}), &script, &[None, None]);
    assert_eq!(outcome.status, Status::Succeeded);
    let retries = recorder.events().iter().filter(|event| event.kind.name() == "LambdaFunctionScheduled");
    assert_eq!(retries.map(|event| event.retry_count).collect::<Vec<_>>(), [Some(0), Some(1), Some(0), Some(1)]);
}

#[test]
fn a_fail_state_is_entered_again_and_fails_again() {
    let machine = json!({"StartAt": "F", "States": {"F": {"Type": "Fail", "Error": "Broken", "Cause": "why"}}});
    let (outcome, recorder) = drive(&machine, &json!({}), &Script::default(), &[None, None, None]);
    assert_eq!((outcome.status, outcome.error.as_deref()), (Status::Failed, Some("Broken")));
    assert_eq!(names(&recorder), ["FailStateEntered"; 3]);
    let counts: Vec<_> = recorder.events().iter().filter_map(|event| event.redrive_count).collect();
    assert_eq!(counts, [1, 2]);
}

#[test]
fn a_choice_is_evaluated_again() {
    let machine = json!({"StartAt": "C", "States": {
        "C": {"Type": "Choice", "Choices": [
            {"Variable": "$$.Execution.RedriveCount", "NumericEquals": 1, "Next": "E"},
            {"Variable": "$.none", "NumericEquals": 1, "Next": "E"}]},
        "E": {"Type": "Succeed"},
    }});
    let (outcome, _) = drive(&machine, &json!({}), &Script::default(), &[None, None]);
    assert_eq!(outcome.status, Status::Succeeded, "{:?}", outcome.cause);
}

#[test]
fn only_the_branches_that_did_not_succeed_run_again() {
    let branch = |name: &str, then: Value| {
        let after = format!("{name}2");
        json!({"StartAt": name, "States": {
            name: {"Type": "Pass", "Parameters": {"branch": name, "given.$": "$.given"}, "Next": after}, after: then}})
    };
    let wait = |seconds: u64| json!({"Type": "Wait", "Seconds": seconds, "End": true});
    let mut work = task(None);
    work["ResultPath"] = json!("$.result");
    let machine = json!({"StartAt": "P", "States": {"P": {"Type": "Parallel", "End": true, "Branches": [
        branch("Done", wait(1)), branch("Failed", work), branch("CutOff", wait(60))]}}});
    let broken = Err(states_language::TaskFailure { error: "Broken".to_owned(), cause: "why".to_owned() });
    let script = Script::default().after(5, broken).then(json!("fine"));
    let (outcome, recorder) = drive(&machine, &json!({"given": 7}), &script, &[None, None]);
    assert_eq!(
        outcome.output,
        Some(json!([
            {"branch": "Done", "given": 7}, {"branch": "Failed", "given": 7, "result": "fine"},
            {"branch": "CutOff", "given": 7},
        ])),
        "{:?}",
        outcome.cause
    );
    assert_eq!(outcome.ended.duration_since(outcome.started).as_secs(), 5 + 600 + 60);
    let events = recorder.events();
    let redriven = events.iter().position(|event| event.kind.name() == "ExecutionRedriven").unwrap();
    let again: Vec<_> = events[redriven + 1..].iter().filter_map(|event| event.state.as_deref()).collect();
    assert!(!again.iter().any(|state| state.starts_with("Done")), "{again:?}");
    assert!(!again.contains(&"Failed") && !again.contains(&"CutOff"), "{again:?}");
    let starts = events.iter().filter(|event| event.kind.name() == "ParallelStateStarted").count();
    assert_eq!(starts, 1);
}

#[test]
fn a_branch_within_a_branch_continues_in_its_last_state() {
    let flow = |name: &str, state: Value| json!({"StartAt": name, "States": {name: state}});
    let wait = |name: &str, seconds: u64| flow(name, json!({"Type": "Wait", "Seconds": seconds, "End": true}));
    let inner = json!({"Type": "Parallel", "End": true, "Branches": [wait("Short", 1), wait("Long", 60)]});
    let machine =
        flow("Outer", json!({"Type": "Parallel", "End": true, "Branches": [flow("Inner", inner), wait("X", 2)]}));
    let (outcome, recorder) = drive(&machine, &json!(1), &Script::default(), &[Some(10), Some(20), None]);
    assert_eq!(outcome.output, Some(json!([[1, 1], 1])));
    assert_eq!(outcome.ended.duration_since(outcome.started).as_secs(), 10 + 600 + 20 + 600 + 60);
    let entered = |name: &str| {
        let of =
            |event: &&states_language::RecordedEvent| event.state.as_deref() == Some(name) && event.kind.is_entry();
        recorder.events().iter().filter(of).count()
    };
    for name in ["Outer", "Inner", "Short", "Long", "X"] {
        assert_eq!(entered(name), 1, "{name}");
    }
}

#[test]
fn a_redriven_parallel_that_is_retried_runs_as_a_whole() {
    let mut branch = task(None);
    branch["ResultPath"] = json!("$.b");
    let machine = json!({"StartAt": "P", "States": {"P": {"Type": "Parallel", "End": true,
        "Retry": [{"ErrorEquals": ["B"], "MaxAttempts": 1}],
        "Branches": [
            {"StartAt": "Q", "States": {"Q": task(None)}},
            {"StartAt": "R", "States": {"R": branch}}]}}});
    // The second branch fails for good, then once more after the redrive. The retry then starts both branches.
    let script =
        Script::default().then(json!("first")).then_fail("A").then_fail("B").then(json!("again")).then(json!("fine"));
    let (outcome, _) = drive(&machine, &json!({}), &script, &[None, None]);
    assert_eq!(outcome.output, Some(json!(["again", {"b": "fine"}])));
    assert_eq!(script.calls().len(), 5);
}

#[test]
fn only_the_iterations_that_did_not_succeed_run_again() {
    let mut state = task(None);
    state["Parameters"] = json!({"item.$": "$", "index.$": "$$.Map.Item.Index"});
    let machine = json!({"StartAt": "M", "States": {"M": {"Type": "Map", "End": true, "MaxConcurrency": 1,
        "ItemProcessor": {"ProcessorConfig": {"Mode": "INLINE"}, "StartAt": "I", "States": {"I": state}}}}});
    let script = Script::default().then(json!("zero")).then_fail("Broken").then(json!("one")).then(json!("two"));
    let (outcome, recorder) = drive(&machine, &json!(["a", "b", "c"]), &script, &[None, None]);
    assert_eq!(outcome.output, Some(json!(["zero", "one", "two"])));
    let payloads: Vec<_> = script.calls().into_iter().map(|(_, payload)| payload).collect();
    let item = |item: &str, index: usize| json!({"item": item, "index": index});
    assert_eq!(payloads, [item("a", 0), item("b", 1), item("b", 1), item("c", 2)]);
    let started = recorder.events().iter().filter(|event| event.kind.name() == "MapIterationStarted");
    assert_eq!(started.map(|event| event.index).collect::<Vec<_>>(), [Some(0), Some(1), Some(2)]);
}

#[test]
fn a_parallel_with_too_much_data_runs_again_as_a_whole() {
    let branch = |name: &str| json!({"StartAt": name, "States": {name: task(None)}});
    let machine = json!({"StartAt": "P", "States": {"P": {"Type": "Parallel", "End": true,
        "Branches": [branch("A"), branch("B")]}}});
    let large = json!("x".repeat(200_000));
    let script = Script::default().then(large.clone()).then(large).then(json!(1)).then(json!(2));
    let (outcome, _) = drive(&machine, &json!({}), &script, &[None, None]);
    assert_eq!(outcome.output, Some(json!([1, 2])), "{:?}", outcome.error);
}

#[test]
fn the_time_limit_of_the_machine_counts_anew() {
    let machine = json!({"TimeoutSeconds": 100, "StartAt": "T", "States": {"T": task(None)}});
    let script = Script::default().after(150, Ok(json!("late"))).after(90, Ok(json!("in time")));
    let (outcome, _) = drive(&machine, &json!({}), &script, &[None, None]);
    assert_eq!(outcome.output, Some(json!("in time")));
}

#[test]
fn an_execution_that_cannot_be_redriven_is_refused() {
    let script = Script::default();
    let machine = |state: Value| load(&json!({"StartAt": "S", "States": {"S": state}}));
    let ended = |machine: &states_language::StateMachine| {
        let execution = Execution::new(machine, &script, ExecutionOptions::new(json!([1]))).keeping_bookmark();
        block_on(execution.run())
    };
    let refusal = |machine: &states_language::StateMachine, outcome: &Outcome, at: Timestamp| {
        Execution::redrive(machine, &script, outcome, at).err().expect("a refusal")
    };
    let succeeds = machine(json!({"Type": "Succeed"}));
    let outcome = ended(&succeeds);
    let at = outcome.ended;
    let refused = refusal(&succeeds, &outcome, at);
    assert_eq!(refused, NotRedrivable::Succeeded);
    assert_eq!(refused.to_string(), "ExecutionNotRedrivable: Execution is SUCCEEDED and cannot be redriven");

    let fails = machine(json!({"Type": "Fail"}));
    let outcome = ended(&fails);
    let late = outcome.ended + SignedDuration::from_hours(14 * 24) + SignedDuration::from_secs(1);
    assert_eq!(refusal(&fails, &outcome, late), NotRedrivable::TooLate);
    let full = Outcome { event_count: 24_999, ..outcome };
    assert_eq!(refusal(&fails, &full, at), NotRedrivable::HistoryFull);
    let unkept = run(&json!({"StartAt": "S", "States": {"S": {"Type": "Fail"}}}), json!({}));
    assert_eq!(refusal(&fails, &unkept, at), NotRedrivable::NoBookmark);

    let distributed = machine(json!({"Type": "Map", "End": true, "ItemProcessor": {
        "ProcessorConfig": {"Mode": "DISTRIBUTED", "ExecutionType": "STANDARD"},
        "StartAt": "I", "States": {"I": {"Type": "Fail", "Error": "Broken"}}}}));
    let outcome = ended(&distributed);
    assert_eq!(refusal(&distributed, &outcome, at), NotRedrivable::DistributedMap);
}
