//! The fields that shape input and output, and their nulls.

use serde_json::json;

use crate::{FUNCTION, Script, failure_of, only, output_of, run, run_with};

#[test]
fn a_result_is_placed_where_its_path_says() {
    let table = [
        (json!("$"), json!({"a": 1}), json!("R")),
        (json!(null), json!({"a": 1}), json!({"a": 1})),
        (json!("$.r"), json!({"a": 1}), json!({"a": 1, "r": "R"})),
        (json!("$.a"), json!({"a": 1}), json!({"a": "R"})),
        (json!("$.b.c.d"), json!({"a": 1}), json!({"a": 1, "b": {"c": {"d": "R"}}})),
        (json!("$['b c'].d"), json!({}), json!({"b c": {"d": "R"}})),
        (json!("$.list[1]"), json!({"list": [1, 2, 3]}), json!({"list": [1, "R", 3]})),
        (json!("$.list[0].x"), json!({"list": [{"y": 1}]}), json!({"list": [{"y": 1, "x": "R"}]})),
        (json!("$[0]"), json!([1, 2]), json!(["R", 2])),
    ];
    for (path, input, expected) in table {
        let state = json!({"Type": "Pass", "Result": "R", "ResultPath": path});
        assert_eq!(output_of(&state, input), expected, "{path}");
    }
}

#[test]
fn a_result_that_has_no_place_is_a_match_failure() {
    for (path, input) in [
        ("$.x", json!("foo")),
        ("$.a.b", json!({"a": 1})),
        ("$.list[3]", json!({"list": [1]})),
        ("$.none[0]", json!({})),
        ("$[0]", json!({})),
    ] {
        let (error, cause) = failure_of(&json!({"Type": "Pass", "Result": 1, "ResultPath": path}), input);
        assert_eq!(error, "States.ResultPathMatchFailure", "{path}");
        assert!(cause.contains(path), "{cause}");
    }
}

#[test]
fn a_match_failure_can_be_caught() {
    let machine = json!({"StartAt": "T", "States": {
        "T": {"Type": "Task", "Resource": FUNCTION, "ResultPath": "$.x.y", "Next": "End",
              "Catch": [{"ErrorEquals": ["States.ResultPathMatchFailure"], "ResultPath": "$.error", "Next": "End"}]},
        "End": {"Type": "Succeed"},
    }});
    let output = run(&machine, json!({"x": 1})).output.unwrap();
    assert_eq!(output["x"], 1);
    assert_eq!(output["error"]["Error"], "States.ResultPathMatchFailure");
}

#[test]
fn every_field_is_applied_in_its_turn() {
    let state = json!({
        "Type": "Task", "Resource": FUNCTION,
        "InputPath": "$.in",
        "Parameters": {"sent.$": "$.a", "fixed": [1, {"raw.$": "$.b", "$.kept": "$.b"}], "name.$": "$$.State.Name"},
        "ResultSelector": {"got.$": "$.sent", "all.$": "$"},
        "ResultPath": "$.out",
        "OutputPath": "$.out",
    });
    let script = Script::default();
    let (outcome, _) = run_with(&only(&state), json!({"in": {"a": 1, "b": 2}}), &script);
    let sent = json!({"sent": 1, "fixed": [1, {"raw": 2, "$.kept": "$.b"}], "name": "S"});
    assert_eq!(script.calls(), [(FUNCTION.to_owned(), sent.clone())]);
    assert_eq!(outcome.output, Some(json!({"got": 1, "all": sent})));
}

#[test]
fn a_null_path_means_an_empty_input_or_output() {
    let state = json!({"Type": "Task", "Resource": FUNCTION, "InputPath": null, "ResultPath": "$.r"});
    assert_eq!(output_of(&state, json!({"a": 1})), json!({"a": 1, "r": {}}));
    assert_eq!(output_of(&json!({"Type": "Pass", "OutputPath": null}), json!({"a": 1})), json!({}));
    assert_eq!(output_of(&json!({"Type": "Succeed", "OutputPath": null}), json!({"a": 1})), json!({}));
    assert_eq!(output_of(&json!({"Type": "Wait", "Seconds": 1, "InputPath": null}), json!({"a": 1})), json!({}));
}

#[test]
fn an_indefinite_path_gathers_its_results() {
    let state = json!({"Type": "Pass", "InputPath": "$.a[0,1]"});
    assert_eq!(output_of(&state, json!({"a": [1, 2, 3]})), json!([1, 2]));
    assert_eq!(output_of(&json!({"Type": "Pass", "OutputPath": "$.a[*]"}), json!({"a": []})), json!([]));
}

#[test]
fn a_pass_without_a_result_passes_its_effective_input() {
    let input = json!({"a": {"b": 1}});
    assert_eq!(output_of(&json!({"Type": "Pass", "InputPath": "$.a"}), input.clone()), json!({"b": 1}));
    let nested = json!({"Type": "Pass", "InputPath": "$.a", "ResultPath": "$.c"});
    assert_eq!(output_of(&nested, input.clone()), json!({"a": {"b": 1}, "c": {"b": 1}}));
    assert_eq!(output_of(&json!({"Type": "Pass", "ResultPath": null}), input.clone()), input);
}

#[test]
fn parameters_may_be_any_value() {
    assert_eq!(
        output_of(&json!({"Type": "Pass", "Parameters": [1, {"a.$": "$.x"}]}), json!({"x": 2})),
        json!([1, {"a": 2}])
    );
    assert_eq!(output_of(&json!({"Type": "Pass", "Parameters": {"a": {"b": {}}}}), json!({})), json!({"a": {"b": {}}}));
}

#[test]
fn a_fail_state_takes_error_and_cause_from_paths_and_calls() {
    let table = [
        (json!({"Type": "Fail"}), ("", "")),
        (json!({"Type": "Fail", "Error": "E", "Cause": "C"}), ("E", "C")),
        (json!({"Type": "Fail", "ErrorPath": "$.e", "CausePath": "$$.Execution.Name"}), ("Broken", "Execution")),
        (
            json!({"Type": "Fail", "Error": "E", "CausePath": "States.JsonToString($)"}),
            ("E", r#"{"e":"Broken","n":1}"#),
        ),
    ];
    for (state, (error, cause)) in table {
        assert_eq!(failure_of(&state, json!({"e": "Broken", "n": 1})), (error.to_owned(), cause.to_owned()), "{state}");
    }
    let (error, _) = failure_of(&json!({"Type": "Fail", "ErrorPath": "$.n"}), json!({"n": 1}));
    assert_eq!(error, "States.Runtime");
}
