//! Builds a world from a world file: fills in defaults, resolves references, refuses impossible worlds.

use std::collections::BTreeMap;

use crate::backups::{Retained, Window};
use crate::engines;
use crate::error::ApiResult;
use crate::lag::Tagged;
use crate::names;
use crate::offers::{Integration, Offers};
use crate::query::Tags;
use crate::resources::{CloneGroup, Cluster, Instance, Key, Life, Snapshot, is_aurora};
use crate::settings::{ClusterSettings, InstanceSettings};
use crate::sharing::Foreign;
use crate::state::{Groups, State};
use crate::tags::without_reserved;
use crate::world::{
    ClusterSnapshotSpec, ClusterSpec, GroupSpec, InstanceSpec, MemberSpec, RetainedBackupSpec,
    RetainedClusterBackupSpec, SnapshotSpec, THIRTY_DAYS, World, WorldError,
};

/// The default age of the databases in the file.
const AGE_MILLIS: i64 = THIRTY_DAYS as i64 * HOUR_MILLIS;
const HOUR_MILLIS: i64 = 3600 * 1000;
/// The retention period in days of retained backups in the file.
const RETAINED_DAYS: u32 = 7;

/// Builds the world at `start` (Unix milliseconds).
pub(crate) fn build(world: &World, seed: u64, start: i64) -> Result<State, WorldError> {
    let mut builder = Builder { state: State::empty(start, seed, world), replicas: Vec::new() };
    // The zones and the VPC of a database depend on its subnet group.
    builder.state.groups.subnet.clone_from(&world.subnet_groups);
    builder.state.offers = offers(world);
    for (index, spec) in world.instances.iter().enumerate() {
        builder.instance(&format!("instances[{index}]"), spec)?;
    }
    for (index, spec) in world.clusters.iter().enumerate() {
        builder.cluster(&format!("clusters[{index}]"), spec)?;
    }
    builder.tie_replicas()?;
    for (index, spec) in world.snapshots.iter().enumerate() {
        builder.snapshot(&format!("snapshots[{index}]"), spec)?;
    }
    for (index, spec) in world.cluster_snapshots.iter().enumerate() {
        builder.cluster_snapshot(&format!("clusterSnapshots[{index}]"), spec)?;
    }
    for (index, spec) in world.retained_backups.iter().enumerate() {
        builder.retained(&format!("retainedBackups[{index}]"), spec)?;
    }
    for (index, spec) in world.retained_cluster_backups.iter().enumerate() {
        builder.retained_of_cluster(&format!("retainedClusterBackups[{index}]"), spec)?;
    }
    check_timings(world)?;
    check_lag(world)?;
    let mut state = builder.state;
    state.groups = groups(world, &state);
    let named = named_versions(&state);
    state.offers.complete(named.into_iter());
    integrations(world, &mut state);
    state.observe();
    Ok(state)
}

fn offers(world: &World) -> Offers {
    Offers {
        certificates: world.certificates.clone(),
        versions: world.engine_versions.clone(),
        orderable: world.orderable_options.clone(),
        withdrawn_classes: world.withdrawn_classes.clone(),
    }
}

/// Engine versions that databases and snapshots have, or will have after a modification.
fn named_versions(state: &State) -> Vec<(String, String)> {
    let of = |engine: &str, version: Option<&String>| version.map(|version| (engine.to_owned(), version.clone()));
    let instances = state.instances.values().flat_map(|instance| {
        let (now, then) = (&instance.settings.engine_version, &instance.pending.engine_version);
        [of(&instance.engine, now.as_ref()), of(&instance.engine, then.as_ref())]
    });
    let clusters = state.clusters.values().flat_map(|cluster| {
        let (now, then) = (&cluster.settings.engine_version, &cluster.pending.engine_version);
        [of(&cluster.engine, now.as_ref()), of(&cluster.engine, then.as_ref())]
    });
    let snapshots = state.snapshots.values().map(|found| of(&found.engine, found.settings.engine_version.as_ref()));
    let others =
        state.cluster_snapshots.values().map(|found| of(&found.engine, found.settings.engine_version.as_ref()));
    instances.chain(clusters).chain(snapshots).chain(others).flatten().collect()
}

/// Ties the integrations to their sources by resource id, which no rename changes.
fn integrations(world: &World, state: &mut State) {
    for spec in &world.integrations {
        let instance = spec.source.rsplit_once(":db:").and_then(|(_, name)| state.instance_named(name));
        let cluster = spec.source.rsplit_once(":cluster:").and_then(|(_, name)| state.cluster_named(name));
        let instance = instance.and_then(|key| state.instances.get(&key)).map(|found| found.resource_id.clone());
        let cluster = cluster.and_then(|key| state.clusters.get(&key)).map(|found| found.resource_id.clone());
        let id = state.fresh_uuid();
        let created = state.start - AGE_MILLIS;
        let integration = Integration { spec: spec.clone(), id, resource_id: instance.or(cluster), created };
        state.integrations.push(integration);
    }
}

struct Builder {
    state: State,
    replicas: Vec<(String, Key, String)>,
}

fn impossible(place: &str, problem: impl Into<String>) -> WorldError {
    WorldError::Impossible { place: place.to_owned(), problem: problem.into() }
}

fn as_tags(tags: &BTreeMap<String, String>) -> Tags {
    tags.iter().map(|(key, value)| (key.clone(), value.clone())).collect()
}

impl Builder {
    /// The time `hours` before the start.
    fn ago(&self, hours: u32) -> i64 {
        self.state.start - i64::from(hours) * HOUR_MILLIS
    }

    fn instance_name(&self, place: &str, identifier: &str) -> Result<String, WorldError> {
        let name = names::identifier("identifier", identifier)
            .map_err(|error| impossible(&format!("{place}.identifier"), error.message))?;
        if self.state.instance_named(&name).is_some() {
            return Err(impossible(&format!("{place}.identifier"), format!("{name} is the name of another instance")));
        }
        Ok(name)
    }

    fn instance(&mut self, place: &str, spec: &InstanceSpec) -> Result<(), WorldError> {
        check_engine(place, &spec.engine)?;
        if is_aurora(&spec.engine) {
            return Err(impossible(
                &format!("{place}.engine"),
                format!("{} is an engine of clusters: list it under clusters", spec.engine),
            ));
        }
        let name = self.instance_name(place, &spec.identifier)?;
        let region = self.state.region.clone();
        let mut settings = engines::instance_defaults(&spec.engine, spec.settings.engine_version.as_deref(), &region);
        settings.class = Some("db.m7g.large".to_owned());
        settings.master_username = Some("admin".to_owned());
        settings.merge(spec.settings.clone());
        self.state.settle_network(&mut settings, &spec.settings);
        self.fill_kms(&mut settings.storage_encrypted, &mut settings.kms_key_id);
        let mut instance = self.new_instance(name, &spec.status, &spec.engine, settings, spec.resource_id.as_ref());
        instance.created = instance.created.map(|_| self.ago(spec.age_hours));
        instance.backed_up_since = instance.created;
        instance.parameter_apply_status = spec.parameter_apply_status;
        instance.option_group_status = spec.option_group_status;
        instance.pending = spec.pending.clone();
        instance.tags = Tagged::settled(as_tags(&spec.tags));
        instance.associated_roles.clone_from(&spec.associated_roles);
        instance.backup_replications.clone_from(&spec.backup_replications);
        if spec.managed_master_password {
            instance.secret = Some(self.state.fresh_secret("db", spec.master_secret_kms_key_id.clone()));
        }
        let key = self.state.fresh_key();
        self.state.instances.insert(key, instance);
        if let Some(source) = &spec.replica_of {
            self.replicas.push((format!("{place}.replicaOf"), key, source.clone()));
        }
        Ok(())
    }

    fn new_instance(
        &mut self,
        name: String,
        status: &str,
        engine: &str,
        settings: InstanceSettings,
        id: Option<&String>,
    ) -> Instance {
        let resource_id = id.cloned().unwrap_or_else(|| self.state.fresh_resource_id("db-"));
        let mut instance = Instance::new(Life::new(name, status.to_owned()), resource_id, engine.to_owned(), settings);
        instance.created = (status != "creating").then_some(self.state.start - AGE_MILLIS);
        instance
    }

    /// Gives an encrypted database a default key.
    fn fill_kms(&self, encrypted: &mut Option<bool>, kms_key_id: &mut Option<String>) {
        if kms_key_id.is_some() {
            *encrypted = Some(true);
        } else if *encrypted == Some(true) {
            *kms_key_id = Some(self.state.kms_arn("key/aws-rds"));
        }
    }

    fn tie_replicas(&mut self) -> Result<(), WorldError> {
        for (place, replica, source) in std::mem::take(&mut self.replicas) {
            let source = self
                .state
                .instance_named(&source)
                .ok_or_else(|| impossible(&place, format!("there is no instance {source}")))?;
            if let Some(instance) = self.state.instances.get_mut(&replica) {
                instance.replica_of = Some(source);
            }
        }
        Ok(())
    }

    fn cluster(&mut self, place: &str, spec: &ClusterSpec) -> Result<(), WorldError> {
        check_engine(place, &spec.engine)?;
        if !is_aurora(&spec.engine) && !matches!(spec.engine.as_str(), "mysql" | "postgres") {
            return Err(impossible(&format!("{place}.engine"), format!("{} has no clusters", spec.engine)));
        }
        let name = names::identifier("identifier", &spec.identifier)
            .map_err(|error| impossible(&format!("{place}.identifier"), error.message))?;
        if self.state.cluster_named(&name).is_some() {
            return Err(impossible(&format!("{place}.identifier"), format!("{name} is the name of another cluster")));
        }
        let mut settings = engines::cluster_defaults(&spec.engine, spec.settings.engine_version.as_deref());
        settings.master_username = Some("admin".to_owned());
        if !is_aurora(&spec.engine) {
            settings.class = Some("db.m6gd.large".to_owned());
        }
        settings.merge(spec.settings.clone());
        let group = settings.subnet_group.clone();
        settings.vpc_security_groups =
            self.state.groups_or_default(spec.settings.vpc_security_groups.as_ref(), group.as_deref());
        self.fill_kms(&mut settings.storage_encrypted, &mut settings.kms_key_id);
        let resource_id = spec.resource_id.clone().unwrap_or_else(|| self.state.fresh_resource_id("cluster-"));
        let created = self.ago(spec.age_hours);
        let mut cluster = Cluster::new(
            Life::new(name.clone(), spec.status.clone()),
            resource_id,
            spec.engine.clone(),
            settings,
            created,
        );
        cluster.pending = spec.pending.clone();
        cluster.tags = Tagged::settled(as_tags(&spec.tags));
        cluster.member_of_global.clone_from(&spec.global_cluster);
        cluster.replication_source.clone_from(&spec.replication_source);
        cluster.associated_roles.clone_from(&spec.associated_roles);
        cluster.ram_shared = spec.ram_shared;
        cluster.backed_up_since = (spec.status != "creating").then_some(created);
        cluster.clone_group = spec.clone_group.as_ref().map(|id| {
            let is_of_group = |other: &Cluster| other.clone_group.as_ref().is_some_and(|group| group.id == *id);
            CloneGroup { id: id.clone(), is_original: !self.state.clusters.values().any(is_of_group) }
        });
        if spec.managed_master_password {
            cluster.secret = Some(self.state.fresh_secret("cluster", spec.master_secret_kms_key_id.clone()));
        }
        let key = self.state.fresh_key();
        self.state.clusters.insert(key, cluster);
        if !is_aurora(&spec.engine) && spec.members.is_empty() {
            self.state.add_multi_az_members(key, created);
        }
        self.members(place, key, spec)
    }

    fn members(&mut self, place: &str, cluster: Key, spec: &ClusterSpec) -> Result<(), WorldError> {
        if spec.members.iter().filter(|member| member.writer).count() > 1 {
            return Err(impossible(&format!("{place}.members"), "a cluster has one writer"));
        }
        for (index, member) in spec.members.iter().enumerate() {
            let key = self.member(&format!("{place}.members[{index}]"), cluster, spec, member)?;
            if let Some(found) = self.state.clusters.get_mut(&cluster) {
                found.members.push(key);
                if member.writer || found.writer.is_none() {
                    found.writer = Some(key);
                }
            }
        }
        Ok(())
    }

    fn member(
        &mut self,
        place: &str,
        cluster: Key,
        spec: &ClusterSpec,
        member: &MemberSpec,
    ) -> Result<Key, WorldError> {
        let name = self.instance_name(place, &member.identifier)?;
        let settings = self.state.member_settings(cluster, member.settings.clone());
        let mut instance = self.new_instance(name, &member.status, &spec.engine, settings, member.resource_id.as_ref());
        instance.created = instance.created.map(|_| self.ago(spec.age_hours));
        instance.settings.class.get_or_insert_with(|| "db.r7g.large".to_owned());
        instance.pending = member.pending.clone();
        instance.parameter_apply_status = member.parameter_apply_status;
        instance.cluster_parameter_status = member.cluster_parameter_status;
        instance.tags = Tagged::settled(as_tags(&member.tags));
        instance.cluster = Some(cluster);
        let key = self.state.fresh_key();
        self.state.instances.insert(key, instance);
        Ok(key)
    }

    fn snapshot(&mut self, place: &str, spec: &SnapshotSpec) -> Result<(), WorldError> {
        let name = snapshot_name(place, &spec.identifier, names::snapshot_identifier)?;
        let home = self.home(place, (spec.account.as_ref(), spec.region.as_ref()), spec.public, &spec.kind)?;
        if home.is_none() && self.state.snapshot_named(&name).is_some() {
            return Err(impossible(&format!("{place}.identifier"), format!("{name} is the name of another snapshot")));
        }
        let is_shared = home.as_ref().is_some_and(|home| home.account != self.state.account);
        if is_shared && spec.tde {
            return Err(impossible(&format!("{place}.tde"), "a snapshot with TDE cannot be shared"));
        }
        let source = self.state.instance_named(&spec.source).filter(|_| !is_shared);
        let source = source.and_then(|key| self.state.instances.get(&key)).cloned();
        let engine = spec.engine.clone().or_else(|| source.as_ref().map(|source| source.engine.clone()));
        let engine = engine.ok_or_else(|| {
            impossible(&format!("{place}.engine"), format!("there is no instance {} to tell the engine", spec.source))
        })?;
        check_engine(place, &engine)?;
        let mut settings = match &source {
            Some(source) => source.settings.clone(),
            None => engines::instance_defaults(&engine, spec.settings.engine_version.as_deref(), &self.state.region),
        };
        settings.merge(spec.settings.clone());
        check_public(place, spec.public, settings.storage_encrypted)?;
        self.fill_kms_at(home.as_ref(), &mut settings.storage_encrypted, &mut settings.kms_key_id);
        let (tags, source_tags) = recorded_tags(
            &spec.tags,
            spec.kind != "manual"
                && source.as_ref().is_some_and(|source| source.settings.copy_tags_to_snapshot == Some(true)),
            source.as_ref().map(|source| source.tags.truth()),
        );
        let source_resource_id = spec.source_resource_id.clone().or_else(|| source.map(|source| source.resource_id));
        let snapshot = self.new_snapshot(
            Life::new(name, spec.status.clone()),
            (spec.source.to_ascii_lowercase(), source_resource_id.unwrap_or_else(|| "db-GONE".to_owned())),
            (engine, spec.kind.clone(), settings),
            (tags, source_tags),
            (spec.age_hours, spec.original_age_hours),
        );
        let snapshot = Snapshot { tde: spec.tde, ..snapshot };
        if let Some(home) = home {
            self.state.foreign_snapshots.push(home.of(snapshot));
            return Ok(());
        }
        let key = self.state.fresh_key();
        self.state.snapshots.insert(key, snapshot);
        Ok(())
    }

    fn cluster_snapshot(&mut self, place: &str, spec: &ClusterSnapshotSpec) -> Result<(), WorldError> {
        let name = snapshot_name(place, &spec.identifier, names::identifier)?;
        let home = self.home(place, (spec.account.as_ref(), spec.region.as_ref()), spec.public, &spec.kind)?;
        if home.is_none() && self.state.cluster_snapshot_named(&name).is_some() {
            return Err(impossible(
                &format!("{place}.identifier"),
                format!("{name} is the name of another cluster snapshot"),
            ));
        }
        let is_shared = home.as_ref().is_some_and(|home| home.account != self.state.account);
        let source = self.state.cluster_named(&spec.source).filter(|_| !is_shared);
        let source = source.and_then(|key| self.state.clusters.get(&key)).cloned();
        let engine = spec.engine.clone().or_else(|| source.as_ref().map(|source| source.engine.clone()));
        let engine = engine.ok_or_else(|| {
            impossible(&format!("{place}.engine"), format!("there is no cluster {} to tell the engine", spec.source))
        })?;
        check_engine(place, &engine)?;
        let mut settings: ClusterSettings = match &source {
            Some(source) => source.settings.clone(),
            None => engines::cluster_defaults(&engine, spec.settings.engine_version.as_deref()),
        };
        settings.merge(spec.settings.clone());
        check_public(place, spec.public, settings.storage_encrypted)?;
        self.fill_kms_at(home.as_ref(), &mut settings.storage_encrypted, &mut settings.kms_key_id);
        let (tags, source_tags) = recorded_tags(
            &spec.tags,
            spec.kind != "manual"
                && source.as_ref().is_some_and(|source| source.settings.copy_tags_to_snapshot == Some(true)),
            source.as_ref().map(|source| source.tags.truth()),
        );
        let source_resource_id = spec.source_resource_id.clone().or_else(|| source.map(|source| source.resource_id));
        let snapshot = self.new_snapshot(
            Life::new(name, spec.status.clone()),
            (spec.source.to_ascii_lowercase(), source_resource_id.unwrap_or_else(|| "cluster-GONE".to_owned())),
            (engine, spec.kind.clone(), settings),
            (tags, source_tags),
            (spec.age_hours, spec.original_age_hours),
        );
        if let Some(home) = home {
            self.state.foreign_cluster_snapshots.push(home.of(snapshot));
            return Ok(());
        }
        let key = self.state.fresh_key();
        self.state.cluster_snapshots.insert(key, snapshot);
        Ok(())
    }

    fn retained(&mut self, place: &str, spec: &RetainedBackupSpec) -> Result<(), WorldError> {
        check_engine(place, &spec.engine)?;
        let version = spec.settings.engine_version.as_deref();
        let mut settings = engines::instance_defaults(&spec.engine, version, &self.state.region);
        settings.class = Some("db.m7g.large".to_owned());
        settings.master_username = Some("admin".to_owned());
        settings.backup_retention_period = Some(RETAINED_DAYS);
        settings.merge(spec.settings.clone());
        self.fill_kms(&mut settings.storage_encrypted, &mut settings.kms_key_id);
        let (created, deleted) = self.life_span(place, spec.age_hours, spec.deleted_hours_ago)?;
        let backup = Retained {
            identifier: spec.instance.clone(),
            resource_id: spec.resource_id.clone(),
            engine: spec.engine.clone(),
            retention_days: settings.backup_retention_period.unwrap_or(RETAINED_DAYS),
            settings,
            tags: as_tags(&spec.tags),
            created: Some(created),
            deleted,
            window: Some(Window { earliest: created, latest: deleted }),
        };
        self.state.retained_backups.push(backup);
        Ok(())
    }

    fn retained_of_cluster(&mut self, place: &str, spec: &RetainedClusterBackupSpec) -> Result<(), WorldError> {
        check_engine(place, &spec.engine)?;
        let mut settings = engines::cluster_defaults(&spec.engine, spec.settings.engine_version.as_deref());
        settings.master_username = Some("admin".to_owned());
        settings.backup_retention_period = Some(RETAINED_DAYS);
        settings.merge(spec.settings.clone());
        self.fill_kms(&mut settings.storage_encrypted, &mut settings.kms_key_id);
        let (created, deleted) = self.life_span(place, spec.age_hours, spec.deleted_hours_ago)?;
        let backup = Retained {
            identifier: spec.cluster.clone(),
            resource_id: spec.resource_id.clone(),
            engine: spec.engine.clone(),
            retention_days: settings.backup_retention_period.unwrap_or(RETAINED_DAYS),
            settings,
            tags: as_tags(&spec.tags),
            created: Some(created),
            deleted,
            window: Some(Window { earliest: created, latest: deleted }),
        };
        self.state.retained_cluster_backups.push(backup);
        Ok(())
    }

    /// The creation and the deletion of a database that no longer exists.
    fn life_span(&self, place: &str, age_hours: u32, deleted_hours_ago: u32) -> Result<(i64, i64), WorldError> {
        if deleted_hours_ago > age_hours {
            return Err(impossible(&format!("{place}.deletedHoursAgo"), "it was deleted before it was created"));
        }
        Ok((self.ago(age_hours), self.ago(deleted_hours_ago)))
    }

    /// The place of a snapshot beyond the account or the region, or none for one that is at home.
    fn home(
        &self,
        place: &str,
        (account, region): (Option<&String>, Option<&String>),
        is_public: bool,
        kind: &str,
    ) -> Result<Option<Home>, WorldError> {
        let account = account.unwrap_or(&self.state.account).clone();
        let region = region.unwrap_or(&self.state.region).clone();
        let is_shared = account != self.state.account;
        if is_public && !is_shared {
            return Err(impossible(
                &format!("{place}.public"),
                "only snapshots of other accounts are told to be public",
            ));
        }
        if is_shared && kind != "manual" {
            return Err(impossible(&format!("{place}.type"), "only manual snapshots are shared"));
        }
        let is_away = is_shared || region != self.state.region;
        Ok(is_away.then_some(Home { account, region, is_public }))
    }

    /// Gives an encrypted snapshot the default key of its account and region.
    fn fill_kms_at(&self, home: Option<&Home>, encrypted: &mut Option<bool>, kms_key_id: &mut Option<String>) {
        let is_given = kms_key_id.is_some();
        self.fill_kms(encrypted, kms_key_id);
        if let (Some(home), Some(key), false) = (home, kms_key_id.as_mut(), is_given) {
            *key = format!("arn:{}:kms:{}:{}:key/aws-rds", self.state.partition(), home.region, home.account);
        }
    }

    fn new_snapshot<S>(
        &self,
        life: Life,
        source: (String, String),
        what: (String, String, S),
        tags: (Tags, Tags),
        (age_hours, original_age_hours): (u32, Option<u32>),
    ) -> Snapshot<S> {
        let created = self.ago(age_hours);
        Snapshot {
            life,
            source: source.0,
            source_resource_id: source.1,
            source_created: self.state.start - AGE_MILLIS,
            engine: what.0,
            kind: what.1,
            settings: what.2,
            tags: Tagged::settled(tags.0),
            source_tags: tags.1,
            created,
            original_created: original_age_hours.map_or(created, |hours| self.ago(hours)),
            copy_of: None,
            copying_from: None,
            from_region: None,
            progress: None,
            tde: false,
            upgrading_to: None,
        }
    }
}

/// The account and the region of a snapshot that is not at home.
struct Home {
    account: String,
    region: String,
    is_public: bool,
}

impl Home {
    fn of<S>(self, snapshot: Snapshot<S>) -> Foreign<S> {
        let Self { account, region, is_public } = self;
        Foreign { account, region, is_public, snapshot }
    }
}

/// The name of a snapshot. Those that RDS and AWS Backup take have names that no caller can choose.
fn snapshot_name(
    place: &str,
    identifier: &str,
    check: impl Fn(&str, &str) -> ApiResult<String>,
) -> Result<String, WorldError> {
    if ["rds:", "awsbackup:"].iter().any(|prefix| identifier.starts_with(prefix)) {
        return Ok(identifier.to_owned());
    }
    check("identifier", identifier).map_err(|error| impossible(&format!("{place}.identifier"), error.message))
}

fn check_public(place: &str, is_public: bool, encrypted: Option<bool>) -> Result<(), WorldError> {
    if is_public && encrypted == Some(true) {
        return Err(impossible(&format!("{place}.public"), "an encrypted snapshot cannot be public"));
    }
    Ok(())
}

/// The tags of a snapshot, and the tags of its source at the snapshot's moment. The defaults are the present tags of the
/// source. A snapshot that RDS itself took has the source's tags if the source copies tags to snapshots.
fn recorded_tags(given: &BTreeMap<String, String>, is_copied: bool, source: Option<&Tags>) -> (Tags, Tags) {
    let given = as_tags(given);
    let source = source.filter(|_| given.is_empty()).cloned();
    let tags = if is_copied && given.is_empty() { source.as_ref().map(without_reserved) } else { None };
    (tags.unwrap_or_else(|| given.clone()), source.unwrap_or(given))
}

fn check_engine(place: &str, engine: &str) -> Result<(), WorldError> {
    if engines::is_known(engine) {
        return Ok(());
    }
    Err(impossible(&format!("{place}.engine"), format!("{engine} is no engine of RDS")))
}

fn check_timings(world: &World) -> Result<(), WorldError> {
    let timings = &world.timings;
    if !(0.0..=1.0).contains(&timings.jitter) {
        return Err(impossible("timings.jitter", "must be between 0 and 1"));
    }
    if !(0.0..=1.0).contains(&timings.false_available_probability) {
        return Err(impossible("timings.falseAvailableProbability", "must be between 0 and 1"));
    }
    Ok(())
}

fn check_lag(world: &World) -> Result<(), WorldError> {
    let lag = &world.lag;
    let bounds = [
        ("tagsSeconds", lag.tags_seconds),
        ("renameSeconds", lag.rename_seconds),
        ("executionSeconds", lag.execution_seconds),
    ];
    match bounds.into_iter().find(|(_, seconds)| !seconds.is_finite() || *seconds < 0.0) {
        Some((name, seconds)) => Err(impossible(&format!("lag.{name}"), format!("{seconds} is no number of seconds"))),
        None => Ok(()),
    }
}

/// The groups of the file, and every group that its databases name, so that a world file can be short.
fn groups(world: &World, state: &State) -> Groups {
    let mut groups = Groups {
        parameter: world.parameter_groups.clone(),
        cluster_parameter: world.cluster_parameter_groups.clone(),
        option: world.option_groups.clone(),
        subnet: world.subnet_groups.clone(),
    };
    for instance in state.instances.values() {
        let version = instance.settings.engine_version.as_deref().unwrap_or_default();
        let major = engines::major_version(&instance.engine, version);
        let family = format!("{}{major}", instance.engine);
        add_group(&mut groups.parameter, instance.settings.parameter_group.as_ref(), &family, "");
        add_group(&mut groups.option, instance.settings.option_group.as_ref(), &instance.engine, &major);
        add_group(&mut groups.subnet, instance.settings.subnet_group.as_ref(), "", "");
    }
    for cluster in state.clusters.values() {
        let version = cluster.settings.engine_version.as_deref().unwrap_or_default();
        let family = format!("{}{}", cluster.engine, engines::major_version(&cluster.engine, version));
        add_group(&mut groups.cluster_parameter, cluster.settings.parameter_group.as_ref(), &family, "");
        add_group(&mut groups.subnet, cluster.settings.subnet_group.as_ref(), "", "");
    }
    groups
}

fn add_group(groups: &mut Vec<GroupSpec>, name: Option<&String>, family: &str, major_version: &str) {
    if let Some(name) = name
        && !groups.iter().any(|group| group.name.eq_ignore_ascii_case(name))
    {
        groups.push(GroupSpec {
            name: name.clone(),
            family: family.to_owned(),
            major_version: major_version.to_owned(),
            ..GroupSpec::default()
        });
    }
}
