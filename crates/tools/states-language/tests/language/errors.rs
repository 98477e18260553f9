//! Retry and Catch.

use serde_json::{Value, json};

use crate::{FUNCTION, Script, names, run_with};

/// A task with these retriers and catchers; a caught error ends in `Caught`.
fn task(retry: &Value, catch: &Value) -> Value {
    let mut task = json!({"Type": "Task", "Resource": FUNCTION, "Next": "Done"});
    let mut states = json!({"Done": {"Type": "Succeed"}});
    if !retry.is_null() {
        task["Retry"] = retry.clone();
    }
    if !catch.is_null() {
        task["Catch"] = catch.clone();
        states["Caught"] = json!({"Type": "Succeed"});
    }
    states["T"] = task;
    json!({"StartAt": "T", "States": states})
}

fn failing(errors: &[&str]) -> Script {
    errors.iter().fold(Script::default(), |script, error| script.then_fail(error))
}

/// The seconds from the start to each attempt.
fn attempts(machine: &Value, script: &Script) -> Vec<i64> {
    let (_, recorder) = run_with(machine, json!({}), script);
    let events = recorder.events();
    let scheduled = events.iter().filter(|event| event.kind.name() == "LambdaFunctionScheduled");
    scheduled.map(|event| event.timestamp.duration_since(events[0].timestamp).as_secs()).collect()
}

#[test]
fn retries_follow_interval_rate_cap_and_count() {
    let table = [
        (json!([{"ErrorEquals": ["A"]}]), vec![0, 1, 3, 7]),
        (json!([{"ErrorEquals": ["A"], "IntervalSeconds": 3, "MaxAttempts": 2, "BackoffRate": 2}]), vec![0, 3, 9]),
        (
            json!([{"ErrorEquals": ["A"], "IntervalSeconds": 3, "MaxAttempts": 3, "MaxDelaySeconds": 4}]),
            vec![0, 3, 7, 11],
        ),
        (json!([{"ErrorEquals": ["A"], "MaxAttempts": 0}, {"ErrorEquals": ["States.ALL"]}]), vec![0]),
        (
            json!([{"ErrorEquals": ["A"], "BackoffRate": 1.0, "IntervalSeconds": 10, "MaxAttempts": 4}]),
            vec![0, 10, 20, 30, 40],
        ),
        (json!([{"ErrorEquals": ["B"]}]), vec![0]),
    ];
    for (retry, expected) in table {
        assert_eq!(attempts(&task(&retry, &json!(null)), &failing(&["A"; 9])), expected, "{retry}");
    }
}

#[test]
fn every_retrier_counts_for_itself() {
    // The example of the specification: https://states-language.net/#complex-retry-scenarios
    let retry = json!([
        {"ErrorEquals": ["ErrorA", "ErrorB"], "IntervalSeconds": 1, "BackoffRate": 2, "MaxAttempts": 2},
        {"ErrorEquals": ["ErrorC"], "IntervalSeconds": 5},
    ]);
    let machine = task(&retry, &json!([{"ErrorEquals": ["States.ALL"], "Next": "Caught"}]));
    assert_eq!(attempts(&machine, &failing(&["ErrorA", "ErrorB", "ErrorC", "ErrorB"])), [0, 1, 3, 8]);
}

#[test]
fn full_jitter_stays_below_the_interval_and_follows_the_seed() {
    let retry = json!([{"ErrorEquals": ["A"], "IntervalSeconds": 100, "BackoffRate": 1, "MaxAttempts": 5, "JitterStrategy": "FULL"}]);
    let machine = task(&retry, &json!(null));
    let first = attempts(&machine, &failing(&["A"; 9]));
    assert_eq!(first, attempts(&machine, &failing(&["A"; 9])));
    assert!(first.windows(2).all(|pair| pair[1] - pair[0] <= 100));
    assert_ne!(first, [0, 100, 200, 300, 400, 500]);
}

#[test]
fn the_retry_count_is_in_the_context_and_in_the_request() {
    let machine = json!({"StartAt": "T", "States": {"T": {
        "Type": "Task", "Resource": FUNCTION, "Parameters": {"n.$": "$$.State.RetryCount"}, "End": true,
        "Retry": [{"ErrorEquals": ["States.ALL"]}]}}});
    let script = failing(&["A", "B"]);
    let (outcome, recorder) = run_with(&machine, json!({}), &script);
    let payloads: Vec<Value> = script.calls().into_iter().map(|(_, payload)| payload).collect();
    assert_eq!(payloads, [json!({"n": 0}), json!({"n": 1}), json!({"n": 2})]);
    assert_eq!(outcome.state_transitions, 3);
    let attempt = ["LambdaFunctionScheduled", "LambdaFunctionStarted", "LambdaFunctionFailed"];
    assert_eq!(names(&recorder)[1..7], [attempt, attempt].concat());
}

#[test]
fn the_first_catcher_that_matches_takes_the_error() {
    let catch = json!([
        {"ErrorEquals": ["A"], "Next": "Caught"},
        {"ErrorEquals": ["B", "States.Timeout"], "ResultPath": "$.deep.error", "Next": "Caught"},
        {"ErrorEquals": ["States.ALL"], "ResultPath": null, "Next": "Caught"},
    ]);
    let machine = task(&json!(null), &catch);
    let table = [
        ("A", json!({"Error": "A", "Cause": "because of A"})),
        ("B", json!({"in": 1, "deep": {"error": {"Error": "B", "Cause": "because of B"}}})),
        ("C", json!({"in": 1})),
    ];
    for (error, expected) in table {
        let (outcome, recorder) = run_with(&machine, json!({"in": 1}), &failing(&[error]));
        assert_eq!(outcome.output, Some(expected));
        assert_eq!(names(&recorder)[3..6], ["LambdaFunctionFailed", "TaskStateExited", "SucceedStateEntered"]);
    }
}

#[test]
fn the_wildcards_match_the_errors_that_aws_documents() {
    let table = [
        ("States.ALL", "Anything", true),
        ("States.ALL", "States.Timeout", true),
        ("States.ALL", "States.Runtime", false),
        ("States.ALL", "States.DataLimitExceeded", true),
        ("States.Runtime", "States.Runtime", false),
        ("States.TaskFailed", "Anything", true),
        ("States.TaskFailed", "Lambda.Unknown", true),
        ("States.TaskFailed", "States.Timeout", false),
        ("States.Timeout", "States.HeartbeatTimeout", true),
        ("States.HeartbeatTimeout", "States.Timeout", false),
        ("Other", "Anything", false),
    ];
    for (name, error, expected) in table {
        let machine = task(&json!(null), &json!([{"ErrorEquals": [name], "Next": "Caught"}]));
        let (outcome, _) = run_with(&machine, json!({}), &failing(&[error]));
        assert_eq!(outcome.output.is_some(), expected, "{name} for {error}");
    }
}

#[test]
fn a_runtime_error_is_caught_only_by_its_documented_name() {
    for (expression, name) in
        [("$.none", "States.ParameterPathFailure"), ("States.MathAdd('a', 1)", "States.IntrinsicFailure")]
    {
        for (catcher, caught) in [("States.ALL", false), ("States.TaskFailed", false), (name, true)] {
            let mut machine = task(&json!(null), &json!([{"ErrorEquals": [catcher], "Next": "Caught"}]));
            machine["States"]["T"]["Parameters"] = json!({"v.$": expression});
            let (outcome, recorder) = run_with(&machine, json!({}), &Script::default());
            assert_eq!(outcome.output.is_some(), caught, "{catcher} for {expression}");
            if !caught {
                assert_eq!(outcome.error.as_deref(), Some("States.Runtime"));
                assert_eq!(names(&recorder), ["TaskStateEntered"]);
            }
        }
    }
}

#[test]
fn a_caught_time_out_has_an_empty_cause() {
    for (limit, error) in [("TimeoutSeconds", "States.Timeout"), ("HeartbeatSeconds", "States.HeartbeatTimeout")] {
        let mut machine = task(&json!(null), &json!([{"ErrorEquals": ["States.ALL"], "Next": "Caught"}]));
        machine["States"]["T"][limit] = json!(10);
        let (outcome, recorder) = run_with(&machine, json!({}), &Script::default().after(60, Ok(json!(1))));
        assert_eq!(outcome.output, Some(json!({"Error": error, "Cause": ""})));
        let timed_out = recorder.events().iter().find(|event| event.kind.name() == "LambdaFunctionTimedOut");
        assert_eq!(timed_out.map(|event| event.cause.clone()), Some(None));
    }
}

#[test]
fn a_caught_error_always_has_both_fields() {
    for (fail, expected) in [
        (json!({"Type": "Fail"}), json!({"Error": "", "Cause": ""})),
        (json!({"Type": "Fail", "Error": "E"}), json!({"Error": "E", "Cause": ""})),
        (json!({"Type": "Fail", "Cause": "C"}), json!({"Error": "", "Cause": "C"})),
    ] {
        let machine = json!({"StartAt": "P", "States": {
            "P": {"Type": "Parallel", "Branches": [{"StartAt": "F", "States": {"F": fail}}], "Next": "Done",
                  "Catch": [{"ErrorEquals": ["States.ALL"], "Next": "Done"}]},
            "Done": {"Type": "Succeed"},
        }});
        assert_eq!(crate::run(&machine, json!({})).output, Some(expected));
    }
}

#[test]
fn a_time_out_is_retried() {
    let mut machine = task(&json!([{"ErrorEquals": ["States.Timeout"], "IntervalSeconds": 2}]), &json!(null));
    machine["States"]["T"]["TimeoutSeconds"] = json!(10);
    let script = Script::default().after(60, Ok(json!(1))).after(3, Ok(json!(2)));
    let (outcome, _) = run_with(&machine, json!({}), &script);
    assert_eq!(outcome.output, Some(json!(2)));
    assert_eq!(outcome.ended.duration_since(outcome.started).as_secs(), 15);
}
