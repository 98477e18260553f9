//! The description of a loaded machine.

use serde_json::json;
use states_language::{Reason, StateType};

use crate::{FUNCTION, load};

#[test]
fn a_machine_describes_its_states_and_transitions() {
    let machine = load(&json!({"Comment": "A test", "StartAt": "T", "TimeoutSeconds": 60, "States": {
        "T": {"Type": "Task", "Comment": "works", "Resource": FUNCTION, "Next": "P",
              "Retry": [{"ErrorEquals": ["A", "B"]}],
              "Catch": [{"ErrorEquals": ["C"], "Next": "F"}]},
        "P": {"Type": "Parallel", "Next": "C", "Branches": [{"StartAt": "B1", "States": {
            "B1": {"Type": "Task", "Resource": "arn:aws:states:::lambda:invoke", "Parameters": {"FunctionName": "f"}, "End": true}}}]},
        "C": {"Type": "Choice", "Choices": [{"Variable": "$.x", "BooleanEquals": true, "Next": "F"}], "Default": "T"},
        "F": {"Type": "Fail"},
    }}));
    assert_eq!((machine.comment(), machine.timeout_seconds()), (Some("A test"), Some(60)));
    let names: Vec<&str> = machine.all_states().iter().map(|state| state.name()).collect();
    assert_eq!(names, ["T", "P", "B1", "C", "F"]);

    let flow = machine.flow();
    let task = flow.start();
    assert_eq!((task.state_type(), task.comment(), task.function()), (StateType::Task, Some("works"), Some(FUNCTION)));
    assert_eq!(task.retried_errors().collect::<Vec<_>>(), ["A", "B"]);
    assert_eq!(task.caught_errors().collect::<Vec<_>>(), ["C"]);
    let ways: Vec<(&str, Reason<'_>)> =
        task.transitions(flow).into_iter().map(|way| (way.target, way.reason)).collect();
    assert_eq!(ways, [("P", Reason::Next), ("F", Reason::Catch(vec!["C"]))]);

    let choice = flow.state("C").unwrap();
    let ways: Vec<(&str, Reason<'_>)> =
        choice.transitions(flow).into_iter().map(|way| (way.target, way.reason)).collect();
    assert_eq!(ways, [("F", Reason::Rule("$.x == true".to_owned())), ("T", Reason::Default)]);
    assert!(flow.state("F").unwrap().is_end() && !choice.is_end());

    let branch = flow.state("P").unwrap().flows()[0];
    assert_eq!((branch.start().function(), branch.start().is_end()), (Some("f"), true));
}
