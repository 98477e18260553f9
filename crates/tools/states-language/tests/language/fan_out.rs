//! Parallel and Map: concurrency, failures, tolerance, batches.

use serde_json::{Value, json};

use crate::{FUNCTION, Script, names, only, output_of, run, run_with};

fn wait(name: &str, seconds: u64) -> Value {
    json!({"StartAt": name, "States": {name: {"Type": "Wait", "Seconds": seconds, "End": true}}})
}

fn map(mode: &str, fields: &Value, states: &Value) -> Value {
    let mut state = json!({"Type": "Map", "ItemProcessor": {
        "ProcessorConfig": {"Mode": mode}, "StartAt": "I", "States": states}});
    if mode == "DISTRIBUTED" {
        state["ItemProcessor"]["ProcessorConfig"]["ExecutionType"] = json!("STANDARD");
    }
    state.as_object_mut().unwrap().extend(fields.as_object().unwrap().clone());
    state
}

fn pass() -> Value {
    json!({"I": {"Type": "Pass", "End": true}})
}

/// Fails for numbers above 2.
fn picky() -> Value {
    json!({
        "I": {"Type": "Choice", "Choices": [{"Variable": "$", "NumericGreaterThan": 2, "Next": "F"}], "Default": "P"},
        "F": {"Type": "Fail", "Error": "TooMuch", "Cause": "more than 2"},
        "P": {"Type": "Pass", "End": true},
    })
}

#[test]
fn branches_run_side_by_side_and_keep_their_order() {
    let state = json!({"Type": "Parallel", "Branches": [wait("A", 30), wait("B", 10)], "ResultPath": "$.r"});
    let outcome = run(&only(&state), json!({"in": 1}));
    assert_eq!(outcome.output, Some(json!({"in": 1, "r": [{"in": 1}, {"in": 1}]})));
    assert_eq!(outcome.ended.duration_since(outcome.started).as_secs(), 30);
}

#[test]
fn a_failing_branch_cuts_off_the_others() {
    let failing = json!({"StartAt": "W", "States": {
        "W": {"Type": "Wait", "Seconds": 5, "Next": "F"}, "F": {"Type": "Fail", "Error": "Broken", "Cause": "why"}}});
    let nested =
        json!({"StartAt": "N", "States": {"N": {"Type": "Parallel", "Branches": [wait("B", 60)], "End": true}}});
    let state = json!({"Type": "Parallel", "Branches": [wait("A", 60), failing, nested]});
    let (outcome, recorder) = run_with(&only(&state), json!({}), &Script::default());
    assert_eq!((outcome.error.as_deref(), outcome.cause.as_deref()), (Some("Broken"), Some("why")));
    assert_eq!(outcome.ended.duration_since(outcome.started).as_secs(), 5);
    let names = names(&recorder);
    let failed = names.iter().position(|name| *name == "FailStateEntered").unwrap();
    let mut cut_off = names[failed + 1..names.len() - 1].to_vec();
    cut_off.sort_unstable();
    assert_eq!(cut_off, ["ParallelStateAborted", "WaitStateAborted", "WaitStateAborted"]);
    assert_eq!(names.last(), Some(&"ParallelStateFailed"));
}

#[test]
fn a_parallel_is_retried_and_caught_as_a_whole() {
    let machine = json!({"StartAt": "P", "States": {
        "P": {"Type": "Parallel", "Next": "End",
            "Branches": [{"StartAt": "T", "States": {"T": {"Type": "Task", "Resource": FUNCTION, "End": true}}}],
            "Retry": [{"ErrorEquals": ["A"], "MaxAttempts": 1}],
            "Catch": [{"ErrorEquals": ["States.BranchFailed"], "ResultPath": "$.error", "Next": "End"}]},
        "End": {"Type": "Succeed"},
    }});
    let (outcome, recorder) = run_with(&machine, json!({}), &Script::default().then_fail("A").then_fail("A"));
    assert_eq!(outcome.output, Some(json!({"error": {"Error": "A", "Cause": "because of A"}})));
    let attempt = [
        "ParallelStateStarted",
        "TaskStateEntered",
        "LambdaFunctionScheduled",
        "LambdaFunctionStarted",
        "LambdaFunctionFailed",
    ];
    let mut expected = vec!["ParallelStateEntered"];
    expected.extend([attempt, attempt].concat());
    expected.extend(["ParallelStateFailed", "ParallelStateExited", "SucceedStateEntered", "SucceedStateExited"]);
    assert_eq!(names(&recorder), expected);
}

#[test]
fn a_runtime_error_in_a_branch_passes_every_catcher() {
    let branch =
        json!({"StartAt": "X", "States": {"X": {"Type": "Pass", "Parameters": {"v.$": "$.none"}, "End": true}}});
    let machine = json!({"StartAt": "P", "States": {
        "P": {"Type": "Parallel", "Next": "End", "Branches": [branch, wait("W", 9)],
            "Retry": [{"ErrorEquals": ["States.ALL"]}],
            "Catch": [{"ErrorEquals": ["States.ParameterPathFailure", "States.BranchFailed"], "Next": "End"},
                      {"ErrorEquals": ["States.ALL"], "Next": "End"}]},
        "End": {"Type": "Succeed"},
    }});
    let (outcome, recorder) = run_with(&machine, json!({}), &Script::default());
    assert_eq!(outcome.error.as_deref(), Some("States.Runtime"));
    assert!(!names(&recorder).iter().any(|name| name.ends_with("Aborted") || name.ends_with("Failed")));
}

#[test]
fn no_choice_matched_in_a_branch_can_be_caught_around_it() {
    let branch = json!({"StartAt": "C", "States": {
        "C": {"Type": "Choice", "Choices": [{"Variable": "$", "IsNull": true, "Next": "E"}]}, "E": {"Type": "Succeed"}}});
    let machine = json!({"StartAt": "P", "States": {
        "P": {"Type": "Parallel", "Next": "End", "Branches": [branch],
            "Catch": [{"ErrorEquals": ["States.NoChoiceMatched"], "Next": "End"}]},
        "End": {"Type": "Succeed"},
    }});
    assert_eq!(run(&machine, json!({})).output.unwrap()["Error"], "States.NoChoiceMatched");
}

#[test]
fn a_map_runs_no_more_iterations_at_once_than_its_concurrency() {
    let states = json!({"I": {"Type": "Wait", "Seconds": 10, "End": true}});
    let table = [
        (json!({}), 10),
        (json!({"MaxConcurrency": 1}), 50),
        (json!({"MaxConcurrency": 2}), 30),
        (json!({"MaxConcurrency": 0}), 10),
    ];
    for (fields, seconds) in table {
        for mode in ["INLINE", "DISTRIBUTED"] {
            let outcome = run(&only(&map(mode, &fields, &states)), json!([1, 2, 3, 4, 5]));
            assert_eq!(outcome.output, Some(json!([1, 2, 3, 4, 5])));
            assert_eq!(outcome.ended.duration_since(outcome.started).as_secs(), seconds, "{mode} {fields}");
        }
    }
}

#[test]
fn an_inline_map_runs_forty_iterations_at_most() {
    let items: Vec<u64> = (0..41).collect();
    let states = json!({"I": {"Type": "Wait", "Seconds": 10, "End": true}});
    let outcome = run(&only(&map("INLINE", &json!({}), &states)), json!(items));
    assert_eq!(outcome.ended.duration_since(outcome.started).as_secs(), 20);
}

#[test]
fn the_items_come_from_any_place_that_their_path_names() {
    let input = json!({"in": {"items": [1, 2]}});
    for fields in [
        json!({"InputPath": "$.in", "ItemsPath": "$.items"}),
        json!({"ItemsPath": "$.in.items"}),
        json!({"InputPath": "$.in.items"}),
        json!({"ItemsPath": "$$.Execution.Input.in.items"}),
    ] {
        assert_eq!(output_of(&map("INLINE", &fields, &pass()), input.clone()), json!([1, 2]), "{fields}");
    }
    assert_eq!(output_of(&map("INLINE", &json!({}), &pass()), json!([])), json!([]));
}

#[test]
fn items_other_than_an_array_fail_the_execution() {
    let outcome = run(&only(&map("INLINE", &json!({"ItemsPath": "$.a"}), &pass())), json!({"a": 1}));
    assert_eq!(outcome.error.as_deref(), Some("States.Runtime"));
    assert!(outcome.cause.unwrap().ends_with("Reference path \"$.a\" must point to array."));
}

#[test]
fn the_item_is_in_the_context_of_selector_and_iteration() {
    let states = json!({"I": {"Type": "Pass", "Parameters": {"i.$": "$$.Map.Item.Index", "v.$": "$$.Map.Item.Value.k", "in.$": "$"}, "End": true}});
    let fields = json!({"ItemSelector": {"sum.$": "States.MathAdd($$.Map.Item.Index, 10)"}});
    assert_eq!(
        output_of(&map("INLINE", &fields, &states), json!([{"k": "a"}, {"k": "b"}])),
        json!([{"i": 0, "v": "a", "in": {"sum": 10}}, {"i": 1, "v": "b", "in": {"sum": 11}}])
    );
}

#[test]
fn a_failing_iteration_cuts_off_the_others() {
    let states = json!({
        "I": {"Type": "Choice", "Choices": [{"Variable": "$", "NumericEquals": 2, "Next": "F"}], "Default": "W"},
        "F": {"Type": "Fail", "Error": "Broken"},
        "W": {"Type": "Wait", "Seconds": 9, "End": true},
    });
    let (outcome, recorder) = run_with(&only(&map("INLINE", &json!({}), &states)), json!([1, 2]), &Script::default());
    assert_eq!(outcome.error.as_deref(), Some("Broken"));
    let names = names(&recorder);
    assert_eq!(
        names[names.len() - 5..],
        ["FailStateEntered", "MapIterationFailed", "WaitStateAborted", "MapIterationAborted", "MapStateFailed"]
    );
}

#[test]
fn a_map_is_caught_as_a_whole() {
    let machine = json!({"StartAt": "M", "States": {
        "M": {"Type": "Map", "Next": "End", "ItemProcessor": {"StartAt": "I", "States": picky()},
            "Catch": [{"ErrorEquals": ["TooMuch"], "Next": "End"}]},
        "End": {"Type": "Succeed"},
    }});
    let (outcome, recorder) = run_with(&machine, json!([3]), &Script::default());
    assert_eq!(outcome.output, Some(json!({"Error": "TooMuch", "Cause": "more than 2"})));
    let names = names(&recorder);
    assert_eq!(
        names[names.len() - 4..],
        ["MapStateFailed", "MapStateExited", "SucceedStateEntered", "SucceedStateExited"]
    );
}

#[test]
fn a_distributed_map_tolerates_the_given_failures() {
    // Three of five items fail.
    let items = json!([1, 2, 3, 4, 5]);
    let table = [
        (json!({}), false),
        (json!({"ToleratedFailureCount": 2}), false),
        (json!({"ToleratedFailureCount": 3}), true),
        (json!({"ToleratedFailurePercentage": 59}), false),
        (json!({"ToleratedFailurePercentage": 60}), true),
        (json!({"ToleratedFailurePercentage": 100, "ToleratedFailureCount": 1}), false),
        (json!({"ToleratedFailurePercentage": 0}), false),
    ];
    for (fields, succeeds) in table {
        let (outcome, recorder) =
            run_with(&only(&map("DISTRIBUTED", &fields, &picky())), items.clone(), &Script::default());
        let started = ["MapStateEntered", "MapStateStarted", "MapRunStarted"];
        assert_eq!(names(&recorder)[..3], started);
        if succeeds {
            assert_eq!(outcome.output, Some(json!([1, 2])), "{fields}");
            assert_eq!(names(&recorder)[3..], ["MapRunSucceeded", "MapStateSucceeded", "MapStateExited"]);
        } else {
            assert_eq!(outcome.error.as_deref(), Some("States.ExceedToleratedFailureThreshold"), "{fields}");
            assert_eq!(outcome.cause.as_deref(), Some("The specified tolerated failure threshold was exceeded"));
            assert_eq!(names(&recorder)[3..], ["MapRunFailed", "MapStateFailed"]);
        }
    }
}

#[test]
fn settings_from_paths_are_checked() {
    let table = [
        ("MaxConcurrencyPath", json!(-1), "Expected non-negative integer for MaxConcurrency, got '-1' instead."),
        (
            "MaxConcurrencyPath",
            json!("many"),
            "The MaxConcurrencyPath field refers to value \"many\" which is not a valid integer: $.v",
        ),
        (
            "MaxConcurrencyPath",
            json!(1.5),
            "The MaxConcurrencyPath field refers to value \"1.5\" which is not a valid integer: $.v",
        ),
        ("ToleratedFailureCountPath", json!(-1), "ToleratedFailureCount cannot be negative."),
        (
            "ToleratedFailureCountPath",
            json!(null),
            "The ToleratedFailureCountPath field refers to value \"null\" which is not a valid integer: $.v",
        ),
        ("ToleratedFailurePercentagePath", json!(100.5), "ToleratedFailurePercentage must be between 0 and 100."),
        (
            "ToleratedFailurePercentagePath",
            json!("x"),
            "The ToleratedFailurePercentagePath field refers to value \"x\" which is not a valid float: $.v",
        ),
    ];
    for (field, value, problem) in table {
        let state = map("DISTRIBUTED", &json!({field: "$.v", "ItemsPath": "$.items"}), &pass());
        let (outcome, recorder) = run_with(&only(&state), json!({"v": value, "items": [1]}), &Script::default());
        assert_eq!(outcome.error.as_deref(), Some("States.Runtime"));
        assert!(outcome.cause.as_ref().unwrap().ends_with(problem), "{:?}", outcome.cause);
        let is_no_number = problem.starts_with("The MaxConcurrencyPath");
        let events: &[&str] = if is_no_number { &["MapStateEntered"] } else { &["MapStateEntered", "MapStateStarted"] };
        assert_eq!(names(&recorder), events, "{problem}");
    }
    let state = map("DISTRIBUTED", &json!({"ToleratedFailurePercentagePath": "$.p", "ItemsPath": "$.items"}), &picky());
    assert_eq!(run(&only(&state), json!({"p": "60", "items": [1, 2, 3, 4, 5]})).output, Some(json!([1, 2])));
}

#[test]
fn items_are_batched_by_count_and_by_size() {
    let table = [
        (json!({"MaxItemsPerBatch": 2}), json!([[1, 2], [3, 4], [5]])),
        (json!({"MaxItemsPerBatchPath": "$$.Execution.Input[2]"}), json!([[1, 2, 3], [4, 5]])),
        (json!({"MaxInputBytesPerBatch": 17}), json!([[1, 2], [3, 4], [5]])),
        (json!({"MaxInputBytesPerBatch": 1}), json!([[1], [2], [3], [4], [5]])),
    ];
    for (batcher, expected) in table {
        let state = map(
            "DISTRIBUTED",
            &json!({"ItemBatcher": batcher}),
            &json!({"I": {"Type": "Pass", "OutputPath": "$.Items", "End": true}}),
        );
        assert_eq!(output_of(&state, json!([1, 2, 3, 4, 5])), expected, "{batcher}");
    }
    let common = json!({"ItemBatcher": {"MaxItemsPerBatch": 9, "BatchInput": {"first.$": "$[0]"}}, "ItemSelector": {"v.$": "$$.Map.Item.Value"}});
    assert_eq!(
        output_of(&map("DISTRIBUTED", &common, &pass()), json!([1, 2])),
        json!([{"BatchInput": {"first": 1}, "Items": [{"v": 1}, {"v": 2}]}])
    );
}

#[test]
fn a_child_execution_has_a_context_of_its_own() {
    let states = json!({"I": {"Type": "Pass", "Parameters": {"id.$": "$$.Execution.Id", "in.$": "$$.Execution.Input"}, "End": true}});
    let output = output_of(&map("DISTRIBUTED", &json!({"Label": "Kids"}), &states), json!([1, 2]));
    let id = output[0]["id"].as_str().unwrap();
    assert!(id.starts_with("arn:aws:states:us-east-1:000000000000:execution:StateMachine/Kids:"), "{id}");
    assert_ne!(output[0]["id"], output[1]["id"]);
    assert_eq!(output[1]["in"], 2);
}

#[test]
fn a_map_inside_a_parallel_inside_a_map_works() {
    let inner = json!({"StartAt": "M", "States": {"M": {"Type": "Map", "End": true, "ItemProcessor": {"StartAt": "X", "States": {
        "X": {"Type": "Pass", "Parameters": {"v.$": "States.MathAdd($, 1)"}, "OutputPath": "$.v", "End": true}}}}}});
    let states = json!({"I": {"Type": "Parallel", "Branches": [inner], "OutputPath": "$[0]", "End": true}});
    assert_eq!(output_of(&map("INLINE", &json!({}), &states), json!([[1, 2], [3]])), json!([[2, 3], [4]]));
}

#[test]
fn an_event_follows_the_one_that_led_to_it() {
    let state = map("INLINE", &json!({"MaxConcurrency": 1}), &picky());
    let (_, recorder) = run_with(&only(&state), json!([1, 3]), &Script::default());
    let events = recorder.events();
    let before = |name: &str| {
        let event = events.iter().find(|event| event.kind.name() == name).unwrap();
        events[usize::try_from(event.previous_id).unwrap() - 1].kind.name()
    };
    assert_eq!(before("MapStateStarted"), "MapStateEntered");
    assert_eq!(before("MapIterationStarted"), "MapStateStarted");
    assert_eq!(before("MapIterationFailed"), "FailStateEntered");
    assert_eq!(before("MapStateFailed"), "MapIterationFailed");
}
