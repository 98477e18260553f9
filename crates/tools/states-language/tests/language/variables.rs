//! Variables: `Assign`, references, scopes.

use serde_json::{Value, json};

use crate::{FUNCTION, Script, run, run_with};

/// Runs `first`, then a Pass that reports the variables.
fn after(first: &Value, input: Value) -> Value {
    let mut first = first.clone();
    first["Next"] = json!("Report");
    let machine = json!({"StartAt": "First", "States": {
        "First": first,
        "Report": {"Type": "Pass", "Parameters": {"x.$": "$x"}, "End": true},
    }});
    run(&machine, input).output.unwrap()["x"].clone()
}

#[test]
fn the_input_of_assign_depends_on_the_state() {
    let input = json!({"in": {"v": 1}});
    let table = [
        (json!({"Type": "Pass", "Assign": {"x.$": "$.in.v"}}), json!(1)),
        (json!({"Type": "Pass", "InputPath": "$.in", "Assign": {"x.$": "$.v"}}), json!(1)),
        (json!({"Type": "Pass", "Result": {"v": 2}, "Assign": {"x.$": "$.v"}}), json!(2)),
        (json!({"Type": "Pass", "Parameters": {"p": 3}, "Assign": {"x.$": "$.p"}}), json!(3)),
        (json!({"Type": "Wait", "Seconds": 1, "InputPath": "$.in", "Assign": {"x.$": "$"}}), json!({"v": 1})),
        (
            json!({"Type": "Task", "Resource": FUNCTION, "ResultSelector": {"s": 1}, "Assign": {"x.$": "$.in.v"}}),
            json!(1),
        ),
        (json!({"Type": "Pass", "Assign": {"x": {"nested.$": "$.in"}}}), json!({"nested": {"v": 1}})),
    ];
    for (state, expected) in table {
        assert_eq!(after(&state, input.clone()), expected, "{state}");
    }
}

#[test]
fn a_caught_error_is_assigned_by_its_catcher_alone() {
    let machine = json!({"StartAt": "T", "States": {
        "T": {"Type": "Task", "Resource": FUNCTION, "Assign": {"x": "done"}, "Next": "Report",
              "Catch": [{"ErrorEquals": ["States.ALL"], "Assign": {"x.$": "$.Error"}, "Next": "Report"}]},
        "Report": {"Type": "Pass", "Parameters": {"x.$": "$x"}, "End": true},
    }});
    let (outcome, _) = run_with(&machine, json!({}), &Script::default().then_fail("Broken"));
    assert_eq!(outcome.output, Some(json!({"x": "Broken"})));
}

#[test]
fn new_values_take_effect_in_the_next_state() {
    let machine = json!({"StartAt": "A", "States": {
        "A": {"Type": "Pass", "Assign": {"x": 5}, "Next": "B"},
        "B": {"Type": "Pass", "Assign": {"x": 42, "old.$": "$x"}, "OutputPath": "$x", "Next": "C"},
        "C": {"Type": "Pass", "Parameters": {"in.$": "$", "x.$": "$x", "old.$": "$old"}, "End": true},
    }});
    assert_eq!(run(&machine, json!({})).output, Some(json!({"in": 5, "x": 42, "old": 5})));
}

#[test]
fn inner_scopes_read_outer_variables_and_keep_their_own() {
    let machine = json!({"StartAt": "A", "States": {
        "A": {"Type": "Pass", "Assign": {"outer": {"v": [1, 2]}}, "Next": "P"},
        "P": {"Type": "Parallel", "Next": "End", "Branches": [
            {"StartAt": "B1", "States": {
                "B1": {"Type": "Pass", "Assign": {"own.$": "$outer.v[0]"}, "Next": "B2"},
                "B2": {"Type": "Pass", "OutputPath": "$own", "End": true}}},
            {"StartAt": "C1", "States": {
                "C1": {"Type": "Pass", "Assign": {"own.$": "$outer.v[1]"}, "Next": "C2"},
                "C2": {"Type": "Pass", "OutputPath": "$own", "End": true}}},
        ]},
        "End": {"Type": "Pass", "Parameters": {"all.$": "$", "outer.$": "$outer"}, "End": true},
    }});
    assert_eq!(run(&machine, json!({})).output, Some(json!({"all": [1, 2], "outer": {"v": [1, 2]}})));
}

#[test]
fn a_variable_without_a_value_fails_the_execution() {
    let machine =
        json!({"StartAt": "A", "States": {"A": {"Type": "Pass", "Parameters": {"v.$": "$none"}, "End": true}}});
    let outcome = run(&machine, json!({}));
    assert_eq!(outcome.error.as_deref(), Some("States.Runtime"));
    assert!(outcome.cause.unwrap().contains("The JSONPath '$none' specified for the field 'v.$'"));
}

#[test]
fn a_child_execution_sees_no_variables_of_its_parent() {
    let machine = json!({"StartAt": "A", "States": {
        "A": {"Type": "Pass", "Assign": {"x": 1}, "Result": [1], "Next": "M"},
        "M": {"Type": "Map", "End": true, "ItemProcessor": {
            "ProcessorConfig": {"Mode": "DISTRIBUTED", "ExecutionType": "STANDARD"},
            "StartAt": "I", "States": {"I": {"Type": "Pass", "Parameters": {"v.$": "$x"}, "End": true}}}},
    }});
    assert_eq!(run(&machine, json!({})).error.as_deref(), Some("States.ExceedToleratedFailureThreshold"));
}
