//! Pictures of the state machine, drawn from its definition.
//!
//! | module | owns |
//! |---|---|
//! | `graph` | the part of a definition to show: states, ways between them, catches |
//! | `layout` | the places: ranks from top to bottom, few crossings, straight lines |
//! | `svg` | the look, on a light and on a dark page |
//!
//! Pure and deterministic: the same definition gives the same files. A test can therefore tell when the pictures in
//! `docs/pictures/` are out of date.

mod graph;
mod layout;
mod svg;

use serde_json::Value;
use trapheus_common::document::AlertPhase;

use crate::steps::Tasks;
use graph::{Detail, Graph};

/// A state, by its part in a run. The definition has its name.
#[derive(Clone, Copy, Debug)]
enum Place {
    /// The state in which a run calls this function.
    Step(&'static str),
    /// The state after that one.
    After(&'static str),
    /// The state in which this alert is sent.
    Alert(AlertPhase),
    /// The Choice whether that alert is sent.
    ChoiceOfAlert(AlertPhase),
}

/// The state in which a failure is handled.
const FAILURE: Place = Place::Alert(AlertPhase::First);

/// One picture: the part of the machine that it shows.
struct Picture {
    name: &'static str,
    title: &'static str,
    /// The first states; the machine's start if empty.
    from: &'static [Place],
    /// States that the picture shows only as signposts.
    until: &'static [Place],
    detail: Detail,
}

const PICTURES: [Picture; 6] = [
    Picture {
        name: "state-machine",
        title: "The whole state machine",
        from: &[],
        until: &[],
        detail: Detail::Overview,
    },
    Picture {
        name: "choice-of-kind",
        title: "Choice of kind: DB instance or DB cluster",
        from: &[],
        until: &[Place::After("claim-instance"), Place::After("claim-cluster"), FAILURE],
        detail: Detail::Everything,
    },
    Picture {
        name: "snapshot",
        title: "The snapshot, taken or replaced",
        from: &[Place::After("claim-instance"), Place::After("claim-cluster")],
        until: &[
            Place::Step("rename-instance"),
            Place::Step("rename-cluster"),
            Place::ChoiceOfAlert(AlertPhase::Success),
            FAILURE,
        ],
        detail: Detail::Everything,
    },
    Picture {
        name: "instance-restore",
        title: "Restore of a DB instance",
        from: &[Place::Step("rename-instance")],
        until: &[Place::Step("delete-cluster"), Place::Step("release-cluster"), FAILURE],
        detail: Detail::Everything,
    },
    Picture {
        name: "cluster-restore",
        title: "Restore of a DB cluster",
        from: &[Place::Step("rename-cluster")],
        until: &[Place::Step("delete-instance"), Place::Step("release-instance"), FAILURE],
        detail: Detail::Everything,
    },
    Picture {
        name: "failure-handling",
        title: "Failure: the first alert beside the rollback, then the final alert",
        from: &[FAILURE],
        until: &[],
        detail: Detail::Everything,
    },
];

impl Place {
    /// The name of the state in a definition with these tasks; none if the definition has no such state.
    fn name<'a>(self, states: &'a Value, tasks: &'a Tasks) -> Option<&'a str> {
        match self {
            Self::Step(function) => tasks.calling(function),
            Self::After(function) => states[tasks.calling(function)?]["Next"].as_str(),
            Self::Alert(phase) => tasks.alerting(phase),
            Self::ChoiceOfAlert(phase) => {
                let alert = tasks.alerting(phase)?;
                let leads_there = |rule: &Value| rule["Next"] == alert;
                let chooses = |state: &Value| state["Choices"].as_array().into_iter().flatten().any(leads_there);
                states.as_object()?.iter().find(|(_, state)| chooses(state)).map(|(name, _)| name.as_str())
            }
        }
    }
}

/// Every picture of a definition: the name of its file, without `.svg`, and its content.
pub fn pictures(definition: &Value) -> Vec<(&'static str, String)> {
    let (states, tasks) = (&definition["States"], Tasks::of(definition));
    let named = |places: &[Place]| places.iter().filter_map(|place| place.name(states, &tasks)).collect::<Vec<_>>();
    let start = definition["StartAt"].as_str().unwrap_or_default();
    PICTURES
        .iter()
        .map(|picture| {
            let from = if picture.from.is_empty() { vec![start] } else { named(picture.from) };
            let graph = Graph::of(states, &from, &named(picture.until), picture.detail);
            (picture.name, svg::draw(picture.title, &graph))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::fs;
    use std::path::PathBuf;

    use super::*;

    fn definition() -> Value {
        serde_json::from_str(include_str!("../../../../statemachine/trapheus.asl.json")).unwrap()
    }

    #[test]
    fn the_pictures_in_the_documentation_are_those_of_the_definition() {
        let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../../docs/pictures");
        for (name, svg) in pictures(&definition()) {
            let kept = fs::read_to_string(folder.join(name).with_extension("svg")).unwrap_or_default();
            assert!(kept == svg, "docs/pictures/{name}.svg is out of date: run `trapheus diagram`");
        }
    }

    #[test]
    fn every_place_is_a_state_of_the_definition() {
        let definition = definition();
        let tasks = Tasks::of(&definition);
        for place in PICTURES.iter().flat_map(|picture| picture.from.iter().chain(picture.until)) {
            assert!(place.name(&definition["States"], &tasks).is_some(), "{place:?}");
        }
    }

    #[test]
    fn between_them_the_pictures_show_every_state() {
        fn collect(states: &Value, into: &mut BTreeSet<String>) {
            for (name, state) in states.as_object().unwrap() {
                into.insert(name.clone());
                for branch in state["Branches"].as_array().into_iter().flatten() {
                    collect(&branch["States"], into);
                }
            }
        }
        let definition = definition();
        let mut missing = BTreeSet::new();
        collect(&definition["States"], &mut missing);
        for (_, svg) in pictures(&definition).into_iter().skip(1) {
            // A remark may follow the name of a Parallel.
            missing.retain(|state| !["<", " ("].iter().any(|end| svg.contains(&format!(">{state}{end}"))));
        }
        assert_eq!(missing, BTreeSet::new());
    }
}
