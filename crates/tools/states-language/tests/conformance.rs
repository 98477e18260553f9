//! Every recorded case passes: final result and types of events.

#[path = "conformance/mod.rs"]
mod cases;

const FILES: [(&str, usize); 2] =
    [(include_str!("conformance/aws.json"), 57), (include_str!("conformance/more.json"), 141)];

fn cases(text: &str) -> Vec<cases::Case> {
    cases::read(text).expect("the cases are well-formed")
}

#[test]
fn every_recorded_case_passes() {
    for (text, count) in FILES {
        let cases = cases(text);
        assert_eq!(cases.len(), count);
        let failed: Vec<String> = cases
            .iter()
            .filter_map(|case| {
                let differences: Vec<String> = case.run().iter().map(ToString::to_string).collect();
                (!differences.is_empty()).then(|| format!("{}\n{}", case.title(), differences.join("\n")))
            })
            .collect();
        assert!(failed.is_empty(), "{} of {count} cases failed:\n{}", failed.len(), failed.join("\n"));
    }
}

#[test]
fn every_exception_is_a_recorded_case() {
    let titles: Vec<String> = FILES.iter().flat_map(|(text, _)| cases(text)).map(|case| case.title()).collect();
    for (name, reason) in cases::BY_CHANCE {
        assert!(titles.iter().any(|title| title.ends_with(&format!(": {name}"))), "{name}: {reason}");
    }
}

/// A machine of one task, recorded with the status `expected` and the types `events`.
fn scripted(script: &str, expected: &str, events: &[&str]) -> cases::Case {
    let case = format!(
        r#"[{{
            "name": "scripted", "input": {{"in": 1}}, "script": {script}, "expected": {expected}, "events": {},
            "definition": {{"StartAt": "T", "States": {{"T": {{
                "Type": "Task", "Resource": "arn:aws:lambda:us-east-1:111111111111:function:f", "TimeoutSeconds": 5,
                "Retry": [{{"ErrorEquals": ["Again"], "MaxAttempts": 1}}], "End": true}}}}}}
        }}]"#,
        serde_json::to_string(&[&["ExecutionStarted", "TaskStateEntered"], events].concat()).unwrap()
    );
    cases(&case).remove(0)
}

#[test]
fn a_script_answers_fails_and_hangs_in_order() {
    let attempt = |end| ["LambdaFunctionScheduled", "LambdaFunctionStarted", end];
    let (failed, succeeded, timed_out) =
        (attempt("LambdaFunctionFailed"), attempt("LambdaFunctionSucceeded"), attempt("LambdaFunctionTimedOut"));
    let retried = scripted(
        r#"[{"state": "T", "error": "Again", "cause": "C"}, {"state": "T", "output": [2]}]"#,
        r#"{"status": "SUCCEEDED", "output": [2]}"#,
        &[&failed[..], &succeeded, &["TaskStateExited", "ExecutionSucceeded"]].concat(),
    );
    let hung = scripted(
        r#"[{"state": "T", "hang": true}]"#,
        r#"{"status": "FAILED", "error": "States.Timeout", "cause": null}"#,
        &[&timed_out[..], &["ExecutionFailed"]].concat(),
    );
    for case in [retried, hung] {
        let differences: Vec<String> = case.run().iter().map(ToString::to_string).collect();
        assert!(differences.is_empty(), "{}", differences.join("\n"));
    }
}

#[test]
fn a_script_of_more_or_fewer_calls_fails() {
    let succeeded = [
        "LambdaFunctionScheduled",
        "LambdaFunctionStarted",
        "LambdaFunctionSucceeded",
        "TaskStateExited",
        "ExecutionSucceeded",
    ];
    let expected = r#"{"status": "SUCCEEDED", "output": 1}"#;
    let exact = scripted(r#"[{"state": "T", "output": 1}]"#, expected, &succeeded);
    assert_eq!(exact.run().len(), 0);
    let left = scripted(r#"[{"state": "T", "output": 1}, {"state": "T", "output": 2}]"#, expected, &succeeded);
    assert_eq!(left.run().len(), 1, "a response is unused");
    let short = scripted(r#"[{"state": "T", "error": "Again"}]"#, expected, &succeeded);
    assert!(short.run().len() > 1, "the second attempt has no response");
}

#[test]
fn a_case_with_another_output_fails() {
    let case = r#"[{
        "name": "wrong", "definition": {"StartAt": "A", "States": {"A": {"Type": "Succeed"}}}, "input": {"a": 1},
        "expected": {"status": "SUCCEEDED", "output": {"a": 2}},
        "events": ["ExecutionStarted", "SucceedStateEntered", "ExecutionSucceeded"]
    }]"#;
    let cases = cases::read(case).expect("the case is well-formed");
    assert_eq!(cases[0].run().len(), 2, "output and events differ");
}
