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

use graph::{Detail, Graph};

/// One picture: the part of the machine that it shows.
struct Picture {
    name: &'static str,
    title: &'static str,
    /// The first states; the machine's start if empty.
    from: &'static [&'static str],
    /// States that the picture shows only as signposts.
    until: &'static [&'static str],
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
        until: &["ShouldTakeDbSnapshot", "ShouldTakeClusterSnapshot", "FailedState"],
        detail: Detail::Everything,
    },
    Picture {
        name: "snapshot",
        title: "The snapshot, taken or replaced",
        from: &["ShouldTakeDbSnapshot", "ShouldTakeClusterSnapshot"],
        until: &["DbInstanceRename", "ClusterRename", "IsAnythingToTell", "FailedState"],
        detail: Detail::Everything,
    },
    Picture {
        name: "instance-restore",
        title: "Restore of a DB instance",
        from: &["DbInstanceRename"],
        until: &["DeleteOriginalCluster", "ReleaseCluster", "FailedState"],
        detail: Detail::Everything,
    },
    Picture {
        name: "cluster-restore",
        title: "Restore of a DB cluster",
        from: &["ClusterRename"],
        until: &["DeleteOriginalDbInstance", "ReleaseDbInstance", "FailedState"],
        detail: Detail::Everything,
    },
    Picture {
        name: "failure-handling",
        title: "Failure: the first alert beside the rollback, then the final alert",
        from: &["FailedState"],
        until: &[],
        detail: Detail::Everything,
    },
];

/// Every picture of a definition: the name of its file, without `.svg`, and its content.
pub fn pictures(definition: &Value) -> Vec<(&'static str, String)> {
    let start = definition["StartAt"].as_str().unwrap_or_default();
    PICTURES
        .iter()
        .map(|picture| {
            let from = if picture.from.is_empty() { &[start][..] } else { picture.from };
            let graph = Graph::of(&definition["States"], from, picture.until, picture.detail);
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
