//! The part of each step of an execution, read from the deployed definition. This module names no state.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use serde_json::{Map, Value};

use crate::rehearsal::{DEFINITION, deployed};
use crate::timeline::{Step, StepStatus};

/// A task of the definition.
struct Task {
    function: String,
    /// The alert that it sends, if its function sends alerts.
    phase: Option<String>,
    /// The parallel state of the run that contains the task.
    within: Option<String>,
    /// Whether the task only wakes its function.
    wakes: bool,
}

/// Every task, by the name of its state.
static TASKS: LazyLock<BTreeMap<String, Task>> = LazyLock::new(|| {
    let functions = deployed().all_states().into_iter().filter_map(|state| {
        let function = state.function()?.rsplit(':').next()?;
        Some((state.name(), function))
    });
    let functions: BTreeMap<&str, &str> = functions.collect();
    let definition: Value = serde_json::from_str(DEFINITION).unwrap_or_default();
    let mut tasks = BTreeMap::new();
    for (name, state) in states(&definition) {
        collect(name, state, None, &functions, &mut tasks);
    }
    tasks
});

fn states(machine: &Value) -> impl Iterator<Item = (&String, &Value)> {
    machine["States"].as_object().into_iter().flat_map(Map::iter)
}

fn collect(
    name: &str,
    state: &Value,
    within: Option<&str>,
    functions: &BTreeMap<&str, &str>,
    tasks: &mut BTreeMap<String, Task>,
) {
    if let Some(function) = functions.get(name) {
        let phase = state["Parameters"]["phase"].as_str().map(str::to_owned);
        let wakes = state["Parameters"]["wake"] == true;
        let task = Task { function: (*function).to_owned(), phase, within: within.map(str::to_owned), wakes };
        tasks.insert(name.to_owned(), task);
    }
    for (inner, inner_state) in state["Branches"].as_array().into_iter().flatten().flat_map(states) {
        collect(inner, inner_state, within.or(Some(name)), functions, tasks);
    }
}

fn task(step: &Step) -> Option<&'static Task> {
    TASKS.get(&step.state)
}

/// Whether the step calls this function.
pub(super) fn calls(step: &Step, function: &str) -> bool {
    task(step).is_some_and(|task| task.function == function)
}

/// Whether the step calls the function of this verb to do its work, for an instance or a cluster. The step may belong to
/// the run or to its rollback.
pub(super) fn does(step: &Step, verb: &str) -> bool {
    let Some(task) = task(step).filter(|task| !task.wakes) else { return false };
    task.function.strip_prefix(verb).is_some_and(|kind| ["-instance", "-cluster"].contains(&kind))
}

/// The same, but only in the run itself.
pub(super) fn does_in_run(step: &Step, verb: &str) -> bool {
    does(step, verb) && task(step).is_some_and(|task| task.within.is_none())
}

/// Whether the step calls a function that sends an alert.
pub(super) fn is_alert(step: &Step) -> bool {
    ["email", "slack"].iter().any(|function| calls(step, function))
}

/// Whether the step sends the mail of this phase.
pub(super) fn mails(step: &Step, phase: &str) -> bool {
    calls(step, "email") && task(step).is_some_and(|task| task.phase.as_deref() == Some(phase))
}

/// Whether a recovery looks in this state for the execution that it recovers.
pub(super) fn is_search(state: &str) -> bool {
    TASKS.get(state).is_some_and(|task| task.function == "recover" && !task.wakes)
}

/// The state of the run that fails with the step: the step's own, or the parallel state that contains it.
pub(super) fn of_run(step: &Step) -> &str {
    task(step).and_then(|task| task.within.as_deref()).unwrap_or(&step.state)
}

/// The step in which a failed run sends its first alert and rolls back.
pub(super) fn failure_handling(steps: &[Step]) -> Option<&Step> {
    let first = |task: &&Task| task.function == "email" && task.phase.as_deref() == Some("first");
    let handler = TASKS.values().find(first)?.within.as_deref()?;
    steps.iter().find(|step| step.state == handler)
}

pub(super) fn any(steps: &[Step], plays: impl Fn(&Step) -> bool) -> bool {
    steps.iter().any(plays)
}

/// Whether the run itself did this step successfully.
pub(super) fn any_succeeded(steps: &[Step], verb: &str) -> bool {
    any(steps, |step| does_in_run(step, verb) && step.status == StepStatus::Succeeded)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_part_in_the_promises_has_a_state_of_each_kind() {
        let of = |plays: &dyn Fn(&Task) -> bool| TASKS.values().filter(|task| plays(task)).count();
        for verb in ["preflight", "claim", "snapshot", "rename", "verify", "commit", "delete", "discard", "release"] {
            for kind in ["instance", "cluster"] {
                assert!(of(&|task| task.function == format!("{verb}-{kind}")) > 0, "{verb}-{kind}");
            }
        }
        for phase in ["first", "final", "export", "success"] {
            assert_eq!(of(&|task| task.phase.as_deref() == Some(phase)), 2, "{phase}");
        }
        assert_eq!(TASKS.keys().filter(|state| is_search(state)).count(), 1);
    }
}
