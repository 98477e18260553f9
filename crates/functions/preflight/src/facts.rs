//! The facts that the checks need: plain data, the same for both kinds of database.
//!
//! This module converts RDS's answers to them. A fact that RDS does not report is `None` or empty here.

use std::collections::BTreeSet;

use aws_sdk_rds::types::{
    ActivityStreamStatus, ClusterScalabilityType, DbCluster, DbClusterSnapshot, DbInstance, DbSnapshot, Subnet, Tag,
};
use trapheus_common::claim::{self, Claim};
use trapheus_common::document::{ClusterKind, Names, Request, Source, SourceKind};
use trapheus_common::identifiers::{DatabaseIdentifier, DatabaseKind};
use trapheus_common::{rds, tags};

use crate::answers::{Answer, OfferedVersion, OrderableOptions, Room};
use crate::problem::Problem;

/// The results of one read.
#[derive(Clone, Debug, Default)]
pub(crate) struct Facts {
    /// The database of the run.
    pub(crate) target: Option<Database>,
    /// The kind of the cluster; `None` for another engine.
    pub(crate) cluster_kind: Option<ClusterKind>,
    /// The members of the cluster, without readers of Aurora Auto Scaling, which AWS adds, names and removes at any time.
    pub(crate) members: Vec<Database>,
    /// The database of the other kind with the target's name, read only without a target.
    pub(crate) namesake: Option<Database>,
    /// Databases under names to which the run would rename a database.
    pub(crate) occupants: Vec<Database>,
    /// The snapshot that a run replaces, or the backup that it restores.
    pub(crate) snapshot: Option<Snapshot>,
    /// The reason why there is no backup that the input chooses.
    pub(crate) no_backup: Option<Problem>,
    /// The snapshot under the temporary name of a replacement.
    pub(crate) temporary_snapshot: Option<Snapshot>,
    /// The snapshot under the name of the original's final snapshot.
    pub(crate) final_snapshot: Option<Snapshot>,
    /// Groups that a database names and that no longer exist, such as `DB parameter group x of orders`.
    pub(crate) missing_groups: Vec<String>,
    /// The global database of the cluster.
    pub(crate) global_cluster: Option<String>,
    /// The blue/green deployment whose source or target is the database.
    pub(crate) blue_green_deployment: Option<String>,
    /// Zero-ETL integrations that read the database.
    pub(crate) integrations: Answer<Vec<String>>,
    /// The certificate authorities in RDS.
    pub(crate) certificates: Answer<Vec<String>>,
    /// The version of the restored database.
    pub(crate) version: Answer<OfferedVersion>,
    pub(crate) room: Room,
    /// The Availability Zones of the target's subnet group; none if RDS does not list them.
    pub(crate) covered_zones: Vec<String>,
    pub(crate) orderable: OrderableOptions,
}

impl Facts {
    pub(crate) fn add_backup(&mut self, found: Option<Backup>) {
        match found {
            Some(Ok(snapshot)) => self.snapshot = Some(snapshot),
            Some(Err(problem)) => self.no_backup = Some(problem),
            None => {}
        }
    }

    /// The members that the run renames one by one: those of an Aurora cluster.
    pub(crate) fn own_members(&self) -> &[Database] {
        if self.cluster_kind == Some(ClusterKind::Aurora) { &self.members } else { &[] }
    }

    /// The failed look-ups.
    pub(crate) fn unanswered(&self) -> impl Iterator<Item = String> {
        [self.integrations.note(), self.certificates.note(), self.version.note()].into_iter().flatten()
    }
}

/// A DB instance, a cluster member or a DB cluster.
#[derive(Clone, Debug)]
pub(crate) struct Database {
    pub(crate) kind: DatabaseKind,
    pub(crate) identifier: String,
    pub(crate) resource_id: String,
    pub(crate) arn: String,
    pub(crate) status: String,
    pub(crate) engine: String,
    pub(crate) engine_version: String,
    pub(crate) engine_mode: Option<String>,
    pub(crate) multi_az: bool,
    pub(crate) tags: Vec<Tag>,
    pub(crate) pending_modifications: bool,
    /// Parameter and option groups that a reboot would apply, such as `the parameter group x (pending-reboot)`.
    pub(crate) pending_groups: Vec<String>,
    /// Features that this pipeline cannot restore, in words.
    pub(crate) beyond: Vec<&'static str>,
    pub(crate) lifecycle: Option<String>,
    pub(crate) encrypted: bool,
    pub(crate) kms_key_id: Option<String>,
    pub(crate) allocated_gib: i64,
    pub(crate) storage_type: Option<String>,
    /// The retention of automated backups in days.
    pub(crate) backup_days: i32,
    /// The source of a replica.
    pub(crate) replica_of: Option<String>,
    pub(crate) replicas: Vec<String>,
    /// The cluster of this instance.
    pub(crate) cluster: Option<String>,
    /// The instances of a cluster.
    pub(crate) member_identifiers: Vec<String>,
}

impl Database {
    /// A member that its cluster lists and that does not answer, such as between two names.
    pub(crate) fn unseen_member(identifier: &str, cluster: &DbCluster) -> Self {
        Self {
            kind: DatabaseKind::Instance,
            identifier: identifier.to_owned(),
            resource_id: String::new(),
            arn: String::new(),
            status: "not visible".to_owned(),
            tags: Vec::new(),
            pending_modifications: false,
            pending_groups: Vec::new(),
            beyond: Vec::new(),
            cluster: text(cluster.db_cluster_identifier()),
            member_identifiers: Vec::new(),
            ..Self::from(cluster)
        }
    }

    /// The number of tags that count towards RDS's limit: all but those that AWS itself has set.
    /// <https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/USER_Tagging.html>
    pub(crate) fn counted_tags(&self) -> usize {
        let keys = self.tags.iter().filter_map(Tag::key);
        keys.filter(|key| !tags::OURS.contains(key) && !key.starts_with("aws:")).count()
    }

    /// The execution that claims the database. RDS copies tags, and a copy is no claim.
    pub(crate) fn execution(&self) -> Option<&str> {
        Claim::of(&self.tags, &self.resource_id).map(|claim| claim.execution)
    }

    pub(crate) fn has_role(&self, role: tags::Role) -> bool {
        tags::value(&self.tags, tags::ROLE) == Some(role.value())
    }
}

impl From<&DbInstance> for Database {
    fn from(instance: &DbInstance) -> Self {
        let replicas =
            [instance.read_replica_db_instance_identifiers(), instance.read_replica_db_cluster_identifiers()];
        Self {
            kind: DatabaseKind::Instance,
            identifier: instance.db_instance_identifier().unwrap_or_default().to_owned(),
            resource_id: instance.dbi_resource_id().unwrap_or_default().to_owned(),
            arn: instance.db_instance_arn().unwrap_or_default().to_owned(),
            status: instance.db_instance_status().unwrap_or_default().to_owned(),
            engine: instance.engine().unwrap_or_default().to_owned(),
            engine_version: instance.engine_version().unwrap_or_default().to_owned(),
            engine_mode: None,
            multi_az: instance.multi_az().unwrap_or_default(),
            tags: instance.tag_list().to_vec(),
            pending_modifications: rds::Database::has_pending_modifications(instance),
            pending_groups: pending_groups(instance),
            beyond: beyond(instance),
            lifecycle: text(instance.engine_lifecycle_support()),
            encrypted: instance.storage_encrypted().unwrap_or_default(),
            kms_key_id: text(instance.kms_key_id()),
            allocated_gib: instance.allocated_storage().unwrap_or_default().into(),
            storage_type: text(instance.storage_type()),
            backup_days: instance.backup_retention_period().unwrap_or_default(),
            replica_of: text(
                instance
                    .read_replica_source_db_instance_identifier()
                    .or(instance.read_replica_source_db_cluster_identifier()),
            ),
            replicas: replicas.concat(),
            cluster: text(instance.db_cluster_identifier()),
            member_identifiers: Vec::new(),
        }
    }
}

impl From<&DbCluster> for Database {
    fn from(cluster: &DbCluster) -> Self {
        let members = cluster.db_cluster_members().iter();
        Self {
            kind: DatabaseKind::Cluster,
            identifier: cluster.db_cluster_identifier().unwrap_or_default().to_owned(),
            resource_id: cluster.db_cluster_resource_id().unwrap_or_default().to_owned(),
            arn: cluster.db_cluster_arn().unwrap_or_default().to_owned(),
            status: cluster.status().unwrap_or_default().to_owned(),
            engine: cluster.engine().unwrap_or_default().to_owned(),
            engine_version: cluster.engine_version().unwrap_or_default().to_owned(),
            engine_mode: text(cluster.engine_mode()),
            multi_az: cluster.multi_az().unwrap_or_default(),
            tags: cluster.tag_list().to_vec(),
            pending_modifications: rds::Database::has_pending_modifications(cluster),
            pending_groups: cluster
                .db_cluster_members()
                .iter()
                .filter(|member| member.db_cluster_parameter_group_status() == Some("pending-reboot"))
                .map(|member| {
                    format!(
                        "the cluster parameter group {} on {} (pending-reboot)",
                        cluster.db_cluster_parameter_group().unwrap_or_default(),
                        member.db_instance_identifier().unwrap_or_default()
                    )
                })
                .collect(),
            beyond: beyond_of_cluster(cluster),
            lifecycle: text(cluster.engine_lifecycle_support()),
            encrypted: cluster.storage_encrypted().unwrap_or_default(),
            kms_key_id: text(cluster.kms_key_id()),
            allocated_gib: cluster.allocated_storage().unwrap_or_default().into(),
            storage_type: text(cluster.storage_type()),
            backup_days: cluster.backup_retention_period().unwrap_or_default(),
            replica_of: text(cluster.replication_source_identifier().filter(|source| !source.is_empty())),
            replicas: cluster.read_replica_identifiers().to_vec(),
            cluster: None,
            member_identifiers: members.filter_map(|member| text(member.db_instance_identifier())).collect(),
        }
    }
}

/// The backup that an input chooses, or the reason why there is none.
pub(crate) type Backup = Result<Snapshot, Problem>;

/// A DB snapshot or DB cluster snapshot.
#[derive(Clone, Debug)]
pub(crate) struct Snapshot {
    pub(crate) identifier: String,
    pub(crate) status: String,
    pub(crate) engine: String,
    pub(crate) engine_version: String,
    pub(crate) encrypted: bool,
    pub(crate) kms_key_id: Option<String>,
    pub(crate) allocated_gib: i64,
    /// `manual`, `automated` and other types.
    pub(crate) kind: Option<String>,
    /// The snapshot's source: its name at that time, and its resource id, which never changes.
    pub(crate) source: Option<String>,
    pub(crate) source_resource_id: Option<String>,
    /// The source of a copied snapshot, as RDS names it: an ARN if it is from another account or region.
    pub(crate) copied_from: Option<String>,
    /// The snapshot's lasting identity, once RDS reports it.
    pub(crate) pinned: Option<Source>,
    pub(crate) tags: Vec<Tag>,
}

impl Snapshot {
    /// The backup in a sentence.
    pub(crate) fn words(&self) -> String {
        let of = &self.identifier;
        match &self.pinned {
            Some(Source { kind: SourceKind::PointInTime, created_at, .. }) => {
                format!("the automated backup of `{of}` at {created_at}")
            }
            Some(Source { kind: SourceKind::Clone, .. }) => format!("the clone of `{of}`"),
            _ => format!("the snapshot `{of}`"),
        }
    }

    /// Whether the time of the snapshot is that of its data. RDS reports the time of the original for a copied DB snapshot,
    /// and not for a copied cluster snapshot. A run's own replacement is a copy, made moments after its original.
    pub(crate) fn age_is_known(&self) -> bool {
        let is_of_cluster = self.pinned.as_ref().is_some_and(|source| source.arn.contains(":cluster-snapshot:"));
        let name = self.copied_from.as_deref().and_then(|from| from.rsplit(':').next());
        let is_replacement =
            |name| DatabaseIdentifier::without_temporary(name).is_some_and(|of| self.source.as_deref() == Some(of));
        !is_of_cluster || name.is_none_or(is_replacement)
    }

    /// The reason why the snapshot step would not replace the snapshot.
    pub(crate) fn not_replaceable(&self, request: &Request, target: &Database) -> Option<String> {
        let Self { kind, source, source_resource_id, .. } = self;
        let (kind, source, id) = (kind.as_deref(), source.as_deref(), source_resource_id.as_deref());
        claim::not_replaceable(&Names::rename_first(request).database, &target.resource_id, kind, source, id)
    }

    /// The execution that left the snapshot in the middle of a replacement; `None` for any other snapshot.
    pub(crate) fn interrupted_by(&self) -> Option<&str> {
        let ours = tags::value(&self.tags, tags::ROLE) == Some(tags::Role::Snapshot.value());
        tags::value(&self.tags, tags::EXECUTION).filter(|_| ours)
    }
}

impl From<&DbSnapshot> for Snapshot {
    fn from(snapshot: &DbSnapshot) -> Self {
        Self {
            identifier: snapshot.db_snapshot_identifier().unwrap_or_default().to_owned(),
            status: snapshot.status().unwrap_or_default().to_owned(),
            engine: snapshot.engine().unwrap_or_default().to_owned(),
            engine_version: snapshot.engine_version().unwrap_or_default().to_owned(),
            encrypted: snapshot.encrypted().unwrap_or_default(),
            kms_key_id: text(snapshot.kms_key_id()),
            allocated_gib: snapshot.allocated_storage().unwrap_or_default().into(),
            kind: text(snapshot.snapshot_type()),
            source: text(snapshot.db_instance_identifier()),
            source_resource_id: text(snapshot.dbi_resource_id()),
            copied_from: text(snapshot.source_db_snapshot_identifier()),
            pinned: rds::source::of_snapshot(snapshot),
            tags: snapshot.tag_list().to_vec(),
        }
    }
}

impl From<&DbClusterSnapshot> for Snapshot {
    fn from(snapshot: &DbClusterSnapshot) -> Self {
        Self {
            identifier: snapshot.db_cluster_snapshot_identifier().unwrap_or_default().to_owned(),
            status: snapshot.status().unwrap_or_default().to_owned(),
            engine: snapshot.engine().unwrap_or_default().to_owned(),
            engine_version: snapshot.engine_version().unwrap_or_default().to_owned(),
            encrypted: snapshot.storage_encrypted().unwrap_or_default(),
            kms_key_id: text(snapshot.kms_key_id()),
            allocated_gib: snapshot.allocated_storage().unwrap_or_default().into(),
            kind: text(snapshot.snapshot_type()),
            source: text(snapshot.db_cluster_identifier()),
            source_resource_id: text(snapshot.db_cluster_resource_id()),
            copied_from: text(snapshot.source_db_cluster_snapshot_arn()),
            pinned: rds::source::of_cluster_snapshot(snapshot),
            tags: snapshot.tag_list().to_vec(),
        }
    }
}

/// The Availability Zones of an instance's subnet group; none if RDS does not list them.
pub(crate) fn subnet_zones(instance: &DbInstance) -> Vec<String> {
    zones_of(instance.db_subnet_group().map(|group| group.subnets()).unwrap_or_default())
}

/// The Availability Zones of these subnets, each once.
pub(crate) fn zones_of(subnets: &[Subnet]) -> Vec<String> {
    let zones = subnets.iter().filter_map(|subnet| text(subnet.subnet_availability_zone()?.name()));
    zones.collect::<BTreeSet<_>>().into_iter().collect()
}

/// Groups that are not in force, and that the reboot of a rename would apply.
fn pending_groups(instance: &DbInstance) -> Vec<String> {
    let parameters = instance.db_parameter_groups().iter().filter_map(|group| {
        let status = group.parameter_apply_status().filter(|status| *status == "pending-reboot")?;
        Some(format!("the parameter group {} ({status})", group.db_parameter_group_name().unwrap_or_default()))
    });
    let options = instance.option_group_memberships().iter().filter_map(|group| {
        let status = group.status().filter(|status| status.starts_with("pending-"))?;
        Some(format!("the option group {} ({status})", group.option_group_name().unwrap_or_default()))
    });
    parameters.chain(options).collect()
}

fn beyond(instance: &DbInstance) -> Vec<&'static str> {
    let on_outpost = instance.backup_target().is_some_and(|target| target != "region");
    [
        (
            instance.multi_tenant() == Some(true),
            "a multi-tenant Oracle database, whose tenant databases need rights of their own",
        ),
        (on_outpost, "a database whose backups are on an Outpost"),
        (!instance.additional_storage_volumes().is_empty(), "a database with additional storage volumes"),
    ]
    .into_iter()
    .filter_map(|(is_so, words)| is_so.then_some(words))
    .collect()
}

fn beyond_of_cluster(cluster: &DbCluster) -> Vec<&'static str> {
    let is_limitless = cluster.cluster_scalability_type() == Some(&ClusterScalabilityType::Limitless);
    [
        (cluster.vpc_networking_enabled() == Some(false), "an Aurora cluster without VPC networking"),
        (is_limitless, "an Aurora Limitless Database, which has shard groups"),
    ]
    .into_iter()
    .filter_map(|(is_so, words)| is_so.then_some(words))
    .collect()
}

/// Whether an activity stream runs, or soon starts.
pub(crate) fn streams(status: Option<&ActivityStreamStatus>) -> bool {
    matches!(status, Some(ActivityStreamStatus::Started | ActivityStreamStatus::Starting))
}

/// The kind of a cluster; `None` for related engines that RDS's API also lists, such as `DocumentDB`.
pub(crate) fn cluster_kind(cluster: &DbCluster) -> Option<ClusterKind> {
    match cluster.engine()? {
        engine if engine.starts_with("aurora") => Some(ClusterKind::Aurora),
        "mysql" | "postgres" => Some(ClusterKind::MultiAz),
        _ => None,
    }
}

fn text(value: Option<&str>) -> Option<String> {
    value.map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixtures::{database, snapshot};

    #[test]
    fn only_a_copied_cluster_snapshot_hides_the_age_of_its_data() {
        let known = |arn: &str, copied_from: Option<&str>| {
            let mut one = snapshot("nightly", &database(DatabaseKind::Cluster, "shop"));
            one.copied_from = copied_from.map(str::to_owned);
            one.pinned = one.pinned.map(|pinned| Source { arn: arn.to_owned(), ..pinned });
            one.age_is_known()
        };
        let cluster = "arn:aws:rds:us-east-1:123456789012:cluster-snapshot:nightly";
        let instance = "arn:aws:rds:us-east-1:123456789012:snapshot:nightly";
        let of = |name: &str| format!("arn:aws:rds:us-east-1:123456789012:cluster-snapshot:{name}");
        assert!(known(cluster, None));
        assert!(!known(cluster, Some(&of("last-year"))));
        assert!(known(cluster, Some(&of("shop-temp"))), "a run's own replacement");
        assert!(!known(cluster, Some(&of("billing-temp"))), "another database's");
        assert!(known(instance, Some("last-year")));
    }
}
