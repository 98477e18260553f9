//! The service's limits: data between states, events in a history.

use serde_json::{Value, json};
use states_language::{StateMachine, Status};

use crate::{FUNCTION, Script, names, only, run, run_with};

#[test]
fn data_between_states_has_at_most_256_kib() {
    let text = |length: usize| json!("a".repeat(length - 2));
    let pass = only(&json!({"Type": "Pass"}));
    assert_eq!(run(&pass, text(256 * 1024)).error, None);
    let outcome = run(&pass, text(256 * 1024 + 1));
    assert_eq!(outcome.error.as_deref(), Some("States.DataLimitExceeded"));
    assert_eq!(
        outcome.cause.as_deref(),
        Some("The state/task 'S' returned a result with a size exceeding the maximum number of bytes service limit.")
    );
}

#[test]
fn the_size_counts_the_bytes_of_the_json_text() {
    // The greatest number of items that fits into 256 KiB, then one more.
    let item = json!({"k\n": [-123_456, 1.5, true, false, null, "ü\"\\\u{1}"]});
    let size = item.to_string().len() + 1;
    let most = (256 * 1024 - 1) / size;
    for (count, fits) in [(most, true), (most + 1, false)] {
        let outcome = run(&only(&json!({"Type": "Pass"})), json!(vec![item.clone(); count]));
        assert_eq!(outcome.error.is_none(), fits, "{count} items of {size}");
    }
}

const INVOKE: &str = "arn:aws:states:::lambda:invoke";

/// A task with this integration and these fields. A caught error ends in `Caught`.
fn task(resource: &str, fields: &Value) -> Value {
    let mut task = json!({"Type": "Task", "Resource": resource, "Parameters": {"FunctionName": "f"}, "Next": "Done"});
    task.as_object_mut().unwrap().extend(fields.as_object().unwrap().clone());
    let mut states = json!({"T": task, "Done": {"Type": "Succeed"}});
    if states["T"].get("Catch").is_some() {
        states["Caught"] = json!({"Type": "Succeed"});
    }
    json!({"StartAt": "T", "States": states})
}

#[test]
fn a_task_result_that_is_too_large_fails_the_task_and_can_be_caught() {
    let large = || Script::default().then(json!("a".repeat(300_000)));
    for (resource, failed, subject) in [(FUNCTION, "LambdaFunctionFailed", FUNCTION), (INVOKE, "TaskFailed", "lambda")]
    {
        for name in ["States.DataLimitExceeded", "States.ALL"] {
            let fields = json!({"ResultPath": null, "Catch": [{"ErrorEquals": [name], "Next": "Caught"}]});
            let (outcome, recorder) = run_with(&task(resource, &fields), json!({}), &large());
            let error = outcome.output.expect("the error is caught");
            assert_eq!(error["Error"], "States.DataLimitExceeded");
            assert!(error["Cause"].as_str().unwrap().starts_with(&format!("The state/task '{subject}' returned")));
            assert_eq!(names(&recorder)[3..5], [failed, "TaskStateExited"]);
        }
        let (outcome, recorder) = run_with(&task(resource, &json!({})), json!({}), &large());
        assert_eq!(outcome.error.as_deref(), Some("States.DataLimitExceeded"));
        assert_eq!(recorder.events()[4].error, outcome.error);
        assert_eq!(names(&recorder).last(), Some(&failed));
    }
}

#[test]
fn a_task_result_that_is_too_large_is_retried() {
    let machine = task(FUNCTION, &json!({"Retry": [{"ErrorEquals": ["States.ALL"]}]}));
    let script = Script::default().then(json!("a".repeat(300_000))).then(json!("small"));
    assert_eq!(run_with(&machine, json!({}), &script).0.output, Some(json!("small")));
}

#[test]
fn a_state_output_that_is_too_large_cannot_be_caught() {
    // Neither part is too large alone, but both together are.
    let fields = json!({"ResultPath": "$.result", "Catch": [
        {"ErrorEquals": ["States.DataLimitExceeded"], "Next": "Caught"},
        {"ErrorEquals": ["States.ALL"], "Next": "Caught"},
    ]});
    let part = "a".repeat(200_000);
    let (outcome, recorder) =
        run_with(&task(FUNCTION, &fields), json!({"in": part}), &Script::default().then(json!(part)));
    assert_eq!(outcome.error.as_deref(), Some("States.DataLimitExceeded"));
    assert!(outcome.cause.unwrap().starts_with("The state/task 'T' returned"));
    assert_eq!(names(&recorder).last(), Some(&"LambdaFunctionSucceeded"));
}

#[test]
fn an_execution_is_at_most_a_year_old() {
    let year = 365 * 86_400;
    let second = only(&json!({"Type": "Wait", "SecondsPath": "$.seconds"}));
    let table = [
        (year - 1, Status::Succeeded, year - 1),
        (year + 1, Status::TimedOut, year),
        (1 << 31, Status::TimedOut, year),
    ];
    for (seconds, status, age) in table {
        let outcome = run(&second, json!({ "seconds": seconds }));
        assert_eq!(outcome.status, status, "{seconds}");
        assert_eq!(outcome.ended.duration_since(outcome.started).as_secs(), age);
    }
    // A machine cannot allow its executions more time.
    let mut machine = second;
    machine["TimeoutSeconds"] = json!(99_999_999);
    let outcome = run(&machine, json!({"seconds": 99_999_000}));
    assert_eq!((outcome.status, outcome.error.as_deref()), (Status::TimedOut, Some("States.Timeout")));
    assert_eq!(outcome.ended.duration_since(outcome.started).as_secs(), year);
}

#[test]
fn a_definition_has_at_most_a_megabyte() {
    let with_comment = |length: usize| {
        let mut machine = only(&json!({"Type": "Pass"}));
        machine["Comment"] = json!("");
        let rest = machine.to_string().len();
        machine["Comment"] = json!("a".repeat(length - rest));
        machine
    };
    let most = 1024 * 1024;
    for definition in [with_comment(most), with_comment(most + 1)] {
        let text = definition.to_string();
        let fits = text.len() == most;
        assert_eq!(StateMachine::load(&definition).is_ok(), fits);
        assert_eq!(text.parse::<StateMachine>().is_ok(), fits);
    }
    let error = StateMachine::load(&with_comment(most + 1)).unwrap_err().to_string();
    assert_eq!(error, "state machine: has 1048577 bytes; a definition has at most 1048576");
    let spaced = format!("{}{}", " ".repeat(most), only(&json!({"Type": "Pass"})));
    assert!(spaced.parse::<StateMachine>().is_err(), "blanks count");
}

#[test]
fn a_variable_and_all_of_one_assign_have_at_most_256_kib() {
    let most = 256 * 1024;
    let table = [
        (vec![most], None),
        (vec![most + 1], Some("The variable 'v0' has 262145 bytes, more than 262144.")),
        (vec![most / 2, most / 2], None),
        (vec![most / 2, most / 2 + 1], Some("One Assign has 262145 bytes, more than 262144.")),
    ];
    for (lengths, problem) in table {
        let text = |length: &usize| json!("a".repeat(length - 2));
        let assign: serde_json::Map<_, _> =
            lengths.iter().enumerate().map(|(at, length)| (format!("v{at}"), text(length))).collect();
        let machine = json!({"StartAt": "S0", "States": {"S0": {"Type": "Pass", "Assign": assign, "End": true}}});
        let outcome = run(&machine, json!({}));
        assert_eq!(outcome.error.as_deref(), problem.map(|_| "States.Runtime"), "{lengths:?}");
        let words = problem.map(|problem| {
            format!("An error occurred while executing the state 'S0' (entered at the event id #2). {problem}")
        });
        assert_eq!(outcome.cause, words);
    }
}

#[test]
fn all_variables_of_an_execution_have_ten_mebibytes_at_most() {
    // A definition cannot be that large, so the values come from the input.
    let states = |count: usize| {
        let mut states = json!({"End": {"Type": "Succeed"}});
        for at in 0..count {
            let next = if at + 1 == count { "End".to_owned() } else { format!("S{}", at + 1) };
            states[format!("S{at}")] = json!({"Type": "Pass", "Assign": {format!("v{at}.$"): "$"}, "Next": next});
        }
        json!({"StartAt": "S0", "States": states})
    };
    let input = json!("a".repeat(256 * 1024 - 2));
    assert_eq!(run(&states(40), input.clone()).status, Status::Succeeded);
    let outcome = run(&states(41), input.clone());
    assert_eq!(outcome.error.as_deref(), Some("States.Runtime"));
    assert!(outcome.cause.unwrap().ends_with(" All variables have 10747904 bytes, more than 10485760."));
    // A variable that is assigned anew frees its space, and so do the variables of an ended scope.
    let again = json!({"StartAt": "M", "States": {"M": {
        "Type": "Map", "ItemsPath": "$.items", "MaxConcurrency": 1, "ItemSelector": {"text.$": "$.text"}, "End": true,
        "ResultSelector": {}, "ItemProcessor": {"StartAt": "A", "States": {
            "A": {"Type": "Pass", "Assign": {"v.$": "$.text"}, "Next": "B"},
            "B": {"Type": "Pass", "Assign": {"v.$": "$.text"}, "Next": "C"},
            "C": {"Type": "Pass", "Result": 1, "End": true},
        }},
    }}});
    let outcome = run(&again, json!({"items": vec![0; 60], "text": "a".repeat(250_000)}));
    assert_eq!(outcome.status, Status::Succeeded, "{:?}", outcome.cause);
}

#[test]
fn a_history_has_at_most_25000_events() {
    let machine = json!({"StartAt": "A", "States": {
        "A": {"Type": "Pass", "Next": "B"},
        "B": {"Type": "Pass", "Next": "A"},
    }});
    let (outcome, recorder) = run_with(&machine, json!({}), &Script::default());
    assert_eq!(outcome.cause.as_deref(), Some("The execution reached the maximum number of history events (25000)."));
    assert_eq!((outcome.event_count, recorder.events().len()), (25_000, 25_000));
    assert_eq!(recorder.types().last().unwrap().name(), "ExecutionFailed");
}

#[test]
fn six_hours_of_polling_take_no_time() {
    let machine = json!({"StartAt": "Poll", "States": {
        "Poll": {"Type": "Task", "Resource": FUNCTION, "ResultPath": "$.n", "Next": "Done?"},
        "Done?": {"Type": "Choice", "Choices": [{"Variable": "$.n", "NumericEquals": 360, "Next": "End"}], "Default": "Wait"},
        "Wait": {"Type": "Wait", "Seconds": 60, "Next": "Poll"},
        "End": {"Type": "Succeed"},
    }});
    let script = (0..=360).fold(Script::default(), |script, n| script.then(json!(n)));
    let (outcome, _) = run_with(&machine, json!({}), &script);
    assert_eq!(outcome.output, Some(json!({"n": 360})));
    assert_eq!(outcome.ended.duration_since(outcome.started).as_hours(), 6);
}
