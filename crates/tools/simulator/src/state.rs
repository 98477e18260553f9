//! The present world and its changes: a queue of steps on the simulator's clock.
//!
//! Nothing runs in the background. Every access to the world first calls [`State::advance`], which applies the due steps in
//! order, each at its own time. An operation is a *sequence* of steps. A new sequence on a resource voids the rest of the
//! old one. Requests are in `actions/`.

use std::collections::BTreeMap;

use crate::backups::Retained;
use crate::events::Event;
use crate::history::History;
use crate::offers::{Integration, Offers};
use crate::origins::Origins;
use crate::resources::{
    AVAILABLE, Cluster, ClusterSnapshot, ExportTask, Instance, InstanceSnapshot, Key, Life, ManagedSecret, Millis,
    Status, StorageWork, UnderWork,
};
use crate::settings::{ClusterSettings, InstanceSettings};
use crate::sharing::Foreign;
use crate::world::{
    ApplyStatus, BlueGreenSpec, ClusterEndpointSpec, GroupSpec, Lag, Limits, ProxySpec, SecurityGroupSpec, Shortage,
    Timings, Unverified,
};

/// The interval at which a cluster under deletion checks whether its last member is gone.
const MEMBER_POLL_MILLIS: Millis = 5000;

/// A resource that goes through sequences.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Target {
    Instance(Key),
    Cluster(Key),
    Snapshot(Key),
    ClusterSnapshot(Key),
    Export(Key),
}

/// One step of a sequence.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Step {
    /// The operation was accepted, but no status shows it yet.
    Linger,
    Show(Status),
    /// The modification under way takes effect.
    Apply,
    /// A rename: the old name stops answering.
    Vanish,
    /// A rename: the new name answers, as `renaming`.
    TakeName,
    /// A rename: the status is `available` for a moment, before the reboot.
    FalseAvailable,
    /// RDS begins to work on the storage, for this number of seconds.
    StorageWork(StorageWork, f64),
    /// The work on the storage ends.
    StorageDone,
    /// The sequence ends: another operation may start.
    Available,
    /// The sequence ends in another status: `stopped`, or a status that lasts.
    End(Status),
    /// RDS starts a database that was stopped for too long.
    Restart,
    /// Another member of a cluster becomes the writer: the given one, or the best.
    FailOver(Option<Key>),
    /// The sequence ends with the removal of the resource.
    Gone,
}

/// The effects of a fault on the next sequence.
#[derive(Clone, Debug, Default)]
pub(crate) struct Spoiler {
    pub(crate) ends_in: Option<String>,
    /// Seconds added before the last step. If infinite, the step never comes.
    pub(crate) stuck: Option<f64>,
    pub(crate) hidden_for: Option<f64>,
    /// Seconds by which reads show the writes of the request later.
    pub(crate) late: Option<f64>,
}

/// The parts of a [`Spoiler`] that took effect.
#[derive(Clone, Copy, Debug, Default)]
#[expect(clippy::struct_excessive_bools, reason = "each says of one part whether it took effect")]
pub(crate) struct Spoiled {
    pub(crate) ends_in: bool,
    pub(crate) stuck: bool,
    pub(crate) hidden: bool,
    pub(crate) late: bool,
    /// Whether a read of executions missed a change that a fresh read shows.
    pub(crate) stale: bool,
}

/// Parameter, option and subnet groups.
#[derive(Debug, Default)]
pub(crate) struct Groups {
    pub(crate) parameter: Vec<GroupSpec>,
    pub(crate) cluster_parameter: Vec<GroupSpec>,
    pub(crate) option: Vec<GroupSpec>,
    pub(crate) subnet: Vec<GroupSpec>,
}

/// Everything that exists.
#[derive(Debug)]
pub(crate) struct State {
    pub(crate) now: Millis,
    /// Unix milliseconds at which the simulator was created.
    pub(crate) start: i64,
    pub(crate) rng: fastrand::Rng,
    pub(crate) region: String,
    pub(crate) account: String,
    pub(crate) timings: Timings,
    pub(crate) limits: Limits,
    pub(crate) lag: Lag,
    pub(crate) unverified: Unverified,
    pub(crate) instances: BTreeMap<Key, Instance>,
    pub(crate) clusters: BTreeMap<Key, Cluster>,
    pub(crate) snapshots: BTreeMap<Key, InstanceSnapshot>,
    pub(crate) cluster_snapshots: BTreeMap<Key, ClusterSnapshot>,
    /// Snapshots of other accounts and regions.
    pub(crate) foreign_snapshots: Vec<Foreign<InstanceSettings>>,
    pub(crate) foreign_cluster_snapshots: Vec<Foreign<ClusterSettings>>,
    /// The region that the request under way was signed for.
    pub(crate) asked_region: Option<String>,
    pub(crate) exports: BTreeMap<Key, ExportTask>,
    pub(crate) groups: Groups,
    pub(crate) proxies: Vec<ProxySpec>,
    pub(crate) cluster_endpoints: Vec<ClusterEndpointSpec>,
    pub(crate) blue_green_deployments: Vec<BlueGreenSpec>,
    pub(crate) retained_backups: Vec<Retained<InstanceSettings>>,
    pub(crate) retained_cluster_backups: Vec<Retained<ClusterSettings>>,
    /// Resource ids of deleted databases whose retained backups have expired.
    pub(crate) expired_backups: Vec<String>,
    pub(crate) offers: Offers,
    pub(crate) security_groups: Vec<SecurityGroupSpec>,
    pub(crate) integrations: Vec<Integration>,
    pub(crate) granted: Vec<String>,
    pub(crate) failing_members: Vec<String>,
    pub(crate) without_capacity: BTreeMap<String, Shortage>,
    pub(crate) events: Vec<Event>,
    pub(crate) spoiler: Spoiler,
    pub(crate) spoiled: Spoiled,
    pub(crate) history: History,
    pub(crate) origins: Origins,
    queue: BTreeMap<(Millis, u32), (Target, u32, Step)>,
    counter: u32,
}

impl State {
    pub(crate) fn empty(start: i64, seed: u64, world: &crate::world::World) -> Self {
        Self {
            now: 0,
            start,
            rng: fastrand::Rng::with_seed(seed),
            region: world.region.clone(),
            account: world.account.clone(),
            timings: world.timings.clone(),
            limits: world.limits.clone(),
            lag: world.lag.clone(),
            unverified: world.unverified.clone(),
            instances: BTreeMap::new(),
            clusters: BTreeMap::new(),
            snapshots: BTreeMap::new(),
            cluster_snapshots: BTreeMap::new(),
            foreign_snapshots: Vec::new(),
            foreign_cluster_snapshots: Vec::new(),
            asked_region: None,
            exports: BTreeMap::new(),
            groups: Groups::default(),
            proxies: world.proxies.clone(),
            cluster_endpoints: world.cluster_endpoints.clone(),
            blue_green_deployments: world.blue_green_deployments.clone(),
            retained_backups: Vec::new(),
            retained_cluster_backups: Vec::new(),
            expired_backups: Vec::new(),
            offers: Offers::default(),
            security_groups: world.security_groups.clone(),
            integrations: Vec::new(),
            granted: world.granted.clone(),
            failing_members: world.failing_members.clone(),
            without_capacity: world.without_capacity.clone(),
            events: Vec::new(),
            spoiler: Spoiler::default(),
            spoiled: Spoiled::default(),
            history: History::default(),
            origins: Origins::default(),
            queue: BTreeMap::new(),
            counter: 0,
        }
    }

    /// A number that was never used before. It serves as a key, and orders the steps due at the same time.
    pub(crate) fn fresh_key(&mut self) -> Key {
        self.counter += 1;
        self.counter
    }

    /// The number used last.
    pub(crate) fn last_key(&self) -> Key {
        self.counter
    }

    /// Unix milliseconds now.
    pub(crate) fn wall_clock(&self) -> i64 {
        self.start.saturating_add_unsigned(self.now)
    }

    /// A resource id in the form of RDS: a prefix and 26 letters and digits.
    pub(crate) fn fresh_resource_id(&mut self, prefix: &str) -> String {
        let mut id = String::with_capacity(prefix.len() + 26);
        id.push_str(prefix);
        for _ in 0..26 {
            let digit = self.rng.u8(0..36);
            id.push(char::from(if digit < 26 { b'A' + digit } else { b'0' + digit - 26 }));
        }
        id
    }

    pub(crate) fn fresh_uuid(&mut self) -> String {
        let bits = self.rng.u128(..);
        let hex = format!("{bits:032x}");
        format!("{}-{}-{}-{}-{}", &hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..])
    }

    /// A secret for a master password; every secret is new.
    pub(crate) fn fresh_secret(&mut self, kind: &str, kms_key_id: Option<String>) -> ManagedSecret {
        let uuid = self.fresh_uuid();
        let arn = format!(
            "arn:{}:secretsmanager:{}:{}:secret:rds!{kind}-{uuid}",
            self.partition(),
            self.region,
            self.account
        );
        let kms_key_id = kms_key_id.unwrap_or_else(|| self.kms_arn("alias/aws/secretsmanager"));
        ManagedSecret { arn, kms_key_id }
    }

    pub(crate) fn partition(&self) -> &'static str {
        match self.region.split('-').next() {
            Some("cn") => "aws-cn",
            Some("us") if self.region.starts_with("us-gov-") => "aws-us-gov",
            _ => "aws",
        }
    }

    pub(crate) fn arn(&self, kind: &str, identifier: &str) -> String {
        format!("arn:{}:rds:{}:{}:{kind}:{identifier}", self.partition(), self.region, self.account)
    }

    pub(crate) fn kms_arn(&self, key: &str) -> String {
        format!("arn:{}:kms:{}:{}:{key}", self.partition(), self.region, self.account)
    }

    /// Applies every step due by `now`.
    pub(crate) fn advance(&mut self, now: Millis) {
        while let Some(entry) = self.queue.first_entry() {
            let due = entry.key().0;
            if due > now {
                break;
            }
            let (target, generation, step) = entry.remove();
            self.now = due;
            if self.life(target).is_some_and(|life| life.generation == generation) {
                self.apply(target, step);
                self.observe();
            }
        }
        self.now = self.now.max(now);
        self.expire_backups();
    }

    /// The time of the next step. The restart of a stopped database after seven days does not count.
    pub(crate) fn next_step(&self) -> Option<Millis> {
        let mut awaited = self.queue.iter().filter(|(_, (_, _, step))| *step != Step::Restart);
        awaited.next().map(|((due, _), _)| *due)
    }

    /// Puts a step of the sequence under way into the queue.
    fn schedule(&mut self, target: Target, due: Millis, step: Step) {
        let order = self.fresh_key();
        if let Some(generation) = self.life(target).map(|life| life.generation) {
            self.queue.insert((due, order), (target, generation, step));
        }
    }

    /// Records which names answer, and whether any operation is under way.
    pub(crate) fn observe(&mut self) {
        let is_working = self.instances.values().any(|instance| instance.life.busy)
            || self.clusters.values().any(|cluster| cluster.life.busy)
            || self.snapshots.values().any(|snapshot| snapshot.life.busy)
            || self.cluster_snapshots.values().any(|snapshot| snapshot.life.busy);
        let clusters = self.clusters.values().map(|cluster| {
            let writer = cluster.writer.and_then(|key| self.instances.get(&key));
            let serves = cluster.life.serves() && writer.is_some_and(|writer| writer.life.serves());
            (true, cluster.life.identifier.as_str(), serves, cluster.resource_id.as_str())
        });
        let instances = self.instances.values().map(|instance| {
            (false, instance.life.identifier.as_str(), instance.life.serves(), instance.resource_id.as_str())
        });
        let all: Vec<_> = instances.chain(clusters).collect();
        for (is_cluster, name, _, resource_id) in all.iter().filter(|(_, _, serves, _)| *serves) {
            self.origins.note_serving(self.now, *is_cluster, resource_id, name);
        }
        let all = all.into_iter().map(|(is_cluster, name, serves, _)| (is_cluster, name, serves));
        self.history.observe(self.now, is_working, all);
    }

    pub(crate) fn life(&mut self, target: Target) -> Option<&mut Life> {
        match target {
            Target::Instance(key) => self.instances.get_mut(&key).map(|found| &mut found.life),
            Target::Cluster(key) => self.clusters.get_mut(&key).map(|found| &mut found.life),
            Target::Snapshot(key) => self.snapshots.get_mut(&key).map(|found| &mut found.life),
            Target::ClusterSnapshot(key) => self.cluster_snapshots.get_mut(&key).map(|found| &mut found.life),
            Target::Export(key) => self.exports.get_mut(&key).map(|found| &mut found.life),
        }
    }

    /// A duration in milliseconds, with jitter drawn from the seed.
    pub(crate) fn spread(&mut self, seconds: f64) -> Millis {
        let jitter = self.timings.jitter.clamp(0.0, 1.0);
        let factor = 1.0 + jitter * (2.0 * self.rng.f64() - 1.0);
        millis(seconds * factor)
    }

    /// Starts a sequence. Each step comes the given seconds after the one before. Steps without a delay are taken at once.
    pub(crate) fn start(&mut self, target: Target, steps: Vec<(f64, Step)>) {
        let spoiler = std::mem::take(&mut self.spoiler);
        // In a rename, `hidden_for` prolongs the time in which the database has no name.
        let renames = steps.iter().any(|(_, step)| *step == Step::TakeName);
        let nameless = spoiler.hidden_for.filter(|_| renames).unwrap_or(0.0);
        let late = spoiler.late.filter(|_| renames).map_or(0, millis);
        let removes = steps.iter().any(|(_, step)| *step == Step::Gone);
        let now = self.now;
        let Some(life) = self.life(target) else { return };
        life.generation += 1;
        let generation = life.generation;
        let mut is_hidden = nameless > 0.0;
        match spoiler.hidden_for {
            // A caller must have found a resource to delete it, so a deletion makes it visible.
            _ if removes => life.visible_from = 0,
            Some(seconds) if life.is_fresh() => {
                life.visible_from = now.saturating_add(millis(seconds));
                is_hidden = true;
            }
            _ => {}
        }
        if renames {
            life.rename_late = late;
        }
        self.spoiled.late |= late > 0;
        self.spoiled.hidden |= is_hidden;
        self.spoiled.stuck |= spoiler.stuck.is_some();
        self.spoiled.ends_in |= spoiler.ends_in.is_some() && !removes && spoiler.stuck.is_none_or(f64::is_finite);
        let mut due = self.now;
        let last = steps.len().saturating_sub(1);
        for (index, (seconds, mut step)) in steps.into_iter().enumerate() {
            due = due.saturating_add(self.spread(seconds));
            if step == Step::TakeName {
                due = due.saturating_add(millis(nameless));
            }
            if index == last {
                match spoiler.stuck {
                    Some(seconds) if seconds.is_infinite() => return,
                    Some(seconds) => due = due.saturating_add(millis(seconds)),
                    None => {}
                }
                if let (Some(status), false) = (&spoiler.ends_in, step == Step::Gone) {
                    step = Step::End(status.clone().into());
                }
            }
            if due == self.now {
                self.apply(target, step);
            } else {
                let order = self.fresh_key();
                self.queue.insert((due, order), (target, generation, step));
            }
        }
    }

    fn apply(&mut self, target: Target, step: Step) {
        self.lead_members(target, &step);
        self.note(target, &step);
        let now = self.now;
        let Some(life) = self.life(target) else { return };
        match step {
            Step::Linger => life.busy = true,
            Step::Show(status) => {
                if status == "deleting" {
                    life.halted.get_or_insert(now);
                }
                let is_backed_up = status == "backing-up";
                life.status = status;
                life.busy = true;
                self.note_extraction(target);
                // A cluster shows its first backup while RDS makes it.
                if is_backed_up && matches!(target, Target::Cluster(_)) {
                    self.note_first_backup(target);
                }
            }
            Step::Vanish => life.answers = false,
            Step::FalseAvailable => life.status = AVAILABLE,
            Step::Apply => self.apply_modification(target),
            Step::TakeName => {
                self.take_name(target);
                if let Some(life) = self.life(target) {
                    life.answers = true;
                    life.served = false;
                    life.status = "renaming".into();
                }
                self.apply_modification(target);
            }
            Step::StorageWork(work, seconds) => {
                life.storage = Some(UnderWork { work, from: now, until: now.saturating_add(millis(seconds)) });
            }
            Step::StorageDone => {
                life.storage = None;
                life.status = AVAILABLE;
            }
            Step::Available => self.arrive(target),
            Step::End(status) => {
                let stops = status == "stopped";
                life.status = status;
                life.busy = false;
                life.halted.get_or_insert(now);
                self.settle(target, false);
                if stops {
                    self.restart_one_day(target);
                }
            }
            Step::Restart => self.restart(target),
            Step::FailOver(successor) => self.complete_failover(target, successor),
            Step::Gone if self.has_members_to_wait_for(target) => {
                self.schedule(target, now.saturating_add(MEMBER_POLL_MILLIS), Step::Gone);
            }
            Step::Gone => self.remove(target),
        }
    }

    /// The end of an operation: `available`, or the status of a database that does not start.
    fn arrive(&mut self, target: Target) {
        let rebooted = self.life(target).is_some_and(|life| life.status == "rebooting");
        let starts = !self.has_parameters_that_do_not_start(target, rebooted);
        let now = self.now;
        let Some(life) = self.life(target) else { return };
        life.busy = false;
        life.served |= starts;
        life.status = if starts { AVAILABLE } else { "incompatible-parameters".into() };
        life.halted = if starts { None } else { life.halted.or(Some(now)) };
        let under_work = life.storage.filter(|storage| starts && storage.until > now);
        life.storage = under_work;
        if let Some(storage) = under_work {
            life.status = storage.work.status().into();
        }
        self.settle(target, rebooted);
        self.finish_upgrade(target);
        if let Some(storage) = under_work {
            self.schedule(target, storage.until, Step::StorageDone);
        }
    }

    /// Whether the parameter group that takes effect now prevents the database from starting.
    fn has_parameters_that_do_not_start(&self, target: Target, rebooted: bool) -> bool {
        let Target::Instance(key) = target else { return false };
        let Some(instance) = self.instances.get(&key) else { return false };
        let comes_into_force =
            instance.created.is_none() || (rebooted && instance.parameter_apply_status == ApplyStatus::PendingReboot);
        let mut groups = self.groups.parameter.iter().filter(|group| group.incompatible);
        let named = instance.settings.parameter_group.as_deref();
        comes_into_force && groups.any(|group| named.is_some_and(|named| named.eq_ignore_ascii_case(&group.name)))
    }

    /// RDS starts a stopped database after seven days, and a cluster together with its members.
    /// <https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/USER_StopInstance.html>
    fn restart_one_day(&mut self, target: Target) {
        let is_member = match target {
            Target::Instance(key) => self.instances.get(&key).is_some_and(|instance| instance.cluster.is_some()),
            _ => false,
        };
        if !is_member {
            let due = self.now.saturating_add(millis(self.timings.stopped));
            self.schedule(target, due, Step::Restart);
        }
    }

    /// Starts a stopped database. An Aurora cluster is available before its members are.
    pub(crate) fn restart(&mut self, target: Target) {
        let seconds = self.timings.start;
        let members = match target {
            Target::Cluster(key) => self.clusters.get(&key).map(|cluster| cluster.members.clone()).unwrap_or_default(),
            _ => Vec::new(),
        };
        let end = self.end_of_start(target);
        self.start(target, vec![(0.0, Step::Show("starting".into())), (seconds, end)]);
        for member in members {
            let end = self.end_of_start(Target::Instance(member));
            let steps = vec![(0.0, Step::Show("starting".into())), (seconds * 1.5, end)];
            self.start(Target::Instance(member), steps);
        }
    }

    /// The end of a start: `available`, unless RDS has no capacity for the instance.
    fn end_of_start(&mut self, target: Target) -> Step {
        let name = self.life(target).map(|life| life.identifier.clone()).unwrap_or_default();
        let is_instance = matches!(target, Target::Instance(_));
        if is_instance && self.without_capacity.contains_key(&name) {
            return Step::End("insufficient-capacity".into());
        }
        Step::Available
    }

    /// Gives a cluster its new writer.
    fn complete_failover(&mut self, target: Target, successor: Option<Key>) {
        let Target::Cluster(key) = target else { return };
        let Some(writer) = self.clusters.get(&key).and_then(|cluster| cluster.writer) else { return };
        let is_available = |key: &Key| self.instances.get(key).is_some_and(|found| found.life.status == AVAILABLE);
        match successor.filter(is_available) {
            Some(successor) => {
                if let Some(cluster) = self.clusters.get_mut(&key) {
                    cluster.writer = Some(successor);
                }
            }
            None => self.fail_over(key, writer),
        }
    }

    /// Puts the engine version of an upgraded snapshot into force.
    fn finish_upgrade(&mut self, target: Target) {
        if let Target::Snapshot(key) = target
            && let Some(snapshot) = self.snapshots.get_mut(&key)
            && let Some(upgraded) = snapshot.upgrading_to.take()
        {
            snapshot.settings.merge(upgraded);
        }
    }

    /// An Aurora cluster under deletion exists until its members are gone.
    fn has_members_to_wait_for(&self, target: Target) -> bool {
        let Target::Cluster(key) = target else { return false };
        self.clusters.get(&key).is_some_and(|cluster| cluster.is_aurora() && !cluster.members.is_empty())
    }

    /// The members of a Multi-AZ DB cluster go through the same steps as their cluster.
    fn lead_members(&mut self, target: Target, step: &Step) {
        let Target::Cluster(key) = target else { return };
        let Some(cluster) = self.clusters.get(&key).filter(|cluster| !cluster.is_aurora()) else { return };
        let (old_name, new_name) = (cluster.life.identifier.clone(), cluster.life.renaming_to.clone());
        let late = cluster.life.rename_late;
        for member in cluster.members.clone() {
            if *step == Step::TakeName
                && let (Some(new_name), Some(instance)) = (&new_name, self.instances.get_mut(&member))
                && let Some(suffix) = instance.life.identifier.strip_prefix(&old_name)
            {
                instance.life.renaming_to = Some(format!("{new_name}{suffix}"));
                instance.life.rename_late = late;
            }
            self.lead_member(member, as_of_member(step));
        }
    }

    /// A failed member takes new names and is deleted with its cluster. It ignores all other steps.
    fn lead_member(&mut self, key: Key, step: Step) {
        let Some(instance) = self.instances.get_mut(&key) else { return };
        let step = match step {
            Step::Available if instance.fails => Step::End("failed".into()),
            step => step,
        };
        let leaves = matches!(&step, Step::Gone) || matches!(&step, Step::Show(status) if status == "deleting");
        match step {
            Step::TakeName if instance.life.status == "failed" => {
                self.take_name(Target::Instance(key));
            }
            _ if instance.life.status == "failed" && !leaves => {}
            step => self.apply(Target::Instance(key), step),
        }
    }

    fn apply_modification(&mut self, target: Target) {
        match target {
            Target::Instance(key) => {
                if let Some(instance) = self.instances.get_mut(&key) {
                    let change = std::mem::take(&mut instance.applying);
                    instance.settings.merge(change);
                    instance.pending_identifier = None;
                    instance.pending_password = false;
                }
            }
            Target::Cluster(key) => {
                if let Some(cluster) = self.clusters.get_mut(&key) {
                    let change = std::mem::take(&mut cluster.applying);
                    cluster.settings.merge(change);
                    cluster.pending_identifier = None;
                    cluster.pending_password = false;
                }
                self.pass_on(key);
            }
            Target::Snapshot(_) | Target::ClusterSnapshot(_) | Target::Export(_) => {}
        }
    }

    /// Members run the engine version of their cluster. Members of a Multi-AZ DB cluster also have its class.
    fn pass_on(&mut self, key: Key) {
        let Some(cluster) = self.clusters.get(&key) else { return };
        let shared = InstanceSettings {
            engine_version: cluster.settings.engine_version.clone(),
            class: cluster.settings.class.clone(),
            iam_database_authentication: cluster.settings.iam_database_authentication,
            port: cluster.settings.port,
            ..InstanceSettings::default()
        };
        for member in &cluster.members {
            if let Some(instance) = self.instances.get_mut(member) {
                instance.settings.merge(shared.clone());
            }
        }
    }

    /// The settlement at the end of an operation: the creation time of a new database, and the groups that a reboot applied.
    fn settle(&mut self, target: Target, rebooted: bool) {
        // RDS backs a new database up before it is available or ends in a bad status.
        self.note_first_backup(target);
        let now = self.wall_clock();
        if let Target::Instance(key) = target
            && let Some(instance) = self.instances.get_mut(&key)
        {
            instance.created.get_or_insert(now);
            instance.option_group_status = ApplyStatus::InSync;
            if rebooted {
                instance.parameter_apply_status = ApplyStatus::InSync;
                instance.cluster_parameter_status = ApplyStatus::InSync;
            }
        }
        if let Target::Export(key) = target
            && let Some(task) = self.exports.get_mut(&key)
        {
            task.ended = Some(now);
        }
    }

    /// Records when an export began to write data.
    fn note_extraction(&mut self, target: Target) {
        let now = self.wall_clock();
        if let Target::Export(key) = target
            && let Some(task) = self.exports.get_mut(&key)
            && task.life.status == "in_progress"
        {
            task.extracting_since.get_or_insert(now);
        }
    }

    fn remove(&mut self, target: Target) {
        match target {
            Target::Instance(key) => self.remove_instance(key),
            Target::Cluster(key) => {
                if let Some(cluster) = self.clusters.remove(&key) {
                    self.fail_integrations(&cluster.resource_id);
                    if !cluster.keep_backups {
                        self.remove_automated_snapshots(&cluster.resource_id);
                    }
                    if cluster.keep_backups {
                        let backup = self.retained_of_cluster(&cluster);
                        self.retained_cluster_backups.push(backup);
                    }
                    cluster.members.into_iter().for_each(|member| self.remove_instance(member));
                }
            }
            Target::Snapshot(key) => {
                self.snapshots.remove(&key);
            }
            Target::ClusterSnapshot(key) => {
                self.cluster_snapshots.remove(&key);
            }
            Target::Export(key) => {
                self.exports.remove(&key);
            }
        }
    }

    fn remove_instance(&mut self, key: Key) {
        let Some(instance) = self.instances.remove(&key) else { return };
        self.fail_integrations(&instance.resource_id);
        if instance.keep_backups {
            let backup = self.retained_of_instance(&instance);
            self.retained_backups.push(backup);
        } else {
            self.remove_automated_snapshots(&instance.resource_id);
        }
        if let Some(cluster) = instance.cluster.and_then(|cluster| self.clusters.get_mut(&cluster)) {
            cluster.members.retain(|member| *member != key);
        }
        // RDS promotes read replicas in the same region.
        for replica in self.instances.values_mut().filter(|replica| replica.replica_of == Some(key)) {
            replica.replica_of = None;
        }
    }

    /// Makes another member the writer: the one with the lowest promotion tier, and the oldest among equals.
    pub(crate) fn fail_over(&mut self, cluster: Key, away_from: Key) {
        let Some(found) = self.clusters.get(&cluster) else { return };
        let successor = found
            .members
            .iter()
            .filter(|member| **member != away_from)
            .filter_map(|member| self.instances.get(member).map(|instance| (member, instance)))
            .filter(|(_, instance)| instance.life.status == AVAILABLE)
            .min_by_key(|(member, instance)| (instance.settings.promotion_tier.unwrap_or(1), **member))
            .map(|(member, _)| *member);
        if let (Some(successor), Some(found)) = (successor, self.clusters.get_mut(&cluster)) {
            found.writer = Some(successor);
        }
    }

    pub(crate) fn instance_named(&self, identifier: &str) -> Option<Key> {
        self.instances.iter().find(|(_, instance)| instance.life.is_named(identifier)).map(|(key, _)| *key)
    }

    pub(crate) fn cluster_named(&self, identifier: &str) -> Option<Key> {
        self.clusters.iter().find(|(_, cluster)| cluster.life.is_named(identifier)).map(|(key, _)| *key)
    }

    pub(crate) fn snapshot_named(&self, identifier: &str) -> Option<Key> {
        let name = self.own_name(identifier, "snapshot");
        self.snapshots.iter().find(|(_, snapshot)| snapshot.life.is_named(name)).map(|(key, _)| *key)
    }

    pub(crate) fn cluster_snapshot_named(&self, identifier: &str) -> Option<Key> {
        let name = self.own_name(identifier, "cluster-snapshot");
        self.cluster_snapshots.iter().find(|(_, snapshot)| snapshot.life.is_named(name)).map(|(key, _)| *key)
    }

    /// The settings of an instance after every change that is pending or under way.
    pub(crate) fn pending_of(instance: &Instance) -> InstanceSettings {
        let mut pending = instance.pending.clone();
        pending.merge(instance.applying.clone());
        pending.split_off(crate::settings::Effect::Queue)
    }

    pub(crate) fn cluster_pending_of(cluster: &Cluster) -> ClusterSettings {
        let mut pending = cluster.pending.clone();
        pending.merge(cluster.applying.clone());
        pending.split_off(crate::settings::Effect::Queue)
    }
}

/// A cluster's step as its members go through it: statuses such as `migrating` exist for clusters only.
fn as_of_member(step: &Step) -> Step {
    match step {
        Step::Show(status) if status == "migrating" => Step::Show("creating".into()),
        Step::Show(status) if status == "failing-over" => Step::Linger,
        Step::End(status) if matches!(status.as_ref(), "migration-failed" | "cloning-failed") => {
            Step::End("failed".into())
        }
        other => other.clone(),
    }
}

/// Seconds as milliseconds. Negative and absurd values are clamped.
#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
pub(crate) fn millis(seconds: f64) -> Millis {
    (seconds * 1000.0).clamp(0.0, 1e15).round() as Millis
}
