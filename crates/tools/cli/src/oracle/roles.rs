//! The roles in a run's world: the target and its members, the names that the run may use, bystanders, and people's
//! changes.
//!
//! A database that existed before the run is identified by its resource id. Others are identified by name.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::time::Duration;

use rds_simulator::{InstanceState, Made, OPERATOR, Outcome, RecordedRequest, Service, WorldState};
use serde::Serialize;
use serde_json::{Map, Value};

use super::Evidence;

const OUR_TAGS: &str = "trapheus:";
const AVAILABLE: &str = "available";
/// Statuses in which a database is in service while RDS works on its storage or takes an automated backup.
/// <https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/accessing-monitoring.html>
const IN_SERVICE: [&str; 4] =
    ["storage-optimization", "storage-initialization", "storage-config-upgrade", "backing-up"];

fn is_in_service(status: &str) -> bool {
    status == AVAILABLE || IN_SERVICE.contains(&status)
}

/// The prefix of the readers that Aurora Auto Scaling adds and removes at any time. They hold no data beside their
/// cluster's. A run therefore need neither restore nor spare them.
/// <https://docs.aws.amazon.com/AmazonRDS/latest/AuroraUserGuide/Aurora.Integrating.AutoScaling.html>
pub(super) const AUTO_SCALED: &str = "application-autoscaling-";

/// A database that existed before the run: the target or one of its members.
#[derive(Clone, Debug)]
pub(super) struct Original {
    pub(super) identifier: String,
    pub(super) resource_id: String,
    pub(super) is_cluster: bool,
}

/// A database that a run restored.
#[derive(Clone, Debug)]
pub(super) struct Stray {
    pub(super) is_cluster: bool,
    pub(super) identifier: String,
    pub(super) resource_id: String,
    pub(super) status: String,
    /// The cluster of a member.
    pub(super) cluster: Option<String>,
}

impl fmt::Display for Stray {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", if self.is_cluster { "cluster" } else { "instance" }, self.identifier)
    }
}

impl Original {
    /// Whether the database exists, under any name.
    pub(super) fn is_in(&self, world: &WorldState) -> bool {
        if self.is_cluster {
            world.clusters.iter().any(|found| found.resource_id == self.resource_id)
        } else {
            world.instances.iter().any(|found| found.resource_id == self.resource_id)
        }
    }
}

/// The database under the target's name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Home {
    /// The original, with its members under their names. It is as available as it would be without the run.
    Original,
    /// A new, available database with a member for each of the original's.
    Restored,
    Wrong(String),
}

/// A database that has the target's name.
pub(super) struct Holder<'w> {
    pub(super) resource_id: &'w str,
    pub(super) is_healthy: bool,
}

/// A tag of Trapheus.
pub(super) struct Mark {
    pub(super) on: String,
    pub(super) on_database: bool,
}

/// A setting or tag whose value has changed.
pub(super) struct Difference {
    identifier: String,
    key: String,
    before: Option<Value>,
    after: Option<Value>,
}

impl Difference {
    /// Whether the text mentions it: a setting by its name, with or without spaces; a tag by its key.
    pub(super) fn is_in(&self, text: &str) -> bool {
        let plain = |text: &str| -> String {
            text.chars().filter(char::is_ascii_alphanumeric).map(|c| c.to_ascii_lowercase()).collect()
        };
        let key = self.key.rsplit('/').next().unwrap_or(&self.key);
        text.contains(key) || plain(text).contains(&plain(key))
    }
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let shown = |value: &Option<Value>| value.as_ref().map_or_else(|| "nothing".to_owned(), Value::to_string);
        let Self { identifier, key, before, after } = self;
        write!(f, "{key} of {identifier} was {} and is {}", shown(before), shown(after))
    }
}

/// The part of a rollback that a person removed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Taken {
    /// The original or a member, or their name.
    Database,
    /// The restored database, or its name. Only a run that has verified it needs it.
    Result,
    /// A database of the run is stopped and therefore accepts no change.
    Running,
    /// The claim, by which the run identifies its databases.
    Claim,
    /// A restored cluster has a member that a person created or renamed. No run deletes such a cluster.
    Cluster,
}

/// The time and the kind of the removal.
#[derive(Clone, Copy, Debug)]
pub(super) struct Removal {
    pub(super) at: Duration,
    pub(super) taken: Taken,
}

pub(super) struct Roles<'a> {
    pub(super) identifier: String,
    is_cluster: bool,
    task: String,
    /// Whether any run of this rehearsal replaces the snapshot.
    replaces_snapshot: bool,
    before: &'a WorldState,
    /// The world if only people had acted.
    without: &'a WorldState,
    /// The target, then its members.
    originals: Vec<Original>,
    /// The requests of people that RDS accepted.
    interventions: Vec<&'a RecordedRequest>,
    requests: &'a [RecordedRequest],
    /// Databases created since the run began, including deleted ones.
    made: &'a [Made],
}

impl<'a> Roles<'a> {
    pub(super) fn of(evidence: &Evidence<'a>) -> Self {
        let input = &evidence.report.input;
        let identifier = input["identifier"].as_str().unwrap_or_default().to_ascii_lowercase();
        let is_cluster = input["isCluster"].as_bool().unwrap_or_default();
        let before = &evidence.report.world_before;
        Self {
            originals: originals(before, &identifier, is_cluster),
            identifier,
            is_cluster,
            // A dry run has no task, because it changes nothing.
            task: input["task"].as_str().filter(|_| input["dryRun"] != true).unwrap_or_default().to_owned(),
            replaces_snapshot: inputs_of_runs(evidence).any(takes_snapshot),
            before,
            without: evidence.without,
            interventions: interventions(evidence.requests).collect(),
            requests: evidence.requests,
            made: &evidence.after.made,
        }
    }

    pub(super) fn originals(&self) -> &[Original] {
        &self.originals
    }

    pub(super) fn original(&self) -> Option<&Original> {
        self.originals.first()
    }

    pub(super) fn restores(&self) -> bool {
        matches!(self.task.as_str(), "create_snapshot" | "db_restore")
    }

    fn takes_snapshot(&self) -> bool {
        matches!(self.task.as_str(), "create_snapshot" | "create_snapshot_only")
    }

    pub(super) fn is_original(&self, resource_id: &str) -> bool {
        self.originals.iter().any(|original| original.resource_id == resource_id)
    }

    /// Databases that runs created.
    pub(super) fn made_by_runs(&self) -> impl Iterator<Item = &'a Made> {
        self.made.iter().filter(|made| made.caller != OPERATOR)
    }

    pub(super) fn is_made_by_runs(&self, resource_id: &str) -> bool {
        self.made_by_runs().any(|made| made.resource_id == resource_id)
    }

    fn is_made_by_people(&self, resource_id: &str) -> bool {
        self.made.iter().any(|made| made.caller == OPERATOR && made.resource_id == resource_id)
    }

    /// Databases that are neither the target's nor a run's: bystanders from before, and those that people created.
    pub(super) fn strangers(&self) -> impl Iterator<Item = &'a str> {
        let instances = self.before.instances.iter().filter(|found| !self.is_reader_of_target(found));
        let instances = instances.map(|found| found.resource_id.as_str());
        let clusters = self.before.clusters.iter().map(|found| found.resource_id.as_str());
        let made = self.made_by_people().map(|made| made.resource_id.as_str());
        instances.chain(clusters).chain(made).filter(|resource_id| !self.is_original(resource_id))
    }

    /// Databases that people created for themselves.
    fn made_by_people(&self) -> impl Iterator<Item = &'a Made> {
        self.made.iter().filter(|made| made.caller == OPERATOR && !self.is_reader_added_to_target(made))
    }

    /// Whether Auto Scaling had added the instance to the target.
    fn is_reader_of_target(&self, found: &InstanceState) -> bool {
        self.is_cluster
            && found.identifier.starts_with(AUTO_SCALED)
            && found.cluster.as_deref() == Some(self.identifier.as_str())
    }

    /// Whether Auto Scaling added the instance during the run, to the original or to the restored cluster.
    fn is_reader_added_to_target(&self, made: &Made) -> bool {
        let adds = |request: &&&RecordedRequest| {
            request.action == "CreateDBInstance"
                && request.parameters.get("DBInstanceIdentifier") == Some(&made.identifier)
        };
        let mut clusters =
            self.interventions.iter().filter(adds).filter_map(|request| request.parameters.get("DBClusterIdentifier"));
        let is_own = |name: &String| {
            let suffix = name.strip_prefix(&self.identifier);
            suffix.is_some_and(|suffix| suffix.is_empty() || suffix == "-temp" || suffix.starts_with("-failed-"))
        };
        self.is_cluster && made.identifier.starts_with(AUTO_SCALED) && clusters.any(is_own)
    }

    /// The removals by people that hinder the rollback. A person's own snapshot or tag does not.
    pub(super) fn removals(&self) -> Vec<Removal> {
        let taken = |request: &&RecordedRequest| Some(Removal { at: request.at, taken: self.taken(request)? });
        self.interventions.iter().filter_map(taken).collect()
    }

    fn taken(&self, request: &RecordedRequest) -> Option<Taken> {
        let is_cluster = request.action.contains("Cluster");
        let of_target = touched(request).any(|resource_id| self.is_original(resource_id));
        let of_runs = touched(request).any(|resource_id| self.is_made_by_runs(resource_id));
        let gives_home = given_name(request).is_some_and(|name| {
            self.originals.iter().any(|original| original.is_cluster == is_cluster && original.identifier == name)
        });
        let result = of_runs.then_some(Taken::Result);
        match request.action.as_str() {
            "DeleteDBInstance" | "DeleteDBCluster" => of_target.then_some(Taken::Database).or(result),
            "StopDBInstance" | "StopDBCluster" => (of_target || of_runs).then_some(Taken::Running),
            "AddTagsToResource" | "RemoveTagsFromResource" => {
                let is_ours = request.parameters.values().any(|value| value.starts_with(OUR_TAGS));
                (is_ours && (of_target || of_runs || Self::is_forged(request))).then_some(Taken::Claim)
            }
            "CreateDBInstance" if !gives_home && self.joins_a_cluster_of_runs(request) => Some(Taken::Cluster),
            // The run identifies its members by the names of the plan.
            "ModifyDBInstance" if self.is_cluster && is_rename(request) && of_runs && !gives_home => {
                Some(Taken::Cluster)
            }
            _ if is_rename(request) => (of_target || gives_home).then_some(Taken::Database).or(result),
            _ => gives_home.then_some(Taken::Database),
        }
    }

    fn joins_a_cluster_of_runs(&self, request: &RecordedRequest) -> bool {
        let instance = request.parameters.get("DBInstanceIdentifier");
        let is_auto_scaled = instance.is_some_and(|name| name.starts_with(AUTO_SCALED));
        let cluster = request.parameters.get("DBClusterIdentifier").filter(|_| !is_auto_scaled);
        let cluster = cluster.and_then(|name| request.resources.get(&format!("cluster:{name}")));
        cluster.is_some_and(|cluster| self.is_made_by_runs(&cluster.resource_id))
    }

    /// Whether a person wrote a claim of the run on another database, with that database's own resource id. The run cannot
    /// tell which of two such claims is true.
    fn is_forged(request: &RecordedRequest) -> bool {
        let says_its_own = |id: &str| request.parameters.values().any(|value| value == id);
        request.action == "AddTagsToResource" && touched(request).any(says_its_own)
    }

    /// Whether the request renames or otherwise changes the original or a member, under any name.
    pub(super) fn changes_original(&self, request: &RecordedRequest) -> bool {
        request.action.starts_with("Modify") && touched(request).any(|id| self.is_original(id))
    }

    /// Whether the request deletes a database with the name of the target or a member.
    pub(super) fn removes_from_home(&self, request: &RecordedRequest) -> bool {
        let is_home = |name: &String| {
            let name = name.rsplit(':').next().unwrap_or(name);
            self.originals.iter().any(|original| original.identifier == name)
        };
        request.action.starts_with("DeleteDB") && request.resources.keys().any(is_home)
    }

    /// The times at which people deleted, renamed or stopped the target or the database with its name. A rename of another
    /// database to that name counts as well.
    pub(super) fn takings_from_home(&self) -> impl Iterator<Item = Duration> {
        let is_home = |name: &String| {
            let name = name.rsplit(':').next().unwrap_or(name);
            self.originals.iter().any(|original| original.identifier == name)
        };
        let takes = move |request: &&&RecordedRequest| {
            let ends = ["DeleteDBI", "DeleteDBC", "StopDB"].iter().any(|action| request.action.starts_with(action));
            let is_about_home = request.resources.keys().any(is_home);
            is_about_home && (ends && !request.action.contains("Snapshot") || is_rename(request))
                || self.taken(request).is_some_and(|taken| taken != Taken::Claim)
        };
        self.interventions.iter().filter(takes).map(|request| request.at)
    }

    /// The times at which people rebooted the target or the database with its name.
    pub(super) fn reboots_of_home(&self) -> impl Iterator<Item = Duration> {
        let is_of_home = |request: &&&RecordedRequest| {
            let of_run = |id: &str| self.is_original(id) || self.is_made_by_runs(id);
            request.action.starts_with("Reboot") && is_granted(request) && touched(request).any(of_run)
        };
        self.interventions.iter().filter(is_of_home).map(|request| request.at)
    }

    /// Whether people deleted the restored database after a run had begun to delete the original.
    pub(super) fn people_deleted_the_successor(&self, requests: &[RecordedRequest]) -> bool {
        let deletes = |request: &&RecordedRequest| request.action.starts_with("DeleteDB") && is_granted(request);
        let original = self.original().map(|original| original.resource_id.as_str());
        let of_original = |request: &&RecordedRequest| touched(request).any(|id| Some(id) == original);
        let has_the_name = |request: &&RecordedRequest| {
            let names = ["DBInstanceIdentifier", "DBClusterIdentifier"];
            names.iter().any(|name| request.parameters.get(*name) == Some(&self.identifier))
        };
        let by_runs = requests.iter().filter(|request| request.caller != OPERATOR);
        let began = by_runs.filter(deletes).filter(of_original).map(|request| request.at).min();
        let mut by_people = self.interventions.iter().copied().filter(deletes).filter(has_the_name);
        by_people.any(|request| {
            began.is_some_and(|began| began <= request.at) && touched(request).any(|id| self.is_made_by_runs(id))
        })
    }

    /// Whether people stopped the database with the service name.
    pub(super) fn people_stopped_home(&self, world: &WorldState) -> bool {
        self.holder(world).is_some_and(|holder| self.people_did("StopDB", holder.resource_id))
    }

    /// The time at which a person first renamed a restored database with the service name.
    pub(super) fn result_renamed(&self) -> Option<Duration> {
        let of_service = |request: &&&RecordedRequest| {
            let action = if self.is_cluster { "ModifyDBCluster" } else { "ModifyDBInstance" };
            request.action == action && is_rename(request) && touched(request).any(|id| self.is_made_by_runs(id))
        };
        let had_the_name = |request: &&&RecordedRequest| {
            let names = ["DBInstanceIdentifier", "DBClusterIdentifier"];
            names.iter().any(|name| request.parameters.get(*name) == Some(&self.identifier))
        };
        self.interventions.iter().filter(of_service).find(had_the_name).map(|request| request.at)
    }

    /// Whether people made such a request about this database.
    pub(super) fn people_did(&self, action: &str, resource_id: &str) -> bool {
        let mut interventions = self.interventions.iter().filter(|request| request.action.starts_with(action));
        interventions.any(|request| touched(request).any(|id| id == resource_id))
    }

    /// Whether people deleted this database or its cluster.
    pub(super) fn is_deleted_by_people(&self, resource_id: &str) -> bool {
        let is_deleted = |id: &str| self.people_did("DeleteDB", id);
        let target = self.original().filter(|target| target.is_cluster && self.is_original(resource_id));
        is_deleted(resource_id) || target.is_some_and(|target| is_deleted(&target.resource_id))
    }

    fn is_renamed_by_people(&self, resource_id: &str) -> bool {
        let mut renames = self.interventions.iter().filter(|request| is_rename(request));
        renames.any(|request| touched(request).any(|id| id == resource_id))
    }

    /// Whether an instance that people created is a member of this cluster.
    fn holds_a_member_of_people(&self, world: &WorldState, cluster: &str) -> bool {
        let cluster = world.clusters.iter().find(|found| found.resource_id == cluster);
        cluster.is_some_and(|cluster| {
            let mut members =
                world.instances.iter().filter(|found| found.cluster.as_ref() == Some(&cluster.identifier));
            members.any(|member| {
                self.is_made_by_people(&member.resource_id) && !member.identifier.starts_with(AUTO_SCALED)
            })
        })
    }

    /// Whether people renamed the database or its cluster, or have a member in it. A cluster with a person's member is
    /// theirs to delete.
    fn is_where_people_took_it(&self, world: &WorldState, resource_id: &str) -> bool {
        let member = world.instances.iter().find(|found| found.resource_id == resource_id);
        let cluster = member.and_then(|member| world.cluster(member.cluster.as_deref()?));
        self.is_renamed_by_people(resource_id)
            || self.holds_a_member_of_people(world, resource_id)
            || cluster.is_some_and(|cluster| self.is_renamed_by_people(&cluster.resource_id))
    }

    /// Every name that the original has had.
    pub(super) fn names_of_original(&self) -> BTreeSet<String> {
        let of_original = |request: &&RecordedRequest| {
            touched(request).any(|id| self.original().is_some_and(|o| o.resource_id == id))
        };
        let renames = self.requests.iter().filter(|request| is_granted(request) && is_rename(request));
        let names = renames.filter(of_original).filter_map(given_name);
        names.chain([self.identifier.clone()]).collect()
    }

    /// Changes that runs requested of databases other than their own, and that RDS made.
    pub(super) fn changes_of_strangers(&self) -> Vec<String> {
        let strangers: BTreeSet<&str> = self.strangers().collect();
        let changes = self.requests.iter().filter(|request| request.caller != OPERATOR && is_change(request));
        let changes = changes.filter_map(|request| {
            let resource_id = touched(request).find(|id| strangers.contains(id))?;
            Some(format!("a run asked for {} of {resource_id}, which is not its own", request.action))
        });
        changes.collect()
    }

    /// The granted requests of a caller that changed more than tags, in their order.
    pub(super) fn changes_by(&self, is_its: impl Fn(&str) -> bool) -> impl Iterator<Item = &'a RecordedRequest> {
        let tags = ["AddTagsToResource", "RemoveTagsFromResource"];
        let is_its_change = move |request: &&RecordedRequest| {
            is_its(&request.caller) && is_change(request) && !tags.contains(&request.action.as_str())
        };
        self.requests.iter().filter(is_its_change)
    }

    /// The granted requests of a caller that claimed the target, in their order, with their places among all requests.
    pub(super) fn claims_by(
        &self,
        is_its: impl Fn(&str) -> bool,
    ) -> impl Iterator<Item = (usize, &'a RecordedRequest)> {
        let target = format!(":{}:{}", if self.is_cluster { "cluster" } else { "db" }, self.identifier);
        let is_claim = move |(_, request): &(usize, &RecordedRequest)| {
            let has = |is_it: &dyn Fn(&str) -> bool| request.parameters.values().any(|value| is_it(value));
            let is_of_target = has(&|value| value.starts_with(OUR_TAGS)) && has(&|value| value.ends_with(&target));
            is_its(&request.caller) && is_granted(request) && request.action == "AddTagsToResource" && is_of_target
        };
        self.requests.iter().enumerate().filter(is_claim)
    }

    /// Whether the identifier is the service name of the target.
    pub(super) fn is_service(&self, is_cluster: bool, identifier: &str) -> bool {
        is_cluster == self.is_cluster && identifier == self.identifier
    }

    /// Whether RDS keeps no automated backups of the original. A cluster's backups cannot be switched off.
    pub(super) fn has_no_backups(&self, resource_id: &str) -> bool {
        let mut instances = self.before.instances.iter().filter(|found| found.cluster.is_none());
        let original = instances.find(|found| found.resource_id == resource_id && self.is_original(resource_id));
        original.is_some_and(|found| found.settings.backup_retention_period.unwrap_or_default() == 0)
    }

    /// The database with the service name, in any state.
    pub(super) fn holder<'w>(&self, world: &'w WorldState) -> Option<Holder<'w>> {
        let holder =
            |resource_id, status: &str, answers| Holder { resource_id, is_healthy: is_in_service(status) && answers };
        if self.is_cluster {
            let found = world.cluster(&self.identifier)?;
            Some(holder(found.resource_id.as_str(), found.status.as_ref(), found.answers))
        } else {
            let found = world.instance(&self.identifier)?;
            Some(holder(found.resource_id.as_str(), found.status.as_ref(), found.answers))
        }
    }

    /// Examines the database under the service name.
    pub(super) fn home(&self, world: &WorldState) -> Home {
        let Some(target) = self.original() else { return Home::Wrong("there never was one".to_owned()) };
        let found = if self.is_cluster {
            world.cluster(&self.identifier).map(|found| (&found.resource_id, found.status.as_ref(), found.answers))
        } else {
            world.instance(&self.identifier).map(|found| (&found.resource_id, found.status.as_ref(), found.answers))
        };
        let Some((resource_id, status, answers)) = found else { return Home::Wrong("nothing has the name".to_owned()) };
        let is_original = *resource_id == target.resource_id;
        if !answers {
            return Home::Wrong("the database of the name does not answer".to_owned());
        }
        let expected = if is_original { self.status_anyway(target) } else { AVAILABLE.to_owned() };
        let is_stopped_by_people = status == "stopped" && self.people_did("StopDB", resource_id);
        if status != expected && !is_in_service(status) && !is_stopped_by_people {
            let what = if is_original { "the original" } else { "the restored database" };
            return Home::Wrong(format!("{what} is {status}"));
        }
        if is_original {
            return self.members_at_home(world).map_or(Home::Original, Home::Wrong);
        }
        if self.before.instances.iter().any(|known| known.resource_id == *resource_id)
            || self.before.clusters.iter().any(|known| known.resource_id == *resource_id)
            || self.is_made_by_people(resource_id)
        {
            return Home::Wrong(format!("another database has the name: {resource_id}"));
        }
        self.members_restored(world).map_or(Home::Restored, Home::Wrong)
    }

    /// The status of the original if only people had acted.
    fn status_anyway(&self, original: &Original) -> String {
        let status = if original.is_cluster {
            self.without
                .clusters
                .iter()
                .find(|found| found.resource_id == original.resource_id)
                .map(|found| &found.status)
        } else {
            self.without
                .instances
                .iter()
                .find(|found| found.resource_id == original.resource_id)
                .map(|found| &found.status)
        };
        status.map_or_else(|| AVAILABLE.to_owned(), |status| status.as_ref().to_owned())
    }

    fn members(&self) -> impl Iterator<Item = &Original> {
        self.originals.iter().skip(1)
    }

    /// The first difference of the original's members from their expected state. A member that a person removed does not
    /// count.
    fn members_at_home(&self, world: &WorldState) -> Option<String> {
        self.members().find_map(|member| {
            let without_us = self.without.instances.iter().find(|found| found.resource_id == member.resource_id)?;
            let Some(found) = world.instances.iter().find(|found| found.resource_id == member.resource_id) else {
                return (!self.is_deleted_by_people(&member.resource_id))
                    .then(|| format!("the member {} is gone", member.identifier));
            };
            if found.identifier != without_us.identifier && found.identifier != member.identifier {
                return Some(format!("the member {} is called {}", member.identifier, found.identifier));
            }
            // A person's change of the cluster under the service name did not reach a member that had another name then.
            let is_as_expected = found.status == without_us.status || is_in_service(found.status.as_ref());
            if !is_as_expected || !found.answers {
                return Some(format!("the member {} is {}", member.identifier, found.status.as_ref()));
            }
            (found.cluster.as_deref() != Some(self.identifier.as_str()))
                .then(|| format!("the member {} belongs to {:?}", member.identifier, found.cluster))
        })
    }

    fn members_restored(&self, world: &WorldState) -> Option<String> {
        let writer = self.before.cluster(&self.identifier).and_then(|found| found.members.first()).cloned();
        // A member that people removed is not expected, whether they removed the original or the restored one.
        let mut expected = self.members().filter(|member| !self.is_undone_by_people(&member.identifier));
        expected.find_map(|member| {
            let Some(found) = world.instance(&member.identifier) else {
                return Some(format!("there is no restored member {}", member.identifier));
            };
            if self.is_original(&found.resource_id) || found.cluster.as_deref() != Some(self.identifier.as_str()) {
                return Some(format!("{} is not a restored member", member.identifier));
            }
            if !is_in_service(found.status.as_ref()) || !found.answers {
                return Some(format!("the restored member {} is {}", member.identifier, found.status.as_ref()));
            }
            let is_moved = writer.as_ref() == Some(&member.identifier) && !found.is_writer;
            is_moved.then(|| format!("{} is not the writer any more", member.identifier))
        })
    }

    /// The target or a member that accepts no connections, or soon will not. One example is the time before the reboot of a
    /// rename. The status may still be `available`. A backup interrupts no client.
    pub(super) fn not_serving(&self, world: &WorldState) -> Option<String> {
        self.originals.iter().find_map(|original| {
            let found = if original.is_cluster {
                world.cluster(&original.identifier).map(|found| (found.status.as_ref(), found.answers, found.busy))
            } else {
                world.instance(&original.identifier).map(|found| (found.status.as_ref(), found.answers, found.busy))
            };
            match found {
                Some((AVAILABLE, true, false)) => None,
                Some((status, true, _)) if IN_SERVICE.contains(&status) => None,
                Some((AVAILABLE, true, true)) => Some(format!("{} only seems available", original.identifier)),
                Some((status, ..)) => {
                    (status != self.status_anyway(original)).then(|| format!("{} is {status}", original.identifier))
                }
                None => (!self.is_undone_by_people(&original.identifier))
                    .then(|| format!("nothing is called {}", original.identifier)),
            }
        })
    }

    pub(super) fn describe(&self, home: &Home) -> String {
        match home {
            Home::Original => format!("{} is the original", self.identifier),
            Home::Restored => format!("{} is a restored database", self.identifier),
            Home::Wrong(why) => format!("no database is available as {} ({why})", self.identifier),
        }
    }

    /// Whether a person wrote the claim under this name, or created the snapshot with the tags of its source. The run may
    /// not remove such a claim.
    fn people_claimed(&self, name: &str) -> bool {
        self.interventions.iter().any(|request| {
            let is_about = |parameter: &str| {
                request.parameters.get(parameter).is_some_and(|value| value.rsplit(':').next() == Some(name))
            };
            match request.action.as_str() {
                "AddTagsToResource" => is_about("ResourceName"),
                "CreateDBSnapshot" => is_about("DBSnapshotIdentifier"),
                "CreateDBClusterSnapshot" => is_about("DBClusterSnapshotIdentifier"),
                _ => false,
            }
        })
    }

    /// The missing steps of a successful run, and its leftovers.
    pub(super) fn undone(&self, world: &WorldState) -> Vec<String> {
        let mut undone = Vec::new();
        if self.restores() {
            for original in self.originals.iter().filter(|original| original.is_in(world)) {
                undone.push(format!("the original {} still exists", original.identifier));
            }
            let restored: Vec<String> =
                self.members().map(|member| format!("instance {}", member.identifier)).collect();
            let kind = if self.is_cluster { "cluster" } else { "instance" };
            let planned = format!("{kind} {}", self.identifier);
            for stray in self
                .restored(world)
                .into_iter()
                .map(|stray| stray.to_string())
                .filter(|name| *name != planned && !restored.contains(name))
            {
                // RDS itself names the members of a Multi-AZ DB cluster.
                undone.push(format!("{stray} is left"));
            }
        }
        if self.takes_snapshot() && !self.people_deleted_a_snapshot() {
            match self.snapshot(world, "-snapshot") {
                Some((status, created)) if status == AVAILABLE && created >= 0.0 => {}
                found => undone.push(format!("{}-snapshot is {found:?}", self.identifier)),
            }
            let is_a_persons = self.people_claimed(&format!("{}-temp", self.identifier));
            if !is_a_persons && self.snapshot(self.before, "-temp").is_none() && self.snapshot(world, "-temp").is_some()
            {
                undone.push(format!("the snapshot {}-temp is left", self.identifier));
            }
        }
        undone.extend(self.marks(world).into_iter().map(|mark| format!("a mark is left on {}", mark.on)));
        undone
    }

    /// The status and the creation time of a snapshot of the target's kind.
    fn snapshot(&self, world: &WorldState, suffix: &str) -> Option<(String, f64)> {
        let name = format!("{}{suffix}", self.identifier);
        if self.is_cluster {
            world.cluster_snapshot(&name).map(|found| (found.status.as_ref().to_owned(), found.created_seconds))
        } else {
            world.snapshot(&name).map(|found| (found.status.as_ref().to_owned(), found.created_seconds))
        }
    }

    pub(super) fn had_snapshot(&self) -> bool {
        self.snapshot(self.before, "-snapshot").is_some_and(|(status, _)| status == AVAILABLE)
    }

    /// Whether the snapshot exists, or the one that is about to replace it.
    pub(super) fn has_snapshot(&self, world: &WorldState) -> bool {
        ["-snapshot", "-temp"]
            .into_iter()
            .any(|suffix| self.snapshot(world, suffix).is_some_and(|(status, _)| status == AVAILABLE))
    }

    /// Databases that are new, that no person created, and that no person took for another use.
    pub(super) fn restored(&self, world: &WorldState) -> Vec<Stray> {
        let known: BTreeSet<&str> = self
            .before
            .instances
            .iter()
            .map(|found| found.resource_id.as_str())
            .chain(self.before.clusters.iter().map(|found| found.resource_id.as_str()))
            .collect();
        let instances = world.instances.iter().map(|found| Stray {
            is_cluster: false,
            identifier: found.identifier.clone(),
            resource_id: found.resource_id.clone(),
            status: found.status.as_ref().to_owned(),
            cluster: found.cluster.clone(),
        });
        let clusters = world.clusters.iter().map(|found| Stray {
            is_cluster: true,
            identifier: found.identifier.clone(),
            resource_id: found.resource_id.clone(),
            status: found.status.as_ref().to_owned(),
            cluster: None,
        });
        instances
            .chain(clusters)
            .filter(|found| !known.contains(found.resource_id.as_str()))
            .filter(|found| !self.is_made_by_people(&found.resource_id))
            .filter(|found| !self.is_where_people_took_it(world, &found.resource_id))
            .collect()
    }

    /// New tags of Trapheus. An interrupted replacement of the snapshot keeps its tags. So does the final snapshot of a
    /// database that a run created.
    pub(super) fn marks(&self, world: &WorldState) -> Vec<Mark> {
        let before = marked(self.before);
        let replacement = ["-snapshot", "-temp"].map(|suffix| format!("snapshot {}{suffix}", self.identifier));
        marked(world)
            .difference(&before)
            .filter(|mark| {
                let name = mark.on.rsplit(' ').next().unwrap_or(&mark.on);
                let is_theirs =
                    self.is_made_by_people(&mark.resource_id) || self.is_where_people_took_it(world, &mark.resource_id);
                let is_last = !mark.on_database && self.is_made_by_runs(&mark.resource_id);
                // The claim on a cluster covers its members. Older claims on the members do not count.
                let cluster = world.instance(name).and_then(|member| member.cluster.as_deref());
                let is_claimed = std::iter::once(name).chain(cluster).any(|name| self.people_claimed(name));
                !is_claimed && !is_theirs && !is_last
            })
            .filter(|Marked { on, key, value, .. }| {
                let is_interrupted = replacement.contains(on)
                    && (key.ends_with("role") && value == "snapshot" || key.ends_with("execution"));
                !is_interrupted
            })
            .map(|Marked { on, key, on_database, .. }| Mark { on: format!("{on} ({key})"), on_database: *on_database })
            .collect()
    }

    /// Whether people renamed the database with the target's name.
    pub(super) fn people_renamed_home(&self) -> bool {
        self.interventions.iter().any(|request| {
            ["DBInstanceIdentifier", "DBClusterIdentifier"].iter().any(|parameter| {
                request.parameters.contains_key(&format!("New{parameter}"))
                    && request.parameters.get(*parameter) == Some(&self.identifier)
            })
        })
    }

    pub(super) fn people_deleted_a_snapshot(&self) -> bool {
        self.interventions
            .iter()
            .any(|request| matches!(request.action.as_str(), "DeleteDBSnapshot" | "DeleteDBClusterSnapshot"))
    }

    /// Whether people deleted the snapshot, or its replacement after the run had deleted the old one.
    pub(super) fn people_took_the_snapshot(&self) -> bool {
        let deletes = |request: &&RecordedRequest| {
            is_granted(request) && matches!(request.action.as_str(), "DeleteDBSnapshot" | "DeleteDBClusterSnapshot")
        };
        let is = |request: &RecordedRequest, suffix: &str| {
            request.parameters.values().any(|value| value.strip_prefix(&self.identifier) == Some(suffix))
        };
        let by_people = |request: &&RecordedRequest| request.caller == OPERATOR;
        let deletions = self.requests.iter().filter(deletes);
        let mut of_either = deletions.filter(|request| is(request, "-snapshot") || is(request, "-temp"));
        of_either.clone().filter(by_people).any(|request| is(request, "-snapshot"))
            || of_either.next_back().as_ref().is_some_and(by_people)
    }

    /// Bystanders that differ from their state without the run.
    pub(super) fn harmed_bystanders(&self, without: &WorldState, after: &WorldState) -> Vec<String> {
        let mut harmed = Vec::new();
        let bystanders = without.instances.iter().filter(|found| !self.is_original(&found.resource_id));
        for before in bystanders.filter(|found| !self.is_reader_of_target(found)) {
            let Some(known) = self.before.instances.iter().find(|known| known.resource_id == before.resource_id) else {
                continue;
            };
            let now = after.instances.iter().find(|found| found.resource_id == known.resource_id);
            harmed.extend(difference("instance", &before.identifier, before, now));
        }
        for before in without.clusters.iter().filter(|found| !self.is_original(&found.resource_id)) {
            let Some(known) = self.before.clusters.iter().find(|known| known.resource_id == before.resource_id) else {
                continue;
            };
            let now = after.clusters.iter().find(|found| found.resource_id == known.resource_id);
            harmed.extend(difference("cluster", &before.identifier, before, now));
        }
        for before in without.snapshots.iter().filter(|found| !self.is_our_snapshot(false, &found.identifier)) {
            let now = after.snapshot(&before.identifier);
            // A new snapshot has the name and the tags that its source has at that moment.
            let is_new = self.before.snapshot(&before.identifier).is_none();
            let is_as_made = now.is_some() && (is_new || self.is_undone_by_people(&before.identifier));
            harmed.extend(difference("snapshot", &before.identifier, before, now).filter(|_| !is_as_made));
        }
        for before in without.cluster_snapshots.iter().filter(|found| !self.is_our_snapshot(true, &found.identifier)) {
            let now = after.cluster_snapshot(&before.identifier);
            let is_new = self.before.cluster_snapshot(&before.identifier).is_none();
            let is_as_made = now.is_some() && (is_new || self.is_undone_by_people(&before.identifier));
            harmed.extend(difference("cluster snapshot", &before.identifier, before, now).filter(|_| !is_as_made));
        }
        for made in self.made_by_people() {
            let id = &made.resource_id;
            let instances = after.instances.iter().map(|found| (&found.resource_id, &found.identifier));
            let clusters = after.clusters.iter().map(|found| (&found.resource_id, &found.identifier));
            let now = instances.chain(clusters).find(|(found, _)| *found == id).map(|(_, name)| name);
            match now {
                None if !self.is_undone_by_people(&made.identifier) && !self.people_did("DeleteDB", id) => {
                    harmed.push(format!("{}, which a person made meanwhile, is gone", made.identifier));
                }
                Some(name) if *name != made.identifier && !self.is_renamed_by_people(id) => {
                    harmed.push(format!("{}, which a person made meanwhile, is called {name}", made.identifier));
                }
                _ => {}
            }
        }
        harmed
    }

    /// Whether the run may use the snapshot's name. It always replaces `-snapshot`, and `-temp` unless that existed before.
    fn is_our_snapshot(&self, is_cluster: bool, name: &str) -> bool {
        is_cluster == self.is_cluster
            && (self.replaces_snapshot && name == format!("{}-snapshot", self.identifier)
                || name == format!("{}-temp", self.identifier) && !self.is_strange_replacement())
    }

    /// Whether a snapshot with the temporary name existed before the run, without a tag of an earlier run.
    fn is_strange_replacement(&self) -> bool {
        let name = format!("{}-temp", self.identifier);
        let tags = if self.is_cluster {
            self.before.cluster_snapshot(&name).map(|found| &found.tags)
        } else {
            self.before.snapshot(&name).map(|found| &found.tags)
        };
        tags.is_some_and(|tags| !tags.keys().any(|key| key.starts_with(OUR_TAGS)))
    }

    /// Whether people changed this setting on the target or a member, original or restored. The target and its members have
    /// many settings in common.
    fn people_changed(&self, key: &str) -> bool {
        let setting = key.rsplit('/').next().unwrap_or(key);
        self.interventions.iter().any(|request| {
            let is_about = touched(request).any(|id| self.is_original(id) || self.is_made_by_runs(id));
            is_about && request.parameters.keys().any(|name| name.eq_ignore_ascii_case(setting))
        })
    }

    /// A person who deletes or renames a database or snapshot does not expect it to stay.
    fn is_undone_by_people(&self, name: &str) -> bool {
        self.interventions.iter().any(|request| {
            let removes = request.action.starts_with("Delete")
                || request.parameters.contains_key("NewDBInstanceIdentifier")
                || request.parameters.contains_key("NewDBClusterIdentifier");
            removes && request.parameters.values().any(|value| value.eq_ignore_ascii_case(name))
        })
    }

    /// Settings and tags of the target and its members that differ from before, and that no person changed.
    pub(super) fn changed_settings(&self, without: &WorldState, after: &WorldState) -> Vec<Difference> {
        let mut all = Vec::new();
        for original in &self.originals {
            let [before, anyway] = [self.before, without].map(|world| settings_by_id(world, original));
            let (Some(before), Some(now)) = (before, settings_by_name(after, original)) else { continue };
            for key in before.keys().chain(now.keys()).collect::<BTreeSet<_>>() {
                // RDS chooses the zones of a cluster's storage, and gives secrets new names.
                if key == "settings/availabilityZones" || key.starts_with("tags/trapheus:") {
                    continue;
                }
                let is_the_persons =
                    anyway.as_ref().is_some_and(|anyway| anyway.get(key) == now.get(key)) || self.people_changed(key);
                if before.get(key) != now.get(key) && !is_the_persons {
                    all.push(Difference {
                        identifier: original.identifier.clone(),
                        key: key.clone(),
                        before: before.get(key).cloned(),
                        after: now.get(key).cloned(),
                    });
                }
            }
        }
        all
    }
}

/// The inputs of this run and of those beside it.
fn inputs_of_runs<'a>(evidence: &Evidence<'a>) -> impl Iterator<Item = &'a Value> {
    let report = evidence.report;
    std::iter::once(&report.input).chain(report.others.iter().map(|other| &other.input))
}

fn takes_snapshot(input: &Value) -> bool {
    input["dryRun"] != true && matches!(input["task"].as_str(), Some("create_snapshot" | "create_snapshot_only"))
}

fn originals(before: &WorldState, identifier: &str, is_cluster: bool) -> Vec<Original> {
    let instance = |found: &InstanceState| Original {
        identifier: found.identifier.clone(),
        resource_id: found.resource_id.clone(),
        is_cluster: false,
    };
    if !is_cluster {
        return before.instance(identifier).map(instance).into_iter().collect();
    }
    let Some(cluster) = before.cluster(identifier) else { return Vec::new() };
    let target =
        Original { identifier: cluster.identifier.clone(), resource_id: cluster.resource_id.clone(), is_cluster: true };
    let members = cluster.members.iter().filter(|member| !member.starts_with(AUTO_SCALED));
    let members = members.filter_map(|member| before.instance(member)).map(instance);
    std::iter::once(target).chain(members).collect()
}

/// The requests of people that RDS accepted.
pub(super) fn interventions(requests: &[RecordedRequest]) -> impl Iterator<Item = &RecordedRequest> {
    requests.iter().filter(|request| request.caller == OPERATOR && request.outcome == Outcome::Ok)
}

/// The resource ids of the databases that a request is about. A snapshot may have the same name as another kind's.
pub(super) fn touched(request: &RecordedRequest) -> impl Iterator<Item = &str> {
    let about = ["DBInstanceIdentifier", "DBClusterIdentifier", "ResourceName"];
    let about = about.map(|parameter| request.parameters.get(parameter).and_then(|value| value.rsplit(':').next()));
    let about_tags = request.action.contains("Resource");
    let about_clusters = request.action.contains("Cluster");
    let named = request.resources.iter().filter(move |(resource, _)| {
        let Some((kind, name)) = resource.split_once(':') else { return false };
        let is_kind = if about_tags { matches!(kind, "db" | "cluster") } else { (kind == "cluster") == about_clusters };
        is_kind && about.iter().flatten().any(|wanted| wanted.eq_ignore_ascii_case(name))
    });
    named.map(|(_, found)| found.resource_id.as_str()).filter(|id| !id.is_empty())
}

pub(super) fn is_granted(request: &RecordedRequest) -> bool {
    matches!(request.outcome, Outcome::Ok | Outcome::ResponseLost)
}

/// Whether RDS granted the request, and the request does more than read.
fn is_change(request: &RecordedRequest) -> bool {
    let looks = request.action.starts_with("Describe") || request.action.starts_with("List");
    request.service == Service::Rds && !looks && is_granted(request)
}

fn is_rename(request: &RecordedRequest) -> bool {
    ["NewDBInstanceIdentifier", "NewDBClusterIdentifier"].iter().any(|name| request.parameters.contains_key(*name))
}

/// The name that a request gives to a database, existing or new.
fn given_name(request: &RecordedRequest) -> Option<String> {
    let of = |parameter: &str| request.parameters.get(parameter).map(|name| name.to_ascii_lowercase());
    match request.action.as_str() {
        "ModifyDBInstance" => of("NewDBInstanceIdentifier"),
        "ModifyDBCluster" => of("NewDBClusterIdentifier"),
        "CreateDBCluster" | "RestoreDBClusterFromSnapshot" => of("DBClusterIdentifier"),
        "CreateDBInstance" | "RestoreDBInstanceFromDBSnapshot" => of("DBInstanceIdentifier"),
        _ => None,
    }
}

/// A tag of Trapheus, and the resource that carries it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Marked {
    /// The kind and the name.
    on: String,
    key: String,
    value: String,
    on_database: bool,
    /// The resource id of the database, or of the snapshot's source.
    resource_id: String,
}

/// All tags of Trapheus in the world.
fn marked(world: &WorldState) -> BTreeSet<Marked> {
    let instances = world.instances.iter();
    let instances = instances.map(|found| (format!("instance {}", found.identifier), &found.tags, &found.resource_id));
    let clusters = world.clusters.iter();
    let clusters = clusters.map(|found| (format!("cluster {}", found.identifier), &found.tags, &found.resource_id));
    let snapshots = world.snapshots.iter();
    let snapshots =
        snapshots.map(|found| (format!("snapshot {}", found.identifier), &found.tags, &found.source_resource_id));
    let cluster_snapshots = world.cluster_snapshots.iter();
    let cluster_snapshots = cluster_snapshots
        .map(|found| (format!("snapshot {}", found.identifier), &found.tags, &found.source_resource_id));
    instances
        .chain(clusters)
        .chain(snapshots)
        .chain(cluster_snapshots)
        .flat_map(|(on, tags, resource_id)| {
            tags.iter().map(move |(key, value)| Marked {
                on_database: !on.starts_with("snapshot "),
                on: on.clone(),
                key: key.clone(),
                value: value.clone(),
                resource_id: resource_id.clone(),
            })
        })
        .filter(|mark| mark.key.starts_with(OUR_TAGS))
        .collect()
}

/// The difference of a bystander from its former state.
fn difference<T: Serialize + PartialEq>(kind: &str, name: &str, before: &T, now: Option<&T>) -> Option<String> {
    let Some(now) = now else { return Some(format!("the {kind} {name} is gone")) };
    if before == now {
        return None;
    }
    let [before, now] = [before, now].map(|state| flat(&serde_json::to_value(state).unwrap_or_default()));
    let keys: Vec<&String> = before.keys().chain(now.keys()).collect::<BTreeSet<_>>().into_iter().collect();
    let changed: Vec<String> = keys
        .into_iter()
        .filter(|key| before.get(*key) != now.get(*key))
        .map(|key| {
            let shown = |value: Option<&Value>| value.map_or_else(|| "nothing".to_owned(), Value::to_string);
            format!("{key} would be {} and is {}", shown(before.get(key)), shown(now.get(key)))
        })
        .collect();
    (!changed.is_empty()).then(|| format!("the {kind} {name} was changed: {}", changed.join(", ")))
}

/// The fields of an object, with those of inner objects by path. The time of creation does not count as a difference.
fn flat(value: &Value) -> BTreeMap<String, Value> {
    fn walk(prefix: &str, fields: &Map<String, Value>, all: &mut BTreeMap<String, Value>) {
        for (key, value) in fields {
            let path = if prefix.is_empty() { key.clone() } else { format!("{prefix}/{key}") };
            match value {
                Value::Object(fields) => walk(&path, fields, all),
                value => {
                    all.insert(path, value.clone());
                }
            }
        }
    }
    let mut all = BTreeMap::new();
    if let Value::Object(fields) = value {
        walk("", fields, &mut all);
    }
    all.remove("createdSeconds");
    all
}

fn settings_by_id(world: &WorldState, original: &Original) -> Option<BTreeMap<String, Value>> {
    if original.is_cluster {
        let found = world.clusters.iter().find(|found| found.resource_id == original.resource_id)?;
        Some(described(&found.settings, &found.tags, &found.engine, found.secret_arn.is_some()))
    } else {
        let found = world.instances.iter().find(|found| found.resource_id == original.resource_id)?;
        Some(described(&found.settings, &found.tags, &found.engine, found.secret_arn.is_some()))
    }
}

fn settings_by_name(world: &WorldState, original: &Original) -> Option<BTreeMap<String, Value>> {
    if original.is_cluster {
        let found = world.cluster(&original.identifier)?;
        Some(described(&found.settings, &found.tags, &found.engine, found.secret_arn.is_some()))
    } else {
        let found = world.instance(&original.identifier)?;
        Some(described(&found.settings, &found.tags, &found.engine, found.secret_arn.is_some()))
    }
}

fn described(
    settings: &impl Serialize,
    tags: &BTreeMap<String, String>,
    engine: &str,
    has_secret: bool,
) -> BTreeMap<String, Value> {
    let whole = serde_json::json!({
        "settings": settings, "tags": tags, "engine": engine, "hasManagedSecret": has_secret,
    });
    flat(&whole)
}
