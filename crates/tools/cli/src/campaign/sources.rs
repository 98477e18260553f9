//! Restores from a chosen backup, and dry runs: each without a fault, and with a fault at every change, state and look.
//!
//! The other families restore `<identifier>-snapshot`. Only the choice of the backup and the restoring call differ here, so
//! these cases have fewer kinds of faults.

use std::sync::Arc;

use rds_simulator::{Fault, World};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::Case;
use super::families as f;
use super::matrix::{Recording, each, request};
use crate::injection::InjectedFault;

/// The restores from each source in place of this event, if it restores, and its dry runs.
pub fn cases(event: &Value) -> Result<Vec<Case>, String> {
    let mut cases = dry_runs(event)?;
    if event["task"] == "db_restore" && event["source"].is_null() {
        for source in sources(event) {
            cases.extend(of_source(event, source)?);
        }
    }
    Ok(cases)
}

/// A choice of each kind that the database can be restored from.
fn sources(event: &Value) -> Vec<Value> {
    let mut sources =
        vec![json!({"snapshot": "nightly"}), json!({"latestSnapshot": "any"}), json!({"pointInTime": "latest"})];
    // The Aurora cluster of the built-in world.
    if event["identifier"] == "shop" {
        sources.push(json!({"clone": "shop"}));
    }
    sources
}

/// The restoring calls that a source may lead to, of which a run makes one.
const RESTORES: [&str; 4] = [
    "RestoreDBInstanceFromDBSnapshot",
    "RestoreDBInstanceToPointInTime",
    "RestoreDBClusterFromSnapshot",
    "RestoreDBClusterToPointInTime",
];

fn of_source(event: &Value, source: Value) -> Result<Vec<Case>, String> {
    let mut event = event.clone();
    event["source"] = source;
    let mut base = Case::new(f::SOURCES, &event);
    add_snapshots(Arc::make_mut(&mut base.world), &event);
    let recording = Recording::of(&base, None)?;
    let mut cases = vec![Case { family: f::HAPPY, must_succeed: true, ..base.clone() }];
    for (action, occurrence) in each(&recording.changes) {
        let error = |code: &str| Fault::Error { code: code.to_owned(), message: "no".to_owned() };
        for (fault, times, is_harmless) in [
            (Fault::ResponseLost {}, 1, true),
            (Fault::ServerError { status: 503 }, 4, true),
            (error("InvalidParameterCombination"), 1, false),
            (Fault::Denied {}, 1, false),
        ] {
            let case = base.clone().with([request(action, occurrence, times, fault)]);
            cases.push(Case { must_succeed: is_harmless, ..case });
        }
    }
    for action in RESTORES.into_iter().filter(|action| recording.changes.contains_key(*action)) {
        for status in ["failed", "incompatible-restore"] {
            let ends = Fault::EndsIn { status: status.to_owned() };
            cases.push(base.clone().with([request(action, 1, 1, ends)]));
        }
        cases.push(base.clone().with([request(action, 1, 1, Fault::Stuck { seconds: None })]));
    }
    for (state, occurrence) in each(&recording.states) {
        let state = state.to_owned();
        cases.push(base.clone().with([InjectedFault::Abort { state: state.clone(), occurrence }]));
        cases.push(base.clone().with([InjectedFault::AbortAfter { state, occurrence }]));
    }
    Ok(cases)
}

/// A dry run with a fault of each look. It changes nothing, so it needs no rollback.
fn dry_runs(event: &Value) -> Result<Vec<Case>, String> {
    let mut event = event.clone();
    event["dryRun"] = json!(true);
    let base = Case::new(f::DRY_RUN, &event);
    let recording = Recording::of(&base, None)?;
    if !recording.changes.is_empty() {
        return Err(format!("the dry run {event} makes changing calls"));
    }
    let mut cases = vec![Case { family: f::HAPPY, must_succeed: true, ..base.clone() }];
    for (action, occurrence) in each(&recording.looks) {
        cases.push(base.clone().with([request(action, occurrence, 1, Fault::Denied {})]));
        let passing = base.clone().with([request(action, occurrence, 4, Fault::ServerError { status: 503 })]);
        cases.push(Case { must_succeed: true, ..passing });
    }
    for (state, occurrence) in each(&recording.states) {
        cases.push(base.clone().with([InjectedFault::AbortAfter { state: state.to_owned(), occurrence }]));
    }
    Ok(cases)
}

/// Snapshots of which only one is the right choice: an older and a newer one, one in creation, and another database's.
fn add_snapshots(world: &mut World, event: &Value) {
    let identifier = &event["identifier"];
    let snapshots = json!([
        {"identifier": "nightly", "source": identifier, "ageHours": 6},
        {"identifier": "in-creation", "source": identifier, "ageHours": 1, "status": "creating"},
        {"identifier": "of-an-earlier-one", "source": identifier, "ageHours": 2, "sourceResourceId": "db-EARLIER00000"},
    ]);
    for snapshot in snapshots.as_array().into_iter().flatten() {
        if event["isCluster"] == true {
            world.cluster_snapshots.push(specified(snapshot));
        } else {
            world.snapshots.push(specified(snapshot));
        }
    }
}

/// A snapshot of this module. Every test of the campaign builds them, so a mistake in one cannot stay.
fn specified<S: DeserializeOwned>(snapshot: &Value) -> S {
    serde_json::from_value(snapshot.clone()).unwrap_or_else(|error| panic!("a snapshot of the campaign: {error}"))
}
