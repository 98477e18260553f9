//! Two or three faults at once, by seed: the building blocks of the matrix, in varied worlds.

use std::sync::Arc;

use fastrand::Rng;
use rds_simulator::When;
use serde_json::Value;
use trapheus_common::document::SnapshotReplacement;

use super::Case;
use super::families as f;
use super::matrix::{
    self, OTHER_WORLDS, Recording, after, exporting, failing_restores, function, function_faults, intervention,
    mail_faults, request, request_faults, slack_faults,
};
use crate::injection::{Beside, InjectedFault};

/// The recordings from which a case is drawn.
#[derive(Clone, Debug)]
pub struct Pool {
    happy: Vec<Recording>,
    /// The events that take a snapshot, with an export of it.
    exporting: Vec<Recording>,
}

impl Pool {
    /// Records the runs of the events.
    pub fn of(events: &[Value]) -> Result<Self, String> {
        let recorded = |event: &Value| Recording::of(&Case::new(f::HAPPY, event), None);
        let happy = events.iter().map(recorded).collect::<Result<Vec<_>, _>>()?;
        let with_snapshot = happy.iter().filter(|recording| recording.takes_snapshot());
        let exporting = with_snapshot.flat_map(|recording| [false, true].map(|wait| exporting(&recording.event, wait)));
        let exporting = exporting.map(|event| recorded(&event)).collect::<Result<_, _>>()?;
        Ok(Self { happy, exporting })
    }

    /// The case of this seed, which is always the same.
    pub fn case(&self, seed: u64) -> Case {
        let mut rng = Rng::with_seed(seed);
        let recordings = if self.exporting.is_empty() || rng.u8(..4) > 0 { &self.happy } else { &self.exporting };
        let recording = &recordings[rng.usize(..recordings.len())];
        let mut case = Case { seed, ..Case::new(f::RANDOM, &recording.event) };
        for _ in 0..rng.usize(..3) {
            OTHER_WORLDS[rng.usize(..OTHER_WORLDS.len())](Arc::make_mut(&mut case.world));
        }
        if rng.u8(..8) == 0 {
            case.snapshot_replacement = SnapshotReplacement::DeleteFirst;
        }
        let identifier = recording.event["identifier"].as_str().unwrap_or_default();
        let mut left = rng.usize(2..=3);
        if rng.u8(..4) == 0 {
            // A failing restore makes more faults meet a rollback than chance would.
            let mut failing = failing_restores(identifier);
            case.faults = failing.swap_remove(rng.usize(..failing.len()));
            left -= 1;
        }
        while left > 0 {
            case.faults.extend(draw(&mut rng, recording));
            left -= 1;
        }
        case.success_notice = rng.u8(..4) == 0;
        case
    }
}

fn pick<'a>(rng: &mut Rng, names: impl Iterator<Item = (&'a String, &'a u32)>) -> Option<(&'a str, u32)> {
    let names: Vec<_> = names.collect();
    let (name, count) = names.get(rng.usize(..names.len().max(1)))?;
    // The number may exceed the recorded count by two, since a rollback or a retry adds occurrences.
    Some((name.as_str(), rng.u32(1..=**count + 2)))
}

fn draw(rng: &mut Rng, recording: &Recording) -> Option<InjectedFault> {
    match rng.u8(..100) {
        0..35 => {
            let (action, occurrence) = pick(rng, recording.changes.iter())?;
            let mut faults = request_faults();
            let (_, fault, times) = faults.swap_remove(rng.usize(..faults.len()));
            Some(request(action, occurrence, times, fault))
        }
        35..45 => {
            let (action, occurrence) = pick(rng, recording.looks.iter())?;
            let mut faults = request_faults();
            let (_, fault, times) = faults.swap_remove(rng.usize(..12));
            Some(request(action, occurrence, times, fault))
        }
        45..60 => {
            let (name, occurrence) = pick(rng, recording.functions.iter())?;
            let faults = function_faults();
            let (_, fault, times) = faults[rng.usize(..faults.len())];
            Some(function(name, occurrence, times, fault))
        }
        60..70 => {
            let (state, occurrence) = pick(rng, recording.states.iter())?;
            let state = state.to_owned();
            Some(if rng.bool() {
                InjectedFault::Abort { state, occurrence }
            } else {
                InjectedFault::AbortAfter { state, occurrence }
            })
        }
        70..85 => {
            let identifier = recording.event["identifier"].as_str().unwrap_or_default();
            let mut interventions = matrix::interventions(identifier, recording.event["isCluster"] == true);
            let (_, action, parameters) = interventions.swap_remove(rng.usize(..interventions.len()));
            let when = if rng.bool() {
                When::At(f64::from(rng.u32(..4_000)))
            } else {
                let (moment, occurrence) = pick(rng, recording.changes.iter())?;
                after(moment, occurrence, f64::from(rng.u32(..400)))
            };
            Some(intervention(action, &parameters, when))
        }
        85..93 => {
            let (state, occurrence) = pick(rng, recording.states.iter())?;
            Some(InjectedFault::SecondRun { state: state.to_owned(), occurrence, beside: Beside::First, event: None })
        }
        _ => {
            let mut faults = if rng.bool() { mail_faults() } else { slack_faults() };
            Some(faults.swap_remove(rng.usize(..faults.len())))
        }
    }
}
