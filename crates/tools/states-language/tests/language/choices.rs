//! Choice rules: every operator, with literal and with path.

use serde_json::{Value, json};

use crate::{load, run};

fn input() -> Value {
    json!({
        "text": "foo23.log", "b": "b", "c": "c", "n": 5, "five": 5.0, "six": 6, "yes": true, "no": false, "null": null,
        "early": "2024-01-01T00:00:00Z", "same": "2024-01-01T01:00:00+01:00", "late": "2024-01-01T00:00:00.5Z",
        "list": [], "star": "a*b\\c",
    })
}

fn chosen(rule: &Value, input: Value) -> Result<bool, String> {
    let mut rule = rule.clone();
    rule["Next"] = json!("Yes");
    let machine = json!({"StartAt": "C", "States": {
        "C": {"Type": "Choice", "Choices": [rule], "Default": "No"},
        "Yes": {"Type": "Pass", "Result": true, "End": true},
        "No": {"Type": "Pass", "Result": false, "End": true},
    }});
    let outcome = run(&machine, input);
    match outcome.output {
        Some(output) => Ok(output.as_bool().unwrap()),
        None => Err(format!("{}: {}", outcome.error.unwrap(), outcome.cause.unwrap())),
    }
}

#[test]
fn an_operator_compares_as_aws_does() {
    let table = [
        ("text", "StringEquals", json!("foo23.log"), true),
        ("n", "StringEquals", json!("5"), false),
        ("b", "StringLessThan", json!("c"), true),
        ("b", "StringLessThan", json!("b"), false),
        ("b", "StringLessThanEquals", json!("b"), true),
        ("b", "StringGreaterThan", json!("B"), true),
        ("b", "StringGreaterThanEquals", json!("c"), false),
        ("b", "StringEqualsPath", json!("$.b"), true),
        ("b", "StringLessThanPath", json!("$.c"), true),
        ("b", "StringLessThanEqualsPath", json!("$.c"), true),
        ("b", "StringGreaterThanPath", json!("$.c"), false),
        ("b", "StringGreaterThanEqualsPath", json!("$.b"), true),
        ("b", "StringEqualsPath", json!("$.n"), false),
        ("text", "StringMatches", json!("foo*.log"), true),
        ("text", "StringMatches", json!("*"), true),
        ("text", "StringMatches", json!("*.log"), true),
        ("text", "StringMatches", json!("f*2*.*g"), true),
        ("text", "StringMatches", json!("foo23.log"), true),
        ("text", "StringMatches", json!("foo"), false),
        ("text", "StringMatches", json!("foo23.log*.log"), false),
        ("text", "StringMatches", json!("foo??.log"), false),
        ("star", "StringMatches", json!("a\\*b\\\\*"), true),
        ("star", "StringMatches", json!("a\\*"), false),
        ("n", "StringMatches", json!("*"), false),
        ("n", "NumericEquals", json!(5), true),
        ("n", "NumericEquals", json!(5.0), true),
        ("n", "NumericEqualsPath", json!("$.five"), true),
        ("text", "NumericEquals", json!(5), false),
        ("n", "NumericLessThan", json!(5.1), true),
        ("n", "NumericLessThanPath", json!("$.six"), true),
        ("n", "NumericLessThanEquals", json!(5), true),
        ("n", "NumericLessThanEqualsPath", json!("$.five"), true),
        ("n", "NumericGreaterThan", json!(5), false),
        ("n", "NumericGreaterThanPath", json!("$.six"), false),
        ("n", "NumericGreaterThanEquals", json!(5), true),
        ("n", "NumericGreaterThanEqualsPath", json!("$.text"), false),
        ("yes", "BooleanEquals", json!(true), true),
        ("yes", "BooleanEquals", json!(false), false),
        ("text", "BooleanEquals", json!(false), false),
        ("yes", "BooleanEqualsPath", json!("$.no"), false),
        ("early", "TimestampEquals", json!("2024-01-01T00:00:00.000Z"), true),
        ("early", "TimestampEqualsPath", json!("$.same"), true),
        ("early", "TimestampLessThan", json!("2024-01-01T00:00:01Z"), true),
        ("early", "TimestampLessThanPath", json!("$.late"), true),
        ("early", "TimestampLessThanEquals", json!("2024-01-01T00:00:00Z"), true),
        ("early", "TimestampLessThanEqualsPath", json!("$.same"), true),
        ("late", "TimestampGreaterThan", json!("2024-01-01T00:00:00Z"), true),
        ("late", "TimestampGreaterThanPath", json!("$.early"), true),
        ("late", "TimestampGreaterThanEquals", json!("2024-01-01T00:00:00Z"), true),
        ("early", "TimestampGreaterThanEqualsPath", json!("$.late"), false),
        ("text", "TimestampEquals", json!("2024-01-01T00:00:00Z"), false),
        ("n", "IsPresent", json!(true), true),
        ("null", "IsPresent", json!(true), true),
        ("none", "IsPresent", json!(true), false),
        ("none", "IsPresent", json!(false), true),
        ("n.deeper[3]", "IsPresent", json!(false), true),
        ("null", "IsNull", json!(true), true),
        ("n", "IsNull", json!(false), true),
        ("n", "IsNumeric", json!(true), true),
        ("text", "IsNumeric", json!(true), false),
        ("text", "IsString", json!(true), true),
        ("n", "IsString", json!(false), true),
        ("no", "IsBoolean", json!(true), true),
        ("null", "IsBoolean", json!(true), false),
        ("early", "IsTimestamp", json!(true), true),
        ("same", "IsTimestamp", json!(true), true),
        ("text", "IsTimestamp", json!(true), false),
        ("n", "IsTimestamp", json!(false), true),
    ];
    for (variable, operator, value, expected) in table {
        let rule = json!({"Variable": format!("$.{variable}"), operator: value});
        assert_eq!(chosen(&rule, input()), Ok(expected), "{rule}");
    }
}

#[test]
fn timestamps_are_compared_up_to_the_end_of_the_year_9999() {
    let table = [
        ("9999-12-31T23:59:59Z", "9999-12-31T23:59:58Z", false),
        ("9999-12-31T23:59:58Z", "9999-12-31T23:59:59Z", true),
        ("9999-12-31T23:59:59Z", "9999-12-31T23:59:59-01:00", true),
        ("9999-12-31T23:59:59Z", "9999-12-31T23:59:59.000Z", false),
        ("2024-01-01T00:00:00Z", "9999-12-31T23:59:59Z", true),
        ("2024-01-01T02:00:00+02:00", "2024-01-01T00:00:00.5Z", true),
    ];
    for (left, right, less) in table {
        for rule in [
            json!({"Variable": "$.left", "TimestampLessThan": right}),
            json!({"Variable": "$.left", "TimestampLessThanPath": "$.right"}),
        ] {
            assert_eq!(chosen(&rule, json!({"left": left, "right": right})), Ok(less), "{left} < {right}");
        }
    }
}

#[test]
fn a_timestamp_is_rfc_3339_with_upper_case_t_and_z() {
    let table = [
        ("2016-03-14T01:59:00Z", true),
        ("2016-03-14T01:59:00.123456Z", true),
        ("2016-03-14T01:59:00+02:00", true),
        ("2016-03-14T01:59:00-0200", false),
        ("2016-03-14 01:59:00Z", false),
        ("2016-03-14t01:59:00Z", false),
        ("2016-03-14T01:59:00z", false),
        ("2016-03-14T01:59:00", false),
        ("2016-03-14T01:59Z", false),
        ("2016-13-14T01:59:00Z", false),
        ("2016-03-14T25:59:00Z", false),
        ("2016-03-14T01:59:00.Z", false),
        ("2016-03-14", false),
        ("", false),
        ("9999-12-31T23:59:59Z", true),
        ("9999-12-31T23:59:59.999999999-18:00", true),
        ("9999-12-30T22:00:01Z", true),
        ("10000-01-01T00:00:00Z", false),
        ("9999-12-32T00:00:00Z", false),
        ("0000-01-01T00:00:00+18:00", true),
        ("2016-03-14T01:59:00+18:01", false),
        ("2016-03-14T01:59:00+17:60", false),
        ("2016-03-14T01:59:00+2:000", false),
        ("2016-02-30T01:59:00Z", false),
        ("2016-03-14T01:59:00é", false),
        ("2016-03-14T01:59:0é", false),
    ];
    for (text, expected) in table {
        let rule = json!({"Variable": "$.t", "IsTimestamp": true});
        assert_eq!(chosen(&rule, json!({"t": text})), Ok(expected), "{text}");
    }
}

#[test]
fn rules_combine_and_stop_as_soon_as_they_are_decided() {
    let yes = json!({"Variable": "$.yes", "BooleanEquals": true});
    let no = json!({"Variable": "$.yes", "BooleanEquals": false});
    let error = json!({"Variable": "$.none", "BooleanEquals": true});
    let table = [
        (json!({"And": [yes, yes]}), true),
        (json!({"And": [yes, no]}), false),
        (json!({"And": [no, error]}), false),
        (json!({"Or": [no, yes]}), true),
        (json!({"Or": [yes, error]}), true),
        (json!({"Or": [no, no]}), false),
        (json!({"Not": no}), true),
        (json!({"Not": {"And": [yes, {"Not": no}]}}), false),
    ];
    for (rule, expected) in table {
        assert_eq!(chosen(&rule, input()), Ok(expected), "{rule}");
    }
}

#[test]
fn a_path_that_finds_nothing_fails_the_execution() {
    for rule in [
        json!({"Variable": "$.none", "NumericEquals": 1}),
        json!({"Variable": "$.none", "IsNull": true}),
        json!({"Variable": "$.n", "NumericEqualsPath": "$.none"}),
        json!({"Not": {"Variable": "$.none", "StringEquals": "a"}}),
    ] {
        assert_eq!(
            chosen(&rule, input()),
            Err("States.Runtime: An error occurred while executing the state 'C' (entered at the event id #2). \
                 Invalid path '$.none': The choice state's condition path references an invalid value."
                .to_owned()),
            "{rule}"
        );
    }
}

#[test]
fn without_a_match_and_a_default_the_execution_fails() {
    let machine = json!({"StartAt": "C", "States": {
        "C": {"Type": "Choice", "Choices": [{"Variable": "$", "IsNull": true, "Next": "End"}]},
        "End": {"Type": "Succeed"},
    }});
    assert_eq!(run(&machine, json!(null)).output, Some(json!(null)));
    assert_eq!(run(&machine, json!(1)).error.as_deref(), Some("States.NoChoiceMatched"));
}

#[test]
fn a_rule_has_a_description_for_diagrams() {
    let machine = load(&json!({"StartAt": "C", "States": {
        "C": {"Type": "Choice", "Default": "End", "Choices": [
            {"Variable": "$.a", "BooleanEquals": true, "Next": "End"},
            {"And": [{"Variable": "$.n", "NumericGreaterThanEquals": 2}, {"Not": {"Variable": "$.s", "IsPresent": true}}], "Next": "End"},
            {"Or": [{"Variable": "$.s", "StringMatches": "a*"}, {"Variable": "$.s", "StringEqualsPath": "$.t"}], "Next": "End"},
        ]},
        "End": {"Type": "Succeed"},
    }}));
    let described: Vec<String> = machine
        .flow()
        .start()
        .transitions(machine.flow())
        .into_iter()
        .filter_map(|transition| match transition.reason {
            states_language::Reason::Rule(words) => Some(words),
            _ => None,
        })
        .collect();
    assert_eq!(described, ["$.a == true", "$.n >= 2 and not ($.s is present)", "$.s matches \"a*\" or $.s == $.t"]);
}
