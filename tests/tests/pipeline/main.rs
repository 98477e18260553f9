//! Whole runs: the real state machine and the real functions against the simulator. The tests check the end state of the world,
//! not the calls.

mod alerts;
mod bad_input;
mod cases;
mod determinism;
mod events;
mod exports;
mod failures;
mod golden;
mod injected_faults;
mod lag;
mod recovery;
mod requests;
mod slack;
mod sources;

use rds_simulator::{World, WorldState};
use serde_json::{Value, json};
use trapheus_cli::rehearsal::{DEFAULT_WORLD, Rehearsal};
use trapheus_cli::report::Report;

/// The three kinds of database, by the names they have in the built-in world.
const KINDS: [(&str, bool); 3] = [("orders", false), ("shop", true), ("ledger", true)];
const TASKS: [&str; 3] = ["create_snapshot", "db_restore", "create_snapshot_only"];

fn event(identifier: &str, task: &str, is_cluster: bool) -> Value {
    json!({"identifier": identifier, "task": task, "isCluster": is_cluster})
}

fn world() -> World {
    World::from_json(DEFAULT_WORLD).expect("the built-in world")
}

/// The built-in world with these faults.
fn world_with(faults: Value) -> World {
    World { faults: serde_json::from_value(faults).expect("faults"), ..world() }
}

fn rehearse(event: Value, world: World) -> Report {
    Rehearsal::new(event, world).run(&mut ()).expect("a world that can exist")
}

/// Every tag of a claim that is left on a resource.
fn marks(world: &WorldState) -> Vec<String> {
    let instances = world.instances.iter().map(|found| (&found.identifier, &found.tags));
    let clusters = world.clusters.iter().map(|found| (&found.identifier, &found.tags));
    let snapshots = world.snapshots.iter().map(|found| (&found.identifier, &found.tags));
    let cluster_snapshots = world.cluster_snapshots.iter().map(|found| (&found.identifier, &found.tags));
    instances
        .chain(clusters)
        .chain(snapshots)
        .chain(cluster_snapshots)
        .flat_map(|(name, tags)| tags.keys().map(move |key| format!("{name}: {key}")))
        .filter(|mark| mark.contains("trapheus:"))
        .collect()
}

/// The names of all databases and snapshots in the world, bystanders included.
fn inventory(world: &WorldState) -> Vec<String> {
    let instances = world.instances.iter().map(|found| format!("instance {}", found.identifier));
    let clusters = world.clusters.iter().map(|found| format!("cluster {}", found.identifier));
    let snapshots = world.snapshots.iter().map(|found| format!("snapshot {}", found.identifier));
    let cluster_snapshots =
        world.cluster_snapshots.iter().map(|found| format!("cluster snapshot {}", found.identifier));
    instances.chain(clusters).chain(snapshots).chain(cluster_snapshots).collect()
}

/// The resource id and status of the database of this name.
fn database<'a>(world: &'a WorldState, identifier: &str, is_cluster: bool) -> Option<(&'a str, &'a str)> {
    if is_cluster {
        world.cluster(identifier).map(|found| (found.resource_id.as_str(), found.status.as_ref()))
    } else {
        world.instance(identifier).map(|found| (found.resource_id.as_str(), found.status.as_ref()))
    }
}

/// The inventory without a restored database that a rollback has moved aside, and without its final snapshot.
fn without_aside(world: &WorldState) -> Vec<String> {
    inventory(world).into_iter().filter(|found| !found.contains("-failed-")).collect()
}

/// Checks that the world is as it was before the run: same names, same resource ids, same statuses, no tag of a claim. Only the
/// database that a rollback has moved aside, or its final snapshot, may exist besides.
fn assert_untouched(report: &Report, why: &str) {
    assert_eq!(without_aside(&report.world), inventory(&report.world_before), "{why}");
    let is_aside = |identifier: &str| identifier.contains("-failed-");
    for instance in report.world.instances.iter().filter(|found| !is_aside(&found.identifier)) {
        let before = report.world_before.instance(&instance.identifier).expect("the same names");
        assert_eq!((&instance.resource_id, &instance.status), (&before.resource_id, &before.status), "{why}");
    }
    for cluster in report.world.clusters.iter().filter(|found| !is_aside(&found.identifier)) {
        let before = report.world_before.cluster(&cluster.identifier).expect("the same names");
        assert_eq!((&cluster.resource_id, &cluster.status), (&before.resource_id, &before.status), "{why}");
    }
    let mut marks = marks(&report.world);
    marks.retain(|mark| !is_aside(mark));
    assert_eq!(marks, Vec::<String>::new(), "{why}");
}

/// Checks that only the named database, its members and its snapshots have changed.
fn assert_bystanders_untouched(report: &Report, identifier: &str) {
    let members: Vec<String> =
        report.world_before.cluster(identifier).map(|found| found.members.clone()).unwrap_or_default();
    for before in &report.world_before.instances {
        let is_target = before.identifier == identifier || members.contains(&before.identifier);
        let is_member_of_target = before.cluster.as_deref() == Some(identifier);
        if !is_target && !is_member_of_target {
            assert_eq!(report.world.instance(&before.identifier), Some(before));
        }
    }
    for before in report.world_before.clusters.iter().filter(|before| before.identifier != identifier) {
        assert_eq!(report.world.cluster(&before.identifier), Some(before));
    }
}
