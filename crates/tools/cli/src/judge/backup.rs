//! Whether a restored database comes from the backup that its run chose.
//!
//! It is read from the world's own memory of its databases, not from what a run says of itself. A run that only restores
//! chooses in its preflight; a run that takes the snapshot chooses that one.

use rds_simulator::{Made, Source};
use serde_json::Value;

use super::{Broken, Case, Promise, runs_beside};
use crate::timeline::{Step, StepStatus};

/// Where a run decides what it restores.
const PREFLIGHT: &[&str] = &["PreflightDbInstance", "PreflightCluster"];
/// Where the snapshot of a run is taken.
const TAKES: &[&str] = &["DbSnapshotCreate", "ClusterSnapshotCreate"];
/// Where the snapshot of a run has been taken.
const TAKEN: &[&str] = &["BeginDbInstanceDowntime", "BeginClusterDowntime"];

pub(super) fn judge(case: &Case<'_>, broken: &mut Vec<Broken>) {
    let databases: Vec<&Made> = case.scene.made_by_runs().filter(|made| made.from.is_some()).collect();
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

/// The run that made it: its input, its steps, and when it began.
fn maker<'a>(case: &'a Case<'_>, made: &Made) -> (&'a Value, &'a [Step], f64) {
    let report = case.e.report;
    let seconds = runs_beside(report);
    let mut of_caller = seconds.filter(|other| other.execution.rsplit(':').next() == Some(made.caller.as_str()));
    match of_caller.next() {
        Some(other) => (&other.input, &other.steps, other.started_seconds),
        None => (&report.input, &report.steps, 0.0),
    }
}

/// Why this is not the backup that the run chose.
fn not_the_chosen(case: &Case<'_>, made: &Made) -> Option<String> {
    let from = made.from.as_ref()?;
    let scene = &case.scene;
    let told = format!("{} was restored from {}", made.identifier, from.identifier);
    let original = scene.original()?;
    let is_own = from.source_resource_id == original.resource_id || scene.names_of_original().contains(&from.source);
    if !is_own {
        let Source { source, source_resource_id, .. } = from;
        return Some(format!("{told}, which is of {source} ({source_resource_id})"));
    }
    let (input, steps, began) = maker(case, made);
    let ended = |states: &'static [&str]| {
        let of = steps.iter().filter(move |step| states.contains(&step.state.as_str()));
        let of = of.filter(|step| step.status == StepStatus::Succeeded);
        of.map(move |step| began + step.started_seconds + step.seconds)
    };
    let created = from.created_seconds;
    if input["task"] == "db_restore" {
        let chosen = ended(PREFLIGHT).fold(f64::NEG_INFINITY, f64::max);
        return (created > chosen).then(|| format!("{told}, which was made after the run had chosen"));
    }
    let taking = steps.iter().find(|step| TAKES.contains(&step.state.as_str()));
    let earliest = began + taking.map_or(0.0, |step| step.started_seconds);
    let taken = ended(TAKEN).fold(f64::INFINITY, f64::min);
    (created + 1.0 < earliest || created > taken)
        .then(|| format!("{told}, which is not the snapshot that the run took"))
}
