//! What speaks against a run: small pure functions from a request and a world to problems, each saying what to do.
//!
//! A check answers for one thing only and stays silent where another one speaks: without a target, only its absence is a
//! problem. Tasks that restore nothing are held to [`ALWAYS`] alone.

use std::cmp::Ordering;
use std::time::Duration;

use trapheus_common::document::{Request, SnapshotReplacement};
use trapheus_common::identifiers::{DatabaseIdentifier, DatabaseKind};
use trapheus_common::tags;
use trapheus_common::wait::acceptor::{Phase, Verdict, phase, snapshot_available};

use crate::advice;
use crate::world::{Database, Snapshot, World};

/// How long a busy database is waited for: backups and modifications take minutes.
const BUSY: Duration = Duration::from_secs(10 * 60);

/// A reason not to run, with what to do about it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Problem {
    pub(crate) text: String,
    /// How long it is worth waiting for it to pass by itself.
    pub(crate) patience: Duration,
}

impl Problem {
    pub(crate) fn lasting(text: impl Into<String>) -> Self {
        Self { text: text.into(), patience: Duration::ZERO }
    }

    pub(crate) fn passing(text: impl Into<String>, patience: Duration) -> Self {
        Self { text: text.into(), patience }
    }
}

type Check = fn(&Request, &World) -> Vec<Problem>;

/// What matters to every task.
const ALWAYS: [Check; 5] =
    [target_exists, engine_is_supported, databases_are_available, our_tags_fit, temporary_snapshot_name_is_free];

/// What matters when the original is moved away and restored.
const RESTORING: [Check; 9] = [
    nothing_is_pending,
    nothing_replicates,
    no_global_database,
    no_blue_green_deployment,
    member_names_have_room,
    names_are_free,
    groups_exist,
    engine_can_be_restored,
    snapshot_fits,
];

/// Everything that speaks against the run.
pub(crate) fn problems(request: &Request, world: &World) -> Vec<Problem> {
    let restoring: &[Check] = if request.task.restores() { &RESTORING } else { &[] };
    ALWAYS.iter().chain(restoring).flat_map(|check| check(request, world)).collect()
}

fn target_exists(request: &Request, world: &World) -> Vec<Problem> {
    let identifier = &request.identifier;
    let problem = match world.target.as_ref().or(world.namesake.as_ref()) {
        Some(Database { cluster: Some(cluster), .. }) => Problem::lasting(format!(
            "`{identifier}` is a member of DB cluster `{cluster}`: give `identifier` \"{cluster}\" and `isCluster` true"
        )),
        Some(found) if found.kind == request.kind => return Vec::new(),
        Some(namesake) => Problem::lasting(format!(
            "`{identifier}` is a {}, not a {}: set `isCluster` to {}",
            namesake.kind,
            request.kind,
            namesake.kind == DatabaseKind::Cluster
        )),
        None => Problem::lasting(format!(
            "there is no {} `{identifier}` in this account and region: check the name and the region",
            request.kind
        )),
    };
    vec![problem]
}

fn engine_is_supported(_: &Request, world: &World) -> Vec<Problem> {
    let Some(target) = &world.target else { return Vec::new() };
    let Database { identifier, engine, .. } = target;
    let what = match engine.as_str() {
        "docdb" => "an Amazon DocumentDB cluster, which RDS only lists",
        "neptune" => "an Amazon Neptune cluster, which RDS only lists",
        custom if custom.starts_with("custom-") => "an RDS Custom database, whose restore takes steps of its own",
        _ if target.kind == DatabaseKind::Cluster && world.cluster_kind.is_none() => {
            "neither an Aurora nor a Multi-AZ DB cluster"
        }
        _ => return Vec::new(),
    };
    vec![Problem::lasting(format!("`{identifier}` (engine {engine}) is {what}: it is not supported"))]
}

fn engine_can_be_restored(_: &Request, world: &World) -> Vec<Problem> {
    let Some(target) = &world.target else { return Vec::new() };
    let identifier = &target.identifier;
    let mut problems = Vec::new();
    if target.engine_mode.as_deref() == Some("serverless") {
        problems.push(Problem::lasting(format!(
            "`{identifier}` is an Aurora Serverless v1 cluster, which this pipeline cannot restore: convert it to \
             provisioned instances or Serverless v2 first"
        )));
    }
    if target.limitless {
        problems.push(Problem::lasting(format!(
            "`{identifier}` is an Aurora Limitless Database, whose shard groups this pipeline cannot restore"
        )));
    }
    problems
}

fn databases_are_available(request: &Request, world: &World) -> Vec<Problem> {
    // A cluster's snapshot needs the cluster alone; only a restore works on the members.
    let members = if request.task.restores() { world.members.as_slice() } else { &[] };
    world.target.iter().chain(members).filter_map(status_problem).collect()
}

fn status_problem(database: &Database) -> Option<Problem> {
    let Database { kind, identifier, status, .. } = database;
    let seen = format!("{kind} `{identifier}` is in status `{status}`");
    match phase(*kind, status) {
        Phase::Available => None,
        Phase::Passing => Some(Problem::passing(format!("{seen}: start the run again once it is available"), BUSY)),
        Phase::Deleting => Some(Problem::lasting(format!("{seen}: start the run again once it is gone"))),
        Phase::Stopped => Some(Problem::lasting(format!("{seen}: start it first, with {}", advice::start(database)))),
        Phase::Broken => Some(Problem::lasting(format!(
            "{seen}: repair it first; RDS can neither rename it nor take a snapshot of it"
        ))),
    }
}

fn our_tags_fit(request: &Request, world: &World) -> Vec<Problem> {
    let members = if request.task.restores() { world.own_members() } else { &[] };
    let room = tags::MOST - tags::OURS.len();
    let crowded = world.target.iter().chain(members).filter(|database| database.user_tags() > room);
    crowded
        .map(|database| {
            Problem::lasting(format!(
                "`{}` has {} tags; RDS allows {} and a run adds {}: remove some, so that at most {room} remain",
                database.identifier,
                database.user_tags(),
                tags::MOST,
                tags::OURS.len()
            ))
        })
        .collect()
}

fn temporary_snapshot_name_is_free(request: &Request, world: &World) -> Vec<Problem> {
    let takes_it =
        request.task.takes_snapshot() && request.options.snapshot_replacement == SnapshotReplacement::KeepUntilReplaced;
    match &world.temporary_snapshot {
        // One of our own is an interrupted replacement, which this run's snapshot step finishes.
        Some(snapshot) if takes_it && snapshot.interrupted_by().is_none() => vec![Problem::lasting(format!(
            "the name `{}`, which the new snapshot is first taken as, belongs to a snapshot of somebody else's: copy it \
             to another name if it is needed, then {}",
            snapshot.identifier,
            advice::delete_snapshot(request, snapshot)
        ))],
        _ => Vec::new(),
    }
}

fn nothing_is_pending(_: &Request, world: &World) -> Vec<Problem> {
    let pending = world.target.iter().chain(&world.members).filter(|database| {
        // While a database is busy, what is shown as pending may be what it is busy with.
        database.pending_modifications && phase(database.kind, &database.status) == Phase::Available
    });
    pending
        .map(|database| {
            Problem::lasting(format!(
                "`{}` has pending modifications, which a rename would carry out as well: apply them first, with {}, or \
                 take them back by modifying it to what it is now",
                database.identifier,
                advice::apply_pending(database)
            ))
        })
        .collect()
}

fn nothing_replicates(_: &Request, world: &World) -> Vec<Problem> {
    let Some(target) = &world.target else { return Vec::new() };
    let identifier = &target.identifier;
    let mut problems = Vec::new();
    if let Some(source) = &target.replica_of {
        problems.push(Problem::lasting(format!(
            "`{identifier}` is a read replica of `{source}`: a restored database would not replicate; promote it first, or \
             restore the source"
        )));
    }
    if !target.replicas.is_empty() {
        problems.push(Problem::lasting(format!(
            "`{identifier}` has read replicas ({}), which would follow the renamed original and not the restored \
             database: delete or promote them first",
            target.replicas.join(", ")
        )));
    }
    problems
}

fn no_global_database(request: &Request, world: &World) -> Vec<Problem> {
    world
        .global_cluster
        .iter()
        .map(|global| {
            Problem::lasting(format!(
                "`{}` belongs to the global database `{global}`, which a restored cluster cannot take part in: remove it \
                 from there first",
                request.identifier
            ))
        })
        .collect()
}

fn no_blue_green_deployment(request: &Request, world: &World) -> Vec<Problem> {
    world
        .blue_green_deployment
        .iter()
        .map(|deployment| {
            Problem::lasting(format!(
                "`{}` is part of the blue/green deployment `{deployment}`: switch it over or delete it first",
                request.identifier
            ))
        })
        .collect()
}

fn member_names_have_room(_: &Request, world: &World) -> Vec<Problem> {
    let moved = world.own_members().iter().map(|member| &member.identifier);
    moved
        .filter_map(|member| {
            let error = DatabaseIdentifier::reported(member).temporary(DatabaseKind::Instance).err()?;
            Some(Problem::lasting(format!(
                "the member `{member}` cannot be moved to a `-temp` name, because {error}: rename the member to a shorter \
                 name first"
            )))
        })
        .collect()
}

fn names_are_free(request: &Request, world: &World) -> Vec<Problem> {
    world.occupants.iter().map(|occupant| Problem::lasting(name_taken(request, occupant, world))).collect()
}

fn name_taken(request: &Request, occupant: &Database, world: &World) -> String {
    let Database { kind, identifier, .. } = occupant;
    let Some(execution) = occupant.execution() else {
        return format!(
            "the name `{identifier}`, which the original is moved to, is taken by a {kind} that no run of this pipeline \
             left there: rename or delete it first"
        );
    };
    let half_restored = match &world.target {
        Some(target) if target.has_role(tags::Role::Restored) => {
            format!(" (`{}` is still marked as being restored, and may be incomplete)", target.identifier)
        }
        _ => String::new(),
    };
    format!(
        "the name `{identifier}` is taken by what the execution {execution} left behind{half_restored}: {}",
        advice::leftover(request, occupant, world.target.as_ref())
    )
}

fn groups_exist(_: &Request, world: &World) -> Vec<Problem> {
    world
        .missing_groups
        .iter()
        .map(|group| {
            Problem::lasting(format!(
                "{group} does not exist any more: create it again, or choose another for the database"
            ))
        })
        .collect()
}

fn snapshot_fits(request: &Request, world: &World) -> Vec<Problem> {
    // A run that takes its own snapshot has one that fits.
    if request.task.takes_snapshot() {
        return Vec::new();
    }
    match (&world.snapshot, &world.target) {
        (None, _) => vec![Problem::lasting(no_snapshot(request, world))],
        (Some(snapshot), Some(target)) => {
            snapshot_status(snapshot).into_iter().chain(differences(target, snapshot).map(Problem::lasting)).collect()
        }
        (Some(snapshot), None) => snapshot_status(snapshot).into_iter().collect(),
    }
}

fn no_snapshot(request: &Request, world: &World) -> String {
    let identifier = &request.snapshot_identifier;
    let interrupted = world.temporary_snapshot.as_ref().and_then(|left| Some((left, left.interrupted_by()?)));
    match interrupted {
        Some((left, execution)) => format!(
            "the snapshot `{identifier}` does not exist, because the execution {execution} was interrupted while it was \
             replaced; its successor is `{}`: run the task create_snapshot_only, which finishes the replacement with a \
             new snapshot, or keep that one, with {}",
            left.identifier,
            advice::copy_snapshot(request, left)
        ),
        None => format!(
            "the snapshot `{identifier}` does not exist: run the task create_snapshot, which takes it and restores from it"
        ),
    }
}

fn snapshot_status(snapshot: &Snapshot) -> Option<Problem> {
    let Snapshot { identifier, status, .. } = snapshot;
    let seen = format!("the snapshot `{identifier}` is in status `{status}`");
    match snapshot_available(identifier, Some(status)) {
        Verdict::Complete => None,
        // However long it takes: the function's own time bounds the wait.
        Verdict::Pending => {
            Some(Problem::passing(format!("{seen}: start the run again once it is available"), Duration::MAX))
        }
        Verdict::Failed(_) => Some(Problem::lasting(format!("{seen}: no database can be restored from it"))),
    }
}

/// Where the snapshot is not one of this very database.
fn differences<'a>(target: &'a Database, snapshot: &'a Snapshot) -> impl Iterator<Item = String> + 'a {
    [engine_differs(target, snapshot), version_differs(target, snapshot), encryption_differs(target, snapshot)]
        .into_iter()
        .flatten()
        .map(|difference| {
            format!("the snapshot `{}` does not fit `{}`: {difference}", snapshot.identifier, target.identifier)
        })
}

fn engine_differs(target: &Database, snapshot: &Snapshot) -> Option<String> {
    (snapshot.engine != target.engine)
        .then(|| format!("its engine is {}, the database's {}; take a new one", snapshot.engine, target.engine))
}

fn version_differs(target: &Database, snapshot: &Snapshot) -> Option<String> {
    if snapshot.engine != target.engine {
        return None;
    }
    let (has, runs) = (Version::new(snapshot), Version::of(target));
    let versions = format!("version {}, the database runs {}", snapshot.engine_version, target.engine_version);
    if has.major() != runs.major() {
        Some(format!("it is of another major version ({versions}); take a new one"))
    } else if has.cmp(&runs) == Ordering::Greater {
        Some(format!("it is of a newer version ({versions}); take a new one, or upgrade the database first"))
    } else {
        None
    }
}

/// An older minor version is restored as it is; the run says so.
pub(crate) fn older_version(request: &Request, world: &World) -> Option<String> {
    let (target, snapshot) = (world.target.as_ref()?, world.snapshot.as_ref()?);
    let older = !request.task.takes_snapshot() && Version::new(snapshot).cmp(&Version::of(target)) == Ordering::Less;
    older.then(|| {
        format!(
            "engine version {}: the snapshot `{}` has {}, and so will the restored database",
            target.engine_version, snapshot.identifier, snapshot.engine_version
        )
    })
}

fn encryption_differs(target: &Database, snapshot: &Snapshot) -> Option<String> {
    let words = |encrypted: bool, key: Option<&String>| match (encrypted, key) {
        (false, _) => "not encrypted".to_owned(),
        (true, Some(key)) => format!("encrypted with {key}"),
        (true, None) => "encrypted".to_owned(),
    };
    let has = words(snapshot.encrypted, snapshot.kms_key_id.as_ref());
    let wanted = words(target.encrypted, target.kms_key_id.as_ref());
    (has != wanted)
        .then(|| format!("it is {has}, the database is {wanted}; take a new one, or copy it with the database's key"))
}

/// An engine version as its numbers: RDS has no one notation, but the numbers compare in every one of them.
#[derive(Debug)]
struct Version<'a> {
    engine: &'a str,
    numbers: Vec<u64>,
}

impl<'a> Version<'a> {
    fn new(snapshot: &'a Snapshot) -> Self {
        Self::parse(&snapshot.engine, &snapshot.engine_version)
    }

    fn of(database: &'a Database) -> Self {
        Self::parse(&database.engine, &database.engine_version)
    }

    fn parse(engine: &'a str, text: &str) -> Self {
        let numbers = text.split(|c: char| !c.is_ascii_digit()).filter_map(|digits| digits.parse().ok()).collect();
        Self { engine, numbers }
    }

    fn cmp(&self, other: &Self) -> Ordering {
        self.numbers.cmp(&other.numbers)
    }

    /// The part a restore cannot cross.
    fn major(&self) -> &[u64] {
        let first = self.numbers.first().copied().unwrap_or_default();
        let parts = match self.engine {
            // PostgreSQL counts major versions by one number since 10.
            "postgres" | "aurora-postgresql" if first >= 10 => 1,
            engine if engine.starts_with("oracle") || engine.starts_with("sqlserver") => 1,
            _ => 2,
        };
        &self.numbers[..parts.min(self.numbers.len())]
    }
}
