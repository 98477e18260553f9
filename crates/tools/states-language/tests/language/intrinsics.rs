//! Intrinsic functions and their argument checks.

use serde_json::{Value, json};

use crate::{evaluate, failure_of, only, run};

fn input() -> Value {
    json!({
        "name": "Foo", "n": 7, "half": 2.5, "yes": true, "none": null, "object": {"b": 1, "a": [2]},
        "list": [1, 2, 3, 3, 1.0, "1", {"x": 1}, {"x": 1}], "template": "Hi {}, {}", "empty": "",
        "one": {"a": {"a1": 1}, "b": 2}, "two": {"a": {"a2": 1}, "c": 3},
        "nested": {"a": {}, "b": [], "c": null, "d": true, "e": "t", "f": [{"g": 1.5}]}, "escaped": r#"["\"", -0]"#,
        "large": 123_456_789.0, "small": 0.000_01, "doubles": [1e7, 9_999_999.5, 0.001, -1e10, 1e300, 100.0, -0.0],
    })
}

#[test]
fn a_function_returns_the_result_of_aws() {
    let table = [
        ("States.Format('Hello {}', $.name)", json!("Hello Foo")),
        ("States.Format('{} {} {} {}', $.n, $.half, $.yes, $.none)", json!("7 2.5 true null")),
        ("States.Format($.template, 'a', 1)", json!("Hi a, 1")),
        ("States.Format('plain')", json!("plain")),
        (r"States.Format('It\'s {} \{\} \\', $.n)", json!(r"It's 7 {} \")),
        ("States.Format('{a} {}', 1)", json!("{a} 1")),
        ("States.Format('{}', States.ArrayGetItem($.list, 0))", json!("1")),
        ("States.Format('äö {}', 'ü')", json!("äö ü")),
        (r#"States.StringToJson('{"number": 20}')"#, json!({"number": 20})),
        ("States.StringToJson('')", Value::Null),
        ("States.StringToJson(' 5 ')", json!(5)),
        ("States.StringToJson('-0')", json!(0)),
        ("States.StringToJson(' -0 ')", json!(0)),
        ("States.StringToJson('[-0, -0]')", json!([0, 0])),
        ("States.StringToJson('[-0.0, -0.5, 1e-0, -0e1]')", json!([-0.0, -0.5, 1.0, -0.0])),
        (r#"States.StringToJson('{"-0": "a -0, -0", "b": [-0]}')"#, json!({"-0": "a -0, -0", "b": [0]})),
        (r"States.StringToJson($.escaped)", json!(["\"", 0])),
        ("States.Format('{}', $.object)", json!("{b=1, a=[2]}")),
        (
            "States.Format('{} and {}', $.list, $.nested)",
            json!("[1, 2, 3, 3, 1.0, 1, {x=1}, {x=1}] and {a={}, b=[], c=null, d=true, e=t, f=[{g=1.5}]}"),
        ),
        ("States.Format('{} {} {}', $.half, $.large, $.small)", json!("2.5 1.23456789E8 1.0E-5")),
        ("States.Format('{}', $.doubles)", json!("[1.0E7, 9999999.5, 0.001, -1.0E10, 1.0E300, 100.0, -0.0]")),
        ("States.JsonToString($.object)", json!(r#"{"b":1,"a":[2]}"#)),
        ("States.JsonToString($.name)", json!("\"Foo\"")),
        ("States.JsonToString($.half)", json!("2.5")),
        ("States.Array()", json!([])),
        ("States.Array('a', 1, null, true, -2.5, $.object)", json!(["a", 1, null, true, -2.5, {"b": 1, "a": [2]}])),
        ("States.ArrayPartition($.list[0:3], 2)", json!([[1, 2], [3]])),
        ("States.ArrayPartition($.list[0:3], 9)", json!([[1, 2, 3]])),
        ("States.ArrayContains($.list, 2)", json!(true)),
        ("States.ArrayContains($.list, '2')", json!(false)),
        ("States.ArrayContains($.list, $.object)", json!(false)),
        ("States.ArrayRange(1, 9, 2)", json!([1, 3, 5, 7, 9])),
        ("States.ArrayRange(1, 10, 4)", json!([1, 5, 9])),
        ("States.ArrayRange(3, 1, -1)", json!([3, 2, 1])),
        ("States.ArrayRange(1, 1, 5)", json!([1])),
        ("States.ArrayRange(1, 3, -1)", json!([])),
        ("States.ArrayRange(0.5, 2.4, 1)", json!([1, 2])),
        ("States.ArrayGetItem($.list, 5)", json!("1")),
        ("States.ArrayLength($.list)", json!(8)),
        ("States.ArrayUnique($.list)", json!([1, 2, 3, 1.0, "1", {"x": 1}])),
        ("States.Base64Encode('Data to encode')", json!("RGF0YSB0byBlbmNvZGU=")),
        ("States.Base64Decode('RGF0YSB0byBlbmNvZGU=')", json!("Data to encode")),
        ("States.Base64Decode('RGF0YSB0byBlbmNvZGU')", json!("Data to encode")),
        ("States.Hash('input data', 'SHA-1')", json!("aaff4a450a104cd177d28d18d74485e8cae074b7")),
        ("States.Hash('', 'MD5')", json!("d41d8cd98f00b204e9800998ecf8427e")),
        ("States.Hash('', 'SHA-256')", json!("e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855")),
        ("States.JsonMerge($.one, $.two, false)", json!({"a": {"a2": 1}, "b": 2, "c": 3})),
        ("States.MathAdd(111, -1)", json!(110)),
        ("States.MathAdd(1.5, 1.4)", json!(3)),
        ("States.MathAdd(-1.5, 0)", json!(-1)),
        ("States.MathAdd($.n, States.MathAdd(1, 1))", json!(9)),
        ("States.StringSplit('1,2,,3,', ',')", json!(["1", "2", "3"])),
        ("States.StringSplit('This.is+a,test=string', '.+,=')", json!(["This", "is", "a", "test", "string"])),
        ("States.StringSplit('abc', '')", json!(["abc"])),
        ("States.StringSplit('', ',')", json!([])),
        ("States.StringSplit( 'a b' , ' ' )", json!(["a", "b"])),
    ];
    for (call, expected) in table {
        assert_eq!(evaluate(call, input()), expected, "{call}");
    }
}

#[test]
fn the_longer_digests_have_their_length() {
    for (algorithm, length) in [("SHA-384", 96), ("SHA-512", 128)] {
        let digest = evaluate(&format!("States.Hash($.object, '{algorithm}')"), input());
        assert_eq!(digest.as_str().unwrap().len(), length);
    }
}

#[test]
fn a_function_refuses_the_arguments_that_aws_refuses() {
    let calls = [
        "States.Format($.template, 1)",
        "States.Format($.n)",
        "States.StringToJson('{')",
        "States.StringToJson($.n)",
        "States.ArrayPartition($.name, 1)",
        "States.ArrayPartition($.list, 0)",
        "States.ArrayPartition($.list, -1)",
        "States.ArrayPartition($.list, 'two')",
        "States.ArrayContains($.object, 1)",
        "States.ArrayRange(1, 9, 0)",
        "States.ArrayRange(1, 1001, 1)",
        "States.ArrayRange('a', 9, 1)",
        "States.ArrayGetItem($.list, 8)",
        "States.ArrayGetItem($.list, -1)",
        "States.ArrayGetItem($.object, 0)",
        "States.ArrayLength($.object)",
        "States.ArrayUnique($.n)",
        "States.Base64Encode($.n)",
        "States.Base64Decode('*')",
        "States.Hash('a', 'SHA-3')",
        "States.Hash('a', 1)",
        "States.JsonMerge($.one, $.two, true)",
        "States.JsonMerge($.one, 1, false)",
        "States.JsonMerge($.list, $.one, false)",
        "States.MathRandom(5, 5)",
        "States.MathRandom('a', 5)",
        "States.MathAdd('1', 2)",
        "States.MathAdd(9223372036854775807, 1)",
        "States.StringSplit($.n, ',')",
        "States.StringSplit('a', 1)",
    ];
    for call in calls {
        let (error, cause) = failure_of(&json!({"Type": "Pass", "Parameters": {"v.$": call}}), input());
        assert_eq!(error, "States.Runtime", "{call}");
        assert!(cause.contains(&format!("The function '{call}' had the following error: ")), "{cause}");
    }
}

#[test]
fn a_text_longer_than_ten_thousand_characters_is_not_hashed_or_encoded() {
    for call in ["States.Hash($.text, 'MD5')", "States.Base64Encode($.text)", "States.Base64Decode($.text)"] {
        let state = json!({"Type": "Pass", "Parameters": {"v.$": call}});
        assert_eq!(run(&only(&state), json!({"text": "a".repeat(10_000)})).error, None, "{call}");
        failure_of(&state, json!({"text": "a".repeat(10_001)}));
    }
}

#[test]
fn a_missing_argument_is_reported_with_the_whole_expression() {
    let call = "States.MathAdd(States.MathAdd($.none, 1), 1)";
    let (error, cause) = failure_of(&json!({"Type": "Pass", "Parameters": {"v.$": call}}), json!({"a": 1}));
    assert_eq!(error, "States.Runtime");
    assert_eq!(
        cause,
        format!(
            "An error occurred while executing the state 'S' (entered at the event id #2). The function '{call}' had \
             the following error: The JsonPath argument for the field '$.none' could not be found in the input \
             '{{\"a\":1}}'"
        )
    );
}

#[test]
fn a_seed_draws_the_numbers_of_java() {
    // The value of `new java.util.Random(42).nextLong()`.
    const FIRST: u64 = (-5_025_562_857_975_149_833_i64).cast_unsigned();
    let value = evaluate("States.MathRandom(0, 4611686018427387904, 42)", json!({}));
    assert_eq!(value, json!(FIRST % 4_611_686_018_427_387_904));
    let value = evaluate("States.MathRandom(10, 1009, 42)", json!({}));
    assert_eq!(value, json!(FIRST / 2 % 999 + 10));
}

#[test]
fn random_values_follow_the_seed_and_stay_in_range() {
    let state = json!({"Type": "Pass", "Parameters": {
        "id.$": "States.UUID()", "other.$": "States.UUID()", "n.$": "States.MathRandom(1, 4)",
        "fixed.$": "States.MathRandom(1, 1000, 42)", "again.$": "States.MathRandom(1, 1000, 42)",
    }});
    let machine = crate::load(&only(&state));
    let with_seed = |seed| {
        let options = states_language::ExecutionOptions { seed, ..states_language::ExecutionOptions::new(json!({})) };
        let handler = crate::Script::default();
        crate::block_on(states_language::Execution::new(&machine, &handler, options).run()).output.unwrap()
    };
    assert_eq!(with_seed(1), with_seed(1));
    assert_ne!(with_seed(1)["id"], with_seed(2)["id"]);
    for seed in 0..50 {
        let output = with_seed(seed);
        assert!((1..4).contains(&output["n"].as_i64().unwrap()));
        assert_ne!(output["id"], output["other"]);
        assert_eq!(output["fixed"], output["again"]);
        let id = output["id"].as_str().unwrap();
        assert_eq!((id.len(), &id[14..15]), (36, "4"), "{id}");
        assert!("89ab".contains(&id[19..20]), "{id}");
    }
}

#[test]
fn calls_may_be_nested_ten_deep() {
    let nested = |depth: usize| format!("{}1{}", "States.MathAdd(0, ".repeat(depth), ")".repeat(depth));
    assert_eq!(evaluate(&nested(10), json!({})), json!(1));
    let eleven = only(&json!({"Type": "Pass", "Parameters": {"v.$": nested(11)}}));
    assert!(states_language::StateMachine::load(&eleven).is_err());
}
