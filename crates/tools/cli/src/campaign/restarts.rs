//! Executions that are started again: redriven ones, and a person's recoveries beside those of the rule.
//!
//! The moments are those of a recovery: before its first read, while it waits for running functions, while it changes RDS,
//! and after its end.

use serde_json::{Value, json};
use trapheus_common::document::AlertPhase;

use super::families as f;
use super::matrix::{Recording, each, failing_restores};
use super::{Case, Changes, examined};
use crate::injection::{Beside, InjectedFault};
use crate::rehearsal::{execution_arn, execution_name};
use crate::steps;

/// The time between the end of a stopped execution and its redrive.
const MOMENTS: [f64; 6] = [0.5, 30.0, 200.0, 300.0, 600.0, 7_200.0];
/// The same, if the function of the state has finished before the stop.
const FEWER_MOMENTS: [f64; 3] = [30.0, 240.0, 600.0];
/// The time between the end of a failed execution and its redrive. Its rollback is over.
const AFTER_FAILURE: [f64; 3] = [0.5, 5.0, 3_600.0];

fn abort(state: &str, occurrence: u32) -> InjectedFault {
    InjectedFault::Abort { state: state.to_owned(), occurrence }
}

fn abort_after(state: &str, occurrence: u32) -> InjectedFault {
    InjectedFault::AbortAfter { state: state.to_owned(), occurrence }
}

fn redrive(seconds: f64) -> InjectedFault {
    InjectedFault::Redrive { occurrence: 1, seconds }
}

/// A run that is stopped at any state and redriven.
pub(super) fn redriven(happy: &Recording) -> Vec<Case> {
    let mut cases = Vec::new();
    for (state, occurrence) in each(&happy.states) {
        let is_of_snapshot = steps::writes(state, "snapshot") || steps::does(state, "restore");
        if happy.is_half() && !is_of_snapshot {
            continue;
        }
        let base = || Case::new(f::REDRIVE, &happy.event);
        for seconds in MOMENTS {
            cases.push(base().with([abort(state, occurrence), redrive(seconds)]));
        }
        for seconds in FEWER_MOMENTS {
            cases.push(base().with([abort_after(state, occurrence), redrive(seconds)]));
        }
    }
    cases
}

/// A run whose restore fails, redriven after its end or after a stop in its rollback.
pub(super) fn redriven_rollbacks(event: &Value) -> Result<Vec<Case>, String> {
    let mut cases = Vec::new();
    for failing in failing_restores(event["identifier"].as_str().unwrap_or_default()) {
        let base = || Case::new(f::REDRIVE, event).with(failing.clone());
        cases.extend(AFTER_FAILURE.map(|seconds| base().with([redrive(seconds)])));
        let recording = Recording::of(&base(), Some(AlertPhase::First))?;
        for (state, occurrence) in each(&recording.states) {
            for seconds in FEWER_MOMENTS.into_iter().chain([7_200.0]) {
                cases.push(base().with([abort(state, occurrence), redrive(seconds)]));
            }
        }
    }
    Ok(cases)
}

/// A run that is stopped, and then recovered by the rule and by a person at the same time.
pub(super) fn recovered_twice(happy: &Recording) -> Result<Vec<Case>, String> {
    let seed = Case::new(f::TWO_RECOVERIES, &happy.event).seed;
    let by_execution = json!({"task": "recover", "execution": execution_arn(&execution_name(seed))});
    let by_name =
        json!({"task": "recover", "identifier": happy.event["identifier"], "isCluster": happy.event["isCluster"]});
    let mut cases = Vec::new();
    for (state, occurrence) in each(&happy.states) {
        let base = || Case::new(f::TWO_RECOVERIES, &happy.event);
        for event in [&by_execution, &by_name] {
            let beside = Beside::First;
            let second =
                InjectedFault::SecondRun { state: state.to_owned(), occurrence, beside, event: Some(event.clone()) };
            cases.push(base().with([second]));
        }
        if occurrence > 1 {
            continue;
        }
        let stopped = base().with([abort_after(state, occurrence)]);
        for moment in states_of_recovery(&stopped)? {
            for event in [&by_execution, &by_name] {
                let (state, beside) = (moment.clone(), Beside::Recovery);
                let second = InjectedFault::SecondRun { state, occurrence: 1, beside, event: Some(event.clone()) };
                cases.push(stopped.clone().with([second]));
            }
        }
    }
    Ok(cases)
}

/// The states of this run's recovery, each once.
fn states_of_recovery(case: &Case) -> Result<Vec<String>, String> {
    let ended = examined(case, &Changes::default()).map_err(|error| error.to_string())?;
    let recovery = ended.report.others.first().ok_or("nothing recovers it")?;
    let mut states: Vec<String> = Vec::new();
    for step in &recovery.steps {
        if !states.contains(&step.state) {
            states.push(step.state.clone());
        }
    }
    Ok(states)
}
