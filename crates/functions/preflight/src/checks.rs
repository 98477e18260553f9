//! The reasons against a run: small pure functions from a request and the facts to problems, each with its remedy.
//!
//! Each check has one subject and leaves other subjects to other checks. Without a target, only its absence is a problem. A
//! task that restores nothing has to pass only [`ALWAYS`].

use std::cmp::Ordering;
use std::time::Duration;

use trapheus_common::arn::account;
use trapheus_common::document::{ClusterKind, Names, Request, SnapshotReplacement, Source, SourceKind};
use trapheus_common::identifiers::{DatabaseIdentifier, DatabaseKind};
use trapheus_common::source::Age;
use trapheus_common::source_request::SourceRequest;
use trapheus_common::tags;
use trapheus_common::wait::acceptor::{Phase, Verdict, phase, snapshot_available};

use crate::facts::{Database, Facts, Snapshot};
use crate::problem::Problem;
use crate::{backup, cli_advice, orderable, quotas};

/// The wait for a busy database: backups and modifications take minutes.
const BUSY: Duration = Duration::from_secs(10 * 60);

type Check = fn(&Request, &Facts) -> Vec<Problem>;

/// The checks for every task.
const ALWAYS: [Check; 7] = [
    target_exists,
    engine_is_supported,
    databases_are_available,
    our_tags_fit,
    old_snapshot_may_go,
    temporary_snapshot_name_is_free,
    snapshot_can_be_exported,
];

/// The checks for a task that renames and restores the original.
const RESTORING: [Check; 20] = [
    nothing_is_pending,
    groups_are_in_force,
    no_integration_reads,
    version_is_offered,
    nothing_replicates,
    no_global_database,
    no_blue_green_deployment,
    members_are_home,
    member_names_have_room,
    names_are_free,
    groups_exist,
    subnets_cover_enough_zones,
    engine_can_be_restored,
    snapshot_fits,
    snapshot_is_of_the_target,
    snapshot_is_young_enough,
    backup::needs_copy,
    final_snapshot_fits,
    orderable::has_requested_classes,
    quotas::have_room,
];

/// All reasons against the run.
pub(crate) fn problems(request: &Request, facts: &Facts) -> Vec<Problem> {
    let restoring: &[Check] = if request.task.restores() { &RESTORING } else { &[] };
    ALWAYS.iter().chain(restoring).flat_map(|check| check(request, facts)).collect()
}

fn target_exists(request: &Request, facts: &Facts) -> Vec<Problem> {
    let identifier = &request.identifier;
    let problem = match facts.target.as_ref().or(facts.namesake.as_ref()) {
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

fn engine_is_supported(_: &Request, facts: &Facts) -> Vec<Problem> {
    let Some(target) = &facts.target else { return Vec::new() };
    let Database { identifier, engine, .. } = target;
    let what = match engine.as_str() {
        "docdb" => "an Amazon DocumentDB cluster, which RDS only lists",
        "neptune" => "an Amazon Neptune cluster, which RDS only lists",
        custom if custom.starts_with("custom-") => "an RDS Custom database, whose restore takes steps of its own",
        _ if target.kind == DatabaseKind::Cluster && facts.cluster_kind.is_none() => {
            "neither an Aurora nor a Multi-AZ DB cluster"
        }
        _ => return Vec::new(),
    };
    vec![Problem::lasting(format!("`{identifier}` (engine {engine}) is {what}: it is not supported"))]
}

fn engine_can_be_restored(_: &Request, facts: &Facts) -> Vec<Problem> {
    let Some(target) = &facts.target else { return Vec::new() };
    let identifier = &target.identifier;
    let mut problems = Vec::new();
    if target.engine_mode.as_deref() == Some("serverless") {
        problems.push(Problem::lasting(format!(
            "`{identifier}` is an Aurora Serverless v1 cluster, which this pipeline cannot restore: convert it to \
             provisioned instances or Serverless v2 first"
        )));
    }
    let members = facts.own_members();
    problems.extend(facts.target.iter().chain(members).flat_map(|database| {
        let words = database.beyond.iter();
        words.map(|words| {
            Problem::lasting(format!("`{}` is {words}: this pipeline cannot restore it", database.identifier))
        })
    }));
    problems
}

fn databases_are_available(request: &Request, facts: &Facts) -> Vec<Problem> {
    // A cluster's snapshot needs only the cluster; a restore also works on the members.
    let members = if request.task.restores() { facts.members.as_slice() } else { &[] };
    facts.target.iter().chain(members).filter_map(status_problem).collect()
}

fn status_problem(database: &Database) -> Option<Problem> {
    let Database { kind, identifier, status, .. } = database;
    let seen = format!("{kind} `{identifier}` is in status `{status}`");
    match phase(*kind, status) {
        Phase::Available => None,
        Phase::Passing => Some(Problem::passing(format!("{seen}: start the run again once it is available"), BUSY)),
        Phase::Deleting => Some(Problem::lasting(format!("{seen}: start the run again once it is gone"))),
        Phase::Stopped => {
            Some(Problem::lasting(format!("{seen}: start it first, with {}", cli_advice::start(database))))
        }
        Phase::Broken => Some(Problem::lasting(format!(
            "{seen}: repair it first; RDS can neither rename it nor take a snapshot of it"
        ))),
    }
}

fn our_tags_fit(request: &Request, facts: &Facts) -> Vec<Problem> {
    let members = if request.task.restores() { facts.members.as_slice() } else { &[] };
    let crowded = facts.target.iter().chain(members).filter(|database| database.counted_tags() > tags::MOST_OWN);
    crowded
        .map(|database| {
            Problem::lasting(format!(
                "`{}` has {} tags; RDS allows {}, and a run needs room for its own: remove some, so that at most {} remain",
                database.identifier,
                database.counted_tags(),
                tags::MOST,
                tags::MOST_OWN
            ))
        })
        .collect()
}

fn old_snapshot_may_go(request: &Request, facts: &Facts) -> Vec<Problem> {
    let (Some(target), Some(snapshot), true) = (&facts.target, &facts.snapshot, request.task.takes_snapshot()) else {
        return Vec::new();
    };
    let why = snapshot.not_replaceable(request, target);
    why.map(|why| Problem::lasting(not_replaced(request, snapshot, "the new snapshot", &why))).into_iter().collect()
}

fn not_replaced(request: &Request, snapshot: &Snapshot, wanted_for: &str, why: &str) -> String {
    format!(
        "the name `{}`, which {wanted_for} needs, belongs to a snapshot that is not replaced, because {why}: copy it to \
         another name if it is needed, then {}",
        snapshot.identifier,
        cli_advice::delete_snapshot(request, snapshot)
    )
}

fn temporary_snapshot_name_is_free(request: &Request, facts: &Facts) -> Vec<Problem> {
    let takes_it =
        request.task.takes_snapshot() && request.options.snapshot_replacement == SnapshotReplacement::KeepUntilReplaced;
    let (Some(target), Some(snapshot), true) = (&facts.target, &facts.temporary_snapshot, takes_it) else {
        return Vec::new();
    };
    // A run's own snapshot is an interrupted replacement, which this run's snapshot step finishes.
    let why = match snapshot.interrupted_by() {
        None => Some("it belongs to another run or person".to_owned()),
        Some(_) => snapshot.not_replaceable(request, target),
    };
    why.map(|why| Problem::lasting(not_replaced(request, snapshot, "a replacement first", &why))).into_iter().collect()
}

/// The engines whose snapshots RDS exports to S3:
/// <https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/Concepts.RDS_Fea_Regions_DB-eng.Feature.ExportSnapshotToS3.html>
const EXPORTABLE: [&str; 5] = ["mariadb", "mysql", "postgres", "aurora-mysql", "aurora-postgresql"];

fn snapshot_can_be_exported(request: &Request, facts: &Facts) -> Vec<Problem> {
    let (Some(_), Some(target)) = (&request.export, &facts.target) else { return Vec::new() };
    let Database { identifier, engine, storage_type, .. } = target;
    let why = if !EXPORTABLE.contains(&engine.as_str()) {
        format!("RDS exports no snapshots of the engine {engine}")
    } else if storage_type.as_deref() == Some("standard") {
        "RDS exports no snapshots of databases on magnetic storage".to_owned()
    } else {
        return Vec::new();
    };
    vec![Problem::lasting(format!(
        "the snapshot of `{identifier}` cannot be exported: {why}; start the run with `\"export\": false`"
    ))]
}

fn nothing_is_pending(_: &Request, facts: &Facts) -> Vec<Problem> {
    let pending = facts.target.iter().chain(&facts.members).filter(|database| {
        // While a database is busy, RDS may show the present change as pending.
        database.pending_modifications && phase(database.kind, &database.status) != Phase::Passing
    });
    pending
        .map(|database| {
            Problem::lasting(format!(
                "`{}` has pending modifications, which a rename would carry out as well. Apply them first, with {}, \
                 or modify the database back to its present settings",
                database.identifier,
                cli_advice::apply_pending(database)
            ))
        })
        .collect()
}

/// The reboot of a rename would apply pending groups to the original, which may not start with them.
fn groups_are_in_force(_: &Request, facts: &Facts) -> Vec<Problem> {
    let waiting = facts.target.iter().chain(&facts.members);
    let waiting = waiting.flat_map(|database| database.pending_groups.iter().map(move |group| (database, group)));
    waiting
        .map(|(Database { identifier, .. }, group)| {
            Problem::lasting(format!(
                "{group} of `{identifier}` waits to be put into force, and the reboot of a rename would do that. To \
                 continue, reboot the database first, or give it back the group that is in force"
            ))
        })
        .collect()
}

fn no_integration_reads(request: &Request, facts: &Facts) -> Vec<Problem> {
    let integrations = facts.integrations.known().into_iter().flatten();
    integrations
        .map(|integration| {
            Problem::lasting(format!(
                "the zero-ETL integration `{integration}` reads `{}`, and fails for good when the original is \
                 deleted. Delete the integration first, with {}, and create it again for the restored database",
                request.identifier,
                cli_advice::operation("delete-integration")
            ))
        })
        .collect()
}

fn version_is_offered(request: &Request, facts: &Facts) -> Vec<Problem> {
    let (Some(target), Some(version)) = (&facts.target, facts.version.known()) else { return Vec::new() };
    if version.is_offered {
        return Vec::new();
    }
    let snapshot = facts.snapshot.as_ref().filter(|_| !request.task.takes_snapshot());
    let text = match snapshot {
        Some(snapshot) => format!(
            "{} is of {} {}, which RDS no longer offers for new databases: {}take a new one of an upgraded database",
            snapshot.words(),
            target.engine,
            snapshot.engine_version,
            upgrade_advice(request, snapshot),
        ),
        None => format!(
            "`{}` runs {} {}, which RDS no longer offers for new databases, and a restored one is new: upgrade it first",
            target.identifier, target.engine, target.engine_version
        ),
    };
    vec![Problem::lasting(text)]
}

/// RDS upgrades a snapshot of a DB instance, and nothing else.
fn upgrade_advice(request: &Request, snapshot: &Snapshot) -> String {
    let is_snapshot = snapshot.pinned.as_ref().is_none_or(|source| source.kind == SourceKind::Snapshot);
    match request.kind {
        DatabaseKind::Instance if is_snapshot => format!(
            "upgrade the snapshot first, with {}, or ",
            cli_advice::upgrade_snapshot(request, &snapshot.identifier)
        ),
        DatabaseKind::Cluster if is_snapshot => "upgrade the snapshot first, or ".to_owned(),
        _ => String::new(),
    }
}

/// The existing snapshot that the run restores, and its version. A snapshot of the run's own has the target's version.
fn restored_version<'a>(request: &Request, facts: &'a Facts) -> Option<(&'a str, &'a str)> {
    let snapshot = facts.snapshot.as_ref().filter(|_| !request.task.takes_snapshot())?;
    Some((&snapshot.identifier, &snapshot.engine_version))
}

/// The engine and version that the restored database will have.
pub(crate) fn to_be_restored<'a>(request: &Request, facts: &'a Facts) -> Option<(&'a str, &'a str)> {
    let target = facts.target.as_ref()?;
    let version = restored_version(request, facts).map_or(target.engine_version.as_str(), |(_, version)| version);
    Some((&target.engine, version))
}

/// Without extended support, RDS itself upgrades a restored database if its version's standard support has ended.
/// <https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/extended-support.html>
pub(crate) fn upgrade_note(facts: &Facts) -> Option<String> {
    let target = facts.target.as_ref()?;
    let to = facts.version.known()?.upgraded_to.as_ref()?;
    (target.lifecycle.as_deref() == Some("open-source-rds-extended-support-disabled")).then(|| {
        format!(
            "the engine version: RDS may upgrade the restored database to {to} itself, because extended support is off for \
             `{}`",
            target.identifier
        )
    })
}

fn nothing_replicates(_: &Request, facts: &Facts) -> Vec<Problem> {
    let Some(target) = &facts.target else { return Vec::new() };
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

fn no_global_database(request: &Request, facts: &Facts) -> Vec<Problem> {
    facts
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

fn no_blue_green_deployment(request: &Request, facts: &Facts) -> Vec<Problem> {
    facts
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

/// A run would restore a member under the `-temp` name that an interrupted rollback left. And a recovery identifies moved
/// members by that suffix, so no member may have it as its own name.
fn members_are_home(_: &Request, facts: &Facts) -> Vec<Problem> {
    let away = facts.own_members().iter().filter_map(|member| {
        let (name, home) = (&member.identifier, cli_advice::home(&member.identifier)?);
        let back = cli_advice::rename(member, home);
        Some(Problem::lasting(match member.execution() {
            Some(execution) => format!(
                "the member `{name}` was left under that name by the execution {execution}: {}; or do it by hand, with \
                 {back}",
                cli_advice::recover(execution)
            ),
            None => format!(
                "the name of the member `{name}` ends in `-temp`, like that of a member that a run moved away. Give \
                 it another name first, for instance with {back}"
            ),
        }))
    });
    away.collect()
}

fn member_names_have_room(_: &Request, facts: &Facts) -> Vec<Problem> {
    let moved = facts.own_members().iter().map(|member| &member.identifier);
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

fn names_are_free(request: &Request, facts: &Facts) -> Vec<Problem> {
    // The problem of a leftover cluster covers its members.
    let has_its_cluster_here = |occupant: &&Database| {
        let cluster = occupant.cluster.as_ref();
        cluster.is_some_and(|cluster| facts.occupants.iter().any(|other| other.identifier == *cluster))
    };
    let occupants = facts.occupants.iter().filter(|occupant| !has_its_cluster_here(occupant));
    occupants.map(|occupant| Problem::lasting(name_taken(request, occupant, facts))).collect()
}

fn name_taken(request: &Request, occupant: &Database, facts: &Facts) -> String {
    let Database { kind, identifier, .. } = occupant;
    let Some(execution) = occupant.execution() else {
        return format!(
            "the name `{identifier}`, which the original is moved to, is taken by a {kind} that no run of this pipeline \
             left there: rename or delete it first"
        );
    };
    let half_restored = match &facts.target {
        Some(target) if target.has_role(tags::Role::Restored) => {
            format!(" (`{}` is still marked as being restored, and may be incomplete)", target.identifier)
        }
        Some(target) if target.has_role(tags::Role::Verified) => {
            format!(" (`{}` is its restored and verified successor)", target.identifier)
        }
        _ => String::new(),
    };
    format!(
        "the name `{identifier}` is taken by what the execution {execution} left behind{half_restored}: {}",
        cli_advice::leftover(request, occupant, facts.target.as_ref(), execution)
    )
}

fn final_snapshot_fits(request: &Request, facts: &Facts) -> Vec<Problem> {
    if !request.options.final_snapshot {
        return Vec::new();
    }
    let taken = facts.final_snapshot.iter().map(|snapshot| {
        Problem::lasting(format!(
            "the name `{}`, which the final snapshot of the original is to have, is taken: copy that snapshot to another \
             name if it is needed, then {}",
            snapshot.identifier,
            cli_advice::delete_snapshot(request, snapshot)
        ))
    });
    taken.collect()
}

fn groups_exist(_: &Request, facts: &Facts) -> Vec<Problem> {
    facts
        .missing_groups
        .iter()
        .map(|group| {
            Problem::lasting(format!(
                "{group} does not exist any more: create it again, or choose another for the database"
            ))
        })
        .collect()
}

/// A subnet group may have lost subnets since the creation of the database.
/// <https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/USER_VPC.WorkingWithRDSInstanceinaVPC.html>
fn subnets_cover_enough_zones(_: &Request, facts: &Facts) -> Vec<Problem> {
    let Some(target) = &facts.target else { return Vec::new() };
    let (kind, needed) = match facts.cluster_kind {
        Some(ClusterKind::Aurora) => ("Aurora cluster", 2),
        Some(ClusterKind::MultiAz) => ("Multi-AZ DB cluster", 3),
        None if target.multi_az => ("Multi-AZ DB instance", 2),
        None => return Vec::new(),
    };
    let covered = &facts.covered_zones;
    if covered.is_empty() || covered.len() >= needed {
        return Vec::new();
    }
    vec![Problem::lasting(format!(
        "the DB subnet group of `{}` covers {} Availability Zones ({}), and a new {kind} needs {needed}: add subnets in other \
         zones to it, with {}",
        target.identifier,
        covered.len(),
        covered.join(", "),
        cli_advice::operation("modify-db-subnet-group")
    ))]
}

fn snapshot_fits(request: &Request, facts: &Facts) -> Vec<Problem> {
    // A run that takes its own snapshot has a matching one.
    if request.task.takes_snapshot() {
        return Vec::new();
    }
    if let Some(problem) = &facts.no_backup {
        return vec![problem.clone()];
    }
    match (&facts.snapshot, &facts.target) {
        // Without a target there is no database whose backup could be chosen.
        (None, None) if request.source.is_some() => Vec::new(),
        (None, _) => vec![Problem::lasting(no_snapshot(request, facts))],
        (Some(snapshot), Some(target)) => {
            let differences = differences(request, target, snapshot).map(Problem::lasting);
            snapshot_status(snapshot).into_iter().chain(differences).collect()
        }
        (Some(snapshot), None) => snapshot_status(snapshot).into_iter().collect(),
    }
}

fn no_snapshot(request: &Request, facts: &Facts) -> String {
    let identifier = &request.snapshot_identifier;
    let interrupted = facts.temporary_snapshot.as_ref().and_then(|left| Some((left, left.interrupted_by()?)));
    match interrupted {
        Some((left, execution)) => format!(
            "the snapshot `{identifier}` does not exist, because the execution {execution} was interrupted while it \
             replaced it. Its successor is `{}`. Run the task create_snapshot_only, which finishes the replacement \
             with a new snapshot, or keep the successor, with {}",
            left.identifier,
            cli_advice::copy_snapshot(request, left)
        ),
        None => format!(
            "the snapshot `{identifier}` does not exist: run the task create_snapshot, which takes it and restores from it"
        ),
    }
}

fn snapshot_status(snapshot: &Snapshot) -> Option<Problem> {
    let Snapshot { identifier, status, .. } = snapshot;
    let seen = format!("{} is in status `{status}`", snapshot.words());
    match snapshot_available(identifier, Some(status)) {
        Verdict::Complete if snapshot.pinned.is_some() => None,
        Verdict::Complete => Some(Problem::passing(
            format!("{seen}, but RDS does not report its ARN and when it was taken: start the run again once it does"),
            BUSY,
        )),
        // The function's time limit bounds the wait.
        Verdict::Pending | Verdict::Absent | Verdict::Elsewhere(_) => {
            Some(Problem::passing(format!("{seen}: start the run again once it is available"), Duration::MAX))
        }
        Verdict::Failed(_) => Some(Problem::lasting(format!("{seen}: no database can be restored from it"))),
    }
}

/// The facts in which the backup differs from this database.
fn differences<'a>(
    request: &Request,
    target: &'a Database,
    snapshot: &'a Snapshot,
) -> impl Iterator<Item = String> + 'a {
    let is_of_another = !is_of_this_name(request, target, snapshot);
    [
        engine_differs(target, snapshot),
        version_differs(target, snapshot, is_of_another),
        encryption_differs(target, snapshot, is_of_another),
    ]
    .into_iter()
    .flatten()
    .map(|difference| format!("{} does not fit `{}`: {difference}", snapshot.words(), target.identifier))
}

fn engine_differs(target: &Database, snapshot: &Snapshot) -> Option<String> {
    (snapshot.engine != target.engine)
        .then(|| format!("its engine is {}, the database's {}; take a new one", snapshot.engine, target.engine))
}

/// A backup of another database may be of a newer version, which the plan reports. Another major version is refused, because
/// the target's parameter group does not fit it.
fn version_differs(target: &Database, snapshot: &Snapshot, is_of_another: bool) -> Option<String> {
    if snapshot.engine != target.engine {
        return None;
    }
    let (has, runs) = (Version::new(snapshot), Version::of(target));
    let versions = format!("version {}, the database runs {}", snapshot.engine_version, target.engine_version);
    if has.major() != runs.major() {
        Some(format!("it is of another major version ({versions}); take a new one"))
    } else if has.cmp(&runs) == Ordering::Greater && !is_of_another {
        Some(format!("it is of a newer version ({versions}); take a new one, or upgrade the database first"))
    } else {
        None
    }
}

/// A run restores another minor version as it is, and says so.
pub(crate) fn other_version(request: &Request, facts: &Facts) -> Option<String> {
    let (target, snapshot) = (facts.target.as_ref()?, facts.snapshot.as_ref()?);
    let differs = !request.task.takes_snapshot() && Version::new(snapshot).cmp(&Version::of(target)) != Ordering::Equal;
    differs.then(|| {
        format!(
            "engine version {}: {} has {}, and so will the restored database",
            target.engine_version,
            snapshot.words(),
            snapshot.engine_version
        )
    })
}

/// A run restores a backup of the database that has the name, or had it. RDS gives every restored database a new resource
/// id. So a second run from the same snapshot finds another id under the same name. A name proves this only in the same
/// account. A backup of any other database has to be named in `source.of`.
fn snapshot_is_of_the_target(request: &Request, facts: &Facts) -> Vec<Problem> {
    let (Some(target), Some(snapshot), false) = (&facts.target, &facts.snapshot, request.task.takes_snapshot()) else {
        return Vec::new();
    };
    let (source, id) = (snapshot.source.as_deref(), snapshot.source_resource_id.as_deref());
    let of =
        format!("`{}` ({})", source.unwrap_or("a database that RDS does not name"), id.unwrap_or("no resource id"));
    match request.source.as_ref().map(SourceRequest::of) {
        Some(Some(named)) if is_of(target, snapshot, named) => Vec::new(),
        Some(Some(named)) => {
            let hint = if is_of_this_account(target, snapshot) { "" } else { ANOTHER_ACCOUNT };
            vec![Problem::lasting(format!(
                "{} is of {of}, not of `{named}`, which `source` names: correct `source.of`{hint}",
                snapshot.words()
            ))]
        }
        _ if is_of_this_name(request, target, snapshot) => Vec::new(),
        Some(None) => vec![Problem::lasting(format!(
            "{} is of {of}, not of `{}` ({}): if it is the one to restore, add its database as `source.of`",
            snapshot.words(),
            target.identifier,
            target.resource_id
        ))],
        None => vec![Problem::lasting(another_databases_snapshot(request, target, snapshot, &of))],
    }
}

/// Only a resource id identifies a database of another account.
const ANOTHER_ACCOUNT: &str = ". The backup of another account needs the resource id of its database there";

fn another_databases_snapshot(request: &Request, target: &Database, snapshot: &Snapshot, of: &str) -> String {
    let origin = match &snapshot.copied_from {
        Some(copied_from) => format!(", and copied from {copied_from}"),
        None => String::new(),
    };
    format!(
        "the snapshot `{}` was taken of {of}{origin}, not of `{}` ({}). Copy it to another name if it is needed, then \
         {}. Then run the task create_snapshot, which takes one of `{}` and restores from it",
        snapshot.identifier,
        target.identifier,
        target.resource_id,
        cli_advice::delete_snapshot(request, snapshot),
        target.identifier,
    )
}

/// Whether the backup is of the database that the input names, by resource id, or by name within the account.
fn is_of(target: &Database, snapshot: &Snapshot, named: &str) -> bool {
    if snapshot.source_resource_id.as_deref() == Some(named) {
        return true;
    }
    is_of_this_account(target, snapshot) && snapshot.source.as_deref() == Some(named)
}

/// Whether the backup is of the database that has the run's name now, or had it.
fn is_of_this_name(request: &Request, target: &Database, snapshot: &Snapshot) -> bool {
    if snapshot.source_resource_id.as_ref().is_some_and(|id| !id.is_empty() && *id == target.resource_id) {
        return true;
    }
    let names = Names::rename_first(request).database;
    is_of_this_account(target, snapshot) && names.all().any(|name| snapshot.source.as_deref() == Some(name.as_str()))
}

/// Whether the backup was made in the target's account. A copy within the account has its source's identifier alone, or an
/// ARN of this account.
pub(crate) fn is_of_this_account(target: &Database, snapshot: &Snapshot) -> bool {
    let own = account(&target.arn);
    let arn = snapshot.pinned.as_ref().map(|source| source.arn.as_str());
    let origins = [arn, snapshot.copied_from.as_deref()];
    own.is_some() && origins.into_iter().flatten().all(|origin| !origin.starts_with("arn:") || account(origin) == own)
}

/// The pinned backup that the run restores. A run that takes its own snapshot pins that one later.
pub(crate) fn pinned(request: &Request, facts: &Facts) -> Option<Source> {
    let restores_what_exists = request.task.restores() && !request.task.takes_snapshot();
    facts.snapshot.as_ref().filter(|_| restores_what_exists)?.pinned.clone()
}

fn snapshot_is_young_enough(request: &Request, facts: &Facts) -> Vec<Problem> {
    let (Some(most), Some(source)) = (request.maximum_age_seconds, pinned(request, facts)) else { return Vec::new() };
    if facts.snapshot.as_ref().is_some_and(|snapshot| !snapshot.age_is_known()) {
        return vec![Problem::lasting(format!(
            "{source} is a copy, and RDS does not report the age of its data, which `maximumAge` limits: choose its original, \
             or leave out `maximumAge`"
        ))];
    }
    let age = request.started_at.since(source.created_at);
    if age <= Duration::from_secs(most) {
        return Vec::new();
    }
    vec![Problem::lasting(format!(
        "{source} holds data as of {}, {} old when the run began, and `maximumAge` allows {}: take a new one, or give a \
         higher `maximumAge`",
        source.created_at,
        Age(age),
        Age(Duration::from_secs(most)),
    ))]
}

/// The age of the restored database's data.
pub(crate) fn age_note(request: &Request, facts: &Facts) -> Option<String> {
    let source = pinned(request, facts)?;
    let (target, snapshot) = (facts.target.as_ref()?, facts.snapshot.as_ref()?);
    let age = Age(request.started_at.since(source.created_at));
    if source.kind == SourceKind::Clone {
        return Some(format!(
            "the state of `{}` at the time of the clone, which follows the rename",
            snapshot.identifier
        ));
    }
    if !snapshot.age_is_known() {
        return Some(format!("copied at {}: RDS does not report the age of the data of {source}", source.created_at));
    }
    if !is_of_this_name(request, target, snapshot) {
        let of = snapshot.source.as_deref().unwrap_or("another database");
        return Some(format!(
            "data of `{of}` as of {}, {age} old: nothing that was written to `{}` is in the restored database",
            source.created_at, request.identifier
        ));
    }
    Some(format!(
        "data as of {}, {age} old: what was written to `{}` since then is not in the restored database",
        source.created_at, request.identifier
    ))
}

/// A run's own snapshot is a moment old, and the original continues to accept writes until the rename.
pub(crate) fn later_writes(request: &Request) -> Option<String> {
    (request.task.restores() && request.task.takes_snapshot()).then(|| {
        format!(
            "what is written to `{}` between its snapshot and its rename is not in the restored database",
            request.identifier
        )
    })
}

/// RDS restores a DB instance under the key of its backup. A cluster is restored under the key in the call.
fn encryption_differs(target: &Database, snapshot: &Snapshot, is_of_another: bool) -> Option<String> {
    if is_of_another && target.kind == DatabaseKind::Cluster && target.encrypted && snapshot.encrypted {
        return None;
    }
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

/// An engine version as its numbers: RDS has several notations, but the numbers compare in all of them.
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

    /// The major version, which a restore cannot change.
    fn major(&self) -> &[u64] {
        let first = self.numbers.first().copied().unwrap_or_default();
        let parts = match self.engine {
            // PostgreSQL has a single major version number since 10.
            "postgres" | "aurora-postgresql" if first >= 10 => 1,
            engine if engine.starts_with("oracle") || engine.starts_with("sqlserver") => 1,
            _ => 2,
        };
        &self.numbers[..parts.min(self.numbers.len())]
    }
}

#[cfg(test)]
mod tests {
    use aws_sdk_rds::types::Tag;
    use trapheus_common::document::{ExportRequest, Task};
    use trapheus_common::identifiers::ExportIdentifier;
    use trapheus_common::tags::Role;
    use trapheus_common::timestamp::Timestamp;

    use super::DatabaseKind::{Cluster, Instance};
    use super::*;
    use crate::answers::{Answer, OfferedVersion, Quota, Room};
    use crate::fixtures::{database, request, snapshot};
    use crate::scope::Scope;

    const EARLIER: &str = "arn:aws:states:us-east-1:123456789012:execution:trapheus:earlier";

    /// A change that makes a fit database unfit.
    type Change<T> = fn(&mut T);
    /// A name, a change, and parts of the resulting problem.
    type Case<T> = (&'static str, Change<T>, &'static [&'static str]);

    /// An instance that fits every task.
    fn instance_facts() -> Facts {
        let target = database(Instance, "orders");
        Facts { snapshot: Some(snapshot("orders-snapshot", &target)), target: Some(target), ..Facts::default() }
    }

    /// An Aurora cluster that fits every task.
    fn cluster_facts() -> Facts {
        let target =
            Database { member_identifiers: vec!["orders-1".into(), "orders-2".into()], ..database(Cluster, "orders") };
        let member = |identifier| Database { cluster: Some("orders".into()), ..database(Instance, identifier) };
        Facts {
            snapshot: Some(snapshot("orders-snapshot", &target)),
            members: vec![member("orders-1"), member("orders-2")],
            cluster_kind: Some(ClusterKind::Aurora),
            target: Some(target),
            ..Facts::default()
        }
    }

    fn texts(task: Task, kind: DatabaseKind, facts: &Facts) -> Vec<String> {
        problems(&request(task, kind), facts).into_iter().map(|problem| problem.text).collect()
    }

    /// The expected single problem.
    fn only(task: Task, kind: DatabaseKind, facts: &Facts) -> String {
        let mut texts = texts(task, kind, facts);
        assert_eq!(texts.len(), 1, "{texts:?}");
        texts.remove(0)
    }

    fn target(facts: &mut Facts) -> &mut Database {
        facts.target.as_mut().unwrap()
    }

    fn many_tags(count: usize) -> Vec<Tag> {
        (0..count).map(|number| Tag::builder().key(format!("key-{number}")).value("x").build()).collect()
    }

    #[test]
    fn facts_that_are_fit_have_no_problems() {
        for task in Task::ALL {
            assert_eq!(texts(task, Instance, &instance_facts()), Vec::<String>::new());
            assert_eq!(texts(task, Cluster, &cluster_facts()), Vec::<String>::new());
        }
    }

    #[test]
    fn an_engine_that_rds_does_not_export_is_refused_if_an_export_is_requested() {
        let exporting = |kind, facts: &Facts| {
            let mut request = request(Task::CreateSnapshotOnly, kind);
            let identifier = ExportIdentifier::of_execution(&request.identifier, "arn", request.started_at);
            request.export = Some(ExportRequest { identifier, wait: false });
            problems(&request, facts).into_iter().map(|problem| problem.text).collect::<Vec<_>>()
        };
        assert_eq!(exporting(Instance, &instance_facts()), Vec::<String>::new());
        assert_eq!(exporting(Cluster, &cluster_facts()), Vec::<String>::new());
        let mut facts = instance_facts();
        target(&mut facts).engine = "sqlserver-ee".into();
        let refused = exporting(Instance, &facts);
        assert!(
            matches!(&refused[..], [one] if one.contains("engine sqlserver-ee") && one.contains("`\"export\": false`"))
        );
        assert_eq!(texts(Task::CreateSnapshotOnly, Instance, &facts), Vec::<String>::new(), "without an export");
        let mut facts = instance_facts();
        target(&mut facts).storage_type = Some("standard".into());
        assert!(exporting(Instance, &facts)[0].contains("magnetic storage"));
    }

    #[test]
    fn each_problem_of_an_instance_is_named_with_its_remedy() {
        let cases: &[Case<Facts>] = &[
            (
                "stopped",
                |f| target(f).status = "stopped".into(),
                &["start-db-instance --db-instance-identifier orders"],
            ),
            ("busy", |f| target(f).status = "modifying".into(), &["`modifying`", "once it is available"]),
            ("broken", |f| target(f).status = "storage-full".into(), &["`storage-full`", "repair it"]),
            ("deleting", |f| target(f).status = "deleting".into(), &["`deleting`", "once it is gone"]),
            (
                "member",
                |f| target(f).cluster = Some("shop".into()),
                &["member of DB cluster `shop`", "`isCluster` true"],
            ),
            ("custom", |f| target(f).engine = "custom-oracle-ee".into(), &["RDS Custom"]),
            ("tags", |f| target(f).tags = many_tags(47), &["47 tags", "at most 46"]),
            ("pending", |f| target(f).pending_modifications = true, &["pending modifications", "--apply-immediately"]),
            ("replica", |f| target(f).replica_of = Some("main".into()), &["read replica of `main`"]),
            ("source", |f| target(f).replicas = vec!["copy".into()], &["read replicas (copy)"]),
            ("blue/green", |f| f.blue_green_deployment = Some("bg".into()), &["blue/green deployment `bg`"]),
            (
                "group",
                |f| f.missing_groups = vec!["the option group `og` of `orders`".into()],
                &["`og` of `orders` does not exist"],
            ),
            (
                "taken",
                |f| f.occupants = vec![database(Instance, "orders-temp")],
                &["`orders-temp`", "rename or delete it"],
            ),
            ("no snapshot", |f| f.snapshot = None, &["`orders-snapshot` does not exist", "create_snapshot"]),
            (
                "offer",
                |f| f.orderable.deprecated = vec!["the class db.m3.large".into()],
                &["db.m3.large is not offered"],
            ),
            (
                "pending group",
                |f| target(f).pending_groups = vec!["the parameter group new (pending-reboot)".into()],
                &["the parameter group new (pending-reboot) of `orders`", "reboot the database first"],
            ),
            (
                "integration",
                |f| f.integrations = Answer::Known(vec!["to-redshift".into()]),
                &["`to-redshift` reads `orders`", "aws rds delete-integration"],
            ),
            (
                "withdrawn version",
                |f| f.version = Answer::Known(OfferedVersion { is_offered: false, upgraded_to: None }),
                &["`orders-snapshot` is of postgres 15.4", "upgrade the snapshot first", "modify-db-snapshot"],
            ),
            ("beyond", |f| target(f).beyond = vec!["a multi-tenant Oracle database"], &["is a multi-tenant Oracle"]),
        ];
        for (name, change, expected) in cases {
            let mut facts = instance_facts();
            change(&mut facts);
            if *name == "custom" {
                facts.snapshot.as_mut().unwrap().engine = "custom-oracle-ee".into();
            }
            let text = only(Task::DbRestore, Instance, &facts);
            assert!(expected.iter().all(|part| text.contains(part)), "{name}: {text}");
        }
    }

    #[test]
    fn each_problem_of_a_cluster_is_named_with_its_remedy() {
        let cases: &[Case<Facts>] = &[
            ("stopped", |f| target(f).status = "stopped".into(), &["start-db-cluster --db-cluster-identifier orders"]),
            ("member busy", |f| f.members[1].status = "rebooting".into(), &["`orders-2`", "`rebooting`"]),
            (
                "member pending",
                |f| f.members[0].pending_modifications = true,
                &["`orders-1` has pending modifications"],
            ),
            ("member tags", |f| f.members[0].tags = many_tags(50), &["`orders-1` has 50 tags"]),
            (
                "member's pending group",
                |f| f.members[1].pending_groups = vec!["the parameter group new (pending-reboot)".into()],
                &["the parameter group new (pending-reboot) of `orders-2`"],
            ),
            (
                "member of a taken name",
                |f| f.members[1].identifier = "orders-2-temp".into(),
                &["`orders-2-temp` ends in `-temp`", "--new-db-instance-identifier orders-2 "],
            ),
            ("long member", |f| f.members[0].identifier = "a".repeat(59), &["64 characters", "shorter name"]),
            ("global", |f| f.global_cluster = Some("world".into()), &["global database `world`"]),
            ("serverless", |f| target(f).engine_mode = Some("serverless".into()), &["Serverless v1"]),
            ("limitless", |f| target(f).beyond = vec!["an Aurora Limitless Database"], &["Limitless"]),
            ("replica", |f| target(f).replica_of = Some("main".into()), &["read replica of `main`"]),
        ];
        for (name, change, expected) in cases {
            let mut facts = cluster_facts();
            change(&mut facts);
            let text = only(Task::DbRestore, Cluster, &facts);
            assert!(expected.iter().all(|part| text.contains(part)), "{name}: {text}");
        }
    }

    #[test]
    fn related_engines_that_rds_lists_do_not_count_as_aurora() {
        for (engine, name) in [("docdb", "DocumentDB"), ("neptune", "Neptune"), ("something-new", "neither")] {
            for task in Task::ALL {
                let mut facts = Facts { cluster_kind: None, members: Vec::new(), snapshot: None, ..cluster_facts() };
                target(&mut facts).engine = engine.into();
                let texts = texts(task, Cluster, &facts);
                assert!(texts[0].contains(name) && texts[0].contains("not supported"), "{texts:?}");
            }
        }
    }

    #[test]
    fn a_missing_target_is_searched_among_the_other_kind() {
        let missing = |kind, namesake| {
            let facts = Facts { namesake, ..Facts::default() };
            only(Task::CreateSnapshotOnly, kind, &facts)
        };
        assert!(missing(Instance, None).contains("there is no DB instance `orders`"));
        let cluster = missing(Instance, Some(database(Cluster, "orders")));
        assert!(cluster.contains("is a DB cluster, not a DB instance: set `isCluster` to true"), "{cluster}");
        let instance = missing(Cluster, Some(database(Instance, "orders")));
        assert!(instance.contains("is a DB instance, not a DB cluster: set `isCluster` to false"), "{instance}");
        let member = Database { cluster: Some("shop".into()), ..database(Instance, "orders") };
        assert!(missing(Cluster, Some(member)).contains("member of DB cluster `shop`"));
    }

    #[test]
    fn a_task_that_only_takes_a_snapshot_passes_only_the_checks_of_a_snapshot() {
        let mut facts = Facts { snapshot: None, ..cluster_facts() };
        facts.occupants = vec![database(Cluster, "orders-temp")];
        facts.members[0].status = "rebooting".into();
        facts.members[0].tags = many_tags(50);
        facts.blue_green_deployment = Some("bg".into());
        facts.global_cluster = Some("world".into());
        facts.missing_groups = vec!["a group".into()];
        target(&mut facts).pending_modifications = true;
        target(&mut facts).replicas = vec!["copy".into()];
        target(&mut facts).engine_mode = Some("serverless".into());
        assert_eq!(texts(Task::CreateSnapshotOnly, Cluster, &facts), Vec::<String>::new());
        target(&mut facts).status = "stopped".into();
        assert!(only(Task::CreateSnapshotOnly, Cluster, &facts).contains("stopped"));
    }

    #[test]
    fn only_a_restore_from_the_existing_snapshot_needs_a_matching_one() {
        let facts = Facts { snapshot: None, ..instance_facts() };
        assert_eq!(texts(Task::CreateSnapshot, Instance, &facts), Vec::<String>::new());
        let mut facts = instance_facts();
        facts.snapshot.as_mut().unwrap().engine = "mysql".into();
        assert_eq!(texts(Task::CreateSnapshot, Instance, &facts), Vec::<String>::new());
    }

    #[test]
    fn a_snapshot_of_another_kind_of_database_is_refused() {
        let cases: &[(Change<Snapshot>, &str)] = &[
            (|s| s.engine = "mysql".into(), "its engine is mysql"),
            (|s| s.engine_version = "14.9".into(), "another major version"),
            (|s| s.engine_version = "16.1".into(), "another major version"),
            (|s| s.engine_version = "15.10".into(), "newer version"),
            (|s| s.encrypted = false, "it is not encrypted, the database is encrypted with key-1"),
            (|s| s.kms_key_id = Some("key-2".into()), "it is encrypted with key-2"),
            (|s| s.status = "failed".into(), "status `failed`"),
        ];
        for (change, expected) in cases {
            let mut facts = instance_facts();
            change(facts.snapshot.as_mut().unwrap());
            let text = only(Task::DbRestore, Instance, &facts);
            assert!(text.contains(expected), "{expected}: {text}");
        }
    }

    #[test]
    fn an_older_minor_version_is_reported_and_not_refused() {
        let mut facts = instance_facts();
        assert_eq!(other_version(&request(Task::DbRestore, Instance), &facts), None);
        facts.snapshot.as_mut().unwrap().engine_version = "15.2".into();
        assert_eq!(texts(Task::DbRestore, Instance, &facts), Vec::<String>::new());
        let note = other_version(&request(Task::DbRestore, Instance), &facts).unwrap();
        assert!(note.contains("15.4") && note.contains("15.2"), "{note}");
        assert_eq!(other_version(&request(Task::CreateSnapshot, Instance), &facts), None, "it takes its own snapshot");
    }

    #[test]
    fn versions_are_compared_in_every_notation_of_rds() {
        for (engine, version, major) in [
            ("postgres", "15.4", &[15][..]),
            ("postgres", "9.6.24", &[9, 6]),
            ("aurora-postgresql", "13.12", &[13]),
            ("mysql", "8.0.35", &[8, 0]),
            ("mariadb", "10.11.6", &[10, 11]),
            ("aurora-mysql", "8.0.mysql_aurora.3.04.0", &[8, 0]),
            ("oracle-ee", "19.0.0.0.ru-2023-10.rur-2023-10.r1", &[19]),
            ("sqlserver-se", "15.00.4316.3.v1", &[15]),
            ("db2-se", "11.5.9.0.sb00000000.r1", &[11, 5]),
        ] {
            assert_eq!(Version::parse(engine, version).major(), major, "{engine} {version}");
        }
        let older = Version::parse("aurora-mysql", "8.0.mysql_aurora.3.04.0");
        let newer = Version::parse("aurora-mysql", "8.0.mysql_aurora.3.10.0");
        assert_eq!(older.cmp(&newer), Ordering::Less);
    }

    #[test]
    fn a_snapshot_in_creation_is_awaited_until_the_functions_time_limit() {
        let mut facts = instance_facts();
        facts.snapshot.as_mut().unwrap().status = "creating".into();
        let problems = problems(&request(Task::DbRestore, Instance), &facts);
        assert_eq!(problems.iter().map(|problem| problem.patience).collect::<Vec<_>>(), [Duration::MAX]);
    }

    #[test]
    fn a_pending_change_of_a_busy_database_is_no_problem() {
        let mut facts = instance_facts();
        target(&mut facts).status = "modifying".into();
        target(&mut facts).pending_modifications = true;
        let problems = problems(&request(Task::DbRestore, Instance), &facts);
        assert_eq!(problems.len(), 1);
        assert!(problems[0].patience > Duration::ZERO);
    }

    #[test]
    fn a_leftover_beside_the_database_is_explained_with_the_commands_that_remove_it() {
        let leftover = |database| Database { tags: tags::mark(EARLIER, Role::Original).into(), ..database };
        let mut facts = instance_facts();
        facts.occupants = vec![leftover(database(Instance, "orders-temp"))];
        let text = only(Task::DbRestore, Instance, &facts);
        for part in [EARLIER, "--no-deletion-protection", "delete-db-instance --db-instance-identifier orders-temp"] {
            assert!(text.contains(part), "{part}: {text}");
        }
        assert!(!text.contains("incomplete") && !text.contains("recover"), "{text}");
        target(&mut facts).tags = tags::mark(EARLIER, Role::Verified).into();
        let text = only(Task::DbRestore, Instance, &facts);
        assert!(text.contains("verified successor") && !text.contains("recover"), "{text}");
    }

    #[test]
    fn a_half_restored_database_is_explained_with_the_recovery_and_never_with_a_deletion_of_the_original() {
        let mut facts = instance_facts();
        let tags = tags::mark(EARLIER, Role::Original).into();
        facts.occupants = vec![Database { tags, ..database(Instance, "orders-temp") }];
        target(&mut facts).tags = tags::mark(EARLIER, Role::Restored).into();
        let text = only(Task::DbRestore, Instance, &facts);
        assert!(text.contains("may be incomplete") && text.contains(&recover_input()), "{text}");
        let removed = text.find("delete-db-instance --db-instance-identifier orders ");
        let put_back = text.find("orders-temp --new-db-instance-identifier orders ");
        assert!(removed.is_some() && removed < put_back, "{text}");
        assert!(!text.contains("delete-db-instance --db-instance-identifier orders-temp"), "{text}");
    }

    /// The input that starts a recovery of the interrupted execution.
    fn recover_input() -> String {
        format!("`{{\"task\": \"recover\", \"execution\": \"{EARLIER}\"}}`")
    }

    #[test]
    fn a_leftover_cluster_is_explained_once_with_its_members_first() {
        let leftover = |database| Database { tags: tags::mark(EARLIER, Role::Original).into(), ..database };

        let mut facts = cluster_facts();
        let members = vec!["orders-1-temp".to_owned()];
        facts.occupants = vec![
            leftover(Database { member_identifiers: members, ..database(Cluster, "orders-temp") }),
            leftover(Database { cluster: Some("orders-temp".into()), ..database(Instance, "orders-1-temp") }),
        ];
        let text = only(Task::DbRestore, Cluster, &facts);
        let member = text.find("delete-db-instance --db-instance-identifier orders-1-temp");
        let cluster = text.find("delete-db-cluster --db-cluster-identifier orders-temp");
        assert!(member.is_some() && member < cluster, "{text}");
    }

    #[test]
    fn a_member_left_under_its_temporary_name_is_put_back_first() {
        let mut facts = cluster_facts();
        facts.members[0].identifier = "orders-1-temp".into();
        assert_eq!(texts(Task::CreateSnapshotOnly, Cluster, &facts), Vec::<String>::new(), "no member is moved");
        facts.members[0].tags = tags::mark(EARLIER, Role::Original).into();
        let text = only(Task::DbRestore, Cluster, &facts);
        assert!(text.contains("orders-1-temp --new-db-instance-identifier orders-1 "), "{text}");
        assert!(text.contains(&recover_input()), "{text}");
    }

    #[test]
    fn an_original_whose_name_is_empty_is_explained_with_the_commands_that_put_it_back() {
        let mark = || tags::mark(EARLIER, Role::Original).into();
        let occupant = Database { tags: mark(), ..database(Instance, "orders-temp") };
        let facts = Facts { target: None, occupants: vec![occupant], ..instance_facts() };
        let text = texts(Task::DbRestore, Instance, &facts).join("\n");
        let command = "modify-db-instance --db-instance-identifier orders-temp --new-db-instance-identifier orders ";
        assert!(text.contains(command) && text.contains(&recover_input()), "{text}");
        assert!(!text.contains("delete"), "{text}");

        let members = vec!["orders-1-temp".to_owned(), "orders-2".to_owned()];
        let occupant = Database { tags: mark(), member_identifiers: members, ..database(Cluster, "orders-temp") };
        let facts = Facts { target: None, occupants: vec![occupant], ..Facts::default() };
        let text = texts(Task::DbRestore, Cluster, &facts).join("\n");
        assert!(text.contains("--new-db-cluster-identifier orders "), "{text}");
        assert!(text.contains("orders-1-temp --new-db-instance-identifier orders-1 "), "{text}");
        assert!(!text.contains("orders-2 --new"), "it has its own name: {text}");
    }

    #[test]
    fn a_temporary_snapshot_is_a_taken_name_unless_a_run_took_it() {
        let mut facts = instance_facts();
        let left = snapshot("orders-temp", &database(Instance, "orders"));
        let ours = Snapshot { tags: tags::mark(EARLIER, Role::Snapshot).into(), ..left.clone() };

        facts.temporary_snapshot = Some(left);
        for task in [Task::CreateSnapshot, Task::CreateSnapshotOnly] {
            let text = only(task, Instance, &facts);
            assert!(text.contains("delete-db-snapshot --db-snapshot-identifier orders-temp"), "{text}");
        }
        assert_eq!(texts(Task::DbRestore, Instance, &facts), Vec::<String>::new());
        let mut delete_first = request(Task::CreateSnapshot, Instance);
        delete_first.options.snapshot_replacement = SnapshotReplacement::DeleteFirst;
        assert_eq!(problems(&delete_first, &facts), []);

        facts.temporary_snapshot = Some(ours);
        for task in Task::ALL {
            assert_eq!(texts(task, Instance, &facts), Vec::<String>::new());
        }
        facts.snapshot = None;
        let text = only(Task::DbRestore, Instance, &facts);
        assert!(text.contains(EARLIER) && text.contains("copy-db-snapshot"), "{text}");
    }

    #[test]
    fn a_snapshot_with_a_copied_role_is_no_interrupted_replacement() {
        let mut facts = instance_facts();
        let tags = tags::mark(EARLIER, Role::Original).into();
        facts.temporary_snapshot = Some(Snapshot { tags, ..snapshot("orders-temp", &database(Instance, "orders")) });
        assert!(only(Task::CreateSnapshotOnly, Instance, &facts).contains("it belongs to another run or person"));
    }

    #[test]
    fn a_snapshot_of_another_database_is_neither_replaced_nor_restored_from() {
        let mut facts = instance_facts();
        let foreign = Snapshot {
            source: Some("billing".into()),
            source_resource_id: Some("id-of-billing".into()),
            ..snapshot("orders-snapshot", &database(Instance, "orders"))
        };
        facts.snapshot = Some(foreign.clone());
        for task in [Task::CreateSnapshot, Task::CreateSnapshotOnly] {
            let text = only(task, Instance, &facts);
            assert!(text.contains("taken of another database, billing"), "{text}");
        }
        let text = only(Task::DbRestore, Instance, &facts);
        for part in ["`billing` (id-of-billing)", "not of `orders` (id-of-orders)", "delete-db-snapshot"] {
            assert!(text.contains(part), "{part}: {text}");
        }

        let mut facts = instance_facts();
        let tags = tags::mark(EARLIER, Role::Snapshot).into();
        facts.temporary_snapshot = Some(Snapshot { identifier: "orders-temp".into(), tags, ..foreign });
        assert!(only(Task::CreateSnapshotOnly, Instance, &facts).contains("billing"));
    }

    #[test]
    fn a_snapshot_belongs_by_resource_id_or_by_a_name_of_the_plan_in_this_account() {
        let of = |source: &str, id: Option<&str>, copied_from: Option<&str>| Snapshot {
            source: Some(source.into()),
            source_resource_id: id.map(str::to_owned),
            copied_from: copied_from.map(str::to_owned),
            ..snapshot("orders-snapshot", &database(Instance, "orders"))
        };
        let elsewhere = "arn:aws:rds:us-east-1:999999999999:snapshot:orders-snapshot";
        for (name, snapshot, belongs) in [
            ("the second run from it", of("orders", Some("id-of-an-earlier-one"), None), true),
            ("taken while it was moved away", of("orders-temp", Some("id-of-an-earlier-one"), None), true),
            ("taken under another name", of("orders-old", Some("id-of-orders"), None), true),
            ("without an id", of("orders", None, None), true),
            ("a copy in the account", of("orders", None, Some("orders-nightly")), true),
            ("an incarnation of another name", of("orders-old", Some("id-of-an-earlier-one"), None), false),
            ("a name that begins alike", of("orders-2", Some("id-2"), None), false),
            ("a copy from another account", of("orders", Some("id-3"), Some(elsewhere)), false),
            ("the same of this very database", of("orders", Some("id-of-orders"), Some(elsewhere)), true),
        ] {
            for (kind, fit) in [(Instance, instance_facts()), (Cluster, cluster_facts())] {
                let engine = fit.target.as_ref().unwrap().engine.clone();
                let engine_version = fit.target.as_ref().unwrap().engine_version.clone();
                let snapshot = Snapshot { engine, engine_version, ..snapshot.clone() };
                let facts = Facts { snapshot: Some(snapshot), ..fit };
                assert_eq!(texts(Task::DbRestore, kind, &facts).is_empty(), belongs, "{name}");
            }
        }
    }

    #[test]
    fn a_snapshot_older_than_the_input_allows_is_refused_and_its_age_is_always_reported() {
        let mut wanted = request(Task::DbRestore, Instance);
        wanted.started_at = Timestamp::from_epoch_seconds(3 * 86_400);
        let facts = instance_facts();
        assert_eq!(problems(&wanted, &facts), []);
        assert!(age_note(&wanted, &facts).unwrap().contains("data as of 1970-01-01T00:00:00Z, 3 days old"));
        wanted.maximum_age_seconds = Some(3 * 86_400);
        assert_eq!(problems(&wanted, &facts), []);
        wanted.maximum_age_seconds = Some(36 * 3_600);
        let text = &problems(&wanted, &facts)[0].text;
        assert!(text.contains("3 days old") && text.contains("allows 36 hours"), "{text}");

        let own = request(Task::CreateSnapshot, Instance);
        assert_eq!((age_note(&own, &facts), pinned(&own, &facts)), (None, None));
        assert!(later_writes(&own).unwrap().contains("between its snapshot and its rename"));
        assert_eq!(later_writes(&wanted), None);
        assert_eq!(later_writes(&request(Task::CreateSnapshotOnly, Instance)), None);
    }

    #[test]
    fn a_snapshot_that_cannot_be_pinned_is_not_restored() {
        let mut facts = instance_facts();
        facts.snapshot.as_mut().unwrap().pinned = None;
        let text = only(Task::DbRestore, Instance, &facts);
        assert!(text.contains("does not report its ARN and when it was taken"), "{text}");
    }

    #[test]
    fn a_final_snapshot_needs_a_name_that_is_free() {
        let mut wanted = request(Task::DbRestore, Instance);
        let left = snapshot("orders-final-3fa2c1", &database(Instance, "orders"));
        let facts = Facts { final_snapshot: Some(left), ..instance_facts() };
        assert_eq!(final_snapshot_fits(&wanted, &facts), [], "none is taken");
        wanted.options.final_snapshot = true;
        assert_eq!(final_snapshot_fits(&wanted, &instance_facts()), []);
        let text = &final_snapshot_fits(&wanted, &facts)[0].text;
        assert!(text.contains("`orders-final-3fa2c1`") && text.contains("delete-db-snapshot"), "{text}");
    }

    #[test]
    fn tags_of_aws_itself_take_no_room_and_tags_with_a_reserved_value_do() {
        let mut facts = instance_facts();
        target(&mut facts).tags = many_tags(46);
        let tag = |key: &str, value: &str| Tag::builder().key(key).value(value).build();
        target(&mut facts).tags.push(tag("aws:cloudformation:stack-name", "shop"));
        assert_eq!(texts(Task::DbRestore, Instance, &facts), Vec::<String>::new());
        target(&mut facts).tags.push(tag("origin", "aws:backup"));
        assert!(only(Task::DbRestore, Instance, &facts).contains("47 tags"));
    }

    #[test]
    fn a_quota_without_room_for_the_second_database_is_named() {
        let quota = |name: &str, used, max| Quota { name: name.into(), used, max };
        let problems = |request: &Request, mut facts: Facts, quotas, retained_backups| {
            facts.room = Room { quotas, retained_backups };
            quotas::have_room(request, &facts).into_iter().map(|problem| problem.text).collect::<Vec<_>>()
        };
        let instance = request(Task::DbRestore, Instance);
        let cluster = request(Task::DbRestore, Cluster);
        let none = Vec::<String>::new();
        assert_eq!(problems(&instance, instance_facts(), Vec::new(), None), none, "no quota is known");
        let full = quota("DBInstances", 40, 40);
        let text = problems(&instance, instance_facts(), vec![full.clone()], None).join("\n");
        assert!(
            text.contains(
                "DB instances has no room: 40 of 40 are used. Until the original is deleted, the run needs 1 more"
            ),
            "{text}"
        );
        assert_eq!(problems(&instance, instance_facts(), vec![quota("DBInstances", 39, 40)], None), none);

        let almost = vec![quota("DBInstances", 39, 40), quota("DBClusters", 40, 40)];
        let texts = problems(&cluster, cluster_facts(), almost, None);
        assert!(texts[0].contains("DB clusters") && texts[1].contains("needs 2 more"), "{texts:?}");

        let mut facts = instance_facts();
        facts.snapshot.as_mut().unwrap().allocated_gib = 500;
        let storage = vec![quota("AllocatedStorage", 99_600, 100_000)];
        assert!(problems(&instance, facts, storage.clone(), None)[0].contains("needs 500 more"));
        assert_eq!(problems(&instance, instance_facts(), storage, None), none);
    }

    #[test]
    fn the_final_snapshot_and_the_replacement_need_room_among_the_manual_snapshots() {
        let mut facts = instance_facts();
        facts.room.quotas = vec![Quota { name: "ManualSnapshots".into(), used: 99, max: 100 }];
        for (task, final_snapshot, replacement, fits) in [
            (Task::DbRestore, true, SnapshotReplacement::KeepUntilReplaced, true),
            (Task::CreateSnapshot, false, SnapshotReplacement::KeepUntilReplaced, true),
            (Task::CreateSnapshot, true, SnapshotReplacement::KeepUntilReplaced, false),
            (Task::CreateSnapshot, true, SnapshotReplacement::DeleteFirst, true),
        ] {
            let mut request = request(task, Instance);
            request.options.final_snapshot = final_snapshot;
            request.options.snapshot_replacement = replacement;
            assert_eq!(quotas::have_room(&request, &facts).is_empty(), fits, "{task:?} {replacement:?}");
        }
    }

    #[test]
    fn kept_backups_need_room_among_the_retained_ones() {
        let mut facts = instance_facts();
        facts.room =
            Room { quotas: vec![Quota { name: "DBInstances".into(), used: 3, max: 40 }], retained_backups: Some(40) };
        let wanted = request(Task::DbRestore, Instance);
        assert!(quotas::have_room(&wanted, &facts)[0].text.contains("40 of 40 retained automated backups"));
        let mut not_kept = wanted.clone();
        not_kept.options.keep_automated_backups = false;
        assert_eq!(quotas::have_room(&not_kept, &facts), []);
        target(&mut facts).backup_days = 0;
        assert_eq!(quotas::have_room(&wanted, &facts), []);
        target(&mut facts).backup_days = 7;
        facts.room.retained_backups = Some(39);
        assert_eq!(quotas::have_room(&wanted, &facts), []);
    }

    #[test]
    fn all_problems_are_found_at_once() {
        let mut facts = instance_facts();
        target(&mut facts).status = "stopped".into();
        target(&mut facts).replicas = vec!["copy".into()];
        facts.occupants = vec![database(Instance, "orders-temp")];
        facts.snapshot = None;
        assert_eq!(texts(Task::DbRestore, Instance, &facts).len(), 4);
    }

    #[test]
    fn a_subnet_group_has_to_cover_the_zones_that_a_new_database_needs() {
        use ClusterKind::{Aurora, MultiAz};
        for (kind, multi_az, covered, refused) in [
            (None, false, 1, false),
            (None, true, 1, true),
            (None, true, 2, false),
            (Some(Aurora), true, 1, true),
            (Some(Aurora), false, 2, false),
            (Some(MultiAz), true, 2, true),
            (Some(MultiAz), true, 3, false),
            // RDS does not list the zones of the subnet group.
            (Some(MultiAz), true, 0, false),
        ] {
            let mut facts = instance_facts();
            facts.cluster_kind = kind;
            target(&mut facts).multi_az = multi_az;
            facts.covered_zones = (0..covered).map(|zone| format!("zone-{zone}")).collect();
            let problems = subnets_cover_enough_zones(&request(Task::DbRestore, Instance), &facts);
            assert_eq!(!problems.is_empty(), refused, "{kind:?} {multi_az} {covered}");
        }
    }

    #[test]
    fn a_failed_look_up_refuses_nothing_and_is_reported() {
        let failed = || Answer::Failed("it could not be looked up".to_owned());
        let mut facts = instance_facts();
        facts.version = Answer::Failed("the version could not be looked up".to_owned());
        (facts.integrations, facts.certificates) = (failed(), failed());
        assert_eq!(texts(Task::DbRestore, Instance, &facts), Vec::<String>::new());
        assert_eq!(facts.unanswered().count(), 3);
    }

    #[test]
    fn an_upgrade_by_rds_is_announced_only_without_extended_support() {
        let mut facts = instance_facts();
        facts.version = Answer::Known(OfferedVersion { is_offered: true, upgraded_to: Some("16.9".into()) });
        assert_eq!(upgrade_note(&facts), None);
        target(&mut facts).lifecycle = Some("open-source-rds-extended-support-disabled".into());
        assert!(upgrade_note(&facts).unwrap().contains("16.9"));
    }

    #[test]
    fn a_name_outside_the_deployments_list_is_refused_before_any_change() {
        let scope = |names: &[&str], requires_opt_in| Scope {
            sources: vec!["*".to_owned()],
            names: names.iter().map(|&name| name.to_owned()).collect(),
            requires_opt_in,
        };
        let problems = |scope: &Scope, task, kind, facts: &Facts| scope.problems(&request(task, kind), facts);
        let (instance, cluster) = (instance_facts(), cluster_facts());
        assert_eq!(problems(&Scope::default(), Task::DbRestore, Cluster, &cluster), []);
        assert_eq!(problems(&scope(&["orders"], false), Task::DbRestore, Cluster, &cluster), []);
        assert_eq!(problems(&scope(&["shop"], false), Task::CreateSnapshotOnly, Instance, &instance).len(), 1);
        assert_eq!(problems(&scope(&["shop"], false), Task::DbRestore, Instance, &instance).len(), 3);
        let mut stray = cluster_facts();
        stray.members[1].identifier = "billing-1".into();
        let texts: Vec<_> = problems(&scope(&["orders"], false), Task::DbRestore, Cluster, &stray)
            .into_iter()
            .map(|problem| problem.text)
            .collect();
        assert!(
            texts.len() == 2 && texts[0].contains("`billing-1`") && texts[1].contains("`billing-1-temp`"),
            "{texts:?}"
        );

        let mut facts = instance_facts();
        let text = &problems(&scope(&["*"], true), Task::CreateSnapshotOnly, Instance, &facts)[0].text;
        assert!(text.contains("`trapheus:allowed`"), "{text}");
        target(&mut facts).tags = vec![Tag::builder().key("trapheus:allowed").value("true").build()];
        assert_eq!(problems(&scope(&["*"], true), Task::DbRestore, Instance, &facts), []);
    }
}
