//! Paths, in the grammar of Jayway.

use serde_json::{Value, json};

use crate::{evaluate, failure_of, output_of};

fn store() -> Value {
    json!({
        "items": [{"n": 1, "tag": "a"}, {"n": 2, "tag": "b"}, {"n": 3}],
        "numbers": [4, 1, 3],
        "map": {"x": 1, "y": 2, "z": 3},
        "deep": {"n": 7, "list": [{"n": 8}]},
        "with-dash": 1, "with blank": 2, "dot.ted": 3, "quo\\\"ted": 4, "apos'trophe": 5, "null": null, "empty": [],
        "text": "abc", "limit": 2, "nulls": [{"k": 1}, {"k": 2, "x": null}, {"k": 3, "x": 0}],
    })
}

#[test]
fn a_path_selects_the_nodes_that_jayway_selects() {
    let table = [
        ("$", store()),
        ("$.items[0]", json!({"n": 1, "tag": "a"})),
        ("$.items[-1]", json!({"n": 3})),
        ("$.items[0].n", json!(1)),
        ("$['items'][1]['n']", json!(2)),
        ("$[\"items\"][1].n", json!(2)),
        ("$.['items'].[1].n", json!(2)),
        ("$.with-dash", json!(1)),
        ("$['with blank']", json!(2)),
        ("$['dot.ted']", json!(3)),
        ("$.dot\\.ted", json!(3)),
        ("$['dot\\u002eted']", json!(3)),
        (r#"$['quo\"ted']"#, json!(4)),
        (r#"$["quo\"ted"]"#, json!(4)),
        (r"$['apos\'trophe']", json!(5)),
        ("$.null", Value::Null),
        ("$.items[*].n", json!([1, 2, 3])),
        ("$.items[*].tag", json!(["a", "b"])),
        ("$.items[0,2].n", json!([1, 3])),
        ("$.items[0,9].n", json!([1])),
        ("$.items[1:].n", json!([2, 3])),
        ("$.items[:1].n", json!([1])),
        ("$.items[0:2].n", json!([1, 2])),
        ("$.items[-2:].n", json!([2, 3])),
        ("$.items[:-1].n", json!([1, 2])),
        ("$.items[5:].n", json!([])),
        ("$.empty[*]", json!([])),
        ("$.map.*", json!([1, 2, 3])),
        ("$.map[*]", json!([1, 2, 3])),
        ("$.map['x','z']", json!({"x": 1, "z": 3})),
        ("$.map['x','none']", json!({"x": 1})),
        ("$..n", json!([1, 2, 3, 7, 8])),
        ("$.deep..n", json!([7, 8])),
        ("$..list[0].n", json!([8])),
        ("$..nothing", json!([])),
        ("$.deep..*", json!([7, [{"n": 8}], {"n": 8}, 8])),
        ("$.items[?(@.n > 1)].n", json!([2, 3])),
        ("$.items[?(@.tag)].n", json!([1, 2])),
        ("$.items[?(!@.tag)].n", json!([3])),
        ("$.nulls[?(!@.x)].k", json!([1, 2])),
        ("$.nulls[?(@.x)].k", json!([2, 3])),
        ("$.items[3]", Value::Null),
        ("$.items[-4]", Value::Null),
        ("$.items[3].n", Value::Null),
        ("$$.Execution.Input.items[3]", Value::Null),
        ("$.items[?(@.tag == 'b')].n", json!([2])),
        ("$.items[?(@.tag != 'b')].n", json!([1, 3])),
        ("$.items[?(@.n >= $.limit)].n", json!([2, 3])),
        ("$.items[?(@.n == 1 || @.n == 3)].n", json!([1, 3])),
        ("$.items[?(@.n > 1 && @.tag)].n", json!([2])),
        ("$.items[?(@.n in [1, 3])].n", json!([1, 3])),
        ("$.items[?(@.tag nin ['a'])].n", json!([2, 3])),
        ("$.items[?(@.tag =~ /A|B/i)].n", json!([1, 2])),
        ("$.items[?(@.tag =~ /./)].n", json!([1, 2])),
        ("$.numbers[?(@ < 4)]", json!([1, 3])),
        ("$.items[?((@.n < 2) || !(@.tag))].n", json!([1, 3])),
        ("$.items[?(@.tag == ')')].n", json!([])),
        ("$.numbers.length()", json!(3)),
        ("$.map.length()", json!(3)),
        ("$.numbers.min()", json!(1.0)),
        ("$.numbers.max()", json!(4.0)),
        ("$.numbers.sum()", json!(8.0)),
        ("$.items[*].n.avg()", json!(2.0)),
        ("$..n.sum()", json!(21.0)),
        ("$.map.keys()", json!(["x", "y", "z"])),
        ("$.numbers.first()", json!(4)),
        ("$.numbers.last()", json!(3)),
        ("$.numbers.index(-2)", json!(1)),
    ];
    for (path, expected) in table {
        assert_eq!(evaluate(path, store()), expected, "{path}");
    }
}

#[test]
fn the_standard_deviation_is_that_of_the_whole_population() {
    let deviation = evaluate("$.v.stddev()", json!({"v": [2, 4, 4, 4, 5, 5, 7, 9]}));
    assert_eq!(deviation, json!(2.0));
}

#[test]
fn a_definite_path_that_finds_nothing_fails_the_execution() {
    for path in ["$.none", "$.none.deeper", "$.text.x", "$.map[0]", "$.none[*].length()", "$.empty.max()", "$.null.x"] {
        let (error, cause) = failure_of(
            &json!({"Type": "Pass", "Parameters": {"v.$": path}}),
            json!({"items": [], "text": "a", "map": {}, "empty": [], "null": null}),
        );
        assert_eq!(error, "States.Runtime", "{path}");
        assert!(
            cause.starts_with(&format!(
                "An error occurred while executing the state 'S' (entered at the event id #2). The JSONPath \
                 '{path}' specified for the field 'v.$' could not be found in the input '"
            )),
            "{cause}"
        );
    }
}

#[test]
fn the_cause_shows_the_input_in_its_own_order() {
    let (_, cause) = failure_of(&json!({"Type": "Fail", "ErrorPath": "$.x"}), json!({"b": 1, "a": 2}));
    assert_eq!(
        cause,
        "An error occurred while executing the state 'S' (entered at the event id #2). The JSONPath '$.x' specified \
         for the field 'ErrorPath' could not be found in the input '{\"b\":1,\"a\":2}'"
    );
}

#[test]
fn an_indefinite_path_with_a_missing_node_finds_no_items_in_a_template() {
    let input = json!({"text": "abc", "null": null, "map": {}, "list": [[1], {}]});
    for path in [
        "$.none[*]",
        "$.none.*",
        "$.none[0:2]",
        "$.none[1:]",
        "$.none[:1].deeper",
        "$.none.deeper[*].deepest",
        "$.none[0,1]",
        "$.none[?(@.a == 1)]",
        "$.none..deeper",
        "$.none['a','b'].deeper",
        "$.map.none[*]",
        "$.text[*]",
        "$.text[0:1]",
        "$.null[1:]",
        "$$.Execution.None[*]",
        "$none[*]",
    ] {
        assert_eq!(evaluate(path, input.clone()), json!([]), "{path}");
        let argument = json!({"Type": "Pass", "Parameters": {"v": [{"deep.$": path}]}});
        assert_eq!(output_of(&argument, input.clone()), json!({"v": [{"deep": []}]}), "{path}");
    }
}

#[test]
fn a_field_that_is_a_path_fails_with_the_reason_of_jayway() {
    let input = json!({"text": "abc", "map": {"n": 1.5}, "list": [[1], null]});
    let table = [
        ("$.none", "No results for path: $['none']"),
        ("$['no ne']", "No results for path: $['no ne']"),
        ("$.none.a", "Missing property in path $['none']"),
        ("$.map.none", "No results for path: $['map']['none']"),
        ("$.map.none.a.b", "Missing property in path $['map']['none']"),
        ("$.list[7]", "No results for path: $['list'][7]"),
        ("$.list[0][7].a", "No results for path: $['list'][0][7]['a']"),
        ("$.list[1][0]", "The path $['list'][1] is null"),
        (
            "$.text.a.b",
            "Expected to find an object with property ['a'] in path $['text'] but found 'java.lang.String'. This is not a \
             json object according to the JsonProvider: 'com.jayway.jsonpath.spi.json.JacksonJsonProvider'.",
        ),
        ("$.map[0].a", "Filter: [0]['a'] can only be applied to arrays. Current context is: {n=1.5}"),
        ("$$.Execution.None", "No results for path: $['Execution']['None']"),
        ("$$.State.RetryCount", "No results for path: $['State']['RetryCount']"),
        ("$none", "No results for path: $['none']"),
        ("$none.a", "Missing property in path $['none']"),
    ];
    for (path, reason) in table {
        for field in ["InputPath", "OutputPath"] {
            let (error, cause) = failure_of(&json!({"Type": "Pass", field: path}), input.clone());
            assert_eq!(error, "States.Runtime", "{path}");
            assert_eq!(
                cause,
                format!(
                    "An error occurred while executing the state 'S' (entered at the event id #2). Invalid path '{path}' : \
                     {reason}"
                )
            );
        }
    }
}

#[test]
fn every_field_that_is_a_path_fails_with_the_same_words() {
    let processor = json!({"StartAt": "P", "States": {"P": {"Type": "Pass", "End": true}}});
    let task = json!({"Type": "Task", "Resource": crate::FUNCTION});
    let map = json!({"Type": "Map", "ItemsPath": "$.items", "ItemProcessor": processor});
    let table = [
        (&task, "TimeoutSecondsPath"),
        (&task, "HeartbeatSecondsPath"),
        (&task, "InputPath"),
        (&task, "OutputPath"),
        (&map, "ItemsPath"),
        (&map, "MaxConcurrencyPath"),
        (&map, "ToleratedFailureCountPath"),
        (&map, "ToleratedFailurePercentagePath"),
    ];
    for (state, field) in table {
        let mut state = state.clone();
        state[field] = json!("$.none.deeper");
        let (error, cause) = failure_of(&state, json!({"items": []}));
        assert_eq!(error, "States.Runtime", "{field}");
        assert!(
            cause.ends_with(" Invalid path '$.none.deeper' : Missing property in path $['none']"),
            "{field}: {cause}"
        );
    }
}

#[test]
fn the_context_object_has_the_fields_of_aws() {
    let table = [
        ("$$.Execution.Name", json!("Execution")),
        ("$$.Execution.Id", json!("arn:aws:states:us-east-1:000000000000:execution:StateMachine:Execution")),
        ("$$.Execution.Input.a", json!(1)),
        ("$$.Execution.Input", json!({"a": 1})),
        ("$$.Execution['Input']['a']", json!(1)),
        ("$$.Execution.RoleArn", json!("arn:aws:iam::000000000000:role/StateMachine")),
        ("$$.Execution.StartTime", json!("2025-01-01T00:00:00.000Z")),
        ("$$.Execution.RedriveCount", json!(0)),
        ("$$.State.Name", json!("S")),
        ("$$.State.EnteredTime", json!("2025-01-01T00:00:00.000Z")),
        ("$$.StateMachine.Id", json!("arn:aws:states:us-east-1:000000000000:stateMachine:StateMachine")),
        ("$$.StateMachine.Name", json!("StateMachine")),
    ];
    for (path, expected) in table {
        assert_eq!(evaluate(path, json!({"a": 1})), expected, "{path}");
    }
    let whole = evaluate("$$", json!({"a": 1}));
    assert_eq!(whole["State"], json!({"Name": "S", "EnteredTime": "2025-01-01T00:00:00.000Z"}));
    assert_eq!(whole.get("Map"), None);
    let (error, _) = failure_of(&json!({"Type": "Pass", "Parameters": {"v.$": "$$.Map.Item.Value"}}), json!({}));
    assert_eq!(error, "States.Runtime");
}

#[test]
fn the_context_object_counts_retries_in_the_states_that_have_them() {
    let names = |state: &Value| {
        let output = output_of(state, json!({"items": [1]}));
        let state = output.pointer("/0").unwrap_or(&output).get("State").unwrap_or(&output).clone();
        state.as_object().unwrap().keys().cloned().collect::<Vec<_>>()
    };
    let counted = ["Name", "EnteredTime", "RetryCount"];
    let inner = json!({"StartAt": "P", "States": {"P": {"Type": "Pass", "End": true}}});
    let whole = json!({"State.$": "$$.State"});
    let table = [
        json!({"Type": "Task", "Resource": crate::FUNCTION, "Parameters": whole}),
        json!({"Type": "Task", "Resource": crate::FUNCTION, "ResultSelector": whole}),
        json!({"Type": "Parallel", "Branches": [inner], "Parameters": whole}),
        json!({"Type": "Map", "ItemsPath": "$.items", "ItemSelector": whole, "ItemProcessor": inner}),
    ];
    for state in table {
        assert_eq!(names(&state), counted, "{state}");
    }
    let without = ["Name", "EnteredTime"];
    for state in [
        json!({"Type": "Pass", "Parameters": whole}),
        json!({"Type": "Pass", "InputPath": "$$.State"}),
        json!({"Type": "Wait", "Seconds": 0, "InputPath": "$$.State"}),
        json!({"Type": "Succeed", "OutputPath": "$$.State"}),
    ] {
        assert_eq!(names(&state), without, "{state}");
    }
}

#[test]
fn the_context_object_serves_every_path_field() {
    let state = json!({"Type": "Pass", "InputPath": "$$.Execution.Input.a", "OutputPath": "$$.Execution.Input.b"});
    assert_eq!(output_of(&state, json!({"a": 1, "b": 2})), json!(2));
}

#[test]
fn an_index_beyond_an_array_is_null_only_in_templates() {
    let input = json!({"items": [1]});
    assert_eq!(evaluate("$.items[1]", input.clone()), Value::Null);
    for state in [
        json!({"Type": "Pass", "InputPath": "$.items[1]"}),
        json!({"Type": "Pass", "OutputPath": "$.items[1]"}),
        json!({"Type": "Pass", "Parameters": {"v.$": "States.Array($.items[1])"}}),
    ] {
        assert_eq!(failure_of(&state, input.clone()).0, "States.Runtime", "{state}");
    }
}
