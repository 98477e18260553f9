//! Decides whether a restored database comes from the backup that its run chose.
//!
//! The evidence is the world's own memory of its databases, not a statement of the run. A run that only restores chooses
//! its source in preflight. A run that takes a snapshot chooses that snapshot.

use rds_simulator::{Made, Source, SourceKind};
use serde_json::Value;
use trapheus_common::timestamp::Timestamp;

use super::{Broken, Case, Promise, runs_beside};
use crate::rehearsal::BEGIN;
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
    let (input, run, began) = maker(case, made);
    let is_own = from.source_resource_id == original.resource_id || roles.names_of_original().contains(&from.source);
    if !is_own && !is_named(&input["source"], from) {
        let Source { source, source_resource_id, .. } = from;
        return Some(format!("{told}, which is of {source} ({source_resource_id})"));
    }
    let created = from.created_seconds;
    if let Some(why) = not_as_the_input_says(case, &input["source"], from, began) {
        return Some(format!("{told}, but {why}"));
    }
    if input["task"] == "db_restore" && from.kind == SourceKind::Snapshot {
        let choices =
            run.iter().filter(|step| step.status == StepStatus::Succeeded && steps::does(&step.state, "preflight"));
        let chosen = choices.map(|step| began + step.started_seconds + step.seconds).fold(f64::NEG_INFINITY, f64::max);
        return (created > chosen).then(|| format!("{told}, which was made after the run had chosen"));
    }
    if input["task"] == "db_restore" {
        return None;
    }
    (!is_taken_by(run, created - began)).then(|| format!("{told}, which is not the snapshot that the run took"))
}

/// Whether the input names the database of the backup.
fn is_named(input: &Value, from: &Source) -> bool {
    let named = input["of"].as_str().or_else(|| input["clone"].as_str());
    named.is_some_and(|named| named == from.source || named == from.source_resource_id)
}

/// The reason why the backup is not the one that the input names: its kind, its name, or its moment.
fn not_as_the_input_says(case: &Case<'_>, input: &Value, from: &Source, began: f64) -> Option<String> {
    let (kind, name) = match input {
        Value::Null => (
            SourceKind::Snapshot,
            case.e.report.input["identifier"].as_str().map(|name| format!("{}-snapshot", name.to_ascii_lowercase())),
        ),
        _ if input["pointInTime"].is_string() => (SourceKind::PointInTime, None),
        _ if input["clone"].is_string() => (SourceKind::Clone, None),
        _ => (SourceKind::Snapshot, input["snapshot"].as_str().map(name_of)),
    };
    if from.kind != kind {
        return Some("the input names a backup of another kind".to_owned());
    }
    if let Some(name) = name.filter(|name| *name != from.identifier) {
        return Some(format!("the input names {name}"));
    }
    if input["latestSnapshot"].is_string() {
        return not_the_latest(case, input, from, began);
    }
    let moment = Timestamp::parse(input["pointInTime"].as_str()?)?;
    let asked = seconds_after_the_start(moment);
    ((from.created_seconds - asked).abs() > 1.0).then(|| format!("the input names the moment {moment}"))
}

/// The name of a snapshot, which an input may give as an ARN.
fn name_of(given: &str) -> String {
    given.splitn(7, ':').nth(6).filter(|_| given.starts_with("arn:")).unwrap_or(given).to_ascii_lowercase()
}

/// A newer available snapshot of the same database existed before the run began.
fn not_the_latest(case: &Case<'_>, input: &Value, from: &Source, began: f64) -> Option<String> {
    let wanted = input["latestSnapshot"].as_str().filter(|wanted| *wanted != "any");
    let snapshots = case.e.report.world_before.snapshots.iter();
    let of_instances =
        snapshots.map(|one| (&one.identifier, &one.source_resource_id, &one.kind, &one.status, one.created_seconds));
    let snapshots = case.e.report.world_before.cluster_snapshots.iter();
    let of_clusters =
        snapshots.map(|one| (&one.identifier, &one.source_resource_id, &one.kind, &one.status, one.created_seconds));
    let mut newer = of_instances.chain(of_clusters).filter(|(_, id, kind, status, created)| {
        **id == from.source_resource_id
            && wanted.is_none_or(|wanted| *kind == wanted)
            && AsRef::<str>::as_ref(status) == "available"
            && *created > from.created_seconds
            && *created < began
    });
    newer.next().map(|(identifier, ..)| format!("{identifier} is newer"))
}

/// The second of a moment in a rehearsal's time.
#[allow(clippy::cast_precision_loss)]
fn seconds_after_the_start(moment: Timestamp) -> f64 {
    moment.epoch_seconds() as f64 - BEGIN.as_secs_f64()
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
