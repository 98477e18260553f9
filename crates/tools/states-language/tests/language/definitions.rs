//! Refusals at load: every mistake, with its state and field.

use serde_json::{Value, json};
use states_language::StateMachine;

use crate::{FUNCTION, only};

/// The problems as lines.
fn problems(definition: &Value) -> Vec<String> {
    match StateMachine::load(definition) {
        Ok(_) => Vec::new(),
        Err(error) => error.to_string().lines().map(ToOwned::to_owned).collect(),
    }
}

/// Asserts that a machine of this one state has exactly this problem.
fn assert_refused(state: &Value, field: &str, part: &str) {
    let problems = problems(&only(state));
    let place = if field.is_empty() { "state \"S\": ".to_owned() } else { format!("state \"S\", {field}: ") };
    assert!(
        problems.len() == 1 && problems[0].starts_with(&place) && problems[0].contains(part),
        "expected {place}…{part}…\n{problems:#?}\nfor {state}"
    );
}

fn task(fields: &Value) -> Value {
    let mut task = json!({"Type": "Task", "Resource": FUNCTION});
    task.as_object_mut().unwrap().extend(fields.as_object().unwrap().clone());
    task
}

#[test]
fn every_problem_is_listed() {
    let definition = json!({
        "StartAt": "Nowhere", "Surprise": 1, "TimeoutSeconds": 0,
        "States": {
            "A": {"Type": "Pass", "Next": "B", "End": true, "Colour": "red"},
            "B": {"Type": "Task", "Next": "Missing"},
            "C": {"Type": "Choice", "Choices": []},
            "D": {"Type": "Pizza"},
        },
    });
    assert_eq!(
        problems(&definition),
        [
            "state machine, Surprise: there is no such field here",
            "state machine, TimeoutSeconds: must be an integer from 1 to 99999999, not 0",
            "state \"A\", Colour: there is no such field here",
            "state \"A\", End: cannot be given together with Next",
            "state \"B\", Resource: is missing",
            "state \"B\", Next: there is no state \"Missing\" here",
            "state \"C\", Choices: there must be at least one rule",
            "state \"D\", Type: there is no state type \"Pizza\"",
            "state machine, StartAt: there is no state \"Nowhere\" here",
        ]
    );
}

#[test]
fn the_machine_itself_is_checked() {
    let states = json!({"A": {"Type": "Succeed"}});
    let table = [
        (json!(1), "state machine: must be a JSON object"),
        (json!({"States": states}), "state machine, StartAt: is missing"),
        (json!({"StartAt": "A"}), "state machine, States: is missing"),
        (json!({"StartAt": "A", "States": {}}), "state machine, States: there must be at least one state"),
        (json!({"StartAt": "A", "States": states, "Version": "2.0"}), "state machine, Version: must be \"1.0\""),
        (
            json!({"StartAt": "A", "States": states, "QueryLanguage": "JSONata"}),
            "state machine, QueryLanguage: JSONata is not supported",
        ),
        (json!({"StartAt": "A", "States": {"A": 1}}), "state \"A\": must be an object"),
        (
            json!({"StartAt": "A", "States": {"A": {"Type": "Succeed"}, "B": {"Type": "Succeed"}}}),
            "state \"B\": cannot be reached",
        ),
    ];
    for (definition, expected) in table {
        assert_eq!(problems(&definition), [expected]);
    }
    assert!("{".parse::<StateMachine>().unwrap_err().to_string().starts_with("state machine: not JSON: "));
}

#[test]
fn a_field_of_the_wrong_kind_is_refused() {
    let table = [
        (json!({"Type": "Pass", "InputPath": "x"}), "InputPath", "begin with \"$\""),
        (json!({"Type": "Pass", "InputPath": 1}), "InputPath", "must be a string"),
        (json!({"Type": "Pass", "InputPath": "$.a["}), "InputPath", "is missing"),
        (json!({"Type": "Pass", "InputPath": "$."}), "InputPath", "must not end"),
        (json!({"Type": "Pass", "InputPath": "$.a b"}), "InputPath", "blank"),
        (json!({"Type": "Pass", "InputPath": "$.a[?(@.x == )]"}), "InputPath", "is not a path"),
        (json!({"Type": "Pass", "InputPath": "$.a[0:9:2]"}), "InputPath", "steps are not supported"),
        (json!({"Type": "Pass", "InputPath": "$.a.shuffle()"}), "InputPath", "no path function"),
        (json!({"Type": "Pass", "OutputPath": "$$.Task.Token"}), "OutputPath", "task tokens are not supported"),
        (json!({"Type": "Pass", "ResultPath": "$.a[*]"}), "ResultPath", "Reference Path"),
        (json!({"Type": "Pass", "ResultPath": "$..a"}), "ResultPath", "Reference Path"),
        (json!({"Type": "Pass", "ResultPath": "$$.a"}), "ResultPath", "must point into the state's input"),
        (json!({"Type": "Pass", "ResultPath": "$x"}), "ResultPath", "must point into the state's input"),
        (
            json!({"Type": "Pass", "Parameters": {"a": {"b.$": "c"}}}),
            "Parameters.a.b.$",
            "must be a path or an intrinsic",
        ),
        (json!({"Type": "Pass", "Parameters": {"a.$": 1}}), "Parameters.a.$", "must be a string"),
        (json!({"Type": "Pass", "Parameters": {"a.$": "States.Nothing()"}}), "Parameters.a.$", "no intrinsic function"),
        (
            json!({"Type": "Pass", "Parameters": {"a.$": "States.MathAdd(1)"}}),
            "Parameters.a.$",
            "takes 2 arguments, not 1",
        ),
        (
            json!({"Type": "Pass", "Parameters": {"a.$": "States.MathRandom(1)"}}),
            "Parameters.a.$",
            "takes 2 to 3 arguments",
        ),
        (
            json!({"Type": "Pass", "Parameters": {"a.$": "States.Format()"}}),
            "Parameters.a.$",
            "takes at least 1 arguments",
        ),
        (
            json!({"Type": "Pass", "Parameters": {"a.$": "States.Format('{}{}', 1)"}}),
            "Parameters.a.$",
            "2 {} for 1 arguments",
        ),
        (json!({"Type": "Pass", "Parameters": {"a.$": "States.Array(1"}}), "Parameters.a.$", "is missing"),
        (json!({"Type": "Pass", "Parameters": {"a.$": "States.Array(x)"}}), "Parameters.a.$", "is not an argument"),
        (json!({"Type": "Pass", "Parameters": {"a.$": "States.Array() x"}}), "Parameters.a.$", "unexpected \"x\""),
        (json!({"Type": "Pass", "Parameters": {"a": 1, "a.$": "$"}}), "Parameters.a.$", "second field \"a\""),
        (json!({"Type": "Pass", "Parameters": {"a.$": r"States.Array('\n')"}}), "Parameters.a.$", r"\n is no escape"),
        (json!({"Type": "Pass", "Parameters": {"a.$": r"States.Format('\x')"}}), "Parameters.a.$", r"\x is no escape"),
        (json!({"Type": "Pass", "Assign": []}), "Assign", "must be an object"),
        (json!({"Type": "Pass", "Assign": {"1x": 1}}), "Assign", "not a name"),
        (json!({"Type": "Pass", "Assign": {"states": 1}}), "Assign", "reserved"),
        (json!({"Type": "Pass", "Output": 1}), "Output", "JSONata"),
        (json!({"Type": "Pass", "QueryLanguage": "JSONata"}), "QueryLanguage", "JSONata is not supported"),
        (json!({"Type": "Pass", "Comment": 1}), "Comment", "must be a string"),
        (json!({"Type": "Wait"}), "Seconds", "one of"),
        (json!({"Type": "Wait", "Seconds": 1, "SecondsPath": "$"}), "Seconds", "one of"),
        (json!({"Type": "Wait", "Seconds": -1}), "Seconds", "from 0 to"),
        (json!({"Type": "Wait", "Timestamp": "tomorrow"}), "Timestamp", "must be a timestamp"),
        (json!({"Type": "Wait", "SecondsPath": "$.a[*]"}), "SecondsPath", "Reference Path"),
        (json!({"Type": "Fail", "Error": "a", "ErrorPath": "$.a"}), "ErrorPath", "together with Error"),
        (json!({"Type": "Fail", "CausePath": "a"}), "CausePath", "must be a path or an intrinsic"),
        (json!({"Type": "Fail", "Next": "S"}), "Next", "no such field"),
        (json!({"Type": "Succeed", "End": true}), "End", "no such field"),
        (json!({"Type": "Parallel"}), "Branches", "is missing"),
        (json!({"Type": "Parallel", "Branches": []}), "Branches", "at least one branch"),
        (json!({"Type": "Parallel", "Branches": [1]}), "Branches[0]", "must be an object"),
        (
            json!({"Type": "Parallel", "Branches": [{"StartAt": "X", "States": {}}]}),
            "Branches[0].States",
            "at least one state",
        ),
        (json!({"Type": "Map"}), "ItemProcessor", "is missing"),
    ];
    for (state, field, part) in table {
        assert_refused(&state, field, part);
    }
}

#[test]
fn a_task_is_checked() {
    let invoke = |parameters: Value| json!({"Type": "Task", "Resource": "arn:aws:states:::lambda:invoke", "Parameters": parameters});
    let resource = |resource: &str| json!({"Type": "Task", "Resource": resource});
    let table = [
        (resource("work"), "Resource", "is not the ARN of a Lambda function"),
        (resource("arn:aws:s3:::bucket:x"), "Resource", "is not the ARN of a Lambda function"),
        (resource("arn:aws:states:::lambda:invoke.waitForTaskToken"), "Resource", "task tokens are not supported"),
        (resource("arn:aws:states:::ecs:runTask.sync"), "Resource", "ecs:runTask.sync: waiting for a job"),
        (resource("arn:aws:states:us-east-1:1:activity:x"), "Resource", "activities are not supported"),
        (resource("arn:aws:states:::sqs:sendMessage"), "Resource", "the integration sqs:sendMessage is not supported"),
        (resource("arn:aws:states:::aws-sdk:rds:describeDBInstances"), "Resource", "aws-sdk:rds:describeDBInstances"),
        (invoke(json!({"Payload": 1})), "Parameters", "needs FunctionName"),
        (invoke(json!({"FunctionName": "f", "Colour": 1})), "Parameters", "has no parameter \"Colour\""),
        (invoke(json!({"FunctionName": "f", "InvocationType": "Event"})), "Parameters", "only the InvocationType"),
        (task(&json!({"TimeoutSeconds": 0})), "TimeoutSeconds", "from 1 to"),
        (task(&json!({"TimeoutSeconds": 1.5})), "TimeoutSeconds", "must be an integer"),
        (task(&json!({"TimeoutSeconds": 5, "HeartbeatSeconds": 5})), "HeartbeatSeconds", "smaller than TimeoutSeconds"),
        (task(&json!({"TimeoutSeconds": 5, "TimeoutSecondsPath": "$.t"})), "TimeoutSecondsPath", "together"),
        (task(&json!({"ResultSelector": 1})), "ResultSelector", "must be an object"),
    ];
    for (state, field, part) in table {
        assert_refused(&state, field, part);
    }
    assert_eq!(problems(&only(&resource("arn:aws-cn:lambda:cn-north-1:1:function:f:live"))), [""; 0]);
}

#[test]
fn retriers_and_catchers_are_checked() {
    let retry = |retrier: Value| task(&json!({"Retry": [retrier]}));
    let table = [
        (retry(json!({})), "Retry[0].ErrorEquals", "is missing"),
        (retry(json!({"ErrorEquals": []})), "Retry[0].ErrorEquals", "at least one"),
        (retry(json!({"ErrorEquals": [1]})), "Retry[0].ErrorEquals", "must be a string"),
        (retry(json!({"ErrorEquals": ["States.Nope"]})), "Retry[0].ErrorEquals", "no predefined error \"States.Nope\""),
        (retry(json!({"ErrorEquals": ["States.ALL", "A"]})), "Retry[0].ErrorEquals", "must stand alone"),
        (retry(json!({"ErrorEquals": ["A"], "IntervalSeconds": 0})), "Retry[0].IntervalSeconds", "from 1 to"),
        (retry(json!({"ErrorEquals": ["A"], "MaxAttempts": -1})), "Retry[0].MaxAttempts", "from 0 to"),
        (retry(json!({"ErrorEquals": ["A"], "BackoffRate": 0.9})), "Retry[0].BackoffRate", "at least 1.0"),
        (
            retry(json!({"ErrorEquals": ["A"], "IntervalSeconds": 5, "MaxDelaySeconds": 5})),
            "Retry[0].MaxDelaySeconds",
            "greater than",
        ),
        (retry(json!({"ErrorEquals": ["A"], "JitterStrategy": "SOME"})), "Retry[0].JitterStrategy", "FULL"),
        (retry(json!({"ErrorEquals": ["A"], "Next": "S"})), "Retry[0].Next", "no such field"),
        (
            task(&json!({"Retry": [{"ErrorEquals": ["States.ALL"]}, {"ErrorEquals": ["A"]}]})),
            "Retry[0].ErrorEquals",
            "must come last",
        ),
        (task(&json!({"Catch": [{"ErrorEquals": ["A"]}]})), "Catch[0].Next", "is missing"),
        (task(&json!({"Catch": [{"ErrorEquals": ["A"], "Next": "X"}]})), "Catch[0].Next", "no state \"X\""),
        (
            task(&json!({"Catch": [{"ErrorEquals": ["A"], "Next": "S", "ResultPath": "$..x"}]})),
            "Catch[0].ResultPath",
            "Reference",
        ),
    ];
    for (state, field, part) in table {
        assert_refused(&state, field, part);
    }
}

#[test]
fn choice_rules_are_checked() {
    let choice = |rule: Value| json!({"Type": "Choice", "Choices": [rule]});
    let table = [
        (choice(json!(1)), "Choices[0]", "must be an object"),
        (choice(json!({"Next": "S"})), "Choices[0].", "no comparison"),
        (choice(json!({"Variable": "$", "IsNull": true})), "Choices[0].Next", "is missing"),
        (choice(json!({"Variable": "$", "IsNull": true, "Next": "X"})), "Choices[0].Next", "no state \"X\""),
        (choice(json!({"IsNull": true, "Next": "S"})), "Choices[0].Variable", "is missing"),
        (choice(json!({"Variable": "$", "IsNull": 1, "Next": "S"})), "Choices[0].IsNull", "true or false"),
        (
            choice(json!({"Variable": "$", "IsNull": true, "IsString": true, "Next": "S"})),
            "Choices[0].IsString",
            "one comparison",
        ),
        (
            choice(json!({"Variable": "$", "StringEquals": 1, "Next": "S"})),
            "Choices[0].StringEquals",
            "must be a string",
        ),
        (
            choice(json!({"Variable": "$", "NumericEquals": "1", "Next": "S"})),
            "Choices[0].NumericEquals",
            "must be a number",
        ),
        (
            choice(json!({"Variable": "$", "TimestampEquals": "x", "Next": "S"})),
            "Choices[0].TimestampEquals",
            "a timestamp",
        ),
        (
            choice(json!({"Variable": "$", "StringEqualsPath": "x", "Next": "S"})),
            "Choices[0].StringEqualsPath",
            "begin with",
        ),
        (
            choice(json!({"Variable": "$", "StringMatches": "a\\b", "Next": "S"})),
            "Choices[0].StringMatches",
            "escapes neither",
        ),
        (choice(json!({"And": [], "Next": "S"})), "Choices[0].And", "at least one rule"),
        (choice(json!({"Or": [1], "Next": "S"})), "Choices[0].Or[0]", "must be an object"),
        (
            choice(json!({"Not": {"Variable": "$", "IsNull": true, "Next": "S"}, "Next": "S"})),
            "Choices[0].Not.Next",
            "top level only",
        ),
        (choice(json!({"Not": 1, "Next": "S"})), "Choices[0].Not", "must be an object"),
        (
            choice(json!({"Condition": "{% true %}", "Variable": "$", "IsNull": true, "Next": "S"})),
            "Choices[0].Condition",
            "JSONata",
        ),
    ];
    for (state, field, part) in table {
        assert_refused(&state, field, part);
    }
    let unknown = problems(&only(&choice(json!({"Variable": "$", "StringLike": "x", "Next": "S"}))));
    assert!(unknown[0].contains("Choices[0].StringLike: there is no such field here"), "{unknown:#?}");
}

#[test]
fn maps_are_checked() {
    let with = |fields: Value, config: Value| {
        let mut state = json!({"Type": "Map", "ItemProcessor": {"ProcessorConfig": config, "StartAt": "I", "States": {"I": {"Type": "Succeed"}}}});
        state.as_object_mut().unwrap().extend(fields.as_object().unwrap().clone());
        state
    };
    let inline = || json!({});
    let distributed = || json!({"Mode": "DISTRIBUTED", "ExecutionType": "STANDARD"});
    let table = [
        (with(json!({"ItemReader": {}}), distributed()), "ItemReader", "Amazon S3 is not supported"),
        (with(json!({"ResultWriter": {}}), distributed()), "ResultWriter", "Amazon S3 is not supported"),
        (with(json!({"Iterator": {}}), inline()), "Iterator", "together with ItemProcessor"),
        (with(json!({"Parameters": {}, "ItemSelector": {}}), inline()), "Parameters", "together with ItemSelector"),
        (with(json!({"MaxConcurrency": -1}), inline()), "MaxConcurrency", "from 0 to"),
        (with(json!({"MaxConcurrency": 1, "MaxConcurrencyPath": "$.x"}), inline()), "MaxConcurrencyPath", "together"),
        (
            with(json!({"ToleratedFailurePercentage": 101}), distributed()),
            "ToleratedFailurePercentage",
            "from 0 to 100",
        ),
        (with(json!({"ToleratedFailureCount": -1}), distributed()), "ToleratedFailureCount", "from 0 to"),
        (with(json!({"ItemBatcher": {"MaxItemsPerBatch": 1}}), inline()), "ItemBatcher", "DISTRIBUTED"),
        (with(json!({"ItemBatcher": {}}), distributed()), "ItemBatcher.MaxItemsPerBatch", "needs a limit"),
        (with(json!({"Label": "a b"}), distributed()), "Label", "without blanks"),
        (with(json!({"Label": "a".repeat(41)}), distributed()), "Label", "1 to 40"),
        (with(json!({"ItemsPath": "$.a[*]"}), inline()), "ItemsPath", "Reference Path"),
        (with(json!({}), json!({"Mode": "OTHER"})), "ItemProcessor.ProcessorConfig.Mode", "INLINE"),
        (with(json!({}), json!({"Mode": "DISTRIBUTED"})), "ItemProcessor.ProcessorConfig.ExecutionType", "is missing"),
    ];
    for (state, field, part) in table {
        match field {
            // The legacy field is read instead of the other.
            "Iterator" => assert!(problems(&only(&state))[0].contains(part)),
            _ => assert_refused(&state, field, part),
        }
    }
}

#[test]
fn names_are_unique_across_nested_machines() {
    let definition = json!({"StartAt": "P", "States": {
        "P": {"Type": "Parallel", "End": true, "Branches": [
            {"StartAt": "A", "States": {"A": {"Type": "Succeed"}}},
            {"StartAt": "A", "States": {"A": {"Type": "Succeed"}}},
        ]},
    }});
    assert_eq!(problems(&definition), ["state \"A\": there is another state of this name"]);
    let long = "x".repeat(81);
    assert_eq!(problems(&json!({"StartAt": long, "States": {&long: {"Type": "Succeed"}}})).len(), 1);
}

#[test]
fn transitions_stay_within_their_flow() {
    let definition = json!({"StartAt": "P", "States": {
        "P": {"Type": "Parallel", "Next": "End", "Branches": [{"StartAt": "A", "States": {"A": {"Type": "Pass", "Next": "End"}}}]},
        "End": {"Type": "Succeed"},
    }});
    assert_eq!(problems(&definition), ["state \"A\", Next: there is no state \"End\" here"]);
}

#[test]
fn an_inner_scope_cannot_assign_an_outer_variable() {
    let definition = json!({"StartAt": "A", "States": {
        "A": {"Type": "Pass", "Assign": {"x": 1}, "Next": "P"},
        "P": {"Type": "Parallel", "End": true, "Branches": [
            {"StartAt": "B", "States": {"B": {"Type": "Pass", "Assign": {"x.$": "$"}, "End": true}}}]},
    }});
    assert_eq!(problems(&definition), ["state \"B\", Assign: the variable \"x\" belongs to an outer scope"]);
}
