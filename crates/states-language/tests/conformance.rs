//! Every recorded case passes: terminal result and types of events.

#[path = "conformance/mod.rs"]
mod cases;

#[test]
fn every_recorded_case_passes() {
    let cases = cases::read(include_str!("conformance/aws.json")).expect("the cases are well-formed");
    assert_eq!(cases.len(), 57);
    for case in &cases {
        let differences: Vec<String> = case.run().iter().map(ToString::to_string).collect();
        assert!(differences.is_empty(), "{}\n{}", case.name, differences.join("\n"));
    }
}

#[test]
fn a_case_that_answers_otherwise_fails() {
    let case = r#"[{
        "name": "wrong", "definition": {"StartAt": "A", "States": {"A": {"Type": "Succeed"}}}, "input": {"a": 1},
        "expected": {"status": "SUCCEEDED", "output": {"a": 2}},
        "events": ["ExecutionStarted", "SucceedStateEntered", "ExecutionSucceeded"]
    }]"#;
    let cases = cases::read(case).expect("the case is well-formed");
    assert_eq!(cases[0].run().len(), 2, "output and events differ");
}
