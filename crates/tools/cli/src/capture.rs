//! `trapheus capture`: an account's databases as a world file, in which a run can be rehearsed.
//!
//! The capture reads everything that preflight reads, with `Describe…` calls and `ListTagsForResource` only, so that a
//! rehearsal refuses what preflight would refuse in the account. It then describes the captured databases again, in the
//! simulator, and reports every element that differs: nothing is left out silently. A database that no world can hold is
//! refused by name.
//!
//! | module | owns |
//! |---|---|
//! | [`command`] | the arguments, and the output |
//! | `look` | calls that may fail, and the findings |
//! | `credentials` | credentials that are missing, expired or refused |
//! | `databases` | the databases asked for, and those that belong to them |
//! | `snapshots` | their snapshots |
//! | `surroundings` | everything else that preflight reads |
//! | `specs` | RDS's answers as parts of a world |
//! | `room` | the quotas |
//! | `wire` | RDS's answers element by element, and their comparison |

pub mod command;
mod credentials;
mod databases;
mod look;
mod room;
mod snapshots;
mod specs;
mod surroundings;
mod wire;

use std::collections::BTreeMap;
use std::fmt;
use std::time::SystemTime;

use aws_sdk_rds::Client;
use rds_simulator::{Options, Simulator, World, WorldError};
use trapheus_common::error::with_causes;
use trapheus_common::identifiers::DatabaseKind;
use trapheus_common::tags;

pub use databases::Asked;
pub use look::Finding;

use crate::rehearsal::Clients;
use databases::Databases;
use look::Account;
use snapshots::Snapshots;
use wire::{Kind, Wire};

/// A database that no world holds, and the reason.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refused {
    pub kind: DatabaseKind,
    pub identifier: String,
    pub reason: String,
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}`: {}", self.identifier, self.reason)
    }
}

/// A captured account.
#[derive(Debug)]
pub struct Captured {
    pub world: World,
    /// The databases that were asked for and are not in the world.
    pub refused: Vec<Refused>,
    /// The facts of the account that the world does not hold.
    pub findings: Vec<Finding>,
}

/// Reads databases of an account with everything around them. The error is a sentence for the user.
pub async fn capture(rds: &Client, profile: Option<&str>, asked: &Asked, now: SystemTime) -> Result<Captured, String> {
    let Some(region) = rds.config().region().map(ToString::to_string) else {
        return Err("there is no AWS region: give `--region`, or set AWS_REGION".to_owned());
    };
    let mut account = Account::new(rds, profile);
    let mut databases = Databases::read(&mut account, asked).await?;
    let snapshots = Snapshots::read(&mut account, asked, &databases).await?;
    let globals = surroundings::global_clusters(&mut account, &databases).await?;
    let mut world = World { region, ..World::default() };
    // Behind an endpoint of one's own, the region of the requests need not be that of the databases.
    if let Some((region, number)) = home(&databases) {
        (world.region, world.account) = (region, number);
    }
    surroundings::read(&mut account, &databases, &snapshots, &mut world, now).await?;
    add_databases(&mut world, &databases, &globals, now);
    add_snapshots(&mut world, &snapshots, now);
    let used = leave_out_the_impossible(&mut account, &mut databases, &mut world, now)?;
    room::set_limits(&mut account, &mut world, &used).await?;
    compare(&mut account, &world, now).await?;
    Ok(Captured { findings: account.findings(), refused: databases.refused, world })
}

/// The region and the account of the databases, as their ARNs name them.
fn home(databases: &Databases) -> Option<(String, String)> {
    let instances = databases.instances.values().filter_map(|instance| instance.db_instance_arn());
    let clusters = databases.clusters.values().filter_map(|cluster| cluster.db_cluster_arn());
    let home = |arn: &str| {
        let mut parts = arn.split(':').skip(3).map(str::to_owned);
        let (region, account) = (parts.next()?, parts.next()?);
        (!region.is_empty() && !account.is_empty()).then_some((region, account))
    };
    instances.chain(clusters).find_map(home)
}

fn add_databases(world: &mut World, databases: &Databases, globals: &BTreeMap<String, String>, now: SystemTime) {
    for (_, instance) in databases.standalone() {
        let mut spec = specs::instance(instance, now);
        let source = instance.read_replica_source_db_instance_identifier();
        // A source that is not in the world shows as a difference.
        spec.replica_of = source.filter(|source| databases.instances.contains_key(*source)).map(str::to_owned);
        world.instances.push(spec);
    }
    for (name, cluster) in &databases.clusters {
        let of_arn = cluster.db_cluster_arn().and_then(|arn| globals.get(arn)).map(String::as_str);
        let global = cluster.global_cluster_identifier().filter(|global| !global.is_empty()).or(of_arn);
        world.clusters.push(specs::cluster(cluster, &databases.members_of(name), global, now));
    }
}

fn add_snapshots(world: &mut World, snapshots: &Snapshots, now: SystemTime) {
    world.snapshots = snapshots.of_instances.values().map(|snapshot| specs::snapshot(snapshot, now)).collect();
    world.cluster_snapshots =
        snapshots.of_clusters.values().map(|snapshot| specs::cluster_snapshot(snapshot, now)).collect();
}

/// Takes out what the simulator refuses to hold, one by one. Returns a client of the world that is left.
fn leave_out_the_impossible(
    account: &mut Account,
    databases: &mut Databases,
    world: &mut World,
    now: SystemTime,
) -> Result<Client, String> {
    loop {
        match simulate(world, now) {
            Ok(client) => return Ok(client),
            Err(WorldError::Impossible { place, problem }) => {
                leave_out(account, databases, world, &place, &problem)
                    .ok_or_else(|| format!("the captured world cannot exist: {place}: {problem}"))?;
            }
            Err(error) => return Err(format!("the captured world cannot exist: {}", with_causes(&error))),
        }
    }
}

fn simulate(world: &World, now: SystemTime) -> Result<Client, WorldError> {
    let simulator = Simulator::new(world.clone(), Options { seed: 0, start_time: now, speed: 1.0 })?;
    Ok(Clients::of(&simulator).rds)
}

/// Takes the part of the world at this place out; `None` if the place is no database or snapshot.
fn leave_out(
    account: &mut Account,
    databases: &mut Databases,
    world: &mut World,
    place: &str,
    problem: &str,
) -> Option<()> {
    let (list, rest) = place.split_once('[')?;
    let index: usize = rest.split_once(']')?.0.parse().ok()?;
    match list {
        "instances" if index < world.instances.len() => {
            let spec = world.instances.remove(index);
            databases.refuse(DatabaseKind::Instance, &spec.identifier, problem);
        }
        "clusters" if index < world.clusters.len() => {
            let spec = world.clusters.remove(index);
            databases.refuse(DatabaseKind::Cluster, &spec.identifier, problem);
        }
        "snapshots" if index < world.snapshots.len() => {
            let spec = world.snapshots.remove(index);
            account.report(format!("`{}`", spec.source), format!("the snapshot `{}`", spec.identifier), problem);
        }
        "clusterSnapshots" if index < world.cluster_snapshots.len() => {
            let spec = world.cluster_snapshots.remove(index);
            account.report(format!("`{}`", spec.source), format!("the snapshot `{}`", spec.identifier), problem);
        }
        _ => return None,
    }
    Some(())
}

/// Describes the world and reports every element of the account that it does not show.
async fn compare(account: &mut Account, world: &World, now: SystemTime) -> Result<(), String> {
    let client = simulate(world, now).map_err(|error| with_causes(&error))?;
    let mut held = Account::new(&client, None);
    describe_all(&mut held).await?;
    let shown = std::mem::take(&mut held.wire);
    for spec in &world.instances {
        compare_one(account, &shown, (Kind::Instance, &spec.identifier), &spec.identifier);
    }
    for cluster in &world.clusters {
        compare_one(account, &shown, (Kind::Cluster, &cluster.identifier), &cluster.identifier);
        for member in &cluster.members {
            if account.wire.resource(Kind::Instance, &member.identifier).is_none() {
                account.report(
                    format!("`{}`", member.identifier),
                    "DBInstance",
                    format!(
                        "RDS did not describe this member of `{}`: the world makes up its settings",
                        cluster.identifier
                    ),
                );
            }
            compare_one(account, &shown, (Kind::Instance, &member.identifier), &member.identifier);
        }
    }
    for spec in &world.snapshots {
        compare_one(account, &shown, (Kind::Snapshot, &spec.identifier), &spec.source);
    }
    for spec in &world.cluster_snapshots {
        compare_one(account, &shown, (Kind::ClusterSnapshot, &spec.identifier), &spec.source);
    }
    Ok(())
}

async fn describe_all(world: &mut Account) -> Result<(), String> {
    let everything = Asked::default();
    let databases = Databases::read(world, &everything).await?;
    Snapshots::read(world, &everything, &databases).await.map(drop)
}

fn compare_one(account: &mut Account, world: &Wire, (kind, identifier): (Kind, &str), database: &str) {
    let (Some(real), Some(held)) = (account.wire.resource(kind, identifier), world.resource(kind, identifier)) else {
        return;
    };
    for difference in wire::not_held(kind, &real, &held) {
        let field = match kind {
            Kind::Instance | Kind::Cluster => difference.path.clone(),
            Kind::Snapshot | Kind::ClusterSnapshot => format!("{} of the snapshot `{identifier}`", difference.path),
        };
        // A tag's value may be a secret of its owner's.
        let is_tag = difference.path.starts_with("TagList");
        let problem = match (is_tag, difference.instead.is_empty()) {
            (true, _) => "a world shows other tags".to_owned(),
            (false, true) => format!("`{}`: a world has no place for it", difference.texts.join(", ")),
            (false, false) => {
                format!("`{}` here, `{}` in the world", difference.texts.join(", "), difference.instead.join(", "))
            }
        };
        account.report(format!("`{database}`"), field, problem);
    }
}

/// The text that stands for the value of a tag.
const HIDDEN: &str = "hidden";

/// Replaces the values of tags. A claim's values are no secret, and a rehearsal needs them.
pub fn redact(world: &mut World) {
    let instances = world.instances.iter_mut().map(|instance| &mut instance.tags);
    let clusters = world.clusters.iter_mut().flat_map(|cluster| {
        let members = cluster.members.iter_mut().map(|member| &mut member.tags);
        members.chain([&mut cluster.tags])
    });
    let snapshots = world.snapshots.iter_mut().map(|snapshot| &mut snapshot.tags);
    let cluster_snapshots = world.cluster_snapshots.iter_mut().map(|snapshot| &mut snapshot.tags);
    let backups = world.retained_backups.iter_mut().map(|backup| &mut backup.tags);
    let cluster_backups = world.retained_cluster_backups.iter_mut().map(|backup| &mut backup.tags);
    let all = instances.chain(clusters).chain(snapshots).chain(cluster_snapshots).chain(backups).chain(cluster_backups);
    for tags in all {
        for (key, value) in tags {
            // A reserved value makes RDS refuse the tag, which a rehearsal has to show.
            let is_kept =
                key.starts_with("trapheus:") || (tags::is_reserved(key, value) && !tags::is_reserved(key, ""));
            if !is_kept {
                HIDDEN.clone_into(value);
            }
        }
    }
}
