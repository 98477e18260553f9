//! The service's limits: data between states, events in a history.

use serde_json::json;

use crate::{FUNCTION, Script, only, run, run_with};

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
fn the_size_is_that_of_the_json_text() {
    // Seven numbers of ten characters with commas and brackets, a thousand times over, just above and below.
    let item = json!({"k\n": [-123_456, 1.5, true, false, null, "ü\"\\\u{1}"]});
    let size = item.to_string().len() + 1;
    let most = (256 * 1024 - 1) / size;
    for (count, fits) in [(most, true), (most + 1, false)] {
        let outcome = run(&only(&json!({"Type": "Pass"})), json!(vec![item.clone(); count]));
        assert_eq!(outcome.error.is_none(), fits, "{count} items of {size}");
    }
}

#[test]
fn a_result_that_is_too_large_cannot_be_caught() {
    let machine = json!({"StartAt": "T", "States": {
        "T": {"Type": "Task", "Resource": FUNCTION, "Next": "End", "ResultPath": null,
              "Catch": [{"ErrorEquals": ["States.DataLimitExceeded"], "Next": "End"}, {"ErrorEquals": ["States.ALL"], "Next": "End"}]},
        "End": {"Type": "Succeed"},
    }});
    let (outcome, _) = run_with(&machine, json!({}), &Script::default().then(json!("a".repeat(300_000))));
    assert_eq!(outcome.error.as_deref(), Some("States.DataLimitExceeded"));
    assert!(outcome.cause.unwrap().starts_with(&format!("The state/task '{FUNCTION}' returned")));
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
