//! Finds the backup that an input chooses: a snapshot, the latest snapshot, a moment, or a clone.
//!
//! A name chooses a named snapshot only. Everything else is chosen by the resource id of its database, because several
//! databases may have had one name. This module reads RDS and describes the backup as a [`Snapshot`]; `checks` decides
//! whether it fits. If there is no such backup, the answer is the reason and a remedy.

use std::collections::BTreeMap;
use std::time::Duration;

use aws_sdk_rds::Client;
use aws_sdk_rds::primitives::DateTime;
use aws_sdk_rds::types::{
    DbCluster, DbClusterAutomatedBackup, DbClusterSnapshot, DbInstance, DbInstanceAutomatedBackup, DbSnapshot,
};
use trapheus_common::arn::{account, name_for_calls, region};
use trapheus_common::document::{Plan, Request, Source, SourceKind};
use trapheus_common::identifiers::DatabaseKind;
use trapheus_common::source_request::{Moment, SnapshotChoice, SourceRequest, is_resource_id};
use trapheus_common::timestamp::Timestamp;
use trapheus_common::wait::acceptor::{Phase, phase};
use trapheus_common::{Result, rds};

use crate::answers::failed;
use crate::cli_advice;
use crate::facts::{Backup, Database, Snapshot, cluster_kind};
use crate::problem::Problem;

/// The clones of one Aurora volume that share its storage: RDS makes a further one a full copy.
/// <https://docs.aws.amazon.com/AmazonRDS/latest/AuroraUserGuide/Aurora.Managing.Clone.html>
const MOST_CLONES: usize = 15;
/// The longest time from preflight to the restore: the greatest age of a plan at its claim, and the rename. During that time a
/// full window loses its earliest moments.
const MOVES: u64 = Plan::<()>::FRESH_SECONDS + 30 * 60;
/// The days of a retention, in seconds.
const DAY: u64 = 86_400;

/// Finds the backup of the request. Without a target, only a named snapshot can be found.
pub(crate) async fn find(rds: &Client, request: &Request, target: Option<&Database>) -> Result<Option<Backup>> {
    let search = Search { rds, request, target };
    match &request.source {
        None => Ok(search.named(request.snapshot_identifier.as_str()).await?.map(Ok)),
        Some(SourceRequest::Snapshot { snapshot, .. }) => {
            let missing =
                || Problem::lasting(format!("the snapshot `{snapshot}` does not exist: check `source.snapshot`"));
            let own = target.map_or(request.execution.as_str(), |target| &target.arn);
            let is_arn = snapshot.starts_with("arn:");
            if is_arn && region(snapshot) != region(own) {
                return Ok(Some(Err(to_copy(request, &format!("the snapshot `{snapshot}`"), snapshot, FAR))));
            }
            let found = search.named(name_for_calls(snapshot, own)).await?;
            // Another snapshot may have the name in this account.
            let is_it =
                |found: &Snapshot| !is_arn || found.pinned.as_ref().is_none_or(|pinned| pinned.arn == *snapshot);
            Ok(Some(found.filter(is_it).ok_or_else(missing)))
        }
        Some(SourceRequest::Latest { latest_snapshot, of }) => search.latest(*latest_snapshot, of.as_deref()).await,
        Some(SourceRequest::PointInTime { point_in_time, of }) => search.moment(*point_in_time, of.as_deref()).await,
        Some(SourceRequest::Clone { clone }) => search.clone_of(clone.as_str()).await.map(Some),
    }
}

/// The database of snapshots.
#[derive(Clone, Copy)]
enum Of<'a> {
    ResourceId(&'a str),
    Name(&'a str),
}

struct Search<'a> {
    rds: &'a Client,
    request: &'a Request,
    target: Option<&'a Database>,
}

impl Search<'_> {
    async fn named(&self, name: &str) -> Result<Option<Snapshot>> {
        // RDS describes a snapshot of another account only if the call includes shared ones.
        let is_shared = name.starts_with("arn:");
        match self.request.kind {
            DatabaseKind::Instance if is_shared => {
                Ok(rds::shared_snapshot(self.rds, name).await?.as_ref().map(Snapshot::from))
            }
            DatabaseKind::Instance => Ok(rds::snapshot(self.rds, name).await?.as_ref().map(Snapshot::from)),
            DatabaseKind::Cluster if is_shared => {
                Ok(rds::shared_cluster_snapshot(self.rds, name).await?.as_ref().map(Snapshot::from))
            }
            DatabaseKind::Cluster => Ok(rds::cluster_snapshot(self.rds, name).await?.as_ref().map(Snapshot::from)),
        }
    }

    /// The resource id of the source: the one in `of`, that of the database that `of` names, or the target's.
    async fn resource_id(&self, of: Option<&str>) -> Result<std::result::Result<Option<String>, Problem>> {
        let Some(of) = of else { return Ok(Ok(self.target.map(|target| target.resource_id.clone()))) };
        if is_resource_id(of) {
            return Ok(Ok(Some(of.to_owned())));
        }
        let found = match self.request.kind {
            DatabaseKind::Instance => rds::instance(self.rds, of).await?.and_then(|instance| instance.dbi_resource_id),
            DatabaseKind::Cluster => {
                rds::cluster(self.rds, of).await?.and_then(|cluster| cluster.db_cluster_resource_id)
            }
        };
        let kind = self.request.kind;
        let missing = || {
            Problem::lasting(format!(
                "there is no {kind} `{of}`, which `source.of` names: give the resource id of a deleted database, `db-…` or \
                 `cluster-…`"
            ))
        };
        Ok(found.map(Some).ok_or_else(missing))
    }

    /// The newest available snapshot of one database.
    async fn latest(&self, choice: SnapshotChoice, of: Option<&str>) -> Result<Option<Backup>> {
        let id = match self.resource_id(of).await? {
            Ok(Some(id)) => id,
            Ok(None) => return Ok(None),
            Err(problem) => return Ok(Some(Err(problem))),
        };
        let mut found = self.snapshots(choice, Of::ResourceId(&id)).await?;
        found.retain(|one| one.status == "available" && one.source_resource_id.as_deref() == Some(id.as_str()));
        // A copy that is new may have old data.
        found.retain(|one| one.pinned.is_some() && one.age_is_known());
        found.sort_by_key(|one| one.pinned.as_ref().map(|source| (source.created_at, source.taken_at)));
        if let Some(latest) = found.pop() {
            return Ok(Some(Ok(latest)));
        }
        let earlier = match of {
            Some(_) => Vec::new(),
            None => self.snapshots(choice, Of::Name(self.request.identifier.as_str())).await?,
        };
        Ok(Some(Err(Problem::lasting(no_snapshot_of(&id, &earlier)))))
    }

    async fn snapshots(&self, choice: SnapshotChoice, of: Of<'_>) -> Result<Vec<Snapshot>> {
        let of_type = match choice {
            SnapshotChoice::Automated => Some("automated"),
            SnapshotChoice::Manual => Some("manual"),
            SnapshotChoice::Any => None,
        };
        let doing = "cannot describe the snapshots of the database";
        let identifier = self.request.identifier.as_str();
        match self.request.kind {
            DatabaseKind::Instance => {
                let call = match of {
                    Of::ResourceId(id) => self.rds.describe_db_snapshots().dbi_resource_id(id),
                    Of::Name(name) => self.rds.describe_db_snapshots().db_instance_identifier(name),
                };
                let call = call.set_snapshot_type(of_type.map(str::to_owned));
                let found: std::result::Result<Vec<DbSnapshot>, _> =
                    call.into_paginator().items().send().collect().await;
                let found = found.map_err(|error| failed(identifier, doing, &error))?;
                Ok(found.iter().map(Snapshot::from).collect())
            }
            DatabaseKind::Cluster => {
                let call = match of {
                    Of::ResourceId(id) => self.rds.describe_db_cluster_snapshots().db_cluster_resource_id(id),
                    Of::Name(name) => self.rds.describe_db_cluster_snapshots().db_cluster_identifier(name),
                };
                let call = call.set_snapshot_type(of_type.map(str::to_owned));
                let found: std::result::Result<Vec<DbClusterSnapshot>, _> =
                    call.into_paginator().items().send().collect().await;
                let found = found.map_err(|error| failed(identifier, doing, &error))?;
                Ok(found.iter().map(Snapshot::from).collect())
            }
        }
    }

    /// A moment of the automated backups of an existing database, or of a deleted one whose backups are retained.
    async fn moment(&self, moment: Moment, of: Option<&str>) -> Result<Option<Backup>> {
        let id = match self.resource_id(of).await? {
            Ok(Some(id)) => id,
            Ok(None) => return Ok(None),
            Err(problem) => return Ok(Some(Err(problem))),
        };
        let window = match self.request.kind {
            DatabaseKind::Instance => self.window_of_instance(&id).await?,
            DatabaseKind::Cluster => self.window_of_cluster(&id).await?,
        };
        let missing = || {
            Problem::lasting(format!(
                "there is no automated backup of `{id}` in this region: RDS keeps those of a deleted database only if it was \
                 deleted with its automated backups retained"
            ))
        };
        let is_target = self.target.is_some_and(|target| target.resource_id == id);
        let chosen = window.ok_or_else(missing).and_then(|window| match window.unusable().filter(|_| !is_target) {
            Some(problem) => Err(problem),
            None => window.at(moment, self.request.started_at),
        });
        Ok(Some(chosen))
    }

    /// RDS restores the backups that another region has replicated only by their ARN, which this pipeline does not.
    fn is_of_this_region(&self, source: Option<&str>) -> bool {
        let own = self.target.map_or(self.request.execution.as_str(), |target| &target.arn);
        source.is_none_or(|source| region(source) == region(own))
    }

    async fn window_of_instance(&self, id: &str) -> Result<Option<Window>> {
        let identifier = self.request.identifier.as_str();
        let call = self.rds.describe_db_instance_automated_backups().dbi_resource_id(id);
        let backups: std::result::Result<Vec<DbInstanceAutomatedBackup>, _> =
            call.into_paginator().items().send().collect().await;
        let backups = match backups {
            Ok(found) => found,
            Err(error)
                if error.as_service_error().is_some_and(|e| e.is_db_instance_automated_backup_not_found_fault()) =>
            {
                Vec::new()
            }
            Err(error) => return Err(failed(identifier, "cannot describe automated backups", &error)),
        };
        let backup = backups
            .iter()
            .find(|backup| backup.dbi_resource_id() == Some(id) && self.is_of_this_region(backup.db_instance_arn()));
        if let Some(instance) = rds::instance_by_resource_id(self.rds, id).await? {
            return Ok(Some(Window::of_instance(&instance, backup)));
        }
        Ok(backup.map(Window::of_retained_instance))
    }

    async fn window_of_cluster(&self, id: &str) -> Result<Option<Window>> {
        if let Some(cluster) = rds::cluster_by_resource_id(self.rds, id).await? {
            return Ok(Some(Window::of_cluster(&cluster)));
        }
        let identifier = self.request.identifier.as_str();
        let call = self.rds.describe_db_cluster_automated_backups().db_cluster_resource_id(id);
        let backups: std::result::Result<Vec<DbClusterAutomatedBackup>, _> =
            call.into_paginator().items().send().collect().await;
        match backups {
            Ok(found) => {
                let backup = found.iter().find(|backup| {
                    backup.db_cluster_resource_id() == Some(id) && self.is_of_this_region(backup.db_cluster_arn())
                });
                Ok(backup.map(Window::of_retained_cluster))
            }
            Err(error)
                if error.as_service_error().is_some_and(|e| e.is_db_cluster_automated_backup_not_found_fault()) =>
            {
                Ok(None)
            }
            Err(error) => Err(failed(identifier, "cannot describe automated backups", &error)),
        }
    }

    /// The present state of an Aurora cluster.
    async fn clone_of(&self, name: &str) -> Result<Backup> {
        let Some(cluster) = rds::cluster(self.rds, name).await? else {
            return Ok(Err(Problem::lasting(format!("there is no DB cluster `{name}`, which `source.clone` names"))));
        };
        let group = cluster.clone_group_id().filter(|group| !group.is_empty());
        let clones = match group {
            Some(group) => {
                rds::clusters(self.rds).await?.iter().filter(|one| one.clone_group_id() == Some(group)).count()
            }
            None => 0,
        };
        Ok(clone(&cluster, clones, self.request.started_at))
    }
}

/// The refusal for a database without a snapshot, with the earlier databases of the name that have one.
fn no_snapshot_of(id: &str, earlier: &[Snapshot]) -> String {
    let mut newest: BTreeMap<&str, &Source> = BTreeMap::new();
    for snapshot in earlier.iter().filter(|snapshot| snapshot.status == "available") {
        let (Some(of), Some(source)) = (snapshot.source_resource_id.as_deref(), &snapshot.pinned) else { continue };
        let known = newest.entry(of).or_insert(source);
        if source.created_at > known.created_at {
            *known = source;
        }
    }
    let reason = format!("the database {id} has no available snapshot of the kind that `source.latestSnapshot` names");
    if newest.is_empty() {
        return format!("{reason}: take one, or choose another backup");
    }
    let listed = newest.iter().map(|(of, source)| format!("{of} (latest of {})", source.created_at));
    format!(
        "{reason}. Earlier databases of this name have one: {}. Choose it with `source.of`",
        listed.collect::<Vec<_>>().join(", ")
    )
}

fn clone(cluster: &DbCluster, clones: usize, now: Timestamp) -> Backup {
    use trapheus_common::document::ClusterKind::Aurora;
    let name = cluster.db_cluster_identifier().unwrap_or_default();
    let problem = |words: &str| Err(Problem::lasting(format!("`{name}` cannot be cloned: {words}")));
    if cluster_kind(cluster) != Some(Aurora) {
        return problem("RDS clones Aurora clusters only");
    }
    if cluster.db_cluster_members().is_empty() {
        return problem("a cluster to clone needs a member");
    }
    // The source itself belongs to the group.
    if clones > MOST_CLONES {
        return problem("its volume already has 15 clones, and RDS would make the next one a full copy");
    }
    let window = Window::of_cluster(cluster);
    match window.unusable() {
        Some(problem) => Err(problem),
        None => Ok(window.snapshot(SourceKind::Clone, now)),
    }
}

/// The automated backups of one database, and the facts of the database that they restore.
#[derive(Clone, Debug)]
struct Window {
    kind: DatabaseKind,
    /// The status of an existing database; none for retained backups.
    status: Option<String>,
    arn: String,
    identifier: String,
    resource_id: String,
    engine: String,
    engine_version: String,
    encrypted: bool,
    kms_key_id: Option<String>,
    allocated_gib: i64,
    earliest: Option<Timestamp>,
    latest: Option<Timestamp>,
    retention_days: i32,
}

impl Window {
    fn of_instance(instance: &DbInstance, backup: Option<&DbInstanceAutomatedBackup>) -> Self {
        let database = Database::from(instance);
        let window = backup.and_then(|backup| backup.restore_window());
        Self {
            earliest: time(window.and_then(|window| window.earliest_time())),
            latest: time(instance.latest_restorable_time()),
            ..Self::of_database(database)
        }
    }

    fn of_cluster(cluster: &DbCluster) -> Self {
        Self {
            earliest: time(cluster.earliest_restorable_time()),
            latest: time(cluster.latest_restorable_time()),
            ..Self::of_database(Database::from(cluster))
        }
    }

    fn of_database(database: Database) -> Self {
        Self {
            kind: database.kind,
            status: Some(database.status),
            arn: database.arn,
            identifier: database.identifier,
            resource_id: database.resource_id,
            engine: database.engine,
            engine_version: database.engine_version,
            encrypted: database.encrypted,
            kms_key_id: database.kms_key_id,
            allocated_gib: database.allocated_gib,
            earliest: None,
            latest: None,
            retention_days: database.backup_days,
        }
    }

    fn of_retained_instance(backup: &DbInstanceAutomatedBackup) -> Self {
        let arn = backup.db_instance_automated_backups_arn().or(backup.db_instance_arn());
        Self {
            kind: DatabaseKind::Instance,
            status: None,
            arn: arn.unwrap_or_default().to_owned(),
            identifier: backup.db_instance_identifier().unwrap_or_default().to_owned(),
            resource_id: backup.dbi_resource_id().unwrap_or_default().to_owned(),
            engine: backup.engine().unwrap_or_default().to_owned(),
            engine_version: backup.engine_version().unwrap_or_default().to_owned(),
            encrypted: backup.encrypted().unwrap_or_default(),
            kms_key_id: backup.kms_key_id().map(str::to_owned),
            allocated_gib: backup.allocated_storage().unwrap_or_default().into(),
            earliest: time(backup.restore_window().and_then(|window| window.earliest_time())),
            latest: time(backup.restore_window().and_then(|window| window.latest_time())),
            retention_days: backup.backup_retention_period().unwrap_or_default(),
        }
    }

    fn of_retained_cluster(backup: &DbClusterAutomatedBackup) -> Self {
        let arn = backup.db_cluster_automated_backups_arn().or(backup.db_cluster_arn());
        Self {
            kind: DatabaseKind::Cluster,
            status: None,
            arn: arn.unwrap_or_default().to_owned(),
            identifier: backup.db_cluster_identifier().unwrap_or_default().to_owned(),
            resource_id: backup.db_cluster_resource_id().unwrap_or_default().to_owned(),
            engine: backup.engine().unwrap_or_default().to_owned(),
            engine_version: backup.engine_version().unwrap_or_default().to_owned(),
            encrypted: backup.storage_encrypted().unwrap_or_default(),
            kms_key_id: backup.kms_key_id().map(str::to_owned),
            allocated_gib: backup.allocated_storage().unwrap_or_default().into(),
            earliest: time(backup.restore_window().and_then(|window| window.earliest_time())),
            latest: time(backup.restore_window().and_then(|window| window.latest_time())),
            retention_days: backup.backup_retention_period().unwrap_or_default(),
        }
    }

    /// The problem of an existing database that is not in service: RDS may refuse to restore from it.
    fn unusable(&self) -> Option<Problem> {
        let status = self.status.as_deref()?;
        let text = format!("the source {} `{}` is in status `{status}`", self.kind, self.identifier);
        match phase(self.kind, status) {
            Phase::Available => None,
            Phase::Passing => Some(Problem::passing(
                format!("{text}: start the run again once it is available"),
                Duration::from_secs(600),
            )),
            Phase::Deleting | Phase::Stopped | Phase::Broken => {
                Some(Problem::lasting(format!("{text}: choose a snapshot of it, or start or repair it first")))
            }
        }
    }

    /// The backup of a moment, if the window contains it.
    fn at(&self, moment: Moment, now: Timestamp) -> Backup {
        let whose = format!("`{}` ({})", self.identifier, self.resource_id);
        if self.retention_days == 0 {
            return Err(Problem::lasting(format!(
                "automated backups of {whose} are off, so no moment of it can be restored: choose a snapshot"
            )));
        }
        let Some(latest) = self.latest else {
            return Err(Problem::lasting(format!("RDS reports no moment of {whose} that can be restored yet")));
        };
        // RDS restores a moment "before the latest restorable time".
        let newest = Timestamp::from_epoch_seconds(latest.epoch_seconds().saturating_sub(1));
        let time = match moment {
            Moment::Latest(_) => newest,
            Moment::At(time) => time,
        };
        if time > newest {
            return Err(Problem::passing(
                format!(
                    "RDS can restore {whose} to {latest} at the latest, and `source.pointInTime` is {time}: start the run \
                     again later"
                ),
                // RDS uploads the logs every five minutes.
                if time <= now { Duration::from_secs(600) } else { Duration::ZERO },
            ));
        }
        let Some(earliest) = self.earliest else {
            return Err(Problem::lasting(format!(
                "RDS does not report the earliest moment of {whose} that can be restored: start the run again once it does"
            )));
        };
        let moved = if self.is_full(now, earliest) { earliest.plus_seconds(MOVES) } else { earliest };
        if time < moved {
            return Err(Problem::lasting(format!(
                "RDS can restore {whose} from {earliest} on, and `source.pointInTime` is {time}. The window moves while the \
                 run begins, so the moment must be {moved} or later. For an earlier moment, choose a snapshot, or an \
                 earlier database of the name with `source.of`"
            )));
        }
        Ok(self.snapshot(SourceKind::PointInTime, time))
    }

    /// Whether RDS deletes the oldest backups of the window, so that its beginning moves.
    fn is_full(&self, now: Timestamp, earliest: Timestamp) -> bool {
        let days = u64::try_from(self.retention_days).unwrap_or_default();
        now.since(earliest) >= Duration::from_secs(days.saturating_sub(1) * DAY)
    }

    fn snapshot(&self, kind: SourceKind, time: Timestamp) -> Snapshot {
        Snapshot {
            identifier: self.identifier.clone(),
            status: "available".to_owned(),
            engine: self.engine.clone(),
            engine_version: self.engine_version.clone(),
            encrypted: self.encrypted,
            kms_key_id: self.kms_key_id.clone(),
            allocated_gib: self.allocated_gib,
            kind: None,
            source: Some(self.identifier.clone()),
            source_resource_id: Some(self.resource_id.clone()),
            copied_from: None,
            pinned: Some(Source {
                kind,
                arn: self.arn.clone(),
                created_at: time,
                taken_at: time,
                source_identifier: Some(self.identifier.clone()),
                source_resource_id: Some(self.resource_id.clone()),
                engine_version: Some(self.engine_version.clone()),
                allocated_gib: i32::try_from(self.allocated_gib).ok().filter(|size| *size > 0),
            }),
            tags: Vec::new(),
        }
    }
}

fn time(time: Option<&DateTime>) -> Option<Timestamp> {
    u64::try_from(time?.secs()).ok().map(Timestamp::from_epoch_seconds)
}

/// The reasons why RDS does not restore the chosen snapshot in this account and region without a copy.
pub(crate) fn needs_copy(request: &Request, facts: &crate::facts::Facts) -> Vec<Problem> {
    let (Some(snapshot), Some(target), Some(_)) = (&facts.snapshot, &facts.target, &request.source) else {
        return Vec::new();
    };
    let Some(source) = snapshot.pinned.as_ref().filter(|source| source.kind == SourceKind::Snapshot) else {
        return Vec::new();
    };
    let is_foreign = account(&source.arn) != account(&target.arn);
    let why = if region(&source.arn) != region(&target.arn) {
        FAR
    } else if is_foreign && snapshot.encrypted && request.kind == DatabaseKind::Instance {
        "RDS restores a shared and encrypted DB snapshot only from a copy under a key of this account"
    } else {
        return Vec::new();
    };
    vec![to_copy(request, &snapshot.words(), &source.arn, why)]
}

const FAR: &str = "RDS restores a snapshot only in its own region";

fn to_copy(request: &Request, snapshot: &str, arn: &str, why: &str) -> Problem {
    Problem::lasting(format!(
        "{snapshot} must be copied first, because {why}: copy it, with {}, and name the copy in `source.snapshot`",
        cli_advice::copy_for_restore(request, arn)
    ))
}

#[cfg(test)]
mod tests {
    use aws_sdk_rds::types::DbClusterMember;
    use trapheus_common::document::Task;
    use trapheus_common::source_request::LatestMoment;

    use super::*;
    use crate::facts::Facts;
    use crate::fixtures::{database, request_with_source, snapshot};

    const NOW: Timestamp = Timestamp::from_epoch_seconds(100 * DAY);

    fn ago(seconds: u64) -> Timestamp {
        Timestamp::from_epoch_seconds(100 * DAY - seconds)
    }

    /// A window of seven days that has existed for longer, with logs up to five minutes ago.
    fn window() -> Window {
        Window {
            earliest: Some(ago(7 * DAY)),
            latest: Some(ago(300)),
            retention_days: 7,
            ..Window::of_database(database(DatabaseKind::Instance, "orders"))
        }
    }

    fn at(window: &Window, moment: Timestamp) -> Backup {
        window.at(Moment::At(moment), NOW)
    }

    #[test]
    fn a_moment_inside_the_window_is_pinned_with_its_database() {
        let found = at(&window(), ago(DAY)).unwrap();
        let pinned = found.pinned.clone().unwrap();
        assert_eq!((pinned.kind, pinned.created_at), (SourceKind::PointInTime, ago(DAY)));
        assert_eq!(pinned.source_resource_id.as_deref(), Some("id-of-orders"));
        assert_eq!(pinned.allocated_gib, Some(100));
        assert!(found.words().contains("automated backup of `orders`"), "{}", found.words());
        let latest = window().at(Moment::Latest(LatestMoment::Latest), NOW).unwrap();
        assert_eq!(latest.pinned.unwrap().created_at, ago(301));
    }

    #[test]
    fn only_a_moment_that_has_passed_and_whose_logs_are_not_stored_yet_is_awaited() {
        assert_eq!(at(&window(), ago(60)).unwrap_err().patience, Duration::from_secs(600));
        let future = Timestamp::from_epoch_seconds(101 * DAY);
        assert_eq!(at(&window(), future).unwrap_err().patience, Duration::ZERO);
    }

    #[test]
    fn the_beginning_of_a_full_window_is_refused_and_that_of_a_young_one_is_not() {
        for (seconds, fits) in
            [(7 * DAY + 1, false), (7 * DAY, false), (7 * DAY - MOVES + 1, false), (7 * DAY - MOVES, true)]
        {
            assert_eq!(at(&window(), ago(seconds)).is_ok(), fits, "{seconds}");
        }
        let young = Window { earliest: Some(ago(2 * DAY)), ..window() };
        assert!(at(&young, ago(2 * DAY)).is_ok());
        assert!(at(&young, ago(2 * DAY + 1)).is_err());
    }

    #[test]
    fn an_unknown_end_of_the_window_refuses_the_moment() {
        for (unknown, words) in [
            (Window { retention_days: 0, ..window() }, "are off"),
            (Window { latest: None, ..window() }, "no moment"),
            (Window { earliest: None, ..window() }, "does not report the earliest moment"),
        ] {
            let problem = at(&unknown, ago(DAY)).unwrap_err();
            assert!(problem.text.contains(words), "{}", problem.text);
        }
    }

    #[test]
    fn the_sixteenth_clone_of_a_volume_is_refused() {
        let cluster = |engine: &str, members: usize| {
            let member = || DbClusterMember::builder().db_instance_identifier("shop-1").build();
            DbCluster::builder()
                .db_cluster_identifier("shop")
                .engine(engine)
                .status("available")
                .set_db_cluster_members(Some((0..members).map(|_| member()).collect()))
                .build()
        };
        // The group has the source and its clones.
        assert!(clone(&cluster("aurora-mysql", 1), 15, NOW).is_ok());
        for (cluster, group, words) in [
            (cluster("aurora-mysql", 1), 16, "already has 15 clones"),
            (cluster("aurora-mysql", 0), 0, "needs a member"),
            (cluster("postgres", 3), 0, "Aurora clusters only"),
        ] {
            let problem = clone(&cluster, group, NOW).unwrap_err();
            assert!(problem.text.contains(words), "{}", problem.text);
        }
    }

    #[test]
    fn a_snapshot_of_another_region_and_an_encrypted_one_of_another_account_need_a_copy() {
        let needed = |kind: DatabaseKind, arn: &str, encrypted: bool| {
            let target = database(kind, "orders");
            let mut backup = snapshot("theirs", &target);
            backup.encrypted = encrypted;
            backup.pinned = backup.pinned.map(|pinned| Source { arn: arn.to_owned(), ..pinned });
            let facts = Facts { snapshot: Some(backup), target: Some(target), ..Facts::default() };
            let request = Request { kind, ..request_with_source(Task::DbRestore) };
            needs_copy(&request, &facts).pop().map(|problem| problem.text).unwrap_or_default()
        };
        let own = "arn:aws:rds:us-east-1:123456789012:snapshot:theirs";
        let shared = "arn:aws:rds:us-east-1:210987654321:snapshot:theirs";
        let far = "arn:aws:rds:eu-west-1:123456789012:snapshot:theirs";
        assert_eq!(needed(DatabaseKind::Instance, own, true), "");
        assert_eq!(needed(DatabaseKind::Instance, shared, false), "");
        assert_eq!(needed(DatabaseKind::Cluster, shared, true), "");
        let text = needed(DatabaseKind::Instance, shared, true);
        assert!(text.contains("under a key of this account") && text.contains("copy-db-snapshot"), "{text}");
        for kind in [DatabaseKind::Instance, DatabaseKind::Cluster] {
            let text = needed(kind, far, false);
            assert!(text.contains("only in its own region") && text.contains(far), "{text}");
        }
    }

    #[test]
    fn the_refusal_lists_the_newest_snapshot_of_each_earlier_database() {
        let of = |id: &str, days: u64| {
            let mut one = snapshot("x", &database(DatabaseKind::Instance, "orders"));
            one.source_resource_id = Some(id.to_owned());
            one.pinned = one.pinned.map(|pinned| Source { created_at: ago(days * DAY), ..pinned });
            one
        };
        let mut in_creation = of("db-C", 1);
        in_creation.status = "creating".to_owned();
        let text = no_snapshot_of("db-NOW", &[of("db-A", 9), of("db-A", 2), of("db-B", 5), in_creation]);
        assert!(text.contains(&format!("db-A (latest of {})", ago(2 * DAY))), "{text}");
        assert!(text.contains(&format!("db-B (latest of {})", ago(5 * DAY))) && !text.contains("db-C"), "{text}");
        assert!(no_snapshot_of("db-NOW", &[]).contains("take one"));
    }
}
