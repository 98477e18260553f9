//! Random paths, calls, templates and whole definitions: loading and running each of them ends soon, without a panic, and in
//! little memory.
//!
//! The recorded cases are the corpus: each definition is one of theirs with parts replaced. The seeds are fixed, so that
//! every run tries the same values. This command searches longer, with other seeds and on one core:
//!
//! `FUZZ_SECONDS=600 cargo test --profile campaign -p states-language --test fuzz -- --nocapture --test-threads 1`

use std::fmt;
use std::time::{Duration, Instant};

use futures::FutureExt as _;
use futures::future::LocalBoxFuture;
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::{Index, select};
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};
use serde_json::{Map, Value, json};
use states_language::{Execution, ExecutionOptions, StateMachine, TaskFailure, TaskHandler, TaskRequest, validate};

/// Far more time than any of these needs, on a busy machine.
const PATIENCE: Duration = Duration::from_secs(60);
const MAXIMUM_MEMORY_KIB: u64 = 2 * 1024 * 1024;

/// Tries `cases` values of the strategy, or as many as `FUZZ_SECONDS` allows.
fn explore<S: Strategy>(what: &str, cases: u32, strategy: &S, check: impl Fn(&S::Value))
where
    S::Value: fmt::Debug,
{
    let seconds: Option<u64> = std::env::var("FUZZ_SECONDS").ok().and_then(|seconds| seconds.parse().ok());
    // The four tests share the time.
    let end = seconds.map(|seconds| Instant::now() + Duration::from_secs(seconds) / 4);
    let mut executions = 0_u64;
    for round in 0_u64.. {
        let mut seed = [0; 32];
        seed[..8].copy_from_slice(&round.to_le_bytes());
        let config = Config { cases, failure_persistence: None, ..Config::default() };
        let mut runner = TestRunner::new_with_rng(config, TestRng::from_seed(RngAlgorithm::ChaCha, &seed));
        let result = runner.run(strategy, |value| {
            let started = Instant::now();
            check(&value);
            let took = started.elapsed();
            prop_assert!(took < PATIENCE, "it took {took:?}");
            Ok(())
        });
        if let Err(found) = result {
            panic!("{what}, round {round}: {found}");
        }
        executions += u64::from(cases);
        if end.is_none_or(|end| Instant::now() >= end) {
            break;
        }
    }
    let memory = most_memory_kib();
    println!("{what}: {executions} executions, at most {memory:?} KiB of memory so far");
    assert!(memory.is_none_or(|memory| memory < MAXIMUM_MEMORY_KIB), "{what}: {memory:?} KiB");
}

/// The greatest memory use of this process so far, if the system reports it.
fn most_memory_kib() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?.trim().trim_end_matches(" kB").parse().ok()
}

/// Functions that answer with their payload or fail. Every ARN of a state machine means the running one.
struct Account(StateMachine);

impl TaskHandler for Account {
    fn invoke<'a>(&'a self, task: TaskRequest<'a>) -> LocalBoxFuture<'a, Result<Value, TaskFailure>> {
        async move {
            tokio::time::sleep(Duration::from_secs(1)).await;
            if task.retry_count % 2 == 1 {
                return Err(TaskFailure { error: "Broken".to_owned(), cause: String::new() });
            }
            Ok(task.payload)
        }
        .boxed_local()
    }

    fn state_machine(&self, arn: &str) -> Option<StateMachine> {
        arn.len().is_multiple_of(2).then(|| self.0.clone())
    }
}

fn run(definition: &Value, input: &Value) {
    let text = definition.to_string();
    let diagnostics = validate(&text);
    for diagnostic in &diagnostics {
        assert!(!diagnostic.to_string().is_empty());
    }
    let Ok(machine) = text.parse::<StateMachine>() else {
        return;
    };
    for state in machine.all_states() {
        assert!(!state.state_type().name().is_empty());
    }
    let account = Account(machine.clone());
    let execution = Execution::new(&machine, &account, ExecutionOptions::new(input.clone()));
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
    let outcome = runtime.block_on(execution.run());
    assert!(outcome.event_count <= 25_000);
    let size = outcome.output.map_or(0, |output| output.to_string().len());
    assert!(size <= 256 * 1024, "an output of {size} bytes");
}

/// Evaluates the expression in every kind of field that may have one.
fn evaluate(expression: &str, input: &Value) {
    let pass = |field: &str| json!({"Type": "Pass", "Next": "End", field: expression});
    let choice = |variable: &str, operator: &str, value: &Value| json!({"Type": "Choice", "Default": "End", "Choices": [{"Variable": variable, operator: value, "Next": "End"}]});
    for state in [
        json!({"Type": "Pass", "Next": "End", "Parameters": {"v.$": expression, "w": [{"x.$": expression}]}}),
        json!({"Type": "Pass", "Next": "End", "Assign": {"v.$": expression}}),
        pass("InputPath"),
        pass("OutputPath"),
        json!({"Type": "Pass", "Next": "End", "Result": {"a": [1]}, "ResultPath": expression}),
        json!({"Type": "Wait", "Next": "End", "SecondsPath": expression}),
        json!({"Type": "Wait", "Next": "End", "TimestampPath": expression}),
        choice(expression, "StringMatches", &json!("*a*")),
        choice("$.a", "NumericLessThanPath", &json!(expression)),
    ] {
        run(&json!({"StartAt": "S", "States": {"S": state, "End": {"Type": "Succeed"}}}), input);
    }
    let fail = json!({"Type": "Fail", "ErrorPath": expression, "CausePath": expression});
    run(&json!({"StartAt": "S", "States": {"S": fail}}), input);
}

/// Documents of a few levels, with the names that the expressions use.
fn document() -> impl Strategy<Value = Value> {
    let scalar = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        (-1e300..1e300).prop_map(Value::from),
        select(vec![
            "a",
            "-0",
            "",
            "2016-03-14T01:59:00Z",
            "9999-12-31T23:59:59Z",
            "12",
            "{\"a\":[-0]}",
            "é\"\\'\u{1}"
        ])
        .prop_map(Value::from),
        ".{0,8}".prop_map(Value::from),
    ];
    scalar.prop_recursive(5, 60, 6, |inner| {
        prop_oneof![
            vec(inner.clone(), 0..6).prop_map(Value::Array),
            vec((select(vec!["a", "b", "c", "it em", "FunctionInput", "é"]), inner), 0..6).prop_map(|fields| {
                Value::Object(fields.into_iter().map(|(name, value)| (name.to_owned(), value)).collect::<Map<_, _>>())
            }),
        ]
    })
}

/// Pieces of the grammar of paths in any order, so that most results are nearly paths.
fn path() -> impl Strategy<Value = String> {
    let number = prop_oneof![(-3_i64..6).prop_map(|n| n.to_string()), any::<i64>().prop_map(|n| n.to_string())];
    let step = prop_oneof![
        select(vec![
            ".a",
            ".b",
            ".c",
            "['it em']",
            "[\"a\"]",
            "['a','b']",
            ".*",
            "[*]",
            "..",
            "..*",
            "..a",
            "[0]",
            "[-1]",
            "[0,1]",
            "[1:]",
            "[:1]",
            "[:]",
            "[?(@.a)]",
            "[?(!@.b)]",
            "[?(@ > 1)]",
            "[?(@.a == 'a' || @..b)]",
            "[?(@.a =~ /.*a/i)]",
            "[?($..[?(@..a)])]",
            "[?(@.a in ['a', 1])]",
            "[?((((@.a))))]",
            ".length()",
            ".keys()",
            ".max()",
            ".index(-1)",
            ".é",
            "\\.",
            "['\\u00e9']",
            "['a\\\"b']",
            "[",
            "]",
            "'",
            "(",
            ")",
            "\\",
            " ",
            ",",
        ])
        .prop_map(str::to_owned),
        number.clone().prop_map(|n| format!("[{n}]")),
        (number.clone(), number).prop_map(|(from, to)| format!("[{from}:{to}]")),
        ".{1,3}",
    ];
    let root = select(vec!["$", "$$", "$x", "$$.Execution", "$$.State", "$.a", "$.FunctionInput", ""]);
    (root, vec(step, 0..7)).prop_map(|(root, steps)| format!("{root}{}", steps.concat()))
}

/// Calls of every intrinsic function, nested, with arguments that rarely fit.
fn call() -> impl Strategy<Value = String> {
    let leaf = prop_oneof![
        path(),
        select(vec![
            "'a'",
            "''",
            "'{}'",
            "'it\\'s {} \\{'",
            "'\\",
            "1",
            "-1",
            "2.5",
            "1e400",
            "true",
            "null",
            "'SHA-256'",
            "'MD5'",
            "'[-0,1]'",
            "9223372036854775807",
            "-9223372036854775808",
            "$.a",
            "$.b",
            "$",
        ])
        .prop_map(str::to_owned),
        any::<i64>().prop_map(|n| n.to_string()),
    ];
    leaf.prop_recursive(4, 24, 4, |inner| {
        let name = select(vec![
            "Format",
            "StringToJson",
            "JsonToString",
            "Array",
            "ArrayPartition",
            "ArrayContains",
            "ArrayRange",
            "ArrayGetItem",
            "ArrayLength",
            "ArrayUnique",
            "Base64Encode",
            "Base64Decode",
            "Hash",
            "JsonMerge",
            "MathRandom",
            "MathAdd",
            "StringSplit",
            "UUID",
            "Nothing",
        ]);
        (name, vec(inner, 0..4)).prop_map(|(name, arguments)| format!("States.{name}({})", arguments.join(", ")))
    })
}

/// Replacements of parts of a recorded definition: the place and the new part.
fn changes() -> impl Strategy<Value = Vec<(Index, Change)>> {
    let change = prop_oneof![
        Just(Change::Remove),
        any::<Index>().prop_map(Change::Copy),
        document().prop_map(Change::Value),
        path().prop_map(|path| Change::Value(path.into())),
        call().prop_map(|call| Change::Value(call.into())),
        select(vec!["arn:aws:states:::states:startExecution.sync:2", "arn:aws:states:::states:startExecution"])
            .prop_map(|resource| Change::Value(resource.into())),
        select(vec!["Pass", "Task", "Map", "Parallel", "Choice", "Wait", "Fail", "Succeed"])
            .prop_map(|kind| Change::Value(kind.into())),
        (select(vec!["Assign", "Parameters", "ResultSelector", "ItemSelector"]), select(vec!["a.$", "b"]), call())
            .prop_map(|(field, name, call)| Change::Field(field, json!({ name: call }))),
        (select(vec!["InputPath", "OutputPath", "ResultPath", "ItemsPath", "SecondsPath"]), path())
            .prop_map(|(field, path)| Change::Field(field, path.into())),
        select(vec!["Next", "Default"]).prop_map(|field| Change::Field(field, json!("StartState"))),
        any::<u32>().prop_map(|number| Change::Field("TimeoutSeconds", number.into())),
    ];
    vec((any::<Index>(), change), 0..6)
}

#[derive(Clone, Debug)]
enum Change {
    Remove,
    /// Another part of the same definition.
    Copy(Index),
    Value(Value),
    /// An additional field.
    Field(&'static str, Value),
}

/// The place of every part of a document.
fn places(value: &Value, place: &str, places: &mut Vec<String>) {
    places.push(place.to_owned());
    let key = |name: &str| name.replace('~', "~0").replace('/', "~1");
    match value {
        Value::Object(fields) => {
            for (name, value) in fields {
                self::places(value, &format!("{place}/{}", key(name)), places);
            }
        }
        Value::Array(items) => {
            for (at, item) in items.iter().enumerate() {
                self::places(item, &format!("{place}/{at}"), places);
            }
        }
        _ => {}
    }
}

fn changed(mut definition: Value, changes: &[(Index, Change)]) -> Value {
    for (at, change) in changes {
        let mut all = Vec::new();
        places(&definition, "", &mut all);
        let place: &String = at.get(&all);
        let copy = match change {
            Change::Copy(from) => {
                let from: &String = from.get(&all);
                definition.pointer(from).cloned()
            }
            _ => None,
        };
        let Some(part) = definition.pointer_mut(place) else {
            continue;
        };
        match change {
            Change::Remove => {
                if let Some(fields) = part.as_object_mut() {
                    fields.pop();
                }
            }
            Change::Copy(_) => *part = copy.unwrap_or_default(),
            Change::Value(value) => *part = value.clone(),
            Change::Field(name, value) => {
                if let Some(fields) = part.as_object_mut() {
                    fields.insert((*name).to_owned(), value.clone());
                }
            }
        }
    }
    definition
}

/// Removes the last field; `serde_json`'s own map has no such method.
trait Pop {
    fn pop(&mut self);
}

impl Pop for Map<String, Value> {
    fn pop(&mut self) {
        if let Some(last) = self.keys().next_back().cloned() {
            self.shift_remove(&last);
        }
    }
}

fn recordings() -> Vec<(Value, Value)> {
    let read = |text: &str| serde_json::from_str::<Vec<Value>>(text).expect("the cases are well-formed");
    [include_str!("conformance/aws.json"), include_str!("conformance/more.json")]
        .into_iter()
        .flat_map(read)
        .map(|case| (case["definition"].clone(), case["input"].clone()))
        .collect()
}

#[test]
fn no_path_panics_or_hangs() {
    explore("paths", 400, &(path(), document()), |(path, input)| evaluate(path, input));
}

#[test]
fn no_intrinsic_call_panics_or_hangs() {
    explore("calls", 400, &(call(), document()), |(call, input)| evaluate(call, input));
}

#[test]
fn no_template_panics_or_hangs() {
    let field = (select(vec!["a.$", "b.$", "c", "$.d", ".$", "x.$"]), prop_oneof![path(), call()]);
    let templates = (vec(field, 0..6), document(), document());
    explore("templates", 400, &templates, |(fields, rest, input)| {
        let mut template: Map<String, Value> =
            fields.iter().map(|(name, text)| ((*name).to_owned(), Value::from(text.as_str()))).collect();
        template.insert("rest".to_owned(), rest.clone());
        let inner = json!({"StartAt": "I", "States": {"I": {"Type": "Pass", "Parameters": template, "End": true}}});
        for state in [
            json!({"Type": "Task", "Resource": "arn:aws:lambda:us-east-1:1:function:f", "Parameters": template,
                   "ResultSelector": template, "Assign": template}),
            json!({"Type": "Map", "ItemSelector": template, "ItemProcessor": inner}),
            json!({"Type": "Parallel", "Parameters": template, "Branches": [inner], "ResultSelector": template}),
        ] {
            let mut state = state;
            state["End"] = json!(true);
            run(&json!({"StartAt": "S", "States": {"S": state}}), input);
        }
    });
}

#[test]
fn no_definition_panics_or_hangs() {
    let recordings = recordings();
    let strategy = (any::<Index>(), any::<Index>(), changes(), prop::option::of(document()));
    explore("definitions", 400, &strategy, |(which, other, changes, input)| {
        let (definition, recorded) = which.get(&recordings);
        let input = input.as_ref().unwrap_or(if changes.len() % 2 == 0 { recorded } else { &other.get(&recordings).1 });
        run(&changed(definition.clone(), changes), input);
    });
}

/// Definitions that a generator is unlikely to make. Each asks for more than an execution can hold, or nests too deeply.
#[test]
fn a_definition_that_asks_for_too_much_fails_soon() {
    let many = |count: usize, item: &str| vec![item; count].join(",");
    let text = "a".repeat(200_000);
    let nested = |open: &str, middle: &str, close: &str, depth: usize| {
        format!("{}{middle}{}", open.repeat(depth), close.repeat(depth))
    };
    let wide = json!({"list": (0..2_000).map(|n| json!({"a": [n], "b": n})).collect::<Vec<_>>(), "text": text});
    for expression in [
        format!("States.Array({})", many(50_000, "$")),
        format!("States.Format('{}', {})", "{}".repeat(50_000), many(50_000, "$")),
        nested("States.JsonToString(", "$", ")", 10),
        "$..*..*..*".to_owned(),
        "$..[?($..[?($..[?($..b)])])]".to_owned(),
        "$.list[?(@.a[?(@ > 1)] || $..b)]".to_owned(),
        nested("$[?(", "@", ")]", 10_000),
        format!("$[?({})]", nested("(", "@.a", ")", 10_000)),
        format!("$[?({}@.a)]", "!".repeat(100_000)),
        format!("$[?(@.a in {})]", nested("[", "", "]", 10_000)),
        format!("${}", ".a".repeat(100_000)),
        format!("${}", "..*".repeat(80)),
    ] {
        evaluate(&expression, &wide);
    }
    let fields: Map<String, Value> = (0..50_000).map(|n| (format!("f{n}.$"), json!("$"))).collect();
    let template = json!({"Type": "Pass", "Parameters": fields, "End": true});
    run(&json!({"StartAt": "S", "States": {"S": template}}), &wide);
    // Every turn wraps the document once more.
    for wrap in [json!({"a.$": "$"}), json!({"a": ["States.Array($)"], "b.$": "States.Array($)"})] {
        let states = json!({"S": {"Type": "Pass", "Parameters": wrap, "Next": "S"}});
        run(&json!({"StartAt": "S", "States": states}), &json!({}));
    }
    // Ten thousand items, each with the whole document.
    for mode in [json!({"Mode": "INLINE"}), json!({"Mode": "DISTRIBUTED", "ExecutionType": "STANDARD"})] {
        let inner = json!({"ProcessorConfig": mode, "StartAt": "I", "States": {"I": {"Type": "Pass", "End": true}}});
        let map = json!({"Type": "Map", "ItemsPath": "$.items", "ItemSelector": {"all.$": "$"}, "ItemProcessor": inner,
                         "End": true});
        let input = json!({"items": vec![0; 10_000], "text": text});
        run(&json!({"StartAt": "S", "States": {"S": map}}), &input);
    }
}
