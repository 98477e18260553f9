//! Events around a run in a busy account.
//!
//! - Copies of its database, and other backups under its snapshot's name.
//! - Stale answers of Step Functions, large clusters, and storage work of several days.
//! - Operators who act seconds after a step, and Auto Scaling.
//!
//! This module owns those families. Each covers every kind of step, but not every occurrence of it.

use std::collections::BTreeMap;
use std::sync::Arc;

use rds_simulator::{ClusterSnapshotSpec, ClusterSpec, Fault, MemberSpec, SnapshotSpec, Timings, Unverified, World};

use super::Case;
use super::families as f;
use super::matrix::{Recording, after, each, failing_restores, intervention, request};
use crate::injection::{Beside, InjectedFault};
use crate::steps;

/// All cases of these families for one event, from the recording of its run.
pub(super) fn cases(happy: &Recording) -> Result<Vec<Case>, String> {
    let mut cases = Vec::new();
    if happy.takes_snapshot() {
        cases.extend(last_snapshots(happy));
    } else {
        cases.extend(copies(happy));
        cases.extend(stale(happy));
        cases.extend(lasting(happy));
        cases.extend(soon(happy));
        cases.extend(large(happy)?);
    }
    if happy.restores() {
        cases.extend(other_backups(happy));
        cases.extend(auto_scaling(happy));
    }
    Ok(cases)
}

/// The API's names for one kind of database.
struct Words {
    identifier: &'static str,
    new_identifier: &'static str,
    snapshot: &'static str,
    modify: &'static str,
    delete: &'static str,
    create_snapshot: &'static str,
    delete_snapshot: &'static str,
}

const OF_INSTANCES: Words = Words {
    identifier: "DBInstanceIdentifier",
    new_identifier: "NewDBInstanceIdentifier",
    snapshot: "DBSnapshotIdentifier",
    modify: "ModifyDBInstance",
    delete: "DeleteDBInstance",
    create_snapshot: "CreateDBSnapshot",
    delete_snapshot: "DeleteDBSnapshot",
};

const OF_CLUSTERS: Words = Words {
    identifier: "DBClusterIdentifier",
    new_identifier: "NewDBClusterIdentifier",
    snapshot: "DBClusterSnapshotIdentifier",
    modify: "ModifyDBCluster",
    delete: "DeleteDBCluster",
    create_snapshot: "CreateDBClusterSnapshot",
    delete_snapshot: "DeleteDBClusterSnapshot",
};

impl Words {
    fn of(recording: &Recording) -> &'static Self {
        if recording.is_cluster() { &OF_CLUSTERS } else { &OF_INSTANCES }
    }
}

/// Whether the target is the built-in Aurora cluster, whose members are instances with their own names.
fn is_aurora(recording: &Recording) -> bool {
    recording.identifier() == "shop"
}

fn temporary(recording: &Recording) -> String {
    format!("{}-temp", recording.identifier())
}

fn own_snapshot(recording: &Recording) -> String {
    format!("{}-snapshot", recording.identifier())
}

/// The first and the last occurrence of each name.
fn ends(counts: &BTreeMap<String, u32>) -> impl Iterator<Item = (&str, u32)> {
    each(counts).filter(|(name, number)| *number == 1 || counts.get(*name) == Some(number))
}

/// The places to stop a run: early, halfway and late.
fn stops(recording: &Recording) -> Vec<InjectedFault> {
    let is_place = |state: &str| ["restore", "verify", "delete"].iter().any(|verb| steps::does_in_run(state, verb));
    let states = recording.states.keys().filter(|state| is_place(state));
    states.map(|state| InjectedFault::AbortAfter { state: state.clone(), occurrence: 1 }).collect()
}

/// The ends of a run: success, failure or a stop.
fn endings(recording: &Recording) -> Vec<Vec<InjectedFault>> {
    let failing = failing_restores(recording.identifier()).into_iter().take(1);
    let stopped = stops(recording).into_iter().map(|stop| vec![stop]);
    std::iter::once(Vec::new()).chain(failing).chain(stopped).collect()
}

/// A person or a job takes a snapshot of the target under the name that it has then. A second try follows, since RDS takes
/// no snapshot during a change.
fn snapshots(recording: &Recording, name: &str, (moment, occurrence): (&str, u32), delay: f64) -> Vec<InjectedFault> {
    let words = Words::of(recording);
    let tries = [(recording.identifier().to_owned(), 0.0), (temporary(recording), 0.0), (temporary(recording), 100.0)];
    let take = |(source, later): (String, f64)| {
        let parameters = [(words.identifier, source), (words.snapshot, name.to_owned())];
        intervention(words.create_snapshot, &parameters, after(moment, occurrence, delay + later))
    };
    tries.into_iter().map(take).collect()
}

/// A person or a job restores a database of this name from a snapshot. It gets its own tags, or the snapshot's.
fn restores(
    recording: &Recording,
    name: &str,
    from: &str,
    is_tagged: bool,
    (moment, occurrence): (&str, u32),
    delay: f64,
) -> Vec<InjectedFault> {
    let text = str::to_owned;
    let tags = [("Tags.Tag.1.Key", text("purpose")), ("Tags.Tag.1.Value", text("test"))];
    let tags = tags.into_iter().filter(|_| is_tagged);
    if !recording.is_cluster() {
        let parameters = [("DBInstanceIdentifier", text(name)), ("DBSnapshotIdentifier", text(from))];
        let parameters: Vec<_> = parameters.into_iter().chain(tags).collect();
        return vec![intervention("RestoreDBInstanceFromDBSnapshot", &parameters, after(moment, occurrence, delay))];
    }
    let engine = if is_aurora(recording) { "aurora-postgresql" } else { "postgres" };
    let mut parameters =
        vec![("DBClusterIdentifier", text(name)), ("SnapshotIdentifier", text(from)), ("Engine", text(engine))];
    if !is_aurora(recording) {
        parameters.push(("DBClusterInstanceClass", text("db.m6gd.large")));
    }
    parameters.extend(tags);
    let mut all = vec![intervention("RestoreDBClusterFromSnapshot", &parameters, after(moment, occurrence, delay))];
    if is_aurora(recording) {
        let member = [
            ("DBInstanceIdentifier", format!("{name}-one")),
            ("DBClusterIdentifier", text(name)),
            ("Engine", text(engine)),
            ("DBInstanceClass", text("db.r6g.large")),
        ];
        all.push(intervention("CreateDBInstance", &member, after(moment, occurrence, delay + 1.0)));
    }
    all
}

/// RDS copies the tags of every target into its snapshots.
fn copying_tags(world: &mut World) {
    world.instances.iter_mut().for_each(|found| found.settings.copy_tags_to_snapshot = Some(true));
    world.clusters.iter_mut().for_each(|found| found.settings.copy_tags_to_snapshot = Some(true));
}

/// Copies under a name of their own, and under the two names of the run while those are free.
fn copies(happy: &Recording) -> Vec<Case> {
    let mut cases = Vec::new();
    let all = endings(happy);
    let own = format!("{}-copy", happy.identifier());
    let under_names_of_the_run = [happy.identifier().to_owned(), temporary(happy)];
    for moment in ends(&happy.changes) {
        let mut add = |name: &str, is_tagged, ending: &Vec<InjectedFault>| {
            let mut case = Case::new(f::COPIES, &happy.event).with(snapshots(happy, "nightly", moment, 0.0));
            copying_tags(Arc::make_mut(&mut case.world));
            cases.push(case.with(restores(happy, name, "nightly", is_tagged, moment, 500.0)).with(ending.clone()));
        };
        for ending in &all {
            add(&own, false, ending);
        }
        // One ending succeeds and one fails.
        for ending in all.iter().take(2) {
            add(&own, true, ending);
            for name in &under_names_of_the_run {
                add(name, false, ending);
            }
        }
    }
    cases
}

/// A database of the target's kind and engine that the run does not use.
const ANOTHER: &str = "billing";

fn with_another(recording: &Recording, world: &mut World) {
    let identifier = ANOTHER.to_owned();
    if !recording.is_cluster() {
        let mut another = world.instances[0].clone();
        another.identifier = identifier;
        world.instances.push(another);
    } else if let Some(found) = world.clusters.iter().find(|found| found.identifier == recording.identifier()) {
        let mut another = ClusterSpec { identifier, ..found.clone() };
        for member in &mut another.members {
            member.identifier = format!("{ANOTHER}-{}", member.identifier);
        }
        world.clusters.push(another);
    }
}

/// Changes the source of the target's snapshot: its name, and its resource id.
fn from_elsewhere(recording: &Recording, world: &mut World, source: &str, resource_id: Option<&str>) {
    let name = own_snapshot(recording);
    let resource_id = resource_id.map(str::to_owned);
    let of = |found: &SnapshotSpec| SnapshotSpec {
        source: source.to_owned(),
        source_resource_id: resource_id.clone(),
        engine: Some("postgres".to_owned()),
        ..found.clone()
    };
    let of_cluster = |found: &ClusterSnapshotSpec| ClusterSnapshotSpec {
        source: source.to_owned(),
        source_resource_id: resource_id.clone(),
        ..found.clone()
    };
    world.snapshots.iter_mut().filter(|found| found.identifier == name).for_each(|found| *found = of(found));
    let snapshots = world.cluster_snapshots.iter_mut();
    snapshots.filter(|found| found.identifier == name).for_each(|found| *found = of_cluster(found));
}

fn other_backups(happy: &Recording) -> Vec<Case> {
    let words = Words::of(happy);
    let mut cases = Vec::new();
    let base = || {
        let mut case = Case::new(f::OTHER_BACKUP, &happy.event);
        with_another(happy, Arc::make_mut(&mut case.world));
        case
    };
    for (source, resource_id) in [(ANOTHER, None), (happy.identifier(), Some("EARLIER"))] {
        let resource_id = resource_id.map(|id| format!("{}-{id}", if happy.is_cluster() { "cluster" } else { "db" }));
        for ending in endings(happy) {
            let mut case = base().with(ending);
            from_elsewhere(happy, Arc::make_mut(&mut case.world), source, resource_id.as_deref());
            cases.push(case);
        }
    }
    // The snapshot matters only until the run has restored from it, so the run's deletions are no moments here.
    for (moment, occurrence) in ends(&happy.changes).filter(|(moment, _)| !moment.starts_with("Delete")) {
        for delay in [0.0, 60.0] {
            let name = own_snapshot(happy);
            let delete = [(words.snapshot, name.clone())];
            let deleted = intervention(words.delete_snapshot, &delete, after(moment, occurrence, delay));
            let another = [(words.identifier, ANOTHER.to_owned()), (words.snapshot, name.clone())];
            let another = intervention(words.create_snapshot, &another, after(moment, occurrence, delay + 15.0));
            cases.push(base().with([deleted.clone(), another]));
            let again = snapshots(happy, &name, (moment, occurrence), delay + 15.0);
            cases.push(base().with([deleted]).with(again));
        }
    }
    cases
}

/// Step Functions does not know an execution, or does not answer, once, for a while or always.
fn lookups_that_fail() -> Vec<InjectedFault> {
    let error = |code: &str| Fault::Error { code: code.to_owned(), message: "no".to_owned() };
    vec![
        request("DescribeExecution", 1, 1, error("ExecutionDoesNotExist")),
        request("DescribeExecution", 1, 6, error("ExecutionDoesNotExist")),
        request("DescribeExecution", 1, 10_000, error("ExecutionDoesNotExist")),
        request("DescribeExecution", 1, 12, Fault::Throttle { code: "ThrottlingException".to_owned() }),
        request("DescribeExecution", 1, 6, Fault::ServerError { status: 503 }),
        request("DescribeExecution", 1, 10_000, Fault::Denied {}),
    ]
}

fn stale(happy: &Recording) -> Vec<Case> {
    let mut cases = Vec::new();
    for (number, state) in happy.states.keys().enumerate() {
        let stopped = InjectedFault::AbortAfter { state: state.clone(), occurrence: 1 };
        for lookup in lookups_that_fail() {
            cases.push(Case::new(f::STALE, &happy.event).with([stopped.clone(), lookup]));
        }
        // Another run asks as well, since it finds the claim of the first.
        let second =
            InjectedFault::SecondRun { state: state.clone(), occurrence: 1, event: None, beside: Beside::First };
        let mut lookups = lookups_that_fail();
        let lookup = lookups.swap_remove(number % lookups.len());
        cases.push(Case::new(f::STALE, &happy.event).with([second, lookup]));
    }
    cases
}

/// As many tags as a run accepts, each of the maximal length in RDS.
fn maximal_tags() -> BTreeMap<String, String> {
    (0..46).map(|number| (format!("{number:02}{}", "k".repeat(126)), "v".repeat(256))).collect()
}

/// The maximal number of a cluster's members.
const MEMBERS: usize = 16;

fn grow(world: &mut World) {
    world.instances.iter_mut().for_each(|found| found.tags = maximal_tags());
    for cluster in &mut world.clusters {
        cluster.tags = maximal_tags();
        if let Some(first) = cluster.members.first().cloned() {
            while cluster.members.len() < MEMBERS {
                let identifier = format!("{}-{}", cluster.identifier, cluster.members.len() + 1);
                cluster.members.push(MemberSpec { identifier, ..first.clone() });
            }
        }
        cluster.members.iter_mut().for_each(|member| member.tags = maximal_tags());
    }
}

fn large(happy: &Recording) -> Result<Vec<Case>, String> {
    let mut base = Case::new(f::LARGE, &happy.event);
    grow(Arc::make_mut(&mut base.world));
    let recording = Recording::of(&base, None)?;
    let failing = failing_restores(happy.identifier()).into_iter();
    let stopped = ends(&recording.states).flat_map(|(state, occurrence)| {
        let state = state.to_owned();
        [
            vec![InjectedFault::Abort { state: state.clone(), occurrence }],
            vec![InjectedFault::AbortAfter { state, occurrence }],
        ]
    });
    let endings = failing.chain(stopped);
    let cases = endings.map(|ending| base.clone().with(ending));
    Ok(std::iter::once(Case { must_succeed: true, ..base.clone() }).chain(cases).collect())
}

/// Longer than a run and its rollback may take.
const LASTING_SECONDS: f64 = 60.0 * 3_600.0;

fn lasting(happy: &Recording) -> Vec<Case> {
    // The storage of an Aurora cluster needs no such work.
    if is_aurora(happy) {
        return Vec::new();
    }
    let mut cases = Vec::new();
    for final_snapshot_in_storage_work in [false, true] {
        let mut base = Case::new(f::LASTING, &happy.event);
        let world = Arc::make_mut(&mut base.world);
        world.timings = Timings {
            storage_initialization: LASTING_SECONDS,
            storage_optimization: LASTING_SECONDS,
            ..world.timings.clone()
        };
        world.unverified = Unverified { final_snapshot_in_storage_work, ..Unverified::default() };
        cases.push(Case { must_succeed: true, ..base.clone() });
        cases.push(Case { must_succeed: true, final_snapshot: true, ..base.clone() });
        for failing in failing_restores(happy.identifier()) {
            cases.push(base.clone().with(failing));
        }
        for (state, occurrence) in ends(&happy.states) {
            let state = state.to_owned();
            cases.push(base.clone().with([InjectedFault::AbortAfter { state, occurrence }]));
        }
        for (action, occurrence) in ends(&happy.changes) {
            let error = Fault::Error { code: "InvalidParameterCombination".to_owned(), message: "no".to_owned() };
            for fault in [Fault::Denied {}, error] {
                cases.push(base.clone().with([request(action, occurrence, 1, fault)]));
            }
        }
    }
    cases
}

/// An action of the API and its parameters.
type Operation = (&'static str, Vec<(&'static str, String)>);

/// The changes that an operator may make to the database of this name.
fn operations(recording: &Recording, name: &str) -> Vec<Operation> {
    let words = Words::of(recording);
    let text = str::to_owned;
    let yes = || text("true");
    let this = || (words.identifier, text(name));
    let now = ("ApplyImmediately", yes());
    let member = || ("DBInstanceIdentifier", format!("{name}-2"));
    let snapshot = vec![this(), (words.snapshot, text("by-hand"))];
    let modify = vec![this(), ("BackupRetentionPeriod", text("9")), now.clone()];
    let rename = vec![this(), (words.new_identifier, format!("{}-old", recording.identifier())), now];
    let mut all = vec![(words.create_snapshot, snapshot), (words.modify, modify), (words.modify, rename)];
    match () {
        () if is_aurora(recording) => all.extend([
            ("StopDBCluster", vec![this()]),
            ("RebootDBInstance", vec![member()]),
            ("DeleteDBInstance", vec![member()]),
        ]),
        () if recording.is_cluster() => {
            all.extend([("RebootDBCluster", vec![this()]), (words.delete, vec![this(), ("SkipFinalSnapshot", yes())])]);
        }
        () => all.extend([
            ("StopDBInstance", vec![this()]),
            ("RebootDBInstance", vec![this()]),
            (words.delete, vec![this(), ("SkipFinalSnapshot", yes())]),
        ]),
    }
    all
}

/// The seconds between a step and an operator's change.
const SOON: [f64; 5] = [0.0, 5.0, 20.0, 60.0, 100.0];

fn soon(happy: &Recording) -> Vec<Case> {
    let mut cases = Vec::new();
    let names = [happy.identifier().to_owned(), temporary(happy)];
    for (at, (moment, occurrence)) in ends(&happy.changes).enumerate() {
        for (number, delay) in SOON.into_iter().enumerate() {
            // A cluster has more steps, so each step meets two of the delays.
            if happy.is_cluster() && (at + number) % 5 > 1 {
                continue;
            }
            for (name, found) in names.iter().enumerate() {
                for (which, (action, parameters)) in operations(happy, found).into_iter().enumerate() {
                    if (at + number + name + which) % 2 == 0 {
                        let when = after(moment, occurrence, delay);
                        let case = Case::new(f::PEOPLE_SOON, &happy.event);
                        cases.push(case.with([intervention(action, &parameters, when)]));
                    }
                }
            }
        }
    }
    cases
}

/// A reader's name, as Aurora Auto Scaling chooses it.
const READER: &str = "application-autoscaling-3f2c1d9e-7a54-4b0e-9c1a-0d1e2f3a4b5c";

fn auto_scaling(happy: &Recording) -> Vec<Case> {
    if !is_aurora(happy) {
        return Vec::new();
    }
    let appears = |cluster: &str, (moment, occurrence): (&str, u32)| {
        let parameters = [
            ("DBInstanceIdentifier", READER.to_owned()),
            ("DBClusterIdentifier", cluster.to_owned()),
            ("Engine", "aurora-postgresql".to_owned()),
            ("DBInstanceClass", "db.r6g.large".to_owned()),
        ];
        intervention("CreateDBInstance", &parameters, after(moment, occurrence, 0.0))
    };
    let disappears = |(moment, occurrence): (&str, u32)| {
        let parameters = [("DBInstanceIdentifier", READER.to_owned())];
        intervention("DeleteDBInstance", &parameters, after(moment, occurrence, 0.0))
    };
    let base = || Case::new(f::AUTO_SCALING, &happy.event);
    let scaled = || {
        let mut case = base();
        for cluster in &mut Arc::make_mut(&mut case.world).clusters {
            if cluster.identifier == happy.identifier() {
                let reader = MemberSpec { identifier: READER.to_owned(), writer: false, ..cluster.members[0].clone() };
                cluster.members.push(reader);
            }
        }
        case
    };
    let mut cases = vec![scaled()];
    // No appearance or removal of a reader may fail a run.
    for moment in each(&happy.changes) {
        cases.push(base().with([appears(happy.identifier(), moment)]));
        cases.push(base().with([appears(&temporary(happy), moment)]));
        cases.push(scaled().with([disappears(moment)]));
    }
    for case in &mut cases {
        case.must_succeed = true;
    }
    for ending in endings(happy).into_iter().skip(1) {
        cases.push(scaled().with(ending.clone()));
        for moment in ends(&happy.changes) {
            cases.push(base().with([appears(happy.identifier(), moment)]).with(ending.clone()));
            cases.push(scaled().with([disappears(moment)]).with(ending.clone()));
        }
    }
    cases
}

/// The replacement of the only snapshot fails or is stopped, and a person deletes the old or the new snapshot.
fn last_snapshots(happy: &Recording) -> Vec<Case> {
    let words = Words::of(happy);
    let of_snapshots = |name: &str| name.contains("Snapshot") && !name.starts_with("Restore");
    let base = || {
        let mut case = Case::new(f::LAST_SNAPSHOT, &happy.event);
        let world = Arc::make_mut(&mut case.world);
        world.instances.iter_mut().for_each(|found| found.settings.backup_retention_period = Some(0));
        case
    };
    let failed = || Fault::EndsIn { status: "failed".to_owned() };
    let mut fates: Vec<Option<InjectedFault>> = vec![None];
    for (action, occurrence) in each(&happy.changes).filter(|(action, _)| of_snapshots(action)) {
        fates.extend([Fault::Denied {}, failed()].map(|fault| Some(request(action, occurrence, 1, fault))));
    }
    for (state, occurrence) in each(&happy.states).filter(|(state, _)| steps::writes(state, "snapshot")) {
        fates.push(Some(InjectedFault::AbortAfter { state: state.to_owned(), occurrence }));
    }
    let mut cases: Vec<Case> = fates.iter().map(|fate| base().with(fate.clone())).collect();
    for (moment, occurrence) in each(&happy.changes).filter(|(moment, _)| of_snapshots(moment)) {
        for name in [own_snapshot(happy), temporary(happy)] {
            for (number, fate) in fates.iter().enumerate() {
                let delay = if number % 2 == 0 { 0.0 } else { 400.0 };
                let parameters = [(words.snapshot, name.clone())];
                let deleted = intervention(words.delete_snapshot, &parameters, after(moment, occurrence, delay));
                cases.push(base().with([deleted]).with(fate.clone()));
            }
        }
    }
    cases
}
