//! Checking a definition as `ValidateStateMachineDefinition` does.

use serde_json::{Value, json};
use states_language::{Code, Severity, StateMachine, validate};

use crate::{FUNCTION, only};

/// Code and location of every diagnostic.
fn found(definition: &Value) -> Vec<(&'static str, String)> {
    validate(&definition.to_string()).into_iter().map(|found| (found.code.name(), found.location)).collect()
}

/// The one diagnostic of a machine, and whether AWS takes the machine.
fn assert_found(definition: &Value, code: &str, location: &str) {
    assert_eq!(found(definition), [(code, location.to_owned())], "{definition:#}");
}

#[test]
fn a_good_definition_has_no_diagnostics() {
    assert_eq!(found(&only(&json!({"Type": "Pass", "Result": {"a": ["text", "costs $5", "States.Format"]}}))), []);
    let conformance = include_str!("../conformance/aws.json");
    let cases: Vec<Value> = serde_json::from_str(conformance).unwrap();
    for case in cases {
        let errors: Vec<_> = validate(&case["definition"].to_string())
            .into_iter()
            .filter(|found| found.code.severity() == Severity::Error)
            .collect();
        assert_eq!(errors, [], "AWS has taken {}", case["name"]);
    }
}

#[test]
fn every_kind_of_mistake_has_the_code_of_the_api() {
    let pass = json!({"Type": "Pass", "End": true});
    let flow = |states: Value| json!({"StartAt": "A", "States": states});
    let task = |resource: &str| only(&json!({"Type": "Task", "Resource": resource}));
    let map = |label: &str, state: &str| {
        json!({"Type": "Map", "Label": label, "End": true, "ItemProcessor": {
            "ProcessorConfig": {"Mode": "DISTRIBUTED", "ExecutionType": "STANDARD"},
            "StartAt": state, "States": {state: {"Type": "Pass", "End": true}}}})
    };
    let table = [
        (flow(json!({"A": {"Type": "Pass", "Next": "B"}, "C": pass})), "MISSING_TRANSITION_TARGET", "/States/A/Next"),
        (flow(json!({"A": pass, "B": pass})), "MISSING_TRANSITION_TARGET", "/States/B"),
        (json!({"StartAt": "B", "States": {"A": pass}}), "MISSING_TRANSITION_TARGET", "/StartAt"),
        (flow(json!({"A": {"Type": "Pass", "Next": "A"}})), "MISSING_END_STATE", "/States"),
        (
            only(&json!({"Type": "Parallel", "Branches": [flow(json!({"A": {"Type": "Pass", "Next": "A"}}))]})),
            "MISSING_END_STATE",
            "/States/S/Branches[0]/States",
        ),
        (
            flow(json!({"A": {"Type": "Pass", "End": true, "Colour": 1}})),
            "SCHEMA_VALIDATION_FAILED",
            "/States/A/Colour",
        ),
        (flow(json!({"A": {"Type": "Pizza", "End": true}})), "SCHEMA_VALIDATION_FAILED", "/States/A/Type"),
        (flow(json!({"A": 1})), "SCHEMA_VALIDATION_FAILED", "/States/A"),
        (json!([]), "SCHEMA_VALIDATION_FAILED", ""),
        (json!(null), "MISSING_DESCRIPTION", ""),
        (
            only(&json!({"Type": "Pass", "Parameters": {"a": {"b.$": "$["}}})),
            "SCHEMA_VALIDATION_FAILED",
            "/States/S/Parameters/a.b.$",
        ),
        (
            only(&json!({"Type": "Task", "Resource": FUNCTION, "Retry": [{"ErrorEquals": []}]})),
            "SCHEMA_VALIDATION_FAILED",
            "/States/S/Retry[0]/ErrorEquals",
        ),
        (task("lambda"), "INVALID_RESOURCE", "/States/S/Resource"),
        (task("arn:aws:s3:::bucket"), "INVALID_RESOURCE", "/States/S/Resource"),
        (json!({"StartAt": "", "States": {"": pass}}), "INVALID_STATE_NAME", "/States/"),
        (
            only(&json!({"Type": "Parallel", "Branches": [{"StartAt": "S", "States": {"S": pass}}]})),
            "DUPLICATE_STATE_NAME",
            "/States/S/Branches[0]/States/S",
        ),
        (flow(json!({"A": map("a b", "B")})), "INVALID_LABEL_NAME", "/States/A/Label"),
        (
            flow(json!({"A": {"Type": "Parallel", "End": true, "Branches": [
                {"StartAt": "B", "States": {"B": map("one", "C")}}, {"StartAt": "D", "States": {"D": map("one", "E")}}]}})),
            "DUPLICATE_LABEL_NAME",
            "/States/A/Branches[1]/States/D/Label",
        ),
    ];
    for (definition, code, location) in table {
        if code == "MISSING_TRANSITION_TARGET" && location == "/States/A/Next" {
            assert_eq!(found(&definition)[0], (code, location.to_owned()));
            continue;
        }
        assert_found(&definition, code, location);
        let severity = validate(&definition.to_string())[0].code.severity();
        assert_eq!(severity, Severity::Error, "{code}");
    }
    for (text, code) in [("", "MISSING_DESCRIPTION"), (" \n", "MISSING_DESCRIPTION"), ("{", "INVALID_JSON_DESCRIPTION")]
    {
        assert_eq!(validate(text)[0].code.name(), code);
        assert!(text.parse::<StateMachine>().is_err());
    }
    let large = format!("{}{}", " ".repeat(1024 * 1024), only(&json!({"Type": "Pass"})));
    assert_eq!(validate(&large)[0].code, Code::SchemaValidationFailed);
}

#[test]
fn flows_are_nested_thirty_two_deep_at_most() {
    let nested = |depth: usize| {
        (0..depth).fold(json!({"StartAt": "S", "States": {"S": {"Type": "Pass", "End": true}}}), |flow, at| {
            let name = format!("P{at}");
            json!({"StartAt": name, "States": {name: {"Type": "Parallel", "End": true, "Branches": [flow]}}})
        })
    };
    assert!(StateMachine::load(&nested(32)).is_ok());
    let error = StateMachine::load(&nested(33)).unwrap_err();
    assert_eq!(error.problems().iter().map(|problem| problem.code).collect::<Vec<_>>(), [Code::TooDeeplyNested]);
}

#[test]
fn a_likely_mistake_is_a_warning() {
    let table = [
        (json!({"Type": "Pass", "Parameters": {"a": {"b": "$.x"}}}), "NO_DOLLAR", "/States/S/Parameters/a/b"),
        (json!({"Type": "Pass", "Parameters": {"a": [{"b": "$$.State"}]}}), "NO_DOLLAR", "/States/S/Parameters/a[0]/b"),
        (json!({"Type": "Pass", "Assign": {"a": "States.UUID()"}}), "NO_DOLLAR", "/States/S/Assign/a"),
        (json!({"Type": "Fail", "Error": "$.error"}), "NO_PATH", "/States/S/Error"),
        (json!({"Type": "Fail", "Cause": "$$.Execution.Id"}), "NO_PATH", "/States/S/Cause"),
        (json!({"Type": "Pass", "Result": {"a.$": "$.b"}}), "PASS_RESULT_IS_STATIC", "/States/S/Result"),
        (json!({"Type": "Pass", "Result": "$.b"}), "PASS_RESULT_IS_STATIC", "/States/S/Result"),
        (
            json!({"Type": "Task", "Resource": "arn:aws:states:::sqs:sendMessage"}),
            "NOT_INTERPRETED",
            "/States/S/Resource",
        ),
        (
            json!({"Type": "Task", "Resource": "arn:aws:states:::glue:startJobRun.sync"}),
            "NOT_INTERPRETED",
            "/States/S/Resource",
        ),
    ];
    for (state, code, location) in table {
        assert_found(&only(&state), code, location);
        assert_eq!(validate(&only(&state).to_string())[0].code.severity(), Severity::Warning);
    }
    let choice = json!({"StartAt": "C", "States": {
        "C": {"Type": "Choice", "Choices": [{"Not": {"Variable": "$.a", "StringEquals": "$.b"}, "Next": "D"}]},
        "D": {"Type": "Succeed"},
    }});
    assert_found(&choice, "NO_PATH", "/States/C/Choices[0]/Not/StringEquals");
}

#[test]
fn errors_come_before_warnings() {
    let definition = only(&json!({"Type": "Pass", "Result": "$.a", "Colour": 1}));
    assert_eq!(
        validate(&definition.to_string()).iter().map(ToString::to_string).collect::<Vec<_>>(),
        [
            "ERROR SCHEMA_VALIDATION_FAILED at /States/S/Colour: there is no such field here",
            "WARNING PASS_RESULT_IS_STATIC at /States/S/Result: the Result of a Pass state is taken as it is; use Parameters \
             to evaluate paths",
        ]
    );
}
