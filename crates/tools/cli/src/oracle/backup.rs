//! Decides whether a restored database comes from the backup that its run chose.
//!
//! The evidence is the world's own memory of its databases, not a statement of the run. A run that only restores chooses
//! its source in preflight. A run that takes a snapshot chooses that snapshot.

use rds_simulator::{Made, Source};
use serde_json::Value;

use super::{Broken, Case, Promise, runs_beside};
use crate::steps;
use crate::timeline::{Step, StepStatus};

pub(super) fn examine(case: &Case<'_>, broken: &mut Vec<Broken>) {
    let databases: Vec<&Made> = case.roles.made_by_runs().filter(|made| made.from.is_some()).collect();
    for made in &databases {
        if exists(case, made)
            && let Some(what) = not_the_chosen(case, made)
        {
            broken.push(Broken { promise: Promise::I8, what });
        }
    }
}

fn exists(case: &Case<'_>, made: &Made) -> bool {
    let after = case.e.after;
    after.instances.iter().any(|found| found.resource_id == made.resource_id)
        || after.clusters.iter().any(|found| found.resource_id == made.resource_id)
}

/// The run that created the database: its input, its steps, and its start.
fn maker<'a>(case: &'a Case<'_>, made: &Made) -> (&'a Value, &'a [Step], f64) {
    let report = case.e.report;
    let seconds = runs_beside(report);
    let mut of_caller = seconds.filter(|other| other.execution.rsplit(':').next() == Some(made.caller.as_str()));
    match of_caller.next() {
        Some(other) => (&other.input, &other.steps, other.started_seconds),
        None => (&report.input, &report.steps, 0.0),
    }
}

/// The reason why the source is not the backup that the run chose.
fn not_the_chosen(case: &Case<'_>, made: &Made) -> Option<String> {
    let from = made.from.as_ref()?;
    let roles = &case.roles;
    let told = format!("{} was restored from {}", made.identifier, from.identifier);
    let original = roles.original()?;
    let is_own = from.source_resource_id == original.resource_id || roles.names_of_original().contains(&from.source);
    if !is_own {
        let Source { source, source_resource_id, .. } = from;
        return Some(format!("{told}, which is of {source} ({source_resource_id})"));
    }
    let (input, run, began) = maker(case, made);
    let created = from.created_seconds;
    if input["task"] == "db_restore" {
        let choices =
            run.iter().filter(|step| step.status == StepStatus::Succeeded && steps::does(&step.state, "preflight"));
        let chosen = choices.map(|step| began + step.started_seconds + step.seconds).fold(f64::NEG_INFINITY, f64::max);
        return (created > chosen).then(|| format!("{told}, which was made after the run had chosen"));
    }
    (!is_taken_by(run, created - began)).then(|| format!("{told}, which is not the snapshot that the run took"))
}

/// Whether a snapshot that was created at this second is the run's own. Such a snapshot is taken, and available, before the
/// original loses its name.
fn is_taken_by(run: &[Step], created: f64) -> bool {
    let start =
        |verb: &str| run.iter().find(|step| steps::does_in_run(&step.state, verb)).map(|step| step.started_seconds);
    let earliest = start("snapshot").unwrap_or(0.0);
    let latest = start("rename").unwrap_or(f64::INFINITY);
    created + 1.0 >= earliest && created <= latest
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::rehearsal::{DEFAULT_WORLD, Rehearsal};

    #[test]
    fn a_snapshot_from_before_or_after_the_snapshot_step_is_not_the_runs_own() {
        for (identifier, is_cluster) in [("orders", false), ("shop", true)] {
            let event = json!({"identifier": identifier, "task": "create_snapshot", "isCluster": is_cluster});
            let world = serde_json::from_str(DEFAULT_WORLD).unwrap();
            let run = Rehearsal::new(event, world).run(&mut ()).unwrap().steps;
            let start = |verb| run.iter().find(|step| steps::does_in_run(&step.state, verb)).unwrap().started_seconds;
            assert!(is_taken_by(&run, start("snapshot") + 1.0), "{identifier}");
            assert!(!is_taken_by(&run, start("snapshot") - 2.0), "{identifier}");
            assert!(!is_taken_by(&run, start("restore")), "{identifier}");
        }
    }
}
