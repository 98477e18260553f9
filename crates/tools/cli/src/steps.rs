//! The part of each state in a run, read from a definition and the table of functions. This module names no state.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use serde_json::{Map, Value};
use trapheus_common::document::AlertPhase;
use trapheus_common::functions;

use crate::rehearsal::DEFINITION;
use crate::timeline::{Step, StepStatus};

/// A task of a definition.
struct Task {
    function: &'static str,
    /// The state document's key that the task writes, if it writes one.
    key: Option<String>,
    /// The alert that it sends, if its function sends alerts.
    phase: Option<AlertPhase>,
    /// The parallel state of the run that contains the task.
    within: Option<String>,
    /// Whether the task only wakes its function.
    wakes: bool,
}

impl Task {
    fn of(state: &Value, within: Option<&str>) -> Option<Self> {
        let resource = state["Resource"].as_str()?;
        let is_called = |function: &&str| resource == format!("${{{}}}", functions::substitution(function));
        let path = state["ResultPath"].as_str().and_then(|path| path.strip_prefix("$."));
        Some(Self {
            function: functions::names().find(is_called)?,
            key: path.and_then(|path| path.split('.').next()).map(str::to_owned),
            phase: serde_json::from_value(state["Parameters"]["phase"].clone()).ok(),
            within: within.map(str::to_owned),
            wakes: state["Parameters"]["wake"] == true,
        })
    }

    fn does(&self, verb: &str) -> bool {
        let kind = self.function.strip_prefix(verb).filter(|_| !self.wakes);
        kind.is_some_and(|kind| ["-instance", "-cluster"].contains(&kind))
    }
}

/// The tasks of a definition, by the names of their states.
pub(crate) struct Tasks(BTreeMap<String, Task>);

impl Tasks {
    pub(crate) fn of(definition: &Value) -> Self {
        let mut tasks = BTreeMap::new();
        for (name, state) in states(definition) {
            collect(name, state, None, &mut tasks);
        }
        Self(tasks)
    }

    /// The state in which a run, not its rollback, calls this function.
    pub(crate) fn calling(&self, function: &str) -> Option<&str> {
        self.find(|task| task.function == function && task.within.is_none()).map(|(name, _)| name)
    }

    /// The state of the run in which the alert of this phase is sent. For the first alert, that is the failure handling.
    pub(crate) fn alerting(&self, phase: AlertPhase) -> Option<&str> {
        let (name, task) = self.find(|task| task.phase == Some(phase))?;
        Some(task.within.as_deref().unwrap_or(name))
    }

    fn find(&self, matches: impl Fn(&Task) -> bool) -> Option<(&str, &Task)> {
        self.0.iter().find(|(_, task)| matches(task)).map(|(name, task)| (name.as_str(), task))
    }
}

fn states(machine: &Value) -> impl Iterator<Item = (&String, &Value)> {
    machine["States"].as_object().into_iter().flat_map(Map::iter)
}

fn collect(name: &str, state: &Value, within: Option<&str>, tasks: &mut BTreeMap<String, Task>) {
    if let Some(task) = Task::of(state, within) {
        tasks.insert(name.to_owned(), task);
    }
    for (inner, inner_state) in state["Branches"].as_array().into_iter().flatten().flat_map(states) {
        collect(inner, inner_state, within.or(Some(name)), tasks);
    }
}

/// The tasks of the deployed definition.
pub(crate) static DEPLOYED: LazyLock<Tasks> =
    LazyLock::new(|| Tasks::of(&serde_json::from_str(DEFINITION).unwrap_or_default()));

fn task(state: &str) -> Option<&'static Task> {
    DEPLOYED.0.get(state)
}

/// The function that the state calls.
pub(crate) fn function(state: &str) -> Option<&'static str> {
    task(state).map(|task| task.function)
}

/// Whether the state calls this function.
pub(crate) fn calls(state: &str, called: &str) -> bool {
    function(state) == Some(called)
}

/// Whether the state calls the function of this verb to do its work, for an instance or a cluster. The state may belong to
/// the run or to its rollback.
pub(crate) fn does(state: &str, verb: &str) -> bool {
    task(state).is_some_and(|task| task.does(verb))
}

/// The same, but only in the run itself.
pub(crate) fn does_in_run(state: &str, verb: &str) -> bool {
    task(state).is_some_and(|task| task.does(verb) && task.within.is_none())
}

/// Whether the state does or awaits the step whose output is under this key of the state document.
pub(crate) fn writes(state: &str, key: &str) -> bool {
    task(state).is_some_and(|task| task.key.as_deref() == Some(key))
}

/// Whether the state sends the alert of this phase, by mail or to Slack.
pub(crate) fn alerts(state: &str, phase: AlertPhase) -> bool {
    task(state).is_some_and(|task| task.phase == Some(phase))
}

/// Whether the state calls a function that sends an alert.
pub(crate) fn is_alert(state: &str) -> bool {
    ["email", "slack"].iter().any(|function| calls(state, function))
}

/// Whether the state sends the mail of this phase.
pub(crate) fn mails(state: &str, phase: AlertPhase) -> bool {
    calls(state, "email") && alerts(state, phase)
}

/// Whether a recovery looks in this state for the execution that it recovers.
pub(crate) fn is_search(state: &str) -> bool {
    task(state).is_some_and(|task| task.function == "recover" && !task.wakes)
}

/// The state of the run that fails with the step: the step's own, or the parallel state that contains it.
pub(crate) fn of_run(step: &Step) -> &str {
    task(&step.state).and_then(|task| task.within.as_deref()).unwrap_or(&step.state)
}

/// The step in which a failed run sends its first alert and rolls back.
pub(crate) fn failure_handling(steps: &[Step]) -> Option<&Step> {
    let handler = DEPLOYED.alerting(AlertPhase::First)?;
    steps.iter().find(|step| step.state == handler)
}

/// Whether a step of this execution has the part.
pub(crate) fn any(steps: &[Step], plays: impl Fn(&str) -> bool) -> bool {
    steps.iter().any(|step| plays(&step.state))
}

/// Whether the run itself did this step successfully.
pub(crate) fn any_succeeded(steps: &[Step], verb: &str) -> bool {
    steps.iter().any(|step| does_in_run(&step.state, verb) && step.status == StepStatus::Succeeded)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_part_in_the_promises_and_the_campaign_has_a_state_of_each_kind() {
        for verb in [
            "preflight",
            "claim",
            "snapshot",
            "rename",
            "restore",
            "configure",
            "verify",
            "commit",
            "delete",
            "release",
        ] {
            for kind in ["instance", "cluster"] {
                let function = format!("{verb}-{kind}");
                let state = DEPLOYED.calling(&function).expect(&function);
                assert!(does_in_run(state, verb) && calls(state, &function), "{state}");
            }
        }
        let discards = |kind| DEPLOYED.find(|task| task.does("discard") && task.function.ends_with(kind)).is_some();
        assert!(discards("instance") && discards("cluster"));
        for phase in [AlertPhase::First, AlertPhase::Final, AlertPhase::Export, AlertPhase::Success] {
            assert_eq!(DEPLOYED.0.keys().filter(|state| alerts(state, phase)).count(), 2, "{phase:?}");
            assert_eq!(DEPLOYED.0.keys().filter(|state| mails(state, phase)).count(), 1, "{phase:?}");
        }
        assert_eq!(DEPLOYED.0.keys().filter(|state| is_search(state)).count(), 1);
    }

    #[test]
    fn a_wait_writes_the_key_of_the_step_that_it_awaits() {
        for key in ["snapshot", "export"] {
            assert!(functions::keys().any(|known| known == key), "{key}");
            let writing = DEPLOYED.0.iter().filter(|(state, _)| writes(state, key));
            let functions: Vec<&str> = writing.map(|(_, task)| task.function).collect();
            assert!(functions.iter().any(|function| function.starts_with("wait-")), "{key}: {functions:?}");
            assert!(functions.contains(&format!("{key}-instance").as_str()), "{key}: {functions:?}");
        }
    }
}
